//! What a row must obey: a rule over some parameters, and how the values of an expression are computed for one row.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::expression::{Call, DAY, Expression, Node, alike, iso, rounded};

/// A value as a rule sees it.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum {
    /// Missing.
    Null,
    /// Yes or no.
    Yes(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// Microseconds since 1970-01-01, and whether it is a date alone.
    Time(i64, bool),
    /// Microseconds between two times.
    Span(i64),
}

/// Whether a row whose parameters have these values, in the rule's own order, obeys the rule.
pub type Test = Arc<dyn Fn(&[usize]) -> Result<bool> + Send + Sync>;

/// A rule over some of the parameters of a model.
#[derive(Clone)]
pub struct Rule {
    /// As it was written.
    pub text: String,
    /// The places of its parameters, each once.
    pub parameters: Vec<usize>,
    /// What it says of the places of their values.
    pub test: Test,
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule").field("text", &self.text).field("parameters", &self.parameters).finish_non_exhaustive()
    }
}

impl Rule {
    /// The rule that an expression states over parameters with names, each with its values. Where the expression is `null` (a
    /// value in it is missing), the row obeys, as with CHECK in SQL.
    ///
    /// # Errors
    /// When it names what is no parameter, or asks for children or another table.
    pub fn of_expression(expression: Expression, names: &[&str], values: &[Vec<Datum>]) -> Result<Rule> {
        let wrong = |what: String| Error::Expression { text: expression.text.clone(), what };
        let mut parameters = Vec::new();
        for name in &expression.names {
            if name.aggregate.is_some() {
                return Err(wrong(format!("asks for `{name}` of children; a constraint sees one row alone")));
            }
            let path = name.path.join(".");
            let place = names.iter().position(|n| **n == path);
            parameters.push(
                place.ok_or_else(|| {
                    wrong(format!("names `{path}`, which is no field; there are {}", names.join(", ")))
                })?,
            );
        }
        if parameters.is_empty() {
            return Err(wrong("names no field; write it as in `shipped >= ordered`".to_owned()));
        }
        let values: Vec<Vec<Datum>> = parameters.iter().map(|&p| values[p].clone()).collect();
        let text = expression.text.clone();
        let test = move |row: &[usize]| {
            let datum = evaluate(&expression.node, &|name| values[name][row[name]].clone());
            match datum {
                Ok(Datum::Yes(yes)) => Ok(yes),
                Ok(Datum::Null) => Ok(true),
                Ok(other) => Err(Error::Expression {
                    text: expression.text.clone(),
                    what: format!("is {} and not yes or no; compare it with something", kind(&other)),
                }),
                Err(what) => Err(Error::Expression { text: expression.text.clone(), what }),
            }
        };
        Ok(Rule { text, parameters, test: Arc::new(test) })
    }
}

fn kind(datum: &Datum) -> &'static str {
    match datum {
        Datum::Null => "missing",
        Datum::Yes(_) => "yes or no",
        Datum::Number(_) => "a number",
        Datum::Text(_) => "a text",
        Datum::Time(..) => "a time",
        Datum::Span(_) => "a length of time",
    }
}

/// The value of a part of an expression for one row. `named` gives the value of a name by its place.
///
/// # Errors
/// When values do not fit: a text that is less than a number.
pub fn evaluate(node: &Node, named: &dyn Fn(usize) -> Datum) -> Result<Datum, String> {
    Ok(match node {
        Node::Null => Datum::Null,
        Node::Yes(yes) => Datum::Yes(*yes),
        Node::Number(x, _) => Datum::Number(*x),
        Node::Text(text) => Datum::Text(text.clone()),
        Node::Name(place) => named(*place),
        Node::Call(Call::And, parts) => logic(parts, named, false)?,
        Node::Call(Call::Or, parts) => logic(parts, named, true)?,
        Node::Call(Call::Choose, parts) => match evaluate(&parts[0], named)? {
            Datum::Yes(true) => evaluate(&parts[1], named)?,
            Datum::Yes(false) => evaluate(&parts[2], named)?,
            Datum::Null => Datum::Null,
            other => return Err(format!("chooses by {}, and not by yes or no", kind(&other))),
        },
        Node::Call(call, parts) => {
            let parts: Vec<Datum> = parts.iter().map(|p| evaluate(p, named)).collect::<Result<_, _>>()?;
            called(*call, &parts)?
        }
    })
}

/// Three-valued `and` (which `false` decides) and `or` (which `true` decides).
fn logic(parts: &[Node], named: &dyn Fn(usize) -> Datum, decides: bool) -> Result<Datum, String> {
    let mut unknown = false;
    for part in parts {
        match evaluate(part, named)? {
            Datum::Yes(yes) if yes == decides => return Ok(Datum::Yes(decides)),
            Datum::Yes(_) => {}
            Datum::Null => unknown = true,
            other => return Err(format!("joins {} by and/or, and not yes or no", kind(&other))),
        }
    }
    Ok(if unknown { Datum::Null } else { Datum::Yes(!decides) })
}

/// Whether two values are equal; a text is read as a time where the other is one.
pub fn equal(a: &Datum, b: &Datum) -> bool {
    match (a, b) {
        (Datum::Number(a), Datum::Number(b)) => alike(*a, *b),
        (Datum::Time(a, _), Datum::Time(b, _)) => a == b,
        (Datum::Time(a, _), Datum::Text(b)) | (Datum::Text(b), Datum::Time(a, _)) => {
            iso(b).is_some_and(|(b, _)| b == *a)
        }
        (a, b) => a == b,
    }
}

fn order(a: &Datum, b: &Datum) -> Result<Option<Ordering>, String> {
    Ok(match (a, b) {
        (Datum::Null, _) | (_, Datum::Null) => None,
        (Datum::Number(a), Datum::Number(b)) if alike(*a, *b) => Some(Ordering::Equal),
        (Datum::Number(a), Datum::Number(b)) => a.partial_cmp(b),
        (Datum::Text(a), Datum::Text(b)) => Some(a.cmp(b)),
        (Datum::Yes(a), Datum::Yes(b)) => Some(a.cmp(b)),
        (Datum::Time(a, _), Datum::Time(b, _)) | (Datum::Span(a), Datum::Span(b)) => Some(a.cmp(b)),
        (Datum::Time(a, _), Datum::Text(b)) => Some(a.cmp(&moment(b)?)),
        (Datum::Text(a), Datum::Time(b, _)) => Some(moment(a)?.cmp(b)),
        (Datum::Span(a), Datum::Number(b)) => (*a as f64 / DAY as f64).partial_cmp(b),
        (Datum::Number(a), Datum::Span(b)) => a.partial_cmp(&(*b as f64 / DAY as f64)),
        (a, b) => return Err(format!("compares {} with {}", kind(a), kind(b))),
    })
}

fn moment(text: &str) -> Result<i64, String> {
    iso(text).map(|(micros, _)| micros).ok_or_else(|| format!("compares a time with {text:?}, which is none"))
}

fn span(days: f64, of: i64) -> i64 {
    (days * of as f64).round() as i64
}

fn called(call: Call, parts: &[Datum]) -> Result<Datum, String> {
    use Datum::{Null, Number, Span, Text, Time, Yes};
    let ordered = |yes: fn(Ordering) -> bool| Ok(order(&parts[0], &parts[1])?.map_or(Null, |o| Yes(yes(o))));
    match call {
        Call::Equal => return Ok(Yes(equal(&parts[0], &parts[1]))),
        Call::Unequal => return Ok(Yes(!equal(&parts[0], &parts[1]))),
        Call::In => return Ok(Yes(parts[1..].iter().any(|p| equal(p, &parts[0])))),
        Call::Less => return ordered(Ordering::is_lt),
        Call::AtMost => return ordered(Ordering::is_le),
        Call::Greater => return ordered(Ordering::is_gt),
        Call::AtLeast => return ordered(Ordering::is_ge),
        Call::Coalesce => return Ok(parts.iter().find(|p| **p != Null).cloned().unwrap_or(Null)),
        _ => {}
    }
    if parts.contains(&Null) {
        return Ok(Null);
    }
    let unknown = || {
        let kinds: Vec<&str> = parts.iter().map(kind).collect();
        Err(format!("computes {call:?} of {}, which cannot be", kinds.join(" and ")))
    };
    Ok(match (call, parts) {
        (Call::Not, [Yes(a)]) => Yes(!a),
        (Call::Negate, [Number(a)]) => Number(-a),
        (Call::Negate, [Span(a)]) => Span(a.saturating_neg()),
        (Call::Add, [Number(a), Number(b)]) => Number(a + b),
        (Call::Add, [Text(a), Text(b)]) => Text(format!("{a}{b}")),
        (Call::Add, [Time(a, alone), Number(b)] | [Number(b), Time(a, alone)]) => {
            Time(a.saturating_add(span(*b, DAY)), *alone && b.fract() == 0.0)
        }
        (Call::Add, [Time(a, alone), Span(b)] | [Span(b), Time(a, alone)]) => {
            Time(a.saturating_add(*b), *alone && b % DAY == 0)
        }
        (Call::Add, [Span(a), Span(b)]) => Span(a.saturating_add(*b)),
        (Call::Subtract, [Number(a), Number(b)]) => Number(a - b),
        (Call::Subtract, [Time(a, _), Time(b, _)]) => Span(a.saturating_sub(*b)),
        (Call::Subtract, [Time(a, alone), Number(b)]) => Time(a.saturating_sub(span(*b, DAY)), *alone),
        (Call::Subtract, [Time(a, alone), Span(b)]) => Time(a.saturating_sub(*b), *alone && b % DAY == 0),
        (Call::Subtract, [Span(a), Span(b)]) => Span(a.saturating_sub(*b)),
        (Call::Multiply, [Number(a), Number(b)]) => Number(a * b),
        (Call::Divide, [Number(a), Number(b)]) => Number(a / b),
        (Call::Remainder, [Number(a), Number(b)]) => Number(a % b),
        (Call::Abs, [Number(a)]) => Number(a.abs()),
        (Call::Floor, [Number(a)]) => Number(a.floor()),
        (Call::Ceil, [Number(a)]) => Number(a.ceil()),
        (Call::Round, [Number(a)]) => Number(rounded(*a, 0)),
        (Call::Round, [Number(a), Number(d)]) => Number(rounded(*a, *d as i32)),
        (Call::Sqrt, [Number(a)]) => Number(a.sqrt()),
        (Call::Exp, [Number(a)]) => Number(a.exp()),
        (Call::Ln, [Number(a)]) => Number(a.ln()),
        (Call::Log10, [Number(a)]) => Number(a.log10()),
        (Call::Power, [Number(a), Number(b)]) => Number(a.powf(*b)),
        (Call::Sin, [Number(a)]) => Number(a.sin()),
        (Call::Cos, [Number(a)]) => Number(a.cos()),
        (Call::Tan, [Number(a)]) => Number(a.tan()),
        (Call::Atan2, [Number(a), Number(b)]) => Number(a.atan2(*b)),
        (Call::Sign, [Number(a)]) => Number(if *a == 0.0 { 0.0 } else { a.signum() }),
        (Call::Least | Call::Greatest, [first, rest @ ..]) => {
            let wanted = if call == Call::Least { Ordering::Less } else { Ordering::Greater };
            let mut best = first;
            for part in rest {
                if order(part, best)? == Some(wanted) {
                    best = part;
                }
            }
            best.clone()
        }
        (Call::Size, [Text(a)]) => Number(a.chars().count() as f64),
        (Call::Upper, [Text(a)]) => Text(a.to_uppercase()),
        (Call::Lower, [Text(a)]) => Text(a.to_lowercase()),
        (Call::Trim, [Text(a)]) => Text(a.trim().to_owned()),
        (Call::Substring, [Text(a), Number(from)]) => Text(a.chars().skip(*from as usize).collect()),
        (Call::Substring, [Text(a), Number(from), Number(to)]) => {
            Text(a.chars().take(*to as usize).skip(*from as usize).collect())
        }
        (Call::Replace, [Text(a), Text(b), Text(c)]) => Text(a.replace(b, c)),
        (Call::Contains, [Text(a), Text(b)]) => Yes(a.contains(b)),
        (Call::StartsWith, [Text(a), Text(b)]) => Yes(a.starts_with(b)),
        (Call::EndsWith, [Text(a), Text(b)]) => Yes(a.ends_with(b)),
        (Call::String, [Text(a)]) => Text(a.clone()),
        (Call::String, [Number(a)]) => Text(a.to_string()),
        (Call::String, [Yes(a)]) => Text(a.to_string()),
        (Call::Double, [Number(a)]) => Number(*a),
        (Call::Double, [Text(a)]) => Number(a.trim().parse().map_err(|_| format!("reads {a:?} as a number"))?),
        (Call::Int, [Number(a)]) => Number(a.trunc()),
        (Call::Date, [Text(a)]) => Time(moment(a)?.div_euclid(DAY) * DAY, true),
        (Call::Date, [Time(a, _)]) => Time(a.div_euclid(DAY) * DAY, true),
        (Call::Date, [Number(y), Number(m), Number(d)]) => Time(moment(&format!("{y:04}-{m:02}-{d:02}"))?, true),
        (Call::Timestamp, [Text(a)]) => Time(moment(a)?, false),
        (Call::Timestamp, [Time(a, _)]) => Time(*a, false),
        (Call::Days, [Number(a)]) => Span(span(*a, DAY)),
        (Call::Hours, [Number(a)]) => Span(span(*a, DAY / 24)),
        (Call::Minutes, [Number(a)]) => Span(span(*a, 60_000_000)),
        (Call::Seconds, [Number(a)]) => Span(span(*a, 1_000_000)),
        (Call::Days, [Span(a)]) => Number(*a as f64 / DAY as f64),
        (Call::Hours, [Span(a)]) => Number(*a as f64 / (DAY / 24) as f64),
        (Call::Minutes, [Span(a)]) => Number(*a as f64 / 60e6),
        (Call::Seconds, [Span(a)]) => Number(*a as f64 / 1e6),
        (Call::Part(part), [Time(a, _)]) => part.of(*a).map_or(Null, Number),
        _ => return unknown(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::expression::read;

    fn value(text: &str) -> Result<Datum, String> {
        let expression = read(text).unwrap();
        let names: Vec<String> = expression.names.iter().map(ToString::to_string).collect();
        evaluate(&expression.node, &|n| match names[n].as_str() {
            "gone" => Datum::Null,
            "day" => Datum::Time(DAY * 10, true),
            _ => Datum::Number(3.0),
        })
    }

    #[test]
    fn missing_values_are_unknown_and_decided_by_what_is_known() {
        assert_eq!(value("gone > 1 && false").unwrap(), Datum::Yes(false));
        assert_eq!(value("gone > 1 || true").unwrap(), Datum::Yes(true));
        assert_eq!(value("gone > 1 && true").unwrap(), Datum::Null);
        assert_eq!(value("gone == null").unwrap(), Datum::Yes(true));
        assert_eq!(value("x + gone").unwrap(), Datum::Null);
    }

    #[test]
    fn numbers_texts_and_times() {
        assert_eq!(value("x * 2 + 1 == 7 ? \"a\" + \"b\" : \"c\"").unwrap(), Datum::Text("ab".into()));
        assert_eq!(value("date(\"1970-01-12\") - day <= 1").unwrap(), Datum::Yes(true));
        assert_eq!(value("day + hours(1) > day").unwrap(), Datum::Yes(true));
        assert_eq!(value("x in [1, 2, 3]").unwrap(), Datum::Yes(true));
        assert_eq!(value("max(1, x, 2)").unwrap(), Datum::Number(3.0));
        assert!(value("x < \"a\"").unwrap_err().contains("compares a number with a text"));
    }
}
