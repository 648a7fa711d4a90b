//! From what people have to a world's file to edit: a table of data becomes declared distributions that are fitted to it, a schema becomes
//! tables with keys.

mod fit;
mod schema;

pub use fit::fit;
pub use schema::world;

/// A key or a text of TOML.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
