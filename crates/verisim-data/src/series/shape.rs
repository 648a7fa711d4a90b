//! How a table parts into sequences, and how sequences become rows again.

use arrow_array::Array;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::clock::Clock;
use super::find::{constant, detected, recognise};
use super::settings::{Settings, Source};
use super::wide::Wide;
use super::{Sequences, Series, offsets};
use crate::error::{Error, Result};
use crate::table::{
    Column, ColumnKind, ColumnKindName, DetectSettings, Detected, Dialect, Field, Frame, Override, Reason, Schema,
    Table,
};

/// Steps below which one long series is short.
const SHORT: usize = 300;

/// Which columns play which part, what they mean, and how times run: all that is needed to part a table into sequences and to put
/// sequences together again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// The columns, in the order of the file.
    pub names: Vec<String>,
    /// The columns that say together whose sequence a row belongs to; none for one long series. One alone is made anew; several are
    /// context like any other.
    pub key: Vec<String>,
    /// The column that says when a row comes.
    pub order: Option<Field>,
    /// How times run.
    pub clock: Clock,
    /// What is the same throughout a sequence; its key, if it is one column, among them.
    pub context: Schema,
    /// What changes.
    pub steps: Schema,
    /// How the source was written, where that is delimited text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect: Option<Dialect>,
    /// How a file with one row a sequence was laid out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wide: Option<Wide>,
    /// Steps of a window of one long series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<usize>,
    /// Steps of the shortest and the longest sequence.
    pub lengths: [usize; 2],
}

/// Sequences that were made, on their way to rows.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// The sequences; their times are not looked at.
    pub sequences: Sequences,
    /// Where the first step of each comes, in units of the clock, in place of what the context says.
    pub starts: Option<Vec<f64>>,
}

impl Shape {
    /// What a series is, what is in it, and what people should know of that.
    ///
    /// # Errors
    /// When a column that is named is not there, or there is nothing to learn.
    pub fn of(series: &Series, source: &Source) -> Result<(Shape, Sequences, Vec<String>)> {
        let table = &series.table;
        let mut notes = Vec::new();
        let settings = parts(series, &source.parts(), &mut notes)?;
        let keys: Vec<String> = settings.key.as_ref().map(|k| k.list().to_vec()).unwrap_or_default();
        let wishes = source.wishes();
        wishes.overrides.keys().try_for_each(|name| table.index(name).map(|_| ()))?;

        let order = settings.order.as_deref().map(|name| order_field(table, name, &wishes)).transpose()?;
        let rows = Grouped::of(table, &keys, order.as_ref(), &mut notes)?;
        let count = rows.offsets.len() - 1;
        let (clock, times) = match &order {
            Some(field) => Clock::of(&rows.times, &rows.offsets, is_date(field)),
            None => (Clock::steps(), count_steps(&rows.offsets)),
        };
        let table = table.take(&rows.index)?;
        let of: Vec<u32> =
            (0..count).flat_map(|i| std::iter::repeat_n(i as u32, rows.offsets[i + 1] - rows.offsets[i])).collect();
        let order_name = settings.order.as_deref();
        let mut context = if count > 1 { constant(&table, &of, count, &[order_name])? } else { Vec::new() };
        if let Some(wanted) = &settings.context {
            for name in wanted {
                table.index(name)?;
                if !context.contains(name) {
                    let what = "changes within a sequence, and so is no context; remove it from data.series.context";
                    return Err(Error::column(name, what));
                }
            }
            context.retain(|name| wanted.contains(name) || keys.contains(name));
        }
        let varies = |name: &&String| Some(name.as_str()) != order_name && !context.contains(name);
        let steps: Vec<String> = table.names.iter().filter(varies).cloned().collect();
        let firsts: Vec<usize> = rows.offsets.windows(2).map(|p| p[0]).collect();
        let context_table = table.select(&context)?.take(&firsts)?;
        let step_table = table.select(&steps)?;

        let mut known = wishes.clone();
        known.overrides.retain(|name, _| context.contains(name));
        if let [key] = &keys[..] {
            known.overrides.entry(key.clone()).or_insert(Override::from(ColumnKindName::Identifier));
        }
        let context = understood(&context_table, &known, &mut notes)?;
        let mut known = wishes;
        known.overrides.retain(|name, _| steps.contains(name));
        let steps = understood(&step_table, &known, &mut notes)?;
        let mut shape = Shape {
            names: table.names.clone(),
            key: keys,
            order,
            clock,
            context,
            steps,
            dialect: table.dialect,
            wide: series.wide.clone(),
            window: settings.window.filter(|_| count == 1),
            lengths: [0; 2],
        };
        let lengths = || rows.offsets.windows(2).map(|p| p[1] - p[0]);
        shape.lengths = [lengths().min().unwrap_or(0), lengths().max().unwrap_or(0)];
        // What is not kept at all is not written either.
        let kept = |name: &String| shape.field(name).is_some();
        shape.names = shape.names.iter().filter(|name| kept(name)).cloned().collect();
        let sequences = shape.sequences(&rows.offsets, times, (&context_table, &step_table), false)?;
        notes.push(shape.said(&sequences));
        Ok((shape, sequences, notes))
    }

    /// The sequences of another table of this shape: of a hold-out, of what was made, of histories to go on with. Values that do not fit
    /// are missing, and so are columns that are not there.
    ///
    /// # Errors
    /// When the key or the order is not there.
    pub fn parse(&self, table: &Table) -> Result<Sequences> {
        let long;
        let table = match &self.wide {
            Some(wide) => {
                long = wide.long(table)?;
                &long
            }
            None => table,
        };
        let mut notes = Vec::new();
        let keys: Vec<String> = match self.key.is_empty() && table.index(SEQUENCE).is_ok() {
            // Several windows of one long series.
            true => vec![SEQUENCE.to_owned()],
            false => self.key.clone(),
        };
        let rows = Grouped::of(table, &keys, self.order.as_ref(), &mut notes)?;
        let times = match &self.order {
            Some(_) => rows.times.iter().map(|&t| self.clock.units(t)).collect(),
            None => count_steps(&rows.offsets),
        };
        let table = table.take(&rows.index)?;
        let firsts: Vec<usize> = rows.offsets.windows(2).map(|p| p[0]).collect();
        self.sequences(&rows.offsets, times, (&table.take(&firsts)?, &table), true)
    }

    /// Which row of a table of this shape each step is, sequence by sequence, and where each sequence begins and the last ends. Not for wide
    /// files, whose rows are sequences.
    ///
    /// # Errors
    /// When the key or the order is not there.
    pub fn steps_in(&self, table: &Table) -> Result<(Vec<usize>, Vec<usize>)> {
        let rows = Grouped::of(table, &self.key, self.order.as_ref(), &mut Vec::new())?;
        Ok((rows.index, rows.offsets))
    }

    /// Whether sequences start at times of their own, so that a start stands first in their context.
    pub fn has_start(&self) -> bool {
        self.order.is_some() && self.clock.start.is_none()
    }

    /// Whether the time between steps varies, so that it stands first in the steps.
    pub fn has_gap(&self) -> bool {
        self.order.is_some() && self.clock.every.is_none()
    }

    /// Whether sequences are of several lengths, so that their length stands in their context, after their start.
    pub fn has_length(&self) -> bool {
        self.lengths[0] != self.lengths[1]
    }

    /// The columns of [`Sequences::context`].
    pub fn context_fields(&self) -> Schema {
        let mut schema = self.with_time(&self.context, self.has_start(), "first");
        if self.has_length() {
            let length = Field::new(LENGTH, ColumnKind::Integer, Reason::Untold);
            schema.fields.insert(usize::from(self.has_start()), length);
        }
        schema
    }

    /// The columns of [`Sequences::steps`].
    pub fn step_fields(&self) -> Schema {
        self.with_time(&self.steps, self.has_gap(), "since the step before")
    }

    fn with_time(&self, schema: &Schema, has: bool, what: &str) -> Schema {
        let mut fields = Vec::new();
        if let (true, Some(order)) = (has, &self.order) {
            let kind = match (self.clock.unit, &order.kind) {
                (super::Unit::One, ColumnKind::Integer) | (super::Unit::Day | super::Unit::Month, _) => {
                    ColumnKind::Integer
                }
                (_, ColumnKind::Decimal { decimals }) => ColumnKind::Decimal { decimals: *decimals },
                _ => ColumnKind::Decimal { decimals: 6 },
            };
            fields.push(Field::new(&format!("{} ({what})", order.name), kind, Reason::Untold));
        }
        fields.extend(schema.fields.iter().cloned());
        Schema { fields, nest: None, dialect: None }
    }

    /// The schema of the rows, in the order of the file. `numbered` adds a column that numbers sequences, for several of one long series.
    pub fn rows(&self, numbered: bool) -> Schema {
        if let Some(wide) = &self.wide {
            let value = self.field(&wide.long[2]);
            let fields = wide.names.iter().filter_map(|name| match wide.steps.contains(name) {
                true => value.map(|f| Field { name: name.clone(), ..f.clone() }),
                false => self.field(name).cloned(),
            });
            return Schema { fields: fields.collect(), nest: None, dialect: self.dialect };
        }
        let mut fields: Vec<Field> = self.names.iter().filter_map(|name| self.field(name).cloned()).collect();
        if numbered {
            fields.insert(0, Field::new(SEQUENCE, ColumnKind::Integer, Reason::Untold));
        }
        Schema { fields, nest: None, dialect: self.dialect }
    }

    /// Whether a sample of `count` sequences needs a column that tells them apart.
    pub fn numbers(&self, count: u64) -> bool {
        self.key.is_empty() && self.wide.is_none() && count > 1
    }

    fn field(&self, name: &str) -> Option<&Field> {
        let order = self.order.iter().filter(|f| f.name == name);
        order.chain(self.context.fields.iter().chain(&self.steps.fields).filter(|f| f.name == name)).next()
    }

    /// The rows of sequences that were made: keys for sequences `first ..`, times from where each starts, all in the form of the file.
    /// `numbered` as in [`Shape::rows`].
    ///
    /// # Errors
    /// When the frames are not of this shape, or a sequence is too long for the file's form.
    pub fn render(&self, made: Made, first: u64, seed: u64, numbered: bool) -> Result<Table> {
        let Made { sequences, starts } = made;
        let (at, rows) = (sequences.offsets.clone(), sequences.steps.rows);
        let mut context = sequences.context;
        let own = self.has_start().then(|| context.columns.remove(0));
        if self.has_length() {
            context.columns.remove(0);
        }
        let starts = match (starts, own) {
            (Some(starts), _) => starts,
            (None, Some(Column::Number(starts))) => starts,
            _ => vec![self.clock.start.unwrap_or(0.0); at.len() - 1],
        };
        let mut steps = sequences.steps;
        let gaps = self.has_gap().then(|| steps.columns.remove(0));
        let mut all = Vec::new();
        if let Some(order) = &self.order {
            let every = self.clock.every.unwrap_or(0.0);
            let gap = |i: usize| match &gaps {
                Some(Column::Number(gaps)) => gaps[i].max(0.0),
                _ => every,
            };
            let mut times = Vec::with_capacity(rows);
            for (p, &start) in at.windows(2).zip(&starts) {
                let mut time = start;
                for i in p[0]..p[1] {
                    if i > p[0] {
                        // A sum of many equal steps would drift.
                        time = if self.has_gap() { time + gap(i) } else { start + every * (i - p[0]) as f64 };
                    }
                    times.push(self.clock.time(time));
                }
            }
            let schema = Schema { fields: vec![order.clone()], nest: None, dialect: None };
            all.push(schema.render(Frame::new(vec![Column::Number(times)], rows), 0, seed)?);
        }
        let repeated: Vec<usize> =
            at.windows(2).enumerate().flat_map(|(i, p)| std::iter::repeat_n(i, p[1] - p[0])).collect();
        if !self.context.fields.is_empty() {
            all.push(self.context.render(context, first, seed)?.take(&repeated)?);
        }
        if !self.steps.fields.is_empty() {
            all.push(self.steps.render(steps, 0, seed)?);
        }
        let schema = self.rows(false);
        let names: Vec<String> = match &self.wide {
            Some(_) => self.names.clone(),
            None => schema.fields.iter().map(|f| f.name.clone()).collect(),
        };
        let mut table = Table { rows, dialect: self.dialect, ..Table::default() };
        for name in &names {
            let Some((of, j)) = all.iter().find_map(|t| Some((t, t.names.iter().position(|n| n == name)?))) else {
                continue;
            };
            table.names.push(name.clone());
            table.columns.push(of.columns[j].clone());
            table.missing_tokens.push(of.missing_tokens[j].clone());
            table.arrow.push(of.arrow[j].clone());
        }
        if numbered {
            let numbers = repeated.iter().map(|&i| (first + i as u64) as i64);
            table.names.insert(0, SEQUENCE.to_owned());
            table.columns.insert(0, std::sync::Arc::new(arrow_array::Int64Array::from_iter_values(numbers)));
            table.missing_tokens.insert(0, String::new());
            table.arrow.insert(0, None);
        }
        match &self.wide {
            Some(wide) => wide.fold(&table, &at),
            None => Ok(table),
        }
    }

    /// What is wrong with a shape that was read from a file, if anything.
    pub fn problem(&self) -> Option<String> {
        let own = self.order.iter().chain(&self.context.fields).chain(&self.steps.fields);
        let unfit = own.filter_map(|f| f.problem().map(|p| format!("column `{}` {p}", f.name))).next();
        let bad = |x: Option<f64>| x.is_some_and(|x| !x.is_finite());
        unfit.or_else(|| {
            (bad(self.clock.every)
                || bad(self.clock.start)
                || !self.clock.rest.is_finite()
                || self.clock.every.is_some_and(|e| e <= 0.0))
            .then(|| "the clock runs at no rate".to_owned())
        })
    }

    /// Parts tables of contexts and steps into frames. Other tables than the one that was learnt are taken as they are.
    fn sequences(
        &self,
        at: &[usize],
        times: Vec<f64>,
        (context, steps): (&Table, &Table),
        other: bool,
    ) -> Result<Sequences> {
        let parse = |schema: &Schema, table: &Table| match schema.modelled().next() {
            None => Ok(Frame::new(Vec::new(), table.rows)),
            Some(_) if other => Ok(schema.parse_other(table)?.frame),
            Some(_) => schema.parse(table),
        };
        let (mut context, mut steps) = (parse(&self.context, context)?, parse(&self.steps, steps)?);
        context.rows = at.len() - 1;
        if self.has_length() {
            context.columns.insert(0, Column::Number(at.windows(2).map(|p| (p[1] - p[0]) as f64).collect()));
        }
        if self.has_start() {
            context.columns.insert(
                0,
                Column::Number(at.windows(2).map(|p| times.get(p[0]).copied().unwrap_or(f64::NAN)).collect()),
            );
        }
        if self.has_gap() {
            let mut gaps = vec![f64::NAN; times.len()];
            at.windows(2).for_each(|p| (p[0] + 1..p[1]).for_each(|i| gaps[i] = times[i] - times[i - 1]));
            steps.columns.insert(0, Column::Number(gaps));
        }
        Ok(Sequences { offsets: at.to_vec(), context, steps, times })
    }

    /// What the series are, in a sentence.
    fn said(&self, sequences: &Sequences) -> String {
        let (least, most) = (sequences.lengths().min().unwrap_or(0), sequences.lengths().max().unwrap_or(0));
        let name = |f: &Field| format!("`{}`", f.name);
        let order = match &self.order {
            None => "in the order of the file".to_owned(),
            Some(field) => {
                let every = match self.clock.every {
                    Some(1.0) => format!("every {}", self.clock.unit_name(is_date(field)).trim_end_matches('s')),
                    Some(every) => format!("every {every} {}", self.clock.unit_name(is_date(field))),
                    None => "at uneven times".to_owned(),
                };
                format!("by {}, {every}", name(field))
            }
        };
        match self.key.is_empty() {
            true => {
                let short = match most < SHORT {
                    true => "; it is short: models can only put together anew what it has shown",
                    false => "",
                };
                format!(
                    "one long series of {most} steps, {order}; it is one person's, so that no one else's privacy can be measured in it{short}"
                )
            }
            false => {
                let lengths =
                    if least == most { format!("{most} steps each") } else { format!("{least} to {most} steps") };
                format!("{} sequences by {}, {lengths}, {order}", sequences.count(), self.key.join(" and "))
            }
        }
    }
}

/// What the number of steps of a sequence is called among its context.
pub const LENGTH: &str = "steps (number)";

/// The column that numbers several sequences of one long series.
pub const SEQUENCE: &str = "sequence";

/// What plays which part, where the config does not say.
fn parts(series: &Series, said: &Settings, notes: &mut Vec<String>) -> Result<Settings> {
    let mut settings = said.clone();
    if let Some(wide) = &series.wide {
        settings.key.get_or_insert(super::Names::One(wide.long[0].clone()));
        settings.order.get_or_insert(wide.long[1].clone());
        let (first, last) = (&wide.steps[0], &wide.steps[wide.steps.len() - 1]);
        notes.push(format!("a row is a sequence, whose {} steps are the columns {first} to {last}", wide.steps.len()));
        return Ok(settings);
    }
    if settings.key.is_some() && settings.order.is_some() {
        return Ok(settings);
    }
    let found = recognise(&series.table, &detected(&series.table)?)?;
    let fits = |found: &super::Found| {
        let key = settings.key.as_ref().is_none_or(|k| k.list() == found.key.as_slice());
        let order = settings.order.is_none() || settings.order == found.order;
        key && order
    };
    if let Some(found) = found.filter(fits) {
        if settings.key.is_none() && settings.order.is_none() {
            notes.push(format!("taken for series: {}", found.why.join("; ")));
        }
        settings.key = settings.key.or(found.key.map(super::Names::One));
        settings.order = settings.order.or(found.order);
    } else if settings.key.is_none() && settings.order.is_none() {
        notes.push(
            "no column says whose sequence a row belongs to or when it comes: all rows are taken for one series, in the order of the file; \
             name them under [data.series] if they are not"
                .to_owned(),
        );
    }
    Ok(settings)
}

/// The order column, as a number or a date.
fn order_field(table: &Table, name: &str, wishes: &DetectSettings) -> Result<Field> {
    let one = table.select(&[name.to_owned()])?;
    let mut known = wishes.clone();
    known.overrides.retain(|n, _| n == name);
    let field = |known: &DetectSettings| Ok::<_, Error>(Schema::detect(&one, known)?.fields.into_iter().next());
    let found = field(&known)?;
    if let Some(found) = found.filter(Field::is_number) {
        return Ok(found);
    }
    // Few different numbers were taken for categories, all different ones for keys.
    for kind in [ColumnKindName::Integer, ColumnKindName::Decimal] {
        known.overrides.insert(name.to_owned(), Override::from(kind));
        if let Ok(Some(found)) = field(&known) {
            return Ok(found);
        }
    }
    Err(Error::column(name, "is neither a date nor a number, and so says no order; name another in data.series.order"))
}

/// The meaning of some columns; what is not learnt is said.
fn understood(table: &Table, known: &DetectSettings, notes: &mut Vec<String>) -> Result<Schema> {
    if table.names.is_empty() {
        return Ok(Schema::default());
    }
    let detected = Detected::of(table, known)?;
    notes.extend(detected.notes());
    Ok(Schema { nest: None, dialect: None, ..detected.schema })
}

fn is_date(field: &Field) -> bool {
    matches!(field.kind, ColumnKind::Datetime { .. })
}

fn count_steps(at: &[usize]) -> Vec<f64> {
    at.windows(2).flat_map(|p| (0..p[1] - p[0]).map(|i| i as f64)).collect()
}

/// Rows in the order of their sequences and times.
struct Grouped {
    index: Vec<usize>,
    offsets: Vec<usize>,
    times: Vec<f64>,
}

impl Grouped {
    /// Groups by the texts of `keys`, in the order in which they first come; within a group by time, ties as the file has them. Rows
    /// without a key or a time are left out, and said.
    fn of(table: &Table, keys: &[String], order: Option<&Field>, notes: &mut Vec<String>) -> Result<Grouped> {
        let times = match order {
            None => None,
            Some(field) => {
                let schema = Schema { fields: vec![field.clone()], nest: None, dialect: None };
                table.index(&field.name)?;
                match schema.parse_other(table)?.frame.columns.pop() {
                    Some(Column::Number(times)) => Some(times),
                    _ => None,
                }
            }
        };
        let (of, groups) = group_rows(table, keys)?;
        let mut rows: Vec<Vec<usize>> = vec![Vec::new(); groups];
        let mut lost = 0;
        for (i, group) in of.iter().enumerate() {
            match (group, times.as_ref().is_none_or(|t| t[i].is_finite())) {
                (Some(group), true) => rows[*group].push(i),
                _ => lost += 1,
            }
        }
        rows.retain(|rows| !rows.is_empty());
        if rows.is_empty() {
            return Err(Error::Sequences {
                what: "there is no row with a key and a time; name others under [data.series]".into(),
            });
        }
        if lost > 0 {
            notes.push(format!("{lost} rows without a key or a time are left out"));
        }
        if let Some(times) = &times {
            let mut moved = false;
            for rows in &mut rows {
                moved |= !rows.is_sorted_by(|&a, &b| times[a] <= times[b]);
                rows.sort_by(|&a, &b| times[a].total_cmp(&times[b]));
            }
            if moved {
                notes.push("rows did not lie in the order of their times, and were sorted".to_owned());
            }
        }
        let index: Vec<usize> = rows.iter().flatten().copied().collect();
        let times = times.map_or_else(Vec::new, |times| index.iter().map(|&i| times[i]).collect());
        Ok(Grouped { offsets: offsets(rows.iter().map(Vec::len)), index, times })
    }
}

/// The group of each row, and how many there are; rows without a key have none.
fn group_rows(table: &Table, keys: &[String]) -> Result<(Vec<Option<usize>>, usize)> {
    let mut of: Vec<Option<usize>> = vec![Some(0); table.rows];
    let mut groups = 1;
    for key in keys {
        let text = table.text(table.index(key)?)?;
        let mut seen: FxHashMap<(usize, &str), usize> = FxHashMap::default();
        for (i, of) in of.iter_mut().enumerate() {
            *of = match (*of, text.is_valid(i)) {
                (Some(group), true) => {
                    let next = seen.len();
                    Some(*seen.entry((group, text.value(i))).or_insert(next))
                }
                _ => None,
            };
        }
        groups = seen.len();
    }
    Ok((of, groups))
}
