//! Filters of the second order, after the formulas of Robert Bristow-Johnson's cookbook.

use serde::{Deserialize, Serialize};

use super::clip::Clip;
use super::settings::change;
use crate::range::Range;
use crate::settings::settings;
use crate::sound::Act;

/// Weights of a filter: of what comes in, `b`, and of what went out, `a`, whose first is 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Biquad {
    pub(super) b: [f64; 3],
    pub(super) a: [f64; 2],
}

/// A filter at work, in the transposed second form.
pub(super) struct Running {
    of: Biquad,
    state: [f64; 2],
}

impl Biquad {
    pub(super) fn start(self) -> Running {
        Running { of: self, state: [0.0; 2] }
    }

    /// A channel after it.
    pub(super) fn over(self, x: &[f32]) -> Vec<f32> {
        let mut running = self.start();
        x.iter().map(|s| running.next(f64::from(*s)) as f32).collect()
    }
}

impl Running {
    pub(super) fn next(&mut self, x: f64) -> f64 {
        let Biquad { b, a } = self.of;
        let y = b[0] * x + self.state[0];
        self.state = [b[1] * x - a[0] * y + self.state[1], b[2] * x - a[1] * y];
        y
    }
}

/// What a filter does to frequencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Keeps what is below.
    LowPass,
    /// Keeps what is above.
    HighPass,
    /// Keeps what is around.
    BandPass,
    /// Leaves out what is around.
    BandStop,
    /// Makes louder what is below.
    LowShelf,
    /// Makes louder what is above.
    HighShelf,
    /// Makes louder what is around.
    Peak,
}

/// A filter, all of whose numbers are known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Filter {
    /// What it does.
    pub shape: Shape,
    /// Its frequency, in Hz. Above 0.45 of the rate it counts as that.
    pub hz: f64,
    /// Its quality: how sharp it is.
    pub q: f64,
    /// Of shelves and peaks, in decibels.
    pub db: f64,
    /// How often it is applied: the slope is 12 dB an octave each time.
    pub times: u32,
}

/// The highest frequency of a filter, as a share of the rate.
const HIGHEST: f64 = 0.45;

impl Filter {
    pub(super) fn check(&self) -> Result<(), String> {
        let can = self.hz > 0.0 && self.hz.is_finite() && (0.01..=1000.0).contains(&self.q) && self.db.abs() <= 100.0;
        match can && (1..=8).contains(&self.times) {
            true => Ok(()),
            false => Err(format!(
                "a filter at {} Hz of quality {} and {} dB, {} times",
                self.hz, self.q, self.db, self.times
            )),
        }
    }

    /// Its weights at a rate.
    pub(super) fn biquad(&self, rate: u32) -> Biquad {
        let w = 2.0 * std::f64::consts::PI * (self.hz / f64::from(rate)).min(HIGHEST);
        let (sin, cos) = (libm::sin(w), libm::cos(w));
        let alpha = sin / (2.0 * self.q);
        let g = libm::pow(10.0, self.db / 40.0);
        let root = 2.0 * g.sqrt() * alpha;
        let (b, a) = match self.shape {
            Shape::LowPass => {
                ([(1.0 - cos) / 2.0, 1.0 - cos, (1.0 - cos) / 2.0], [1.0 + alpha, -2.0 * cos, 1.0 - alpha])
            }
            Shape::HighPass => {
                ([(1.0 + cos) / 2.0, -1.0 - cos, (1.0 + cos) / 2.0], [1.0 + alpha, -2.0 * cos, 1.0 - alpha])
            }
            Shape::BandPass => ([alpha, 0.0, -alpha], [1.0 + alpha, -2.0 * cos, 1.0 - alpha]),
            Shape::BandStop => ([1.0, -2.0 * cos, 1.0], [1.0 + alpha, -2.0 * cos, 1.0 - alpha]),
            Shape::Peak => {
                ([1.0 + alpha * g, -2.0 * cos, 1.0 - alpha * g], [1.0 + alpha / g, -2.0 * cos, 1.0 - alpha / g])
            }
            Shape::LowShelf | Shape::HighShelf => {
                // The two are each other's mirror image: the sign of the cosine.
                let s = if self.shape == Shape::LowShelf { 1.0 } else { -1.0 };
                let (more, less) = (g + 1.0, g - 1.0);
                (
                    [
                        g * (more - s * less * cos + root),
                        s * 2.0 * g * (less - s * more * cos),
                        g * (more - s * less * cos - root),
                    ],
                    [more + s * less * cos + root, s * -2.0 * (less + s * more * cos), more + s * less * cos - root],
                )
            }
        };
        Biquad { b: b.map(|b| b / a[0]), a: [a[1] / a[0], a[2] / a[0]] }
    }

    pub(super) fn apply(&self, clip: &mut Clip) {
        let biquad = self.biquad(clip.rate());
        for _ in 0..self.times {
            clip.map(|c| biquad.over(c));
        }
    }
}

/// The quality at which a pass is flat as far as it can be (Butterworth).
const FLAT: f64 = std::f64::consts::FRAC_1_SQRT_2;

/// Settings of a pass and what comes of them.
macro_rules! pass {
    ($(#[$doc:meta])* $name:ident, $hz:expr, $q:expr) => {
        settings! {
            $(#[$doc])*
            $name {
                /// In Hz. Above 0.45 of the rate it counts as that.
                hz: Range = $hz, in 1 to 500_000;
                /// How sharp.
                q: Range = Range::from($q), in 0.05 to 100;
                /// How often: the slope is 12 dB an octave each time.
                times: Range = Range::from(1.0), whole 1 to 8;
            }
        }
        change!($name, |self, rng, _| Act::Filter(Filter {
            shape: Shape::$name,
            hz: self.hz.draw(rng),
            q: self.q.draw(rng),
            db: 0.0,
            times: self.times.draw_whole(rng).clamp(1, 8) as u32,
        }));
    };
}

/// Settings of a shelf or a peak and what comes of them.
macro_rules! shelf {
    ($(#[$doc:meta])* $name:ident, $hz:expr) => {
        settings! {
            $(#[$doc])*
            $name {
                /// In Hz. Above 0.45 of the rate it counts as that.
                hz: Range = $hz, in 1 to 500_000;
                /// How sharp.
                q: Range = Range::from(FLAT), in 0.05 to 100;
                /// How much louder, in decibels; below 0 it is quieter.
                db: Range = Range::from([-12.0, 12.0]), in -60 to 60;
            }
        }
        change!($name, |self, rng, _| Act::Filter(Filter {
            shape: Shape::$name,
            hz: self.hz.draw(rng),
            q: self.q.draw(rng),
            db: self.db.draw(rng),
            times: 1,
        }));
    };
}

fn octaves(low: f64, high: f64) -> Range {
    Range::Spread(crate::range::Spread::LogUniform([low, high]))
}

pass! {
    /// Keeps what is below a frequency, at which it is 3 dB down.
    LowPass, octaves(1000.0, 7500.0), FLAT
}
pass! {
    /// Keeps what is above a frequency, at which it is 3 dB down.
    HighPass, octaves(50.0, 1000.0), FLAT
}
pass! {
    /// Keeps what is around a frequency, at which it stays as loud; the width at 3 dB down is the frequency over `q`.
    BandPass, octaves(200.0, 4000.0), 1.0
}
pass! {
    /// Leaves out what is around a frequency, of which nothing stays; the width at 3 dB down is the frequency over `q`.
    BandStop, octaves(200.0, 4000.0), 1.0
}
shelf! {
    /// Makes what is below a frequency louder or quieter; at it half of that, in decibels.
    LowShelf, octaves(50.0, 500.0)
}
shelf! {
    /// Makes what is above a frequency louder or quieter; at it half of that, in decibels.
    HighShelf, octaves(1000.0, 8000.0)
}
shelf! {
    /// Makes what is around a frequency louder or quieter.
    Peak, octaves(100.0, 7000.0)
}

#[cfg(test)]
mod tests {
    use super::super::loudness::decibels;
    use super::super::testkit::{sine, tone};
    use super::*;

    /// What a filter does to a sine, in decibels, measured on one.
    fn gain(shape: Shape, hz: f64, q: f64, db: f64, at: f64) -> f64 {
        let filter = Filter { shape, hz, q, db, times: 1 };
        let y = filter.biquad(16_000).over(&sine(at, 16_000, 32_000));
        decibels(tone(&y[16_000..], at, 16_000))
    }

    #[test]
    fn passes_are_three_decibels_down_at_their_frequency_and_flat_where_they_pass() {
        for (shape, passed, stopped) in [(Shape::LowPass, 50.0, 6400.0), (Shape::HighPass, 6400.0, 50.0)] {
            assert!((gain(shape, 1000.0, FLAT, 0.0, 1000.0) + 3.0103).abs() < 0.01);
            assert!(gain(shape, 1000.0, FLAT, 0.0, passed).abs() < 0.05);
            assert!(gain(shape, 1000.0, FLAT, 0.0, stopped) < -30.0);
        }
    }

    #[test]
    fn bands_pass_or_stop_what_is_around() {
        assert!(gain(Shape::BandPass, 1000.0, 2.0, 0.0, 1000.0).abs() < 0.01);
        assert!(gain(Shape::BandPass, 1000.0, 2.0, 0.0, 4000.0) < -15.0);
        assert!(gain(Shape::BandStop, 1000.0, 2.0, 0.0, 1000.0) < -60.0);
        assert!(gain(Shape::BandStop, 1000.0, 2.0, 0.0, 4000.0).abs() < 0.5);
    }

    #[test]
    fn shelves_and_peaks_give_what_they_say() {
        for db in [6.0, -9.0] {
            assert!((gain(Shape::LowShelf, 500.0, FLAT, db, 20.0) - db).abs() < 0.05);
            assert!((gain(Shape::LowShelf, 500.0, FLAT, db, 500.0) - db / 2.0).abs() < 0.05);
            assert!(gain(Shape::LowShelf, 500.0, FLAT, db, 7000.0).abs() < 0.05);
            assert!((gain(Shape::HighShelf, 2000.0, FLAT, db, 7900.0) - db).abs() < 0.05);
            assert!((gain(Shape::HighShelf, 2000.0, FLAT, db, 2000.0) - db / 2.0).abs() < 0.05);
            assert!(gain(Shape::HighShelf, 2000.0, FLAT, db, 50.0).abs() < 0.05);
            assert!((gain(Shape::Peak, 1000.0, 2.0, db, 1000.0) - db).abs() < 0.01);
            assert!(gain(Shape::Peak, 1000.0, 2.0, db, 50.0).abs() < 0.1);
        }
    }

    #[test]
    fn a_frequency_beyond_the_rate_is_no_harm() {
        let filter = Filter { shape: Shape::LowPass, hz: 20_000.0, q: FLAT, db: 0.0, times: 1 };
        let y = filter.biquad(8_000).over(&sine(500.0, 8_000, 8_000));
        assert!((tone(&y[4000..], 500.0, 8_000) - 1.0).abs() < 0.01);
    }
}
