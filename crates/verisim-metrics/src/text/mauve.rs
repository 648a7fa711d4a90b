//! MAUVE: how much of the mass of two sets of texts lies together (Pillutla et al., NeurIPS 2021; 2102.01454).
//!
//! Texts become points, both sets are parted into clusters together, and the histograms p and q over clusters are compared: for mixtures
//! `r = w p + (1 - w) q` the points `(exp(-c KL(q|r)), exp(-c KL(p|r)))` make a curve, and the score is the mean of the areas below it
//! over both axes; 1: the same. Here `c` is 5, there are 25 mixtures, half a text is added to each cluster, and clusters are a tenth of the
//! texts of a side.
//!
//! Points are [`features`](super::features) of the training texts along their 50 largest directions, of length 1. Those of the paper are of a
//! large language model, so these scores compare with no others; and with each other only for as many texts.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use verisim_data::rng::{Stream, below, permutation, stream, uniform};

use super::features::Grams;
use super::set::Sides;
use super::svd::{Dense, along, directions};
use super::told::starts;

const DIRECTIONS: usize = 50;
/// Texts that directions are found of, and that are compared a side, at most.
const LEARNT: usize = 3_000;
const COMPARED: usize = 2_000;
/// Texts a side to a cluster.
const EACH: usize = 10;
/// Starts of the clusters, and rounds of each.
const STARTS: u64 = 3;
const ROUNDS: usize = 50;
const SCALE: f64 = 5.0;
const MIXTURES: usize = 25;
/// How often texts are dealt anew to see how far chance takes the score.
const DEALT: u64 = 199;

/// The score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Mauve {
    /// Of synthetic against training texts.
    pub value: f64,
    /// Of fresh against training texts.
    pub floor: f64,
    /// How often it is so low where the texts of both sides are dealt anew.
    pub chance: f64,
    /// One in a hundred deals is as low as this.
    pub doubt: f64,
    /// Texts a side; scores compare only where they are equal.
    pub texts: usize,
}

pub(super) fn mauve(sides: &Sides, grams: &Grams, seed: u64) -> Option<Mauve> {
    let texts = sides.count.min(COMPARED);
    if texts < 2 * EACH {
        return None;
    }
    let learnt: Vec<usize> = (0..sides.real.len().min(LEARNT)).collect();
    let features = grams.learn(&learnt);
    let axes = directions(&grams.vectors(&features, &learnt), DIRECTIONS, seed)?;
    let points =
        starts(sides).map(|start| along(&grams.vectors(&features, &(start..start + texts).collect::<Vec<_>>()), &axes));
    let [real, made, fresh] = &points;
    let (of_made, of_fresh) = rayon::join(|| clusters(real, made, seed), || clusters(real, fresh, seed));
    let score = |of: &[u32], order: &[usize]| {
        let count = |side: &[usize]| {
            let mut out = vec![0.5; (texts / EACH).max(2)];
            side.iter().for_each(|&i| out[of[i] as usize] += 1.0);
            out
        };
        area(&count(&order[..texts]), &count(&order[texts..]))
    };
    let own: Vec<usize> = (0..2 * texts).collect();
    let (value, floor) = (score(&of_made, &own), score(&of_fresh, &own));
    let deal = |round: u64| score(&of_made, &permutation(&mut stream(seed, "text mauve", round), 2 * texts));
    let mut dealt: Vec<f64> = (0..DEALT).into_par_iter().map(deal).collect();
    let lower = dealt.iter().filter(|d| **d <= value + 1e-12).count() as f64;
    dealt.sort_unstable_by(f64::total_cmp);
    let chance = (1.0 + lower) / (1.0 + DEALT as f64);
    Some(Mauve { value, floor, chance, doubt: dealt[(DEALT / 100) as usize], texts })
}

/// The score of two histograms.
fn area(p: &[f64], q: &[f64]) -> f64 {
    let share = |h: &[f64]| {
        let sum: f64 = h.iter().sum();
        h.iter().map(|x| x / sum).collect::<Vec<f64>>()
    };
    let (p, q) = (share(p), share(q));
    let mut curve = vec![(0.0, 1.0), (1.0, 0.0)];
    for k in 1..=MIXTURES {
        let w = k as f64 / (MIXTURES + 1) as f64;
        let (mut of_p, mut of_q) = (0.0, 0.0);
        for (p, q) in p.iter().zip(&q) {
            let r = w * p + (1.0 - w) * q;
            of_p += p * (p / r).ln();
            of_q += q * (q / r).ln();
        }
        curve.push(((-SCALE * of_q).exp(), (-SCALE * of_p).exp()));
    }
    let below = |mut curve: Vec<(f64, f64)>| {
        curve.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
        curve.windows(2).map(|w| (w[1].0 - w[0].0) * (w[0].1 + w[1].1) / 2.0).sum::<f64>()
    };
    let turned = curve.iter().map(|&(x, y)| (y, x)).collect();
    (below(curve) + below(turned)) / 2.0
}

/// Which cluster each point of two sets is in, of the best of several starts (Lloyd; k-means++, Arthur and Vassilvitskii, 2007).
fn clusters(a: &Dense, b: &Dense, seed: u64) -> Vec<u32> {
    let points = Dense { width: a.width, values: [a.values.as_slice(), &b.values].concat() };
    let k = (a.rows() / EACH).max(2);
    let one = |start: u64| lloyd(&points, k, &mut stream(seed, "text clusters", start));
    let all: Vec<(f64, Vec<u32>)> = (0..STARTS).into_par_iter().map(one).collect();
    all.into_iter().min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, of)| of).unwrap_or_default()
}

fn far(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}

fn first(points: &Dense, k: usize, rng: &mut Stream) -> Dense {
    let n = points.rows();
    let mut centres = points.row(below(rng, n as u64) as usize).to_vec();
    let mut closest: Vec<f32> = (0..n).map(|i| far(points.row(i), &centres)).collect();
    for _ in 1..k {
        let all: f64 = closest.iter().map(|&d| f64::from(d)).sum();
        let mut at = uniform(rng) * all;
        let chosen = closest.iter().position(|&d| {
            at -= f64::from(d);
            at < 0.0
        });
        let centre = points.row(chosen.unwrap_or(n - 1)).to_vec();
        closest.iter_mut().enumerate().for_each(|(i, d)| *d = d.min(far(points.row(i), &centre)));
        centres.extend(centre);
    }
    Dense { width: points.width, values: centres }
}

/// The sum of squares and the clusters.
fn lloyd(points: &Dense, k: usize, rng: &mut Stream) -> (f64, Vec<u32>) {
    let (n, width) = (points.rows(), points.width);
    let mut centres = first(points, k, rng);
    let mut of = vec![u32::MAX; n];
    let mut products = vec![0.0_f32; n * k];
    let mut sum = f64::INFINITY;
    for _ in 0..ROUNDS {
        // Of |x - c|^2 the products alone need both.
        let x = MatRef::from_row_major_slice(&points.values, n, width);
        let c = MatRef::from_row_major_slice(&centres.values, k, width);
        let out = MatMut::from_row_major_slice_mut(&mut products, n, k);
        matmul(out, Accum::Replace, x, c.transpose(), 1.0_f32, Par::Seq);
        let squares: Vec<f32> = (0..k).map(|j| centres.row(j).iter().map(|v| v * v).sum::<f32>() / 2.0).collect();
        let mut moved = 0;
        sum = 0.0;
        for (i, (of, row)) in of.iter_mut().zip(products.chunks_exact(k)).enumerate() {
            let mut best = (f32::INFINITY, 0);
            for (j, (product, square)) in row.iter().zip(&squares).enumerate() {
                let d = square - product;
                if d < best.0 {
                    best = (d, j as u32);
                }
            }
            moved += usize::from(*of != best.1);
            *of = best.1;
            let own: f32 = points.row(i).iter().map(|v| v * v).sum();
            sum += f64::from((own + 2.0 * best.0).max(0.0));
        }
        if moved == 0 {
            break;
        }
        let mut counts = vec![0.0_f32; k];
        let mut sums = vec![0.0_f32; k * width];
        for (i, &j) in of.iter().enumerate() {
            counts[j as usize] += 1.0;
            sums[j as usize * width..][..width].iter_mut().zip(points.row(i)).for_each(|(s, v)| *s += v);
        }
        for (j, &count) in counts.iter().enumerate().filter(|(_, c)| **c > 0.0) {
            let own = &mut centres.values[j * width..][..width];
            own.iter_mut().zip(&sums[j * width..]).for_each(|(c, s)| *c = s / count);
        }
    }
    (sum, of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_of_histograms() {
        assert!((area(&[1.0, 2.0, 3.0], &[2.0, 4.0, 6.0]) - 1.0).abs() < 1e-12);
        let apart = area(&[1.0, 0.0001], &[0.0001, 1.0]);
        assert!(apart < 0.02, "{apart}");
        // Worked out in numpy by the definition above.
        assert!((area(&[3.5, 1.5, 0.5], &[1.5, 2.5, 1.5]) - AREA).abs() < 1e-9);
        assert!((area(&[1.5, 2.5, 1.5], &[3.5, 1.5, 0.5]) - AREA).abs() < 1e-9);
    }

    const AREA: f64 = 0.795_387_185_888_440_7;

    #[test]
    fn clusters_that_lie_apart_are_found() {
        let centre = |i: usize| [[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]][i % 3];
        let values = (0..90).flat_map(|i| centre(i).map(|x| x + (i as f32 * 0.37).sin() * 0.3)).collect();
        let points = Dense { width: 2, values };
        let (_, of) = (0..3)
            .map(|s| lloyd(&points, 3, &mut stream(s, "test", 0)))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .unwrap_or_default();
        assert!((0..90).all(|i| of[i] == of[i % 3]) && of[0] != of[1] && of[1] != of[2] && of[0] != of[2]);
    }
}
