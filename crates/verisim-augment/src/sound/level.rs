//! How loud: gain, given levels, clipping, distortion, compression, fades. What goes beyond full scale stays until a file is written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clip::Clip;
use super::loudness::{decibels, loudness, peak, ratio, rms};
use super::settings::change;
use crate::range::Range;
use crate::settings::settings;
use crate::sound::Act;

settings! {
    /// Louder or quieter.
    Gain {
        /// In decibels.
        db: Range = Range::from([-12.0, 12.0]), in -120 to 120;
    }
}

/// What a level is of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The greatest sample, in decibels of full scale.
    #[default]
    Peak,
    /// The root mean square of all samples, in decibels of full scale: a sine of full scale has -3.01.
    Rms,
    /// Integrated loudness after ITU-R BS.1770-4, in LUFS. Made for 5.1 channels at most, in the order of WAV files.
    Loudness,
}

settings! {
    /// As loud as said. Silence stays silence.
    Normalize {
        /// What is measured.
        to: Measure = Measure::Peak;
        /// What it becomes, in decibels of full scale or LUFS.
        db: Range = Range::from(-3.0), in -100 to 0;
    }
}

settings! {
    /// Cuts off what is loudest, as a device does that is too loud. By the share of samples that are cut, or by level.
    Clipping {
        /// The share of samples that are cut.
        share: Range = Range::from([0.0, 0.1]), in 0 to 0.9;
        /// Instead: by how many decibels the peak is lowered.
        db: Option<Range> = None, in 0 to 60;
    }
}

settings! {
    /// Bends the waveform as an amplifier does that is driven too far: by a hyperbolic tangent. Full scale stays full scale.
    Distortion {
        /// How far it is driven, in decibels.
        db: Range = Range::from([3.0, 24.0]), in 0 to 60;
    }
}

settings! {
    /// Makes what is loud less so.
    Compressor {
        /// From which level on, in decibels of full scale.
        threshold: Range = Range::from([-36.0, -12.0]), in -100 to 0;
        /// Of so many decibels above it one is left.
        ratio: Range = Range::from([2.0, 6.0]), in 1 to 100;
        /// Seconds until it follows what becomes louder.
        attack: Range = Range::from([0.002, 0.02]), in 0 to 1;
        /// Seconds until it follows what becomes quieter.
        release: Range = Range::from([0.05, 0.3]), in 0 to 5;
    }
}

/// How a fade goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Curve {
    /// As much louder in each moment.
    Linear,
    /// As half a wave of a cosine: without a corner at either end.
    #[default]
    Cosine,
    /// As many decibels in each moment, from -60 on.
    Decibels,
}

settings! {
    /// From silence and to silence. A sound shorter than both has both over all of it.
    Fade {
        /// Seconds at the beginning.
        rise: Range = Range::from([0.0, 0.2]), in 0 to 3600;
        /// Seconds at the end.
        fall: Range = Range::from([0.0, 0.2]), in 0 to 3600;
        /// How it goes.
        curve: Curve = Curve::Cosine;
    }
}

change!(Gain, |self, rng, _| Act::Gain { db: self.db.draw(rng) });
change!(Normalize, |self, rng, _| Act::Normalize { to: self.to, db: self.db.draw(rng) });
change!(Distortion, |self, rng, _| Act::Distort { db: self.db.draw(rng) });
change!(Clipping, |self, rng, _| match &self.db {
    Some(db) => Act::ClipBy { db: db.draw(rng) },
    None => Act::ClipShare { share: self.share.draw(rng) },
});
change!(Compressor, |self, rng, _| Act::Compress(Compression {
    threshold: self.threshold.draw(rng),
    ratio: self.ratio.draw(rng),
    attack: self.attack.draw(rng),
    release: self.release.draw(rng),
}));
change!(Fade, |self, rng, _| Act::Fade { rise: self.rise.draw(rng), fall: self.fall.draw(rng), curve: self.curve });

pub(super) fn gain(clip: &mut Clip, db: f64) {
    let factor = ratio(db);
    clip.each(|s| (f64::from(s) * factor) as f32);
}

pub(super) fn normalise(clip: &mut Clip, to: Measure, db: f64) {
    let now = match to {
        Measure::Peak => decibels(peak(clip)),
        Measure::Rms => decibels(rms(clip)),
        Measure::Loudness => loudness(clip).unwrap_or(f64::NEG_INFINITY),
    };
    // What is as quiet as rounding is silence: to make it loud would be to make noise up.
    if now > -140.0 {
        gain(clip, db - now);
    }
}

/// Cuts what is beyond `level` either way.
fn limit(clip: &mut Clip, level: f64) {
    clip.each(|s| s.clamp(-level as f32, level as f32));
}

pub(super) fn clip_by(clip: &mut Clip, db: f64) {
    let level = peak(clip) * ratio(-db);
    limit(clip, level);
}

/// Cuts the loudest samples down to the loudest of the others.
pub(super) fn clip_share(clip: &mut Clip, share: f64) {
    let mut sizes: Vec<f32> = clip.channels.iter().flatten().map(|s| s.abs()).collect();
    let cut = (share * sizes.len() as f64).floor() as usize;
    if cut > 0 && cut < sizes.len() {
        let (_, level, _) = sizes.select_nth_unstable_by(cut, |a, b| b.total_cmp(a));
        let level = f64::from(*level);
        limit(clip, level);
    }
}

pub(super) fn distort(clip: &mut Clip, db: f64) {
    let drive = ratio(db);
    let full = libm::tanh(drive);
    clip.each(|s| (libm::tanh(drive * f64::from(s)) / full) as f32);
}

/// A compressor, all of whose numbers are known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compression {
    /// In decibels of full scale.
    pub threshold: f64,
    /// Of so many decibels above it one is left.
    pub ratio: f64,
    /// In seconds.
    pub attack: f64,
    /// In seconds.
    pub release: f64,
}

impl Compression {
    pub(super) fn check(&self) -> Result<(), String> {
        let can = (-200.0..=0.0).contains(&self.threshold) && (1.0..=1000.0).contains(&self.ratio);
        match can && (0.0..=60.0).contains(&self.attack) && (0.0..=60.0).contains(&self.release) {
            true => Ok(()),
            false => Err(format!("a compressor of {self:?}")),
        }
    }

    /// The level is that of the loudest channel, so that what is between channels stays.
    pub(super) fn apply(&self, clip: &mut Clip) {
        // A first-order follower reaches 63 % after its time.
        let slow = |seconds: f64| match seconds * f64::from(clip.rate()) {
            samples if samples > 0.0 => libm::exp(-1.0 / samples),
            _ => 0.0,
        };
        let (attack, release) = (slow(self.attack), slow(self.release));
        let (threshold, power) = (ratio(self.threshold), 1.0 / self.ratio - 1.0);
        let mut level = 0.0f64;
        for i in 0..clip.len() {
            let now = clip.channels.iter().fold(0.0, |m: f64, c| m.max(f64::from(c[i].abs())));
            let stay = if now > level { attack } else { release };
            level = now + (level - now) * stay;
            if level > threshold {
                let factor = libm::pow(level / threshold, power);
                clip.channels.iter_mut().for_each(|c| c[i] = (f64::from(c[i]) * factor) as f32);
            }
        }
    }
}

impl Curve {
    /// How loud it is at a share of the way from silence.
    fn at(self, share: f64) -> f64 {
        match self {
            Curve::Linear => share,
            Curve::Cosine => 0.5 - 0.5 * libm::cos(std::f64::consts::PI * share),
            Curve::Decibels if share <= 0.0 => 0.0,
            Curve::Decibels => ratio(60.0 * (share - 1.0)),
        }
    }
}

pub(super) fn fade(clip: &mut Clip, rise: f64, fall: f64, curve: Curve) {
    let n = clip.len();
    let [rise, fall] = [rise, fall].map(|s| clip.samples_of(s).max(0) as usize);
    for c in &mut clip.channels {
        for (i, s) in c.iter_mut().take(rise).enumerate() {
            *s = (f64::from(*s) * curve.at(i as f64 / rise as f64)) as f32;
        }
        for (i, s) in c.iter_mut().rev().take(fall.min(n)).enumerate() {
            *s = (f64::from(*s) * curve.at(i as f64 / fall as f64)) as f32;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testkit::{clip, rough, run, sine, step};
    use super::super::{Act, Item};
    use super::*;

    fn noise() -> Item {
        Item::from(clip(16_000, vec![rough(16_000, 1), rough(16_000, 2)]))
    }

    #[test]
    fn levels_become_what_was_asked() {
        let loud = |to: &str| step(&format!("normalize = {{ to = \"{to}\", db = -20 }}"), &noise()).clip;
        assert!((decibels(peak(&loud("peak"))) + 20.0).abs() < 1e-4);
        assert!((decibels(rms(&loud("rms"))) + 20.0).abs() < 1e-4);
        assert!((loudness(&loud("loudness")).unwrap() + 20.0).abs() < 1e-3);
        let up = step("gain = { db = 6.0206 }", &noise());
        assert!((up.clip.channels()[0][7] / noise().clip.channels()[0][7] - 2.0).abs() < 1e-5);
    }

    #[test]
    fn what_is_silent_stays_silent() {
        for to in [Measure::Peak, Measure::Rms, Measure::Loudness] {
            let silence = Item::from(clip(8_000, vec![vec![0.0; 5000]]));
            assert_eq!(run(&Act::Normalize { to, db: -3.0 }, &silence), silence);
        }
    }

    #[test]
    fn as_many_samples_are_cut_as_was_asked() {
        let after = run(&Act::ClipShare { share: 0.1 }, &noise());
        let level = peak(&after.clip) as f32;
        let cut = noise().clip.channels().iter().flatten().filter(|s| s.abs() > level).count();
        assert_eq!(cut, 3200);
        let after = run(&Act::ClipBy { db: 6.0 }, &noise());
        assert!((decibels(peak(&noise().clip) / peak(&after.clip)) - 6.0).abs() < 1e-5);
    }

    #[test]
    fn distortion_is_the_tangent_and_keeps_full_scale() {
        let item = Item::from(clip(8_000, vec![vec![0.0, 0.1, -0.5, 1.0, -1.0]]));
        let after = run(&Act::Distort { db: decibels(3.0) }, &item);
        let expected = [0.0, 0.1f64, -0.5, 1.0, -1.0].map(|s| (3.0 * s).tanh() / 3.0f64.tanh());
        assert!(after.clip.channels()[0].iter().zip(expected).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-6));
    }

    #[test]
    fn of_so_many_decibels_above_the_threshold_one_is_left() {
        let act = Act::Compress(Compression { threshold: -20.0, ratio: 4.0, attack: 0.0, release: 1.0 });
        let item = Item::from(clip(16_000, vec![sine(1000.0, 16_000, 16_000)]));
        // 20 dB above become 5.
        let after = peak(
            &Clip::new(16_000, super::super::Depth::Float, vec![run(&act, &item).clip.channels()[0][200..].to_vec()])
                .unwrap(),
        );
        assert!((decibels(after) + 15.0).abs() < 0.1, "{}", decibels(after));
        let quiet = run(&Act::Gain { db: -21.0 }, &item);
        assert_eq!(run(&act, &quiet), quiet);
    }

    #[test]
    fn fades_begin_and_end_in_silence() {
        for (curve, half) in [(Curve::Linear, 0.5), (Curve::Cosine, 0.5), (Curve::Decibels, 0.0316)] {
            let item = Item::from(clip(1000, vec![vec![1.0; 1000]]));
            let x = run(&Act::Fade { rise: 0.2, fall: 0.1, curve }, &item).clip.channels()[0].clone();
            assert!(x[0] == 0.0 && x[999] == 0.0 && x[500] == 1.0 && x[200] == 1.0);
            assert!((x[100] - half).abs() < 1e-3 && (x[949] - half).abs() < 1e-3, "{curve:?}");
            let short = Item::from(clip(1000, vec![vec![1.0; 3]]));
            assert_eq!(run(&Act::Fade { rise: 0.2, fall: 0.1, curve }, &short).clip.len(), 3);
        }
    }
}
