//! Free text in tables: a language model that is told the rest of the row, trained once the table's own model is there, and put into the
//! same artefact.

use std::path::Path;

use verisim_data::series::Names;
use verisim_data::table::{ColumnKind, Field, Table, fake::Provider};
use verisim_data::text::{Source, Texts};
use verisim_data::{Event, Watch};
use verisim_models::artefact::{File, Header};
use verisim_models::text::Besides;
use verisim_train::{Begin, Ended, Job, Machine, Results, run};

use crate::error::{Error, Result};

/// Where in a run directory the results of the language model are.
const FOLDER: &str = "text";
/// Most columns that are told unless somebody says which.
const TOLD: usize = 16;

/// Whether the training of the language model was stopped in a run directory whose table is learnt.
pub(crate) fn is_begun(out: &Path) -> bool {
    out.join("model.safetensors").exists() && out.join(FOLDER).join("checkpoint").exists()
}

/// Whether a column holds free text that nothing fills better than words without meaning. Names, addresses and the like are made up,
/// and an empty column is what somebody asked for.
fn is_free(field: &Field) -> bool {
    let made = field.fill.as_ref().map(|fill| fill.provider);
    matches!(field.kind, ColumnKind::Text) && matches!(made, None | Some(Provider::Words))
}

/// Learns the free text of a table, and adds what was learnt to the artefact of the table.
pub(crate) fn learn(
    job: &Job<Table>,
    besides: &Besides,
    machine: &Machine,
    results: &Results,
    ended: Ended,
    watch: &mut dyn Watch,
) -> Result<Ended> {
    let artefact = results.out.join("model.safetensors");
    let (header, _): (Header<Table>, _) = File::read(&artefact)?.into_parts()?;
    let fields = &header.spec.schema.fields;
    let columns: Vec<String> = match &besides.columns {
        Some(names) => names.clone(),
        None => fields.iter().filter(|field| is_free(field)).map(|field| field.name.clone()).collect(),
    };
    if let Some(name) = columns.iter().find(|name| !fields.iter().any(|f| f.name == **name && !f.is_modelled())) {
        let problem = format!(
            "text.columns: `{name}` is no column that is left to be written; set its kind to \"text\" under [data.columns]"
        );
        return Err(Error::Ask { problem });
    }
    if columns.is_empty() {
        watch.on(Event::Note("no column holds free text, so there is nothing for [text] to learn".into()));
        return Ok(ended);
    }
    let told = match &besides.told {
        Some(names) => names.clone(),
        None => {
            let all: Vec<&Field> = header.spec.schema.modelled().collect();
            if all.len() > TOLD {
                let first = all[..TOLD].iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(", ");
                watch.on(Event::Note(format!(
                    "of {} columns the texts are told the first {TOLD}, {first}; text.told says which",
                    all.len()
                )));
            }
            all.into_iter().take(TOLD).map(|field| field.name.clone()).collect()
        }
    };
    watch.on(Event::Note(format!("the text of {}, given the row", columns.join(", "))));
    let data = Source {
        path: job.data.path.clone(),
        shape: None,
        text: Some(Names::Many(columns)),
        columns: Some(told),
        table: Some(Box::new(job.data.clone())),
    };
    let model = besides.model();
    let train = besides.train.clone();
    let text: Job<Texts> = Job { seed: job.seed, out: None, data, augment: None, model, train, text: None };
    let out = results.out.join(FOLDER);
    let begin = if out.join("checkpoint").exists() { results.begin } else { Begin::Anew };
    match run(&text, machine, &Results { out, begin }, watch)? {
        Ended::Done { model, seconds } => {
            let mut whole = File::read(&artefact)?;
            // Of an artefact that has one already it is the old one.
            drop(whole.text());
            whole.take_up(File::read(&model)?);
            whole.write(&artefact)?;
            let before = if let Ended::Done { seconds, .. } = ended { seconds } else { 0.0 };
            Ok(Ended::Done { model: artefact, seconds: before + seconds })
        }
        stopped => Ok(stopped),
    }
}
