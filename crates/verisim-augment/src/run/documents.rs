//! Folders of documents: text files, each a passage.

use std::path::{Path, PathBuf};

use super::folder::{Kind, Made, is_of};
use crate::error::{Error, Result};
use crate::pipeline::Pipeline;
use crate::text::{Drawn, Passage, apply, replay};

/// Documents and what is done to them.
pub(super) struct Documents<'a>(pub &'a Pipeline);

impl Kind for Documents<'_> {
    const UNIT: &'static str = "documents";

    fn takes(path: &Path) -> bool {
        path.extension().is_some_and(|end| ["txt", "md", "markdown"].iter().any(|e| end.eq_ignore_ascii_case(e)))
    }

    fn check(&self, path: &Path) -> Result<()> {
        std::fs::read_to_string(path).map(|_| ()).map_err(Error::io(path))
    }

    fn with_it(&self, path: &Path) -> Vec<(String, PathBuf)> {
        vec![(ending(path), path.to_owned())]
    }

    fn change(&self, path: &Path, item: u64, pass: u64, drawn: Option<&str>) -> Result<Made> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        let passage = Passage::from(&*text);
        let (made, drawn) = match drawn {
            None => apply(self.0, &passage, item, pass)?,
            Some(line) => {
                let drawn = Drawn::from_line(line)?;
                is_of((drawn.item, drawn.pass), item, pass)?;
                (replay(&drawn, &passage)?, drawn)
            }
        };
        Ok(Made { files: vec![(ending(path), made.text.into_bytes())], drawn: drawn.to_line()?, counts: Vec::new() })
    }
}

/// How the name of a file ends, with its point.
pub(super) fn ending(path: &Path) -> String {
    path.extension().map(|end| format!(".{}", end.to_string_lossy())).unwrap_or_default()
}
