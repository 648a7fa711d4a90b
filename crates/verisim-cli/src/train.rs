//! `verisim train`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use verisim_models::Kind;
use verisim_train::{Begin, Event, Job, Options, Outcome};

use crate::args::Train;
use crate::device::choose;
use crate::ui::{Progress, Ui, grouped};

pub fn run(args: &Train, ui: &Ui) -> Result<()> {
    let mut job = Job::read(&args.config, &args.set)?;
    if let Some(seed) = args.seed {
        job.seed = seed;
    }
    let out = args.out.clone().or(job.out.clone()).unwrap_or_else(|| default_out(&args.config));
    let chosen = choose(args.device)?;
    ui.say(format!(
        "model {}, device {}, seed {}, data {}",
        job.model.name(),
        chosen.name,
        job.seed,
        job.data.path.display()
    ));
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    let steps = job.training().is_some();
    let begin = match (args.resume, args.finish) {
        (false, false) => Begin::Anew,
        (true, _) => Begin::Resume,
        (false, true) => Begin::Finish,
    };
    let begin = if steps { begin } else { Begin::Anew };
    if (args.resume || args.finish) && !steps {
        ui.say(format!("{} is fitted at once, so there is nothing to go on with: it is fitted anew", job.model.name()));
    }
    // Files appear whole or not at all, so the program may end at any time; training steps end with a checkpoint first.
    ctrlc::set_handler(move || {
        if !steps || flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("\nstopping after this step; Ctrl-C again ends at once, without a checkpoint");
    })
    .context("cannot watch for Ctrl-C")?;
    let options =
        Options { out, begin, stop: &stop, device: chosen.device, gpu: chosen.gpu, version: env!("CARGO_PKG_VERSION") };
    fit(&job, &options, ui, Some(&args.config))
}

/// Runs the job and tells what happens.
pub fn fit(job: &Job, options: &Options<'_>, ui: &Ui, config: Option<&Path>) -> Result<()> {
    let mut progress: Option<Progress> = None;
    let outcome = verisim_train::run(job, options, &mut |event| tell(event, ui, &mut progress));
    if let Some(progress) = &progress {
        progress.finish();
    }
    match outcome? {
        Outcome::Done { model, seconds } => {
            ui.say(format!("wrote {} after {seconds:.2} s of fitting", model.display()));
            let to = if job.model.kind() == Kind::Table { "synthetic.csv" } else { "synthetic/" };
            ui.say(format!("next:  verisim sample {} -n 1000 -o {to}", options.out.display()));
        }
        Outcome::Interrupted { step } => {
            let config = config.map(|c| c.display().to_string()).unwrap_or_default();
            ui.say(format!(
                "stopped at step {step}; go on with:  verisim train {config} --out {} --resume (and the same --set)\n\
                 or make a model of what is learnt so far, with --finish in its place",
                options.out.display()
            ));
        }
    }
    Ok(())
}

fn tell(event: Event<'_>, ui: &Ui, progress: &mut Option<Progress>) {
    match event {
        Event::Read { schema, rows, took } => {
            let left_out: Vec<String> = schema
                .fields
                .iter()
                .filter(|f| !f.is_modelled())
                .map(|f| format!("{} ({})", f.name, f.kind.name()))
                .collect();
            ui.say(format!(
                "read {} rows, {} of {} columns to learn, in {:.2} s",
                grouped(rows as u64),
                schema.modelled().count(),
                schema.fields.len(),
                took.as_secs_f64()
            ));
            if !left_out.is_empty() {
                ui.say(format!("not learnt: {}", left_out.join(", ")));
            }
        }
        Event::ReadImages { images, reading, took } => {
            let shape = images.shape();
            let classes = match images.classes().len() {
                0 => "without classes".into(),
                n => format!("of {n} classes"),
            };
            ui.say(format!(
                "read {} images of {} x {} x {}, {classes}, in {:.2} s",
                grouped(images.len() as u64),
                shape.height,
                shape.width,
                shape.channels,
                took.as_secs_f64()
            ));
            for (path, why) in reading.skipped.iter().take(5) {
                ui.say(format!("skipped {}: {why}", path.display()));
            }
            if reading.skipped.len() > 5 {
                ui.say(format!("skipped {} more; verisim inspect names them all", reading.skipped.len() - 5));
            }
        }
        Event::SetAside { to } => {
            ui.say(format!("the results of another training were here; they are now in {}", to.display()));
        }
        Event::Start { done, steps, per_epoch } => {
            ui.say(format!("training for at most {steps} steps, {per_epoch} an epoch"));
            let bar = ui.progress(steps, "steps");
            bar.start_at(done);
            *progress = Some(bar);
        }
        Event::Step { step, losses, score, best } => {
            let Some(progress) = progress else { return };
            if losses.is_empty() {
                return progress.at(step, None);
            }
            let mut note: String = losses.iter().map(|(name, value)| format!("{name} {value:.4}  ")).collect();
            if let Some(score) = score {
                note += &format!("validation {score:.4}{}", if best { " (best)" } else { "" });
            }
            progress.at(step, Some(note.trim_end()));
        }
        Event::Stopped { why } => ui.say(format!("stopped early: {why}")),
        Event::Finishing => {
            if let Some(progress) = progress {
                progress.finish();
            }
        }
    }
}

/// `runs/` and the name of the config without its ending.
fn default_out(config: &Path) -> PathBuf {
    Path::new("runs").join(config.file_stem().unwrap_or_default())
}
