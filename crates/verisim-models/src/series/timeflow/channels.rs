//! Steps as rows of real numbers, and back.
//!
//! A number column is one *value* channel: the number itself, or its logarithm, standardised. Not its normal score: scores stretch the
//! places where a series has been long, so that its steps would be of another size at each level; what shape the values have is
//! the affair of [`whiten`](super::whiten). What is no plain number is told by *flags* beside it: categories, missing values, words,
//! and values that hold many rows. Two labels are one flag of -1 or 1, few are one flag each, many are binary digits.

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
    /// What a row may be: a number (`None`), or what this token says.
    labels: Vec<Option<u32>>,
    /// The first flag.
    flags: usize,
    scalar: bool,
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
    fn fit(codec: &NormalCodec, tokens: &[u32], scalars: &[f32], tied: bool) -> Option<Value> {
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
            spikes,
        };
        let n = numbers.len() as f64;
        let bent: Vec<f64> = numbers.iter().map(|&x| value.bent(x)).collect();
        value.mean = bent.iter().sum::<f64>() / n;
        let variance = bent.iter().map(|x| (x - value.mean).powi(2)).sum::<f64>() / n;
        value.deviation = if variance > 1e-24 { variance.sqrt() } else { 1.0 };
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
    (mean > 0.0 && plain > 0.2 && logs < 0.7 * plain).then_some(shift)
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
    pub fn fit(codec: &TableCodec, rows: &Encoded, gap: bool) -> Channels {
        // A column that is told by its distance from another is the sum of two channels. Of logarithms it would be no sum, and what it has to do
        // with the steps before would be no line.
        let sides = codec.columns.iter().enumerate().filter_map(|(j, c)| match c {
            ColumnCodec::Distance(c) => Some([j, c.side.from]),
            _ => None,
        });
        let tied: Vec<usize> = sides.flatten().collect();
        let fit = |(j, codec): (usize, &ColumnCodec)| {
            numbers_of(codec).and_then(|c| Value::fit(c, &rows.tokens[j], &rows.scalars[j], tied.contains(&j)))
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
                    std::iter::once(None).chain(value.spikes.iter().copied().chain(others).map(Some)).collect()
                }
                None => (0..span.tokens).map(Some).collect(),
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
    pub fn encode(&self, rows: &Encoded, range: std::ops::Range<usize>) -> Vec<f32> {
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
            for (i, &token) in tokens.iter().enumerate() {
                let own = column.labels.iter().position(|l| *l == Some(token));
                let k = own.unwrap_or(0);
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
            scales.extend([j as f64, value.mean, value.deviation, log[0], log[1]]);
            weights.put_f64(format!("channels.values.{j}"), &[value.lattice.len()], value.lattice.clone());
            weights.put_u32(format!("channels.spikes.{j}"), &[value.spikes.len()], value.spikes.clone());
        }
        weights.put_f64("channels", &[scales.len() / 5, 5], scales);
    }

    /// Takes what was learnt out of `weights`.
    ///
    /// # Errors
    /// When it is not that of these columns.
    pub fn restore(codec: &TableCodec, gap: bool, weights: &mut Weights) -> Result<Channels> {
        let bad = |problem: &str| Error::Tensor { name: "channels".into(), problem: problem.into() };
        let mut values: Vec<Option<Value>> = vec![None; codec.columns.len()];
        for scale in weights.take_f64("channels")?.1.chunks(5) {
            let &[j, mean, deviation, has_log, shift] = scale else { return Err(bad("ends within a column")) };
            let j = j as usize;
            let own = codec.columns.get(j).and_then(numbers_of).ok_or_else(|| bad("has a column that is no number"))?;
            let lattice = weights.take_f64(&format!("channels.values.{j}"))?.1;
            let spikes = weights.take_u32(&format!("channels.spikes.{j}"))?.1;
            let sound = lattice.is_sorted() && lattice.iter().chain([&mean, &deviation, &shift]).all(|x| x.is_finite());
            if !sound || spikes.iter().any(|&t| t >= own.span().tokens) {
                return Err(bad("holds no scale"));
            }
            let log = (has_log != 0.0).then_some(shift);
            values[j] = Some(Value { at: 0, codec: own.clone(), log, mean, deviation, lattice, spikes });
        }
        Ok(Channels::of(&codec.spans(), values, gap))
    }
}

impl Column {
    /// The token and the scalar that a row of channels says.
    fn cell(&self, row: &[f32]) -> (u32, f32) {
        let n = self.labels.len();
        let own = &row[self.flags..self.flags + flags(n)];
        let likeness = |k: usize| own.iter().enumerate().map(|(f, x)| x * flag(n, k, f)).sum::<f32>();
        let k = match n {
            0 | 1 => 0,
            // The first of equals.
            _ => (1..n).fold((0, likeness(0)), |best, k| if likeness(k) > best.1 { (k, likeness(k)) } else { best }).0,
        };
        match (self.labels.get(k), &self.value) {
            (Some(Some(token)), _) => (*token, 0.0),
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
        let channels = Channels::fit(&codec, &rows, false);
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
            let column = Column { value: None, labels: (0..n as u32).map(Some).collect(), flags: 0, scalar: false };
            for k in 0..n {
                // Even when they are blurred.
                let row: Vec<f32> = (0..flags(n)).map(|f| 0.6 * flag(n, k, f) + 0.1).collect();
                assert_eq!(column.cell(&row).0, k as u32, "{n}");
            }
        }
    }
}
