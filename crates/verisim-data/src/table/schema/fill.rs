//! Tables that are to be completed: which cells of the learnt columns are known, and values put into those that are not.
//!
//! Such a table is read without texts that mean "no value", so that every cell comes out as it stands. What means that in a learnt column is
//! found here.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, StringArray};
use arrow_cast::cast;
use arrow_schema::DataType;

use super::{ColumnKind, Field, Other, Reason, Schema};
use crate::error::{Error, Result};
use crate::table::date::DateFormat;
use crate::table::frame::{Column, Frame, MISSING, word_of};
use crate::table::{Numeral, Table};

/// What a cell of a learnt column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// A value.
    Known,
    /// No value.
    Empty,
    /// Something that is no value of its column: a text among numbers, a date in another format.
    Unread,
}

/// The learnt columns of a table with holes.
#[derive(Clone, Debug)]
pub struct Holes {
    /// Their values, as [`Schema::parse_other`] reads them.
    pub frame: Frame,
    /// What each cell is, column by column.
    pub cells: Vec<Vec<Cell>>,
    /// Columns that are not there.
    pub lost: Vec<String>,
}

impl Schema {
    /// The learnt columns of `table`, which was read with no text that means "no value"; those in `missing` mean that here.
    ///
    /// # Errors
    /// When no column of the schema is there, or one cannot be read.
    pub fn holes(&self, table: &Table, missing: &[String]) -> Result<Holes> {
        let missing: HashSet<&str> = missing.iter().map(|token| token.trim()).collect();
        let mut blank = table.clone();
        for field in self.modelled() {
            let Ok(j) = table.index(&field.name) else { continue };
            if let Some(text) = table.columns[j].as_string_opt::<i32>() {
                let kept = text.iter().map(|cell| cell.filter(|cell| !missing.contains(cell.trim())));
                blank.columns[j] = Arc::new(kept.collect::<StringArray>());
            }
        }
        let Other { frame, lost, .. } = self.parse_other(&blank)?;
        let state = |(field, column): (&Field, &Column)| {
            let array = blank.index(&field.name).ok().map(|j| &blank.columns[j]);
            let is_nan =
                |a: &ArrayRef, i: usize| a.as_primitive_opt::<Float64Type>().is_some_and(|v| v.value(i).is_nan());
            let state = |i: usize| match (has_value(column, i), array) {
                (true, _) => Cell::Known,
                (false, Some(array)) if array.is_valid(i) && !is_nan(array, i) => Cell::Unread,
                (false, _) => Cell::Empty,
            };
            (0..table.rows).map(state).collect()
        };
        let cells = self.modelled().zip(&frame.columns).map(state).collect();
        Ok(Holes { frame, cells, lost })
    }
}

fn has_value(column: &Column, row: usize) -> bool {
    match column {
        Column::Number(v) => !v[row].is_nan() || word_of(v[row]).is_some(),
        Column::Category { codes, .. } => codes[row] != MISSING,
    }
}

/// How one column of a table is completed.
#[derive(Clone, Copy)]
enum How {
    /// It is not learnt.
    Kept,
    /// It is not learnt, and its text becomes whole numbers.
    Whole,
    /// It is not learnt, and is text; an empty one is none.
    Blank,
    /// Its holes are filled, and all else stays as it stands. The learnt column, and the field.
    Filled(usize, usize),
    /// It is written anew, as a column of the schema. The field.
    Anew(usize),
    /// It is not learnt, and made anew in the type that it has in the table: keys. The field.
    Made(usize),
}

/// Puts values into the holes of a table, all else as it stands.
pub struct Filler {
    how: Vec<How>,
    fields: Vec<Field>,
    /// The table that comes of it.
    schema: Schema,
    /// Whether a hole for which no value was made becomes an empty cell.
    empties: bool,
}

impl Filler {
    /// For `table` and what its learnt `cells` are. With `typed` what comes of it has types: columns of text become numbers and days
    /// where the schema says so and every cell can.
    pub fn new(schema: &Schema, table: &Table, cells: &[Vec<Cell>], typed: bool) -> Filler {
        let place = |name: &str| schema.fields.iter().position(|f| f.name == name && f.is_modelled());
        let of = |(j, name): (usize, &String)| {
            let text = table.columns[j].as_string_opt::<i32>();
            let Some(field) = place(name) else {
                return match text.filter(|_| typed && table.dialect.is_some()) {
                    Some(text) if are_whole(text) => How::Whole,
                    Some(_) => How::Blank,
                    None => How::Kept,
                };
            };
            let learnt = schema.fields[..field].iter().filter(|f| f.is_modelled()).count();
            let readable = !cells[learnt].contains(&Cell::Unread);
            let nothing = table.dialect.is_none() && text.is_some_and(|t| t.null_count() == t.len());
            match text.is_some() && readable && (typed && table.dialect.is_some() || nothing) {
                true => How::Anew(field),
                false => How::Filled(learnt, field),
            }
        };
        let how: Vec<How> = table.names.iter().enumerate().map(of).collect();
        let field = |(j, name): (usize, &String)| match how[j] {
            How::Anew(field) => Field { missing: String::new(), ..schema.fields[field].clone() },
            _ => Field {
                missing: table.missing_tokens[j].clone(),
                arrow: table.arrow[j].clone(),
                ..Field::new(name, ColumnKind::Text, Reason::Configured)
            },
        };
        let fields = table.names.iter().enumerate().map(field).collect();
        let made = Schema { fields, nest: table.nest.as_deref().cloned(), dialect: table.dialect };
        Filler { how, fields: schema.fields.clone(), schema: made, empties: false }
    }

    /// For rows that come of those of `table`: cells that are holes are replaced, also by none, and keys are made anew. `typed` as for
    /// [`Filler::new`].
    pub fn changing(schema: &Schema, table: &Table, typed: bool) -> Filler {
        let mut filler = Filler::new(schema, table, &vec![Vec::new(); schema.modelled().count()], typed);
        for (how, name) in filler.how.iter_mut().zip(&table.names) {
            let key =
                schema.fields.iter().position(|f| f.name == *name && matches!(f.kind, ColumnKind::Identifier { .. }));
            if let (Some(key), How::Kept | How::Whole | How::Blank) = (key, *how) {
                *how = How::Made(key);
            }
        }
        filler.empties = true;
        filler
    }

    /// What the completed table is written by.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Rows of the table completed: `holes` are the cells of the learnt columns that are filled, `made` the whole rows as
    /// [`Schema::render`] made them.
    ///
    /// # Errors
    /// When a value does not fit the type that its column has in the table.
    pub fn fill(&self, table: &Table, holes: &[Vec<bool>], made: &Table) -> Result<Table> {
        self.filled(table, Some(holes), made)
    }

    /// Rows of the table as they stand, in the form of what is written; `made` as for [`Filler::fill`].
    ///
    /// # Errors
    /// As [`Filler::fill`].
    pub fn as_they_stand(&self, table: &Table, made: &Table) -> Result<Table> {
        self.filled(table, None, made)
    }

    fn filled(&self, table: &Table, holes: Option<&[Vec<bool>]>, made: &Table) -> Result<Table> {
        let column = |(j, how): (usize, &How)| -> Result<ArrayRef> {
            match (how, holes) {
                (How::Whole, _) => {
                    let text = table.columns[j].as_string::<i32>();
                    Ok(Arc::new(
                        text.iter().map(|cell| cell.and_then(|c| c.parse::<i64>().ok())).collect::<Int64Array>(),
                    ))
                }
                (How::Blank, _) => {
                    let text = table.columns[j].as_string::<i32>();
                    Ok(Arc::new(text.iter().map(|cell| cell.filter(|c| !c.is_empty())).collect::<StringArray>()))
                }
                (How::Anew(field), _) => Ok(made.columns[*field].clone()),
                (How::Made(field), Some(_)) => {
                    let (column, name) = (&made.columns[*field], &self.fields[*field].name);
                    cast(column, table.columns[j].data_type()).map_err(|e| Error::column(name, e.to_string()))
                }
                (How::Filled(learnt, field), Some(holes)) => {
                    let arrow = self.schema.fields[j].arrow.as_deref();
                    let into = Into { field: &self.fields[*field], arrow, empties: self.empties };
                    into.filled(&table.columns[j], &holes[*learnt], &made.columns[*field])
                }
                (How::Kept | How::Made(_) | How::Filled(..), _) => Ok(table.columns[j].clone()),
            }
        };
        let columns = self.how.iter().enumerate().map(column).collect::<Result<_>>()?;
        Ok(Table { columns, ..table.clone() })
    }
}

/// Whether every cell that is not empty is a whole number in its shortest form.
fn are_whole(text: &StringArray) -> bool {
    let whole = |cell: &str| cell.parse::<i64>().is_ok_and(|x| x.to_string() == cell);
    text.iter().flatten().all(|cell| cell.is_empty() || whole(cell))
        && text.iter().flatten().any(|cell| !cell.is_empty())
}

/// A column whose holes are filled.
struct Into<'a> {
    field: &'a Field,
    /// Its type in the table.
    arrow: Option<&'a str>,
    /// Whether a hole for which there is no value becomes empty.
    empties: bool,
}

impl Into<'_> {
    fn filled(&self, column: &ArrayRef, holes: &[bool], made: &ArrayRef) -> Result<ArrayRef> {
        if !holes.contains(&true) {
            return Ok(column.clone());
        }
        let numbers = matches!(made.data_type(), DataType::Int64 | DataType::Float64);
        Ok(match column.data_type() {
            DataType::Int64 => {
                let (old, new) = (column.as_primitive::<Int64Type>(), self.cast(made, &DataType::Int64, numbers)?);
                let new = new.as_primitive::<Int64Type>();
                let of = |(i, &hole): (usize, &bool)| if hole { opt(new, i) } else { opt(old, i) };
                Arc::new(holes.iter().enumerate().map(of).collect::<Int64Array>())
            }
            DataType::Float64 => {
                let (old, new) = (column.as_primitive::<Float64Type>(), self.cast(made, &DataType::Float64, numbers)?);
                let new = new.as_primitive::<Float64Type>();
                let of = |(i, &hole): (usize, &bool)| if hole { opt(new, i) } else { opt(old, i) };
                Arc::new(holes.iter().enumerate().map(of).collect::<Float64Array>())
            }
            _ => {
                let old = column.as_string::<i32>();
                let mut out = StringBuilder::new();
                let mut cell = Vec::new();
                for (i, &hole) in holes.iter().enumerate() {
                    if !hole {
                        out.append_option(old.is_valid(i).then(|| old.value(i)));
                        continue;
                    }
                    cell.clear();
                    match self.text(made, i, &mut cell) {
                        // All that was pushed is text.
                        true => out.append_value(String::from_utf8_lossy(&cell)),
                        false if self.empties => out.append_null(),
                        // What could not be filled stays.
                        false => out.append_option(old.is_valid(i).then(|| old.value(i))),
                    }
                }
                Arc::new(out.finish())
            }
        })
    }

    /// Numbers as numbers of another type, texts as what they say; a value that is lost is an error.
    fn cast(&self, made: &ArrayRef, to: &DataType, numbers: bool) -> Result<ArrayRef> {
        let lossy = numbers && *to == DataType::Int64 && *made.data_type() == DataType::Float64;
        let fits = |v: &Float64Array| v.iter().flatten().all(|x| x.fract() == 0.0 && x.abs() < 9e15);
        let refused = || {
            let what = format!(
                "holds whole numbers in this file, and values of another kind in what was learnt; \
                                give it as text or decimals ({to})"
            );
            Error::column(&self.field.name, what)
        };
        if lossy && !fits(made.as_primitive::<Float64Type>()) {
            return Err(refused());
        }
        let new = cast(made, to).map_err(|_| refused())?;
        if new.null_count() > made.null_count() { Err(refused()) } else { Ok(new) }
    }

    /// Appends a value as the column writes it; false where there is none.
    fn text(&self, made: &ArrayRef, row: usize, out: &mut Vec<u8>) -> bool {
        if made.is_null(row) {
            return false;
        }
        let numeral: &Numeral = &self.field.numeral;
        match made.data_type() {
            DataType::Int64 => numeral.push_whole(made.as_primitive::<Int64Type>().value(row), out),
            DataType::Float64 => numeral.push(made.as_primitive::<Float64Type>().value(row), out),
            _ => {
                let text = made.as_string::<i32>().value(row);
                let digits = numeral.wide.is_some() && numeral.words.is_empty() && !self.field.is_dressed_text();
                match (&self.field.kind, self.arrow) {
                    _ if digits => numeral.push_plain(text, out),
                    (ColumnKind::Datetime { format }, Some(_)) => out.extend(iso(text, format).bytes()),
                    _ => out.extend_from_slice(text.as_bytes()),
                }
            }
        }
        true
    }
}

fn opt<T: arrow_array::ArrowPrimitiveType>(array: &arrow_array::PrimitiveArray<T>, i: usize) -> Option<T::Native> {
    array.is_valid(i).then(|| array.value(i))
}

/// A day or time in `format` as readers give those of files with types.
fn iso(text: &str, format: &str) -> String {
    match DateFormat::new(format).parse(text) {
        Some(_) if format.starts_with("%Y-%m-%d") || format.starts_with("%H") => text.to_owned(),
        Some(seconds) if DateFormat::new(format).is_day() => DateFormat::new("%Y-%m-%d").text(seconds),
        Some(seconds) => DateFormat::new("%Y-%m-%dT%H:%M:%S").text(seconds),
        None => text.to_owned(),
    }
}

/// A column that is not learnt: what is `given`, and what was `made` where nothing is or one of the texts that mean "no value".
pub fn given_or(given: &StringArray, made: &ArrayRef, missing: &[String]) -> ArrayRef {
    let own = |i: usize| {
        let cell = given.is_valid(i).then(|| given.value(i))?;
        (!missing.iter().any(|token| token.trim() == cell.trim())).then_some(cell)
    };
    let rows = 0..given.len();
    if *made.data_type() == DataType::Int64 {
        let made = made.as_primitive::<Int64Type>();
        let whole = |i: usize| match own(i) {
            Some(cell) => cell.parse::<i64>().ok().filter(|x| x.to_string() == cell).map(Some),
            None => Some(made.is_valid(i).then(|| made.value(i))),
        };
        if let Some(whole) = rows.clone().map(whole).collect::<Option<Vec<_>>>() {
            return Arc::new(Int64Array::from(whole));
        }
        let text = |i: usize| own(i).map(str::to_owned).or_else(|| made.is_valid(i).then(|| made.value(i).to_string()));
        return Arc::new(rows.map(text).collect::<StringArray>());
    }
    let made = made.as_string_opt::<i32>();
    let text = |i: usize| own(i).or_else(|| made.filter(|m| m.is_valid(i)).map(|m| m.value(i)));
    Arc::new(rows.map(text).collect::<StringArray>())
}
