//! The tables of one evaluation on common ground: every column is a number or a code into one list of
//! levels that all tables share.
//!
//! **What counts as a category.** A column of numbers (a `Number` column, or a category all of whose
//! training levels read as numbers) is compared as a category when its training values are all whole and
//! take at most [`MAX_WHOLE_LEVELS`] distinct values, and as a number otherwise. Every other column is a
//! category. So the same file gives the same scores whether the schema calls a 0/1 column a number or not.
//! A missing category is a level of its own; a missing (or infinite) number is missing. Words that stand among numbers are
//! missing there, and a column of categories beside it: `price (word)`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use verisim_data::table::date::DateFormat;
use verisim_data::table::frame::word_of;
use verisim_data::table::{Column, ColumnKind, Field, Frame, MISSING, Schema};

use super::detection::{others, sample};
use super::unit::Unit;
use crate::{Error, Result};

/// Whole numbers with more distinct training values than this are compared as numbers.
pub const MAX_WHOLE_LEVELS: usize = 20;

/// What stands for a missing category in reports.
pub(crate) const MISSING_LEVEL: &str = "(missing)";
/// What stands for every number in a column of words.
const NUMBER_LEVEL: &str = "(number)";

/// How a column is compared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scale {
    /// A quantity, measured in `unit`; rows are matched after rounding to `decimals` digits after the point, or as they are where
    /// numbers are told by their first digits.
    Number { decimals: Option<u8>, unit: Unit },
    /// A level out of a list; the code of a missing value, if there is one, is the last.
    Category { levels: Vec<String>, missing: bool },
}

/// Name and scale of a compared column.
#[derive(Clone, Debug)]
pub(crate) struct Compared {
    pub name: String,
    pub scale: Scale,
    /// How dates are written; for times, which are seconds since 1970-01-01.
    pub date: Option<DateFormat>,
}

impl Compared {
    pub fn is_number(&self) -> bool {
        matches!(self.scale, Scale::Number { .. })
    }

    /// Number of levels of a category, 0 for a number.
    pub fn levels(&self) -> usize {
        match &self.scale {
            Scale::Number { .. } => 0,
            Scale::Category { levels, .. } => levels.len(),
        }
    }
}

/// One column of one table.
#[derive(Clone, Debug)]
pub(crate) enum Values {
    /// In the [`Unit`] of the column. `NaN` is missing; never infinite, never `-0.0`.
    Number(Vec<f64>),
    /// Codes into the levels of [`Compared`].
    Category(Vec<u32>),
}

impl Values {
    pub fn take(&self, rows: &[usize]) -> Values {
        match self {
            Values::Number(v) => Values::Number(rows.iter().map(|&i| v[i]).collect()),
            Values::Category(v) => Values::Category(rows.iter().map(|&i| v[i]).collect()),
        }
    }
}

/// One table; column `j` belongs to field `j` of [`Comparison`].
#[derive(Clone, Debug)]
pub(crate) struct ValueTable {
    pub rows: usize,
    pub columns: Vec<Values>,
}

impl ValueTable {
    /// The rows of both, these first.
    pub fn under(&self, other: &ValueTable) -> ValueTable {
        let columns = self.columns.iter().zip(&other.columns).map(|(a, b)| match (a, b) {
            (Values::Number(a), Values::Number(b)) => Values::Number([&a[..], b].concat()),
            (Values::Category(a), Values::Category(b)) => Values::Category([&a[..], b].concat()),
            // Columns of one field are of one kind.
            _ => a.clone(),
        });
        ValueTable { rows: self.rows + other.rows, columns: columns.collect() }
    }

    pub fn take(&self, rows: &[usize]) -> ValueTable {
        ValueTable { rows: rows.len(), columns: self.columns.iter().map(|c| c.take(rows)).collect() }
    }
}

/// The training rows, the synthetic rows and, where there are some, rows that the generator never saw.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    pub fields: Vec<Compared>,
    pub real: ValueTable,
    pub synthetic: ValueTable,
    pub holdout: Option<ValueTable>,
}

impl Comparison {
    /// Brings the frames onto common ground.
    ///
    /// # Errors
    /// A table without rows, or one whose columns are not those of `schema`.
    pub fn new(schema: &Schema, real: &Frame, synthetic: &Frame, holdout: Option<&Frame>) -> Result<Comparison> {
        let modelled: Vec<&Field> = schema.fields.iter().filter(|f| f.is_modelled()).collect();
        if modelled.is_empty() {
            return Err(Error::NoColumns);
        }
        let named = [("real", Some(real)), ("synthetic", Some(synthetic)), ("hold-out", holdout)];
        let frames: Vec<(&'static str, &Frame)> =
            named.into_iter().filter_map(|(name, frame)| Some((name, frame?))).collect();
        for &(table, frame) in &frames {
            if frame.rows == 0 {
                return Err(Error::NoRows { table });
            }
            if frame.columns.len() != modelled.len() {
                return Err(Error::ColumnCount { table, found: frame.columns.len(), expected: modelled.len() });
            }
        }
        let mut tables: Vec<ValueTable> =
            frames.iter().map(|(_, f)| ValueTable { rows: f.rows, columns: Vec::new() }).collect();
        let mut fields = Vec::with_capacity(modelled.len());
        for (j, field) in modelled.into_iter().enumerate() {
            check_kinds(field, j, &frames)?;
            let columns: Vec<&Column> = frames.iter().map(|(_, f)| &f.columns[j]).collect();
            let date = match &field.kind {
                ColumnKind::Datetime { format } => Some(DateFormat::new(format)),
                _ => None,
            };
            let words = words(field, &columns).map(|words| (format!("{} (word)", field.name), None, words));
            for (name, date, (scale, values)) in
                [(field.name.clone(), date, unify(field, &columns))].into_iter().chain(words)
            {
                fields.push(Compared { name, scale, date });
                tables.iter_mut().zip(values).for_each(|(table, v)| table.columns.push(v));
            }
        }
        let mut tables = tables.into_iter();
        let (Some(real), Some(synthetic)) = (tables.next(), tables.next()) else {
            return Err(Error::NoColumns);
        };
        Ok(Comparison { fields, real, synthetic, holdout: tables.next() })
    }
}

impl Comparison {
    /// The tables with a hold-out: where there is none, a third of the training rows, which are no training rows then.
    pub fn parted(&self, seed: u64) -> Cow<'_, Comparison> {
        if self.holdout.is_some() {
            return Cow::Borrowed(self);
        }
        let third = sample(self.real.rows, self.real.rows / 3, seed, 5);
        let real = self.real.take(&others(&third, self.real.rows));
        Cow::Owned(Comparison {
            fields: self.fields.clone(),
            real,
            synthetic: self.synthetic.clone(),
            holdout: Some(self.real.take(&third)),
        })
    }

    /// The tables with at most as many rows each as hold `cells` cells, but at least `rows`, drawn by the seed; nothing where all
    /// have fewer.
    pub fn sampled(&self, cells: usize, rows: usize, seed: u64) -> Option<Comparison> {
        let most = rows.max(cells / self.fields.len());
        let longest = [Some(&self.real), Some(&self.synthetic), self.holdout.as_ref()].into_iter().flatten();
        if longest.map(|t| t.rows).max()? <= most {
            return None;
        }
        let some = |t: &ValueTable, side| t.take(&sample(t.rows, t.rows.min(most), seed, side));
        Some(Comparison {
            fields: self.fields.clone(),
            real: some(&self.real, 20),
            synthetic: some(&self.synthetic, 21),
            holdout: self.holdout.as_ref().map(|h| some(h, 22)),
        })
    }
}

fn check_kinds(field: &Field, j: usize, frames: &[(&'static str, &Frame)]) -> Result<()> {
    for &(table, frame) in frames {
        if matches!(frame.columns[j], Column::Number(_)) != field.is_number() {
            let expected = if field.is_number() { "numbers" } else { "categories" };
            return Err(Error::ColumnKind { table, column: field.name.clone(), expected });
        }
    }
    Ok(())
}

/// One column of every table, the training table first.
fn unify(field: &Field, columns: &[&Column]) -> (Scale, Vec<Values>) {
    match numbers(field, columns) {
        Some((values, _)) if few_whole(&values[0]) => whole_levels(&values),
        Some((values, decimals)) => {
            let unit = Unit::of(&values);
            let put = |v: Vec<f64>| Values::Number(v.into_iter().map(|x| unit.put(x)).collect());
            (Scale::Number { decimals, unit }, values.into_iter().map(put).collect())
        }
        None => text_levels(columns, &Spelling::of(field, columns)),
    }
}

/// Pairs of words for no and yes, as programs write them.
const TRUTHS: [[&str; 2]; 6] = [["false", "true"], ["no", "yes"], ["0", "1"], ["0.0", "1.0"], ["f", "t"], ["n", "y"]];

/// How the training table writes no and yes, so that another spelling is the same value. Of other columns nothing.
struct Spelling(Option<[String; 2]>);

impl Spelling {
    fn of(field: &Field, columns: &[&Column]) -> Spelling {
        let Some(Column::Category { codes, levels }) = columns.first() else { return Spelling(None) };
        let own = levels.iter().zip(used(codes, levels.len())).filter(|(_, used)| *used).map(|(level, _)| level);
        let own: Vec<&String> = own.collect();
        if field.kind != ColumnKind::Boolean || own.len() != 2 {
            return Spelling(None);
        }
        let [a, b] = [own[0], own[1]];
        Spelling(match (truth(a), truth(b)) {
            (Some(false), Some(true)) => Some([a.clone(), b.clone()]),
            (Some(true), Some(false)) => Some([b.clone(), a.clone()]),
            _ => None,
        })
    }

    /// The level as the training table writes it.
    fn own<'a>(&'a self, level: &'a str) -> &'a str {
        match (&self.0, truth(level)) {
            (Some(words), Some(yes)) => &words[usize::from(yes)],
            _ => level,
        }
    }
}

/// What a word says, if it says yes or no.
fn truth(word: &str) -> Option<bool> {
    let word = word.trim().to_lowercase();
    let place = TRUTHS.iter().flatten().position(|w| *w == word)?;
    Some(place % 2 == 1)
}

/// The words of a column of numbers, if it has some: so a word that was lost is seen, and its share is compared.
fn words(field: &Field, columns: &[&Column]) -> Option<(Scale, Vec<Values>)> {
    let names = &field.numeral.words;
    let numbers = |c: &&Column| match c {
        Column::Number(v) => v.clone(),
        Column::Category { .. } => Vec::new(),
    };
    let tables: Vec<Vec<f64>> = columns.iter().map(numbers).collect();
    let known = |x: f64| word_of(x).filter(|&k| (k as usize) < names.len());
    if !tables.iter().flatten().any(|&x| known(x).is_some()) {
        return None;
    }
    let absent = |x: f64| x.is_nan() && known(x).is_none();
    let code = |&x: &f64| match known(x) {
        Some(word) => word + 1,
        None if absent(x) => names.len() as u32 + 1,
        None => 0,
    };
    let values = tables.iter().map(|v| Values::Category(v.iter().map(code).collect())).collect();
    let levels = std::iter::once(NUMBER_LEVEL.to_owned()).chain(names.iter().cloned());
    Some((category(levels, tables.iter().flatten().any(|&x| absent(x))), values))
}

/// The columns as numbers with their decimal places, if they are numbers in the sense of the module's rule. No decimal places are
/// given for numbers that are told by their first digits.
fn numbers(field: &Field, columns: &[&Column]) -> Option<(Vec<Vec<f64>>, Option<u8>)> {
    let decimals = match field.kind {
        ColumnKind::Decimal { .. } if field.numeral.significant.is_some() => None,
        ColumnKind::Decimal { decimals } => Some(decimals.min(12)),
        ColumnKind::Datetime { .. } => Some(6),
        ColumnKind::Categorical { numeric: true } => Some(level_decimals(columns.first()?)?),
        _ if field.is_number() => Some(0),
        _ => return None,
    };
    let values = columns.iter().map(|c| match c {
        Column::Number(v) => v.iter().map(|&x| finite(x)).collect(),
        Column::Category { codes, levels } => {
            let parsed: Vec<f64> = levels.iter().map(|l| parse(l)).collect();
            codes.iter().map(|&c| parsed.get(c as usize).copied().unwrap_or(f64::NAN)).collect()
        }
    });
    Some((values.collect(), decimals))
}

/// Most digits after the point among the levels in use; `None` when one of them is no number.
fn level_decimals(column: &Column) -> Option<u8> {
    let Column::Category { codes, levels } = column else {
        return None;
    };
    let mut decimals = 0;
    for (level, used) in levels.iter().zip(used(codes, levels.len())) {
        if used {
            if parse(level).is_nan() {
                return None;
            }
            let digits = level.trim().rsplit_once('.').map_or(0, |(_, d)| d.len());
            decimals = decimals.max(digits.min(12) as u8);
        }
    }
    Some(decimals)
}

fn parse(text: &str) -> f64 {
    finite(text.trim().parse().unwrap_or(f64::NAN))
}

/// `NaN` for an infinity, `0.0` for `-0.0`.
fn finite(x: f64) -> f64 {
    if x.is_finite() { x + 0.0 } else { f64::NAN }
}

fn used(codes: &[u32], levels: usize) -> Vec<bool> {
    let mut used = vec![false; levels];
    for &c in codes {
        if let Some(u) = used.get_mut(c as usize) {
            *u = true;
        }
    }
    used
}

/// All present values are whole and there are at most [`MAX_WHOLE_LEVELS`] of them. Stops at the first
/// value that says no, so that a continuous column costs a handful of comparisons.
fn few_whole(values: &[f64]) -> bool {
    let mut seen: Vec<f64> = Vec::with_capacity(MAX_WHOLE_LEVELS);
    for &x in values.iter().filter(|x| !x.is_nan()) {
        if seen.contains(&x) {
            continue;
        }
        if x.fract() != 0.0 || seen.len() == MAX_WHOLE_LEVELS {
            return false;
        }
        seen.push(x);
    }
    true
}

/// Levels out of numbers, in their order.
fn whole_levels(tables: &[Vec<f64>]) -> (Scale, Vec<Values>) {
    let mut levels: Vec<f64> = tables.iter().flatten().copied().filter(|x| !x.is_nan()).collect();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let missing = tables.iter().flatten().any(|x| x.is_nan());
    let code = |x: &f64| {
        let found = levels.binary_search_by(|l| l.total_cmp(x));
        found.unwrap_or(levels.len()) as u32
    };
    let values = tables.iter().map(|v| Values::Category(v.iter().map(code).collect())).collect();
    (category(levels.iter().map(f64::to_string), missing), values)
}

/// Levels out of texts, sorted; only texts that occur in a row count.
fn text_levels(columns: &[&Column], spelling: &Spelling) -> (Scale, Vec<Values>) {
    let mut codes_of: BTreeMap<&str, u32> = BTreeMap::new();
    let mut missing = false;
    for column in columns {
        let Column::Category { codes, levels } = column else {
            continue;
        };
        let used = used(codes, levels.len());
        codes_of.extend(levels.iter().zip(used).filter(|(_, u)| *u).map(|(l, _)| (spelling.own(l), 0)));
        missing |= codes.iter().any(|&c| c == MISSING || c as usize >= levels.len());
    }
    for (i, code) in codes_of.values_mut().enumerate() {
        *code = i as u32;
    }
    let absent = codes_of.len() as u32;
    let recode = |column: &&Column| match column {
        Column::Category { codes, levels } => {
            let new: Vec<u32> =
                levels.iter().map(|l| codes_of.get(spelling.own(l)).copied().unwrap_or(absent)).collect();
            Values::Category(codes.iter().map(|&c| new.get(c as usize).copied().unwrap_or(absent)).collect())
        }
        Column::Number(v) => Values::Category(vec![absent; v.len()]),
    };
    let values = columns.iter().map(recode).collect();
    (category(codes_of.keys().map(|l| l.to_string()), missing), values)
}

fn category(levels: impl Iterator<Item = String>, missing: bool) -> Scale {
    let mut levels: Vec<String> = levels.collect();
    if missing {
        levels.push(MISSING_LEVEL.to_owned());
    }
    Scale::Category { levels, missing }
}
