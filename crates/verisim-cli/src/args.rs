//! What can be typed.

use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Parser, Subcommand, ValueEnum};
use verisim::{Ask, Choice, Size};

/// Learn a real table or real images, write one artefact, emit synthetic ones from it anywhere.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    arg_required_else_help = true,
    after_help = "\
Examples:
  verisim demo                                          the whole line on a table that ships with the program
  verisim inspect adult.csv                             what the columns are taken for, and why
  verisim train configs/trees.toml --set data.path=adult.csv --out runs/adult
  verisim sample runs/adult -n 10000 -o synthetic.csv
  verisim evaluate --real adult.csv --synthetic synthetic.csv --holdout test.csv --target income
  verisim devices                                       what there is to compute on
  verisim bench trees flow                              how fast these two models are here"
)]
pub struct Args {
    /// Print nothing but errors and results.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Learn a table or images from a config file.
    Train(Train),
    /// Emit synthetic rows or images from a trained model.
    Sample(Sample),
    /// Measure how good and how private synthetic rows or images are.
    Evaluate(Evaluate),
    /// Show what a data file or an artefact is.
    Inspect(Inspect),
    /// Measure how fast models train and sample on each device.
    Bench(Bench),
    /// List the devices that this build can compute on, and which one it takes by itself.
    Devices(Devices),
    /// Run the whole line on a small real table that ships with the program.
    Demo(Demo),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  verisim train configs/trees.toml --set data.path=sales.parquet
  verisim train configs/tvae.toml --set train.budget=5min --out runs/night
  verisim train configs/flow.toml --set data.path=photos/ --set data.images.size=32
  verisim train configs/tvae.toml --resume              go on where Ctrl-C stopped
  verisim train configs/tvae.toml --finish              or make a model of what was learnt until then")]
pub struct Train {
    /// The config file (see configs/).
    pub config: PathBuf,
    /// Where the results go [default: runs/ and the name of the config].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Where to compute.
    #[arg(long, default_value = "auto")]
    pub device: Device,
    /// Seed of everything random, in place of the config's.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Set a key of the config, e.g. train.epochs=5. May be given more than once.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Go on from the checkpoint of a stopped run.
    #[arg(long)]
    pub resume: bool,
    /// Make a model of what a stopped run has learnt so far. It can still be resumed.
    #[arg(long, conflicts_with = "resume")]
    pub finish: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  verisim sample runs/adult -n 1000                     CSV on standard output
  verisim sample runs/adult -n 10000000 -o big.parquet
  verisim sample runs/adult -n 500 --where occupation=Sales --where 'age>=30'
  verisim sample runs/adult -n 500 --balance income     as many rows of each class
  verisim sample runs/digits -n 1000 -o digits/         PNGs, in a folder for each class, and labels.csv
  verisim sample runs/digits -n 60000 --balance class -o digits.npz
  verisim sample runs/digits --grid grid.png            one picture, a row for each class
  verisim sample runs/digits -n 8 --where class=7 --interpolate 0 5 -o between/")]
pub struct Sample {
    /// A run directory or a .safetensors file.
    pub model: PathBuf,
    /// Number of rows or images [default: 1000; with --interpolate 16].
    #[arg(short, long)]
    pub n: Option<usize>,
    /// Seed of the sample [default: 0].
    #[arg(long)]
    pub seed: Option<u64>,
    /// Keep to rows with COLUMN OP VALUE, OP one of = != < <= > >=; an empty value is a missing one. Images know class=NAME and class!=NAME. May be given more than once.
    #[arg(long = "where", value_name = "CONDITION")]
    pub conditions: Vec<String>,
    /// The same number of rows for each level of this column, or of images for each class (`class`); levels in fewer than one row of a thousand want --max-tries.
    #[arg(long, value_name = "COLUMN")]
    pub balance: Option<String>,
    /// Rows: give up a condition after this many tries a row [default: 1000].
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub max_tries: Option<u64>,
    /// Rows: .csv, .tsv, .json, .jsonl (also .gz, .zst), .parquet or .arrow; standard output as CSV when not given. Images: a folder,
    /// an .npz, or *-images-idx3-ubyte (also .gz).
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Images: one picture of them, a row of ten for each class, of 20 classes at most; choose others with --where.
    #[arg(long, value_name = "FILE.png")]
    pub grid: Option<PathBuf>,
    /// Images: those on the way from image A of the sample to image B, in place of the sample.
    #[arg(long, num_args = 2, value_names = ["A", "B"])]
    pub interpolate: Option<Vec<u64>>,
    /// Images of a flow: steps of its sampler, in place of the config's; fewer are faster.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub steps: Option<u16>,
    /// Images of a flow: how strongly they follow their class, in place of the config's (1 as learnt, 2 clearer and less varied).
    #[arg(long)]
    pub guidance: Option<f64>,
    /// Where to compute.
    #[arg(long, default_value = "auto")]
    pub device: Device,
    /// Print a JSON summary to standard output (needs --output).
    #[arg(long, requires = "output")]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  verisim evaluate --real train.csv --synthetic synthetic.csv --holdout test.csv --target income --html report.html
  verisim evaluate --real mnist/train --synthetic digits/ --holdout mnist/t10k --html report.html --pairs pairs.png
  verisim evaluate --real photos/ --synthetic made/ --holdout kept-back/ --model runs/photos

The hold-out is real rows or images that the model never saw; with it every score has its ceiling, and privacy can be
measured. Images are compared by the features of a small classifier, which is trained on the real ones first; two more
learn from synthetic and from as many real ones. A minute each for 28 x 28 pixels on two cores.")]
pub struct Evaluate {
    /// The rows or images that the model was trained on: a table, or a folder of images, an IDX file or its prefix, an .npz.
    #[arg(long, value_name = "PATH")]
    pub real: PathBuf,
    /// The synthetic ones. Images are brought to the size and channels of the real ones.
    #[arg(long, value_name = "PATH")]
    pub synthetic: PathBuf,
    /// Real ones that the model never saw.
    #[arg(long, value_name = "PATH")]
    pub holdout: Option<PathBuf>,
    /// Tables: the column to predict when training on synthetic rows and testing on real ones.
    #[arg(long, value_name = "COLUMN")]
    pub target: Option<String>,
    /// Tables: take the kinds of the columns from this run directory or artefact rather than from the real rows. Images:
    /// bring them to the size and channels of its images, as data.images of its run did.
    #[arg(long, value_name = "MODEL")]
    pub model: Option<PathBuf>,
    /// Tables: what separates the cells of text files; found from their first lines when not given.
    #[arg(long)]
    pub delimiter: Option<char>,
    /// Tables: texts that mean "no value here"; give it once a text.
    #[arg(long, value_name = "TEXT")]
    pub missing: Vec<String>,
    /// Images: bring the real ones, and with them all, to this size, 32 or height x width as 32x48. It or --model is needed
    /// when their sizes differ.
    #[arg(long, value_name = "PIXELS", conflicts_with = "model")]
    pub size: Option<Size>,
    /// Images: compare by the features of this network, in place of a classifier trained here. If it tells as many classes
    /// apart as the real images have, they are taken to be theirs, in the order in which `verisim inspect` lists them.
    #[arg(long, value_name = "FILE.safetensors")]
    pub features: Option<PathBuf>,
    /// Images: one picture of the synthetic images that are closest to a training image, each beside it.
    #[arg(long, value_name = "FILE.png")]
    pub pairs: Option<PathBuf>,
    /// Images: where the classifiers compute [default: auto].
    #[arg(long)]
    pub device: Option<Device>,
    /// Seed of folds and samples [default: 42].
    #[arg(long)]
    pub seed: Option<u64>,
    /// Write the report as JSON; - for standard output.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the report as one HTML page.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  verisim inspect adult.csv
  verisim inspect photos/ --sheet sheet.png             a folder of images, a folder for each class or none
  verisim inspect photos/ --size 32x48                  as a model of that size would see them
  verisim inspect runs/adult")]
pub struct Inspect {
    /// A table, a folder of images, an IDX file or its prefix, an .npz, a run directory or a .safetensors file.
    pub file: PathBuf,
    /// Write a contact sheet of the images, as many of each class, to this PNG.
    #[arg(long, value_name = "FILE.png")]
    pub sheet: Option<PathBuf>,
    /// Bring images to this size, 32 or height x width as 32x48 [default: their own or, if they differ or are large, a smaller one].
    #[arg(long, value_name = "PIXELS")]
    pub size: Option<Size>,
    /// What separates the cells of a text file.
    #[arg(long)]
    pub delimiter: Option<char>,
    /// Texts that mean "no value here"; give it once a text.
    #[arg(long, value_name = "TEXT")]
    pub missing: Vec<String>,
    /// Print as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  verisim bench                                         every model, on data that come with the program
  verisim bench flow gan --seconds 30 --devices flex,wgpu
  verisim bench configs/tvae.toml --set data.path=adult.csv --json before.json --chart speed.svg
  verisim bench configs/tvae.toml --set data.path=adult.csv --against before.json

Each model trains and samples for --seconds on each device, after a warm-up of a quarter of that, in a process of its own.
A config whose data are not there is measured on stand-in data: red wines, or grey noise of 28 x 28 pixels.")]
pub struct Bench {
    /// Config files, or models by their name; every model when none is given.
    #[arg(value_name = "CONFIG")]
    pub configs: Vec<PathBuf>,
    /// Where to compute, separated by commas [default: every device that this build has and finds].
    #[arg(long, value_delimiter = ',')]
    pub devices: Vec<Device>,
    /// How long each training and each sampling is measured.
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
    /// Set a key of every config, e.g. train.batch_size=64. May be given more than once.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Write the figures as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Draw them as a bar chart.
    #[arg(long, value_name = "FILE.svg")]
    pub chart: Option<PathBuf>,
    /// Compare with the figures of an earlier --json, and flag what became slower or faster by more than 5 % and by more than
    /// the spread of both.
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,
    /// Measure one config on one device in this process, and print the figures as JSON.
    #[arg(long, hide = true)]
    pub one: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  verisim devices
  verisim devices --json")]
pub struct Devices {
    /// Print as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  verisim demo --out /tmp/demo                          then open /tmp/demo/report.html")]
pub struct Demo {
    /// Where the results go.
    #[arg(long, value_name = "DIR", default_value = "runs/demo")]
    pub out: PathBuf,
}

/// A device by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device(pub Choice);

impl ValueEnum for Device {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [Device; Choice::ALL.len()] =
            [Device(Choice::Auto), Device(Choice::Flex), Device(Choice::Ndarray), Device(Choice::Wgpu)];
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name()).help(self.0.about()))
    }
}

impl Sample {
    /// What was typed of the sample, as far as anything was.
    pub fn ask(&self) -> Ask {
        Ask::new()
            .with("n", self.n)
            .with("seed", self.seed)
            .with("where", given(&self.conditions))
            .with("balance", &self.balance)
            .with("max_tries", self.max_tries)
            .with("grid", &self.grid)
            .with("interpolate", &self.interpolate)
            .with("steps", self.steps)
            .with_number("guidance", self.guidance)
    }
}

impl Evaluate {
    /// What was typed of the evaluation, as far as anything was.
    pub fn ask(&self) -> Ask {
        Ask::new()
            .with("real", &self.real)
            .with("synthetic", &self.synthetic)
            .with("holdout", &self.holdout)
            .with("target", &self.target)
            .with("model", &self.model)
            .with("delimiter", self.delimiter)
            .with("missing", given(&self.missing))
            .with("size", self.size)
            .with("features", &self.features)
            .with("pairs", &self.pairs)
            .with("device", self.device.map(|device| device.0.name()))
            .with("seed", self.seed)
    }
}

impl Inspect {
    /// What was typed of the inspection, as far as anything was.
    pub fn ask(&self) -> Ask {
        Ask::new()
            .with("sheet", &self.sheet)
            .with("size", self.size)
            .with("delimiter", self.delimiter)
            .with("missing", given(&self.missing))
    }
}

/// A list that is not empty.
fn given<T>(list: &[T]) -> Option<&[T]> {
    (!list.is_empty()).then_some(list)
}
