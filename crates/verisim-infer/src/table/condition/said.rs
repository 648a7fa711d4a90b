//! The words of a condition, before it is known what its column holds.

/// A condition, read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    /// The name of the column.
    pub(super) column: String,
    pub(super) test: Test,
    /// Whether the test must fail.
    pub(super) not: bool,
}

/// What is asked of a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    /// There is none.
    Missing,
    /// It is one of these.
    OneOf(Vec<Value>),
    /// It lies between two ends, where they are given.
    Between { from: Option<End>, to: Option<End> },
}

/// An end of a range, and whether it belongs to the range.
pub(super) type End = (Value, bool);

/// A value as it was typed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Value {
    pub(super) text: String,
    /// In quotes, which say that the text means nothing but itself.
    pub(super) quoted: bool,
}

/// Reads `column OP value`, `column in (a, b)`, `column in a..b` and `column is missing`, with `not` where it belongs. Names and
/// values may stand in quotes. `None` when the text is none of these.
pub(super) fn read(text: &str) -> Option<Said> {
    let text = text.trim();
    let (column, (test, not)) = match quoted(text) {
        Some((name, rest)) => (name, test(rest.trim_start())?),
        // An operator is in need of no blank before it, a word is.
        None => text.char_indices().find_map(|(at, c)| {
            let begins = c.is_whitespace() || "=!<>".contains(c);
            let test = begins.then(|| test(text[at..].trim_start())).flatten()?;
            Some((text[..at].trim_end().to_owned(), test))
        })?,
    };
    (!column.is_empty()).then_some(Said { column, test, not })
}

/// What stands after the name.
fn test(text: &str) -> Option<(Test, bool)> {
    if let Some(rest) = word(text, "is") {
        let (not, rest) = negated(rest);
        return word(rest, "missing").filter(|rest| rest.is_empty()).map(|_| (Test::Missing, not));
    }
    let (not, rest) = negated(text);
    if let Some(rest) = word(rest, "in") {
        return among(rest).map(|test| (test, not));
    }
    let between = |from, to| Test::Between { from, to };
    // Signs of two letters first.
    for sign in ["==", "!=", "<=", ">=", "=", "<", ">"] {
        let Some(rest) = text.strip_prefix(sign) else { continue };
        let value = value(rest);
        return Some(match sign {
            "==" | "=" | "!=" if value.text.is_empty() && !value.quoted => (Test::Missing, sign == "!="),
            "==" | "=" | "!=" => (Test::OneOf(vec![value]), sign == "!="),
            "<" | "<=" => (between(None, Some((value, sign == "<="))), false),
            _ => (between(Some((value, sign == ">=")), None), false),
        });
    }
    None
}

/// What stands after `in`: a list in brackets, or two ends that belong to the range.
fn among(text: &str) -> Option<Test> {
    if let Some(list) = text.strip_prefix('(') {
        return list.trim_end().strip_suffix(')').and_then(list_of).map(Test::OneOf);
    }
    let (from, to) = text.split_once("..")?;
    let end = |text: &str| Some((value(text), true)).filter(|(value, _)| !value.text.is_empty());
    Some(Test::Between { from: Some(end(from)?), to: Some(end(to)?) })
}

/// Values between commas; a comma in quotes is part of its value.
fn list_of(text: &str) -> Option<Vec<Value>> {
    let mut values = Vec::new();
    let mut rest = text.trim();
    loop {
        let (value, after) = match quoted(rest) {
            Some((text, after)) => (Value { text, quoted: true }, after.trim_start()),
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (Value { text: rest[..end].trim().to_owned(), quoted: false }, &rest[end..])
            }
        };
        values.push(value);
        match after.strip_prefix(',') {
            Some(next) => rest = next.trim_start(),
            None => return after.is_empty().then_some(values),
        }
    }
}

fn value(text: &str) -> Value {
    match quoted(text.trim()) {
        Some((text, "")) => Value { text, quoted: true },
        _ => Value { text: text.trim().to_owned(), quoted: false },
    }
}

/// The text in the quotes that `text` begins with, and what follows them. The sign itself is written twice inside.
fn quoted(text: &str) -> Option<(String, &str)> {
    let sign = text.chars().next().filter(|c| ['"', '\''].contains(c))?;
    let mut inner = String::new();
    let mut rest = &text[1..];
    loop {
        let (part, after) = rest.split_once(sign)?;
        inner += part;
        match after.strip_prefix(sign) {
            Some(again) => {
                inner.push(sign);
                rest = again;
            }
            None => return Some((inner, after)),
        }
    }
}

fn negated(text: &str) -> (bool, &str) {
    word(text, "not").map_or((false, text), |rest| (true, rest))
}

/// What follows `word` at the start of `text`, in either case; a longer word is another one.
fn word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(word.len())?;
    let ends = rest.chars().next().is_none_or(|c| c.is_whitespace() || c == '(');
    (head.eq_ignore_ascii_case(word) && ends).then(|| rest.trim_start())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn one(text: &str) -> (String, String, bool) {
        match read(text).unwrap() {
            Said { column, test: Test::OneOf(values), not } if values.len() == 1 => {
                (column, values[0].text.clone(), not)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_first_operator_divides() {
        let own = |a: &str, b: &str, not| (a.to_owned(), b.to_owned(), not);
        assert_eq!(one("income=>50K"), own("income", ">50K", false));
        assert_eq!(one("hours per week == 40"), own("hours per week", "40", false));
        assert_eq!(one("a!=b=c"), own("a", "b=c", true));
        assert_eq!(one("what is love=5"), own("what is love", "5", false));
        assert_eq!(one("note=it is missing"), own("note", "it is missing", false));
        for nothing in
            ["=5", "age", "age in 3", "age in (3", "age is", "age is present", "", "'age'", "age is missing?"]
        {
            assert_eq!(read(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn quotes_say_that_a_text_is_meant_as_it_stands() {
        assert_eq!(one(r#""BMI>=30"=yes"#), ("BMI>=30".into(), "yes".into(), false));
        assert_eq!(one(r#"'it''s'="a ""b""" "#), ("it's".into(), r#"a "b""#.into(), false));
        assert_eq!(one("'tis=1"), ("'tis".into(), "1".into(), false));
        assert_eq!(one(r#"size=5" pipe"#), ("size".into(), r#"5" pipe"#.into(), false));
        let empty = read("city=\"\"").unwrap();
        assert_eq!(empty.test, Test::OneOf(vec![Value { text: String::new(), quoted: true }]));
    }

    #[test]
    fn missing_lists_and_ranges_are_words() {
        for (text, not) in
            [("city=", false), ("city!=", true), ("city is missing", false), ("city IS NOT missing", true)]
        {
            assert_eq!(read(text).unwrap(), Said { column: "city".into(), test: Test::Missing, not }, "{text}");
        }
        let said = read("city not in (Oslo, \"Rome, Italy\" ,Bonn)").unwrap();
        let Test::OneOf(values) = said.test else { panic!() };
        let texts: Vec<&str> = values.iter().map(|v| v.text.as_str()).collect();
        assert_eq!((said.not, texts), (true, vec!["Oslo", "Rome, Italy", "Bonn"]));
        let said = read("age in 30 .. 40.5").unwrap();
        let Test::Between { from: Some((from, true)), to: Some((to, true)) } = said.test else { panic!() };
        assert_eq!((from.text.as_str(), to.text.as_str()), ("30", "40.5"));
    }
}
