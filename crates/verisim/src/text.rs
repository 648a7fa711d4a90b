//! Texts, as the verbs want them.

use std::path::{Path, PathBuf};

use schemars::{Schema, SchemaGenerator};
use serde::Deserialize;
use verisim_data::Data;
use verisim_data::file::write_atomically;
use verisim_data::number::grouped;
use verisim_data::rng::{below, stream};
use verisim_data::text::{Document, Form, Shape, Source, Spec, Texts};
use verisim_infer::text::Ask;

use crate::error::{Error, Result};
use crate::kind::{Inspected, Kind};

/// What texts are looked at with.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InspectAsk {
    /// What a text is in a file of plain text.
    pub shape: Option<Shape>,
}

/// Hears the last note.
#[derive(Default)]
struct Last(String);

impl crate::Watch for Last {
    fn on(&mut self, event: crate::Event) {
        if let crate::Event::Note(note) = event {
            self.0 = note;
        }
    }

    fn stopped(&self) -> bool {
        false
    }
}

impl Kind for Texts {
    const DEFAULT: &'static str = "lm-small";
    const FIRST: &'static str = "synthetic.jsonl";
    const STAND_IN: &'static str = "stand-in texts";
    const STREAMS: bool = true;
    type InspectAsk = InspectAsk;

    fn inspect(path: &Path, ask: &InspectAsk) -> Result<Inspected> {
        /// Texts that are shown.
        const SHOWN: usize = 5;
        let source = Source { path: path.to_owned(), shape: ask.shape, ..Source::default() };
        let mut said = Last::default();
        let texts = Texts::read(&source, &mut said)?;
        let mut lengths: Vec<usize> = texts.documents.iter().map(|d| d.text().chars().count()).collect();
        lengths.sort_unstable();
        let quantile = |share: f64| lengths[((lengths.len() - 1) as f64 * share).round() as usize];
        let quantiles = [0.0, 0.25, 0.5, 0.75, 1.0].map(quantile);
        let roles = texts.roles();
        let mut text = format!("{}\n", said.0);
        if texts.form != Form::Corpus {
            let [least, low, middle, high, most] = quantiles.map(|n| grouped(n as u64));
            text += &format!(
                "characters: {least} at least, {most} at most, half of them {low} to {high}, {middle} in the middle\n"
            );
        }
        if !roles.is_empty() {
            text += &format!("roles: {}\n", roles.join(", "));
        }
        text += "\nThe first:\n";
        texts.documents.iter().take(SHOWN).for_each(|document| text += &format!("  {}\n", shown(document)));
        let json = serde_json::json!({
            "kind": Texts::NAME,
            "form": texts.form,
            "texts": texts.documents.len(),
            "columns": texts.columns,
            "roles": roles,
            "characters": quantiles,
        });
        Ok(Inspected { text, json })
    }

    fn config_schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(verisim_train::schema::<Texts>(generator))
    }

    fn describe(spec: &Spec) -> String {
        let form = match &spec.form {
            Form::Files(_) => "Documents, a file each".to_owned(),
            Form::Corpus => "One long text".to_owned(),
            Form::Lines => "Texts, a line each".to_owned(),
            Form::Column(name) => format!("Texts of a column `{name}`"),
            Form::Conversations(_) => format!("Conversations of {}", spec.roles.join(", ")),
        };
        let told = if spec.columns.is_empty() { String::new() } else { format!(", told {}", spec.columns.join(", ")) };
        let lengths = spec.lengths;
        let mean = lengths.all as f64 / lengths.count.max(1) as f64;
        format!("{form}{told}\nTokens of a text: {mean:.0} in the mean, {} at most\n", lengths.most)
    }

    fn eyes(_: &<Self as verisim_metrics::Compare>::Ask) -> Result<Box<()>> {
        Ok(Box::new(()))
    }

    /// Two thousand sentences of a small grammar.
    fn stand_in(folder: &Path) -> Result<PathBuf> {
        const WHO: [&str; 6] = ["the cat", "a dog", "my neighbour", "the old captain", "nobody", "her sister"];
        const DOES: [&str; 6] = ["sees", "does not trust", "remembers", "waits for", "laughs at", "follows"];
        const WHERE: [&str; 4] = ["in the garden", "every morning", "at the station", "without a word"];
        let path = folder.join("sentences.txt");
        let mut text = String::new();
        for i in 0..2000 {
            let mut rng = stream(1, "sentences", i);
            let mut one = |of: &[&'static str]| of[below(&mut rng, of.len() as u64) as usize];
            let (who, does, whom, place) = (one(&WHO), one(&DOES), one(&WHO), one(&WHERE));
            text += &format!("{who} {does} {whom} {place}\n");
        }
        write_atomically(&path, text.as_bytes()).map_err(Error::from)?;
        Ok(path)
    }

    fn bench_ask(seed: u64) -> Ask {
        Ask { n: Some(128), seed, ..Ask::default() }
    }
}

/// The begin of a text, on one line.
fn shown(document: &Document) -> String {
    const WIDE: usize = 100;
    let cells: String = document.cells.iter().flatten().map(|cell| format!("[{cell}] ")).collect();
    let turns: Vec<String> = document
        .turns
        .iter()
        .map(|turn| if turn.role.is_empty() { turn.text.clone() } else { format!("{}: {}", turn.role, turn.text) })
        .collect();
    let line = format!("{cells}{}", turns.join(" / ")).replace(['\n', '\r', '\t'], " ");
    match line.char_indices().nth(WIDE) {
        Some((end, _)) => format!("{} ...", line[..end].trim_end()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_shown_by_its_begin() {
        assert_eq!(shown(&Document::plain("a\nb")), "a b");
        let long = shown(&Document::plain("ab ".repeat(100)));
        assert!(long.ends_with("ab a ...") && long.chars().count() <= 104, "{long}");
    }
}
