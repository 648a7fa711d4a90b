//! Parts of a set that shards made, put together.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::files::{extension, io, read_text, walk, wrong};
use super::out::{Folder, copy, head};
use super::record::{CocoFile, Growing};
use crate::error::Result;

/// Puts together the folders that [`augment_images`](super::augment_images) made of all shards of one job, in any order: the bytes are
/// those of one run over all. Files about many pictures have names such as `annotations.part-00003-of-00008.json` in a shard, each a
/// whole file of its kind; they are joined in order. All else is copied.
///
/// # Errors
/// When a part is missing, or two parts have different files of one name; nothing is left behind then.
pub fn put_together(parts: &[&Path], out: &Path) -> Result<()> {
    let folder = Folder::new(out, false, parts)?;
    let mut joined: BTreeMap<PathBuf, (u64, BTreeMap<u64, PathBuf>)> = BTreeMap::new();
    let mut all = 0;
    for part in parts {
        for name in walk(part, &|_| true)? {
            let from = part.join(&name);
            if let Some((whole, i, n)) = of_part(&name) {
                all = all.max(n);
                let (of, found) = joined.entry(whole).or_insert((n, BTreeMap::new()));
                if *of != n || found.insert(i, from.clone()).is_some() {
                    return Err(wrong(
                        &from,
                        "is there twice, or parts are of different jobs; name the parts of one job",
                    ));
                }
                continue;
            }
            let to = folder.path().join(&name);
            match to.is_file() {
                false => copy(&from, &to)?,
                true if fs::read(&to).map_err(io(&to))? == fs::read(&from).map_err(io(&from))? => {}
                true => return Err(wrong(&from, "is another file in another part; name the parts of one job")),
            }
        }
    }
    if all != parts.len() as u64 && all > 0 {
        let what = format!("there are {} parts of {all}; name all of them", parts.len());
        return Err(wrong(parts.first().copied().unwrap_or(out), what));
    }
    for (name, (n, found)) in joined {
        // Shares are written only where there are any.
        if found.len() as u64 != n && name.file_name().is_some_and(|f| f != "shares.csv") {
            let missing = (0..n).find(|i| !found.contains_key(i)).unwrap_or(0);
            return Err(wrong(out, format!("part {missing} of {n} of `{}` is not among the parts", name.display())));
        }
        join(&folder.path().join(&name), &found.into_values().collect::<Vec<_>>())?;
    }
    folder.publish()
}

/// The name of the whole, the number of the part, and how many there are.
fn of_part(name: &Path) -> Option<(PathBuf, u64, u64)> {
    let file = name.file_name()?.to_str()?;
    let (stem, rest) = file.split_once(".part-")?;
    let (i, rest) = rest.split_once("-of-")?;
    let (n, end) = rest.split_once('.')?;
    Some((name.with_file_name(format!("{stem}.{end}")), i.parse().ok()?, n.parse().ok()?))
}

fn join(to: &Path, parts: &[PathBuf]) -> Result<()> {
    let heads = match extension(to).as_str() {
        "json" => return join_coco(to, parts),
        // Their first lines are the same.
        "jsonl" | "csv" => 1,
        _ => 0,
    };
    let mut made = Growing::new(to.to_owned(), "")?;
    for (i, part) in parts.iter().enumerate() {
        let text = read_text(part)?;
        let skipped = if i == 0 { 0 } else { heads };
        text.split_inclusive('\n').skip(skipped).try_for_each(|line| made.add(line))?;
    }
    made.finish().map(drop)
}

fn join_coco(to: &Path, parts: &[PathBuf]) -> Result<()> {
    #[derive(Deserialize)]
    struct Lists<'a> {
        #[serde(borrow)]
        images: Vec<&'a RawValue>,
        #[serde(borrow)]
        annotations: Vec<&'a RawValue>,
    }
    let mut made: Option<CocoFile> = None;
    for part in parts {
        let text = read_text(part)?;
        let fail = |e: serde_json::Error| wrong(part, format!("is no part of a COCO file: {e}"));
        let lists: Lists = serde_json::from_str(&text).map_err(fail)?;
        let file = match &mut made {
            Some(file) => file,
            none => {
                // Everything before the images, as it stands.
                let mut keys: Map<String, Value> = serde_json::from_str(&text).map_err(fail)?;
                keys.retain(|k, _| !matches!(k.as_str(), "images" | "annotations"));
                none.insert(CocoFile::new(to.to_owned(), &head(&keys))?)
            }
        };
        file.add(lists.images.iter().map(|r| r.get()), lists.annotations.iter().map(|r| r.get()))?;
    }
    made.map_or(Ok(()), CocoFile::finish)
}
