//! Texts with values in them, and texts by rules that call each other.

use jiff::civil;

use crate::cell::Cell;
use crate::error::{Error, Result};
use crate::expression::{DAY, civil_of};
use crate::plan::Bound;
use crate::world;

/// A text with expressions in braces: `Dear {first_name}, you owe {total:.2}`.
#[derive(Clone)]
pub struct Template {
    /// The parts in turn.
    pub parts: Vec<Piece>,
}

/// A part of a template.
#[derive(Clone)]
pub enum Piece {
    /// As it stands.
    Text(String),
    /// A value, and the digits after the point that it is written with.
    Value(Bound, Option<usize>),
}

impl Template {
    /// Reads a template; `bind` binds an expression.
    ///
    /// # Errors
    /// When a brace is not closed, or an expression is none.
    pub fn read(text: &str, bind: &dyn Fn(&str) -> Result<Bound>) -> Result<Template> {
        let wrong = |what: &str| Error::Setting { key: "template".to_owned(), what: format!("`{text}` {what}") };
        let (mut parts, mut plain) = (Vec::new(), String::new());
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '{' if letters.peek() == Some(&'{') => plain.extend(letters.next()),
                '}' if letters.peek() == Some(&'}') => plain.extend(letters.next()),
                '}' => return Err(wrong("closes a brace that is not open; a brace itself is written twice")),
                '{' => {
                    let mut said = String::new();
                    let mut quoted = None;
                    loop {
                        match letters.next() {
                            None => {
                                return Err(wrong(
                                    "opens a brace and does not close it; a brace itself is written twice",
                                ));
                            }
                            Some('}') if quoted.is_none() => break,
                            Some(sign @ ('"' | '\'')) => {
                                quoted = match quoted {
                                    None => Some(sign),
                                    Some(open) if open == sign => None,
                                    other => other,
                                };
                                said.push(sign);
                            }
                            Some(other) => said.push(other),
                        }
                    }
                    if !plain.is_empty() {
                        parts.push(Piece::Text(std::mem::take(&mut plain)));
                    }
                    let (said, digits) = match said.rsplit_once(":.") {
                        Some((said, digits)) => match digits.trim().parse() {
                            Ok(digits) if digits <= 15 => (said.to_owned(), Some(digits)),
                            _ => return Err(wrong("asks for digits after the point that are no number up to 15")),
                        },
                        None => (said, None),
                    };
                    parts.push(Piece::Value(bind(&said)?, digits));
                }
                other => plain.push(other),
            }
        }
        if !plain.is_empty() {
            parts.push(Piece::Text(plain));
        }
        Ok(Template { parts })
    }

    /// The expressions in it.
    pub fn bounds(&self) -> impl Iterator<Item = &Bound> {
        self.parts.iter().filter_map(|p| if let Piece::Value(bound, _) = p { Some(bound) } else { None })
    }
}

/// Texts by rules that call each other.
#[derive(Clone, Debug)]
pub struct Grammar {
    start: Vec<Symbol>,
    rules: Vec<Vec<Vec<Symbol>>>,
}

#[derive(Clone, Debug)]
enum Symbol {
    Text(String),
    Rule(usize),
}

/// Rules within rules beyond this end in nothing.
const DEEPEST: usize = 40;

impl Grammar {
    /// Reads a grammar.
    ///
    /// # Errors
    /// When a rule is called that there is not, or has no texts.
    pub fn new(said: &world::Grammar) -> Result<Grammar, String> {
        let names: Vec<&str> = said.rules.iter().map(|(name, _)| name).collect();
        let rules = said.rules.iter().map(|(name, all)| match all.is_empty() {
            true => Err(format!("the rule `{name}` has no texts")),
            false => all.iter().map(|text| symbols(text, &names)).collect(),
        });
        Ok(Grammar { start: symbols(&said.start, &names)?, rules: rules.collect::<Result<_, _>>()? })
    }

    /// A text drawn from a cell: each text of a rule as likely. Below many rules within rules the shortest text of each is taken.
    pub fn draw(&self, cell: &mut Cell, text: &mut String) {
        self.expand(&self.start, cell, text, 0);
    }

    fn expand(&self, symbols: &[Symbol], cell: &mut Cell, text: &mut String, depth: usize) {
        for symbol in symbols {
            match symbol {
                Symbol::Text(said) => text.push_str(said),
                Symbol::Rule(k) if depth < DEEPEST => {
                    let all = &self.rules[*k];
                    self.expand(&all[cell.below(all.len() as u64) as usize], cell, text, depth + 1);
                }
                Symbol::Rule(k) if depth < 2 * DEEPEST => {
                    let calls = |s: &&Vec<Symbol>| s.iter().filter(|s| matches!(s, Symbol::Rule(_))).count();
                    if let Some(least) = self.rules[*k].iter().min_by_key(calls) {
                        self.expand(least, cell, text, depth + 1);
                    }
                }
                Symbol::Rule(_) => {}
            }
        }
    }
}

/// A text with rules in angle brackets.
fn symbols(text: &str, names: &[&str]) -> Result<Vec<Symbol>, String> {
    let (mut all, mut left) = (Vec::new(), text);
    while let Some(open) = left.find('<') {
        let (before, after) = left.split_at(open);
        if !before.is_empty() {
            all.push(Symbol::Text(before.to_owned()));
        }
        let Some((name, rest)) = after[1..].split_once('>') else {
            return Err(format!("`{text}` opens an angle bracket and does not close it"));
        };
        let rule = names.iter().position(|n| *n == name);
        let rule = rule.ok_or_else(|| format!("there is no rule `{name}`; there are {}", names.join(", ")))?;
        all.push(Symbol::Rule(rule));
        left = rest;
    }
    if !left.is_empty() {
        all.push(Symbol::Text(left.to_owned()));
    }
    Ok(all)
}

/// Whether a format of dates and times is understood.
///
/// # Errors
/// What is wrong with it.
pub fn check_format(format: &str) -> Result<(), String> {
    let time = civil::date(2024, 1, 31).at(13, 5, 9, 0);
    jiff::fmt::strtime::format(format, time).map(drop).map_err(|e| format!("`format`: {e}"))
}

/// A moment in a format.
pub fn formatted(t: i64, format: &str) -> Option<String> {
    let within = t.rem_euclid(DAY);
    let date = civil_of(t.div_euclid(DAY))?;
    let time = civil::Time::midnight().wrapping_add(jiff::SignedDuration::from_micros(within));
    jiff::fmt::strtime::format(format, date.to_datetime(time)).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn rules_call_each_other_and_end() {
        let said: world::Grammar = toml::from_str(
            "start = \"<hello> <who>!\"\n[rules]\nhello = [\"Hi\", \"Dear\"]\nwho = [\"you\", \"<who> and <who>\"]",
        )
        .unwrap();
        let grammar = Grammar::new(&said).unwrap();
        let mut lengths = Vec::new();
        for k in 0..200 {
            let mut text = String::new();
            grammar.draw(&mut Cell::from_state(k), &mut text);
            assert!(text.starts_with("Hi you") || text.starts_with("Dear you"), "{text}");
            lengths.push(text.len());
        }
        assert!(lengths.iter().max() > lengths.iter().min());
        let said = |text: &str| Grammar::new(&toml::from_str::<world::Grammar>(text).unwrap()).unwrap_err();
        assert!(said("start = \"<a>\"\n[rules]").contains("no rule `a`"));
        assert!(said("start = \"<a\"\n[rules]").contains("does not close"));
    }

    #[test]
    fn dates_in_other_formats() {
        let (t, _) = crate::expression::iso("2024-02-29T07:08:09").unwrap();
        assert_eq!(formatted(t, "%d.%m.%Y").unwrap(), "29.02.2024");
        assert_eq!(formatted(t, "%H:%M").unwrap(), "07:08");
        assert!(check_format("%Q!").is_err() || check_format("%").is_err());
    }
}
