//! What every kind of data has in common, as far as no model is needed.

use std::fmt::Debug;
use std::io::Write;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::watch::Watch;

/// A kind of data, such as tables or images; the type of its sets stands for it.
///
/// The other crates add their own step: `Learn`, `Generate`, `Compare`. None of them knows all kinds.
pub trait Data: Sized + Send + Sync + 'static {
    /// The name of the kind, e.g. `table`.
    const NAME: &'static str;
    /// One set of them, with its article.
    const ONE: &'static str;
    /// Several of them, as in "a model of images".
    const PLURAL: &'static str;
    /// What is counted, e.g. `rows`.
    const UNIT: &'static str;
    /// What is read and how: the section `[data]` of a config.
    type Source: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync;
    /// What an artefact says of the data that it makes.
    type Spec: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync;
    /// Part of a sample, ready to be written.
    type Chunk: Send;

    /// Whether the data at `path` are of this kind. `Yes` by what is there or by a name that only this kind has.
    fn claims(path: &Path) -> Claim;

    /// Whether there are data at `path`; a name may stand for files that begin so.
    fn exists(path: &Path) -> bool {
        path.exists()
    }

    /// Where the data are.
    fn path(source: &Self::Source) -> &Path;

    /// The source with its data at another place.
    fn at(source: Self::Source, path: &Path) -> Self::Source;

    /// Reads the data, and tells `watch` what was left out.
    ///
    /// # Errors
    /// When they cannot be read, or are not of this kind.
    fn read(source: &Self::Source, watch: &mut dyn Watch) -> Result<Self>;

    /// What is wrong with the description in an artefact, for one that was tampered with.
    fn problem(spec: &Self::Spec) -> Option<String>;

    /// Where `count` of them are written. `says` is written beside them where the format has room: keywords and texts.
    ///
    /// # Errors
    /// When the target cannot be made, or is of no format that this kind is written in.
    fn sink<'t>(
        spec: &Self::Spec,
        target: Target<'t>,
        count: u64,
        says: &[(String, String)],
    ) -> Result<Box<dyn Sink<Self::Chunk> + 't>>;
}

/// Whether data are of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// They are not.
    No,
    /// They are if no other kind is surer, as of a name that says little.
    Maybe,
    /// They are.
    Yes,
}

/// Where a sample goes.
pub enum Target<'t> {
    /// A file or a folder, which appears when it is whole.
    Path(&'t Path),
    /// A stream, such as standard output.
    Stream(Box<dyn Write + Send + 't>),
}

/// Takes a sample, chunk by chunk.
pub trait Sink<C>: Send {
    /// Writes the next chunk.
    ///
    /// # Errors
    /// When it cannot be written.
    fn write(&mut self, chunk: &C) -> Result<()>;

    /// Ends the output and gives it its name. A sink that is dropped before leaves nothing.
    ///
    /// # Errors
    /// When the rest cannot be written.
    fn finish(self: Box<Self>) -> Result<()>;
}
