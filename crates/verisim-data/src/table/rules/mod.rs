//! Rules between columns: found in training data or declared in a config, and kept by what is made.
//!
//! A rule is kept in the codec, so that every model keeps it. Most are kept by construction: a column that follows from others is
//! computed ([`Formula`]), one that is never below another is learnt as their distance, and values are left out where a rule says that
//! they are missing. What no construction gives (values that never go together, a rule of a config) is kept by dropping the rows that
//! break it, which are drawn again.
//!
//! [`find`] says which rules there are; an evaluation counts by the same search the rows that break them.

mod choose;
mod expression;
pub mod find;
mod formula;
mod keep;
mod parts;
mod settings;
#[cfg(test)]
mod tests;

pub use choose::Chosen;
pub use expression::{Expression, Named, Value, parse};
pub use formula::{Formula, Map};
pub(crate) use formula::{IMPOSSIBLE, level_number, numbers};
pub use keep::{How, Rules, Told};
pub use parts::Part;
pub use settings::{Declared, RuleSettings};

/// An order of things in which each comes after those that it needs, by their places; `None` if there is none.
pub(crate) fn in_order(needs: impl Iterator<Item = Vec<usize>>) -> Option<Vec<usize>> {
    let needs: Vec<Vec<usize>> = needs.collect();
    let mut open: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    for (j, of) in needs.iter().enumerate() {
        of.iter().for_each(|&k| users[k].push(j));
    }
    let mut order: Vec<usize> = (0..needs.len()).filter(|&j| open[j] == 0).collect();
    let mut at = 0;
    while let Some(&done) = order.get(at) {
        at += 1;
        for &j in &users[done] {
            open[j] -= 1;
            if open[j] == 0 {
                order.push(j);
            }
        }
    }
    (order.len() == needs.len()).then_some(order)
}
