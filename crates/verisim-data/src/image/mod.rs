//! Sets of images: read from folders, IDX files and NumPy archives, held as bytes, written back in any of these.
//!
//! | path | what is read |
//! |---|---|
//! | a folder of folders | the images in them; each folder is a class |
//! | a folder of images | images without classes |
//! | `*-images-idx3-ubyte`, `*.idx3-ubyte` | IDX, with the labels in the file `*-labels-idx1-ubyte` beside it |
//! | a prefix such as `mnist/t10k`, or a folder with `train-images-idx3-ubyte` | the same |
//! | a name such as `fashion-mnist/t10k` | the same, of a data set that a package has installed under `/usr/share/datasets` |
//! | `.npz` | the arrays `images` (N,H,W or N,H,W,C; bytes) and, if there, `labels` and `classes` |
//!
//! IDX files may also end in `.gz`. In a folder, images are the files that end in `.png`, `.jpg` (`.jpeg`, `.jpe`, `.jfif`),
//! `.webp`, `.bmp`, `.tif` (`.tiff`), `.gif`, `.ico` or `.tga`; of several pages or frames the first is read, of several sizes of
//! an icon the largest. Other files are counted and left out: AVIF and HEIC have no decoder in Rust that can be trusted with files
//! of strangers. What is under an alpha of 0 is not seen, so it is read as white whatever it is.

mod decode;
mod folder;
mod idx;
mod kind;
mod npz;
mod raw;
mod read;
mod set;
mod settings;
mod shape;
mod sheet;
mod spec;
mod store;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use folder::is_image;
pub use folder::most_bad;
pub use kind::{Chunk, Source};
use npz::is_npz;
pub use set::{Images, Reading};
pub use settings::{Channels, Fit, ReadSettings, Size};
pub use shape::Shape;
pub use sheet::{magnified, rows_of};
pub use spec::Spec;
pub use write::{Writer, grid, png_bytes};
