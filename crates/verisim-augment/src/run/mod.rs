//! From files to files: what `verisim augment` does.
//!
//! What is written first is what there was, then what was made of it, pass after pass. A part of a run ([`Ask::shard`]) is some of the same
//! rows or files, and the parts together are the whole.

mod documents;
mod folder;
mod holdout;
mod images;
mod leaks;
mod passages;
mod series;
mod sounds;
mod table;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Instant;

use verisim_data::Watch;
use verisim_data::table::io;

use crate::error::{Error, Result};
use crate::pipeline::Pipeline;
use folder::Kind as _;

pub use images::Pictures;
pub use leaks::{Leaks, leaks};

/// What an augmentation is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The data: a file or a folder.
    pub data: PathBuf,
    /// What is written.
    pub out: PathBuf,
    /// How often each item is changed.
    pub times: u64,
    /// Whether what there was is written before what was made of it.
    pub originals: bool,
    /// Which part of so many: `(0, 4)` is the first of four.
    pub shard: (u64, u64),
    /// Of folders: what was drawn, a line of JSON an item. It is written there where there is no such file, and done again where there is.
    pub replay: Option<PathBuf>,
    /// What is there under that name may be replaced.
    pub replace: bool,
    /// Whether data that were kept back to measure with may be changed.
    pub even_holdout: bool,
}

impl Default for Ask {
    fn default() -> Self {
        Ask {
            data: PathBuf::new(),
            out: PathBuf::new(),
            times: 1,
            originals: true,
            shard: (0, 1),
            replay: None,
            replace: false,
            even_holdout: false,
        }
    }
}

impl Ask {
    /// Which of `total` rows the asked part has.
    fn part(&self, total: usize) -> Range<usize> {
        let (of, parts) = (self.shard.0 as u128, self.shard.1.max(1) as u128);
        let at = |k: u128| (total as u128 * k / parts) as usize;
        at(of)..at(of + 1)
    }
}

/// Whether `ask.out` may be written.
fn is_free(ask: &Ask) -> Result<()> {
    let refuse = |what: &str| Err(Error::File { path: ask.out.clone(), what: what.into() });
    let same = |a: &Path, b: &Path| matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b);
    match ask.out.exists() {
        true if same(&ask.out, &ask.data) => refuse("is what is read; name another place to write to"),
        true if !ask.replace => refuse("is there already; remove it, or choose another place"),
        _ => Ok(()),
    }
}

/// What came of an augmentation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Augmented {
    /// What an item is, in the plural: `rows`, `images`.
    pub unit: &'static str,
    /// Items that were written as they were.
    pub kept: u64,
    /// Items that were made.
    pub made: u64,
    /// What should be known besides, a sentence each.
    pub notes: Vec<String>,
    /// Seconds of reading, changing and writing.
    pub seconds: f64,
}

/// Most passes over the data.
const MOST: u64 = 10_000;

/// Changes data as `pipeline` says.
///
/// # Errors
/// When the data cannot be read, are a hold-out, are of a kind that the pipeline has no steps for, or there is no writing to `ask.out`.
pub fn augment(pipeline: &Pipeline, ask: &Ask, watch: &mut dyn Watch) -> Result<Augmented> {
    let begun = Instant::now();
    pipeline.check()?;
    if ask.times == 0 && pipeline.resample.is_none() {
        return Err(Error::setting("times", "is 0; each item is changed once or more"));
    }
    if ask.times > MOST {
        return Err(Error::setting("times", format!("is {}; each item is changed {MOST} times at most", ask.times)));
    }
    if ask.shard.0 >= ask.shard.1 {
        return Err(Error::setting("shard", format!("is part {} of {}", ask.shard.0 + 1, ask.shard.1)));
    }
    let made = match Section::of(pipeline, &ask.data)? {
        Section::Images => {
            // A set says itself which part of it was kept back.
            let set = pipeline.pictures.open(&ask.data, ask.even_holdout)?;
            return images::run(pipeline, &set, ask, watch);
        }
        _ if !ask.even_holdout && holdout::is_one(&ask.data).is_some() => Err(holdout::refused(&ask.data)),
        Section::Sounds => folder::run(&sounds::Sounds::of(pipeline, &ask.data)?, ask, watch),
        Section::Documents => folder::run(&documents::Documents(pipeline), ask, watch),
        Section::Table | Section::Series if ask.replay.is_some() => Err(Error::setting(
            "replay",
            "is for folders of files; the same pipeline and seed make the same rows again",
        )),
        Section::Table => table::run(pipeline, ask, watch),
        Section::Series => series::run(pipeline, ask, watch),
    };
    Ok(Augmented { seconds: begun.elapsed().as_secs_f64(), ..made? })
}

/// Draws a picture of some of the set at `data` before and after the steps, as PNG.
///
/// # Errors
/// When the data are no set of pictures, the pipeline has no steps for pictures, or there is no writing to `to`.
pub fn preview(pipeline: &Pipeline, data: &Path, to: &Path) -> Result<()> {
    pipeline.check()?;
    if to.exists() {
        return Err(Error::File {
            path: to.to_owned(),
            what: "is there already; remove it, or choose another place".into(),
        });
    }
    match Section::of(pipeline, data)? {
        Section::Images => images::preview(pipeline, &pipeline.pictures.open(data, true)?, to),
        _ => Err(Error::File { path: data.to_owned(), what: "is no set of pictures; only those can be shown".into() }),
    }
}

/// The part of a pipeline that is for the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Images,
    Sounds,
    Documents,
    Table,
    Series,
}

impl Section {
    fn of(pipeline: &Pipeline, data: &Path) -> Result<Section> {
        let file = |what: &str| Error::File { path: data.to_owned(), what: what.to_owned() };
        if !data.exists() {
            return Err(file("is not there"));
        }
        let rows = pipeline.resample.is_some() || !pipeline.table.is_empty();
        let (series, text) = (!pipeline.series.is_empty(), !pipeline.text.is_empty());
        let none = |what: &str, section: &str| {
            Err(file(&format!("is {what}, and there are no steps for it: the pipeline has no {section}")))
        };
        // The labels of a set may be a file that is a table, too.
        if !pipeline.image.is_empty() && images::is_one(data)? {
            return Ok(Section::Images);
        }
        if io::is_table(data) || data.is_dir() && io::is_dataset(data) {
            return match (rows || text, series) {
                (true, true) => Err(file(
                    "is a table, and there are steps for rows and for series; keep those for series where its rows belong together in time",
                )),
                (true, false) => Ok(Section::Table),
                (false, true) => Ok(Section::Series),
                (false, false) => {
                    none("a table", "[[table]], [resample] or [[text]], or [[series]] where its rows are series")
                }
            };
        }
        let holds = |takes: fn(&Path) -> bool| Ok::<_, Error>(data.is_dir() && !folder::files(data, takes)?.is_empty());
        // Text beside sounds is what is said of them.
        match (holds(sounds::Sounds::takes)?, holds(documents::Documents::takes)?) {
            (true, _) if !pipeline.sound.is_empty() => Ok(Section::Sounds),
            (true, _) => none("a folder of sounds", "[[sound]]"),
            (_, true) if text => Ok(Section::Documents),
            (_, true) => none("a folder of documents", "[[text]]"),
            (false, false) if data.is_dir() && images::is_one(data)? => none("a set of pictures", "[[image]]"),
            (false, false) => Err(file("is neither a table nor a folder of pictures, sounds or documents")),
        }
    }
}
