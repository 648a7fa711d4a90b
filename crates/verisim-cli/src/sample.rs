//! `verisim sample`.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use verisim_data::table::Writer;
use verisim_data::image::{ImageWriter, grid, png_bytes};
use verisim_infer::{Artefact, Condition, Error, ImageArtefact, ImageRequest, Request, Summary, Trained};
use verisim_models::artefact::{check_writable, write_atomically};

use crate::args::Sample;
use crate::device::choose;
use crate::ui::{Ui, grouped};

pub fn run(args: &Sample, ui: &Ui) -> Result<()> {
    let device = choose(args.device)?.device;
    let trained = verisim_infer::open(&args.model, &device)?;
    watch()?;
    match trained {
        Trained::Table(artefact) => rows(args, &artefact, ui),
        Trained::Images(artefact) => images(args, artefact, ui),
    }
}

/// Whether something half-written must be removed before the program may end.
static WRITING: AtomicBool = AtomicBool::new(false);
static STOP: AtomicBool = AtomicBool::new(false);

/// Ctrl-C ends the program at once or, while a sample is being written, after the part that is drawn.
fn watch() -> Result<()> {
    ctrlc::set_handler(|| {
        if !WRITING.load(Ordering::Relaxed) || STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("\nstopping after this part; Ctrl-C again ends at once, and may leave a hidden file");
    })
    .context("cannot watch for Ctrl-C")
}

/// Whether to go on writing.
fn go_on() -> Result<(), Error> {
    if STOP.load(Ordering::Relaxed) { Err(Error::Stopped) } else { Ok(()) }
}

fn rows(args: &Sample, artefact: &Artefact, ui: &Ui) -> Result<()> {
    let given = [
        ("--grid", args.grid.is_some()),
        ("--interpolate", args.interpolate.is_some()),
        ("--steps", args.steps.is_some()),
        ("--guidance", args.guidance.is_some()),
    ];
    if let Some((name, _)) = given.iter().find(|(_, given)| *given) {
        bail!("{name} is for images, and {} makes rows of a table", args.model.display());
    }
    let schema = &artefact.schema;
    let conditions = args.conditions.iter().map(|c| Condition::parse(c, schema)).collect::<Result<_, _>>()?;
    let rows = args.n.unwrap_or(1000);
    let request =
        Request { rows, seed: args.seed, conditions, balance: args.balance.clone(), max_tries: args.max_tries };
    artefact.check(&request)?;
    let begun = Instant::now();
    let progress = ui.progress(rows as u64, "rows");
    let writer = match &args.output {
        Some(path) => {
            WRITING.store(true, Ordering::Relaxed);
            Writer::create(path, schema)?
        }
        None => Writer::csv_to(std::io::stdout(), schema)?,
    };
    let summary = write(artefact, &request, writer, &|done| progress.at(done, Some("")))?;
    progress.finish();
    let seconds = begun.elapsed().as_secs_f64();
    if summary.tried > summary.rows as u64 {
        let rate = 100.0 * summary.rows as f64 / summary.tried as f64;
        ui.say(format!(
            "{} of {} rows tried satisfy the conditions ({rate:.3} %)",
            grouped(summary.rows as u64),
            grouped(summary.tried)
        ));
    }
    if let Some(path) = &args.output {
        written(args, "rows", summary.rows, Some(summary.tried), seconds, path, ui)?;
    }
    Ok(())
}

/// Says what was written, in words or as JSON.
fn written(
    args: &Sample,
    what: &str,
    count: usize,
    tried: Option<u64>,
    seconds: f64,
    path: &Path,
    ui: &Ui,
) -> Result<()> {
    let rate = grouped((count as f64 / seconds.max(1e-9)) as u64);
    let number = grouped(count as u64);
    ui.say(format!("wrote {number} {what} to {} in {seconds:.2} s ({rate} {what}/s)", path.display()));
    if args.json {
        let mut json = serde_json::json!({ what: count, "seconds": seconds, "output": path });
        if let Some(tried) = tried {
            json["tried"] = tried.into();
        }
        std::io::Write::write_all(&mut std::io::stdout(), format!("{json}\n").as_bytes())?;
    }
    Ok(())
}

/// Images between two others in one picture.
const MOST_BETWEEN: usize = 400;

fn images(args: &Sample, mut artefact: ImageArtefact, ui: &Ui) -> Result<()> {
    artefact.tune(args.steps.map(usize::from), args.guidance)?;
    if args.output.is_none() && args.grid.is_none() {
        bail!(
            "{} makes images: say where they go with -o FOLDER, or ask for one picture with --grid FILE.png",
            args.model.display()
        );
    }
    if args.balance.as_deref().is_some_and(|b| b != "class") {
        bail!("images can be balanced by `class` alone: --balance class");
    }
    let interpolate = match args.interpolate.as_deref() {
        None => None,
        Some(&[a, b]) => Some([a, b]),
        Some(_) => bail!("--interpolate goes from one image to one other: give it once"),
    };
    let request = ImageRequest {
        count: args.n.unwrap_or(if interpolate.is_some() { 16 } else { 1000 }),
        seed: args.seed,
        conditions: args.conditions.clone(),
        balance: args.balance.is_some(),
        interpolate,
    };
    artefact.check(&request)?;
    if let Some(path) = &args.grid {
        if request.interpolate.is_some() && request.count > MOST_BETWEEN {
            bail!("--grid shows at most {MOST_BETWEEN} images between two others; lower -n");
        }
        // The folder of the sample is not there yet.
        if path.parent() != args.output.as_deref() {
            check_writable(path)?;
        }
    }
    if let Some(path) = &args.output {
        let begun = Instant::now();
        let (spec, count) = (&artefact.spec, request.count);
        WRITING.store(true, Ordering::Relaxed);
        let mut writer = ImageWriter::create(path, spec.shape, &spec.classes, count, &artefact.labels())?;
        let progress = ui.progress(count as u64, "images");
        let mut done = 0;
        artefact.sample(&request, &mut |pixels, labels| {
            go_on()?;
            writer.write(pixels, labels)?;
            done += (pixels.len() / spec.shape.len()) as u64;
            progress.at(done, Some(""));
            Ok(())
        })?;
        writer.finish()?;
        WRITING.store(false, Ordering::Relaxed);
        progress.finish();
        written(args, "images", count, None, begun.elapsed().as_secs_f64(), path, ui)?;
    }
    if let Some(path) = &args.grid {
        let wide = if request.interpolate.is_some() { request.count.min(16) } else { 10 };
        let pixels = artefact.sheet(&request, wide)?;
        let shape = artefact.spec.shape;
        let scale = (64 / shape.height.max(shape.width)).max(1);
        let (pixels, whole) = grid(&pixels, shape, wide, 2, scale);
        write_atomically(path, &png_bytes(&pixels, whole, &artefact.labels())?)?;
        ui.say(format!("wrote {}", path.display()));
    }
    Ok(())
}

/// Samples into a writer; `done` hears of the rows written so far.
pub fn write(artefact: &Artefact, request: &Request, mut writer: Writer<'_>, done: &dyn Fn(u64)) -> Result<Summary> {
    let mut written = 0;
    let (sender, receiver) = std::sync::mpsc::channel();
    let summary = std::thread::scope(|scope| {
        let worker = scope.spawn(move || -> Result<Summary> {
            let summary = artefact.sample(request, |table| {
                go_on()?;
                writer.write(&table)?;
                let _ = sender.send(table.rows as u64);
                Ok(())
            })?;
            writer.finish()?;
            Ok(summary)
        });
        for rows in receiver {
            written += rows;
            done(written);
        }
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })?;
    Ok(summary)
}
