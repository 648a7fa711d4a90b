//! What can go wrong with a model or an artefact.

use std::path::PathBuf;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting outside its range.
    #[error("[model.{model}] {key} {rule}")]
    Setting {
        /// The model, as it is named in the config.
        model: &'static str,
        /// The key at fault.
        key: String,
        /// What it must be.
        rule: String,
    },
    /// A sample that cannot be drawn as it is asked for.
    #[error("{problem}")]
    Ask {
        /// What is wrong and what to do.
        problem: String,
    },
    /// A text that the vocabulary of a model cannot write.
    #[error(
        "the model knows no character `{character}`: it was in none of the texts that it learnt; leave it out, or train with tokens = \"bytes\""
    )]
    Character {
        /// The character.
        character: char,
    },
    /// A pretrained model that cannot be read or is another.
    #[error("{}: {problem}", path.display())]
    Base {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A vocabulary that cannot be learnt or read.
    #[error("the vocabulary of the texts cannot be made: {problem}")]
    Vocabulary {
        /// What the tokenizer said.
        problem: String,
    },
    /// A setting of a training outside its range, or without meaning here.
    #[error("[train] {key} {rule}")]
    Training {
        /// The key at fault.
        key: String,
        /// What it must be, or what to do.
        rule: String,
    },
    /// A setting of `[augment]` outside its range.
    #[error("[augment] {key} must lie between 0 and {most}")]
    Augment {
        /// The key at fault.
        key: &'static str,
        /// The most that it may be.
        most: f64,
    },
    /// No data to learn.
    #[error("there are no {unit} to learn; give at least a few")]
    Empty {
        /// What is missing.
        unit: &'static str,
    },
    /// More tokens than a skip between columns can have.
    #[error(
        "the columns have {tokens} tokens together, and skip = true allows {most}; lower bins or max_levels, or set skip = false"
    )]
    Tokens {
        /// Tokens of all columns.
        tokens: usize,
        /// How many there may be.
        most: usize,
    },
    /// A table of more digits than a masked network has groups for.
    #[error(
        "the columns have {digits} digits together, and model.tokens learns {most}; give it fewer columns, or train boost or trees"
    )]
    Digits {
        /// Digits of all columns.
        digits: usize,
        /// How many there may be.
        most: usize,
    },
    /// A way of drawing that makes no sense.
    #[error("{key} {rule}")]
    Tuning {
        /// The setting at fault.
        key: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// A setting of a sampler of tables that this model has not.
    #[error("temperature and top_p are settings of tokens, and this model has none; leave them out, or train tokens")]
    NoHeat,
    /// Images whose sides a network cannot halve as often as it must.
    #[error(
        "model.{model} divides height and width by {by} (patch {patch}, {sizes} sizes), and the images are {} x {}; set \
         data.images.size = [{}, {}], another patch, or fewer channels", sides.0, sides.1, near.0, near.1
    )]
    Indivisible {
        /// The model.
        model: &'static str,
        /// What both sides must be multiples of.
        by: usize,
        /// Pixels a side that are one pixel of the network.
        patch: usize,
        /// Sizes of the network.
        sizes: usize,
        /// Height and width.
        sides: (usize, usize),
        /// A height and a width that would do.
        near: (usize, usize),
    },
    /// A setting of a sampler that this model has not.
    #[error("steps and guidance are settings of a flow, and this model has none; leave them out")]
    NoTuning,
    /// Something that only some models of tables can do.
    #[error("this model cannot {what}; train tokens, boost or trees")]
    Incapable {
        /// What it cannot do.
        what: &'static str,
    },
    /// Series of another kind than a model learns.
    #[error("model.{model} {problem}")]
    Unsuited {
        /// The model.
        model: &'static str,
        /// What it needs and these series have not, and what to do.
        problem: &'static str,
    },
    /// Guidance without classes to follow.
    #[error("guidance follows classes, and these images have none; leave it out")]
    NoGuidance,
    /// Images that a classifier cannot look at.
    #[error("{problem}")]
    Unfit {
        /// What does not fit, and what to do.
        problem: String,
    },
    /// Correlations that are no finite numbers.
    #[error("the correlations of these columns are no finite numbers; check for extreme values")]
    NotFinite,
    /// Settings of more layers than the file has numbers for.
    #[error("the layers do not fit the weights{}", sizes.map(|(from, to)| format!(", from {from} numbers to {to}")).unwrap_or_default())]
    Misfit {
        /// Inputs and outputs of the layer at fault, where that is known.
        sizes: Option<(usize, usize)>,
    },
    /// A table of which no column can be learnt.
    #[error("{}: has no column that can be learnt: {columns}; set kinds under [data.columns]", path.display())]
    Unlearnable {
        /// The file.
        path: PathBuf,
        /// The columns and what they were taken for.
        columns: String,
    },
    /// A file that could not be read or written, or data that cannot be used.
    #[error(transparent)]
    Source(#[from] verisim_data::Error),
    /// Part of a model that cannot be written.
    #[error("cannot write the {what} of the model: {problem}")]
    Unwritable {
        /// The header, the tensors, the optimiser.
        what: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// A file that is no artefact, or a damaged one.
    #[error("{}: {problem}; {remedy}", path.display())]
    Artefact {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A device that failed: out of memory, or lost.
    #[error(
        "the device failed: {problem}. Where its memory may be too small, give [train] a smaller batch_size or accumulate = 2; \
         a training can be resumed from its last checkpoint, and the device flex computes on the CPU"
    )]
    Device {
        /// What the device said.
        problem: String,
    },
    /// A tensor that is absent, or not of the type and shape that the model needs.
    #[error("tensor {name:?} {problem}")]
    Tensor {
        /// Name of the tensor.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// Results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
