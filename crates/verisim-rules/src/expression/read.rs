//! From the text of an expression to its parts.

use cel::common::ast::{CallExpr, Expr, LiteralValue};
use verisim_data::table::rules::parse;

use super::{Aggregate, Call, Expression, Name, Node, Part};
use crate::error::{Error, Result};

/// Reads an expression.
///
/// # Errors
/// When it is none, is too long or too deep, or calls what is not known.
pub fn read(text: &str) -> Result<Expression> {
    let wrong = |what: String| Error::Expression { text: text.to_owned(), what };
    let mut names = Vec::new();
    let example = "`price * quantity` or `age < 18 ? \"child\" : \"adult\"`";
    let node = parse(text, example).and_then(|parsed| node(&parsed.expr, &mut names)).map_err(wrong)?;
    Ok(Expression { text: text.to_owned(), names, node })
}

/// The parts of `a.b.c`.
fn dotted(expr: &Expr) -> Option<Vec<String>> {
    match expr {
        Expr::Ident(name) => Some(vec![name.clone()]),
        Expr::Select(select) if !select.test => {
            let mut path = dotted(&select.operand.expr)?;
            path.push(select.field.clone());
            Some(path)
        }
        _ => None,
    }
}

/// The place of a name among all.
fn place(name: Name, names: &mut Vec<Name>) -> Node {
    Node::Name(names.iter().position(|n| *n == name).unwrap_or_else(|| {
        names.push(name);
        names.len() - 1
    }))
}

fn node(expr: &Expr, names: &mut Vec<Name>) -> Result<Node, String> {
    match expr {
        Expr::Literal(literal) => literal_of(literal),
        Expr::Ident(_) | Expr::Select(_) => match dotted(expr) {
            Some(path) if path == ["pi"] => Ok(Node::Number(std::f64::consts::PI, false)),
            Some(path) => Ok(place(Name { aggregate: None, path }, names)),
            None => Err("asks for a part of what is no column".to_owned()),
        },
        Expr::Call(call) => call_of(call, names),
        _ => {
            Err("says more than an expression can: use columns, numbers, texts, + - * / %, == != < <= > >=, && || !, \
                  ?:, in and functions"
                .to_owned())
        }
    }
}

fn literal_of(literal: &LiteralValue) -> Result<Node, String> {
    Ok(match literal {
        LiteralValue::Null => Node::Null,
        LiteralValue::Boolean(yes) => Node::Yes(*yes.inner()),
        LiteralValue::Double(x) => Node::Number(*x.inner(), false),
        LiteralValue::Int(x) => Node::Number(*x.inner() as f64, true),
        LiteralValue::UInt(x) => Node::Number(*x.inner() as f64, true),
        LiteralValue::String(text) => Node::Text(text.inner().to_owned()),
        LiteralValue::Bytes(_) => return Err("has bytes, which no column holds; write a text".to_owned()),
    })
}

/// Operators by the parser's name.
const OPERATORS: &[(&str, Call, usize)] = &[
    ("_||_", Call::Or, 2),
    ("_&&_", Call::And, 2),
    ("!_", Call::Not, 1),
    ("_?_:_", Call::Choose, 3),
    ("-_", Call::Negate, 1),
    ("_+_", Call::Add, 2),
    ("_-_", Call::Subtract, 2),
    ("_*_", Call::Multiply, 2),
    ("_/_", Call::Divide, 2),
    ("_%_", Call::Remainder, 2),
    ("_==_", Call::Equal, 2),
    ("_!=_", Call::Unequal, 2),
    ("_<_", Call::Less, 2),
    ("_<=_", Call::AtMost, 2),
    ("_>_", Call::Greater, 2),
    ("_>=_", Call::AtLeast, 2),
];

fn call_of(call: &CallExpr, names: &mut Vec<Name>) -> Result<Node, String> {
    let name = call.func_name.as_str();
    let args: Vec<&Expr> = call.target.iter().map(|t| &t.expr).chain(call.args.iter().map(|a| &a.expr)).collect();
    if name == "@in" {
        let [first, Expr::List(list)] = args.as_slice() else {
            return Err("asks whether something is `in` what is no list; write x in [1, 2]".to_owned());
        };
        let all = std::iter::once(*first).chain(list.elements.iter().map(|e| &e.expr));
        return Ok(Node::Call(Call::In, all.map(|e| node(e, names)).collect::<Result<_, String>>()?));
    }
    if name == "col" {
        return match args.as_slice() {
            [Expr::Literal(LiteralValue::String(column))] => {
                Ok(place(Name { aggregate: None, path: vec![column.inner().to_owned()] }, names))
            }
            _ => Err("has a `col` without a name; write col(\"the name\")".to_owned()),
        };
    }
    if let Some(name) = aggregate(name, &args) {
        return Ok(place(name, names));
    }
    let (made, least, most) = OPERATORS
        .iter()
        .find(|(known, ..)| *known == name)
        .map(|&(_, call, count)| (call, count, count))
        .or_else(|| Call::FUNCTIONS.iter().find(|f| f.0 == name).map(|&(_, call, least, most)| (call, least, most)))
        .or_else(|| Part::ALL.into_iter().find(|p| p.name() == name).map(|part| (Call::Part(part), 1, 1)))
        .ok_or_else(|| unknown(name))?;
    if args.len() < least || args.len() > most {
        let takes = if least == most { least.to_string() } else { format!("{least} to {most}") };
        return Err(format!("gives `{name}` {} values; it takes {takes}", args.len()));
    }
    let args = args.into_iter().map(|e| node(e, names)).collect::<Result<_, String>>()?;
    Ok(Node::Call(made, args))
}

/// What is said of all children, if `name` asks for it: `sum(lines.amount)`, `count(lines)`.
fn aggregate(name: &str, args: &[&Expr]) -> Option<Name> {
    let [of] = args else { return None };
    let path = dotted(of)?;
    let aggregate = match (name, path.len()) {
        ("count", 1) => Aggregate::Count,
        ("sum", 2) => Aggregate::Sum,
        ("mean", 2) => Aggregate::Mean,
        ("min", 2) => Aggregate::Least,
        ("max", 2) => Aggregate::Greatest,
        ("any", 2) => Aggregate::Any,
        ("all", 2) => Aggregate::All,
        _ => return None,
    };
    Some(Name { aggregate: Some(aggregate), path })
}

fn unknown(name: &str) -> String {
    let mut all: Vec<&str> = Call::FUNCTIONS.iter().map(|f| f.0).chain(Part::ALL.map(Part::name)).collect();
    all.extend(["sum", "count", "mean", "any", "all"]);
    format!("calls `{name}`, which is not known; there are {}", all.join(", "))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_of_columns_parents_and_children_are_told_apart() {
        let said =
            read("customer.age > 18 ? sum(lines.amount) + min(lines.amount) : age * count(lines) + age").unwrap();
        let names: Vec<String> = said.names.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["customer.age", "sum(lines.amount)", "min(lines.amount)", "age", "count(lines)"]);
        assert!(read("min(age)").unwrap().names[0].aggregate.is_none());
    }

    #[test]
    fn mistakes_are_named() {
        let said = |text: &str| read(text).unwrap_err().to_string();
        assert!(said("1 +").contains("cannot be read"));
        assert!(said("sine(x)").contains("calls `sine`, which is not known"));
        assert!(said("pow(x)").contains("gives `pow` 1 values; it takes 2"));
        assert!(said("x in y").contains("write x in [1, 2]"));
        assert!(said(&"(".repeat(40)).contains("brackets"));
        assert!(said(&"x + ".repeat(400)).contains("longer"));
    }
}
