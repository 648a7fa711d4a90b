//! Steps as standard normals, one or two a column, and back: what the closed-form models of series compute with.
//!
//! Every column is a cut standard normal, as in a copula: token `t` with cumulative share `F` stands for `(Phi^-1(F(t-1)), Phi^-1(F(t)))`.
//! A point mass stands where its value lies among the other numbers, so that the order of the numbers is kept; categories, which have none,
//! are put in the order of the first principal component of what comes with and after them. A cell of a cut column is the mean of its
//! interval, which takes a little of the dependence away.
//!
//! Where numbers are sometimes missing (or words), a second normal says whether; the first is filled in between, so that a series goes on
//! below its gaps. The time since the step before is missing at first steps by definition: these do not count.

use std::ops::Range;

use verisim_data::normal;
use verisim_data::series::Spec;
use verisim_data::table::codec::{ColumnCodec, Encoded, Span};

use super::EncodedSeries;
use crate::error::{Error, Result};
use crate::table::profile::{coarse, principal_scores};
use crate::table::rows::Rows;
use crate::weights::Weights;

/// Scores beyond this are rounding.
const FAR: f64 = 6.0;

/// A stretch of a channel, which is one token.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    /// Where it ends, as a probability.
    upto: f64,
    /// Which part of the continuous values it holds, as probabilities among them; nothing for a point mass or a category.
    from: f64,
    to: f64,
    /// The token; one more than there are for "there is a value".
    token: u32,
}

/// One standard normal of a step.
#[derive(Clone, Debug, PartialEq)]
struct Channel {
    column: usize,
    pieces: Vec<Piece>,
}

/// How the columns of a step are standard normals.
#[derive(Clone, Debug)]
pub struct Latents {
    spans: Vec<Span>,
    channels: Vec<Channel>,
    /// What a column is of which nothing is drawn.
    defaults: Vec<u32>,
    /// The time since the step before stands first.
    has_gap: bool,
    /// The token of that at a first step.
    first_gap: u32,
}

/// What the tokens of a column stand for.
struct Tokens {
    /// The one that differs by its scalar.
    continuous: Option<u32>,
    /// Those that are no value.
    absent: Vec<u32>,
}

impl Latents {
    /// Learns the columns that are `wanted` from the steps in `runs`; the others are what they most often are.
    pub fn fit(data: &EncodedSeries, runs: &[Range<usize>], wanted: impl Fn(usize) -> bool) -> Latents {
        let spans = data.step_spans();
        let has_gap = data.spec.shape.has_gap();
        let firsts: Vec<usize> = match data.joined {
            true => vec![0],
            false => runs.iter().filter(|run| !run.is_empty()).map(|run| run.start).collect(),
        };
        let rows: Vec<usize> = runs.iter().flat_map(Clone::clone).collect();
        let first_gap = firsts.first().filter(|_| has_gap).map_or(0, |&i| data.steps.tokens[0][i]);
        let mut latents =
            Latents { channels: Vec::new(), defaults: vec![0; spans.len()], has_gap, first_gap, spans: spans.clone() };
        for (j, span) in spans.iter().enumerate() {
            let counted: Vec<usize> = match j == 0 && has_gap {
                true => rows.iter().copied().filter(|i| firsts.binary_search(i).is_err()).collect(),
                false => rows.clone(),
            };
            let mut counts = vec![0_usize; span.tokens as usize];
            counted.iter().for_each(|&i| counts[data.steps.tokens[j][i] as usize] += 1);
            if !wanted(j) {
                continue;
            }
            let kinds = tokens(&data.spec.steps.columns[j], *span, &data.steps, j, &counted);
            // A value, if there is any.
            let common =
                |t: &usize| (counts[*t] > 0 && !kinds.absent.contains(&(*t as u32)), counts[*t], usize::MAX - t);
            latents.defaults[j] = (0..counts.len()).max_by_key(common).unwrap_or(0) as u32;
            latents.column(data, j, &kinds, &counts, &counted);
        }
        latents
    }

    /// The channels of column `j`.
    fn column(&mut self, data: &EncodedSeries, j: usize, kinds: &Tokens, counts: &[usize], rows: &[usize]) {
        let seen = |t: &u32| counts[*t as usize] > 0;
        let masses: Vec<u32> = (0..counts.len() as u32)
            .filter(|t| seen(t) && Some(*t) != kinds.continuous && !kinds.absent.contains(t))
            .collect();
        let values: usize = masses.iter().chain(&kinds.continuous).map(|&t| counts[t as usize]).sum();
        let share = |t: u32, of: usize| counts[t as usize] as f64 / of.max(1) as f64;
        if masses.len() + usize::from(kinds.continuous.is_some()) > 1 || kinds.continuous.is_some_and(|t| seen(&t)) {
            // Where each mass lies among the continuous values.
            let mut places: Vec<(f64, u32)> = match self.spans[j].ordered {
                true => masses.iter().map(|&t| (place(&data.spec.steps.columns[j], t, kinds.continuous), t)).collect(),
                false => {
                    let order = profile_order(&self.spans, data, j, rows);
                    let mut placed: Vec<(f64, u32)> = masses.iter().map(|&t| (order[t as usize], t)).collect();
                    placed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                    placed.into_iter().map(|(_, t)| (0.0, t)).collect()
                }
            };
            if self.spans[j].ordered {
                places.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            }
            let continuous = kinds.continuous.map_or(0.0, |t| share(t, values));
            let (mut pieces, mut upto, mut from) = (Vec::new(), 0.0, 0.0);
            for (at, token) in places {
                if let Some(t) = kinds.continuous.filter(|_| at > from && continuous > 0.0) {
                    upto += continuous * (at - from);
                    pieces.push(Piece { upto, from, to: at, token: t });
                    from = at;
                }
                upto += share(token, values);
                pieces.push(Piece { upto, from, to: from, token });
            }
            if let Some(t) = kinds.continuous.filter(|_| from < 1.0 && continuous > 0.0) {
                pieces.push(Piece { upto: 1.0, from, to: 1.0, token: t });
            }
            self.channels.push(Channel { column: j, pieces });
        }
        let absent: usize = kinds.absent.iter().map(|&t| counts[t as usize]).sum();
        if absent > 0 && values > 0 {
            let mut upto = values as f64 / (values + absent) as f64;
            let mut pieces = vec![Piece { upto, from: 0.0, to: 0.0, token: self.spans[j].tokens }];
            for &token in kinds.absent.iter().filter(|t| seen(t)) {
                upto += share(token, values + absent);
                pieces.push(Piece { upto, from: 0.0, to: 0.0, token });
            }
            self.channels.push(Channel { column: j, pieces });
        }
    }

    /// Number of normals of a step.
    pub fn width(&self) -> usize {
        self.channels.len()
    }

    /// The normals of the steps of one sequence, a row a step.
    pub fn encode(&self, steps: &Encoded, run: Range<usize>) -> Vec<f64> {
        let (width, n) = (self.width(), run.len());
        let mut all = vec![0.0; width * n];
        for (c, channel) in self.channels.iter().enumerate() {
            let j = channel.column;
            let scalars = &steps.scalars[j];
            let cells: Vec<f64> = run
                .clone()
                .map(|i| {
                    channel.score(steps.tokens[j][i], scalars.get(i).map_or(0.0, |&s| f64::from(s)), self.spans[j])
                })
                .collect();
            filled(cells).into_iter().enumerate().for_each(|(i, z)| all[i * width + c] = z);
        }
        all
    }

    /// Puts the step whose normals are at probabilities `levels` in row `i`; `first` of a sequence that has no past.
    pub fn decode(&self, levels: &[f64], first: bool, out: &mut Encoded, i: usize) {
        self.defaults.iter().enumerate().for_each(|(j, &token)| out.tokens[j][i] = token);
        for (channel, &level) in self.channels.iter().zip(levels) {
            let at = channel.pieces.partition_point(|p| p.upto <= level).min(channel.pieces.len() - 1);
            let (piece, j) = (channel.pieces[at], channel.column);
            if piece.token >= self.spans[j].tokens {
                continue;
            }
            let low = if at == 0 { 0.0 } else { channel.pieces[at - 1].upto };
            let within = ((level - low) / (piece.upto - low).max(1e-12)).clamp(0.0, 1.0);
            out.tokens[j][i] = piece.token;
            if let Some(scalar) = out.scalars[j].get_mut(i) {
                *scalar = match piece.to > piece.from {
                    true => normal::quantile(piece.from + within * (piece.to - piece.from)).clamp(-FAR, FAR) as f32,
                    false => 0.0,
                };
            }
        }
        if self.has_gap && first {
            out.tokens[0][i] = self.first_gap;
            if let Some(scalar) = out.scalars[0].get_mut(i) {
                *scalar = 0.0;
            }
        }
    }

    /// Steps without values, to be filled by [`decode`](Latents::decode).
    pub fn zeros(&self, rows: usize) -> Encoded {
        Encoded::zeros(&self.spans, rows)
    }

    /// Adds what was learnt to `weights`.
    pub fn store(&self, weights: &mut Weights) {
        weights.put_u32("latent.defaults", &[self.defaults.len()], self.defaults.clone());
        weights.put_u32("latent.first", &[1], vec![self.first_gap]);
        let columns = self.channels.iter().map(|c| c.column as u32).collect();
        weights.put_u32("latent.columns", &[self.channels.len()], columns);
        for (c, channel) in self.channels.iter().enumerate() {
            let tokens = channel.pieces.iter().map(|p| p.token).collect();
            let bounds: Vec<f64> = channel.pieces.iter().flat_map(|p| [p.upto, p.from, p.to]).collect();
            weights.put_u32(format!("latent.{c}.tokens"), &[channel.pieces.len()], tokens);
            weights.put_f64(format!("latent.{c}.bounds"), &[channel.pieces.len(), 3], bounds);
        }
    }

    /// Takes what was learnt out of `weights`.
    ///
    /// # Errors
    /// When it is not there, or not for these columns.
    pub fn restore(spec: &Spec, weights: &mut Weights) -> Result<Latents> {
        let bad = |name: &str, problem: &str| Error::Tensor { name: name.into(), problem: problem.into() };
        let spans = spec.steps.spans();
        let defaults = weights.take_u32("latent.defaults")?.1;
        if defaults.len() != spans.len() || defaults.iter().zip(&spans).any(|(&t, s)| t >= s.tokens) {
            return Err(bad("latent.defaults", "is not of these columns"));
        }
        let first_gap = weights.take_u32("latent.first")?.1.first().copied().unwrap_or(0);
        let mut channels = Vec::new();
        for (c, column) in weights.take_u32("latent.columns")?.1.into_iter().enumerate() {
            let name = format!("latent.{c}.bounds");
            let tokens = weights.take_u32(&format!("latent.{c}.tokens"))?.1;
            let bounds = weights.take_f64(&name)?.1;
            let column = column as usize;
            let Some(span) = spans.get(column) else { return Err(bad(&name, "is of a column that is not there")) };
            let piece = |(b, &token): (&[f64; 3], &u32)| Piece { upto: b[0], from: b[1], to: b[2], token };
            let pieces: Vec<Piece> = bounds.as_chunks::<3>().0.iter().zip(&tokens).map(piece).collect();
            let sound = |p: &Piece| p.upto.is_finite() && p.from >= 0.0 && p.to <= 1.0 && p.token <= span.tokens;
            if pieces.is_empty() || tokens.len() * 3 != bounds.len() || !pieces.iter().all(sound) {
                return Err(bad(&name, "does not cut a column"));
            }
            channels.push(Channel { column, pieces });
        }
        let has_gap = spec.shape.has_gap();
        if has_gap && spans.first().is_none_or(|span| first_gap >= span.tokens) {
            return Err(bad("latent.first", "names a token that does not exist"));
        }
        Ok(Latents { spans, channels, defaults, has_gap, first_gap })
    }
}

impl Channel {
    /// The normal of a cell; `NaN` where it has no value.
    fn score(&self, token: u32, scalar: f64, span: Span) -> f64 {
        let says_presence = self.pieces[0].token == span.tokens;
        let level = normal::cdf(scalar);
        let is = |p: &Piece| p.token == token && (p.to <= p.from || (p.from <= level && level <= p.to));
        let at = match self.pieces.iter().position(is) {
            Some(at) => at,
            None if says_presence => 0,
            None => return f64::NAN,
        };
        let piece = self.pieces[at];
        let low = if at == 0 { 0.0 } else { self.pieces[at - 1].upto };
        if piece.to > piece.from {
            let within = (level - piece.from) / (piece.to - piece.from);
            return normal::quantile(low + within * (piece.upto - low)).clamp(-FAR, FAR);
        }
        let density = |p: f64| {
            let z = normal::quantile(p);
            if z.is_finite() { (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt() } else { 0.0 }
        };
        let mass = piece.upto - low;
        if mass > 0.0 { ((density(low) - density(piece.upto.min(1.0))) / mass).clamp(-FAR, FAR) } else { 0.0 }
    }
}

/// Number of knots of a map from samples to marginals.
const KNOTS: usize = 200;

/// The scores of samples of a model at even levels, a row a column: what makes the marginals of samples those of the data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Marginals(Vec<f64>);

/// The level of knot `k`.
fn level_of(k: usize) -> f64 {
    (k as f64 + 0.5) / KNOTS as f64
}

impl Marginals {
    /// Of samples, a column each.
    pub fn fit(columns: Vec<Vec<f64>>) -> Marginals {
        let mut all = Vec::with_capacity(columns.len() * KNOTS);
        for mut column in columns {
            column.sort_unstable_by(f64::total_cmp);
            let last = column.len().saturating_sub(1);
            all.extend((0..KNOTS).map(|k| {
                let at = (level_of(k) * column.len() as f64 - 0.5).clamp(0.0, last as f64);
                let (below, above) = (at as usize, (at as usize + 1).min(last));
                match column.is_empty() {
                    true => normal::quantile(level_of(k)),
                    false => column[below] + (column[above] - column[below]) * (at - below as f64),
                }
            }));
        }
        Marginals(all)
    }

    /// The probability, by the marginal of column `c`, that a score of a sample stands for.
    pub fn level(&self, c: usize, z: f64) -> f64 {
        let knots = &self.0[c * KNOTS..(c + 1) * KNOTS];
        normal::cdf(between(KNOTS, z, |k| knots[k], |k| normal::quantile(level_of(k))))
    }

    /// A score of the data as a sample has it.
    pub fn score(&self, c: usize, z: f64) -> f64 {
        let knots = &self.0[c * KNOTS..(c + 1) * KNOTS];
        between(KNOTS, z, |k| normal::quantile(level_of(k)), |k| knots[k])
    }

    /// Adds what was learnt to `weights`.
    pub fn store(&self, weights: &mut Weights) {
        weights.put_f64("marginals", &[self.0.len()], self.0.clone());
    }

    /// Takes what was learnt out of `weights`.
    ///
    /// # Errors
    /// When it is not there, or not of so many columns.
    pub fn restore(width: usize, weights: &mut Weights) -> Result<Marginals> {
        let knots = weights.take_f64("marginals")?.1;
        let sound = knots.chunks(KNOTS).all(|c| c.is_sorted() && c.iter().all(|x| x.is_finite()));
        match knots.len() == width * KNOTS && sound {
            true => Ok(Marginals(knots)),
            false => Err(Error::Tensor { name: "marginals".into(), problem: "is not of these columns".into() }),
        }
    }
}

/// A function given by its values at `count` knots that rise; beyond them as steep as the identity.
pub fn between(count: usize, x: f64, from: impl Fn(usize) -> f64, to: impl Fn(usize) -> f64) -> f64 {
    let (mut low, mut high) = (0, count - 1);
    if x <= from(low) {
        return to(low) + x - from(low);
    }
    if x >= from(high) {
        return to(high) + x - from(high);
    }
    while high - low > 1 {
        let middle = (low + high) / 2;
        if from(middle) <= x { low = middle } else { high = middle }
    }
    let span = from(high) - from(low);
    let share = if span > 0.0 { (x - from(low)) / span } else { 0.5 };
    to(low) + share * (to(high) - to(low))
}

/// What the tokens of a column stand for.
fn tokens(codec: &ColumnCodec, span: Span, steps: &Encoded, j: usize, rows: &[usize]) -> Tokens {
    if !span.scalar {
        return Tokens { continuous: None, absent: Vec::new() };
    }
    // Point masses and absences have no scalar, so that theirs is 0.
    let mut varied = vec![0_usize; span.tokens as usize];
    rows.iter().filter(|&&i| steps.scalars[j][i] != 0.0).for_each(|&i| varied[steps.tokens[j][i] as usize] += 1);
    let most = (0..varied.len()).max_by_key(|&t| varied[t]).filter(|&t| varied[t] > 0).map(|t| t as u32);
    let is_absent = |t: &u32| match codec {
        ColumnCodec::Distance(_) | ColumnCodec::Derived(_) => codec.gap_token() == Some(*t),
        _ => codec.range(*t).is_none(),
    };
    Tokens { continuous: most, absent: (0..span.tokens).filter(is_absent).collect() }
}

/// The share of the continuous values that lie below a point mass.
fn place(codec: &ColumnCodec, mass: u32, continuous: Option<u32>) -> f64 {
    let (ColumnCodec::Normal(normal_codec), Some(continuous), Some((value, _))) =
        (codec, continuous, codec.range(mass))
    else {
        return 0.0;
    };
    let is_below = |z: f64| normal_codec.decode(&[continuous], &[z as f32]).first().is_some_and(|&x| x < value);
    let (mut low, mut high) = (-4.0, 4.0);
    if !is_below(low) {
        return 0.0;
    }
    if is_below(high) {
        return 1.0;
    }
    for _ in 0..40 {
        let middle = (low + high) / 2.0;
        if is_below(middle) { low = middle } else { high = middle }
    }
    normal::cdf(low)
}

/// A place of each category of column `j`: by what comes with it, and after it.
fn profile_order(spans: &[Span], data: &EncodedSeries, j: usize, rows: &[usize]) -> Vec<f64> {
    let classes = coarse(spans, &Rows::of(&data.steps));
    let width: usize = classes.iter().map(|c| c.1).sum();
    let tokens = spans[j].tokens as usize;
    let mut table = vec![0_u32; tokens * width];
    for &i in rows {
        let own = data.steps.tokens[j][i] as usize * width;
        let mut at = 0;
        for (f, (class, k)) in classes.iter().enumerate() {
            // Of its own column, what comes next.
            let row = if f == j { (i + 1).min(data.steps.rows - 1) } else { i };
            table[own + at + usize::from(class[row])] += 1;
            at += k;
        }
    }
    principal_scores(&table, tokens, width)
}

/// Gaps filled on a straight line between what is known.
fn filled(mut cells: Vec<f64>) -> Vec<f64> {
    let known: Vec<usize> = (0..cells.len()).filter(|&i| !cells[i].is_nan()).collect();
    let (Some(&first), Some(&last)) = (known.first(), known.last()) else { return vec![0.0; cells.len()] };
    for pair in known.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let (from, to) = (cells[a], cells[b]);
        (a + 1..b).for_each(|i| cells[i] = from + (to - from) * (i - a) as f64 / (b - a) as f64);
    }
    let (begin, end) = (cells[first], cells[last]);
    cells[..first].fill(begin);
    cells[last + 1..].fill(end);
    cells
}
