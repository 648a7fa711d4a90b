//! A table as a world: each column a distribution that was fitted to it, numbers that go together by a copula. A copy by rules, without
//! learning: what a person can read, and change.
//!
//! What is kept: each column's own distribution, how often it is empty, and the rank correlations of numbers, dates apart. What is not: how categories
//! go with each other and with numbers. Values of the data do come in: levels of categories, and the least, the greatest and the hundredths of
//! numbers that no family of distributions fits.

use std::fmt::Write as _;

use verisim_data::table::{Column, ColumnKind, DetectSettings, Field, Schema, Table};

use super::quoted;
use crate::error::Result;
use crate::expression::{DAY, Part, columns::time_text};
use crate::make::copula;
use crate::make::distribution::Sampler;
use crate::world::Family;

/// A family of distributions is taken if its distribution function is nowhere farther from the data's.
const CLOSE: f64 = 0.03;
/// Whole numbers of no more values are listed with their counts.
const FEW: usize = 25;
/// Levels of a category that are listed; rarer ones are one level.
const LEVELS: usize = 200;
/// Points of a distribution that no family fits.
const POINTS: usize = 100;
/// Correlations below are left out if all are.
const WEAK: f64 = 0.05;

/// A column's words, and the normal scores of its rows if it can go with others.
struct Said {
    key: String,
    words: String,
    scores: Option<Vec<f64>>,
    note: Option<String>,
}

/// The file of a world with one table called `name`, fitted to `table`.
///
/// # Errors
/// When the columns cannot be understood.
pub fn fit(table: &Table, name: &str) -> Result<String> {
    let schema = Schema::detect(table, &DetectSettings::default())?;
    let frame = schema.parse(table)?;
    let mut columns = frame.columns.iter();
    let mut all = Vec::new();
    for field in &schema.fields {
        let column = if field.is_modelled() { columns.next() } else { None };
        all.push(said(field, column, table)?);
    }
    let mut text = format!(
        "# {} rows of `{name}` as rules: distributions that were fitted to each column, to read and to change.\n\
         # How categories go with other columns is not kept. Levels, ranges and the values of `empirical` are those of the data.\n\
         name = {}\n\n[tables.{}]\nrows = {}\n",
        table.rows,
        quoted(name),
        quoted(name),
        table.rows
    );
    if let Some((names, correlation)) = together(&all) {
        let rows: Vec<String> = correlation.iter().map(|row| format!("[{}]", listed(row.iter()))).collect();
        let _ = write!(
            text,
            "# Correlations of normal scores: which numbers rise and fall together.\ncopula = {{ columns = [{}], correlation = [\n  {}\n] }}\n",
            names.join(", "),
            rows.join(",\n  ")
        );
    }
    let _ = writeln!(text, "\n[tables.{}.columns]", quoted(name));
    for said in &all {
        if let Some(note) = &said.note {
            let _ = writeln!(text, "# {note}");
        }
        let _ = writeln!(text, "{} = {{ {} }}", said.key, said.words);
    }
    Ok(text)
}

fn said(field: &Field, column: Option<&Column>, table: &Table) -> Result<Said> {
    let bare = |words: String, note: Option<&str>| Said {
        key: quoted(&field.name),
        words,
        scores: None,
        note: note.map(str::to_owned),
    };
    let missing = |count: usize| match count {
        0 => String::new(),
        count => format!(", missing = {}", short(count as f64 / table.rows.max(1) as f64)),
    };
    Ok(match (&field.kind, column) {
        (ColumnKind::Constant { value }, _) => bare(format!("value = {}", quoted(value)), None),
        (ColumnKind::AllMissing, _) => bare("value = \"\", missing = 1".to_owned(), Some("always empty")),
        (ColumnKind::Identifier { .. }, _) => {
            let texts = table.text(table.index(&field.name)?)?;
            let pattern = shape(texts.iter().flatten().take(10_000));
            match pattern {
                Some(pattern) => bare(format!("regex = {}, unique = true", quoted(&pattern)), Some("a key")),
                None => bare("sequence = 1".to_owned(), Some("a key")),
            }
        }
        (ColumnKind::Text, _) => bare("lorem = \"sentence\"".to_owned(), Some("free text")),
        (_, None) => bare("value = \"\"".to_owned(), None),
        (ColumnKind::Boolean | ColumnKind::Categorical { .. }, Some(Column::Category { codes, levels })) => {
            let mut counts = vec![0usize; levels.len()];
            let there = codes.iter().filter_map(|&c| counts.get(c as usize).map(|_| c as usize)).collect::<Vec<_>>();
            there.iter().for_each(|&c| counts[c] += 1);
            let mut order: Vec<usize> = (0..levels.len()).filter(|&k| counts[k] > 0).collect();
            order.sort_by_key(|&k| (std::cmp::Reverse(counts[k]), k));
            let rest: usize = order.iter().skip(LEVELS).map(|&k| counts[k]).sum();
            order.truncate(LEVELS);
            let numeric = matches!(field.kind, ColumnKind::Categorical { numeric: true })
                && order.iter().all(|&k| levels[k].parse::<i64>().is_ok() && plain(&levels[k]));
            let mut values: Vec<String> =
                order.iter().map(|&k| if numeric { levels[k].clone() } else { quoted(&levels[k]) }).collect();
            let mut weights: Vec<f64> = order.iter().map(|&k| counts[k] as f64).collect();
            if rest > 0 && !numeric {
                values.push(quoted("(other)"));
                weights.push(rest as f64);
            }
            let lost = codes.len() - there.len();
            bare(
                format!(
                    "choice = {{ of = [{}], weights = [{}] }}{}",
                    values.join(", "),
                    listed(weights.iter()),
                    missing(lost)
                ),
                None,
            )
        }
        (ColumnKind::Datetime { format }, Some(Column::Number(x))) => {
            let there: Vec<i64> = x.iter().filter(|x| x.is_finite()).map(|x| (x * 1e6) as i64).collect();
            bare(format!("{}{}", dates(&there, format), missing(x.len() - there.len())), None)
        }
        (_, Some(Column::Number(x))) => {
            let digits = match field.kind {
                ColumnKind::Decimal { decimals } => i32::from(decimals),
                _ => 0,
            };
            let there: Vec<f64> = x.iter().copied().filter(|x| x.is_finite()).collect();
            let words = format!("{}{}", numbers(&there, digits), missing(x.len() - there.len()));
            Said { key: quoted(&field.name), words, scores: Some(scores(x)), note: None }
        }
        _ => bare("value = \"\"".to_owned(), Some("not understood")),
    })
}

/// The words of numbers with so many digits.
fn numbers(x: &[f64], digits: i32) -> String {
    let mut sorted = x.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (Some(&least), Some(&greatest)) = (sorted.first(), sorted.last()) else { return "value = 0".to_owned() };
    let mut distinct: Vec<(f64, f64)> = Vec::new();
    for &x in &sorted {
        match distinct.last_mut() {
            Some((last, count)) if *last == x => *count += 1.0,
            _ => distinct.push((x, 1.0)),
        }
        if distinct.len() > FEW {
            break;
        }
    }
    if distinct.len() <= FEW {
        let values: Vec<String> = distinct.iter().map(|d| short(d.0)).collect();
        return format!(
            "choice = {{ of = [{}], weights = [{}] }}",
            values.join(", "),
            listed(distinct.iter().map(|d| &d.1))
        );
    }
    match best(&sorted, digits) {
        Some((name, parameters)) => {
            let bounds = format!("min = {}, max = {}", short(least), short(greatest));
            format!("{name} = [{}], {bounds}, round = {digits}", listed(parameters.iter()))
        }
        None => {
            let point = |k: usize| sorted[k * (sorted.len() - 1) / POINTS];
            let points: Vec<f64> = (0..=POINTS).map(point).collect();
            format!("empirical = {{ values = [{}], smooth = true }}, round = {digits}", listed(points.iter()))
        }
    }
}

/// The family that is closest to sorted numbers, if one is close, and its parameters.
fn best(sorted: &[f64], digits: i32) -> Option<(&'static str, Vec<f64>)> {
    let n = sorted.len() as f64;
    let moments = |x: &dyn Fn(f64) -> f64| {
        let mean = sorted.iter().map(|&v| x(v)).sum::<f64>() / n;
        let variance = sorted.iter().map(|&v| (x(v) - mean).powi(2)).sum::<f64>() / n;
        (mean, variance)
    };
    let (mean, variance) = moments(&|x| x);
    let (least, greatest) = (sorted[0], sorted[sorted.len() - 1]);
    let mut all: Vec<(&'static str, Vec<f64>)> =
        vec![("normal", vec![mean, variance.sqrt()]), ("uniform", vec![least, greatest])];
    if least > 0.0 {
        let (mean_log, variance_log) = moments(&f64::ln);
        all.push(("lognormal", vec![mean_log, variance_log.sqrt()]));
        all.push(("gamma", vec![mean * mean / variance.max(1e-300), variance / mean]));
    }
    if least >= 0.0 {
        all.push(("exponential", vec![mean]));
        if digits == 0 {
            all.push(("poisson", vec![mean]));
        }
    }
    let rounded: Vec<_> =
        all.into_iter().map(|(name, p)| (name, p.iter().map(|x| significant(*x)).collect::<Vec<f64>>())).collect();
    let far = |(name, p): &(&'static str, Vec<f64>)| {
        let sampler = Sampler::new(Family::named(name)?, p).ok()??;
        // Where the family's quantiles lie among the numbers: the distance of both distribution functions.
        let steps = 200;
        let gap = (1..steps).map(|k| {
            let u = f64::from(k) / f64::from(steps);
            let q = crate::expression::rounded(sampler.quantile(u), digits);
            let (below, upto) =
                (sorted.partition_point(|&x| x < q) as f64 / n, sorted.partition_point(|&x| x <= q) as f64 / n);
            // Ties are as far as the nearest of both ends of their step.
            if u < below {
                below - u
            } else if u > upto {
                u - upto
            } else {
                0.0
            }
        });
        Some(gap.fold(0.0, f64::max))
    };
    let scored = rounded.into_iter().filter_map(|c| Some((far(&c)?, c)));
    let best = scored.min_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 <= CLOSE).then_some(best.1)
}

/// The words of dates or times.
fn dates(t: &[i64], format: &str) -> String {
    let (Some(&from), Some(&to)) = (t.iter().min(), t.iter().max()) else { return "value = \"\"".to_owned() };
    let day = t.iter().all(|t| t.rem_euclid(DAY) == 0);
    let said = |t: i64| time_text(t, day).unwrap_or_default();
    let counts = |part: Part, n: usize, first: f64| {
        let mut counts = vec![0.0; n];
        t.iter().filter_map(|&t| part.of(t)).for_each(|x| counts[((x - first) as usize).min(n - 1)] += 1.0);
        counts
    };
    let mut words = match day {
        true => format!("date = {{ from = {}, to = {}", said(from), said(to)),
        // Before the last: one more second.
        false => format!("time = {{ from = {}, to = {}", said(from), said(to + 1_000_000)),
    };
    // Weekdays that differ by more than chance brings, where all seven were there to be drawn.
    let weekdays = counts(Part::Weekday, 7, 1.0);
    let each = t.len() as f64 / 7.0;
    let excess: f64 = weekdays.iter().map(|c| (c - each).powi(2) / each).sum();
    if to - from > 21 * DAY && excess > 30.0 {
        let _ = write!(words, ", weekdays = [{}]", listed(weekdays.iter()));
    }
    if !day {
        let _ = write!(words, ", hours = [{}]", listed(counts(Part::Hour, 24, 0.0).iter()));
    }
    words.push_str(" }");
    let iso = matches!(format, "%Y-%m-%d" | "%Y-%m-%dT%H:%M:%S");
    if !iso && crate::make::text::check_format(format).is_ok() {
        let _ = write!(words, ", format = {}", quoted(format));
    }
    words
}

/// Normal scores of numbers: the quantile of each rank; `NaN` where there is no number.
fn scores(x: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..x.len()).filter(|&i| x[i].is_finite()).collect();
    order.sort_by(|&a, &b| x[a].total_cmp(&x[b]));
    let mut scores = vec![f64::NAN; x.len()];
    let n = order.len() as f64;
    let mut start = 0;
    while start < order.len() {
        let mut end = start + 1;
        while end < order.len() && x[order[end]] == x[order[start]] {
            end += 1;
        }
        // Equal numbers share the middle of their ranks.
        let u = ((start + end) as f64 / 2.0) / n;
        order[start..end].iter().for_each(|&i| scores[i] = verisim_data::normal::quantile(u.clamp(1e-9, 1.0 - 1e-9)));
        start = end;
    }
    scores
}

/// The columns that go together, and their correlations.
fn together(all: &[Said]) -> Option<(Vec<String>, Vec<Vec<f64>>)> {
    let drawn = |s: &&Said| s.scores.is_some() && !s.words.starts_with("value");
    let some: Vec<&Said> = all.iter().filter(drawn).collect();
    let scores: Vec<&Vec<f64>> = some.iter().filter_map(|s| s.scores.as_ref()).collect();
    let n = scores.len();
    if n < 2 {
        return None;
    }
    let mut r = vec![vec![1.0; n]; n];
    for i in 0..n {
        for j in 0..i {
            let value = correlation(scores[i], scores[j]);
            (r[i][j], r[j][i]) = (value, value);
        }
    }
    let strongest = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| r[i][j].abs()).fold(0.0, f64::max);
    if strongest < WEAK {
        return None;
    }
    // Correlations of pairs, where cells are missing, may not hold together; closer to 0 they do.
    for _ in 0..60 {
        let shown: Vec<Vec<f64>> = r.iter().map(|row| row.iter().map(|x| (x * 1e3).round() / 1e3).collect()).collect();
        if copula::factor(&shown, n).is_ok() {
            return Some((some.iter().map(|s| s.key.clone()).collect(), shown));
        }
        for (i, row) in r.iter_mut().enumerate() {
            row.iter_mut().enumerate().filter(|(j, _)| *j != i).for_each(|(_, x)| *x *= 0.98);
        }
    }
    None
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let pairs: Vec<(f64, f64)> =
        a.iter().zip(b).filter(|(a, b)| !a.is_nan() && !b.is_nan()).map(|(a, b)| (*a, *b)).collect();
    let n = pairs.len() as f64;
    let (mean_a, mean_b) = (pairs.iter().map(|p| p.0).sum::<f64>() / n, pairs.iter().map(|p| p.1).sum::<f64>() / n);
    let sum = |f: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|&(a, b)| f(a - mean_a, b - mean_b)).sum::<f64>();
    let scale = (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt();
    if scale > 0.0 { (sum(&|a, b| a * b) / scale).clamp(-0.999, 0.999) } else { 0.0 }
}

/// The pattern of keys that are all alike: as long, with a letter, a digit or a sign at the same places.
fn shape<'a>(keys: impl Iterator<Item = &'a str>) -> Option<String> {
    #[derive(Clone, Copy, PartialEq)]
    enum At {
        Same(char),
        Digit,
        Upper,
        Lower,
    }
    let class = |c: char| match c {
        '0'..='9' => At::Digit,
        'A'..='Z' => At::Upper,
        'a'..='z' => At::Lower,
        other => At::Same(other),
    };
    let mut places: Option<Vec<At>> = None;
    for key in keys {
        match &mut places {
            None => places = Some(key.chars().map(At::Same).collect()),
            Some(places) if places.len() == key.chars().count() => {
                for (at, c) in places.iter_mut().zip(key.chars()) {
                    *at = match *at {
                        At::Same(same) if same == c => At::Same(same),
                        At::Same(same) if class(same) == class(c) => class(c),
                        other if other == class(c) => other,
                        _ => return None,
                    };
                }
            }
            Some(_) => return None,
        }
    }
    let places = places?;
    let mut pattern = String::new();
    for at in &places {
        match at {
            At::Digit => pattern.push_str("[0-9]"),
            At::Upper => pattern.push_str("[A-Z]"),
            At::Lower => pattern.push_str("[a-z]"),
            At::Same(c) if c.is_alphanumeric() || matches!(c, '-' | '_' | ' ') => pattern.push(*c),
            At::Same(c) => {
                pattern.push('\\');
                pattern.push(*c);
            }
        }
    }
    places.iter().any(|at| !matches!(at, At::Same(_))).then_some(pattern)
}

/// Digits without zeros before them.
fn plain(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits == "0" || !digits.starts_with('0')
}

/// A number to four digits that count.
fn significant(x: f64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    crate::expression::rounded(x, 3 - x.abs().log10().floor() as i32)
}

fn short(x: f64) -> String {
    crate::expression::columns::number_text(x)
}

fn listed<'a>(all: impl Iterator<Item = &'a f64>) -> String {
    all.map(|x| short(*x)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cell::Cell;
    use crate::expression::columns::Values;
    use crate::make::Engine;
    use crate::make::learned::Nothing;
    use crate::plan::{Plan, Wish};
    use crate::world::World;

    #[test]
    fn a_table_becomes_a_world_that_is_like_it() {
        let n = 4_000u64;
        let normal =
            |row: u64, part: u64| verisim_data::normal::quantile(Cell::from_state(row).part(part).uniform().max(1e-12));
        let a: Vec<f64> = (0..n).map(|r| 50.0 + 10.0 * normal(r, 1)).collect();
        let b: Vec<f64> = (0..n).map(|r| (0.8 * normal(r, 1) + 0.6 * normal(r, 2)).exp()).collect();
        let odd: Vec<f64> = (0..n).map(|r| if r % 3 == 0 { normal(r, 3) } else { 30.0 + normal(r, 3) }).collect();
        let texts = |x: &[f64], digits: usize| -> Vec<String> { x.iter().map(|x| format!("{x:.digits$}")).collect() };
        let (a, b, odd) = (texts(&a, 2), texts(&b, 3), texts(&odd, 2));
        let level: Vec<String> = (0..n).map(|r| ["x", "y", "y", "z's \"1\""][(r % 4) as usize].to_owned()).collect();
        let key: Vec<String> = (0..n).map(|r| format!("K-{:05}", (r * 7919) % 100_000)).collect();
        let day: Vec<String> = (0..n).map(|r| format!("2024-{:02}-{:02}", r % 12 + 1, r % 28 + 1)).collect();
        let columns: Vec<(&str, Vec<Option<&str>>)> =
            [("a", &a), ("b", &b), ("odd one", &odd), ("level", &level), ("key", &key), ("day", &day)]
                .map(|(name, v)| {
                    (
                        name,
                        v.iter().enumerate().map(|(i, t)| (name != "b" || i % 10 != 0).then_some(t.as_str())).collect(),
                    )
                })
                .into();
        let borrowed: Vec<(&str, &[Option<&str>])> = columns.iter().map(|(name, v)| (*name, v.as_slice())).collect();
        let table = Table::from_text(&borrowed).unwrap();
        let text = fit(&table, "t").unwrap();
        assert!(text.contains("\"a\" = { normal = [") && text.contains("\"b\" = { lognormal = ["), "{text}");
        assert!(text.contains("\"odd one\" = { empirical") && text.contains("missing = 0.1"), "{text}");
        assert!(text.contains("regex = \"K-[0-9][0-9][0-9][0-9][0-9]\"") || text.contains("regex = 'K-"), "{text}");

        let world = World::parse(&text, std::path::Path::new("t.toml")).unwrap_or_else(|e| panic!("{e}\n{text}"));
        let engine = Engine::new(Plan::new(world, &Wish::default(), &Nothing).unwrap());
        let made = engine.head(0, usize::MAX).unwrap_or_else(|e| panic!("{e}"));
        let column = |name: &str| Values::of(made.column_by_name(name).unwrap().as_ref()).numbers();
        let (made_a, made_b, made_odd) = (column("a"), column("b"), column("odd one"));
        let mean = made_a.iter().sum::<f64>() / n as f64;
        assert!((mean - 50.0).abs() < 0.8, "{mean}");
        let r = correlation(&scores(&made_a), &scores(&made_b));
        assert!((r - 0.8).abs() < 0.05, "{r}");
        let low = made_odd.iter().filter(|x| **x < 15.0).count() as f64 / n as f64;
        assert!((low - 1.0 / 3.0).abs() < 0.03, "{low}");
        assert!((made_b.iter().filter(|x| x.is_nan()).count() as f64 / n as f64 - 0.1).abs() < 0.02);
    }
}
