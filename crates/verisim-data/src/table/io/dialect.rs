//! How delimited text is written down.

use serde::{Deserialize, Serialize};

/// How a file of delimited text was written, so that what is made of it is written so too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dialect {
    /// Between two cells.
    pub delimiter: char,
    /// The name of the file says the delimiter (`.tsv`), so that another name may say another.
    pub by_name: bool,
    /// Around cells.
    pub quote: char,
    /// Around which cells.
    pub quoting: Quoting,
    /// Lines end with `\r\n`, else with `\n`.
    pub crlf: bool,
    /// The first line holds the names of the columns.
    pub header: bool,
}

/// Which cells stand in quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quoting {
    /// Those that would not read back without.
    #[default]
    Needed,
    /// All that are not empty.
    Always,
    /// None: a quote is a sign like others.
    Never,
}

impl Default for Dialect {
    fn default() -> Self {
        Dialect { delimiter: ',', by_name: false, quote: '"', quoting: Quoting::Needed, crlf: false, header: true }
    }
}

impl Dialect {
    /// The dialect of a file whose name ends so: `.tsv` means tabs, and other names do not where only a name meant them.
    pub(super) fn named(self, extension: &str) -> Dialect {
        match extension {
            "tsv" => Dialect { delimiter: '\t', by_name: true, ..self },
            _ if self.by_name => Dialect { delimiter: ',', by_name: false, ..self },
            _ => self,
        }
    }

    /// What is wrong with a dialect that somebody asks for, if anything.
    pub fn problem(&self) -> Option<&'static str> {
        let usable = |c: char| c.is_ascii() && !matches!(c, '\n' | '\r');
        let fits = usable(self.delimiter) && usable(self.quote) && self.delimiter != self.quote;
        (!fits).then_some("has a delimiter or quote that cannot be one")
    }

    /// The delimiter as a byte; [`Dialect::problem`] sees to it that it is one.
    pub(super) fn between(&self) -> u8 {
        u8::try_from(self.delimiter).unwrap_or(b',')
    }

    /// The quote as a byte.
    pub(super) fn around(&self) -> u8 {
        u8::try_from(self.quote).unwrap_or(b'"')
    }

    /// Appends a cell, quoted as the dialect wants it and wherever it would not read back otherwise.
    pub(super) fn push(&self, text: &[u8], out: &mut Vec<u8>) {
        let (between, around) = (self.between(), self.around());
        let splits = |&b: &u8| b == between || matches!(b, b'\n' | b'\r');
        let quoted = match self.quoting {
            Quoting::Needed => text.iter().any(|b| splits(b) || *b == around),
            Quoting::Always => !text.is_empty(),
            Quoting::Never => text.iter().any(splits),
        };
        if !quoted {
            out.extend_from_slice(text);
            return;
        }
        out.push(around);
        for &b in text {
            if b == around {
                out.push(around);
            }
            out.push(b);
        }
        out.push(around);
    }

    /// Puts quotes around a number that was appended from `start` on, where it needs some: `1,234` in a file of commas.
    pub(super) fn enclose(&self, start: usize, out: &mut Vec<u8>) {
        if self.quoting == Quoting::Always || out[start..].contains(&self.between()) {
            out.insert(start, self.around());
            out.push(self.around());
        }
    }

    /// What ends a line.
    pub(super) fn line_end(&self) -> &'static [u8] {
        if self.crlf { b"\r\n" } else { b"\n" }
    }
}
