//! State machines: the way of a patient, a customer, an order through states, as in the modules of Synthea (Walonoski et al. 2018,
//! "Synthea: An approach, method, and software mechanism for generating synthetic patients").
//!
//! A state does what its keys say, in this order: it waits (`wait`), it takes time (`delay`), it sets attributes (`set`, `count`), it writes a
//! row (`emit`), it runs a sub-machine to its end (`call`), and it goes on (`next`). A state without `next` is the end.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow_schema::{DataType, TimeUnit};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use super::clock::{Clock, Moment, Span, setting};
use super::named::Named;
use super::number::{Draw, Drawn, Number};
use super::rows::Rows;
use super::scalar::{Scalar, Scope, Value};
use super::ways::{Next, Ways, made, named};
use super::{Plan, Run};
use crate::cell::Cell;
use crate::error::Result;

/// Sub-machines in sub-machines beyond this are an error: a machine that calls itself never ends.
const DEEPEST: usize = 64;
/// Looks at a condition that does not come to hold, before that is an error.
const LOOKS: usize = 1_000_000;

/// A state machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// When a run starts: a date or time, or an expression over the parent row. Without it times are plain numbers.
    #[serde(default)]
    pub start: Option<Moment>,
    /// One unit of time \[1s\].
    #[serde(default = "second")]
    pub unit: Span,
    /// Nothing happens after this time.
    #[serde(default)]
    pub until: Option<Number>,
    /// The state that a run begins in \[the first\].
    #[serde(default)]
    pub initial: Option<String>,
    /// Attributes, each with its value at the start. Expressions read columns of the parent row and attributes before it.
    #[serde(default)]
    pub attributes: Named<Assign>,
    /// Attributes that each row shows.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Of which kind attributes are whose first value does not tell: number, text, yes or time.
    #[serde(default)]
    pub kinds: BTreeMap<String, Kind>,
    /// The states.
    pub states: Named<State>,
    /// Sub-machines, which states call. They begin in their first state and share the attributes.
    #[serde(default)]
    pub machines: Named<Named<State>>,
    /// States of one run beyond which it is an error \[100000\].
    #[serde(default = "steps")]
    pub max_steps: u64,
}

pub(super) fn second() -> Span {
    Span::SECOND
}

fn steps() -> u64 {
    100_000
}

/// The kind of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A number.
    Number,
    /// A text.
    Text,
    /// Yes or no.
    Yes,
    /// A date or time.
    Time,
}

impl Kind {
    fn of(value: &Value) -> Option<Kind> {
        Some(match value {
            Value::Null => return None,
            Value::Yes(_) => Kind::Yes,
            Value::Number(_) => Kind::Number,
            Value::Text(_) => Kind::Text,
            Value::Time(_) => Kind::Time,
        })
    }

    fn arrow(self) -> DataType {
        match self {
            Kind::Number => DataType::Float64,
            Kind::Text => DataType::Utf8,
            Kind::Yes => DataType::Boolean,
            Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, None),
        }
    }
}

/// A state.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Waits until a condition holds.
    #[serde(default)]
    pub wait: Option<Wait>,
    /// Takes so long.
    #[serde(default)]
    pub delay: Option<Number>,
    /// Gives attributes values, in this order.
    #[serde(default)]
    pub set: Named<Assign>,
    /// Counts these attributes up by 1.
    #[serde(default)]
    pub count: Vec<String>,
    /// Writes a row with this as its event.
    #[serde(default)]
    pub emit: Option<String>,
    /// Runs a sub-machine to its end.
    #[serde(default)]
    pub call: Option<String>,
    /// Where it goes next; without it the machine ends here.
    #[serde(default)]
    pub next: Option<Next>,
}

/// What a state waits for: a condition, or a condition with bounds.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Wait {
    /// Until this holds.
    Until(String),
    /// Until this holds, or time is over.
    Bound(Waiting),
}

/// A condition that is waited for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// The condition.
    pub until: String,
    /// It waits so long at most.
    #[serde(default)]
    pub at_most: Option<Number>,
    /// The condition is looked at so often \[1 unit\].
    #[serde(default)]
    pub every: Option<Number>,
}

/// A value for an attribute: yes or no, a number, an expression as a text (a text stands in quotes of its own, `"'mild'"`), a
/// distribution, or `{ choose = { mild = 0.8, severe = 0.2 } }`.
#[derive(Clone, Debug, PartialEq)]
pub enum Assign {
    /// Yes or no.
    Yes(bool),
    /// A number that is fixed or drawn, or an expression of any value.
    Number(Number),
    /// A text by chance.
    Choose(BTreeMap<String, f64>),
}

impl<'de> Deserialize<'de> for Assign {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Assign, D::Error> {
        struct Reads;
        impl<'de> Visitor<'de> for Reads {
            type Value = Assign;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "yes or no, a number, an expression as a text, a distribution, or { choose = { a = 1, b = 2 } }",
                )
            }

            fn visit_bool<E: serde::de::Error>(self, yes: bool) -> Result<Assign, E> {
                Ok(Assign::Yes(yes))
            }

            fn visit_f64<E: serde::de::Error>(self, x: f64) -> Result<Assign, E> {
                Ok(Assign::Number(Number::Fixed(x)))
            }

            fn visit_i64<E: serde::de::Error>(self, x: i64) -> Result<Assign, E> {
                Ok(Assign::Number(Number::Fixed(x as f64)))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Assign, E> {
                Ok(Assign::Number(Number::Said(text.to_owned())))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Assign, A::Error> {
                let name: String =
                    map.next_key()?.ok_or_else(|| A::Error::custom("must name a distribution or `choose`"))?;
                if name != "choose" {
                    return Drawn::read(&name, &mut map).map(|d| Assign::Number(Number::Drawn(Box::new(d))));
                }
                let weights: BTreeMap<String, f64> = map.next_value()?;
                if weights.values().any(|w| !(*w >= 0.0 && w.is_finite())) || weights.values().sum::<f64>() <= 0.0 {
                    return Err(A::Error::custom("`choose` needs weights of 0 or more, and one above 0"));
                }
                match map.next_key::<String>()? {
                    None => Ok(Assign::Choose(weights)),
                    Some(more) => Err(A::Error::custom(format!("names `choose` and `{more}`; it must be one"))),
                }
            }
        }
        from.deserialize_any(Reads)
    }
}

/// A value that is ready to be made.
#[derive(Debug)]
enum Give {
    Value(Value),
    Said(Scalar),
    Drawn(Draw),
    Choose(Vec<(f64, Arc<str>)>),
}

impl Give {
    fn new(assign: &Assign, key: &str, scope: &mut Scope) -> Result<Give> {
        Ok(match assign {
            Assign::Yes(yes) => Give::Value(Value::Yes(*yes)),
            Assign::Number(Number::Said(text)) if Span::read(text).is_none() => Give::Said(scope.scalar(key, text)?),
            Assign::Number(number) => match Draw::new(number, key, scope)? {
                Draw::Fixed(x) => Give::Value(Value::Number(x)),
                draw => Give::Drawn(draw),
            },
            Assign::Choose(weights) => {
                let mut sum = 0.0;
                let sums = weights.iter().map(|(text, weight)| {
                    sum += weight;
                    (sum, Arc::from(text.as_str()))
                });
                Give::Choose(sums.collect())
            }
        })
    }

    fn value(&self, frame: &[Value], cell: &mut Cell) -> Result<Value> {
        match self {
            Give::Value(value) => Ok(value.clone()),
            Give::Said(said) => said.value(frame),
            Give::Drawn(draw) => draw.number(frame, cell).map(Value::Number),
            Give::Choose(sums) => {
                let u = cell.uniform() * sums.last().map_or(0.0, |s| s.0);
                let at = sums.iter().position(|s| u < s.0).unwrap_or(sums.len() - 1);
                Ok(Value::Text(sums[at].1.clone()))
            }
        }
    }

    fn kind(&self) -> Option<Kind> {
        match self {
            Give::Value(value) => Kind::of(value),
            Give::Said(said) => said.kind().as_ref().and_then(Kind::of),
            Give::Drawn(_) => Some(Kind::Number),
            Give::Choose(_) => Some(Kind::Text),
        }
    }
}

/// A machine that is ready.
struct Ready {
    clock: Clock,
    until: Option<Draw>,
    initial: usize,
    attributes: Vec<(usize, Give)>,
    /// Places of the attributes that rows show.
    shown: Vec<(usize, String)>,
    states: Vec<Step>,
    /// Places in the frame that are not inputs.
    own: usize,
    /// Where the counts of visits begin in the frame.
    seen: usize,
    max_steps: u64,
}

struct Step {
    name: String,
    /// Where it is written, for messages.
    key: String,
    wait: Option<(Scalar, Option<Draw>, Draw, bool)>,
    delay: Option<Draw>,
    set: Vec<(usize, Give)>,
    count: Vec<usize>,
    emit: Option<String>,
    /// The first state of the machine that it calls.
    call: Option<usize>,
    next: Option<Ways>,
}

impl Machine {
    /// Names of states: those of sub-machines with that of their machine before them.
    fn all_states(&self) -> Vec<(String, &State)> {
        let main = self.states.iter().map(|(name, state)| (name.to_owned(), state));
        let subs = self
            .machines
            .iter()
            .flat_map(|(machine, states)| states.iter().map(move |(name, state)| (format!("{machine}.{name}"), state)));
        main.chain(subs).collect()
    }

    /// Checks the machine and makes it ready.
    ///
    /// # Errors
    /// Names the key that is wrong.
    pub fn plan(&self) -> Result<Plan> {
        let all = self.all_states();
        let names: Vec<String> = all.iter().map(|s| s.0.clone()).collect();
        if self.states.0.is_empty() {
            return Err(setting("states", "must have a state"));
        }
        if self.max_steps == 0 {
            return Err(setting("max_steps", "must be above 0"));
        }
        // What is set anywhere is an attribute.
        let mut attributes = self.attributes.names();
        for (_, state) in &all {
            for name in state.set.iter().map(|s| s.0).chain(state.count.iter().map(String::as_str)) {
                if !attributes.iter().any(|a| a == name) {
                    attributes.push(name.to_owned());
                }
            }
        }
        let mut own = vec!["t".to_owned(), "time".to_owned()];
        if let Some(taken) = attributes.iter().find(|a| own.contains(a)) {
            return Err(setting(&format!("attributes.{taken}"), "is the name of the time; choose another"));
        }
        own.extend(attributes.iter().cloned());
        let seen = own.len();
        own.extend(names.iter().map(|n| format!("seen.{n}")));
        let own_count = own.len();
        let mut scope = Scope::new(own, self.unit.micros);
        let clock = Clock::new(self.start.as_ref(), &mut scope)?;
        let until = self.until.as_ref().map(|u| Draw::new(u, "until", &mut scope)).transpose()?;
        let main_names = &names[..self.states.0.len()];
        let initial = match &self.initial {
            None => 0,
            Some(name) => named(main_names, "state", name).map_err(|what| setting("initial", &what))?,
        };
        let mut given = Vec::new();
        for (name, assign) in self.attributes.iter() {
            let key = format!("attributes.{name}");
            given.push((scope.own(name).unwrap_or(0), Give::new(assign, &key, &mut scope)?));
        }
        let mut states = Vec::new();
        for (k, (name, state)) in all.iter().enumerate() {
            states.push(self.step(name, state, k, &names, &mut scope)?);
        }
        let (columns, shown) = self.shown(&clock, &attributes, &given, &states, &scope)?;
        let inputs = scope.inputs().to_vec();
        let ready = Ready {
            clock,
            until,
            initial,
            attributes: given,
            shown,
            states,
            own: own_count,
            seen,
            max_steps: self.max_steps,
        };
        Plan::new(columns, &inputs, ready)
    }

    fn step(&self, name: &str, state: &State, at: usize, names: &[String], scope: &mut Scope) -> Result<Step> {
        let key = if at < self.states.0.len() { format!("states.{name}") } else { format!("machines.{name}") };
        // A state goes on within its own machine.
        let machine = name.split_once('.').filter(|_| at >= self.states.0.len()).map(|(machine, _)| machine);
        let within = |to: &str| {
            let full = machine.map_or_else(|| to.to_owned(), |m| format!("{m}.{to}"));
            let (from, upto) = match machine {
                None => (0, self.states.0.len()),
                Some(_) => (self.states.0.len(), names.len()),
            };
            named(&names[from..upto], "state", &full).map(|k| k + from)
        };
        let wait = match &state.wait {
            None => None,
            Some(wait) => {
                let bound = match wait {
                    Wait::Until(until) => &Waiting { until: until.clone(), at_most: None, every: None },
                    Wait::Bound(bound) => bound,
                };
                let until = scope.scalar(&format!("{key}.wait"), &bound.until)?;
                let at_most = bound.at_most.as_ref().map(|n| Draw::new(n, &format!("{key}.wait.at_most"), scope));
                let every = bound.every.clone().unwrap_or(Number::Fixed(1.0));
                let every = Draw::new(&every, &format!("{key}.wait.every"), scope)?;
                if every.fixed().is_some_and(|e| e <= 0.0) {
                    return Err(setting(&format!("{key}.wait.every"), "must be above 0"));
                }
                let timed = until.places().iter().any(|p| *p < 2);
                Some((until, at_most.transpose()?, every, timed))
            }
        };
        let mut set = Vec::new();
        for (name, assign) in state.set.iter() {
            set.push((scope.own(name).unwrap_or(0), Give::new(assign, &format!("{key}.set.{name}"), scope)?));
        }
        let delay = state.delay.as_ref().map(|d| Draw::new(d, &format!("{key}.delay"), scope)).transpose()?;
        if delay.as_ref().and_then(Draw::fixed).is_some_and(|d| d < 0.0) {
            return Err(setting(&format!("{key}.delay"), "must not be below 0"));
        }
        let call = match &state.call {
            None => None,
            Some(called) => {
                let machines = self.machines.names();
                let k = named(&machines, "machine", called).map_err(|what| setting(&format!("{key}.call"), &what))?;
                if self.machines.0[k].1.0.is_empty() {
                    return Err(setting(&format!("machines.{called}"), "must have a state"));
                }
                let before: usize = self.machines.0[..k].iter().map(|m| m.1.0.len()).sum();
                Some(self.states.0.len() + before)
            }
        };
        let next = state.next.as_ref().map(|n| Ways::new(n, &format!("{key}.next"), scope, &within)).transpose()?;
        let count = state.count.iter().map(|name| scope.own(name).unwrap_or(0)).collect();
        Ok(Step { name: name.to_owned(), key, wait, delay, set, count, emit: state.emit.clone(), call, next })
    }

    #[allow(clippy::type_complexity)]
    fn shown(
        &self,
        clock: &Clock,
        attributes: &[String],
        given: &[(usize, Give)],
        states: &[Step],
        scope: &Scope,
    ) -> Result<(Vec<(String, DataType)>, Vec<(usize, String)>)> {
        let mut columns = vec![
            ("time".to_owned(), clock.kind()),
            ("state".to_owned(), DataType::Utf8),
            ("event".to_owned(), DataType::Utf8),
        ];
        let mut shown = Vec::new();
        for name in &self.columns {
            named(attributes, "attribute", name).map_err(|what| setting("columns", &what))?;
            let at = scope.own(name).unwrap_or(0);
            let gives =
                given.iter().chain(states.iter().flat_map(|s| &s.set)).filter(|g| g.0 == at).map(|g| g.1.kind());
            let counted = states.iter().any(|s| s.count.contains(&at)).then_some(Kind::Number);
            let kind = self.kinds.get(name).copied().or_else(|| gives.flatten().next()).or(counted);
            let kind = kind.ok_or_else(|| {
                setting(
                    "kinds",
                    &format!(
                        "must say of which kind `{name}` is: kinds = {{ {name} = \"number\" }}, or text, yes, time"
                    ),
                )
            })?;
            columns.push((name.clone(), kind.arrow()));
            shown.push((at, name.clone()));
        }
        if let Some(name) = self.kinds.keys().find(|k| !attributes.contains(k)) {
            return Err(setting("kinds", &named(attributes, "attribute", name).err().unwrap_or_default()));
        }
        Ok((columns, shown))
    }
}

/// One run under way.
struct Going<'a> {
    ready: &'a Ready,
    cell: Cell,
    frame: Vec<Value>,
    base: Option<i64>,
    until: f64,
    t: f64,
}

impl Going<'_> {
    fn at(&mut self, t: f64) {
        self.t = t;
        self.frame[0] = Value::Number(t);
        self.frame[1] = if self.base.is_some() { self.ready.clock.value(self.base, t) } else { Value::Null };
    }

    /// Waits; false if the end of the run comes first.
    fn wait(&mut self, step: &Step) -> Result<bool> {
        let Some((condition, at_most, every, timed)) = &step.wait else { return Ok(true) };
        let last = match at_most {
            Some(most) => self.t + most.length(&format!("{}.wait.at_most", step.key), &self.frame, &mut self.cell)?,
            None => f64::INFINITY,
        };
        for _ in 0..LOOKS {
            if condition.holds(&self.frame)? {
                return Ok(true);
            }
            let step_by = every.length(&format!("{}.wait.every", step.key), &self.frame, &mut self.cell)?;
            // A condition that does not read the time changes no more: attributes rest while the machine waits.
            let next = if *timed { (self.t + step_by).min(last) } else { last };
            if next > self.until || next == f64::INFINITY {
                return Ok(false);
            }
            if next >= last {
                self.at(last);
                return Ok(true);
            }
            self.at(next);
        }
        Err(setting(
            &format!("{}.wait", step.key),
            &format!("looked {LOOKS} times and it did not hold; give `until`, `at_most` or a longer `every`"),
        ))
    }

    fn emit(&self, step: &Step, event: &str, rows: &mut Rows) -> Result<()> {
        self.ready.clock.push(rows, 0, self.base, Some(self.t));
        rows.text(1, Some(&step.name));
        rows.text(2, Some(event));
        for (k, (at, name)) in self.ready.shown.iter().enumerate() {
            if !rows.value(3 + k, &self.frame[*at]) {
                let what = format!(
                    "has the value {:?}, which its column does not hold; say its kind in `kinds`",
                    self.frame[*at]
                );
                return Err(made(&format!("attributes.{name}"), what));
            }
        }
        rows.end();
        Ok(())
    }

    /// All that a state does before it goes on; false if the run ends within.
    fn live(&mut self, step: &Step, rows: &mut Rows) -> Result<bool> {
        if !self.wait(step)? {
            return Ok(false);
        }
        if let Some(delay) = &step.delay {
            let delay = delay.length(&format!("{}.delay", step.key), &self.frame, &mut self.cell)?;
            self.at(self.t + delay);
        }
        if self.t > self.until {
            return Ok(false);
        }
        for (at, give) in &step.set {
            self.frame[*at] = give.value(&self.frame, &mut self.cell)?;
        }
        for at in &step.count {
            let count = match &self.frame[*at] {
                Value::Null => 0.0,
                value => {
                    value.number().ok_or_else(|| setting(&format!("{}.count", step.key), "counts what is no number"))?
                }
            };
            self.frame[*at] = Value::Number(count + 1.0);
        }
        if let Some(event) = &step.emit {
            self.emit(step, event, rows)?;
        }
        Ok(true)
    }
}

impl Run for Ready {
    fn run(&self, cell: &Cell, inputs: &[Value], rows: &mut Rows) -> Result<()> {
        let frame = Scope::frame(self.own, inputs);
        let mut going = Going {
            ready: self,
            cell: cell.clone(),
            base: self.clock.base(&frame)?,
            frame,
            until: f64::INFINITY,
            t: 0.0,
        };
        going.at(0.0);
        (self.seen..self.own).for_each(|k| going.frame[k] = Value::Number(0.0));
        for (at, give) in &self.attributes {
            going.frame[*at] = give.value(&going.frame, &mut going.cell)?;
        }
        if let Some(until) = &self.until {
            going.until = until.number(&going.frame, &mut going.cell)?;
        }
        let mut calls: Vec<usize> = Vec::new();
        let mut state = self.initial;
        for _ in 0..self.max_steps {
            let step = &self.states[state];
            let seen = self.seen + state;
            going.frame[seen] = Value::Number(going.frame[seen].number().unwrap_or(0.0) + 1.0);
            if !going.live(step, rows)? {
                return Ok(());
            }
            if let Some(called) = step.call {
                if calls.len() == DEEPEST {
                    return Err(setting(
                        &format!("{}.call", step.key),
                        &format!("is the {DEEPEST}th call within calls; does a machine call itself?"),
                    ));
                }
                calls.push(state);
                state = called;
                continue;
            }
            // A machine that ended goes on in the state that called it.
            let mut from = Some(state);
            state = loop {
                let Some(left) = from else { return Ok(()) };
                let step = &self.states[left];
                let next = match &step.next {
                    Some(ways) => ways.choose(&format!("{}.next", step.key), &going.frame, &mut going.cell)?,
                    None => None,
                };
                match next {
                    Some(next) => break next,
                    None => from = calls.pop(),
                }
            };
        }
        let what = format!(
            "were reached in the state `{}` at time {}; does the machine run in a circle without end? Give `until`, or more steps",
            self.states[state].name, going.t
        );
        Err(setting("max_steps", &what))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::tests::{mean, plan, refused, repeats, run, run_with};
    use super::*;

    const PATIENT: &str = r#"
        [machine]
        start = 2020-01-01
        unit = "1d"
        until = 3650
        columns = ["severity", "visits", "smoker"]
        [machine.attributes]
        visits = 0
        smoker = "smokes"
        risk = "smoker ? 0.3 : 0.1"
        [machine.kinds]
        smoker = "yes"
        [machine.states.healthy]
        delay = { exponential = "30d" }
        next = [{ to = "ill", share = "risk" }, { to = "healthy" }]
        [machine.states.ill]
        set = { severity = { choose = { mild = 3, severe = 1 } } }
        count = ["visits"]
        emit = "diagnosis"
        next = [{ when = "severity == 'severe'", to = [{ to = "ward", share = 0.5 }, { to = "dies" }] }, { to = "healthy" }]
        [machine.states.ward]
        call = "stay"
        next = "healthy"
        [machine.states.dies]
        emit = "death"
        [machine.machines.stay.admitted]
        emit = "admission"
        delay = "1d"
        next = "treated"
        [machine.machines.stay.treated]
        delay = { gamma = [2, 3] }
        emit = "discharge"
    "#;

    #[test]
    fn a_patients_way_is_written_row_by_row() {
        let plan = plan(PATIENT);
        assert_eq!(plan.inputs(), ["smokes"]);
        let (mut diagnoses, mut deaths) = ([0.0; 2], 0);
        for seed in 0..400 {
            let smokes = seed % 2 == 1;
            let made = run_with(&plan, seed, &[Value::Yes(smokes)]).unwrap();
            let (times, events, states) = (made.numbers("time"), made.texts("event"), made.texts("state"));
            assert!(times.windows(2).all(|w| w[0] <= w[1]));
            let visits = made.numbers("visits");
            for (k, event) in events.iter().enumerate() {
                match event.as_str() {
                    "admission" => {
                        assert_eq!(states[k], "stay.admitted");
                        // Unless the ten years are over first.
                        assert!(events.get(k + 1).is_none_or(|next| next == "discharge"));
                    }
                    "death" => assert_eq!(k + 1, events.len()),
                    "diagnosis" => {
                        assert_eq!(visits[k], events[..=k].iter().filter(|e| *e == "diagnosis").count() as f64)
                    }
                    _ => {}
                }
            }
            diagnoses[usize::from(smokes)] += events.iter().filter(|e| *e == "diagnosis").count() as f64;
            deaths += events.iter().filter(|e| *e == "death").count();
            assert!(times.iter().all(|t| *t < 1_577_836_800e6 + 3650.0 * 86_400e6));
        }
        // One in eight diagnoses is the last.
        let all = diagnoses[0] + diagnoses[1];
        assert!((deaths as f64 / all - 0.125).abs() < 0.03, "{deaths} of {all}");
        // Smokers fall ill thrice as often, so more of them die earlier than the ten years are over.
        assert!(diagnoses[1] > diagnoses[0], "{diagnoses:?}");
    }

    /// The mean delay is the distribution's, and shares are met.
    #[test]
    fn delays_and_shares_are_as_said() {
        let text = "[machine]\nunit = '1h'\ncolumns = ['n']\n[machine.states.a]\ndelay = { exponential = '2h' }\ncount = ['n']\nemit = 'a'\n\
                    next = [{ to = 'a', share = 0.999 }, { to = 'b' }]\n[machine.states.b]\n";
        let plan = plan(text);
        let (mut gaps, mut runs) = (Vec::new(), Vec::new());
        for seed in 0..60 {
            let times = run_with(&plan, seed, &[]).unwrap().numbers("time");
            runs.push(times.len() as f64);
            gaps.extend(times.windows(2).map(|w| w[1] - w[0]));
        }
        let n = gaps.len() as f64;
        assert!((mean(&gaps) - 2.0).abs() < 4.0 * 2.0 / n.sqrt(), "{}", mean(&gaps));
        assert!((mean(&runs) - 1000.0).abs() < 4.0 * 1000.0 / 60f64.sqrt(), "{}", mean(&runs));
    }

    #[test]
    fn a_guard_waits_for_a_condition_or_for_so_long() {
        let text = "[machine]\nstart = 2024-01-30T12:00:00\nunit = '1d'\nuntil = 900\n[machine.states.a]\n\
                    wait = { until = 'month(time) == 3', every = '6h' }\nemit = 'march'\nnext = 'b'\n[machine.states.b]\n\
                    wait = { until = 'x > 3', at_most = 2 }\nemit = 'late'\nnext = 'c'\n[machine.states.c]\nwait = 'x > 3'\nemit = 'never'\n\
                    [machine.attributes]\nx = 1\n";
        let made = run(text, 1);
        assert_eq!(made.texts("event"), ["march", "late"]);
        let march = 1_709_251_200e6;
        assert_eq!(made.numbers("time"), [march, march + 2.0 * 86_400e6]);
    }

    #[test]
    fn a_table_of_shares_is_looked_up() {
        let text = "[machine]\nstates.a.next = { by = ['age', 'sex'], to = ['x', 'y'], rows = [['0..40', '*', 1, 0], ['40..', 'f', 0, 1], ['*', 'm', 0.5, 0.5]] }\n\
                    states.x.emit = 'x'\nstates.y.emit = 'y'\n";
        let plan = plan(text);
        let event = |seed, age: f64, sex: &str| {
            run_with(&plan, seed, &[Value::Number(age), sex.into()]).map(|m| m.texts("event")[0].clone())
        };
        assert!((0..50).all(|s| event(s, 39.9, "f").unwrap() == "x" && event(s, 40.0, "f").unwrap() == "y"));
        let x = (0..400).filter(|s| event(*s, 50.0, "m").unwrap() == "x").count();
        assert!((160..240).contains(&x), "{x}");
        assert!(event(1, 50.0, "d").unwrap_err().to_string().contains("has no row for"));
    }

    #[test]
    fn circles_without_end_are_an_error() {
        let error = |text: &str| run_with(&plan(text), 1, &[]).err().unwrap().to_string();
        assert!(
            error("[machine]\nmax_steps = 50\nstates.a.next = 'a'")
                .contains("`max_steps` were reached in the state `a` at time 0")
        );
        assert!(error("[machine]\nstates.a.call = 'm'\nmachines.m.b.call = 'm'").contains("call itself"));
        assert!(error("[machine]\nstates.a.delay = { normal = [-5, 1] }").contains("`states.a.delay` came to"));
        assert!(error("[machine]\nstates.a.wait = { until = 't < 0', every = 0.001 }").contains("did not hold"));
    }

    #[test]
    fn seen_states_are_counted() {
        let made = run(
            "[machine]\nstates.a.emit = 'e'\nstates.a.next = [{ to = 'b', when = 'seen.a == 3' }, { to = 'a' }]\nstates.b.emit = 'end'",
            1,
        );
        assert_eq!(made.texts("event"), ["e", "e", "e", "end"]);
    }

    #[test]
    fn runs_repeat() {
        repeats(&PATIENT.replace("\"smokes\"", "true"));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, said) in [
            ("states.a.next = 'b'", "`states.a.next` names the state `b`, which there is not; there are a"),
            ("states.a.next = [{ to = 'a', share = 0.7 }, { to = 'a', share = 0.6 }]", "shares of 1.29"),
            ("states.a.next = [{ to = 'a' }, { to = 'a', share = 0.6 }]", "only the last"),
            ("states.a.next = [{ to = 'a', share = 0.5, when = 'true' }]", "`when` and `share`"),
            ("states.a.next = []", "empty list"),
            ("states.a.call = 'm'", "`states.a.call` names the machine `m`"),
            ("states.a.delay = -1", "`states.a.delay` must not be below 0"),
            ("states.a.delay = '1 +'", "`states.a.delay` has the expression"),
            ("states.a.wat = 1", "unknown field `wat`"),
            ("states.a.set = { t = 1 }", "is the name of the time"),
            ("columns = ['x']\nstates.a.emit = 'e'", "`columns` names the attribute `x`"),
            ("columns = ['x']\nattributes.x = 'age'\nstates.a.emit = 'e'", "`kinds` must say of which kind `x` is"),
            ("initial = 'z'\nstates.a.emit = 'e'", "`initial` names the state `z`"),
            ("max_steps = 0\nstates.a.emit = 'e'", "`max_steps` must be above 0"),
            ("states = {}", "`states` must have a state"),
            ("unit = '3 parsecs'\nstates = {}", "length of time"),
            ("start = 'soon +'\nstates.a.emit = 'e'", "`start` has the expression"),
            ("states.a.set = { x = { choose = { a = -1 } } }", "needs weights"),
            ("states.a.next = { by = ['x'], to = ['a'], rows = [['*']] }", "row 1 of its table has 1 entries"),
        ] {
            let what = refused(&format!("[machine]\n{text}\n"));
            assert!(what.contains(said), "{text}: {what}");
        }
    }
}
