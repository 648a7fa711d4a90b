//! Stations with queues: arrivals, services, priorities, failures, opening hours, patience. What happens is written as a log of events, as
//! one row for each entity at each station, or as gauges at a clock.

mod engine;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow_schema::DataType;
use serde::Deserialize;

use self::engine::Engine;
use super::clock::{Clock, Moment, Span, setting};
use super::machine::second;
use super::named::Named;
use super::number::{Draw, Number};
use super::points::Rated;
use super::rows::Rows;
use super::scalar::{Scope, Value};
use super::ways::{Next, Ways, named};
use super::{Plan, Run};
use crate::cell::Cell;
use crate::error::Result;

/// A system of stations.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// When a run starts: a date or time, or an expression over the parent row. Without it times are plain numbers.
    #[serde(default)]
    pub start: Option<Moment>,
    /// One unit of time \[1s\].
    #[serde(default = "second")]
    pub unit: Span,
    /// Nobody arrives after this time, and nothing happens unless `drain` is set.
    pub until: Number,
    /// Whether those who are inside at the end are still served.
    #[serde(default)]
    pub drain: bool,
    /// Who comes, by class.
    pub arrivals: Named<Arrivals>,
    /// The stations.
    pub stations: Named<Station>,
    /// What the rows are \[events\].
    #[serde(default)]
    pub log: Log,
    /// The time between gauges.
    #[serde(default)]
    pub clock: Option<Number>,
    /// Events of one run beyond which it is an error \[10000000\].
    #[serde(default = "most")]
    pub most: u64,
}

fn most() -> u64 {
    10_000_000
}

/// What the rows of a system of queues are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Log {
    /// Each event: time, entity, class, station, event, and how many wait and are served after it.
    #[default]
    Events,
    /// Each visit of an entity at a station: when it came, began and ended, and how that ended.
    Entities,
    /// Each station at each tick of `clock`.
    Gauges,
}

/// Who comes. Expressions may name `t`, and columns of the parent row.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arrivals {
    /// The time between two arrivals.
    #[serde(default)]
    pub every: Option<Number>,
    /// Or arrivals a unit of time, as a Poisson process: a number, or an expression that may name `t`.
    #[serde(default)]
    pub rate: Option<Number>,
    /// The rate is never above this. It must be given where the rate names `t`.
    #[serde(default)]
    pub bound: Option<Number>,
    /// What the rate is multiplied by in each hour of a day, 24 numbers.
    #[serde(default)]
    pub hours: Option<Vec<f64>>,
    /// What the rate is multiplied by from Monday to Sunday.
    #[serde(default)]
    pub weekdays: Option<Vec<f64>>,
    /// When the first comes \[one gap after the start\].
    #[serde(default)]
    pub first: Option<Number>,
    /// How often somebody comes at most.
    #[serde(default)]
    pub most: Option<Number>,
    /// How many come together \[1\].
    #[serde(default)]
    pub batch: Option<Number>,
    /// Their priority; higher goes first \[0\].
    #[serde(default)]
    pub priority: Option<Number>,
    /// Which station they come to \[the first\].
    #[serde(default)]
    pub to: Option<Next>,
}

/// A station. Expressions may name `t`, `class`, `priority`, `waited` (in all so far), `visits` (services so far) and columns of the
/// parent row.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Station {
    /// How many are served at once \[1\].
    #[serde(default)]
    pub servers: Option<Number>,
    /// How many can wait; without it there is no limit.
    #[serde(default)]
    pub room: Option<Number>,
    /// Where those go for whom there is no room; without it they are turned away.
    #[serde(default)]
    pub overflow: Option<String>,
    /// Who is next \[fifo\].
    #[serde(default)]
    pub discipline: Discipline,
    /// Whether who comes with a higher priority interrupts a service. What is left of it is done later.
    #[serde(default)]
    pub preempt: bool,
    /// How long a service takes.
    pub service: Number,
    /// How many are served together; a service waits for so many \[1\].
    #[serde(default = "one")]
    pub batch: usize,
    /// Who has waited so long gives up and leaves.
    #[serde(default)]
    pub patience: Option<Number>,
    /// When it is open \[always\]. When it closes, what has begun is ended.
    #[serde(default)]
    pub open: Vec<Open>,
    /// How each of its servers fails.
    #[serde(default)]
    pub fails: Option<Fails>,
    /// Where they go next; without it they leave. Shares that come to less than 1 leave with the rest; `leave` is a place to go to.
    #[serde(default)]
    pub next: Option<Next>,
}

fn one() -> usize {
    1
}

/// Who is served next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Discipline {
    /// Who came first.
    #[default]
    Fifo,
    /// Who came last.
    Lifo,
    /// Who has the highest priority; among equals who came first.
    Priority,
}

/// Opening hours. Without `start` a run begins on a Monday at midnight.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Open {
    /// On which days, as `["mon", "tue"]` \[all\].
    #[serde(default)]
    pub days: Option<Vec<Day>>,
    /// From when, as `"09:00"`.
    pub from: String,
    /// Until when, as `"17:30"` or `"24:00"`.
    pub to: String,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// How a server fails. A service that is interrupted goes on after the repair.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fails {
    /// Time from a repair, or the start, to the next failure.
    pub after: Number,
    /// Time of a repair.
    pub repair: Number,
}

/// Names that expressions may use, in the order of their places.
pub(super) const OWN: [&str; 5] = ["t", "class", "priority", "waited", "visits"];

/// A system that is ready.
struct Ready {
    clock: Clock,
    until: Draw,
    drain: bool,
    sources: Vec<Source>,
    stations: Vec<Desk>,
    log: Log,
    tick: Option<Draw>,
    most: u64,
}

/// Arrivals that are ready.
struct Source {
    name: Arc<str>,
    when: When,
    first: Option<Draw>,
    most: Option<Draw>,
    batch: Draw,
    priority: Draw,
    to: Ways,
}

enum When {
    Every(Draw),
    Rate(Rated),
}

/// A station that is ready.
struct Desk {
    name: String,
    key: String,
    servers: Draw,
    room: Option<Draw>,
    overflow: Option<usize>,
    discipline: Discipline,
    preempt: bool,
    service: Draw,
    batch: usize,
    patience: Option<Draw>,
    /// Beginnings and ends of what is open within a week, in microseconds; empty if it is always open.
    open: Vec<(i64, i64)>,
    fails: Option<(Draw, Draw)>,
    next: Option<Ways>,
}

const WEEK: i64 = 7 * crate::expression::DAY;

impl Queue {
    /// Checks the system and makes it ready.
    ///
    /// # Errors
    /// Names the key that is wrong.
    pub fn plan(&self) -> Result<Plan> {
        if self.stations.0.is_empty() {
            return Err(setting("stations", "must have a station"));
        }
        if self.arrivals.0.is_empty() {
            return Err(setting("arrivals", "must have a class of arrivals"));
        }
        let mut scope = Scope::new(OWN.iter().map(|n| (*n).to_owned()).collect(), self.unit.micros);
        let clock = Clock::new(self.start.as_ref(), &mut scope)?;
        let until = Draw::new(&self.until, "until", &mut scope)?;
        let names = self.stations.names();
        let mut sources = Vec::new();
        for (name, arrivals) in self.arrivals.iter() {
            sources.push(arrivals.ready(name, &names, &mut scope)?);
        }
        let mut stations = Vec::new();
        for (k, (name, station)) in self.stations.iter().enumerate() {
            stations.push(station.ready(name, k, &names, &mut scope)?);
        }
        let tick = match (self.log, &self.clock) {
            (Log::Gauges, None) => {
                return Err(setting("clock", "must be given for `log = \"gauges\"`: the time between two"));
            }
            (Log::Gauges, Some(clock)) => Some(Draw::new(clock, "clock", &mut scope)?),
            (_, Some(_)) => return Err(setting("clock", "goes with `log = \"gauges\"` alone")),
            (_, None) => None,
        };
        if tick.as_ref().and_then(Draw::fixed).is_some_and(|t| t <= 0.0) {
            return Err(setting("clock", "must be above 0"));
        }
        let columns = columns(self.log, &clock);
        let inputs = scope.inputs().to_vec();
        Plan::new(
            columns,
            &inputs,
            Ready { clock, until, drain: self.drain, sources, stations, log: self.log, tick, most: self.most },
        )
    }
}

fn columns(log: Log, clock: &Clock) -> Vec<(String, DataType)> {
    let time = clock.kind();
    let all: Vec<(&str, DataType)> = match log {
        Log::Events => vec![
            ("time", time),
            ("entity", DataType::Int64),
            ("class", DataType::Utf8),
            ("station", DataType::Utf8),
            ("event", DataType::Utf8),
            ("queue", DataType::Int64),
            ("busy", DataType::Int64),
        ],
        Log::Entities => vec![
            ("entity", DataType::Int64),
            ("class", DataType::Utf8),
            ("priority", DataType::Float64),
            ("station", DataType::Utf8),
            ("arrive", time.clone()),
            ("start", time.clone()),
            ("end", time),
            ("wait", DataType::Float64),
            ("service", DataType::Float64),
            ("outcome", DataType::Utf8),
        ],
        Log::Gauges => vec![
            ("time", time),
            ("station", DataType::Utf8),
            ("queue", DataType::Int64),
            ("busy", DataType::Int64),
            ("down", DataType::Int64),
            ("mean_queue", DataType::Float64),
            ("utilisation", DataType::Float64),
        ],
    };
    all.into_iter().map(|(name, kind)| (name.to_owned(), kind)).collect()
}

impl Arrivals {
    fn ready(&self, name: &str, stations: &[String], scope: &mut Scope) -> Result<Source> {
        let key = format!("arrivals.{name}");
        let sub = |part: &str| format!("{key}.{part}");
        let when = match (&self.every, &self.rate) {
            (Some(every), None) => {
                if self.bound.is_some() || self.hours.is_some() || self.weekdays.is_some() {
                    return Err(setting(
                        &key,
                        "has `bound`, `hours` or `weekdays`, which go with `rate`, not with `every`",
                    ));
                }
                let every = Draw::new(every, &sub("every"), scope)?;
                if every.fixed().is_some_and(|e| e <= 0.0) {
                    return Err(setting(&sub("every"), "must be above 0"));
                }
                When::Every(every)
            }
            (None, Some(rate)) => When::Rate(Rated::new(
                &format!("{key}."),
                rate,
                self.bound.as_ref(),
                (self.hours.as_ref(), self.weekdays.as_ref()),
                scope,
            )?),
            _ => return Err(setting(&key, "must have `every` or `rate`, and not both")),
        };
        let mut number =
            |part: &str, number: Option<&Number>| number.map(|n| Draw::new(n, &sub(part), scope)).transpose();
        let first = number("first", self.first.as_ref())?;
        let most = number("most", self.most.as_ref())?;
        let batch = number("batch", self.batch.as_ref())?.unwrap_or(Draw::Fixed(1.0));
        let priority = number("priority", self.priority.as_ref())?.unwrap_or(Draw::Fixed(0.0));
        let to = match &self.to {
            None => Ways::To(0),
            Some(next) => Ways::new(next, &sub("to"), scope, &|name| named(stations, "station", name))?,
        };
        Ok(Source { name: name.into(), when, first, most, batch, priority, to })
    }
}

impl Station {
    fn ready(&self, name: &str, at: usize, stations: &[String], scope: &mut Scope) -> Result<Desk> {
        let key = format!("stations.{name}");
        let sub = |part: &str| format!("{key}.{part}");
        if name == "leave" {
            return Err(setting(&key, "has a name that stands for the way out; choose another"));
        }
        if self.batch == 0 {
            return Err(setting(&sub("batch"), "must be 1 or more"));
        }
        if self.preempt && (self.discipline != Discipline::Priority || self.batch > 1) {
            return Err(setting(&sub("preempt"), "needs `discipline = \"priority\"` and a `batch` of 1"));
        }
        let place = |to: &str| if to == "leave" { Ok(stations.len()) } else { named(stations, "station", to) };
        let overflow = match &self.overflow {
            None => None,
            Some(_) if self.room.is_none() => {
                return Err(setting(&sub("overflow"), "needs `room`: without it there is room for all"));
            }
            Some(to) => {
                let to = named(stations, "station", to).map_err(|what| setting(&sub("overflow"), &what))?;
                if to == at {
                    return Err(setting(&sub("overflow"), "must be another station"));
                }
                Some(to)
            }
        };
        let servers = Draw::new(self.servers.as_ref().unwrap_or(&Number::Fixed(1.0)), &sub("servers"), scope)?;
        if servers.fixed().is_some_and(|s| !(1.0..=1e6).contains(&s) || s.fract() != 0.0) {
            return Err(setting(&sub("servers"), "must be a whole number from 1 to 1000000"));
        }
        let service = Draw::new(&self.service, &sub("service"), scope)?;
        if service.fixed().is_some_and(|s| s < 0.0) {
            return Err(setting(&sub("service"), "must not be below 0"));
        }
        let mut number =
            |part: &str, number: Option<&Number>| number.map(|n| Draw::new(n, &sub(part), scope)).transpose();
        let room = number("room", self.room.as_ref())?;
        let patience = number("patience", self.patience.as_ref())?;
        let fails = match &self.fails {
            None => None,
            Some(fails) => {
                let after = Draw::new(&fails.after, &sub("fails.after"), scope)?;
                if after.fixed().is_some_and(|a| a <= 0.0) {
                    return Err(setting(&sub("fails.after"), "must be above 0"));
                }
                Some((after, Draw::new(&fails.repair, &sub("fails.repair"), scope)?))
            }
        };
        let next = self.next.as_ref().map(|n| Ways::new(n, &sub("next"), scope, &place)).transpose()?;
        Ok(Desk {
            name: name.to_owned(),
            open: windows(&self.open).map_err(|what| setting(&sub("open"), &what))?,
            key,
            servers,
            room,
            overflow,
            discipline: self.discipline,
            preempt: self.preempt,
            service,
            batch: self.batch,
            patience,
            fails,
            next,
        })
    }
}

/// Opening hours as times within a week, joined where they touch.
fn windows(open: &[Open]) -> Result<Vec<(i64, i64)>, String> {
    let mut all = Vec::new();
    for hours in open {
        let (from, to) = (of_day(&hours.from)?, of_day(&hours.to)?);
        if from >= to {
            return Err(format!("is from {} to {}; give what goes over midnight as two", hours.from, hours.to));
        }
        for day in 0..7 {
            if hours.days.as_ref().is_none_or(|days| days.iter().any(|d| *d as i64 == day)) {
                all.push((day * crate::expression::DAY + from, day * crate::expression::DAY + to));
            }
        }
    }
    if !open.is_empty() && all.is_empty() {
        return Err("has no day on which it is open".to_owned());
    }
    all.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::new();
    for (from, to) in all {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    if joined == [(0, WEEK)] { Ok(Vec::new()) } else { Ok(joined) }
}

/// Microseconds of a day from `"09:30"`.
fn of_day(text: &str) -> Result<i64, String> {
    let parts: Option<Vec<i64>> = text.split(':').map(|p| p.parse().ok().filter(|x: &i64| *x >= 0)).collect();
    let minutes = match parts.as_deref() {
        Some([hour, minute]) if *minute < 60 => hour * 60 + minute,
        Some([hour]) => hour * 60,
        _ => 9_999,
    };
    if minutes > 1_440 {
        return Err(format!("has the time `{text}`; write it as 09:00 or 24:00"));
    }
    Ok(minutes * 60_000_000)
}

impl Run for Ready {
    fn run(&self, cell: &Cell, inputs: &[Value], rows: &mut Rows) -> Result<()> {
        Engine::new(self, cell, inputs, rows)?.run()
    }
}
