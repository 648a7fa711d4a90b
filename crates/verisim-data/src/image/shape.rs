//! Height, width and channels of images.

use serde::{Deserialize, Serialize};

/// The longest side of an image of a set.
pub(super) const MAX_SIDE: usize = 4096;

/// Height, width and channels (1 grey, 3 RGB, 4 RGBA) of every image of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Rows of pixels.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
    /// Bytes of a pixel.
    pub channels: usize,
}

// No image is empty, so there is nothing for `is_empty` to tell.
#[allow(clippy::len_without_is_empty)]
impl Shape {
    /// Bytes of one image.
    pub fn len(&self) -> usize {
        self.height.saturating_mul(self.width).saturating_mul(self.channels)
    }

    /// What is wrong with the shape, unless its sides are within 1..=4096 and its channels 1, 3 or 4.
    pub fn problem(&self) -> Option<String> {
        let Shape { height, width, channels } = *self;
        if ![height, width].iter().all(|side| (1..=MAX_SIDE).contains(side)) {
            return Some(format!("images of {height} x {width} pixels; each side must be within 1 and {MAX_SIDE}"));
        }
        (![1, 3, 4].contains(&channels))
            .then(|| format!("images of {channels} channels; there must be 1 (grey), 3 (RGB) or 4 (RGBA)"))
    }
}
