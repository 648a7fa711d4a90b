//! Expressions of a world, in the words of CEL, the Common Expression Language: `price * quantity`, `age < 18 ? "child" : "adult"`.
//!
//! The text is read by the crate `cel` ([`read`]); what it means is found here, a column at a time ([`columns`]), and one row at a time
//! where a process asks for it. Numbers are one kind: `4` and `4.0` are equal, and `/` divides as on paper. A missing value is `null`: it is
//! equal to `null` alone, and whatever is computed from it, or compared by size with it, is `null` too. Dates and times are days apart:
//! `shipped - ordered <= 7`, `ordered + 3`, `start + minutes(90)`.

pub mod columns;
mod dates;
mod read;

pub use dates::{DAY, Part, civil_of, days_of, iso};
pub use read::read;

/// An expression as it was written, and what it means.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// As it was written.
    pub text: String,
    /// What it names, each once.
    pub names: Vec<Name>,
    /// What is computed. Names are told by their places in `names`.
    pub node: Node,
}

/// What an expression names: a column, `age`; one of another table, `customer.age`; or what comes of all children, `sum(lines.amount)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// How the values of children are put together, if it names those.
    pub aggregate: Option<Aggregate>,
    /// The parts of the name.
    pub path: Vec<String>,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.aggregate {
            Some(aggregate) => write!(f, "{}({})", aggregate.name(), self.path.join(".")),
            None => f.write_str(&self.path.join(".")),
        }
    }
}

/// How the values of a row's children become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Aggregate {
    Sum,
    Count,
    Mean,
    Least,
    Greatest,
    Any,
    All,
}

impl Aggregate {
    /// Its name in an expression.
    pub fn name(self) -> &'static str {
        match self {
            Aggregate::Sum => "sum",
            Aggregate::Count => "count",
            Aggregate::Mean => "mean",
            Aggregate::Least => "min",
            Aggregate::Greatest => "max",
            Aggregate::Any => "any",
            Aggregate::All => "all",
        }
    }
}

/// A part of an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A missing value.
    Null,
    /// Yes or no.
    Yes(bool),
    /// A number, and whether it was written without a point.
    Number(f64, bool),
    /// A text.
    Text(String),
    /// A value by its place among the names.
    Name(usize),
    /// A function or an operator.
    Call(Call, Vec<Node>),
}

/// What expressions can do with values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Call {
    Or,
    And,
    Not,
    Choose,
    Negate,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
    /// The first is one of the others.
    In,
    Abs,
    Floor,
    Ceil,
    /// To digits after the point, or to a whole number.
    Round,
    Least,
    Greatest,
    Sqrt,
    Exp,
    Ln,
    Log10,
    Power,
    Sin,
    Cos,
    Tan,
    Atan2,
    Sign,
    /// The first that is not missing.
    Coalesce,
    Size,
    Upper,
    Lower,
    Trim,
    /// From one place, counted from 0, to before another, in letters.
    Substring,
    Replace,
    Contains,
    StartsWith,
    EndsWith,
    /// As a text.
    String,
    /// As a number.
    Double,
    /// As a number, cut to a whole one.
    Int,
    /// With zeros before it, so many digits wide.
    Pad,
    /// Of year, month and day, or of a text in ISO form, or of a time: the date alone.
    Date,
    /// Of a text in ISO form: date and time.
    Timestamp,
    Days,
    Hours,
    Minutes,
    Seconds,
    Part(Part),
}

impl Call {
    /// Functions by name, and the least and greatest number of values that they take.
    pub(crate) const FUNCTIONS: &[(&'static str, Call, usize, usize)] = &[
        ("abs", Call::Abs, 1, 1),
        ("floor", Call::Floor, 1, 1),
        ("ceil", Call::Ceil, 1, 1),
        ("round", Call::Round, 1, 2),
        ("min", Call::Least, 1, 64),
        ("max", Call::Greatest, 1, 64),
        ("sqrt", Call::Sqrt, 1, 1),
        ("exp", Call::Exp, 1, 1),
        ("ln", Call::Ln, 1, 1),
        ("log10", Call::Log10, 1, 1),
        ("pow", Call::Power, 2, 2),
        ("sin", Call::Sin, 1, 1),
        ("cos", Call::Cos, 1, 1),
        ("tan", Call::Tan, 1, 1),
        ("atan2", Call::Atan2, 2, 2),
        ("sign", Call::Sign, 1, 1),
        ("coalesce", Call::Coalesce, 1, 64),
        ("size", Call::Size, 1, 1),
        ("upper", Call::Upper, 1, 1),
        ("lower", Call::Lower, 1, 1),
        ("trim", Call::Trim, 1, 1),
        ("substring", Call::Substring, 2, 3),
        ("replace", Call::Replace, 3, 3),
        ("contains", Call::Contains, 2, 2),
        ("startsWith", Call::StartsWith, 2, 2),
        ("endsWith", Call::EndsWith, 2, 2),
        ("string", Call::String, 1, 1),
        ("double", Call::Double, 1, 1),
        ("int", Call::Int, 1, 1),
        ("pad", Call::Pad, 2, 2),
        ("date", Call::Date, 1, 3),
        ("timestamp", Call::Timestamp, 1, 1),
        ("days", Call::Days, 1, 1),
        ("hours", Call::Hours, 1, 1),
        ("minutes", Call::Minutes, 1, 1),
        ("seconds", Call::Seconds, 1, 1),
    ];
}

/// Decimals are equal when only arithmetic parts them.
pub fn alike(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= 1e-12 * a.abs().max(b.abs())
}

/// A number rounded to digits after the point, halves away from zero.
pub fn rounded(x: f64, digits: i32) -> f64 {
    if digits == 0 {
        return x.round();
    }
    let scale = 10f64.powi(digits.clamp(-300, 300));
    let scaled = x * scale;
    // Where the product has no digits after the point left, there is nothing to round.
    if !scaled.is_finite() || scaled.abs() >= 2f64.powi(52) { x } else { scaled.round() / scale }
}
