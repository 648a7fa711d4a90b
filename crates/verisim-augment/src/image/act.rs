//! What is done to a picture once chance has had its say.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Item;
use super::Partners;
use super::adapt::Look;
use super::filter::Kernel;
use super::labels::{Labels, Rules};
use super::mix::{self, Pasted};
use super::noise::{Noise, SaltPepper};
use super::picture::Picture;
use super::policy;
use super::resize::{Filter, Resize};
use super::settings::View;
use super::spoil::{self, Holes};
use super::tone::{self, Curve, Matrix, Pending};
use super::turn::{Turn, Window};
use super::warp::{Shape, Warp, zoom_blur};
use super::weather::Weather;
use crate::error::Result;

/// One thing to do, all of whose numbers are known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Nothing: a transform that has nothing to work with.
    Nothing,
    /// Several, in order.
    Chain(Vec<Act>),
    /// Laid on itself another way.
    Turn(Turn),
    /// A window of it.
    Window(Window),
    /// Another size.
    Resize(Resize),
    /// Moved to places between pixels.
    Warp(Warp),
    /// What each sample becomes.
    Curve(Curve),
    /// Differences from the picture's mean lightness times this.
    Contrast(f64),
    /// Sums of the colours of a pixel.
    Matrix(Matrix),
    /// The hue turned by a share of the circle.
    Hue(f64),
    /// Contrast-limited adaptive histogram equalisation.
    Clahe {
        /// Parts along each side.
        tiles: usize,
        /// How many times as frequent as the mean a level may count.
        limit: f64,
    },
    /// Every level as frequent as it can be.
    Equalise,
    /// The darkest sample black and the lightest white.
    Autocontrast,
    /// Light along the picture's own axes of colour, in deviations.
    FancyPca([f64; 3]),
    /// Sums of neighbours.
    Filter(Kernel),
    /// The median of so many pixels each way.
    Median(usize),
    /// The mean of sizes from 1 to this.
    ZoomBlur(f64),
    /// Normal noise.
    Noise(Noise),
    /// Black and white pixels.
    SaltPepper(SaltPepper),
    /// Stored as JPEG of this quality.
    Jpeg(u8),
    /// Smaller and as large again.
    Downscale {
        /// Below 1.
        factor: f64,
        /// How it is made large again.
        filter: Filter,
    },
    /// Painted over.
    Holes(Holes),
    /// Rain, fog and the like.
    Weather(Weather),
    /// The look of another picture.
    Look(Look),
    /// Another item over all of it.
    Blend {
        /// Which.
        partner: u64,
        /// The share of the item itself.
        share: f64,
    },
    /// Parts of another item, which is brought to the same size first, in the same places.
    Paste(Pasted),
    /// Four items: this one at the top left, and others.
    Mosaic {
        /// Top right, bottom left, bottom right.
        partners: [u64; 3],
        /// Where they meet, as shares of the sides.
        middle: [f64; 2],
    },
    /// The mean of several ways to change it, by weights, and of itself: AugMix. Labels stay.
    Ways {
        /// What is done one after another, for each.
        ways: Vec<Vec<Act>>,
        /// Their weights, which add up to 1.
        weights: Vec<f64>,
        /// The share of the item itself.
        own: f64,
    },
}

/// The longest side that an act may give a picture.
pub(super) const MAX_SIDE: usize = 1 << 15;

fn size(width: usize, height: usize) -> Result<(), String> {
    match (1..=MAX_SIDE).contains(&width) && (1..=MAX_SIDE).contains(&height) {
        true => Ok(()),
        false => Err(format!("a picture of {width} x {height}; sides are from 1 to {MAX_SIDE}")),
    }
}

fn finite(numbers: &[f64]) -> Result<(), String> {
    match numbers.iter().find(|x| x.is_nan() || x.abs() >= 1e9) {
        Some(x) => Err(format!("the number {x} is out of reach")),
        None => Ok(()),
    }
}

fn share_of(x: f64) -> Result<(), String> {
    match (0.0..=1.0).contains(&x) {
        true => Ok(()),
        false => Err(format!("a share of {x}; it is from 0 to 1")),
    }
}

impl Act {
    /// Whether it can be done to any picture. What was drawn by a transform can; a line of JSON may say anything.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Act::Nothing | Act::Turn(_) | Act::Equalise | Act::Autocontrast | Act::SaltPepper(_) => Ok(()),
            Act::Curve(curve) => match curve {
                Curve::Line { gain, offset } => finite(&[*gain, *offset]),
                Curve::Gamma(v) | Curve::Solarise(v) => finite(&[*v]),
                Curve::Gains(v) => finite(v),
                Curve::Invert | Curve::Posterise(_) => Ok(()),
            },
            Act::Contrast(v) | Act::Hue(v) => finite(&[*v]),
            Act::Matrix(m) => finite(m.as_flattened()),
            Act::Clahe { limit, tiles } if (1..=64).contains(tiles) => finite(&[*limit]),
            Act::Clahe { tiles, .. } => Err(format!("{tiles} parts; there are from 1 to 64")),
            Act::FancyPca(v) => finite(v),
            Act::Filter(kernel) => match kernel.reach() {
                r if (0.0..=300.0).contains(&r) => Ok(()),
                r => Err(format!("a sum over {r} pixels; it may reach 300")),
            },
            Act::Median(reach) if *reach <= 10 => Ok(()),
            Act::Median(reach) => Err(format!("a median over {reach} pixels; it may reach 10")),
            Act::ZoomBlur(factor) if (1.0..=3.0).contains(factor) => Ok(()),
            Act::ZoomBlur(factor) => Err(format!("a zoom of {factor}; it is from 1 to 3")),
            Act::Noise(n) => finite(&[n.sd, n.shot, n.gain]),
            Act::Jpeg(quality) if (1..=100).contains(quality) => Ok(()),
            Act::Jpeg(quality) => Err(format!("a quality of {quality}; it is from 1 to 100")),
            Act::Downscale { factor, .. } if *factor > 0.0 && *factor <= 1.0 => Ok(()),
            Act::Downscale { factor, .. } => Err(format!("a factor of {factor}; it is above 0, up to 1")),
            Act::Holes(holes) => holes.fill.check(),
            Act::Weather(weather) => weather.check(),
            Act::Look(look) => look.check(),
            Act::Blend { share, .. } => share_of(*share),
            Act::Paste(_) => Ok(()),
            Act::Mosaic { middle, .. } => middle.iter().try_for_each(|m| share_of(*m)),
            Act::Ways { ways, weights, own } => {
                share_of(*own)?;
                weights.iter().try_for_each(|w| share_of(*w))?;
                if ways.len() != weights.len() {
                    return Err(format!("{} ways and {} weights", ways.len(), weights.len()));
                }
                ways.iter().flatten().try_for_each(Act::check)
            }
            Act::Chain(acts) => acts.iter().try_for_each(Act::check),
            Act::Window(w) => {
                size(w.width, w.height)?;
                finite(&[w.left as f64, w.top as f64])?;
                w.fill.check()
            }
            Act::Resize(r) => size(r.width, r.height),
            Act::Warp(w) => {
                size(w.width, w.height)?;
                w.fill.check()?;
                match &w.shape {
                    Shape::Affine(m) => finite(m),
                    Shape::Perspective(m) => finite(m),
                    Shape::Elastic { cells, shift, .. } if (1..=64).contains(cells) => finite(&[*shift]),
                    Shape::Elastic { cells, .. } => Err(format!("{cells} cells; there are from 1 to 64")),
                    Shape::Grid { x, y } if x.len() >= 2 && y.len() >= 2 => finite(x).and(finite(y)),
                    Shape::Grid { .. } => Err("a grid of fewer than 2 lines".to_owned()),
                    Shape::Optical { k } => finite(&[*k]),
                }
            }
        }
    }
}

/// An item that is worked on. Its picture is copied when something is done in place, not before. Curves wait for one another until
/// something else comes.
pub(super) struct Work<'a> {
    picture: Cow<'a, Picture>,
    labels: Labels,
    pending: Option<Pending>,
}

impl<'a> Work<'a> {
    pub(super) fn new(picture: &'a Picture, labels: Labels) -> Work<'a> {
        Work { picture: Cow::Borrowed(picture), labels, pending: None }
    }

    pub(super) fn view(&self, partners: u64) -> View<'_> {
        View { width: self.picture.width(), height: self.picture.height(), labels: &self.labels, partners }
    }

    pub(super) fn run(&mut self, act: &Act, partners: &(impl Partners + ?Sized)) -> Result<()> {
        match act {
            Act::Nothing => return Ok(()),
            Act::Chain(acts) => return self.chain(acts, partners),
            Act::Curve(curve) => {
                self.pending = Some(Pending::after(self.pending.take(), curve, &self.picture));
                return Ok(());
            }
            _ => self.settle(),
        }
        // What makes another picture reads the old one, which need not be ours.
        let (old, labels) = (&*self.picture, &mut self.labels);
        let made = match act {
            Act::Turn(Turn::Stay) => return Ok(()),
            Act::Turn(turn) => turn.moved(old, labels),
            Act::Window(window) => window.moved(old, labels),
            Act::Warp(warp) => warp.moved(old, labels),
            Act::Filter(kernel) => kernel.of(old),
            Act::Jpeg(quality) => super::jpeg::jpeg(old, *quality),
            Act::Matrix(matrix) => tone::mixed(old, matrix),
            Act::Equalise => tone::equalise(old),
            Act::Autocontrast => tone::autocontrast(old),
            Act::Median(reach) => super::median::median(old, *reach),
            Act::Resize(resize) => match resize.moved(old, labels) {
                Some(made) => made,
                None => return Ok(()),
            },
            Act::Contrast(factor) => {
                self.pending = Some(Pending::after(None, &tone::contrast(old, *factor), old));
                return Ok(());
            }
            _ => return self.change(act, partners),
        };
        self.picture = Cow::Owned(made);
        Ok(())
    }

    /// Does several, in order. A part that is brought to another size is not cut out first; what comes of it is the same.
    fn chain(&mut self, acts: &[Act], partners: &(impl Partners + ?Sized)) -> Result<()> {
        if let [Act::Window(window), Act::Resize(resize)] = acts {
            self.settle();
            if let Some(made) = resize.cut(window, &self.picture, &mut self.labels) {
                self.picture = Cow::Owned(made);
                return Ok(());
            }
        }
        acts.iter().try_for_each(|act| self.run(act, partners))
    }

    /// Does what is done in place.
    fn change(&mut self, act: &Act, partners: &(impl Partners + ?Sized)) -> Result<()> {
        let picture = self.picture.to_mut();
        match act {
            Act::Hue(turn) => tone::hue(picture, *turn),
            Act::Clahe { tiles, limit } => super::clahe::clahe(picture, *tiles, *limit),
            Act::FancyPca(weights) => tone::fancy_pca(picture, *weights),
            Act::ZoomBlur(factor) => zoom_blur(picture, *factor),
            Act::Noise(noise) => noise.apply(picture),
            Act::SaltPepper(noise) => noise.apply(picture),
            Act::Downscale { factor, filter } => spoil::downscale(picture, *factor, *filter),
            Act::Holes(holes) => holes.apply(picture, &mut self.labels),
            Act::Weather(weather) => weather.apply(picture),
            Act::Look(look) => look.apply(picture, partners)?,
            _ => return self.mix(act, partners),
        }
        Ok(())
    }

    /// Does what needs other items, or works on an item whole.
    fn mix(&mut self, act: &Act, partners: &(impl Partners + ?Sized)) -> Result<()> {
        let picture = std::mem::replace(&mut self.picture, Cow::Owned(Picture::nothing())).into_owned();
        let mut whole = Item { picture, labels: std::mem::take(&mut self.labels) };
        let item = &mut whole;
        match act {
            Act::Blend { partner, share } => mix::blend(item, partners.get(*partner)?, *share)?,
            Act::Paste(pasted) => mix::paste(item, partners.get(pasted.partner)?, pasted)?,
            Act::Mosaic { partners: who, middle } => {
                let [a, b, c] = who.map(|i| partners.get(i));
                mix::mosaic(item, [a?, b?, c?], *middle)?;
            }
            Act::Ways { ways, weights, own } => policy::mean_of_ways(item, ways, weights, *own, partners)?,
            // All others are done where the picture is.
            _ => {}
        }
        (self.picture, self.labels) = (Cow::Owned(whole.picture), whole.labels);
        Ok(())
    }

    /// Applies the curves that wait.
    fn settle(&mut self) {
        if let Some(pending) = self.pending.take() {
            self.picture = Cow::Owned(pending.of(&self.picture));
        }
    }

    pub(super) fn finish(mut self, rules: &Rules) -> Item {
        self.settle();
        rules.apply(&mut self.labels);
        Item { picture: self.picture.into_owned(), labels: self.labels }
    }

    /// The picture as it is now.
    pub(super) fn into_picture(mut self) -> Picture {
        self.settle();
        self.picture.into_owned()
    }
}
