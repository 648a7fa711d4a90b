//! Boosted trees as they are drawn from: symmetric trees, a question a level, asked of many rows at once.
//!
//! All nodes of a level of such a tree ask the same question (Kohavi, 1994; Prokhorenkova et al., 2018, "CatBoost"): the answers of a row
//! are the bits of its leaf's number, and a processor finds those of sixteen rows or more at a time.

/// Rows that are asked together; their answers stay in the nearest cache.
const TOGETHER: usize = 1024;
/// Deepest tree: a leaf's number fits a byte.
pub const DEEPEST: usize = 8;

/// Does the bin of `feature` lie above `bin`?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    pub feature: u8,
    pub bin: u8,
}

/// Trees whose leaves are summed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forest {
    /// Questions of each tree.
    pub depths: Vec<u8>,
    /// Questions of all trees.
    pub questions: Vec<Question>,
    /// Leaves of all trees, in log-odds; of a tree of `d` questions there are `2^d`.
    pub leaves: Vec<f32>,
}

impl Forest {
    /// Adds a tree.
    pub fn push(&mut self, questions: &[Question], leaves: &[f32]) {
        self.depths.push(questions.len() as u8);
        self.questions.extend_from_slice(questions);
        self.leaves.extend_from_slice(leaves);
    }

    /// Keeps the first `trees` trees.
    pub fn truncate(&mut self, trees: usize) {
        self.depths.truncate(trees);
        let (questions, leaves) = (self.asked(), self.told());
        self.questions.truncate(questions);
        self.leaves.truncate(leaves);
    }

    /// How many questions trees of these depths ask.
    pub fn asked(&self) -> usize {
        self.depths.iter().map(|&d| usize::from(d)).sum()
    }

    /// How many leaves trees of these depths have.
    pub fn told(&self) -> usize {
        self.depths.iter().map(|&d| 1 << d).sum()
    }

    /// Its trees dealt out: so many to each, in their order; there must be as many.
    pub fn parted(&self, trees: &[u32]) -> Vec<Forest> {
        let (mut tree, mut question, mut leaf) = (0, 0, 0);
        let part = |&trees: &u32| {
            let depths = self.depths[tree..tree + trees as usize].to_vec();
            let mut part = Forest { depths, questions: Vec::new(), leaves: Vec::new() };
            let (asked, told) = (part.asked(), part.told());
            part.questions.extend_from_slice(&self.questions[question..question + asked]);
            part.leaves.extend_from_slice(&self.leaves[leaf..leaf + told]);
            (tree, question, leaf) = (tree + trees as usize, question + asked, leaf + told);
            part
        };
        trees.iter().map(part).collect()
    }

    /// Adds to `sums` what the trees say of rows with these `columns` of bins.
    pub fn add(&self, columns: &[&[u8]], sums: &mut [f32]) {
        self.add_from(0, columns, sums);
    }

    /// The same, of the last tree alone.
    pub fn add_last(&self, columns: &[&[u8]], sums: &mut [f32]) {
        self.add_from(self.depths.len().saturating_sub(1), columns, sums);
    }

    fn add_from(&self, first: usize, columns: &[&[u8]], sums: &mut [f32]) {
        let mut at = [0u8; TOGETHER];
        for (block, sums) in sums.chunks_mut(TOGETHER).enumerate() {
            let start = block * TOGETHER;
            let at = &mut at[..sums.len()];
            let (mut questions, mut leaves) = (self.questions.as_slice(), self.leaves.as_slice());
            for (tree, &depth) in self.depths.iter().enumerate() {
                let (own, rest) = questions.split_at(usize::from(depth));
                let (values, others) = leaves.split_at(1 << depth);
                (questions, leaves) = (rest, others);
                if tree < first {
                    continue;
                }
                at.fill(0);
                for q in own {
                    let bins = &columns[usize::from(q.feature)][start..start + at.len()];
                    for (a, &b) in at.iter_mut().zip(bins) {
                        *a = (*a << 1) | u8::from(b > q.bin);
                    }
                }
                for (sum, &a) in sums.iter_mut().zip(&*at) {
                    *sum += values[usize::from(a)];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_the_bits_of_a_leaf() {
        let mut forest = Forest::default();
        forest.push(&[Question { feature: 1, bin: 2 }, Question { feature: 0, bin: 0 }], &[1.0, 2.0, 3.0, 4.0]);
        forest.push(&[Question { feature: 0, bin: 5 }], &[0.0, 0.5]);
        let rows = 3000;
        let columns: Vec<Vec<u8>> =
            vec![(0..rows).map(|i| (i % 7) as u8).collect(), (0..rows).map(|i| (i % 5) as u8).collect()];
        let columns: Vec<&[u8]> = columns.iter().map(Vec::as_slice).collect();
        let mut sums = vec![10.0; rows];
        forest.add(&columns, &mut sums);
        let plain = |i: usize| {
            let first = 2 * usize::from(i % 5 > 2) + usize::from(!i.is_multiple_of(7));
            10.0 + [1.0, 2.0, 3.0, 4.0][first] + if i % 7 > 5 { 0.5 } else { 0.0 }
        };
        assert!((0..rows).all(|i| sums[i] == plain(i)));
        let mut last = vec![0.0; rows];
        forest.add_last(&columns, &mut last);
        assert_eq!((last[6], last[5]), (0.5, 0.0));
        forest.truncate(1);
        assert_eq!((forest.questions.len(), forest.leaves.len()), (2, 4));
    }
}
