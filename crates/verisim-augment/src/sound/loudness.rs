//! How loud a sound is: its peak, its root mean square, and its loudness after ITU-R BS.1770-4.

use super::clip::Clip;
use super::filter::Biquad;

/// The greatest sample, its sign left out; full scale is 1.
pub fn peak(clip: &Clip) -> f64 {
    clip.channels.iter().flatten().fold(0.0, |m: f64, s| m.max(f64::from(s.abs())))
}

/// The root mean square of all samples of all channels; 0 where there are none.
pub fn rms(clip: &Clip) -> f64 {
    power(&clip.channels).sqrt()
}

/// The mean square of all samples of all channels; 0 where there are none.
pub(super) fn power(channels: &[Vec<f32>]) -> f64 {
    let n: usize = channels.iter().map(Vec::len).sum();
    let sum: f64 = channels.iter().map(|c| c.iter().map(|s| f64::from(*s) * f64::from(*s)).sum::<f64>()).sum();
    if n == 0 { 0.0 } else { sum / n as f64 }
}

/// A ratio of amplitudes in decibels.
pub(super) fn decibels(ratio: f64) -> f64 {
    20.0 * libm::log10(ratio)
}

/// The ratio of amplitudes that so many decibels are.
pub(super) fn ratio(decibels: f64) -> f64 {
    libm::pow(10.0, decibels / 20.0)
}

/// The two filters by which the standard weighs frequencies. It gives their numbers at 48 kHz; at other rates they are those of the same
/// analogue filters under the bilinear transform, whose frequencies and quality are found from these numbers. That bends frequencies near half
/// the rate: at 8 kHz a sine of 997 Hz is a few tenths of a decibel off.
pub(super) fn weighting(rate: u32) -> [Biquad; 2] {
    // A rate too low for them has them as high as it can.
    let bend = |hz: f64| libm::tan(std::f64::consts::PI * (hz / f64::from(rate)).min(0.45));
    // A head: about 4 dB more from 2 kHz on.
    let (k, q) = (bend(1_681.974_450_955_533), 0.707_175_236_955_419_6);
    let high = libm::pow(10.0, 3.999_843_853_973_347 / 20.0);
    let middle = libm::pow(high, 0.499_666_774_154_541_6);
    let a0 = 1.0 + k / q + k * k;
    let head = Biquad {
        b: [(high + middle * k / q + k * k) / a0, 2.0 * (k * k - high) / a0, (high - middle * k / q + k * k) / a0],
        a: [2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0],
    };
    // An ear: less below 100 Hz.
    let (k, q) = (bend(38.135_470_876_024_44), 0.500_327_037_323_877_3);
    let a0 = 1.0 + k / q + k * k;
    let ear = Biquad { b: [1.0, -2.0, 1.0], a: [2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0] };
    [head, ear]
}

/// What each channel counts, in the order of WAV files: those beside and behind more, a low-frequency one not at all.
fn share(channel: usize, of: usize) -> f64 {
    match (of, channel) {
        (6, 3) => 0.0,
        (4, 2 | 3) | (5, 3 | 4) | (6, 4 | 5) => 1.41,
        _ => 1.0,
    }
}

/// The loudness of a mean square after the weighting.
fn lufs(power: f64) -> f64 {
    -0.691 + 10.0 * libm::log10(power)
}

/// The integrated loudness in LUFS: of blocks of 400 ms, every 100 ms, those above -70 LUFS, and of them those above 10 less than their
/// mean. A sound of less than one block is one block. Nothing where no block is above the gates.
pub fn loudness(clip: &Clip) -> Option<f64> {
    let block = (clip.samples_of(0.4).max(1) as usize).min(clip.len());
    if block == 0 {
        return None;
    }
    let hop = (clip.samples_of(0.1).max(1)) as usize;
    let starts = (0..clip.len() - block + 1).step_by(hop);
    let mut powers = vec![0.0; starts.len()];
    for (c, channel) in clip.channels.iter().enumerate() {
        let share = share(c, clip.channels.len());
        let [mut head, mut ear] = weighting(clip.rate()).map(Biquad::start);
        // Sums of squares up to each sample, so that blocks that overlap are not summed again.
        let mut sums = Vec::with_capacity(clip.len() + 1);
        let mut sum = 0.0;
        sums.push(sum);
        for s in channel {
            let y = ear.next(head.next(f64::from(*s)));
            sum += y * y;
            sums.push(sum);
        }
        for (p, start) in powers.iter_mut().zip(starts.clone()) {
            *p += share * (sums[start + block] - sums[start]).max(0.0) / block as f64;
        }
    }
    let gated = |least: f64| {
        let loud: Vec<f64> = powers.iter().copied().filter(|p| *p > 0.0 && lufs(*p) > least).collect();
        (!loud.is_empty()).then(|| loud.iter().sum::<f64>() / loud.len() as f64)
    };
    let first = gated(-70.0)?;
    gated((lufs(first) - 10.0).max(-70.0)).map(lufs)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testkit::{clip, sine};
    use super::*;

    #[test]
    fn the_weighting_is_that_of_the_standard_at_48_khz() {
        let [head, ear] = weighting(48_000);
        let of = [head.b[0], head.b[1], head.b[2], head.a[0], head.a[1], ear.a[0], ear.a[1]];
        let table = [
            1.535_124_859_586_97,
            -2.691_696_189_406_38,
            1.198_392_810_852_85,
            -1.690_659_293_182_41,
            0.732_480_774_215_85,
            -1.990_047_454_833_98,
            0.990_072_250_366_21,
        ];
        assert!(of.iter().zip(&table).all(|(a, b)| (a - b).abs() < 1e-9), "{of:?}");
    }

    #[test]
    fn a_sine_of_full_scale_is_as_loud_as_the_standard_says() {
        for (rate, off) in [(48_000, 0.01), (44_100, 0.01), (16_000, 0.05), (8_000, 0.3)] {
            let x = sine(997.0, rate, rate as usize * 3);
            let mono = loudness(&clip(rate, vec![x.clone()])).unwrap();
            assert!((mono + 3.01).abs() < off, "{rate}: {mono}");
            let both = loudness(&clip(rate, vec![x.clone(), x.clone()])).unwrap();
            assert!(both.abs() < off, "{both}");
            let five = loudness(&clip(rate, vec![x; 6])).unwrap();
            assert!((five - (-3.01 + 10.0 * libm::log10(3.0 + 2.0 * 1.41))).abs() < off, "{five}");
        }
    }

    #[test]
    fn silence_between_is_gated_away() {
        let rate = 48_000;
        let mut x = sine(997.0, rate, rate as usize * 10);
        let alone = loudness(&clip(rate, vec![x.clone()])).unwrap();
        x.extend(vec![0.0; rate as usize * 10]);
        let with = loudness(&clip(rate, vec![x.clone()])).unwrap();
        // Blocks over the edge count as far as they sound, and are a hundredth of all.
        assert!((alone - with).abs() < 0.1, "{alone} {with}");
        assert_eq!(loudness(&clip(rate, vec![vec![0.0; 48_000]])), None);
        assert_eq!(loudness(&clip(rate, vec![vec![]])), None);
        assert!(loudness(&clip(rate, vec![vec![0.5; 3]])).is_some());
    }
}
