//! Which stretches of the series are compared: whole sequences where there is a key, windows of one length of long series.
//!
//! *Tiles* are windows that do not overlap, from an offset by chance and with gaps of up to a sixth of a window between them: with a fixed
//! stride of a day all would begin at the same hour, which a classifier sees. All counts and tests are of tiles. Only what a
//! network or a search of neighbours learns from may overlap, and never with the tiles that it is tested on.

use verisim_data::rng::{Stream, below, permutation, uniform};

use super::set::{Set, Span};

/// Windows of a block, and fewest.
const BLOCK: usize = 8;
const LEAST: usize = 2;

/// Some of the series.
#[derive(Clone, Debug)]
pub(crate) struct Part<'a> {
    pub set: &'a Set,
    pub spans: Vec<Span>,
}

/// Sequences, or windows: what is compared.
#[derive(Clone, Debug)]
pub(crate) struct Bag<'a> {
    pub set: &'a Set,
    pub starts: Vec<usize>,
    pub lengths: Vec<usize>,
    pub owners: Vec<usize>,
}

impl Set {
    /// The training series.
    pub fn real(&self) -> Part<'_> {
        Part::new(self, self.real.clone())
    }

    /// The synthetic series.
    pub fn synthetic(&self) -> Part<'_> {
        Part::new(self, self.synthetic.clone())
    }

    /// The series that were held out.
    pub fn holdout(&self) -> Option<Part<'_>> {
        Some(Part::new(self, self.holdout.clone()?))
    }
}

impl<'a> Part<'a> {
    pub fn new(set: &'a Set, spans: Vec<Span>) -> Part<'a> {
        Part { set, spans }
    }

    /// Number of steps.
    pub fn steps(&self) -> usize {
        self.spans.iter().map(|s| s.length).sum()
    }

    /// Windows that do not overlap, or all sequences.
    pub fn tiles(&self, rng: &mut Stream) -> Bag<'a> {
        let mut bag = Bag::empty(self.set);
        for span in &self.spans {
            let Some(window) = self.set.window else {
                bag.push(span.start, span.length, span.owner);
                continue;
            };
            if span.length < window {
                continue;
            }
            let room = span.length - window;
            let mut at = below(rng, (window.min(room + 1)) as u64) as usize;
            while at <= room {
                bag.push(span.start + at, window, span.owner);
                at += window + below(rng, (window / 6 + 1) as u64) as usize;
            }
        }
        bag
    }

    /// Windows from every step, or all sequences; without those that touch a step of `taken`.
    pub fn every(&self, taken: Option<&Bag<'_>>) -> Bag<'a> {
        let mut bag = Bag::empty(self.set);
        let before = taken.map(|taken| {
            let mut marked = vec![0_usize; self.set.rows() + 1];
            for (&start, &length) in taken.starts.iter().zip(&taken.lengths) {
                marked[start + 1..=start + length].fill(1);
            }
            (1..marked.len()).for_each(|i| marked[i] += marked[i - 1]);
            marked
        });
        let is_free = |start: usize, length: usize| before.as_ref().is_none_or(|b| b[start + length] == b[start]);
        for span in &self.spans {
            let length = self.set.window.unwrap_or(span.length);
            if span.length < length {
                continue;
            }
            for start in span.start..=span.start + span.length - length {
                if is_free(start, length) {
                    bag.push(start, length, span.owner);
                }
            }
        }
        bag
    }

    /// Blocks of long series: eight windows long, or an eighth of the series, but at least two windows.
    pub fn blocks(&self) -> Vec<Span> {
        let window = self.set.window.unwrap_or(1);
        let cut = |span: &Span| {
            let m = span.length;
            let count = (m / (BLOCK * window).min(m / BLOCK).max(LEAST * window).max(1)).max(1);
            let edge = move |i: usize| m * i / count;
            let (start, owner) = (span.start, span.owner);
            (0..count).map(move |i| Span { start: start + edge(i), length: edge(i + 1) - edge(i), owner })
        };
        self.spans.iter().flat_map(cut).collect()
    }

    /// Two parts that neither share a step nor differ by drift. Of long series every other block against those between, or, for `turn`
    /// above 0, one of each two neighbouring blocks by chance; of others two halves by chance. `None` where there are too few.
    pub fn halves(&self, turn: usize, rng: &mut Stream) -> Option<[Part<'a>; 2]> {
        let mut halves = [Vec::new(), Vec::new()];
        if self.set.window.is_some() {
            let blocks = self.blocks();
            if blocks.len() < 4 {
                return None;
            }
            for pair in blocks.chunks(2) {
                let first = usize::from(turn > 0 && uniform(rng) < 0.5);
                pair.iter().enumerate().for_each(|(k, block)| halves[(first + k) % 2].push(*block));
            }
        } else {
            let order = permutation(rng, self.spans.len());
            if order.len() < 2 {
                return None;
            }
            // The odd one out goes to neither.
            let half = order.len() / 2;
            order[..2 * half].iter().enumerate().for_each(|(k, &i)| halves[k / half].push(self.spans[i]));
        }
        Some(halves.map(|spans| Part::new(self.set, spans)))
    }

    /// Blocks by chance of about `steps` steps; of sequences, `sequences` of them.
    pub fn some(&self, steps: usize, sequences: usize, rng: &mut Stream) -> Part<'a> {
        let mut spans = Vec::new();
        if self.set.window.is_none() {
            let order = permutation(rng, self.spans.len());
            spans.extend(order.into_iter().take(sequences).map(|i| self.spans[i]));
            return Part::new(self.set, spans);
        }
        let blocks = self.blocks();
        let mut got = 0;
        for i in permutation(rng, blocks.len()) {
            if got >= steps {
                break;
            }
            let length = blocks[i].length.min(steps - got);
            spans.push(Span { length, ..blocks[i] });
            got += length;
        }
        Part::new(self.set, spans)
    }
}

impl<'a> Bag<'a> {
    pub fn empty(set: &'a Set) -> Bag<'a> {
        Bag { set, starts: Vec::new(), lengths: Vec::new(), owners: Vec::new() }
    }

    fn push(&mut self, start: usize, length: usize, owner: usize) {
        self.starts.push(start);
        self.lengths.push(length);
        self.owners.push(owner);
    }

    /// Number of sequences.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// The sequences at `index`, in that order.
    pub fn take(&self, index: &[usize]) -> Bag<'a> {
        let of = |v: &[usize]| index.iter().map(|&i| v[i]).collect();
        Bag { set: self.set, starts: of(&self.starts), lengths: of(&self.lengths), owners: of(&self.owners) }
    }

    /// At most `most` of them, by chance, in their order.
    pub fn sample(self, most: usize, rng: &mut Stream) -> Bag<'a> {
        if most >= self.len() {
            return self;
        }
        let mut index = permutation(rng, self.len());
        index.truncate(most);
        index.sort_unstable();
        self.take(&index)
    }

    /// Those that are longer than `least` steps.
    pub fn longer(&self, least: usize) -> Bag<'a> {
        let index: Vec<usize> = (0..self.len()).filter(|&i| self.lengths[i] > least).collect();
        self.take(&index)
    }

    /// The steps of each sequence.
    pub fn ranges(&self) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
        self.starts.iter().zip(&self.lengths).map(|(&start, &length)| start..start + length)
    }

    /// All steps.
    pub fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        self.ranges().flatten()
    }

    /// Number of steps in all.
    pub fn steps(&self) -> usize {
        self.lengths.iter().sum()
    }

    /// What networks see of the first `most` steps of sequence `i`, zeros after its end.
    pub fn inputs(&self, i: usize, most: usize) -> Vec<f32> {
        self.set.seen(self.starts[i], self.lengths[i], most)
    }

    /// Steps of the longest.
    pub fn longest(&self) -> usize {
        self.lengths.iter().copied().max().unwrap_or(0)
    }

    /// The number of steps of each, if it is the same.
    pub fn common_length(&self) -> Option<usize> {
        let first = *self.lengths.first()?;
        self.lengths.iter().all(|&l| l == first).then_some(first)
    }
}
