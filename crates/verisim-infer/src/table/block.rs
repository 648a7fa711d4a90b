//! A block of rows for whoever puts tables together from more than one source.

use verisim_data::table::Table;

use super::complete::{Lack, complete};
use super::{Ask, Seen};
use crate::artefact::Artefact;
use crate::error::{Error, Result};
use crate::generator::{Generate as _, Made};

/// `rows` rows of a model, as a table as it writes them: a function of what is asked. Where columns are given, each row is completed
/// around its own.
///
/// # Errors
/// When the model completes no rows, a given value is none that it can read, or too many rows break rules of its data.
pub fn block(artefact: &Artefact<Table>, seed: u64, rows: usize, given: Option<Table>) -> Result<Table> {
    let schema = &artefact.spec.schema;
    if let Some(given) = given {
        for name in &given.names {
            let field = schema.field(name)?;
            if !field.is_modelled() {
                let what = "is not learnt, so nothing follows from it; do not give it";
                return Err(Error::Data(verisim_data::Error::Column { column: name.clone(), what: what.into() }));
            }
        }
        let seen = Seen::new(&artefact.spec, given, &[])?;
        let frame = complete(artefact, &seen, 0..rows, 1, Lack::Drawn, seed, 0)?.pop().unwrap_or_default();
        #[cfg_attr(not(feature = "neural"), expect(unused_mut))]
        let mut made = schema.render(frame, 0, seed)?;
        #[cfg(feature = "neural")]
        super::written::write(artefact, &mut made, 0, seed)?;
        return Ok(made);
    }
    // More than are wanted: rows that break a rule are lost from a chunk.
    let plan = Table::plan(artefact, &Ask { n: rows + rows / 2, seed, ..Ask::default() })?;
    let mut made: Vec<Made<Table>> = Vec::new();
    for c in 0..plan.chunks() {
        made.push(plan.chunk(c)?);
        if made.iter().map(|m| m.count as usize).sum::<usize>() >= rows {
            break;
        }
    }
    let tables: Vec<Table> = made.into_iter().map(|m| m.chunk).collect();
    let whole = Table::stacked(&tables)?;
    match whole.rows >= rows {
        true => Ok(whole.slice(0, rows)),
        false => Err(Error::Short { wanted: rows, kept: whole.rows }),
    }
}
