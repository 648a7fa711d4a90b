//! How far two tables are apart: the score by which the best generator is kept.

use verisim_data::table::codec::{Encoded, Span};

/// Mean total variation distance between the joint tokens of two tables, from 0 to 1, over all pairs of columns with few enough
/// cells to count.
pub fn pair_distance(spans: &[Span], real: &Encoded, fake: &Encoded) -> f64 {
    let (mut sum, mut pairs) = (0.0, 0.0);
    for a in 0..spans.len() {
        for b in 0..a {
            let width = spans[b].tokens as usize;
            let cells = spans[a].tokens as usize * width;
            if cells > 1 << 14 {
                continue;
            }
            let mut difference = vec![0f64; cells];
            for (table, sign) in [(real, 1.0), (fake, -1.0)] {
                let share = sign / table.rows.max(1) as f64;
                for (&x, &y) in table.tokens[a].iter().zip(&table.tokens[b]) {
                    difference[x as usize * width + y as usize] += share;
                }
            }
            sum += difference.iter().map(|d| d.abs()).sum::<f64>() / 2.0;
            pairs += 1.0;
        }
    }
    if pairs > 0.0 { sum / pairs } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_of_pairs_is_known() {
        let spans = [Span { tokens: 2, scalar: false, ordered: false }; 2];
        let table =
            |a: Vec<u32>, b: Vec<u32>| Encoded { rows: a.len(), tokens: vec![a, b], scalars: vec![Vec::new(); 2] };
        let (equal, opposite) = (table(vec![0, 1], vec![0, 1]), table(vec![0, 1], vec![1, 0]));
        let mixed = table(vec![0, 0, 1, 1], vec![0, 1, 0, 1]);
        assert_eq!(pair_distance(&spans, &equal, &equal), 0.0);
        assert_eq!(pair_distance(&spans, &equal, &opposite), 1.0);
        assert_eq!(pair_distance(&spans, &equal, &mixed), 0.5);
    }
}
