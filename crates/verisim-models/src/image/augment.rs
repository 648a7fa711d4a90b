//! Augmentation of images in training: seeded, and differentiable, so that a GAN may show its critic real and made images
//! through it (DiffAugment, Zhao et al. 2020).
//!
//! Everything random but noise is drawn on the host, the same dozen numbers an image whatever is set, so that switching one setting
//! on leaves the draws of the others as they were; noise comes last. Flip, shift, crop and rotation are one affine map an
//! image and one resampling. Where a map reaches past the image, the nearest pixel of its edge is repeated. What comes
//! out is not clamped, since a clamp has no gradient: brightness, contrast, saturation and noise may leave -1..1.

use std::ops::Range;

use burn::tensor::{Int, Tensor, TensorData};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, uniform};

use crate::error::{Error, Result};
use crate::noise;

/// `[augment]` of a job; what is 0 or false is off, as all of it is by default.
///
/// Colours are all channels but the alpha of RGBA images, which moves with its pixel and is otherwise left alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Augment {
    /// Mirrors left and right with probability 1/2.
    pub flip: bool,
    /// Moves by up to this part of each side, either way, in whole pixels: 0.125 is 4 pixels of 32.
    pub shift: f64,
    /// Zooms in to a window at a random place whose sides are at least `1 - crop` of the image's.
    pub crop: f64,
    /// Turns by up to this many degrees, either way.
    pub rotate: f64,
    /// Adds up to this, either way, where the image spans -1..1.
    pub brightness: f64,
    /// Scales by up to `1 ± contrast` around the mean of the image.
    pub contrast: f64,
    /// Scales by up to `1 ± saturation` around the mean of each pixel's colours; grey images stay as they are.
    pub saturation: f64,
    /// Standard deviation of normal noise added to each number.
    pub noise: f64,
    /// A rectangle at a random place, its sides this part of the image's and at least a pixel, becomes 0, a middle grey.
    pub cutout: f64,
}

impl Augment {
    /// Whether everything is off.
    pub fn is_none(&self) -> bool {
        *self == Augment::default()
    }

    /// Refuses settings that make no sense, naming the key.
    pub fn check(&self) -> Result<()> {
        let ranges = [
            ("shift", self.shift, 0.5),
            ("crop", self.crop, 0.9),
            ("rotate", self.rotate, 180.0),
            ("brightness", self.brightness, 1.0),
            ("contrast", self.contrast, 1.0),
            ("saturation", self.saturation, 1.0),
            ("noise", self.noise, 1.0),
            ("cutout", self.cutout, 0.9),
        ];
        match ranges.iter().find(|(_, value, most)| !(0.0..=*most).contains(value)) {
            Some((key, _, most)) => Err(Error::Augment { key, most: *most }),
            None => Ok(()),
        }
    }
}

/// `x [B, H, W, C]` in -1..1, each image changed in its own way. Takes nothing from `rng` when everything is off.
pub fn augment(config: &Augment, x: Tensor<4>, rng: &mut Stream) -> Tensor<4> {
    if config.is_none() {
        return x;
    }
    let [images, height, width, _] = x.dims();
    let draws: Vec<Draw> = (0..images).map(|_| Draw::new(rng)).collect();
    let mut x = x;
    if config.flip || config.shift > 0.0 || config.crop > 0.0 || config.rotate > 0.0 {
        let maps: Vec<Affine> = draws.iter().map(|d| Affine::new(config, d, [height, width])).collect();
        x = resample(x, &maps);
    }
    if config.brightness > 0.0 || config.contrast > 0.0 || config.saturation > 0.0 {
        x = recolour(config, x, &draws);
    }
    if config.noise > 0.0 {
        x = add_noise(x, config.noise, rng);
    }
    if config.cutout > 0.0 {
        x = cut_out(x, config.cutout, &draws);
    }
    x
}

/// What is drawn for one image: numbers in -1..1 that the settings scale; pairs are vertical, horizontal.
struct Draw {
    mirrored: bool,
    shift: [f64; 2],
    zoom: f64,
    window: [f64; 2],
    turn: f64,
    brightness: f64,
    contrast: f64,
    saturation: f64,
    corner: [f64; 2],
}

impl Draw {
    fn new(rng: &mut Stream) -> Draw {
        let mirrored = uniform(rng) < 0.5;
        let mut either = || 2.0 * uniform(rng) - 1.0;
        Draw {
            mirrored,
            shift: [either(), either()],
            zoom: either(),
            window: [either(), either()],
            turn: either(),
            brightness: either(),
            contrast: either(),
            saturation: either(),
            corner: [either(), either()],
        }
    }
}

/// Where a pixel of the result comes from: `p -> linear p + offset`, vertical then horizontal, in pixels from the middle of the image.
struct Affine {
    linear: [[f64; 2]; 2],
    offset: [f64; 2],
}

impl Affine {
    /// As if the image were turned, cut to its window, mirrored and then moved. The shift comes last, so that it is of whole pixels of the result.
    fn new(config: &Augment, draw: &Draw, sides: [usize; 2]) -> Affine {
        let side = 1.0 - config.crop * (1.0 + draw.zoom) / 2.0;
        let across = if config.flip && draw.mirrored { -side } else { side };
        let (sin, cos) = (config.rotate * draw.turn).to_radians().sin_cos();
        let linear = [[cos * side, -sin * across], [sin * side, cos * across]];
        let [down, right] = [0, 1].map(|i| (1.0 - side) * draw.window[i] * sides[i] as f64 / 2.0);
        let [dy, dx] = [0, 1].map(|i| {
            let most = (config.shift * sides[i] as f64).round();
            (draw.shift[i] * (most + 0.5)).round().clamp(-most, most)
        });
        let place = |[a, b]: [f64; 2], [sin, cos]: [f64; 2]| cos * down + sin * right - a * dy - b * dx;
        Affine { linear, offset: [place(linear[0], [-sin, cos]), place(linear[1], [cos, sin])] }
    }
}

/// The row and the column of an image that each row and column of the result comes from, when every place is a pixel: images
/// are mirrored and moved by whole pixels at most. `None` otherwise.
fn copies(maps: &[Affine], [height, width]: [usize; 2]) -> Option<[Vec<i32>; 2]> {
    let plain = |m: &Affine| {
        let [[a, b], [c, d]] = m.linear;
        a == 1.0 && b == 0.0 && c == 0.0 && d.abs() == 1.0 && m.offset.iter().all(|o| o.fract() == 0.0)
    };
    if !maps.iter().all(plain) {
        return None;
    }
    let along = |i: usize, side: usize| -> Vec<i32> {
        let middle = (side - 1) as f64 / 2.0;
        let place = move |m: &Affine, p: usize| m.linear[i][i] * (p as f64 - middle) + m.offset[i] + middle;
        maps.iter().flat_map(|m| (0..side).map(move |p| place(m, p).clamp(0.0, (side - 1) as f64) as i32)).collect()
    };
    Some([along(0, height), along(1, width)])
}

/// Each image at the places that its map names: bilinear, or a plain copy where all places are pixels. The host sends a few
/// numbers an image, or one a row and column; what each pixel needs is computed where the pixels are.
fn resample(x: Tensor<4>, maps: &[Affine]) -> Tensor<4> {
    let [b, h, w, c] = x.dims();
    let device = x.device();
    let pixels = x.reshape([b * h * w, c]);
    let first = (0..b).map(|image| (image * h * w) as i32).collect::<Vec<_>>();
    let first = Tensor::<3, Int>::from_data(TensorData::new(first, [b, 1, 1]), &device);
    let pick = |row: Tensor<3, Int>, column: Tensor<3, Int>| {
        pixels.clone().select(0, (row * w as i32 + column + first.clone()).reshape([b * h * w]))
    };
    if let Some([rows, columns]) = copies(maps, [h, w]) {
        let row = Tensor::from_data(TensorData::new(rows, [b, h, 1]), &device);
        let column = Tensor::from_data(TensorData::new(columns, [b, 1, w]), &device);
        return pick(row, column).reshape([b, h, w, c]);
    }
    let numbers = |values: Vec<f32>, shape: [usize; 3]| Tensor::<3>::from_data(TensorData::new(values, shape), &device);
    let middle = [h, w].map(|side| (side - 1) as f64 / 2.0);
    let from_middle = |i: usize, side: usize| (0..side).map(|p| (p as f64 - middle[i]) as f32).collect();
    let (y, x) = (numbers(from_middle(0, h), [1, h, 1]), numbers(from_middle(1, w), [1, 1, w]));
    // Where each pixel comes from; the pixel before that place, the one after, and how far it is from the first to the second.
    let around = |i: usize, side: usize| {
        let of = |f: &dyn Fn(&Affine) -> f64| numbers(maps.iter().map(|m| f(m) as f32).collect(), [b, 1, 1]);
        let down = of(&|m| m.linear[i][0]) * y.clone();
        let across = of(&|m| m.linear[i][1]) * x.clone() + of(&|m| m.offset[i] + middle[i]);
        let place = (down + across).clamp(0.0, (side - 1) as f64);
        let before = place.clone().floor();
        let after = before.clone().add_scalar(1.0).clamp_max((side - 1) as f64);
        (before.clone().int(), after.int(), place - before)
    };
    let ((top, bottom, fy), (left, right, fx)) = (around(0, h), around(1, w));
    let part = |weight: Tensor<3>| weight.reshape([b * h * w, 1]);
    let (gy, gx): (Tensor<3>, Tensor<3>) = (1.0 - fy.clone(), 1.0 - fx.clone());
    let y = pick(top.clone(), left.clone()) * part(gy.clone() * gx.clone())
        + pick(top, right.clone()) * part(gy * fx.clone())
        + pick(bottom.clone(), left) * part(fy.clone() * gx)
        + pick(bottom, right) * part(fy * fx);
    y.reshape([b, h, w, c])
}

/// Channels that are colours: the fourth is alpha.
fn colours(channels: usize) -> usize {
    if channels == 4 { 3 } else { channels }
}

/// Brightness, saturation and contrast at once: `x c s + grey c (1 - s) + mean (1 - c) + b`.
fn recolour(config: &Augment, x: Tensor<4>, draws: &[Draw]) -> Tensor<4> {
    let [images, _, _, channels] = x.dims();
    let colours = colours(channels);
    let device = x.device();
    // One number an image for its colours, another for its alpha.
    let factors = |colour: &dyn Fn(f64, f64, f64) -> f64, alpha: f32| -> Tensor<4> {
        let mut values = Vec::with_capacity(images * channels);
        for draw in draws {
            let saturation = if colours > 1 { 1.0 + config.saturation * draw.saturation } else { 1.0 };
            let contrast = 1.0 + config.contrast * draw.contrast;
            let value = colour(config.brightness * draw.brightness, contrast, saturation) as f32;
            values.extend((0..channels).map(|c| if c < colours { value } else { alpha }));
        }
        Tensor::from_data(TensorData::new(values, [images, 1, 1, channels]), &device)
    };
    let mut offset = factors(&|b, _, _| b, 0.0);
    let mut y = x.clone() * factors(&|_, c, s| c * s, 1.0);
    if config.contrast > 0.0 || config.saturation > 0.0 {
        let grey = x.narrow(3, 0, colours).mean_dim(3);
        if config.contrast > 0.0 {
            offset = offset + grey.clone().mean_dim(1).mean_dim(2) * factors(&|_, c, _| 1.0 - c, 0.0);
        }
        if config.saturation > 0.0 && colours > 1 {
            y = y + grey * factors(&|_, c, s| c * (1.0 - s), 0.0);
        }
    }
    y + offset
}

fn add_noise(x: Tensor<4>, deviation: f64, rng: &mut Stream) -> Tensor<4> {
    let [b, h, w, c] = x.dims();
    let (device, colours) = (x.device(), colours(c));
    let noise = noise::fresh_normal(rng, b * h * w, colours, &device) * deviation;
    let noise = match c - colours {
        0 => noise,
        others => Tensor::cat(vec![noise, Tensor::zeros([b * h * w, others], &device)], 1),
    };
    x + noise.reshape([b, h, w, c])
}

fn cut_out(x: Tensor<4>, part: f64, draws: &[Draw]) -> Tensor<4> {
    let [images, height, width, channels] = x.dims();
    // 1 in the rows or columns of each rectangle, 0 elsewhere.
    let inside = |i: usize, side: usize| -> Vec<f32> {
        let long = ((part * side as f64).round() as usize).max(1);
        let first = |draw: &Draw| ((1.0 + draw.corner[i]) / 2.0 * (side - long + 1) as f64) as usize;
        let one = |range: Range<usize>| (0..side).map(move |p| if range.contains(&p) { 1.0 } else { 0.0 });
        draws.iter().flat_map(|draw| one(first(draw)..first(draw) + long)).collect()
    };
    let device = x.device();
    let tensor = |values: Vec<f32>, shape: [usize; 4]| Tensor::<4>::from_data(TensorData::new(values, shape), &device);
    let rows = tensor(inside(0, height), [images, height, 1, 1]);
    let columns = tensor(inside(1, width), [images, 1, width, 1]);
    let touched = (0..channels).map(|c| if c < colours(channels) { 1.0 } else { 0.0 }).collect();
    let mask = 1.0 - rows * columns * tensor(touched, [1, 1, 1, channels]);
    x * mask
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use verisim_data::rng::stream;

    const STILL: Draw = Draw {
        mirrored: false,
        shift: [0.0; 2],
        zoom: -1.0,
        window: [0.0; 2],
        turn: 0.0,
        brightness: 0.0,
        contrast: 0.0,
        saturation: 0.0,
        corner: [0.0; 2],
    };

    fn tensor(values: Vec<f32>, shape: [usize; 4]) -> Tensor<4> {
        Tensor::from_data(TensorData::new(values, shape), &Device::flex())
    }

    fn random(shape: [usize; 4]) -> Tensor<4> {
        let mut rng = stream(7, "augment test", 0);
        tensor((0..shape.iter().product()).map(|_| 2.0 * uniform(&mut rng) as f32 - 1.0).collect(), shape)
    }

    fn host(x: Tensor<4>) -> Vec<f32> {
        x.into_data().try_into_vec().unwrap()
    }

    fn close(a: &[f32], b: &[f32]) {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).enumerate().for_each(|(i, (a, b))| assert!((a - b).abs() < 1e-5, "{i}: {a} and {b}"));
    }

    /// Every image of `x` under one draw.
    fn moved(config: &Augment, draw: &Draw, x: &Tensor<4>) -> Tensor<4> {
        let [b, h, w, _] = x.dims();
        let maps: Vec<Affine> = (0..b).map(|_| Affine::new(config, draw, [h, w])).collect();
        resample(x.clone(), &maps)
    }

    fn all() -> Augment {
        let (brightness, contrast, saturation) = (0.2, 0.3, 0.4);
        Augment {
            flip: true,
            shift: 0.2,
            crop: 0.3,
            rotate: 25.0,
            brightness,
            contrast,
            saturation,
            noise: 0.1,
            cutout: 0.3,
        }
    }

    #[test]
    fn a_flip_mirrors_about_half_of_the_images_and_twice_is_none() {
        let (config, x) = (Augment { flip: true, ..Augment::default() }, random([64, 3, 4, 2]));
        let mirrored = host(x.clone().flip([2]));
        let once = moved(&config, &Draw { mirrored: true, ..STILL }, &x);
        assert_eq!(host(once.clone()), mirrored);
        assert_eq!(host(moved(&config, &Draw { mirrored: true, ..STILL }, &once)), host(x.clone()));
        let y = host(augment(&config, x.clone(), &mut stream(1, "a", 0)));
        let turned = y.chunks(24).zip(mirrored.chunks(24)).filter(|(y, m)| y == m).count();
        let kept = y.chunks(24).zip(host(x).chunks(24)).filter(|(y, x)| y == x).count();
        assert!(turned + kept == 64 && (16..=48).contains(&kept), "{turned} mirrored, {kept} kept");
    }

    #[test]
    fn a_shift_moves_whole_pixels_and_repeats_the_edge() {
        let (config, x) = (Augment { shift: 0.25, ..Augment::default() }, random([1, 4, 8, 3]));
        let y = host(moved(&config, &Draw { shift: [1.0, -1.0], ..STILL }, &x));
        let x = host(x);
        for (p, pixel) in y.chunks(3).enumerate() {
            let (row, column) = ((p / 8).saturating_sub(1), (p % 8 + 2).min(7));
            assert_eq!(pixel, &x[(row * 8 + column) * 3..][..3], "{p}");
        }
    }

    #[test]
    fn a_shift_takes_all_distances_up_to_the_most() {
        let config = Augment { shift: 0.125, ..Augment::default() };
        let mut counts = [0; 9];
        let mut rng = stream(1, "a", 0);
        for _ in 0..9000 {
            let offset = Affine::new(&config, &Draw::new(&mut rng), [32, 32]).offset[1];
            counts[(4.0 - offset) as usize] += 1;
        }
        assert!(counts.iter().all(|n| (850..1150).contains(n)), "{counts:?}");
    }

    #[test]
    fn a_window_is_scaled_up_to_the_whole_image() {
        // A slope, which bilinear interpolation keeps.
        let (h, w) = (6, 9);
        let x = tensor((0..h * w).map(|p| (10 * (p / w) + p % w) as f32).collect(), [1, h, w, 1]);
        let config = Augment { crop: 0.5, ..Augment::default() };
        let y = host(moved(&config, &Draw { zoom: 1.0, window: [-1.0, 1.0], ..STILL }, &x));
        // The upper right quarter: pixel j of the result is at (j + 1/2) / 2 - 1/2 of it.
        let at = |i: usize| (i as f32 + 0.5) / 2.0 - 0.5;
        let expected: Vec<f32> = (0..h * w).map(|p| 10.0 * at(p / w).max(0.0) + (at(p % w) + 4.5).min(8.0)).collect();
        close(&y, &expected);
    }

    #[test]
    fn a_quarter_turn_moves_rows_to_columns() {
        let (config, x) = (Augment { rotate: 90.0, ..Augment::default() }, random([2, 5, 5, 3]));
        let columns = x.clone().swap_dims(1, 2);
        close(&host(moved(&config, &Draw { turn: 1.0, ..STILL }, &x)), &host(columns.clone().flip([2])));
        close(&host(moved(&config, &Draw { turn: -1.0, ..STILL }, &x)), &host(columns.flip([1])));
        // The place of the pixel in the middle of the upper edge, of a map that does everything at once.
        let draw = Draw { mirrored: true, shift: [0.0, -1.0], zoom: 1.0, window: [1.0, 0.0], turn: 1.0, ..STILL };
        let map = Affine::new(&Augment { flip: true, shift: 0.2, crop: 0.5, rotate: 90.0, ..config }, &draw, [5, 5]);
        // [-2, 0] moved back is [-2, 1], mirrored [-2, -1], in the window [0.25, -0.5], turned [0.5, 0.25].
        let place = [0, 1].map(|i| map.linear[i][0] * -2.0 + map.offset[i]);
        assert!((place[0] - 0.5).abs() < 1e-12 && (place[1] - 0.25).abs() < 1e-12, "{place:?}");
    }

    #[test]
    fn what_is_off_leaves_images_as_they_are() {
        let x = random([3, 5, 4, 4]);
        let mut rng = stream(1, "a", 0);
        assert_eq!(host(augment(&Augment::default(), x.clone(), &mut rng)), host(x.clone()));
        assert_eq!(uniform(&mut rng), uniform(&mut stream(1, "a", 0)));
        assert_eq!(host(moved(&Augment::default(), &Draw::new(&mut rng), &x)), host(x));
    }

    #[test]
    fn the_same_stream_gives_the_same_images_and_another_gives_others() {
        let x = random([3, 8, 8, 3]);
        let run = |config: &Augment, index| host(augment(config, x.clone(), &mut stream(1, "a", index)));
        assert_eq!(run(&all(), 0), run(&all(), 0));
        assert_ne!(run(&all(), 0), run(&all(), 1));
        // Brightness alone, and on top of geometry: the same draws.
        let bright = |config| run(&config, 0);
        let still = Augment { flip: true, shift: 0.2, crop: 0.3, rotate: 25.0, ..Augment::default() };
        let (plain, both) = (bright(still.clone()), bright(Augment { brightness: 0.5, ..still }));
        let alone = bright(Augment { brightness: 0.5, ..Augment::default() });
        let added: Vec<f32> = alone.iter().zip(&host(x.clone())).map(|(y, x)| y - x).collect();
        close(&both, &plain.iter().zip(&added).map(|(p, a)| p + a).collect::<Vec<f32>>());
        assert!((added[0] - added[191]).abs() < 1e-6 && (added[0] - added[192]).abs() > 1e-3);
    }

    #[test]
    fn contrast_scales_around_the_mean_and_saturation_around_grey() {
        let x = random([4, 5, 5, 3]);
        let mean = |v: &[f32]| v.iter().sum::<f32>() / v.len() as f32;
        let run = |config: Augment| host(augment(&config, x.clone(), &mut stream(1, "a", 0)));
        let sharper = run(Augment { contrast: 0.5, ..Augment::default() });
        let richer = run(Augment { saturation: 0.5, ..Augment::default() });
        let x = host(x);
        for (size, y) in [(75, &sharper), (3, &richer)] {
            let mut factors = Vec::new();
            for (x, y) in x.chunks(75).zip(y.chunks(75)) {
                let factor = (y[0] - mean(&y[..size])) / (x[0] - mean(&x[..size]));
                for (x, y) in x.chunks(size).zip(y.chunks(size)) {
                    close(y, &x.iter().map(|v| mean(x) + factor * (v - mean(x))).collect::<Vec<f32>>());
                }
                factors.push(factor);
            }
            assert!(factors.iter().all(|f| (0.5..=1.5).contains(f)) && factors[0] != factors[1], "{factors:?}");
        }
        let grey = random([4, 5, 5, 1]);
        let same = augment(&Augment { saturation: 0.5, ..Augment::default() }, grey.clone(), &mut stream(1, "a", 0));
        close(&host(same), &host(grey));
    }

    #[test]
    fn a_cutout_is_one_rectangle_of_the_size_asked_for() {
        let config = Augment { cutout: 0.5, ..Augment::default() };
        let (h, w) = (10, 8);
        let y = host(augment(&config, Tensor::ones([40, h, w, 3], &Device::flex()), &mut stream(1, "a", 0)));
        let mut corners = std::collections::BTreeSet::new();
        for image in y.chunks(h * w * 3) {
            let holes: Vec<usize> = (0..h * w).filter(|p| image[3 * p..3 * p + 3] == [0.0; 3]).collect();
            let (row, column) = (holes[0] / w, holes[0] % w);
            assert_eq!(holes, (0..20).map(|i| (row + i / 4) * w + column + i % 4).collect::<Vec<_>>());
            assert_eq!(image.iter().filter(|&&v| v == 1.0).count(), (h * w - 20) * 3);
            corners.insert((row, column));
        }
        assert!(corners.len() > 10, "{corners:?}");
    }

    #[test]
    fn alpha_moves_and_is_otherwise_left_alone() {
        let x = random([3, 6, 6, 4]);
        let still = Augment { flip: false, shift: 0.0, crop: 0.0, rotate: 0.0, ..all() };
        let y = host(augment(&still, x.clone(), &mut stream(1, "a", 0)));
        for (x, y) in host(x.clone()).chunks(4).zip(y.chunks(4)) {
            assert!(x[3] == y[3] && (0..3).all(|c| x[c] != y[c]), "{x:?} {y:?}");
        }
        // The mean of the colours, alpha apart: the same change as without alpha.
        let tint = Augment { noise: 0.0, ..still };
        let without = augment(&tint, x.clone().narrow(3, 0, 3), &mut stream(1, "a", 0));
        let with = augment(&tint, x.clone(), &mut stream(1, "a", 0)).narrow(3, 0, 3);
        close(&host(with), &host(without));
        let flip = moved(&Augment { flip: true, ..Augment::default() }, &Draw { mirrored: true, ..STILL }, &x);
        assert_eq!(host(flip), host(x.flip([2])));
    }

    /// Everything is linear in the pixels, so that differences are exact at any distance.
    #[test]
    fn gradients_are_those_of_differences() {
        for (config, c) in [(all(), 4), (all(), 1), (Augment { flip: true, shift: 0.3, ..Augment::default() }, 3)] {
            let shape = [2, 4, 5, c];
            let weight = random(shape).mul_scalar(3.0);
            let loss = |x: Tensor<4>, weight: Tensor<4>| (augment(&config, x, &mut stream(3, "a", 0)) * weight).sum();
            let x = Tensor::from_inner(random(shape).mul_scalar(0.5)).require_grad();
            let grads = loss(x.clone(), Tensor::from_inner(weight.clone())).backward();
            let exact = host(x.grad(&grads).unwrap());
            let at = host(x.inner());
            for (i, exact) in exact.into_iter().enumerate() {
                let shifted = |by: f32| {
                    let values = at.iter().enumerate().map(|(j, v)| if i == j { v + by } else { *v }).collect();
                    loss(tensor(values, shape), weight.clone()).into_scalar::<f32>()
                };
                let numeric = (shifted(4.0) - shifted(-4.0)) / 8.0;
                assert!((numeric - exact).abs() < 1e-4, "{i} of {c} channels: {exact} and {numeric}");
            }
        }
    }

    #[test]
    fn settings_out_of_range_are_refused_by_name() {
        all().check().unwrap();
        assert!(Augment::default().is_none() && !all().is_none());
        Augment::default().check().unwrap();
        for key in ["shift", "crop", "rotate", "brightness", "contrast", "saturation", "noise", "cutout"] {
            for value in ["-0.1", "180.5", "nan", "inf"] {
                let error = toml::from_str::<Augment>(&format!("{key} = {value}")).unwrap().check().unwrap_err();
                assert!(error.to_string().starts_with(&format!("[augment] {key} must lie between 0 and ")), "{error}");
            }
            assert!(!toml::from_str::<Augment>(&format!("{key} = 0.1")).unwrap().is_none());
        }
        assert!(toml::from_str::<Augment>("mirror = true").unwrap_err().to_string().contains("mirror"));
    }
}
