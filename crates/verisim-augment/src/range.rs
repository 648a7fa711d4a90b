//! What a number of a step is drawn from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, below, normal, uniform};

/// A number, a pair `[low, high]` of which any number between is as likely, or a distribution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a number, a pair [low, high], { normal = [mean, sd] }, { log_uniform = [low, high] } or { choice = [..] }"
)]
pub enum Range {
    /// Always this number.
    Number(f64),
    /// Uniform between the two.
    Between([f64; 2]),
    /// A distribution.
    Spread(Spread),
}

/// A distribution of a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Spread {
    /// Mean and standard deviation. What is further than three deviations from the mean is drawn again.
    Normal([f64; 2]),
    /// The logarithm is uniform between those of the two, which are above 0.
    LogUniform([f64; 2]),
    /// Each of the numbers is as likely.
    Choice(Vec<f64>),
}

/// How far a normal number may be from its mean, in standard deviations.
const FAR: f64 = 3.0;

impl Range {
    /// A number from it. It draws as much from `rng` for a fixed number as for a pair, so that a setting can be fixed without changing
    /// what else is drawn.
    pub fn draw(&self, rng: &mut Stream) -> f64 {
        match self {
            Range::Number(x) => {
                uniform(rng);
                *x
            }
            Range::Between([low, high]) => low + (high - low) * uniform(rng),
            Range::Spread(Spread::Normal([mean, sd])) => loop {
                let z = normal(rng);
                if z.abs() <= FAR {
                    return mean + sd * z;
                }
            },
            Range::Spread(Spread::LogUniform([low, high])) => {
                let (a, b) = (libm::log(*low), libm::log(*high));
                libm::exp(a + (b - a) * uniform(rng)).clamp(*low, *high)
            }
            // Nothing to choose from is refused by `within`; whoever did not ask gets what no setting takes.
            Range::Spread(Spread::Choice(of)) if of.is_empty() => f64::NAN,
            Range::Spread(Spread::Choice(of)) => of[below(rng, of.len() as u64) as usize],
        }
    }

    /// A whole number from it; of a pair both ends are as likely as what is between.
    pub fn draw_whole(&self, rng: &mut Stream) -> i64 {
        match self {
            Range::Between([low, high]) => {
                let (low, high) = (low.round() as i64, high.round() as i64);
                low + below(rng, (high - low + 1).max(1) as u64) as i64
            }
            _ => self.draw(rng).round() as i64,
        }
    }

    /// The least and the greatest number that can be drawn.
    pub fn ends(&self) -> [f64; 2] {
        match self {
            Range::Number(x) => [*x, *x],
            Range::Between(pair) | Range::Spread(Spread::LogUniform(pair)) => *pair,
            Range::Spread(Spread::Normal([mean, sd])) => [mean - FAR * sd, mean + FAR * sd],
            Range::Spread(Spread::Choice(of)) => {
                [of.iter().copied().fold(f64::INFINITY, f64::min), of.iter().copied().fold(f64::NEG_INFINITY, f64::max)]
            }
        }
    }

    /// Whether all that can be drawn is between `low` and `high`; what is wrong is said of `key`.
    pub fn within(&self, key: &str, low: f64, high: f64) -> Result<(), String> {
        match self {
            Range::Spread(Spread::Choice(of)) if of.is_empty() => {
                return Err(format!("`{key}` has nothing to choose from"));
            }
            Range::Spread(Spread::Normal([_, sd])) if sd.is_nan() || *sd < 0.0 => {
                return Err(format!("the standard deviation of `{key}` is {sd}; it must be 0 or more"));
            }
            Range::Spread(Spread::LogUniform([a, _])) if a.is_nan() || *a <= 0.0 => {
                return Err(format!("`{key}` is log-uniform from {a}; its ends must be above 0"));
            }
            _ => {}
        }
        let [least, most] = self.ends();
        if !least.is_finite() || !most.is_finite() {
            return Err(format!("`{key}` is not finite"));
        }
        if least > most {
            return Err(format!("`{key}` is [{least}, {most}]: the lower end comes first"));
        }
        if least < low || most > high {
            let far = match self {
                Range::Spread(Spread::Normal(_)) => " (three standard deviations each way)",
                _ => "",
            };
            return Err(format!("`{key}` reaches from {least} to {most}{far}; it must be between {low} and {high}"));
        }
        Ok(())
    }

    /// As [`Range::within`], and whole.
    pub fn whole_within(&self, key: &str, low: f64, high: f64) -> Result<(), String> {
        self.within(key, low, high)?;
        let whole = match self {
            Range::Spread(Spread::Choice(of)) => of.iter().all(|x| x.fract() == 0.0),
            Range::Spread(_) => true,
            _ => self.ends().iter().all(|x| x.fract() == 0.0),
        };
        if whole { Ok(()) } else { Err(format!("`{key}` must be whole")) }
    }
}

impl From<f64> for Range {
    fn from(x: f64) -> Range {
        Range::Number(x)
    }
}

impl From<[f64; 2]> for Range {
    fn from(pair: [f64; 2]) -> Range {
        Range::Between(pair)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Draw;

    #[derive(Debug, Deserialize)]
    struct Holder {
        x: Range,
    }

    fn read(text: &str) -> Result<Range, String> {
        toml::from_str::<Holder>(text).map(|h| h.x).map_err(|e| e.to_string())
    }

    fn draws(range: &Range) -> Vec<f64> {
        (0..4000).map(|i| range.draw(&mut Draw::new(1, i, 0, 0).stream())).collect()
    }

    #[test]
    fn all_forms_are_read_and_others_refused() {
        assert_eq!(read("x = 3").unwrap(), Range::Number(3.0));
        assert_eq!(read("x = [-1, 2.5]").unwrap(), Range::Between([-1.0, 2.5]));
        assert_eq!(read("x = { normal = [0, 1] }").unwrap(), Range::Spread(Spread::Normal([0.0, 1.0])));
        assert_eq!(read("x = { choice = [1, 2, 4] }").unwrap(), Range::Spread(Spread::Choice(vec![1.0, 2.0, 4.0])));
        for wrong in ["x = [1, 2, 3]", "x = \"1\"", "x = { norml = [0, 1] }"] {
            assert!(read(wrong).unwrap_err().contains("a pair [low, high]"), "{wrong}");
        }
    }

    #[test]
    fn draws_have_the_moments_of_their_distribution() {
        let moments = |range: Range| {
            let x = draws(&range);
            let mean = x.iter().sum::<f64>() / x.len() as f64;
            (mean, (x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / x.len() as f64).sqrt())
        };
        let (mean, sd) = moments(Range::Between([2.0, 4.0]));
        assert!((mean - 3.0).abs() < 0.04 && (sd - 0.577).abs() < 0.02, "{mean} {sd}");
        let (mean, sd) = moments(Range::Spread(Spread::Normal([5.0, 2.0])));
        assert!((mean - 5.0).abs() < 0.1 && (sd - 1.97).abs() < 0.08, "{mean} {sd}");
        let logs: Vec<f64> =
            draws(&Range::Spread(Spread::LogUniform([0.01, 100.0]))).iter().map(|x| x.log10()).collect();
        assert!((logs.iter().sum::<f64>() / 4000.0).abs() < 0.06);
        assert!(logs.iter().all(|l| (-2.0001..2.0001).contains(l)));
    }

    #[test]
    fn whole_numbers_reach_both_ends() {
        let mut seen = [0; 4];
        for i in 0..4000 {
            seen[Range::Between([0.0, 3.0]).draw_whole(&mut Draw::new(1, i, 0, 0).stream()) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| (900..1100).contains(&n)), "{seen:?}");
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let said = |range: Range| range.within("sigma", 0.0, 10.0).unwrap_err();
        assert!(said(Range::Between([2.0, 1.0])).contains("lower end"));
        assert!(said(Range::Number(-1.0)).contains("between 0 and 10"));
        assert!(said(Range::Number(f64::NAN)).contains("not finite"));
        assert!(said(Range::Spread(Spread::Choice(vec![]))).contains("nothing"));
        assert!(said(Range::Spread(Spread::LogUniform([0.0, 1.0]))).contains("above 0"));
        assert!(said(Range::Spread(Spread::Normal([1.0, 1.0]))).contains("three"));
        assert!(Range::Number(1.5).whole_within("n", 0.0, 3.0).unwrap_err().contains("whole"));
    }
}
