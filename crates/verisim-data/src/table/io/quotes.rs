//! Quotes that open and do not close: one of them swallows the lines up to the next quote, or to the end of the file.

use std::io::{self, Read};

use memchr::memchr;

/// Where the bytes are.
enum State {
    Outside,
    Inside,
    /// Behind a quote that closes, or that is the first of two which stand for one.
    Behind,
}

/// The line, from 0, of the first quote that does not close: none comes after it, or the one that does has lines in between and
/// neither a delimiter nor the end of a line behind it.
pub(super) fn unclosed(mut bytes: impl Read, delimiter: u8, quote: u8) -> io::Result<Option<u64>> {
    let ends_cell = |b: u8| b == delimiter || matches!(b, b'\n' | b'\r');
    let count = |bytes: &[u8]| bytes.iter().filter(|b| **b == b'\n').count() as u64;
    let mut buffer = vec![0; 1 << 16];
    let (mut state, mut last, mut line, mut opened) = (State::Outside, b'\n', 0, 0);
    loop {
        let n = bytes.read(&mut buffer)?;
        if n == 0 {
            return Ok(matches!(state, State::Inside).then_some(opened));
        }
        let bytes = &buffer[..n];
        let mut at = 0;
        while at < n {
            if let State::Behind = state {
                state = match bytes[at] {
                    b if b == quote => State::Inside,
                    b if !ends_cell(b) && line > opened => return Ok(Some(opened)),
                    _ => State::Outside,
                };
                at += usize::from(matches!(state, State::Inside));
                continue;
            }
            let found = memchr(quote, &bytes[at..]).map(|i| at + i);
            line += count(&bytes[at..found.unwrap_or(n)]);
            let Some(here) = found else { break };
            let before = if here == 0 { last } else { bytes[here - 1] };
            state = match state {
                State::Inside => State::Behind,
                _ if ends_cell(before) => {
                    opened = line;
                    State::Inside
                }
                _ => State::Outside,
            };
            at = here + 1;
        }
        last = bytes[n - 1];
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_quote_is_found() {
        let line = |text: &str| unclosed(text.as_bytes(), b',', b'"').unwrap();
        for fine in ["", "a,b\n", "a,\"b\"\n", "\"a\"\"\n\",b\n", "a,b\"\n", "a,\"b\nc\",d", "\"\",\"\"", "\"a\" b,c\n"]
        {
            assert_eq!(line(fine), None, "{fine}");
        }
        assert_eq!(line("a,b\nc,\"d\ne,f\n"), Some(1));
        assert_eq!(line("a,b\nc,\"d\ne,\"f\"\n"), Some(1));
        assert_eq!(line("a,b\nc,\"d"), Some(1));
    }
}
