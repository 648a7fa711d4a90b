//! Which rules a table keeps, and how: what was found in some rows is tried on all of them, and for each rule one column is chosen that
//! follows from the others.
//!
//! A column is computed by one formula at most, and no column is computed from itself by a detour. Of the columns of a sum or a product
//! the result is preferred: it has most values, and so is hardest to learn. Of two columns that fix each other the one of categories is.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::expression::Expression;
use super::find::{self, About, Form, Found, Sampled, Scale, sample};
use super::formula::{Formula, Map, level_number, numbers};
use super::in_order;
use super::keep::{Check, Gap, How, Keys, Rules, Says, Told};
use super::parts::Part;
use super::settings::{Kind, RuleSettings, key};
use crate::error::{Error, Result, nearest};
use crate::table::codec::Precision;
use crate::table::codec::derived::{Derived, Fit, Side};
use crate::table::frame::{Column, Frame, MISSING};
use crate::table::schema::{ColumnKind, Field, Schema};

/// At most this part of the rows may be exceptions of a formula.
const EXCEPTIONS: f64 = 0.005;
/// Fewer rows teach no rule.
const LEAST_ROWS: usize = 30;
/// A number that an artefact holds because a rule speaks of it has so many rows.
const ROWS_A_NUMBER: usize = 10;
/// A pair of levels has so many.
const ROWS_A_PAIR: usize = 2;
/// A distance is simpler than a column when it varies so much less.
const SIMPLER: f64 = 2.0;
/// Most values of a column that others are looked up by.
const MOST_KEYS: usize = 10_000;
/// Most rows of a first look at parts of dates and at flags.
const FIRST_ROWS: usize = 2_000;
/// Most pairs of columns whose values go together: those that chance would break most.
const MOST_TOGETHER: usize = 200;
/// Of rows whose date is another's so many have another part.
const WORTH: f64 = 0.05;
/// The seed of the rows that are looked at first: the same data have the same rules.
const SEED: u64 = 0;
/// Most columns of which one is 1 and all others 0.
const MOST_ONE_HOT: usize = 64;

/// The rules that were chosen for a table.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    /// How columns are computed, and whether a config says so.
    pub(crate) formulas: BTreeMap<usize, (Formula, bool)>,
    /// The columns that are learnt as their distance from another.
    pub(crate) sides: BTreeMap<usize, Side>,
    /// The column that says where each of these is missing.
    gaps: BTreeMap<usize, usize>,
    /// All else.
    pub rules: Rules,
}

impl Chosen {
    /// The rules of `frame`, which `schema` parsed. No value is looked up that fewer than `min_rows` rows have; a number only if ten
    /// rows have it, or its column has at most `held` different ones, which its codec holds anyway. Costs about as much as a fit of
    /// decision trees.
    ///
    /// # Errors
    /// When a declared rule is none, or one to drop was not found.
    pub fn of(schema: &Schema, frame: &Frame, settings: &RuleSettings, min_rows: usize, held: usize) -> Result<Chosen> {
        let fields: Vec<&Field> = schema.modelled().collect();
        let all: Vec<&Column> = frame.columns.iter().collect();
        let plain = |f: &&Field| f.numeral.words.is_empty() && f.numeral.wide.is_none();
        let plain = fields.iter().map(plain).collect();
        let few: Vec<bool> = all.par_iter().map(|column| is_few(column, held)).collect();
        let table = Search { plain, few, fields, all, rows: frame.rows, min_rows };
        let mut chosen = Chosen::default();
        chosen.declare(&table, schema, settings)?;
        if settings.find {
            chosen.find(&table, settings)?;
        } else if let Some(rule) = settings.drop.first() {
            let what = "cannot be dropped, since `data.rules.find` is false and no rule is looked for".to_owned();
            return Err(Error::Rule { key: "data.rules.drop".to_owned(), rule: rule.clone(), what });
        }
        Ok(chosen)
    }

    /// The rules as sentences, for people: those that are kept, the first of very many.
    pub fn notes(&self) -> Vec<String> {
        self.rules.notes()
    }

    /// Those of them that need no row to be drawn again.
    #[must_use]
    pub fn constructive(mut self) -> Chosen {
        self.rules.checks.clear();
        self.rules.told.retain(|rule| rule.how != How::Redrawn);
        self
    }

    /// The precision of the distance between two columns.
    pub(crate) fn precision(&self, from: &Field, to: &Field) -> Precision {
        match (from.precision().decimals, to.precision().decimals) {
            (Some(a), Some(b)) => Precision::decimals(a.max(b)),
            _ => Precision::default(),
        }
    }

    /// Takes up the rules of a config. They come first, so that what is found is chosen around them.
    fn declare(&mut self, table: &Search<'_>, schema: &Schema, settings: &RuleSettings) -> Result<()> {
        for (place, declared) in settings.add.iter().enumerate() {
            match declared.kind(place)? {
                Kind::Holds(when, then) => {
                    let read = |text: &str, part| Expression::parse(text, &key(place, part), schema);
                    let check = Check::Declared {
                        when: when.map(|when| read(when, "when")).transpose()?,
                        then: read(then, "then")?,
                    };
                    let text = match when {
                        Some(when) => format!("where {when}: {then}"),
                        None => then.to_owned(),
                    };
                    let (kept, of) = table.count(&check);
                    if kept == 0 && of > 0 {
                        let what = "holds in no training row, so no row could be made".to_owned();
                        return Err(Error::Rule { key: key(place, "then"), rule: then.to_owned(), what });
                    }
                    self.rules.told.push(Told { text, kept, of, how: How::Redrawn });
                    self.rules.checks.push(check);
                }
                Kind::Computes(column, is) => {
                    let wrong = |part: &str, rule: &str, what: String| Error::Rule {
                        key: key(place, part),
                        rule: rule.to_owned(),
                        what,
                    };
                    schema.field(column).map_err(|e| wrong("column", column, format!("is no column: {e}")))?;
                    let target = table.fields.iter().position(|f| f.name == column);
                    let Some(target) = target else {
                        return Err(wrong("column", column, "is not learnt, so it is not computed either".to_owned()));
                    };
                    let said = Expression::parse(is, &key(place, "is"), schema)?;
                    let formula = Formula::Expression(said);
                    if self.formulas.contains_key(&target) {
                        return Err(wrong("column", column, "is computed twice; keep one of the rules".to_owned()));
                    }
                    if !self.is_straight(table, target, &formula.sources()) {
                        return Err(wrong("is", is, "computes a column from itself".to_owned()));
                    }
                    let (kept, of) = table.fits(&formula, target);
                    if kept == 0 {
                        let what = format!("gives the value of `{column}` in no training row");
                        return Err(wrong("is", is, what));
                    }
                    let text = format!("`{column}` = {is}");
                    self.rules.told.push(Told { text, kept, of, how: How::Computed });
                    self.formulas.insert(target, (formula, true));
                }
            }
        }
        Ok(())
    }

    /// Takes up the rules of the data.
    fn find(&mut self, table: &Search<'_>, settings: &RuleSettings) -> Result<()> {
        let mut drop = Drop::new(&settings.drop);
        self.one_hot(table, &mut drop);
        self.parts(table, &mut drop);
        let found = table.find();
        let rank = |form: &Form| match form {
            Form::Sum { .. } => 0,
            Form::Product(_) => 1,
            Form::Determines(_) => 2,
            Form::Order(_) => 3,
            Form::Missing(_) => 4,
            Form::Together(_) => 5,
        };
        let mut forms: Vec<(Form, &Found)> = found.iter().map(|f| (f.check.form(), f)).collect();
        forms.sort_by_key(|(form, _)| rank(form));
        for (form, found) in forms {
            if drop.has(&found.text) {
                continue;
            }
            match form {
                Form::Sum { total, parts, constant } => {
                    let options = table.sums(total, &parts, constant);
                    self.compute(table, options, &mut drop);
                }
                Form::Product([c, a, b]) => {
                    let options = vec![
                        (c, Formula::Product([a, b])),
                        (b, Formula::Quotient([c, a])),
                        (a, Formula::Quotient([c, b])),
                    ];
                    self.compute(table, options, &mut drop);
                }
                Form::Determines([a, b]) => {
                    let mutual = found.text.ends_with("determine each other");
                    let text = (!mutual).then(|| found.text.clone());
                    let both = if mutual { vec![[a, b], [b, a]] } else { vec![[a, b]] };
                    self.look_up(table, both, text, &mut drop);
                }
                Form::Order([a, b]) => self.order(table, [a, b], &found.text),
                Form::Missing([a, b]) => self.missing(table, [a, b], &found.text),
                Form::Together(pair) => self.together(table, pair, &found.text),
            }
        }
        drop.finish(found.iter().map(|f| f.text.clone()).chain(self.rules.told.iter().map(|t| t.text.clone())))
    }

    /// Whether column `target` may need `sources` without a detour back to itself, and is not made from others yet.
    fn is_straight(&self, table: &Search<'_>, target: usize, sources: &[usize]) -> bool {
        let needs = |j: usize| {
            let mut needs: Vec<usize> = self.formulas.get(&j).map(|(f, _)| f.sources()).unwrap_or_default();
            needs.extend(self.sides.get(&j).map(|side| side.from));
            needs.extend(self.gaps.get(&j));
            if j == target {
                needs.extend(sources);
            }
            needs
        };
        in_order((0..table.fields.len()).map(needs)).is_some()
    }

    /// Whether column `j` is made from others.
    fn is_made(&self, j: usize) -> bool {
        self.formulas.contains_key(&j) || self.sides.contains_key(&j)
    }

    /// Computes a column by the first formula that holds in (nearly) all rows.
    fn compute(&mut self, table: &Search<'_>, options: Vec<(usize, Formula)>, drop: &mut Drop) {
        for (target, formula) in options {
            let text = table.text(target, &formula);
            let sources = formula.sources();
            if self.is_made(target) || sources.contains(&target) || !self.is_straight(table, target, &sources) {
                continue;
            }
            let (kept, of) = table.fits(&formula, target);
            if of < LEAST_ROWS as u64 || ((of - kept) as f64) > EXCEPTIONS * of as f64 {
                continue;
            }
            if drop.has(&text) {
                return;
            }
            let how = if kept == of { How::Computed } else { How::Mostly };
            self.rules.told.push(Told { text, kept, of, how });
            self.formulas.insert(target, (formula, false));
            return;
        }
    }

    /// Computes a column by what another says of it.
    fn look_up(&mut self, table: &Search<'_>, mut pairs: Vec<[usize; 2]>, text: Option<String>, drop: &mut Drop) {
        // Numbers have an order, so they are the better source.
        pairs.sort_by_key(|&[a, b]| (matches!(table.all[b], Column::Number(_)), !table.is_ordered(a)));
        let free = |&[_, b]: &[usize; 2]| !self.is_made(b);
        let options: Vec<(usize, Formula)> = pairs
            .into_iter()
            .filter(free)
            .filter_map(|[a, b]| Some((b, Formula::Map(table.map(a, None, b)?))))
            .collect();
        let before = self.rules.told.len();
        self.compute(table, options, drop);
        if let (Some(text), Some(told)) = (text, self.rules.told.get_mut(before)) {
            told.text = text;
        }
    }

    /// Groups of columns of which one is 1 and all others 0: the last of each is what is left.
    fn one_hot(&mut self, table: &Search<'_>, drop: &mut Drop) {
        for group in table.one_hot() {
            let Some((last, others)) = group.split_last() else { continue };
            let parts = others.iter().map(|&j| (j, -1.0)).collect();
            self.compute(table, vec![(*last, Formula::Sum { parts, constant: 1.0 })], drop);
        }
    }

    /// Columns that are a part of a date.
    fn parts(&mut self, table: &Search<'_>, drop: &mut Drop) {
        for (date, target, part) in table.parts() {
            if !self.is_made(target)
                && let Some(map) = table.map(date, Some(part), target)
            {
                self.compute(table, vec![(target, Formula::Map(map))], drop);
            }
        }
    }

    /// An order of two columns: one becomes a distance from the other where that is simpler, else rows out of order are dropped.
    fn order(&mut self, table: &Search<'_>, [a, b]: [usize; 2], text: &str) {
        let check = Check::Order { columns: [a, b], strict: text.contains("` < `") };
        let (kept, of) = table.count_both(&check, [a, b]);
        let sides = [(b, Side { from: a, below: false }), (a, Side { from: b, below: true })];
        let simpler = sides.into_iter().find(|&(j, side)| kept == of && self.becomes_distance(table, j, side));
        let how = match simpler {
            Some((j, side)) => {
                self.sides.insert(j, side);
                How::Distance
            }
            None if kept == of => {
                self.rules.checks.push(check);
                How::Redrawn
            }
            None => How::Learnt,
        };
        self.rules.told.push(Told { text: text.to_owned(), kept, of, how });
    }

    fn becomes_distance(&self, table: &Search<'_>, j: usize, side: Side) -> bool {
        !self.is_made(j) && self.is_straight(table, j, &[side.from]) && table.is_simpler(j, side)
    }

    /// Where a column is missing.
    fn missing(&mut self, table: &Search<'_>, [a, b]: [usize; 2], text: &str) {
        let Some(gap) = table.gap(a, b) else { return };
        let gapped = self.gaps.contains_key(&b);
        let speaks = gap.says.iter().any(|s| *s != Says::Nothing);
        let (kept, of) = table.gap_rows(&gap);
        let how = if speaks && !gapped && self.is_straight(table, b, &[a]) {
            self.gaps.insert(b, a);
            self.rules.gaps.push(gap);
            How::LeftOut
        } else {
            How::Learnt
        };
        self.rules.told.push(Told { text: text.to_owned(), kept, of, how });
    }

    /// Values that never go together.
    fn together(&mut self, table: &Search<'_>, pair: [usize; 2], text: &str) {
        // What one is computed from goes together with it in few ways, and in others that the data did not happen to have.
        let needs = |a: usize, b: usize| self.formulas.get(&a).is_some_and(|(f, _)| f.sources().contains(&b));
        if needs(pair[0], pair[1]) || needs(pair[1], pair[0]) {
            return;
        }
        // Numbers that were not seen together may well be: rows that occur twice make them look as if they could not.
        if pair.iter().any(|&j| !table.fields[j].is_category()) {
            return;
        }
        let pairs = self.rules.checks.iter().filter(|c| matches!(c, Check::Together { .. })).count();
        if pairs < MOST_TOGETHER
            && let Some(check) = table.together(pair)
        {
            let (kept, of) = table.count(&check);
            // Pairs that few rows have are not held: where those are many, the rule would drop what is right.
            let holds = (of - kept) as f64 <= EXCEPTIONS * of as f64;
            let how = if holds { How::Redrawn } else { How::Learnt };
            self.rules.told.push(Told { text: text.to_owned(), kept, of, how });
            if holds {
                self.rules.checks.push(check);
            }
        }
    }
}

/// The rules that a config drops.
struct Drop {
    /// Each as it was written, as it is compared, and whether it was met.
    rules: Vec<(String, String, bool)>,
}

impl Drop {
    fn new(rules: &[String]) -> Drop {
        Drop { rules: rules.iter().map(|r| (r.clone(), Drop::bare(r), false)).collect() }
    }

    /// The text without what is not heard: quotes, signs of multiplication, spaces.
    fn bare(text: &str) -> String {
        text.chars().filter(|c| !c.is_whitespace() && *c != '`').map(|c| if c == '×' { '*' } else { c }).collect()
    }

    fn has(&mut self, text: &str) -> bool {
        let bare = Drop::bare(text);
        let met = self.rules.iter_mut().find(|(_, rule, _)| *rule == bare);
        met.map(|(.., met)| *met = true).is_some()
    }

    /// Refuses what no rule was.
    fn finish(self, found: impl Iterator<Item = String>) -> Result<()> {
        let Some((rule, ..)) = self.rules.into_iter().find(|(.., met)| !met) else { return Ok(()) };
        let found: Vec<String> = found.map(|text| text.replace('`', "")).collect();
        let what = match nearest(&rule, found.iter().map(String::as_str)) {
            Some(near) => format!("is no rule that was found; did you mean `{near}`?"),
            None => "is no rule that was found; write it as the training prints it, up to `in all rows`".to_owned(),
        };
        Err(Error::Rule { key: "data.rules.drop".to_owned(), rule, what })
    }
}

/// A table in which rules are looked for.
struct Search<'a> {
    fields: Vec<&'a Field>,
    all: Vec<&'a Column>,
    rows: usize,
    min_rows: usize,
    /// Columns that hold plain numbers or levels: no words among numbers, no integers too long for a double.
    plain: Vec<bool>,
    /// Columns of so few different numbers that their codec holds each, and all columns of categories.
    few: Vec<bool>,
}

impl Search<'_> {
    fn name(&self, j: usize) -> String {
        format!("`{}`", self.fields[j].name)
    }

    /// Whether the values of a column have an order: numbers, and levels that are such.
    fn is_ordered(&self, j: usize) -> bool {
        match self.all[j] {
            Column::Number(_) => true,
            Column::Category { levels, .. } => levels.iter().all(|l| !level_number(l).is_nan()),
        }
    }

    /// The rules of some rows, with the columns at their places in the frame.
    fn find(&self) -> Vec<Found> {
        let places: Vec<usize> = (0..self.fields.len()).collect();
        let rows = sample(places.len(), self.rows, SEED, 0);
        let given = places.par_iter().map(|&j| self.given(j, &rows)).collect();
        let (columns, sheet) = find::learn(given, rows.len());
        find::find(&columns, &sheet)
    }

    fn given(&self, j: usize, rows: &[usize]) -> (About<'_>, Sampled) {
        let field = self.fields[j];
        let decimals = match field.kind {
            ColumnKind::Datetime { .. } => Some(6),
            _ if field.numeral.significant.is_some() => None,
            _ => field.precision().decimals.map(|d| d.min(12)),
        };
        let about = |scale| About { name: &field.name, scale };
        match self.all[j] {
            // What is not plain takes part in no rule: a column without values is in none.
            _ if !self.plain[j] => (about(Scale::Number(Some(0))), Sampled::Number(vec![0.0; rows.len()])),
            Column::Number(v) => {
                (about(Scale::Number(decimals)), Sampled::Number(rows.iter().map(|&i| v[i]).collect()))
            }
            Column::Category { codes, levels } => {
                let missing = rows.iter().any(|&i| codes[i] == MISSING);
                let mut all: Vec<String> = levels.to_vec();
                all.extend(missing.then(String::new));
                let code = |&i: &usize| codes[i].min(levels.len() as u32);
                let scale = Scale::Category { levels: all.into(), missing };
                (about(scale), Sampled::Category(rows.iter().map(code).collect()))
            }
        }
    }

    /// Rows whose value is as computed, and rows in which both are there.
    fn fits(&self, formula: &Formula, target: usize) -> (u64, u64) {
        let column = self.all[target];
        let derived = Derived::trial(formula.clone(), column, self.fields[target].precision());
        let fits = derived.fits(column, &self.all);
        let same = |(i, fit): &(usize, &Fit)| **fit == Fit::Same && !column.is_missing(*i);
        let kept = fits.iter().enumerate().filter(same).count() as u64;
        (kept, kept + fits.iter().filter(|fit| **fit == Fit::Differs).count() as u64)
    }

    /// Rows that keep a rule, and those that it speaks of.
    fn count(&self, check: &Check) -> (u64, u64) {
        let concerned: Vec<usize> = (0..self.rows).filter(|&i| check.concerns(&self.all, i)).collect();
        let kept = concerned.iter().filter(|&&i| !check.broken(&self.all, i)).count();
        (kept as u64, concerned.len() as u64)
    }

    /// The same of rows in which both columns have a value.
    fn count_both(&self, check: &Check, pair: [usize; 2]) -> (u64, u64) {
        let there = |i: usize| pair.iter().all(|&j| !self.is_missing(j, i));
        let rows: Vec<usize> = (0..self.rows).filter(|&i| there(i)).collect();
        let kept = rows.iter().filter(|&&i| !check.broken(&self.all, i)).count();
        (kept as u64, rows.len() as u64)
    }

    fn is_missing(&self, j: usize, i: usize) -> bool {
        self.all[j].is_missing(i)
    }

    /// A sum with each of its columns in turn on the left; a line through the ends of all rows.
    fn sums(&self, total: usize, parts: &[(usize, f64)], constant: f64) -> Vec<(usize, Formula)> {
        let mut options = vec![(total, Formula::Sum { parts: parts.to_vec(), constant })];
        if let [(x, _)] = parts {
            let line = |from: usize, to: usize| {
                let steps = [from, to].map(|j| self.step(j));
                let (slope, start) = find::line(&numbers(self.all[from]), &numbers(self.all[to]), steps)?;
                Some((to, Formula::Sum { parts: vec![(from, slope)], constant: start }))
            };
            options.extend(line(*x, total));
            options.extend(line(total, *x));
            return options;
        }
        for (k, &(target, factor)) in parts.iter().enumerate() {
            let others = parts.iter().enumerate().filter(|(other, _)| *other != k);
            let others = others.map(|(_, &(j, f))| (j, -f / factor));
            let parts = std::iter::once((total, 1.0 / factor)).chain(others).collect();
            options.push((target, Formula::Sum { parts, constant: -constant / factor }));
        }
        options
    }

    fn step(&self, j: usize) -> find::Step {
        let precision = self.fields[j].precision();
        match (precision.significant, precision.decimals, &self.fields[j].kind) {
            (_, _, ColumnKind::Datetime { .. }) => find::Step { absolute: 1e-6, relative: 0.0 },
            (Some(digits), ..) => find::Step { absolute: 0.0, relative: 10f64.powi(1 - i32::from(digits)) },
            (None, Some(decimals), _) => find::Step { absolute: 10f64.powi(-i32::from(decimals)), relative: 0.0 },
            _ => find::Step { absolute: 1.0, relative: 0.0 },
        }
    }

    /// What each value of column `a`, or each part of its dates, says of column `b`.
    fn map(&self, a: usize, part: Option<Part>, b: usize) -> Option<Map> {
        let by_code = self.all[a].is_category();
        let keys = Map::key(self.all[a], part);
        let values = Map::key(self.all[b], None);
        // A part of dates is no date.
        let few = self.few[b] && (self.few[a] || part.is_some());
        let least = self.min_rows.max(if few { ROWS_A_PAIR } else { ROWS_A_NUMBER });
        let mut rows: Vec<usize> = (0..self.rows).filter(|&i| !keys[i].is_nan() && !values[i].is_nan()).collect();
        rows.sort_by(|&i, &j| keys[i].total_cmp(&keys[j]).then(values[i].total_cmp(&values[j])));
        let mut map = Map { of: a, part, keys: Vec::new(), values: Vec::new(), usual: 0.0, by_code };
        let mut shares: BTreeMap<u64, (usize, f64)> = BTreeMap::new();
        for group in rows.chunk_by(|&i, &j| keys[i] == keys[j]) {
            let runs = group.chunk_by(|&i, &j| values[i] == values[j]);
            let Some(most) = runs.max_by_key(|run| run.len()) else { continue };
            if most.len() >= least {
                map.keys.push(keys[most[0]]);
                map.values.push(values[most[0]]);
                shares.entry(values[most[0]].to_bits()).or_insert((0, values[most[0]])).0 += most.len();
            }
        }
        map.usual = shares.values().max_by_key(|(rows, _)| *rows)?.1;
        (map.keys.len() > 1 && map.keys.len() <= MOST_KEYS).then_some(map)
    }

    /// Dates, columns and the part of the dates that the columns are.
    fn parts(&self) -> Vec<(usize, usize, Part)> {
        let of_kind = |date: bool| {
            (0..self.fields.len())
                .filter(move |&j| self.plain[j] && matches!(self.fields[j].kind, ColumnKind::Datetime { .. }) == date)
        };
        let first = self.first();
        let dates: Vec<usize> = of_kind(true).collect();
        let pairs: Vec<(usize, usize)> =
            dates.iter().flat_map(|&date| of_kind(false).map(move |j| (date, j))).take(MOST_KEYS).collect();
        let part = |&(date, j): &(usize, usize)| {
            let values = Map::key(&first[j], None);
            let is = |part: &&Part| is_part(&Map::key(&first[date], Some(**part)), &values);
            Part::ALL.iter().find(is).map(|part| (date, j, *part))
        };
        pairs.par_iter().filter_map(part).collect()
    }

    /// Some rows of all columns, for a first look.
    fn first(&self) -> Vec<Column> {
        let mut rows = sample(1, self.rows, SEED, 1);
        rows.truncate(FIRST_ROWS);
        self.all.par_iter().map(|column| column.take(&rows)).collect()
    }

    /// Whether the distance of a column from another varies much less than the column, and is there wherever the column is.
    fn is_simpler(&self, j: usize, side: Side) -> bool {
        let (Column::Number(from), Column::Number(to)) = (self.all[side.from], self.all[j]) else { return false };
        if (0..self.rows).any(|i| from[i].is_nan() && !to[i].is_nan()) {
            return false;
        }
        let spread = |values: &mut Vec<f64>| {
            values.retain(|x| !x.is_nan());
            values.sort_unstable_by(f64::total_cmp);
            let at = |share: f64| values.get((share * values.len() as f64) as usize).copied().unwrap_or(0.0);
            let width = at(0.9) - at(0.1);
            let bits: BTreeSet<u64> = values.iter().map(|x| x.to_bits()).collect();
            (width, bits.len() as f64)
        };
        let precision = Chosen::default().precision(self.fields[side.from], self.fields[j]);
        let mut distance = side.distances(to, from, precision);
        let (own, gap) = (spread(&mut to.clone()), spread(&mut distance));
        own.0 > 0.0 && (gap.0 * SIMPLER < own.0 || gap.1 * SIMPLER < own.1)
    }

    /// The values of a column that rules tell apart: those that enough rows have.
    fn keys(&self, j: usize) -> Option<Keys> {
        match self.all[j] {
            Column::Category { levels, .. } => Some(Keys::Levels(levels.len() as u32)),
            Column::Number(v) => {
                let mut sorted: Vec<f64> = v.iter().copied().filter(|x| !x.is_nan()).collect();
                sorted.sort_unstable_by(f64::total_cmp);
                let least = self.min_rows.max(if self.few[j] { ROWS_A_PAIR } else { ROWS_A_NUMBER });
                let runs = sorted.chunk_by(|a, b| a == b).filter(|run| run.len() >= least);
                let keys: Vec<f64> = runs.map(|run| run[0]).collect();
                (!keys.is_empty() && keys.len() <= MOST_KEYS).then_some(Keys::Numbers(keys))
            }
        }
    }

    /// What column `a` says of where `b` is missing: what all rows of a value say.
    fn gap(&self, a: usize, b: usize) -> Option<Gap> {
        /// A column of more values says only whether it is missing.
        const MOST_VALUES: usize = 50;
        let keys = self.keys(a).filter(|keys| keys.len() <= MOST_VALUES).unwrap_or(Keys::Present);
        let mut counts = vec![[0_usize; 2]; keys.len() + 1];
        for i in 0..self.rows {
            if let Some(k) = keys.place(self.all[a], i) {
                counts[k][usize::from(self.is_missing(b, i))] += 1;
            }
        }
        let says = counts.iter().map(|&[present, missing]| match (present, missing) {
            (0, n) if n >= ROWS_A_NUMBER => Says::Missing,
            (n, 0) if n >= ROWS_A_NUMBER => Says::Present,
            _ => Says::Nothing,
        });
        Some(Gap { of: a, column: b, says: says.collect(), keys })
    }

    /// Rows that a gap speaks of, twice: what it says holds in all of them.
    fn gap_rows(&self, gap: &Gap) -> (u64, u64) {
        let speaks = |i: &usize| gap.keys.place(self.all[gap.of], *i).is_some_and(|k| gap.says[k] != Says::Nothing);
        let rows = (0..self.rows).filter(speaks).count() as u64;
        (rows, rows)
    }

    /// The pairs of values that go together: those that enough rows have.
    fn together(&self, pair: [usize; 2]) -> Option<Check> {
        let [a, b] = pair;
        let keys = [self.keys(a)?, self.keys(b)?];
        let mut seen: BTreeMap<[u32; 2], usize> = BTreeMap::new();
        for i in 0..self.rows {
            let places = [0, 1].map(|k| keys[k].place(self.all[pair[k]], i).filter(|&at| at < keys[k].len()));
            if let [Some(a), Some(b)] = places {
                *seen.entry([a as u32, b as u32]).or_default() += 1;
            }
        }
        let least = self.min_rows.max(ROWS_A_PAIR);
        let pairs = seen.into_iter().filter(|(_, rows)| *rows >= least).map(|(pair, _)| pair).collect();
        Some(Check::Together { columns: pair, keys, pairs })
    }

    /// Groups of neighbouring columns of 0 and 1 of which exactly one is 1, in the rows of a first look.
    fn one_hot(&self) -> Vec<Vec<usize>> {
        let first = if self.rows < LEAST_ROWS { Vec::new() } else { self.first() };
        let flag = |(j, column): (usize, &Column)| if self.plain[j] { flags(column) } else { None };
        let flags: Vec<Option<Vec<bool>>> = first.iter().enumerate().map(flag).collect();
        let mut groups = Vec::new();
        let mut from = 0;
        while from < flags.len() {
            match one_hot_from(&flags, from) {
                Some(to) => {
                    groups.push((from..to).collect());
                    from = to;
                }
                None => from += 1,
            }
        }
        groups
    }

    /// What a formula says, for people.
    fn text(&self, target: usize, formula: &Formula) -> String {
        let left = self.name(target);
        let right = match formula {
            Formula::Sum { parts, constant } => self.sum_text(parts, *constant),
            Formula::Product([a, b]) => format!("{} × {}", self.name(*a), self.name(*b)),
            Formula::Quotient([a, b]) => format!("{} / {}", self.name(*a), self.name(*b)),
            Formula::Map(Map { of, part: Some(part), keys, values, .. }) => {
                let (part, of) = (part.name(), self.name(*of));
                return match keys == values && !self.all[target].is_category() {
                    true => format!("{left} is the {part} of {of}"),
                    false => format!("the {part} of {of} determines {left}"),
                };
            }
            Formula::Map(Map { of, .. }) => return format!("{} determines {left}", self.name(*of)),
            Formula::Expression(said) => said.text.clone(),
        };
        format!("{left} = {right}")
    }

    fn sum_text(&self, parts: &[(usize, f64)], constant: f64) -> String {
        let mut terms: Vec<(f64, String)> = parts
            .iter()
            .map(|&(j, factor)| match factor.abs() {
                1.0 => (factor, self.name(j)),
                size => (factor, format!("{size} × {}", self.name(j))),
            })
            .collect();
        if constant != 0.0 {
            // A sum begins with what is added.
            let at = if terms.first().is_some_and(|(sign, _)| *sign < 0.0) { 0 } else { terms.len() };
            terms.insert(at, (constant, constant.abs().to_string()));
        }
        let mut text = String::new();
        for (sign, term) in terms {
            let sign = match (text.is_empty(), sign < 0.0) {
                (true, false) => "",
                (true, true) => "-",
                (false, false) => " + ",
                (false, true) => " - ",
            };
            text += sign;
            text += &term;
        }
        text
    }
}

/// Whether each key has one value in (nearly) all rows, and the value of another row is often another.
fn is_part(keys: &[f64], values: &[f64]) -> bool {
    let mut of: BTreeMap<u64, f64> = BTreeMap::new();
    let (mut told, mut wrong, mut by_chance) = (0, 0, 0);
    for (i, (key, value)) in keys.iter().zip(values).enumerate() {
        if key.is_nan() || value.is_nan() {
            continue;
        }
        told += 1;
        wrong += usize::from(of.entry(key.to_bits()).or_insert(*value) != value);
        let other = values[(i + values.len() / 2) % values.len()];
        by_chance += usize::from(!other.is_nan() && other != *value);
        if wrong > 3 {
            return false;
        }
    }
    // A key that was seen once says nothing.
    told >= LEAST_ROWS && told >= 3 * of.len() && by_chance as f64 > WORTH * told as f64
}

/// The end of the group of flags that begins at a column. Two columns are a line, which is found as such.
fn one_hot_from(flags: &[Option<Vec<bool>>], from: usize) -> Option<usize> {
    let mut ones = vec![0_u32; flags[from].as_ref()?.len()];
    for (to, flags) in flags.iter().enumerate().skip(from).take(MOST_ONE_HOT) {
        ones.iter_mut().zip(flags.as_ref()?).for_each(|(ones, flag)| *ones += u32::from(*flag));
        if ones.iter().any(|ones| *ones > 1) {
            return None;
        }
        if to >= from + 2 && ones.iter().all(|ones| *ones == 1) {
            return Some(to + 1);
        }
    }
    None
}

/// Which rows of a column of 0 and 1 are 1; nothing of another column, or of one that does not vary.
fn flags(column: &Column) -> Option<Vec<bool>> {
    let flag = |x: &f64| (*x == 0.0 || *x == 1.0).then_some(*x == 1.0);
    let ones: Vec<bool> = numbers(column).iter().map(flag).collect::<Option<_>>()?;
    (ones.contains(&true) && ones.contains(&false)).then_some(ones)
}

/// Whether a column is of categories, or has at most so many different numbers.
fn is_few(column: &Column, most: usize) -> bool {
    let Column::Number(v) = column else { return true };
    let mut seen = BTreeSet::new();
    v.iter().filter(|x| !x.is_nan()).all(|x| {
        seen.insert(x.to_bits());
        seen.len() <= most
    })
}
