//! Tables from the statements that make them in SQL: those that people write, and what `pg_dump`, `mysqldump` and SQLite's `.schema`
//! print.

mod types;

use std::collections::BTreeMap;
use std::path::Path;

use rustc_hash::FxHashMap;
use sqlparser::ast::{
    AlterColumnOperation, AlterTableOperation, ColumnDef, ColumnOption, CreateTable, Expr, ObjectName, Spanned,
    Statement, TableConstraint, UserDefinedTypeRepresentation,
};
use sqlparser::dialect::{MySqlDialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::check::{literal, name, take};
use super::{ColumnDescription, ColumnKind, Description, ForeignKey, Generated, TableDescription};
use crate::edge::form::Value;
use crate::error::{Error, Result};

/// Whose SQL it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Dialect {
    PostgreSql,
    MySql,
    Sqlite,
}

impl Dialect {
    /// The dialect that a text looks like; PostgreSQL, the nearest to the standard, where nothing tells.
    pub fn guess(text: &str) -> Dialect {
        let upper = text.to_uppercase();
        let has = |signs: &[&str]| signs.iter().any(|s| upper.contains(s));
        if has(&["AUTOINCREMENT", "PRAGMA ", "WITHOUT ROWID", "SQLITE_", "TABLE ["]) {
            Dialect::Sqlite
        } else if has(&["`", "AUTO_INCREMENT", "ENGINE=", "ENGINE ="]) {
            Dialect::MySql
        } else {
            Dialect::PostgreSql
        }
    }

    fn parser(self) -> Box<dyn sqlparser::dialect::Dialect> {
        match self {
            Dialect::PostgreSql => Box::new(PostgreSqlDialect {}),
            Dialect::MySql => Box::new(MySqlDialect {}),
            Dialect::Sqlite => Box::new(SQLiteDialect {}),
        }
    }
}

/// Reads tables, keys, checks and enums. Statements that say nothing of these are in the notes. `path` is for messages.
///
/// # Errors
/// When a statement that makes a table or a type cannot be read, with its line; or there is no table.
pub fn read(path: &Path, text: &str, dialect: Option<Dialect>) -> Result<Description> {
    let dialect = dialect.unwrap_or_else(|| Dialect::guess(text));
    let parser = dialect.parser();
    let clean = without_data(text);
    let wrong =
        |line: usize, key: &str, what: String| Error::Key { path: path.to_owned(), line, key: key.to_owned(), what };
    let tokens = Tokenizer::new(&*parser, &clean)
        .tokenize_with_location()
        .map_err(|e| wrong(e.location.line as usize, "SQL", format!("{}; is it of another dialect?", e.message)))?;
    let mut reader =
        Reader { dialect, made: Description::default(), enums: FxHashMap::default(), domains: FxHashMap::default() };
    let mut passed: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for statement in tokens.split(|t| t.token == Token::SemiColon) {
        let words: Vec<String> = statement
            .iter()
            .filter(|t| !matches!(t.token, Token::Whitespace(_)))
            .take(4)
            .map(|t| t.token.to_string())
            .collect();
        let Some(first) = statement.iter().find(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF)) else {
            continue;
        };
        let line = first.span.start.line as usize;
        let upper: Vec<String> = words.iter().map(|w| w.to_uppercase()).collect();
        if !wanted(&upper) {
            passed.entry(upper.iter().take(2).cloned().collect::<Vec<_>>().join(" ")).or_default().push(line);
            continue;
        }
        let statement = &reader.known(statement.to_vec());
        let parsed = Parser::new(&*parser).with_tokens_with_locations(statement.clone()).parse_statement();
        let said = words.iter().take(3).cloned().collect::<Vec<_>>().join(" ");
        let parsed = match parsed {
            Ok(parsed) => parsed,
            Err(e) => {
                let (at, what) = located(&e.to_string(), line);
                // A table that is not understood would be missed; what only adds to tables is told.
                if upper.iter().any(|w| w == "TABLE") && upper[0] == "CREATE" {
                    return Err(wrong(at, &said, format!("{what}; is it of another dialect than {dialect:?}?")));
                }
                reader.made.note(Some(at), "", format!("`{said}` is passed over: {what}"));
                continue;
            }
        };
        reader.statement(parsed, line, statement).map_err(|what| wrong(line, &said, what))?;
    }
    for (what, lines) in passed {
        let count = lines.len();
        let first = lines.first().copied();
        reader.made.note(
            first,
            "",
            format!("{count} statement{} `{what}` passed over", if count == 1 { "" } else { "s" }),
        );
    }
    if reader.made.tables.is_empty() {
        return Err(Error::File { path: path.to_owned(), what: "makes no table; it needs a CREATE TABLE".to_owned() });
    }
    // What comes after a part of a table was attached, as its keys, has no table.
    let parts: Vec<String> =
        reader.made.notes.iter().filter(|n| n.what.starts_with("is a part of")).map(|n| n.at.clone()).collect();
    reader.made.notes.retain(|n| n.what != NOT_MADE || !parts.contains(&n.at));
    reader.made.notes.sort_by_key(|n| n.line);
    reader.made.finish();
    Ok(reader.made)
}

/// Whether a statement that begins so says something of tables, types or keys.
fn wanted(words: &[String]) -> bool {
    let word = |n: usize| words.get(n).map_or("", String::as_str);
    match word(0) {
        "CREATE" => {
            ["TABLE", "TYPE", "DOMAIN"].contains(&word(1))
                || (word(1) == "UNLOGGED" && word(2) == "TABLE")
                || (word(1) == "UNIQUE" && word(2) == "INDEX")
        }
        "ALTER" => word(1) == "TABLE",
        _ => false,
    }
}

/// The text with what is no SQL made empty, lines kept: the rows of `COPY .. FROM stdin` and the commands of psql.
fn without_data(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut data = false;
    for line in text.lines() {
        let upper = line.trim_start().to_uppercase();
        if data {
            data = line.trim_end() != "\\.";
        } else if upper.starts_with("COPY ") && upper.contains(" FROM STDIN") {
            data = true;
        } else if !line.starts_with('\\') {
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

/// The line of a parser's message, and the message without it.
fn located(said: &str, otherwise: usize) -> (usize, String) {
    let said = said.trim_start_matches("sql parser error: ");
    let Some((what, place)) = said.rsplit_once(" at Line: ") else { return (otherwise, said.to_owned()) };
    let line = place.split(',').next().and_then(|l| l.trim().parse().ok()).filter(|&l| l > 0);
    (line.unwrap_or(otherwise), what.to_owned())
}

/// What is said of a table that is changed and not there.
const NOT_MADE: &str = "is changed, and was not made before";

struct Reader {
    dialect: Dialect,
    made: Description,
    /// Enums by name, in small letters.
    enums: FxHashMap<String, Vec<String>>,
    domains: FxHashMap<String, sqlparser::ast::CreateDomain>,
}

/// The last part of a name, without that of a schema.
fn last(name: &ObjectName) -> String {
    name.0.last().and_then(|p| p.as_ident()).map_or_else(|| name.to_string(), |i| i.value.clone())
}

/// The line of a column: of its name as a token of the statement.
fn line_of(name: &sqlparser::ast::Ident, otherwise: usize) -> usize {
    let line = name.span.start.line as usize;
    if line > 0 { line } else { otherwise }
}

impl Reader {
    fn statement(&mut self, statement: Statement, line: usize, tokens: &[TokenWithSpan]) -> Result<(), String> {
        match statement {
            Statement::CreateTable(create) => self.table(create, line),
            Statement::CreateType { name, representation } => {
                match representation {
                    Some(UserDefinedTypeRepresentation::Enum { labels }) => {
                        let labels = labels.into_iter().map(|l| l.value).collect();
                        self.enums.insert(last(&name).to_lowercase(), labels);
                    }
                    _ => self.made.note(
                        Some(line),
                        last(&name),
                        "is a type that is no enum; its columns are of an unknown type",
                    ),
                }
                Ok(())
            }
            Statement::CreateDomain(domain) => {
                self.domains.insert(last(&domain.name).to_lowercase(), domain);
                Ok(())
            }
            Statement::AlterTable(alter) => {
                let table = last(&alter.name);
                for operation in alter.operations {
                    self.alter(&table, operation, line)?;
                }
                Ok(())
            }
            Statement::CreateIndex(index) => {
                let table = last(&index.table_name);
                let columns: Option<Vec<String>> = index.columns.iter().map(|c| name(&c.column.expr)).collect();
                match columns {
                    Some(columns) if index.predicate.is_none() => self.unique(&table, columns, line),
                    _ => self.made.note(
                        Some(line),
                        table,
                        "has a unique index over some rows or over expressions, which is left out",
                    ),
                }
                Ok(())
            }
            other => {
                let what: Vec<String> = tokens.iter().take(5).map(|t| t.token.to_string()).collect();
                self.made.note(Some(line), "", format!("`{}` is passed over", what.concat().trim()));
                drop(other);
                Ok(())
            }
        }
    }

    /// The tokens of a statement without words that the parser does not know and that say nothing of values.
    fn known(&mut self, tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
        let mut made: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
        let mut drop_next = false;
        for mut token in tokens {
            let word = match &token.token {
                Token::Word(word) if word.quote_style.is_none() => word.value.to_uppercase(),
                _ => String::new(),
            };
            let line = token.span.start.line as usize;
            let after = made.iter().rev().find(|t| !matches!(t.token, Token::Whitespace(_))).map(|t| &t.token);
            let closed = after == Some(&Token::RParen);
            if drop_next && !word.is_empty() {
                drop_next = false;
                continue;
            }
            match (word.as_str(), self.dialect) {
                // Computed when it is read, and not when it is written.
                ("VIRTUAL", Dialect::PostgreSql) if closed => token.token = Token::make_keyword("STORED"),
                ("BINARY", Dialect::MySql) if closed => continue,
                ("SUB_TYPE", Dialect::Sqlite | Dialect::PostgreSql) => {
                    self.made.note(Some(line), "", "SUB_TYPE is left out");
                    drop_next = true;
                    continue;
                }
                _ => {}
            }
            made.push(token);
        }
        made
    }

    fn place(&mut self, table: &str, line: usize) -> Option<usize> {
        let place = self.made.tables.iter().position(|t| t.name.eq_ignore_ascii_case(table));
        if place.is_none() {
            self.made.note(Some(line), table, NOT_MADE);
        }
        place
    }

    fn table(&mut self, create: CreateTable, line: usize) -> Result<(), String> {
        let table = last(&create.name);
        if self.made.table(&table).is_some() {
            if create.if_not_exists {
                self.made.note(Some(line), table, "is made a second time, which is passed over");
                return Ok(());
            }
            return Err(format!("makes `{table}` a second time; drop one"));
        }
        if create.query.is_some() || create.like.is_some() {
            self.made.note(Some(line), &table, "takes columns from a query or another table, which are not followed");
        }
        if let Some(whole) = &create.partition_of {
            self.made.note(Some(line), &table, format!("is a part of `{}`, whose rows it holds", last(whole)));
            return Ok(());
        }
        let mut made = TableDescription { name: table.clone(), ..TableDescription::default() };
        for above in create.inherits.iter().flatten().map(last) {
            match self.made.table(&above).cloned() {
                Some(above) => {
                    made.columns.extend(above.columns);
                    made.checks.extend(above.checks);
                }
                None => self.made.note(
                    Some(line),
                    &table,
                    format!("takes columns from `{above}`, which was not made before"),
                ),
            }
        }
        self.made.tables.push(made);
        for column in &create.columns {
            self.column(&table, column, line)?;
        }
        // Checks may name columns of either side, so they come when all are there.
        for column in &create.columns {
            for option in &column.options {
                if let ColumnOption::Check(check) = &option.option {
                    self.check(&table, &check.expr, line_of(&column.name, line));
                }
            }
        }
        for constraint in create.constraints {
            self.constraint(&table, constraint, line);
        }
        if let Some(made) = self.made.tables.last()
            && made.columns.is_empty()
        {
            self.made.note(Some(line), table, "has no columns of its own");
        }
        Ok(())
    }

    fn column(&mut self, table: &str, definition: &ColumnDef, line: usize) -> Result<(), String> {
        let line = line_of(&definition.name, line);
        let at = format!("{table}.{}", definition.name.value);
        let mut column = ColumnDescription::new(&definition.name.value, ColumnKind::Text);
        column.nullable = true;
        let mut checks = Vec::new();
        self.kind(&mut column, &definition.data_type, &at, line, &mut checks);
        let mut primary = false;
        let mut foreign = None;
        for option in &definition.options {
            match &option.option {
                ColumnOption::Null => column.nullable = true,
                ColumnOption::NotNull => column.nullable = false,
                ColumnOption::Default(value) => self.default(&mut column, value, &at, line),
                ColumnOption::PrimaryKey(_) => primary = true,
                ColumnOption::Unique(_) => column.unique = true,
                ColumnOption::ForeignKey(key) => {
                    foreign = Some(ForeignKey {
                        columns: vec![column.name.clone()],
                        table: last(&key.foreign_table),
                        referred: key.referred_columns.iter().map(|c| c.value.clone()).collect(),
                        children: (None, None),
                    });
                }
                ColumnOption::Check(_) => {}
                ColumnOption::Comment(text) => column.comment = Some(text.clone()),
                ColumnOption::Generated { generation_expr, .. } => {
                    column.generated =
                        Some(if generation_expr.is_some() { Generated::Computed } else { Generated::Sequence });
                    if let Some(expr) = generation_expr {
                        self.made.note(Some(line), &at, format!("is computed as {expr}; write it as an expression"));
                    } else {
                        column.nullable = false;
                    }
                }
                ColumnOption::Identity(_) => column.generated = Some(Generated::Sequence),
                ColumnOption::DialectSpecific(tokens) => {
                    let said: String =
                        tokens.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ").to_uppercase();
                    if said.replace('_', "").contains("AUTOINCREMENT") {
                        column.generated = Some(Generated::Sequence);
                    } else {
                        self.made.note(Some(line), &at, format!("{said} is left out"));
                    }
                }
                // These say how texts compare and are stored, not which there are.
                ColumnOption::CharacterSet(_) | ColumnOption::Collation(_) => {}
                other => self.made.note(Some(line), &at, format!("{other} is left out")),
            }
        }
        let place = self.place(table, line).ok_or_else(|| format!("`{table}` is not there"))?;
        if primary {
            column.nullable = false;
            self.made.tables[place].primary_key = vec![column.name.clone()];
            // An INTEGER PRIMARY KEY of SQLite is its row number.
            if self.dialect == Dialect::Sqlite && matches!(column.kind, ColumnKind::Integer { .. }) {
                column.generated = Some(Generated::Sequence);
            }
        }
        if self.made.tables[place].column(&column.name).is_some() {
            return Err(format!("has the column `{}` twice", column.name));
        }
        column.required = !column.nullable && column.default.is_none() && column.generated.is_none();
        self.made.tables[place].columns.push(column);
        self.made.tables[place].foreign_keys.extend(foreign);
        for check in checks {
            self.check(table, &check, line);
        }
        Ok(())
    }

    fn default(&mut self, column: &mut ColumnDescription, value: &Expr, at: &str, line: usize) {
        let text = value.to_string();
        if text.to_lowercase().starts_with("nextval(") {
            column.generated = Some(Generated::Sequence);
        } else if let Some(value) = literal(value) {
            let value = match (&column.kind, value) {
                // MySQL writes them so.
                (ColumnKind::Boolean, Value::Number(n)) => Value::Boolean(n != "0"),
                (ColumnKind::Boolean, Value::Text(t)) => {
                    Value::Boolean(["t", "true", "1", "yes"].contains(&t.to_lowercase().as_str()))
                }
                (
                    ColumnKind::Integer { .. } | ColumnKind::Decimal { .. } | ColumnKind::Float { .. },
                    Value::Text(t),
                ) => Value::Number(t),
                (_, value) => value,
            };
            column.default = Some(value);
        } else {
            self.made.note(Some(line), at, format!("has the default {text}, which is left out"));
            // It need not be given, all the same.
            column.default = Some(Value::Null);
        }
    }

    fn check(&mut self, table: &str, check: &Expr, line: usize) {
        let own = check.span().start.line as usize;
        let line = if own > 0 { own } else { line };
        let Some(place) = self.place(table, line) else { return };
        let lost = take(&mut self.made.tables[place], check);
        for what in lost {
            self.made.note(Some(line), table, what);
        }
    }

    fn unique(&mut self, table: &str, columns: Vec<String>, line: usize) {
        let Some(place) = self.place(table, line) else { return };
        let made = &mut self.made.tables[place];
        match columns.as_slice() {
            [one] => match made.column_mut(one) {
                Some(column) => column.unique = true,
                None => self.made.note(Some(line), table, format!("`{one}` is unique, and is no column")),
            },
            _ => made.unique.push(columns),
        }
    }

    fn constraint(&mut self, table: &str, constraint: TableConstraint, line: usize) {
        match constraint {
            TableConstraint::Unique(unique) => match unique.columns.iter().map(|c| name(&c.column.expr)).collect() {
                Some(columns) => self.unique(table, columns, line),
                None => self.made.note(Some(line), table, format!("{unique} is left out")),
            },
            TableConstraint::PrimaryKey(key) => {
                let columns: Option<Vec<String>> = key.columns.iter().map(|c| name(&c.column.expr)).collect();
                let Some(place) = self.place(table, line) else { return };
                let Some(columns) = columns else {
                    return self.made.note(Some(line), table, format!("{key} is left out"));
                };
                let made = &mut self.made.tables[place];
                for column in &columns {
                    if let Some(column) = made.column_mut(column) {
                        column.required &= column.generated.is_none();
                        column.nullable = false;
                    }
                }
                if let ([one], Dialect::Sqlite) = (columns.as_slice(), self.dialect)
                    && let Some(column) = made.column_mut(one)
                    && matches!(column.kind, ColumnKind::Integer { .. })
                {
                    column.generated = Some(Generated::Sequence);
                }
                made.primary_key = columns;
            }
            TableConstraint::ForeignKey(key) => {
                let Some(place) = self.place(table, line) else { return };
                self.made.tables[place].foreign_keys.push(ForeignKey {
                    columns: key.columns.iter().map(|c| c.value.clone()).collect(),
                    table: last(&key.foreign_table),
                    referred: key.referred_columns.iter().map(|c| c.value.clone()).collect(),
                    children: (None, None),
                });
            }
            TableConstraint::Check(check) => self.check(table, &check.expr, line),
            // An index says nothing of what rows there are.
            TableConstraint::Index(_) | TableConstraint::FulltextOrSpatial(_) => {}
            other => self.made.note(Some(line), table, format!("{other} is left out")),
        }
    }

    fn alter(&mut self, table: &str, operation: AlterTableOperation, line: usize) -> Result<(), String> {
        match operation {
            AlterTableOperation::AddConstraint { constraint, .. } => self.constraint(table, constraint, line),
            AlterTableOperation::AddColumn { column_def, .. } => {
                self.column(table, &column_def, line)?;
                for option in &column_def.options {
                    if let ColumnOption::Check(check) = &option.option {
                        self.check(table, &check.expr, line);
                    }
                }
            }
            AlterTableOperation::AlterColumn { column_name, op } => {
                let Some(place) = self.place(table, line) else { return Ok(()) };
                let name = column_name.value;
                let at = format!("{table}.{name}");
                let Some(column) = self.made.tables[place].column(&name).cloned() else {
                    self.made.note(Some(line), at, "is changed, and was not made before");
                    return Ok(());
                };
                let mut column = column;
                match op {
                    AlterColumnOperation::SetNotNull => column.nullable = false,
                    AlterColumnOperation::DropNotNull => column.nullable = true,
                    AlterColumnOperation::SetDefault { value } => self.default(&mut column, &value, &at, line),
                    AlterColumnOperation::DropDefault => column.default = None,
                    AlterColumnOperation::AddGenerated { .. } => column.generated = Some(Generated::Sequence),
                    other => self.made.note(Some(line), &at, format!("{other} is left out")),
                }
                column.required = !column.nullable && column.default.is_none() && column.generated.is_none();
                if let Some(slot) = self.made.tables[place].column_mut(&name) {
                    *slot = column;
                }
            }
            AlterTableOperation::AttachPartitionOf { partition, .. } => {
                let part = last(&partition);
                self.made.tables.retain(|t| !t.name.eq_ignore_ascii_case(&part));
                self.made.note(Some(line), part, format!("is a part of `{table}`, whose rows it holds"));
            }
            // Who owns a table, and where it is, say nothing of its rows.
            AlterTableOperation::OwnerTo { .. } => {}
            other => {
                let said = other.to_string();
                if !said.contains("TRIGGER") {
                    self.made.note(Some(line), table, format!("`{said}` is passed over"));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "ddl_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
