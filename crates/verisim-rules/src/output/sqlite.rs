//! Tables into a SQLite database, in one transaction: all or none.

use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use rusqlite::Connection;
use rusqlite::types::Value;

use super::{Made, Sink, io, sql};
use crate::error::{Error, Result};
use crate::make::Engine;

/// An open database.
pub struct Database {
    connection: Connection,
    path: PathBuf,
}

impl Database {
    pub fn open(path: &Path) -> Result<Database> {
        if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(io(folder))?;
        }
        let wrong = wrong(path);
        let connection = Connection::open(path).map_err(&wrong)?;
        connection.execute_batch("PRAGMA foreign_keys = OFF; BEGIN").map_err(&wrong)?;
        Ok(Database { connection, path: path.to_owned() })
    }

    pub fn table(&mut self, engine: &Engine, t: usize) -> Result<(Box<dyn Sink + '_>, String)> {
        let create = sql::create(&engine.plan, t, sql::Dialect::Sqlite);
        self.connection.execute_batch(&create).map_err(wrong(&self.path))?;
        let name = &engine.plan.tables[t].name;
        let to = format!("{} in {}", name, self.path.display());
        Ok((Box::new(Table { of: self, name: name.clone() }), to))
    }

    /// Ends the transaction, once all references are found to hold.
    pub fn finish(self) -> Result<()> {
        let wrong = wrong(&self.path);
        let mut check = self.connection.prepare("PRAGMA foreign_key_check").map_err(&wrong)?;
        let broken: Option<String> = match check.query([]).map_err(&wrong)?.next().map_err(&wrong)? {
            Some(row) => Some(row.get(0).map_err(&wrong)?),
            None => None,
        };
        drop(check);
        if let Some(table) = broken {
            let what = format!("rows of `{table}` refer to rows that are not there");
            return Err(Error::Database { place: self.path.display().to_string(), what });
        }
        self.connection.execute_batch("COMMIT").map_err(&wrong)
    }
}

fn wrong(path: &Path) -> impl Fn(rusqlite::Error) -> Error {
    let place = path.display().to_string();
    move |e| Error::Database { place: place.clone(), what: e.to_string() }
}

struct Table<'d> {
    of: &'d mut Database,
    name: String,
}

impl Sink for Table<'_> {
    fn write(&mut self, rows: Vec<Made>) -> Result<()> {
        let wrong = wrong(&self.of.path);
        for made in &rows {
            let marks = vec!["?"; made.batch.num_columns()].join(", ");
            let insert = format!("INSERT INTO {} VALUES ({marks})", sql::quoted(&self.name));
            let mut insert = self.of.connection.prepare(&insert).map_err(&wrong)?;
            for row in 0..made.batch.num_rows() {
                insert.execute(rusqlite::params_from_iter(values(&made.batch, row))).map_err(&wrong)?;
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

fn values(batch: &RecordBatch, row: usize) -> impl Iterator<Item = Value> {
    batch.columns().iter().map(move |column| match column.data_type() {
        _ if column.is_null(row) => Value::Null,
        DataType::Boolean => Value::Integer(i64::from(column.as_boolean().value(row))),
        DataType::Int64 => Value::Integer(column.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Value::Real(column.as_primitive::<Float64Type>().value(row)),
        _ => sql::cell(column.as_ref(), row).map_or(Value::Null, Value::Text),
    })
}
