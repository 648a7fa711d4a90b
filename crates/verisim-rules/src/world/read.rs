//! A world from its file.

use std::path::Path;

use super::World;
use crate::error::{Error, Result};

impl World {
    /// Reads a world from a file.
    ///
    /// # Errors
    /// When there is none, or it says what cannot be meant: with line and key.
    pub fn read(path: &Path) -> Result<World> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
        World::parse(&text, path)
    }

    /// Reads a world from a text; `path` says where paths in it are taken from.
    ///
    /// # Errors
    /// As for [`World::read`].
    pub fn parse(text: &str, path: &Path) -> Result<World> {
        let mut world: World = toml::from_str(text).map_err(|e| {
            let at = e.span().map_or(0, |s| s.start);
            let key = key_at(text, at);
            Error::Key { path: path.to_owned(), line: line_of(text, at), key, what: e.message().replace('\n', "; ") }
        })?;
        world.path = path.to_owned();
        text.clone_into(&mut world.text);
        Ok(world)
    }

    /// The mistake that `what` says of a key whose first byte is `at`.
    pub fn wrong(&self, at: usize, key: impl Into<String>, what: impl Into<String>) -> Error {
        let line = line_of(&self.text, at);
        Error::Key { path: self.path.clone(), line, key: key.into(), what: what.into() }
    }

    /// What it is called: by itself, or as its file.
    pub fn title(&self) -> String {
        let file = || self.path.file_stem().map_or("world".to_owned(), |s| s.to_string_lossy().into_owned());
        self.name.clone().unwrap_or_else(file)
    }
}

/// The line of a byte, from 1.
fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|&b| b == b'\n').count()
}

/// The header above a byte and the key of its line.
fn key_at(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    let line = text.get(line_start..).unwrap_or_default().lines().next().unwrap_or_default();
    let header = |line: &str| line.trim().strip_prefix('[').map(|h| h.trim_matches(['[', ']']).to_owned());
    if let Some(header) = header(line.split('#').next().unwrap_or_default()) {
        return header;
    }
    let above = before[..line_start].lines().rev().find_map(|l| header(l.split('#').next().unwrap_or_default()));
    let key = line.split('=').next().unwrap_or_default().trim();
    match above {
        Some(above) => format!("{above}.{key}"),
        None => key.to_owned(),
    }
}
