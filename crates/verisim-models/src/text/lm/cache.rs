//! What a network remembers of tokens that it has seen, so that one more costs one more: keys and values of each block.
//!
//! Sequences are of different lengths, and each may take up several tokens at a time: those of a prompt at once, then one by one.

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::net::Shape;
use crate::nets::attention::flex::turn;
use crate::nets::flat::{flat, numbers, tensor};
use crate::nets::kernels::{dot, exp, wide};

/// Keys and values of one sequence in one block, a row a position: `[keys x width]`.
#[derive(Clone, Debug, Default)]
struct Memory {
    keys: Vec<f32>,
    values: Vec<f32>,
}

/// What is remembered of some sequences: a list a block, in it one a sequence.
#[derive(Clone, Debug)]
pub struct Cache(Vec<Vec<Memory>>);

impl Cache {
    /// Nothing, of as many sequences.
    pub fn new(blocks: usize, sequences: usize) -> Cache {
        Cache(vec![vec![Memory::default(); sequences]; blocks])
    }

    /// How many positions of a sequence are remembered.
    pub fn length(&self, sequence: usize, shape: &Shape) -> usize {
        let row = (shape.heads.keys * shape.heads.width).max(1);
        self.0.first().map_or(0, |block| block[sequence].keys.len() / row)
    }

    /// Forgets what a sequence was.
    pub fn forget(&mut self, sequence: usize) {
        self.0.iter_mut().for_each(|block| block[sequence] = Memory::default());
    }

    /// Drops all sequences but those that `keep` holds.
    pub fn retain(&mut self, keep: &[bool]) {
        for block in &mut self.0 {
            let mut flags = keep.iter();
            block.retain(|_| flags.next().copied().unwrap_or(false));
        }
    }

    /// Attention of new rows `[new, heads.row()]` to themselves and to all before them; sequence `i` has `counts[i]` of the rows.
    pub fn attend(&mut self, shape: &Shape, block: usize, qkv: Tensor<2>, counts: &[usize]) -> Tensor<2> {
        let heads = shape.heads;
        let rows = flat(qkv);
        let rows = numbers(&rows);
        let total: usize = counts.iter().sum();
        let mut out = vec![0f32; total * heads.out()];
        let (mut inputs, mut outputs) = (&rows[..], &mut out[..]);
        let mut parts = Vec::with_capacity(counts.len());
        for (memory, &count) in self.0[block].iter_mut().zip(counts) {
            let (input, rest) = inputs.split_at(count * heads.row());
            let (output, left) = outputs.split_at_mut(count * heads.out());
            (inputs, outputs) = (rest, left);
            parts.push((memory, input, output));
        }
        parts.into_par_iter().for_each(|(memory, input, output)| memory.attend(shape, input, output));
        Tensor::from_primitive::<burn::backend::Flex>(tensor(out, [total, heads.out()]))
    }
}

impl Memory {
    fn attend(&mut self, shape: &Shape, rows: &[f32], out: &mut [f32]) {
        let heads = shape.heads;
        let (d, stride) = (heads.width, heads.keys * heads.width);
        let (each, scale) = (heads.queries / heads.keys, (d as f32).sqrt().recip());
        let mut q = vec![0f32; d];
        let mut scores: Vec<f32> = Vec::new();
        for (row, out) in rows.chunks_exact(heads.row()).zip(out.chunks_exact_mut(heads.out())) {
            let position = self.keys.len() / stride;
            let (queries, rest) = row.split_at(heads.queries * d);
            let (keys, values) = rest.split_at(stride);
            let from = self.keys.len();
            self.keys.resize(from + stride, 0.0);
            for (key, to) in keys.chunks_exact(d).zip(self.keys[from..].chunks_exact_mut(d)) {
                turn(key, shape.rotary.as_deref(), position, 1.0, 1.0, to);
            }
            self.values.extend_from_slice(values);
            for (h, (query, out)) in queries.chunks_exact(d).zip(out.chunks_exact_mut(d)).enumerate() {
                let g = h / each * d;
                turn(query, shape.rotary.as_deref(), position, 1.0, scale, &mut q);
                scores.clear();
                scores.resize(position + 1, 0.0);
                let (keys, values) = (&self.keys[..], &self.values[..]);
                wide!(
                    for (s, k) in scores.iter_mut().zip(keys.chunks_exact(stride)) {
                        *s = dot(&q, &k[g..g + d]);
                    }
                    let most = scores.iter().fold(f32::NEG_INFINITY, |m: f32, &s| m.max(s));
                    scores.iter_mut().for_each(|s| *s = exp(*s - most));
                    let all = scores.iter().sum::<f32>().recip();
                    out.fill(0.0);
                    for (s, v) in scores.iter().zip(values.chunks_exact(stride)) {
                        let w = s * all;
                        out.iter_mut().zip(&v[g..g + d]).for_each(|(o, v)| *o += w * v);
                    }
                );
            }
        }
    }
}
