//! Made tables are written: to files of their own in a folder, or into a database.

mod file;
#[cfg(feature = "postgres")]
mod postgres;
mod sql;
mod sqlite;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema, SchemaRef};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::make::{Engine, Origin};
use crate::plan::{Column, Maker};

/// How tables are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `NAME.csv`: a line of names, then a line a row; missing values are empty.
    #[default]
    Csv,
    /// `NAME.parquet`.
    Parquet,
    /// `NAME.jsonl`: an object a line; missing values are left out.
    Jsonl,
    /// One `NAME.sql` of all tables: `CREATE TABLE` with keys, and `INSERT`.
    Sql,
}

/// Where tables go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A folder with a file a table.
    Folder(PathBuf, Format),
    /// One file of SQL.
    Sql(PathBuf),
    /// A SQLite database; tables of these names must not be there yet.
    Sqlite(PathBuf),
    /// A PostgreSQL server, `postgresql://user:password@host/database`.
    Postgres(String),
}

impl Target {
    /// Where `said` points to: `postgresql://..` a server, `.db`, `.sqlite`, `.sqlite3` a database, `.sql` a file of SQL, all else a folder.
    pub fn of(said: &str, format: Option<Format>) -> Target {
        let extension = Path::new(said).extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        match extension.as_str() {
            _ if said.starts_with("postgres://") || said.starts_with("postgresql://") => {
                Target::Postgres(said.to_owned())
            }
            "db" | "sqlite" | "sqlite3" => Target::Sqlite(said.into()),
            "sql" => Target::Sql(said.into()),
            _ => Target::Folder(said.into(), format.unwrap_or_default()),
        }
    }
}

/// Rows as CSV, with a line of names.
///
/// # Errors
/// When Arrow cannot write them.
pub fn csv(rows: &RecordBatch) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    arrow_csv::WriterBuilder::new().with_header(true).build(&mut text).write(rows)?;
    Ok(text)
}

/// What was written of a table.
#[derive(Clone, Debug)]
pub struct Written {
    /// The table.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// Seconds that it took.
    pub seconds: f64,
    /// Where it is.
    pub to: String,
    /// Which language models wrote which of its columns.
    pub models: Vec<Origin>,
}

/// Where rows of one table go.
pub(crate) trait Sink {
    /// Writes rows.
    fn write(&mut self, rows: Vec<Made>) -> Result<()>;
    /// Ends.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// Rows that were made, and the text that they are as, where the format is one of text: it is written by the threads that make rows.
pub(crate) struct Made {
    batch: RecordBatch,
    text: Vec<u8>,
}

/// Units of work between two writes, for each thread.
const AHEAD: usize = 4;

impl Engine {
    /// The columns of a table that are written.
    pub fn schema(&self, t: usize) -> SchemaRef {
        let columns = self.plan.tables[t].columns.iter().filter(|c| !c.after.hidden);
        let field = |c: &Column| Field::new(&c.name, c.kind.data(), true).with_metadata(self.written_by(t, c));
        Arc::new(Schema::new(columns.map(field).collect::<Vec<_>>()))
    }

    /// Which model wrote a column: what a Parquet file says of it.
    fn written_by(&self, t: usize, column: &Column) -> HashMap<String, String> {
        let columns = &self.plan.tables[t].columns;
        let name = match &column.maker {
            Maker::Prompt(_) => &column.name,
            Maker::Part { of, .. } => &columns[*of].name,
            _ => return HashMap::new(),
        };
        let all = self.origins();
        let origin = all.iter().find(|o| o.table == self.plan.tables[t].name && o.column == *name);
        let said = origin.map(|o| [("verisim.model", &o.model), ("verisim.server", &o.server)]);
        said.into_iter().flatten().map(|(key, value)| (key.to_owned(), value.clone())).collect()
    }

    /// The written columns of one unit of work.
    ///
    /// # Errors
    /// When values cannot be made.
    pub fn batch(&self, t: usize, unit: u64, schema: &SchemaRef) -> Result<RecordBatch> {
        let block = self.block(t, unit)?;
        let columns = self.plan.tables[t].columns.iter().enumerate().filter(|(_, c)| !c.after.hidden);
        let arrays = columns.map(|(c, _)| block.column(c)).collect::<Result<Vec<_>>>()?;
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(block.len()));
        Ok(RecordBatch::try_new_with_options(schema.clone(), arrays, &options)?)
    }

    /// The first rows of a table.
    ///
    /// # Errors
    /// When values cannot be made.
    pub fn head(&self, t: usize, rows: usize) -> Result<RecordBatch> {
        let schema = self.schema(t);
        let (mut parts, mut found) = (Vec::new(), 0);
        for unit in 0..self.units(t)? {
            let part = self.batch(t, unit, &schema)?;
            found += part.num_rows();
            parts.push(part);
            if found >= rows {
                break;
            }
        }
        let all = arrow_select::concat::concat_batches(&schema, &parts)?;
        Ok(all.slice(0, rows.min(all.num_rows())))
    }

    /// Makes all tables, or part `shard.0` of `shard.1` of each, and writes them. `watch` hears of each table the rows so far and how many
    /// there will be, if that is known, and says whether to go on.
    ///
    /// # Errors
    /// When values cannot be made or written; then nothing stays in a folder, and nothing in a database.
    pub fn write(
        &self,
        target: &Target,
        shard: (u64, u64),
        watch: &mut dyn FnMut(&str, u64, Option<u64>) -> bool,
    ) -> Result<Vec<Written>> {
        let mut place = Place::open(self, target)?;
        let mut all = Vec::new();
        for t in self.in_order() {
            if self.plan.tables[t].hidden {
                continue;
            }
            let started = Instant::now();
            let (rows, to) = self.write_table(t, &mut place, shard, watch)?;
            let table = self.plan.tables[t].name.clone();
            let models = self.origins().into_iter().filter(|o| o.table == table).collect();
            all.push(Written { table, rows, seconds: started.elapsed().as_secs_f64(), to, models });
        }
        place.finish()?;
        Ok(all)
    }

    fn write_table(
        &self,
        t: usize,
        place: &mut Place,
        (part, parts): (u64, u64),
        watch: &mut dyn FnMut(&str, u64, Option<u64>) -> bool,
    ) -> Result<(u64, String)> {
        let schema = self.schema(t);
        let units = self.units(t)?;
        let (from, to) = (units * part / parts, units * (part + 1) / parts);
        let text = place.text();
        let (mut sink, name) = place.table(self, t, &schema)?;
        let step = (rayon::current_num_threads() * AHEAD) as u64;
        let (mut rows, total) = (0, if parts == 1 { self.known_count(t) } else { None });
        let mut at = from;
        while at < to {
            let end = (at + step).min(to);
            let made = (at..end).into_par_iter().map(|unit| {
                let batch = self.batch(t, unit, &schema)?;
                let text = text.map_or(Ok(Vec::new()), |format| file::text(&batch, format))?;
                Ok(Made { batch, text })
            });
            let made = made.collect::<Result<Vec<Made>>>()?;
            rows += made.iter().map(|m| m.batch.num_rows() as u64).sum::<u64>();
            sink.write(made)?;
            if !watch(&self.plan.tables[t].name, rows, total) {
                return Err(Error::Stopped);
            }
            at = end;
        }
        sink.finish()?;
        Ok((rows, name))
    }

    /// Rows of a table, if that is known without making them.
    fn known_count(&self, t: usize) -> Option<u64> {
        let table = &self.plan.tables[t];
        (table.parent.is_none() && table.process.is_none()).then_some(table.rows)
    }

    /// The files that tables are written to in a folder.
    pub fn files(&self, folder: &Path, format: Format) -> Vec<PathBuf> {
        match format {
            Format::Sql => vec![folder.join(format!("{}.sql", self.plan.world.title()))],
            _ => {
                let shown = self.plan.tables.iter().filter(|t| !t.hidden);
                shown.map(|t| folder.join(file::name(&t.name, format))).collect()
            }
        }
    }

    /// The tables, those first that others refer to.
    pub fn in_order(&self) -> Vec<usize> {
        let count = self.plan.tables.len();
        let (mut order, mut done) = (Vec::with_capacity(count), vec![false; count]);
        // Tables that refer to each other in a circle follow in the order of the file.
        for _ in 0..count {
            let ready = |t: &usize| !done[*t] && self.refers(*t).into_iter().all(|r| r == *t || done[r]);
            let next = (0..count).find(ready).or_else(|| (0..count).find(|t| !done[*t]));
            if let Some(t) = next {
                done[t] = true;
                order.push(t);
            }
        }
        order
    }

    /// The tables that a table refers to.
    fn refers(&self, t: usize) -> Vec<usize> {
        let table = &self.plan.tables[t];
        let keys = sql::foreign_keys(&self.plan, t).into_iter().map(|key| key.table);
        table.parent.into_iter().chain(keys).collect()
    }
}

/// What is open while tables are written.
enum Place {
    Folder(file::Folder, Format),
    Sql(file::SqlFile),
    Sqlite(sqlite::Database),
    #[cfg(feature = "postgres")]
    Postgres(postgres::Database),
}

impl Place {
    fn open(engine: &Engine, target: &Target) -> Result<Place> {
        Ok(match target {
            Target::Folder(path, Format::Sql) => {
                let name = format!("{}.sql", engine.plan.world.title());
                Place::Sql(file::SqlFile::create(&path.join(name))?)
            }
            Target::Folder(path, format) => Place::Folder(file::Folder::create(path)?, *format),
            Target::Sql(path) => Place::Sql(file::SqlFile::create(path)?),
            Target::Sqlite(path) => Place::Sqlite(sqlite::Database::open(path)?),
            #[cfg(feature = "postgres")]
            Target::Postgres(url) => Place::Postgres(postgres::Database::open(url)?),
            #[cfg(not(feature = "postgres"))]
            Target::Postgres(_) => {
                return Err(Error::Database {
                    place: "PostgreSQL".to_owned(),
                    what: "this build does not speak to it; build with --features postgres, or write a file of SQL (out.sql) and give it to psql".to_owned(),
                });
            }
        })
    }

    /// The format of text that rows are made into by the threads that make them.
    fn text(&self) -> Option<file::Text> {
        match self {
            Place::Folder(_, Format::Csv) => Some(file::Text::Csv),
            Place::Folder(_, Format::Jsonl) => Some(file::Text::Jsonl),
            _ => None,
        }
    }

    fn table<'p>(&'p mut self, engine: &Engine, t: usize, schema: &SchemaRef) -> Result<(Box<dyn Sink + 'p>, String)> {
        match self {
            Place::Folder(folder, format) => folder.table(&engine.plan.tables[t].name, *format, schema),
            Place::Sql(file) => file.table(engine, t),
            Place::Sqlite(database) => database.table(engine, t),
            #[cfg(feature = "postgres")]
            Place::Postgres(database) => database.table(engine, t),
        }
    }

    fn finish(self) -> Result<()> {
        match self {
            Place::Folder(folder, _) => folder.finish(),
            Place::Sql(file) => file.finish(),
            Place::Sqlite(database) => database.finish(),
            #[cfg(feature = "postgres")]
            Place::Postgres(database) => database.finish(),
        }
    }
}

/// What the operating system refused at a path.
fn io(path: &Path) -> impl Fn(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path: path.clone(), source }
}
