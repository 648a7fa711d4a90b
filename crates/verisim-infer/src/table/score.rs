//! How probable rows are under a model, and how unusual beside rows that it draws itself.
//!
//! The probability of a row is that of its tokens: levels, point masses and bins of a number. So it says nothing of where in its bin a number lies,
//! and probabilities of two models, or of two columns, are not to be compared. What can be compared is a row with rows of the model's own:
//! the share of them that are no more probable is how unusual it is.

use verisim_data::rng::stream;
use verisim_data::table::codec::Encoded;
use verisim_data::table::{Spec, Table};
use verisim_models::table::Allowed;

use super::seen::{Seen, State};
use crate::artefact::Artefact;
use crate::error::Result;

/// Rows of the model's own that others are measured against.
pub const OWN: usize = 2000;
/// What counts for a value that the model never saw, in nats: less than it says of any other.
const NEVER: f32 = -30.0;

/// Rows and how probable each is.
#[derive(Clone, Debug)]
pub struct Scored {
    /// Logarithms of the probabilities, a column each, of each row's value given the columns that the model draws before.
    pub columns: Vec<Vec<f32>>,
    /// Their sums.
    pub rows: Vec<f64>,
    /// The tokens.
    tokens: Encoded,
}

/// A row of a file beside the model's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The logarithm of its probability, in nats.
    pub log_probability: f64,
    /// The share of the reference rows that are no more probable.
    pub share: f64,
    /// The learnt column whose value falls most short of what its values usually get.
    pub column: usize,
    /// By how many nats.
    pub short: f64,
    /// Columns with a value that the model has never seen the like of.
    pub strange: Vec<usize>,
}

/// How far the values of one column are from those of the reference rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    /// The learnt column.
    pub column: usize,
    /// The largest distance between both distributions of its values, 0 to 1; categories in the order of their frequency.
    pub values: f64,
    /// The same distance between the probabilities of its values given the columns before.
    pub given: f64,
    /// How likely the larger of both is by chance.
    pub chance: f64,
}

/// Rows of the model's own, scored.
///
/// # Errors
/// When the model cannot say how probable rows are, or its device fails.
pub fn own(artefact: &Artefact<Table>, rows: usize, seed: u64) -> Result<Scored> {
    let any = Allowed::any(artefact.spec.codec.columns.len());
    let drawn = artefact.sampler.draw(rows, &any, rows as u64, &mut stream(seed, "own rows", 0))?;
    scored(artefact, drawn.encoded)
}

/// The rows of a file, scored. A value that the model never saw the like of is as improbable as can be.
///
/// # Errors
/// As [`own`].
pub fn of_file(artefact: &Artefact<Table>, seen: &Seen) -> Result<Scored> {
    let mut scored = scored(artefact, seen.encoded.clone())?;
    for (column, states) in scored.columns.iter_mut().zip(&seen.states) {
        column.iter_mut().zip(states).filter(|(_, s)| s.is_strange()).for_each(|(p, _)| *p = NEVER);
    }
    scored.rows = sums(&scored.columns, scored.rows.len());
    Ok(scored)
}

fn scored(artefact: &Artefact<Table>, tokens: Encoded) -> Result<Scored> {
    let columns = artefact.sampler.log_probabilities(&tokens)?;
    Ok(Scored { rows: sums(&columns, tokens.rows), columns, tokens })
}

fn sums(columns: &[Vec<f32>], rows: usize) -> Vec<f64> {
    (0..rows).map(|i| columns.iter().map(|column| f64::from(column[i])).sum()).collect()
}

/// The rows of a file beside reference rows, most often the model's own.
pub fn beside(rows: &Scored, reference: &Scored, states: &[Vec<State>]) -> Vec<Row> {
    let mut order: Vec<f64> = reference.rows.clone();
    order.sort_unstable_by(f64::total_cmp);
    let mean = |column: &Vec<f32>| column.iter().map(|&p| f64::from(p)).sum::<f64>() / column.len().max(1) as f64;
    let usual: Vec<f64> = reference.columns.iter().map(mean).collect();
    let row = |(i, &log_probability): (usize, &f64)| {
        let strange: Vec<usize> = (0..states.len()).filter(|&j| states[j][i].is_strange()).collect();
        let short = |j: usize| usual[j] - f64::from(rows.columns[j][i]);
        let column = (0..usual.len()).fold(0, |worst, j| if short(j) > short(worst) { j } else { worst });
        let share = order.partition_point(|&p| p <= log_probability) as f64 / order.len().max(1) as f64;
        Row { log_probability, share, column, short: short(column), strange }
    };
    rows.rows.iter().enumerate().map(row).collect()
}

/// The distance between the scores of two sets of rows, and how likely it is by chance.
pub fn distance(a: &Scored, b: &Scored) -> (f64, f64) {
    let d = ks(a.rows.clone(), b.rows.clone());
    (d, chance(d, a.rows.len(), b.rows.len()))
}

/// How far each column is from the reference, the farthest first. What a cell holds that the model has never seen stands apart from all else.
pub fn drifts(spec: &Spec, rows: &Scored, reference: &Scored, states: &[Vec<State>]) -> Vec<Drift> {
    let of = |(column, span): (usize, verisim_data::table::codec::Span)| {
        let mut places: Vec<u32> = (0..span.tokens).collect();
        if !span.ordered {
            let mut counts = vec![0u32; span.tokens as usize];
            reference.tokens.tokens[column].iter().for_each(|&t| counts[t as usize] += 1);
            let mut order = places.clone();
            order.sort_by_key(|&t| (std::cmp::Reverse(counts[t as usize]), t));
            order.iter().enumerate().for_each(|(place, &t)| places[t as usize] = place as u32);
        }
        let place = |t: &u32| f64::from(places[*t as usize]);
        let strange = |(t, s): (&u32, &State)| match s {
            // The nearest token says on which side it lies.
            State::Outside | State::Known | State::Empty | State::Contradicted => place(t),
            _ => f64::from(span.tokens),
        };
        let own = reference.tokens.tokens[column].iter().map(place).collect();
        let values = ks(rows.tokens.tokens[column].iter().zip(&states[column]).map(strange).collect(), own);
        let nats = |s: &Scored| s.columns[column].iter().map(|&p| f64::from(p)).collect::<Vec<f64>>();
        let given = ks(nats(rows), nats(reference));
        let chance = chance(values.max(given), rows.rows.len(), reference.rows.len());
        Drift { column, values, given, chance }
    };
    let mut drifts: Vec<Drift> = spec.codec.spans().into_iter().enumerate().map(of).collect();
    drifts.sort_by(|a, b| b.values.max(b.given).total_cmp(&a.values.max(a.given)).then(a.column.cmp(&b.column)));
    drifts
}

/// The largest distance between two empirical distributions (Kolmogorov and Smirnov).
fn ks(mut a: Vec<f64>, mut b: Vec<f64>) -> f64 {
    a.sort_unstable_by(f64::total_cmp);
    b.sort_unstable_by(f64::total_cmp);
    let (mut i, mut j, mut most) = (0, 0, 0.0f64);
    while i < a.len() && j < b.len() {
        let x = a[i].min(b[j]);
        i += a[i..].partition_point(|&v| v <= x);
        j += b[j..].partition_point(|&v| v <= x);
        most = most.max((i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs());
    }
    most
}

/// How likely two samples of one distribution are so far apart; more than that where values repeat (Press et al., "Numerical Recipes",
/// 14.3).
fn chance(distance: f64, n: usize, m: usize) -> f64 {
    let size = (n as f64 * m as f64 / (n + m).max(1) as f64).sqrt();
    let at = (size + 0.12 + 0.11 / size.max(1e-9)) * distance;
    if at < 0.3 {
        return 1.0;
    }
    let term = |k: i32| {
        let sign = if k % 2 == 1 { 2.0 } else { -2.0 };
        sign * (-2.0 * f64::from(k).powi(2) * at * at).exp()
    };
    (1..=100).map(term).sum::<f64>().clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use verisim_data::rng::uniform;

    #[test]
    fn distances_by_hand() {
        assert_eq!(ks(vec![1.0, 2.0, 3.0], vec![1.0, 2.0, 3.0]), 0.0);
        assert_eq!(ks(vec![1.0, 2.0], vec![3.0, 4.0, 5.0]), 1.0);
        assert!((ks(vec![1.0, 1.0, 2.0, 3.0], vec![1.0, 2.0, 2.0, 3.0]) - 0.25).abs() < 1e-12);
    }

    /// Two samples of one distribution: each chance is as frequent as it says.
    #[test]
    fn chances_are_as_frequent_as_they_say() {
        let mut rng = stream(1, "test", 0);
        let mut draw = |n: usize| (0..n).map(|_| uniform(&mut rng)).collect::<Vec<f64>>();
        let below = (0..2000).filter(|_| chance(ks(draw(150), draw(90)), 150, 90) < 0.05).count();
        // 100 are expected, with a standard deviation of 10.
        assert!((60..140).contains(&below), "{below}");
    }
}
