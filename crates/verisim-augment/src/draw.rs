//! Where chance comes from: a stream of its own for each (seed, item, pass, step).

use verisim_data::rng::{Stream, mix, stream};

/// What names one decision: the seed of the pipeline, the item, the pass over the data, and the step. Nothing else has a say, so
/// the order in which items are worked on, and by whom, is free.
///
/// Complaints about augmentation that changes with the number of workers are as old as augmentation libraries; here there is no
/// state to share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    seed: u64,
    key: u64,
}

impl Draw {
    /// The draw of `step` for `item` in `pass`.
    pub fn new(seed: u64, item: u64, pass: u64, step: u64) -> Draw {
        Draw { seed, key: mix(mix(mix(item) ^ pass) ^ step) }
    }

    /// The draw of the step at `place` within this one.
    pub fn within(self, place: u64) -> Draw {
        Draw { seed: self.seed, key: mix(mix(self.key) ^ place) }
    }

    /// Its stream, from the beginning.
    pub fn stream(self) -> Stream {
        stream(self.seed, "augment", self.key)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use verisim_data::rng::uniform;

    use super::*;

    #[test]
    fn each_part_matters_and_nothing_else() {
        let first = |seed, item, pass, step| uniform(&mut Draw::new(seed, item, pass, step).stream());
        let base = first(1, 2, 3, 4);
        assert_eq!(base, first(1, 2, 3, 4));
        for other in [first(2, 2, 3, 4), first(1, 3, 3, 4), first(1, 2, 4, 4), first(1, 2, 3, 5), first(1, 3, 2, 4)] {
            assert_ne!(base, other);
        }
        let outer = Draw::new(1, 2, 3, 4);
        assert_ne!(outer.within(0), outer.within(1));
        assert_ne!(outer.within(0), outer);
    }

    #[test]
    fn draws_of_neighbours_are_uniform_and_unrelated() {
        let u: Vec<f64> = (0..4000).map(|i| uniform(&mut Draw::new(7, i, 0, 0).stream())).collect();
        let mean = u.iter().sum::<f64>() / 4000.0;
        let lag = u.windows(2).map(|w| (w[0] - 0.5) * (w[1] - 0.5)).sum::<f64>() / 3999.0 * 12.0;
        assert!((mean - 0.5).abs() < 0.02 && lag.abs() < 0.06, "{mean} {lag}");
    }
}
