//! Series: a panel, or one long series, changed sequence by sequence.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, Int64Array, StringArray, new_null_array};
use verisim_data::series::{Made, SEQUENCE, Sequences, Series, Shape};
use verisim_data::table::{ColumnKind, Filler, Schema, Table, Writer, io};
use verisim_data::{Data as _, Event, Watch};

use super::{Ask, Augmented, is_free};
use crate::error::{Error, Result};
use crate::pipeline::Pipeline;
use crate::series::apply;

pub(super) fn run(pipeline: &Pipeline, ask: &Ask, watch: &mut dyn Watch) -> Result<Augmented> {
    let source = pipeline.source(&ask.data);
    is_free(ask)?;
    let series = Series::read(&source, watch)?;
    let (shape, sequences, notes) = Shape::of(&series, &source)?;
    let mut notes: Vec<String> = notes.into_iter().filter_map(about_data).collect();
    let count = sequences.count();
    let passes = ask.times as usize;
    let numbered = shape.numbers((count * (passes + usize::from(ask.originals))) as u64);
    let work = match shape.wide {
        Some(ref wide) => {
            // A row of the file is as many rows of steps.
            let firsts: Vec<usize> = (0..count).map(|i| i * wide.steps.len()).collect();
            let form = Form::Wide(Box::new(series.table.take(&firsts)?));
            Work { form, shape: &shape, sequences: &sequences, pipeline, numbered }
        }
        None => {
            let (index, offsets) = shape.steps_in(&series.table)?;
            let form = Long::of(&shape, series.table, (index, offsets), ask)?;
            Work { form: Form::Long(Box::new(form)), shape: &shape, sequences: &sequences, pipeline, numbered }
        }
    };
    let mut writer = Writer::create(&ask.out, &work.schema())?;
    // What there was is pass 0 of what is written.
    let parts: Vec<Option<u64>> = ask.originals.then_some(None).into_iter().chain((0..ask.times).map(Some)).collect();
    let asked = ask.part(parts.len() * count);
    watch.on(Event::Begin { unit: "sequences", total: asked.len() as u64, done: 0 });
    let (mut kept, mut made, mut done) = (0, 0, Ok(()));
    for (k, part) in parts.iter().enumerate() {
        let of = |x: usize| x.clamp(k * count, (k + 1) * count) - k * count;
        let own = of(asked.start)..of(asked.end);
        if own.is_empty() {
            continue;
        }
        if watch.stopped() {
            return Err(Error::Stopped);
        }
        let rows = match part {
            None => work.as_it_was(own.clone()),
            Some(pass) => work.changed(*pass, own.clone()),
        };
        done = rows.and_then(|rows| Ok(writer.write(&rows)?));
        if done.is_err() {
            break;
        }
        *(if part.is_none() { &mut kept } else { &mut made }) += own.len() as u64;
        watch.on(Event::done(kept + made));
    }
    watch.on(Event::End);
    done?;
    writer.finish()?;
    if let Form::Long(long) = &work.form {
        notes.extend(long.notes.clone());
    }
    Ok(Augmented { unit: "sequences", kept, made, notes, seconds: 0.0 })
}

/// What was found out about the data, without what it means for those who learn from them.
fn about_data(note: String) -> Option<String> {
    let note = note.split("; it is one person's").next().unwrap_or_default().to_owned();
    (!note.contains("not learnt")).then_some(note)
}

/// A series that is augmented.
struct Work<'a> {
    pipeline: &'a Pipeline,
    shape: &'a Shape,
    sequences: &'a Sequences,
    form: Form,
    /// Whether a column tells the sequences apart.
    numbered: bool,
}

/// How the file lies.
enum Form {
    /// A row a sequence; the first step of each.
    Wide(Box<Table>),
    /// A row a step.
    Long(Box<Long>),
}

/// A file of steps.
struct Long {
    table: Table,
    schema: Schema,
    filler: Filler,
    /// The row of each step, sequence by sequence.
    index: Vec<usize>,
    offsets: Vec<usize>,
    /// The first column of the key, and that cell of each sequence.
    key: Option<(usize, ArrayRef)>,
    /// Columns that are empty in what is made.
    empty: Vec<usize>,
    notes: Vec<String>,
}

impl Long {
    fn of(shape: &Shape, table: Table, (index, offsets): (Vec<usize>, Vec<usize>), ask: &Ask) -> Result<Long> {
        let schema = shape.rows(false);
        let table = table.select(&shape.names)?;
        let filler = Filler::changing(&schema, &table, !io::is_delimited(&ask.out));
        let firsts: Vec<usize> = offsets.windows(2).map(|p| index[p[0]]).collect();
        let key = match shape.key.first() {
            Some(name) => {
                let j = table.index(name)?;
                Some((j, table.columns[j].clone()))
            }
            None => None,
        };
        let key = key.map(|(j, _)| Ok::<_, Error>((j, table.take(&firsts)?.columns[j].clone()))).transpose()?;
        let said = |f: &&verisim_data::table::Field| matches!(f.kind, ColumnKind::Text) && !shape.key.contains(&f.name);
        let blank: Vec<&str> = schema.fields.iter().filter(said).map(|f| f.name.as_str()).collect();
        let empty = blank.iter().map(|name| table.index(name)).collect::<Result<Vec<_>, _>>()?;
        let notes = match blank.is_empty() {
            true => Vec::new(),
            false => vec![format!("text is not changed, and empty in what is made: `{}`", blank.join("`, `"))],
        };
        Ok(Long { filler, schema, index, offsets, key, empty, notes, table })
    }

    /// Rows that were made of the sequences `which`, in the form of the file; `lengths` of the sequences.
    fn rows(&self, made: &Table, which: &Range<usize>, pass: u64, lengths: &[usize]) -> Result<Table> {
        // Any row will do, since all of it is replaced.
        let like = self.table.take(&vec![self.index[0]; made.rows])?;
        let holes = vec![vec![true; made.rows]; self.schema.modelled().count()];
        let mut rows = self.filler.fill(&like, &holes, made)?;
        for &j in &self.empty {
            rows.columns[j] = new_null_array(rows.columns[j].data_type(), rows.rows);
        }
        if let Some((j, keys)) = &self.key {
            let own = new_keys(keys, pass, &self.table.names[*j])?;
            let one = Table::new(vec![String::new()], vec![own])?;
            let repeated: Vec<usize> =
                which.clone().zip(lengths).flat_map(|(i, &n)| std::iter::repeat_n(i, n)).collect();
            rows.columns[*j] = one.take(&repeated)?.columns[0].clone();
        }
        Ok(rows)
    }
}

/// Keys of a pass, one for each there was: whole numbers go on after the largest, texts get the number of the pass.
fn new_keys(keys: &ArrayRef, pass: u64, name: &str) -> Result<ArrayRef> {
    let further = |numbers: &[i64]| -> Option<Vec<i64>> {
        let (low, high) = (numbers.iter().min()?, numbers.iter().max()?);
        let span = high.checked_sub(*low)?.checked_add(1)?.checked_mul(i64::try_from(pass).ok()? + 1)?;
        numbers.iter().map(|x| x.checked_add(span)).collect()
    };
    if let Some(numbers) = keys.as_primitive_opt::<Int64Type>()
        && let Some(new) = further(numbers.values())
    {
        return Ok(Arc::new(Int64Array::from(new)));
    }
    let text = Table::new(vec![name.to_owned()], vec![keys.clone()])?.text(0)?;
    let numbers: Option<Vec<i64>> = text.iter().map(|cell| cell?.parse::<i64>().ok()).collect();
    let plain = |numbers: &Vec<i64>| numbers.iter().zip(text.iter()).all(|(n, t)| t == Some(n.to_string().as_str()));
    if let Some(new) = numbers.filter(plain).and_then(|numbers| further(&numbers)) {
        return Ok(Arc::new(new.iter().map(|n| Some(n.to_string())).collect::<StringArray>()));
    }
    let new: Vec<String> = text.iter().map(|cell| format!("{}.e{pass}", cell.unwrap_or_default())).collect();
    let there: HashSet<&str> = text.iter().flatten().collect();
    match new.iter().find(|key| there.contains(key.as_str())) {
        Some(key) => Err(Error::column(name, format!("has the key `{key}` already; these data were augmented before"))),
        None => Ok(Arc::new(new.into_iter().map(Some).collect::<StringArray>())),
    }
}

impl Work<'_> {
    fn schema(&self) -> Schema {
        let Form::Long(long) = &self.form else { return self.shape.rows(self.numbered) };
        let mut schema = long.filler.schema().clone();
        if self.numbered {
            schema.fields.insert(0, self.shape.rows(true).fields[0].clone());
        }
        schema
    }

    /// Sequences as they were.
    fn as_it_was(&self, which: Range<usize>) -> Result<Table> {
        let index: Vec<usize> = which.clone().collect();
        let made = Made { sequences: self.sequences.take(&index), starts: None };
        let made = self.shape.render(made, which.start as u64, self.pipeline.seed, false)?;
        let long = match &self.form {
            Form::Wide(firsts) => return self.keyed(made, firsts, which, None),
            Form::Long(long) => long,
        };
        let steps = long.offsets[which.start]..long.offsets[which.end];
        let rows = long.filler.as_they_stand(&long.table.take(&long.index[steps])?, &made)?;
        let lengths: Vec<usize> = which.clone().map(|i| long.offsets[i + 1] - long.offsets[i]).collect();
        self.numbered(rows, which.start, &lengths)
    }

    /// Sequences changed.
    fn changed(&self, pass: u64, which: Range<usize>) -> Result<Table> {
        let count = self.sequences.count();
        let Made { sequences, starts } = apply(self.pipeline, self.shape, self.sequences, pass)?;
        let index: Vec<usize> = which.clone().collect();
        let starts = starts.map(|starts| starts[which.clone()].to_vec());
        let made = Made { sequences: sequences.take(&index), starts };
        let lengths: Vec<usize> = made.sequences.lengths().collect();
        let first = (pass as usize + 1) * count + which.start;
        let made = self.shape.render(made, first as u64, self.pipeline.seed, false)?;
        let long = match &self.form {
            Form::Wide(firsts) => return self.keyed(made, firsts, which, Some(pass)),
            Form::Long(long) => long,
        };
        self.numbered(long.rows(&made, &which, pass, &lengths)?, first, &lengths)
    }

    /// Rows of a wide file with the keys of the file, or with new ones in a pass.
    fn keyed(&self, mut rows: Table, firsts: &Table, which: Range<usize>, pass: Option<u64>) -> Result<Table> {
        let schema = self.shape.rows(false);
        for field in schema.fields.iter().filter(|f| matches!(f.kind, ColumnKind::Identifier { .. })) {
            let (Ok(j), Ok(from)) = (rows.index(&field.name), firsts.index(&field.name)) else { continue };
            let own = &firsts.columns[from];
            let keys = match pass {
                Some(pass) => new_keys(own, pass, &field.name)?,
                None => own.clone(),
            };
            rows.columns[j] = keys.slice(which.start, which.len());
        }
        Ok(rows)
    }

    /// With the column that tells sequences apart, where there is one; the first is number `first`.
    fn numbered(&self, mut rows: Table, first: usize, lengths: &[usize]) -> Result<Table> {
        if self.numbered {
            let numbers = lengths.iter().enumerate().flat_map(|(i, &n)| std::iter::repeat_n((first + i) as i64, n));
            rows.names.insert(0, SEQUENCE.to_owned());
            rows.columns.insert(0, Arc::new(Int64Array::from_iter_values(numbers)));
            rows.missing_tokens.insert(0, String::new());
            rows.arrow.insert(0, None);
        }
        Ok(rows)
    }
}
