//! Numbers of a process: fixed, computed, or drawn.

use std::collections::BTreeMap;
use std::fmt;

use rand_distr::{Beta, Binomial, Distribution as _, Gamma, Poisson, StandardNormal, StudentT, Zipf};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use super::clock::{Span, setting};
use super::scalar::{Scalar, Scope, Value};
use crate::cell::Cell;
use crate::error::{Error, Result};

/// Tries at a number between two bounds before it is said that there is none.
const TRIES: usize = 10_000;

/// A number: fixed, `5`; a length of time, `"2h"`; an expression, `"age / 2"`; or drawn, `{ exponential = 5 }`.
#[derive(Clone, Debug, PartialEq)]
pub enum Number {
    /// Always the same.
    Fixed(f64),
    /// A length of time or an expression.
    Said(String),
    /// Drawn anew each time.
    Drawn(Box<Drawn>),
}

/// How a number is drawn.
#[derive(Clone, Debug, PartialEq)]
pub enum Drawn {
    /// From a family of distributions, with its parameters in order.
    Family(Family, Vec<Number>),
    /// One of these values, each as likely.
    Empirical(Vec<f64>),
    /// Between two bounds: what falls outside is drawn again.
    Between(Between),
    /// From one of several, by weight.
    Mix(Vec<Part>),
}

/// A distribution between two bounds.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Between {
    /// What is drawn.
    pub of: Number,
    /// The least that is kept; without it there is no least.
    #[serde(default)]
    pub least: Option<f64>,
    /// The greatest that is kept; without it there is no greatest.
    #[serde(default)]
    pub greatest: Option<f64>,
}

/// A part of a mixture.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its weight beside the others.
    pub weight: f64,
    /// What is drawn.
    pub of: Number,
}

/// A family of distributions. Its parameters stand in the order of [`Family::parameters`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Family {
    Uniform,
    Integer,
    Normal,
    /// Its logarithm is normal.
    LogNormal,
    /// By its mean.
    Exponential,
    /// A sum of so many exponential waits, with this mean of the sum.
    Erlang,
    Gamma,
    Beta,
    Weibull,
    Pareto,
    Triangular,
    Student,
    Poisson,
    Binomial,
    Geometric,
    Zipf,
}

impl Family {
    /// All of them.
    pub const ALL: [Family; 16] = [
        Family::Uniform,
        Family::Integer,
        Family::Normal,
        Family::LogNormal,
        Family::Exponential,
        Family::Erlang,
        Family::Gamma,
        Family::Beta,
        Family::Weibull,
        Family::Pareto,
        Family::Triangular,
        Family::Student,
        Family::Poisson,
        Family::Binomial,
        Family::Geometric,
        Family::Zipf,
    ];

    /// Its name in a file.
    pub fn name(self) -> &'static str {
        match self {
            Family::Uniform => "uniform",
            Family::Integer => "integer",
            Family::Normal => "normal",
            Family::LogNormal => "lognormal",
            Family::Exponential => "exponential",
            Family::Erlang => "erlang",
            Family::Gamma => "gamma",
            Family::Beta => "beta",
            Family::Weibull => "weibull",
            Family::Pareto => "pareto",
            Family::Triangular => "triangular",
            Family::Student => "student",
            Family::Poisson => "poisson",
            Family::Binomial => "binomial",
            Family::Geometric => "geometric",
            Family::Zipf => "zipf",
        }
    }

    /// Its parameters, and what each is if it is not given.
    pub fn parameters(self) -> &'static [(&'static str, Option<f64>)] {
        match self {
            Family::Uniform => &[("low", Some(0.0)), ("high", Some(1.0))],
            Family::Integer => &[("low", None), ("high", None)],
            Family::Normal | Family::LogNormal => &[("mean", Some(0.0)), ("sd", Some(1.0))],
            Family::Exponential => &[("mean", Some(1.0))],
            Family::Erlang => &[("count", None), ("mean", None)],
            Family::Gamma => &[("shape", None), ("scale", Some(1.0))],
            Family::Beta => &[("a", None), ("b", None)],
            Family::Weibull | Family::Pareto => &[("scale", None), ("shape", None)],
            Family::Triangular => &[("low", None), ("mode", None), ("high", None)],
            Family::Student => &[("freedom", None)],
            Family::Poisson => &[("mean", None)],
            Family::Binomial => &[("n", None), ("p", None)],
            Family::Geometric => &[("p", None)],
            Family::Zipf => &[("n", None), ("exponent", Some(1.0))],
        }
    }

    /// A number of the family. The parameters stand in order.
    ///
    /// # Errors
    /// When there is no such distribution; it says what the parameters must be.
    pub fn draw(self, p: &[f64], cell: &mut Cell) -> Result<f64, String> {
        let need = |holds: bool, what: &str| if holds { Ok(()) } else { Err(format!("`{}` {what}", self.name())) };
        need(p.iter().all(|x| x.is_finite()), "has a parameter that is no finite number")?;
        let other = |e: &dyn fmt::Display| format!("`{}` of {p:?}: {e}", self.name());
        // In (0, 1]: its logarithm is finite.
        let positive = |cell: &mut Cell| 1.0 - cell.uniform();
        Ok(match self {
            Family::Uniform => {
                need(p[0] <= p[1], "needs low <= high")?;
                p[0] + (p[1] - p[0]) * cell.uniform()
            }
            Family::Integer => {
                let (low, high) = (p[0].ceil(), p[1].floor());
                need(low <= high && high - low < 9e15, "needs low <= high, less than 9e15 apart")?;
                low + cell.below((high - low) as u64 + 1) as f64
            }
            Family::Normal | Family::LogNormal => {
                need(p[1] >= 0.0, "needs sd >= 0")?;
                let z: f64 = StandardNormal.sample(cell);
                let x = p[0] + p[1] * z;
                if self == Family::LogNormal { x.exp() } else { x }
            }
            Family::Exponential => {
                need(p[0] >= 0.0, "needs mean >= 0")?;
                -p[0] * positive(cell).ln()
            }
            Family::Erlang => {
                need(p[0] >= 1.0 && p[0].fract() == 0.0, "needs a whole count of 1 or more")?;
                need(p[1] > 0.0, "needs mean > 0")?;
                Gamma::new(p[0], p[1] / p[0]).map_err(|e| other(&e))?.sample(cell)
            }
            Family::Gamma => Gamma::new(p[0], p[1]).map_err(|e| other(&e))?.sample(cell),
            Family::Beta => Beta::new(p[0], p[1]).map_err(|e| other(&e))?.sample(cell),
            Family::Weibull => {
                need(p[0] > 0.0 && p[1] > 0.0, "needs scale > 0 and shape > 0")?;
                p[0] * (-positive(cell).ln()).powf(1.0 / p[1])
            }
            Family::Pareto => {
                need(p[0] > 0.0 && p[1] > 0.0, "needs scale > 0 and shape > 0")?;
                p[0] * positive(cell).powf(-1.0 / p[1])
            }
            Family::Triangular => {
                let (a, m, b) = (p[0], p[1], p[2]);
                need(a <= m && m <= b, "needs low <= mode <= high")?;
                let u = cell.uniform();
                if u * (b - a) < m - a {
                    a + (u * (b - a) * (m - a)).sqrt()
                } else {
                    b - ((1.0 - u) * (b - a) * (b - m)).sqrt()
                }
            }
            Family::Student => StudentT::new(p[0]).map_err(|e| other(&e))?.sample(cell),
            Family::Poisson if p[0] == 0.0 => 0.0,
            Family::Poisson => Poisson::new(p[0]).map_err(|e| other(&e))?.sample(cell),
            Family::Binomial => {
                need(p[0] >= 0.0 && p[0] < 9e15 && p[0].fract() == 0.0, "needs a whole n of 0 or more")?;
                Binomial::new(p[0] as u64, p[1]).map_err(|e| other(&e))?.sample(cell) as f64
            }
            Family::Geometric => {
                need(p[0] > 0.0 && p[0] <= 1.0, "needs 0 < p <= 1")?;
                if p[0] == 1.0 { 0.0 } else { (positive(cell).ln() / (-p[0]).ln_1p()).floor() }
            }
            Family::Zipf => {
                need(p[0] >= 1.0, "needs n of 1 or more")?;
                Zipf::new(p[0].floor(), p[1]).map_err(|e| other(&e))?.sample(cell)
            }
        })
    }
}

/// Parameters as they are written: in order, by name, or one alone.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Parameters {
    One(Number),
    List(Vec<Number>),
    Named(BTreeMap<String, Number>),
}

impl Parameters {
    fn of(self, family: Family) -> Result<Vec<Number>, String> {
        let known = family.parameters();
        let names: Vec<&str> = known.iter().map(|p| p.0).collect();
        let takes = || format!("`{}` takes {}", family.name(), names.join(", "));
        let mut given: Vec<Option<Number>> = vec![None; known.len()];
        match self {
            Parameters::One(x) => given[0] = Some(x),
            Parameters::List(list) if list.len() <= known.len() => {
                list.into_iter().zip(&mut given).for_each(|(x, place)| *place = Some(x));
            }
            Parameters::List(_) => return Err(takes()),
            Parameters::Named(named) => {
                for (name, x) in named {
                    let at = names.iter().position(|n| *n == name);
                    let at = at.ok_or_else(|| format!("there is no `{name}`; {}", takes()))?;
                    given[at] = Some(x);
                }
            }
        }
        let filled = given.into_iter().zip(known).map(|(x, (name, default))| {
            x.or(default.map(Number::Fixed)).ok_or_else(|| format!("`{name}` is not given; {}", takes()))
        });
        filled.collect()
    }
}

impl Drawn {
    /// What stands under the name of a way to draw.
    pub(super) fn read<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<Drawn, A::Error> {
        let drawn = match name {
            "empirical" => Drawn::Empirical(map.next_value()?),
            "between" => Drawn::Between(map.next_value()?),
            "mix" => Drawn::Mix(map.next_value()?),
            _ => {
                let family = Family::ALL.into_iter().find(|f| f.name() == name).ok_or_else(|| {
                    let all: Vec<&str> = Family::ALL.into_iter().map(Family::name).collect();
                    A::Error::custom(format!(
                        "there is no distribution `{name}`; there are {}, empirical, between, mix",
                        all.join(", ")
                    ))
                })?;
                let parameters: Parameters = map.next_value()?;
                Drawn::Family(family, parameters.of(family).map_err(A::Error::custom)?)
            }
        };
        match map.next_key::<String>()? {
            None => Ok(drawn),
            Some(more) => Err(A::Error::custom(format!("names `{name}` and `{more}`; it must be one distribution"))),
        }
    }
}

impl<'de> Deserialize<'de> for Drawn {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Drawn, D::Error> {
        struct Reads;
        impl<'de> Visitor<'de> for Reads {
            type Value = Drawn;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a distribution such as { exponential = 5 }")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Drawn, A::Error> {
                let name: Option<String> = map.next_key()?;
                Drawn::read(&name.ok_or_else(|| A::Error::custom("must name a distribution"))?, &mut map)
            }
        }
        from.deserialize_map(Reads)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Number, D::Error> {
        struct Reads;
        impl<'de> Visitor<'de> for Reads {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a text (an expression, or a length of time such as \"2h\"), or a distribution such as { exponential = 5 }")
            }

            fn visit_f64<E: serde::de::Error>(self, x: f64) -> Result<Number, E> {
                Ok(Number::Fixed(x))
            }

            fn visit_i64<E: serde::de::Error>(self, x: i64) -> Result<Number, E> {
                Ok(Number::Fixed(x as f64))
            }

            fn visit_u64<E: serde::de::Error>(self, x: u64) -> Result<Number, E> {
                Ok(Number::Fixed(x as f64))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Number, E> {
                Ok(Number::Said(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Number, A::Error> {
                Drawn::deserialize(MapAccessDeserializer::new(map)).map(|d| Number::Drawn(Box::new(d)))
            }
        }
        from.deserialize_any(Reads)
    }
}

/// An expression; a number alone is one too, `dx = 0`.
#[derive(Clone, Debug, PartialEq)]
pub struct Said(pub String);

impl<'de> Deserialize<'de> for Said {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Said, D::Error> {
        match Number::deserialize(from)? {
            Number::Fixed(x) if x.is_finite() => Ok(Said(format!("{x:?}"))),
            Number::Fixed(_) => Err(D::Error::custom("must be a finite number or an expression")),
            Number::Said(text) => Ok(Said(text)),
            Number::Drawn(_) => {
                Err(D::Error::custom("must be an expression; what is drawn stands under `parameters`, once a run"))
            }
        }
    }
}

/// A number that is ready to be made.
#[derive(Clone, Debug)]
pub enum Draw {
    /// Always the same.
    Fixed(f64),
    /// Computed.
    Said(Scalar),
    /// Drawn from a family.
    Family(Family, Vec<Draw>),
    /// One of these values.
    Empirical(Vec<f64>),
    /// Between two bounds.
    Between(Box<Draw>, f64, f64),
    /// One of several, with the sums of their weights.
    Mix(Vec<(f64, Draw)>),
}

impl Draw {
    /// Makes a number ready. `key` says where it is written.
    ///
    /// # Errors
    /// When an expression cannot be read, or a distribution with fixed parameters does not exist.
    pub fn new(number: &Number, key: &str, scope: &mut Scope) -> Result<Draw> {
        Ok(match number {
            Number::Fixed(x) if x.is_finite() => Draw::Fixed(*x),
            Number::Fixed(_) => return Err(setting(key, "must be a finite number")),
            Number::Said(text) => match Span::read(text) {
                Some(span) => Draw::Fixed(span.micros / scope.unit),
                None => Draw::Said(scope.scalar(key, text)?),
            },
            Number::Drawn(drawn) => match &**drawn {
                Drawn::Family(family, parameters) => {
                    let parameters: Vec<Draw> =
                        parameters.iter().map(|p| Draw::new(p, key, scope)).collect::<Result<_>>()?;
                    let fixed: Option<Vec<f64>> =
                        parameters.iter().map(|p| if let Draw::Fixed(x) = p { Some(*x) } else { None }).collect();
                    if let Some(fixed) = fixed {
                        family.draw(&fixed, &mut Cell::from_state(0)).map_err(|what| setting(key, &what))?;
                    }
                    Draw::Family(*family, parameters)
                }
                Drawn::Empirical(values) => {
                    if values.is_empty() || values.iter().any(|x| !x.is_finite()) {
                        return Err(setting(key, "has `empirical` without finite values"));
                    }
                    Draw::Empirical(values.clone())
                }
                Drawn::Between(between) => {
                    let low = between.least.unwrap_or(f64::NEG_INFINITY);
                    let high = between.greatest.unwrap_or(f64::INFINITY);
                    if low.is_nan() || high.is_nan() || low > high {
                        return Err(setting(key, "has `between` with its least above its greatest"));
                    }
                    Draw::Between(Box::new(Draw::new(&between.of, key, scope)?), low, high)
                }
                Drawn::Mix(parts) => {
                    let mut sum = 0.0;
                    let mut made = Vec::new();
                    for part in parts {
                        if !(part.weight >= 0.0 && part.weight.is_finite()) {
                            return Err(setting(key, "has `mix` with a weight that is negative or no number"));
                        }
                        sum += part.weight;
                        made.push((sum, Draw::new(&part.of, key, scope)?));
                    }
                    if sum <= 0.0 {
                        return Err(setting(key, "has `mix` without weight"));
                    }
                    Draw::Mix(made)
                }
            },
        })
    }

    /// A number.
    ///
    /// # Errors
    /// When an expression comes to none, or parameters make no distribution.
    pub fn number(&self, frame: &[Value], cell: &mut Cell) -> Result<f64> {
        match self {
            Draw::Fixed(x) => Ok(*x),
            Draw::Said(said) => said.number(frame),
            Draw::Family(family, parameters) => {
                let mut p = [0.0; 3];
                for (x, draw) in p.iter_mut().zip(parameters) {
                    *x = draw.number(frame, cell)?;
                }
                let drawn = family.draw(&p[..parameters.len()], cell);
                drawn.map_err(|what| Error::Make { at: "process".to_owned(), what })
            }
            Draw::Empirical(values) => Ok(values[cell.below(values.len() as u64) as usize]),
            Draw::Between(of, low, high) => {
                for _ in 0..TRIES {
                    let x = of.number(frame, cell)?;
                    if (*low..=*high).contains(&x) {
                        return Ok(x);
                    }
                }
                let what = format!("no number of {TRIES} was between {low} and {high}; widen the bounds");
                Err(Error::Make { at: "between".to_owned(), what })
            }
            Draw::Mix(parts) => {
                let sum = parts.last().map_or(0.0, |p| p.0);
                let u = cell.uniform() * sum;
                let at = parts.iter().position(|p| u < p.0).unwrap_or(parts.len() - 1);
                parts[at].1.number(frame, cell)
            }
        }
    }

    /// A length of time: a number that is not negative.
    ///
    /// # Errors
    /// As [`number`](Draw::number), and when it is negative; `key` says where it is written.
    pub fn length(&self, key: &str, frame: &[Value], cell: &mut Cell) -> Result<f64> {
        let x = self.number(frame, cell)?;
        if x >= 0.0 && x.is_finite() {
            return Ok(x);
        }
        if x > 0.0 {
            return Err(setting(
                key,
                "came to a time without end; bound it: { between = { of = ..., greatest = 1e6 } }",
            ));
        }
        Err(setting(
            key,
            &format!("came to {x}, and time does not go back; bound it: {{ between = {{ of = ..., least = 0 }} }}"),
        ))
    }

    /// The places that it reads.
    pub fn places(&self, all: &mut Vec<usize>) {
        match self {
            Draw::Fixed(_) | Draw::Empirical(_) => {}
            Draw::Said(said) => all.extend(said.places()),
            Draw::Family(_, parameters) => parameters.iter().for_each(|p| p.places(all)),
            Draw::Between(of, ..) => of.places(all),
            Draw::Mix(parts) => parts.iter().for_each(|p| p.1.places(all)),
        }
    }

    /// The number, if it is fixed.
    pub fn fixed(&self) -> Option<f64> {
        if let Draw::Fixed(x) = self { Some(*x) } else { None }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Number, String> {
        #[derive(serde::Deserialize)]
        struct File {
            x: Number,
        }
        toml::from_str::<File>(&format!("x = {text}")).map(|f| f.x).map_err(|e| e.message().to_owned())
    }

    fn draw(text: &str) -> Result<Draw> {
        Draw::new(&read(text).unwrap(), "k", &mut Scope::new(vec!["a".to_owned()], 3.6e9))
    }

    #[test]
    fn means_and_deviations_are_the_families() {
        for (text, mean, sd) in [
            ("3", 3.0, 0.0),
            ("\"a * 2\"", 8.0, 0.0),
            ("\"90min\"", 1.5, 0.0),
            ("{ uniform = [2, 4] }", 3.0, 0.577_350),
            ("{ integer = [1, 6] }", 3.5, 1.707_825),
            ("{ normal = { sd = 2 } }", 0.0, 2.0),
            ("{ lognormal = [0, 0.5] }", 1.133_148, 0.603_901),
            ("{ exponential = \"2h\" }", 2.0, 2.0),
            ("{ exponential = \"a\" }", 4.0, 4.0),
            ("{ erlang = [4, 2] }", 2.0, 1.0),
            ("{ gamma = [2, 3] }", 6.0, 4.242_641),
            ("{ beta = [2, 2] }", 0.5, 0.223_607),
            ("{ weibull = [1, 2] }", 0.886_227, 0.463_251),
            ("{ pareto = [1, 5] }", 1.25, 0.322_749),
            ("{ triangular = [0, 1, 5] }", 2.0, 1.080_123),
            ("{ student = 9 }", 0.0, 1.133_893),
            ("{ poisson = 4 }", 4.0, 2.0),
            ("{ binomial = [10, 0.3] }", 3.0, 1.449_138),
            ("{ geometric = 0.25 }", 3.0, 3.464_102),
            ("{ zipf = [3, 1] }", 1.636_364, 0.771_389),
            ("{ empirical = [1, 1, 4] }", 2.0, std::f64::consts::SQRT_2),
            ("{ between = { of = { normal = [0, 1] }, least = 0 } }", 0.797_885, 0.602_810),
            ("{ mix = [{ weight = 3, of = 0 }, { weight = 1, of = 4 }] }", 1.0, 1.732_051),
        ] {
            let drawn = draw(text).unwrap();
            let mut cell = Cell::from_state(7);
            let n = 200_000;
            let all: Vec<f64> = (0..n).map(|_| drawn.number(&[Value::Number(4.0)], &mut cell).unwrap()).collect();
            let m = all.iter().sum::<f64>() / f64::from(n);
            let s = (all.iter().map(|x| (x - m) * (x - m)).sum::<f64>() / f64::from(n)).sqrt();
            assert!((m - mean).abs() <= 4.5 * sd / f64::from(n).sqrt() + 1e-9, "{text}: mean {m}");
            assert!((s - sd).abs() <= 0.03 * sd + 1e-9, "{text}: sd {s}");
        }
    }

    #[test]
    fn what_is_no_number_is_named() {
        assert!(read("{ norml = [1, 2] }").unwrap_err().contains("there is no distribution `norml`"));
        assert!(read("{ normal = [1, 2], gamma = 1 }").unwrap_err().contains("one distribution"));
        assert!(read("{ gamma = { shape = 1, rate = 2 } }").unwrap_err().contains("there is no `rate`"));
        assert!(read("{ beta = 1 }").unwrap_err().contains("`b` is not given"));
        assert!(read("true").unwrap_err().contains("a number, a text"));
        let said = |text: &str| draw(text).unwrap_err().to_string();
        assert!(said("{ uniform = [2, 1] }").contains("`k` `uniform` needs low <= high"));
        assert!(said("{ normal = [0, -1] }").contains("needs sd >= 0"));
        assert!(said("{ gamma = [-1, 1] }").contains("gamma"));
        assert!(said("{ empirical = [] }").contains("empirical"));
        assert!(said("nan").contains("finite"));
        assert!(said("{ mix = [] }").contains("without weight"));
        let never = draw("{ between = { of = 1, least = 2 } }").unwrap();
        assert!(never.number(&[], &mut Cell::from_state(1)).unwrap_err().to_string().contains("widen the bounds"));
    }
}
