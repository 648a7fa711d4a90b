//! What a language model is asked in the rows of a block, and what is made of its replies.

use std::rc::Rc;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, StringArray};
use serde_json::{Map, Value as Json};
use verisim_data::server::{Check, Judge, Message, Request};

use super::{Block, Engine};
use crate::cell::Cell;
use crate::error::Result;
use crate::expression::columns::{Kind, Values};
use crate::plan::{Column, ExampleRows, Examples, Maker, Named, Prompt, Source};

/// What is asked in one row.
pub(super) enum Asking {
    /// This.
    Request(Box<Request>),
    /// Nothing: the value is missing by chance.
    Missing,
    /// Nothing: a reply that the prompt needs is missing.
    Needs,
}

impl<'e> Block<'e> {
    /// The keys of the rows, by which replies are known again.
    pub(super) fn keys(&self) -> &[u64] {
        &self.rows.keys
    }

    /// What a model is asked for a column in each row.
    ///
    /// # Errors
    /// When values that a prompt names cannot be made, or a prompt cannot be put together.
    pub(super) fn asking(self: &Rc<Self>, c: usize) -> Result<Vec<Asking>> {
        let engine = self.engine;
        let table = &engine.plan.tables[self.table];
        let column = &table.columns[c];
        let Maker::Prompt(prompt) = &column.maker else { return Ok(Vec::new()) };
        let at: Arc<str> = format!("{}.{}", table.name, column.name).into();
        let arrays = prompt.names.iter().map(|(_, source)| self.source(source)).collect::<Result<Vec<_>>>()?;
        let values: Vec<Values> = arrays.iter().map(|a| Values::of(a.as_ref())).collect();
        let replied: Vec<bool> = prompt.names.iter().map(|(_, source)| self.is_reply(source)).collect();
        let missing = match &column.after.missing {
            Some(missing) => self.missing(missing, column)?,
            None => vec![false; self.len()],
        };
        let temperature = prompt.temperature.as_ref().map(|n| self.number(n, column.key, 10)).transpose()?;
        let checks = self.checks(prompt, column)?;
        let one = |i: usize| {
            if missing[i] {
                return Ok(Asking::Missing);
            }
            let cells: Vec<Json> =
                values.iter().zip(&arrays).map(|(v, a)| json(v, Kind::of(a.data_type()), i)).collect();
            if !engine.is_supposed() && cells.iter().zip(&replied).any(|(cell, replied)| *replied && cell.is_null()) {
                return Ok(Asking::Needs);
            }
            let mut context = Map::new();
            prompt.names.iter().zip(cells).for_each(|((path, _), cell)| put(&mut context, path, cell));
            let wrong = |what: String| self.wrong(column, what);
            let cell = Cell::new(column.key.again(self.rows.attempt(i)), self.rows.keys[i]);
            Ok(Asking::Request(Box::new(Request {
                at: at.clone(),
                model: prompt.model.clone(),
                messages: messages(prompt, &context, &cell).map_err(wrong)?,
                temperature: temperature.as_ref().map(|t| t.at(i)).filter(|t| t.is_finite()),
                max_tokens: prompt.max_tokens,
                draw: cell.part(11).bits(),
                want: prompt.want.clone(),
                check: checks.as_ref().map(|check| check(i)),
                judge: prompt.judge.as_ref().map(|judge| judge_of(judge.clone(), context)),
            })))
        };
        (0..self.len()).map(one).collect()
    }

    /// Whether a value is what a model wrote in the same row.
    fn is_reply(&self, source: &Source) -> bool {
        let columns = &self.engine.plan.tables[self.table].columns;
        matches!(source, Source::Own(c) if matches!(columns[*c].maker, Maker::Prompt(_) | Maker::Part { .. }))
    }

    /// What else a reply must be in each row: of the column's kind, and as its rule says.
    fn checks(self: &Rc<Self>, prompt: &Prompt, column: &Column) -> Result<Option<impl Fn(usize) -> Check + use<>>> {
        let wanted = column.wanted.filter(|k| *k != Kind::Text);
        if wanted.is_none() && prompt.valid.is_none() {
            return Ok(None);
        }
        let names = prompt.valid.iter().flat_map(|v| &v.names);
        let arrays = names.map(|named| match named {
            Named::Row(source) => self.source(source).map(Some),
            Named::Reply | Named::Part(_) => Ok(None),
        });
        let arrays: Vec<Option<ArrayRef>> = arrays.collect::<Result<_>>()?;
        let valid = prompt.valid.clone();
        Ok(Some(move |i: usize| -> Check {
            let row: Vec<Option<Values>> =
                arrays.iter().map(|a| a.as_ref().map(|a| Values::of(a.slice(i, 1).as_ref()))).collect();
            let valid = valid.clone();
            Arc::new(move |reply: &str, value: Option<&Json>| {
                let reply = Values::Text(StringArray::from(vec![reply]));
                let reply = match wanted {
                    Some(kind) => {
                        let array = reply.array(kind, 1);
                        if array.is_null(0) {
                            return Err(format!("it must be a {}", kind.name()));
                        }
                        Values::of(array.as_ref())
                    }
                    None => reply,
                };
                let Some(valid) = &valid else { return Ok(()) };
                let names: Vec<Values> = valid
                    .names
                    .iter()
                    .zip(&row)
                    .map(|(named, known)| match (named, known) {
                        (Named::Part(path), _) => part_values(value.and_then(|v| at(v, path))),
                        (_, Some(known)) => known.clone(),
                        (_, None) => reply.clone(),
                    })
                    .collect();
                // What is not known is not broken, as with the checks of rows.
                match valid.expression.values(&names, 1).yes().first() {
                    Some(0) => Err(format!("this must hold: {}", valid.expression.text)),
                    _ => Ok(()),
                }
            })
        }))
    }

    /// What a model wrote in each row; missing where there is no reply.
    pub(super) fn replies(&self, c: usize) -> ArrayRef {
        let known = self.engine.replies_of(self.table, c);
        Arc::new(self.rows.keys.iter().map(|key| known.get(*key)).collect::<StringArray>())
    }

    /// A part of what a model wrote as JSON in each row.
    pub(super) fn parts(self: &Rc<Self>, of: usize, path: &[String], kind: Kind) -> Result<ArrayRef> {
        let texts = Values::of(self.column(of)?.as_ref()).texts();
        let part = |i: usize| {
            let value: Json = serde_json::from_str(texts.is_valid(i).then(|| texts.value(i))?).ok()?;
            match at(&value, path)? {
                Json::Null => None,
                Json::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            }
        };
        let n = self.len();
        let all: StringArray = (0..n).map(|i| if texts.is_empty() { None } else { part(i) }).collect();
        Ok(Values::Text(all).array(kind, n))
    }
}

/// The conversation of a row.
fn messages(prompt: &Prompt, context: &Map<String, Json>, cell: &Cell) -> Result<Vec<Message>, String> {
    let mut all = Vec::new();
    if let Some(system) = &prompt.system {
        all.push(Message::system(system.render(context)?));
    }
    match &prompt.examples {
        Examples::Here(turns) => all.extend(turns.iter().cloned()),
        Examples::Rows(rows) => all.extend(shown(rows, &mut cell.part(12))?),
    }
    all.push(Message::user(prompt.user.render(context)?));
    Ok(all)
}

/// Some rows of a file as turns of a conversation, none of them twice.
fn shown(rows: &ExampleRows, cell: &mut Cell) -> Result<Vec<Message>, String> {
    let count = rows.rows.columns.first().map_or(0, |c| c.len());
    let mut chosen: Vec<usize> = Vec::new();
    while chosen.len() < rows.count.min(count) {
        let row = cell.below(count as u64) as usize;
        if !chosen.contains(&row) {
            chosen.push(row);
        }
    }
    let mut all = Vec::new();
    for row in chosen {
        let mut context = Map::new();
        for path in rows.user.names.iter().chain(&rows.reply.names) {
            let array = rows.rows.columns[rows.rows.column(&path.join("."))?].slice(row, 1);
            put(&mut context, path, json(&Values::of(array.as_ref()), Kind::of(array.data_type()), 0));
        }
        all.push(Message::user(rows.user.render(&context)?));
        all.push(Message::assistant(rows.reply.render(&context)?));
    }
    Ok(all)
}

fn judge_of(judge: Arc<crate::plan::Judge>, context: Map<String, Json>) -> Judge {
    let (model, at_least) = (judge.model.clone(), judge.at_least);
    let messages = move |reply: &str| {
        let mut context = context.clone();
        let value = serde_json::from_str::<Json>(reply).ok().filter(|v| v.is_object() || v.is_array());
        context.insert("reply".to_owned(), value.unwrap_or_else(|| reply.into()));
        let system = judge.system.as_ref().map(|s| s.render(&context).map(Message::system)).transpose()?;
        Ok(system.into_iter().chain([Message::user(judge.user.render(&context)?)]).collect())
    };
    Judge { messages: Arc::new(messages), model, at_least }
}

/// Puts a value at a path of names.
fn put(context: &mut Map<String, Json>, path: &[String], value: Json) {
    match path {
        [] => {}
        [name] => {
            context.insert(name.clone(), value);
        }
        [name, rest @ ..] => {
            let within = context.entry(name.clone()).or_insert_with(|| Json::Object(Map::new()));
            if let Json::Object(within) = within {
                put(within, rest, value);
            }
        }
    }
}

/// What lies at a path of names in a value; places of a list are numbers.
fn at<'v>(value: &'v Json, path: &[String]) -> Option<&'v Json> {
    path.iter().try_fold(value, |value, step| match value {
        Json::Array(all) => all.get(step.parse::<usize>().ok()?),
        other => other.get(step),
    })
}

fn part_values(value: Option<&Json>) -> Values {
    match value {
        None | Some(Json::Null) => Values::Null,
        Some(Json::Bool(yes)) => Values::Yes(vec![u8::from(*yes)]),
        Some(Json::Number(x)) => Values::Number(vec![x.as_f64().unwrap_or(f64::NAN)]),
        Some(Json::String(text)) => Values::Text(StringArray::from(vec![text.as_str()])),
        Some(other) => Values::Text(StringArray::from(vec![other.to_string()])),
    }
}

/// The value of a row for a template.
fn json(values: &Values, kind: Kind, i: usize) -> Json {
    match values {
        Values::Yes(yes) if yes[i] < 2 => Json::Bool(yes[i] == 1),
        Values::Yes(_) | Values::Null => Json::Null,
        Values::Number(x) if x[i].is_nan() => Json::Null,
        Values::Number(x) if kind == Kind::Whole => Json::from(x[i] as i64),
        Values::Number(x) => Json::from(x[i]),
        Values::Text(texts) if texts.is_null(i) => Json::Null,
        Values::Text(texts) => Json::from(texts.value(i)),
        Values::Time(times, day) => {
            crate::expression::columns::time_text(times[i], *day).map_or(Json::Null, Json::from)
        }
    }
}

impl Engine {
    /// Whether replies that there are not are taken to be there: when costs are foreseen.
    fn is_supposed(&self) -> bool {
        self.supposed.load(std::sync::atomic::Ordering::Relaxed)
    }
}
