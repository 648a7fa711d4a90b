//! Events at uneven times: which comes next, and when.
//!
//! Two models of the same data, of which the one that tells sequences that are kept back better is taken (`hawkes` says otherwise):
//!
//! - *Marked renewal*: the categories of an event are its mark, and marks follow each other by a Markov chain with back-off
//!   (`chain.rs`); the time to the next event is a mixture of log-normals and of single values (none at all, one day), given the
//!   mark before (`gaps.rs`).
//! - *Hawkes*: events call events, each kind at a rate of its own (`hawkes.rs`). Tried where there are few kinds, and where times are not
//!   mostly of a few values, which have no rate. Only marks are drawn that the chain has seen to follow.
//!
//! Times run forward by construction. Other columns are those of an observed event with the same mark after the same mark
//! (`beside.rs`).

mod gaps;
mod hawkes;

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::Stream;
use verisim_data::series::{Series, Spec};
use verisim_data::table::codec::{CodecConfig, ColumnCodec, Encoded, NormalCodec, Numeric, Span};

use super::beside::Beside;
use super::chain::{Chain, Grouping, MOST};
use super::markov::grouped;
use super::states::States;
use super::{Contexts, EncodedSeries, Encoding, Sampler, Steps, Wanted};
use crate::compute::Device;
use crate::error::{Error, Result};
use crate::learn::{Model, Setup, Split, Start};
use crate::weights::Weights;
use gaps::Gaps;
use hawkes::{Events, Hawkes};

/// Where more of the times are single values, there is no rate.
const LUMPS: f64 = 0.05;

/// Settings of the model of events.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many marks before decide, 1 to 5; chosen by likelihood when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<usize>,
    /// Whether marks may follow each other that never did in the data.
    pub smooth: bool,
    /// Whether events call events; chosen by likelihood when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hawkes: Option<bool>,
}

impl Model<Series> for Config {
    fn check(&self) -> Result<()> {
        match self.order {
            Some(order) if order == 0 || order > MOST => Err(Error::Setting {
                model: "renewal",
                key: "order".into(),
                rule: format!("must lie between 1 and {MOST}"),
            }),
            _ => Ok(()),
        }
    }

    fn encoding(&self) -> Encoding {
        CodecConfig { numeric: Numeric::Normal, bins: 256, rare: 0, max_levels: 65_536 }.into()
    }

    fn start(&self, split: &Split<'_, Series>, _: &Setup<'_>) -> Result<Start<Series>> {
        self.check()?;
        let data = split.encoded;
        if !data.spec.shape.has_gap() {
            return Err(Error::Unsuited {
                model: "renewal",
                problem: "learns the times between events, and these steps come at even times; train markov, hmm or var",
            });
        }
        time_codec(&data.spec)?;
        let spans = data.step_spans();
        let runs = data.runs(split.train);
        if runs.iter().all(|run| run.is_empty()) {
            return Err(Error::Empty { unit: "events" });
        }
        let mut weights = Weights::default();
        Contexts::fit(data, split.train, &mut weights)?;
        let states = States::fit(States::columns(&spans, true), &spans, &data.steps, &runs);
        let sequences: Vec<Vec<u32>> = runs.iter().map(|run| states.encode(&data.steps, run.clone())).collect();
        let mut train = split.train.to_vec();
        train.sort_unstable();
        let (order, grouping) = grouped(data, &train, &sequences, states.count(), self.order, self.smooth);
        let groups: Vec<u32> = match data.joined {
            true => vec![0; sequences.len()],
            false => train.iter().map(|&i| grouping.of(&data.context, i)).collect(),
        };
        let ends = !data.joined && data.spec.shape.has_length();
        let parts = Parts { config: self, data, runs: &runs, sequences: &sequences, groups: &groups, order, ends };
        Chain::fit(&sequences, &groups, states.count(), order, self.smooth, ends).store(&mut weights);
        Gaps::fit(&waits(data, &runs, &sequences)).store(&mut weights);
        let chosen = parts.hawkes(states.count())?;
        weights.put_u32("hawkes", &[1], vec![u32::from(chosen.is_some())]);
        if let Some(hawkes) = chosen {
            hawkes.store(&mut weights);
        }
        let others = states.others(&spans).into_iter().filter(|&j| j > 0).collect();
        Beside::fit(others, &spans, states.count(), &data.steps, &runs, &sequences).store(&mut weights);
        states.store(&mut weights);
        grouping.store(&mut weights);
        weights.put_u32("first_gap", &[1], vec![data.steps.tokens[0][runs[0].start]]);
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
        let has_hawkes = weights.take_u32("hawkes")?.1.first() == Some(&1);
        let steps = Renewal {
            chain: Chain::restore(states.count(), weights)?,
            gaps: Gaps::restore(weights)?,
            hawkes: if has_hawkes { Some(Hawkes::restore(states.count(), weights)?) } else { None },
            beside: Beside::restore(&spans, states.count(), weights)?,
            grouping: Grouping::restore(weights)?,
            time: time_codec(spec)?.clone(),
            first_gap,
            states,
            spans,
        };
        Ok(Box::new(Sampler { contexts, steps: Box::new(steps) }))
    }
}

/// How times between events are encoded.
fn time_codec(spec: &Spec) -> Result<&NormalCodec> {
    match spec.steps.columns.first() {
        Some(ColumnCodec::Normal(codec)) => Ok(codec),
        _ => Err(Error::Unsuited {
            model: "renewal",
            problem: "learns the times between events, and here they follow from another column; remove that column, or train markov",
        }),
    }
}

/// The times between events, each after the mark before.
fn waits(data: &EncodedSeries, runs: &[Range<usize>], sequences: &[Vec<u32>]) -> Vec<(u32, f64)> {
    let one = |(run, marks): (&Range<usize>, &Vec<u32>)| -> Vec<(u32, f64)> {
        (1..run.len())
            .map(|t| (marks[t - 1], (data.times[run.start + t] - data.times[run.start + t - 1]).max(0.0)))
            .collect()
    };
    runs.iter().zip(sequences).flat_map(one).collect()
}

/// A stretch of a sequence: its number, and which events.
type Piece = (usize, Range<usize>);

/// What two models are compared on.
struct Parts<'a> {
    config: &'a Config,
    data: &'a EncodedSeries,
    runs: &'a [Range<usize>],
    sequences: &'a [Vec<u32>],
    groups: &'a [u32],
    order: usize,
    ends: bool,
}

impl Parts<'_> {
    /// The Hawkes process, if it is wanted, or tells sequences that are kept back better.
    fn hawkes(&self, marks: usize) -> Result<Option<Hawkes>> {
        let gaps = Gaps::fit(&waits(self.data, self.runs, self.sequences));
        let may = marks <= hawkes::MOST && gaps.lumps() <= LUMPS;
        match self.config.hawkes {
            Some(false) => return Ok(None),
            None if !may => return Ok(None),
            _ => {}
        }
        let events: Vec<Events> = self
            .runs
            .iter()
            .zip(self.sequences)
            .map(|(run, marks)| {
                marks
                    .iter()
                    .enumerate()
                    .map(|(t, &m)| (self.data.times[run.start + t] - self.data.times[run.start], m))
                    .collect()
            })
            .collect();
        let all = Hawkes::fit(&events, marks);
        if self.config.hawkes == Some(true) {
            return match all {
                Some(hawkes) => Ok(Some(hawkes)),
                None => Err(Error::Unsuited {
                    model: "renewal",
                    problem: "needs 50 events and at most 24 kinds for hawkes = true; leave it out",
                }),
            };
        }
        let (learnt, kept) = self.split();
        if learnt.is_empty() || kept.is_empty() {
            return Ok(None);
        }
        let own = |part: &[Piece]| {
            let marks: Vec<Vec<u32>> = part.iter().map(|(i, r)| self.sequences[*i][r.clone()].to_vec()).collect();
            let groups: Vec<u32> = part.iter().map(|(i, _)| self.groups[*i]).collect();
            let at = |i: usize, r: &Range<usize>| self.runs[i].start + r.start..self.runs[i].start + r.end;
            let runs: Vec<Range<usize>> = part.iter().map(|(i, r)| at(*i, r)).collect();
            let begun = |(i, r): &Piece| -> Events {
                let first = events[*i][r.start].0;
                events[*i][r.clone()].iter().map(|e| (e.0 - first, e.1)).collect()
            };
            (marks, groups, runs, part.iter().map(begun).collect::<Vec<Events>>())
        };
        let (seen, groups, runs, calls) = own(&learnt);
        let chain = Chain::fit(&seen, &groups, marks, self.order, self.config.smooth, self.ends);
        let gaps = Gaps::fit(&waits(self.data, &runs, &seen));
        let Some(hawkes) = Hawkes::fit(&calls, marks) else { return Ok(None) };
        let (other, groups, runs, calls) = own(&kept);
        let times: f64 = waits(self.data, &runs, &other).iter().map(|&(m, x)| gaps.likelihood(m, x)).sum();
        let renewal = chain.likelihood(&other, &groups, 1) + times;
        Ok(all.filter(|_| hawkes.likelihood(&calls) > renewal))
    }

    /// Sequences to learn and to keep back; of one long one, its last fifth.
    fn split(&self) -> (Vec<Piece>, Vec<Piece>) {
        let whole = |i: usize| (i, 0..self.sequences[i].len());
        let some = (0..self.sequences.len()).filter(|&i| !self.sequences[i].is_empty());
        if self.sequences.len() >= 5 {
            let (kept, learnt): (Vec<usize>, Vec<usize>) = some.partition(|i| i % 5 == 2);
            return (learnt.into_iter().map(whole).collect(), kept.into_iter().map(whole).collect());
        }
        let cut = |i: usize| self.sequences[i].len() * 4 / 5;
        let some: Vec<usize> = some.filter(|&i| cut(i) > 0).collect();
        let learnt = some.iter().map(|&i| (i, 0..cut(i))).collect();
        (learnt, some.iter().map(|&i| (i, cut(i)..self.sequences[i].len())).collect())
    }
}

/// The model.
struct Renewal {
    states: States,
    spans: Vec<Span>,
    chain: Chain,
    gaps: Gaps,
    hawkes: Option<Hawkes>,
    beside: Beside,
    grouping: Grouping,
    time: NormalCodec,
    first_gap: u32,
}

impl Renewal {
    /// The sums over the past of a Hawkes process, at the last event.
    fn heard(&self, marks: &[u32], times: &[f64]) -> Vec<f64> {
        let Some(hawkes) = &self.hawkes else { return Vec::new() };
        let mut past = vec![0.0; self.states.count()];
        for (t, &mark) in marks.iter().enumerate() {
            if t > 0 {
                let fade = (-hawkes.decay * (times[t] - times[t - 1]).max(0.0)).exp();
                past.iter_mut().for_each(|p| *p *= fade);
            }
            past[mark as usize] += 1.0;
        }
        past
    }

    /// The next mark, and how long after the last event it comes.
    fn next(&self, marks: &[u32], group: u32, left: usize, past: &mut [f64], rng: &mut Stream) -> (u32, f64) {
        let last = marks.last().copied();
        match (&self.hawkes, last) {
            (Some(hawkes), Some(_)) => {
                let wait = hawkes.wait(past, rng);
                let mut next = self.chain.next(marks, group);
                // Only what was seen to follow, each at its rate.
                next.iter_mut().for_each(|n| n.1 = hawkes.rate(n.0 as usize, past).max(1e-12));
                (self.chain.pick(next, marks, left, rng), wait)
            }
            _ => {
                let wait = last.map_or(0.0, |last| self.gaps.draw(last, rng));
                (self.chain.draw(marks, group, left, None, rng), wait)
            }
        }
    }
}

impl Steps for Renewal {
    fn draw(&self, wanted: &Wanted<'_>, rng: &mut Stream) -> Result<Encoded> {
        let mut out = Encoded::zeros(&self.spans, wanted.lengths.iter().sum());
        let mut waits = Vec::with_capacity(out.rows);
        let mut firsts = Vec::new();
        for (i, &length) in wanted.lengths.iter().enumerate() {
            let given = wanted.past.map(|p| (p, p.offsets[i]..p.offsets[i + 1])).filter(|(_, run)| !run.is_empty());
            let mut marks = given.as_ref().map_or_else(Vec::new, |(p, run)| self.states.encode(p.steps, run.clone()));
            let mut past = match &given {
                Some((p, run)) => self.heard(&marks, &p.times[run.clone()]),
                None => self.heard(&[], &[]),
            };
            let group = self.grouping.of(wanted.context, i);
            for t in 0..length {
                let last = marks.last().copied();
                let (mark, wait) = self.next(&marks, group, length - 1 - t, &mut past, rng);
                if let Some(own) = past.get_mut(mark as usize) {
                    *own += 1.0;
                }
                marks.push(mark);
                let at = waits.len();
                self.states.decode(mark, &mut out, at);
                match (last, &given) {
                    (Some(last), Some((p, run))) if t == 0 => {
                        self.beside.draw((Some(last), mark), Some((p.steps, run.end - 1)), &mut out, at, rng);
                    }
                    (Some(last), _) => self.beside.go_on((last, mark), &mut out, at, rng),
                    (None, _) => {
                        self.beside.draw((None, mark), None, &mut out, at, rng);
                        firsts.push(at);
                    }
                }
                waits.push(wait);
            }
        }
        let (tokens, scalars) = self.time.encode(&waits);
        (out.tokens[0], out.scalars[0]) = (tokens, scalars);
        for at in firsts {
            (out.tokens[0][at], out.scalars[0][at]) = (self.first_gap, 0.0);
        }
        Ok(out)
    }

    fn notes(&self) -> Vec<String> {
        let calls = |hawkes: &Hawkes| {
            format!("events call events: {:.0} % of them are called by others", 100.0 * hawkes.root())
        };
        self.hawkes.iter().map(calls).chain(self.beside.notes()).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use verisim_data::rng::{below, normal, stream, uniform};

    use super::*;
    use crate::series::testkit::{Cells, assert_sound, fitted, goes_on, learnt, numbers, sample, series};

    fn encoding() -> CodecConfig {
        Config::default().encoding().steps
    }

    /// Logs of visits: after an order it takes long, after others it does not; some events come at one time.
    fn logs(count: usize) -> EncodedSeries {
        let mut rng = stream(2, "logs", 0);
        let (mut words, mut times, mut lengths, mut amounts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..count {
            let (mut mark, mut time) = (0_u32, 0.0);
            let length = 4 + below(&mut rng, 12) as usize;
            for _ in 0..length {
                words.push(mark);
                times.push(time);
                amounts.push(f64::from(mark) * 100.0 + normal(&mut rng));
                let log = if mark == 2 { 4.0 + 0.5 * normal(&mut rng) } else { 0.3 * normal(&mut rng) };
                time += if uniform(&mut rng) < 0.1 { 0.0 } else { log.exp() };
                mark = (mark + 1 + u32::from(uniform(&mut rng) < 0.3)) % 3;
            }
            lengths.push(length);
        }
        series(&encoding(), &lengths, vec![Cells::Words(words), Cells::Numbers(amounts)], vec![], Some(times))
    }

    #[test]
    fn times_follow_the_mark_before_and_what_stands_beside_follows_the_mark() {
        let data = logs(300);
        let sampler = fitted(&Config::default(), &data);
        let lengths: Vec<usize> = data.offsets.windows(2).map(|p| p[1] - p[0]).collect();
        let made = sample(&sampler, &data, &lengths, 3);
        let table = |rows: &Encoded| {
            let (gaps, marks) = (numbers(&data, rows, 0), numbers(&data, rows, 1));
            let mut after = vec![Vec::new(); 3];
            (1..rows.rows).filter(|&i| !gaps[i].is_nan()).for_each(|i| after[marks[i - 1] as usize].push(gaps[i]));
            after.iter_mut().for_each(|a| a.sort_by(f64::total_cmp));
            after
        };
        let (real, drawn) = (table(&data.steps), table(&made));
        for (real, drawn) in real.iter().zip(&drawn) {
            let off = (0..real.len()).map(|i| {
                let below = drawn.partition_point(|x| *x <= real[i]) as f64 / drawn.len() as f64;
                (below - real.partition_point(|x| *x <= real[i]) as f64 / real.len() as f64).abs()
            });
            // Kolmogorov and Smirnov.
            let off = off.fold(0.0, f64::max);
            assert!(off < 0.08, "{off}");
            let zeros = |v: &[f64]| v.iter().filter(|x| **x == 0.0).count() as f64 / v.len() as f64;
            assert!((zeros(real) - zeros(drawn)).abs() < 0.05);
        }
        let (marks, amounts) = (numbers(&data, &made, 1), numbers(&data, &made, 2));
        assert!(marks.iter().zip(&amounts).all(|(m, a)| (a - 100.0 * m).abs() < 6.0));
        assert_eq!(goes_on(&sampler, &data, &data.offsets, 2, 1).rows, 600);
    }

    #[test]
    fn events_that_call_events_are_known_and_made() {
        let truth = Hawkes { base: vec![0.2, 0.2], calls: vec![0.5, 0.2, 0.1, 0.5], decay: 3.0 };
        let mut rng = stream(5, "calls", 0);
        let (mut words, mut times) = (Vec::new(), Vec::new());
        let lengths = vec![100; 40];
        for _ in 0..40 {
            let (mut past, mut time) = (vec![1.0, 0.0], 0.0);
            let mut mark = 0;
            for t in 0..100 {
                if t > 0 {
                    time += truth.wait(&mut past, &mut rng);
                    let rates = [truth.rate(0, &past), truth.rate(1, &past)];
                    mark = u32::from(uniform(&mut rng) * (rates[0] + rates[1]) > rates[0]);
                    past[mark as usize] += 1.0;
                }
                words.push(mark);
                times.push(time);
            }
        }
        let data = series(&encoding(), &lengths, vec![Cells::Words(words)], vec![], Some(times));
        let mut weights = learnt(&Config::default(), &data).unwrap();
        assert!(weights.has("hawkes.base"));
        let calls = weights.take_f64("hawkes.calls").unwrap().1;
        assert!(calls.iter().zip(&truth.calls).all(|(a, b)| (a - b).abs() < 0.12), "{calls:?}");
        let made = sample(&fitted(&Config::default(), &data), &data, &lengths, 4);
        // Short times follow short times more often than by chance.
        let bunched = |gaps: &[f64]| {
            let pairs: Vec<(f64, f64)> =
                gaps.windows(2).filter(|w| !w[0].is_nan() && !w[1].is_nan()).map(|w| (w[0], w[1])).collect();
            pairs.iter().filter(|p| p.0 < 0.5 && p.1 < 0.5).count() as f64 / pairs.len() as f64
        };
        let (real, drawn) = (bunched(&numbers(&data, &data.steps, 0)), bunched(&numbers(&data, &made, 0)));
        assert!((real - drawn).abs() < 0.06, "{real} {drawn}");
        assert_sound(&Config::default(), &data);
        assert!(!learnt(&Config { hawkes: Some(false), ..Config::default() }, &data).unwrap().has("hawkes.base"));
    }

    #[test]
    fn any_events_are_learnt_soundly_or_refused_with_a_remedy() {
        assert_sound(&Config::default(), &logs(40));
        assert_sound(&Config { smooth: true, order: Some(2), hawkes: Some(false) }, &logs(40));
        // One long log without marks, all at one time, and sequences of one event.
        let times: Vec<f64> = (0..200).map(|t| f64::from(t * t % 7 + 7 * t)).collect();
        assert_sound(
            &Config::default(),
            &series(&encoding(), &[200], vec![Cells::Numbers((0..200).map(f64::from).collect())], vec![], Some(times)),
        );
        let data = series(&encoding(), &[3, 2], vec![Cells::Words(vec![0, 1, 0, 1, 0])], vec![], Some(vec![0.0; 5]));
        assert_eq!(sample(&fitted(&Config::default(), &data), &data, &[4, 1], 1).rows, 5);
        let even = series(&encoding(), &[50], vec![Cells::Words((0..50).map(|t| t % 2).collect())], vec![], None);
        let said = learnt(&Config::default(), &even).unwrap_err().to_string();
        assert!(said.contains("even times") && said.contains("train markov"), "{said}");
        let said = learnt(&Config { hawkes: Some(true), ..Config::default() }, &data).unwrap_err().to_string();
        assert!(said.contains("leave it out"), "{said}");
    }
}
