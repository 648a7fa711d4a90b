//! NumPy archives: a ZIP file of arrays (numpy.lib.format, version 1).

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use flate2::CrcReader;
use flate2::read::DeflateDecoder;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZIP64_BYTES_THR, ZipArchive, ZipWriter};

use super::raw::{MAX_CLASSES, Raw, end, fill, numbered};
use super::set::{Images, Reading, check_labels};
use super::settings::ReadSettings;
use super::shape::Shape;
use crate::error::{Error, Result};
use crate::file::Scratch;

/// Whether the name says that the file is a NumPy archive.
pub(super) fn is_npz(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npz"))
}

/// The longest header of an array that is read; NumPy's own are of 128 bytes.
const MAX_HEADER: usize = 1 << 16;
/// The longest class name, in characters, that is read.
const MAX_NAME: usize = 4096;

/// What stands before an array.
struct Header {
    /// E.g. `|u1`: byte order, kind, bytes.
    kind: String,
    shape: Vec<usize>,
}

struct Archive {
    zip: ZipArchive<BufReader<File>>,
    path: PathBuf,
}

impl Archive {
    fn open(path: &Path) -> Result<Archive> {
        let file = BufReader::with_capacity(1 << 16, File::open(path).map_err(Error::io(path))?);
        let zip = ZipArchive::new(file)
            .map_err(|e| Error::file(path, format!("is no NumPy archive: {e}; save it with numpy.savez")))?;
        Ok(Archive { zip, path: path.to_owned() })
    }

    /// What `read` makes of the array `name`, if there is one. It must read all of it.
    fn array<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&Path, Header, &mut dyn Read) -> Result<T>,
    ) -> Result<Option<T>> {
        let path = &self.path;
        let Some(index) = self.zip.index_for_name(&format!("{name}.npy")) else { return Ok(None) };
        let damaged = |why: String| Error::file(path, format!("the array `{name}` is damaged: {why}"));
        let entry = self.zip.by_index_raw(index).map_err(|e| damaged(e.to_string()))?;
        let (method, sum) = (entry.compression(), entry.crc32());
        let stream: Box<dyn Read + '_> = match method {
            _ if entry.encrypted() => return Err(Error::file(path, "is encrypted; save it without a password")),
            CompressionMethod::Stored => Box::new(entry),
            m if m == CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(entry)),
            m => return Err(Error::file(path, format!("is packed by {m}; save it with numpy.savez"))),
        };
        let mut stream = CrcReader::new(stream);
        let header = header(&mut stream).map_err(|e| damaged(e.to_string()))?;
        let value = read(path, header, &mut stream)?;
        end(path, &mut stream)?;
        if stream.crc().sum() != sum {
            return Err(damaged("its checksum differs; copy or download it again".to_owned()));
        }
        Ok(Some(value))
    }
}

fn header(stream: &mut impl Read) -> io::Result<Header> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut start = [0; 8];
    stream.read_exact(&mut start)?;
    if &start[..6] != b"\x93NUMPY" {
        return Err(bad("it does not begin as NumPy's arrays do; save it with numpy.savez"));
    }
    let len = if start[6] == 1 {
        let mut len = [0; 2];
        stream.read_exact(&mut len)?;
        usize::from(u16::from_le_bytes(len))
    } else {
        let mut len = [0; 4];
        stream.read_exact(&mut len)?;
        u32::from_le_bytes(len) as usize
    };
    if len > MAX_HEADER {
        return Err(bad("its header is too long; save it with numpy.savez"));
    }
    let mut text = vec![0; len];
    stream.read_exact(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    if value(&text, "fortran_order").is_none_or(|v| !v.starts_with("False")) {
        return Err(bad("it is not in C order; save numpy.ascontiguousarray of it"));
    }
    let kind = value(&text, "descr").and_then(|v| v.strip_prefix('\'')?.split('\'').next());
    let shape = value(&text, "shape").and_then(|v| v.strip_prefix('(')?.split_once(')')).and_then(|(sides, _)| {
        sides.split(',').map(str::trim).filter(|s| !s.is_empty()).map(|s| s.parse().ok()).collect::<Option<Vec<_>>>()
    });
    match (kind, shape) {
        (Some(kind), Some(shape)) => Ok(Header { kind: kind.to_owned(), shape }),
        _ => Err(bad("its header names no type and shape that can be read; save it with numpy.savez")),
    }
}

/// What follows `'key':` in a header.
fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.split_once(&format!("'{key}':")).map(|(_, after)| after.trim_start())
}

pub(super) fn read(path: &Path, settings: &ReadSettings) -> Result<(Images, Reading)> {
    let mut archive = Archive::open(path)?;
    let images = archive.array("images", |path, header, stream| {
        let shape = match header.shape[..] {
            [_, height, width] => Shape { height, width, channels: 1 },
            [_, height, width, channels] => Shape { height, width, channels },
            _ => return Err(Error::file(path, "`images` must have the shape (N,H,W) or (N,H,W,C); reshape it")),
        };
        if !header.kind.ends_with("u1") {
            let what = format!("`images` must hold bytes (uint8), not `{}`; scale it to 0..=255", header.kind);
            return Err(Error::file(path, what));
        }
        let raw = Raw { count: header.shape[0], shape, trusted: false };
        let pixels = raw.read(path, stream, settings)?;
        Ok((raw, pixels))
    })?;
    let Some((raw, pixels)) = images else {
        let mut there: Vec<String> = archive.zip.file_names().filter_map(|n| Some(n.ok()?.into_owned())).collect();
        there.truncate(10);
        let what = format!("has no array `images` (it has {}); save it as images=..., labels=...", there.join(", "));
        return Err(Error::file(path, what));
    };
    let labels = archive.array("labels", |path, header, stream| labels(path, &header, raw.count, stream))?;
    let labels = labels.unwrap_or_default();
    let classes = if labels.is_empty() { Some(Vec::new()) } else { archive.array("classes", names)? };
    let classes = classes.map_or_else(|| numbered(path, &labels), Ok)?;
    check_labels(&labels, raw.count, classes.len()).map_err(|e| Error::file(path, e.to_string()))?;
    raw.set("NumPy archive", settings, classes, labels, pixels)
}

/// Whole numbers of any width, one for each of `count` images, which are known to be there.
fn labels(path: &Path, header: &Header, count: usize, stream: &mut dyn Read) -> Result<Vec<u32>> {
    let signed = header.kind.contains('i');
    let width = match header.kind.as_str() {
        "|u1" | "|i1" => 1,
        "<u2" | "<i2" => 2,
        "<u4" | "<i4" => 4,
        "<u8" | "<i8" => 8,
        other => {
            return Err(Error::file(
                path,
                format!("`labels` must hold whole numbers, not `{other}`; save them as int64"),
            ));
        }
    };
    if !matches!(header.shape[..], [n] | [n, 1] if n == count) {
        let what = format!("`labels` has the shape {:?} for {count} images; it must be ({count},)", header.shape);
        return Err(Error::file(path, what));
    }
    let mut labels = Vec::new();
    let mut word = [0; 8];
    for i in 0..count {
        if fill(stream, &mut word[..width]).map_err(Error::io(path))? < width {
            return Err(Error::file(path, format!("`labels` ends after {i} of {count}; copy or download it again")));
        }
        let value = u64::from_le_bytes(word);
        if signed && value >> (8 * width - 1) == 1 {
            return Err(Error::file(path, format!("label {i} is negative; number the classes from 0")));
        }
        labels.push(u32::try_from(value).unwrap_or(u32::MAX));
    }
    Ok(labels)
}

/// An array of Unicode texts, each padded with zeros to one width.
fn names(path: &Path, header: Header, stream: &mut dyn Read) -> Result<Vec<String>> {
    let wrong = || Error::file(path, "`classes` must be an array of texts in one dimension, or not there");
    let width: usize = header.kind.strip_prefix("<U").and_then(|w| w.parse().ok()).ok_or_else(wrong)?;
    let &[count] = &header.shape[..] else { return Err(wrong()) };
    if width > MAX_NAME {
        return Err(wrong());
    }
    if count > MAX_CLASSES as usize {
        return Err(Error::file(
            path,
            format!("`classes` holds {count} names; {MAX_CLASSES} are the most: keep fewer classes"),
        ));
    }
    let mut names = Vec::new();
    let mut bytes = vec![0; 4 * width];
    for _ in 0..count {
        if fill(stream, &mut bytes).map_err(Error::io(path))? < bytes.len() {
            return Err(Error::file(path, "`classes` ends before its last name; copy or download it again"));
        }
        let (letters, _) = bytes.as_chunks::<4>();
        let letters = letters.iter().map(|&c| char::from_u32(u32::from_le_bytes(c)).unwrap_or('\u{fffd}'));
        let name: String = letters.collect();
        names.push(name.trim_end_matches('\0').to_owned());
    }
    Ok(names)
}

/// The header of an array, padded to a multiple of 64 bytes as NumPy does.
fn npy(kind: &str, shape: &[usize]) -> Vec<u8> {
    let sides: Vec<String> = shape.iter().map(usize::to_string).collect();
    let comma = if sides.len() == 1 { "," } else { "" };
    let text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({}{comma}), }}", sides.join(", "));
    // Ten bytes before the text and a line's end after it.
    let len = (10 + text.len() + 1).next_multiple_of(64) - 10;
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend((len as u16).to_le_bytes());
    out.extend(format!("{text:<width$}\n", width = len - 1).bytes());
    out
}

/// An archive being written.
pub(super) struct Output {
    zip: ZipWriter<BufWriter<File>>,
    labels: Vec<u32>,
    classes: Vec<String>,
    path: PathBuf,
    scratch: Scratch,
}

impl Output {
    pub(super) fn create(
        path: &Path,
        shape: Shape,
        classes: &[String],
        count: usize,
        text: &[(String, String)],
    ) -> Result<Output> {
        let (scratch, file) = Scratch::file(path)?;
        let zip = ZipWriter::new(BufWriter::with_capacity(1 << 16, file));
        let mut output = Output { zip, labels: Vec::new(), classes: classes.to_vec(), path: path.to_owned(), scratch };
        // The archive's comment is the one place for it that NumPy passes over; it has room for 65,535 bytes.
        let comment: String = text.iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
        if comment.len() <= usize::from(u16::MAX) {
            output.zip.set_comment(comment).map_err(|e| Error::io(path)(e.into()))?;
        }
        let bytes = count.saturating_mul(shape.len()) as u64;
        let sides = [count, shape.height, shape.width, shape.channels];
        output.start("images", "|u1", &sides, bytes)?;
        Ok(output)
    }

    /// Begins the array `name` of `bytes` bytes.
    fn start(&mut self, name: &str, kind: &str, shape: &[usize], bytes: u64) -> Result<()> {
        let header = npy(kind, shape);
        // Time, system and rights are fixed, so that the same sample is the same file.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .system(System::Unix)
            .unix_permissions(0o644)
            .large_file(bytes + header.len() as u64 >= ZIP64_BYTES_THR);
        self.zip.start_file(format!("{name}.npy"), options).map_err(|e| Error::io(&self.path)(e.into()))?;
        self.zip.write_all(&header).map_err(Error::io(&self.path))
    }

    pub(super) fn write(&mut self, pixels: &[u8], labels: &[u32]) -> Result<()> {
        self.labels.extend_from_slice(labels);
        self.zip.write_all(pixels).map_err(Error::io(&self.path))
    }

    pub(super) fn finish(mut self) -> Result<()> {
        if !self.classes.is_empty() {
            let bytes: Vec<u8> = self.labels.iter().flat_map(|&l| i64::from(l).to_le_bytes()).collect();
            self.start("labels", "<i8", &[self.labels.len()], bytes.len() as u64)?;
            self.zip.write_all(&bytes).map_err(Error::io(&self.path))?;
            let width = self.classes.iter().map(|c| c.chars().count()).max().unwrap_or(0).max(1);
            let mut bytes = Vec::new();
            for class in &self.classes {
                let letters = class.chars().map(u32::from).chain(std::iter::repeat(0)).take(width);
                bytes.extend(letters.flat_map(u32::to_le_bytes));
            }
            self.start("classes", &format!("<U{width}"), &[self.classes.len()], bytes.len() as u64)?;
            self.zip.write_all(&bytes).map_err(Error::io(&self.path))?;
        }
        let mut file = self.zip.finish().map_err(|e| Error::io(&self.path)(e.into()))?;
        file.flush().map_err(Error::io(&self.path))?;
        // Closed before it is renamed, which some systems insist on.
        drop(file);
        self.scratch.publish()
    }
}
