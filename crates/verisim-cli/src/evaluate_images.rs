//! `verisim evaluate` for images: a classifier learns the real ones, and all are compared by its features.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use burn::tensor::Device;
use verisim_data::Error;
use verisim_data::image::{Channels, ImageOptions, ImageShape, Images, Reading, Size, png_bytes};
use verisim_data::rng::{permutation, stream};
use verisim_metrics::images::{
    Accuracy, ClassShare, Closest, Copying, Counts, Extractor, Features, ImageReport, Inputs, MOST_CHECKED,
    MOST_SCORED, MOST_SORTED, NEIGHBOURS, Nearest, Picture, Scores, Unseen, class_shares, compare, copying,
};
use verisim_models::artefact::{self, Content, write_atomically};
use verisim_models::classifier::{Classifier, Settings};
use verisim_train::{Job, config_hash};

use crate::args::Evaluate;
use crate::device::choose;
use crate::evaluate::{Forms, put, refuse};
use crate::pictures::{self, Drawn};
use crate::ui::{Ui, grouped};

/// A classifier sees few images this many times and no more, since it would know them by heart.
const PASSES: usize = 20;
const FEWEST_STEPS: usize = 200;
/// Bytes of the images that look for copies: 2,000 images of 256 x 256 pixels in colour are fewer.
const MOST_BYTES: usize = 1 << 29;
/// Bytes of the images that they are shown at a time.
const SHOWN_BYTES: usize = 1 << 26;
/// Bytes that are compared with bytes, some minutes at most: 2,000 images and as many held out look at all of 1,400,000 of
/// 28 x 28 grey pixels, of 89,000 of 64 x 64 in colour, of 5,500 of 256 x 256.
const MOST_COMPARED: u64 = 1 << 42;
/// Rows of a picture of images.
const MOST_ROWS: usize = 32;

pub fn run(args: &Evaluate, ui: &Ui) -> Result<()> {
    refuse_table_arguments(args)?;
    let chosen = choose(args.device)?;
    let shards = if chosen.gpu { 1 } else { Settings::default().shards };
    let trainer = Trainer { device: chosen.device, shards, ui };
    let sets = Sets::read(args, ui)?;
    let eye = Eye::new(args.features.as_deref(), &sets, &trainer)?;
    let copying = copies(&sets, ui)?;
    let pairs = pictures::pairs(&sets.synthetic.images, &sets.real.images, &copying.closest)?;
    let pairs_png = png_bytes(
        &pairs.0,
        pairs.1,
        &pictures::said("synthetic images, each to the left of the closest training image"),
    )?;
    let pictures = match args.html {
        Some(_) => pictures_of(&sets, &copying, pairs_png.clone())?,
        None => Vec::new(),
    };
    let real = &sets.real.images;
    let report = ImageReport {
        counts: sets.counts(),
        shape: [real.shape().height, real.shape().width, real.shape().channels],
        classes: real.classes().to_vec(),
        scores: compare_features(&sets, &eye.classifier)?,
        accuracy: utility(&sets, &eye, &trainer)?,
        shares: shares(&sets, &eye)?,
        extractor: eye.describe(),
        copying,
        pictures,
    };
    if let Some(path) = &args.pairs {
        write_atomically(path, &pairs_png)?;
        ui.say(format!("wrote {}", path.display()));
    }
    put(args, &Forms { text: report.to_text(), json: report.to_json()?, html: report.to_html() }, ui)
}

fn refuse_table_arguments(args: &Evaluate) -> Result<()> {
    let given = [
        ("--target", args.target.is_some()),
        ("--delimiter", args.delimiter.is_some()),
        ("--missing", !args.missing.is_empty()),
    ];
    refuse(&given, &format!("is for tables, and {} is a set of images; leave it out", args.real.display()))
}

/// A set of images, looked at in random order.
struct Set {
    images: Images,
    /// Whether its labels are indices into the classes of the real images, and there are some.
    labelled: bool,
    order: Vec<usize>,
}

impl Set {
    fn new(images: Images, labelled: bool, seed: u64, which: u64) -> Set {
        let order = permutation(&mut stream(seed, "evaluated images", which), images.len());
        Set { images, labelled, order }
    }

    fn len(&self) -> usize {
        self.order.len()
    }

    /// The first images of the random order, at most `most`.
    fn first(&self, most: usize) -> &[usize] {
        &self.order[..most.min(self.len())]
    }

    fn pixels(&self, index: &[usize]) -> Result<Vec<u8>> {
        let mut pixels = Vec::new();
        self.images.gather(index, &mut pixels)?;
        Ok(pixels)
    }
}

/// The images of an evaluation, of one shape.
struct Sets {
    real: Set,
    synthetic: Set,
    holdout: Option<Set>,
    /// Files that could not be read.
    unreadable: usize,
}

impl Sets {
    fn read(args: &Evaluate, ui: &Ui) -> Result<Sets> {
        let options = reading(args, ui)?;
        let mut unreadable = 0;
        let mut load = |path: &Path, options: &ImageOptions| -> Result<Images> {
            let (images, skipped) = load(path, options, ui)?;
            unreadable += skipped;
            Ok(images)
        };
        let real = load(&args.real, &options)?;
        let alike = ImageOptions {
            size: Some(Size::Sides([real.shape().height, real.shape().width])),
            channels: Some(channels(real.shape().channels)),
            ..options
        };
        let known = real.classes();
        let mut other = |path: &Path, which: u64| -> Result<Set> {
            let images = load(path, &alike)?;
            if images.classes().is_empty() || known.is_empty() {
                if !images.classes().is_empty() {
                    let real = args.real.display();
                    ui.say(format!("{}: its classes are not used, since {real} has none", path.display()));
                }
                return Ok(Set::new(images, false, args.seed, which));
            }
            let images = images.with_classes(known).with_context(|| path.display().to_string())?;
            Ok(Set::new(images, true, args.seed, which))
        };
        let synthetic = other(&args.synthetic, 1)?;
        let holdout = args.holdout.as_deref().map(|path| other(path, 2)).transpose()?;
        let labelled = !real.classes().is_empty();
        Ok(Sets { real: Set::new(real, labelled, args.seed, 0), synthetic, holdout, unreadable })
    }

    /// Images of the smallest set.
    fn fewest(&self) -> usize {
        let others = [Some(&self.synthetic), self.holdout.as_ref()].into_iter().flatten();
        others.map(Set::len).fold(self.real.len(), usize::min)
    }

    /// Images whose classes a classifier may be asked for: there is more than one class.
    fn tested(&self) -> Option<&Set> {
        self.holdout.as_ref().filter(|held| held.labelled && self.real.images.classes().len() >= 2)
    }

    fn counts(&self) -> Counts {
        Counts {
            train: self.real.len(),
            holdout: self.holdout.as_ref().map(Set::len),
            synthetic: self.synthetic.len(),
            unreadable: self.unreadable,
        }
    }
}

/// How the images are read: as those of the model were, if one is given. Their shape stands in its artefact, how it was
/// reached in the config beside it, if that is still the model's.
fn reading(args: &Evaluate, ui: &Ui) -> Result<ImageOptions> {
    // What cannot be read is named, and the rest is compared. Three sets share the memory.
    let each = ImageOptions { max_bad: Some(usize::MAX), memory: Some(4.0 / 3.0), ..Default::default() };
    let Some(model) = &args.model else {
        return Ok(ImageOptions { size: args.size, ..each });
    };
    let file = verisim_infer::file_of(model);
    let header = artefact::load(&file)?.0;
    let Content::Images { images } = header.content else {
        bail!("{}: makes rows, and these are images", model.display());
    };
    let job = Job::read(&file.with_file_name("config.toml"), &[]).ok();
    let own = job.filter(|job| config_hash(job) == header.provenance.config_hash);
    if own.is_none() {
        ui.say(format!(
            "{}: the config of its training is not beside it; images are cropped to its size",
            file.display()
        ));
    }
    let fit = own.and_then(|job| job.data.images).unwrap_or_default().fit;
    let ImageShape { height, width, channels: count } = images.shape;
    Ok(ImageOptions { size: Some(Size::Sides([height, width])), channels: Some(channels(count)), fit, ..each })
}

/// Reads a set that is large enough to be compared, and says what was done to it; the number of files that cannot be read too.
fn load(path: &Path, options: &ImageOptions, ui: &Ui) -> Result<(Images, usize)> {
    let (images, reading) = Images::read(path, options).map_err(|error| match error {
        Error::Sizes { path, what, fitting: (height, width) } => anyhow!(
            "{}: its images {what}; bring them to one size with --size {height}x{width}, or to that of a model with \
             --model RUN",
            path.display()
        ),
        other => other.into(),
    })?;
    let least = NEIGHBOURS + 1;
    if images.len() < least {
        bail!("{}: holds {} images, which say too little; give it at least {least}", path.display(), images.len());
    }
    tell(path, &images, &reading, ui);
    Ok((images, reading.skipped.len()))
}

fn tell(path: &Path, images: &Images, reading: &Reading, ui: &Ui) {
    for (file, why) in reading.skipped.iter().take(5) {
        ui.say(format!("skipped {}: {why}", file.display()));
    }
    if reading.skipped.len() > 5 {
        ui.say(format!(
            "skipped {} more; verisim inspect {} names them all",
            reading.skipped.len() - 5,
            path.display()
        ));
    }
    let (height, width) = (images.shape().height, images.shape().width);
    let changed: usize = reading.sizes.iter().filter(|(size, _)| *size != (height, width)).map(|(_, n)| n).sum();
    if changed > 0 {
        let changed = grouped(changed as u64);
        ui.say(format!("{}: {changed} images were brought to {height} x {width} pixels", path.display()));
    }
}

fn channels(count: usize) -> Channels {
    match count {
        1 => Channels::Grey,
        3 => Channels::Rgb,
        _ => Channels::Rgba,
    }
}

/// Where classifiers are trained, and who is told.
struct Trainer<'a> {
    device: Device,
    shards: usize,
    ui: &'a Ui,
}

impl Trainer<'_> {
    /// A classifier of the images at `index`, which are called `what`. Its seed is not the user's: the same real images
    /// give the same features in every evaluation.
    fn learn(&self, images: &Images, index: &[usize], what: &str) -> Result<Classifier> {
        let defaults = Settings::default();
        let settings = Settings { steps: steps(index.len(), &defaults), shards: self.shards, ..defaults };
        self.ui.say(format!("training a classifier on {} {what} images", grouped(index.len() as u64)));
        let progress = self.ui.progress(settings.steps as u64, "steps");
        let on = &mut |done: usize, _: usize| progress.at(done as u64, Some(""));
        let classifier = Classifier::train(images, index, &settings, &self.device, on);
        progress.finish();
        Ok(classifier?)
    }
}

/// Steps to learn this many images in: those of `most`, fewer where they would be more than [`PASSES`] over the images,
/// but at least [`FEWEST_STEPS`].
fn steps(images: usize, most: &Settings) -> usize {
    (PASSES * images / most.batch.max(1)).max(FEWEST_STEPS).min(most.steps)
}

/// The classifier whose features are compared.
struct Eye {
    classifier: Classifier,
    name: String,
    /// Whether it was trained here, on all real images.
    trained: bool,
    /// Whether it tells the classes of the real images apart.
    sorts: bool,
    /// Part of the hold-out images that it sorts right.
    accuracy: Option<f64>,
}

impl Eye {
    fn new(features: Option<&Path>, sets: &Sets, trainer: &Trainer) -> Result<Eye> {
        let real = &sets.real.images;
        let (classifier, name) = match features {
            Some(path) => {
                let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
                (Classifier::open(path, &trainer.device)?, name)
            }
            // In the order of the set, so that its hash does not depend on a seed.
            None => {
                let all: Vec<usize> = (0..real.len()).collect();
                (trainer.learn(real, &all, "real")?, "small CNN trained here".to_owned())
            }
        };
        let known = real.classes().len();
        let sorts = known >= 2 && classifier.classes() == Some(known);
        if let (Some(path), Some(told)) = (features, classifier.classes().filter(|_| !sorts)) {
            trainer.ui.say(format!(
                "{}: tells {told} classes apart, and the real images have {known}; only its features are used",
                path.display()
            ));
        }
        let tested = sets.tested().filter(|_| sorts);
        let accuracy = tested.map(|held| accuracy(&classifier, held)).transpose()?;
        Ok(Eye { classifier, name, trained: features.is_none(), sorts, accuracy })
    }

    fn describe(&self) -> Extractor {
        Extractor {
            name: self.name.clone(),
            hash: self.classifier.hash(),
            dim: self.classifier.dim(),
            accuracy: self.accuracy,
        }
    }
}

/// Part of the labelled images of `set` that `classifier` sorts right.
fn accuracy(classifier: &Classifier, set: &Set) -> Result<f64> {
    let index = set.first(MOST_SORTED);
    let named = classifier.predict(&set.images, index)?;
    let right = named.iter().zip(index).filter(|(class, i)| **class == set.images.labels()[**i]).count();
    Ok(right as f64 / index.len() as f64)
}

fn compare_features(sets: &Sets, classifier: &Classifier) -> Result<Scores> {
    let scored = sets.fewest().min(MOST_SCORED);
    let features = |set: &Set| -> Result<Features> {
        Ok(Features::new(classifier.dim(), classifier.features(&set.images, set.first(scored))?)?)
    };
    let (train, synthetic) = (features(&sets.real)?, features(&sets.synthetic)?);
    let holdout = sets.holdout.as_ref().map(features).transpose()?;
    Ok(compare(&Inputs { train: &train, holdout: holdout.as_ref(), synthetic: &synthetic })?)
}

/// How well hold-out images are sorted by classifiers of synthetic and of equally many real images.
fn utility(sets: &Sets, eye: &Eye, trainer: &Trainer) -> Result<Option<Accuracy>> {
    let Some(held) = sets.tested().filter(|_| sets.synthetic.labelled) else { return Ok(None) };
    let (real, synthetic) = (&sets.real, &sets.synthetic);
    let count = real.len().min(synthetic.len());
    let learnt = |set: &Set, what| accuracy(&trainer.learn(&set.images, set.first(count), what)?, held);
    let of_real = match eye.accuracy {
        // That classifier is there already.
        Some(accuracy) if eye.trained && count == real.len() => accuracy,
        _ => learnt(real, "of the real")?,
    };
    Ok(Some(Accuracy { synthetic: learnt(synthetic, "synthetic")?, real: of_real }))
}

/// How common each class is among real images by their labels, and among synthetic ones in the eyes of the classifier.
fn shares(sets: &Sets, eye: &Eye) -> Result<Option<Vec<ClassShare>>> {
    if !eye.sorts {
        return Ok(None);
    }
    let indices = |labels: &[u32]| -> Vec<usize> { labels.iter().map(|&l| l as usize).collect() };
    let named = eye.classifier.predict(&sets.synthetic.images, sets.synthetic.first(MOST_SORTED))?;
    let real = &sets.real.images;
    Ok(Some(class_shares(real.classes(), &indices(real.labels()), &indices(&named))))
}

/// Looks for copies of the real images; its pairs count images in the sets as they were read.
fn copies(sets: &Sets, ui: &Ui) -> Result<Copying> {
    let each = sets.real.images.shape().len();
    let looking = |set: &Set| -> usize { set.len().min(MOST_CHECKED).min((MOST_BYTES / each).max(1)) };
    let made = sets.synthetic.first(looking(&sets.synthetic));
    let held = sets.holdout.as_ref().map(|held| (held, held.first(looking(held))));
    let looks = made.len() + held.map_or(0, |(_, held)| held.len());
    let most = MOST_COMPARED / (looks as u64 * each as u64);
    let mut learnt = sets.real.first(usize::try_from(most).unwrap_or(usize::MAX).max(1)).to_vec();
    // What is on disk is read in order; which images are the first ones was drawn at random.
    let compared = sets.holdout.as_ref().map_or(0, Set::len).min(learnt.len());
    learnt[..compared].sort_unstable();
    learnt[compared..].sort_unstable();
    let (first, rest) = learnt.split_at(compared);
    ui.say(format!("looking for copies of {} real images", grouped(learnt.len() as u64)));

    let pixels = sets.synthetic.pixels(made)?;
    let mut synthetic = Nearest::new(&pixels, each, "synthetic")?;
    let mut found = match held {
        None => {
            show(&sets.real, rest, &mut [&mut synthetic])?;
            copying(&synthetic, sets.real.len(), None)
        }
        Some((set, looking)) => {
            let held = set.pixels(looking)?;
            let mut holdout = Nearest::new(&held, each, "hold-out")?;
            let mut among_holdout = synthetic.clone();
            show(set, set.first(first.len()), &mut [&mut among_holdout])?;
            show(&sets.real, first, &mut [&mut synthetic, &mut holdout])?;
            let among_train = synthetic.clone();
            show(&sets.real, rest, &mut [&mut synthetic, &mut holdout])?;
            let unseen = Unseen { holdout: &holdout, among_train: &among_train, among_holdout: &among_holdout };
            copying(&synthetic, sets.real.len(), Some(unseen))
        }
    };
    for Closest { synthetic, train, .. } in &mut found.closest {
        (*synthetic, *train) = (made[*synthetic], learnt[*train]);
    }
    Ok(found)
}

/// Shows each of `to` the images of `set` at `index`, a part at a time.
fn show(set: &Set, index: &[usize], to: &mut [&mut Nearest]) -> Result<()> {
    for part in index.chunks((SHOWN_BYTES / set.images.shape().len()).max(1)) {
        let pixels = set.pixels(part)?;
        to.iter_mut().try_for_each(|nearest| nearest.show(&pixels))?;
    }
    Ok(())
}

fn pictures_of(sets: &Sets, copying: &Copying, pairs: Vec<u8>) -> Result<Vec<Picture>> {
    let shape = sets.real.images.shape();
    // Larger images are fewer a row, so that the page stays of a size to send.
    let wide = (1024 / shape.height.max(shape.width)).clamp(4, 16);
    let classes = shown_classes(&sets.real);
    let sheet = |title: &str, set: &Set| -> Result<Picture> {
        let (pixels, whole): Drawn = pictures::rows(&set.images, &rows(set, &classes, wide), wide)?;
        let caption = match (set.labelled, classes.len() < set.images.classes().len()) {
            (true, false) => "Drawn at random, a row for each class; white where there are no more.".to_owned(),
            (true, true) => {
                format!("Drawn at random, a row for each of {} classes; white where there are no more.", classes.len())
            }
            (false, _) => "Drawn at random.".to_owned(),
        };
        Ok(Picture { title: title.to_owned(), caption, png: png_bytes(&pixels, whole, &[])? })
    };
    let caption = format!(
        "Each synthetic image has its nearest training image, by pixels, to the right of it: first the eight closest pairs, \
         then those that are closest beside the second nearest training image. {} synthetic images, drawn at random, were \
         held against {} training images.",
        grouped(copying.synthetic.checked as u64),
        grouped(copying.searched as u64)
    );
    let closest = Picture { title: "Closest pairs".to_owned(), caption, png: pairs };
    Ok(vec![sheet("Synthetic images", &sets.synthetic)?, sheet("Training images", &sets.real)?, closest])
}

/// The first classes of which there are images.
fn shown_classes(set: &Set) -> Vec<u32> {
    let mut there = vec![false; set.images.classes().len()];
    set.images.labels().iter().for_each(|&l| there[l as usize] = true);
    (0..there.len()).filter(|&k| there[k]).take(MOST_ROWS).map(|k| k as u32).collect()
}

/// Images for the rows of a picture, `wide` or fewer a row: of each of the classes or, where there are none, of all.
fn rows(set: &Set, classes: &[u32], wide: usize) -> Vec<Vec<usize>> {
    if !set.labelled {
        return set.first(8 * wide).chunks(wide).map(<[usize]>::to_vec).collect();
    }
    let labels = set.images.labels();
    let of = |class: &u32| set.order.iter().copied().filter(|&i| labels[i] == *class).take(wide).collect();
    classes.iter().map(of).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use verisim_data::image::ImageShape;

    use super::*;

    #[test]
    fn few_images_take_few_steps_and_many_the_usual_number() {
        let of = |images| steps(images, &Settings::default());
        assert_eq!([1, 120, 1_280, 5_000, 10_000, 60_000].map(of), [200, 200, 200, 781, 1_500, 1_500]);
        assert_eq!(steps(60_000, &Settings { steps: 7, ..Settings::default() }), 7);
    }

    /// Single pixels with these labels, in three classes.
    fn set(labels: &[u32], classes: &[&str]) -> Set {
        let shape = ImageShape { height: 1, width: 1, channels: 1 };
        let names: Vec<String> = classes.iter().map(|&c| c.to_owned()).collect();
        let pixels = vec![0; labels.len()];
        let labels = if names.is_empty() { Vec::new() } else { labels.to_vec() };
        let images = Images::from_pixels(shape, names, labels, pixels).unwrap();
        Set::new(images, !classes.is_empty(), 1, 0)
    }

    #[test]
    fn a_picture_has_a_row_for_each_class_that_is_there() {
        let set = set(&[2, 0, 2, 2, 0, 2], &["a", "none of it", "b"]);
        let classes = shown_classes(&set);
        assert_eq!(classes, [0, 2]);
        let mut rows = rows(&set, &classes, 3);
        rows.iter_mut().for_each(|row| row.sort_unstable());
        assert_eq!(rows[0], [1, 4]);
        assert!(rows[1].len() == 3 && rows[1].iter().all(|i| [0, 2, 3, 5].contains(i)));
    }

    #[test]
    fn a_picture_without_classes_shows_every_image_once() {
        let set = set(&[0; 7], &[]);
        let rows = rows(&set, &[], 3);
        assert_eq!(rows.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
        let mut all = rows.concat();
        all.sort_unstable();
        assert_eq!(all, (0..7).collect::<Vec<_>>());
    }

    #[test]
    fn a_copy_is_found_where_it_lies_in_its_set() {
        let shape = ImageShape { height: 1, width: 1, channels: 1 };
        let of = |pixels: Vec<u8>, which| {
            Set::new(Images::from_pixels(shape, Vec::new(), Vec::new(), pixels).unwrap(), false, 3, which)
        };
        let real = of((0..40).map(|i| 5 * i).collect(), 0);
        let synthetic = of((0..20).map(|i| 203 - 5 * i).collect::<Vec<u8>>().into_iter().chain([55]).collect(), 1);
        let found = copies(&Sets { real, synthetic, holdout: None, unreadable: 0 }, &Ui::new(true)).unwrap();
        assert_eq!(found.closest[0], Closest { synthetic: 20, train: 11, distance: 0.0, second: 5.0 });
    }
}
