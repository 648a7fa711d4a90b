//! Folders of sounds, and label tracks beside them: `dog.txt` beside `dog.wav`, a line `start<TAB>end<TAB>name` in seconds, as audio editors
//! write them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::documents::ending;
use super::folder::{Kind, Made, files, is_of};
use crate::error::{Error, Result};
use crate::pipeline::Pipeline;
use crate::sound::{Clip, Drawn, EXTENSIONS, Item, Partners, Span, apply_with, replay};

/// Sounds and what is done to them.
pub(super) struct Sounds<'a> {
    pipeline: &'a Pipeline,
    /// Those of each folder: one is mixed with others of its folder, since folders are classes.
    beside: BTreeMap<PathBuf, Vec<PathBuf>>,
}

/// Files in a row that may be broken before a partner is given up.
const TRIES: usize = 8;

/// Sounds that one may be mixed with.
struct Beside<'a>(&'a [PathBuf]);

impl Sounds<'_> {
    pub(super) fn of<'a>(pipeline: &'a Pipeline, folder: &Path) -> Result<Sounds<'a>> {
        let mut beside: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
        for path in files(folder, Sounds::takes)?.into_iter().map(|name| folder.join(name)) {
            beside.entry(path.parent().unwrap_or(folder).to_owned()).or_default().push(path);
        }
        Ok(Sounds { pipeline, beside })
    }
}

impl Partners for Beside<'_> {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn get(&self, index: u64) -> Result<Item> {
        // In place of one that cannot be read the next one comes.
        let at = |k: usize| self.0.get((usize::try_from(index).ok()? + k) % self.0.len().max(1));
        match (0..TRIES).find_map(|k| read(at(k)?).ok()) {
            Some(item) => Ok(item),
            None => Err(Error::Item(format!("there is no sound {index} to mix with; there are {}", self.0.len()))),
        }
    }
}

impl Kind for Sounds<'_> {
    const UNIT: &'static str = "sounds";

    fn takes(path: &Path) -> bool {
        path.extension().is_some_and(|end| EXTENSIONS.iter().any(|e| end.eq_ignore_ascii_case(e)))
    }

    fn check(&self, path: &Path) -> Result<()> {
        read(path).map(|_| ())
    }

    fn with_it(&self, path: &Path) -> Vec<(String, PathBuf)> {
        let track = track(path);
        let mut all = vec![(ending(path), path.to_owned())];
        all.extend(track.is_file().then(|| (".txt".to_owned(), track)));
        all
    }

    fn change(&self, path: &Path, item: u64, pass: u64, drawn: Option<&str>) -> Result<Made> {
        let real = read(path)?;
        let beside = Beside(path.parent().and_then(|folder| self.beside.get(folder)).map_or(&[], Vec::as_slice));
        let (made, drawn) = match drawn {
            None => apply_with(self.pipeline, &real, item, pass, &beside)?,
            Some(line) => {
                let drawn = Drawn::from_line(line)?;
                is_of((drawn.item, drawn.pass), item, pass)?;
                (replay(&drawn, &real, &beside)?, drawn)
            }
        };
        // MP3 is read, not written.
        let end = match ending(path).to_lowercase().as_str() {
            ".flac" if !made.clip.is_empty() => ".flac",
            _ => ".wav",
        };
        let wrong = |what| Error::File { path: path.to_owned(), what };
        let (bytes, clipped) = made.clip.encode(&end[1..]).map_err(wrong)?;
        let mut files = vec![(end.to_owned(), bytes)];
        if track(path).is_file() {
            files.push((".txt".to_owned(), written(&made.spans).into_bytes()));
        }
        Ok(Made {
            files,
            drawn: drawn.to_line()?,
            counts: vec![(clipped, "samples were beyond full scale and clipped")],
        })
    }
}

fn track(path: &Path) -> PathBuf {
    path.with_extension("txt")
}

/// A sound and its label track.
fn read(path: &Path) -> Result<Item> {
    let clip = Clip::read(path)?;
    let track = track(path);
    if !track.is_file() {
        return Ok(Item { clip, spans: Vec::new(), classes: Vec::new() });
    }
    let text = std::fs::read_to_string(&track).map_err(Error::io(&track))?;
    let spans = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('\\'));
    let span = |(i, line): (usize, &str)| {
        let mut cells = line.splitn(3, '\t');
        let mut number = || cells.next().and_then(|cell| cell.trim().parse::<f64>().ok());
        match (number(), number()) {
            (Some(start), Some(end)) => Ok(Span { start, end, name: cells.next().unwrap_or_default().to_owned() }),
            _ => {
                let what = format!("line {}: `{line}` is no label; write start, end and name with tabs between", i + 1);
                Err(Error::File { path: track.clone(), what })
            }
        }
    };
    Ok(Item { clip, spans: spans.map(span).collect::<Result<_>>()?, classes: Vec::new() })
}

fn written(spans: &[Span]) -> String {
    spans.iter().fold(String::new(), |mut text, span| {
        // Into a string nothing fails.
        let _ = writeln!(text, "{:.6}\t{:.6}\t{}", span.start, span.end, span.name);
        text
    })
}
