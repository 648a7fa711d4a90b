//! Markov chains with back-off, and times spent in states, for sequences of categories.
//!
//! The categories of a step are one state. How many states before decide is chosen by the likelihood of sequences that are kept back, and so is
//! a column of the context that does (`chain.rs`). Only transitions that were seen are drawn, unless `smooth` is set.
//!
//! A chain stays in a state for a geometric number of steps. Where the data do not (a chi-squared test of the lengths of stays that both
//! begin and end in the data), the number is drawn as it was seen, and the chain says where to go next: a semi-Markov chain.
//!
//! Numbers, and the time since the step before, are those of an observed step with the same transition (`beside.rs`); a
//! model of numbers alone is `var`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, uniform};
use verisim_data::series::{Series, Spec};
use verisim_data::table::codec::{CodecConfig, Encoded, Numeric, Span};

use super::Encoding;
use super::beside::Beside;
use super::chain::{Chain, Grouping, MOST};
use super::states::States;
use super::{Contexts, Sampler, Steps, Wanted};
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::learn::{Model, Setup, Split, Start};
use crate::weights::Weights;

/// Fewest stays in a state that say how long they are.
const STAYS: usize = 40;
/// The 99.9 % point of a standard normal.
const SURE: f64 = 3.09;

/// Settings of the Markov chain.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many states before decide, 1 to 5; chosen by likelihood when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<usize>,
    /// Whether states may follow each other that never did in the data.
    pub smooth: bool,
    /// Whether the time in a state is drawn as it was seen; found by a test when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dwell: Option<bool>,
}

impl Model<Series> for Config {
    fn check(&self) -> Result<()> {
        match self.order {
            Some(order) if order == 0 || order > MOST => Err(Error::Setting {
                model: "markov",
                key: "order".into(),
                rule: format!("must lie between 1 and {MOST}"),
            }),
            _ => Ok(()),
        }
    }

    fn encoding(&self) -> Encoding {
        CodecConfig { numeric: Numeric::Grid, bins: 256, rare: 0, max_levels: 65_536 }.into()
    }

    fn start(&self, split: &Split<'_, Series>, _: &Setup<'_>) -> Result<Start<Series>> {
        self.check()?;
        let data = split.encoded;
        let spans = data.step_spans();
        let has_gap = data.spec.shape.has_gap();
        let runs = data.runs(split.train);
        let columns = States::columns(&spans, has_gap);
        if columns.is_empty() {
            return Err(Error::Unsuited {
                model: "markov",
                problem: "learns categories, and no column of these steps is one; train var or hmm, or set kinds under [data.columns]",
            });
        }
        if runs.iter().all(|run| run.is_empty()) {
            return Err(Error::Empty { unit: "steps" });
        }
        let mut weights = Weights::default();
        Contexts::fit(data, split.train, &mut weights)?;
        let states = States::fit(columns, &spans, &data.steps, &runs);
        let sequences: Vec<Vec<u32>> = runs.iter().map(|run| states.encode(&data.steps, run.clone())).collect();
        let mut train = split.train.to_vec();
        train.sort_unstable();
        let (order, grouping) = grouped(data, &train, &sequences, states.count(), self.order, self.smooth);
        let groups: Vec<u32> = match data.joined {
            true => vec![0; sequences.len()],
            false => train.iter().map(|&i| grouping.of(&data.context, i)).collect(),
        };
        let ends = !data.joined && data.spec.shape.has_length();
        Chain::fit(&sequences, &groups, states.count(), order, self.smooth, ends).store(&mut weights);
        Stays::fit(&sequences, states.count(), self.dwell).store(&mut weights);
        Beside::fit(states.others(&spans), &spans, states.count(), &data.steps, &runs, &sequences).store(&mut weights);
        states.store(&mut weights);
        grouping.store(&mut weights);
        let first_gap = if has_gap { data.steps.tokens[0][runs[0].start] } else { 0 };
        weights.put_u32("first_gap", &[1], vec![first_gap]);
        Ok(Start::Fitted(weights))
    }

    fn restore(&self, spec: &Spec, weights: &mut Weights, _: &Device) -> Result<Box<Sampler>> {
        let contexts = Contexts::restore(spec, weights)?;
        let spans = spec.steps.spans();
        let states = States::restore(&spans, weights)?;
        let first_gap = weights.take_u32("first_gap")?.1.first().copied().unwrap_or(0);
        if spans.first().is_none_or(|s| first_gap >= s.tokens) {
            return Err(Error::Tensor {
                name: "first_gap".into(),
                problem: "names a token that does not exist".into(),
            });
        }
        let steps = Markov {
            chain: Chain::restore(states.count(), weights)?,
            stays: Stays::restore(states.count(), weights)?,
            beside: Beside::restore(&spans, states.count(), weights)?,
            grouping: Grouping::restore(weights)?,
            first_gap: spec.shape.has_gap().then_some(first_gap),
            states,
            spans,
        };
        Ok(Box::new(Sampler { contexts, steps: Box::new(steps) }))
    }
}

/// The order and the column of the context that the likelihood chooses.
pub(super) fn grouped(
    data: &super::EncodedSeries,
    train: &[usize],
    sequences: &[Vec<u32>],
    states: usize,
    order: Option<usize>,
    smooth: bool,
) -> (usize, Grouping) {
    if data.joined {
        // One long series is judged by its pieces.
        let pieces: Vec<Vec<u32>> =
            sequences.iter().flat_map(|s| s.chunks((s.len() / 40).max(20)).map(<[u32]>::to_vec)).collect();
        return (Chain::choose(&pieces, &[], states, order, smooth).0, Grouping::default());
    }
    let candidates = Grouping::candidates(data, train);
    let groups: Vec<Vec<u32>> =
        candidates.iter().map(|g| train.iter().map(|&i| g.of(&data.context, i)).collect()).collect();
    let (order, best) = Chain::choose(sequences, &groups, states, order, smooth);
    (order, best.and_then(|k| candidates.get(k).cloned()).unwrap_or_default())
}

/// How long stays in a state are, where that is not geometric.
#[derive(Clone, Debug, Default, PartialEq)]
struct Stays {
    /// For a state, lengths and how often they were seen.
    lengths: BTreeMap<u32, Vec<(u32, u32)>>,
}

impl Stays {
    fn fit(sequences: &[Vec<u32>], states: usize, wanted: Option<bool>) -> Stays {
        let mut counts: Vec<BTreeMap<u32, u32>> = vec![BTreeMap::new(); states];
        for sequence in sequences {
            let stays: Vec<&[u32]> = sequence.chunk_by(|a, b| a == b).collect();
            // The last stay might have gone on.
            for stay in stays.iter().take(stays.len().saturating_sub(1)) {
                *counts[stay[0] as usize].entry(stay.len() as u32).or_default() += 1;
            }
        }
        let keeps = |c: &BTreeMap<u32, u32>| {
            let all: usize = c.values().map(|&n| n as usize).sum();
            match wanted {
                Some(wanted) => wanted && all > 0,
                None => all >= STAYS && !is_geometric(c),
            }
        };
        let kept = counts.into_iter().enumerate().filter(|(_, c)| keeps(c));
        Stays { lengths: kept.map(|(s, c)| (s as u32, c.into_iter().collect())).collect() }
    }

    /// How long a stay is that has been as long as `least`, and is one step longer at least if `least` is 0; none where the chain says.
    fn draw(&self, state: u32, least: u32, rng: &mut Stream) -> Option<u32> {
        let lengths = self.lengths.get(&state)?;
        let fits = || lengths.iter().filter(|(l, _)| *l >= least);
        let total: u32 = fits().map(|(_, n)| n).sum();
        if total == 0 {
            return Some(least);
        }
        let mut at = uniform(rng) * f64::from(total);
        let found = fits().find(|(_, n)| {
            at -= f64::from(*n);
            at < 0.0
        });
        found.or(lengths.last()).map(|(l, _)| *l)
    }

    fn store(&self, weights: &mut Weights) {
        let (mut states, mut lengths, mut counts) = (Vec::new(), Vec::new(), Vec::new());
        for (&state, seen) in &self.lengths {
            for &(length, count) in seen {
                states.push(state);
                lengths.push(length);
                counts.push(count);
            }
        }
        weights.put_u32("stays.states", &[states.len()], states);
        weights.put_u32("stays.lengths", &[lengths.len()], lengths);
        weights.put_u32("stays.counts", &[counts.len()], counts);
    }

    fn restore(count: usize, weights: &mut Weights) -> Result<Stays> {
        let states = weights.take_u32("stays.states")?.1;
        let lengths = weights.take_u32("stays.lengths")?.1;
        let counts = weights.take_u32("stays.counts")?.1;
        let all: u64 = counts.iter().map(|&c| u64::from(c)).sum();
        if states.len() != lengths.len()
            || states.len() != counts.len()
            || lengths.contains(&0)
            || all > u64::from(u32::MAX)
            || states.iter().any(|&s| s as usize >= count)
        {
            return Err(Error::Tensor { name: "stays.lengths".into(), problem: "is not of these states".into() });
        }
        let mut found: BTreeMap<u32, Vec<(u32, u32)>> = BTreeMap::new();
        for ((state, length), count) in states.into_iter().zip(lengths).zip(counts) {
            found.entry(state).or_default().push((length, count));
        }
        Ok(Stays { lengths: found })
    }
}

/// Whether lengths of stays are what a chain of order 1 makes them: chi-squared over lengths of which five or more are expected.
fn is_geometric(counts: &BTreeMap<u32, u32>) -> bool {
    let all: f64 = counts.values().map(|&n| f64::from(n)).sum();
    let mean: f64 = counts.iter().map(|(&l, &n)| f64::from(l) * f64::from(n)).sum::<f64>() / all;
    let leaves = 1.0 / mean;
    if leaves >= 1.0 {
        return true;
    }
    let (mut statistic, mut cells, mut left) = (0.0, 0.0, 1.0);
    let (mut expected, mut seen, mut counted) = (0.0, 0.0, 0.0);
    for length in 1..=10_000_u32 {
        expected += all * left * leaves;
        seen += f64::from(counts.get(&length).copied().unwrap_or(0));
        left *= 1.0 - leaves;
        if expected >= 5.0 {
            statistic += (seen - expected) * (seen - expected) / expected;
            cells += 1.0;
            counted += seen;
            (expected, seen) = (0.0, 0.0);
        }
        if all * left < 5.0 {
            break;
        }
    }
    // All that are longer are one cell.
    let rest: f64 = all * left + expected;
    statistic += (all - counted - rest) * (all - counted - rest) / rest.max(1.0);
    let freedom: f64 = cells - 1.0;
    if freedom < 1.0 {
        return true;
    }
    // The point of chi-squared by Wilson and Hilferty.
    let part = 2.0 / (9.0 * freedom);
    statistic <= freedom * (1.0 - part + SURE * part.sqrt()).powi(3)
}

/// The model.
struct Markov {
    states: States,
    spans: Vec<Span>,
    chain: Chain,
    stays: Stays,
    beside: Beside,
    grouping: Grouping,
    first_gap: Option<u32>,
}

impl Markov {
    /// The states of a sequence that goes on from `before`.
    fn states(&self, before: &mut Vec<u32>, group: u32, length: usize, rng: &mut Stream) {
        let mut stay = 0;
        if let Some(&state) = before.last() {
            let been = before.iter().rev().take_while(|&&s| s == state).count() as u32;
            stay = self.stays.draw(state, been, rng).map_or(0, |all| all - been);
        }
        for t in 0..length {
            let left = length - 1 - t;
            let last = before.last().copied();
            if let Some(state) = last.filter(|&s| stay > 0 && self.chain.may_end(s, left)) {
                before.push(state);
                stay -= 1;
                continue;
            }
            let but = last.filter(|s| self.stays.lengths.contains_key(s));
            let state = self.chain.draw(before, group, left, but, rng);
            stay = match last == Some(state) {
                true => 0,
                false => self.stays.draw(state, 0, rng).map_or(0, |all| all.saturating_sub(1)),
            };
            before.push(state);
        }
    }
}

impl Steps for Markov {
    fn notes(&self) -> Vec<String> {
        self.beside.notes()
    }

    fn draw(&self, wanted: &Wanted<'_>, rng: &mut Stream) -> Result<Encoded> {
        let mut out = Encoded::zeros(&self.spans, wanted.lengths.iter().sum());
        let mut at = 0;
        for (i, &length) in wanted.lengths.iter().enumerate() {
            let past =
                wanted.past.map(|p| (p.steps, p.offsets[i]..p.offsets[i + 1])).filter(|(_, run)| !run.is_empty());
            let mut states = past.as_ref().map_or_else(Vec::new, |(steps, run)| self.states.encode(steps, run.clone()));
            let begun = states.len();
            self.states(&mut states, self.grouping.of(wanted.context, i), length, rng);
            for t in begun..states.len() {
                let state = states[t];
                self.states.decode(state, &mut out, at);
                let last = t.checked_sub(1).map(|t| states[t]);
                match (last, &past) {
                    (Some(last), Some((steps, run))) if t == begun => {
                        self.beside.draw((Some(last), state), Some((steps, run.end - 1)), &mut out, at, rng);
                    }
                    (Some(last), _) => self.beside.go_on((last, state), &mut out, at, rng),
                    (None, _) => {
                        self.beside.draw((None, state), None, &mut out, at, rng);
                        if let Some(token) = self.first_gap {
                            out.tokens[0][at] = token;
                        }
                    }
                }
                at += 1;
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use verisim_data::rng::{below, normal, stream};

    use super::*;
    use crate::series::testkit::{Cells, assert_sound, fitted, goes_on, learnt, numbers, sample, series};

    fn encoding() -> CodecConfig {
        Config::default().encoding().steps
    }

    #[test]
    fn transitions_and_stays_of_samples_are_those_of_the_data() {
        // State a lasts exactly 4 steps, state b a geometric number; then c once.
        let mut rng = stream(3, "stays", 0);
        let mut words: Vec<u32> = Vec::new();
        while words.len() < 6000 {
            words.extend([0; 4]);
            while uniform(&mut rng) < 0.7 {
                words.push(1);
            }
            words.extend(std::iter::repeat_n(2, usize::from(uniform(&mut rng) < 0.5)));
        }
        words.truncate(6000);
        let values: Vec<f64> = words.iter().map(|&w| 10.0 * f64::from(w) + normal(&mut rng)).collect();
        let data =
            series(&encoding(), &[6000], vec![Cells::Words(words.clone()), Cells::Numbers(values)], vec![], None);
        let config = Config { order: Some(1), ..Config::default() };
        let made = sample(&fitted(&config, &data), &data, &[6000], 4);
        let (drawn, beside) = (numbers(&data, &made, 0), numbers(&data, &made, 1));
        let stays = |w: &[f64]| -> Vec<usize> {
            let all: Vec<&[f64]> = w.chunk_by(|a, b| a == b).collect();
            all[1..all.len() - 1].iter().filter(|s| s[0] == 0.0).map(|s| s.len()).collect()
        };
        let lengths = stays(&drawn);
        // Two stays may follow each other directly.
        assert!(lengths.iter().all(|l| l % 4 == 0), "{lengths:?}");
        let share = |w: &[f64], s: f64| w.iter().filter(|&&x| x == s).count() as f64 / w.len() as f64;
        let real: Vec<f64> = words.iter().map(|&w| f64::from(w)).collect();
        (0..3).for_each(|s| assert!((share(&drawn, f64::from(s)) - share(&real, f64::from(s))).abs() < 0.04));
        // A bin of numbers may reach from one state to the next.
        let apart = drawn.iter().zip(&beside).filter(|(s, x)| (*x - 10.0 * *s).abs() > 5.0).count();
        assert!(apart < 60, "{apart}");
        let geometric: BTreeMap<u32, u32> =
            (1..30).map(|l| (l, (1000.0 * 0.7_f64.powi(l as i32 - 1) * 0.3) as u32)).collect();
        assert!(is_geometric(&geometric));
        assert!(!is_geometric(&[(4, 100)].into()));
        assert!(!is_geometric(&[(1, 500), (9, 500)].into()));
    }

    /// Patients: in, exams, sometimes an operation, out or dead; the old die more often. Times are uneven.
    fn patients() -> super::super::EncodedSeries {
        let mut rng = stream(5, "patients", 0);
        let (mut words, mut lengths, mut old, mut times) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for p in 0..300 {
            let mut own = vec![0];
            own.extend(vec![1; 1 + below(&mut rng, 4) as usize]);
            if uniform(&mut rng) < 0.3 {
                own.extend([2, 1]);
            }
            let dies = if p % 2 == 0 { 0.8 } else { 0.1 };
            own.push(if uniform(&mut rng) < dies { 4 } else { 3 });
            old.push(p % 2);
            let mut time = 0.0;
            for _ in 0..own.len() {
                times.push(time);
                time += 1.0 + below(&mut rng, 9) as f64;
            }
            lengths.push(own.len());
            words.extend(own);
        }
        series(&encoding(), &lengths, vec![Cells::Words(words)], vec![Cells::Words(old)], Some(times))
    }

    #[test]
    fn rules_of_order_are_kept_and_the_context_is_followed() {
        let data = patients();
        let sampler = fitted(&Config::default(), &data);
        let lengths: Vec<usize> = data.offsets.windows(2).map(|p| p[1] - p[0]).collect();
        let drawn = numbers(&data, &sample(&sampler, &data, &lengths, 6), 1);
        let mut dead = [0, 0];
        for i in 0..300 {
            let own = &drawn[data.offsets[i]..data.offsets[i + 1]];
            // In first, an exam before an operation, and the end at the end.
            assert!(own[0] == 0.0 && own[1] == 1.0, "{own:?}");
            let end = own.iter().position(|&s| s >= 3.0);
            assert_eq!(end, Some(own.len() - 1), "{own:?}");
            dead[i % 2] += usize::from(own[own.len() - 1] == 4.0);
        }
        assert!((95..140).contains(&dead[0]) && dead[1] < 35, "{dead:?}");
        let ends: Vec<usize> = (0..=300).map(|i| if i == 0 { 0 } else { data.offsets[i] }).collect();
        assert_eq!(goes_on(&sampler, &data, &ends, 2, 1).rows, 600);
    }

    #[test]
    fn any_data_are_learnt_soundly_or_refused_with_a_remedy() {
        assert_sound(&Config::default(), &patients());
        assert_sound(&Config { smooth: true, dwell: Some(true), ..Config::default() }, &patients());
        let words: Vec<u32> = (0..200).map(|t| t / 3 % 4).collect();
        let data = series(
            &encoding(),
            &[200],
            vec![Cells::Words(words), Cells::Numbers((0..200).map(f64::from).collect())],
            vec![],
            None,
        );
        assert_sound(&Config::default(), &data);
        let data = series(&encoding(), &[1, 1], vec![Cells::Words(vec![0, 1])], vec![], None);
        assert_eq!(sample(&fitted(&Config::default(), &data), &data, &[3, 1], 1).rows, 4);
        let data = series(&encoding(), &[300], vec![Cells::Numbers((0..300).map(f64::from).collect())], vec![], None);
        let said = learnt(&Config::default(), &data).unwrap_err().to_string();
        assert!(said.contains("train var"), "{said}");
        assert!(Config { order: Some(9), ..Config::default() }.check().is_err());
    }
}
