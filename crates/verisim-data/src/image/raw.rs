//! What IDX and NumPy files have in common: a header, and then nothing but pixels.

use std::io::{ErrorKind, Read};
use std::path::Path;

use rayon::prelude::*;

use super::decode;
use super::set::{Images, Reading};
use super::settings::ReadSettings;
use super::shape::Shape;
use super::store::{BLOCK, Pixels, Store};
use crate::error::{Error, Result};

/// The most classes that numbers as labels may stand for.
pub(super) const MAX_CLASSES: u32 = 1 << 16;

/// Images that stand as they are in a file.
pub(super) struct Raw {
    pub(super) count: usize,
    pub(super) shape: Shape,
    /// Whether that many bytes are known to be there, so that room may be made for them.
    pub(super) trusted: bool,
}

impl Raw {
    /// All of `stream`, brought to the shape that `settings` ask for. The header's number is never taken on trust:
    /// memory grows with what arrives.
    pub(super) fn read(&self, path: &Path, stream: &mut dyn Read, settings: &ReadSettings) -> Result<Pixels> {
        let shape = self.target(path, settings)?;
        let (from, to) = (self.shape.len(), shape.len());
        let expected = if self.trusted { self.count.saturating_mul(to) } else { 0 };
        let mut store = Store::new(settings.limit()?, expected);
        let many = (BLOCK / from.max(to)).clamp(1, self.count);
        let mut block = vec![0; many * from];
        for start in (0..self.count).step_by(many) {
            let block = &mut block[..many.min(self.count - start) * from];
            let got = fill(stream, block).map_err(Error::io(path))?;
            if got < block.len() {
                let (there, count) = (start + got / from, self.count);
                return Err(Error::file(
                    path,
                    format!(
                        "ends after {there} of the {count} images that its header promises; copy or download it again"
                    ),
                ));
            }
            if shape == self.shape {
                if shape.channels == 4 {
                    decode::forget_hidden(block);
                }
                store.push(block)?;
                continue;
            }
            let render = |bytes: &[u8]| match decode::picture(self.shape, bytes.to_vec()) {
                Some(image) => decode::render(image, shape, settings.fit),
                None => Vec::new(),
            };
            let images: Vec<Vec<u8>> = block.par_chunks_exact(from).map(render).collect();
            images.iter().try_for_each(|image| store.push(image))?;
        }
        end(path, stream)?;
        Ok(store.finish())
    }

    /// Refuses a header that promises what cannot be.
    fn target(&self, path: &Path, settings: &ReadSettings) -> Result<Shape> {
        let problem = self.shape.problem().or_else(|| settings.shape(self.shape).problem());
        match problem {
            Some(problem) => Err(Error::file(path, format!("its header promises {problem}"))),
            None if self.count == 0 => Err(Error::file(path, "holds no images; name a set that does")),
            None if self.count.checked_mul(self.shape.len()).is_none() => {
                Err(Error::file(path, "its header promises more images than any disk holds; copy or download it again"))
            }
            None => Ok(settings.shape(self.shape)),
        }
    }

    pub(super) fn set(
        self,
        source: &str,
        settings: &ReadSettings,
        classes: Vec<String>,
        labels: Vec<u32>,
        pixels: Pixels,
    ) -> Result<(Images, Reading)> {
        let reading = Reading {
            found: self.count,
            sizes: vec![((self.shape.height, self.shape.width), self.count)],
            source: source.to_owned(),
            ..Reading::default()
        };
        Ok((Images::assemble(settings.shape(self.shape), classes, labels, pixels)?, reading))
    }
}

/// As many bytes as `stream` still has, at most `out.len()`.
pub(super) fn fill(stream: &mut dyn Read, out: &mut [u8]) -> std::io::Result<usize> {
    let mut got = 0;
    while got < out.len() {
        match stream.read(&mut out[got..]) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(got)
}

/// Refuses a stream that goes on. One byte tells, however much would follow.
pub(super) fn end(path: &Path, stream: &mut dyn Read) -> Result<()> {
    match fill(stream, &mut [0]).map_err(Error::io(path))? {
        0 => Ok(()),
        _ => Err(Error::file(path, "is longer than its header says; copy or download it again")),
    }
}

/// Names for labels that are mere numbers: the numbers, up to the largest.
pub(super) fn numbered(path: &Path, labels: &[u32]) -> Result<Vec<String>> {
    match labels.iter().max() {
        Some(&most) if most >= MAX_CLASSES => {
            Err(Error::file(path, format!("has the label {most}; number the classes from 0, below {MAX_CLASSES}")))
        }
        most => Ok((0..most.map_or(0, |m| m + 1)).map(|c| c.to_string()).collect()),
    }
}
