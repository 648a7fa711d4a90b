//! Reading a sheet of a workbook: Excel (`.xlsx`, `.xlsm`, `.xlsb`, `.xls`) and OpenDocument (`.ods`).
//!
//! The first row that has a cell holds the names. Numbers come in their shortest form, since a cell does not say how it is shown; days
//! and times as ISO text; formulas as their last result. A cell with an error is missing, and said. A sheet is held in memory.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use calamine::{Data, ExcelDateTime, Range, Reader as _, open_workbook_auto};

use super::cells::{Chunked, Missing, TextColumn, selection};
use super::columnar::guarded;
use super::csv::{distinct, name};
use super::settings::ReadSettings;
use crate::error::{Error, Result};
use crate::table::Table;

pub(super) struct Reader {
    path: PathBuf,
    range: Range<Data>,
    names: Vec<String>,
    columns: Vec<usize>,
    missing: Missing,
    /// Rows of the range that are read.
    read: usize,
    errors: usize,
    notes: Vec<String>,
}

impl Reader {
    pub(super) fn open(path: &Path, settings: &ReadSettings) -> Result<Reader> {
        let file = std::fs::File::open(path).map_err(Error::io(path))?;
        drop(file);
        let (sheets, range) = guarded(path, "workbook", || {
            let mut book = open_workbook_auto(path).map_err(|e| e.to_string())?;
            let sheets = book.sheet_names();
            let name = settings.sheet.clone().or_else(|| sheets.first().cloned()).unwrap_or_default();
            let range = if sheets.contains(&name) {
                Some(book.worksheet_range(&name).map_err(|e| e.to_string())?)
            } else {
                None
            };
            Ok((sheets, range))
        })?;
        let Some(range) = range else {
            let what = format!(
                "has no sheet `{}`; it has {}",
                settings.sheet.as_deref().unwrap_or_default(),
                sheets.join(", ")
            );
            return Err(Error::file(path, what));
        };
        let header = settings.header.unwrap_or(true);
        let first: Vec<String> =
            range.rows().next().unwrap_or_default().iter().map(|cell| text(cell).unwrap_or_default()).collect();
        if first.is_empty() {
            return Err(Error::file(
                path,
                "has an empty sheet; name another by `sheet`, or give it a row of names and rows below it",
            ));
        }
        let given = if header { first } else { vec![String::new(); first.len()] };
        let mut notes = Vec::new();
        let names = distinct(given.iter().enumerate().map(|(j, cell)| name(cell, j)).collect(), &mut notes);
        notes.iter_mut().for_each(|note| *note = format!("{}: {note}", path.display()));
        if settings.sheet.is_none() && sheets.len() > 1 {
            let (path, first, rest) = (path.display(), &sheets[0], sheets[1..].join(", "));
            notes.push(format!("{path}: sheet `{first}` is read; `sheet` names another: {rest}"));
        }
        let columns = selection(&names, settings.columns.as_deref())?;
        let missing = Missing::new(&settings.missing);
        Ok(Reader {
            path: path.to_owned(),
            range,
            names,
            columns,
            missing,
            read: usize::from(header),
            errors: 0,
            notes,
        })
    }
}

impl Chunked for Reader {
    fn next(&mut self, rows: usize) -> Result<Table> {
        let mut columns: Vec<TextColumn> = self.columns.iter().map(|_| TextColumn::new(&self.missing)).collect();
        let mut count = 0;
        for row in self.range.rows().skip(self.read).take(rows) {
            self.read += 1;
            // Blank rows stand between tables, and below them.
            if row.iter().all(|cell| matches!(cell, Data::Empty)) {
                continue;
            }
            count += 1;
            for (column, &j) in columns.iter_mut().zip(&self.columns) {
                self.errors += usize::from(matches!(row.get(j), Some(Data::Error(_))));
                match row.get(j).and_then(text) {
                    Some(cell) => column.push(&cell, &self.missing),
                    None => column.push_null(),
                }
            }
        }
        if count == 0 && rows > 0 && self.read < self.range.height() {
            return self.next(rows);
        }
        let names = self.columns.iter().map(|&j| self.names[j].clone()).collect();
        let (arrays, tokens) = columns.into_iter().map(|c| c.finish(&self.missing)).unzip();
        let mut notes = std::mem::take(&mut self.notes);
        if self.read >= self.range.height() && self.errors > 0 {
            let (path, errors) = (self.path.display(), std::mem::take(&mut self.errors));
            notes.push(format!("{path}: {errors} cells hold an error of a formula and count as missing"));
        }
        Ok(Table { missing_tokens: tokens, notes, ..Table::new(names, arrays)? })
    }
}

/// A cell as text; nothing for one that is empty or an error.
fn text(cell: &Data) -> Option<String> {
    Some(match cell {
        Data::Empty | Data::Error(_) => return None,
        Data::Float(x) if x.fract() == 0.0 && x.abs() < 1e15 => format!("{x:.0}"),
        Data::Float(x) => x.to_string(),
        Data::DateTime(time) => moment(time),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text.clone(),
        other => other.to_string(),
    })
}

/// A day, a time of day or both; a stretch of time in days.
fn moment(time: &ExcelDateTime) -> String {
    if time.is_duration() {
        return time.as_f64().to_string();
    }
    // The crate panics at numbers that are no day.
    let parts = catch_unwind(AssertUnwindSafe(|| time.to_ymd_hms_milli()));
    match parts {
        Ok((year, month, day, hour, minute, second, milli)) => {
            let clock = match milli {
                0 => format!("{hour:02}:{minute:02}:{second:02}"),
                _ => format!("{hour:02}:{minute:02}:{second:02}.{milli:03}"),
            };
            match time.as_f64() {
                x if x < 1.0 => clock,
                x if x.fract() == 0.0 => format!("{year:04}-{month:02}-{day:02}"),
                _ => format!("{year:04}-{month:02}-{day:02} {clock}"),
            }
        }
        Err(_) => time.as_f64().to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{Cursor, Write};

    use rand::RngExt;
    use zip::write::SimpleFileOptions;

    use super::*;
    use crate::rng::stream;
    use crate::table::DetectSettings;
    use crate::table::schema::Schema;

    /// A workbook of two sheets, the first of these rows of cells, each `type|style|value`.
    fn workbook(rows: &[&[&str]]) -> Vec<u8> {
        let cell = |(j, cell): (usize, &&str)| {
            let [kind, style, value] = cell.split('|').collect::<Vec<_>>().try_into().unwrap();
            let at = char::from(b'A' + j as u8);
            match kind {
                "" if value.is_empty() => String::new(),
                "inlineStr" => {
                    format!("<c r=\"{at}ROW\" t=\"inlineStr\"><is><t xml:space=\"preserve\">{value}</t></is></c>")
                }
                "" => format!("<c r=\"{at}ROW\" s=\"{style}\"><v>{value}</v></c>"),
                _ => format!("<c r=\"{at}ROW\" t=\"{kind}\"><v>{value}</v></c>"),
            }
        };
        let row = |(i, row): (usize, &&[&str])| {
            let cells: String = row.iter().enumerate().map(cell).collect();
            let number = (i + 1).to_string();
            format!("<row r=\"{number}\">{}</row>", cells.replace("ROW", &number))
        };
        let rows: String = rows.iter().enumerate().map(row).collect();
        let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
        let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
        let sheet = |rows: &str| format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>");
        let parts = [
            (
                "[Content_Types].xml",
                "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>".to_owned(),
            ),
            (
                "_rels/.rels",
                format!(
                    "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"r0\" Type=\"{office}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
                ),
            ),
            (
                "xl/workbook.xml",
                format!(
                    "<workbook xmlns=\"{main}\" xmlns:r=\"{office}\"><sheets><sheet name=\"Sales\" sheetId=\"1\" r:id=\"r1\"/><sheet name=\"Notes\" sheetId=\"2\" r:id=\"r2\"/></sheets></workbook>"
                ),
            ),
            (
                "xl/_rels/workbook.xml.rels",
                format!(
                    "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"r1\" Type=\"{office}/worksheet\" Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"r2\" Type=\"{office}/worksheet\" Target=\"worksheets/sheet2.xml\"/></Relationships>"
                ),
            ),
            (
                "xl/styles.xml",
                format!(
                    "<styleSheet xmlns=\"{main}\"><cellXfs count=\"2\"><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>"
                ),
            ),
            ("xl/worksheets/sheet1.xml", sheet(&rows)),
            ("xl/worksheets/sheet2.xml", sheet("<row r=\"1\"><c r=\"A1\"><v>1</v></c></row>")),
        ];
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in parts {
            let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
            zip.start_file(name, stored).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    const ROWS: [&[&str]; 5] = [
        &["inlineStr||name", "inlineStr||amount", "inlineStr||day", "inlineStr||ok"],
        &["inlineStr||ash ", "||1.5", "|1|44197", "b||1"],
        &["", "", "", ""],
        &["inlineStr||oak", "||12", "|1|44562.5", "b||0"],
        &["inlineStr||", "e||#N/A", "|1|44198", "b||1"],
    ];

    fn cells(table: &Table, j: usize) -> Vec<Option<String>> {
        table.text(j).unwrap().iter().map(|c| c.map(str::to_owned)).collect()
    }

    #[test]
    fn a_sheet_is_a_table() {
        let rows: Vec<&[&str]> =
            ROWS.iter().map(|r| if r[0].is_empty() { &["||", "||", "||", "||"][..] } else { *r }).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book.xlsx");
        std::fs::write(&path, workbook(&rows)).unwrap();
        let table = Table::read(&path, &ReadSettings::default()).unwrap();
        assert_eq!(table.names, ["name", "amount", "day", "ok"]);
        let text = |t: &str| Some(t.to_owned());
        assert_eq!(cells(&table, 1), [text("1.5"), text("12"), None]);
        assert_eq!(cells(&table, 2), [text("2021-01-01"), text("2022-01-01 12:00:00"), text("2021-01-02")]);
        assert_eq!(cells(&table, 3), [text("true"), text("false"), text("true")]);
        assert!(table.notes.iter().any(|n| n.contains("sheet `Sales` is read")), "{:?}", table.notes);
        assert!(table.notes.iter().any(|n| n.contains("1 cells hold an error")), "{:?}", table.notes);
        let other = |sheet: &str| {
            Table::read(&path, &ReadSettings { sheet: Some(sheet.to_owned()), ..ReadSettings::default() })
        };
        assert!(other("Sles").unwrap_err().to_string().contains("it has Sales, Notes"));
        assert!(other("Notes").unwrap_err().to_string().contains("no rows"));
        let schema = Schema::detect(&table, &DetectSettings::default()).unwrap();
        assert!(super::super::Writer::create(&path, &schema).err().unwrap().to_string().contains("not written"));
    }

    #[test]
    fn damaged_workbooks_are_refused_or_read() {
        let rows: Vec<&[&str]> = ROWS.iter().filter(|r| !r[0].is_empty()).copied().collect();
        let whole = workbook(&rows);
        let folder = tempfile::tempdir().unwrap();
        let cases = std::env::var("VERISIM_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(500);
        for ending in ["xlsx", "xls", "xlsb", "ods"] {
            let path = folder.path().join(format!("book.{ending}"));
            for case in 0..cases {
                let mut rng = stream(11, ending, case);
                let mut bytes = whole.clone();
                for _ in 0..rng.random_range(1..6) {
                    let place = rng.random_range(0..bytes.len());
                    bytes[place] = rng.random();
                }
                if case % 4 == 0 {
                    bytes.truncate(rng.random_range(0..whole.len()));
                }
                std::fs::write(&path, &bytes).unwrap();
                let _ = Table::read(&path, &ReadSettings::default());
            }
        }
    }
}
