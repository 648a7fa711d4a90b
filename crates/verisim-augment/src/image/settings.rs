//! How the settings of a transform are declared, and what every transform can do.

use verisim_data::rng::Stream;

use super::act::Act;
use super::edge::Edge;
use super::labels::Labels;
use crate::range::Range;

/// What a transform may know of the item when it draws.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// Of the picture as it is when the step comes.
    pub width: usize,
    /// Of the picture as it is when the step comes.
    pub height: usize,
    /// Labels as they are then.
    pub labels: &'a Labels,
    /// How many other items there are to mix with.
    pub partners: u64,
}

/// One transform: settings that chance is drawn by. What comes of it is an [`Act`] without chance.
pub trait Change {
    /// Whether the settings can be.
    fn check(&self) -> Result<(), String>;
    /// What is done to this item.
    fn draw(&self, rng: &mut Stream, view: &View) -> Act;
}

/// A setting with limits.
pub(crate) trait Limited {
    fn limit(&self, key: &str, low: f64, high: f64) -> Result<(), String>;
}

impl Limited for Range {
    fn limit(&self, key: &str, low: f64, high: f64) -> Result<(), String> {
        self.within(key, low, high)
    }
}

impl Limited for f64 {
    fn limit(&self, key: &str, low: f64, high: f64) -> Result<(), String> {
        Range::Number(*self).within(key, low, high)
    }
}

impl Limited for usize {
    fn limit(&self, key: &str, low: f64, high: f64) -> Result<(), String> {
        Range::Number(*self as f64).within(key, low, high)
    }
}

impl Limited for Edge {
    fn limit(&self, _: &str, _: f64, _: f64) -> Result<(), String> {
        self.check()
    }
}

/// A struct of settings with their docs, defaults and limits. `in a to b` is a limit, `whole a to b` one of whole numbers.
macro_rules! settings {
    ($(#[$meta:meta])* $name:ident {
        $($(#[$doc:meta])* $field:ident: $type:ty = $default:expr $(, in $low:literal to $high:literal)? $(, whole $least:literal to $most:literal)?;)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[$doc])* pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> $name {
                $name { $($field: $default,)* }
            }
        }

        impl $name {
            #[allow(clippy::unnecessary_wraps)]
            fn limits(&self) -> Result<(), String> {
                $($($crate::image::settings::Limited::limit(&self.$field, stringify!($field), f64::from($low), f64::from($high))?;)?)*
                $($(self.$field.whole_within(stringify!($field), f64::from($least), f64::from($most))?;)?)*
                Ok(())
            }
        }
    };
}
pub(crate) use settings;
