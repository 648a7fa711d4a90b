//! Types of columns.

use sqlparser::ast::{CharacterLength, DataType, EnumMember, ExactNumberInfo, Expr, TableConstraint, TimezoneInfo};

use super::{Dialect, Reader, last};
use crate::edge::form::Value;
use crate::import::check::name;
use crate::import::{ColumnDescription, ColumnKind, Generated};

impl Reader {
    /// The type of a column, with what it bounds.
    pub(super) fn kind(
        &mut self,
        column: &mut ColumnDescription,
        kind: &DataType,
        at: &str,
        line: usize,
        checks: &mut Vec<Expr>,
    ) {
        let whole = |bits, signed| ColumnKind::Integer { bits: Some(bits), signed };
        let length = |length: &Option<CharacterLength>| match length {
            Some(CharacterLength::IntegerLength { length, .. }) => usize::try_from(*length).ok(),
            _ => None,
        };
        column.kind = match kind {
            // MySQL's way to write booleans.
            DataType::TinyInt(Some(1)) if self.dialect == Dialect::MySql => ColumnKind::Boolean,
            DataType::TinyInt(_) => whole(8, true),
            DataType::TinyIntUnsigned(_) | DataType::UTinyInt | DataType::UInt8 => whole(8, false),
            DataType::Int2(_) | DataType::SmallInt(_) | DataType::Int16 => whole(16, true),
            DataType::Int2Unsigned(_) | DataType::SmallIntUnsigned(_) | DataType::USmallInt | DataType::UInt16 => {
                whole(16, false)
            }
            DataType::MediumInt(_) => whole(24, true),
            DataType::MediumIntUnsigned(_) => whole(24, false),
            // SQLite has one width.
            DataType::Int(_) | DataType::Integer(_) if self.dialect == Dialect::Sqlite => whole(64, true),
            DataType::Int(_) | DataType::Int4(_) | DataType::Integer(_) | DataType::Int32 => whole(32, true),
            DataType::IntUnsigned(_) | DataType::Int4Unsigned(_) | DataType::IntegerUnsigned(_) | DataType::UInt32 => {
                whole(32, false)
            }
            DataType::BigInt(_) | DataType::Int8(_) | DataType::Int64 => whole(64, true),
            DataType::BigIntUnsigned(_) | DataType::Int8Unsigned(_) | DataType::UBigInt | DataType::UInt64 => {
                whole(64, false)
            }
            DataType::Numeric(n) | DataType::Decimal(n) | DataType::Dec(n) => self.decimal(n, at, line),
            DataType::DecimalUnsigned(n) | DataType::DecUnsigned(n) => {
                column.least = Some("0".to_owned());
                self.decimal(n, at, line)
            }
            DataType::Float(_) if self.dialect == Dialect::MySql => ColumnKind::Float { bits: 32 },
            DataType::Float(ExactNumberInfo::Precision(p)) if *p <= 24 => ColumnKind::Float { bits: 32 },
            DataType::Float4 | DataType::Float32 => ColumnKind::Float { bits: 32 },
            DataType::Real if self.dialect == Dialect::PostgreSql => ColumnKind::Float { bits: 32 },
            DataType::Float(_)
            | DataType::Float64
            | DataType::Float8
            | DataType::Real
            | DataType::Double(_)
            | DataType::DoublePrecision => ColumnKind::Float { bits: 64 },
            DataType::FloatUnsigned(_)
            | DataType::RealUnsigned
            | DataType::DoubleUnsigned(_)
            | DataType::DoublePrecisionUnsigned => {
                column.least = Some("0".to_owned());
                ColumnKind::Float { bits: 64 }
            }
            DataType::Bool | DataType::Boolean => ColumnKind::Boolean,
            DataType::Bit(None | Some(1)) if self.dialect == Dialect::MySql => ColumnKind::Boolean,
            DataType::Char(n) | DataType::Character(n) => {
                column.longest = Some(length(n).unwrap_or(1));
                ColumnKind::Text
            }
            DataType::CharacterVarying(n) | DataType::CharVarying(n) | DataType::Varchar(n) | DataType::Nvarchar(n) => {
                column.longest = length(n);
                ColumnKind::Text
            }
            DataType::TinyText => {
                column.longest = Some(255);
                ColumnKind::Text
            }
            DataType::Text
            | DataType::MediumText
            | DataType::LongText
            | DataType::Clob(_)
            | DataType::String(_)
            | DataType::CharacterLargeObject(_) => ColumnKind::Text,
            DataType::Uuid => {
                column.format = Some("uuid".to_owned());
                ColumnKind::Text
            }
            DataType::Date | DataType::Date32 => ColumnKind::Date,
            DataType::Time(..) => ColumnKind::Time,
            DataType::Timestamp(_, TimezoneInfo::Tz | TimezoneInfo::WithTimeZone) => {
                ColumnKind::Timestamp { offset: None }
            }
            DataType::Timestamp(..) | DataType::Datetime(_) | DataType::TimestampNtz(_) => {
                ColumnKind::Timestamp { offset: Some(false) }
            }
            DataType::Binary(_)
            | DataType::Varbinary(_)
            | DataType::Blob(_)
            | DataType::TinyBlob
            | DataType::MediumBlob
            | DataType::LongBlob
            | DataType::Bytea
            | DataType::Bytes(_) => ColumnKind::Bytes,
            DataType::Enum(members, _) => {
                column.values = members
                    .iter()
                    .map(|m| match m {
                        EnumMember::Name(name) | EnumMember::NamedValue(name, _) => Value::Text(name.clone()),
                    })
                    .collect();
                ColumnKind::Text
            }
            DataType::Unspecified => {
                self.made.note(Some(line), at, "has no type; it is taken for a text");
                ColumnKind::Text
            }
            DataType::Collate(inner, _) | DataType::Zerofill(inner) => {
                return self.kind(column, inner, at, line, checks);
            }
            DataType::Custom(name, _) => return self.custom(column, &last(name), at, line, checks),
            other => {
                self.made.note(Some(line), at, format!("is of the type {other}, which is not known"));
                ColumnKind::Other(other.to_string())
            }
        };
    }

    fn decimal(&mut self, info: &ExactNumberInfo, at: &str, line: usize) -> ColumnKind {
        let (digits, scale) = match info {
            ExactNumberInfo::PrecisionAndScale(p, s) => (*p, *s),
            ExactNumberInfo::Precision(p) => (*p, 0),
            // MySQL's default is (10, 0); PostgreSQL and SQLite hold what is given.
            ExactNumberInfo::None if self.dialect == Dialect::MySql => (10, 0),
            ExactNumberInfo::None => {
                self.made.note(
                    Some(line),
                    at,
                    "has a decimal type of any size; it is taken for one of 18 digits, 6 of them after the point",
                );
                (18, 6)
            }
        };
        let (held, after) = (digits.clamp(1, 36) as u8, scale.clamp(0, 36) as u8);
        if u64::from(held) != digits || i64::from(after) != scale || after > held {
            self.made.note(
                Some(line),
                at,
                format!(
                    "has {digits} digits, {scale} of them after the point; {held} and {} are kept",
                    after.min(held)
                ),
            );
        }
        ColumnKind::Decimal { digits: held, scale: after.min(held) }
    }

    fn custom(&mut self, column: &mut ColumnDescription, name: &str, at: &str, line: usize, checks: &mut Vec<Expr>) {
        let lower = name.to_lowercase();
        if let Some(labels) = self.enums.get(&lower) {
            column.values = labels.iter().map(|l| Value::Text(l.clone())).collect();
            return;
        }
        if let Some(domain) = self.domains.get(&lower).cloned() {
            self.kind(column, &domain.data_type, at, line, checks);
            if let Some(value) = &domain.default {
                self.default(column, value, at, line);
            }
            for constraint in &domain.constraints {
                match constraint {
                    TableConstraint::Check(check) => checks.push(put(&check.expr, &column.name)),
                    other => self.made.note(Some(line), at, format!("{other} of its domain is left out")),
                }
            }
            return;
        }
        let whole = |bits| ColumnKind::Integer { bits: Some(bits), signed: true };
        let format = |column: &mut ColumnDescription, format: &str| {
            column.format = Some(format.to_owned());
            ColumnKind::Text
        };
        column.kind = match lower.as_str() {
            "serial" | "serial4" | "bigserial" | "serial8" | "smallserial" | "serial2" => {
                column.generated = Some(Generated::Sequence);
                column.nullable = false;
                whole(if lower.contains("big") || lower.ends_with('8') {
                    64
                } else if lower.contains("small") || lower.ends_with('2') {
                    16
                } else {
                    32
                })
            }
            "timestamptz" => ColumnKind::Timestamp { offset: None },
            "money" => ColumnKind::Decimal { digits: 19, scale: 2 },
            "citext" | "name" | "nvarchar2" | "varchar2" => ColumnKind::Text,
            "inet" => format(column, "ipv4"),
            "year" => {
                (column.least, column.greatest) = (Some("1901".to_owned()), Some("2155".to_owned()));
                whole(16)
            }
            _ => {
                self.made.note(Some(line), at, format!("is of the type {name}, which is not known"));
                ColumnKind::Other(name.to_owned())
            }
        };
    }
}

/// The check of a domain with the column's name where it says VALUE.
fn put(check: &Expr, column: &str) -> Expr {
    let is_value = |e: &Expr| name(e).is_some_and(|n| n.eq_ignore_ascii_case("value"));
    let again = |e: &Expr| Box::new(put(e, column));
    match check {
        e if is_value(e) => Expr::Identifier(sqlparser::ast::Ident::new(column)),
        Expr::Nested(e) => Expr::Nested(again(e)),
        Expr::BinaryOp { left, op, right } => Expr::BinaryOp { left: again(left), op: op.clone(), right: again(right) },
        Expr::UnaryOp { op, expr } => Expr::UnaryOp { op: *op, expr: again(expr) },
        Expr::Between { expr, negated, low, high } => {
            Expr::Between { expr: again(expr), negated: *negated, low: again(low), high: again(high) }
        }
        Expr::In { expr, target, negated, global } => {
            Expr::In { expr: again(expr), target: target.clone(), negated: *negated, global: *global }
        }
        Expr::AnyOp { left, compare_op, right, is_some } => {
            Expr::AnyOp { left: again(left), compare_op: compare_op.clone(), right: right.clone(), is_some: *is_some }
        }
        // Of others the name stays, and the note says what is left out.
        other => other.clone(),
    }
}
