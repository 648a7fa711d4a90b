//! Walks: what moves by chance from tick to tick. Motions with a closed form are exact at every tick, whatever the time between two.

use arrow_schema::DataType;
use rand_distr::{Distribution, StandardNormal};
use serde::Deserialize;

use super::clock::{Clock, Moment, Span, setting};
use super::machine::second;
use super::number::{Draw, Family, Number};
use super::rows::Rows;
use super::scalar::{Scope, Value};
use super::{Plan, Run};
use crate::cell::Cell;
use crate::error::Result;

/// Ticks of one run beyond which it is an error.
const TICKS: f64 = 1e8;

/// A walk.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Walk {
    /// When a run starts: a date or time, or an expression over the parent row. Without it times are plain numbers.
    #[serde(default)]
    pub start: Option<Moment>,
    /// One unit of time \[1s\].
    #[serde(default = "second")]
    pub unit: Span,
    /// The last tick is not after this.
    pub until: Number,
    /// The time between two ticks \[1\].
    #[serde(default = "tick")]
    pub every: Number,
    /// The first value \[0; of a motion that is pulled: drawn as it is in the long run\].
    #[serde(default)]
    pub from: Option<Number>,
    /// How it moves.
    pub motion: Motion,
    /// Jumps beside the motion.
    #[serde(default)]
    pub jumps: Option<Jumps>,
    /// It is thrown back from here.
    #[serde(default)]
    pub least: Option<f64>,
    /// It is thrown back from here.
    #[serde(default)]
    pub greatest: Option<f64>,
}

fn tick() -> Number {
    Number::Fixed(1.0)
}

/// How a walk moves. Numbers are made once a run, but for `step`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Motion {
    /// A random walk: at each tick this is added, made anew. An expression may name `t` and the `value` before.
    Step(Number),
    /// Brownian motion.
    Brownian(Spread),
    /// Geometric Brownian motion: the logarithm moves, as prices are said to. `drift` is the growth of the mean.
    Growth(Spread),
    /// Pulled back to a mean (Ornstein and Uhlenbeck).
    Pull(Pull),
}

/// Drift and spread in a unit of time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// What the mean moves by \[0\].
    #[serde(default)]
    pub drift: Option<Number>,
    /// The standard deviation after a unit of time.
    pub volatility: Number,
}

/// A pull to a mean.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pull {
    /// The mean.
    pub to: Number,
    /// Which share of the distance is gone in a unit of time, at first: what is left after t is exp(-rate t).
    pub rate: Number,
    /// The standard deviation that a unit of time would add without the pull.
    pub volatility: Number,
}

/// Jumps at times of a Poisson process.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jumps {
    /// Jumps a unit of time, in the mean.
    pub rate: Number,
    /// How far; of a growth in the logarithm. Made anew each time.
    pub size: Number,
}

enum Moves {
    Step(Draw),
    /// Drift, volatility, and whether it is the logarithm that moves.
    Brownian(Draw, Draw, bool),
    Pull(Draw, Draw, Draw),
}

struct Ready {
    clock: Clock,
    until: Draw,
    every: Draw,
    from: Option<Draw>,
    moves: Moves,
    jumps: Option<(Draw, Draw)>,
    bounds: (f64, f64),
}

impl Walk {
    /// Checks the walk and makes it ready.
    ///
    /// # Errors
    /// Names the key that is wrong.
    pub fn plan(&self) -> Result<Plan> {
        let mut scope = Scope::new(vec!["t".to_owned(), "value".to_owned()], self.unit.micros);
        let clock = Clock::new(self.start.as_ref(), &mut scope)?;
        let mut number = |key: &str, number: &Number| Draw::new(number, key, &mut scope);
        let until = number("until", &self.until)?;
        let every = number("every", &self.every)?;
        if every.fixed().is_some_and(|e| e <= 0.0) {
            return Err(setting("every", "must be above 0"));
        }
        let from = self.from.as_ref().map(|f| number("from", f)).transpose()?;
        let mut spread = |key: &str, spread: &Spread| {
            let drift = spread.drift.clone().unwrap_or(Number::Fixed(0.0));
            let volatility = number(&format!("{key}.volatility"), &spread.volatility)?;
            if volatility.fixed().is_some_and(|v| v < 0.0) {
                return Err(setting(&format!("{key}.volatility"), "must not be below 0"));
            }
            Ok((number(&format!("{key}.drift"), &drift)?, volatility))
        };
        let moves = match &self.motion {
            Motion::Brownian(said) => {
                let (drift, volatility) = spread("motion.brownian", said)?;
                Moves::Brownian(drift, volatility, false)
            }
            Motion::Growth(said) => {
                let (drift, volatility) = spread("motion.growth", said)?;
                match &from {
                    None => return Err(setting("from", "must be given for a growth: the first value, above 0")),
                    Some(from) if from.fixed().is_some_and(|x| x <= 0.0) => {
                        return Err(setting("from", "must be above 0 for a growth"));
                    }
                    Some(_) => Moves::Brownian(drift, volatility, true),
                }
            }
            Motion::Step(step) => Moves::Step(number("motion.step", step)?),
            Motion::Pull(pull) => {
                let rate = number("motion.pull.rate", &pull.rate)?;
                if rate.fixed().is_some_and(|r| r <= 0.0) {
                    return Err(setting("motion.pull.rate", "must be above 0"));
                }
                Moves::Pull(
                    number("motion.pull.to", &pull.to)?,
                    rate,
                    number("motion.pull.volatility", &pull.volatility)?,
                )
            }
        };
        let jumps = match &self.jumps {
            None => None,
            Some(jumps) => {
                let rate = number("jumps.rate", &jumps.rate)?;
                if rate.fixed().is_some_and(|r| r < 0.0) {
                    return Err(setting("jumps.rate", "must not be below 0"));
                }
                Some((rate, number("jumps.size", &jumps.size)?))
            }
        };
        let bounds = (self.least.unwrap_or(f64::NEG_INFINITY), self.greatest.unwrap_or(f64::INFINITY));
        if bounds.0 >= bounds.1 || bounds.0.is_nan() || bounds.1.is_nan() {
            return Err(setting("least", "must be below `greatest`"));
        }
        let mut columns = vec![("time".to_owned(), clock.kind()), ("value".to_owned(), DataType::Float64)];
        if jumps.is_some() {
            columns.push(("jumps".to_owned(), DataType::Int64));
        }
        let inputs = scope.inputs().to_vec();
        Plan::new(columns, &inputs, Ready { clock, until, every, from, moves, jumps, bounds })
    }
}

/// How a run moves over one tick.
enum Moving<'a> {
    Step(&'a Draw),
    /// What is added in the mean, its deviation, and whether it is to the logarithm.
    Add(f64, f64, bool),
    /// To where, what is left of the distance, and the deviation.
    Pull(f64, f64, f64),
}

fn normal(cell: &mut Cell) -> f64 {
    StandardNormal.sample(cell)
}

impl Ready {
    /// How it moves, and its first value.
    fn begin(&self, dt: f64, frame: &[Value], cell: &mut Cell) -> Result<(Moving<'_>, f64)> {
        let from = self.from.as_ref().map(|f| f.number(frame, cell)).transpose()?;
        Ok(match &self.moves {
            Moves::Step(step) => (Moving::Step(step), from.unwrap_or(0.0)),
            Moves::Brownian(drift, volatility, growth) => {
                let (mu, sd) = (drift.number(frame, cell)?, volatility.length("volatility", frame, cell)?);
                let from = from.unwrap_or(0.0);
                if *growth && from <= 0.0 {
                    return Err(setting("from", &format!("came to {from}; a growth begins above 0")));
                }
                let mean = if *growth { mu - 0.5 * sd * sd } else { mu };
                (Moving::Add(mean * dt, sd * dt.sqrt(), *growth), from)
            }
            Moves::Pull(to, rate, volatility) => {
                let (to, rate) = (to.number(frame, cell)?, rate.number(frame, cell)?);
                if rate <= 0.0 {
                    return Err(setting("motion.pull.rate", &format!("came to {rate}; it must be above 0")));
                }
                let long = volatility.length("motion.pull.volatility", frame, cell)? / (2.0 * rate).sqrt();
                let from = from.unwrap_or_else(|| to + long * normal(cell));
                let left = (-rate * dt).exp();
                (Moving::Pull(to, left, long * (1.0 - left * left).sqrt()), from)
            }
        })
    }

    fn thrown_back(&self, x: f64) -> f64 {
        let (low, high) = self.bounds;
        let x = if x < low { 2.0 * low - x } else { x };
        let x = if x > high { 2.0 * high - x } else { x };
        x.clamp(low, high)
    }
}

impl Run for Ready {
    fn run(&self, cell: &Cell, inputs: &[Value], rows: &mut Rows) -> Result<()> {
        let mut frame = Scope::frame(2, inputs);
        frame[0] = Value::Number(0.0);
        let base = self.clock.base(&frame)?;
        let (mut own, mut moves, mut leaps) = (cell.part(0), cell.part(1), cell.part(2));
        let until = self.until.number(&frame, &mut own)?;
        let every = self.every.number(&frame, &mut own)?;
        if !(every > 0.0 && until / every < TICKS) {
            let what =
                format!("came to {every} for a time of {until}; it must be above 0, and make less than {TICKS} rows");
            return Err(setting("every", &what));
        }
        let (moving, mut x) = self.begin(every, &frame, &mut own)?;
        let rate = self.jumps.as_ref().map(|j| j.0.length("jumps.rate", &frame, &mut own)).transpose()?.unwrap_or(0.0);
        for k in 0..=(until / every + 1e-9).floor().max(0.0) as u64 {
            let t = k as f64 * every;
            let mut count = 0.0;
            if k > 0 {
                frame[0] = Value::Number(t);
                frame[1] = Value::Number(x);
                match &moving {
                    Moving::Step(step) => x += step.number(&frame, &mut moves)?,
                    Moving::Add(mean, sd, false) => x += mean + sd * normal(&mut moves),
                    Moving::Add(mean, sd, true) => x *= (mean + sd * normal(&mut moves)).exp(),
                    Moving::Pull(to, left, sd) => x = to + (x - to) * left + sd * normal(&mut moves),
                }
                if let Some((_, size)) = self.jumps.as_ref().filter(|_| rate > 0.0) {
                    count = Family::Poisson
                        .draw(&[rate * every], &mut leaps)
                        .map_err(|what| setting("jumps.rate", &what))?;
                    for _ in 0..count as u64 {
                        let size = size.number(&frame, &mut leaps)?;
                        if matches!(moving, Moving::Add(.., true)) { x *= size.exp() } else { x += size }
                    }
                }
                x = self.thrown_back(x);
                if !x.is_finite() {
                    return Err(setting(
                        "motion",
                        &format!("came to {x} at time {t}, which is no number; does it grow without bound?"),
                    ));
                }
            }
            self.clock.push(rows, 0, base, Some(t));
            rows.number(1, Some(x));
            if self.jumps.is_some() {
                rows.whole(2, Some(count as i64));
            }
            rows.end();
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::tests::{mean, plan, refused, repeats, run, run_with, variance};

    fn lag(x: &[f64], lag: usize) -> f64 {
        let m = mean(x);
        let both: f64 = x.iter().zip(&x[lag..]).map(|(a, b)| (a - m) * (b - m)).sum();
        both / (x.len() - lag) as f64 / variance(x)
    }

    /// volatility^2 / (2 rate), with correlations exp(-rate t), at any time between ticks.
    #[test]
    fn a_pulled_motion_has_its_variance_and_memory() {
        for every in [0.1f64, 2.0] {
            let text = format!(
                "[walk]\nuntil = {}\nevery = {every}\nmotion.pull = {{ to = 5, rate = 0.5, volatility = 2 }}",
                every * 200_000.0
            );
            let x = run(&text, 3).numbers("value");
            assert!((variance(&x) - 4.0).abs() < 0.3, "{every}: {}", variance(&x));
            assert!((mean(&x) - 5.0).abs() < 0.12, "{}", mean(&x));
            assert!((lag(&x, 1) - (-0.5 * every).exp()).abs() < 0.01);
        }
    }

    #[test]
    fn logarithms_of_a_growth_are_normal() {
        let x = run(
            "[walk]\nuntil = 1000\nevery = 0.01\nfrom = 100\nmotion.growth = { drift = 0.05, volatility = 0.2 }",
            3,
        )
        .numbers("value");
        let steps: Vec<f64> = x.windows(2).map(|w| (w[1] / w[0]).ln()).collect();
        assert!((variance(&steps) / 0.0004 - 1.0).abs() < 0.02);
        assert!((mean(&steps) - 0.0003).abs() < 4.0 * 0.02 / 100_000f64.sqrt());
        let plan = plan("[walk]\nuntil = 4\nevery = 4\nfrom = 100\nmotion.growth = { drift = 0.05, volatility = 0.2 }");
        let ends: Vec<f64> = (0..40_000).map(|s| run_with(&plan, s, &[]).unwrap().numbers("value")[1]).collect();
        assert!((mean(&ends) / (100.0 * 0.2f64.exp()) - 1.0).abs() < 0.01, "{}", mean(&ends));
    }

    #[test]
    fn variance_grows_with_time_and_by_jumps() {
        let end = |text: &str| {
            let plan = plan(text);
            let ends: Vec<f64> =
                (0..8_000).map(|s| *run_with(&plan, s, &[]).unwrap().numbers("value").last().unwrap()).collect();
            (mean(&ends), variance(&ends))
        };
        let near = |found: (f64, f64), m: f64, v: f64| {
            assert!(
                (found.0 - m).abs() < 4.0 * (v / 8_000.0f64).sqrt() && (found.1 / v - 1.0).abs() < 0.07,
                "{found:?}, not {m}, {v}"
            );
        };
        near(end("[walk]\nuntil = 20\nmotion.step = { uniform = [-1, 1] }"), 0.0, 20.0 / 3.0);
        near(end("[walk]\nuntil = 20\nmotion.brownian = { drift = 0.5, volatility = 2 }"), 10.0, 80.0);
        near(
            end(
                "[walk]\nuntil = 20\nmotion.brownian = { volatility = 1 }\njumps = { rate = 0.3, size = { normal = [1, 2] } }",
            ),
            6.0,
            20.0 + 20.0 * 0.3 * 5.0,
        );
    }

    #[test]
    fn bounds_hold_and_steps_may_name_the_value() {
        let made = run(
            "[walk]\nuntil = 5000\nmotion.step = { normal = [0, 1] }\nleast = 0\ngreatest = 5\njumps = { rate = 0.1, size = 3 }",
            1,
        );
        let x = made.numbers("value");
        assert!(x.iter().all(|x| (0.0..=5.0).contains(x)) && (mean(&x) - 2.5).abs() < 0.5);
        assert!((made.numbers("jumps").iter().sum::<f64>() - 500.0).abs() < 90.0);
        assert_eq!(
            run("[walk]\nuntil = 3\nfrom = 8\nmotion.step = '-value / 2'", 1).numbers("value"),
            [8.0, 4.0, 2.0, 1.0]
        );
    }

    #[test]
    fn runs_repeat() {
        repeats("[walk]\nuntil = 20\nmotion.brownian = { volatility = 2 }");
    }

    #[test]
    fn mistakes_are_named() {
        for (text, said) in [
            ("until = 3\nmotion.growth = { volatility = 1 }", "`from` must be given"),
            ("until = 3\nfrom = 0\nmotion.growth = { volatility = 1 }", "`from` must be above 0"),
            ("until = 3\nmotion.brownian = { volatility = -1 }", "`motion.brownian.volatility`"),
            ("until = 3\nmotion.pull = { to = 1, rate = 0, volatility = 1 }", "`motion.pull.rate`"),
            ("until = 3\nevery = 0\nmotion.step = 1", "`every` must be above 0"),
            ("until = 3\nleast = 2\ngreatest = 1\nmotion.step = 1", "`least` must be below"),
            ("until = 3\nmotion.steps = 1", "unknown variant `steps`"),
            ("until = 3\njumps = { rate = -1, size = 1 }\nmotion.step = 1", "`jumps.rate`"),
        ] {
            let what = refused(&format!("[walk]\n{text}\n"));
            assert!(what.contains(said), "{text}: {what}");
        }
        let error = run_with(&plan("[walk]\nuntil = 1e12\nmotion.step = 1"), 1, &[]).err().unwrap().to_string();
        assert!(error.contains("`every` came to 1 for a time of"), "{error}");
        let grows = plan("[walk]\nuntil = 9000\nfrom = 2\nmotion.step = 'value * 2'");
        let error = run_with(&grows, 1, &[]).err().unwrap().to_string();
        assert!(error.contains("without bound"), "{error}");
    }
}
