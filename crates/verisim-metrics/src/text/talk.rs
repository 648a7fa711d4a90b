//! Are conversations built like real ones?
//!
//! Nobody says what the roles of a set mean, so the training conversations do: an order is right if every turn follows one that it
//! follows there, from the start on, and no turn is blank, unless some are blank there. A conversation ends right with a role that at least
//! one in twenty training conversations ends with.

use rustc_hash::{FxHashMap, FxHashSet};
use schemars::JsonSchema;
use serde::Serialize;

use super::set::{Sides, Text};
use super::shape::{Scored, Steps, scored};
use crate::Count;

/// The role of those who say how the others should speak.
const SYSTEM: &str = "system";
/// Conversations that end with a role, for it to be a right end.
const ENDS: f64 = 0.05;

/// Of synthetic, and of fresh conversations.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Counted {
    /// Of the synthetic ones.
    pub synthetic: Count,
    /// Of fresh real ones.
    pub fresh: Count,
}

/// How conversations are built.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Conversations {
    /// Those with turns in an order that was seen and none of them blank.
    pub valid: Counted,
    /// Those that end with a role that real ones end with.
    pub ends: Counted,
    /// Turns with a role that training lacks.
    pub new_roles: Counted,
    /// Those with a system turn.
    pub system: Counted,
    /// Kolmogorov-Smirnov distance of the number of turns.
    pub turns: Scored,
    /// The same of the characters of a turn, mean over roles.
    pub turn_lengths: Scored,
}

/// The conversations of the sides; none where they are none.
pub(super) fn conversations(sides: &Sides, seed: u64) -> Option<Conversations> {
    let talks = |texts: &[Text]| texts.iter().any(|t| !t.turns.is_empty());
    if ![&sides.real, &sides.synthetic, &sides.fresh].into_iter().all(|texts| talks(texts)) {
        return None;
    }
    let [real, made, fresh] = sides.equal();
    let seen = Seen::new(&sides.real);
    let counted = |count: &dyn Fn(&[Text]) -> Count| Counted { synthetic: count(made), fresh: count(fresh) };
    let both: Vec<&Text> = made.iter().chain(fresh).collect();
    let turns = Steps::new(real.iter().map(|t| t.turns.len()));
    let roles: Vec<&str> = seen.roles.iter().copied().collect();
    let spoken: Vec<(&str, Steps)> =
        roles.iter().map(|&role| (role, Steps::new(real.iter().flat_map(|t| lengths(t, role))))).collect();
    let turn_lengths = |of: &[usize]| {
        let ks = |(role, steps): &(&str, Steps)| steps.ks(of.iter().flat_map(|&i| lengths(both[i], role)));
        spoken.iter().map(ks).sum::<f64>() / spoken.len().max(1) as f64
    };
    Some(Conversations {
        valid: counted(&|texts| Count::of(texts.iter().map(|t| seen.is_valid(t)))),
        ends: counted(&|texts| Count::of(texts.iter().map(|t| seen.ends(t)))),
        new_roles: counted(&|texts| {
            Count::of(texts.iter().flat_map(|t| &t.turns).map(|(role, _)| !seen.roles.contains(role.as_str())))
        }),
        system: counted(&|texts| Count::of(texts.iter().map(|t| t.turns.iter().any(|(role, _)| role == SYSTEM)))),
        turns: scored(made.len(), fresh.len(), seed, "text turns", |of| {
            turns.ks(of.iter().map(|&i| both[i].turns.len()))
        }),
        turn_lengths: scored(made.len(), fresh.len(), seed, "text turn lengths", turn_lengths),
    })
}

fn lengths<'t>(text: &'t Text, role: &'t str) -> impl Iterator<Item = usize> + 't {
    text.turns.iter().filter(move |(r, _)| r == role).map(|(_, length)| *length)
}

/// What training conversations have.
struct Seen<'t> {
    roles: FxHashSet<&'t str>,
    /// A role and the one before it; nothing stands before the first.
    follows: FxHashSet<(&'t str, &'t str)>,
    ends: FxHashSet<&'t str>,
    has_blank: bool,
}

impl<'t> Seen<'t> {
    fn new(real: &'t [Text]) -> Seen<'t> {
        let mut last: FxHashMap<&str, usize> = FxHashMap::default();
        real.iter().filter_map(|t| t.turns.last()).for_each(|(role, _)| *last.entry(role).or_default() += 1);
        let all: usize = last.values().sum();
        Seen {
            roles: real.iter().flat_map(|t| &t.turns).map(|(role, _)| role.as_str()).collect(),
            follows: real.iter().flat_map(pairs).collect(),
            ends: last.into_iter().filter(|(_, n)| *n as f64 >= ENDS * all as f64).map(|(role, _)| role).collect(),
            has_blank: real.iter().any(|t| t.is_blank),
        }
    }

    fn is_valid(&self, text: &Text) -> bool {
        let is_blank = text.is_blank && !self.has_blank;
        !text.turns.is_empty() && !is_blank && pairs(text).all(|pair| self.follows.contains(&pair))
    }

    fn ends(&self, text: &Text) -> bool {
        text.turns.last().is_some_and(|(role, _)| self.ends.contains(role.as_str()))
    }
}

fn pairs(text: &Text) -> impl Iterator<Item = (&str, &str)> {
    let roles = || text.turns.iter().map(|(role, _)| role.as_str());
    std::iter::once("").chain(roles()).zip(roles())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use verisim_data::text::{Document, Form, Style, Texts, Turn};

    fn talks(of: &[&[(&str, &str)]]) -> Texts {
        let turn = |&(role, text): &(&str, &str)| Turn { role: role.into(), text: text.into() };
        let documents =
            of.iter().map(|t| Document { cells: Vec::new(), turns: t.iter().map(turn).collect() }).collect();
        Texts { form: Form::Conversations(Style::OpenAi), columns: Vec::new(), documents }
    }

    #[test]
    fn the_order_of_turns_is_learnt() {
        let (u, a, s) = (("user", "hi"), ("assistant", "hello"), ("system", "be kind"));
        let real = talks(&[&[u, a], &[s, u, a], &[u, a, u, a], &[u, a]]);
        let made = talks(&[&[u, a], &[a, u], &[u, a, s], &[u, ("tool", "x"), a]]);
        let sides = Sides::new([&real, &made], Some(&real), None, 100, 1, &mut Vec::new());
        let found = conversations(&sides, 1).unwrap();
        assert_eq!((found.valid.synthetic.hits, found.valid.fresh.hits), (1, 4));
        assert_eq!((found.ends.synthetic.hits, found.ends.fresh.hits), (2, 4));
        assert_eq!((found.new_roles.synthetic.hits, found.new_roles.synthetic.rows), (1, 10));
        assert_eq!((found.system.synthetic.hits, found.system.fresh.hits), (1, 1));
        // Turns 2 2 3 4 against 2 2 3 3: a quarter at 3.
        assert_eq!((found.turns.value, found.turns.floor), (0.25, 0.0));
        let silent: &[(&str, &str)] = &[u, ("assistant", " ")];
        let blank = talks(&[silent; 4]);
        let sides = Sides::new([&real, &blank], Some(&real), None, 100, 1, &mut Vec::new());
        assert_eq!(conversations(&sides, 1).unwrap().valid.synthetic.hits, 0);
    }
}
