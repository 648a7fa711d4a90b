//! Images as a kind of data.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Images, ReadSettings, Spec, Writer, folder, idx, is_npz};
use crate::error::{Error, Result};
use crate::kind::{Claim, Data, Sink, Target};
use crate::watch::{Event, Watch};

/// Which images are read, and how: `[data]` of a config.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// A folder of images, IDX files or an `.npz`; relative to the working directory.
    pub path: PathBuf,
    /// How they are read: `size = 32`, `channels = "rgb"`, `fit = "crop"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<ReadSettings>,
}

/// Part of a sample.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// Bytes of the images, one after another.
    pub pixels: Vec<u8>,
    /// A class number each; none without classes.
    pub labels: Vec<u32>,
}

/// Skipped files that are named while images are read.
const NAMED: usize = 5;
/// Fewer images than this are learnt with a warning.
const FEW: usize = 30;

impl Data for Images {
    const NAME: &'static str = "image";
    const ONE: &'static str = "a set of images";
    const PLURAL: &'static str = "images";
    const UNIT: &'static str = "images";
    type Source = Source;
    type Spec = Spec;
    type Chunk = Chunk;

    /// By name too, so that a file that is not there is missed as a set of images and not as a table. A folder may hold
    /// images as long as no model is in it.
    fn claims(path: &Path) -> Claim {
        if path.is_dir() {
            return if path.join("model.safetensors").exists() { Claim::No } else { Claim::Maybe };
        }
        if is_npz(path) || idx::is_images(path) || idx::find(path).is_some() { Claim::Yes } else { Claim::No }
    }

    fn exists(path: &Path) -> bool {
        path.exists() || idx::find(path).is_some()
    }

    fn path(source: &Source) -> &Path {
        &source.path
    }

    fn at(source: Source, path: &Path) -> Source {
        Source { path: path.to_owned(), ..source }
    }

    fn read(source: &Source, watch: &mut dyn Watch) -> Result<Images> {
        let (images, reading) = Images::read(&source.path, &source.images.clone().unwrap_or_default())?;
        reading.tell(watch);
        if images.len() < FEW {
            let (n, s) = (images.len(), if images.len() == 1 { "" } else { "s" });
            watch.on(Event::Note(format!(
                "warning: {n} image{s} to learn: a model can hardly do more than repeat what is in so few; give it hundreds"
            )));
        }
        Ok(images)
    }

    fn problem(spec: &Spec) -> Option<String> {
        spec.problem().map(|problem| format!("description of its images: {problem}"))
    }

    fn sink<'t>(
        spec: &Spec,
        target: Target<'t>,
        count: u64,
        says: &[(String, String)],
    ) -> Result<Box<dyn Sink<Chunk> + 't>> {
        match target {
            Target::Path(path) => Ok(Box::new(Writer::create(path, spec.shape, &spec.classes, count as usize, says)?)),
            Target::Stream(_) => Err(Error::images("images go to a folder or a file, not to a stream; name one")),
        }
    }
}

impl super::Reading {
    /// What was left out because its name is not that of an image that can be read, in words; none where all was read.
    pub fn left_out(&self) -> Option<String> {
        let files = folder::counted(&self.left_out);
        (!files.is_empty()).then(|| format!("{files}; convert those that are images, to .png or .jpg"))
    }

    /// Tells which files were skipped, the first few by name, and how many were left out.
    pub fn tell(&self, watch: &mut dyn Watch) {
        if let Some(files) = self.left_out() {
            watch.on(Event::Note(format!("left out {files}")));
        }
        for (path, why) in self.skipped.iter().take(NAMED) {
            watch.on(Event::Note(format!("skipped {}: {why}", path.display())));
        }
        if self.skipped.len() > NAMED {
            let more = self.skipped.len() - NAMED;
            watch.on(Event::Note(format!("skipped {more} more; verisim inspect names them all")));
        }
    }
}

impl Sink<Chunk> for Writer {
    fn write(&mut self, chunk: &Chunk) -> Result<()> {
        Writer::write(self, &chunk.pixels, &chunk.labels)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Writer::finish(*self)
    }
}
