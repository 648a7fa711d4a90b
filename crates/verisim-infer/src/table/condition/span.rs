//! Stretches of numbers, and of time.

use verisim_data::table::date::DateFormat;

/// The numbers between two ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    pub(super) from: f64,
    /// Whether `from` is one of them.
    pub(super) from_in: bool,
    pub(super) to: f64,
    /// Whether `to` is one of them.
    pub(super) to_in: bool,
}

impl Span {
    /// All numbers.
    pub(super) const ALL: Span = Span { from: f64::NEG_INFINITY, from_in: true, to: f64::INFINITY, to_in: true };

    pub(super) fn has(&self, x: f64) -> bool {
        (x > self.from || self.from_in && x == self.from) && (x < self.to || self.to_in && x == self.to)
    }

    /// Whether some number between `lo` and `hi` is in it.
    pub(super) fn meets(&self, lo: f64, hi: f64) -> bool {
        (hi > self.from || self.from_in && hi == self.from) && (lo < self.to || self.to_in && lo == self.to)
    }

    /// Whether every number between `lo` and `hi` is in it.
    pub(super) fn covers(&self, lo: f64, hi: f64) -> bool {
        self.has(lo) && self.has(hi)
    }
}

/// What one value of a condition stands for: a number, or all the time that a date takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Extent {
    pub(super) from: f64,
    /// Where it ends, itself left out; a number has no extent.
    pub(super) end: Option<f64>,
}

impl Extent {
    pub(super) fn point(x: f64) -> Extent {
        Extent { from: x, end: None }
    }

    /// The numbers that are equal to it.
    pub(super) fn equal(self) -> Span {
        Span { from: self.from, from_in: true, to: self.end.unwrap_or(self.from), to_in: self.end.is_none() }
    }

    /// `span` with this as its lower end, which is in it or not.
    pub(super) fn begin(self, included: bool, span: Span) -> Span {
        match (included, self.end) {
            (true, _) => Span { from: self.from, from_in: true, ..span },
            (false, Some(end)) => Span { from: end, from_in: true, ..span },
            (false, None) => Span { from: self.from, from_in: false, ..span },
        }
    }

    /// `span` with this as its upper end, which is in it or not.
    pub(super) fn finish(self, included: bool, span: Span) -> Span {
        match (included, self.end) {
            (true, Some(end)) => Span { to: end, to_in: false, ..span },
            (included, _) => Span { to: self.from, to_in: included, ..span },
        }
    }
}

/// The time that `text` stands for in a column of dates or times: an instant in the column's own format, else an ISO date, which
/// lasts a day (a year, a month, a minute, as far as it is given), where the column has dates.
pub(super) fn time(text: &str, format: &DateFormat) -> Option<Extent> {
    if let Some(instant) = format.parse(text) {
        return Some(Extent::point(instant));
    }
    let dated = ["%Y", "%y", "%G", "%s", "%F", "%D", "%c"].iter().any(|part| format.as_str().contains(part));
    if dated { iso(text) } else { clock(text) }
}

const DAY: f64 = 86_400.0;

fn iso(text: &str) -> Option<Extent> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    // Years have four digits.
    if text.split('-').next()?.len() != 4 {
        return None;
    }
    let read = |format: &str, text: &str| DateFormat::new(format).parse(text);
    let lasting = |from: f64, seconds: f64| Extent { from, end: Some(from + seconds) };
    if let Some((day, clock)) = text.split_once(['T', ' ']) {
        let (day, clock) = (read("%Y-%m-%d", day)?, self::clock(clock)?);
        return Some(Extent { from: day + clock.from, end: clock.end.map(|end| day + end) });
    }
    if let Some(day) = read("%Y-%m-%d", text) {
        return Some(lasting(day, DAY));
    }
    let (year, month) = text.split_once('-').unwrap_or((text, ""));
    let year: i32 = year.parse().ok()?;
    let (from, next) = match month {
        "" => ((year, 1), (year + 1, 1)),
        "12" => ((year, 12), (year + 1, 1)),
        month => {
            let month: i32 = month.parse().ok()?;
            ((year, month), (year, month + 1))
        }
    };
    let start = |(year, month): (i32, i32)| read("%Y-%m-%d", &format!("{year:04}-{month:02}-01"));
    Some(Extent { from: start(from)?, end: Some(start(next)?) })
}

/// A time of day: a minute, a second, or an instant where it has a fraction.
fn clock(text: &str) -> Option<Extent> {
    let read = |format: &str| DateFormat::new(format).parse(text);
    let lasting = |from: f64, seconds: f64| Extent { from, end: Some(from + seconds) };
    read("%H:%M")
        .map(|from| lasting(from, 60.0))
        .or_else(|| read("%H:%M:%S").map(|from| lasting(from, 1.0)))
        .or_else(|| read("%H:%M:%S%.f").map(Extent::point))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_iso_date_lasts_as_long_as_it_says() {
        let format = DateFormat::new("%d.%m.%Y %H:%M");
        let at = |text: &str| format.parse(text).unwrap();
        for (text, from, end) in [
            ("2021-06-01", "01.06.2021 00:00", "02.06.2021 00:00"),
            ("2021-12", "01.12.2021 00:00", "01.01.2022 00:00"),
            ("2024-02", "01.02.2024 00:00", "01.03.2024 00:00"),
            ("2021", "01.01.2021 00:00", "01.01.2022 00:00"),
            ("2021-06-01T09:30", "01.06.2021 09:30", "01.06.2021 09:31"),
            ("2021-06-01 23:59Z", "01.06.2021 23:59", "02.06.2021 00:00"),
        ] {
            assert_eq!(time(text, &format), Some(Extent { from: at(from), end: Some(at(end)) }), "{text}");
        }
        assert_eq!(time("01.06.2021 09:30", &format), Some(Extent::point(at("01.06.2021 09:30"))));
        for wrong in ["2021-13", "2021-06-31", "21-06-01", "yesterday", "", "2021-06-01T25:00", "09:30"] {
            assert_eq!(time(wrong, &format), None, "{wrong}");
        }
        // A column of times of day knows no dates.
        assert_eq!(time("09:30", &DateFormat::new("%H:%M:%S")), Some(Extent { from: 34_200.0, end: Some(34_260.0) }));
        assert_eq!(time("2021-06-01", &DateFormat::new("%H:%M:%S")), None);
        // The column's own format comes first.
        let own = DateFormat::new("%Y-%d-%m");
        assert_eq!(time("2021-06-01", &own), Some(Extent::point(own.parse("2021-06-01").unwrap())));
    }

    fn span() -> impl Strategy<Value = Span> {
        (0..8_i8, any::<bool>(), 0..8_i8, any::<bool>()).prop_map(|(from, from_in, to, to_in)| Span {
            from: f64::from(from),
            from_in,
            to: f64::from(to),
            to_in,
        })
    }

    proptest! {
        #[test]
        fn what_is_in_a_span_meets_it_and_what_is_covered_is_in_it(
            span in span(), lo in 0..16_u8, width in 0..16_u8, at in 0..16_u8
        ) {
            let half = |n: u8| f64::from(n) / 2.0;
            let (lo, hi) = (half(lo), half(lo + width));
            let x = half(at).clamp(lo, hi);
            prop_assert!(!span.has(x) || span.meets(lo, hi));
            prop_assert!(!span.covers(lo, hi) || span.has(x));
            prop_assert_eq!(span.has(x), span.covers(x, x));
        }
    }
}
