//! What the columns are and why, for people.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{ColumnKind, Field, Odd, Reason, Schema};
use crate::number::grouped;
use crate::table::fake::Provider;

/// So many levels of one row each are worth a warning.
const MANY_SINGLES: usize = 10;

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
    /// The mark between digits may as well be a decimal comma.
    pub(super) ambiguous: bool,
    /// Rows with a word among numbers.
    pub(super) words: usize,
    /// The type of the source has no room for new keys.
    pub(super) narrow: bool,
    /// Levels that one row alone has.
    pub(super) singles: usize,
    /// What its levels are, where that tells of persons.
    pub(super) personal: Option<Provider>,
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
        let mut sentence = self.rule(evidence);
        if self.reason == Reason::Untold {
            return sentence;
        }
        let mut add = |text: &str| {
            sentence.push_str(if sentence.is_empty() { "" } else { "; " });
            sentence.push_str(text);
        };
        if let Some(dress) = self.numeral.described() {
            add(&dress);
        }
        if evidence.is_some_and(|e| e.ambiguous) {
            add("the comma may as well be a decimal comma: say which by a format if so");
        }
        match (self.numeral.words.as_slice(), evidence) {
            ([], _) => {}
            (words, Some(e)) => {
                let quoted = words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ");
                add(&format!("{} with {quoted}, levels of their own", rows(e.words)));
            }
            (words, None) => add(&format!("beside {} words, levels of their own", count(words.len()))),
        }
        if let Some(offsets) = &self.offsets {
            add(&format!("{} offsets from UTC, which keep their mix", count(offsets.count())));
        }
        if let Some(fill) = &self.fill {
            add(&format!("{} are written", fill.provider.made()));
        }
        if evidence.is_some_and(|e| e.narrow) {
            add("the type of the source has no room for new keys: they are written as 64-bit numbers");
        }
        sentence
    }

    /// The rule that decided, as a sentence.
    fn rule(&self, evidence: Option<&Evidence>) -> String {
        let quoted = evidence.map(|e| e.values.iter().map(|v| format!("`{v}`")).collect::<Vec<_>>().join(" and "));
        match self.reason {
            Reason::Untold => String::new(),
            Reason::Configured => "as the configuration says".to_owned(),
            Reason::NoValue => "no value in any row".to_owned(),
            Reason::OneValue => format!("{} in every row", quoted.as_deref().unwrap_or("the same value")),
            Reason::YesOrNo => format!("only {}", quoted.as_deref().unwrap_or("a word for yes and one for no")),
            Reason::CalendarDays => match &self.kind {
                ColumnKind::Datetime { format } if format == "%s" => "seconds since 1970-01-01".to_owned(),
                ColumnKind::Datetime { format } if format == "%Q" => "milliseconds since 1970-01-01".to_owned(),
                ColumnKind::Datetime { format } if format.len() > "%Y%m%d".len() => {
                    format!("digits that are all times as `{format}`")
                }
                _ => "eight digits that are all calendar days".to_owned(),
            },
            Reason::Decimals { infinite } => {
                let digits = match (&self.kind, self.numeral.significant, &self.numeral.wide) {
                    (_, _, Some(wide)) => format!("{} digits after the point, all of which are kept", wide.decimals),
                    (_, Some(digits), _) => format!("{digits} digits that count"),
                    (ColumnKind::Decimal { decimals }, ..) => format!("at most {decimals} digits after the point"),
                    _ => "some digits after the point".to_owned(),
                };
                format!("numbers with {digits}{}", infinities(infinite, evidence))
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
            Reason::NamedLikeKey => format!("named like a key and different in {} row", self.nearly()),
            Reason::OneShape => format!("different in {} row, and all of one shape", self.nearly()),
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
                format!("{} distinct texts in {} rows: free text, not learnt{odd}", count(distinct), count(rows))
            }
            Reason::Texts { distinct, rows, odd } => {
                let odd = oddity(odd, evidence);
                format!("{} distinct texts in {} rows{odd}", count(distinct), count(rows))
            }
        }
    }

    fn nearly(&self) -> &'static str {
        if self.rates.again > 0.0 || self.rates.missing > 0.0 { "nearly every" } else { "every" }
    }

    /// What becomes of a column that is not learnt, and what to do if that is not wanted.
    fn unlearnt(&self) -> Option<String> {
        let name = &self.name;
        let skip = format!("leave it out with columns = {{ \"{name}\" = \"skip\" }}");
        Some(match (&self.kind, &self.fill) {
            (ColumnKind::Identifier { .. }, _) => {
                format!("`{name}` is a key and not learnt: new ones of the same shape are written")
            }
            (ColumnKind::Text, Some(fill)) if fill.provider == Provider::Blank => {
                format!("`{name}` is left empty, as the configuration says")
            }
            (ColumnKind::Text, fill) => {
                let made = fill.as_ref().map_or("nothing", |f| f.provider.made());
                format!("`{name}` is text and not learnt: {made} are written; {skip}, or empty with \"blank\"")
            }
            (ColumnKind::Constant { .. }, _) => format!("`{name}` has one value, which is written in every row"),
            (ColumnKind::AllMissing, _) => format!("`{name}` has no value and stays empty"),
            _ => return None,
        })
    }
}

fn count(n: usize) -> String {
    grouped(n as u64)
}

fn rows(n: usize) -> String {
    format!("{} row{}", count(n), if n == 1 { "" } else { "s" })
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
    /// What people should know before they train: a line for each column that is not learnt, and for each whose levels tell of one
    /// person.
    pub fn notes(&self) -> Vec<String> {
        let told = |(field, evidence): (&Field, &Evidence)| {
            let distinct = match field.reason {
                Reason::Texts { distinct, .. } => distinct,
                _ => 0,
            };
            let name = &field.name;
            if evidence.narrow {
                return Some(format!(
                    "`{name}` is of a type without room for new keys: they are written as 64-bit numbers"
                ));
            }
            let remedy = "protect = { min_rows = 5 } under [data] merges such levels";
            if evidence.words > 0 {
                let words = field.numeral.words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ");
                return Some(format!(
                    "`{name}` is learnt as numbers with {words} among them in {}: list what means missing under `missing`; {remedy}",
                    rows(evidence.words)
                ));
            }
            if let Some(kind) = evidence.personal {
                return Some(format!(
                    "`{name}` is learnt by its values, which look like {}: the artefact holds them; {remedy}",
                    kind.plural()
                ));
            }
            let many = evidence.singles >= MANY_SINGLES && 20 * evidence.singles >= distinct;
            many.then(|| {
                let (singles, distinct) = (count(evidence.singles), count(distinct));
                format!("{singles} of {distinct} values of `{name}` occur once, as of one person: the artefact holds them; {remedy}")
            })
        };
        let mut notes = Detected::unlearnt(&self.schema);
        notes.extend(self.schema.fields.iter().zip(&self.evidence).filter_map(told));
        notes
    }

    /// A line for each column of `schema` that is not learnt: what is written there, and what to do if that is not wanted.
    pub fn unlearnt(schema: &Schema) -> Vec<String> {
        schema.fields.iter().filter_map(Field::unlearnt).collect()
    }

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
        struct Fields {
            fields: Vec<serde_json::Value>,
        }
        let told = |(field, why): (&Field, String)| {
            let mut value = serde_json::to_value(field).map_err(serde::ser::Error::custom)?;
            value["reason"] = why.into();
            Ok(value)
        };
        let fields = self.schema.fields.iter().zip(self.whys()).map(told).collect::<Result<_, S::Error>>()?;
        Fields { fields }.serialize(serializer)
    }
}
