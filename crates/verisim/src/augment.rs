//! `augment`: more of the data there are.

use std::path::{Path, PathBuf};

use verisim_augment::Pipeline;
use verisim_augment::pipeline::PRESETS;
use verisim_data::Watch;
use verisim_data::error::nearest;
use verisim_train::Config;

pub use verisim_augment::pipeline::{About, steps};
pub use verisim_augment::{Ask as Files, Augmented, Leaks};

use crate::configs::Shipped;
use crate::error::{Error, Result};

/// What an augmentation is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ask {
    /// A pipeline's file, or the name of one that comes along.
    pub pipeline: PathBuf,
    /// Settings in place of what it says: `seed=7`.
    pub set: Vec<String>,
    /// The data, and what becomes of them.
    pub files: Files,
}

/// The pipelines that come along, by task.
pub fn pipelines() -> impl Iterator<Item = Shipped> {
    PRESETS.iter().map(|&(name, text)| Shipped { name, text })
}

/// Changes data as a pipeline says.
///
/// # Errors
/// When the pipeline is none, or as [`verisim_augment::augment`].
pub fn augment(ask: &Ask, watch: &mut dyn Watch) -> Result<Augmented> {
    let pipeline = read(&ask.pipeline, &ask.set)?;
    Ok(verisim_augment::augment(&pipeline, &ask.files, watch)?)
}

/// Finds what of `b` is a copy of something of `a`: two sets of pictures, or two tables.
///
/// # Errors
/// When the two are not of one kind, or cannot be read.
pub fn leaks(a: &Path, b: &Path, watch: &mut dyn Watch) -> Result<Leaks> {
    Ok(verisim_augment::leaks(a, b, watch)?)
}

/// Puts together the folders that shards of one augmentation of pictures made, in any order.
///
/// # Errors
/// When a part is missing, or `out` is not free.
pub fn join(parts: &[PathBuf], out: &Path) -> Result<()> {
    let parts: Vec<&Path> = parts.iter().map(PathBuf::as_path).collect();
    Ok(verisim_augment::put_together(&parts, out)?)
}

/// Draws a picture of some of a set before and after the steps, as PNG.
///
/// # Errors
/// When the pipeline is none, the data are no set of pictures, or there is no writing to `to`.
pub fn preview(ask: &Ask, to: &Path) -> Result<()> {
    Ok(verisim_augment::preview(&read(&ask.pipeline, &ask.set)?, &ask.files.data, to)?)
}

/// The pipeline that `named` is.
fn read(named: &Path, sets: &[String]) -> Result<Pipeline> {
    let name = named.to_string_lossy();
    let config = match pipelines().find(|preset| preset.name == name) {
        Some(preset) if !named.exists() => Config::new(preset.text, named, sets)?,
        _ if named.is_file() => Config::read(named, sets)?,
        _ => {
            let hint = match nearest(&name, pipelines().map(|preset| preset.name)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!(
                    "those that come along: {}",
                    PRESETS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
                ),
            };
            let problem = format!("{name}: no such file, and no pipeline of that name comes along; {hint}");
            return Err(Error::Ask { problem });
        }
    };
    Ok(config.settings()?)
}
