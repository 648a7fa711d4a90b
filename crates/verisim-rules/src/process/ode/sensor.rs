//! Sensors: from a quantity to a column, with all that a real sensor does to it; and what breaks.

use serde::Deserialize;

use rand_distr::{Distribution, StandardNormal};

use super::super::clock::setting;
use super::super::formula::Formula;
use super::super::number::{Draw, Number, Said};
use super::super::rows::Rows;
use super::super::scalar::{Scope, Value};
use super::super::ways::named;
use super::Ready;
use super::solve::Switch;
use crate::cell::Cell;
use crate::error::Result;

/// A measured column. In this order: gain, bias, drift, noise, faults, limits, steps, drop-outs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// What is measured: an expression over states, parameters, lets and `t`.
    pub of: Said,
    /// Standard deviation of normal noise, a number or an expression; or a distribution that the noise is drawn from.
    #[serde(default)]
    pub noise: Option<Number>,
    /// What it is multiplied by, made once a run \[1\].
    #[serde(default)]
    pub gain: Option<Number>,
    /// What is added, made once a run \[0\].
    #[serde(default)]
    pub bias: Option<Number>,
    /// What the bias grows by in a unit of time, made once a run \[0\].
    #[serde(default)]
    pub drift: Option<Number>,
    /// The bias walks at random: standard deviation after a unit of time, made once a run \[0\].
    #[serde(default)]
    pub wander: Option<Number>,
    /// It shows nothing below this.
    #[serde(default)]
    pub least: Option<f64>,
    /// It shows nothing above this.
    #[serde(default)]
    pub greatest: Option<f64>,
    /// It shows multiples of this alone.
    #[serde(default)]
    pub step: Option<f64>,
    /// The chance that a value is missing \[0\].
    #[serde(default)]
    pub drop: f64,
    /// How many values are missing in a row then, in the mean \[1\].
    #[serde(default = "one")]
    pub drop_length: f64,
}

fn one() -> f64 {
    1.0
}

/// What breaks, when and how.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which measured column, or which parameter.
    pub on: String,
    /// How it breaks.
    pub kind: FaultKind,
    /// From when on.
    pub from: Number,
    /// For how long \[to the end\].
    #[serde(default)]
    pub lasts: Option<Number>,
    /// How much: of what is said for each kind.
    #[serde(default)]
    pub size: Option<Number>,
    /// How likely a run has it \[1\].
    #[serde(default = "one")]
    pub chance: f64,
}

/// How something breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// It shows the value of the beginning.
    Stuck,
    /// `size` is added. Of a parameter too.
    Offset,
    /// It is multiplied by `size`. Of a parameter too.
    Scale,
    /// `size` a unit of time is added.
    Drift,
    /// Normal noise with standard deviation `size` is added.
    Noise,
    /// Now and then `size` is added or taken away: one value in five.
    Spikes,
    /// Values are missing.
    Dropout,
}

/// What a fault does while it lasts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// To a measured column, by its number.
    Column(usize),
    /// To a parameter, by its place.
    Parameter(usize),
}

/// A sensor that is ready.
pub(super) struct Sensor {
    key: String,
    of: Formula,
    noise: Noise,
    gain: Draw,
    bias: Draw,
    drift: Draw,
    wander: Draw,
    least: f64,
    greatest: f64,
    step: f64,
    drop: f64,
    drop_length: f64,
}

enum Noise {
    None,
    Sd(Formula),
    Drawn(Draw),
}

/// A fault that is ready.
pub(super) struct Broken {
    name: String,
    on: Change,
    kind: FaultKind,
    from: Draw,
    lasts: Option<Draw>,
    size: Draw,
    chance: f64,
}

impl Measure {
    pub(super) fn ready(&self, name: &str, scope: &mut Scope) -> Result<Sensor> {
        let key = format!("measures.{name}");
        let sub = |part: &str| format!("{key}.{part}");
        let of = scope.formula(&sub("of"), &self.of.0)?;
        let noise = match &self.noise {
            None => Noise::None,
            Some(Number::Fixed(x)) if *x == 0.0 => Noise::None,
            Some(Number::Fixed(x)) if *x > 0.0 && x.is_finite() => Noise::Sd(Formula::Fixed(*x)),
            Some(Number::Fixed(_)) => return Err(setting(&sub("noise"), "must be 0 or more")),
            Some(Number::Said(text)) => Noise::Sd(scope.formula(&sub("noise"), text)?),
            Some(drawn) => Noise::Drawn(Draw::new(drawn, &sub("noise"), scope)?),
        };
        let mut number = |part: &str, number: &Option<Number>, else_: f64| match number {
            None => Ok(Draw::Fixed(else_)),
            Some(number) => Draw::new(number, &sub(part), scope),
        };
        let gain = number("gain", &self.gain, 1.0)?;
        let bias = number("bias", &self.bias, 0.0)?;
        let drift = number("drift", &self.drift, 0.0)?;
        let wander = number("wander", &self.wander, 0.0)?;
        let least = self.least.unwrap_or(f64::NEG_INFINITY);
        let greatest = self.greatest.unwrap_or(f64::INFINITY);
        if least.is_nan() || greatest.is_nan() || least > greatest {
            return Err(setting(&sub("least"), "must not be above `greatest`"));
        }
        if self.step.is_some_and(|s| !(s > 0.0 && s.is_finite())) {
            return Err(setting(&sub("step"), "must be above 0"));
        }
        if !(0.0..=1.0).contains(&self.drop) {
            return Err(setting(&sub("drop"), "must be between 0 and 1"));
        }
        if self.drop_length < 1.0 || self.drop_length.is_nan() {
            return Err(setting(&sub("drop_length"), "must be 1 or more"));
        }
        Ok(Sensor {
            key,
            of,
            noise,
            gain,
            bias,
            drift,
            wander,
            least,
            greatest,
            step: self.step.unwrap_or(0.0),
            drop: self.drop,
            drop_length: self.drop_length,
        })
    }
}

impl Fault {
    pub(super) fn ready(
        &self,
        name: &str,
        measures: &[String],
        parameters: &[String],
        first_parameter: usize,
        scope: &mut Scope,
    ) -> Result<Broken> {
        let key = format!("faults.{name}");
        let sub = |part: &str| format!("{key}.{part}");
        let on = match measures.iter().position(|m| *m == self.on) {
            Some(k) => Change::Column(k),
            None => {
                let both = [measures, parameters].concat();
                named(&both, "measure or parameter", &self.on).map_err(|what| setting(&sub("on"), &what))?;
                let at = parameters.iter().position(|p| *p == self.on).unwrap_or(0);
                Change::Parameter(first_parameter + at)
            }
        };
        if matches!(on, Change::Parameter(_)) && !matches!(self.kind, FaultKind::Offset | FaultKind::Scale) {
            return Err(setting(&sub("kind"), "of a parameter must be offset or scale"));
        }
        let sized = !matches!(self.kind, FaultKind::Stuck | FaultKind::Dropout);
        let size = match &self.size {
            Some(_) if !sized => return Err(setting(&sub("size"), "means nothing for stuck and dropout")),
            None if sized => return Err(setting(&sub("size"), "must be given: how much")),
            None => Draw::Fixed(0.0),
            Some(size) => Draw::new(size, &sub("size"), scope)?,
        };
        if !(0.0..=1.0).contains(&self.chance) {
            return Err(setting(&sub("chance"), "must be between 0 and 1"));
        }
        let from = Draw::new(&self.from, &sub("from"), scope)?;
        let lasts = self.lasts.as_ref().map(|l| Draw::new(l, &sub("lasts"), scope)).transpose()?;
        Ok(Broken { name: name.to_owned(), on, kind: self.kind, from, lasts, size, chance: self.chance })
    }
}

/// A sensor within one run.
struct Reading {
    cell: Cell,
    gain: f64,
    bias: f64,
    drift: f64,
    wander: f64,
    last: f64,
    /// Values that are still missing.
    missing: f64,
}

/// A fault within one run.
struct Lasting {
    from: f64,
    to: f64,
    size: f64,
    cell: Cell,
    /// What a stuck sensor shows.
    held: Option<f64>,
}

/// Writes rows of one run.
pub(super) struct Written<'a> {
    ready: &'a Ready,
    rows: &'a mut Rows,
    frame: Vec<Value>,
    base: Option<i64>,
    readings: Vec<Reading>,
    faults: Vec<Option<Lasting>>,
}

impl<'a> Written<'a> {
    pub(super) fn new(
        ready: &'a Ready,
        cell: &Cell,
        frame: &[Value],
        base: Option<i64>,
        rows: &'a mut Rows,
    ) -> Result<Written<'a>> {
        let mut readings = Vec::new();
        for (k, sensor) in ready.sensors.iter().enumerate() {
            let mut cell = cell.part(16 + 2 * k as u64);
            readings.push(Reading {
                gain: sensor.gain.number(frame, &mut cell)?,
                bias: sensor.bias.number(frame, &mut cell)?,
                drift: sensor.drift.number(frame, &mut cell)?,
                wander: sensor.wander.length(&format!("{}.wander", sensor.key), frame, &mut cell)?,
                cell,
                last: 0.0,
                missing: 0.0,
            });
        }
        let mut faults = Vec::new();
        for (k, broken) in ready.faults.iter().enumerate() {
            let mut cell = cell.part(17 + 2 * k as u64);
            // All is drawn whether it breaks or not, so that a chance changes nothing else.
            let breaks = cell.uniform() < broken.chance;
            let from = broken.from.number(frame, &mut cell)?;
            let key = format!("faults.{}.lasts", broken.name);
            let lasts = broken.lasts.as_ref().map_or(Ok(f64::INFINITY), |l| l.length(&key, frame, &mut cell))?;
            let size = broken.size.number(frame, &mut cell)?;
            faults.push(breaks.then_some(Lasting { from, to: from + lasts, size, cell, held: None }));
        }
        Ok(Written { ready, rows, frame: frame.to_vec(), base, readings, faults })
    }

    /// Changes of parameters by faults, and back.
    pub(super) fn changes(&self) -> Vec<Switch> {
        let mut all = Vec::new();
        for (broken, lasting) in self.ready.faults.iter().zip(&self.faults) {
            if let (Change::Parameter(place), Some(lasting)) = (broken.on, lasting) {
                let by = if broken.kind == FaultKind::Scale { (lasting.size, 0.0) } else { (1.0, lasting.size) };
                all.push(Switch { from: lasting.from, to: lasting.to, place, by });
            }
        }
        all
    }

    /// Writes a row of the values by place.
    pub(super) fn row(&mut self, t: f64, plain: &[f64], events: &[usize]) -> Result<()> {
        self.ready.clock.push(self.rows, 0, self.base, Some(t));
        let mut column = 1;
        for at in &self.ready.shown {
            self.rows.number(column, Some(plain[*at]));
            column += 1;
        }
        for k in 0..self.readings.len() {
            let value = self.measure(k, t, plain)?;
            self.rows.number(column, value);
            column += 1;
        }
        if !self.faults.is_empty() {
            let active =
                self.ready.faults.iter().zip(&self.faults).filter(|f| f.1.as_ref().is_some_and(|l| l.lasts(t)));
            let names: Vec<&str> = active.map(|f| f.0.name.as_str()).collect();
            self.rows.text(column, (!names.is_empty()).then(|| names.join("+")).as_deref());
            column += 1;
        }
        if !self.ready.system.events.is_empty() {
            let names: Vec<&str> = events.iter().map(|e| self.ready.system.events[*e].name.as_str()).collect();
            self.rows.text(column, (!names.is_empty()).then(|| names.join("+")).as_deref());
        }
        self.rows.end();
        Ok(())
    }

    fn measure(&mut self, k: usize, t: f64, plain: &[f64]) -> Result<Option<f64>> {
        let (sensor, reading) = (&self.ready.sensors[k], &mut self.readings[k]);
        let normal = |cell: &mut Cell| -> f64 { StandardNormal.sample(cell) };
        if reading.wander > 0.0 {
            reading.bias += reading.wander * (t - reading.last).max(0.0).sqrt() * normal(&mut reading.cell);
        }
        reading.last = t;
        let mut x = reading.gain * sensor.of.value(plain) + reading.bias + reading.drift * t;
        match &sensor.noise {
            Noise::None => {}
            Noise::Sd(sd) => x += sd.value(plain) * normal(&mut reading.cell),
            Noise::Drawn(draw) => {
                for (value, x) in self.frame.iter_mut().zip(&plain[..self.ready.own]) {
                    *value = Value::Number(*x);
                }
                x += draw.number(&self.frame, &mut reading.cell)?;
            }
        }
        let mut dropped = false;
        for (broken, lasting) in self.ready.faults.iter().zip(&mut self.faults) {
            let Some(lasting) = lasting.as_mut().filter(|l| broken.on == Change::Column(k) && l.lasts(t)) else {
                continue;
            };
            match broken.kind {
                FaultKind::Stuck => x = *lasting.held.get_or_insert(x),
                FaultKind::Offset => x += lasting.size,
                FaultKind::Scale => x *= lasting.size,
                FaultKind::Drift => x += lasting.size * (t - lasting.from),
                FaultKind::Noise => x += lasting.size * normal(&mut lasting.cell),
                FaultKind::Spikes => {
                    let u = lasting.cell.uniform();
                    if u < 0.2 {
                        x += if u < 0.1 { lasting.size } else { -lasting.size };
                    }
                }
                FaultKind::Dropout => dropped = true,
            }
        }
        x = x.clamp(sensor.least, sensor.greatest);
        if sensor.step > 0.0 {
            x = (x / sensor.step).round() * sensor.step;
        }
        if sensor.drop > 0.0 {
            if reading.missing < 1.0 && reading.cell.uniform() < sensor.drop {
                // Geometric, so that the mean is the length.
                let more = 1.0 - 1.0 / sensor.drop_length;
                reading.missing =
                    1.0 + if more > 0.0 { ((1.0 - reading.cell.uniform()).ln() / more.ln()).floor() } else { 0.0 };
            }
            if reading.missing >= 1.0 {
                reading.missing -= 1.0;
                dropped = true;
            }
        }
        Ok((!dropped).then_some(x))
    }
}

impl Lasting {
    fn lasts(&self, t: f64) -> bool {
        self.from <= t && t < self.to
    }
}
