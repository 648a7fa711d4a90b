//! Sounds over a sound: other items, as in mixup, and backgrounds from a folder of files.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::rng::{below, uniform};

use super::clip::{Clip, Item};
use super::file::EXTENSIONS;
use super::labels;
use super::loudness::{power, ratio};
use super::resample::to_rate;
use super::settings::{Change, View, change};
use crate::error::Result;
use crate::range::Range;
use crate::settings::settings;
use crate::sound::Act;

settings! {
    /// Another item over this one, from a random place of it on; where there are none, nothing is done. It is brought to the rate and the
    /// channels of this one, and cut to its length; a shorter one sounds from a random time on. Spans of both are kept.
    Mix {
        /// The share of the item itself, of samples and of classes, as in mixup (Zhang et al. 2018).
        weight: Range = Range::from([0.5, 1.0]), in 0 to 1;
        /// Instead: how much louder the item is than the other, in decibels of their root mean squares. It stays as it is, and so do the classes
        /// of both.
        snr: Option<Range> = None, in -60 to 120;
    }
}

settings! {
    /// Another sound behind this one, from a file of a folder. It is brought to the rate and the channels of this one, starts at a random
    /// place and starts again when it ends. A silent item or a silent file changes nothing. The folder is listed and the file read each time.
    Background {
        /// The folder, from where the program runs. Files of it that end in `.wav`, `.flac` or `.mp3` are each as likely; folders in it are not
        /// looked into.
        folder: PathBuf = PathBuf::new();
        /// How much louder the sound is than what is behind it, in decibels of their root mean squares.
        snr: Range = Range::from([5.0, 30.0]), in -60 to 120;
    }
}

/// How two items are put together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// The share of the item itself.
    Weight(f64),
    /// How much louder it is, in decibels.
    Snr(f64),
}

change!(Mix, |self, rng, view| {
    if view.partners == 0 {
        return Ok(Act::Nothing);
    }
    let (partner, from) = (below(rng, view.partners), uniform(rng));
    let by = match &self.snr {
        Some(snr) => Balance::Snr(snr.draw(rng)),
        None => Balance::Weight(self.weight.draw(rng)),
    };
    Act::Mix { partner, from, by }
});

impl Change for Background {
    fn check(&self) -> Result<(), String> {
        if self.folder.as_os_str().is_empty() {
            return Err("`folder` is missing; name a folder of sounds".to_owned());
        }
        if !self.folder.is_dir() {
            let folder = self.folder.display();
            return Err(format!("`folder` {folder} is no folder; it is looked for from where the program runs"));
        }
        self.limits()
    }

    fn draw(&self, rng: &mut verisim_data::rng::Stream, _: &View) -> Result<Act, String> {
        let mut files = sounds(&self.folder)?;
        let i = below(rng, files.len() as u64) as usize;
        Ok(Act::Background { file: files.swap_remove(i), from: uniform(rng), snr: self.snr.draw(rng) })
    }
}

/// The sounds of a folder by name, which is the same order everywhere.
fn sounds(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let wrong = |e: std::io::Error| format!("`folder` {} cannot be listed: {e}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        let end = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
        if EXTENSIONS.contains(&end.as_str()) {
            files.push(path);
        }
    }
    files.sort_unstable();
    match files.is_empty() {
        true => Err(format!("`folder` {} has no file that ends in .wav, .flac or .mp3", folder.display())),
        false => Ok(files),
    }
}

/// `other` at the rate and with the channels of `clip`.
fn fitted(clip: &Clip, other: Clip) -> Vec<Vec<f32>> {
    let other = other.with_channels(clip.channels.len());
    to_rate(other.channels(), other.rate(), clip.rate())
}

/// By how much `other` is made louder or quieter to be `snr` decibels below; nothing where one of the two is silent.
fn factor(clip: &Clip, other: &[Vec<f32>], snr: f64) -> Option<f64> {
    let (a, b) = (power(&clip.channels), power(other));
    (a > 0.0 && b > 0.0).then(|| (a / b).sqrt() * ratio(-snr))
}

/// The sum of two sounds, each times its own.
fn sum(clip: &mut Clip, other: &[Vec<f32>], [own, their]: [f64; 2]) {
    for (c, o) in clip.channels.iter_mut().zip(other) {
        c.iter_mut().zip(o).for_each(|(s, o)| *s = (f64::from(*s) * own + f64::from(*o) * their) as f32);
    }
}

pub(super) fn background(clip: &mut Clip, file: &Path, from: f64, snr: f64) -> Result<()> {
    let mut behind = fitted(clip, Clip::read(file)?);
    let n = behind.first().map_or(0, Vec::len);
    if n == 0 || clip.is_empty() {
        return Ok(());
    }
    let start = (from * n as f64) as usize % n;
    for c in &mut behind {
        *c = (0..clip.len()).map(|i| c[(start + i) % n]).collect();
    }
    if let Some(factor) = factor(clip, &behind, snr) {
        sum(clip, &behind, [1.0, factor]);
    }
    Ok(())
}

pub(super) fn mix(item: &mut Item, other: Item, from: f64, by: Balance) {
    let clip = &mut item.clip;
    let mut over = fitted(clip, other.clip);
    let (n, m) = (clip.len(), over.first().map_or(0, Vec::len));
    // Where the other begins: before this one if it is longer, within it if it is shorter.
    let start = ((n as f64 - m as f64) * from).round() as i64;
    for c in &mut over {
        let at = |i: usize| usize::try_from(i as i64 - start).ok().and_then(|i| c.get(i)).copied().unwrap_or(0.0);
        *c = (0..n).map(at).collect();
    }
    let shares = match by {
        Balance::Weight(weight) => {
            sum(clip, &over, [weight, 1.0 - weight]);
            [weight, 1.0 - weight]
        }
        Balance::Snr(snr) => match factor(clip, &over, snr) {
            Some(factor) => {
                sum(clip, &over, [1.0, factor]);
                [1.0, 1.0]
            }
            None => return,
        },
    };
    item.classes = labels::classes(&item.classes, &other.classes, shares);
    if shares[1] > 0.0 {
        let mut spans = other.spans;
        labels::moved(&mut spans, 1.0, start as f64 / f64::from(clip.rate()));
        labels::cut(&mut spans, clip.seconds());
        item.spans.extend(spans);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testkit::{clip, pipeline, rms, rough, sine};
    use super::super::{Span, apply, apply_with, replay};
    use super::*;

    fn item(rate: u32, n: usize, seed: u64, class: u32) -> Item {
        let spans = vec![Span::new(0.0, n as f64 / f64::from(rate), "all")];
        Item { clip: clip(rate, vec![rough(n, seed)]), spans, classes: vec![(class, 1.0)] }
    }

    #[test]
    fn another_item_is_over_this_one_by_its_share() {
        let (own, other) = (item(8_000, 4000, 1, 0), item(8_000, 4000, 2, 1));
        let p = pipeline("mix = { weight = 0.7 }");
        let (after, _) = apply_with(&p, &own, 0, 0, [other.clone()].as_slice()).unwrap();
        let expected = |i: usize| 0.7 * own.clip.channels()[0][i] + 0.3 * other.clip.channels()[0][i];
        assert!((0..4000).all(|i| (after.clip.channels()[0][i] - expected(i)).abs() < 1e-6));
        assert!((after.classes[0].1 - 0.7).abs() < 1e-12 && (after.classes[1].1 - 0.3).abs() < 1e-12);
        assert_eq!(after.spans.len(), 2);
    }

    #[test]
    fn a_ratio_is_kept_whatever_the_rate_and_channels_of_the_other() {
        let own = item(16_000, 8000, 1, 0);
        for (rate, n) in [(16_000, 20_000), (8_000, 1000), (44_100, 44_100)] {
            let mut other = item(rate, n, 2, 1);
            other.clip = clip(rate, vec![rough(n, 2), rough(n, 3)]);
            let p = pipeline("mix = { snr = 6 }");
            let (after, drawn) = apply_with(&p, &own, 3, 0, [other.clone()].as_slice()).unwrap();
            let over: Vec<f32> =
                after.clip.channels()[0].iter().zip(&own.clip.channels()[0]).map(|(a, b)| a - b).collect();
            let measured = 20.0 * (rms(&own.clip.channels()[0]) / rms(&over)).log10();
            assert!((measured - 6.0).abs() < 0.1, "{measured}");
            assert_eq!(after.classes, [(0, 1.0), (1, 1.0)]);
            assert_eq!(after.clip.len(), 8000);
            let span = &after.spans[1];
            assert!(
                span.start >= 0.0
                    && span.end <= 0.5
                    && (span.end - span.start - (n as f64 / f64::from(rate)).min(0.5)).abs() < 1e-3
            );
            assert_eq!(replay(&drawn, &own, [other].as_slice()).unwrap(), after);
        }
    }

    #[test]
    fn a_background_comes_from_the_folder_and_goes_round() {
        let folder = tempfile::tempdir().unwrap();
        let p = pipeline(&format!("background = {{ folder = {:?}, snr = 10 }}", folder.path()));
        let own = item(16_000, 8000, 1, 0);
        assert!(apply(&p, &own, 0, 0).unwrap_err().to_string().contains("has no file"));
        clip(8_000, vec![sine(500.0, 8_000, 800)]).write(&folder.path().join("b.wav")).unwrap();
        clip(22_050, vec![rough(3000, 7), rough(3000, 8)]).write(&folder.path().join("a.FLAC")).unwrap();
        std::fs::write(folder.path().join("notes.txt"), "no sound").unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for i in 0..12 {
            let (after, drawn) = apply(&p, &own, i, 0).unwrap();
            let behind: Vec<f32> =
                after.clip.channels()[0].iter().zip(&own.clip.channels()[0]).map(|(a, b)| a - b).collect();
            let measured = 20.0 * (rms(&own.clip.channels()[0]) / rms(&behind)).log10();
            assert!((measured - 10.0).abs() < 0.1, "{measured}");
            assert_eq!(replay(&drawn, &own, [].as_slice()).unwrap(), after);
            let Act::Background { file, .. } = &drawn.steps[0].act else { panic!() };
            seen.insert(file.file_name().unwrap().to_owned());
        }
        assert_eq!(seen.len(), 2);
        let missing = "[[sound]]\nbackground = { folder = \"/no/such/folder\" }\n";
        let missing = crate::Pipeline::from_toml(missing).unwrap_err().to_string();
        assert!(missing.contains("/no/such/folder is no folder"), "{missing}");
        let nothing = crate::Pipeline::from_toml("[[sound]]\nbackground = {}\n").unwrap_err().to_string();
        assert!(nothing.contains("`folder` is missing"), "{nothing}");
    }

    #[test]
    fn silence_takes_no_background() {
        let folder = tempfile::tempdir().unwrap();
        clip(8_000, vec![sine(500.0, 8_000, 800)]).write(&folder.path().join("b.wav")).unwrap();
        let p = pipeline(&format!("background = {{ folder = {:?} }}", folder.path()));
        for n in [0, 3, 500] {
            let silence = Item::from(clip(8_000, vec![vec![0.0; n]]));
            assert_eq!(apply(&p, &silence, 0, 0).unwrap().0, silence);
        }
    }
}
