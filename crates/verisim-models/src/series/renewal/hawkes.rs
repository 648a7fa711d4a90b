//! Hawkes processes with exponential kernels: events that call events (Hawkes, 1971).
//!
//! `lambda_m(t) = u_m + sum over events before t of a(mark, m) b exp(-b (t - t_i))`: an event of kind `k` calls `a(k, m)` events of kind `m`
//! on average. For one `b`, likelihood is raised by expectation and maximisation over who called whom (Veen and Schoenberg, 2008), with the
//! sums over the past kept by a recursion, so that a round costs one pass; `b` is searched on a grid. No process may call more events than
//! there are: the largest root of `a` stays below 1. Drawn by thinning (Ogata, 1981): between events the rate only falls.

use verisim_data::rng::{Stream, uniform};

use crate::error::{Error, Result};
use crate::weights::Weights;

/// Most kinds of events.
pub const MOST: usize = 24;
/// The largest root of the calls.
const STABLE: f64 = 0.98;
/// Rounds for one decay.
const ROUNDS: usize = 40;

/// Events of one sequence: when, from the first on, and of which kind.
pub type Events = Vec<(f64, u32)>;

/// A process.
#[derive(Clone, Debug, PartialEq)]
pub struct Hawkes {
    /// `u`, a number a kind.
    pub base: Vec<f64>,
    /// `a`, a row a kind that calls.
    pub calls: Vec<f64>,
    /// `b`.
    pub decay: f64,
}

impl Hawkes {
    /// Fits sequences; none where there is nothing to learn.
    pub fn fit(sequences: &[Events], kinds: usize) -> Option<Hawkes> {
        let time: f64 = sequences.iter().filter_map(|s| s.last()).map(|e| e.0).sum();
        let events: usize = sequences.iter().map(|s| s.len().saturating_sub(1)).sum();
        if kinds == 0 || kinds > MOST || events < 50 || time <= 0.0 {
            return None;
        }
        let rate = events as f64 / time;
        let of = |decay: f64| Hawkes::with(sequences, kinds, decay, rate);
        let mut best: Option<(f64, Hawkes)> = None;
        let mut consider = |decay: f64| {
            let (found, likelihood) = of(decay);
            if best.as_ref().is_none_or(|b| likelihood > b.0) {
                best = Some((likelihood, found));
            }
            best.as_ref().map_or(decay, |b| b.1.decay)
        };
        let mut at = rate;
        for factor in [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0] {
            at = consider(rate * factor);
        }
        for step in [1.41, 1.19, 1.09] {
            let middle = at;
            consider(middle * step);
            at = consider(middle / step);
        }
        best.map(|b| b.1)
    }

    fn with(sequences: &[Events], kinds: usize, decay: f64, rate: f64) -> (Hawkes, f64) {
        let mut own = Hawkes {
            base: vec![0.5 * rate / kinds as f64; kinds],
            calls: vec![0.5 / kinds as f64; kinds * kinds],
            decay,
        };
        let mut last = f64::NEG_INFINITY;
        for _ in 0..ROUNDS {
            let (mut base, mut calls) = (vec![0.0; kinds], vec![0.0; kinds * kinds]);
            let (mut heard, mut time, mut likelihood) = (vec![0.0; kinds], 0.0, 0.0);
            for events in sequences.iter().filter(|e| !e.is_empty()) {
                let end = events[events.len() - 1].0;
                time += end;
                let mut past = vec![0.0; kinds];
                let mut now = 0.0;
                for (i, &(at, mark)) in events.iter().enumerate() {
                    let fade = (-decay * (at - now)).exp();
                    past.iter_mut().for_each(|p| *p *= fade);
                    now = at;
                    let m = mark as usize;
                    // The first event is where a sequence begins.
                    if i > 0 {
                        let all = own.rate(m, &past).max(1e-300);
                        likelihood += all.ln();
                        base[m] += own.base[m] / all;
                        for k in 0..kinds {
                            calls[k * kinds + m] += own.calls[k * kinds + m] * decay * past[k] / all;
                        }
                    }
                    let gone = 1.0 - (-decay * (end - at)).exp();
                    heard[m] += gone;
                    likelihood -= own.calls[m * kinds..(m + 1) * kinds].iter().sum::<f64>() * gone;
                    past[m] += 1.0;
                }
            }
            likelihood -= own.base.iter().sum::<f64>() * time;
            if likelihood - last < 1e-5 * likelihood.abs() {
                last = likelihood.max(last);
                break;
            }
            last = likelihood;
            own.base = base.into_iter().map(|b| b / time).collect();
            own.calls = calls.iter().enumerate().map(|(k, c)| c / heard[k / kinds].max(1e-9)).collect();
            let root = own.root();
            if root > STABLE {
                own.calls.iter_mut().for_each(|c| *c *= STABLE / root);
            }
        }
        (own, last)
    }

    /// The logarithm of the likelihood of sequences, from their second events on.
    pub fn likelihood(&self, sequences: &[Events]) -> f64 {
        let kinds = self.base.len();
        let mut sum = 0.0;
        for events in sequences {
            let (mut past, mut now) = (vec![0.0; kinds], 0.0);
            let end = events.last().map_or(0.0, |e| e.0);
            for (i, &(at, mark)) in events.iter().enumerate() {
                let fade = (-self.decay * (at - now)).exp();
                past.iter_mut().for_each(|p| *p *= fade);
                now = at;
                let m = mark as usize;
                if i > 0 {
                    sum += self.rate(m, &past).max(1e-300).ln();
                }
                let gone = 1.0 - (-self.decay * (end - at)).exp();
                sum -= self.calls[m * kinds..(m + 1) * kinds].iter().sum::<f64>() * gone;
                past[m] += 1.0;
            }
            sum -= self.base.iter().sum::<f64>() * end;
        }
        sum
    }

    /// The rate of events of kind `m`, given the sums over the past.
    pub fn rate(&self, m: usize, past: &[f64]) -> f64 {
        let kinds = self.base.len();
        self.base[m] + self.decay * past.iter().enumerate().map(|(k, p)| self.calls[k * kinds + m] * p).sum::<f64>()
    }

    /// How many events one event calls in the end, as a share: the largest root of the calls, by powers.
    pub fn root(&self) -> f64 {
        let kinds = self.base.len();
        let mut v = vec![1.0; kinds];
        let mut root = 0.0;
        for _ in 0..60 {
            let next: Vec<f64> =
                (0..kinds).map(|k| (0..kinds).map(|m| self.calls[k * kinds + m] * v[m]).sum()).collect();
            root = next.iter().copied().fold(0.0, f64::max);
            if root <= 0.0 {
                return 0.0;
            }
            v = next.into_iter().map(|x| x / root).collect();
        }
        root
    }

    /// The time to the next event; `past`, the sums over the past, comes to that time.
    pub fn wait(&self, past: &mut [f64], rng: &mut Stream) -> f64 {
        let mut waited = 0.0;
        // A bound on tries; the rate is never 0, so it is met only where all numbers are at their ends.
        for _ in 0..10_000 {
            let rate = |past: &[f64]| -> f64 { (0..self.base.len()).map(|m| self.rate(m, past)).sum() };
            let most = rate(past).max(1e-12);
            let step = -(1.0 - uniform(rng)).ln() / most;
            let fade = (-self.decay * step).exp();
            past.iter_mut().for_each(|p| *p *= fade);
            waited += step;
            if uniform(rng) * most < rate(past) {
                break;
            }
        }
        waited
    }

    /// Adds what was learnt to `weights`.
    pub fn store(&self, weights: &mut Weights) {
        let kinds = self.base.len();
        weights.put_f64("hawkes.base", &[kinds], self.base.clone());
        weights.put_f64("hawkes.calls", &[kinds, kinds], self.calls.clone());
        weights.put_f64("hawkes.decay", &[1], vec![self.decay]);
    }

    /// Takes what was learnt out of `weights`.
    ///
    /// # Errors
    /// When it is not there, or no process of so many kinds.
    pub fn restore(kinds: usize, weights: &mut Weights) -> Result<Hawkes> {
        let base = weights.take_f64("hawkes.base")?.1;
        let calls = weights.take_f64("hawkes.calls")?.1;
        let decay = weights.take_f64("hawkes.decay")?.1.first().copied().unwrap_or(0.0);
        let sound = |x: &f64| x.is_finite() && *x >= 0.0;
        let own = Hawkes { base, calls, decay };
        let fits = own.base.len() == kinds && own.calls.len() == kinds * kinds;
        let runs = decay > 0.0 && decay.is_finite();
        let stays = fits && own.base.iter().chain(&own.calls).all(sound) && runs && own.root() < 1.0;
        if !stays {
            let problem = "is no process that stays finite".into();
            return Err(Error::Tensor { name: "hawkes.calls".into(), problem });
        }
        Ok(own)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use verisim_data::rng::stream;

    use super::*;

    #[test]
    fn the_share_of_called_events_is_found_again() {
        let truth = Hawkes { base: vec![0.5], calls: vec![0.6], decay: 2.0 };
        let mut rng = stream(3, "hawkes", 0);
        let sequences: Vec<Events> = (0..40)
            .map(|_| {
                let (mut past, mut time) = (vec![1.0], 0.0);
                let mut events = vec![(0.0, 0)];
                for _ in 0..150 {
                    time += truth.wait(&mut past, &mut rng);
                    past[0] += 1.0;
                    events.push((time, 0));
                }
                events
            })
            .collect();
        let found = Hawkes::fit(&sequences, 1).unwrap();
        assert!((found.root() - 0.6).abs() < 0.06, "{found:?}");
        assert!((found.decay / 2.0 - 1.0).abs() < 0.25 && (found.base[0] - 0.5).abs() < 0.08, "{found:?}");
        // The truth is as likely as what was found, but for its freedom.
        assert!((found.likelihood(&sequences) - truth.likelihood(&sequences)).abs() < 6.0);
        // What comes by itself calls nothing.
        let even: Vec<Events> = (0..40)
            .map(|_| {
                let mut time = 0.0;
                (0..100)
                    .map(|_| {
                        time -= (1.0 - uniform(&mut rng)).ln();
                        (time, 0)
                    })
                    .collect()
            })
            .collect();
        assert!(Hawkes::fit(&even, 1).is_some_and(|h| h.root() < 0.12));
        assert_eq!(Hawkes::fit(&[], 1), None);
    }
}
