//! What was compared, when and how: the small print by which a report can be made again.

use std::fs::File;
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use verisim_data::number::grouped;

use super::{Content, Grid, Part};
use crate::Result;

/// What was compared, when and how.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Record {
    /// Version of the program.
    pub version: &'static str,
    /// When, in UTC.
    pub date: String,
    /// What was typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Seed of folds and samples.
    pub seed: u64,
    /// The files.
    pub files: Vec<OfFile>,
}

/// A file that was compared.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct OfFile {
    /// `training`, `synthetic`, `hold-out` or `model`.
    pub role: &'static str,
    /// Where it is.
    pub path: String,
    /// Its length; of a folder none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Its SHA-256 in hexadecimal digits; of a folder, a pipe or a device none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

impl Record {
    /// The record of what is compared now. Files are read through once for their hashes.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn new<'p>(
        files: impl IntoIterator<Item = (&'static str, &'p Path)>,
        command: Option<String>,
        seed: u64,
    ) -> Result<Record> {
        let now = jiff::Timestamp::now();
        Ok(Record {
            version: env!("CARGO_PKG_VERSION"),
            date: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            command,
            seed,
            files: files.into_iter().map(|(role, path)| OfFile::new(role, path)).collect::<Result<_>>()?,
        })
    }

    /// What stands on the page; `content` tells what was not run.
    pub(super) fn part(&self, content: &Content) -> Part {
        let file = |f: &OfFile| {
            let bytes = f.bytes.map_or_else(String::new, |b| format!("{} bytes", grouped(b)));
            let hash = f.sha256.as_ref().map_or_else(String::new, |hash| format!(", SHA-256 {hash}"));
            vec![f.role.to_owned(), format!("{} {bytes}{hash}", f.path)]
        };
        let line = |name: &str, value: String| vec![name.to_owned(), value];
        let skipped = content.groups.iter().flat_map(|g| &g.lines).filter(|l| l.value == "–");
        let rows = (self.files.iter().map(file))
            .chain([line("program", format!("verisim {}", self.version)), line("date", self.date.clone())])
            .chain([line("seed", self.seed.to_string())])
            .chain(self.command.iter().map(|command| line("command", command.clone())))
            .chain(skipped.map(|l| line("not run", format!("{}: {}", l.label, l.verdict))));
        Part::Grid(Grid { title: "What was compared", note: "", head: vec!["", ""], rows: rows.collect() })
    }
}

impl OfFile {
    fn new(role: &'static str, path: &Path) -> Result<OfFile> {
        let mut of = OfFile { role, path: path.display().to_string(), bytes: None, sha256: None };
        if path.is_file() {
            let failed = |e| verisim_data::Error::io(path)(e);
            let mut hash = Sha256::new();
            of.bytes = Some(std::io::copy(&mut File::open(path).map_err(failed)?, &mut hash).map_err(failed)?);
            of.sha256 = Some(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        Ok(of)
    }
}
