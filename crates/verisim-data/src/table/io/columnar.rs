//! Reading formats that hold columns of Arrow's types, batch by batch: Parquet and Arrow's own.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, NullArray, RecordBatch, UInt64Array, make_array};
use arrow_buffer::NullBuffer;
use arrow_cast::{CastOptions, cast, cast_with_options};
use arrow_schema::{ArrowError, DataType, Field as ArrowField, Fields, Schema as ArrowSchema};
use arrow_select::concat::concat;
use arrow_select::take::take;

use super::branch::{Branch, Cells, Flat, Inner, MOST_COLUMNS, MOST_DEEP, Room, Root};
use super::cells::{Chunked, Missing, TextColumn, check_names, commonest};
use super::settings::ReadSettings;
use crate::error::{Error, Result};
use crate::table::Table;
use crate::table::nest::Nest;

/// Rows decoded at once: large enough to be fast, small enough for the cache.
const BATCH: usize = 1 << 16;

pub(super) type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>;

/// Opens a file of some format: the batches of the columns at these places, or of all, of about so many rows.
pub(super) type Open = fn(&Path, Option<&[usize]>, usize) -> Result<(Arc<ArrowSchema>, Batches)>;

/// Does `read`, which decodes bytes of a file that may be damaged. The decoders are known to panic on some of those, where they
/// trust a length or an offset; that is the file's fault, and becomes an error like any other.
pub(super) fn guarded<T>(path: &Path, what: &str, read: impl FnOnce() -> Result<T, String>) -> Result<T> {
    let read = match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read,
        Err(_) => Err("its parts contradict each other".to_owned()),
    };
    read.map_err(|e| Error::file(path, format!("is not a whole {what} file ({e}); write, copy or download it again")))
}

pub(super) struct Reader {
    path: PathBuf,
    what: &'static str,
    batches: Batches,
    schema: Arc<ArrowSchema>,
    roots: Vec<Root<Parts>>,
    wanted: Option<Vec<String>>,
    missing: Missing,
    /// The words of ordered columns of categories.
    orders: BTreeMap<String, Vec<String>>,
}

impl Reader {
    pub(super) fn open(
        path: &Path,
        settings: &ReadSettings,
        rows: usize,
        what: &'static str,
        open: Open,
    ) -> Result<Reader> {
        let batch = rows.clamp(1, BATCH);
        let (schema, batches) = open(path, None, batch)?;
        let all: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
        check_names(path, &all)?;
        let wanted = settings.columns.clone();
        let chosen: Vec<usize> = match &wanted {
            None => (0..all.len()).collect(),
            Some(wanted) => {
                let unknown = wanted.iter().find(|w| !all.iter().any(|root| is_of(w, root)));
                if let Some(unknown) = unknown {
                    return Err(Error::no_column(unknown, &all));
                }
                (0..all.len()).filter(|&j| wanted.iter().any(|w| is_of(w, &all[j]))).collect()
            }
        };
        let missing = Missing::new(&settings.missing);
        let roots = chosen.iter().map(|&j| Root::new(&all[j])).collect();
        let (schema, batches) = match chosen.len() == all.len() {
            true => (schema, batches),
            false => open(path, Some(&chosen), batch)?,
        };
        let mut reader =
            Reader { path: path.to_owned(), what, batches, schema, roots, wanted, missing, orders: BTreeMap::new() };
        reader.outline()?;
        // What lists and maps hold shows only at the end, and each chunk must have the same columns.
        let nested: Vec<usize> = (0..all.len())
            .filter(|j| {
                chosen.contains(j) && reader.schema.field_with_name(&all[*j]).is_ok_and(|f| is_open(f.data_type()))
            })
            .collect();
        if rows < usize::MAX && !nested.is_empty() {
            let batches = open(path, Some(&nested), batch)?.1;
            let own = std::mem::replace(&mut reader.batches, batches);
            while reader.gather(batch)? > 0 {
                reader.flat();
            }
            reader.batches = own;
        }
        Ok(reader)
    }

    /// Grows the branches whose columns the types tell, so that they are in the order of the file.
    fn outline(&mut self) -> Result<()> {
        let empty = RecordBatch::new_empty(self.schema.clone());
        self.add(&empty, 0)
    }

    /// Adds a batch that comes after `before` rows.
    fn add(&mut self, batch: &RecordBatch, before: usize) -> Result<()> {
        for root in &mut self.roots {
            // By name: the file keeps its own order of columns.
            let Some((place, field)) = batch.schema_ref().column_with_name(&root.name) else { continue };
            let array = batch.column(place);
            if field.dict_is_ordered() == Some(true) {
                note_order(self.orders.entry(root.name.clone()).or_default(), array);
            }
            let mut context = Context { column: &root.name, missing: &self.missing, before, room: &mut root.room };
            context.grow(&mut root.branch, array, None, 0)?;
            root.check_room();
        }
        Ok(())
    }

    /// Reads `rows` rows or a little more into the branches; how many there were.
    fn gather(&mut self, rows: usize) -> Result<usize> {
        let mut count = 0;
        while count < rows {
            let batches = &mut self.batches;
            let batch =
                guarded(&self.path, self.what, || batches.next().transpose().map_err(|e: ArrowError| e.to_string()))?;
            let Some(batch) = batch else { break };
            self.add(&batch, count)?;
            count += batch.num_rows();
        }
        Ok(count)
    }

    fn flat(&mut self) -> Flat<Parts> {
        let tokens = self.missing.tokens.len();
        Flat::of(&mut self.roots, &|| Parts::new(&DataType::Null, tokens))
    }

    fn nest(&self, flat: &Flat<Parts>) -> Nest {
        let noted = |f: &&Arc<ArrowField>| {
            !f.is_nullable()
                || !f.metadata().is_empty()
                || f.dict_is_ordered() == Some(true)
                || f.data_type().is_nested()
        };
        let left = |f: &&Arc<ArrowField>| {
            self.roots.iter().any(|r| r.name == *f.name() && !matches!(r.branch.inner, Inner::Out(_)))
        };
        let fields = self.schema.fields().iter().filter(left).filter(noted);
        Nest {
            fields: fields.map(|f| f.as_ref().clone()).collect(),
            pandas: self.schema.metadata().get("pandas").cloned(),
            nodes: flat.nodes.clone(),
            orders: self.orders.clone(),
            ..Nest::default()
        }
    }
}

/// Adds the words of a batch of categories to those that are known, in their order.
fn note_order(words: &mut Vec<String>, array: &ArrayRef) {
    let Some(values) = array.as_any_dictionary_opt().and_then(|d| cast(d.values(), &DataType::Utf8).ok()) else {
        return;
    };
    for word in values.as_string::<i32>().iter().flatten() {
        if !words.iter().any(|w| w == word) {
            words.push(word.to_owned());
        }
    }
}

/// Whether the column `wanted` of the table is the column `root` of the file or a part of it.
fn is_of(wanted: &str, root: &str) -> bool {
    wanted.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Whether the type leaves open how many columns it becomes.
fn is_open(kind: &DataType) -> bool {
    use DataType::*;
    match kind {
        List(_) | LargeList(_) | ListView(_) | LargeListView(_) | FixedSizeList(..) | Map(..) => true,
        Struct(fields) => fields.iter().any(|f| is_open(f.data_type())),
        _ => false,
    }
}

impl Chunked for Reader {
    fn next(&mut self, rows: usize) -> Result<Table> {
        let count = self.gather(rows)?;
        if count == 0 {
            return Ok(Table::default());
        }
        let mut flat = self.flat();
        let nest = self.nest(&flat);
        let mut tokens = Vec::new();
        let mut columns = Vec::new();
        let mut arrow = Vec::new();
        for (name, mut parts) in flat.names.iter().zip(std::mem::take(&mut flat.cells)) {
            parts.pad(count);
            tokens.push(commonest(&parts.seen, &self.missing));
            arrow.push(Some(parts.kind.to_string()));
            columns.push(parts.whole().map_err(|e| {
                let what = format!("column `{name}` is too large ({e}); split the file, or read it in chunks");
                Error::file(&self.path, what)
            })?);
        }
        if flat.names.is_empty() {
            let what = format!("has no column that can be learnt: {}", flat.notes.join("; "));
            return Err(Error::file(&self.path, what));
        }
        let table = Table::new(flat.names, columns)?;
        let nest = nest.keep(table.names.iter().map(String::as_str)).map(Arc::new);
        let table = Table { missing_tokens: tokens, arrow, notes: flat.notes, nest, ..table };
        match &self.wanted {
            Some(wanted) => table.select(wanted),
            None => Ok(table),
        }
    }
}

/// A flat column of a chunk, in parts.
pub(super) struct Parts {
    parts: Vec<ArrayRef>,
    rows: usize,
    /// How often each missing token was seen.
    seen: Vec<usize>,
    /// The type in the source.
    kind: DataType,
}

impl Parts {
    fn new(kind: &DataType, tokens: usize) -> Parts {
        Parts { parts: Vec::new(), rows: 0, seen: vec![0; tokens], kind: kind.clone() }
    }

    fn pad(&mut self, rows: usize) {
        if self.rows < rows {
            self.parts.push(Arc::new(NullArray::new(rows - self.rows)));
            self.rows = rows;
        }
    }

    fn push(&mut self, array: ArrayRef) {
        self.rows += array.len();
        self.parts.push(array);
    }

    /// All parts as one array, of text if one of them is.
    fn whole(&self) -> Result<ArrayRef, ArrowError> {
        let has = |kind: DataType| self.parts.iter().any(|p| *p.data_type() == kind).then_some(kind);
        let kind = has(DataType::Utf8).or(has(DataType::Int64)).or(has(DataType::Float64));
        let kind = kind.or(plain_type(&self.kind)).unwrap_or(DataType::Utf8);
        let parts = self.parts.iter().map(|p| cast(p, &kind)).collect::<Result<Vec<_>, _>>()?;
        match parts.as_slice() {
            [only] => Ok(only.clone()),
            _ => concat(&parts.iter().map(|p| p.as_ref()).collect::<Vec<_>>()),
        }
    }
}

impl Cells for Parts {
    fn take(&mut self) -> Parts {
        let fresh = Parts::new(&self.kind, self.seen.len());
        std::mem::replace(self, fresh)
    }
}

/// What is known while a batch is laid flat.
struct Context<'a> {
    column: &'a str,
    missing: &'a Missing,
    /// Rows of the chunk before the batch.
    before: usize,
    room: &'a mut Room,
}

impl Context<'_> {
    fn failed<'e>(&self, kind: &'e DataType) -> impl Fn(ArrowError) -> Error + use<'e> {
        let column = self.column.to_owned();
        move |e| {
            Error::column(
                &column,
                format!("of type {kind} cannot be read ({e}); save it as text or as a type that holds it"),
            )
        }
    }

    /// Adds `array` to `branch`. Only rows that are `alive` exist; elsewhere what holds the column is missing.
    fn grow(
        &mut self,
        branch: &mut Branch<Parts>,
        array: &ArrayRef,
        alive: Option<&NullBuffer>,
        deep: usize,
    ) -> Result<()> {
        use DataType::*;
        if matches!(branch.inner, Inner::Out(_)) {
            return Ok(());
        }
        let kind = array.data_type().clone();
        let nulls = NullBuffer::union(array.logical_nulls().as_ref(), alive);
        let (missing, dead) =
            (nulls.as_ref().map_or(0, NullBuffer::null_count), alive.map_or(0, NullBuffer::null_count));
        branch.absent |= missing > dead;
        branch.null = true;
        if deep > MOST_DEEP {
            branch.leave_out(format!("is nested more than {MOST_DEEP} deep"));
            return Ok(());
        }
        match &kind {
            Struct(fields) => self.fields(branch, fields, array.as_struct().columns(), nulls.as_ref(), deep),
            List(_) | LargeList(_) | ListView(_) | LargeListView(_) | FixedSizeList(..) => {
                self.items(branch, array, nulls.as_ref(), deep)
            }
            Map(..) => self.entries(branch, array, nulls.as_ref(), deep),
            _ if plain_type(&kind).is_none() => {
                branch.leave_out(format!("has type {kind}, which is neither number, text nor time"));
                Ok(())
            }
            _ => {
                let Some(cells) = branch.cell(|| Parts::new(&kind, self.missing.tokens.len())) else {
                    return Ok(());
                };
                if array.is_empty() {
                    return Ok(());
                }
                cells.pad(self.before);
                let mut plain = plain_array(array, self.column, self.missing, &mut cells.seen)?;
                if alive.is_some() {
                    plain = masked(&plain, alive).map_err(self.failed(&kind))?;
                }
                cells.push(plain);
                Ok(())
            }
        }
    }

    fn fields(
        &mut self,
        branch: &mut Branch<Parts>,
        fields: &Fields,
        columns: &[ArrayRef],
        alive: Option<&NullBuffer>,
        deep: usize,
    ) -> Result<()> {
        for (field, column) in fields.iter().zip(columns) {
            let inner = branch.object(false).and_then(|o| o.field(field.name(), self.room));
            let Some(inner) = inner else { return Ok(()) };
            self.grow(inner, column, alive, deep + 1)?;
        }
        Ok(())
    }

    fn items(
        &mut self,
        branch: &mut Branch<Parts>,
        array: &ArrayRef,
        alive: Option<&NullBuffer>,
        deep: usize,
    ) -> Result<()> {
        let kind = array.data_type().clone();
        let (values, spans) = spans(array, alive).map_err(self.failed(&kind))?;
        let longest = spans.iter().flatten().map(|s| s.1).max().unwrap_or(0);
        let tokens = self.missing.tokens.len();
        let Some((count, items)) = branch.list(longest, self.room, || Parts::new(&DataType::Int64, tokens)) else {
            return Ok(());
        };
        if !spans.is_empty() {
            count.pad(self.before);
            count.push(Arc::new(spans.iter().map(|s| s.map(|s| s.1 as i64)).collect::<Int64Array>()));
        }
        for (i, item) in items.iter_mut().enumerate() {
            let at: UInt64Array = spans.iter().map(|s| s.filter(|s| i < s.1).map(|s| (s.0 + i) as u64)).collect();
            let column = take(&values, &at, None).map_err(self.failed(&kind))?;
            self.grow(item, &column, at.nulls(), deep + 1)?;
        }
        Ok(())
    }

    fn entries(
        &mut self,
        branch: &mut Branch<Parts>,
        array: &ArrayRef,
        alive: Option<&NullBuffer>,
        deep: usize,
    ) -> Result<()> {
        let kind = array.data_type().clone();
        let map = array.as_map();
        let keys = cast(map.keys(), &DataType::Utf8).map_err(self.failed(&kind))?;
        let (keys, offsets) = (keys.as_string::<i32>(), map.value_offsets());
        let mut at: Vec<(&str, Vec<Option<u64>>)> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for row in (0..map.len()).filter(|&row| alive.is_none_or(|a| a.is_valid(row))) {
            for entry in offsets[row] as usize..offsets[row + 1] as usize {
                let key = keys.value(entry);
                let place = *places.entry(key).or_insert(at.len());
                if place == at.len() {
                    at.push((key, vec![None; map.len()]));
                }
                at[place].1[row] = Some(entry as u64);
                if at.len() > MOST_COLUMNS {
                    branch.leave_out(format!("has maps of more than {} keys", MOST_COLUMNS));
                    return Ok(());
                }
            }
        }
        if branch.object(true).is_none() {
            return Ok(());
        }
        for (key, at) in at {
            let at = UInt64Array::from(at);
            let Some(inner) = branch.object(true).and_then(|o| o.field(key, self.room)) else {
                return Ok(());
            };
            let column = take(map.values(), &at, None).map_err(self.failed(&kind))?;
            self.grow(inner, &column, at.nulls(), deep + 1)?;
        }
        Ok(())
    }
}

/// `array` with nulls where `alive` has them.
fn masked(array: &ArrayRef, alive: Option<&NullBuffer>) -> Result<ArrayRef, ArrowError> {
    let nulls = NullBuffer::union(array.nulls(), alive);
    Ok(make_array(array.to_data().into_builder().nulls(nulls).build()?))
}

/// The first item of a list, and how many it has.
type Span = (usize, usize);

/// The items of all lists, and where those of each are: the first and how many.
fn spans(array: &ArrayRef, alive: Option<&NullBuffer>) -> Result<(ArrayRef, Vec<Option<Span>>), ArrowError> {
    let there = |row: usize| alive.is_none_or(|a| a.is_valid(row));
    match array.data_type() {
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            let offsets = list.value_offsets();
            let span = |row: usize| (offsets[row] as usize, (offsets[row + 1] - offsets[row]) as usize);
            Ok((list.values().clone(), (0..list.len()).map(|row| there(row).then(|| span(row))).collect()))
        }
        DataType::FixedSizeList(_, size) => {
            let list = array.as_fixed_size_list();
            let span = |row: usize| (list.value_offset_at(row), *size as usize);
            Ok((list.values().clone(), (0..list.len()).map(|row| there(row).then(|| span(row))).collect()))
        }
        DataType::List(item) | DataType::ListView(item) | DataType::LargeListView(item) => {
            let array = cast(array, &DataType::LargeList(item.clone()))?;
            spans(&array, alive)
        }
        other => Err(ArrowError::CastError(format!("{other} is no list"))),
    }
}

/// The type that a column of type `kind` has in a [`Table`]; `None` when a table cannot hold it.
pub(super) fn plain_type(kind: &DataType) -> Option<DataType> {
    use DataType::*;
    match kind {
        Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64 | Duration(_) => Some(Int64),
        Float16 | Float32 | Float64 => Some(Float64),
        // Digits that a double holds; more are kept as text.
        Decimal32(digits, _) | Decimal64(digits, _) | Decimal128(digits, _) | Decimal256(digits, _) => {
            Some(if *digits <= 15 { Float64 } else { Utf8 })
        }
        Utf8 | LargeUtf8 | Utf8View | Boolean | Null => Some(Utf8),
        Date32 | Date64 | Time32(_) | Time64(_) | Timestamp(..) => Some(Utf8),
        Dictionary(_, values) => plain_type(values),
        _ => None,
    }
}

/// `array` as text or native numbers; texts that mean "missing" and not-a-number become nulls.
fn plain_array(array: &ArrayRef, name: &str, missing: &Missing, seen: &mut [usize]) -> Result<ArrayRef> {
    let kind = array.data_type();
    let to = plain_type(kind).unwrap_or(DataType::Utf8);
    let failed = |e: ArrowError| {
        Error::column(name, format!("of type {kind} cannot be read ({e}); save it as text or as a type that holds it"))
    };
    let array = match kind {
        DataType::Dictionary(_, values) => {
            return plain_array(&cast(array, values).map_err(failed)?, name, missing, seen);
        }
        // The shortest decimals of a single are not those of the same number as a double: 0.1 would become
        // 0.10000000149011612. Going through text keeps what people see.
        DataType::Float16 | DataType::Float32 => {
            let text = cast(array, &DataType::Utf8).map_err(failed)?;
            cast(&text, &to).map_err(failed)?
        }
        // An instant; its text is that of the same instant in UTC.
        DataType::Timestamp(unit, Some(_)) => {
            let utc = retyped(array, DataType::Timestamp(*unit, None)).map_err(failed)?;
            cast_with_options(&utc, &to, &STRICT).map_err(failed)?
        }
        DataType::Duration(_) => retyped(array, DataType::Int64).map_err(failed)?,
        // Numbers past those that Arrow counts with here keep their digits as text.
        DataType::UInt64 if array.as_primitive::<UInt64Type>().iter().flatten().any(|x| i64::try_from(x).is_err()) => {
            cast(array, &DataType::Utf8).map_err(failed)?
        }
        _ => cast_with_options(array, &to, &STRICT).map_err(failed)?,
    };
    if let Some(numbers) = array.as_primitive_opt::<Float64Type>() {
        let present = |x: Option<f64>| x.filter(|x| !x.is_nan());
        return Ok(Arc::new(numbers.iter().map(present).collect::<Float64Array>()));
    }
    let Some(text) = array.as_string_opt::<i32>() else {
        return Ok(array);
    };
    let mut column = TextColumn::new(missing);
    for cell in text {
        match cell {
            Some(cell) => column.push(cell, missing),
            None => column.push_null(),
        }
    }
    seen.iter_mut().zip(&column.seen).for_each(|(total, here)| *total += here);
    Ok(column.finish(missing).0)
}

/// A value that does not fit the type is an error, not a silent null.
pub(super) const STRICT: CastOptions<'static> =
    CastOptions { safe: false, format_options: arrow_cast::display::FormatOptions::new() };

/// The same bytes under another type.
pub(super) fn retyped(array: &ArrayRef, kind: DataType) -> Result<ArrayRef, ArrowError> {
    Ok(make_array(array.to_data().into_builder().data_type(kind).build()?))
}
