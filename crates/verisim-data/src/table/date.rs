//! Dates and times as seconds since 1970-01-01, and the format a column writes them in.

use jiff::civil::{self, DateTime};
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// A strptime format, and how finely it tells times apart.
///
/// A format without a date counts from midnight, one without a time means midnight, one without a day or
/// month means the first. A format with an offset (`%z`) reads any offset and writes `+0000`.
#[derive(Clone, Debug, PartialEq)]
pub struct DateFormat {
    format: String,
    /// Nanoseconds in the smallest step that the format shows of a second.
    step: i64,
    /// Has an offset from UTC.
    zoned: bool,
}

impl DateFormat {
    /// The format `format`, in the letters of strptime.
    pub fn new(format: &str) -> DateFormat {
        // A double holds today's seconds to a quarter of a microsecond, so no format is finer than that.
        let step = match format.split_once("%.").and_then(|(_, rest)| rest.chars().next()) {
            Some(digit) => match digit.to_digit(10) {
                Some(digits) => 10_i64.pow(9 - digits.clamp(1, 6)),
                None => 1_000,
            },
            None if ["%f", "%N", "%3f", "%6f", "%9f"].iter().any(|f| format.contains(f)) => 1_000,
            None => 1_000_000_000,
        };
        let zoned = ["%z", "%:z", "%::z", "%:::z"].iter().any(|z| format.contains(z));
        DateFormat { format: format.to_owned(), step, zoned }
    }

    /// The format as it was given.
    pub fn as_str(&self) -> &str {
        &self.format
    }

    /// Seconds since 1970-01-01 (UTC, or whatever clock the column keeps); `None` when `text` does not fit.
    pub fn parse(&self, text: &str) -> Option<f64> {
        let mut tm = BrokenDownTime::parse(&self.format, text).ok()?;
        if let Some(instant) = tm.timestamp() {
            return Some(instant.as_duration().as_secs_f64());
        }
        let time = tm.to_time().ok()?;
        let seconds = DateTime::from_parts(date(&mut tm)?, time).duration_since(DateTime::from(EPOCH));
        Some((seconds - SignedDuration::from_secs(tm.offset().map_or(0, |o| o.seconds().into()))).as_secs_f64())
    }

    /// The text of `seconds`, rounded down to what the format shows; times out of jiff's years -9999 to 9999
    /// become the nearest it has.
    pub fn text(&self, seconds: f64) -> String {
        let mut tm = BrokenDownTime::from(self.clock(seconds));
        if self.zoned {
            tm.set_offset(Some(Offset::UTC));
        }
        if self.format.contains("%s") {
            tm.set_timestamp(Timestamp::from_second(seconds.floor() as i64).ok());
        }
        tm.to_string(&self.format).unwrap_or_default()
    }

    fn clock(&self, seconds: f64) -> DateTime {
        let second = seconds.floor();
        // The fraction is rounded to a whole microsecond before it is cut to the step: 0.123 as a double of
        // today's seconds is a little less than that, and would read 0.122.
        let micros = ((seconds - second) * 1e6).round() as i64;
        let nanos = (micros * 1_000).div_euclid(self.step) * self.step;
        let whole = SignedDuration::from_secs(second as i64).checked_add(SignedDuration::from_nanos(nanos));
        match whole.and_then(|d| DateTime::from(EPOCH).checked_add(d).ok()) {
            Some(clock) => clock,
            None if seconds > 0.0 => DateTime::MAX,
            None => DateTime::MIN,
        }
    }
}

const EPOCH: civil::Date = civil::date(1970, 1, 1);

fn date(tm: &mut BrokenDownTime) -> Option<civil::Date> {
    if let Ok(date) = tm.to_date() {
        return Some(date);
    }
    if tm.year().is_none() && tm.month().is_none() && tm.day().is_none() {
        return Some(EPOCH);
    }
    if tm.month().is_none() {
        tm.set_month(Some(1)).ok()?;
    }
    if tm.day().is_none() {
        tm.set_day(Some(1)).ok()?;
    }
    tm.to_date().ok()
}

/// The formats that `text` may be in, most likely first. Dates take every common order; the rest of the
/// format (blank or `T`, seconds, fraction, offset) is read off the text. `compact` allows `20240131`.
pub(crate) fn candidates(text: &str, compact: bool) -> Vec<String> {
    const DATES: [&str; 12] = [
        "%Y-%m-%d",
        "%Y/%m/%d",
        "%d.%m.%Y",
        "%d/%m/%Y",
        "%m/%d/%Y",
        "%d-%m-%Y",
        "%-d.%-m.%Y",
        "%-d/%-m/%Y",
        "%-m/%-d/%Y",
        "%-d-%-m-%Y",
        "%Y-%m",
        "%Y-%-m-%-d",
    ];
    const TIMES: [&str; 7] =
        ["%H:%M", "%-H:%M", "%H:%M:%S", "%-H:%M:%S", "%H:%M:%S%.3f", "%H:%M:%S%.6f", "%H:%M:%S%.f"];
    if !text.as_bytes().first().is_some_and(u8::is_ascii_digit) || text.len() > 40 {
        return Vec::new();
    }
    if compact && text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        return vec!["%Y%m%d".to_owned()];
    }
    let Some((_, time)) = text.split_once(['T', ' ']) else {
        let dates_and_times = DATES.iter().chain(&TIMES);
        return dates_and_times.map(|f| (*f).to_owned()).collect();
    };
    let between = if text.contains('T') { "T" } else { " " };
    let mut formats = Vec::new();
    for date in DATES {
        for clock in TIMES {
            for zone in zones(time) {
                formats.push(format!("{date}{between}{clock}{zone}"));
            }
        }
    }
    formats
}

/// How the offset at the end of `time` may be written: first as it stands, in case every row has the same.
fn zones(time: &str) -> Vec<String> {
    if time.ends_with('Z') {
        return vec!["Z".to_owned()];
    }
    match time.rfind(['+', '-']) {
        Some(at) if time[at..].contains(':') => vec![time[at..].to_owned(), "%:z".to_owned()],
        Some(at) => vec![time[at..].to_owned(), "%z".to_owned()],
        None => vec![String::new()],
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn seconds_of_known_days() {
        // 2024-02-29 is day 19782 after the epoch.
        let day = 19_782.0 * 86_400.0;
        for (format, text, seconds) in [
            ("%Y-%m-%d", "2024-02-29", day),
            ("%d.%m.%Y", "29.02.2024", day),
            ("%m/%d/%Y", "02/29/2024", day),
            ("%Y%m%d", "20240229", day),
            ("%Y-%m-%dT%H:%M:%SZ", "2024-02-29T01:02:03Z", day + 3_723.0),
            ("%Y-%m-%d %H:%M:%S%.3f", "2024-02-29 00:00:00.250", day + 0.25),
            ("%Y-%m", "2024-02", day - 28.0 * 86_400.0),
            ("%H:%M", "09:30", 34_200.0),
            ("%Y-%m-%d", "1969-12-31", -86_400.0),
        ] {
            let format = DateFormat::new(format);
            assert_eq!(format.parse(text), Some(seconds), "{text}");
            assert_eq!(format.text(seconds), text);
        }
        assert_eq!(DateFormat::new("%Y-%m-%d").parse("2023-02-29"), None);
    }

    #[test]
    fn offsets_are_taken_off() {
        let format = DateFormat::new("%Y-%m-%dT%H:%M:%S%:z");
        assert_eq!(format.parse("1970-01-01T02:00:00+02:00"), Some(0.0));
        assert_eq!(format.text(0.0), "1970-01-01T00:00:00+00:00");
    }

    #[test]
    fn coarse_formats_round_down_and_far_times_are_clamped() {
        assert_eq!(DateFormat::new("%Y-%m-%d").text(86_399.9), "1970-01-01");
        assert_eq!(DateFormat::new("%Y-%m-%d").text(-0.5), "1969-12-31");
        assert_eq!(DateFormat::new("%Y-%m-%d").text(1e300), "9999-12-31");
        assert!(DateFormat::new("%Y").text(-1e300).starts_with('-'));
    }

    proptest! {
        #[test]
        fn seconds_round_trip(seconds in -30_000_000_000_i64..60_000_000_000) {
            let format = DateFormat::new("%Y-%m-%d %H:%M:%S");
            prop_assert_eq!(format.parse(&format.text(seconds as f64)), Some(seconds as f64));
        }

        #[test]
        fn milliseconds_round_trip(millis in 0_i64..4_000_000_000_000) {
            let format = DateFormat::new("%Y-%m-%dT%H:%M:%S%.3f");
            let text = format.text(millis as f64 / 1e3);
            prop_assert_eq!(format.parse(&text), Some(millis as f64 / 1e3));
        }

        #[test]
        fn days_round_trip(day in -100_000_i64..1_000_000) {
            for f in ["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%-d.%-m.%Y"] {
                let format = DateFormat::new(f);
                prop_assert_eq!(format.parse(&format.text(day as f64 * 86_400.0)), Some(day as f64 * 86_400.0));
            }
        }
    }
}
