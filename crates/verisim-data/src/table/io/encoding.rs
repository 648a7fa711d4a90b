//! Text of other encodings as UTF-8, on its way.

use std::io::{self, Read};
use std::path::Path;

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

use crate::error::{Error, Result};

/// Bytes that are read and decoded at a time.
const PIECE: usize = 1 << 16;

/// The encoding of the name `label`, as browsers know it.
pub(super) fn named(path: &Path, label: &str) -> Result<&'static Encoding> {
    Encoding::for_label(label.trim().as_bytes()).ok_or_else(|| {
        let known = "utf-8, utf-16le, utf-16be, windows-1252, iso-8859-2, shift_jis, gb18030";
        Error::file(path, format!("the encoding `{label}` is not known; name one such as {known}"))
    })
}

/// The encoding that the first bytes of a file show: by the mark of its byte order, or by the zeros that UTF-16 has in every second
/// place of most text. Everything else is UTF-8 until a line is not.
pub(super) fn shown(head: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(head) {
        return encoding;
    }
    let zeros = |first: usize| head.iter().skip(first).step_by(2).filter(|b| **b == 0).count();
    let (even, odd, half) = (zeros(0), zeros(1), head.len() / 2);
    match half >= 2 {
        true if 2 * odd > half && 8 * even < half => UTF_16LE,
        true if 2 * even > half && 8 * odd < half => UTF_16BE,
        _ => UTF_8,
    }
}

/// Reads text of any encoding as UTF-8.
pub(super) struct Decoded<R> {
    inner: R,
    encoding: &'static Encoding,
    decoder: Decoder,
    input: Vec<u8>,
    /// The part of the input that is not decoded yet.
    rest: std::ops::Range<usize>,
    output: Vec<u8>,
    /// The part of the output that was handed on.
    at: usize,
    /// The input is at its end; the decoder knows it.
    ended: bool,
}

impl<R: Read> Decoded<R> {
    pub(super) fn new(inner: R, encoding: &'static Encoding) -> Decoded<R> {
        let decoder = encoding.new_decoder_with_bom_removal();
        let (input, output) = (vec![0; PIECE], Vec::new());
        Decoded { inner, encoding, decoder, input, rest: 0..0, output, at: 0, ended: false }
    }

    /// Decodes what is left of the input, after the next piece of it if nothing is.
    fn fill(&mut self) -> io::Result<()> {
        if self.rest.is_empty() {
            self.rest = 0..self.inner.read(&mut self.input)?;
            self.ended = self.rest.is_empty();
        }
        // Three bytes of UTF-8 for each of the input, and some that the decoder held back.
        self.output.resize(3 * PIECE + 16, 0);
        let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(
            &self.input[self.rest.clone()],
            &mut self.output,
            self.ended,
        );
        self.rest.start += read;
        self.output.truncate(written);
        self.at = 0;
        match result {
            DecoderResult::Malformed(..) => {
                let what = format!("the text is not {}; name its `encoding`", self.encoding.name());
                Err(io::Error::new(io::ErrorKind::InvalidData, what))
            }
            DecoderResult::InputEmpty | DecoderResult::OutputFull => Ok(()),
        }
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.output.len() && !self.ended {
            self.fill()?;
        }
        let n = out.len().min(self.output.len() - self.at);
        out[..n].copy_from_slice(&self.output[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn utf_16_is_known_by_its_mark_or_its_zeros() {
        let text = "a,b\n1,ü\n";
        for (bytes, encoding) in [(utf16(text, u16::to_le_bytes), UTF_16LE), (utf16(text, u16::to_be_bytes), UTF_16BE)]
        {
            assert_eq!(shown(&bytes), encoding);
        }
        assert_eq!(shown(&utf16("\u{feff}ж", u16::to_be_bytes)), UTF_16BE);
        assert_eq!(shown(b"a"), UTF_8);
        assert_eq!(shown(text.as_bytes()), UTF_8);
    }

    #[test]
    fn long_text_is_decoded_across_pieces() {
        let text = "ab😀ü".repeat(PIECE / 3);
        let mut back = String::new();
        Decoded::new(utf16(&text, u16::to_le_bytes).as_slice(), UTF_16LE).read_to_string(&mut back).unwrap();
        assert!(back == text);
        let cut = &utf16("ab", u16::to_le_bytes)[..3];
        assert!(Decoded::new(cut, UTF_16LE).read_to_string(&mut back).is_err());
    }
}
