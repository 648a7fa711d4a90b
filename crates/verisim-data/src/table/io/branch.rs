//! Nested columns while they are read: a tree that grows with what is found, and lies flat in the end.

use std::collections::HashSet;

use rustc_hash::FxHashMap;

use crate::table::nest::{Node, Shape};

/// Items of the longest list that becomes columns.
const MOST_ITEMS: usize = 16;
/// Columns that one may become.
pub(super) const MOST_COLUMNS: usize = 256;
/// Levels that one may be deep.
pub(super) const MOST_DEEP: usize = 16;

/// The cells of one flat column, being gathered.
pub(super) trait Cells {
    /// Takes the cells out and leaves none; what was found out about the column stays.
    fn take(&mut self) -> Self;
}

/// One column of the source, or a part of it. It is of the kind of its first value.
pub(super) struct Branch<C> {
    pub(super) inner: Inner<C>,
    /// Missing in some row though what holds it is not.
    pub(super) absent: bool,
    /// Missing in some row by a value that says so.
    pub(super) null: bool,
    /// Rows of JSON that have its key, and those of them that have `null` under it.
    pub(super) visits: usize,
    pub(super) nulls: usize,
}

pub(super) enum Inner<C> {
    /// No value so far.
    Nothing,
    Cell(C),
    Object(Object<C>),
    List {
        count: C,
        items: Vec<Branch<C>>,
    },
    /// Left out, and why.
    Out(String),
}

pub(super) struct Object<C> {
    places: FxHashMap<String, usize>,
    pub(super) fields: Vec<(String, Branch<C>)>,
    map: bool,
}

/// A column of the source, and how many columns it may still become.
pub(super) struct Root<C> {
    pub(super) name: String,
    pub(super) branch: Branch<C>,
    pub(super) room: Room,
}

impl<C> Root<C> {
    pub(super) fn new(name: &str) -> Root<C> {
        Root { name: name.to_owned(), branch: Branch::default(), room: Room(MOST_COLUMNS) }
    }

    /// Leaves the column out if it became too many.
    pub(super) fn check_room(&mut self) {
        if self.room.0 == 0 && !matches!(self.branch.inner, Inner::Out(_)) {
            self.branch.leave_out(format!("would become more than {MOST_COLUMNS} columns"));
        }
    }
}

pub(super) struct Room(usize);

impl Room {
    fn take(&mut self) -> bool {
        self.0 = self.0.saturating_sub(1);
        self.0 > 0
    }
}

impl<C> Default for Branch<C> {
    fn default() -> Self {
        Branch { inner: Inner::Nothing, absent: false, null: false, visits: 0, nulls: 0 }
    }
}

impl<C> Branch<C> {
    pub(super) fn leave_out(&mut self, why: impl Into<String>) {
        self.inner = Inner::Out(why.into());
    }

    fn is_new(&self) -> bool {
        matches!(self.inner, Inner::Nothing)
    }

    fn clash(&mut self) {
        if !matches!(self.inner, Inner::Out(_)) {
            self.leave_out("holds objects or lists in some rows and other values in others");
        }
    }

    /// Its cells, if it has values that are neither objects nor lists and nothing else.
    pub(super) fn cell(&mut self, new: impl FnOnce() -> C) -> Option<&mut C> {
        if self.is_new() {
            self.inner = Inner::Cell(new());
        }
        if !matches!(self.inner, Inner::Cell(_)) {
            self.clash();
        }
        match &mut self.inner {
            Inner::Cell(cells) => Some(cells),
            _ => None,
        }
    }

    /// Its fields, if it is an object or a map.
    pub(super) fn object(&mut self, map: bool) -> Option<&mut Object<C>> {
        if self.is_new() {
            self.inner = Inner::Object(Object { places: FxHashMap::default(), fields: Vec::new(), map });
        }
        if !matches!(self.inner, Inner::Object(_)) {
            self.clash();
        }
        match &mut self.inner {
            Inner::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The number of its items and the first `length` of them, if it is a list and none so long.
    pub(super) fn list(
        &mut self,
        length: usize,
        room: &mut Room,
        new: impl FnOnce() -> C,
    ) -> Option<(&mut C, &mut [Branch<C>])> {
        if self.is_new() {
            self.inner = Inner::List { count: new(), items: Vec::new() };
        }
        if !matches!(self.inner, Inner::List { .. }) {
            self.clash();
        }
        if length > MOST_ITEMS && matches!(self.inner, Inner::List { .. }) {
            self.leave_out(format!("has lists of more than {MOST_ITEMS} items"));
        }
        match &mut self.inner {
            Inner::List { count, items } => {
                while items.len() < length && room.take() {
                    items.push(Branch::default());
                }
                let held = items.len().min(length);
                Some((count, &mut items[..held]))
            }
            _ => None,
        }
    }
}

impl<C> Object<C> {
    /// The field under `key`, unless there is no room for another.
    pub(super) fn field(&mut self, key: &str, room: &mut Room) -> Option<&mut Branch<C>> {
        let place = match self.places.get(key) {
            Some(&place) => place,
            None if !room.take() => return None,
            None => {
                self.places.insert(key.to_owned(), self.fields.len());
                self.fields.push((key.to_owned(), Branch::default()));
                self.fields.len() - 1
            }
        };
        Some(&mut self.fields[place].1)
    }
}

/// The columns of a file, flat.
pub(super) struct Flat<C> {
    pub(super) names: Vec<String>,
    pub(super) cells: Vec<C>,
    /// Columns that rows leave away.
    pub(super) omitted: Vec<String>,
    pub(super) nodes: Vec<Node>,
    pub(super) notes: Vec<String>,
    taken: HashSet<String>,
}

impl<C: Cells> Flat<C> {
    /// Takes the cells of `roots`; `new` makes the cells of a column without a value.
    pub(super) fn of(roots: &mut [Root<C>], new: &impl Fn() -> C) -> Flat<C> {
        let plain = |r: &&Root<C>| matches!(r.branch.inner, Inner::Cell(_) | Inner::Nothing);
        let taken = roots.iter().filter(plain).map(|r| r.name.clone()).collect();
        let mut flat = Flat {
            names: Vec::new(),
            cells: Vec::new(),
            omitted: Vec::new(),
            nodes: Vec::new(),
            notes: Vec::new(),
            taken,
        };
        for Root { name, branch, .. } in roots {
            if matches!(branch.inner, Inner::Cell(_) | Inner::Nothing) {
                if branch.absent && !branch.null {
                    flat.omitted.push(name.clone());
                }
                let cells = match &mut branch.inner {
                    Inner::Cell(cells) => cells.take(),
                    _ => new(),
                };
                flat.names.push(name.clone());
                flat.cells.push(cells);
            } else if let Some(node) = flat.node(name, name, branch, new) {
                flat.nodes.push(node);
            }
        }
        flat
    }

    /// `name` is the key of `branch`, `path` the name that it would have in the table.
    fn node(&mut self, name: &str, path: &str, branch: &mut Branch<C>, new: &impl Fn() -> C) -> Option<Node> {
        let shape = match &mut branch.inner {
            Inner::Nothing => Shape::Column(self.add(path, new())),
            Inner::Cell(cells) => Shape::Column(self.add(path, cells.take())),
            Inner::Object(object) => {
                let held = branch.visits - branch.nulls;
                let field = |(key, b): &mut (String, Branch<C>)| {
                    b.absent |= b.visits < held;
                    self.node(key, &format!("{path}.{key}"), b, new)
                };
                let nodes: Vec<Node> = object.fields.iter_mut().filter_map(field).collect();
                if nodes.is_empty() {
                    self.note(path, "has no field that can be kept");
                    return None;
                }
                if object.map { Shape::Map(nodes) } else { Shape::Object(nodes) }
            }
            Inner::List { count, items } => {
                let before = self.names.len();
                let count = self.add(&format!("{path}[]"), count.take());
                let item = |(i, b): (usize, &mut Branch<C>)| self.node("", &format!("{path}[{i}]"), b, new);
                let nodes: Vec<Node> = items.iter_mut().enumerate().map_while(item).collect();
                if nodes.len() < items.len() {
                    self.names.truncate(before);
                    self.cells.truncate(before);
                    self.note(path, "has items that cannot be kept");
                    return None;
                }
                Shape::List { count: Some(count), items: nodes }
            }
            Inner::Out(why) => {
                let why = why.clone();
                self.note(path, &why);
                return None;
            }
        };
        Some(Node { name: name.to_owned(), absent: branch.absent, omitted: branch.absent && !branch.null, shape })
    }

    fn add(&mut self, path: &str, cells: C) -> String {
        let free = |n: &String| !self.taken.contains(n);
        let name = match self.taken.contains(path) {
            true => (2..).map(|i| format!("{path}_{i}")).find(free).unwrap_or_default(),
            false => path.to_owned(),
        };
        if name != path {
            self.notes.push(format!("column `{path}` is called `{name}`, since another has that name"));
        }
        self.taken.insert(name.clone());
        self.names.push(name.clone());
        self.cells.push(cells);
        name
    }

    fn note(&mut self, path: &str, why: &str) {
        self.notes.push(format!("column `{path}` is left out: it {why}"));
    }
}

impl<C> Branch<C> {
    /// Whether some of its columns is so.
    pub(super) fn any(&self, is: &impl Fn(&C) -> bool) -> bool {
        match &self.inner {
            Inner::Cell(cells) => is(cells),
            Inner::Object(object) => object.fields.iter().any(|(_, b)| b.any(is)),
            Inner::List { count, items } => is(count) || items.iter().any(|b| b.any(is)),
            Inner::Nothing | Inner::Out(_) => false,
        }
    }
}
