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
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    File,
    Folder,
    /// What an empty folder that is already there is to hold. It may be a link or a mounted disk, or stand where nobody else may
    /// write: it is filled, not replaced.
    Content,
}

impl Scratch {
    pub(super) fn file(path: &Path) -> Result<(Scratch, File)> {
        let (temporary, file) = make(path, |p| File::create_new(p))?;
        Ok((Scratch { temporary, path: path.to_owned(), kind: Kind::File }, file))
    }

    pub(super) fn folder(path: &Path) -> Result<Scratch> {
        let (kind, name) = match path.is_dir() {
            true => (Kind::Content, path.join("images")),
            false => (Kind::Folder, path.to_owned()),
        };
        let (temporary, ()) = make(&name, |p| fs::create_dir(p))?;
        Ok(Scratch { temporary, path: path.to_owned(), kind })
    }

    /// Where it is for now.
    pub(super) fn temporary(&self) -> &Path {
        &self.temporary
    }

    pub(super) fn publish(self) -> Result<()> {
        let move_to = |from: &Path, to: &Path| fs::rename(from, to).map_err(Error::io(to));
        if self.kind != Kind::Content {
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
        let _ = match self.kind {
            Kind::File => fs::remove_file(&self.temporary),
            Kind::Folder | Kind::Content => fs::remove_dir_all(&self.temporary),
        };
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
