//! verisim makes synthetic data: it learns real tables, series, images or texts, writes one self-contained artefact, emits synthetic data from
//! it on any machine, and says how good and how private they are.
//!
//! One function a verb: [`train()`], [`sample()`], [`impute()`], [`score()`], [`evaluate()`], [`inspect()`], [`split()`], [`bench()`],
//! [`demo()`], [`generate()`], [`augment()`]. What is asked that depends
//! on the kind of data goes into an [`Ask`]; what happens on the way is told to a [`Watch`].
//!
//! ```
//! # let folder = tempfile::tempdir()?;
//! # let dir = folder.path();
//! use verisim::{Ask, Choice, Quiet, To};
//!
//! verisim::wine(&dir.join("real.csv"), &dir.join("unseen.csv"))?;
//! std::fs::write(dir.join("job.toml"), format!("[data]\npath = {:?}\n[model.trees]\n", dir.join("real.csv")))?;
//! let job = verisim::train::Ask { config: dir.join("job.toml"), out: Some(dir.join("run")), ..Default::default() };
//! verisim::train(&job, &mut Quiet)?;
//! let (model, made) = (dir.join("run"), dir.join("made.csv"));
//! verisim::sample(&model, Ask::new().with("n", 500), To::Path(&made), Choice::Auto, &mut Quiet)?;
//! let ask = Ask::new().with("real", dir.join("real.csv")).with("synthetic", made).with("holdout", dir.join("unseen.csv"));
//! println!("{}", verisim::evaluate(ask, &mut Quiet)?.to_text());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ask;
pub mod augment;
pub mod bench;
mod configs;
mod demo;
pub mod device;
pub mod edge;
mod error;
pub mod evaluate;
#[cfg(feature = "neural")]
pub mod image;
pub mod impute;
pub mod inspect;
mod kind;
mod kinds;
pub mod sample;
pub mod score;
pub mod series;
pub mod split;
pub mod table;
#[cfg(feature = "neural")]
pub mod text;
pub mod train;
mod verbs;
mod wine;
pub mod world;
#[cfg(feature = "neural")]
mod writer;
mod written;

pub use ask::Ask;
pub use augment::{augment, leaks};
pub use configs::{Shipped, config_schema, configs, shipped};
pub use demo::{Demo, demo};
pub use device::{Choice, choose};
pub use edge::edge_cases;
pub use error::{Cause, Error, Result};
pub use impute::Imputed;
pub use kind::{Inspected, Kind};
pub use sample::Sampled;
pub use score::Scores;
pub use split::Split;
pub use train::Trained;
pub use verbs::{bench, case, evaluate, impute, inspect, models, sample, score, split, stand_in, train};
pub use verisim_data::image::Size;
pub use verisim_data::{Event, Quiet, Target as To, Watch, file, number};
pub use verisim_metrics::{Document, clip, report_schema};
pub use verisim_train::{Begin, Ended};
pub use wine::wine;
pub use world::{check, generate};
