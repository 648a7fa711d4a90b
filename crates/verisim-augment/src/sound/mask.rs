//! Bands of time and frequency left out, as in SpecAugment (Park et al. 2019), but of the sound: of short spectra that are added up again.

use verisim_data::rng::uniform;

use super::clip::Clip;
use super::fft::Frames;
use super::settings::change;
use crate::range::Range;
use crate::settings::settings;
use crate::sound::Act;

settings! {
    /// Stretches of time left out. Their ends fade over a frame of 32 ms. Spans stay.
    TimeMask {
        /// How many.
        masks: Range = Range::from([1.0, 2.0]), whole 0 to 100;
        /// How long each is, in seconds.
        seconds: Range = Range::from([0.0, 0.2]), in 0 to 3600;
        /// But no longer than this share of the sound.
        most: f64 = 0.2, in 0 to 1;
    }
}

settings! {
    /// Bands of frequencies left out.
    FrequencyMask {
        /// How many.
        masks: Range = Range::from([1.0, 2.0]), whole 0 to 100;
        /// How wide each is, as a share of all frequencies on a scale as wide as ears hear it (mel).
        width: Range = Range::from([0.0, 0.2]), in 0 to 1;
    }
}

change!(TimeMask, |self, rng, view| {
    let n = self.masks.draw_whole(rng).clamp(0, 100);
    let mut mask = || {
        let seconds = self.seconds.draw(rng).min(self.most * view.seconds());
        let start = uniform(rng) * (view.seconds() - seconds);
        [start, start + seconds]
    };
    Act::TimeMask((0..n).map(|_| mask()).collect())
});

/// Mels of a frequency, and back (O'Shaughnessy 1987).
fn mel(hz: f64) -> f64 {
    2595.0 * libm::log10(1.0 + hz / 700.0)
}

fn hertz(mel: f64) -> f64 {
    700.0 * (libm::pow(10.0, mel / 2595.0) - 1.0)
}

change!(FrequencyMask, |self, rng, view| {
    let n = self.masks.draw_whole(rng).clamp(0, 100);
    let all = mel(f64::from(view.rate) / 2.0);
    let mut mask = || {
        let width = self.width.draw(rng) * all;
        let low = uniform(rng) * (all - width);
        [hertz(low), hertz(low + width)]
    };
    Act::FrequencyMask((0..n).map(|_| mask()).collect())
});

/// A frame, in seconds.
const FRAME: f64 = 0.02;

/// Leaves out all frames whose middle is in one of the stretches.
pub(super) fn time(clip: &mut Clip, masks: &[[f64; 2]]) {
    let rate = f64::from(clip.rate());
    let mut frames = Frames::of_seconds(FRAME, clip.rate());
    let hop = frames.hop;
    clip.map(|c| {
        frames.changed(c, |k, bins| {
            let at = (k * hop) as f64 / rate;
            if masks.iter().any(|[a, b]| (*a..*b).contains(&at)) {
                bins.fill(Default::default());
            }
        })
    });
}

/// Leaves out all bins whose frequency is in one of the bands.
pub(super) fn frequency(clip: &mut Clip, masks: &[[f64; 2]]) {
    let mut frames = Frames::of_seconds(FRAME, clip.rate());
    let width = f64::from(clip.rate()) / frames.fft.len() as f64;
    let out: Vec<usize> =
        (0..frames.fft.bins()).filter(|k| masks.iter().any(|[a, b]| (*a..*b).contains(&(*k as f64 * width)))).collect();
    if !out.is_empty() {
        clip.map(|c| frames.changed(c, |_, bins| out.iter().for_each(|k| bins[*k] = Default::default())));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testkit::{clip, rms, rough, run, sine, step, tone};
    use super::super::{Act, Item};
    use super::*;

    #[test]
    fn a_band_is_gone_and_what_is_outside_stays() {
        let x: Vec<f32> =
            sine(1000.0, 16_000, 16_000).iter().zip(sine(3000.0, 16_000, 16_000)).map(|(a, b)| a + b).collect();
        let after = run(&Act::FrequencyMask(vec![[2500.0, 3500.0]]), &Item::from(clip(16_000, vec![x])));
        let inner = &after.clip.channels()[0][1000..15_000];
        assert!((tone(inner, 1000.0, 16_000) - 1.0).abs() < 1e-3);
        assert!(tone(inner, 3000.0, 16_000) < 1e-3);
    }

    #[test]
    fn a_stretch_is_silent_and_the_rest_is_the_same() {
        let x = rough(16_000, 1);
        let after = run(&Act::TimeMask(vec![[0.4, 0.6]]), &Item::from(clip(16_000, vec![x.clone()])));
        let y = &after.clip.channels()[0];
        assert!(rms(&y[6700..9300]) < 1e-6);
        let same = |a: usize, b: usize| (a..b).all(|i| (x[i] - y[i]).abs() < 1e-6);
        assert!(same(0, 6100) && same(9900, 16_000));
    }

    #[test]
    fn masks_are_as_many_and_as_wide_as_asked() {
        let item = Item::from(clip(16_000, vec![rough(16_000, 1)]));
        let after = step("time_mask = { masks = 1, seconds = 5, most = 0.25 }", &item);
        let silent = after.clip.channels()[0].iter().filter(|s| s.abs() < 1e-9).count();
        assert!((3000..=4000).contains(&silent), "{silent}");
        let none = step("frequency_mask = { masks = 0 }", &item);
        assert_eq!(none, item);
        assert!((hertz(mel(1234.0)) - 1234.0).abs() < 1e-9 && (mel(1000.0) - 999.99).abs() < 0.01);
    }
}
