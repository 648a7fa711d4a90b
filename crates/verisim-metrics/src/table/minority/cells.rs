//! Columns as few codes: a category by its levels, a number by the quantiles between which it lies.

use std::borrow::Cow;

use super::super::values::{Comparison, Values};
use super::{TRAIN, each};

/// One column of all tables.
pub(super) struct Cells<'a> {
    /// All codes are below this.
    pub width: usize,
    /// The code of every row, for each table.
    pub codes: Vec<Cow<'a, [u32]>>,
}

impl<'a> Cells<'a> {
    /// Column `j`; a number is cut where these parts of the training numbers lie below, and a missing one has the last code.
    pub fn new(tables: &'a Comparison, j: usize, parts: &[f64]) -> Cells<'a> {
        let columns = || each(tables).into_iter().map(|table| &table.columns[j]);
        let cuts = match &tables.real.columns[j] {
            Values::Number(train) => cuts(train, parts),
            Values::Category(_) => Vec::new(),
        };
        let code = |&x: &f64| match x.is_nan() {
            true => cuts.len() as u32 + 1,
            false => cuts.partition_point(|cut| *cut < x) as u32,
        };
        let codes = columns().map(|column| match column {
            Values::Number(v) => Cow::Owned(v.iter().map(code).collect()),
            Values::Category(codes) => Cow::Borrowed(codes.as_slice()),
        });
        let codes = codes.collect();
        let field = &tables.fields[j];
        Cells { width: if field.is_number() { cuts.len() + 2 } else { field.levels() }, codes }
    }

    /// Training rows of every code.
    pub fn counts(&self) -> Vec<u32> {
        let mut counts = vec![0; self.width];
        self.codes[TRAIN].iter().for_each(|&c| counts[c as usize] += 1);
        counts
    }
}

/// For each part, the smallest number that so much of the numbers are not above; one cut where they are equal.
fn cuts(values: &[f64], parts: &[f64]) -> Vec<f64> {
    let mut present: Vec<f64> = values.iter().copied().filter(|x| !x.is_nan()).collect();
    present.sort_unstable_by(f64::total_cmp);
    let at = |part: &f64| present.get(((part * present.len() as f64).ceil() as usize).saturating_sub(1)).copied();
    let mut cuts: Vec<f64> = parts.iter().filter_map(at).collect();
    cuts.dedup();
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_by_hand() {
        let numbers = [8.0, 1.0, 7.0, 2.0, f64::NAN, 6.0, 3.0, 5.0, 4.0];
        assert_eq!(cuts(&numbers, &[0.25, 0.5, 0.75]), [2.0, 4.0, 6.0]);
        // Most numbers are equal: they are one bin, and what is above them another.
        assert_eq!(cuts(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 9.0, 10.0], &[0.25, 0.5, 0.75, 0.9]), [0.0, 10.0]);
        assert_eq!(cuts(&[f64::NAN], &[0.5]), [0.0; 0]);
    }
}
