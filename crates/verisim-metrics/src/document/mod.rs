//! A report in the forms that people and programs read. Each kind of data turns its typed report into a [`Document`]; how it
//! looks as text and as a page is said here once, for all kinds.

pub(crate) mod chart;
mod line;
mod page;
mod plot;
mod record;
mod text;

use askama::Template as _;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{image, series, table};

use line::Verdict;
pub(crate) use line::{Group, Line, Mark};
pub use page::Picture;
pub(crate) use page::{Card, Figures, Grid, Key, Part, Passages, Size};
pub(crate) use plot::{Bar, Bars, HeatMap};
pub use record::{OfFile, Record};
pub(crate) use text::List;

/// A report that can be printed, stored and shown.
#[derive(Clone, Debug)]
pub struct Document {
    json: serde_json::Value,
    content: Content,
}

/// What a document says, whatever the form.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    /// Title of the page, as browsers show it in a tab.
    pub title: &'static str,
    /// Heading of the page.
    pub heading: &'static str,
    /// What was compared, in one sentence below the heading.
    pub lead: String,
    /// Paragraphs above the scores; in the text only.
    pub opening: Vec<String>,
    /// What the column of the floors is called, e.g. `real rows`.
    pub fresh: &'static str,
    /// Whether the text explains every line. The page always does.
    pub explained: bool,
    /// The scores, in reading order.
    pub groups: Vec<Group>,
    /// Short tables below the scores; in the text only.
    pub lists: Vec<List>,
    /// Ids of the lines to read first, which are cards at the top of the page.
    pub cards: Vec<Card>,
    /// What the page shows between the cards and the scores.
    pub before: Vec<Part>,
    /// What the page shows below the scores.
    pub after: Vec<Part>,
    /// Small print of the page.
    pub footer: &'static str,
}

impl Document {
    /// The document of `report`, which is its JSON, with the lines that people read under `verdicts`.
    pub(crate) fn new(report: &impl Serialize, content: Content) -> Document {
        // Reports are structs of numbers and names, which always have a form in JSON.
        let mut json = serde_json::to_value(report).unwrap_or_else(|error| error.to_string().into());
        if let Some(report) = json.as_object_mut() {
            let verdicts: Vec<Verdict> =
                content.groups.iter().flat_map(|g| g.lines.iter().map(|line| line.verdict(&g.title))).collect();
            report.insert("verdicts".into(), serde_json::to_value(verdicts).unwrap_or_default());
        }
        Document { json, content }
    }

    /// The document with what was compared, when and how: at the end of the page, and under `record` in the JSON.
    pub fn recorded(mut self, record: &Record) -> Document {
        if let (Some(report), Ok(record)) = (self.json.as_object_mut(), serde_json::to_value(record)) {
            report.insert("record".into(), record);
        }
        self.content.after.push(record.part(&self.content));
        self
    }

    /// A document of plain lines, a name and a value each, which are not judged: the least that a kind of data needs. `report` is what
    /// programs read.
    pub fn of(
        heading: &'static str,
        report: &impl Serialize,
        lines: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Document {
        let line = |(name, value)| Line::new(value, None).named(name, name, "");
        let groups = vec![Group::new(heading, lines.into_iter().map(line).collect())];
        Document::new(report, Content { title: heading, heading, groups, ..Content::default() })
    }

    /// The scores as an aligned table for a terminal, with a line break at its end.
    pub fn to_text(&self) -> String {
        text::Text(&self.content).to_string()
    }

    /// The whole typed report, indented and without a line break at its end; keys keep their order.
    pub fn to_json(&self) -> String {
        format!("{:#}", self.json)
    }

    /// One page that needs nothing else: no script, no font, no picture from outside.
    pub fn to_html(&self) -> String {
        // The template only writes numbers and texts to a string, which cannot fail.
        page::Page::new(&self.content).render().unwrap_or_else(|error| error.to_string()) + "\n"
    }
}

/// A report as JSON, whatever the kind of data.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, clippy::large_enum_variant, reason = "for its schema alone")]
enum AnyReport {
    Table(table::Report),
    Images(image::Report),
    Series(series::Report),
}

/// A report as JSON.
#[derive(Serialize, JsonSchema)]
#[allow(dead_code, reason = "for its schema alone")]
struct Written {
    #[serde(flatten)]
    report: AnyReport,
    /// The lines that people read.
    verdicts: Vec<Verdict>,
    /// What was compared, when and how; only of files.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<Record>,
}

/// The JSON schema of [`Document::to_json`] for tables, images and series.
pub fn report_schema() -> String {
    let schema = schemars::generate::SchemaSettings::draft2020_12().for_serialize().into_generator();
    format!("{:#}\n", schema.into_root_schema_for::<Written>().as_value())
}

/// At most `most` characters of a text, with an ellipsis as the last where it is cut.
pub fn clip(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_clipped_to_so_many_characters() {
        assert_eq!(clip("abcdef", 4), "abc…");
        assert_eq!(clip("abcd", 4), "abcd");
        assert_eq!(clip("äöüßé", 4), "äöü…");
    }
}
