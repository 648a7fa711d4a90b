//! Columns that a trained artefact fills. What trained artefacts are is not known here: they come in from above.

use std::path::Path;
use std::sync::Arc;

use arrow_array::ArrayRef;

use crate::error::{Error, Result};
use crate::expression::columns::Kind;

/// A trained artefact of a table.
pub trait Learnt: Send + Sync {
    /// Its columns.
    fn columns(&self) -> Vec<(String, Kind)>;

    /// Values of all its columns in `rows` rows; `given` are columns that are known, whose values stand. A function of what is asked.
    ///
    /// # Errors
    /// When a given value is none that it knows, or nothing can be drawn for it.
    fn rows(&self, seed: u64, rows: usize, given: &[(String, ArrayRef)]) -> Result<Vec<ArrayRef>>;
}

/// What opens trained artefacts.
pub trait Opener {
    /// The artefact at a path.
    ///
    /// # Errors
    /// When there is none.
    fn open(&self, path: &Path) -> Result<Arc<dyn Learnt>>;
}

/// Opens none.
pub struct Nothing;

impl Opener for Nothing {
    fn open(&self, path: &Path) -> Result<Arc<dyn Learnt>> {
        let what = "trained artefacts cannot be opened here".to_owned();
        Err(Error::File { path: path.to_owned(), what })
    }
}
