//! Models of texts.
//!
//! A model of texts sees documents as tokens, and of each the cells that say something of it, as tokens too. It never sees a file, the
//! name of a column or the command line.

pub mod base;
pub mod lm;
pub mod pack;
pub mod vocabulary;

use verisim_data::rng::hash_words;
use verisim_data::text::{Form, Lengths, Source, Spec, Texts};

use crate::error::{Error, Result};
use crate::learn::{Learn, Ready};
use crate::table::{NoText, Nothing};
use crate::training::Train;
pub use lm::Sampler;
use pack::Document;
pub use vocabulary::{Tokens, Vocabulary};

crate::models! {
    /// A model of texts and its settings: `[model.lm]`.
    Texts:
    /// A language model: a transformer that writes token by token.
    Lm = lm;
}

/// What is learnt of the columns of a table that hold free text: `[text]` of a config.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Besides {
    /// The columns; all that hold free text when not given.
    pub columns: Option<Vec<String>>,
    /// The columns whose cells are told to the model; all that the table's model learns, up to sixteen, when not given.
    pub told: Option<Vec<String>>,
    /// The model that writes them; `lm` with its defaults when not given.
    pub model: Option<Model>,
    /// How it is trained, where it should differ from its own default.
    #[schemars(with = "crate::Training")]
    pub train: Train,
}

impl Besides {
    /// The model that writes.
    pub fn model(&self) -> Model {
        self.model.clone().unwrap_or_else(|| Model::Lm(lm::Config::default()))
    }
}

/// With the defaults of its model and its training written out, so that the config of a run says all that was learnt by.
impl serde::Serialize for Besides {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct Filled<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            columns: &'a Option<Vec<String>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            told: &'a Option<Vec<String>>,
            model: &'a Model,
            #[serde(skip_serializing_if = "Option::is_none")]
            train: Option<crate::Training>,
        }
        let model = self.model();
        let train = crate::learn::Model::training(&model).map(|default| self.train.over(default));
        Filled { columns: &self.columns, told: &self.told, model: &model, train }.serialize(serializer)
    }
}

impl crate::learn::Augments for Besides {
    fn check(&self) -> Result<()> {
        crate::learn::Model::check(&self.model())
    }
}

/// How a model wants texts encoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoding {
    /// What a token is.
    pub tokens: Tokens,
    /// How many of them are learnt at most.
    pub vocabulary: usize,
    /// The pretrained model whose tokens they are.
    pub base: Option<std::path::PathBuf>,
}

/// Texts as tokens.
pub struct EncodedTexts {
    /// How they stood in files.
    pub form: Form,
    /// The columns that their cells are of.
    pub columns: Vec<String>,
    /// Who speaks.
    pub roles: Vec<String>,
    /// What their tokens are.
    pub vocabulary: Vocabulary,
    /// The documents; of one long text its parts.
    pub documents: Vec<Document>,
}

impl EncodedTexts {
    /// Whether the documents are parts of one, each going on where the one before ends.
    pub fn is_joined(&self) -> bool {
        self.form == Form::Corpus
    }
}

/// The tokens of a document.
///
/// # Errors
/// When it has a character that the vocabulary lacks.
pub fn encode(document: &verisim_data::text::Document, vocabulary: &Vocabulary, roles: &[String]) -> Result<Document> {
    let cells = document.cells.iter().map(|cell| cell.as_ref().map(|text| vocabulary.encode(text)).transpose());
    let cells = cells.collect::<Result<_>>()?;
    let mut body = Vec::new();
    for turn in &document.turns {
        body.extend(roles.iter().position(|role| *role == turn.role).map(|r| vocabulary.role(r)));
        body.extend(vocabulary.encode(&turn.text)?);
    }
    Ok(Document { cells, body })
}

impl Learn for Texts {
    type Models = Model;
    type Encoding = Encoding;
    type Encoded = EncodedTexts;
    type Augment = Nothing;
    type Besides = NoText;
    type Sampler = Sampler;

    fn encode(self, source: &Source, encoding: &Encoding) -> Result<Ready<Texts>> {
        let roles = self.roles();
        let texts = self.documents.iter().flat_map(|d| {
            let cells = d.cells.iter().flatten().map(String::as_str);
            cells.chain(d.turns.iter().map(|turn| turn.text.as_str()))
        });
        let (columns, kinds) = (self.columns.len(), roles.len());
        let vocabulary = match &encoding.base {
            Some(path) => Vocabulary::of_base(base::Base::open(path)?.tokenizer, columns, kinds),
            None => Vocabulary::learn(encoding.tokens, encoding.vocabulary, texts, columns, kinds)?,
        };
        let documents = self.documents.iter().map(|d| encode(d, &vocabulary, &roles)).collect::<Result<Vec<_>>>()?;
        let all: usize = documents.iter().map(|d| d.body.len()).sum();
        if all == 0 {
            let columns = "the texts are empty".into();
            return Err(Error::Unlearnable { path: source.path.clone(), columns });
        }
        let words = documents.iter().flat_map(|d| {
            let cells = d.cells.iter().flatten().flat_map(|cell| cell.iter().copied().chain([vocabulary::CELL]));
            cells.chain(d.body.iter().copied()).chain([vocabulary::END])
        });
        let hash = hash_words(words.map(u64::from));
        let told = format!(", {all} tokens of {} kinds", vocabulary.len());
        let encoded = EncodedTexts { form: self.form, columns: self.columns, roles, vocabulary, documents };
        Ok(Ready { count: encoded.documents.len(), hash, told, notes: Vec::new(), encoded })
    }

    fn in_order(encoded: &EncodedTexts) -> bool {
        encoded.is_joined()
    }

    fn spec(encoded: &EncodedTexts, train: &[usize]) -> Spec {
        let lengths = || train.iter().map(|&i| encoded.documents[i].body.len());
        Spec {
            form: encoded.form.clone(),
            columns: encoded.columns.clone(),
            roles: encoded.roles.clone(),
            lengths: Lengths { most: lengths().max().unwrap_or(0), all: lengths().sum(), count: train.len() },
        }
    }

    fn check_training(_: &Train) -> Result<()> {
        Ok(())
    }

    fn preview(_: &Sampler, _: &Spec, _: u64, _: &[(String, String)]) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_free_text_is_written_out_and_read_back() {
        let said = "told = [\"kind\"]\n[model.lm]\nwidth = 32\n[train]\nepochs = 25\n";
        let besides: Besides = toml::from_str(said).unwrap();
        let filled = toml::to_string(&besides).unwrap();
        for line in ["told = [\"kind\"]", "width = 32", "layers = 6", "epochs = 25", "min_steps = 0", "batch_size = 16"]
        {
            assert!(filled.lines().any(|l| l == line), "no {line} in\n{filled}");
        }
        let again: Besides = toml::from_str(&filled).unwrap();
        assert_eq!(toml::to_string(&again).unwrap(), filled);
        // Nothing said is all of the defaults.
        assert!(toml::to_string(&Besides::default()).unwrap().contains("epochs = 40"));
    }
}
