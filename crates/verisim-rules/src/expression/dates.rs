//! Parts of dates and times, and dates that are written as texts.

use jiff::civil;

/// Microseconds of a day.
pub const DAY: i64 = 86_400_000_000;

/// A part of a date or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Part {
    Year,
    Quarter,
    Month,
    Day,
    /// Of the week, Monday is 1.
    Weekday,
    /// Of the year, from 1.
    DayOfYear,
    Hour,
    Minute,
    Second,
}

impl Part {
    /// All of them.
    pub const ALL: [Part; 9] = [
        Part::Year,
        Part::Quarter,
        Part::Month,
        Part::Day,
        Part::Weekday,
        Part::DayOfYear,
        Part::Hour,
        Part::Minute,
        Part::Second,
    ];

    /// Its name in an expression.
    pub fn name(self) -> &'static str {
        match self {
            Part::Year => "year",
            Part::Quarter => "quarter",
            Part::Month => "month",
            Part::Day => "day",
            Part::Weekday => "weekday",
            Part::DayOfYear => "day_of_year",
            Part::Hour => "hour",
            Part::Minute => "minute",
            Part::Second => "second",
        }
    }

    /// The part of a time in microseconds since 1970-01-01; nothing of what no calendar holds.
    pub fn of(self, micros: i64) -> Option<f64> {
        let (day, within) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
        let date = civil_of(day)?;
        Some(match self {
            Part::Year => f64::from(date.year()),
            Part::Quarter => f64::from((date.month() - 1) / 3 + 1),
            Part::Month => f64::from(date.month()),
            Part::Day => f64::from(date.day()),
            Part::Weekday => f64::from(date.weekday().to_monday_one_offset()),
            Part::DayOfYear => f64::from(date.day_of_year()),
            Part::Hour => (within / 3_600_000_000) as f64,
            Part::Minute => (within / 60_000_000 % 60) as f64,
            Part::Second => (within / 1_000_000 % 60) as f64,
        })
    }
}

/// The date of a number of days since 1970-01-01.
pub fn civil_of(day: i64) -> Option<civil::Date> {
    let day = i32::try_from(day).ok().filter(|d| (-4_371_222..=2_932_896).contains(d))?;
    civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(day)).ok()
}

/// Days since 1970-01-01 of a date.
pub fn days_of(date: civil::Date) -> i64 {
    civil::date(1970, 1, 1).until(date).map_or(0, |span| i64::from(span.get_days()))
}

/// Microseconds since 1970-01-01 of a date or a time in ISO form, and whether it is a date alone.
pub fn iso(text: &str) -> Option<(i64, bool)> {
    let text = text.trim();
    if text.len() == 10 {
        let date: civil::Date = text.parse().ok()?;
        return Some((days_of(date) * DAY, true));
    }
    if let Ok(stamp) = text.parse::<jiff::Timestamp>() {
        return Some((stamp.as_microsecond(), false));
    }
    let time: civil::DateTime = text.parse().ok()?;
    let nanos = time.time().duration_since(civil::Time::midnight()).as_nanos();
    Some((days_of(time.date()) * DAY + i64::try_from(nanos / 1_000).ok()?, false))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_times_before_and_after_the_epoch() {
        let (t, alone) = iso("2024-02-29T23:59:58").unwrap();
        assert!(!alone);
        let parts: Vec<f64> = Part::ALL.iter().map(|p| p.of(t).unwrap()).collect();
        assert_eq!(parts, [2024.0, 1.0, 2.0, 29.0, 4.0, 60.0, 23.0, 59.0, 58.0]);
        let (t, alone) = iso("1969-12-31").unwrap();
        assert!(alone && t == -DAY);
        assert_eq!(Part::Day.of(t), Some(31.0));
        assert_eq!(iso("2024-01-01T00:00:00+02:00").unwrap().0, iso("2023-12-31T22:00:00").unwrap().0);
        assert_eq!(Part::Year.of(i64::MAX), None);
        assert!(iso("2023-02-29").is_none() && iso("soon").is_none());
    }

    #[test]
    fn days_and_dates_are_inverse() {
        for day in [-719_162, -1, 0, 1, 59, 19_782, 2_932_896] {
            assert_eq!(days_of(civil_of(day).unwrap()), day);
        }
    }
}
