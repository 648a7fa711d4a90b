//! What an expression comes to, a column at a time: one pass over a block of rows for each part, so that a part costs a few nanoseconds a
//! row.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow_schema::{DataType, TimeUnit};

use super::{Call, DAY, Expression, Node, alike, dates, iso, rounded};

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Always missing.
    Null,
    /// Yes or no.
    Yes,
    /// A whole number.
    Whole,
    /// A number.
    Number,
    /// A text.
    Text,
    /// A date.
    Day,
    /// A date and time.
    Time,
}

impl Kind {
    /// The kind of the values of an array; texts of what is none of them.
    pub fn of(data: &DataType) -> Kind {
        match data {
            DataType::Null => Kind::Null,
            DataType::Boolean => Kind::Yes,
            t if t.is_integer() => Kind::Whole,
            t if t.is_numeric() => Kind::Number,
            DataType::Date32 => Kind::Day,
            DataType::Timestamp(..) => Kind::Time,
            _ => Kind::Text,
        }
    }

    /// How Arrow holds it.
    pub fn data(self) -> DataType {
        match self {
            Kind::Null | Kind::Text => DataType::Utf8,
            Kind::Yes => DataType::Boolean,
            Kind::Whole => DataType::Int64,
            Kind::Number => DataType::Float64,
            Kind::Day => DataType::Date32,
            Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, None),
        }
    }

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Null => "nothing",
            Kind::Yes => "yes or no",
            Kind::Whole => "whole number",
            Kind::Number => "number",
            Kind::Text => "text",
            Kind::Day => "date",
            Kind::Time => "time",
        }
    }

    /// What holds values of both.
    pub fn and(self, other: Kind) -> Kind {
        match (self, other) {
            (a, b) if a == b => a,
            (Kind::Null, b) => b,
            (a, Kind::Null) => a,
            (Kind::Whole, Kind::Number) | (Kind::Number, Kind::Whole) => Kind::Number,
            (Kind::Day, Kind::Time) | (Kind::Time, Kind::Day) => Kind::Time,
            _ => Kind::Text,
        }
    }
}

/// A column of values of one kind, or one value for all rows.
#[derive(Clone, Debug)]
pub enum Values {
    /// Missing.
    Null,
    /// 0, 1, or 2 where it is missing.
    Yes(Vec<u8>),
    /// `NaN` where it is missing.
    Number(Vec<f64>),
    /// Texts.
    Text(StringArray),
    /// Microseconds since 1970-01-01, [`NEVER`] where it is missing; whether they are dates alone.
    Time(Vec<i64>, bool),
}

/// A time that is missing.
pub const NEVER: i64 = i64::MIN;
/// Yes or no that is missing.
const UNKNOWN: u8 = 2;

impl Values {
    /// The values of an array.
    pub fn of(array: &dyn Array) -> Values {
        let times = |t: arrow_array::TimestampMicrosecondArray| t.iter().map(|v| v.unwrap_or(NEVER)).collect();
        match array.data_type() {
            DataType::Null => Values::Null,
            DataType::Boolean => Values::Yes(array.as_boolean().iter().map(|v| v.map_or(UNKNOWN, u8::from)).collect()),
            DataType::Int64 if array.null_count() == 0 => {
                Values::Number(array.as_primitive::<Int64Type>().values().iter().map(|&v| v as f64).collect())
            }
            DataType::Float64 if array.null_count() == 0 => {
                Values::Number(array.as_primitive::<Float64Type>().values().to_vec())
            }
            DataType::Int64 => Values::Number(
                array.as_primitive::<Int64Type>().iter().map(|v| v.map_or(f64::NAN, |v| v as f64)).collect(),
            ),
            DataType::Float64 => {
                Values::Number(array.as_primitive::<Float64Type>().iter().map(|v| v.unwrap_or(f64::NAN)).collect())
            }
            DataType::Date32 => {
                let days = array.as_primitive::<Date32Type>().iter();
                Values::Time(days.map(|v| v.map_or(NEVER, |d| i64::from(d) * DAY)).collect(), true)
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                Values::Time(times(array.as_primitive::<TimestampMicrosecondType>().clone()), false)
            }
            DataType::Utf8 => Values::Text(array.as_string::<i32>().clone()),
            other => {
                let to = Kind::of(other).data();
                arrow_cast::cast(array, &to).map_or(Values::Null, |cast| Values::of(cast.as_ref()))
            }
        }
    }

    /// An array of `n` values of a kind.
    pub fn array(&self, kind: Kind, n: usize) -> ArrayRef {
        match (kind, self) {
            (Kind::Null, _) => Arc::new(StringArray::new_null(n)),
            (Kind::Yes, v) => {
                let yes = v.yes();
                Arc::new((0..n).map(|i| known(at(&yes, i))).collect::<BooleanArray>())
            }
            (Kind::Whole, v) => {
                let x = v.numbers();
                let whole = |x: f64| (x.is_finite() && x.abs() < 9.2e18).then_some(x as i64);
                Arc::new((0..n).map(|i| whole(at(&x, i))).collect::<Int64Array>())
            }
            (Kind::Number, v) => {
                let x = v.numbers();
                if x.len() == n && !x.iter().any(|x| x.is_nan()) {
                    return Arc::new(Float64Array::from(x));
                }
                Arc::new((0..n).map(|i| Some(at(&x, i)).filter(|x| !x.is_nan())).collect::<Float64Array>())
            }
            (Kind::Day, v) => {
                let t = v.times();
                let day = |t: i64| (t != NEVER).then(|| i32::try_from(t.div_euclid(DAY)).ok()).flatten();
                Arc::new((0..n).map(|i| day(at(&t, i))).collect::<Date32Array>())
            }
            (Kind::Time, v) => {
                let t = v.times();
                Arc::new((0..n).map(|i| Some(at(&t, i)).filter(|t| *t != NEVER)).collect::<TimestampMicrosecondArray>())
            }
            (Kind::Text, Values::Text(texts)) if texts.len() == n => Arc::new(texts.clone()),
            (Kind::Text, v) => {
                let texts = v.texts();
                Arc::new((0..n).map(|i| text_at(&texts, i)).collect::<StringArray>())
            }
        }
    }

    /// As numbers: yes is 1, a text is what it says, a time nothing.
    pub fn numbers(&self) -> Vec<f64> {
        match self {
            Values::Number(x) => x.clone(),
            Values::Yes(yes) => yes.iter().map(|&y| if y == UNKNOWN { f64::NAN } else { f64::from(y) }).collect(),
            Values::Text(texts) => {
                let number = |t: Option<&str>| t.and_then(|t| t.trim().parse().ok()).filter(|x: &f64| x.is_finite());
                texts.iter().map(|t| number(t).unwrap_or(f64::NAN)).collect()
            }
            Values::Null | Values::Time(..) => vec![f64::NAN],
        }
    }

    /// As yes or no; nothing of what is neither.
    pub fn yes(&self) -> Vec<u8> {
        match self {
            Values::Yes(yes) => yes.clone(),
            Values::Text(texts) => texts.iter().map(|t| t.and_then(truth).map_or(UNKNOWN, u8::from)).collect(),
            _ => vec![UNKNOWN],
        }
    }

    /// As times; texts in ISO form.
    pub fn times(&self) -> Vec<i64> {
        match self {
            Values::Time(t, _) => t.clone(),
            Values::Text(texts) => texts.iter().map(|t| t.and_then(iso).map_or(NEVER, |t| t.0)).collect(),
            _ => vec![NEVER],
        }
    }

    /// As texts: numbers with the fewest digits that read back the same, times in ISO form.
    pub fn texts(&self) -> StringArray {
        let mut all = StringBuilder::new();
        match self {
            Values::Text(texts) => return texts.clone(),
            Values::Null => all.append_null(),
            Values::Yes(yes) => {
                yes.iter().for_each(|&y| all.append_option(known(y).map(|y| if y { "true" } else { "false" })))
            }
            Values::Number(x) => x.iter().for_each(|&x| all.append_option((!x.is_nan()).then(|| number_text(x)))),
            Values::Time(t, day) => t.iter().for_each(|&t| all.append_option(time_text(t, *day))),
        }
        all.finish()
    }

    fn len(&self) -> usize {
        match self {
            Values::Null => 1,
            Values::Yes(v) => v.len(),
            Values::Number(v) => v.len(),
            Values::Text(v) => v.len(),
            Values::Time(v, _) => v.len(),
        }
    }

    fn is_missing(&self, i: usize) -> bool {
        match self {
            Values::Null => true,
            Values::Yes(v) => at(v, i) == UNKNOWN,
            Values::Number(v) => at(v, i).is_nan(),
            Values::Text(v) => text_at(v, i).is_none(),
            Values::Time(v, _) => at(v, i) == NEVER,
        }
    }
}

/// The value of a row, or the one of all rows.
fn at<T: Copy>(values: &[T], i: usize) -> T {
    if values.len() == 1 { values[0] } else { values[i] }
}

fn text_at(texts: &StringArray, i: usize) -> Option<&str> {
    let i = if texts.len() == 1 { 0 } else { i };
    texts.is_valid(i).then(|| texts.value(i))
}

fn known(yes: u8) -> Option<bool> {
    (yes != UNKNOWN).then_some(yes == 1)
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "t" | "y" | "1" => Some(true),
        "false" | "no" | "f" | "n" | "0" => Some(false),
        _ => None,
    }
}

/// A number as people write it.
pub fn number_text(x: f64) -> String {
    if x == x.trunc() && x.abs() < 1e15 { format!("{}", x as i64) } else { format!("{x}") }
}

/// A time in ISO form.
pub fn time_text(t: i64, day: bool) -> Option<String> {
    let date = (t != NEVER).then(|| dates::civil_of(t.div_euclid(DAY))).flatten()?;
    if day {
        return Some(date.to_string());
    }
    let within = t.rem_euclid(DAY);
    let (seconds, micros) = (within / 1_000_000, within % 1_000_000);
    let clock = format!("{date}T{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    Some(if micros == 0 { clock } else { format!("{clock}.{micros:06}") })
}

impl Expression {
    /// The kind of what it comes to; `kinds` are those of its names.
    pub fn kind(&self, kinds: &[Kind]) -> Kind {
        kind_of(&self.node, kinds)
    }

    /// What it comes to in `n` rows; `values` are those of its names.
    pub fn values(&self, values: &[Values], n: usize) -> Values {
        value(&self.node, values, n)
    }
}

fn kind_of(node: &Node, kinds: &[Kind]) -> Kind {
    let (call, of) = match node {
        Node::Null => return Kind::Null,
        Node::Yes(_) => return Kind::Yes,
        Node::Number(_, true) => return Kind::Whole,
        Node::Number(..) => return Kind::Number,
        Node::Text(_) => return Kind::Text,
        Node::Name(k) => return kinds.get(*k).copied().unwrap_or(Kind::Null),
        Node::Call(call, of) => (*call, of),
    };
    let k = |i: usize| of.get(i).map_or(Kind::Null, |node| kind_of(node, kinds));
    let is_time = |k: Kind| matches!(k, Kind::Day | Kind::Time);
    let whole = |all: bool| if all { Kind::Whole } else { Kind::Number };
    let all_whole = || of.iter().all(|node| matches!(kind_of(node, kinds), Kind::Whole | Kind::Yes | Kind::Null));
    match call {
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
        | Call::EndsWith => Kind::Yes,
        Call::Choose => k(1).and(k(2)),
        Call::Coalesce => (0..of.len()).map(k).fold(Kind::Null, Kind::and),
        Call::Add if k(0) == Kind::Text || k(1) == Kind::Text => Kind::Text,
        Call::Subtract if (is_time(k(0)) && k(1) == Kind::Text) || (is_time(k(1)) && k(0) == Kind::Text) => {
            Kind::Number
        }
        Call::Add | Call::Subtract if is_time(k(0)) != is_time(k(1)) => {
            let (time, node) = if is_time(k(0)) { (k(0), &of[1]) } else { (k(1), &of[0]) };
            // A date and less than a day is a time.
            if time == Kind::Day && !matches!(kind_of(node, kinds), Kind::Whole) { Kind::Time } else { time }
        }
        Call::Subtract if is_time(k(0)) => whole(k(0) == Kind::Day && k(1) == Kind::Day),
        Call::Add
        | Call::Subtract
        | Call::Multiply
        | Call::Remainder
        | Call::Negate
        | Call::Abs
        | Call::Least
        | Call::Greatest => {
            if of.iter().any(|node| is_time(kind_of(node, kinds))) && matches!(call, Call::Least | Call::Greatest) {
                (0..of.len()).map(k).fold(Kind::Null, Kind::and)
            } else {
                whole(all_whole())
            }
        }
        Call::Floor | Call::Ceil | Call::Int | Call::Size | Call::Sign | Call::Part(_) => Kind::Whole,
        Call::Round => whole(of.len() == 1),
        Call::Days => whole(k(0) == Kind::Whole),
        Call::Divide
        | Call::Sqrt
        | Call::Exp
        | Call::Ln
        | Call::Log10
        | Call::Power
        | Call::Sin
        | Call::Cos
        | Call::Tan
        | Call::Atan2
        | Call::Double
        | Call::Hours
        | Call::Minutes
        | Call::Seconds => Kind::Number,
        Call::Upper | Call::Lower | Call::Trim | Call::Substring | Call::Replace | Call::String | Call::Pad => {
            Kind::Text
        }
        Call::Date => Kind::Day,
        Call::Timestamp => Kind::Time,
    }
}

fn value(node: &Node, names: &[Values], n: usize) -> Values {
    match node {
        Node::Null => Values::Null,
        Node::Yes(yes) => Values::Yes(vec![u8::from(*yes)]),
        Node::Number(x, _) => Values::Number(vec![*x]),
        Node::Text(text) => Values::Text(StringArray::from(vec![text.as_str()])),
        Node::Name(k) => names.get(*k).cloned().unwrap_or(Values::Null),
        Node::Call(call, of) => {
            let of: Vec<Values> = of.iter().map(|node| value(node, names, n)).collect();
            // All values alike: one row is computed.
            let n = of.iter().map(Values::len).max().unwrap_or(1).min(n.max(1));
            called(*call, &of, n)
        }
    }
}

fn called(call: Call, of: &[Values], n: usize) -> Values {
    let number = |f: fn(f64) -> f64| Values::Number(of[0].numbers().into_iter().map(|x| finite(f(x))).collect());
    let scaled = |by: f64| Values::Number(of[0].numbers().into_iter().map(|x| x * by).collect());
    let both = |f: fn(f64, f64) -> f64| {
        let (a, b) = (of[0].numbers(), of[1].numbers());
        Values::Number((0..n).map(|i| finite(f(at(&a, i), at(&b, i)))).collect())
    };
    let logic = |f: fn(u8, u8) -> u8| {
        let (a, b) = (of[0].yes(), of[1].yes());
        Values::Yes((0..n).map(|i| f(at(&a, i), at(&b, i))).collect())
    };
    let ordered = |f: fn(Ordering) -> bool| {
        Values::Yes(order(&of[0], &of[1], n).into_iter().map(|o| o.map_or(UNKNOWN, |o| u8::from(f(o)))).collect())
    };
    let texts = |f: &dyn Fn(&str) -> String| Values::Text(of[0].texts().iter().map(|t| t.map(f)).collect());
    match call {
        Call::Or => logic(|a, b| {
            if a == 1 || b == 1 {
                1
            } else if a == 0 && b == 0 {
                0
            } else {
                UNKNOWN
            }
        }),
        Call::And => logic(|a, b| {
            if a == 0 || b == 0 {
                0
            } else if a == 1 && b == 1 {
                1
            } else {
                UNKNOWN
            }
        }),
        Call::Not => Values::Yes(of[0].yes().into_iter().map(|y| if y == UNKNOWN { y } else { 1 - y }).collect()),
        Call::Choose => {
            let yes = of[0].yes();
            let pick: Vec<Option<usize>> = (0..n).map(|i| known(at(&yes, i)).map(usize::from)).collect();
            picked(&[&of[2], &of[1]], &pick)
        }
        Call::Coalesce => {
            let pick: Vec<Option<usize>> = (0..n).map(|i| of.iter().position(|v| !v.is_missing(i))).collect();
            picked(&of.iter().collect::<Vec<_>>(), &pick)
        }
        Call::Equal => Values::Yes(equal(&of[0], &of[1], n).into_iter().map(u8::from).collect()),
        Call::Unequal => Values::Yes(equal(&of[0], &of[1], n).into_iter().map(|e| u8::from(!e)).collect()),
        Call::In => {
            let mut any = vec![false; n];
            for other in &of[1..] {
                equal(&of[0], other, n).into_iter().zip(&mut any).for_each(|(e, any)| *any |= e);
            }
            Values::Yes(any.into_iter().map(u8::from).collect())
        }
        Call::Less => ordered(Ordering::is_lt),
        Call::AtMost => ordered(Ordering::is_le),
        Call::Greater => ordered(Ordering::is_gt),
        Call::AtLeast => ordered(Ordering::is_ge),
        Call::Add => match (&of[0], &of[1]) {
            (Values::Time(t, day), days) | (days, Values::Time(t, day)) => moved(t, *day, &days.numbers(), 1.0, n),
            (Values::Text(_), _) | (_, Values::Text(_)) => joined(&of[0].texts(), &of[1].texts(), n),
            _ => both(|a, b| a + b),
        },
        Call::Subtract => match (&of[0], &of[1]) {
            (Values::Time(..), Values::Time(..) | Values::Text(_)) | (Values::Text(_), Values::Time(..)) => {
                let (a, b) = (of[0].times(), of[1].times());
                let apart =
                    |a: i64, b: i64| if a == NEVER || b == NEVER { f64::NAN } else { (a - b) as f64 / DAY as f64 };
                Values::Number((0..n).map(|i| apart(at(&a, i), at(&b, i))).collect())
            }
            (Values::Time(t, day), days) => moved(t, *day, &days.numbers(), -1.0, n),
            _ => both(|a, b| a - b),
        },
        Call::Multiply => both(|a, b| a * b),
        Call::Divide => both(|a, b| a / b),
        Call::Remainder => both(|a, b| a % b),
        Call::Power => both(f64::powf),
        Call::Atan2 => both(f64::atan2),
        Call::Negate => number(|x| -x),
        Call::Abs => number(f64::abs),
        Call::Floor => number(f64::floor),
        Call::Ceil => number(f64::ceil),
        Call::Int => number(f64::trunc),
        Call::Double => number(|x| x),
        Call::Sqrt => number(f64::sqrt),
        Call::Exp => number(f64::exp),
        Call::Ln => number(f64::ln),
        Call::Log10 => number(f64::log10),
        Call::Sin => number(f64::sin),
        Call::Cos => number(f64::cos),
        Call::Tan => number(f64::tan),
        Call::Sign => number(|x| {
            if x > 0.0 {
                1.0
            } else if x < 0.0 {
                -1.0
            } else {
                x
            }
        }),
        Call::Round => {
            let digits = of.get(1).map_or(vec![0.0], Values::numbers);
            let x = of[0].numbers();
            Values::Number((0..n).map(|i| rounded(at(&x, i), at(&digits, i) as i32)).collect())
        }
        Call::Days => scaled(1.0),
        Call::Hours => scaled(1.0 / 24.0),
        Call::Minutes => scaled(1.0 / 1_440.0),
        Call::Seconds => scaled(1.0 / 86_400.0),
        Call::Least => extreme(of, n, Ordering::Less),
        Call::Greatest => extreme(of, n, Ordering::Greater),
        Call::Size => {
            Values::Number(of[0].texts().iter().map(|t| t.map_or(f64::NAN, |t| t.chars().count() as f64)).collect())
        }
        Call::Upper => texts(&|t| t.to_uppercase()),
        Call::Lower => texts(&|t| t.to_lowercase()),
        Call::Trim => texts(&|t| t.trim().to_owned()),
        Call::String => texts(&|t| t.to_owned()),
        Call::Substring => substring(of, n),
        Call::Replace => {
            let [t, from, to] = [of[0].texts(), of[1].texts(), of[2].texts()];
            let one = |i| Some(text_at(&t, i)?.replace(text_at(&from, i)?, text_at(&to, i)?));
            Values::Text((0..n).map(one).collect())
        }
        Call::Contains => asked(of, n, |t, part| t.contains(part)),
        Call::StartsWith => asked(of, n, |t, part| t.starts_with(part)),
        Call::EndsWith => asked(of, n, |t, part| t.ends_with(part)),
        Call::Pad => {
            let (t, width) = (of[0].texts(), of[1].numbers());
            let one =
                |i| text_at(&t, i).map(|t| format!("{t:0>width$}", width = at(&width, i).clamp(0.0, 64.0) as usize));
            Values::Text((0..n).map(one).collect())
        }
        Call::Date if of.len() > 1 => {
            let [y, m, d] = [0, 1, 2].map(|k| of.get(k).map_or(vec![1.0], Values::numbers));
            let one = |i: usize| {
                let date = jiff::civil::Date::new(at(&y, i) as i16, at(&m, i) as i8, at(&d, i) as i8);
                date.map_or(NEVER, |date| dates::days_of(date) * DAY)
            };
            Values::Time((0..n).map(one).collect(), true)
        }
        Call::Date => {
            let day = |t: i64| if t == NEVER { t } else { t.div_euclid(DAY) * DAY };
            Values::Time(of[0].times().into_iter().map(day).collect(), true)
        }
        Call::Timestamp => Values::Time(of[0].times(), false),
        Call::Part(part) => {
            let one = |t: i64| if t == NEVER { f64::NAN } else { part.of(t).unwrap_or(f64::NAN) };
            Values::Number(of[0].times().into_iter().map(one).collect())
        }
    }
}

/// What is no number is missing.
fn finite(x: f64) -> f64 {
    if x.is_finite() { x } else { f64::NAN }
}

/// Times moved by days. A date that is moved by a part of a day is a time.
fn moved(t: &[i64], day: bool, days: &[f64], sign: f64, n: usize) -> Values {
    let one = |t: i64, d: f64| match t == NEVER || d.is_nan() {
        true => NEVER,
        false => t.saturating_add((sign * d * DAY as f64).round() as i64),
    };
    let moved: Vec<i64> = (0..n).map(|i| one(at(t, i), at(days, i))).collect();
    Values::Time(moved, day && days.iter().all(|d| d.is_nan() || d.fract() == 0.0))
}

fn joined(a: &StringArray, b: &StringArray, n: usize) -> Values {
    let mut all = StringBuilder::with_capacity(n, n * 16);
    let mut text = String::new();
    for i in 0..n {
        match (text_at(a, i), text_at(b, i)) {
            (Some(a), Some(b)) => {
                text.clear();
                text.push_str(a);
                text.push_str(b);
                all.append_value(&text);
            }
            _ => all.append_null(),
        }
    }
    Values::Text(all.finish())
}

fn asked(of: &[Values], n: usize, is: fn(&str, &str) -> bool) -> Values {
    let (t, part) = (of[0].texts(), of[1].texts());
    let one = |i| Some(u8::from(is(text_at(&t, i)?, text_at(&part, i)?)));
    Values::Yes((0..n).map(|i| one(i).unwrap_or(UNKNOWN)).collect())
}

fn substring(of: &[Values], n: usize) -> Values {
    let (t, from) = (of[0].texts(), of[1].numbers());
    let to = of.get(2).map_or(vec![f64::INFINITY], Values::numbers);
    let one = |i| {
        let (from, to) = (at(&from, i).max(0.0), at(&to, i).max(0.0));
        let letters = text_at(&t, i)?.chars().skip(from as usize);
        Some(letters.take((to - from).clamp(0.0, 1e9) as usize).collect::<String>())
    };
    Values::Text((0..n).map(one).collect())
}

/// Of several columns the value of the one that is picked in each row.
fn picked(of: &[&Values], pick: &[Option<usize>]) -> Values {
    let of: Vec<&Values> = of.to_vec();
    let all = |is: fn(&Values) -> bool| of.iter().all(|v| is(v) || matches!(v, Values::Null));
    let n = pick.len();
    if all(|v| matches!(v, Values::Null)) {
        return Values::Null;
    }
    if all(|v| matches!(v, Values::Number(_) | Values::Yes(_))) && !all(|v| matches!(v, Values::Yes(_))) {
        let columns: Vec<Vec<f64>> = of.iter().map(|v| v.numbers()).collect();
        return Values::Number((0..n).map(|i| pick[i].map_or(f64::NAN, |k| at(&columns[k], i))).collect());
    }
    if all(|v| matches!(v, Values::Yes(_))) {
        let columns: Vec<Vec<u8>> = of.iter().map(|v| v.yes()).collect();
        return Values::Yes((0..n).map(|i| pick[i].map_or(UNKNOWN, |k| at(&columns[k], i))).collect());
    }
    if all(|v| matches!(v, Values::Time(..))) {
        let columns: Vec<Vec<i64>> = of.iter().map(|v| v.times()).collect();
        let day = all(|v| matches!(v, Values::Time(_, true)));
        return Values::Time((0..n).map(|i| pick[i].map_or(NEVER, |k| at(&columns[k], i))).collect(), day);
    }
    let columns: Vec<StringArray> = of.iter().map(|v| v.texts()).collect();
    Values::Text((0..n).map(|i| pick[i].and_then(|k| text_at(&columns[k], i))).collect())
}

/// The least or the greatest of each row, of numbers or of times.
fn extreme(of: &[Values], n: usize, wanted: Ordering) -> Values {
    if of.iter().any(|v| matches!(v, Values::Time(..))) {
        let columns: Vec<Vec<i64>> = of.iter().map(Values::times).collect();
        let day = of.iter().all(|v| matches!(v, Values::Time(_, true)));
        let one = |i: usize| {
            let row = columns.iter().map(|c| at(c, i));
            if row.clone().any(|t| t == NEVER) {
                None
            } else {
                row.reduce(|a, b| if b.cmp(&a) == wanted { b } else { a })
            }
        };
        return Values::Time((0..n).map(|i| one(i).unwrap_or(NEVER)).collect(), day);
    }
    let columns: Vec<Vec<f64>> = of.iter().map(Values::numbers).collect();
    let two = |a: f64, b: f64| match a.partial_cmp(&b) {
        None => f64::NAN,
        Some(order) if order == wanted => a,
        Some(_) => b,
    };
    Values::Number((0..n).map(|i| columns.iter().map(|c| at(c, i)).reduce(two).unwrap_or(f64::NAN)).collect())
}

fn equal(a: &Values, b: &Values, n: usize) -> Vec<bool> {
    match (a, b) {
        (Values::Null, v) | (v, Values::Null) => (0..n).map(|i| v.is_missing(i)).collect(),
        (Values::Text(a), Values::Text(b)) => (0..n).map(|i| text_at(a, i) == text_at(b, i)).collect(),
        (Values::Time(..), _) | (_, Values::Time(..)) => {
            let (a, b) = (a.times(), b.times());
            (0..n).map(|i| at(&a, i) == at(&b, i)).collect()
        }
        (Values::Yes(_), _) | (_, Values::Yes(_)) => {
            let (a, b) = (a.yes(), b.yes());
            (0..n).map(|i| at(&a, i) == at(&b, i)).collect()
        }
        _ => {
            let (a, b) = (a.numbers(), b.numbers());
            let same = |a: f64, b: f64| alike(a, b) || (a.is_nan() && b.is_nan());
            (0..n).map(|i| same(at(&a, i), at(&b, i))).collect()
        }
    }
}

fn order(a: &Values, b: &Values, n: usize) -> Vec<Option<Ordering>> {
    match (a, b) {
        (Values::Text(a), Values::Text(b)) => (0..n).map(|i| Some(text_at(a, i)?.cmp(text_at(b, i)?))).collect(),
        (Values::Time(..), _) | (_, Values::Time(..)) => {
            let (a, b) = (a.times(), b.times());
            let one = |a: i64, b: i64| (a != NEVER && b != NEVER).then(|| a.cmp(&b));
            (0..n).map(|i| one(at(&a, i), at(&b, i))).collect()
        }
        _ => {
            let (a, b) = (a.numbers(), b.numbers());
            let one = |a: f64, b: f64| if alike(a, b) { Some(Ordering::Equal) } else { a.partial_cmp(&b) };
            (0..n).map(|i| one(at(&a, i), at(&b, i))).collect()
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::read;
    use super::*;

    /// What an expression over x = [1, 2.5, missing], t = ["a", missing, "cd"] and d = [2024-02-28, missing, 2024-03-01] comes to, as texts.
    fn comes_to(text: &str) -> Vec<String> {
        let said = read(text).unwrap();
        let columns: Vec<ArrayRef> = said
            .names
            .iter()
            .map(|name| match name.path[0].as_str() {
                "x" => Arc::new(Float64Array::from(vec![Some(1.0), Some(2.5), None])) as ArrayRef,
                "k" => Arc::new(Int64Array::from(vec![7, 8, -9])),
                "t" => Arc::new(StringArray::from(vec![Some("a"), None, Some("cd")])),
                "d" => Arc::new(Date32Array::from(vec![Some(19_781), None, Some(19_783)])),
                other => panic!("{other}"),
            })
            .collect();
        let kinds: Vec<Kind> = columns.iter().map(|c| Kind::of(c.data_type())).collect();
        let values: Vec<Values> = columns.iter().map(|c| Values::of(c.as_ref())).collect();
        let array = said.values(&values, 3).array(said.kind(&kinds), 3);
        let texts = arrow_cast::cast(&array, &DataType::Utf8).unwrap();
        texts.as_string::<i32>().iter().map(|t| t.unwrap_or("null").to_owned()).collect()
    }

    #[test]
    fn arithmetic_and_what_is_missing() {
        assert_eq!(comes_to("x * 2 + 1"), ["3.0", "6.0", "null"]);
        assert_eq!(comes_to("k / 2"), ["3.5", "4.0", "-4.5"]);
        assert_eq!(comes_to("k * 2 - 1"), ["13", "15", "-19"]);
        assert_eq!(comes_to("x == null"), ["false", "false", "true"]);
        assert_eq!(comes_to("x > 2"), ["false", "true", "null"]);
        assert_eq!(comes_to("x > 2 || k < 0"), ["false", "true", "true"]);
        assert_eq!(comes_to("coalesce(x, 9)"), ["1.0", "2.5", "9.0"]);
        assert_eq!(comes_to("1 / 0"), ["null", "null", "null"]);
        assert_eq!(comes_to("round(x * 1.005, 2)"), ["1.0", "2.51", "null"]);
        assert_eq!(comes_to("max(k, 0)"), ["7", "8", "0"]);
        assert_eq!(comes_to("min(x, 2)"), ["1.0", "2.0", "null"]);
        assert_eq!(comes_to("k in [7, 8]"), ["true", "true", "false"]);
    }

    #[test]
    fn texts() {
        assert_eq!(comes_to("t + \"-\" + string(k)"), ["a-7", "null", "cd--9"]);
        assert_eq!(comes_to("upper(t)"), ["A", "null", "CD"]);
        assert_eq!(comes_to("size(t)"), ["1", "null", "2"]);
        assert_eq!(comes_to("substring(t, 1)"), ["", "null", "d"]);
        assert_eq!(comes_to("t.contains(\"c\")"), ["false", "null", "true"]);
        assert_eq!(comes_to("pad(string(k), 3)"), ["007", "008", "0-9"]);
        assert_eq!(comes_to("k > 0 ? \"up\" : null"), ["up", "up", "null"]);
    }

    #[test]
    fn dates_are_days_apart() {
        assert_eq!(comes_to("d + 2"), ["2024-03-01", "null", "2024-03-03"]);
        assert_eq!(comes_to("d - \"2024-02-27\""), ["1.0", "null", "3.0"]);
        assert_eq!(comes_to("d - date(2024, 2, 28)"), ["0", "null", "2"]);
        assert_eq!(comes_to("d > \"2024-02-29\""), ["false", "null", "true"]);
        assert_eq!(comes_to("month(d)"), ["2", "null", "3"]);
        assert_eq!(comes_to("d + hours(36)"), ["2024-02-29T12:00:00", "null", "2024-03-02T12:00:00"]);
        assert_eq!(comes_to("date(2023, 2, 29) == null"), ["true", "true", "true"]);
        assert_eq!(comes_to("max(d, date(\"2024-02-29\"))"), ["2024-02-29", "null", "2024-03-01"]);
    }
}
