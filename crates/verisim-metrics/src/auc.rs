//! Area under the ROC curve with ties, and how far chance moves it.

/// An estimate with the share of its error that each row brings: `sum(influence^2)` is its variance. Keeping
/// the influences lets estimates on the same rows be averaged or subtracted without assuming independence.
#[derive(Clone, Debug)]
pub(crate) struct Influenced {
    pub value: f64,
    pub influence: Vec<f64>,
}

impl Influenced {
    /// Standard error.
    pub fn error(&self) -> f64 {
        self.influence.iter().map(|x| x * x).sum::<f64>().sqrt()
    }

    /// `self - other`, both on the same rows.
    pub fn minus(&self, other: &Influenced) -> Influenced {
        let influence = self.influence.iter().zip(&other.influence).map(|(a, b)| a - b).collect();
        Influenced { value: self.value - other.value, influence }
    }

    /// The mean of estimates on the same rows; `None` of none.
    pub fn mean(all: &[Influenced]) -> Option<Influenced> {
        let k = all.len() as f64;
        let mut influence = vec![0.0; all.first()?.influence.len()];
        for one in all {
            influence.iter_mut().zip(&one.influence).for_each(|(s, x)| *s += x / k);
        }
        Some(Influenced { value: all.iter().map(|a| a.value).sum::<f64>() / k, influence })
    }
}

/// The chance that a positive row scores higher than a negative one, ties counting half, with DeLong's
/// variance (DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988). `None` unless both classes occur.
pub(crate) fn auc(scores: &[f64], positive: &[bool]) -> Option<Influenced> {
    let n1 = positive.iter().filter(|p| **p).count() as f64;
    let n0 = scores.len() as f64 - n1;
    if n1 == 0.0 || n0 == 0.0 {
        return None;
    }
    let mut order: Vec<u32> = (0..scores.len() as u32).collect();
    order.sort_unstable_by(|&a, &b| scores[a as usize].total_cmp(&scores[b as usize]).then(a.cmp(&b)));
    // For a positive row the share of negatives it beats, for a negative row the share of positives above it.
    let mut beats = vec![0.0; scores.len()];
    let (mut below1, mut below0) = (0.0, 0.0);
    for tied in order.chunk_by(|&a, &b| scores[a as usize] == scores[b as usize]) {
        let t1 = tied.iter().filter(|&&i| positive[i as usize]).count() as f64;
        let t0 = tied.len() as f64 - t1;
        for &i in tied {
            beats[i as usize] = match positive[i as usize] {
                true => (below0 + t0 / 2.0) / n0,
                false => (n1 - below1 - t1 / 2.0) / n1,
            };
        }
        below1 += t1;
        below0 += t0;
    }
    let value = beats.iter().zip(positive).filter(|(_, p)| **p).map(|(b, _)| b).sum::<f64>() / n1;
    let weigh = |(b, &p): (&f64, &bool)| (b - value) / if p { n1 } else { n0 };
    Some(Influenced { value, influence: beats.iter().zip(positive).map(weigh).collect() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ties_count_half() {
        // Positives 3, 2; negatives 2, 1: wins 1 + 1 + 1/2 + 1 of four.
        let a = auc(&[3.0, 2.0, 2.0, 1.0], &[true, true, false, false]).unwrap();
        assert_eq!(a.value, 0.875);
        // V10 = (1, 3/4), V01 = (3/4, 1): variance 2 * (1/8)^2 / 4 for each side.
        assert!((a.error().powi(2) - 2.0 * (2.0 * 0.125_f64.powi(2) / 4.0)).abs() < 1e-15);
    }

    #[test]
    fn extremes() {
        let y = [false, true];
        assert_eq!(auc(&[0.0, 1.0], &y).unwrap().value, 1.0);
        assert_eq!(auc(&[1.0, 0.0], &y).unwrap().value, 0.0);
        assert_eq!(auc(&[1.0, 1.0], &y).unwrap().value, 0.5);
        assert!(auc(&[1.0, 2.0], &[true, true]).is_none());
    }

    #[test]
    fn equal_estimates_differ_by_nothing() {
        let a = auc(&[3.0, 2.0, 2.0, 1.0], &[true, false, true, false]).unwrap();
        let gap = a.minus(&Influenced::mean(&[a.clone(), a.clone()]).unwrap());
        assert_eq!((gap.value, gap.error()), (0.0, 0.0));
    }
}
