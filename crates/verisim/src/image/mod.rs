//! Images, as the verbs want them.

mod eyes;
mod inspect;

use std::path::{Path, PathBuf};

use schemars::{Schema, SchemaGenerator};
use verisim_data::image::{Images, Shape, Spec, Writer, grid, magnified, png_bytes};
use verisim_data::rng::{below, stream};
use verisim_infer::image::{Ask, Pictures};
use verisim_infer::{Artefact, Generator as _};
use verisim_metrics::image::Eyes;

pub use inspect::InspectAsk;

use crate::device::{Choice, choose};
use crate::error::{Error, Result};
use crate::kind::{Inspected, Kind};

/// Images between two others in one picture, at most.
const MOST_BETWEEN: usize = 400;
/// Images in a row of a picture of a sample.
const WIDE: usize = 10;

impl Kind for Images {
    const DEFAULT: &'static str = "vae";
    const FIRST: &'static str = "synthetic/";
    const STAND_IN: &'static str = "stand-in images";
    const STREAMS: bool = false;
    type InspectAsk = InspectAsk;

    fn inspect(path: &Path, ask: &InspectAsk) -> Result<Inspected> {
        inspect::inspect(path, ask)
    }

    fn config_schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(verisim_train::schema::<Images>(generator))
    }

    fn describe(spec: &Spec) -> String {
        inspect::describe(spec)
    }

    fn eyes(ask: &verisim_metrics::image::Ask) -> Result<Box<dyn Eyes>> {
        let device = ask.device.as_deref().map_or(Ok(Choice::Auto), Choice::named)?;
        Ok(Box::new(eyes::Networks::new(choose(device)?.machine)))
    }

    fn picture_at(ask: &Ask) -> Result<Option<&Path>> {
        if ask.grid.is_some() && ask.interpolate.is_some() && ask.count() > MOST_BETWEEN {
            let problem = format!("a grid shows at most {MOST_BETWEEN} images between two others; lower `n`");
            return Err(Error::Ask { problem });
        }
        Ok(ask.grid.as_deref())
    }

    fn picture(artefact: &Artefact<Images>, ask: &Ask) -> Result<Vec<u8>> {
        let wide = if ask.interpolate.is_some() { ask.count().min(16) } else { WIDE };
        let pixels = Pictures::new(artefact, ask)?.sheet(wide)?;
        let shape = artefact.spec.shape;
        let (pixels, whole) = grid(&pixels, shape, wide, 2, magnified(shape));
        Ok(png_bytes(&pixels, whole, &artefact.says())?)
    }

    /// Grey noise of 28 x 28 pixels in ten classes.
    fn stand_in(folder: &Path) -> Result<PathBuf> {
        const IMAGES: usize = 8000;
        let shape = Shape { height: 28, width: 28, channels: 1 };
        let classes: Vec<String> = (0..10).map(|c| c.to_string()).collect();
        let mut rng = stream(0, "stand-in images", 0);
        let pixels: Vec<u8> = (0..IMAGES * shape.len()).map(|_| below(&mut rng, 256) as u8).collect();
        let labels: Vec<u32> = (0..IMAGES as u32).map(|i| i % 10).collect();
        let mut writer = Writer::create(&folder.join("noise-images-idx3-ubyte"), shape, &classes, IMAGES, &[])?;
        writer.write(&pixels, &labels)?;
        writer.finish()?;
        Ok(folder.join("noise"))
    }

    fn bench_ask(seed: u64) -> Ask {
        Ask { n: Some(128), seed, ..Ask::default() }
    }
}
