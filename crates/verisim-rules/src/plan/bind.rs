//! Names of columns, tables and files become places.

use std::path::Path;
use std::sync::Arc;

use super::generator::{Bounded, Maker, Slot};
use super::{After, Bound, Column, Distribution, Number, Plan, Source, Table};
use crate::cell::ColumnKey;
use crate::error::{Error, Result};
use crate::expression::columns::Kind;
use crate::expression::{self, Name};
use crate::fake::{Field, Locale};
use crate::make::calendar::Calendar;
use crate::make::learned::Opener;
use crate::make::lookup::{self, Rows};
use crate::make::pattern::Pattern;
use crate::make::text::{Grammar, Template};
use crate::process;
use crate::world::{self, Generator, Moment, World};

/// What is asked for beyond what the file says.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// The seed [the file's].
    pub seed: Option<u64>,
    /// Rows of the first table that has rows; others that are not fixed grow with it.
    pub rows: Option<u64>,
}

/// Where a mistake stands: the byte of the file, and the key.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) at: usize,
    pub(super) key: String,
}

impl Plan {
    /// Binds the names of a world.
    ///
    /// # Errors
    /// When a name means nothing, a file cannot be read, or a column would need itself.
    pub fn new(world: World, wish: &Wish, opener: &dyn Opener) -> Result<Plan> {
        let seed = wish.seed.unwrap_or(world.seed);
        let mut plan = Plan { seed, tables: Vec::new(), artefacts: Vec::new(), world };
        plan.outline(wish, opener)?;
        for t in 0..plan.tables.len() {
            plan.fill(t)?;
        }
        plan.order()?;
        plan.settle()?;
        plan.unneeded()?;
        Ok(plan)
    }

    /// Tables with their names, rows and columns, the columns still without what makes them.
    fn outline(&mut self, wish: &Wish, opener: &dyn Opener) -> Result<()> {
        let said = std::mem::take(&mut self.world.tables);
        let main = said.iter().find_map(|(_, t)| t.rows.filter(|_| t.parent.is_none() && !t.fixed));
        let scale = match (wish.rows, main) {
            (Some(wanted), Some(rows)) if rows > 0 => wanted as f64 / rows as f64,
            _ => 1.0,
        };
        for entry in &said.0 {
            let (name, t) = (&entry.name, &entry.value);
            let wrong = |key: &str, what: String| Err(self.world.wrong(entry.at, format!("tables.{name}{key}"), what));
            let parent = match &t.parent {
                None => None,
                Some(parent) => match said.0.iter().position(|e| e.name == *parent) {
                    Some(p) if said.0[p].name != *name => Some(p),
                    Some(_) => return wrong(".parent", "is the table itself; use a `tree` column".to_owned()),
                    None => return wrong(".parent", format!("there is no table `{parent}`")),
                },
            };
            let rows = match (t.rows, parent, &t.process) {
                (Some(_), Some(_), _) => {
                    return wrong(".rows", "means nothing where there is a parent; say `children`".to_owned());
                }
                (None, None, None) => return wrong("", "says no `rows`, and has no `parent`".to_owned()),
                (rows, None, _) => {
                    let rows = rows.unwrap_or(1);
                    if t.fixed { rows } else { (rows as f64 * scale).round() as u64 }
                }
                (None, Some(_), _) => 0,
            };
            if parent.is_some() && t.children.is_none() && t.process.is_none() {
                return wrong("", "says no `children`: how many rows a row of the parent has".to_owned());
            }
            if parent.is_none() && t.children.is_some() {
                return wrong(".children", "means nothing without a `parent`".to_owned());
            }
            let mut columns: Vec<Column> = Vec::new();
            let bare = |name: &str, at, kind, maker| Column {
                name: name.to_owned(),
                at,
                key: ColumnKey::new(self.seed, &entry.name, name),
                kind,
                maker,
                wanted: None,
                after: After::default(),
            };
            let process = t.process.as_ref().map(|process| process.plan()).transpose();
            let process =
                process.map_err(|e| self.world.wrong(entry.at, format!("tables.{name}.process"), e.to_string()))?;
            for (k, (column, data)) in process.iter().flat_map(process::Plan::columns).enumerate() {
                columns.push(bare(column, entry.at, Kind::of(data), Maker::Slot(Slot::Process(k))));
            }
            let mut artefact = None;
            if let Some(learned) = &t.learned {
                if parent.is_some() || t.process.is_some() {
                    return wrong(".learned", "fills tables without a parent and without a process alone".to_owned());
                }
                let learned = learned.said();
                let opened = opener.open(&self.path(&learned.path))?;
                let declared = |name: &str| t.columns.0.iter().any(|c| c.name == name);
                for (k, (column, kind)) in opened.columns().into_iter().enumerate() {
                    let wanted = learned.columns.as_ref().is_none_or(|only| only.contains(&column));
                    if wanted && !declared(&column) {
                        columns.push(bare(&column, entry.at, kind, Maker::Slot(Slot::Learned(k))));
                    }
                }
                artefact = Some(opened);
            }
            for column in &t.columns.0 {
                if columns.iter().any(|c| c.name == column.name) {
                    let what = "is made by the table's process already; give it another name".to_owned();
                    return Err(self.world.wrong(column.at, format!("tables.{name}.columns.{}", column.name), what));
                }
                columns.push(bare(&column.name, column.at, Kind::Null, Maker::Uuid));
            }
            if columns.is_empty() {
                return wrong("", "has no columns".to_owned());
            }
            self.artefacts.push(artefact);
            self.tables.push(Table {
                name: name.clone(),
                rows,
                parent,
                children: None,
                key: ColumnKey::new(self.seed, name, ""),
                columns,
                checks: Vec::new(),
                weight: None,
                keep: None,
                keys: Vec::new(),
                hidden: t.hidden,
                copula: None,
                learned: None,
                process: process.map(|process| (process, Vec::new())),
            });
        }
        self.world.tables = said;
        for t in 0..self.tables.len() {
            let (mut up, mut steps) = (self.tables[t].parent, 0);
            while let Some(p) = up {
                (up, steps) = (self.tables[p].parent, steps + 1);
                if steps > self.tables.len() {
                    let name = &self.tables[t].name;
                    let at = self.world.tables.0[t].at;
                    return Err(self.world.wrong(at, format!("tables.{name}.parent"), "is its own parent in the end"));
                }
            }
        }
        Ok(())
    }

    /// What makes the columns of a table.
    fn fill(&mut self, t: usize) -> Result<()> {
        let entry = self.world.tables.0[t].clone();
        let (name, said) = (entry.name, entry.value);
        let place = |key: &str| Place { at: entry.at, key: format!("tables.{name}.{key}") };
        let made: Vec<(usize, Column)> = said
            .columns
            .0
            .iter()
            .map(|c| {
                let here = Place { at: c.at, key: format!("tables.{name}.columns.{}", c.name) };
                let at = self.tables[t].columns.iter().position(|column| column.name == c.name).unwrap_or_default();
                Ok((at, self.column(t, &c.name, &c.value, &here)?))
            })
            .collect::<Result<_>>()?;
        made.into_iter().for_each(|(at, column)| self.tables[t].columns[at] = column);
        if let (Some(children), Some(parent)) = (&said.children, self.tables[t].parent) {
            let mut number = self.number(t, children, &place("children"))?;
            if !number.of_parent() {
                let name = &self.tables[parent].name;
                let what = format!("can only name what is known of the parent: `parent.age` or `{name}.age`");
                return Err(self.wrong(&place("children"), what));
            }
            self.tables[t].children = Some(number);
        }
        let inputs: Vec<String> = self.tables[t].process.iter().flat_map(|(p, _)| p.inputs().to_vec()).collect();
        let input = |name: &String| match self.tables[t].parent {
            Some(parent) => {
                let path =
                    name.strip_prefix("parent.").unwrap_or(name).split('.').map(str::to_owned).collect::<Vec<_>>();
                self.path_source(parent, &path, &place("process"))
            }
            None => {
                Err(self.wrong(&place("process"), format!("`{name}` is not known, and there is no parent to have it")))
            }
        };
        let sources = inputs.iter().map(input).collect::<Result<Vec<_>>>()?;
        if let Some((_, known)) = &mut self.tables[t].process {
            *known = sources;
        }
        self.tables[t].checks =
            said.check.iter().map(|check| self.bound(t, check, &place("check"))).collect::<Result<_>>()?;
        if said.keep.is_some() && self.tables[t].process.is_none() {
            return Err(self.wrong(&place("keep"), "is for rows that a process makes; use `check` or `weight`"));
        }
        self.tables[t].keep = said.keep.as_ref().map(|k| self.bound(t, k, &place("keep"))).transpose()?;
        for name in &said.hide {
            let c = self.own(t, name, &place("hide"))?;
            if !matches!(self.tables[t].columns[c].maker, Maker::Slot(_)) {
                return Err(self.wrong(&place("hide"), format!("`{name}` is declared here; say `hidden = true` there")));
            }
            self.tables[t].columns[c].after.hidden = true;
        }
        self.tables[t].weight = said.weight.as_ref().map(|w| self.bound(t, w, &place("weight"))).transpose()?;
        let columns = |names: &[String], key: &str| {
            names.iter().map(|name| self.own(t, name, &place(key))).collect::<Result<Vec<usize>>>()
        };
        let keys = match &said.key {
            Some(key) => columns(key.names(), "key")?,
            None => {
                let is_key = |c: &Column| matches!(c.maker, Maker::Sequence(..) | Maker::Id(_) | Maker::Uuid);
                self.tables[t].columns.iter().position(is_key).into_iter().collect()
            }
        };
        let learned = match &said.learned {
            Some(learned) => Some((learned.clone(), columns(&learned.said().given, "learned.given")?)),
            None => None,
        };
        let copula = match &said.copula {
            Some(copula) => Some((columns(&copula.columns, "copula.columns")?, &copula.correlation)),
            None => None,
        };
        (self.tables[t].keys, self.tables[t].learned) = (keys, learned);
        if let Some((columns, correlation)) = copula {
            let factor = crate::make::copula::factor(correlation, columns.len())
                .map_err(|what| self.wrong(&place("copula.correlation"), what))?;
            for &c in &columns {
                let drawn = matches!(
                    &self.tables[t].columns[c].maker,
                    Maker::Distribution(_) | Maker::Chance(_) | Maker::Choice(..) | Maker::Empirical(..)
                );
                if !drawn {
                    let name = &self.tables[t].columns[c].name;
                    let what = format!("`{name}` is neither a distribution, a chance, a choice nor empirical");
                    return Err(self.wrong(&place("copula.columns"), what));
                }
            }
            self.tables[t].copula = Some((columns, factor));
        }
        Ok(())
    }

    pub(super) fn wrong(&self, place: &Place, what: impl Into<String>) -> Error {
        self.world.wrong(place.at, &place.key, what)
    }

    /// The place of a column of a table.
    pub(super) fn own(&self, t: usize, name: &str, place: &Place) -> Result<usize> {
        self.tables[t].columns.iter().position(|c| c.name == name).ok_or_else(|| {
            let all: Vec<&str> = self.tables[t].columns.iter().map(|c| c.name.as_str()).collect();
            self.wrong(
                place,
                format!("there is no column `{name}` in `{}`; there are {}", self.tables[t].name, all.join(", ")),
            )
        })
    }

    /// Where the values of a name come from, seen from a row of table `t`.
    pub(super) fn source(&self, t: usize, name: &Name, place: &Place) -> Result<Source> {
        let table = &self.tables[t];
        if let Some(aggregate) = name.aggregate {
            let child = self.table(&name.path[0]).filter(|&c| self.tables[c].parent == Some(t)).ok_or_else(|| {
                self.wrong(place, format!("`{name}`: `{}` is no table whose parent is `{}`", name.path[0], table.name))
            })?;
            let column = name.path.get(1).map(|column| self.own(child, column, place)).transpose()?;
            return Ok(Source::Children(aggregate, child, column));
        }
        self.path_source(t, &name.path, place)
    }

    pub(super) fn path_source(&self, t: usize, path: &[String], place: &Place) -> Result<Source> {
        let table = &self.tables[t];
        let place_of = |name: &str| table.columns.iter().position(|c| c.name == name);
        // A column may have dots in its name.
        if let Some(c) = place_of(&path.join(".")) {
            return Ok(Source::Own(c));
        }
        let [head, rest @ ..] = path else { return Err(self.wrong(place, "names nothing")) };
        if rest.is_empty() {
            return match head.as_str() {
                "row" => Ok(Source::Row),
                "within" if table.parent.is_some() => Ok(Source::Within),
                _ => self.own(t, head, place).map(Source::Own),
            };
        }
        if let Some(parent) = table.parent.filter(|&p| head == "parent" || *head == self.tables[p].name) {
            return Ok(Source::Parent(Box::new(self.path_source(parent, rest, place)?)));
        }
        // The words of the file, since what makes the column may not be bound yet.
        let said = self.world.tables.0[t].value.columns.0.iter().find(|c| c.name == *head);
        let target = match said.map(|c| &c.value.generator) {
            Some(Generator::Ref(said)) => Some(self.target(&said.table, place)?),
            Some(Generator::Tree(_)) => Some(t),
            _ => None,
        };
        match (place_of(head), target) {
            (Some(c), Some(target)) => Ok(Source::Via(c, target, Box::new(self.path_source(target, rest, place)?))),
            _ => Err(self.wrong(
                place,
                format!(
                    "`{}`: `{head}` is neither `parent` nor a column of `{}` that refers to a table",
                    path.join("."),
                    table.name
                ),
            )),
        }
    }

    fn target(&self, name: &str, place: &Place) -> Result<usize> {
        self.table(name).ok_or_else(|| {
            let all: Vec<&str> = self.tables.iter().map(|t| t.name.as_str()).collect();
            self.wrong(place, format!("there is no table `{name}`; there are {}", all.join(", ")))
        })
    }

    /// Binds an expression over the rows of a table.
    pub(super) fn bound(&self, t: usize, text: &str, place: &Place) -> Result<Bound> {
        let expression = expression::read(text).map_err(|e| self.wrong(place, e.to_string()))?;
        let sources = expression.names.iter().map(|name| self.source(t, name, place)).collect::<Result<_>>()?;
        Ok(Bound { expression: Arc::new(expression), sources })
    }

    pub(super) fn number(&self, t: usize, said: &world::Number, place: &Place) -> Result<Number> {
        Ok(match said {
            world::Number::Fixed(x) => Number::Fixed(*x),
            world::Number::Said(text) => Number::Said(self.bound(t, text, place)?),
            world::Number::Drawn(d) => Number::Drawn(Box::new(self.distribution(t, d, place)?)),
        })
    }

    fn distribution(&self, t: usize, said: &world::Distribution, place: &Place) -> Result<Distribution> {
        let parameters = said.parameters.iter().map(|p| self.number(t, p, place)).collect::<Result<Vec<_>>>()?;
        if let Some(fixed) = fixed(&parameters) {
            crate::make::distribution::Sampler::new(said.family, &fixed).map_err(|what| self.wrong(place, what))?;
        }
        Ok(Distribution { family: said.family, parameters })
    }

    fn moment(&self, t: usize, said: &Moment, place: &Place) -> Result<Bounded> {
        Ok(match said {
            Moment::Fixed(at) => Bounded::Fixed(*at),
            Moment::Said(text) => Bounded::Said(self.bound(t, text, place)?),
        })
    }

    /// A column from its words.
    fn column(&self, t: usize, name: &str, said: &world::Column, place: &Place) -> Result<Column> {
        let options = &said.options;
        let number = |n: &Option<world::Number>| n.as_ref().map(|n| self.number(t, n, place)).transpose();
        let wanted = match options.kind.as_deref() {
            None => None,
            Some("int") => Some(Kind::Whole),
            Some("float") => Some(Kind::Number),
            Some("text") => Some(Kind::Text),
            Some("bool") => Some(Kind::Yes),
            Some("date") => Some(Kind::Day),
            Some("time") => Some(Kind::Time),
            Some(other) => {
                let what = format!("there is no type `{other}`; there are int, float, text, bool, date, time");
                return Err(self.wrong(place, what));
            }
        };
        if let Some(format) = &options.format {
            crate::make::text::check_format(format).map_err(|what| self.wrong(place, what))?;
        }
        Ok(Column {
            name: name.to_owned(),
            at: place.at,
            key: ColumnKey::new(
                self.seed,
                &self.tables[t].name,
                place.key.split_once(".columns.").map_or(name, |k| k.1),
            ),
            kind: Kind::Null,
            maker: self.maker(t, &said.generator, place)?,
            wanted,
            after: After {
                min: number(&options.min)?,
                max: number(&options.max)?,
                round: options.round,
                format: options.format.clone(),
                missing: number(&options.missing)?,
                unique: options.unique,
                hidden: options.hidden,
            },
        })
    }

    fn maker(&self, t: usize, said: &Generator, place: &Place) -> Result<Maker> {
        let wrong = |what: String| self.wrong(place, what);
        Ok(match said {
            Generator::Value(value) => Maker::Value(lookup::array(std::slice::from_ref(value)).map_err(wrong)?),
            Generator::Sequence(first, step) => Maker::Sequence(*first, *step),
            Generator::Number(_) if self.tables[t].parent.is_none() => {
                return Err(wrong("counts the rows of one parent, and there is no parent; use `sequence`".to_owned()));
            }
            Generator::Number(first) => Maker::Number(*first),
            Generator::Id(pattern) => {
                let pattern = Pattern::new(pattern).map_err(wrong)?;
                if pattern.count().is_none() {
                    return Err(wrong(
                        "fits more than 2^64 texts; use `regex` with `unique = true`, or `uuid`".to_owned(),
                    ));
                }
                Maker::Id(pattern)
            }
            Generator::Uuid => Maker::Uuid,
            Generator::Distribution(d) => Maker::Distribution(self.distribution(t, d, place)?),
            Generator::Chance(p) => Maker::Chance(self.number(t, p, place)?),
            Generator::Mixture(all) => {
                let one = |(weight, d): &(world::Number, world::Distribution)| {
                    Ok((self.number(t, weight, place)?, self.distribution(t, d, place)?))
                };
                Maker::Mixture(all.iter().map(one).collect::<Result<_>>()?)
            }
            Generator::Empirical(said) => self.empirical(said, place)?,
            Generator::Choice(choice) => {
                let values: Vec<toml::Value> = choice.0.iter().map(|c| c.0.clone()).collect();
                let weights = choice.0.iter().map(|c| self.number(t, &c.1, place)).collect::<Result<Vec<_>>>()?;
                let wrong_weights =
                    |w: Vec<f64>| w.iter().any(|w| !(*w >= 0.0 && w.is_finite())) || w.iter().sum::<f64>() <= 0.0;
                if fixed(&weights).is_some_and(wrong_weights) {
                    return Err(wrong("has weights below 0, or none above 0".to_owned()));
                }
                Maker::Choice(lookup::array(&values).map_err(wrong)?, weights)
            }
            Generator::Cases { of, when, otherwise } => {
                let of = self.own(t, of, place)?;
                let part = |name: &str, at: usize| Place { at, key: format!("{}.{name}", place.key) };
                let one = |e: &world::Entry<world::Column>| {
                    Ok((e.name.clone(), self.column(t, &e.name, &e.value, &part(&e.name, e.at))?))
                };
                let cases = when.0.iter().map(one).collect::<Result<Vec<_>>>()?;
                let otherwise = match otherwise {
                    Some(c) => Some(Box::new(self.column(t, "else", c, &part("else", place.at))?)),
                    None => None,
                };
                let mut all = cases.iter().map(|(_, c)| c).chain(otherwise.as_deref());
                if all.any(|c| matches!(c.maker, Maker::Prompt(_) | Maker::Part { .. })) {
                    let what =
                        "a prompt cannot be one of several cases; let it be a column, and say the case in its text";
                    return Err(wrong(what.to_owned()));
                }
                Maker::Cases(of, cases, otherwise)
            }
            Generator::Lookup(said) => self.lookup(t, said, place)?,
            Generator::Date(said) => {
                let calendar = Calendar::of_dates(said).map_err(wrong)?;
                Maker::Moment(Box::new(calendar), self.moment(t, &said.from, place)?, self.moment(t, &said.to, place)?)
            }
            Generator::Time(said) => {
                let calendar = Calendar::of_times(said).map_err(wrong)?;
                Maker::Moment(Box::new(calendar), self.moment(t, &said.from, place)?, self.moment(t, &said.to, place)?)
            }
            Generator::Regex(pattern) => Maker::Regex(Pattern::new(pattern).map_err(wrong)?),
            Generator::Template(said) => {
                let all = match said {
                    world::Template::One(one) => std::slice::from_ref(one),
                    world::Template::Several(all) => all.as_slice(),
                };
                let one = |text: &String| {
                    Template::read(text, &|said| self.bound(t, said, place)).map_err(|e| match e {
                        Error::Setting { what, .. } => wrong(what),
                        other => other,
                    })
                };
                Maker::Template(all.iter().map(one).collect::<Result<_>>()?)
            }
            Generator::Grammar(said) => Maker::Grammar(Grammar::new(said).map_err(wrong)?),
            Generator::Field(said) => {
                let table = self.world.tables.0[t].value.locale.as_ref();
                let locale = said.locale.as_ref().or(table).or(self.world.locale.as_ref());
                let locale: Locale = locale.map_or("en_US", |l| l).parse().map_err(|e: Error| wrong(e.to_string()))?;
                let field = Field::parse(&said.kind, &said.field).map_err(|e| wrong(e.to_string()))?;
                Maker::Field(field, locale, said.of.clone())
            }
            Generator::Expr(text) => Maker::Expr(self.bound(t, text, place)?),
            Generator::Ref(said) => {
                let table = self.target(&said.table, place)?;
                if table == t {
                    return Err(wrong("refers to its own table; use `tree`".to_owned()));
                }
                if said.distinct && (said.weight.is_some() || said.zipf.is_some() || self.tables[t].parent.is_none()) {
                    return Err(wrong("`distinct` needs a parent, and no `weight` or `zipf`".to_owned()));
                }
                if said.weight.is_some() && said.zipf.is_some() {
                    return Err(wrong("says both `weight` and `zipf`".to_owned()));
                }
                let weight = said.weight.as_ref().map(|w| self.own(table, w, place)).transpose()?;
                let column = self.key_of(table, said.column.as_deref(), place)?;
                Maker::Ref { table, column, weight, zipf: said.zipf, distinct: said.distinct }
            }
            Generator::Tree(said) => {
                let column = self.key_of(t, said.column.as_deref(), place)?;
                Maker::Tree(column, said.roots.max(1), said.children.max(1))
            }
            Generator::Prompt(said) => self.prompt(t, said, place)?,
            Generator::Part(said) => self.part(t, said, place)?,
        })
    }

    /// The column of a table that others refer to.
    fn key_of(&self, t: usize, said: Option<&str>, place: &Place) -> Result<usize> {
        let table = &self.world.tables.0[t].value;
        match (said, &table.key) {
            (Some(name), _) => self.own(t, name, place),
            (None, Some(key)) if !key.names().is_empty() => self.own(t, &key.names()[0], place),
            _ => {
                let is_key = |c: &&world::Entry<world::Column>| {
                    matches!(c.value.generator, Generator::Sequence(..) | Generator::Id(_) | Generator::Uuid)
                };
                let first = table.columns.0.iter().find(is_key).or(table.columns.0.first());
                first.map_or(Ok(0), |c| self.own(t, &c.name, place))
            }
        }
    }

    fn empirical(&self, said: &world::Empirical, place: &Place) -> Result<Maker> {
        let wrong = |what: String| self.wrong(place, what);
        let (array, smooth) = match said {
            world::Empirical::List(list) => (lookup::array(list).map_err(wrong)?, false),
            world::Empirical::Values { values, smooth } => (lookup::array(values).map_err(wrong)?, *smooth),
            world::Empirical::File { file, column, smooth } => {
                let rows = lookup::read(&self.path(file))?;
                let k = rows.column(column).map_err(wrong)?;
                (rows.columns[k].clone(), *smooth)
            }
        };
        let array = lookup::present(&array)?;
        if array.is_empty() {
            return Err(wrong("has no values".to_owned()));
        }
        let numbers = matches!(Kind::of(array.data_type()), Kind::Number | Kind::Whole);
        if smooth && !numbers {
            return Err(wrong("`smooth` needs numbers".to_owned()));
        }
        // In order, so that a copula can take the value at a share of them.
        Ok(Maker::Empirical(lookup::sorted(&array)?, smooth))
    }

    fn lookup(&self, t: usize, said: &world::Lookup, place: &Place) -> Result<Maker> {
        let wrong = |what: String| self.wrong(place, what);
        let path: &Path = &said.file;
        let mut rows = lookup::read(&self.path(path))?;
        let column = rows.column(&said.column).map_err(wrong)?;
        let mut own = Vec::new();
        let mut theirs = Vec::new();
        for (theirs_name, own_name) in said.matching.iter() {
            theirs.push(rows.column(theirs_name).map_err(wrong)?);
            own.push(self.own(t, own_name, place)?);
        }
        let weight = said.weight.as_ref().map(|w| rows.column(w)).transpose().map_err(wrong)?;
        rows.group(&theirs, weight).map_err(wrong)?;
        let row = said.row.clone().unwrap_or_else(|| path.display().to_string());
        Ok(Maker::Lookup(Arc::new(rows) as Arc<Rows>, column, own, row))
    }

    /// What can only be seen when all kinds are known.
    fn settle(&self) -> Result<()> {
        for (t, table) in self.tables.iter().enumerate() {
            let entry = &self.world.tables.0[t];
            let place = |key: &str| Place { at: entry.at, key: format!("tables.{}.{key}", table.name) };
            for (bound, key) in table.checks.iter().map(|b| (b, "check")) {
                if !matches!(self.bound_kind(t, bound), Kind::Yes | Kind::Null) {
                    return Err(
                        self.wrong(&place(key), format!("`{}` is neither true nor false", bound.expression.text))
                    );
                }
            }
            for column in &table.columns {
                let place = Place { at: column.at, key: format!("tables.{}.columns.{}", table.name, column.name) };
                if column.after.format.is_some() && !matches!(self.made(t, column), Kind::Day | Kind::Time) {
                    return Err(self.wrong(&place, "`format` is for dates and times; for numbers write a `template`"));
                }
                if let (Maker::Id(pattern), None) = (&column.maker, table.parent) {
                    let count = pattern.count().unwrap_or(u64::MAX);
                    if count < table.rows {
                        let what = format!("fits {count} texts, and there are {} rows; make it longer", table.rows);
                        return Err(self.wrong(&place, what));
                    }
                }
            }
        }
        Ok(())
    }
}

impl Number {
    /// Turns a number of a child's row into one of its parent's; whether it names nothing but the parent.
    fn of_parent(&mut self) -> bool {
        match self {
            Number::Fixed(_) => true,
            Number::Said(bound) => bound.sources.iter_mut().all(|source| match source {
                Source::Parent(rest) => {
                    *source = rest.as_ref().clone();
                    true
                }
                _ => false,
            }),
            Number::Drawn(d) => d.parameters.iter_mut().all(Number::of_parent),
        }
    }
}

/// The values of numbers that are all the same in each row.
pub(crate) fn fixed(numbers: &[Number]) -> Option<Vec<f64>> {
    numbers.iter().map(|n| if let Number::Fixed(x) = n { Some(*x) } else { None }).collect()
}
