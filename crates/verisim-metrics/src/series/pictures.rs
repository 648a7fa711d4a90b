//! What the pictures of a report show: some sequences, how they remember, how they swing, and all of them as points.

use faer::Mat;
use schemars::JsonSchema;
use serde::Serialize;
use verisim_data::rng::stream;

use super::bag::Bag;
use super::dynamics::{Acf, Reach, spectrum};
use super::frechet::components;
use super::sides::{Side, Sides};
use super::summaries::summaries;
use crate::document::chart::{Cloud, Curves, Figure, Tick, cloud, curves, even, written};
use crate::document::{Figures, Key, Part, Size};
use crate::table::TestValues;

/// Columns that are drawn, and how many of them are seen at once.
const COLUMNS: usize = 12;
const OPEN: usize = 6;
/// Sequences of a column that are drawn of each side, and their steps, at most.
const DRAWN: usize = 4;
const STEPS: usize = 300;
/// Points of each side.
const POINTS: usize = 400;
/// Marks of an axis.
const TICKS: usize = 5;
/// Deviations at which a summary is cut, lest a single one stretch the picture.
const FAR: f64 = 5.0;

/// What the pictures show.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Pictures {
    /// Autocorrelations at lags from 1: of numbers about the mean of all steps (of whole sequences, about their own), of categories how
    /// often the level is the same.
    pub autocorrelation: Vec<Curve>,
    /// Decimal logarithms of mean periodograms of the scaled numbers, at frequencies from one turn a window on.
    pub spectrum: Vec<Curve>,
    /// Some sequences of each number. They are not written to the JSON, since they are of the training data.
    #[serde(skip)]
    examples: Vec<Examples>,
    /// All sequences as points.
    #[serde(skip)]
    points: Option<Points>,
}

/// One line of a picture for each side.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Curve {
    /// Name of the column.
    pub name: String,
    /// Of the training series.
    pub train: Vec<f64>,
    /// Of the synthetic series.
    pub synthetic: Vec<f64>,
    /// Of the held-out series, if there are some.
    pub holdout: Option<Vec<f64>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Examples {
    name: String,
    train: Vec<Vec<f64>>,
    synthetic: Vec<Vec<f64>>,
}

#[derive(Clone, Debug, PartialEq)]
struct Points {
    train: Vec<[f64; 2]>,
    synthetic: Vec<[f64; 2]>,
    holdout: Option<Vec<[f64; 2]>>,
    shares: [f64; 2],
}

pub(crate) fn pictures(sides: &Sides<'_>, reach: Reach, seed: u64) -> Pictures {
    let Some([train, synthetic]) = sides.bags(Side::Synthetic, 0) else { return Pictures::default() };
    let holdout = sides.bags(Side::Holdout, 0).map(|[_, held]| held);
    let set = sides.set;
    let numbers: Vec<String> = set.steps.numbers.iter().map(|n| n.name.clone()).collect();
    let categories = set.steps.categories.iter().map(|c| c.name.clone());
    let all = |of: &dyn Fn(&Bag<'_>) -> Option<Vec<Vec<f64>>>, names: Vec<String>| {
        let (Some(train), Some(synthetic)) = (of(&train), of(&synthetic)) else { return Vec::new() };
        let holdout: Option<Vec<Vec<f64>>> = holdout.as_ref().and_then(of);
        let curve = |(k, name): (usize, String)| Curve {
            name,
            train: train[k].clone(),
            synthetic: synthetic[k].clone(),
            holdout: holdout.as_ref().map(|h| h[k].clone()),
        };
        names.into_iter().enumerate().map(curve).collect()
    };
    let memory = |bag: &Bag<'_>| {
        let acf = Acf::of(bag, reach.lags);
        let numbers = if set.window.is_some() { acf.pooled } else { acf.within };
        // Where no sequence is so long, there is nothing to remember.
        let known = |curve: Vec<f64>| curve.into_iter().map(|x| if x.is_finite() { x } else { 0.0 }).collect();
        Some([numbers, acf.repeat].concat().into_iter().map(known).collect())
    };
    Pictures {
        autocorrelation: all(&memory, numbers.iter().cloned().chain(categories).collect()),
        spectrum: all(&|bag| spectrum(bag, reach.segment), numbers),
        examples: examples(&train, &synthetic),
        points: points(&train, &synthetic, holdout.as_ref(), seed),
    }
}

fn examples(train: &Bag<'_>, synthetic: &Bag<'_>) -> Vec<Examples> {
    let set = train.set;
    let of = |bag: &Bag<'_>, k: usize| {
        let every = (bag.len() / DRAWN).max(1);
        let one = |i: usize| {
            let (start, length) = (bag.starts[i], bag.lengths[i].min(STEPS));
            set.filled[k][start..start + length].iter().map(|&x| set.steps.numbers[k].value(x)).collect::<Vec<f64>>()
        };
        (0..bag.len()).step_by(every).take(DRAWN).map(one).collect::<Vec<_>>()
    };
    let one = |(k, number): (usize, &super::set::Number)| Examples {
        name: number.name.clone(),
        train: of(train, k),
        synthetic: of(synthetic, k),
    };
    set.steps.numbers.iter().enumerate().take(COLUMNS).map(one).collect()
}

/// The first two principal components of the summaries of training sequences, and all sequences in their plane.
fn points(train: &Bag<'_>, synthetic: &Bag<'_>, holdout: Option<&Bag<'_>>, seed: u64) -> Option<Points> {
    let columns = |bag: &Bag<'_>, side: u64| {
        let (table, _) = summaries(&bag.clone().sample(POINTS, &mut stream(seed, "series points", side)));
        let known = |values| match values {
            TestValues::Number(v) => v,
            TestValues::Category(v) => v.into_iter().map(f64::from).collect::<Vec<f64>>(),
        };
        (table.rows, table.columns.into_iter().map(known).collect::<Vec<Vec<f64>>>())
    };
    let (rows, base) = columns(train, 0);
    let moments: Vec<(f64, f64)> = base
        .iter()
        .map(|v| {
            let known = || v.iter().copied().filter(|x| x.is_finite());
            let n = known().count().max(1) as f64;
            let mean = known().sum::<f64>() / n;
            (mean, (known().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt())
        })
        .collect();
    let used: Vec<usize> = (0..base.len()).filter(|&k| moments[k].1 > 1e-9).collect();
    if used.len() < 2 || rows < 3 {
        return None;
    }
    let place = |v: f64, k: usize| match v.is_finite() {
        true => ((v - moments[k].0) / moments[k].1).clamp(-FAR, FAR),
        false => 0.0,
    };
    let matrix =
        |rows: usize, columns: &[Vec<f64>]| Mat::from_fn(rows, used.len(), |i, j| place(columns[used[j]][i], used[j]));
    let (values, axes) = components(&matrix(rows, &base))?;
    let all: f64 = values.iter().map(|v| v.max(0.0)).sum();
    let project = |(rows, columns): (usize, Vec<Vec<f64>>)| {
        let x = matrix(rows, &columns);
        let along = |i: usize, axis: usize| (0..used.len()).map(|j| x[(i, j)] * axes[(j, axis)]).sum::<f64>();
        (0..rows).map(|i| [along(i, 0), along(i, 1)]).collect::<Vec<[f64; 2]>>()
    };
    Some(Points {
        train: project((rows, base.clone())),
        synthetic: project(columns(synthetic, 1)),
        holdout: holdout.map(|held| project(columns(held, 2))),
        shares: [values[0] / all, values[1] / all],
    })
}

impl Pictures {
    /// The parts of the page, in its order.
    pub(crate) fn parts(&self) -> Vec<Part> {
        [self.examples_part(), self.memory_part(), self.spectrum_part(), self.points_part()]
            .into_iter()
            .flatten()
            .collect()
    }

    fn keys(&self) -> Vec<Key> {
        let held = self.autocorrelation.iter().any(|c| c.holdout.is_some());
        [Key::Real, Key::Synthetic].into_iter().chain(held.then_some(Key::Holdout)).collect()
    }

    fn part(title: &str, note: &str, keys: Vec<Key>, mut figures: Vec<Figure>) -> Option<Part> {
        let more = figures.split_off(OPEN.min(figures.len()));
        let (title, note) = (title.to_owned(), note.to_owned());
        (!figures.is_empty()).then_some(Part::Figures(Figures { title, note, keys, size: Size::Small, figures, more }))
    }

    fn examples_part(&self) -> Option<Part> {
        let figure = |e: &Examples| {
            let lines = |all: &[Vec<f64>]| {
                all.iter()
                    .map(|line| line.iter().enumerate().map(|(t, &y)| [t as f64, y]).collect())
                    .collect::<Vec<_>>()
            };
            drawn(&e.name, "Some sequences of", &lines(&e.train), &lines(&e.synthetic), &[])
        };
        let note =
            "Some sequences (or windows of a long series), real and synthetic, by their steps. No two belong together.";
        Self::part(
            "Sequences, side by side",
            note,
            vec![Key::Real, Key::Synthetic],
            self.examples.iter().map(figure).collect(),
        )
    }

    fn memory_part(&self) -> Option<Part> {
        let note = "How much a value tells of the one some steps later: the autocorrelation of numbers, and how often a category is the same.";
        self.curves_part("How they remember", note, "Autocorrelation of", &self.autocorrelation)
    }

    fn spectrum_part(&self) -> Option<Part> {
        let note = "How strongly sequences swing at each frequency, in turns a window: decimal logarithms of the mean periodogram.";
        self.curves_part("How they swing", note, "Spectrum of", &self.spectrum)
    }

    fn curves_part(&self, title: &str, note: &str, about: &str, all: &[Curve]) -> Option<Part> {
        let line = |v: &Vec<f64>| v.iter().enumerate().map(|(k, &y)| [(k + 1) as f64, y]).collect::<Vec<[f64; 2]>>();
        let figure = |c: &Curve| {
            let held: Vec<Vec<[f64; 2]>> = c.holdout.iter().map(line).collect();
            drawn(&c.name, about, &[line(&c.train)], &[line(&c.synthetic)], &held)
        };
        let figures = all.iter().filter(|c| !c.train.is_empty()).take(COLUMNS).map(figure).collect();
        Self::part(title, note, self.keys(), figures)
    }

    fn points_part(&self) -> Option<Part> {
        let points = self.points.as_ref()?;
        let axis = |k: usize| format!("component {} ({:.0} % of the spread)", k + 1, 100.0 * points.shares[k]);
        let axes = [axis(0), axis(1)];
        let drawing = cloud(Cloud {
            real: &points.train,
            synthetic: &points.synthetic,
            holdout: points.holdout.as_deref(),
            axes: [&axes[0], &axes[1]],
        });
        let about = format!(
            "{} real and {} synthetic sequences as points of a plane",
            points.train.len(),
            points.synthetic.len()
        );
        Some(Part::Figures(Figures {
            title: "Sequences as points".to_owned(),
            note: "The summaries that boosted trees look at, in the plane of the first two principal components of the training sequences: \
                   sequences that are alike lie close together."
                .to_owned(),
            keys: self.keys(),
            size: Size::Full,
            figures: vec![Figure { name: String::new(), note: String::new(), about, drawing }],
            more: Vec::new(),
        }))
    }
}

/// Lines of one column.
fn drawn(
    name: &str,
    about: &str,
    real: &[Vec<[f64; 2]>],
    synthetic: &[Vec<[f64; 2]>],
    holdout: &[Vec<[f64; 2]>],
) -> Figure {
    let marks = |k: usize| {
        let all = || real.iter().chain(synthetic).chain(holdout).flatten().map(|p| p[k]).filter(|x| x.is_finite());
        let (low, high) = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
        if !(low.is_finite() && high > low) {
            return Vec::new();
        }
        let at = even(low, high, TICKS);
        at.iter().zip(written(&at)).map(|(&at, text)| Tick { at, text }).collect::<Vec<Tick>>()
    };
    let (x_ticks, y_ticks) = (marks(0), marks(1));
    Figure {
        name: name.to_owned(),
        note: String::new(),
        about: format!("{about} {name}: {} real lines, {} synthetic ones", real.len(), synthetic.len()),
        drawing: curves(Curves { real, synthetic, holdout, x_ticks: &x_ticks, y_ticks: &y_ticks }),
    }
}
