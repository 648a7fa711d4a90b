//! Scenes in three dimensions, and pictures of them with exact labels: safe data for vision and driving.
//!
//! What a scene may say is [`Scene`], the table `[scene]` of a world. [`Stage`] is one scene with every number drawn, [`course()`] where
//! its bodies are at each frame, [`View`] one moment as the camera sees it, [`Labels`] what is true of each pixel and thing.
//! [`write()`] makes files of them, and [`sheet()`] a picture to look at.
//!
//! Everything is a function of (seed, number of the scene, frame). Lengths are metres; x is forward, y to the left, z up.

mod check;
mod classes;
mod compound;
mod course;
mod eye;
mod face;
mod frame;
mod label;
mod number;
mod place;
mod render;
mod settings;
mod sheet;
mod solid;
mod stage;
#[cfg(test)]
mod tests;
mod texture;
mod vector;
mod world;
mod write;

pub use classes::Classes;
pub use compound::{Face, Shape};
pub use course::{Place, course, eye};
pub use eye::{Eye, Lens};
pub use frame::{Frame, frames};
pub use label::{Bounds, Labels, Seen, Thing, labels};
pub use number::{Number, OneOf, Triple};
pub use render::{Middles, View};
pub use settings::{
    Camera, Ground, Group, Label, Lamp, Material, Repeat, Road, Scene, Size, Sky, Sun, Texture, Weather,
};
pub use sheet::{Picture, sheet};
pub use stage::{Body, Stage};
pub use vector::{Matrix, Pose, Turn, Vec3};
pub use world::World;
pub use write::{Summary, write};
