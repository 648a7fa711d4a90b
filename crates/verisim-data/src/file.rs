//! Files and folders that appear whole or not at all: made under a temporary name beside their own, and renamed.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Result};

/// Writes a file, so that a killed run leaves either the old file or the new one.
///
/// # Errors
/// When the file cannot be written; nothing is left behind then.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let (scratch, mut file) = Scratch::file(path)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Error::io(path))?;
    scratch.publish()
}

/// Fails if [`write_atomically`] would fail, so that long work is not lost for want of a folder; leaves nothing behind.
///
/// # Errors
/// When the file cannot be written.
pub fn check_writable(path: &Path) -> Result<()> {
    match path.is_dir() {
        true => Err(Error::file(path, "is a folder; name a file in it")),
        false => Scratch::file(path).map(drop),
    }
}

/// A file or folder under its temporary name. Dropped before [`Scratch::publish`] it is removed, a folder with all that is in it.
pub struct Scratch {
    temporary: PathBuf,
    path: PathBuf,
    what: What,
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    File,
    Folder,
    /// What an empty folder that is already there is to hold. It may be a link or a mounted disk, or stand where nobody else may
    /// write: it is filled, not replaced.
    Content,
}

impl Scratch {
    /// A file that will be `path`, open for writing.
    ///
    /// # Errors
    /// When there is no writing there.
    pub fn file(path: &Path) -> Result<(Scratch, File)> {
        let (temporary, file) = make(path, |p| File::create_new(p))?;
        Ok((Scratch { temporary, path: path.to_owned(), what: What::File }, file))
    }

    /// A folder that will be `path`, or what an empty folder there will hold.
    ///
    /// # Errors
    /// When there is no writing there.
    pub fn folder(path: &Path) -> Result<Scratch> {
        let (what, name) = match path.is_dir() {
            true => (What::Content, path.join("images")),
            false => (What::Folder, path.to_owned()),
        };
        let (temporary, ()) = make(&name, |p| fs::create_dir(p))?;
        Ok(Scratch { temporary, path: path.to_owned(), what })
    }

    /// Where it is for now.
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// When it cannot be renamed.
    pub fn publish(self) -> Result<()> {
        let move_to = |from: &Path, to: &Path| fs::rename(from, to).map_err(Error::io(to));
        if self.what != What::Content {
            return move_to(&self.temporary, &self.path);
        }
        for entry in fs::read_dir(&self.temporary).map_err(Error::io(&self.temporary))? {
            let entry = entry.map_err(Error::io(&self.temporary))?;
            let to = self.path.join(entry.file_name());
            if let Err(e) = fs::rename(entry.path(), &to) {
                let what = format!("{e}; the images that could not be moved there are in {}", self.temporary.display());
                // They are kept.
                std::mem::forget(self);
                return Err(Error::file(&to, what));
            }
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Gone or empty when it was published; if it cannot be removed nobody is left to tell.
        let _ = match self.what {
            What::File => fs::remove_file(&self.temporary),
            What::Folder | What::Content => fs::remove_dir_all(&self.temporary),
        };
    }
}

/// Makes something of a name that is free, even if a killed run of the same number left its own behind.
fn make<T>(path: &Path, create: impl Fn(&Path) -> io::Result<T>) -> Result<(PathBuf, T)> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name = path.file_name().ok_or_else(|| Error::file(path, "names no file or folder; add a name to it"))?;
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // A name as long as the system allows leaves no room for more.
        let short: String = name.to_string_lossy().chars().take(50).collect();
        let name = format!(".{short}.{}.{number}.tmp", std::process::id());
        let temporary = path.with_file_name(name);
        match create(&temporary) {
            Ok(made) => return Ok((temporary, made)),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(Error::io(path)(e)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_can_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ä".repeat(125) + ".json");
        write_atomically(&path, b"{}").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"{}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(check_writable(folder.path()).unwrap_err().to_string().contains("is a folder"));
    }
}
