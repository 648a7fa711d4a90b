//! Training by sampling: which token a generated row is asked for, and which real row shows it.

use burn::tensor::{Device, Tensor, TensorData};
use verisim_data::rng::{Stream, below, uniform};

use crate::table::rows::Rows;

/// Picks conditions and the rows that satisfy them.
pub struct Conditions {
    /// Rows by column and token: `rows[start[w]..start[w + 1]]` have token `w`.
    rows: Vec<u32>,
    start: Vec<u32>,
    /// First position of each column, one more at the end.
    offsets: Vec<usize>,
    /// Cumulative log-frequency within each column, one entry a position.
    log_mass: Vec<f64>,
}

impl Conditions {
    pub fn new(data: &Rows<'_>, offsets: &[usize]) -> Self {
        let columns = offsets.len() - 1;
        let mut rows = Vec::with_capacity(data.count() * columns);
        let mut start = vec![0u32];
        let mut log_mass = Vec::new();
        for c in 0..columns {
            let mut by_token: Vec<Vec<u32>> = vec![Vec::new(); offsets[c + 1] - offsets[c]];
            data.tokens(c).enumerate().for_each(|(i, t)| by_token[t as usize].push(i as u32));
            let mut mass = 0.0;
            for own in by_token {
                mass += (own.len() as f64).ln_1p();
                log_mass.push(mass);
                rows.extend(own);
                start.push(rows.len() as u32);
            }
        }
        Conditions { rows, start, offsets: offsets.to_vec(), log_mass }
    }

    /// Position of a token chosen by column, then log-frequency.
    pub fn by_log_frequency(&self, rng: &mut Stream) -> usize {
        let c = below(rng, self.offsets.len() as u64 - 1) as usize;
        let mass = &self.log_mass[self.offsets[c]..self.offsets[c + 1]];
        let u = uniform(rng) * mass[mass.len() - 1];
        self.offsets[c] + mass.partition_point(|&m| m <= u).min(mass.len() - 1)
    }

    /// A row that has the token at a position; tokens drawn by log-frequency always have one.
    pub fn row(&self, position: usize, rng: &mut Stream) -> usize {
        let own = &self.rows[self.start[position] as usize..self.start[position + 1] as usize];
        own[below(rng, own.len().max(1) as u64) as usize] as usize
    }
}

/// One-hot conditions `[B, W]`.
pub fn one_hot(positions: &[usize], width: usize, device: &Device) -> Tensor<2> {
    let mut rows = vec![0f32; positions.len() * width];
    positions.iter().enumerate().for_each(|(i, &p)| rows[i * width + p] = 1.0);
    Tensor::from_data(TensorData::new(rows, [positions.len(), width]), device)
}

/// `[B, C]` that is 1 at the conditioned column.
pub fn columns(positions: &[usize], offsets: &[usize], device: &Device) -> Tensor<2> {
    let columns = offsets.len() - 1;
    let mut rows = vec![0f32; positions.len() * columns];
    positions.iter().enumerate().for_each(|(i, &p)| rows[i * columns + offsets.partition_point(|&o| o <= p) - 1] = 1.0);
    Tensor::from_data(TensorData::new(rows, [positions.len(), columns]), device)
}
