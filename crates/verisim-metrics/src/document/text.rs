//! A document as text for a terminal.
//!
//! Columns are padded by `format!`. Table crates pad every cell of a grid, and here titles run across the columns and lines
//! end at their last character.

use std::fmt;

use super::{Content, Line, Mark};

/// Characters of a line of the opening and of what a score means.
const WIDTH: usize = 110;

/// A short table of names and scores, printed below all lines.
#[derive(Clone, Debug)]
pub(crate) struct List {
    pub title: &'static str,
    pub rows: Vec<ListRow>,
}

/// A name, its score, and what fresh real data score, if known.
pub(crate) type ListRow = (String, String, Option<String>);

/// How a document prints.
pub(super) struct Text<'a>(pub &'a Content);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Text(document) = self;
        for paragraph in &document.opening {
            writeln!(f, "{}", wrapped(paragraph, ""))?;
        }
        let Widths { label, value, interval, floor } = Widths::of(document);
        let row = |[a, b, c, d]: [&str; 4], verdict: &str| {
            format!("  {a:<label$}  {b:>value$}   {c:<interval$}   {d:>floor$}   {verdict}")
        };
        writeln!(f, "\n{}", row(["", "score", "95 % interval", document.fresh], "verdict"))?;
        for group in &document.groups {
            writeln!(f, "{}", group.title)?;
            for l in &group.lines {
                let verdict = format!("{}{}", sign(l.mark), l.verdict);
                writeln!(f, "{}", row([&l.label, &l.value, &l.interval, &l.floor], &verdict).trim_end())?;
                if document.explained {
                    writeln!(f, "{}", wrapped(l.meaning, "      "))?;
                }
            }
        }
        write_lists(f, &document.lists, document.fresh)
    }
}

fn sign(mark: Mark) -> &'static str {
    match mark {
        Mark::Good => "✓ ",
        Mark::Fair => "~ ",
        Mark::Poor => "✗ ",
        Mark::Plain => "",
    }
}

/// Characters of each column.
struct Widths {
    label: usize,
    value: usize,
    interval: usize,
    floor: usize,
}

impl Widths {
    fn of(document: &Content) -> Widths {
        let width = |of: fn(&Line) -> &str, head: &str| {
            let lines = document.groups.iter().flat_map(|g| &g.lines);
            lines.map(|l| of(l).chars().count()).max().unwrap_or(0).max(head.chars().count())
        };
        let titles = document.groups.iter().map(|g| g.title.chars().count()).max().unwrap_or(0);
        let label = width(|l| &l.label, "");
        Widths {
            // Where scores are explained, lines are long anyway, and titles may run across the other columns.
            label: if document.explained { label } else { label.max(titles) },
            value: width(|l| &l.value, "score"),
            interval: width(|l| &l.interval, "95 % interval"),
            floor: width(|l| &l.floor, document.fresh),
        }
    }
}

/// The lists that are not empty, all with names of one width.
fn write_lists(f: &mut fmt::Formatter<'_>, lists: &[List], fresh: &str) -> fmt::Result {
    let rows = lists.iter().flat_map(|list| &list.rows);
    let width = rows.map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
    for list in lists.iter().filter(|list| !list.rows.is_empty()) {
        writeln!(f, "\n{}", list.title)?;
        for (name, score, floor) in &list.rows {
            let floor = floor.as_ref().map(|floor| format!("   {fresh} {floor}")).unwrap_or_default();
            writeln!(f, "  {name:<width$}   {score:>8}{floor}")?;
        }
    }
    Ok(())
}

/// Words broken into lines of at most [`WIDTH`], each after `indent`; a longer word has a line to itself.
fn wrapped(text: &str, indent: &str) -> String {
    let mut out = indent.to_owned();
    let mut length = indent.chars().count();
    let mut first = true;
    for word in text.split(' ') {
        let size = word.chars().count();
        if !first && length + 1 + size > WIDTH {
            out.push('\n');
            out.push_str(indent);
            (length, first) = (indent.chars().count(), true);
        }
        if !first {
            out.push(' ');
            length += 1;
        }
        out.push_str(word);
        (length, first) = (length + size, false);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_wrapped_and_none_is_lost() {
        let text = "word ".repeat(60) + &"x".repeat(200) + " end";
        let lines = wrapped(&text, "  ");
        assert!(lines.lines().all(|l| l.starts_with("  ") && (l.chars().count() <= WIDTH || l.contains("xx"))));
        assert_eq!(lines.split_whitespace().count(), text.split_whitespace().count());
        assert!(lines.lines().count() > 3);
    }
}
