//! Sampling images: image `i` is a function of the seed and its number.

use std::collections::HashSet;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize};
use verisim_data::image::{Chunk, Images, Spec};
use verisim_data::rng::stream;
use verisim_models::image::{Sampler, Tuning, noise_of, render, sheet, together};

use crate::artefact::{Artefact, DEFAULT_COUNT};
use crate::error::{Error, Result};
use crate::generator::{Generate, Made, Plan};

/// What a sample of images is asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ask {
    /// Number of images; 1,000 when not given, of those between two others 16.
    pub n: Option<usize>,
    /// Seed of the sample.
    pub seed: u64,
    /// `class=NAME` or `class!=NAME`, all of which must hold.
    #[serde(rename = "where")]
    pub conditions: Vec<String>,
    /// `class` for as many images of each class, dealt out in turn.
    pub balance: Option<String>,
    /// The images on the way from one image of the sample to another, rather than the sample itself.
    pub interpolate: Option<[u64; 2]>,
    /// A picture of the sample to be drawn beside it.
    pub grid: Option<PathBuf>,
    /// Steps of the sampler, in place of the config's; fewer are faster.
    pub steps: Option<usize>,
    /// How strongly images follow their class, in place of the config's; a number, or the text of one.
    #[serde(deserialize_with = "number_or_text")]
    pub guidance: Option<f64>,
}

/// JSON writes numbers that are not finite as text. They are refused where they are used, with their range.
fn number_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a number")]
    enum Given {
        Number(f64),
        Text(String),
    }
    match Option::<Given>::deserialize(deserializer)? {
        Some(Given::Number(x)) => Ok(Some(x)),
        Some(Given::Text(text)) => text.parse().map(Some).map_err(serde::de::Error::custom),
        None => Ok(None),
    }
}

impl Ask {
    /// Number of images.
    pub fn count(&self) -> usize {
        self.n.unwrap_or(if self.interpolate.is_some() { BETWEEN } else { DEFAULT_COUNT })
    }
}

/// Images between two others, the two included, unless the number is given.
const BETWEEN: usize = 16;

impl Generate for Images {
    type Ask = Ask;

    fn plan<'a>(artefact: &'a Artefact<Images>, ask: &Ask) -> Result<Box<dyn Plan<Images> + 'a>> {
        Ok(Box::new(Pictures::new(artefact, ask)?))
    }
}

/// A sample of images, ready to be drawn.
pub struct Pictures<'a> {
    artefact: &'a Artefact<Images>,
    ask: Ask,
    /// The model with the sampler's settings that were asked for, if they were.
    tuned: Option<Box<dyn Sampler>>,
    /// The classes that images may be of; none named where all are.
    allowed: Vec<u32>,
    /// The classes that images were learnt of.
    learnt: Vec<u32>,
}

impl Plan<Images> for Pictures<'_> {
    fn count(&self) -> u64 {
        self.ask.count() as u64
    }

    fn chunks(&self) -> u64 {
        self.ask.count().div_ceil(together(self.spec().shape)) as u64
    }

    /// A chunk keeps all threads busy by itself.
    fn together(&self) -> usize {
        1
    }

    fn chunk(&self, c: u64) -> Result<Made<Chunk>> {
        let step = together(self.spec().shape);
        let first = c as usize * step;
        let images = first..(first + step).min(self.ask.count());
        let count = images.len() as u64;
        let (noise, labels): (Vec<Vec<f32>>, Vec<u32>) = images.map(|i| self.image(i)).unzip();
        let pixels = render(self.sampler(), self.spec().shape, &noise.concat(), &labels)?;
        let labels = if self.spec().classes.is_empty() { Vec::new() } else { labels };
        Ok(Made { chunk: Chunk { pixels, labels }, count, tried: count, lost: 0 })
    }
}

impl<'a> Pictures<'a> {
    /// The sample that `ask` asks for.
    ///
    /// # Errors
    /// When it cannot be met.
    pub fn new(artefact: &'a Artefact<Images>, ask: &Ask) -> Result<Pictures<'a>> {
        let tuned = artefact.sampler.tuned(&Tuning { steps: ask.steps, guidance: ask.guidance })?;
        let allowed = allowed(&artefact.spec, &ask.conditions)?;
        let plan = Pictures { artefact, ask: ask.clone(), tuned, allowed, learnt: artefact.spec.learnt() };
        plan.check()?;
        Ok(plan)
    }

    fn spec(&self) -> &Spec {
        &self.artefact.spec
    }

    fn sampler(&self) -> &dyn Sampler {
        self.tuned.as_deref().unwrap_or(&*self.artefact.sampler)
    }

    fn check(&self) -> Result<()> {
        let ask = &self.ask;
        if let Some(column) = ask.balance.as_deref().filter(|b| *b != "class") {
            return Err(fail(&format!("balance {column}"), "images can be balanced by `class` alone"));
        }
        if ask.balance.is_some() && self.spec().classes.is_empty() {
            return Err(fail("balance class", "the images of this model have no classes"));
        }
        if ask.balance.is_some() && ask.interpolate.is_some() {
            return Err(fail("balance class", "the images between two others are of one class; leave it out"));
        }
        if ask.interpolate.is_some() && ask.count() == 0 {
            return Err(fail("n 0", "there must be an image between the two"));
        }
        let Some(ends) = ask.interpolate else { return Ok(()) };
        let [a, b] = ends.map(|i| self.label(i));
        if a == b {
            return Ok(());
        }
        let name = |l: u32| self.spec().classes.get(l as usize).cloned().unwrap_or_default();
        let problem = format!(
            "the images are of classes {} and {}; choose one by the condition class={}",
            name(a),
            name(b),
            name(a)
        );
        Err(fail(&format!("interpolate {} {}", ends[0], ends[1]), &problem))
    }

    /// Images for a grid `wide` in a row: a row for each class that is asked for, or `wide` rows without classes; one row of the
    /// way between two images where that is asked for. The number of images asked for plays no part but there.
    ///
    /// # Errors
    /// When the device fails.
    pub fn sheet(&self, wide: usize) -> Result<Vec<u8>> {
        if self.ask.interpolate.is_none() {
            return Ok(sheet(self.sampler(), self.spec(), self.ask.seed, &self.allowed, wide)?);
        }
        let (noise, labels): (Vec<Vec<f32>>, Vec<u32>) = (0..self.ask.count()).map(|i| self.image(i)).unzip();
        Ok(render(self.sampler(), self.spec().shape, &noise.concat(), &labels)?)
    }

    fn label(&self, i: u64) -> u32 {
        self.spec().draw_label(&self.allowed, &mut stream(self.ask.seed, "class", i))
    }

    /// Noise and class of image `i`.
    fn image(&self, i: usize) -> (Vec<f32>, u32) {
        let width = self.sampler().noise();
        let noise = |i: u64| noise_of(self.ask.seed, i, width);
        match self.ask.interpolate {
            Some([a, b]) => {
                let t = i as f32 / (self.ask.count() - 1).max(1) as f32;
                (between(&noise(a), &noise(b), t), self.label(a))
            }
            None if self.ask.balance.is_some() => {
                let dealt = if self.allowed.is_empty() { &self.learnt } else { &self.allowed };
                (noise(i as u64), dealt.get(i % dealt.len().max(1)).copied().unwrap_or(0))
            }
            None => (noise(i as u64), self.label(i as u64)),
        }
    }
}

/// The classes that satisfy every condition; none named when there is no condition.
fn allowed(spec: &Spec, conditions: &[String]) -> Result<Vec<u32>> {
    if conditions.is_empty() {
        return Ok(Vec::new());
    }
    let (classes, learnt) = (&spec.classes, spec.learnt());
    let mut left: HashSet<u32> = learnt.iter().copied().collect();
    for condition in conditions {
        let (name, is, value) = match (condition.split_once("!="), condition.split_once('=')) {
            (Some((name, value)), _) => (name, false, value),
            (None, Some((name, value))) => (name, true, value.trim_start_matches('=')),
            _ => return Err(fail(condition, "write it as class=NAME or class!=NAME")),
        };
        if classes.is_empty() {
            return Err(fail(condition, "the images of this model have no classes"));
        }
        if name.trim() != "class" {
            return Err(fail(condition, "images can be chosen by their class alone: class=NAME or class!=NAME"));
        }
        let Some(k) = classes.iter().position(|c| c == value.trim()) else {
            let known = classes.iter().take(30).map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(fail(condition, &format!("there is no such class; known here: {known}")));
        };
        if is && !learnt.contains(&(k as u32)) {
            return Err(fail(condition, "there was no image of this class to learn"));
        }
        left.retain(|&l| (l == k as u32) == is);
    }
    if left.is_empty() {
        return Err(fail(&conditions.join(" and "), "no class is left; leave one of the conditions out"));
    }
    let mut left: Vec<u32> = left.into_iter().collect();
    left.sort_unstable();
    Ok(left)
}

fn fail(condition: &str, problem: &str) -> Error {
    Error::Condition { condition: condition.into(), problem: problem.into() }
}

/// The point at `t` in `0..1` on the arc from `a` to `b` (Shoemake, 1985): on the straight line, noise would be too short.
fn between(a: &[f32], b: &[f32], t: f32) -> Vec<f32> {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(f32::MIN_POSITIVE);
    let angle = cosine.clamp(-1.0, 1.0).acos();
    let (from, to) = match angle.sin() {
        s if s < 1e-4 => (1.0 - t, t),
        s => (((1.0 - t) * angle).sin() / s, (t * angle).sin() / s),
    };
    a.iter().zip(b).map(|(a, b)| from * a + to * b).collect()
}

#[cfg(test)]
mod tests;
