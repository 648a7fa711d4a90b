//! Test cases of a form: few valid rows that have all combinations of what its fields can be, and invalid rows with one fault each.

use std::fmt;
use std::io::Write;

use serde::{Deserialize, Serialize};

use super::check::datum;
use super::cover::{self, Choice, Cover, Coverage, Effort, Model, Parameter};
use super::form::{Form, Value};
use super::rule::{Datum, Rule, evaluate};
use super::values::{Case, values};
use crate::error::{Error, Result};
use crate::expression::{self, Expression};

/// How cases are made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Of how many fields all combinations of values occur: 2 for pairs. At most the number of fields.
    pub strength: usize,
    /// Whether there are invalid rows too.
    pub invalid: bool,
    /// Whether valid values that are tried once are there too: texts of all kinds, odd numbers and dates.
    pub odd: bool,
    /// Rows follow from it.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { strength: 2, invalid: true, odd: true, seed: 0 }
    }
}

impl Settings {
    /// Whether they make sense.
    ///
    /// # Errors
    /// When the strength is not 1 to 6.
    pub fn check(&self) -> Result<()> {
        if (1..=6).contains(&self.strength) {
            return Ok(());
        }
        Err(Error::Setting { key: "strength".to_owned(), what: "must be 1 to 6; 2 covers all pairs".to_owned() })
    }
}

/// A test case.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What is wrong; nothing if the row is valid.
    pub fault: Option<String>,
    /// A value for each field.
    pub values: Vec<Value>,
}

/// Test cases, and what they cover.
#[derive(Clone, Debug, PartialEq)]
pub struct Cases {
    /// The names of the fields.
    pub fields: Vec<String>,
    /// Valid rows first.
    pub rows: Vec<Row>,
    /// What they cover.
    pub report: Report,
    /// Whether rows are documents: a field `a.b` is then `b` in the object `a`.
    pub documents: bool,
}

/// What test cases cover.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Of how many fields all combinations occur.
    pub strength: usize,
    /// Combinations of valid values.
    pub combinations: Coverage,
    /// Valid rows.
    pub valid: usize,
    /// Invalid rows.
    pub invalid: usize,
    /// What is tried of each field.
    pub fields: Vec<FieldReport>,
    /// What is tried of each constraint.
    pub constraints: Vec<ConstraintReport>,
    /// What is not as it should be, and why.
    pub notes: Vec<String>,
}

/// What is tried of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldReport {
    /// Its name.
    pub name: String,
    /// Valid values that are combined with those of other fields.
    pub combined: usize,
    /// Valid values that occur once.
    pub once: usize,
    /// Invalid values, each with a row of its own.
    pub invalid: usize,
}

/// What is tried of a constraint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConstraintReport {
    /// As it was written.
    pub check: String,
    /// Rows that break it and nothing else.
    pub broken: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.strength {
            1 => "values".to_owned(),
            2 => "pairs".to_owned(),
            3 => "triples".to_owned(),
            n => format!("combinations of {n}"),
        };
        let Coverage { required, covered, excluded, .. } = &self.combinations;
        writeln!(f, "{} valid rows, {} invalid ones with one fault each", self.valid, self.invalid)?;
        writeln!(f, "{what}: {covered} of {required} covered, {excluded} excluded by constraints")?;
        for FieldReport { name, combined, once, invalid } in &self.fields {
            writeln!(f, "  {name}: {combined} values combined, {once} tried once, {invalid} invalid")?;
        }
        for ConstraintReport { check, broken } in &self.constraints {
            writeln!(f, "  {check}: broken by {broken} rows")?;
        }
        for note in self.combinations.notes.iter().chain(&self.notes) {
            writeln!(f, "  {note}")?;
        }
        Ok(())
    }
}

/// Test cases of a form.
///
/// # Errors
/// When the form or a setting makes no sense, no row can be valid, or a constraint cannot be computed.
pub fn cases(form: &Form, settings: &Settings) -> Result<Cases> {
    settings.check()?;
    form.check()?;
    let expressions: Vec<Expression> = form.constraints.iter().map(|c| expression::read(c)).collect::<Result<_>>()?;
    let tried: Vec<Vec<Case>> = form.fields.iter().map(|f| values(f, form.documents)).collect();
    let good: Vec<Vec<&Case>> =
        tried.iter().map(|all| all.iter().filter(|c| c.valid() && (c.core || settings.odd)).collect()).collect();
    for (field, good) in form.fields.iter().zip(&good) {
        if good.is_empty() {
            return Err(Error::Setting {
                key: field.name.clone(),
                what: "has no value that is valid by all that its field says; give it `examples`".to_owned(),
            });
        }
    }
    let names: Vec<&str> = form.fields.iter().map(|f| f.name.as_str()).collect();
    let data: Vec<Vec<Datum>> = form
        .fields
        .iter()
        .zip(&good)
        .map(|(f, cases)| cases.iter().map(|c| datum(&f.kind, &c.value)).collect())
        .collect();
    let rule = |e: &Expression| Rule::of_expression(e.clone(), &names, &data);
    let rules: Vec<Rule> = expressions.iter().map(rule).collect::<Result<_>>()?;
    let model = Model { parameters: parameters(form, &good), rules, ..Model::default() };
    let effort =
        Effort { strength: settings.strength.min(form.fields.len()), seed: settings.seed, candidates: 20, tries: 3 };
    let Cover { rows, coverage } = cover::cover(&model, &effort)?;
    let mut made = Cases {
        fields: names.iter().map(|&n| n.to_owned()).collect(),
        rows: Vec::new(),
        report: Report { strength: effort.strength, combinations: coverage, ..Report::default() },
        documents: form.documents,
    };
    let written =
        |row: &Vec<usize>| row.iter().zip(&good).map(|(&v, cases)| cases[v].value.clone()).collect::<Vec<_>>();
    made.rows = rows.iter().map(|row| Row { fault: None, values: written(row) }).collect();
    made.report.valid = made.rows.len();
    if settings.invalid {
        broken_fields(form, &tried, &expressions, &mut made);
        for r in 0..model.rules.len() {
            let rows = broken_rule(&model, r, settings.seed)?;
            if rows.is_empty() {
                made.report.notes.push(format!(
                    "no values of the fields break `{}` alone; give its fields `examples` that do",
                    model.rules[r].text
                ));
            }
            made.report.constraints.push(ConstraintReport { check: model.rules[r].text.clone(), broken: rows.len() });
            let fault = format!("breaks {}", model.rules[r].text);
            made.rows.extend(rows.iter().map(|row| Row { fault: Some(fault.clone()), values: written(row) }));
        }
    }
    made.report.invalid = made.rows.len() - made.report.valid;
    for (field, all) in form.fields.iter().zip(&tried) {
        made.report.fields.push(FieldReport {
            name: field.name.clone(),
            combined: all.iter().filter(|c| c.core).count(),
            once: if settings.odd { all.iter().filter(|c| c.valid() && !c.core).count() } else { 0 },
            invalid: if settings.invalid { all.iter().filter(|c| !c.valid()).count() } else { 0 },
        });
    }
    Ok(made)
}

fn parameters(form: &Form, good: &[Vec<&Case>]) -> Vec<Parameter> {
    let choice = |core: bool, case: &&Case| Choice { once: core && !case.core, ..Choice::new(case.name.clone()) };
    form.fields
        .iter()
        .zip(good)
        .map(|(field, cases)| {
            // A field with odd values alone has nothing else to combine.
            let core = cases.iter().any(|c| c.core);
            Parameter { name: field.name.clone(), choices: cases.iter().map(|c| choice(core, c)).collect() }
        })
        .collect()
}

/// A row for each invalid value of each field: a valid row, with the value put in. One is taken that breaks no constraint by
/// it; where there is none, the fault says so.
fn broken_fields(form: &Form, tried: &[Vec<Case>], expressions: &[Expression], made: &mut Cases) {
    let valid = made.report.valid;
    let mut next = 0;
    for (f, all) in tried.iter().enumerate() {
        for case in all {
            let Some(fault) = case.fault else { continue };
            let mut chosen = None;
            for i in 0..valid {
                let mut row = made.rows[(next + i) % valid].values.clone();
                row[f] = case.value.clone();
                if broken(form, expressions, &row).is_none() {
                    chosen = Some(row);
                    break;
                }
            }
            let name = &form.fields[f].name;
            let mut said = format!("{name}: {fault}");
            if case.name != fault.words() {
                said = format!("{said} ({})", case.name);
            }
            let row = match chosen {
                Some(row) => row,
                None => {
                    let mut row = made.rows[next % valid].values.clone();
                    row[f] = case.value.clone();
                    if let Some(broken) = broken(form, expressions, &row) {
                        said = format!("{said}, and so breaks {}", broken.text);
                    }
                    row
                }
            };
            next += 1;
            made.rows.push(Row { fault: Some(said), values: row });
        }
    }
}

/// The first constraint that a row breaks. One that cannot be computed for an invalid value is not broken by it.
fn broken<'a>(form: &Form, expressions: &'a [Expression], row: &[Value]) -> Option<&'a Expression> {
    for expression in expressions {
        let places: Vec<usize> = expression
            .names
            .iter()
            .filter_map(|n| form.fields.iter().position(|f| f.name == n.path.join(".")))
            .collect();
        let named = |n: usize| places.get(n).map_or(Datum::Null, |&p| datum(&form.fields[p].kind, &row[p]));
        if evaluate(&expression.node, &named) == Ok(Datum::Yes(false)) {
            return Some(expression);
        }
    }
    None
}

/// Rows that break one rule and obey the others; each value of the rule's parameters that can be in such a row is in one.
fn broken_rule(model: &Model, broken: usize, seed: u64) -> Result<Vec<Vec<usize>>> {
    let mut model = model.clone();
    let test = model.rules[broken].test.clone();
    model.rules[broken].test = std::sync::Arc::new(move |row| Ok(!test(row)?));
    let named = model.rules[broken].parameters.clone();
    for (p, parameter) in model.parameters.iter_mut().enumerate() {
        // What the rule does not name may be anything: its values are wanted no more.
        let wanted = named.contains(&p);
        for choice in &mut parameter.choices {
            choice.once |= !wanted;
        }
    }
    let places: Vec<Vec<usize>> = named.iter().map(|&p| vec![p]).collect();
    Ok(cover::cover_sets(&model, &places, &Effort { strength: 1, seed, candidates: 5, tries: 1 })?
        .unwrap_or_default()
        .rows)
}

impl Cases {
    /// Writes a table: `case`, `expected`, `fault`, then the fields. Texts are in quotes, also where they need none, numbers and
    /// `true` and `false` are not; nothing between two commas is missing, and `""` is an empty text.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_csv(&self, mut out: impl Write) -> std::io::Result<()> {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let head: Vec<String> = self.fields.iter().map(|f| quoted(f)).collect();
        writeln!(out, "case,expected,fault,{}", head.join(","))?;
        for (n, row) in self.rows.iter().enumerate() {
            let fault = row.fault.as_deref().map(quoted).unwrap_or_default();
            let values: Vec<String> = row
                .values
                .iter()
                .map(|value| match value {
                    Value::Absent | Value::Null => String::new(),
                    Value::Boolean(yes) => yes.to_string(),
                    Value::Number(text) => text.clone(),
                    Value::Text(text) => quoted(text),
                })
                .collect();
            writeln!(out, "{},{},{fault},{}", n + 1, expected(row), values.join(","))?;
        }
        Ok(())
    }

    /// Writes a document a line: `case`, `expected`, `fault`, and `record` with the fields. One that is left out is not in it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_json(&self, mut out: impl Write) -> std::io::Result<()> {
        for (n, row) in self.rows.iter().enumerate() {
            let fault = row.fault.as_deref().map_or_else(|| "null".to_owned(), text);
            let mut record = Vec::new();
            for (name, value) in self.fields.iter().zip(&row.values) {
                let value = match value {
                    Value::Absent => continue,
                    Value::Null => "null".to_owned(),
                    Value::Boolean(yes) => yes.to_string(),
                    Value::Number(digits) if number(digits) => digits.clone(),
                    Value::Number(other) | Value::Text(other) => text(other),
                };
                let path = if self.documents { name.split('.').collect() } else { vec![name.as_str()] };
                record.push((path, value));
            }
            let record = object(&record);
            writeln!(
                out,
                "{{\"case\":{},\"expected\":\"{}\",\"fault\":{fault},\"record\":{record}}}",
                n + 1,
                expected(row),
            )?;
        }
        Ok(())
    }
}

fn expected(row: &Row) -> &'static str {
    if row.fault.is_none() { "valid" } else { "invalid" }
}

/// An object with the values at their paths. Where a name is a value and an object too, the longer path is a name with dots.
fn object(entries: &[(Vec<&str>, String)]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for (path, value) in entries {
        let Some(&first) = path.first() else { continue };
        let alike = || entries.iter().filter(|e| e.0.first() == Some(&first));
        if path.len() == 1 {
            parts.push(format!("{}:{value}", text(first)));
        } else if alike().any(|e| e.0.len() == 1) {
            parts.push(format!("{}:{value}", text(&path.join("."))));
        } else if !seen.contains(&first) {
            seen.push(first);
            let inner: Vec<(Vec<&str>, String)> = alike().map(|(p, v)| (p[1..].to_vec(), v.clone())).collect();
            parts.push(format!("{}:{}", text(first), object(&inner)));
        }
    }
    format!("{{{}}}", parts.join(","))
}

fn text(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

/// Whether digits are a number of JSON (RFC 8259), which `1.` and `inf` are not.
fn number(digits: &str) -> bool {
    let digits = digits.strip_prefix('-').unwrap_or(digits);
    let (mantissa, exponent) = match digits.find(['e', 'E']) {
        Some(at) => (&digits[..at], Some(&digits[at + 1..])),
        None => (digits, None),
    };
    let (whole, part) = mantissa.split_once('.').map_or((mantissa, None), |(w, p)| (w, Some(p)));
    let all = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    all(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && part.is_none_or(all)
        && exponent.is_none_or(|e| all(e.strip_prefix(['+', '-']).unwrap_or(e)))
}

#[cfg(test)]
#[path = "cases_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
