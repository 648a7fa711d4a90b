//! What the table `[scene]` of a world may say. Lengths are metres, angles degrees, times seconds; x is forward, y to the left, z up.

use serde::{Deserialize, Serialize};

use super::compound::{Face, Shape};
use super::number::{Number, OneOf, Triple, triple};

/// Scenes in three dimensions and the pictures of them, with exact labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scene {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// Frames a scene.
    pub frames: usize,
    /// Frames a second.
    pub rate: f64,
    /// Rays a side of a pixel where it holds an edge: 1 (jagged) to 4. It costs about a third more time a step.
    pub samples: usize,
    /// Seconds that bodies move before the first frame, so that what was dropped can come to rest.
    pub settle: f64,
    /// Which labels are written; all of them by default.
    pub labels: Vec<Label>,
    /// From where the scene is seen.
    pub camera: Camera,
    /// The sun.
    pub sun: Sun,
    /// The sky, and the light that it gives from everywhere.
    pub sky: Sky,
    /// Fog, rain and night.
    pub weather: Weather,
    /// The ground.
    pub ground: Ground,
    /// Lamps.
    pub lamps: Vec<Lamp>,
    /// Groups of things in the scene.
    pub objects: Vec<Group>,
}

/// A kind of label that has files of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// Millimetres along the optical axis.
    Depth,
    /// The class of each pixel.
    Class,
    /// The body of each pixel.
    Instance,
    /// Which way the surface looks.
    Normals,
    /// Where the surface goes until the next frame.
    Flow,
    /// COCO.
    Coco,
    /// YOLO.
    Yolo,
    /// One row a frame and body.
    Rows,
}

impl Label {
    /// All of them.
    pub const ALL: [Label; 8] = [
        Label::Depth,
        Label::Class,
        Label::Instance,
        Label::Normals,
        Label::Flow,
        Label::Coco,
        Label::Yolo,
        Label::Rows,
    ];
}

/// From where a scene is seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Camera {
    /// Where it is at the first frame.
    pub position: Triple,
    /// The point that it looks at.
    pub look_at: Triple,
    /// The angle of view across, without distortion.
    pub fov: Number,
    /// Turned about its axis, to the right if positive.
    pub roll: Number,
    /// Radial distortion (Brown): a point at radius r from the centre, in focal lengths, is seen at r (1 + k1 r² + k2 r⁴).
    pub k1: Number,
    /// The second coefficient of distortion.
    pub k2: Number,
    /// What light is multiplied by.
    pub exposure: Number,
    /// Standard deviation of the sensor's noise, as a share of full scale.
    pub noise: Number,
    /// Metres a second; position and look-at both move.
    pub velocity: Triple,
    /// Degrees a second about the vertical through `look_at`.
    pub orbit: Number,
    /// Points that it moves through at even pace, from the first frame to the last; in place of `position`.
    pub path: Vec<[f64; 3]>,
    /// The name of a group of `objects`: position and look-at are then in the frame of its first body, and move with it.
    pub with: Option<String>,
}

/// The sun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sun {
    /// Degrees above the horizon.
    pub elevation: Number,
    /// Where it stands: 0 is x, 90 is y.
    pub azimuth: Number,
    /// Its colour.
    pub colour: OneOf<String>,
    /// How bright; 1 lights a white wall that faces it fully.
    pub strength: Number,
}

/// The sky, and the light that it gives from everywhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sky {
    /// Its colour overhead.
    pub zenith: OneOf<String>,
    /// Its colour at the horizon, and that of fog.
    pub horizon: OneOf<String>,
    /// How bright the light from everywhere is.
    pub ambient: Number,
    /// How much of it is clouded, 0 to 1.
    pub clouds: Number,
}

/// Fog, rain and night.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weather {
    /// Extinction a metre: 0 is none, 0.01 lets one see 390 m, 0.05 lets one see 80 m.
    pub fog: Number,
    /// Millimetres an hour.
    pub rain: Number,
    /// 0 is day, 1 is night. Lamps burn from 0.3 on.
    pub night: Number,
}

/// The ground: a plane at z = 0, or hills.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ground {
    /// What lies on it.
    pub texture: OneOf<Texture>,
    /// Its colour.
    pub colour: OneOf<String>,
    /// The second colour of its texture.
    pub second: OneOf<String>,
    /// Size of the texture's parts.
    pub scale: Number,
    /// How strong the highlight is, 0 to 1.
    pub shine: Number,
    /// Height of its hills; 0 is a plane.
    pub hills: Number,
    /// How far hills are apart.
    pub hill_size: Number,
    /// The road that the texture `road` paints, along x.
    pub road: Road,
}

/// A road along x, its middle at y = 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Road {
    /// Lanes of both directions together.
    pub lanes: usize,
    /// Width of a lane.
    pub lane_width: f64,
    /// Width of the pavement on either side; 0 is none.
    pub pavement: f64,
    /// Where along x pedestrian crossings begin. Each is 3 m long.
    pub crossings: Vec<f64>,
}

/// A pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Texture {
    /// One colour.
    Plain,
    /// Squares.
    Checker,
    /// Clouds of the two colours.
    Noise,
    /// Bands across x.
    Stripes,
    /// Boards of wood along x.
    Wood,
    /// A road with its markings, pavements and grass. For the ground alone.
    Road,
}

/// A lamp: a point that shines, or a cone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lamp {
    /// Where it is. Of a lamp with `carried`, where it is from the camera: forward, left, up.
    pub position: Triple,
    /// Its colour.
    pub colour: OneOf<String>,
    /// How bright it is at one metre.
    pub strength: Number,
    /// How far its light reaches. It fades to nothing there.
    pub reach: Number,
    /// Full angle of its cone; 360 shines everywhere.
    pub cone: Number,
    /// Which way the cone points.
    pub aim: Triple,
    /// Moves with the camera, like a head lamp.
    pub carried: bool,
    /// Burns by day too.
    pub always: bool,
    /// How many, in a grid.
    pub repeat: Option<Repeat>,
}

/// Copies in a grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// Copies along x, y and z.
    pub count: [usize; 3],
    /// From one to the next.
    pub step: [f64; 3],
    /// The share of places that are filled.
    #[serde(default = "one")]
    pub filled: Number,
}

fn one() -> Number {
    1.0.into()
}

/// How a surface takes light.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Material {
    /// No highlight.
    Matte,
    /// A wide, weak highlight.
    Rubber,
    /// A small highlight.
    Plastic,
    /// A sharp highlight, and a weak mirror.
    Paint,
    /// A strong mirror.
    Metal,
}

impl Material {
    /// Its name in a file.
    pub fn name(self) -> &'static str {
        match self {
            Material::Matte => "matte",
            Material::Rubber => "rubber",
            Material::Plastic => "plastic",
            Material::Paint => "paint",
            Material::Metal => "metal",
        }
    }
}

/// How large a thing is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Size {
    /// Length, width and height.
    Sides(Triple),
    /// The height, with the proportions that the shape has by itself.
    Height(Number),
}

/// A group of things of one class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Group {
    /// A name by which others refer to it.
    pub name: Option<String>,
    /// What its things are called in the labels; by default each by its shape.
    pub class: Option<String>,
    /// What they look like; of a list, one for each.
    pub shape: OneOf<Shape>,
    /// How many. Not with `repeat`.
    pub count: Number,
    /// A grid of them.
    pub repeat: Option<Repeat>,
    /// Drawn and in the way, but without labels.
    pub distractor: bool,
    /// How large: a height, or `[length, width, height]`. By default what is usual for the shape.
    pub size: Option<Size>,
    /// Where the middle of their lowest side is: x, y, and z above the ground there.
    pub position: Triple,
    /// Turned about the vertical.
    pub yaw: Number,
    /// Nose up.
    pub pitch: Number,
    /// Turned about their own x.
    pub roll: Number,
    /// Metres from one to the next, at least, seen from above; those that find no place after 100 tries are left out, and counted.
    pub apart: Option<f64>,
    /// Their colour.
    pub colour: OneOf<String>,
    /// The second colour of their texture.
    pub second: OneOf<String>,
    /// Their surface.
    pub material: OneOf<Material>,
    /// Their pattern. For simple shapes.
    pub texture: OneOf<Texture>,
    /// Size of the pattern's parts.
    pub scale: Number,
    /// What a sign shows, or a signal: by default one of all signs, and a signal that changes.
    pub face: Option<OneOf<Face>>,
    /// Metres a second, in the world. With `physics`, at the start.
    pub velocity: Triple,
    /// Metres a second forward, wherever they look.
    pub speed: Number,
    /// Degrees a second about x, y and z. Without `physics` about z alone.
    pub spin: Triple,
    /// Points that they move through with `speed`, looking ahead; then they stand. Added to `position`.
    pub path: Vec<[f64; 3]>,
    /// Whether they fall, roll and collide.
    pub physics: bool,
    /// Kilograms a cubic metre.
    pub density: Number,
    /// Friction.
    pub friction: Number,
    /// How much of its speed a body keeps when it bounces, 0 to 1.
    pub bounce: Number,
}

fn text(colour: &str) -> OneOf<String> {
    OneOf::One(colour.into())
}

impl Default for Scene {
    fn default() -> Scene {
        Scene {
            width: 256,
            height: 256,
            frames: 1,
            rate: 10.0,
            samples: 2,
            settle: 0.0,
            labels: Label::ALL.to_vec(),
            camera: Camera::default(),
            sun: Sun::default(),
            sky: Sky::default(),
            weather: Weather::default(),
            ground: Ground::default(),
            lamps: Vec::new(),
            objects: Vec::new(),
        }
    }
}

impl Default for Camera {
    fn default() -> Camera {
        Camera {
            position: triple(-8.0, 0.0, 4.0),
            look_at: triple(0.0, 0.0, 0.5),
            fov: 50.0.into(),
            roll: 0.0.into(),
            k1: 0.0.into(),
            k2: 0.0.into(),
            exposure: 1.0.into(),
            noise: 0.0.into(),
            velocity: triple(0.0, 0.0, 0.0),
            orbit: 0.0.into(),
            path: Vec::new(),
            with: None,
        }
    }
}

impl Default for Sun {
    fn default() -> Sun {
        Sun { elevation: 45.0.into(), azimuth: 150.0.into(), colour: text("#fff3e0"), strength: 0.8.into() }
    }
}

impl Default for Sky {
    fn default() -> Sky {
        Sky { zenith: text("#5b8fd0"), horizon: text("#cfdbe6"), ambient: 0.45.into(), clouds: 0.3.into() }
    }
}

impl Default for Weather {
    fn default() -> Weather {
        Weather { fog: 0.0.into(), rain: 0.0.into(), night: 0.0.into() }
    }
}

impl Default for Ground {
    fn default() -> Ground {
        Ground {
            texture: OneOf::One(Texture::Plain),
            colour: text("grey"),
            second: text("concrete"),
            scale: 1.0.into(),
            shine: 0.0.into(),
            hills: 0.0.into(),
            hill_size: 20.0.into(),
            road: Road::default(),
        }
    }
}

impl Default for Road {
    fn default() -> Road {
        Road { lanes: 2, lane_width: 3.5, pavement: 2.5, crossings: Vec::new() }
    }
}

impl Road {
    /// From the middle to the kerb.
    pub fn half(&self) -> f64 {
        self.lanes as f64 * self.lane_width * 0.5
    }
}

impl Default for Lamp {
    fn default() -> Lamp {
        Lamp {
            position: triple(0.0, 0.0, 5.0),
            colour: text("#ffd9a0"),
            strength: 10.0.into(),
            reach: 30.0.into(),
            cone: 360.0.into(),
            aim: triple(0.0, 0.0, -1.0),
            carried: false,
            always: false,
            repeat: None,
        }
    }
}

impl Default for Group {
    fn default() -> Group {
        Group {
            name: None,
            class: None,
            shape: OneOf::One(Shape::Box),
            count: 1.0.into(),
            repeat: None,
            distractor: false,
            size: None,
            position: triple(0.0, 0.0, 0.0),
            yaw: 0.0.into(),
            pitch: 0.0.into(),
            roll: 0.0.into(),
            apart: None,
            colour: text("silver"),
            second: text("white"),
            material: OneOf::One(Material::Plastic),
            texture: OneOf::One(Texture::Plain),
            scale: 0.2.into(),
            face: None,
            velocity: triple(0.0, 0.0, 0.0),
            speed: 0.0.into(),
            spin: triple(0.0, 0.0, 0.0),
            path: Vec::new(),
            physics: false,
            density: 500.0.into(),
            friction: 0.6.into(),
            bounce: 0.2.into(),
        }
    }
}
