//! What can make data, and how a sample is drawn from it.
//!
//! A sample is planned once: what cannot be met is refused then. Chunk `c` of it is a function of the plan and `c` alone, so
//! chunks are drawn in parallel, and any thread count gives the same sample.

use std::sync::mpsc::sync_channel;

use rayon::prelude::*;
use serde::de::DeserializeOwned;
use verisim_data::{Event, Watch};
use verisim_models::Learn;

use crate::artefact::Artefact;
use crate::error::{Error, Result};

/// A kind of data that can be made.
pub trait Generate: Learn {
    /// What a sample is asked for; unknown keys are refused.
    type Ask: DeserializeOwned + Default + Send + Sync;

    /// The sample of a trained model that `ask` asks for.
    ///
    /// # Errors
    /// When it cannot be met.
    fn plan<'a>(artefact: &'a Artefact<Self>, ask: &Self::Ask) -> Result<Box<dyn Plan<Self> + 'a>>;
}

/// What makes data: a trained model, or whatever else can plan a sample.
pub trait Generator<K: Generate>: Send + Sync {
    /// What is written beside a sample: that it is synthetic, and by what, as keywords and texts.
    fn says(&self) -> Vec<(String, String)>;

    /// The sample that `ask` asks for.
    ///
    /// # Errors
    /// When it cannot be met.
    fn plan<'g>(&'g self, ask: &K::Ask) -> Result<Box<dyn Plan<K> + 'g>>;
}

impl<K: Generate> Generator<K> for Artefact<K> {
    fn says(&self) -> Vec<(String, String)> {
        self.provenance.says::<K>(self.model)
    }

    fn plan<'g>(&'g self, ask: &K::Ask) -> Result<Box<dyn Plan<K> + 'g>> {
        K::plan(self, ask)
    }
}

/// A sample, ready to be drawn.
pub trait Plan<K: Generate>: Send + Sync {
    /// How many rows or images it has.
    fn count(&self) -> u64;

    /// How many chunks.
    fn chunks(&self) -> u64;

    /// How many chunks are drawn at the same time.
    fn together(&self) -> usize;

    /// What people should know of it before it is drawn, a sentence each.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// What people should know of it once it is drawn, a sentence each.
    fn told(&self) -> Vec<String> {
        Vec::new()
    }

    /// Chunk `c`, of those from 0.
    ///
    /// # Errors
    /// When the tries run out, or the device fails.
    fn chunk(&self, c: u64) -> Result<Made<K::Chunk>>;
}

/// A chunk that was made.
pub struct Made<C> {
    /// The chunk.
    pub chunk: C,
    /// Rows or images in it.
    pub count: u64,
    /// Rows or images that were tried for them; more than `count` only under conditions.
    pub tried: u64,
    /// Rows that were drawn besides and dropped, since they broke a rule of the data.
    pub lost: u64,
}

/// How a sample went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows or images handed on.
    pub count: u64,
    /// Rows or images tried for them.
    pub tried: u64,
    /// Rows that were drawn besides and dropped, since they broke a rule of the data.
    pub lost: u64,
}

/// Draws a sample and hands its chunks to `take`, in order, while the next ones are drawn. No more chunks are in memory than three
/// times those that are drawn together.
///
/// # Errors
/// Whatever a chunk or `take` fails with; [`Error::Stopped`] when `watch` asked for it.
pub fn draw<K: Generate>(
    plan: &dyn Plan<K>,
    take: &mut dyn FnMut(K::Chunk) -> Result<()>,
    watch: &mut dyn Watch,
) -> Result<Summary> {
    let (chunks, together) = (plan.chunks(), plan.together().max(1));
    let mut summary = Summary::default();
    let (sender, receiver) = sync_channel(if together == 1 { 0 } else { together });
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for first in (0..chunks).step_by(together) {
                let last = (first + together as u64).min(chunks);
                let made: Vec<_> = match together {
                    // The chunk has the threads for itself.
                    1 => vec![plan.chunk(first)],
                    _ => (first..last).into_par_iter().map(|c| plan.chunk(c)).collect(),
                };
                for chunk in made {
                    let failed = chunk.is_err();
                    // The receiver hangs up when it fails.
                    if sender.send(chunk).is_err() || failed {
                        return;
                    }
                }
            }
        });
        for made in receiver {
            if watch.stopped() {
                return Err(Error::Stopped);
            }
            let Made { chunk, count, tried, lost } = made?;
            take(chunk)?;
            summary.count += count;
            summary.tried += tried;
            summary.lost += lost;
            watch.on(Event::done(summary.count));
        }
        Ok(summary)
    })
}
