//! Series changed: the values of their steps, the pace at which they come, and what is left of them.
//!
//! A [`Sequence`] is some steps, each with a time and a value of every column: numbers and categories, as in a `Frame`. A label a step is a
//! column of categories. What is done follows three rules, so that labels and stamps stay right:
//!
//! - What changes values leaves times and categories alone.
//! - What moves values in time moves categories with them: each step takes the category of the step to which it is nearest. The stamps stay
//!   where they were, so a regular series stays regular.
//! - What leaves steps out leaves their stamps out, too.
//!
//! Missing numbers stay missing; between a number and none, a value takes after the nearer.
//!
//! [`one`] changes one sequence, [`apply`] all of a panel, where columns of start, length and gaps are counted anew. What happens to a
//! sequence follows from the seed, the pass and its place alone.

mod align;
mod curve;
mod panel;
mod step;
#[cfg(test)]
mod tests;
mod time;
mod value;

pub use align::barycentre;
pub use panel::{apply, one, steps_of};
pub use step::*;

use verisim_data::table::{Column, Frame};

use crate::error::{Error, Result};

/// Some steps of one thing over time.
#[derive(Clone, Debug, Default)]
pub struct Sequence {
    /// When each step comes, never falling, in any unit.
    pub times: Vec<f64>,
    /// One row a step.
    pub steps: Frame,
}

impl Sequence {
    /// Some steps and their times.
    ///
    /// # Errors
    /// When there is not one time a step, or times fall.
    pub fn new(times: Vec<f64>, steps: Frame) -> Result<Sequence> {
        let series = |what: String| Error::Series { what };
        if times.len() != steps.rows || steps.columns.iter().any(|column| column.len() != steps.rows) {
            return Err(series(format!("it has {} times for {} steps; each step needs one", times.len(), steps.rows)));
        }
        if !times.iter().all(|t| t.is_finite()) || !times.is_sorted() {
            return Err(series("its times fall, or some are missing; sort it by time".into()));
        }
        Ok(Sequence { times, steps })
    }

    /// Number of steps.
    pub fn len(&self) -> usize {
        self.steps.rows
    }

    /// Whether it has no step.
    pub fn is_empty(&self) -> bool {
        self.steps.rows == 0
    }

    /// The columns of numbers, changed one by one; categories and times stay.
    fn map_numbers(mut self, mut of: impl FnMut(usize, &mut Vec<f64>)) -> Sequence {
        for (j, column) in self.steps.columns.iter_mut().enumerate() {
            if let Column::Number(v) = column {
                of(j, v);
            }
        }
        self
    }

    /// The steps as they are at these places, between 0 and the last: numbers in a straight line between their neighbours, categories of the
    /// nearer. The times are given.
    fn at(&self, places: &[f64], times: Vec<f64>) -> Sequence {
        let last = self.len().saturating_sub(1);
        let part = |&place: &f64| {
            let place = place.clamp(0.0, last as f64);
            let low = (place.floor() as usize).min(last);
            (low, (low + 1).min(last), place - low as f64)
        };
        let parts: Vec<(usize, usize, f64)> = places.iter().map(part).collect();
        let column = |column: &Column| match column {
            Column::Number(v) => {
                Column::Number(parts.iter().map(|&(a, b, f)| crate::table::blend(v[a], v[b], f)).collect())
            }
            Column::Category { .. } => {
                column.take(&parts.iter().map(|&(a, b, f)| if f < 0.5 { a } else { b }).collect::<Vec<_>>())
            }
        };
        let columns = self.steps.columns.iter().map(column).collect();
        Sequence { times, steps: Frame::new(columns, places.len()) }
    }
}
