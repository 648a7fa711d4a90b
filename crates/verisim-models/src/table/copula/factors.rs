//! The correlations of a wide table as those of a few common factors.
//!
//! A matrix of 5,000 by 5,000 numbers cannot be estimated from 50 rows, nor stored or factorised in any hurry. The latent normals are
//! `x = W g + s e` instead, with `g` of at most [`RANK`] common normals and `e` one of its own for each column: `R = W W^T + diag(s^2)`
//! has ones on its diagonal. The rows of `W` are the columns' unit scores on the leading eigenvectors of the Gram matrix of the
//! rows, which is as small as there are rows; a row of the table has no row in it, as an eigenvector mixes all of them.
//!
//! Conditions stay exact: the restricted columns are drawn first, from the correlations among them alone, and `g` given them by
//! Matheron's rule: `g = g' + W_A^T R_AA^-1 (x_A - x_A')` for an unconditional draw `(g', x_A')`.

use rayon::prelude::*;
use verisim_data::rng::{Stream, normal as draw_normal};

use crate::error::Result;
use crate::linalg::{eigen, solve};

/// Most common factors.
const RANK: usize = 64;
/// Most rows that the Gram matrix is made of, spread evenly.
const ROWS: usize = 1024;
/// The most that common factors tell of a column, as correlations have a most in an ordinary table.
const SHARE: f64 = 0.995;
/// Eigenvalues below this part of the largest are rounding.
const NOTHING: f64 = 1e-9;

/// Common factors of the latent normals.
#[derive(Clone, Debug, PartialEq)]
pub struct Factors {
    /// `W`, column by column of the table.
    loadings: Vec<Vec<f32>>,
    /// `s`.
    own: Vec<f64>,
}

impl Factors {
    /// From the scores of each column in each row, which have no mean, and by what cutting made each column vary less (see the
    /// header of the copula).
    pub fn fit(scores: &[Vec<f32>], inverse_sd: &[f64]) -> Result<Factors> {
        let all = scores.first().map_or(0, Vec::len);
        let rows = all.min(ROWS);
        let unit = |scores: &Vec<f32>| {
            let some: Vec<f64> = (0..rows).map(|i| f64::from(scores[i * all / rows])).collect();
            let norm = some.iter().map(|x| x * x).sum::<f64>().sqrt();
            some.into_iter().map(|x| if norm > 0.0 { x / norm } else { 0.0 }).collect()
        };
        let units: Vec<Vec<f64>> = scores.par_iter().map(unit).collect();
        let gram = (0..rows).into_par_iter().flat_map_iter(|i| {
            let mut row = vec![0.0; rows];
            for unit in &units {
                row.iter_mut().zip(unit).for_each(|(r, x)| *r += unit[i] * x);
            }
            row
        });
        // Eigenvalues rise.
        let (values, vectors) = eigen(&gram.collect::<Vec<f64>>(), rows)?;
        let least = NOTHING * values.last().copied().unwrap_or(0.0);
        let kept: Vec<usize> = (0..rows).rev().take(RANK).filter(|&k| values[k] > least).collect();
        let load = |(unit, scale): (&Vec<f64>, &f64)| {
            let load = |&k: &usize| unit.iter().enumerate().map(|(i, x)| x * vectors[(i, k)]).sum::<f64>() * scale;
            let mut loads: Vec<f64> = kept.iter().map(load).collect();
            let share: f64 = loads.iter().map(|w| w * w).sum();
            if share > SHARE {
                loads.iter_mut().for_each(|w| *w *= (SHARE / share).sqrt());
            }
            loads.into_iter().map(|w| w as f32).collect()
        };
        Ok(Factors::of(units.par_iter().zip(inverse_sd).map(load).collect()))
    }

    fn of(loadings: Vec<Vec<f32>>) -> Factors {
        let own = |w: &Vec<f32>| (1.0 - w.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>()).max(0.0).sqrt();
        Factors { own: loadings.iter().map(own).collect(), loadings }
    }

    /// How many common factors there are.
    pub fn rank(&self) -> usize {
        self.loadings.first().map_or(0, Vec::len)
    }

    /// The numbers that [`from_numbers`](Factors::from_numbers) takes.
    pub fn numbers(&self) -> Vec<f32> {
        self.loadings.concat()
    }

    /// The factors of so many columns; `None` when the numbers are none.
    pub fn from_numbers(columns: usize, numbers: &[f32]) -> Option<Factors> {
        let rank = numbers.len() / columns.max(1);
        let loadings: Vec<Vec<f32>> = (0..columns).map(|j| numbers[j * rank..(j + 1) * rank].to_vec()).collect();
        let sound = |w: &Vec<f32>| w.iter().map(|&w| f64::from(w).powi(2)).sum::<f64>() <= 1.0 + 1e-6;
        (rank * columns == numbers.len() && loadings.iter().all(sound)).then(|| Factors::of(loadings))
    }

    /// The correlation of two columns.
    pub fn correlation(&self, i: usize, j: usize) -> f64 {
        if i == j {
            1.0
        } else {
            self.loadings[i].iter().zip(&self.loadings[j]).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
        }
    }

    /// What the common factors `g` tell of column `j`.
    fn common(&self, j: usize, g: &[f64]) -> f64 {
        self.loadings[j].iter().zip(g).map(|(&w, g)| f64::from(w) * g).sum()
    }

    /// Common factors given the latents of some columns, of whose correlations `lower` is the factor.
    pub fn given(&self, columns: &[usize], latents: &[f64], lower: &[f64], rng: &mut Stream) -> Vec<f64> {
        let mut g: Vec<f64> = (0..self.rank()).map(|_| draw_normal(rng)).collect();
        let mut rest: Vec<f64> =
            columns.iter().zip(latents).map(|(&j, latent)| latent - self.latent(j, &g, rng)).collect();
        solve(lower, &mut rest);
        for (&j, weight) in columns.iter().zip(&rest) {
            g.iter_mut().zip(&self.loadings[j]).for_each(|(g, &w)| *g += f64::from(w) * weight);
        }
        g
    }

    /// The latent of column `j` given the common factors.
    pub fn latent(&self, j: usize, g: &[f64], rng: &mut Stream) -> f64 {
        self.common(j, g) + self.own[j] * draw_normal(rng)
    }
}
