//! What is made of what: the kinds of columns, and circles, which are refused.

use rustc_hash::FxHashMap;

use super::{Bound, Column, Maker, Number, Plan, Source};
use crate::error::Result;
use crate::expression::Aggregate;
use crate::expression::columns::Kind;
use crate::plan::generator::Bounded;

/// A column of a table, or what a table's rows must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Node {
    Column(usize, usize),
    Checks(usize),
}

enum State {
    Open,
    Done,
}

impl Plan {
    /// Finds the kind of each column, those of what a column needs first.
    ///
    /// # Errors
    /// When a column would need itself: with all that lie on the way.
    pub(super) fn order(&mut self) -> Result<()> {
        let mut states = FxHashMap::default();
        let mut way = Vec::new();
        for t in 0..self.tables.len() {
            self.visit(Node::Checks(t), &mut states, &mut way)?;
            for c in 0..self.tables[t].columns.len() {
                self.visit(Node::Column(t, c), &mut states, &mut way)?;
            }
        }
        Ok(())
    }

    fn visit(&mut self, node: Node, states: &mut FxHashMap<Node, State>, way: &mut Vec<Node>) -> Result<()> {
        match states.get(&node) {
            Some(State::Done) => return Ok(()),
            Some(State::Open) => return Err(self.circle(node, way)),
            None => {}
        }
        states.insert(node, State::Open);
        way.push(node);
        for next in self.needs(node) {
            self.visit(next, states, way)?;
        }
        way.pop();
        states.insert(node, State::Done);
        if let Node::Column(t, c) = node {
            let mut column = std::mem::replace(&mut self.tables[t].columns[c], Column::nothing());
            self.set_kinds(t, &mut column);
            self.tables[t].columns[c] = column;
        }
        Ok(())
    }

    fn circle(&self, node: Node, way: &[Node]) -> crate::Error {
        let name = |node: &Node| match *node {
            Node::Column(t, c) => format!("{}.{}", self.tables[t].name, self.tables[t].columns[c].name),
            Node::Checks(t) => format!("the checks of {}", self.tables[t].name),
        };
        let from = way.iter().position(|n| *n == node).unwrap_or(0);
        let all: Vec<String> = way[from..].iter().chain([&node]).map(name).collect();
        let at = way[from..].iter().find_map(|n| match *n {
            Node::Column(t, c) => Some((self.tables[t].columns[c].at, name(n))),
            Node::Checks(_) => None,
        });
        let (at, key) = at.unwrap_or_default();
        let what = format!("needs itself: {}; compute one of them from something else", all.join(" needs "));
        self.world.wrong(at, format!("tables.{}", key.replacen('.', ".columns.", 1)), what)
    }

    /// What must be known before.
    pub(super) fn needs(&self, node: Node) -> Vec<Node> {
        let mut all = Vec::new();
        match node {
            Node::Column(t, c) => {
                self.tables[t].columns[c].sources(&mut |source| self.reached(t, source, &mut all));
                self.counted(t, &mut all);
                if let Maker::Ref { table, column, weight, .. } = self.tables[t].columns[c].maker {
                    all.extend([Node::Checks(table), Node::Column(table, column)]);
                    all.extend(weight.map(|w| Node::Column(table, w)));
                }
                if let Maker::Tree(column, ..) = self.tables[t].columns[c].maker {
                    all.push(Node::Column(t, column));
                }
                if let (Maker::Slot(super::Slot::Learned(_)), Some((_, given))) =
                    (&self.tables[t].columns[c].maker, &self.tables[t].learned)
                {
                    all.extend(given.iter().map(|&g| Node::Column(t, g)));
                }
            }
            Node::Checks(t) => {
                for bound in self.tables[t].checks.iter().chain(&self.tables[t].weight).chain(&self.tables[t].keep) {
                    bound.sources.iter().for_each(|source| self.reached(t, source, &mut all));
                }
            }
        }
        all
    }

    /// What the number of rows of a parent needs.
    pub(super) fn counted(&self, t: usize, all: &mut Vec<Node>) {
        let Some(parent) = self.tables[t].parent else { return };
        if let Some(children) = &self.tables[t].children {
            children.sources(&mut |source| self.reached(parent, source, all));
        }
        if let Some((_, sources)) = &self.tables[t].process {
            sources.iter().for_each(|source| self.reached(parent, source, all));
        }
    }

    fn reached(&self, t: usize, source: &Source, all: &mut Vec<Node>) {
        match source {
            Source::Own(c) => all.push(Node::Column(t, *c)),
            Source::Row | Source::Within => {}
            Source::Parent(rest) => {
                if let Some(parent) = self.tables[t].parent {
                    all.push(Node::Checks(parent));
                    self.reached(parent, rest, all);
                }
            }
            Source::Via(column, table, rest) => {
                all.extend([Node::Column(t, *column), Node::Checks(*table)]);
                self.reached(*table, rest, all);
            }
            Source::Children(_, child, column) => {
                self.counted(*child, all);
                all.push(Node::Checks(*child));
                all.extend(column.map(|c| Node::Column(*child, c)));
            }
        }
    }

    /// What a column is computed from, in words.
    pub fn depends(&self, t: usize, c: usize) -> Vec<String> {
        let column = |&(t2, c): &(usize, usize)| {
            let name = &self.tables[t2].columns[c].name;
            if t2 == t { name.clone() } else { format!("{}.{name}", self.tables[t2].name) }
        };
        let mut all: Vec<(usize, usize)> = Vec::new();
        for node in self.needs(Node::Column(t, c)) {
            match node {
                Node::Column(t2, c2) if (t2, c2) != (t, c) && !all.contains(&(t2, c2)) => all.push((t2, c2)),
                _ => {}
            }
        }
        all.iter().map(column).collect()
    }

    /// How many rows a table has, in words.
    pub fn rows_said(&self, t: usize) -> String {
        let table = &self.tables[t];
        let parent = table.parent.map(|p| self.tables[p].name.clone());
        match (parent, &table.children, &table.process) {
            (Some(parent), _, Some(_)) => format!("what its process makes for each row of {parent}"),
            (None, _, Some(_)) => format!("what its process makes in {} runs", table.rows),
            (Some(parent), Some(Number::Fixed(x)), None) => format!("{x} for each row of {parent}"),
            (Some(parent), Some(Number::Said(bound)), None) => {
                format!("`{}` for each row of {parent}", bound.expression.text)
            }
            (Some(parent), Some(Number::Drawn(d)), None) => {
                format!("a {} number for each row of {parent}", d.family.name)
            }
            _ => verisim_data::number::grouped(table.rows),
        }
    }

    fn kind_of(&self, t: usize, source: &Source) -> Kind {
        match source {
            Source::Own(c) => self.tables[t].columns[*c].kind,
            Source::Row | Source::Within => Kind::Whole,
            Source::Parent(rest) => self.tables[t].parent.map_or(Kind::Null, |parent| self.kind_of(parent, rest)),
            Source::Via(_, table, rest) => self.kind_of(*table, rest),
            Source::Children(Aggregate::Count, ..) => Kind::Whole,
            Source::Children(Aggregate::Mean, ..) => Kind::Number,
            Source::Children(Aggregate::Any | Aggregate::All, ..) => Kind::Yes,
            Source::Children(Aggregate::Sum, child, Some(c)) => match self.tables[*child].columns[*c].kind {
                Kind::Whole | Kind::Yes => Kind::Whole,
                _ => Kind::Number,
            },
            Source::Children(_, child, column) => column.map_or(Kind::Null, |c| self.tables[*child].columns[c].kind),
        }
    }

    /// The kind of what an expression comes to.
    pub fn bound_kind(&self, t: usize, bound: &Bound) -> Kind {
        let kinds: Vec<Kind> = bound.sources.iter().map(|source| self.kind_of(t, source)).collect();
        bound.expression.kind(&kinds)
    }

    /// Notes the kind of a column, and of what it is in each case of another.
    fn set_kinds(&self, t: usize, column: &mut Column) {
        column.kind = self.kind(t, column);
        if let Maker::Cases(_, cases, otherwise) = &mut column.maker {
            let all = cases.iter_mut().map(|(_, c)| c).chain(otherwise.as_deref_mut());
            all.for_each(|c| self.set_kinds(t, c));
        }
    }

    /// The kind of a column's values.
    fn kind(&self, t: usize, column: &Column) -> Kind {
        if column.after.format.is_some() { Kind::Text } else { self.made(t, column) }
    }

    /// The kind of a column's values before they are put into a format.
    pub(super) fn made(&self, t: usize, column: &Column) -> Kind {
        let of_maker = match &column.maker {
            Maker::Value(array) | Maker::Empirical(array, _) | Maker::Choice(array, _) => Kind::of(array.data_type()),
            Maker::Sequence(first, step) if first.fract() == 0.0 && step.fract() == 0.0 => Kind::Whole,
            Maker::Sequence(..) => Kind::Number,
            Maker::Number(_) => Kind::Whole,
            Maker::Id(_) | Maker::Uuid | Maker::Regex(_) | Maker::Template(_) | Maker::Grammar(_) => Kind::Text,
            Maker::Distribution(d) => {
                if d.family.whole {
                    Kind::Whole
                } else {
                    Kind::Number
                }
            }
            Maker::Chance(_) => Kind::Yes,
            Maker::Mixture(all) => {
                if all.iter().all(|(_, d)| d.family.whole) {
                    Kind::Whole
                } else {
                    Kind::Number
                }
            }
            Maker::Cases(_, cases, otherwise) => {
                let kinds = cases.iter().map(|(_, c)| c).chain(otherwise.as_deref()).map(|c| self.kind(t, c));
                kinds.reduce(Kind::and).unwrap_or(Kind::Null)
            }
            Maker::Lookup(rows, column, ..) => Kind::of(rows.columns[*column].data_type()),
            Maker::Moment(calendar, ..) => {
                if calendar.day {
                    Kind::Day
                } else {
                    Kind::Time
                }
            }
            Maker::Field(field, ..) => Kind::of(&field.data_type()),
            Maker::Expr(bound) => self.bound_kind(t, bound),
            Maker::Prompt(_) => Kind::Text,
            Maker::Part { kind, .. } => *kind,
            Maker::Ref { table, column, .. } => self.tables[*table].columns[*column].kind,
            Maker::Tree(column, ..) => self.tables[t].columns[*column].kind,
            // Known from where they come from.
            Maker::Slot(_) => column.kind,
        };
        match (column.wanted, column.after.round) {
            (Some(wanted), _) => wanted,
            (None, Some(digits)) if of_maker == Kind::Number && digits <= 0 => Kind::Whole,
            _ => of_maker,
        }
    }
}

impl Column {
    /// What stands where a column is taken out.
    fn nothing() -> Column {
        Column {
            name: String::new(),
            at: 0,
            key: crate::cell::ColumnKey::new(0, "", ""),
            kind: Kind::Null,
            maker: Maker::Uuid,
            wanted: None,
            after: super::After::default(),
        }
    }

    /// All that its values are computed from.
    pub(super) fn sources(&self, each: &mut dyn FnMut(&Source)) {
        let bound = |bound: &Bound, each: &mut dyn FnMut(&Source)| bound.sources.iter().for_each(&mut *each);
        match &self.maker {
            Maker::Expr(said) => bound(said, each),
            Maker::Distribution(d) => d.parameters.iter().for_each(|n| n.sources(each)),
            Maker::Chance(n) => n.sources(each),
            Maker::Mixture(all) => all.iter().for_each(|(weight, d)| {
                weight.sources(each);
                d.parameters.iter().for_each(|n| n.sources(each));
            }),
            Maker::Choice(_, weights) => weights.iter().for_each(|n| n.sources(each)),
            Maker::Cases(of, cases, otherwise) => {
                each(&Source::Own(*of));
                cases.iter().map(|(_, c)| c).chain(otherwise.as_deref()).for_each(|c| c.sources(each));
            }
            Maker::Lookup(_, _, own, _) => own.iter().for_each(|&c| each(&Source::Own(c))),
            Maker::Moment(_, from, to) => {
                for moment in [from, to] {
                    if let Bounded::Said(said) = moment {
                        bound(said, each);
                    }
                }
            }
            Maker::Template(all) => all.iter().flat_map(|t| t.bounds()).for_each(|b| bound(b, each)),
            Maker::Prompt(prompt) => prompt.sources(each),
            Maker::Part { of, .. } => each(&Source::Own(*of)),
            _ => {}
        }
        for number in [&self.after.min, &self.after.max, &self.after.missing].into_iter().flatten() {
            number.sources(each);
        }
    }
}

impl Number {
    /// All that it is computed from.
    pub(super) fn sources(&self, each: &mut dyn FnMut(&Source)) {
        match self {
            Number::Fixed(_) => {}
            Number::Said(bound) => bound.sources.iter().for_each(each),
            Number::Drawn(d) => d.parameters.iter().for_each(|n| n.sources(each)),
        }
    }
}
