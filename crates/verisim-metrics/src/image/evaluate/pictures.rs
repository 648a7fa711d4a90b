//! Pictures of several images: what was made, what was learnt, and the closest pairs.

use verisim_data::image::{Images, Shape, grid, magnified, png_bytes, rows_of};
use verisim_data::number::grouped;

use super::sets::{Set, Sets};
use crate::Result;
use crate::image::{Closest, Copying, Picture};

/// Rows of a picture of images.
const MOST_ROWS: usize = 32;

/// Pixels of a picture, and its shape.
type Drawn = (Vec<u8>, Shape);

/// A PNG of the closest pairs.
pub(super) fn pairs(sets: &Sets, closest: &[Closest]) -> Result<Vec<u8>> {
    let (pixels, shape) = draw_pairs(&sets.synthetic.images, &sets.real.images, closest)?;
    let software = format!("verisim {}", env!("CARGO_PKG_VERSION"));
    let what = "synthetic images, each to the left of the closest training image";
    let says = [("Software".into(), software), ("Comment".into(), what.into())];
    Ok(png_bytes(&pixels, shape, &says)?)
}

/// The pictures of a page; `pairs` is the PNG of the closest pairs.
pub(super) fn of_page(sets: &Sets, copying: &Copying, pairs: Vec<u8>) -> Result<Vec<Picture>> {
    let shape = sets.real.images.shape();
    // Larger images are fewer a row, so that the page stays of a size to send.
    let wide = (1024 / shape.height.max(shape.width)).clamp(4, 16);
    let classes = shown_classes(&sets.real);
    let sheet = |title: &str, set: &Set| -> Result<Picture> {
        let (pixels, whole) = rows_of(&set.images, &rows(set, &classes, wide), wide)?;
        let caption = match (set.labelled, classes.len() < set.images.classes().len()) {
            (true, false) => "Drawn at random, a row for each class; white where there are no more.".to_owned(),
            (true, true) => {
                format!("Drawn at random, a row for each of {} classes; white where there are no more.", classes.len())
            }
            (false, _) => "Drawn at random.".to_owned(),
        };
        Ok(Picture { title: title.to_owned(), caption, png: png_bytes(&pixels, whole, &[])? })
    };
    let caption = format!(
        "Each synthetic image has its nearest training image, by pixels, to the right of it: first the eight closest pairs, \
         then those that are closest beside the second nearest training image. {} synthetic images, drawn at random, were \
         held against {} training images.",
        grouped(copying.synthetic.checked as u64),
        grouped(copying.searched as u64)
    );
    let closest = Picture { title: "Closest pairs".to_owned(), caption, png: pairs };
    Ok(vec![sheet("Synthetic images", &sets.synthetic)?, sheet("Training images", &sets.real)?, closest])
}

/// The first classes of which there are images.
fn shown_classes(set: &Set) -> Vec<u32> {
    let mut there = vec![false; set.images.classes().len()];
    set.images.labels().iter().for_each(|&l| there[l as usize] = true);
    (0..there.len()).filter(|&k| there[k]).take(MOST_ROWS).map(|k| k as u32).collect()
}

/// Images for the rows of a picture, `wide` or fewer a row: of each of the classes or, where there are none, of all.
fn rows(set: &Set, classes: &[u32], wide: usize) -> Vec<Vec<usize>> {
    if !set.labelled {
        return set.first(8 * wide).chunks(wide).map(<[usize]>::to_vec).collect();
    }
    let labels = set.images.labels();
    let of = |class: &u32| set.order.iter().copied().filter(|&i| labels[i] == *class).take(wide).collect();
    classes.iter().map(of).collect()
}

/// Each synthetic image with its training image to the right of it, four pairs a row.
fn draw_pairs(synthetic: &Images, train: &Images, closest: &[Closest]) -> Result<Drawn> {
    let (mut pixels, mut whole) = (Vec::new(), train.shape());
    let (mut two, mut right) = (Vec::new(), Vec::new());
    for pair in closest {
        synthetic.gather(&[pair.synthetic], &mut two)?;
        train.gather(&[pair.train], &mut right)?;
        two.append(&mut right);
        let (pair, shape) = grid(&two, train.shape(), 2, 2, magnified(train.shape()));
        pixels.extend(pair);
        whole = shape;
    }
    // Wide lines between pairs and narrow ones within them show what belongs together.
    Ok(grid(&pixels, whole, 4, 16, 1))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Single pixels with these labels, in three classes.
    fn set(labels: &[u32], classes: &[&str]) -> Set {
        let shape = Shape { height: 1, width: 1, channels: 1 };
        let names: Vec<String> = classes.iter().map(|&c| c.to_owned()).collect();
        let pixels = vec![0; labels.len()];
        let labels = if names.is_empty() { Vec::new() } else { labels.to_vec() };
        let images = Images::from_pixels(shape, names, labels, pixels).unwrap();
        Set::new(images, !classes.is_empty(), 1, 0)
    }

    #[test]
    fn a_picture_has_a_row_for_each_class_that_is_there() {
        let set = set(&[2, 0, 2, 2, 0, 2], &["a", "none of it", "b"]);
        let classes = shown_classes(&set);
        assert_eq!(classes, [0, 2]);
        let mut rows = rows(&set, &classes, 3);
        rows.iter_mut().for_each(|row| row.sort_unstable());
        assert_eq!(rows[0], [1, 4]);
        assert!(rows[1].len() == 3 && rows[1].iter().all(|i| [0, 2, 3, 5].contains(i)));
    }

    #[test]
    fn a_picture_without_classes_shows_every_image_once() {
        let set = set(&[0; 7], &[]);
        let rows = rows(&set, &[], 3);
        assert_eq!(rows.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
        let mut all = rows.concat();
        all.sort_unstable();
        assert_eq!(all, (0..7).collect::<Vec<_>>());
    }

    /// Images of 64 x 32 pixels, each of one brightness.
    fn even(brightness: &[u8]) -> Images {
        let shape = Shape { height: 64, width: 32, channels: 1 };
        let pixels = brightness.iter().flat_map(|&b| vec![b; shape.len()]).collect();
        Images::from_pixels(shape, Vec::new(), Vec::new(), pixels).unwrap()
    }

    #[test]
    fn a_pair_is_a_synthetic_image_and_its_training_image() {
        let closest = |synthetic, train| Closest { synthetic, train, distance: 0.0, second: 0.0 };
        let (pixels, shape) = draw_pairs(&even(&[1, 2]), &even(&[3, 4]), &[closest(1, 0), closest(0, 1)]).unwrap();
        assert_eq!((shape.height, shape.width), (64, 2 * 66 + 16));
        assert_eq!([0, 34, 66 + 16, 66 + 16 + 34].map(|x| pixels[x]), [2, 3, 1, 4]);
    }
}
