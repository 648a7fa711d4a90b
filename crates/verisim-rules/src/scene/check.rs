//! What settings must be, said by key.

use super::number::{Number, OneOf, check_triple, colour, triple};
use super::settings::{Camera, Ground, Group, Lamp, Repeat, Scene, Size, Texture};
use crate::error::{Error, Result};

/// The longest scene that is made, in seconds: poses of all frames are held in memory.
const LONGEST: f64 = 3600.0;

fn setting<T>(key: &str, what: impl Into<String>) -> Result<T> {
    Err(Error::Setting { key: key.into(), what: what.into() })
}

fn check_list<T>(list: &OneOf<T>, key: &str) -> Result<()> {
    if list.all().is_empty() { setting(key, "is an empty list; name one at least") } else { Ok(()) }
}

fn check_colours(list: &OneOf<String>, key: &str) -> Result<()> {
    check_list(list, key)?;
    list.all().iter().try_for_each(|text| colour(text, key).map(drop))
}

fn check_positive(value: f64, key: &str) -> Result<()> {
    if value.is_finite() && value > 0.0 { Ok(()) } else { setting(key, format!("must be above 0, not {value}")) }
}

const FAR: f64 = 1e5;

impl Scene {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::Setting`] that names the key and what it must be.
    pub fn check(&self) -> Result<()> {
        for (key, side) in [("width", self.width), ("height", self.height)] {
            if !(1..=4096).contains(&side) {
                return setting(key, format!("must be from 1 to 4096 pixels, not {side}"));
            }
        }
        if self.frames == 0 {
            return setting("frames", "must be 1 or more");
        }
        check_positive(self.rate, "rate")?;
        if !(self.settle.is_finite() && self.settle >= 0.0) {
            return setting("settle", format!("must be 0 or more, not {}", self.settle));
        }
        let seconds = self.frames as f64 / self.rate + self.settle;
        if seconds > LONGEST {
            return setting("frames", format!("take {seconds:.0} s with `settle`; a scene has {LONGEST} s at most"));
        }
        if !(1..=4).contains(&self.samples) {
            return setting("samples", format!("must be from 1 to 4, not {}", self.samples));
        }
        self.camera.check(&self.objects)?;
        self.sun.elevation.check("sun.elevation", -90.0, 90.0)?;
        self.sun.azimuth.check("sun.azimuth", -FAR, FAR)?;
        self.sun.strength.check("sun.strength", 0.0, 1e3)?;
        check_colours(&self.sun.colour, "sun.colour")?;
        check_colours(&self.sky.zenith, "sky.zenith")?;
        check_colours(&self.sky.horizon, "sky.horizon")?;
        self.sky.ambient.check("sky.ambient", 0.0, 1e3)?;
        self.sky.clouds.check("sky.clouds", 0.0, 1.0)?;
        self.weather.fog.check("weather.fog", 0.0, 10.0)?;
        self.weather.rain.check("weather.rain", 0.0, 500.0)?;
        self.weather.night.check("weather.night", 0.0, 1.0)?;
        self.ground.check()?;
        for (i, lamp) in self.lamps.iter().enumerate() {
            lamp.check(&format!("lamps[{i}]"))?;
        }
        for (i, group) in self.objects.iter().enumerate() {
            group.check(&format!("objects[{i}]"))?;
            if let Some(name) = &group.name
                && self.objects[..i].iter().any(|other| other.name.as_ref() == Some(name))
            {
                return setting(
                    &format!("objects[{i}].name"),
                    format!("`{name}` is the name of two groups; change one"),
                );
            }
        }
        if super::classes::Classes::of(self).names.len() > 255 {
            return setting("objects", "have more than 255 classes, ground and sky included; a class mask has 8 bits");
        }
        Ok(())
    }
}

impl Camera {
    fn check(&self, objects: &[Group]) -> Result<()> {
        check_triple(&self.position, "camera.position", -FAR, FAR)?;
        check_triple(&self.look_at, "camera.look_at", -FAR, FAR)?;
        self.fov.check("camera.fov", 1.0, 170.0)?;
        self.roll.check("camera.roll", -FAR, FAR)?;
        self.k1.check("camera.k1", -2.0, 2.0)?;
        self.k2.check("camera.k2", -2.0, 2.0)?;
        self.exposure.check("camera.exposure", 0.0, 1e4)?;
        self.noise.check("camera.noise", 0.0, 1.0)?;
        check_triple(&self.velocity, "camera.velocity", -1e3, 1e3)?;
        self.orbit.check("camera.orbit", -1e4, 1e4)?;
        check_path(&self.path, "camera.path")?;
        let moves = self.velocity != triple(0.0, 0.0, 0.0) || self.orbit != Number::Fixed(0.0);
        if !self.path.is_empty() && (moves || self.with.is_some()) {
            return setting("camera.path", "cannot go with `velocity`, `orbit` or `with`; keep one way to move");
        }
        if let Some(name) = &self.with {
            let Some(group) = objects.iter().find(|g| g.name.as_ref() == Some(name)) else {
                return setting("camera.with", format!("names `{name}`, and no group of `objects` has this name"));
            };
            if group.repeat.is_none() && group.count.range().0 < 0.5 {
                return setting("camera.with", format!("names `{name}`, whose `count` may be 0; make it 1 or more"));
            }
        }
        Ok(())
    }
}

fn check_path(path: &[[f64; 3]], key: &str) -> Result<()> {
    if path.len() == 1 {
        return setting(key, "has one point; a path has two or more");
    }
    match path.iter().flatten().find(|x| !x.is_finite() || x.abs() > FAR) {
        Some(x) => setting(key, format!("has the number {x}; it must be from -{FAR} to {FAR}")),
        None => Ok(()),
    }
}

impl Ground {
    fn check(&self) -> Result<()> {
        check_list(&self.texture, "ground.texture")?;
        check_colours(&self.colour, "ground.colour")?;
        check_colours(&self.second, "ground.second")?;
        self.scale.check("ground.scale", 1e-3, FAR)?;
        self.shine.check("ground.shine", 0.0, 1.0)?;
        self.hills.check("ground.hills", 0.0, 1e3)?;
        self.hill_size.check("ground.hill_size", 0.1, FAR)?;
        if !(1..=16).contains(&self.road.lanes) {
            return setting("ground.road.lanes", format!("must be from 1 to 16, not {}", self.road.lanes));
        }
        check_positive(self.road.lane_width, "ground.road.lane_width")?;
        if !(self.road.pavement.is_finite() && self.road.pavement >= 0.0) {
            return setting("ground.road.pavement", format!("must be 0 or more, not {}", self.road.pavement));
        }
        match self.road.crossings.iter().find(|x| !x.is_finite()) {
            Some(x) => setting("ground.road.crossings", format!("has {x}; it must be finite")),
            None => Ok(()),
        }
    }
}

impl Lamp {
    fn check(&self, at: &str) -> Result<()> {
        check_triple(&self.position, &format!("{at}.position"), -FAR, FAR)?;
        check_colours(&self.colour, &format!("{at}.colour"))?;
        self.strength.check(&format!("{at}.strength"), 0.0, 1e6)?;
        self.reach.check(&format!("{at}.reach"), 0.01, FAR)?;
        self.cone.check(&format!("{at}.cone"), 1.0, 360.0)?;
        check_triple(&self.aim, &format!("{at}.aim"), -FAR, FAR)?;
        self.repeat.as_ref().map_or(Ok(()), |r| r.check(&format!("{at}.repeat")))
    }
}

impl Repeat {
    fn check(&self, at: &str) -> Result<()> {
        let places = self.count.iter().try_fold(1usize, |n, &c| n.checked_mul(c));
        if !places.is_some_and(|n| (1..=10_000).contains(&n)) {
            return setting(&format!("{at}.count"), "must make from 1 to 10000 places");
        }
        if let Some(x) = self.step.iter().find(|x| !x.is_finite()) {
            return setting(&format!("{at}.step"), format!("has {x}; it must be finite"));
        }
        self.filled.check(&format!("{at}.filled"), 0.0, 1.0)
    }
}

impl Group {
    fn check(&self, at: &str) -> Result<()> {
        let key = |name: &str| format!("{at}.{name}");
        check_list(&self.shape, &key("shape"))?;
        self.count.check(&key("count"), 0.0, 10_000.0)?;
        if let Some(repeat) = &self.repeat {
            repeat.check(&key("repeat"))?;
            if self.count != Number::Fixed(1.0) {
                return setting(&key("count"), "cannot go with `repeat`, which says how many there are; remove one");
            }
        }
        if self.class.as_deref() == Some("") {
            return setting(&key("class"), "is empty; give it a name");
        }
        match &self.size {
            Some(Size::Sides(sides)) => check_triple(sides, &key("size"), 1e-3, 1e3)?,
            Some(Size::Height(height)) => height.check(&key("size"), 1e-3, 1e3)?,
            None => {}
        }
        check_triple(&self.position, &key("position"), -FAR, FAR)?;
        for (name, angle) in [("yaw", &self.yaw), ("pitch", &self.pitch), ("roll", &self.roll)] {
            angle.check(&key(name), -FAR, FAR)?;
        }
        if let Some(apart) = self.apart
            && !(apart.is_finite() && apart >= 0.0)
        {
            return setting(&key("apart"), format!("must be 0 or more, not {apart}"));
        }
        check_colours(&self.colour, &key("colour"))?;
        check_colours(&self.second, &key("second"))?;
        check_list(&self.material, &key("material"))?;
        check_list(&self.texture, &key("texture"))?;
        if self.texture.all().contains(&Texture::Road) {
            return setting(&key("texture"), "`road` is for the ground; choose another");
        }
        self.scale.check(&key("scale"), 1e-3, FAR)?;
        if let Some(face) = &self.face {
            check_list(face, &key("face"))?;
            for shape in self.shape.all() {
                if let Some(bad) = face.all().iter().find(|f| !f.fits(*shape)) {
                    let what =
                        format!("`{}` is nothing that a {} shows; see `docs/scenes.md`", bad.name(), shape.name());
                    return setting(&key("face"), what);
                }
            }
        }
        check_triple(&self.velocity, &key("velocity"), -1e3, 1e3)?;
        self.speed.check(&key("speed"), -1e3, 1e3)?;
        check_triple(&self.spin, &key("spin"), -1e5, 1e5)?;
        check_path(&self.path, &key("path"))?;
        if !self.path.is_empty() && self.physics {
            return setting(&key("path"), "cannot go with `physics`; a body follows a path or falls freely");
        }
        if !self.path.is_empty() && self.speed.range().0 < 0.0 {
            return setting(&key("speed"), "must not be negative on a `path`; turn the path round");
        }
        self.density.check(&key("density"), 1e-3, 1e5)?;
        self.friction.check(&key("friction"), 0.0, 10.0)?;
        self.bounce.check(&key("bounce"), 0.0, 1.0)
    }
}
