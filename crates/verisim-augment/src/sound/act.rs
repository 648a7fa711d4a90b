//! What is done to a sound once chance has had its say.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Partners;
use super::clip::{Clip, Item, RATES};
use super::codec::{self, Telephone};
use super::filter::Filter;
use super::level::{self, Compression, Curve, Measure};
use super::mix::{self, Balance};
use super::room::Shoebox;
use super::settings::View;
use super::{mask, noise, stretch, time};
use crate::error::Result;

/// One thing to do, all of whose numbers are known. Times are in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Nothing: a transform that has nothing to work with.
    Nothing,
    /// Louder.
    Gain {
        /// By so many decibels.
        db: f64,
    },
    /// As loud as said.
    Normalize {
        /// What is measured.
        to: Measure,
        /// What it becomes.
        db: f64,
    },
    /// Noise over it.
    Noise {
        /// How far below, in decibels.
        snr: f64,
        /// The power of the frequency that its power a hertz is in proportion to.
        exponent: f64,
        /// Of the stream.
        seed: u64,
    },
    /// A file behind it.
    Background {
        /// Which.
        file: PathBuf,
        /// Where it starts, as a share of its length.
        from: f64,
        /// How far below, in decibels.
        snr: f64,
    },
    /// Another item over it.
    Mix {
        /// Which.
        partner: u64,
        /// Where it starts, as a share of what its length and this one's differ by.
        from: f64,
        /// How loud.
        by: Balance,
    },
    /// So many times as fast at the same pitch.
    Stretch {
        /// How many.
        rate: f64,
    },
    /// Higher at the same pace.
    Pitch {
        /// By so many.
        semitones: f64,
    },
    /// So many times as fast and as high.
    Speed {
        /// How many.
        factor: f64,
    },
    /// Later.
    Shift {
        /// By so many.
        seconds: f64,
        /// What comes where there is room.
        fill: time::Fill,
    },
    /// What is from a sample on; outside there is silence.
    Window {
        /// Which sample.
        from: i64,
        /// How many.
        length: u64,
    },
    /// Echoes of a room.
    Reverb(Shoebox),
    /// Frequencies louder and quieter.
    Filter(Filter),
    /// The peak lowered by cutting off what is above.
    ClipBy {
        /// By so many decibels.
        db: f64,
    },
    /// The loudest samples cut off.
    ClipShare {
        /// How many of all.
        share: f64,
    },
    /// Bent by a hyperbolic tangent.
    Distort {
        /// How far it is driven, in decibels.
        db: f64,
    },
    /// What is loud made less so.
    Compress(Compression),
    /// Through a telephone.
    Telephone(Telephone),
    /// Rounded to fewer bits.
    Crush {
        /// How many are left.
        bits: u32,
    },
    /// At another rate.
    Resample {
        /// In Hz.
        rate: u32,
        /// Whether it comes back.
        back: bool,
    },
    /// Stretches of time left out.
    TimeMask(Vec<[f64; 2]>),
    /// Bands of frequencies left out, in Hz.
    FrequencyMask(Vec<[f64; 2]>),
    /// Blocks of silence.
    Silence(Vec<[f64; 2]>),
    /// The end first.
    Reverse,
    /// Each sample times -1.
    Polarity,
    /// Channels in another order.
    Channels(Vec<usize>),
    /// One channel, the mean of all.
    Mono,
    /// From silence and to it.
    Fade {
        /// How long it rises.
        rise: f64,
        /// How long it falls.
        fall: f64,
        /// How it goes.
        curve: Curve,
    },
}

/// The most samples of a channel that an act may make.
const MOST: u64 = 1 << 32;

fn within(what: &str, x: f64, low: f64, high: f64) -> Result<(), String> {
    match (low..=high).contains(&x) {
        true => Ok(()),
        false => Err(format!("{what} of {x}; it is from {low} to {high}")),
    }
}

fn stretches(of: &[[f64; 2]]) -> Result<(), String> {
    match of.iter().find(|[a, b]| !(a.is_finite() && b.is_finite() && a <= b)) {
        Some([a, b]) => Err(format!("a stretch from {a} to {b}")),
        None => Ok(()),
    }
}

impl Act {
    /// Whether it can be done to any sound. What was drawn by a transform can; a line of JSON may say anything.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Act::Nothing | Act::Reverse | Act::Polarity | Act::Channels(_) | Act::Mono => Ok(()),
            Act::Gain { db } | Act::Normalize { db, .. } => within("a level", *db, -200.0, 200.0),
            Act::Noise { snr, exponent, .. } => {
                within("a ratio", *snr, -200.0, 200.0).and(within("an exponent", *exponent, -8.0, 8.0))
            }
            Act::Background { from, snr, .. } => {
                within("a place", *from, 0.0, 1.0).and(within("a ratio", *snr, -200.0, 200.0))
            }
            Act::Mix { from, by, .. } => within("a place", *from, 0.0, 1.0).and(match by {
                Balance::Weight(weight) => within("a share", *weight, 0.0, 1.0),
                Balance::Snr(snr) => within("a ratio", *snr, -200.0, 200.0),
            }),
            Act::Stretch { rate: x } | Act::Speed { factor: x } => within("a pace", *x, 0.05, 20.0),
            Act::Pitch { semitones } => within("a number of semitones", *semitones, -48.0, 48.0),
            Act::Shift { seconds, .. } => within("a number of seconds", *seconds, -1e6, 1e6),
            Act::Window { from, length } => within("a number of samples", *length as f64, 0.0, MOST as f64)
                .and(within("a sample", *from as f64, -(MOST as f64), MOST as f64)),
            Act::Reverb(room) => room.check(),
            Act::Filter(filter) => filter.check(),
            Act::ClipBy { db } | Act::Distort { db } => within("a number of decibels", *db, 0.0, 200.0),
            Act::ClipShare { share } => within("a share", *share, 0.0, 1.0),
            Act::Compress(compression) => compression.check(),
            Act::Telephone(telephone) => telephone.check(),
            Act::Crush { bits } => within("a number of bits", f64::from(*bits), 1.0, 32.0),
            Act::Resample { rate, .. } => {
                within("a rate", f64::from(*rate), f64::from(*RATES.start()), f64::from(*RATES.end()))
            }
            Act::TimeMask(of) | Act::FrequencyMask(of) | Act::Silence(of) => stretches(of),
            Act::Fade { rise, fall, .. } => {
                within("a number of seconds", *rise, 0.0, 1e6).and(within("a number of seconds", *fall, 0.0, 1e6))
            }
        }
    }
}

/// An item that is worked on.
pub(super) struct Work {
    item: Item,
}

impl Work {
    pub(super) fn new(item: Item) -> Work {
        Work { item }
    }

    pub(super) fn view(&self, partners: u64) -> View {
        let clip = &self.item.clip;
        View { rate: clip.rate(), length: clip.len(), channels: clip.channels().len(), partners }
    }

    pub(super) fn run(&mut self, act: &Act, partners: &(impl Partners + ?Sized)) -> Result<()> {
        let item = &mut self.item;
        let clip: &mut Clip = &mut item.clip;
        match act {
            Act::Nothing => return Ok(()),
            Act::Gain { db } => level::gain(clip, *db),
            Act::Normalize { to, db } => level::normalise(clip, *to, *db),
            Act::Noise { snr, exponent, seed } => noise::add(clip, *snr, *exponent, *seed),
            Act::Background { file, from, snr } => mix::background(clip, file, *from, *snr)?,
            Act::Mix { partner, from, by } => mix::mix(item, partners.get(*partner)?, *from, *by),
            Act::Stretch { rate } => stretch::stretch(item, *rate),
            Act::Pitch { semitones } => stretch::pitch(item, *semitones),
            Act::Speed { factor } => stretch::speed(item, *factor),
            Act::Shift { seconds, fill } => time::shift(item, *seconds, *fill),
            Act::Window { from, length } => time::window(item, *from, *length as usize),
            Act::Reverb(room) => room.apply(clip),
            Act::Filter(filter) => filter.apply(clip),
            Act::ClipBy { db } => level::clip_by(clip, *db),
            Act::ClipShare { share } => level::clip_share(clip, *share),
            Act::Distort { db } => level::distort(clip, *db),
            Act::Compress(compression) => compression.apply(clip),
            Act::Telephone(telephone) => telephone.apply(item),
            Act::Crush { bits } => codec::crush(clip, *bits),
            Act::Resample { rate, back } => codec::resample(item, *rate, *back),
            Act::TimeMask(of) => mask::time(clip, of),
            Act::FrequencyMask(of) => mask::frequency(clip, of),
            Act::Silence(of) => time::silence(item, of),
            Act::Reverse => time::reverse(item),
            Act::Polarity => clip.each(|s| -s),
            Act::Channels(order) => time::channels(item, order),
            Act::Mono => clip.make_mono(),
            Act::Fade { rise, fall, curve } => level::fade(clip, *rise, *fall, *curve),
        }
        // Levels have limits, but many steps may add up to what no number holds.
        self.item.clip.finite()
    }

    pub(super) fn finish(self) -> Item {
        self.item
    }
}
