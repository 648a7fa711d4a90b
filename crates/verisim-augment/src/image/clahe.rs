//! Contrast raised part by part.

use super::edge::luma;
use super::picture::{Picture, Sample, with_samples};
use crate::wide::wide;

/// Contrast-limited adaptive histogram equalisation (Zuiderveld 1994) of the lightness: tables of `tiles` x `tiles` parts, each level in them
/// at most `limit` times as frequent as the mean, and between the parts' middles a mixture of their tables. Colours keep their distance
/// from grey. Samples of 16 bits are sorted by their upper 8.
pub(super) fn clahe(picture: &mut Picture, tiles: usize, limit: f64) {
    let (w, h, channels) = (picture.width(), picture.height(), picture.channels());
    let (nx, ny) = (tiles.clamp(1, w), tiles.clamp(1, h));
    let scale = 255.0 / picture.max();
    let light = with_samples!(picture.samples(), s => wide!(lightness(s, channels, scale)));
    let levels = wide!(light.iter().map(|v| u8::down(*v)).collect::<Vec<u8>>());
    let tables: Vec<[f32; 256]> = (0..nx * ny)
        .map(|i| {
            let (tx, ty) = (i % nx, i / nx);
            let (x0, x1, y0, y1) = (tx * w / nx, (tx + 1) * w / nx, ty * h / ny, (ty + 1) * h / ny);
            let mut counts = [0u32; 256];
            for y in y0..y1 {
                levels[y * w + x0..y * w + x1].iter().for_each(|v| counts[v.index()] += 1);
            }
            let counts = counts.map(f64::from);
            let all = ((x1 - x0) * (y1 - y0)) as f64;
            let most = (limit * all / 256.0).max(1.0);
            let cut: f64 = counts.iter().map(|c| (c - most).max(0.0)).sum();
            let mut below = 0.0;
            counts.map(|c| {
                let count = c.min(most) + cut / 256.0;
                below += count;
                // The middle of the level's share, so that a flat part stays where it is as well as it can.
                ((below - count / 2.0) / all * 255.0) as f32
            })
        })
        .collect();
    let along = |n: usize, side: usize| -> Vec<(usize, usize, f32)> {
        (0..side)
            .map(|i| {
                let u = ((i as f32 + 0.5) * n as f32 / side as f32 - 0.5).clamp(0.0, n as f32 - 1.0);
                (u as usize, (u as usize + 1).min(n - 1), u.fract())
            })
            .collect()
    };
    let (across, down) = (along(nx, w), along(ny, h));
    let mut change = vec![0.0f32; w];
    for (y, (light, levels)) in light.chunks_exact(w).zip(levels.chunks_exact(w)).enumerate() {
        let (y0, y1, fy) = down[y];
        let (upper, lower) = (&tables[y0 * nx..(y0 + 1) * nx], &tables[y1 * nx..(y1 + 1) * nx]);
        for (((change, level), light), &(x0, x1, fx)) in change.iter_mut().zip(levels).zip(light).zip(&across) {
            let level = level.index();
            let top = upper[x0][level] + (upper[x1][level] - upper[x0][level]) * fx;
            let bottom = lower[x0][level] + (lower[x1][level] - lower[x0][level]) * fx;
            *change = (top + (bottom - top) * fy - light) / scale;
        }
        let row = y * w * channels..(y + 1) * w * channels;
        with_samples!(&mut picture.samples, s => wide!(add(&mut s[row], channels, &change)));
    }
}

/// From 0 to 255, not rounded.
#[inline(always)]
fn lightness<S: Sample>(samples: &[S], channels: usize, scale: f32) -> Vec<f32> {
    let light = |p: &[S]| scale * if channels < 3 { p[0].up() } else { luma([p[0].up(), p[1].up(), p[2].up()]) };
    match channels {
        3 => samples.as_chunks::<3>().0.iter().map(|p| light(p)).collect(),
        4 => samples.as_chunks::<4>().0.iter().map(|p| light(p)).collect(),
        _ => samples.chunks_exact(channels).map(light).collect(),
    }
}

#[inline(always)]
fn add<S: Sample>(row: &mut [S], channels: usize, change: &[f32]) {
    if channels == 3 {
        for (p, d) in row.as_chunks_mut::<3>().0.iter_mut().zip(change) {
            for s in p {
                *s = S::down(s.up() + d);
            }
        }
        return;
    }
    let colours = if channels < 3 { 1 } else { 3 };
    for (p, d) in row.chunks_exact_mut(channels).zip(change) {
        p[..colours].iter_mut().for_each(|s| *s = S::down(s.up() + d));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testkit::{grey, values};
    use super::*;

    #[test]
    fn clahe_raises_the_contrast_of_faint_parts_up_to_its_limit() {
        let faint: Vec<u8> = (0..64 * 64).map(|i| 120 + (i * 7 % 16) as u8).collect();
        let spread = |limit: f64| {
            let mut p = grey(64, 64, &faint);
            clahe(&mut p, 4, limit);
            let v = values(&p);
            i32::from(*v.iter().max().unwrap()) - i32::from(*v.iter().min().unwrap())
        };
        assert!(spread(1.0) < 34 && spread(4.0) > 55 && spread(4.0) < 90 && spread(100.0) > 220, "{}", spread(4.0));
    }
}
