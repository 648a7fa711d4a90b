//! Masks in PNG files: numbers as they are stored, of palettes too, not the colours that they are shown in.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::Path;

use png::{BitDepth, ColorType, Transformations};

use super::files::{extension, io, read, wrong};
use crate::error::Result;
use crate::image::picture::{Picture, Sample, Samples, with_samples};

/// How a mask was stored, to store it so again.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Form {
    colour: ColorType,
    depth: BitDepth,
    palette: Option<Vec<u8>>,
    opacity: Option<Vec<u8>>,
}

/// A mask for each channel of the file; palettes and greys have one.
pub(super) fn read_masks(path: &Path) -> Result<(Vec<Picture>, Form)> {
    match extension(path).as_str() {
        "png" => {}
        "jpg" | "jpeg" => {
            return Err(wrong(path, "is a mask stored as JPEG, which changes its numbers; store masks as PNG"));
        }
        _ => {
            let picture = read(path, None)?;
            let colour = match picture.channels() {
                1 => ColorType::Grayscale,
                2 => ColorType::GrayscaleAlpha,
                3 => ColorType::Rgb,
                _ => ColorType::Rgba,
            };
            let depth = if picture.max() > 255.0 { BitDepth::Sixteen } else { BitDepth::Eight };
            return Ok((channels(&picture)?, Form { colour, depth, palette: None, opacity: None }));
        }
    }
    let fail = |e: png::DecodingError| wrong(path, e.to_string());
    let mut decoder = png::Decoder::new(BufReader::new(File::open(path).map_err(io(path))?));
    decoder.set_transformations(Transformations::IDENTITY);
    let mut reader = decoder.read_info().map_err(fail)?;
    let size = reader.output_buffer_size().ok_or_else(|| wrong(path, "is too large"))?;
    let mut bytes = vec![0; size];
    let info = reader.next_frame(&mut bytes).map_err(fail)?;
    bytes.truncate(info.buffer_size());
    let form = Form {
        colour: info.color_type,
        depth: info.bit_depth,
        palette: reader.info().palette.as_ref().map(|p| p.to_vec()),
        opacity: reader.info().trns.as_ref().map(|p| p.to_vec()),
    };
    let (w, h, n) = (info.width as usize, info.height as usize, info.color_type.samples());
    let samples = match info.bit_depth {
        BitDepth::Eight => Samples::Eight(bytes),
        BitDepth::Sixteen => {
            Samples::Sixteen(bytes.chunks_exact(2).map(|b| u16::from_be_bytes([b[0], b[1]])).collect())
        }
        depth => Samples::Eight(unpack(&bytes, depth as usize, w, info.line_size)),
    };
    Ok((channels(&Picture::new(w, h, n, samples).map_err(|e| wrong(path, e.to_string()))?)?, form))
}

/// Each channel by itself.
fn channels(picture: &Picture) -> Result<Vec<Picture>> {
    let n = picture.channels();
    let one = |c: usize| match picture.samples() {
        Samples::Eight(s) => Samples::Eight(s.iter().skip(c).step_by(n).copied().collect()),
        Samples::Sixteen(s) => Samples::Sixteen(s.iter().skip(c).step_by(n).copied().collect()),
    };
    (0..n).map(|c| Picture::new(picture.width(), picture.height(), 1, one(c))).collect()
}

fn unpack(bytes: &[u8], bits: usize, width: usize, line: usize) -> Vec<u8> {
    let mask = (1u8 << bits) - 1;
    let of_line =
        |row: &[u8]| -> Vec<u8> { (0..width).map(|x| row[x * bits / 8] >> (8 - bits - x * bits % 8) & mask).collect() };
    bytes.chunks_exact(line.max(1)).flat_map(of_line).collect()
}

/// Masks as one PNG file, stored as they were. Numbers that no longer fit are given 8 bits; without a form, greys.
pub(super) fn encode_masks(masks: &[Picture], form: Option<&Form>) -> Result<Vec<u8>, String> {
    let Some(first) = masks.first() else { return Err("there is no mask to write".into()) };
    let deep = masks.iter().any(|m| matches!(m.samples(), Samples::Sixteen(_)));
    let form = form.filter(|f| f.colour.samples() == masks.len());
    let plain = match masks.len() {
        2 => ColorType::GrayscaleAlpha,
        3 => ColorType::Rgb,
        4 => ColorType::Rgba,
        _ => ColorType::Grayscale,
    };
    let (colour, mut depth) = form.map_or((plain, BitDepth::Eight), |f| (f.colour, f.depth));
    let most = masks.iter().map(greatest).max().unwrap_or(0);
    if deep {
        depth = BitDepth::Sixteen;
    } else if most >= 1 << (depth as usize).min(16) || depth == BitDepth::Sixteen {
        depth = BitDepth::Eight;
    }
    // A palette has no 16 bits, and a number beyond its end would be no file at all.
    let colours = form.and_then(|f| f.palette.as_ref());
    let colour = match colour {
        ColorType::Indexed if deep || colours.is_none_or(|p| most as usize * 3 >= p.len()) => ColorType::Grayscale,
        c => c,
    };
    let (w, h) = (first.width(), first.height());
    let used = if colour.samples() == masks.len() { masks } else { &masks[..1] };
    let mut bytes = Vec::new();
    for y in 0..h {
        let row = (0..w).flat_map(|x| used.iter().map(move |m| m.at(x, y, 0) as u16));
        match depth {
            BitDepth::Sixteen => bytes.extend(row.flat_map(u16::to_be_bytes)),
            BitDepth::Eight => bytes.extend(row.map(|v| v as u8)),
            depth => {
                let bits = depth as usize;
                let row: Vec<u16> = row.collect();
                let byte = |part: &[u16]| {
                    part.iter().enumerate().fold(0u8, |b, (i, v)| b | (*v as u8) << (8 - bits - i * bits))
                };
                bytes.extend(row.chunks(8 / bits).map(byte));
            }
        }
    }
    let mut file = Cursor::new(Vec::new());
    let mut encoder = png::Encoder::new(&mut file, w as u32, h as u32);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    if colour == ColorType::Indexed {
        if let Some(p) = colours {
            encoder.set_palette(Cow::Borrowed(p.as_slice()));
        }
        if let Some(t) = form.and_then(|f| f.opacity.as_ref()) {
            encoder.set_trns(Cow::Borrowed(t.as_slice()));
        }
    }
    let mut writer = encoder.write_header().map_err(|e| e.to_string())?;
    writer.write_image_data(&bytes).map_err(|e| e.to_string())?;
    writer.finish().map_err(|e| e.to_string())?;
    Ok(file.into_inner())
}

fn greatest(mask: &Picture) -> u32 {
    with_samples!(mask.samples(), s => s.iter().map(|v| v.index() as u32).max().unwrap_or(0))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.png");
        for (colour, depth, most) in [
            (ColorType::Grayscale, BitDepth::One, 1u16),
            (ColorType::Grayscale, BitDepth::Two, 3),
            (ColorType::Indexed, BitDepth::Four, 15),
            (ColorType::Indexed, BitDepth::Eight, 20),
            (ColorType::Grayscale, BitDepth::Sixteen, 60000),
            (ColorType::Rgb, BitDepth::Eight, 200),
        ] {
            let palette = (colour == ColorType::Indexed).then(|| (0..63).map(|i| i as u8 * 4).collect::<Vec<u8>>());
            let form = Form { colour, depth, palette, opacity: None };
            let of = |k: usize| {
                let value = |i: usize| ((i * 7 + k) as u16 * 13) % (most + 1);
                match depth {
                    BitDepth::Sixteen => Samples::Sixteen((0..55).map(|i| value(i) * 3 % (most + 1)).collect()),
                    _ => Samples::Eight((0..55).map(|i| value(i) as u8).collect()),
                }
            };
            let masks: Vec<Picture> = (0..colour.samples()).map(|k| Picture::new(11, 5, 1, of(k)).unwrap()).collect();
            std::fs::write(&path, encode_masks(&masks, Some(&form)).unwrap()).unwrap();
            let (read, found) = read_masks(&path).unwrap();
            assert_eq!(read, masks, "{colour:?} {depth:?}");
            assert_eq!(found, form);
        }
    }

    #[test]
    fn numbers_that_do_not_fit_any_more_are_given_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.png");
        let form = Form { colour: ColorType::Grayscale, depth: BitDepth::One, palette: None, opacity: None };
        let mask = Picture::new(2, 1, 1, Samples::Eight(vec![1, 200])).unwrap();
        std::fs::write(&path, encode_masks(std::slice::from_ref(&mask), Some(&form)).unwrap()).unwrap();
        assert_eq!(read_masks(&path).unwrap().0, [mask]);
    }
}
