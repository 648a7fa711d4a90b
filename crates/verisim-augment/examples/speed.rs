//! How many pictures a second a pipeline changes, on one thread.
//!
//! ```text
//! cargo run --release -p verisim-augment --example speed -- photo.png < pipelines.txt
//! ```
//!
//! Each line of the input is how long to run, in seconds, a space, and a pipeline as TOML on one line: `image = [{ blur = {} }]`. The
//! pipeline is applied to the picture as items 0, 1, 2, ... for that long, and what came of it is a line of JSON: how many pictures, and
//! the seconds of the processor that they took.

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use verisim_augment::image::Picture;
use verisim_augment::{Item, Pipeline, apply};

/// Seconds that this thread has had a processor for, where the system tells; other work on the machine is not in them.
fn on_processor() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(text.split(' ').next()?.parse::<f64>().ok()? * 1e-9)
}

struct Clock {
    wall: Instant,
    processor: Option<f64>,
}

impl Clock {
    fn start() -> Clock {
        Clock { wall: Instant::now(), processor: on_processor() }
    }

    fn seconds(&self) -> f64 {
        match (self.processor, on_processor()) {
            (Some(from), Some(to)) => to - from,
            _ => self.wall.elapsed().as_secs_f64(),
        }
    }
}

/// Pictures, and the seconds that they took.
fn measure(pipeline: &Pipeline, item: &Item, seconds: f64) -> verisim_augment::Result<(u64, f64)> {
    let mut done = 0;
    let clock = Clock::start();
    loop {
        // The clock is asked rarely, for it is a call to the system.
        for _ in 0..4 {
            std::hint::black_box(apply(pipeline, item, done, 0)?);
            done += 1;
        }
        let taken = clock.seconds();
        if taken >= seconds {
            return Ok((done, taken));
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("name a picture: speed photo.png < pipelines.txt")?;
    let item = Item::from(Picture::read(Path::new(&path))?);
    let mut out = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (seconds, pipeline) = line.split_once(' ').ok_or("a line is seconds, a space, and a pipeline")?;
        let (images, seconds) = measure(&Pipeline::from_toml(pipeline)?, &item, seconds.parse()?)?;
        writeln!(out, "{{\"images\":{images},\"seconds\":{seconds}}}")?;
        out.flush()?;
    }
    Ok(())
}
