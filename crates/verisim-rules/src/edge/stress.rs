//! A real table under stress: a share of its rows gets a fault, comes twice, or comes late. Each changed row is marked.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, PrimitiveArray, RecordBatch, StringArray, UInt64Array};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use serde::{Deserialize, Serialize};

use super::texts::TEXTS;
use crate::cell::{Cell, ColumnKey};
use crate::error::{Error, Result};

/// The column that marks changed rows.
pub const MARK: &str = "stress";

/// What share of the rows is changed, and how.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shares {
    /// Rows with one value that is wrong, 0 to 1.
    pub faults: f64,
    /// Rows that come a second time, 0 to 1.
    pub duplicates: f64,
    /// Rows that come later than they should, 0 to 1.
    pub late: f64,
    /// By how many rows at most what is late is late, and a second time comes after the first; at least 1.
    pub furthest: u64,
}

impl Default for Shares {
    fn default() -> Shares {
        Shares { faults: 0.01, duplicates: 0.01, late: 0.01, furthest: 100 }
    }
}

impl Shares {
    /// Whether they make sense.
    ///
    /// # Errors
    /// When a share is not 0 to 1.
    pub fn check(&self) -> Result<()> {
        for (key, share) in [("faults", self.faults), ("duplicates", self.duplicates), ("late", self.late)] {
            if !(0.0..=1.0).contains(&share) {
                return Err(Error::Setting { key: key.to_owned(), what: format!("is {share}, and must be 0 to 1") });
            }
        }
        if self.furthest == 0 {
            return Err(Error::Setting { key: "furthest".to_owned(), what: "must be at least 1".to_owned() });
        }
        Ok(())
    }
}

/// The table with faults, second copies and late rows, and a column `stress` that says what was done to a row: nothing where it is as
/// it was. What happens to a row follows from the seed and its place.
///
/// # Errors
/// When a share is none, or the table has a column `stress`.
pub fn stress(table: &RecordBatch, shares: &Shares, seed: u64) -> Result<RecordBatch> {
    shares.check()?;
    if table.schema().column_with_name(MARK).is_some() {
        return Err(Error::Setting {
            key: MARK.to_owned(),
            what: "is a column of the table already, and is needed to mark rows; rename it".to_owned(),
        });
    }
    let key = |what: &str| ColumnKey::new(seed, MARK, what);
    let (faults, twice, late) = (key("fault"), key("duplicate"), key("late"));
    let rows = table.num_rows();
    // (when it comes, the row, what was done)
    let mut order: Vec<(u64, usize, Option<String>)> = Vec::with_capacity(rows);
    let mut changed: Vec<Vec<(usize, Cell)>> = vec![Vec::new(); table.num_columns()];
    for row in 0..rows {
        let at = row as u64;
        let mut cell = Cell::new(late, at);
        let delay = if cell.uniform() < shares.late { 1 + cell.below(shares.furthest) } else { 0 };
        let said = (delay > 0).then(|| format!("late by {delay}"));
        let mut cell = Cell::new(faults, at);
        if cell.uniform() < shares.faults && table.num_columns() > 0 {
            changed[cell.below(table.num_columns() as u64) as usize].push((row, cell));
        }
        order.push((at + delay, row, said));
        let mut cell = Cell::new(twice, at);
        if cell.uniform() < shares.duplicates {
            let delay = cell.below(shares.furthest);
            order.push((at + delay, row, Some("duplicate".to_owned())));
        }
    }
    let mut marks: Vec<Option<String>> = vec![None; rows];
    let mut fields: Vec<Field> = Vec::new();
    let mut columns = Vec::new();
    for (c, field) in table.schema().fields().iter().enumerate() {
        let (column, said) = faulty(table.column(c), &changed[c])?;
        for ((row, _), what) in changed[c].iter().zip(said) {
            marks[*row] = what.map(|what| format!("fault in {}: {what}", field.name()));
        }
        // A fault may be a missing value.
        fields.push(Field::clone(field).with_nullable(true).with_data_type(column.data_type().clone()));
        columns.push(column);
    }
    // Late rows come after those that are where they belong.
    order.sort_by_key(|(when, row, said)| (*when, said.is_some(), *row));
    let indices = UInt64Array::from_iter_values(order.iter().map(|o| o.1 as u64));
    let mut taken: Vec<ArrayRef> =
        columns.iter().map(|c| arrow_select::take::take(c, &indices, None)).collect::<std::result::Result<_, _>>()?;
    let mark = order.iter().map(|(_, row, said)| match (&marks[*row], said) {
        (Some(fault), Some(said)) => Some(format!("{fault}; {said}")),
        (Some(one), None) | (None, Some(one)) => Some(one.clone()),
        (None, None) => None,
    });
    taken.push(Arc::new(StringArray::from_iter(mark)));
    fields.push(Field::new(MARK, DataType::Utf8, true));
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(order.len()));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), taken, &options)?)
}

/// What was done to a value; nothing where nothing could be.
type Said = Option<&'static str>;

/// A column with some of its values made wrong.
fn faulty(column: &ArrayRef, rows: &[(usize, Cell)]) -> Result<(ArrayRef, Vec<Said>)> {
    if rows.is_empty() {
        return Ok((column.clone(), Vec::new()));
    }
    macro_rules! whole {
        ($kind:ty, $native:ty) => {
            primitive::<$kind>(column, rows, |x, cell| {
                let (low, high) = (i128::from(<$native>::MIN), i128::from(<$native>::MAX));
                let (value, said) = whole(i128::from(x), low, high, cell);
                (<$native>::try_from(value).unwrap_or(x), said)
            })
        };
    }
    macro_rules! stamps {
        ($kind:ty, $second:expr) => {
            primitive::<$kind>(column, rows, |x, cell| moment(x, $second, cell))
        };
    }
    Ok(match column.data_type() {
        DataType::Int8 => whole!(Int8Type, i8),
        DataType::Int16 => whole!(Int16Type, i16),
        DataType::Int32 => whole!(Int32Type, i32),
        DataType::Int64 => whole!(Int64Type, i64),
        DataType::UInt8 => whole!(UInt8Type, u8),
        DataType::UInt16 => whole!(UInt16Type, u16),
        DataType::UInt32 => whole!(UInt32Type, u32),
        DataType::UInt64 => whole!(UInt64Type, u64),
        DataType::Float32 => primitive::<Float32Type>(column, rows, |x, cell| {
            let (value, said) = real(f64::from(x), cell);
            (value as f32, said)
        }),
        DataType::Float64 => primitive::<Float64Type>(column, rows, real),
        DataType::Date32 => primitive::<Date32Type>(column, rows, |x, cell| {
            let (value, said) = moment(i64::from(x), 0, cell);
            (i32::try_from(value).unwrap_or(0), said)
        }),
        DataType::Timestamp(TimeUnit::Second, _) => stamps!(TimestampSecondType, 1),
        DataType::Timestamp(TimeUnit::Millisecond, _) => stamps!(TimestampMillisecondType, 1_000),
        DataType::Timestamp(TimeUnit::Microsecond, _) => stamps!(TimestampMicrosecondType, 1_000_000),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => stamps!(TimestampNanosecondType, 1_000_000_000),
        DataType::Boolean => {
            let mut values: Vec<Option<bool>> = column.as_boolean().iter().collect();
            let said = change(&mut values, rows, |x, _| (!x, "turned"));
            (Arc::new(BooleanArray::from(values)), said)
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => {
            let texts = arrow_cast::cast(column, &DataType::Utf8)?;
            let mut values: Vec<Option<String>> =
                texts.as_string::<i32>().iter().map(|t| t.map(str::to_owned)).collect();
            let said = change(&mut values, rows, |x, cell| text(&x, cell));
            (Arc::new(StringArray::from(values)), said)
        }
        _ => {
            // Of other types, the one fault is a missing value.
            let mut indices: Vec<Option<u64>> = (0..column.len() as u64).map(Some).collect();
            let mut said = Vec::with_capacity(rows.len());
            for (row, _) in rows {
                said.push((!column.is_null(*row)).then_some("missing"));
                indices[*row] = None;
            }
            (arrow_select::take::take(column, &UInt64Array::from(indices), None)?, said)
        }
    })
}

/// Makes values wrong; a fourth of them goes missing. What is missing stays as it is.
fn change<T: Clone>(
    values: &mut [Option<T>],
    rows: &[(usize, Cell)],
    wrong: impl Fn(T, &mut Cell) -> (T, &'static str),
) -> Vec<Said> {
    let one = |(row, cell): &(usize, Cell)| {
        let mut cell = cell.clone();
        let value = values[*row].take()?;
        if cell.below(4) == 0 {
            return Some("missing");
        }
        let (value, said) = wrong(value, &mut cell);
        values[*row] = Some(value);
        Some(said)
    };
    rows.iter().map(one).collect()
}

fn primitive<T: ArrowPrimitiveType>(
    column: &ArrayRef,
    rows: &[(usize, Cell)],
    wrong: impl Fn(T::Native, &mut Cell) -> (T::Native, &'static str),
) -> (ArrayRef, Vec<Said>) {
    let mut values: Vec<Option<T::Native>> = column.as_primitive::<T>().iter().collect();
    let said = change(&mut values, rows, wrong);
    let array = PrimitiveArray::<T>::from_iter(values).with_data_type(column.data_type().clone());
    (Arc::new(array), said)
}

fn whole(x: i128, low: i128, high: i128, cell: &mut Cell) -> (i128, &'static str) {
    let ways = [
        (-x, "sign turned"),
        (x * 10, "a digit too many"),
        (x / 10, "a digit too few"),
        (0, "zero"),
        (-1, "minus one"),
        (high, "greatest of the type"),
        (low, "least of the type"),
    ];
    let fits: Vec<_> = ways.into_iter().filter(|(y, _)| *y != x && (low..=high).contains(y)).collect();
    // The greatest and the least of a type differ, so one fits.
    fits.get(cell.below(fits.len() as u64) as usize).copied().unwrap_or((high, "greatest of the type"))
}

fn real(x: f64, cell: &mut Cell) -> (f64, &'static str) {
    let ways = [
        (-x, "sign turned"),
        (x * 10.0, "point moved right"),
        (x / 10.0, "point moved left"),
        (x * 1000.0, "a thousand times"),
        (0.0, "zero"),
        (f64::NAN, "not a number"),
        (1e30, "far too great"),
    ];
    let fits: Vec<_> = ways.into_iter().filter(|(y, _)| *y != x).collect();
    fits.get(cell.below(fits.len() as u64) as usize).copied().unwrap_or((f64::NAN, "not a number"))
}

/// A date in days (`second` is 0) or a time in parts of a second.
fn moment(x: i64, second: i64, cell: &mut Cell) -> (i64, &'static str) {
    let day = if second == 0 { 1 } else { second.saturating_mul(86_400) };
    let mut ways = vec![
        (0, "epoch"),
        (x.saturating_sub(day.saturating_mul(36_525)), "a century early"),
        (x.saturating_add(day.saturating_mul(3_653)), "ten years late"),
        (x.saturating_add(day), "a day late"),
    ];
    if second > 0 {
        ways.push((x.saturating_sub(second.saturating_mul(3_600)), "an hour early"));
        ways.push((x.saturating_add(second.saturating_mul(3_600)), "an hour late"));
    }
    ways.retain(|(y, _)| *y != x);
    ways.get(cell.below(ways.len() as u64) as usize).copied().unwrap_or((0, "epoch"))
}

fn text(x: &str, cell: &mut Cell) -> (String, &'static str) {
    let letters: Vec<char> = x.chars().collect();
    let turned = if x.to_uppercase() == x { x.to_lowercase() } else { x.to_uppercase() };
    let mut swapped = letters.clone();
    if letters.len() > 1 {
        let at = cell.below(letters.len() as u64 - 1) as usize;
        swapped.swap(at, at + 1);
    }
    // UTF-8 read as Latin-1.
    let misread: String = x.bytes().map(char::from).collect();
    let odd = TEXTS[cell.below(TEXTS.len() as u64) as usize];
    let ways = [
        (String::new(), "empty"),
        (letters[..letters.len() / 2].iter().collect(), "cut"),
        (swapped.into_iter().collect(), "letters swapped"),
        (turned, "other capitals"),
        (format!("{x} "), "space after"),
        (format!("{x}{x}"), "twice"),
        (misread, "read in the wrong encoding"),
        (odd.1.to_owned(), odd.0),
    ];
    let fits: Vec<_> = ways.into_iter().filter(|(y, _)| y != x).collect();
    fits.get(cell.below(fits.len() as u64) as usize).cloned().unwrap_or((format!("{x} "), "space after"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use arrow_array::{Date32Array, DictionaryArray, Float64Array, Int64Array, TimestampMillisecondArray};

    use super::*;

    fn table(rows: i64) -> RecordBatch {
        let words: Vec<Option<&str>> = (0..rows).map(|i| [Some("red"), Some("blue"), None][i as usize % 3]).collect();
        let kinds: DictionaryArray<Int32Type> = words.iter().copied().collect();
        let time = TimestampMillisecondArray::from_iter_values((0..rows).map(|i| i * 1000)).with_timezone("UTC");
        RecordBatch::try_from_iter_with_nullable([
            ("id", Arc::new(Int64Array::from_iter_values(0..rows)) as ArrayRef, true),
            ("x", Arc::new(Float64Array::from_iter_values((0..rows).map(|i| i as f64 + 0.5))), true),
            ("word", Arc::new(StringArray::from(words)), true),
            ("kind", Arc::new(kinds), true),
            ("yes", Arc::new(BooleanArray::from_iter((0..rows).map(|i| Some(i % 2 == 0)))), true),
            ("day", Arc::new(Date32Array::from_iter_values(0..rows as i32)), true),
            ("at", Arc::new(time), true),
        ])
        .unwrap()
    }

    #[test]
    fn shares_are_kept_and_rows_marked() {
        let rows = 20_000;
        let shares = Shares { faults: 0.05, duplicates: 0.02, late: 0.03, furthest: 10 };
        let made = stress(&table(rows), &shares, 7).unwrap();
        assert_eq!(made, stress(&table(rows), &shares, 7).unwrap());
        let marks = made.column_by_name(MARK).unwrap().as_string::<i32>();
        let count = |what: &str| marks.iter().flatten().filter(|m| m.contains(what)).count() as f64;
        let near = |count: f64, share: f64| (count - share * rows as f64).abs() < 5.0 * (share * rows as f64).sqrt();
        assert_eq!(made.num_rows() as f64, rows as f64 + count("duplicate"));
        assert!(
            near(count("duplicate"), 0.02) && near(count("late by"), 0.03),
            "{} {}",
            count("duplicate"),
            count("late by")
        );
        // A value that was missing stays: of two columns a third is.
        assert!(near(count("fault in"), 0.05 * (1.0 - 2.0 / 21.0)) || near(count("fault in"), 0.05));
        for column in ["id", "x", "word", "kind", "yes", "day", "at"] {
            assert!(count(&format!("fault in {column}: ")) > 50.0, "{column}");
        }
        // Rows without a mark are as they were, in order.
        let ids = made.column_by_name("id").unwrap().as_primitive::<Int64Type>();
        let xs = made.column_by_name("x").unwrap().as_primitive::<Float64Type>();
        let mut last = -1;
        for (row, mark) in marks.iter().enumerate() {
            if mark.is_none() {
                assert!(ids.value(row) > last && xs.value(row) == ids.value(row) as f64 + 0.5);
                last = ids.value(row);
            }
        }
        assert_eq!(made.schema().field(6).data_type(), table(1).schema().field(6).data_type());
    }

    #[test]
    fn nothing_asked_is_nothing_done() {
        let none = Shares { faults: 0.0, duplicates: 0.0, late: 0.0, furthest: 1 };
        let made = stress(&table(50), &none, 1).unwrap();
        assert_eq!(made.project(&[0, 1, 2, 3, 4, 5, 6]).unwrap().columns(), table(50).columns());
        assert_eq!(made.column(7).null_count(), 50);
        assert!(stress(&made, &none, 1).unwrap_err().to_string().contains("rename it"));
        let bad = Shares { faults: 1.5, ..none.clone() };
        assert!(stress(&table(1), &bad, 1).unwrap_err().to_string().contains("`faults` is 1.5"));
        assert_eq!(stress(&table(0), &Shares::default(), 1).unwrap().num_rows(), 0);
        let all = Shares { faults: 1.0, duplicates: 1.0, late: 1.0, furthest: 5 };
        assert_eq!(stress(&table(9), &all, 1).unwrap().num_rows(), 18);
    }
}
