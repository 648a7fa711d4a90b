//! Smooth curves through points that lie evenly.

/// The natural cubic spline through `values`, which lie evenly from 0 to the last step, at each of `steps` steps. The second derivatives `m`
/// solve `m[i-1] + 4 m[i] + m[i+1] = 6 (y[i-1] - 2 y[i] + y[i+1])`, with 0 at both ends.
pub(super) fn spline(values: &[f64], steps: usize) -> Vec<f64> {
    let n = values.len();
    let mut second = vec![0.0; n];
    if n > 2 {
        // Thomas' algorithm, forwards and back.
        let (mut above, mut right) = (vec![0.0; n], vec![0.0; n]);
        for i in 1..n - 1 {
            let pivot = 4.0 - above[i - 1];
            above[i] = 1.0 / pivot;
            right[i] = (6.0 * (values[i - 1] - 2.0 * values[i] + values[i + 1]) - right[i - 1]) / pivot;
        }
        for i in (1..n - 1).rev() {
            second[i] = right[i] - above[i] * second[i + 1];
        }
    }
    let at = |x: f64| {
        let i = (x.floor() as usize).min(n.saturating_sub(2));
        let (b, a) = (x - i as f64, 1.0 - (x - i as f64));
        match n {
            0 => 0.0,
            1 => values[0],
            _ => {
                let bent = (a * a * a - a) * second[i] + (b * b * b - b) * second[i + 1];
                a * values[i] + b * values[i + 1] + bent / 6.0
            }
        }
    };
    evenly(n, steps).map(at).collect()
}

/// The monotone curve of Fritsch and Carlson (1980) through rising `values`, which lie evenly, at each of `steps` steps: it never falls, and
/// does not leave the values of its neighbours. This is SciPy's `PchipInterpolator`.
pub(super) fn monotone(values: &[f64], steps: usize) -> Vec<f64> {
    let n = values.len();
    if n < 2 {
        return vec![values.first().copied().unwrap_or(0.0); steps];
    }
    let slopes: Vec<f64> = values.windows(2).map(|w| w[1] - w[0]).collect();
    // The harmonic mean of the slopes beside a point, where both rise; at the ends the parabola through three points, held back.
    let inner = |a: f64, b: f64| if a * b <= 0.0 { 0.0 } else { 2.0 * a * b / (a + b) };
    let end = |near: f64, next: f64| {
        let slope = 1.5 * near - 0.5 * next;
        match () {
            () if slope * near <= 0.0 => 0.0,
            () if near * next <= 0.0 && slope.abs() > 3.0 * near.abs() => 3.0 * near,
            () => slope,
        }
    };
    let last = slopes.len() - 1;
    let tangent = |i: usize| match i {
        _ if last == 0 => slopes[0],
        0 => end(slopes[0], slopes[1]),
        i if i > last => end(slopes[last], slopes[last - 1]),
        i => inner(slopes[i - 1], slopes[i]),
    };
    let tangents: Vec<f64> = (0..n).map(tangent).collect();
    let at = |x: f64| {
        let i = (x.floor() as usize).min(n - 2);
        let t = x - i as f64;
        let (t2, t3) = (t * t, t * t * t);
        (2.0 * t3 - 3.0 * t2 + 1.0) * values[i]
            + (t3 - 2.0 * t2 + t) * tangents[i]
            + (3.0 * t2 - 2.0 * t3) * values[i + 1]
            + (t3 - t2) * tangents[i + 1]
    };
    evenly(n, steps).map(at).collect()
}

/// `steps` places from 0 to the last of `n` points.
pub(super) fn evenly(n: usize, steps: usize) -> impl Iterator<Item = f64> {
    let last = n.saturating_sub(1) as f64;
    (0..steps).map(move |t| if steps > 1 { last * t as f64 / (steps - 1) as f64 } else { 0.0 })
}
