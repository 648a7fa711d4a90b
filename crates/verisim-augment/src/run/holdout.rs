//! Data that were kept back to measure with must not be changed: who learns from copies of them measures nothing.

use std::path::Path;

use crate::error::Error;

/// Words of a name that say that what is in it was kept back.
const KEPT_BACK: [&str; 10] =
    ["holdout", "heldout", "test", "testing", "testset", "val", "valid", "validation", "eval", "evaluation"];

/// The word by which the name of data says that they were kept back. Names of folders above say nothing: `tests/adult.csv` is any table.
pub(super) fn is_one(data: &Path) -> Option<String> {
    let whole = data.canonicalize().unwrap_or_else(|_| data.to_owned());
    let name = whole.file_stem().or(whole.file_name()).unwrap_or_default().to_string_lossy().to_lowercase();
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    // `val2017` and `test1` are such, too.
    let words: Vec<&str> = words.into_iter().map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit())).collect();
    let said = words.iter().find(|word| KEPT_BACK.contains(word)).copied().map(str::to_owned);
    said.or_else(|| words.windows(2).any(|w| matches!(w, ["hold" | "held", "out"])).then(|| "hold-out".into()))
}

/// The error about such data.
pub(super) fn refused(data: &Path) -> Error {
    Error::Holdout { path: data.to_owned(), word: is_one(data).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_holdouts_are_refused_and_others_are_not() {
        for name in [
            "adult-holdout.csv",
            "test",
            "x/val",
            "hold-out.parquet",
            "a_test.csv",
            "Validation set.csv",
            "val2017",
            "adult_test1.csv",
        ] {
            assert!(is_one(Path::new(name)).is_some(), "{name}");
        }
        for name in ["tests/adult.csv", "contest.csv", "validity.csv", "train", "latest.csv", "holding-outcome.csv"] {
            assert!(is_one(Path::new(name)).is_none(), "{name}");
        }
    }
}
