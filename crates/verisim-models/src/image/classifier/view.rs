//! How images come to a network: averaged down to a size that it is fast at, filled up, turned.

use burn::tensor::{Device, Tensor, TensorData};
use verisim_data::image::{Images, Shape};

use crate::error::{Error, Result};

/// Longest side that is seen; larger images are averaged down to it.
const MOST_PIXELS: usize = 64;
/// Longest side that is convolved: beyond it, 2 x 2 pixels count as one of more channels, which keeps what they show and takes a
/// quarter of the time.
const MOST_CONVOLVED: usize = 32;

/// What a network sees of an image: squares of `shrink` x `shrink` pixels averaged, and zeros added below and to the right.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// Of the images as they are.
    pub shape: Shape,
    /// Pixels a side that are averaged to one.
    pub shrink: usize,
    /// Rows of pixels that the network sees, a whole number of patches.
    pub height: usize,
    /// Columns that it sees.
    pub width: usize,
    /// Pixels a side that the network takes for one.
    pub patch: usize,
}

impl View {
    /// A view of images of `shape` whose sides are at most [`MOST_PIXELS`] and can be halved twice.
    pub fn fitted(shape: Shape) -> View {
        let shrink = shape.height.max(shape.width).div_ceil(MOST_PIXELS);
        let (height, width) = (shape.height.div_ceil(shrink), shape.width.div_ceil(shrink));
        let patch = if height.max(width) > MOST_CONVOLVED { 2 } else { 1 };
        let whole = |side: usize| side.next_multiple_of(4 * patch);
        View { shape, shrink, height: whole(height), width: whole(width), patch }
    }

    /// A view of images as they are.
    pub fn whole(shape: Shape) -> View {
        View { shape, shrink: 1, height: shape.height, width: shape.width, patch: 1 }
    }

    /// Refuses images of another shape than those that this is a view of.
    pub fn check(&self, shape: Shape) -> Result<()> {
        if shape == self.shape {
            return Ok(());
        }
        let said = |s: Shape| format!("{} x {} x {}", s.height, s.width, s.channels);
        let problem = format!(
            "the classifier learnt images of {} (height, width, channels), these are of {}; bring all to one shape",
            said(self.shape),
            said(shape)
        );
        Err(Error::Unfit { problem })
    }

    /// Numbers that a network gets of one image.
    pub fn len(&self) -> usize {
        self.height * self.width * self.shape.channels
    }

    /// What a network gets of the images at `index`, numbers between -1 and 1; image `i` is turned `turns[i]` times, not at all
    /// where there is no such number.
    pub fn pixels(&self, images: &Images, index: &[usize], turns: &[u32]) -> Result<Vec<f32>> {
        let mut bytes = Vec::new();
        images.gather(index, &mut bytes)?;
        let mut out = Vec::with_capacity(index.len() * self.len());
        for (i, image) in bytes.chunks_exact(self.shape.len()).enumerate() {
            match turns.get(i) {
                Some(&turn) if turn > 0 => self.put(&turned(image, self.shape, turn), &mut out),
                _ => self.put(image, &mut out),
            }
        }
        Ok(out)
    }

    /// Appends what a network gets of one image.
    fn put(&self, image: &[u8], out: &mut Vec<f32>) {
        let Shape { height, width, channels } = self.shape;
        // Squares at the lower and right edge may be cut off, those beyond are empty.
        let span = |at: usize, most: usize| (at * self.shrink).min(most)..((at + 1) * self.shrink).min(most);
        for y in 0..self.height {
            for x in 0..self.width {
                let (rows, columns) = (span(y, height), span(x, width));
                let count = (rows.len() * columns.len()) as f32;
                for c in 0..channels {
                    let row = |r: usize| columns.clone().map(move |x| f32::from(image[(r * width + x) * channels + c]));
                    let sum: f32 = rows.clone().flat_map(row).sum();
                    out.push(if count > 0.0 { sum / count / 127.5 - 1.0 } else { 0.0 });
                }
            }
        }
    }

    /// Numbers from [`pixels`](View::pixels) as images `[B, H, W, C]`.
    pub fn tensor(&self, pixels: &[f32], device: &Device) -> Tensor<4> {
        let shape = [pixels.len() / self.len(), self.height, self.width, self.shape.channels];
        Tensor::from_data(TensorData::new(pixels.to_vec(), shape), device)
    }
}

/// A square image turned by `turn` quarters, below 4; one that is not square mirrored up and down (2), left and right (1) or both (3).
fn turned(image: &[u8], shape: Shape, turn: u32) -> Vec<u8> {
    let Shape { height, width, channels } = shape;
    let (bottom, right) = (height - 1, width - 1);
    let mut out = Vec::with_capacity(image.len());
    for y in 0..height {
        for x in 0..width {
            let (row, column) = match (height == width, turn) {
                (true, 1) => (x, right - y),
                (true, 3) => (bottom - x, y),
                (_, 0) => (y, x),
                (false, 1) => (y, right - x),
                (false, 2) => (bottom - y, x),
                _ => (bottom - y, right - x),
            };
            out.extend_from_slice(&image[(row * width + column) * channels..][..channels]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_turns_are_four_images_and_four_quarters_none() {
        let shape = Shape { height: 2, width: 2, channels: 1 };
        assert_eq!(turned(&[1, 2, 3, 4], shape, 0), [1, 2, 3, 4]);
        let quarter = turned(&[1, 2, 3, 4], shape, 1);
        let half = turned(&quarter, shape, 1);
        assert_eq!(
            (&half, turned(&half, shape, 1)),
            (&turned(&[1, 2, 3, 4], shape, 2), turned(&[1, 2, 3, 4], shape, 3))
        );
        assert_eq!((half, turned(&quarter, shape, 3)), (vec![4, 3, 2, 1], vec![1, 2, 3, 4]));
        assert_eq!(quarter, [2, 4, 1, 3]);
        let wide = Shape { height: 1, width: 2, channels: 3 };
        assert_eq!(turned(&[1, 2, 3, 4, 5, 6], wide, 1), [4, 5, 6, 1, 2, 3]);
        assert_eq!(turned(&[1, 2, 3, 4, 5, 6], wide, 2), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn large_images_are_averaged_and_edges_filled() {
        let shape = Shape { height: 100, width: 130, channels: 1 };
        let view = View::fitted(shape);
        assert_eq!((view.shrink, view.height, view.width, view.patch), (3, 40, 48, 2));
        let image: Vec<u8> = (0..shape.len()).map(|i| if i % 130 == 129 { 255 } else { 0 }).collect();
        let mut out = Vec::new();
        view.put(&image, &mut out);
        assert_eq!(out.len(), view.len());
        // The last square of a row has one column of pixels, all white; beyond it there is nothing.
        assert_eq!((out[42], out[43], out[44], out[39 * 48]), (-1.0, 1.0, 0.0, 0.0));
        let small = View::fitted(Shape { height: 28, width: 3, channels: 3 });
        assert_eq!((small.shrink, small.height, small.width, small.patch), (1, 28, 4, 1));
    }
}
