//! The report as a table for a terminal.

use std::fmt;

use verisim_data::number::{grouped, percent};

use super::Report;
use crate::lines::{Line, Mark};

/// Columns and pairs listed below the table.
const WORST: usize = 5;

impl Report {
    /// The report as aligned text.
    pub fn to_text(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |n: usize| grouped(n as u64);
        write!(f, "{} synthetic rows against {} training rows", count(self.rows.synthetic), count(self.rows.train))?;
        match self.rows.holdout {
            Some(n) => writeln!(f, " and {} hold-out rows, {} columns", count(n), self.columns.len())?,
            None => writeln!(f, ", no hold-out, {} columns", self.columns.len())?,
        }
        let groups = self.groups();
        let lines = || groups.iter().flat_map(|g| &g.lines);
        let width = |of: fn(&Line) -> &str, head: &str| {
            lines().map(|l| of(l).chars().count()).max().unwrap_or(0).max(head.chars().count())
        };
        let label = width(|l| &l.label, "").max(groups.iter().map(|g| g.title.chars().count()).max().unwrap_or(0));
        let (value, interval) = (width(|l| &l.value, "score"), width(|l| &l.interval, "95 % interval"));
        let ceiling = width(|l| &l.ceiling, "real rows");
        writeln!(
            f,
            "\n{:label$}    {:>value$}   {:<interval$}   {:>ceiling$}   verdict",
            "",
            "score",
            "95 % interval",
            "real rows",
            label = label
        )?;
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
                    "  {:<label$}  {:>value$}   {:<interval$}   {:>ceiling$}   {sign}{}",
                    l.label, l.value, l.interval, l.ceiling, l.verdict
                );
                writeln!(f, "{}", row.trim_end())?;
            }
        }
        self.write_worst(f)
    }
}

impl Report {
    fn write_worst(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<(String, Option<f64>, Option<f64>)> =
            self.worst_columns().into_iter().map(|c| (c.name.clone(), c.shape, c.shape_holdout)).take(WORST).collect();
        let pairs: Vec<(String, Option<f64>, Option<f64>)> = self
            .worst_pairs()
            .into_iter()
            .map(|p| (format!("{} × {}", p.first, p.second), p.trend, p.trend_holdout))
            .take(WORST)
            .collect();
        let width = columns.iter().chain(&pairs).map(|(n, ..)| n.chars().count()).max().unwrap_or(0);
        for (title, rows) in [("Weakest columns", columns), ("Weakest pairs", pairs)] {
            if rows.is_empty() {
                continue;
            }
            writeln!(f, "\n{title}")?;
            for (name, score, real) in rows {
                let score = score.map(percent).unwrap_or_default();
                let real = real.map(|r| format!("   real rows {}", percent(r))).unwrap_or_default();
                writeln!(f, "  {name:<width$}   {score:>8}{real}")?;
            }
        }
        Ok(())
    }
}
