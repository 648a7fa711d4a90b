//! Data that were kept back to measure with must not be changed: who learns from copies of them measures nothing.

use std::path::Path;

use crate::error::{Error, Result};

/// Words of a name that say that what is in it was kept back.
const KEPT_BACK: [&str; 8] = ["holdout", "heldout", "test", "testing", "val", "valid", "validation", "eval"];

/// Refuses data whose own name says that they were kept back. Names of folders above say nothing: `tests/adult.csv` is any table.
pub(super) fn refuse(data: &Path) -> Result<()> {
    let name = data.file_stem().or(data.file_name()).unwrap_or_default().to_string_lossy().to_lowercase();
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let said = words.iter().find(|word| KEPT_BACK.contains(word)).copied().map(str::to_owned);
    let said =
        said.or_else(|| words.windows(2).any(|w| matches!(w, ["hold" | "held", "out"])).then(|| "hold-out".into()));
    match said {
        Some(word) => Err(Error::Holdout { path: data.to_owned(), word }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_holdouts_are_refused_and_others_are_not() {
        for name in ["adult-holdout.csv", "test", "x/val", "hold-out.parquet", "a_test.csv", "Validation set.csv"] {
            assert!(refuse(Path::new(name)).is_err(), "{name}");
        }
        for name in ["tests/adult.csv", "contest.csv", "validity.csv", "train", "latest.csv", "holding-outcome.csv"] {
            assert!(refuse(Path::new(name)).is_ok(), "{name}");
        }
    }
}
