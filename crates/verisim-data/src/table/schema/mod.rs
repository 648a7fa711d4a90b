//! What each column means: its kind, why it was taken for that, and how its values are written.

pub mod detect;
mod explain;
mod fill;
mod numbers;
mod parse;
mod reason;
mod render;
#[cfg(test)]
mod tests;
mod values;
mod wish;

use arrow_schema::DataType;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::table::codec::Precision;
use crate::table::date::DateFormat;
use crate::table::fake::Fill;
use crate::table::numeral::is_default;
use crate::table::{Numeral, Offsets};
pub use explain::Detected;
pub use fill::{Cell, Filler, Holes, given_or};
pub use parse::Other;
pub use reason::{Odd, Reason};
pub use wish::{ColumnKindName, DetectSettings, Override};

/// What a column is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ColumnKind {
    /// Whole numbers, modelled as a quantity.
    Integer,
    /// Numbers with at most `decimals` digits after the point, modelled as a quantity.
    Decimal {
        /// Digits after the decimal point, 0 to 15.
        decimals: u8,
    },
    /// A closed set of values; `numeric` when every level is a number (codes stored as integers).
    Categorical {
        /// Every level reads as a number.
        numeric: bool,
    },
    /// Two values that read as yes and no (`true`/`false`, `TRUE`/`FALSE`, `yes`/`no`, `t`/`f` ...). A categorical to models.
    Boolean,
    /// A date or time, kept in `format` (strptime); modelled as seconds since 1970-01-01.
    Datetime {
        /// strptime format.
        format: String,
    },
    /// A key: values that are unique, or nearly so, and of one shape; never learnt, made anew in that shape.
    Identifier {
        /// How new keys are made.
        shape: crate::table::identifier::Shape,
    },
    /// Free text: not learnt. What is written there is made up, as the field's `fill` says.
    Text,
    /// One value in every row.
    Constant {
        /// That value, as text.
        value: String,
    },
    /// No value in any row.
    AllMissing,
}

/// One column of a [`Schema`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Column name.
    pub name: String,
    /// What it is.
    #[serde(flatten)]
    pub kind: ColumnKind,
    /// Why it was taken for that; [`Field::why`] says it for people.
    #[serde(deserialize_with = "reason::code_or_sentence")]
    pub reason: Reason,
    /// What stands for a missing value in text files, e.g. `?` or the empty string: the commonest one seen.
    #[serde(default)]
    pub missing: String,
    /// The Arrow type of the source, if that has types; Parquet output uses it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrow: Option<String>,
    /// How its numbers are written.
    #[serde(default, skip_serializing_if = "is_default")]
    pub numeral: Numeral,
    /// Offsets from UTC, where they differ by row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offsets: Option<Offsets>,
    /// How its text is made up; empty cells where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill: Option<Fill>,
    /// How often a column that is not learnt has no value or one that came before.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rates: Rates,
}

/// How often a column that is not learnt has no value, or one that came before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// Share of the rows without a value.
    pub missing: f64,
    /// Share of the rows with a value whose value came before.
    pub again: f64,
}

/// The columns of a table and what they mean.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// One field a column, in file order.
    pub fields: Vec<Field>,
    /// How the columns stood in the source, where names and types do not tell all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nest: Option<crate::table::Nest>,
    /// How the source was written, where that is delimited text; what is made is written so again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect: Option<crate::table::Dialect>,
}

impl Field {
    /// A column of this kind, about which nothing more is known.
    pub fn new(name: &str, kind: ColumnKind, reason: Reason) -> Field {
        Field {
            name: name.to_owned(),
            kind,
            reason,
            missing: String::new(),
            arrow: None,
            numeral: Numeral::default(),
            offsets: None,
            fill: None,
            rates: Rates::default(),
        }
    }

    /// To which digit models see the column, if it is one of numbers.
    pub fn precision(&self) -> Precision {
        match &self.kind {
            _ if self.numeral.wide.is_some() => Precision::decimals(0),
            ColumnKind::Integer => Precision::decimals(0),
            ColumnKind::Decimal { decimals } => match self.numeral.significant {
                Some(digits) => Precision::significant(digits),
                None => Precision::decimals(*decimals),
            },
            // Dates: their step rounds.
            _ => Precision::default(),
        }
    }

    /// What a model sees of `cell`; `None` where the cell is not of the column's kind or the column is none of numbers. Conditions
    /// read their bounds by it.
    pub fn number(&self, cell: &str) -> Option<f64> {
        match &self.kind {
            ColumnKind::Datetime { format } => DateFormat::new(format).parse(cell.trim()),
            ColumnKind::Integer | ColumnKind::Decimal { .. } => self.numeral.value(cell),
            _ => None,
        }
    }

    /// True when models see the column as a number (`Column::Number`).
    pub fn is_number(&self) -> bool {
        matches!(self.kind, ColumnKind::Integer | ColumnKind::Decimal { .. } | ColumnKind::Datetime { .. })
    }

    /// True when models see the column as category codes (`Column::Category`).
    pub fn is_category(&self) -> bool {
        matches!(self.kind, ColumnKind::Categorical { .. } | ColumnKind::Boolean)
    }

    /// True when a model learns the column at all; keys, text, constants and empty columns are not learnt.
    pub fn is_modelled(&self) -> bool {
        self.is_number() || self.is_category()
    }

    /// Whether its numbers are texts in a source that has types: they come out dressed in every format.
    pub(crate) fn is_dressed_text(&self) -> bool {
        let is_text = |t: &str| {
            let kind = t.parse::<DataType>();
            matches!(kind, Ok(DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..)))
        };
        let numbers = self.is_number() || matches!(self.kind, ColumnKind::Categorical { numeric: true });
        numbers
            && !self.numeral.is_plain()
            && self.numeral.words.is_empty()
            && self.arrow.as_deref().is_some_and(is_text)
    }

    /// A number that a model sees, as the column writes it.
    pub fn shown(&self, x: f64) -> String {
        if let ColumnKind::Datetime { format } = &self.kind {
            return DateFormat::new(format).text(x);
        }
        let mut text = Vec::new();
        match &self.numeral.wide {
            Some(wide) => self.numeral.push_plain(&wide.text(wide.units(x, 0)), &mut text),
            None => self.numeral.push(x, &mut text),
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    /// What is wrong with a field that was read from a file, if anything.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let share = |x: f64| (0.0..=1.0).contains(&x);
        if !(share(self.rates.missing) && share(self.rates.again)) {
            return Some("has rates that are none");
        }
        self.numeral.problem()
    }
}

impl ColumnKind {
    /// The word that a config uses for this kind.
    pub fn name(&self) -> &'static str {
        match self {
            ColumnKind::Integer => "integer",
            ColumnKind::Decimal { .. } => "decimal",
            ColumnKind::Categorical { .. } => "categorical",
            ColumnKind::Boolean => "boolean",
            ColumnKind::Datetime { .. } => "datetime",
            ColumnKind::Identifier { .. } => "identifier",
            ColumnKind::Text => "text",
            ColumnKind::Constant { .. } => "constant",
            ColumnKind::AllMissing => "all missing",
        }
    }
}

impl Schema {
    /// The fields that a model learns; the columns of a [`Frame`](crate::table::Frame) are theirs, in this order.
    pub fn modelled(&self) -> impl Iterator<Item = &Field> + Clone {
        self.fields.iter().filter(|f| f.is_modelled())
    }

    /// The field called `name`.
    ///
    /// # Errors
    /// When there is none; the message suggests the nearest name.
    pub fn field(&self, name: &str) -> Result<&Field> {
        let names = || -> Vec<String> { self.fields.iter().map(|f| f.name.clone()).collect() };
        self.fields.iter().find(|f| f.name == name).ok_or_else(|| Error::no_column(name, &names()))
    }
}
