//! Models of series.
//!
//! A model of series sees sequences of encoded steps and, of each, an encoded context; it never sees a file, a column name or the command
//! line. What is the same throughout a sequence, its length and its start among it, is drawn first, by the [`Contexts`] that all models
//! share; the model of the config draws the steps given that.

mod beside;
pub mod bootstrap;
mod chain;
mod contexts;
mod covariates;
#[cfg(feature = "neural")]
pub mod deepar;
#[cfg(feature = "neural")]
mod dense;
#[cfg(feature = "neural")]
pub mod events;
pub mod hmm;
mod latent;
pub mod markov;
#[cfg(feature = "neural")]
mod memory;
pub mod order;
pub mod renewal;
mod states;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod testkit;
#[cfg(feature = "neural")]
pub mod timeflow;
pub mod var;

use verisim_data::rng::Stream;
use verisim_data::series::{Change, Finer, Series, Shape, Source, Spec, offsets, to_changes};
use verisim_data::table::codec::{CodecConfig, Encoded, Numeric, Span, TableCodec};
use verisim_data::table::rules::{Chosen, RuleSettings};
use verisim_data::table::{Frame, Schema};

pub use contexts::Contexts;

use crate::error::{Error, Result};
use crate::learn::{Learn, Ready};
use crate::table::{NoText, Nothing, hash_frame};
use crate::training::Train;

#[cfg(feature = "neural")]
crate::models! {
    /// A model of series and its settings: `[model.bootstrap]`, `[model.var]`, ...
    Series:
    /// Blocks of the real series, put together anew.
    Bootstrap = bootstrap;
    /// Vector autoregression on normal scores, with seasons, trends and restless noise.
    Var = var;
    /// Markov chains with back-off and times in states, for categories.
    Markov = markov;
    /// Hidden states, each with its own numbers and categories, and autoregressions that switch.
    Hmm = hmm;
    /// Events at uneven times: marks by a chain, times by mixtures, or events that call events.
    Renewal = renewal;
    /// A network that draws step by step, and column by column.
    Events = events;
    /// A network that draws dense series number by number.
    Deepar = deepar;
    /// Flow matching over windows of dense series.
    Timeflow = timeflow;
}

// A build without tensors.
#[cfg(not(feature = "neural"))]
crate::models! {
    /// A model of series and its settings: `[model.bootstrap]`, `[model.var]`, ...
    Series:
    /// Blocks of the real series, put together anew.
    Bootstrap = bootstrap;
    /// Vector autoregression on normal scores, with seasons, trends and restless noise.
    Var = var;
    /// Markov chains with back-off and times in states, for categories.
    Markov = markov;
    /// Hidden states, each with its own numbers and categories, and autoregressions that switch.
    Hmm = hmm;
    /// Events at uneven times: marks by a chain, times by mixtures, or events that call events.
    Renewal = renewal;
}

/// Encoded series.
pub struct EncodedSeries {
    /// What they are, and how they are encoded.
    pub spec: Spec,
    /// Sequence `i` has the steps `offsets[i] .. offsets[i + 1]`. Of one long series: its pieces, so that some can be kept back.
    pub offsets: Vec<usize>,
    /// Whether the sequences are pieces of one, each where the one before ends.
    pub joined: bool,
    /// One row a sequence; [`Spec::context_fields`] says what its columns are.
    pub context: Encoded,
    /// One row a step; [`Spec::step_fields`] says what its columns are.
    pub steps: Encoded,
    /// When each step comes, in units of the clock.
    pub times: Vec<f64>,
    /// The levels of the columns that are learnt as their change, a list each.
    pub levels: Vec<Vec<f64>>,
}

/// How a model wants series encoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoding {
    /// How steps are encoded; contexts are always tokens of a grid.
    pub steps: CodecConfig,
    /// Whether columns that wander are learnt as their change.
    pub changes: bool,
}

/// Levels, as most models want them.
impl From<CodecConfig> for Encoding {
    fn from(steps: CodecConfig) -> Encoding {
        Encoding { steps, changes: false }
    }
}

impl EncodedSeries {
    /// The rows of those at `index`, in runs that are not broken: a sequence each, or the pieces of one that follow each other.
    pub fn runs(&self, index: &[usize]) -> Vec<std::ops::Range<usize>> {
        let mut index = index.to_vec();
        index.sort_unstable();
        let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
        for i in index {
            let (begin, end) = (self.offsets[i], self.offsets[i + 1]);
            match runs.last_mut() {
                Some(last) if self.joined && last.end == begin => last.end = end,
                _ => runs.push(begin..end),
            }
        }
        runs
    }

    /// What a model knows of the columns of the steps.
    pub fn step_spans(&self) -> Vec<Span> {
        self.spec.steps.spans()
    }

    /// What a model knows of the columns of the context.
    pub fn context_spans(&self) -> Vec<Span> {
        self.spec.context.spans()
    }
}

/// What is wanted of a model: the steps of sequences whose contexts are known.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// One row a sequence.
    pub context: &'a Encoded,
    /// How many steps of each. With a past: how many more.
    pub lengths: &'a [usize],
    /// When the first of those steps comes, in units of the clock.
    pub starts: &'a [f64],
    /// What came before, if sequences are to go on.
    pub past: Option<Past<'a>>,
}

/// What came before, of each sequence.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    /// The past of sequence `i` is `offsets[i] .. offsets[i + 1]`.
    pub offsets: &'a [usize],
    /// One row a step.
    pub steps: &'a Encoded,
    /// When each step came.
    pub times: &'a [f64],
    /// The levels of the columns that are learnt as their change, a list each.
    pub levels: &'a [Vec<f64>],
}

/// A model that draws steps.
pub trait Steps: Send + Sync {
    /// The steps of all sequences, one sequence after the other. The time since the step before, where the steps have it
    /// ([`Shape::has_gap`]), and what is learnt as its change ([`Spec::changes`]) are missing at the first step of a sequence without a
    /// past, and nowhere else.
    ///
    /// # Errors
    /// When what is wanted cannot be drawn, or the device fails.
    fn draw(&self, wanted: &Wanted<'_>, rng: &mut Stream) -> Result<Encoded>;

    /// Sequences that are best drawn together.
    fn together(&self) -> usize {
        256
    }

    /// What people should know of samples of this model, a sentence each.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A trained model of series.
pub struct Sampler {
    /// Draws contexts.
    pub contexts: Contexts,
    /// Draws steps.
    pub steps: Box<dyn Steps>,
}

impl Learn for Series {
    type Models = Model;
    type Encoding = Encoding;
    type Encoded = EncodedSeries;
    type Augment = Nothing;
    type Besides = NoText;
    type Sampler = Sampler;

    fn encode(self, source: &Source, encoding: &Encoding) -> Result<Ready<Series>> {
        if source.protect.is_some() {
            let rule = "is for tables of independent rows; merge rare levels of series before";
            return Err(Error::Training { key: "data.protect".into(), rule: rule.into() });
        }
        let (shape, mut sequences, mut notes) = Shape::of(&self, source)?;
        drop(self);
        if sequences.steps.columns.is_empty() {
            return Err(Error::Unlearnable {
                path: source.path.clone(),
                columns: "no column changes within a sequence in a way that can be learnt".into(),
            });
        }
        let contexts = CodecConfig { numeric: Numeric::Grid, bins: 256, rare: 5, max_levels: 4096 };
        let joined = sequences.count() == 1;
        // One long series has no first level to begin with.
        let changes = if encoding.changes && !joined { Change::choose(&shape, &sequences) } else { Vec::new() };
        let finds = source.rules.as_ref().is_none_or(|rules| rules.find);
        let finer = if finds { Finer::find(&sequences.steps, shape.has_gap()) } else { Vec::new() };
        finer.iter().for_each(|finer| finer.hide(&mut sequences.steps));
        notes.extend(finer.iter().map(|finer| told_last(&shape, finer)));
        let mut spec = Spec { shape, changes, finer, context: TableCodec::default(), steps: TableCodec::default() };
        if !spec.changes.is_empty() {
            let schema = spec.shape.step_fields();
            let names: Vec<&str> = schema.modelled().map(|f| f.name.as_str()).collect();
            let names: Vec<&str> = spec.changes.iter().map(|c| names[c.column]).collect();
            notes.push(format!("learnt as their change from step to step: {}", names.join(", ")));
        }
        let at = spec.first_level();
        let levels = to_changes(&mut sequences, &spec.changes, at);
        spec.context = codec(&spec.context_fields(), &sequences.context, &contexts, None)?;
        let rules = source.rules.clone().unwrap_or_default();
        let (steps, told) = step_codec(&spec.step_fields(), &sequences.steps, &encoding.steps, &rules)?;
        spec.steps = steps;
        notes.extend(told);
        let at = if joined { pieces(sequences.steps.rows, spec.shape.window) } else { sequences.offsets.clone() };
        let (learnt, all) = (spec.steps.columns.len(), spec.shape.names.len());
        let mut hash = hash_frame(&sequences.steps) + &hash_frame(&sequences.context);
        hash.push_str(&verisim_data::rng::hash_words(at.iter().map(|&o| o as u64)));
        let encoded = EncodedSeries {
            offsets: at,
            joined,
            context: if joined { Encoded::default() } else { spec.context.encode(&sequences.context) },
            steps: spec.steps.encode(&sequences.steps),
            times: sequences.times,
            levels,
            spec,
        };
        let what = if joined { ", the pieces of one long series" } else { "" };
        Ok(Ready {
            count: encoded.offsets.len() - 1,
            hash: verisim_data::rng::hash_words(hash.bytes().map(u64::from)),
            told: format!("{what}, {learnt} columns of steps to learn, {all} in all"),
            notes,
            encoded,
        })
    }

    fn spec(encoded: &EncodedSeries, _: &[usize]) -> Spec {
        encoded.spec.clone()
    }

    fn check_training(given: &Train) -> Result<()> {
        <verisim_data::table::Table as Learn>::check_training(given)
    }

    fn preview(_: &Sampler, _: &Spec, _: u64, _: &[(String, String)]) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }
}

/// The codec of the columns of a frame; an empty one where there are none.
fn codec(schema: &Schema, frame: &Frame, config: &CodecConfig, chosen: Option<&Chosen>) -> Result<TableCodec> {
    Ok(match (frame.columns.is_empty(), chosen) {
        (true, _) => TableCodec::default(),
        (false, Some(chosen)) => TableCodec::fit_by(schema, frame, config, chosen),
        (false, None) => TableCodec::fit(schema, frame, config),
    })
}

/// The codec of the steps, with the rules between the columns of a step that a codec keeps by construction. Rules that would have steps
/// drawn anew are left out: a sequence without one of its steps would be another.
fn step_codec(
    schema: &Schema,
    steps: &Frame,
    config: &CodecConfig,
    rules: &RuleSettings,
) -> Result<(TableCodec, Vec<String>)> {
    let chosen = Chosen::of(schema, steps, rules, 0, config.held())?.constructive();
    let notes = chosen.notes();
    Ok((codec(schema, steps, config, Some(&chosen))?, notes))
}

/// What is said of a column that is drawn last.
fn told_last(shape: &Shape, finer: &Finer) -> String {
    let schema = shape.step_fields();
    let names: Vec<&str> = schema.modelled().map(|f| f.name.as_str()).collect();
    let of: Vec<&str> = finer.of.iter().map(|&j| names[j]).collect();
    let of = of.join("` and `");
    format!(
        "`{of}` follow from `{}`, which is drawn last, of the values that stood beside the same",
        names[finer.column]
    )
}

/// Pieces of one long series of `rows` steps: about forty, none shorter than four windows. They are
/// too few for any to be kept for validation where nobody asks for a larger share: the pieces of a series go on in each other, and what is
/// left out of it says little of when to stop.
fn pieces(rows: usize, window: Option<usize>) -> Vec<usize> {
    const PIECES: usize = 40;
    let least = 4 * window.unwrap_or(8);
    let count = (rows / least.max(1)).clamp(1, PIECES);
    offsets((0..count).map(|k| rows * (k + 1) / count - rows * k / count))
}
