//! Dates and times that programs trip over.

use jiff::civil::DateTime;

use super::zone;
use crate::expression::{DAY, iso};

/// Dates, by name; some are none.
pub const DATES: &[(&str, &str)] = &[
    ("plain", "2024-06-15"),
    ("leap day", "2024-02-29"),
    ("leap day of a century", "2000-02-29"),
    ("leap day of a century that has none", "1900-02-29"),
    ("leap day of a year that has none", "2023-02-29"),
    ("day before a leap day", "2024-02-28"),
    ("day after February", "2023-03-01"),
    ("day 366", "2024-12-31"),
    ("last day of a year", "1999-12-31"),
    ("first day of a year", "2000-01-01"),
    ("week 53", "2020-12-31"),
    ("week of the year before", "2021-01-01"),
    ("epoch", "1970-01-01"),
    ("before the epoch", "1969-12-31"),
    ("last day of 32-bit seconds", "2038-01-19"),
    ("day after 32-bit seconds", "2038-01-20"),
    ("first Gregorian day", "1582-10-15"),
    ("before the first Gregorian day", "1582-10-04"),
    ("day that Samoa skipped", "2011-12-30"),
    ("first of spreadsheets", "1900-01-01"),
    ("year 1", "0001-01-01"),
    ("year 9999", "9999-12-31"),
    ("year 0", "0000-01-01"),
    ("year 10000", "10000-01-01"),
    ("day 31 of 30", "2023-04-31"),
    ("day 0", "2023-01-00"),
    ("month 0", "2023-00-10"),
    ("month 13", "2023-13-01"),
    ("zeros", "0000-00-00"),
    ("one digit", "2023-1-5"),
    ("day first", "31.12.2023"),
    ("month first", "12/31/2023"),
    ("two-digit year", "23-01-05"),
    ("with a time", "2023-01-05T00:00:00"),
    ("word", "tomorrow"),
];

/// Times of day, by name; some are none.
pub const TIMES: &[(&str, &str)] = &[
    ("noon", "12:00:00"),
    ("midnight", "00:00:00"),
    ("last second", "23:59:59"),
    ("milliseconds", "23:59:59.999"),
    ("nanoseconds", "23:59:59.999999999"),
    ("first nanosecond", "00:00:00.000000001"),
    ("hour 24", "24:00:00"),
    ("minute 60", "12:60:00"),
    ("leap second", "23:59:60"),
    ("negative", "-01:00:00"),
    ("one digit", "1:00:00"),
    ("twelve hours", "11:00:00 PM"),
];

/// Dates with times and offsets, by name; some are none.
pub const STAMPS: &[(&str, &str)] = &[
    ("plain", "2024-06-15T12:00:00Z"),
    ("epoch", "1970-01-01T00:00:00Z"),
    ("second before the epoch", "1969-12-31T23:59:59Z"),
    ("last of 32-bit seconds", "2038-01-19T03:14:07Z"),
    ("first beyond 32-bit seconds", "2038-01-19T03:14:08Z"),
    ("last of unsigned 32-bit seconds", "2106-02-07T06:28:15Z"),
    ("10 to 9 seconds", "2001-09-09T01:46:40Z"),
    ("leap day, last second", "2024-02-29T23:59:59Z"),
    ("leap day that is none", "2023-02-29T12:00:00Z"),
    ("year's last nanosecond", "1999-12-31T23:59:59.999999999Z"),
    ("year 1", "0001-01-01T00:00:00Z"),
    ("year 9999", "9999-12-31T23:59:59Z"),
    ("offset furthest east", "2024-01-01T00:00:00+14:00"),
    ("offset furthest west", "2024-01-01T00:00:00-12:00"),
    ("offset of a quarter hour", "2024-01-01T00:00:00+05:45"),
    ("offset that turns the year", "2023-12-31T23:30:00-01:00"),
    ("milliseconds", "2024-01-01T00:00:00.001Z"),
    ("leap second", "2016-12-31T23:59:60Z"),
    ("hour 24", "2024-01-01T24:00:00Z"),
    ("offset of 24 hours", "2024-01-01T00:00:00+24:00"),
    ("offset without colon", "2024-01-01T00:00:00+0100"),
    ("year 0", "0000-01-01T00:00:00Z"),
    ("year 10000", "10000-01-01T00:00:00Z"),
    ("date alone", "2024-01-01"),
    ("seconds since the epoch", "1700000000"),
    ("word", "now"),
];

/// Times when the clocks of a zone change.
pub fn of_zone(name: &str) -> Vec<(String, String)> {
    let Ok(zone) = zone::named(name) else { return Vec::new() };
    let (skipped, twice) = zone::changes(&zone, 2024);
    let text = |at: DateTime| at.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let mut all = Vec::new();
    if let Some(at) = skipped {
        let half = at.checked_add(jiff::Span::new().minutes(15)).unwrap_or(at);
        let before = at.checked_sub(jiff::Span::new().seconds(1)).unwrap_or(at);
        all.push(("skipped when summer time begins".to_owned(), text(half)));
        all.push(("last second before summer time begins".to_owned(), text(before)));
    }
    if let Some(at) = twice {
        let half = at.checked_add(jiff::Span::new().minutes(15)).unwrap_or(at);
        all.push(("shown twice when summer time ends".to_owned(), text(half)));
        let ambiguous = zone.to_ambiguous_timestamp(half);
        if let jiff::tz::AmbiguousOffset::Fold { before, after } = ambiguous.offset() {
            for (offset, which) in [(before, "first"), (after, "second")] {
                let seconds = offset.seconds();
                let sign = if seconds < 0 { '-' } else { '+' };
                let written = format!("{sign}{:02}:{:02}", seconds.abs() / 3600, seconds.abs() / 60 % 60);
                all.push((format!("shown twice when summer time ends, the {which}"), text(half) + &written));
            }
        }
    }
    all
}

/// A date or time moved by microseconds, in the form that it had.
pub fn moved(text: &str, by: i64) -> Option<String> {
    let (at, alone) = iso(&text.replace(' ', "T"))?;
    let at = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from_microsecond(at.checked_add(by)?).ok()?);
    if alone {
        return Some(at.date().strftime("%Y-%m-%d").to_string());
    }
    let part = at.subsec_nanosecond();
    let part = if part == 0 { String::new() } else { format!(".{:06}", part / 1000) };
    let end = if text.contains('Z') || text.get(10..).is_some_and(|t| t.contains(['+', '-'])) { "Z" } else { "" };
    Some(format!("{}{part}{end}", at.strftime("%Y-%m-%dT%H:%M:%S")))
}

/// The step of a date or time that is one beyond a bound: a day, or a second.
pub fn step(alone: bool) -> i64 {
    if alone { DAY } else { 1_000_000 }
}
