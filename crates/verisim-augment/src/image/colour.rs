//! Transforms of light and colour. Places stay, so labels do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, below, normal, permutation};

use super::act::Act;
use super::settings::{Change, View, settings};
use super::tone::{Curve, saturation};
use crate::range::Range;

/// Writes `Change` for settings whose limits are all there is to check.
macro_rules! draws {
    ($of:ident, $this:ident, $rng:ident => $act:expr) => {
        impl Change for $of {
            fn check(&self) -> Result<(), String> {
                self.limits()
            }
            fn draw(&self, $rng: &mut Stream, _: &View) -> Act {
                let $this = self;
                $act
            }
        }
    };
}
pub(super) use draws;

settings! {
    /// Lighter or darker by the same everywhere.
    Brightness {
        /// What is added; 1 makes all white.
        shift: Range = Range::from([-0.2, 0.2]), in -1 to 1;
    }
}
draws!(Brightness, this, rng => Act::Curve(Curve::Line { gain: 1.0, offset: this.shift.draw(rng) }));

/// What contrast leaves as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// The middle between black and white.
    #[default]
    Middle,
    /// The picture's mean lightness.
    Mean,
}

settings! {
    /// Differences larger or smaller.
    Contrast {
        /// Above 1 is more.
        factor: Range = Range::from([0.8, 1.2]), in 0 to 10;
        /// What stays.
        about: About = About::Middle;
    }
}
draws!(Contrast, this, rng => {
    let factor = this.factor.draw(rng);
    match this.about {
        About::Middle => Act::Curve(Curve::Line { gain: factor, offset: 0.5 * (1.0 - factor) }),
        About::Mean => Act::Contrast(factor),
    }
});

settings! {
    /// Mid-tones darker (above 1) or lighter; black and white stay.
    Gamma {
        /// The power.
        power: Range = Range::from([0.8, 1.25]), in 0.05 to 20;
    }
}
draws!(Gamma, this, rng => Act::Curve(Curve::Gamma(this.power.draw(rng))));

settings! {
    /// Colours turned round the circle of hues.
    Hue {
        /// Of 360.
        degrees: Range = Range::from([-20.0, 20.0]), in -360 to 360;
    }
}
draws!(Hue, this, rng => Act::Hue(this.degrees.draw(rng) / 360.0));

settings! {
    /// More or less colourful.
    Saturation {
        /// 0 is grey, above 1 is more.
        factor: Range = Range::from([0.7, 1.3]), in 0 to 10;
    }
}
draws!(Saturation, this, rng => Act::Matrix(saturation(this.factor.draw(rng))));

settings! {
    /// Brightness, contrast, saturation and hue in random order, as torchvision has it.
    ColorJitter {
        /// Factor of all samples.
        brightness: Range = Range::from([0.8, 1.2]), in 0 to 10;
        /// Factor about the mean lightness.
        contrast: Range = Range::from([0.8, 1.2]), in 0 to 10;
        /// Factor about each pixel's grey.
        saturation: Range = Range::from([0.8, 1.2]), in 0 to 10;
        /// Of the circle, so 0.5 is the opposite hue.
        hue: Range = Range::from([-0.05, 0.05]), in -0.5 to 0.5;
    }
}
draws!(ColorJitter, this, rng => {
    let acts = [
        Act::Curve(Curve::Line { gain: this.brightness.draw(rng), offset: 0.0 }),
        Act::Contrast(this.contrast.draw(rng)),
        Act::Matrix(saturation(this.saturation.draw(rng))),
        Act::Hue(this.hue.draw(rng)),
    ];
    Act::Chain(permutation(rng, 4).into_iter().map(|i| acts[i].clone()).collect())
});

settings! {
    /// Contrast raised part by part, by a limit.
    Clahe {
        /// How many times as frequent as the mean a level may count.
        limit: Range = Range::from([1.0, 4.0]), in 1 to 256;
        /// Parts along each side.
        tiles: Range = Range::from(8.0), whole 1 to 64;
    }
}
draws!(Clahe, this, rng => {
    let limit = this.limit.draw(rng);
    Act::Clahe { limit, tiles: this.tiles.draw_whole(rng).max(1) as usize }
});

settings! {
    /// Every level as frequent as it can be, in each colour.
    Equalize {}
}
draws!(Equalize, _this, _rng => Act::Equalise);

settings! {
    /// The darkest sample black and the lightest white, in each colour.
    Autocontrast {}
}
draws!(Autocontrast, _this, _rng => Act::Autocontrast);

settings! {
    /// Fewer levels.
    Posterize {
        /// Bits that are left of each sample.
        bits: Range = Range::from([4.0, 6.0]), whole 1 to 16;
    }
}
draws!(Posterize, this, rng => Act::Curve(Curve::Posterise(this.bits.draw_whole(rng) as u32)));

settings! {
    /// What is light inverted.
    Solarize {
        /// From which level up; 1 leaves all but white.
        threshold: Range = Range::from([0.5, 1.0]), in 0 to 1.0;
    }
}
draws!(Solarize, this, rng => Act::Curve(Curve::Solarise(this.threshold.draw(rng))));

settings! {
    /// Black becomes white.
    Invert {}
}
draws!(Invert, _this, _rng => Act::Curve(Curve::Invert));

settings! {
    /// Red, green and blue change places, any order as likely.
    ChannelShuffle {}
}
draws!(ChannelShuffle, _this, rng => {
    let order = permutation(rng, 3);
    Act::Matrix(std::array::from_fn(|i| std::array::from_fn(|j| f64::from(u8::from(order[i] == j)))))
});

settings! {
    /// One of red, green and blue is set to nothing.
    ChannelDrop {
        /// To this; 0 is black.
        value: f64 = 0.0, in 0 to 1;
    }
}
draws!(ChannelDrop, this, rng => {
    let lost = below(rng, 3) as usize;
    Act::Matrix(std::array::from_fn(|i| match i == lost {
        true => [0.0, 0.0, 0.0, this.value],
        false => std::array::from_fn(|j| f64::from(u8::from(i == j))),
    }))
});

settings! {
    /// Without colour; as many channels as before.
    Grayscale {}
}
draws!(Grayscale, _this, _rng => Act::Matrix(saturation(0.0)));

settings! {
    /// As an old photograph.
    Sepia {
        /// 1 is all of it.
        strength: Range = Range::from(1.0), in 0 to 1;
    }
}
draws!(Sepia, this, rng => {
    let s = this.strength.draw(rng);
    let full = [[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]];
    let one = |i: usize, j: usize| f64::from(u8::from(i == j));
    Act::Matrix(std::array::from_fn(|i| {
        std::array::from_fn(|j| if j == 3 { 0.0 } else { s * full[i][j] + (1.0 - s) * one(i, j) })
    }))
});

settings! {
    /// The light warmer (above 0) or colder.
    Temperature {
        /// By how much red grows and blue shrinks, as a share.
        shift: Range = Range::from([-0.15, 0.15]), in -0.9 to 0.9;
    }
}
draws!(Temperature, this, rng => {
    let t = this.shift.draw(rng);
    Act::Curve(Curve::Gains([1.0 + t, 1.0, 1.0 - t]))
});

settings! {
    /// More or less light along the directions that the picture's colours vary in (Krizhevsky et al. 2012).
    FancyPca {
        /// Standard deviation of the weight of each direction.
        sd: Range = Range::from(0.1), in 0 to 5;
    }
}
draws!(FancyPca, this, rng => {
    let sd = this.sd.draw(rng);
    Act::FancyPca([(); 3].map(|()| sd * normal(rng)))
});
