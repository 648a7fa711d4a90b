//! A report as the lines that people read: a score, its interval, what real data score, a verdict.

/// How good a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Good,
    Fair,
    Poor,
    Plain,
}

/// One line of the report as people read it.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub label: String,
    pub value: String,
    pub interval: String,
    /// What real rows score.
    pub ceiling: String,
    pub verdict: String,
    pub mark: Mark,
    /// What the number means.
    pub meaning: &'static str,
}

/// A titled group of lines.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub title: String,
    pub lines: Vec<Line>,
}
