//! How images are read: to which size and channels, how the size is reached, and in how much memory.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shape::{MAX_SIDE, Shape};
use crate::error::{Error, Result};

/// A size to bring images to: `28`, or `[height, width]`. It is also read as it is typed, `"28x32"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, try_from = "Given")]
pub enum Size {
    /// Height and width alike.
    Square(usize),
    /// Height, then width.
    Sides([usize; 2]),
}

impl Size {
    /// Height and width.
    pub fn sides(self) -> (usize, usize) {
        match self {
            Size::Square(side) => (side, side),
            Size::Sides([height, width]) => (height, width),
        }
    }
}

/// A [`Size`] in any of the forms that it is given in.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a number of pixels, or [height, width]")]
enum Given {
    Square(usize),
    Sides([usize; 2]),
    Typed(String),
}

impl TryFrom<Given> for Size {
    type Error = String;

    fn try_from(given: Given) -> std::result::Result<Size, String> {
        match given {
            Given::Square(side) => Ok(Size::Square(side)),
            Given::Sides(sides) => Ok(Size::Sides(sides)),
            Given::Typed(text) => text.parse().map_err(|_| {
                format!("expected a number of pixels, [height, width] or \"32x48\", up to {MAX_SIDE}, not {text:?}")
            }),
        }
    }
}

/// As it is typed: `32`, or height and width as `32x48`.
impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Size, String> {
        let side = |text: &str| text.trim().parse::<usize>().ok().filter(|side| (1..=MAX_SIDE).contains(side));
        let size = match text.split_once(['x', 'X']) {
            Some((height, width)) => side(height).zip(side(width)).map(|(h, w)| Size::Sides([h, w])),
            None => side(text).map(Size::Square),
        };
        size.ok_or_else(|| format!("give a number of pixels (32) or height x width (32x48), up to {MAX_SIDE}"))
    }
}

/// What a pixel holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// One byte of brightness.
    #[serde(alias = "gray")]
    Grey,
    /// Red, green and blue.
    Rgb,
    /// Red, green, blue and opacity.
    Rgba,
}

impl Channels {
    /// Bytes of a pixel.
    pub fn count(self) -> usize {
        match self {
            Channels::Grey => 1,
            Channels::Rgb => 3,
            Channels::Rgba => 4,
        }
    }
}

/// How an image of other proportions gets the size of the set. All scale with Lanczos3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// The short side is scaled to its length, and the centre of the long one kept.
    #[default]
    Crop,
    /// Each side is scaled to its length.
    Stretch,
    /// The long side is scaled to its length, and the rest filled with white or, in RGBA, left transparent.
    Pad,
}

/// How a set of images is read: `images` under `[data]` of a config.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReadSettings {
    /// The size to bring every image to; when not given, that of the images, which must then all agree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// The channels to bring every image to; when not given, the most that any image needs. A colour file whose
    /// channels are equal in every pixel counts as grey, and alpha counts only if some pixel is not opaque.
    /// Where alpha goes, what is transparent becomes white.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<Channels>,
    /// Unreadable files that are skipped before reading fails; 1 % of the files, but at least 10, when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bad: Option<usize>,
    /// Pixels held in memory, in GiB, 4 when not given. A larger set goes to a temporary file, in the folder that `TMPDIR` names
    /// (else `/var/tmp`), and is read from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<f64>,
    /// How a size is reached.
    pub fit: Fit,
}

impl ReadSettings {
    /// Bytes of pixels held in memory.
    pub(super) fn limit(&self) -> Result<usize> {
        let gib = self.memory.unwrap_or(4.0);
        if !gib.is_finite() || gib < 0.0 {
            return Err(Error::images(format!("data.images.memory is {gib}; give a number of GiB, e.g. 4")));
        }
        Ok((gib * f64::from(1 << 30)) as usize)
    }

    /// The shape that images of `native` shape are brought to.
    pub(super) fn shape(&self, native: Shape) -> Shape {
        let (height, width) = self.size.map_or((native.height, native.width), Size::sides);
        Shape { height, width, channels: self.channels.map_or(native.channels, Channels::count) }
    }

    /// Refuses settings that no set can meet.
    pub(super) fn check(&self) -> Result<()> {
        self.limit()?;
        match self.shape(Shape { height: 1, width: 1, channels: 1 }).problem() {
            Some(problem) => Err(Error::images(format!("data.images.size asks for {problem}"))),
            None => Ok(()),
        }
    }
}
