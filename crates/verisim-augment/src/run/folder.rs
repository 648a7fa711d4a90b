//! Folders of files, each of which is an item: changed file by file on all threads, and written into a folder that appears whole.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;
use verisim_data::file::Scratch;
use verisim_data::{Event, Watch};

use super::{Ask, Augmented};
use crate::error::{Error, Result};
use crate::image::set::Folder;

/// Files that are worked on at a time; what they come to is written before the next ones are read.
const AT_A_TIME: usize = 64;
/// Files that could not be used that are named.
const NAMED: usize = 3;

/// What is written in place of what was drawn for a file that could not be used.
const LEFT_OUT: &str = "null";

/// What becomes of one file.
pub(super) struct Made {
    /// Its bytes, and those of files that go with it: what their names end in after that of the item, and the bytes.
    pub files: Vec<(String, Vec<u8>)>,
    /// What was drawn, a line of JSON.
    pub drawn: String,
    /// What should be counted of it, such as samples that were clipped.
    pub counts: Vec<(u64, &'static str)>,
}

/// A kind of file.
pub(super) trait Kind: Sync {
    /// What files are, in the plural.
    const UNIT: &'static str;

    /// Whether a file is of the kind, by its name.
    fn takes(path: &Path) -> bool;

    /// Whether a file can be used: what cannot be changed is not handed on either.
    ///
    /// # Errors
    /// When it cannot.
    fn check(&self, path: &Path) -> Result<()>;

    /// The file as it was, and files that go with it: what their names end in after that of the item, and where they are.
    fn with_it(&self, path: &Path) -> Vec<(String, PathBuf)>;

    /// File `item` changed in this pass, or changed again as `drawn` says.
    fn change(&self, path: &Path, item: u64, pass: u64, drawn: Option<&str>) -> Result<Made>;
}

/// All files under `folder`, relative to it, in the order of their names; hidden ones are left out.
pub(super) fn files(folder: &Path, takes: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(under) = folders.pop() {
        let here = folder.join(&under);
        for entry in std::fs::read_dir(&here).map_err(Error::io(&here))? {
            let entry = entry.map_err(Error::io(&here))?;
            let name = under.join(entry.file_name());
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            match folder.join(&name).is_dir() {
                true => folders.push(name),
                false if takes(&name) => found.push(name),
                false => {}
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Changes the files of a folder.
pub(super) fn run<K: Kind>(kind: &K, ask: &Ask, watch: &mut dyn Watch) -> Result<Augmented> {
    let all = files(&ask.data, K::takes)?;
    if all.is_empty() {
        return Err(Error::File { path: ask.data.clone(), what: format!("holds no {}", K::UNIT) });
    }
    let folder = Folder::new(&ask.out, ask.replace, &[&ask.data])?;
    let mut record = Record::of(ask, About::of(&all, ask))?;
    let passes: Vec<Option<u64>> = ask.originals.then_some(None).into_iter().chain((0..ask.times).map(Some)).collect();
    let asked = ask.part(passes.len() * all.len());
    watch.on(Event::Begin { unit: K::UNIT, total: asked.len() as u64, done: 0 });
    let mut told = Told::default();
    let mut work = || -> Result<()> {
        let begin = asked.start;
        for first in asked.clone().step_by(AT_A_TIME) {
            if watch.stopped() {
                return Err(Error::Stopped);
            }
            let some = first..(first + AT_A_TIME).min(asked.end);
            let jobs: Vec<(usize, Option<u64>, Option<String>)> = some
                .clone()
                .map(|k| Ok((k % all.len(), passes[k / all.len()], record.next(passes[k / all.len()])?)))
                .collect::<Result<_>>()?;
            let one = |(item, pass, drawn): &(usize, Option<u64>, Option<String>)| {
                let path = &all[*item];
                let made = match pass {
                    None => kept(kind, &ask.data.join(path)),
                    Some(_) if drawn.as_deref() == Some(LEFT_OUT) => return Ok(None),
                    Some(pass) => kind.change(&ask.data.join(path), *item as u64, *pass, drawn.as_deref()),
                };
                let made = made.and_then(|made| Ok((write(folder.path(), path, *pass, &made.files)?, made)));
                made.map(|(_, made)| Some(made))
            };
            let done: Vec<Result<Option<Made>>> = jobs.par_iter().map(one).collect();
            for ((item, pass, _), made) in jobs.iter().zip(done) {
                match made {
                    Ok(None) => {}
                    Ok(Some(made)) => {
                        record.write(*pass, &made.drawn)?;
                        told.count(*pass, made.counts);
                    }
                    // What was to be applied again must be.
                    Err(e) if record.is_read() && pass.is_some() => return Err(e),
                    Err(e) => {
                        record.write(*pass, LEFT_OUT)?;
                        told.lost(&all[*item], e);
                    }
                }
            }
            watch.on(Event::done((some.end - begin) as u64));
        }
        Ok(())
    };
    let done = work();
    watch.on(Event::End);
    done?;
    told.is_something(&ask.data)?;
    record.finish()?;
    folder.publish()?;
    Ok(Augmented { unit: K::UNIT, kept: told.kept, made: told.made, notes: told.notes(K::UNIT), seconds: 0.0 })
}

/// A file as it was, with what goes with it.
fn kept<K: Kind>(kind: &K, path: &Path) -> Result<Made> {
    kind.check(path)?;
    let read = |(end, path): (String, PathBuf)| Ok((end, std::fs::read(&path).map_err(Error::io(&path))?));
    let files = kind.with_it(path).into_iter().map(read).collect::<Result<_>>()?;
    Ok(Made { files, drawn: String::new(), counts: Vec::new() })
}

/// Writes what became of a file under its name, with the pass where it was changed: `dog.wav`, `dog.e0.wav`, `dog.e1.wav`.
fn write(folder: &Path, name: &Path, pass: Option<u64>, files: &[(String, Vec<u8>)]) -> Result<()> {
    let stem = name.file_stem().unwrap_or_default().to_string_lossy();
    let mark = pass.map(|pass| format!(".e{pass}")).unwrap_or_default();
    for (end, bytes) in files {
        let path = folder.join(name.with_file_name(format!("{stem}{mark}{end}")));
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(Error::io(parent))?;
        }
        if path.exists() {
            let what = "two files come to the same name; rename one of the real ones".to_owned();
            return Err(Error::File { path: name.to_owned(), what });
        }
        std::fs::write(&path, bytes).map_err(Error::io(&path))?;
    }
    Ok(())
}

/// What a record is of.
#[derive(Serialize)]
struct About {
    files: usize,
    times: u64,
    part: (u64, u64),
    /// Of the names of the files.
    names: String,
}

impl About {
    fn of(all: &[PathBuf], ask: &Ask) -> About {
        let words = all.iter().flat_map(|path| path.to_string_lossy().bytes().chain([0]).collect::<Vec<u8>>());
        About {
            files: all.len(),
            times: ask.times,
            part: ask.shard,
            names: verisim_data::rng::hash_words(words.map(u64::from)),
        }
    }
}

/// What was drawn: written, or read and done again.
pub(super) enum Record {
    None,
    Writes(Box<BufWriter<File>>, Scratch, PathBuf),
    Reads(Box<BufReader<File>>, PathBuf, usize),
}

impl Record {
    /// Of the file that is asked for: read where it is there, written where it is not. Its first line says what it is of.
    fn of(ask: &Ask, about: About) -> Result<Record> {
        let mut record = Record::opened(ask)?;
        let line = serde_json::to_string(&about).map_err(|e| Error::Item(e.to_string()))?;
        match &mut record {
            Record::None => {}
            Record::Writes(file, _, path) => writeln!(file, "{line}").map_err(Error::io(path))?,
            Record::Reads(file, path, read) => {
                let mut own = String::new();
                *read += 1;
                file.read_line(&mut own).map_err(Error::io(path))?;
                if own.trim_end() != line {
                    let what = format!("is of others: it says {}, and what is asked for is {line}", own.trim_end());
                    return Err(Error::File { path: path.clone(), what });
                }
            }
        }
        Ok(record)
    }

    fn opened(ask: &Ask) -> Result<Record> {
        Ok(match &ask.replay {
            None => Record::None,
            Some(path) if path.exists() => {
                let file = File::open(path).map_err(Error::io(path))?;
                Record::Reads(Box::new(BufReader::new(file)), path.clone(), 0)
            }
            Some(path) => {
                let (scratch, file) = Scratch::file(path)?;
                Record::Writes(Box::new(BufWriter::new(file)), scratch, path.clone())
            }
        })
    }

    pub(super) fn is_read(&self) -> bool {
        matches!(self, Record::Reads(..))
    }

    /// What is to be done again to the next item of this pass.
    pub(super) fn next(&mut self, pass: Option<u64>) -> Result<Option<String>> {
        let (Record::Reads(file, path, line), Some(_)) = (self, pass) else { return Ok(None) };
        let mut text = String::new();
        *line += 1;
        file.read_line(&mut text).map_err(Error::io(path))?;
        match text.trim_end() {
            "" => {
                let what = format!(
                    "line {line} is missing or empty; the data or what is asked of them are others than when it was written"
                );
                Err(Error::File { path: path.clone(), what })
            }
            text => Ok(Some(text.to_owned())),
        }
    }

    /// Keeps what was drawn in a pass.
    pub(super) fn write(&mut self, pass: Option<u64>, drawn: &str) -> Result<()> {
        match (self, pass) {
            (Record::Writes(file, _, path), Some(_)) => writeln!(file, "{drawn}").map_err(Error::io(path)),
            _ => Ok(()),
        }
    }

    /// The file gets its name.
    pub(super) fn finish(self) -> Result<()> {
        if let Record::Writes(mut file, scratch, path) = self {
            file.flush().map_err(Error::io(&path))?;
            scratch.publish()?;
        }
        Ok(())
    }
}

/// Whether what was drawn is of this item.
pub(super) fn is_of(drawn: (u64, u64), item: u64, pass: u64) -> Result<()> {
    match drawn == (item, pass) {
        true => Ok(()),
        false => {
            let what = format!(
                "it comes where that of item {item} in pass {pass} should; the data or what is asked of them are others"
            );
            Err(Error::Replay { item: drawn.0, what })
        }
    }
}

/// What happened.
#[derive(Default)]
struct Told {
    kept: u64,
    made: u64,
    lost: Vec<String>,
    unread: BTreeSet<PathBuf>,
    counts: Vec<(u64, &'static str)>,
}

impl Told {
    fn count(&mut self, pass: Option<u64>, counts: Vec<(u64, &'static str)>) {
        *(if pass.is_none() { &mut self.kept } else { &mut self.made }) += 1;
        for (n, what) in counts {
            match self.counts.iter_mut().find(|(_, w)| *w == what) {
                Some((sum, _)) => *sum += n,
                None => self.counts.push((n, what)),
            }
        }
    }

    fn lost(&mut self, path: &Path, error: Error) {
        if self.unread.insert(path.to_owned()) && self.lost.len() < NAMED {
            let text = error.to_string();
            let name = path.display().to_string();
            self.lost.push(if text.contains(&name) { text } else { format!("{name}: {text}") });
        }
    }

    fn is_something(&self, data: &Path) -> Result<()> {
        match (self.kept + self.made, self.lost.first()) {
            (0, Some(first)) => {
                Err(Error::File { path: data.to_owned(), what: format!("none of its files could be used: {first}") })
            }
            _ => Ok(()),
        }
    }

    fn notes(&self, unit: &str) -> Vec<String> {
        let mut notes: Vec<String> = self.lost.iter().map(|lost| format!("left out: {lost}")).collect();
        if self.unread.len() > self.lost.len() {
            notes.push(format!("left out: {} {unit} in all", self.unread.len()));
        }
        notes.extend(self.counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")));
        notes
    }
}
