//! How the model of one column sees the columns that are drawn before it: some of them, in bins.

use verisim_data::table::codec::{Encoded, Span};

use crate::error::{Error, Result};
use crate::table::profile::split_bins;
use crate::weights::Weights;

/// Columns that are drawn before another, as its model sees them.
#[derive(Clone, Debug)]
pub struct View {
    /// Their positions in sampling order.
    pub seen: Vec<u32>,
    /// Bin of each token of each of them.
    pub bin_of: Vec<Vec<u8>>,
}

impl View {
    /// The columns at the positions `seen` of `order`, in at most `most` bins each; categories in the order of what they tell of the
    /// target's `class`, of which there are `classes`.
    pub fn new(
        data: &Encoded,
        spans: &[Span],
        order: &[usize],
        seen: Vec<u32>,
        (class, classes): (&[u8], usize),
        most: usize,
    ) -> View {
        let bins = |&p: &u32| {
            let column = order[p as usize];
            split_bins(&data.tokens[column], spans[column], class, classes, most)
        };
        View { bin_of: seen.iter().map(bins).collect(), seen }
    }

    /// Bins of every row of `data`, a column each.
    pub fn columns(&self, data: &Encoded, order: &[usize]) -> Vec<Vec<u8>> {
        let column =
            |(&p, bins): (&u32, &Vec<u8>)| data.tokens[order[p as usize]].iter().map(|&t| bins[t as usize]).collect();
        self.seen.iter().zip(&self.bin_of).map(column).collect()
    }

    /// How many bins each column has.
    pub fn widths(&self) -> Vec<usize> {
        self.bin_of.iter().map(|map| map.iter().copied().max().map_or(1, |m| usize::from(m) + 1)).collect()
    }

    /// Bin of the column of number `f`, given the tokens of the columns before by their position.
    pub fn bin(&self, f: usize, before: impl Fn(usize) -> u32) -> u8 {
        self.bin_of[f][before(self.seen[f] as usize) as usize]
    }

    /// The columns of these numbers alone.
    pub fn only(&self, used: &[u32]) -> View {
        let (seen, bin_of) = used.iter().map(|&f| (self.seen[f as usize], self.bin_of[f as usize].clone())).unzip();
        View { seen, bin_of }
    }

    /// Adds the arrays of the column at `position`; which columns it sees is left out where it sees all before it.
    pub fn put(&self, position: usize, weights: &mut Weights) {
        if self.seen.len() < position {
            weights.put_u32(format!("{position}.seen"), &[self.seen.len()], self.seen.clone());
        }
        let bins = self.bin_of.concat();
        weights.put_u8(format!("{position}.bins"), &[bins.len()], bins);
    }

    /// What [`put`](View::put) wrote; an error when it does not describe columns of `spans` that are drawn before.
    pub fn take(position: usize, order: &[usize], spans: &[Span], weights: &mut Weights) -> Result<View> {
        let name = format!("{position}.seen");
        let seen = match weights.has(&name) {
            true => weights.take_u32(&name)?.1,
            false => (0..position as u32).collect(),
        };
        if seen.iter().any(|&f| f as usize >= position) {
            return Err(damaged(&name, "names a column that is not drawn before"));
        }
        let name = format!("{position}.bins");
        let bins = weights.take_u8(&name)?.1;
        let mut rest = bins.as_slice();
        let mut bin_of = Vec::with_capacity(seen.len());
        for column in seen.iter().map(|&f| order[f as usize]) {
            let (map, tail) = rest
                .split_at_checked(spans[column].tokens as usize)
                .ok_or_else(|| damaged(&name, "is shorter than the tokens of its columns"))?;
            bin_of.push(map.to_vec());
            rest = tail;
        }
        Ok(View { seen, bin_of })
    }
}

/// An error that says what is wrong with the array `name`.
pub fn damaged(name: &str, problem: &str) -> Error {
    Error::Tensor { name: name.into(), problem: problem.into() }
}
