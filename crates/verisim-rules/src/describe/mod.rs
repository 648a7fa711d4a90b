//! From what people have to a world's file to edit: a table of data becomes declared distributions that are fitted to it.

mod fit;

pub use fit::fit;
