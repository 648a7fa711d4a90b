//! Tables: classes brought to sizes, then rows changed.

use std::ops::Range;
use std::sync::Arc;

use verisim_data::series::Source;
use verisim_data::table::rules::RuleSettings;
use verisim_data::table::{Column, Filler, Frame, Schema, Table, Writer, io};
use verisim_data::{Event, Watch};

use super::passages::Texts;
use super::{Ask, Augmented};
use crate::error::{Error, Result};
use crate::pipeline::Pipeline;
use crate::table::{Keeper, Resampled, apply};

/// Rows that are in memory a second time, changed.
const CHUNK: usize = 1 << 16;

/// Some rows that follow each other in what is written.
enum Part {
    /// Rows of the table as they stand.
    Kept(Arc<[usize]>),
    /// Rows of the table once more, under new keys.
    Again(Arc<[usize]>),
    /// Rows between two, and the first of them.
    Between(Arc<[usize]>),
    /// These rows changed, in this pass.
    Changed(Arc<[usize]>, u64),
}

impl Part {
    fn rows(&self) -> &[usize] {
        match self {
            Part::Kept(rows) | Part::Again(rows) | Part::Between(rows) | Part::Changed(rows, _) => rows,
        }
    }
}

/// A table that is augmented.
struct Work<'a> {
    pipeline: &'a Pipeline,
    table: Table,
    schema: Schema,
    frame: Frame,
    keeper: Keeper,
    resampled: Resampled,
    filler: Filler,
    texts: Option<Texts>,
    /// Whether real rows are written too.
    originals: bool,
}

pub(super) fn run(pipeline: &Pipeline, ask: &Ask, watch: &mut dyn Watch) -> Result<Augmented> {
    let source = pipeline.source(&ask.data);
    super::is_free(ask)?;
    let table = source.table(watch)?;
    let schema = Schema::detect(&table, &source.wishes())?;
    let texts = Texts::of(pipeline, &schema, &table)?;
    if let Some(texts) = &texts {
        texts.check(&table)?;
    }
    // Where only text is changed, nothing else must be understood.
    let whole = !pipeline.table.is_empty() || pipeline.resample.is_some();
    let frame = parsed(&table, &schema, &source, whole)?;
    let rules = source.rules.clone().unwrap_or_default();
    let rules = RuleSettings { find: rules.find && whole, ..rules };
    let keeper = Keeper::of(&schema, &frame, &rules)?;
    let all: Vec<usize> = (0..frame.rows).collect();
    let resampled = match &pipeline.resample {
        Some(resample) => {
            let own = pipeline.target.clone().filter(|_| resample.target.is_empty());
            let resample =
                crate::table::Resample { target: own.unwrap_or(resample.target.clone()), ..resample.clone() };
            resample.apply(&schema, &frame, &keeper, pipeline.seed)?
        }
        None => Resampled { kept: all, made: frame.take(&[]), ..Resampled::default() },
    };
    let filler = Filler::changing(&schema, &table, !io::is_delimited(&ask.out));
    let mut writer = Writer::create(&ask.out, filler.schema())?;
    let originals = ask.originals;
    let work = Work { pipeline, table, schema, frame, keeper, resampled, filler, texts, originals };
    let parts = work.parts(ask);
    let total = parts.iter().map(|part| part.rows().len()).sum();
    let asked = ask.part(total);
    watch.on(Event::Begin { unit: "rows", total: asked.len() as u64, done: 0 });
    let done = work.write(&parts, asked, &mut writer, watch);
    watch.on(Event::End);
    let [kept, made, unchanged] = done?;
    writer.finish()?;
    let mut notes = work.keeper.notes.clone();
    if let Some(texts) = &work.texts {
        notes.push(texts.said(&work.table));
    }
    notes.extend(work.resampled.notes.clone());
    let mut count = |n: u64, what: &str| {
        if n > 0 {
            notes.push(format!("{n} rows {what}"));
        }
    };
    count(unchanged, "are as they were: no change of theirs kept the rules");
    count(work.resampled.repeated as u64, "are real ones again: nothing between two that keeps the rules was found");
    Ok(Augmented { unit: "rows", kept, made, notes, seconds: 0.0 })
}

/// The values of the columns that can be changed.
fn parsed(table: &Table, schema: &Schema, source: &Source, whole: bool) -> Result<Frame> {
    let frame = match schema.modelled().next() {
        Some(_) => schema.parse(table)?,
        None => Frame::new(Vec::new(), table.rows),
    };
    if frame.rows == 0 || whole && frame.columns.is_empty() {
        let what = "holds nothing that can be changed: no row, or no column of numbers, dates or categories";
        return Err(Error::File { path: source.path.clone(), what: what.into() });
    }
    Ok(frame)
}

impl Work<'_> {
    /// How many real rows are left; those that were repeated come after them.
    fn kept(&self) -> usize {
        let all = &self.resampled.kept;
        (1..all.len()).find(|&i| all[i] <= all[i - 1]).unwrap_or(all.len())
    }

    /// All that is written, in order.
    fn parts(&self, ask: &Ask) -> Vec<Part> {
        let (kept, again) = self.resampled.kept.split_at(self.kept());
        let kept: Arc<[usize]> = kept.into();
        let mut parts = Vec::new();
        if ask.originals {
            parts.push(Part::Kept(kept.clone()));
        }
        parts.push(Part::Again(again.into()));
        parts.push(Part::Between(self.resampled.parents.iter().map(|parents| parents[0]).collect()));
        if !self.pipeline.table.is_empty() || self.texts.is_some() {
            parts.extend((0..ask.times).map(|pass| Part::Changed(kept.clone(), pass)));
        }
        parts
    }

    /// Writes rows `asked` of all; how many were kept and made, and how many changes came to nothing.
    fn write(
        &self,
        parts: &[Part],
        asked: Range<usize>,
        writer: &mut Writer<'_>,
        watch: &mut dyn Watch,
    ) -> Result<[u64; 3]> {
        let (mut begin, mut counts) = (0, [0u64; 3]);
        for part in parts {
            let own = begin..begin + part.rows().len();
            let (from, to) = (asked.start.clamp(own.start, own.end), asked.end.clamp(own.start, own.end));
            for first in (from..to).step_by(CHUNK) {
                if watch.stopped() {
                    return Err(Error::Stopped);
                }
                let chunk = first..(first + CHUNK).min(to);
                let (rows, unchanged) = self.rows(part, chunk.start - own.start..chunk.end - own.start, first)?;
                writer.write(&rows)?;
                counts[usize::from(!matches!(part, Part::Kept(_)))] += chunk.len() as u64;
                counts[2] += unchanged as u64;
                watch.on(Event::done((chunk.end - asked.start) as u64));
            }
            begin = own.end;
        }
        Ok(counts)
    }

    /// Rows `which` of a part, the first of which is row `first` of all that is written, and how many of them no change fitted.
    fn rows(&self, part: &Part, which: Range<usize>, first: usize) -> Result<(Table, usize)> {
        let from = &part.rows()[which.clone()];
        let real = self.table.take(from)?;
        let (frame, unchanged) = match part {
            Part::Kept(_) | Part::Again(_) => (self.frame.take(from), 0),
            Part::Between(_) => (self.resampled.made.take(&which.collect::<Vec<_>>()), 0),
            Part::Changed(..) if self.pipeline.table.is_empty() => (self.frame.take(from), 0),
            Part::Changed(_, pass) => {
                let changed = apply(self.pipeline, &self.schema, &self.frame, &self.keeper, from, *pass)?;
                (changed.frame, changed.unchanged)
            }
        };
        // New keys follow those of the table; what stands before is of it.
        let key = if self.originals { first.saturating_sub(self.kept()) } else { first } as u64;
        let holes = differing(&frame, &self.frame.take(from));
        let made = self.schema.render(frame, key, self.pipeline.seed)?;
        let table = match (part, &self.texts) {
            (Part::Kept(_), _) => self.filler.as_they_stand(&real, &made)?,
            (Part::Changed(_, pass), Some(texts)) => {
                texts.change(self.pipeline, self.filler.fill(&real, &holes, &made)?, from, *pass)?
            }
            _ => self.filler.fill(&real, &holes, &made)?,
        };
        Ok((table, unchanged))
    }
}

/// Which cells of two frames of the same columns differ.
fn differing(a: &Frame, b: &Frame) -> Vec<Vec<bool>> {
    let column = |(a, b): (&Column, &Column)| match (a, b) {
        (Column::Number(a), Column::Number(b)) => a.iter().zip(b).map(|(a, b)| a.to_bits() != b.to_bits()).collect(),
        (Column::Category { codes: a, .. }, Column::Category { codes: b, .. }) => {
            a.iter().zip(b).map(|(a, b)| a != b).collect()
        }
        _ => vec![true; a.len()],
    };
    a.columns.iter().zip(&b.columns).map(column).collect()
}
