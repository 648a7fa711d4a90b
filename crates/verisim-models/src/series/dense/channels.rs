//! Steps as rows of real numbers, and back.
//!
//! A number column is one *value* channel: the number itself, or its logarithm, standardised. Not its normal score: scores stretch the
//! places where a series has been long, so that its steps would be of another size at each level; what shape the values have is
//! the affair of [`whiten`](super::whiten). What is no plain number is told by *flags* beside it: categories, missing values, words,
//! values that hold many rows and, where that is asked for, numbers that stand still. Two labels are one flag of -1 or 1, few are one flag each, many are binary digits.

use std::ops::Range;

use verisim_data::table::codec::{ColumnCodec, Encoded, NormalCodec, Span, TableCodec};

use crate::error::{Error, Result};
use crate::weights::Weights;

/// A value that holds this share of the rows has a label of its own, where the column has a few values only; where it has many, any
/// point mass has.
const SPIKE: f64 = 0.1;
/// Most such labels of a column.
const MOST_SPIKES: usize = 8;
/// Labels with a flag each; more are told by binary digits.
const MOST_FLAGS: usize = 12;
/// Rows to a value on average, from which on a column has its values and no others.
const ROWS_TO_A_VALUE: usize = 8;
/// Most values that are held one by one.
const MOST_VALUES: usize = 8192;

/// How all columns of a step lie in a row: first the values, then the flags.
#[derive(Clone, Debug, PartialEq)]
pub struct Channels {
    columns: Vec<Column>,
    /// Number of value channels.
    pub values: usize,
    /// Number of channels.
    pub width: usize,
}

/// One column.
#[derive(Clone, Debug, PartialEq)]
struct Column {
    value: Option<Value>,
    /// What a row may be.
    labels: Vec<Label>,
    /// The first flag.
    flags: usize,
    scalar: bool,
}

/// What a cell may be.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Label {
    /// A number.
    Number,
    /// What this token says.
    Token(u32),
    /// The number of the step before, once more.
    Repeat,
}

/// The value channel of a column.
#[derive(Clone, Debug, PartialEq)]
struct Value {
    at: usize,
    codec: NormalCodec,
    /// What is added before the logarithm is taken; none for the number itself.
    log: Option<f64>,
    mean: f64,
    deviation: f64,
    /// The values that a column of few values has, ascending.
    lattice: Vec<f64>,
    spikes: Vec<u32>,
    /// Whether it stands still more often than by chance.
    repeats: bool,
}

/// How the cell of a column lies in a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The channels that tell its label, and of each label whether it is a number; no channels where there is one label.
    pub flags: Range<usize>,
    pub is_number: Vec<bool>,
    /// The label of a number that is that of the step before.
    pub repeat: Option<usize>,
    /// The channel of its value.
    pub value: Option<usize>,
}

impl Cell {
    /// Its label in a row.
    pub fn label(&self, row: &[f32]) -> usize {
        likeliest(&row[self.flags.clone()], self.is_number.len())
    }
}

/// Writes the flags of label `k` of `labels`.
pub fn tell(labels: usize, k: usize, own: &mut [f32]) {
    own.iter_mut().enumerate().for_each(|(f, x)| *x = flag(labels, k, f));
}

/// The label of `labels` whose flags are most like these, the first of equals.
fn likeliest(own: &[f32], labels: usize) -> usize {
    let likeness = |k: usize| own.iter().enumerate().map(|(f, x)| x * flag(labels, k, f)).sum::<f32>();
    let better = |best: (usize, f32), k: usize| if likeness(k) > best.1 { (k, likeness(k)) } else { best };
    if labels < 2 { 0 } else { (1..labels).fold((0, likeness(0)), better).0 }
}

/// How a column of so many labels is told by flags.
fn flags(labels: usize) -> usize {
    match labels {
        0 | 1 => 0,
        2 => 1,
        k if k <= MOST_FLAGS => k,
        k => (usize::BITS - (k - 1).leading_zeros()) as usize,
    }
}

/// What flag `f` is for label `k` of `labels`.
fn flag(labels: usize, k: usize, f: usize) -> f32 {
    let on = match labels {
        2 => k == 1,
        n if n <= MOST_FLAGS => k == f,
        _ => (k >> f) & 1 == 1,
    };
    if on { 1.0 } else { -1.0 }
}

impl Value {
    /// Learns the scale of a column; none where it never is a number. One that is `tied` to others is not taken by its logarithm.
    fn fit(codec: &NormalCodec, tokens: &[u32], scalars: &[f32], tied: bool, repeats: bool) -> Option<Value> {
        let all = codec.decode(tokens, scalars);
        let numbers: Vec<f64> = all.iter().copied().filter(|x| x.is_finite()).collect();
        if numbers.is_empty() {
            return None;
        }
        let mut distinct = numbers.clone();
        distinct.sort_by(f64::total_cmp);
        distinct.dedup();
        let few = distinct.len() * ROWS_TO_A_VALUE <= numbers.len() && distinct.len() <= MOST_VALUES;
        let spikes = spikes(codec, tokens, if few { SPIKE } else { 0.0 });
        let log = log_of(&all, distinct[0]).filter(|_| !tied);
        let mut value = Value {
            at: 0,
            codec: codec.clone(),
            log,
            mean: 0.0,
            deviation: 1.0,
            lattice: if few { distinct } else { Vec::new() },
            repeats: repeats && spikes.is_empty() && stands_still(&all),
            spikes,
        };
        let n = numbers.len() as f64;
        let bent: Vec<f64> = numbers.iter().map(|&x| value.bent(x)).collect();
        // Squares of very large numbers are none.
        let size = bent.iter().fold(1e-300f64, |most, x| most.max(x.abs()));
        let mean = bent.iter().map(|x| x / size).sum::<f64>() / n;
        let variance = bent.iter().map(|x| (x / size - mean).powi(2)).sum::<f64>() / n;
        value.mean = mean * size;
        value.deviation = if variance > 1e-24 { variance.sqrt() * size } else { 1.0 };
        Some(value)
    }

    fn bent(&self, x: f64) -> f64 {
        self.log.map_or(x, |shift| (x + shift).max(1e-300).ln())
    }

    fn channel(&self, x: f64) -> f32 {
        ((self.bent(x) - self.mean) / self.deviation).clamp(-1e4, 1e4) as f32
    }

    fn number(&self, channel: f32) -> f64 {
        let bent = f64::from(channel) * self.deviation + self.mean;
        let x = self.log.map_or(bent, |shift| bent.min(700.0).exp() - shift);
        nearest(&self.lattice, x).unwrap_or(x)
    }
}

impl Value {
    /// The value next to `held` that a cell can hold; itself where there is none.
    fn beside(&self, held: f32, above: bool) -> f32 {
        let x = self.number(held);
        let k = self.lattice.partition_point(|&v| v < x);
        let next = if above { self.lattice.get(k + 1) } else { k.checked_sub(1).and_then(|k| self.lattice.get(k)) };
        next.map_or(held, |&x| self.channel(x))
    }
}

/// The member of `sorted` that is nearest to `x`.
fn nearest(sorted: &[f64], x: f64) -> Option<f64> {
    let k = sorted.partition_point(|&v| v < x);
    let (below, above) = (k.checked_sub(1).map(|k| sorted[k]), sorted.get(k).copied());
    match (below, above) {
        (Some(a), Some(b)) => Some(if x - a <= b - x { a } else { b }),
        (a, b) => a.or(b),
    }
}

/// The tokens of point masses that hold the share `least` of the rows, most common first.
fn spikes(codec: &NormalCodec, tokens: &[u32], least: f64) -> Vec<u32> {
    let mut counts = vec![0usize; codec.span().tokens as usize];
    tokens.iter().for_each(|&t| counts[t as usize] += 1);
    let is_mass = |t: u32| codec.range(t).is_some_and(|(low, high)| low == high);
    let mut spikes: Vec<u32> = (0..codec.span().tokens).filter(|&t| is_mass(t)).collect();
    spikes.retain(|&t| counts[t as usize] > 0 && counts[t as usize] as f64 >= least * tokens.len() as f64);
    spikes.sort_by_key(|&t| (std::cmp::Reverse(counts[t as usize]), t));
    spikes.truncate(MOST_SPIKES);
    spikes
}

/// Whether steps are of a more even size in logarithms, and what must be added before. `all` lie in the order of time.
fn log_of(all: &[f64], least: f64) -> Option<f64> {
    if least < 0.0 {
        return None;
    }
    let mean = all.iter().filter(|x| x.is_finite()).sum::<f64>() / all.len() as f64;
    let shift = if least > 0.0 { 0.0 } else { 0.02 * mean };
    // How much the size of a step goes with the level.
    let uneven = |of: &dyn Fn(f64) -> f64| {
        let steps = all.windows(2).filter(|w| w[0].is_finite() && w[1].is_finite());
        let pairs: Vec<(f64, f64)> = steps.map(|w| (of(w[0]), (of(w[1]) - of(w[0])).abs())).collect();
        correlation(&pairs).abs()
    };
    let (plain, logs) = (uneven(&|x| x), uneven(&|x| (x + shift).max(1e-300).ln()));
    (mean > 0.0 && mean.is_finite() && plain > 0.2 && logs < 0.7 * plain).then_some(shift)
}

/// Whether a series stands still more often than it changes by any other amount, by a share of the steps that is worth a label of its own.
fn stands_still(all: &[f64]) -> bool {
    /// The least such share.
    const EXCESS: f64 = 0.01;
    let mut changes: Vec<f64> = all.windows(2).map(|w| w[1] - w[0]).filter(|d| d.is_finite()).collect();
    let count = changes.len();
    let still = changes.iter().filter(|d| **d == 0.0).count();
    changes.retain(|d| *d != 0.0);
    changes.sort_by(f64::total_cmp);
    // Differences of equal size are equal up to the rounding of binary numbers.
    let size = all.iter().filter(|x| x.is_finite()).fold(0.0f64, |most, x| most.max(x.abs()));
    let equal = changes.chunk_by(|a, b| b - a <= 1e-9 * size).map(<[f64]>::len).max().unwrap_or(0);
    still as f64 - equal as f64 > EXCESS * count as f64
}

/// Of ranks would be better and costs a sort; of numbers it does here.
fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let n = pairs.len().max(1) as f64;
    let mean = |f: fn(&(f64, f64)) -> f64| pairs.iter().map(f).sum::<f64>() / n;
    let (a, b) = (mean(|p| p.0), mean(|p| p.1));
    let sum = |f: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(f).sum::<f64>();
    let (ab, aa, bb) =
        (sum(&|p| (p.0 - a) * (p.1 - b)), sum(&|p| (p.0 - a) * (p.0 - a)), sum(&|p| (p.1 - b) * (p.1 - b)));
    if aa * bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
}

/// The codec of numbers of a column, if it has one.
fn numbers_of(codec: &ColumnCodec) -> Option<&NormalCodec> {
    match codec {
        ColumnCodec::Normal(c) => Some(c),
        ColumnCodec::Distance(c) => match c.distance() {
            ColumnCodec::Normal(c) => Some(c),
            _ => None,
        },
        _ => None,
    }
}

impl Channels {
    /// Learns means, deviations and spikes from `rows`. With `gap` the first column is the time since the step before, which is
    /// missing at first steps and nowhere else: that is no label.
    ///
    /// With `repeats` a column that stands still more often than chance has a label for that.
    pub fn fit(codec: &TableCodec, rows: &Encoded, gap: bool, repeats: bool) -> Channels {
        // A column that is told by its distance from another is the sum of two channels. Of logarithms it would be no sum, and what it has to do
        // with the steps before would be no line.
        let sides = codec.columns.iter().enumerate().filter_map(|(j, c)| match c {
            ColumnCodec::Distance(c) => Some([j, c.side.from]),
            _ => None,
        });
        let tied: Vec<usize> = sides.flatten().collect();
        let fit = |(j, codec): (usize, &ColumnCodec)| {
            numbers_of(codec).and_then(|c| {
                Value::fit(c, &rows.tokens[j], &rows.scalars[j], tied.contains(&j), repeats && !(gap && j == 0))
            })
        };
        let values = codec.columns.iter().enumerate().map(fit).collect();
        Channels::of(&codec.spans(), values, gap)
    }

    fn of(spans: &[Span], values: Vec<Option<Value>>, gap: bool) -> Channels {
        let mut at = 0;
        let mut columns: Vec<Column> = Vec::with_capacity(spans.len());
        for (j, (span, mut value)) in spans.iter().zip(values).enumerate() {
            let labels = match &mut value {
                Some(value) => {
                    value.at = at;
                    at += 1;
                    let others = (0..span.tokens).filter(|&t| value.codec.range(t).is_none() && !(gap && j == 0));
                    let tokens = value.spikes.iter().copied().chain(others).map(Label::Token);
                    let repeat = value.repeats.then_some(Label::Repeat);
                    std::iter::once(Label::Number).chain(tokens).chain(repeat).collect()
                }
                None => (0..span.tokens).map(Label::Token).collect(),
            };
            columns.push(Column { value, labels, flags: 0, scalar: span.scalar });
        }
        let values = at;
        for column in &mut columns {
            column.flags = at;
            at += flags(column.labels.len());
        }
        Channels { columns, values, width: at }
    }

    /// The rows of one sequence, `[rows, width]`. A number that is missing keeps the one before it.
    pub fn encode(&self, rows: &Encoded, range: Range<usize>) -> Vec<f32> {
        let mut out = vec![0f32; range.len() * self.width];
        for (j, column) in self.columns.iter().enumerate() {
            let tokens = &rows.tokens[j][range.clone()];
            let n = column.labels.len();
            let mut known = vec![false; tokens.len()];
            if let Some(value) = &column.value {
                let numbers = value.codec.decode(tokens, &rows.scalars[j][range.clone()]);
                for (i, x) in numbers.into_iter().enumerate() {
                    known[i] = x.is_finite();
                    out[i * self.width + value.at] = match (known[i], i) {
                        (true, _) => value.channel(x),
                        (false, 0) => 0.0,
                        (false, i) => out[(i - 1) * self.width + value.at],
                    };
                }
            }
            let repeat = column.labels.iter().position(|l| *l == Label::Repeat);
            let is_same = |i: usize, at: usize| out[i * self.width + at] == out[(i - 1) * self.width + at];
            let same: Vec<bool> = match (repeat, &column.value) {
                (Some(_), Some(v)) => {
                    (0..tokens.len()).map(|i| i > 0 && known[i] && known[i - 1] && is_same(i, v.at)).collect()
                }
                _ => Vec::new(),
            };
            let repeats = |i: usize| repeat.filter(|_| same[i]);
            for (i, &token) in tokens.iter().enumerate() {
                let own = column.labels.iter().position(|l| *l == Label::Token(token));
                let k = own.or(repeats(i)).unwrap_or(0);
                (0..flags(n)).for_each(|f| out[i * self.width + column.flags + f] = flag(n, k, f));
            }
        }
        out
    }

    /// What rows `[rows, width]` of channels say, appended to `to`.
    pub fn decode(&self, rows: &[f32], to: &mut Encoded) {
        let count = rows.len() / self.width.max(1);
        for (j, column) in self.columns.iter().enumerate() {
            for row in rows.chunks_exact(self.width.max(1)) {
                let (token, scalar) = column.cell(row);
                to.tokens[j].push(token);
                if column.scalar {
                    to.scalars[j].push(scalar);
                }
            }
        }
        to.rows += count;
    }

    /// How the cells of all columns lie in a row.
    pub fn cells(&self) -> Vec<Cell> {
        let of = |column: &Column| Cell {
            flags: column.flags..column.flags + flags(column.labels.len()),
            is_number: column.labels.iter().map(|l| *l == Label::Number).collect(),
            repeat: column.labels.iter().position(|l| *l == Label::Repeat),
            value: column.value.as_ref().map(|v| v.at),
        };
        self.columns.iter().map(of).collect()
    }

    /// The value nearest to `x` that a cell can hold; where to stand still is a label of its own, not the value `before`.
    pub fn held(&self, at: usize, x: f32, before: Option<f32>) -> f32 {
        let Some((_, value)) = self.value(at) else { return x };
        let held = value.channel(value.number(x));
        match before {
            Some(before) if value.repeats && held == before => value.beside(held, x > before),
            _ => held,
        }
    }

    /// The value of a cell with label `k`, where that says one.
    pub fn value_of_label(&self, at: usize, k: usize) -> Option<f32> {
        let (column, value) = self.value(at)?;
        let Label::Token(token) = *column.labels.get(k)? else { return None };
        let (low, high) = value.codec.range(token)?;
        (low == high).then(|| value.channel(low))
    }

    /// The token that label `k` of column `j` says; none of a number.
    pub fn token_of_label(&self, j: usize, k: usize) -> Option<u32> {
        match *self.columns.get(j)?.labels.get(k)? {
            Label::Token(token) => Some(token),
            Label::Number | Label::Repeat => None,
        }
    }

    /// The number that value channel `at` says.
    pub fn number_of(&self, at: usize, x: f32) -> Option<f64> {
        self.value(at).map(|(_, value)| value.number(x))
    }

    /// The column whose value channel is `at`.
    fn value(&self, at: usize) -> Option<(&Column, &Value)> {
        self.columns.iter().find_map(|c| c.value.as_ref().filter(|v| v.at == at).map(|v| (c, v)))
    }

    /// No rows, with as many columns as there are.
    pub fn none(&self) -> Encoded {
        Encoded { rows: 0, tokens: vec![Vec::new(); self.columns.len()], scalars: vec![Vec::new(); self.columns.len()] }
    }

    /// The number in column `j` of a row; none where it is no number.
    pub fn number(&self, j: usize, token: u32, scalar: f32) -> Option<f64> {
        let value = self.columns.get(j)?.value.as_ref()?;
        value.codec.decode(&[token], &[scalar]).first().copied().filter(|x| x.is_finite())
    }

    /// Adds what was learnt to `weights`.
    pub fn put(&self, weights: &mut Weights) {
        let mut scales = Vec::new();
        for (j, column) in self.columns.iter().enumerate() {
            let Some(value) = &column.value else { continue };
            let log = [f64::from(u8::from(value.log.is_some())), value.log.unwrap_or(0.0)];
            scales.extend([j as f64, value.mean, value.deviation, log[0], log[1], f64::from(u8::from(value.repeats))]);
            weights.put_f64(format!("channels.values.{j}"), &[value.lattice.len()], value.lattice.clone());
            weights.put_u32(format!("channels.spikes.{j}"), &[value.spikes.len()], value.spikes.clone());
        }
        weights.put_f64("channels", &[scales.len() / 6, 6], scales);
    }

    /// Takes what was learnt out of `weights`.
    ///
    /// # Errors
    /// When it is not that of these columns.
    pub fn restore(codec: &TableCodec, gap: bool, weights: &mut Weights) -> Result<Channels> {
        let bad = |problem: &str| Error::Tensor { name: "channels".into(), problem: problem.into() };
        let mut values: Vec<Option<Value>> = vec![None; codec.columns.len()];
        for scale in weights.take_f64("channels")?.1.chunks(6) {
            let &[j, mean, deviation, has_log, shift, repeats] = scale else { return Err(bad("ends within a column")) };
            let j = j as usize;
            let own = codec.columns.get(j).and_then(numbers_of).ok_or_else(|| bad("has a column that is no number"))?;
            let lattice = weights.take_f64(&format!("channels.values.{j}"))?.1;
            let spikes = weights.take_u32(&format!("channels.spikes.{j}"))?.1;
            let sound = lattice.is_sorted() && lattice.iter().chain([&mean, &deviation, &shift]).all(|x| x.is_finite());
            if !sound || spikes.iter().any(|&t| t >= own.span().tokens) {
                return Err(bad("holds no scale"));
            }
            let log = (has_log != 0.0).then_some(shift);
            values[j] = Some(Value {
                at: 0,
                codec: own.clone(),
                log,
                mean,
                deviation,
                lattice,
                spikes,
                repeats: repeats != 0.0,
            });
        }
        Ok(Channels::of(&codec.spans(), values, gap))
    }
}

impl Column {
    /// The token and the scalar that a row of channels says.
    fn cell(&self, row: &[f32]) -> (u32, f32) {
        let n = self.labels.len();
        let k = likeliest(&row[self.flags..self.flags + flags(n)], n);
        match (self.labels.get(k), &self.value) {
            (Some(Label::Token(token)), _) => (*token, 0.0),
            (_, Some(value)) => {
                let (tokens, scalars) = value.codec.encode(&[value.number(row[value.at])]);
                (tokens[0], scalars[0])
            }
            _ => (0, 0.0),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use verisim_data::table::codec::Precision;

    fn table() -> (TableCodec, Encoded) {
        let prices: Vec<f64> = (0..400).map(|i| (f64::from(i) * 0.01 + (f64::from(i) * 0.7).sin()).exp()).collect();
        let rain: Vec<f64> =
            (0..400).map(|i| if i % 3 == 0 { 0.0 } else { f64::from(i % 7) + 0.25 * f64::from(i % 50) }).collect();
        let holes: Vec<f64> = (0..400).map(|i| if i % 5 == 4 { f64::NAN } else { f64::from(i * i % 977) }).collect();
        let columns: Vec<NormalCodec> =
            [&prices, &rain, &holes].map(|v| NormalCodec::fit(v, Precision::decimals(4))).into();
        let mut rows = Encoded { rows: 400, ..Encoded::default() };
        for (codec, values) in columns.iter().zip([&prices, &rain, &holes]) {
            let (tokens, scalars) = codec.encode(values);
            rows.tokens.push(tokens);
            rows.scalars.push(scalars);
        }
        let columns = columns.into_iter().map(ColumnCodec::Normal).collect();
        (TableCodec { columns, ..TableCodec::default() }, rows)
    }

    #[test]
    fn rows_come_back_as_they_went() {
        let (codec, rows) = table();
        let channels = Channels::fit(&codec, &rows, false, false);
        assert_eq!(channels.values, 3);
        let mut back = channels.none();
        channels.decode(&channels.encode(&rows, 0..400), &mut back);
        assert_eq!((back.rows, &back.tokens), (400, &rows.tokens));
        for (a, b) in back.scalars.iter().flatten().zip(rows.scalars.iter().flatten()) {
            assert!((a - b).abs() < 2e-3, "{a} {b}");
        }
        let mut weights = Weights::default();
        channels.put(&mut weights);
        assert_eq!(Channels::restore(&codec, false, &mut weights).unwrap(), channels);
        weights.nothing_left().unwrap();
    }

    #[test]
    fn labels_of_any_number_are_told_by_flags() {
        for n in [1, 2, 3, 12, 13, 200] {
            let column =
                Column { value: None, labels: (0..n as u32).map(Label::Token).collect(), flags: 0, scalar: false };
            for k in 0..n {
                // Even when they are blurred.
                let row: Vec<f32> = (0..flags(n)).map(|f| 0.6 * flag(n, k, f) + 0.1).collect();
                assert_eq!(column.cell(&row).0, k as u32, "{n}");
            }
        }
    }
}
