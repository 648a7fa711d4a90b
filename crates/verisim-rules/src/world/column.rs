//! What a column says: one generator, and what is done with its values.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::number::Parameters;
use super::prompt::PromptSaid;
use super::{DateSaid, Distribution, FAMILIES, Family, Number, Ordered, Prompt, TimeSaid};
use crate::fake::Field;

/// A column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// What makes its values.
    pub generator: Generator,
    /// What is done with them.
    pub options: Options,
}

/// What is done with the values of a generator.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What it is, for people.
    pub description: Option<String>,
    /// Values below are drawn again.
    pub min: Option<Number>,
    /// Values above are drawn again.
    pub max: Option<Number>,
    /// Digits after the point.
    pub round: Option<i32>,
    /// As `int`, `float`, `text`, `bool`, `date` or `time`.
    pub kind: Option<String>,
    /// How dates and times are written as texts, as in `%d.%m.%Y`.
    pub format: Option<String>,
    /// The chance that a value is missing, or when it is.
    pub missing: Option<Number>,
    /// Whether no two values are equal.
    pub unique: bool,
    /// Whether the column is for others alone, and not written.
    pub hidden: bool,
}

/// What makes values.
#[derive(Clone, Debug)]
pub enum Generator {
    /// The same value in each row.
    Value(toml::Value),
    /// First, and step.
    Sequence(f64, f64),
    /// Place among the rows of one parent, from this number on.
    Number(i64),
    /// All texts that a regular expression fits, each once, in an order that looks random.
    Id(String),
    /// A random UUID.
    Uuid,
    /// A number of a distribution.
    Distribution(Distribution),
    /// Yes with this chance.
    Chance(Number),
    /// One of several distributions, each with a weight.
    Mixture(Vec<(Number, Distribution)>),
    /// A value of a list or of a column of a file, each as likely.
    Empirical(Empirical),
    /// One of several, with weights.
    Choice(Choice),
    /// A generator for each value of another column.
    Cases {
        /// The column.
        of: String,
        /// By value of the column.
        when: Ordered<Column>,
        /// For all others.
        otherwise: Option<Box<Column>>,
    },
    /// A row of a file.
    Lookup(Lookup),
    /// A date.
    Date(DateSaid),
    /// A time.
    Time(TimeSaid),
    /// A text that a regular expression fits.
    Regex(String),
    /// A text with columns in braces.
    Template(Template),
    /// A text by rules that call each other.
    Grammar(Grammar),
    /// Something of a made-up person, address, company ...
    Field(FieldSaid),
    /// An expression.
    Expr(String),
    /// A row of another table.
    Ref(Reference),
    /// An earlier row of the same table.
    Tree(Tree),
    /// What a language model writes.
    Prompt(Box<Prompt>),
    /// A part of what a language model wrote as JSON: the column, and the names in it, joined by dots.
    Part(String),
}

/// Values to draw from.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Empirical {
    /// Given here.
    List(Vec<toml::Value>),
    /// Given here, and perhaps numbers between two neighbours as well.
    Values {
        /// The values.
        values: Vec<toml::Value>,
        /// Whether numbers between two neighbours are drawn as well.
        #[serde(default)]
        smooth: bool,
    },
    /// A column of a file.
    File {
        /// The file.
        file: PathBuf,
        /// The column.
        column: String,
        /// Whether numbers between two neighbours are drawn as well.
        #[serde(default)]
        smooth: bool,
    },
}

/// Values with weights.
#[derive(Clone, Debug)]
pub struct Choice(pub Vec<(toml::Value, Number)>);

impl<'de> Deserialize<'de> for Choice {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Any {
            List(Vec<toml::Value>),
            Said(Said),
            Weights(toml::map::Map<String, toml::Value>),
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Said {
            of: Vec<toml::Value>,
            weights: Vec<Number>,
        }
        let wrong = "must be a list of values, a table of values and weights such as { yes = 3, no = 1 }, or { of = [..], weights = [..] }";
        let all = match Any::deserialize(from).map_err(|_| D::Error::custom(wrong))? {
            Any::List(list) => list.into_iter().map(|v| (v, Number::Fixed(1.0))).collect(),
            Any::Said(Said { of, weights }) if of.len() == weights.len() => of.into_iter().zip(weights).collect(),
            Any::Said(_) => return Err(D::Error::custom("`of` and `weights` must have as many entries")),
            Any::Weights(weights) => {
                let weight = |v: toml::Value| match v {
                    toml::Value::Integer(x) => Some(Number::Fixed(x as f64)),
                    toml::Value::Float(x) => Some(Number::Fixed(x)),
                    toml::Value::String(text) => Some(Number::Said(text)),
                    _ => None,
                };
                let all = weights.into_iter().map(|(name, v)| Some((toml::Value::String(name), weight(v)?)));
                all.collect::<Option<Vec<_>>>().ok_or_else(|| D::Error::custom(wrong))?
            }
        };
        if all.is_empty() { Err(D::Error::custom("has nothing to choose from")) } else { Ok(Choice(all)) }
    }
}

/// A column of a row of a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// The file: any table that verisim reads.
    pub file: PathBuf,
    /// The column of the file.
    pub column: String,
    /// A column of the file with the weight of each row.
    #[serde(default)]
    pub weight: Option<String>,
    /// Columns of the file that are equal to columns here: `{ state = "region" }` takes rows whose `state` is the `region` of this row.
    #[serde(default, rename = "match")]
    pub matching: Ordered<String>,
    /// Columns with the same word here take the same row of the file [the file's name].
    #[serde(default)]
    pub row: Option<String>,
}

/// A text with columns in braces.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Template {
    /// One.
    One(String),
    /// One of several, each as likely.
    Several(Vec<String>),
}

/// A text by rules that call each other.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grammar {
    /// The text to begin with, with the names of rules in angle brackets: `"<greeting>, <name>!"`.
    pub start: String,
    /// For each rule the texts that it may be.
    pub rules: Ordered<Vec<String>>,
}

/// Something of a made-up person, address, company ...
#[derive(Clone, Debug)]
pub struct FieldSaid {
    /// Of what: `person`, `address` ...
    pub kind: String,
    /// Which field.
    pub field: String,
    /// Which of several persons of a row.
    pub of: String,
    /// Of which country.
    pub locale: Option<String>,
}

/// A row of another table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// The table.
    pub table: String,
    /// The column whose value is taken [the first of the table's key, or its first].
    #[serde(default)]
    pub column: Option<String>,
    /// A column of the table with the weight of each row.
    #[serde(default)]
    pub weight: Option<String>,
    /// Earlier rows are more frequent: the k-th has weight 1 / k^zipf.
    #[serde(default)]
    pub zipf: Option<f64>,
    /// Whether the rows of one parent take different rows.
    #[serde(default)]
    pub distinct: bool,
}

/// An earlier row of the same table: who reports to whom, what lies in what.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    /// The column whose value is taken [the first of the table's key, or its first].
    #[serde(default)]
    pub column: Option<String>,
    /// Rows at the top, with nothing above them.
    #[serde(default = "one")]
    pub roots: u64,
    /// About how many rows lie directly below one.
    #[serde(default = "four")]
    pub children: u64,
}

fn one() -> u64 {
    1
}

fn four() -> u64 {
    4
}

/// Columns that go together, by a Gaussian copula.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copula {
    /// The columns: distributions, choices or empirical ones.
    pub columns: Vec<String>,
    /// The correlation of their normal scores, a row a column.
    pub correlation: Vec<Vec<f64>>,
}

/// All keys that make values, for messages.
fn generators() -> String {
    let own = [
        "value",
        "sequence",
        "number",
        "id",
        "uuid",
        "chance",
        "mixture",
        "empirical",
        "choice",
        "cases",
        "lookup",
        "date",
        "time",
        "regex",
        "template",
        "grammar",
        "expr",
        "ref",
        "tree",
        "prompt",
        "part",
    ];
    let all: Vec<&str> = own.into_iter().chain(FAMILIES.iter().map(|f| f.name)).chain(Field::kinds()).collect();
    all.join(", ")
}

impl<'de> Deserialize<'de> for Column {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Column;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table such as { normal = { mean = 0, sd = 1 }, round = 2 }, or an expression as a text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Column, E> {
                Ok(Column { generator: Generator::Expr(text.to_owned()), options: Options::default() })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Column, A::Error> {
                column(map)
            }
        }
        from.deserialize_any(Reader)
    }
}

/// What is said beside a generator that belongs to it.
#[derive(Default)]
struct Beside {
    of: Option<String>,
    locale: Option<String>,
    step: Option<f64>,
}

fn column<'de, A: MapAccess<'de>>(mut map: A) -> Result<Column, A::Error> {
    let (mut options, mut made, mut beside) = (Options::default(), None::<(String, Generator)>, Beside::default());
    while let Some(key) = map.next_key::<String>()? {
        match key.as_str() {
            "description" => options.description = Some(map.next_value()?),
            "min" => options.min = Some(map.next_value()?),
            "max" => options.max = Some(map.next_value()?),
            "round" => options.round = Some(map.next_value()?),
            "type" => options.kind = Some(map.next_value()?),
            "format" => options.format = Some(map.next_value()?),
            "missing" => options.missing = Some(map.next_value()?),
            "unique" => options.unique = map.next_value()?,
            "hidden" => options.hidden = map.next_value()?,
            "of" => beside.of = Some(map.next_value()?),
            "locale" => beside.locale = Some(map.next_value()?),
            "step" => beside.step = Some(map.next_value()?),
            _ => {
                let generator = generator(&key, &mut map)?;
                if let Some((other, _)) = made.replace((key.clone(), generator)) {
                    return Err(A::Error::custom(format!(
                        "says both `{other}` and `{key}`; a column has one way to be made"
                    )));
                }
            }
        }
    }
    let Some((key, mut generator)) = made else {
        return Err(A::Error::custom(format!("does not say how values are made; say one of {}", generators())));
    };
    match &mut generator {
        Generator::Field(field) => {
            field.of = beside.of.take().unwrap_or_default();
            field.locale = beside.locale.take();
        }
        Generator::Sequence(_, step) => *step = beside.step.take().unwrap_or(*step),
        _ => {}
    }
    if let Generator::Prompt(_) = generator {
        // Values are not drawn from numbers that can be drawn again.
        let all = [
            ("min", options.min.is_some()),
            ("max", options.max.is_some()),
            ("round", options.round.is_some()),
            ("format", options.format.is_some()),
            ("unique", options.unique),
        ];
        if let Some((unused, _)) = all.iter().find(|l| l.1) {
            return Err(A::Error::custom(format!(
                "`{unused}` means nothing beside `prompt`; say min_length, max_length, pattern, choices or valid in it"
            )));
        }
    }
    let left = [("of", beside.of.is_some()), ("locale", beside.locale.is_some()), ("step", beside.step.is_some())];
    match left.iter().find(|l| l.1) {
        Some((unused, _)) => Err(A::Error::custom(format!("`{unused}` means nothing beside `{key}`"))),
        None => Ok(Column { generator, options }),
    }
}

fn generator<'de, A: MapAccess<'de>>(key: &str, map: &mut A) -> Result<Generator, A::Error> {
    if let Some(family) = Family::named(key) {
        let said: Parameters = map.next_value()?;
        return Distribution::new(family, said).map(Generator::Distribution).map_err(A::Error::custom);
    }
    if Field::kinds().contains(&key) {
        let field: String = map.next_value()?;
        return Ok(Generator::Field(FieldSaid { kind: key.to_owned(), field, of: String::new(), locale: None }));
    }
    Ok(match key {
        "value" => Generator::Value(map.next_value()?),
        "sequence" => Generator::Sequence(map.next_value()?, 1.0),
        "number" => Generator::Number(map.next_value()?),
        "id" => Generator::Id(map.next_value()?),
        "uuid" => match map.next_value()? {
            true => Generator::Uuid,
            false => return Err(A::Error::custom("`uuid` can only be true; leave it out")),
        },
        "chance" => Generator::Chance(map.next_value()?),
        "mixture" => Generator::Mixture(mixture(map.next_value()?).map_err(A::Error::custom)?),
        "empirical" => Generator::Empirical(map.next_value()?),
        "choice" => Generator::Choice(map.next_value()?),
        "cases" => {
            #[derive(Deserialize)]
            #[serde(deny_unknown_fields)]
            struct Cases {
                of: String,
                when: Ordered<Column>,
                #[serde(rename = "else")]
                otherwise: Option<Box<Column>>,
            }
            let Cases { of, when, otherwise } = map.next_value()?;
            Generator::Cases { of, when, otherwise }
        }
        "lookup" => Generator::Lookup(map.next_value()?),
        "date" => Generator::Date(map.next_value()?),
        "time" => Generator::Time(map.next_value()?),
        "regex" => Generator::Regex(map.next_value()?),
        "template" => Generator::Template(map.next_value()?),
        "grammar" => Generator::Grammar(map.next_value()?),
        "expr" => Generator::Expr(map.next_value()?),
        "ref" => {
            #[derive(Deserialize)]
            #[serde(untagged)]
            enum Any {
                Table(String),
                Said(Reference),
            }
            Generator::Ref(match map.next_value()? {
                Any::Table(table) => Reference { table, column: None, weight: None, zipf: None, distinct: false },
                Any::Said(said) => said,
            })
        }
        "tree" => Generator::Tree(map.next_value()?),
        "prompt" => Generator::Prompt(Box::new(map.next_value::<PromptSaid>()?.0)),
        "part" => Generator::Part(map.next_value()?),
        _ => {
            return Err(A::Error::custom(format!(
                "there is no `{key}`. Values are made by {}. Beside it stand min, max, round, type, format, missing, unique, hidden, description",
                generators()
            )));
        }
    })
}

/// Distributions with weights: `[{ weight = 3, normal = [0, 1] }, ..]`.
fn mixture(said: Vec<toml::map::Map<String, toml::Value>>) -> Result<Vec<(Number, Distribution)>, String> {
    let one = |mut part: toml::map::Map<String, toml::Value>| {
        let number = |v: toml::Value| v.try_into::<Number>().map_err(|e| e.message().to_owned());
        let weight = part.remove("weight").map_or(Ok(Number::Fixed(1.0)), number)?;
        match number(toml::Value::Table(part))? {
            Number::Drawn(distribution) => Ok((weight, *distribution)),
            _ => Err("must name one distribution and a weight in each entry".to_owned()),
        }
    };
    let all: Vec<_> = said.into_iter().map(one).collect::<Result<_, String>>()?;
    if all.is_empty() { Err("has no entries".to_owned()) } else { Ok(all) }
}
