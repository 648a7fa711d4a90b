//! What makes the values of a column, with all names bound and all files read.

use std::sync::Arc;

use arrow_array::ArrayRef;

use super::{Bound, Column, Distribution, Number, Prompt};
use crate::expression::columns::Kind;
use crate::fake::{Field, Locale};
use crate::make::calendar::Calendar;
use crate::make::lookup::Rows;
use crate::make::pattern::Pattern;
use crate::make::text::{Grammar, Template};

/// What makes values.
pub enum Maker {
    /// The same in each row: an array of one.
    Value(ArrayRef),
    /// First, step.
    Sequence(f64, f64),
    /// Place among the rows of one parent, from this number on.
    Number(i64),
    /// All texts of a pattern, each once.
    Id(Pattern),
    /// A random UUID.
    Uuid,
    /// A number of a distribution; its column in the table's copula, if any.
    Distribution(Distribution),
    /// Yes with a chance.
    Chance(Number),
    /// One of several distributions.
    Mixture(Vec<(Number, Distribution)>),
    /// One of the values of an array, each as likely; whether numbers between neighbours are drawn as well (then sorted).
    Empirical(ArrayRef, bool),
    /// One of the values of an array, with weights.
    Choice(ArrayRef, Vec<Number>),
    /// By the text of a column.
    Cases(usize, Vec<(String, Column)>, Option<Box<Column>>),
    /// A column of a row of a file: the rows, the column of the file, columns here that must be equal, what the row's choice is mixed with.
    Lookup(Arc<Rows>, usize, Vec<usize>, String),
    /// A date or time between two.
    Moment(Box<Calendar>, Bounded, Bounded),
    /// A text of a pattern.
    Regex(Pattern),
    /// A text with values in it.
    Template(Vec<Template>),
    /// A text by rules.
    Grammar(Grammar),
    /// A made-up thing: the field, the country, which of several entities of the row.
    Field(Field, Locale, String),
    /// Computed.
    Expr(Bound),
    /// The value of a column of a row of another table.
    Ref {
        /// The table.
        table: usize,
        /// The column of it.
        column: usize,
        /// A column with weights.
        weight: Option<usize>,
        /// The exponent of ranks.
        zipf: Option<f64>,
        /// Whether the rows of one parent take different rows.
        distinct: bool,
    },
    /// The value of a column of an earlier row: the column, rows at the top, rows below one.
    Tree(usize, u64, u64),
    /// Written by a language model.
    Prompt(Box<Prompt>),
    /// A part of what a language model wrote as JSON.
    Part {
        /// The column.
        of: usize,
        /// The names in it.
        path: Vec<String>,
        /// What is there.
        kind: Kind,
    },
    /// Filled by something that makes several columns at once.
    Slot(Slot),
}

/// A column that comes with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The k-th of the table's process.
    Process(usize),
    /// The k-th of the table's trained artefact.
    Learned(usize),
}

/// A moment that may be computed.
pub enum Bounded {
    /// Microseconds since 1970-01-01.
    Fixed(i64),
    /// Computed.
    Said(Bound),
}
