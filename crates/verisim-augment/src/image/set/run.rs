//! All of a set, changed and written.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Lines as FileLines};
use std::path::{Path, PathBuf};
use std::time::Instant;

use rayon::prelude::*;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};
use verisim_data::rng::mix;
use verisim_data::{Event, Watch};

use super::files::{in_form, io, slashed, wrong};
use super::out::{Folder, OutSettings, Plan, copy};
use super::record::{Lines, Streams};
use super::{ImageSet, Layout, Read, Source};
use crate::error::{Error, Result};
use crate::image::picture::Samples;
use crate::image::{Drawn, Item, Partners, apply_with, replay};
use crate::pipeline::Pipeline;

/// How much is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Job {
    /// Passes over the set: changed pictures for each picture.
    pub times: u64,
    /// Which part of the set, from 0, of how many. Parts are runs of pictures in the order of the set; [`put_together`](super::put_together)
    /// makes of them what one run makes.
    pub shard: (u64, u64),
}

impl Default for Job {
    fn default() -> Job {
        Job { times: 1, shard: (0, 1) }
    }
}

/// A file that could not be used.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Skipped {
    /// The picture.
    pub path: PathBuf,
    /// Why, and what to do.
    pub why: String,
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Pictures of the set that were read.
    pub read: u64,
    /// Pictures written as they were.
    pub originals: u64,
    /// Changed pictures written.
    pub changed: u64,
    /// Boxes that the pictures had, each counted once for every changed picture.
    pub boxes_before: u64,
    /// Boxes that the changed pictures have; with those that came from other pictures.
    pub boxes_after: u64,
    /// Boxes of a picture itself that its changed pictures have no more: cut off, covered, or below what the pipeline keeps.
    pub boxes_lost: u64,
    /// Changed pictures that lost their last box.
    pub emptied: u64,
    /// Boxes and lines of the set that cannot be: without area, outside the picture, of no known class.
    pub unfit: u64,
    /// The first of them, in words.
    pub unfit_first: Vec<String>,
    /// Pictures left out, and why.
    pub skipped: Vec<Skipped>,
    /// What else there is to know, in sentences.
    pub notes: Vec<String>,
    /// How long it took.
    pub seconds: f64,
}

/// The first line of `drawn.jsonl`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    verisim: String,
    /// The pipeline's text, where the caller gave it.
    pipeline: Option<String>,
    layout: Layout,
    pictures: u64,
    times: u64,
    /// Of the names of the pictures.
    names: String,
}

impl About {
    fn of(plan: &Plan) -> About {
        let mut hash = 0;
        for e in &plan.set.entries {
            hash = slashed(&e.name).bytes().chain([0]).fold(hash, |h, b| mix(h ^ u64::from(b)));
        }
        About {
            verisim: env!("CARGO_PKG_VERSION").to_owned(),
            pipeline: plan.settings.about.clone(),
            layout: plan.set.layout,
            pictures: plan.set.len() as u64,
            times: plan.times,
            names: format!("{hash:016x}"),
        }
    }
}

/// Changes every picture of a set `times` times, and writes all to the new or empty folder `out`, which is filled only when all is
/// done. Threads are those of the rayon pool it is called in; the bytes are the same for any number of them. Only a few pictures for
/// each thread are in memory.
///
/// A file that cannot be used is left out, with all that would come of it, and told of in the report; where it is asked for as a
/// partner the next one that can be read takes its place. Partners are brought to the channels and depth of the picture first.
///
/// # Errors
/// When the settings cannot be, `out` is not free, nothing can be read, or files cannot be written; nothing is left behind then.
pub fn augment_images(
    pipeline: &Pipeline,
    set: &ImageSet,
    out: &Path,
    settings: &OutSettings,
    job: Job,
    watch: &mut dyn Watch,
) -> Result<Report> {
    pipeline.check()?;
    let plan = Plan::new(set, settings, job.times, job.shard)?;
    let make = |item: &Item, index: u64, partners: &Fitted| {
        (0..job.times).map(|pass| apply_with(pipeline, item, index, pass, partners)).collect()
    };
    write(
        &plan,
        out,
        &mut |indices: &[u64]| Ok(indices.iter().map(|_| Vec::new()).collect()),
        &|item, index, _, partners| make(item, index, partners),
        watch,
    )
}

/// Does again what a `drawn.jsonl` says: the same set gives the same bytes, whatever the pipeline is by now.
///
/// # Errors
/// As [`augment_images`], and when the file is of another set.
pub fn replay_images(
    drawn: &Path,
    set: &ImageSet,
    out: &Path,
    settings: &OutSettings,
    watch: &mut dyn Watch,
) -> Result<Report> {
    let mut lines = BufReader::new(File::open(drawn).map_err(io(drawn))?).lines();
    let first = lines.next().transpose().map_err(io(drawn))?.unwrap_or_default();
    let about: About = serde_json::from_str(&first)
        .map_err(|e| wrong(drawn, format!("its first line does not say what was done: {e}")))?;
    let settings = OutSettings { about: about.pipeline.clone(), ..settings.clone() };
    let plan = Plan::new(set, &settings, about.times, (0, 1))?;
    let own = About::of(&plan);
    if (own.pictures, &own.names) != (about.pictures, &about.names) {
        let what = format!(
            "is of {} pictures, the set has {}{}; name the set that it was made of",
            about.pictures,
            own.pictures,
            if about.pictures == own.pictures { " with other names" } else { "" }
        );
        return Err(wrong(drawn, what));
    }
    let mut again = Again { path: drawn, lines, next: None, line: 1 };
    let make = |item: &Item, _: u64, all: &[Drawn], partners: &Fitted| {
        all.iter().map(|d| replay(d, item, partners).map(|item| (item, d.clone()))).collect()
    };
    write(&plan, out, &mut |indices: &[u64]| indices.iter().map(|i| again.of(*i)).collect(), &make, watch)
}

/// What was drawn, a line at a time.
struct Again<'a> {
    path: &'a Path,
    lines: FileLines<BufReader<File>>,
    next: Option<Drawn>,
    line: u64,
}

impl Again<'_> {
    /// All passes of an item.
    fn of(&mut self, item: u64) -> Result<Vec<Drawn>> {
        let mut all = Vec::new();
        loop {
            if self.next.is_none() {
                self.line += 1;
                let Some(line) = self.lines.next().transpose().map_err(io(self.path))? else { break };
                let drawn =
                    Drawn::from_line(&line).map_err(|e| wrong(self.path, format!("line {}: {e}", self.line)))?;
                self.next = Some(drawn);
            }
            match self.next.take() {
                Some(drawn) if drawn.item == item => all.push(drawn),
                Some(drawn) if drawn.item < item => {
                    let what =
                        format!("line {}: item {} comes after item {item}; keep the order", self.line, drawn.item);
                    return Err(wrong(self.path, what));
                }
                later => {
                    self.next = later;
                    break;
                }
            }
        }
        Ok(all)
    }
}

/// The other pictures of a set, in the form of one of them; those that cannot be read, or have not as many masks, have the next in
/// their place.
struct Fitted<'a> {
    set: &'a ImageSet,
    channels: usize,
    deep: bool,
    masks: usize,
    strict: bool,
}

/// Files in a row that may be broken before a partner is given up.
const TRIES: u64 = 8;

impl Partners for Fitted<'_> {
    fn len(&self) -> u64 {
        self.set.len() as u64
    }

    fn get(&self, index: u64) -> Result<Item> {
        let n = self.len().max(1);
        let tries = if self.strict { 1 } else { TRIES.min(n) };
        let mut last = None;
        for k in 0..tries {
            match Partners::get(self.set, (index + k) % n) {
                Ok(item) if item.labels.masks.len() != self.masks => {
                    let what = "a picture has other masks than the one it is to be mixed with; give all the same";
                    last = Some(Error::Item(what.to_owned()));
                }
                Ok(mut item) => {
                    item.picture = in_form(item.picture, self.channels, self.deep)?;
                    return Ok(item);
                }
                Err(e) => last = Some(e),
            }
        }
        Err(last.unwrap_or_else(|| Error::Item("there is nothing to mix with".into())))
    }
}

/// What came of one picture.
#[derive(Default)]
struct Made {
    lines: Lines,
    report: Report,
}

type Drawns<'a> = &'a mut dyn FnMut(&[u64]) -> Result<Vec<Vec<Drawn>>>;
type Make<'a> = &'a (dyn Fn(&Item, u64, &[Drawn], &Fitted) -> Result<Vec<(Item, Drawn)>> + Sync);

fn write(plan: &Plan, out: &Path, drawns: Drawns, make: Make, watch: &mut dyn Watch) -> Result<Report> {
    let began = Instant::now();
    let set = plan.set;
    let folder = Folder::new(out, plan.settings.replace, &[&set.root])?;
    let about = serde_json::to_string(&About::of(plan)).map_err(|e| Error::Item(e.to_string()))?;
    let mut streams = Streams::new(plan, folder.path(), &about)?;
    let range = plan.range();
    let mut report = Report { notes: set.notes.clone(), ..Report::default() };
    watch.on(Event::Begin { unit: "pictures", total: range.end - range.start, done: 0 });
    let at_once = 4 * rayon::current_num_threads() as u64;
    let mut next = range.start;
    while next < range.end {
        let batch: Vec<u64> = (next..range.end.min(next + at_once)).collect();
        let known = drawns(&batch)?;
        let made: Vec<Result<Made>> =
            batch.par_iter().zip(&known).map(|(&index, drawn)| one(plan, folder.path(), index, drawn, make)).collect();
        for made in made {
            let made = made?;
            streams.add(&made.lines)?;
            report.take(made.report);
        }
        next += batch.len() as u64;
        watch.on(Event::done(next - range.start));
        if watch.stopped() {
            return Err(Error::Stopped);
        }
    }
    if report.read == 0 && range.end > range.start {
        let first = report.skipped.first().map(|s| s.why.clone()).unwrap_or_default();
        return Err(wrong(&set.root, format!("none of its pictures can be used; the first: {first}")));
    }
    streams.finish()?;
    if plan.settings.others && plan.layout == set.layout && plan.shard.0 == 0 {
        for path in set.others.iter().flat_map(|o| &o.paths).filter(|p| set.root.join(p).exists()) {
            copy(&set.root.join(path), &folder.path().join(path))?;
        }
    }
    folder.publish()?;
    watch.on(Event::End);
    report.seconds = began.elapsed().as_secs_f64();
    Ok(report)
}

/// Reads a picture, changes it, and writes what comes of it. What is wrong with the picture is told; what is wrong with the disk is an
/// error.
fn one(plan: &Plan, folder: &Path, index: u64, drawn: &[Drawn], make: Make) -> Result<Made> {
    let mut made = Made::default();
    let skip = |mut made: Made, why: Error| match plan.settings.strict {
        true => Err(why),
        false => {
            let path = plan.set.path(index as usize)?;
            let why = match why {
                // The path is told already.
                Error::File { path: of, what } if of == path => what,
                other => other.to_string(),
            };
            made.report.skipped.push(Skipped { path, why });
            Ok(made)
        }
    };
    let read = match plan.set.read_all(index as usize) {
        Ok(read) => read,
        Err(e) => return skip(made, e),
    };
    let picture = &read.item.picture;
    let partners = Fitted {
        set: plan.set,
        channels: picture.channels(),
        deep: matches!(picture.samples(), Samples::Sixteen(_)),
        masks: read.item.labels.masks.len(),
        strict: plan.settings.strict,
    };
    let changed = match make(&read.item, index, drawn, &partners) {
        Ok(changed) => changed,
        Err(e) => return skip(made, e),
    };
    made.count(plan, index, &read)?;
    if plan.settings.originals {
        plan.original(folder, index, &read, &mut made.lines)?;
        made.report.originals += 1;
    }
    for (mut item, drawn) in changed {
        plan.set.settle(&mut item.labels.boxes);
        let kept = made.compare(&read.item, &item);
        if kept || !plan.settings.drop_empty {
            plan.changed(folder, (index, drawn.pass), &item, &read.found, &mut made.lines)?;
            made.report.changed += 1;
        }
        made.lines.drawn.push(drawn.to_line()?);
    }
    Ok(made)
}

impl Made {
    fn count(&mut self, plan: &Plan, index: u64, read: &Read) -> Result<()> {
        self.report.read += 1;
        self.report.unfit += read.found.unfit.len() as u64;
        let path = plan.set.path(index as usize)?;
        let about = match (&plan.set.source, &plan.set.entry(index as usize)?.label) {
            (Source::Coco(..), _) | (_, None) => path,
            (_, Some(label)) => plan.set.root.join(label),
        };
        self.report.unfit_first =
            read.found.unfit.iter().take(FIRST).map(|u| format!("{}: {u}", about.display())).collect();
        Ok(())
    }

    /// Counts boxes; false where the last one was lost.
    fn compare(&mut self, before: &Item, after: &Item) -> bool {
        let (old, new) = (&before.labels.boxes, &after.labels.boxes);
        let left: FxHashSet<u64> = new.iter().map(|b| b.id).collect();
        self.report.boxes_before += old.len() as u64;
        self.report.boxes_after += new.len() as u64;
        self.report.boxes_lost += old.iter().filter(|b| !left.contains(&b.id)).count() as u64;
        let emptied = new.is_empty() && !old.is_empty();
        self.report.emptied += u64::from(emptied);
        !emptied
    }
}

/// Sentences about unfit boxes that are kept.
const FIRST: usize = 20;

impl Report {
    fn take(&mut self, other: Report) {
        self.read += other.read;
        self.originals += other.originals;
        self.changed += other.changed;
        self.boxes_before += other.boxes_before;
        self.boxes_after += other.boxes_after;
        self.boxes_lost += other.boxes_lost;
        self.emptied += other.emptied;
        self.unfit += other.unfit;
        let room = FIRST.saturating_sub(self.unfit_first.len());
        self.unfit_first.extend(other.unfit_first.into_iter().take(room));
        self.skipped.extend(other.skipped);
    }
}
