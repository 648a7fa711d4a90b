//! `demo`: the whole line, train, sample and evaluate, on the wine-quality data (Cortez et al., 2009) that come along.

use std::path::{Path, PathBuf};

use verisim_data::file::write_atomically;
use verisim_data::{Event, Target, Watch};
use verisim_metrics::Document;

use crate::ask::Ask;
use crate::device::{Choice, choose};
use crate::error::{Error, Result};
use crate::train::Ask as TrainAsk;
use crate::verbs::{evaluate, sample, train};
use crate::wine::wine;

/// Says nothing and stops when another is stopped.
struct Silent<'a>(&'a mut dyn Watch);

impl Watch for Silent<'_> {
    fn on(&mut self, _: Event) {}

    fn stopped(&self) -> bool {
        self.0.stopped()
    }
}

/// What a demo leaves behind.
pub struct Demo {
    /// How good and how private the synthetic wines are.
    pub report: Document,
    /// The same as a page.
    pub page: PathBuf,
    /// The trained model.
    pub model: PathBuf,
}

/// Runs the whole line in the folder `out`.
///
/// # Errors
/// When results cannot be written there, or `watch` asked for an end.
pub fn demo(out: &Path, watch: &mut dyn Watch) -> Result<Demo> {
    std::fs::create_dir_all(out).map_err(Error::io(out))?;
    let (real, holdout, synthetic) = (out.join("real.csv"), out.join("holdout.csv"), out.join("synthetic.csv"));
    let say = |text: String, watch: &mut dyn Watch| watch.on(Event::Note(text));
    let rows = wine(&real, &holdout)?;
    say(format!("1. data       {rows} red wines, a fifth kept back as hold-out: {}", real.display()), watch);

    let config = out.join("demo.toml");
    let text = format!(
        "# The default model on the demo table.\nseed = 42\n\n[data]\npath = {:?}\n\n[model.trees]\n",
        real.display().to_string()
    );
    write_atomically(&config, text.as_bytes())?;
    say("2. train".into(), watch);
    // A table of this size is learnt before a card is awake.
    let device = if choose(Choice::Flex).is_ok() { Choice::Flex } else { Choice::Auto };
    let ask = TrainAsk { config, out: Some(out.to_owned()), device, ..TrainAsk::default() };
    train(&ask, &mut Silent(watch))?;

    sample(out, Ask::new().with("n", rows), Target::Path(&synthetic), device, &mut Silent(watch))?;
    say(format!("3. sample     {rows} synthetic wines: {}", synthetic.display()), watch);

    say("4. evaluate\n".into(), watch);
    let ask = Ask::new()
        .with("real", &real)
        .with("synthetic", &synthetic)
        .with("holdout", &holdout)
        .with("target", "quality");
    let report = evaluate(ask, watch)?;
    let page = out.join("report.html");
    write_atomically(&page, report.to_html().as_bytes())?;
    Ok(Demo { report, page, model: out.join("model.safetensors") })
}
