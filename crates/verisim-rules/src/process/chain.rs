//! Markov chains, and semi-Markov chains: those that stay in a state for a time that is drawn.

use arrow_schema::DataType;
use serde::Deserialize;
use serde::de::Deserializer;

use super::clock::{Clock, Moment, Span, setting};
use super::machine::second;
use super::named::Named;
use super::number::{Draw, Number};
use super::rows::Rows;
use super::scalar::{Scope, Value};
use super::ways::{made, named};
use super::{Plan, Run};
use crate::cell::Cell;
use crate::error::Result;

/// A chain of states.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// When a run starts: a date or time, or an expression over the parent row. Without it times are plain numbers.
    #[serde(default)]
    pub start: Option<Moment>,
    /// One unit of time \[1s\].
    #[serde(default = "second")]
    pub unit: Span,
    /// The states, and from each the shares of the next: `sunny = { sunny = 0.8, rain = 0.2 }`. A state without any is the end.
    pub moves: Named<Named<Number>>,
    /// The first state: a name \[the first\], or shares.
    #[serde(default)]
    pub initial: Option<Initial>,
    /// How long it stays in a state, for all or by name \[1\].
    #[serde(default)]
    pub stay: Option<Stay>,
    /// So many states are written, unless it ends before.
    #[serde(default)]
    pub steps: Option<Number>,
    /// No state is entered from this time on.
    #[serde(default)]
    pub until: Option<Number>,
    /// States of one run beyond which it is an error \[1000000\].
    #[serde(default = "most")]
    pub most: u64,
}

fn most() -> u64 {
    1_000_000
}

/// The first state.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Initial {
    /// One state.
    Name(String),
    /// By shares.
    Shares(std::collections::BTreeMap<String, Number>),
}

/// How long a chain stays in a state.
#[derive(Clone, Debug)]
pub enum Stay {
    /// Alike in all.
    All(Number),
    /// By name.
    Each(std::collections::BTreeMap<String, Number>),
}

impl<'de> Deserialize<'de> for Stay {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Stay, D::Error> {
        // A table may be a distribution or lengths by name: lengths are tried where no distribution has the name.
        let value = toml::Value::deserialize(from)?;
        let custom = |e: toml::de::Error| <D::Error as serde::de::Error>::custom(e.message());
        let drawn = value.clone().try_into::<Number>();
        match (drawn, value.is_table()) {
            (Ok(number), _) => Ok(Stay::All(number)),
            (Err(e), false) => Err(custom(e)),
            (Err(_), true) => value.try_into().map(Stay::Each).map_err(custom),
        }
    }
}

struct Ready {
    clock: Clock,
    names: Vec<String>,
    initial: Vec<(usize, Draw)>,
    moves: Vec<Vec<(usize, Draw)>>,
    stay: Vec<Draw>,
    steps: Option<Draw>,
    until: Option<Draw>,
    most: u64,
}

impl Chain {
    /// Checks the chain and makes it ready.
    ///
    /// # Errors
    /// Names the key that is wrong.
    pub fn plan(&self) -> Result<Plan> {
        let names = self.moves.names();
        if names.is_empty() {
            return Err(setting("moves", "must have a state"));
        }
        if self.steps.is_none() && self.until.is_none() && self.moves.iter().all(|m| !m.1.0.is_empty()) {
            return Err(setting("steps", "or `until` must be given: the chain has no state where it ends"));
        }
        let mut scope = Scope::new(vec!["t".to_owned()], self.unit.micros);
        let clock = Clock::new(self.start.as_ref(), &mut scope)?;
        let mut moves = Vec::new();
        for (name, shares) in self.moves.iter() {
            let key = format!("moves.{name}");
            moves.push(shares_of(shares.iter(), &key, &names, &mut scope)?);
        }
        let initial = match &self.initial {
            None => vec![(0, Draw::Fixed(1.0))],
            Some(Initial::Name(name)) => {
                let at = named(&names, "state", name).map_err(|what| setting("initial", &what))?;
                vec![(at, Draw::Fixed(1.0))]
            }
            Some(Initial::Shares(shares)) => {
                shares_of(shares.iter().map(|(n, s)| (n.as_str(), s)), "initial", &names, &mut scope)?
            }
        };
        let mut stay = vec![Draw::Fixed(1.0); names.len()];
        match &self.stay {
            None => {}
            Some(Stay::All(number)) => stay = vec![Draw::new(number, "stay", &mut scope)?; names.len()],
            Some(Stay::Each(each)) => {
                for (name, number) in each {
                    let at = named(&names, "state", name).map_err(|what| setting("stay", &what))?;
                    stay[at] = Draw::new(number, &format!("stay.{name}"), &mut scope)?;
                }
            }
        }
        if stay.iter().any(|s| s.fixed().is_some_and(|x| x < 0.0)) {
            return Err(setting("stay", "must not be below 0"));
        }
        let steps = self.steps.as_ref().map(|n| Draw::new(n, "steps", &mut scope)).transpose()?;
        let until = self.until.as_ref().map(|n| Draw::new(n, "until", &mut scope)).transpose()?;
        let columns = vec![
            ("step".to_owned(), DataType::Int64),
            ("time".to_owned(), clock.kind()),
            ("state".to_owned(), DataType::Utf8),
            ("stay".to_owned(), DataType::Float64),
        ];
        let inputs = scope.inputs().to_vec();
        Plan::new(columns, &inputs, Ready { clock, names, initial, moves, stay, steps, until, most: self.most })
    }
}

/// Shares by name, which come to 1 where all are fixed.
fn shares_of<'a>(
    shares: impl Iterator<Item = (&'a str, &'a Number)>,
    key: &str,
    names: &[String],
    scope: &mut Scope,
) -> Result<Vec<(usize, Draw)>> {
    let mut all = Vec::new();
    for (name, share) in shares {
        let at = named(names, "state", name).map_err(|what| setting(key, &what))?;
        all.push((at, Draw::new(share, key, scope)?));
    }
    let fixed: Option<Vec<f64>> = all.iter().map(|s| s.1.fixed()).collect();
    if let Some(fixed) = fixed.filter(|f| !f.is_empty()) {
        whole(&fixed).map_err(|what| setting(key, &what))?;
    }
    Ok(all)
}

fn whole(shares: &[f64]) -> Result<(), String> {
    let sum: f64 = shares.iter().sum();
    if shares.iter().all(|s| *s >= 0.0) && (sum - 1.0).abs() < 1e-6 {
        return Ok(());
    }
    Err(format!("has shares {shares:?}; they must be 0 or more and come to 1"))
}

fn pick(shares: &[(usize, Draw)], key: &str, frame: &[Value], cell: &mut Cell) -> Result<usize> {
    let u = cell.uniform();
    let mut numbers = Vec::with_capacity(shares.len());
    for (_, share) in shares {
        numbers.push(share.number(frame, cell)?);
    }
    whole(&numbers).map_err(|what| made(key, what))?;
    let (mut sum, mut last) = (0.0, 0);
    for ((at, _), share) in shares.iter().zip(numbers) {
        if share > 0.0 {
            last = *at;
        }
        sum += share;
        if u < sum {
            return Ok(*at);
        }
    }
    Ok(last)
}

impl Run for Ready {
    fn run(&self, cell: &Cell, inputs: &[Value], rows: &mut Rows) -> Result<()> {
        let mut cell = cell.clone();
        let mut frame = Scope::frame(1, inputs);
        frame[0] = Value::Number(0.0);
        let base = self.clock.base(&frame)?;
        let limit = |draw: &Option<Draw>, cell: &mut Cell, frame: &[Value]| {
            draw.as_ref().map_or(Ok(f64::INFINITY), |d| d.number(frame, cell))
        };
        let steps = limit(&self.steps, &mut cell, &frame)?;
        let until = limit(&self.until, &mut cell, &frame)?;
        let mut state = pick(&self.initial, "initial", &frame, &mut cell)?;
        let (mut t, mut step) = (0.0, 0u64);
        while (step as f64) < steps && t < until {
            if step == self.most {
                return Err(setting(
                    "most",
                    &format!("({}) was reached at time {t}; raise it, or end the chain before", self.most),
                ));
            }
            frame[0] = Value::Number(t);
            let end = self.moves[state].is_empty();
            let stay = if end { None } else { Some(self.stay[state].length("stay", &frame, &mut cell)?) };
            rows.whole(0, Some(step as i64));
            self.clock.push(rows, 1, base, Some(t));
            rows.text(2, Some(&self.names[state]));
            rows.number(3, stay);
            rows.end();
            let Some(stay) = stay else { break };
            t += stay;
            frame[0] = Value::Number(t);
            state = pick(&self.moves[state], &self.names[state], &frame, &mut cell)?;
            step += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Value;
    use super::super::tests::{plan, refused, repeats, run, run_with};

    const WEATHER: &str = "[chain]\nsteps = 40000\nmoves = { sun = { sun = 0.8, cloud = 0.15, rain = 0.05 }, \
                           cloud = { sun = 0.3, cloud = 0.4, rain = 0.3 }, rain = { sun = 0.2, cloud = 0.5, rain = 0.3 } }\n";

    /// The stationary shares, by powers of the matrix.
    fn stationary() -> [f64; 3] {
        let p = [[0.8, 0.15, 0.05], [0.3, 0.4, 0.3], [0.2, 0.5, 0.3]];
        let mut x = [1.0, 0.0, 0.0];
        for _ in 0..500 {
            let mut y = [0.0; 3];
            (0..3).for_each(|i| (0..3).for_each(|j| y[j] += x[i] * p[i][j]));
            x = y;
        }
        x
    }

    #[test]
    fn states_have_their_stationary_shares() {
        let made = run(WEATHER, 2);
        let states = made.texts("state");
        for (name, share) in ["sun", "cloud", "rain"].iter().zip(stationary()) {
            let seen = states.iter().filter(|s| s == name).count() as f64 / 40_000.0;
            assert!((seen - share).abs() < 0.015, "{name}: {seen}, not {share}");
        }
        let after_rain: Vec<_> = states.windows(2).filter(|w| w[0] == "rain").collect();
        let rain = after_rain.iter().filter(|w| w[1] == "rain").count() as f64 / after_rain.len() as f64;
        assert!((rain - 0.3).abs() < 0.03, "{rain}");
    }

    /// Time in a state is its stationary share of entries, weighted by how long it stays.
    #[test]
    fn a_semi_markov_chain_spends_time_by_entries_and_stays() {
        let text =
            format!("{WEATHER}stay = {{ sun = {{ gamma = [2, 1] }}, cloud = 0.5, rain = {{ exponential = 3 }} }}");
        let made = run(&text, 4);
        let (states, stays, times) = (made.texts("state"), made.numbers("stay"), made.numbers("time"));
        assert!(times.windows(2).zip(&stays).all(|(w, s)| (w[1] - w[0] - s).abs() < 1e-6));
        let all: f64 = stays.iter().sum();
        let weights: Vec<f64> = stationary().iter().zip([2.0, 0.5, 3.0]).map(|(p, m)| p * m).collect();
        for (k, name) in ["sun", "cloud", "rain"].iter().enumerate() {
            let seen: f64 = states.iter().zip(&stays).filter(|(s, _)| s == name).map(|(_, d)| d).sum::<f64>() / all;
            let share = weights[k] / weights.iter().sum::<f64>();
            assert!((seen - share).abs() < 0.02, "{name}: {seen}, not {share}");
        }
    }

    /// Gambler's ruin with fair stakes: from 1 of 3 the bank wins two thirds.
    #[test]
    fn an_absorbing_chain_ends() {
        let text = "[chain]\ninitial = 'one'\nmoves = { zero = {}, one = { zero = 0.5, two = 0.5 }, two = { one = 0.5, three = 0.5 }, three = {} }";
        let plan = plan(text);
        let ruined =
            (0..3_000).filter(|s| run_with(&plan, *s, &[]).unwrap().texts("state").last().unwrap() == "zero").count();
        assert!((ruined as f64 / 3_000.0 - 2.0 / 3.0).abs() < 4.0 * (2.0 / 9.0 / 3_000f64).sqrt(), "{ruined}");
    }

    #[test]
    fn shares_may_be_computed_from_the_parent() {
        let plan = plan("[chain]\nsteps = 2\nmoves = { a = { a = '1 - p', b = 'p' }, b = {} }\ninitial = { a = 1 }");
        assert_eq!(plan.inputs(), ["p"]);
        assert_eq!(run_with(&plan, 1, &[Value::Number(1.0)]).unwrap().texts("state"), ["a", "b"]);
        assert!(run_with(&plan, 1, &[Value::Number(2.0)]).err().unwrap().to_string().contains("come to 1"));
    }

    #[test]
    fn runs_repeat() {
        repeats(WEATHER);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, said) in [
            ("moves = {}", "`moves` must have a state"),
            ("moves = { a = { a = 1 } }", "`steps` or `until`"),
            ("steps = 3\nmoves = { a = { a = 0.9 } }", "`moves.a` has shares [0.9]"),
            ("steps = 3\nmoves = { a = { b = 1 } }", "`moves.a` names the state `b`"),
            ("steps = 3\ninitial = 'z'\nmoves = { a = { a = 1 } }", "`initial` names the state `z`"),
            ("steps = 3\nstay = { z = 3 }\nmoves = { a = { a = 1 } }", "`stay` names the state `z`"),
            ("steps = 3\nstay = -3\nmoves = { a = { a = 1 } }", "`stay` must not be below 0"),
        ] {
            let what = refused(&format!("[chain]\n{text}\n"));
            assert!(what.contains(said), "{text}: {what}");
        }
        let error = run_with(&plan("[chain]\nuntil = 1\nstay = 0\nmost = 10\nmoves = { a = { a = 1 } }"), 1, &[]);
        assert!(error.err().unwrap().to_string().contains("`most` (10) was reached"));
    }
}
