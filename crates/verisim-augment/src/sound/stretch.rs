//! Pace and pitch: a phase vocoder with identity phase locking (Laroche & Dolson 1999), and plain speed.
//!
//! Each frame that is written is the one that is read at its place, with the bins around each peak turned together so that they go on from
//! the frame before. By how much follows from a second frame read one hop earlier (Puckette 1995), so no phase is ever unwrapped and no
//! angle computed. All channels are turned alike, which keeps what is between them.

use realfft::num_complex::Complex64;

use super::clip::Item;
use super::fft::Frames;
use super::labels;
use super::resample::{Resampler, length};
use super::settings::change;
use crate::range::Range;
use crate::settings::settings;
use crate::sound::Act;

settings! {
    /// Another pace at the same pitch. The length becomes the nearest whole number of samples to the length over the rate; spans move along.
    TimeStretch {
        /// How many times as fast.
        rate: Range = Range::from([0.8, 1.25]), in 0.1 to 10;
    }
}

settings! {
    /// Another pitch at the same pace and length.
    PitchShift {
        /// In semitones, of which an octave has 12.
        semitones: Range = Range::from([-4.0, 4.0]), in -36 to 36;
    }
}

settings! {
    /// Faster and higher, or slower and lower, as a tape. Spans move along.
    Speed {
        /// How many times as fast.
        factor: Range = Range::from([0.9, 1.1]), in 0.1 to 10;
    }
}

change!(TimeStretch, |self, rng, _| Act::Stretch { rate: self.rate.draw(rng) });
change!(PitchShift, |self, rng, _| Act::Pitch { semitones: self.semitones.draw(rng) });
change!(Speed, |self, rng, _| Act::Speed { factor: self.factor.draw(rng) });

/// A frame, in seconds: long enough for the lowest voices, short enough for syllables.
const FRAME: f64 = 0.05;

pub(super) fn stretch(item: &mut Item, rate: f64) {
    let n = length(item.clip.len(), rate);
    item.clip.channels = paced(&item.clip.channels, item.clip.rate(), rate, n);
    follow(item, rate);
}

pub(super) fn speed(item: &mut Item, factor: f64) {
    if factor != 1.0 {
        let n = length(item.clip.len(), factor);
        let resampler = Resampler::by(factor);
        item.clip.map(|c| resampler.run(c, n));
    }
    follow(item, factor);
}

pub(super) fn pitch(item: &mut Item, semitones: f64) {
    let factor = libm::exp2(semitones / 12.0);
    if factor == 1.0 {
        return;
    }
    let n = item.clip.len();
    let longer = paced(&item.clip.channels, item.clip.rate(), 1.0 / factor, length(n, 1.0 / factor));
    let resampler = Resampler::by(factor);
    item.clip.channels = longer.iter().map(|c| resampler.run(c, n)).collect();
}

/// Moves spans to where they are at another pace.
fn follow(item: &mut Item, rate: f64) {
    labels::moved(&mut item.spans, 1.0 / rate, 0.0);
    labels::cut(&mut item.spans, item.clip.seconds());
}

/// The channels `rate` times as fast, `n` samples each.
fn paced(channels: &[Vec<f32>], hz: u32, rate: f64, n: usize) -> Vec<Vec<f32>> {
    if rate == 1.0 || channels.iter().all(Vec::is_empty) {
        return channels.to_vec();
    }
    let mut frames = Frames::of_seconds(FRAME, hz);
    let bins = frames.fft.bins();
    let blank = vec![vec![Complex64::default(); bins]; channels.len()];
    let (mut read, mut before, mut written) = (blank.clone(), blank.clone(), blank);
    let mut sums = vec![frames.room(n); channels.len()];
    let mut turns = vec![Complex64::new(1.0, 0.0); bins];
    for k in 0..frames.count(n) {
        let middle = ((k * frames.hop) as f64 * rate).round() as i64;
        for (c, x) in channels.iter().enumerate() {
            frames.analyse(x, middle, &mut read[c]);
            if k > 0 {
                frames.analyse(x, middle - frames.hop as i64, &mut before[c]);
            }
        }
        if k > 0 {
            lock(&read, &before, &written, &mut turns);
        }
        for c in 0..channels.len() {
            written[c].iter_mut().zip(&read[c]).zip(&turns).for_each(|((w, r), t)| *w = r * t);
            frames.add(&written[c], k, &mut sums[c]);
        }
    }
    sums.iter().map(|sum| frames.finish(sum, n)).collect()
}

/// By how much each bin is turned: as much as the peak that it belongs to, which goes on from what was written before. A bin belongs to
/// the peak that it is no further than the lowest bin from.
fn lock(read: &[Vec<Complex64>], before: &[Vec<Complex64>], written: &[Vec<Complex64>], turns: &mut [Complex64]) {
    let size = |k: usize| read.iter().map(|c| c[k].norm_sqr()).sum::<f64>();
    let sizes: Vec<f64> = (0..turns.len()).map(size).collect();
    let mut start = 0;
    for (peak, next) in peaks(&sizes) {
        let turn = onward(peak, read, before, written);
        let end = match next {
            // The lowest bin between two peaks.
            Some(next) => (peak + 1..next).min_by(|a, b| sizes[*a].total_cmp(&sizes[*b])).unwrap_or(next),
            None => turns.len(),
        };
        turns[start..end].fill(turn);
        start = end;
    }
}

/// Bins that are larger than two to each side, and the one that comes next.
fn peaks(sizes: &[f64]) -> Vec<(usize, Option<usize>)> {
    let largest = |k: &usize| {
        let near = k.saturating_sub(2)..(*k + 3).min(sizes.len());
        near.into_iter().all(|j| sizes[j] < sizes[*k] || (j >= *k && sizes[j] == sizes[*k]))
    };
    let of: Vec<usize> = (0..sizes.len()).filter(largest).collect();
    of.iter().enumerate().map(|(i, k)| (*k, of.get(i + 1).copied())).collect()
}

/// The turn that lets bin `k` go on from what was written, by the channel in which it is largest.
fn onward(k: usize, read: &[Vec<Complex64>], before: &[Vec<Complex64>], written: &[Vec<Complex64>]) -> Complex64 {
    let loudest = (0..read.len()).max_by(|a, b| read[*a][k].norm_sqr().total_cmp(&read[*b][k].norm_sqr()));
    let turn = loudest.map_or(Complex64::default(), |c| written[c][k] * before[c][k].conj());
    let size = turn.norm_sqr().sqrt();
    if size > 1e-30 { turn / size } else { Complex64::new(1.0, 0.0) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testkit::{clip, run, sine, tone};
    use super::super::{Act, Item, Span};

    #[test]
    fn a_stretch_changes_the_length_and_moves_spans_and_keeps_the_pitch() {
        for rate in [0.5, 0.8, 1.0, 1.25, 2.0, 1.137] {
            let mut item = Item::from(clip(16_000, vec![sine(440.0, 16_000, 24_000)]));
            item.spans = vec![Span::new(0.3, 0.6, "a"), Span::new(1.2, 1.5, "b")];
            let after = run(&Act::Stretch { rate }, &item);
            assert_eq!(after.clip.len(), (24_000.0 / rate).round() as usize);
            assert!((after.spans[1].start - 1.2 / rate).abs() < 1e-9 && after.spans.len() == 2);
            let x = &after.clip.channels()[0];
            let inner = &x[2000..x.len() - 2000];
            assert!((tone(inner, 440.0, 16_000) - 1.0).abs() < 0.03, "{rate}: {}", tone(inner, 440.0, 16_000));
        }
    }

    #[test]
    fn a_pitch_of_an_octave_doubles_the_frequency_and_keeps_the_length() {
        for (semitones, hz) in [(12.0, 880.0), (-12.0, 220.0), (7.0, 659.26)] {
            let item = Item::from(clip(22_050, vec![sine(440.0, 22_050, 22_050)]));
            let after = run(&Act::Pitch { semitones }, &item);
            assert_eq!(after.clip.len(), 22_050);
            let inner = &after.clip.channels()[0][3000..19_000];
            let best = (0..81).map(|i| hz * (0.98 + f64::from(i) * 5e-4));
            let best = best.max_by(|a, b| tone(inner, *a, 22_050).total_cmp(&tone(inner, *b, 22_050))).unwrap();
            assert!((best / hz - 1.0).abs() < 0.002, "{semitones}: {best} for {hz}");
        }
    }

    #[test]
    fn what_is_between_channels_stays() {
        let x = sine(300.0, 8_000, 8_000);
        let half: Vec<f32> = x.iter().map(|s| -0.5 * s).collect();
        let after = run(&Act::Stretch { rate: 0.7 }, &Item::from(clip(8_000, vec![x, half])));
        let [a, b] = after.clip.channels() else { panic!() };
        assert!(a.iter().zip(b).all(|(a, b)| (a * -0.5 - b).abs() < 1e-5));
    }

    #[test]
    fn speed_moves_both() {
        let item = Item::from(clip(16_000, vec![sine(440.0, 16_000, 16_000)]));
        let after = run(&Act::Speed { factor: 1.5 }, &item);
        assert_eq!(after.clip.len(), 10_667);
        assert!((tone(&after.clip.channels()[0][500..10_000], 660.0, 16_000) - 1.0).abs() < 0.01);
    }
}
