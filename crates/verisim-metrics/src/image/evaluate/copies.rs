//! Looks for copies of the real images, within the time that all pairs of pixels would take.

use verisim_data::number::grouped;
use verisim_data::{Event, Watch};

use super::sets::{Set, Sets};
use crate::Result;
use crate::image::{Closest, Copying, Holdout, MOST_CHECKED, Nearest, copying};

/// Bytes of the images that look for copies: 2,000 images of 256 x 256 pixels in colour are fewer.
const MOST_BYTES: usize = 1 << 29;
/// Bytes of the images that they are shown at a time.
const SHOWN_BYTES: usize = 1 << 26;
/// Bytes that are compared with bytes, some minutes at most: 2,000 images and as many held out look at all of 1,400,000 of
/// 28 x 28 grey pixels, of 89,000 of 64 x 64 in colour, of 5,500 of 256 x 256.
const MOST_COMPARED: u64 = 1 << 42;

/// What the nearest images say about copying; its pairs count images in the sets as they were read.
pub(super) fn find(sets: &Sets, watch: &mut dyn Watch) -> Result<Copying> {
    let each = sets.real.images.shape().len();
    let looking = |set: &Set| -> usize { set.len().min(MOST_CHECKED).min((MOST_BYTES / each).max(1)) };
    let made = sets.synthetic.first(looking(&sets.synthetic));
    let held = sets.holdout.as_ref().map(|held| (held, held.first(looking(held))));
    let looks = made.len() + held.map_or(0, |(_, held)| held.len());
    let most = MOST_COMPARED / (looks as u64 * each as u64);
    let mut learnt = sets.real.first(usize::try_from(most).unwrap_or(usize::MAX).max(1)).to_vec();
    // What is on disk is read in order; which images are the first ones was drawn at random.
    let compared = sets.holdout.as_ref().map_or(0, Set::len).min(learnt.len());
    learnt[..compared].sort_unstable();
    learnt[compared..].sort_unstable();
    let (first, rest) = learnt.split_at(compared);
    watch.on(Event::Note(format!("looking for copies of {} real images", grouped(learnt.len() as u64))));

    let pixels = sets.synthetic.pixels(made)?;
    let mut synthetic = Nearest::new(&pixels, each, "synthetic")?;
    let mut found = match held {
        None => {
            show(&sets.real, rest, &mut [&mut synthetic])?;
            copying(&synthetic, sets.real.len(), None)
        }
        Some((set, looking)) => {
            let held = set.pixels(looking)?;
            let mut holdout = Nearest::new(&held, each, "hold-out")?;
            let mut among_holdout = synthetic.clone();
            show(set, set.first(first.len()), &mut [&mut among_holdout])?;
            show(&sets.real, first, &mut [&mut synthetic, &mut holdout])?;
            let among_train = synthetic.clone();
            show(&sets.real, rest, &mut [&mut synthetic, &mut holdout])?;
            let unseen = Holdout { holdout: &holdout, among_train: &among_train, among_holdout: &among_holdout };
            copying(&synthetic, sets.real.len(), Some(unseen))
        }
    };
    for Closest { synthetic, train, .. } in &mut found.closest {
        (*synthetic, *train) = (made[*synthetic], learnt[*train]);
    }
    Ok(found)
}

/// Shows each of `to` the images of `set` at `index`, a part at a time.
fn show(set: &Set, index: &[usize], to: &mut [&mut Nearest]) -> Result<()> {
    for part in index.chunks((SHOWN_BYTES / set.images.shape().len()).max(1)) {
        let pixels = set.pixels(part)?;
        to.iter_mut().try_for_each(|nearest| nearest.show(&pixels))?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use verisim_data::Quiet;
    use verisim_data::image::{Images, Shape};

    use super::*;

    #[test]
    fn a_copy_is_found_where_it_lies_in_its_set() {
        let shape = Shape { height: 1, width: 1, channels: 1 };
        let of = |pixels: Vec<u8>, which| {
            Set::new(Images::from_pixels(shape, Vec::new(), Vec::new(), pixels).unwrap(), false, 3, which)
        };
        let real = of((0..40).map(|i| 5 * i).collect(), 0);
        let synthetic = of((0..20).map(|i| 203 - 5 * i).collect::<Vec<u8>>().into_iter().chain([55]).collect(), 1);
        let found = find(&Sets { real, synthetic, holdout: None, unreadable: 0 }, &mut Quiet).unwrap();
        assert_eq!(found.closest[0], Closest { synthetic: 20, train: 11, distance: 0.0, second: 5.0 });
    }
}
