//! What a world's words mean together: names are bound to columns, kinds are known, and what would need itself is refused.
//!
//! A [`Plan`] holds no value and draws none. [`Engine`](crate::make::Engine) makes the values.

mod bind;
mod generator;
mod order;
mod prompt;

use std::path::PathBuf;
use std::sync::Arc;

use crate::cell::ColumnKey;
use crate::expression::columns::Kind;
use crate::expression::{Aggregate, Expression};
use crate::make::learned::Learnt;
use crate::process;
use crate::world::{Family, Learned, World};

pub use bind::Wish;
pub(crate) use bind::fixed;
pub use generator::{Bounded, Maker, Slot};
pub use prompt::{Asked, ExampleRows, Examples, Judge, Named, Prompt, Valid};

/// A world whose names are bound.
pub struct Plan {
    /// The words.
    pub world: World,
    /// The seed.
    pub seed: u64,
    /// The tables, in the order of the file.
    pub tables: Vec<Table>,
    /// The trained artefact of each table that has one.
    pub artefacts: Vec<Option<Arc<dyn Learnt>>>,
}

/// A table.
pub struct Table {
    /// Its name.
    pub name: String,
    /// Rows, of a table without a parent.
    pub rows: u64,
    /// The place of its parent.
    pub parent: Option<usize>,
    /// How many rows a row of the parent has.
    pub children: Option<Number>,
    /// What counts and row keys are mixed with.
    pub key: ColumnKey,
    /// Its columns, in the order of the file.
    pub columns: Vec<Column>,
    /// What holds in each row.
    pub checks: Vec<Bound>,
    /// The chance that a row is kept.
    pub weight: Option<Bound>,
    /// Rows of which this is not true are left out.
    pub keep: Option<Bound>,
    /// The names of the columns of its key.
    pub keys: Vec<usize>,
    /// Whether it is not written.
    pub hidden: bool,
    /// What is known of columns that go together: the columns and the Cholesky factor of their correlations, a row a column.
    pub copula: Option<(Vec<usize>, Vec<Vec<f64>>)>,
    /// A trained artefact that fills columns, and which.
    pub learned: Option<(Learned, Vec<usize>)>,
    /// What makes the rows, and what it is told of the parent's.
    pub process: Option<(process::Plan, Vec<Source>)>,
}

/// A column.
pub struct Column {
    /// Its name.
    pub name: String,
    /// Where its key stands in the file.
    pub at: usize,
    /// What is mixed into its cells.
    pub key: ColumnKey,
    /// What its values are.
    pub kind: Kind,
    /// What makes them.
    pub maker: Maker,
    /// The kind that the file asks for.
    pub wanted: Option<Kind>,
    /// What is done with them.
    pub after: After,
}

/// What is done with values that were made.
#[derive(Default)]
pub struct After {
    /// Values below are drawn again.
    pub min: Option<Number>,
    /// Values above are drawn again.
    pub max: Option<Number>,
    /// Digits after the point.
    pub round: Option<i32>,
    /// How dates and times become texts.
    pub format: Option<String>,
    /// The chance that a value is missing.
    pub missing: Option<Number>,
    /// Whether no two values are equal.
    pub unique: bool,
    /// Whether it is not written.
    pub hidden: bool,
}

/// An expression whose names are bound.
#[derive(Clone)]
pub struct Bound {
    /// The expression.
    pub expression: Arc<Expression>,
    /// Where the values of its names come from.
    pub sources: Vec<Source>,
}

/// Where values come from, seen from a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A column of the same row.
    Own(usize),
    /// The number of the row in its table, from 0.
    Row,
    /// The number of the row among those of its parent, from 0.
    Within,
    /// Of the parent's row.
    Parent(Box<Source>),
    /// Of the row that a column refers to, in a table.
    Via(usize, usize, Box<Source>),
    /// Of all rows of a child table that belong to this row.
    Children(Aggregate, usize, Option<usize>),
}

/// A number that may be computed or drawn.
#[derive(Clone)]
pub enum Number {
    /// The same in each row.
    Fixed(f64),
    /// Computed.
    Said(Bound),
    /// Drawn.
    Drawn(Box<Distribution>),
}

/// A distribution whose parameters are bound.
#[derive(Clone)]
pub struct Distribution {
    /// Its family.
    pub family: &'static Family,
    /// Its parameters.
    pub parameters: Vec<Number>,
}

impl Plan {
    /// The table of a name.
    pub fn table(&self, name: &str) -> Option<usize> {
        self.tables.iter().position(|t| t.name == name)
    }

    /// A path that the file says, from the folder of the file.
    pub fn path(&self, said: &std::path::Path) -> PathBuf {
        match self.world.path.parent() {
            Some(folder) if said.is_relative() => folder.join(said),
            _ => said.to_owned(),
        }
    }
}
