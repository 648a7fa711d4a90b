//! Pictures of several images of a set.

use super::{Images, Shape, grid};
use crate::error::Result;

/// The images of each of `rows` in a row of `wide`, white where there are fewer.
///
/// # Errors
/// When the images cannot be read.
pub fn rows_of(images: &Images, rows: &[Vec<usize>], wide: usize) -> Result<(Vec<u8>, Shape)> {
    let shape = images.shape();
    let (mut pixels, mut row) = (Vec::new(), Vec::new());
    for index in rows {
        images.gather(index, &mut row)?;
        row.resize(wide * shape.len(), 255);
        pixels.append(&mut row);
    }
    Ok(grid(&pixels, shape, wide, 2, magnified(shape)))
}

/// How many pixels a side each pixel is drawn with, so that small images can be seen.
pub fn magnified(shape: Shape) -> usize {
    (64 / shape.height.max(shape.width)).max(1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Images of 64 x 32 pixels, each of one brightness.
    fn even(brightness: &[u8]) -> Images {
        let shape = Shape { height: 64, width: 32, channels: 1 };
        let pixels = brightness.iter().flat_map(|&b| vec![b; shape.len()]).collect();
        Images::from_pixels(shape, Vec::new(), Vec::new(), pixels).unwrap()
    }

    #[test]
    fn rows_that_are_short_end_white() {
        let (pixels, shape) = rows_of(&even(&[1, 2, 3]), &[vec![2, 0], vec![], vec![1]], 2).unwrap();
        assert_eq!((shape.height, shape.width), (3 * 64 + 2 * 2, 2 * 32 + 2));
        let at = |row: usize, column: usize| pixels[row * 66 * shape.width + column * 34];
        assert_eq!([at(0, 0), at(0, 1), at(1, 0), at(2, 0), at(2, 1)], [3, 1, 255, 2, 255]);
    }
}
