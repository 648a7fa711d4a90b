//! Columns that hold other columns, and how they lie flat in a table.
//!
//! A table knows numbers and texts alone. What is nested in JSON, Parquet or Arrow is flattened by one rule when it is read, and
//! built again by the same rule when a sample is written:
//!
//! - **An object** (a struct) becomes a column a field: `address` with `city` in it is `address.city`. It is missing where all of its
//!   fields are, or one that the source declares never to be, if the source has such rows; otherwise it is always there.
//! - **A list** of at most 16 items becomes the number of its items, `tags[]`, and a column an item: `tags[0]`, `tags[1]` and
//!   so on, missing beyond the end. It is missing where its number is. An item within it that is missing is dropped, unless
//!   the source has such items.
//! - **A map** becomes a column a key: `attributes.colour`. A key without a value is not in the map. It is missing where all of
//!   its keys are, if the source has missing maps; otherwise it is empty there.
//! - A key that rows of JSON leave away, and that none has as `null`, is left away where it is missing.
//!
//! The rule goes on within what it flattens: `orders[0].price`. A name that another column has already gets a number.
//!
//! What does not fit is left out by name, and said so: longer lists, more than 256 columns out of one, anything nested more than 16
//! deep, one key with objects in some rows and other values in others, binary data.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow_schema::{DataType, Field as ArrowField, FieldRef};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

/// How the columns of a table stood in its source, as far as their names do not say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Nest {
    /// Columns that hold others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) nodes: Vec<Node>,
    /// Fields of an Arrow source of which a type alone does not tell all: nested, never missing, ordered, or with words of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty", serialize_with = "in_order")]
    pub(super) fields: Vec<ArrowField>,
    /// What pandas wrote about its columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pandas: Option<String>,
    /// The words of ordered columns of categories, in their order.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) orders: BTreeMap<String, Vec<String>>,
    /// Columns of JSON with values of several kinds: a number or a truth value is one in any row, a text like one is in quotes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) mixed: Vec<String>,
    /// Columns of JSON that rows leave away rather than have as `null`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) omitted: Vec<String>,
}

/// One column of the source, or a part of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Node {
    /// The key that it has in what holds it; nothing for an item of a list.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) name: String,
    /// The source has rows where it is missing, though what holds it is not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) absent: bool,
    /// It is missing there by being left away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) omitted: bool,
    #[serde(flatten)]
    pub(super) shape: Shape,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Shape {
    /// The column of this name in the table.
    Column(String),
    Object(Vec<Node>),
    Map(Vec<Node>),
    List {
        /// The column with the number of items.
        count: Option<String>,
        items: Vec<Node>,
    },
}

impl Node {
    /// The names in the table of the columns in it.
    pub(super) fn columns<'a>(&'a self, out: &mut Vec<&'a str>) {
        match &self.shape {
            Shape::Column(name) => out.push(name),
            Shape::Object(nodes) | Shape::Map(nodes) => nodes.iter().for_each(|n| n.columns(out)),
            Shape::List { count, items } => {
                out.extend(count.as_deref());
                items.iter().for_each(|n| n.columns(out));
            }
        }
    }

    /// What is left of it with the columns of these names.
    fn keep(&self, kept: &HashSet<&str>) -> Option<Node> {
        let all = |nodes: &[Node]| Some(nodes.iter().filter_map(|n| n.keep(kept)).collect::<Vec<_>>());
        let some = |nodes: &[Node]| all(nodes).filter(|n| !n.is_empty());
        let shape = match &self.shape {
            Shape::Column(name) => kept.contains(name.as_str()).then(|| self.shape.clone()),
            Shape::Object(nodes) => some(nodes).map(Shape::Object),
            Shape::Map(nodes) => some(nodes).map(Shape::Map),
            Shape::List { count, items } => {
                let count = count.clone().filter(|c| kept.contains(c.as_str()));
                // The place of an item is its place in the list, so that items after one that is gone go too.
                let items: Vec<Node> = items.iter().map_while(|n| n.keep(kept)).collect();
                (!items.is_empty() || count.is_some() && self.is_bare()).then_some(Shape::List { count, items })
            }
        };
        shape.map(|shape| Node { name: self.name.clone(), absent: self.absent, omitted: self.omitted, shape })
    }

    /// Adds to `nodes` what `others` of another part of the source have more.
    fn join(nodes: &mut Vec<Node>, others: &[Node]) {
        for other in others {
            match nodes.iter_mut().find(|n| n.name == other.name) {
                None => nodes.push(other.clone()),
                Some(node) => node.with(other),
            }
        }
    }

    fn with(&mut self, other: &Node) {
        self.absent |= other.absent;
        self.omitted |= other.omitted;
        match (&mut self.shape, &other.shape) {
            (Shape::Object(a), Shape::Object(b)) | (Shape::Map(a), Shape::Map(b)) => Node::join(a, b),
            (Shape::List { items: a, .. }, Shape::List { items: b, .. }) => {
                a.iter_mut().zip(b).for_each(|(a, b)| a.with(b));
                let held = a.len();
                a.extend(b.iter().skip(held).cloned());
            }
            _ => {}
        }
    }

    /// A list that is empty in every row.
    fn is_bare(&self) -> bool {
        matches!(&self.shape, Shape::List { items, .. } if items.is_empty())
    }
}

impl Nest {
    /// Forgets the words of the column called `name`, those that a declaration lists too.
    pub(super) fn forget(&mut self, name: &str) {
        self.orders.remove(name);
        self.fields.retain(|f| f.name() != name);
    }

    /// The columns of the table that the column `root` of the source became, if it is one that holds others.
    pub fn columns_of(&self, root: &str) -> Option<Vec<&str>> {
        let node = self.nodes.iter().find(|n| n.name == root)?;
        let mut names = Vec::new();
        node.columns(&mut names);
        Some(names)
    }

    /// The columns of the table that are parts of others in the source.
    pub(super) fn parts(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.nodes.iter().for_each(|n| n.columns(&mut names));
        names
    }

    /// What is noted here and in `other`, of another part of the same source.
    pub(super) fn with(mut self, other: &Nest) -> Nest {
        Node::join(&mut self.nodes, &other.nodes);
        for field in &other.fields {
            if !self.fields.iter().any(|f| f.name() == field.name()) {
                self.fields.push(field.clone());
            }
        }
        for (column, words) in &other.orders {
            let known = self.orders.entry(column.clone()).or_default();
            let new: Vec<String> = words.iter().filter(|w| !known.contains(w)).cloned().collect();
            known.extend(new);
        }
        for (here, there) in [(&mut self.mixed, &other.mixed), (&mut self.omitted, &other.omitted)] {
            let new: Vec<String> = there.iter().filter(|c| !here.contains(c)).cloned().collect();
            here.extend(new);
        }
        self.pandas = self.pandas.or_else(|| other.pandas.clone());
        self
    }

    /// What is left with the columns of these names alone; `None` when that is nothing to note.
    pub fn keep<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Option<Nest> {
        let kept: HashSet<&str> = names.into_iter().collect();
        let nodes: Vec<Node> = self.nodes.iter().filter_map(|n| n.keep(&kept)).collect();
        let nested: HashSet<&str> = self.nodes.iter().map(|n| n.name.as_str()).collect();
        // A column may be called like one of the source that holds others.
        let has = |root: &str| match nested.contains(root) {
            true => nodes.iter().any(|n| n.name == root),
            false => kept.contains(root),
        };
        let without = |field: &ArrowField| match nodes.iter().find(|n| n.name == *field.name()) {
            Some(node) => pruned(node, field),
            None => field.clone(),
        };
        let some = |columns: &[String]| columns.iter().filter(|c| kept.contains(c.as_str())).cloned().collect();
        let nest = Nest {
            fields: self.fields.iter().filter(|f| has(f.name())).map(without).collect(),
            pandas: self.pandas.as_deref().and_then(|text| about(text, has)),
            orders: self
                .orders
                .iter()
                .filter(|(c, _)| kept.contains(c.as_str()))
                .map(|(c, w)| (c.clone(), w.clone()))
                .collect(),
            mixed: some(&self.mixed),
            omitted: some(&self.omitted),
            nodes,
        };
        (nest != Nest::default()).then_some(nest)
    }
}

/// What pandas says of the columns that are kept.
fn about(text: &str, has: impl Fn(&str) -> bool) -> Option<String> {
    let mut value: Value = serde_json::from_str(text).ok()?;
    let named =
        |column: &Value| ["field_name", "name"].iter().find_map(|k| column.get(k)?.as_str().map(&has)) == Some(true);
    value.get_mut("columns")?.as_array_mut()?.retain(named);
    if let Some(index) = value.get_mut("index_columns").and_then(Value::as_array_mut) {
        index.retain(|i| i.as_str().is_none_or(&has));
    }
    Some(value.to_string())
}

/// Fields with their maps in the order of the keys, so that the same data give the same bytes.
fn in_order<S: Serializer>(fields: &[ArrowField], serializer: S) -> Result<S::Ok, S::Error> {
    fn sorted(value: Value) -> Value {
        match value {
            Value::Object(map) => {
                let map: BTreeMap<String, Value> = map.into_iter().map(|(k, v)| (k, sorted(v))).collect();
                Value::Object(map.into_iter().collect())
            }
            Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
            other => other,
        }
    }
    sorted(serde_json::to_value(fields).map_err(serde::ser::Error::custom)?).serialize(serializer)
}

/// `field` of the source without what the table does not have.
pub(super) fn pruned(node: &Node, field: &ArrowField) -> ArrowField {
    let of = |item: &FieldRef, node: &Node| Arc::new(pruned(node, item));
    let kind = match (&node.shape, field.data_type()) {
        (Shape::Object(nodes), DataType::Struct(fields)) => {
            let part = |f: &FieldRef| nodes.iter().find(|n| n.name == *f.name()).map(|n| of(f, n));
            DataType::Struct(fields.iter().filter_map(part).collect())
        }
        (Shape::List { items, .. }, kind) => match (items.first(), kind) {
            (Some(first), DataType::List(item)) => DataType::List(of(item, first)),
            (Some(first), DataType::LargeList(item)) => DataType::LargeList(of(item, first)),
            (Some(first), DataType::ListView(item)) => DataType::ListView(of(item, first)),
            (Some(first), DataType::LargeListView(item)) => DataType::LargeListView(of(item, first)),
            (Some(first), DataType::FixedSizeList(item, n)) => DataType::FixedSizeList(of(item, first), *n),
            _ => kind.clone(),
        },
        (_, kind) => kind.clone(),
    };
    field.clone().with_data_type(kind)
}
