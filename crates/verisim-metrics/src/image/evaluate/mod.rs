//! An evaluation of images from files to report: a network learns the real ones, and all are compared by its features.

mod copies;
mod network;
mod pictures;
mod sets;

use std::path::PathBuf;

use serde::Deserialize;
use verisim_data::file::{check_writable, write_atomically};
use verisim_data::image::{Images, Size};
use verisim_data::{Event, Watch};

use super::{Eyes, Report};
use crate::{Compare, Document, Known, Result};
use network::Network;
use sets::Sets;

/// What an evaluation of images is asked for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The images that the model was trained on: a folder, an IDX file or its prefix, an `.npz`.
    pub real: PathBuf,
    /// The images that it made. They are brought to the size and channels of the real ones.
    pub synthetic: PathBuf,
    /// The hold-out: real images that the model never saw.
    pub holdout: Option<PathBuf>,
    /// The size to bring all images to, where no model says it; needed when the real ones have several.
    pub size: Option<Size>,
    /// A network whose features are compared, in place of one that is trained here. If it tells as many classes apart as the real
    /// images have, they are taken to be theirs, in their order.
    pub features: Option<PathBuf>,
    /// A PNG to write: the synthetic images that are closest to a training image, each beside it.
    pub pairs: Option<PathBuf>,
    /// Where networks compute. Whoever makes the [`Eyes`] reads it.
    pub device: Option<String>,
    /// Seed of the order in which images are looked at; 42 when not given.
    pub seed: Option<u64>,
}

impl Compare for Images {
    type Ask = Ask;
    type Eyes = dyn Eyes;

    fn compare(ask: &Ask, known: Option<&Known<Images>>, eyes: &dyn Eyes, watch: &mut dyn Watch) -> Result<Document> {
        ask.pairs.as_deref().map(check_writable).transpose()?;
        let sets = Sets::read(ask, known, watch)?;
        let network = Network::new(ask.features.as_deref(), &sets, eyes, watch)?;
        let copying = copies::find(&sets, watch)?;
        let pairs = pictures::pairs(&sets, &copying.closest)?;
        let real = &sets.real.images;
        let report = Report {
            counts: sets.counts(),
            shape: [real.shape().height, real.shape().width, real.shape().channels],
            classes: real.classes().to_vec(),
            scores: network.scores(&sets)?,
            accuracy: network.utility(&sets, eyes, watch)?,
            shares: network.shares(&sets)?,
            extractor: network.describe(),
            pictures: pictures::of_page(&sets, &copying, pairs.clone())?,
            copying,
        };
        if let Some(path) = &ask.pairs {
            write_atomically(path, &pairs)?;
            watch.on(Event::Note(format!("wrote {}", path.display())));
        }
        Ok(report.document())
    }
}

#[cfg(test)]
mod tests;
