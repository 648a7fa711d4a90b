//! Rows of files, and values that a world's file lists.

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow_schema::{DataType, Field, Schema};
use rustc_hash::FxHashMap;
use verisim_data::table::{ReadSettings, Table};

use crate::cell::Cell;
use crate::error::Result;
use crate::expression::{DAY, iso};

/// The rows of a file.
pub struct Rows {
    names: Vec<String>,
    /// The columns; texts that are all numbers or dates are those.
    pub columns: Vec<ArrayRef>,
    /// By what the matched columns hold: the rows, and their weights added up.
    groups: FxHashMap<String, (Vec<u32>, Vec<f64>)>,
}

/// Reads the rows of a file.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &Path) -> Result<Rows> {
    let table = Table::read(path, &ReadSettings::default())?;
    let columns = table.columns.iter().map(typed).collect::<Result<_>>()?;
    Ok(Rows { names: table.names, columns, groups: FxHashMap::default() })
}

impl Rows {
    /// The place of a column.
    ///
    /// # Errors
    /// When there is none.
    pub fn column(&self, name: &str) -> Result<usize, String> {
        let place = self.names.iter().position(|n| n == name);
        place.ok_or_else(|| format!("the file has no column `{name}`; it has {}", self.names.join(", ")))
    }

    /// Puts rows together that agree in columns; `weight` is a column with their weights.
    ///
    /// # Errors
    /// When a weight is none.
    pub fn group(&mut self, by: &[usize], weight: Option<usize>) -> Result<(), String> {
        let rows = self.columns.first().map_or(0, |c| c.len());
        let weights: Option<Vec<f64>> =
            weight.map(|w| crate::expression::columns::Values::of(self.columns[w].as_ref()).numbers());
        let texts: Vec<StringArray> =
            by.iter().map(|&c| crate::expression::columns::Values::of(self.columns[c].as_ref()).texts()).collect();
        for row in 0..rows {
            let weight = weights.as_ref().map_or(1.0, |w| w.get(row).copied().unwrap_or(f64::NAN));
            if !(weight >= 0.0 && weight.is_finite()) {
                return Err(format!("row {} of the file has a weight that is no number from 0 on", row + 1));
            }
            let key = key(texts.iter().map(|t| t.is_valid(row).then(|| t.value(row))));
            let (all, sums) = self.groups.entry(key).or_default();
            all.push(row as u32);
            sums.push(sums.last().copied().unwrap_or(0.0) + weight);
        }
        Ok(())
    }

    /// A row of those that agree with `key`; `None` if there is none.
    pub fn draw(&self, key: &str, cell: &mut Cell) -> Option<u32> {
        let (rows, sums) = self.groups.get(key)?;
        let total = sums.last().copied().filter(|t| *t > 0.0)?;
        let at = cell.uniform() * total;
        rows.get(sums.partition_point(|&s| s <= at)).copied()
    }
}

/// What rows are put together by.
pub fn key<'a>(parts: impl Iterator<Item = Option<&'a str>>) -> String {
    let mut key = String::new();
    for part in parts {
        key.push_str(part.unwrap_or("\u{1}"));
        key.push('\u{1f}');
    }
    key
}

/// A table as it was read, with texts that are all numbers or dates as those.
///
/// # Errors
/// When Arrow cannot hold it.
pub fn batch(table: &Table) -> Result<RecordBatch> {
    let columns = table.columns.iter().map(typed).collect::<Result<Vec<_>>>()?;
    let fields = table.names.iter().zip(&columns).map(|(name, c)| Field::new(name, c.data_type().clone(), true));
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), columns)?)
}

/// Texts as what all of them are: whole numbers, numbers, dates; others as they are. Numbers with zeros before them stay texts.
fn typed(array: &ArrayRef) -> Result<ArrayRef> {
    if !matches!(array.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
        let to = crate::expression::columns::Kind::of(array.data_type()).data();
        return Ok(arrow_cast::cast(array, &to)?);
    }
    let texts = arrow_cast::cast(array, &DataType::Utf8)?;
    // An empty cell of a text file is missing.
    let texts: Vec<Option<&str>> = texts.as_string::<i32>().iter().map(|t| t.filter(|t| !t.is_empty())).collect();
    let plain = |t: &str| {
        let digits = t.strip_prefix('-').unwrap_or(t);
        digits.as_bytes().first().is_some_and(u8::is_ascii_digit)
            && !(digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0."))
    };
    let all = |is: &dyn Fn(&str) -> bool| texts.iter().flatten().all(|t| is(t)) && texts.iter().any(Option::is_some);
    Ok(if all(&|t| plain(t) && t.parse::<i64>().is_ok()) {
        Arc::new(texts.iter().map(|t| t.and_then(|t| t.parse().ok())).collect::<Int64Array>())
    } else if all(&|t| plain(t) && t.parse::<f64>().is_ok_and(f64::is_finite)) {
        Arc::new(texts.iter().map(|t| t.and_then(|t| t.parse().ok())).collect::<Float64Array>())
    } else if all(&|t| iso(t).is_some_and(|t| t.1)) {
        let day = |t: &str| iso(t).and_then(|(t, _)| i32::try_from(t.div_euclid(DAY)).ok());
        Arc::new(texts.iter().map(|t| t.and_then(day)).collect::<Date32Array>())
    } else {
        Arc::new(texts.into_iter().collect::<StringArray>())
    })
}

/// Values of a file as an array of what all of them are.
///
/// # Errors
/// When one is a list or a table.
pub fn array(values: &[toml::Value]) -> Result<ArrayRef, String> {
    use toml::Value as V;
    if let Some(odd) = values.iter().find(|v| v.is_array() || v.is_table()) {
        return Err(format!("`{odd}` is no single value"));
    }
    let all = |is: fn(&V) -> bool| values.iter().all(is);
    Ok(if all(V::is_bool) {
        Arc::new(values.iter().map(V::as_bool).collect::<BooleanArray>())
    } else if all(V::is_integer) {
        Arc::new(values.iter().map(V::as_integer).collect::<Int64Array>())
    } else if all(|v| v.is_integer() || v.is_float()) {
        let number = |v: &V| v.as_float().or(v.as_integer().map(|x| x as f64));
        Arc::new(values.iter().map(number).collect::<Float64Array>())
    } else if all(|v| v.as_datetime().is_some_and(|d| d.date.is_some())) {
        let times: Vec<Option<(i64, bool)>> =
            values.iter().map(|v| v.as_datetime().and_then(|d| iso(&d.to_string()))).collect();
        match times.iter().all(|t| t.is_some_and(|t| t.1)) {
            true => {
                Arc::new(times.iter().map(|t| t.and_then(|t| i32::try_from(t.0 / DAY).ok())).collect::<Date32Array>())
            }
            false => Arc::new(times.iter().map(|t| t.map(|t| t.0)).collect::<TimestampMicrosecondArray>()),
        }
    } else {
        let text = |v: &V| Some(v.as_str().map_or_else(|| v.to_string(), str::to_owned));
        Arc::new(values.iter().map(text).collect::<StringArray>())
    })
}

/// The values of an array that are not missing.
///
/// # Errors
/// When Arrow cannot take them.
pub fn present(array: &ArrayRef) -> Result<ArrayRef> {
    let keep: Vec<u32> = (0..array.len()).filter(|&i| array.is_valid(i)).map(|i| i as u32).collect();
    Ok(arrow_select::take::take(array, &arrow_array::UInt32Array::from(keep), None)?)
}

/// The values of an array in order; texts stay in theirs.
///
/// # Errors
/// When Arrow cannot take them.
pub fn sorted(array: &ArrayRef) -> Result<ArrayRef> {
    let keys = match crate::expression::columns::Values::of(array.as_ref()) {
        crate::expression::columns::Values::Number(x) => x,
        crate::expression::columns::Values::Time(t, _) => t.iter().map(|&t| t as f64).collect(),
        _ => return Ok(array.clone()),
    };
    let mut order: Vec<u32> = (0..array.len() as u32).collect();
    order.sort_by(|&a, &b| keys[a as usize].total_cmp(&keys[b as usize]));
    Ok(arrow_select::take::take(array, &arrow_array::UInt32Array::from(order), None)?)
}
