//! Small and capital letters.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, below};

use super::act::Act;
use super::pick::{Change, Edits, View, one, shared, some_kinds};
use super::words::{Word, sentences};

/// How letters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Letters {
    /// ALL CAPITAL.
    Upper,
    /// all small.
    Lower,
    /// The First One Of Each Word Capital.
    Title,
    /// The first one of each sentence capital.
    Sentence,
    /// eACh oNE By CHanCE.
    Flip,
}

shared! {
    /// Words written in capital or small letters, by Unicode's rules for no language in particular.
    Case,
    /// Of words of so many letters, those that are written so.
    share [0.1, 0.3], least 1, most 10;
    /// The fewest letters of a word that may change.
    letters: usize = 1, in 1 to 1000;
    /// The ways; one is drawn for a passage, each as likely.
    kinds: Vec<Letters> = vec![Letters::Upper, Letters::Lower, Letters::Title, Letters::Sentence, Letters::Flip];
}

impl Change for Case {
    fn check(&self) -> Result<(), String> {
        self.limits()?;
        self.pick().check()?;
        some_kinds(&self.kinds)
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let Some(kind) = one(rng, &self.kinds).copied() else { return Act::Nothing };
        let mut words = view.words();
        let firsts = if kind == Letters::Sentence { firsts(view.text, &words) } else { vec![] };
        words.retain(|w| w.free && w.letters as usize >= self.letters);
        let mut edits = Edits::new(view);
        for word in self.pick().some(rng, &words) {
            let says = word.of(view.text);
            let by = match kind {
                Letters::Upper => says.to_uppercase(),
                Letters::Lower => says.to_lowercase(),
                Letters::Title => capital(says),
                Letters::Sentence if firsts.binary_search(&word.start).is_ok() => capital(says),
                Letters::Sentence => says.to_lowercase(),
                Letters::Flip => flipped(rng, says),
            };
            edits.replace(word.start, word.end, &by);
        }
        edits.act()
    }
}

/// Where the first word of each sentence begins.
fn firsts(text: &str, words: &[Word]) -> Vec<usize> {
    let first = |(start, _): &(usize, usize)| words.get(words.partition_point(|w| w.start < *start)).map(|w| w.start);
    sentences(text).iter().filter_map(first).collect()
}

/// The first letter capital, the others small.
fn capital(word: &str) -> String {
    let mut chars = word.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    first + &chars.as_str().to_lowercase()
}

fn flipped(rng: &mut Stream, word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for c in word.chars() {
        match (below(rng, 2), c.is_lowercase()) {
            (0, _) => out.push(c),
            (_, true) => out.extend(c.to_uppercase()),
            (_, false) => out.extend(c.to_lowercase()),
        }
    }
    out
}
