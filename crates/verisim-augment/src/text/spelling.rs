//! Words spelt as elsewhere, or wrongly.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::Stream;

use super::act::Act;
use super::contraction::like;
use super::pick::{Change, Edits, View, one, shared, some_kinds};
use super::words::Word;

/// How words are spelt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Spelt {
    /// As in Britain: `colour`.
    British,
    /// As in the United States: `color`.
    American,
    /// Wrongly, as many people do: `definately`.
    Misspelt,
}

shared! {
    /// English words spelt another way: by lists of our own, of some 1,300 forms.
    Spelling,
    /// Of words that can be, those that are.
    share [0.3, 1.0], least 1, most 10;
    /// How; one is drawn for a passage, each as likely.
    kinds: Vec<Spelt> = vec![Spelt::British, Spelt::American, Spelt::Misspelt];
}

type Forms = FxHashMap<String, Vec<String>>;

struct Lists {
    british: Forms,
    american: Forms,
    wrong: Forms,
    /// The longest word, in bytes.
    longest: usize,
}

static LISTS: LazyLock<Lists> = LazyLock::new(|| {
    let mut lists =
        Lists { british: Forms::default(), american: Forms::default(), wrong: Forms::default(), longest: 0 };
    for row in rows(include_str!("words/variants.txt")) {
        let mut parts = row.split_whitespace();
        let (Some(british), Some(american)) = (parts.next(), parts.next()) else { continue };
        let ends: Vec<&str> = parts.collect();
        // A row without endings is a word as it is; `-` is the word without one.
        for end in if ends.is_empty() { vec!["-"] } else { ends } {
            let end = end.trim_start_matches('-');
            lists.british.entry(format!("{american}{end}")).or_default().push(format!("{british}{end}"));
            lists.american.entry(format!("{british}{end}")).or_default().push(format!("{american}{end}"));
        }
    }
    for row in rows(include_str!("words/misspelt.txt")) {
        let mut parts = row.split_whitespace();
        if let Some(right) = parts.next() {
            lists.wrong.entry(right.to_owned()).or_default().extend(parts.map(str::to_owned));
        }
    }
    let all = [&lists.british, &lists.american, &lists.wrong];
    lists.longest = all.iter().flat_map(|f| f.keys()).map(String::len).max().unwrap_or(0);
    lists
});

/// Rows that are no comment.
pub(super) fn rows(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|row| !row.is_empty() && !row.starts_with('#'))
}

impl Change for Spelling {
    fn check(&self) -> Result<(), String> {
        self.limits()?;
        self.pick().check()?;
        some_kinds(&self.kinds)
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let Some(kind) = one(rng, &self.kinds).copied() else { return Act::Nothing };
        let lists = &*LISTS;
        let forms = match kind {
            Spelt::British => &lists.british,
            Spelt::American => &lists.american,
            Spelt::Misspelt => &lists.wrong,
        };
        let mut low = String::new();
        let mut found: Vec<(Word, &[String])> = Vec::new();
        for word in view.words().into_iter().filter(|w| w.free && (2..=lists.longest).contains(&(w.end - w.start))) {
            low.clear();
            low.push_str(word.of(view.text));
            low.make_ascii_lowercase();
            if let Some(others) = forms.get(&low) {
                found.push((word, others));
            }
        }
        let mut edits = Edits::new(view);
        for (word, others) in self.pick().some(rng, &found) {
            if let Some(other) = one(rng, others) {
                edits.replace(word.start, word.end, &like(word.of(view.text), other));
            }
        }
        edits.act()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_of_words_and_each_way_undoes_the_other() {
        let lists = &*LISTS;
        assert!(lists.british.len() > 500 && lists.wrong.len() > 200, "{} {}", lists.british.len(), lists.wrong.len());
        for (american, british) in &lists.british {
            assert_eq!(british.len(), 1, "{american}");
            assert!(lists.american[&british[0]].contains(american), "{american}");
            assert_ne!(american, &british[0]);
            // No word is British in one row and American in another.
            assert!(!lists.american.contains_key(american), "{american}");
        }
        for (right, wrong) in &lists.wrong {
            assert!(!wrong.is_empty(), "{right}");
            assert!(right.is_ascii() && !wrong.contains(right), "{right}");
            // What is wrong is no word that stands here as a right one.
            assert!(wrong.iter().all(|w| !lists.wrong.contains_key(w)), "{right}");
        }
    }
}
