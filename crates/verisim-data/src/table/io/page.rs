//! The header of a Parquet page, as far as it says how much memory the page asks for.
//!
//! A decoder makes room for as many values as a header counts before it looks at one of them, so a damaged count takes gigabytes. The
//! header is Thrift in its compact protocol: fields in the order of their numbers, each a byte of distance and type and a value.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// Bytes of a header that are looked at; statistics may make it longer, but stand behind.
const LOOK: u64 = 256;

/// What a page asks for.
#[derive(Debug, PartialEq)]
pub(super) struct Page {
    /// Bytes of it, unpacked.
    pub(super) size: i64,
    /// Values that it counts.
    pub(super) values: i64,
}

/// The page whose header begins at `start`; nothing where there is none that could be understood.
pub(super) fn page(file: &mut File, start: u64) -> Option<Page> {
    file.seek(SeekFrom::Start(start)).ok()?;
    let mut bytes = Vec::new();
    file.take(LOOK).read_to_end(&mut bytes).ok()?;
    header(&bytes)
}

fn header(bytes: &[u8]) -> Option<Page> {
    const INTEGER: u8 = 5;
    const STRUCT: u8 = 12;
    let mut rest = bytes;
    let (mut field, mut size) = (0, None);
    loop {
        let (&byte, tail) = rest.split_first()?;
        rest = tail;
        field += i32::from(byte >> 4);
        match (byte & 15, field) {
            // Fields that are told by their own number, and the end, are not of a header that writers make.
            _ if byte >> 4 == 0 => return None,
            (INTEGER, 2) => size = Some(integer(&mut rest)?),
            (INTEGER, 1 | 3 | 4) => {
                integer(&mut rest)?;
            }
            // Of a data page, a dictionary and a data page of version 2; each counts its values first.
            (STRUCT, 5 | 7 | 8) => {
                let (&first, tail) = rest.split_first()?;
                rest = tail;
                let values = (first == 1 << 4 | INTEGER).then(|| integer(&mut rest)).flatten()?;
                return Some(Page { size: size?, values });
            }
            _ => return None,
        }
    }
}

/// A whole number, its sign in the last bit, seven bits a byte.
fn integer(rest: &mut &[u8]) -> Option<i64> {
    let mut number = 0_u64;
    for shift in (0..70).step_by(7) {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        number |= u64::from(byte & 127).checked_shl(shift)?;
        if byte < 128 {
            return Some((number >> 1) as i64 ^ -((number & 1) as i64));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_understood_or_not() {
        // A dictionary of 3 values in 24 bytes, 26 packed.
        let dictionary = [0x15, 4, 0x15, 48, 0x15, 52, 0x4c, 0x15, 6, 0x15, 0, 0, 0];
        assert_eq!(header(&dictionary), Some(Page { size: 24, values: 3 }));
        let huge = [0x15, 4, 0x15, 48, 0x15, 52, 0x4c, 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0];
        assert_eq!(header(&huge), Some(Page { size: 24, values: 2_147_483_647 }));
        for bytes in [&[][..], &[0x15], &[0x15, 4, 0, 0], &[255; 40], &dictionary[..7]] {
            assert_eq!(header(bytes), None);
        }
    }
}
