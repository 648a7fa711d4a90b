//! Pictures of several images.

use anyhow::Result;
use verisim_data::image::{ImageShape, Images, grid};
use verisim_metrics::images::Closest;

/// Pixels of a picture, and its shape.
pub type Drawn = (Vec<u8>, ImageShape);

/// The images of each of `rows` in a row of `wide`, white where there are fewer.
pub fn rows(images: &Images, rows: &[Vec<usize>], wide: usize) -> Result<Drawn> {
    let shape = images.shape();
    let (mut pixels, mut row) = (Vec::new(), Vec::new());
    for index in rows {
        images.gather(index, &mut row)?;
        row.resize(wide * shape.len(), 255);
        pixels.append(&mut row);
    }
    Ok(grid(&pixels, shape, wide, 2, scale(shape)))
}

/// Each synthetic image with its training image to the right of it, four pairs a row.
pub fn pairs(synthetic: &Images, train: &Images, closest: &[Closest]) -> Result<Drawn> {
    let (mut pixels, mut whole) = (Vec::new(), train.shape());
    let (mut two, mut right) = (Vec::new(), Vec::new());
    for pair in closest {
        synthetic.gather(&[pair.synthetic], &mut two)?;
        train.gather(&[pair.train], &mut right)?;
        two.append(&mut right);
        let (pair, shape) = grid(&two, train.shape(), 2, 2, scale(train.shape()));
        pixels.extend(pair);
        whole = shape;
    }
    // Wide lines between pairs and narrow ones within them show what belongs together.
    Ok(grid(&pixels, whole, 4, 16, 1))
}

/// The text of a picture that shows `what`.
pub fn said(what: &str) -> Vec<(String, String)> {
    let software = format!("verisim {}", env!("CARGO_PKG_VERSION"));
    vec![("Software".into(), software), ("Comment".into(), what.into())]
}

/// How many pixels a side each pixel is drawn with, so that small images can be seen.
fn scale(shape: ImageShape) -> usize {
    (64 / shape.height.max(shape.width)).max(1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Images of 64 x 32 pixels, each of one brightness.
    fn even(brightness: &[u8]) -> Images {
        let shape = ImageShape { height: 64, width: 32, channels: 1 };
        let pixels = brightness.iter().flat_map(|&b| vec![b; shape.len()]).collect();
        Images::from_pixels(shape, Vec::new(), Vec::new(), pixels).unwrap()
    }

    #[test]
    fn rows_that_are_short_end_white() {
        let (pixels, shape) = rows(&even(&[1, 2, 3]), &[vec![2, 0], vec![], vec![1]], 2).unwrap();
        assert_eq!((shape.height, shape.width), (3 * 64 + 2 * 2, 2 * 32 + 2));
        let at = |row: usize, column: usize| pixels[row * 66 * shape.width + column * 34];
        assert_eq!([at(0, 0), at(0, 1), at(1, 0), at(2, 0), at(2, 1)], [3, 1, 255, 2, 255]);
    }

    #[test]
    fn a_pair_is_a_synthetic_image_and_its_training_image() {
        let closest = |synthetic, train| Closest { synthetic, train, distance: 0.0, second: 0.0 };
        let (pixels, shape) = pairs(&even(&[1, 2]), &even(&[3, 4]), &[closest(1, 0), closest(0, 1)]).unwrap();
        assert_eq!((shape.height, shape.width), (64, 2 * 66 + 16));
        assert_eq!([0, 34, 66 + 16, 66 + 16 + 34].map(|x| pixels[x]), [2, 3, 1, 4]);
    }
}
