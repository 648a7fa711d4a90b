//! Texts as tokens and back: characters, bytes, or byte pairs (Sennrich et al., 2016), which are learnt from the texts.
//!
//! Below the tokens of text stand those that no text holds: where a document begins and ends, and whose turn or which cell follows.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use tokenizers::models::bpe::{BPE, BpeTrainerBuilder};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{Tokenizer, TokenizerBuilder};

use crate::error::{Error, Result};
use crate::weights::Weights;

/// A document begins.
pub const START: u32 = 0;
/// A document ends.
pub const END: u32 = 1;
/// A cell ends.
pub const CELL: u32 = 2;
/// The cells are over, and the text begins.
pub const TEXT: u32 = 3;
/// A byte that no text in UTF-8 has.
const NO_TEXT: u8 = 0xff;
/// Where the tokens of columns begin; those of roles follow, then those of text.
const FIRST: u32 = 4;

/// What a token of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tokens {
    /// A character that the texts have.
    Chars,
    /// A byte.
    Bytes,
    /// Bytes that often stand together.
    Bpe,
}

/// How texts become tokens.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    /// Columns of cells.
    pub columns: usize,
    /// Roles of turns.
    pub roles: usize,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Chars(Vec<char>, HashMap<char, u32>),
    Bytes,
    /// And how many entries it has.
    Bpe(Box<Tokenizer>, usize),
}

/// A vocabulary as it lies in an artefact.
#[derive(Serialize, Deserialize)]
struct Stored {
    columns: usize,
    roles: usize,
    tokens: Tokens,
    /// The characters, or the tokenizer as JSON.
    #[serde(default)]
    text: String,
}

impl Vocabulary {
    /// The vocabulary of `texts`, of at most `size` tokens where it is learnt.
    ///
    /// # Errors
    /// When byte pairs cannot be learnt.
    pub fn learn<'t>(
        tokens: Tokens,
        size: usize,
        texts: impl Iterator<Item = &'t str> + Send,
        columns: usize,
        roles: usize,
    ) -> Result<Vocabulary> {
        let kind = match tokens {
            Tokens::Chars => {
                let chars: BTreeSet<char> = texts.flat_map(str::chars).collect();
                Kind::chars(chars.into_iter().collect())
            }
            Tokens::Bytes => Kind::Bytes,
            Tokens::Bpe => Kind::bpe(byte_pairs(size, texts).map_err(unlearnable)?),
        };
        Ok(Vocabulary { columns, roles, kind })
    }

    /// The vocabulary of a pretrained model.
    pub fn of_base(tokenizer: tokenizers::Tokenizer, columns: usize, roles: usize) -> Vocabulary {
        Vocabulary { columns, roles, kind: Kind::bpe(tokenizer) }
    }

    /// The token of a column.
    pub fn column(&self, j: usize) -> u32 {
        FIRST + j as u32
    }

    /// The token of a role.
    pub fn role(&self, r: usize) -> u32 {
        FIRST + (self.columns + r) as u32
    }

    /// The role of a token, if it is that of one.
    pub fn as_role(&self, token: u32) -> Option<usize> {
        let first = self.role(0);
        (first..first + self.roles as u32).contains(&token).then(|| (token - first) as usize)
    }

    /// The first token of text.
    pub fn first(&self) -> u32 {
        FIRST + (self.columns + self.roles) as u32
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        let words = match &self.kind {
            Kind::Chars(chars, _) => chars.len(),
            Kind::Bytes => 256,
            Kind::Bpe(_, entries) => *entries,
        };
        self.first() as usize + words
    }

    /// Whether there are no tokens of text.
    pub fn is_empty(&self) -> bool {
        self.len() == self.first() as usize
    }

    /// Tokens of a pretrained model that steer it and are in no text.
    pub fn steering(&self) -> Vec<u32> {
        let Kind::Bpe(tokenizer, _) = &self.kind else { return Vec::new() };
        let mut ids: Vec<u32> =
            tokenizer.get_added_tokens_decoder().iter().filter(|(_, token)| token.special).map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids.into_iter().map(|id| self.first() + id).collect()
    }

    /// Whether [`words`](Vocabulary::words) are the bytes of the tokens: not of a pretrained model that does not go by bytes.
    pub fn is_by_bytes(&self) -> bool {
        match &self.kind {
            Kind::Bpe(tokenizer, _) => tokenizer.to_string(false).is_ok_and(|json| json.contains("\"ByteLevel\"")),
            Kind::Chars(..) | Kind::Bytes => true,
        }
    }

    /// The bytes of every token; those of no text begin with a byte that is in none.
    pub fn words(&self) -> Vec<Vec<u8>> {
        let special = |name: String| [&[NO_TEXT][..], name.as_bytes()].concat();
        let mut words: Vec<Vec<u8>> = (0..self.first()).map(|i| special(format!("<{i}>"))).collect();
        match &self.kind {
            Kind::Chars(chars, _) => words.extend(chars.iter().map(|c| c.to_string().into_bytes())),
            Kind::Bytes => words.extend((0..=255).map(|b| vec![b])),
            Kind::Bpe(tokenizer, entries) => {
                let added = tokenizer.get_added_tokens_decoder();
                let bytes = byte_of();
                for id in 0..*entries as u32 {
                    let token = tokenizer.id_to_token(id).unwrap_or_default();
                    words.push(match added.contains_key(&id) || token.is_empty() {
                        true => special(format!("{token}{id}")),
                        false => token.chars().filter_map(|c| bytes.get(&c).copied()).collect(),
                    });
                }
            }
        }
        words
    }

    /// The tokens of a text.
    ///
    /// # Errors
    /// When it has a character that the vocabulary lacks.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let first = self.first();
        match &self.kind {
            Kind::Chars(_, index) => {
                let token = |c: char| index.get(&c).map(|&i| first + i).ok_or(Error::Character { character: c });
                text.chars().map(token).collect()
            }
            Kind::Bytes => Ok(text.bytes().map(|b| first + u32::from(b)).collect()),
            Kind::Bpe(tokenizer, _) => {
                let encoded = tokenizer.encode_fast(text, false).map_err(unlearnable)?;
                Ok(encoded.get_ids().iter().map(|&id| first + id).collect())
            }
        }
    }

    /// The text of tokens; those that are not of text are left out, and bytes that make no character become the sign for that.
    pub fn decode(&self, tokens: &[u32]) -> String {
        let first = self.first();
        let words = tokens.iter().filter_map(|&t| t.checked_sub(first));
        match &self.kind {
            Kind::Chars(chars, _) => words.filter_map(|w| chars.get(w as usize)).collect(),
            Kind::Bytes => String::from_utf8_lossy(&words.map(|w| w as u8).collect::<Vec<_>>()).into_owned(),
            Kind::Bpe(tokenizer, _) => tokenizer.decode(&words.collect::<Vec<_>>(), false).unwrap_or_default(),
        }
    }

    /// Adds what [`restore`](Vocabulary::restore) needs.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn store(&self, weights: &mut Weights) -> Result<()> {
        let (tokens, text) = match &self.kind {
            Kind::Chars(chars, _) => (Tokens::Chars, chars.iter().collect()),
            Kind::Bytes => (Tokens::Bytes, String::new()),
            Kind::Bpe(tokenizer, _) => (Tokens::Bpe, tokenizer.to_string(false).map_err(unlearnable)?),
        };
        let stored = Stored { columns: self.columns, roles: self.roles, tokens, text };
        let bytes = serde_json::to_vec(&stored).map_err(|e| unlearnable(e.into()))?;
        weights.put_u8("vocabulary", &[bytes.len()], bytes);
        Ok(())
    }

    /// Takes up what [`store`](Vocabulary::store) wrote.
    ///
    /// # Errors
    /// When it is not there, or damaged.
    pub fn restore(weights: &mut Weights) -> Result<Vocabulary> {
        let (_, bytes) = weights.take_u8("vocabulary")?;
        let bad =
            |problem: String| Error::Tensor { name: "vocabulary".into(), problem: format!("is damaged: {problem}") };
        let stored: Stored = serde_json::from_slice(&bytes).map_err(|e| bad(e.to_string()))?;
        let kind = match stored.tokens {
            Tokens::Chars => Kind::chars(stored.text.chars().collect()),
            Tokens::Bytes => Kind::Bytes,
            Tokens::Bpe => {
                let tokenizer = Tokenizer::from_bytes(stored.text.as_bytes()).map_err(|e| bad(e.to_string()))?;
                Kind::bpe(tokenizer)
            }
        };
        Ok(Vocabulary { columns: stored.columns, roles: stored.roles, kind })
    }
}

impl Kind {
    fn bpe(tokenizer: Tokenizer) -> Kind {
        let entries = entries(&tokenizer);
        Kind::Bpe(Box::new(tokenizer), entries)
    }

    fn chars(chars: Vec<char>) -> Kind {
        let index = chars.iter().enumerate().map(|(i, &c)| (c, i as u32)).collect();
        Kind::Chars(chars, index)
    }
}

/// Entries of a tokenizer, those that it leaves out included.
fn entries(tokenizer: &Tokenizer) -> usize {
    tokenizer.get_vocab(true).values().max().map_or(0, |&id| id as usize + 1)
}

/// The byte that each character of a token of byte pairs stands for: printable ones for themselves, the others, in order, for those from
/// 256 on.
fn byte_of() -> HashMap<char, u8> {
    let is_printable = |b: &u8| matches!(b, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
    let printable = (0..=255u8).filter(is_printable).map(|b| (char::from(b), b));
    let others = (0..=255u8).filter(|b| !is_printable(b)).enumerate();
    printable.chain(others.filter_map(|(i, b)| Some((char::from_u32(256 + i as u32)?, b)))).collect()
}

/// A tokenizer of byte pairs, whose first 256 tokens are the bytes, so that it can write any text.
fn byte_pairs<'t>(size: usize, texts: impl Iterator<Item = &'t str> + Send) -> tokenizers::Result<Tokenizer> {
    let mut trainer = BpeTrainerBuilder::new()
        .show_progress(false)
        .vocab_size(size)
        .min_frequency(2)
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build();
    // A space belongs to the word after it; none is put before the first.
    let level = || ByteLevel::default().add_prefix_space(false).trim_offsets(false);
    let mut tokenizer = TokenizerBuilder::new()
        .with_model(BPE::default())
        .with_normalizer(None::<tokenizers::NormalizerWrapper>)
        .with_pre_tokenizer(Some(level()))
        .with_post_processor(None::<tokenizers::PostProcessorWrapper>)
        .with_decoder(Some(level()))
        .build()?;
    tokenizer.train(&mut trainer, texts)?;
    // By way of its file it becomes a tokenizer of whatever parts.
    Tokenizer::from_bytes(tokenizer.to_string(false)?)
}

fn unlearnable(error: tokenizers::Error) -> Error {
    Error::Vocabulary { problem: error.to_string() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TEXTS: [&str; 3] = ["the cat sat on the mat", "the hat, the cat: naïve 😀", "a\tb\n"];

    #[test]
    fn texts_come_back_from_tokens_and_from_an_artefact() {
        for tokens in [Tokens::Chars, Tokens::Bytes, Tokens::Bpe] {
            let vocabulary = Vocabulary::learn(tokens, 300, TEXTS.into_iter(), 2, 1).unwrap();
            let mut weights = Weights::default();
            vocabulary.store(&mut weights).unwrap();
            let again = Vocabulary::restore(&mut weights).unwrap();
            assert_eq!((again.len(), again.first(), again.as_role(6)), (vocabulary.len(), 7, Some(0)));
            for text in TEXTS {
                let mut ids = vocabulary.encode(text).unwrap();
                assert!(ids.iter().all(|&t| t >= 7 && (t as usize) < vocabulary.len()));
                assert_eq!(ids, again.encode(text).unwrap());
                ids.insert(0, START);
                assert_eq!(again.decode(&ids), text);
            }
        }
    }

    #[test]
    fn pairs_that_come_often_are_one_token() {
        let vocabulary = Vocabulary::learn(Tokens::Bpe, 300, TEXTS.into_iter(), 0, 0).unwrap();
        assert_eq!(vocabulary.encode(" the").unwrap().len(), 1);
        assert!(vocabulary.encode("日本").unwrap().len() > 2);
    }

    #[test]
    fn words_are_the_bytes_of_their_texts() {
        for tokens in [Tokens::Chars, Tokens::Bytes, Tokens::Bpe] {
            let vocabulary = Vocabulary::learn(tokens, 300, TEXTS.into_iter(), 1, 1).unwrap();
            let words = vocabulary.words();
            assert_eq!(words.len(), vocabulary.len());
            for text in TEXTS {
                let bytes: Vec<u8> =
                    vocabulary.encode(text).unwrap().iter().flat_map(|&t| words[t as usize].clone()).collect();
                assert_eq!(bytes, text.as_bytes());
            }
        }
    }

    #[test]
    fn a_character_that_was_never_seen_is_named() {
        let vocabulary = Vocabulary::learn(Tokens::Chars, 0, TEXTS.into_iter(), 0, 0).unwrap();
        assert!(vocabulary.encode("x").unwrap_err().to_string().contains("`x`"));
    }
}
