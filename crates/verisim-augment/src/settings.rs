//! How the settings of a step are declared.

use crate::range::Range;

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

impl<T: Limited> Limited for Option<T> {
    fn limit(&self, key: &str, low: f64, high: f64) -> Result<(), String> {
        self.as_ref().map_or(Ok(()), |x| x.limit(key, low, high))
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
                $($($crate::settings::Limited::limit(&self.$field, stringify!($field), f64::from($low), f64::from($high))?;)?)*
                $($(self.$field.whole_within(stringify!($field), f64::from($least), f64::from($most))?;)?)*
                Ok(())
            }
        }
    };
}
pub(crate) use settings;
