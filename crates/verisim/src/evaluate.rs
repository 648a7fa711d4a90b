//! `evaluate`: how good and how private synthetic data are.

use std::path::{Path, PathBuf};

use verisim_data::{Claim, Watch};
use verisim_infer::read;
use verisim_metrics::{Compare, Document, Known};
use verisim_models::artefact::File;

use crate::ask::Ask;
use crate::error::{Error, Result};
use crate::kinds::{Kind, kind_in, kind_of};

/// Compares synthetic data with real ones. What can be asked is in [`table::Ask`](verisim_metrics::table::Ask) and
/// [`image::Ask`](verisim_metrics::image::Ask), and `model`: a run directory or an artefact that says what the data are and how they
/// are read.
///
/// # Errors
/// When data cannot be read or compared.
pub fn evaluate(mut ask: Ask, watch: &mut dyn Watch) -> Result<Document> {
    let Some(real) = ask.text("real").map(PathBuf::from) else {
        return Err(Error::Ask { problem: "`real` is missing: the data that the model learnt".into() });
    };
    let kind = kind_of(&real);
    for other in ["synthetic", "holdout"].into_iter().filter_map(|name| ask.text(name)) {
        check_alike(Path::new(other), &real)?;
    }
    let model = match ask.take::<PathBuf>("model")? {
        Some(path) => {
            let file = read(&path)?;
            let makes = kind_in(&file, &path)?.plural();
            if !kind.made(&file) {
                return Err(Error::OtherModel { path, makes, real, holds: kind.one() });
            }
            Some(file)
        }
        None => None,
    };
    kind.evaluate(ask, model, watch)
}

/// Refuses data that are of another kind for sure.
fn check_alike(path: &Path, real: &Path) -> Result<()> {
    let (kind, other) = (kind_of(real), kind_of(path));
    // What is not there is missed by its reader.
    if kind.claims(path) != Claim::No || other.claims(path) == Claim::No || !real.exists() {
        return Ok(());
    }
    Err(Error::Unlike { path: path.into(), holds: other.one(), real: real.into(), other: kind.one() })
}

/// The evaluation of data of kind `K`, whether the verbs know that kind or not.
///
/// # Errors
/// As [`evaluate`].
pub fn of_kind<K: Kind>(
    ask: &<K as Compare>::Ask,
    model: Option<File>,
    watch: &mut dyn Watch,
) -> Result<Document> {
    let known = match model {
        Some(file) => {
            let (header, _) = file.into_parts::<K>()?;
            Some(Known { source: header.source, spec: header.spec })
        }
        None => None,
    };
    Ok(K::compare(ask, known.as_ref(), &*K::eyes(ask)?, watch)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_names() {
        let of = |path: &str| kind_of(Path::new(path)).plural();
        assert_eq!(["a.csv", "b.parquet", "c", "d.npz"].map(of), ["tables", "tables", "tables", "images"]);
    }
}
