//! Noise of a colour, made by its spectrum: each bin is a normal complex number times a power of its frequency.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{stream, uniform};

use super::clip::Clip;
use super::fft::Fft;
use super::loudness::{power, ratio};
use super::settings::change;
use crate::range::Range;
use crate::settings::settings;
use crate::sound::Act;

/// The colour of a noise: what its power a hertz is in proportion to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    /// The same everywhere.
    #[default]
    White,
    /// 1 / f.
    Pink,
    /// 1 / f^2.
    Brown,
    /// f.
    Blue,
    /// f^2.
    Violet,
}

impl Colour {
    fn exponent(self) -> f64 {
        match self {
            Colour::White => 0.0,
            Colour::Pink => -1.0,
            Colour::Brown => -2.0,
            Colour::Blue => 1.0,
            Colour::Violet => 2.0,
        }
    }
}

settings! {
    /// Noise as loud as a signal-to-noise ratio says: of the mean squares of all samples of all channels. Each channel has its own. A
    /// silent sound, which has no such ratio, stays as it is.
    Noise {
        /// In decibels.
        snr: Range = Range::from([5.0, 40.0]), in -60 to 120;
        /// By name.
        colour: Colour = Colour::White;
        /// Instead of a name: the power of the frequency that the power a hertz is in proportion to.
        exponent: Option<Range> = None, in -4 to 4;
    }
}

change!(Noise, |self, rng, _| Act::Noise {
    snr: self.snr.draw(rng),
    exponent: self.exponent.as_ref().map_or(self.colour.exponent(), |e| e.draw(rng)),
    seed: verisim_data::rng::below(rng, u64::MAX),
});

/// Below this nothing is heard, so nothing is made: most of brown noise would be there.
const LOWEST: f64 = 20.0;

/// Noise of a colour, of some level.
fn coloured(n: usize, rate: u32, exponent: f64, seed: u64, channel: u64) -> Vec<f64> {
    let mut rng = stream(seed, "sound noise", channel);
    let mut fft = Fft::new(n);
    let mut bins = vec![Default::default(); fft.bins()];
    let width = f64::from(rate) / fft.len() as f64;
    // The least frequency that there is at all, where a sound is too short for the lowest.
    let lowest = LOWEST.min(f64::from(rate) / 4.0).max(width);
    for (k, bin) in bins.iter_mut().enumerate().skip(1) {
        // The radius and the angle of a normal number in the plane (Box & Muller 1958).
        let (radius, angle) = ((-2.0 * libm::log(1.0 - uniform(&mut rng))).sqrt(), uniform(&mut rng));
        let hz = k as f64 * width;
        if hz >= lowest {
            let size = radius * libm::pow(hz / lowest, exponent / 2.0);
            let angle = 2.0 * std::f64::consts::PI * angle;
            *bin = realfft::num_complex::Complex64::new(size * libm::cos(angle), size * libm::sin(angle));
        }
    }
    let mut x = vec![0.0; fft.len()];
    fft.inverse(&bins, &mut x);
    x.truncate(n);
    x
}

pub(super) fn add(clip: &mut Clip, snr: f64, exponent: f64, seed: u64) {
    let (n, rate) = (clip.len(), clip.rate());
    let noise: Vec<Vec<f64>> = (0..clip.channels.len()).map(|c| coloured(n, rate, exponent, seed, c as u64)).collect();
    let (signal, own) = (power(&clip.channels), {
        let all: f64 = noise.iter().flatten().map(|s| s * s).sum();
        all / (n * noise.len()).max(1) as f64
    });
    if signal > 0.0 && own > 0.0 {
        let factor = (signal / own).sqrt() * ratio(-snr);
        for (c, noise) in clip.channels.iter_mut().zip(&noise) {
            c.iter_mut().zip(noise).for_each(|(s, n)| *s = (f64::from(*s) + n * factor) as f32);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testkit::{clip, rough, run, sine, step};
    use super::super::{Act, Item};
    use super::*;

    /// What was added.
    fn added(after: &Item, before: &Item) -> Vec<Vec<f32>> {
        let pairs = after.clip.channels().iter().zip(before.clip.channels());
        pairs.map(|(a, b)| a.iter().zip(b).map(|(a, b)| a - b).collect()).collect()
    }

    #[test]
    fn noise_is_as_loud_as_was_asked() {
        for snr in [-10.0, 0.0, 5.0, 40.0] {
            for colour in ["white", "pink", "brown", "blue", "violet"] {
                let item = Item::from(clip(16_000, vec![sine(300.0, 16_000, 5000), rough(5000, 1)]));
                let after = step(&format!("noise = {{ snr = {snr}, colour = \"{colour}\" }}"), &item);
                let measured = 10.0 * (power(item.clip.channels()) / power(&added(&after, &item))).log10();
                assert!((measured - snr).abs() < 0.1, "{colour} {snr}: {measured}");
            }
        }
    }

    #[test]
    fn the_power_an_octave_is_that_of_the_colour() {
        for (exponent, octave) in [(0.0, 3.01), (-1.0, 0.0), (-2.0, -3.01), (1.0, 6.02), (2.0, 9.03)] {
            let x = coloured(1 << 16, 16_000, exponent, 4, 0);
            let mut fft = Fft::new(1 << 16);
            let mut bins = vec![Default::default(); fft.bins()];
            fft.forward(&x, &mut bins);
            let band = |low: f64| {
                let [a, b] = [low, 2.0 * low].map(|hz| (hz / 16_000.0 * 65_536.0) as usize);
                bins[a..b].iter().map(|b: &realfft::num_complex::Complex64| b.norm_sqr()).sum::<f64>()
            };
            for low in [250.0, 500.0, 1000.0, 2000.0] {
                let rise = 10.0 * (band(2.0 * low) / band(low)).log10();
                assert!((rise - octave).abs() < 0.5, "{exponent} from {low}: {rise}");
            }
        }
    }

    #[test]
    fn silence_stays_silent() {
        for n in [0, 1, 3, 4000] {
            let silence = Item::from(clip(8_000, vec![vec![0.0; n]; 2]));
            assert_eq!(run(&Act::Noise { snr: 5.0, exponent: -2.0, seed: 1 }, &silence), silence);
        }
    }

    #[test]
    fn channels_and_seeds_have_noise_of_their_own() {
        let item = Item::from(clip(8_000, vec![vec![0.5; 4000]; 2]));
        let one = added(&run(&Act::Noise { snr: 0.0, exponent: 0.0, seed: 1 }, &item), &item);
        let two = added(&run(&Act::Noise { snr: 0.0, exponent: 0.0, seed: 2 }, &item), &item);
        let alike = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>() / 4000.0 / 0.25;
        assert!((alike(&one[0], &one[0]) - 1.0).abs() < 0.1);
        assert!(alike(&one[0], &one[1]).abs() < 0.06 && alike(&one[0], &two[0]).abs() < 0.06);
    }
}
