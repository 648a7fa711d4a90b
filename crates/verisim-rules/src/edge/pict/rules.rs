//! Constraints in the language of PICT.

use std::sync::Arc;

use super::same;
use crate::edge::cover::Parameter;
use crate::edge::rule::Rule;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Parameter(String),
    Text(String),
    Number(f64),
    Word(String),
    Sign(String),
}

pub(super) type Lined<T> = Result<T, (usize, String)>;

/// The signs of a text, each with its line.
pub(super) fn tokens(text: &str) -> Lined<Vec<(usize, Token)>> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '\n' => {
                line += 1;
                rest = &rest[1..];
                continue;
            }
            _ if first.is_whitespace() => {
                rest = &rest[first.len_utf8()..];
                continue;
            }
            '#' => {
                rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
                continue;
            }
            '[' => match escaped(&rest[1..], ']') {
                Some((name, length)) => (Token::Parameter(name.trim().to_owned()), length + 2),
                None => return Err((line, "has a `[` without a `]`, or a `\\` before another sign".to_owned())),
            },
            '"' => match escaped(&rest[1..], '"') {
                Some((text, length)) => (Token::Text(text), length + 2),
                None => return Err((line, "has a text without its end, or a `\\` before another sign".to_owned())),
            },
            '(' | ')' | '{' | '}' | ',' | ';' | '=' => (Token::Sign(first.to_string()), 1),
            '<' | '>' => {
                let two = rest.get(..2).filter(|t| ["<>", "<=", ">="].contains(t));
                let sign = two.unwrap_or(&rest[..1]);
                (Token::Sign(sign.to_owned()), sign.len())
            }
            '0'..='9' | '-' | '+' | '.' => {
                let end =
                    rest[1..].find(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).map_or(rest.len(), |i| i + 1);
                let number =
                    rest[..end].parse().map_err(|_| (line, format!("has {:?}, which is no number", &rest[..end])))?;
                (Token::Number(number), end)
            }
            _ if first.is_alphabetic() => {
                let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
                (Token::Word(rest[..end].to_lowercase()), end)
            }
            _ => return Err((line, format!("has {first:?}, which means nothing here"))),
        };
        tokens.push((line, token));
        rest = &rest[length..];
    }
    Ok(tokens)
}

/// What is before the end sign, and its length as it is written. The end sign and `\\` have a `\\` before them where they are meant.
fn escaped(rest: &str, end: char) -> Option<(String, usize)> {
    let mut out = String::new();
    let mut letters = rest.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            _ if letter == end => return Some((out, at)),
            '\\' => out.push(letters.next().map(|l| l.1).filter(|&l| l == end || l == '\\' || l == '[')?),
            other => out.push(other),
        }
    }
    None
}

#[derive(Clone, Debug)]
enum Term {
    And(Vec<Term>),
    Or(Vec<Term>),
    Not(Box<Term>),
    /// A parameter by its place in the rule, a relation, and what it is compared with.
    Compare(usize, String, Side),
    In(usize, Vec<Literal>),
    Like(usize, String),
    Negative(Option<usize>),
}

#[derive(Clone, Debug)]
enum Side {
    Value(Literal),
    Parameter(usize),
}

#[derive(Clone, Debug, PartialEq)]
enum Literal {
    Number(f64),
    Text(String),
}

impl Literal {
    fn holds(&self, relation: &str, other: &Literal) -> bool {
        let order = match (self, other) {
            (Literal::Number(a), Literal::Number(b)) => a.partial_cmp(b),
            (Literal::Text(a), Literal::Text(b)) => Some(a.cmp(b)),
            _ => None,
        };
        order.is_some_and(|o| match relation {
            "=" => o.is_eq(),
            "<>" => o.is_ne(),
            "<" => o.is_lt(),
            "<=" => o.is_le(),
            ">" => o.is_gt(),
            _ => o.is_ge(),
        })
    }
}

struct Reader<'a> {
    tokens: &'a [(usize, Token)],
    at: usize,
    model: &'a [Parameter],
    /// The places of the parameters that the rule names.
    named: Vec<usize>,
    depth: usize,
}

/// The rules that the signs say.
pub(super) fn constraints(tokens: &[(usize, Token)], model: &[Parameter]) -> Lined<Vec<Rule>> {
    let mut reader = Reader { tokens, at: 0, model, named: Vec::new(), depth: 0 };
    let mut rules = Vec::new();
    while reader.at < tokens.len() {
        reader.named.clear();
        let from = reader.at;
        let term = reader.rule()?;
        let text = written(&tokens[from..reader.at]);
        reader.sign(";")?;
        if reader.named.is_empty() {
            return Err((tokens[from].0, "names no parameter".to_owned()));
        }
        rules.push(rule(term, text, reader.named.clone(), model));
    }
    Ok(rules)
}

/// A parameter is numeric when all its values are.
fn numeric(parameter: &Parameter) -> bool {
    parameter.choices.iter().all(|c| c.names[0].parse::<f64>().is_ok_and(f64::is_finite))
}

fn rule(term: Term, text: String, parameters: Vec<usize>, model: &[Parameter]) -> Rule {
    let values: Vec<Vec<(Literal, bool)>> = parameters
        .iter()
        .map(|&p| {
            let number = numeric(&model[p]);
            let literal = |name: &str| match name.parse() {
                Ok(x) if number => Literal::Number(x),
                _ => Literal::Text(name.to_lowercase()),
            };
            model[p].choices.iter().map(|c| (literal(&c.names[0]), c.negative)).collect()
        })
        .collect();
    Rule { text, parameters, test: Arc::new(move |row| Ok(holds(&term, row, &values))) }
}

fn holds(term: &Term, row: &[usize], values: &[Vec<(Literal, bool)>]) -> bool {
    let value = |p: usize| &values[p][row[p]].0;
    match term {
        Term::And(parts) => parts.iter().all(|p| holds(p, row, values)),
        Term::Or(parts) => parts.iter().any(|p| holds(p, row, values)),
        Term::Not(part) => !holds(part, row, values),
        Term::Compare(p, relation, Side::Value(other)) => value(*p).holds(relation, other),
        Term::Compare(p, relation, Side::Parameter(q)) => value(*p).holds(relation, value(*q)),
        Term::In(p, list) => list.contains(value(*p)),
        Term::Like(p, pattern) => match value(*p) {
            Literal::Text(text) => like(pattern, text),
            Literal::Number(x) => like(pattern, &x.to_string()),
        },
        Term::Negative(Some(p)) => values[*p][row[*p]].1,
        Term::Negative(None) => (0..row.len()).any(|p| values[p][row[p]].1),
    }
}

/// `*` is any letters, `?` one.
fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '?' || pattern[p] == text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((at, from)) = star {
            (p, t) = (at + 1, from + 1);
            star = Some((at, from + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

fn written(tokens: &[(usize, Token)]) -> String {
    let one = |(_, token): &(usize, Token)| match token {
        Token::Parameter(name) => format!("[{name}]"),
        Token::Text(text) => format!("{text:?}"),
        Token::Number(x) => x.to_string(),
        Token::Word(word) => word.to_uppercase(),
        Token::Sign(sign) => sign.clone(),
    };
    tokens.iter().map(one).collect::<Vec<_>>().join(" ")
}

impl Reader<'_> {
    fn line(&self) -> usize {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |t| t.0)
    }

    fn wrong<T>(&self, what: impl Into<String>) -> Lined<T> {
        Err((self.line(), what.into()))
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|t| &t.1)
    }

    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(w)) if w == word);
        self.at += usize::from(found);
        found
    }

    fn is_sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(s)) if s == sign);
        self.at += usize::from(found);
        found
    }

    fn sign(&mut self, sign: &str) -> Lined<()> {
        if self.is_sign(sign) { Ok(()) } else { self.wrong(format!("wants a `{sign}` here")) }
    }

    fn rule(&mut self) -> Lined<Term> {
        if !self.word("if") {
            return self.or();
        }
        let condition = self.or()?;
        if !self.word("then") {
            return self.wrong("has an IF without a THEN");
        }
        let then = self.or()?;
        let met = Term::Or(vec![Term::Not(Box::new(condition.clone())), then]);
        if !self.word("else") {
            return Ok(met);
        }
        let other = self.or()?;
        Ok(Term::And(vec![met, Term::Or(vec![condition, other])]))
    }

    fn or(&mut self) -> Lined<Term> {
        self.depth += 1;
        if self.depth > 64 {
            return self.wrong("has more than 64 brackets in each other");
        }
        let mut parts = vec![self.and()?];
        while self.word("or") {
            parts.push(self.and()?);
        }
        self.depth -= 1;
        Ok(Term::Or(parts))
    }

    fn and(&mut self) -> Lined<Term> {
        let mut parts = vec![self.not()?];
        while self.word("and") {
            parts.push(self.not()?);
        }
        Ok(Term::And(parts))
    }

    fn not(&mut self) -> Lined<Term> {
        let mut turned = false;
        while self.word("not") {
            turned = !turned;
        }
        let term = if self.is_sign("(") {
            let term = self.or()?;
            self.sign(")")?;
            term
        } else {
            self.term()?
        };
        Ok(if turned { Term::Not(Box::new(term)) } else { term })
    }

    fn parameter(&mut self) -> Lined<usize> {
        let Some(Token::Parameter(name)) = self.peek() else {
            return self.wrong("wants a parameter in brackets here, as in [Size]");
        };
        let Some(place) = self.model.iter().position(|p| same(&p.name, name)) else {
            return self.wrong(format!("names [{name}], which is no parameter"));
        };
        self.at += 1;
        Ok(self.named.iter().position(|&p| p == place).unwrap_or_else(|| {
            self.named.push(place);
            self.named.len() - 1
        }))
    }

    fn literal(&mut self, parameter: usize) -> Lined<Literal> {
        let place = self.named[parameter];
        let (number, name) = (numeric(&self.model[place]), &self.model[place].name);
        let literal = match self.peek() {
            Some(Token::Number(x)) if number => Literal::Number(*x),
            Some(Token::Text(text)) if !number => Literal::Text(text.to_lowercase()),
            Some(Token::Number(_)) => {
                return self
                    .wrong(format!("compares [{name}], whose values are texts, with a number; put it in quotes"));
            }
            Some(Token::Text(_)) => {
                return self
                    .wrong(format!("compares [{name}], whose values are numbers, with a text; drop the quotes"));
            }
            _ => return self.wrong("wants a number or a text in quotes here"),
        };
        self.at += 1;
        Ok(literal)
    }

    fn term(&mut self) -> Lined<Term> {
        for (word, turned) in [("isnegative", false), ("ispositive", true)] {
            if self.word(word) {
                self.sign("(")?;
                let parameter =
                    if matches!(self.peek(), Some(Token::Parameter(_))) { Some(self.parameter()?) } else { None };
                self.sign(")")?;
                if parameter.is_none() {
                    // Any parameter of the model counts.
                    self.named = (0..self.model.len()).filter(|p| !self.named.contains(p)).fold(
                        self.named.clone(),
                        |mut all, p| {
                            all.push(p);
                            all
                        },
                    );
                }
                let term = Term::Negative(parameter);
                return Ok(if turned { Term::Not(Box::new(term)) } else { term });
            }
        }
        let parameter = self.parameter()?;
        let turned = self.word("not");
        let term = if self.word("in") {
            self.sign("{")?;
            let mut list = vec![self.literal(parameter)?];
            while self.is_sign(",") {
                list.push(self.literal(parameter)?);
            }
            self.sign("}")?;
            Term::In(parameter, list)
        } else if self.word("like") {
            let Some(Token::Text(pattern)) = self.peek() else {
                return self.wrong("wants a text in quotes after LIKE");
            };
            let term = Term::Like(parameter, pattern.to_lowercase());
            self.at += 1;
            term
        } else if turned {
            return self.wrong("wants IN or LIKE after NOT");
        } else {
            let relation = match self.peek() {
                Some(Token::Sign(s)) if ["=", "<>", "<", "<=", ">", ">="].contains(&s.as_str()) => s.clone(),
                _ => return self.wrong("wants =, <>, <, <=, >, >=, IN or LIKE here"),
            };
            self.at += 1;
            let side = if matches!(self.peek(), Some(Token::Parameter(_))) {
                let other = self.parameter()?;
                let (a, b) = (&self.model[self.named[parameter]], &self.model[self.named[other]]);
                if numeric(a) != numeric(b) {
                    return self.wrong(format!("compares [{}] with [{}]: one has numbers, one texts", a.name, b.name));
                }
                Side::Parameter(other)
            } else {
                Side::Value(self.literal(parameter)?)
            };
            Term::Compare(parameter, relation, side)
        };
        Ok(if turned { Term::Not(Box::new(term)) } else { term })
    }
}
