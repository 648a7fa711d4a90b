//! Whether a part of a row can become a whole one that obeys all rules: a search with forward checking, which is exact.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::rule::Rule;
use crate::error::{Error, Result};

/// No value yet.
pub const OPEN: u16 = u16::MAX;
/// Rules with at most so many combinations of values are worked out once, into a table of a byte each.
const TABLE: usize = 1 << 20;
/// Steps of a single search. Rules so tangled that it takes more are refused, because "there is none" would be a guess.
const STEPS: usize = 2_000_000;

enum Said {
    /// Whether combinations are allowed, in the mixed radix of the parameters' sizes.
    Table { strides: Vec<usize>, allowed: Vec<bool> },
    /// Asked each time.
    Asked,
}

struct Compiled<'a> {
    rule: &'a Rule,
    said: Said,
}

/// Parameters with their sizes, and the rules between them.
pub struct Solver<'a> {
    domains: Vec<Vec<bool>>,
    rules: Vec<Compiled<'a>>,
    /// The rules that name a parameter.
    of: Vec<Vec<usize>>,
    /// The group of parameters that rules tie together, by number; none if no rule names it.
    component: Vec<Option<usize>>,
    /// The parameters of each group.
    members: Vec<Vec<usize>>,
    /// The place of a parameter in its group.
    place: Vec<usize>,
    /// Steps of all searches so far.
    steps: AtomicUsize,
}

impl<'a> Solver<'a> {
    /// A solver for parameters with so many values each.
    ///
    /// # Errors
    /// When a rule cannot be computed for some values.
    pub fn new(sizes: &[usize], rules: &'a [Rule]) -> Result<Solver<'a>> {
        let mut of = vec![Vec::new(); sizes.len()];
        let mut component: Vec<Option<usize>> = vec![None; sizes.len()];
        let mut compiled = Vec::with_capacity(rules.len());
        for (r, rule) in rules.iter().enumerate() {
            for &p in &rule.parameters {
                of[p].push(r);
            }
            // The groups that this rule ties become one, told by its least number.
            let root = rule.parameters.iter().filter_map(|&p| component[p]).min().unwrap_or(r);
            let tied: Vec<usize> = rule.parameters.iter().filter_map(|&p| component[p]).collect();
            for c in component.iter_mut().filter(|c| c.is_some_and(|c| tied.contains(&c))) {
                *c = Some(root);
            }
            for &p in &rule.parameters {
                component[p] = Some(root);
            }
            compiled.push(Compiled { rule, said: said(rule, sizes)? });
        }
        let mut members = vec![Vec::new(); rules.len()];
        for (p, c) in component.iter().enumerate() {
            if let Some(c) = c {
                members[*c].push(p);
            }
        }
        let mut place = vec![0; sizes.len()];
        for group in &members {
            for (i, &p) in group.iter().enumerate() {
                place[p] = i;
            }
        }
        let domains = sizes.iter().map(|&n| vec![true; n]).collect();
        Ok(Solver { domains, rules: compiled, of, component, members, place, steps: AtomicUsize::new(0) })
    }

    /// Leaves a parameter only the values that are marked.
    pub fn restrict(&mut self, parameter: usize, marked: Vec<bool>) {
        self.domains[parameter] = marked;
    }

    /// The values that a parameter may have.
    pub fn domain(&self, parameter: usize) -> &[bool] {
        &self.domains[parameter]
    }

    /// Steps of all searches so far.
    pub fn steps(&self) -> usize {
        self.steps.load(Ordering::Relaxed)
    }

    /// Whether any rule names the parameter.
    pub fn tied(&self, parameter: usize) -> bool {
        self.component[parameter].is_some()
    }

    /// Whether the row, with its open places, can become one that obeys all rules. `witness` is a whole row: where it is one that
    /// agrees with what the row has, nothing is searched; otherwise the parts that rules tie to `parameter` are made anew.
    ///
    /// # Errors
    /// When the search takes too many steps.
    pub fn extends(&self, row: &[u16], parameter: usize, witness: &mut [u16]) -> Result<bool> {
        if row[parameter] != OPEN && !self.domains[parameter][usize::from(row[parameter])] {
            return Ok(false);
        }
        let Some(c) = self.component[parameter] else {
            if row[parameter] != OPEN {
                witness[parameter] = row[parameter];
            }
            return Ok(true);
        };
        if self.members[c].iter().all(|&p| row[p] == OPEN || row[p] == witness[p]) {
            return Ok(true);
        }
        match self.search(row, witness, c)? {
            Some(found) => {
                for (&p, v) in self.members[c].iter().zip(found) {
                    witness[p] = v;
                }
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Whether a whole row obeys the rules that name a parameter.
    ///
    /// # Errors
    /// When a rule cannot be computed.
    pub fn lawful(&self, row: &[u16], parameter: usize) -> Result<bool> {
        for &r in &self.of[parameter] {
            let values: Vec<usize> = self.rules[r].rule.parameters.iter().map(|&p| usize::from(row[p])).collect();
            if !self.allows(r, &values)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A whole row that obeys all rules, if there is one.
    ///
    /// # Errors
    /// When the search takes too many steps.
    pub fn any(&self) -> Result<Option<Vec<u16>>> {
        let open = vec![OPEN; self.domains.len()];
        let mut row = open.clone();
        for (p, domain) in self.domains.iter().enumerate() {
            let Some(first) = domain.iter().position(|&yes| yes) else { return Ok(None) };
            row[p] = first as u16;
        }
        for c in 0..self.members.len() {
            if self.members[c].is_empty() {
                continue;
            }
            let Some(found) = self.search(&open, &open, c)? else { return Ok(None) };
            for (&p, v) in self.members[c].iter().zip(found) {
                row[p] = v;
            }
        }
        Ok(Some(row))
    }

    /// Values for a group's parameters that obey the rules and agree with the row. Those of the witness are tried first: most often
    /// few of them must change.
    fn search(&self, row: &[u16], witness: &[u16], component: usize) -> Result<Option<Vec<u16>>> {
        let members = &self.members[component];
        let mut domains = Domains::new(members.iter().map(|&p| self.domains[p].as_slice()));
        for (i, &p) in members.iter().enumerate() {
            if row[p] != OPEN {
                domains.fix(i, usize::from(row[p]));
            }
        }
        let first: Vec<u16> = members.iter().map(|&p| witness[p]).collect();
        let mut state = Search { solver: self, members, first, steps: 0 };
        let found = state.open(domains, vec![OPEN; members.len()]);
        self.steps.fetch_add(state.steps, Ordering::Relaxed);
        found
    }

    fn allows(&self, rule: usize, values: &[usize]) -> Result<bool> {
        let rule = &self.rules[rule];
        match &rule.said {
            Said::Table { strides, allowed } => {
                Ok(allowed[values.iter().zip(strides).map(|(v, s)| v * s).sum::<usize>()])
            }
            Said::Asked => (rule.rule.test)(values),
        }
    }
}

fn said(rule: &Rule, sizes: &[usize]) -> Result<Said> {
    let sizes: Vec<usize> = rule.parameters.iter().map(|&p| sizes[p]).collect();
    let total = sizes.iter().try_fold(1_usize, |all, &n| all.checked_mul(n).filter(|&t| t <= TABLE));
    let Some(total) = total else { return Ok(Said::Asked) };
    let mut strides = Vec::with_capacity(sizes.len());
    let mut stride = 1;
    for &n in &sizes {
        strides.push(stride);
        stride *= n;
    }
    let mut values = vec![0; sizes.len()];
    let mut allowed = Vec::with_capacity(total);
    for index in 0..total {
        for (v, (stride, n)) in values.iter_mut().zip(strides.iter().zip(&sizes)) {
            *v = index / stride % n;
        }
        allowed.push((rule.test)(&values)?);
    }
    Ok(Said::Table { strides, allowed })
}

/// What is left of the values of a group's parameters, a bit each.
#[derive(Clone)]
struct Domains {
    /// Words a parameter.
    words: usize,
    bits: Vec<u64>,
}

impl Domains {
    fn new<'a>(all: impl Iterator<Item = &'a [bool]> + Clone) -> Domains {
        let words = all.clone().map(|d| d.len().div_ceil(64)).max().unwrap_or(0);
        let mut bits = Vec::new();
        for domain in all {
            let from = bits.len();
            bits.resize(from + words, 0);
            for v in (0..domain.len()).filter(|&v| domain[v]) {
                bits[from + v / 64] |= 1 << (v % 64);
            }
        }
        Domains { words, bits }
    }

    fn of(&self, i: usize) -> &[u64] {
        &self.bits[i * self.words..(i + 1) * self.words]
    }

    fn left(&self, i: usize) -> u32 {
        self.of(i).iter().map(|w| w.count_ones()).sum()
    }

    fn has(&self, i: usize, v: usize) -> bool {
        self.bits[i * self.words + v / 64] >> (v % 64) & 1 == 1
    }

    fn drop(&mut self, i: usize, v: usize) {
        self.bits[i * self.words + v / 64] &= !(1 << (v % 64));
    }

    /// Leaves one value, or none if it was dropped before.
    fn fix(&mut self, i: usize, v: usize) {
        let was = self.has(i, v);
        self.bits[i * self.words..(i + 1) * self.words].fill(0);
        if was {
            self.bits[i * self.words + v / 64] |= 1 << (v % 64);
        }
    }

    /// The values that are left.
    fn values(&self, i: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.words * 64).filter(move |&v| self.has(i, v))
    }
}

struct Search<'a, 'b> {
    solver: &'b Solver<'a>,
    members: &'b [usize],
    /// What each parameter tries first.
    first: Vec<u16>,
    steps: usize,
}

impl Search<'_, '_> {
    fn open(&mut self, mut domains: Domains, mut values: Vec<u16>) -> Result<Option<Vec<u16>>> {
        self.steps += 1;
        if self.steps > STEPS {
            let rules: Vec<&str> = self.solver.rules.iter().map(|r| r.rule.text.as_str()).take(3).collect();
            return Err(Error::Setting {
                key: "constraints".to_owned(),
                what: format!(
                    "are too tangled to be solved ({} ...); say them with fewer fields each",
                    rules.join("; ")
                ),
            });
        }
        // Those with one value left have it. Each may leave others one value, so it is done until nothing changes.
        while let Some(i) = (0..values.len()).find(|&i| values[i] == OPEN && domains.left(i) == 1) {
            values[i] = domains.values(i).next().unwrap_or_default() as u16;
            if !self.prune(self.members[i], &values, &mut domains)? {
                return Ok(None);
            }
        }
        let next = (0..values.len()).filter(|&i| values[i] == OPEN).min_by_key(|&i| domains.left(i));
        let Some(next) = next else { return Ok(Some(values)) };
        let first = usize::from(self.first[next]);
        let liked = (self.first[next] != OPEN && domains.has(next, first)).then_some(first);
        let rest: Vec<usize> = domains.values(next).filter(|&v| Some(v) != liked).collect();
        for v in liked.into_iter().chain(rest) {
            let (mut domains, mut values) = (domains.clone(), values.clone());
            domains.fix(next, v);
            values[next] = v as u16;
            if self.prune(self.members[next], &values, &mut domains)?
                && let Some(found) = self.open(domains, values)?
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Takes from the domains what the rules on a parameter that just got its value forbid; false if one has nothing left.
    fn prune(&self, parameter: usize, values: &[u16], domains: &mut Domains) -> Result<bool> {
        let mut row = Vec::new();
        for &r in &self.solver.of[parameter] {
            let parameters = &self.solver.rules[r].rule.parameters;
            row.clear();
            let (mut open, mut several) = (None, false);
            for (slot, &p) in parameters.iter().enumerate() {
                let i = self.solver.place[p];
                if values[i] == OPEN {
                    several |= open.is_some();
                    open = Some((slot, i));
                    row.push(0);
                } else {
                    row.push(usize::from(values[i]));
                }
            }
            if several {
                continue;
            }
            let Some((slot, i)) = open else {
                if !self.solver.allows(r, &row)? {
                    return Ok(false);
                }
                continue;
            };
            let left: Vec<usize> = domains.values(i).collect();
            for v in left {
                row[slot] = v;
                if !self.solver.allows(r, &row)? {
                    domains.drop(i, v);
                }
            }
            if domains.left(i) == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
