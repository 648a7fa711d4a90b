//! Pictures of 8 bits read between pixels: some places at a time, first the pixels around all of them, then the sums, which become
//! vectors. The result is that of [`Sample::blend`](super::Sample::blend), to the last bit.

use super::edge::Edge;

/// Places that are read at a time.
pub(super) const RUN: usize = 32;

/// What is read.
pub(super) struct Source<'a, const C: usize> {
    pub bytes: &'a [u8],
    pub width: usize,
    pub height: usize,
    pub fill: &'a Edge,
    pub blank: [u8; C],
}

/// The four pixels around each place, their samples in the bytes of a word from the lowest up.
struct Corners {
    /// Above, left and right.
    top: [[u32; RUN]; 2],
    /// Below, left and right.
    bottom: [[u32; RUN]; 2],
}

impl<const C: usize> Source<'_, C> {
    /// The pixels at places in 256ths from the centre of the first one, into `out`.
    #[inline(always)]
    pub(super) fn read(&self, xs: &[i32; RUN], ys: &[i32; RUN], out: &mut [u8]) {
        let ends = |at: &[i32; RUN]| at.iter().fold((i32::MAX, i32::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
        let ((left, right), (top, bottom)) = (ends(xs), ends(ys));
        let (left, right, top, bottom) = (left >> 8, right >> 8, top >> 8, bottom >> 8);
        // Eight bytes are read from the place on, which hold the pixel to its right too.
        let inside = left >= 0
            // Places in bytes are words of 32 bits.
            && self.bytes.len() <= u32::MAX as usize
            && top >= 0
            && right as usize * C + 8 <= self.width * C
            && (bottom as usize + 1) < self.height;
        let outside = right < -1 || bottom < -1 || left >= self.width as i32 || top >= self.height as i32;
        if outside && !matches!(self.fill, Edge::Mode(_)) {
            out.as_chunks_mut::<C>().0.iter_mut().for_each(|o| *o = self.blank);
            return;
        }
        let corners = if inside { self.around(xs, ys) } else { self.at_the_edge(xs, ys) };
        let pixels = blend::<C>(&corners, xs, ys);
        // Each word is written whole, and what is too much of it is written over by the next.
        let mut bytes = [0u8; RUN * 4 + 4];
        for (k, pixel) in pixels.iter().enumerate() {
            if let Some(to) = bytes[k * C..].first_chunk_mut() {
                *to = pixel.to_le_bytes();
            }
        }
        let n = out.len();
        out.copy_from_slice(&bytes[..n]);
    }

    #[inline(always)]
    fn around(&self, xs: &[i32; RUN], ys: &[i32; RUN]) -> Corners {
        let line = self.width * C;
        let mut at = [0u32; RUN];
        for k in 0..RUN {
            at[k] = (ys[k] >> 8) as u32 * line as u32 + (xs[k] >> 8) as u32 * C as u32;
        }
        let mut corners = Corners { top: [[0; RUN]; 2], bottom: [[0; RUN]; 2] };
        for k in 0..RUN {
            let at = at[k] as usize;
            let pair = |at: usize| match self.bytes.get(at..at + 8).and_then(|b| b.first_chunk()) {
                Some(bytes) => u64::from_le_bytes(*bytes),
                // Never, which the compiler does not know.
                None => 0,
            };
            let (top, bottom) = (pair(at), pair(at + line));
            (corners.top[0][k], corners.top[1][k]) = (top as u32, (top >> (8 * C)) as u32);
            (corners.bottom[0][k], corners.bottom[1][k]) = (bottom as u32, (bottom >> (8 * C)) as u32);
        }
        corners
    }

    #[inline(never)]
    fn at_the_edge(&self, xs: &[i32; RUN], ys: &[i32; RUN]) -> Corners {
        let pixels = self.bytes.as_chunks::<C>().0;
        let (w, h) = (self.width, self.height);
        let word = |p: [u8; C]| p.iter().rev().fold(0u32, |word, s| word << 8 | u32::from(*s));
        let mut corners = Corners { top: [[0; RUN]; 2], bottom: [[0; RUN]; 2] };
        for k in 0..RUN {
            let (x, y) = (i64::from(xs[k] >> 8), i64::from(ys[k] >> 8));
            let corner = |i: i64, j: i64| match (self.fill.place(x + i, w), self.fill.place(y + j, h)) {
                (Some(x), Some(y)) => word(pixels[y * w + x]),
                _ => word(self.blank),
            };
            (corners.top[0][k], corners.top[1][k]) = (corner(0, 0), corner(1, 0));
            (corners.bottom[0][k], corners.bottom[1][k]) = (corner(0, 1), corner(1, 1));
        }
        corners
    }
}

/// Two samples lie in the halves of a word and are summed together: each stays below 2^16.
#[inline(always)]
fn blend<const C: usize>(corners: &Corners, xs: &[i32; RUN], ys: &[i32; RUN]) -> [u32; RUN] {
    const EVEN: u32 = 0x00ff_00ff;
    let mut made = [0u32; RUN];
    for k in 0..RUN {
        let (fx, fy) = ((xs[k] & 255) as u32, (ys[k] & 255) as u32);
        // a (256 - f) + b f, whose halves do not reach into each other whatever the difference does.
        let along = |a: u32, b: u32| (a << 8).wrapping_add(b.wrapping_sub(a).wrapping_mul(fx));
        let down = |top: u32, bottom: u32| {
            ((top << 8).wrapping_add(bottom.wrapping_sub(top).wrapping_mul(fy)) + (1 << 15)) >> 16
        };
        let [(a, b), (c, d)] = [&corners.top, &corners.bottom].map(|row| (row[0][k], row[1][k]));
        let (top, bottom) = (along(a & EVEN, b & EVEN), along(c & EVEN, d & EVEN));
        let mut pixel = down(top & 0xffff, bottom & 0xffff);
        if C > 2 {
            pixel |= down(top >> 16, bottom >> 16) << 16;
        }
        if C > 1 {
            let (top, bottom) = (along(a >> 8 & EVEN, b >> 8 & EVEN), along(c >> 8 & EVEN, d >> 8 & EVEN));
            pixel |= down(top & 0xffff, bottom & 0xffff) << 8;
            if C > 3 {
                pixel |= down(top >> 16, bottom >> 16) << 24;
            }
        }
        made[k] = pixel;
    }
    made
}
