//! Tables as batches of Arrow's types: those of the source where it has types, else those that follow from the kinds.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, FixedSizeListArray, Float64Array, Int64Array, LargeListArray, MapArray,
    RecordBatch, StringArray, StructArray, TimestampMicrosecondArray, make_array, new_empty_array, new_null_array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_cast::{cast, cast_with_options};
use arrow_schema::{ArrowError, DataType, Field as ArrowField, FieldRef, Schema as ArrowSchema, TimeUnit};
use arrow_select::interleave::interleave;
use rustc_hash::FxHashMap;

use super::columnar::{STRICT, retyped};
use crate::error::{Error, Result};
use crate::table::Table;
use crate::table::date::DateFormat;
use crate::table::nest::{Node, Shape, pruned};
use crate::table::schema::{ColumnKind, Field, Schema};

/// Under this key Polars writes the words of an `Enum` in their order.
const POLARS_ENUM: &str = "_PL_ENUM_VALUES2";

/// Makes batches of tables that are all of one schema.
pub(super) struct Typed {
    pub(super) schema: Arc<ArrowSchema>,
    columns: Vec<Column>,
    /// Of each column of the table the type that it is written in.
    kinds: Vec<DataType>,
    formats: Vec<Option<DateFormat>>,
    /// The words of columns of categories, in the order in which they are written.
    words: Vec<Words>,
}

/// The words of a column of categories so far. A file of Arrow takes new ones behind those that it has, and no others.
#[derive(Default)]
struct Words {
    places: FxHashMap<String, i64>,
    list: Vec<String>,
}

impl Words {
    fn place(&mut self, word: &str) -> i64 {
        if let Some(&place) = self.places.get(word) {
            return place;
        }
        let place = self.list.len() as i64;
        self.places.insert(word.to_owned(), place);
        self.list.push(word.to_owned());
        place
    }

    /// `array` as places in the words.
    fn encode(&mut self, array: &ArrayRef, kind: &DataType) -> Result<ArrayRef, ArrowError> {
        let DataType::Dictionary(key, value) = kind else {
            return cast_with_options(array, kind, &STRICT);
        };
        let text = cast(array, &DataType::Utf8)?;
        let keys: Int64Array = text.as_string::<i32>().iter().map(|t| t.map(|t| self.place(t))).collect();
        let keys = cast_with_options(&keys, key, &STRICT)?;
        let words: ArrayRef = Arc::new(StringArray::from_iter_values(&self.list));
        let words = cast_with_options(&words, value, &STRICT)?;
        let data = keys.into_data().into_builder().data_type(kind.clone()).add_child_data(words.into_data());
        Ok(make_array(data.build()?))
    }
}

/// One column of the file.
pub(super) enum Column {
    /// A column of the table.
    Plain(usize),
    Nested(Node),
}

/// The columns that a file of `schema` has: those that hold others stand where the first of these is.
pub(super) fn columns(schema: &Schema) -> Vec<Column> {
    let nodes = schema.nest.as_ref().map_or(&[][..], |n| &n.nodes);
    let mut owner: HashMap<&str, usize> = HashMap::new();
    for (i, node) in nodes.iter().enumerate() {
        let mut names = Vec::new();
        node.columns(&mut names);
        owner.extend(names.into_iter().map(|n| (n, i)));
    }
    let mut done = vec![false; nodes.len()];
    let mut columns = Vec::new();
    for (j, field) in schema.fields.iter().enumerate() {
        match owner.get(field.name.as_str()) {
            None => columns.push(Column::Plain(j)),
            Some(&i) if !std::mem::replace(&mut done[i], true) => columns.push(Column::Nested(nodes[i].clone())),
            Some(_) => {}
        }
    }
    columns
}

impl Typed {
    /// The types of the source, else those of `table`, else those that follow from the kinds. A format that keeps categories
    /// `by_rows`, in the order in which rows have them, can say that they are ordered only where that is their order.
    pub(super) fn new(schema: &Schema, table: Option<&Table>, by_rows: bool) -> Typed {
        let here = |j: usize| table.map(|t| &t.columns[j]);
        let kinds: Vec<DataType> = schema.fields.iter().enumerate().map(|(j, f)| kind(f, here(j))).collect();
        let places = places(schema);
        let known = |name: &str| schema.nest.as_ref()?.fields.iter().find(|f| f.name() == name);
        let columns = columns(schema);
        let field = |column: &Column| match column {
            Column::Plain(j) => {
                let (field, kind) = (&schema.fields[*j], &kinds[*j]);
                // What is asked to be blank is so in a column that never was.
                let blank = here(*j).is_some_and(|a| a.null_count() > 0) && !field.is_modelled();
                match known(&field.name).filter(|f| f.data_type() == kind) {
                    Some(known) => {
                        let ordered = known.dict_is_ordered() == Some(true)
                            && (!by_rows
                                || known.metadata().contains_key(POLARS_ENUM)
                                || here(*j).is_some_and(|a| is_in_order(schema, &field.name, a)));
                        known.clone().with_nullable(known.is_nullable() || blank).with_dict_is_ordered(ordered)
                    }
                    None => ArrowField::new(&field.name, kind.clone(), true),
                }
            }
            Column::Nested(node) => match known(&node.name) {
                Some(known) => pruned(node, known),
                None => {
                    derived(node, &node.name, &|name| places.get(name).map_or(DataType::Utf8, |&j| kinds[j].clone()))
                }
            },
        };
        let fields: Vec<ArrowField> = columns.iter().map(field).collect();
        let pandas = schema.nest.as_ref().and_then(|n| n.pandas.clone());
        let metadata: HashMap<String, String> = pandas.map(|p| ("pandas".to_owned(), p)).into_iter().collect();
        let formats = schema.fields.iter().map(|f| match &f.kind {
            ColumnKind::Datetime { format } => Some(DateFormat::new(format)),
            _ => None,
        });
        Typed {
            schema: Arc::new(ArrowSchema::new_with_metadata(fields, metadata)),
            columns,
            kinds,
            formats: formats.collect(),
            words: schema.fields.iter().map(|f| ordered(schema, &f.name)).collect(),
        }
    }

    /// The rows of `table` as they are written.
    pub(super) fn batch(&mut self, table: &Table, schema: &Schema) -> Result<RecordBatch> {
        let cells: Vec<ArrayRef> = (0..self.kinds.len())
            .map(|j| {
                let words = &mut self.words[j];
                native(&table.columns[j], &self.kinds[j], &schema.fields[j], self.formats[j].as_ref(), words)
            })
            .collect::<Result<_>>()?;
        let build = Build { cells, places: places(schema) };
        let mut arrays = Vec::with_capacity(self.columns.len());
        for (column, field) in self.columns.iter().zip(self.schema.fields()) {
            let array = match column {
                Column::Plain(j) if field.is_nullable() => build.cells[*j].clone(),
                Column::Plain(j) => filled(&build.cells[*j], &schema.fields[*j]).unwrap_or(build.cells[*j].clone()),
                Column::Nested(node) => build.array(node, field, table.rows, None)?,
            };
            if !field.is_nullable() && array.null_count() > 0 {
                return Err(never_missing(field.name()));
            }
            arrays.push(array);
        }
        RecordBatch::try_new(self.schema.clone(), arrays)
            .map_err(|e| Error::column(table.names.first().map_or("", |n| n), format!("cannot be written ({e})")))
    }
}

/// The words of an ordered column of categories, in their order.
fn ordered(schema: &Schema, name: &str) -> Words {
    let mut words = Words::default();
    let known = schema.nest.as_ref().and_then(|n| n.orders.get(name));
    known.into_iter().flatten().for_each(|word| {
        words.place(word);
    });
    words
}

/// Whether rows have the words of an ordered column for the first time in their order.
fn is_in_order(schema: &Schema, name: &str, array: &ArrayRef) -> bool {
    let (mut words, Ok(text)) = (Words::default(), cast(array, &DataType::Utf8)) else { return false };
    for word in text.as_string::<i32>().iter().flatten() {
        words.place(word);
    }
    schema.nest.as_ref().and_then(|n| n.orders.get(name)).is_some_and(|order| *order == words.list)
}

fn places(schema: &Schema) -> HashMap<&str, usize> {
    schema.fields.iter().enumerate().map(|(j, f)| (f.name.as_str(), j)).collect()
}

/// `array` with what stands for a missing value in a column that has no nulls: not-a-number, or a text that means it.
fn filled(array: &ArrayRef, field: &Field) -> Option<ArrayRef> {
    let kind = array.data_type();
    if array.null_count() == 0 {
        return None;
    }
    let filled: ArrayRef = if kind.is_floating() {
        let real = cast(array, &DataType::Float64).ok()?;
        Arc::new(real.as_primitive::<Float64Type>().iter().map(|x| x.unwrap_or(f64::NAN)).collect::<Float64Array>())
    } else if kind.is_string() {
        let text = cast(array, &DataType::Utf8).ok()?;
        let text = text.as_string::<i32>().iter().map(|t| Some(t.unwrap_or(&field.missing)));
        Arc::new(text.collect::<StringArray>())
    } else {
        return None;
    };
    cast(&filled, kind).ok()
}

fn never_missing(column: &str) -> Error {
    let what =
        "has no value in some rows, and in the source it always has one; write .csv or .jsonl, which declare nothing";
    Error::column(column, what)
}

/// The type that a column is written in; `here` are the first of its cells.
fn kind(field: &Field, here: Option<&ArrayRef>) -> DataType {
    if let Some(source) = field.arrow.as_deref().and_then(|t| t.parse().ok()) {
        return source;
    }
    let text = here.and_then(|a| a.as_string_opt::<i32>());
    match &field.kind {
        ColumnKind::Boolean if text.is_none_or(|t| t.iter().flatten().all(|t| truth(t).is_some())) => DataType::Boolean,
        ColumnKind::Datetime { format } => calendar(format).unwrap_or(DataType::Utf8),
        ColumnKind::Integer | ColumnKind::Decimal { .. } if text.is_some() => text.map_or(DataType::Utf8, digits),
        _ => here.map_or_else(|| default_type(field), |a| a.data_type().clone()),
    }
}

fn default_type(field: &Field) -> DataType {
    match &field.kind {
        ColumnKind::Integer | ColumnKind::Categorical { numeric: true } => DataType::Int64,
        ColumnKind::Decimal { .. } => DataType::Float64,
        ColumnKind::Boolean => DataType::Boolean,
        ColumnKind::Identifier { shape } if shape.is_integer() => DataType::Int64,
        _ => DataType::Utf8,
    }
}

/// The word for yes or no as what it means.
pub(super) fn truth(word: &str) -> Option<bool> {
    let is = |words: [&str; 5]| words.iter().any(|w| w.eq_ignore_ascii_case(word));
    match (is(["true", "yes", "t", "y", "on"]), is(["false", "no", "f", "n", "off"])) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

/// The type of a day or a time of day without an offset, written in `format`; nothing else has one that keeps all of it.
fn calendar(format: &str) -> Option<DataType> {
    let has = |letters: &[&str]| letters.iter().any(|l| format.contains(l));
    let finer = ["%z", "%:z", "%::z", "%:::z", "%Z", "%Q", "%s", "%N", "%9f", "%.9f", "%.f", "%f", "%.7f", "%.8f"];
    let day =
        has(&["%Y", "%y"]) && has(&["%m", "%-m", "%b", "%B", "%h"]) && has(&["%d", "%-d", "%e"]) || has(&["%F", "%D"]);
    if !day || has(&finer) {
        return None;
    }
    let hour = has(&["%H", "%-H", "%I", "%-I", "%k", "%l", "%T", "%R"]);
    Some(if hour { DataType::Timestamp(TimeUnit::Microsecond, None) } else { DataType::Date32 })
}

/// The type of numbers that come as text, to the last digit.
fn digits(text: &StringArray) -> DataType {
    let (mut most, mut scale) = (0, 0);
    for text in text.iter().flatten() {
        if !is_number(text) || text.contains(['e', 'E']) {
            return DataType::Utf8;
        }
        let fraction = text.split_once('.').map_or(0, |(_, f)| f.len());
        most = most.max(text.bytes().filter(u8::is_ascii_digit).count());
        scale = scale.max(fraction);
    }
    match (most, scale) {
        (..=15, 0) => DataType::Int64,
        (..=15, _) => DataType::Float64,
        (_, 0..=30) => DataType::Decimal128(38, scale as i8),
        _ => DataType::Utf8,
    }
}

/// Whether the text is a number as JSON writes it.
pub(super) fn is_number(text: &str) -> bool {
    let whole = text.strip_prefix('-').unwrap_or(text);
    let digits = whole.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 || digits > 1 && whole.starts_with('0') {
        return false;
    }
    let mut rest = &whole[digits..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return false;
        }
        rest = &fraction[digits..];
    }
    match rest.strip_prefix(['e', 'E']) {
        None => rest.is_empty(),
        Some(exponent) => {
            let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
        }
    }
}

/// A table's column as the type that the source had.
fn native(
    array: &ArrayRef,
    kind: &DataType,
    field: &Field,
    format: Option<&DateFormat>,
    words: &mut Words,
) -> Result<ArrayRef> {
    let failed = |e: ArrowError| {
        let source = if field.arrow.is_some() { "of the source" } else { "that its first rows have" };
        let what = format!("does not fit the type {kind} {source} ({e}); write .csv or .jsonl, which have no types");
        Error::column(&field.name, what)
    };
    let odd = |text: &str| failed(ArrowError::CastError(format!("`{text}`")));
    if kind == array.data_type() {
        return Ok(array.clone());
    }
    if let (None, Some(text)) = (&field.arrow, array.as_string_opt::<i32>()) {
        let seconds = |t: &str| format.and_then(|f| f.parse(t)).ok_or_else(|| odd(t));
        let each = |t: Option<&str>| t.map(seconds).transpose();
        match kind {
            DataType::Boolean => {
                let bits = text.iter().map(|t| t.map(|t| truth(t).ok_or_else(|| odd(t))).transpose());
                return Ok(Arc::new(bits.collect::<Result<BooleanArray>>()?));
            }
            DataType::Date32 => {
                let days = text.iter().map(|t| Ok(each(t)?.map(|s| (s / 86_400.0).floor() as i32)));
                return Ok(Arc::new(days.collect::<Result<Date32Array>>()?));
            }
            DataType::Timestamp(TimeUnit::Microsecond, None) => {
                let micros = text.iter().map(|t| Ok(each(t)?.map(|s| (s * 1e6).round() as i64)));
                return Ok(Arc::new(micros.collect::<Result<TimestampMicrosecondArray>>()?));
            }
            _ => {}
        }
    }
    match kind {
        DataType::Timestamp(unit, Some(_)) => {
            let utc = cast_with_options(array, &DataType::Timestamp(*unit, None), &STRICT).map_err(failed)?;
            retyped(&utc, kind.clone()).map_err(failed)
        }
        DataType::Duration(_) => {
            let whole = cast_with_options(array, &DataType::Int64, &STRICT).map_err(failed)?;
            retyped(&whole, kind.clone()).map_err(failed)
        }
        // Nothing but nulls fits the null type, and what a null column should hold is nothing.
        DataType::Null => Ok(new_null_array(kind, array.len())),
        DataType::Dictionary(..) => words.encode(array, kind).map_err(failed),
        _ => cast_with_options(array, kind, &STRICT).map_err(failed),
    }
}

/// The type of what a source without types holds; `leaf` is that of a column.
fn derived(node: &Node, name: &str, leaf: &dyn Fn(&str) -> DataType) -> ArrowField {
    let kind = match &node.shape {
        Shape::Column(column) => leaf(column),
        Shape::Object(nodes) | Shape::Map(nodes) => {
            DataType::Struct(nodes.iter().map(|n| Arc::new(derived(n, &n.name, leaf))).collect())
        }
        Shape::List { items, .. } => {
            let found = items.iter().map(|n| derived(n, "element", leaf)).reduce(united);
            DataType::List(Arc::new(found.unwrap_or_else(|| ArrowField::new("element", DataType::Null, true))))
        }
    };
    ArrowField::new(name, kind, true)
}

/// A type for what is of either.
fn united(a: ArrowField, b: ArrowField) -> ArrowField {
    let kind = match (a.data_type(), b.data_type()) {
        (DataType::Struct(a), DataType::Struct(b)) => {
            let mut fields: Vec<FieldRef> = a.iter().cloned().collect();
            for field in b {
                match fields.iter_mut().find(|f| f.name() == field.name()) {
                    Some(same) => *same = Arc::new(united(same.as_ref().clone(), field.as_ref().clone())),
                    None => fields.push(field.clone()),
                }
            }
            DataType::Struct(fields.into())
        }
        (DataType::List(a), DataType::List(b)) => {
            DataType::List(Arc::new(united(a.as_ref().clone(), b.as_ref().clone())))
        }
        (a, b) if a == b => a.clone(),
        (DataType::Null, other) | (other, DataType::Null) => other.clone(),
        (DataType::Int64, DataType::Float64) | (DataType::Float64, DataType::Int64) => DataType::Float64,
        _ => DataType::Utf8,
    };
    a.with_data_type(kind)
}

/// Builds what holds columns out of them.
struct Build<'a> {
    cells: Vec<ArrayRef>,
    places: HashMap<&'a str, usize>,
}

impl Build<'_> {
    /// The array of `node`; only rows that are `alive` are looked at later.
    fn array(&self, node: &Node, field: &ArrowField, rows: usize, alive: Option<&NullBuffer>) -> Result<ArrayRef> {
        let failed =
            |e: ArrowError| Error::column(&node.name, format!("cannot be built again ({e}); write .jsonl or .csv"));
        match (&node.shape, field.data_type()) {
            (Shape::Column(name), kind) => match self.places.get(name.as_str()) {
                Some(&j) => match self.cells[j].data_type() == kind {
                    true => Ok(self.cells[j].clone()),
                    false => cast_with_options(&self.cells[j], kind, &STRICT).map_err(failed),
                },
                None => Ok(new_null_array(kind, rows)),
            },
            (Shape::Object(nodes) | Shape::Map(nodes), DataType::Struct(fields)) => {
                let mut columns = Vec::with_capacity(fields.len());
                let mut there: Vec<bool> = (0..rows)
                    .map(|row| alive.is_none_or(|a| a.is_valid(row)) && (!node.absent || self.has_value(node, row)))
                    .collect();
                let here = NullBuffer::from(there.clone());
                for field in fields {
                    let inner = nodes.iter().find(|n| n.name == *field.name());
                    let array = match inner {
                        Some(inner) => self.array(inner, field, rows, Some(&here))?,
                        None => new_null_array(field.data_type(), rows),
                    };
                    if !field.is_nullable() {
                        there.iter_mut().enumerate().for_each(|(row, t)| *t &= array.is_valid(row));
                    }
                    columns.push(array);
                }
                let nulls = there.contains(&false).then(|| NullBuffer::from(there));
                Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, nulls, rows).map_err(failed)?))
            }
            (Shape::Map(nodes), DataType::Map(entries, sorted)) => {
                self.map(node, nodes, entries, *sorted, rows).map_err(failed)?
            }
            (Shape::List { count, items }, kind) => self.list(node, count.as_deref(), items, kind, rows),
            (_, kind) => Err(failed(ArrowError::CastError(format!("it is {kind} in the source")))),
        }
    }

    /// Whether some column in it has a value in this row.
    fn has_value(&self, node: &Node, row: usize) -> bool {
        let valid = |name: &str| self.places.get(name).is_some_and(|&j| self.cells[j].is_valid(row));
        match &node.shape {
            Shape::Column(name) => valid(name),
            Shape::Object(nodes) | Shape::Map(nodes) => nodes.iter().any(|n| self.has_value(n, row)),
            Shape::List { count: Some(count), .. } => valid(count),
            Shape::List { items, .. } => items.iter().any(|n| self.has_value(n, row)),
        }
    }

    fn map(
        &self,
        node: &Node,
        nodes: &[Node],
        entries: &FieldRef,
        sorted: bool,
        rows: usize,
    ) -> Result<Result<ArrayRef>, ArrowError> {
        let DataType::Struct(fields) = entries.data_type() else {
            return Err(ArrowError::CastError("its entries are no struct".to_owned()));
        };
        let [key, value] = fields.iter().as_slice() else {
            return Err(ArrowError::CastError("its entries are no pairs".to_owned()));
        };
        let mut columns = Vec::with_capacity(nodes.len());
        for node in nodes {
            match self.array(node, value, rows, None) {
                Ok(array) => columns.push(array),
                Err(e) => return Ok(Err(e)),
            }
        }
        let (mut at, mut names, mut lengths) = (Vec::new(), Vec::new(), Vec::with_capacity(rows));
        for row in 0..rows {
            let before = at.len();
            for (k, column) in columns.iter().enumerate().filter(|(_, c)| c.is_valid(row)) {
                debug_assert!(column.len() == rows);
                at.push((k, row));
                names.push(nodes[k].name.as_str());
            }
            lengths.push(at.len() - before);
        }
        let nulls = node.absent.then(|| NullBuffer::from_iter(lengths.iter().map(|&n| n > 0)));
        let names = cast(&StringArray::from(names), key.data_type())?;
        let values = gathered(&columns, &at, value.data_type())?;
        let entries_array = StructArray::try_new(fields.clone(), vec![names, values], None)?;
        let offsets = OffsetBuffer::from_lengths(lengths);
        Ok(Ok(Arc::new(MapArray::try_new(entries.clone(), offsets, entries_array, nulls, sorted)?)))
    }

    fn list(&self, node: &Node, count: Option<&str>, items: &[Node], kind: &DataType, rows: usize) -> Result<ArrayRef> {
        use DataType::*;
        let failed =
            |e: ArrowError| Error::column(&node.name, format!("cannot be built again ({e}); write .jsonl or .csv"));
        let (List(item) | LargeList(item) | ListView(item) | LargeListView(item) | FixedSizeList(item, _)) = kind
        else {
            return Err(failed(ArrowError::CastError(format!("it is {kind} in the source"))));
        };
        let counted = count.and_then(|c| self.places.get(c)).map(|&j| &self.cells[j]);
        let counts = match counted {
            Some(array) => Some(cast(array, &Int64).map_err(failed)?),
            None => None,
        };
        let length = |row: usize| match &counts {
            None => Some(items.len()),
            Some(counts) if counts.is_null(row) => None,
            Some(counts) => Some(counts.as_primitive::<Int64Type>().value(row).clamp(0, items.len() as i64) as usize),
        };
        let lengths: Vec<Option<usize>> = (0..rows).map(length).collect();
        let mut columns = Vec::with_capacity(items.len());
        for (i, inner) in items.iter().enumerate() {
            let alive = NullBuffer::from_iter(lengths.iter().map(|n| n.is_some_and(|n| i < n)));
            columns.push(self.array(inner, item, rows, Some(&alive))?);
        }
        let fixed = if let FixedSizeList(_, n) = kind { Some(*n as usize) } else { None };
        let mut at = Vec::new();
        let mut sizes = Vec::with_capacity(rows);
        for (row, length) in lengths.iter().enumerate() {
            let before = at.len();
            let length = fixed.filter(|_| length.is_some()).unwrap_or(length.unwrap_or(0)).min(columns.len());
            let kept = |i: &usize| fixed.is_some() || items[*i].absent || columns[*i].is_valid(row);
            at.extend((0..length).filter(kept).map(|i| (i, row)));
            sizes.push(at.len() - before);
        }
        let there: Vec<bool> = lengths.iter().map(Option::is_some).collect();
        let nulls = there.contains(&false).then(|| NullBuffer::from(there));
        if let FixedSizeList(item, n) = kind {
            // Missing lists have room for their items too.
            let at: Vec<(usize, usize)> = (0..rows).flat_map(|row| (0..columns.len()).map(move |i| (i, row))).collect();
            let values = gathered(&columns, &at, item.data_type()).map_err(failed)?;
            return Ok(Arc::new(FixedSizeListArray::try_new(item.clone(), *n, values, nulls).map_err(failed)?));
        }
        let values = gathered(&columns, &at, item.data_type()).map_err(failed)?;
        if !item.is_nullable() && values.null_count() > 0 {
            return Err(never_missing(&node.name));
        }
        let offsets = OffsetBuffer::from_lengths(sizes);
        let list = LargeListArray::try_new(item.clone(), offsets, values, nulls).map_err(failed)?;
        cast(&list, kind).map_err(failed)
    }
}

/// The values of `columns` at these places: which column, and which row of it.
fn gathered(columns: &[ArrayRef], at: &[(usize, usize)], kind: &DataType) -> Result<ArrayRef, ArrowError> {
    match at.is_empty() {
        true => Ok(new_empty_array(kind)),
        false => interleave(&columns.iter().map(|c| c.as_ref()).collect::<Vec<_>>(), at),
    }
}
