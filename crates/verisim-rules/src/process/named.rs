//! Tables of a file in the order in which they are written: columns stand in it, and expressions may read what stands before them.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use toml::Spanned;

/// What stands under each key, in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Named<T>(pub Vec<(String, T)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Named(Vec::new())
    }
}

impl<T> Named<T> {
    /// Each key with what it says.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|e| (e.0.as_str(), &e.1))
    }

    /// The keys.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(|e| e.0.clone()).collect()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct All<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for All<T> {
            type Value = Named<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(key) = map.next_key::<Spanned<String>>()? {
                    let at = key.span().start;
                    all.push((at, key.into_inner(), map.next_value()?));
                }
                all.sort_by_key(|e| e.0);
                Ok(Named(all.into_iter().map(|(_, name, value)| (name, value)).collect()))
            }
        }
        from.deserialize_map(All(PhantomData))
    }
}
