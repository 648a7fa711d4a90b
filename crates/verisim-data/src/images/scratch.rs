//! A file or a folder under a temporary name beside its final one.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Result};

/// Dropped before [`Scratch::publish`] it is removed, a folder with all that is in it.
pub(super) struct Scratch {
    temporary: PathBuf,
    path: PathBuf,
    folder: bool,
}

impl Scratch {
    pub(super) fn file(path: &Path) -> Result<(Scratch, File)> {
        let (temporary, file) = make(path, |p| File::create_new(p))?;
        Ok((Scratch { temporary, path: path.to_owned(), folder: false }, file))
    }

    pub(super) fn folder(path: &Path) -> Result<Scratch> {
        let (temporary, ()) = make(path, |p| fs::create_dir(p))?;
        Ok(Scratch { temporary, path: path.to_owned(), folder: true })
    }

    /// Where it is for now.
    pub(super) fn temporary(&self) -> &Path {
        &self.temporary
    }

    pub(super) fn publish(self) -> Result<()> {
        if self.folder {
            // Not every system renames onto an empty folder. What is not empty stays, and is an error of the rename.
            let _ = fs::remove_dir(&self.path);
        }
        fs::rename(&self.temporary, &self.path).map_err(Error::io(&self.path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Gone already when it was published; if it cannot be removed nobody is left to tell.
        let _ = if self.folder { fs::remove_dir_all(&self.temporary) } else { fs::remove_file(&self.temporary) };
    }
}

/// Makes something of a name that is free, even if a killed run of the same number left its own behind.
fn make<T>(path: &Path, create: impl Fn(&Path) -> io::Result<T>) -> Result<(PathBuf, T)> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name = path.file_name().ok_or_else(|| Error::file(path, "names no file or folder; add a name to it"))?;
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!(".{}.{}.{number}.tmp", name.to_string_lossy(), std::process::id());
        let temporary = path.with_file_name(name);
        match create(&temporary) {
            Ok(made) => return Ok((temporary, made)),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(Error::io(path)(e)),
        }
    }
}
