//! A report as the lines that people read: a score, its interval, what fresh real data score, a verdict.

use schemars::JsonSchema;
use serde::Serialize;

use crate::Estimate;

/// How good a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mark {
    /// ✓
    Good,
    /// ~
    Fair,
    /// ✗
    Poor,
    /// Not judged: a number to know, or too little to judge by.
    #[serde(rename = "not judged")]
    Plain,
}

/// One line of a report.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// What cards are chosen by, e.g. `boosted_auc`; the same whatever the label says.
    pub id: &'static str,
    pub label: String,
    pub value: String,
    /// The 95 % interval, e.g. `0.48 to 0.52`; empty where there is none.
    pub interval: String,
    /// What fresh real data score; empty where nobody knows.
    pub floor: String,
    pub verdict: String,
    pub mark: Mark,
    /// What the number means, in sentences.
    pub meaning: &'static str,
}

/// Lines under one title.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub title: String,
    /// A paragraph between the title and the lines, on the page only; may be empty.
    pub note: String,
    pub lines: Vec<Line>,
}

impl Group {
    pub(crate) fn new(title: impl Into<String>, lines: Vec<Line>) -> Group {
        Group { title: title.into(), note: String::new(), lines }
    }
}

/// A line as programs read it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Verdict {
    /// What the line is called, whatever its label says.
    id: &'static str,
    /// The title above it.
    group: String,
    /// Its name for people.
    label: String,
    /// The score as people read it.
    score: String,
    /// Its 95 % interval; empty where there is none.
    interval: String,
    /// What fresh real data score; empty where nobody knows.
    real: String,
    /// What it is judged to be, in words.
    verdict: String,
    /// The same in a word.
    mark: Mark,
}

impl Line {
    /// The line as programs read it.
    pub(super) fn verdict(&self, group: &str) -> Verdict {
        Verdict {
            id: self.id,
            group: group.to_owned(),
            label: self.label.clone(),
            score: self.value.clone(),
            interval: self.interval.clone(),
            real: self.floor.clone(),
            verdict: self.verdict.clone(),
            mark: self.mark,
        }
    }

    /// A line of `value` and, beside it, what fresh real data score. It is not judged and has no name yet.
    pub(crate) fn new(value: String, floor: Option<String>) -> Line {
        Line {
            id: "",
            label: String::new(),
            value,
            interval: String::new(),
            floor: floor.unwrap_or_default(),
            verdict: String::new(),
            mark: Mark::Plain,
            meaning: "",
        }
    }

    /// A line of an estimate with its interval.
    pub(crate) fn estimate(of: &Estimate, floor: Option<f64>, write: fn(f64) -> String) -> Line {
        Line::new(write(of.value), floor.map(write)).within(of, write)
    }

    /// A line without a value: `why` there is none.
    pub(crate) fn missing(why: &str) -> Line {
        Line::new("–".to_owned(), None).judged(why, Mark::Plain)
    }

    pub(crate) fn within(self, of: &Estimate, write: fn(f64) -> String) -> Line {
        let interval = of.interval.map_or_else(String::new, |[a, b]| format!("{} to {}", write(a), write(b)));
        Line { interval, ..self }
    }

    pub(crate) fn judged(self, verdict: impl Into<String>, mark: Mark) -> Line {
        Line { verdict: verdict.into(), mark, ..self }
    }

    pub(crate) fn named(self, id: &'static str, label: impl Into<String>, meaning: &'static str) -> Line {
        Line { id, label: label.into(), meaning, ..self }
    }
}
