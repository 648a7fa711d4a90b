//! A kind of data that the program does not know, added by the recipe in ARCHITECTURE.md: files of words, one a line, and a model that
//! draws each as often as it was seen.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use verisim::{Ended, Inspected, Kind, Quiet, To};
use verisim_data::file::Scratch;
use verisim_data::rng::{hash_words, stream, uniform};
use verisim_data::{Claim, Data, Error, Sink, Target, Watch};
use verisim_infer::{Artefact, Generate, Made, Plan};
use verisim_metrics::{Compare, Document, Known};
use verisim_models::learn::{Augments, Device, Learn, Ready, Setup, Split, Start};
use verisim_models::{Train, Weights, models};

use crate::util::Dir;

/// The words of a file.
struct Words(Vec<String>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    path: PathBuf,
}

// 1. Read and write.
impl Data for Words {
    const NAME: &'static str = "words";
    const ONE: &'static str = "a file of words";
    const PLURAL: &'static str = "words";
    const UNIT: &'static str = "words";
    type Source = Source;
    type Spec = Vec<String>;
    type Chunk = String;

    fn claims(path: &Path) -> Claim {
        if path.extension().is_some_and(|e| e == "words") { Claim::Yes } else { Claim::No }
    }

    fn path(source: &Source) -> &Path {
        &source.path
    }

    fn at(_: Source, path: &Path) -> Source {
        Source { path: path.into() }
    }

    fn read(source: &Source, _: &mut dyn Watch) -> Result<Words, Error> {
        let text = std::fs::read_to_string(&source.path);
        let text = text.map_err(|source_error| Error::Io { path: source.path.clone(), source: source_error })?;
        Ok(Words(text.lines().map(str::to_owned).collect()))
    }

    fn problem(words: &Vec<String>) -> Option<String> {
        words.is_empty().then(|| "list of words".into())
    }

    fn sink<'t>(
        _: &Vec<String>,
        target: Target<'t>,
        _: u64,
        _: &[(String, String)],
    ) -> Result<Box<dyn Sink<String> + 't>, Error> {
        match target {
            Target::Path(path) => {
                let (scratch, file) = Scratch::file(path)?;
                Ok(Box::new(Lines(Box::new(file), Some(scratch))))
            }
            Target::Stream(stream) => Ok(Box::new(Lines(stream, None))),
        }
    }
}

/// A stream, and the file that it becomes.
struct Lines<'t>(Box<dyn std::io::Write + Send + 't>, Option<Scratch>);

impl Sink<String> for Lines<'_> {
    fn write(&mut self, chunk: &String) -> Result<(), Error> {
        self.0.write_all(chunk.as_bytes()).map_err(|source| Error::Io { path: "(words)".into(), source })
    }

    fn finish(mut self: Box<Self>) -> Result<(), Error> {
        self.0.flush().map_err(|source| Error::Io { path: "(words)".into(), source })?;
        self.1.map_or(Ok(()), Scratch::publish)
    }
}

// 2. Learn: one model, one line.
models! {
    /// A model of words.
    #[allow(missing_docs)]
    Words:
    /// As often as they were seen.
    Urn = urn;
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Plain {}

impl Augments for Plain {
    fn check(&self) -> verisim_models::Result<()> {
        Ok(())
    }
}

impl Learn for Words {
    type Models = Model;
    type Encoding = ();
    type Encoded = Words;
    type Augment = Plain;
    type Besides = Plain;
    type Sampler = Vec<f64>;

    fn encode(self, _: &Source, (): &()) -> verisim_models::Result<Ready<Words>> {
        let hash = hash_words(self.0.iter().flat_map(|w| w.bytes()).map(u64::from));
        Ok(Ready { count: self.0.len(), hash, told: String::new(), notes: Vec::new(), encoded: self })
    }

    fn spec(words: &Words, _: &[usize]) -> Vec<String> {
        let mut levels = words.0.clone();
        levels.sort();
        levels.dedup();
        levels
    }

    fn check_training(_: &Train) -> verisim_models::Result<()> {
        Ok(())
    }

    fn preview(
        _: &Vec<f64>,
        _: &Vec<String>,
        _: u64,
        _: &[(String, String)],
    ) -> verisim_models::Result<Option<Vec<u8>>> {
        Ok(None)
    }
}

/// The model, in a file of its own elsewhere.
mod urn {
    use super::*;

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    pub struct Config {
        /// Added to each count.
        pub more: f64,
    }

    impl verisim_models::Model<Words> for Config {
        fn check(&self) -> verisim_models::Result<()> {
            let rule = "must be 0 or more".to_owned();
            let wrong = verisim_models::Error::Setting { model: "urn", key: "more".into(), rule };
            if self.more >= 0.0 { Ok(()) } else { Err(wrong) }
        }

        fn encoding(&self) {}

        fn start(&self, split: &Split<'_, Words>, _: &Setup<'_>) -> verisim_models::Result<Start<Words>> {
            let (words, levels) = (&split.encoded.0, Words::spec(split.encoded, split.train));
            let count = |level: &String| words.iter().filter(|w| *w == level).count() as f64 + self.more;
            let mut weights = Weights::default();
            weights.put_f64("counts", &[levels.len()], levels.iter().map(count).collect());
            Ok(Start::Fitted(weights))
        }

        fn restore(&self, _: &Vec<String>, weights: &mut Weights, _: &Device) -> verisim_models::Result<Box<Vec<f64>>> {
            Ok(Box::new(weights.take_f64("counts")?.1))
        }
    }
}

// 3. Generate: one word a chunk.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Ask {
    n: u64,
    seed: u64,
}

struct Drawing<'a>(&'a Artefact<Words>, u64, u64);

impl Generate for Words {
    type Ask = Ask;

    fn plan<'a>(artefact: &'a Artefact<Words>, ask: &Ask) -> verisim_infer::Result<Box<dyn Plan<Words> + 'a>> {
        Ok(Box::new(Drawing(artefact, ask.n, ask.seed)))
    }
}

impl Plan<Words> for Drawing<'_> {
    fn count(&self) -> u64 {
        self.1
    }

    fn chunks(&self) -> u64 {
        self.1
    }

    fn together(&self) -> usize {
        16
    }

    fn chunk(&self, c: u64) -> verisim_infer::Result<Made<String>> {
        let counts = self.0.sampler();
        let mut left = uniform(&mut stream(self.2, "word", c)) * counts.iter().sum::<f64>();
        let drawn = counts.iter().position(|count| {
            left -= count;
            left < 0.0
        });
        Ok(Made { chunk: format!("{}\n", self.0.spec[drawn.unwrap_or(0)]), count: 1, tried: 1, lost: 0 })
    }
}

// 4. Compare: how far apart are the shares of each word?
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CompareAsk {
    real: PathBuf,
    synthetic: PathBuf,
}

impl Compare for Words {
    type Ask = CompareAsk;
    type Eyes = ();

    fn compare(
        ask: &CompareAsk,
        _: Option<&Known<Words>>,
        (): &(),
        watch: &mut dyn Watch,
    ) -> verisim_metrics::Result<Document> {
        let mut read = |path: &PathBuf| Words::read(&Source { path: path.clone() }, watch);
        let (real, synthetic) = (read(&ask.real)?.0, read(&ask.synthetic)?.0);
        let share = |of: &[String], word: &str| of.iter().filter(|w| *w == word).count() as f64 / of.len() as f64;
        let mut words = [real.clone(), synthetic.clone()].concat();
        words.sort();
        words.dedup();
        let apart: f64 = words.iter().map(|w| (share(&real, w) - share(&synthetic, w)).abs()).sum::<f64>() / 2.0;
        Ok(Document::of("Words", &serde_json::json!({ "apart": apart }), [("Shares apart", format!("{apart:.3}"))]))
    }
}

// 5. The verbs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InspectAsk {}

impl Kind for Words {
    const DEFAULT: &'static str = "urn";
    const FIRST: &'static str = "made.words";
    const STAND_IN: &'static str = "stand-in words";
    const STREAMS: bool = true;
    type InspectAsk = InspectAsk;

    fn inspect(path: &Path, _: &InspectAsk) -> verisim::Result<Inspected> {
        let words = Words::read(&Source { path: path.into() }, &mut Quiet)?.0.len();
        Ok(Inspected { text: format!("{words} words\n"), json: serde_json::json!({ "words": words }) })
    }

    fn describe(words: &Vec<String>) -> String {
        words.join("\n")
    }

    fn eyes(_: &CompareAsk) -> verisim::Result<Box<()>> {
        Ok(Box::new(()))
    }

    fn stand_in(folder: &Path) -> verisim::Result<PathBuf> {
        verisim::file::write_atomically(&folder.join("some.words"), b"a\nb\na\n")?;
        Ok(folder.join("some.words"))
    }

    fn bench_ask(seed: u64) -> Ask {
        Ask { n: 100, seed }
    }
}

#[test]
fn a_new_kind_takes_the_whole_line() {
    let dir = Dir::new();
    dir.file("real.words", "a\nb\na\na\n".repeat(50));
    let text = format!("[data]\npath = {:?}\n[model.urn]\n", dir.path("real.words"));
    let config = verisim_train::Config::new(text, Path::new("job.toml"), &[]).unwrap();
    let ask = verisim::train::Ask { out: Some(dir.path("run")), ..Default::default() };
    let trained = verisim::train::of_kind::<Words>(config.job().unwrap(), &ask, &mut Quiet).unwrap();
    assert!(matches!(trained.ended, Ended::Done { .. }));

    let device = verisim::choose(verisim::Choice::Auto).unwrap().machine.device;
    let artefact = Artefact::<Words>::open(dir.path("run"), &device).unwrap();
    assert_eq!((&artefact.spec, artefact.provenance.rows), (&vec!["a".to_owned(), "b".to_owned()], 200));
    let made = dir.path("made.words");
    let ask = Ask { n: 1000, seed: 1 };
    let sampled = verisim::sample::of_kind(&artefact, &dir.path("run"), &ask, To::Path(&made), &mut Quiet).unwrap();
    assert_eq!(sampled.summary.unwrap().count, 1000);

    let ask = CompareAsk { real: dir.path("real.words"), synthetic: made };
    let report = verisim::evaluate::of_kind::<Words>(&ask, None, &mut Quiet).unwrap();
    let apart = serde_json::from_str::<serde_json::Value>(&report.to_json()).unwrap()["apart"].as_f64().unwrap();
    // Of 1,000 draws of a share of 3/4 a deviation is 0.014.
    assert!(apart < 0.05 && report.to_text().contains("Shares apart"), "{}", report.to_text());

    let said = verisim::inspect::of_kind::<Words>(verisim_infer::read(&dir.path("run")).unwrap()).unwrap();
    assert!(said.text.contains("urn") && said.text.contains("200 words learnt") && said.json["kind"] == "words");
    let stand_in = Words::stand_in(&dir.path(".")).unwrap();
    assert_eq!(Words::inspect(&stand_in, &InspectAsk {}).unwrap().text, "3 words\n");

    // The program does not know it, and says so.
    dir.file("job.toml", format!("[data]\npath = {:?}\n[model.urn]\n", dir.path("real.words")));
    dir.run(&["train", "job.toml", "--out", "no"]).fails(1).says(&["job.toml, line 3", "unknown key `urn`"]);
    dir.run(&["sample", "run", "-n", "1"]).fails(1).says(&["a kind that this version does not know"]);
}
