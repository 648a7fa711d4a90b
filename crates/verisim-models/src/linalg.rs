//! The little linear algebra of small dense matrices that closed-form models need.

/// Lower triangle `L` with `L L^T` = `matrix` (`n` by `n`, row by row). A pivot that rounding has made negative counts as tiny.
pub fn cholesky(matrix: &[f64], n: usize) -> Vec<f64> {
    let mut lower = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| lower[i * n + k] * lower[j * n + k]).sum();
            let rest = matrix[i * n + j] - dot;
            lower[i * n + j] = if i == j { rest.max(1e-12).sqrt() } else { rest / lower[j * n + j] };
        }
    }
    lower
}

/// Eigenvalues and eigenvectors (in columns) of a symmetric matrix, by cyclic Jacobi rotations (Golub and Van Loan, section 8.5).
pub fn eigen(matrix: &[f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut a = matrix.to_vec();
    let mut v = vec![0.0; n * n];
    (0..n).for_each(|i| v[i * n + i] = 1.0);
    for _ in 0..60 {
        let off: f64 = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| a[i * n + j].powi(2)).sum();
        if off < 1e-22 {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut v, n, p, q);
            }
        }
    }
    ((0..n).map(|i| a[i * n + i]).collect(), v)
}

fn rotate(a: &mut [f64], v: &mut [f64], n: usize, p: usize, q: usize) {
    if a[p * n + q].abs() < 1e-300 {
        return;
    }
    let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * a[p * n + q]);
    let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let t = if theta == 0.0 { 1.0 } else { t };
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    for k in 0..n {
        let (x, y) = (a[k * n + p], a[k * n + q]);
        (a[k * n + p], a[k * n + q]) = (c * x - s * y, s * x + c * y);
    }
    for k in 0..n {
        let (x, y) = (a[p * n + k], a[q * n + k]);
        (a[p * n + k], a[q * n + k]) = (c * x - s * y, s * x + c * y);
    }
    for k in 0..n {
        let (x, y) = (v[k * n + p], v[k * n + q]);
        (v[k * n + p], v[k * n + q]) = (c * x - s * y, s * x + c * y);
    }
}

/// Makes a symmetric matrix with unit diagonal positive definite: small and negative eigenvalues are raised, then the
/// diagonal is scaled back to one.
pub fn nearest_correlation(matrix: &mut [f64], n: usize) {
    const LEAST: f64 = 1e-4;
    let (values, vectors) = eigen(matrix, n);
    if values.iter().all(|&l| l >= LEAST) {
        return;
    }
    let raised: Vec<f64> = values.iter().map(|&l| l.max(LEAST)).collect();
    for i in 0..n {
        for j in 0..n {
            matrix[i * n + j] = (0..n).map(|k| vectors[i * n + k] * raised[k] * vectors[j * n + k]).sum();
        }
    }
    let scale: Vec<f64> = (0..n).map(|i| matrix[i * n + i].sqrt()).collect();
    for i in 0..n {
        for j in 0..n {
            matrix[i * n + j] /= scale[i] * scale[j];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cholesky_of_a_known_matrix() {
        let l = cholesky(&[4.0, 12.0, -16.0, 12.0, 37.0, -43.0, -16.0, -43.0, 98.0], 3);
        assert_eq!(l, vec![2.0, 0.0, 0.0, 6.0, 1.0, 0.0, -8.0, 5.0, 3.0]);
    }

    #[test]
    fn eigenvalues_of_a_known_matrix() {
        let (mut values, v) = eigen(&[2.0, 1.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 5.0], 3);
        let norm: f64 = (0..3).map(|k| v[k * 3].powi(2)).sum();
        assert!((norm - 1.0).abs() < 1e-12);
        values.sort_by(f64::total_cmp);
        for (got, want) in values.iter().zip([1.0, 3.0, 5.0]) {
            assert!((got - want).abs() < 1e-10);
        }
    }

    #[test]
    fn an_impossible_correlation_is_repaired() {
        let mut m = vec![1.0, 0.9, -0.9, 0.9, 1.0, 0.9, -0.9, 0.9, 1.0];
        nearest_correlation(&mut m, 3);
        assert!(eigen(&m, 3).0.iter().all(|&l| l > 0.0));
        assert!((m[0] - 1.0).abs() < 1e-12 && (m[1] - m[3]).abs() < 1e-12);
    }
}
