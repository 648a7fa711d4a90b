//! Columns that a language model writes: their templates are read, what they name is bound, and what they may not be needed for is refused.

use std::sync::Arc;

use rustc_hash::FxHashSet;
use verisim_data::server::{Message, Pattern, Schema, Type, Want};

use super::bind::Place;
use super::order::Node;
use super::{Maker, Number, Plan, Source};
use crate::error::{Error, Result};
use crate::expression::columns::{Kind, Values};
use crate::expression::{self, Expression};
use crate::make::jinja::Jinja;
use crate::make::lookup::{self, Rows};
use crate::world::{self, Examples as Said, Generator, SchemaSaid};

/// What a language model is asked in each row of a column.
pub struct Prompt {
    /// What is asked.
    pub user: Jinja,
    /// What the model is and does.
    pub system: Option<Jinja>,
    /// What the templates name, and where its values come from.
    pub names: Vec<(Vec<String>, Source)>,
    /// What a reply must be.
    pub want: Arc<Want>,
    /// What else must hold.
    pub valid: Option<Arc<Valid>>,
    /// What scores a reply.
    pub judge: Option<Arc<Judge>>,
    /// What the model is shown.
    pub examples: Examples,
    /// The model, if it is not the server's.
    pub model: Option<String>,
    /// How freely it draws.
    pub temperature: Option<Number>,
    /// The most tokens of a reply.
    pub max_tokens: Option<u32>,
}

/// An expression that must hold of a reply.
pub struct Valid {
    /// The expression.
    pub expression: Expression,
    /// Where the values of its names come from.
    pub names: Vec<Named>,
}

/// Where a value comes from that an expression about a reply names.
pub enum Named {
    /// The reply itself.
    Reply,
    /// A part of the reply, which is JSON.
    Part(Vec<String>),
    /// The row.
    Row(Source),
}

/// What scores a reply.
pub struct Judge {
    /// What is asked.
    pub user: Jinja,
    /// What the judge is.
    pub system: Option<Jinja>,
    /// The least score that will do.
    pub at_least: f64,
    /// The model, if it is not the one that wrote.
    pub model: Option<String>,
}

/// What a model is shown.
pub enum Examples {
    /// The same turns in each row; perhaps none.
    Here(Vec<Message>),
    /// Rows of a file, other ones in each row.
    Rows(Box<ExampleRows>),
}

/// Rows of a file that a model is shown.
pub struct ExampleRows {
    /// The file, as it was said.
    pub file: String,
    /// The rows.
    pub rows: Rows,
    /// How many of them.
    pub count: usize,
    /// What was asked.
    pub user: Jinja,
    /// The reply.
    pub reply: Jinja,
}

/// A column that a model is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The table.
    pub table: usize,
    /// The column.
    pub column: usize,
    /// Whether other tables need it, so that all rows are asked for and not those of a part alone.
    pub everywhere: bool,
}

impl Plan {
    /// Binds a prompt of a column of table `t`.
    pub(super) fn prompt(&self, t: usize, said: &world::Prompt, place: &Place) -> Result<Maker> {
        let Some(model) = &self.world.model else {
            let what = "needs a language model; say where it is: [model.server] with base_url and model";
            return Err(self.wrong(place, what));
        };
        let part = |key: &str| Place { at: place.at, key: format!("{}.prompt.{key}", place.key) };
        let wrong = |key: &str, what: String| Err(self.wrong(&part(key), what));
        let some = |said: &Option<String>, key: &str| said.as_ref().map(|s| self.jinja(s, &part(key))).transpose();
        let user = self.jinja(&said.user, &part("user"))?;
        let system = some(&said.system, "system")?;
        let judge = match &said.judge {
            Some(judge) => Some(Arc::new(Judge {
                user: self.jinja(&judge.user, &part("judge.user"))?,
                system: some(&judge.system, "judge.system")?,
                at_least: judge.at_least,
                model: judge.model.clone(),
            })),
            None => None,
        };
        let mut names: Vec<(Vec<String>, Source)> = Vec::new();
        let judges = judge.iter().flat_map(|j| [(Some(&j.user), "judge.user"), (j.system.as_ref(), "judge.system")]);
        let templates = [(Some(&user), "user"), (system.as_ref(), "system")].into_iter().chain(judges);
        for (template, key) in templates.filter_map(|(template, key)| template.map(|t| (t, key))) {
            let is_reply = |path: &[String]| key.starts_with("judge") && path[0] == "reply";
            for path in template.names.iter().filter(|path| !is_reply(path)) {
                let here = self.within(&part(key), &template.said, template.line_of(path));
                let source = self.path_source(t, path, &here)?;
                let begins = |(other, _): &&(Vec<String>, Source)| {
                    other != path && (other.starts_with(path) || path.starts_with(other))
                };
                if let Some((other, _)) = names.iter().find(begins) {
                    let (a, b) = (path.join("."), other.join("."));
                    let what = format!("names both `{a}` and `{b}`; let a hidden column be one of them");
                    return Err(self.wrong(&here, what));
                }
                if !names.iter().any(|(other, _)| other == path) {
                    names.push((path.clone(), source));
                }
            }
        }
        if said.schema.is_some()
            && (!said.choices.is_empty() || said.pattern.is_some() || said.max_length.or(said.min_length).is_some())
        {
            return wrong("schema", "stands alone; say choices, pattern and lengths of its texts in it".to_owned());
        }
        if said.min_length.zip(said.max_length).is_some_and(|(least, most)| least > most) {
            return wrong("min_length", "is above max_length".to_owned());
        }
        let choices = lookup::array(&said.choices).map_err(|what| self.wrong(&part("choices"), what))?;
        let choices = Values::of(choices.as_ref()).texts();
        let want = Want {
            schema: said.schema.as_ref().map(|s| self.schema(s, &part("schema"))).transpose()?,
            choices: if said.choices.is_empty() {
                Vec::new()
            } else {
                choices.iter().flatten().map(str::to_owned).collect()
            },
            pattern: said
                .pattern
                .as_ref()
                .map(|p| Pattern::new(p))
                .transpose()
                .map_err(|e| self.wrong(&part("pattern"), e))?,
            min_length: said.min_length,
            max_length: said.max_length,
            cut: said.cut,
        };
        let valid = said.valid.as_ref().map(|v| self.valid(t, v, &want, &part("valid"))).transpose()?;
        let temperature = said.temperature.as_ref().or(model.server.temperature.as_ref());
        Ok(Maker::Prompt(Box::new(Prompt {
            valid: valid.map(Arc::new),
            want: Arc::new(want),
            examples: self.examples(said.examples.as_ref(), &part("examples"))?,
            temperature: temperature.map(|n| self.number(t, n, &part("temperature"))).transpose()?,
            max_tokens: said.max_tokens,
            model: said.model.clone(),
            user,
            system,
            names,
            judge,
        })))
    }

    /// Binds a part of what a model wrote as JSON: the column, the names in it, and what is there.
    pub(super) fn part(&self, t: usize, said: &str, place: &Place) -> Result<Maker> {
        let (head, path) = said.split_once('.').unwrap_or((said, ""));
        let words = self.world.tables.0[t].value.columns.0.iter().find(|c| c.name == head).map(|c| &c.value.generator);
        let schema = match words {
            Some(Generator::Prompt(prompt)) => prompt.schema.as_ref(),
            _ => return Err(self.wrong(
                place,
                format!(
                    "`{head}` is no column here that has a `prompt`; say its name, a point, and a name of its schema"
                ),
            )),
        };
        let Some(schema) = schema else {
            return Err(self.wrong(place, format!("`{head}` is a text without parts; give its prompt a `schema`")));
        };
        let schema = self.schema(schema, place)?;
        let path: Vec<&str> = path.split('.').collect();
        let Some(types) = schema.types(&path) else {
            let names: Vec<&str> = schema.names().collect();
            let what =
                format!("the schema of `{head}` has no `{}`; at its top are {}", path.join("."), names.join(", "));
            return Err(self.wrong(place, what));
        };
        let kinds = types.iter().map(|t| match t {
            Type::Null => Kind::Null,
            Type::Boolean => Kind::Yes,
            Type::Integer => Kind::Whole,
            Type::Number => Kind::Number,
            Type::String | Type::Array | Type::Object => Kind::Text,
        });
        let kind = kinds.reduce(Kind::and).filter(|k| *k != Kind::Null).unwrap_or(Kind::Text);
        Ok(Maker::Part { of: self.own(t, head, place)?, path: path.into_iter().map(str::to_owned).collect(), kind })
    }

    fn jinja(&self, said: &str, place: &Place) -> Result<Jinja> {
        Jinja::read(said).map_err(|(line, what)| self.wrong(&self.within(place, said, line), what))
    }

    /// The place of a line of a text that stands behind `place` in the file, if it stands there as it is.
    fn within(&self, place: &Place, said: &str, line: usize) -> Place {
        let behind = self.world.text.get(place.at..).unwrap_or_default();
        let first = said.lines().enumerate().find(|(_, line)| !line.trim().is_empty());
        let found = first.and_then(|(k, first)| Some((k, behind.find(first.trim())?)));
        let at = found.map_or(place.at, |(k, at)| {
            let lines = behind[at..].split_inclusive('\n').take((line - 1).saturating_sub(k));
            place.at + at + lines.map(str::len).sum::<usize>()
        });
        Place { at, key: place.key.clone() }
    }

    fn schema(&self, said: &SchemaSaid, place: &Place) -> Result<Schema> {
        let value = match said {
            SchemaSaid::Here(value) => value.clone(),
            SchemaSaid::File(file) => {
                let path = self.path(file);
                let text = std::fs::read_to_string(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
                serde_json::from_str(&text).map_err(|e| self.wrong(place, format!("{}: {e}", path.display())))?
            }
        };
        Schema::new(value).map_err(|what| self.wrong(place, what))
    }

    fn valid(&self, t: usize, said: &str, want: &Want, place: &Place) -> Result<Valid> {
        let expression = expression::read(said).map_err(|e| self.wrong(place, e.to_string()))?;
        // The column's own name is the reply.
        let own = place.key.split(".columns.").nth(1).and_then(|k| k.strip_suffix(".prompt.valid")).unwrap_or_default();
        let name = |name: &expression::Name| {
            if name.aggregate.is_some() || name.path[0] != own {
                return self.source(t, name, place).map(Named::Row);
            }
            match (&name.path[1..], &want.schema) {
                ([], _) => Ok(Named::Reply),
                (path, Some(schema))
                    if schema.types(&path.iter().map(String::as_str).collect::<Vec<_>>()).is_some() =>
                {
                    Ok(Named::Part(path.to_vec()))
                }
                _ => {
                    Err(self
                        .wrong(place, format!("`{name}`: the reply has no such part; its schema says which there are")))
                }
            }
        };
        let names = expression.names.iter().map(name).collect::<Result<_>>()?;
        Ok(Valid { names, expression })
    }

    fn examples(&self, said: Option<&Said>, place: &Place) -> Result<Examples> {
        let rows = match said {
            None => return Ok(Examples::Here(Vec::new())),
            Some(Said::Here(all)) => {
                let turns = all.iter().flat_map(|e| [Message::user(e.user.trim()), Message::assistant(e.reply.trim())]);
                return Ok(Examples::Here(turns.collect()));
            }
            Some(Said::Rows(rows)) => rows,
        };
        let file = rows.file.display().to_string();
        if !rows.share_real_rows {
            let server = self.world.model.as_ref().map_or("the server", |m| &m.server.base_url);
            let what = format!(
                "would send rows of {file} to {server}. If they may be read there, say share_real_rows = true; if not, write examples of your own"
            );
            return Err(self.wrong(place, what));
        }
        let table = lookup::read(&self.path(&rows.file))?;
        let (user, reply) = (self.jinja(&rows.user, place)?, self.jinja(&rows.reply, place)?);
        for (template, path) in [&user, &reply].into_iter().flat_map(|t| t.names.iter().map(move |n| (t, n))) {
            let here = self.within(place, &template.said, template.line_of(path));
            table.column(&path.join(".")).map_err(|what| self.wrong(&here, what))?;
        }
        Ok(Examples::Rows(Box::new(ExampleRows { file, rows: table, count: rows.count, user, reply })))
    }

    /// Refuses prompts that are needed where rows are counted or drawn again: a model is asked when all rows are known.
    pub(super) fn unneeded(&self) -> Result<()> {
        for (t, table) in self.tables.iter().enumerate() {
            let at = self.world.tables.0[t].at;
            let mut counted = Vec::new();
            self.counted(t, &mut counted);
            for (nodes, what) in
                [(vec![Node::Checks(t)], "check, weight and keep"), (counted, "how many rows there are")]
            {
                let Some(Node::Column(t2, c)) = self.reaches(nodes, &|node| self.is_prompt(node)) else { continue };
                let name = format!("{}.{}", self.tables[t2].name, self.tables[t2].columns[c].name);
                let what = format!(
                    "{what} cannot need `{name}`, which a language model writes when all rows are there; say what must hold as `valid` in its prompt"
                );
                return Err(self.world.wrong(at, format!("tables.{}", table.name), what));
            }
        }
        Ok(())
    }

    fn is_prompt(&self, node: Node) -> bool {
        matches!(node, Node::Column(t, c) if matches!(self.tables[t].columns[c].maker, Maker::Prompt(_)))
    }

    /// The first node that is needed, near or far, and is such.
    fn reaches(&self, from: Vec<Node>, is: &dyn Fn(Node) -> bool) -> Option<Node> {
        let (mut seen, mut open): (FxHashSet<Node>, _) = (FxHashSet::default(), from);
        while let Some(node) = open.pop() {
            if is(node) {
                return Some(node);
            }
            if seen.insert(node) {
                open.extend(self.needs(node));
            }
        }
        None
    }

    /// The columns that a model must be asked for, each after those that its prompt needs.
    pub fn asked(&self) -> Vec<Asked> {
        let (mut order, mut seen) = (Vec::new(), FxHashSet::default());
        for (t, table) in self.tables.iter().enumerate().filter(|(_, table)| !table.hidden) {
            for c in (0..table.columns.len()).filter(|&c| !table.columns[c].after.hidden) {
                self.collect(Node::Column(t, c), &mut seen, &mut order);
            }
        }
        let across =
            |node: &Node| self.needs(*node).into_iter().filter(|need| need.table() != node.table()).collect::<Vec<_>>();
        let mut everywhere = FxHashSet::default();
        let mut open: Vec<Node> = order.iter().flat_map(across).collect();
        while let Some(node) = open.pop() {
            if everywhere.insert(node) {
                open.extend(self.needs(node));
            }
        }
        let asked = order.into_iter().filter(|node| self.is_prompt(*node));
        let asked = asked.filter_map(|node| match node {
            Node::Column(table, column) => Some(Asked { table, column, everywhere: everywhere.contains(&node) }),
            Node::Checks(_) => None,
        });
        asked.collect()
    }

    fn collect(&self, node: Node, seen: &mut FxHashSet<Node>, order: &mut Vec<Node>) {
        if seen.insert(node) {
            self.needs(node).into_iter().for_each(|need| self.collect(need, seen, order));
            order.push(node);
        }
    }
}

impl Prompt {
    /// All that is needed to ask.
    pub(super) fn sources(&self, each: &mut dyn FnMut(&Source)) {
        self.names.iter().for_each(|(_, source)| each(source));
        for named in self.valid.iter().flat_map(|v| &v.names) {
            if let Named::Row(source) = named {
                each(source);
            }
        }
        if let Some(temperature) = &self.temperature {
            temperature.sources(each);
        }
    }
}

impl Node {
    fn table(self) -> usize {
        match self {
            Node::Column(t, _) | Node::Checks(t) => t,
        }
    }
}
