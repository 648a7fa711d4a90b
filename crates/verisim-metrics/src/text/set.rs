//! Texts as the scores see them: their signs, their words as numbers that all sets share, their label, their turns; and which set stands
//! in whose place.
//!
//! A word is a run of letters, digits and underscores, or any single sign that is no space, in lower case.

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use verisim_data::rng::{permutation, stream};
use verisim_data::text::{Document, Form, Texts};

/// Characters of a side that are looked at, at most: so much memory.
const CHARACTERS: usize = 4_000_000;
/// Characters of the pieces that one long text is cut into.
const PIECE: usize = 500;

/// One text.
#[derive(Clone, Debug)]
pub(super) struct Text {
    /// As it was written.
    pub raw: String,
    /// Characters in it.
    pub length: usize,
    /// Its words, by their numbers in [`Words`].
    pub words: Vec<u32>,
    /// What the label column says of it.
    pub label: Option<String>,
    /// Role and characters of each turn; none of a text that is no conversation.
    pub turns: Vec<(String, usize)>,
    /// Whether a turn is blank.
    pub is_blank: bool,
}

/// All words of all sets.
#[derive(Debug, Default)]
pub(super) struct Words {
    ids: FxHashMap<Box<str>, u32>,
    /// How each is spelt.
    pub spelt: Vec<Box<str>>,
}

/// A text, the same in lower case, and where its words are.
type Read = (String, String, Vec<(u32, u32)>);

impl Words {
    /// The texts of some documents, their words numbered.
    pub fn texts(&mut self, documents: &[&Document], label: Option<usize>) -> Vec<Text> {
        let cut = |document: &&Document| {
            let raw = document.text();
            let lower = raw.to_lowercase();
            let spans = spans(&lower);
            (raw, lower, spans)
        };
        let read: Vec<Read> = documents.par_iter().map(cut).collect();
        let number = |(document, (raw, lower, spans)): (&&Document, Read)| Text {
            length: raw.chars().count(),
            words: spans.iter().map(|&(from, to)| self.number(&lower[from as usize..to as usize])).collect(),
            label: label.and_then(|k| document.cells.get(k)?.as_deref()).map(|l| l.trim().to_owned()),
            turns: document
                .turns
                .iter()
                .filter(|turn| !turn.role.is_empty())
                .map(|turn| (turn.role.clone(), turn.text.chars().count()))
                .collect(),
            is_blank: document.turns.iter().any(|turn| turn.text.trim().is_empty()),
            raw,
        };
        documents.iter().zip(read).map(number).collect()
    }

    fn number(&mut self, word: &str) -> u32 {
        if let Some(&id) = self.ids.get(word) {
            return id;
        }
        let id = self.spelt.len() as u32;
        self.ids.insert(word.into(), id);
        self.spelt.push(word.into());
        id
    }
}

/// Whether a character belongs to a word of several.
pub(super) fn is_of_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Where the words of a text in lower case begin and end.
pub(super) fn spans(lower: &str) -> Vec<(u32, u32)> {
    let mut out = Vec::new();
    let mut begin = None;
    for (at, c) in lower.char_indices() {
        if is_of_word(c) {
            begin.get_or_insert(at);
            continue;
        }
        out.extend(begin.take().map(|from| (from as u32, at as u32)));
        if !c.is_whitespace() {
            out.push((at as u32, (at + c.len_utf8()) as u32));
        }
    }
    out.extend(begin.map(|from| (from as u32, lower.len() as u32)));
    out
}

/// Which texts stand in whose place: every score is of the synthetic ones against `real`, and its floor of `fresh` against `real`.
#[derive(Debug)]
pub(super) struct Sides {
    /// What the generator was fitted on; one half of it where there is no hold-out.
    pub real: Vec<Text>,
    /// Held-out texts; the other half where there are none.
    pub fresh: Vec<Text>,
    /// What the generator made.
    pub synthetic: Vec<Text>,
    /// All words of them.
    pub words: Words,
    /// Texts a side of a comparison.
    pub count: usize,
    /// Whether there is no hold-out.
    pub is_halves: bool,
    /// Whether words are compared, or, where texts hold hardly any, characters in their place.
    pub has_words: bool,
}

impl Sides {
    /// Texts of each set in an order of chance; what was left out is said in `notes`.
    pub fn new(
        [real, synthetic]: [&Texts; 2],
        holdout: Option<&Texts>,
        target: Option<&str>,
        most: usize,
        seed: u64,
        notes: &mut Vec<String>,
    ) -> Sides {
        let mut words = Words::default();
        let mut take = |texts: &Texts, name: &str| {
            let order = permutation(&mut stream(seed, name, 0), texts.documents.len());
            let (mut taken, mut characters) = (Vec::new(), 0);
            for i in order {
                let document = &texts.documents[i];
                characters += document.turns.iter().map(|turn| turn.text.len()).sum::<usize>();
                if taken.len() >= most || (characters > CHARACTERS && taken.len() > 1) {
                    break;
                }
                taken.push(document);
            }
            if taken.len() < texts.documents.len() {
                let all = texts.documents.len();
                notes.push(format!("{} of {all} {name} texts are compared, drawn by the seed", taken.len()));
            }
            let label = target.and_then(|target| texts.columns.iter().position(|c| c == target));
            words.texts(&taken, label)
        };
        let mut real = take(real, "training");
        let synthetic = take(synthetic, "synthetic");
        let is_halves = holdout.is_none();
        let fresh = match holdout {
            Some(holdout) => take(holdout, "hold-out"),
            None => real.split_off(real.len().div_ceil(2)),
        };
        let in_all: usize = real.iter().map(|t| t.words.len()).sum();
        Sides {
            count: real.len().min(fresh.len()).min(synthetic.len()),
            has_words: in_all >= 3 * real.len(),
            real,
            fresh,
            synthetic,
            words,
            is_halves,
        }
    }

    /// As many of the real, the synthetic and the fresh texts as there are of each.
    pub fn equal(&self) -> [&[Text]; 3] {
        [&self.real, &self.synthetic, &self.fresh].map(|texts| &texts[..self.count])
    }
}

/// One long text in pieces of equal length, as it was before a reader cut it; all other texts as they are.
pub(super) fn pieces(texts: Texts, notes: &mut Vec<String>, name: &str) -> Texts {
    if texts.form != Form::Corpus {
        return texts;
    }
    let whole: String = texts.documents.iter().map(Document::text).collect();
    let (mut documents, mut from, mut signs) = (Vec::new(), 0, 0);
    for (at, c) in whole.char_indices() {
        if signs >= PIECE && (c.is_whitespace() || signs >= 2 * PIECE) {
            documents.push(Document::plain(&whole[from..at]));
            (from, signs) = (at, 0);
        }
        signs += 1;
    }
    // What is left is shorter than the others, and would be so in no real text.
    if documents.is_empty() || signs >= PIECE {
        documents.push(Document::plain(&whole[from..]));
    }
    notes.push(format!("the {name} text is one long text; it is cut into {} pieces", documents.len()));
    Texts { documents, ..texts }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_and_single_signs() {
        let text = "it's £5_00, naïve!\n- ok";
        let words: Vec<&str> = spans(text).iter().map(|&(a, b)| &text[a as usize..b as usize]).collect();
        assert_eq!(words, ["it", "'", "s", "£", "5_00", ",", "naïve", "!", "-", "ok"]);
        assert!(spans(" \n").is_empty());
    }

    #[test]
    fn a_long_text_is_cut_into_pieces_of_one_length() {
        let text = "word and ".repeat(1_000);
        let documents = text.as_bytes().chunks(999).map(|c| Document::plain(String::from_utf8_lossy(c))).collect();
        let texts = Texts { form: Form::Corpus, columns: Vec::new(), documents };
        let cut = pieces(texts, &mut Vec::new(), "training");
        assert!(cut.documents.iter().all(|d| (500..506).contains(&d.text().len())));
        assert!(text.starts_with(&cut.documents.iter().map(Document::text).collect::<String>()));
    }

    #[test]
    fn without_a_hold_out_halves_of_the_real_ones_are_compared() {
        let documents = (0..11).map(|i| Document::plain(format!("text number {i}"))).collect();
        let texts = Texts { form: Form::Lines, columns: Vec::new(), documents };
        let sides = Sides::new([&texts, &texts], None, None, 100, 1, &mut Vec::new());
        assert_eq!((sides.real.len(), sides.fresh.len(), sides.count, sides.is_halves), (6, 5, 5, true));
        let mut all: Vec<&str> = sides.real.iter().chain(&sides.fresh).map(|t| t.raw.as_str()).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 11);
    }
}
