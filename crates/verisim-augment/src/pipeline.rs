//! An ordered list of steps, as a config says it:
//!
//! ```toml
//! seed = 42
//! [[image]]
//! rotate = { degrees = [-15, 15], edge = "reflect" }
//! p = 0.5
//! [[image]]
//! one_of = [ { blur = { sigma = [0.5, 2.0] } }, { noise = { sigma = 0.05 } } ]
//! ```
//!
//! A step is one transform, or a group of steps: `one_of`, `some_of = { n = 2, steps = [..], keep_order = true }`, `all_of`. Its `p` is how
//! likely it happens, 1 where nothing is said. Within `one_of` the `p` are weights instead: one of the steps happens for certain.

mod describe;

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use verisim_data::error::nearest;
use verisim_data::rng::{Stream, below, uniform};
use verisim_data::series::Source;

pub use describe::{About, steps};

use crate::draw::Draw;
use crate::error::{Error, Result};
use crate::image::{Rules, Transform};
use crate::range::Range;
use crate::run::Pictures;
use crate::table::Resample;
use crate::{series, sound, table, text};

/// Everything that is done to each item, in order.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Pipeline {
    /// What all chance comes from.
    pub seed: u64,
    /// How a table is read, and its rules: as `[data]` of a config of a model. The path may be left out.
    #[serde(deserialize_with = "anywhere")]
    pub data: Option<Source>,
    /// How sets of pictures are read and written.
    pub pictures: Pictures,
    /// Which boxes are kept after the steps.
    pub labels: Rules,
    /// The column that says the class of a row or of a series: steps keep it true.
    pub target: Option<String>,
    /// Steps for images, in order.
    pub image: Vec<Step<Transform>>,
    /// How the classes of a table are brought to sizes, before any step.
    pub resample: Option<Resample>,
    /// Steps for rows of tables, in order.
    pub table: Vec<Step<table::Transform>>,
    /// Steps for series, in order.
    pub series: Vec<Step<series::Transform>>,
    /// What steps for text leave as it is.
    pub keep: text::Keep,
    /// Which columns of a table hold text, and what is labelled in it.
    pub passages: Passages,
    /// Steps for text, in order.
    pub text: Vec<Step<text::Transform>>,
    /// Steps for sounds, in order.
    pub sound: Vec<Step<sound::Transform>>,
}

/// Text in a table: a column of it or several, and what is labelled there.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Passages {
    /// The columns of text; those of free text when not given.
    pub columns: Option<Vec<String>>,
    /// The column of labelled spans, where there is one column of text: JSON, a list of `[start, end, name]` or of `{ start, end, name }`
    /// (`label` for `name` will do), in characters.
    pub spans: Option<String>,
}

/// Names of the presets that come along, by task.
pub const PRESETS: &[(&str, &str)] = &[
    ("classification", include_str!("../presets/classification.toml")),
    ("detection", include_str!("../presets/detection.toml")),
    ("ocr", include_str!("../presets/ocr.toml")),
    ("medical", include_str!("../presets/medical.toml")),
    ("sensors", include_str!("../presets/sensors.toml")),
    ("smote", include_str!("../presets/smote.toml")),
    ("typos", include_str!("../presets/typos.toml")),
    ("speech", include_str!("../presets/speech.toml")),
    ("sound", include_str!("../presets/sound.toml")),
];

impl Pipeline {
    /// The pipeline that `text` says, checked.
    pub fn from_toml(text: &str) -> Result<Pipeline> {
        let pipeline: Pipeline = toml::from_str(text).map_err(|e| Error::Syntax(e.to_string()))?;
        pipeline.check()?;
        Ok(pipeline)
    }

    /// The preset for a task.
    pub fn preset(name: &str) -> Result<Pipeline> {
        match PRESETS.iter().find(|(n, _)| *n == name) {
            Some((_, text)) => Pipeline::from_toml(text),
            None => {
                let names: Vec<&str> = PRESETS.iter().map(|(n, _)| *n).collect();
                let hint = match nearest(name, names.iter().copied()) {
                    Some(n) => format!("; did you mean `{n}`?"),
                    None => format!("; there are {}", names.join(", ")),
                };
                Err(Error::Preset { name: name.to_owned(), hint })
            }
        }
    }

    /// How the table at `path` is read.
    pub fn source(&self, path: &Path) -> Source {
        Source { path: path.to_owned(), ..self.data.clone().unwrap_or_default() }
    }

    /// Whether every step says what can be.
    pub fn check(&self) -> Result<()> {
        self.labels.check()?;
        check(&self.image, "")?;
        check(&self.table, "")?;
        check(&self.series, "")?;
        check(&self.text, "")?;
        check(&self.sound, "")
    }
}

/// A source whose path somebody else gives.
fn anywhere<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Source>, D::Error> {
    let mut said = toml::Table::deserialize(deserializer)?;
    said.entry("path").or_insert_with(|| String::new().into());
    Source::deserialize(said).map(Some).map_err(|e| D::Error::custom(e.message()))
}

/// What a kind of data can be asked for, by name.
pub trait Operation: Sized {
    /// The name of a list of these in a schema.
    const KIND: &'static str;
    /// All names, in the order of the docs.
    fn names() -> &'static [&'static str];
    /// The settings under `name`, which is the key that `map` is at; nothing where there is no such name.
    fn read<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<Option<Self>, A::Error>;
    /// Its name.
    fn name(&self) -> &'static str;
    /// Whether the settings can be; what is wrong is said for people.
    fn check(&self) -> Result<(), String>;
    /// The schema of the settings under each name.
    fn schemas(generator: &mut SchemaGenerator) -> Vec<(&'static str, Schema)>;
}

/// The steps of a kind of data: of each its name in a config, and its settings. What all settings can do is a trait of the kind; by its `check`
/// they say whether they can be.
macro_rules! operations {
    ($(#[$meta:meta])* $kind:literal $all:ident: $trait:ident { $($name:literal $of:ident,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        #[allow(missing_docs)]
        pub enum $all { $($of($of),)* }

        impl $crate::pipeline::Operation for $all {
            const KIND: &'static str = $kind;

            fn names() -> &'static [&'static str] {
                &[$($name),*]
            }

            fn read<'de, A: serde::de::MapAccess<'de>>(name: &str, map: &mut A) -> Result<Option<Self>, A::Error> {
                Ok(match name {
                    $($name => Some($all::$of(map.next_value()?)),)*
                    _ => None,
                })
            }

            fn name(&self) -> &'static str {
                match self { $($all::$of(_) => $name,)* }
            }

            fn check(&self) -> Result<(), String> {
                self.settings().check()
            }

            fn schemas(generator: &mut schemars::SchemaGenerator) -> Vec<(&'static str, schemars::Schema)> {
                vec![$(($name, generator.subschema_for::<$of>())),*]
            }
        }

        impl $all {
            /// Its settings.
            pub(crate) fn settings(&self) -> &dyn $trait {
                match self { $($all::$of(t) => t,)* }
            }
        }

        #[cfg(test)]
        pub(crate) fn every_step() -> Vec<$all> {
            vec![$($all::$of(Default::default())),*]
        }
    };
}
pub(crate) use operations;

/// One step.
#[derive(Debug, Clone, PartialEq)]
pub struct Step<O> {
    /// What happens.
    pub what: What<O>,
    /// How likely, from 0 to 1; a weight within `one_of`.
    pub p: f64,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum What<O> {
    /// A transform.
    One(O),
    /// One of the steps, chosen by their `p` as weights.
    OneOf(Vec<Step<O>>),
    /// Some of the steps.
    SomeOf(Subset<O>),
    /// All of the steps, in order: a group with one `p`.
    AllOf(Vec<Step<O>>),
}

/// Some steps of a list, each as likely to be among them. The `p` of each still says whether it then happens.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, bound = "O: Operation")]
pub struct Subset<O> {
    /// How many: a whole number or a pair.
    pub n: Range,
    /// Which.
    pub steps: Vec<Step<O>>,
    /// Whether they happen in the order of the list, rather than in a random one.
    #[serde(default = "yes")]
    pub keep_order: bool,
}

fn yes() -> bool {
    true
}

fn check<O: Operation>(steps: &[Step<O>], before: &str) -> Result<()> {
    for (i, step) in steps.iter().enumerate() {
        let place = format!("{before}{}", i + 1);
        let (name, inner) = match &step.what {
            What::One(o) => (o.name(), None),
            What::OneOf(s) => ("one_of", Some(s)),
            What::SomeOf(s) => ("some_of", Some(&s.steps)),
            What::AllOf(s) => ("all_of", Some(s)),
        };
        let wrong = |what: String| Error::Step { step: place.clone(), name: name.to_owned(), what };
        if !(0.0..=1.0).contains(&step.p) {
            return Err(wrong(format!("`p` is {}; it must be between 0 and 1", step.p)));
        }
        match &step.what {
            What::One(o) => o.check().map_err(&wrong)?,
            What::OneOf(s) if !s.is_empty() && s.iter().all(|s| s.p == 0.0) => {
                return Err(wrong("none of the steps can be chosen: give one of them a `p` above 0".to_owned()));
            }
            What::SomeOf(s) => s.n.whole_within("n", 0.0, s.steps.len() as f64).map_err(&wrong)?,
            _ => {}
        }
        if let Some(inner) = inner {
            if inner.is_empty() {
                return Err(wrong("there are no steps in it".to_owned()));
            }
            check(inner, &format!("{place}."))?;
        }
    }
    Ok(())
}

impl<O> Step<O> {
    /// The same step of operations that were made ready, `of` each with its place.
    pub(crate) fn ready<R>(&self, place: &str, of: &mut impl FnMut(&O, &str) -> Result<R>) -> Result<Step<R>> {
        let mut all = |steps: &[Step<O>]| ready(steps, &format!("{place}."), of);
        let what = match &self.what {
            What::OneOf(steps) => What::OneOf(all(steps)?),
            What::AllOf(steps) => What::AllOf(all(steps)?),
            What::SomeOf(some) => {
                What::SomeOf(Subset { n: some.n.clone(), steps: all(&some.steps)?, keep_order: some.keep_order })
            }
            What::One(o) => What::One(of(o, place)?),
        };
        Ok(Step { what, p: self.p })
    }
}

/// [`Step::ready`] of a list, whose places begin with `before`.
pub(crate) fn ready<O, R>(
    steps: &[Step<O>],
    before: &str,
    of: &mut impl FnMut(&O, &str) -> Result<R>,
) -> Result<Vec<Step<R>>> {
    steps.iter().enumerate().map(|(i, step)| step.ready(&format!("{before}{}", i + 1), of)).collect()
}

/// Whether any operation of `steps`, or of those within them, is such.
pub(crate) fn any<O>(steps: &[Step<O>], is: &impl Fn(&O) -> bool) -> bool {
    steps.iter().any(|step| match &step.what {
        What::One(o) => is(o),
        What::OneOf(steps) | What::AllOf(steps) => any(steps, is),
        What::SomeOf(some) => any(&some.steps, is),
    })
}

/// Walks the steps of one item: `act` is called for each transform that happens, with its place (from 1, as in [`Error::Step`]) and its
/// stream. Whether a step happens is drawn from the same stream, before.
pub fn walk<O>(
    steps: &[Step<O>],
    draw: impl Fn(u64) -> Draw,
    act: &mut impl FnMut(&O, &str, &mut Stream) -> Result<()>,
) -> Result<()> {
    steps.iter().enumerate().try_for_each(|(i, step)| visit(step, draw(i as u64), &(i + 1).to_string(), step.p, act))
}

fn visit<O>(
    step: &Step<O>,
    draw: Draw,
    place: &str,
    p: f64,
    act: &mut impl FnMut(&O, &str, &mut Stream) -> Result<()>,
) -> Result<()> {
    let mut rng = draw.stream();
    if uniform(&mut rng) >= p {
        return Ok(());
    }
    let inner = |i: usize| (draw.within(i as u64), format!("{place}.{}", i + 1));
    match &step.what {
        What::One(o) => act(o, place, &mut rng),
        What::OneOf(steps) => {
            let mut left = uniform(&mut rng) * steps.iter().map(|s| s.p).sum::<f64>();
            let last = steps.iter().rposition(|s| s.p > 0.0).unwrap_or(0);
            let chosen = steps[..last].iter().position(|s| {
                left -= s.p;
                left < 0.0
            });
            let i = chosen.unwrap_or(last);
            let (draw, place) = inner(i);
            visit(&steps[i], draw, &place, 1.0, act)
        }
        What::SomeOf(some) => {
            let n = some.n.draw_whole(&mut rng).clamp(0, some.steps.len() as i64) as usize;
            let mut order: Vec<usize> = (0..some.steps.len()).collect();
            for i in 0..n {
                let other = i + below(&mut rng, (order.len() - i) as u64) as usize;
                order.swap(i, other);
            }
            order.truncate(n);
            if some.keep_order {
                order.sort_unstable();
            }
            order.into_iter().try_for_each(|i| {
                let (draw, place) = inner(i);
                visit(&some.steps[i], draw, &place, some.steps[i].p, act)
            })
        }
        What::AllOf(steps) => steps.iter().enumerate().try_for_each(|(i, step)| {
            let (draw, place) = inner(i);
            visit(step, draw, &place, step.p, act)
        }),
    }
}

impl<'de, O: Operation> Deserialize<'de> for Step<O> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(StepVisitor(PhantomData))
    }
}

struct StepVisitor<O>(PhantomData<O>);

impl<'de, O: Operation> Visitor<'de> for StepVisitor<O> {
    type Value = Step<O>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a step such as { rotate = { degrees = 10 }, p = 0.5 }")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Step<O>, A::Error> {
        let (mut what, mut p) = (None::<(String, What<O>)>, 1.0);
        while let Some(key) = map.next_key::<String>()? {
            let next = match key.as_str() {
                "p" => {
                    p = map.next_value()?;
                    continue;
                }
                "one_of" => What::OneOf(map.next_value()?),
                "some_of" => What::SomeOf(map.next_value()?),
                "all_of" => What::AllOf(map.next_value()?),
                name => match O::read(name, &mut map)? {
                    Some(o) => What::One(o),
                    None => return Err(A::Error::custom(unknown::<O>(name))),
                },
            };
            if let Some((first, _)) = &what {
                return Err(A::Error::custom(format!("one step does both `{first}` and `{key}`; make it two steps")));
            }
            what = Some((key, next));
        }
        match what {
            Some((_, what)) => Ok(Step { what, p }),
            None => Err(A::Error::custom("a step says nothing to do; name a transform, such as rotate = {}")),
        }
    }
}

fn unknown<O: Operation>(name: &str) -> String {
    let groups = ["one_of", "some_of", "all_of"];
    match nearest(name, O::names().iter().copied().chain(groups)) {
        Some(near) => format!("there is no step `{name}`; did you mean `{near}`?"),
        None => format!("there is no step `{name}`; there are {}, {}", O::names().join(", "), groups.join(", ")),
    }
}

impl<O: Operation> JsonSchema for Step<O> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}Step", O::KIND).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let step = generator.subschema_for::<Step<O>>();
        let n = generator.subschema_for::<Range>();
        let p = json_schema!({ "type": "number", "minimum": 0, "maximum": 1, "default": 1,
            "description": "How likely the step happens; a weight within `one_of`." });
        let list = json_schema!({ "type": "array", "items": step, "minItems": 1 });
        let some = json_schema!({ "type": "object", "additionalProperties": false, "required": ["n", "steps"],
            "properties": { "n": n, "steps": list.clone(), "keep_order": { "type": "boolean", "default": true } } });
        let mut of = O::schemas(generator);
        of.extend([("one_of", list.clone()), ("some_of", some), ("all_of", list)]);
        let ways: Vec<Schema> = of
            .into_iter()
            .map(|(name, schema)| {
                json_schema!({ "type": "object", "additionalProperties": false, "required": [name],
                    "properties": { name: schema, "p": p.clone() } })
            })
            .collect();
        json_schema!({ "oneOf": ways })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
