//! What is said of stretches of time.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Something that is heard from one time to another. One without length is a moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// In seconds from the beginning of the sound.
    pub start: f64,
    /// In seconds; not before the start.
    pub end: f64,
    /// What is heard.
    pub name: String,
}

impl Span {
    /// What is heard from `start` to `end`, in seconds.
    pub fn new(start: f64, end: f64, name: &str) -> Span {
        Span { start, end, name: name.to_owned() }
    }
}

pub(super) fn check(spans: &[Span], seconds: f64) -> Result<()> {
    let wrong = |i: usize, what: String| Err(Error::Item(format!("span {} (`{}`) {what}", i + 1, spans[i].name)));
    for (i, span) in spans.iter().enumerate() {
        let Span { start, end, .. } = span;
        if !(start.is_finite() && end.is_finite()) || *start < 0.0 || end < start {
            return wrong(i, format!("is from {start} to {end}; it must start at 0 or later and end no earlier"));
        }
        if *start > seconds {
            return wrong(i, format!("starts at {start} s, but the sound is {seconds} s long; times are in seconds"));
        }
    }
    Ok(())
}

/// Where times go that only move evenly: `t` to `t * scale + shift`.
pub(super) fn moved(spans: &mut [Span], scale: f64, shift: f64) {
    for span in spans {
        span.start = span.start * scale + shift;
        span.end = span.end * scale + shift;
    }
}

/// Drops what is outside of `[0, seconds]` and cuts what reaches out. A moment at the very end stays.
pub(super) fn cut(spans: &mut Vec<Span>, seconds: f64) {
    spans.retain_mut(|span| {
        let moment = span.start == span.end;
        let inside = (0.0..=seconds).contains(&span.start);
        (span.start, span.end) = (span.start.max(0.0), span.end.min(seconds));
        span.end > span.start || (moment && inside)
    });
}

/// Turns the time round.
pub(super) fn reverse(spans: &mut [Span], seconds: f64) {
    for span in spans {
        (span.start, span.end) = (seconds - span.end, seconds - span.start);
    }
}

/// Moves them round the end to the beginning; what goes over the end becomes two.
pub(super) fn roll(spans: &mut Vec<Span>, by: f64, seconds: f64) {
    if seconds <= 0.0 {
        return;
    }
    let by = by - (by / seconds).floor() * seconds;
    moved(spans, 1.0, by);
    let mut over: Vec<Span> = spans.iter().filter(|s| s.end > seconds).cloned().collect();
    moved(&mut over, 1.0, -seconds);
    spans.append(&mut over);
    cut(spans, seconds);
}

/// Classes of two, each times its share, the same class once.
pub(super) fn classes(own: &[(u32, f64)], other: &[(u32, f64)], shares: [f64; 2]) -> Vec<(u32, f64)> {
    let mut all: Vec<(u32, f64)> = Vec::new();
    let parts = own.iter().map(|c| (c.0, c.1 * shares[0])).chain(other.iter().map(|c| (c.0, c.1 * shares[1])));
    for (class, part) in parts.filter(|c| c.1 > 0.0) {
        match all.iter_mut().find(|c| c.0 == class) {
            Some(c) => c.1 += part,
            None => all.push((class, part)),
        }
    }
    all
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn times(spans: &[Span]) -> Vec<(f64, f64)> {
        spans.iter().map(|s| (s.start, s.end)).collect()
    }

    fn some() -> Vec<Span> {
        vec![Span::new(0.0, 1.0, "a"), Span::new(1.5, 2.5, "b"), Span::new(3.0, 3.0, "c"), Span::new(3.5, 4.0, "d")]
    }

    #[test]
    fn what_falls_out_is_dropped_and_what_reaches_out_is_cut() {
        let mut spans = some();
        moved(&mut spans, 1.0, -2.0);
        cut(&mut spans, 1.75);
        assert_eq!(times(&spans), [(0.0, 0.5), (1.0, 1.0), (1.5, 1.75)]);
        assert_eq!(spans[0].name, "b");
    }

    #[test]
    fn what_rolls_over_the_end_becomes_two() {
        let mut spans = some();
        roll(&mut spans, 2.0, 4.0);
        assert_eq!(times(&spans), [(2.0, 3.0), (3.5, 4.0), (0.0, 0.5), (1.0, 1.0), (1.5, 2.0)]);
        let mut back = some();
        roll(&mut back, -2.0, 4.0);
        assert_eq!(times(&back), times(&spans));
    }

    #[test]
    fn spans_that_cannot_be_are_refused() {
        for (start, end) in [(-0.1, 1.0), (1.0, 0.5), (f64::NAN, 1.0), (0.0, f64::INFINITY), (5.0, 6.0)] {
            let said = check(&[Span::new(start, end, "dog")], 4.0).unwrap_err().to_string();
            assert!(said.contains("span 1 (`dog`)"), "{said}");
        }
        assert!(check(&some(), 3.9).is_ok());
    }
}
