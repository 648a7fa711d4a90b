//! `score`: how probable the rows of a table are under a model, and how unusual beside rows that it draws itself.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use verisim_data::number::grouped;
use verisim_data::table::{ColumnKind, Field, Reason, Schema, Table, Writer};
use verisim_data::{Event, Watch};
use verisim_infer::Artefact;
use verisim_infer::table::score::{Drift, OWN, Row, Scored, beside, distance, drifts, of_file, own};
use verisim_infer::table::{Reading, Seen, State, read_as_is};

use crate::error::{Error, Result};

/// Rows that are listed, and columns.
const LISTED: usize = 10;
/// A row is unusual of which so large a share of the reference rows is no more probable.
const UNUSUAL: f64 = 0.001;
/// A distance is drift that chance brings less often.
const CHANCE: f64 = 0.001;

/// What is asked of a scoring.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The table whose rows are scored.
    pub input: PathBuf,
    /// Rows that those are measured against, such as some that were kept back; the model's own when not given.
    pub reference: Option<PathBuf>,
    /// How many rows of its own the model draws.
    pub own: usize,
    /// Seed of these.
    pub seed: u64,
    /// What separates the cells of a text file; found from its first lines when not given.
    pub delimiter: Option<char>,
    /// Whether the first line of a text file holds the names of the columns; as in the data that were learnt when not given.
    pub header: Option<bool>,
    /// Texts that mean "no value here"; those of the data that were learnt when not given.
    pub missing: Option<Vec<String>>,
}

impl Default for Ask {
    fn default() -> Self {
        Ask { input: PathBuf::new(), reference: None, own: OWN, seed: 0, delimiter: None, header: None, missing: None }
    }
}

/// What came of a scoring.
#[derive(Clone, Debug)]
pub struct Scores {
    /// The rows, in the order of the file.
    pub rows: Vec<Row>,
    /// The learnt columns by name.
    pub columns: Vec<String>,
    /// How far each is from the reference, the farthest first.
    pub drifts: Vec<Drift>,
    /// The largest distance between the distributions of the scores (Kolmogorov and Smirnov), and how likely it is by chance.
    pub distance: (f64, f64),
    /// Cells that the model has never seen the like of: column, what they are, how many.
    pub strange: Vec<(String, &'static str, usize)>,
    /// For people, what else should be known.
    pub notes: Vec<String>,
    /// What the rows are measured against, in words.
    pub reference: String,
    reference_rows: Vec<f64>,
    /// The reference rows are no model's.
    real: bool,
    seen: Seen,
}

pub(crate) fn table(artefact: &Artefact<Table>, ask: &Ask, watch: &mut dyn Watch) -> Result<Scores> {
    if ask.own == 0 {
        return Err(Error::Ask {
            problem: "rows are measured against some of the model's own; ask for 1 or more".into(),
        });
    }
    let spec = &artefact.spec;
    let reading = Reading { delimiter: ask.delimiter, header: ask.header, missing: ask.missing.clone() };
    let read = |path: &Path| -> Result<Seen> {
        let (table, missing) = read_as_is(path, artefact.source.as_ref(), &reading)?;
        let seen = Seen::new(spec, table, &missing)?;
        seen.check_whole("the probability of a row is that of all its columns; add it")?;
        Ok(seen)
    };
    let mut seen = read(&ask.input)?;
    // Cells are shown as text.
    for j in 0..seen.table.columns.len() {
        seen.table.columns[j] = Arc::new(seen.table.text(j)?);
    }
    let (reference, said): (Scored, String) = match &ask.reference {
        Some(path) => {
            let seen = read(path)?;
            (of_file(artefact, &seen)?, format!("the {} rows of {}", grouped(seen.table.rows as u64), path.display()))
        }
        None => (own(artefact, ask.own, ask.seed)?, format!("{} rows of the model's own", grouped(ask.own as u64))),
    };
    watch.on(Event::Note(format!("scoring {} rows", grouped(seen.table.rows as u64))));
    let scored = of_file(artefact, &seen)?;
    let columns: Vec<String> = spec.schema.modelled().map(|f| f.name.clone()).collect();
    let mut strange = Vec::new();
    for (name, states) in columns.iter().zip(&seen.states) {
        for state in [State::Unseen, State::Outside, State::Unread, State::Lacking, State::Contradicted] {
            let count = states.iter().filter(|s| **s == state).count();
            if count > 0 {
                strange.push((name.clone(), state.said(), count));
            }
        }
    }
    Ok(Scores {
        rows: beside(&scored, &reference, &seen.states),
        drifts: drifts(spec, &scored, &reference, &seen.states),
        distance: distance(&scored, &reference),
        columns,
        strange,
        notes: seen.table.notes.clone(),
        reference: said,
        reference_rows: reference.rows,
        real: ask.reference.is_some(),
        seen,
    })
}

impl Scores {
    /// How many rows are as unusual as fewer than one in a thousand of the reference rows.
    pub fn unusual(&self) -> usize {
        self.rows.iter().filter(|row| row.share < UNUSUAL).count()
    }

    /// Whether the rows are not distributed as the reference rows are. Real rows differ from a model's own because no model is perfect, so
    /// beside these a distance says nothing; it is not told then.
    pub fn drifted(&self) -> Option<bool> {
        match self.distance.1 < CHANCE {
            true => self.real.then_some(true),
            false => Some(false),
        }
    }

    fn column_drifted(&self, drift: &Drift) -> bool {
        self.real && drift.chance < CHANCE
    }

    /// The numbers of the rows that are least probable, from 0.
    pub fn least(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        order.sort_by(|&a, &b| self.rows[a].log_probability.total_cmp(&self.rows[b].log_probability).then(a.cmp(&b)));
        order.truncate(LISTED);
        order
    }

    /// What gives a row away: the column, and its cell.
    fn reason(&self, row: usize) -> (String, String, String) {
        let scored = &self.rows[row];
        let column = scored.strange.first().copied().unwrap_or(scored.column);
        let name = self.columns[column].clone();
        let text = self.seen.table.index(&name).and_then(|j| self.seen.table.text(j));
        let cell = text.map(|t| t.value(row).to_owned());
        let why = match self.seen.states[column][row] {
            State::Known | State::Empty => format!("{:.1} nats below what is usual there", scored.short),
            state => state.said().to_owned(),
        };
        (name, cell.unwrap_or_default(), why)
    }

    /// A summary for people.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        let mut line = |text: String| {
            // Writing to a string does not fail.
            let _ = writeln!(out, "{text}");
        };
        let own: Vec<f64> = self.rows.iter().map(|r| r.log_probability).collect();
        line(format!("{} rows beside {}", grouped(self.rows.len() as u64), self.reference));
        line("log-probability in nats      1 %      25 %      half      75 %      99 %".into());
        for (name, values) in [("  rows of the file   ", own), ("  reference rows     ", self.reference_rows.clone())] {
            let q = quantiles(values);
            line(format!("{name}{}", q.iter().map(|x| format!("{x:>10.1}")).collect::<String>()));
        }
        let unusual = self.unusual();
        line(format!(
            "unusual    {} rows ({:.2} %) as fewer than 1 in 1,000 reference rows are; {:.1} are expected of as many of these",
            grouped(unusual as u64),
            100.0 * unusual as f64 / self.rows.len().max(1) as f64,
            UNUSUAL * self.rows.len() as f64
        ));
        let (d, p) = self.distance;
        let verdict = match self.drifted() {
            Some(true) => "the rows are not as the reference rows",
            Some(false) => "none to be seen",
            None => "not told: no model is perfect; give rows that were kept back as reference",
        };
        line(format!("drift      {verdict} (distance of the scores {d:.3}, by chance {})", chance(p)));
        for (name, what, count) in &self.strange {
            let cells = if *count == 1 { "cell is" } else { "cells are" };
            line(format!("never seen `{name}`: {} {cells} {what}", grouped(*count as u64)));
        }
        line(
            "\ncolumns that are farthest from the reference: their values, and their values given other columns".into(),
        );
        for drift in self.drifts.iter().take(LISTED) {
            let mark = if self.column_drifted(drift) { "drift" } else { "" };
            let text =
                format!("  {:<28} {:>6.3} {:>6.3}  {mark}", self.columns[drift.column], drift.values, drift.given);
            line(text.trim_end().into());
        }
        line("\nrows that are least probable, and what gives them away".into());
        for row in self.least() {
            let (name, cell, why) = self.reason(row);
            let cell: String = cell.chars().take(40).collect();
            line(format!(
                "  row {:<8} {:>8.1} nats  {:>7} of the reference  {name} = `{cell}`: {why}",
                row + 1,
                self.rows[row].log_probability,
                share(self.rows[row].share),
            ));
        }
        out
    }

    /// The summary for programs.
    pub fn to_json(&self) -> Value {
        let own: Vec<f64> = self.rows.iter().map(|r| r.log_probability).collect();
        let least = self.least().into_iter().map(|row| {
            let (column, value, reason) = self.reason(row);
            json!({ "row": row + 1, "log_probability": self.rows[row].log_probability, "share": self.rows[row].share,
                    "column": column, "value": value, "reason": reason })
        });
        let columns = self.drifts.iter().map(|d| {
            json!({ "column": self.columns[d.column], "values": d.values, "given": d.given, "chance": d.chance,
                    "drift": self.column_drifted(d) })
        });
        let strange =
            self.strange.iter().map(|(column, what, cells)| json!({ "column": column, "what": what, "cells": cells }));
        json!({
            "rows": self.rows.len(),
            "reference": self.reference,
            "log_probability": { "share": SHARES, "rows": quantiles(own), "reference": quantiles(self.reference_rows.clone()) },
            "unusual": { "rows": self.unusual(), "expected": UNUSUAL * self.rows.len() as f64, "share": UNUSUAL },
            "drift": { "found": self.drifted(), "distance": self.distance.0, "chance": self.distance.1 },
            "never_seen": strange.collect::<Vec<_>>(),
            "columns": columns.collect::<Vec<_>>(),
            "least_probable": least.collect::<Vec<_>>(),
            "notes": self.notes,
        })
    }

    /// Writes one row a row of the file, in any format that tables are written in.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let field = |name: &str, kind| Field::new(name, kind, Reason::Configured);
        let decimal = || ColumnKind::Decimal { decimals: 4 };
        let schema = Schema {
            fields: vec![
                field("row", ColumnKind::Integer),
                field("log_probability", decimal()),
                field("share", decimal()),
                field("column", ColumnKind::Text),
                field("value", ColumnKind::Text),
                field("reason", ColumnKind::Text),
            ],
            ..Schema::default()
        };
        let number = |x: f64| format!("{x:.4}");
        let cells = |(i, row): (usize, &Row)| {
            let (column, value, reason) = self.reason(i);
            [(i + 1).to_string(), number(row.log_probability), number(row.share), column, value, reason]
        };
        let cells: Vec<[String; 6]> = self.rows.iter().enumerate().map(cells).collect();
        let column = |j: usize| cells.iter().map(|row| Some(row[j].as_str())).collect::<Vec<Option<&str>>>();
        let columns: Vec<Vec<Option<&str>>> = (0..schema.fields.len()).map(column).collect();
        let named: Vec<(&str, &[Option<&str>])> =
            schema.fields.iter().zip(&columns).map(|(f, c)| (f.name.as_str(), c.as_slice())).collect();
        let mut writer = Writer::create(path, &schema)?;
        writer.write(&Table::from_text(&named)?)?;
        writer.finish()?;
        Ok(())
    }
}

/// The shares at which scores are told.
const SHARES: [f64; 5] = [0.01, 0.25, 0.5, 0.75, 0.99];

/// The values below which these shares of all lie.
fn quantiles(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let at = |share: &f64| (share * (values.len().max(1) - 1) as f64).round() as usize;
    SHARES.iter().map(|share| values.get(at(share)).copied().unwrap_or(f64::NAN)).collect()
}

fn chance(p: f64) -> String {
    if p < 1e-4 { "less than 1 in 10,000".into() } else { format!("{p:.4}") }
}

fn share(x: f64) -> String {
    if x == 0.0 { "none".into() } else { format!("{:.2} %", 100.0 * x) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_by_hand() {
        assert_eq!(quantiles((0..=100).rev().map(f64::from).collect()), [1.0, 25.0, 50.0, 75.0, 99.0]);
        assert!(quantiles(Vec::new()).iter().all(|x| x.is_nan()));
    }
}
