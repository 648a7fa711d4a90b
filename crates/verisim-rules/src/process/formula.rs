//! Expressions of numbers alone, for what is computed most: right-hand sides of equations, and rates. With derivatives, where a solver asks
//! for them.

use crate::expression::{Call, Node, alike, rounded};

/// What a [`Formula`] computes with: numbers, or numbers with a derivative.
pub trait Real: Copy {
    /// A constant.
    fn of(x: f64) -> Self;
    /// Without derivatives.
    fn plain(self) -> f64;
    /// A function and its derivative.
    fn one(self, f: impl Fn(f64) -> f64, slope: impl Fn(f64) -> f64) -> Self;
    /// A function of two and its derivatives.
    fn two(self, b: Self, f: impl Fn(f64, f64) -> f64, slopes: impl Fn(f64, f64) -> (f64, f64)) -> Self;
}

impl Real for f64 {
    fn of(x: f64) -> f64 {
        x
    }

    fn plain(self) -> f64 {
        self
    }

    fn one(self, f: impl Fn(f64) -> f64, _: impl Fn(f64) -> f64) -> f64 {
        f(self)
    }

    fn two(self, b: f64, f: impl Fn(f64, f64) -> f64, _: impl Fn(f64, f64) -> (f64, f64)) -> f64 {
        f(self, b)
    }
}

/// A number and its derivative in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Dual(pub f64, pub f64);

impl Real for Dual {
    fn of(x: f64) -> Dual {
        Dual(x, 0.0)
    }

    fn plain(self) -> f64 {
        self.0
    }

    fn one(self, f: impl Fn(f64) -> f64, slope: impl Fn(f64) -> f64) -> Dual {
        Dual(f(self.0), if self.1 == 0.0 { 0.0 } else { slope(self.0) * self.1 })
    }

    fn two(self, b: Dual, f: impl Fn(f64, f64) -> f64, slopes: impl Fn(f64, f64) -> (f64, f64)) -> Dual {
        let slope = if self.1 == 0.0 && b.1 == 0.0 {
            0.0
        } else {
            let (da, db) = slopes(self.0, b.0);
            // Not 0 times infinity where a part does not change.
            (if self.1 == 0.0 { 0.0 } else { da * self.1 }) + (if b.1 == 0.0 { 0.0 } else { db * b.1 })
        };
        Dual(f(self.0, b.0), slope)
    }
}

/// An expression of numbers alone: yes is 1, no is 0, what is missing is not a number.
#[derive(Clone, Debug, PartialEq)]
pub enum Formula {
    /// A constant.
    Fixed(f64),
    /// A value by its place.
    Place(usize),
    /// A function of one.
    One(Call, Box<Formula>),
    /// A function of two.
    Two(Call, Box<(Formula, Formula)>),
    /// The second where the first holds, or else the third.
    Choose(Box<(Formula, Formula, Formula)>),
}

pub(super) fn formula(node: &Node, places: &[usize]) -> Result<Formula, String> {
    let (call, args) = match node {
        Node::Null => return Ok(Formula::Fixed(f64::NAN)),
        Node::Yes(yes) => return Ok(Formula::Fixed(f64::from(u8::from(*yes)))),
        Node::Number(x, _) => return Ok(Formula::Fixed(*x)),
        Node::Text(text) => return Err(format!("has the text `{text}`, where only numbers can stand")),
        Node::Name(at) => return Ok(Formula::Place(places[*at])),
        Node::Call(call, args) => (*call, args),
    };
    let mut parts = args.iter().map(|a| formula(a, places)).collect::<Result<Vec<_>, _>>()?;
    let fold = |call, parts: Vec<Formula>| parts.into_iter().reduce(|a, b| Formula::Two(call, Box::new((a, b))));
    let made = match call {
        Call::Choose => {
            let (Some(c), Some(b), Some(a)) = (parts.pop(), parts.pop(), parts.pop()) else {
                return Err("has a `?:` without its parts".to_owned());
            };
            Some(Formula::Choose(Box::new((a, b, c))))
        }
        Call::In => {
            let first = parts.remove(0);
            let any = parts.into_iter().map(|p| Formula::Two(Call::Equal, Box::new((first.clone(), p)))).collect();
            Some(fold(Call::Or, any).unwrap_or(Formula::Fixed(0.0)))
        }
        Call::Least | Call::Greatest => fold(call, parts),
        Call::Days => parts.pop(),
        Call::Round if parts.len() == 2 => fold(call, parts),
        Call::Not
        | Call::Negate
        | Call::Abs
        | Call::Floor
        | Call::Ceil
        | Call::Round
        | Call::Sqrt
        | Call::Exp
        | Call::Ln
        | Call::Log10
        | Call::Sin
        | Call::Cos
        | Call::Tan
        | Call::Sign
        | Call::Int
        | Call::Double => parts.pop().map(|p| Formula::One(call, Box::new(p))),
        Call::Or
        | Call::And
        | Call::Add
        | Call::Subtract
        | Call::Multiply
        | Call::Divide
        | Call::Remainder
        | Call::Equal
        | Call::Unequal
        | Call::Less
        | Call::AtMost
        | Call::Greater
        | Call::AtLeast
        | Call::Power
        | Call::Atan2 => fold(call, parts),
        _ => None,
    };
    made.map(folded).ok_or_else(|| format!("asks {call:?}, where only numbers can stand"))
}

/// What is constant is computed once.
fn folded(f: Formula) -> Formula {
    let constant = match &f {
        Formula::One(_, a) => matches!(**a, Formula::Fixed(_)),
        Formula::Two(_, ab) => matches!(**ab, (Formula::Fixed(_), Formula::Fixed(_))),
        _ => false,
    };
    if constant { Formula::Fixed(f.value::<f64>(&[])) } else { f }
}

impl Formula {
    /// Its value.
    pub fn value<R: Real>(&self, frame: &[R]) -> R {
        match self {
            Formula::Fixed(x) => R::of(*x),
            Formula::Place(at) => frame[*at],
            Formula::Choose(parts) => {
                if parts.0.value(frame).plain() == 1.0 {
                    parts.1.value(frame)
                } else {
                    parts.2.value(frame)
                }
            }
            Formula::One(call, a) => one_real(*call, a.value(frame)),
            Formula::Two(call, ab) => two_real(*call, ab.0.value(frame), ab.1.value(frame)),
        }
    }

    /// The places that it reads.
    pub fn places(&self, all: &mut Vec<usize>) {
        match self {
            Formula::Fixed(_) => {}
            Formula::Place(at) => all.push(*at),
            Formula::One(_, a) => a.places(all),
            Formula::Two(_, ab) => {
                ab.0.places(all);
                ab.1.places(all);
            }
            Formula::Choose(parts) => {
                parts.0.places(all);
                parts.1.places(all);
                parts.2.places(all);
            }
        }
    }
}

fn one_real<R: Real>(call: Call, x: R) -> R {
    let flat = |f: fn(f64) -> f64| x.one(f, |_| 0.0);
    match call {
        Call::Not => flat(|x| if x.is_nan() { x } else { f64::from(u8::from(x == 0.0)) }),
        Call::Negate => x.one(|x| -x, |_| -1.0),
        Call::Abs => x.one(f64::abs, f64::signum),
        Call::Floor => flat(f64::floor),
        Call::Ceil => flat(f64::ceil),
        Call::Round => flat(f64::round),
        Call::Int => flat(f64::trunc),
        Call::Sign => flat(|x| if x == 0.0 { 0.0 } else { x.signum() }),
        Call::Sqrt => x.one(f64::sqrt, |x| 0.5 / x.sqrt()),
        Call::Exp => x.one(f64::exp, f64::exp),
        Call::Ln => x.one(f64::ln, f64::recip),
        Call::Log10 => x.one(f64::log10, |x| 1.0 / (x * std::f64::consts::LN_10)),
        Call::Sin => x.one(f64::sin, f64::cos),
        Call::Cos => x.one(f64::cos, |x| -x.sin()),
        Call::Tan => x.one(f64::tan, |x| 1.0 + x.tan() * x.tan()),
        _ => x,
    }
}

fn two_real<R: Real>(call: Call, a: R, b: R) -> R {
    let yes = |f: fn(f64, f64) -> bool| {
        let f = move |a: f64, b: f64| if a.is_nan() || b.is_nan() { f64::NAN } else { f64::from(u8::from(f(a, b))) };
        a.two(b, f, |_, _| (0.0, 0.0))
    };
    match call {
        Call::Add => a.two(b, |a, b| a + b, |_, _| (1.0, 1.0)),
        Call::Subtract => a.two(b, |a, b| a - b, |_, _| (1.0, -1.0)),
        Call::Multiply => a.two(b, |a, b| a * b, |a, b| (b, a)),
        Call::Divide => a.two(b, |a, b| a / b, |a, b| (1.0 / b, -a / (b * b))),
        Call::Remainder => a.two(b, |a, b| a % b, |a, b| (1.0, -(a / b).trunc())),
        Call::Power => a.two(b, power, |a, b| (b * power(a, b - 1.0), power(a, b) * a.ln())),
        Call::Atan2 => a.two(b, f64::atan2, |a, b| (b / (a * a + b * b), -a / (a * a + b * b))),
        Call::Round => a.two(b, |a, b| rounded(a, b as i32), |_, _| (0.0, 0.0)),
        Call::Least if a.plain() <= b.plain() || b.plain().is_nan() => a,
        Call::Least => b,
        Call::Greatest if a.plain() >= b.plain() || b.plain().is_nan() => a,
        Call::Greatest => b,
        Call::Or => yes(|a, b| a != 0.0 || b != 0.0),
        Call::And => yes(|a, b| a != 0.0 && b != 0.0),
        Call::Equal => yes(alike),
        Call::Unequal => yes(|a, b| !alike(a, b)),
        Call::Less => yes(|a, b| a < b),
        Call::AtMost => yes(|a, b| a <= b),
        Call::Greater => yes(|a, b| a > b),
        Call::AtLeast => yes(|a, b| a >= b),
        _ => R::of(f64::NAN),
    }
}

/// A power, small whole ones by multiplication: `powf` costs ten times as much.
fn power(a: f64, b: f64) -> f64 {
    if b == 2.0 {
        a * a
    } else if b == 3.0 {
        a * a * a
    } else if b.fract() == 0.0 && b.abs() < 1e6 {
        a.powi(b as i32)
    } else {
        a.powf(b)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::scalar::{Scope, Value};
    use super::*;

    #[test]
    fn formulas_agree_with_scalars_and_their_derivatives_with_differences() {
        let texts = [
            "x * y - sin(x) / (1 + y * y)",
            "pow(x, 3) + pow(y, 2.5) + exp(-x)",
            "sqrt(x + y) * ln(y) + tan(x) - log10(y)",
            "x > y ? x * x : y * 3",
            "min(x, y) + max(x * 2, y) + abs(x - y)",
            "atan2(x, y) + cos(2 * x) + x % 2",
            "x in [1, 2] || x < 3 ? x : 0",
        ];
        for text in texts {
            let mut scope = Scope::new(vec!["x".to_owned(), "y".to_owned()], 1e6);
            let (f, s) = (scope.formula("k", text).unwrap(), scope.scalar("k", text).unwrap());
            for (x, y) in [(1.3, 2.7), (2.9, 0.4)] {
                let value = f.value(&[x, y]);
                let same = s.number(&[Value::Number(x), Value::Number(y)]).unwrap();
                assert!((value - same).abs() < 1e-12, "{text}");
                for (dx, dy) in [(1.0, 0.0), (0.0, 1.0), (0.3, -2.0)] {
                    let h = 1e-6;
                    let at = |s: f64| f.value(&[x + s * h * dx, y + s * h * dy]);
                    let (difference, slope) =
                        ((at(1.0) - at(-1.0)) / (2.0 * h), f.value(&[Dual(x, dx), Dual(y, dy)]).1);
                    assert!((difference - slope).abs() < 1e-6 * (1.0 + slope.abs()), "{text}: {difference} {slope}");
                }
            }
        }
    }
}
