//! How a set is written, and where its files go.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use verisim_data::file::Scratch;

use super::files::{io, slashed, wrong};
use super::names::Names;
use super::yolo::{Task, label_of, with_end};
use super::{ImageSet, Layout, Source};
use crate::error::{Error, Result};

/// How a changed set is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutSettings {
    /// The layout; that of the set where nothing is said.
    pub layout: Option<Layout>,
    /// What lines of YOLO say; where nothing is said, what they said, or polygons where there are outlines, or boxes.
    pub task: Option<Task>,
    /// Of JPEG, from 1 to 100. Pictures stay in the format they came in, where that can hold them.
    pub quality: u8,
    /// Whether the pictures as they were are written too, byte for byte.
    pub originals: bool,
    /// Whether the splits that are left alone are copied, byte for byte.
    pub others: bool,
    /// Whether changed pictures of which no box is left are left out, where there was one.
    pub drop_empty: bool,
    /// Whether the first file that cannot be used ends the work.
    pub strict: bool,
    /// Whether a folder that is not empty is replaced, with all that is in it.
    pub replace: bool,
    /// Whether what was drawn is written, to `drawn.jsonl`.
    pub drawn: bool,
    /// The text of the pipeline, for the first line of `drawn.jsonl`.
    pub about: Option<String>,
}

impl Default for OutSettings {
    fn default() -> OutSettings {
        OutSettings {
            layout: None,
            task: None,
            quality: 95,
            originals: true,
            others: false,
            drop_empty: false,
            strict: false,
            replace: false,
            drawn: true,
            about: None,
        }
    }
}

/// Where everything goes: known before the first picture is read, and the same for all shards.
pub(super) struct Plan<'a> {
    pub set: &'a ImageSet,
    pub settings: &'a OutSettings,
    pub layout: Layout,
    pub task: Task,
    pub names: Names,
    /// Passes.
    pub times: u64,
    /// Which part of how many.
    pub shard: (u64, u64),
    /// The folder of pictures, from the folder that is written.
    pictures: PathBuf,
}

impl<'a> Plan<'a> {
    pub fn new(set: &'a ImageSet, settings: &'a OutSettings, times: u64, shard: (u64, u64)) -> Result<Plan<'a>> {
        if !(1..=100).contains(&settings.quality) {
            return Err(Error::setting("quality", format!("is {}; it is from 1 to 100", settings.quality)));
        }
        if shard.1 == 0 || shard.0 >= shard.1 {
            return Err(Error::setting("shard", format!("is {} of {}; shards count from 0", shard.0, shard.1)));
        }
        if !(1..=MOST_TIMES).contains(&times) {
            return Err(Error::setting("times", format!("is {times}; it is from 1 to {MOST_TIMES}")));
        }
        let layout = settings.layout.unwrap_or(set.layout);
        let boxes = |l| matches!(l, Layout::Coco | Layout::Yolo | Layout::Voc);
        if layout != set.layout && !(boxes(layout) && boxes(set.layout)) {
            let what = format!(
                "is `{}`, but the set is `{}`; sets of boxes (coco, yolo, voc) can be written as one another",
                layout.name(),
                set.layout.name()
            );
            return Err(Error::setting("layout", what));
        }
        let task = settings.task.unwrap_or(match &set.source {
            Source::Yolo { task, .. } => *task,
            Source::Coco(coco, _) if coco.has_outlines() => Task::Segment,
            _ => Task::Detect,
        });
        let pictures = match (layout == set.layout, layout) {
            (true, _) => set.pictures.clone(),
            (_, Layout::Voc) => PathBuf::from("JPEGImages"),
            _ => PathBuf::from("images"),
        };
        Ok(Plan { set, settings, layout, task, names: Names::new(&set.entries), times, shard, pictures })
    }

    /// The pictures of this shard.
    pub fn range(&self) -> std::ops::Range<u64> {
        let n = self.set.len() as u64;
        let at = |i: u64| (u128::from(n) * u128::from(i) / u128::from(self.shard.1)) as u64;
        at(self.shard.0)..at(self.shard.0 + 1)
    }

    /// Where a picture goes, by its name from the folder of pictures.
    pub fn picture(&self, name: &Path) -> PathBuf {
        self.pictures.join(name)
    }

    /// Where the file that is about a picture alone goes.
    pub fn label(&self, name: &Path) -> PathBuf {
        let picture = self.picture(name);
        match self.layout {
            // Lines beside the pictures stay there.
            Layout::Yolo if self.set.layout == Layout::Yolo => {
                match self.set.entries.iter().find_map(|e| e.label.as_ref()) {
                    Some(label) if label.parent().is_some_and(|p| p.starts_with(&self.pictures)) => {
                        with_end(&picture, "txt")
                    }
                    _ => label_of(&picture),
                }
            }
            Layout::Yolo => label_of(&picture),
            Layout::Voc => {
                let known = self.set.entries.iter().find_map(|e| Some((e.label.as_ref()?, &e.name)));
                let own = known.filter(|_| self.set.layout == Layout::Voc).and_then(|(label, name)| {
                    let depth = name.components().count();
                    label.ancestors().nth(depth).map(Path::to_owned)
                });
                with_end(&own.unwrap_or("Annotations".into()).join(name), "xml")
            }
            _ => picture,
        }
    }

    /// The name of a file that is about many, marked as a part where this is a shard: `name.part-00003-of-00008.json`.
    pub fn part(&self, name: &Path) -> PathBuf {
        let (i, n) = self.shard;
        let end = super::files::extension(name);
        if n == 1 { name.to_owned() } else { with_end(name, &format!("part-{i:05}-of-{n:05}.{end}")) }
    }

    /// The file of COCO.
    pub fn coco(&self) -> PathBuf {
        match &self.set.source {
            Source::Coco(_, file) => file.clone(),
            _ => PathBuf::from("annotations.json"),
        }
    }

    /// A list of the pictures, a line each, where the set is one of a list.
    pub fn list(&self) -> Option<PathBuf> {
        let split = self.set.split.as_deref().unwrap_or("train");
        match self.layout {
            Layout::Voc if self.set.layout != Layout::Voc => Some("ImageSets/Main/train.txt".into()),
            Layout::Voc => {
                let base = self.pictures.parent().unwrap_or(Path::new(""));
                let lists = base.join("ImageSets").join("Main");
                self.set.root.join(&lists).is_dir().then(|| lists.join(format!("{split}.txt")))
            }
            Layout::Yolo if self.pictures.as_os_str().is_empty() && self.set.split.is_some() => {
                Some(format!("{split}.txt").into())
            }
            _ => None,
        }
    }

    /// The line of a picture in the list.
    pub fn list_line(&self, name: &Path) -> String {
        match self.layout {
            Layout::Voc => slashed(&name.with_file_name(name.file_stem().unwrap_or_default())),
            _ => format!("./{}", slashed(&self.picture(name))),
        }
    }

    /// The number of a picture in COCO; without a pass, as it was. Those that the set has stay.
    pub fn image_id(&self, item: u64, pass: Option<u64>) -> u64 {
        match &self.set.source {
            Source::Coco(coco, _) => match pass {
                None => coco.images[self.set.entries[item as usize].row].id,
                Some(pass) => coco.last.0 + 1 + item * self.times + pass,
            },
            _ => item * (self.times + 1) + pass.map_or(0, |p| p + 1) + 1,
        }
    }

    /// The number of an annotation, by its place among those of its picture.
    pub fn annotation_id(&self, item: u64, pass: Option<u64>, place: u64) -> u64 {
        let slot = match &self.set.source {
            Source::Coco(..) => item * self.times + pass.unwrap_or(0),
            _ => item * (self.times + 1) + pass.map_or(0, |p| p + 1),
        };
        let last = match &self.set.source {
            Source::Coco(coco, _) => coco.last.1,
            _ => 0,
        };
        last + 1 + slot * 65_536 + place
    }

    /// The number of a class in COCO.
    pub fn category_id(&self, class: u32) -> u64 {
        match &self.set.source {
            Source::Coco(coco, _) => coco.categories.get(class as usize).map_or(0, |c| c.id),
            _ => u64::from(class) + 1,
        }
    }

    /// The beginning of the COCO file: all its keys but those of images and annotations.
    pub fn coco_head(&self) -> String {
        if let Source::Coco(coco, _) = &self.set.source {
            return head(&coco.head);
        }
        let categories: Vec<Value> = self
            .set
            .classes
            .iter()
            .enumerate()
            .map(|(i, name)| json!({ "id": i + 1, "name": name, "supercategory": "" }))
            .collect();
        let mut keys = serde_json::Map::new();
        keys.insert("categories".into(), Value::Array(categories));
        head(&keys)
    }

    /// `data.yaml`, with what of the splits is there.
    pub fn yaml(&self) -> String {
        let train = self.list().unwrap_or_else(|| match self.pictures.as_os_str().is_empty() {
            true => ".".into(),
            false => self.pictures.clone(),
        });
        let mut text = format!("path: .\ntrain: {}\n", json!(slashed(&train)));
        let copied = self.settings.others && self.layout == self.set.layout;
        for other in &self.set.others {
            let places: Vec<String> = other.paths.iter().step_by(2).map(|p| slashed(p)).collect();
            let key = if super::split::is(&other.name, "test") { "test" } else { "val" };
            let mark = if copied { "" } else { "# left where it was: " };
            text.push_str(&format!("{mark}{key}: {}\n", json!(places)));
        }
        if let Task::Pose(n, d) = self.task {
            text.push_str(&format!("kpt_shape: [{n}, {d}]\n"));
            if let Source::Yolo { flips, .. } = &self.set.source
                && !flips.is_empty()
            {
                text.push_str(&format!("flip_idx: {}\n", json!(flips)));
            }
        }
        text.push_str(&format!("nc: {}\nnames:\n", self.set.classes.len()));
        for (i, name) in self.set.classes.iter().enumerate() {
            text.push_str(&format!("  {i}: {}\n", json!(name)));
        }
        text
    }
}

/// Passes at most, so that numbers of annotations of a million pictures are exact in JSON, which are 65,536 for each changed picture.
const MOST_TIMES: u64 = 10_000;

/// The beginning of a COCO file, up to its images.
pub(super) fn head(keys: &serde_json::Map<String, Value>) -> String {
    let keys: String = keys.iter().map(|(k, v)| format!("{}: {v},\n", json!(k))).collect();
    format!("{{{keys}\"images\": [")
}

/// A folder that is filled under another name, and takes its own when all is there.
pub(crate) struct Folder {
    scratch: Scratch,
    /// What it takes the place of.
    old: Option<PathBuf>,
}

/// The file that says that a folder may be replaced.
const MARK: &str = ".verisim-augment";

impl Folder {
    /// Refuses a folder that has something in it, unless it is to be replaced, and one that the set itself is in or that is in the set.
    pub fn new(out: &Path, replace: bool, inputs: &[&Path]) -> Result<Folder> {
        if out.is_file() {
            return Err(wrong(out, "is a file; name a folder"));
        }
        let whole = |p: &Path| std::path::absolute(p).map(|p| p.canonicalize().unwrap_or(p)).map_err(io(p));
        let parent = out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let own = if out.exists() { whole(out)? } else { whole(parent)?.join(out.file_name().unwrap_or_default()) };
        for input in inputs {
            let there = whole(input)?;
            if own.starts_with(&there) || there.starts_with(&own) {
                return Err(wrong(out, format!("is in {} or around it; choose a folder beside it", input.display())));
            }
        }
        let empty = !out.is_dir() || fs::read_dir(out).map_err(io(out))?.next().is_none();
        if !(empty || replace) {
            return Err(wrong(out, "is a folder that is not empty; choose another, or say that it is to be replaced"));
        }
        // All that is in it would go.
        if !(empty || out.join(MARK).exists()) {
            return Err(wrong(
                out,
                "holds files that were not written by an augmentation; remove them yourself, or choose another",
            ));
        }
        let staged = if empty { out.to_owned() } else { own.clone() };
        fs::create_dir_all(parent).map_err(io(parent))?;
        match empty {
            true => Ok(Folder { scratch: Scratch::folder(&staged)?, old: None }),
            // Beside it, for a folder that is there would be filled.
            false => {
                let name = own.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
                Ok(Folder { scratch: Scratch::folder(&own.with_file_name(format!("{name}.new")))?, old: Some(own) })
            }
        }
    }

    pub fn path(&self) -> &Path {
        self.scratch.temporary()
    }

    pub fn publish(self) -> Result<()> {
        fs::write(self.path().join(MARK), "Written by `verisim augment`, which may replace this folder.\n")
            .map_err(io(self.path()))?;
        let Some(own) = self.old else { return Ok(self.scratch.publish()?) };
        let aside = Scratch::folder(&own.with_file_name("old"))?;
        let kept = aside.temporary().join("set");
        fs::rename(&own, &kept).map_err(io(&own))?;
        if let Err(e) = fs::rename(self.scratch.temporary(), &own) {
            // Back, so that something is there.
            fs::rename(&kept, &own).map_err(io(&own))?;
            return Err(io(&own)(e));
        }
        Ok(())
    }
}

/// Writes a file below a folder, with the folders that it needs.
pub(super) fn put(folder: &Path, name: &Path, bytes: &[u8]) -> Result<()> {
    let path = folder.join(name);
    parents(&path)?;
    fs::write(&path, bytes).map_err(io(&path))
}

/// Copies a file, or a folder with all in it.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_dir() {
        for name in super::files::walk(from, &|_| true)? {
            copy(&from.join(&name), &to.join(&name))?;
        }
        return Ok(());
    }
    parents(to)?;
    fs::copy(from, to).map(drop).map_err(io(from))
}

fn parents(path: &Path) -> Result<()> {
    match path.parent() {
        Some(parent) => fs::create_dir_all(parent).map_err(io(parent)),
        None => Ok(()),
    }
}
