//! Sounds in memory: one list of samples a channel, and what of a file's form is kept when one is written.

use serde::{Deserialize, Serialize};

use super::labels::{self, Span};
use crate::error::{Error, Result};

/// How a file holds its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// Whole numbers of 8 bits.
    Eight,
    /// Of 16 bits.
    Sixteen,
    /// Of 24 bits.
    TwentyFour,
    /// Of 32 bits. Of each sample in memory the first 24 significant bits are kept.
    ThirtyTwo,
    /// Numbers with a point, of 32 bits.
    Float,
}

impl Depth {
    /// Bits of a sample in a file.
    pub fn bits(self) -> u16 {
        match self {
            Depth::Eight => 8,
            Depth::Sixteen => 16,
            Depth::TwentyFour => 24,
            Depth::ThirtyTwo | Depth::Float => 32,
        }
    }

    /// The least one of whole numbers that holds so many bits.
    pub(super) fn of_bits(bits: u32) -> Depth {
        match bits {
            0..=8 => Depth::Eight,
            9..=16 => Depth::Sixteen,
            17..=24 => Depth::TwentyFour,
            _ => Depth::ThirtyTwo,
        }
    }
}

/// Rates that a clip may have, in Hz.
pub(super) const RATES: std::ops::RangeInclusive<u32> = 100..=1_000_000;

/// A sound of at least one channel. Full scale is from -1 to 1; steps may go beyond, a file of whole numbers cannot. A clip may have no
/// samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    rate: u32,
    depth: Depth,
    pub(super) channels: Vec<Vec<f32>>,
}

impl Clip {
    /// A sound of `rate` samples a second, one list of samples a channel.
    ///
    /// # Errors
    /// When there is no channel, channels differ in length, a sample is not finite or the rate is not from 100 Hz to 1 MHz.
    pub fn new(rate: u32, depth: Depth, channels: Vec<Vec<f32>>) -> Result<Clip> {
        if !RATES.contains(&rate) {
            let [least, most] = [RATES.start(), RATES.end()];
            return Err(Error::Item(format!("a sound of {rate} samples a second; there are from {least} to {most}")));
        }
        let Some(first) = channels.first() else {
            return Err(Error::Item("a sound without channels; give it one list of samples a channel".to_owned()));
        };
        if let Some(other) = channels.iter().find(|c| c.len() != first.len()) {
            return Err(Error::Item(format!(
                "channels of {} and {} samples; all must be as long",
                first.len(),
                other.len()
            )));
        }
        let clip = Clip { rate, depth, channels };
        clip.finite().map(|()| clip)
    }

    /// Whether all samples are numbers.
    pub(super) fn finite(&self) -> Result<()> {
        for (c, channel) in self.channels.iter().enumerate() {
            if let Some(i) = channel.iter().position(|s| !s.is_finite()) {
                return Err(Error::Item(format!(
                    "sample {i} of channel {} is {}; sounds are of finite numbers",
                    c + 1,
                    channel[i]
                )));
            }
        }
        Ok(())
    }

    /// Samples a second.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// How samples are held when it is written.
    pub fn depth(&self) -> Depth {
        self.depth
    }

    /// The same sound, held another way when it is written.
    pub fn with_depth(mut self, depth: Depth) -> Clip {
        self.depth = depth;
        self
    }

    /// The samples of each channel.
    pub fn channels(&self) -> &[Vec<f32>] {
        &self.channels
    }

    /// Samples of each channel.
    pub fn len(&self) -> usize {
        self.channels.first().map_or(0, Vec::len)
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How long it is, in seconds.
    pub fn seconds(&self) -> f64 {
        self.len() as f64 / f64::from(self.rate)
    }

    /// The nearest number of samples to so many seconds.
    pub(super) fn samples_of(&self, seconds: f64) -> i64 {
        (seconds * f64::from(self.rate)).round() as i64
    }

    /// Replaces each channel.
    pub(super) fn map(&mut self, mut f: impl FnMut(&[f32]) -> Vec<f32>) {
        self.channels.iter_mut().for_each(|c| *c = f(c));
    }

    /// Replaces each sample.
    pub(super) fn each(&mut self, mut f: impl FnMut(f32) -> f32) {
        self.channels.iter_mut().flatten().for_each(|s| *s = f(*s));
    }

    pub(super) fn set_rate(&mut self, rate: u32) {
        self.rate = rate;
    }

    /// The same sound with so many channels: of one channel all are copies, one channel is the mean of all, and in every other case
    /// channels are taken round and round.
    pub(super) fn with_channels(mut self, n: usize) -> Clip {
        if n == 1 {
            self.make_mono();
        } else if n != self.channels.len() {
            self.channels = (0..n.max(1)).map(|c| self.channels[c % self.channels.len()].clone()).collect();
        }
        self
    }

    /// Makes all channels one, their mean.
    pub(super) fn make_mono(&mut self) {
        if self.channels.len() > 1 {
            self.channels = vec![self.mean()];
        }
    }

    /// The mean of all channels.
    fn mean(&self) -> Vec<f32> {
        let n = self.channels.len() as f64;
        let sum = |i| self.channels.iter().map(|c| f64::from(c[i])).sum::<f64>();
        (0..self.len()).map(|i| (sum(i) / n) as f32).collect()
    }
}

/// A sound and what is said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The sound.
    pub clip: Clip,
    /// What is heard when.
    pub spans: Vec<Span>,
    /// Classes of the whole and the share of each.
    pub classes: Vec<(u32, f64)>,
}

impl Item {
    /// Whether spans are spans of time, of this sound.
    ///
    /// # Errors
    /// When a span has no or negative times, ends before it starts, or starts after the sound has ended.
    pub fn check(&self) -> Result<()> {
        labels::check(&self.spans, self.clip.seconds())
    }
}

impl From<Clip> for Item {
    fn from(clip: Clip) -> Item {
        Item { clip, spans: Vec::new(), classes: Vec::new() }
    }
}
