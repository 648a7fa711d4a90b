//! A table as its own rows describe it: types, bounds, lengths, and the values of columns that have few.

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use rustc_hash::FxHashMap;

use super::{ColumnDescription, ColumnKind, TableDescription};
use crate::edge::form::Value;
use crate::error::Result;

/// A text column with at most so many different values, each in ten rows on average, has these alone.
const FEW: usize = 50;

/// The description of a table that its rows give. Bounds are those of the rows: what a column may be beyond them, its owner adds.
///
/// # Errors
/// When a column cannot be read.
pub fn describe(name: &str, rows: &RecordBatch) -> Result<TableDescription> {
    let mut table = TableDescription { name: name.to_owned(), ..TableDescription::default() };
    for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
        let mut made = ColumnDescription::new(field.name(), ColumnKind::Text);
        made.nullable = column.null_count() > 0;
        made.required = !made.nullable;
        fill(&mut made, column)?;
        table.columns.push(made);
    }
    Ok(table)
}

fn fill(made: &mut ColumnDescription, column: &ArrayRef) -> Result<()> {
    let cast = |to: &DataType| arrow_cast::cast(column, to);
    match column.data_type() {
        DataType::Boolean => made.kind = ColumnKind::Boolean,
        kind if kind.is_integer() => {
            let bits = kind.primitive_width().map(|w| (w * 8) as u8);
            made.kind = ColumnKind::Integer { bits, signed: kind.is_signed_integer() };
            let texts = cast(&DataType::Utf8)?;
            let numbers: Vec<i128> = texts.as_string::<i32>().iter().flatten().filter_map(|t| t.parse().ok()).collect();
            made.least = numbers.iter().min().map(ToString::to_string);
            made.greatest = numbers.iter().max().map(ToString::to_string);
            let mut sorted = numbers;
            let count = sorted.len();
            sorted.sort_unstable();
            sorted.dedup();
            made.unique = count > 1 && sorted.len() == count;
        }
        kind if kind.is_floating() => {
            made.kind = ColumnKind::Float { bits: if *kind == DataType::Float64 { 64 } else { 32 } };
            let numbers = cast(&DataType::Float64)?;
            let numbers = numbers.as_primitive::<Float64Type>().iter().flatten().filter(|x| x.is_finite());
            let (least, greatest) = numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
            if least <= greatest {
                (made.least, made.greatest) = (Some(least.to_string()), Some(greatest.to_string()));
            }
        }
        DataType::Decimal128(digits, scale) => {
            let scale = u8::try_from(*scale).unwrap_or(0);
            made.kind = ColumnKind::Decimal { digits: (*digits).min(36), scale };
            let texts = cast(&DataType::Utf8)?;
            let units = |t: &str| crate::edge::form::units(t, scale);
            let numbers: Vec<i128> = texts.as_string::<i32>().iter().flatten().filter_map(units).collect();
            let text = |n: Option<&i128>| n.map(|n| crate::edge::form::digits(*n, scale));
            (made.least, made.greatest) = (text(numbers.iter().min()), text(numbers.iter().max()));
        }
        DataType::Date32 | DataType::Date64 => {
            made.kind = ColumnKind::Date;
            let days = cast(&DataType::Date32)?;
            let days: Vec<i64> = days.as_primitive::<Date32Type>().iter().flatten().map(i64::from).collect();
            let text =
                |d: Option<&i64>| d.and_then(|d| date(d.checked_mul(86_400_000_000)?)).map(|t| t[..10].to_owned());
            (made.least, made.greatest) = (text(days.iter().min()), text(days.iter().max()));
        }
        DataType::Timestamp(_, zone) => {
            made.kind = ColumnKind::Timestamp { offset: if zone.is_some() { None } else { Some(false) } };
            let end = if zone.is_some() { "Z" } else { "" };
            let micros = cast(&DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))?;
            let micros: Vec<i64> = micros.as_primitive::<TimestampMicrosecondType>().iter().flatten().collect();
            let text = |t: Option<&i64>| t.and_then(|t| date(*t)).map(|t| t + end);
            (made.least, made.greatest) = (text(micros.iter().min()), text(micros.iter().max()));
        }
        DataType::Time32(_) | DataType::Time64(_) => made.kind = ColumnKind::Time,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => {
            texts(made, &cast(&DataType::Utf8)?);
        }
        DataType::Binary | DataType::LargeBinary | DataType::FixedSizeBinary(_) => made.kind = ColumnKind::Bytes,
        other => made.kind = ColumnKind::Other(other.to_string()),
    }
    Ok(())
}

fn texts(made: &mut ColumnDescription, column: &ArrayRef) {
    let mut counts: FxHashMap<&str, usize> = FxHashMap::default();
    let mut rows = 0;
    for text in column.as_string::<i32>().iter().flatten() {
        *counts.entry(text).or_default() += 1;
        rows += 1;
    }
    let mut lengths: Vec<usize> = counts.keys().map(|t| t.chars().count()).collect();
    lengths.sort_unstable();
    (made.shortest, made.longest) = (lengths.first().copied(), lengths.last().copied());
    made.unique = rows > 1 && counts.len() == rows;
    if counts.len() <= FEW && counts.len() * 10 <= rows {
        // The frequent first; those as frequent in the order of their letters.
        let mut all: Vec<(&str, usize)> = counts.into_iter().collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        made.values = all.into_iter().map(|(t, _)| Value::Text(t.to_owned())).collect();
    }
}

/// A time as a text.
fn date(micros: i64) -> Option<String> {
    let at = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from_microsecond(micros).ok()?);
    let part = at.subsec_nanosecond();
    let part = if part == 0 { String::new() } else { format!(".{:06}", part / 1000) };
    Some(format!("{}{part}", at.strftime("%Y-%m-%dT%H:%M:%S")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Date32Array, Decimal128Array, Float64Array, Int16Array, StringArray, TimestampSecondArray};

    use super::*;

    #[test]
    fn a_table_says_what_it_is() {
        let words: Vec<Option<&str>> = (0..40).map(|i| [Some("red"), Some("blue"), None, Some("red")][i % 4]).collect();
        let codes: Vec<String> = (0..40).map(|i| format!("C{i}")).collect();
        let rows = RecordBatch::try_from_iter([
            ("id", Arc::new(Int16Array::from_iter_values(5..45)) as ArrayRef),
            ("x", Arc::new(Float64Array::from_iter_values((0..40).map(|i| f64::from(i) / 4.0)))),
            ("word", Arc::new(StringArray::from(words))),
            ("code", Arc::new(StringArray::from_iter_values(codes))),
            ("day", Arc::new(Date32Array::from_iter_values(0..40))),
            ("at", Arc::new(TimestampSecondArray::from_iter_values(0..40))),
            ("money", Arc::new(Decimal128Array::from_iter_values(100..140).with_precision_and_scale(9, 2).unwrap())),
        ])
        .unwrap();
        let table = describe("t", &rows).unwrap();
        let column = |name: &str| table.column(name).unwrap();
        let bounds = |name: &str| (column(name).least.clone().unwrap(), column(name).greatest.clone().unwrap());
        let of = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(column("id").kind, ColumnKind::Integer { bits: Some(16), signed: true });
        assert_eq!((bounds("id"), column("id").unique), (of("5", "44"), true));
        assert_eq!(bounds("x"), of("0", "9.75"));
        assert_eq!(column("word").values, [Value::Text("red".into()), Value::Text("blue".into())]);
        assert!(column("word").nullable && !column("code").nullable);
        assert!(column("code").unique && column("code").values.is_empty() && column("code").longest == Some(3));
        assert_eq!(bounds("day"), of("1970-01-01", "1970-02-09"));
        assert_eq!(bounds("at"), of("1970-01-01T00:00:00", "1970-01-01T00:00:39"));
        assert_eq!(bounds("money"), of("1.00", "1.39"));
        let (form, notes) = table.form();
        assert!(notes.is_empty());
        let made = crate::edge::cases::cases(&form, &Default::default()).unwrap();
        assert!(
            made.rows.iter().any(|r| r.fault.as_deref() == Some("id: above the greatest (one beyond the greatest)"))
        );
        let none = describe("t", &rows.slice(0, 0)).unwrap();
        assert!(none.columns.iter().all(|c| c.least.is_none()));
    }
}
