//! Rules that a config declares, in the words of CEL, the Common Expression Language: `price * count`, `total == null`.
//!
//! The text is read by the crate `cel`; what it means is found here, row by row. Numbers are one kind, `4` and `4.0` are equal. A missing
//! value is `null`: it is equal to `null` alone, and whatever is computed from it, or compared by size with it, is unknown (`null`) too.
//! A date is compared with a text in ISO form, `ordered < "2024-01-31"`; dates are days apart, `shipped - ordered <= 7`.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue};
use cel::parser::Parser;
use serde::{Deserialize, Serialize};

use super::formula::level_number;
use super::parts::Part;
use crate::error::{Error, Result};
use crate::table::date::DateFormat;
use crate::table::frame::{Column, MISSING};
use crate::table::schema::{ColumnKind, Schema};

const DAY: f64 = 86_400.0;
/// Brackets in brackets beyond this are refused.
const DEEPEST: u16 = 32;
/// The stack of the parser, in bytes.
const STACK: usize = 64 << 20;
/// Expressions longer than this are refused: a sum is as deep as it is long, and every level takes some of the stack.
const LONGEST: usize = 1_000;

/// A column that an expression names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// Its place in the frame.
    pub place: usize,
    /// Whether it holds dates.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub date: bool,
}

/// An expression over the columns of a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Expression {
    /// As it was written.
    pub text: String,
    /// The columns that it names.
    pub columns: Vec<Named>,
    node: Node,
}

/// What an artefact keeps of an expression.
#[derive(Serialize, Deserialize)]
struct Stored {
    text: String,
    columns: Vec<Named>,
}

impl From<Expression> for Stored {
    fn from(said: Expression) -> Stored {
        Stored { text: said.text, columns: said.columns }
    }
}

impl TryFrom<Stored> for Expression {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Expression, String> {
        let place = |name: &str| {
            let place = stored.columns.iter().position(|c| c.name == name);
            place.ok_or_else(|| format!("the expression `{}` names a column that is not there", stored.text))
        };
        let node = read(&stored.text, &mut |name| place(name))?;
        Ok(Expression { node, text: stored.text, columns: stored.columns })
    }
}

/// A part of an expression. Columns are told by their places among [`Expression::columns`].
#[derive(Clone, Debug, PartialEq)]
enum Node {
    Literal(Literal),
    Column(usize),
    Call(Call, Vec<Node>),
}

#[derive(Clone, Debug, PartialEq)]
enum Literal {
    Null,
    Yes(bool),
    Number(f64),
    Text(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
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
    Round,
    Least,
    Greatest,
    Part(Part),
}

/// What an expression comes to in one row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Missing, or unknown.
    Null,
    /// Yes or no.
    Yes(bool),
    /// A number.
    Number(f64),
    /// Seconds since 1970-01-01.
    Date(f64),
    /// A text.
    Text(&'a str),
}

impl Value<'_> {
    /// The value as a number; `NaN` if it is none.
    pub fn number(self) -> f64 {
        match self {
            Value::Number(x) | Value::Date(x) => x,
            Value::Yes(yes) => f64::from(u8::from(yes)),
            Value::Text(text) => level_number(text),
            Value::Null => f64::NAN,
        }
    }

    /// Whether it is yes; `None` if that is unknown, or asked of what is neither yes nor no.
    pub fn yes(self) -> Option<bool> {
        match self {
            Value::Yes(yes) => Some(yes),
            Value::Text(text) => truth(text),
            _ => None,
        }
    }
}

/// What a level says that means yes or no.
fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "t" | "y" | "1" => Some(true),
        "false" | "no" | "f" | "n" | "0" => Some(false),
        _ => None,
    }
}

impl Expression {
    /// Reads an expression over the columns of `schema` that are learnt. `key` is where it stands in a config.
    ///
    /// # Errors
    /// When it is none, or names a column that is not there or not learnt.
    pub fn parse(text: &str, key: &str, schema: &Schema) -> Result<Expression> {
        let wrong = |what: String| Error::Rule { key: key.to_owned(), rule: text.to_owned(), what };
        let mut columns: Vec<Named> = Vec::new();
        let mut place = |name: &str| {
            if let Some(place) = columns.iter().position(|c| c.name == name) {
                return Ok(place);
            }
            let field = schema.field(name).map_err(|e| e.to_string())?;
            let place = schema.modelled().position(|f| f.name == name).ok_or_else(|| {
                format!("column `{name}` is {} and not learnt, so no rule can be kept on it", field.kind.name())
            })?;
            let date = matches!(field.kind, ColumnKind::Datetime { .. });
            columns.push(Named { name: name.to_owned(), place, date });
            Ok(columns.len() - 1)
        };
        let node = read(text, &mut place).map_err(wrong)?;
        match columns.is_empty() {
            true => Err(wrong("names no column; a rule is about columns".to_owned())),
            false => Ok(Expression { text: text.to_owned(), columns, node }),
        }
    }

    /// What it comes to in row `i`; `columns` are those of the frame.
    pub(crate) fn value<'a>(&'a self, columns: &[&'a Column], i: usize) -> Value<'a> {
        self.node.value(&|k| {
            let Some(named) = self.columns.get(k) else { return Value::Null };
            match columns.get(named.place) {
                Some(Column::Number(v)) if v[i].is_nan() => Value::Null,
                Some(Column::Number(v)) if named.date => Value::Date(v[i]),
                Some(Column::Number(v)) => Value::Number(v[i]),
                Some(Column::Category { codes, levels }) if codes[i] != MISSING => {
                    levels.get(codes[i] as usize).map_or(Value::Null, |level| Value::Text(level))
                }
                _ => Value::Null,
            }
        })
    }

    /// What is wrong with one that was read from a file, if anything.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        self.columns.is_empty().then_some("is computed from no column")
    }
}

impl Node {
    fn value<'a>(&'a self, column: &dyn Fn(usize) -> Value<'a>) -> Value<'a> {
        match self {
            Node::Literal(Literal::Null) => Value::Null,
            Node::Literal(Literal::Yes(yes)) => Value::Yes(*yes),
            Node::Literal(Literal::Number(x)) => Value::Number(*x),
            Node::Literal(Literal::Text(text)) => Value::Text(text),
            Node::Column(place) => column(*place),
            Node::Call(call, of) => called(*call, of, column),
        }
    }
}

fn called<'a>(call: Call, of: &'a [Node], column: &dyn Fn(usize) -> Value<'a>) -> Value<'a> {
    let at = |k: usize| of.get(k).map_or(Value::Null, |node| node.value(column));
    let known = |yes: Option<bool>| yes.map_or(Value::Null, Value::Yes);
    match call {
        Call::Or => known(match (at(0).yes(), at(1).yes()) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        }),
        Call::And => known(match (at(0).yes(), at(1).yes()) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        }),
        Call::Not => known(at(0).yes().map(|yes| !yes)),
        Call::Choose => match at(0).yes() {
            Some(true) => at(1),
            Some(false) => at(2),
            None => Value::Null,
        },
        Call::Equal => Value::Yes(equal(at(0), at(1))),
        Call::Unequal => Value::Yes(!equal(at(0), at(1))),
        Call::In => {
            let first = at(0);
            Value::Yes((1..of.len()).any(|k| equal(first, at(k))))
        }
        Call::Less => known(order(at(0), at(1)).map(std::cmp::Ordering::is_lt)),
        Call::AtMost => known(order(at(0), at(1)).map(std::cmp::Ordering::is_le)),
        Call::Greater => known(order(at(0), at(1)).map(std::cmp::Ordering::is_gt)),
        Call::AtLeast => known(order(at(0), at(1)).map(std::cmp::Ordering::is_ge)),
        Call::Add => match (at(0), at(1)) {
            (Value::Date(d), days) | (days, Value::Date(d)) => date(d + DAY * days.number()),
            (a, b) => plain(a.number() + b.number()),
        },
        Call::Subtract => match (at(0), at(1)) {
            (Value::Date(a), Value::Date(b)) => plain((a - b) / DAY),
            (Value::Date(d), days) => date(d - DAY * days.number()),
            (a, b) => plain(a.number() - b.number()),
        },
        Call::Part(part) => match at(0) {
            Value::Date(d) => plain(part.of(d)),
            _ => Value::Null,
        },
        Call::Negate => plain(-at(0).number()),
        Call::Multiply => plain(at(0).number() * at(1).number()),
        Call::Divide => plain(at(0).number() / at(1).number()),
        Call::Remainder => plain(at(0).number() % at(1).number()),
        Call::Abs => plain(at(0).number().abs()),
        Call::Floor => plain(at(0).number().floor()),
        Call::Ceil => plain(at(0).number().ceil()),
        Call::Round => plain(at(0).number().round()),
        Call::Least => plain((0..of.len()).map(|k| at(k).number()).fold(f64::INFINITY, least)),
        Call::Greatest => plain(-(0..of.len()).map(|k| -at(k).number()).fold(f64::INFINITY, least)),
    }
}

/// The lesser of two; nothing of what is not known.
fn least(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }
}

/// A number, unless it is none.
fn plain<'a>(x: f64) -> Value<'a> {
    if x.is_finite() { Value::Number(x) } else { Value::Null }
}

fn date<'a>(x: f64) -> Value<'a> {
    if x.is_finite() { Value::Date(x) } else { Value::Null }
}

/// A text as a date in ISO form.
fn iso(text: &str) -> f64 {
    let forms = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let text = text.strip_suffix('Z').unwrap_or(text);
    forms.iter().find_map(|form| DateFormat::new(form).parse(text)).unwrap_or(f64::NAN)
}

/// Decimals are equal when only arithmetic parts them.
fn alike(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

fn equal(a: Value, b: Value) -> bool {
    match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Null, _) | (_, Value::Null) => false,
        (Value::Text(a), Value::Text(b)) => a == b,
        (Value::Date(d), Value::Text(text)) | (Value::Text(text), Value::Date(d)) => iso(text) == d,
        (Value::Yes(yes), Value::Text(text)) | (Value::Text(text), Value::Yes(yes)) => truth(text) == Some(yes),
        (a, b) => alike(a.number(), b.number()),
    }
}

fn order(a: Value, b: Value) -> Option<std::cmp::Ordering> {
    let numbers = match (a, b) {
        (Value::Text(a), Value::Text(b)) if level_number(a).is_nan() || level_number(b).is_nan() => {
            return Some(a.cmp(b));
        }
        (Value::Date(d), Value::Text(text)) => (d, iso(text)),
        (Value::Text(text), Value::Date(d)) => (iso(text), d),
        (a, b) => (a.number(), b.number()),
    };
    match numbers {
        (a, b) if alike(a, b) => Some(std::cmp::Ordering::Equal),
        (a, b) => a.partial_cmp(&b),
    }
}

/// Reads an expression; `place` gives the place of a column that it names.
fn read(text: &str, place: &mut dyn FnMut(&str) -> Result<usize, String>) -> Result<Node, String> {
    node(&parse(text, "`price * count` or `a == null || b > 3`")?.expr, place)
}

/// An expression as the parser of CEL reads it; `example` is what one looks like, for who wrote none.
///
/// # Errors
/// When it is none, or is too long or too deep to be read without harm.
pub fn parse(text: &str, example: &str) -> Result<IdedExpr, String> {
    if text.len() > LONGEST {
        return Err(format!("is longer than {LONGEST} letters; split it"));
    }
    let (mut depth, mut deepest) = (0_usize, 0);
    for sign in text.chars() {
        match sign {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    if deepest > usize::from(DEEPEST) {
        return Err(format!("has more than {DEEPEST} brackets in each other; split it"));
    }
    parsed(text, example)
}

/// The expression as the parser reads it. It calls itself as often as a text is long, so it has a stack of its own.
fn parsed(text: &str, example: &str) -> Result<IdedExpr, String> {
    let parse = || {
        let parsed = Parser::new().max_recursion_depth(DEEPEST).parse(text);
        parsed.map_err(|errors| errors.errors.first().map_or_else(String::new, |e| e.msg.clone()))
    };
    let parsed = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, parse);
        thread.map_or_else(|e| Err(e.to_string()), |thread| thread.join().unwrap_or_else(|_| Err(String::new())))
    });
    parsed.map_err(|said| {
        // The parser lists all that could follow, which is most of the language.
        let said = said.split(" expecting ").next().unwrap_or_default().trim_start_matches("Syntax error: ").to_owned();
        let said = said.lines().next().unwrap_or_default().to_owned();
        let why = if said.is_empty() { String::new() } else { format!(" ({said})") };
        format!("cannot be read{why}; write it as in {example}")
    })
}

/// The name that `a.b.c` spells.
fn dotted(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => Some(format!("{}.{}", dotted(&select.operand.expr)?, select.field)),
        _ => None,
    }
}

fn node(expr: &Expr, place: &mut dyn FnMut(&str) -> Result<usize, String>) -> Result<Node, String> {
    match expr {
        Expr::Literal(literal) => literal_of(literal).map(Node::Literal),
        Expr::Ident(_) | Expr::Select(_) => {
            let name = dotted(expr).ok_or("asks for a part of what is no column")?;
            place(&name).map(Node::Column)
        }
        Expr::Call(call) => call_of(call, place),
        _ => {
            Err("says more than a rule can: use columns, numbers, texts, + - * / %, == != < <= > >=, && || !, ?:, in, \
                  col(\"a name\"), abs, floor, ceil, round, min, max, year, quarter, month, day, weekday and hour"
                .to_owned())
        }
    }
}

fn literal_of(literal: &LiteralValue) -> Result<Literal, String> {
    Ok(match literal {
        LiteralValue::Null => Literal::Null,
        LiteralValue::Boolean(yes) => Literal::Yes(*yes.inner()),
        LiteralValue::Double(x) => Literal::Number(*x.inner()),
        LiteralValue::Int(x) => Literal::Number(*x.inner() as f64),
        LiteralValue::UInt(x) => Literal::Number(*x.inner() as f64),
        LiteralValue::String(text) => Literal::Text(text.inner().to_owned()),
        LiteralValue::Bytes(_) => return Err("has bytes, which no column holds; write a text".to_owned()),
    })
}

fn call_of(call: &CallExpr, place: &mut dyn FnMut(&str) -> Result<usize, String>) -> Result<Node, String> {
    let name = call.func_name.as_str();
    let args: Vec<&Expr> = call.target.iter().map(|t| &t.expr).chain(call.args.iter().map(|a| &a.expr)).collect();
    if name == "col" {
        return match args.as_slice() {
            [Expr::Literal(LiteralValue::String(column))] => place(column.inner()).map(Node::Column),
            _ => Err("has a `col` without a name; write col(\"the name\")".to_owned()),
        };
    }
    let (made, wanted) = match name {
        "_||_" => (Call::Or, 2),
        "_&&_" => (Call::And, 2),
        "!_" => (Call::Not, 1),
        "_?_:_" => (Call::Choose, 3),
        "-_" => (Call::Negate, 1),
        "_+_" => (Call::Add, 2),
        "_-_" => (Call::Subtract, 2),
        "_*_" => (Call::Multiply, 2),
        "_/_" => (Call::Divide, 2),
        "_%_" => (Call::Remainder, 2),
        "_==_" => (Call::Equal, 2),
        "_!=_" => (Call::Unequal, 2),
        "_<_" => (Call::Less, 2),
        "_<=_" => (Call::AtMost, 2),
        "_>_" => (Call::Greater, 2),
        "_>=_" => (Call::AtLeast, 2),
        "@in" => {
            let [first, Expr::List(list)] = args.as_slice() else {
                return Err("asks whether something is `in` what is no list; write x in [1, 2]".to_owned());
            };
            let all = std::iter::once(*first).chain(list.elements.iter().map(|e| &e.expr));
            let all: Vec<Node> = all.map(|e| node(e, place)).collect::<Result<_, String>>()?;
            return Ok(Node::Call(Call::In, all));
        }
        "abs" => (Call::Abs, 1),
        "floor" => (Call::Floor, 1),
        "ceil" => (Call::Ceil, 1),
        "round" => (Call::Round, 1),
        "min" => (Call::Least, args.len().max(1)),
        "max" => (Call::Greatest, args.len().max(1)),
        _ => match Part::ALL.into_iter().find(|p| p.name() == name) {
            Some(part) => (Call::Part(part), 1),
            None => return Err(format!("calls `{name}`, which is not known")),
        },
    };
    if args.len() != wanted {
        return Err(format!("gives `{name}` {} values; it takes {wanted}", args.len()));
    }
    let args = args.into_iter().map(|e| node(e, place)).collect::<Result<_, String>>()?;
    Ok(Node::Call(made, args))
}
