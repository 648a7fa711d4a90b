//! Sampling texts: text `i` is a function of the seed and its number.
//!
//! Texts are drawn many at a time, since a network writes a token of many as fast as one of one.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use verisim_data::rng::stream;
use verisim_data::text::{Document, Form, Spec, Texts, Turn};
use verisim_models::text::lm::{Cell, Grammar, How, Rule, Wanted};

use crate::artefact::{Artefact, DEFAULT_COUNT};
use crate::error::{Error, Result};
use crate::generator::{Generate, Made, Plan};

/// What a sample of texts is asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ask {
    /// Number of texts; 1,000 when not given, of one long text one passage.
    pub n: Option<usize>,
    /// Seed of the sample.
    pub seed: u64,
    /// `column=value`, all of which must hold.
    #[serde(rename = "where")]
    pub conditions: Vec<String>,
    /// How every text begins; of a conversation what its first turn begins with.
    pub prompt: Option<String>,
    /// Who speaks the prompt, in a conversation; who speaks first in the first of them when not given.
    pub role: Option<String>,
    /// What logits are divided by: below 1 what is likely becomes likelier; 1 when not given, and 0 for the likeliest alone.
    pub temperature: Option<f64>,
    /// How many of the likeliest tokens are drawn among.
    pub top_k: Option<usize>,
    /// The share of all that the likeliest tokens have together that are drawn among.
    pub top_p: Option<f64>,
    /// The least share of the likeliest token's that a token must have.
    pub min_p: Option<f64>,
    /// What the logits of tokens that came before are divided by: above 1 for fewer repetitions.
    pub repetition: Option<f64>,
    /// Most tokens of a text; half as many again as the longest that was learnt had when not given, of one long text 1,000.
    pub max_tokens: Option<usize>,
    /// Texts that end a text where they come up.
    pub stop: Vec<String>,
    /// A regular expression that every text matches, the whole of it.
    pub regex: Option<String>,
    /// A file with the JSON schema that every text is JSON of.
    pub schema: Option<PathBuf>,
    /// Texts of which every one is.
    pub one_of: Vec<String>,
}

/// Texts that are drawn at a time.
const CHUNK: usize = 128;
/// Tokens of a passage of one long text.
const PASSAGE: usize = 1000;

impl Generate for Texts {
    type Ask = Ask;

    fn plan<'a>(artefact: &'a Artefact<Texts>, ask: &Ask) -> Result<Box<dyn Plan<Texts> + 'a>> {
        Ok(Box::new(Writing::new(artefact, ask)?))
    }
}

/// Texts, ready to be drawn.
struct Writing<'a> {
    artefact: &'a Artefact<Texts>,
    seed: u64,
    count: u64,
    wanted: Wanted,
    how: How,
    grammar: Option<Grammar>,
    /// How many were cut so far.
    cut: AtomicU64,
}

fn asked(key: &str, problem: &str) -> Error {
    Error::Asked { key: key.into(), rule: problem.into() }
}

impl<'a> Writing<'a> {
    fn new(artefact: &'a Artefact<Texts>, ask: &Ask) -> Result<Writing<'a>> {
        let spec = &artefact.spec;
        let wanted = Wanted { cells: cells(spec, &ask.conditions)?, begin: begin(spec, ask)? };
        artefact.sampler.check(&wanted)?;
        let is_joined = spec.form == Form::Corpus;
        Ok(Writing {
            artefact,
            seed: ask.seed,
            count: ask.n.unwrap_or(if is_joined { 1 } else { DEFAULT_COUNT }) as u64,
            wanted,
            how: how(spec, ask, is_joined)?,
            grammar: rule(ask)?.map(|rule| artefact.sampler.grammar(&rule)).transpose()?,
            cut: AtomicU64::new(0),
        })
    }
}

/// How texts are drawn where nobody asks for anything.
pub(crate) fn usual(spec: &Spec) -> How {
    let most = spec.lengths.most.saturating_mul(3) / 2 + 16;
    How { temperature: 1.0, top_k: None, top_p: None, min_p: None, repetition: 1.0, most, stop: Vec::new() }
}

/// How texts are drawn, as asked.
fn how(spec: &Spec, ask: &Ask, is_joined: bool) -> Result<How> {
    let within = |key: &str, value: Option<f64>, least: f64, most: f64| match value {
        Some(x) if !(least..=most).contains(&x) => Err(asked(key, &format!("must lie between {least} and {most}"))),
        _ => Ok(value),
    };
    let share = |key: &str, value: Option<f64>| match value {
        Some(x) if !(x > 0.0 && x <= 1.0) => Err(asked(key, "must be above 0 and at most 1")),
        _ => Ok(value),
    };
    if ask.top_k == Some(0) {
        return Err(asked("top_k", "must be 1 or more"));
    }
    if ask.max_tokens == Some(0) {
        return Err(asked("max_tokens", "must be 1 or more"));
    }
    let usual = usual(spec);
    Ok(How {
        temperature: within("temperature", ask.temperature, 0.0, 100.0)?.unwrap_or(usual.temperature),
        top_k: ask.top_k,
        top_p: share("top_p", ask.top_p)?,
        min_p: share("min_p", ask.min_p)?,
        repetition: within("repetition", ask.repetition, 0.1, 10.0)?.unwrap_or(usual.repetition),
        most: ask.max_tokens.unwrap_or(if is_joined { PASSAGE } else { usual.most }),
        stop: ask.stop.clone(),
    })
}

/// What the texts must be, as asked.
fn rule(ask: &Ask) -> Result<Option<Rule>> {
    let schema = |path: &PathBuf| {
        let fail = |what: String| Error::Given { path: path.clone(), what };
        let text = std::fs::read(path).map_err(|e| fail(format!("cannot be read: {e}")))?;
        serde_json::from_slice(&text).map(Rule::Schema).map_err(|e| fail(format!("is no JSON: {e}")))
    };
    match (&ask.regex, &ask.schema, &ask.one_of[..]) {
        (None, None, []) => Ok(None),
        (Some(regex), None, []) => Ok(Some(Rule::Regex(regex.clone()))),
        (None, Some(path), []) => schema(path).map(Some),
        (None, None, texts) => Ok(Some(Rule::OneOf(texts.to_vec()))),
        _ => Err(asked("regex", "cannot go with a schema or a list of texts; choose one of them")),
    }
}

/// What is wanted of the cells.
fn cells(spec: &Spec, conditions: &[String]) -> Result<Vec<Cell>> {
    let mut cells = vec![Cell::Any; spec.columns.len()];
    for condition in conditions {
        let fail = |problem: String| Error::Condition { condition: condition.clone(), problem };
        let (column, value) = condition.split_once('=').map(|(c, v)| (c.trim(), v.trim())).unwrap_or((condition, ""));
        if column.ends_with(['!', '<', '>']) || !condition.contains('=') {
            return Err(fail("texts are chosen by `column=value` alone".into()));
        }
        let Some(j) = spec.columns.iter().position(|name| name == column) else {
            let told = match spec.columns.is_empty() {
                true => "these texts have no columns".to_owned(),
                false => format!("the columns are {}", spec.columns.join(", ")),
            };
            return Err(fail(format!("there is no column `{column}`; {told}")));
        };
        let given = Cell::Given((!value.is_empty()).then(|| value.to_owned()));
        if cells[j] != Cell::Any && cells[j] != given {
            return Err(fail("another condition wants another value of the same column".into()));
        }
        cells[j] = given;
    }
    Ok(cells)
}

/// How the texts begin.
fn begin(spec: &Spec, ask: &Ask) -> Result<Vec<Turn>> {
    match (&ask.prompt, &ask.role) {
        (None, None) => Ok(Vec::new()),
        (_, Some(_)) if spec.roles.is_empty() => Err(asked("role", "is for conversations, and these texts are none")),
        (prompt, role) => {
            let role = role.clone().or_else(|| spec.roles.first().cloned()).unwrap_or_default();
            Ok(vec![Turn { role, text: prompt.clone().unwrap_or_default() }])
        }
    }
}

impl Plan<Texts> for Writing<'_> {
    fn count(&self) -> u64 {
        self.count
    }

    fn chunks(&self) -> u64 {
        self.count.div_ceil(CHUNK as u64)
    }

    /// A chunk has all threads for itself.
    fn together(&self) -> usize {
        1
    }

    fn told(&self) -> Vec<String> {
        let cut = self.cut.load(Ordering::Relaxed);
        let most = self.how.most;
        let told = || format!("{cut} of {} texts were cut at {most} tokens, where they were not over", self.count);
        (cut > 0).then(told).into_iter().collect()
    }

    fn chunk(&self, c: u64) -> Result<Made<Vec<Document>>> {
        let first = c * CHUNK as u64;
        let numbers = first..(first + CHUNK as u64).min(self.count);
        let wanted: Vec<_> = numbers.map(|i| (self.wanted.clone(), stream(self.seed, "text", i))).collect();
        let drawn = self.artefact.sampler.draw_by(&wanted, &self.how, self.grammar.as_ref())?;
        self.cut.fetch_add(drawn.iter().filter(|d| d.is_cut).count() as u64, Ordering::Relaxed);
        let count = drawn.len() as u64;
        Ok(Made { chunk: drawn.into_iter().map(|d| d.document).collect(), count, tried: count, lost: 0 })
    }
}
