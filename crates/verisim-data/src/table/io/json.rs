//! Reading JSON: one object a line, or an array of objects.

use std::borrow::Cow;
use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, StringArray};
use arrow_schema::DataType;
use rustc_hash::FxHashMap;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::branch::{Branch, Cells, Flat, MOST_DEEP, Room, Root};
use super::cells::{Chunked, Missing, TextColumn, check_names, too_long};
use super::format::open;
use super::progress::Progress;
use super::settings::ReadSettings;
use super::typed::is_number;
use crate::error::{Error, Result};
use crate::table::Table;
use crate::table::nest::Nest;

/// The columns are the keys of the rows, in the order in which they appear; a row without one of them has no value there.
pub(super) struct Reader {
    path: PathBuf,
    records: Records,
    roots: Vec<Root<Cell>>,
    places: FxHashMap<String, usize>,
    wanted: Option<Vec<String>>,
    missing: Missing,
    /// Rows read so far.
    read: usize,
}

impl Reader {
    pub(super) fn open(path: &Path, settings: &ReadSettings, rows: usize) -> Result<Reader> {
        let mut reader = Reader {
            path: path.to_owned(),
            records: Records::open(path, &settings.progress)?,
            roots: Vec::new(),
            places: FxHashMap::default(),
            wanted: settings.columns.clone(),
            missing: Missing::new(&settings.missing),
            read: 0,
        };
        // Keys may appear late, and each chunk must have the same columns.
        if rows < usize::MAX {
            while reader.gather(rows)? > 0 {
                reader.flat();
            }
            reader.records = Records::open(path, &settings.progress)?;
            reader.read = 0;
        }
        Ok(reader)
    }

    /// Reads up to `rows` rows into the branches; how many there were.
    fn gather(&mut self, rows: usize) -> Result<usize> {
        let mut count = 0;
        let mut buffer = Vec::new();
        while count < rows && self.records.next(&mut buffer)? {
            let line = self.records.begun;
            let wrong = |what: String| Error::line(&self.path, line, what);
            let text = std::str::from_utf8(&buffer)
                .map_err(|_| wrong("is not UTF-8 text; convert the file first, e.g. with iconv".to_owned()))?;
            let odd = |e: serde_json::Error| {
                wrong(format!("is not a JSON object ({e}); each row must be one, like {{\"age\": 39}}"))
            };
            let object: Pairs = serde_json::from_str(text).map_err(odd)?;
            for (key, value) in &object.0 {
                let place = match self.places.get(key.as_ref()) {
                    Some(&place) => place,
                    None if self.wanted.as_ref().is_some_and(|w| !w.iter().any(|w| is_of(w, key))) => continue,
                    None => {
                        self.places.insert(key.clone().into_owned(), self.roots.len());
                        self.roots.push(Root::new(key));
                        self.roots.len() - 1
                    }
                };
                let root = &mut self.roots[place];
                let mut context = Context { missing: &self.missing, row: count, room: &mut root.room };
                let twice = context.grow(&mut root.branch, value.get(), 0).map_err(odd)?;
                if twice {
                    return Err(wrong(format!("has the key `{key}` twice; keep one of them")));
                }
                root.check_room();
            }
            count += 1;
            if count.is_multiple_of(1024)
                && let Some(long) = self.roots.iter().find(|r| r.branch.any(&|c| c.text.is_full()))
            {
                return Err(too_long(&self.path, &long.name));
            }
        }
        self.read += count;
        Ok(count)
    }

    fn flat(&mut self) -> Flat<Cell> {
        self.roots.iter_mut().for_each(|r| r.branch.absent |= r.branch.visits < self.read);
        Flat::of(&mut self.roots, &|| Cell::new(&self.missing))
    }
}

/// Whether the column `wanted` of the table is the key `root` or a part of it.
fn is_of(wanted: &str, root: &str) -> bool {
    wanted.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

impl Chunked for Reader {
    fn next(&mut self, rows: usize) -> Result<Table> {
        let count = self.gather(rows)?;
        let mut flat = self.flat();
        if let Some(unused) = self.wanted.iter().flatten().find(|w| !self.roots.iter().any(|r| is_of(w, &r.name))) {
            let what = format!("no row has the key `{unused}`; check how it is spelt");
            return Err(Error::file(&self.path, what));
        }
        if self.roots.is_empty() || count == 0 && !flat.names.is_empty() {
            check_names(&self.path, &flat.names)?;
            return Ok(Table::default());
        }
        if flat.names.is_empty() {
            let what = format!("has no column that can be learnt: {}", flat.notes.join("; "));
            return Err(Error::file(&self.path, what));
        }
        let mut nest = Nest {
            nodes: std::mem::take(&mut flat.nodes),
            omitted: std::mem::take(&mut flat.omitted),
            ..Nest::default()
        };
        let (mut columns, mut tokens, mut arrow) = (Vec::new(), Vec::new(), Vec::new());
        for (name, mut cell) in flat.names.iter().zip(std::mem::take(&mut flat.cells)) {
            cell.pad(count);
            if cell.seen.is_mixed() {
                nest.mixed.push(name.clone());
                if cell.seen.alike {
                    flat.notes.push(format!(
                        "column `{name}` has numbers or truth values and texts that look like them: such texts are \
                         kept in quotes, and the column is no number"
                    ));
                }
            }
            arrow.push(cell.seen.kind().map(|k| k.to_string()));
            let (array, token) = cell.finish(&self.missing);
            columns.push(array);
            tokens.push(token);
        }
        let nest = nest.keep(flat.names.iter().map(String::as_str)).map(Arc::new);
        let table = Table::new(flat.names, columns)?;
        let table = Table { missing_tokens: tokens, arrow, nest, notes: flat.notes, ..table };
        match &self.wanted {
            Some(wanted) => table.select(wanted),
            None => Ok(table),
        }
    }
}

/// The objects of a file, one after another.
struct Records {
    path: PathBuf,
    bytes: BufReader<Box<dyn Read + Send>>,
    /// The line that is being read, from 1.
    line: u64,
    /// The line in which the object begins.
    begun: u64,
    layout: Layout,
}

#[derive(Clone, Copy, PartialEq)]
enum Layout {
    /// One object a line.
    Lines,
    /// An array of objects, or objects over several lines.
    Free,
}

impl Records {
    fn open(path: &Path, progress: &Progress) -> Result<Records> {
        let bytes = BufReader::with_capacity(1 << 18, open(path, progress)?);
        let mut records = Records { path: path.to_owned(), bytes, line: 1, begun: 1, layout: Layout::Lines };
        if records.peek()?.starts_with(b"\xef\xbb\xbf") {
            records.bytes.consume(3);
        }
        match records.blank()? {
            Some(b'[') => {
                records.bytes.consume(1);
                records.layout = Layout::Free;
            }
            _ if super::format::extension(path).0 == "json" => records.layout = Layout::Free,
            _ => {}
        }
        Ok(records)
    }

    fn peek(&mut self) -> Result<&[u8]> {
        self.bytes.fill_buf().map_err(Error::io(&self.path))
    }

    /// The next byte that is not blank, which is not read yet.
    fn blank(&mut self) -> Result<Option<u8>> {
        loop {
            let Some(&byte) = self.peek()?.first() else { return Ok(None) };
            if !byte.is_ascii_whitespace() {
                return Ok(Some(byte));
            }
            self.line += u64::from(byte == b'\n');
            self.bytes.consume(1);
        }
    }

    /// Reads the text of the next object into `buffer`; false at the end.
    fn next(&mut self, buffer: &mut Vec<u8>) -> Result<bool> {
        buffer.clear();
        loop {
            match (self.blank()?, self.layout) {
                (None, _) => return Ok(false),
                (Some(b',' | b']'), Layout::Free) => self.bytes.consume(1),
                (Some(_), layout) => {
                    self.begun = self.line;
                    match layout {
                        Layout::Free => self.value(buffer)?,
                        Layout::Lines => {
                            self.bytes.read_until(b'\n', buffer).map_err(Error::io(&self.path))?;
                            self.line += 1;
                        }
                    }
                    return Ok(true);
                }
            }
        }
    }

    /// Reads up to the end of the value that begins here.
    fn value(&mut self, buffer: &mut Vec<u8>) -> Result<()> {
        let (mut depth, mut quoted, mut escaped) = (0_u64, false, false);
        loop {
            let bytes = self.bytes.fill_buf().map_err(Error::io(&self.path))?;
            if bytes.is_empty() {
                return Ok(());
            }
            let mut end = None;
            for (i, &byte) in bytes.iter().enumerate() {
                self.line += u64::from(byte == b'\n');
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' if quoted => escaped = true,
                    b'"' => quoted = !quoted,
                    _ if quoted => {}
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth = depth.saturating_sub(1);
                        if depth == 0 {
                            end = Some(i + 1);
                            break;
                        }
                    }
                    b',' if depth == 0 => {
                        end = Some(i);
                        break;
                    }
                    _ => {}
                }
            }
            let length = bytes.len();
            buffer.extend_from_slice(&bytes[..end.unwrap_or(length)]);
            self.bytes.consume(end.unwrap_or(length));
            if end.is_some() {
                return Ok(());
            }
        }
    }
}

/// The keys and values of an object, the values as they are written.
struct Pairs<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Gather;
        impl<'de> Visitor<'de> for Gather {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some((Text(key), value)) = map.next_entry()? {
                    pairs.push((key, value));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Gather)
    }
}

/// A text, borrowed where it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Gather;
        impl<'de> Visitor<'de> for Gather {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Gather)
    }
}

/// What is known while a row is laid flat.
struct Context<'a> {
    missing: &'a Missing,
    row: usize,
    room: &'a mut Room,
}

impl Context<'_> {
    /// Adds the value to `branch`; true if it has one in this row already.
    fn grow(&mut self, branch: &mut Branch<Cell>, value: &str, deep: usize) -> serde_json::Result<bool> {
        let text = |value| Text::deserialize(&mut serde_json::Deserializer::from_str(value)).map(|t| t.0);
        if deep > MOST_DEEP {
            branch.leave_out(format!("is nested more than {MOST_DEEP} deep"));
            return Ok(false);
        }
        branch.visits += 1;
        match value.as_bytes().first() {
            Some(b'n') | None => {
                (branch.null, branch.absent) = (true, true);
                branch.nulls += 1;
                Ok(false)
            }
            Some(b'{') => {
                let pairs: Pairs = serde_json::from_str(value)?;
                let mut twice = false;
                for (key, value) in &pairs.0 {
                    let inner = branch.object(false).and_then(|o| o.field(key, self.room));
                    let Some(inner) = inner else { return Ok(false) };
                    twice |= self.grow(inner, value.get(), deep + 1)?;
                }
                branch.object(false);
                Ok(twice)
            }
            Some(b'[') => {
                let values: Vec<&RawValue> = serde_json::from_str(value)?;
                let list = branch.list(values.len(), self.room, || Cell::new(self.missing));
                let Some((count, items)) = list else { return Ok(false) };
                let mut buffer = itoa::Buffer::new();
                let mut twice = count.push(Kind::Number, buffer.format(values.len()), self);
                for (item, value) in items.iter_mut().zip(&values) {
                    twice |= self.grow(item, value.get(), deep + 1)?;
                }
                Ok(twice)
            }
            Some(b'"') => {
                let text = text(value)?;
                branch.null |= self.missing.find(text.trim_ascii()).is_some();
                Ok(branch.cell(|| Cell::new(self.missing)).is_some_and(|c| c.push(Kind::Text, &text, self)))
            }
            Some(b't' | b'f') => {
                Ok(branch.cell(|| Cell::new(self.missing)).is_some_and(|c| c.push(Kind::Truth, value, self)))
            }
            Some(_) => Ok(branch.cell(|| Cell::new(self.missing)).is_some_and(|c| c.push(Kind::Number, value, self))),
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Number,
    Truth,
}

/// What kinds of values a column has.
#[derive(Clone, Copy, Default)]
struct Seen {
    text: bool,
    truth: bool,
    /// Numbers with a point or an exponent.
    fraction: bool,
    whole: bool,
    /// Digits of the longest whole number beyond 64 bits.
    wide: usize,
    /// Texts that read as numbers or truth values, or that begin with a quote.
    alike: bool,
}

impl Seen {
    fn add(&mut self, kind: Kind, text: &str) {
        match kind {
            Kind::Text => {
                self.text = true;
                self.alike |= is_alike(text);
            }
            Kind::Truth => self.truth = true,
            Kind::Number if text.contains(['.', 'e', 'E']) => self.fraction = true,
            Kind::Number => {
                self.whole = true;
                if text.len() > 18 && text.parse::<i64>().is_err() {
                    self.wide = self.wide.max(text.len() - usize::from(text.starts_with('-')));
                }
            }
        }
    }

    fn is_mixed(&self) -> bool {
        let number = self.fraction || self.whole;
        usize::from(self.text) + usize::from(self.truth) + usize::from(number) > 1
    }

    /// The type that holds all of them, if there is one.
    fn kind(&self) -> Option<DataType> {
        match self {
            _ if self.is_mixed() => None,
            Seen { text: true, .. } => Some(DataType::Utf8),
            Seen { truth: true, .. } => Some(DataType::Boolean),
            // Whole numbers among others are of no type that would write them again as they were.
            Seen { fraction: true, whole: false, .. } => Some(DataType::Float64),
            Seen { fraction: true, .. } => None,
            Seen { whole: true, wide: 0, .. } => Some(DataType::Int64),
            Seen { whole: true, wide: ..=38, .. } => Some(DataType::Decimal128(38, 0)),
            _ => None,
        }
    }
}

/// Whether the text would be taken for another kind of value without quotes.
pub(super) fn is_alike(text: &str) -> bool {
    text.starts_with('"') || matches!(text, "true" | "false") || is_number(text)
}

/// A column being read.
struct Cell {
    text: TextColumn,
    /// One a row, which end before those that have no value.
    kinds: Vec<Option<Kind>>,
    seen: Seen,
    tokens: usize,
}

impl Cell {
    fn new(missing: &Missing) -> Cell {
        Cell { text: TextColumn::new(missing), kinds: Vec::new(), seen: Seen::default(), tokens: missing.tokens.len() }
    }

    fn pad(&mut self, rows: usize) {
        while self.text.len < rows {
            self.text.push_null();
        }
        self.kinds.resize(rows, None);
    }

    /// Appends a value; true if there is one in this row already.
    fn push(&mut self, kind: Kind, text: &str, context: &Context<'_>) -> bool {
        if self.text.len > context.row {
            return true;
        }
        self.pad(context.row);
        self.text.push(text, context.missing);
        self.kinds.push(Some(kind));
        self.seen.add(kind, text.trim_ascii());
        false
    }

    fn finish(self, missing: &Missing) -> (ArrayRef, String) {
        let (array, token) = self.text.finish(missing);
        if !(self.seen.is_mixed() && self.seen.alike) {
            return (array, token);
        }
        let quoted = |(text, kind): (Option<&str>, &Option<Kind>)| {
            let text = text?;
            match kind {
                Some(Kind::Text) if is_alike(text) => serde_json::to_string(text).ok(),
                _ => Some(text.to_owned()),
            }
        };
        let cells: StringArray = array.as_string::<i32>().iter().zip(&self.kinds).map(quoted).collect();
        (Arc::new(cells), token)
    }
}

impl Cells for Cell {
    fn take(&mut self) -> Cell {
        let fresh = TextColumn::with_tokens(self.tokens);
        let fresh = Cell { text: fresh, kinds: Vec::new(), seen: self.seen, tokens: self.tokens };
        std::mem::replace(self, fresh)
    }
}
