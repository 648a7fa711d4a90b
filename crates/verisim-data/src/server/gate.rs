//! How many requests are under way: as many as the server takes, found by additive increase and multiplicative decrease, as TCP does.
//!
//! A server that answers 429 (too many requests) is sent a quarter fewer at a time, and left alone as long as it says, or for a pause that
//! doubles until something succeeds. After 25 successes in a row one more is sent at a time, up to what the config allows.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Successes in a row after which one more request is sent at a time.
const RAISE: u32 = 25;
/// The longest that a server is left alone, whatever it says.
const LONGEST: Duration = Duration::from_secs(300);

/// How a request ended, as far as the pace goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With an answer.
    Good,
    /// The server is asked too much; how long it wants to be left alone, if it says so.
    Limited(Option<Duration>),
    /// With something that says nothing of the pace.
    Other,
}

/// Who waits here may send when there is room.
pub(super) struct Gate {
    state: Mutex<Pace>,
    changed: Condvar,
}

/// The pace: a function of what happened, with no clock of its own.
#[derive(Debug)]
struct Pace {
    most: usize,
    /// Requests at a time, for now.
    limit: usize,
    busy: usize,
    /// Successes in a row.
    good: u32,
    /// How often the limit was lowered. Requests of before the last time say nothing new by being refused.
    epoch: u64,
    /// Nothing is sent before.
    until: Option<Instant>,
    first: Duration,
    /// How long the next pause is.
    pause: Duration,
}

impl Pace {
    fn new(most: usize, first: Duration) -> Pace {
        Pace { most, limit: most, busy: 0, good: 0, epoch: 0, until: None, first, pause: first }
    }

    fn end(&mut self, epoch: u64, end: End, now: Instant) {
        match end {
            End::Good => {
                self.pause = self.first;
                self.good += 1;
                if self.good >= RAISE {
                    self.good = 0;
                    self.limit = (self.limit + 1).min(self.most);
                }
            }
            End::Limited(after) => {
                self.good = 0;
                let fresh = epoch == self.epoch;
                let wait = match (after, fresh) {
                    (Some(after), _) => after.min(LONGEST),
                    (None, true) => self.pause,
                    (None, false) => Duration::ZERO,
                };
                self.until = self.until.max(Some(now + wait));
                if fresh {
                    self.epoch += 1;
                    self.limit = (self.limit * 3 / 4).max(1);
                    self.pause = (self.pause * 2).min(LONGEST);
                }
            }
            End::Other => self.good = 0,
        }
    }
}

impl Gate {
    pub(super) fn new(most: usize, pause: Duration) -> Gate {
        Gate { state: Mutex::new(Pace::new(most, pause)), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, Pace> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a request may be sent; nothing if `stopped` says so before. What is given must be given back to [`Gate::leave`].
    pub(super) fn enter(&self, stopped: &dyn Fn() -> bool) -> Option<u64> {
        let mut state = self.state();
        loop {
            if stopped() {
                return None;
            }
            let wait = state.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
            if wait.is_zero() && state.busy < state.limit {
                state.busy += 1;
                return Some(state.epoch);
            }
            // Not for ever: nobody wakes those who wait when a stop is asked for.
            let wait = if wait.is_zero() { TICK } else { wait.min(TICK) };
            state = self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A request of [`Gate::enter`] is over.
    pub(super) fn leave(&self, epoch: u64, end: End) {
        let mut state = self.state();
        state.busy -= 1;
        state.end(epoch, end, Instant::now());
        self.changed.notify_all();
    }

    /// Waits; whether it was not stopped.
    pub(super) fn sleep(&self, long: Duration, stopped: &dyn Fn() -> bool) -> bool {
        let until = Instant::now() + long;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if stopped() || left.is_zero() {
                return !stopped();
            }
            std::thread::sleep(left.min(TICK));
        }
    }
}

/// How long it takes at most until somebody who waits hears of a stop.
const TICK: Duration = Duration::from_millis(50);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_limit_falls_by_a_quarter_once_a_wave_and_rises_by_one() {
        let now = Instant::now();
        let mut pace = Pace::new(8, 2 * SECOND);
        // All eight requests under way are refused: one wave.
        (0..8).for_each(|_| pace.end(0, End::Limited(None), now));
        assert_eq!((pace.limit, pace.until), (6, Some(now + 2 * SECOND)));
        // Again, and the pause has grown.
        pace.end(1, End::Limited(None), now);
        assert_eq!((pace.limit, pace.until), (4, Some(now + 4 * SECOND)));
        (0..24).for_each(|_| pace.end(2, End::Good, now));
        assert_eq!(pace.limit, 4);
        pace.end(2, End::Good, now);
        assert_eq!((pace.limit, pace.pause), (5, 2 * SECOND));
        // Something that fails begins the count anew.
        (0..24).for_each(|_| pace.end(2, End::Good, now));
        pace.end(2, End::Other, now);
        pace.end(2, End::Good, now);
        assert_eq!(pace.limit, 5);
        (0..200).for_each(|_| pace.end(2, End::Good, now));
        assert_eq!(pace.limit, 8, "never above what the config allows");
        (0..20).for_each(|k| pace.end(2 + k, End::Limited(None), now));
        assert_eq!(pace.limit, 1, "never below one");
    }

    #[test]
    fn a_server_is_left_alone_as_long_as_it_says() {
        let now = Instant::now();
        let mut pace = Pace::new(4, 2 * SECOND);
        pace.end(0, End::Limited(Some(9 * SECOND)), now);
        assert_eq!(pace.until, Some(now + 9 * SECOND));
        // A shorter wish after a longer one, and one that is beyond reason.
        pace.end(0, End::Limited(Some(SECOND)), now);
        assert_eq!(pace.until, Some(now + 9 * SECOND));
        pace.end(1, End::Limited(Some(1_000_000 * SECOND)), now);
        assert_eq!(pace.until, Some(now + LONGEST));
    }

    #[test]
    fn no_more_enter_than_there_is_room_for() {
        let gate = Gate::new(2, SECOND);
        let one = gate.enter(&|| false).unwrap();
        gate.enter(&|| false).unwrap();
        let asked = std::cell::Cell::new(0);
        let third = gate.enter(&|| {
            asked.set(asked.get() + 1);
            asked.get() > 1
        });
        assert_eq!(third, None);
        gate.leave(one, End::Good);
        assert_eq!(gate.enter(&|| false), Some(0));
    }
}
