//! Progress and messages on standard error: a bar on a terminal, plain lines elsewhere.

use std::cell::RefCell;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

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

    /// Progress over `total` of `what`.
    pub fn progress(&self, total: u64, what: &'static str) -> Progress {
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

/// A bar, or a line every few seconds.
pub struct Progress {
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
    pub fn start_at(&self, done: u64) {
        *self.base.borrow_mut() = done;
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            bar.reset_eta();
        }
    }

    /// `done` of the total, with a note that stays until the next one.
    pub fn at(&self, done: u64, note: Option<&str>) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            if let Some(note) = note {
                bar.set_message(note.to_string());
            }
        } else if !self.quiet && note.is_some() && self.said.borrow().elapsed() >= Self::EVERY {
            *self.said.borrow_mut() = Instant::now();
            let rate = (done - *self.base.borrow()) as f64 / self.begun.elapsed().as_secs_f64().max(1e-9);
            let left = (self.total.saturating_sub(done)) as f64 / rate.max(1e-9);
            eprintln!("{done}/{} {}  {rate:.0}/s  {left:.0} s left  {}", self.total, self.what, note.unwrap_or(""));
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
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

/// A number with thousands separated.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn causes_are_told_once() {
        let error = anyhow::anyhow!("no such file").context("a.csv: no such file").context("cannot train");
        assert_eq!(super::chain(&error), "cannot train: a.csv: no such file");
    }

    #[test]
    fn thousands() {
        assert_eq!(super::grouped(1_234_567), "1,234,567");
        assert_eq!(super::grouped(999), "999");
    }
}
