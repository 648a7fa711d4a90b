//! YOLO: a text file beside each picture, a line a thing: its class, and numbers as shares of the sides of the picture.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files::{read_text, wrong};
use super::found::{Found, short};
use crate::error::Result;
use crate::image::labels::{Bounds, Mark, Seen};
use crate::image::outline::Outline;

/// What lines say after the class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// The middle, the width and the height of a box.
    #[default]
    Detect,
    /// The corners of a polygon.
    Segment,
    /// A box, and so many key points of 2 or 3 numbers; the third is 0 unknown, 1 hidden, 2 seen.
    Pose(usize, usize),
    /// The four corners of a turned box.
    Oriented,
}

/// `data.yaml`: only what is used here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Yaml {
    pub path: Option<String>,
    pub train: Option<OneOrMore>,
    pub val: Option<OneOrMore>,
    pub test: Option<OneOrMore>,
    names: Option<Names>,
    kpt_shape: Option<Vec<usize>>,
    flip_idx: Option<Vec<usize>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    pub fn all(&self) -> Vec<&str> {
        match self {
            OneOrMore::One(s) => vec![s],
            OneOrMore::More(list) => list.iter().map(String::as_str).collect(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Names {
    List(Vec<Name>),
    Map(std::collections::BTreeMap<u32, Name>),
}

/// Names of classes may look like numbers, or like yes and no.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Name {
    Text(String),
    Whole(i64),
    Number(f64),
    Yes(bool),
}

impl Name {
    fn text(&self) -> String {
        match self {
            Name::Text(s) => s.clone(),
            Name::Whole(n) => n.to_string(),
            Name::Number(x) => x.to_string(),
            Name::Yes(b) => b.to_string(),
        }
    }
}

impl Yaml {
    pub fn read(path: &Path) -> Result<Yaml> {
        serde_saphyr::from_str(&read_text(path)?).map_err(|e| wrong(path, format!("cannot be read: {e}")))
    }

    pub fn classes(&self) -> Vec<String> {
        match &self.names {
            None => Vec::new(),
            Some(Names::List(list)) => list.iter().map(Name::text).collect(),
            Some(Names::Map(map)) => {
                let n = map.keys().next_back().map_or(0, |k| (*k as usize + 1).min(100_000));
                (0..n as u32).map(|i| map.get(&i).map_or_else(|| i.to_string(), Name::text)).collect()
            }
        }
    }

    /// Key points of a thing: how many, at most 1,000, and numbers of each.
    pub fn shape(&self) -> Option<(usize, usize)> {
        match self.kpt_shape.as_deref() {
            Some(&[n @ ..=1000, d @ 2..=3]) => Some((n, d)),
            _ => None,
        }
    }

    /// Which key point is which in a mirror.
    pub fn flips(&self) -> Vec<usize> {
        self.flip_idx.clone().unwrap_or_default()
    }
}

/// Where the lines of a picture are: `images` becomes `labels`, or they are beside it.
pub(super) fn label_of(picture: &Path) -> PathBuf {
    let parts: Vec<_> = picture.components().collect();
    let last = parts.iter().rposition(|p| p.as_os_str() == "images");
    let moved: PathBuf = parts
        .iter()
        .enumerate()
        .map(|(i, p)| if Some(i) == last { std::ffi::OsStr::new("labels") } else { p.as_os_str() })
        .collect();
    with_end(&moved, "txt")
}

/// Another end of a name; unlike `with_extension` it takes no name apart that has points in it.
pub(super) fn with_end(path: &Path, end: &str) -> PathBuf {
    let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!("{stem}.{end}"))
}

/// What a file of lines says of a picture of these sides.
pub(super) fn labels(text: &str, task: Task, (w, h): (usize, usize)) -> Found {
    let mut found = Found::default();
    for (i, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        match bounds(line, task, (w as f64, h as f64)) {
            Ok(mut b) => {
                b.id = i as u64;
                found.admit(b, (w, h), || format!("line {}", i + 1));
            }
            Err(why) => found.unfit.push(format!("line {}: {why}", i + 1)),
        }
    }
    found
}

fn bounds(line: &str, task: Task, (w, h): (f64, f64)) -> Result<Bounds, String> {
    let mut parts = line.split_whitespace();
    let first = parts.next().unwrap_or_default();
    let class = first.parse::<f64>().ok().filter(|c| c.fract() == 0.0 && (0.0..1e6).contains(c));
    let class = class.ok_or_else(|| format!("`{first}` is no number of a class"))? as u32;
    let numbers =
        parts.map(|p| p.parse::<f64>().map_err(|_| format!("`{p}` is no number"))).collect::<Result<Vec<f64>, _>>()?;
    let corners =
        |flat: &[f64]| -> Vec<[f64; 2]> { flat.as_chunks::<2>().0.iter().map(|[x, y]| [x * w, y * h]).collect() };
    let upright = |flat: &[f64]| match *flat {
        [x, y, bw, bh, ..] => [(x - bw / 2.0) * w, (y - bh / 2.0) * h, (x + bw / 2.0) * w, (y + bh / 2.0) * h],
        _ => [0.0; 4],
    };
    let extents = |outline: &Outline| outline.extents().unwrap_or([0.0; 4]);
    match (task, numbers.len()) {
        (Task::Pose(n, d), len) if len == 4 + n * d => {
            let mut b = Bounds::new(upright(&numbers), class, 0);
            b.marks = numbers[4..].chunks_exact(d).map(|p| mark(p, w, h)).collect();
            Ok(b)
        }
        (_, 4) => Ok(Bounds::new(upright(&numbers), class, 0)),
        (Task::Oriented, 8) => {
            let outline = Outline::polygons(vec![corners(&numbers)]);
            let mut b = Bounds::new(extents(&outline), class, 0);
            b.corners = corners(&numbers).try_into().ok();
            Ok(b)
        }
        (Task::Detect | Task::Segment, n) if n >= 6 && n.is_multiple_of(2) => {
            let outline = Outline::polygons(vec![corners(&numbers)]);
            let mut b = Bounds::new(extents(&outline), class, 0);
            b.outline = Some(outline);
            Ok(b)
        }
        (_, n) => {
            Err(format!("{n} numbers after the class, which is no box, polygon or what else the set says it has"))
        }
    }
}

fn mark(p: &[f64], w: f64, h: f64) -> Mark {
    let (x, y) = (p[0] * w, p[1] * h);
    // Without a third number a place in the corner says that there is none.
    let seen = match p.get(2) {
        Some(v) if *v >= 2.0 => Seen::Yes,
        Some(v) if *v >= 1.0 => Seen::Hidden,
        None if (x, y) != (0.0, 0.0) => Seen::Yes,
        _ => Seen::No,
    };
    Mark { x, y, seen }
}

/// The lines of boxes. A polygon of several parts is one ring whose parts are joined where they are nearest; corners of turned boxes
/// that left the picture are brought to its edge, as programs refuse shares outside 0 to 1.
pub(super) fn lines(boxes: &[Bounds], task: Task, (w, h): (usize, usize)) -> String {
    let (w, h) = (w as f64, h as f64);
    let share = |x: f64, of: f64| short((x / of).clamp(0.0, 1.0), 6);
    let mut text = String::new();
    for b in boxes {
        let [l, t, r, bottom] = b.sides;
        let mut line = b.class.to_string();
        let mut put = |x: f64| {
            // A text takes everything.
            let _ = write!(line, " {x}");
        };
        let upright = [share((l + r) / 2.0, w), share((t + bottom) / 2.0, h), share(r - l, w), share(bottom - t, h)];
        let square = [[l, t], [r, t], [r, bottom], [l, bottom]];
        match task {
            Task::Detect => upright.into_iter().for_each(&mut put),
            Task::Pose(n, d) => {
                upright.into_iter().for_each(&mut put);
                for i in 0..n {
                    let m = b.marks.get(i).filter(|m| m.seen != Seen::No);
                    put(m.map_or(0.0, |m| share(m.x, w)));
                    put(m.map_or(0.0, |m| share(m.y, h)));
                    if d == 3 {
                        put(m.map_or(0.0, |m| if m.seen == Seen::Yes { 2.0 } else { 1.0 }));
                    }
                }
            }
            Task::Oriented => b.corners.unwrap_or(square).iter().for_each(|[x, y]| {
                put(share(*x, w));
                put(share(*y, h));
            }),
            Task::Segment => {
                let ring = b.outline.as_ref().map(|o| joined(&o.rings)).filter(|r| r.len() > 2);
                for [x, y] in ring.unwrap_or(square.to_vec()) {
                    put(share(x, w));
                    put(share(y, h));
                }
            }
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// One ring that goes round several, there and back where they are nearest. Quadratic in corners.
fn joined(rings: &[Vec<[f64; 2]>]) -> Vec<[f64; 2]> {
    let mut rings = rings.iter();
    let mut all = rings.next().cloned().unwrap_or_default();
    for ring in rings {
        let mut best = (f64::INFINITY, 0, 0);
        for (i, a) in all.iter().enumerate() {
            for (j, b) in ring.iter().enumerate() {
                let (dx, dy) = (a[0] - b[0], a[1] - b[1]);
                let far = dx * dx + dy * dy;
                if far < best.0 {
                    best = (far, i, j);
                }
            }
        }
        let (_, i, j) = best;
        if !best.0.is_finite() {
            continue;
        }
        let there: Vec<[f64; 2]> = ring[j..].iter().chain(&ring[..=j]).copied().chain([all[i]]).collect();
        all.splice(i + 1..i + 1, there);
    }
    all
}

/// What the lines of a set are, from some of its files: key points where its `data.yaml` says so; turned boxes where all lines have
/// four corners; polygons where some lines are longer than a box; else boxes.
pub(super) fn task(yaml: Option<&Yaml>, texts: &[String]) -> Task {
    if let Some((n, d)) = yaml.and_then(Yaml::shape) {
        return Task::Pose(n, d);
    }
    let mut counts =
        texts.iter().flat_map(|t| t.lines()).map(|l| l.split_whitespace().count()).filter(|n| *n > 0).peekable();
    let some = counts.peek().is_some();
    let counts: Vec<usize> = counts.collect();
    if some && counts.iter().all(|n| *n == 9) {
        Task::Oriented
    } else if counts.iter().any(|n| *n >= 7 && n % 2 == 1) {
        Task::Segment
    } else {
        Task::Detect
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_each_task_come_back() {
        let pose = "3 0.5 0.5 0.5 0.25 0.4 0.5 2 0 0 0\n";
        for (task, text) in [
            (Task::Detect, "0 0.5 0.5 0.25 0.125\n7 0.25 0.5 0.1 0.2\n"),
            (Task::Segment, "1 0.1 0.1 0.6 0.1 0.6 0.5 0.3 0.9\n"),
            (Task::Oriented, "2 0.3 0.1 0.6 0.4 0.5 0.5 0.2 0.2\n"),
            (Task::Pose(2, 3), pose),
        ] {
            let found = labels(text, task, (640, 480));
            assert_eq!(found.unfit, Vec::<String>::new());
            assert_eq!(lines(&found.boxes, task, (640, 480)), text);
        }
        let b = labels("0 0.5 0.5 0.25 0.125", Task::Detect, (640, 480)).boxes.remove(0);
        assert_eq!(b.sides, [240.0, 210.0, 400.0, 270.0]);
    }

    #[test]
    fn broken_lines_are_told() {
        let text = "x 0.5 0.5 0.1 0.1\n0 0.5 0.5\n0 0.5 0.5 0 0.1\n-1 0.5 0.5 0.1 0.1\n0 nan 0.5 0.1 0.1\n\n0 2 2 0.1 0.1\n0 a b c d\n";
        let found = labels(text, Task::Detect, (10, 10));
        assert_eq!((found.boxes.len(), found.unfit.len()), (0, 7), "{:?}", found.unfit);
        assert!(found.unfit[2].contains("line 3 has no area"), "{}", found.unfit[2]);
    }

    #[test]
    fn what_lines_are_is_seen_from_them() {
        let of = |t: &str| task(None, &[t.to_owned()]);
        assert_eq!(of("0 .1 .1 .1 .1\n"), Task::Detect);
        assert_eq!(of(""), Task::Detect);
        assert_eq!(of("0 1 1 1 1 1 1 1 1\n0 1 1 1 1 1 1 1 1\n"), Task::Oriented);
        assert_eq!(of("0 1 1 1 1 1 1 1 1\n0 1 1 1 1 1 1\n"), Task::Segment);
        assert_eq!(label_of(Path::new("images/train/images/a.b.jpg")), Path::new("images/train/labels/a.b.txt"));
        assert_eq!(label_of(Path::new("a.jpg")), Path::new("a.txt"));
    }

    #[test]
    fn parts_are_joined_into_one_ring() {
        let square = |x: f64| vec![[x, 0.0], [x + 1.0, 0.0], [x + 1.0, 1.0], [x, 1.0]];
        let ring = joined(&[square(0.0), square(3.0)]);
        assert_eq!(Outline::polygons(vec![ring.clone()]).area(), 2.0);
        assert_eq!(ring.len(), 10);
    }
}
