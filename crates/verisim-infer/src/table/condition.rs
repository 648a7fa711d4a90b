//! Conditions on sampled rows: `occupation=Sales`, `age>=30`, `workclass!=Private`, `city=` (missing).
//!
//! A condition does two things: it says which tokens a model may draw ([`Allowed`], coarse) and it checks the decoded
//! value (exact). The second matters where a token covers values on both sides of a bound.

use verisim_data::table::codec::{ColumnCodec, TableCodec};
use verisim_data::table::date::DateFormat;
use verisim_data::table::{Column, ColumnKind, Frame, MISSING, Schema};
use verisim_models::table::Allowed;

use crate::error::{Error, Result};

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Operator {
    fn holds(self, x: f64, bound: f64) -> bool {
        match self {
            Operator::Equal => x == bound,
            Operator::NotEqual => x != bound,
            Operator::Less => x < bound,
            Operator::AtMost => x <= bound,
            Operator::Greater => x > bound,
            Operator::AtLeast => x >= bound,
        }
    }

    /// True when some value between `lo` and `hi` could satisfy the comparison.
    fn may_hold(self, lo: f64, hi: f64, bound: f64) -> bool {
        match self {
            Operator::Equal => lo <= bound && bound <= hi,
            Operator::NotEqual => lo != bound || hi != bound,
            Operator::Less => lo < bound,
            Operator::AtMost => lo <= bound,
            Operator::Greater => hi > bound,
            Operator::AtLeast => hi >= bound,
        }
    }
}

/// What a column is compared with.
#[derive(Clone, Debug, PartialEq)]
enum Bound {
    Missing,
    Number(f64),
    Level(String),
}

/// One condition, checked against a schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    text: String,
    /// Index among the modelled columns.
    column: usize,
    operator: Operator,
    bound: Bound,
}

impl Condition {
    /// Reads `column OP value`, with OP one of `= == != < <= > >=`.
    pub fn parse(text: &str, schema: &Schema) -> Result<Condition> {
        let fail = |problem: String| Error::Condition { condition: text.into(), problem };
        let (name, operator, value) = split(text)
            .ok_or_else(|| fail("write it as column=value, with =, !=, <, <=, > or >= in between".into()))?;
        let field = schema.field(name).map_err(|e| fail(e.to_string()))?;
        if !field.is_modelled() {
            return Err(fail(format!(
                "column `{name}` is {} and is not learnt, so rows cannot be chosen by it",
                field.kind.name()
            )));
        }
        let column = schema.modelled().position(|f| f.name == name).unwrap_or_default();
        let bound = if value.is_empty() || (!field.missing.is_empty() && value == field.missing) {
            Bound::Missing
        } else if field.is_number() {
            let number = match &field.kind {
                ColumnKind::Datetime { format } => DateFormat::new(format).parse(value),
                _ => value.parse::<f64>().ok().filter(|x| x.is_finite()),
            };
            let wanted = match &field.kind {
                ColumnKind::Datetime { format } => format!("a date of the form {format}"),
                _ => "a number".into(),
            };
            Bound::Number(number.ok_or_else(|| fail(format!("`{value}` is not {wanted}")))?)
        } else {
            Bound::Level(value.into())
        };
        if !matches!((&bound, operator), (Bound::Number(_), _) | (_, Operator::Equal | Operator::NotEqual)) {
            return Err(fail(format!("column `{name}` is {}: only = and != make sense", field.kind.name())));
        }
        Ok(Condition { text: text.into(), column, operator, bound })
    }

    /// The condition as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The condition `column = level`, for balanced samples.
    pub(crate) fn level(column: usize, name: &str, level: &str) -> Condition {
        Condition {
            text: format!("{name}={level}"),
            column,
            operator: Operator::Equal,
            bound: Bound::Level(level.into()),
        }
    }

    /// Restricts `allowed` to the tokens that may satisfy the condition; an error when there are none.
    pub fn restrict(&self, codec: &TableCodec, allowed: &mut Allowed) -> Result<()> {
        let column = &codec.columns[self.column];
        // The level is looked up once, not once a token. A level that does not exist is a typo, whatever the operator.
        let level = match (&self.bound, column) {
            (Bound::Level(level), ColumnCodec::Category(codec)) => match codec.find(level) {
                Some(found) => Some(found),
                None => return Err(self.error(self.impossible(column))),
            },
            _ => None,
        };
        let tokens: Vec<bool> = (0..column.span().tokens).map(|t| self.may_hold(column, level, t)).collect();
        if !tokens.contains(&true) {
            return Err(self.error(self.impossible(column)));
        }
        allowed.restrict(self.column, tokens);
        Ok(())
    }

    fn error(&self, problem: String) -> Error {
        Error::Condition { condition: self.text.clone(), problem }
    }

    /// `level` is the token of the bound, and whether that token stands for it alone.
    fn may_hold(&self, column: &ColumnCodec, level: Option<(u32, bool)>, token: u32) -> bool {
        let missing = column.missing_token() == Some(token);
        match (&self.bound, level) {
            (Bound::Missing, _) => missing == (self.operator == Operator::Equal),
            _ if missing => false,
            (Bound::Number(bound), _) => {
                column.range(token).is_some_and(|(lo, hi)| self.operator.may_hold(lo, hi, *bound))
            }
            (Bound::Level(_), Some((t, _))) if self.operator == Operator::Equal => t == token,
            (Bound::Level(_), Some((t, alone))) => t != token || !alone,
            (Bound::Level(_), None) => false,
        }
    }

    /// Whether the condition leaves out every row whose `column` is `level`.
    pub(crate) fn excludes(&self, column: usize, level: &str) -> bool {
        self.column == column
            && match &self.bound {
                Bound::Level(own) => (own == level) != (self.operator == Operator::Equal),
                Bound::Missing => self.operator == Operator::Equal,
                Bound::Number(_) => false,
            }
    }

    /// Brings the dates that the condition is about to what their format can write, so that what is checked is what is written.
    pub(crate) fn canonical(&self, schema: &Schema, frame: &mut Frame) {
        let field = schema.modelled().nth(self.column);
        let (Some(ColumnKind::Datetime { format }), Column::Number(values)) =
            (field.map(|f| &f.kind), &mut frame.columns[self.column])
        else {
            return;
        };
        let format = DateFormat::new(format);
        for x in values.iter_mut().filter(|x| !x.is_nan()) {
            *x = format.parse(&format.text(*x)).unwrap_or(*x);
        }
    }

    fn impossible(&self, column: &ColumnCodec) -> String {
        match (&self.bound, column) {
            (Bound::Missing, _) if self.operator == Operator::Equal => {
                "no value of this column was missing in the training data".into()
            }
            (Bound::Level(level), ColumnCodec::Category(codec)) => {
                let hint = match verisim_data::error::nearest(level, codec.levels.iter().map(String::as_str)) {
                    Some(near) => format!("; did you mean `{near}`?"),
                    None => String::new(),
                };
                format!("impossible, the training data have no such value{hint}")
            }
            _ => {
                let ends: Vec<(f64, f64)> = (0..column.span().tokens).filter_map(|t| column.range(t)).collect();
                let lo = ends.iter().map(|e| e.0).fold(f64::INFINITY, f64::min);
                let hi = ends.iter().map(|e| e.1).fold(f64::NEG_INFINITY, f64::max);
                format!("impossible, the training data range from {lo} to {hi}")
            }
        }
    }

    /// Whether row `i` of a decoded frame satisfies the condition.
    pub fn holds(&self, frame: &Frame, i: usize) -> bool {
        match (&frame.columns[self.column], &self.bound) {
            (Column::Number(v), Bound::Missing) => v[i].is_nan() == (self.operator == Operator::Equal),
            (Column::Number(v), Bound::Number(bound)) => !v[i].is_nan() && self.operator.holds(v[i], *bound),
            (Column::Category { codes, .. }, Bound::Missing) => {
                (codes[i] == MISSING) == (self.operator == Operator::Equal)
            }
            (Column::Category { codes, levels }, Bound::Level(level)) => {
                levels.get(codes[i] as usize).is_some_and(|l| (l == level) == (self.operator == Operator::Equal))
            }
            _ => false,
        }
    }
}

/// Column, operator and value of a condition; two-character operators first.
fn split(text: &str) -> Option<(&str, Operator, &str)> {
    let at = text.find(['=', '!', '<', '>'])?;
    let (name, rest) = text.split_at(at);
    let operators = [
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<=", Operator::AtMost),
        (">=", Operator::AtLeast),
        ("=", Operator::Equal),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ];
    let (sign, operator) = operators.into_iter().find(|(sign, _)| rest.starts_with(sign))?;
    (!name.trim().is_empty()).then(|| (name.trim(), operator, rest[sign.len()..].trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_the_first_operator() {
        assert_eq!(split("income=>50K"), Some(("income", Operator::Equal, ">50K")));
        assert_eq!(split("age >= 30"), Some(("age", Operator::AtLeast, "30")));
        assert_eq!(split("city="), Some(("city", Operator::Equal, "")));
        assert_eq!(split("=5"), None);
        assert_eq!(split("age"), None);
    }

    #[test]
    fn may_hold_is_never_stricter_than_holds() {
        for op in [
            Operator::Equal,
            Operator::NotEqual,
            Operator::Less,
            Operator::AtMost,
            Operator::Greater,
            Operator::AtLeast,
        ] {
            for x in [1.0, 2.0, 3.0] {
                assert!(!op.holds(x, 2.0) || op.may_hold(1.0, 3.0, 2.0));
                assert_eq!(op.holds(x, 2.0), op.may_hold(x, x, 2.0));
            }
        }
    }
}
