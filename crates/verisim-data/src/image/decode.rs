//! One image: from a file to pixels of the wanted size and channels.

use std::path::Path;

use image::imageops::FilterType::Lanczos3;
use image::metadata::Orientation;
use image::{
    DynamicImage, GrayImage, ImageDecoder, ImageFormat, ImageReader, Limits, Rgb, RgbImage, Rgba, Rgba32FImage,
    RgbaImage,
};

use super::settings::Fit;
use super::shape::Shape;

/// The longest side of a file that is decoded.
const MAX_SIDE: u32 = 1 << 15;
/// The bytes that decoding one file may take: 8192 x 8192 in RGBA. Every thread may need as much.
const MAX_BYTES: u64 = 1 << 28;

/// The image in the file at `path`, turned upright as its Exif data say, in 8 bits a channel. What goes wrong is
/// said for people. The format is told from the content; names lie.
pub(super) fn decode(path: &Path) -> Result<DynamicImage, String> {
    let (decoder, orientation, format) = open(path)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(|e| e.to_string())?;
    // Its decoder fills up with grey what is missing. It has held the whole file as well.
    if format == Some(ImageFormat::Jpeg) && !jpeg_ends(&std::fs::read(path).map_err(|e| e.to_string())?) {
        return Err("ends too early: it has no end-of-image marker".to_owned());
    }
    image.apply_orientation(orientation);
    Ok(eight_bit(image))
}

/// Makes white what is under no opacity at all: nobody sees its colour, and so nothing should be learnt or judged by it.
pub(super) fn forget_hidden(rgba: &mut [u8]) {
    rgba.as_chunks_mut().0.iter_mut().filter(|p: &&mut [u8; 4]| p[3] == 0).for_each(|p| *p = [255, 255, 255, 0]);
}

/// Whether the name is that of a link to something that is not there.
pub(super) fn is_broken_link(path: &Path) -> bool {
    path.is_symlink() && !path.exists()
}

/// Height and width of the image in the file at `path`, from its header alone.
pub(super) fn measure(path: &Path) -> Result<(usize, usize), String> {
    use Orientation::*;
    let (decoder, orientation, _) = open(path)?;
    let (width, height) = decoder.dimensions();
    Ok(match orientation {
        Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH => (width as usize, height as usize),
        _ => (height as usize, width as usize),
    })
}

fn open(path: &Path) -> Result<(impl ImageDecoder, Orientation, Option<ImageFormat>), String> {
    if is_broken_link(path) {
        return Err("is a link to a file that is not there".to_owned());
    }
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE), Some(MAX_SIDE));
    limits.max_alloc = Some(MAX_BYTES);
    let mut reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format).map_err(|e| e.to_string())?;
    reader.limits(limits.clone());
    let format = reader.format();
    let mut decoder = reader.into_decoder().map_err(|e| e.to_string())?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err("has no pixels".to_owned());
    }
    limits.check_dimensions(width, height).map_err(|e| e.to_string())?;
    limits.reserve(decoder.total_bytes()).map_err(|e| e.to_string())?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    Ok((decoder, orientation, format))
}

/// Whether a JPEG file goes on to its end-of-image marker (ITU-T T.81, B.1.1): its segments are walked, and in the coded
/// data between them no marker can be mistaken, since a byte 0xFF is followed by 0 there.
fn jpeg_ends(bytes: &[u8]) -> bool {
    let mut at = 0;
    while let Some(&[mark, marker]) = bytes.get(at..at + 2) {
        at += match (mark, marker) {
            (0xff, 0xd9) => return true,
            (0xff, 0x00 | 0x01 | 0xd0..=0xd8) => 2,
            (0xff, 0xff) => 1,
            (0xff, _) => match bytes.get(at + 2..at + 4) {
                Some(&[high, low]) => 2 + usize::from(u16::from_be_bytes([high, low])),
                _ => return false,
            },
            _ => 1,
        };
    }
    false
}

fn eight_bit(image: DynamicImage) -> DynamicImage {
    use DynamicImage::*;
    match image {
        ImageLuma8(_) | ImageLumaA8(_) | ImageRgb8(_) | ImageRgba8(_) => image,
        ImageLuma16(_) => ImageLuma8(image.into_luma8()),
        ImageLumaA16(_) => ImageLumaA8(image.into_luma_alpha8()),
        ImageRgb16(_) | ImageRgb32F(_) => ImageRgb8(image.into_rgb8()),
        _ => ImageRgba8(image.into_rgba8()),
    }
}

/// The image whose bytes are `pixels`.
pub(super) fn picture(shape: Shape, pixels: Vec<u8>) -> Option<DynamicImage> {
    let (width, height) = (shape.width as u32, shape.height as u32);
    match shape.channels {
        1 => GrayImage::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8),
        3 => RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
        _ => RgbaImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgba8),
    }
}

/// The fewest channels that hold all that an image of [`decode`] shows.
pub(super) fn channels(image: &DynamicImage) -> usize {
    let coloured = |p: &[u8]| p[0] != p[1] || p[1] != p[2];
    match image {
        DynamicImage::ImageLuma8(_) => 1,
        DynamicImage::ImageLumaA8(p) => {
            if p.pixels().any(|p| p.0[1] < 255) {
                4
            } else {
                1
            }
        }
        DynamicImage::ImageRgb8(p) => {
            if p.pixels().any(|p| coloured(&p.0)) {
                3
            } else {
                1
            }
        }
        DynamicImage::ImageRgba8(p) if p.pixels().all(|p| p.0[3] == 255) => {
            if p.pixels().any(|p| coloured(&p.0)) {
                3
            } else {
                1
            }
        }
        _ => 4,
    }
}

/// The pixels of `image` in `shape`.
pub(super) fn render(image: DynamicImage, shape: Shape, fit: Fit) -> Vec<u8> {
    let image = with_channels(image, shape.channels);
    let (height, width) = (shape.height as u32, shape.width as u32);
    if (image.height(), image.width()) == (height, width) {
        return image.into_bytes();
    }
    match fit {
        Fit::Stretch => scale(image, height, width).into_bytes(),
        Fit::Crop => scale(centre(image, height, width), height, width).into_bytes(),
        Fit::Pad => pad(image, shape),
    }
}

/// Grey, RGB or RGBA. What is transparent becomes white where alpha goes.
fn with_channels(image: DynamicImage, channels: usize) -> DynamicImage {
    if channels == 4 {
        let mut image = image.into_rgba8();
        forget_hidden(&mut image);
        return DynamicImage::ImageRgba8(image);
    }
    if let DynamicImage::ImageLuma8(_) = &image
        && channels == 1
    {
        return image;
    }
    let rgb = if image.color().has_alpha() { on_white(&image.into_rgba8()) } else { image.into_rgb8() };
    match channels {
        1 => DynamicImage::ImageLuma8(grey(&rgb)),
        _ => DynamicImage::ImageRgb8(rgb),
    }
}

fn on_white(image: &RgbaImage) -> RgbImage {
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let [r, g, b, a] = image.get_pixel(x, y).0;
        let blend = |c: u8| ((u32::from(c) * u32::from(a) + 255 * (255 - u32::from(a)) + 127) / 255) as u8;
        Rgb([blend(r), blend(g), blend(b)])
    })
}

/// Luma after ITU-R BT.601 in 16 binary digits, as most image libraries compute it. The weights sum to 1, so
/// that a pixel of equal channels keeps its value.
fn grey(image: &RgbImage) -> GrayImage {
    GrayImage::from_fn(image.width(), image.height(), |x, y| {
        let [r, g, b] = image.get_pixel(x, y).0.map(u32::from);
        image::Luma([((19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16) as u8])
    })
}

/// The largest part in the centre that has the proportions of `height` x `width`. Cutting before scaling gives
/// the same picture as after, but a file of 1 x 30000 pixels cannot blow up.
fn centre(image: DynamicImage, height: u32, width: u32) -> DynamicImage {
    let (h, w) = (image.height(), image.width());
    let (cut_h, cut_w) = if u64::from(w) * u64::from(height) > u64::from(h) * u64::from(width) {
        (h, share(h, width, height).clamp(1, w))
    } else {
        (share(w, height, width).clamp(1, h), w)
    };
    if (cut_h, cut_w) == (h, w) {
        return image;
    }
    image.crop_imm((w - cut_w) / 2, (h - cut_h) / 2, cut_w, cut_h)
}

/// `n * part / whole`, rounded to nearest.
fn share(n: u32, part: u32, whole: u32) -> u32 {
    let (n, part, whole) = (u64::from(n), u64::from(part), u64::from(whole));
    u32::try_from((2 * n * part + whole) / (2 * whole)).unwrap_or(u32::MAX)
}

/// `image` scaled until it fits, in the middle of white or, with an alpha channel, of nothing.
fn pad(image: DynamicImage, shape: Shape) -> Vec<u8> {
    let (height, width) = (shape.height as u32, shape.width as u32);
    let (h, w) = (image.height(), image.width());
    let (h, w) = if u64::from(w) * u64::from(height) > u64::from(h) * u64::from(width) {
        (share(h, width, w).clamp(1, height), width)
    } else {
        (height, share(w, height, h).clamp(1, width))
    };
    let inner = scale(image, h, w).into_bytes();
    let mut out = vec![255; shape.len()];
    if shape.channels == 4 {
        out.iter_mut().skip(3).step_by(4).for_each(|a| *a = 0);
    }
    let (top, left) = ((height - h) as usize / 2, (width - w) as usize / 2);
    let line = w as usize * shape.channels;
    for (y, row) in inner.chunks_exact(line).enumerate() {
        let at = ((top + y) * shape.width + left) * shape.channels;
        out[at..at + line].copy_from_slice(row);
    }
    out
}

fn scale(image: DynamicImage, height: u32, width: u32) -> DynamicImage {
    if (image.height(), image.width()) == (height, width) {
        return image;
    }
    match &image {
        DynamicImage::ImageRgba8(p) if p.pixels().any(|p| p.0[3] < 255) => {
            DynamicImage::ImageRgba8(scale_transparent(p, height, width))
        }
        _ => image.resize_exact(width, height, Lanczos3),
    }
}

/// Scales colours weighted by alpha, so that the colour of what cannot be seen does not bleed into what can.
fn scale_transparent(image: &RgbaImage, height: u32, width: u32) -> RgbaImage {
    let weighted = Rgba32FImage::from_fn(image.width(), image.height(), |x, y| {
        let [r, g, b, a] = image.get_pixel(x, y).0.map(|v| f32::from(v) / 255.0);
        Rgba([r * a, g * a, b * a, a])
    });
    let scaled = image::imageops::resize(&weighted, width, height, Lanczos3);
    RgbaImage::from_fn(width, height, |x, y| {
        let [r, g, b, a] = scaled.get_pixel(x, y).0;
        let byte = |v: f32| (v.clamp(0.0, 1.0) * 255.0).round() as u8;
        if byte(a) == 0 {
            return Rgba([255, 255, 255, 0]);
        }
        Rgba([byte(r / a), byte(g / a), byte(b / a), byte(a)])
    })
}
