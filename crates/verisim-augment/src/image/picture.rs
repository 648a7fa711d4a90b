//! Pictures in memory: rows of interleaved samples of 8 or 16 bits, grey or RGB, with or without opacity.

use std::path::Path;

use image::{DynamicImage, ImageBuffer, ImageReader};

use crate::error::{Error, Result};

/// A sample of a picture. What is computed between two samples is an `f32` in the same units, so 8 bits are exact and 16 are to within
/// the last one.
pub trait Sample: Copy + Default + PartialEq + Send + Sync + std::fmt::Debug + 'static {
    /// The greatest.
    const MAX: f32;
    /// As a number.
    fn up(self) -> f32;
    /// The sum of two, as a number.
    fn pair(a: Self, b: Self) -> f32;
    /// The nearest sample; what is outside becomes the nearest end.
    fn down(x: f32) -> Self;
    /// As an index of a table of `MAX + 1` entries.
    fn index(self) -> usize;
    /// Between four samples, where `fx` and `fy` are in 256ths, rounded.
    fn blend(corners: [Self; 4], fx: u32, fy: u32) -> Self;
}

impl Sample for u8 {
    const MAX: f32 = 255.0;
    #[inline(always)]
    fn up(self) -> f32 {
        f32::from(self)
    }
    #[inline(always)]
    fn pair(a: u8, b: u8) -> f32 {
        // Of half the size until it is a number: twice as many fit into a vector.
        f32::from(u16::from(a) + u16::from(b))
    }
    #[inline(always)]
    fn down(x: f32) -> u8 {
        whole((x + 0.5).clamp(0.0, 255.0)) as u8
    }
    #[inline(always)]
    fn index(self) -> usize {
        usize::from(self)
    }
    #[inline(always)]
    fn blend([a, b, c, d]: [u8; 4], fx: u32, fy: u32) -> u8 {
        let top = u32::from(a) * (256 - fx) + u32::from(b) * fx;
        let bottom = u32::from(c) * (256 - fx) + u32::from(d) * fx;
        ((top * (256 - fy) + bottom * fy + (1 << 15)) >> 16) as u8
    }
}

impl Sample for u16 {
    const MAX: f32 = 65535.0;
    #[inline(always)]
    fn up(self) -> f32 {
        f32::from(self)
    }
    #[inline(always)]
    fn pair(a: u16, b: u16) -> f32 {
        f32::from(a) + f32::from(b)
    }
    #[inline(always)]
    fn down(x: f32) -> u16 {
        whole((x + 0.5).clamp(0.0, 65535.0)) as u16
    }
    #[inline(always)]
    fn index(self) -> usize {
        usize::from(self)
    }
    #[inline(always)]
    fn blend([a, b, c, d]: [u16; 4], fx: u32, fy: u32) -> u16 {
        let (fx, fy) = (u64::from(fx), u64::from(fy));
        let top = u64::from(a) * (256 - fx) + u64::from(b) * fx;
        let bottom = u64::from(c) * (256 - fx) + u64::from(d) * fx;
        ((top * (256 - fy) + bottom * fy + (1 << 15)) >> 16) as u16
    }
}

/// In its lowest 22 bits the whole number below `x`, which is from 0 to 2^22. Not a number is 0.
///
/// A conversion to a whole number looks at each for what does not fit, and vectors have no instruction for that. Here the number is
/// made so large that its last bit is 1, which rounds it to the nearest; where that is above, one less.
#[inline(always)]
pub(super) fn whole(x: f32) -> u32 {
    const UP: f32 = (1 << 23) as f32;
    let large = x + UP;
    large.to_bits().wrapping_sub(u32::from(large - UP > x))
}

/// The same as a number.
#[inline(always)]
pub(super) fn floor(x: f32) -> f32 {
    const UP: f32 = (1 << 23) as f32;
    let near = (x + UP) - UP;
    near - if near > x { 1.0 } else { 0.0 }
}

/// All samples of a picture.
#[derive(Debug, Clone, PartialEq)]
pub enum Samples {
    /// Of 8 bits.
    Eight(Vec<u8>),
    /// Of 16 bits.
    Sixteen(Vec<u16>),
}

/// A picture of at least one pixel. Rows go from the top, samples of a pixel lie together: grey, grey and opacity, RGB, or RGB and
/// opacity. Opacity is moved along but never lightened, blurred or made noisy. Colours are interpolated as they are, not weighted by
/// opacity.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    width: usize,
    height: usize,
    channels: usize,
    pub(super) samples: Samples,
}

/// Runs `$e` with `$s` bound to the samples, whatever their depth.
macro_rules! with_samples {
    ($samples:expr, $s:ident => $e:expr) => {
        match $samples {
            $crate::image::picture::Samples::Eight($s) => $e,
            $crate::image::picture::Samples::Sixteen($s) => $e,
        }
    };
}
pub(super) use with_samples;

/// Replaces the samples by what `$e` makes of them, which is a vector of the same depth.
macro_rules! map_samples {
    ($samples:expr, $s:ident => $e:expr) => {
        match $samples {
            $crate::image::picture::Samples::Eight($s) => $crate::image::picture::Samples::Eight($e),
            $crate::image::picture::Samples::Sixteen($s) => $crate::image::picture::Samples::Sixteen($e),
        }
    };
}
pub(super) use map_samples;

/// Pixels of one picture; sides below 2^15 keep positions in 256ths within 32 bits.
const MAX_SIDE: usize = 1 << 15;

impl Picture {
    /// A picture of `width` x `height` pixels of `channels` samples.
    pub fn new(width: usize, height: usize, channels: usize, samples: Samples) -> Result<Picture> {
        let n = with_samples!(&samples, s => s.len());
        if width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE {
            return Err(Error::Item(format!("a picture of {width} x {height} pixels: sides are from 1 to {MAX_SIDE}")));
        }
        if !(1..=4).contains(&channels) || n != width * height * channels {
            return Err(Error::Item(format!(
                "{n} samples are no picture of {width} x {height} pixels with {channels} channels (1 to 4)"
            )));
        }
        Ok(Picture { width, height, channels, samples })
    }

    /// What stands for a picture while it is elsewhere.
    pub(super) fn nothing() -> Picture {
        Picture { width: 0, height: 0, channels: 1, samples: Samples::Eight(Vec::new()) }
    }

    /// Of the same depth and channels, another size. The caller has counted the samples.
    pub(super) fn like(&self, width: usize, height: usize, samples: Samples) -> Picture {
        debug_assert_eq!(with_samples!(&samples, s => s.len()), width * height * self.channels);
        Picture { width, height, channels: self.channels, samples }
    }

    /// Reads a file, turned upright as its Exif data say. Palettes and the like become RGB or RGBA, floats 16 bits.
    pub fn read(path: &Path) -> Result<Picture> {
        let wrong = |what: String| Error::File { path: path.to_owned(), what };
        let mut reader =
            ImageReader::open(path).and_then(ImageReader::with_guessed_format).map_err(|e| wrong(e.to_string()))?;
        let mut limits = image::Limits::default();
        (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE as u32), Some(MAX_SIDE as u32));
        reader.limits(limits);
        let mut decoder = reader.into_decoder().map_err(|e| wrong(e.to_string()))?;
        let upright =
            image::ImageDecoder::orientation(&mut decoder).unwrap_or(image::metadata::Orientation::NoTransforms);
        let mut image = DynamicImage::from_decoder(decoder).map_err(|e| wrong(e.to_string()))?;
        image.apply_orientation(upright);
        Picture::try_from(image)
    }

    /// Writes a file in the format that its name says. What the format cannot hold, 16 bits or opacity in JPEG, is refused.
    pub fn write(&self, path: &Path) -> Result<()> {
        self.to_dynamic().save(path).map_err(|e| Error::File { path: path.to_owned(), what: e.to_string() })
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Samples of a pixel, opacity included.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Samples of a pixel that are colour: 1 or 3.
    pub fn colours(&self) -> usize {
        self.channels - usize::from(self.channels.is_multiple_of(2))
    }

    /// All samples, row by row.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// The greatest sample.
    pub fn max(&self) -> f32 {
        match self.samples {
            Samples::Eight(_) => <u8 as Sample>::MAX,
            Samples::Sixteen(_) => <u16 as Sample>::MAX,
        }
    }

    /// The sample of a channel at a pixel, from the top left.
    pub fn at(&self, x: usize, y: usize, channel: usize) -> f32 {
        let i = (y * self.width + x) * self.channels + channel;
        with_samples!(&self.samples, s => s[i].up())
    }

    /// For the codecs of `image`.
    pub fn to_dynamic(&self) -> DynamicImage {
        let (w, h) = (self.width as u32, self.height as u32);
        let made = match (&self.samples, self.channels) {
            (Samples::Eight(s), 1) => ImageBuffer::from_raw(w, h, s.clone()).map(DynamicImage::ImageLuma8),
            (Samples::Eight(s), 2) => ImageBuffer::from_raw(w, h, s.clone()).map(DynamicImage::ImageLumaA8),
            (Samples::Eight(s), 3) => ImageBuffer::from_raw(w, h, s.clone()).map(DynamicImage::ImageRgb8),
            (Samples::Eight(s), _) => ImageBuffer::from_raw(w, h, s.clone()).map(DynamicImage::ImageRgba8),
            (Samples::Sixteen(s), 1) => ImageBuffer::from_raw(w, h, s.clone()).map(DynamicImage::ImageLuma16),
            (Samples::Sixteen(s), 2) => ImageBuffer::from_raw(w, h, s.clone()).map(DynamicImage::ImageLumaA16),
            (Samples::Sixteen(s), 3) => ImageBuffer::from_raw(w, h, s.clone()).map(DynamicImage::ImageRgb16),
            (Samples::Sixteen(s), _) => ImageBuffer::from_raw(w, h, s.clone()).map(DynamicImage::ImageRgba16),
        };
        // The samples are as many as the sides say, which is all that can be wrong.
        made.unwrap_or_default()
    }
}

impl TryFrom<DynamicImage> for Picture {
    type Error = Error;

    fn try_from(image: DynamicImage) -> Result<Picture> {
        use DynamicImage::*;
        let (w, h) = (image.width() as usize, image.height() as usize);
        match image {
            ImageLuma8(p) => Picture::new(w, h, 1, Samples::Eight(p.into_raw())),
            ImageLumaA8(p) => Picture::new(w, h, 2, Samples::Eight(p.into_raw())),
            ImageRgb8(p) => Picture::new(w, h, 3, Samples::Eight(p.into_raw())),
            ImageRgba8(p) => Picture::new(w, h, 4, Samples::Eight(p.into_raw())),
            ImageLuma16(p) => Picture::new(w, h, 1, Samples::Sixteen(p.into_raw())),
            ImageLumaA16(p) => Picture::new(w, h, 2, Samples::Sixteen(p.into_raw())),
            ImageRgb16(p) => Picture::new(w, h, 3, Samples::Sixteen(p.into_raw())),
            ImageRgba16(p) => Picture::new(w, h, 4, Samples::Sixteen(p.into_raw())),
            ImageRgb32F(_) => Picture::new(w, h, 3, Samples::Sixteen(image.into_rgb16().into_raw())),
            _ => Picture::new(w, h, 4, Samples::Sixteen(image.into_rgba16().into_raw())),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_rounded_and_kept_inside() {
        assert_eq!([-3.0, 0.4, 0.5, 254.6, 300.0, f32::NAN].map(u8::down), [0, 0, 1, 255, 255, 0]);
        assert_eq!([70000.0, 1.49].map(u16::down), [65535, 1]);
        assert_eq!(u8::blend([0, 100, 200, 40], 128, 128), 85);
        assert_eq!(u8::blend([255; 4], 77, 201), 255);
        assert_eq!(u16::blend([65535; 4], 255, 1), 65535);
    }

    #[test]
    fn pictures_that_cannot_be_are_refused() {
        for (w, h, c, n) in [(0, 1, 1, 0), (2, 2, 1, 3), (1, 1, 5, 5), (40000, 1, 1, 40000)] {
            assert!(Picture::new(w, h, c, Samples::Eight(vec![0; n])).is_err());
        }
    }

    #[test]
    fn all_eight_forms_survive_a_file() {
        let folder = tempfile::tempdir().unwrap();
        for channels in 1..=4 {
            for deep in [false, true] {
                let n = 6 * channels;
                let samples = match deep {
                    false => Samples::Eight((0..n).map(|i| (i * 9) as u8).collect()),
                    true => Samples::Sixteen((0..n).map(|i| (i * 2500) as u16).collect()),
                };
                let picture = Picture::new(3, 2, channels, samples).unwrap();
                let path = folder.path().join("p.png");
                picture.write(&path).unwrap();
                assert_eq!(Picture::read(&path).unwrap(), picture);
            }
        }
    }
}
