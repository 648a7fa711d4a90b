//! Coarse views of token columns: classes, quantile groups, and an order for categories.

use rayon::prelude::*;
use verisim_data::table::codec::Span;

use crate::table::rows::Rows;

/// A table with more columns is wide: what otherwise looks at all pairs of columns looks at [`SOME`] others of each.
pub const WIDE: usize = 512;
/// How many columns stand for all others in a wide table.
const SOME: usize = 128;

/// The columns other than `j` of so many that are looked at for it: all, or in a wide table some, spread evenly.
pub fn others(columns: usize, j: usize) -> Vec<usize> {
    match columns <= WIDE {
        true => (0..columns).filter(|&other| other != j).collect(),
        false => (0..SOME).map(|k| (j + 1 + k * (columns - 1) / SOME) % columns).collect(),
    }
}

/// Coarse classes of a target's tokens: heavy tokens alone, the rest by quantile (numbers) or together.
pub fn target_classes(tokens: impl Iterator<Item = u32>, span: Span, most: usize) -> (Vec<u8>, usize) {
    let counts = class_counts(tokens, span.tokens);
    if counts.len() <= most {
        return ((0..counts.len() as u8).collect(), counts.len());
    }
    if span.ordered {
        return quantile_groups(&counts, most);
    }
    let mut by_count: Vec<usize> = (0..counts.len()).collect();
    by_count.sort_by_key(|&t| (std::cmp::Reverse(counts[t]), t));
    let mut class_of = vec![(most - 1) as u8; counts.len()];
    for (class, &t) in by_count[..most - 1].iter().enumerate() {
        class_of[t] = class as u8;
    }
    (class_of, most)
}

/// How often each of `width` tokens occurs.
pub fn class_counts(tokens: impl Iterator<Item = u32>, width: u32) -> Vec<u32> {
    let mut counts = vec![0u32; width as usize];
    tokens.for_each(|t| counts[t as usize] += 1);
    counts
}

/// Consecutive tokens in at most `most` groups of about equal count; a token heavier than a group stands alone.
pub fn quantile_groups(counts: &[u32], most: usize) -> (Vec<u8>, usize) {
    let mut left: f64 = counts.iter().map(|&c| f64::from(c)).sum();
    let mut group_of = Vec::with_capacity(counts.len());
    let (mut group, mut filled) = (0usize, 0.0);
    for &c in counts {
        let c = f64::from(c);
        let size = (left + filled) / (most - group) as f64;
        // Close the group when adding this token would overshoot by more than stopping falls short.
        if filled > 0.0 && group + 1 < most && filled + c - size > size - filled {
            group += 1;
            filled = 0.0;
        }
        group_of.push(group as u8);
        filled += c;
        left -= c;
    }
    (group_of, group + 1)
}

/// First principal component of the rows' class profiles, rows weighted by their counts.
///
/// A profile is smoothed towards the overall one by a few rows, so that rare categories lie near the middle.
pub fn principal_scores(table: &[u32], width: usize, classes: usize) -> Vec<f64> {
    const PRIOR: f64 = 5.0;
    let total: f64 = table.iter().map(|&c| f64::from(c)).sum::<f64>().max(1.0);
    let mut overall = vec![0.0; classes];
    for row in table.chunks(classes) {
        for (o, &c) in overall.iter_mut().zip(row) {
            *o += f64::from(c) / total;
        }
    }
    let mut weight = vec![0.0; width];
    let mut profile = vec![0.0; width * classes];
    for (t, row) in table.chunks(classes).enumerate() {
        let n: f64 = row.iter().map(|&c| f64::from(c)).sum();
        weight[t] = n;
        for k in 0..classes {
            // Chi-square scaling: a class counts by its surprise, not by its size.
            let p = (f64::from(row[k]) + PRIOR * overall[k]) / (n + PRIOR);
            profile[t * classes + k] = (p - overall[k]) / overall[k].max(1e-9).sqrt();
        }
    }
    let project = |axis: &[f64]| -> Vec<f64> {
        profile.chunks(classes).map(|row| row.iter().zip(axis).map(|(a, b)| a * b).sum()).collect()
    };
    // Power iteration from a fixed, lopsided start.
    let mut axis: Vec<f64> = (0..classes).map(|k| 1.0 + k as f64).collect();
    for _ in 0..30 {
        let score = project(&axis);
        let mut next = vec![0.0; classes];
        for (t, row) in profile.chunks(classes).enumerate() {
            for (a, &p) in next.iter_mut().zip(row) {
                *a += weight[t] * score[t] * p;
            }
        }
        let norm = next.iter().map(|a| a * a).sum::<f64>().sqrt();
        if norm < 1e-12 {
            break;
        }
        next.iter_mut().for_each(|a| *a /= norm);
        axis = next;
    }
    project(&axis)
}

/// At most `most` bins of a feature's tokens: in the order of the numbers, or of the categories' class profiles, where `class` is that of
/// another column, a row each.
pub fn split_bins(tokens: &[u32], span: Span, class: &[u8], classes: usize, most: usize) -> Vec<u8> {
    let width = span.tokens as usize;
    if span.ordered {
        return quantile_groups(&class_counts(tokens.iter().copied(), span.tokens), most).0;
    }
    let mut table = vec![0u32; width * classes];
    for (&t, &c) in tokens.iter().zip(class) {
        table[t as usize * classes + usize::from(c)] += 1;
    }
    let score = principal_scores(&table, width, classes);
    let mut sorted: Vec<usize> = (0..width).collect();
    sorted.sort_by(|&a, &b| score[a].total_cmp(&score[b]).then(a.cmp(&b)));
    let counts: Vec<u32> = sorted.iter().map(|t| table[t * classes..(t + 1) * classes].iter().sum()).collect();
    let groups = if width <= most { (0..width as u8).collect() } else { quantile_groups(&counts, most).0 };
    let mut bin_of = vec![0u8; width];
    for (&t, &g) in sorted.iter().zip(&groups) {
        bin_of[t] = g;
    }
    bin_of
}

/// Coarse classes of every column: what tells one column about another.
pub fn coarse(spans: &[Span], rows: &Rows<'_>) -> Vec<(Vec<u8>, usize)> {
    let column = |(j, span): (usize, &Span)| {
        let (class_of, classes) = target_classes(rows.tokens(j), *span, 16);
        (rows.tokens(j).map(|t| class_of[t as usize]).collect(), classes)
    };
    spans.par_iter().enumerate().map(column).collect()
}

/// For each column the sum of its mutual information with the [`others`], in nats.
pub fn told(classes: &[(Vec<u8>, usize)]) -> Vec<f64> {
    let d = classes.len();
    let sum = |a: usize| others(d, a).into_iter().map(|b| information(&classes[a], &classes[b])).sum();
    (0..d).into_par_iter().map(sum).collect()
}

/// Mutual information of two columns of classes, in nats, less what independent columns show by chance.
fn information((a, ka): &(Vec<u8>, usize), (b, kb): &(Vec<u8>, usize)) -> f64 {
    let mut joint = vec![0u32; ka * kb];
    for (&x, &y) in a.iter().zip(b) {
        joint[usize::from(x) * kb + usize::from(y)] += 1;
    }
    let n = a.len() as f64;
    let row = |x: usize| joint[x * kb..(x + 1) * kb].iter().sum::<u32>();
    let column = |y: usize| (0..*ka).map(|x| joint[x * kb + y]).sum::<u32>();
    let (rows, columns): (Vec<u32>, Vec<u32>) = ((0..*ka).map(row).collect(), (0..*kb).map(column).collect());
    let mut sum = 0.0;
    for x in 0..*ka {
        for y in 0..*kb {
            let c = f64::from(joint[x * kb + y]);
            if c > 0.0 {
                sum += c / n * (c * n / (f64::from(rows[x]) * f64::from(columns[y]))).ln();
            }
        }
    }
    sum - ((ka - 1) * (kb - 1)) as f64 / (2.0 * n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_all_or_some_and_never_the_column_itself() {
        assert_eq!(others(4, 2), [0, 1, 3]);
        assert_eq!((others(1, 0), others(WIDE, 5).len()), (vec![], WIDE - 1));
        for j in [0, 300, WIDE] {
            let mut some = others(WIDE + 1, j);
            some.sort_unstable();
            some.dedup();
            assert!(some.len() == SOME && !some.contains(&j) && some[SOME - 1] <= WIDE);
        }
    }

    #[test]
    fn groups_are_even_and_heavy_tokens_stand_alone() {
        let (groups, count) = quantile_groups(&[1000, 10, 10, 10, 10, 10, 10], 3);
        assert_eq!(count, 3);
        assert_eq!(groups, vec![0, 1, 1, 1, 2, 2, 2]);
    }

    #[test]
    fn scores_order_categories_by_what_they_go_with() {
        // Four categories whose share of the second class rises: 0, 2, 1, 3.
        let table = [90, 10, 30, 70, 60, 40, 5, 95];
        let score = principal_scores(&table, 4, 2);
        let mut order = vec![0, 1, 2, 3];
        order.sort_by(|&a: &usize, &b| score[a].total_cmp(&score[b]));
        assert!(order == [0, 2, 1, 3] || order == [3, 1, 2, 0], "{order:?}");
    }

    #[test]
    fn classes_of_a_wide_category_keep_the_frequent_tokens_apart() {
        let tokens: Vec<u32> = (0..100).map(|i| if i < 50 { 7 } else { i % 40 }).collect();
        let (class_of, classes) =
            target_classes(tokens.iter().copied(), Span { tokens: 40, scalar: false, ordered: false }, 4);
        assert_eq!(classes, 4);
        assert_eq!(class_of[7], 0);
        assert_eq!(class_of.iter().filter(|&&c| c == 3).count(), 37);
    }
}
