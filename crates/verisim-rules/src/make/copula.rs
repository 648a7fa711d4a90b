//! Columns that go together: normal scores with given correlations, each column's value taken at the share of its own distribution
//! (a Gaussian copula; Nelsen 2006, section 2.3).

use crate::cell::Cell;

/// The Cholesky factor of a correlation matrix of `n` columns.
///
/// # Errors
/// When it is no correlation matrix.
pub fn factor(correlation: &[Vec<f64>], n: usize) -> Result<Vec<Vec<f64>>, String> {
    if n < 2 || correlation.len() != n || correlation.iter().any(|row| row.len() != n) {
        return Err(format!("must have as many rows and columns as `columns`, which are {n}, and at least 2"));
    }
    for (i, row) in correlation.iter().enumerate() {
        for (j, &r) in row.iter().enumerate() {
            if (i == j && r != 1.0) || r != correlation[j][i] || !(-1.0..=1.0).contains(&r) {
                return Err("must be symmetrical, 1 from corner to corner, and between -1 and 1".to_owned());
            }
        }
    }
    let mut lower = vec![vec![0.0; n]; n];
    for i in 0..n {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
            let left = correlation[i][j] - known;
            if i == j {
                if left < -1e-9 {
                    return Err(
                        "is no correlation matrix: these correlations cannot hold together; bring some closer to 0"
                            .to_owned(),
                    );
                }
                lower[i][i] = left.max(0.0).sqrt();
            } else {
                lower[i][j] = if lower[j][j] > 0.0 { left / lower[j][j] } else { 0.0 };
            }
        }
    }
    Ok(lower)
}

/// The share of the k-th column of a group, between 0 and 1, from the cell of the group's row.
pub fn share(factor: &[Vec<f64>], k: usize, mut cell: Cell) -> f64 {
    let scores = factor[k][..=k].iter().map(|l| l * verisim_data::normal::quantile(cell.uniform().max(1e-300)));
    verisim_data::normal::cdf(scores.sum()).clamp(0.0, 1.0 - f64::EPSILON)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn scores_have_the_correlations_that_are_asked_for() {
        let wanted = vec![vec![1.0, 0.8, -0.3], vec![0.8, 1.0, 0.1], vec![-0.3, 0.1, 1.0]];
        let factor = factor(&wanted, 3).unwrap();
        let n = 40_000;
        let score = |k: usize, row| verisim_data::normal::quantile(share(&factor, k, Cell::from_state(row)).max(1e-12));
        let z: Vec<Vec<f64>> = (0..3).map(|k| (0..n).map(|row| score(k, row)).collect()).collect();
        for i in 0..3 {
            for j in 0..3 {
                let r = z[i].iter().zip(&z[j]).map(|(a, b)| a * b).sum::<f64>() / n as f64;
                assert!((r - wanted[i][j]).abs() < 0.03, "{i} {j}: {r}");
            }
        }
    }

    #[test]
    fn what_cannot_hold_together_is_refused() {
        let bad = vec![vec![1.0, 0.9, -0.9], vec![0.9, 1.0, 0.9], vec![-0.9, 0.9, 1.0]];
        assert!(factor(&bad, 3).unwrap_err().contains("cannot hold together"));
        assert!(factor(&[vec![1.0, 0.5], vec![0.4, 1.0]], 2).unwrap_err().contains("symmetrical"));
        assert!(factor(&[vec![1.0]], 1).is_err());
    }
}
