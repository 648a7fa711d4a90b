//! Series by formula: ARIMA with seasons (Box and Jenkins), GARCH (Bollerslev 1986), trends and seasonal profiles.
//!
//! A value is level + trend + season + rest. The rest is an ARMA series, summed as often as it is differenced.

use arrow_schema::DataType;
use rand_distr::{Distribution, StandardNormal};
use serde::Deserialize;

use super::clock::{Clock, Moment, Span, setting};
use super::formula::Formula;
use super::machine::second;
use super::number::{Draw, Number, Said};
use super::rows::Rows;
use super::scalar::{Scope, Value};
use super::ways::made;
use super::{Plan, Run};
use crate::cell::Cell;
use crate::error::Result;

/// Values that are made before the first and thrown away, so that the start is like any other time. More where the memory is longer.
const BEFORE: usize = 500;

/// A series.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// When a run starts: a date or time, or an expression over the parent row. Without it times are plain numbers.
    #[serde(default)]
    pub start: Option<Moment>,
    /// One unit of time \[1s\].
    #[serde(default = "second")]
    pub unit: Span,
    /// How many values.
    pub count: Number,
    /// The time between two \[1\].
    #[serde(default = "tick")]
    pub every: Number,
    /// What all is added to, made once a run \[0\].
    #[serde(default)]
    pub level: Option<Number>,
    /// An expression over the time `t` and the number `k` of the value, from 0.
    #[serde(default)]
    pub trend: Option<Said>,
    /// Profiles that repeat.
    #[serde(default)]
    pub seasons: Vec<Season>,
    /// Coefficients on the values before: `x_k = ar\[0\] x_{k-1} + ...`.
    #[serde(default)]
    pub ar: Vec<f64>,
    /// How often the rest is summed \[0\]: 1 makes a random walk of noise.
    #[serde(default)]
    pub difference: usize,
    /// Coefficients on the shocks before: `x_k = e_k + ma\[0\] e_{k-1} + ...`.
    #[serde(default)]
    pub ma: Vec<f64>,
    /// The same over whole seasons.
    #[serde(default)]
    pub seasonal: Option<Seasonal>,
    /// Shocks: standard deviation of normal ones \[1\], a number or an expression over `t` and `k`; or a distribution that they are drawn from.
    #[serde(default)]
    pub noise: Option<Number>,
    /// Shocks come in calm and stormy times, instead of `noise`.
    #[serde(default)]
    pub garch: Option<Garch>,
    /// Whether trend, season and rest are columns too \[no\].
    #[serde(default)]
    pub parts: bool,
}

fn tick() -> Number {
    Number::Fixed(1.0)
}

/// A profile that repeats.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Season {
    /// One number for each value of a period.
    #[serde(default)]
    pub profile: Vec<f64>,
    /// Or a sine wave of so many values.
    #[serde(default)]
    pub period: Option<f64>,
    /// Its height \[1\].
    #[serde(default)]
    pub height: Option<f64>,
    /// Where it is highest, in values from the first \[a quarter of the period\].
    #[serde(default)]
    pub peak: Option<f64>,
}

/// The seasonal part of an ARIMA series.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seasonal {
    /// Values of a season.
    pub period: usize,
    /// Coefficients on the values one, two, ... seasons before.
    #[serde(default)]
    pub ar: Vec<f64>,
    /// How often each value is added to that of a season before \[0\].
    #[serde(default)]
    pub difference: usize,
    /// Coefficients on the shocks one, two, ... seasons before.
    #[serde(default)]
    pub ma: Vec<f64>,
}

/// GARCH(1, 1): `variance_k = constant + shock e_{k-1}^2 + memory variance_{k-1}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Garch {
    /// What is always there.
    pub constant: f64,
    /// What the last shock adds.
    pub shock: f64,
    /// What is kept.
    pub memory: f64,
}

enum Shocks {
    Normal(Formula),
    Drawn(Draw),
    Garch(Garch),
}

struct Ready {
    clock: Clock,
    count: Draw,
    every: Draw,
    level: Draw,
    trend: Option<Formula>,
    seasons: Vec<Season>,
    ar: Vec<f64>,
    ma: Vec<f64>,
    difference: usize,
    /// Period and how often.
    seasonal: (usize, usize),
    shocks: Shocks,
    before: usize,
    parts: bool,
}

impl Series {
    /// Checks the series and makes it ready.
    ///
    /// # Errors
    /// Names the key that is wrong.
    pub fn plan(&self) -> Result<Plan> {
        let mut scope = Scope::new(vec!["t".to_owned(), "k".to_owned()], self.unit.micros);
        let clock = Clock::new(self.start.as_ref(), &mut scope)?;
        let count = Draw::new(&self.count, "count", &mut scope)?;
        let every = Draw::new(&self.every, "every", &mut scope)?;
        if every.fixed().is_some_and(|e| e <= 0.0) {
            return Err(setting("every", "must be above 0"));
        }
        let level = Draw::new(self.level.as_ref().unwrap_or(&Number::Fixed(0.0)), "level", &mut scope)?;
        let trend = self.trend.as_ref().map(|text| scope.formula("trend", &text.0)).transpose()?;
        for (k, season) in self.seasons.iter().enumerate() {
            season.check(&format!("seasons[{k}]"))?;
        }
        stationary(&self.ar).map_err(|what| setting("ar", &what))?;
        let (mut ar, mut ma, mut seasonal) = (self.ar.clone(), self.ma.clone(), (0, 0));
        if let Some(said) = &self.seasonal {
            if said.period < 2 {
                return Err(setting("seasonal.period", "must be 2 or more"));
            }
            stationary(&said.ar).map_err(|what| setting("seasonal.ar", &what))?;
            // (1 - a B)(1 - A B^s) = 1 - a B - A B^s + a A B^{s+1}: signs of `ar` are turned for the product and back.
            ar = times(&negated(&ar), &spread(&negated(&said.ar), said.period));
            ar = negated(&ar);
            ma = times(&ma, &spread(&said.ma, said.period));
            seasonal = (said.period, said.difference);
        }
        if self.difference > 3 || seasonal.1 > 3 {
            return Err(setting("difference", "must be 3 or less"));
        }
        if ma.iter().any(|x| !x.is_finite()) {
            return Err(setting("ma", "must be finite numbers"));
        }
        let shocks = self.shocks(&mut scope)?;
        let mut columns = vec![("time".to_owned(), clock.kind()), ("value".to_owned(), DataType::Float64)];
        if self.parts {
            columns.extend(["trend", "season", "rest"].map(|name| (name.to_owned(), DataType::Float64)));
        }
        if self.garch.is_some() {
            columns.push(("volatility".to_owned(), DataType::Float64));
        }
        let before = BEFORE + 10 * (ar.len() + ma.len());
        let inputs = scope.inputs().to_vec();
        let ready = Ready {
            clock,
            count,
            every,
            level,
            trend,
            seasons: self.seasons.clone(),
            ar,
            ma,
            difference: self.difference,
            seasonal,
            shocks,
            before,
            parts: self.parts,
        };
        Plan::new(columns, &inputs, ready)
    }

    fn shocks(&self, scope: &mut Scope) -> Result<Shocks> {
        Ok(match (&self.garch, &self.noise) {
            (Some(_), Some(_)) => return Err(setting("noise", "goes without `garch`, which makes the shocks")),
            (Some(garch), None) => {
                let Garch { constant, shock, memory } = garch;
                if !(*constant > 0.0 && *shock >= 0.0 && *memory >= 0.0 && shock + memory < 1.0) {
                    return Err(setting(
                        "garch",
                        "needs constant > 0, shock and memory of 0 or more that come to less than 1",
                    ));
                }
                Shocks::Garch(garch.clone())
            }
            (None, None) => Shocks::Normal(Formula::Fixed(1.0)),
            (None, Some(Number::Fixed(x))) if *x >= 0.0 && x.is_finite() => Shocks::Normal(Formula::Fixed(*x)),
            (None, Some(Number::Fixed(_))) => return Err(setting("noise", "must be 0 or more")),
            (None, Some(Number::Said(text))) => Shocks::Normal(scope.formula("noise", text)?),
            (None, Some(drawn)) => Shocks::Drawn(Draw::new(drawn, "noise", scope)?),
        })
    }
}

impl Season {
    fn check(&self, key: &str) -> Result<()> {
        let wave = self.period.is_some() || self.height.is_some() || self.peak.is_some();
        if self.profile.is_empty() != wave || self.profile.iter().any(|x| !x.is_finite()) {
            return Err(setting(key, "must have a `profile` of numbers, or a `period` of a wave, and not both"));
        }
        if wave && !self.period.is_some_and(|p| p > 0.0 && p.is_finite()) {
            return Err(setting(key, "must have a `period` above 0"));
        }
        Ok(())
    }

    fn value(&self, k: usize) -> f64 {
        match self.period {
            Some(period) => {
                let peak = self.peak.unwrap_or(period / 4.0);
                self.height.unwrap_or(1.0) * (std::f64::consts::TAU * (k as f64 - peak) / period).cos()
            }
            None => self.profile[k % self.profile.len()],
        }
    }
}

fn negated(x: &[f64]) -> Vec<f64> {
    x.iter().map(|x| -x).collect()
}

/// Coefficients over whole seasons, with zeros between.
fn spread(x: &[f64], period: usize) -> Vec<f64> {
    let mut all = vec![0.0; x.len() * period];
    x.iter().enumerate().for_each(|(k, x)| all[(k + 1) * period - 1] = *x);
    all
}

/// The product of two polynomials that begin with 1, which is left out.
fn times(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut all = vec![0.0; a.len() + b.len()];
    for (i, x) in std::iter::once(&1.0).chain(a).enumerate() {
        for (j, y) in std::iter::once(&1.0).chain(b).enumerate() {
            if i + j > 0 {
                all[i + j - 1] += x * y;
            }
        }
    }
    all
}

/// Whether a series with these coefficients stays where it is: all partial correlations, by Durbin's recursion backwards, are below 1.
fn stationary(ar: &[f64]) -> Result<(), String> {
    let wrong = || "makes a series that runs away; the coefficients must be smaller".to_owned();
    let mut phi = ar.to_vec();
    while let Some(last) = phi.pop() {
        if last.abs() >= 1.0 || last.is_nan() {
            return Err(wrong());
        }
        let by = 1.0 - last * last;
        phi = (0..phi.len()).map(|k| (phi[k] + last * phi[phi.len() - 1 - k]) / by).collect();
    }
    Ok(())
}

impl Ready {
    /// Shocks with their standard deviations; those before the first are of the first moment.
    fn shocks(
        &self,
        count: usize,
        every: f64,
        frame: &mut [Value],
        plain: &mut [f64],
        cell: &mut Cell,
    ) -> Result<Vec<(f64, f64)>> {
        let mut all: Vec<(f64, f64)> = Vec::with_capacity(count + self.before);
        let mut variance = match &self.shocks {
            Shocks::Garch(g) => g.constant / (1.0 - g.shock - g.memory),
            _ => 0.0,
        };
        for k in 0..count + self.before {
            let at = k.saturating_sub(self.before) as f64;
            let z = |cell: &mut Cell| -> f64 { StandardNormal.sample(cell) };
            all.push(match &self.shocks {
                Shocks::Normal(sd) => {
                    (plain[0], plain[1]) = (at * every, at);
                    let sd = sd.value(plain);
                    if sd < 0.0 || sd.is_nan() {
                        return Err(made("noise", format!("came to {sd} at time {}; it must be 0 or more", plain[0])));
                    }
                    (sd * z(cell), sd)
                }
                Shocks::Drawn(draw) => {
                    (frame[0], frame[1]) = (Value::Number(at * every), Value::Number(at));
                    (draw.number(frame, cell)?, 0.0)
                }
                Shocks::Garch(g) => {
                    if let Some((last, _)) = all.last() {
                        variance = g.constant + g.shock * last * last + g.memory * variance;
                    }
                    (variance.sqrt() * z(cell), variance.sqrt())
                }
            });
        }
        Ok(all)
    }

    /// The rest: ARMA, then summed.
    fn rest(&self, shocks: &[(f64, f64)]) -> Vec<f64> {
        let mut x: Vec<f64> = Vec::with_capacity(shocks.len());
        for k in 0..shocks.len() {
            let ar: f64 = self.ar.iter().zip(x.iter().rev()).map(|(a, x)| a * x).sum();
            let ma: f64 = self.ma.iter().zip(shocks[..k].iter().rev()).map(|(m, e)| m * e.0).sum();
            x.push(ar + shocks[k].0 + ma);
        }
        let mut x = x.split_off(self.before);
        for _ in 0..self.seasonal.1 {
            (self.seasonal.0..x.len()).for_each(|k| x[k] += x[k - self.seasonal.0]);
        }
        for _ in 0..self.difference {
            (1..x.len()).for_each(|k| x[k] += x[k - 1]);
        }
        x
    }
}

impl Run for Ready {
    fn run(&self, cell: &Cell, inputs: &[Value], rows: &mut Rows) -> Result<()> {
        let mut frame = Scope::frame(2, inputs);
        (frame[0], frame[1]) = (Value::Number(0.0), Value::Number(0.0));
        let base = self.clock.base(&frame)?;
        let mut own = cell.part(0);
        let count = self.count.number(&frame, &mut own)?;
        if !(0.0..=1e8).contains(&count) {
            return Err(setting("count", &format!("came to {count}; it must be between 0 and 100000000")));
        }
        let every = self.every.length("every", &frame, &mut own)?;
        let level = self.level.number(&frame, &mut own)?;
        let mut plain: Vec<f64> = frame.iter().map(|v| v.number().unwrap_or(f64::NAN)).collect();
        let shocks = self.shocks(count.round() as usize, every, &mut frame, &mut plain, &mut cell.part(1))?;
        let rest = self.rest(&shocks);
        for (k, rest) in rest.into_iter().enumerate() {
            let t = k as f64 * every;
            (plain[0], plain[1]) = (t, k as f64);
            let trend = self.trend.as_ref().map_or(0.0, |f| f.value(&plain));
            if trend.is_nan() {
                return Err(made("trend", format!("came to no number at time {t}; it computes with numbers alone")));
            }
            let season: f64 = self.seasons.iter().map(|s| s.value(k)).sum();
            let value = level + trend + season + rest;
            if !value.is_finite() {
                return Err(made(
                    "series",
                    format!("came to {value} at time {t}, which is no number; does it grow without bound?"),
                ));
            }
            self.clock.push(rows, 0, base, Some(t));
            rows.number(1, Some(value));
            let mut column = 2;
            if self.parts {
                [trend, season, rest].into_iter().enumerate().for_each(|(j, x)| rows.number(2 + j, Some(x)));
                column = 5;
            }
            if matches!(self.shocks, Shocks::Garch(_)) {
                rows.number(column, Some(shocks[self.before + k].1));
            }
            rows.end();
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Value;
    use super::super::tests::{mean, plan, refused, repeats, run, run_with, variance};

    fn lag(x: &[f64], lag: usize) -> f64 {
        let m = mean(x);
        let both: f64 = x.iter().zip(&x[lag..]).map(|(a, b)| (a - m) * (b - m)).sum();
        both / (x.len() - lag) as f64 / variance(x)
    }

    fn values(text: &str) -> Vec<f64> {
        run(&format!("[series]\n{text}"), 3).numbers("value")
    }

    #[test]
    fn ar_and_ma_have_their_correlations() {
        let x = values("count = 100000\nar = [0.7]\nnoise = 2\nlevel = 10");
        (1..6).for_each(|k| assert!((lag(&x, k) - 0.7f64.powi(k as i32)).abs() < 0.015, "{k}"));
        assert!((variance(&x) / (4.0 / 0.51) - 1.0).abs() < 0.03 && (mean(&x) - 10.0).abs() < 0.1);
        let x = values("count = 100000\nma = [0.5]");
        assert!(
            (lag(&x, 1) - 0.4).abs() < 0.012 && lag(&x, 2).abs() < 0.012 && (variance(&x) / 1.25 - 1.0).abs() < 0.03
        );
        // AR(2) by Yule and Walker: r1 = a / (1 - b).
        let x = values("count = 100000\nar = [0.5, 0.3]");
        assert!((lag(&x, 1) - 0.5 / 0.7).abs() < 0.015 && (lag(&x, 2) - (0.5 * 0.5 / 0.7 + 0.3)).abs() < 0.02);
    }

    #[test]
    fn seasonal_terms_reach_back_a_season() {
        let x = values("count = 100000\nar = [0.5]\nseasonal = { period = 12, ar = [0.6] }");
        // Far from the season the short memory is gone; one season on, 0.6 is left.
        assert!((lag(&x, 12) - 0.6).abs() < 0.02, "{}", lag(&x, 12));
        assert!((lag(&x, 1) - 0.5).abs() < 0.02 && (lag(&x, 24) - 0.36).abs() < 0.025);
        let x = values("count = 60000\nseasonal = { period = 4, ma = [0.5] }");
        assert!((lag(&x, 4) - 0.4).abs() < 0.02 && lag(&x, 3).abs() < 0.02);
    }

    #[test]
    fn sums_undo_differences() {
        let x = values("count = 50000\ndifference = 1\nar = [0.5]");
        let steps: Vec<f64> = x.windows(2).map(|w| w[1] - w[0]).collect();
        assert!((lag(&steps, 1) - 0.5).abs() < 0.015 && (variance(&steps) - 4.0 / 3.0).abs() < 0.05);
        let x = values("count = 50000\nseasonal = { period = 7, difference = 1 }");
        let steps: Vec<f64> = (7..x.len()).map(|k| x[k] - x[k - 7]).collect();
        assert!(lag(&steps, 1).abs() < 0.02 && (variance(&steps) - 1.0).abs() < 0.03);
    }

    /// constant / (1 - shock - memory); squares remember by (shock + memory), shocks themselves do not.
    #[test]
    fn garch_has_its_variance_and_its_storms() {
        let made = run("[series]\ncount = 200000\ngarch = { constant = 0.1, shock = 0.1, memory = 0.8 }", 3);
        let x = made.numbers("value");
        assert!((variance(&x) - 1.0).abs() < 0.04, "{}", variance(&x));
        assert!(lag(&x, 1).abs() < 0.015);
        let squares: Vec<f64> = x.iter().map(|x| x * x).collect();
        // r1 = a (1 - a b - b^2) / (1 - 2 a b - b^2).
        let expected = 0.1 * (1.0 - 0.08 - 0.64) / (1.0 - 0.16 - 0.64);
        assert!((lag(&squares, 1) - expected).abs() < 0.025, "{}", lag(&squares, 1));
        assert!((lag(&squares, 3) / lag(&squares, 2) - 0.9).abs() < 0.1);
        let volatility = made.numbers("volatility");
        assert!((mean(&volatility.iter().map(|v| v * v).collect::<Vec<_>>()) - 1.0).abs() < 0.04);
    }

    #[test]
    fn trends_and_seasons_are_added() {
        let text = "start = 2024-01-01\nunit = '1d'\ncount = 700\nevery = 0.5\nlevel = 'base'\ntrend = '0.1 * t + pow(k, 2) / 1000'\nnoise = 0\nparts = true\n\
                    seasons = [{ profile = [1, -1, 0] }, { period = 10, height = 3, peak = 2 }]";
        let plan = plan(&format!("[series]\n{text}"));
        assert_eq!(plan.inputs(), ["base"]);
        let made = run_with(&plan, 1, &[Value::Number(50.0)]).unwrap();
        let x = made.numbers("value");
        for (k, x) in x.iter().enumerate() {
            let at = k as f64;
            let season = [1.0, -1.0, 0.0][k % 3] + 3.0 * (std::f64::consts::TAU * (at - 2.0) / 10.0).cos();
            assert!((x - (50.0 + 0.05 * at + at * at / 1000.0 + season)).abs() < 1e-9);
        }
        assert_eq!(made.numbers("time")[1] - made.numbers("time")[0], 43_200e6);
        assert_eq!(made.names, ["time", "value", "trend", "season", "rest"]);
    }

    #[test]
    fn runs_repeat() {
        repeats("[series]\ncount = 20\nar = [0.5]");
    }

    #[test]
    fn mistakes_are_named() {
        for (text, said) in [
            ("count = 3\nar = [1.0]", "`ar` makes a series that runs away"),
            ("count = 3\nar = [0.8, 0.3]", "`ar` makes a series that runs away"),
            ("count = 3\nseasonal = { period = 4, ar = [-1.2] }", "`seasonal.ar`"),
            ("count = 3\nseasonal = { period = 1 }", "`seasonal.period`"),
            ("count = 3\ndifference = 9", "`difference`"),
            ("count = 3\nnoise = -1", "`noise` must be 0 or more"),
            ("count = 3\nnoise = 1\ngarch = { constant = 1, shock = 0, memory = 0 }", "`noise` goes without"),
            ("count = 3\ngarch = { constant = 1, shock = 0.5, memory = 0.5 }", "`garch` needs"),
            ("count = 3\nseasons = [{}]", "`seasons[0]` must have"),
            ("count = 3\nseasons = [{ period = 0 }]", "`seasons[0]` must have a `period` above 0"),
            ("count = 3\nevery = 0", "`every` must be above 0"),
            ("ar = [0.5]", "missing field `count`"),
        ] {
            let what = refused(&format!("[series]\n{text}\n"));
            assert!(what.contains(said), "{text}: {what}");
        }
        let error = |text: &str| run_with(&plan(&format!("[series]\n{text}")), 1, &[]).err().unwrap().to_string();
        assert!(error("count = -1").contains("`count` came to -1"));
        assert!(error("count = 3\ntrend = 'ln(0 - 1 - t)'").contains("`trend`"));
        assert!(error("count = 9\nnoise = '3 - t'").contains("`noise`: came to -1"));
    }
}
