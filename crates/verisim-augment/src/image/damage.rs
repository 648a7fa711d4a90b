//! Transforms that take detail away: blur, noise, compression, holes. And sharpening. Places stay, so labels do.

use verisim_data::rng::{Stream, below, uniform};

use super::act::Act;
use super::colour::draws;
use super::edge::Edge;
use super::filter::Kernel;
use super::noise::{Noise, SaltPepper};
use super::resize::Filter;
use super::settings::{Change, View, settings};
use super::spoil::Holes;
use crate::range::Range;

settings! {
    /// By a bell (Gaussian).
    Blur {
        /// Its standard deviation in pixels.
        sigma: Range = Range::from([0.5, 2.0]), in 0 to 100;
    }
}
draws!(Blur, this, rng => Act::Filter(Kernel::Gaussian(this.sigma.draw(rng))));

settings! {
    /// The mean of a square.
    BoxBlur {
        /// Pixels each way from its middle.
        reach: Range = Range::from([1.0, 3.0]), whole 0 to 200;
    }
}
draws!(BoxBlur, this, rng => Act::Filter(Kernel::Box(this.reach.draw_whole(rng).max(0) as usize)));

settings! {
    /// As if the camera had moved along a line.
    MotionBlur {
        /// Of the line, in pixels.
        length: Range = Range::from([3.0, 11.0]), in 1 to 200;
        /// Counter-clockwise from level.
        degrees: Range = Range::from([0.0, 180.0]), in -360 to 360;
    }
}
draws!(MotionBlur, this, rng => {
    let length = this.length.draw(rng);
    Act::Filter(Kernel::Motion(length, this.degrees.draw(rng)))
});

settings! {
    /// The median of a square. Reaches above 1 are slow.
    MedianBlur {
        /// Pixels each way from its middle.
        reach: Range = Range::from(1.0), whole 1 to 10;
    }
}
draws!(MedianBlur, this, rng => Act::Median(this.reach.draw_whole(rng).max(1) as usize));

settings! {
    /// Out of focus: every point a disc.
    Defocus {
        /// In pixels.
        radius: Range = Range::from([1.0, 4.0]), in 0 to 50;
    }
}
draws!(Defocus, this, rng => Act::Filter(Kernel::Disc(this.radius.draw(rng))));

settings! {
    /// As if the camera had come closer meanwhile.
    ZoomBlur {
        /// How much larger things are at the end.
        factor: Range = Range::from([1.02, 1.15]), in 1 to 3;
    }
}
draws!(ZoomBlur, this, rng => Act::ZoomBlur(this.factor.draw(rng)));

settings! {
    /// Edges made harder.
    Sharpen {
        /// How many times the difference from a blur by a bell of one pixel is added; below 0 it blurs.
        amount: Range = Range::from([0.3, 1.0]), in -1 to 20;
    }
}
draws!(Sharpen, this, rng => Act::Filter(Kernel::Sharpen(this.amount.draw(rng))));

settings! {
    /// As a relief with the light from the upper left.
    Emboss {
        /// How steep.
        amount: Range = Range::from([0.2, 0.7]), in 0 to 5;
    }
}
draws!(Emboss, this, rng => Act::Filter(Kernel::Emboss(this.amount.draw(rng))));

/// Seeds stay below 2^53, so that every reader of JSON keeps them.
fn seed(rng: &mut Stream) -> u64 {
    below(rng, 1 << 53)
}

settings! {
    /// Normal noise on every sample, the same everywhere.
    GaussNoise {
        /// Its standard deviation; 1 is from black to white.
        sigma: Range = Range::from([0.02, 0.08]), in 0 to 5;
        /// Whether the colours of a pixel get the same.
        grey: bool = false;
    }
}
draws!(GaussNoise, this, rng => {
    let sd = this.sigma.draw(rng);
    Act::Noise(Noise { sd, shot: 0.0, gain: 0.0, grey: this.grey, seed: seed(rng) })
});

settings! {
    /// What a sensor adds when it is made to see in the dark: grains of lightness that grow with the light, and specks of colour.
    IsoNoise {
        /// Standard deviation of the lightness where it is white.
        light: Range = Range::from([0.02, 0.08]), in 0 to 5;
        /// Standard deviation of the colours.
        color: Range = Range::from([0.01, 0.04]), in 0 to 5;
    }
}
draws!(IsoNoise, this, rng => {
    let (shot, sd) = (this.light.draw(rng), this.color.draw(rng));
    Act::Chain(vec![
        Act::Noise(Noise { sd: 0.0, shot, gain: 0.0, grey: true, seed: seed(rng) }),
        Act::Noise(Noise { sd, shot: 0.0, gain: 0.0, grey: false, seed: seed(rng) }),
    ])
});

settings! {
    /// As of counted light.
    ShotNoise {
        /// How many photons are white; fewer are noisier. Noise is normal, of their mean and variance.
        photons: Range = Range::Spread(crate::range::Spread::LogUniform([50.0, 1000.0])), in 1 to 1e9;
    }
}
draws!(ShotNoise, this, rng => {
    let shot = 1.0 / this.photons.draw(rng).sqrt();
    Act::Noise(Noise { sd: 0.0, shot, gain: 0.0, grey: false, seed: seed(rng) })
});

settings! {
    /// Noise in proportion to the light.
    MultiplicativeNoise {
        /// Standard deviation of the factor.
        sigma: Range = Range::from([0.05, 0.2]), in 0 to 5;
        /// Whether the colours of a pixel get the same.
        grey: bool = false;
    }
}
draws!(MultiplicativeNoise, this, rng => {
    let gain = this.sigma.draw(rng);
    Act::Noise(Noise { sd: 0.0, shot: 0.0, gain, grey: this.grey, seed: seed(rng) })
});

settings! {
    /// Some pixels white or black.
    SaltAndPepper {
        /// Of all pixels.
        share: Range = Range::from([0.01, 0.05]), in 0 to 1;
        /// Of them, those that are white.
        salt: Range = Range::from(0.5), in 0 to 1;
    }
}
draws!(SaltAndPepper, this, rng => {
    let (share, salt) = (this.share.draw(rng), this.salt.draw(rng));
    Act::SaltPepper(SaltPepper { share, salt, seed: seed(rng) })
});

settings! {
    /// As stored in a JPEG file, colour in half the width and height (4:2:0), as cameras and most programs write it.
    Jpeg {
        /// From 1 to 100.
        quality: Range = Range::from([40.0, 90.0]), whole 1 to 100;
    }
}
draws!(Jpeg, this, rng => Act::Jpeg(this.quality.draw_whole(rng).clamp(1, 100) as u8));

settings! {
    /// Made smaller and as large again.
    Downscale {
        /// How much smaller.
        factor: Range = Range::from([0.25, 0.5]), in 0.001 to 1;
        /// How it is made large again.
        filter: Filter = Filter::Nearest;
    }
}
draws!(Downscale, this, rng => Act::Downscale { factor: this.factor.draw(rng), filter: this.filter });

/// A hole of shares of the sides whose middle is anywhere, cut at the edges.
fn hole(rng: &mut Stream, view: &View, width: f64, height: f64) -> [usize; 4] {
    let mut along = |side: usize, share: f64| {
        let n = side as f64;
        let middle = uniform(rng) * n;
        let from = (middle - share * n / 2.0).round().clamp(0.0, n);
        let to = (middle + share * n / 2.0).round().clamp(0.0, n);
        (from as usize, (to - from) as usize)
    };
    let ((left, width), (top, height)) = (along(view.width, width), along(view.height, height));
    [left, top, width, height]
}

settings! {
    /// One square hole (DeVries & Taylor 2017).
    Cutout {
        /// Its sides, as shares of the picture's.
        size: Range = Range::from(0.25), in 0 to 1;
        /// What it is filled with.
        fill: Edge = Edge::default(), in 0 to 1;
        /// Whether masks are emptied there too.
        masks: bool = false;
    }
}

impl Change for Cutout {
    fn check(&self) -> Result<(), String> {
        self.limits()?;
        constant(&self.fill)
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let size = self.size.draw(rng);
        Act::Holes(Holes { at: vec![hole(rng, view, size, size)], fill: self.fill.clone(), masks: self.masks })
    }
}

/// A hole has nothing beyond its edge to go on with.
fn constant(fill: &Edge) -> Result<(), String> {
    match fill {
        Edge::Mode(_) => Err("`fill` of a hole is a grey or a colour, from 0 to 1".to_owned()),
        _ => Ok(()),
    }
}

settings! {
    /// Several holes.
    CoarseDropout {
        /// How many.
        holes: Range = Range::from([1.0, 8.0]), whole 0 to 1000;
        /// Of each, as a share of the picture's width.
        width: Range = Range::from([0.05, 0.2]), in 0 to 1;
        /// Of each, as a share of the picture's height.
        height: Range = Range::from([0.05, 0.2]), in 0 to 1;
        /// What they are filled with.
        fill: Edge = Edge::default(), in 0 to 1;
        /// Whether masks are emptied there too.
        masks: bool = false;
    }
}

impl Change for CoarseDropout {
    fn check(&self) -> Result<(), String> {
        self.limits()?;
        constant(&self.fill)
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let n = self.holes.draw_whole(rng);
        let at = (0..n)
            .map(|_| {
                let (width, height) = (self.width.draw(rng), self.height.draw(rng));
                hole(rng, view, width, height)
            })
            .collect();
        Act::Holes(Holes { at, fill: self.fill.clone(), masks: self.masks })
    }
}

settings! {
    /// Square holes in a grid (Chen et al. 2020, GridMask).
    GridDropout {
        /// From one hole to the next, as a share of the shorter side.
        pitch: Range = Range::from([0.15, 0.35]), in 0.02 to 1;
        /// The side of a hole, as a share of the pitch.
        ratio: Range = Range::from(0.5), in 0 to 1;
        /// What they are filled with.
        fill: Edge = Edge::default(), in 0 to 1;
        /// Whether masks are emptied there too.
        masks: bool = false;
    }
}

impl Change for GridDropout {
    fn check(&self) -> Result<(), String> {
        self.limits()?;
        constant(&self.fill)
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let pitch = ((self.pitch.draw(rng) * view.width.min(view.height) as f64).round() as usize).max(1);
        let side = (self.ratio.draw(rng) * pitch as f64).round() as usize;
        let (dx, dy) = (below(rng, pitch as u64) as usize, below(rng, pitch as u64) as usize);
        // The first column and row of holes may begin before the picture.
        let along = |shift: usize, n: usize| -> Vec<(usize, usize)> {
            (0..=n / pitch + 1)
                .filter_map(|i| {
                    let (from, to) = ((i * pitch + shift).saturating_sub(pitch), i * pitch + shift + side);
                    let to = to.saturating_sub(pitch).min(n);
                    (from < to).then(|| (from, to - from))
                })
                .collect()
        };
        let (across, down) = (along(dx, view.width), along(dy, view.height));
        let at = down.iter().flat_map(|&(y, h)| across.iter().map(move |&(x, w)| [x, y, w, h])).collect();
        Act::Holes(Holes { at, fill: self.fill.clone(), masks: self.masks })
    }
}
