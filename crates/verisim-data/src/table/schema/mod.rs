//! What each column means: its kind, why it was taken for that, and how its values are written.

pub mod detect;
mod explain;
mod parse;
mod reason;
mod render;
#[cfg(test)]
mod tests;
mod values;
mod wish;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
pub use explain::Detected;
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
    /// A key: unique values, never learnt, regenerated in the same shape.
    Identifier {
        /// How new keys are made.
        shape: crate::table::identifier::Shape,
    },
    /// Free text: left out until text models exist.
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
}

/// The columns of a table and what they mean.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// One field a column, in file order.
    pub fields: Vec<Field>,
    /// How the columns stood in the source, where names and types do not tell all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nest: Option<crate::table::Nest>,
}

impl Field {
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
