//! Dates and times as seconds since 1970-01-01, and the format a column writes them in.

use jiff::civil::{self, DateTime, Weekday};
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// A strptime format, and how finely it tells times apart.
///
/// A format without a date counts from midnight, one without a time means midnight, one without a day or
/// month means the first. Two digits of a year mean 1969 to 2068, as POSIX has it. A format with an offset (`%z`) reads any
/// offset and writes the one it is given.
///
/// Beyond strptime: `%q` is the quarter of a year, and `%s` and `%Q` alone are seconds and milliseconds since 1970-01-01.
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
            _ if format == "%Q" => 1_000_000,
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

    /// Whether values have an offset from UTC of their own.
    pub fn is_zoned(&self) -> bool {
        self.zoned
    }

    /// Whether a value is a day or more: it has no time.
    pub fn is_day(&self) -> bool {
        !["%H", "%-H", "%I", "%-I", "%M", "%s", "%Q", "%T", "%R"].iter().any(|t| self.format.contains(t))
    }

    /// Seconds since 1970-01-01 (UTC, or whatever clock the column keeps); `None` when `text` does not fit.
    pub fn parse(&self, text: &str) -> Option<f64> {
        self.parse_zoned(text).map(|(seconds, _)| seconds)
    }

    /// As [`DateFormat::parse`], with the offset from UTC in seconds, if the value has one.
    pub fn parse_zoned(&self, text: &str) -> Option<(f64, Option<i32>)> {
        match self.format.as_str() {
            "%s" => return text.parse::<i64>().ok().map(|s| (s as f64, None)),
            "%Q" => return text.parse::<i64>().ok().map(|ms| (ms as f64 / 1e3, None)),
            _ => {}
        }
        let tm = match self.format.split_once("%q") {
            Some((before, after)) => quarter(text, before, after)?,
            None => BrokenDownTime::parse(&self.format, text).ok()?,
        };
        let mut tm = tm;
        let offset = tm.offset().map(|o| o.seconds());
        if let Some(instant) = tm.timestamp() {
            return Some((instant.as_duration().as_secs_f64(), offset));
        }
        let time = tm.to_time().ok()?;
        let seconds = DateTime::from_parts(date(&mut tm)?, time).duration_since(DateTime::from(EPOCH));
        Some(((seconds - SignedDuration::from_secs(offset.unwrap_or(0).into())).as_secs_f64(), offset))
    }

    /// The text of `seconds`, rounded down to what the format shows; times out of jiff's years -9999 to 9999
    /// become the nearest it has.
    pub fn text(&self, seconds: f64) -> String {
        self.text_at(seconds, 0)
    }

    /// As [`DateFormat::text`], on a clock that is `offset` seconds ahead of UTC.
    pub fn text_at(&self, seconds: f64, offset: i32) -> String {
        match self.format.as_str() {
            "%s" => return (seconds.floor() as i64).to_string(),
            "%Q" => return ((seconds * 1e3).round() as i64).to_string(),
            _ => {}
        }
        let offset = Offset::from_seconds(if self.zoned { offset } else { 0 }).unwrap_or(Offset::UTC);
        let clock = self.clock(seconds + f64::from(offset.seconds()));
        let mut tm = BrokenDownTime::from(clock);
        if self.zoned {
            tm.set_offset(Some(offset));
        }
        if self.format.contains("%s") {
            tm.set_timestamp(Timestamp::from_second(seconds.floor() as i64).ok());
        }
        match self.format.contains("%q") {
            true => {
                let quarter = (clock.month() + 2) / 3;
                tm.to_string(self.format.replace("%q", &quarter.to_string())).unwrap_or_default()
            }
            false => tm.to_string(&self.format).unwrap_or_default(),
        }
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

/// Year and quarter of `text`; the quarter stands between what `before` and `after` describe.
fn quarter(text: &str, before: &str, after: &str) -> Option<BrokenDownTime> {
    let at = text.char_indices().map(|(i, _)| i).find(|&i| {
        let digit = matches!(text.as_bytes()[i], b'1'..=b'4');
        digit
            && BrokenDownTime::parse(before, &text[..i]).is_ok()
            && BrokenDownTime::parse(after, &text[i + 1..]).is_ok()
    })?;
    let part = if before.contains("%Y") { (before, &text[..at]) } else { (after, &text[at + 1..]) };
    let mut tm = BrokenDownTime::parse(part.0, part.1).ok()?;
    let quarter = (text.as_bytes()[at] - b'0') as i8;
    tm.set_month(Some(3 * quarter - 2)).ok()?;
    Some(tm)
}

fn date(tm: &mut BrokenDownTime) -> Option<civil::Date> {
    if let Ok(date) = tm.to_date() {
        return Some(date);
    }
    if tm.iso_week().is_some() && tm.weekday().is_none() {
        tm.set_weekday(Some(Weekday::Monday));
        return tm.to_date().ok();
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

/// Days, most likely first. `@` stands for a month by name, which may be short or long, and in capitals.
const DATES: [&str; 58] = [
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%-d.%-m.%Y",
    "%-d/%-m/%Y",
    "%-m/%-d/%Y",
    "%-d-%-m-%Y",
    "%Y-%m",
    "%Y-%-m-%-d",
    "%Y.%m.%d",
    "%Y/%-m/%-d",
    "%Y-%d-%m",
    "%Y/%d/%m",
    "%Y.%d.%m",
    "%m.%Y",
    "%m/%Y",
    "%m-%Y",
    "%Y/%m",
    "%d @ %Y",
    "%-d @ %Y",
    "%d. @ %Y",
    "%-d. @ %Y",
    "%d-@-%Y",
    "%-d-@-%Y",
    "%d/@/%Y",
    "@ %-d, %Y",
    "@ %d, %Y",
    "@ %-d %Y",
    "@ %d %Y",
    "%Y-@-%d",
    "%Y @ %d",
    "%Y @ %-d",
    "%d@%Y",
    "@ %Y",
    "@-%Y",
    "%Y-@",
    "%a, %d @ %Y",
    "%a, %-d @ %Y",
    "%A, @ %-d, %Y",
    "%A, %-d @ %Y",
    "%a @ %d %Y",
    "%d.%m.%y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%-m/%-d/%y",
    "%-d/%-m/%y",
    "%-d.%-m.%y",
    "%d-%m-%y",
    "%m-%d-%y",
    "%y-%m-%d",
    "%y/%m/%d",
    "%d-@-%y",
    "%-d-@-%y",
    "@-%y",
];
const TIMES: [&str; 16] = [
    "%H:%M",
    "%-H:%M",
    "%H:%M:%S",
    "%-H:%M:%S",
    "%H:%M:%S%.3f",
    "%H:%M:%S%.6f",
    "%H:%M:%S%.9f",
    "%H:%M:%S%.f",
    "%I:%M %p",
    "%-I:%M %p",
    "%I:%M:%S %p",
    "%-I:%M:%S %p",
    "%I:%M%p",
    "%-I:%M%p",
    "%-I:%M:%S%p",
    "%-I %p",
];
/// Whole formats that no day and time put together make.
const OTHERS: [&str; 13] = [
    "%a %b %d %H:%M:%S %Y",
    "%a %b %e %H:%M:%S %Y",
    "%G-W%V",
    "%GW%V",
    "%G-W%V-%u",
    "%Y-Q%q",
    "%YQ%q",
    "%Y Q%q",
    "Q%q %Y",
    "Q%q-%Y",
    "Q%q/%Y",
    "%Y%m%dT%H%M%SZ",
    "%Y%m%dT%H%M%S",
];

/// The formats that `text` may be in, most likely first. Dates take every common order; the rest of the
/// format (blank or `T`, seconds, fraction, offset) is read off the text. `compact` allows digits alone, such as `20240131`.
pub(crate) fn candidates(text: &str, compact: bool) -> Vec<String> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if !(2..=24).contains(&digits) || !(3..=48).contains(&text.len()) || !text.is_ascii() {
        return Vec::new();
    }
    if digits == text.len() {
        let formats: &[&str] = match (compact, digits) {
            (true, 8) => &["%Y%m%d", "%d%m%Y", "%m%d%Y"],
            (_, 12) => &["%Y%m%d%H%M"],
            (_, 14) => &["%Y%m%d%H%M%S"],
            (_, 17) => &["%Y%m%d%H%M%S%3f"],
            (_, 20) => &["%Y%m%d%H%M%S%6f"],
            _ => &[],
        };
        return formats.iter().map(|f| (*f).to_owned()).collect();
    }
    let mut formats: Vec<String> = Vec::new();
    for date in DATES {
        formats.extend(months(date, text));
    }
    formats.extend(TIMES.iter().map(|t| case_of_noon(t, text)));
    formats.extend(OTHERS.iter().map(|f| (*f).to_owned()));
    if text.contains(':') || text.to_ascii_lowercase().ends_with('m') {
        let days = formats[..formats.len() - TIMES.len() - OTHERS.len()].to_vec();
        for day in days {
            for between in ["T", " ", ", "] {
                if !text.contains(between) {
                    continue;
                }
                for clock in TIMES {
                    for zone in zones(text) {
                        formats.push(format!("{day}{between}{}{zone}", case_of_noon(clock, text)));
                    }
                }
            }
        }
    }
    // Most are turned away by a mark that the text does not have.
    let letters = text.bytes().any(|b| b.is_ascii_alphabetic());
    let may = |format: &String| {
        let marks = format.bytes().filter(|b| matches!(b, b'/' | b'.' | b':' | b','));
        let mut last = b'%';
        let fraction = format.contains("%.");
        for mark in marks {
            if mark != b'.' || !fraction {
                last = mark;
            }
            if last != b'%' && !text.as_bytes().contains(&last) {
                return false;
            }
        }
        letters || !(format.contains("%b") || format.contains("%B") || format.contains("%p"))
    };
    formats.retain(may);
    formats
}

/// A day with its month by name, as `text` may write that: short or long, capitals or not.
fn months(date: &str, text: &str) -> Vec<String> {
    if !date.contains('@') {
        return vec![date.to_owned()];
    }
    let upper = text.bytes().any(|b| b.is_ascii_uppercase()) && !text.bytes().any(|b| b.is_ascii_lowercase());
    let names: [&str; 2] = if upper { ["%^b", "%^B"] } else { ["%b", "%B"] };
    names.iter().map(|name| date.replace('@', name)).collect()
}

/// `am` and `pm` in the letters of `text`.
fn case_of_noon(time: &str, text: &str) -> String {
    let small = text.ends_with("am") || text.ends_with("pm");
    if small { time.replace("%p", "%P") } else { time.to_owned() }
}

/// How the offset at the end of `text` may be written: first as it stands, in case every row has the same.
fn zones(text: &str) -> Vec<String> {
    if text.ends_with('Z') {
        return vec!["Z".to_owned()];
    }
    if text.ends_with(" UTC") || text.ends_with(" GMT") {
        return vec![text[text.len() - 4..].to_owned()];
    }
    let from = text.rfind(':').map_or(0, |colon| text[..colon].rfind(':').unwrap_or(colon));
    match text[from..].rfind(['+', '-']).map(|at| from + at) {
        // `+02:00` or `+0200`, with or without a blank before.
        Some(at) => {
            let at = if text[..at].ends_with(' ') { at - 1 } else { at };
            let (blank, zone) = text[at..].split_at(usize::from(text[at..].starts_with(' ')));
            let any = if zone.contains(':') { "%:z" } else { "%z" };
            vec![text[at..].to_owned(), format!("{blank}{any}")]
        }
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
            ("%d %b %Y", "29 Feb 2024", day),
            ("%B %-d, %Y", "February 29, 2024", day),
            ("%d-%^b-%Y", "29-FEB-2024", day),
            ("%Y-%d-%m", "2024-29-02", day),
            ("%d%m%Y", "29022024", day),
            ("%d.%m.%y", "29.02.24", day),
            ("%Y%m%d%H%M%S%6f", "20240229010203000250", day + 3_723.000_25),
            ("%-m/%-d/%Y %-I:%M %p", "2/29/2024 1:02 PM", day + 46_920.0),
            ("%-I:%M%P", "12:30am", 1_800.0),
            ("%G-W%V", "2024-W09", day - 3.0 * 86_400.0),
            ("%G-W%V-%u", "2024-W09-4", day),
            ("%Y-Q%q", "2024-Q1", day - 59.0 * 86_400.0),
            ("Q%q %Y", "Q1 2024", day - 59.0 * 86_400.0),
            ("%s", "1709164800", day),
            ("%Q", "1709164800250", day + 0.25),
            ("%a, %d %b %Y %H:%M:%S %z", "Thu, 29 Feb 2024 00:00:00 +0000", day),
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
    fn an_offset_is_written_as_it_is_given() {
        let format = DateFormat::new("%Y-%m-%dT%H:%M:%S%:z");
        let (seconds, offset) = format.parse_zoned("2024-07-01T12:00:00+02:00").unwrap();
        assert_eq!(offset, Some(7200));
        assert_eq!(format.text_at(seconds, 7200), "2024-07-01T12:00:00+02:00");
        assert_eq!(format.text_at(seconds, -16_200), "2024-07-01T05:30:00-04:30");
    }

    #[test]
    fn two_digits_of_a_year_are_read_as_posix_says() {
        let format = DateFormat::new("%d.%m.%y");
        let year = |text: &str| 1970.0 + format.parse(text).unwrap() / 86_400.0 / 365.2425;
        assert!((1969.0..1970.0).contains(&year("01.06.69")) && (2068.0..2069.0).contains(&year("01.06.68")));
    }

    #[test]
    fn the_format_of_what_people_write_is_among_the_candidates() {
        for text in [
            "27 Dec 2020",
            "Dec 27, 2020",
            "December 27, 2020",
            "27-DEC-2020",
            "2020-27-12",
            "27/12/20",
            "12/27/2020 3:05 PM",
            "12/27/2020 03:05:07 pm",
            "2020-12-27T15:05:07.123456Z",
            "2020-12-27 15:05:07+01:00",
            "2020-12-27 15:05:07 +0100",
            "Sun, 27 Dec 2020 15:05:07 GMT",
            "Sun Dec 27 15:05:07 2020",
            "20201227",
            "27122020",
            "20201227150507",
            "20201227150507123456",
            "2020-W52",
            "2020Q4",
            "Q4 2020",
            "12/2020",
            "Dec-20",
            "27. December 2020",
            "3:05pm",
            "27DEC2020",
            "20201227T150507Z",
        ] {
            let fits = |f: &String| {
                let format = DateFormat::new(f);
                format.parse_zoned(text).is_some_and(|(s, offset)| format.text_at(s, offset.unwrap_or(0)) == text)
            };
            assert!(candidates(text, true).iter().any(fits), "{text}: {:?}", candidates(text, true));
        }
        assert!(candidates("hello", true).is_empty() && candidates("1", true).is_empty());
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
