//! Names of changed pictures: `stem.e2.jpg` is `stem.jpg` in pass 2.
//!
//! Two pictures of one folder never get one name, with or without their ends, and none gets that of a picture of the set: where some
//! picture has such a name already the letter `e` is doubled until none has, and of pictures that differ in their ends alone the later
//! ones are counted: `stem-2.e0.png`. Large and small letters are taken for the same, as some systems do. All of it follows from the
//! names in the set, so that shards agree.

use std::collections::hash_map::Entry as Slot;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;

use super::Entry;

pub(super) struct Names {
    mark: String,
    /// Stems of the pictures that share theirs with an earlier one.
    others: FxHashMap<usize, String>,
}

fn stem(name: &Path) -> String {
    name.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Whether a stem ends in a point, the mark and digits.
fn ends_in(stem: &str, mark: &str) -> bool {
    let cut = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    cut.len() < stem.len() && cut.strip_suffix(mark).is_some_and(|rest| rest.ends_with('.'))
}

impl Names {
    pub fn new(entries: &[Entry]) -> Names {
        let mut mark = "e".to_owned();
        let lower: Vec<String> = entries.iter().map(|e| stem(&e.name).to_lowercase()).collect();
        while lower.iter().any(|s| ends_in(s, &mark)) {
            mark.push('e');
        }
        let key = |e: &Entry, stem: &str| e.name.with_file_name(stem).to_string_lossy().to_lowercase();
        let mut taken: FxHashMap<String, bool> = entries.iter().map(|e| (key(e, &stem(&e.name)), false)).collect();
        let mut others = FxHashMap::default();
        for (i, e) in entries.iter().enumerate() {
            let own = stem(&e.name);
            // The first of a name has it.
            let first = taken.get_mut(&key(e, &own)).is_some_and(|used| !std::mem::replace(used, true));
            if first {
                continue;
            }
            for n in 2.. {
                let other = format!("{own}-{n}");
                if let Slot::Vacant(slot) = taken.entry(key(e, &other)) {
                    slot.insert(true);
                    others.insert(i, other);
                    break;
                }
            }
        }
        Names { mark, others }
    }

    /// The name of picture `i` in a pass, with another end.
    pub fn of(&self, entries: &[Entry], i: usize, pass: u64, end: &str) -> PathBuf {
        let name = &entries[i].name;
        let own = self.others.get(&i).cloned().unwrap_or_else(|| stem(name));
        name.with_file_name(format!("{own}.{}{pass}.{end}", self.mark))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Vec<Entry> {
        names.iter().map(|n| Entry { name: PathBuf::from(n), class: None, label: None, row: 0 }).collect()
    }

    fn all(names: &[&str]) -> Vec<String> {
        let entries = named(names);
        let made = Names::new(&entries);
        (0..names.len()).map(|i| made.of(&entries, i, 1, "png").to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn no_two_pictures_get_one_name() {
        assert_eq!(all(&["a/x.jpg", "b/x.jpg", "c.d.jpg"]), ["a/x.e1.png", "b/x.e1.png", "c.d.e1.png"]);
        assert_eq!(
            all(&["x.jpg", "x.png", "X.bmp", "x-2.jpg"]),
            ["x.e1.png", "x-3.e1.png", "X-4.e1.png", "x-2.e1.png"]
        );
        assert_eq!(all(&["x.jpg", "x.e0.jpg"]), ["x.ee1.png", "x.e0.ee1.png"]);
        assert_eq!(all(&["x.jpg", "xe0.jpg", "x.e.jpg"]), ["x.e1.png", "xe0.e1.png", "x.e.e1.png"]);
    }
}
