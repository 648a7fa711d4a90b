//! How a table is read.

use serde::{Deserialize, Serialize};

/// How a table is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadSettings {
    /// What separates the cells of a text file; found from its first lines when not given.
    pub delimiter: Option<char>,
    /// Texts that mean "no value here", compared after blanks around the cell are dropped. The default is what
    /// pandas takes for missing, and `?`. Name the list to keep e.g. `None` as a category.
    pub missing: Vec<String>,
    /// The columns to read; all when not given.
    pub columns: Option<Vec<String>>,
}

/// Texts that read as missing unless [`ReadSettings::missing`] says otherwise.
pub const MISSING_TOKENS: [&str; 13] =
    ["", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "-nan", "null", "NULL", "None"];

impl Default for ReadSettings {
    fn default() -> Self {
        let missing = MISSING_TOKENS.map(str::to_owned).to_vec();
        ReadSettings { delimiter: None, missing, columns: None }
    }
}
