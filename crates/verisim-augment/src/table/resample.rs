//! Classes brought to the sizes that are wanted: rows made between rows, repeated, or left out.
//!
//! | method | what it does | paper |
//! |---|---|---|
//! | `random_over` | repeats rows | |
//! | `random_under` | leaves rows out | |
//! | `smote` | rows on the line to one of the `k` nearest of their class | Chawla et al. 2002 |
//! | `borderline1` | the same, from rows alone whose neighbourhood is half or more of other classes, and not all | Han et al. 2005 |
//! | `borderline2` | the same, also towards rows of other classes, at most half the way | Han et al. 2005 |
//! | `adasyn` | as `smote`, more rows where more neighbours are of other classes | He et al. 2008 |
//! | `enn`, `tomek` | take rows away where classes overlap | Wilson 1972, Tomek 1976 |
//! | `smote_enn`, `smote_tomek` | `smote`, then take away | Batista et al. 2004 |
//!
//! Definitions and defaults are those of imbalanced-learn 0.14: `x + u (neighbour - x)` with `u` uniform, `k = 5`, `m = 10`, 3 neighbours for
//! `enn`, each class against the rest, and as many rows as the largest class (or as few as the smallest).
//!
//! What is different, and why:
//!
//! - A table of numbers and categories is SMOTE-NC with every method: a category takes the commonest value of the `k` neighbours, and the
//!   median of the class' standard deviations is the distance of two levels. A table of categories alone is SMOTE-N: the value
//!   difference metric, and the commonest value of the row and its neighbours. imbalanced-learn has both for `smote` alone, and its SMOTE-N compares
//!   rows of the distance matrix; here the distances themselves count.
//! - Numbers are compared in units of their standard deviation; `scale = "none"` compares them as they are.
//! - A missing number is a value like another: see [`space`](super::space). Between a row that has a number and one that has none, the new row
//!   takes after the nearer of the two.
//! - New rows keep ranges, digits and rules ([`Keeper`]); one that breaks a rule is made again with another neighbour. After 20 tries a real row
//!   of the class is repeated; [`Resampled::repeated`] says how many.

use std::collections::BTreeMap;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, below, mix, stream, uniform};
use verisim_data::table::{Column, Frame, Schema};

use super::classes::{Classes, MISSING_CLASS};
use super::clean::{edited, unlinked};
use super::keep::Keeper;
use super::nearest::{Found, Tree};
use super::rows::{joined, put};
use super::space::{Scale, Space};
use crate::error::{Error, Result};

/// How often a row that breaks a rule is made again.
const TRIES: u64 = 20;
/// Pairs of rows that are compared at most where `most` is not given: minutes, on two cores. Up to 140,000 rows all pairs are fewer.
const PAIRS: usize = 20_000_000_000;

/// How classes are brought to a size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Rows are repeated.
    RandomOver,
    /// Rows are left out.
    RandomUnder,
    /// Rows are made between neighbours of a class.
    #[default]
    Smote,
    /// As SMOTE, from rows near other classes.
    Borderline1,
    /// As SMOTE, from rows near other classes, towards those too.
    Borderline2,
    /// As SMOTE, more where other classes are near.
    Adasyn,
    /// Rows whose neighbours are of other classes are taken away.
    Enn,
    /// Rows whose nearest is of another class, and the other way round, are taken away.
    Tomek,
    /// SMOTE, then `enn`.
    SmoteEnn,
    /// SMOTE, then `tomek`.
    SmoteTomek,
}

/// Which neighbours must agree for a row to stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Agree {
    /// All of them.
    #[default]
    All,
    /// The commonest class among them.
    Mode,
}

/// How the classes of a table are brought to the sizes that are wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Resample {
    /// The column that holds the class.
    pub target: String,
    /// How.
    pub method: Method,
    /// Neighbours of its class among which a row finds its partner; 5.
    pub k: usize,
    /// Neighbours that say whether a row is near other classes, for `borderline1` and `borderline2`; 10.
    pub m: usize,
    /// Neighbours that must agree with a row, for `enn` and `smote_enn`; 3.
    pub edit: usize,
    /// Which of them must agree.
    pub agree: Agree,
    /// Whether rows of every class are taken away by `enn` and `tomek`, the smallest too; when not given, false for those two alone and true after
    /// SMOTE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clean_all: Option<bool>,
    /// On which scale numbers are compared.
    pub scale: Scale,
    /// How many rows each class gets: `rows = { yes = 5000 }`, others stay. When not given, as many as the largest has (`random_under`: the smallest).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<BTreeMap<String, usize>>,
    /// With how many rows each row is compared at most in search of its neighbours. When not given, neighbours are exact up to some
    /// 140,000 rows, and beyond where the columns are few; a note says where they were not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most: Option<usize>,
}

impl Default for Resample {
    fn default() -> Self {
        Resample {
            target: String::new(),
            method: Method::default(),
            k: 5,
            m: 10,
            edit: 3,
            agree: Agree::default(),
            clean_all: None,
            scale: Scale::default(),
            rows: None,
            most: None,
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Resampled {
    /// The rows of the table that are in it, in order; those that were repeated come again at the end.
    pub kept: Vec<usize>,
    /// The rows that were made, of the same schema and levels.
    pub made: Frame,
    /// For each made row the two between which it lies, first the one from which it starts. Both are rows of the table.
    pub parents: Vec<[usize; 2]>,
    /// Made rows that are real ones again, since none that keeps the rules was found.
    pub repeated: usize,
    /// Searches for neighbours that ended early; 0 says that all neighbours are exact.
    pub inexact: usize,
    /// What should be known besides.
    pub notes: Vec<String>,
}

impl Resampled {
    /// All rows together: first those of `frame` that are kept, then those that were made.
    pub fn frame(&self, frame: &Frame) -> Frame {
        let kept = frame.take(&self.kept);
        if self.made.rows == 0 { kept } else { joined(&kept, &self.made) }
    }

    fn count(&mut self, found: Found) -> Vec<Vec<usize>> {
        self.inexact += found.cut;
        found.neighbours
    }
}

impl Resample {
    /// Brings the classes of `frame`, which `schema` parsed, to the sizes that are wanted. The same seed gives the same rows. Costs a
    /// search for the neighbours of the classes that grow; see [`nearest`](super::nearest).
    ///
    /// # Errors
    /// When the target is none, a class has too few rows for `k`, or a size cannot be.
    pub fn apply(&self, schema: &Schema, frame: &Frame, keeper: &Keeper, seed: u64) -> Result<Resampled> {
        self.check()?;
        let classes = Classes::of(self, schema, frame)?;
        let mut out = Resampled { kept: (0..frame.rows).collect(), made: frame.take(&[]), ..Resampled::default() };
        if classes.unknown > 0 {
            out.notes.push(format!("{} rows without a value of `{}` stay as they are", classes.unknown, self.target));
        }
        match self.method {
            Method::RandomOver => classes.repeat(&self.growth(&classes)?, seed, &mut out),
            Method::RandomUnder => classes.thin(&self.sizes_below(&classes)?, seed, &mut out),
            Method::Enn | Method::Tomek => self.clean(&classes, frame, &mut out)?,
            _ => {
                let maker = Maker { settings: self, classes: &classes, frame, keeper, seed };
                for (class, wanted) in self.growth(&classes)?.into_iter().enumerate().filter(|(_, wanted)| *wanted > 0)
                {
                    maker.grow(class, wanted, &mut out)?;
                }
                if matches!(self.method, Method::SmoteEnn | Method::SmoteTomek) {
                    self.clean(&classes, frame, &mut out)?;
                }
            }
        }
        if out.repeated > 0 {
            let n = out.repeated;
            out.notes
                .push(format!("{n} rows are repeated, since none between neighbours was found that keeps the rules"));
        }
        if out.inexact > 0 {
            let n = out.inexact;
            out.notes.push(format!(
                "the neighbours of {n} rows are near and perhaps not the nearest; raise `most` for exact ones"
            ));
        }
        Ok(out)
    }

    fn check(&self) -> Result<()> {
        let at_least_one = [("k", self.k), ("m", self.m), ("edit", self.edit), ("most", self.most.unwrap_or(1))];
        for (key, value) in at_least_one {
            if value == 0 {
                return Err(Error::setting(key, "must be at least 1"));
            }
        }
        if self.target.is_empty() {
            return Err(Error::setting("target", "is not given; name the column that holds the class"));
        }
        if self.rows.is_some() && matches!(self.method, Method::Enn | Method::Tomek) {
            let what = "means nothing for `enn` and `tomek`, where the data decide what is taken away; remove it";
            return Err(Error::setting("rows", what));
        }
        Ok(())
    }

    /// How many rows each class gets more.
    fn growth(&self, classes: &Classes) -> Result<Vec<usize>> {
        let largest = classes.rows.iter().map(Vec::len).max().unwrap_or(0);
        self.sizes(classes, largest, |size, has| match size.checked_sub(has) {
            Some(more) => Ok(more),
            None => {
                Err(format!("is {size}, and the class has {has} rows already; rows are left out by `random_under`"))
            }
        })
    }

    /// How many rows each class keeps.
    fn sizes_below(&self, classes: &Classes) -> Result<Vec<usize>> {
        let smallest = classes.rows.iter().map(Vec::len).filter(|n| *n > 0).min().unwrap_or(0);
        self.sizes(classes, smallest, |size, has| match size <= has {
            true => Ok(size),
            false => {
                Err(format!("is {size}, and the class has {has} rows; rows are added by `random_over` or `smote`"))
            }
        })
    }

    /// What `of` makes of the wanted and the present size of each class that has rows.
    fn sizes(
        &self,
        classes: &Classes,
        usual: usize,
        of: impl Fn(usize, usize) -> std::result::Result<usize, String>,
    ) -> Result<Vec<usize>> {
        let key = |name: &str| format!("rows.{name}");
        if let Some(rows) = &self.rows {
            let known =
                |name: &String| classes.names.iter().zip(&classes.rows).any(|(n, r)| n == name && !r.is_empty());
            if let Some(name) = rows.keys().find(|name| !known(name)) {
                let what = format!("`{}` has no rows of this class; its classes are {}", self.target, classes.listed());
                return Err(Error::setting(&key(name), what));
            }
        }
        let size = |(name, has): (&String, usize)| {
            let size = match &self.rows {
                Some(rows) => rows.get(name).copied().unwrap_or(has),
                None if has == 0 => 0,
                None => usual,
            };
            of(size, has).map_err(|what| Error::setting(&key(name), what))
        };
        classes.names.iter().zip(classes.rows.iter().map(Vec::len)).map(size).collect()
    }

    /// Takes rows away, of those of the table and those that were made.
    fn clean(&self, classes: &Classes, frame: &Frame, out: &mut Resampled) -> Result<()> {
        let all = out.frame(frame);
        let place = |column: &Column, i: usize| match column {
            Column::Category { codes, .. } if !column.is_missing(i) => codes[i] as usize,
            _ => MISSING_CLASS,
        };
        let of: Vec<usize> = (0..all.rows).map(|i| place(&all.columns[classes.column], i)).collect();
        let known: Vec<usize> = (0..all.rows).filter(|&i| of[i] != MISSING_CLASS).collect();
        let edits = matches!(self.method, Method::Enn | Method::SmoteEnn);
        if edits && known.len() <= self.edit {
            let what = format!("is {}, and the table has {} rows; take fewer", self.edit, known.len());
            return Err(Error::setting("edit", what));
        }
        let space = Space::of(&all, Some(classes.column), self.scale);
        let weight = space.weight(&known);
        let alone = matches!(self.method, Method::Enn | Method::Tomek);
        let spared = (!self.clean_all.unwrap_or(!alone)).then(|| classes.smallest());
        let cleans = |class: usize| class != MISSING_CLASS && Some(class) != spared;
        let most = self.most_of(known.len(), known.len());
        let (stays, cut) = match edits {
            true => edited(&space, &of, weight, (self.edit, self.agree, most), cleans),
            false => unlinked(&space, &of, weight, most, cleans),
        };
        out.inexact += cut;
        let (real, made) = stays.split_at(out.kept.len());
        let left = |stays: &[bool]| (0..stays.len()).filter(|&i| stays[i]).collect::<Vec<usize>>();
        let made = left(made);
        out.kept = left(real).into_iter().map(|i| out.kept[i]).collect();
        out.made = out.made.take(&made);
        out.parents = made.iter().map(|&i| out.parents[i]).collect();
        let mut left = vec![0_usize; classes.names.len()];
        (0..stays.len()).filter(|&i| stays[i] && of[i] != MISSING_CLASS).for_each(|i| left[of[i]] += 1);
        let gone = (0..left.len()).find(|&class| left[class] == 0 && !classes.rows[class].is_empty());
        match gone {
            Some(class) => Err(Error::column(
                &self.target,
                format!(
                    "no row of class `{}` would be left, so much do the classes overlap; take `tomek`, agree = \"mode\" or fewer \
                     neighbours (`edit`)",
                    classes.names[class]
                ),
            )),
            None => Ok(()),
        }
    }

    /// With how many rows a row is compared at most, when so many look for neighbours among so many.
    fn most_of(&self, queries: usize, rows: usize) -> Option<usize> {
        let most = self.most.unwrap_or(PAIRS / queries.max(1));
        (most < rows).then_some(most)
    }
}

/// Rows from which others are made, and what they are made with.
struct Bases {
    rows: Vec<usize>,
    /// The neighbours of each.
    near: Vec<Vec<usize>>,
    /// How many rows are made from each; any that are drawn when not given.
    each: Option<Vec<usize>>,
}

/// One row to be made.
#[derive(Clone, Copy)]
struct Draft {
    /// Which of the bases.
    base: usize,
    partner: usize,
    /// How far on the way to the partner.
    step: f64,
    /// Decides between values that are equally common.
    tie: u64,
}

/// Makes rows of one class.
struct Maker<'a> {
    settings: &'a Resample,
    classes: &'a Classes,
    frame: &'a Frame,
    keeper: &'a Keeper,
    seed: u64,
}

impl Maker<'_> {
    /// Whether there are but categories.
    fn is_nominal(&self) -> bool {
        let others = self.frame.columns.iter().enumerate().filter(|(j, _)| *j != self.classes.column);
        others.map(|(_, column)| column).all(Column::is_category)
    }

    fn grow(&self, class: usize, wanted: usize, out: &mut Resampled) -> Result<()> {
        let name = &self.classes.names[class];
        let Some(bases) = self.bases(class, wanted, out)? else {
            let what = "has no row near other classes, and gets none more; take `smote`";
            out.notes.push(format!("class `{name}` of `{}` {what}", self.settings.target));
            return Ok(());
        };
        let count = bases.each.as_ref().map_or(wanted, |each| each.iter().sum());
        let base_of: Option<Vec<usize>> = bases
            .each
            .as_ref()
            .map(|each| each.iter().enumerate().flat_map(|(b, &n)| std::iter::repeat_n(b, n)).collect());
        let mut rngs: Vec<Stream> = (0..count as u64).map(|i| self.stream(class, i)).collect();
        let mut drafts: Vec<Draft> = vec![Draft { base: 0, partner: 0, step: 0.0, tie: 0 }; count];
        let mut made = self.frame.take(&vec![bases.rows[0]; count]);
        let mut open: Vec<usize> = (0..count).collect();
        for attempt in 0..=TRIES {
            for &i in &open {
                drafts[i] = self.draft(class, &bases, base_of.as_ref().map(|of| of[i]), &mut rngs[i]);
            }
            let now: Vec<Draft> = open.iter().map(|&i| drafts[i]).collect();
            let from: Vec<usize> = now.iter().map(|d| bases.rows[d.base]).collect();
            let (rows, mut broken) = match attempt < TRIES {
                true => self.keeper.keep(self.between(class, &bases, &now), &from),
                // A real row keeps them.
                false => (self.frame.take(&from), vec![false; from.len()]),
            };
            if attempt == TRIES {
                out.repeated += open.len();
                open.iter().zip(&from).for_each(|(&i, &row)| (drafts[i].partner, drafts[i].step) = (row, 0.0));
            }
            // A class that follows from other columns may come out as another one.
            if let Column::Category { codes, .. } = &rows.columns[self.classes.column] {
                broken.iter_mut().zip(codes).for_each(|(broken, &code)| *broken |= code as usize != class);
            }
            put(&mut made, &rows, &open, |k| !broken[k]);
            open = open.iter().zip(&broken).filter(|(_, broken)| **broken).map(|(&i, _)| i).collect();
            if open.is_empty() {
                break;
            }
        }
        out.parents.extend(drafts.iter().map(|d| [bases.rows[d.base], d.partner]));
        out.made = if out.made.rows == 0 { made } else { joined(&out.made, &made) };
        Ok(())
    }

    fn stream(&self, class: usize, row: u64) -> Stream {
        stream(self.seed, "augment resample rows", mix(class as u64) ^ row)
    }

    fn draft(&self, class: usize, bases: &Bases, base: Option<usize>, rng: &mut Stream) -> Draft {
        let base = base.unwrap_or_else(|| below(rng, bases.rows.len() as u64) as usize);
        let near = &bases.near[base];
        let partner = near[below(rng, near.len() as u64) as usize];
        let mut step = uniform(rng);
        if self.settings.method == Method::Borderline2 && self.classes.rows[class].binary_search(&partner).is_err() {
            step *= 0.5 * uniform(rng);
        }
        Draft { base, partner, step, tie: mix(below(rng, u64::MAX)) }
    }

    /// The rows from which new ones of a class are made; none where the method finds none.
    fn bases(&self, class: usize, wanted: usize, out: &mut Resampled) -> Result<Option<Bases>> {
        let Resample { k, m, method, .. } = *self.settings;
        let own = &self.classes.rows[class];
        let nominal = self.is_nominal();
        let of: Vec<Option<bool>> = self.membership(class);
        let space = match nominal {
            true => Space::of_shares(self.frame, self.classes.column, &of),
            false => Space::of(self.frame, Some(self.classes.column), self.settings.scale),
        };
        if space.width + space.kinds == 0 {
            return Err(Error::column(&self.settings.target, "is the only column; there is nothing to make rows of"));
        }
        let known: Vec<usize> = (0..self.frame.rows).filter(|&i| of[i].is_some()).collect();
        self.enough("k", k, own.len(), class)?;
        let weight = space.weight(own);
        let others = |near: &[usize]| near.iter().filter(|&&j| of[j] == Some(false)).count();
        let search = |rows: &[usize], among: &[usize], k: usize| {
            Tree::of(&space, among, weight).nearest(rows, k, self.settings.most_of(rows.len(), among.len()))
        };
        match method {
            Method::Borderline1 | Method::Borderline2 => {
                self.enough("m", m, known.len(), class)?;
                let near = out.count(search(own, &known, m));
                let danger = |near: &[usize]| 2 * others(near) >= m && others(near) < m;
                let rows: Vec<usize> =
                    own.iter().zip(&near).filter(|(_, near)| danger(near)).map(|(&i, _)| i).collect();
                if rows.is_empty() {
                    return Ok(None);
                }
                let among = if method == Method::Borderline1 { own } else { &known };
                let near = out.count(search(&rows, among, k));
                Ok(Some(Bases { rows, near, each: None }))
            }
            Method::Adasyn => {
                let around = out.count(search(own, &known, k));
                let shares: Vec<f64> = around.iter().map(|near| others(near) as f64 / k as f64).collect();
                let sum: f64 = shares.iter().sum();
                let each: Vec<usize> =
                    shares.iter().map(|s| (s / sum * wanted as f64).round_ties_even() as usize).collect();
                if sum == 0.0 || each.iter().all(|n| *n == 0) {
                    return Ok(None);
                }
                let near = out.count(search(own, own, k));
                Ok(Some(Bases { rows: own.clone(), near, each: Some(each) }))
            }
            _ => {
                let near = out.count(search(own, own, k));
                Ok(Some(Bases { rows: own.clone(), near, each: None }))
            }
        }
    }

    /// Of each row whether it is of the class; none where it has no class.
    fn membership(&self, class: usize) -> Vec<Option<bool>> {
        let mut of = vec![None; self.frame.rows];
        for (c, rows) in self.classes.rows.iter().enumerate() {
            rows.iter().for_each(|&i| of[i] = Some(c == class));
        }
        of
    }

    fn enough(&self, key: &str, wanted: usize, rows: usize, class: usize) -> Result<()> {
        if rows > wanted {
            return Ok(());
        }
        let (name, target) = (&self.classes.names[class], &self.settings.target);
        let remedy = match rows {
            0 | 1 => "take `random_over`".to_owned(),
            rows => format!("set {key} = {} or less, or take `random_over`", rows - 1),
        };
        let what = format!(
            "is {wanted}, but class `{name}` of `{target}` finds {rows} rows only, itself among them; {remedy}"
        );
        Err(Error::setting(key, what))
    }

    /// The rows between bases and partners.
    fn between(&self, class: usize, bases: &Bases, drafts: &[Draft]) -> Frame {
        let nominal = self.is_nominal();
        let column = |(j, column): (usize, &Column)| match column {
            Column::Number(v) => {
                let value = |d: &Draft| blend(v[bases.rows[d.base]], v[d.partner], d.step);
                Column::Number(drafts.iter().map(value).collect())
            }
            Column::Category { levels, .. } if j == self.classes.column => {
                Column::Category { codes: vec![class as u32; drafts.len()], levels: levels.clone() }
            }
            Column::Category { codes, levels } => {
                let vote = |d: &Draft| {
                    let near = bases.near[d.base].iter().map(|&i| codes[i]);
                    let itself = nominal.then(|| codes[bases.rows[d.base]]);
                    commonest(near.chain(itself), mix(d.tie ^ j as u64))
                };
                Column::Category { codes: drafts.iter().map(vote).collect(), levels: levels.clone() }
            }
        };
        Frame::new(self.frame.columns.par_iter().enumerate().map(column).collect(), drafts.len())
    }
}

/// The number at the share `step` of the way from `a` to `b`; where one has none, that of the nearer.
pub(crate) fn blend(a: f64, b: f64, step: f64) -> f64 {
    match a.is_nan() || b.is_nan() {
        true if step < 0.5 => a,
        true => b,
        // Not `b - a`, which may be past what a double holds; and equal ends stay what they are.
        false if a == b => a,
        false => a * (1.0 - step) + b * step,
    }
}

/// The commonest value; of several that are equally common the one that `tie` draws.
fn commonest(values: impl Iterator<Item = u32>, tie: u64) -> u32 {
    let mut values: Vec<u32> = values.collect();
    values.sort_unstable();
    let runs = || values.chunk_by(|a, b| a == b);
    let most = runs().map(<[u32]>::len).max().unwrap_or(0);
    let tied: Vec<u32> = runs().filter(|run| run.len() == most).map(|run| run[0]).collect();
    tied.get(tie as usize % tied.len().max(1)).copied().unwrap_or(verisim_data::table::MISSING)
}
