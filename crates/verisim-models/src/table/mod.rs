//! Models of tables.
//!
//! A model of a table sees [`Span`](verisim_data::table::codec::Span)s, tokens and scalars; it never sees a file, a column name or
//! the command line.

pub mod boost;
pub mod copula;
#[cfg(feature = "neural")]
pub mod ctgan;
#[cfg(feature = "neural")]
mod decode;
mod order;
#[cfg(feature = "neural")]
mod ordered;
mod particles;
pub(crate) mod profile;
#[cfg(feature = "neural")]
mod resident;
pub(crate) mod rows;
mod sampler;
#[cfg(feature = "neural")]
pub mod tokens;
pub mod trees;
#[cfg(feature = "neural")]
pub mod tvae;
mod view;

use verisim_data::rng::{hash_words, mix};
use verisim_data::table::codec::{CodecConfig, Encoded, TableCodec};
use verisim_data::table::rules::Chosen;
use verisim_data::table::{Column, Detected, Field, Frame, Source, Spec, Table};

#[cfg(feature = "neural")]
pub use ordered::Columns;
pub use rows::Rows;
pub use sampler::{Allowed, Drawn, Partial, Sampler, Tuning};
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{Error, Result};
use crate::learn::{Augments, Learn, Ready};
use crate::training::Train;

#[cfg(feature = "neural")]
crate::models! {
    /// A model of a table and its settings: `[model.trees]`, `[model.copula]`, ...
    Table:
    /// Sequential decision trees: the default for tables.
    Trees = trees;
    /// Boosted trees, digit by digit.
    Boost = boost;
    /// Gaussian copulas with empirical marginals.
    Copula = copula;
    /// A masked network that draws any columns from any others.
    Tokens = tokens;
    /// Variational autoencoder.
    Tvae = tvae;
    /// Conditional GAN.
    Ctgan = ctgan;
}

// A build without tensors.
#[cfg(not(feature = "neural"))]
crate::models! {
    /// A model of a table and its settings: `[model.trees]`, `[model.copula]`, ...
    Table:
    /// Sequential decision trees: the default for tables.
    Trees = trees;
    /// Boosted trees, digit by digit.
    Boost = boost;
    /// Gaussian copulas with empirical marginals.
    Copula = copula;
}

/// An encoded table.
pub struct EncodedTable {
    /// What its columns mean, and how they are encoded.
    pub spec: Spec,
    /// Its rows.
    pub rows: Encoded,
}

impl Learn for Table {
    type Models = Model;
    type Encoding = CodecConfig;
    type Encoded = EncodedTable;
    type Augment = Nothing;
    #[cfg(feature = "neural")]
    type Besides = crate::text::Besides;
    #[cfg(not(feature = "neural"))]
    type Besides = NoText;
    type Sampler = dyn Sampler;

    fn encode(self, source: &Source, encoding: &CodecConfig) -> Result<Ready<Table>> {
        let detected = Detected::of(&self, &source.wishes())?;
        let mut notes = detected.notes();
        let mut schema = detected.schema;
        let table = match source.protect {
            Some(protect) => {
                // What was said of levels is not true any more.
                notes = Detected::unlearnt(&schema);
                let (table, merged) = protect.apply(self, &mut schema)?;
                notes.extend(merged);
                table
            }
            None => self,
        };
        let frame = schema.parse(&table)?;
        drop(table);
        let kind = |f: &Field| format!("{} ({})", f.name, f.kind.name());
        if frame.columns.is_empty() {
            return Err(Error::Unlearnable {
                path: source.path.clone(),
                columns: schema.fields.iter().map(kind).collect::<Vec<_>>().join(", "),
            });
        }
        let (learnt, all) = (schema.modelled().count(), schema.fields.len());
        let rules = source.rules.clone().unwrap_or_default();
        let min_rows = source.protect.map_or(0, |protect| protect.min_rows);
        let chosen = Chosen::of(&schema, &frame, &rules, min_rows, encoding.held())?;
        notes.extend(chosen.notes());
        let codec = TableCodec::fit_by(&schema, &frame, encoding, &chosen);
        Ok(Ready {
            count: frame.rows,
            hash: hash_frame(&frame),
            told: format!(", {learnt} of {all} columns to learn"),
            notes,
            encoded: EncodedTable { rows: codec.encode(&frame), spec: Spec { schema, codec } },
        })
    }

    fn spec(encoded: &EncodedTable, _: &[usize]) -> Spec {
        encoded.spec.clone()
    }

    fn check_training(given: &Train) -> Result<()> {
        let keys = [
            ("accumulate", given.accumulate.is_some()),
            ("recompute", given.recompute.is_some()),
            ("preview_every", given.preview_every.is_some()),
        ];
        match keys.into_iter().find(|(_, given)| *given) {
            Some((key, _)) => Err(Error::Training {
                key: key.into(),
                rule: "is for images, and this model learns none; remove it".into(),
            }),
            None => Ok(()),
        }
    }

    fn preview(_: &(dyn Sampler + 'static), _: &Spec, _: u64, _: &[(String, String)]) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }
}

/// Tables are learnt as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, schemars::JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Nothing {}

/// Reached only if a config has `[augment]`.
impl<'de> Deserialize<'de> for Nothing {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("`augment` is for images, and this model learns none; remove it"))
    }
}

impl Augments for Nothing {
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// What a config says of free text beside data that have none: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, schemars::JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct NoText {}

/// Reached only if a config has `[text]`.
impl<'de> Deserialize<'de> for NoText {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        let problem = match cfg!(feature = "neural") {
            true => "`text` is for the columns of a table that hold free text, and this model learns none; remove it",
            false => "`text` needs a build with neural models, which this is not; remove it",
        };
        Err(serde::de::Error::custom(problem))
    }
}

impl Augments for NoText {
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// Hash of a typed table: values in order, categories by their text.
pub(crate) fn hash_frame(frame: &Frame) -> String {
    let mut parts = vec![frame.rows as u64];
    for column in &frame.columns {
        let hash = match column {
            Column::Number(v) => v.iter().fold(1, |h, x| mix(h ^ x.to_bits())),
            Column::Category { codes, levels } => {
                let text = levels.iter().flat_map(|l| l.bytes().chain([0])).fold(2, |h, b| mix(h ^ u64::from(b)));
                codes.iter().fold(text, |h, &c| mix(h ^ u64::from(c)))
            }
        };
        parts.push(hash);
    }
    hash_words(parts)
}
