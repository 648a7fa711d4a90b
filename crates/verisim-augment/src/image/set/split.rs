//! Names of splits: which data may be changed, and which are kept to test with.

use crate::error::{Error, Result};

/// What a name says of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// To train with.
    Train,
    /// To test with: never changed unless asked by name.
    Held,
}

const TRAIN: [&str; 4] = ["train", "training", "trainval", "traindata"];
const HELD: [&str; 12] = [
    "val",
    "valid",
    "validation",
    "test",
    "testing",
    "holdout",
    "eval",
    "evaluation",
    "minival",
    "valset",
    "testset",
    "testdata",
];
/// Words that say nothing of the role.
const BESIDE: [&str; 16] = [
    "set",
    "data",
    "images",
    "image",
    "img",
    "imgs",
    "labels",
    "annotations",
    "instances",
    "person",
    "keypoints",
    "coco",
    "jpegimages",
    "split",
    "dev",
    "only",
];

fn words(name: &str) -> Vec<String> {
    let lower = name.to_lowercase().replace("hold-out", "holdout").replace("hold_out", "holdout");
    lower.split(|c: char| !c.is_alphabetic()).filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

fn of_words(words: &[String]) -> Option<Role> {
    if words.iter().any(|w| HELD.contains(&w.as_str())) {
        return Some(Role::Held);
    }
    words.iter().any(|w| TRAIN.contains(&w.as_str())).then_some(Role::Train)
}

/// What the name of a file says, whatever else is in it: `instances_val2017`.
pub(super) fn of_file(stem: &str) -> Option<Role> {
    of_words(&words(stem))
}

/// What the name of a folder says: `val2017`, `test-images`, but not `test_tubes`, which may be a class.
pub(super) fn of_folder(name: &str) -> Option<Role> {
    let words = words(name);
    let known = |w: &String| [&TRAIN[..], &HELD[..], &BESIDE[..]].iter().any(|list| list.contains(&w.as_str()));
    if words.iter().all(known) { of_words(&words) } else { None }
}

/// Whether a split that is asked for is this one: by its name, or by a word of it; `val`, `valid` and `validation` are one word.
pub(super) fn is(name: &str, wanted: &str) -> bool {
    let plain = |w: &str| match w {
        "valid" | "validation" => "val".to_owned(),
        "testing" => "test".to_owned(),
        "training" => "train".to_owned(),
        w => w.to_owned(),
    };
    let wanted = wanted.to_lowercase();
    name.to_lowercase() == wanted || words(name).iter().any(|w| plain(w) == plain(&wanted))
}

/// One split of a set.
#[derive(Debug, Clone)]
pub(super) struct Candidate<T> {
    pub name: String,
    pub role: Option<Role>,
    pub what: T,
}

/// The split that is asked for, or the one to train with, and all the others. Where there are only splits to test with it is refused.
pub(super) fn choose<T>(
    mut all: Vec<Candidate<T>>,
    wanted: Option<&str>,
    path: &std::path::Path,
) -> Result<(Candidate<T>, Vec<Candidate<T>>)> {
    let wrong = |what: String| Error::File { path: path.to_owned(), what };
    let names = || all.iter().map(|c| format!("`{}`", c.name)).collect::<Vec<_>>().join(", ");
    let found: Vec<usize> = match wanted {
        // The name itself comes before names that have it in them.
        Some(w) => match all.iter().position(|c| c.name.eq_ignore_ascii_case(w)) {
            Some(i) => vec![i],
            None => (0..all.len()).filter(|&i| is(&all[i].name, w)).collect(),
        },
        None => {
            let of = |role| (0..all.len()).filter(|&i| all[i].role == role).collect::<Vec<_>>();
            let train = of(Some(Role::Train));
            match train.iter().find(|&&i| all[i].name.eq_ignore_ascii_case("train")) {
                Some(&i) => vec![i],
                None if train.is_empty() => of(None),
                None => train,
            }
        }
    };
    match (found.as_slice(), wanted) {
        (&[i], _) => {
            let chosen = all.remove(i);
            Ok((chosen, all))
        }
        ([], Some(w)) => Err(wrong(format!("there is no split `{w}`; there are {}", names()))),
        ([], None) => Err(wrong(format!(
            "holds data to test with alone ({}), and changed copies of those make scores look better than they are; name the data to \
             train with, or say which split is meant",
            names()
        ))),
        _ => Err(wrong(format!("there are several to choose from ({}); say which", names()))),
    }
}

/// Refuses data to test with that are named directly.
pub(super) fn refuse_held(role: Option<Role>, wanted: Option<&str>, name: &str, path: &std::path::Path) -> Result<()> {
    match (role, wanted) {
        (Some(Role::Held), None) => Err(Error::File {
            path: path.to_owned(),
            what: format!(
                "`{name}` is the name of data to test with, and changed copies of those make scores look better than they are; name \
                 the data to train with, or say that the split `{name}` is meant"
            ),
        }),
        (Some(_), Some(w)) if !is(name, w) => {
            Err(Error::File { path: path.to_owned(), what: format!("is the split `{name}`, not `{w}`") })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_data_are_for() {
        for name in ["val2017", "valid", "Test", "test-images", "hold_out", "test-dev"] {
            assert_eq!(of_folder(name), Some(Role::Held), "{name}");
        }
        for name in ["train", "train2017", "training", "trainval", "Train_images"] {
            assert_eq!(of_folder(name), Some(Role::Train), "{name}");
        }
        for name in ["cats", "test_tubes", "latest", "images", "validators", "été"] {
            assert_eq!(of_folder(name), None, "{name}");
        }
        assert_eq!(of_file("my_boats_val"), Some(Role::Held));
        assert_eq!(of_file("instances_default"), None);
        assert!(is("valid", "val") && is("instances_val2017", "validation") && !is("train", "val"));
    }
}
