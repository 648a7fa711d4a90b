//! Forms from TOML.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::{Field, Form, Format, Kind, Said, Value, minor_units, units};
use crate::error::{Error, Result};
use crate::expression;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    name: String,
    #[serde(default)]
    documents: bool,
    zone: Option<String>,
    fields: BTreeMap<Spanned<String>, Spanned<Written>>,
    #[serde(default)]
    constraints: Vec<Spanned<Constraint>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Constraint {
    check: String,
}

/// A field as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    r#type: String,
    bits: Option<u8>,
    signed: Option<bool>,
    digits: Option<u8>,
    scale: Option<u8>,
    currency: Option<String>,
    min: Option<toml::Value>,
    max: Option<toml::Value>,
    multiple_of: Option<i64>,
    min_length: Option<usize>,
    max_length: Option<usize>,
    pattern: Option<String>,
    format: Option<String>,
    values: Option<Vec<toml::Value>>,
    examples: Option<Vec<toml::Value>>,
    zone: Option<String>,
    offset: Option<bool>,
    #[serde(default)]
    nullable: bool,
    required: Option<bool>,
}

impl Form {
    /// Reads a form from TOML: `[fields.NAME]` with `type` and what bounds it, `[[constraints]]` with `check`. `path` is for
    /// messages.
    ///
    /// # Errors
    /// When the file is none, or a key is unknown or makes no sense; with its line.
    pub fn read(path: &Path, text: &str) -> Result<Form> {
        let line = |at: usize| text.as_bytes()[..at.min(text.len())].iter().filter(|&&b| b == b'\n').count() + 1;
        let file: File = toml::from_str(text).map_err(|e| Error::Key {
            path: path.to_owned(),
            line: line(e.span().map_or(0, |s| s.start)),
            key: "form".to_owned(),
            what: e.message().to_owned(),
        })?;
        let mut written: Vec<(Spanned<String>, Spanned<Written>)> = file.fields.into_iter().collect();
        written.sort_by_key(|(name, _)| name.span().start);
        let mut form = Form { name: file.name, documents: file.documents, ..Form::default() };
        for (name, written) in written {
            let at = line(name.span().start);
            let name = name.into_inner();
            let field = field(&name, written.into_inner(), file.zone.as_deref()).map_err(|(key, what)| Error::Key {
                path: path.to_owned(),
                line: at,
                key: format!("fields.{name}{}{key}", if key.is_empty() { "" } else { "." }),
                what,
            })?;
            form.fields.push(field);
        }
        for constraint in file.constraints {
            let at = line(constraint.span().start);
            let text = constraint.into_inner().check;
            expression::read(&text).map_err(|e| Error::Key {
                path: path.to_owned(),
                line: at,
                key: "constraints.check".to_owned(),
                what: e.to_string(),
            })?;
            form.constraints.push(text);
        }
        form.check()?;
        Ok(form)
    }
}

/// A number in digits, without the exponent that `f64` may print.
fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Datetime(at) => at.to_string(),
        other => other.to_string(),
    }
}

fn value(written: &toml::Value) -> Said<Value> {
    Ok(match written {
        toml::Value::String(text) => Value::Text(text.clone()),
        toml::Value::Boolean(yes) => Value::Boolean(*yes),
        toml::Value::Integer(_) | toml::Value::Float(_) => Value::Number(written.to_string()),
        toml::Value::Datetime(at) => Value::Text(at.to_string()),
        _ => return Err(("values", "must be texts, numbers, dates, true or false".to_owned())),
    })
}

fn field(name: &str, written: Written, zone: Option<&str>) -> Said<Field> {
    let taken = |keys: &[&'static str]| -> Said<()> {
        let given = [
            ("bits", written.bits.is_some()),
            ("signed", written.signed.is_some()),
            ("digits", written.digits.is_some()),
            ("scale", written.scale.is_some()),
            ("currency", written.currency.is_some()),
            ("min", written.min.is_some()),
            ("max", written.max.is_some()),
            ("multiple_of", written.multiple_of.is_some()),
            ("min_length", written.min_length.is_some()),
            ("max_length", written.max_length.is_some()),
            ("pattern", written.pattern.is_some()),
            ("format", written.format.is_some()),
            ("zone", written.zone.is_some()),
            ("offset", written.offset.is_some()),
        ];
        match given.iter().find(|(key, given)| *given && !keys.contains(key)) {
            Some((key, _)) => Err((key, format!("means nothing for the type `{}`; drop it", written.r#type))),
            None => Ok(()),
        }
    };
    let whole = |key, bound: &Option<toml::Value>, scale| match bound {
        Some(text) => units(&plain(text), scale)
            .map(Some)
            .ok_or_else(|| (key, format!("{text} must be a number with at most {scale} digits after the point"))),
        None => Ok(None),
    };
    let real = |key, bound: &Option<toml::Value>| match bound {
        Some(text) => plain(text).parse::<f64>().map(Some).map_err(|_| (key, format!("{text} must be a number"))),
        None => Ok(None),
    };
    let text = |bound: &Option<toml::Value>| bound.as_ref().map(plain);
    let kind = match written.r#type.as_str() {
        "integer" => {
            taken(&["bits", "signed", "min", "max", "multiple_of"])?;
            Kind::Integer {
                bits: written.bits,
                signed: written.signed.unwrap_or(true),
                least: whole("min", &written.min, 0)?,
                greatest: whole("max", &written.max, 0)?,
                multiple: written.multiple_of.map(i128::from),
            }
        }
        "decimal" => {
            taken(&["digits", "scale", "currency", "min", "max"])?;
            let currency = written.currency.as_deref();
            let minor = currency.map(|c| {
                minor_units(c).ok_or_else(|| ("currency", format!("{c:?} must be three capitals, as in \"EUR\"")))
            });
            let minor = minor.transpose()?;
            let scale = written.scale.or(minor).unwrap_or(2);
            Kind::Decimal {
                digits: written.digits.unwrap_or(18),
                scale,
                least: whole("min", &written.min, scale)?,
                greatest: whole("max", &written.max, scale)?,
                currency: written.currency.clone(),
            }
        }
        "float" => {
            taken(&["bits", "min", "max"])?;
            let (least, greatest) = (real("min", &written.min)?, real("max", &written.max)?);
            Kind::Float { bits: written.bits.unwrap_or(64), least, greatest }
        }
        "boolean" => {
            taken(&[])?;
            Kind::Boolean
        }
        "text" => {
            taken(&["min_length", "max_length", "pattern", "format"])?;
            let format = written.format.as_deref().map(|f| {
                let known = || Format::ALL.map(|f| f.0).join(", ");
                Format::named(f).ok_or_else(|| ("format", format!("{f:?} is not known; there are {}", known())))
            });
            Kind::Text {
                shortest: written.min_length.unwrap_or(0),
                longest: written.max_length,
                pattern: written.pattern.clone(),
                format: format.transpose()?,
            }
        }
        "enum" => {
            taken(&[])?;
            if written.values.as_ref().is_none_or(Vec::is_empty) {
                return Err(("values", "must be given to an enum, as in values = [\"new\", \"paid\"]".to_owned()));
            }
            Kind::TEXT
        }
        "date" => {
            taken(&["min", "max"])?;
            Kind::Date { least: text(&written.min), greatest: text(&written.max) }
        }
        "time" => {
            taken(&[])?;
            Kind::Time
        }
        "timestamp" => {
            taken(&["min", "max", "zone", "offset"])?;
            Kind::Timestamp {
                zone: written.zone.clone().or(zone.map(str::to_owned)),
                offset: written.offset,
                least: text(&written.min),
                greatest: text(&written.max),
            }
        }
        other => {
            let known = "integer, decimal, float, boolean, text, enum, date, time, timestamp";
            return Err(("type", format!("{other:?} is not known; there are {known}")));
        }
    };
    let list = |values: &Option<Vec<toml::Value>>| values.iter().flatten().map(value).collect::<Said<Vec<Value>>>();
    let field = Field {
        name: name.to_owned(),
        kind,
        values: list(&written.values)?,
        examples: list(&written.examples)?,
        nullable: written.nullable,
        required: written.required.unwrap_or(true),
    };
    field.check()?;
    Ok(field)
}
