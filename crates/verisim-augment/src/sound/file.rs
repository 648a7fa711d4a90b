//! Files of sound: WAV and FLAC are read and written, MP3 is read. What a file is is known by what it starts with, not by its name.
//!
//! A sample of `b` bits is a whole number over `2^(b - 1)`, which an `f32` holds exactly up to 24 bits: what is read and written unchanged
//! is the same samples. Of 32 bits the first 24 significant ones are kept. FLAC is written with fixed predictors alone: those that are
//! fitted save a few parts in a hundred, but depend on the platform's cosine.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use flac_codec::decode::{FlacSampleReader, Metadata};
use flac_codec::encode::{FlacSampleWriter, Options};
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use verisim_data::file::write_atomically;

use super::clip::{Clip, Depth};
use crate::error::{Error, Result};

/// Ends of the names of files that [`Clip::read`] knows, in lower case.
pub const EXTENSIONS: [&str; 4] = ["wav", "wave", "flac", "mp3"];

/// The sound in the bytes of a file; what is wrong is said for people.
fn decode(bytes: &[u8]) -> Result<Clip, String> {
    // What taggers put before, FLAC as well as MP3.
    let tag = nanomp3::id3v2_len(bytes).min(bytes.len());
    match bytes {
        [] => Err("the file is empty; leave it out, or make it again".to_owned()),
        [b'R', b'I', b'F', b'F', ..] => read_wav(bytes),
        _ if bytes[tag..].starts_with(b"fLaC") => read_flac(&bytes[tag..]),
        [b'R', b'F', b'6', b'4', ..] | [b'R', b'I', b'F', b'X', ..] => {
            Err("a form of WAV that is not read (RF64 or RIFX); save it as plain WAV or FLAC".to_owned())
        }
        [b'O', b'g', b'g', b'S', ..] => Err("Ogg is not read; save it as WAV or FLAC".to_owned()),
        _ if nanomp3::detect(bytes) => read_mp3(bytes),
        _ => Err("neither WAV nor FLAC nor MP3, whatever its name says; save it as one of them".to_owned()),
    }
}

/// A WAV that was written into a pipe announces as many bytes as can be, since nobody knew how many would come: they are all there are.
fn mend(bytes: &mut [u8]) {
    const UNKNOWN: u32 = 0x7fff_f000;
    if !bytes.starts_with(b"RIFF") {
        return;
    }
    let word = |at: usize| bytes.get(at..at + 4).and_then(|w| w.try_into().ok()).map(u32::from_le_bytes);
    // A chunk after another: four letters, a length, and as many bytes, made even.
    let (mut at, mut frame) = (12, 1);
    while let Some(length) = word(at + 4) {
        match &bytes[at..at + 4] {
            b"data" if length >= UNKNOWN => {
                let left = (bytes.len() - at - 8) as u32;
                let whole = left - left % frame;
                bytes[at + 4..at + 8].copy_from_slice(&whole.to_le_bytes());
                return;
            }
            b"data" => return,
            b"fmt " => frame = word(at + 20).map_or(1, |w| (w & 0xffff).max(1)),
            _ => {}
        }
        at = at.saturating_add(8 + length as usize + length as usize % 2);
        if at > bytes.len() {
            return;
        }
    }
}

/// Lists of samples a channel, of those of all channels in turn.
fn parted<S: Copy>(samples: &[S], channels: usize, up: impl Fn(S) -> f32) -> Vec<Vec<f32>> {
    (0..channels).map(|c| samples.iter().skip(c).step_by(channels).map(|s| up(*s)).collect()).collect()
}

/// Of all channels in turn, of lists of samples a channel.
fn joined(clip: &Clip) -> impl Iterator<Item = f32> {
    (0..clip.len()).flat_map(|i| clip.channels().iter().map(move |c| c[i]))
}

/// A whole number of so many bits as a sample.
fn up(bits: u32) -> impl Fn(i32) -> f32 {
    let scale = 1.0 / f64::from(1u32 << (bits - 1));
    move |s| (f64::from(s) * scale) as f32
}

fn clip(rate: u32, depth: Depth, channels: Vec<Vec<f32>>) -> Result<Clip, String> {
    Clip::new(rate, depth, channels).map_err(|e| e.to_string())
}

fn read_wav(bytes: &[u8]) -> Result<Clip, String> {
    let said = |e: hound::Error| match e {
        hound::Error::IoError(_) => {
            "the WAV ends before what it announces; it is damaged or was not copied whole".to_owned()
        }
        hound::Error::Unsupported => {
            "a WAV of a coding that is not read; save it as whole numbers of up to 32 bits or floats of 32".to_owned()
        }
        other => {
            format!("not a WAV that can be read ({other}); save it as whole numbers of 8 to 32 bits or floats of 32")
        }
    };
    let mut reader = WavReader::new(bytes).map_err(said)?;
    let spec = reader.spec();
    let channels = usize::from(spec.channels);
    let whole = |n: usize| match n % channels {
        0 => Ok(()),
        _ => Err(format!("{n} samples for {channels} channels; the WAV is damaged or was not copied whole")),
    };
    if spec.sample_format == SampleFormat::Float {
        let samples = reader.samples::<f32>().collect::<Result<Vec<f32>, _>>().map_err(said)?;
        whole(samples.len())?;
        return clip(spec.sample_rate, Depth::Float, parted(&samples, channels, |s| s));
    }
    let bits = u32::from(spec.bits_per_sample);
    if !(1..=32).contains(&bits) {
        return Err(format!("a WAV of {bits} bits a sample; save it with 8, 16, 24 or 32"));
    }
    let samples = reader.samples::<i32>().collect::<Result<Vec<i32>, _>>().map_err(said)?;
    whole(samples.len())?;
    clip(spec.sample_rate, Depth::of_bits(bits), parted(&samples, channels, up(bits)))
}

fn read_flac(bytes: &[u8]) -> Result<Clip, String> {
    let said = |e| format!("not a FLAC that can be read ({e}); it is damaged or was not copied whole");
    let mut reader = FlacSampleReader::new(bytes).map_err(said)?;
    let of = reader.metadata();
    let (rate, bits, channels) = (of.sample_rate(), of.bits_per_sample(), usize::from(of.channel_count()));
    let announced = of.total_samples();
    let mut samples = Vec::new();
    reader.read_to_end(&mut samples).map_err(said)?;
    let n = (samples.len() / channels.max(1)) as u64;
    if let Some(announced) = announced.filter(|a| *a != n) {
        return Err(format!("the FLAC has {n} samples a channel and announces {announced}; it was not copied whole"));
    }
    clip(rate, Depth::of_bits(bits), parted(&samples, channels, up(bits)))
}

fn read_mp3(bytes: &[u8]) -> Result<Clip, String> {
    let decoded = nanomp3::decode_all::<f32>(bytes);
    let channels = match decoded.channels {
        _ if decoded.format_changed => {
            return Err(
                "an MP3 that changes its rate or channels on the way; save it again with one of each".to_owned()
            );
        }
        None => return Err("an MP3 without sound in it; it is damaged or was not copied whole".to_owned()),
        Some(nanomp3::Channels::Mono) => 1,
        Some(nanomp3::Channels::Stereo) => 2,
    };
    let n = (decoded.samples.len() / channels) as u64;
    let reader = nanomp3::SliceReader::<f32>::new(bytes);
    // Two frames of grace: encoders differ in whether they count the one that announces.
    match reader.total_samples().filter(|_| reader.has_vbr_tag()) {
        Some(announced) if announced > n + 2 * 1152 => {
            return Err(format!(
                "the MP3 has {n} samples a channel and announces {announced}; it was not copied whole"
            ));
        }
        _ => {}
    }
    clip(decoded.sample_rate, Depth::Sixteen, parted(&decoded.samples, channels, |s| s))
}

impl Clip {
    /// The sound in a file: WAV of whole numbers of 8 to 32 bits or of 32-bit floats, FLAC, or MP3. What the encoder of an
    /// MP3 added before and after is left out where the file says how much that is (the tag of LAME and FFmpeg).
    ///
    /// # Errors
    /// When the file cannot be read, is none of these, is damaged, ends early or is of no samples a second that a clip may have.
    pub fn read(path: &Path) -> Result<Clip> {
        let wrong = |what: String| Error::File { path: path.to_owned(), what };
        let mut bytes = fs::read(path).map_err(|e| wrong(e.to_string()))?;
        mend(&mut bytes);
        decode(&bytes).map_err(wrong)
    }

    /// Writes a WAV or a FLAC, as the end of its name says, whole or not at all. Samples are rounded to the depth of the clip. What is
    /// beyond full scale is clipped, and how many samples were is given back; floats are written as they are. FLAC has no floats: a
    /// clip of them is written with 24 bits.
    ///
    /// # Errors
    /// When the name ends in something else, the format has no room for so many channels or such a rate, a
    /// FLAC would be of no samples, or the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<u64> {
        let end = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
        let (bytes, clipped) = self.encode(&end).map_err(|what| Error::File { path: path.to_owned(), what })?;
        write_atomically(path, &bytes)?;
        Ok(clipped)
    }

    /// The bytes of a file whose name ends so, in lower case, and how many samples were clipped.
    pub(crate) fn encode(&self, end: &str) -> Result<(Vec<u8>, u64), String> {
        match end {
            "wav" | "wave" => self.to_wav(),
            "flac" => self.to_flac(),
            "mp3" => Err("MP3 is read, not written; end the name in `.wav` or `.flac`".to_owned()),
            _ => Err("no format is known by this end of a name; end it in `.wav` or `.flac`".to_owned()),
        }
    }

    fn to_wav(&self) -> Result<(Vec<u8>, u64), String> {
        let said = |e: hound::Error| format!("a WAV has no room for it ({e}); write FLAC, or less at once");
        let channels = u16::try_from(self.channels.len())
            .map_err(|_| format!("a WAV of {} channels; it has room for 65535", self.channels.len()))?;
        let size = self.len() as u64 * u64::from(channels) * u64::from(self.depth().bits() / 8);
        if size > u64::from(u32::MAX) - 4096 {
            return Err("longer than a WAV can be, which is 4 GiB; cut it into parts".to_owned());
        }
        let sample_format = if self.depth() == Depth::Float { SampleFormat::Float } else { SampleFormat::Int };
        let bits_per_sample = self.depth().bits();
        let spec = WavSpec { channels, sample_rate: self.rate(), bits_per_sample, sample_format };
        let (mut bytes, mut clipped) = (Cursor::new(Vec::with_capacity(size as usize + 128)), 0);
        let mut writer = WavWriter::new(&mut bytes, spec).map_err(said)?;
        for sample in joined(self) {
            match self.depth() {
                Depth::Float => writer.write_sample(sample),
                depth => writer.write_sample(down(sample, u32::from(depth.bits()), &mut clipped)),
            }
            .map_err(said)?;
        }
        writer.finalize().map_err(said)?;
        Ok((bytes.into_inner(), clipped))
    }

    fn to_flac(&self) -> Result<(Vec<u8>, u64), String> {
        let said = |e: flac_codec::Error| format!("a FLAC has no room for it ({e}); write WAV");
        let Some(channels) = u8::try_from(self.channels.len()).ok().filter(|c| *c <= 8) else {
            return Err(format!("a FLAC of {} channels; it has room for 8: write WAV", self.channels.len()));
        };
        let bits = if self.depth() == Depth::Float { 24 } else { u32::from(self.depth().bits()) };
        if self.is_empty() {
            return Err("a FLAC of no samples cannot be written; write WAV".to_owned());
        }
        let mut clipped = 0;
        let samples: Vec<i32> = joined(self).map(|s| down(s, bits, &mut clipped)).collect();
        let options = Options::default().max_lpc_order(None).map_err(|e| format!("{e:?}"))?.no_padding();
        let (mut bytes, total) = (Cursor::new(Vec::new()), Some(samples.len() as u64));
        let mut writer =
            FlacSampleWriter::new(&mut bytes, options, self.rate(), bits, channels, total).map_err(said)?;
        writer.write(&samples).and_then(|()| writer.finalize()).map_err(said)?;
        Ok((bytes.into_inner(), clipped))
    }
}

/// The nearest whole number of so many bits; what is beyond the ends is clipped and counted.
fn down(sample: f32, bits: u32, clipped: &mut u64) -> i32 {
    let full = f64::from(1u32 << (bits - 1));
    let x = (f64::from(sample) * full).round();
    if x > full - 1.0 || x < -full {
        // Full scale itself rounds one beyond the greatest number; that is not heard and not counted.
        *clipped += u64::from(sample.abs() > 1.0);
    }
    x.clamp(-full, full - 1.0) as i32
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
