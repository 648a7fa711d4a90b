//! Expressions, one row at a time: values by place, so that no name is looked up while a process runs.
//!
//! [`Scalar`] computes any value. [`Formula`] is for what is computed most, right-hand sides of equations and rates: numbers alone, with
//! derivatives where a solver asks for them.

use std::sync::Arc;

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
        self.code.value(frame).map_err(|what| self.wrong(what))
    }

    /// Whether it holds; what is missing does not.
    ///
    /// # Errors
    /// When it is neither yes nor no.
    pub fn holds(&self, frame: &[Value]) -> Result<bool> {
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

/// What a [`Formula`] computes with: numbers, or numbers with a derivative.
pub trait Real: Copy {
    /// A constant.
    fn of(x: f64) -> Self;
    /// Without derivatives.
    fn plain(self) -> f64;
    /// A function and its derivative.
    fn one(self, f: impl Fn(f64) -> f64, slope: impl Fn(f64) -> f64) -> Self;
    /// A function of two and its derivatives.
    fn two(self, b: Self, f: impl Fn(f64, f64) -> f64, slopes: impl Fn(f64, f64) -> (f64, f64)) -> Self;
}

impl Real for f64 {
    fn of(x: f64) -> f64 {
        x
    }

    fn plain(self) -> f64 {
        self
    }

    fn one(self, f: impl Fn(f64) -> f64, _: impl Fn(f64) -> f64) -> f64 {
        f(self)
    }

    fn two(self, b: f64, f: impl Fn(f64, f64) -> f64, _: impl Fn(f64, f64) -> (f64, f64)) -> f64 {
        f(self, b)
    }
}

/// A number and its derivative in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Dual(pub f64, pub f64);

impl Real for Dual {
    fn of(x: f64) -> Dual {
        Dual(x, 0.0)
    }

    fn plain(self) -> f64 {
        self.0
    }

    fn one(self, f: impl Fn(f64) -> f64, slope: impl Fn(f64) -> f64) -> Dual {
        Dual(f(self.0), if self.1 == 0.0 { 0.0 } else { slope(self.0) * self.1 })
    }

    fn two(self, b: Dual, f: impl Fn(f64, f64) -> f64, slopes: impl Fn(f64, f64) -> (f64, f64)) -> Dual {
        let slope = if self.1 == 0.0 && b.1 == 0.0 {
            0.0
        } else {
            let (da, db) = slopes(self.0, b.0);
            // Not 0 times infinity where a part does not change.
            (if self.1 == 0.0 { 0.0 } else { da * self.1 }) + (if b.1 == 0.0 { 0.0 } else { db * b.1 })
        };
        Dual(f(self.0, b.0), slope)
    }
}

/// An expression of numbers alone: yes is 1, no is 0, what is missing is not a number.
#[derive(Clone, Debug, PartialEq)]
pub enum Formula {
    /// A constant.
    Fixed(f64),
    /// A value by its place.
    Place(usize),
    /// A function of one.
    One(Call, Box<Formula>),
    /// A function of two.
    Two(Call, Box<(Formula, Formula)>),
    /// The second where the first holds, or else the third.
    Choose(Box<(Formula, Formula, Formula)>),
}

fn formula(node: &Node, places: &[usize]) -> Result<Formula, String> {
    let (call, args) = match node {
        Node::Null => return Ok(Formula::Fixed(f64::NAN)),
        Node::Yes(yes) => return Ok(Formula::Fixed(f64::from(u8::from(*yes)))),
        Node::Number(x, _) => return Ok(Formula::Fixed(*x)),
        Node::Text(text) => return Err(format!("has the text `{text}`, where only numbers can stand")),
        Node::Name(at) => return Ok(Formula::Place(places[*at])),
        Node::Call(call, args) => (*call, args),
    };
    let mut parts = args.iter().map(|a| formula(a, places)).collect::<Result<Vec<_>, _>>()?;
    let fold = |call, parts: Vec<Formula>| parts.into_iter().reduce(|a, b| Formula::Two(call, Box::new((a, b))));
    let made = match call {
        Call::Choose => {
            let (Some(c), Some(b), Some(a)) = (parts.pop(), parts.pop(), parts.pop()) else {
                return Err("has a `?:` without its parts".to_owned());
            };
            Some(Formula::Choose(Box::new((a, b, c))))
        }
        Call::In => {
            let first = parts.remove(0);
            let any = parts.into_iter().map(|p| Formula::Two(Call::Equal, Box::new((first.clone(), p)))).collect();
            Some(fold(Call::Or, any).unwrap_or(Formula::Fixed(0.0)))
        }
        Call::Least | Call::Greatest => fold(call, parts),
        Call::Days => parts.pop(),
        Call::Round if parts.len() == 2 => fold(call, parts),
        Call::Not
        | Call::Negate
        | Call::Abs
        | Call::Floor
        | Call::Ceil
        | Call::Round
        | Call::Sqrt
        | Call::Exp
        | Call::Ln
        | Call::Log10
        | Call::Sin
        | Call::Cos
        | Call::Tan
        | Call::Sign
        | Call::Int
        | Call::Double => parts.pop().map(|p| Formula::One(call, Box::new(p))),
        Call::Or
        | Call::And
        | Call::Add
        | Call::Subtract
        | Call::Multiply
        | Call::Divide
        | Call::Remainder
        | Call::Equal
        | Call::Unequal
        | Call::Less
        | Call::AtMost
        | Call::Greater
        | Call::AtLeast
        | Call::Power
        | Call::Atan2 => fold(call, parts),
        _ => None,
    };
    made.map(folded).ok_or_else(|| format!("asks {call:?}, where only numbers can stand"))
}

/// What is constant is computed once.
fn folded(f: Formula) -> Formula {
    let constant = match &f {
        Formula::One(_, a) => matches!(**a, Formula::Fixed(_)),
        Formula::Two(_, ab) => matches!(**ab, (Formula::Fixed(_), Formula::Fixed(_))),
        _ => false,
    };
    if constant { Formula::Fixed(f.value::<f64>(&[])) } else { f }
}

impl Formula {
    /// Its value.
    pub fn value<R: Real>(&self, frame: &[R]) -> R {
        match self {
            Formula::Fixed(x) => R::of(*x),
            Formula::Place(at) => frame[*at],
            Formula::Choose(parts) => {
                if parts.0.value(frame).plain() == 1.0 {
                    parts.1.value(frame)
                } else {
                    parts.2.value(frame)
                }
            }
            Formula::One(call, a) => one_real(*call, a.value(frame)),
            Formula::Two(call, ab) => two_real(*call, ab.0.value(frame), ab.1.value(frame)),
        }
    }

    /// The places that it reads.
    pub fn places(&self, all: &mut Vec<usize>) {
        match self {
            Formula::Fixed(_) => {}
            Formula::Place(at) => all.push(*at),
            Formula::One(_, a) => a.places(all),
            Formula::Two(_, ab) => {
                ab.0.places(all);
                ab.1.places(all);
            }
            Formula::Choose(parts) => {
                parts.0.places(all);
                parts.1.places(all);
                parts.2.places(all);
            }
        }
    }
}

fn one_real<R: Real>(call: Call, x: R) -> R {
    let flat = |f: fn(f64) -> f64| x.one(f, |_| 0.0);
    match call {
        Call::Not => flat(|x| if x.is_nan() { x } else { f64::from(u8::from(x == 0.0)) }),
        Call::Negate => x.one(|x| -x, |_| -1.0),
        Call::Abs => x.one(f64::abs, f64::signum),
        Call::Floor => flat(f64::floor),
        Call::Ceil => flat(f64::ceil),
        Call::Round => flat(f64::round),
        Call::Int => flat(f64::trunc),
        Call::Sign => flat(|x| if x == 0.0 { 0.0 } else { x.signum() }),
        Call::Sqrt => x.one(f64::sqrt, |x| 0.5 / x.sqrt()),
        Call::Exp => x.one(f64::exp, f64::exp),
        Call::Ln => x.one(f64::ln, f64::recip),
        Call::Log10 => x.one(f64::log10, |x| 1.0 / (x * std::f64::consts::LN_10)),
        Call::Sin => x.one(f64::sin, f64::cos),
        Call::Cos => x.one(f64::cos, |x| -x.sin()),
        Call::Tan => x.one(f64::tan, |x| 1.0 + x.tan() * x.tan()),
        _ => x,
    }
}

fn two_real<R: Real>(call: Call, a: R, b: R) -> R {
    let yes = |f: fn(f64, f64) -> bool| {
        let f = move |a: f64, b: f64| if a.is_nan() || b.is_nan() { f64::NAN } else { f64::from(u8::from(f(a, b))) };
        a.two(b, f, |_, _| (0.0, 0.0))
    };
    match call {
        Call::Add => a.two(b, |a, b| a + b, |_, _| (1.0, 1.0)),
        Call::Subtract => a.two(b, |a, b| a - b, |_, _| (1.0, -1.0)),
        Call::Multiply => a.two(b, |a, b| a * b, |a, b| (b, a)),
        Call::Divide => a.two(b, |a, b| a / b, |a, b| (1.0 / b, -a / (b * b))),
        Call::Remainder => a.two(b, |a, b| a % b, |a, b| (1.0, -(a / b).trunc())),
        Call::Power => a.two(b, power, |a, b| (b * power(a, b - 1.0), power(a, b) * a.ln())),
        Call::Atan2 => a.two(b, f64::atan2, |a, b| (b / (a * a + b * b), -a / (a * a + b * b))),
        Call::Round => a.two(b, |a, b| rounded(a, b as i32), |_, _| (0.0, 0.0)),
        Call::Least if a.plain() <= b.plain() || b.plain().is_nan() => a,
        Call::Least => b,
        Call::Greatest if a.plain() >= b.plain() || b.plain().is_nan() => a,
        Call::Greatest => b,
        Call::Or => yes(|a, b| a != 0.0 || b != 0.0),
        Call::And => yes(|a, b| a != 0.0 && b != 0.0),
        Call::Equal => yes(alike),
        Call::Unequal => yes(|a, b| !alike(a, b)),
        Call::Less => yes(|a, b| a < b),
        Call::AtMost => yes(|a, b| a <= b),
        Call::Greater => yes(|a, b| a > b),
        Call::AtLeast => yes(|a, b| a >= b),
        _ => R::of(f64::NAN),
    }
}

/// A power, small whole ones by multiplication: `powf` costs ten times as much.
fn power(a: f64, b: f64) -> f64 {
    if b == 2.0 {
        a * a
    } else if b == 3.0 {
        a * a * a
    } else if b.fract() == 0.0 && b.abs() < 1e6 {
        a.powi(b as i32)
    } else {
        a.powf(b)
    }
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

    #[test]
    fn formulas_agree_with_scalars_and_their_derivatives_with_differences() {
        let texts = [
            "x * y - sin(x) / (1 + y * y)",
            "pow(x, 3) + pow(y, 2.5) + exp(-x)",
            "sqrt(x + y) * ln(y) + tan(x) - log10(y)",
            "x > y ? x * x : y * 3",
            "min(x, y) + max(x * 2, y) + abs(x - y)",
            "atan2(x, y) + cos(2 * x) + x % 2",
            "x in [1, 2] || x < 3 ? x : 0",
        ];
        for text in texts {
            let mut scope = Scope::new(vec!["x".to_owned(), "y".to_owned()], 1e6);
            let (f, s) = (scope.formula("k", text).unwrap(), scope.scalar("k", text).unwrap());
            for (x, y) in [(1.3, 2.7), (2.9, 0.4)] {
                let value = f.value(&[x, y]);
                let same = s.number(&[Value::Number(x), Value::Number(y)]).unwrap();
                assert!((value - same).abs() < 1e-12, "{text}");
                for (dx, dy) in [(1.0, 0.0), (0.0, 1.0), (0.3, -2.0)] {
                    let h = 1e-6;
                    let at = |s: f64| f.value(&[x + s * h * dx, y + s * h * dy]);
                    let (difference, slope) =
                        ((at(1.0) - at(-1.0)) / (2.0 * h), f.value(&[Dual(x, dx), Dual(y, dy)]).1);
                    assert!((difference - slope).abs() < 1e-6 * (1.0 + slope.abs()), "{text}: {difference} {slope}");
                }
            }
        }
    }
}
