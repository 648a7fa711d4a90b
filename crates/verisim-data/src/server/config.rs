//! What a file says of a server: `[model.server]`.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};

/// A language model behind an endpoint that speaks as OpenAI's does. `T` is what says its temperature: a number, or what comes to one.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config<T = f64> {
    /// Where it is, without `/chat/completions`: `http://127.0.0.1:8080/v1`.
    #[serde(deserialize_with = "url")]
    pub base_url: String,
    /// The model, as the server calls it.
    pub model: String,
    /// The name of an environment variable that holds the key [no key is sent].
    #[serde(default)]
    pub key: Option<KeyName>,
    /// How freely the model draws [the server's].
    pub temperature: Option<T>,
    /// Only the likeliest tokens that together have this share are drawn [the server's].
    #[serde(default)]
    pub top_p: Option<f64>,
    /// The most tokens of a reply (512).
    #[serde(default = "tokens")]
    pub max_tokens: u32,
    /// The most requests at a time (4). Fewer, where the server says that they are too many.
    #[serde(default = "four", deserialize_with = "parallel")]
    pub parallel: usize,
    /// How often a reply is asked for that is not what it must be (3).
    #[serde(default = "three", deserialize_with = "tries")]
    pub tries: u32,
    /// What tokens cost, for the estimate.
    #[serde(default)]
    pub price: Option<Price>,
    /// Where replies are kept [beside the output].
    #[serde(default)]
    pub cache: Option<PathBuf>,
    /// Seconds until a request without an answer is given up (120).
    #[serde(default = "timeout", deserialize_with = "seconds")]
    pub timeout: f64,
    /// Seconds until a request that failed is sent again, and that a server that is asked too much is left alone (2); longer each time.
    #[serde(default = "pause", deserialize_with = "seconds")]
    pub pause: f64,
    /// How often a request is sent again that got no answer (5).
    #[serde(default = "five")]
    pub retries: u32,
}

/// What a million tokens cost, in any currency.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Of prompts.
    pub input: f64,
    /// Of replies.
    pub output: f64,
}

/// The name of an environment variable. Never the key itself, which is written nowhere.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(transparent)]
pub struct KeyName(pub String);

impl<'de> Deserialize<'de> for KeyName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let said = String::deserialize(from)?;
        let capital = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let starts = said.starts_with(|c: char| c.is_ascii_uppercase() || c == '_');
        // A key has a word of letters and digits in any order; the name of a variable has words.
        let digits = said.chars().filter(char::is_ascii_digit).count();
        if starts && said.len() <= 64 && said.chars().all(capital) && digits < 9 {
            return Ok(KeyName(said));
        }
        // What was said may be a key: it is not said again.
        Err(D::Error::custom(
            "must be the NAME of an environment variable in capital letters, such as OPENAI_API_KEY, which holds the key. \
             If this was the key itself, take it out of the file and make a new one",
        ))
    }
}

impl<T> Config<T> {
    /// The same with another way to say the temperature.
    pub fn with_temperature<U>(&self, temperature: Option<U>) -> Config<U> {
        Config {
            base_url: self.base_url.clone(),
            model: self.model.clone(),
            key: self.key.clone(),
            temperature,
            top_p: self.top_p,
            max_tokens: self.max_tokens,
            parallel: self.parallel,
            tries: self.tries,
            price: self.price,
            cache: self.cache.clone(),
            timeout: self.timeout,
            pause: self.pause,
            retries: self.retries,
        }
    }

    pub(super) fn pause(&self) -> Duration {
        Duration::from_secs_f64(self.pause)
    }
}

fn url<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let said = String::deserialize(from)?;
    let rest = said.strip_prefix("https://").or_else(|| said.strip_prefix("http://"));
    match rest {
        None | Some("") => Err(D::Error::custom("must begin with http:// or https://, as in http://127.0.0.1:8080/v1")),
        // It is written into what describes the output.
        Some(rest) if rest.contains(['@', '?', '#']) => Err(D::Error::custom(
            "must hold no user, password or question; say the name of a variable with the key as `key`",
        )),
        Some(_) => Ok(said.trim_end_matches('/').trim_end_matches("/chat/completions").to_owned()),
    }
}

fn within<'de, D: Deserializer<'de>>(from: D, least: u64, most: u64) -> Result<u64, D::Error> {
    let said = u64::deserialize(from)?;
    if (least..=most).contains(&said) {
        return Ok(said);
    }
    Err(D::Error::custom(format!("must be between {least} and {most}")))
}

fn parallel<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    within(from, 1, 256).map(|n| n as usize)
}

fn tries<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    within(from, 1, 20).map(|n| n as u32)
}

fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let said = f64::deserialize(from)?;
    if said > 0.0 && said <= 86_400.0 {
        Ok(said)
    } else {
        Err(D::Error::custom("must be seconds above 0, at most a day"))
    }
}

fn tokens() -> u32 {
    512
}

fn four() -> usize {
    4
}

fn three() -> u32 {
    3
}

fn five() -> u32 {
    5
}

fn timeout() -> f64 {
    120.0
}

fn pause() -> f64 {
    2.0
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(more: &str) -> Result<Config, String> {
        let text = format!("base_url = \"http://127.0.0.1:8080/v1/\"\nmodel = \"m\"\n{more}");
        toml::from_str(&text).map_err(|e| e.message().to_owned())
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let config = read("key = \"OPENAI_API_KEY\"").unwrap();
        assert_eq!(config.base_url, "http://127.0.0.1:8080/v1");
        assert_eq!((config.max_tokens, config.parallel, config.tries, config.retries), (512, 4, 3, 5));
        assert_eq!(config.key, Some(KeyName("OPENAI_API_KEY".into())));
        assert_eq!(config.temperature, None);
    }

    #[test]
    fn a_key_in_the_file_is_refused_and_not_said_again() {
        for key in ["sk-proj-aB3dE5fG7hI9", "gsk_aB3dE5fG7hI9jK", "0123ABCD", "A1B2C3D4E5F6G7H8I9J0K1", "hf_abc", ""] {
            let said = read(&format!("key = \"{key}\"")).unwrap_err();
            assert!(said.contains("NAME of an environment variable"), "{said}");
            assert!(key.is_empty() || !said.contains(key), "{said}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert!(read("parallel = 0").unwrap_err().contains("between 1 and 256"));
        assert!(read("tries = 0").unwrap_err().contains("between 1 and 20"));
        assert!(read("timeout = 0").unwrap_err().contains("above 0"));
        assert!(read("temprature = 1").unwrap_err().contains("temprature"));
        let url = |url: &str| toml::from_str::<Config>(&format!("base_url = \"{url}\"\nmodel = \"m\"")).unwrap_err();
        assert!(url("127.0.0.1:80").message().contains("must begin with"));
        assert!(url("http://me:secret@host/v1").message().contains("no user"));
    }
}
