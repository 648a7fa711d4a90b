//! How the tokens of a column are halved again and again, until each stands alone.
//!
//! A node halves its tokens where their counts are most even (Fano's code, 1949), so that a row is asked about as many questions as its
//! column has bits of entropy: zero, in a column that is zero nine times in ten, is told by the first.

use crate::table::profile::quantile_groups;

/// A question about a column: does the value lie in the right half?
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Node {
    /// The places of its tokens are `from..to`, those of the right half `middle..to`.
    pub from: u32,
    pub middle: u32,
    pub to: u32,
    /// What follows on the left and on the right.
    pub next: [Next; 2],
}

/// What follows an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Next {
    /// Another question, the node of this number.
    Node(u32),
    /// The token.
    Token(u32),
}

/// The halves of one column.
#[derive(Clone, Debug, PartialEq)]
pub struct Halving {
    /// Tokens in the order in which they are halved.
    pub ranked: Vec<u32>,
    /// How often each of these occurs.
    pub counts: Vec<u32>,
    /// Nodes, level by level; the first is the root. None where there is but one token.
    pub nodes: Vec<Node>,
    /// The first node of each level, and the number of nodes.
    pub levels: Vec<usize>,
}

impl Halving {
    /// Halves tokens that stand in this order and occur so often.
    pub fn new(ranked: Vec<u32>, counts: Vec<u32>) -> Halving {
        let mut before = vec![0u64];
        before.extend(counts.iter().scan(0, |sum, &c| {
            *sum += u64::from(c);
            Some(*sum)
        }));
        let mut nodes: Vec<Node> = Vec::new();
        let mut levels = vec![0];
        let mut level: Vec<(u32, u32)> = vec![(0, ranked.len() as u32)];
        level.retain(|(from, to)| to - from > 1);
        while !level.is_empty() {
            let first_below = (nodes.len() + level.len()) as u32;
            let mut below = Vec::new();
            for (from, to) in level {
                let middle = even(&before, from, to);
                let next = [(from, middle), (middle, to)].map(|(from, to)| {
                    if to - from == 1 {
                        return Next::Token(ranked[from as usize]);
                    }
                    below.push((from, to));
                    Next::Node(first_below + below.len() as u32 - 1)
                });
                nodes.push(Node { from, middle, to, next });
            }
            levels.push(nodes.len());
            level = below;
        }
        Halving { ranked, counts, nodes, levels }
    }

    /// Number of levels.
    pub fn depth(&self) -> usize {
        self.levels.len() - 1
    }

    /// The nodes of a level.
    pub fn level(&self, level: usize) -> std::ops::Range<usize> {
        self.levels[level]..self.levels[level + 1]
    }

    /// The place of each token.
    pub fn places(&self) -> Vec<u32> {
        let mut places = vec![0; self.ranked.len()];
        self.ranked.iter().enumerate().for_each(|(place, &token)| places[token as usize] = place as u32);
        places
    }

    /// For each node the log-odds of its right half where tokens occur so often, in the order of their places; `prior` rows are
    /// added to each half.
    pub fn odds(&self, counts: &[u32], prior: f64) -> Vec<f32> {
        let sum = |from: u32, to: u32| counts[from as usize..to as usize].iter().map(|&c| f64::from(c)).sum::<f64>();
        let odds = |n: &Node| ((sum(n.middle, n.to) + prior) / (sum(n.from, n.middle) + prior)).ln();
        self.nodes
            .iter()
            .map(|n| odds(n).clamp(-MOST_ODDS, MOST_ODDS) as f32)
            .map(|o| if o.is_nan() { 0.0 } else { o })
            .collect()
    }

    /// For each node of a level its place among all, as a coarse feature of at most `most` bins.
    pub fn bins(&self, level: usize, most: usize) -> Vec<u8> {
        let rows = |n: &Node| self.counts[n.from as usize..n.to as usize].iter().sum();
        let counts: Vec<u32> = self.nodes[self.level(level)].iter().map(rows).collect();
        quantile_groups(&counts, most.min(counts.len())).0
    }

    /// Whether a node, or some token below it, is among those marked.
    pub fn alive(&self, marked: &[bool]) -> Vec<bool> {
        let some = |n: &Node| self.ranked[n.from as usize..n.to as usize].iter().any(|&t| marked[t as usize]);
        self.nodes.iter().map(some).collect()
    }
}

/// Log-odds of a half that never occurs.
const MOST_ODDS: f64 = 25.0;

/// Where `from..to` is cut into the most even halves; neither is empty.
fn even(before: &[u64], from: u32, to: u32) -> u32 {
    let (low, high) = (before[from as usize], before[to as usize]);
    let cut = before[from as usize + 1..to as usize].partition_point(|&b| 2 * b < low + high) as u32 + from + 1;
    let off = |at: u32| (2 * before[at as usize]).abs_diff(low + high);
    match cut {
        _ if cut >= to => to - 1,
        _ if cut - 1 > from && off(cut - 1) <= off(cut) => cut - 1,
        _ => cut,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heavy_token_is_told_first() {
        let halving = Halving::new(vec![3, 0, 1, 2], vec![90, 4, 4, 2]);
        assert_eq!((halving.depth(), halving.nodes.len(), halving.levels.clone()), (3, 3, vec![0, 1, 2, 3]));
        assert_eq!(halving.nodes[0].next, [Next::Token(3), Next::Node(1)]);
        assert_eq!(halving.nodes[1].next, [Next::Token(0), Next::Node(2)]);
        assert_eq!(halving.nodes[2].next, [Next::Token(1), Next::Token(2)]);
        let odds = halving.odds(&halving.counts, 0.0);
        assert!((f64::from(odds[0]) - (10.0f64 / 90.0).ln()).abs() < 1e-6);
        assert_eq!(halving.places(), [1, 2, 3, 0]);
        assert_eq!(halving.alive(&[false, true, false, false]), [true, true, true]);
        assert_eq!(halving.alive(&[true, false, false, false]), [true, true, false]);
    }

    #[test]
    fn even_counts_are_a_complete_tree() {
        let halving = Halving::new((0..256).collect(), vec![7; 256]);
        assert_eq!((halving.depth(), halving.nodes.len()), (8, 255));
        assert!(halving.nodes.iter().all(|n| n.middle - n.from == n.to - n.middle));
        assert_eq!(halving.bins(7, 64).iter().max(), Some(&63));
    }

    #[test]
    fn tokens_that_never_occur_have_places_too() {
        let halving = Halving::new((0..5).collect(), vec![0; 5]);
        assert_eq!(halving.nodes.len(), 4);
        assert!(halving.odds(&halving.counts, 0.0).iter().all(|&o| o == 0.0));
        assert_eq!(Halving::new(vec![0], vec![9]).depth(), 0);
    }
}
