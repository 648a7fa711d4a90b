//! Tables into a PostgreSQL server by `COPY`, in one transaction: all or none.

use std::io::Write;

use postgres::{Client, NoTls};

use super::{Made, Sink, file, sql};
use crate::error::{Error, Result};
use crate::make::Engine;

/// An open connection.
pub struct Database {
    client: Client,
}

impl Database {
    pub fn open(url: &str) -> Result<Database> {
        let mut client = Client::connect(url, NoTls).map_err(|e| wrong(&e))?;
        client.batch_execute("BEGIN").map_err(|e| wrong(&e))?;
        Ok(Database { client })
    }

    pub fn table(&mut self, engine: &Engine, t: usize) -> Result<(Box<dyn Sink + '_>, String)> {
        let create = sql::create(&engine.plan, t, sql::Dialect::Postgres);
        self.client.batch_execute(&create).map_err(|e| wrong(&e))?;
        let name = engine.plan.tables[t].name.clone();
        Ok((Box::new(Table { of: self, name: name.clone() }), format!("{name} in PostgreSQL")))
    }

    pub fn finish(mut self) -> Result<()> {
        self.client.batch_execute("COMMIT").map_err(|e| wrong(&e))
    }
}

fn wrong(e: &dyn std::error::Error) -> Error {
    // The server's own words are the cause.
    let what = e.source().map_or_else(|| e.to_string(), ToString::to_string);
    Error::Database { place: "PostgreSQL".to_owned(), what }
}

struct Table<'d> {
    of: &'d mut Database,
    name: String,
}

impl Sink for Table<'_> {
    fn write(&mut self, rows: Vec<Made>) -> Result<()> {
        let copy = format!("COPY {} FROM STDIN (FORMAT csv)", sql::quoted(&self.name));
        let mut writer = self.of.client.copy_in(&copy).map_err(|e| wrong(&e))?;
        for made in &rows {
            let text = file::text(&made.batch, file::Text::Csv)?;
            writer.write_all(&text).map_err(|e| wrong(&e))?;
        }
        writer.finish().map(drop).map_err(|e| wrong(&e))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
