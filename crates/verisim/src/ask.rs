//! What is asked of a verb before it is known of which kind of data: names and values.
//!
//! Every door, a command line, keyword arguments, a request over HTTP, writes one [`Ask`]. What the verb and the kind of data know is
//! taken from it; whatever is left has no meaning there and is refused, in one way for all.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// Names and values.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Ask(Map<String, Value>);

impl Ask {
    /// Nothing asked, so every default.
    pub fn new() -> Ask {
        Ask::default()
    }

    /// With `name` set to `value`; a value that has no place in JSON, or is `None`, is not asked.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Serialize) -> Ask {
        match serde_json::to_value(value) {
            Ok(Value::Null) | Err(_) => {}
            Ok(value) => {
                self.0.insert(name.into(), value);
            }
        }
        self
    }

    /// With `name` set if `given`.
    #[must_use]
    pub fn with_flag(self, name: &str, given: bool) -> Ask {
        if given { self.with(name, true) } else { self }
    }

    /// Takes out the value of `name`, if it is asked.
    ///
    /// # Errors
    /// When the value is of another sort.
    pub fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>> {
        self.0.remove(name).map(|value| serde_json::from_value(value).map_err(|e| misunderstood(&e))).transpose()
    }

    /// The value of `name` as text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// All that is asked as a `T`, which refuses names that it does not know.
    pub(crate) fn read<T: DeserializeOwned>(self) -> Result<T, Refusal> {
        serde_json::from_value(Value::Object(self.0)).map_err(|e| match unknown(&e.to_string()) {
            Some(name) => Refusal::Unknown(name),
            None => Refusal::Misunderstood(misunderstood(&e)),
        })
    }

    /// Whether a `T` knows `name`.
    pub(crate) fn knows<T: DeserializeOwned>(name: &str) -> bool {
        let only = Map::from_iter([(name.to_owned(), Value::Null)]);
        match serde_json::from_value::<T>(Value::Object(only)) {
            Ok(_) => true,
            Err(e) => unknown(&e.to_string()).is_none(),
        }
    }
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

fn misunderstood(error: &serde_json::Error) -> Error {
    Error::Ask { problem: error.to_string() }
}
