//! What the user says of a column, against or beyond what detection would find.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};

use super::ColumnKind;
use super::parse::{Number, number};
use super::values::{Value, Values, clip, decimals, is_quantity};
use crate::error::{Error, Result};
use crate::table::date::DateFormat;
use crate::table::identifier::Shape;

/// What the user knows better than detection: `columns` under `[data]` of a config.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DetectSettings {
    /// What to take a column for, by its name; the others are detected.
    pub overrides: BTreeMap<String, Override>,
}

impl DetectSettings {
    /// Whether nothing is known better.
    pub fn is_empty(&self) -> bool {
        self.overrides.is_empty()
    }
}

/// What to take one column for: in a config either the kind alone, `age = "integer"`, or with its details,
/// `seen = { kind = "datetime", format = "%d.%m.%Y" }`, `price = { kind = "decimal", decimals = 2 }`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Override {
    /// The kind.
    pub kind: ColumnKindName,
    /// strptime format of a datetime; found from the values when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Digits after the point of a decimal; the most that the values have when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimals: Option<u8>,
}

/// A [`ColumnKind`] without its details, as a config names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKindName {
    /// See [`ColumnKind::Integer`].
    Integer,
    /// See [`ColumnKind::Decimal`].
    Decimal,
    /// See [`ColumnKind::Categorical`].
    Categorical,
    /// See [`ColumnKind::Boolean`].
    Boolean,
    /// See [`ColumnKind::Datetime`].
    Datetime,
    /// See [`ColumnKind::Identifier`].
    Identifier,
    /// See [`ColumnKind::Text`].
    Text,
    /// See [`ColumnKind::Constant`].
    Constant,
    /// The column is left out of the schema, and so of the output.
    Skip,
}

impl From<ColumnKindName> for Override {
    fn from(kind: ColumnKindName) -> Self {
        Override { kind, format: None, decimals: None }
    }
}

impl<'de> Deserialize<'de> for Override {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Details {
            kind: ColumnKindName,
            #[serde(default)]
            format: Option<String>,
            #[serde(default)]
            decimals: Option<u8>,
        }

        // An untagged enum would do, but says only "did not match any variant" of a typing error.
        struct KindOrDetails;
        impl<'de> Visitor<'de> for KindOrDetails {
            type Value = Override;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a kind such as \"integer\", or a table such as { kind = \"decimal\", decimals = 2 }")
            }

            fn visit_str<E: serde::de::Error>(self, kind: &str) -> Result<Override, E> {
                ColumnKindName::deserialize(serde::de::value::StrDeserializer::new(kind)).map(Override::from)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Override, A::Error> {
                let Details { kind, format, decimals } = Details::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Override { kind, format, decimals })
            }
        }
        deserializer.deserialize_any(KindOrDetails)
    }
}

impl Values<'_> {
    /// The kind that `wish` names, if the values allow it.
    pub(super) fn obey(&self, wish: &Override) -> Result<ColumnKind> {
        if wish.format.is_some() && wish.kind != ColumnKindName::Datetime {
            return Err(Error::column(
                self.name,
                "has a `format`, which only a datetime has; drop it or set kind = \"datetime\"",
            ));
        }
        if wish.decimals.is_some() && wish.kind != ColumnKindName::Decimal {
            return Err(Error::column(
                self.name,
                "has `decimals`, which only a decimal has; drop them or set kind = \"decimal\"",
            ));
        }
        if self.present() == 0 && wish.kind != ColumnKindName::Text {
            return Ok(ColumnKind::AllMissing);
        }
        let quantity = |t: &str| matches!(number(t), Number::Finite(x) if is_quantity(t, x));
        Ok(match wish.kind {
            ColumnKindName::Integer => {
                self.check(|t| matches!(number(t), Number::Finite(x) if x.fract() == 0.0), "a whole number")?;
                ColumnKind::Integer
            }
            ColumnKindName::Decimal => {
                self.check(|t| !matches!(number(t), Number::Not), "a number")?;
                let most = || self.texts().map(decimals).max().unwrap_or(0);
                match wish.decimals.unwrap_or_else(most) {
                    given @ 16.. if wish.decimals.is_some() => {
                        return Err(Error::column(
                            self.name,
                            format!("decimals = {given} is more than a double holds; use 0 to 15"),
                        ));
                    }
                    decimals => ColumnKind::Decimal { decimals: decimals.min(15) },
                }
            }
            ColumnKindName::Categorical => ColumnKind::Categorical { numeric: self.texts().all(quantity) },
            ColumnKindName::Boolean => match self.distinct.get(2) {
                Some(third) => return Err(self.contradiction(third, "one of two values")),
                None => ColumnKind::Boolean,
            },
            ColumnKindName::Datetime => match &wish.format {
                Some(text) => {
                    let format = DateFormat::new(text);
                    self.check(|t| format.parse(t).is_some(), &format!("a date or time as `{text}`"))?;
                    ColumnKind::Datetime { format: text.clone() }
                }
                None => match self.date_format(true) {
                    Some(format) => ColumnKind::Datetime { format },
                    None => {
                        return Err(Error::column(
                            self.name,
                            "no date format fits all of its values; give one, e.g. { kind = \"datetime\", format = \"%d %b %Y\" }",
                        ));
                    }
                },
            },
            ColumnKindName::Identifier => {
                if let Some(twice) = self.distinct.iter().find(|v| v.rows > 1) {
                    return Err(self.contradiction(twice, "different from every other key"));
                }
                let running = Shape::Sequence { prefix: String::new(), start: 1, step: 1, width: 0 };
                ColumnKind::Identifier { shape: Shape::of(self.texts()).unwrap_or(running) }
            }
            ColumnKindName::Constant => match self.distinct.as_slice() {
                [only] => ColumnKind::Constant { value: only.text.to_owned() },
                [_, second, ..] => {
                    return Err(self.contradiction(second, "the value of the rows before"));
                }
                [] => ColumnKind::AllMissing,
            },
            ColumnKindName::Text | ColumnKindName::Skip => ColumnKind::Text,
        })
    }

    fn check(&self, fits: impl Fn(&str) -> bool, wanted: &str) -> Result<()> {
        self.distinct.iter().find(|v| !fits(v.text)).map_or(Ok(()), |v| Err(self.contradiction(v, wanted)))
    }

    fn contradiction(&self, value: &Value<'_>, wanted: &str) -> Error {
        Error::Cell {
            column: self.name.to_owned(),
            row: value.first + 1 + self.first_row,
            value: clip(value.text),
            wanted: wanted.to_owned(),
            remedy: "list the value under `missing` if it means that, or give the column another kind".to_owned(),
        }
    }
}
