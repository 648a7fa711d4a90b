//! Tables as SQL says them.

use std::fmt::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;

use crate::expression::DAY;
use crate::expression::columns::{Kind, number_text, time_text};
use crate::plan::{Maker, Plan, Source};

/// Whose SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Postgres,
    Sqlite,
}

/// Rows of one `INSERT`.
const ROWS: usize = 500;

/// A name in quotes.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A column that refers to the key of another table.
pub struct ForeignKey {
    /// The column.
    pub column: usize,
    /// The other table.
    pub table: usize,
    /// Its column.
    pub key: usize,
}

/// The columns of a table that refer to the keys of others: those that say so, and copies of the parent's key.
pub fn foreign_keys(plan: &Plan, t: usize) -> Vec<ForeignKey> {
    let table = &plan.tables[t];
    let of = |(column, c): (usize, &crate::plan::Column)| {
        let (other, key) = match &c.maker {
            Maker::Ref { table, column, .. } => (*table, *column),
            Maker::Tree(key, ..) => (t, *key),
            Maker::Expr(bound) => match (bound.sources.as_slice(), &bound.expression.node, table.parent) {
                ([Source::Parent(rest)], crate::expression::Node::Name(0), Some(parent)) => match **rest {
                    Source::Own(key) => (parent, key),
                    _ => return None,
                },
                _ => return None,
            },
            _ => return None,
        };
        let is_key = plan.tables[other].keys == [key] && !plan.tables[other].hidden;
        is_key.then_some(ForeignKey { column, table: other, key })
    };
    table.columns.iter().enumerate().filter(|(_, c)| !c.after.hidden).filter_map(of).collect()
}

/// `CREATE TABLE` with its keys.
pub fn create(plan: &Plan, t: usize, dialect: Dialect) -> String {
    let table = &plan.tables[t];
    let mut text = format!("CREATE TABLE {} (\n", quoted(&table.name));
    let mut lines: Vec<String> = Vec::new();
    for column in table.columns.iter().filter(|c| !c.after.hidden) {
        let unique = if column.after.unique { " UNIQUE" } else { "" };
        lines.push(format!("  {} {}{unique}", quoted(&column.name), data(column.kind, dialect)));
    }
    let shown = |c: &usize| !table.columns[*c].after.hidden && table.columns[*c].after.missing.is_none();
    if !table.keys.is_empty() && table.keys.iter().all(shown) {
        let names: Vec<String> = table.keys.iter().map(|&c| quoted(&table.columns[c].name)).collect();
        lines.push(format!("  PRIMARY KEY ({})", names.join(", ")));
    }
    for key in foreign_keys(plan, t) {
        let other = &plan.tables[key.table];
        lines.push(format!(
            "  FOREIGN KEY ({}) REFERENCES {} ({})",
            quoted(&table.columns[key.column].name),
            quoted(&other.name),
            quoted(&other.columns[key.key].name)
        ));
    }
    text.push_str(&lines.join(",\n"));
    text.push_str("\n);\n");
    text
}

fn data(kind: Kind, dialect: Dialect) -> &'static str {
    match (kind, dialect) {
        (Kind::Null | Kind::Text, _) => "TEXT",
        (Kind::Yes, _) => "BOOLEAN",
        (Kind::Whole, Dialect::Postgres) => "BIGINT",
        (Kind::Whole, Dialect::Sqlite) => "INTEGER",
        (Kind::Number, Dialect::Postgres) => "DOUBLE PRECISION",
        (Kind::Number, Dialect::Sqlite) => "REAL",
        (Kind::Day, _) => "DATE",
        (Kind::Time, _) => "TIMESTAMP",
    }
}

/// `INSERT` of rows.
pub fn inserts(table: &str, batch: &RecordBatch) -> String {
    let names: Vec<String> = batch.schema().fields().iter().map(|f| quoted(f.name())).collect();
    let mut text = String::with_capacity(batch.num_rows() * batch.num_columns() * 12);
    for row in 0..batch.num_rows() {
        if row % ROWS == 0 {
            let begin = if row == 0 { "" } else { ";\n" };
            // Writing into a text does not fail.
            let _ = writeln!(text, "{begin}INSERT INTO {} ({}) VALUES", quoted(table), names.join(", "));
        } else {
            text.push_str(",\n");
        }
        text.push('(');
        for (c, column) in batch.columns().iter().enumerate() {
            if c > 0 {
                text.push_str(", ");
            }
            literal(column.as_ref(), row, &mut text);
        }
        text.push(')');
    }
    if batch.num_rows() > 0 {
        text.push_str(";\n");
    }
    text
}

fn literal(column: &dyn Array, row: usize, text: &mut String) {
    match cell(column, row) {
        None => text.push_str("NULL"),
        Some(said) => match column.data_type() {
            DataType::Boolean | DataType::Int64 | DataType::Float64 => text.push_str(&said),
            _ => {
                text.push('\'');
                text.push_str(&said.replace('\'', "''"));
                text.push('\'');
            }
        },
    }
}

/// A value as a text; `None` if it is missing.
pub fn cell(column: &dyn Array, row: usize) -> Option<String> {
    if column.is_null(row) {
        return None;
    }
    match column.data_type() {
        DataType::Boolean => Some(column.as_boolean().value(row).to_string()),
        DataType::Int64 => Some(column.as_primitive::<Int64Type>().value(row).to_string()),
        DataType::Float64 => Some(number_text(column.as_primitive::<Float64Type>().value(row))),
        DataType::Date32 => time_text(i64::from(column.as_primitive::<Date32Type>().value(row)) * DAY, true),
        DataType::Timestamp(..) => time_text(column.as_primitive::<TimestampMicrosecondType>().value(row), false),
        _ => column.as_string_opt::<i32>().map(|texts| texts.value(row).to_owned()),
    }
}
