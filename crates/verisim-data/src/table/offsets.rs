//! Offsets from UTC that differ from row to row.
//!
//! An instant is learnt, its offset is not: it is drawn by how often each was seen in that month of the year, so that summer time
//! keeps its share of every month and a mix of places stays a mix.

use std::collections::BTreeMap;

use jiff::civil::date;
use serde::{Deserialize, Serialize};

/// How often each offset was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offsets {
    /// Seconds ahead of UTC, ascending.
    seconds: Vec<i32>,
    /// For each month, how many rows had each of them.
    months: Vec<Vec<u64>>,
}

impl Offsets {
    /// Counts the offsets of instants in seconds since 1970-01-01; `None` when all are zero.
    pub(crate) fn of(values: impl Iterator<Item = (f64, i32, usize)>) -> Option<Offsets> {
        let mut counts: BTreeMap<i32, [u64; 12]> = BTreeMap::new();
        for (instant, offset, rows) in values {
            counts.entry(offset).or_default()[month(instant)] += rows as u64;
        }
        if counts.keys().all(|&o| o == 0) {
            return None;
        }
        let months = (0..12).map(|m| counts.values().map(|c| c[m]).collect()).collect();
        Some(Offsets { seconds: counts.into_keys().collect(), months })
    }

    /// The offset of an instant, chosen by `noise`.
    pub(crate) fn draw(&self, instant: f64, noise: u64) -> i32 {
        let here = self.months.get(month(instant)).filter(|m| m.iter().any(|&n| n > 0));
        let all: Vec<u64>;
        let counts = match here {
            Some(counts) => counts,
            None => {
                // No row of this month: as in the whole year.
                let sum =
                    |k: usize| self.months.iter().filter_map(|m| m.get(k)).fold(0, |a: u64, n| a.saturating_add(*n));
                all = (0..self.seconds.len()).map(sum).collect();
                &all
            }
        };
        let total = counts.iter().fold(0_u64, |sum, n| sum.saturating_add(*n)).max(1);
        let mut at = noise % total;
        for (&offset, &count) in self.seconds.iter().zip(counts) {
            if at < count {
                return offset;
            }
            at -= count;
        }
        0
    }

    /// How many differ.
    pub fn count(&self) -> usize {
        self.seconds.len()
    }
}

/// The month of an instant, from 0.
fn month(instant: f64) -> usize {
    let days = (instant / 86_400.0).floor().clamp(-3_000_000.0, 2_900_000.0) as i32;
    let day = date(1970, 1, 1).checked_add(jiff::Span::new().days(days));
    day.map_or(0, |d| usize::from(d.month().unsigned_abs()) - 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::rng::mix;

    #[test]
    fn each_month_keeps_its_mix() {
        // January: an hour in all rows. July: two hours in three rows of four.
        let (january, july) = (10.0 * 86_400.0, 190.0 * 86_400.0);
        let values = [(january, 3_600, 40), (july, 7_200, 30), (july, 3_600, 10)];
        let offsets = Offsets::of(values.into_iter()).unwrap();
        let share =
            |instant: f64| (0..4_000).filter(|&i| offsets.draw(instant, mix(i)) == 7_200).count() as f64 / 4_000.0;
        assert_eq!(share(january), 0.0);
        assert!((share(july) - 0.75).abs() < 0.03, "{}", share(july));
        // A month that no row is in takes the mix of the year.
        assert!((share(100.0 * 86_400.0) - 0.375).abs() < 0.03);
        assert_eq!(Offsets::of([(0.0, 0, 5)].into_iter()), None);
        assert_eq!(offsets.draw(f64::MAX, 1), 3_600);
    }
}
