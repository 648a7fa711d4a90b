//! What verisim wrote, so that a sample may replace an earlier one and nothing else.
//!
//! A table has no place for a mark of who wrote it, so a list of the user's keeps where each sample went, its length and when it was
//! last changed. A file that the list does not know, or that was changed since, belongs to somebody.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use etcetera::{BaseStrategy as _, choose_base_strategy};
use serde::{Deserialize, Serialize};
use verisim_data::file::write_atomically;

use crate::error::{Error, Result};

/// Bytes of the list above which its older half is forgotten: some ten thousand files.
const MOST: u64 = 1 << 20;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    path: String,
    bytes: u64,
    /// Nanoseconds since 1970.
    changed: u128,
}

impl Entry {
    /// The file as it is; nothing where there is none.
    fn of(path: &Path) -> Option<Entry> {
        let whole = path.canonicalize().ok()?;
        let now = fs::metadata(&whole).ok().filter(fs::Metadata::is_file)?;
        let changed = now.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
        Some(Entry { path: whole.to_string_lossy().into_owned(), bytes: now.len(), changed })
    }
}

/// Refuses a file that is there and is not as verisim wrote it.
pub(crate) fn check_own(path: &Path) -> Result<()> {
    check(path, list().as_deref())
}

/// Remembers that `path` was just written. Without a place to remember it the next sample is refused there, which loses nothing.
pub(crate) fn note(path: &Path) {
    if let Some(list) = list() {
        remember(path, &list);
    }
}

fn list() -> Option<PathBuf> {
    let of_user = choose_base_strategy().ok()?;
    Some(of_user.state_dir().unwrap_or_else(|| of_user.data_dir()).join("verisim/written.jsonl"))
}

fn check(path: &Path, list: Option<&Path>) -> Result<()> {
    let Some(now) = Entry::of(path) else { return Ok(()) };
    let known = list.and_then(|list| fs::read_to_string(list).ok()).unwrap_or_default();
    match known.lines().any(|line| serde_json::from_str(line).is_ok_and(|entry: Entry| entry == now)) {
        true => Ok(()),
        false => Err(Error::NotOurs { path: path.to_owned() }),
    }
}

fn remember(path: &Path, list: &Path) {
    let Some(line) = Entry::of(path).and_then(|entry| serde_json::to_string(&entry).ok()) else { return };
    if fs::metadata(list).is_ok_and(|now| now.len() > MOST) {
        forget_half(list);
    }
    let Some(folder) = list.parent() else { return };
    // One line in one call: several programs may add theirs at a time.
    let _ = fs::create_dir_all(folder)
        .and_then(|()| OpenOptions::new().create(true).append(true).open(list))
        .and_then(|mut list| list.write_all((line + "\n").as_bytes()));
}

fn forget_half(list: &Path) {
    let Ok(known) = fs::read_to_string(list) else { return };
    let lines: Vec<&str> = known.lines().collect();
    let kept: String = lines[lines.len() / 2..].iter().flat_map(|line| [line, "\n"]).collect();
    let _ = write_atomically(list, kept.as_bytes());
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_written_may_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (path, list) = (folder.path().join("a.csv"), folder.path().join("state/written.jsonl"));
        check(&path, Some(&list)).unwrap();
        fs::write(&path, "x\n1\n").unwrap();
        assert!(check(&path, Some(&list)).unwrap_err().to_string().contains("was not written by verisim"));
        remember(&path, &list);
        check(&path, Some(&list)).unwrap();
        check(&path, None).unwrap_err();
        // Changed since: it is the user's now.
        fs::write(&path, "x\n1\n2\n").unwrap();
        check(&path, Some(&list)).unwrap_err();
        remember(&path, &list);
        check(&path, Some(&list)).unwrap();
        // A folder, a device and a list that is no list.
        check(folder.path(), Some(&list)).unwrap();
        check(Path::new("/dev/null"), Some(&list)).unwrap();
        fs::write(&list, [0xff, b'\n', b'{']).unwrap();
        check(&path, Some(&list)).unwrap_err();
    }

    #[test]
    fn the_list_does_not_grow_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let (path, list) = (folder.path().join("a.csv"), folder.path().join("written.jsonl"));
        fs::write(&path, "x\n1\n").unwrap();
        remember(&path, &list);
        let line = fs::read_to_string(&list).unwrap();
        let other = line.replace("a.csv", "b.csv");
        fs::write(&list, other.repeat(2 * MOST as usize / line.len()) + &line).unwrap();
        remember(&folder.path().join("a.csv"), &list);
        assert!(fs::metadata(&list).unwrap().len() < MOST + MOST / 2);
        check(&path, Some(&list)).unwrap();
    }
}
