//! Rows taken away where classes overlap: edited nearest neighbours (Wilson 1972) and Tomek links (Tomek 1976).
//!
//! Both are those of imbalanced-learn to the row: one class against the rest, the nearest rows of the whole table.

use super::classes::MISSING_CLASS;
use super::nearest::Tree;
use super::resample::Agree;
use super::space::Space;

/// The rows that edited nearest neighbours keep, of those whose class `cleans` names: a row stays if its `k` neighbours agree with its
/// class. Other classes, and rows without a class, stay. Also how many searches ended early.
pub(crate) fn edited(
    space: &Space,
    classes: &[usize],
    weight: f64,
    (k, agree, most): (usize, Agree, Option<usize>),
    cleans: impl Fn(usize) -> bool,
) -> (Vec<bool>, usize) {
    let known: Vec<usize> = (0..classes.len()).filter(|&i| classes[i] != MISSING_CLASS).collect();
    let asked: Vec<usize> = known.iter().copied().filter(|&i| cleans(classes[i])).collect();
    let found = Tree::of(space, &known, weight).nearest(&asked, k, most);
    let mut stays = vec![true; classes.len()];
    for (&i, near) in asked.iter().zip(&found.neighbours) {
        stays[i] = match agree {
            Agree::All => near.iter().all(|&j| classes[j] == classes[i]),
            Agree::Mode => mode(near.iter().map(|&j| classes[j])) == Some(classes[i]),
        };
    }
    (stays, found.cut)
}

/// The commonest; the least of several.
fn mode(values: impl Iterator<Item = usize>) -> Option<usize> {
    let mut values: Vec<usize> = values.collect();
    values.sort_unstable();
    let runs = values.chunk_by(|a, b| a == b).map(|run| (run.len(), std::cmp::Reverse(run[0])));
    runs.max().map(|(_, std::cmp::Reverse(value))| value)
}

/// The rows that are left when those of a Tomek link are taken away, of those whose class `cleans` names: two rows of different classes
/// that are each other's nearest. Also how many searches ended early.
pub(crate) fn unlinked(
    space: &Space,
    classes: &[usize],
    weight: f64,
    most: Option<usize>,
    cleans: impl Fn(usize) -> bool,
) -> (Vec<bool>, usize) {
    let known: Vec<usize> = (0..classes.len()).filter(|&i| classes[i] != MISSING_CLASS).collect();
    let found = Tree::of(space, &known, weight).nearest(&known, 1, most);
    let mut nearest = vec![None; classes.len()];
    for (&i, near) in known.iter().zip(&found.neighbours) {
        nearest[i] = near.first().copied();
    }
    let linked = |i: usize| {
        let other = nearest[i].filter(|&j| classes[j] != classes[i]);
        cleans(classes[i]) && other.is_some_and(|j| nearest[j] == Some(i))
    };
    ((0..classes.len()).map(|i| !linked(i)).collect(), found.cut)
}
