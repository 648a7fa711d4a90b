//! The engine: events in the order of their times; those of one time in the order in which they were planned.

mod write;

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};

use super::super::clock::setting;
use super::super::number::Draw;
use super::super::points::Intensity;
use super::super::rows::Rows;
use super::super::scalar::{Scope, Value};
use super::{Desk, Discipline, OWN, Ready, Source, WEEK, When};
use crate::cell::Cell;
use crate::error::Result;

/// Monday, 1970-01-05, in microseconds.
const MONDAY: i64 = 4 * crate::expression::DAY;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    /// Of a source.
    Arrive(usize),
    /// Of a station's server, whose services are numbered.
    End(usize, usize, u32),
    /// Of an entity's patience, at its so many-th station.
    GiveUp(usize, u32),
    Fail(usize, usize),
    Repair(usize, usize),
    /// A station opens or closes.
    Gate(usize),
    Tick,
    /// No more arrivals.
    Drain,
}

/// An event in the heap.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Planned {
    t: f64,
    number: u64,
    event: Event,
}

impl Eq for Planned {}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Planned) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Planned {
    fn cmp(&self, other: &Planned) -> Ordering {
        self.t.total_cmp(&other.t).then(self.number.cmp(&other.number))
    }
}

/// The place in a queue: what goes first is least.
type Place = (i64, u64);

struct Entity {
    source: usize,
    priority: f64,
    station: usize,
    /// Came to the station.
    arrive: f64,
    /// Began to be served there, first.
    start: Option<f64>,
    /// Waited in all before this station.
    waited: f64,
    /// Began to wait, if it waits.
    since: f64,
    /// Waited at this station.
    here: f64,
    visits: u32,
    /// Counts stations, so that old patience is told from new.
    stop: u32,
    place: Option<Place>,
    /// What is left of an interrupted service.
    left: Option<f64>,
    inside: bool,
}

#[derive(Default)]
struct Server {
    job: Vec<usize>,
    number: u32,
    ends: f64,
    down: bool,
    left: Option<f64>,
}

struct Floor {
    queue: BTreeMap<Place, usize>,
    servers: Vec<Server>,
    room: f64,
    open: bool,
    /// The next of the week's openings and closings, and in which week.
    gate: (usize, i64),
    cell: Cell,
    /// Sums over time of those who wait and of busy servers, since the last gauge, and up to when.
    waiting: f64,
    working: f64,
    upto: f64,
}

impl Floor {
    fn busy(&self) -> usize {
        self.servers.iter().filter(|s| !s.job.is_empty() && !s.down).count()
    }

    fn down(&self) -> usize {
        self.servers.iter().filter(|s| s.down).count()
    }

    fn idle(&self) -> Option<usize> {
        self.servers.iter().position(|s| s.job.is_empty() && !s.down)
    }

    /// Sums up to now.
    fn sum(&mut self, t: f64) {
        self.waiting += self.queue.len() as f64 * (t - self.upto);
        self.working += self.busy() as f64 * (t - self.upto);
        self.upto = t;
    }
}

/// One run.
pub(super) struct Engine<'a> {
    ready: &'a Ready,
    rows: &'a mut Rows,
    frame: Vec<Value>,
    base: Option<i64>,
    until: f64,
    t: f64,
    heap: BinaryHeap<Reverse<Planned>>,
    planned: u64,
    entities: Vec<Entity>,
    floors: Vec<Floor>,
    sources: Vec<Coming<'a>>,
    draining: bool,
    inside: usize,
    tick: f64,
    ticks: f64,
}

/// A source under way.
struct Coming<'a> {
    cell: Cell,
    rate: Option<Intensity<'a>>,
    left: f64,
    /// How often no time passed between two.
    still: u32,
}

impl<'a> Engine<'a> {
    pub(super) fn new(ready: &'a Ready, cell: &Cell, inputs: &[Value], rows: &'a mut Rows) -> Result<Engine<'a>> {
        let mut frame = Scope::frame(OWN.len(), inputs);
        frame[0] = Value::Number(0.0);
        let base = ready.clock.base(&frame)?;
        let mut own = cell.part(0);
        let until = ready.until.number(&frame, &mut own)?;
        let tick = ready.tick.as_ref().map_or(Ok(0.0), |t| t.number(&frame, &mut own))?;
        if ready.tick.is_some() && (tick <= 0.0 || tick.is_nan()) {
            return Err(setting("clock", "must be above 0"));
        }
        let mut sources = Vec::new();
        for (k, source) in ready.sources.iter().enumerate() {
            let mut cell = cell.part(1 + 2 * k as u64);
            let rate = match &source.when {
                When::Every(_) => None,
                When::Rate(rated) => Some(rated.begin(&frame, base, ready.clock.unit, &mut cell)?),
            };
            let left = source.most.as_ref().map_or(Ok(f64::INFINITY), |m| m.number(&frame, &mut cell))?;
            sources.push(Coming { cell, rate, left, still: 0 });
        }
        let mut floors = Vec::new();
        for (k, desk) in ready.stations.iter().enumerate() {
            let mut cell = cell.part(2 + 2 * k as u64);
            let servers = desk.servers.number(&frame, &mut cell)?;
            if !(1.0..=1e6).contains(&servers) {
                let what = format!("came to {servers}; it must be a whole number from 1 to 1000000");
                return Err(setting(&format!("{}.servers", desk.key), &what));
            }
            let room = desk.room.as_ref().map_or(Ok(f64::INFINITY), |r| r.number(&frame, &mut cell))?;
            floors.push(Floor {
                queue: BTreeMap::new(),
                servers: (0..servers.round() as usize).map(|_| Server::default()).collect(),
                room,
                open: true,
                gate: (0, 0),
                cell,
                waiting: 0.0,
                working: 0.0,
                upto: 0.0,
            });
        }
        Ok(Engine {
            ready,
            rows,
            frame,
            base,
            until,
            t: 0.0,
            heap: BinaryHeap::new(),
            planned: 0,
            entities: Vec::new(),
            floors,
            sources,
            draining: false,
            inside: 0,
            tick,
            ticks: 0.0,
        })
    }

    fn plan(&mut self, t: f64, event: Event) {
        self.heap.push(Reverse(Planned { t, number: self.planned, event }));
        self.planned += 1;
    }

    pub(super) fn run(mut self) -> Result<()> {
        for k in 0..self.sources.len() {
            self.first(k)?;
        }
        for k in 0..self.floors.len() {
            self.begin(k)?;
        }
        if self.tick > 0.0 {
            self.plan(self.tick, Event::Tick);
        }
        if self.ready.drain {
            self.plan(self.until, Event::Drain);
        }
        let mut events = 0u64;
        while let Some(Reverse(next)) = self.heap.pop() {
            if (!self.ready.drain && next.t > self.until) || (self.draining && self.inside == 0) {
                break;
            }
            events += 1;
            if events.max(self.entities.len() as u64) > self.ready.most {
                let what =
                    format!("({}) was reached at time {}; raise it, or make the run shorter", self.ready.most, self.t);
                return Err(setting("most", &what));
            }
            self.t = next.t;
            self.happen(next.event)?;
        }
        self.t = if self.ready.drain { self.t } else { self.until };
        self.rest();
        Ok(())
    }

    fn happen(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Arrive(source) => self.arrive(source),
            Event::End(station, server, number) => {
                if self.floors[station].servers[server].number == number {
                    self.end(station, server)
                } else {
                    Ok(())
                }
            }
            Event::GiveUp(entity, stop) => {
                self.give_up(entity, stop);
                Ok(())
            }
            Event::Fail(station, server) => self.fail(station, server),
            Event::Repair(station, server) => self.repair(station, server),
            Event::Gate(station) => self.gate(station),
            Event::Tick => {
                self.gauges();
                self.ticks += 1.0;
                self.plan((self.ticks + 1.0) * self.tick, Event::Tick);
                Ok(())
            }
            Event::Drain => {
                self.draining = true;
                (0..self.floors.len()).try_for_each(|k| self.serve(k))
            }
        }
    }

    /// What expressions may name, of an entity.
    fn look(&mut self, entity: usize) {
        let e = &self.entities[entity];
        self.frame[0] = Value::Number(self.t);
        self.frame[1] = Value::Text(self.ready.sources[e.source].name.clone());
        self.frame[2] = Value::Number(e.priority);
        self.frame[3] = Value::Number(e.waited + e.here);
        self.frame[4] = Value::Number(f64::from(e.visits));
    }

    fn desk(&self, station: usize) -> &'a Desk {
        &self.ready.stations[station]
    }

    /// A length of time that a station draws.
    fn length(&mut self, draw: &Draw, key: &str, station: usize) -> Result<f64> {
        draw.length(key, &self.frame, &mut self.floors[station].cell)
    }

    /// Begins a station: its hours and its failures.
    fn begin(&mut self, station: usize) -> Result<()> {
        let desk = self.desk(station);
        if !desk.open.is_empty() {
            let now = (self.base.unwrap_or(MONDAY) - MONDAY).rem_euclid(WEEK);
            // Openings have even numbers, closings odd ones.
            let bounds = bounds(desk);
            let next = bounds.iter().position(|b| *b > now);
            let floor = &mut self.floors[station];
            floor.open = next.unwrap_or(0) % 2 == 1;
            floor.gate = next.map_or((0, 1), |k| (k, 0));
            self.plan_gate(station);
        }
        if let Some((after, _)) = &desk.fails {
            for server in 0..self.floors[station].servers.len() {
                let after = self.length(after, &format!("{}.fails.after", desk.key), station)?;
                self.plan(after, Event::Fail(station, server));
            }
        }
        Ok(())
    }

    fn plan_gate(&mut self, station: usize) {
        let now = (self.base.unwrap_or(MONDAY) - MONDAY).rem_euclid(WEEK);
        let (at, week) = self.floors[station].gate;
        let micros = week * WEEK + bounds(self.desk(station))[at] - now;
        self.plan(micros as f64 / self.ready.clock.unit, Event::Gate(station));
    }

    fn gate(&mut self, station: usize) -> Result<()> {
        let count = 2 * self.desk(station).open.len();
        let floor = &mut self.floors[station];
        floor.open = floor.gate.0.is_multiple_of(2);
        floor.gate = if floor.gate.0 + 1 == count { (0, floor.gate.1 + 1) } else { (floor.gate.0 + 1, floor.gate.1) };
        let open = floor.open;
        self.log(None, station, if open { "opens" } else { "closes" });
        self.plan_gate(station);
        self.serve(station)
    }

    /// Plans the first arrival of a source.
    fn first(&mut self, k: usize) -> Result<()> {
        let source: &Source = &self.ready.sources[k];
        match &source.first {
            Some(first) => {
                let t =
                    first.length(&format!("arrivals.{}.first", source.name), &self.frame, &mut self.sources[k].cell)?;
                self.plan_arrival(k, t);
                Ok(())
            }
            None => self.following(k),
        }
    }

    fn plan_arrival(&mut self, k: usize, t: f64) {
        if t <= self.until && self.sources[k].left >= 1.0 {
            self.sources[k].left -= 1.0;
            self.plan(t, Event::Arrive(k));
        }
    }

    /// Plans the next arrival of a source.
    fn following(&mut self, k: usize) -> Result<()> {
        let key = || format!("arrivals.{}.every", self.ready.sources[k].name);
        let coming = &mut self.sources[k];
        let t = match (&self.ready.sources[k].when, &mut coming.rate) {
            (When::Every(every), _) => {
                self.frame[0] = Value::Number(self.t);
                let gap = every.length(&key(), &self.frame, &mut coming.cell)?;
                coming.still = if gap > 0.0 { 0 } else { coming.still + 1 };
                if coming.still > 10_000 {
                    return Err(setting(&key(), "came to 0 again and again; time must go on"));
                }
                Some(self.t + gap)
            }
            (When::Rate(_), Some(rate)) => rate.next(self.t, self.until, &mut coming.cell)?,
            (When::Rate(_), None) => None,
        };
        if let Some(t) = t {
            self.plan_arrival(k, t);
        }
        Ok(())
    }

    fn arrive(&mut self, k: usize) -> Result<()> {
        let source: &Source = &self.ready.sources[k];
        self.frame[0] = Value::Number(self.t);
        self.frame[1] = Value::Text(source.name.clone());
        (self.frame[3], self.frame[4]) = (Value::Number(0.0), Value::Number(0.0));
        let cell = &mut self.sources[k].cell;
        let count = source.batch.number(&self.frame, cell)?;
        if !(0.0..=1e6).contains(&count) {
            let what = format!("came to {count}; it must be between 0 and 1000000");
            return Err(setting(&format!("arrivals.{}.batch", source.name), &what));
        }
        for _ in 0..count.round() as usize {
            let cell = &mut self.sources[k].cell;
            let priority = source.priority.number(&self.frame, cell)?;
            self.frame[2] = Value::Number(priority);
            let to = source.to.choose(&format!("arrivals.{}.to", source.name), &self.frame, cell)?;
            let entity = self.entities.len();
            self.entities.push(Entity {
                source: k,
                priority,
                station: to.unwrap_or(0),
                arrive: self.t,
                start: None,
                waited: 0.0,
                since: self.t,
                here: 0.0,
                visits: 0,
                stop: 0,
                place: None,
                left: None,
                inside: true,
            });
            self.inside += 1;
            self.log(Some(entity), to.unwrap_or(0), "arrives");
            match to {
                Some(to) => self.join(entity, to)?,
                None => self.leave(entity),
            }
        }
        self.following(k)
    }

    /// An entity comes to a station.
    fn join(&mut self, entity: usize, mut station: usize) -> Result<()> {
        for hop in 0..=self.floors.len() {
            let t = self.t;
            let e = &mut self.entities[entity];
            (e.station, e.arrive, e.start, e.since, e.here, e.left) = (station, t, None, t, 0.0, None);
            e.stop += 1;
            let desk = self.desk(station);
            let floor = &self.floors[station];
            let at_once = floor.open && floor.queue.len() + 1 >= desk.batch && floor.idle().is_some();
            let pushes = desk.preempt && floor.open && self.weaker(station, self.entities[entity].priority).is_some();
            if (floor.queue.len() as f64) < floor.room || at_once || pushes {
                break;
            }
            match desk.overflow {
                Some(next) if hop < self.floors.len() => station = next,
                _ => {
                    self.log(Some(entity), station, "turned_away");
                    self.visit(entity, None, "turned_away");
                    self.leave(entity);
                    return Ok(());
                }
            }
        }
        let desk = self.desk(station);
        self.floors[station].sum(self.t);
        let number = self.planned;
        self.planned += 1;
        let priority = self.entities[entity].priority;
        let place = match desk.discipline {
            Discipline::Fifo => (0, number),
            Discipline::Lifo => (0, u64::MAX - number),
            Discipline::Priority => (ordered(-priority), number),
        };
        self.entities[entity].place = Some(place);
        self.floors[station].queue.insert(place, entity);
        self.log(Some(entity), station, "waits");
        if let Some(patience) = &desk.patience {
            self.look(entity);
            let patience = self.length(patience, &format!("{}.patience", desk.key), station)?;
            self.plan(self.t + patience, Event::GiveUp(entity, self.entities[entity].stop));
        }
        let pushes = desk.preempt && self.floors[station].open && self.floors[station].idle().is_none();
        if let Some(server) = pushes.then(|| self.weaker(station, priority)).flatten() {
            self.interrupt(station, server);
        }
        self.serve(station)
    }

    /// The server with the least priority, if that is below this.
    fn weaker(&self, station: usize, priority: f64) -> Option<usize> {
        let servers = self.floors[station].servers.iter().enumerate();
        let working = servers.filter(|(_, s)| !s.job.is_empty() && !s.down);
        let least = working.map(|(k, s)| (self.entities[s.job[0]].priority, k)).min_by(|a, b| a.0.total_cmp(&b.0));
        least.filter(|l| l.0 < priority).map(|l| l.1)
    }

    /// Puts back who is served.
    fn interrupt(&mut self, station: usize, server: usize) {
        let t = self.t;
        self.floors[station].sum(t);
        let server = &mut self.floors[station].servers[server];
        server.number += 1;
        let left = (server.ends - t).max(0.0);
        for entity in std::mem::take(&mut server.job) {
            let e = &mut self.entities[entity];
            (e.left, e.since) = (Some(left), t);
            // Its old place: before those of its priority who came later.
            let place = *e.place.get_or_insert((ordered(-e.priority), 0));
            self.floors[station].queue.insert(place, entity);
            self.log(Some(entity), station, "interrupted");
        }
    }

    /// Begins all services that can begin.
    fn serve(&mut self, station: usize) -> Result<()> {
        let desk = self.desk(station);
        loop {
            let floor = &mut self.floors[station];
            let enough = floor.queue.len() >= desk.batch || (self.draining && !floor.queue.is_empty());
            let Some(server) = floor.idle().filter(|_| floor.open && enough) else { return Ok(()) };
            floor.sum(self.t);
            let mut job = Vec::with_capacity(desk.batch);
            while job.len() < desk.batch {
                let Some((_, entity)) = floor.queue.pop_first() else { break };
                job.push(entity);
            }
            self.look(job[0]);
            let length = match self.entities[job[0]].left.take() {
                Some(left) => left,
                None => self.length(&desk.service, &format!("{}.service", desk.key), station)?,
            };
            for entity in &job {
                let e = &mut self.entities[*entity];
                e.here += self.t - e.since;
                e.start.get_or_insert(self.t);
                // Who is served has no patience left to lose.
                e.stop += 1;
            }
            let s = &mut self.floors[station].servers[server];
            s.number += 1;
            s.ends = self.t + length;
            s.job.clone_from(&job);
            let (ends, number) = (s.ends, s.number);
            self.plan(ends, Event::End(station, server, number));
            for entity in job {
                self.log(Some(entity), station, "starts");
            }
        }
    }

    fn end(&mut self, station: usize, server: usize) -> Result<()> {
        self.floors[station].sum(self.t);
        let job = std::mem::take(&mut self.floors[station].servers[server].job);
        let desk = self.desk(station);
        for entity in job {
            self.log(Some(entity), station, "ends");
            self.visit(entity, Some(self.t), "served");
            let e = &mut self.entities[entity];
            e.visits += 1;
            e.waited += e.here;
            (e.here, e.place) = (0.0, None);
            let next = match &desk.next {
                None => None,
                Some(next) => {
                    self.look(entity);
                    let to = next.choose(&format!("{}.next", desk.key), &self.frame, &mut self.floors[station].cell)?;
                    to.filter(|to| *to < self.floors.len())
                }
            };
            match next {
                Some(to) => self.join(entity, to)?,
                None => self.leave(entity),
            }
        }
        self.serve(station)
    }

    fn give_up(&mut self, entity: usize, stop: u32) {
        let e = &self.entities[entity];
        let (station, Some(place)) = (e.station, e.place) else { return };
        if e.stop != stop || !e.inside {
            return;
        }
        self.floors[station].sum(self.t);
        self.floors[station].queue.remove(&place);
        let e = &mut self.entities[entity];
        e.here += self.t - e.since;
        self.log(Some(entity), station, "gives_up");
        self.visit(entity, Some(self.t), "gave_up");
        self.leave(entity);
    }

    fn leave(&mut self, entity: usize) {
        self.entities[entity].inside = false;
        self.inside -= 1;
        self.log(Some(entity), self.entities[entity].station, "leaves");
    }

    fn fail(&mut self, station: usize, server: usize) -> Result<()> {
        self.floors[station].sum(self.t);
        let t = self.t;
        let s = &mut self.floors[station].servers[server];
        s.down = true;
        if !s.job.is_empty() {
            s.left = Some((s.ends - t).max(0.0));
            s.number += 1;
        }
        let on = s.job.first().copied();
        self.log(on, station, "fails");
        let desk = self.desk(station);
        let Some((_, repair)) = &desk.fails else { return Ok(()) };
        self.frame[0] = Value::Number(t);
        let repair = self.length(repair, &format!("{}.fails.repair", desk.key), station)?;
        self.plan(t + repair, Event::Repair(station, server));
        Ok(())
    }

    fn repair(&mut self, station: usize, server: usize) -> Result<()> {
        self.floors[station].sum(self.t);
        let t = self.t;
        let s = &mut self.floors[station].servers[server];
        s.down = false;
        let on = s.job.first().copied();
        if let Some(left) = s.left.take() {
            s.ends = t + left;
            let (ends, number) = (s.ends, s.number);
            self.plan(ends, Event::End(station, server, number));
        }
        self.log(on, station, "repaired");
        let desk = self.desk(station);
        if let Some((after, _)) = &desk.fails {
            self.frame[0] = Value::Number(t);
            let after = self.length(after, &format!("{}.fails.after", desk.key), station)?;
            self.plan(t + after, Event::Fail(station, server));
        }
        self.serve(station)
    }
}

/// Openings and closings of a week, in turn.
fn bounds(desk: &Desk) -> Vec<i64> {
    desk.open.iter().flat_map(|w| [w.0, w.1]).collect()
}

/// A number whose order as an integer is that of the decimal.
fn ordered(x: f64) -> i64 {
    let bits = x.to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}
