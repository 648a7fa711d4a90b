//! Does a rule hold in the training rows, and would chance break it?

use super::RuleKind;
use super::sheet::Sheet;

/// Fewer rows teach no rule.
pub const LEAST_ROWS: usize = 30;
/// Rows that a rule must be broken by if its columns knew nothing of each other: the odds that chance alone keeps it are e^-15.
pub(super) const LEAST_BROKEN: f64 = 15.0;
/// Most candidates of a kind that are tested, the nearest columns first.
pub(super) const MOST_TRIED: usize = 2_000;

/// What a rule says of rows.
pub trait Check: Send + Sync {
    /// The columns that it looks at.
    fn columns(&self) -> &[usize];

    /// Whether a row breaks the rule, `None` where the rule says nothing of it. Column `k` of [`Check::columns`] is looked up in
    /// row `rows[k]`: one and the same, unless a column is moved to see what chance does.
    fn breaks(&self, sheet: &Sheet, rows: &[usize]) -> Option<bool>;

    /// What it says, for those who make columns by it.
    fn form(&self) -> Form;
}

/// What a rule says of its columns, by their places.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// `total` is `constant` and the columns of `parts`, each times its factor.
    Sum {
        /// The sum.
        total: usize,
        /// What is added.
        parts: Vec<(usize, f64)>,
        /// What is added in every row.
        constant: f64,
    },
    /// The first is the second times the third.
    Product([usize; 3]),
    /// The first is at most the second.
    Order([usize; 2]),
    /// The first says what the second is.
    Determines([usize; 2]),
    /// The first says where the second is missing.
    Missing([usize; 2]),
    /// Only some values of the two go together.
    Together([usize; 2]),
}

/// What a rule must reach.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bar {
    /// At most this part of the rows breaks it.
    pub leeway: f64,
    /// At least this part of those that it speaks of would break it by chance, whichever column is moved.
    pub worth: f64,
}

/// A rule that holds.
pub struct Found {
    /// What it is about.
    pub kind: RuleKind,
    /// What it says, for people.
    pub text: String,
    /// Part of the rows that would break it by chance.
    pub by_chance: f64,
    /// Which rows break it.
    pub check: Box<dyn Check>,
}

impl Found {
    pub(super) fn new(kind: RuleKind, text: String, by_chance: f64, check: impl Check + 'static) -> Found {
        Found { kind, text, by_chance, check: Box::new(check) }
    }
}

/// The part of all rows that would break the rule by chance, if it holds and is worth telling.
pub(super) fn tested(check: &impl Check, sheet: &Sheet, bar: Bar) -> Option<f64> {
    let most = (bar.leeway * sheet.rows as f64) as usize;
    let (judged, broken) = count(check, sheet, None, most)?;
    if judged < LEAST_ROWS || broken as f64 > bar.leeway * judged as f64 {
        return None;
    }
    let enough = bar.worth.max(LEAST_BROKEN / judged as f64);
    (0..check.columns().len()).try_fold(1.0_f64, |least, k| {
        let (judged, broken) = count(check, sheet, Some(k), sheet.rows)?;
        let worth = broken as f64 >= enough * judged.max(1) as f64;
        worth.then_some(least.min(broken as f64 / sheet.rows as f64))
    })
}

/// Rows that the rule speaks of, and those that break it, unless these are more than `most`. Column `moved` is taken from other
/// rows.
fn count(check: &impl Check, sheet: &Sheet, moved: Option<usize>, most: usize) -> Option<(usize, usize)> {
    let mut rows = vec![0; check.columns().len()];
    let (mut judged, mut broken) = (0, 0);
    for row in 0..sheet.rows {
        rows.fill(row);
        if let Some(k) = moved {
            rows[k] = (row + sheet.rows / 2) % sheet.rows;
        }
        if let Some(breaks) = check.breaks(sheet, &rows) {
            judged += 1;
            broken += usize::from(breaks);
        }
        if broken > most {
            return None;
        }
    }
    Some((judged, broken))
}

/// Pairs of `n` things, nearest first, about `most` of them.
pub(super) fn near_pairs(n: usize, most: usize) -> Vec<(usize, usize)> {
    let reach = (most / n.max(1)).max(1);
    (1..n.min(reach + 1)).flat_map(|d| (0..n - d).map(move |i| (i, i + d))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::rules::find::sheet::Cells;

    /// The two columns are equal.
    struct Equal([usize; 2]);

    impl Check for Equal {
        fn columns(&self) -> &[usize] {
            &self.0
        }

        fn breaks(&self, sheet: &Sheet, rows: &[usize]) -> Option<bool> {
            let [a, b] = [0, 1].map(|k| sheet.cells[self.0[k]].numbers[rows[k]]);
            (!a.is_nan()).then_some(a != b)
        }

        fn form(&self) -> Form {
            Form::Order(self.0)
        }
    }

    #[test]
    fn a_rule_must_hold_and_chance_must_break_it() {
        let sheet = |wrong: usize, of: f64| {
            let a: Vec<f64> = (0..100).map(|i| if i < 10 { f64::NAN } else { (f64::from(i) / of).floor() }).collect();
            let b: Vec<f64> = a.iter().enumerate().map(|(i, x)| if i < 10 + wrong { -1.0 } else { *x }).collect();
            Sheet { rows: 100, cells: [a, b].map(|numbers| Cells { numbers, codes: Vec::new() }).into() }
        };
        let test = |sheet, leeway, worth| tested(&Equal([0, 1]), &sheet, Bar { leeway, worth });
        // Of 90 rows that the rule speaks of chance would break all.
        assert_eq!(test(sheet(0, 1.0), 0.0, 0.05), Some(0.9));
        assert_eq!(test(sheet(1, 1.0), 0.01, 0.05), None, "one of 90 is more than 1 %");
        assert_eq!(test(sheet(1, 1.0), 0.02, 0.05), Some(0.9));
        assert_eq!(test(sheet(0, 1_000.0), 0.0, 0.0), None, "what never varies is no rule");
    }

    #[test]
    fn pairs_come_nearest_first() {
        assert_eq!(near_pairs(4, 100), [(0, 1), (1, 2), (2, 3), (0, 2), (1, 3), (0, 3)]);
        assert_eq!(near_pairs(4, 8).len(), 5);
        assert!(near_pairs(0, 8).is_empty() && near_pairs(1, 8).is_empty());
    }
}
