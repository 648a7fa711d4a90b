//! Lines on the tables themselves: where these are wrong, scores cannot mean what they say.

use verisim_data::number::{percent, three};

use super::super::report::Report;
use super::verdict::{FEW_ROWS, SURE};
use crate::document::{Line, Mark};

impl Report {
    /// What is wrong with the tables themselves, so that scores cannot mean what they say.
    pub(super) fn table_lines(&self) -> Vec<Line> {
        let once = &self.privacy.matches.once;
        let mut lines = Vec::new();
        if let Some(shared) = once.holdout_in_train
            && shared.chance_of_more(once.train_in_train) < SURE
        {
            lines.push(
                Line::estimate(&shared.share(), Some(once.train_in_train.rate()), percent)
                    .judged("the hold-out holds training rows: part the data anew", Mark::Poor)
                    .named(
                        "holdout_overlap",
                        "Hold-out rows that are training rows",
                        "Part of the hold-out that equals a training row which occurs once; beside it how often real rows \
                         do by chance. What the generator has seen cannot judge it: verdicts that need a hold-out are not given.",
                    ),
            );
        }
        if let (Some(held), Some(train)) = (once.synthetic_in_holdout, once.train_in_holdout)
            && held.chance_of_more(train) < SURE
            && !self.is_overlapping()
        {
            lines.push(
                Line::estimate(&held.share(), Some(train.rate()), percent)
                    .judged("hold-out rows come back: the generator has seen them", Mark::Poor)
                    .named(
                        "holdout_returns",
                        "Synthetic rows that are hold-out rows",
                        "Part of the synthetic rows that equal a hold-out row which occurs once; beside it how often training \
                         rows do.",
                    ),
            );
        }
        if let Some(auc) = self.detection.boosted_auc_holdout.done()
            && auc.low() > 0.55
            && self.rows.train.min(self.rows.holdout.unwrap_or(0)) >= FEW_ROWS
        {
            lines.push(
                Line::estimate(auc, Some(0.5), three)
                    .judged("the hold-out is another population: cut by time or by place?", Mark::Fair)
                    .named(
                        "holdout_population",
                        "Hold-out against training, AUC",
                        "Boosted trees tell hold-out rows from training rows. A hold-out drawn at random scores 0.5; beside \
                         another one, what is right looks wrong.",
                    ),
            );
        }
        lines
    }

    /// Whether the hold-out holds training rows, so that nothing can be judged by it.
    pub(super) fn is_overlapping(&self) -> bool {
        let once = &self.privacy.matches.once;
        once.holdout_in_train.is_some_and(|shared| {
            shared.chance_of_more(once.train_in_train) < SURE && shared.rate() > once.train_in_train.rate() + 0.02
        })
    }

    /// A line that is judged by the hold-out is not judged by one that the generator has seen.
    pub(super) fn by_holdout(&self, line: Line) -> Line {
        if self.is_overlapping() { line.judged("the hold-out holds training rows", Mark::Plain) } else { line }
    }
}
