//! What the user says of a column, against or beyond what detection would find.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize};

use super::detect::Judged;
use super::parse::{Number, number};
use super::values::{Value, Values, clip, decimals};
use super::{ColumnKind, Reason};
use crate::error::{Error, Result};
use crate::table::Numeral;
use crate::table::date::DateFormat;
use crate::table::fake::{Locale, Provider};
use crate::table::identifier::Shape;
use crate::table::numeral::example;

/// What the user knows better than detection: `columns` under `[data]` of a config.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DetectSettings {
    /// What to take a column for, by its name; the others are detected.
    pub overrides: BTreeMap<String, Override>,
    /// Of which country made-up texts are.
    #[serde(skip)]
    pub locale: Locale,
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
    /// strptime format of a datetime, or of numbers one written as an example, such as `1.234,56 €`; found from the values when not
    /// given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// As what a text is made up; found from the values when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Provider>,
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
    /// As text, but its cells are left empty.
    Blank,
    /// The column is left out of the schema, and so of the output.
    Skip,
}

impl From<ColumnKindName> for Override {
    fn from(kind: ColumnKindName) -> Self {
        Override { kind, format: None, decimals: None, provider: None }
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
            #[serde(default)]
            provider: Option<Provider>,
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
                let Details { kind, format, decimals, provider } =
                    Details::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Override { kind, format, decimals, provider })
            }
        }
        deserializer.deserialize_any(KindOrDetails)
    }
}

impl Values<'_> {
    /// The kind that `wish` names, if the values allow it.
    pub(super) fn obey(&self, wish: &Override) -> Result<Judged> {
        use ColumnKindName::*;
        let only =
            |given: bool, key: &str, kinds: &[ColumnKindName], of: &str| match given && !kinds.contains(&wish.kind) {
                true => {
                    Err(Error::column(self.name, format!("has {key}, which only {of} has; drop it or change the kind")))
                }
                false => Ok(()),
            };
        only(
            wish.format.is_some(),
            "a `format`",
            &[Datetime, Integer, Decimal],
            "a datetime, a decimal or an integer",
        )?;
        only(wish.decimals.is_some(), "`decimals`", &[Decimal], "a decimal")?;
        only(wish.provider.is_some(), "a `provider`", &[Text], "a text")?;
        let as_told = |kind| Judged::new(kind, Reason::Configured);
        if self.present() == 0 && !matches!(wish.kind, Text | Blank) {
            return Ok(as_told(ColumnKind::AllMissing));
        }
        Ok(match wish.kind {
            Integer | Decimal => self.obey_number(wish)?,
            Categorical => {
                let numbers = self.plain_numbers().ok().filter(|n| n.numeral.wide.is_none() && n.infinite == 0);
                let numeral = numbers.as_ref().map(|n| n.numeral.clone()).unwrap_or_default();
                Judged { numeral, ..as_told(ColumnKind::Categorical { numeric: numbers.is_some() }) }
            }
            Boolean => match self.distinct.get(2) {
                Some(third) => return Err(self.contradiction(third, "one of two values")),
                None => as_told(ColumnKind::Boolean),
            },
            Datetime => match &wish.format {
                Some(text) => {
                    let format = DateFormat::new(text);
                    self.check(|t| format.parse(t.trim()).is_some(), &format!("a date or time as `{text}`"))?;
                    as_told(ColumnKind::Datetime { format: text.clone() })
                }
                None => match self.date_format(true) {
                    Some(format) => as_told(ColumnKind::Datetime { format }),
                    None => {
                        return Err(Error::column(
                            self.name,
                            "no date format fits all of its values; give one, e.g. { kind = \"datetime\", format = \"%d %b %Y\" }",
                        ));
                    }
                },
            },
            Identifier => {
                if let (Some(twice), false) = (self.distinct.iter().find(|v| v.rows > 1), self.nearly_unique()) {
                    return Err(self.contradiction(twice, "different from every other key"));
                }
                let running = Shape::Sequence { prefix: String::new(), start: 1, step: 1, width: 0 };
                as_told(ColumnKind::Identifier { shape: Shape::of(self.texts()).unwrap_or(running) })
            }
            Constant => match self.distinct.as_slice() {
                [only] => as_told(ColumnKind::Constant { value: only.text.to_owned() }),
                [_, second, ..] => {
                    return Err(self.contradiction(second, "the value of the rows before"));
                }
                [] => as_told(ColumnKind::AllMissing),
            },
            Text | Blank | Skip => as_told(ColumnKind::Text),
        })
    }

    fn obey_number(&self, wish: &Override) -> Result<Judged> {
        let dressed = |numeral: &Numeral, t: &str| numeral.value(t).is_some_and(|x| !x.is_nan());
        let found = || match self.plain_numbers() {
            Ok(numbers) => numbers.numeral,
            Err(_) => self.dressed_numbers().map(|n| n.numeral).unwrap_or_default(),
        };
        let numeral = match &wish.format {
            Some(text) => example(text).ok_or_else(|| {
                let what = format!("`{text}` is no number; write one as the column does, e.g. format = \"1.234,56 €\"");
                Error::column(self.name, what)
            })?,
            None => found(),
        };
        let is_number = |t: &str| {
            dressed(&numeral, t)
                || numeral.words.iter().any(|w| w == t.trim())
                || matches!(number(t), Number::Finite(_))
        };
        if wish.kind == ColumnKindName::Integer {
            let whole = |t: &str| match dressed(&numeral, t) {
                true => numeral.value(t).is_some_and(|x| x.fract() == 0.0),
                false => {
                    matches!(number(t), Number::Finite(x) if x.fract() == 0.0)
                        || is_number(t) && !matches!(number(t), Number::Finite(_))
                }
            };
            self.check(whole, "a whole number")?;
            let numeral =
                Numeral { fixed: numeral.fixed.filter(|_| self.texts().all(|t| t.contains(['.', ',']))), ..numeral };
            return Ok(Judged { numeral, ..Judged::new(ColumnKind::Integer, Reason::Configured) });
        }
        self.check(|t| is_number(t) || matches!(number(t), Number::Infinite), "a number")?;
        let mut plain = String::new();
        let most = self.texts().map(|t| match numeral.plain(t, &mut plain) {
            true => decimals(&plain),
            false => decimals(t),
        });
        let most = numeral.fixed.into_iter().chain(most).max().unwrap_or(0);
        let kind = match wish.decimals {
            Some(given @ 16..) => {
                return Err(Error::column(
                    self.name,
                    format!("decimals = {given} is more than a double holds; use 0 to 15"),
                ));
            }
            given => ColumnKind::Decimal { decimals: given.unwrap_or(most.min(15)) },
        };
        let fixed = match wish.decimals {
            Some(given) => numeral.fixed.map(|_| given).filter(|d| *d > 0),
            None => numeral.fixed,
        };
        Ok(Judged { numeral: Numeral { fixed, ..numeral }, ..Judged::new(kind, Reason::Configured) })
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
