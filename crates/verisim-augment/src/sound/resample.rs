//! Another number of samples a second: each new sample is a sum of old ones under a windowed sinc (Smith & Gossett 1984).
//!
//! The window is Kaiser's, over 48 zero crossings each way at a stopband of about 90 dB; what is above 0.94 of the lower of the two Nyquist
//! frequencies fades out. The sums are our own, as the transforms in `fft.rs` are, because libraries choose their instructions by the
//! machine.

use std::f64::consts::PI;
use std::sync::LazyLock;

/// Zero crossings each way.
const CROSSINGS: usize = 48;
/// Entries of the table for each of them; between two it is linear, which is right to within 1e-7.
const FINE: usize = 4096;
/// The middle of where it fades out, as a share of the lower Nyquist frequency.
const CUT: f64 = 0.94;
/// Of Kaiser's window.
const BETA: f64 = 9.0;
/// Rows of places between two samples, where the ratio has no fewer.
const ROWS: f64 = 1024.0;

/// The modified Bessel function of order 0, by its series.
fn bessel(x: f64) -> f64 {
    let (mut sum, mut term, mut k) = (1.0, 1.0, 1.0);
    while term > 1e-17 * sum {
        term *= (x / (2.0 * k)) * (x / (2.0 * k));
        sum += term;
        k += 1.0;
    }
    sum
}

static SINC: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let at = |i: usize| {
        let u = i as f64 / FINE as f64;
        let sinc = if i == 0 { 1.0 } else { libm::sin(PI * u) / (PI * u) };
        let part = u / CROSSINGS as f64;
        sinc * bessel(BETA * (1.0 - part * part).max(0.0).sqrt()) / bessel(BETA)
    };
    (0..=CROSSINGS * FINE + 1).map(at).collect()
});

/// The windowed sinc at `u` zero crossings from its middle.
fn sinc(table: &[f64], u: f64) -> f64 {
    let place = u.abs() * FINE as f64;
    let i = place as usize;
    match table.get(i..i + 2) {
        Some(two) if i < CROSSINGS * FINE => two[0] + (two[1] - two[0]) * (place - i as f64),
        _ => 0.0,
    }
}

/// How often a new sample comes.
enum Pace {
    /// After `from / to` old ones, each place a row.
    Whole { from: u64, to: u64 },
    /// After so many, between rows.
    Any(f64),
}

/// Weights of old samples for places between two of them.
pub(super) struct Resampler {
    pace: Pace,
    /// Old samples to each side.
    reach: usize,
    rows: Vec<f64>,
}

impl Resampler {
    /// From one rate to another.
    pub(super) fn between(from: u32, to: u32) -> Resampler {
        let (mut a, mut b) = (from.max(1), to.max(1));
        while b > 0 {
            (a, b) = (b, a % b);
        }
        let (from, to) = (from.max(1) / a, to.max(1) / a);
        let step = f64::from(from) / f64::from(to);
        // Rows enough for exact places, unless they would be many megabytes.
        match f64::from(to) * step.max(1.0) <= 2.0 * ROWS {
            true => Resampler::new(Pace::Whole { from: from.into(), to: to.into() }, step, to as usize),
            false => Resampler::by(step),
        }
    }

    /// A new sample after each `step` old ones.
    pub(super) fn by(step: f64) -> Resampler {
        let rows = (ROWS / step.max(1.0)).ceil().max(4.0) as usize;
        Resampler::new(Pace::Any(step), step, rows)
    }

    fn new(pace: Pace, step: f64, n: usize) -> Resampler {
        let cut = CUT / step.max(1.0);
        let reach = (CROSSINGS as f64 / cut).ceil() as usize;
        let mut rows = Vec::with_capacity((n + 1) * 2 * reach);
        // One row more, that of the next sample, for places after the last.
        for row in 0..=n {
            let place = row as f64 / n as f64;
            let start = rows.len();
            rows.extend((0..2 * reach).map(|m| sinc(&SINC, cut * (m as f64 + 1.0 - reach as f64 - place))));
            let sum: f64 = rows[start..].iter().sum();
            rows[start..].iter_mut().for_each(|w| *w /= sum);
        }
        Resampler { pace, reach, rows }
    }

    /// The first `n` new samples. Outside of the old ones there is silence.
    pub(super) fn run(&self, x: &[f32], n: usize) -> Vec<f32> {
        let width = 2 * self.reach;
        let rows = (self.rows.len() / width - 1) as f64;
        let at = |j: usize| match self.pace {
            Pace::Whole { from, to } => {
                let place = j as u64 * from;
                self.sum(x, (place / to) as i64, (place % to) as usize)
            }
            Pace::Any(step) => {
                let place = j as f64 * step;
                let row = (place - place.floor()) * rows;
                let (low, part) = (row as usize, row - row.floor());
                let (a, b) = (self.sum(x, place as i64, low), self.sum(x, place as i64, low + 1));
                a + (b - a) * part
            }
        };
        (0..n).map(|j| at(j) as f32).collect()
    }

    /// The sum of old samples around `whole` by the weights of a row.
    fn sum(&self, x: &[f32], whole: i64, row: usize) -> f64 {
        let width = 2 * self.reach;
        let weights = &self.rows[row * width..(row + 1) * width];
        let first = whole + 1 - self.reach as i64;
        let skip = (-first).clamp(0, width as i64) as usize;
        let start = (first + skip as i64).clamp(0, x.len() as i64) as usize;
        dot(&weights[skip..], &x[start..])
    }
}

/// The sum of products, as far as both reach, in four parts that vectors of numbers can do.
fn dot(w: &[f64], x: &[f32]) -> f64 {
    let n = w.len().min(x.len());
    let (w, x) = (w[..n].chunks_exact(4), x[..n].chunks_exact(4));
    let rest: f64 = w.remainder().iter().zip(x.remainder()).map(|(w, x)| w * f64::from(*x)).sum();
    let mut sum = [0.0; 4];
    for (w, x) in w.zip(x) {
        for i in 0..4 {
            sum[i] += w[i] * f64::from(x[i]);
        }
    }
    (sum[0] + sum[2]) + (sum[1] + sum[3]) + rest
}

/// How many samples `n` become when time goes `step` times as fast.
pub(super) fn length(n: usize, step: f64) -> usize {
    (n as f64 / step).round() as usize
}

/// Samples of one rate at another.
pub(super) fn to_rate(channels: &[Vec<f32>], from: u32, to: u32) -> Vec<Vec<f32>> {
    if from == to {
        return channels.to_vec();
    }
    let resampler = Resampler::between(from, to);
    let step = f64::from(from) / f64::from(to);
    channels.iter().map(|c| resampler.run(c, length(c.len(), step))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testkit::{rms, sine, tone};
    use super::*;

    #[test]
    fn a_sine_stays_itself_at_every_rate() {
        for (from, to) in [(44_100, 16_000), (16_000, 44_100), (48_000, 44_100), (8_000, 48_000), (44_100, 44_099)] {
            let x = sine(1000.0, from, from as usize / 2);
            let y = &to_rate(&[x], from, to)[0];
            assert_eq!(y.len(), (f64::from(to) / 2.0).round() as usize);
            let same = sine(1000.0, to, y.len());
            let inner = y.len() / 10..y.len() * 9 / 10;
            let worst = inner.map(|i| (y[i] - same[i]).abs()).fold(0.0, f32::max);
            assert!(worst < 2e-4, "{from} to {to}: {worst}");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_gone() {
        let x = sine(4300.0, 44_100, 22_050);
        let y = &to_rate(&[x], 44_100, 8_000)[0];
        assert!(rms(&y[400..3600]) < 1e-4, "{}", rms(&y[400..3600]));
        let x = sine(3300.0, 44_100, 22_050);
        let y = &to_rate(&[x], 44_100, 8_000)[0];
        assert!((tone(&y[400..3600], 3300.0, 8_000) - 1.0).abs() < 1e-3);
    }

    #[test]
    fn a_level_without_sound_stays() {
        let y = Resampler::by(1.2345).run(&[0.5; 4000], 3000);
        assert!(y[200..2800].iter().all(|s| (s - 0.5).abs() < 1e-6));
    }
}
