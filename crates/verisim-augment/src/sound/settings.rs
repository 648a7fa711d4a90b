//! What every transform of sounds can do.

use verisim_data::rng::Stream;

use super::act::Act;

/// What a transform may know of the sound when it draws.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Samples a second.
    pub rate: u32,
    /// Samples of each channel.
    pub length: usize,
    /// How many channels.
    pub channels: usize,
    /// How many other items there are to mix with.
    pub partners: u64,
}

impl View {
    /// How long it is.
    pub fn seconds(&self) -> f64 {
        self.length as f64 / f64::from(self.rate)
    }
}

/// One transform: settings that chance is drawn by. What comes of it is an [`Act`] without chance.
pub trait Change {
    /// Whether the settings can be.
    fn check(&self) -> Result<(), String>;
    /// What is done to this item.
    fn draw(&self, rng: &mut Stream, view: &View) -> Result<Act, String>;
}

/// Implements [`Change`] by the limits of the settings and what is drawn.
macro_rules! change {
    ($name:ident, |$self:ident, $rng:pat_param, $view:pat_param| $act:expr) => {
        impl $crate::sound::Change for $name {
            fn check(&self) -> Result<(), String> {
                self.limits()
            }

            fn draw(
                &$self,
                $rng: &mut verisim_data::rng::Stream,
                $view: &$crate::sound::View,
            ) -> Result<$crate::sound::Act, String> {
                Ok($act)
            }
        }
    };
}
pub(super) use change;
