//! What is done to a picture once chance has had its say.

use serde::{Deserialize, Serialize};

use super::Item;
use super::Partners;
use super::labels::Rules;
use super::resize::Resize;
use super::settings::View;
use super::turn::{Turn, Window};
use super::warp::{Shape, Warp};
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
    match numbers.iter().find(|x| !(x.abs() < 1e9)) {
        Some(x) => Err(format!("the number {x} is out of reach")),
        None => Ok(()),
    }
}

impl Act {
    /// Whether it can be done to any picture. What was drawn by a transform can; a line of JSON may say anything.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Act::Nothing | Act::Turn(_) => Ok(()),
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

/// An item that is worked on.
pub(super) struct Work {
    item: Item,
}

impl Work {
    pub(super) fn new(item: Item) -> Work {
        Work { item }
    }

    pub(super) fn view(&self, partners: u64) -> View<'_> {
        View {
            width: self.item.picture.width(),
            height: self.item.picture.height(),
            labels: &self.item.labels,
            partners,
        }
    }

    pub(super) fn run(&mut self, act: &Act, partners: &(impl Partners + ?Sized)) -> Result<()> {
        let item = &mut self.item;
        match act {
            Act::Nothing => {}
            Act::Chain(acts) => acts.iter().try_for_each(|act| self.run(act, partners))?,
            Act::Turn(turn) => turn.apply(item),
            Act::Window(window) => window.apply(item),
            Act::Resize(resize) => resize.apply(item),
            Act::Warp(warp) => warp.apply(item),
        }
        Ok(())
    }

    pub(super) fn finish(mut self, rules: &Rules) -> Item {
        rules.apply(&mut self.item.labels);
        self.item
    }
}
