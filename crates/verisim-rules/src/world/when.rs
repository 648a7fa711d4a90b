//! Dates and times: from when to when, and on which days and hours more than on others.

pub use crate::process::Moment;

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
