//! State machines: the way of a patient, a customer, an order through states, as in the modules of Synthea (Walonoski et al. 2018,
//! "Synthea: An approach, method, and software mechanism for generating synthetic patients").
//!
//! A state does what its keys say, in this order: it waits (`wait`), it takes time (`delay`), it sets attributes (`set`, `count`), it writes a
//! row (`emit`), it runs a sub-machine to its end (`call`), and it goes on (`next`). A state without `next` is the end.

#[cfg(test)]
mod tests;

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
