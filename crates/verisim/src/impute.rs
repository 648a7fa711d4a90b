//! `impute`: the holes of a table filled by a model.

use std::path::{Path, PathBuf};
use std::time::Instant;

use verisim_data::table::{Cell, Filler, Table, Writer, io};
use verisim_data::{Event, Target, Watch};
use verisim_infer::Artefact;
use verisim_infer::table::{CHUNK, Lack, Reading, Seen, best, complete, read_as_is, unfilled};

use crate::error::{Error, Result};

/// Draws of which a best guess is made. An odd number has a middle one.
const DRAWS: usize = 51;

/// What is asked of an imputation.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The table with holes.
    pub input: PathBuf,
    /// How many completed tables are made, each a draw of its own.
    pub times: usize,
    /// One best guess in place of a draw: of numbers the median of many draws, of categories the level that comes most often.
    pub best: bool,
    /// Seed of what is random.
    pub seed: u64,
    /// A file that is there may be replaced even where it is not as an earlier run left it.
    pub replace: bool,
    /// What separates the cells of a text file; found from its first lines when not given.
    pub delimiter: Option<char>,
    /// Whether the first line of a text file holds the names of the columns; as in the data that were learnt when not given.
    pub header: Option<bool>,
    /// Texts that mean "no value here"; those of the data that were learnt when not given.
    pub missing: Option<Vec<String>>,
}

impl Default for Ask {
    fn default() -> Self {
        Ask {
            input: PathBuf::new(),
            times: 1,
            best: false,
            seed: 0,
            replace: false,
            delimiter: None,
            header: None,
            missing: None,
        }
    }
}

impl Ask {
    /// The files that are written, when `path` is asked for: that one or, of several completions, `name-1.csv`, `name-2.csv` and so on.
    pub fn paths(&self, path: &Path) -> Vec<PathBuf> {
        if self.times == 1 {
            return vec![path.to_owned()];
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
        let at = plain.rfind('.').unwrap_or(plain.len());
        let (stem, ending) = name.split_at(at);
        (1..=self.times).map(|t| path.with_file_name(format!("{stem}-{t}{ending}"))).collect()
    }
}

/// What came of an imputation.
#[derive(Clone, Debug, PartialEq)]
pub struct Imputed {
    /// Rows of the table.
    pub rows: usize,
    /// Columns that had holes, and how many of each were filled.
    pub filled: Vec<(String, usize)>,
    /// Holes that no draw filled.
    pub unfilled: usize,
    /// Seconds of drawing and writing.
    pub seconds: f64,
    /// The files; none where a stream was written to.
    pub paths: Vec<PathBuf>,
}

/// Fills the holes of a table.
pub(crate) fn table(artefact: &Artefact<Table>, ask: &Ask, to: Target<'_>, watch: &mut dyn Watch) -> Result<Imputed> {
    let begun = Instant::now();
    let refuse = |problem: &str| Err(Error::Ask { problem: problem.into() });
    match &to {
        _ if ask.times == 0 => return refuse("no completed table is asked for; ask for 1 or more"),
        _ if ask.best && ask.times > 1 => {
            return refuse("there is one best guess; ask for it or for several draws, not for both");
        }
        Target::Stream(_) if ask.times > 1 => {
            return refuse("several completed tables do not fit one stream; name a file");
        }
        _ => {}
    }
    let reading = Reading { delimiter: ask.delimiter, header: ask.header, missing: ask.missing.clone() };
    let (table, missing) = read_as_is(&ask.input, artefact.source.as_ref(), &reading)?;
    let seen = Seen::new(&artefact.spec, table, &missing)?;
    seen.check_whole("add it with empty cells, or sample with these rows as given, which adds whole columns")?;
    notes(artefact, &seen, &missing)?.into_iter().for_each(|note| watch.on(Event::Note(note)));
    let paths = match &to {
        Target::Path(path) => ask.paths(path),
        Target::Stream(_) => Vec::new(),
    };
    let typed = paths.first().is_some_and(|path| !io::is_delimited(path));
    let filler = Filler::new(&artefact.spec.schema, &seen.table, &seen.cells, typed);
    let mut writers: Vec<Writer<'_>> = match to {
        Target::Stream(stream) => vec![Writer::csv_to(stream, filler.schema())?],
        Target::Path(_) => paths.iter().map(|path| Writer::create(path, filler.schema())).collect::<Result<_, _>>()?,
    };
    watch.on(Event::Begin { unit: "rows", total: seen.table.rows as u64, done: 0 });
    let filled = fill(artefact, &seen, &filler, ask, &mut writers, watch);
    watch.on(Event::End);
    let unfilled = filled?;
    writers.into_iter().try_for_each(Writer::finish)?;
    let count = |j: usize| seen.cells[j].iter().filter(|c| **c == Cell::Empty).count();
    let fields = artefact.spec.schema.modelled().enumerate();
    let filled = fields.map(|(j, f)| (f.name.clone(), count(j))).filter(|(_, n)| *n > 0).collect();
    Ok(Imputed { rows: seen.table.rows, filled, unfilled, seconds: begun.elapsed().as_secs_f64(), paths })
}

/// Completes the rows part by part; how many holes are left.
fn fill(
    artefact: &Artefact<Table>,
    seen: &Seen,
    filler: &Filler,
    ask: &Ask,
    writers: &mut [Writer<'_>],
    watch: &mut dyn Watch,
) -> Result<usize> {
    let rows = seen.table.rows;
    let mut left = 0;
    for (c, first) in (0..rows).step_by(CHUNK).enumerate() {
        if watch.stopped() {
            return Err(Error::Infer(verisim_infer::Error::Stopped));
        }
        let part = first..(first + CHUNK).min(rows);
        let holes = |cells: &Vec<Cell>| cells[part.clone()].iter().map(|c| *c == Cell::Empty).collect();
        let holes: Vec<Vec<bool>> = seen.cells.iter().map(holes).collect();
        let times = if ask.best { DRAWS } else { ask.times };
        let mut frames = complete(artefact, seen, part.clone(), times, Lack::Filled, ask.seed, c as u64)?;
        if ask.best {
            frames = vec![best(&frames)];
        }
        let own = seen.table.slice(first, part.len());
        for (frame, writer) in frames.into_iter().zip(writers.iter_mut()) {
            left += unfilled(&frame, &holes);
            let made = artefact.spec.schema.render(frame, first as u64, ask.seed)?;
            writer.write(&filler.fill(&own, &holes, &made)?)?;
        }
        watch.on(Event::done(part.end as u64));
    }
    Ok(left)
}

/// What is to be said before: cells that the model does not know, and columns that stay as they are.
fn notes(artefact: &Artefact<Table>, seen: &Seen, missing: &[String]) -> Result<Vec<String>> {
    let schema = &artefact.spec.schema;
    let mut out = [seen.table.notes.clone(), seen.notes(&artefact.spec)].concat();
    let unknown = seen.table.names.iter().filter(|name| schema.field(name).is_err());
    let unknown: Vec<String> = unknown.map(|name| format!("`{name}`")).collect();
    if !unknown.is_empty() {
        out.push(format!("the model does not know {}: kept as it stands", unknown.join(", ")));
    }
    for field in schema.fields.iter().filter(|f| !f.is_modelled()) {
        let Ok(j) = seen.table.index(&field.name) else { continue };
        let text = seen.table.text(j)?;
        let empty = |cell: Option<&str>| cell.is_none_or(|c| missing.iter().any(|token| token.trim() == c.trim()));
        let count = text.iter().filter(|cell| empty(*cell)).count();
        if count > 0 {
            let kind = field.kind.name();
            let (cells, are, stay) = if count == 1 { ("cell", "is", "stays") } else { ("cells", "are", "stay") };
            out.push(format!(
                "`{}`: {count} {cells} {are} empty and {stay} so; a column of kind {kind} is not learnt",
                field.name
            ));
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_files_are_numbered() {
        let ask = Ask { times: 2, ..Ask::default() };
        let names = |path: &str| ask.paths(Path::new(path)).iter().map(|p| p.display().to_string()).collect::<Vec<_>>();
        assert_eq!(names("a/b.csv"), ["a/b-1.csv", "a/b-2.csv"]);
        assert_eq!(names("b.x.csv.gz"), ["b.x-1.csv.gz", "b.x-2.csv.gz"]);
        assert_eq!(Ask::default().paths(Path::new("b.csv")), [PathBuf::from("b.csv")]);
    }
}
