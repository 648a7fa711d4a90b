//! How the times of sequences run: in which unit, from where, how regularly.

use jiff::civil::{Date, DateTime, date};
use serde::{Deserialize, Serialize};

/// Seconds of a day.
const DAY: f64 = 86_400.0;
/// The day from which dates count.
const EPOCH: Date = date(1970, 1, 1);

/// In which unit times are counted, so that regular steps are of one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// The number itself; a date in seconds since 1970-01-01.
    One,
    /// Days since 1970-01-01.
    Day,
    /// Months since 1970-01-01: all dates are of one day of their months, at one time.
    Month,
}

/// How the times of sequences run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clock {
    /// The unit in which times are counted.
    pub unit: Unit,
    /// What is left of a date in whole months: the same for all of them, in seconds. Else 0.
    #[serde(default)]
    pub rest: f64,
    /// The time between two steps, in units, if it is always the same.
    pub every: Option<f64>,
    /// The time of the first step, in units, if it is the same for all sequences.
    pub start: Option<f64>,
}

impl Clock {
    /// Steps that are counted from 0, without an order column.
    pub fn steps() -> Clock {
        Clock { unit: Unit::One, rest: 0.0, every: Some(1.0), start: Some(0.0) }
    }

    /// The clock of `times` as the order column has them, seconds for dates, of sequences at `offsets`; and the times in its units.
    pub fn of(times: &[f64], offsets: &[usize], is_date: bool) -> (Clock, Vec<f64>) {
        let (unit, rest) = if is_date { unit_of(times) } else { (Unit::One, 0.0) };
        let mut clock = Clock { unit, rest, every: None, start: None };
        let counted: Vec<f64> = times.iter().map(|&t| clock.units(t)).collect();
        let sequences = || offsets.windows(2).filter(|p| p[1] > p[0]).map(|p| &counted[p[0]..p[1]]);
        let mut gaps = sequences().flat_map(|s| s.windows(2).map(|w| w[1] - w[0]));
        if let Some(first) = gaps.next()
            && first > 0.0
            // Numbers such as 0.1 add up with errors in their last digits.
            && gaps.all(|gap| (gap - first).abs() <= 1e-9 * first)
        {
            clock.every = Some(first);
        }
        let mut starts = sequences().map(|s| s[0]);
        clock.start = starts.next().filter(|first| starts.all(|s| s == *first));
        (clock, counted)
    }

    /// A time of the order column in units.
    pub fn units(&self, time: f64) -> f64 {
        match self.unit {
            Unit::One => time,
            Unit::Day => time / DAY,
            Unit::Month => month(time).map_or(f64::NAN, |(months, _)| months),
        }
    }

    /// A time in units as the order column has it.
    pub fn time(&self, units: f64) -> f64 {
        match self.unit {
            Unit::One => units,
            Unit::Day => units * DAY,
            Unit::Month => {
                let months = units.round() as i64;
                let year = i16::try_from(1970 + months.div_euclid(12)).unwrap_or(if months < 0 { -9999 } else { 9999 });
                let first = Date::new(year, months.rem_euclid(12) as i8 + 1, 1).unwrap_or(EPOCH);
                seconds(first.into()) + self.rest
            }
        }
    }

    /// What the unit is called, for people.
    pub fn unit_name(&self, is_date: bool) -> &'static str {
        match self.unit {
            Unit::One if is_date => "seconds",
            Unit::One => "units",
            Unit::Day => "days",
            Unit::Month => "months",
        }
    }
}

/// Whole months where all dates are of one day of the month and one time; else days where all are of one time of day.
fn unit_of(times: &[f64]) -> (Unit, f64) {
    let known = || times.iter().filter(|t| t.is_finite());
    let Some(first) = known().next() else { return (Unit::One, 0.0) };
    if let Some((_, rest)) = month(*first)
        && known().all(|&t| month(t).is_some_and(|(_, r)| r == rest))
        // One month alone says nothing.
        && known().any(|t| t != first)
        // The 30th of February would be lost.
        && rest < 28.0 * DAY
    {
        return (Unit::Month, rest);
    }
    match known().all(|t| t.rem_euclid(DAY) == 0.0) {
        true => (Unit::Day, 0.0),
        false => (Unit::One, 0.0),
    }
}

/// The month of a time, from 1970-01, and the seconds from its beginning.
fn month(time: f64) -> Option<(f64, f64)> {
    let days = (time / DAY).floor();
    let day = EPOCH.checked_add(jiff::Span::new().try_days(days as i64).ok()?).ok()?;
    let months = (i32::from(day.year()) - 1970) * 12 + i32::from(day.month()) - 1;
    Some((f64::from(months), time - seconds(day.first_of_month().into())))
}

fn seconds(at: DateTime) -> f64 {
    at.duration_since(DateTime::from(EPOCH)).as_secs_f64()
}
