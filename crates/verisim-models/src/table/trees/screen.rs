//! Which columns a tree may split on: all before its own or, in a wide table, those that tell most about it.

use rayon::prelude::*;
use verisim_data::table::codec::{Encoded, Span};

use super::grow::x_ln_x;
use crate::table::profile::target_classes;

/// Most columns that a tree of a wide table may split on.
pub const MOST: usize = 32;
/// Classes of a column, for a first look.
const CLASSES: usize = 4;
/// Rows of a first look, spread evenly.
const ROWS: usize = 256;

/// A first look at every column.
pub struct Screen {
    /// Class of each row, a column each. Empty where all columns are seen.
    views: Vec<Vec<u8>>,
}

impl Screen {
    /// All is seen in a table of at most `narrow` columns.
    pub fn new(spans: &[Span], data: &Encoded, narrow: usize) -> Screen {
        if spans.len() <= narrow {
            return Screen { views: Vec::new() };
        }
        let rows = ROWS.min(data.rows);
        let view = |(span, tokens): (&Span, &Vec<u32>)| {
            let (class_of, _) = target_classes(tokens.iter().copied(), *span, CLASSES);
            (0..rows).map(|i| class_of[tokens[i * data.rows / rows] as usize]).collect()
        };
        Screen { views: spans.par_iter().zip(&data.tokens).map(view).collect() }
    }

    /// Positions in `order`, rising, of the columns that the tree at `position` may split on.
    pub fn seen(&self, order: &[usize], position: usize) -> Vec<u32> {
        let mut all: Vec<u32> = (0..position as u32).collect();
        if self.views.is_empty() || position <= MOST {
            return all;
        }
        let target = &self.views[order[position]];
        let told: Vec<f64> = order[..position].iter().map(|&f| told(&self.views[f], target)).collect();
        all.sort_by(|&a, &b| told[b as usize].total_cmp(&told[a as usize]).then(a.cmp(&b)));
        all.truncate(MOST);
        all.sort_unstable();
        all
    }
}

/// What one view tells about another: their mutual information over all rows, less what independent columns show by chance.
fn told(a: &[u8], b: &[u8]) -> f64 {
    let mut joint = [0u32; CLASSES * CLASSES];
    for (&x, &y) in a.iter().zip(b) {
        joint[usize::from(x) * CLASSES + usize::from(y)] += 1;
    }
    let (mut of_a, mut of_b) = ([0u32; CLASSES], [0u32; CLASSES]);
    let mut sum = x_ln_x(a.len() as u32);
    for (cell, &count) in joint.iter().enumerate() {
        of_a[cell / CLASSES] += count;
        of_b[cell % CLASSES] += count;
        sum += x_ln_x(count);
    }
    let side = |counts: [u32; CLASSES]| {
        let freedom = counts.iter().filter(|&&c| c > 0).count().saturating_sub(1);
        (counts.into_iter().map(x_ln_x).sum::<f64>(), freedom as f64)
    };
    let ((in_a, free_a), (in_b, free_b)) = (side(of_a), side(of_b));
    sum - in_a - in_b - free_a * free_b / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::profile::WIDE;

    #[test]
    fn what_tells_most_is_seen() {
        let span = Span { tokens: 4, scalar: false, ordered: false };
        let spans = vec![span; WIDE + 88];
        let noise = |i: usize, j: usize| ((i * 7919 + j * 104_729 + i * i * (j + 3)) % 97 % 4) as u32;
        let mut tokens: Vec<Vec<u32>> = (0..spans.len()).map(|j| (0..40).map(|i| noise(i, j)).collect()).collect();
        tokens[7] = tokens[599].iter().map(|t| 3 - t).collect();
        let data = Encoded { rows: 40, tokens, scalars: vec![vec![]; spans.len()] };
        let order: Vec<usize> = (0..spans.len()).collect();
        let seen = Screen::new(&spans, &data, WIDE).seen(&order, 599);
        assert!(seen.len() == MOST && seen.contains(&7) && seen.is_sorted());
        assert_eq!(Screen::new(&spans[..600 - 88], &data, WIDE).seen(&order, 300).len(), 300);
    }
}
