//! Reading and writing Arrow's own format: files (Feather is one), and streams.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek};
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::CompressionType;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_ipc::writer::{DictionaryHandling, FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{ArrowError, Schema as ArrowSchema};

use super::columnar::{Batches, guarded};
use super::output::Sink;
use crate::error::{Error, Result};

/// Opens an Arrow file or stream: the batches of the columns at these places.
pub(super) fn open(path: &Path, columns: Option<&[usize]>, _: usize) -> Result<(Arc<ArrowSchema>, Batches)> {
    let mut file = File::open(path).map_err(Error::io(path))?;
    let mut magic = [0; 6];
    // A file shorter than this is no Arrow file either way.
    let _ = file.read(&mut magic).map_err(Error::io(path))?;
    file.rewind().map_err(Error::io(path))?;
    if magic.starts_with(b"FEA1") {
        return Err(Error::file(path, "is Feather of version 1; save it as version 2, or as Parquet"));
    }
    let columns = columns.map(<[usize]>::to_vec);
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

fn options() -> Result<IpcWriteOptions, ArrowError> {
    // New words of a column of categories come with the rows that have them.
    let options = IpcWriteOptions::default().with_dictionary_handling(DictionaryHandling::Delta);
    options.try_with_compression(Some(CompressionType::LZ4_FRAME))
}

/// Begins an Arrow file.
pub(super) fn begin(file: File, schema: Arc<ArrowSchema>) -> Result<Box<dyn Sink>, String> {
    let writer = options().and_then(|o| FileWriter::try_new_with_options(BufWriter::new(file), &schema, o));
    Ok(Box::new(writer.map_err(|e| e.to_string())?))
}

/// Begins an Arrow stream.
pub(super) fn begin_stream(file: File, schema: Arc<ArrowSchema>) -> Result<Box<dyn Sink>, String> {
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
