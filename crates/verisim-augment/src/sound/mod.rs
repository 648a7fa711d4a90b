//! Sounds and what is said of them.
//!
//! As for images, a step of the pipeline is a [`Transform`]: settings. For each item it draws an [`Act`]: numbers, without chance, which do
//! the work. What was drawn for an item is the list of its acts, [`Drawn`].
//!
//! Samples are `f32` of full scale 1 and may go beyond it on the way; [`Clip::write`] clips and counts what a file of whole numbers has no
//! room for. [`Span`]s, what is heard when, go where the sound goes. A silent sound has no signal-to-noise ratio and no level: steps that
//! need one leave it as it is. Nothing here follows from the machine: transforms, sines and resampling are our own or of `libm`.

mod act;
mod clip;
mod codec;
mod fft;
mod file;
mod filter;
mod labels;
mod level;
mod loudness;
mod mask;
mod mix;
mod noise;
mod resample;
mod room;
mod settings;
mod stretch;
mod time;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use act::Act;
pub use clip::{Clip, Depth, Item};
pub use codec::*;
pub use file::EXTENSIONS;
pub use filter::*;
pub use labels::Span;
pub use level::*;
pub use loudness::{loudness, peak, rms};
pub use mask::*;
pub use mix::*;
pub use noise::*;
pub use room::{Reverb, Shoebox};
pub use settings::{Change, View};
pub use stretch::*;
pub use time::*;

use crate::draw::Draw;
use crate::error::{Error, Result};
use crate::pipeline::{Operation as _, Pipeline, operations, walk};

/// Where other items come from, for transforms that mix two.
pub trait Partners: Sync {
    /// How many there are.
    fn len(&self) -> u64;
    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The one at `index`, as it was before any step.
    ///
    /// # Errors
    /// When there is no such item, or it cannot be read.
    fn get(&self, index: u64) -> Result<Item>;
}

impl Partners for [Item] {
    fn len(&self) -> u64 {
        <[Item]>::len(self) as u64
    }
    fn get(&self, index: u64) -> Result<Item> {
        match usize::try_from(index).ok().and_then(|i| <[Item]>::get(self, i)) {
            Some(item) => Ok(item.clone()),
            None => {
                Err(Error::Item(format!("there is no item {index} to mix with; there are {}", <[Item]>::len(self))))
            }
        }
    }
}

/// What was done to one item: as a line of JSON, and enough to do it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drawn {
    /// Which item.
    pub item: u64,
    /// In which pass over the data.
    pub pass: u64,
    /// What happened, in order.
    pub steps: Vec<Done>,
}

/// One step that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Done {
    /// Where it stands in the pipeline, from 1; steps within steps after a point.
    pub step: String,
    /// The transform.
    pub name: String,
    /// What it did.
    pub act: Act,
}

impl Drawn {
    /// As a line of JSON, without the end of the line.
    ///
    /// # Errors
    /// When a number in it is none, which no transform draws.
    pub fn to_line(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|e| Error::Replay { item: self.item, what: e.to_string() })
    }

    /// From a line of [`Drawn::to_line`].
    ///
    /// # Errors
    /// When the line is none, or asks for what cannot be done.
    pub fn from_line(line: &str) -> Result<Drawn> {
        let drawn: Drawn = serde_json::from_str(line).map_err(|e| Error::Syntax(format!("what was drawn: {e}")))?;
        for done in &drawn.steps {
            let wrong = |what| Error::Replay {
                item: drawn.item,
                what: format!("step {} (`{}`): {what}", done.step, done.name),
            };
            done.act.check().map_err(wrong)?;
        }
        Ok(drawn)
    }
}

/// The item at `index` of the data after the steps for sounds, in this pass over the data, and what was drawn.
///
/// # Errors
/// When spans do not fit the sound, or a step says what cannot be or finds no file.
pub fn apply(pipeline: &Pipeline, item: &Item, index: u64, pass: u64) -> Result<(Item, Drawn)> {
    apply_with(pipeline, item, index, pass, &[] as &[Item])
}

/// As [`apply`], with others to mix with. Where there are none, transforms that mix do nothing.
///
/// # Errors
/// As of [`apply`], and when another item cannot be had.
pub fn apply_with(
    pipeline: &Pipeline,
    item: &Item,
    index: u64,
    pass: u64,
    partners: &(impl Partners + ?Sized),
) -> Result<(Item, Drawn)> {
    let mut work = begin(item)?;
    let mut steps = Vec::new();
    walk(&pipeline.sound, |k| Draw::new(pipeline.seed, index, pass, k), &mut |transform: &Transform, place, rng| {
        let name = transform.name().to_owned();
        // A pipeline that was made without `check` may ask for what cannot be.
        let wrong = |what| Error::Step { step: place.to_owned(), name: name.clone(), what };
        let act = transform.settings().draw(rng, &work.view(partners.len())).map_err(wrong)?;
        act.check().map_err(wrong)?;
        work.run(&act, partners)?;
        steps.push(Done { step: place.to_owned(), name, act });
        Ok(())
    })?;
    Ok((work.finish(), Drawn { item: index, pass, steps }))
}

/// Does again what was drawn: the same item gives the same bytes, and files behind it must be the same, too.
///
/// # Errors
/// When what was drawn cannot be done, or another item or a file cannot be had.
pub fn replay(drawn: &Drawn, item: &Item, partners: &(impl Partners + ?Sized)) -> Result<Item> {
    let mut work = begin(item)?;
    for done in &drawn.steps {
        done.act.check().map_err(|what| Error::Replay { item: drawn.item, what })?;
        work.run(&done.act, partners)?;
    }
    Ok(work.finish())
}

/// An item to work on. What spans reach beyond the end is cut.
fn begin(item: &Item) -> Result<act::Work> {
    item.check()?;
    let mut item = item.clone();
    labels::cut(&mut item.spans, item.clip.seconds());
    Ok(act::Work::new(item))
}

/// All of `items`, the first of which is at `first` in the data, on all threads. `partners` is all of the data, or what of it may be
/// mixed with; it must be the same for every shard, or shards would not be parts of one whole.
///
/// # Errors
/// As of [`apply_with`], for any of them.
pub fn apply_all(
    pipeline: &Pipeline,
    items: &[Item],
    first: u64,
    pass: u64,
    partners: &(impl Partners + ?Sized),
) -> Result<Vec<(Item, Drawn)>> {
    let one = |(i, item): (usize, &Item)| apply_with(pipeline, item, first + i as u64, pass, partners);
    items.par_iter().enumerate().map(one).collect()
}

operations! {
    /// One transform of sounds with its settings.
    "Sound" Transform: Change {
        "gain" Gain,
        "normalize" Normalize,
        "noise" Noise,
        "background" Background,
        "mix" Mix,
        "pitch_shift" PitchShift,
        "time_stretch" TimeStretch,
        "speed" Speed,
        "shift" Shift,
        "crop" Crop,
        "pad_to" PadTo,
        "reverb" Reverb,
        "low_pass" LowPass,
        "high_pass" HighPass,
        "band_pass" BandPass,
        "band_stop" BandStop,
        "low_shelf" LowShelf,
        "high_shelf" HighShelf,
        "peak" Peak,
        "clipping" Clipping,
        "distortion" Distortion,
        "compressor" Compressor,
        "codec" Codec,
        "bit_crush" BitCrush,
        "resample" Resample,
        "resample_to" ResampleTo,
        "time_mask" TimeMask,
        "frequency_mask" FrequencyMask,
        "reverse" Reverse,
        "polarity" Polarity,
        "channel_swap" ChannelSwap,
        "to_mono" ToMono,
        "fade" Fade,
        "dropout" Dropout,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod testkit;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
