//! Frames put together, row by row.

use verisim_data::table::{Column, Frame};

/// The rows of `b` after those of `a`; both are of one schema and have the same levels.
pub(crate) fn joined(a: &Frame, b: &Frame) -> Frame {
    let columns = a.columns.iter().zip(&b.columns).map(|(a, b)| match (a, b) {
        (Column::Number(a), Column::Number(b)) => Column::Number([&a[..], &b[..]].concat()),
        (Column::Category { codes: a, levels }, Column::Category { codes: b, .. }) => {
            Column::Category { codes: [&a[..], &b[..]].concat(), levels: levels.clone() }
        }
        (a, _) => a.clone(),
    });
    Frame::new(columns.collect(), a.rows + b.rows)
}

/// Puts row `k` of `rows` in the place `at[k]` of `frame`, for those that `which` allows.
pub(crate) fn put(frame: &mut Frame, rows: &Frame, at: &[usize], which: impl Fn(usize) -> bool) {
    for (to, from) in frame.columns.iter_mut().zip(&rows.columns) {
        let places = at.iter().enumerate().filter(|(k, _)| which(*k));
        match (to, from) {
            (Column::Number(to), Column::Number(from)) => places.for_each(|(k, &i)| to[i] = from[k]),
            (Column::Category { codes: to, .. }, Column::Category { codes: from, .. }) => {
                places.for_each(|(k, &i)| to[i] = from[k]);
            }
            _ => {}
        }
    }
}

/// The place of the column that `schema` calls `name` in its frames.
pub(crate) fn place(schema: &verisim_data::table::Schema, name: &str) -> crate::Result<usize> {
    let field = schema.field(name)?;
    schema.modelled().position(|f| f.name == name).ok_or_else(|| {
        let what = format!("is {}, which is no value to change or to tell classes by; name another", field.kind.name());
        crate::Error::column(name, what)
    })
}

/// The rows of `parts` one after the other. `like` is a frame of their columns, the first of which they lack where `but_first`.
pub(crate) fn joined_all<'a>(like: &Frame, but_first: bool, parts: impl Iterator<Item = &'a Frame> + Clone) -> Frame {
    let rows = parts.clone().map(|part| part.rows).sum();
    let column = |(j, like): (usize, &Column)| match like {
        Column::Number(_) => {
            let of = parts.clone().filter_map(|part| match &part.columns[j] {
                Column::Number(v) => Some(v),
                Column::Category { .. } => None,
            });
            Column::Number(of.flatten().copied().collect())
        }
        Column::Category { levels, .. } => {
            let of = parts.clone().filter_map(|part| match &part.columns[j] {
                Column::Category { codes, .. } => Some(codes),
                Column::Number(_) => None,
            });
            Column::Category { codes: of.flatten().copied().collect(), levels: levels.clone() }
        }
    };
    Frame::new(like.columns.iter().skip(usize::from(but_first)).enumerate().map(column).collect(), rows)
}
