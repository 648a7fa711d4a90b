//! Systems of ordinary differential equations that are written as expressions, and how they are measured: sensors with noise, drift,
//! drop-outs and faults, read at the ticks of a clock.

mod sensor;
mod solve;
#[cfg(test)]
mod tests;

use arrow_schema::DataType;
use serde::Deserialize;

use self::sensor::{Broken, Sensor};
pub use self::sensor::{Change, Fault, FaultKind, Measure};
use super::clock::{Clock, Moment, Span, setting};
use super::formula::Formula;
use super::machine::second;
use super::named::Named;
use super::number::{Draw, Number, Said};
use super::rows::Rows;
use super::scalar::{Scope, Value};
use super::ways::{made, named};
use super::{Plan, Run};
use crate::cell::Cell;
use crate::error::Result;

/// Ticks of one run beyond which it is an error.
const TICKS: f64 = 1e8;

/// Differential equations.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ode {
    /// When a run starts: a date or time, or an expression over the parent row. Without it times are plain numbers.
    #[serde(default)]
    pub start: Option<Moment>,
    /// One unit of time \[1s\].
    #[serde(default = "second")]
    pub unit: Span,
    /// The end.
    pub until: Number,
    /// The time between two rows.
    pub every: Number,
    /// How far a tick is off its time: the standard deviation \[0\]. It is never off by half a tick or more.
    #[serde(default)]
    pub jitter: f64,
    /// How each state changes in a unit of time: `dx = "v"`. Expressions may name the states, `t`, parameters, what is under `let`, and
    /// columns of the parent row.
    pub equations: Named<Said>,
    /// The states at the start. Expressions may name parameters and columns of the parent row.
    pub initial: Named<Number>,
    /// Numbers that are made once a run. Each may name those before it.
    #[serde(default)]
    pub parameters: Named<Number>,
    /// Names for what equations share. Each may name those before it.
    #[serde(default, rename = "let")]
    pub lets: Named<Said>,
    /// What happens where an expression crosses zero.
    #[serde(default)]
    pub events: Named<Happening>,
    /// Whether fast and slow parts mix so much that an implicit method (BDF) is needed.
    #[serde(default)]
    pub stiff: bool,
    /// Error that a step may add, relative \[1e-8\]; the absolute one is a hundredth of it.
    #[serde(default = "tolerance")]
    pub tolerance: f64,
    /// What is measured: each is a column.
    #[serde(default)]
    pub measures: Named<Measure>,
    /// States, parameters and names under `let` that are columns without being measured \[all states if nothing is measured\].
    #[serde(default)]
    pub show: Option<Vec<String>>,
    /// What breaks. A column `fault` names what is broken in a row.
    #[serde(default)]
    pub faults: Named<Fault>,
}

fn tolerance() -> f64 {
    1e-8
}

/// What happens where an expression crosses zero. A column `event` names what happened since the row before.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Happening {
    /// The expression.
    pub when: Said,
    /// Which way it must cross \[both\].
    #[serde(default)]
    pub crossing: Crossing,
    /// States that jump, to expressions of what was before.
    #[serde(default)]
    pub set: Named<Said>,
    /// Whether the run ends, with a row of this moment.
    #[serde(default)]
    pub stop: bool,
}

/// Which way an expression crosses zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Crossing {
    /// From below.
    Up,
    /// From above.
    Down,
    /// Either way.
    #[default]
    Both,
}

/// Equations with places for names: the time, states, parameters, lets, then inputs.
struct System {
    states: usize,
    equations: Vec<Formula>,
    /// Places and formulas of what is under `let`.
    lets: Vec<(usize, Formula)>,
    events: Vec<Watched>,
    stiff: bool,
    tolerance: f64,
}

struct Watched {
    name: String,
    when: Formula,
    crossing: Crossing,
    set: Vec<(usize, Formula)>,
    stop: bool,
}

struct Ready {
    clock: Clock,
    until: Draw,
    every: Draw,
    jitter: f64,
    system: System,
    /// Places that are not inputs.
    own: usize,
    parameters: Vec<Draw>,
    initial: Vec<Draw>,
    shown: Vec<usize>,
    sensors: Vec<Sensor>,
    faults: Vec<Broken>,
    inputs: Vec<String>,
}

impl Ode {
    /// Checks the equations and makes them ready.
    ///
    /// # Errors
    /// Names the key that is wrong.
    pub fn plan(&self) -> Result<Plan> {
        let states = self.states()?;
        let (parameters, lets) = (self.parameters.names(), self.lets.names());
        let own: Vec<String> =
            std::iter::once("t".to_owned()).chain([&states[..], &parameters, &lets].concat()).collect();
        if let Some((_, twice)) = own.iter().enumerate().find(|(k, name)| own[..*k].contains(name)) {
            return Err(setting(
                "equations",
                &format!("give the name `{twice}` to more than one of time, states, parameters and lets"),
            ));
        }
        if !(self.jitter >= 0.0 && self.jitter.is_finite()) {
            return Err(setting("jitter", "must be 0 or more"));
        }
        if !(1e-13..=0.1).contains(&self.tolerance) {
            return Err(setting("tolerance", "must be between 1e-13 and 0.1"));
        }
        let count = own.len();
        let mut scope = Scope::new(own.clone(), self.unit.micros);
        let clock = Clock::new(self.start.as_ref(), &mut scope)?;
        let until = Draw::new(&self.until, "until", &mut scope)?;
        let every = Draw::new(&self.every, "every", &mut scope)?;
        if every.fixed().is_some_and(|e| e <= 0.0) {
            return Err(setting("every", "must be above 0"));
        }
        let first_parameter = 1 + states.len();
        let mut made_parameters = Vec::new();
        for (k, (name, number)) in self.parameters.iter().enumerate() {
            let key = format!("parameters.{name}");
            let draw = Draw::new(number, &key, &mut scope)?;
            known(&draw, &key, &own, &|p| (first_parameter..first_parameter + k).contains(&p) || p >= count)?;
            made_parameters.push(draw);
        }
        let after_parameters = first_parameter + parameters.len();
        let mut initial = Vec::new();
        for name in &states {
            let key = format!("initial.{name}");
            let number = self.initial.iter().find(|i| i.0 == name).map(|i| i.1);
            let number =
                number.ok_or_else(|| setting(&key, &format!("must be given: the state `{name}` at the start")))?;
            let draw = Draw::new(number, &key, &mut scope)?;
            known(&draw, &key, &own, &|p| (first_parameter..after_parameters).contains(&p) || p >= count)?;
            initial.push(draw);
        }
        if let Some((name, _)) = self.initial.iter().find(|i| !states.iter().any(|s| s == i.0)) {
            return Err(setting(&format!("initial.{name}"), &format!("is no state; there are {}", states.join(", "))));
        }
        let system = self.system(&states, after_parameters, count, &mut scope)?;
        let shown = match &self.show {
            None if self.measures.0.is_empty() => (1..first_parameter).collect(),
            None => Vec::new(),
            Some(show) => show
                .iter()
                .map(|name| named(&own, "quantity", name).map_err(|what| setting("show", &what)))
                .collect::<Result<Vec<_>>>()?,
        };
        let mut sensors = Vec::new();
        for (name, measure) in self.measures.iter() {
            sensors.push(measure.ready(name, &mut scope)?);
        }
        let mut faults = Vec::new();
        for (name, fault) in self.faults.iter() {
            faults.push(fault.ready(name, &self.measures.names(), &parameters, first_parameter, &mut scope)?);
        }
        let mut columns = vec![("time".to_owned(), clock.kind())];
        columns.extend(shown.iter().map(|at| (own[*at].clone(), DataType::Float64)));
        columns.extend(self.measures.names().into_iter().map(|name| (name, DataType::Float64)));
        if !faults.is_empty() {
            columns.push(("fault".to_owned(), DataType::Utf8));
        }
        if !self.events.0.is_empty() {
            columns.push(("event".to_owned(), DataType::Utf8));
        }
        let inputs = scope.inputs().to_vec();
        let ready = Ready {
            clock,
            until,
            every,
            jitter: self.jitter,
            system,
            own: count,
            parameters: made_parameters,
            initial,
            shown,
            sensors,
            faults,
            inputs: inputs.clone(),
        };
        Plan::new(columns, &inputs, ready)
    }

    fn states(&self) -> Result<Vec<String>> {
        if self.equations.0.is_empty() {
            return Err(setting("equations", "must have an equation"));
        }
        let states = self.equations.iter().map(|(key, _)| {
            let state = key.strip_prefix('d').filter(|s| !s.is_empty());
            state.map(str::to_owned).ok_or_else(|| {
                setting(
                    &format!("equations.{key}"),
                    "must begin with d: `dx = \"v\"` says how x changes in a unit of time",
                )
            })
        });
        states.collect()
    }

    fn system(&self, states: &[String], after_parameters: usize, count: usize, scope: &mut Scope) -> Result<System> {
        let mut lets = Vec::new();
        for (k, (name, text)) in self.lets.iter().enumerate() {
            let key = format!("let.{name}");
            let formula = scope.formula(&key, &text.0)?;
            let mut places = Vec::new();
            formula.places(&mut places);
            if places.iter().any(|p| (after_parameters + k..count).contains(p)) {
                return Err(setting(&key, "names itself or what stands after it under `let`; put it after those"));
            }
            lets.push((after_parameters + k, formula));
        }
        let equations = self.equations.iter().map(|(key, text)| scope.formula(&format!("equations.{key}"), &text.0));
        let equations = equations.collect::<Result<Vec<_>>>()?;
        let mut events = Vec::new();
        for (name, event) in self.events.iter() {
            let key = format!("events.{name}");
            let mut set = Vec::new();
            for (state, text) in event.set.iter() {
                let at = named(states, "state", state).map_err(|what| setting(&format!("{key}.set"), &what))?;
                set.push((at, scope.formula(&format!("{key}.set.{state}"), &text.0)?));
            }
            events.push(Watched {
                name: name.to_owned(),
                when: scope.formula(&format!("{key}.when"), &event.when.0)?,
                crossing: event.crossing,
                set,
                stop: event.stop,
            });
        }
        Ok(System { states: states.len(), equations, lets, events, stiff: self.stiff, tolerance: self.tolerance })
    }
}

/// Names what a number reads that is not known yet.
fn known(draw: &Draw, key: &str, own: &[String], may: &dyn Fn(usize) -> bool) -> Result<()> {
    let mut places = Vec::new();
    draw.places(&mut places);
    match places.into_iter().find(|p| !may(*p)) {
        None => Ok(()),
        Some(at) => Err(setting(key, &format!("names `{}`, which is not known yet at this point", own[at]))),
    }
}

impl System {
    /// Writes the time, the states and what is under `let`.
    fn fill<R: super::formula::Real>(&self, frame: &mut [R], states: &[R], t: f64) {
        frame[0] = R::of(t);
        frame[1..=self.states].copy_from_slice(states);
        for (at, formula) in &self.lets {
            frame[*at] = formula.value(frame);
        }
    }
}

impl Run for Ready {
    fn run(&self, cell: &Cell, inputs: &[Value], rows: &mut Rows) -> Result<()> {
        let mut frame = Scope::frame(self.own, inputs);
        frame[0] = Value::Number(0.0);
        let base = self.clock.base(&frame)?;
        let mut own = cell.part(0);
        let first = 1 + self.system.states;
        for (k, draw) in self.parameters.iter().enumerate() {
            frame[first + k] = Value::Number(draw.number(&frame, &mut own)?);
        }
        let mut states = Vec::with_capacity(self.system.states);
        for draw in &self.initial {
            states.push(draw.number(&frame, &mut own)?);
        }
        let until = self.until.number(&frame, &mut own)?;
        let every = self.every.number(&frame, &mut own)?;
        if !(every > 0.0 && until / every < TICKS) {
            return Err(setting(
                "every",
                &format!("came to {every} for a time of {until}; it must be above 0, and make less than {TICKS} rows"),
            ));
        }
        let mut plain = Vec::with_capacity(frame.len());
        for (k, value) in frame.iter().enumerate() {
            let number = value.number();
            if k >= self.own && number.is_none() && *value != Value::Null && !matches!(value, Value::Time(_)) {
                let name = &self.inputs[k - self.own];
                return Err(made(name, "is no number, and equations compute with numbers alone".to_owned()));
            }
            plain.push(number.unwrap_or(f64::NAN));
        }
        let ticks = solve::ticks(until, every, self.jitter, cell.part(1));
        let mut written = sensor::Written::new(self, cell, &frame, base, rows)?;
        let mut solving = solve::Solving::new(&self.system, plain, states);
        let changes = written.changes();
        solving.run(&ticks, until, &changes, &mut |t, frame, events| written.row(t, frame, events))
    }
}
