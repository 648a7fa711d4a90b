//! The pixels of a set: in memory, or in an unnamed temporary file once they outgrow what memory is allowed.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};

/// Bytes of pixels that are worked on at a time.
pub(super) const BLOCK: usize = 1 << 24;

/// Bytes of images, one image after another.
pub(super) enum Pixels {
    Memory(Vec<u8>),
    Spilled(Spill),
}

impl Pixels {
    pub(super) fn len(&self) -> usize {
        match self {
            Pixels::Memory(bytes) => bytes.len(),
            Pixels::Spilled(spill) => spill.len,
        }
    }

    /// Appends the `len` bytes from `start` on to `out`; they must be within the set.
    pub(super) fn append(&self, start: usize, len: usize, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Pixels::Memory(bytes) => {
                out.extend_from_slice(&bytes[start..start + len]);
                Ok(())
            }
            Pixels::Spilled(spill) => spill.append(start, len, out),
        }
    }
}

/// A temporary file that is gone when this is dropped.
pub(super) struct Spill {
    file: Mutex<File>,
    len: usize,
    path: PathBuf,
    /// Whether the file still has its name, as on a system that removes no open file; it is removed at the end then.
    named: bool,
}

impl Spill {
    fn create() -> Result<Spill> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        // Real images must not be readable by others while the file still has a name.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut folders = folders();
        folders.reverse();
        loop {
            let name = format!("verisim-{}-{}.pixels", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let path = folders.last().cloned().unwrap_or_default().join(name);
            match options.open(&path) {
                Ok(file) => {
                    let named = fs::remove_file(&path).is_err();
                    return Ok(Spill { file: Mutex::new(file), len: 0, path, named });
                }
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(_) if folders.len() > 1 => drop(folders.pop()),
                Err(e) => return Err(Error::io(&path)(e)),
            }
        }
    }

    fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let file = self.file.get_mut().unwrap_or_else(PoisonError::into_inner);
        file.write_all(bytes).map_err(Error::io(&self.path))?;
        self.len += bytes.len();
        Ok(())
    }

    fn append(&self, start: usize, len: usize, out: &mut Vec<u8>) -> Result<()> {
        let at = out.len();
        out.resize(at + len, 0);
        // Whoever held the lock before may have left the file anywhere: seeking comes first.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(start as u64)).map_err(Error::io(&self.path))?;
        file.read_exact(&mut out[at..]).map_err(Error::io(&self.path))
    }
}

impl Drop for Spill {
    fn drop(&mut self) {
        if self.named {
            // If it cannot be removed nobody is left to tell.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Where temporary files go, the first that can be written: the folder that `TMPDIR` names or, on Unix, `/var/tmp` before `/tmp`,
/// which is often held in memory, and memory is what they are to save.
fn folders() -> Vec<PathBuf> {
    let large = (cfg!(unix) && std::env::var_os("TMPDIR").is_none()).then(|| PathBuf::from("/var/tmp"));
    large.into_iter().chain([std::env::temp_dir()]).collect()
}

/// Collects pixels, in memory as far as `limit` bytes.
pub(super) struct Store {
    limit: usize,
    memory: Vec<u8>,
    spill: Option<Spill>,
}

impl Store {
    /// A store that will get about `expected` bytes; 0 where that cannot be trusted.
    pub(super) fn new(limit: usize, expected: usize) -> Store {
        let mut memory = Vec::new();
        if expected <= limit {
            // No harm if refused: `push` asks again, and goes to the file if it must.
            let _ = memory.try_reserve_exact(expected);
        }
        Store { limit, memory, spill: None }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(spill) = &mut self.spill {
            return spill.push(bytes);
        }
        if self.room_for(bytes.len()) {
            self.memory.extend_from_slice(bytes);
            return Ok(());
        }
        let mut spill = Spill::create()?;
        spill.push(&std::mem::take(&mut self.memory))?;
        spill.push(bytes)?;
        self.spill = Some(spill);
        Ok(())
    }

    /// Whether memory has, or can get, room for `more` bytes. It doubles, but never beyond the limit.
    fn room_for(&mut self, more: usize) -> bool {
        let needed = self.memory.len().saturating_add(more);
        let wanted = needed.max(2 * self.memory.len()).min(self.limit);
        needed <= self.limit
            && (needed <= self.memory.capacity() || self.memory.try_reserve_exact(wanted - self.memory.len()).is_ok())
    }

    pub(super) fn finish(mut self) -> Pixels {
        self.memory.shrink_to_fit();
        self.spill.map_or(Pixels::Memory(self.memory), Pixels::Spilled)
    }
}
