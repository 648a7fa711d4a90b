//! Where axes are marked, and what stands there.

/// A marked place of an axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    pub at: f64,
    pub text: String,
}

/// One, two or five times a power of ten.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step {
    digit: f64,
    exponent: i32,
    /// The step itself.
    width: f64,
}

/// The smallest step that is at least `x`; 1 where there is none.
pub(crate) fn nice(x: f64) -> Step {
    if !(x.is_normal() && x > 0.0) {
        return Step::new(1.0, 0);
    }
    let exponent = (x.log10() + 1e-9).floor() as i32;
    let steps = [(1.0, exponent), (2.0, exponent), (5.0, exponent), (1.0, exponent + 1)];
    let steps = steps.map(|(digit, exponent)| Step::new(digit, exponent));
    steps.into_iter().find(|step| step.width >= x * (1.0 - 1e-9)).unwrap_or(steps[3])
}

impl Step {
    fn new(digit: f64, exponent: i32) -> Step {
        let step = Step { digit, exponent, width: 0.0 };
        Step { width: step.times(1.0), ..step }
    }

    /// `k` steps. A power of ten is divided by where it is a fraction, so that 3 steps of 0.2 are 0.6 to the last bit.
    pub fn times(self, k: f64) -> f64 {
        let power = 10_f64.powi(self.exponent.abs());
        if self.exponent < 0 { k * self.digit / power } else { k * self.digit * power }
    }

    /// In which step `x` lies. What a calculation has left a hair below a whole step counts as that.
    pub fn index(self, x: f64) -> f64 {
        (x / self.width + 1e-9).floor()
    }
}

/// At most `most` round numbers in a range.
pub(crate) fn even(from: f64, to: f64, most: usize) -> Vec<f64> {
    let step = nice((to - from) / most as f64);
    let first = step.index(from - step.times(1.0) * 1e-6) + 1.0;
    let all = (0..=most).map(|k| step.times(first + k as f64));
    all.filter(|&x| x >= from && x <= to).collect()
}

/// The powers of ten in a range of logarithms, or, where those are few, two and five times them too.
pub(crate) fn decades(from: f64, to: f64) -> Vec<f64> {
    let whole = from.ceil() as i32..=to.floor() as i32;
    let every = (whole.clone().count() / 5 + 1) as i32;
    if whole.clone().count() >= 3 {
        return whole.filter(|k| k % every == 0).map(|k| 10_f64.powi(k)).collect();
    }
    let all = (from.floor() as i32..=to.floor() as i32).flat_map(|k| [1.0, 2.0, 5.0].map(|d| d * 10_f64.powi(k)));
    all.filter(|x| (from..=to).contains(&x.log10())).collect()
}

/// The numbers of one axis in one unit: `0`, `5k`, `10k`.
pub(crate) fn written(numbers: &[f64]) -> Vec<String> {
    let largest = numbers.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    let (unit, sign) = match largest {
        x if (1e6..1e9).contains(&x) => (1e6, "M"),
        x if (1e4..1e6).contains(&x) => (1e3, "k"),
        _ => (1.0, ""),
    };
    let write = |&x: &f64| match x.abs() {
        0.0 => "0".to_owned(),
        a if !(1e-3..1e9).contains(&a) => plain(&format!("{x:.2e}")),
        _ => plain(&format!("{:.4}", x / unit)) + sign,
    };
    numbers.iter().map(write).collect()
}

/// Without the zeros that end a fraction.
fn plain(number: &str) -> String {
    let (digits, power) = number.find('e').map_or((number, ""), |e| number.split_at(e));
    let digits = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
    digits.replace('-', "−") + &power.replace('-', "−")
}

/// Ticks of shares from 0 to `top`.
pub(crate) fn shares(top: f64, most: usize) -> Vec<Tick> {
    let text = |at: f64| plain(&format!("{:.5}", 100.0 * at)) + " %";
    even(0.0, top, most).into_iter().map(|at| Tick { at, text: text(at) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_exact() {
        let width = |x: f64| nice(x).times(1.0);
        assert_eq!([0.001, 0.0011, 0.3, 1.0, 2.1, 7.0, 84.0].map(width), [0.001, 0.002, 0.5, 1.0, 5.0, 10.0, 100.0]);
        assert_eq!([0.0, f64::NAN, f64::INFINITY, -1.0].map(width), [1.0; 4]);
        assert_eq!(nice(0.2).times(3.0), 0.6);
        assert_eq!((nice(0.1).index(0.1 + 0.2), nice(0.1).index(0.3), nice(0.1).index(-0.05)), (3.0, 3.0, -1.0));
    }

    #[test]
    fn ticks_are_round_numbers_inside() {
        assert_eq!(even(17.0, 90.0, 4), [20.0, 40.0, 60.0, 80.0]);
        assert_eq!(even(0.0, 1.0, 4), [0.0, 0.5, 1.0]);
        assert_eq!(even(-0.3, 0.3, 3), [-0.2, 0.0, 0.2]);
        assert_eq!(decades(0.0, 3.2), [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(decades(0.1, 1.1), [2.0, 5.0, 10.0]);
        assert!(decades(-300.0, 300.0).len() < 8);
    }

    #[test]
    fn an_axis_has_one_unit() {
        assert_eq!(written(&[0.0, 5000.0, 10_000.0]), ["0", "5k", "10k"]);
        assert_eq!(written(&[0.0, 0.25, -1.5]), ["0", "0.25", "−1.5"]);
        assert_eq!(written(&[2e9, 1e-5]), ["2e9", "1e−5"]);
        assert_eq!(written(&[100.0, 2_500_000.0]), ["0.0001M", "2.5M"]);
    }
}
