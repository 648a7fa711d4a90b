//! How good and how private are synthetic series? [`compare`] measures synthetic sequences against the sequences that a generator was
//! fitted on and, where there are some, against held-out ones; [`Report`] is what it found.
//!
//! Where there is a key, whole sequences are compared. One long series is cut into windows that do not overlap (`bag.rs`). Every
//! score stands beside what real series get in the synthetic ones' place, on as many of them (`sides.rs`): held-out ones, and real
//! ones of the span of the training series, since a series that drifts is not like itself later.
//!
//! | | a copy of the training series | steps shuffled within a sequence | fresh real series |
//! |---|---|---|---|
//! | columns | as real | as real, but for by step | as real |
//! | correlation at one time | as real | as real | as real |
//! | dynamics, spectrum, discriminative | as real | far off | as real |
//! | predictive | as real | far off | as real |
//! | closer to training, too close, copies | fails | passes, as the sequences are others | passes |
//!
//! Tests of `compare` hold it to this table.
//!
//! **Agreement.** An independent program in numpy, PyTorch and XGBoost has the same definitions. Statistics of whole sequences are equal
//! to all digits that it prints (a test). Windows are drawn by chance, so those of a long series agree as far as chance lets them. ETTh1,
//! windows of 24, 70 % for training, the rest after a gap of a day held out; that program first, then this one:
//!
//! | | held out | | the same span | |
//! |---|---|---|---|---|
//! | columns, mean | 0.245 | 0.245 | 0.053 | 0.052 |
//! | correlation score | 0.450 | 0.457 | 0.192 | 0.150 |
//! | autocorrelation, pooled | 0.252 | 0.244 | 0.045 | 0.069 |
//! | autocorrelation, within | 0.069 | 0.070 | 0.038 | 0.047 |
//! | correlation a step later | 0.202 | 0.204 | 0.091 | 0.071 |
//! | spectrum | 0.207 | 0.215 | 0.068 | 0.060 |
//! | Fréchet distance | 9.1 | 11.5 | 1.4 | 1.7 |
//! | boosted AUC | 0.992 | 0.982 | 0.577 | 0.556 |
//! | discriminative | 0.462 | 0.453 | 0.038 | 0.065 |
//! | predictive error, trained on held-out and on real | 0.0302 | 0.0307 | 0.0341 | 0.0346 |
//!
//! What differs: that program parts the blocks of the same span one way, this one in several, so that chance is seen. It takes all numbers for
//! numbers, this one takes the word of the schema. Its changes at the first step of a window look out of the window, ours do not. Its trees
//! are 100 of depth 4. Its networks see times in the file's unit, ours in that of the [clock](verisim_data::series::Clock).

mod bag;
mod broken;
mod document;
mod dynamics;
mod evaluate;
mod facts;
mod frechet;
mod gru;
mod lines;
mod marginal;
mod networks;
mod panel;
mod pictures;
mod privacy;
pub mod report;
mod scores;
mod set;
mod sides;
mod summaries;
#[cfg(test)]
mod tests;

use verisim_data::series::{Sequences, Shape};
use verisim_data::table::{ColumnKind, Field};
use verisim_data::{Event, Quiet, Watch};

pub use broken::Broken;
pub use evaluate::Ask;
pub use networks::{Discriminative, Predicted, Predictive, Told};
pub use pictures::{Curve, Pictures};
pub use privacy::{Closer, Privacy};
pub use report::Report;
pub use scores::{Repeated, Score, Scores};
pub use summaries::{Boosted, GivesAway};

use report::{ColumnReport, Counts, LeftOut, OfPrice, Price, Size};
use set::Set;
use sides::{Side, Sides};

use crate::Result;
use crate::table::report::Section;

/// Steps of a window of long series, where neither the ask nor the series say.
const WINDOW: usize = 24;
/// Steps of a periodogram of whole sequences, at most.
const SEGMENT: usize = 64;
const FEW: &str = "needs at least ten sequences on each side";

/// What to measure, beside the series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Steps of the windows that one long series is cut into; those of its shape when not given, else 24.
    pub window: Option<usize>,
    /// Seed of windows, networks and samples.
    pub seed: u64,
    /// Batches that the network learns from which tells sequences apart; the one that predicts takes a third more. Fewer are faster, and
    /// make figures that compare with no others.
    pub batches: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { window: None, seed: crate::SEED, batches: networks::BATCHES }
    }
}

/// Compares `synthetic` with `real`, the sequences that the generator was fitted on, and with `holdout`, sequences that it never saw, all
/// of one `shape`. Uses all rayon threads; the result does not depend on how many there are.
///
/// # Errors
/// Series without steps or without a column to compare; boosted trees that refuse the data.
pub fn compare(
    shape: &Shape,
    real: &Sequences,
    synthetic: &Sequences,
    holdout: Option<&Sequences>,
    settings: Settings,
) -> Result<Report> {
    compare_watched(shape, real, synthetic, holdout, settings, &mut Quiet)
}

/// [`compare`], telling `watch` how far it is.
fn compare_watched(
    shape: &Shape,
    real: &Sequences,
    synthetic: &Sequences,
    holdout: Option<&Sequences>,
    settings: Settings,
    watch: &mut dyn Watch,
) -> Result<Report> {
    let seed = settings.seed;
    let mut notes = Vec::new();
    let all: Vec<&Sequences> = [Some(real), Some(synthetic), holdout].into_iter().flatten().collect();
    let window = shape.key.is_empty().then(|| window(shape, settings.window, &all, &mut notes));
    let set = Set::new(shape, real, synthetic, holdout, window)?;
    let sides = Sides::new(&set, seed);
    let median = || {
        let mut lengths: Vec<f64> = real.lengths().map(|l| l as f64).collect();
        crate::estimate::quantile(&mut lengths, 0.5) as usize
    };
    let typical = window.unwrap_or_else(median);
    let reach = dynamics::Reach {
        lags: dynamics::LAGS.min(typical.saturating_sub(1)),
        segment: window.unwrap_or(SEGMENT.min(typical)),
    };
    let prices = facts::prices(&set.real());

    watch.on(Event::Busy { unit: "scores", total: 5 });
    let scores = sides.scores(reach, &prices);
    watch.on(Event::done(1));
    let boosted = summaries::boosted(&sides, seed)?;
    watch.on(Event::done(2));
    let discriminative = networks::discriminative(&sides, settings.batches, seed);
    watch.on(Event::done(3));
    let predictive = networks::predictive(&set, settings.batches, seed);
    watch.on(Event::done(4));
    let privacy = privacy::privacy(&sides, seed);
    watch.on(Event::done(5));
    watch.on(Event::End);

    let size = |s: &Sequences| Size { sequences: s.count(), steps: s.steps.rows };
    let no_test = match (holdout, predictive.is_some()) {
        (None, _) => "needs held-out series",
        _ => "needs sequences of two steps",
    };
    Ok(Report {
        counts: Counts {
            train: size(real),
            synthetic: size(synthetic),
            holdout: holdout.map(size),
            window,
            compared: sides.count,
            repeats: sides.repeats,
        },
        notes,
        scores,
        boosted: Section::from_option(boosted, FEW),
        discriminative: Section::from_option(discriminative, FEW),
        predictive: Section::from_option(predictive, no_test),
        privacy,
        structure: None,
        prices: prices_of(&sides, &prices, reach.lags),
        columns: columns(&sides),
        not_compared: shape.context.fields.iter().chain(&shape.steps.fields).filter_map(left_out).collect(),
        pictures: pictures::pictures(&sides, reach, seed),
    })
}

/// Steps of a window: what was asked for, as far as every file has that many.
fn window(shape: &Shape, asked: Option<usize>, all: &[&Sequences], notes: &mut Vec<String>) -> usize {
    let wanted = asked.or(shape.window).unwrap_or(WINDOW).max(1);
    let most = |s: &&Sequences| match s.count() {
        1 => s.steps.rows / 2,
        _ => s.lengths().max().unwrap_or(0),
    };
    let most = all.iter().map(most).min().unwrap_or(0).max(1);
    if wanted > most {
        notes
            .push(format!("windows of {most} steps and not of {wanted}: a file has no longer ones, or no two of them"));
    }
    let window = wanted.min(most);
    let short: usize = all[1].lengths().filter(|l| *l < window).count();
    if short > 0 && all[1].count() > 1 {
        notes.push(format!("{short} synthetic sequences are shorter than a window of {window} steps and left out"));
    }
    window
}

/// Why a column is not compared, if it is not.
fn left_out(field: &Field) -> Option<LeftOut> {
    let why = match field.kind {
        _ if field.is_modelled() => return None,
        ColumnKind::Identifier { .. } => "a key",
        ColumnKind::Constant { .. } => "one value",
        ColumnKind::AllMissing => "no value",
        _ => "text",
    };
    Some(LeftOut { name: field.name.clone(), why })
}

fn columns(sides: &Sides<'_>) -> Vec<ColumnReport> {
    let of = |side: Side| sides.bags(side, 0).map(|[a, b]| marginal::columns(&a, &b));
    let (found, real) = (of(Side::Synthetic).unwrap_or_default(), of(Side::Fresh).or_else(|| of(Side::Holdout)));
    let steps = &sides.set.steps;
    let numbers = steps.numbers.iter().map(|n| (&n.name, "number"));
    let names = numbers.chain(steps.categories.iter().map(|c| (&c.name, "category")));
    names
        .zip(found)
        .enumerate()
        .map(|(j, ((name, compared_as), distance))| ColumnReport {
            name: name.clone(),
            compared_as,
            distance,
            distance_real: real.as_ref().map(|r| r[j]),
        })
        .collect()
}

fn prices_of(sides: &Sides<'_>, prices: &[usize], lags: usize) -> Vec<Price> {
    let Some([real, synthetic]) = sides.bags(Side::Synthetic, 0) else { return Vec::new() };
    let of = |bag: &bag::Bag<'_>, k: usize| {
        let facts = facts::Facts::of(bag, k, lags);
        let first = |v: &[f64]| v.first().copied().filter(|x| x.is_finite());
        OfPrice {
            kurtosis: Some(facts.kurtosis).filter(|x| x.is_finite()),
            returns_acf: first(&facts.returns),
            volatility_acf: first(&facts.sizes),
            leverage: first(&facts.leverage),
        }
    };
    let one = |&k: &usize| Price {
        name: sides.set.steps.numbers[k].name.clone(),
        train: of(&real, k),
        synthetic: of(&synthetic, k),
    };
    prices.iter().map(one).collect()
}
