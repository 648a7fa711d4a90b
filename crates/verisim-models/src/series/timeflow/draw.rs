//! Draws sequences: windows that overlap, each given the end of the one before.

use burn::tensor::{Device, Tensor, TensorData};
use verisim_data::rng::Stream;
use verisim_data::table::codec::Encoded;

use super::net::{Net, Seen};
use crate::error::Result;
use crate::noise;
use crate::read;
use crate::series::dense::Parts;
use crate::series::{Steps, Wanted};

/// Sequences that go through the network together.
const TOGETHER: usize = 256;

/// A trained network and what was learnt beside it.
pub(super) struct Windows {
    pub parts: Parts,
    pub net: Net,
    /// Steps of the sampler.
    pub steps: usize,
    pub device: Device,
}

/// A sequence in the making.
struct Sequence {
    /// The last steps of its past, then those that were made.
    rows: Encoded,
    times: Vec<f64>,
    /// How many of them are its past, and how many steps came before these.
    past: usize,
    earlier: usize,
    /// How many steps are still to be made.
    left: usize,
    context: Vec<f32>,
}

/// A window to be drawn.
struct Window {
    /// Its first steps as the network sees them, `[given, width]`, and as they are.
    white: Vec<f32>,
    plain: Vec<f32>,
    given: usize,
    /// Steps that are there.
    steps: usize,
    told: Vec<f32>,
    /// When its first step comes.
    time: Option<f64>,
}

impl Steps for Windows {
    fn draw(&self, wanted: &Wanted<'_>, rng: &mut Stream) -> Result<Encoded> {
        let mut all: Vec<Sequence> = (0..wanted.lengths.len()).map(|i| self.begin(wanted, i)).collect();
        loop {
            let mut active: Vec<&mut Sequence> = all.iter_mut().filter(|s| s.left > 0).collect();
            if active.is_empty() {
                break;
            }
            for part in active.chunks_mut(TOGETHER) {
                let windows: Vec<Window> = part.iter().map(|s| self.window(s)).collect();
                let drawn = self.follow(&windows, rng)?;
                let size = self.parts.whitener.steps * self.parts.channels.width;
                for ((sequence, window), drawn) in part.iter_mut().zip(windows).zip(drawn.chunks_exact(size)) {
                    self.go_on(sequence, window, drawn);
                }
            }
        }
        let mut made = self.parts.channels.none();
        for sequence in &all {
            let own: Vec<usize> = (sequence.past..sequence.rows.rows).collect();
            let mut own = sequence.rows.take(&own);
            if let (Some(gap), true, true) = (self.parts.gap, sequence.past == 0 && sequence.earlier == 0, own.rows > 0)
            {
                own.tokens[0][0] = gap;
                own.scalars[0].iter_mut().take(1).for_each(|x| *x = 0.0);
            }
            made.append(&own);
        }
        Ok(made)
    }

    fn together(&self) -> usize {
        TOGETHER
    }
}

impl Windows {
    /// Sequence `i` with the end of its past.
    fn begin(&self, wanted: &Wanted<'_>, i: usize) -> Sequence {
        let context = self.parts.told.context(wanted.context, i);
        let mut rows = self.parts.channels.none();
        let (mut times, mut earlier) = (Vec::new(), 0);
        if let Some(past) = wanted.past {
            let (from, to) = (past.offsets[i], past.offsets[i + 1]);
            let begin = from.max(to.saturating_sub(self.parts.whitener.steps));
            earlier = begin - from;
            if to > begin {
                rows = past.steps.take(&(begin..to).collect::<Vec<_>>());
            }
            times.extend_from_slice(&past.times[begin..to]);
        }
        let past = rows.rows;
        let mut sequence = Sequence { rows, times, past, earlier, left: wanted.lengths[i], context };
        // The first step to come; what follows is counted from it.
        sequence.times.push(wanted.starts.get(i).copied().unwrap_or(f64::NAN));
        sequence
    }

    fn window(&self, sequence: &Sequence) -> Window {
        let Parts { channels, whitener, told, .. } = &self.parts;
        let rows = sequence.rows.rows;
        let given = rows.min(whitener.steps / 2);
        let from = rows - given;
        let plain = channels.encode(&sequence.rows, from..rows);
        let before = sequence.earlier + from;
        let whole = sequence.earlier + rows + sequence.left;
        // Windows that end early are those of sequences that are short as a whole.
        let steps = if self.parts.joined { whitener.steps } else { whole.min(whitener.steps) };
        let time = sequence.times.get(from).copied();
        Window {
            white: self.parts.white(&plain, time).rows,
            plain,
            given,
            steps,
            told: told.window(&sequence.context, time, before),
            time,
        }
    }

    /// Follows the velocity from noise to windows, `[windows, steps, width]`.
    fn follow(&self, windows: &[Window], rng: &mut Stream) -> Result<Vec<f32>> {
        let (steps, width) = (self.parts.whitener.steps, self.parts.channels.width);
        let count = windows.len();
        let each = self.parts.told.marks();
        let (mut clean, mut marks) = (vec![0f32; count * steps * width], Vec::with_capacity(count * steps * each));
        let mut told = Vec::with_capacity(count * self.parts.told.width());
        for (i, window) in windows.iter().enumerate() {
            clean[i * steps * width..][..window.white.len()].copy_from_slice(&window.white);
            (0..window.steps).for_each(|s| self.parts.told.mark(s, s < window.given, window.time, &mut marks));
            marks.resize((i + 1) * steps * each, 0.0);
            told.extend_from_slice(&window.told);
        }
        let device = &self.device;
        let tensor = |values, shape: [usize; 3]| Tensor::<3>::from_data(TensorData::new(values, shape), device);
        let told = Tensor::<2>::from_data(TensorData::new(told, [count, self.parts.told.width()]), device);
        let (clean, marks) = (tensor(clean, [count, steps, width]), tensor(marks, [count, steps, each]));
        let (given, there) = (marks.clone().narrow(2, 0, 1), marks.clone().narrow(2, 1, 1));
        let seen = |x: Tensor<3>| (x.clone() + (clean.clone() - x) * given.clone()) * there.clone();
        let velocity = |x: &Tensor<3>, t: f64| {
            let t = Tensor::full([count, 1], t, device);
            self.net.velocity(Seen { at: seen(x.clone()), marks: marks.clone(), t, told: told.clone() })
        };
        let mut x = noise::normal(rng, count, steps * width, device).reshape([count, steps, width]);
        let time = |k: usize| time(k as f64 / self.steps as f64);
        for k in 0..self.steps {
            let (t, h) = (time(k), time(k + 1) - time(k));
            let slope = velocity(&x, t);
            let ahead = x.clone() + slope.clone() * h;
            // At the end the velocity is no longer asked for: the last step is Euler's.
            x = match k + 1 == self.steps {
                true => ahead,
                false => x + (slope + velocity(&ahead, t + h)) * (0.5 * h),
            };
        }
        read::numbers(x)
    }

    /// Adds what was drawn after the steps that were given.
    fn go_on(&self, sequence: &mut Sequence, window: Window, drawn: &[f32]) {
        let Parts { channels, whitener, .. } = &self.parts;
        let (width, values) = (channels.width, channels.values);
        let add = (window.steps - window.given).min(sequence.left);
        let end = window.given + add;
        let mut rows = vec![0f32; end * width];
        rows[..window.plain.len()].copy_from_slice(&window.plain);
        rows[window.given * width..].copy_from_slice(&drawn[window.given * width..end * width]);
        if values > 0 {
            // Finite whatever the network says.
            let kept = |x: &f32| if x.is_finite() { *x } else { 0.0 };
            let mut u: Vec<f32> = drawn[..end * width].chunks(width).flat_map(|r| &r[..values]).map(kept).collect();
            u.resize(end * values, 0.0);
            let mut plain: Vec<f32> = rows.chunks(width).flat_map(|r| &r[..values]).copied().collect();
            let waves = self.parts.told.calendar(window.time, end);
            whitener.colour(&u, &waves, window.given, &mut plain);
            rows.chunks_mut(width).zip(plain.chunks(values)).for_each(|(r, p)| r[..values].copy_from_slice(p));
        }
        let before = sequence.rows.rows;
        channels.decode(&rows[window.given * width..], &mut sequence.rows);
        sequence.left -= add;
        // `times` is one ahead of the rows. Where steps say how long after each other they come, that is known only now.
        for i in before..sequence.rows.rows {
            if self.parts.gap.is_some() && i > sequence.past {
                let (token, scalar) = (sequence.rows.tokens[0][i], sequence.rows.scalars[0].get(i).copied());
                let gap = channels.number(0, token, scalar.unwrap_or(0.0)).unwrap_or(0.0).max(0.0);
                sequence.times[i] = sequence.times[i - 1] + gap;
            }
            sequence.times.push(sequence.times[i] + self.parts.every);
        }
    }
}

/// How far along the way a sampler is that has taken the part `u` of its steps: short steps at both ends, as for
/// [images](crate::image::flow).
fn time(u: f64) -> f64 {
    let (begun, left) = (u.powf(1.75), (1.0 - u).powf(1.5));
    begun / (begun + left)
}
