//! Documents side by side in rows of one length, for a network that sees so many tokens at a time.

use verisim_data::rng::{below, permutation, stream, uniform};

use super::vocabulary::{CELL, END, START, TEXT, Vocabulary};

/// One document as tokens.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// Its cells, one a column.
    pub cells: Vec<Option<Vec<u32>>>,
    /// What it says, with the tokens of whose turn it is.
    pub body: Vec<u32>,
}

/// Rows of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Packed {
    /// What the network sees.
    pub tokens: Vec<u32>,
    /// What comes next.
    pub targets: Vec<u32>,
    /// How much it counts: 0 where it is known beforehand, or where there is nothing.
    pub weights: Vec<f32>,
    /// Where the document of each token begins in its row.
    pub first: Vec<u32>,
}

impl Packed {
    /// Tokens that count.
    pub fn count(&self) -> f32 {
        self.weights.iter().sum()
    }

    /// The rows at `range`, of `length` tokens each.
    pub fn part(&self, range: &std::ops::Range<usize>, length: usize) -> Packed {
        let range = range.start * length..range.end * length;
        Packed {
            tokens: self.tokens[range.clone()].to_vec(),
            targets: self.targets[range.clone()].to_vec(),
            weights: self.weights[range.clone()].to_vec(),
            first: self.first[range].to_vec(),
        }
    }

    /// The rows of several, one below the other.
    pub fn together(parts: &[Packed]) -> Packed {
        let mut all = Packed::default();
        for part in parts {
            all.tokens.extend(&part.tokens);
            all.targets.extend(&part.targets);
            all.weights.extend(&part.weights);
            all.first.extend(&part.first);
        }
        all
    }
}

/// A document as the network sees it: its tokens with their begin and end, and how much each counts as one to come.
pub fn sequence(document: &Document, vocabulary: &Vocabulary, is_told: &dyn Fn(usize) -> bool) -> (Vec<u32>, Vec<f32>) {
    let mut tokens = vec![START];
    let mut weights = vec![0.0];
    for (j, cell) in document.cells.iter().enumerate() {
        let Some(cell) = cell.as_ref().filter(|_| is_told(j)) else { continue };
        tokens.push(vocabulary.column(j));
        weights.push(0.0);
        tokens.extend(cell);
        tokens.push(CELL);
        weights.extend(std::iter::repeat_n(1.0, cell.len() + 1));
    }
    if vocabulary.columns > 0 {
        tokens.push(TEXT);
        weights.push(0.0);
    }
    tokens.extend(&document.body);
    tokens.push(END);
    weights.extend(std::iter::repeat_n(1.0, document.body.len() + 1));
    (tokens, weights)
}

/// Part of a document in a row.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    document: usize,
    from: usize,
    len: usize,
}

/// Documents for training or validation.
pub struct Rows<'a> {
    /// All documents.
    pub documents: &'a [Document],
    /// Which of them.
    pub index: &'a [usize],
    /// Their tokens.
    pub vocabulary: &'a Vocabulary,
    /// Tokens of a row.
    pub length: usize,
    /// Share of the cells that are not told.
    pub untold: f64,
    /// Seed of the job.
    pub seed: u64,
}

/// Rows of one pass over the documents: which pieces are in each.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Which pass.
    pub epoch: u64,
    rows: Vec<Vec<Piece>>,
}

impl Plan {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl Rows<'_> {
    /// How the documents lie in rows in pass `epoch`: in another order each time, each row as full as what is next allows.
    pub fn plan(&self, epoch: u64) -> Plan {
        let mut rng = stream(self.seed, "pack", epoch);
        let order = permutation(&mut rng, self.index.len());
        let mut filling = Filling { length: self.length, rows: Vec::new(), open: Vec::new() };
        for document in order.into_iter().map(|i| self.index[i]) {
            let all = self.sequence(document, epoch).0.len().saturating_sub(1);
            // A long one is cut in another place each time.
            let shift = if all > self.length { below(&mut rng, self.length as u64) as usize } else { 0 };
            let mut from = 0;
            while from < all {
                let len = if from == 0 && shift > 0 { shift } else { self.length }.min(all - from);
                filling.add(Piece { document, from, len });
                from += len;
            }
        }
        let mut rows = filling.finish();
        // Rows are filled in order, so those that come last are emptier.
        let order = permutation(&mut rng, rows.len());
        Plan { epoch, rows: order.into_iter().map(|i| std::mem::take(&mut rows[i])).collect() }
    }

    fn sequence(&self, document: usize, epoch: u64) -> (Vec<u32>, Vec<f32>) {
        let mut rng = stream(self.seed ^ (epoch << 32), "told", document as u64);
        let mut is_told = || self.untold <= 0.0 || uniform(&mut rng) >= self.untold;
        let told: Vec<bool> = (0..self.vocabulary.columns).map(|_| is_told()).collect();
        sequence(&self.documents[document], self.vocabulary, &|j| told.get(j).copied().unwrap_or(true))
    }

    /// Rows `at` of a plan.
    pub fn rows(&self, plan: &Plan, at: impl Iterator<Item = usize>) -> Packed {
        let mut packed = Packed::default();
        for row in at {
            let begin = packed.tokens.len();
            for piece in plan.rows.get(row).into_iter().flatten() {
                let (tokens, weights) = self.sequence(piece.document, plan.epoch);
                let (from, to) = (piece.from, piece.from + piece.len);
                let first = (packed.tokens.len() - begin) as u32;
                packed.tokens.extend(&tokens[from..to]);
                packed.targets.extend(&tokens[from + 1..=to]);
                packed.weights.extend(&weights[from + 1..=to]);
                packed.first.extend(std::iter::repeat_n(first, piece.len));
            }
            self.fill(&mut packed, begin);
        }
        packed
    }

    /// Fills a row up with tokens that see only themselves and do not count.
    fn fill(&self, packed: &mut Packed, begin: usize) {
        for at in packed.tokens.len() - begin..self.length {
            packed.tokens.push(END);
            packed.targets.push(END);
            packed.weights.push(0.0);
            packed.first.push(at as u32);
        }
    }

    /// Windows of one long text: `count` of them at random, from the stream of `step`.
    pub fn windows(&self, text: &Joined, count: usize, step: u64) -> Packed {
        let mut rng = stream(self.seed, "window", step);
        let mut packed = Packed::default();
        for _ in 0..count {
            let mut at = below(&mut rng, text.places(self.length).max(1) as u64) as usize;
            let begin = packed.tokens.len();
            for run in &text.runs {
                let places = run.len().saturating_sub(self.length).max(1);
                if at < places {
                    self.window(&mut packed, run, at);
                    break;
                }
                at -= places;
            }
            self.fill(&mut packed, begin);
        }
        packed
    }

    /// Windows of a long text side by side, all of them.
    pub fn all_windows(&self, text: &Joined) -> Vec<Packed> {
        let mut all = Vec::new();
        for run in &text.runs {
            for at in (0..run.len().saturating_sub(1)).step_by(self.length) {
                let mut packed = Packed::default();
                self.window(&mut packed, run, at);
                self.fill(&mut packed, 0);
                all.push(packed);
            }
        }
        all
    }

    fn window(&self, packed: &mut Packed, run: &[u32], at: usize) {
        let len = self.length.min(run.len().saturating_sub(at + 1));
        packed.tokens.extend(&run[at..at + len]);
        packed.targets.extend(&run[at + 1..at + len + 1]);
        packed.weights.extend(std::iter::repeat_n(1.0, len));
        packed.first.extend(std::iter::repeat_n(0, len));
    }
}

/// Rows that are being filled.
struct Filling {
    length: usize,
    rows: Vec<Vec<Piece>>,
    /// Those that have room, and how much is taken.
    open: Vec<(usize, Vec<Piece>)>,
}

impl Filling {
    fn add(&mut self, piece: Piece) {
        /// Rows that are open at a time.
        const OPEN: usize = 8;
        if let Some((used, pieces)) = self.open.iter_mut().find(|(used, _)| used + piece.len <= self.length) {
            *used += piece.len;
            pieces.push(piece);
            return;
        }
        if self.open.len() == OPEN {
            let fullest = (0..OPEN).max_by_key(|&k| self.open[k].0).unwrap_or(0);
            self.rows.push(self.open.swap_remove(fullest).1);
        }
        self.open.push((piece.len, vec![piece]));
    }

    fn finish(mut self) -> Vec<Vec<Piece>> {
        self.rows.extend(self.open.into_iter().map(|(_, pieces)| pieces));
        self.rows
    }
}

/// One long text, or what of it is learnt: runs of tokens that are not broken.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Joined {
    runs: Vec<Vec<u32>>,
}

impl Joined {
    /// The parts at `index`, those that follow each other put together.
    pub fn new(documents: &[Document], index: &[usize]) -> Joined {
        let mut index = index.to_vec();
        index.sort_unstable();
        let mut runs: Vec<Vec<u32>> = Vec::new();
        let mut before = None;
        for i in index {
            if before.is_none_or(|before| before + 1 != i) {
                runs.push(Vec::new());
            }
            runs.last_mut().into_iter().for_each(|run| run.extend(&documents[i].body));
            before = Some(i);
        }
        Joined { runs }
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.runs.iter().map(Vec::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many places there are where a window of a length can begin.
    fn places(&self, length: usize) -> usize {
        self.runs.iter().map(|run| run.len().saturating_sub(length).max(1)).sum()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::text::vocabulary::Tokens;

    fn vocabulary(columns: usize) -> Vocabulary {
        Vocabulary::learn(Tokens::Bytes, 0, [""].into_iter(), columns, 0).unwrap()
    }

    fn documents(lengths: &[usize]) -> Vec<Document> {
        let body = |(i, &n): (usize, &usize)| Document { cells: Vec::new(), body: vec![100 + i as u32; n] };
        lengths.iter().enumerate().map(body).collect()
    }

    #[test]
    fn every_token_is_a_target_once_and_sees_its_own_document() {
        let (documents, vocabulary) = (documents(&[3, 40, 1, 7, 12, 5, 0, 31]), vocabulary(0));
        let index: Vec<usize> = (0..documents.len()).collect();
        let rows =
            Rows { documents: &documents, index: &index, vocabulary: &vocabulary, length: 16, untold: 0.0, seed: 1 };
        for epoch in 0..3 {
            let plan = rows.plan(epoch);
            let packed = rows.rows(&plan, 0..plan.len());
            assert_eq!(packed.tokens.len(), plan.len() * 16);
            let is_told = |r: &usize, t: u32| packed.targets[*r] == t && packed.weights[*r] > 0.0;
            let count = |t: u32| (0..packed.targets.len()).filter(|r| is_told(r, t)).count();
            documents.iter().enumerate().for_each(|(i, d)| assert_eq!(count(100 + i as u32), d.body.len()));
            assert_eq!(count(END), documents.len());
            for r in 0..packed.tokens.len() {
                let from = r / 16 * 16 + packed.first[r] as usize;
                assert!(from <= r);
                let of = |k: usize| (packed.tokens[k] >= 100).then_some(packed.tokens[k]);
                assert!((from..=r).all(|k| of(k).is_none() || of(r).is_none() || of(k) == of(r)));
            }
        }
        // Ninety-nine tokens and eight begins in rows of sixteen, without much that is empty.
        assert!(rows.plan(0).len() <= 8);
    }

    #[test]
    fn cells_stand_before_the_text_and_some_are_not_told() {
        let vocabulary = vocabulary(2);
        let document = Document { cells: vec![Some(vec![50]), None], body: vec![60, 61] };
        let (tokens, weights) = sequence(&document, &vocabulary, &|_| true);
        assert_eq!(tokens, [START, 4, 50, CELL, TEXT, 60, 61, END]);
        assert_eq!(weights, [0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0]);
        assert_eq!(sequence(&document, &vocabulary, &|_| false).0, [START, TEXT, 60, 61, END]);
    }

    #[test]
    fn windows_of_a_long_text_stay_within_what_is_learnt() {
        let (documents, vocabulary) = (documents(&[20, 20, 20, 20]), vocabulary(0));
        let text = Joined::new(&documents, &[3, 0, 1]);
        assert_eq!(text.runs.iter().map(Vec::len).collect::<Vec<_>>(), [40, 20]);
        let rows =
            Rows { documents: &documents, index: &[], vocabulary: &vocabulary, length: 16, untold: 0.0, seed: 1 };
        let packed = rows.windows(&text, 200, 0);
        for r in 0..packed.tokens.len() {
            assert!(packed.weights[r] == 1.0 && packed.targets[r] >= packed.tokens[r] && packed.tokens[r] != 102);
        }
        assert!([100, 101, 103].iter().all(|t| packed.tokens.contains(t)));
        let all = rows.all_windows(&text);
        assert_eq!(all.iter().map(Packed::count).sum::<f32>(), 39.0 + 19.0);
    }
}
