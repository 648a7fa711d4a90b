//! The seam between kinds of data and whoever asks for an evaluation.

use serde::de::DeserializeOwned;
use verisim_data::{Data, Watch};

use crate::{Document, Result};

/// A kind of data whose synthetic form can be compared with the real one.
pub trait Compare: Data {
    /// What an evaluation is asked for; unknown keys are refused.
    type Ask: DeserializeOwned + Send;
    /// Networks that look at the data. They live above this crate, which has no tensors; `()` where none are needed.
    type Eyes: ?Sized;

    /// Reads what `ask` names and compares it; `watch` hears what was left out. `known` is what a trained model says of its
    /// data; without it, the real data say what they are.
    ///
    /// # Errors
    /// When data cannot be read or compared.
    fn compare(
        ask: &Self::Ask,
        known: Option<&Known<Self>>,
        eyes: &Self::Eyes,
        watch: &mut dyn Watch,
    ) -> Result<Document>;
}

/// What a trained model says of its data.
#[derive(Clone, Debug)]
pub struct Known<K: Data> {
    /// How they were read; files of old formats do not tell.
    pub source: Option<K::Source>,
    /// What they are.
    pub spec: K::Spec,
}
