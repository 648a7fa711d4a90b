//! The standard normal distribution.

use std::f64::consts::{PI, SQRT_2};

/// `P(Z <= z)`.
pub fn cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z / SQRT_2)
}

/// The `z` with `P(Z <= z) = p`; infinite at 0 and 1.
///
/// P. J. Acklam's rational approximation (relative error 1.15e-9), refined by one Halley step to double precision.
#[allow(clippy::excessive_precision)] // the coefficients as published
pub fn quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969683028665376e1,
        2.209460984245205e2,
        -2.759285104469687e2,
        1.383577518672690e2,
        -3.066479806614716e1,
        2.506628277459239,
    ];
    const B: [f64; 6] = [
        -5.447609879822406e1,
        1.615858368580409e2,
        -1.556989798598866e2,
        6.680131188771972e1,
        -1.328068155288572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784894002430293e-3,
        -3.223964580411365e-1,
        -2.400758277161838,
        -2.549732539343734,
        4.374664141464968,
        2.938163982698783,
    ];
    const D: [f64; 5] = [7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416, 1.0];
    fn horner(coefficients: &[f64], x: f64) -> f64 {
        coefficients.iter().fold(0.0, |sum, c| sum * x + c)
    }
    if p <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if p >= 1.0 {
        return f64::INFINITY;
    }
    let tail = p.min(1.0 - p);
    let z = if tail < 0.02425 {
        let q = (-2.0 * tail.ln()).sqrt();
        (horner(&C, q) / horner(&D, q)).copysign(p - 0.5)
    } else {
        let q = p - 0.5;
        horner(&A, q * q) * q / horner(&B, q * q)
    };
    let error = (cdf(z) - p) * (2.0 * PI).sqrt() * (z * z / 2.0).exp();
    z - error / (1.0 + z * error / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values_and_inverse() {
        assert!((cdf(1.959963984540054) - 0.975).abs() < 1e-15);
        assert!((quantile(0.975) - 1.959963984540054).abs() < 1e-13);
        assert!((quantile(1e-6) + 4.753424308822899).abs() < 1e-11);
        for k in 1..1000 {
            let p = f64::from(k) / 1000.0;
            assert!((cdf(quantile(p)) - p).abs() < 1e-14, "{p}");
        }
        assert_eq!(quantile(0.0), f64::NEG_INFINITY);
    }
}
