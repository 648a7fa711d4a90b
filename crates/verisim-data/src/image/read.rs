//! Reading a set of images, whatever its format.

use std::path::Path;

use super::set::{Images, Reading};
use super::settings::ReadSettings;
use super::{folder, idx, npz};
use crate::error::{Error, Result};

impl Images {
    /// The set at `path`; what may stand there is in the header of [`images`](crate::image). Files are decoded and
    /// resized on all threads; their order is that of their names, class by class.
    ///
    /// # Errors
    /// When there is no set, it holds no image, its images disagree in size and `settings` give none, more of them are
    /// damaged than `settings` allow, or a header does not agree with what follows it.
    pub fn read(path: &Path, settings: &ReadSettings) -> Result<(Images, Reading)> {
        settings.check()?;
        if let Some(images) = idx::find(path) {
            return idx::read(&images, settings);
        }
        if path.is_dir() {
            return folder::read(path, settings);
        }
        if !path.exists() {
            return Err(Error::file(
                path,
                "there is no such file or folder (nor IDX files whose names begin so); check the path",
            ));
        }
        if npz::is_npz(path) {
            return npz::read(path, settings);
        }
        Err(Error::file(
            path,
            if folder::is_image(path) {
                "is a single image; name the folder that holds the images"
            } else {
                "is no set of images; name a folder of images, an IDX file (*-images-idx3-ubyte, also with .gz) or an .npz"
            },
        ))
    }

    /// Sizes (height, width) of the images at `path` and how often they occur, the most frequent first: from the headers of a
    /// folder's files. None for other sets, which have one size.
    ///
    /// # Errors
    /// When the folder holds no images.
    pub fn sizes(path: &Path) -> Result<Vec<((usize, usize), usize)>> {
        if path.is_dir() && idx::find(path).is_none() { folder::sizes(path) } else { Ok(Vec::new()) }
    }
}
