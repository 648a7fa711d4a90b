//! What a window is told beside its steps: the context of its sequence, its place in it, and where its first step lies in the periods of
//! the calendar and, of one long series, in its span: levels drift and times grow restless, and what is a mean over years was never so.

use std::f64::consts::TAU;

use verisim_data::series::{Clock, Spec, Unit};
use verisim_data::table::ColumnKind;
use verisim_data::table::codec::{Encoded, Span};

use crate::error::{Error, Result};
use crate::series::EncodedSeries;
use crate::weights::Weights;

/// Day, week and year in seconds.
const PERIODS: [f64; 3] = [86_400.0, 7.0 * 86_400.0, 365.2425 * 86_400.0];
/// Steps of one long series to a part of its span that is told apart, and most such parts.
const PART: usize = 250;
const MOST_PARTS: usize = 48;
/// Steps to a part of a short one.
const FEW: usize = 36;
/// Levels with a number each; more are told by binary digits.
const MOST_LEVELS: u32 = 32;

/// How windows are told.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    clock: Clock,
    /// The periods that are told, in seconds.
    periods: Vec<f64>,
    /// Columns of the context.
    spans: Vec<Span>,
    /// Steps of the longest sequence of a panel; none of one long series, in which no place is early or late.
    longest: Option<usize>,
    /// From when to when one long series goes, in units of the clock, and how many parts of that are told apart.
    span: [f64; 2],
    parts: usize,
}

impl Told {
    /// Finds the periods in which the sequences at `train` lie: twice at least, and with steps short enough to see them. With `span` one long
    /// series is told in parts of its span.
    pub fn fit(data: &EncodedSeries, train: &[usize], span: bool) -> Told {
        let mut told = Told::of(&data.spec, Vec::new());
        let times = || data.runs(train).into_iter().flat_map(|run| &data.times[run]).copied();
        let [from, to] = times().fold([f64::INFINITY, f64::NEG_INFINITY], |[a, b], t| [a.min(t), b.max(t)]);
        // Of a short one a beginning, a middle and an end.
        let count = times().count();
        let parts = (count / PART).max((count / FEW).min(3));
        if span && data.joined && told.clock.every.is_some() && parts > 1 && to > from {
            (told.span, told.parts) = ([from, to], parts.min(MOST_PARTS));
        }
        let is_date = data.spec.shape.order.as_ref().is_some_and(|f| matches!(f.kind, ColumnKind::Datetime { .. }));
        if !is_date {
            return told;
        }
        let [first, last] = [from, to].map(|time| told.clock.time(time));
        let every = match (told.clock.unit, told.clock.every) {
            (Unit::Month, _) => 31.0 * 86_400.0,
            (Unit::Day, every) => 86_400.0 * every.unwrap_or(1.0),
            (Unit::One, every) => every.unwrap_or(1.0),
        };
        told.periods = PERIODS.into_iter().filter(|p| last - first >= 2.0 * p && every <= p / 3.0).collect();
        told
    }

    fn of(spec: &Spec, periods: Vec<f64>) -> Told {
        let shape = &spec.shape;
        let joined = shape.key.is_empty();
        Told {
            clock: shape.clock.clone(),
            periods,
            spans: if joined { Vec::new() } else { spec.context.spans() },
            longest: (!joined).then_some(shape.lengths[1].max(1)),
            span: [0.0; 2],
            parts: 0,
        }
    }

    /// Numbers that a window is told: the first says that it is told at all.
    pub fn width(&self) -> usize {
        let place = if self.longest.is_some() { 3 } else { 0 };
        1 + place + self.waved() + self.spans.iter().map(width).sum::<usize>()
    }

    /// The context of sequence `i` in numbers.
    pub fn context(&self, contexts: &Encoded, i: usize) -> Vec<f32> {
        let mut out = Vec::new();
        for (span, tokens) in self.spans.iter().zip(&contexts.tokens) {
            numbers(span, tokens.get(i).copied().unwrap_or(0), &mut out);
        }
        out
    }

    /// What a window is told of a sequence with this context: its first step comes at `time`, with `before` steps of the sequence before it.
    pub fn window(&self, context: &[f32], time: Option<f64>, before: usize) -> Vec<f32> {
        let mut out = Vec::with_capacity(self.width());
        out.push(1.0);
        if let Some(longest) = self.longest {
            let share = before as f64 / longest as f64;
            out.extend([
                f32::from(u8::from(before == 0)),
                share.min(4.0) as f32,
                ((before + 1) as f64).ln() as f32 / 4.0,
            ]);
        }
        self.waves(time, &mut out);
        out.extend(context);
        out.resize(self.width(), 0.0);
        out
    }

    /// Numbers that a step is marked with: whether it is given and there, and its place in the calendar.
    pub fn marks(&self) -> usize {
        2 + if self.clock.every.is_some() { self.waved() } else { 0 }
    }

    /// The marks of step `s` of a window that begins at `time`. Of uneven steps nobody knows when they come, before they are drawn.
    pub fn mark(&self, s: usize, given: bool, time: Option<f64>, out: &mut Vec<f32>) {
        out.extend([f32::from(u8::from(given)), 1.0]);
        if let Some(every) = self.clock.every {
            self.waves(time.map(|t| t + every * s as f64), out);
        }
    }

    /// The waves of `steps` steps from `time` on, one after the other; none where there are none, or the time is not known.
    pub fn calendar(&self, time: Option<f64>, steps: usize) -> Vec<f32> {
        let mut out = Vec::new();
        if let (Some(every), Some(time), false) = (self.clock.every, time.filter(|t| t.is_finite()), self.waved() == 0)
        {
            (0..steps).for_each(|s| self.waves(Some(time + every * s as f64), &mut out));
        }
        out
    }

    /// Numbers that say where a time lies.
    fn waved(&self) -> usize {
        4 * self.periods.len() + if self.parts > 0 { self.parts + 1 } else { 0 }
    }

    /// Where `time` lies in the periods, two waves each, and in the span: hat functions, of which two share it out. Zeros where it is not
    /// known.
    fn waves(&self, time: Option<f64>, out: &mut Vec<f32>) {
        let seconds = time.map(|t| self.clock.time(t)).filter(|t| t.is_finite());
        for period in &self.periods {
            out.extend(seconds.map_or([0.0; 4], |seconds| {
                let angle = TAU * (seconds / period).rem_euclid(1.0);
                [angle.sin(), angle.cos(), (2.0 * angle).sin(), (2.0 * angle).cos()].map(|x| x as f32)
            }));
        }
        if self.parts > 0 {
            let from = out.len();
            out.resize(from + self.parts + 1, 0.0);
            if let Some(time) = time.filter(|t| t.is_finite()) {
                // What comes after the last time is as that.
                let share = ((time - self.span[0]) / (self.span[1] - self.span[0])).clamp(0.0, 1.0);
                let at = share * self.parts as f64;
                let k = (at as usize).min(self.parts - 1);
                out[from + k + 1] = (at - k as f64) as f32;
                out[from + k] = 1.0 - out[from + k + 1];
            }
        }
    }

    /// Adds what was learnt to `weights`.
    pub fn put(&self, weights: &mut Weights) {
        weights.put_f64("periods", &[self.periods.len()], self.periods.clone());
        weights.put_f64("span", &[3], vec![self.span[0], self.span[1], self.parts as f64]);
    }

    /// Takes what was learnt out of `weights`.
    ///
    /// # Errors
    /// When it is not there.
    pub fn restore(spec: &Spec, weights: &mut Weights) -> Result<Told> {
        let periods = weights.take_f64("periods")?.1;
        if periods.iter().any(|p| !(*p > 0.0 && p.is_finite())) {
            return Err(Error::Tensor { name: "periods".into(), problem: "holds what is no period".into() });
        }
        let mut told = Told::of(spec, periods);
        let &[from, to, parts] = &weights.take_f64("span")?.1[..] else {
            return Err(Error::Tensor { name: "span".into(), problem: "is not three numbers".into() });
        };
        let parts = parts.clamp(0.0, MOST_PARTS as f64) as usize;
        if parts > 0 && !(to > from && (to - from).is_finite()) {
            return Err(Error::Tensor { name: "span".into(), problem: "ends before it begins".into() });
        }
        (told.span, told.parts) = ([from, to], parts);
        Ok(told)
    }
}

fn width(span: &Span) -> usize {
    match span {
        Span { ordered: true, .. } => 3,
        Span { tokens, .. } if *tokens <= MOST_LEVELS => *tokens as usize,
        Span { tokens, .. } => (u32::BITS - (tokens - 1).leading_zeros()) as usize,
    }
}

/// A token of a context in numbers: numbers by their rank, few levels by one each, many by binary digits.
fn numbers(span: &Span, token: u32, out: &mut Vec<f32>) {
    let count = width(span);
    match span {
        Span { ordered: true, tokens, .. } => {
            let rank = f64::from(token) / f64::from((tokens.saturating_sub(1)).max(1));
            let angle = std::f64::consts::PI * rank;
            out.extend([2.0 * rank - 1.0, angle.cos(), (2.0 * angle).cos()].map(|x| x as f32));
        }
        Span { tokens, .. } if *tokens <= MOST_LEVELS => {
            out.extend((0..count as u32).map(|k| f32::from(u8::from(k == token))))
        }
        _ => out.extend((0..count).map(|f| if (token >> f) & 1 == 1 { 1.0 } else { -1.0 })),
    }
}
