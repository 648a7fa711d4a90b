//! Pairs of noise and images with the least sum of squared distances: minibatch optimal transport (Tong et al., 2024).

use rayon::prelude::*;

use super::batches::from_byte;

/// Reorders the rows of `noise` so that row `i` is the partner of row `i` of `images`, both `len` numbers a row. Partners are of one
/// label. The time grows with the cube of the images of a label.
pub fn pair(images: &[u8], noise: Vec<f32>, len: usize, labels: &[u32]) -> Vec<f32> {
    let mut paired = noise.clone();
    let mut kinds: Vec<u32> = labels.to_vec();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        let rows: Vec<usize> = (0..labels.len()).filter(|&i| labels[i] == kind).collect();
        // |x - y|^2 = |x|^2 + |y|^2 - 2 x y, of which only the last part depends on the pairing.
        let costs = |&i: &usize| -> Vec<f64> {
            let image: Vec<f32> = images[i * len..(i + 1) * len].iter().map(|&b| from_byte(b)).collect();
            rows.iter().map(|&j| -f64::from(dot(&image, &noise[j * len..(j + 1) * len]))).collect()
        };
        let cost = rows.par_iter().map(costs).collect::<Vec<_>>().concat();
        for (i, j) in assign(&cost, rows.len()).into_iter().enumerate() {
            paired[rows[i] * len..(rows[i] + 1) * len].copy_from_slice(&noise[rows[j] * len..(rows[j] + 1) * len]);
        }
    }
    paired
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The column of each row in the assignment of least total cost, for a square matrix `[n, n]`: the Hungarian method with
/// shortest augmenting paths (Jonker and Volgenant, 1987), `O(n^3)`.
pub fn assign(cost: &[f64], n: usize) -> Vec<usize> {
    const FREE: usize = usize::MAX;
    // Prices of rows and columns keep reduced costs at 0 or more; `row_of[n]` is the row that is being placed.
    let (mut row_price, mut column_price) = (vec![0.0; n], vec![0.0; n + 1]);
    let mut row_of = vec![FREE; n + 1];
    for row in 0..n {
        row_of[n] = row;
        let mut at = n;
        let (mut least, mut from, mut done) = (vec![f64::INFINITY; n], vec![n; n], vec![false; n + 1]);
        while row_of[at] != FREE {
            done[at] = true;
            let r = row_of[at];
            let (mut step, mut next) = (f64::INFINITY, at);
            for c in (0..n).filter(|&c| !done[c]) {
                let reduced = cost[r * n + c] - row_price[r] - column_price[c];
                if reduced < least[c] {
                    (least[c], from[c]) = (reduced, at);
                }
                if least[c] < step {
                    (step, next) = (least[c], c);
                }
            }
            for c in 0..=n {
                if done[c] {
                    row_price[row_of[c]] += step;
                    column_price[c] -= step;
                } else {
                    least[c] -= step;
                }
            }
            if next == at {
                break; // costs that are not numbers: leave the rest as it is
            }
            at = next;
        }
        while at != n {
            let before = from[at];
            row_of[at] = row_of[before];
            at = before;
        }
    }
    let mut columns: Vec<usize> = (0..n).collect();
    (0..n).filter(|&c| row_of[c] != FREE).for_each(|c| columns[row_of[c]] = c);
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use verisim_data::rng::{normal, stream};

    fn best(cost: &[f64], n: usize, row: usize, used: &mut Vec<bool>) -> f64 {
        if row == n {
            return 0.0;
        }
        let mut least = f64::INFINITY;
        for c in 0..n {
            if !used[c] {
                used[c] = true;
                least = least.min(cost[row * n + c] + best(cost, n, row + 1, used));
                used[c] = false;
            }
        }
        least
    }

    #[test]
    fn the_assignment_costs_least() {
        for n in 1..=6 {
            for index in 0..20 {
                let mut rng = stream(3, "assignment", index * 10 + n as u64);
                let cost: Vec<f64> = (0..n * n).map(|_| normal(&mut rng)).collect();
                let columns = assign(&cost, n);
                let mut seen = columns.clone();
                seen.sort_unstable();
                assert_eq!(seen, (0..n).collect::<Vec<_>>());
                let total: f64 = columns.iter().enumerate().map(|(r, c)| cost[r * n + c]).sum();
                assert!((total - best(&cost, n, 0, &mut vec![false; n])).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn partners_are_of_one_class_and_none_is_lost() {
        let images = [128, 255, 128, 255];
        let noise = vec![9.0, 1.0, 8.0, 2.0];
        assert_eq!(pair(&images, noise.clone(), 1, &[0, 0, 1, 1]), [1.0, 9.0, 2.0, 8.0]);
        let mut all = pair(&images, noise, 1, &[0; 4]);
        assert!(all[1] + all[3] == 17.0);
        all.sort_by(f32::total_cmp);
        assert_eq!(all, [1.0, 2.0, 8.0, 9.0]);
    }
}
