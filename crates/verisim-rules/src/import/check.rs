//! CHECK of SQL: what bounds one column becomes its bounds, the rest an expression that says the same.
//!
//! In SQL a comparison with a missing value is neither true nor false, and such a row passes. In expressions here `==` with a missing
//! value is false. So where a column may be missing, it is said: under no NOT, `a = 1` is `a == null || a == 1`, and under NOT,
//! `a <> 1` is `a != null && a != 1`; that keeps which rows pass.

use sqlparser::ast::Value as Sql;
use sqlparser::ast::{BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, InTarget, UnaryOperator};

use super::{ColumnKind, TableDescription};
use crate::edge::form::{Value, digits, units};

/// Takes a check into a table. What could not be said comes back.
pub fn take(table: &mut TableDescription, check: &Expr) -> Vec<String> {
    let mut lost = Vec::new();
    for part in conjunction(check) {
        if bound(table, part) {
            continue;
        }
        match expression(table, part, true) {
            Ok(text) => table.checks.push(unbracketed(text)),
            Err(what) => lost.push(format!("CHECK ({part}) is left out: {what}")),
        }
    }
    lost
}

fn unbracketed(text: String) -> String {
    // One pair around the whole is dropped, if the first bracket ends with the last.
    let Some(inner) = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')) else { return text };
    let (mut depth, mut quoted) = (0_i32, false);
    for letter in inner.chars() {
        match letter {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return text;
        }
    }
    // A quote in a text is escaped; with one, nothing is dropped.
    if text.contains("\\\"") { text } else { inner.to_owned() }
}

/// The parts of a chain of AND.
fn conjunction(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Nested(inner) => conjunction(inner),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => [conjunction(left), conjunction(right)].concat(),
        other => vec![other],
    }
}

/// Without brackets and casts.
pub fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) => bare(inner),
        Expr::Cast { expr, .. } | Expr::Collate { expr, .. } => bare(expr),
        other => other,
    }
}

/// The name of a column.
pub fn name(expr: &Expr) -> Option<String> {
    match bare(expr) {
        Expr::Identifier(ident) => Some(ident.value.clone()),
        Expr::CompoundIdentifier(parts) => parts.last().map(|p| p.value.clone()),
        _ => None,
    }
}

/// A literal.
pub fn literal(expr: &Expr) -> Option<Value> {
    match bare(expr) {
        Expr::Value(value) => Some(match &value.value {
            Sql::Number(text, _) => Value::Number(text.clone()),
            Sql::Boolean(yes) => Value::Boolean(*yes),
            Sql::Null => Value::Null,
            other => Value::Text(other.clone().into_string()?),
        }),
        Expr::TypedString(typed) => typed.value.clone().into_string().map(Value::Text),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match literal(expr)? {
            Value::Number(text) => Some(Value::Number(format!("-{text}"))),
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Plus, expr } => literal(expr),
        _ => None,
    }
}

/// The literals of a list: of IN, or of `= ANY (ARRAY[..])`.
fn list(exprs: &[Expr]) -> Option<Vec<Value>> {
    exprs.iter().map(literal).collect()
}

/// The letters of a column: `length(name)`.
fn length_of(expr: &Expr) -> Option<String> {
    let Expr::Function(function) = bare(expr) else { return None };
    let called = function.name.to_string().to_lowercase();
    if !["length", "char_length", "character_length"].contains(&called.as_str()) {
        return None;
    }
    arguments(&function.args).and_then(|args| args.first().and_then(|a| name(a)))
}

fn arguments(args: &FunctionArguments) -> Option<Vec<&Expr>> {
    let FunctionArguments::List(list) = args else { return None };
    let one = |arg: &'_ FunctionArg| matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::Expr(_)));
    if !list.args.iter().all(one) || !list.clauses.is_empty() {
        return None;
    }
    let expr = |arg| match arg {
        &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref expr)) => Some(expr),
        _ => None,
    };
    list.args.iter().map(expr).collect()
}

/// Takes what bounds one column into that column; false if it is something else.
fn bound(table: &mut TableDescription, expr: &Expr) -> bool {
    match bare(expr) {
        Expr::BinaryOp { left, op, right } => {
            let turned = match op {
                BinaryOperator::Gt => BinaryOperator::Lt,
                BinaryOperator::Lt => BinaryOperator::Gt,
                BinaryOperator::GtEq => BinaryOperator::LtEq,
                BinaryOperator::LtEq => BinaryOperator::GtEq,
                other => other.clone(),
            };
            one_bound(table, left, op, right) || one_bound(table, right, &turned, left)
        }
        Expr::Between { expr, negated: false, low, high } => {
            let fits = |t: &mut TableDescription| {
                one_bound(t, expr, &BinaryOperator::GtEq, low) && one_bound(t, expr, &BinaryOperator::LtEq, high)
            };
            // Both or none.
            let mut copy = table.clone();
            let both = fits(&mut copy);
            if both {
                *table = copy;
            }
            both
        }
        Expr::In { expr, target: InTarget::List(values), negated: false, .. } => listed(table, expr, values),
        Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => match bare(right) {
            Expr::Array(array) => listed(table, left, &array.elem),
            _ => false,
        },
        Expr::RLike { negated: false, expr, pattern, .. } => matches(table, expr, pattern),
        _ => false,
    }
}

fn listed(table: &mut TableDescription, of: &Expr, values: &[Expr]) -> bool {
    let (Some(name), Some(values)) = (name(of), list(values)) else { return false };
    let Some(column) = table.column_mut(&name) else { return false };
    if values.contains(&Value::Null) || !column.values.is_empty() {
        return false;
    }
    column.values = values;
    true
}

fn matches(table: &mut TableDescription, of: &Expr, pattern: &Expr) -> bool {
    let (Some(name), Some(Value::Text(pattern))) = (name(of), literal(pattern)) else { return false };
    let Some(column) = table.column_mut(&name) else { return false };
    if column.pattern.is_some() || regex::Regex::new(&pattern).is_err() {
        return false;
    }
    column.pattern = Some(pattern);
    true
}

fn one_bound(table: &mut TableDescription, of: &Expr, op: &BinaryOperator, to: &Expr) -> bool {
    if matches!(op, BinaryOperator::PGRegexMatch | BinaryOperator::Regexp) {
        return matches(table, of, to);
    }
    let Some(value) = literal(to) else { return false };
    if let Some(name) = length_of(of) {
        let (Value::Number(text), Some(column)) = (&value, table.column_mut(&name)) else { return false };
        let Ok(count) = text.parse::<usize>() else { return false };
        match op {
            BinaryOperator::GtEq => column.shortest = column.shortest.max(Some(count)),
            BinaryOperator::Gt => column.shortest = column.shortest.max(Some(count + 1)),
            BinaryOperator::LtEq => column.longest = Some(column.longest.map_or(count, |l| l.min(count))),
            BinaryOperator::Lt if count > 0 => {
                column.longest = Some(column.longest.map_or(count - 1, |l| l.min(count - 1)));
            }
            BinaryOperator::Eq => (column.shortest, column.longest) = (Some(count), Some(count)),
            _ => return false,
        }
        return true;
    }
    let Some(column) = name(of).and_then(|n| table.column_mut(&n)) else { return false };
    // `> 0` of whole numbers is `>= 1`; of floating numbers there is no next that would look right.
    let scale = match column.kind {
        ColumnKind::Integer { .. } => Some(0),
        ColumnKind::Decimal { scale, .. } => Some(scale),
        _ => None,
    };
    let text = match (&value, &column.kind) {
        (Value::Number(text), ColumnKind::Integer { .. } | ColumnKind::Decimal { .. } | ColumnKind::Float { .. }) => {
            text
        }
        (Value::Text(text), ColumnKind::Date | ColumnKind::Timestamp { .. })
            if crate::expression::iso(&text.replace(' ', "T")).is_some() =>
        {
            text
        }
        _ => return false,
    };
    let next = |by: i128| {
        let scale = scale?;
        Some(digits(units(text, scale)? + by, scale))
    };
    let (least, bound) = match op {
        BinaryOperator::GtEq => (true, text.clone()),
        BinaryOperator::LtEq => (false, text.clone()),
        BinaryOperator::Gt => match next(1) {
            Some(text) => (true, text),
            None => return false,
        },
        BinaryOperator::Lt => match next(-1) {
            Some(text) => (false, text),
            None => return false,
        },
        _ => return false,
    };
    let place = if least { &mut column.least } else { &mut column.greatest };
    // Of two bounds the nearer counts; of dates in one form, letters are in the order of time.
    let nearer = |old: &str| match (old.parse::<f64>(), bound.parse::<f64>()) {
        (Ok(old), Ok(new)) => (new > old) == least,
        _ => (bound.as_str() > old) == least,
    };
    if place.as_deref().is_none_or(nearer) {
        *place = Some(bound);
    }
    true
}

type Said = Result<String, String>;

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            other => out.push(other),
        }
    }
    out + "\""
}

fn named(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !["true", "false", "null", "in", "pi"].contains(&name);
    if plain { name.to_owned() } else { format!("col({})", quoted(name)) }
}

/// The expression of a check. `positive`: whether it is under an even number of NOTs.
fn expression(table: &TableDescription, expr: &Expr, positive: bool) -> Said {
    let same = |e: &Expr| expression(table, e, positive);
    match expr {
        Expr::Nested(inner) => Ok(format!("({})", unbracketed(same(inner)?))),
        Expr::BinaryOp { left, op: op @ (BinaryOperator::And | BinaryOperator::Or), right } => {
            let sign = if *op == BinaryOperator::And { "&&" } else { "||" };
            Ok(format!("{} {sign} {}", joined(same(left)?, sign), joined(same(right)?, sign)))
        }
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
            Ok(format!("!({})", unbracketed(expression(table, expr, !positive)?)))
        }
        Expr::IsNull(inner) => Ok(format!("{} == null", value(table, inner)?)),
        Expr::IsNotNull(inner) => Ok(format!("{} != null", value(table, inner)?)),
        Expr::IsTrue(inner) | Expr::IsNotFalse(inner) if !maybe_missing(table, inner) => same(inner),
        Expr::IsFalse(inner) | Expr::IsNotTrue(inner) if !maybe_missing(table, inner) => {
            Ok(format!("!({})", expression(table, inner, !positive)?))
        }
        Expr::BinaryOp { left, op, right } => {
            let (a, b) = (value(table, left)?, value(table, right)?);
            match op {
                BinaryOperator::Eq => Ok(guarded(table, &[left, right], positive, true, format!("{a} == {b}"))),
                BinaryOperator::NotEq => Ok(guarded(table, &[left, right], positive, false, format!("{a} != {b}"))),
                BinaryOperator::Lt => Ok(format!("{a} < {b}")),
                BinaryOperator::LtEq => Ok(format!("{a} <= {b}")),
                BinaryOperator::Gt => Ok(format!("{a} > {b}")),
                BinaryOperator::GtEq => Ok(format!("{a} >= {b}")),
                other => Err(format!("`{other}` is not known")),
            }
        }
        Expr::Between { expr, negated, low, high } => {
            let (x, a, b) = (value(table, expr)?, value(table, low)?, value(table, high)?);
            Ok(if *negated { format!("({x} < {a} || {x} > {b})") } else { format!("({x} >= {a} && {x} <= {b})") })
        }
        Expr::In { expr, target: InTarget::List(values), negated, .. } => {
            one_of(table, expr, values, *negated, positive)
        }
        Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => match bare(right) {
            Expr::Array(array) => one_of(table, left, &array.elem, false, positive),
            _ => Err("ANY of something that is no list".to_owned()),
        },
        Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
            let (x, Some(Value::Text(pattern))) = (value(table, expr)?, literal(pattern)) else {
                return Err("LIKE with a pattern that is no text".to_owned());
            };
            let said = like(&x, &pattern)?;
            Ok(if *negated { format!("!({said})") } else { said })
        }
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Cast { .. } => value(table, expr),
        Expr::Value(_) => value(table, expr),
        other => Err(format!("`{other}` is not known")),
    }
}

/// A part of a chain of && or ||, in brackets if it is of the other kind.
fn joined(text: String, sign: &str) -> String {
    let other = if sign == "&&" { " || " } else { " && " };
    if text.contains(other) && unbracketed(text.clone()) == text { format!("({text})") } else { text }
}

fn one_of(table: &TableDescription, expr: &Expr, values: &[Expr], negated: bool, positive: bool) -> Said {
    let x = value(table, expr)?;
    let values: Vec<String> = values.iter().map(|v| value(table, v)).collect::<Result<_, _>>()?;
    let said = format!("{x} in [{}]", values.join(", "));
    let said = if negated { format!("!({said})") } else { said };
    Ok(guarded(table, &[expr], positive, !negated, said))
}

/// A comparison that says what it is where a column in it is missing. `plain`: whether it is false then, as `==` is, and not true.
fn guarded(table: &TableDescription, of: &[&Expr], positive: bool, plain: bool, said: String) -> String {
    if positive != plain {
        return said;
    }
    let mut missing: Vec<String> =
        of.iter().flat_map(|e| columns(e)).filter(|n| nullable(table, n)).map(|n| named(&n)).collect();
    missing.dedup();
    if missing.is_empty() {
        return said;
    }
    let (sign, join) = if positive { ("==", " || ") } else { ("!=", " && ") };
    let guards: Vec<String> = missing.iter().map(|n| format!("{n} {sign} null")).collect();
    format!("({}{join}{said})", guards.join(join))
}

fn nullable(table: &TableDescription, name: &str) -> bool {
    table.column(name).is_none_or(|c| c.nullable)
}

fn maybe_missing(table: &TableDescription, expr: &Expr) -> bool {
    columns(expr).iter().any(|n| nullable(table, n))
}

/// The columns that a value is computed from.
fn columns(expr: &Expr) -> Vec<String> {
    match bare(expr) {
        Expr::BinaryOp { left, right, .. } => [columns(left), columns(right)].concat(),
        Expr::UnaryOp { expr, .. } | Expr::Floor { expr, .. } | Expr::Ceil { expr, .. } | Expr::Trim { expr, .. } => {
            columns(expr)
        }
        Expr::Function(function) => {
            arguments(&function.args).unwrap_or_default().into_iter().flat_map(columns).collect()
        }
        other => name(other).into_iter().collect(),
    }
}

fn value(table: &TableDescription, expr: &Expr) -> Said {
    if let Some(name) = name(expr) {
        let known = table.column(&name).map(|c| c.name.clone());
        return known.map(|n| named(&n)).ok_or_else(|| format!("`{name}` is no column"));
    }
    if let Some(literal) = literal(expr) {
        return Ok(match literal {
            Value::Number(text) | Value::Text(text) if matches!(bare(expr), Expr::TypedString(_)) => {
                format!("timestamp({})", quoted(&text))
            }
            Value::Number(text) => text,
            Value::Text(text) => quoted(&text),
            Value::Boolean(yes) => yes.to_string(),
            Value::Absent | Value::Null => "null".to_owned(),
        });
    }
    match bare(expr) {
        Expr::BinaryOp { left, op, right } => {
            let (a, b) = (value(table, left)?, value(table, right)?);
            match op {
                BinaryOperator::Plus | BinaryOperator::Minus | BinaryOperator::Multiply | BinaryOperator::Modulo => {
                    Ok(format!("({a} {op} {b})"))
                }
                BinaryOperator::StringConcat => Ok(format!("({a} + {b})")),
                BinaryOperator::Divide => {
                    Err("`/` of whole numbers drops the rest in some databases, and is not taken over".to_owned())
                }
                other => Err(format!("`{other}` is not known")),
            }
        }
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => Ok(format!("-{}", value(table, expr)?)),
        Expr::Floor { expr, .. } => Ok(format!("floor({})", value(table, expr)?)),
        Expr::Ceil { expr, .. } => Ok(format!("ceil({})", value(table, expr)?)),
        Expr::Trim { trim_where: None, trim_what: None, expr, trim_characters: None } => {
            Ok(format!("trim({})", value(table, expr)?))
        }
        Expr::Function(function) => {
            let called = function.name.to_string().to_lowercase();
            let ours = match called.as_str() {
                "length" | "char_length" | "character_length" => "size",
                "lower" => "lower",
                "upper" => "upper",
                "abs" => "abs",
                "coalesce" | "ifnull" => "coalesce",
                "round" => "round",
                "btrim" | "trim" => "trim",
                other => return Err(format!("`{other}()` is not known")),
            };
            let args = arguments(&function.args).ok_or_else(|| format!("`{called}` has odd arguments"))?;
            let args: Vec<String> = args.into_iter().map(|a| value(table, a)).collect::<Result<_, _>>()?;
            Ok(format!("{ours}({})", args.join(", ")))
        }
        other => Err(format!("`{other}` is not known")),
    }
}

/// LIKE with `%` at its ends alone.
fn like(x: &str, pattern: &str) -> Said {
    let inner = pattern.trim_start_matches('%').trim_end_matches('%');
    if inner.contains(['%', '_', '\\']) {
        return Err(format!("LIKE {pattern:?} has signs in its middle"));
    }
    let text = quoted(inner);
    Ok(match (pattern.starts_with('%'), pattern.ends_with('%')) {
        (true, true) => format!("contains({x}, {text})"),
        (true, false) => format!("endsWith({x}, {text})"),
        (false, true) => format!("startsWith({x}, {text})"),
        (false, false) => format!("{x} == {text}"),
    })
}
