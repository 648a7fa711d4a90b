//! The report of an evaluation of texts as a document.

use verisim_data::number::{grouped, percent};

use super::Report;
use super::copying::Marked;
use super::report::Fresh;
use crate::Document;
use crate::document::{Card, Content, Grid, Part, Passages, clip};

const FRESH: &str = "real texts";
/// Characters of a text that are shown.
const SHOWN: usize = 400;
/// Characters shown before the first copied run.
const BEFORE: usize = 60;

impl Report {
    /// The report as people and programs read it. Texts are on the page only.
    pub fn document(self) -> Document {
        let content = Content {
            title: "Synthetic text report",
            heading: "How good and how private are these texts?",
            lead: self.lead(),
            opening: [vec![self.lead()], self.notes.clone()].concat(),
            fresh: FRESH,
            explained: false,
            groups: self.groups(),
            lists: Vec::new(),
            cards: ["order_auc", "forward", "reverse", "utility", "run_50", "near_copies", "exact_copies"]
                .map(|line| Card { line, floor: FRESH })
                .to_vec(),
            before: self.passages(),
            after: self.label_part().into_iter().collect(),
            footer: "“Real texts” are fresh ones in the place of synthetic ones, equally many: held-out texts, or, where there are none, \
                     one half of the training texts, which are then held against the other half, as the synthetic ones are. No \
                     generator should be expected to do better. Intervals hold the true value 95 times in 100. A verdict is not \
                     good only where fresh texts would score so less than once in a hundred times. Words are runs of letters and \
                     digits, or single signs, in lower case. That nothing was copied proves little about privacy.",
        };
        Document::new(&self, content)
    }

    /// What was compared, in a sentence.
    fn lead(&self) -> String {
        let count = |n: usize| grouped(n as u64);
        let c = &self.counts;
        let held = c.holdout.map_or_else(|| "no hold-out".to_owned(), |n| format!("{} hold-out texts", count(n)));
        format!(
            "{} synthetic texts, {} training texts, {held}; {} a side are compared",
            count(c.synthetic),
            count(c.train),
            count(c.compared)
        )
    }

    fn passages(&self) -> Vec<Part> {
        let real = |text: &String| vec![(text.split_whitespace().collect::<Vec<_>>().join(" "), false)];
        let most = self.shown.drawn.len().max(self.real.len());
        let row = |k: usize| {
            let made = self.shown.drawn.get(k).map(cut).unwrap_or_default();
            vec![made, self.real.get(k).map(|t| cut(&real(t))).unwrap_or_default()]
        };
        let drawn = Passages {
            title: "Synthetic and real texts",
            note: "Drawn at random, cut where they are long. Real ones are training texts: keep this page as you keep them. Runs of 30 \
                   characters or more that stand in a training text are marked.",
            head: vec!["synthetic", "training"],
            rows: (0..most).map(row).collect(),
        };
        let copied = Passages {
            title: "The longest copied runs",
            note: "Synthetic texts with the longest runs that stand in one training text. Real texts share set phrases, too: see the \
                   scores on copying.",
            head: vec!["synthetic"],
            rows: self.shown.copied.iter().map(|t| vec![cut(t)]).collect(),
        };
        [drawn, copied].into_iter().filter(|p| !p.rows.is_empty()).map(Part::Passages).collect()
    }

    fn label_part(&self) -> Option<Part> {
        let labels = self.labels.as_ref()?;
        let row = |s: &super::Share| vec![clip(&s.label, 60), percent(s.real), percent(s.synthetic), percent(s.fresh)];
        let fresh = match self.fresh {
            Fresh::Holdout => "hold-out",
            Fresh::Halves => "other half",
        };
        Some(Part::Grid(Grid {
            title: "Share of each label",
            note: "The most frequent labels of the training texts.",
            head: vec!["label", "training", "synthetic", fresh],
            rows: labels.shares.iter().map(row).collect(),
        }))
    }
}

/// A text that is not too long to look at, from a little before its first copied run.
fn cut(text: &Marked) -> Marked {
    let mut out: Marked = Vec::new();
    let mut left = SHOWN;
    for (k, (part, is_copied)) in text.iter().enumerate() {
        let length = part.chars().count();
        let is_before = k == 0 && !is_copied && text.len() > 1 && length > BEFORE;
        let shown = match is_before {
            true => std::iter::once('…').chain(part.chars().skip(length - BEFORE)).collect(),
            false => part.clone(),
        };
        let length = shown.chars().count();
        out.push((clip(&shown, left), *is_copied));
        if length >= left {
            break;
        }
        left -= length;
        if left < 2 {
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_around_what_is_copied() {
        let text = vec![("a".repeat(500), false), ("b".repeat(50), true), ("c".repeat(900), false)];
        let cut = cut(&text);
        let lengths: Vec<usize> = cut.iter().map(|p| p.0.chars().count()).collect();
        assert_eq!(lengths, [BEFORE + 1, 50, SHOWN - BEFORE - 51]);
        assert!(cut[0].0.starts_with('…') && cut[2].0.ends_with('…') && cut[1].1);
        let whole = vec![("a".repeat(500), false)];
        assert_eq!(super::cut(&whole)[0].0.chars().count(), SHOWN);
    }
}
