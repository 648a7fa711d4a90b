//! What a telephone, a small memory or a low rate leaves of a sound.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clip::{Clip, Item, RATES};
use super::filter::{Filter, Shape};
use super::labels;
use super::resample::to_rate;
use super::settings::change;
use crate::range::Range;
use crate::settings::settings;
use crate::sound::Act;

/// How a telephone makes 8 bits of 16 (ITU-T G.711).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Law {
    /// As in North America and Japan.
    #[default]
    Mu,
    /// As elsewhere.
    A,
}

settings! {
    /// What is left after a telephone: its rate, its band from 300 to 3400 Hz, and 8 bits a sample by the law of G.711. The rate and the length
    /// stay.
    Codec {
        /// By which law.
        law: Law = Law::Mu;
        /// Samples a second on the way.
        rate: Range = Range::from(8000.0), whole 1000 to 48_000;
        /// Bits of each sample on the way. Fewer than 8 are those of the 8 that count most.
        bits: Range = Range::from(8.0), whole 3 to 8;
        /// Whether the band is cut at 300 and 3400 Hz.
        band: bool = true;
    }
}

settings! {
    /// Samples of fewer bits, rounded.
    BitCrush {
        /// How many.
        bits: Range = Range::from([5.0, 12.0]), whole 1 to 24;
    }
}

settings! {
    /// To another rate and back: what that cannot hold is gone.
    Resample {
        /// In Hz. One above that of the sound changes nothing.
        rate: Range = Range::from([4000.0, 16_000.0]), whole 100 to 1_000_000;
    }
}

settings! {
    /// To another rate, which the sound keeps.
    ResampleTo {
        /// In Hz.
        rate: Range = Range::from(16_000.0), whole 100 to 1_000_000;
    }
}

change!(Codec, |self, rng, _| Act::Telephone(Telephone {
    law: self.law,
    rate: self.rate.draw_whole(rng).clamp(1000, 48_000) as u32,
    bits: self.bits.draw_whole(rng).clamp(3, 8) as u32,
    band: self.band,
}));
change!(BitCrush, |self, rng, _| Act::Crush { bits: self.bits.draw_whole(rng).clamp(1, 24) as u32 });
change!(Resample, |self, rng, _| Act::Resample { rate: whole_rate(self.rate.draw_whole(rng)), back: true });
change!(ResampleTo, |self, rng, _| Act::Resample { rate: whole_rate(self.rate.draw_whole(rng)), back: false });

fn whole_rate(rate: i64) -> u32 {
    rate.clamp(i64::from(*RATES.start()), i64::from(*RATES.end())) as u32
}

pub(super) fn resample(item: &mut Item, rate: u32, back: bool) {
    let (own, n) = (item.clip.rate(), item.clip.len());
    if back && rate >= own {
        return;
    }
    item.clip.channels = to_rate(&item.clip.channels, own, rate);
    if back {
        item.clip.channels = to_rate(&item.clip.channels, rate, own);
        item.clip.channels.iter_mut().for_each(|c| c.resize(n, 0.0));
    } else {
        item.clip.set_rate(rate);
        let seconds = item.clip.seconds();
        labels::cut(&mut item.spans, seconds);
    }
}

pub(super) fn crush(clip: &mut Clip, bits: u32) {
    let steps = f64::from(1u32 << (bits - 1));
    clip.each(|s| ((f64::from(s) * steps).round() / steps) as f32);
}

/// A telephone, all of whose numbers are known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Telephone {
    /// By which law.
    pub law: Law,
    /// In Hz.
    pub rate: u32,
    /// Of each sample.
    pub bits: u32,
    /// Whether the band is cut.
    pub band: bool,
}

impl Telephone {
    pub(super) fn check(&self) -> Result<(), String> {
        match RATES.contains(&self.rate) && (1..=8).contains(&self.bits) {
            true => Ok(()),
            false => Err(format!("a telephone of {} samples a second of {} bits", self.rate, self.bits)),
        }
    }

    pub(super) fn apply(&self, item: &mut Item) {
        let (own, n) = (item.clip.rate(), item.clip.len());
        let lower = self.rate < own;
        if self.band {
            for (shape, hz) in [(Shape::HighPass, 300.0), (Shape::LowPass, 3400.0)] {
                Filter { shape, hz, q: std::f64::consts::FRAC_1_SQRT_2, db: 0.0, times: 2 }.apply(&mut item.clip);
            }
        }
        if lower {
            item.clip.channels = to_rate(&item.clip.channels, own, self.rate);
        }
        let drop = 8 - self.bits;
        item.clip.each(|s| {
            let x = (f64::from(s) * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i32;
            (f64::from(self.law.through(x, drop)) / 32_768.0) as f32
        });
        if lower {
            item.clip.channels = to_rate(&item.clip.channels, self.rate, own);
            item.clip.channels.iter_mut().for_each(|c| c.resize(n, 0.0));
        }
    }
}

impl Law {
    /// What is left of a sample of 16 bits after the law and without the last `drop` bits of its code.
    fn through(self, x: i32, drop: u32) -> i32 {
        let code = match self {
            Law::Mu => mu_code(x),
            Law::A => a_code(x),
        };
        // The middle of what is dropped, so that nothing is shifted.
        let kept = if drop == 0 { code } else { (code >> drop << drop) | 1 << (drop - 1) };
        match self {
            Law::Mu => mu_level(kept),
            Law::A => a_level(kept),
        }
        .min(i32::from(i16::MAX))
            * if x < 0 { -1 } else { 1 }
    }
}

/// The segment and the step in it of the mu-law, without sign: 3 and 4 bits. The standard sends them inverted.
fn mu_code(x: i32) -> i32 {
    let size = x.abs().min(32_635) + 132;
    let segment = size.ilog2() as i32 - 7;
    (segment << 4) | ((size >> (segment + 3)) & 15)
}

/// The level of a code of the mu-law.
fn mu_level(code: i32) -> i32 {
    let (segment, step) = (code >> 4, code & 15);
    (((step << 3) + 132) << segment) - 132
}

/// The segment and the step in it of the A-law, without sign. The standard sends every other bit inverted.
fn a_code(x: i32) -> i32 {
    // A negative number is one less, so that each side has as many steps.
    let size = (if x < 0 { -x - 1 } else { x }) >> 4;
    match size {
        // The first two segments have steps alike.
        0..32 => size,
        _ => {
            let segment = size.min(2047).ilog2() as i32 - 3;
            (segment << 4) | ((size.min(2047) >> (segment - 1)) & 15)
        }
    }
}

/// The level of a code of the A-law: the middle of its step.
fn a_level(code: i32) -> i32 {
    let (segment, step) = (code >> 4, code & 15);
    match segment {
        0 => (step << 4) + 8,
        _ => ((step << 4) + 264) << (segment - 1),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testkit::{clip, run, sine, step, tone};
    use super::super::{Act, Item, Span};
    use super::*;

    #[test]
    fn levels_are_those_of_the_tables_of_the_standard() {
        assert_eq!([0, 1, 15, 16, 31, 126, 127].map(mu_level), [0, 8, 120, 132, 372, 31_100, 32_124]);
        assert_eq!([0, 1, 15, 16, 31, 126, 127].map(a_level), [8, 24, 248, 264, 504, 31_232, 32_256]);
        for code in 0..128 {
            assert_eq!((mu_code(mu_level(code)), a_code(a_level(code)), a_code(-a_level(code))), (code, code, code));
        }
    }

    #[test]
    fn codes_follow_the_formulas_of_the_laws() {
        let mu = |x: f64| (1.0 + 255.0 * x).ln() / 256.0f64.ln();
        let a = |x: f64| {
            let by = 1.0 + 87.6f64.ln();
            if x < 1.0 / 87.6 { 87.6 * x / by } else { (1.0 + (87.6 * x).ln()) / by }
        };
        for x in (0..32_768).step_by(7) {
            let share = f64::from(x) / 32_768.0;
            // The segments are chords of the curves: never more than some steps of 128 apart.
            assert!((f64::from(mu_code(x)) + 0.5 - 128.0 * mu(share)).abs() < 2.5, "{x}");
            assert!((f64::from(a_code(x)) + 0.5 - 128.0 * a(share)).abs() < 2.5, "{x}");
        }
    }

    #[test]
    fn a_telephone_keeps_its_band_and_loses_the_rest() {
        for law in ["mu", "a"] {
            for (hz, least, most) in [(1000.0, 0.95, 1.05), (60.0, 0.0, 0.01), (6000.0, 0.0, 0.01)] {
                let item = Item::from(clip(44_100, vec![sine(hz, 44_100, 44_100)]));
                let after = step(&format!("codec = {{ law = \"{law}\" }}"), &item);
                assert_eq!((after.clip.len(), after.clip.rate()), (44_100, 44_100));
                let left = tone(&after.clip.channels()[0][4000..40_000], hz, 44_100);
                assert!((least..most).contains(&left), "{law} {hz}: {left}");
            }
        }
    }

    #[test]
    fn eight_bits_of_a_law_are_38_decibels_and_fewer_are_less() {
        let item = Item::from(clip(8_000, vec![sine(1003.7, 8_000, 8_000)]));
        for law in [Law::Mu, Law::A] {
            let ratio = |bits| {
                let act = Act::Telephone(Telephone { law, rate: 8_000, bits, band: false });
                let after = run(&act, &item);
                let (x, y) = (&item.clip.channels()[0], &after.clip.channels()[0]);
                let lost: f64 = x.iter().zip(y).map(|(a, b)| f64::from(a - b).powi(2)).sum();
                10.0 * (4000.0 / lost).log10()
            };
            assert!((36.0..40.0).contains(&ratio(8)), "{}", ratio(8));
            assert!((22.0..29.0).contains(&ratio(6)), "{}", ratio(6));
        }
    }

    #[test]
    fn fewer_bits_are_fewer_levels() {
        let item = Item::from(clip(8_000, vec![sine(10.0, 8_000, 8_000)]));
        let mut levels: Vec<i64> = step("bit_crush = { bits = 4 }", &item).clip.channels()[0]
            .iter()
            .map(|s| (f64::from(*s) * 1e6).round() as i64)
            .collect();
        levels.sort_unstable();
        levels.dedup();
        assert_eq!(levels.len(), 17);
    }

    #[test]
    fn there_and_back_keeps_the_length_and_loses_what_is_above() {
        let mut item = Item::from(clip(16_000, vec![sine(1000.0, 16_000, 9_999)]));
        item.spans = vec![Span::new(0.1, 0.5, "a")];
        let after = step("resample = { rate = 4000 }", &item);
        assert_eq!((after.clip.len(), after.clip.rate()), (9_999, 16_000));
        assert!((tone(&after.clip.channels()[0][1000..9000], 1000.0, 16_000) - 1.0).abs() < 1e-3);
        let high = Item::from(clip(16_000, vec![sine(3000.0, 16_000, 9_999)]));
        let after = step("resample = { rate = 4000 }", &high);
        assert!(tone(&after.clip.channels()[0][1000..9000], 3000.0, 16_000) < 1e-3);
        assert_eq!(step("resample = { rate = 48000 }", &item), item);
        let after = step("resample_to = { rate = 48000 }", &item);
        assert_eq!((after.clip.len(), after.clip.rate(), &after.spans), (29_997, 48_000, &item.spans));
    }
}
