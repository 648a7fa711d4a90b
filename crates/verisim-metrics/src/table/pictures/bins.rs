//! What values are counted together: round steps of a number, levels of a category.

use schemars::JsonSchema;
use serde::Serialize;
use verisim_data::table::date::DateFormat;

use super::super::unit::Unit;
use super::super::values::{Compared, Comparison, Scale, Values};
use crate::document::chart::{Step, nice};
use crate::estimate::quantile;

/// Levels that have a bin of their own, and of those new in the synthetic rows.
const LEVELS: usize = 12;
const NEW_LEVELS: usize = 3;
/// Between these quantiles lie the bins; what is beyond belongs to the outer two.
const INNER: (f64, f64) = (0.005, 0.995);
/// Values that the quantiles are taken from.
const SAMPLE: usize = 20_000;
/// The upper tail of a skewed column is so many times as long as the lower.
const SKEWED: f64 = 10.0;
/// A skewed column whose values reach over so many powers of ten is counted by their logarithms.
const DECADES: f64 = 1.5;
/// The least step of the logarithm of small whole numbers: below, bins between 1 and 2 would be empty.
const WHOLE_STEP: f64 = 0.2;
const DAY: f64 = 86_400.0;
/// Steps of time that people know, in seconds; a month and a year are average ones.
const TIMES: [f64; 23] = [
    1.0,
    5.0,
    15.0,
    60.0,
    300.0,
    900.0,
    1_800.0,
    3_600.0,
    10_800.0,
    21_600.0,
    43_200.0,
    DAY,
    2.0 * DAY,
    7.0 * DAY,
    14.0 * DAY,
    MONTH,
    3.0 * MONTH,
    6.0 * MONTH,
    YEAR,
    2.0 * YEAR,
    5.0 * YEAR,
    10.0 * YEAR,
    50.0 * YEAR,
];
const YEAR: f64 = 365.2425 * DAY;
const MONTH: f64 = YEAR / 12.0;
/// Steps of months begin so much before the first of a month, which drifts by up to a day and a half against average ones:
/// so a column of firsts has as many in each bin.
const EARLY: f64 = 3.0 * DAY;

/// What is counted together.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Bins {
    /// Numbers from an edge up to the next. The first and the last bin hold all beyond them too.
    Number {
        /// Rising; one more than there are bins.
        edges: Vec<f64>,
        /// Whether edges rise by a factor. Then a first bin that begins at 0 holds zeros alone.
        log: bool,
    },
    /// Times, likewise.
    Date {
        /// Seconds since 1970-01-01.
        edges: Vec<f64>,
    },
    /// Levels, the commonest first; those that read as numbers in their order.
    Level {
        /// One a bin.
        levels: Vec<Level>,
    },
}

/// A level, or several of them.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Level {
    /// Its name; of several what they are.
    pub name: String,
    /// How many levels it stands for.
    pub levels: usize,
    /// Whether no training row has it.
    pub new: bool,
}

impl Bins {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Bins::Number { edges, .. } | Bins::Date { edges } => edges.len() - 1,
            Bins::Level { levels } => levels.len(),
        }
    }

    /// Whether there is none, which only a category without values has.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Bins, and what belongs into which.
pub(super) struct Binning {
    pub bins: Bins,
    place: Place,
}

enum Place {
    Steps(Steps),
    /// The bin of each code; `None` for missing values.
    Codes(Vec<Option<usize>>),
}

impl Binning {
    /// The bins of column `j`, at most about `most` if it is one of numbers.
    pub fn new(tables: &Comparison, j: usize, most: usize) -> Binning {
        let field = &tables.fields[j];
        match (&field.scale, &tables.real.columns[j]) {
            (Scale::Number { decimals, unit }, Values::Number(values)) => {
                numbers(values, *decimals, *unit, field.date.as_ref(), most)
            }
            (Scale::Category { levels, missing }, _) => {
                let counts = |values: &Values| count(values, levels.len());
                let holdout = tables.holdout.as_ref().map(|h| counts(&h.columns[j]));
                let (train, synthetic) = (counts(&tables.real.columns[j]), counts(&tables.synthetic.columns[j]));
                let named = levels.len() - usize::from(*missing);
                categories(field, &levels[..named], &train, &synthetic, holdout.as_deref())
            }
            // No table has such a column.
            _ => Binning { bins: Bins::Level { levels: Vec::new() }, place: Place::Codes(Vec::new()) },
        }
    }

    /// Hands `take` the bin of every row; `None` where a value is missing.
    pub fn each(&self, values: &Values, mut take: impl FnMut(Option<usize>)) {
        match (values, &self.place) {
            (Values::Number(v), Place::Steps(steps)) => v.iter().for_each(|&x| take(steps.place(x))),
            (Values::Category(codes), Place::Codes(bins)) => {
                codes.iter().for_each(|&code| take(bins.get(code as usize).copied().flatten()));
            }
            (Values::Number(v), _) => v.iter().for_each(|_| take(None)),
            (Values::Category(v), _) => v.iter().for_each(|_| take(None)),
        }
    }

    /// The bin of every row; missing values have the one after the last.
    pub fn places(&self, values: &Values) -> Vec<u16> {
        let absent = self.bins.len();
        let mut places = Vec::new();
        self.each(values, |place| places.push(place.unwrap_or(absent) as u16));
        places
    }
}

/// Bins of one width, of a number or of its logarithm.
struct Steps {
    step: Width,
    first: f64,
    bins: usize,
    /// The edges, where bins are those of a logarithm: they are looked up, since logarithms of all values would take long. The
    /// first may be 0, of one more bin that holds zeros alone.
    log: Option<Vec<f64>>,
}

#[derive(Clone, Copy)]
enum Width {
    Round(Step),
    Time { step: f64, from: f64 },
}

impl Width {
    fn index(self, x: f64) -> f64 {
        match self {
            Width::Round(step) => step.index(x),
            Width::Time { step, from } => ((x - from) / step + 1e-9).floor(),
        }
    }

    fn edge(self, k: f64) -> f64 {
        match self {
            Width::Round(step) => step.times(k),
            Width::Time { step, from } => from + k * step,
        }
    }
}

impl Steps {
    fn between(step: Width, low: f64, high: f64) -> Steps {
        let first = step.index(low);
        let bins = (step.index(high) - first + 1.0).clamp(1.0, 1e3) as usize;
        Steps { step, first, bins, log: None }
    }

    fn place(&self, x: f64) -> Option<usize> {
        match &self.log {
            _ if x.is_nan() => None,
            Some(edges) => Some(edges.partition_point(|&edge| edge <= x).clamp(1, edges.len() - 1) - 1),
            None => Some((self.step.index(x) - self.first).clamp(0.0, (self.bins - 1) as f64) as usize),
        }
    }

    fn edges(&self) -> Vec<f64> {
        let all = || (0..=self.bins).map(|k| self.step.edge(self.first + k as f64));
        self.log.clone().unwrap_or_else(|| all().collect())
    }
}

/// Bins of a column of numbers by its training values.
fn numbers(values: &[f64], decimals: Option<u8>, unit: Unit, date: Option<&DateFormat>, most: usize) -> Binning {
    let spread = Spread::of(values);
    let own_unit = unit != Unit::default();
    let least = decimals.filter(|_| !own_unit).map_or(0.0, |digits| 10_f64.powi(-i32::from(digits)));
    let steps = match (date, spread.skewed()) {
        (Some(format), _) => spread.times(format, most),
        (None, Some(log)) => log.steps(decimals == Some(0) && !own_unit, most),
        (None, None) => {
            Steps::between(Width::Round(nice((spread.width() / most as f64).max(least))), spread.low, spread.high)
        }
    };
    let edges = steps.edges().into_iter().map(|x| unit.back(x)).collect();
    let bins = if date.is_some() { Bins::Date { edges } } else { Bins::Number { edges, log: steps.log.is_some() } };
    Binning { bins, place: Place::Steps(steps) }
}

/// Where the values of a column lie.
struct Spread {
    /// Where bins begin and end.
    low: f64,
    high: f64,
    least: f64,
    /// Some of the values.
    sample: Vec<f64>,
}

impl Spread {
    fn of(values: &[f64]) -> Spread {
        let present = || values.iter().copied().filter(|x| !x.is_nan());
        let sample: Vec<f64> = present().step_by(values.len() / SAMPLE + 1).collect();
        let (least, largest) = present().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
        if sample.is_empty() {
            return Spread { low: 0.0, high: 0.0, least: 0.0, sample };
        }
        let mut sample = sample;
        let (low, high) = inner(&mut sample, least, largest);
        Spread { low, high, least, sample }
    }

    fn width(&self) -> f64 {
        self.high - self.low
    }

    fn times(&self, format: &DateFormat, most: usize) -> Steps {
        let least = if format.is_day() { DAY } else { 1.0 };
        let wanted = (self.width() / most as f64).max(least);
        let step =
            TIMES.into_iter().find(|&step| step >= wanted).unwrap_or_else(|| nice(wanted / YEAR).times(1.0) * YEAR);
        let from = if step >= MONTH { -EARLY } else { 0.0 };
        Steps::between(Width::Time { step, from }, self.low, self.high)
    }

    /// The logarithms of a column that is very skewed to the right and has nothing below 0.
    fn skewed(&self) -> Option<Logarithms> {
        let mut positive: Vec<f64> = self.sample.iter().copied().filter(|&x| x > 0.0).collect();
        if self.least < 0.0 || positive.len() < 10 {
            return None;
        }
        let [low, middle, high] = [INNER.0, 0.5, INNER.1].map(|q| quantile(&mut positive, q));
        if high - middle <= SKEWED * (middle - low) || high.log10() - low.log10() <= DECADES {
            return None;
        }
        let mut logarithms: Vec<f64> = positive.iter().map(|x| x.log10()).collect();
        let ends = logarithms.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x)));
        let (low, high) = inner(&mut logarithms, ends.0, ends.1);
        Some(Logarithms { low, high, zero: self.least == 0.0 })
    }
}

struct Logarithms {
    low: f64,
    high: f64,
    /// Whether there are zeros.
    zero: bool,
}

impl Logarithms {
    fn steps(&self, whole: bool, most: usize) -> Steps {
        let least = if whole && self.low < 1.0 { WHOLE_STEP } else { 0.0 };
        let step = nice(((self.high - self.low) / most as f64).max(least));
        let steps = Steps::between(Width::Round(step), self.low, self.high);
        let zero = self.zero.then_some(0.0);
        let log = zero.into_iter().chain(steps.edges().into_iter().map(|edge| 10_f64.powf(edge))).collect();
        Steps { log: Some(log), ..steps }
    }
}

/// The inner quantiles, or the ends themselves where those are near.
fn inner(values: &mut [f64], least: f64, largest: f64) -> (f64, f64) {
    let (low, high) = (quantile(values, INNER.0), quantile(values, INNER.1));
    let near = 0.1 * (high - low);
    if near <= 0.0 {
        return (least, largest);
    }
    (if low - least <= near { least } else { low }, if largest - high <= near { largest } else { high })
}

fn count(values: &Values, levels: usize) -> Vec<usize> {
    let mut counts = vec![0; levels];
    if let Values::Category(codes) = values {
        codes.iter().for_each(|&code| counts[code as usize] += 1);
    }
    counts
}

/// Bins of a category: its commonest levels, all others, and what is new.
fn categories(
    field: &Compared,
    levels: &[String],
    train: &[usize],
    synthetic: &[usize],
    holdout: Option<&[usize]>,
) -> Binning {
    let commonest = |counts: &[usize], among: Vec<usize>| {
        let mut among = among;
        among.sort_by_key(|&code| std::cmp::Reverse(counts[code]));
        among
    };
    let all = 0..levels.len();
    let (seen, rest): (Vec<usize>, Vec<usize>) = all.partition(|&code| train[code] > 0);
    let (new, elsewhere): (Vec<usize>, Vec<usize>) = rest.into_iter().partition(|&code| synthetic[code] > 0);
    let (mut seen, new) = (commonest(train, seen), commonest(synthetic, new));
    let mut other = if seen.len() > LEVELS { seen.split_off(LEVELS) } else { Vec::new() };
    other.extend(elsewhere.into_iter().filter(|&code| holdout.is_some_and(|counts| counts[code] > 0)));
    if levels.iter().all(|level| level.parse::<f64>().is_ok()) {
        seen.sort_unstable();
    }
    let (shown, more) = new.split_at(new.len().min(NEW_LEVELS));

    let mut bins = Vec::new();
    let mut place = vec![None; levels.len()];
    let mut push = |name: String, codes: &[usize], new: bool| {
        codes.iter().for_each(|&code| place[code] = Some(bins.len()));
        bins.push(Level { name, levels: codes.len(), new });
    };
    seen.iter().for_each(|&code| push(shown_as(field, &levels[code]), &[code], false));
    match other[..] {
        [] => {}
        [one] => push(shown_as(field, &levels[one]), &[one], false),
        _ => push("other".to_owned(), &other, false),
    }
    shown.iter().for_each(|&code| push(shown_as(field, &levels[code]), &[code], true));
    match *more {
        [] => {}
        [one] => push(shown_as(field, &levels[one]), &[one], true),
        _ => push("other".to_owned(), more, true),
    }
    Binning { bins: Bins::Level { levels: bins }, place: Place::Codes(place) }
}

/// A level as people read it: a column of few dates has seconds for levels.
fn shown_as(field: &Compared, level: &str) -> String {
    match (&field.date, level.parse()) {
        (Some(format), Ok(seconds)) => format.text(seconds),
        _ => level.to_owned(),
    }
}
