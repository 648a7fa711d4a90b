//! Words of the same meaning.
//!
//! The words that come along are from WordNet 3.1 (G. A. Miller, "WordNet: A Lexical Database for English", 1995), whose licence is beside
//! them: single words in the sense that at least half of their uses have in texts that were tagged by sense, and of the words of that
//! sense those that mostly mean it too. A word whose senses compete, such as `bank`, has none. No grammar is looked at: `needs` in `she
//! needs` and in `her needs` are one.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use rustc_hash::{FxHashMap, FxHashSet};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use verisim_data::rng::Stream;

use super::act::Act;
use super::contraction::like;
use super::inflect::{Form, Part, forms};
use super::pick::{Change, Edits, View, one, shared};
use super::spelling::rows;
use super::words::Word;

shared! {
    /// Words replaced by others of the same meaning, in the same form: plural, past, comparative, with a capital letter first. After `a` and
    /// `an` only words that they fit are taken.
    Synonym,
    /// Of words that have such others, those that are replaced.
    share [0.1, 0.3], least 1, most 10;
    /// The fewest letters of a word that may be.
    letters: usize = 3, in 1 to 1000;
    /// Words to use instead of those that come along.
    words: Option<WordFile> = None;
}

/// A file with words of the same meaning, read where the pipeline is.
///
/// Words of a row mean the same, with spaces between them. A row that begins with `n`, `v`, `a` or `r` and a colon is of nouns, verbs,
/// adjectives or adverbs, whose English forms are replaced too: `v: buy purchase` makes `bought` of `purchased`. Rows that begin with `#`
/// are comments.
#[derive(Debug, Clone)]
pub struct WordFile {
    path: String,
    words: Arc<Thesaurus>,
}

impl WordFile {
    /// Reads the file at `path`; what is wrong with it is said for people, with the path.
    pub fn read(path: &str) -> Result<WordFile, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| format!("{path}: {e}; `words` names a file with words of the same meaning in each row"))?;
        let words = Thesaurus::from_rows(&text).map_err(|what| format!("{path}: {what}"))?;
        Ok(WordFile { path: path.to_owned(), words: Arc::new(words) })
    }
}

impl PartialEq for WordFile {
    fn eq(&self, other: &WordFile) -> bool {
        self.path == other.path && self.words == other.words
    }
}

impl Serialize for WordFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.path)
    }
}

impl<'de> Deserialize<'de> for WordFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<WordFile, D::Error> {
        WordFile::read(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for WordFile {
    fn schema_name() -> Cow<'static, str> {
        "WordFile".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "A file with words of the same meaning in each row." })
    }
}

/// What each form of a word may be replaced by.
#[derive(Debug, Default, PartialEq)]
struct Thesaurus {
    others: FxHashMap<String, Others>,
    /// The longest form, in bytes.
    longest: usize,
}

/// Words for a form that stands alone or after a noun, and for one after `have` or `be`: they differ where the past and the participle do.
#[derive(Debug, Default, PartialEq)]
struct Others {
    plain: Vec<String>,
    after: Vec<String>,
}

static WORDNET: LazyLock<Thesaurus> = LazyLock::new(|| {
    let mut words = Thesaurus::default();
    // Words that look like a form of another one and are none, and words in their base: no form of another takes their place.
    let table = || rows(include_str!("words/synonyms.txt")).filter_map(|r| r.split_once(' '));
    let bases: FxHashSet<&str> = table().filter_map(|(_, rest)| rest.split(' ').next()).collect();
    for (part, rest) in table().filter(|(part, _)| *part != "-") {
        let mut row = rest.split(' ');
        if let (Some(word), Some(part)) = (row.next(), part_of(part)) {
            words.add(word, row, part, |form| bases.contains(form));
        }
    }
    words
});

fn part_of(letter: &str) -> Option<Part> {
    match letter {
        "n" => Some(Part::Noun),
        "v" => Some(Part::Verb),
        "a" => Some(Part::Adjective),
        "r" => Some(Part::Other),
        _ => None,
    }
}

impl Thesaurus {
    fn from_rows(text: &str) -> Result<Thesaurus, String> {
        let mut words = Thesaurus::default();
        for (i, row) in
            text.lines().enumerate().map(|(i, r)| (i, r.trim())).filter(|(_, r)| !r.is_empty() && !r.starts_with('#'))
        {
            let (part, rest) = match row.split_once(':') {
                Some((letter, rest)) => match part_of(letter) {
                    Some(part) => (part, rest),
                    None => {
                        return Err(format!(
                            "row {}: `{letter}:` is no part of speech; there are n:, v:, a: and r:",
                            i + 1
                        ));
                    }
                },
                None => (Part::Other, row),
            };
            let same: Vec<String> = rest.split_whitespace().map(str::to_lowercase).collect();
            if same.len() < 2 {
                return Err(format!("row {} has one word; a row needs two of the same meaning or more", i + 1));
            }
            for word in &same {
                let others = same.iter().filter(|o| *o != word).map(String::as_str);
                words.add(word, others, part, |_| false);
            }
        }
        if words.others.is_empty() { Err("there are no words in it".to_owned()) } else { Ok(words) }
    }

    /// `others` for `word`, form by form; not for forms that are `taken` by another word.
    fn add<'a>(&mut self, word: &str, others: impl Iterator<Item = &'a str>, part: Part, taken: impl Fn(&str) -> bool) {
        let own = forms(word, part);
        let theirs: Vec<Vec<(Form, String)>> = others.map(|o| forms(o, part)).collect();
        for (form, text) in own {
            if form != Form::Base && taken(&text) {
                continue;
            }
            self.longest = self.longest.max(text.len());
            let entry = self.others.entry(text.clone()).or_default();
            for (_, other) in theirs.iter().filter_map(|f| f.iter().find(|(f, _)| *f == form)) {
                let lists: &mut [&mut Vec<String>] = match form {
                    Form::Past => &mut [&mut entry.plain],
                    Form::Participle => &mut [&mut entry.after],
                    _ => &mut [&mut entry.plain, &mut entry.after],
                };
                for list in lists.iter_mut().filter(|l| *other != text && !l.contains(other)) {
                    list.push(other.clone());
                }
            }
        }
    }
}

/// Words after which a verb is a participle.
const HAVING: [&str; 17] = [
    "have", "has", "had", "having", "be", "been", "being", "is", "are", "was", "were", "am", "get", "got", "haven't",
    "hasn't", "hadn't",
];

/// Words that begin with a vowel letter and no vowel, and the other way.
const HARD: [&str; 12] = ["uni", "use", "usu", "eu", "one", "once", "ufo", "ute", "uti", "ubi", "ura", "ewe"];
const SOFT: [&str; 5] = ["hour", "hono", "honest", "heir", "herb"];

/// Whether `an` stands before it.
fn takes_an(word: &str) -> bool {
    let begins = |of: &[&str]| of.iter().any(|b| word.starts_with(b));
    match word.starts_with(['a', 'e', 'i', 'o', 'u']) {
        true => !begins(&HARD) || word.starts_with("unin") || word.starts_with("unim"),
        false => begins(&SOFT),
    }
}

impl Change for Synonym {
    fn check(&self) -> Result<(), String> {
        self.limits()?;
        self.pick().check()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let words: &Thesaurus = self.words.as_ref().map_or(&WORDNET, |w| &w.words);
        let all = view.words();
        let mut low = String::new();
        let mut found: Vec<(Word, &Others, Option<usize>)> = Vec::new();
        for (i, word) in all.iter().enumerate() {
            if !word.free || (word.letters as usize) < self.letters || word.end - word.start > words.longest {
                continue;
            }
            lower(word.of(view.text), &mut low);
            if let Some(others) = words.others.get(&low) {
                found.push((*word, others, i.checked_sub(1)));
            }
        }
        let mut edits = Edits::new(view);
        for (word, others, before) in self.pick().some(rng, &found) {
            let before = before.map_or(String::new(), |i| all[i].of(view.text).to_ascii_lowercase());
            let list = if HAVING.contains(&before.as_str()) { &others.after } else { &others.plain };
            let list = if list.is_empty() {
                if others.plain.is_empty() { &others.after } else { &others.plain }
            } else {
                list
            };
            let fit: Vec<&String> = match before.as_str() {
                "a" | "an" => list.iter().filter(|o| takes_an(o) == (before == "an")).collect(),
                _ => list.iter().collect(),
            };
            if let Some(other) = one(rng, &fit) {
                edits.replace(word.start, word.end, &like(word.of(view.text), other));
            }
        }
        edits.act()
    }
}

/// `word` in small letters, into `into`.
fn lower(word: &str, into: &mut String) {
    into.clear();
    if word.is_ascii() {
        into.push_str(word);
        into.make_ascii_lowercase();
    } else {
        into.push_str(&word.to_lowercase());
    }
}
