//! The report as the lines that people read: a score, its interval, what real series score, a verdict. The text and the page show the
//! same lines.
//!
//! **Verdicts.** What stands beside a score are real series of the span of the training series; where there are none, held-out ones. A
//! score is judged by how far chance takes those, and halves of training and synthetic series together: one in a hundred is worse
//! (of 48 evaluations of fresh series, with some 700 such lines, four were called off). What is worse than they are, and no worse than
//! held-out series, is not judged: a long series that drifts is not like itself later, and no generator is to be blamed for it.

use verisim_data::number::{percent, three};

use super::broken::Broken;
use super::networks::{Predicted, Told};
use super::privacy::Closer;
use super::report::Report;
use super::scores::{Score, Scores};
use crate::document::{Group, Line, Mark};
use crate::table::report::Section;
use crate::{Count, Estimate};

type Verdict = (&'static str, Mark);

/// Fewer sequences a side say nothing.
const FEW: usize = 10;
/// Fewer sequences are perfectly told apart by chance, and no interval says so.
const FEW_TOLD: usize = 30;
/// As in tables: a verdict that is not good is given where real series would score so less often than this, a poor one than this.
const DOUBT: f64 = 0.01;
const SURE: f64 = 1e-4;
const TOO_FEW: Verdict = ("too few sequences to tell", Mark::Plain);
const NO_FLOOR: Verdict = ("too few real sequences to judge by", Mark::Plain);
/// A score within so many times that of real series is close, and within so many not far off.
const TIMES: [f64; 2] = [1.5, 3.0];

/// A line of [`Scores`].
struct Kind {
    of: fn(&Scores) -> Option<Score>,
    id: &'static str,
    label: &'static str,
    /// What is too little to speak of.
    little: f64,
    meaning: &'static str,
}

macro_rules! kinds {
    ($($name:ident $id:literal $label:literal $little:literal $meaning:literal;)+) => {
        &[$(Kind { of: |s| s.$name, id: $id, label: $label, little: $little, meaning: $meaning },)+]
    };
}

const COLUMNS: &[Kind] = kinds! {
    marginal_mean "marginal" "Columns" 0.01
        "How far the distribution of each column is from that of the training steps, averaged: Kolmogorov-Smirnov \
         distance of numbers, total variation distance of categories.";
    marginal_worst "marginal_worst" "The worst of them" 0.02 "The same of the column that is farthest off.";
    marginal_by_step "marginal_by_step" "Columns, step by step" 0.02
        "The mean distance of numbers at each place of the sequences, where all are of one length.";
    missing "missing" "Missing numbers" 0.005 "How far the shares of missing numbers differ.";
    correlation "correlation" "Correlations" 0.01
        "Mean difference of the correlations of numbers and common levels at one time.";
    correlation_sum "correlation_sum" "Correlation score" 0.02
        "Sum of the differences of the correlations of all pairs of numbers, over 10: the score of TimeGAN and \
         Diffusion-TS.";
};

const DYNAMICS: &[Kind] = kinds! {
    acf_pooled "acf" "Autocorrelation" 0.01
        "Mean difference of autocorrelations about the mean of all steps, lags 1 to 20.";
    acf_within "acf_within" "The same within sequences" 0.01
        "Mean difference of autocorrelations about the mean of each sequence.";
    acf_repeat "acf_repeat" "Repeated levels" 0.01 "Mean difference of how often a category is the same some steps on.";
    cross_lag "cross_lag" "Correlation a step later" 0.01
        "Mean difference of the correlations of one number with another a step later.";
    spectrum "spectrum" "Spectrum" 0.02
        "Mean difference of decimal logarithms of the mean periodogram, over all frequencies and numbers.";
    transition "transition" "Transitions" 0.02
        "How far the shares of the next level differ, given the level: mean total variation distance.";
    bigram "bigram" "Pairs of levels" 0.02 "How far the shares of pairs of levels that follow each other differ.";
    interval "interval" "Time between steps" 0.01 "Kolmogorov-Smirnov distance of the time from one step to the next.";
};

const SEQUENCES: &[Kind] = kinds! {
    length "length" "Number of steps" 0.02 "Kolmogorov-Smirnov distance of the lengths of sequences.";
    start "start" "First time" 0.02 "Kolmogorov-Smirnov distance of when sequences begin.";
    context "context" "Context" 0.02 "Mean distance of the columns that are the same throughout a sequence.";
    context_dependence "context_dependence" "Means by context" 0.05
        "How far a column's mean over the sequences of one level of the context differs, in training deviations.";
    context_ratio "context_ratio" "Weight of the context" 0.02
        "How far the part of the spread between sequences differs that their context accounts for (correlation \
         ratio).";
};

const FACTS: &[Kind] = kinds! {
    kurtosis "kurtosis" "Heavy tails" 0.1
        "Mean difference of the logarithm of the kurtosis of returns, which are changes of the logarithm of a price.";
    returns_acf "returns_acf" "Memory of returns" 0.01
        "Mean difference of the autocorrelation of returns, lags 1 to 20; prices have hardly any.";
    volatility_acf "volatility_acf" "Memory of their size" 0.01
        "The same of absolute returns; of prices calm days follow calm ones.";
    leverage "leverage" "Leverage" 0.01
        "Mean difference of the correlation of a return with the square of later ones; of prices it is below 0.";
};

impl Report {
    /// The lines of the report, in reading order.
    pub(super) fn groups(&self) -> Vec<Group> {
        let scored = |kinds: &[Kind]| kinds.iter().filter_map(|kind| self.line(kind)).collect::<Vec<Line>>();
        let mut sequences = scored(SEQUENCES);
        sequences.extend(self.structure_lines());
        [
            ("Likeness", self.likeness_lines()),
            ("Columns", scored(COLUMNS)),
            ("Dynamics", scored(DYNAMICS)),
            ("Sequences", sequences),
            ("Stylised facts of prices", scored(FACTS)),
            ("Utility", self.utility_lines()),
            ("Privacy, by whole sequences", self.privacy_lines()),
        ]
        .into_iter()
        .filter(|(_, lines)| !lines.is_empty())
        .map(|(title, lines)| Group::new(title, lines))
        .collect()
    }

    fn line(&self, kind: &Kind) -> Option<Line> {
        let score = (kind.of)(&self.scores)?;
        let (verdict, mark) = score_verdict(&score, kind.little, self.counts.compared);
        let floor = score.fresh.or(score.holdout).map(|f| match f.deviation {
            0.0 => figures(f.value),
            // Where 95 in 100 real ones lie, as for tables.
            d => [f.value - 1.96 * d, f.value + 1.96 * d].map(|x| figures(x.max(0.0))).join(" to "),
        });
        let line = Line::new(figures(score.synthetic.value), floor).judged(verdict, mark);
        Some(line.named(kind.id, kind.label, kind.meaning))
    }

    fn likeness_lines(&self) -> Vec<Line> {
        let boosted = match &self.boosted {
            Section::Done(b) => {
                let floor = b.fresh.or(b.holdout);
                let (verdict, mark) =
                    auc_verdict(&b.synthetic, b.fresh.as_ref(), b.holdout.as_ref(), self.counts.compared);
                Line::estimate(&b.synthetic, floor.map(|f| f.value), three).judged(verdict, mark)
            }
            Section::Skipped { skipped } => Line::missing(skipped),
        };
        let network = match &self.discriminative {
            Section::Done(d) => {
                let floor = d.fresh.or(d.holdout);
                let (verdict, mark) = told_verdict(&d.synthetic, d.fresh.as_ref(), d.holdout.as_ref());
                Line::estimate(&d.synthetic.score, floor.map(|f| f.score.value), three).judged(verdict, mark)
            }
            Section::Skipped { skipped } => Line::missing(skipped),
        };
        let mut lines = vec![
            boosted.named(
                "boosted_auc",
                "Boosted two-sample AUC",
                "Boosted trees try to tell training sequences from synthetic ones by summaries of each: 0.5: they cannot; 1: they \
                 always can. Clearly below 0.5: values follow those of training.",
            ),
            network.named(
                "discriminative",
                "Discriminative score",
                "A small recurrent network tries the same, step by step: its accuracy less a half. 0: it guesses; 0.5: it always \
                 knows. It sees more than that of TimeGAN, so figures are higher than in papers.",
            ),
        ];
        let frechet = Kind {
            of: |s| s.frechet,
            id: "frechet",
            label: "Fréchet distance",
            little: 0.0,
            meaning: "Distance of the Gaussians of features of random convolutions. Lower is better; it falls with the number of \
                      sequences, so read it beside that of real ones.",
        };
        lines.extend(self.line(&frechet));
        lines
    }

    fn structure_lines(&self) -> Vec<Line> {
        let Some(structure) = &self.structure else { return Vec::new() };
        let line = |of: fn(&Broken) -> Count, id, label, meaning| {
            let (found, real) = (of(&structure.synthetic), of(&structure.train));
            (found.rows > 0 && (found.hits > 0 || real.hits > 0)).then(|| {
                let (verdict, mark) = more_verdict(found, Some(real));
                Line::estimate(&found.share(), Some(real.rate()), percent)
                    .judged(verdict, mark)
                    .named(id, label, meaning)
            })
        };
        let mut lines: Vec<Line> = [
            line(
                |b| b.not_constant,
                "not_constant",
                "Context that changes",
                "Sequences in which something changes that is the same throughout in training.",
            ),
            line(
                |b| b.at_one_time,
                "at_one_time",
                "Steps at one time",
                "Steps at the time of another of their sequence.",
            ),
            line(
                |b| b.unsorted,
                "unsorted",
                "Steps out of order",
                "Steps that lie before the one above them in time, as the file has them.",
            ),
            line(
                |b| b.nowhere,
                "nowhere",
                "Steps without key or time",
                "Steps that belong to no sequence; they are left out of everything else.",
            ),
        ]
        .into_iter()
        .flatten()
        .collect();
        if lines.is_empty() {
            let whole = Line::new("whole".to_owned(), None).judged("nothing broken", Mark::Good);
            lines.push(whole.named(
                "structure",
                "Structure",
                "Contexts are constant, times are in order and not repeated, every step has a sequence.",
            ));
        }
        lines
    }

    fn utility_lines(&self) -> Vec<Line> {
        let named = |line: Line| {
            line.named(
                "predictive",
                "Train on synthetic",
                "Error of a network that learnt from synthetic sequences to predict the next step, on held-out real ones; beside it \
                 that of one which learnt from as many real ones. Numbers go from 0 to 1 over the training steps.",
            )
        };
        let p = match &self.predictive {
            Section::Done(p) => p,
            Section::Skipped { skipped } => return vec![named(Line::missing(skipped))],
        };
        let verdict = predictive_verdict(self);
        let mut lines = Vec::new();
        if let (Some(a), Some(b)) = (p.synthetic.error, p.real.error) {
            lines.push(named(Line::new(figures(a.value), Some(figures(b.value))).judged(verdict.0, verdict.1)));
        }
        if let (Some(a), Some(b)) = (p.synthetic.accuracy, p.real.accuracy) {
            let line = Line::new(percent(a.value), Some(percent(b.value)));
            lines.push(match lines.is_empty() {
                true => named(line.judged(verdict.0, verdict.1)),
                false => line.named("predictive_accuracy", "Its accuracy", "Share of categories predicted right."),
            });
        }
        if let Some(ratio) = p.ratio {
            lines.push(Line::new(three(ratio), Some(three(1.0))).named(
                "predictive_ratio",
                "Error over that of real",
                "1: synthetic sequences teach as much as real ones.",
            ));
        }
        let still = p.persistence.error.map(|e| figures(e.value)).or(p.persistence.accuracy.map(|a| percent(a.value)));
        lines.extend(still.map(|still| {
            Line::new(still, None).named(
                "persistence",
                "As now",
                "What it is to say that the next step is like this one.",
            )
        }));
        lines
    }

    fn privacy_lines(&self) -> Vec<Line> {
        let p = &self.privacy;
        let close = p.too_close_holdout;
        let base = expected_close(p.too_close.rows, close);
        let mut lines = closer_lines(p.closer.as_ref(), self);
        let counted = |found: Count, real: Option<Count>, verdict: Verdict| {
            Line::estimate(&found.share(), real.map(|r| r.rate()), percent).judged(verdict.0, verdict.1)
        };
        lines.push(counted(p.too_close, close, close_verdict(p.too_close, base)).named(
            "too_close",
            "Too close",
            "Part of the synthetic sequences that are closer to a training sequence than the closest twentieth of the training \
             sequences are to the others. A twentieth is by chance; all of them: copied.",
        ));
        lines.push(counted(p.copies, p.copies_real, more_verdict(p.copies, p.copies_real)).named(
            "exact_copies",
            "Exact copies",
            "Part of the synthetic sequences that stand in training, step by step; beside it of real ones that coincide by chance.",
        ));
        lines.push(counted(p.windows, p.windows_real, more_verdict(p.windows, p.windows_real)).named(
            "copied_windows",
            "Copied stretches",
            "Part of the synthetic sequences with at least five steps in a row that stand so in training; beside it the same of real \
             ones.",
        ));
        lines.push(Line::new(percent(p.copied_steps), p.copied_steps_real.map(percent)).named(
            "copied_steps",
            "Steps in them",
            "Part of the synthetic steps that are in such stretches.",
        ));
        lines
    }
}

/// Judges a score of which 0 is perfect.
fn score_verdict(score: &Score, little: f64, sequences: usize) -> Verdict {
    let (value, held) = (score.synthetic.value, score.holdout);
    let Some(real) = score.fresh.or(held) else { return NO_FLOOR };
    if sequences < FEW {
        return TOO_FEW;
    }
    let most = real.most.max(score.mixed.map_or(0.0, |m| m.most));
    let within = |times: f64| value <= times * real.value.max(little);
    match value {
        v if v <= most || v <= little => ("as close as real series", Mark::Good),
        _ if within(TIMES[0]) => ("close", Mark::Good),
        v if held.is_some_and(|h| v <= h.most) => ("no worse than held-out series", Mark::Plain),
        _ if within(TIMES[1]) => ("off", Mark::Fair),
        _ => ("far off", Mark::Poor),
    }
}

fn auc_verdict(auc: &Estimate, fresh: Option<&Estimate>, held: Option<&Estimate>, sequences: usize) -> Verdict {
    if sequences < FEW_TOLD {
        return TOO_FEW;
    }
    match auc {
        a if a.high() < 0.47 => ("below chance: values follow training", Mark::Plain),
        a if a.low() <= 0.51 => ("indistinguishable", Mark::Good),
        a if fresh.or(held).is_some_and(|real| a.low() <= real.high()) => ("no easier than real series", Mark::Good),
        a if a.value <= 0.6 => ("hard to tell apart", Mark::Good),
        a if held.is_some_and(|real| a.low() <= real.high()) => ("no easier than held-out series", Mark::Plain),
        a if a.value <= 0.8 => ("detectable", Mark::Fair),
        _ => ("easily told apart", Mark::Poor),
    }
}

fn told_verdict(told: &Told, fresh: Option<&Told>, held: Option<&Told>) -> Verdict {
    if told.tested < FEW_TOLD {
        return TOO_FEW;
    }
    // Networks that learn from other batches differ more than the rows they are tested on say.
    let most = |real: &Told| real.score.high() + 0.02;
    match told.score {
        s if s.value <= 2.5 * told.guessing => ("indistinguishable", Mark::Good),
        s if fresh.or(held).is_some_and(|real| s.low() <= most(real)) => ("no easier than real series", Mark::Good),
        s if s.value <= 0.1 => ("hard to tell apart", Mark::Good),
        s if held.is_some_and(|real| s.low() <= real.score.high()) => ("no easier than held-out series", Mark::Plain),
        s if s.value <= 0.25 => ("detectable", Mark::Fair),
        _ => ("easily told apart", Mark::Poor),
    }
}

/// Networks differ from one start to another, as far as their repetitions say.
fn predictive_verdict(report: &Report) -> Verdict {
    let Some(p) = report.predictive.done() else { return TOO_FEW };
    if p.trained < FEW_TOLD || p.tested < FEW {
        return TOO_FEW;
    }
    let spread = |p: &Predicted| p.error.map_or(0.0, |e| e.deviation / e.value.max(1e-9));
    let chance = 3.0 * spread(&p.synthetic).max(spread(&p.real));
    match p.ratio {
        None => TOO_FEW,
        Some(r) if r <= 1.05 + chance => ("as useful as real series", Mark::Good),
        Some(r) if r <= 1.25 + chance => ("less useful than real series", Mark::Fair),
        Some(_) => ("a poor stand-in for real series", Mark::Poor),
    }
}

/// Judges a share that ought not to be there, beside that of real series.
fn more_verdict(share: Count, real: Option<Count>) -> Verdict {
    let beside = real.unwrap_or_default();
    match (share.chance_of_more(beside), share.rate() - beside.rate()) {
        _ if share.hits == 0 => ("none", Mark::Good),
        _ if real.is_none_or(|r| r.rows == 0) => NO_FLOOR,
        (p, _) if p > DOUBT => ("no more than real series", Mark::Good),
        (p, above) if p < SURE && above >= 0.01 => ("many more than real series", Mark::Poor),
        _ => ("more than real series", Mark::Fair),
    }
}

/// A twentieth is too close by the way that it is measured; where more of the held-out sequences are, so many.
fn expected_close(rows: usize, held: Option<Count>) -> Count {
    let least = Count::new(rows.div_ceil(20), rows);
    held.filter(|h| h.rate() > least.rate()).unwrap_or(least)
}

fn close_verdict(found: Count, real: Count) -> Verdict {
    if found.rows < FEW {
        return TOO_FEW;
    }
    match found.chance_of_more(real) {
        p if p > DOUBT => ("no more than real series", Mark::Good),
        p if p < SURE && found.rate() >= 0.25 && found.rate() > 2.0 * real.rate() => {
            ("repeats training series", Mark::Poor)
        }
        _ => ("leans towards training series", Mark::Fair),
    }
}

fn closer_lines(closer: Option<&Closer>, report: &Report) -> Vec<Line> {
    let named = |line: Line| {
        line.named(
            "closer_to_train",
            "Closer to training",
            "Part of the synthetic sequences that lie closer to a training sequence than to any of equally much that was held \
             out. Half is right; more: copied, or, of a long series, the series is not like itself later. Beside it the same of \
             held-out sequences.",
        )
    };
    let Some(c) = closer else { return vec![named(Line::missing("needs held-out series"))] };
    let at = |part: f64| 0.5 + part * (c.copier - 0.5);
    // Whole sequences of other keys are like training ones. A long series is closer to its own span, and as far as held-out windows
    // are closer to theirs, or farther from it.
    let is_long = report.counts.window.is_some();
    // A bound that is exceeded once in two hundred times: 2.576 deviations in place of 1.96.
    let low = |s: &Estimate| s.value - (s.value - s.low()) * 2.576 / 1.96;
    let drift = c.holdout.filter(|_| is_long).map_or(0.5, |h| h.value.max(1.0 - h.value));
    let (verdict, mark) = match &c.synthetic {
        s if s.low() <= 0.5 && s.high() >= c.copier => TOO_FEW,
        s if low(s) <= at(0.02) => ("no sign of copying", Mark::Good),
        s if low(s) <= drift || drift >= at(0.7) => ("drift may do this: see too close", Mark::Plain),
        s if low(s) <= at(0.2) || is_long && low(s) <= at(0.7) => ("leans towards training series", Mark::Fair),
        _ => ("repeats training series", Mark::Poor),
    };
    let found = Line::estimate(&c.synthetic, Some(c.holdout.map_or(0.5, |h| h.value)), percent).judged(verdict, mark);
    let copier = Line::new(percent(c.copier), None).named(
        "copier_share",
        "If all were copied",
        "What that part would be of a generator that does nothing but copy.",
    );
    vec![named(found), copier]
}

/// Three figures or so.
pub(super) fn figures(x: f64) -> String {
    match x.abs() {
        a if a >= 100.0 => format!("{x:.0}"),
        a if a >= 1.0 => format!("{x:.2}"),
        a if a >= 0.001 || a == 0.0 => format!("{x:.4}"),
        _ => format!("{x:.1e}"),
    }
}
