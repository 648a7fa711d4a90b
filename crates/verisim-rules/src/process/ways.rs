//! Where a process goes next: to one place, by chance, by condition, by both, or by a table.

use std::fmt;
use std::sync::Arc;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::clock::setting;
use super::number::{Draw, Number};
use super::scalar::{Scalar, Scope, Value};
use crate::cell::Cell;
use crate::error::{Error, Result};

/// Where to go next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// To one place: `"well"`.
    To(String),
    /// By chance or condition: `[{ to = "sick", share = 0.2 }, { to = "well" }]`.
    Ways(Vec<Way>),
    /// By a table of shares.
    Table(Table),
}

/// One of several ways. All of a list have a `share`, or all have a `when`; the last may have neither and takes what is left.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Way {
    /// Where to: a name, or further ways.
    pub to: Next,
    /// How often, between 0 and 1.
    #[serde(default)]
    pub share: Option<Number>,
    /// An expression: the first way whose condition holds is taken.
    #[serde(default)]
    pub when: Option<String>,
}

/// Shares by the values of expressions: the first row whose conditions all hold is taken.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Expressions, as `["sex", "age"]`.
    pub by: Vec<String>,
    /// Places to go to.
    pub to: Vec<String>,
    /// Each row: a condition for each of `by` (a value; `"0..40"` for numbers of 0 or more and below 40; `"*"` for any), then a share for each of `to`.
    pub rows: Vec<Vec<Entry>>,
}

/// An entry of a table of shares.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(untagged)]
pub enum Entry {
    /// Yes or no.
    Yes(bool),
    /// A number.
    Number(f64),
    /// A text, a range of numbers or `*`.
    Text(String),
}

impl<'de> Deserialize<'de> for Next {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Next, D::Error> {
        struct Reads;
        impl<'de> Visitor<'de> for Reads {
            type Value = Next;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name, a list of ways such as [{ to = \"a\", share = 0.2 }, { to = \"b\" }], or a table { by, to, rows }")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Next, E> {
                Ok(Next::To(name.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Next, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq)).map(Next::Ways)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Next, A::Error> {
                Table::deserialize(MapAccessDeserializer::new(map)).map(Next::Table)
            }
        }
        from.deserialize_any(Reads)
    }
}

/// Ways with places for names.
#[derive(Clone, Debug)]
pub enum Ways {
    /// To one place.
    To(usize),
    /// By share; what is left goes to the last.
    Shares(Vec<(Draw, Ways)>, Option<Box<Ways>>),
    /// By condition.
    When(Vec<(Scalar, Ways)>, Option<Box<Ways>>),
    /// By a table: expressions, places, and rows of conditions and shares.
    Table(Vec<Scalar>, Vec<usize>, Vec<(Vec<Test>, Vec<f64>)>),
}

/// A condition of a table.
#[derive(Clone, Debug)]
pub enum Test {
    /// Anything.
    Any,
    /// A value.
    Is(Value),
    /// From the first, included, to before the second.
    Range(f64, f64),
}

impl Test {
    fn read(entry: &Entry) -> Test {
        match entry {
            Entry::Yes(yes) => Test::Is(Value::Yes(*yes)),
            Entry::Number(x) => Test::Is(Value::Number(*x)),
            Entry::Text(text) if text == "*" => Test::Any,
            Entry::Text(text) => {
                let bound = |text: &str, open: f64| {
                    let text = text.trim();
                    if text.is_empty() { Some(open) } else { text.parse().ok() }
                };
                let range = text
                    .split_once("..")
                    .and_then(|(a, b)| Some((bound(a, f64::NEG_INFINITY)?, bound(b, f64::INFINITY)?)));
                range.map_or_else(|| Test::Is(Value::Text(Arc::from(text.as_str()))), |(a, b)| Test::Range(a, b))
            }
        }
    }

    fn holds(&self, value: &Value) -> bool {
        match self {
            Test::Any => true,
            Test::Is(is) => is == value,
            Test::Range(low, high) => value.number().is_some_and(|x| *low <= x && x < *high),
        }
    }
}

impl Ways {
    /// Makes ways ready. `place` gives the place of a name; `key` says where they are written.
    ///
    /// # Errors
    /// When a name is not known, shares are more than all, or an expression cannot be read.
    pub fn new(
        next: &Next,
        key: &str,
        scope: &mut Scope,
        place: &dyn Fn(&str) -> Result<usize, String>,
    ) -> Result<Ways> {
        match next {
            Next::To(name) => place(name).map(Ways::To).map_err(|what| setting(key, &what)),
            Next::Ways(ways) => listed(ways, key, scope, place),
            Next::Table(table) => tabled(table, key, scope, place),
        }
    }

    /// The way that is taken. Nothing where shares leave a rest for which there is no way.
    ///
    /// # Errors
    /// When an expression comes to what it should not, shares are more than all, or no condition holds.
    pub fn choose(&self, key: &str, frame: &[Value], cell: &mut Cell) -> Result<Option<usize>> {
        match self {
            Ways::To(at) => Ok(Some(*at)),
            Ways::Shares(ways, rest) => {
                let u = cell.uniform();
                let (mut sum, mut taken) = (0.0, None);
                for (share, way) in ways {
                    let share = share.number(frame, cell)?;
                    if !(0.0..=1.0 + 1e-9).contains(&share) {
                        return Err(setting(
                            key,
                            &format!("has a share that came to {share}; it must be between 0 and 1"),
                        ));
                    }
                    sum += share;
                    if taken.is_none() && u < sum {
                        taken = Some(way);
                    }
                }
                if sum > 1.0 + 1e-9 {
                    return Err(setting(
                        key,
                        &format!("has shares that came to {sum} in all; they must come to 1 or less"),
                    ));
                }
                // Where the shares are all, rounding must not leave a rest.
                let last = if sum > 1.0 - 1e-9 { ways.last().map(|w| &w.1) } else { None };
                match taken.or(rest.as_deref()).or(last) {
                    Some(way) => way.choose(key, frame, cell),
                    None => Ok(None),
                }
            }
            Ways::When(ways, rest) => {
                for (when, way) in ways {
                    if when.holds(frame)? {
                        return way.choose(key, frame, cell);
                    }
                }
                match rest {
                    Some(way) => way.choose(key, frame, cell),
                    None => Err(setting(key, "has no way whose condition holds; give a last way without `when`")),
                }
            }
            Ways::Table(by, to, rows) => {
                let values = by.iter().map(|b| b.value(frame)).collect::<Result<Vec<_>>>()?;
                let row = rows.iter().find(|row| row.0.iter().zip(&values).all(|(test, value)| test.holds(value)));
                let Some((_, shares)) = row else {
                    return Err(setting(key, &format!("has no row for {values:?}; give a last row of \"*\"")));
                };
                let mut u = cell.uniform();
                for (share, place) in shares.iter().zip(to) {
                    if u < *share {
                        return Ok(Some(*place));
                    }
                    u -= share;
                }
                let whole = shares.iter().sum::<f64>() > 1.0 - 1e-9;
                Ok(if whole { shares.iter().rposition(|s| *s > 0.0).map(|k| to[k]) } else { None })
            }
        }
    }
}

fn listed(ways: &[Way], key: &str, scope: &mut Scope, place: &dyn Fn(&str) -> Result<usize, String>) -> Result<Ways> {
    let Some((last, first)) = ways.split_last() else {
        return Err(setting(key, "is an empty list; leave it out where the way ends"));
    };
    let conditional = ways.iter().any(|w| w.when.is_some());
    if conditional && ways.iter().any(|w| w.share.is_some()) {
        return Err(setting(
            key,
            "has `when` and `share` in one list; put ways with shares under the `to` of one with `when`",
        ));
    }
    if first.iter().any(|w| w.when.is_none() && w.share.is_none()) {
        return Err(setting(
            key,
            "has a way without `share` or `when` before others; only the last can take what is left",
        ));
    }
    let rest = (last.when.is_none() && last.share.is_none())
        .then(|| Ways::new(&last.to, key, scope, place).map(Box::new))
        .transpose()?;
    if conditional {
        let mut made = Vec::new();
        for way in ways {
            if let Some(when) = &way.when {
                made.push((scope.scalar(key, when)?, Ways::new(&way.to, key, scope, place)?));
            }
        }
        return Ok(Ways::When(made, rest));
    }
    let (mut made, mut sum) = (Vec::new(), Some(0.0));
    for way in ways {
        if let Some(share) = &way.share {
            let share = Draw::new(share, key, scope)?;
            if share.fixed().is_some_and(|x| !(0.0..=1.0).contains(&x)) {
                return Err(setting(key, "has a share that is not between 0 and 1"));
            }
            sum = sum.zip(share.fixed()).map(|(a, b)| a + b);
            made.push((share, Ways::new(&way.to, key, scope, place)?));
        }
    }
    if sum.is_some_and(|s| s > 1.0 + 1e-9) {
        return Err(setting(key, &format!("has shares of {} in all; they must come to 1 or less", sum.unwrap_or(0.0))));
    }
    Ok(Ways::Shares(made, rest))
}

fn tabled(table: &Table, key: &str, scope: &mut Scope, place: &dyn Fn(&str) -> Result<usize, String>) -> Result<Ways> {
    let by = table.by.iter().map(|text| scope.scalar(key, text)).collect::<Result<Vec<_>>>()?;
    let to = table.to.iter().map(|name| place(name).map_err(|what| setting(key, &what)));
    let to = to.collect::<Result<Vec<_>>>()?;
    let mut rows = Vec::new();
    for (k, row) in table.rows.iter().enumerate() {
        let wrong = |what: &str| setting(key, &format!("row {} of its table {what}", k + 1));
        if row.len() != by.len() + to.len() {
            return Err(wrong(&format!(
                "has {} entries; {} conditions and {} shares are asked for",
                row.len(),
                by.len(),
                to.len()
            )));
        }
        let shares = row[by.len()..].iter().map(|e| match e {
            Entry::Number(x) if (0.0..=1.0).contains(x) => Ok(*x),
            other => Err(wrong(&format!("has {other:?} where a share between 0 and 1 is asked for"))),
        });
        let shares = shares.collect::<Result<Vec<f64>>>()?;
        if shares.iter().sum::<f64>() > 1.0 + 1e-9 {
            return Err(wrong("has shares of more than 1 in all"));
        }
        rows.push((row[..by.len()].iter().map(Test::read).collect(), shares));
    }
    if rows.is_empty() {
        return Err(setting(key, "has a table without rows"));
    }
    Ok(Ways::Table(by, to, rows))
}

/// A place among names, or a message that lists them.
pub(super) fn named(names: &[String], what: &str, name: &str) -> Result<usize, String> {
    names
        .iter()
        .position(|n| n == name)
        .ok_or_else(|| format!("names the {what} `{name}`, which there is not; there are {}", names.join(", ")))
}

/// A value could not be made within a run.
pub(super) fn made(at: &str, what: String) -> Error {
    Error::Make { at: at.to_owned(), what }
}
