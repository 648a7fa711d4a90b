//! Draws sequences: all of them a step at a time, in a step each of its own, number by number.

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;
use verisim_data::rng::{Stream, normal, uniform};
use verisim_data::table::codec::{Encoded, Span};

use super::levels::{Levels, PLACE, Restless};
use super::net::{Layout, Net, SCALES};
use super::{Config, drawn, remember, tell};
use crate::error::Result;
use crate::nets::blocks::CAP;
use crate::read;
use crate::series::dense::Parts;
use crate::series::dense::channels::tell as tell_label;
use crate::series::order::{Guard, Order};
use crate::series::{Steps, Wanted};

/// Most steps of a past that are looked at.
const MEMORY: usize = 256;

/// A trained network and what was learnt beside it.
pub(super) struct Network {
    parts: Parts,
    levels: Levels,
    layout: Layout,
    net: Net,
    heads: Heads,
    kept: Kept,
    device: Device,
}

/// The rules of order within a sequence, among the tokens of the columns.
pub(super) struct Kept {
    pub order: Order,
    pub spans: Vec<Span>,
    /// What is kept, as sentences.
    pub told: Vec<String>,
}

/// The part of the network that draws a step, on the host: what it computes is little, and each number waits for the one before.
struct Heads {
    units: usize,
    components: usize,
    /// `[seen, V U]`.
    seen: Vec<f32>,
    /// `[C, U, 3 K]` and `[C, 3 K]`.
    mixtures: Vec<f32>,
    start: Vec<f32>,
    /// `[Q U, L]` and `[L]`.
    labels: Vec<f32>,
    bias: Vec<f32>,
}

/// A sequence in the making.
struct Sequence {
    /// All rows since the first that is looked at, `[rows, width]`, their numbers, `[rows, values]`, and when each comes; the time of the
    /// row to come is known where steps are even.
    rows: Vec<f32>,
    numbers: Vec<f32>,
    times: Vec<f64>,
    /// When the row before the first that is looked at came.
    since: Option<f64>,
    /// The last row, with what is new in it in place of its numbers.
    white: Vec<f32>,
    restless: Restless,
    /// The numbers that lines expect of the row to come.
    expected: Vec<f32>,
    /// How many rows are its past, how many came before those, and how many are to be made.
    past: usize,
    earlier: usize,
    length: usize,
    context: Vec<f32>,
    guard: Guard,
}

impl Network {
    pub fn new(
        parts: Parts,
        levels: Levels,
        layout: Layout,
        net: Net,
        kept: Kept,
        config: &Config,
        device: &Device,
    ) -> Result<Network> {
        let numbers = |x: Option<Tensor<3>>| x.map_or(Ok(Vec::new()), read::numbers);
        let heads = Heads {
            units: config.units,
            components: config.components,
            seen: read::numbers(net.seen.val())?,
            mixtures: numbers(net.mixtures.as_ref().map(|m| m.val()))?,
            start: numbers(net.start.as_ref().map(|m| m.val()))?,
            labels: net.labels.as_ref().map_or(Ok(Vec::new()), |l| read::numbers(l.weight.val()))?,
            bias: net
                .labels
                .as_ref()
                .and_then(|l| l.bias.as_ref())
                .map_or(Ok(Vec::new()), |b| read::numbers(b.val()))?,
        };
        Ok(Network { parts, levels, layout, net, heads, kept, device: device.clone() })
    }

    /// Sequence `i` with the end of its past.
    fn begin(&self, wanted: &Wanted<'_>, i: usize) -> Sequence {
        let mut sequence = Sequence {
            rows: Vec::new(),
            numbers: Vec::new(),
            times: Vec::new(),
            since: None,
            white: Vec::new(),
            restless: Restless::new(self.layout.values),
            expected: Vec::new(),
            past: 0,
            earlier: 0,
            length: wanted.lengths[i],
            context: self.parts.told.context(wanted.context, i),
            guard: Guard::new(&self.kept.order, &self.kept.spans),
        };
        if let Some(past) = wanted.past {
            let (from, to) = (past.offsets[i], past.offsets[i + 1]);
            let begin = from.max(to.saturating_sub(MEMORY));
            sequence.rows = self.parts.channels.encode(past.steps, begin..to);
            sequence.times.extend_from_slice(&past.times[begin..to]);
            for column in self.kept.order.columns() {
                past.steps.tokens[column][from..to].iter().for_each(|&token| sequence.guard.took(column, token));
            }
            (sequence.past, sequence.earlier) = (to - begin, begin - from);
            sequence.since = (begin > from).then(|| past.times[begin - 1]);
        }
        let rows = sequence.rows.chunks_exact(self.layout.channels.max(1));
        sequence.numbers = rows.flat_map(|row| &row[..self.layout.values]).copied().collect();
        sequence.times.push(wanted.starts.get(i).copied().unwrap_or(f64::NAN));
        sequence
    }

    /// What the network remembers of step `t - 1` of a sequence, and is told of step `t`.
    fn inputs(&self, s: &mut Sequence, white: &[f32], t: usize) -> [Vec<f32>; 2] {
        let width = self.layout.channels;
        let row = |t: usize| &s.rows[t * width..(t + 1) * width];
        let mut remembered = Vec::with_capacity(self.layout.remembered());
        match t {
            0 => remembered.resize(self.layout.remembered(), 0.0),
            t => remember(&self.layout, white, row(t - 1), (t > 1).then(|| row(t - 2)), &mut remembered),
        }
        let before = s.earlier + t;
        let time = match self.parts.gap {
            Some(_) if before == 0 => None,
            Some(_) => t.checked_sub(1).map_or(s.since, |t| Some(s.times[t])),
            None => s.times.get(t).copied(),
        };
        let left = (s.earlier + s.past + s.length).saturating_sub(before + 1);
        let mut told = Vec::with_capacity(self.layout.told);
        tell(&self.parts, &s.context, time, before, left, &mut told);
        s.expected = self.parts.whitener.expected(t, &s.numbers[..t * self.layout.values]);
        self.levels.tell(&s.expected, &mut told);
        s.restless.tell(&mut told);
        [remembered, told]
    }

    /// Such inputs of all sequences on the device, zeros where there are none.
    fn joined(&self, each: Vec<Option<[Vec<f32>; 2]>>) -> [Tensor<2>; 2] {
        let widths = [self.layout.remembered(), self.layout.told];
        let mut all = widths.map(|width| Vec::with_capacity(each.len() * width));
        for (i, inputs) in each.into_iter().enumerate() {
            if let Some(inputs) = inputs {
                all.iter_mut().zip(inputs).for_each(|(all, own)| all.extend(own));
            }
            all.iter_mut().zip(widths).for_each(|(all, width)| all.resize((i + 1) * width, 0.0));
        }
        let [remembered, told] = all;
        [self.tensor(remembered, widths[0]), self.tensor(told, widths[1])]
    }

    /// The waves of the calendar at step `t`.
    fn waves(&self, s: &Sequence, t: usize) -> Vec<f32> {
        self.parts.told.calendar(s.times.get(t).copied(), 1)
    }

    /// Reads the pasts of the sequences, the last steps of each.
    fn recall(&self, all: &mut [Sequence], state: &mut Vec<Tensor<2>>) {
        let seen = all.iter().map(|s| s.past).max().unwrap_or(0);
        let white: Vec<Vec<f32>> =
            all.iter().map(|s| self.parts.white(&s.rows, s.times.first().copied()).rows).collect();
        let width = self.layout.channels;
        for k in 0..seen {
            // The last step of all comes at the end; who has fewer waits.
            let step = |(s, white): (&mut Sequence, &Vec<f32>)| {
                let t = (s.past + k).checked_sub(seen)?;
                let before = t.saturating_sub(1) * width..t.saturating_sub(1) * width + width;
                let inputs = self.inputs(s, &white[before], t);
                s.restless.pass(&white[t * width..t * width + self.layout.values]);
                Some(inputs)
            };
            let each: Vec<Option<[Vec<f32>; 2]>> = all.par_iter_mut().zip(&white).map(step).collect();
            let is: Vec<f32> = each.iter().map(|inputs| f32::from(u8::from(inputs.is_some()))).collect();
            let [remembered, told] = self.joined(each);
            let mut after = state.clone();
            self.net.next(remembered, told, &mut after);
            let is = self.tensor(is, 1);
            let keep = |new: Tensor<2>, old: &Tensor<2>| old.clone() + (new - old.clone()) * is.clone();
            *state = after.into_iter().zip(state.iter()).map(|(new, old)| keep(new, old)).collect();
        }
        for (s, white) in all.iter_mut().zip(white) {
            s.white = white[white.len() - if s.past > 0 { width } else { 0 }..].to_vec();
        }
    }

    fn tensor(&self, v: Vec<f32>, width: usize) -> Tensor<2> {
        let rows = v.len() / width.max(1);
        Tensor::from_data(TensorData::new(v, [rows, width]), &self.device)
    }

    /// Draws the next row of a sequence, of what its units know of the steps before, `[V U]`.
    fn row(&self, s: &mut Sequence, known: &[f32], dice: &[(f64, f64)]) {
        let Layout { values, channels: width, .. } = self.layout;
        let t = s.rows.len() / width.max(1);
        let waves = self.waves(s, t);
        let mut step = self.parts.whitener.step_of(t, std::mem::take(&mut s.expected), &waves);
        let before: Vec<f32> = s.rows[s.rows.len() - if t > 0 { width } else { 0 }..].to_vec();
        // The row as it is, and what is seen of it.
        let (mut row, mut white) = (vec![0f32; width], vec![0f32; width]);
        let mut dice = dice.iter();
        let mut next = || dice.next().copied().unwrap_or((0.5, 0.0));
        let (mut q, mut seen) = (values, Vec::with_capacity(self.layout.seen()));
        let mut places = vec![0f32; values * PLACE];
        let left = (s.past + s.length).saturating_sub(t + 1);
        for (column, (cell, first)) in self.layout.cells.iter().zip(&self.layout.logits).enumerate() {
            let mut label = 0;
            let token = |k: usize| self.parts.channels.token_of_label(column, k);
            if let Some(at) = cell.value {
                self.levels.place(at, step.centre(at), &mut places[at * PLACE..(at + 1) * PLACE]);
            }
            let see = |white: &[f32], seen: &mut Vec<f32>| {
                seen.clear();
                drawn(&self.layout, white, seen);
                seen.extend_from_slice(&places);
            };
            if let Some(first) = *first {
                see(&white, &mut seen);
                let logits = self.heads.logits(q, values, first, cell.is_number.len(), known, &seen);
                let ok = s.guard.allowed(&self.kept.order, column, left);
                let in_order = |k: usize| token(k).zip(ok.as_ref()).is_none_or(|(token, ok)| ok[token as usize]);
                let corner = !(0..logits.len()).any(in_order);
                // Without a step before nothing stands still.
                let allowed = |k: usize| (t > 0 || cell.repeat != Some(k)) && (corner || in_order(k));
                label = pick(&logits, allowed, next().0);
                tell_label(cell.is_number.len(), label, &mut white[cell.flags.clone()]);
                q += 1;
            }
            if let Some(token) = token(label) {
                s.guard.took(column, token);
            }
            let Some(at) = cell.value else { continue };
            row[at] = match (cell.is_number[label], self.parts.channels.value_of_label(at, label)) {
                (true, _) => {
                    see(&white, &mut seen);
                    let u = self.heads.number(at, known, &seen, next());
                    self.parts.channels.held(at, step.value(at, u), before.get(at).copied())
                }
                // What is no number has a value of its own, or that of the step before.
                (false, Some(value)) => value,
                (false, None) => before.get(at).copied().unwrap_or(0.0),
            };
            white[at] = step.score(at, row[at]);
        }
        row[values..].copy_from_slice(&white[values..]);
        s.restless.pass(&white[..values]);
        s.numbers.extend_from_slice(&row[..values]);
        s.rows.extend(row);
        s.white = white;
    }

    /// What the rows that were made of a sequence say, appended to `made`, and the time of the last.
    fn pass(&self, s: &mut Sequence) {
        let t = s.rows.len() / self.layout.channels.max(1) - 1;
        if self.parts.gap.is_some() && t > 0 {
            let gap = self.parts.channels.number_of(0, s.rows[t * self.layout.channels]).unwrap_or(0.0).max(0.0);
            s.times[t] = s.times[t - 1] + gap;
        }
        s.times.push(s.times[t] + self.parts.every);
    }
}

impl Steps for Network {
    fn draw(&self, wanted: &Wanted<'_>, rng: &mut Stream) -> Result<Encoded> {
        let mut all: Vec<Sequence> = (0..wanted.lengths.len()).map(|i| self.begin(wanted, i)).collect();
        let mut state = self.net.nothing(all.len(), &self.device);
        if all.iter().any(|s| s.past > 0) {
            self.recall(&mut all, &mut state);
        }
        let longest = all.iter().map(|s| s.length).max().unwrap_or(0);
        let variables = self.layout.variables();
        for t in 0..longest {
            // Who is done is carried along.
            let step = |s: &mut Sequence| {
                let white = std::mem::take(&mut s.white);
                (t < s.length).then(|| self.inputs(s, &white, s.past + t))
            };
            let each = all.par_iter_mut().map(step).collect();
            let [remembered, told] = self.joined(each);
            let known = self.net.next(remembered, told, &mut state);
            let width = known.dims()[1];
            let known = read::numbers(known)?;
            let dice: Vec<(f64, f64)> = (0..all.len() * variables).map(|_| (uniform(rng), normal(rng))).collect();
            let each = all.par_iter_mut().zip(known.par_chunks(width)).zip(dice.par_chunks(variables));
            each.filter(|((s, _), _)| t < s.length).for_each(|((s, known), dice)| {
                self.row(s, known, dice);
                self.pass(s);
            });
        }
        let mut made = self.parts.channels.none();
        for s in &all {
            let width = self.layout.channels;
            let from = made.rows;
            self.parts.channels.decode(&s.rows[s.past * width..(s.past + s.length) * width], &mut made);
            if let (Some(gap), true, true) = (self.parts.gap, s.past + s.earlier == 0, s.length > 0) {
                made.tokens[0][from] = gap;
                made.scalars[0][from..].iter_mut().take(1).for_each(|x| *x = 0.0);
            }
        }
        Ok(made)
    }

    fn together(&self) -> usize {
        1024
    }

    fn notes(&self) -> Vec<String> {
        self.kept.told.clone()
    }
}

impl Heads {
    /// The units of variable `v`, of what they know of the steps before and see of the step.
    fn of(&self, v: usize, known: &[f32], seen: &[f32]) -> Vec<f32> {
        let own = v * self.units..(v + 1) * self.units;
        let mut units = known[own.clone()].to_vec();
        for (x, weights) in seen.iter().zip(self.seen.chunks_exact(known.len())).filter(|(x, _)| **x != 0.0) {
            units.iter_mut().zip(&weights[own.clone()]).for_each(|(unit, w)| *unit += x * w);
        }
        units.iter_mut().for_each(|x| *x /= 1.0 + (-*x).exp());
        units
    }

    /// Draws what is new in number `at`.
    fn number(&self, at: usize, known: &[f32], seen: &[f32], (share, noise): (f64, f64)) -> f32 {
        let (k, width) = (self.components, 3 * self.components);
        let mut out = self.start[at * width..(at + 1) * width].to_vec();
        let weights = self.mixtures[at * self.units * width..].chunks_exact(width);
        for (x, weights) in self.of(at, known, seen).iter().zip(weights) {
            out.iter_mut().zip(weights).for_each(|(o, w)| *o += x * w);
        }
        let c = pick(&out[..k], |_| true, share);
        let u = out[k + c] + out[2 * k + c].clamp(SCALES[0], SCALES[1]).exp() * noise as f32;
        if u.is_finite() { u } else { 0.0 }
    }

    /// The logits of the label of variable `v`, `count` of them from `first` on; `values` variables before it are numbers.
    fn logits(&self, v: usize, values: usize, first: usize, count: usize, known: &[f32], seen: &[f32]) -> Vec<f32> {
        let mut logits = self.bias[first..first + count].to_vec();
        let width = self.bias.len();
        for (u, x) in self.of(v, known, seen).iter().enumerate() {
            let row = ((v - values) * self.units + u) * width + first;
            logits.iter_mut().zip(&self.labels[row..row + count]).for_each(|(l, w)| *l += x * w);
        }
        logits.iter_mut().for_each(|l| *l = CAP * (*l / CAP).tanh());
        logits
    }
}

/// Which of these logits is drawn, of those that are allowed.
fn pick(logits: &[f32], allowed: impl Fn(usize) -> bool, share: f64) -> usize {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weight = |(k, l): (usize, &f32)| if allowed(k) { f64::from((l - most).exp()) } else { 0.0 };
    let weights: Vec<f64> = logits.iter().enumerate().map(weight).collect();
    let mut left = share * weights.iter().sum::<f64>();
    for (k, w) in weights.iter().enumerate() {
        left -= w;
        if left < 0.0 {
            return k;
        }
    }
    weights.iter().rposition(|w| *w > 0.0).unwrap_or(0)
}
