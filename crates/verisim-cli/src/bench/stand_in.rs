//! Data for configs whose own are not there: what a step costs hardly depends on what the data say.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use verisim_data::image::{ImageShape, ImageWriter, is_image_source};
use verisim_data::rng::{below, stream};
use verisim_models::{Kind, ModelConfig};
use verisim_train::Job;

use crate::demo::wine;

/// Images of the stand-in set.
const IMAGES: usize = 8000;

/// Times that the wines are written, so that batches are as large as with a table of usual length.
const TIMES: usize = 10;

/// A temporary folder with a table (the wines of `verisim demo`, ten times over), images (28 x 28 grey noise in ten classes),
/// and a config for each model.
pub struct StandIn {
    folder: TempDir,
}

/// A job to be measured.
pub struct Case {
    /// Name of the config, without its ending.
    pub name: String,
    pub job: Job,
    /// The config file that makes the job...
    pub config: PathBuf,
    /// ... and the settings: those given, and where the stand-in data are.
    pub set: Vec<String>,
    /// What is learnt, for people.
    pub data: String,
}

impl StandIn {
    pub fn new() -> Result<StandIn> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let this = StandIn { folder };
        let once = this.path("once.csv");
        wine(&once, &this.path("rest.csv"))?;
        let text = std::fs::read_to_string(&once)?;
        let (header, lines) = text.split_once('\n').unwrap_or_default();
        std::fs::write(this.data(Kind::Table), format!("{header}\n{}", lines.repeat(TIMES)))?;

        let shape = ImageShape { height: 28, width: 28, channels: 1 };
        let classes: Vec<String> = (0..10).map(|c| c.to_string()).collect();
        let mut rng = stream(0, "stand-in images", 0);
        let pixels: Vec<u8> = (0..IMAGES * shape.len()).map(|_| below(&mut rng, 256) as u8).collect();
        let labels: Vec<u32> = (0..IMAGES as u32).map(|i| i % 10).collect();
        let mut writer = ImageWriter::create(&this.path("noise-images-idx3-ubyte"), shape, &classes, IMAGES, &[])?;
        writer.write(&pixels, &labels)?;
        writer.finish()?;
        Ok(this)
    }

    /// The job of a config file, or of a model by its name with default settings.
    pub fn case(&self, config: &Path, set: &[String]) -> Result<Case> {
        let name = config.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut path = config.to_path_buf();
        if !config.exists() {
            if !ModelConfig::NAMES.iter().any(|n| Path::new(n) == config) {
                let known = ModelConfig::NAMES.join(", ");
                bail!("{}: no such config file, and no model of that name; models are {known}", config.display());
            }
            path = self.path(&format!("{name}.toml"));
            std::fs::write(&path, format!("[data]\npath = \"none\"\n\n[model.{name}]\n"))?;
        }
        let mut set = set.to_vec();
        let mut job = Job::read(&path, &set)?;
        let there = job.data.path.exists() || is_image_source(&job.data.path);
        let mut data = job.data.path.display().to_string();
        if !there && !set.iter().any(|s| s.trim_start().starts_with("data.path")) {
            let kind = job.model.kind();
            set.push(format!("data.path={}", self.data(kind).display()));
            job = Job::read(&path, &set)?;
            data = match kind {
                Kind::Table => "stand-in table".into(),
                Kind::Images => "stand-in images".into(),
            };
        }
        Ok(Case { name, job, config: path, set, data })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn data(&self, kind: Kind) -> PathBuf {
        self.path(match kind {
            Kind::Table => "wines.csv",
            Kind::Images => "noise",
        })
    }
}
