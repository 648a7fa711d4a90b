//! Columns that follow from others: `total` = `price` × `count`, a state that a city fixes, a day of delivery after that of the order.
//!
//! **Computed.** Token 0 says "as computed". A rule may have exceptions: rows whose value is another one, or that have a value although
//! it cannot be computed there. They are encoded by a codec of their own, whose tokens follow. A column without exceptions has one
//! token, so that a model has nothing to learn there and nothing to get wrong.
//!
//! **Distance.** A column that is never below another, or never above it, is encoded as the distance between the two.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::bounds::{Bounds, Precision};
use super::category::CategoryCodec;
use super::column::ColumnCodec;
use super::encoded::Span;
use super::grid::{GridCodec, ROWS_PER_KNOT, sorted};
use crate::table::frame::{Column, MISSING};
use crate::table::rules::{Formula, IMPOSSIBLE, numbers};

/// Fewer exceptions are encoded by what all rows say of the column, so that an artefact holds no value of theirs.
const MANY: usize = 20 * ROWS_PER_KNOT;

/// A column that is computed from others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Derived {
    /// How.
    pub formula: Formula,
    target: Target,
    /// Whether a value that can be computed is never another one.
    strict: bool,
    /// Whether it is missing in rows in which it cannot be computed.
    blank: bool,
    /// The values that are not as computed, if there were some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    other: Option<Box<ColumnCodec>>,
}

/// What values the column has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Target {
    /// Their range and precision.
    Number(Bounds),
    /// The levels.
    Category(Arc<[String]>),
}

/// How a value compares with what is computed for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// Both are there and equal, or both are missing.
    Same,
    /// Both are there, and they differ.
    Differs,
    /// It is missing, but could be computed.
    Missing,
    /// It is there, but cannot be computed.
    Apart,
}

impl Derived {
    /// The codec of `column`, which `formula` gives for (nearly) all rows of `all`. `declared` formulas have no exceptions: the values
    /// that differ are not kept.
    pub(crate) fn fit(
        formula: Formula,
        column: &Column,
        all: &[&Column],
        precision: Precision,
        bins: usize,
        declared: bool,
    ) -> Derived {
        let mut derived = Derived::trial(formula, column, precision);
        if let Column::Number(v) = column {
            derived.target = Target::Number(Bounds::of(&sorted(v), precision));
        }
        let fits = derived.fits(column, all);
        derived.strict = declared || !fits.contains(&Fit::Differs);
        derived.blank = declared || fits.iter().enumerate().any(|(i, fit)| *fit == Fit::Same && column.is_missing(i));
        let is_other = |fit: &Fit| match fit {
            Fit::Same => false,
            Fit::Differs => !derived.strict,
            Fit::Missing | Fit::Apart => true,
        };
        let rows: Vec<usize> = fits.iter().enumerate().filter(|(_, fit)| is_other(fit)).map(|(i, _)| i).collect();
        if !rows.is_empty() {
            let other = column.take(&rows);
            let codec = match (&other, column) {
                (Column::Category { codes, levels }, _) => {
                    ColumnCodec::Category(CategoryCodec::fit(codes, levels, 1, bins.max(1)))
                }
                (Column::Number(few), Column::Number(v)) => {
                    let bins = (rows.len() / ROWS_PER_KNOT).clamp(2, bins.max(2));
                    let values = if few.len() < MANY && few.iter().any(|x| !x.is_nan()) { v } else { few };
                    ColumnCodec::Grid(GridCodec::fit(values, precision, bins))
                }
                _ => return derived,
            };
            derived.other = Some(Box::new(codec));
        }
        derived
    }

    /// A formula on trial for `column`: it says which rows fit, and is no codec.
    pub(crate) fn trial(formula: Formula, column: &Column, precision: Precision) -> Derived {
        let target = match column {
            Column::Number(_) => Target::Number(Bounds::of(&[], precision)),
            Column::Category { levels, .. } => Target::Category(levels.clone()),
        };
        Derived { formula, target, strict: false, blank: true, other: None }
    }

    /// How each row of `column` compares with what is computed from `all`.
    pub(crate) fn fits(&self, column: &Column, all: &[&Column]) -> Vec<Fit> {
        let computed = self.compute(all, column.len());
        let fit = |there: bool, x: f64, same: &dyn Fn(f64) -> bool| match (there, x.is_nan()) {
            (false, true) => Fit::Same,
            (false, false) => Fit::Missing,
            (true, true) => Fit::Apart,
            (true, false) if same(x) => Fit::Same,
            (true, false) => Fit::Differs,
        };
        match column {
            Column::Number(v) => {
                let near = |value: f64| {
                    move |x: f64| match &self.target {
                        Target::Number(bounds) => bounds.is_near(x, value),
                        Target::Category(_) => false,
                    }
                };
                v.iter().zip(computed).map(|(&value, x)| fit(!value.is_nan(), x, &near(value))).collect()
            }
            Column::Category { codes, .. } => codes
                .iter()
                .zip(computed)
                .map(|(&code, x)| fit(code != MISSING, x, &|x| x == f64::from(code)))
                .collect(),
        }
    }

    fn compute(&self, all: &[&Column], rows: usize) -> Vec<f64> {
        match &self.target {
            Target::Number(_) => self.formula.compute(all, rows, None),
            Target::Category(levels) => self.formula.compute(all, rows, Some(levels)),
        }
    }

    /// What a model sees of this column.
    pub fn span(&self) -> Span {
        let others = self.other.as_ref().map_or(0, |other| other.span().tokens);
        Span { tokens: 1 + others, scalar: false, ordered: false }
    }

    /// How far rounding may move a number of this size.
    pub fn half_step(&self, size: f64) -> f64 {
        match &self.target {
            Target::Number(bounds) => bounds.half_step(size),
            Target::Category(_) => 0.0,
        }
    }

    /// Whether it may be missing.
    pub fn may_miss(&self) -> bool {
        self.blank || self.other.as_ref().is_some_and(|other| other.missing_token().is_some())
    }

    /// Whether every value that can be computed is as computed.
    pub fn is_strict(&self) -> bool {
        self.strict
    }

    /// The levels, if the column is one of categories.
    pub(super) fn levels(&self) -> Option<&Arc<[String]>> {
        match &self.target {
            Target::Category(levels) => Some(levels),
            Target::Number(_) => None,
        }
    }

    /// The token of a missing value where one can be computed, if there were such.
    pub(super) fn missing_exception(&self) -> Option<u32> {
        self.other.as_ref().and_then(|other| other.missing_token()).map(|token| token + 1)
    }

    /// The range and precision, if it is one of numbers.
    pub(super) fn bounds(&self) -> Option<&Bounds> {
        match &self.target {
            Target::Number(bounds) => Some(bounds),
            Target::Category(_) => None,
        }
    }

    /// The smallest and the largest number, if it is one of numbers.
    pub(super) fn extent(&self) -> Option<(f64, f64)> {
        self.bounds().map(|bounds| (bounds.min, bounds.max))
    }

    /// Tokens of a column whose table is `all`. A value that no row of training had beside what is computed is taken for that.
    pub(super) fn encode(&self, column: &Column, all: &[&Column]) -> Vec<u32> {
        let Some(other) = &self.other else { return vec![0; column.len()] };
        let (tokens, missing) = (other.encode(column, all).0, other.missing_token());
        let token = |(fit, token): (Fit, u32)| match fit {
            Fit::Same => 0,
            Fit::Differs if self.strict => 0,
            Fit::Missing => missing.map_or(0, |missing| missing + 1),
            Fit::Differs | Fit::Apart => token + 1,
        };
        self.fits(column, all).into_iter().zip(tokens).map(token).collect()
    }

    /// The column of tokens, when the columns that it needs are made; marks rows that come to a value which the column cannot have.
    pub(super) fn decode(
        &self,
        tokens: &[u32],
        all: &[&Column],
        seed: u64,
        index: u64,
        refused: &mut [bool],
    ) -> Column {
        let levels = self.levels().map(|levels| &levels[..]);
        let computed = self.formula.compute(all, tokens.len(), levels);
        let stand_in = self.formula.compute_all(all, tokens.len(), levels);
        let inner: Vec<u32> = tokens.iter().map(|t| t.saturating_sub(1)).collect();
        let other = self.other.as_ref().and_then(|other| other.decode(&inner, &[], seed, index));
        let missing = self.other.as_ref().and_then(|other| other.missing_token());
        // What is computed stands unless an exception was drawn where there may be one.
        let stands = |i: usize| {
            let is_missing = tokens[i] > 0 && missing == Some(inner[i]);
            tokens[i] == 0 || self.other.is_none() || (self.strict && !is_missing && !computed[i].is_nan())
        };
        match (&self.target, other) {
            (Target::Number(bounds), other) => {
                let other = other.as_ref().map(numbers);
                let value = |(i, &x): (usize, &f64)| {
                    let drawn = other.as_ref().filter(|_| !stands(i)).map(|other| other[i]);
                    drawn.unwrap_or_else(|| bounds.round(x))
                };
                let values: Vec<f64> = stand_in.iter().enumerate().map(value).collect();
                let outside = |x: &f64| *x == IMPOSSIBLE || *x < bounds.min || *x > bounds.max;
                refused.iter_mut().zip(&values).for_each(|(refused, x)| *refused |= outside(x));
                let blank = |(refused, x): (&mut bool, &f64)| *refused |= x.is_nan();
                if !self.may_miss() {
                    refused.iter_mut().zip(&values).for_each(blank);
                }
                Column::Number(values)
            }
            (Target::Category(levels), other) => {
                let drawn = |i: usize| match &other {
                    Some(Column::Category { codes, .. }) if !stands(i) => Some(codes[i]),
                    _ => None,
                };
                let code = |(i, &x): (usize, &f64)| match drawn(i) {
                    Some(code) => code,
                    None if x.is_nan() => MISSING,
                    None if x < levels.len() as f64 => x as u32,
                    None => {
                        refused[i] = true;
                        MISSING
                    }
                };
                let codes: Vec<u32> = stand_in.iter().enumerate().map(code).collect();
                if !self.may_miss() {
                    refused.iter_mut().zip(&codes).for_each(|(refused, code)| *refused |= *code == MISSING);
                }
                Column::Category { codes, levels: levels.clone() }
            }
        }
    }

    /// What is wrong with a codec that was read from a file, if anything.
    pub(super) fn problem(&self, width: usize) -> Option<&'static str> {
        let target = match &self.target {
            Target::Number(bounds) => bounds.problem(),
            Target::Category(_) => None,
        };
        let other = match (self.other.as_deref(), &self.target) {
            (None, _) => None,
            (Some(ColumnCodec::Grid(grid)), Target::Number(_)) => grid.problem(),
            (Some(ColumnCodec::Category(category)), Target::Category(levels)) => {
                let same = category.levels.len() == levels.len();
                category.problem().or((!same).then_some("has exceptions of other levels"))
            }
            _ => Some("has exceptions of another kind"),
        };
        self.formula.problem(width).or(target).or(other)
    }
}

/// A column that is always on one side of another: what is encoded is the distance between the two.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Distance {
    /// The other column, and the side of it.
    #[serde(flatten)]
    pub side: Side,
    /// Range and precision of the column itself.
    bounds: Bounds,
    distance: Box<ColumnCodec>,
}

/// On which side of which column another lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// The column.
    pub from: usize,
    /// Whether the other one is never above it, rather than never below.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub below: bool,
}

impl Side {
    fn sign(self) -> f64 {
        if self.below { -1.0 } else { 1.0 }
    }

    /// The distances of `values` from the numbers of the column.
    pub(crate) fn distances(self, values: &[f64], from: &[f64], precision: Precision) -> Vec<f64> {
        let exact = |x: f64| match precision.decimals {
            Some(decimals) => Bounds::to_digits(x, decimals),
            None => x,
        };
        values.iter().zip(from).map(|(value, from)| exact(self.sign() * (value - from))).collect()
    }
}

impl Distance {
    /// The codec of `values`, which lie at a `side` at these `distances`; `fit` makes that of the distances.
    pub(super) fn fit(
        side: Side,
        values: &[f64],
        precision: Precision,
        distances: &[f64],
        fit: impl FnOnce(&[f64]) -> ColumnCodec,
    ) -> Distance {
        Distance { side, bounds: Bounds::of(&sorted(values), precision), distance: Box::new(fit(distances)) }
    }

    /// What a model sees of this column.
    pub fn span(&self) -> Span {
        self.distance.span()
    }

    /// The codec of the distances.
    pub fn distance(&self) -> &ColumnCodec {
        &self.distance
    }

    /// Range and precision of the column itself.
    pub(super) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// The smallest and the largest value.
    pub(super) fn extent(&self) -> (f64, f64) {
        (self.bounds.min, self.bounds.max)
    }

    pub(super) fn missing_token(&self) -> Option<u32> {
        self.distance.missing_token()
    }

    fn precision(&self) -> Precision {
        Precision { decimals: self.bounds.decimals, significant: self.bounds.significant }
    }

    pub(super) fn encode(&self, column: &Column, all: &[&Column]) -> (Vec<u32>, Vec<f32>) {
        let (values, from) = (numbers(column), numbers(all[self.side.from]));
        self.distance.encode(&Column::Number(self.side.distances(&values, &from, self.precision())), all)
    }

    /// The rows in which the column is on the other side.
    pub(super) fn wrong_side(&self, column: &Column, all: &[&Column]) -> Vec<bool> {
        let (values, from) = (numbers(column), numbers(all[self.side.from]));
        values.iter().zip(from.iter()).map(|(x, from)| self.side.sign() * (x - from) < 0.0).collect()
    }

    /// The column of tokens; marks rows that come to a value out of range, or have a distance from nothing.
    pub(super) fn decode(
        &self,
        drawn: (&[u32], &[f32]),
        all: &[&Column],
        at: (u64, u64),
        refused: &mut [bool],
    ) -> Column {
        // A distance is a codec of its own column.
        let distance = self.distance.decode(drawn.0, drawn.1, at.0, at.1);
        let distance = distance.unwrap_or_else(|| Column::Number(vec![f64::NAN; drawn.0.len()]));
        let (distance, from) = (numbers(&distance), numbers(all[self.side.from]));
        let mut values = Vec::with_capacity(distance.len());
        for (i, (d, from)) in distance.iter().zip(from.iter()).enumerate() {
            let x = self.bounds.round(from + self.side.sign() * d);
            let inside = x >= self.bounds.min && x <= self.bounds.max;
            // Rounding may lead over to the other side.
            let right = self.side.sign() * (x - from) >= 0.0 || *d < 0.0;
            refused[i] |= !(d.is_nan() || inside && right);
            values.push(x);
        }
        Column::Number(values)
    }

    /// What is wrong with a codec that was read from a file, if anything.
    pub(super) fn problem(&self, width: usize) -> Option<&'static str> {
        let distance = match self.distance.as_ref() {
            number @ (ColumnCodec::Grid(_) | ColumnCodec::Modes(_) | ColumnCodec::Normal(_)) => number.problem(width),
            _ => Some("has a distance that is no number"),
        };
        let from = (self.side.from >= width).then_some("lies at a distance from a column that is not there");
        from.or_else(|| self.bounds.problem()).or(distance)
    }
}
