//! Which column says whose sequence a row belongs to, and which one when it comes.
//!
//! A pair of a key and an order is taken when the key repeats, the order rises within it as the file lies, and hardly two rows have
//! both in common. Of a file that rises as a whole, without two rows at one time, no key is needed: it is one long series, unless a column
//! is called an id.

use std::fmt;

use arrow_array::Array;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;

use crate::error::Result;
use crate::table::{Column, ColumnKind, DetectSettings, Detected, Field, Reason, Schema, Table};

/// Least share of neighbouring rows of a key whose order rises.
const RISES: f64 = 0.98;
/// Least share of rows that have their key and time for themselves. Of events some come at one time.
const OWN: f64 = 0.8;
/// Fewest rows a key on average.
const ROWS_A_KEY: f64 = 3.0;
/// Fewest rows that say anything.
const LEAST_ROWS: usize = 12;
/// Words by which a number is known as a time; a name is parted at what is no letter.
const TIMES: &[&str] = &[
    "t",
    "time",
    "timestamp",
    "ts",
    "date",
    "datetime",
    "year",
    "quarter",
    "month",
    "week",
    "day",
    "hour",
    "minute",
    "second",
    "step",
    "period",
    "index",
    "seq",
    "sequence",
    "visit",
    "cycle",
    "frame",
    "tick",
    "order",
    "nr",
    "no",
    "number",
    "round",
    "wave",
    "age",
];
/// Words by which a column is known as a key.
const KEYS: &[&str] = &[
    "id", "key", "user", "customer", "client", "patient", "device", "sensor", "machine", "account", "person", "case",
    "session", "store", "item", "subject", "unit", "player", "ticker", "symbol", "vehicle", "series",
];

/// The part that a column plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Says whose sequence a row belongs to.
    Key,
    /// Says when a row comes.
    Order,
    /// Is the same throughout a sequence.
    Context,
}

/// What was found, and why.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Found {
    /// The key; none for one long series.
    pub key: Option<String>,
    /// The order.
    pub order: Option<String>,
    /// What is the same throughout a sequence.
    pub context: Vec<String>,
    /// How many sequences.
    pub sequences: usize,
    /// Number of rows of the shortest and the longest.
    pub lengths: [usize; 2],
    /// Why, a sentence each.
    pub why: Vec<String>,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.iter().try_for_each(|why| writeln!(f, "  {why}"))
    }
}

/// The sequences in a table, if its rows look as if they belong together in time.
///
/// # Errors
/// When a column cannot be read.
pub fn recognise(table: &Table, schema: &Schema) -> Result<Option<Found>> {
    if table.rows < LEAST_ROWS {
        return Ok(None);
    }
    let order = Orders::of(table, schema)?;
    let groups = groups(table, schema)?;
    let mut best: Option<(u32, Found)> = None;
    for (place, order) in order.iter().enumerate() {
        for (worth, found) in pairs(order, &groups, table.rows) {
            // A date before a number, a number that is called a time before another, then the better key.
            let worth = worth + 100 * order.worth + u32::try_from(99_usize.saturating_sub(place)).unwrap_or(0) / 10;
            if best.as_ref().is_none_or(|(most, _)| worth > *most) {
                best = Some((worth, found));
            }
        }
    }
    let Some((_, mut found)) = best else { return Ok(None) };
    if let Some(group) = groups.iter().find(|g| Some(g.name) == found.key.as_deref()) {
        found.context = constant(table, &group.of, group.distinct, &[found.key.as_deref(), found.order.as_deref()])?;
        if !found.context.is_empty() {
            found.why.push(format!("the same throughout each of them: {}", found.context.join(", ")));
        }
    }
    Ok(Some(found))
}

/// A column that may say when rows come.
struct Orders<'a> {
    name: &'a str,
    values: Vec<f64>,
    worth: u32,
}

impl<'a> Orders<'a> {
    fn of(table: &Table, schema: &'a Schema) -> Result<Vec<Orders<'a>>> {
        // Few different years were taken for codes.
        let codes =
            |f: &Field| matches!(f.kind, ColumnKind::Categorical { numeric: true }) && is_called(&f.name, TIMES);
        let fields = schema.fields.iter().filter(|f| f.is_number() || codes(f));
        let number = |f: &Field| match f.is_number() {
            true => f.clone(),
            false => Field::new(&f.name, ColumnKind::Decimal { decimals: 15 }, Reason::Untold),
        };
        let numbers = Schema { fields: fields.clone().map(number).collect(), nest: None, dialect: None };
        if numbers.fields.is_empty() {
            return Ok(Vec::new());
        }
        let frame = numbers.parse_other(table)?.frame;
        Ok(fields
            .zip(frame.columns)
            .filter_map(|(field, column)| {
                let Column::Number(values) = column else { return None };
                let is_date = matches!(field.kind, ColumnKind::Datetime { .. });
                let worth = if is_date { 2 } else { u32::from(is_called(&field.name, TIMES)) };
                let whole = is_date || matches!(field.kind, ColumnKind::Integer) || worth > 0;
                let known = values.iter().filter(|v| v.is_finite()).count();
                (whole && known as f64 >= 0.99 * values.len() as f64).then_some(Orders {
                    name: &field.name,
                    values,
                    worth,
                })
            })
            .collect())
    }
}

/// Rows by the values of a column.
struct Group<'a> {
    name: &'a str,
    of: Vec<u32>,
    distinct: usize,
    is_called: bool,
}

fn groups<'a>(table: &Table, schema: &'a Schema) -> Result<Vec<Group<'a>>> {
    let mut all = Vec::new();
    for field in &schema.fields {
        if matches!(
            field.kind,
            ColumnKind::Decimal { .. }
                | ColumnKind::Datetime { .. }
                | ColumnKind::Constant { .. }
                | ColumnKind::AllMissing
        ) {
            continue;
        }
        let text = table.text(table.index(&field.name)?)?;
        if text.null_count() * 100 > table.rows {
            continue;
        }
        let mut seen: FxHashMap<&str, u32> = FxHashMap::default();
        let of: Vec<u32> = (0..text.len())
            .map(|i| {
                let next = seen.len() as u32;
                *seen.entry(if text.is_valid(i) { text.value(i) } else { "" }).or_insert(next)
            })
            .collect();
        let distinct = seen.len();
        if distinct > 1 && table.rows as f64 >= ROWS_A_KEY * distinct as f64 {
            all.push(Group { name: &field.name, of, distinct, is_called: is_called(&field.name, KEYS) });
        }
    }
    Ok(all)
}

/// The keys that go with an order, and what each is worth.
fn pairs(order: &Orders<'_>, groups: &[Group<'_>], rows: usize) -> Vec<(u32, Found)> {
    let whole = Rise::of(&order.values, None);
    let said = |share: f64| format!("{:.4}", 100.0 * share).trim_end_matches('0').trim_end_matches('.').to_owned();
    let mut found = Vec::new();
    // A number that merely rises is no time unless it is called one, or goes on evenly.
    let is_one = whole.rises >= RISES && whole.own >= RISES && (order.worth > 0 || whole.even);
    if is_one {
        let why = format!(
            "one long series: `{}` rises in {} % of the rows, and hardly two have it in common",
            order.name,
            said(whole.rises)
        );
        let long = Found {
            order: Some(order.name.to_owned()),
            sequences: 1,
            lengths: [rows; 2],
            why: vec![why],
            ..Found::default()
        };
        found.push((50, long));
    }
    for group in groups.iter().filter(|g| g.name != order.name) {
        let within = Rise::of(&order.values, Some(group));
        if within.rises < RISES || within.own < OWN || (order.worth == 0 && !within.even) {
            continue;
        }
        // Any column parts a file that rises as a whole; only one that is called a key is meant.
        let worth = match (is_one, group.is_called) {
            (true, false) => continue,
            (true, true) => 55,
            (false, called) => 60 + u32::from(called) * 20 + (within.own * 10.0) as u32,
        };
        let why = vec![
            format!(
                "`{}` repeats: {} sequences of {} to {} rows",
                group.name, group.distinct, within.lengths[0], within.lengths[1]
            ),
            format!("`{}` rises within {} % of their neighbouring rows", order.name, said(within.rises)),
        ];
        let pair = Found {
            key: Some(group.name.to_owned()),
            order: Some(order.name.to_owned()),
            sequences: group.distinct,
            lengths: within.lengths,
            why,
            context: Vec::new(),
        };
        found.push((worth, pair));
    }
    found
}

/// How an order runs within the sequences of a key, as the file lies.
struct Rise {
    /// Share of neighbours that do not fall.
    rises: f64,
    /// Share of rows that have their key and time for themselves.
    own: f64,
    /// Nearly all rises are equally large.
    even: bool,
    lengths: [usize; 2],
}

impl Rise {
    fn of(values: &[f64], group: Option<&Group<'_>>) -> Rise {
        let keys = group.map_or(1, |g| g.distinct);
        let key = |i: usize| group.map_or(0, |g| g.of[i] as usize);
        let (mut last, mut lengths) = (vec![f64::NAN; keys], vec![0usize; keys]);
        let (mut rises, mut falls) = (0usize, 0usize);
        let mut gaps: FxHashMap<u64, usize> = FxHashMap::default();
        let mut seen: FxHashSet<(usize, u64)> = FxHashSet::default();
        for (i, &value) in values.iter().enumerate() {
            let k = key(i);
            lengths[k] += 1;
            if !value.is_finite() {
                continue;
            }
            let gap = value - last[k];
            if gap < 0.0 {
                falls += 1;
            } else if gap >= 0.0 {
                rises += 1;
                *gaps.entry(gap.to_bits()).or_default() += 1;
            }
            last[k] = value;
            seen.insert((k, value.to_bits()));
        }
        let most = gaps.values().max().copied().unwrap_or(0);
        Rise {
            rises: rises as f64 / (rises + falls).max(1) as f64,
            own: seen.len() as f64 / values.len().max(1) as f64,
            even: most as f64 >= 0.95 * rises as f64 && rises > 0,
            lengths: [lengths.iter().min().copied().unwrap_or(0), lengths.iter().max().copied().unwrap_or(0)],
        }
    }
}

/// The columns that are the same throughout each of the groups, but for those named `but`.
pub(super) fn constant(table: &Table, of: &[u32], groups: usize, but: &[Option<&str>]) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for (j, name) in table.names.iter().enumerate() {
        if but.contains(&Some(name.as_str())) {
            continue;
        }
        let text = table.text(j)?;
        let value = |i: usize| text.is_valid(i).then(|| text.value(i));
        let mut first: Vec<Option<usize>> = vec![None; groups];
        let same = (0..table.rows).all(|i| {
            let first = first[of[i] as usize].get_or_insert(i);
            value(*first) == value(i)
        });
        if same {
            names.push(name.clone());
        }
    }
    Ok(names)
}

/// Whether a part of a name is one of `words`.
fn is_called(name: &str, words: &[&str]) -> bool {
    let mut parts: Vec<String> = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase()) {
            parts.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(part) = parts.last_mut()
        {
            part.extend(c.to_lowercase());
        }
        before = c;
    }
    parts.iter().any(|part| words.contains(&part.as_str()))
}

/// The schema of a table, for looking at it.
pub(super) fn detected(table: &Table) -> Result<Schema> {
    Ok(Detected::of(table, &DetectSettings::default())?.schema)
}
