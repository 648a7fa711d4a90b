//! Noise. Opacity is left alone.
//!
//! A normal number is one of 4096 quantiles of the normal distribution, in the middle of equal shares and scaled to a variance of 1, chosen by
//! 12 random bits: five for each word of the stream, where an exact one takes a word or more. It is within 3.7 deviations of 0, and its
//! steps are far below one sample where the noise is of 8 bits.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, stream, uniform};

use super::picture::{Picture, Sample, with_samples};

/// What is added to each sample `v`, from 0 to 1: a normal number times `sqrt(sd^2 + shot^2 v + gain^2 v^2)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// The same everywhere: electronics.
    pub sd: f64,
    /// As of counted light: the normal of a Poisson count's mean and variance. 1 / shot^2 is how many photons are white.
    pub shot: f64,
    /// In proportion: speckle.
    pub gain: f64,
    /// Whether all colours of a pixel get the same.
    pub grey: bool,
    /// Of the stream.
    pub seed: u64,
}

const LEVELS: usize = 4096;

static NORMALS: LazyLock<Vec<f32>> = LazyLock::new(|| {
    let z: Vec<f64> = (0..LEVELS).map(|i| quantile((i as f64 + 0.5) / LEVELS as f64)).collect();
    let sd = (z.iter().map(|z| z * z).sum::<f64>() / LEVELS as f64).sqrt();
    z.iter().map(|z| (z / sd) as f32).collect()
});

/// The number below which a standard normal one is with probability `p`: Newton's steps on the error function from 0, which do not overshoot.
fn quantile(p: f64) -> f64 {
    let p_up = p.max(1.0 - p);
    let mut z = 0.0f64;
    for _ in 0..60 {
        let density = libm::exp(-0.5 * z * z) / (2.0 * std::f64::consts::PI).sqrt();
        let step = (p_up - 0.5 * (1.0 + libm::erf(z / std::f64::consts::SQRT_2))) / density;
        z += step.min(0.5);
        if step.abs() < 1e-13 {
            break;
        }
    }
    if p < 0.5 { -z } else { z }
}

/// Normal numbers, five for a word of the stream.
struct Normals {
    rng: Stream,
    word: u64,
    left: u32,
}

impl Normals {
    #[inline(always)]
    fn next(&mut self, table: &[f32]) -> f32 {
        if self.left == 0 {
            (self.word, self.left) = (word(&mut self.rng), 5);
        }
        let z = table[(self.word & (LEVELS as u64 - 1)) as usize];
        self.word >>= 12;
        self.left -= 1;
        z
    }
}

/// 64 random bits.
fn word(rng: &mut Stream) -> u64 {
    verisim_data::rng::below(rng, u64::MAX)
}

impl Noise {
    pub(super) fn apply(&self, picture: &mut Picture) {
        let (channels, colours) = (picture.channels(), picture.colours());
        let mut normals = Normals { rng: stream(self.seed, "noise", 0), word: 0, left: 0 };
        with_samples!(&mut picture.samples, s => self.run(s, channels, colours, &mut normals));
    }

    fn run<S: Sample>(&self, samples: &mut [S], channels: usize, colours: usize, normals: &mut Normals) {
        let table: &[f32] = &NORMALS;
        let sd: Vec<f32> = (0..=S::MAX as usize)
            .map(|i| {
                let v = i as f64 / f64::from(S::MAX);
                let variance = self.sd * self.sd + self.shot * self.shot * v + self.gain * self.gain * v * v;
                (variance.sqrt() * f64::from(S::MAX)) as f32
            })
            .collect();
        let noisy = |s: S, z: f32| S::down(s.up() + z * sd[s.index()]);
        if self.grey && colours == 3 {
            for p in samples.chunks_exact_mut(channels) {
                let z = normals.next(table);
                p[..3].iter_mut().for_each(|s| *s = noisy(*s, z));
            }
        } else if channels == colours {
            samples.iter_mut().for_each(|s| *s = noisy(*s, normals.next(table)));
        } else {
            for p in samples.chunks_exact_mut(channels) {
                p[..colours].iter_mut().for_each(|s| *s = noisy(*s, normals.next(table)));
            }
        }
    }
}

/// Pixels that become black or white.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SaltPepper {
    /// Of all pixels.
    pub share: f64,
    /// Of them, those that become white.
    pub salt: f64,
    /// Of the stream.
    pub seed: u64,
}

impl SaltPepper {
    pub(super) fn apply(&self, picture: &mut Picture) {
        let (channels, colours) = (picture.channels(), picture.colours());
        let mut rng = stream(self.seed, "salt", 0);
        with_samples!(&mut picture.samples, s => self.run(s, channels, colours, &mut rng));
    }

    fn run<S: Sample>(&self, samples: &mut [S], channels: usize, colours: usize, rng: &mut Stream) {
        // From one to the next: how many are passed over is geometric.
        let miss = libm::log1p(-self.share.min(1.0 - 1e-12));
        let mut at = 0usize;
        let n = if self.share > 0.0 { samples.len() / channels } else { 0 };
        loop {
            let passed = libm::log(1.0 - uniform(rng)) / miss;
            at = at.saturating_add(passed as usize);
            if at >= n {
                break;
            }
            let value = if uniform(rng) < self.salt { S::down(S::MAX) } else { S::default() };
            samples[at * channels..at * channels + colours].fill(value);
            at += 1;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testkit::{flat, values};
    use super::*;

    /// Mean and standard deviation of the noise on a flat picture, and how much two colours of a pixel have in common.
    fn moments(noise: &Noise, level: u8) -> (f64, f64, f64) {
        let mut p = flat(120, 100, &[level, level, level, 200]);
        noise.apply(&mut p);
        let v = values(&p);
        assert!(v.iter().skip(3).step_by(4).all(|a| *a == 200));
        let of = |c: usize| v.iter().skip(c).step_by(4).map(|v| f64::from(*v) - f64::from(level)).collect::<Vec<f64>>();
        let (a, b) = (of(0), of(1));
        let n = a.len() as f64;
        let mean = a.iter().sum::<f64>() / n;
        let sd = (a.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
        let both = a.iter().zip(&b).map(|(x, y)| x * y).sum::<f64>() / n;
        (mean, sd, both / (sd * sd).max(1e-9))
    }

    fn none() -> Noise {
        Noise { sd: 0.0, shot: 0.0, gain: 0.0, grey: false, seed: 4 }
    }

    #[test]
    fn noise_has_the_deviation_asked_for() {
        let (mean, sd, common) = moments(&Noise { sd: 0.05, ..none() }, 128);
        assert!(mean.abs() < 0.4 && (sd - 12.75).abs() < 0.3 && common.abs() < 0.03, "{mean} {sd} {common}");
        let (mean, sd, common) = moments(&Noise { sd: 0.05, grey: true, ..none() }, 128);
        assert!(mean.abs() < 0.4 && (sd - 12.75).abs() < 0.3 && common > 0.99, "{mean} {sd} {common}");
        // sqrt(0.1^2 * 64 / 255) * 255 and 0.1 * 64.
        let (_, sd, _) = moments(&Noise { shot: 0.1, ..none() }, 64);
        assert!((sd - 12.77).abs() < 0.3, "{sd}");
        let (_, sd, _) = moments(&Noise { gain: 0.1, ..none() }, 64);
        assert!((sd - 6.4).abs() < 0.2, "{sd}");
        assert_eq!(moments(&none(), 7).1, 0.0);
    }

    #[test]
    fn the_table_is_the_normal_distribution() {
        assert!((quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-9);
        assert!((quantile(0.001) + 3.090_232_306_167_813).abs() < 1e-9);
        let fourth: f64 = NORMALS.iter().map(|z| f64::from(*z).powi(4)).sum::<f64>() / LEVELS as f64;
        assert!((fourth - 3.0).abs() < 0.03, "{fourth}");
    }

    #[test]
    fn salt_and_pepper_are_as_many_as_asked() {
        let mut p = flat(200, 100, &[100, 120, 140]);
        SaltPepper { share: 0.05, salt: 0.25, seed: 9 }.apply(&mut p);
        let v = values(&p);
        let salt = v.chunks(3).filter(|p| p == &[255, 255, 255]).count();
        let pepper = v.chunks(3).filter(|p| p == &[0, 0, 0]).count();
        assert!((200..300).contains(&salt) && (680..820).contains(&pepper), "{salt} {pepper}");
        let mut p = flat(20, 10, &[100]);
        SaltPepper { share: 1.0, salt: 1.0, seed: 9 }.apply(&mut p);
        assert_eq!(p, flat(20, 10, &[255]));
        SaltPepper { share: 0.0, salt: 0.0, seed: 9 }.apply(&mut p);
        assert_eq!(p, flat(20, 10, &[255]));
    }
}
