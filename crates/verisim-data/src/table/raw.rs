//! A table as it was read: named Arrow columns of text or native numbers.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, StringArray, UInt64Array};
use arrow_cast::cast;
use arrow_schema::DataType;
use arrow_select::take::take;

use super::io::Dialect;
use super::nest::Nest;
use crate::error::{Error, Result};

/// Named Arrow columns of equal length.
///
/// Readers normalise every column to `Utf8`, `Int64` or `Float64`: text formats give `Utf8`, booleans, dates and timestamps of
/// Parquet and Arrow become their ISO text, numbers that neither number type holds exactly (decimals of more than 15 digits, whole
/// numbers past 63 bits) that of all their digits. An Arrow null is a missing value.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Column names, in file order.
    pub names: Vec<String>,
    /// One array a column.
    pub columns: Vec<ArrayRef>,
    /// Number of rows.
    pub rows: usize,
    /// For each column the text that stood for a missing value most often; empty if none did.
    pub missing_tokens: Vec<String>,
    /// For each column the Arrow type of the source, where that has types (Parquet, Arrow, and JSON where all values are of one kind).
    pub arrow: Vec<Option<String>>,
    /// How the columns stood in the source, where that has columns that hold others, or types with more to them.
    pub nest: Option<Arc<Nest>>,
    /// How the source was written, where that is delimited text.
    pub dialect: Option<Dialect>,
    /// What was left out or changed on reading, and why; a sentence each.
    pub notes: Vec<String>,
    /// Rows of the file before this table's first (not 0 only in chunks), so that errors count in the file.
    pub first_row: usize,
}

impl Table {
    /// A table of `columns`, which must be equally long and of type `Utf8`, `Int64` or `Float64`.
    ///
    /// # Errors
    /// When they are not.
    pub fn new(names: Vec<String>, columns: Vec<ArrayRef>) -> Result<Table> {
        let rows = columns.first().map_or(0, |c| c.len());
        for (name, column) in names.iter().zip(&columns) {
            if column.len() != rows {
                let what = format!("has {} rows where the first column has {rows}", column.len());
                return Err(Error::column(name, what));
            }
            if !matches!(column.data_type(), DataType::Utf8 | DataType::Int64 | DataType::Float64) {
                let what = format!("has type {}; cast it to Utf8, Int64 or Float64", column.data_type());
                return Err(Error::column(name, what));
            }
        }
        let width = names.len();
        let (missing_tokens, arrow) = (vec![String::new(); width], vec![None; width]);
        Ok(Table { names, columns, rows, missing_tokens, arrow, ..Table::default() })
    }

    /// Tables of the same columns, one below the other.
    ///
    /// # Errors
    /// When their columns differ.
    pub fn stacked(tables: &[Table]) -> Result<Table> {
        let Some(first) = tables.first() else { return Ok(Table::default()) };
        let columns = (0..first.names.len()).map(|j| {
            let parts: Option<Vec<&dyn Array>> = tables.iter().map(|t| t.columns.get(j).map(|c| c.as_ref())).collect();
            let parts = parts.unwrap_or_default();
            arrow_select::concat::concat(&parts).map_err(|e| Error::column(&first.names[j], e.to_string()))
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        Ok(Table { rows: tables.iter().map(|t| t.rows).sum(), columns, ..first.clone() })
    }

    /// The place of the column called `name`, from 0.
    ///
    /// # Errors
    /// When there is none; the message suggests the nearest name.
    pub fn index(&self, name: &str) -> Result<usize> {
        self.names.iter().position(|n| n == name).ok_or_else(|| Error::no_column(name, &self.names))
    }

    /// The column called `name`.
    ///
    /// # Errors
    /// As [`Table::index`].
    pub fn column(&self, name: &str) -> Result<&ArrayRef> {
        Ok(&self.columns[self.index(name)?])
    }

    /// Column `j` as text, each number in its shortest form. Free for a column of text, which is shared; else a copy.
    ///
    /// # Errors
    /// When it holds a type that no reader makes.
    pub fn text(&self, j: usize) -> Result<StringArray> {
        let column = &self.columns[j];
        let text = match column.as_any().downcast_ref::<StringArray>() {
            Some(text) => return Ok(text.clone()),
            None => cast(column, &DataType::Utf8).map_err(|e| Error::column(&self.names[j], e.to_string()))?,
        };
        let text = text.as_any().downcast_ref::<StringArray>().cloned();
        text.ok_or_else(|| Error::column(&self.names[j], "cannot be read as text"))
    }

    /// The cells of column `j` as texts; `None` where a value is missing.
    ///
    /// # Errors
    /// As of [`Table::text`].
    pub fn cells(&self, j: usize) -> Result<Vec<Option<String>>> {
        Ok(self.text(j)?.iter().map(|cell| cell.map(str::to_owned)).collect())
    }

    /// Puts texts, one a row, in the place of column `j`.
    pub fn put_texts(&mut self, j: usize, texts: Vec<Option<String>>) {
        debug_assert_eq!(texts.len(), self.rows);
        self.columns[j] = Arc::new(texts.into_iter().collect::<StringArray>());
    }

    /// Rows `start .. start + len`, without copying.
    pub fn slice(&self, start: usize, len: usize) -> Table {
        let start = start.min(self.rows);
        let rows = len.min(self.rows - start);
        Table {
            columns: self.columns.iter().map(|c| c.slice(start, rows)).collect(),
            rows,
            first_row: self.first_row + start,
            ..self.clone()
        }
    }

    /// The columns called `names`, in that order. The name of a column of the source that holds others stands for all of them.
    ///
    /// # Errors
    /// When there is no such column; the message suggests the nearest name.
    pub fn select(&self, names: &[String]) -> Result<Table> {
        let mut places = Vec::new();
        for name in names {
            match self.nest.as_ref().and_then(|n| n.columns_of(name)) {
                Some(parts) => places.extend(parts.iter().map(|p| self.index(p)).collect::<Result<Vec<_>>>()?),
                None => places.push(self.index(name)?),
            }
        }
        let names: Vec<String> = places.iter().map(|&j| self.names[j].clone()).collect();
        let nest = self.nest.as_ref().and_then(|n| n.keep(names.iter().map(String::as_str))).map(Arc::new);
        Ok(Table {
            columns: places.iter().map(|&j| self.columns[j].clone()).collect(),
            missing_tokens: places.iter().map(|&j| self.missing_tokens[j].clone()).collect(),
            arrow: places.iter().map(|&j| self.arrow[j].clone()).collect(),
            names,
            nest,
            ..self.clone()
        })
    }

    /// The rows at `index`, in that order; each must be less than the number of rows.
    ///
    /// # Errors
    /// When the text of a column would outgrow 2 GiB.
    pub fn take(&self, index: &[usize]) -> Result<Table> {
        let at = UInt64Array::from_iter_values(index.iter().map(|&i| i as u64));
        let rows_of = |(c, name): (&ArrayRef, &String)| {
            take(c, &at, None).map_err(|e| Error::column(name, format!("cannot take rows: {e}")))
        };
        let columns = self.columns.iter().zip(&self.names).map(rows_of).collect::<Result<_>>()?;
        Ok(Table { columns, rows: index.len(), first_row: 0, ..self.clone() })
    }
}

impl Table {
    /// A table of text columns, mainly for tests and examples; `None` is missing.
    ///
    /// # Errors
    /// When they are not equally long.
    pub fn from_text(columns: &[(&str, &[Option<&str>])]) -> Result<Table> {
        let names = columns.iter().map(|(n, _)| (*n).to_owned()).collect();
        let arrays = columns.iter().map(|(_, v)| Arc::new(StringArray::from(v.to_vec())) as ArrayRef).collect();
        Table::new(names, arrays)
    }
}
