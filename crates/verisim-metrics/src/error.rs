//! What can be wrong with the data handed to an evaluation.

use std::path::PathBuf;

use thiserror::Error;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an evaluation cannot be made.
#[derive(Debug, Error)]
pub enum Error {
    /// Data that cannot be read.
    #[error(transparent)]
    Data(#[from] verisim_data::Error),
    /// A table without the columns of the real one.
    #[error("{} does not have the columns of {}", .path.display(), .real.display())]
    OtherColumns {
        /// The table.
        path: PathBuf,
        /// The real one.
        real: PathBuf,
        /// Which column is missing.
        source: Box<verisim_data::Error>,
    },
    /// A table without rows.
    #[error("the {table} table has no rows; give it at least one")]
    NoRows {
        /// `real`, `synthetic` or `hold-out`.
        table: &'static str,
    },
    /// The schema models no column.
    #[error(
        "the schema has no column to compare (only keys, free text, constants or empty columns); \
         set the kind of at least one column to a number or a category"
    )]
    NoColumns,
    /// A frame does not have the schema's columns.
    #[error(
        "the {table} table has {found} modelled columns, the schema {expected}; \
         parse every table with the schema of the training table"
    )]
    ColumnCount {
        /// `real`, `synthetic` or `hold-out`.
        table: &'static str,
        /// Columns in the frame.
        found: usize,
        /// Modelled fields in the schema.
        expected: usize,
    },
    /// A column holds numbers in one table and text in another.
    #[error(
        "column '{column}' of the {table} table does not hold what the schema says ({expected}); \
         parse every table with the schema of the training table"
    )]
    ColumnKind {
        /// `real`, `synthetic` or `hold-out`.
        table: &'static str,
        /// Column name.
        column: String,
        /// `numbers` or `categories`.
        expected: &'static str,
    },
    /// The target is not a column.
    #[error("there is no column '{target}' to predict; the columns are: {columns}")]
    UnknownTarget {
        /// The name asked for.
        target: String,
        /// The names there are.
        columns: String,
    },
    /// The target has nothing to learn in the training table.
    #[error(
        "column '{target}' cannot be predicted: {why}; choose a target with at least two values \
         in the training and the hold-out table"
    )]
    Target {
        /// The name asked for.
        target: String,
        /// What is wrong with it.
        why: String,
    },
    /// The boosted trees refused the data, for the reason given.
    #[error("boosted trees failed on these tables: {0}; check the tables for extreme numbers")]
    Boosting(String),
    /// Features that are not whole rows.
    #[error("{values} feature values are not whole rows of {dim}; hand in one row of the same length an image")]
    FeatureShape {
        /// Values handed in.
        values: usize,
        /// Values an image.
        dim: usize,
    },
    /// Features that are infinite or not a number.
    #[error("the features of image {image} are not finite; check the classifier that computed them")]
    FeatureValue {
        /// Which image, from 0.
        image: usize,
    },
    /// Features of two extractors.
    #[error("{first} and {second} features an image cannot be compared; use one classifier for all images")]
    FeatureDim {
        /// Features an image of one set.
        first: usize,
        /// Of the other.
        second: usize,
    },
    /// Features whose covariances have no finite roots.
    #[error("the spread of these features cannot be computed; check the classifier that computed them")]
    Covariance,
    /// A set of images that is too small to score.
    #[error("a set of {found} images is too small to compare; give it at least {least}")]
    TooFewImages {
        /// Images in it.
        found: usize,
        /// Images needed.
        least: usize,
    },
    /// A single real text, and none that a generator never saw.
    #[error("one real text cannot be halved; give more of them, or a hold-out")]
    OneText,
    /// Pixels that are not whole images.
    #[error(
        "the {found} bytes of {which} images are not whole images of {pixels} bytes; bring all images to one shape"
    )]
    PixelBytes {
        /// Which images they are, e.g. `synthetic`.
        which: &'static str,
        /// Bytes handed in.
        found: usize,
        /// Height × width × channels.
        pixels: usize,
    },
    /// Somebody asked for an end.
    #[error("stopped before all was compared")]
    Stopped,
    /// A network that cannot be trained, opened or used.
    #[error(transparent)]
    Network(Box<dyn std::error::Error + Send + Sync>),
}
