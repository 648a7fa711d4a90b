//! YOLO sets: what `data.yaml` says, or what the folders are called.

use std::path::{Path, PathBuf};

use super::super::files::{extension, inside, read_text, walk, wrong};
use super::super::split::{Candidate, choose, of_folder, refuse_held};
use super::super::yolo::{self, OneOrMore, Yaml, label_of, with_end};
use super::super::{Entry, ImageSet, Layout, Other, Source};
use super::{Site, file_name, no_pictures, picture_names, set, split_folders, stem};
use crate::error::Result;

/// The file that says what a YOLO set is.
pub(super) fn yaml_of(folder: &Path) -> Result<Option<(PathBuf, Yaml)>> {
    for name in ["data.yaml", "data.yml", "dataset.yaml", "dataset.yml"] {
        let path = folder.join(name);
        if path.is_file() {
            return Yaml::read(&path).map(|y| Some((path, y)));
        }
    }
    Ok(None)
}

/// A text with a class a line.
pub(super) fn names_of_classes(folder: &Path) -> Option<PathBuf> {
    let names = ["classes.txt", "obj.names", "labels/classes.txt"];
    names.into_iter().map(|n| folder.join(n)).find(|p| p.is_file())
}

pub(super) fn open_yolo(folder: &Path, yaml: Option<(PathBuf, Yaml)>, wanted: Option<&str>) -> Result<ImageSet> {
    let mut root = folder.to_owned();
    if let Some(inner) = yaml.as_ref().and_then(|(_, y)| y.path.as_ref()).map(|p| folder.join(p)).filter(|p| p.is_dir())
    {
        root = inner;
    }
    let named = file_name(&root);
    refuse_held(of_folder(&named), wanted, &named, &root)?;
    let mut all = yaml.as_ref().map(|(_, y)| told(&root, y)).unwrap_or_default();
    if all.is_empty() {
        all = seen(&root)?;
    }
    let (split, places, others) = match all.len() {
        0 => (
            None,
            vec![if root.join("images").is_dir() { PathBuf::from("images") } else { PathBuf::new() }],
            Vec::new(),
        ),
        _ => {
            let (chosen, others) = choose(all, wanted, &root)?;
            // Where train and val are one folder there is nothing to leave alone.
            let others = others
                .into_iter()
                .filter(|o| o.what != chosen.what)
                .map(|o| Other {
                    paths: o.what.iter().flat_map(|p| [p.clone(), labels_folder(p)]).collect(),
                    name: o.name,
                })
                .collect();
            (Some(chosen.name), chosen.what, others)
        }
    };
    let mut notes = Vec::new();
    let (pictures, names) = pictures_of(&root, &places, &mut notes)?;
    if names.is_empty() {
        return Err(no_pictures(&root.join(&pictures)));
    }
    let label = |name: &PathBuf| {
        let picture = pictures.join(name);
        [label_of(&picture), with_end(&picture, "txt")].into_iter().find(|l| root.join(l).is_file())
    };
    let entries: Vec<Entry> =
        names.into_iter().map(|name| Entry { label: label(&name), name, class: None, row: 0 }).collect();
    let without = entries.iter().filter(|e| e.label.is_none()).count();
    if without > 0 {
        notes.push(format!(
            "{without} pictures have no file of labels; they are taken for pictures with nothing in them"
        ));
    }
    lost_labels(&root, &pictures, &entries, &mut notes)?;
    let sample = entries.iter().filter_map(|e| e.label.as_ref()).take(200);
    let texts = sample.map(|l| read_text(&root.join(l))).collect::<Result<Vec<_>>>()?;
    let task = yolo::task(yaml.as_ref().map(|(_, y)| y), &texts);
    let mut classes = yaml.as_ref().map(|(_, y)| y.classes()).unwrap_or_default();
    if let (true, Some(file)) = (classes.is_empty(), names_of_classes(&root)) {
        classes = read_text(&file)?.lines().map(|l| l.trim().to_owned()).filter(|l| !l.is_empty()).collect();
    }
    let flips = yaml.as_ref().map(|(_, y)| y.flips()).unwrap_or_default();
    let why = match yaml {
        Some((path, _)) => format!("`{}` describes a YOLO set", file_name(&path)),
        None => "there are files of lines with numbers beside the pictures, as YOLO has them".to_owned(),
    };
    let site = Site { root, base: PathBuf::new(), split, others };
    let source = Source::Yolo { task, flips: flips.clone() };
    let mut made = set(site, pictures, Layout::Yolo, why, entries, source);
    made.flips = vec![flips; classes.len().max(1)];
    made.classes = classes;
    made.notes.extend(notes);
    Ok(made)
}

fn labels_folder(pictures: &Path) -> PathBuf {
    label_of(&pictures.join("x")).parent().map(Path::to_owned).unwrap_or_default()
}

/// The splits that `data.yaml` names, as far as they are there.
fn told(root: &Path, yaml: &Yaml) -> Vec<Candidate<Vec<PathBuf>>> {
    let of = |name: &str, said: &Option<OneOrMore>| {
        let places: Vec<PathBuf> = said
            .iter()
            .flat_map(|s| s.all())
            .filter_map(|p| {
                // Files that come from elsewhere often begin with `../`, whatever is there.
                let plain = p.trim_start_matches("../").trim_start_matches("./");
                let own = Path::new(p).strip_prefix(root).ok().map(Path::to_owned);
                own.or_else(|| inside(plain)).filter(|p| root.join(p).exists())
            })
            .collect();
        (!places.is_empty()).then(|| Candidate { name: name.to_owned(), role: of_folder(name), what: places })
    };
    [("train", &yaml.train), ("val", &yaml.val), ("test", &yaml.test)]
        .into_iter()
        .filter_map(|(n, s)| of(n, s))
        .collect()
}

/// The splits that are folders: in `images`, or with `images` in them.
fn seen(root: &Path) -> Result<Vec<Candidate<Vec<PathBuf>>>> {
    for (place, inner) in [("images", ""), ("", "images")] {
        let folder = root.join(place);
        let found = if folder.is_dir() { split_folders(&folder)? } else { Vec::new() };
        let found: Vec<_> = found
            .into_iter()
            .filter(|c| c.what.join(inner).is_dir())
            .map(|c| Candidate { what: vec![Path::new(place).join(&c.name).join(inner)], name: c.name, role: c.role })
            .collect();
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// The folder of all pictures and their names from it. A place is a folder, or a text with a picture a line.
fn pictures_of(root: &Path, places: &[PathBuf], notes: &mut Vec<String>) -> Result<(PathBuf, Vec<PathBuf>)> {
    if let [one] = places
        && root.join(one).is_dir()
    {
        return Ok((one.clone(), picture_names(&root.join(one), notes)?));
    }
    let mut all = Vec::new();
    for place in places {
        let path = root.join(place);
        if path.is_dir() {
            all.extend(picture_names(&path, notes)?.into_iter().map(|n| place.join(n)));
            continue;
        }
        for line in read_text(&path)?.lines().map(str::trim).filter(|l| !l.is_empty()) {
            let own = Path::new(line).strip_prefix(root).ok().map(Path::to_owned);
            let name = own.or_else(|| inside(line)).ok_or_else(|| {
                wrong(&path, format!("`{line}` leads out of the set; write paths from {}", root.display()))
            })?;
            all.push(name);
        }
    }
    Ok((PathBuf::new(), all))
}

/// Tells of files of labels that are of no picture.
fn lost_labels(root: &Path, pictures: &Path, entries: &[Entry], notes: &mut Vec<String>) -> Result<()> {
    let folder = labels_folder(pictures);
    if !root.join(&folder).is_dir() || folder == pictures {
        return Ok(());
    }
    let used: std::collections::BTreeSet<PathBuf> = entries.iter().filter_map(|e| e.label.clone()).collect();
    let lost: Vec<PathBuf> = walk(&root.join(&folder), &|p| extension(p) == "txt" && stem(p) != "classes")?
        .into_iter()
        .filter(|l| !used.contains(&folder.join(l)))
        .collect();
    if let Some(first) = lost.first() {
        notes.push(format!(
            "{} files of labels have no picture, such as `{}`; they are left out",
            lost.len(),
            first.display()
        ));
    }
    Ok(())
}
