//! Rows that equal a training row in every column, and values that no training row has.

use std::collections::HashSet;

use verisim_data::rng::mix;

use super::report::{Matches, Violations};
use super::values::{Compared, Comparison, Scale, ValueTable, Values};
use crate::Estimate;

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

/// Exact matches with training rows, those of the hold-out beside them.
pub(crate) fn matches(tables: &Comparison) -> Matches {
    let known = keys(&tables.fields, &tables.real);
    let distinct: HashSet<u64> = known.iter().copied().collect();
    let share = |keys: &[u64]| Estimate::share(keys.iter().filter(|k| distinct.contains(k)).count(), keys.len());
    let synthetic = keys(&tables.fields, &tables.synthetic);
    let distinct_synthetic = synthetic.iter().collect::<HashSet<_>>().len();
    Matches {
        synthetic_in_train: share(&synthetic),
        holdout_in_train: tables.holdout.as_ref().map(|h| share(&keys(&tables.fields, h))),
        synthetic_repeated: 1.0 - distinct_synthetic as f64 / synthetic.len() as f64,
        train_repeated: 1.0 - distinct.len() as f64 / known.len() as f64,
    }
}

/// Share of present numbers outside the training range, for every number column.
pub(crate) fn out_of_range(real: &Values, synthetic: &Values) -> Option<f64> {
    let (Values::Number(real), Values::Number(synthetic)) = (real, synthetic) else {
        return None;
    };
    let low = real.iter().copied().fold(f64::INFINITY, f64::min);
    let high = real.iter().copied().fold(f64::NEG_INFINITY, f64::max);
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
    let mut seen = vec![false; field.levels()];
    real.iter().for_each(|&c| seen[c as usize] = true);
    let unseen = synthetic.iter().filter(|&&c| !seen[c as usize]).count();
    Some(unseen as f64 / synthetic.len() as f64)
}

/// Rows with at least one value that no training row could have.
pub(crate) fn violations(tables: &Comparison) -> Violations {
    let mut range = vec![false; tables.synthetic.rows];
    let mut level = vec![false; tables.synthetic.rows];
    for (j, field) in tables.fields.iter().enumerate() {
        match (&tables.real.columns[j], &tables.synthetic.columns[j]) {
            (Values::Number(real), Values::Number(synthetic)) => {
                let low = real.iter().copied().fold(f64::INFINITY, f64::min);
                let high = real.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                range.iter_mut().zip(synthetic).for_each(|(r, &x)| *r |= x < low || x > high);
            }
            (Values::Category(real), Values::Category(synthetic)) => {
                let mut seen = vec![false; field.levels()];
                real.iter().for_each(|&c| seen[c as usize] = true);
                level.iter_mut().zip(synthetic).for_each(|(l, &c)| *l |= !seen[c as usize]);
            }
            _ => {}
        }
    }
    let share = |rows: &[bool]| rows.iter().filter(|v| **v).count() as f64 / rows.len() as f64;
    Violations { rows_out_of_range: share(&range), rows_with_unseen_level: share(&level) }
}

/// Share of missing values of a column.
pub(crate) fn missing_rate(field: &Compared, values: &Values) -> f64 {
    let missing = match (values, &field.scale) {
        (Values::Number(v), _) => v.iter().filter(|x| x.is_nan()).count(),
        (Values::Category(v), Scale::Category { levels, missing: true }) => {
            v.iter().filter(|&&c| c as usize + 1 == levels.len()).count()
        }
        _ => 0,
    };
    let rows = match values {
        Values::Number(v) => v.len(),
        Values::Category(v) => v.len(),
    };
    missing as f64 / rows as f64
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
    fn keys_round_and_tell_missing_apart() {
        let keys = |decimals, values: Vec<f64>| {
            let scale = Scale::Number { decimals, unit: Unit::default() };
            let field = Compared { name: "x".to_owned(), scale, date: None };
            keys(&[field], &ValueTable { rows: values.len(), columns: vec![Values::Number(values)] })
        };
        let k = keys(Some(1), vec![0.1 + 0.2, 0.3, -0.04, 0.0, f64::NAN, 0.4]);
        assert_eq!((k[0], k[2]), (k[1], k[3]));
        assert_eq!(k.iter().collect::<HashSet<_>>().len(), 4);
        // Numbers told by their first digits, and numbers that overflow when they are shifted.
        for (decimals, values) in [(None, [3e-18, 4e-18]), (Some(12), [1e308, -1e308])] {
            let k = keys(decimals, [values, values].concat());
            assert!(k[0] == k[2] && k[1] == k[3] && k[0] != k[1], "{values:?}");
        }
    }
}
