//! What can go wrong with data, said so that their owner can mend it.

use std::path::{Path, PathBuf};

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused, or a compressed stream is broken.
    #[error("{path}: {source}{}", io_remedy(.source))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file or folder as a whole cannot be used.
    #[error("{path}: {what}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        what: String,
    },
    /// One line of a text file is not what it should be.
    #[error("{path}, line {line}: {what}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong and what to do.
        what: String,
    },
    /// A column cannot be used as asked.
    #[error("column `{column}`: {what}")]
    Column {
        /// The column.
        column: String,
        /// What is wrong and what to do.
        what: String,
    },
    /// A column that the table does not have.
    #[error("there is no column `{column}` in the table{hint}")]
    NoColumn {
        /// The name asked for.
        column: String,
        /// The nearest name, or all names.
        hint: String,
    },
    /// A frame of another schema.
    #[error("the schema has {expected} modelled columns, the frame {found}; parse and render with one schema")]
    Frame {
        /// Columns that the schema models.
        expected: usize,
        /// Columns of the frame.
        found: usize,
    },
    /// One value does not fit its column.
    #[error("column `{column}`, row {row}: `{value}` is not {wanted}; {remedy}")]
    Cell {
        /// The column.
        column: String,
        /// The row, from 1, the header not counted.
        row: usize,
        /// The value as it was read.
        value: String,
        /// What the column's kind wants.
        wanted: String,
        /// What to do.
        remedy: String,
    },
    /// A rule between columns that a config declares, or drops, is none.
    #[error("{key}: `{rule}` {what}")]
    Rule {
        /// Where it stands in the config.
        key: String,
        /// The rule as it was written.
        rule: String,
        /// What is wrong and what to do.
        what: String,
    },
    /// Rows that make no sequences.
    #[error("{what}")]
    Sequences {
        /// What is wrong and what to do.
        what: String,
    },
    /// Images whose own size cannot be that of the set: they have several, or it is too large.
    #[error(
        "{path}: its images {what}; set data.images.size to bring them to one size, e.g. size = [{}, {}]",
        .fitting.0, .fitting.1
    )]
    Sizes {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        what: String,
        /// Height and width that would do.
        fitting: (usize, usize),
    },
    /// A language model cannot be asked.
    #[error("{place}: {what}{}", kept_said(.kept))]
    Server {
        /// Where it is.
        place: String,
        /// What is wrong and what to do.
        what: String,
        /// How many replies are kept, and where.
        kept: Option<(u64, PathBuf)>,
    },
    /// Somebody asked for an end before all replies were there.
    #[error("stopped before all replies were there{}", kept_said(.kept))]
    Unasked {
        /// How many are kept, and where.
        kept: Option<(u64, PathBuf)>,
    },
    /// A set of images cannot be made or used as asked.
    #[error("{what}")]
    Images {
        /// What is wrong and what to do.
        what: String,
    },
}

/// What to do about an error of the system, as the end of a message; nothing where that is plain or unknown.
pub fn io_remedy(source: &std::io::Error) -> &'static str {
    use std::io::ErrorKind::*;
    match source.kind() {
        UnexpectedEof => " (the file ends too early: copy or download it again)",
        InvalidInput | InvalidData => " (the file is damaged or not of the format its name says)",
        PermissionDenied => " (check who may read and write there)",
        StorageFull => " (free some space or write elsewhere)",
        _ => "",
    }
}

/// What is said of replies that are kept, at the end of a message.
fn kept_said(kept: &Option<(u64, PathBuf)>) -> String {
    match kept {
        Some((count, path)) if *count > 0 => {
            let count = crate::number::grouped(*count);
            format!("; {count} replies are kept in {}, and the same again goes on from there", path.display())
        }
        _ => String::new(),
    }
}

/// The one of `names` that is spelt most like `name`, if any is close enough to be meant.
pub fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    let (d, near) = names.into_iter().map(|n| (distance(&n.to_lowercase(), &wanted), n)).min()?;
    (d <= 1 + name.chars().count() / 3).then_some(near)
}

impl Error {
    /// What an error of the file at `path` becomes.
    pub fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Io { path, source }
    }

    pub(crate) fn file(path: &Path, what: impl Into<String>) -> Error {
        Error::File { path: path.to_owned(), what: what.into() }
    }

    pub(crate) fn line(path: &Path, line: u64, what: impl Into<String>) -> Error {
        Error::Line { path: path.to_owned(), line, what: what.into() }
    }

    pub(crate) fn column(column: &str, what: impl Into<String>) -> Error {
        Error::Column { column: column.to_owned(), what: what.into() }
    }

    pub(crate) fn images(what: impl Into<String>) -> Error {
        Error::Images { what: what.into() }
    }

    /// A column `name` that is not among `names`, with the nearest of them as a hint.
    pub fn no_column(name: &str, names: &[String]) -> Error {
        let hint = match nearest(name, names.iter().map(String::as_str)) {
            Some(n) => format!("; did you mean `{n}`?"),
            _ if names.len() <= 40 => format!("; it has {}", names.join(", ")),
            _ => format!("; it has {} others", names.len()),
        };
        Error::NoColumn { column: name.to_owned(), hint }
    }
}

/// Levenshtein distance: single-letter edits that turn `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, &y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edit_distances() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }

    #[test]
    fn an_unknown_column_names_its_neighbour() {
        let names = ["age".to_owned(), "capital-gain".to_owned()];
        let said = Error::no_column("capital_gain", &names).to_string();
        assert!(said.contains("did you mean `capital-gain`?"), "{said}");
        let said = Error::no_column("zzzzz", &names).to_string();
        assert!(said.contains("it has age, capital-gain"), "{said}");
    }
}
