//! Reading and writing Parquet.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema as ArrowSchema};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::Compression;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::WriterProperties;

use super::columnar::{Batches, guarded};
use super::output::{Into, Sink};
use super::page::page;
use crate::error::{Error, Result};

/// Opens a Parquet file: the batches of the columns at these places.
pub(super) fn open(path: &Path, columns: Option<&[usize]>, rows: usize) -> Result<(Arc<ArrowSchema>, Batches)> {
    let file = File::open(path).map_err(Error::io(path))?;
    guarded(path, "Parquet", || {
        let size = file.metadata().map_err(|e| e.to_string())?.len();
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| e.to_string())?;
        check_counts(builder.metadata(), size)?;
        check_pages(builder.metadata(), path)?;
        let mask = match columns {
            Some(columns) => ProjectionMask::roots(builder.parquet_schema(), columns.iter().copied()),
            None => ProjectionMask::all(),
        };
        let schema = builder.schema().clone();
        let batches = builder.with_projection(mask).with_batch_size(rows).build().map_err(|e| e.to_string())?;
        Ok((schema, Box::new(batches) as Batches))
    })
}

/// Refuses a file whose parts count differently, before anything is decoded: a damaged count asks for memory without end.
fn check_counts(metadata: &ParquetMetaData, size: u64) -> Result<(), String> {
    let rows = metadata
        .row_groups()
        .iter()
        .try_fold(0_i64, |sum, g| sum.checked_add(g.num_rows()).filter(|_| g.num_rows() >= 0));
    if rows != Some(metadata.file_metadata().num_rows()) {
        return Err("its row groups have other rows than the whole".to_owned());
    }
    for group in metadata.row_groups() {
        for column in group.columns() {
            let flat = column.column_descr().max_rep_level() == 0;
            if flat && column.num_values() != group.num_rows() {
                return Err(format!("column `{}` has other rows than its group", column.column_path()));
            }
            let (start, len) = column.byte_range();
            if start.checked_add(len).is_none_or(|end| end > size) {
                return Err(format!("column `{}` lies outside of it", column.column_path()));
            }
        }
    }
    Ok(())
}

/// Refuses a file in which the first page of a column, which is its dictionary where it has one, counts what the column has no room for.
fn check_pages(metadata: &ParquetMetaData, path: &Path) -> Result<(), String> {
    let mut file = File::open(path).map_err(|e| e.to_string())?;
    for column in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        let Some(first) = page(&mut file, column.byte_range().0) else { continue };
        let dictionary = column.dictionary_page_offset().is_some_and(|at| at as u64 == column.byte_range().0);
        // A value of a dictionary takes a byte at least; one of a page may be packed with millions like it.
        let most = if dictionary { first.size } else { column.num_values() };
        if first.size > column.uncompressed_size() || first.values > most || first.values < 0 || first.size < 0 {
            return Err(format!("column `{}` counts more than it holds", column.column_path()));
        }
    }
    Ok(())
}

/// Parquet.
pub(super) const INTO: Into = Into { begin, by_rows: true };

fn begin(file: File, schema: Arc<ArrowSchema>) -> Result<Box<dyn Sink>, String> {
    // Parquet has no such type: without this its days would be taken for whole numbers.
    let days = schema.flattened_fields().iter().any(|f| *f.data_type() == DataType::Date64);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(Default::default()))
        .set_coerce_types(days)
        .build();
    let writer = ArrowWriter::try_new(file, schema, Some(properties)).map_err(|e| e.to_string())?;
    Ok(Box::new(writer))
}

impl Sink for ArrowWriter<File> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), String> {
        ArrowWriter::write(self, batch).map_err(|e| e.to_string())
    }

    fn finish(self: Box<Self>) -> Result<(), String> {
        self.close().map(|_| ()).map_err(|e| e.to_string())
    }
}
