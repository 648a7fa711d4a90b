//! `split`: data parted into those to learn and those to keep back, so that what is learnt can be measured.

use std::path::{Path, PathBuf};

use verisim_data::table::ReadSettings;
use verisim_data::table::split::{How, Rule, split};

use crate::error::{Error, Result};

/// What a split is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// What part of the rows is kept back.
    pub holdout: f64,
    /// A column whose values are never on both sides, such as a customer.
    pub by: Option<String>,
    /// A column of times, the last of which are kept back.
    pub time: Option<String>,
    /// Whether the last rows of the file are kept back, as it lies.
    pub last: bool,
    /// So many rows before those that are kept back go to neither part, where these are the last.
    pub gap: usize,
    /// Seed of what is random.
    pub seed: u64,
    /// A folder, or how both names begin; beside the data and after their name when not given.
    pub out: Option<PathBuf>,
    /// Files of these names may be there already.
    pub replace: bool,
    /// What separates the cells of a text file; found from its first lines when not given.
    pub delimiter: Option<char>,
    /// Whether the first line of a text file holds the names of the columns; true when not given.
    pub header: Option<bool>,
}

impl Default for Ask {
    fn default() -> Self {
        Ask {
            holdout: 0.2,
            by: None,
            time: None,
            last: false,
            gap: 0,
            seed: 0,
            out: None,
            replace: false,
            delimiter: None,
            header: None,
        }
    }
}

/// What came of a split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Those to learn.
    pub train: Part,
    /// Those that are kept back.
    pub holdout: Part,
    /// How they were chosen, a sentence each.
    pub notes: Vec<String>,
}

/// One side of a split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The file.
    pub path: PathBuf,
    /// Its rows.
    pub rows: usize,
}

/// Parts a table.
pub(crate) fn table(path: &Path, ask: &Ask) -> Result<Split> {
    let refuse = |problem: &str| Err(Error::Ask { problem: problem.into() });
    let how = match (&ask.by, &ask.time, ask.last) {
        (_, None, false) if ask.gap > 0 => {
            return refuse("a gap lies before the last rows; ask for these, by time or as the file lies");
        }
        (None, None, false) => How::Random { seed: ask.seed },
        (Some(column), None, false) => How::Key { column: column.clone(), seed: ask.seed },
        (None, Some(column), false) => How::Time { column: column.clone(), gap: ask.gap },
        (None, None, true) => How::Last { gap: ask.gap },
        _ => return refuse("rows are parted by a key, by time or as the file lies; ask for one"),
    };
    let [train, holdout] = places(path, ask.out.as_deref())?;
    for place in [&train, &holdout] {
        if place.exists() && !ask.replace {
            let problem = format!("{}: is there already; remove it, or choose another place", place.display());
            return Err(Error::Ask { problem });
        }
    }
    let settings = ReadSettings { delimiter: ask.delimiter, header: ask.header, ..ReadSettings::default() };
    let parted = split(path, &settings, &Rule { holdout: ask.holdout, how }, &train, &holdout)?;
    Ok(Split {
        train: Part { path: train, rows: parted.train },
        holdout: Part { path: holdout, rows: parted.holdout },
        notes: parted.notes,
    })
}

/// Where the two parts go. What was packed is written unpacked.
fn places(path: &Path, out: Option<&Path>) -> Result<[PathBuf; 2]> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    let (stem, ending) = plain.rsplit_once('.').unwrap_or((plain, "csv"));
    let both = |begin: &str| ["train", "holdout"].map(|part| format!("{begin}{part}.{ending}"));
    let Some(out) = out else {
        return Ok(both(&format!("{stem}-")).map(|name| path.with_file_name(name)));
    };
    if out.is_dir() || out.as_os_str().to_string_lossy().ends_with(std::path::is_separator) {
        std::fs::create_dir_all(out).map_err(Error::io(out))?;
        return Ok(both("").map(|name| out.join(name)));
    }
    let begin = out.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(both(&format!("{begin}-")).map(|name| out.with_file_name(name)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_have_telling_names() {
        let names = |path: &str, out: Option<&str>| places(Path::new(path), out.map(Path::new)).unwrap();
        assert_eq!(names("a/b.csv", None), ["a/b-train.csv", "a/b-holdout.csv"].map(PathBuf::from));
        assert_eq!(names("b.tsv.gz", Some("c/d")), ["c/d-train.tsv", "c/d-holdout.tsv"].map(PathBuf::from));
        let folder = tempfile::tempdir().unwrap();
        let [train, _] = names("b.parquet", folder.path().to_str());
        assert_eq!(train, folder.path().join("train.parquet"));
    }
}
