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
//! Conditions are sampled exactly: the first restricted column from its truncated normal, further ones accepted with
//! the probability of their interval given those before, the rest from the conditional normal.

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
use crate::table::profile::{class_counts, coarse, principal_scores, quantile_groups, told};
use crate::table::rows::Rows;
use crate::table::sampler::{Allowed, Drawn, Sampler};
use crate::weights::Weights;

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
    /// Correlation matrix, row by row.
    correlation: Vec<f64>,
}

/// A fitted copula model.
#[derive(Clone, Debug)]
pub struct Copula {
    spans: Vec<Span>,
    /// Tokens of each column in latent order.
    order: Vec<Vec<u32>>,
    components: Vec<Component>,
}

/// Fits one copula to each group of rows, in closed form: the time grows with the rows and the square of the columns.
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
        // Profiles over the classes of all other columns, side by side.
        let width: usize = classes.iter().enumerate().filter(|(f, _)| *f != j).map(|(_, c)| c.1).sum();
        let mut table = vec![0u32; span.tokens as usize * width];
        let mut at = 0;
        for (f, (class, k)) in classes.iter().enumerate() {
            if f == j {
                continue;
            }
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
    if config.groups < 2 || spans.len() < 2 || data.rows < 2 * config.min_rows {
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
    Ok(Component { weight: rows.len() as f64 / data.rows as f64, cumulative, correlation })
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
    /// Lower triangle of the correlation matrix in that order.
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
        let mut matrix = vec![0.0; d * d];
        for (a, &i) in columns.iter().enumerate() {
            for (b, &j) in columns.iter().enumerate() {
                matrix[a * d + b] = component.correlation[i * d + j];
            }
        }
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
        Plan { component, columns, factor: cholesky(&matrix, d), intervals, mass: component.weight * first }
    }

    /// One row; false when a restricted column after the first fell outside.
    fn draw_row(&self, plan: &Plan<'_>, z: &mut [f64], row: &mut [u32], rng: &mut Stream) -> bool {
        let d = self.spans.len();
        for (a, &j) in plan.columns.iter().enumerate() {
            let below = &plan.factor[a * d..a * d + a];
            let mean: f64 = below.iter().zip(z.iter()).map(|(l, z)| l * z).sum();
            let sd = plan.factor[a * d + a];
            // z[a] holds the independent normal, so the latent of column j is mean + sd z[a].
            let latent = match plan.intervals.get(a) {
                None => {
                    z[a] = draw_normal(rng);
                    mean + sd * z[a]
                }
                Some(intervals) => match truncated(intervals, mean, sd, a == 0, rng) {
                    Some(latent) => {
                        z[a] = (latent - mean) / sd;
                        latent
                    }
                    None => return false,
                },
            };
            let cumulative = &plan.component.cumulative[j];
            let p = normal::cdf(latent);
            let r = cumulative.partition_point(|&c| c <= p).min(cumulative.len() - 1);
            row[j] = self.order[j][r];
        }
        true
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
            weights.put_f64(format!("{g}.correlation"), &[d, d], component.correlation.clone());
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
            let name = format!("{g}.correlation");
            let (_, correlation) = weights.take_f64(&name)?;
            if correlation.len() != d * d
                || correlation.iter().any(|r| !r.is_finite())
                || weight.is_nan()
                || weight < 0.0
            {
                return Err(damaged(&name, "is no correlation matrix"));
            }
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
mod tests {
    use super::*;
    use verisim_data::rng::stream;

    const BINS: u32 = 20;
    const SPANS: [Span; 2] = [Span { tokens: BINS, scalar: false, ordered: true }; 2];
    const RHO: f64 = 0.7;

    /// A bivariate normal of correlation [`RHO`], cut into bins; those of the second column are of unequal size.
    fn table(rows: usize) -> Encoded {
        let mut rng = stream(1, "table", 0);
        let mut out = Encoded::zeros(&SPANS, rows);
        for i in 0..rows {
            let x = draw_normal(&mut rng);
            let y = RHO * x + (1.0 - RHO * RHO).sqrt() * draw_normal(&mut rng);
            let bin = |p: f64| ((p * f64::from(BINS)) as u32).min(BINS - 1);
            out.tokens[0][i] = bin(normal::cdf(x));
            out.tokens[1][i] = bin(normal::cdf(y).powi(2));
        }
        out
    }

    fn classical() -> Config {
        Config { groups: 1, ..Config::default() }
    }

    fn shares(tokens: &[u32]) -> Vec<f64> {
        class_counts(tokens.iter().copied(), BINS).iter().map(|&c| f64::from(c) / tokens.len() as f64).collect()
    }

    fn draw(copula: &Copula, rows: usize, allowed: &Allowed) -> Encoded {
        copula.draw(rows, allowed, u64::MAX, &mut stream(2, "draw", 0)).unwrap().encoded
    }

    #[test]
    fn marginals_are_exact() {
        let data = table(20_000);
        let copula = fit(&classical(), &SPANS, &data).unwrap();
        let drawn = draw(&copula, 100_000, &Allowed::any(2));
        for j in 0..2 {
            let real = shares(&data.tokens[j]);
            let mut before = 0.0;
            for (&c, p) in copula.components[0].cumulative[j].iter().zip(&real) {
                assert!((c - before - p).abs() < 1e-12);
                before = c;
            }
            for (p, q) in real.iter().zip(shares(&drawn.tokens[j])) {
                assert!(
                    (p - q).abs() < 4.0 * (p * (1.0 - p) / 100_000.0).sqrt(),
                    "column {j}: {p} in the table, {q} in the draw"
                );
            }
        }
    }

    #[test]
    fn correlation_is_recovered_from_bins() {
        let copula = fit(&classical(), &SPANS, &table(20_000)).unwrap();
        let r = copula.components[0].correlation[1];
        assert!((r - RHO).abs() < 0.03, "{r}");
        // And again from what is drawn.
        let again = fit(&classical(), &SPANS, &draw(&copula, 20_000, &Allowed::any(2))).unwrap();
        assert!((again.components[0].correlation[1] - RHO).abs() < 0.03);
    }

    #[test]
    fn scores_of_halves_are_those_of_a_half_normal() {
        // E[z | z > 0] = sqrt(2 / pi).
        let (scores, sd) = expected_scores(&[0.5, 1.0]);
        let half = (2.0 / std::f64::consts::PI).sqrt();
        assert!((scores[0] + half).abs() < 1e-12 && (scores[1] - half).abs() < 1e-12 && (sd - half).abs() < 1e-12);
    }

    #[test]
    fn conditions_give_what_filtering_gives() {
        let copula = fit(&Config { groups: 4, ..Config::default() }, &SPANS, &table(20_000)).unwrap();
        assert!(copula.components.len() > 1);
        let mut one = Allowed::any(2);
        one.restrict(1, (0..BINS).map(|t| t > 14 || t == 3).collect());
        let mut two = one.clone();
        two.restrict(0, (0..BINS).map(|t| t % 2 == 0).collect());
        for allowed in [one, two] {
            let all = draw(&copula, 200_000, &Allowed::any(2));
            let filtered = all.take(&allowed.matching(&all));
            let asked = copula.draw(40_000, &allowed, u64::MAX, &mut stream(3, "draw", 0)).unwrap().encoded;
            assert_eq!(allowed.matching(&asked).len(), 40_000);
            for j in 0..2 {
                for (t, (p, q)) in shares(&filtered.tokens[j]).iter().zip(shares(&asked.tokens[j])).enumerate() {
                    // Four standard deviations of a difference of two shares.
                    let noise = 4.0 * (p * (1.0 - p) * (1.0 / filtered.rows as f64 + 1.0 / 40_000.0)).sqrt() + 1e-4;
                    assert!((p - q).abs() < noise, "column {j}, token {t}: {p} filtered, {q} asked for");
                }
            }
        }
    }

    #[test]
    fn equal_categories_stay_equal_in_groups() {
        let spans = [Span { tokens: 3, scalar: false, ordered: false }; 2];
        let tokens: Vec<u32> = (0..3000).map(|i| i % 3).collect();
        let data = Encoded { rows: 3000, tokens: vec![tokens.clone(), tokens], scalars: vec![Vec::new(); 2] };
        let drawn = draw(&fit(&Config::default(), &spans, &data).unwrap(), 5000, &Allowed::any(2));
        assert_eq!(drawn.tokens[0], drawn.tokens[1]);
    }

    #[test]
    fn weights_make_the_same_model() {
        let copula = fit(&Config::default(), &SPANS, &table(5000)).unwrap();
        let weights = copula.weights();
        let back = Copula::from_weights(&SPANS, &mut weights.clone()).unwrap();
        assert_eq!(back.weights(), weights);
        assert_eq!(draw(&back, 1000, &Allowed::any(2)).tokens, draw(&copula, 1000, &Allowed::any(2)).tokens);
    }

    #[test]
    fn damaged_weights_are_refused() {
        let weights = fit(&classical(), &SPANS, &table(5000)).unwrap().weights();
        let refused = |name: &str, damage: &dyn Fn(&mut Vec<f64>)| {
            let mut weights = weights.clone();
            let (_, mut numbers) = weights.take_f64(name).unwrap();
            damage(&mut numbers);
            weights.put_f64(name, &[numbers.len()], numbers);
            assert!(Copula::from_weights(&SPANS, &mut weights).is_err(), "{name} was taken");
        };
        refused("weight", &|v| v.clear());
        refused("weight", &|v| v[0] = f64::NAN);
        refused("0.cumulative", &|v| v[0] = 2.0);
        refused("0.cumulative", &|v| v[1] = -1.0);
        refused("0.cumulative", &|v| v[0] = f64::NAN);
        refused("0.cumulative", &|v| v.truncate(7));
        refused("0.correlation", &|v| v[1] = f64::INFINITY);
        refused("0.correlation", &|v| v.truncate(3));
        let mut other = weights.clone();
        let (_, mut order) = other.take_u32("order").unwrap();
        order[0] = BINS;
        other.put_u32("order", &[order.len()], order);
        assert!(Copula::from_weights(&SPANS, &mut other).is_err());
    }
}
