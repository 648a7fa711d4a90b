//! Tables that a schema describes, as a world: keys and references are kept, columns get values of their type and name to begin with.

use std::fmt::Write as _;

use super::quoted;
use crate::edge::form::Value;
use crate::import::{ColumnDescription, ColumnKind, Description, ForeignKey, Generated, TableDescription};

/// Rows of tables that refer to none.
const ROWS: u64 = 1_000;

/// The file of a world with the tables of a description. What it does not say is in comments.
pub fn world(description: &Description, name: &str) -> String {
    let mut text = format!(
        "# Made from {}. Keys and references hold; how values are distributed is a beginning, to be changed.\nname = {}\n",
        quoted(name),
        quoted(name)
    );
    for note in &description.notes {
        let _ = writeln!(text, "# Not understood: {}", note.to_string().replace('\n', " "));
    }
    for table in &description.tables {
        one(table, description, &mut text);
    }
    text
}

/// The reference whose table is the parent: the rows of an array, or the first that is part of the primary key or must be there.
fn parent<'t>(table: &'t TableDescription, all: &Description) -> Option<&'t ForeignKey> {
    let there = |key: &&ForeignKey| key.table != table.name && all.tables.iter().any(|t| t.name == key.table);
    let keyed = |key: &&ForeignKey| key.columns.iter().all(|c| table.primary_key.contains(c));
    let must = |key: &&ForeignKey| key.columns.iter().all(|c| table.column(c).is_some_and(|c| !c.nullable));
    // Two tables that are each other's parent would have no rows: the later one is the child.
    let place = |name: &str| all.tables.iter().position(|t| t.name == name).unwrap_or(usize::MAX);
    let earlier = |key: &&ForeignKey| place(&key.table) < place(&table.name);
    let keys = || table.foreign_keys.iter().filter(there).filter(earlier);
    keys().find(keyed).or_else(|| keys().find(must)).filter(must)
}

fn one(table: &TableDescription, all: &Description, text: &mut String) {
    let parent = parent(table, all);
    let _ = write!(text, "\n[tables.{}]\n", quoted(&table.name));
    match parent {
        Some(key) => {
            let _ = writeln!(text, "parent = {}", quoted(&key.table));
            let (least, most) = key.children;
            let least = least.unwrap_or(0);
            let _ =
                writeln!(text, "children = {{ integer = [{least}, {}] }}", most.unwrap_or(least.max(1) + 4).max(least));
        }
        None => {
            let _ = writeln!(text, "rows = {ROWS}");
        }
    }
    let names = |names: &[String]| names.iter().map(|n| quoted(n)).collect::<Vec<_>>().join(", ");
    if !table.primary_key.is_empty() {
        let _ = writeln!(text, "key = [{}]", names(&table.primary_key));
    }
    let checks: Vec<String> = table
        .checks
        .iter()
        .filter(|check| {
            crate::expression::read(check)
                .is_ok_and(|e| e.names.iter().all(|n| table.column(&n.path.join(".")).is_some()))
        })
        .map(|check| quoted(check))
        .collect();
    if !checks.is_empty() {
        let _ = writeln!(text, "check = [{}]", checks.join(", "));
    }
    for unique in &table.unique {
        let _ = writeln!(text, "# Unique together, which is not kept by itself: {}", unique.join(", "));
    }
    let _ = writeln!(text, "\n[tables.{}.columns]", quoted(&table.name));
    for column in &table.columns {
        if let Some(comment) = &column.comment {
            let _ = writeln!(text, "# {}", comment.replace('\n', " "));
        }
        let _ = writeln!(text, "{} = {{ {} }}", quoted(&column.name), words(column, table, parent, all));
    }
}

/// How a column is made.
fn words(
    column: &ColumnDescription,
    table: &TableDescription,
    parent: Option<&ForeignKey>,
    all: &Description,
) -> String {
    let place = |key: &ForeignKey| key.columns.iter().position(|c| c.eq_ignore_ascii_case(&column.name));
    if let Some((key, k)) = parent.and_then(|key| place(key).map(|k| (key, k))) {
        let referred = key.referred.get(k).map_or("id", String::as_str);
        return format!("expr = {}", quoted(&format!("parent.{referred}")));
    }
    if parent.is_some() && column.name == "position" && column.generated == Some(Generated::Sequence) {
        return "number = 0".to_owned();
    }
    let missing = if column.nullable { ", missing = 0.05" } else { "" };
    if let Some((key, k)) = table.foreign_keys.iter().find_map(|key| place(key).map(|k| (key, k))) {
        let referred = key.referred.get(k).map_or("id", String::as_str);
        if key.table == table.name {
            return format!("tree = {{ column = {} }}", quoted(referred));
        }
        // Of a key of several columns all follow the row that the first one takes.
        if k > 0 {
            let path = [&key.columns[0], referred].map(|p| p.to_owned()).join(".");
            return format!("expr = {}", quoted(&path));
        }
        if all.tables.iter().any(|t| t.name == key.table) {
            return format!("ref = {{ table = {}, column = {} }}{missing}", quoted(&key.table), quoted(referred));
        }
    }
    let is_key = table.primary_key == [column.name.clone()];
    let unique = if column.unique || is_key { ", unique = true" } else { "" };
    if column.generated == Some(Generated::Sequence) || (is_key && matches!(column.kind, ColumnKind::Integer { .. })) {
        return format!("sequence = {}", column.least.as_deref().and_then(|l| l.parse::<i64>().ok()).unwrap_or(1));
    }
    if !column.values.is_empty() {
        let value = |v: &Value| match v {
            Value::Boolean(yes) => Some(yes.to_string()),
            Value::Number(digits) => Some(digits.clone()),
            Value::Text(text) => Some(quoted(text)),
            Value::Null | Value::Absent => None,
        };
        let values: Vec<String> = column.values.iter().filter_map(value).collect();
        return format!("choice = [{}]{missing}", values.join(", "));
    }
    format!("{}{missing}{unique}", of_kind(column))
}

fn of_kind(column: &ColumnDescription) -> String {
    let bound = |said: &Option<String>| said.as_deref().and_then(|t| t.parse::<f64>().ok());
    let (least, greatest) = (bound(&column.least), bound(&column.greatest));
    let number = crate::expression::columns::number_text;
    match &column.kind {
        ColumnKind::Integer { signed, .. } => {
            let least = least.unwrap_or(if *signed { 0.0 } else { 1.0 });
            format!("integer = [{}, {}]", number(least.ceil()), number(greatest.unwrap_or(least + 1_000.0).floor()))
        }
        ColumnKind::Decimal { digits, scale } => {
            let most = 10f64.powi(i32::from(digits.saturating_sub(*scale)).min(6)) - 1.0;
            let least = least.unwrap_or(0.0);
            let greatest = greatest.unwrap_or(least + most.min(10_000.0));
            format!("uniform = [{}, {}], round = {scale}", number(least), number(greatest))
        }
        ColumnKind::Float { .. } => match (least, greatest) {
            (Some(least), Some(greatest)) => format!("uniform = [{}, {}]", number(least), number(greatest)),
            (Some(least), None) => format!("gamma = [2, 50], min = {}", number(least)),
            _ => "normal = [0, 1]".to_owned(),
        },
        ColumnKind::Boolean => "chance = 0.5".to_owned(),
        ColumnKind::Date => "date = { from = 2020-01-01, to = 2024-12-31 }".to_owned(),
        ColumnKind::Timestamp { .. } => "time = { from = 2024-01-01, to = 2025-01-01 }".to_owned(),
        ColumnKind::Time => "time = { from = 2024-01-01, to = 2024-01-02 }, format = \"%H:%M:%S\"".to_owned(),
        ColumnKind::Bytes => "regex = \"[0-9a-f]{16}\"".to_owned(),
        ColumnKind::Text | ColumnKind::Other(_) => text(column),
    }
}

/// A text, by its format, its pattern, or what its name says.
fn text(column: &ColumnDescription) -> String {
    if let Some(pattern) = column.pattern.as_ref().filter(|p| crate::make::pattern::Pattern::new(p).is_ok()) {
        return format!("regex = {}", quoted(pattern));
    }
    let by_format = match column.format.as_deref() {
        Some("email" | "idn-email") => Some("person = \"email\""),
        Some("uuid") => Some("uuid = true"),
        Some("ipv4") => Some("internet = \"ipv4\""),
        Some("ipv6") => Some("internet = \"ipv6\""),
        Some("uri" | "url") => Some("internet = \"url\""),
        Some("hostname" | "idn-hostname") => Some("internet = \"domain\""),
        Some("date") => Some("date = { from = 2020-01-01, to = 2024-12-31 }"),
        Some("date-time") => Some("time = { from = 2024-01-01, to = 2025-01-01 }"),
        _ => None,
    };
    if let Some(said) = by_format {
        return said.to_owned();
    }
    let name = column.name.rsplit('.').next().unwrap_or_default().to_lowercase();
    let any = |words: &[&str]| words.iter().any(|w| name.contains(w));
    let said = if any(&["email", "e_mail", "mail"]) {
        "person = \"email\""
    } else if any(&["first_name", "firstname", "given"]) {
        "person = \"first_name\""
    } else if any(&["last_name", "lastname", "surname", "family"]) {
        "person = \"last_name\""
    } else if any(&["company", "supplier", "vendor"]) {
        "company = \"name\""
    } else if any(&["phone", "mobile", "fax"]) {
        "person = \"phone\""
    } else if any(&["city", "town"]) {
        "address = \"city\""
    } else if any(&["zip", "postcode", "postal"]) {
        "address = \"postcode\""
    } else if any(&["street", "address"]) {
        "address = \"street_line\""
    } else if any(&["country"]) {
        "address = \"country\""
    } else if any(&["iban"]) {
        "payment = \"iban\""
    } else if any(&["url", "website", "link"]) {
        "internet = \"url\""
    } else if any(&["note", "comment", "description", "text", "body"]) {
        "lorem = \"sentence\""
    } else if name == "name" || name.ends_with("_name") {
        "person = \"name\""
    } else {
        let (shortest, longest) = (column.shortest.unwrap_or(3), column.longest.unwrap_or(12).min(24));
        return format!("regex = \"[A-Za-z]{{{},{}}}\"", shortest.min(longest), longest);
    };
    // A made-up text may be longer than the column takes.
    match column.longest {
        Some(longest) if longest < 40 && !said.starts_with("address = \"postcode") => {
            format!("regex = \"[A-Z][a-z]{{{},{}}}\"", column.shortest.unwrap_or(3).clamp(1, longest) - 1, longest - 1)
        }
        _ => said.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::make::Engine;
    use crate::make::learned::Nothing;
    use crate::plan::{Plan, Wish};
    use crate::world::World;

    const SHOP: &str = "
        CREATE TYPE state AS ENUM ('new', 'paid', 'sent');
        CREATE TABLE customers (id SERIAL PRIMARY KEY, name VARCHAR(80) NOT NULL, email VARCHAR(120) UNIQUE NOT NULL, boss INTEGER REFERENCES customers(id));
        CREATE TABLE products (sku CHAR(8) PRIMARY KEY, price NUMERIC(8,2) NOT NULL CHECK (price > 0), stock SMALLINT);
        CREATE TABLE orders (id BIGINT PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers(id), placed TIMESTAMP NOT NULL, state state NOT NULL);
        CREATE TABLE lines (order_id BIGINT NOT NULL REFERENCES orders(id), line INTEGER NOT NULL, sku CHAR(8) NOT NULL REFERENCES products(sku), quantity INTEGER NOT NULL CHECK (quantity BETWEEN 1 AND 99), PRIMARY KEY (order_id, line));
    ";

    #[test]
    fn a_database_becomes_a_world_whose_keys_hold() {
        let description = crate::import::read(Path::new("shop.sql"), SHOP).unwrap();
        let text = world(&description, "shop.sql");
        let world = World::parse(&text, Path::new("shop.toml")).unwrap_or_else(|e| panic!("{e}\n{text}"));
        let engine = Engine::new(
            Plan::new(world, &Wish { rows: Some(40), seed: None }, &Nothing).unwrap_or_else(|e| panic!("{e}\n{text}")),
        );
        let folder = tempfile::tempdir().unwrap();
        // SQLite is asked whether every reference holds before anything stays.
        let target = crate::output::Target::Sqlite(folder.path().join("shop.db"));
        let written = engine.write(&target, (0, 1), &mut |_, _, _| true).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(written.len(), 4);
        let lines = engine.head(engine.plan.table("lines").unwrap(), 1_000).unwrap();
        let quantity =
            crate::expression::columns::Values::of(lines.column_by_name("quantity").unwrap().as_ref()).numbers();
        assert!(!quantity.is_empty() && quantity.iter().all(|q| (1.0..=99.0).contains(q)));
    }
}
