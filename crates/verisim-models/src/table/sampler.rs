//! What every trained model can do: draw encoded rows from a random stream, under a condition.

use serde::{Deserialize, Serialize};
use verisim_data::rng::Stream;
use verisim_data::table::codec::Encoded;

use crate::error::{Error, Result};

/// For each column the tokens that a row may have; a column without an entry may have any.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    columns: Vec<Option<Vec<bool>>>,
}

impl Allowed {
    /// Any token in any of `columns` columns.
    pub fn any(columns: usize) -> Self {
        Allowed { columns: vec![None; columns] }
    }

    /// Restricts `column` to the tokens marked true, and to those of earlier restrictions.
    pub fn restrict(&mut self, column: usize, tokens: Vec<bool>) {
        match &mut self.columns[column] {
            Some(old) => old.iter_mut().zip(tokens).for_each(|(a, b)| *a &= b),
            none => *none = Some(tokens),
        }
    }

    /// The tokens that `column` may have, if it is restricted.
    pub fn tokens(&self, column: usize) -> Option<&[bool]> {
        self.columns.get(column)?.as_deref()
    }

    /// The restricted columns.
    pub fn restricted(&self) -> impl Iterator<Item = (usize, &[bool])> {
        self.columns.iter().enumerate().filter_map(|(j, c)| Some((j, c.as_deref()?)))
    }

    /// True when no column is restricted.
    pub fn is_any(&self) -> bool {
        self.columns.iter().all(Option::is_none)
    }

    /// True when some column is left without a token.
    pub fn is_impossible(&self) -> bool {
        self.restricted().any(|(_, tokens)| !tokens.contains(&true))
    }

    /// The rows of `encoded` whose every token is allowed.
    pub fn matching(&self, encoded: &Encoded) -> Vec<usize> {
        let fits = |&i: &usize| self.restricted().all(|(j, ok)| ok[encoded.tokens[j][i] as usize]);
        (0..encoded.rows).filter(fits).collect()
    }
}

/// Rows drawn under a condition.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// The rows that satisfy it; fewer than asked when the tries ran out.
    pub encoded: Encoded,
    /// How many rows were tried for them.
    pub tried: u64,
}

/// How rows are drawn, where it should differ from what was learnt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tuning {
    /// Below 1 likely values come up more often than in the data, above 1 less.
    pub temperature: Option<f64>,
    /// Each value is drawn among the likeliest that make up this share.
    pub top_p: Option<f64>,
}

impl Tuning {
    /// Refuses values that make no sense.
    ///
    /// # Errors
    /// When there is one.
    pub fn check(&self) -> Result<()> {
        let bad = |key, rule| Err(Error::Tuning { key, rule });
        if self.temperature.is_some_and(|t| !(t > 0.0 && t.is_finite())) {
            return bad("temperature", "must be more than 0; 1 draws as learnt");
        }
        if self.top_p.is_some_and(|p| !(p > 0.0 && p <= 1.0)) {
            return bad("top_p", "must be more than 0 and at most 1; 1 draws as learnt");
        }
        Ok(())
    }
}

/// Rows of which some tokens are known.
#[derive(Clone, Debug)]
pub struct Partial {
    /// The rows; a token that is not known may be any.
    pub rows: Encoded,
    /// Which tokens are known, a column each.
    pub known: Vec<Vec<bool>>,
    /// The tokens that those not known may become; a caller who wants a value keeps out the token of missing ones.
    pub allowed: Allowed,
}

impl Partial {
    /// A token of an unknown cell that is not allowed.
    fn breaks(&self, whole: &Encoded, row: usize) -> bool {
        self.allowed.restricted().any(|(j, ok)| !self.known[j][row] && !ok[whole.tokens[j][row] as usize])
    }

    /// Rows of `whole` with an unknown cell that did not become an allowed token.
    pub fn broken(&self, whole: &Encoded) -> Vec<usize> {
        (0..whole.rows).filter(|&i| self.breaks(whole, i)).collect()
    }

    /// The rows at `index`, in that order.
    pub fn take(&self, index: &[usize]) -> Partial {
        Partial {
            rows: self.rows.take(index),
            known: self.known.iter().map(|k| index.iter().map(|&i| k[i]).collect()).collect(),
            allowed: self.allowed.clone(),
        }
    }
}

/// A trained model of a table.
pub trait Sampler: Send + Sync {
    /// Draws `rows` rows whose tokens are all `allowed`, distributed as the model's rows given that; gives up after `max_tries` rows.
    ///
    /// # Errors
    /// When the device fails.
    fn draw(&self, rows: usize, allowed: &Allowed, max_tries: u64, rng: &mut Stream) -> Result<Drawn>;

    /// The rows with every token: those that are not known drawn from the model's distribution given the known ones of the row.
    ///
    /// # Errors
    /// When the model cannot, or the device fails.
    fn complete(&self, _rows: &Partial, _rng: &mut Stream) -> Result<Encoded> {
        Err(Error::Incapable { what: "complete rows" })
    }

    /// The rows completed `times` times. A model that weighs many completions of a row against each other does that once for all.
    ///
    /// # Errors
    /// As [`complete`](Sampler::complete).
    fn complete_many(&self, rows: &Partial, times: usize, rng: &mut Stream) -> Result<Vec<Encoded>> {
        (0..times).map(|_| self.complete(rows, rng)).collect()
    }

    /// For each column the logarithm of the probability of each row's token given those of the columns that the model draws before
    /// it. The sum over the columns is that of the row.
    ///
    /// # Errors
    /// When the model cannot, or the device fails.
    fn log_probabilities(&self, _rows: &Encoded) -> Result<Vec<Vec<f32>>> {
        Err(Error::Incapable { what: "say how probable rows are" })
    }

    /// The same model drawing in another way; none when `tuning` says nothing.
    ///
    /// # Errors
    /// When the model knows no such setting, or the value makes no sense.
    fn tuned(&self, tuning: &Tuning) -> Result<Option<Box<dyn Sampler>>> {
        match *tuning == Tuning::default() {
            true => Ok(None),
            false => Err(Error::NoHeat),
        }
    }
}
