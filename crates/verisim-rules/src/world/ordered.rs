//! Tables of TOML in the order in which they are written, with the place of each key.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use toml::Spanned;

/// What stands under each key, in the order of the file.
#[derive(Clone, Debug)]
pub struct Ordered<T>(pub Vec<Entry<T>>);

/// A key, where it stands, and what it says.
#[derive(Clone, Debug)]
pub struct Entry<T> {
    /// The key.
    pub name: String,
    /// Its first byte in the file.
    pub at: usize,
    /// What it says.
    pub value: T,
}

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Ordered(Vec::new())
    }
}

impl<T> Ordered<T> {
    /// Each key with what it says.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|e| (e.name.as_str(), &e.value))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct All<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for All<T> {
            type Value = Ordered<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(key) = map.next_key::<Spanned<String>>()? {
                    let at = key.span().start;
                    all.push(Entry { name: key.into_inner(), at, value: map.next_value()? });
                }
                all.sort_by_key(|e| e.at);
                Ok(Ordered(all))
            }
        }
        from.deserialize_map(All(PhantomData))
    }
}
