//! Pixels as PNG, and boxes as YOLO has them.

use super::super::label::Labels;
use super::super::vector::Vec3;

/// A PNG of rows of bytes, which says that it is synthetic.
///
/// # Errors
/// When bytes and size do not fit together.
pub fn encode(bytes: &[u8], size: [usize; 2], kind: (png::ColorType, png::BitDepth)) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, size[0] as u32, size[1] as u32);
    encoder.set_color(kind.0);
    encoder.set_depth(kind.1);
    encoder.set_compression(png::Compression::Fast);
    let text = |e: png::EncodingError| format!("a PNG cannot be made: {e}");
    encoder
        .add_text_chunk("Description".into(), "synthetic: rendered by verisim from a declared scene".into())
        .map_err(text)?;
    let mut writer = encoder.write_header().map_err(text)?;
    writer.write_image_data(bytes).map_err(text)?;
    writer.finish().map_err(text)?;
    Ok(out)
}

/// PNG has the high byte first.
pub fn wide(values: impl Iterator<Item = u16>) -> Vec<u8> {
    values.flat_map(u16::to_be_bytes).collect()
}

/// Depth as it is written: 0 is none, 65535 is that or more.
pub fn millimetres(depth: f64) -> u16 {
    if depth.is_finite() { (depth * 1000.0).round().clamp(1.0, 65_535.0) as u16 } else { 0 }
}

/// A normal as it is written: all 0 is none.
pub fn normal(n: Vec3) -> [u16; 3] {
    if n == Vec3::default() {
        return [0; 3];
    }
    n.array().map(|c| ((c + 1.0) * 32_767.5).round().clamp(0.0, 65_535.0) as u16)
}

/// Flow as KITTI writes it (Menze and Geiger 2015): valid from -512 to 511.98 pixels.
pub fn kitti(flow: Option<[f64; 2]>) -> [u16; 3] {
    let code = |f: f64| (f * 64.0).round() + 32_768.0;
    match flow.map(|f| f.map(code)) {
        Some([u, v]) if (0.0..=65_535.0).contains(&u) && (0.0..=65_535.0).contains(&v) => [u as u16, v as u16, 1],
        _ => [0; 3],
    }
}

/// A line for each thing that is seen: class from 0, middle and sides of its box as shares of the picture.
pub fn yolo(labels: &Labels) -> String {
    let [width, height] = labels.size.map(|n| n as f64);
    let lines = labels.things.iter().filter_map(|thing| {
        let b = thing.bounds?;
        let (w, h) = (b.width as f64, b.height as f64);
        let (x, y) = (b.left as f64 + w * 0.5, b.top as f64 + h * 0.5);
        let class = thing.class - 1;
        Some(format!("{class} {:.6} {:.6} {:.6} {:.6}\n", x / width, y / height, w / width, h / height))
    });
    lines.collect()
}
