//! What every transform can do.

use verisim_data::rng::Stream;

use super::act::Act;
use super::edge::Edge;
use super::labels::Labels;
use crate::settings::Limited;
pub(super) use crate::settings::settings;

/// What a transform may know of the item when it draws.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// Of the picture as it is when the step comes.
    pub width: usize,
    /// Of the picture as it is when the step comes.
    pub height: usize,
    /// Labels as they are then.
    pub labels: &'a Labels,
    /// How many other items there are to mix with.
    pub partners: u64,
}

/// One transform: settings that chance is drawn by. What comes of it is an [`Act`] without chance.
pub trait Change {
    /// Whether the settings can be.
    fn check(&self) -> Result<(), String>;
    /// What is done to this item.
    fn draw(&self, rng: &mut Stream, view: &View) -> Act;
}

impl Limited for Edge {
    fn limit(&self, _: &str, _: f64, _: f64) -> Result<(), String> {
        self.check()
    }
}
