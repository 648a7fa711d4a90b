//! Numbers of the families of distributions: drawn from a cell, and at a given probability (for copulas).

use rand_distr::Distribution as _;
use statrs::distribution::{ContinuousCDF, DiscreteCDF};

use crate::cell::Cell;
use crate::world::Family;

/// A distribution whose parameters are known.
#[derive(Clone, Debug)]
pub enum Sampler {
    /// `low`, `high - low`.
    Uniform(f64, f64),
    /// `low`, and how many whole numbers there are from there on.
    Integer(f64, u64),
    /// Mean, standard deviation.
    Normal(f64, f64),
    /// Of the logarithm: mean, standard deviation.
    LogNormal(f64, f64),
    /// Mean.
    Exponential(f64),
    /// Shape, scale.
    Gamma(rand_distr::Gamma<f64>, f64, f64),
    /// Both shapes.
    Beta(rand_distr::Beta<f64>, f64, f64),
    /// Scale, shape.
    Weibull(f64, f64),
    /// Scale, shape.
    Pareto(f64, f64),
    /// Low, mode, high.
    Triangular(f64, f64, f64),
    /// Degrees of freedom.
    Student(rand_distr::StudentT<f64>, f64),
    /// Mean.
    Poisson(rand_distr::Poisson<f64>, f64),
    /// Always the same.
    Always(f64),
    /// Tries, chance.
    Binomial(rand_distr::Binomial, u64, f64),
    /// Gamma of the Poisson's mean; successes, chance.
    NegativeBinomial(rand_distr::Gamma<f64>, f64, f64),
    /// Chance.
    Geometric(f64),
    /// Ranks, exponent.
    Zipf(rand_distr::Zipf<f64>, f64, f64),
}

/// The largest mean of counts: beyond, a count is not exact in the arithmetic used.
const MOST: f64 = 1e15;

impl Sampler {
    /// The distribution of a family with these parameters; `None` where one is missing.
    ///
    /// # Errors
    /// What is wrong with the parameters.
    pub fn new(family: &Family, p: &[f64]) -> Result<Option<Sampler>, String> {
        if p.iter().any(|x| x.is_nan()) {
            return Ok(None);
        }
        let bad = |rule: &str| {
            let said: Vec<String> =
                family.parameters.iter().zip(p).map(|((name, _), x)| format!("{name} = {x}")).collect();
            Err(format!("`{}` with {}: {rule}", family.name, said.join(", ")))
        };
        let made = |e: &dyn std::fmt::Display| e.to_string();
        let [a, b, c] = [0, 1, 2].map(|k| p.get(k).copied().unwrap_or_default());
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let chance = |x: f64| (0.0..=1.0).contains(&x);
        Ok(Some(match family.name {
            "uniform" if a <= b && (b - a).is_finite() => Sampler::Uniform(a, b - a),
            "integer" if a.ceil() <= b.floor() && a.abs() < MOST && b.abs() < MOST => {
                Sampler::Integer(a.ceil(), (b.floor() - a.ceil()) as u64 + 1)
            }
            "uniform" | "integer" => return bad("`low` must be at most `high`, with a number between"),
            "normal" if b >= 0.0 && b.is_finite() => Sampler::Normal(a, b),
            "lognormal" if b >= 0.0 && b.is_finite() => Sampler::LogNormal(a, b),
            "normal" | "lognormal" => return bad("`sd` must not be below 0"),
            "exponential" if a >= 0.0 && a.is_finite() => Sampler::Exponential(a),
            "exponential" => return bad("`mean` must not be below 0"),
            "gamma" if positive(a) && positive(b) => {
                Sampler::Gamma(rand_distr::Gamma::new(a, b).map_err(|e| made(&e))?, a, b)
            }
            "beta" if positive(a) && positive(b) => {
                Sampler::Beta(rand_distr::Beta::new(a, b).map_err(|e| made(&e))?, a, b)
            }
            "weibull" if positive(a) && positive(b) => Sampler::Weibull(a, b),
            "pareto" if positive(a) && positive(b) => Sampler::Pareto(a, b),
            "student" if positive(a) => Sampler::Student(rand_distr::StudentT::new(a).map_err(|e| made(&e))?, a),
            "gamma" | "beta" | "weibull" | "pareto" | "student" => return bad("all must be above 0"),
            "triangular" if a <= b && b <= c && (c - a).is_finite() => Sampler::Triangular(a, b, c),
            "triangular" => return bad("`low`, `mode` and `high` must rise"),
            "poisson" if a == 0.0 => Sampler::Always(0.0),
            "poisson" if a > 0.0 && a < MOST => Sampler::Poisson(rand_distr::Poisson::new(a).map_err(|e| made(&e))?, a),
            "poisson" => return bad("`mean` must not be below 0, and be below 1e15"),
            "binomial" if (0.0..MOST).contains(&a) && chance(b) => {
                let n = a.round() as u64;
                Sampler::Binomial(rand_distr::Binomial::new(n, b).map_err(|e| made(&e))?, n, b)
            }
            "binomial" => return bad("`n` must not be below 0, `p` lie between 0 and 1"),
            "negative_binomial" if positive(a) && b == 1.0 => Sampler::Always(0.0),
            "negative_binomial" if positive(a) && b > 0.0 && b < 1.0 => {
                let gamma = rand_distr::Gamma::new(a, (1.0 - b) / b).map_err(|e| made(&e))?;
                Sampler::NegativeBinomial(gamma, a, b)
            }
            "geometric" if a > 0.0 && a <= 1.0 => Sampler::Geometric(a),
            "negative_binomial" | "geometric" => return bad("`p` must lie above 0 and not above 1, `r` above 0"),
            "zipf" if (1.0..MOST).contains(&a) && b >= 0.0 && b.is_finite() => {
                Sampler::Zipf(rand_distr::Zipf::new(a.floor(), b).map_err(|e| made(&e))?, a.floor(), b)
            }
            "zipf" => return bad("`n` must be at least 1, `exponent` not below 0"),
            _ => return bad("is not known"),
        }))
    }

    /// A number drawn from a cell.
    pub fn draw(&self, cell: &mut Cell) -> f64 {
        match self {
            Sampler::Uniform(low, width) => low + width * cell.uniform(),
            Sampler::Integer(low, count) => low + cell.below(*count) as f64,
            Sampler::Normal(mean, sd) => mean + sd * normal(cell),
            Sampler::LogNormal(mean, sd) => (mean + sd * normal(cell)).exp(),
            Sampler::Exponential(mean) => {
                let wait: f64 = rand_distr::Exp1.sample(cell);
                mean * wait
            }
            Sampler::Gamma(gamma, ..) => gamma.sample(cell),
            Sampler::Beta(beta, ..) => beta.sample(cell),
            Sampler::Weibull(scale, shape) => scale * (-(1.0 - cell.uniform()).ln()).powf(1.0 / shape),
            Sampler::Pareto(scale, shape) => scale * (1.0 - cell.uniform()).powf(-1.0 / shape),
            Sampler::Triangular(..) => self.quantile(cell.uniform()),
            Sampler::Student(t, _) => t.sample(cell),
            Sampler::Poisson(poisson, _) => poisson.sample(cell),
            Sampler::Always(x) => *x,
            Sampler::Binomial(binomial, ..) => binomial.sample(cell) as f64,
            Sampler::NegativeBinomial(gamma, ..) => {
                let mean: f64 = gamma.sample(cell);
                rand_distr::Poisson::new(mean).map_or(0.0, |poisson| poisson.sample(cell))
            }
            Sampler::Geometric(_) => self.quantile(cell.uniform()),
            Sampler::Zipf(zipf, ..) => zipf.sample(cell),
        }
    }

    /// The number below which a share `u` of the distribution lies, `0 <= u < 1`.
    pub fn quantile(&self, u: f64) -> f64 {
        let u = u.clamp(0.0, 1.0 - f64::EPSILON);
        let inside = u.max(1e-300);
        /// The inverse of a distribution that the library may refuse to make: `NaN`, which is missing.
        macro_rules! inverse {
            ($made:expr) => {
                $made.map_or(f64::NAN, |d| d.inverse_cdf(inside) as f64)
            };
        }
        match *self {
            Sampler::Uniform(low, width) => low + width * u,
            Sampler::Integer(low, count) => low + (u * count as f64).floor(),
            Sampler::Normal(mean, sd) => mean + sd * verisim_data::normal::quantile(inside),
            Sampler::LogNormal(mean, sd) => (mean + sd * verisim_data::normal::quantile(inside)).exp(),
            Sampler::Exponential(mean) => -mean * (-u).ln_1p(),
            Sampler::Gamma(_, shape, scale) => inverse!(statrs::distribution::Gamma::new(shape, 1.0 / scale)),
            Sampler::Beta(_, a, b) => inverse!(statrs::distribution::Beta::new(a, b)),
            Sampler::Weibull(scale, shape) => scale * (-(-u).ln_1p()).powf(1.0 / shape),
            Sampler::Pareto(scale, shape) => scale * (1.0 - u).powf(-1.0 / shape),
            Sampler::Triangular(low, mode, high) => {
                let (width, left) = (high - low, mode - low);
                if width <= 0.0 {
                    low
                } else if u * width < left {
                    low + (u * width * left).sqrt()
                } else {
                    high - ((1.0 - u) * width * (high - mode)).sqrt()
                }
            }
            Sampler::Student(_, freedom) => inverse!(statrs::distribution::StudentsT::new(0.0, 1.0, freedom)),
            Sampler::Poisson(_, mean) => inverse!(statrs::distribution::Poisson::new(mean)),
            Sampler::Always(x) => x,
            Sampler::Binomial(_, n, p) => inverse!(statrs::distribution::Binomial::new(p, n)),
            Sampler::NegativeBinomial(_, r, p) => inverse!(statrs::distribution::NegativeBinomial::new(r, p)),
            Sampler::Geometric(p) => {
                if p >= 1.0 {
                    0.0
                } else {
                    ((-u).ln_1p() / (-p).ln_1p()).floor()
                }
            }
            Sampler::Zipf(_, n, exponent) => zipf_rank(u, n, exponent),
        }
    }
}

fn normal(cell: &mut Cell) -> f64 {
    rand_distr::StandardNormal.sample(cell)
}

/// The rank at a share `u` of the weights: adds weights up, so it costs as many steps as there are ranks.
fn zipf_rank(u: f64, n: f64, exponent: f64) -> f64 {
    let weight = |k: u64| (k as f64).powf(-exponent);
    let total: f64 = (1..=n as u64).map(weight).sum();
    let mut left = u * total;
    for k in 1..=n as u64 {
        left -= weight(k);
        if left < 0.0 {
            return k as f64;
        }
    }
    n
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cell::ColumnKey;
    use crate::world::FAMILIES;

    fn family(name: &str) -> &'static Family {
        Family::named(name).unwrap()
    }

    fn drawn(name: &str, p: &[f64], n: u64) -> Vec<f64> {
        let sampler = Sampler::new(family(name), p).unwrap().unwrap();
        let key = ColumnKey::new(5, "t", name);
        (0..n).map(|row| sampler.draw(&mut Cell::new(key, row))).collect()
    }

    /// Kolmogorov and Smirnov's distance from a distribution function, times the root of the rows: above 1.95 in one of a thousand right
    /// samples.
    fn distance(mut x: Vec<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
        x.sort_by(f64::total_cmp);
        let n = x.len() as f64;
        let gap = |(i, &x): (usize, &f64)| (cdf(x) - i as f64 / n).abs().max((cdf(x) - (i + 1) as f64 / n).abs());
        x.iter().enumerate().map(gap).fold(0.0, f64::max) * n.sqrt()
    }

    #[test]
    fn continuous_families_have_their_distribution_functions() {
        use statrs::distribution as d;
        let n = 20_000;
        let close = |name: &str, p: &[f64], cdf: &dyn Fn(f64) -> f64| {
            let right = distance(drawn(name, p, n), cdf);
            assert!(right < 1.95, "{name}: {right}");
            // What a distribution a twentieth wider would give: the bound tells them apart.
            let wrong = distance(drawn(name, p, n), |x| cdf(x / 1.05));
            assert!(wrong > 1.95 || name == "uniform", "{name}: {wrong}");
        };
        close("uniform", &[2.0, 5.0], &|x| ((x - 2.0) / 3.0).clamp(0.0, 1.0));
        close("normal", &[3.0, 2.0], &|x| d::Normal::new(3.0, 2.0).unwrap().cdf(x));
        close("lognormal", &[1.0, 0.5], &|x| d::LogNormal::new(1.0, 0.5).unwrap().cdf(x));
        close("exponential", &[4.0], &|x| 1.0 - (-x / 4.0).exp());
        close("gamma", &[2.5, 3.0], &|x| d::Gamma::new(2.5, 1.0 / 3.0).unwrap().cdf(x));
        close("beta", &[2.0, 3.0], &|x| d::Beta::new(2.0, 3.0).unwrap().cdf(x.clamp(0.0, 1.0)));
        close("weibull", &[2.0, 1.5], &|x| 1.0 - (-(x / 2.0).powf(1.5)).exp());
        close("pareto", &[2.0, 3.0], &|x| if x < 2.0 { 0.0 } else { 1.0 - (2.0 / x).powi(3) });
        close("student", &[5.0], &|x| d::StudentsT::new(0.0, 1.0, 5.0).unwrap().cdf(x));
        close("triangular", &[1.0, 2.0, 4.0], &|x| d::Triangular::new(1.0, 4.0, 2.0).unwrap().cdf(x));
    }

    /// The sum over values of (seen - expected)^2 / expected, less its mean, in its standard deviations.
    fn excess(x: &[f64], chance: impl Fn(u64) -> f64) -> f64 {
        let (mut sum, mut cells, n) = (0.0, 0.0, x.len() as f64);
        for k in 0..200u64 {
            let expected = n * chance(k);
            if expected >= 5.0 {
                let seen = x.iter().filter(|&&x| x == k as f64).count() as f64;
                sum += (seen - expected).powi(2) / expected;
                cells += 1.0;
            }
        }
        assert!(cells > 3.0);
        (sum - cells) / (2.0f64 * cells).sqrt()
    }

    #[test]
    fn counts_have_their_chances() {
        use statrs::distribution::{self as d, Discrete};
        let n = 50_000;
        let close = |name: &str, p: &[f64], chance: &dyn Fn(u64) -> f64| {
            let excess = excess(&drawn(name, p, n), chance);
            assert!(excess.abs() < 4.0, "{name}: {excess}");
        };
        close("poisson", &[3.5], &|k| d::Poisson::new(3.5).unwrap().pmf(k));
        close("binomial", &[10.0, 0.3], &|k| d::Binomial::new(0.3, 10).unwrap().pmf(k));
        close("negative_binomial", &[2.5, 0.4], &|k| d::NegativeBinomial::new(2.5, 0.4).unwrap().pmf(k));
        close("geometric", &[0.25], &|k| 0.25 * 0.75f64.powi(k as i32));
        close("integer", &[0.0, 9.0], &|k| if k < 10 { 0.1 } else { 0.0 });
        let total: f64 = (1..=20).map(|k| 1.0 / f64::from(k)).sum();
        close("zipf", &[20.0, 1.0], &|k| if (1..=20).contains(&k) { 1.0 / k as f64 / total } else { 0.0 });
    }

    /// Draws lie below the quantile of `u` as often as `u` says.
    #[test]
    fn quantiles_and_draws_agree() {
        let parameters: &[(&str, &[f64])] = &[
            ("uniform", &[2.0, 5.0]),
            ("normal", &[3.0, 2.0]),
            ("lognormal", &[1.0, 0.5]),
            ("exponential", &[4.0]),
            ("gamma", &[2.5, 3.0]),
            ("beta", &[2.0, 3.0]),
            ("weibull", &[2.0, 1.5]),
            ("pareto", &[2.0, 3.0]),
            ("triangular", &[1.0, 2.0, 4.0]),
            ("student", &[5.0]),
            ("integer", &[0.0, 99.0]),
            ("poisson", &[40.0]),
            ("binomial", &[90.0, 0.3]),
            ("negative_binomial", &[5.0, 0.1]),
            ("geometric", &[0.01]),
            ("zipf", &[300.0, 0.2]),
        ];
        assert_eq!(parameters.len(), FAMILIES.len());
        for (name, p) in parameters {
            let sampler = Sampler::new(family(name), p).unwrap().unwrap();
            let x = drawn(name, p, 20_000);
            for u in [0.1, 0.5, 0.9] {
                let q = sampler.quantile(u);
                let below = x.iter().filter(|&&x| x <= q).count() as f64 / 20_000.0;
                // A count's chance of being exactly q is on both sides.
                let bound = if family(name).whole { 0.07 } else { 0.015 };
                assert!((below - u).abs() < bound, "{name} at {u}: {below}");
            }
        }
    }

    #[test]
    fn parameters_that_make_no_sense_are_named() {
        let said = |name: &str, p: &[f64]| Sampler::new(family(name), p).unwrap_err();
        assert!(said("normal", &[0.0, -1.0]).contains("sd = -1"));
        assert!(said("uniform", &[2.0, 1.0]).contains("`low` must be at most `high`"));
        assert!(said("integer", &[0.2, 0.8]).contains("with a number between"));
        assert!(said("poisson", &[f64::INFINITY]).contains("below 1e15"));
        assert!(said("beta", &[0.0, 1.0]).contains("above 0"));
        assert!(Sampler::new(family("normal"), &[f64::NAN, 1.0]).unwrap().is_none());
    }
}
