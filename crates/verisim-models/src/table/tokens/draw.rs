//! Drawing from the masked network: digit by digit, each layer's sums kept and added to.
//!
//! In the order in which digits are drawn, a group of hidden units sees groups before it, and itself. So once its digit's turn
//! comes it is computed once, and what it adds to the next layer is added to the sums of all groups that follow. After all
//! digits this is one pass of the network, as if the row had been there from the start.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Int, Tensor, TensorData};
use rayon::prelude::*;
use verisim_data::rng::{Stream, below, stream, uniform};
use verisim_data::table::codec::{Encoded, Span};

use super::digits::Digits;
use super::masks::{EARLY, LATE, Layout, Role, Roles};
use super::smooth::{FUNCTIONS, Smooth};
use super::{Config, Inputs, Net, layout};
use crate::error::{Error, Result};
use crate::nets::blocks::cap;
use crate::nets::params::with_weights;
use crate::nets::{Blocks, is_cpu, silu};
use crate::read;
use crate::table::rows::Rows;
use crate::table::sampler::{Allowed, Drawn, Partial, Sampler, Tuning};
use crate::weights::Weights;

/// Rows that are drawn together on a CPU: their sums stay in its cache.
const CPU_ROWS: usize = 1024;
/// Rows that are drawn together on a GPU.
const GPU_ROWS: usize = 8192;

/// A trained network that rows are drawn from.
#[derive(Clone)]
pub struct TokensSampler {
    spans: Vec<Span>,
    digits: Digits,
    layout: Layout,
    smooth: Vec<Smooth>,
    net: Net,
    tuning: Tuning,
    device: Device,
}

impl TokensSampler {
    /// Takes out of `weights` what a finished training left there.
    ///
    /// # Errors
    /// When they are not those of these settings and columns.
    pub fn from_weights(config: &Config, spans: &[Span], weights: &mut Weights, device: &Device) -> Result<Self> {
        let (digits, layout) = layout(config, spans)?;
        // A damaged header must not decide how much memory is taken.
        let wanted = layout.hidden().saturating_mul(layout.inputs() + layout.hidden() * (config.layers - 1));
        if wanted > weights.count() {
            return Err(Error::Misfit { sizes: None });
        }
        let net = with_weights(Net::new(config, &layout, 0, device).valid(), weights)?;
        Ok(TokensSampler {
            spans: spans.to_vec(),
            smooth: Smooth::take(&digits, weights)?,
            digits,
            layout,
            net,
            tuning: Tuning::default(),
            device: device.clone(),
        })
    }

    /// Of a network that is part of another.
    pub(crate) fn of(config: &Config, spans: &[Span], net: Net, smooth: Vec<Smooth>, device: &Device) -> Result<Self> {
        let (digits, layout) = layout(config, spans)?;
        Ok(TokensSampler {
            spans: spans.to_vec(),
            digits,
            layout,
            smooth,
            net,
            tuning: Tuning::default(),
            device: device.clone(),
        })
    }

    /// A walk on which no column is known, and the sums that each of its rows begins with.
    pub(crate) fn walk(&self) -> Result<(Walk<'_>, Sums)> {
        let walk = Walk::new(self, &vec![LATE; self.spans.len()]);
        let begun = walk.begin(&self.one_row(&vec![None; self.spans.len()]), 1)?;
        Ok((walk, begun))
    }

    fn rows_together(&self) -> usize {
        if is_cpu(&self.device) { CPU_ROWS } else { GPU_ROWS }
    }
}

impl Sampler for TokensSampler {
    /// Columns of which one token is allowed are known from the start; the other restricted ones are drawn next, then the rest. The
    /// first restricted digit is drawn among what is allowed. At each later one a row is given up with the probability of what
    /// is not allowed there, so that the rows that remain are exact draws given the condition.
    fn draw(&self, rows: usize, allowed: &Allowed, max_tries: u64, rng: &mut Stream) -> Result<Drawn> {
        let (roles, one) = roles(&self.spans, allowed);
        let walk = Walk::new(self, &roles);
        let start = walk.begin(&self.one_row(&one), 1)?;
        let mut out = Encoded::zeros(&self.spans, rows);
        let (mut made, mut tried) = (0, 0u64);
        while made < rows && tried < max_tries {
            let enough = if tried > 2 * made as u64 { self.rows_together() } else { rows - made };
            let n = enough.min(self.rows_together()).min((max_tries - tried) as usize);
            let drawn = walk.go(start.repeated(n), None, allowed, rng)?;
            let live = (0..n).filter(|&i| drawn.live[i]).take(rows - made);
            let mut last = n;
            for i in live {
                drawn.tokens.iter().zip(&mut out.tokens).for_each(|(from, to)| to[made] = from[i]);
                made += 1;
                last = i + 1;
            }
            // What was drawn beyond the last row that is wanted was not tried for it.
            tried += if made == rows { last as u64 } else { n as u64 };
        }
        for (tokens, one) in out.tokens.iter_mut().zip(&one) {
            if let Some(token) = one {
                tokens.fill(*token);
            }
        }
        out.truncate(made);
        Ok(Drawn { encoded: out, tried })
    }

    /// Rows that know different columns are filled together: each row's known digits are seen by all its others.
    fn complete(&self, partial: &Partial, rng: &mut Stream) -> Result<Encoded> {
        let walk = Walk::new(self, &vec![LATE; self.spans.len()]);
        let seed = below(rng, u64::MAX);
        let index: Vec<usize> = (0..partial.rows.rows).collect();
        let fill = |(k, index): (usize, &[usize])| -> Result<Encoded> {
            let part = partial.take(index);
            let start = walk.begin(&part, part.rows.rows)?;
            let drawn = walk.go(start, Some(&part), &part.allowed, &mut stream(seed, "complete", k as u64))?;
            let mut rows = part.rows;
            rows.tokens = drawn.tokens;
            Ok(rows)
        };
        let parts: Vec<(usize, &[usize])> = index.chunks(self.rows_together()).enumerate().collect();
        let parts: Result<Vec<Encoded>> = match is_cpu(&self.device) {
            true => parts.into_par_iter().map(fill).collect(),
            false => parts.into_iter().map(fill).collect(),
        };
        let mut out = Encoded::zeros(&self.spans, 0);
        parts?.iter().for_each(|part| out.append(part));
        Ok(out)
    }

    fn log_probabilities(&self, rows: &Encoded) -> Result<Vec<Vec<f32>>> {
        let blocks = Blocks::new(&self.digits.spans(), &self.device);
        let roles = Roles(vec![LATE; self.digits.count()]);
        let masks = self.layout.masks(&roles, &self.device);
        let inputs = Inputs::new(&self.digits, &self.smooth, &Rows::of(rows), &blocks, &self.device);
        let index: Vec<usize> = (0..rows.rows).collect();
        let say = |index: &[usize]| -> Result<Vec<f32>> {
            let x = inputs.batch(index, &blocks);
            let logits = self.net.logits(x.clone(), &masks, &[]);
            read::numbers(blocks.cross_entropy(logits, x.narrow(1, 0, blocks.width())))
        };
        let parts: Vec<&[usize]> = index.chunks(self.rows_together()).collect();
        let nats: Result<Vec<Vec<f32>>> = match is_cpu(&self.device) {
            true => parts.into_par_iter().map(say).collect(),
            false => parts.into_iter().map(say).collect(),
        };
        let nats = nats?.concat();
        let column = |c: usize| {
            nats.chunks(self.digits.count()).map(|row| -row[self.digits.of_column(c)].iter().sum::<f32>()).collect()
        };
        Ok((0..self.spans.len()).map(column).collect())
    }

    fn tuned(&self, tuning: &Tuning) -> Result<Option<Box<dyn Sampler>>> {
        tuning.check()?;
        let tuned = || TokensSampler { tuning: *tuning, ..self.clone() };
        Ok((*tuning != Tuning::default()).then(|| Box::new(tuned()) as Box<dyn Sampler>))
    }
}

/// The role of each column under a condition, and the token of those that can have one alone.
fn roles(spans: &[Span], allowed: &Allowed) -> (Vec<Role>, Vec<Option<u32>>) {
    let column = |c: usize| match allowed.tokens(c) {
        None => (LATE, None),
        Some(tokens) => match tokens.iter().filter(|&&t| t).count() {
            1 => (Role::Known, tokens.iter().position(|&t| t).map(|t| t as u32)),
            _ => (EARLY, None),
        },
    };
    (0..spans.len()).map(column).unzip()
}

impl TokensSampler {
    /// One row that knows these tokens.
    fn one_row(&self, tokens: &[Option<u32>]) -> Partial {
        let mut rows = Encoded::zeros(&self.spans, 1);
        rows.tokens.iter_mut().zip(tokens).for_each(|(to, t)| to[0] = t.unwrap_or(0));
        let known = tokens.iter().map(|t| vec![t.is_some()]).collect();
        Partial { rows, known, allowed: Allowed::any(tokens.len()) }
    }
}

/// The network with its digits in the order in which they are drawn: what is known in all rows first.
pub(crate) struct Walk<'a> {
    sampler: &'a TokensSampler,
    /// Digits in that order.
    order: Vec<usize>,
    /// How many of them are known in all rows.
    known: usize,
    /// First place of each of them in a row that is laid out in that order, one more at the end. Smooth functions follow.
    places: Vec<usize>,
    input: Part,
    hidden: Vec<Part>,
    output: Part,
    skip: Tensor<2>,
}

/// A layer: weights, and a bias `[1, outputs]`.
struct Part {
    weight: Tensor<2>,
    bias: Tensor<2>,
}

/// The sums of rows so far: what each layer has been sent, for the digits that are left.
pub(crate) struct Sums {
    /// Those of each hidden layer, `[B, hidden units left]`.
    layers: Vec<Tensor<2>>,
    /// Those of the logits, `[B, places left]`.
    logits: Tensor<2>,
}

/// Tokens of rows, a column each, and which rows met the condition.
pub(crate) struct Walked {
    pub(crate) tokens: Vec<Vec<u32>>,
    live: Vec<bool>,
}

impl<'a> Walk<'a> {
    fn new(sampler: &'a TokensSampler, roles: &[Role]) -> Walk<'a> {
        let TokensSampler { digits, layout, net, device, .. } = sampler;
        let mut order: Vec<usize> = (0..digits.count()).collect();
        // Stable: digits of one role stay in their order.
        order.sort_by_key(|&d| roles[digits.all[d].column]);
        let known = order.iter().filter(|&&d| roles[digits.all[d].column] == Role::Known).count();
        let group = layout.group;
        let mut places = vec![0];
        order.iter().for_each(|&d| places.push(places[places.len() - 1] + digits.all[d].size as usize));
        let int = |v: Vec<i32>| {
            let n = v.len();
            Tensor::<1, Int>::from_data(TensorData::new(v, [n]), device)
        };
        let units = int(order.iter().flat_map(|&d| (d * group) as i32..((d + 1) * group) as i32).collect());
        let row: Vec<i32> = order.iter().flat_map(|&d| layout.places[d] as i32..layout.places[d + 1] as i32).collect();
        let smooth = layout.width() as i32..layout.inputs() as i32;
        let (inputs, row) = (int(row.iter().copied().chain(smooth).collect()), int(row));
        let arranged =
            |t: Tensor<2>, from: &Tensor<1, Int>, to: &Tensor<1, Int>| t.select(0, from.clone()).select(1, to.clone());
        let part = |layer: &Linear, from: &Tensor<1, Int>, to: &Tensor<1, Int>| {
            let weight = arranged(layer.weight.val(), from, to);
            let bias = match &layer.bias {
                Some(bias) => bias.val().select(0, to.clone()).unsqueeze::<2>(),
                None => Tensor::zeros([1, weight.dims()[1]], device),
            };
            Part { weight, bias }
        };
        // Weights that count under no roles are what they began as.
        let ever = layout.masks(&Roles(vec![Role::Known; digits.count()]), device);
        let input = part(&net.input, &inputs, &units);
        let skip = net.skip.val() * ever.skip;
        Walk {
            input: Part { weight: input.weight * arranged(ever.input, &inputs, &units), ..input },
            hidden: net.hidden.iter().map(|layer| part(layer, &units, &units)).collect(),
            output: part(&net.output, &units, &row),
            skip: arranged(skip, &inputs, &row),
            sampler,
            order,
            known,
            places,
        }
    }

    /// The sums that rows begin with: what their known digits send to all others.
    fn begin(&self, partial: &Partial, rows: usize) -> Result<Sums> {
        let TokensSampler { digits, layout, device, .. } = self.sampler;
        let (inputs, width, units) = (layout.inputs(), layout.width(), layout.hidden());
        let (mut x, mut seen) = (vec![0f32; rows * inputs], vec![0f32; rows * self.order.len()]);
        for (p, &d) in self.order.iter().enumerate() {
            let column = digits.all[d].column;
            for i in (0..rows).filter(|&i| partial.known[column][i]) {
                let digit = digits.digit(d, partial.rows.tokens[column][i]);
                x[i * inputs + self.places[p] + digit as usize] = 1.0;
                seen[i * self.order.len() + p] = 1.0;
            }
        }
        for (s, smooth) in self.sampler.smooth.iter().enumerate() {
            let at = width + s * FUNCTIONS;
            for i in (0..rows).filter(|&i| partial.known[smooth.column][i]) {
                let functions = smooth.functions(partial.rows.tokens[smooth.column][i]);
                x[i * inputs + at..][..FUNCTIONS].copy_from_slice(&functions);
            }
        }
        let x = Tensor::<2>::from_data(TensorData::new(x, [rows, inputs]), device);
        // Of each digit's units alike.
        let seen = Tensor::<2>::from_data(TensorData::new(seen, [rows, self.order.len()]), device)
            .unsqueeze_dim::<3>(2)
            .repeat_dim(2, layout.group)
            .reshape([rows, units]);
        let first = x.clone().matmul(self.input.weight.clone()) + self.input.bias.clone();
        let mut h = silu(first.clone()) * seen.clone();
        let mut layers = vec![first];
        for layer in &self.hidden {
            let sums = h.clone().matmul(layer.weight.clone()) + layer.bias.clone();
            h = (h + silu(sums.clone())) * seen.clone();
            layers.push(sums);
        }
        let logits = h.matmul(self.output.weight.clone()) + self.output.bias.clone() + x.matmul(self.skip.clone());
        // Where all are known nothing is drawn, and no tensor may be empty.
        let first = self.known.min(self.order.len().saturating_sub(1));
        let (unit, place) = (first * layout.group, self.places[first]);
        Ok(Sums {
            layers: layers.into_iter().map(|s| s.narrow(1, unit, units - unit)).collect(),
            logits: logits.narrow(1, place, width - place),
        })
    }

    /// Draws the digits that are not known, in order. `partial` holds what is known of each row where rows know different columns.
    fn go(&self, sums: Sums, partial: Option<&Partial>, allowed: &Allowed, rng: &mut Stream) -> Result<Walked> {
        self.go_by(sums, partial, Choice::new(self.sampler, allowed, partial.is_some()), rng)
    }

    /// As [`go`](Walk::go), where no row is given up, and each row may have tokens of its own: `own` holds, of a column, which ones each
    /// row may have.
    pub(crate) fn go_guarded(&self, sums: Sums, allowed: &Allowed, own: Own<'_>, rng: &mut Stream) -> Result<Walked> {
        self.go_by(sums, None, Choice { own, ..Choice::new(self.sampler, allowed, true) }, rng)
    }

    fn go_by(
        &self,
        mut sums: Sums,
        partial: Option<&Partial>,
        mut choice: Choice<'_>,
        rng: &mut Stream,
    ) -> Result<Walked> {
        let TokensSampler { digits, layout, device, spans, .. } = self.sampler;
        let (group, rows) = (layout.group, sums.logits.dims()[0]);
        let (units, width) = (layout.hidden(), layout.width());
        let mut walked = Walked { tokens: vec![vec![0; rows]; spans.len()], live: vec![true; rows] };
        for p in self.known..self.order.len() {
            let d = self.order[p];
            let (column, size) = (digits.all[d].column, digits.all[d].size as usize);
            let known = partial.map(|partial| (&partial.known[column][..], &partial.rows.tokens[column][..]));
            if let Some((known, tokens)) = known
                && known.iter().all(|&k| k)
            {
                // Its rows have sent all that they send.
                walked.tokens[column].copy_from_slice(tokens);
                if p + 1 < self.order.len() {
                    sums = sums.after(group, size);
                }
                continue;
            }
            // A digit that is known has sent its part from the start.
            let sends = known.map(|(known, _)| {
                let sends: Vec<f32> = known.iter().map(|&k| if k { 0.0 } else { 1.0 }).collect();
                Tensor::<2>::from_data(TensorData::new(sends, [rows, 1]), device)
            });
            let sent = |a: &Tensor<2>| match &sends {
                Some(sends) => a.clone() * sends.clone(),
                None => a.clone(),
            };
            let (unit, place) = (p * group, self.places[p]);
            let mut a = silu(sums.layers[0].clone().narrow(1, 0, group));
            for (l, layer) in self.hidden.iter().enumerate() {
                let weight = layer.weight.clone().slice([unit..unit + group, unit..units]);
                sums.layers[l + 1] = sums.layers[l + 1].clone() + sent(&a).matmul(weight);
                a = a + silu(sums.layers[l + 1].clone().narrow(1, 0, group));
            }
            let weight = self.output.weight.clone().slice([unit..unit + group, place..width]);
            sums.logits = sums.logits + sent(&a).matmul(weight);
            let here = cap(sums.logits.clone().narrow(1, 0, size));
            let one_hot = choice.draw(d, &read::numbers(here)?, known, &mut walked, rng);
            if p + 1 == self.order.len() {
                break;
            }
            sums = sums.after(group, size);
            self.tell(p, one_hot, known.map(|k| k.0), &walked, &mut sums);
        }
        Ok(walked)
    }

    /// Adds to the sums of those that follow what the digit at position `p` tells them: itself, as one-hot rows, or once a column is
    /// complete that others see so, its smooth functions.
    fn tell(&self, p: usize, one_hot: Vec<f32>, known: Option<&[bool]>, walked: &Walked, sums: &mut Sums) {
        let TokensSampler { digits, layout, smooth, device, .. } = self.sampler;
        let (d, group) = (self.order[p], layout.group);
        let column = digits.all[d].column;
        let last = d + 1 == digits.first[column + 1];
        let rows = walked.live.len();
        let functions = smooth.iter().position(|s| last && s.column == column);
        let (x, from, width) = match functions {
            Some(s) => {
                let mut x = vec![0f32; rows * FUNCTIONS];
                for (i, x) in x.chunks_exact_mut(FUNCTIONS).enumerate().filter(|(i, _)| known.is_none_or(|k| !k[*i])) {
                    x.copy_from_slice(&smooth[s].functions(walked.tokens[column][i]));
                }
                (x, layout.width() + s * FUNCTIONS, FUNCTIONS)
            }
            None => (one_hot, self.places[p], digits.all[d].size as usize),
        };
        // The first digits of such a column are told to its own others alone, which come next.
        let to = if digits.is_smooth(column) && !last { digits.first[column + 1] - d } else { self.order.len() - p };
        let (units, places) = ((p + 1) * group..(p + to) * group, self.places[p + 1]..self.places[p + to]);
        let x = Tensor::<2>::from_data(TensorData::new(x, [rows, width]), device);
        let input = self.input.weight.clone().slice([from..from + width, units]);
        let skip = self.skip.clone().slice([from..from + width, places]);
        sums.layers[0] = added(sums.layers[0].clone(), x.clone().matmul(input));
        sums.logits = added(sums.logits.clone(), x.matmul(skip));
    }
}

/// `sums [B, N]` with `more [B, M]` added to its first columns, of which there may be more.
fn added(sums: Tensor<2>, more: Tensor<2>) -> Tensor<2> {
    let ([_, all], [_, first]) = (sums.dims(), more.dims());
    if all == first {
        return sums + more;
    }
    let rest = sums.clone().narrow(1, first, all - first);
    Tensor::cat(vec![sums.narrow(1, 0, first) + more, rest], 1)
}

impl Sums {
    /// With what all digits are told besides, where none is known: `[B, H]` and `[B, W]`.
    pub(crate) fn given(mut self, [first, direct]: [Tensor<2>; 2]) -> Sums {
        self.layers[0] = self.layers[0].clone() + first;
        self.logits = self.logits + direct;
        self
    }

    /// The same for `rows` rows, of one.
    pub(crate) fn repeated(&self, rows: usize) -> Sums {
        Sums {
            layers: self.layers.iter().map(|s| s.clone().repeat_dim(0, rows)).collect(),
            logits: self.logits.clone().repeat_dim(0, rows),
        }
    }

    /// Without the first digit's units and places.
    fn after(self, group: usize, size: usize) -> Sums {
        let rest = |t: Tensor<2>, from: usize| {
            let width = t.dims()[1];
            t.narrow(1, from, width - from)
        };
        Sums { layers: self.layers.into_iter().map(|s| rest(s, group)).collect(), logits: rest(self.logits, size) }
    }
}

/// Of some columns, which tokens each row may have; a row without an entry may have any.
pub(crate) type Own<'a> = &'a [(usize, Vec<Option<Vec<bool>>>)];

/// Draws digits from their logits, on the host.
struct Choice<'a> {
    sampler: &'a TokensSampler,
    /// For each restricted column how many tokens before each are allowed.
    allowed: Vec<Option<Vec<u32>>>,
    /// Whether a restricted digit was drawn among what is allowed.
    begun: bool,
    /// Whether all are: rows that are completed must not be given up.
    lenient: bool,
    /// What each row may have, of columns of one digit.
    own: Own<'a>,
    weights: Vec<f64>,
}

impl<'a> Choice<'a> {
    fn new(sampler: &'a TokensSampler, allowed: &Allowed, lenient: bool) -> Choice<'a> {
        let running = |tokens: &[bool]| {
            let sum = |sum: &mut u32, &ok: &bool| {
                *sum += u32::from(ok);
                Some(*sum)
            };
            [0].into_iter().chain(tokens.iter().scan(0, sum)).collect()
        };
        let allowed = (0..sampler.spans.len()).map(|c| allowed.tokens(c).map(running)).collect();
        Choice { sampler, allowed, begun: false, lenient, own: &[], weights: Vec::new() }
    }

    /// The digit `d` of every row, added to the tokens of its column: one-hot rows, of zeros where the digit is known.
    fn draw(
        &mut self,
        d: usize,
        logits: &[f32],
        known: Option<(&[bool], &[u32])>,
        walked: &mut Walked,
        rng: &mut Stream,
    ) -> Vec<f32> {
        let digits = &self.sampler.digits;
        let (column, size) = (digits.all[d].column, digits.all[d].size as usize);
        let heat = self.sampler.tuning.temperature.unwrap_or(1.0).max(1e-6);
        let mut one_hot = vec![0f32; logits.len()];
        for (i, logits) in logits.chunks_exact(size).enumerate() {
            if let Some((known, tokens)) = known
                && known[i]
            {
                walked.tokens[column][i] = tokens[i];
                continue;
            }
            let prefix = walked.tokens[column][i];
            let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            self.weights.clear();
            // A digit that leaves no token was never seen, and cannot be drawn.
            self.weights.extend(logits.iter().enumerate().map(|(v, &l)| {
                let (start, end) = digits.left(d, prefix, v as u32);
                if start < end { (f64::from(l - top) / heat).exp() } else { 0.0 }
            }));
            if let Some((_, rows)) = self.own.iter().find(|(c, _)| *c == column)
                && let Some(ok) = &rows[i]
                && ok.len() == size
                && self.weights.iter().zip(ok).any(|(w, &ok)| ok && *w > 0.0)
            {
                self.weights.iter_mut().zip(ok).for_each(|(w, &ok)| *w *= f64::from(u8::from(ok)));
            }
            if let Some(top_p) = self.sampler.tuning.top_p.filter(|&p| p < 1.0) {
                keep_top(&mut self.weights, top_p);
            }
            let all: f64 = self.weights.iter().sum();
            if let Some(running) = &self.allowed[column] {
                for (v, weight) in self.weights.iter_mut().enumerate() {
                    let (start, end) = digits.left(d, prefix, v as u32);
                    if running[end as usize] == running[start as usize] {
                        *weight = 0.0;
                    }
                }
            }
            let mass: f64 = self.weights.iter().sum();
            if self.allowed[column].is_some() && self.begun && !self.lenient && uniform(rng) * all >= mass {
                walked.live[i] = false;
            }
            let value = pick(&self.weights, mass, rng).unwrap_or_else(|| {
                walked.live[i] = false;
                0
            });
            walked.tokens[column][i] = digits.left(d, prefix, value as u32).0;
            one_hot[i * size + value] = 1.0;
        }
        self.begun |= self.allowed[column].is_some();
        one_hot
    }
}

/// One of `weights`, by their size; none where all are 0.
fn pick(weights: &[f64], mass: f64, rng: &mut Stream) -> Option<usize> {
    let mut u = uniform(rng) * mass;
    let last = weights.iter().rposition(|&w| w > 0.0)?;
    for (v, &w) in weights[..last].iter().enumerate() {
        u -= w;
        if u < 0.0 {
            return Some(v);
        }
    }
    Some(last)
}

/// Sets to 0 the weights that are not among the largest which make up the share `top_p` (nucleus sampling, Holtzman et al., 2020).
fn keep_top(weights: &mut [f64], top_p: f64) {
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|&a, &b| weights[b].total_cmp(&weights[a]).then(a.cmp(&b)));
    let mut left = top_p * weights.iter().sum::<f64>();
    for v in order {
        if left <= 0.0 {
            weights[v] = 0.0;
        }
        left -= weights[v];
    }
}
