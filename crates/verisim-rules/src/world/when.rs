//! Dates and times: from when to when, and on which days and hours more than on others.

use serde::de::{Deserialize, Deserializer, Error};

use crate::expression::iso;

/// A moment: a date or time of the file, or an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Moment {
    /// Microseconds since 1970-01-01.
    Fixed(i64),
    /// An expression.
    Said(String),
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Any {
            Stamp(toml::value::Datetime),
            Text(String),
        }
        let wrong = "must be a date or time such as 2024-01-31, or an expression as a text";
        match Any::deserialize(from).map_err(|_| D::Error::custom(wrong))? {
            Any::Stamp(stamp) => {
                iso(&stamp.to_string()).map(|t| Moment::Fixed(t.0)).ok_or_else(|| D::Error::custom(wrong))
            }
            Any::Text(text) => Ok(iso(&text).map_or(Moment::Said(text), |t| Moment::Fixed(t.0))),
        }
    }
}

/// A date between two.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DateSaid {
    /// The first day.
    pub from: Moment,
    /// The last day.
    pub to: Moment,
    /// Weights of Monday to Sunday.
    #[serde(default)]
    pub weekdays: Option<Vec<f64>>,
    /// Weights of January to December.
    #[serde(default)]
    pub months: Option<Vec<f64>>,
    /// Days that are left out, as in 2024-12-25 or, each year, 12-25.
    #[serde(default)]
    pub holidays: Vec<String>,
    /// Monday to Friday alone, but for holidays.
    #[serde(default)]
    pub business: bool,
    /// How many times as frequent the last day is as the first: growth over the whole time.
    #[serde(default)]
    pub growth: Option<f64>,
}

/// A time between two.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeSaid {
    /// The earliest.
    pub from: Moment,
    /// Before when.
    pub to: Moment,
    /// Weights of the hours from midnight on, 24 of them.
    #[serde(default)]
    pub hours: Option<Vec<f64>>,
    /// Weights of Monday to Sunday.
    #[serde(default)]
    pub weekdays: Option<Vec<f64>>,
    /// Weights of January to December.
    #[serde(default)]
    pub months: Option<Vec<f64>>,
    /// Days that are left out, as in 2024-12-25 or, each year, 12-25.
    #[serde(default)]
    pub holidays: Vec<String>,
    /// Monday to Friday, 9 to 17 o'clock, but for holidays.
    #[serde(default)]
    pub business: bool,
    /// How many times as frequent the end is as the beginning.
    #[serde(default)]
    pub growth: Option<f64>,
    /// Seconds that times are cut to, 1 unless given: 60 for whole minutes.
    #[serde(default)]
    pub step: Option<f64>,
}
