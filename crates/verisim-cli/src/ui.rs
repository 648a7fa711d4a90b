//! Progress and messages on standard error: a bar on a terminal, plain lines elsewhere.

use std::cell::RefCell;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};
use verisim::{Event, Watch};

/// Where people are told what happens.
pub struct Ui {
    quiet: bool,
    terminal: bool,
}

impl Ui {
    pub fn new(quiet: bool) -> Self {
        Ui { quiet, terminal: std::io::stderr().is_terminal() }
    }

    /// One line.
    pub fn say(&self, text: impl AsRef<str>) {
        if !self.quiet {
            eprintln!("{}", text.as_ref());
        }
    }

    /// A watch that tells people here.
    pub fn watch(&self) -> Teller<'_> {
        Teller { ui: self, progress: None, measures: false }
    }

    /// Progress over `total` of `what`.
    fn progress(&self, total: u64, what: &'static str) -> Progress {
        let bar = (self.terminal && !self.quiet).then(|| {
            let bar = ProgressBar::new(total);
            let template = format!("{{bar:30}} {{pos}}/{{len}} {what}  {{per_sec}}  {{elapsed}} < {{eta}}  {{msg}}");
            if let Ok(style) = ProgressStyle::with_template(&template) {
                bar.set_style(style);
            }
            bar
        });
        let now = Instant::now();
        Progress { bar, quiet: self.quiet, total, what, begun: now, base: RefCell::new(0), said: RefCell::new(now) }
    }
}

/// Tells people what happens, and hears their Ctrl-C.
pub struct Teller<'a> {
    ui: &'a Ui,
    progress: Option<Progress>,
    /// Whether something was measured in this stretch of work: then lines are printed where something is.
    measures: bool,
}

/// Whether a stretch of work is under way that can be stopped without loss.
static WORKING: AtomicBool = AtomicBool::new(false);
/// Whether it was asked to stop.
static STOP: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C ends the program at once or, where a stretch of work is under way, asks that to stop, saying `how`.
pub fn hear_interrupts(how: &'static str) -> Result<()> {
    ctrlc::set_handler(move || {
        if !WORKING.load(Ordering::Relaxed) || STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("\n{how}");
    })
    .context("cannot watch for Ctrl-C")
}

impl Watch for Teller<'_> {
    fn on(&mut self, event: Event) {
        match event {
            Event::Note(text) => self.ui.say(text),
            Event::Begin { unit, total, done } => {
                WORKING.store(true, Ordering::Relaxed);
                let progress = self.ui.progress(total, unit);
                progress.start_at(done);
                (self.progress, self.measures) = (Some(progress), false);
            }
            Event::Busy { unit, total } => {
                (self.progress, self.measures) = (Some(self.ui.progress(total, unit)), false)
            }
            Event::Progress { done, measured, score, best } => {
                self.measures |= !measured.is_empty();
                let Some(progress) = &self.progress else { return };
                if measured.is_empty() {
                    return progress.at(done, if self.measures { None } else { Some("") });
                }
                let mut note: String = measured.iter().map(|(name, value)| format!("{name} {value:.4}  ")).collect();
                if let Some(score) = score {
                    note += &format!("validation {score:.4}{}", if best { " (best)" } else { "" });
                }
                progress.at(done, Some(note.trim_end()));
            }
            Event::End => {
                WORKING.store(false, Ordering::Relaxed);
                self.progress = None;
            }
        }
    }

    fn stopped(&self) -> bool {
        STOP.load(Ordering::Relaxed)
    }
}

/// A bar, or a line every few seconds.
struct Progress {
    bar: Option<ProgressBar>,
    quiet: bool,
    total: u64,
    what: &'static str,
    begun: Instant,
    base: RefCell<u64>,
    said: RefCell<Instant>,
}

impl Progress {
    const EVERY: Duration = Duration::from_secs(5);

    /// What was done before this run does not count towards the rate.
    fn start_at(&self, done: u64) {
        *self.base.borrow_mut() = done;
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            bar.reset_eta();
        }
    }

    /// What is told where there is no bar.
    fn line(&self, done: u64, rate: f64, left: f64, note: &str) -> String {
        let (total, what) = (self.total, self.what);
        let digits = usize::from(rate < 10.0);
        format!("{done}/{total} {what}  {rate:.digits$}/s  {left:.0} s left  {note}").trim_end().to_owned()
    }

    /// `done` of the total, with a note that stays until the next one.
    fn at(&self, done: u64, note: Option<&str>) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            if let Some(note) = note {
                bar.set_message(note.to_string());
            }
        } else if !self.quiet && note.is_some() && self.said.borrow().elapsed() >= Self::EVERY {
            *self.said.borrow_mut() = Instant::now();
            let rate = (done - *self.base.borrow()) as f64 / self.begun.elapsed().as_secs_f64().max(1e-9);
            let left = (self.total.saturating_sub(done)) as f64 / rate.max(1e-9);
            eprintln!("{}", self.line(done, rate, left, note.unwrap_or("")));
        }
    }
}

/// Takes the bar away.
impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A failure and its causes in one line; a cause that the line already tells is not said twice.
pub fn chain(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain().map(|e| e.to_string()) {
        if line.is_empty() {
            line = cause;
        } else if !line.contains(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    line
}

/// True when the failure is a reader that closed the pipe.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|e| e.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe))
}

#[cfg(test)]
mod tests {
    #[test]
    fn causes_are_told_once() {
        let error = anyhow::anyhow!("no such file").context("a.csv: no such file").context("cannot train");
        assert_eq!(super::chain(&error), "cannot train: a.csv: no such file");
    }
}
