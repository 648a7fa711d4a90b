//! Parts of dates: a column of years, months or weekdays beside one of dates follows from it.

use serde::{Deserialize, Serialize};

const DAY: f64 = 86_400.0;

/// A part of a date, as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The year.
    Year,
    /// The quarter, from 1.
    Quarter,
    /// The month, from 1.
    Month,
    /// The day of the month, from 1.
    Day,
    /// The day of the week, Monday is 1.
    Weekday,
    /// The hour, from 0.
    Hour,
}

impl Part {
    /// All parts, the coarsest of each cycle first.
    pub(crate) const ALL: [Part; 6] = [Part::Year, Part::Quarter, Part::Month, Part::Day, Part::Weekday, Part::Hour];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Part::Year => "year",
            Part::Quarter => "quarter",
            Part::Month => "month",
            Part::Day => "day",
            Part::Weekday => "weekday",
            Part::Hour => "hour",
        }
    }

    /// This part of a time in seconds since 1970-01-01; `NaN` of none.
    pub fn of(self, seconds: f64) -> f64 {
        // Beyond these no date is written.
        if seconds.is_nan() || seconds.abs() > 1e12 {
            return f64::NAN;
        }
        let days = (seconds / DAY).floor();
        let (year, month, day) = civil(days as i64);
        match self {
            Part::Year => year as f64,
            Part::Quarter => ((month - 1) / 3 + 1) as f64,
            Part::Month => month as f64,
            Part::Day => day as f64,
            // The first of January 1970 was a Thursday.
            Part::Weekday => (days as i64 + 3).rem_euclid(7) as f64 + 1.0,
            Part::Hour => ((seconds - days * DAY) / 3_600.0).floor(),
        }
    }
}

/// Year, month and day of a day since 1970-01-01: the algorithm `civil_from_days` of H. Hinnant, "chrono-compatible low-level date
/// algorithms".
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::table::date::DateFormat;

    proptest! {
        #[test]
        fn parts_are_those_that_a_calendar_writes(seconds in -60_000_000_000_i64..90_000_000_000) {
            let written = DateFormat::new("%Y %m %d %u %H").text(seconds as f64);
            let parts: Vec<f64> = written.split(' ').map(|p| p.parse().unwrap()).collect();
            let own = [Part::Year, Part::Month, Part::Day, Part::Weekday, Part::Hour].map(|p| p.of(seconds as f64));
            prop_assert_eq!(parts, own.to_vec());
            prop_assert_eq!(Part::Quarter.of(seconds as f64), (own[1] / 3.0).ceil());
        }
    }
}
