//! The look of other pictures: their histogram of each colour, or their slow waves. What is on a picture stays where it is.
//!
//! The others are pictures of the set or, to come closer to pictures of another place, device or season, those of a folder.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{Stream, below, uniform};

use super::Partners;
use super::act::Act;
use super::picture::{Picture, Sample, Samples, with_samples};
use super::resize::{Filter, resized};
use super::set::{in_form, listed};
use super::settings::{Change, View, settings};
use crate::error::{Error, Result};
use crate::range::Range;

settings! {
    /// Each colour's levels become as frequent as those of another picture (Gonzalez and Woods, histogram matching).
    HistogramMatch {
        /// How far levels go there; 1 is all the way.
        share: Range = Range::from([0.5, 1.0]), in 0 to 1;
        /// A folder that the other is taken from, from where the program runs; other pictures of the set when not given.
        folder: Option<PathBuf> = None;
    }
}

settings! {
    /// The slowest waves take the strength that they have in another picture and keep their places (Fourier domain adaptation; Yang and Soatto 2020).
    FourierAdapt {
        /// Waves of up to this share of the shorter side are taken.
        beta: Range = Range::from([0.005, 0.05]), in 0 to 0.15;
        /// A folder that the other is taken from, from where the program runs; other pictures of the set when not given.
        folder: Option<PathBuf> = None;
    }
}

/// A picture that takes the look of another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// Whose look.
    pub of: Other,
    /// What of it.
    pub what: What,
}

/// Another picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Other {
    /// An item of the set.
    Partner(u64),
    /// Of the pictures of a folder, by their names, the one that so large a share of them comes before.
    Of {
        /// The folder.
        folder: PathBuf,
        /// From 0, below 1.
        at: f64,
    },
}

/// What is taken of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The histogram, by this share.
    Histogram(f64),
    /// The waves up to this share of the shorter side.
    Waves(f64),
}

fn other(folder: Option<&PathBuf>, rng: &mut Stream, view: &View) -> Option<Other> {
    match folder {
        Some(folder) => Some(Other::Of { folder: folder.clone(), at: uniform(rng) }),
        None if view.partners == 0 => None,
        None => Some(Other::Partner(below(rng, view.partners))),
    }
}

impl Change for HistogramMatch {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let Some(of) = other(self.folder.as_ref(), rng, view) else { return Act::Nothing };
        Act::Look(Look { of, what: What::Histogram(self.share.draw(rng)) })
    }
}

impl Change for FourierAdapt {
    fn check(&self) -> Result<(), String> {
        self.limits()
    }

    fn draw(&self, rng: &mut Stream, view: &View) -> Act {
        let Some(of) = other(self.folder.as_ref(), rng, view) else { return Act::Nothing };
        Act::Look(Look { of, what: What::Waves(self.beta.draw(rng)) })
    }
}

impl Look {
    /// Whether it can be taken.
    pub(super) fn check(&self) -> Result<(), String> {
        let (x, most) = match self.what {
            What::Histogram(share) => (share, 1.0),
            What::Waves(beta) => (beta, 0.15),
        };
        match (0.0..=most).contains(&x) {
            true => Ok(()),
            false => Err(format!("a share of {x} of another picture; it is from 0 to {most}")),
        }
    }

    pub(super) fn apply(&self, picture: &mut Picture, partners: &(impl Partners + ?Sized)) -> Result<()> {
        let other = match &self.of {
            Other::Partner(i) => partners.get(*i)?.picture,
            Other::Of { folder, at } => read(folder, *at)?,
        };
        let other = in_form(other, picture.channels(), matches!(picture.samples, Samples::Sixteen(_)))?;
        match self.what {
            What::Histogram(share) => histogram(picture, &other, share as f32),
            What::Waves(beta) => waves(picture, &other, beta),
        }
        Ok(())
    }
}

fn read(folder: &Path, at: f64) -> Result<Picture> {
    let all = listed(folder)?;
    match all.get((at * all.len() as f64) as usize) {
        Some(path) => Picture::read(path),
        None => Err(Error::File { path: folder.to_owned(), what: "has no pictures to take the look of".to_owned() }),
    }
}

/// Moves each level of each colour by `share` of the way to the one that as many samples of `other` lie below.
fn histogram(picture: &mut Picture, other: &Picture, share: f32) {
    fn counts<S: Sample>(s: &[S], channels: usize, c: usize) -> Vec<u64> {
        let mut counts = vec![0u64; S::MAX as usize + 1];
        s.iter().skip(c).step_by(channels).for_each(|v| counts[v.index()] += 1);
        counts
    }
    fn matched<S: Sample>(own: &mut [S], other: &[S], channels: usize, colours: usize, share: f32) {
        for c in 0..colours {
            let (a, b) = (counts(own, channels, c), counts(other, channels, c));
            let (all, of) = (a.iter().sum::<u64>() as u128, b.iter().sum::<u64>() as u128);
            let (mut below_a, mut below_b, mut level) = (0u128, u128::from(b[0]), 0usize);
            let table: Vec<S> = a
                .iter()
                .enumerate()
                .map(|(v, n)| {
                    below_a += u128::from(*n);
                    // The first level that as large a share lies at or below.
                    while below_b * all < below_a * of && level + 1 < b.len() {
                        level += 1;
                        below_b += u128::from(b[level]);
                    }
                    S::down(v as f32 + share * (level as f32 - v as f32))
                })
                .collect();
            own.iter_mut().skip(c).step_by(channels).for_each(|v| *v = table[v.index()]);
        }
    }
    let (channels, colours) = (picture.channels(), picture.colours());
    match (&mut picture.samples, &other.samples) {
        (Samples::Eight(a), Samples::Eight(b)) => matched(a, b, channels, colours, share),
        (Samples::Sixteen(a), Samples::Sixteen(b)) => matched(a, b, channels, colours, share),
        _ => {}
    }
}

type Complex = [f64; 2];

fn times(a: Complex, b: Complex) -> Complex {
    [a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]]
}

/// `e^(-2 pi i k x / n)` for `x` from 0, a list for each `k` of `0 ..= most`.
fn turns(n: usize, most: usize) -> Vec<Vec<Complex>> {
    let unit = |j: usize| {
        let angle = -std::f64::consts::TAU * j as f64 / n as f64;
        [libm::cos(angle), libm::sin(angle)]
    };
    let circle: Vec<Complex> = (0..n).map(unit).collect();
    (0..=most).map(|k| (0..n).map(|x| circle[k * x % n]).collect()).collect()
}

/// The slow waves of a picture: `u` along `0 ..= b`, and for each `v` down `-b ..= b`. Those of negative `u` are their mirror images.
fn slow(plane: &[f64], w: usize, [across, down]: [&[Vec<Complex>]; 2]) -> Vec<Vec<Complex>> {
    let b = across.len() - 1;
    let sum = |terms: &mut dyn Iterator<Item = Complex>| terms.fold([0.0; 2], |s, t| [s[0] + t[0], s[1] + t[1]]);
    let along = |turn: &Vec<Complex>| -> Vec<Complex> {
        let row = |row: &[f64]| sum(&mut row.iter().zip(turn).map(|(p, t)| [p * t[0], p * t[1]]));
        plane.chunks_exact(w).map(row).collect()
    };
    let wave = |rows: &Vec<Complex>, v: usize| {
        let (turn, back) = (&down[v.abs_diff(b)], v < b);
        sum(&mut rows.iter().zip(turn).map(|(r, t)| times(*r, if back { [t[0], -t[1]] } else { *t })))
    };
    across
        .iter()
        .map(|turn| {
            let rows = along(turn);
            (0..=2 * b).map(|v| wave(&rows, v)).collect()
        })
        .collect()
}

/// Gives the slow waves of a picture the strength of those of another. Costs `w h b` multiplications for `b` waves each way.
fn waves(picture: &mut Picture, other: &Picture, beta: f64) {
    let (w, h) = (picture.width(), picture.height());
    let other = resized(other, w, h, Filter::Linear);
    // Half a wave a pixel has no other side.
    let b = ((beta * w.min(h) as f64) as usize).min((w.min(h) - 1) / 2);
    let (across, down) = (turns(w, b), turns(h, b));
    let (channels, colours) = (picture.channels(), picture.colours());
    let plane = |p: &Picture, c: usize| -> Vec<f64> {
        with_samples!(&p.samples, s => s.iter().skip(c).step_by(channels).map(|v| f64::from(v.up())).collect())
    };
    for c in 0..colours {
        let (own, its) = (plane(picture, c), plane(&other, c));
        let size = |z: Complex| (z[0] * z[0] + z[1] * z[1]).sqrt();
        let change = |(a, b): (&Complex, &Complex)| {
            // A wave that is not there has no place to keep: it takes that of the other.
            let to = if size(*a) > 1e-9 { [a[0], a[1]].map(|x| x * size(*b) / size(*a)) } else { *b };
            [to[0] - a[0], to[1] - a[1]]
        };
        let (slow_own, slow_its) = (slow(&own, w, [&across, &down]), slow(&its, w, [&across, &down]));
        let changes: Vec<Vec<Complex>> =
            slow_own.iter().zip(&slow_its).map(|(a, b)| a.iter().zip(b).map(change).collect()).collect();
        let scale = 1.0 / (w * h) as f64;
        let row = |y: usize| -> Vec<f64> {
            let at: Vec<Complex> = changes
                .iter()
                .map(|waves| {
                    waves.iter().enumerate().fold([0.0; 2], |sum, (v, z)| {
                        let t = down[v.abs_diff(b)][y];
                        let term = times(*z, if v < b { t } else { [t[0], -t[1]] });
                        [sum[0] + term[0], sum[1] + term[1]]
                    })
                })
                .collect();
            let pixel = |x: usize| {
                let terms = at.iter().zip(&across).enumerate().map(|(u, (z, turn))| {
                    let t = turn[x];
                    let real = z[0] * t[0] + z[1] * t[1];
                    if u == 0 { real } else { 2.0 * real }
                });
                scale * terms.sum::<f64>()
            };
            (0..w).map(pixel).collect()
        };
        let made: Vec<f64> = (0..h)
            .flat_map(|y| row(y).into_iter().zip(&own[y * w..]).map(|(d, p)| d + p).collect::<Vec<_>>())
            .collect();
        fn put<S: Sample>(s: &mut [S], made: &[f64], c: usize, channels: usize) {
            s.iter_mut().skip(c).step_by(channels).zip(made).for_each(|(v, x)| *v = S::down(*x as f32));
        }
        with_samples!(&mut picture.samples, s => put(s, &made, c, channels));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testkit::{eight, flat, grey, rough, sixteen, smooth};
    use super::super::{Item, apply_with};
    use super::*;
    use crate::pipeline::Pipeline;

    fn taken(picture: &Picture, other: &Picture, what: What) -> Picture {
        let mut made = picture.clone();
        let look = Look { of: Other::Partner(0), what };
        look.apply(&mut made, [Item::from(other.clone())].as_slice()).unwrap();
        made
    }

    #[test]
    fn levels_become_as_frequent_as_those_of_the_other() {
        // 256 levels once each: every second level of the other twice, in the order of the picture.
        let (up, halves): (Vec<u8>, Vec<u8>) = (0..=255u8).map(|v| (v.wrapping_mul(37), v / 2)).unzip();
        let made = taken(&grey(16, 16, &up), &grey(16, 16, &halves), What::Histogram(1.0));
        assert_eq!(made, grey(16, 16, &up.iter().map(|v| v / 2).collect::<Vec<_>>()));
        let half = taken(&grey(16, 16, &up), &grey(16, 16, &halves), What::Histogram(0.5));
        assert!((0..256).all(|i| (half.at(i % 16, i / 16, 0) - 0.75 * f32::from(up[i])).abs() <= 1.0));
        for p in [rough(31, 17, 3), rough(9, 9, 4), sixteen(2, 2, 1, vec![0, 9, 300, 65535])] {
            assert_eq!(taken(&p, &p, What::Histogram(1.0)), p);
        }
        // Another size, colours for grey; opacity stays.
        let made = taken(&rough(20, 10, 4), &flat(3, 3, &[90]), What::Histogram(1.0));
        assert!((0..200).all(|i| (0..3).all(|c| made.at(i % 20, i / 20, c) == 90.0)));
        assert_eq!(made.at(3, 4, 3), rough(20, 10, 4).at(3, 4, 3));
    }

    #[test]
    fn slow_waves_have_the_strength_of_the_other_and_the_rest_stays() {
        for p in [smooth(40, 30, 3), rough(33, 20, 1), eight(1, 1, 1, vec![7])] {
            let same = taken(&p, &p, What::Waves(0.1));
            let near = |i: usize| {
                (same.at(i % p.width(), i / p.width(), 0) - p.at(i % p.width(), i / p.width(), 0)).abs() <= 1.0
            };
            assert!((0..p.width() * p.height()).all(near));
        }
        // Without waves only the mean is taken.
        let chess: Vec<u8> = (0..64).map(|i| if (i % 8 + i / 8) % 2 == 0 { 40 } else { 60 }).collect();
        let made = taken(&grey(8, 8, &chess), &flat(8, 8, &[150]), What::Waves(0.0));
        assert_eq!(made, grey(8, 8, &chess.iter().map(|v| v + 100).collect::<Vec<_>>()));
        // A wave of 3 turns along becomes as high as the other's, where it was.
        let wave = |height: f64, shift: f64| {
            let at =
                |i: usize| 128.0 + height * libm::cos(std::f64::consts::TAU * (3.0 * (i % 64) as f64 / 64.0) + shift);
            grey(64, 64, &(0..64 * 64).map(|i| at(i).round() as u8).collect::<Vec<_>>())
        };
        let made = taken(&wave(20.0, 0.4), &wave(60.0, 2.0), What::Waves(0.05));
        let wanted = wave(60.0, 0.4);
        assert!((0..4096).all(|i| (made.at(i % 64, i / 64, 0) - wanted.at(i % 64, i / 64, 0)).abs() <= 2.0));
        let none = taken(&wave(20.0, 0.4), &wave(60.0, 2.0), What::Waves(0.04));
        assert!((none.at(0, 0, 0) - wave(20.0, 0.4).at(0, 0, 0)).abs() <= 1.0);
    }

    #[test]
    fn the_other_may_come_from_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        flat(5, 5, &[200, 10, 10]).write(&folder.path().join("red.png")).unwrap();
        let text = format!("[[image]]\nhistogram_match = {{ folder = {:?}, share = 1 }}\n", folder.path());
        let pipeline = Pipeline::from_toml(&text).unwrap();
        let (made, drawn) = apply_with(&pipeline, &Item::from(rough(6, 6, 3)), 0, 0, &[] as &[Item]).unwrap();
        assert_eq!(made.picture, flat(6, 6, &[200, 10, 10]));
        assert!(drawn.to_line().unwrap().contains("folder"));
        std::fs::remove_file(folder.path().join("red.png")).unwrap();
        let said = apply_with(&pipeline, &Item::from(rough(6, 6, 3)), 0, 0, &[] as &[Item]).unwrap_err().to_string();
        assert!(said.contains("no pictures"), "{said}");
    }
}
