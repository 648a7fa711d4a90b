//! Numbers that may be computed from columns, and distributions with such numbers as parameters.

use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, Error};

/// A number, or an expression that comes to one in each row.
#[derive(Clone, Debug, PartialEq)]
pub enum Number {
    /// The same in each row.
    Fixed(f64),
    /// An expression.
    Said(String),
    /// Drawn anew in each row.
    Drawn(Box<Distribution>),
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Any {
            Number(f64),
            Text(String),
            Drawn(BTreeMap<String, Parameters>),
        }
        match Any::deserialize(from).map_err(|_| {
            D::Error::custom("must be a number, an expression as a text, or a distribution such as { poisson = 3 }")
        })? {
            Any::Number(x) => Ok(Number::Fixed(x)),
            Any::Text(text) => Ok(Number::Said(text)),
            Any::Drawn(said) => {
                let mut all = said.into_iter();
                match (all.next(), all.next()) {
                    (Some((name, parameters)), None) => {
                        let family = Family::named(&name).ok_or_else(|| D::Error::custom(no_family(&name)))?;
                        let drawn = Distribution::new(family, parameters).map_err(D::Error::custom)?;
                        Ok(Number::Drawn(Box::new(drawn)))
                    }
                    _ => Err(D::Error::custom("must name one distribution")),
                }
            }
        }
    }
}

/// What is said of a distribution that there is not.
pub(crate) fn no_family(name: &str) -> String {
    let all: Vec<&str> = FAMILIES.iter().map(|f| f.name).collect();
    format!("there is no distribution `{name}`; there are {}", all.join(", "))
}

/// Parameters as they are written: in order, by name, or one alone.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(untagged)]
pub(crate) enum Parameters {
    One(Number),
    List(Vec<Number>),
    Named(BTreeMap<String, Number>),
}

/// A family of distributions.
#[derive(Debug)]
pub struct Family {
    /// Its name in a file.
    pub name: &'static str,
    /// Its parameters, and what each is if it is not given.
    pub parameters: &'static [(&'static str, Option<f64>)],
    /// Whether its values are whole numbers.
    pub whole: bool,
    /// What it is, for people.
    pub about: &'static str,
}

impl PartialEq for Family {
    fn eq(&self, other: &Family) -> bool {
        self.name == other.name
    }
}

impl Family {
    /// The family of a name.
    pub fn named(name: &str) -> Option<&'static Family> {
        FAMILIES.iter().find(|f| f.name == name)
    }
}

/// A distribution with its parameters, in the order of the family's.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    /// Its family.
    pub family: &'static Family,
    /// Its parameters.
    pub parameters: Vec<Number>,
}

impl Distribution {
    pub(crate) fn new(family: &'static Family, said: Parameters) -> Result<Distribution, String> {
        let names: Vec<&str> = family.parameters.iter().map(|p| p.0).collect();
        let takes = || format!("`{}` takes {}", family.name, names.join(", "));
        let mut given: Vec<Option<Number>> = vec![None; names.len()];
        match said {
            Parameters::One(x) if !names.is_empty() => given[0] = Some(x),
            Parameters::One(_) => return Err(takes()),
            Parameters::List(list) if list.len() <= names.len() => {
                list.into_iter().zip(&mut given).for_each(|(x, place)| *place = Some(x));
            }
            Parameters::List(_) => return Err(takes()),
            Parameters::Named(named) => {
                for (name, x) in named {
                    let Some(k) = names.iter().position(|n| *n == name) else {
                        return Err(format!("there is no `{name}`; {}", takes()));
                    };
                    given[k] = Some(x);
                }
            }
        }
        let filled = given.into_iter().zip(family.parameters).map(|(x, (name, default))| {
            x.or(default.map(Number::Fixed)).ok_or_else(|| format!("`{name}` is not given; {}", takes()))
        });
        Ok(Distribution { family, parameters: filled.collect::<Result<_, _>>()? })
    }
}

/// All families.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "uniform",
        parameters: &[("low", Some(0.0)), ("high", Some(1.0))],
        whole: false,
        about: "any number between two",
    },
    Family {
        name: "integer",
        parameters: &[("low", None), ("high", None)],
        whole: true,
        about: "any whole number between two, both included",
    },
    Family {
        name: "normal",
        parameters: &[("mean", Some(0.0)), ("sd", Some(1.0))],
        whole: false,
        about: "the bell curve",
    },
    Family {
        name: "lognormal",
        parameters: &[("mean", Some(0.0)), ("sd", Some(1.0))],
        whole: false,
        about: "whose logarithm is normal with this mean and sd",
    },
    Family { name: "exponential", parameters: &[("mean", Some(1.0))], whole: false, about: "waits without memory" },
    Family {
        name: "gamma",
        parameters: &[("shape", None), ("scale", Some(1.0))],
        whole: false,
        about: "sums of waits",
    },
    Family { name: "beta", parameters: &[("a", None), ("b", None)], whole: false, about: "shares between 0 and 1" },
    Family {
        name: "weibull",
        parameters: &[("scale", None), ("shape", None)],
        whole: false,
        about: "times to failure",
    },
    Family { name: "pareto", parameters: &[("scale", None), ("shape", None)], whole: false, about: "a few very large" },
    Family {
        name: "triangular",
        parameters: &[("low", None), ("mode", None), ("high", None)],
        whole: false,
        about: "least, likeliest, greatest",
    },
    Family { name: "student", parameters: &[("freedom", None)], whole: false, about: "heavy tails around 0" },
    Family { name: "poisson", parameters: &[("mean", None)], whole: true, about: "counts of what is rare" },
    Family { name: "binomial", parameters: &[("n", None), ("p", None)], whole: true, about: "successes in n tries" },
    Family {
        name: "negative_binomial",
        parameters: &[("r", None), ("p", None)],
        whole: true,
        about: "failures before r successes, each of chance p; r may be a fraction",
    },
    Family { name: "geometric", parameters: &[("p", None)], whole: true, about: "failures before the first success" },
    Family {
        name: "zipf",
        parameters: &[("n", None), ("exponent", Some(1.0))],
        whole: true,
        about: "ranks 1 to n, the k-th with weight 1 / k^exponent",
    },
];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Number, String> {
        #[derive(serde::Deserialize)]
        struct File {
            x: Number,
        }
        toml::from_str::<File>(text).map(|f| f.x).map_err(|e| e.message().to_owned())
    }

    #[test]
    fn numbers_may_be_fixed_computed_or_drawn() {
        assert_eq!(read("x = 3"), Ok(Number::Fixed(3.0)));
        assert_eq!(read("x = \"age / 2\""), Ok(Number::Said("age / 2".to_owned())));
        let drawn = |text: &str| match read(text).unwrap() {
            Number::Drawn(d) => (d.family.name, d.parameters),
            other => panic!("{other:?}"),
        };
        assert_eq!(drawn("x = { normal = [1, 2] }"), ("normal", vec![Number::Fixed(1.0), Number::Fixed(2.0)]));
        assert_eq!(drawn("x = { normal = { sd = 2 } }"), ("normal", vec![Number::Fixed(0.0), Number::Fixed(2.0)]));
        assert_eq!(drawn("x = { poisson = \"a\" }"), ("poisson", vec![Number::Said("a".to_owned())]));
    }
}
