//! Columns that are not compared: keys, text, what was added or lost. No model is scored by them, but real values that come back are
//! somebody's.

use std::collections::HashMap;

use verisim_data::table::identifier::Shape;
use verisim_data::table::{ColumnKind, Schema, Table};

use super::report::{Foreign, NotCompared, Returned};
use crate::{Count, Result};

/// Every column of the tables that is not compared, with what of it came back.
pub(crate) fn not_compared(
    schema: &Schema,
    real: &Table,
    synthetic: &Table,
    holdout: Option<&Table>,
) -> Result<Vec<NotCompared>> {
    let one = |name: &str, why: &'static str, looked_at: bool| -> Result<NotCompared> {
        let returned = match looked_at {
            true => returned(name, real, synthetic, holdout)?,
            false => None,
        };
        let foreign = match why {
            ONE | NONE => Some(foreign(name, real, synthetic, holdout)?),
            _ => None,
        };
        Ok(NotCompared { name: name.to_owned(), why, returned, foreign })
    };
    let mut all = Vec::new();
    for name in &real.names {
        let there = synthetic.index(name).is_ok();
        let (why, looked_at) = match schema.fields.iter().find(|f| f.name == *name) {
            Some(field) if field.is_modelled() => continue,
            _ if !there => ("not in the synthetic table", false),
            None => ("not learnt", true),
            Some(field) => match &field.kind {
                ColumnKind::Identifier { shape: Shape::Sequence { .. } } => (RUNNING, true),
                ColumnKind::Identifier { .. } => ("a key", true),
                ColumnKind::Constant { .. } => (ONE, false),
                ColumnKind::AllMissing => (NONE, false),
                _ => ("text", true),
            },
        };
        all.push(one(name, why, looked_at)?);
    }
    for name in synthetic.names.iter().filter(|name| real.index(name).is_err()) {
        all.push(one(name, "not in the real table", false)?);
    }
    Ok(all)
}

/// Why a column of running numbers is not compared.
pub(crate) const RUNNING: &str = "a running number";

/// Why columns without anything to learn are not compared.
const ONE: &str = "one value";
const NONE: &str = "no value";

/// Values of the column `name` that the training table has not.
fn foreign(name: &str, real: &Table, synthetic: &Table, holdout: Option<&Table>) -> Result<Foreign> {
    let train = real.text(real.index(name)?)?;
    let own = train.iter().flatten().next().map(str::trim);
    let of = |table: &Table| -> Result<Count> {
        let column = table.text(table.index(name)?)?;
        Ok(Count::of(column.iter().map(|value| value.is_some_and(|value| Some(value.trim()) != own))))
    };
    let real = match holdout.filter(|table| table.index(name).is_ok()) {
        Some(holdout) => of(holdout)?,
        None => of(real)?,
    };
    Ok(Foreign { synthetic: of(synthetic)?, real })
}

/// Values of the column `name` that are values of the training table.
fn returned(name: &str, real: &Table, synthetic: &Table, holdout: Option<&Table>) -> Result<Option<Returned>> {
    let train = real.text(real.index(name)?)?;
    let mut times: HashMap<&str, u32> = HashMap::new();
    for value in train.iter().flatten() {
        *times.entry(value.trim()).or_default() += 1;
    }
    let of = |table: &Table| -> Result<Option<Count>> {
        let Ok(j) = table.index(name) else { return Ok(None) };
        let column = table.text(j)?;
        Ok(Some(Count::of(column.iter().flatten().map(|value| times.contains_key(value.trim())))))
    };
    let Some(synthetic) = of(synthetic)? else { return Ok(None) };
    let holdout = holdout.map(of).transpose()?.flatten();
    let train = Count::of(train.iter().flatten().map(|value| times[value.trim()] > 1));
    Ok(Some(Returned { synthetic, holdout, train }))
}

impl Returned {
    /// How often real people share a value.
    pub(crate) fn expected(&self) -> Count {
        self.holdout.unwrap_or(self.train)
    }

    /// How likely fresh real rows would have as many real values.
    pub(crate) fn chance(&self) -> f64 {
        self.synthetic.chance_of_more(self.expected())
    }
}
