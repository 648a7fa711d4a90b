//! What there is to sequences of many: their lengths, their times, what follows what in categories, and how they depend on their context.

use rustc_hash::FxHashMap;

use super::bag::Bag;
use super::marginal::{ks, tvd};
use super::scores::Statistics;
use super::set::COMMON;

/// Categories of more levels have too many pairs to say anything.
const MOST_LEVELS: usize = 2_000;

/// What these say of `b` beside `a`.
pub(crate) fn compare(a: &Bag<'_>, b: &Bag<'_>, out: &mut Statistics) {
    let lengths = |bag: &Bag<'_>| bag.lengths.iter().map(|&l| l as f64).collect::<Vec<f64>>();
    out.length = Some(ks(lengths(a), lengths(b)));
    if a.set.has_start {
        let first = |bag: &Bag<'_>| bag.ranges().filter(|r| !r.is_empty()).map(|r| bag.set.times[r.start]).collect();
        out.start = Some(ks(first(a), first(b)));
    }
    intervals(a, b, out);
    transitions(a, b, out);
    contexts(a, b, out);
}

/// The time between steps, where it varies.
pub(crate) fn intervals(a: &Bag<'_>, b: &Bag<'_>, out: &mut Statistics) {
    if a.set.has_gap && a.longest() > 1 {
        let gaps = |bag: &Bag<'_>| {
            let times = &bag.set.times;
            bag.ranges().flat_map(|r| r.skip(1)).map(|i| times[i] - times[i - 1]).collect::<Vec<f64>>()
        };
        out.interval = Some(ks(gaps(a), gaps(b)));
    }
}

/// What follows what: given a level weighted by how often it comes in `a`; and pairs of levels.
pub(crate) fn transitions(a: &Bag<'_>, b: &Bag<'_>, out: &mut Statistics) {
    let (mut next, mut pairs) = (Vec::new(), Vec::new());
    for (codes, category) in a.set.steps.codes.iter().zip(&a.set.steps.categories) {
        if category.levels.len() > MOST_LEVELS {
            continue;
        }
        let (p, q) = (Counts::of(a, codes), Counts::of(b, codes));
        let shares = |from: f64, all: f64| from / f64::max(all, 1.0);
        let keys = || p.pairs.keys().chain(q.pairs.keys().filter(|k| !p.pairs.contains_key(*k)));
        let mut sorted: Vec<(u32, u32)> = keys().copied().collect();
        sorted.sort_unstable();
        pairs.push(sorted.iter().map(|k| (shares(p.at(k), p.all) - shares(q.at(k), q.all)).abs()).sum::<f64>() / 2.0);
        let (mut sum, mut weight) = (0.0, 0.0);
        for from in sorted.chunk_by(|x, y| x.0 == y.0) {
            let (mine, theirs) = (p.from(from[0].0), q.from(from[0].0));
            let gap = from.iter().map(|k| (shares(p.at(k), mine) - shares(q.at(k), theirs)).abs()).sum::<f64>() / 2.0;
            sum += mine * if theirs > 0.0 { gap } else { 1.0 };
            weight += mine;
        }
        next.push(sum / f64::max(weight, 1.0));
    }
    let mean = |v: &[f64]| (!v.is_empty()).then(|| v.iter().sum::<f64>() / v.len() as f64);
    (out.transition, out.bigram) = (mean(&next), mean(&pairs));
}

/// How often one level follows another.
#[derive(Default)]
struct Counts {
    pairs: FxHashMap<(u32, u32), f64>,
    from: FxHashMap<u32, f64>,
    all: f64,
}

impl Counts {
    fn of(bag: &Bag<'_>, codes: &[u32]) -> Counts {
        let mut counts = Counts::default();
        for pair in bag.ranges().flat_map(|r| codes[r].windows(2)) {
            *counts.pairs.entry((pair[0], pair[1])).or_default() += 1.0;
            *counts.from.entry(pair[0]).or_default() += 1.0;
            counts.all += 1.0;
        }
        counts
    }

    fn at(&self, pair: &(u32, u32)) -> f64 {
        self.pairs.get(pair).copied().unwrap_or(0.0)
    }

    fn from(&self, level: u32) -> f64 {
        self.from.get(&level).copied().unwrap_or(0.0)
    }
}

/// The columns of the context, and how sequences depend on them.
fn contexts(a: &Bag<'_>, b: &Bag<'_>, out: &mut Statistics) {
    let context = &a.set.context;
    let mut shapes: Vec<f64> = Vec::new();
    let of = |bag: &Bag<'_>, raw: &[f64]| bag.owners.iter().map(|&o| raw[o]).collect::<Vec<f64>>();
    shapes.extend(context.raw.iter().map(|raw| ks(of(a, raw), of(b, raw))));
    for (codes, category) in context.codes.iter().zip(&context.categories) {
        let of = |bag: &Bag<'_>| bag.owners.iter().map(|&o| codes[o]).collect::<Vec<u32>>();
        shapes.push(tvd(of(a).into_iter(), of(b).into_iter(), category.levels.len()));
    }
    if shapes.is_empty() {
        return;
    }
    out.context = Some(shapes.iter().sum::<f64>() / shapes.len() as f64);
    let (x, y) = (means(a), means(b));
    let spread: Vec<f64> = x.iter().map(|v| deviation(v)).collect();
    let used: Vec<usize> = (0..x.len()).filter(|&k| spread[k] > 1e-9).collect();
    if used.is_empty() {
        return;
    }
    let (mut dependence, mut ratios) = (Vec::new(), Vec::new());
    for group in groups(a) {
        let (ga, gb) = (group.of(a), group.of(b));
        let (mut weight, mut sum) = (0.0, 0.0);
        for level in 0..group.count {
            let mean = |v: &[f64], of: &[usize]| {
                let own = v.iter().zip(of).filter(|(_, g)| **g == level).map(|(x, _)| *x);
                let (s, n) = own.fold((0.0, 0.0), |(s, n), x| (s + x, n + 1.0));
                (n > 0.0).then(|| s / n)
            };
            let share = ga.iter().filter(|g| **g == level).count() as f64 / ga.len().max(1) as f64;
            let gaps: Option<Vec<f64>> =
                used.iter().map(|&k| Some((mean(&x[k], &ga)? - mean(&y[k], &gb)?).abs() / spread[k])).collect();
            if let Some(gaps) = gaps {
                sum += share * gaps.iter().sum::<f64>() / gaps.len() as f64;
                weight += share;
            }
        }
        if weight > 0.0 {
            dependence.push(sum / weight);
        }
        let gap = |&k: &usize| (ratio(&x[k], &ga) - ratio(&y[k], &gb)).abs();
        ratios.push(used.iter().map(gap).sum::<f64>() / used.len() as f64);
    }
    let mean = |v: &[f64]| (!v.is_empty()).then(|| v.iter().sum::<f64>() / v.len() as f64);
    (out.context_dependence, out.context_ratio) = (mean(&dependence), mean(&ratios));
}

/// Groups of sequences by a column of the context: its training levels, or quarters of the first set's numbers.
enum By<'a> {
    Level(&'a [u32]),
    Quarter(&'a [f64], Vec<f64>),
}

struct Group<'a> {
    by: By<'a>,
    count: usize,
}

impl Group<'_> {
    fn of(&self, bag: &Bag<'_>) -> Vec<usize> {
        let one = |&owner: &usize| match &self.by {
            By::Level(codes) => codes[owner] as usize,
            By::Quarter(raw, cuts) => cuts.partition_point(|&cut| raw[owner] >= cut),
        };
        bag.owners.iter().map(one).collect()
    }
}

fn groups<'a>(a: &Bag<'a>) -> Vec<Group<'a>> {
    let context = &a.set.context;
    let mut groups = Vec::new();
    for (codes, category) in context.codes.iter().zip(&context.categories) {
        groups.push(Group { by: By::Level(codes), count: category.train });
    }
    for raw in &context.raw {
        let mut known: Vec<f64> = a.owners.iter().map(|&o| raw[o]).filter(|x| !x.is_nan()).collect();
        if known.is_empty() {
            continue;
        }
        let mut cuts = [0.25, 0.5, 0.75].map(|q| crate::estimate::quantile(&mut known, q)).to_vec();
        cuts.dedup();
        groups.push(Group { count: cuts.len() + 1, by: By::Quarter(raw, cuts) });
    }
    groups
}

/// What sequences are like on average: a vector a number or common level, with one entry a sequence; their length last.
fn means(bag: &Bag<'_>) -> Vec<Vec<f64>> {
    let set = bag.set;
    let mut all: Vec<Vec<f64>> = Vec::new();
    for filled in &set.filled {
        all.push(bag.ranges().map(|r| filled[r.clone()].iter().sum::<f64>() / r.len().max(1) as f64).collect());
    }
    for (codes, category) in set.steps.codes.iter().zip(&set.steps.categories) {
        for level in 0..category.train.min(COMMON) as u32 {
            let share = |r: std::ops::Range<usize>| {
                codes[r.clone()].iter().filter(|c| **c == level).count() as f64 / r.len().max(1) as f64
            };
            all.push(bag.ranges().map(share).collect());
        }
    }
    all.push(bag.lengths.iter().map(|&l| libm::log(l.max(1) as f64)).collect());
    all
}

fn deviation(v: &[f64]) -> f64 {
    let n = v.len().max(1) as f64;
    let mean = v.iter().sum::<f64>() / n;
    (v.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt()
}

/// The correlation ratio: which part of the spread is between groups.
fn ratio(v: &[f64], groups: &[usize]) -> f64 {
    let mean = v.iter().sum::<f64>() / v.len().max(1) as f64;
    let total: f64 = v.iter().map(|x| (x - mean).powi(2)).sum();
    let mut sums = vec![(0.0, 0.0); groups.iter().max().map_or(0, |m| m + 1)];
    v.iter().zip(groups).for_each(|(x, &g)| sums[g] = (sums[g].0 + x, sums[g].1 + 1.0));
    let between: f64 = sums.iter().filter(|s| s.1 > 0.0).map(|(s, n)| n * (s / n - mean).powi(2)).sum();
    (between / total.max(1e-12)).clamp(0.0, 1.0).sqrt()
}
