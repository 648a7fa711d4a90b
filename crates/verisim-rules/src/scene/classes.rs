//! The classes of a scene and their numbers.

use super::compound::Shape;
use super::settings::{Scene, Texture};

/// What a pixel's class can be. A mask holds the numbers: 0 is what has no label (distractors), then come the classes of things in the
/// order of the file, then the kinds of ground, then the sky.
#[derive(Clone, Debug, PartialEq)]
pub struct Classes {
    /// Their names by number.
    pub names: Vec<String>,
    /// How many of them are things, which have boxes: 1 to this.
    pub things: usize,
}

/// Kinds of ground, in the order of their numbers.
pub const ROAD: [&str; 4] = ["road", "marking", "pavement", "grass"];

impl Classes {
    /// The classes of a scene. They follow from its settings, not from what was drawn.
    pub fn of(scene: &Scene) -> Classes {
        let mut names = vec!["none".to_owned()];
        for group in scene.objects.iter().filter(|g| !g.distractor) {
            for shape in group.shape.all() {
                let name = group.class.as_deref().unwrap_or(shape.name());
                if !names[1..].iter().any(|n| n == name) {
                    names.push(name.to_owned());
                }
            }
        }
        let things = names.len() - 1;
        names.push("ground".into());
        if scene.ground.texture.all().contains(&Texture::Road) {
            names.extend(ROAD.map(String::from));
        }
        names.push("sky".into());
        Classes { names, things }
    }

    /// The number of a thing.
    pub fn of_thing(&self, class: Option<&str>, shape: Shape) -> u8 {
        let name = class.unwrap_or(shape.name());
        self.names[1..=self.things].iter().position(|n| n == name).map_or(0, |i| i as u8 + 1)
    }

    /// The number of the ground, or of a kind of it.
    pub fn ground(&self, kind: Option<usize>) -> u8 {
        (self.things + 1 + kind.map_or(0, |k| k + 1)) as u8
    }

    /// The number of the sky.
    pub fn sky(&self) -> u8 {
        (self.names.len() - 1) as u8
    }
}
