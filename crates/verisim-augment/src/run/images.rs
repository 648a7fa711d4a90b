//! Sets of pictures: what is asked of them, and what is said of what came of it.

use std::fs;
use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;
use verisim_data::Watch;

use super::folder::files;
use super::{Ask, Augmented};
use crate::error::{Error, Result};
use crate::image::apply_with;
use crate::image::set::{
    ImageSet, Job, Layout, OpenSettings, OutSettings, Report, Task, augment_images, replay_images, sheet,
};
use crate::pipeline::Pipeline;

/// How names of pictures end.
const PICTURES: [&str; 10] = ["png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "gif", "ico", "tga"];

/// How sets of pictures are read and written: `[pictures]` of a pipeline.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Pictures {
    /// How labels lie beside pictures: `folder`, `masks`, `coco`, `yolo` or `voc`; found when not given.
    pub layout: Option<Layout>,
    /// The split that is changed, where there are several; that to train with when not given.
    pub split: Option<String>,
    /// In which layout it is written; as it was read when not given.
    pub to: Option<Layout>,
    /// What lines of YOLO say; when not given what they said, or polygons where there are outlines, or boxes.
    pub task: Option<Task>,
    /// Of JPEG, from 1 to 100. Pictures stay in their format.
    pub quality: u8,
    /// Whether splits that are left alone are copied.
    pub others: bool,
    /// Whether changed pictures that have lost their last box are left out.
    pub drop_empty: bool,
    /// Whether the first file that cannot be used ends the work.
    pub strict: bool,
}

impl Default for Pictures {
    fn default() -> Pictures {
        let OutSettings { layout: to, task, quality, others, drop_empty, strict, .. } = OutSettings::default();
        Pictures { layout: None, split: None, to, task, quality, others, drop_empty, strict }
    }
}

impl Pictures {
    /// The set at `path`.
    pub(super) fn open(&self, path: &Path, even_holdout: bool) -> Result<ImageSet> {
        // A set of data to test with alone is opened by its name.
        let own = || path.file_name().map(|name| name.to_string_lossy().into_owned());
        let settings = OpenSettings { layout: self.layout, split: self.split.clone() };
        match ImageSet::open(path, &settings) {
            Err(_) if even_holdout && self.split.is_none() => {
                ImageSet::open(path, &OpenSettings { split: own(), ..settings })
            }
            opened => opened,
        }
    }
}

/// Whether there is a set of pictures at `path`, as far as names tell.
pub(super) fn is_one(path: &Path) -> Result<bool> {
    let ends = |path: &Path, ends: &[&str]| {
        path.extension().is_some_and(|e| ends.iter().any(|end| e.eq_ignore_ascii_case(end)))
    };
    Ok(match path.is_dir() {
        true => !files(path, |path| ends(path, &PICTURES))?.is_empty(),
        false => ends(path, &["json", "yaml", "yml"]),
    })
}

pub(super) fn run(pipeline: &Pipeline, set: &ImageSet, ask: &Ask, watch: &mut dyn Watch) -> Result<Augmented> {
    let said = &pipeline.pictures;
    let again = ask.replay.as_ref().filter(|path| path.exists());
    let settings = OutSettings {
        layout: said.to,
        task: said.task,
        quality: said.quality,
        originals: ask.originals,
        others: said.others,
        drop_empty: said.drop_empty,
        strict: said.strict,
        replace: ask.replace,
        drawn: ask.replay.is_some() && again.is_none(),
        about: None,
    };
    let report = match again {
        Some(drawn) => replay_images(drawn, set, &ask.out, &settings, watch)?,
        None => {
            let job = Job { times: ask.times, shard: ask.shard };
            augment_images(pipeline, set, &ask.out, &settings, job, watch)?
        }
    };
    let loses = said.to.filter(|to| *to != set.layout());
    if let (Some(path), true) = (&ask.replay, settings.drawn) {
        let own = ask.out.join("drawn.jsonl");
        fs::copy(&own, path).and_then(|_| fs::remove_file(&own)).map_err(Error::io(path))?;
    }
    let mut done = said_of(set, report);
    done.notes.extend(loses.map(|to| {
        format!(
            "written as {}: what that layout has no room for, such as key points or outlines, is left out",
            to.name()
        )
    }));
    Ok(done)
}

/// What people should know of a report.
fn said_of(set: &ImageSet, report: Report) -> Augmented {
    let mut notes = vec![set.why().to_owned()];
    notes.extend(report.notes);
    let mut count = |n: u64, what: &str| {
        if n > 0 {
            notes.push(format!("{n} {what}"));
        }
    };
    count(report.boxes_lost, "boxes were cut off, covered, or became smaller than is kept");
    count(report.emptied, "changed pictures lost their last box");
    count(report.unfit, "boxes of the set cannot be, and were left out:");
    notes.extend(report.unfit_first.into_iter().take(3));
    notes.extend(report.skipped.iter().take(3).map(|s| format!("left out: {}: {}", s.path.display(), s.why)));
    if report.skipped.len() > 3 {
        notes.push(format!("left out: {} pictures in all", report.skipped.len()));
    }
    Augmented { unit: "pictures", kept: report.originals, made: report.changed, notes, seconds: report.seconds }
}

/// Pictures that are shown, and how often each is changed.
const SHOWN: usize = 6;
const WAYS: u64 = 4;
/// Pixels of the longer side of a picture that is shown.
const SIDE: usize = 192;

/// A picture of some of the set, each beside what becomes of it, with boxes and masks drawn.
pub(super) fn preview(pipeline: &Pipeline, set: &ImageSet, to: &Path) -> Result<()> {
    let every = set.len().div_ceil(SHOWN).max(1);
    let mut rows = Vec::new();
    for i in (0..set.len()).step_by(every) {
        let item = set.read(i)?;
        let mut row = vec![item.clone()];
        for pass in 0..WAYS {
            row.push(apply_with(pipeline, &item, i as u64, pass, set)?.0);
        }
        rows.push(row);
    }
    sheet(&rows, SIDE)?.write(to)
}
