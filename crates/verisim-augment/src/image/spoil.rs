//! What storing and hiding do: compression, fewer pixels, holes.

use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::{DynamicImage, ExtendedColorType};
use serde::{Deserialize, Serialize};

use super::Item;
use super::edge::Edge;
use super::picture::{Picture, Sample, Samples, with_samples};
use super::resize::{Filter, resized};
use crate::error::{Error, Result};

/// The picture as a JPEG file of this quality, 1 to 100, shows it. What has 16 bits is stored in 8, as such files are.
pub(super) fn jpeg(picture: &mut Picture, quality: u8) -> Result<()> {
    let wrong = |e: image::ImageError| Error::Item(format!("a picture cannot be compressed: {e}"));
    let (w, h, channels, colours) = (picture.width(), picture.height(), picture.channels(), picture.colours());
    let bytes: Vec<u8> = match picture.samples() {
        Samples::Eight(s) if channels == colours => s.clone(),
        Samples::Eight(s) => s.chunks_exact(channels).flat_map(|p| p[..colours].iter().copied()).collect(),
        Samples::Sixteen(s) => {
            s.chunks_exact(channels).flat_map(|p| p[..colours].iter().map(|v| u8::down(v.up() / 257.0))).collect()
        }
    };
    let mut file = Vec::new();
    let kind = if colours == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
    JpegEncoder::new_with_quality(&mut file, quality.clamp(1, 100))
        .encode(&bytes, w as u32, h as u32, kind)
        .map_err(wrong)?;
    let decoder = JpegDecoder::new(std::io::Cursor::new(&file)).map_err(wrong)?;
    let seen = match DynamicImage::from_decoder(decoder).map_err(wrong)? {
        DynamicImage::ImageLuma8(p) if colours == 1 => p.into_raw(),
        other if colours == 1 => other.into_luma8().into_raw(),
        other => other.into_rgb8().into_raw(),
    };
    match &mut picture.samples {
        Samples::Eight(s) if channels == colours => *s = seen,
        Samples::Eight(s) => {
            s.chunks_exact_mut(channels)
                .zip(seen.chunks_exact(colours))
                .for_each(|(p, q)| p[..colours].copy_from_slice(q));
        }
        Samples::Sixteen(s) => {
            for (p, q) in s.chunks_exact_mut(channels).zip(seen.chunks_exact(colours)) {
                p.iter_mut().zip(q).for_each(|(p, q)| *p = u16::from(*q) * 257);
            }
        }
    }
    Ok(())
}

/// Made smaller by a factor below 1 and as large again: detail is lost, the size is not.
pub(super) fn downscale(picture: &mut Picture, factor: f64, filter: Filter) {
    let side = |s: usize| ((s as f64 * factor).round() as usize).clamp(1, s);
    let small = resized(picture, side(picture.width()), side(picture.height()), Filter::Area);
    *picture = resized(&small, picture.width(), picture.height(), filter);
}

/// Rectangles that are painted over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Holes {
    /// Left, top, width and height, in pixels.
    pub at: Vec<[usize; 4]>,
    /// What with.
    pub fill: Edge,
    /// Whether masks are emptied there too.
    pub masks: bool,
}

impl Holes {
    pub(super) fn apply(&self, item: &mut Item) {
        self.picture(&mut item.picture, &self.fill);
        if self.masks {
            item.labels.masks.iter_mut().for_each(|m| self.picture(m, &Edge::Grey(0.0)));
        }
    }

    fn picture(&self, picture: &mut Picture, fill: &Edge) {
        let size = (picture.width(), picture.height(), picture.channels(), picture.colours());
        with_samples!(&mut picture.samples, s => self.run(s, size, fill));
    }

    fn run<S: Sample>(&self, s: &mut [S], (w, h, channels, colours): (usize, usize, usize, usize), fill: &Edge) {
        let pixel = fill.pixel::<S>(channels);
        for &[left, top, width, height] in &self.at {
            for y in top.min(h)..top.saturating_add(height).min(h) {
                let row = &mut s[y * w * channels..(y + 1) * w * channels];
                let run = left.min(w)..left.saturating_add(width).min(w);
                for p in row[run.start * channels..run.end * channels].chunks_exact_mut(channels) {
                    p[..colours].copy_from_slice(&pixel[..colours]);
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testkit::{difference, flat, grey, item, rough, smooth, values};
    use super::*;

    #[test]
    fn compression_loses_more_where_the_quality_is_lower() {
        for channels in 1..=4 {
            let p = smooth(64, 48, channels);
            let lost = [95, 30, 2].map(|quality| {
                let mut q = p.clone();
                jpeg(&mut q, quality).unwrap();
                difference(&p, &q, 0)
            });
            assert!(lost[0] < 2.0 && lost[0] < lost[1] && lost[1] < lost[2] && lost[2] < 30.0, "{channels} {lost:?}");
        }
    }

    #[test]
    fn detail_is_lost_and_the_size_is_not() {
        let mut p = grey(4, 1, &[0, 100, 200, 40]);
        downscale(&mut p, 0.5, Filter::Nearest);
        assert_eq!(values(&p), [50, 50, 120, 120]);
        let mut p = rough(30, 20, 3);
        downscale(&mut p, 0.01, Filter::Linear);
        let first = values(&p)[..3].to_vec();
        assert_eq!(p, flat(30, 20, &first));
    }

    #[test]
    fn holes_are_where_they_are_said_to_be() {
        let mut p = Item::from(flat(4, 3, &[9, 50]));
        Holes { at: vec![[1, 1, 2, 9], [100, 0, 5, 5]], fill: Edge::Grey(1.0), masks: false }.apply(&mut p);
        let seen: Vec<u8> = values(&p.picture).iter().step_by(2).copied().collect();
        assert_eq!(seen, [9, 9, 9, 9, 9, 255, 255, 9, 9, 255, 255, 9]);
        assert!(values(&p.picture).iter().skip(1).step_by(2).all(|a| *a == 50));
        let mut it = item(20, 20, 3);
        let before = it.labels.clone();
        let holes = Holes { at: vec![[0, 0, 20, 20]], fill: Edge::Colour([1.0, 0.0, 0.0]), masks: false };
        holes.apply(&mut it);
        assert_eq!((it.picture.clone(), it.labels.clone()), (flat(20, 20, &[255, 0, 0]), before));
        Holes { masks: true, ..holes }.apply(&mut it);
        assert_eq!(it.labels.masks[0], flat(20, 20, &[0]));
    }
}
