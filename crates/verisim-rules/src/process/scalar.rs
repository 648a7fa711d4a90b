//! Expressions, one row at a time: values by place, so that no name is looked up while a process runs.
//!
//! [`Scalar`] computes any value; [`Formula`] numbers alone.

use std::sync::Arc;

use super::formula::{Formula, formula};
use crate::error::{Error, Result};
use crate::expression::{self, Call, DAY, Node, alike, rounded};

/// A value of one row.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Value {
    /// A missing value.
    #[default]
    Null,
    /// Yes or no.
    Yes(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(Arc<str>),
    /// A date or time, in microseconds since 1970-01-01.
    Time(i64),
}

impl Value {
    /// The number, if it is one; yes is 1.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Number(x) => Some(*x),
            Value::Yes(yes) => Some(f64::from(u8::from(*yes))),
            _ => None,
        }
    }

    /// What it is, for messages.
    fn kind(&self) -> &'static str {
        match self {
            Value::Null => "a missing value",
            Value::Yes(_) => "yes or no",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::Time(_) => "a time",
        }
    }
}

impl From<f64> for Value {
    fn from(x: f64) -> Value {
        Value::Number(x)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.into())
    }
}

/// The names that the expressions of a process know, and their places: the process's own first, then columns of the parent row, in the
/// order in which they are met.
#[derive(Clone, Debug)]
pub struct Scope {
    own: Vec<String>,
    inputs: Vec<String>,
    /// Microseconds of one unit of the process's time.
    pub unit: f64,
}

impl Scope {
    /// A scope with the process's own names.
    pub fn new(own: Vec<String>, unit: f64) -> Scope {
        Scope { own, inputs: Vec::new(), unit }
    }

    /// The place of one of the process's own names.
    pub fn own(&self, name: &str) -> Option<usize> {
        self.own.iter().position(|n| n == name)
    }

    /// Columns of the parent row that were asked for.
    pub fn inputs(&self) -> &[String] {
        &self.inputs
    }

    /// Values for all places: missing ones for the process's own, then the inputs.
    pub fn frame(own: usize, inputs: &[Value]) -> Vec<Value> {
        let mut frame = vec![Value::Null; own];
        frame.extend_from_slice(inputs);
        frame
    }

    fn place(&mut self, name: &str) -> usize {
        self.own(name).unwrap_or_else(|| {
            let at = self.inputs.iter().position(|n| n == name).unwrap_or_else(|| {
                self.inputs.push(name.to_owned());
                self.inputs.len() - 1
            });
            self.own.len() + at
        })
    }

    fn read(&mut self, key: &str, text: &str) -> Result<(Node, Vec<usize>)> {
        let said = |what: &str| Error::Setting {
            key: key.to_owned(),
            what: format!("has the expression `{text}`, which {what}"),
        };
        let read = expression::read(text).map_err(|e| match e {
            Error::Expression { what, .. } => said(&what),
            other => other,
        })?;
        if let Some(name) = read.names.iter().find(|n| n.aggregate.is_some()) {
            return Err(said(&format!("asks for `{name}`; put it into a column of the parent and name that")));
        }
        let places = read.names.iter().map(|n| self.place(&n.path.join("."))).collect();
        Ok((read.node, places))
    }

    /// An expression of any value. `key` says where it is written.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn scalar(&mut self, key: &str, text: &str) -> Result<Scalar> {
        let (node, places) = self.read(key, text)?;
        Ok(Scalar { code: code(node, &places), text: text.into() })
    }

    /// An expression of numbers. `key` says where it is written.
    ///
    /// # Errors
    /// When it cannot be read, or has texts or dates.
    pub fn formula(&mut self, key: &str, text: &str) -> Result<Formula> {
        let (node, places) = self.read(key, text)?;
        formula(&node, &places).map_err(|what| Error::Setting {
            key: key.to_owned(),
            what: format!("has the expression `{text}`, which {what}"),
        })
    }
}

/// An expression whose names are places.
#[derive(Clone, Debug)]
pub struct Scalar {
    code: Code,
    text: Arc<str>,
}

#[derive(Clone, Debug)]
enum Code {
    Fixed(Value),
    Place(usize),
    Call(Call, Box<[Code]>),
}

fn code(node: Node, places: &[usize]) -> Code {
    match node {
        Node::Null => Code::Fixed(Value::Null),
        Node::Yes(yes) => Code::Fixed(Value::Yes(yes)),
        Node::Number(x, _) => Code::Fixed(Value::Number(x)),
        Node::Text(text) => Code::Fixed(Value::Text(text.into())),
        Node::Name(at) => Code::Place(places[at]),
        Node::Call(call, args) => Code::Call(call, args.into_iter().map(|a| code(a, places)).collect()),
    }
}

impl Scalar {
    /// Its value.
    ///
    /// # Errors
    /// When values are of kinds that do not go together.
    pub fn value(&self, frame: &[Value]) -> Result<Value> {
        match self.code.plain(frame) {
            Some(x) => Ok(Value::Number(x)),
            None => self.code.value(frame).map_err(|what| self.wrong(what)),
        }
    }

    /// Whether it holds; what is missing does not.
    ///
    /// # Errors
    /// When it is neither yes nor no.
    pub fn holds(&self, frame: &[Value]) -> Result<bool> {
        if let Some(yes) = self.code.truth(frame) {
            return Ok(yes);
        }
        match self.value(frame)? {
            Value::Yes(yes) => Ok(yes),
            Value::Null => Ok(false),
            other => Err(self.wrong(format!("comes to {}, where yes or no is asked for", other.kind()))),
        }
    }

    /// Its number.
    ///
    /// # Errors
    /// When it is none.
    pub fn number(&self, frame: &[Value]) -> Result<f64> {
        let value = self.value(frame)?;
        value.number().ok_or_else(|| self.wrong(format!("comes to {}, where a number is asked for", value.kind())))
    }

    /// The places that it reads.
    pub fn places(&self) -> Vec<usize> {
        fn walk(code: &Code, all: &mut Vec<usize>) {
            match code {
                Code::Fixed(_) => {}
                Code::Place(at) => all.push(*at),
                Code::Call(_, args) => args.iter().for_each(|a| walk(a, all)),
            }
        }
        let mut all = Vec::new();
        walk(&self.code, &mut all);
        all
    }

    /// Of which kind its value is, as far as the expression alone tells.
    pub fn kind(&self) -> Option<Value> {
        self.code.kind()
    }

    fn wrong(&self, what: String) -> Error {
        Error::Expression { text: self.text.to_string(), what }
    }
}

impl Code {
    fn kind(&self) -> Option<Value> {
        match self {
            Code::Fixed(Value::Null) | Code::Place(_) => None,
            Code::Fixed(value) => Some(value.clone()),
            Code::Call(call, args) => match call {
                Call::Or
                | Call::And
                | Call::Not
                | Call::Equal
                | Call::Unequal
                | Call::Less
                | Call::AtMost
                | Call::Greater
                | Call::AtLeast
                | Call::In
                | Call::Contains
                | Call::StartsWith
                | Call::EndsWith => Some(Value::Yes(false)),
                Call::Choose => args[1].kind().or_else(|| args[2].kind()),
                Call::Coalesce => args.iter().find_map(Code::kind),
                Call::Upper | Call::Lower | Call::Trim | Call::Substring | Call::Replace | Call::String | Call::Pad => {
                    Some(Value::Text("".into()))
                }
                Call::Date | Call::Timestamp => Some(Value::Time(0)),
                // A sum of what is not known may be a text or a time.
                Call::Add | Call::Subtract | Call::Least | Call::Greatest => {
                    let kinds: Option<Vec<Value>> = args.iter().map(Code::kind).collect();
                    kinds.and_then(|all| all.into_iter().max_by_key(|k| u8::from(!matches!(k, Value::Number(_)))))
                }
                _ => Some(Value::Number(0.0)),
            },
        }
    }

    /// Its number, where all that it reads are numbers: the short way, which costs a third. Nothing where the long way must be gone.
    fn plain(&self, frame: &[Value]) -> Option<f64> {
        let number = |value: Option<Value>| if let Some(Value::Number(x)) = value { Some(x) } else { None };
        match self {
            Code::Fixed(Value::Number(x)) => Some(*x),
            Code::Fixed(_) => None,
            Code::Place(at) => {
                if let Value::Number(x) = &frame[*at] {
                    Some(*x)
                } else {
                    None
                }
            }
            Code::Call(Call::Choose, args) => args[if args[0].truth(frame)? { 1 } else { 2 }].plain(frame),
            Code::Call(call, args) => match &**args {
                [a] => number(one(*call, a.plain(frame)?)),
                [a, b] => number(numbers(*call, a.plain(frame)?, b.plain(frame)?)),
                _ => None,
            },
        }
    }

    /// Whether it holds, the short way.
    fn truth(&self, frame: &[Value]) -> Option<bool> {
        match self {
            Code::Fixed(Value::Yes(yes)) => Some(*yes),
            Code::Place(at) => {
                if let Value::Yes(yes) = &frame[*at] {
                    Some(*yes)
                } else {
                    None
                }
            }
            Code::Call(Call::Not, args) => args[0].truth(frame).map(|yes| !yes),
            Code::Call(Call::And, args) if !args[0].truth(frame)? => Some(false),
            Code::Call(Call::Or, args) if args[0].truth(frame)? => Some(true),
            Code::Call(Call::And | Call::Or, args) => args[1].truth(frame),
            Code::Call(Call::Equal, args) => Some(alike(args[0].plain(frame)?, args[1].plain(frame)?)),
            Code::Call(Call::Unequal, args) => Some(!alike(args[0].plain(frame)?, args[1].plain(frame)?)),
            Code::Call(call @ (Call::Less | Call::AtMost | Call::Greater | Call::AtLeast), args) => {
                match numbers(*call, args[0].plain(frame)?, args[1].plain(frame)?) {
                    Some(Value::Yes(yes)) => Some(yes),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn value(&self, frame: &[Value]) -> Result<Value, String> {
        let (call, args) = match self {
            Code::Fixed(value) => return Ok(value.clone()),
            Code::Place(at) => return Ok(frame[*at].clone()),
            Code::Call(call, args) => (*call, args),
        };
        match call {
            Call::And | Call::Or => logic(call == Call::Or, args, frame),
            Call::Choose => match args[0].value(frame)? {
                Value::Yes(true) => args[1].value(frame),
                Value::Yes(false) | Value::Null => args[2].value(frame),
                other => Err(format!("asks `?:` of {}", other.kind())),
            },
            Call::Coalesce => {
                for arg in args {
                    let value = arg.value(frame)?;
                    if value != Value::Null {
                        return Ok(value);
                    }
                }
                Ok(Value::Null)
            }
            Call::In => {
                let first = args[0].value(frame)?;
                for arg in &args[1..] {
                    if same(&first, &arg.value(frame)?) {
                        return Ok(Value::Yes(true));
                    }
                }
                Ok(Value::Yes(false))
            }
            Call::Equal => Ok(Value::Yes(same(&args[0].value(frame)?, &args[1].value(frame)?))),
            Call::Unequal => Ok(Value::Yes(!same(&args[0].value(frame)?, &args[1].value(frame)?))),
            _ if args.len() == 2 => two(call, args[0].value(frame)?, args[1].value(frame)?),
            _ => {
                let all = args.iter().map(|a| a.value(frame)).collect::<Result<Vec<_>, _>>()?;
                many(call, &all)
            }
        }
    }
}

fn logic(or: bool, args: &[Code], frame: &[Value]) -> Result<Value, String> {
    let mut missing = false;
    for arg in args {
        match arg.value(frame)? {
            Value::Yes(yes) if yes == or => return Ok(Value::Yes(or)),
            Value::Yes(_) => {}
            Value::Null => missing = true,
            other => return Err(format!("asks {} of {}", if or { "||" } else { "&&" }, other.kind())),
        }
    }
    Ok(if missing { Value::Null } else { Value::Yes(!or) })
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => alike(*a, *b),
        _ => a == b,
    }
}

fn two(call: Call, a: Value, b: Value) -> Result<Value, String> {
    use Value::{Number, Text, Time, Yes};
    if let (Number(a), Number(b)) = (&a, &b)
        && let Some(value) = numbers(call, *a, *b)
    {
        return Ok(value);
    }
    if a == Value::Null || b == Value::Null {
        return Ok(Value::Null);
    }
    let order = |less: std::cmp::Ordering| {
        Some(Yes(match call {
            Call::Less => less.is_lt(),
            Call::AtMost => less.is_le(),
            Call::Greater => less.is_gt(),
            Call::AtLeast => less.is_ge(),
            _ => return None,
        }))
    };
    let days = |x: f64| (x * DAY as f64).round() as i64;
    let value = match (&a, &b) {
        (Text(x), Text(y)) if call == Call::Add => Some(Text(format!("{x}{y}").into())),
        (Text(x), Text(y)) => order(x.cmp(y)),
        (Time(x), Time(y)) if call == Call::Subtract => Some(Number(x.saturating_sub(*y) as f64 / DAY as f64)),
        (Time(x), Time(y)) => order(x.cmp(y)),
        (Time(x), Number(y)) if call == Call::Add => Some(Time(x.saturating_add(days(*y)))),
        (Time(x), Number(y)) if call == Call::Subtract => Some(Time(x.saturating_sub(days(*y)))),
        (Number(x), Time(y)) if call == Call::Add => Some(Time(y.saturating_add(days(*x)))),
        (Yes(_), Number(_)) | (Number(_), Yes(_)) | (Yes(_), Yes(_)) => {
            numbers(call, a.number().unwrap_or(0.0), b.number().unwrap_or(0.0))
        }
        _ => None,
    };
    match value {
        Some(value) => Ok(value),
        None => many(call, &[a, b]),
    }
}

fn numbers(call: Call, a: f64, b: f64) -> Option<Value> {
    Some(match call {
        Call::Add => Value::Number(a + b),
        Call::Subtract => Value::Number(a - b),
        Call::Multiply => Value::Number(a * b),
        Call::Divide => finite(a / b),
        Call::Remainder => finite(a % b),
        Call::Power => finite(a.powf(b)),
        Call::Atan2 => Value::Number(a.atan2(b)),
        Call::Least => Value::Number(a.min(b)),
        Call::Greatest => Value::Number(a.max(b)),
        Call::Round => Value::Number(rounded(a, b as i32)),
        Call::Less => Value::Yes(a < b && !alike(a, b)),
        Call::AtMost => Value::Yes(a <= b || alike(a, b)),
        Call::Greater => Value::Yes(a > b && !alike(a, b)),
        Call::AtLeast => Value::Yes(a >= b || alike(a, b)),
        _ => return None,
    })
}

/// What is no number is missing.
fn finite(x: f64) -> Value {
    if x.is_finite() { Value::Number(x) } else { Value::Null }
}

fn one(call: Call, x: f64) -> Option<Value> {
    Some(match call {
        Call::Negate => Value::Number(-x),
        Call::Abs => Value::Number(x.abs()),
        Call::Floor => Value::Number(x.floor()),
        Call::Ceil => Value::Number(x.ceil()),
        Call::Round => Value::Number(x.round()),
        Call::Sqrt => finite(x.sqrt()),
        Call::Exp => finite(x.exp()),
        Call::Ln => finite(x.ln()),
        Call::Log10 => finite(x.log10()),
        Call::Sin => finite(x.sin()),
        Call::Cos => finite(x.cos()),
        Call::Tan => finite(x.tan()),
        Call::Sign => Value::Number(if x == 0.0 { 0.0 } else { x.signum() }),
        Call::Int => Value::Number(x.trunc()),
        Call::Double | Call::Days => Value::Number(x),
        Call::Hours => Value::Number(x / 24.0),
        Call::Minutes => Value::Number(x / 1_440.0),
        Call::Seconds => Value::Number(x / 86_400.0),
        Call::Least | Call::Greatest => Value::Number(x),
        Call::String => Value::Text(if x.fract() == 0.0 && x.abs() < 1e15 {
            (x as i64).to_string().into()
        } else {
            x.to_string().into()
        }),
        _ => return None,
    })
}

fn many(call: Call, args: &[Value]) -> Result<Value, String> {
    use Value::{Null, Number, Text, Time, Yes};
    if args.contains(&Null) {
        return Ok(Null);
    }
    let value = match (call, args) {
        (Call::Not, [Yes(yes)]) => Some(Yes(!yes)),
        (_, [Number(x)]) => one(call, *x),
        (Call::Double | Call::Int, [Yes(yes)]) => Some(Number(f64::from(u8::from(*yes)))),
        (Call::Double, [Text(text)]) => Some(text.trim().parse().map_or(Null, Number)),
        (Call::Int, [Text(text)]) => Some(text.trim().parse::<f64>().map_or(Null, |x| Number(x.trunc()))),
        (Call::String, [Text(text)]) => Some(Text(text.clone())),
        (Call::String, [Yes(yes)]) => Some(Text(yes.to_string().into())),
        (Call::Size, [Text(text)]) => Some(Number(text.chars().count() as f64)),
        (Call::Upper, [Text(text)]) => Some(Text(text.to_uppercase().into())),
        (Call::Lower, [Text(text)]) => Some(Text(text.to_lowercase().into())),
        (Call::Trim, [Text(text)]) => Some(Text(text.trim().into())),
        (Call::Substring, [Text(text), Number(from), rest @ ..]) => {
            let to = rest.first().and_then(Value::number).unwrap_or(f64::INFINITY);
            let cut = text.chars().enumerate().filter(|(k, _)| *k as f64 >= *from && (*k as f64) < to);
            Some(Text(cut.map(|(_, c)| c).collect::<String>().into()))
        }
        (Call::Replace, [Text(text), Text(old), Text(new)]) => Some(Text(text.replace(&**old, new).into())),
        (Call::Contains, [Text(text), Text(part)]) => Some(Yes(text.contains(&**part))),
        (Call::StartsWith, [Text(text), Text(part)]) => Some(Yes(text.starts_with(&**part))),
        (Call::EndsWith, [Text(text), Text(part)]) => Some(Yes(text.ends_with(&**part))),
        (Call::Pad, [Number(x), Number(width)]) => {
            Some(Text(format!("{:0width$}", *x as i64, width = width.clamp(0.0, 99.0) as usize).into()))
        }
        (Call::Pad, [Text(text), Number(width)]) => {
            Some(Text(format!("{text:0>width$}", width = width.clamp(0.0, 99.0) as usize).into()))
        }
        (Call::Part(part), [Time(t)]) => Some(part.of(*t).map_or(Null, Number)),
        (Call::Date, [Time(t)]) => Some(Time(t.div_euclid(DAY) * DAY)),
        (Call::Date, [Text(text)]) => Some(expression::iso(text).map_or(Null, |t| Time(t.0.div_euclid(DAY) * DAY))),
        (Call::Date, [Number(y), Number(m), Number(d)]) => Some(
            expression::iso(&format!("{:04}-{:02}-{:02}", *y as i64, *m as i64, *d as i64)).map_or(Null, |t| Time(t.0)),
        ),
        (Call::Timestamp, [Text(text)]) => Some(expression::iso(text).map_or(Null, |t| Time(t.0))),
        (Call::Least | Call::Greatest, all) if all.iter().all(|v| v.number().is_some()) => {
            let all = all.iter().filter_map(Value::number);
            Some(Number(if call == Call::Least {
                all.fold(f64::INFINITY, f64::min)
            } else {
                all.fold(f64::NEG_INFINITY, f64::max)
            }))
        }
        (Call::Least | Call::Greatest, all) if all.iter().all(|v| matches!(v, Time(_))) => {
            let all = all.iter().filter_map(|v| if let Time(t) = v { Some(*t) } else { None });
            if call == Call::Least { all.min() } else { all.max() }.map(Time)
        }
        _ => None,
    };
    value.ok_or_else(|| {
        let kinds: Vec<&str> = args.iter().map(Value::kind).collect();
        format!("asks {call:?} of {}", kinds.join(" and "))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn computed(text: &str, frame: &[(&str, Value)]) -> Value {
        let mut scope = Scope::new(frame.iter().map(|f| f.0.to_owned()).collect(), 1e6);
        let values: Vec<Value> = frame.iter().map(|f| f.1.clone()).collect();
        scope.scalar("x", text).unwrap().value(&values).unwrap()
    }

    #[test]
    fn values_of_all_kinds_are_computed() {
        let frame = [("a", Value::Number(3.0)), ("n", Value::Null), ("s", "Ab".into()), ("d", Value::Time(0))];
        for (text, value) in [
            ("a / 2 + 1", Value::Number(2.5)),
            ("7 % 4 == 3 && !(a < 3)", Value::Yes(true)),
            ("n + 1", Value::Null),
            ("n == null", Value::Yes(true)),
            ("n > 1 || true", Value::Yes(true)),
            ("n > 1 && true", Value::Null),
            ("n > 1 ? 1 : 2", Value::Number(2.0)),
            ("upper(s) + \"!\"", "AB!".into()),
            ("a in [1, 2, 3]", Value::Yes(true)),
            ("d + 1.5", Value::Time(129_600_000_000)),
            ("year(d + 366)", Value::Number(1971.0)),
            ("min(a, 2, 9)", Value::Number(2.0)),
            ("1 / 0", Value::Null),
            ("round(2.345, 2)", Value::Number(2.35)),
            ("string(a) + string(0.5)", "30.5".into()),
            ("pad(7, 3)", "007".into()),
        ] {
            assert_eq!(computed(text, &frame), value, "{text}");
        }
    }

    /// The short way and the long way come to the same, or the short way to nothing.
    #[test]
    fn the_short_way_agrees_with_the_long_way() {
        let names = ["a", "b", "n", "s", "y"].map(str::to_owned).to_vec();
        let frame = [Value::Number(3.0), Value::Number(-2.0), Value::Null, "x".into(), Value::Yes(true)];
        for text in [
            "a + b * 2 - a / b",
            "a / (b + 2)",
            "n + 1",
            "y ? a : b",
            "n > 1 ? a : b",
            "a > b && y",
            "n > 1 && y",
            "!(a == 3) || y",
            "a != b",
            "n == null",
            "sqrt(b)",
            "min(a, b, 1)",
            "round(a / 7, 2) + abs(b)",
            "s == \"x\" ? 1 : 2",
            "y && n > 1",
            "false && n > 1",
        ] {
            let scalar = Scope::new(names.clone(), 1e6).scalar("k", text).unwrap();
            let long = scalar.code.value(&frame).unwrap();
            assert_eq!(scalar.value(&frame).unwrap(), long, "{text}");
            if let Some(yes) = scalar.code.truth(&frame) {
                assert_eq!(Value::Yes(yes), long, "{text}");
            }
        }
    }

    #[test]
    fn what_does_not_go_together_is_said() {
        let mut scope = Scope::new(vec!["s".to_owned()], 1e6);
        let said = |e: Error| e.to_string();
        let text = scope.scalar("k", "s * 2").unwrap();
        assert!(said(text.value(&["x".into()]).unwrap_err()).contains("Multiply of a text and a number"));
        assert!(said(text.number(&[Value::Null]).unwrap_err()).contains("where a number is asked for"));
        assert!(said(scope.scalar("k", "1 +").unwrap_err()).contains("`k` has the expression `1 +`, which cannot"));
        assert!(said(scope.formula("k", "\"a\"").unwrap_err()).contains("only numbers"));
        assert!(said(scope.scalar("k", "sum(a.b)").unwrap_err()).contains("column of the parent"));
        assert!(scope.inputs().is_empty());
        scope.scalar("k", "age + s + age").unwrap();
        assert_eq!(scope.inputs(), ["age"]);
    }
}
