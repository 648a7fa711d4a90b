//! The report as a table for a terminal.

use std::fmt;

use super::Report;
use crate::lines::{Line, Mark};

/// Characters of a line of the header and of what a score means.
const WIDTH: usize = 110;

impl Report {
    /// The report as aligned text.
    pub fn to_text(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", wrapped(&self.lead(), ""))?;
        writeln!(f, "{}", wrapped(&self.extractor_note(), ""))?;
        let groups = self.groups();
        let width = |of: fn(&Line) -> &str, head: &str| {
            let lines = groups.iter().flat_map(|g| &g.lines);
            lines.map(|l| of(l).chars().count()).max().unwrap_or(0).max(head.chars().count())
        };
        let label = width(|l| &l.label, "");
        let (value, interval) = (width(|l| &l.value, "score"), width(|l| &l.interval, "95 % interval"));
        let real = width(|l| &l.ceiling, "real images");
        let head = format!(
            "  {:label$}  {:>value$}   {:<interval$}   {:>real$}   verdict",
            "", "score", "95 % interval", "real images"
        );
        writeln!(f, "\n{head}")?;
        for group in &groups {
            writeln!(f, "{}", group.title)?;
            for l in &group.lines {
                let sign = match l.mark {
                    Mark::Good => "✓ ",
                    Mark::Fair => "~ ",
                    Mark::Poor => "✗ ",
                    Mark::Plain => "",
                };
                let row = format!(
                    "  {:<label$}  {:>value$}   {:<interval$}   {:>real$}   {sign}{}",
                    l.label, l.value, l.interval, l.ceiling, l.verdict
                );
                writeln!(f, "{}\n{}", row.trim_end(), wrapped(l.meaning, "      "))?;
            }
        }
        Ok(())
    }
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
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::report::tests::{bare, full};
    use super::*;

    #[test]
    fn the_text_has_every_score_beside_its_floor() {
        let text = full().to_text();
        let row = |label: &str| text.lines().find(|l| l.trim_start().starts_with(label)).unwrap().to_owned();
        for (label, parts) in [
            ("FID", ["4.10", "0.60", "visibly off"]),
            ("KID", ["0.01230", "-0.00010", "see FID"]),
            ("Coverage", ["80.00 %", "97.00 %", "~ some variety is missing"]),
            ("Train on synthetic", ["95.10 %", "98.40 %", "less useful"]),
            ("Closer to training", ["50.20 %", "48.00 % to 52.40 %", "no sign of copying"]),
            ("Likeness, on features", ["small-cnn", "3fa9c1", ""]),
        ] {
            assert!(parts.iter().all(|p| row(label).contains(p)), "{}", row(label));
        }
        assert!(text.starts_with("5,000 synthetic images, 60,000 training images, 10,000 hold-out images; 28 × 32"));
        assert!(text.contains("Lower is better") && text.contains("99.12 % of hold-out images"));
        assert!(text.lines().all(|l| l.chars().count() <= WIDTH), "{text}");
    }

    #[test]
    fn what_is_not_there_is_not_printed() {
        let text = bare().to_text();
        assert!(text.contains("no hold-out images") && text.contains("needs hold-out images"));
        assert!(!text.contains("Utility") && !text.contains("Classes") && !text.contains("0.60"));
    }

    #[test]
    fn words_are_wrapped_and_none_is_lost() {
        let text = "word ".repeat(60) + &"x".repeat(200) + " end";
        let lines = wrapped(&text, "  ");
        assert!(lines.lines().all(|l| l.starts_with("  ") && (l.chars().count() <= WIDTH || l.contains("xx"))));
        assert_eq!(lines.split_whitespace().count(), text.split_whitespace().count());
        assert!(lines.lines().count() > 3);
    }
}
