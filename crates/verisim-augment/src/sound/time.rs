//! What is heard when: shifted, cut, padded, turned round, silenced. Channels: turned over, swapped, made one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{permutation, uniform};

use super::clip::Item;
use super::labels;
use super::settings::change;
use crate::range::Range;
use crate::settings::settings;
use crate::sound::Act;

/// What comes where a shift leaves room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// What went over the other end.
    #[default]
    Roll,
    /// Nothing.
    Silence,
}

settings! {
    /// Later or earlier.
    Shift {
        /// By so much of the length; below 0 it is earlier.
        share: Range = Range::from([-0.5, 0.5]), in -1 to 1;
        /// Instead: by so many seconds.
        seconds: Option<Range> = None, in -3600 to 3600;
        /// What comes where there is room.
        fill: Fill = Fill::Roll;
    }
}

/// Where a part is taken from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Each place is as likely.
    #[default]
    Random,
    /// At the beginning.
    Start,
    /// In the middle.
    Middle,
    /// At the end.
    End,
}

settings! {
    /// A part. A sound that is no longer stays as it is.
    Crop {
        /// How long.
        seconds: Range = Range::from(1.0), in 0 to 3600;
        /// From where.
        place: Place = Place::Random;
    }
}

settings! {
    /// Silence around, so that it is at least so long.
    PadTo {
        /// How long.
        seconds: f64 = 1.0, in 0 to 3600;
        /// Where the sound is then.
        place: Place = Place::Start;
    }
}

settings! {
    /// Blocks of silence, as where packets are lost. Spans stay.
    Dropout {
        /// How many.
        blocks: Range = Range::from([1.0, 3.0]), whole 0 to 1000;
        /// How long each is.
        seconds: Range = Range::from([0.02, 0.2]), in 0 to 3600;
    }
}

settings! {
    /// The end first.
    Reverse {}
}

settings! {
    /// Each sample times -1, which is not heard.
    Polarity {}
}

settings! {
    /// Channels in another order: two are swapped, of more each order is as likely.
    ChannelSwap {}
}

settings! {
    /// One channel, the mean of all.
    ToMono {}
}

change!(Shift, |self, rng, view| {
    let (share, seconds) = (self.share.draw(rng), self.seconds.as_ref().map(|s| s.draw(rng)));
    Act::Shift { seconds: seconds.unwrap_or(share * view.seconds()), fill: self.fill }
});

impl Place {
    /// How much of `room` is before.
    fn before(self, room: usize, share: f64) -> usize {
        match self {
            Place::Random => ((room + 1) as f64 * share) as usize,
            Place::Start => 0,
            Place::Middle => room / 2,
            Place::End => room,
        }
        .min(room)
    }
}

change!(Crop, |self, rng, view| {
    let length = (self.seconds.draw(rng) * f64::from(view.rate)).round() as usize;
    let share = uniform(rng);
    match view.length.checked_sub(length) {
        None | Some(0) => Act::Nothing,
        Some(room) => Act::Window { from: self.place.before(room, share) as i64, length: length as u64 },
    }
});

change!(PadTo, |self, rng, view| {
    let length = (self.seconds * f64::from(view.rate)).round() as usize;
    let share = uniform(rng);
    match length.checked_sub(view.length) {
        None | Some(0) => Act::Nothing,
        Some(room) => Act::Window { from: -(self.place.before(room, share) as i64), length: length as u64 },
    }
});

change!(Dropout, |self, rng, view| {
    let n = self.blocks.draw_whole(rng).clamp(0, 1000);
    let mut block = || {
        let seconds = self.seconds.draw(rng).min(view.seconds());
        let start = uniform(rng) * (view.seconds() - seconds);
        [start, start + seconds]
    };
    Act::Silence((0..n).map(|_| block()).collect())
});

change!(Reverse, |self, _, _| Act::Reverse);
change!(Polarity, |self, _, _| Act::Polarity);
change!(ToMono, |self, _, _| Act::Mono);
change!(ChannelSwap, |self, rng, view| match view.channels {
    2 => Act::Channels(vec![1, 0]),
    n => Act::Channels(permutation(rng, n)),
});

pub(super) fn shift(item: &mut Item, seconds: f64, fill: Fill) {
    let n = item.clip.len();
    let by = item.clip.samples_of(seconds);
    // Spans go as far as the samples do.
    let moved = by as f64 / f64::from(item.clip.rate());
    match fill {
        Fill::Roll if n > 0 => {
            item.clip.channels.iter_mut().for_each(|c| c.rotate_right(by.rem_euclid(n as i64) as usize));
            let whole = item.clip.seconds();
            labels::roll(&mut item.spans, moved, whole);
        }
        Fill::Roll => {}
        Fill::Silence => window(item, -by, n),
    }
}

/// What is from sample `from` on; outside of the sound there is silence.
pub(super) fn window(item: &mut Item, from: i64, length: usize) {
    let clip = &mut item.clip;
    clip.map(|c| {
        let mut part = vec![0.0; length];
        let (skip, start) = ((-from).max(0) as usize, from.max(0) as usize);
        if skip < length && start < c.len() {
            let n = (length - skip).min(c.len() - start);
            part[skip..skip + n].copy_from_slice(&c[start..start + n]);
        }
        part
    });
    labels::moved(&mut item.spans, 1.0, -(from as f64) / f64::from(clip.rate()));
    labels::cut(&mut item.spans, clip.seconds());
}

pub(super) fn silence(item: &mut Item, blocks: &[[f64; 2]]) {
    let n = item.clip.len();
    for block in blocks {
        let [start, end] = block.map(|s| item.clip.samples_of(s).clamp(0, n as i64) as usize);
        item.clip.channels.iter_mut().for_each(|c| c[start..end.max(start)].fill(0.0));
    }
}

pub(super) fn reverse(item: &mut Item) {
    item.clip.channels.iter_mut().for_each(|c| c.reverse());
    labels::reverse(&mut item.spans, item.clip.seconds());
}

/// Channels in another order; those that an order does not know are left where they are.
pub(super) fn channels(item: &mut Item, order: &[usize]) {
    let old = &item.clip.channels;
    let of = |c: usize| order.get(c).copied().filter(|o| *o < old.len()).unwrap_or(c);
    item.clip.channels = (0..old.len()).map(|c| old[of(c)].clone()).collect();
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testkit::{clip, run, step};
    use super::super::{Act, Span};
    use super::*;

    /// Ten samples a second would be too few: a hundred, from 0 on.
    fn counted(n: usize) -> Item {
        let mut item = Item::from(clip(100, vec![(0..n).map(|i| i as f32).collect()]));
        item.spans = vec![Span::new(0.1, 0.3, "a"), Span::new(0.8, 0.9, "b")];
        item
    }

    fn of(item: &Item) -> (&[f32], Vec<(f64, f64)>) {
        let round = |t: f64| (t * 1e9).round() / 1e9;
        (&item.clip.channels()[0], item.spans.iter().map(|s| (round(s.start), round(s.end))).collect())
    }

    #[test]
    fn a_roll_brings_what_went_over_the_end_to_the_beginning() {
        let after = run(&Act::Shift { seconds: 0.15, fill: Fill::Roll }, &counted(100));
        let (x, spans) = of(&after);
        assert_eq!((x[0], x[14], x[15], x[99]), (85.0, 99.0, 0.0, 84.0));
        assert_eq!(spans, [(0.25, 0.45), (0.95, 1.0), (0.0, 0.05)]);
        assert_eq!(run(&Act::Shift { seconds: -0.85, fill: Fill::Roll }, &counted(100)).clip, after.clip);
    }

    #[test]
    fn a_shift_into_silence_drops_what_falls_out() {
        let after = run(&Act::Shift { seconds: 0.15, fill: Fill::Silence }, &counted(100));
        let (x, spans) = of(&after);
        assert_eq!((x[14], x[15], x[16], x[99]), (0.0, 0.0, 1.0, 84.0));
        assert_eq!(spans, [(0.25, 0.45), (0.95, 1.0)]);
        let after = run(&Act::Shift { seconds: -0.2, fill: Fill::Silence }, &counted(100));
        let (x, spans) = of(&after);
        assert_eq!((x[0], x[79], x[80]), (20.0, 99.0, 0.0));
        assert_eq!(spans, [(0.0, 0.1), (0.6, 0.7)]);
        assert!(run(&Act::Shift { seconds: 5.0, fill: Fill::Silence }, &counted(100)).spans.is_empty());
    }

    #[test]
    fn parts_are_as_long_as_asked_and_at_their_place() {
        for (place, first) in [("start", 0.0), ("middle", 37.0), ("end", 75.0)] {
            let after = step(&format!("crop = {{ seconds = 0.25, place = \"{place}\" }}"), &counted(100));
            assert_eq!((after.clip.len(), of(&after).0[0]), (25, first));
        }
        let after = step("crop = { seconds = 0.25, place = \"start\" }", &counted(100));
        assert_eq!(of(&after).1, [(0.1, 0.25)]);
        assert_eq!(step("crop = { seconds = 2 }", &counted(100)), counted(100));
        let starts: std::collections::BTreeSet<i64> = (0..200)
            .map(|i| {
                let p = super::super::testkit::pipeline("crop = { seconds = 0.98 }");
                super::super::apply(&p, &counted(100), i, 0).unwrap().0.clip.channels()[0][0] as i64
            })
            .collect();
        assert_eq!(starts.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn padding_is_silent_and_moves_spans() {
        let after = step("pad_to = { seconds = 1.5, place = \"end\" }", &counted(100));
        let (x, spans) = of(&after);
        assert_eq!((x.len(), x[49], x[51], x[149]), (150, 0.0, 1.0, 99.0));
        assert_eq!(spans, [(0.6, 0.8), (1.3, 1.4)]);
        assert_eq!(step("pad_to = { seconds = 0.5 }", &counted(100)), counted(100));
        assert_eq!(step("pad_to = { seconds = 0.5 }", &Item::from(clip(100, vec![vec![]; 2]))).clip.len(), 50);
    }

    #[test]
    fn the_end_first_and_back() {
        let after = run(&Act::Reverse, &counted(100));
        assert_eq!(of(&after).0[0], 99.0);
        assert_eq!(of(&after).1, [(0.7, 0.9), (0.1, 0.2)]);
        assert_eq!(of(&run(&Act::Reverse, &after)), of(&counted(100)));
    }

    #[test]
    fn blocks_are_silent_and_the_rest_is_not() {
        let after = run(&Act::Silence(vec![[0.1, 0.2], [0.95, 7.0]]), &counted(100));
        let silent: Vec<usize> = (1..100).filter(|i| of(&after).0[*i] == 0.0).collect();
        assert_eq!(silent, (10..20).chain(95..100).collect::<Vec<_>>());
        let after = step("dropout = { blocks = 1, seconds = 0.3 }", &counted(100));
        let silent = of(&after).0[1..].iter().filter(|s| **s == 0.0).count();
        assert!((28..=31).contains(&silent), "{silent}");
    }

    #[test]
    fn channels_are_swapped_turned_over_and_made_one() {
        let item = Item::from(clip(100, vec![vec![1.0, 2.0], vec![3.0, 5.0]]));
        assert_eq!(step("channel_swap = {}", &item).clip.channels(), [vec![3.0, 5.0], vec![1.0, 2.0]]);
        assert_eq!(step("polarity = {}", &item).clip.channels(), [vec![-1.0, -2.0], vec![-3.0, -5.0]]);
        assert_eq!(step("to_mono = {}", &item).clip.channels(), [vec![2.0, 3.5]]);
    }
}
