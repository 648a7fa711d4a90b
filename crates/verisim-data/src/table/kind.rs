//! Tables as a kind of data.

use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::codec::TableCodec;
use super::fake::Locale;
use super::rules::RuleSettings;
use super::{DetectSettings, Protect, ReadSettings, Schema, Table, Writer, io};
use crate::error::Result;
use crate::kind::{Claim, Data, Sink, Target};
use crate::text::is_texts;
use crate::watch::{Event, Watch};

/// Which table is read, and how: `[data]` of a config.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Source<S = NoSeries> {
    /// CSV, Parquet, JSON or Arrow, or a folder of such files; relative to the working directory.
    pub path: PathBuf,
    /// The format of a file whose name does not say it: `csv`, `tsv`, `json`, `jsonl`, `parquet`, `arrow`, `xlsx` ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The sheet of a workbook that is read; the first when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// What separates the cells of a text file; found from its first lines when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// Whether the first line of a text file holds the names of the columns; without them they are `column_1`, `column_2` ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// How a text file is encoded, e.g. `utf-16le`, `windows-1252`, `shift_jis`; found when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// What begins a line of a text file that is a comment; `#` before the header when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<char>,
    /// What stands around cells of a text file: a sign, or `none`; `"` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// What stands in a text file before a quote that is a sign like others, e.g. a backslash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escape: Option<char>,
    /// Texts that mean "no value here"; [`io::MISSING_TOKENS`] when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Vec<String>>,
    /// Columns whose kind detection gets wrong: `age = "integer"`, `when = { kind = "datetime", format = "%d.%m.%Y" }`.
    #[serde(default, skip_serializing_if = "DetectSettings::is_empty")]
    #[schemars(with = "std::collections::BTreeMap<String, serde_json::Value>")]
    pub columns: DetectSettings,
    /// Merges levels that few rows have, so that nothing of them is in the artefact: `protect = { min_rows = 5 }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protect: Option<Protect>,
    /// Rules between columns: they are found in the data and kept; what is found can be dropped here, and more be added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<RuleSettings>,
    /// Of which country made-up names and addresses are: `en` (the default), `de`, `fr`, `it`, `nl`, `pt`, `tr`, `ar`, `ja`, `zh`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Locale>,
    /// Of series: which column plays which part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<S>,
}

/// What a table of independent rows says of series: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct NoSeries {}

/// Reached only if a config has `[data.series]`.
impl<'de> Deserialize<'de> for NoSeries {
    fn deserialize<D: Deserializer<'de>>(_: D) -> std::result::Result<Self, D::Error> {
        Err(serde::de::Error::custom(
            "`series` is for models of series, and this model learns rows one by one; remove it, or take such a model",
        ))
    }
}

impl<S> Source<S> {
    /// What is known of the columns beforehand.
    pub fn wishes(&self) -> DetectSettings {
        DetectSettings { locale: self.locale.unwrap_or_default(), ..self.columns.clone() }
    }

    /// Reads the file, and tells `watch` what was left out, and how far it is where the file is large.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn table(&self, watch: &mut dyn Watch) -> Result<Table> {
        let table = read_telling(&self.path, &self.options(), watch)?;
        table.notes.iter().for_each(|note| watch.on(Event::Note(note.clone())));
        Ok(table)
    }

    /// How to read the file.
    pub fn options(&self) -> ReadSettings {
        let default = ReadSettings::default();
        ReadSettings {
            format: self.format.clone(),
            sheet: self.sheet.clone(),
            delimiter: self.delimiter,
            header: self.header,
            encoding: self.encoding.clone(),
            comment: self.comment,
            quote: self.quote.clone(),
            escape: self.escape,
            missing: self.missing.clone().unwrap_or(default.missing),
            ..default
        }
    }
}

/// What an artefact says of the table that it makes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// What the columns mean.
    pub schema: Schema,
    /// How they are encoded.
    pub codec: TableCodec,
}

impl Data for Table {
    const NAME: &'static str = "table";
    const ONE: &'static str = "a table";
    const PLURAL: &'static str = "tables";
    const UNIT: &'static str = "rows";
    type Source = Source;
    type Spec = Spec;
    type Chunk = Table;

    fn claims(path: &Path) -> Claim {
        let claimed = if path.is_dir() { io::is_dataset(path) } else { io::is_table(path) };
        match claimed {
            // A file of names, a folder of essays: a table of one column at best.
            true if is_texts(path) => Claim::Maybe,
            true => Claim::Yes,
            false => Claim::No,
        }
    }

    fn path(source: &Source) -> &Path {
        &source.path
    }

    fn at(source: Source, path: &Path) -> Source {
        Source { path: path.to_owned(), ..source }
    }

    fn read(source: &Source, watch: &mut dyn Watch) -> Result<Table> {
        source.table(watch)
    }

    fn problem(spec: &Spec) -> Option<String> {
        let dialect =
            spec.schema.dialect.and_then(|dialect| dialect.problem()).map(|problem| format!("schema: {problem}"));
        dialect.or_else(|| spec.codec.problem(&spec.schema).map(|problem| format!("codec: {problem}")))
    }

    fn sink<'t>(spec: &Spec, target: Target<'t>, _: u64, _: &[(String, String)]) -> Result<Box<dyn Sink<Table> + 't>> {
        Ok(match target {
            Target::Path(path) => Box::new(Writer::create(path, &spec.schema)?),
            Target::Stream(stream) => Box::new(Writer::csv_to(stream, &spec.schema)?),
        })
    }
}

/// Files above this take long enough to be told of, in bytes.
const LARGE: u64 = 1 << 24;
/// How often it is told how far they are.
const OFTEN: Duration = Duration::from_millis(20);

/// [`Table::read`], telling `watch` how far it is where the file is large.
fn read_telling(path: &Path, options: &ReadSettings, watch: &mut dyn Watch) -> Result<Table> {
    let bytes = std::fs::metadata(path).ok().filter(|file| file.is_file()).map_or(0, |file| file.len());
    if bytes < LARGE {
        return Table::read(path, options);
    }
    let mega = |bytes: u64| bytes / 1_000_000;
    watch.on(Event::Busy { unit: "MB", total: mega(bytes) });
    let table = std::thread::scope(|scope| {
        let reading = scope.spawn(|| Table::read(path, options));
        while !reading.is_finished() {
            std::thread::sleep(OFTEN);
            // Some formats are read twice, and some in parts that nobody counts.
            watch.on(Event::done(mega(options.progress.bytes().min(bytes))));
        }
        reading.join()
    });
    watch.on(Event::End);
    table.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

impl Sink<Table> for Writer<'_> {
    fn write(&mut self, chunk: &Table) -> Result<()> {
        Writer::write(self, chunk)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Writer::finish(*self)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Heard(Vec<Event>);

    impl Watch for Heard {
        fn on(&mut self, event: Event) {
            self.0.push(event);
        }
    }

    #[test]
    fn a_large_file_says_how_far_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let read = |rows: usize| {
            let path = folder.path().join("t.csv");
            std::fs::write(&path, "a,b\n".to_owned() + &"12345678,abcdefgh\n".repeat(rows)).unwrap();
            let mut heard = Heard::default();
            let table = <Table as Data>::read(&Source { path, ..Source::default() }, &mut heard).unwrap();
            assert_eq!(table.rows, rows);
            heard.0
        };
        assert!(read(100).is_empty());
        let heard = read(1_000_000);
        assert_eq!(heard.first(), Some(&Event::Busy { unit: "MB", total: 18 }));
        assert_eq!(heard.last(), Some(&Event::End));
    }
}
