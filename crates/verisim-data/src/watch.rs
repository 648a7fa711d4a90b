//! What long work tells those who wait for it, and how they stop it.

use serde::Serialize;

/// Who is told what happens, and who may stop it: a terminal, a log, a server.
///
/// Work calls [`on`](Watch::on) from one thread at a time and asks [`stopped`](Watch::stopped) between steps.
pub trait Watch: Send {
    /// Something happened.
    fn on(&mut self, event: Event);

    /// Whether the work should end at the next point where nothing is lost.
    fn stopped(&self) -> bool {
        false
    }
}

/// Hears of nothing and stops nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Watch for Quiet {
    fn on(&mut self, _: Event) {}
}

/// What happens during long work. Events own what they say, so that they can be sent and stored.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A sentence for people.
    Note(String),
    /// A stretch of work begins: `total` of `unit`, `done` of them before.
    Begin {
        /// What is counted, e.g. `steps`.
        unit: &'static str,
        /// How much there is to do.
        total: u64,
        /// How much was done by an earlier run.
        done: u64,
    },
    /// A stretch of work begins that cannot be stopped without loss: `total` of `unit`.
    Busy {
        /// What is counted, e.g. `columns`.
        unit: &'static str,
        /// How much there is to do.
        total: u64,
    },
    /// So much is done.
    Progress {
        /// How much is done.
        done: u64,
        /// Names and values of what was measured here; most often nothing.
        measured: Vec<(&'static str, f64)>,
        /// The score on data kept for validation, where it was measured.
        score: Option<f64>,
        /// Whether the score is the best so far.
        best: bool,
    },
    /// The stretch of work is over.
    End,
}

impl Event {
    /// So much is done, and nothing was measured.
    pub fn done(done: u64) -> Event {
        Event::Progress { done, measured: Vec::new(), score: None, best: false }
    }
}
