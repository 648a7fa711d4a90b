//! What a path holds.

mod yolo;

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::coco::{self, Coco};
use super::files::{extension, is_picture, list, read_text, walk, wrong};
use super::split::{Candidate, choose, of_file, of_folder, refuse_held};
use super::yolo::{Yaml, with_end};
use super::{Entry, ImageSet, Layout, Other, Source, mirrored_names, voc, xml};
use crate::error::Result;
use yolo::{names_of_classes, open_yolo, yaml_of};

/// How a set is meant, where that is not to be found out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpenSettings {
    /// The layout.
    pub layout: Option<Layout>,
    /// The split: the name of a folder or file, or a word of it such as `val`.
    pub split: Option<String>,
}

/// Where a set lies: a root, and the folder of one split in it, which may be the root itself.
struct Site {
    root: PathBuf,
    base: PathBuf,
    split: Option<String>,
    others: Vec<Other>,
}

pub(super) fn open(path: &Path, settings: &OpenSettings) -> Result<ImageSet> {
    let made = match path.is_file() {
        true => open_file(path, settings)?,
        false => open_folder_of_any(path, settings)?,
    };
    match (&settings.split, &made.split) {
        (Some(wanted), None) => Err(wrong(path, format!("has no splits, so there is no `{wanted}`; ask for none"))),
        _ => Ok(made),
    }
}

fn open_folder_of_any(path: &Path, settings: &OpenSettings) -> Result<ImageSet> {
    if !path.is_dir() {
        return Err(wrong(path, "there is no such file or folder"));
    }
    let wanted = settings.split.as_deref();
    let is = |layout| settings.layout.is_none_or(|l| l == layout);
    let sub = |name: &str| path.join(name).is_dir();
    // What is about the whole folder comes before folders that are splits.
    if is(Layout::Coco) {
        let files = coco_files(path)?;
        if !files.is_empty() {
            let named = file_name(path);
            refuse_held(of_folder(&named), wanted, &named, path)?;
            return open_coco(path, files, wanted);
        }
    }
    let yaml = yaml_of(path)?;
    let yolo = yaml.is_some() || sub("labels") && sub("images") || names_of_classes(path).is_some();
    if (is(Layout::Yolo) && yolo && !sub("JPEGImages")) || settings.layout == Some(Layout::Yolo) {
        return open_yolo(path, yaml, wanted);
    }
    let site = site(path, wanted)?;
    let base = site.root.join(&site.base);
    if is(Layout::Coco) && !site.base.as_os_str().is_empty() {
        let files = coco_files(&base)?;
        if let Some(file) = files.first() {
            return one_coco(&site.root, file, site.split, site.others);
        }
    }
    let has = |names: &[&str]| names.iter().all(|n| base.join(n).is_dir());
    let layout = match settings.layout {
        Some(layout) => layout,
        None if has(&["JPEGImages", "Annotations"]) => Layout::Voc,
        None if has(&["images", "labels"]) => return open_yolo(path, None, wanted),
        None if has(&["images", "masks"]) => Layout::Masks,
        None if has_xml(&base)? => Layout::Voc,
        None => Layout::Folder,
    };
    match layout {
        Layout::Voc => open_voc(site, wanted),
        Layout::Masks => open_masks(site, wanted),
        Layout::Folder => open_folder(site),
        Layout::Coco => Err(wrong(path, "holds no JSON file with `images` and `annotations`; name the file itself")),
        Layout::Yolo => open_yolo(path, None, wanted),
    }
}

fn open_file(path: &Path, settings: &OpenSettings) -> Result<ImageSet> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    let wanted = settings.split.as_deref();
    match extension(path).as_str() {
        "json" => {
            let root = match file_name(&folder).as_str() {
                "annotations" => folder.parent().map(Path::to_owned).unwrap_or(folder.clone()),
                _ => folder.clone(),
            };
            let stem = stem(path);
            let role = of_file(&stem).or_else(|| of_folder(&file_name(&folder)));
            refuse_held(role, wanted, &stem, path)?;
            let relative = path.strip_prefix(&root).unwrap_or(path).to_owned();
            one_coco(&root, &relative, role.map(|_| stem), Vec::new())
        }
        "yaml" | "yml" => open_yolo(&folder, Some((path.to_owned(), Yaml::read(path)?)), wanted),
        _ => Err(wrong(path, "is neither a folder nor a COCO file (.json) nor the file of a YOLO set (.yaml)")),
    }
}

fn file_name(path: &Path) -> String {
    // A path such as `.` has no name of its own.
    let named = path.file_name().map(|n| n.to_string_lossy().into_owned());
    named.or_else(|| Some(path.canonicalize().ok()?.file_name()?.to_string_lossy().into_owned())).unwrap_or_default()
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Folders in this one whose names are those of splits.
fn split_folders(folder: &Path) -> Result<Vec<Candidate<PathBuf>>> {
    let found = list(folder)?.into_iter().filter(|p| p.is_dir()).map(|p| (file_name(&p), p));
    Ok(found
        .filter_map(|(name, what)| of_folder(&name).map(|role| Candidate { name, role: Some(role), what }))
        .collect())
}

fn site(path: &Path, wanted: Option<&str>) -> Result<Site> {
    let named = file_name(path);
    let all = split_folders(path)?;
    if all.is_empty() {
        refuse_held(of_folder(&named), wanted, &named, path)?;
        let split = of_folder(&named).map(|_| named);
        return Ok(Site { root: path.to_owned(), base: PathBuf::new(), split, others: Vec::new() });
    }
    let (chosen, others) = choose(all, wanted, path)?;
    let others = others.into_iter().map(|c| Other { paths: vec![PathBuf::from(&c.name)], name: c.name }).collect();
    Ok(Site { root: path.to_owned(), base: PathBuf::from(&chosen.name), split: Some(chosen.name), others })
}

fn set(site: Site, pictures: PathBuf, layout: Layout, why: String, entries: Vec<Entry>, source: Source) -> ImageSet {
    let notes = match site.others.as_slice() {
        [] => Vec::new(),
        others => {
            let names: Vec<String> = others.iter().map(|o| format!("`{}`", o.name)).collect();
            vec![format!("left alone: {}", names.join(", "))]
        }
    };
    ImageSet {
        root: site.root,
        pictures,
        layout,
        why,
        entries,
        classes: Vec::new(),
        flips: Vec::new(),
        split: site.split,
        others: site.others,
        notes,
        source,
    }
}

/// Pictures below a folder, whose names are Unicode.
fn picture_names(folder: &Path, notes: &mut Vec<String>) -> Result<Vec<PathBuf>> {
    let mut names = walk(folder, &is_picture)?;
    let before = names.len();
    names.retain(|n| n.to_str().is_some());
    if names.len() < before {
        notes.push(format!("{} pictures have names that are no Unicode; they are left out", before - names.len()));
    }
    Ok(names)
}

fn no_pictures(folder: &Path) -> crate::Error {
    wrong(folder, "holds no pictures (.jpg, .png, .bmp, .tif, .webp, .gif)")
}

fn open_folder(site: Site) -> Result<ImageSet> {
    let base = site.base.clone();
    let folder = site.root.join(&base);
    let mut notes = Vec::new();
    let names = picture_names(&folder, &mut notes)?;
    if names.is_empty() {
        return Err(no_pictures(&folder));
    }
    let of = |n: &PathBuf| n.parent().map(super::files::slashed).unwrap_or_default();
    let classed = names.iter().all(|n| !of(n).is_empty());
    let mut classes: Vec<String> = if classed { names.iter().map(of).collect() } else { Vec::new() };
    classes.sort();
    classes.dedup();
    let entries = names
        .into_iter()
        .map(|name| {
            let class = classes.binary_search(&of(&name)).ok().map(|c| c as u32);
            Entry { name, class, label: None, row: 0 }
        })
        .collect();
    let why = match classed {
        true => format!("every picture is in one of {} folders, which are taken for classes", classes.len()),
        false => "there are pictures, and nothing that is known as labels".to_owned(),
    };
    let mut made = set(site, base, Layout::Folder, why, entries, Source::Folder);
    made.classes = classes;
    made.notes.extend(notes);
    Ok(made)
}

fn open_masks(mut site: Site, wanted: Option<&str>) -> Result<ImageSet> {
    let (mut pictures, mut masks) = (site.base.join("images"), site.base.join("masks"));
    for folder in [&pictures, &masks] {
        if !site.root.join(folder).is_dir() {
            return Err(wrong(&site.root.join(folder), "is not there; pictures are in `images`, masks in `masks`"));
        }
    }
    let within = split_folders(&site.root.join(&pictures))?;
    if !within.is_empty() {
        let (chosen, others) = choose(within, wanted, &site.root.join(&pictures))?;
        let both = |name: &str| vec![pictures.join(name), masks.join(name)];
        site.others.extend(others.into_iter().map(|c| Other { paths: both(&c.name), name: c.name }));
        (pictures, masks) = (pictures.join(&chosen.name), masks.join(&chosen.name));
        site.split = Some(chosen.name);
    }
    let mut notes = Vec::new();
    let names = picture_names(&site.root.join(&pictures), &mut notes)?;
    if names.is_empty() {
        return Err(no_pictures(&site.root.join(&pictures)));
    }
    // The same name without its end.
    let plain = |p: &Path| p.with_file_name(stem(p));
    let found = walk(&site.root.join(&masks), &is_picture)?;
    let by_stem: std::collections::BTreeMap<PathBuf, &PathBuf> = found.iter().map(|m| (plain(m), m)).collect();
    let entries: Vec<Entry> = names
        .into_iter()
        .map(|name| {
            let label = by_stem.get(&plain(&name)).map(|m| masks.join(m));
            Entry { name, class: None, label, row: 0 }
        })
        .collect();
    let without = entries.iter().filter(|e| e.label.is_none()).count();
    if without == entries.len() {
        return Err(wrong(&site.root.join(&masks), "has no mask with the name of a picture; give both the same names"));
    }
    if without > 0 {
        notes.push(format!("{without} pictures have no mask"));
    }
    let lost = found.len() + without - entries.len();
    if lost > 0 {
        notes.push(format!("{lost} masks have no picture; they are left out"));
    }
    let why = "there are folders `images` and `masks`".to_owned();
    let mut made = set(site, pictures, Layout::Masks, why, entries, Source::Masks);
    made.notes.extend(notes);
    Ok(made)
}

/// COCO files in a folder, and in `annotations` in it, by their paths from it.
fn coco_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for inner in ["", "annotations"] {
        if !folder.join(inner).is_dir() {
            continue;
        }
        for file in list(&folder.join(inner))?.into_iter().filter(|f| f.is_file() && extension(f) == "json") {
            let stem = stem(&file);
            // Sentences about pictures, and lists without answers, are no labels.
            let other = ["captions_", "image_info_", "stuff_", "panoptic_"].iter().any(|p| stem.starts_with(p));
            if !other && coco::is(&read_text(&file)?) {
                found.push(Path::new(inner).join(file.file_name().unwrap_or_default()));
            }
        }
    }
    if found.iter().any(|f| stem(f).starts_with("instances_")) {
        found.retain(|f| stem(f).starts_with("instances_"));
    }
    Ok(found)
}

fn open_coco(root: &Path, files: Vec<PathBuf>, wanted: Option<&str>) -> Result<ImageSet> {
    let candidate = |what: PathBuf| Candidate { name: stem(&what), role: of_file(&stem(&what)), what };
    let all: Vec<_> = files.into_iter().map(candidate).collect();
    if let ([one], None) = (all.as_slice(), wanted)
        && one.role.is_none()
    {
        return one_coco(root, &one.what.clone(), None, Vec::new());
    }
    let (chosen, others) = choose(all, wanted, root)?;
    let folders: Vec<PathBuf> = list(root)?.into_iter().filter(|p| p.is_dir()).collect();
    let others = others
        .into_iter()
        .map(|c| {
            // Pictures of `instances_val2017` are in `val2017`.
            let own =
                folders.iter().map(|f| file_name(f)).filter(|f| of_folder(f).is_some() && c.name.ends_with(f.as_str()));
            Other { paths: std::iter::once(c.what.clone()).chain(own.map(PathBuf::from)).collect(), name: c.name }
        })
        .collect();
    let split = chosen.role.map(|_| chosen.name);
    one_coco(root, &chosen.what, split, others)
}

/// The set of one file, `file` from the root.
fn one_coco(root: &Path, file: &Path, split: Option<String>, others: Vec<Other>) -> Result<ImageSet> {
    let path = root.join(file);
    let coco = Coco::parse(&path, read_text(&path)?)?;
    if coco.images.is_empty() {
        return Err(wrong(&path, "lists no images"));
    }
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let mut candidates = vec![folder.clone(), folder.join("images"), PathBuf::new(), PathBuf::from("images")];
    for place in [root.to_owned(), root.join("images")] {
        if place.is_dir() {
            let folders = list(&place)?.into_iter().filter(|p| p.is_dir());
            candidates.extend(folders.filter_map(|p| p.strip_prefix(root).map(Path::to_owned).ok()));
        }
    }
    // Those that have the name of the split in common come first.
    candidates.sort_by_key(|c| {
        let name = file_name(c);
        !(of_folder(&name).is_some() && stem(file).ends_with(name.as_str()))
    });
    candidates.dedup();
    let pictures = coco::pictures(&path, &coco, root, &candidates)?;
    let entries = coco
        .images
        .iter()
        .enumerate()
        .map(|(row, i)| Entry { name: i.name.clone(), class: None, label: None, row })
        .collect();
    let why = format!("`{}` is a COCO file", super::files::slashed(file));
    let classes = coco.categories.iter().map(|c| c.name.clone()).collect();
    let flips = coco.categories.iter().map(|c| mirrored_names(&c.marks)).collect();
    let notes = coco.notes.clone();
    let site = Site { root: root.to_owned(), base: PathBuf::new(), split, others };
    let mut made = set(site, pictures, Layout::Coco, why, entries, Source::Coco(Box::new(coco), file.to_owned()));
    (made.classes, made.flips) = (classes, flips);
    made.notes.extend(notes);
    Ok(made)
}

fn has_xml(folder: &Path) -> Result<bool> {
    for inner in ["", "annotations", "Annotations"] {
        let place = folder.join(inner);
        if place.is_dir() && list(&place)?.iter().any(|f| extension(f) == "xml") {
            return Ok(true);
        }
    }
    Ok(false)
}

fn open_voc(mut site: Site, wanted: Option<&str>) -> Result<ImageSet> {
    let base = site.root.join(&site.base);
    let first =
        |names: &[&str]| names.iter().find(|n| base.join(n).is_dir()).map_or(site.base.clone(), |n| site.base.join(n));
    let pictures = first(&["JPEGImages", "images"]);
    let labels = first(&["Annotations", "annotations"]);
    let mut notes = Vec::new();
    let mut names = picture_names(&site.root.join(&pictures), &mut notes)?;
    // Lists of names without their ends; those of one class have lines of two words, and are left out.
    let lists = base.join("ImageSets").join("Main");
    if lists.is_dir() {
        let files = list(&lists)?.into_iter().filter(|f| extension(f) == "txt" && of_folder(&stem(f)).is_some());
        let all: Vec<_> = files.map(|f| Candidate { name: stem(&f), role: of_folder(&stem(&f)), what: f }).collect();
        if !all.is_empty() {
            let (chosen, others) = choose(all, wanted, &lists)?;
            let text = read_text(&chosen.what)?;
            let stems: std::collections::BTreeSet<&str> =
                text.lines().filter_map(|l| l.split_whitespace().next()).collect();
            let listed = |n: &PathBuf| stems.contains(super::files::slashed(&n.with_file_name(stem(n))).as_str());
            names.retain(|n| stems.contains(stem(n).as_str()) || listed(n));
            site.others.extend(others.into_iter().map(|o| Other { name: o.name, paths: Vec::new() }));
            site.split = Some(chosen.name);
        }
    }
    if names.is_empty() {
        return Err(no_pictures(&site.root.join(&pictures)));
    }
    let entries: Vec<Entry> = names
        .into_iter()
        .map(|name| {
            let label = Some(with_end(&labels.join(&name), "xml")).filter(|l| site.root.join(l).is_file());
            Entry { name, class: None, label, row: 0 }
        })
        .collect();
    let without = entries.iter().filter(|e| e.label.is_none()).count();
    if without > 0 {
        notes.push(format!("{without} pictures have no XML file; they are taken for pictures with nothing in them"));
    }
    // Files that cannot be read are told of when it is their turn.
    let of_file = |l: &PathBuf| -> Vec<String> {
        let root = read_text(&site.root.join(l)).ok().and_then(|t| xml::Element::read(&t).ok());
        root.map(|r| voc::names(&r).map(str::to_owned).collect()).unwrap_or_default()
    };
    let files: Vec<&PathBuf> = entries.iter().filter_map(|e| e.label.as_ref()).collect();
    let mut classes: Vec<String> = files.into_par_iter().flat_map_iter(of_file).collect();
    classes.sort();
    classes.dedup();
    let why = "there are XML files with the names of pictures, as Pascal VOC has them".to_owned();
    let mut made = set(site, pictures, Layout::Voc, why, entries, Source::Voc);
    made.classes = classes;
    made.notes.extend(notes);
    Ok(made)
}
