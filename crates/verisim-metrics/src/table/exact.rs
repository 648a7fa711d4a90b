//! Rows that equal a training row in every column, and values that no training row has.

use rustc_hash::FxHashMap;
use verisim_data::rng::mix;

use super::report::{Copied, Matches, Once, Violations};
use super::values::{Compared, Comparison, Scale, ValueTable, Values};
use crate::Count;

/// One 64-bit key a row: equal rows (numbers rounded to their decimals) have equal keys, and unequal ones
/// share a key by a chance of about rows^2 / 2^65.
fn keys(fields: &[Compared], table: &ValueTable) -> Vec<u64> {
    let mut keys = vec![0; table.rows];
    for (field, column) in fields.iter().zip(&table.columns) {
        match (&field.scale, column) {
            (Scale::Number { decimals, unit }, Values::Number(v)) => {
                let scale = decimals.map(|d| 10_f64.powi(i32::from(d)));
                // Past 2^53 a number has no digits to round.
                let rounded = |x: f64| match scale.map(|scale| (x * scale).round_ties_even() + 0.0) {
                    Some(whole) if whole.abs() < 9e15 => whole,
                    _ => x,
                };
                for (key, &x) in keys.iter_mut().zip(v) {
                    let bits = if x.is_nan() { u64::MAX } else { rounded(unit.back(x)).to_bits() };
                    *key = mix(*key ^ bits);
                }
            }
            (_, Values::Category(v)) => keys.iter_mut().zip(v).for_each(|(k, &c)| *k = mix(*k ^ u64::from(c))),
            _ => {}
        }
    }
    keys
}

/// Exact matches between the tables. All rows are looked at, however many there are.
pub(crate) fn matches(tables: &Comparison) -> Matches {
    let train = Occurring::new(keys(&tables.fields, &tables.real));
    let synthetic = Occurring::new(keys(&tables.fields, &tables.synthetic));
    let holdout = tables.holdout.as_ref().map(|h| Occurring::new(keys(&tables.fields, h)));
    let held = holdout.as_ref();
    Matches {
        synthetic_in_train: train.holds(&synthetic),
        holdout_in_train: held.map(|h| train.holds(h)),
        train_in_train: train.twins(|times| times > 1),
        once: Once {
            synthetic_in_train: train.holds_once(&synthetic),
            holdout_in_train: held.map(|h| train.holds_once(h)),
            train_in_train: train.twins(|times| times == 2),
            synthetic_in_holdout: held.map(|h| h.holds_once(&synthetic)),
            train_in_holdout: held.map(|h| h.holds_once(&train)),
        },
        synthetic_repeated: synthetic.repeated(),
        train_repeated: train.repeated(),
        copies: train.copies(&synthetic),
    }
}

/// Most copies that are listed.
const MOST_COPIES: usize = 1_000;

/// The rows of a table and how often each occurs in it.
struct Occurring {
    keys: Vec<u64>,
    /// For each key how many rows have it, and the first of them.
    times: FxHashMap<u64, (u32, u32)>,
}

impl Occurring {
    fn new(keys: Vec<u64>) -> Occurring {
        let mut times: FxHashMap<u64, (u32, u32)> = FxHashMap::default();
        times.reserve(keys.len());
        for (row, &key) in keys.iter().enumerate() {
            times.entry(key).or_insert((0, row as u32)).0 += 1;
        }
        Occurring { keys, times }
    }

    fn times(&self, key: u64) -> u32 {
        self.times.get(&key).map_or(0, |found| found.0)
    }

    /// The rows of `other` that are here.
    fn holds(&self, other: &Occurring) -> Count {
        Count::of(other.keys.iter().map(|&key| self.times(key) > 0))
    }

    /// The rows of `other` that are here once.
    fn holds_once(&self, other: &Occurring) -> Count {
        Count::of(other.keys.iter().map(|&key| self.times(key) == 1))
    }

    /// The rows that occur as often as is `wanted`.
    fn twins(&self, wanted: impl Fn(u32) -> bool) -> Count {
        Count::of(self.keys.iter().map(|&key| wanted(self.times(key))))
    }

    /// The part of the rows that repeat another.
    fn repeated(&self) -> f64 {
        1.0 - self.times.len() as f64 / self.keys.len() as f64
    }

    /// The rows of `other` that are here, those that are here once first.
    fn copies(&self, other: &Occurring) -> Vec<Copied> {
        let here = |row: usize| self.times.get(&other.keys[row]).map(|&(times, first)| (times > 1, row, first));
        let mut copies: Vec<_> = (0..other.keys.len()).filter_map(here).collect();
        copies.sort_by_key(|&(often, ..)| often);
        let number = |(often, row, first): (bool, usize, u32)| Copied {
            synthetic: row + 1,
            train: first as usize + 1,
            once: !often,
        };
        copies.into_iter().take(MOST_COPIES).map(number).collect()
    }
}

/// Share of present numbers outside the training range, for every number column.
pub(crate) fn out_of_range(real: &Values, synthetic: &Values) -> Option<f64> {
    let (Values::Number(real), Values::Number(synthetic)) = (real, synthetic) else {
        return None;
    };
    let (low, high) = ends(real);
    let present = synthetic.iter().filter(|x| !x.is_nan()).count();
    // A missing value compares false both ways.
    let outside = synthetic.iter().filter(|&&x| x < low || x > high).count();
    Some(if present == 0 { 0.0 } else { outside as f64 / present as f64 })
}

/// Share of rows whose level no training row has, for every category column.
pub(crate) fn unseen_level(field: &Compared, real: &Values, synthetic: &Values) -> Option<f64> {
    let (Values::Category(real), Values::Category(synthetic)) = (real, synthetic) else {
        return None;
    };
    let seen = seen(field, real);
    let unseen = synthetic.iter().filter(|&&c| !seen[c as usize]).count();
    Some(unseen as f64 / synthetic.len() as f64)
}

/// Rows with at least one value that no training row has, of the synthetic table and of fresh real ones: the hold-out or, without
/// one, a third of the training rows beside the rest.
pub(crate) fn violations(tables: &Comparison, seed: u64) -> Violations {
    let fields = &tables.fields;
    let fresh = || {
        let parted = tables.parted(seed);
        parted.holdout.as_ref().map_or_else(Default::default, |h| outside(fields, &parted.real, h))
    };
    let ((rows_out_of_range, rows_with_unseen_level), (range, level)) =
        rayon::join(|| outside(fields, &tables.real, &tables.synthetic), fresh);
    Violations {
        rows_out_of_range,
        rows_out_of_range_fresh: (range.rows > 0).then_some(range),
        rows_with_unseen_level,
        rows_with_unseen_level_fresh: (level.rows > 0).then_some(level),
    }
}

/// The rows of `other` with a number outside the range of `real`, and those with a level that it lacks.
fn outside(fields: &[Compared], real: &ValueTable, other: &ValueTable) -> (Count, Count) {
    let (mut range, mut level) = (vec![false; other.rows], vec![false; other.rows]);
    for ((field, real), other) in fields.iter().zip(&real.columns).zip(&other.columns) {
        match (real, other) {
            (Values::Number(real), Values::Number(other)) => {
                let (low, high) = ends(real);
                range.iter_mut().zip(other).for_each(|(r, &x)| *r |= x < low || x > high);
            }
            (Values::Category(real), Values::Category(other)) => {
                let seen = seen(field, real);
                level.iter_mut().zip(other).for_each(|(l, &c)| *l |= !seen[c as usize]);
            }
            _ => {}
        }
    }
    (Count::of(range.into_iter()), Count::of(level.into_iter()))
}

/// The least and the largest value.
fn ends(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)))
}

/// Which levels occur.
fn seen(field: &Compared, codes: &[u32]) -> Vec<bool> {
    let mut seen = vec![false; field.levels()];
    codes.iter().for_each(|&c| seen[c as usize] = true);
    seen
}

/// The missing values of a column.
pub(crate) fn missing(field: &Compared, values: &Values) -> Count {
    match (values, &field.scale) {
        (Values::Number(v), _) => Count::of(v.iter().map(|x| x.is_nan())),
        (Values::Category(v), Scale::Category { levels, missing }) => {
            Count::of(v.iter().map(|&c| *missing && c as usize + 1 == levels.len()))
        }
        (Values::Category(v), _) => Count { hits: 0, rows: v.len() },
    }
}

#[cfg(test)]
mod tests {
    use super::super::unit::Unit;
    use super::*;

    #[test]
    fn ranges_and_levels_by_hand() {
        let number = |v: &[f64]| Values::Number(v.to_vec());
        let share = out_of_range(&number(&[1.0, 3.0, f64::NAN]), &number(&[0.0, 1.0, 3.0, 3.5, f64::NAN]));
        assert_eq!(share, Some(0.5));
        let levels = vec!["a".to_owned(), "b".to_owned()];
        let field = Compared { name: "x".to_owned(), scale: Scale::Category { levels, missing: false }, date: None };
        let code = |v: &[u32]| Values::Category(v.to_vec());
        assert_eq!(unseen_level(&field, &code(&[0, 0]), &code(&[0, 1, 1, 1])), Some(0.75));
    }

    #[test]
    fn rows_that_occur_once_are_told_from_common_ones() {
        let (train, other) = (Occurring::new(vec![1, 1, 1, 2, 2, 3]), Occurring::new(vec![1, 3, 3, 4]));
        assert_eq!(train.holds(&other), Count { hits: 3, rows: 4 });
        assert_eq!(train.holds_once(&other), Count { hits: 2, rows: 4 });
        assert_eq!(train.twins(|times| times > 1), Count { hits: 5, rows: 6 });
        assert_eq!(train.twins(|times| times == 2), Count { hits: 2, rows: 6 });
        assert_eq!((train.repeated(), other.repeated()), (0.5, 0.25));
        let listed: Vec<_> = train.copies(&other).iter().map(|c| (c.synthetic, c.train, c.once)).collect();
        assert_eq!(listed, [(2, 6, true), (3, 6, true), (1, 1, false)]);
    }

    #[test]
    fn keys_round_and_tell_missing_apart() {
        let keys = |decimals, values: Vec<f64>| {
            let scale = Scale::Number { decimals, unit: Unit::default() };
            let field = Compared { name: "x".to_owned(), scale, date: None };
            keys(&[field], &ValueTable { rows: values.len(), columns: vec![Values::Number(values)] })
        };
        let k = keys(Some(1), vec![0.1 + 0.2, 0.3, -0.04, 0.0, f64::NAN, 0.4]);
        assert_eq!((k[0], k[2]), (k[1], k[3]));
        assert_eq!(k.iter().collect::<std::collections::HashSet<_>>().len(), 4);
        // Numbers told by their first digits, and numbers that overflow when they are shifted.
        for (decimals, values) in [(None, [3e-18, 4e-18]), (Some(12), [1e308, -1e308])] {
            let k = keys(decimals, [values, values].concat());
            assert!(k[0] == k[2] && k[1] == k[3] && k[0] != k[1], "{values:?}");
        }
    }
}
