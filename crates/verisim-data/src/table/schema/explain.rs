//! What the columns are and why, for people.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{ColumnKind, Field, Odd, Reason, Schema};
use crate::number::grouped;

/// A schema and the cells of the table that decided it.
///
/// It prints like a [`Schema`], and serialises like one, but its reasons are sentences that quote these cells. It is for those who
/// have the data in front of them; what is kept or given away is the schema alone.
#[derive(Clone, Debug)]
pub struct Detected {
    /// The schema.
    pub schema: Schema,
    /// One a field.
    pub(super) evidence: Vec<Evidence>,
}

/// What was seen in a column beyond its [`Reason`].
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence {
    /// The values that decided, short enough for a message.
    pub(super) values: Vec<String>,
    /// The first row of the value that is no number, from 1.
    pub(super) row: usize,
    /// Rows with a number, in a column that is not of numbers.
    pub(super) numbers: usize,
    /// Rows with an infinity or not-a-number, in a column of numbers.
    pub(super) infinite: usize,
    /// Rows without a value; 0 where all are.
    pub(super) missing: usize,
}

impl Field {
    /// Why the column was taken for what it is, without a cell of the data; empty where it is not known.
    pub fn why(&self) -> String {
        let missing = match (&self.reason, self.missing.as_str()) {
            (Reason::Untold, _) | (_, "") => String::new(),
            (_, token) => format!("; missing values are written `{token}`"),
        };
        self.sentence(None) + &missing
    }

    /// As [`Field::why`], with what was seen.
    fn why_from(&self, evidence: &Evidence) -> String {
        let missing = match (evidence.missing, self.missing.as_str()) {
            (0, _) => String::new(),
            (n, "") => format!("; {} missing", count(n)),
            (n, token) => format!("; {} missing, written `{token}`", count(n)),
        };
        self.sentence(Some(evidence)) + &missing
    }

    fn sentence(&self, evidence: Option<&Evidence>) -> String {
        let quoted = evidence.map(|e| e.values.iter().map(|v| format!("`{v}`")).collect::<Vec<_>>().join(" and "));
        match self.reason {
            Reason::Untold => String::new(),
            Reason::Configured => "as the configuration says".to_owned(),
            Reason::NoValue => "no value in any row".to_owned(),
            Reason::OneValue => format!("{} in every row", quoted.as_deref().unwrap_or("the same value")),
            Reason::YesOrNo => format!("only {}", quoted.as_deref().unwrap_or("a word for yes and one for no")),
            Reason::CalendarDays => "eight digits that are all calendar days".to_owned(),
            Reason::Decimals { infinite } => {
                let digits = match &self.kind {
                    ColumnKind::Decimal { decimals } => format!("at most {decimals}"),
                    _ => "some".to_owned(),
                };
                format!("numbers with {digits} digits after the point{}", infinities(infinite, evidence))
            }
            Reason::Codes { distinct, rows, infinite } => {
                let infinite = infinities(infinite, evidence);
                format!("{} distinct whole numbers in {} rows: codes{infinite}", count(distinct), count(rows))
            }
            Reason::WholeNumbers { distinct, rows, infinite } => {
                let infinite = infinities(infinite, evidence);
                format!("whole numbers, {} distinct in {} rows{infinite}", count(distinct), count(rows))
            }
            Reason::UnbrokenRun => "every number of an unbroken run, once".to_owned(),
            Reason::NamedLikeKey => "named like a key and different in every row".to_owned(),
            Reason::OneShape => "different in every row, and all of one shape".to_owned(),
            Reason::Dates { ambiguous } => {
                let format = match &self.kind {
                    ColumnKind::Datetime { format } => format,
                    _ => "",
                };
                match ambiguous {
                    true => format!("dates as `{format}`; the month may as well come first: say which if so"),
                    false => format!("dates or times as `{format}`"),
                }
            }
            Reason::FreeText { distinct, rows, odd } => {
                let odd = oddity(odd, evidence);
                format!("{} distinct texts in {} rows: free text, not modelled{odd}", count(distinct), count(rows))
            }
            Reason::Texts { distinct, rows, odd } => {
                let odd = oddity(odd, evidence);
                format!("{} distinct texts in {} rows{odd}", count(distinct), count(rows))
            }
        }
    }
}

fn count(n: usize) -> String {
    grouped(n as u64)
}

fn infinities(some: bool, evidence: Option<&Evidence>) -> String {
    match (some, evidence) {
        (false, _) => String::new(),
        (true, Some(e)) => format!("; {} infinite or not a number, read as missing", count(e.infinite)),
        (true, None) => "; some infinite or not a number, read as missing".to_owned(),
    }
}

/// Why a column of almost only numbers is not one of numbers.
fn oddity(odd: Option<Odd>, evidence: Option<&Evidence>) -> String {
    let Some(odd) = odd else { return String::new() };
    let Some(e) = evidence else {
        return match odd {
            Odd::LeadingZero => "; codes, not numbers: with leading zeros",
            Odd::TooLong => "; codes, not numbers: too long for them",
            Odd::NoNumber => "; nearly all are numbers: list the others under `missing` if they mean that",
        }
        .to_owned();
    };
    let (value, row) = (e.values.first().map_or("", String::as_str), count(e.row));
    match odd {
        Odd::LeadingZero => format!("; codes, not numbers: `{value}` in row {row} has a leading zero"),
        Odd::TooLong => format!("; codes, not numbers: `{value}` in row {row} is too long for one"),
        Odd::NoNumber => format!(
            "; {} are numbers but `{value}` in row {row} is not: list it under `missing` if it means that",
            count(e.numbers)
        ),
    }
}

/// Name, kind and why of each field, one line each.
fn print<'a>(f: &mut fmt::Formatter<'_>, fields: &'a [Field], why: impl Iterator<Item = String> + 'a) -> fmt::Result {
    let width = |texts: &mut dyn Iterator<Item = &str>| texts.map(|t| t.chars().count()).max().unwrap_or(0);
    let name = width(&mut fields.iter().map(|f| f.name.as_str())).max("column".len());
    let kind = width(&mut fields.iter().map(|f| f.kind.name())).max("kind".len());
    writeln!(f, "{:name$}  {:kind$}  why", "column", "kind")?;
    for (field, why) in fields.iter().zip(why) {
        let line = format!("{:name$}  {:kind$}  {why}", field.name, field.kind.name());
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}

impl Detected {
    /// Why each column was taken for what it is, with the cells that decided; one sentence a field.
    pub fn whys(&self) -> impl Iterator<Item = String> {
        self.schema.fields.iter().zip(&self.evidence).map(|(field, evidence)| field.why_from(evidence))
    }
}

/// The fields as a table for people. Its reasons quote no cell.
impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(f, &self.fields, self.fields.iter().map(Field::why))
    }
}

/// The fields as a table for people. Its reasons quote cells.
impl fmt::Display for Detected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(f, &self.schema.fields, self.whys())
    }
}

/// The keys of a [`Schema`], each `reason` a sentence that may quote cells.
impl Serialize for Detected {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'a> {
            fields: Vec<Told<'a>>,
        }
        #[derive(Serialize)]
        struct Told<'a> {
            name: &'a str,
            #[serde(flatten)]
            kind: &'a ColumnKind,
            reason: String,
            missing: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            arrow: &'a Option<String>,
        }
        let fields = self.schema.fields.iter().zip(self.whys()).map(|(field, reason)| Told {
            name: &field.name,
            kind: &field.kind,
            reason,
            missing: &field.missing,
            arrow: &field.arrow,
        });
        Fields { fields: fields.collect() }.serialize(serializer)
    }
}
