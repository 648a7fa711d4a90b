//! Solving: `diffsol` makes the steps, one stretch at a time. A stretch ends where a state jumps or a parameter changes, so no step goes
//! over a break.

use std::cell::RefCell;

use diffsol::error::DiffsolError;
use diffsol::{NalgebraLU, NalgebraMat, NalgebraVec, OdeBuilder, OdeEquations, OdeSolverMethod, Op, VectorCommon};
use rand_distr::{Distribution, StandardNormal};

use super::super::clock::setting;
use super::super::formula::Dual;
use super::super::ways::made;
use super::{Crossing, System};
use crate::cell::Cell;
use crate::error::{Error, Result};

/// Steps of one run beyond which it is an error.
const STEPS: u64 = 10_000_000;
/// Events of one run beyond which it is an error.
const EVENTS: u64 = 100_000;
/// Looks for a crossing within one step: two crossings closer than that are missed.
const LOOKS: u32 = 4;

/// A parameter that is another for a while: from when, to when, its place, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Switch {
    pub from: f64,
    pub to: f64,
    pub place: usize,
    /// It is multiplied by the first and the second is added.
    pub by: (f64, f64),
}

/// Times of ticks up to the end.
pub(super) fn ticks(until: f64, every: f64, jitter: f64, mut cell: Cell) -> Vec<f64> {
    let count = (until / every + 1e-9).floor().max(0.0) as u64;
    (0..=count)
        .map(|k| {
            let t = k as f64 * every;
            if jitter == 0.0 || k == 0 {
                return t;
            }
            let z: f64 = StandardNormal.sample(&mut cell);
            (t + (jitter * z).clamp(-0.49 * every, 0.49 * every)).min(until)
        })
        .collect()
}

/// What is called for each row: the time, values by place, and what happened since the row before.
pub(super) type EachRow<'a> = dyn FnMut(f64, &[f64], &[usize]) -> Result<()> + 'a;

/// A system on its way.
pub(super) struct Solving<'a> {
    system: &'a System,
    /// Values by place.
    frame: Vec<f64>,
    states: Vec<f64>,
    t: f64,
    steps: u64,
    /// Events since the last row.
    happened: Vec<usize>,
    /// Events that fired at the beginning of this stretch.
    fired: Option<usize>,
}

impl<'a> Solving<'a> {
    pub(super) fn new(system: &'a System, frame: Vec<f64>, states: Vec<f64>) -> Solving<'a> {
        Solving { system, frame, states, t: 0.0, steps: 0, happened: Vec::new(), fired: None }
    }

    /// Solves up to the end, with a row at each tick.
    pub(super) fn run(&mut self, ticks: &[f64], until: f64, switches: &[Switch], row: &mut EachRow<'_>) -> Result<()> {
        let plain = self.frame.clone();
        let mut breaks: Vec<f64> =
            switches.iter().flat_map(|s| [s.from, s.to]).filter(|t| *t > 0.0 && *t < until).collect();
        breaks.sort_by(f64::total_cmp);
        let (mut next, mut events) = (0, 0u64);
        loop {
            // Several may be on one parameter at a time.
            switches.iter().for_each(|s| self.frame[s.place] = plain[s.place]);
            for switch in switches.iter().filter(|s| s.from <= self.t && self.t < s.to) {
                self.frame[switch.place] = self.frame[switch.place] * switch.by.0 + switch.by.1;
            }
            let end = breaks.iter().copied().find(|t| *t > self.t).unwrap_or(until);
            if next == 0 && self.t == 0.0 {
                self.emit(0.0, &self.states.clone(), row)?;
                next = 1;
            }
            let event = self.stretch(end, ticks, &mut next, row)?;
            if let Some(event) = event {
                events += 1;
                if events > EVENTS {
                    let what = format!("happens without end around time {}; {EVENTS} events are too many", self.t);
                    return Err(setting(&format!("events.{}", self.system.events[event].name), &what));
                }
                if self.jump(event, row)? {
                    return Ok(());
                }
            } else if self.t >= until {
                return Ok(());
            }
        }
    }

    /// Lets an event happen; true if it ends the run.
    fn jump(&mut self, event: usize, row: &mut EachRow<'_>) -> Result<bool> {
        let watched = &self.system.events[event];
        self.happened.push(event);
        self.fired = Some(event);
        self.system.fill(&mut self.frame, &self.states, self.t);
        let after: Vec<(usize, f64)> = watched.set.iter().map(|(at, f)| (*at, f.value(&self.frame))).collect();
        after.into_iter().for_each(|(at, x)| self.states[at] = x);
        if watched.stop {
            self.emit(self.t, &self.states.clone(), row)?;
        }
        Ok(watched.stop)
    }

    fn emit(&mut self, t: f64, states: &[f64], row: &mut EachRow<'_>) -> Result<()> {
        if let Some(x) = states.iter().find(|x| !x.is_finite()) {
            return Err(made(
                "equations",
                format!("a state came to {x} at time {t}; does the system grow without bound?"),
            ));
        }
        self.system.fill(&mut self.frame, states, t);
        row(t, &self.frame, &self.happened)?;
        self.happened.clear();
        Ok(())
    }

    /// Solves without a break up to `end`, or to the first event, which is returned. The state is left there.
    fn stretch(&mut self, end: f64, ticks: &[f64], next: &mut usize, row: &mut EachRow<'_>) -> Result<Option<usize>> {
        // Less than the clock can tell.
        if end - self.t <= 1e-13 * end.abs().max(1.0) {
            self.t = end;
            while ticks.get(*next).is_some_and(|tick| *tick <= end) {
                self.emit(ticks[*next], &self.states.clone(), row)?;
                *next += 1;
            }
            return Ok(None);
        }
        let system = self.system;
        let numbers = RefCell::new(self.frame.clone());
        let duals = RefCell::new(self.frame.iter().map(|x| Dual(*x, 0.0)).collect::<Vec<_>>());
        let moved = RefCell::new(vec![Dual::default(); system.states]);
        let rhs = |x: &[f64], _: &[f64], t: f64, y: &mut [f64]| {
            let mut frame = numbers.borrow_mut();
            system.fill(&mut frame, x, t);
            y.iter_mut().zip(&system.equations).for_each(|(y, f)| *y = f.value(&frame));
        };
        let slope = |x: &[f64], _: &[f64], t: f64, v: &[f64], y: &mut [f64]| {
            let (mut frame, mut moved) = (duals.borrow_mut(), moved.borrow_mut());
            moved.iter_mut().zip(x.iter().zip(v)).for_each(|(m, (x, v))| *m = Dual(*x, *v));
            system.fill(&mut frame, &moved, t);
            y.iter_mut().zip(&system.equations).for_each(|(y, f)| *y = f.value(&frame).1);
        };
        let from = self.states.clone();
        let problem = OdeBuilder::<NalgebraMat<f64>>::new()
            .t0(self.t)
            .rtol(system.tolerance)
            .atol([system.tolerance * 0.01])
            .rhs_implicit(rhs, slope)
            .init(move |_: &[f64], _: f64, y: &mut [f64]| y.copy_from_slice(&from), system.states)
            .build()
            .map_err(|e| self.stopped(&e))?;
        if system.stiff {
            let solver = problem.bdf::<NalgebraLU<f64>>().map_err(|e| self.stopped(&e))?;
            self.drive(solver, end, ticks, next, row)
        } else {
            let solver = problem.tsit45().map_err(|e| self.stopped(&e))?;
            self.drive(solver, end, ticks, next, row)
        }
    }

    fn drive<'b, E, S>(
        &mut self,
        mut solver: S,
        end: f64,
        ticks: &[f64],
        next: &mut usize,
        row: &mut EachRow<'_>,
    ) -> Result<Option<usize>>
    where
        E: OdeEquations + Op<T = f64, V = NalgebraVec<f64>> + 'b,
        S: OdeSolverMethod<'b, E>,
    {
        solver.set_stop_time(end).map_err(|e| self.stopped(&e))?;
        let mut at = solver.state().y.clone();
        let mut signs = self.signs(self.t, &self.states.clone());
        // What fired just now is zero, and counts again once it has left that.
        if let Some(fired) = self.fired.take() {
            signs[fired] = f64::NAN;
        }
        loop {
            let before = self.t;
            solver.step().map_err(|e| self.stopped(&e))?;
            self.steps += 1;
            if self.steps > STEPS {
                let what = format!(
                    "the solver took {STEPS} steps up to time {before}; is the system stiff? Then say `stiff = true`"
                );
                return Err(made("equations", what));
            }
            let now = solver.state().t;
            if !now.is_finite() || solver.state().y.inner().iter().any(|x| !x.is_finite()) {
                let what = format!(
                    "come to no finite number after time {before}; does the system grow without bound, or take a root or logarithm of what is negative?"
                );
                return Err(made("equations", what));
            }
            let found = self.crossing(&solver, before, now, &mut signs, &mut at)?;
            let upto = found.map_or(now, |f| f.0);
            while let Some(tick) = ticks.get(*next).copied().filter(|t| *t <= upto) {
                // A tick may be a hair before the stretch.
                solver.interpolate_inplace(tick.clamp(before, now), &mut at).map_err(|e| self.stopped(&e))?;
                let states = at.inner().as_slice().to_vec();
                self.emit(tick, &states, row)?;
                *next += 1;
            }
            self.t = upto;
            if let Some((t, event)) = found {
                solver.interpolate_inplace(t, &mut at).map_err(|e| self.stopped(&e))?;
                self.states = at.inner().as_slice().to_vec();
                return Ok(Some(event));
            }
            if now >= end {
                self.t = end;
                self.states = solver.state().y.inner().as_slice().to_vec();
                return Ok(None);
            }
        }
    }

    fn signs(&mut self, t: f64, states: &[f64]) -> Vec<f64> {
        if self.system.events.is_empty() {
            return Vec::new();
        }
        self.system.fill(&mut self.frame, states, t);
        self.system.events.iter().map(|e| e.when.value(&self.frame)).collect()
    }

    /// The first crossing within a step: when, and which.
    fn crossing<'b, E, S>(
        &mut self,
        solver: &S,
        from: f64,
        to: f64,
        signs: &mut Vec<f64>,
        at: &mut NalgebraVec<f64>,
    ) -> Result<Option<(f64, usize)>>
    where
        E: OdeEquations + Op<T = f64, V = NalgebraVec<f64>> + 'b,
        S: OdeSolverMethod<'b, E>,
    {
        if signs.is_empty() {
            return Ok(None);
        }
        let mut look = |this: &mut Self, t: f64| {
            solver.interpolate_inplace(t, at).map_err(|e| this.stopped(&e))?;
            let states = at.inner().as_slice().to_vec();
            Ok::<_, Error>(this.signs(t, &states))
        };
        let mut low = from;
        for k in 1..=LOOKS {
            let high = if k == LOOKS { to } else { from + (to - from) * f64::from(k) / f64::from(LOOKS) };
            let now = look(self, high)?;
            let mut first: Option<(f64, usize)> = None;
            for event in 0..now.len() {
                if !self.crosses(event, signs[event], now[event]) {
                    continue;
                }
                let (mut a, mut b) = (low, high);
                // Bisection to the last digits of the clock.
                for _ in 0..200 {
                    let middle = 0.5 * (a + b);
                    if middle <= a || middle >= b || b - a <= 1e-14 * b.abs() {
                        break;
                    }
                    let value = look(self, middle)?[event];
                    if self.crosses(event, signs[event], value) { b = middle } else { a = middle }
                }
                if first.is_none_or(|f| b < f.0) {
                    first = Some((b, event));
                }
            }
            if first.is_some() {
                return Ok(first);
            }
            *signs = now;
            low = high;
        }
        Ok(None)
    }

    fn crosses(&self, event: usize, before: f64, after: f64) -> bool {
        let (up, down) = (before < 0.0 && after >= 0.0, before > 0.0 && after <= 0.0);
        match self.system.events[event].crossing {
            Crossing::Up => up,
            Crossing::Down => down,
            Crossing::Both => up || down,
        }
    }

    fn stopped(&self, e: &DiffsolError) -> Error {
        let what = format!(
            "could not be solved beyond time {}: {e}. Does the system grow without bound, or is it stiff? Then say `stiff = true`",
            self.t
        );
        made("equations", what)
    }
}
