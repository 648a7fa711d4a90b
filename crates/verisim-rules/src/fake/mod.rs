//! Made-up persons, companies, addresses, accounts, things of the internet, vehicles and goods, as people of a country would write them.
//!
//! What is made up belongs to an **entity**, a 64-bit key. All fields of one entity in one locale agree with each other: the e-mail comes
//! from the name, the postcode and the telephone's area are those of the city, the VIN tells the make and the year. Each field is a
//! function of (entity, locale, field), so it draws the same whatever other fields are asked for.
//!
//! Values are made to harm nobody: ranges that are kept for examples or given to nobody are used where there are such. `docs/fake.md`
//! says which, and where there are none.
//!
//! ```
//! use verisim_rules::fake::{Field, Locale};
//!
//! let field = Field::parse("person", "email")?;
//! let column = field.column("de".parse::<Locale>()?, &[1, 2, 3]);
//! assert_eq!(column.len(), 3);
//! # Ok::<(), verisim_rules::Error>(())
//! ```

mod address;
mod check;
mod commerce;
mod company;
mod draw;
mod entity;
mod fields;
mod identity;
mod internet;
mod locale;
mod pattern;
mod payment;
mod person;
#[cfg(test)]
mod tests;
mod vehicle;

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, Date32Array, Float64Array, Int64Array};
use arrow_schema::DataType;

use self::entity::Entity;
use self::fields::{FIELDS, Make};
pub use self::locale::Locale;
use crate::{Error, Result};

/// One thing that is made up: `person.email`, `address.postcode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Field(u16);

impl Field {
    /// The field `name` of a kind of things.
    ///
    /// # Errors
    ///
    /// A name that is not known; the message has the nearest one and all of the kind.
    pub fn parse(kind: &str, name: &str) -> Result<Field> {
        let found = FIELDS.iter().position(|f| f.kind == kind && f.name == name);
        if let Some(at) = found.and_then(|at| u16::try_from(at).ok()) {
            return Ok(Field(at));
        }
        let key = format!("{kind}.{name}");
        let of_kind: Vec<&str> = FIELDS.iter().filter(|f| f.kind == kind).map(|f| f.name).collect();
        let what = if of_kind.is_empty() {
            let kinds = Field::kinds();
            let hint = locale::hint(kind, kinds.iter().copied());
            format!("is not made up here{hint}; the kinds are {}", kinds.join(", "))
        } else {
            let hint = locale::hint(name, of_kind.iter().copied());
            format!("is not made up here{hint}; `{kind}` has {}", of_kind.join(", "))
        };
        Err(Error::Setting { key, what })
    }

    /// The kinds of things: `person`, `address` ...
    pub fn kinds() -> Vec<&'static str> {
        let mut kinds: Vec<&str> = FIELDS.iter().map(|f| f.kind).collect();
        kinds.dedup();
        kinds
    }

    /// Every field: its kind, its name, what it is, and an example from the United States.
    pub fn all() -> impl Iterator<Item = (&'static str, &'static str, &'static str, String)> {
        FIELDS.iter().map(|f| (f.kind, f.name, f.what, example(f.make, Locale::EnUs, 5)))
    }

    /// The kind of thing: `person`.
    pub fn kind(self) -> &'static str {
        FIELDS[usize::from(self.0)].kind
    }

    /// The name within the kind: `email`.
    pub fn name(self) -> &'static str {
        FIELDS[usize::from(self.0)].name
    }

    /// What it is, in a line.
    pub fn what(self) -> &'static str {
        FIELDS[usize::from(self.0)].what
    }

    /// The type of its columns.
    pub fn data_type(&self) -> DataType {
        match FIELDS[usize::from(self.0)].make {
            Make::Text(_) | Make::MaybeText(_) => DataType::Utf8,
            Make::Date(_) => DataType::Date32,
            Make::Float(_) => DataType::Float64,
            Make::Int(_) => DataType::Int64,
        }
    }

    /// Whether some values may be missing: a country without IBAN has none.
    pub fn is_nullable(&self) -> bool {
        matches!(FIELDS[usize::from(self.0)].make, Make::MaybeText(_))
    }

    /// One value for each entity. Nothing is kept between calls; text is written into one buffer.
    pub fn column(&self, locale: Locale, entities: &[u64]) -> ArrayRef {
        let mut entity = Entity::of(locale.place());
        let keys = entities.iter();
        match FIELDS[usize::from(self.0)].make {
            Make::Text(write) => {
                let (mut text, mut builder) = buffers(entities.len());
                for &key in keys {
                    entity.turn(key);
                    text.clear();
                    write(&entity, &mut text);
                    builder.append_value(&text);
                }
                Arc::new(builder.finish())
            }
            Make::MaybeText(write) => {
                let (mut text, mut builder) = buffers(entities.len());
                for &key in keys {
                    entity.turn(key);
                    text.clear();
                    let some = write(&entity, &mut text);
                    builder.append_option(some.then_some(&text));
                }
                Arc::new(builder.finish())
            }
            Make::Date(make) => Arc::new(Date32Array::from_iter_values(keys.map(|&key| make(entity.turned(key))))),
            Make::Float(make) => Arc::new(Float64Array::from_iter_values(keys.map(|&key| make(entity.turned(key))))),
            Make::Int(make) => Arc::new(Int64Array::from_iter_values(keys.map(|&key| make(entity.turned(key))))),
        }
    }
}

fn buffers(n: usize) -> (String, StringBuilder) {
    (String::with_capacity(256), StringBuilder::with_capacity(n, 16 * n))
}

/// A value as text.
fn example(make: Make, locale: Locale, key: u64) -> String {
    let mut entity = Entity::of(locale.place());
    let e: &Entity = entity.turned(key);
    let mut text = String::new();
    match make {
        Make::Text(write) => write(e, &mut text),
        Make::MaybeText(write) => {
            write(e, &mut text);
        }
        Make::Date(make) => {
            let (year, month, day) = draw::date(i64::from(make(e)));
            text = format!("{year}-{month:02}-{day:02}");
        }
        Make::Float(make) => text = make(e).to_string(),
        Make::Int(make) => text = make(e).to_string(),
    }
    text
}
