//! Columns of free text: written by a language model that is told the cells of the row.

use verisim_data::rng::{stream, uniform};
use verisim_data::series::Names;
use verisim_data::table::Table;
use verisim_models::text::lm::{Cell, Drawn, Wanted};

use crate::artefact::Artefact;
use crate::error::Result;
use crate::text::usual;

/// Texts that are written at a time.
const TOGETHER: usize = 128;

/// Writes the text of the rows of `made`, of which the first is row `first` of the sample. Returns how many texts were cut.
///
/// # Errors
/// When the device fails.
pub(super) fn write(artefact: &Artefact<Table>, made: &mut Table, first: u64, seed: u64) -> Result<u64> {
    let Some(writer) = &artefact.text else { return Ok(0) };
    let names = writer.source.as_ref().and_then(|source| source.text.as_ref()).map_or(&[][..], Names::list);
    let told = &writer.spec.columns;
    let is_one = names.len() == 1;
    // Of several columns the first cell says which.
    let told = if is_one { &told[..] } else { told.get(1..).unwrap_or_default() };
    let cells = told.iter().map(|name| made.cells(made.index(name)?)).collect::<verisim_data::Result<Vec<_>>>()?;
    let how = usual(&writer.spec);
    let mut cut = 0;
    for (k, name) in names.iter().enumerate() {
        let column = made.index(name)?;
        let missing = artefact.spec.schema.field(name).map_or(0.0, |field| field.rates.missing);
        let which = (!is_one).then(|| Cell::Given(Some(name.clone())));
        let row = |i: usize| {
            let mut rng = stream(seed, "written", (first + i as u64) * names.len() as u64 + k as u64);
            let is_missing = missing > 0.0 && uniform(&mut rng) < missing;
            // A number of a character that no text had is not told.
            let is_known = |text: &String| writer.sampler.vocabulary().encode(text).is_ok();
            let cells = cells.iter().map(|of| Cell::Given(of[i].clone().filter(is_known)));
            (!is_missing)
                .then(|| (Wanted { cells: which.clone().into_iter().chain(cells).collect(), begin: Vec::new() }, rng))
        };
        let mut texts: Vec<Option<String>> = vec![None; made.rows];
        let rows: Vec<usize> = (0..made.rows).collect();
        for rows in rows.chunks(TOGETHER) {
            let (at, wanted): (Vec<usize>, Vec<_>) = rows.iter().filter_map(|&i| Some((i, row(i)?))).unzip();
            let drawn: Vec<Drawn> = writer.sampler.draw(&wanted, &how)?;
            for (i, drawn) in at.into_iter().zip(drawn) {
                cut += u64::from(drawn.is_cut);
                texts[i] = Some(drawn.document.text());
            }
        }
        made.put_texts(column, texts);
    }
    Ok(cut)
}
