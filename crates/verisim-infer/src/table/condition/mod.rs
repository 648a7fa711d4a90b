//! Conditions on sampled rows: `occupation=Sales`, `age>=30`, `age in 30..40`, `city in (Oslo, Rome)`, `city is missing`.
//!
//! A condition does two things: it says which tokens a model may draw ([`Allowed`], coarse) and it checks the decoded
//! value (exact). The second matters where a token covers values on both sides of a bound.
//!
//! What is asked of a category is answered once for each level: a level is equal to its own text or, where no level is, to the
//! same number (`4.0` and `4`), and levels that are numbers are compared as numbers. What is asked of a number or a date is a
//! [`Span`]. An ISO date is understood whatever the format of the column, and lasts a day: `joined=2021-06-01` is any time on it.

mod said;
mod span;
#[cfg(test)]
mod tests;

use verisim_data::error::nearest;
use verisim_data::table::codec::{ColumnCodec, Derived};
use verisim_data::table::date::DateFormat;
use verisim_data::table::frame::word_of;
use verisim_data::table::rules::{Formula, Map};
use verisim_data::table::{Column, ColumnKind, Field, Frame, MISSING, Schema, Spec};
use verisim_models::table::Allowed;

use crate::error::{Error, Result};
use said::{End, Said, Test, Value};
use span::{Extent, Span};

/// The time that `text` stands for in a column of this format: its first instant, where it is an ISO date.
pub(crate) fn instant(text: &str, format: &str) -> Option<f64> {
    span::time(text, &DateFormat::new(format)).map(|time| time.from)
}

/// One condition, checked against a schema and a codec.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    text: String,
    /// Index among the modelled columns.
    column: usize,
    test: Rule,
}

/// What a value must be.
#[derive(Clone, Debug, PartialEq)]
enum Rule {
    /// Missing, or not.
    Missing(bool),
    /// A number in one of the spans, or (`not`) in none of them.
    Number { spans: Vec<Span>, not: bool },
    /// One of these words among numbers, or (`not`) none of them, nor missing.
    Word { words: Vec<u32>, not: bool },
    /// A level that is marked here.
    Level(Vec<bool>),
    /// The level of this code. A balanced sample has a condition a level, so it marks none.
    Only(usize),
}

impl Rule {
    /// Whether a number, which is not missing, is as it must be.
    fn allows(&self, x: f64) -> bool {
        matches!(self, Rule::Number { spans, not } if spans.iter().any(|s| s.has(x)) != *not)
    }

    /// Whether some number between `lo` and `hi` may be as it must be; never stricter than [`Rule::allows`].
    fn may_allow(&self, lo: f64, hi: f64) -> bool {
        match self {
            Rule::Number { spans, not: false } => spans.iter().any(|s| s.meets(lo, hi)),
            Rule::Number { spans, not: true } => !spans.iter().any(|s| s.covers(lo, hi)),
            _ => false,
        }
    }
}

impl Condition {
    /// Reads a condition on a column of what `spec` describes.
    ///
    /// # Errors
    /// When it is none, its column is not learnt, or its values can be none of that column.
    pub fn parse(text: &str, spec: &Spec) -> Result<Condition> {
        let fail = |problem: String| Error::Condition { condition: text.into(), problem };
        let said = said::read(text).ok_or_else(|| {
            fail(
                "write it as column=value with =, !=, <, <=, > or >= in between, or as column in (a, b), column in 1..9 or \
                 column is missing"
                    .into(),
            )
        })?;
        let field =
            spec.schema.field(&said.column).map_err(|e| fail(format!("{e}{}", unquoted(text, &spec.schema))))?;
        if !field.is_modelled() {
            let (name, kind) = (&field.name, field.kind.name());
            return Err(fail(format!("column `{name}` is {kind} and is not learnt, so rows cannot be chosen by it")));
        }
        let column = spec.schema.modelled().position(|f| f.name == field.name).unwrap_or_default();
        let test = match (spec.codec.columns[column].levels(), said) {
            (_, Said { test: Test::Missing, not, .. }) => Rule::Missing(!not),
            (_, Said { test: Test::OneOf(values), not, .. }) if is_missing(field, &values) => Rule::Missing(!not),
            (Some(all), said) => levels(&said, all).map(Rule::Level).map_err(fail)?,
            (_, Said { test: Test::OneOf(values), not, .. }) if words(field, &values).is_some() => {
                Rule::Word { words: words(field, &values).unwrap_or_default(), not }
            }
            (_, said) => numbers(&said, field).map_err(fail)?,
        };
        Ok(Condition { text: text.into(), column, test })
    }

    /// The condition as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The condition that column `name` is the level of this code, for balanced samples.
    pub(crate) fn level(column: usize, name: &str, level: &str, code: usize) -> Condition {
        Condition { text: format!("{name}={level}"), column, test: Rule::Only(code) }
    }

    /// Restricts `allowed` to the tokens that may satisfy the condition.
    ///
    /// # Errors
    /// When there are none.
    pub fn restrict(&self, spec: &Spec, allowed: &mut Allowed) -> Result<()> {
        let codec = &spec.codec.columns[self.column];
        if let ColumnCodec::Derived(derived) = codec {
            let never = self.test == Rule::Missing(true) && !derived.may_miss();
            if never || !self.is_in_reach(codec) {
                return Err(self.refusal(spec));
            }
            self.restrict_sources(derived, spec, allowed);
            return Ok(());
        }
        if let (ColumnCodec::Distance(_), Rule::Number { .. }) = (codec, &self.test) {
            // Which distance gives such a value depends on the other column.
            return if self.is_in_reach(codec) { Ok(()) } else { Err(self.refusal(spec)) };
        }
        let missing = codec.missing_token();
        let mut tokens = vec![false; codec.span().tokens as usize];
        match (&self.test, codec) {
            (Rule::Level(levels), ColumnCodec::Category(codec)) => {
                let codes = levels.iter().enumerate().filter(|(_, allowed)| **allowed);
                codes.for_each(|(code, _)| tokens[codec.token(code as u32) as usize] = true);
            }
            (Rule::Only(code), ColumnCodec::Category(codec)) => tokens[codec.token(*code as u32) as usize] = true,
            (Rule::Missing(wanted), _) => {
                let may = |token| (missing == Some(token)) == *wanted;
                tokens.iter_mut().zip(0..).for_each(|(allowed, token)| *allowed = may(token));
            }
            (Rule::Word { words, not }, _) => {
                let may = |token| match codec.word(token) {
                    Some(word) => words.contains(&word) != *not,
                    None => *not && missing != Some(token),
                };
                tokens.iter_mut().zip(0..).for_each(|(allowed, token)| *allowed = may(token));
            }
            (rule, _) => {
                let may = |token| codec.range(token).is_some_and(|(lo, hi)| rule.may_allow(lo, hi));
                tokens.iter_mut().zip(0..).for_each(|(allowed, token)| *allowed = may(token));
            }
        }
        if !tokens.contains(&true) {
            return Err(self.refusal(spec));
        }
        allowed.restrict(self.column, tokens);
        Ok(())
    }

    fn refusal(&self, spec: &Spec) -> Error {
        Error::Condition { condition: self.text.clone(), problem: self.impossible(spec) }
    }

    /// Whether some value of a column that is made from others may satisfy the condition.
    fn is_in_reach(&self, codec: &ColumnCodec) -> bool {
        match (&self.test, codec.extent()) {
            (rule @ Rule::Number { .. }, Some((lo, hi))) => rule.may_allow(lo, hi),
            (Rule::Level(levels), _) => levels.contains(&true),
            _ => true,
        }
    }

    /// Restricts what a column is computed from, where it is computed from one alone and without exceptions. Elsewhere rows are
    /// chosen after they are made.
    fn restrict_sources(&self, derived: &Derived, spec: &Spec, allowed: &mut Allowed) {
        let sources = derived.formula.sources();
        let (true, [from]) = (derived.is_strict(), sources.as_slice()) else { return };
        let source = &spec.codec.columns[*from];
        let may: Option<Vec<bool>> = match (&derived.formula, source) {
            (Formula::Map(map), ColumnCodec::Category(levels)) if map.part.is_none() => {
                let mut tokens = vec![false; levels.span().tokens as usize];
                (0..levels.levels.len() as u32)
                    .filter(|&code| self.may_be(map, f64::from(code)))
                    .for_each(|code| tokens[levels.token(code) as usize] = true);
                // Where there is no value nothing is computed, and the column may have any of its exceptions.
                levels.missing_token().into_iter().for_each(|missing| tokens[missing as usize] = true);
                Some(tokens)
            }
            (Formula::Map(map), _) if map.part.is_none() && source.is_own() && source.extent().is_some() => {
                let may = |token| match source.range(token) {
                    Some((lo, hi)) => {
                        let inside = map.keys.iter().copied().filter(|key| (lo..=hi).contains(key));
                        inside.chain([lo, hi]).any(|key| self.may_be(map, key))
                    }
                    None => true,
                };
                Some((0..source.span().tokens).map(may).collect())
            }
            (Formula::Sum { parts, constant }, _) if source.is_own() && source.extent().is_some() => {
                let factor = parts.iter().map(|(_, factor)| factor).sum::<f64>();
                let may = |token| match source.range(token) {
                    Some((lo, hi)) => {
                        let ends = [lo, hi].map(|x| factor * x + constant);
                        // Rounding may move a value across a bound.
                        let slack = derived.half_step(ends[0].abs().max(ends[1].abs()));
                        self.test.may_allow(ends[0].min(ends[1]) - slack, ends[0].max(ends[1]) + slack)
                    }
                    None => true,
                };
                matches!(self.test, Rule::Number { .. }).then(|| (0..source.span().tokens).map(may).collect())
            }
            _ => None,
        };
        if let Some(tokens) = may.filter(|tokens| tokens.contains(&true)) {
            allowed.restrict(*from, tokens);
        }
    }

    /// Whether what belongs to `key` may satisfy the condition.
    fn may_be(&self, map: &Map, key: f64) -> bool {
        let value = map.value(key);
        if value.is_nan() {
            return true;
        }
        match &self.test {
            Rule::Level(levels) => levels.get(value as usize) == Some(&true),
            Rule::Only(code) => value == *code as f64,
            rule @ Rule::Number { .. } => rule.allows(value),
            Rule::Missing(_) | Rule::Word { .. } => true,
        }
    }

    /// Whether no value satisfies both conditions, as far as that is plain.
    pub(crate) fn contradicts(&self, other: &Condition) -> bool {
        self.column == other.column
            && match (&self.test, &other.test) {
                (Rule::Level(a), Rule::Level(b)) => !a.iter().zip(b).any(|(a, b)| *a && *b),
                (Rule::Number { spans: a, not: false }, Rule::Number { spans: b, not: false }) => {
                    !a.iter().any(|a| b.iter().any(|b| a.meets(b.from, b.to)))
                }
                (Rule::Missing(a), Rule::Missing(b)) => a != b,
                (Rule::Missing(true), _) | (_, Rule::Missing(true)) => true,
                _ => false,
            }
    }

    /// Whether the condition leaves out every row whose `column` is the level of this code.
    pub(crate) fn excludes(&self, column: usize, code: usize) -> bool {
        self.column == column
            && match &self.test {
                Rule::Level(levels) => !levels[code],
                Rule::Only(own) => *own != code,
                Rule::Missing(wanted) => *wanted,
                Rule::Number { .. } | Rule::Word { .. } => false,
            }
    }

    /// Brings the dates that the condition is about to what their format can write, so that what is checked is what is written.
    pub(crate) fn canonical(&self, schema: &Schema, frame: &mut Frame) {
        let field = schema.modelled().nth(self.column);
        let (Some(ColumnKind::Datetime { format, .. }), Column::Number(values)) =
            (field.map(|f| &f.kind), &mut frame.columns[self.column])
        else {
            return;
        };
        let format = DateFormat::new(format);
        for x in values.iter_mut().filter(|x| !x.is_nan()) {
            *x = format.parse(&format.text(*x)).unwrap_or(*x);
        }
    }

    /// Whether row `i` of a decoded frame satisfies the condition.
    pub fn holds(&self, frame: &Frame, i: usize) -> bool {
        match (&frame.columns[self.column], &self.test) {
            (Column::Number(v), Rule::Missing(wanted)) => (v[i].is_nan() && word_of(v[i]).is_none()) == *wanted,
            (Column::Number(v), Rule::Word { words, not }) => match word_of(v[i]) {
                Some(word) => words.contains(&word) != *not,
                None => *not && !v[i].is_nan(),
            },
            (Column::Category { codes, .. }, Rule::Missing(wanted)) => (codes[i] == MISSING) == *wanted,
            (Column::Number(v), rule) => !v[i].is_nan() && rule.allows(v[i]),
            (Column::Category { codes, .. }, Rule::Level(levels)) => levels.get(codes[i] as usize) == Some(&true),
            (Column::Category { codes, .. }, Rule::Only(code)) => codes[i] as usize == *code,
            (Column::Category { .. }, Rule::Number { .. } | Rule::Word { .. }) => false,
        }
    }

    /// Why no token satisfies the condition.
    fn impossible(&self, spec: &Spec) -> String {
        let codec = &spec.codec.columns[self.column];
        let made = if codec.is_own() { None } else { codec.extent() };
        let ends: Vec<(f64, f64)> = (0..codec.span().tokens).filter_map(|t| codec.range(t)).chain(made).collect();
        match &self.test {
            Rule::Missing(true) => "no value of this column was missing in the training data".into(),
            Rule::Missing(false) => "every value of this column was missing in the training data".into(),
            Rule::Number { spans, .. } if !ends.is_empty() => {
                let say =
                    |x: f64| spec.schema.modelled().nth(self.column).map_or_else(|| x.to_string(), |f| f.shown(x));
                let all = || ends.iter().flat_map(|&(lo, hi)| [lo, hi]);
                let (lo, hi) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
                let far = |x: f64| spans.iter().map(|s| (s.from - x).max(x - s.to)).fold(f64::INFINITY, f64::min);
                let near = all().min_by(|a, b| far(*a).total_cmp(&far(*b))).map_or(String::new(), say);
                format!(
                    "impossible, the training data range from {} to {}; the nearest value is {near}",
                    say(lo),
                    say(hi)
                )
            }
            _ => "impossible, the training data have no such value".into(),
        }
    }
}

/// Whether a lone value, without quotes, is the text that stands for a missing one.
fn is_missing(field: &Field, values: &[Value]) -> bool {
    matches!(values, [Value { text, quoted: false }] if !field.missing.is_empty() && *text == field.missing)
}

/// The words among the numbers of a column that `values` name, if all of them do.
fn words(field: &Field, values: &[Value]) -> Option<Vec<u32>> {
    let word = |value: &Value| field.numeral.words.iter().position(|w| *w == value.text).map(|k| k as u32);
    values.iter().map(word).collect::<Option<Vec<u32>>>().filter(|w| !w.is_empty())
}

/// What to type where a name that holds an operator was cut off at it.
fn unquoted(text: &str, schema: &Schema) -> String {
    let cut = schema.fields.iter().map(|f| &f.name).find(|n| n.contains(['=', '!', '<', '>']) && text.starts_with(*n));
    cut.map_or(String::new(), |name| format!("; write `\"{name}\"{}`, with quotes about its name", &text[name.len()..]))
}

/// A level or a value as a number, if it is one.
fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|x: &f64| x.is_finite())
}

/// Which levels satisfy what is said.
fn levels(said: &Said, all: &[String]) -> Result<Vec<bool>, String> {
    let marked: Vec<bool> = match &said.test {
        Test::OneOf(values) => {
            let mut marked = vec![false; all.len()];
            for value in values {
                mark(value, all, &mut marked)?;
            }
            marked.iter().map(|m| *m != said.not).collect()
        }
        Test::Between { from, to } => {
            let all: Vec<Option<f64>> = all.iter().map(|l| number(l)).collect();
            if all.iter().all(Option::is_none) {
                return Err(format!("column `{}` holds words: only = and != make sense, and lists", said.column));
            }
            let span = between(from.as_ref(), to.as_ref(), |value| {
                number(&value.text).map(Extent::point).ok_or_else(|| format!("`{}` is not a number", value.text))
            })?;
            all.iter().map(|level| level.is_some_and(|x| span.has(x) != said.not)).collect()
        }
        Test::Missing => vec![false; all.len()],
    };
    match marked.contains(&true) {
        true => Ok(marked),
        false => Err(format!("impossible, the training data have no such value; they have {}", list(all))),
    }
}

/// Marks the level that a value means. One that does not exist is a typo, whatever is asked of it.
fn mark(value: &Value, levels: &[String], marked: &mut [bool]) -> Result<(), String> {
    if let Some(code) = levels.iter().position(|l| *l == value.text) {
        marked[code] = true;
        return Ok(());
    }
    let wanted = number(&value.text);
    let mut found = false;
    for (level, mark) in levels.iter().zip(marked) {
        if wanted.is_some() && number(level) == wanted {
            (*mark, found) = (true, true);
        }
    }
    if found {
        return Ok(());
    }
    // Numbers lie near numbers; words are spelt alike.
    let close = |x: f64| {
        let numbers = levels.iter().filter_map(|l| number(l).map(|y| ((y - x).abs(), l.as_str())));
        numbers.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, level)| level)
    };
    let near = wanted.and_then(close).or_else(|| nearest(&value.text, levels.iter().map(String::as_str)));
    let hint = near.map_or_else(|| format!("they have {}", list(levels)), |near| format!("did you mean `{near}`?"));
    Err(format!("impossible, the training data have no value `{}`; {hint}", value.text))
}

/// The first levels, and how many more.
fn list(levels: &[String]) -> String {
    let first = levels[..levels.len().min(10)].join(", ");
    if levels.len() <= 10 { first } else { format!("{first} and {} more", levels.len() - 10) }
}

/// Which numbers satisfy what is said of a column of numbers or dates.
fn numbers(said: &Said, field: &Field) -> Result<Rule, String> {
    let date = match &field.kind {
        ColumnKind::Datetime { format, .. } => Some(DateFormat::new(format)),
        _ => None,
    };
    let read = |value: &Value| {
        let text = value.text.as_str();
        let found = match &date {
            Some(format) => span::time(text, format),
            None => field.number(text).filter(|x| !x.is_nan()).map(Extent::point),
        };
        found.ok_or_else(|| match &date {
            Some(format) => format!("`{text}` is not a date of the form {}, nor such as 2021-06-30", format.as_str()),
            None => format!("`{text}` is not a number"),
        })
    };
    let spans = match &said.test {
        Test::OneOf(values) => {
            let equal = |value: &Value| {
                let extent = read(value)?;
                writable(extent.from, field)?;
                // A day holds the time that is asked for.
                let cut = |x: f64| date.as_ref().and_then(|f| f.parse(&f.text(x))).map_or(x, |cut| cut.min(x));
                let span = extent.equal();
                Ok(Span { from: cut(span.from), ..span })
            };
            values.iter().map(equal).collect::<Result<_, String>>()?
        }
        Test::Between { from, to } => vec![between(from.as_ref(), to.as_ref(), read)?],
        Test::Missing => Vec::new(),
    };
    Ok(Rule::Number { spans, not: said.not })
}

/// Refuses a fraction that no whole number is equal to.
fn writable(x: f64, field: &Field) -> Result<(), String> {
    match field.kind {
        ColumnKind::Integer if x.fract() != 0.0 => {
            Err(format!("impossible, the column holds whole numbers; did you mean `{}`?", x.round()))
        }
        _ => Ok(()),
    }
}

/// The span between two ends; one that cannot be read, or lies beyond the other, is refused.
fn between(
    from: Option<&End>,
    to: Option<&End>,
    read: impl Fn(&Value) -> Result<Extent, String>,
) -> Result<Span, String> {
    let mut span = Span::ALL;
    if let Some((value, included)) = from {
        span = read(value)?.begin(*included, span);
    }
    if let Some((value, included)) = to {
        span = read(value)?.finish(*included, span);
    }
    match (from, to) {
        (Some((from, _)), Some((to, _))) if span.from > span.to => {
            Err(format!("there is nothing between `{}` and `{}`; write the smaller one first", from.text, to.text))
        }
        _ => Ok(span),
    }
}
