//! What became of what is rare.

use schemars::JsonSchema;
use serde::Serialize;

use crate::Count;

/// The mean column shape of some rows, beside that of hold-out rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Likeness {
    /// Synthetic rows scored, and as many hold-out rows: a shape is the better the more rows there are.
    pub rows: usize,
    /// Synthetic rows against training rows; 1 is the same distribution of every column.
    pub score: f64,
    /// Hold-out rows against training rows. `None` where too few are held out.
    pub floor: Option<f64>,
}

/// What is rare in the training table, and what became of it in the others.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Minorities {
    /// The rarest tenth of the rows.
    pub rare: RareRows,
    /// Levels that do not occur any more.
    pub lost: LostLevels,
    /// The groups that the named columns make, columns in the order given.
    pub groups: Vec<Group>,
    /// Pairs of values that few training rows have.
    pub combinations: Combinations,
}

/// Rows as rare as the rarest tenth of the training rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct RareRows {
    /// A tenth of the training rows, or what is nearest to it where rows are equally rare; none where all are.
    pub train: Count,
    /// Synthetic rows that are as rare.
    pub synthetic: Count,
    /// Hold-out rows that are as rare.
    pub holdout: Option<Count>,
    /// Of the rare synthetic rows, those with a value that no training row has, or with such a pair of dependent values: they
    /// are not what is rare in training, and many of them hide that it is gone.
    pub unseen_synthetic: Count,
    /// The same of the hold-out rows.
    pub unseen_holdout: Option<Count>,
    /// The rare rows of a table against the rare training rows. `None` where there are too few.
    pub likeness: Option<Likeness>,
}

/// Levels that a table of its size should have and does not.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct LostLevels {
    /// Of the levels that are common enough in training to be missed among so many synthetic rows, those that do not occur.
    pub synthetic: Count,
    /// The same of the hold-out rows.
    pub holdout: Option<Count>,
    /// Those lost from the synthetic table, the commonest first, at most 100.
    pub levels: Vec<LostLevel>,
}

/// A level that no synthetic row has.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct LostLevel {
    /// Name of the column.
    pub column: String,
    /// The level.
    pub level: String,
    /// Training rows that have it.
    pub train: usize,
}

/// The rows that share a level of a named column, or a quarter of its numbers.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Group {
    /// Name of the column.
    pub column: String,
    /// The level, or the numbers: `17 to 28`.
    pub level: String,
    /// Training rows.
    pub train: Count,
    /// Synthetic rows.
    pub synthetic: Count,
    /// Hold-out rows.
    pub holdout: Option<Count>,
    /// All other columns within the group. `None` where it has too few rows.
    pub likeness: Option<Likeness>,
}

/// Pairs of values, numbers in eight bins, that 2 to 10 training rows have.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Combinations {
    /// Pairs of columns looked at, at most 500 drawn by the seed.
    pub pairs: usize,
    /// Synthetic rows searched, and as many hold-out rows.
    pub rows: usize,
    /// Combinations that a synthetic row has. They overlap, so chance moves them more than as many coins.
    pub synthetic: Count,
    /// Combinations that a hold-out row has.
    pub holdout: Option<Count>,
}
