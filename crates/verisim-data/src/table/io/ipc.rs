//! Reading and writing Arrow's own format: files (Feather is one), and streams.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_ipc::writer::{DictionaryHandling, FileWriter, IpcWriteOptions, StreamWriter};
use arrow_ipc::{CompressionType, root_as_footer, root_as_message};
use arrow_schema::{ArrowError, Schema as ArrowSchema};

use super::columnar::{Batches, guarded};
use super::output::{Into, Sink};
use crate::error::{Error, Result};

/// Opens an Arrow file or stream: the batches of the columns at these places.
pub(super) fn open(path: &Path, columns: Option<&[usize]>, _: usize) -> Result<(Arc<ArrowSchema>, Batches)> {
    let mut file = File::open(path).map_err(Error::io(path))?;
    let mut magic = [0; 6];
    // A file shorter than this is no Arrow file either way.
    let _ = file.read(&mut magic).map_err(Error::io(path))?;
    let size = file.metadata().map_err(Error::io(path))?.len();
    if magic.starts_with(b"FEA1") {
        return Err(Error::file(path, "is Feather of version 1; save it as version 2, or as Parquet"));
    }
    let columns = columns.map(<[usize]>::to_vec);
    let checked = guarded(path, "Arrow", || match &magic {
        b"ARROW1" => check_file(&mut file, size),
        _ => check_stream(&mut file, size),
    });
    checked?;
    file.rewind().map_err(Error::io(path))?;
    guarded(path, "Arrow", || match &magic {
        b"ARROW1" => {
            let reader = FileReader::try_new(BufReader::new(file), columns).map_err(|e| e.to_string())?;
            Ok((reader.schema(), Box::new(reader) as Batches))
        }
        _ => {
            let reader = StreamReader::try_new(BufReader::new(file), columns).map_err(|e| e.to_string())?;
            Ok((reader.schema(), Box::new(reader) as Batches))
        }
    })
}

/// Checks that no packed part of a file says that it unpacks to more than it can: as much memory would be asked for, and a program
/// that gets none ends at once. What else may be wrong is left to the reader.
fn check_file(file: &mut File, size: u64) -> Result<(), String> {
    let tail = bytes(file, size.saturating_sub(10), 10.min(size), size)?;
    let length = tail.first_chunk().map_or(0, |l| u64::from(u32::from_le_bytes(*l)));
    let footer = bytes(file, size.saturating_sub(10 + length), length, size)?;
    let footer = root_as_footer(&footer).map_err(|e| e.to_string())?;
    let blocks = footer.recordBatches().into_iter().flatten().chain(footer.dictionaries().into_iter().flatten());
    for block in blocks {
        let (start, length) = (block.offset() as u64, block.metaDataLength() as u64);
        // Room is made for the whole block before a byte of it is read.
        let end = start.checked_add(length).and_then(|body| body.checked_add(block.bodyLength() as u64));
        if end.is_none_or(|end| end > size) {
            return Err("a part is cut off".to_owned());
        }
        let message = bytes(file, start, length, size)?;
        let message = match message.strip_prefix(&CONTINUES) {
            Some(rest) => rest.get(4..),
            None => message.get(4..),
        };
        check_message(file, message.unwrap_or_default(), start + length, size)?;
    }
    Ok(())
}

/// As [`check_file`], for a stream.
fn check_stream(file: &mut File, size: u64) -> Result<(), String> {
    let mut at = 0;
    while at + 8 <= size {
        let head = bytes(file, at, 8, size)?;
        let (length, header) = match head.strip_prefix(&CONTINUES) {
            Some(length) => (length, 8),
            None => (&head[..4], 4),
        };
        let length = length.first_chunk().map_or(0, |l| u64::from(u32::from_le_bytes(*l)));
        if length == 0 {
            break;
        }
        let message = bytes(file, at + header, length, size)?;
        at = check_message(file, &message, at + header + length, size)?;
    }
    Ok(())
}

/// Checks one message whose body begins at `body`, and says where it ends.
fn check_message(file: &mut File, message: &[u8], body: u64, size: u64) -> Result<u64, String> {
    let message = root_as_message(message).map_err(|e| e.to_string())?;
    let batch = message.header_as_record_batch().or_else(|| message.header_as_dictionary_batch()?.data());
    let end = body.checked_add(message.bodyLength() as u64).filter(|end| *end <= size).ok_or("a part is cut off")?;
    let Some((batch, packing)) = batch.and_then(|b| Some((b, b.compression()?))) else { return Ok(end) };
    let most = if packing.codec() == CompressionType::LZ4_FRAME { 256 } else { 1 << 16 };
    for buffer in batch.buffers().into_iter().flatten().filter(|b| b.length() >= 8) {
        let start = body.checked_add(buffer.offset() as u64).ok_or("a part is cut off")?;
        let length = bytes(file, start, 8, size)?.first_chunk().map_or(0, |l| i64::from_le_bytes(*l));
        if length > buffer.length().saturating_mul(most) {
            return Err(format!("a part of {} bytes says that it unpacks to {length}", buffer.length()));
        }
    }
    Ok(end)
}

/// What a message begins with, but for those of old programs.
const CONTINUES: [u8; 4] = [0xff; 4];

/// `length` bytes of the file from `start` on.
fn bytes(file: &mut File, start: u64, length: u64, size: u64) -> Result<Vec<u8>, String> {
    if start.checked_add(length).is_none_or(|end| end > size) {
        return Err("a part is cut off".to_owned());
    }
    let mut bytes = vec![0; length as usize];
    file.seek(SeekFrom::Start(start)).and_then(|_| file.read_exact(&mut bytes)).map_err(|e| e.to_string())?;
    Ok(bytes)
}

fn options() -> Result<IpcWriteOptions, ArrowError> {
    // New words of a column of categories come with the rows that have them.
    let options = IpcWriteOptions::default().with_dictionary_handling(DictionaryHandling::Delta);
    options.try_with_compression(Some(CompressionType::LZ4_FRAME))
}

/// An Arrow file.
pub(super) const INTO: Into = Into { begin, by_rows: false };
/// An Arrow stream.
pub(super) const INTO_STREAM: Into = Into { begin: begin_stream, by_rows: false };

fn begin(file: File, schema: Arc<ArrowSchema>) -> Result<Box<dyn Sink>, String> {
    let writer = options().and_then(|o| FileWriter::try_new_with_options(BufWriter::new(file), &schema, o));
    Ok(Box::new(writer.map_err(|e| e.to_string())?))
}

fn begin_stream(file: File, schema: Arc<ArrowSchema>) -> Result<Box<dyn Sink>, String> {
    let writer = options().and_then(|o| StreamWriter::try_new_with_options(BufWriter::new(file), &schema, o));
    Ok(Box::new(writer.map_err(|e| e.to_string())?))
}

impl Sink for FileWriter<BufWriter<File>> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), String> {
        FileWriter::write(self, batch).map_err(|e| e.to_string())
    }

    fn finish(mut self: Box<Self>) -> Result<(), String> {
        FileWriter::finish(&mut self).and_then(|()| self.flush()).map_err(|e| e.to_string())
    }
}

impl Sink for StreamWriter<BufWriter<File>> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), String> {
        StreamWriter::write(self, batch).map_err(|e| e.to_string())
    }

    fn finish(mut self: Box<Self>) -> Result<(), String> {
        StreamWriter::finish(&mut self).and_then(|()| self.flush()).map_err(|e| e.to_string())
    }
}
