//! What is asked of a verb before it is known of which kind of data: names and values.
//!
//! Every door, a command line, keyword arguments, a request over HTTP, writes one [`Ask`]. What the verb and the kind of data know is
//! taken from it; whatever is left has no meaning there and is refused, in one way for all.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// Names and values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ask {
    asked: Map<String, Value>,
    /// What could not even be asked, as a path that is no text: said as soon as the rest is looked at.
    wrong: Option<String>,
}

impl Ask {
    /// Nothing asked, so every default.
    pub fn new() -> Ask {
        Ask::default()
    }

    /// With `name` set to `value`; `None` is not asked.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Serialize) -> Ask {
        match serde_json::to_value(value) {
            Ok(Value::Null) => {}
            Ok(value) => {
                self.asked.insert(name.into(), value);
            }
            Err(e) => self.wrong = self.wrong.or_else(|| Some(format!("`{name}`: {e}; give it another name"))),
        }
        self
    }

    /// With `name` set to a number. JSON has no place for one that is not finite: it goes as text, so that whoever reads it can refuse
    /// it.
    #[must_use]
    pub fn with_number(self, name: &str, value: Option<f64>) -> Ask {
        match value {
            Some(x) if !x.is_finite() => self.with(name, x.to_string()),
            value => self.with(name, value),
        }
    }

    /// Takes out the value of `name`, if it is asked.
    ///
    /// # Errors
    /// When the value is of another sort.
    pub fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>> {
        self.check()?;
        let read = |value| serde_json::from_value(value).map_err(|e| misunderstood(Some(name), &e));
        self.asked.remove(name).map(read).transpose()
    }

    /// The value of `name` as text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.asked.get(name)?.as_str()
    }

    /// The names that are asked.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.asked.keys().map(String::as_str)
    }

    /// All that is asked as a `T`, which refuses names that it does not know.
    pub(crate) fn read<T: DeserializeOwned>(self) -> Result<T, Refusal> {
        self.check().map_err(Refusal::Misunderstood)?;
        let error = match serde_json::from_value(Value::Object(self.asked.clone())) {
            Ok(read) => return Ok(read),
            Err(error) => error,
        };
        if let Some(name) = unknown(&error.to_string()) {
            return Err(Refusal::Unknown(name));
        }
        // serde names no key: the one that is refused by itself is the one that was meant.
        let alone =
            |name: &String, value: &Value| serde_json::from_value::<T>(Value::Object(only(name, value.clone())));
        let refused = self.asked.iter().find(|(name, value)| alone(name, value).is_err_and(|e| !lacks(&e)));
        Err(Refusal::Misunderstood(misunderstood(refused.map(|(name, _)| name.as_str()), &error)))
    }

    /// Refuses what could not even be asked.
    pub(crate) fn check(&self) -> Result<()> {
        self.wrong.as_ref().map_or(Ok(()), |problem| Err(Error::Ask { problem: problem.clone() }))
    }

    /// Whether a `T` knows `name`.
    pub(crate) fn knows<T: DeserializeOwned>(name: &str) -> bool {
        match serde_json::from_value::<T>(Value::Object(only(name, Value::Null))) {
            Ok(_) => true,
            Err(e) => unknown(&e.to_string()).is_none(),
        }
    }
}

fn only(name: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), value)])
}

/// Why an [`Ask`] cannot be read.
pub(crate) enum Refusal {
    /// A name that is not known.
    Unknown(String),
    /// A value of another sort, or one that is lacking.
    Misunderstood(Error),
}

/// The name in serde's message about an unknown one.
fn unknown(message: &str) -> Option<String> {
    let rest = message.strip_prefix("unknown field `")?;
    Some(rest.split_once('`')?.0.to_owned())
}

/// Whether the error is that another key is missing.
fn lacks(error: &serde_json::Error) -> bool {
    error.to_string().starts_with("missing field")
}

fn misunderstood(name: Option<&str>, error: &serde_json::Error) -> Error {
    let problem = name.map_or_else(|| error.to_string(), |name| format!("`{name}`: {error}"));
    Error::Ask { problem }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use verisim_infer::table;

    use super::*;

    #[test]
    fn what_is_not_known_is_told_from_what_is_wrong() {
        let ask = Ask::new().with("n", 5).with("seed", None::<u64>).with("where", ["age>=30"]);
        let read = ask.clone().read::<table::Ask>().ok().unwrap();
        assert_eq!((read.n, read.seed, read.conditions), (5, 0, vec!["age>=30".to_owned()]));
        assert!(
            matches!(ask.with("grid", "g.png").read::<table::Ask>(), Err(Refusal::Unknown(name)) if name == "grid")
        );
        let wrong = Ask::new().with("n", "five").read::<table::Ask>();
        assert!(matches!(wrong, Err(Refusal::Misunderstood(e)) if e.to_string().contains("`n`: ")));
        assert!(Ask::knows::<table::Ask>("max_tries") && !Ask::knows::<table::Ask>("grid"));
    }

    #[cfg(feature = "neural")]
    #[test]
    fn numbers_that_are_none_are_asked_all_the_same() {
        let ask = Ask::new().with_number("guidance", Some(f64::NAN)).read::<verisim_infer::image::Ask>();
        assert!(ask.ok().unwrap().guidance.unwrap().is_nan());
        let ask = Ask::new().with_number("guidance", Some(2.5)).read::<verisim_infer::image::Ask>();
        assert_eq!(ask.ok().unwrap().guidance, Some(2.5));
    }
}
