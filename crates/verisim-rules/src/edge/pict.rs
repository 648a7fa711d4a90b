//! Models in the language of PICT (Microsoft, github.com/microsoft/pict, doc/pict.md): parameters with their values, sub-models,
//! constraints.
//!
//! ```text
//! Type:  Single, Span (10), Mirror | RAID-1
//! Size:  10, 100, 1000, ~-1
//! FS:    FAT, NTFS
//! { Type, Size, FS } @ 3
//! IF [FS] = "FAT" THEN [Size] <= 100;
//! ```
//!
//! One thing differs: a sub-model says in what order its parameters are combined with each other. PICT also makes its rows a
//! parameter of their own, so that fewer of them occur; here they need not be few.

mod rules;

use std::path::Path;

use self::rules::{constraints, tokens};
use super::cover::{Choice, Group, Model, Parameter};
use crate::error::{Error, Result};

/// Reads a model. `path` is for messages alone.
///
/// # Errors
/// When a line is not understood, or names what is not there; with its number.
pub fn read(path: &Path, text: &str) -> Result<Model> {
    let mut model = Model::default();
    let mut rest = Vec::new();
    for (n, line) in text.lines().enumerate() {
        let said = line.trim().trim_start_matches('\u{feff}');
        let wrong =
            |key: &str, what: String| Error::Key { path: path.to_owned(), line: n + 1, key: key.to_owned(), what };
        if said.is_empty() || said.starts_with('#') {
            rest.push("");
        } else if rest.iter().any(|l: &&str| !l.is_empty()) || begins_rule(said) {
            rest.push(line);
        } else if let Some(group) = said.strip_prefix('{') {
            model.groups.push(sub_model(group, &model.parameters).map_err(|what| wrong(said, what))?);
            rest.push("");
        } else {
            let parameter = parameter(said, &model.parameters).map_err(|what| wrong(said, what))?;
            model.parameters.push(parameter);
            rest.push("");
        }
    }
    if model.parameters.is_empty() {
        return Err(Error::File {
            path: path.to_owned(),
            what: "has no parameter; write lines as in `Size: 10, 100, 1000`".to_owned(),
        });
    }
    let parsed = tokens(&rest.join("\n")).and_then(|tokens| constraints(&tokens, &model.parameters));
    model.rules = parsed.map_err(|(line, what)| Error::Key {
        path: path.to_owned(),
        line,
        key: "constraint".to_owned(),
        what,
    })?;
    Ok(model)
}

/// Reads rows to begin with: a line of names, then a row a line, parted by tabs as PICT writes them. What is empty is open.
///
/// # Errors
/// When a name or a value is not the model's.
pub fn seeds(path: &Path, text: &str, model: &Model) -> Result<Vec<Vec<Option<usize>>>> {
    let mut lines = text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty());
    let Some((_, head)) = lines.next() else { return Ok(Vec::new()) };
    let wrong = |line: usize, key: &str, what: &str| Error::Key {
        path: path.to_owned(),
        line: line + 1,
        key: key.to_owned(),
        what: what.to_owned(),
    };
    let columns = head.split('\t').map(|name| {
        let place = model.parameters.iter().position(|p| same(&p.name, name.trim()));
        place.ok_or_else(|| wrong(0, name, "is no parameter of the model"))
    });
    let columns: Vec<usize> = columns.collect::<Result<_>>()?;
    let mut rows = Vec::new();
    for (n, line) in lines {
        let mut row = vec![None; model.parameters.len()];
        for (&p, value) in columns.iter().zip(line.split('\t')) {
            let value = value.trim();
            if value.is_empty() {
                continue;
            }
            let (negative, name) = value.strip_prefix('~').map_or((false, value), |name| (true, name));
            let fits = |c: &Choice| c.negative == negative && c.names.iter().any(|n| same(n, name));
            let place = model.parameters[p].choices.iter().position(fits);
            row[p] = Some(place.ok_or_else(|| wrong(n, &model.parameters[p].name, "has no such value in the model"))?);
        }
        rows.push(row);
    }
    Ok(rows)
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

fn begins_rule(line: &str) -> bool {
    let lower = line.to_lowercase();
    let word =
        |w: &str| lower.strip_prefix(w).is_some_and(|rest| rest.starts_with([' ', '\t', '[', '(']) || rest.is_empty());
    // `if` and `not` could be names of parameters: those have a colon before any bracket.
    let named = line.find(':').is_some_and(|colon| line.find('[').is_none_or(|bracket| colon < bracket));
    line.starts_with(['[', '(']) || ((word("if") || word("not") || word("isnegative") || word("ispositive")) && !named)
}

fn parameter(line: &str, known: &[Parameter]) -> Result<Parameter, String> {
    let (name, values) = line
        .split_once(':')
        // The older way to write it.
        .or_else(|| line.split_once(','))
        .ok_or("is neither a parameter (`Name: a, b`), a sub-model (`{ A, B } @ 2`) nor a constraint")?;
    let name = name.trim();
    if known.iter().any(|p| same(&p.name, name)) {
        return Err("is named twice; names differ by more than capitals".to_owned());
    }
    let mut choices = Vec::new();
    for value in values.split(',') {
        let value = value.trim();
        if let Some(other) = value.strip_prefix('<').and_then(|v| v.strip_suffix('>')) {
            let other = other.trim();
            let found = known.iter().find(|p| same(&p.name, other));
            choices.extend(
                found
                    .ok_or_else(|| format!("takes the values of {other:?}, which no line before defines"))?
                    .choices
                    .clone(),
            );
            continue;
        }
        choices.push(choice(value)?);
    }
    Ok(Parameter { name: name.to_owned(), choices })
}

fn choice(value: &str) -> Result<Choice, String> {
    let (value, weight) = match value.strip_suffix(')').and_then(|v| v.rsplit_once('(')) {
        Some((before, weight)) if weight.trim().parse::<u32>().is_ok_and(|w| w > 0) => {
            (before.trim(), weight.trim().parse().unwrap_or(1))
        }
        _ => (value, 1),
    };
    let (value, negative) = value.strip_prefix('~').map_or((value, false), |v| (v.trim(), true));
    let names = value.split('|').map(|n| n.trim().trim_start_matches('~').to_owned()).collect();
    Ok(Choice { names, weight, negative, once: false })
}

fn sub_model(line: &str, known: &[Parameter]) -> Result<Group, String> {
    let (names, order) = line.split_once('}').ok_or("has no `}`; write { A, B } @ 2")?;
    let mut parameters = Vec::new();
    for name in names.split(',').map(str::trim) {
        let place = known.iter().position(|p| same(&p.name, name));
        parameters.push(place.ok_or_else(|| format!("names {name:?}, which is no parameter"))?);
    }
    let order = match order.trim() {
        "" => None,
        text => {
            let order = text.strip_prefix('@').and_then(|o| o.trim().parse().ok());
            Some(order.filter(|&o: &usize| o > 0 && o <= parameters.len()).ok_or_else(|| {
                format!("has an order that is not 1 to {}, the number of its parameters", parameters.len())
            })?)
        }
    };
    Ok(Group { parameters, order })
}
