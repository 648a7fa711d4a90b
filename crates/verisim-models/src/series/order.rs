//! Rules of order within a sequence: found from the data and kept by construction.
//!
//! They speak of the levels of one column: an exam comes before its consultation, nothing comes after death, an admission comes once and
//! first. A rule is taken up where no training sequence breaks it and chance would have broken it almost surely (`SURE` nats). Whoever
//! draws step by step asks a [`Guard`] which levels may come next, so that no step is drawn anew.

use std::ops::Range;

use verisim_data::series::Spec;
use verisim_data::table::codec::{Encoded, Span};

use crate::error::{Error, Result};
use crate::weights::Weights;

/// Fewest sequences that have a level before a rule speaks of it.
const LEAST: usize = 20;
/// How sure it must be that chance would have broken a rule: the probability of that is at most `exp(-SURE)`.
const SURE: f64 = 12.0;
/// Most levels of a column whose order is looked at.
const MOST_LEVELS: u32 = 256;
/// Where the rules lie among the tensors of a model.
const NAME: &str = "order";

/// A rule about tokens of one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Comes first or never.
    First(u32),
    /// Nothing comes after it.
    Last(u32),
    /// Comes once at most.
    Once(u32),
    /// The second never comes before the first has come.
    Before(u32, u32),
    /// The second never comes right after the first.
    Never(u32, u32),
}

/// The rules of all columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Order {
    /// Column of the steps, and rule.
    pub rules: Vec<(usize, Rule)>,
}

impl Order {
    /// The rules that the sequences at `runs` keep.
    pub fn find(spans: &[Span], steps: &Encoded, runs: &[Range<usize>]) -> Order {
        let columns = spans.iter().enumerate().filter(|(_, s)| !s.ordered && s.tokens <= MOST_LEVELS);
        let rules = columns.flat_map(|(c, span)| {
            let rules = of_column(&steps.tokens[c], span.tokens as usize, runs);
            rules.into_iter().map(move |rule| (c, rule))
        });
        Order { rules: rules.collect() }
    }

    /// The rules as sentences.
    pub fn told(&self, spec: &Spec) -> Vec<String> {
        let schema = spec.step_fields();
        let fields: Vec<_> = schema.modelled().collect();
        let level = |c: usize, token: u32| {
            let levels = spec.steps.columns[c].levels();
            levels.and_then(|l| l.get(token as usize)).cloned().unwrap_or_else(|| "no value".to_owned())
        };
        let mut told: Vec<String> = Vec::new();
        let mut never = 0;
        for &(c, rule) in &self.rules {
            let name = fields.get(c).map_or("", |f| f.name.as_str());
            told.push(match rule {
                Rule::First(a) => format!("`{name}`: {} comes first or never", level(c, a)),
                Rule::Last(a) => format!("`{name}`: nothing comes after {}", level(c, a)),
                Rule::Once(a) => format!("`{name}`: {} comes once at most", level(c, a)),
                Rule::Before(a, b) => format!("`{name}`: {} comes before {}", level(c, a), level(c, b)),
                Rule::Never(..) => {
                    never += 1;
                    continue;
                }
            });
        }
        if never > 0 {
            told.push(format!("{never} pairs of levels never follow each other"));
        }
        told
    }

    /// What a sampler says of them.
    pub fn notes(&self, spec: &Spec) -> Vec<String> {
        let told = self.told(spec);
        if told.is_empty() { Vec::new() } else { vec![format!("kept in every sequence: {}", told.join("; "))] }
    }

    /// Adds them to the tensors of a model.
    pub fn store(&self, weights: &mut Weights) {
        if self.rules.is_empty() {
            return;
        }
        let row = |&(c, rule): &(usize, Rule)| {
            let [kind, a, b] = match rule {
                Rule::First(a) => [0, a, 0],
                Rule::Last(a) => [1, a, 0],
                Rule::Once(a) => [2, a, 0],
                Rule::Before(a, b) => [3, a, b],
                Rule::Never(a, b) => [4, a, b],
            };
            [c as u32, kind, a, b]
        };
        weights.put_u32(NAME, &[self.rules.len(), 4], self.rules.iter().flat_map(row).collect());
    }

    /// Takes them out of the tensors of a model.
    ///
    /// # Errors
    /// When they speak of other columns or tokens than there are.
    pub fn restore(spans: &[Span], weights: &mut Weights) -> Result<Order> {
        if !weights.has(NAME) {
            return Ok(Order::default());
        }
        let bad =
            || Error::Tensor { name: NAME.into(), problem: "speaks of columns or levels that are not there".into() };
        let rows = weights.take_u32(NAME)?.1;
        let rule = |row: &[u32]| {
            let &[c, kind, a, b] = row else { return Err(bad()) };
            let span = spans.get(c as usize).filter(|s| a < s.tokens && b < s.tokens && s.tokens <= MOST_LEVELS);
            let rule = match kind {
                _ if span.is_none() => return Err(bad()),
                0 => Rule::First(a),
                1 => Rule::Last(a),
                2 => Rule::Once(a),
                3 => Rule::Before(a, b),
                4 => Rule::Never(a, b),
                _ => return Err(bad()),
            };
            Ok((c as usize, rule))
        };
        Ok(Order { rules: rows.chunks(4).map(rule).collect::<Result<_>>()? })
    }

    /// Whether nothing is to be kept.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The columns that rules speak of.
    pub fn columns(&self) -> Vec<usize> {
        let mut columns: Vec<usize> = self.rules.iter().map(|(c, _)| *c).collect();
        columns.dedup();
        columns
    }
}

/// The rules of a column whose tokens are `0 .. levels`.
fn of_column(tokens: &[u32], levels: usize, runs: &[Range<usize>]) -> Vec<Rule> {
    let total: usize = runs.iter().map(ExactSizeIterator::len).sum();
    let longest = runs.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
    // One long series has no beginning and no end to learn from.
    if runs.len() < LEAST || longest < 2 {
        return Vec::new();
    }
    let mut count = vec![0usize; levels];
    let mut with = vec![0usize; levels];
    let (mut first, mut last, mut again) = (vec![true; levels], vec![true; levels], vec![false; levels]);
    // How surely chance would have put it elsewhere than first, elsewhere than last, or twice.
    let (mut ends, mut repeats) = (vec![0.0; levels], vec![0.0; levels]);
    let mut after = vec![0usize; levels * levels];
    let mut leaves = vec![0usize; levels];
    // Sequences with b in which an a comes before the first b, and those with both.
    let mut before = vec![0usize; levels * levels];
    let mut both = vec![0usize; levels * levels];
    for run in runs {
        let own = &tokens[run.clone()];
        own.iter().for_each(|&t| count[t as usize] += 1);
        let mut place: Vec<Option<usize>> = vec![None; levels];
        for (i, &t) in own.iter().enumerate() {
            let t = t as usize;
            first[t] &= i == 0;
            last[t] &= i + 1 == own.len();
            match place[t] {
                Some(_) => again[t] = true,
                None => place[t] = Some(i),
            }
            if i + 1 < own.len() {
                after[t * levels + own[i + 1] as usize] += 1;
                leaves[t] += 1;
            }
        }
        let present: Vec<usize> = (0..levels).filter(|&t| place[t].is_some()).collect();
        for &a in &present {
            with[a] += 1;
            ends[a] += (own.len() as f64).ln();
            for &b in &present {
                both[a * levels + b] += 1;
                before[a * levels + b] += usize::from(place[a] < place[b]);
            }
        }
    }
    let share = |t: usize| count[t] as f64 / total as f64;
    (0..levels).for_each(|t| repeats[t] = with[t] as f64 * (total as f64 / runs.len() as f64 - 1.0) * share(t));
    let mut rules = Vec::new();
    let often = |t: usize| with[t] >= LEAST;
    for a in (0..levels).filter(|&a| often(a)) {
        if first[a] && ends[a] >= SURE {
            rules.push(Rule::First(a as u32));
        }
        if last[a] && ends[a] >= SURE {
            rules.push(Rule::Last(a as u32));
        }
        if !again[a] && !first[a] && !last[a] && repeats[a] >= SURE {
            rules.push(Rule::Once(a as u32));
        }
    }
    for a in 0..levels {
        for b in (0..levels).filter(|&b| a != b && often(b)) {
            let (k, pairs) = (a * levels + b, both[a * levels + b]);
            // In no order of chance a comes first in all of them; what always is first, or last, needs no second rule.
            let always = pairs == with[b] && before[k] == pairs && !first[a] && !last[b];
            if always && pairs as f64 * std::f64::consts::LN_2 >= SURE {
                rules.push(Rule::Before(a as u32, b as u32));
            }
        }
        for b in 0..levels {
            let expected = leaves[a] as f64 * share(b);
            let said = |rule: Rule| rules.contains(&rule);
            let told = said(Rule::Last(a as u32))
                || said(Rule::First(b as u32))
                || said(Rule::Before(b as u32, a as u32))
                || said(Rule::Before(a as u32, b as u32))
                || (a == b && said(Rule::Once(a as u32)));
            if after[a * levels + b] == 0 && expected >= SURE && !told {
                rules.push(Rule::Never(a as u32, b as u32));
            }
        }
    }
    rules
}

/// What may come next in one sequence.
#[derive(Clone, Debug)]
pub struct Guard {
    /// For each column with rules: its number, which tokens came, and the last of them.
    columns: Vec<(usize, Vec<bool>, Option<u32>)>,
}

impl Guard {
    /// Of a sequence without steps.
    pub fn new(order: &Order, spans: &[Span]) -> Guard {
        let column = |c: usize| (c, vec![false; spans[c].tokens as usize], None);
        Guard { columns: order.columns().into_iter().map(column).collect() }
    }

    /// The next step has `token` in `column`.
    pub fn took(&mut self, column: usize, token: u32) {
        if let Some((_, came, last)) = self.columns.iter_mut().find(|(c, ..)| *c == column) {
            came[token as usize] = true;
            *last = Some(token);
        }
    }

    /// Which tokens `column` may have next, when `left` steps come after the next; none where it has no rules. A sequence that
    /// rules have driven into a corner may have any.
    pub fn allowed(&self, order: &Order, column: usize, left: usize) -> Option<Vec<bool>> {
        let (_, came, last) = self.columns.iter().find(|(c, ..)| *c == column)?;
        let mut ok = vec![true; came.len()];
        for (_, rule) in order.rules.iter().filter(|(c, _)| *c == column) {
            match *rule {
                Rule::First(a) => ok[a as usize] &= last.is_none(),
                Rule::Last(a) => ok[a as usize] &= left == 0,
                Rule::Once(a) => ok[a as usize] &= !came[a as usize],
                Rule::Before(a, b) => ok[b as usize] &= came[a as usize],
                Rule::Never(a, b) => ok[b as usize] &= *last != Some(a),
            }
        }
        ok.contains(&true).then_some(ok)
    }
}

#[cfg(test)]
mod tests {
    use verisim_data::rng::{below, stream, uniform};
    use verisim_data::series::offsets;

    use super::*;

    const SPAN: Span = Span { tokens: 5, scalar: false, ordered: false };

    fn found(sequences: &[Vec<u32>]) -> Vec<Rule> {
        let at = offsets(sequences.iter().map(Vec::len));
        let runs: Vec<Range<usize>> = at.windows(2).map(|p| p[0]..p[1]).collect();
        let steps = Encoded { rows: at[at.len() - 1], tokens: vec![sequences.concat()], scalars: vec![vec![]] };
        Order::find(&[SPAN], &steps, &runs).rules.into_iter().map(|(_, rule)| rule).collect()
    }

    /// 0 an admission, 1 an exam, 2 a consultation after it, 3 rest, 4 death.
    fn journeys(count: u64) -> Vec<Vec<u32>> {
        let one = |i: u64| {
            let mut rng = stream(5, "journey", i);
            let (mut all, mut examined) = (vec![0], false);
            for _ in 0..2 + below(&mut rng, 8) {
                let next = [1, 2, 3][below(&mut rng, 3) as usize];
                let next = if next == 2 && !examined { 3 } else { next };
                examined |= next == 1;
                all.push(next);
            }
            if uniform(&mut rng) < 0.3 {
                all.push(4);
            }
            all
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn the_order_of_a_journey_is_found() {
        let rules = found(&journeys(300));
        assert!(rules.contains(&Rule::First(0)) && rules.contains(&Rule::Last(4)), "{rules:?}");
        assert!(rules.contains(&Rule::Before(1, 2)), "{rules:?}");
        // Right after the admission come neither a consultation, which wants an exam, nor death, which comes after two steps.
        let never = |r: &Rule| matches!(r, Rule::Never(a, b) if (*a, *b) != (0, 2) && (*a, *b) != (0, 4));
        let wrong = |r: &&Rule| never(r) || matches!(r, Rule::Before(3, _) | Rule::Once(1..=3));
        assert_eq!(rules.iter().find(wrong), None, "{rules:?}");
    }

    #[test]
    fn chance_makes_no_rules() {
        for seed in 0..20 {
            let sequences: Vec<Vec<u32>> = (0..200)
                .map(|i| {
                    let mut rng = stream(seed, "chance", i);
                    (0..1 + below(&mut rng, 9)).map(|_| below(&mut rng, 5) as u32).collect()
                })
                .collect();
            assert_eq!(found(&sequences), []);
        }
    }

    #[test]
    fn a_guard_keeps_what_was_found() {
        let order = Order {
            rules: [Rule::First(0), Rule::Last(4), Rule::Before(1, 2), Rule::Once(1)].map(|r| (0, r)).to_vec(),
        };
        let mut guard = Guard::new(&order, &[SPAN]);
        assert_eq!(guard.allowed(&order, 0, 3), Some(vec![true, true, false, true, false]));
        guard.took(0, 1);
        assert_eq!(guard.allowed(&order, 0, 0), Some(vec![false, false, true, true, true]));
        assert_eq!(guard.allowed(&order, 1, 0), None);
        let mut weights = Weights::default();
        order.store(&mut weights);
        assert_eq!(Order::restore(&[SPAN], &mut weights).ok(), Some(order));
    }
}
