//! Pictures and what is said of them.
//!
//! A step of the pipeline is a [`Transform`]: settings. For each item it draws an [`Act`]: numbers, without chance. Acts are few and do the
//! work; many transforms come to the same act. What was drawn for an item is the list of its acts, [`Drawn`].

mod act;
mod adapt;
mod bilinear;
mod blur;
mod clahe;
mod colour;
mod crop;
mod damage;
mod edge;
mod filter;
mod geometry;
mod jpeg;
mod labels;
mod median;
mod mix;
mod noise;
mod outline;
pub(crate) mod picture;
mod policy;
mod resize;
pub mod set;
mod settings;
mod spoil;
mod tone;
mod turn;
mod warp;
mod weather;
mod whole;
mod words;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use act::Act;
pub use adapt::*;
pub use colour::*;
pub use crop::*;
pub use damage::*;
pub use edge::{Edge, Mode};
pub use filter::Kernel;
pub use geometry::*;
pub use labels::{Bounds, Labels, Mark, Point, Rules, Seen};
pub use mix::*;
pub use noise::{Noise, SaltPepper};
pub use outline::Outline;
pub use picture::{Picture, Sample, Samples};
pub use policy::*;
pub use resize::{Filter, Resize};
pub use settings::{Change, View};
pub use spoil::Holes;
pub use tone::{Curve, Matrix};
pub use turn::{Turn, Window};
pub use warp::{Shape, Warp};
pub use weather::*;

use crate::draw::Draw;
use crate::error::{Error, Result};
use crate::pipeline::{Operation, Pipeline, operations, walk};

/// A picture and its labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The picture.
    pub picture: Picture,
    /// What is said of it.
    pub labels: Labels,
}

impl From<Picture> for Item {
    fn from(picture: Picture) -> Item {
        Item { picture, labels: Labels::default() }
    }
}

/// Where other items come from, for transforms that mix two or more.
pub trait Partners: Sync {
    /// How many there are.
    fn len(&self) -> u64;
    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The one at `index`, as it was before any step.
    fn get(&self, index: u64) -> Result<Item>;
}

impl Partners for [Item] {
    fn len(&self) -> u64 {
        <[Item]>::len(self) as u64
    }
    fn get(&self, index: u64) -> Result<Item> {
        match <[Item]>::get(self, index as usize) {
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
    /// What boxes are kept by.
    pub labels: Rules,
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
    pub fn to_line(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|e| Error::Replay { item: self.item, what: e.to_string() })
    }

    /// From a line of [`Drawn::to_line`].
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

/// The item at `index` of the data after the steps for images, in this pass over the data, and what was drawn.
pub fn apply(pipeline: &Pipeline, item: &Item, index: u64, pass: u64) -> Result<(Item, Drawn)> {
    apply_with(pipeline, item, index, pass, &[] as &[Item])
}

/// As [`apply`], with others to mix with. Where there are none, transforms that mix do nothing.
pub fn apply_with(
    pipeline: &Pipeline,
    item: &Item,
    index: u64,
    pass: u64,
    partners: &(impl Partners + ?Sized),
) -> Result<(Item, Drawn)> {
    item.labels.check(&item.picture)?;
    let mut work = act::Work::new(&item.picture, item.labels.clone());
    let mut steps = Vec::new();
    walk(&pipeline.image, |k| Draw::new(pipeline.seed, index, pass, k), &mut |transform: &Transform, place, rng| {
        let act = transform.settings().draw(rng, &work.view(partners.len()));
        // A pipeline that was made without `check` may ask for what cannot be.
        let wrong = |what| Error::Step { step: place.to_owned(), name: transform.name().to_owned(), what };
        act.check().map_err(wrong)?;
        work.run(&act, partners)?;
        steps.push(Done { step: place.to_owned(), name: transform.name().to_owned(), act });
        Ok(())
    })?;
    let item = work.finish(&pipeline.labels);
    Ok((item, Drawn { item: index, pass, labels: pipeline.labels.clone(), steps }))
}

/// Does again what was drawn: the same item gives the same bytes.
pub fn replay(drawn: &Drawn, item: &Item, partners: &(impl Partners + ?Sized)) -> Result<Item> {
    item.labels.check(&item.picture)?;
    let mut work = act::Work::new(&item.picture, item.labels.clone());
    for done in &drawn.steps {
        done.act.check().map_err(|what| Error::Replay { item: drawn.item, what })?;
        work.run(&done.act, partners)?;
    }
    Ok(work.finish(&drawn.labels))
}

/// All of `items`, the first of which is at `first` in the data, on all threads. `partners` is all of the data, or what of it may be
/// mixed with; it must be the same for every shard, or shards would not be parts of one whole.
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
    /// One transform of images with its settings.
    "Image" Transform: Change {
        "horizontal_flip" HorizontalFlip,
        "vertical_flip" VerticalFlip,
        "transpose" Transpose,
        "rotate_90" Rotate90,
        "d4" D4,
        "rotate" Rotate,
        "affine" Affine,
        "perspective" Perspective,
        "elastic" Elastic,
        "grid_distortion" GridDistortion,
        "optical_distortion" OpticalDistortion,
        "random_crop" RandomCrop,
        "center_crop" CenterCrop,
        "random_resized_crop" RandomResizedCrop,
        "box_crop" BoxCrop,
        "pad" Pad,
        "pad_to" PadTo,
        "resize" ResizeTo,
        "longest_side" LongestSide,
        "shortest_side" ShortestSide,
        "brightness" Brightness,
        "contrast" Contrast,
        "gamma" Gamma,
        "hue" Hue,
        "saturation" Saturation,
        "color_jitter" ColorJitter,
        "clahe" Clahe,
        "equalize" Equalize,
        "autocontrast" Autocontrast,
        "posterize" Posterize,
        "solarize" Solarize,
        "invert" Invert,
        "channel_shuffle" ChannelShuffle,
        "channel_drop" ChannelDrop,
        "grayscale" Grayscale,
        "sepia" Sepia,
        "temperature" Temperature,
        "fancy_pca" FancyPca,
        "blur" Blur,
        "box_blur" BoxBlur,
        "motion_blur" MotionBlur,
        "median_blur" MedianBlur,
        "defocus" Defocus,
        "zoom_blur" ZoomBlur,
        "sharpen" Sharpen,
        "emboss" Emboss,
        "noise" GaussNoise,
        "iso_noise" IsoNoise,
        "shot_noise" ShotNoise,
        "multiplicative_noise" MultiplicativeNoise,
        "salt_and_pepper" SaltAndPepper,
        "jpeg" Jpeg,
        "downscale" Downscale,
        "cutout" Cutout,
        "coarse_dropout" CoarseDropout,
        "grid_dropout" GridDropout,
        "rain" Rain,
        "snow" Snow,
        "fog" Fog,
        "sun_flare" SunFlare,
        "shadow" Shadow,
        "spatter" Spatter,
        "lens_dirt" LensDirt,
        "mixup" MixUp,
        "cutmix" CutMix,
        "mosaic" Mosaic,
        "copy_paste" CopyPaste,
        "histogram_match" HistogramMatch,
        "fourier_adapt" FourierAdapt,
        "rand_augment" RandAugment,
        "trivial_augment" TrivialAugment,
        "aug_mix" AugMix,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod testkit;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
