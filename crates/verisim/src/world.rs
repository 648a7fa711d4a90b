//! `generate` and `check`: data from declared worlds.

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use arrow_array::RecordBatch;
use arrow_array::{Array, ArrayRef};
use arrow_cast::cast;
use arrow_schema::DataType;
use verisim_data::error::nearest;
use verisim_data::server::Server;
use verisim_data::table::{ColumnKind, Field, ReadSettings, Table};
use verisim_data::{Event, Watch};
use verisim_infer::Artefact;
use verisim_infer::table::block;
use verisim_rules::expression::columns::{Kind, Values};
use verisim_rules::make::Engine;
use verisim_rules::make::learned::{Learnt, Opener};
pub use verisim_rules::make::{Cost, Origin};
pub use verisim_rules::output::{Format, Target, Written};
use verisim_rules::plan::{Plan, Wish};
use verisim_rules::scene::{self, Scene};
use verisim_rules::world::World;

use crate::configs::Shipped;
use crate::device::{Choice, choose};
use crate::error::{Error, Result};
use crate::written;

/// What is asked of a world.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The world's file, or the name of one that comes along.
    pub world: PathBuf,
    /// The seed, in place of the file's.
    pub seed: Option<u64>,
    /// Rows of its first table; others grow with it.
    pub rows: Option<u64>,
    /// What trained artefacts are drawn on, if the world has any.
    pub device: Choice,
}

/// What is asked of a generation.
#[derive(Clone, Debug, PartialEq)]
pub struct Making {
    /// Where the tables go.
    pub target: Target,
    /// The part that is made, and of how many; (0, 1) is all.
    pub shard: (u64, u64),
    /// Files that are there and are not as an earlier run left them are replaced.
    pub force: bool,
}

macro_rules! worlds {
    ($($name:literal)*) => {
        &[$(Shipped { name: $name, text: include_str!(concat!("../../../configs/worlds/", $name, ".toml")) }),*]
    };
}

/// The worlds that came along.
pub const WORLDS: &[Shipped] = worlds! {
    "shop" "bank" "hospital" "call-centre" "weblogs" "sensors" "factory" "machines" "sir" "pendulum" "shapes" "road" "shelf"
};

/// The words of a world: a file, or one that came along by its name.
///
/// # Errors
/// When there is none, or it cannot be understood.
pub fn read(world: &Path) -> Result<World> {
    if world.is_file() {
        return Ok(World::read(world)?);
    }
    let name = world.to_string_lossy();
    match WORLDS.iter().find(|w| w.name == name) {
        Some(shipped) => Ok(World::parse(shipped.text, Path::new(&format!("{name}.toml")))?),
        None => {
            let names = WORLDS.iter().map(|w| w.name);
            let hint = nearest(&name, names.clone()).map(|near| format!("; did you mean `{near}`?"));
            let all: Vec<&str> = names.collect();
            let hint = hint.unwrap_or_else(|| ".".into());
            let problem = format!(
                "{name}: no such file, and no world of this name comes along{hint} Those that do: {}",
                all.join(", ")
            );
            Err(Error::Ask { problem })
        }
    }
}

/// A world whose names are bound, ready to be made.
fn engine(ask: &Ask) -> Result<Engine> {
    let world = read(&ask.world)?;
    let wish = Wish { seed: ask.seed, rows: ask.rows };
    Ok(Engine::new(Plan::new(world, &wish, &Models(ask.device))?))
}

/// Makes the tables of a world and writes them.
///
/// # Errors
/// When the world cannot be understood or made, or the result cannot be written.
pub fn generate(ask: &Ask, making: &Making, watch: &mut dyn Watch) -> Result<Vec<Written>> {
    let (part, parts) = making.shard;
    if part >= parts {
        return Err(Error::Ask { problem: format!("part {} of {parts} is none; parts are counted from 1", part + 1) });
    }
    let world = read(&ask.world)?;
    if let Some(scene) = &world.scene {
        return scenes(scene, &world, ask, making, watch);
    }
    let engine = engine(ask)?;
    let mut files = files(&engine, &making.target);
    let made = engine.asks().then(|| beside(&engine, &making.target, "made.json"));
    files.extend(made.clone());
    if !making.force {
        files.iter().try_for_each(|file| written::check_own(file))?;
    }
    if let Some(server) = server(&engine, &making.target)? {
        engine.ask(&server, making.shard, watch)?;
    }
    let mut last = String::new();
    let all = engine.write(&making.target, making.shard, &mut |table, rows, total| {
        if table != last {
            if !last.is_empty() {
                watch.on(Event::End);
            }
            table.clone_into(&mut last);
            watch.on(Event::Note(table.to_owned()));
            watch.on(Event::Begin { unit: "rows", total: total.unwrap_or(0), done: 0 });
        }
        watch.on(Event::done(rows));
        !watch.stopped()
    });
    watch.on(Event::End);
    let all = all?;
    if let Some(made) = made {
        let text = serde_json::to_string_pretty(&describe(&engine, ask, &all))
            .map_err(|e| Error::Ask { problem: e.to_string() })?;
        verisim_data::file::write_atomically(&made, text.as_bytes())?;
    }
    files.iter().for_each(|file| written::note(file));
    Ok(all)
}

/// The server that writes columns of a world, if any are written so.
fn server(engine: &Engine, target: &Target) -> Result<Option<Server>> {
    let Some(model) = engine.plan.world.model.as_ref().filter(|_| engine.asks()) else { return Ok(None) };
    // The temperature of each request is said by its column.
    let mut config = model.server.with_temperature(None);
    config.cache = config.cache.map(|path| engine.plan.path(&path));
    Ok(Some(Server::open(&config, &beside(engine, target, "replies.jsonl"))?))
}

/// A file that tells of an output: in its folder what describes it, and beside it what was kept on the way.
fn beside(engine: &Engine, target: &Target, what: &str) -> PathBuf {
    match target {
        Target::Folder(folder, _) if what == "made.json" => folder.join(what),
        Target::Folder(path, _) | Target::Sql(path) | Target::Sqlite(path) => match path.file_name() {
            Some(name) => path.with_file_name(format!("{}.{what}", name.to_string_lossy())),
            None => path.join(what),
        },
        Target::Postgres(_) => PathBuf::from(format!("{}.{what}", engine.plan.world.title())),
    }
}

/// What an output is that language models wrote columns of.
fn describe(engine: &Engine, ask: &Ask, all: &[Written]) -> serde_json::Value {
    let tables: Vec<_> = all.iter().map(|t| serde_json::json!({ "table": t.table, "rows": t.rows })).collect();
    serde_json::json!({
        "synthetic": true,
        "by": concat!("verisim ", env!("CARGO_PKG_VERSION")),
        "world": ask.world.display().to_string(),
        "seed": engine.plan.seed,
        "tables": tables,
        "models": engine.origins(),
    })
}

/// What it would cost to ask the language models of a world for what is not kept yet. Nothing is sent, and nothing written.
///
/// # Errors
/// When the world cannot be understood, no column of it is written by a model, or kept replies cannot be read.
pub fn costs(ask: &Ask, making: &Making) -> Result<Vec<Cost>> {
    let engine = engine(ask)?;
    match server(&engine, &making.target)? {
        Some(server) => Ok(engine.costs(&server, making.shard)?),
        None => Err(Error::Ask {
            problem: format!(
                "{}: no language model writes a column of it, so that it costs nothing",
                ask.world.display()
            ),
        }),
    }
}

/// Scenes unless their number is asked for.
const SCENES: u64 = 10;

/// Renders the scenes of a world into a folder.
fn scenes(scene: &Scene, world: &World, ask: &Ask, making: &Making, watch: &mut dyn Watch) -> Result<Vec<Written>> {
    let Target::Folder(folder, _) = &making.target else {
        return Err(Error::Ask { problem: "scenes are written to a folder; name one that is new or empty".into() });
    };
    if !world.tables.0.is_empty() {
        let problem = "a world has tables or a scene; put the other into a file of its own".into();
        return Err(Error::Ask { problem });
    }
    let (part, parts) = making.shard;
    let count = ask.rows.unwrap_or(SCENES);
    let range = count * part / parts..count * (part + 1) / parts;
    let summary = scene::write(scene, ask.seed.unwrap_or(world.seed), range, folder, watch)?;
    let to = folder.display().to_string();
    Ok(vec![Written { table: "frames".into(), rows: summary.frames, seconds: summary.seconds, to, models: Vec::new() }])
}

/// A picture of a few frames of a world's scene and their labels, as PNG.
///
/// # Errors
/// When the world has no scene, or the picture cannot be written.
pub fn sheet(ask: &Ask, out: &Path) -> Result<()> {
    let world = read(&ask.world)?;
    let Some(scene) = &world.scene else {
        return Err(Error::Ask {
            problem: format!("{}: has no scene to look at; show rows instead", ask.world.display()),
        });
    };
    let picture = scene::sheet(scene, ask.seed.unwrap_or(world.seed))?;
    Ok(verisim_data::file::write_atomically(out, &picture.png()?)?)
}

/// The files that tables are written to.
fn files(engine: &Engine, target: &Target) -> Vec<PathBuf> {
    match target {
        Target::Folder(folder, format) => engine.files(folder, *format),
        Target::Sql(file) => vec![file.clone()],
        Target::Sqlite(_) | Target::Postgres(_) => Vec::new(),
    }
}

/// What a world is, before it is made.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Its tables, in the order in which they are made.
    pub tables: Vec<Sheet>,
}

/// What a table of a world is.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// Its name.
    pub name: String,
    /// How many rows it has, in words.
    pub rows: String,
    /// Whether it is not written.
    pub hidden: bool,
    /// Its columns: name, kind, what it depends on.
    pub columns: Vec<(String, &'static str, Vec<String>)>,
    /// Its first rows, if they were asked for.
    pub head: Option<RecordBatch>,
}

/// Reads a world and says what it is; `rows` are made of each table.
///
/// # Errors
/// When it cannot be understood, or rows that are asked for cannot be made.
pub fn check(ask: &Ask, rows: usize) -> Result<Checked> {
    let engine = engine(ask)?;
    let sheet = |t: usize| {
        let table = &engine.plan.tables[t];
        let columns = (0..table.columns.len()).map(|c| {
            let column = &table.columns[c];
            (column.name.clone(), column.kind.name(), engine.plan.depends(t, c))
        });
        Ok(Sheet {
            name: table.name.clone(),
            rows: engine.plan.rows_said(t),
            hidden: table.hidden,
            columns: columns.collect(),
            head: if rows > 0 { Some(engine.head(t, rows)?) } else { None },
        })
    };
    let tables = engine.in_order().into_iter().map(sheet).collect::<Result<_>>()?;
    Ok(Checked { name: engine.plan.world.title(), description: engine.plan.world.description.clone(), tables })
}

/// The first rows of a world's table, of the first that is written unless it is named.
///
/// # Errors
/// When there is none, or rows cannot be made.
pub(crate) fn head(ask: &Ask, table: Option<&str>, rows: usize) -> Result<RecordBatch> {
    let engine = engine(ask)?;
    let tables = &engine.plan.tables;
    let found = match table {
        Some(name) => engine.plan.table(name),
        None => tables.iter().position(|t| !t.hidden),
    };
    let names = || tables.iter().map(|t| t.name.as_str()).collect::<Vec<_>>().join(", ");
    let found = found.ok_or_else(|| Error::Ask {
        problem: format!("there is no table `{}`; there are {}", table.unwrap_or_default(), names()),
    })?;
    Ok(engine.head(found, rows)?)
}

/// The file of a world that comes of what there is: of a table declared distributions that are fitted to it, of a schema (SQL, JSON Schema,
/// OpenAPI, Avro) its tables with their keys.
///
/// # Errors
/// When it cannot be read or understood.
pub fn described(path: &Path) -> Result<String> {
    let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    let is_schema = match ending.as_str() {
        "sql" | "ddl" | "avsc" | "yaml" | "yml" => true,
        // An object is a schema, a list of objects a table.
        "json" => std::fs::read_to_string(path).is_ok_and(|text| text.trim_start().starts_with('{')),
        _ => false,
    };
    if is_schema {
        let text = std::fs::read_to_string(path)
            .map_err(|source| verisim_data::Error::Io { path: path.to_owned(), source })?;
        let description = verisim_rules::import::read(path, &text)?;
        let name = path.file_name().map_or("schema".into(), |name| name.to_string_lossy().into_owned());
        return Ok(verisim_rules::describe::world(&description, &name));
    }
    let table = Table::read(path, &ReadSettings::default())?;
    let name = path.file_name().map_or("table".into(), |name| name.to_string_lossy().into_owned());
    let name = name.split('.').next().unwrap_or("table").to_owned();
    Ok(verisim_rules::describe::fit(&table, &name)?)
}

/// The cells of rows as texts, column by column, under the names of the columns; missing ones are empty.
pub fn texts(rows: &RecordBatch) -> Vec<Vec<String>> {
    let column = |(field, array): (&Arc<arrow_schema::Field>, &ArrayRef)| {
        let texts = Values::of(array.as_ref()).texts();
        let cell = |i: usize| if texts.is_valid(i) { texts.value(i).to_owned() } else { String::new() };
        std::iter::once(field.name().clone()).chain((0..texts.len()).map(cell)).collect()
    };
    rows.schema().fields().iter().zip(rows.columns()).map(column).collect()
}

/// Opens trained artefacts for worlds.
struct Models(Choice);

impl Opener for Models {
    fn open(&self, path: &Path) -> verisim_rules::Result<Arc<dyn Learnt>> {
        let wrong = |what: String| verisim_rules::Error::File { path: path.to_owned(), what };
        let device = choose(self.0).map_err(|e| wrong(e.to_string()))?;
        let artefact = Artefact::<Table>::open(path, &device.machine.device).map_err(|e| wrong(e.to_string()))?;
        Ok(Arc::new(Model { artefact, path: path.to_owned() }))
    }
}

/// A trained artefact that fills columns of a world.
struct Model {
    artefact: Artefact<Table>,
    path: PathBuf,
}

impl Learnt for Model {
    fn columns(&self) -> Vec<(String, Kind)> {
        let of = |field: &Field| match field.kind {
            ColumnKind::Integer => Kind::Whole,
            ColumnKind::Decimal { .. } => Kind::Number,
            _ => Kind::Text,
        };
        self.artefact.spec.schema.fields.iter().map(|f| (f.name.clone(), of(f))).collect()
    }

    fn rows(&self, seed: u64, rows: usize, given: &[(String, ArrayRef)]) -> verisim_rules::Result<Vec<ArrayRef>> {
        let wrong = |what: String| verisim_rules::Error::File { path: self.path.clone(), what };
        let given = match given {
            [] => None,
            given => {
                let plain = |array: &ArrayRef| match array.data_type() {
                    DataType::Int64 | DataType::Float64 | DataType::Utf8 => Ok(array.clone()),
                    _ => cast(array, &DataType::Utf8),
                };
                let columns = given.iter().map(|(_, a)| plain(a)).collect::<Result<Vec<_>, _>>()?;
                Some(Table::new(given.iter().map(|(name, _)| name.clone()).collect(), columns)?)
            }
        };
        let made = block(&self.artefact, seed, rows, given).map_err(|e| wrong(e.to_string()))?;
        let names = self.artefact.spec.schema.fields.iter().map(|f| made.column(&f.name).cloned());
        let columns: Vec<ArrayRef> = names.collect::<Result<_, _>>()?;
        // Numbers that a text file was read from come as texts.
        let kinds = self.columns();
        columns.iter().zip(kinds).map(|(c, (_, kind))| typed(c, kind)).collect()
    }
}

fn typed(array: &ArrayRef, kind: Kind) -> verisim_rules::Result<ArrayRef> {
    if *array.data_type() == kind.data() || array.is_empty() {
        return Ok(array.clone());
    }
    Ok(cast(array, &kind.data())?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_world_in_the_folder_comes_along_and_says_what_it_is() {
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs/worlds")).unwrap();
        let files = files.map(|f| f.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "toml"));
        let mut names: Vec<String> = files.map(|f| f.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        names.sort();
        let mut own: Vec<&str> = WORLDS.iter().map(|world| world.name).collect();
        own.sort_unstable();
        assert_eq!(names, own);
        for world in WORLDS {
            assert!(world.about().len() > 20, "{}", world.name);
            read(Path::new(world.name)).unwrap();
        }
    }
}
