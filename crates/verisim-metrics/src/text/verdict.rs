//! From a score and what fresh real texts score to a verdict. None that is not good is given where fresh real texts would score so less
//! than once in a hundred times.

use super::shape::Scored;
use super::talk::Counted;
use crate::document::Mark;
use crate::{Count, Estimate};

pub(super) type Verdict = (&'static str, Mark);

/// A verdict that is not good is given where fresh real texts would score so badly less often than this.
pub(super) const DOUBT: f64 = 0.01;
/// A poor one on copies, where they would less often than this.
pub(super) const SURE: f64 = 1e-4;
/// Fewer texts a side say nothing.
pub(super) const FEW: usize = 30;
pub(super) const TOO_FEW: Verdict = ("too few texts to tell", Mark::Plain);
/// A distance within so many times that of real texts is close, and within so many not far off.
const TIMES: [f64; 2] = [1.5, 3.0];

/// Judges a distance, of which less is better; `little` is too little to speak of.
pub(super) fn distance(score: &Scored, little: f64, texts: usize) -> Verdict {
    let within = |times: f64| score.value <= times * score.floor.max(little);
    match score {
        _ if texts < FEW => TOO_FEW,
        s if s.chance > DOUBT || s.value <= s.floor => ("as close as real texts", Mark::Good),
        _ if score.value <= little || within(TIMES[0]) => ("close", Mark::Good),
        _ if within(TIMES[1]) => ("off", Mark::Fair),
        _ => ("far off", Mark::Poor),
    }
}

/// What a score that may lie off either way is called: below, above.
pub(super) type Ways = [&'static str; 2];

/// Judges a score that ought to be what real texts score: `close` and `fair` say how far off it may be.
pub(super) fn same(score: &Scored, far: f64, [close, fair]: [f64; 2], ways: Ways, texts: usize) -> Verdict {
    let way = ways[usize::from(score.value > score.floor)];
    match far {
        _ if texts < FEW => TOO_FEW,
        _ if score.chance > DOUBT => ("as real texts", Mark::Good),
        f if f <= close => ("close", Mark::Good),
        f if f <= fair => (way, Mark::Fair),
        _ => (way, Mark::Poor),
    }
}

/// Judges a perplexity, of which a part more or less counts.
pub(super) fn perplexity(score: &Scored, ways: Ways, texts: usize) -> Verdict {
    same(score, (score.value / score.floor).ln().abs(), [0.03, 0.2], ways, texts)
}

/// Judges a perplexity of which less is better.
pub(super) fn lower_perplexity(score: &Scored, texts: usize) -> Verdict {
    match score.value <= score.floor {
        true if texts >= FEW => ("as real texts", Mark::Good),
        _ => perplexity(score, ["", "something is missing"], texts),
    }
}

/// Judges a share of texts that ought not to be there, beside that of fresh real ones.
pub(super) fn more(share: Count, real: Count, chance: f64) -> Verdict {
    match (chance, share.rate() - real.rate()) {
        _ if share.hits == 0 => ("none", Mark::Good),
        (p, _) if p > DOUBT => ("no more than real texts", Mark::Good),
        (p, above) if p < SURE && above >= 0.01 => ("many more than real texts", Mark::Poor),
        _ => ("more than real texts", Mark::Fair),
    }
}

/// Judges a share of conversations that ought to be as it is among real ones: fewer are worse, or, of what `is_bad`, more.
pub(super) fn share(of: &Counted, is_bad: bool) -> Verdict {
    let (found, real) = (of.synthetic, of.fresh);
    let chance = if is_bad { found.chance_of_more(real) } else { found.chance_of_fewer(real) };
    let off = (found.rate() - real.rate()).abs();
    match chance {
        p if p > DOUBT => ("as real conversations", Mark::Good),
        _ if off <= 0.01 => ("nearly as real conversations", Mark::Good),
        p if p < SURE && off > 0.05 => ("often wrong", Mark::Poor),
        _ => ("sometimes wrong", Mark::Fair),
    }
}

/// Judges an AUC beside that of fresh real texts.
pub(super) fn told(found: &Estimate, real: &Estimate, texts: usize) -> Verdict {
    match found {
        _ if texts < FEW => TOO_FEW,
        a if a.high() < real.low() && a.high() < 0.48 => {
            // Real texts repeat each other as well: what counts is by how much more synthetic ones do.
            let is_far = real.value.min(0.5) - a.value > 0.1;
            ("below chance: repeats real texts", if is_far { Mark::Poor } else { Mark::Fair })
        }
        a if a.low() <= 0.51 => ("indistinguishable", Mark::Good),
        a if a.low() <= real.high() => ("no easier than real texts", Mark::Good),
        a if a.value <= 0.6 => ("hard to tell apart", Mark::Good),
        a if a.value <= 0.8 => ("detectable", Mark::Fair),
        _ => ("easily told apart", Mark::Poor),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_called_off_that_chance_explains() {
        let scored = |value, floor, chance| Scored { value, floor, chance };
        assert_eq!(distance(&scored(0.9, 0.1, 0.02), 0.01, 100).1, Mark::Good);
        assert_eq!(distance(&scored(0.9, 0.1, 0.005), 0.01, 100).1, Mark::Poor);
        assert_eq!(distance(&scored(0.9, 0.1, 0.005), 0.01, 10).1, Mark::Plain);
        assert_eq!(distance(&scored(0.2, 0.1, 0.005), 0.01, 100).1, Mark::Fair);
        assert_eq!(perplexity(&scored(2.0, 4.0, 0.005), ["low", "high"], 100), ("low", Mark::Poor));
        assert_eq!(perplexity(&scored(4.4, 4.0, 0.005), ["low", "high"], 100), ("high", Mark::Fair));
        assert_eq!(lower_perplexity(&scored(3.0, 4.0, 0.001), 100).1, Mark::Good);
        assert_eq!(more(Count { hits: 9, rows: 10 }, Count { hits: 0, rows: 10 }, 1e-5).1, Mark::Poor);
        assert_eq!(more(Count { hits: 0, rows: 10 }, Count { hits: 0, rows: 10 }, 1.0).0, "none");
        let auc = |value: f64| Estimate { value, interval: Some([value - 0.02, value + 0.02]) };
        let judged = [0.26, 0.46, 0.5, 0.55, 0.7, 0.95].map(|a| told(&auc(a), &auc(0.48), 100).1);
        use Mark::{Fair, Good, Poor};
        assert_eq!(judged, [Poor, Good, Good, Good, Fair, Poor]);
    }
}
