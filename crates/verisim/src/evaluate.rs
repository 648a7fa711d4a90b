//! `evaluate` of one kind of data.

use verisim_data::Watch;
use verisim_metrics::{Compare, Document, Known};
use verisim_models::artefact::File;

use crate::error::Result;
use crate::kind::Kind;

/// The evaluation of data of kind `K`; `K` need not be among the kinds that the verbs know.
///
/// # Errors
/// As [`evaluate`](crate::evaluate()).
pub fn of_kind<K: Kind>(ask: &<K as Compare>::Ask, model: Option<File>, watch: &mut dyn Watch) -> Result<Document> {
    let known = match model {
        Some(file) => {
            let (header, _) = file.into_parts::<K>()?;
            Some(Known { source: header.source, spec: header.spec })
        }
        None => None,
    };
    Ok(K::compare(ask, known.as_ref(), &*K::eyes(ask)?, watch)?)
}
