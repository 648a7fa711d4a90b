//! Gaussian copulas with empirical marginals, for any mix of types.
//!
//! Every column is a cut standard normal: token `t` of a column with cumulative frequencies `F` stands for
//! the interval `(Phi^-1(F(t-1)), Phi^-1(F(t)))`, so marginals are exact, and the normals of a row are jointly Gaussian
//! with correlation `R` (Sklar, 1959; Song, 2000; the statistical baseline of the Synthetic Data Vault).
//!
//! - Correlations: the correlation of expected scores `E[z | token]`, divided by their standard deviations, which
//!   undoes what cutting took away (a one-step polychoric estimate, exact when the regression of one score on the other is linear).
//! - Categories have no order: they take that of the first principal component of their profiles over all other columns.
//! - One Gaussian cannot bend. Rows are first grouped by the one column that tells most about the others
//!   (largest sum of mutual information), and each group has marginals and a correlation matrix of its own: a
//!   mixture of Gaussian copulas, still in closed form. `groups = 1` is the classical copula.
//!
//! - The correlations of more than 512 columns are those of a few common factors (`factors.rs`), and such a table has one group.
//!
//! Conditions are sampled exactly: the first restricted column from its truncated normal, further ones accepted with
//! the probability of their interval given those before, the rest from the conditional normal.

mod complete;
mod factors;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::normal;
use verisim_data::rng::{Stream, normal as draw_normal, uniform};
use verisim_data::table::codec::{CodecConfig, Encoded, Numeric, Span};
use verisim_data::table::{Spec, Table};

use crate::compute::Device;
use crate::error::{Error, Result};
use crate::learn::{Model, Setup, Split, Start};
use crate::linalg::{cholesky, nearest_correlation};
use crate::table::profile::{WIDE, class_counts, coarse, others, principal_scores, quantile_groups, told};
use crate::table::rows::Rows;
use crate::table::sampler::{Allowed, Drawn, Partial, Sampler};
use crate::weights::Weights;
use factors::Factors;

/// Settings of the copula.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Most groups of rows with a copula of their own; 1 is the classical Gaussian copula.
    pub groups: usize,
    /// Fewest rows in a group.
    pub min_rows: usize,
    /// About how many tokens a number column has.
    pub bins: usize,
    /// Levels seen fewer times share the token "other".
    pub rare: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config { groups: 16, min_rows: 200, bins: 256, rare: 5 }
    }
}

impl Model<Table> for Config {
    fn check(&self) -> Result<()> {
        let bad = |key: &str, rule: &str| Err(Error::Setting { model: "copula", key: key.into(), rule: rule.into() });
        if self.groups == 0 || self.groups > 256 {
            return bad("groups", "must lie between 1 and 256");
        }
        if self.min_rows < 2 {
            return bad("min_rows", "must be at least 2");
        }
        if !(2..=65_536).contains(&self.bins) {
            return bad("bins", "must lie between 2 and 65536");
        }
        Ok(())
    }

    fn encoding(&self) -> CodecConfig {
        CodecConfig { numeric: Numeric::Grid, bins: self.bins, rare: self.rare, max_levels: 4096 }
    }

    fn start(&self, split: &Split<'_, Table>, _: &Setup<'_>) -> Result<Start<Table>> {
        let data = split.encoded;
        Ok(Start::Fitted(fit(self, &data.spec.codec.spans(), &data.rows)?.weights()))
    }

    fn restore(&self, spec: &Spec, weights: &mut Weights, _: &Device) -> Result<Box<dyn Sampler>> {
        Ok(Box::new(Copula::from_weights(&spec.codec.spans(), weights)?))
    }
}

/// One Gaussian copula.
#[derive(Clone, Debug)]
struct Component {
    /// Share of the rows.
    weight: f64,
    /// Cumulative frequency after each token in latent order, a column each; the last is 1.
    cumulative: Vec<Vec<f64>>,
    correlation: Correlation,
}

/// How the latents of a row go together.
#[derive(Clone, Debug)]
enum Correlation {
    /// Correlation matrix, row by row.
    Matrix(Vec<f64>),
    /// Of a wide table.
    Factors(Factors),
}

impl Correlation {
    /// The correlation of two of `d` columns.
    fn of(&self, i: usize, j: usize, d: usize) -> f64 {
        match self {
            Correlation::Matrix(matrix) => matrix[i * d + j],
            Correlation::Factors(factors) => factors.correlation(i, j),
        }
    }
}

/// A fitted copula model.
#[derive(Clone, Debug)]
pub struct Copula {
    spans: Vec<Span>,
    /// Tokens of each column in latent order.
    order: Vec<Vec<u32>>,
    components: Vec<Component>,
}

/// Fits one copula to each group of rows, in closed form: the time grows with the rows and the square of the columns, up to 512; from
/// there on with the columns.
pub fn fit(config: &Config, spans: &[Span], data: &Encoded) -> Result<Copula> {
    config.check()?;
    if data.rows == 0 {
        return Err(Error::Empty { unit: "rows" });
    }
    let order = latent_orders(spans, data);
    let rank: Vec<Vec<u32>> = order.iter().map(|o| inverse(o)).collect();
    let groups = groups(config, spans, data);
    let components = groups.par_iter().map(|rows| fit_component(&rank, data, rows)).collect::<Result<_>>()?;
    Ok(Copula { spans: spans.to_vec(), order, components })
}

fn inverse(order: &[u32]) -> Vec<u32> {
    let mut rank = vec![0; order.len()];
    for (r, &t) in order.iter().enumerate() {
        rank[t as usize] = r as u32;
    }
    rank
}

/// Tokens of each column from lowest to highest latent.
fn latent_orders(spans: &[Span], data: &Encoded) -> Vec<Vec<u32>> {
    let classes = coarse(spans, &Rows::of(data));
    let column = |(j, span): (usize, &Span)| {
        let mut order: Vec<u32> = (0..span.tokens).collect();
        if span.ordered || span.tokens <= 2 {
            return order;
        }
        // Profiles over the classes of the other columns, side by side.
        let others = others(spans.len(), j);
        let width: usize = others.iter().map(|&f| classes[f].1).sum();
        let mut table = vec![0u32; span.tokens as usize * width];
        let mut at = 0;
        for (class, k) in others.iter().map(|&f| &classes[f]) {
            for (&t, &c) in data.tokens[j].iter().zip(class) {
                table[t as usize * width + at + usize::from(c)] += 1;
            }
            at += k;
        }
        if width == 0 {
            return order;
        }
        let score = principal_scores(&table, span.tokens as usize, width);
        order.sort_by(|&a, &b| score[a as usize].total_cmp(&score[b as usize]).then(a.cmp(&b)));
        order
    };
    spans.par_iter().enumerate().map(column).collect()
}

/// Rows of each group: classes of the column with the largest sum of mutual information with the others.
fn groups(config: &Config, spans: &[Span], data: &Encoded) -> Vec<Vec<u32>> {
    let all: Vec<u32> = (0..data.rows as u32).collect();
    if config.groups < 2 || spans.len() < 2 || spans.len() > WIDE || data.rows < 2 * config.min_rows {
        return vec![all];
    }
    let told = told(&coarse(spans, &Rows::of(data)));
    let pivot = (0..told.len()).fold(0, |best, j| if told[j] > told[best] { j } else { best });
    let span = spans[pivot];
    let counts = class_counts(data.tokens[pivot].iter().copied(), span.tokens);
    let group_of: Vec<u8> = if span.ordered {
        quantile_groups(&counts, config.groups.min(data.rows / config.min_rows)).0
    } else {
        let mut by_count: Vec<usize> = (0..counts.len()).collect();
        by_count.sort_by_key(|&t| (std::cmp::Reverse(counts[t]), t));
        let own =
            by_count.iter().take(config.groups - 1).take_while(|&&t| counts[t] as usize >= config.min_rows).count();
        let mut group_of = vec![own as u8; counts.len()];
        by_count[..own].iter().enumerate().for_each(|(g, &t)| group_of[t] = g as u8);
        group_of
    };
    let mut rows: Vec<Vec<u32>> = vec![Vec::new(); 256];
    for (&i, &t) in all.iter().zip(&data.tokens[pivot]) {
        rows[usize::from(group_of[t as usize])].push(i);
    }
    rows.retain(|r| !r.is_empty());
    // A remainder too small for a correlation matrix joins the group before it.
    if rows.len() > 1 && rows[rows.len() - 1].len() < config.min_rows {
        let last = rows.pop().unwrap_or_default();
        let at = rows.len() - 1;
        rows[at].extend(last);
    }
    rows
}

fn fit_component(rank: &[Vec<u32>], data: &Encoded, rows: &[u32]) -> Result<Component> {
    let d = rank.len();
    let n = rows.len() as f64;
    let mut cumulative = Vec::with_capacity(d);
    let mut scores: Vec<Vec<f32>> = Vec::with_capacity(d);
    let mut inverse_sd: Vec<f64> = Vec::with_capacity(d);
    for j in 0..d {
        let mut counts = vec![0u32; rank[j].len()];
        for &i in rows {
            counts[rank[j][data.tokens[j][i as usize] as usize] as usize] += 1;
        }
        let mut before = 0u64;
        let c: Vec<f64> = counts
            .iter()
            .map(|&c| {
                before += u64::from(c);
                before as f64 / n
            })
            .collect();
        let (expected, sd) = expected_scores(&c);
        let scale = if sd > 0.0 { 1.0 / sd } else { 0.0 };
        inverse_sd.push(scale);
        scores.push(
            rows.iter()
                .map(|&i| (expected[rank[j][data.tokens[j][i as usize] as usize] as usize] * scale) as f32)
                .collect(),
        );
        cumulative.push(c);
    }
    let weight = rows.len() as f64 / data.rows as f64;
    if d > WIDE {
        let correlation = Correlation::Factors(Factors::fit(&scores, &inverse_sd)?);
        return Ok(Component { weight, cumulative, correlation });
    }
    let mut correlation = vec![0.0; d * d];
    for a in 0..d {
        correlation[a * d + a] = 1.0;
        for b in 0..a {
            let r = scores[a].iter().zip(&scores[b]).map(|(x, y)| f64::from(x * y)).sum::<f64>() / n;
            // Scores have unit variance, cut normals less: see the header.
            let r = (r * inverse_sd[a] * inverse_sd[b]).clamp(-0.995, 0.995);
            correlation[a * d + b] = r;
            correlation[b * d + a] = r;
        }
    }
    nearest_correlation(&mut correlation, d)?;
    Ok(Component { weight, cumulative, correlation: Correlation::Matrix(correlation) })
}

/// `E[z | token]` of each token, and the standard deviation of these scores.
///
/// The mean of a standard normal between `a` and `b` is `(phi(a) - phi(b)) / (Phi(b) - Phi(a))`.
fn expected_scores(cumulative: &[f64]) -> (Vec<f64>, f64) {
    let density = |p: f64| {
        let z = normal::quantile(p);
        if z.is_finite() { (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt() } else { 0.0 }
    };
    let (mut before, mut low) = (0.0, 0.0);
    let mut variance = 0.0;
    let mut scores = Vec::with_capacity(cumulative.len());
    for &p in cumulative {
        let high = density(p);
        let mass = p - before;
        let score = if mass > 0.0 { (low - high) / mass } else { 0.0 };
        variance += mass * score * score;
        scores.push(score);
        (before, low) = (p, high);
    }
    (scores, variance.sqrt())
}

/// One component made ready for a condition: restricted columns first.
struct Plan<'a> {
    component: &'a Component,
    /// Columns in drawing order.
    columns: Vec<usize>,
    /// Lower triangle of the correlation matrix in that order; with common factors, of the restricted columns alone.
    factor: Vec<f64>,
    /// For each restricted column the intervals of cumulative frequency that it may fall into.
    intervals: Vec<Vec<(f64, f64)>>,
    /// Weight of the component times the mass of the first restriction.
    mass: f64,
}

impl Copula {
    fn plan<'a>(&'a self, component: &'a Component, allowed: &Allowed) -> Plan<'a> {
        let d = self.spans.len();
        let restricted: Vec<usize> = allowed.restricted().map(|(j, _)| j).collect();
        let mut columns = restricted.clone();
        columns.extend((0..d).filter(|j| !restricted.contains(j)));
        let first = match component.correlation {
            Correlation::Matrix(_) => &columns,
            Correlation::Factors(_) => &restricted,
        };
        let together = |&i: &usize| first.iter().map(move |&j| component.correlation.of(i, j, d));
        let matrix: Vec<f64> = first.iter().flat_map(together).collect();
        let factor = cholesky(&matrix, first.len());
        let intervals: Vec<Vec<(f64, f64)>> = allowed
            .restricted()
            .map(|(j, ok)| {
                let cumulative = &component.cumulative[j];
                let lower = |r: usize| if r == 0 { 0.0 } else { cumulative[r - 1] };
                let ranks =
                    (0..cumulative.len()).filter(|&r| ok[self.order[j][r] as usize] && cumulative[r] > lower(r));
                ranks.map(|r| (lower(r), cumulative[r])).collect()
            })
            .collect();
        let first = intervals.first().map_or(1.0, |v| v.iter().map(|(a, b)| b - a).sum());
        Plan { component, columns, factor, intervals, mass: component.weight * first }
    }

    /// One row; false when a restricted column after the first fell outside.
    fn draw_row(&self, plan: &Plan<'_>, z: &mut [f64], row: &mut [u32], rng: &mut Stream) -> bool {
        let factors = match &plan.component.correlation {
            Correlation::Matrix(_) => None,
            Correlation::Factors(factors) => Some(factors),
        };
        // With common factors the matrix holds the restricted columns alone.
        let drawn = if factors.is_some() { plan.intervals.len() } else { plan.columns.len() };
        let mut latents = Vec::with_capacity(plan.intervals.len());
        for (a, &j) in plan.columns[..drawn].iter().enumerate() {
            let below = &plan.factor[a * drawn..a * drawn + a];
            let mean: f64 = below.iter().zip(z.iter()).map(|(l, z)| l * z).sum();
            let sd = plan.factor[a * drawn + a];
            // z[a] holds the independent normal, so the latent of column j is mean + sd z[a].
            let latent = match plan.intervals.get(a) {
                None => {
                    z[a] = draw_normal(rng);
                    mean + sd * z[a]
                }
                Some(intervals) => match truncated(intervals, mean, sd, a == 0, rng) {
                    Some(latent) => {
                        z[a] = (latent - mean) / sd;
                        latents.push(latent);
                        latent
                    }
                    None => return false,
                },
            };
            row[j] = self.token(plan.component, j, latent);
        }
        if let Some(factors) = factors {
            let common = factors.given(&plan.columns[..drawn], &latents, &plan.factor, rng);
            for &j in &plan.columns[drawn..] {
                row[j] = self.token(plan.component, j, factors.latent(j, &common, rng));
            }
        }
        true
    }

    /// The token of column `j` that a latent stands for.
    fn token(&self, component: &Component, j: usize, latent: f64) -> u32 {
        let cumulative = &component.cumulative[j];
        let p = normal::cdf(latent);
        self.order[j][cumulative.partition_point(|&c| c <= p).min(cumulative.len() - 1)]
    }
}

/// A normal with `mean` and `sd` inside intervals of standard normal probability. With `certain`, always; otherwise with
/// the probability that it falls inside, which is what makes the accepted rows exact.
fn truncated(intervals: &[(f64, f64)], mean: f64, sd: f64, certain: bool, rng: &mut Stream) -> Option<f64> {
    let local = |p: f64| normal::cdf((normal::quantile(p) - mean) / sd.max(1e-9));
    let bounds: Vec<(f64, f64)> = intervals.iter().map(|&(a, b)| (local(a), local(b))).collect();
    let total: f64 = bounds.iter().map(|(a, b)| b - a).sum();
    let mut u = uniform(rng) * if certain { total } else { 1.0 };
    for (a, b) in bounds {
        if u < b - a {
            return Some(mean + sd * normal::quantile(a + u).clamp(-9.0, 9.0));
        }
        u -= b - a;
    }
    None
}

impl Sampler for Copula {
    fn draw(&self, rows: usize, allowed: &Allowed, max_tries: u64, rng: &mut Stream) -> Result<Drawn> {
        let plans: Vec<Plan<'_>> = self.components.iter().map(|c| self.plan(c, allowed)).collect();
        let total: f64 = plans.iter().map(|p| p.mass).sum();
        let mut out = Encoded::zeros(&self.spans, rows);
        let d = self.spans.len();
        let (mut z, mut row) = (vec![0.0; d], vec![0u32; d]);
        let (mut made, mut tried) = (0, 0);
        while made < rows && tried < max_tries && total > 0.0 {
            tried += 1;
            let mut u = uniform(rng) * total;
            let plan = plans
                .iter()
                .find(|p| {
                    u -= p.mass;
                    u < 0.0
                })
                .unwrap_or(&plans[plans.len() - 1]);
            if plan.mass > 0.0 && self.draw_row(plan, &mut z, &mut row, rng) {
                (0..d).for_each(|j| out.tokens[j][made] = row[j]);
                made += 1;
            }
        }
        out.truncate(made);
        Ok(Drawn { encoded: out, tried })
    }

    fn complete(&self, rows: &Partial, rng: &mut Stream) -> Result<Encoded> {
        Ok(self.completed(rows, 1, rng)?.swap_remove(0))
    }

    fn complete_many(&self, rows: &Partial, times: usize, rng: &mut Stream) -> Result<Vec<Encoded>> {
        self.completed(rows, times, rng)
    }
}

impl Copula {
    /// The arrays that the model is made of.
    pub fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        let d = self.spans.len();
        let order = self.order.concat();
        weights.put_u32("order", &[order.len()], order);
        weights.put_f64("weight", &[self.components.len()], self.components.iter().map(|c| c.weight).collect());
        for (g, component) in self.components.iter().enumerate() {
            let cumulative = component.cumulative.concat();
            weights.put_f64(format!("{g}.cumulative"), &[cumulative.len()], cumulative);
            match &component.correlation {
                Correlation::Matrix(matrix) => weights.put_f64(format!("{g}.correlation"), &[d, d], matrix.clone()),
                Correlation::Factors(factors) => {
                    weights.put_f32(format!("{g}.loadings"), &[d, factors.rank()], factors.numbers());
                }
            }
        }
        weights
    }

    /// The model of these arrays; an error when they do not describe copulas over `spans`.
    pub fn from_weights(spans: &[Span], weights: &mut Weights) -> Result<Copula> {
        let damaged = |name: &str, problem: &str| Error::Tensor { name: name.into(), problem: problem.into() };
        let d = spans.len();
        let split = |name: &str, len: usize, what: &str| {
            let total: usize = spans.iter().map(|s| s.tokens as usize).sum();
            if len == total { Ok(()) } else { Err(damaged(name, what)) }
        };
        let (_, flat) = weights.take_u32("order")?;
        split("order", flat.len(), "does not order every token")?;
        let mut order = Vec::with_capacity(d);
        let mut rest = flat.as_slice();
        for span in spans {
            let (own, tail) = rest.split_at(span.tokens as usize);
            if own.iter().any(|&t| t >= span.tokens) {
                return Err(damaged("order", "names a token that does not exist"));
            }
            order.push(own.to_vec());
            rest = tail;
        }
        let mut components = Vec::new();
        for (g, weight) in weights.take_f64("weight")?.1.into_iter().enumerate() {
            let name = format!("{g}.cumulative");
            let (_, flat) = weights.take_f64(&name)?;
            split(&name, flat.len(), "does not cover every token")?;
            let mut rest = flat.as_slice();
            let mut cumulative = Vec::with_capacity(d);
            for span in spans {
                let (own, tail) = rest.split_at(span.tokens as usize);
                if !own.is_sorted() || own.iter().any(|p| !(0.0..=1.0 + 1e-9).contains(p)) {
                    return Err(damaged(&name, "is no distribution"));
                }
                cumulative.push(own.to_vec());
                rest = tail;
            }
            if weight.is_nan() || weight < 0.0 {
                return Err(damaged("weight", "is no share of the rows"));
            }
            let (matrix, loadings) = (format!("{g}.correlation"), format!("{g}.loadings"));
            let correlation = if weights.has(&loadings) {
                let factors = Factors::from_numbers(d, &weights.take_f32(&loadings)?.1);
                Correlation::Factors(factors.ok_or_else(|| damaged(&loadings, "is no set of factors"))?)
            } else {
                let (_, numbers) = weights.take_f64(&matrix)?;
                if numbers.len() != d * d || numbers.iter().any(|r| !r.is_finite()) {
                    return Err(damaged(&matrix, "is no correlation matrix"));
                }
                Correlation::Matrix(numbers)
            };
            components.push(Component { weight, cumulative, correlation });
        }
        if components.is_empty() {
            return Err(damaged("weight", "names no component"));
        }
        Ok(Copula { spans: spans.to_vec(), order, components })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
