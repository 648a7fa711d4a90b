//! What the engine writes: events, visits or gauges.

use super::super::Log;
use super::Engine;

impl Engine<'_> {
    pub(super) fn log(&mut self, entity: Option<usize>, station: usize, event: &str) {
        if self.ready.log != Log::Events {
            return;
        }
        let rows = &mut *self.rows;
        self.ready.clock.push(rows, 0, self.base, Some(self.t));
        rows.whole(1, entity.map(|e| e as i64));
        rows.text(2, entity.map(|e| &*self.ready.sources[self.entities[e].source].name));
        rows.text(3, Some(&self.ready.stations[station].name));
        rows.text(4, Some(event));
        rows.whole(5, Some(self.floors[station].queue.len() as i64));
        rows.whole(6, Some(self.floors[station].busy() as i64));
        rows.end();
    }

    /// Writes a visit of an entity at a station.
    pub(super) fn visit(&mut self, entity: usize, end: Option<f64>, outcome: &str) {
        if self.ready.log != Log::Entities {
            return;
        }
        let e = &self.entities[entity];
        let (rows, clock) = (&mut *self.rows, &self.ready.clock);
        rows.whole(0, Some(entity as i64));
        rows.text(1, Some(&self.ready.sources[e.source].name));
        rows.number(2, Some(e.priority));
        rows.text(3, Some(&self.ready.stations[e.station].name));
        clock.push(rows, 4, self.base, Some(e.arrive));
        clock.push(rows, 5, self.base, e.start);
        clock.push(rows, 6, self.base, end);
        rows.number(7, Some(e.here));
        // With interruptions and failures: all the time that it was not waiting.
        let service = e.start.zip(end).map(|(_, end)| end - e.arrive - e.here);
        rows.number(8, service);
        rows.text(9, Some(outcome));
        rows.end();
    }

    pub(super) fn gauges(&mut self) {
        for (floor, desk) in self.floors.iter_mut().zip(&self.ready.stations) {
            floor.sum(self.t);
            let rows = &mut *self.rows;
            self.ready.clock.push(rows, 0, self.base, Some(self.t));
            rows.text(1, Some(&desk.name));
            rows.whole(2, Some(floor.queue.len() as i64));
            rows.whole(3, Some(floor.busy() as i64));
            rows.whole(4, Some(floor.down() as i64));
            rows.number(5, Some(floor.waiting / self.tick));
            rows.number(6, Some(floor.working / self.tick / floor.servers.len() as f64));
            rows.end();
            (floor.waiting, floor.working) = (0.0, 0.0);
        }
    }

    /// Writes those who are still inside.
    pub(super) fn rest(&mut self) {
        for entity in 0..self.entities.len() {
            let e = &mut self.entities[entity];
            if e.inside {
                let waits = e.place.is_some_and(|p| self.floors[e.station].queue.contains_key(&p));
                if waits {
                    e.here += self.t - e.since;
                }
                self.visit(entity, None, if waits { "waiting" } else { "in_service" });
            }
        }
    }
}
