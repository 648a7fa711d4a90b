//! Shows a scene and how fast it is made: `scene WORLD.toml [SEED] [OUT]` prints how many frames with all labels a core makes in a
//! second. With OUT.png it writes the picture that `sheet` makes, with another OUT a folder of four scenes.

use std::error::Error;
use std::fs;
use std::time::Instant;

use verisim_data::Quiet;
use verisim_rules::scene::{Scene, frames, sheet, write};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let world = arguments.next().ok_or("name a world, e.g. configs/worlds/road.toml")?;
    let seed = arguments.next().map_or(Ok(0), |s| s.parse())?;
    let mut file: toml::Table = fs::read_to_string(&world)?.parse()?;
    let scene: Scene = file.remove("scene").ok_or("the world has no table [scene]")?.try_into()?;
    scene.check()?;
    let out = arguments.next();
    if let Some(folder) = out.as_ref().filter(|o| !o.ends_with(".png")) {
        let summary = write(&scene, seed, 0..4, folder.as_ref(), &mut Quiet)?;
        std::io::Write::write_all(&mut std::io::stdout(), format!("{summary:?}\n").as_bytes())?;
        return Ok(());
    }
    if let Some(out) = out {
        let picture = sheet(&scene, seed)?;
        let mut encoder = png::Encoder::new(fs::File::create(&out)?, picture.width as u32, picture.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header()?.write_image_data(&picture.pixels)?;
    }
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let began = Instant::now();
    let made = one.install(|| -> Result<usize, verisim_rules::Error> {
        let mut made = 0;
        for number in 0..4 {
            made += frames(&scene, seed, number, 0..scene.frames)?.1.len();
        }
        Ok(made)
    })?;
    let seconds = began.elapsed().as_secs_f64();
    let [width, height] = [scene.width, scene.height];
    let said = format!(
        "{made} frames of {width} x {height} in {seconds:.2} s: {:.1} a second and core\n",
        made as f64 / seconds
    );
    std::io::Write::write_all(&mut std::io::stdout(), said.as_bytes())?;
    Ok(())
}
