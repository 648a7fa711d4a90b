//! Frames: a picture and its labels.

use std::ops::Range;

use rayon::prelude::*;

use super::course::{Place, course, eye};
use super::eye::Eye;
use super::label::{Labels, labels};
use super::render::View;
use super::settings::Scene;
use super::stage::Stage;
use super::world::World;
use crate::error::Result;

/// One frame: its picture and its labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The number of its scene.
    pub scene: u64,
    /// Its number within the scene.
    pub frame: usize,
    /// Seconds from the first frame.
    pub time: f64,
    /// The camera.
    pub eye: Eye,
    /// Three bytes a pixel, row by row.
    pub picture: Vec<u8>,
    /// What is true of it.
    pub labels: Labels,
}

/// A scene that is drawn, with the course of its bodies.
pub struct Played {
    number: u64,
    /// As it was drawn.
    pub stage: Stage,
    course: Vec<Vec<Place>>,
}

impl Played {
    /// Draws a scene and moves its bodies.
    ///
    /// # Errors
    /// As [`frames`].
    pub fn new(scene: &Scene, seed: u64, number: u64) -> Result<Played> {
        let stage = Stage::new(scene, seed, number)?;
        let course = course(scene, &stage)?;
        Ok(Played { number, stage, course })
    }

    fn view(&self, scene: &Scene, frame: usize) -> Result<View<'_>> {
        let (time, places) = (frame as f64 / scene.rate, &self.course[frame]);
        let share = frame as f64 / scene.frames.saturating_sub(1).max(1) as f64;
        let eye = eye(&self.stage, places, time, share)?;
        Ok(View::new(&self.stage, World::new(&self.stage, places, scene.settle + time), eye, frame as u64))
    }

    /// Renders a frame.
    ///
    /// # Errors
    /// As [`frames`].
    pub fn frame(&self, scene: &Scene, frame: usize) -> Result<Frame> {
        let (view, next) = (self.view(scene, frame)?.seen(), self.view(scene, frame + 1)?);
        let time = frame as f64 / scene.rate;
        let middles = view.middles();
        Ok(Frame {
            scene: self.number,
            frame,
            time,
            eye: view.eye,
            picture: view.picture(&middles, scene.samples),
            labels: labels(&view, &middles, &next, &self.course[frame], scene.settle + time),
        })
    }
}

/// The frames of one scene whose numbers are in `range`, in memory, with the scene as it was drawn. Rendered on the threads of the
/// rayon pool it is called in.
///
/// # Errors
/// [`crate::Error::Setting`] if a setting makes no sense; [`crate::Error::Make`] if physics leads to no numbers.
pub fn frames(scene: &Scene, seed: u64, number: u64, range: Range<usize>) -> Result<(Stage, Vec<Frame>)> {
    let played = Played::new(scene, seed, number)?;
    let frames = (range.start..range.end.min(scene.frames))
        .into_par_iter()
        .map(|f| played.frame(scene, f))
        .collect::<Result<Vec<_>>>()?;
    Ok((played.stage, frames))
}
