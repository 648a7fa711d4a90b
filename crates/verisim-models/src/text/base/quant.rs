//! Numbers as they lie in files: halves, and blocks of 32 quantised ones as llama.cpp has them.

/// How numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// 32-bit floats.
    F32,
    /// 16-bit floats.
    F16,
    /// The upper half of 32-bit floats.
    Bf16,
    /// Blocks of 32: a scale, and 4 bits each, from -8.
    Q4_0,
    /// Blocks of 32: a scale and a least, and 4 bits each.
    Q4_1,
    /// Blocks of 32: a scale, and 8 bits each.
    Q8_0,
}

impl Store {
    /// Numbers of a block, and its bytes.
    pub fn block(self) -> (usize, usize) {
        match self {
            Store::F32 => (1, 4),
            Store::F16 | Store::Bf16 => (1, 2),
            Store::Q4_0 => (32, 18),
            Store::Q4_1 => (32, 20),
            Store::Q8_0 => (32, 34),
        }
    }

    /// Bytes of so many numbers; `None` where they fill no whole blocks.
    pub fn bytes(self, count: usize) -> Option<usize> {
        let (numbers, bytes) = self.block();
        count.is_multiple_of(numbers).then(|| count / numbers).and_then(|blocks| blocks.checked_mul(bytes))
    }

    /// The numbers that `bytes` are.
    pub fn numbers(self, bytes: &[u8]) -> Vec<f32> {
        let (count, size) = self.block();
        let mut out = Vec::with_capacity(bytes.len() / size * count);
        let half_at = |b: &[u8], at: usize| half(u16::from_le_bytes([b[at], b[at + 1]]));
        for b in bytes.chunks_exact(size) {
            match self {
                Store::F32 => out.push(f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
                Store::F16 => out.push(half_at(b, 0)),
                Store::Bf16 => out.push(f32::from_bits(u32::from(u16::from_le_bytes([b[0], b[1]])) << 16)),
                // The lower halves of the bytes are the first sixteen numbers, the upper ones the others.
                Store::Q4_0 => {
                    let scale = half_at(b, 0);
                    out.extend(b[2..].iter().map(|q| scale * (f32::from(q & 15) - 8.0)));
                    out.extend(b[2..].iter().map(|q| scale * (f32::from(q >> 4) - 8.0)));
                }
                Store::Q4_1 => {
                    let (scale, least) = (half_at(b, 0), half_at(b, 2));
                    out.extend(b[4..].iter().map(|q| scale * f32::from(q & 15) + least));
                    out.extend(b[4..].iter().map(|q| scale * f32::from(q >> 4) + least));
                }
                Store::Q8_0 => {
                    let scale = half_at(b, 0);
                    out.extend(b[2..].iter().map(|&q| scale * f32::from(q as i8)));
                }
            }
        }
        out
    }
}

/// A 16-bit float.
fn half(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (u32::from(bits >> 15) << 31, u32::from(bits >> 10) & 31, u32::from(bits) & 1023);
    match (exponent, fraction) {
        (0, _) => f32::from_bits(sign | ((fraction as f32) * 2f32.powi(-24)).to_bits()),
        (31, _) => f32::from_bits(sign | 0x7f80_0000 | (fraction << 13)),
        _ => f32::from_bits(sign | ((exponent + 112) << 23) | (fraction << 13)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_their_values() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_95),
            (0x7bff, 65504.0),
            (0x0400, 6.103_515_6e-5),
            (0x0001, 5.960_464_5e-8),
            (0x8000, -0.0),
            (0x7c00, f32::INFINITY),
        ] {
            assert_eq!(half(bits).to_bits(), f32::to_bits(value), "{bits:x}");
        }
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn blocks_are_scales_and_small_integers() {
        let mut block = vec![0x00, 0x3c];
        block.extend([0x80; 16]);
        let numbers = Store::Q4_0.numbers(&block);
        assert_eq!(numbers, [[-8.0; 16], [0.0; 16]].concat());
        let mut block = vec![0x00, 0x40, 0x00, 0xbc];
        block.extend((0..16).map(|i| i | (15 - i) << 4));
        let numbers = Store::Q4_1.numbers(&block);
        assert_eq!((numbers[0], numbers[3], numbers[16], numbers[31]), (-1.0, 5.0, 29.0, -1.0));
        let mut block = vec![0x00, 0x38];
        block.extend((0..32).map(|i| (i as i8 - 16) as u8));
        let numbers = Store::Q8_0.numbers(&block);
        assert_eq!((numbers[0], numbers[16], numbers[31]), (-8.0, 0.0, 7.5));
        assert_eq!(Store::Bf16.numbers(&[0x80, 0x3f]), [1.0]);
        assert_eq!((Store::Q4_1.bytes(64), Store::Q8_0.bytes(33)), (Some(40), None));
    }
}
