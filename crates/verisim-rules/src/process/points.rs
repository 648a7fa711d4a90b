//! Points in time: Poisson processes with a rate that may change, those that excite themselves (Hawkes), and renewals.
//!
//! A rate that changes is thinned (Lewis and Shedler 1979, "Simulation of nonhomogeneous Poisson processes by thinning"); excitement too
//! (Ogata 1981, "On Lewis' simulation method for point processes").

use arrow_schema::DataType;
use serde::Deserialize;

use super::clock::{Clock, Moment, Span, setting};
use super::formula::Formula;
use super::machine::second;
use super::number::{Draw, Number};
use super::rows::Rows;
use super::scalar::{Scope, Value};
use super::ways::made;
use super::{Plan, Run};
use crate::cell::Cell;
use crate::error::Result;

/// Points in time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Points {
    /// When a run starts: a date or time, or an expression over the parent row. Without it times are plain numbers.
    #[serde(default)]
    pub start: Option<Moment>,
    /// One unit of time \[1s\].
    #[serde(default = "second")]
    pub unit: Span,
    /// There are no points from this time on.
    pub until: Number,
    /// Points a unit of time: a number, or an expression that may name the time `t`.
    #[serde(default)]
    pub rate: Option<Number>,
    /// The rate is never above this. It must be given where the rate names `t`; that it holds is checked at each try.
    #[serde(default)]
    pub bound: Option<Number>,
    /// What the rate is multiplied by in each hour of a day, 24 numbers. Without `start` a run begins at midnight.
    #[serde(default)]
    pub hours: Option<Vec<f64>>,
    /// What the rate is multiplied by from Monday to Sunday. Without `start` a run begins on a Monday.
    #[serde(default)]
    pub weekdays: Option<Vec<f64>>,
    /// Each point makes further points likelier for a while.
    #[serde(default)]
    pub excite: Option<Excite>,
    /// The time between points, instead of a rate: a renewal process.
    #[serde(default)]
    pub every: Option<Number>,
    /// Points of one run beyond which it is an error \[1000000\].
    #[serde(default = "most")]
    pub most: u64,
}

fn most() -> u64 {
    1_000_000
}

/// How points excite further ones: after a point, the rate is higher by `children / decay * exp(-age / decay)`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Excite {
    /// Points that each point causes directly, in the mean: the branching ratio, below 1.
    pub children: f64,
    /// How long that lasts, in the mean.
    pub decay: Number,
}

/// Tries at one point before it is said that the bound is too high.
const TRIES: u32 = 100_000_000;

/// Monday, 1970-01-05, in microseconds: where weeks are counted from.
const MONDAY: i64 = 4 * crate::expression::DAY;

struct Ready {
    clock: Clock,
    own: usize,
    until: Draw,
    kind: Kind,
    most: u64,
}

enum Kind {
    Renewal(Draw),
    /// A rate; children of a point, and how long they are awaited.
    Rate(Rated, Option<(f64, Draw)>),
}

/// A rate that is ready.
pub(super) struct Rated {
    rate: Rate,
    bound: Option<Draw>,
    hours: Option<Vec<f64>>,
    weekdays: Option<Vec<f64>>,
    /// Where its keys stand, for messages.
    prefix: String,
}

enum Rate {
    Drawn(Draw),
    Formula(Formula),
}

impl Rated {
    /// Makes a rate ready. `prefix` stands before its keys in messages; `t` is the scope's first name.
    ///
    /// # Errors
    /// Names the key that is wrong.
    pub(super) fn new(
        prefix: &str,
        rate: &Number,
        bound: Option<&Number>,
        profiles: (Option<&Vec<f64>>, Option<&Vec<f64>>),
        scope: &mut Scope,
    ) -> Result<Rated> {
        let key = |part: &str| format!("{prefix}{part}");
        let mut changes = false;
        let rate = match rate {
            Number::Said(text) => {
                let formula = scope.formula(&key("rate"), text)?;
                let mut places = Vec::new();
                formula.places(&mut places);
                changes = places.contains(&0);
                Rate::Formula(formula)
            }
            number => Rate::Drawn(Draw::new(number, &key("rate"), scope)?),
        };
        if matches!(rate, Rate::Drawn(Draw::Fixed(x)) if x < 0.0) {
            return Err(setting(&key("rate"), "must not be below 0"));
        }
        if changes && bound.is_none() {
            return Err(setting(&key("bound"), "must be given where `rate` names `t`: the rate is never above it"));
        }
        let bound = bound.map(|b| Draw::new(b, &key("bound"), scope)).transpose()?;
        for (part, profile, count) in [("hours", profiles.0, 24), ("weekdays", profiles.1, 7)] {
            let wrong = |p: &Vec<f64>| p.len() != count || p.iter().any(|x| !(*x >= 0.0 && x.is_finite()));
            if profile.is_some_and(wrong) {
                return Err(setting(&key(part), &format!("must be {count} numbers of 0 or more")));
            }
        }
        let (hours, weekdays) = (profiles.0.cloned(), profiles.1.cloned());
        Ok(Rated { rate, bound, hours, weekdays, prefix: prefix.to_owned() })
    }

    /// The rate of one run that starts at `base`, in microseconds since 1970-01-01. `unit` is the microseconds of a unit of time.
    ///
    /// # Errors
    /// When it comes to what is no rate.
    pub(super) fn begin(
        &self,
        frame: &[Value],
        base: Option<i64>,
        unit: f64,
        cell: &mut Cell,
    ) -> Result<Intensity<'_>> {
        // Numbers for the formula. What is no number makes a rate that is none, which is said.
        let plain = frame.iter().map(|v| v.number().unwrap_or(f64::NAN)).collect();
        let fixed = match &self.rate {
            Rate::Drawn(draw) => draw.number(frame, cell)?,
            Rate::Formula(_) => f64::NAN,
        };
        let base = base.unwrap_or(MONDAY);
        let mut made = Intensity { rated: self, plain, fixed, bound: f64::INFINITY, most: 0.0, base, unit };
        made.bound = match &self.bound {
            Some(bound) => bound.number(frame, cell)?,
            None => made.plain_rate(0.0),
        };
        if !(made.bound >= 0.0 && made.bound.is_finite()) {
            let what = format!("came to {}; it must be a number of 0 or more, computed from numbers", made.bound);
            return Err(setting(&format!("{}rate", self.prefix), &what));
        }
        made.most = made.bound * greatest(self.hours.as_ref()) * greatest(self.weekdays.as_ref());
        Ok(made)
    }
}

/// A rate within one run.
pub(super) struct Intensity<'a> {
    rated: &'a Rated,
    plain: Vec<f64>,
    fixed: f64,
    bound: f64,
    /// It is never above this.
    most: f64,
    base: i64,
    unit: f64,
}

impl Intensity<'_> {
    fn plain_rate(&mut self, t: f64) -> f64 {
        match &self.rated.rate {
            Rate::Formula(f) => {
                self.plain[0] = t;
                f.value(&self.plain)
            }
            Rate::Drawn(_) => self.fixed,
        }
    }

    /// The rate at a time.
    fn now(&mut self, t: f64) -> Result<f64> {
        let now = self.plain_rate(t);
        if !(now >= 0.0 && now <= self.bound * (1.0 + 1e-9)) {
            let what = format!("({}) must be above the rate, which came to {now} at time {t}", self.bound);
            return Err(setting(&format!("{}bound", self.rated.prefix), &what));
        }
        let (hours, weekdays) = (self.rated.hours.as_deref(), self.rated.weekdays.as_deref());
        if hours.is_none() && weekdays.is_none() {
            return Ok(now);
        }
        Ok(now * profile(self.base.saturating_add((t * self.unit) as i64), hours, weekdays))
    }

    /// The next point of a Poisson process with this rate, if there is one before the end.
    ///
    /// # Errors
    /// When the rate is above its bound.
    pub(super) fn next(&mut self, mut t: f64, until: f64, cell: &mut Cell) -> Result<Option<f64>> {
        let mut tries = 0u32;
        while self.most > 0.0 {
            tries += 1;
            if tries > TRIES {
                return Err(setting(
                    &format!("{}bound", self.rated.prefix),
                    "is so far above the rate that nothing comes; lower it",
                ));
            }
            t -= (1.0 - cell.uniform()).ln() / self.most;
            if t >= until {
                break;
            }
            if cell.uniform() * self.most < self.now(t)? {
                return Ok(Some(t));
            }
        }
        Ok(None)
    }
}

impl Points {
    /// Checks the points and makes them ready.
    ///
    /// # Errors
    /// Names the key that is wrong.
    pub fn plan(&self) -> Result<Plan> {
        let mut scope = Scope::new(vec!["t".to_owned()], self.unit.micros);
        let clock = Clock::new(self.start.as_ref(), &mut scope)?;
        let until = Draw::new(&self.until, "until", &mut scope)?;
        if self.most == 0 {
            return Err(setting("most", "must be above 0"));
        }
        let kind = match (&self.rate, &self.every) {
            (None, Some(every)) => self.renewal(every, &mut scope)?,
            (Some(rate), None) => self.rated(rate, &mut scope)?,
            _ => return Err(setting("rate", "or `every` must be given, and not both")),
        };
        let mut columns = vec![("time".to_owned(), clock.kind()), ("gap".to_owned(), DataType::Float64)];
        if self.excite.is_some() {
            columns.push(("excited".to_owned(), DataType::Boolean));
        }
        let inputs = scope.inputs().to_vec();
        Plan::new(columns, &inputs, Ready { clock, own: 1, until, kind, most: self.most })
    }

    fn renewal(&self, every: &Number, scope: &mut Scope) -> Result<Kind> {
        let others = [
            ("bound", self.bound.is_some()),
            ("hours", self.hours.is_some()),
            ("weekdays", self.weekdays.is_some()),
            ("excite", self.excite.is_some()),
        ];
        if let Some((key, _)) = others.iter().find(|o| o.1) {
            return Err(setting(key, "goes with `rate`, not with `every`"));
        }
        let every = Draw::new(every, "every", scope)?;
        if every.fixed().is_some_and(|e| e <= 0.0) {
            return Err(setting("every", "must be above 0"));
        }
        Ok(Kind::Renewal(every))
    }

    fn rated(&self, rate: &Number, scope: &mut Scope) -> Result<Kind> {
        let profiles = (self.hours.as_ref(), self.weekdays.as_ref());
        let rated = Rated::new("", rate, self.bound.as_ref(), profiles, scope)?;
        let excite = match &self.excite {
            None => None,
            Some(excite) if !(0.0..1.0).contains(&excite.children) => {
                return Err(setting("excite.children", "must be 0 or more and below 1: from 1 on, points never end"));
            }
            Some(excite) => {
                let decay = Draw::new(&excite.decay, "excite.decay", scope)?;
                if decay.fixed().is_some_and(|d| d <= 0.0) {
                    return Err(setting("excite.decay", "must be above 0"));
                }
                Some((excite.children, decay))
            }
        };
        Ok(Kind::Rate(rated, excite))
    }
}

/// One run under way.
struct Going<'a> {
    ready: &'a Ready,
    base: Option<i64>,
    last: f64,
    count: u64,
}

impl Going<'_> {
    fn point(&mut self, t: f64, excited: Option<bool>, rows: &mut Rows) -> Result<()> {
        self.count += 1;
        if self.count > self.ready.most {
            return Err(setting(
                "most",
                &format!("({}) was reached at time {t}; raise it, or make points rarer", self.ready.most),
            ));
        }
        self.ready.clock.push(rows, 0, self.base, Some(t));
        rows.number(1, Some(t - self.last));
        if excited.is_some() {
            rows.yes(2, excited);
        }
        rows.end();
        self.last = t;
        Ok(())
    }
}

/// What a rate is multiplied by at a time.
fn profile(micros: i64, hours: Option<&[f64]>, weekdays: Option<&[f64]>) -> f64 {
    let since = micros - MONDAY;
    let day = since.div_euclid(crate::expression::DAY).rem_euclid(7) as usize;
    let hour = (since.rem_euclid(crate::expression::DAY) / 3_600_000_000) as usize;
    hours.map_or(1.0, |h| h[hour]) * weekdays.map_or(1.0, |w| w[day])
}

fn greatest(profile: Option<&Vec<f64>>) -> f64 {
    profile.map_or(1.0, |p| p.iter().copied().fold(0.0, f64::max))
}

impl Run for Ready {
    fn run(&self, cell: &Cell, inputs: &[Value], rows: &mut Rows) -> Result<()> {
        let mut cell = cell.clone();
        let mut frame = Scope::frame(self.own, inputs);
        frame[0] = Value::Number(0.0);
        let going = Going { ready: self, base: self.clock.base(&frame)?, last: 0.0, count: 0 };
        let until = self.until.number(&frame, &mut cell)?;
        match &self.kind {
            Kind::Renewal(every) => going.renew(every, until, &mut frame, &mut cell, rows),
            Kind::Rate(rated, excite) => going.excite(rated, excite.as_ref(), until, &frame, &mut cell, rows),
        }
    }
}

impl Going<'_> {
    fn renew(mut self, every: &Draw, until: f64, frame: &mut [Value], cell: &mut Cell, rows: &mut Rows) -> Result<()> {
        let (mut t, mut still) = (0.0, 0u64);
        loop {
            frame[0] = Value::Number(t);
            let gap = every.length("every", frame, cell)?;
            still = if gap > 0.0 { 0 } else { still + 1 };
            t += gap;
            if t >= until {
                return Ok(());
            }
            if still > 10_000 {
                return Err(setting("every", "came to 0 again and again; time must go on"));
            }
            self.point(t, None, rows)?;
        }
    }

    fn excite(
        mut self,
        rated: &Rated,
        excite: Option<&(f64, Draw)>,
        until: f64,
        frame: &[Value],
        cell: &mut Cell,
        rows: &mut Rows,
    ) -> Result<()> {
        let mut rate = rated.begin(frame, self.base, self.ready.clock.unit, cell)?;
        let decay = excite.map_or(Ok(1.0), |e| e.1.length("excite.decay", frame, cell))?;
        if decay <= 0.0 {
            return Err(setting("excite.decay", "must be above 0"));
        }
        let children = excite.map_or(0.0, |e| e.0);
        let (mut t, mut heat, mut tries) = (0.0, 0.0, 0u64);
        loop {
            // The excitement only falls until the next point, so what it is now bounds it.
            let ceiling = rate.most + heat;
            if ceiling <= 0.0 {
                return Ok(());
            }
            let gap = -(1.0 - cell.uniform()).ln() / ceiling;
            t += gap;
            if t >= until {
                return Ok(());
            }
            tries += 1;
            if tries > self.ready.most.saturating_mul(1_000) {
                return Err(made(
                    "bound",
                    "is so far above the rate that a thousand tries make a point; lower it".to_owned(),
                ));
            }
            heat *= (-gap / decay).exp();
            let now = rate.now(t)?;
            let u = cell.uniform() * ceiling;
            if u < now + heat {
                self.point(t, excite.is_some().then_some(u >= now), rows)?;
                heat += children / decay;
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::tests::{mean, plan, refused, repeats, run, run_with, variance};

    fn counts(text: &str, runs: u64) -> Vec<f64> {
        let plan = plan(text);
        (0..runs).map(|seed| run_with(&plan, seed, &[]).unwrap().rows() as f64).collect()
    }

    /// Counts of a Poisson process have their mean as their variance, and gaps are exponential.
    #[test]
    fn a_poisson_process_has_dispersion_one() {
        let n = 4_000;
        let counts = counts("[points]\nuntil = 10\nrate = 2", n);
        let (m, v) = (mean(&counts), variance(&counts));
        assert!((m - 20.0).abs() < 4.0 * (20.0 / n as f64).sqrt(), "{m}");
        assert!((v / m - 1.0).abs() < 4.0 * (2.0 / n as f64).sqrt(), "{}", v / m);
        let made = run("[points]\nuntil = 20000\nrate = 2", 1);
        let gaps = made.numbers("gap");
        assert!((variance(&gaps).sqrt() / mean(&gaps) - 1.0).abs() < 0.02);
        let times = made.numbers("time");
        assert!(times.windows(2).zip(&gaps[1..]).all(|(w, g)| (w[1] - w[0] - g).abs() < 1e-9));
    }

    /// Points in each part of a period are the rate's integral over it.
    #[test]
    fn a_rate_in_time_is_met_in_each_part() {
        let text = "[points]\nuntil = 4\nrate = '3 + 2 * sin(pi * t / 2)'\nbound = 5";
        let plan = plan(text);
        let n = 4_000;
        let mut parts = [0.0; 4];
        for seed in 0..n {
            run_with(&plan, seed, &[]).unwrap().numbers("time").iter().for_each(|t| parts[*t as usize] += 1.0);
        }
        let integral = |a: f64, b: f64| {
            let k = std::f64::consts::FRAC_PI_2;
            3.0 * (b - a) - 2.0 / k * ((k * b).cos() - (k * a).cos())
        };
        for (k, part) in parts.iter().enumerate() {
            let expected = integral(k as f64, k as f64 + 1.0);
            let m = part / n as f64;
            assert!((m - expected).abs() < 4.0 * (expected / n as f64).sqrt(), "{k}: {m}, not {expected}");
        }
    }

    #[test]
    fn hours_and_weekdays_shape_the_rate() {
        // From Saturday noon on; nothing before 8 o'clock, and Sundays are rare.
        let text = "[points]\nstart = 2024-06-01T12:00:00\nunit = '1h'\nuntil = 16800\nrate = 2\n\
                    hours = [0,0,0,0,0,0,0,0,1,1,1,1,2,2,1,1,1,1,1,1,1,1,1,1]\nweekdays = [1,1,1,1,1,1,0.1]";
        let made = run(text, 3);
        let (mut hours, mut days) = ([0f64; 24], [0f64; 7]);
        for t in made.numbers("time") {
            hours[(t / 3_600e6) as usize % 24] += 1.0;
            days[((t / 86_400e6) as usize + 3) % 7] += 1.0;
        }
        assert_eq!(hours[..8].iter().sum::<f64>(), 0.0);
        assert!((hours[12] / hours[9] - 2.0).abs() < 0.25, "{hours:?}");
        assert!((days[6] / days[2] - 0.1).abs() < 0.04, "{days:?}");
    }

    /// The mean rate is mu / (1 - n), the share of excited points n, and counts over long windows are overdispersed by 1 / (1 - n)^2.
    #[test]
    fn hawkes_has_its_rate_and_its_branching_ratio() {
        let text = "[points]\nuntil = 2000\nrate = 0.5\nexcite = { children = 0.6, decay = 0.8 }";
        let plan = plan(text);
        let (mut counts, mut excited) = (Vec::new(), 0.0);
        for seed in 0..300 {
            let made = run_with(&plan, seed, &[]).unwrap();
            counts.push(made.rows() as f64);
            excited += made.numbers("excited").iter().sum::<f64>();
        }
        let all: f64 = counts.iter().sum();
        let expected = 0.5 / 0.4 * 2000.0;
        let sd = (expected / 0.16 / 300.0_f64).sqrt();
        assert!((mean(&counts) - expected).abs() < 4.0 * sd, "{}", mean(&counts));
        assert!((excited / all - 0.6).abs() < 0.006, "{}", excited / all);
        let dispersion = variance(&counts) / mean(&counts);
        assert!((dispersion - 6.25).abs() < 4.0 * 6.25 * (2.0 / 300.0_f64).sqrt(), "{dispersion}");
    }

    /// The renewal theorem: points a unit of time are one by the mean gap, and counts are dispersed as gaps are.
    #[test]
    fn renewals_come_at_the_mean_gap() {
        let counts = counts("[points]\nuntil = 1000\nevery = { gamma = [4, 0.5] }", 1_000);
        assert!((mean(&counts) - 500.0).abs() < 2.0, "{}", mean(&counts));
        let dispersion = variance(&counts) / mean(&counts);
        assert!((dispersion - 0.25).abs() < 0.25 * 4.0 * (2.0 / 1_000f64).sqrt() + 0.01, "{dispersion}");
    }

    #[test]
    fn runs_repeat() {
        repeats("[points]\nuntil = 50\nrate = 1\nexcite = { children = 0.5, decay = 1 }");
        repeats("[points]\nuntil = '50s'\nevery = { exponential = 1 }");
    }

    #[test]
    fn mistakes_are_named() {
        for (text, said) in [
            ("until = 1", "`rate` or `every`"),
            ("until = 1\nrate = 1\nevery = 1", "not both"),
            ("until = 1\nrate = 't'", "`bound` must be given"),
            ("until = 1\nrate = -1", "`rate` must not be below 0"),
            ("until = 1\nrate = 1\nexcite = { children = 1, decay = 1 }", "`excite.children`"),
            ("until = 1\nrate = 1\nexcite = { children = 0.1, decay = 0 }", "`excite.decay`"),
            ("until = 1\nrate = 1\nhours = [1, 2]", "`hours` must be 24 numbers"),
            ("until = 1\nevery = 1\nhours = [1, 2]", "`hours` goes with `rate`"),
            ("until = 1\nevery = 0", "`every` must be above 0"),
            ("rate = 1", "missing field `until`"),
        ] {
            let what = refused(&format!("[points]\n{text}\n"));
            assert!(what.contains(said), "{text}: {what}");
        }
        let error = |text: &str| run_with(&plan(text), 1, &[]).err().unwrap().to_string();
        assert!(
            error("[points]\nuntil = 10\nrate = '3 * t'\nbound = 5").contains("`bound` (5) must be above the rate")
        );
        assert!(error("[points]\nuntil = 10\nrate = 't - 5'\nbound = 5").contains("`bound`"));
        assert!(error("[points]\nuntil = 1e9\nrate = 5\nmost = 100").contains("`most` (100) was reached"));
        assert!(error("[points]\nuntil = 10\nevery = '0 * t'").contains("time must go on"));
    }
}
