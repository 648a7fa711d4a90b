//! Weather and light: rain, snow, fog, sun flare, shadow, spatter. Drawings laid over a picture, so labels stay. They are the kind of thing that
//! a camera sees, not a model of light.

use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, below, stream, uniform};

use super::act::Act;
use super::colour::draws;
use super::filter::Kernel;
use super::picture::{Picture, Sample, Samples, with_samples};
use super::settings::{Change, View, settings};
use crate::range::Range;

/// Something laid over a picture: how much of it is at each pixel, and of what colour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weather {
    /// Streaks.
    Rain {
        /// For each 1000 pixels.
        drops: f64,
        /// In pixels.
        length: f64,
        /// From upright, in degrees.
        slant: f64,
        /// Of the places of drops.
        seed: u64,
    },
    /// Flakes, softened.
    Snow {
        /// For each 1000 pixels.
        flakes: f64,
        /// Of the largest, in pixels.
        size: f64,
        /// Of the places of flakes.
        seed: u64,
    },
    /// White in drifts.
    Fog {
        /// How much at most, 0 to 1.
        density: f64,
        /// Of the drifts.
        seed: u64,
    },
    /// A light and its glare.
    SunFlare {
        /// From the left and the top, as shares.
        at: [f64; 2],
        /// Of the glare, as a share of the shorter side.
        radius: f64,
        /// 0 to 1.
        strength: f64,
    },
    /// A darker part with straight edges.
    Shadow {
        /// Its corners, as shares of the sides.
        corners: Vec<[f64; 2]>,
        /// How much darker, 0 to 1.
        darkness: f64,
    },
    /// Mud or water on the lens.
    Spatter {
        /// For each million pixels.
        spots: f64,
        /// Of the largest, as a share of the shorter side.
        size: f64,
        /// 0 to 1.
        color: [f64; 3],
        /// Of the spots.
        seed: u64,
    },
    /// Dust and drops on the lens, out of focus.
    Dirt {
        /// For each million pixels.
        specks: f64,
        /// Of the largest, as a share of the shorter side.
        size: f64,
        /// How much of the light they take, 0 to 1.
        strength: f64,
        /// Of the specks.
        seed: u64,
    },
}

impl Weather {
    /// Whether its numbers can be worked with.
    pub(super) fn check(&self) -> Result<(), String> {
        let numbers = match self {
            Weather::Rain { drops, length, slant, .. } => vec![(*drops, 100.0), (*length, 1000.0), (*slant, 90.0)],
            Weather::Snow { flakes, size, .. } => vec![(*flakes, 500.0), (*size, 100.0)],
            Weather::Fog { density, .. } => vec![(*density, 1.0)],
            Weather::SunFlare { at, radius, strength } => {
                vec![(at[0], 10.0), (at[1], 10.0), (*radius, 10.0), (*strength, 1.0)]
            }
            Weather::Shadow { corners, darkness } => {
                let all = corners.iter().flatten().map(|c| (*c, 10.0));
                all.chain([(*darkness, 1.0), (corners.len() as f64, 64.0)]).collect()
            }
            Weather::Spatter { spots, size, color, .. } => {
                vec![(*spots, 100_000.0), (*size, 1.0), (color[0], 1.0), (color[1], 1.0), (color[2], 1.0)]
            }
            Weather::Dirt { specks, size, strength, .. } => vec![(*specks, 10_000.0), (*size, 1.0), (*strength, 1.0)],
        };
        match numbers.iter().find(|(x, most)| x.is_nan() || x.abs() > *most) {
            Some((x, most)) => Err(format!("the number {x} of a weather; it is at most {most}")),
            None => Ok(()),
        }
    }

    pub(super) fn apply(&self, picture: &mut Picture) {
        let (w, h) = (picture.width(), picture.height());
        let cover = self.cover(w, h);
        let color = match self {
            Weather::Rain { .. } => [0.78, 0.8, 0.82],
            Weather::Snow { .. } => [1.0; 3],
            Weather::Fog { .. } => [0.86, 0.87, 0.88],
            Weather::SunFlare { .. } => [1.0, 0.97, 0.88],
            Weather::Shadow { .. } => [0.0; 3],
            Weather::Spatter { color, .. } => *color,
            Weather::Dirt { .. } => [0.45, 0.43, 0.4],
        };
        lay_over(picture, &cover, color.map(|c| c as f32));
    }

    /// How much of it is at each pixel, 0 to 1.
    fn cover(&self, w: usize, h: usize) -> Vec<f32> {
        let (fw, fh) = (w as f64, h as f64);
        let shorter = fw.min(fh);
        let count = |per: f64, of: f64| (per * fw * fh / of).round() as usize;
        match self {
            Weather::Rain { drops, length, slant, seed } => {
                let mut rng = stream(*seed, "rain", 0);
                let mut cover = vec![0.0f32; w * h];
                let (sin, cos) = (libm::sin(slant.to_radians()), libm::cos(slant.to_radians()));
                for _ in 0..count(*drops, 1000.0) {
                    let (x, y) = (uniform(&mut rng) * fw, uniform(&mut rng) * (fh + length) - length);
                    let long = length * (0.5 + 0.5 * uniform(&mut rng));
                    let light = (0.3 + 0.4 * uniform(&mut rng)) as f32;
                    for i in 0..long.ceil() as usize {
                        let (x, y) = (x + sin * i as f64, y + cos * i as f64);
                        if x >= 0.0 && y >= 0.0 && x < fw && y < fh {
                            let at = &mut cover[y as usize * w + x as usize];
                            *at = at.max(light);
                        }
                    }
                }
                cover
            }
            Weather::Snow { flakes, size, seed } => {
                let mut rng = stream(*seed, "snow", 0);
                let mut cover = vec![0.0f32; w * h];
                for _ in 0..count(*flakes, 1000.0) {
                    let (x, y) = (uniform(&mut rng) * fw, uniform(&mut rng) * fh);
                    let u = uniform(&mut rng);
                    spot(&mut cover, (w, h), (x, y), size * (0.25 + 0.75 * u * u) / 2.0, 0.9);
                }
                cover
            }
            Weather::Fog { density, seed } => {
                // Drifts: noise on grids of 2, 4, 8 and 16 meshes, half as strong each.
                let mut cover = vec![0.0f32; w * h];
                for octave in 0..4u64 {
                    let n = 2usize << octave;
                    let mut rng = stream(*seed, "fog", octave);
                    let nodes: Vec<f32> = (0..(n + 1) * (n + 1)).map(|_| uniform(&mut rng) as f32).collect();
                    let small = Picture::new(
                        n + 1,
                        n + 1,
                        1,
                        Samples::Sixteen(nodes.iter().map(|v| u16::down(v * 65535.0)).collect()),
                    );
                    let Ok(small) = small else { continue };
                    let large = super::resize::resized(&small, w, h, super::Filter::Cubic);
                    let weight = 1.0 / (1 << octave) as f32 / 1.875 / 65535.0;
                    with_samples!(large.samples(), s => cover.iter_mut().zip(s).for_each(|(c, s)| *c += weight * s.up()));
                }
                let density = *density as f32;
                cover.iter().map(|v| (density * (0.4 + 1.2 * (v - 0.5) + 0.3)).clamp(0.0, density)).collect()
            }
            Weather::SunFlare { at, radius, strength } => {
                let (cx, cy, r) = (at[0] * fw, at[1] * fh, (radius * shorter).max(1e-3));
                let mut cover = vec![0.0f32; w * h];
                for y in 0..h {
                    for x in 0..w {
                        let d = ((x as f64 + 0.5 - cx).powi(2) + (y as f64 + 0.5 - cy).powi(2)).sqrt() / r;
                        cover[y * w + x] = (strength / (1.0 + d * d * d * 8.0)) as f32;
                    }
                }
                // Reflections in the lens, on the line through the middle.
                for (i, s) in [0.6, 1.2, 1.5, 1.9].into_iter().enumerate() {
                    let middle = (cx + (fw / 2.0 - cx) * s, cy + (fh / 2.0 - cy) * s);
                    spot(&mut cover, (w, h), middle, r * [0.15, 0.3, 0.1, 0.4][i], 0.25 * strength);
                }
                cover
            }
            Weather::Shadow { corners, darkness } => {
                let at: Vec<[f64; 2]> = corners.iter().map(|c| [c[0] * fw, c[1] * fh]).collect();
                let mut cover = vec![0.0f32; w * h];
                for y in 0..h {
                    // Where the row's middle crosses the sides, in pairs.
                    let yc = y as f64 + 0.5;
                    let mut crossings: Vec<f64> = (0..at.len())
                        .filter_map(|i| {
                            let ([x0, y0], [x1, y1]) = (at[i], at[(i + 1) % at.len()]);
                            ((y0 <= yc) != (y1 <= yc)).then(|| x0 + (yc - y0) / (y1 - y0) * (x1 - x0))
                        })
                        .collect();
                    crossings.sort_by(f64::total_cmp);
                    for pair in crossings.as_chunks::<2>().0 {
                        let [from, to] = pair.map(|x| x.round().clamp(0.0, fw) as usize);
                        cover[y * w + from..y * w + to].fill(*darkness as f32);
                    }
                }
                cover
            }
            Weather::Dirt { specks, size, strength, seed } => {
                let mut rng = stream(*seed, "dirt", 0);
                let mut cover = vec![0.0f32; w * h];
                for _ in 0..count(*specks, 1_000_000.0).max(1) {
                    let (x, y) = (uniform(&mut rng) * fw, uniform(&mut rng) * fh);
                    let r = size * shorter * (0.3 + 0.7 * uniform(&mut rng)) / 2.0;
                    blot(&mut cover, (w, h), (x, y), r, strength * (0.4 + 0.6 * uniform(&mut rng)));
                }
                cover
            }
            Weather::Spatter { spots, size, seed, .. } => {
                let mut rng = stream(*seed, "spatter", 0);
                let mut cover = vec![0.0f32; w * h];
                for _ in 0..count(*spots, 1_000_000.0).max(1) {
                    let (x, y) = (uniform(&mut rng) * fw, uniform(&mut rng) * fh);
                    let u = uniform(&mut rng);
                    let r = size * shorter * (0.15 + 0.85 * u * u * u) / 2.0;
                    // A spot and drops that it threw about.
                    spot(&mut cover, (w, h), (x, y), r, 0.9);
                    for _ in 0..below(&mut rng, 6) {
                        let (a, far) = (uniform(&mut rng) * std::f64::consts::TAU, r * (1.2 + 1.5 * uniform(&mut rng)));
                        let (x, y) = (x + far * libm::cos(a), y + far * libm::sin(a));
                        spot(&mut cover, (w, h), (x, y), r * 0.25 * uniform(&mut rng), 0.8);
                    }
                }
                cover
            }
        }
    }
}

/// A disc with an edge of one pixel, over what is there.
fn spot(cover: &mut [f32], (w, h): (usize, usize), (cx, cy): (f64, f64), r: f64, light: f64) {
    let run = |c: f64, n: usize| ((c - r - 1.0).max(0.0) as usize).min(n)..((c + r + 2.0).max(0.0) as usize).min(n);
    for y in run(cy, h) {
        for x in run(cx, w) {
            let d = ((x as f64 + 0.5 - cx).powi(2) + (y as f64 + 0.5 - cy).powi(2)).sqrt();
            let share = (light * (r + 0.5 - d).clamp(0.0, 1.0)) as f32;
            cover[y * w + x] = cover[y * w + x].max(share);
        }
    }
}

/// A disc of which most is even, and the rest fades towards its edge: what is too near to be sharp. Those that overlap add up.
fn blot(cover: &mut [f32], (w, h): (usize, usize), (cx, cy): (f64, f64), r: f64, light: f64) {
    let run = |c: f64, n: usize| ((c - r - 1.0).max(0.0) as usize).min(n)..((c + r + 2.0).max(0.0) as usize).min(n);
    for y in run(cy, h) {
        for x in run(cx, w) {
            let d = ((x as f64 + 0.5 - cx).powi(2) + (y as f64 + 0.5 - cy).powi(2)).sqrt() / r.max(0.5);
            let share = (light * ((1.0 - d) / 0.35).clamp(0.0, 1.0)) as f32;
            let at = &mut cover[y * w + x];
            *at += share * (1.0 - *at);
        }
    }
}

/// Each colour moved towards `color` by how much is there.
fn lay_over(picture: &mut Picture, cover: &[f32], color: [f32; 3]) {
    let (channels, colours) = (picture.channels(), picture.colours());
    let color = if colours == 1 { [super::edge::luma(color); 3] } else { color };
    fn run<S: Sample>(s: &mut [S], cover: &[f32], color: [f32; 3], channels: usize, colours: usize) {
        for (p, c) in s.chunks_exact_mut(channels).zip(cover).filter(|(_, c)| **c > 0.0) {
            for (s, color) in p[..colours].iter_mut().zip(color) {
                *s = S::down(s.up() + c * (color * S::MAX - s.up()));
            }
        }
    }
    with_samples!(&mut picture.samples, s => run(s, cover, color, channels, colours));
}

fn seed(rng: &mut Stream) -> u64 {
    below(rng, 1 << 53)
}

settings! {
    /// Streaks of rain, and what is behind them darker and a little blurred.
    Rain {
        /// Drops for each 1000 pixels.
        drops: Range = Range::from([0.5, 2.0]), in 0 to 100;
        /// Of a streak, in pixels.
        length: Range = Range::from([8.0, 24.0]), in 1 to 1000;
        /// Degrees from upright.
        slant: Range = Range::from([-20.0, 20.0]), in -80 to 80;
        /// How much darker the picture is.
        darkness: Range = Range::from(0.15), in 0 to 1;
    }
}
draws!(Rain, this, rng => {
    let (drops, length, slant) = (this.drops.draw(rng), this.length.draw(rng), this.slant.draw(rng));
    let gain = 1.0 - this.darkness.draw(rng);
    Act::Chain(vec![
        Act::Curve(super::Curve::Line { gain, offset: 0.0 }),
        Act::Filter(Kernel::Gaussian(0.5)),
        Act::Weather(Weather::Rain { drops, length, slant, seed: seed(rng) }),
    ])
});

settings! {
    /// Falling snow.
    Snow {
        /// Flakes for each 1000 pixels.
        flakes: Range = Range::from([1.0, 4.0]), in 0 to 500;
        /// Of the largest, in pixels.
        size: Range = Range::from([2.0, 6.0]), in 0.5 to 100;
    }
}
draws!(Snow, this, rng => {
    let (flakes, size) = (this.flakes.draw(rng), this.size.draw(rng));
    Act::Weather(Weather::Snow { flakes, size, seed: seed(rng) })
});

settings! {
    /// Fog in drifts.
    Fog {
        /// How much of the picture is lost where it is thickest.
        density: Range = Range::from([0.3, 0.7]), in 0 to 1;
    }
}
draws!(Fog, this, rng => {
    let density = this.density.draw(rng);
    Act::Weather(Weather::Fog { density, seed: seed(rng) })
});

settings! {
    /// The sun in the picture, with its glare and reflections in the lens.
    SunFlare {
        /// From the left, as a share.
        x: Range = Range::from([0.0, 1.0]), in -1 to 2;
        /// From the top, as a share.
        y: Range = Range::from([0.0, 0.5]), in -1 to 2;
        /// Of the glare, as a share of the shorter side.
        radius: Range = Range::from([0.2, 0.5]), in 0.01 to 5;
        /// 1 is white at its middle.
        strength: Range = Range::from([0.6, 1.0]), in 0 to 1;
    }
}
draws!(SunFlare, this, rng => {
    let at = [this.x.draw(rng), this.y.draw(rng)];
    Act::Weather(Weather::SunFlare { at, radius: this.radius.draw(rng), strength: this.strength.draw(rng) })
});

settings! {
    /// The shadow of something with straight edges.
    Shadow {
        /// Corners.
        corners: Range = Range::from([3.0, 5.0]), whole 3 to 16;
        /// How much darker.
        darkness: Range = Range::from([0.3, 0.6]), in 0 to 1;
    }
}
draws!(Shadow, this, rng => {
    let n = this.corners.draw_whole(rng);
    let corners = (0..n).map(|_| [1.4 * uniform(rng) - 0.2, 1.4 * uniform(rng) - 0.2]).collect();
    Act::Weather(Weather::Shadow { corners, darkness: this.darkness.draw(rng) })
});

settings! {
    /// Mud on the lens; or water, in a light colour.
    Spatter {
        /// Spots for each million pixels.
        spots: Range = Range::from([50.0, 200.0]), in 0 to 100000;
        /// Of the largest, as a share of the shorter side.
        size: Range = Range::from([0.02, 0.08]), in 0 to 1;
        /// Red, green and blue.
        color: [f64; 3] = [0.25, 0.18, 0.11];
    }
}

impl Change for Spatter {
    fn check(&self) -> Result<(), String> {
        self.limits()?;
        super::Edge::Colour(self.color).check().map_err(|e| e.replace("`fill`", "`color`"))
    }

    fn draw(&self, rng: &mut Stream, _: &View) -> Act {
        let (spots, size) = (self.spots.draw(rng), self.size.draw(rng));
        Act::Weather(Weather::Spatter { spots, size, color: self.color, seed: seed(rng) })
    }
}

settings! {
    /// Dust and drops on the lens: grey discs, out of focus, that take part of the light.
    LensDirt {
        /// Specks for each million pixels.
        specks: Range = Range::from([20.0, 120.0]), in 0 to 10000;
        /// Of the largest, as a share of the shorter side.
        size: Range = Range::from([0.03, 0.12]), in 0 to 1;
        /// How much of the light they take at most.
        strength: Range = Range::from([0.1, 0.4]), in 0 to 1;
    }
}

impl Change for LensDirt {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn draw(&self, rng: &mut Stream, _: &View) -> Act {
        let (specks, size, strength) = (self.specks.draw(rng), self.size.draw(rng), self.strength.draw(rng));
        Act::Weather(Weather::Dirt { specks, size, strength, seed: seed(rng) })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testkit::{flat, values};
    use super::*;

    fn mean(v: &[u8]) -> f64 {
        v.iter().map(|v| f64::from(*v)).sum::<f64>() / v.len() as f64
    }

    #[test]
    fn a_shadow_is_the_shape_of_its_corners() {
        let mut p = flat(10, 10, &[200]);
        let corners = vec![[0.2, 0.1], [0.7, 0.1], [0.7, 0.6], [0.2, 0.6]];
        Weather::Shadow { corners, darkness: 0.5 }.apply(&mut p);
        for (i, v) in values(&p).into_iter().enumerate() {
            let inside = (2..7).contains(&(i % 10)) && (1..6).contains(&(i / 10));
            assert_eq!(v, if inside { 100 } else { 200 });
        }
    }

    #[test]
    fn as_much_as_is_asked_for_and_only_on_colours() {
        let over = |weather: Weather| {
            let mut p = flat(100, 100, &[50, 50, 50, 9]);
            weather.apply(&mut p);
            let v = values(&p);
            assert!(v.iter().skip(3).step_by(4).all(|a| *a == 9), "{weather:?}");
            v.iter().step_by(4).copied().collect::<Vec<u8>>()
        };
        // 20 flakes of at most 12.6 pixels each.
        let snow = over(Weather::Snow { flakes: 2.0, size: 4.0, seed: 1 });
        let white = snow.iter().filter(|v| **v > 150).count();
        assert!((30..250).contains(&white), "{white}");
        let rain = over(Weather::Rain { drops: 2.0, length: 20.0, slant: 0.0, seed: 1 });
        let wet = rain.iter().filter(|v| **v > 50).count();
        assert!((180..340).contains(&wet), "{wet}");
        let fog = over(Weather::Fog { density: 0.6, seed: 1 });
        assert!((90.0..170.0).contains(&mean(&fog)) && fog.iter().all(|v| (50..=153).contains(v)), "{}", mean(&fog));
        let sun = over(Weather::SunFlare { at: [0.2, 0.3], radius: 0.3, strength: 1.0 });
        assert!(sun[30 * 100 + 20] > 250 && sun[99 * 100 + 99] < 80);
        let mud = over(Weather::Spatter { spots: 500.0, size: 0.2, color: [0.0; 3], seed: 1 });
        assert!(mud.iter().any(|v| *v < 10) && mean(&mud) > 35.0);
        // Five specks of at most 314 pixels take less than half of the light, and no edge of theirs is sharp.
        let dirt = over(Weather::Dirt { specks: 500.0, size: 0.2, strength: 0.4, seed: 1 });
        assert!((50.3..60.0).contains(&mean(&dirt)) && dirt.iter().all(|v| (50..=100).contains(v)), "{}", mean(&dirt));
        assert!(dirt.windows(2).filter(|w| w[0].abs_diff(w[1]) > 15).count() < 10);
    }
}
