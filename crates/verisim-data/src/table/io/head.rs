//! What the first lines of delimited text say of the whole.

use csv::ByteRecord;

use super::dialect::Quoting;

/// Rows that are looked at.
const ROWS: usize = 100;

/// What separates and encloses cells.
#[derive(Clone, Copy)]
pub(super) struct Signs {
    pub(super) delimiter: u8,
    pub(super) quote: Option<u8>,
    pub(super) escape: Option<u8>,
    pub(super) comment: Option<u8>,
}

impl Signs {
    /// A reader of all rows as they stand, the header among them.
    pub(super) fn builder(&self) -> csv::ReaderBuilder {
        let mut builder = csv::ReaderBuilder::new();
        builder.has_headers(false).flexible(true).delimiter(self.delimiter).comment(self.comment).escape(self.escape);
        match self.quote {
            Some(quote) => builder.quote(quote),
            None => builder.quoting(false),
        };
        builder
    }
}

/// The start of a file, as UTF-8.
pub(super) struct Head<'a> {
    text: &'a [u8],
}

impl<'a> Head<'a> {
    /// `cut` when the text goes on behind it, so that its last line may not be whole.
    pub(super) fn new(text: &'a [u8], cut: bool) -> Head<'a> {
        let end = if cut { text.iter().rposition(|b| matches!(b, b'\n' | b'\r')) } else { None };
        Head { text: &text[..end.map_or(text.len(), |end| end + 1)] }
    }

    /// The delimiter that a first line `sep=;` names, as spreadsheets write it, and the bytes of the line.
    pub(super) fn named_delimiter(&self) -> Option<(u8, usize)> {
        let line = self.text.split(|b| matches!(b, b'\n' | b'\r')).next()?;
        match line {
            [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', delimiter] if delimiter.is_ascii() && *delimiter != b'"' => {
                Some((*delimiter, line.len() + line_end(&self.text[line.len()..])))
            }
            _ => None,
        }
    }

    /// The bytes and number of the lines at the start that are comments: they begin with `#` and are not the header, which has as many
    /// cells as the line below the comments.
    pub(super) fn comments(&self, cells: impl Fn(&[u8]) -> usize) -> (usize, u64) {
        let mut lines = Vec::new();
        let mut at = 0;
        while self.text.get(at) == Some(&b'#') {
            let length =
                self.text[at..].iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(self.text.len() - at);
            lines.push((at, length));
            at += length;
            at += line_end(&self.text[at..]);
        }
        let below = &self.text[at..];
        let width = cells(below.split(|b| matches!(b, b'\n' | b'\r')).next().unwrap_or_default());
        if let Some(&(start, length)) = lines.last() {
            let line = &self.text[start..start + length];
            // In a file of one column every line has as many.
            let header =
                if width > 1 { cells(line) == width } else { line.get(1).is_some_and(|b| !b.is_ascii_whitespace()) };
            if header {
                return (start, lines.len() as u64 - 1);
            }
        }
        (at, lines.len() as u64)
    }

    /// The first rows, the header among them.
    pub(super) fn rows(&self, signs: Signs) -> Vec<ByteRecord> {
        signs.builder().from_reader(self.text).into_byte_records().take(ROWS).map_while(|row| row.ok()).collect()
    }

    /// The delimiter under which the first lines split evenly into the most cells; failing that the one seen most often in the header,
    /// so that the error about a ragged line counts sensibly. One row in ten may be odd.
    pub(super) fn delimiter(&self, signs: Signs) -> u8 {
        let score = |&delimiter: &u8| {
            let rows = self.rows(Signs { delimiter, ..signs });
            let width = rows.first().map_or(1, ByteRecord::len);
            let odd = rows.iter().filter(|row| row.len() != width).count();
            (width > 1 && 10 * odd < rows.len(), width)
        };
        // `max_by_key` takes the last of equals; the comma should win those, but for one within numbers: `0,5;x`.
        let decimal = self.commas_are_decimal();
        let tried = if decimal { [b'|', b'\t', b',', b';'] } else { [b'|', b'\t', b';', b','] };
        tried.into_iter().max_by_key(score).unwrap_or(b',')
    }

    /// Whether commas stand between digits alone, beside semicolons.
    fn commas_are_decimal(&self) -> bool {
        let digit = |at: Option<usize>| at.and_then(|at| self.text.get(at)).is_some_and(u8::is_ascii_digit);
        let mut commas = self.text.iter().enumerate().filter(|(_, b)| **b == b',').peekable();
        let some = commas.peek().is_some() && self.text.contains(&b';');
        some && commas.all(|(at, _)| digit(at.checked_sub(1)) && digit(Some(at + 1)))
    }

    /// Whether lines end with `\r\n`.
    pub(super) fn crlf(&self) -> bool {
        self.text.iter().position(|b| *b == b'\n').is_some_and(|end| end > 0 && self.text[end - 1] == b'\r')
    }

    /// Which cells stand in quotes.
    pub(super) fn quoting(&self, signs: Signs, quote: u8, header: bool) -> Quoting {
        let rows = self.rows(Signs { quote: None, ..signs });
        let cells = || rows.iter().skip(usize::from(header)).flat_map(ByteRecord::iter).filter(|cell| !cell.is_empty());
        let always = cells().next().is_some() && cells().all(|cell| cell.first() == Some(&quote));
        if always { Quoting::Always } else { Quoting::Needed }
    }
}

/// Bytes of the line end that `text` begins with.
fn line_end(text: &[u8]) -> usize {
    match text {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        _ => 0,
    }
}

/// Which blanks around the cells of a column are no part of them: those on a side on which every cell that is not empty has some.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Padding {
    before: bool,
    after: bool,
}

impl Padding {
    pub(super) fn of(rows: &[ByteRecord], column: usize) -> Padding {
        let cells = || rows.iter().filter_map(|row| row.get(column)).filter(|cell| !cell.trim_ascii().is_empty());
        let all = |blank: fn(&[u8]) -> bool| cells().nth(1).is_some() && cells().all(blank);
        Padding {
            before: all(|cell| cell[0].is_ascii_whitespace()),
            after: all(|cell| cell[cell.len() - 1].is_ascii_whitespace()),
        }
    }

    /// The cell without its padding. What is no word has no blanks around it either way.
    pub(super) fn strip<'c>(&self, cell: &'c str) -> &'c str {
        let bare = cell.trim_ascii();
        if bare.len() == cell.len() || is_figures(bare.as_bytes()) {
            return bare;
        }
        let cell = if self.before { cell.trim_ascii_start() } else { cell };
        if self.after { cell.trim_ascii_end() } else { cell }
    }
}

/// Numbers, dates and times: digits, and the signs between them.
fn is_figures(cell: &[u8]) -> bool {
    let figure = |b: &u8| b.is_ascii_digit() || b" .,:/+-%eE".contains(b);
    cell.iter().any(u8::is_ascii_digit) && cell.iter().all(figure)
}

/// Why the first of `rows` looks like data and not like names, if it does.
pub(super) fn looks_like_data(rows: &[ByteRecord]) -> Option<String> {
    let (first, rest) = rows.split_first()?;
    if rest.len() < 2 {
        return None;
    }
    let mut figures = Vec::new();
    let mut recurs = None;
    for (j, cell) in first.iter().enumerate().map(|(j, cell)| (j, cell.trim_ascii())) {
        let below = || rest.iter().filter_map(|row| row.get(j)).map(<[u8]>::trim_ascii).filter(|cell| !cell.is_empty());
        let count = below().count();
        if cell.is_empty() || count == 0 {
            continue;
        }
        let numbers = below().filter(|cell| is_figures(cell)).count();
        if 10 * numbers >= 9 * count {
            if !is_figures(cell) {
                return None;
            }
            figures.push(String::from_utf8_lossy(cell).into_owned());
        } else if 10 * below().filter(|other| *other == cell).count() >= count && recurs.is_none() {
            recurs = Some(String::from_utf8_lossy(cell).into_owned());
        }
    }
    // Years as names: 1990, 1991, 1992.
    let whole: Option<Vec<i64>> = figures.iter().map(|f| f.parse().ok()).collect();
    if whole.is_some_and(|w| w.len() > 1 && w.windows(2).all(|w| w[1].checked_sub(w[0]) == Some(1))) {
        return None;
    }
    match (figures.into_iter().next(), recurs) {
        (Some(number), _) => Some(format!("`{number}` stands over numbers")),
        (None, word) => word.map(|word| format!("`{word}` comes again below")),
    }
}
