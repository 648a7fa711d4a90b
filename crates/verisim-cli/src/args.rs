//! What can be typed.

use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Parser, Subcommand, ValueEnum};
use verisim::{Ask, Choice, Size};

use crate::pipe::Format;

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
  verisim split adult.csv --holdout 0.2                 adult-train.csv to learn, adult-holdout.csv to measure with
  verisim generate shop -n 100000 -o shop.db            a declared world: tables with keys, no real data
  verisim edge-cases shop.sql -o cases.csv              what a program should have been given before its users do
  verisim augment detection --data photos/ -o more/     real pictures changed, their boxes moved along
  verisim train adult-train.csv --out runs/adult
  verisim sample runs/adult -n 10000 -o synthetic.csv
  verisim impute runs/adult --input holes.csv -o filled.csv
  verisim score runs/adult new.csv                      which rows are unusual, and what has drifted
  verisim evaluate --real adult-train.csv --synthetic synthetic.csv --holdout adult-holdout.csv --target income
  verisim config                                        the configs that come along; `verisim config tvae` prints one
  verisim completions bash                              what a shell needs to complete commands and flags
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
    /// Learn a table or images.
    Train(Train),
    /// Emit synthetic rows or images from a trained model.
    Sample(Sample),
    /// Fill the empty cells of a table by a trained model.
    Impute(Impute),
    /// Say how probable the rows of a table are under a trained model, and which are unusual.
    Score(Score),
    /// Measure how good and how private synthetic rows or images are.
    Evaluate(Evaluate),
    /// Show what a data file or an artefact is.
    Inspect(Inspect),
    /// Make the tables of a declared world: rules, keys and processes in one file, with no real data at all.
    Generate(Generate),
    /// Say what a declared world is, or list those that come along.
    Check(Check),
    /// Write a world's file from what there is: distributions fitted to a table, or the tables and keys of a schema.
    World(World),
    /// Write edge cases for software tests: boundary values, combinations, rows with one fault each.
    EdgeCases(EdgeCases),
    /// Change real data a little, again and again: pictures with their labels, tables, series, text, sound.
    Augment(Augment),
    /// Find copies on both sides of a split, changed ones too.
    Leaks(Leaks),
    /// Part a table into rows to learn and rows to keep back.
    Split(Split),
    /// List the configs that come along, or print one.
    Config(Config),
    /// Measure how fast models train and sample on each device.
    Bench(Bench),
    /// List the devices that this build can compute on, and which one it takes by itself.
    Devices(Devices),
    /// Run the whole line on a small real table that ships with the program.
    Demo(Demo),
    /// Print what a shell needs to complete commands and flags.
    Completions(Completions),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  verisim train sales.parquet                           with the default model: trees, of images a vae
  verisim train tvae --data sales.parquet --set train.budget=5min --out runs/night
  zcat sales.csv.gz | verisim train - --out runs/sales  from standard input
  verisim train my.toml                                 a config of your own: verisim config tvae > my.toml
  verisim train flow --data photos/ --set data.images.size=32
  verisim train tvae --data sales.parquet --resume      go on where Ctrl-C stopped (it ended with exit code 130)
  verisim train tvae --data sales.parquet --finish      or make a model of what was learnt until then")]
pub struct Train {
    /// A config file, the name of a config that comes along (see `verisim config`), or data for the default model; `-` is standard input.
    #[arg(required_unless_present = "data")]
    pub config: Option<PathBuf>,
    /// The data, in place of the config's.
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
    /// The format of standard input, where that is the data (`-`) [default: csv].
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Where the results go [default: runs/ and the name of the config or the data].
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
  verisim sample runs/adult -n 500 --where 'age in 30..40' --where 'occupation is not missing'
  verisim sample runs/adult -n 500 --balance income     as many rows of each class
  verisim sample runs/adult --given seeds.csv           each row of the file, which has some of the columns, made whole
  verisim sample runs/adult -n 500 --seed 1 --key-offset 1000     keys that follow a sample of 1,000 rows
  verisim sample runs/adult -n 500 --temperature 0.7    of tokens: likely values come up more often
  verisim sample runs/adult -n 500 --format jsonl       another format on standard output
  verisim sample runs/stores -n 1000 --length 48 --start 2026-01-01 -o made.csv    sequences of 48 steps
  verisim sample runs/stores --given history.csv --horizon 12 -o on.csv            each history goes on
  verisim sample runs/messages -n 1000 --where label=spam -o made.csv              texts of that label
  verisim sample runs/novel --prompt 'It was ' --temperature 0.8                   a passage that begins so
  verisim sample runs/digits -n 1000 -o digits/         PNGs, in a folder for each class, and labels.csv
  verisim sample runs/digits -n 60000 --balance class -o digits.npz
  verisim sample runs/digits --grid grid.png            one picture, a row for each class
  verisim sample runs/digits -n 8 --where class=7 --interpolate 0 5 -o between/")]
pub struct Sample {
    /// A run directory or a .safetensors file.
    pub model: PathBuf,
    /// Number of rows, images or sequences [default: 1000; with --interpolate 16; 1 of one long series].
    #[arg(short, long)]
    pub n: Option<usize>,
    /// Seed of the sample [default: 0].
    #[arg(long)]
    pub seed: Option<u64>,
    /// Keep to rows with COLUMN OP VALUE, OP one of = != < <= > >=; or 'COLUMN in 30..40', both ends included; 'COLUMN in (A, B)';
    /// 'COLUMN is missing'; each also with not. Names and values may stand in quotes, as '"BMI>=30"=yes'. Dates: as in the column,
    /// or 2021-06-30, which is all of that day. Images know class=NAME and class!=NAME. May be given more than once.
    #[arg(long = "where", value_name = "CONDITION")]
    pub conditions: Vec<String>,
    /// The same number of rows for each level of this column, or of images for each class (`class`); levels in fewer than one row of a thousand want --max-tries.
    #[arg(long, value_name = "COLUMN")]
    pub balance: Option<String>,
    /// Rows: complete each row of this file, which has some of the columns; what is given stands in the sample as it is, empty cells
    /// and other columns are drawn. Series: go on with each history in this file, by --horizon steps.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["n", "conditions", "balance", "max_tries"])]
    pub given: Option<PathBuf>,
    /// Series: so many steps a sequence, in place of as many as were learnt.
    #[arg(long, value_name = "STEPS")]
    pub length: Option<usize>,
    /// Series: when each sequence begins, as the column of times has it, or 2026-01-01.
    #[arg(long, value_name = "TIME")]
    pub start: Option<String>,
    /// Series: by how many steps the histories of --given go on.
    #[arg(long, value_name = "STEPS", requires = "given")]
    pub horizon: Option<usize>,
    /// Rows: give up a condition after this many tries a row [default: 1000].
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub max_tries: Option<u64>,

    /// Number keys from here on: the rows of an earlier sample, so that both can be put together
    #[arg(long, value_name = "ROWS")]
    pub key_offset: Option<u64>,
    /// Rows: .csv, .tsv, .json, .jsonl (also .gz, .zst), .parquet or .arrow; standard output as text when not given. Text comes in the
    /// form of the data that the model learnt: delimiter, quotes, line ends, header; .tsv means tabs. Images: a folder,
    /// an .npz, or *-images-idx3-ubyte (also .gz).
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Replace a file that is there even where it is not as an earlier sample left it.
    #[arg(long)]
    pub force: bool,
    /// Rows: what separates the cells of text [default: what does in the data that the model learnt].
    #[arg(long)]
    pub delimiter: Option<char>,
    /// Rows: the format of standard output [default: csv].
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
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
    /// Rows of tokens, and texts: below 1 likely values come up more often than in the data, above 1 less [default: 1].
    #[arg(long)]
    pub temperature: Option<f64>,
    /// Rows of tokens, and texts: draw each value among the likeliest that make up this share [default: 1].
    #[arg(long, value_name = "SHARE")]
    pub top_p: Option<f64>,
    /// Texts: how every one begins.
    #[arg(long, value_name = "TEXT")]
    pub prompt: Option<String>,
    /// Conversations: who speaks first, and the prompt if there is one.
    #[arg(long)]
    pub role: Option<String>,
    /// Texts: draw each token among so many of the likeliest.
    #[arg(long, value_name = "COUNT")]
    pub top_k: Option<usize>,
    /// Texts: leave out tokens below this share of the likeliest one's.
    #[arg(long, value_name = "SHARE")]
    pub min_p: Option<f64>,
    /// Texts: above 1 fewer repetitions, e.g. 1.1 [default: 1].
    #[arg(long, value_name = "FACTOR")]
    pub repetition: Option<f64>,
    /// Texts: cut what is longer [default: half as many again as the longest text had; of one long text 1000].
    #[arg(long, value_name = "COUNT")]
    pub max_tokens: Option<usize>,
    /// Texts: end one where this comes up; may be given several times.
    #[arg(long, value_name = "TEXT")]
    pub stop: Vec<String>,
    /// Texts: only those that this matches, the whole of them, e.g. `[A-Z][a-z]+`.
    #[arg(long)]
    pub regex: Option<String>,
    /// Texts: only JSON of the schema in this file.
    #[arg(long, value_name = "FILE.json")]
    pub schema: Option<PathBuf>,
    /// Texts: only this, or others that are given so.
    #[arg(long, value_name = "TEXT")]
    pub one_of: Vec<String>,
    /// Where to compute.
    #[arg(long, default_value = "auto")]
    pub device: Device,
    /// Print a JSON summary to standard output (needs --output).
    #[arg(long, requires = "output")]
    pub json: bool,
}

// How a table is read that a model completes or scores. A doc comment here would become that of the commands.
#[derive(Debug, clap::Args)]
pub struct Reading {
    /// What separates the cells of a text file; found from its first lines when not given.
    #[arg(long)]
    pub delimiter: Option<char>,
    /// Text files have no header; their columns are column_1, column_2 ...
    #[arg(long)]
    pub no_header: bool,
    /// Texts that mean "no value here"; give it once a text [default: those of the data that the model learnt].
    #[arg(long, value_name = "TEXT")]
    pub missing: Vec<String>,
    /// The format of standard input, where that is the data (`-`) [default: csv].
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  verisim impute runs/adult --input holes.csv -o filled.csv
  verisim impute runs/adult --input holes.csv --best -o filled.csv      the likeliest values, without their spread
  verisim impute runs/adult --input holes.csv --times 5 -o filled.csv   filled-1.csv to filled-5.csv, for multiple imputation
  verisim impute runs/adult --input - --format jsonl < holes.jsonl      standard input, and CSV on standard output

Every empty cell of a column that the model learnt is filled by a draw given what else the row has. All other cells, columns and
their order stay as they are. Models that complete rows: trees, boost, tokens, copula. docs/impute.md says more.")]
pub struct Impute {
    /// A run directory or a .safetensors file.
    pub model: PathBuf,
    /// The table with empty cells; it has every column that the model learnt. `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// .csv, .tsv, .json, .jsonl (also .gz, .zst), .parquet or .arrow; standard output as text when not given.
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// So many completed tables, each a draw of its own: `-o filled.csv` makes filled-1.csv, filled-2.csv ...
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub times: u16,
    /// One best guess in place of a draw: of numbers the median of many draws, of categories the commonest level.
    #[arg(long, conflicts_with = "times")]
    pub best: bool,
    /// Seed of what is random.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Replace a file that is there even where it is not as an earlier run left it.
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub reading: Reading,
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
  verisim score runs/adult new.csv                      a summary: unusual rows, drift
  verisim score runs/adult new.csv -o scores.csv        and a line a row of the file
  verisim score runs/adult new.csv --reference kept.csv measured against rows that were kept back
  verisim score runs/adult new.csv --json

Rows are measured against rows that the model draws itself, or against others by --reference. Models that can: trees, boost,
tokens. docs/impute.md says what a score means.")]
pub struct Score {
    /// A run directory or a .safetensors file.
    pub model: PathBuf,
    /// The table; it has every column that the model learnt. `-` is standard input.
    pub file: PathBuf,
    /// Write a line a row: .csv, .tsv, .json, .jsonl (also .gz, .zst), .parquet or .arrow.
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Measure against the rows of this file, such as some that were kept back, rather than the model's own.
    #[arg(long, value_name = "FILE")]
    pub reference: Option<PathBuf>,
    /// Rows of the model's own that the others are measured against.
    #[arg(long, value_name = "ROWS", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
    pub own: u32,
    /// Seed of these.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    #[command(flatten)]
    pub reading: Reading,
    /// Where to compute.
    #[arg(long, default_value = "auto")]
    pub device: Device,
    /// Print the summary as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  verisim evaluate --real train.csv --synthetic synthetic.csv --holdout test.csv --target income --html report.html
  verisim evaluate --real train.csv --synthetic synthetic.csv --holdout test.csv --sensitive sex --baselines --json report.json
  verisim evaluate --real mnist/train --synthetic digits/ --holdout mnist/t10k --html report.html --pairs pairs.png
  verisim evaluate --real photos/ --synthetic made/ --holdout kept-back/ --model runs/photos
  verisim evaluate --real stores.csv --synthetic made.csv --holdout kept.csv --key store --order month     whole sequences
  verisim evaluate --real load.csv --synthetic made.csv --holdout later.csv --order when --window 24       a long series

The hold-out is real rows or images that the model never saw (verisim split makes one); with it every score has its
ceiling, and privacy can be measured. docs/report.md says what each line of a report on tables claims. Images are compared
by the features of a small classifier, which is trained on the real ones first; two more learn from synthetic and from as many real ones. A minute each for 28 x 28 pixels on two cores.")]
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
    /// Series: the column that says whose sequence a row belongs to; give it once a column. With it, or --order or --window, tables are
    /// compared as series.
    #[arg(long, value_name = "COLUMN")]
    pub key: Vec<String>,
    /// Series: the column that says when a row comes.
    #[arg(long, value_name = "COLUMN")]
    pub order: Option<String>,
    /// Series: of one long series, the steps of the windows that are compared [default: 24].
    #[arg(long, value_name = "STEPS")]
    pub window: Option<usize>,
    /// Texts: the column of tables that holds the text; tables are then compared by it, not as rows.
    #[arg(long, value_name = "COLUMN")]
    pub text: Option<String>,
    /// Texts: how many a side are compared at most [default: 10000].
    #[arg(long, value_name = "COUNT")]
    pub max_documents: Option<usize>,
    /// Tables: a column whose groups are looked at one by one, beside those of the target: sex, age. May be given more than once.
    #[arg(long, value_name = "COLUMN")]
    pub sensitive: Vec<String>,
    /// Tables: score all rows, however many; without it tables of more than 500,000 cells are scored on as many, drawn by the seed.
    #[arg(long)]
    pub full: bool,
    /// Tables: also score columns that know nothing of each other and a copy of the training rows, the ends of the scale.
    #[arg(long)]
    pub baselines: bool,
    /// Tables: take the kinds of the columns from this run directory or artefact rather than from the real rows. Images:
    /// bring them to the size and channels of its images, as data.images of its run did.
    #[arg(long, value_name = "MODEL")]
    pub model: Option<PathBuf>,
    /// Tables: what separates the cells of text files; found from their first lines when not given.
    #[arg(long)]
    pub delimiter: Option<char>,
    /// Tables: the format of standard input, where that is the data (`-`) [default: csv].
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Tables: text files have no header; their columns are column_1, column_2 ...
    #[arg(long)]
    pub no_header: bool,
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
  verisim inspect - --format jsonl < rows.jsonl         standard input
  verisim inspect photos/ --sheet sheet.png             a folder of images, a folder for each class or none
  verisim inspect photos/ --size 32x48                  as a model of that size would see them
  verisim inspect stores.csv --key store --order month  as series, the first of them drawn
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
    /// Series: the column that says whose sequence a row belongs to; give it once a column. With it or --order a table is shown as series.
    #[arg(long, value_name = "COLUMN")]
    pub key: Vec<String>,
    /// Series: the column that says when a row comes.
    #[arg(long, value_name = "COLUMN")]
    pub order: Option<String>,
    /// What separates the cells of a text file.
    #[arg(long)]
    pub delimiter: Option<char>,
    /// Tables: text files have no header; their columns are column_1, column_2 ...
    #[arg(long)]
    pub no_header: bool,
    /// Texts that mean "no value here"; give it once a text.
    #[arg(long, value_name = "TEXT")]
    pub missing: Vec<String>,
    /// The format of standard input, where that is the data (`-`) [default: csv].
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Print as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  verisim generate shop -n 100000 -o shop/              a CSV file a table
  verisim generate shop -o shop.db                      a SQLite database with keys; shop.sql is a file of SQL
  verisim generate my.toml -n 1000000 -o out/ --format parquet
  verisim generate road -n 20 -o road/                  20 scenes: pictures with masks, boxes, depth, flow; COCO and YOLO
  verisim generate my.toml -o part3/ --shard 3/8        the third of eight parts, made on another machine
  verisim generate my.toml -o postgresql://user@host/database
  verisim generate reviews.toml -o out/ --dry-run       what it would cost to ask the language model of docs/server.md

Every value is a function of the seed, its table, its column and its row: a column that is changed changes no other, and any number of
threads or parts gives the same rows. `verisim check` lists the worlds that come along; docs/rules.md has the language.")]
pub struct Generate {
    /// A world's file, or the name of one that comes along (see `verisim check`).
    pub world: PathBuf,
    /// Rows of its first table, or runs of its process; other tables grow with it, but for those that the file calls fixed. Of a scene: how
    /// many scenes.
    #[arg(short = 'n', long, value_name = "ROWS")]
    pub rows: Option<u64>,
    /// The seed, in place of the file's.
    #[arg(long)]
    pub seed: Option<u64>,
    /// A folder, a file that ends in .db, .sqlite or .sql, or a PostgreSQL address.
    #[arg(short, long, value_name = "TO")]
    pub output: String,
    /// Say what it would cost to ask language models, and send and write nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// The format of the files in a folder: csv (the default), parquet, jsonl or sql.
    #[arg(long, value_parser = world_format)]
    pub format: Option<verisim::world::Format>,
    /// Make the I-th of N parts of every table; put together they are the whole.
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub shard: Option<(u64, u64)>,
    /// Replace files that are there and were not written by verisim.
    #[arg(long)]
    pub force: bool,
    /// Where trained models are drawn on, if the world has any: auto, flex, ndarray or wgpu.
    #[arg(long, default_value = "auto")]
    pub device: Device,
    /// Print what was written as JSON to standard output.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  verisim augment classification --data photos/ -o more/ --times 3     three changed copies of each picture
  verisim augment detection --data coco/ --preview sheet.png           some of them before and after, with their boxes
  verisim augment detection --data coco/ -o more/ --set pictures.to=yolo
  verisim augment smote --data adult-train.csv -o more.csv --set target=income     rows of a table
  verisim augment speech --data clips/ -o more/ --replay drawn.jsonl   sounds; what was drawn is kept, or done again
  verisim augment typos --data notes.csv -o more.csv                   columns of text
  verisim augment my.toml --data plant.csv -o more.csv --set series='[{ jitter = {} }]'
  verisim config detection > my.toml                                   a pipeline that comes along, to change
  verisim augment --steps image                                        all steps for pictures, with their settings

What happens to an item follows from the seed, the item and the pass alone: any number of threads or parts gives the same bytes. Part
data first (`verisim split`): what was kept back to measure with is refused. docs/augment.md lists the steps.")]
pub struct Augment {
    /// A pipeline's file, or the name of one that comes along (see `verisim config`).
    #[arg(required_unless_present_any = ["steps", "join"])]
    pub pipeline: Option<PathBuf>,
    /// The data: a set of pictures, a table, a file of series, a folder of sounds or documents.
    #[arg(long, value_name = "PATH", required_unless_present_any = ["steps", "join"])]
    pub data: Option<PathBuf>,
    /// List the steps that there are and their settings: all, or those of a kind, `image`, `table`, `series`, `text` or `sound`.
    #[arg(long, value_name = "KIND", num_args = 0..=1, default_missing_value = "all", conflicts_with_all = ["data", "output", "preview"])]
    pub steps: Option<String>,
    /// Of pictures: put together the folders that the shards of one run made.
    #[arg(long, value_name = "FOLDER", num_args = 1.., conflicts_with_all = ["data", "preview", "steps"])]
    pub join: Option<Vec<PathBuf>>,
    /// A folder or a file, as the data are.
    #[arg(short, long, value_name = "PATH", required_unless_present_any = ["preview", "steps"])]
    pub output: Option<PathBuf>,
    /// Of pictures: draw some of them before and after into this file, and write nothing else.
    #[arg(long, value_name = "PNG", conflicts_with = "output")]
    pub preview: Option<PathBuf>,
    /// How often each item is changed.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub times: u64,
    /// Write what was made alone, without what there was.
    #[arg(long)]
    pub no_originals: bool,
    /// The seed, in place of the pipeline's.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Set a key of the pipeline, e.g. seed=7. May be given more than once.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Make the I-th of N parts; put together they are the whole.
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub shard: Option<(u64, u64)>,
    /// Of folders: write what was drawn into this file, a line of JSON an item; where the file is there already, do again what it says.
    #[arg(long, value_name = "JSONL")]
    pub replay: Option<PathBuf>,
    /// Replace what is there already.
    #[arg(long)]
    pub force: bool,
    /// Change the data though their name says that they were kept back to measure with.
    #[arg(long)]
    pub even_holdout: bool,
    /// Print what was written as JSON to standard output.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  verisim leaks photos/train photos/test                pictures that are on both sides: mirrored, turned, lighter, cropped a little
  verisim leaks adult-train.csv adult-holdout.csv       rows that are the same in all columns but keys")]
pub struct Leaks {
    /// What is learnt: a set of pictures, or a table.
    pub first: PathBuf,
    /// What was kept back.
    pub second: PathBuf,
    /// End with an error where there are copies.
    #[arg(long)]
    pub strict: bool,
    /// Print as JSON.
    #[arg(long)]
    pub json: bool,
}

/// A format of tables.
fn world_format(said: &str) -> Result<verisim::world::Format, String> {
    use verisim::world::Format;
    match said {
        "csv" => Ok(Format::Csv),
        "parquet" => Ok(Format::Parquet),
        "jsonl" => Ok(Format::Jsonl),
        "sql" => Ok(Format::Sql),
        _ => Err("there are csv, parquet, jsonl and sql".to_owned()),
    }
}

/// A part of how many.
fn shard(said: &str) -> Result<(u64, u64), String> {
    let parts = said.split_once('/').and_then(|(i, n)| Some((i.trim().parse().ok()?, n.trim().parse().ok()?)));
    parts.filter(|(i, n)| (1..=*n).contains(i)).ok_or_else(|| "write it as 3/8: the third of eight parts".to_owned())
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  verisim check                                         the worlds that come along
  verisim check shop                                    its tables, what its columns are and what each depends on
  verisim check shop --preview                          ten rows of each table
  verisim check shop --print > my.toml                  its file, to change
  verisim check road --sheet road.png                   a picture of its scenes and their labels")]
pub struct Check {
    /// A world's file, or the name of one that comes along; without it, those are listed.
    pub world: Option<PathBuf>,
    /// Show so many rows of each table.
    #[arg(long, value_name = "ROWS", num_args = 0..=1, default_missing_value = "10")]
    pub preview: Option<usize>,
    /// Print the file.
    #[arg(long, conflicts_with = "preview")]
    pub print: bool,
    /// Of a world with a scene: a picture of a few frames and their labels.
    #[arg(long, value_name = "PNG", conflicts_with_all = ["preview", "print"])]
    pub sheet: Option<PathBuf>,
    /// Rows of its first table.
    #[arg(short = 'n', long, value_name = "ROWS")]
    pub rows: Option<u64>,
    /// The seed, in place of the file's.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Where trained models are drawn on, if the world has any: auto, flex, ndarray or wgpu.
    #[arg(long, default_value = "auto")]
    pub device: Device,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  verisim world adult.csv > adult.toml                  then change it, and: verisim generate adult.toml -o out/

A copy by rules, without learning: each column gets a distribution, and numbers their correlations. Levels and ranges are those of the data.")]
pub struct World {
    /// A table (.csv, .jsonl, .parquet ...), or a schema: .sql, .avsc, JSON Schema or OpenAPI as .json.
    pub file: PathBuf,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  verisim edge-cases order.toml -o cases.csv            a form: docs/edge-cases.md has its language
  verisim edge-cases shop.sql --table orders            CREATE TABLE; also JSON Schema, OpenAPI and Avro
  verisim edge-cases data.csv -o cases.jsonl            what the rows of a table say that its columns are
  verisim edge-cases shop --table orders                a world
  verisim edge-cases model.pict --strength 3            a model of PICT: all combinations of three parameters
  verisim edge-cases data.csv --stress 0.02 -o bad.csv  its rows with faults, duplicates and late ones, each marked
  verisim edge-cases runs/adult --rare 100              the least likely of many rows that a trained model draws")]
pub struct EdgeCases {
    /// What is tested: a form, a schema, a table, a world, a model of PICT, or a trained model.
    pub of: PathBuf,
    /// A file that ends in .csv or .jsonl [default: standard output, as CSV].
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Which table, where there are several.
    #[arg(long)]
    pub table: Option<String>,
    /// Cover all combinations of the values of so many fields.
    #[arg(long, value_name = "FIELDS", default_value_t = 2)]
    pub strength: usize,
    /// Leave out rows with faults.
    #[arg(long)]
    pub valid: bool,
    /// In place of cases, the rows of a table of which such a share is faulty, such a share comes twice, and such a share late.
    #[arg(long, value_name = "SHARE", conflicts_with = "valid")]
    pub stress: Option<f64>,
    /// Replace a file that is there and was not written by verisim.
    #[arg(long)]
    pub force: bool,
    /// Of a trained model: how many of its least likely rows.
    #[arg(long, value_name = "ROWS", default_value_t = 100)]
    pub rare: usize,
    /// Seed of what is random.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Where a trained model is drawn on: auto, flex, ndarray or wgpu.
    #[arg(long, default_value = "auto")]
    pub device: Device,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  verisim split adult.csv                               a fifth of the rows, at random
  verisim split visits.parquet --holdout 0.1 --by patient
  verisim split sales.csv --time day -o parts/          the last fifth of the days
  verisim split load.csv --last --gap 24                the last rows, and none of the 24 before them

Rows are copied as they stand. A hold-out that is cut from the end of a sorted file judges a good model as bad: part at random,
by a key where rows of one key are alike (a customer, a patient), or by time where the future is what counts.")]
pub struct Split {
    /// A table: .csv, .tsv (also .gz, .zst, which are written unpacked), .jsonl or .parquet.
    pub file: PathBuf,
    /// What part of the rows is kept back.
    #[arg(long, value_name = "PART", default_value_t = 0.2)]
    pub holdout: f64,
    /// Keep rows with the same value in this column together.
    #[arg(long, value_name = "COLUMN", conflicts_with = "time")]
    pub by: Option<String>,
    /// Keep back the last rows in the order of this column.
    #[arg(long, value_name = "COLUMN")]
    pub time: Option<String>,
    /// Keep back the last rows of the file, as it lies.
    #[arg(long, conflicts_with_all = ["by", "time"])]
    pub last: bool,
    /// With --time or --last: leave out so many rows before those that are kept back, so that no window of a series reaches into both.
    #[arg(long, value_name = "ROWS", default_value_t = 0)]
    pub gap: usize,
    /// Seed of what is random.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// A folder, or how both names begin [default: beside the file, after its name].
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Replace files that are there already.
    #[arg(long)]
    pub force: bool,
    /// What separates the cells of a text file; found from its first lines when not given.
    #[arg(long)]
    pub delimiter: Option<char>,
    /// Tables: text files have no header; their columns are column_1, column_2 ...
    #[arg(long)]
    pub no_header: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  verisim config                                        the names, and a line on each
  verisim config tvae > my.toml                         then change it, and: verisim train my.toml --data FILE
  verisim config --schema > verisim.schema.json         `#:schema verisim.schema.json` at the top of a config makes editors
                                                        that know TOML complete its keys")]
pub struct Config {
    /// The one to print.
    pub name: Option<String>,
    /// Print the JSON schema of configs instead.
    #[arg(long, conflicts_with = "name")]
    pub schema: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  verisim completions bash > ~/.local/share/bash-completion/completions/verisim
  verisim completions zsh > ~/.zfunc/_verisim
  verisim completions fish > ~/.config/fish/completions/verisim.fish")]
pub struct Completions {
    /// The shell.
    pub shell: clap_complete::Shell,
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
            .with("key_offset", self.key_offset)
            .with("delimiter", self.delimiter)
            .with("given", &self.given)
            .with("force", self.force.then_some(true))
            .with("length", self.length)
            .with("start", &self.start)
            .with("horizon", self.horizon)
            .with("grid", &self.grid)
            .with("interpolate", &self.interpolate)
            .with("steps", self.steps)
            .with_number("guidance", self.guidance)
            .with_number("temperature", self.temperature)
            .with_number("top_p", self.top_p)
            .with("prompt", &self.prompt)
            .with("role", &self.role)
            .with("top_k", self.top_k)
            .with_number("min_p", self.min_p)
            .with_number("repetition", self.repetition)
            .with("max_tokens", self.max_tokens)
            .with("stop", given(&self.stop))
            .with("regex", &self.regex)
            .with("schema", &self.schema)
            .with("one_of", given(&self.one_of))
    }
}

impl Impute {
    /// What was typed.
    pub fn ask(&self) -> verisim::impute::Ask {
        verisim::impute::Ask {
            input: self.input.clone(),
            times: usize::from(self.times),
            best: self.best,
            seed: self.seed,
            replace: self.force,
            delimiter: self.reading.delimiter,
            header: self.reading.no_header.then_some(false),
            missing: given(&self.reading.missing).map(<[String]>::to_vec),
        }
    }
}

impl Score {
    /// What was typed.
    pub fn ask(&self) -> verisim::score::Ask {
        verisim::score::Ask {
            input: self.file.clone(),
            reference: self.reference.clone(),
            own: self.own as usize,
            seed: self.seed,
            delimiter: self.reading.delimiter,
            header: self.reading.no_header.then_some(false),
            missing: given(&self.reading.missing).map(<[String]>::to_vec),
        }
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
            .with("header", self.no_header.then_some(false))
            .with("missing", given(&self.missing))
            .with("size", self.size)
            .with("features", &self.features)
            .with("pairs", &self.pairs)
            .with("device", self.device.map(|device| device.0.name()))
            .with("seed", self.seed)
            .with("sensitive", given(&self.sensitive))
            .with("key", given(&self.key))
            .with("order", &self.order)
            .with("window", self.window)
            .with("text", &self.text)
            .with("max_documents", self.max_documents)
            .with("full", self.full.then_some(true))
            .with("baselines", self.baselines.then_some(true))
            .with(
                "command",
                std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" "),
            )
    }
}

impl Inspect {
    /// What was typed of the inspection, as far as anything was.
    pub fn ask(&self) -> Ask {
        Ask::new()
            .with("sheet", &self.sheet)
            .with("size", self.size)
            .with("key", given(&self.key))
            .with("order", &self.order)
            .with("delimiter", self.delimiter)
            .with("header", self.no_header.then_some(false))
            .with("missing", given(&self.missing))
    }
}

/// A list that is not empty.
fn given<T>(list: &[T]) -> Option<&[T]> {
    (!list.is_empty()).then_some(list)
}
