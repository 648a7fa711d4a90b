//! Where the bytes of a text format go: a stream, packed or not.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::format::extension;
use crate::error::{Error, Result};

/// A stream that has something to do at its end.
pub(super) trait Finish: Write + Send {
    fn finish(self: Box<Self>) -> io::Result<()>;
}

impl<W: Write + Send> Finish for BufWriter<W> {
    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.flush()
    }
}

impl<W: Write + Send> Finish for flate2::write::GzEncoder<W> {
    fn finish(self: Box<Self>) -> io::Result<()> {
        (*self).finish()?.flush()
    }
}

impl<W: Write + Send> Finish for zstd::Encoder<'static, W> {
    fn finish(self: Box<Self>) -> io::Result<()> {
        (*self).finish()?.flush()
    }
}

/// A stream into `file`, packed as the name `path` says.
pub(super) fn packed(path: &Path, file: File) -> Result<Box<dyn Finish>> {
    let file = BufWriter::with_capacity(1 << 16, file);
    Ok(match extension(path).1 {
        // Level 1 packs a table half as small again as level 6 in a quarter of the time.
        "gz" => Box::new(flate2::write::GzEncoder::new(file, flate2::Compression::fast())),
        "zst" => Box::new(zstd::Encoder::new(file, 3).map_err(Error::io(path))?),
        _ => Box::new(file),
    })
}
