//! From a score and what fresh real rows score to a verdict.

use verisim_data::number::percent;

use super::super::report::{Fresh, Report, Way};
use crate::document::{Line, Mark};
use crate::{Count, Estimate};

/// A verdict that is not good is given where fresh real rows would score so badly less often than this.
pub(super) const DOUBT: f64 = 0.01;
/// A poor one, where they would less often than this.
pub(super) const SURE: f64 = 1e-4;

/// Fewer rows of either table are perfectly told apart by chance, and no interval says so.
pub(super) const FEW_ROWS: usize = 30;

/// Judges a share of rows that ought not to be there, beside that of fresh real rows.
pub(super) fn more_verdict(share: Count, fresh: Option<Count>) -> (&'static str, Mark) {
    let real = fresh.unwrap_or_default();
    match (share.chance_of_more(real), share.rate() - real.rate()) {
        _ if share.hits == 0 => ("none", Mark::Good),
        _ if fresh.is_none() => ("too few rows to tell", Mark::Plain),
        (p, _) if p > DOUBT => ("no more than real rows", Mark::Good),
        (p, above) if p < SURE && above >= 0.01 => ("many more than real rows", Mark::Poor),
        _ => ("more than real rows", Mark::Fair),
    }
}

/// Shapes and trends fall with the number of rows, so the verdict looks at as many synthetic as fresh real rows.
pub(super) fn fresh_line(score: Option<f64>, fresh: Option<Fresh>) -> Line {
    let Some(score) = score else {
        return Line::missing("nothing to score");
    };
    let (verdict, mark) = match fresh {
        None => ("too few rows to tell", Mark::Plain),
        Some(f) if f.distance() <= f.doubt() => ("as close as real rows", Mark::Good),
        Some(f) if f.excess() <= 0.01 || score >= 0.98 => ("close", Mark::Good),
        Some(f) if f.excess() <= 0.04 => ("fairly close", Mark::Fair),
        Some(f) if f.excess() <= 0.1 || f.distance() < 2.0 * f.doubt() => ("visibly off", Mark::Fair),
        Some(_) => ("far off", Mark::Poor),
    };
    let line = Line::new(percent(score), fresh.map(|f| percent(f.value))).judged(verdict, mark);
    match fresh {
        Some(f) => {
            // Where fresh real rows lie 95 times in 100.
            let ends = [f.value - 1.96 * f.deviation, f.value + 1.96 * f.deviation].map(|x| percent(x.clamp(0.0, 1.0)));
            Line { interval: String::new(), floor: format!("{} to {}", ends[0], ends[1]), ..line }
        }
        None => line,
    }
}

/// Judges an AUC beside that of fresh real rows.
pub(super) fn detection_verdict(auc: &Estimate, floor: Option<&Estimate>, rows: usize) -> (&'static str, Mark) {
    if rows < FEW_ROWS {
        return ("too few rows to tell", Mark::Plain);
    }
    let real = floor.map_or(0.5, Estimate::high);
    match auc {
        a if a.high() < 0.47 => ("below chance", Mark::Plain),
        a if a.low() <= 0.51 => ("indistinguishable", Mark::Good),
        a if a.low() <= real => ("no easier than real rows", Mark::Good),
        a if a.value <= 0.6 => ("hard to tell apart", Mark::Good),
        a if a.value <= 0.8 || a.low() <= 0.6 => ("detectable", Mark::Fair),
        _ => ("easily told apart", Mark::Poor),
    }
}

impl Report {
    /// Judges the AUC against training rows, which values that follow them bring below a half.
    pub(super) fn training_verdict(&self, auc: &Estimate) -> (&'static str, Mark) {
        if auc.high() >= 0.49 {
            return detection_verdict(
                auc,
                self.detection.boosted_auc_holdout.done(),
                self.rows.synthetic.min(self.rows.train),
            );
        }
        let copies = self.privacy.matches.synthetic_in_train.chance_of_more(self.coincidences()[0]) < SURE;
        let leans = self.privacy.distance.done().is_some_and(|d| way_verdict(&d.way).1 == Mark::Poor);
        match (copies || leans, self.detection.boosted_auc_unseen.done()) {
            (true, _) => ("below chance: real rows come back", Mark::Poor),
            (false, Some(_)) => ("below chance: values follow training; see unseen rows", Mark::Plain),
            (false, None) => ("below chance: values follow training; needs a hold-out", Mark::Plain),
        }
    }
}

/// Judges how far a table is on its way to a copy.
pub(super) fn way_verdict(way: &Way) -> (&'static str, Mark) {
    let gone = &way.gone;
    let far = gone.value / way.deviation;
    match gone.value {
        _ if !far.is_finite() => ("too few rows to tell", Mark::Plain),
        g if far > 4.0 && g >= 0.2 => ("repeats training rows", Mark::Poor),
        g if far < -4.0 && g <= -0.2 => ("repeats unseen rows", Mark::Poor),
        _ if gone.low() > 0.02 => ("leans towards training rows", Mark::Fair),
        _ if gone.high() < -0.1 => ("leans towards unseen rows", Mark::Fair),
        _ if gone.high() > 0.5 => ("too few rows to tell", Mark::Plain),
        _ => ("no sign of copying", Mark::Good),
    }
}
