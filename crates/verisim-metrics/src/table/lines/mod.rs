//! The report as the lines that people read: a score, its interval, what real rows score, a verdict. The text
//! and the page show the same lines.

mod minority;
mod privacy;
mod tables;
mod validity;
mod verdict;

use verisim_data::number::{grouped, percent, three};

use super::report::{Report, Section};
use crate::document::{Group, Line, Mark};
use verdict::{detection_verdict, fresh_line};

impl Report {
    /// The lines of the report, in reading order.
    pub(super) fn groups(&self) -> Vec<Group> {
        let mut groups = vec![
            Group::new("Fidelity", self.fidelity_lines()),
            Group::new(self.utility_title(), self.utility_lines()),
            Group::new("Minorities", self.minority_lines()),
            Group::new("Privacy", self.privacy_lines()),
            Group::new("Validity", self.validity_lines()),
        ];
        let tables = self.table_lines();
        if !tables.is_empty() {
            groups.insert(0, Group::new("The tables", tables));
        }
        groups
    }

    fn fidelity_lines(&self) -> Vec<Line> {
        let f = &self.fidelity;
        let floor = self.detection.boosted_auc_holdout.done();
        let (rows, held) = (self.rows.synthetic, self.rows.holdout.unwrap_or(0));
        let boosted = match &self.detection.boosted_auc {
            Section::Done(auc) => {
                let (verdict, mark) = self.training_verdict(auc);
                Line::estimate(auc, floor.map(|c| c.value), three).judged(verdict, mark)
            }
            Section::Skipped { skipped } => Line::missing(skipped),
        };
        let unseen = match &self.detection.boosted_auc_unseen {
            Section::Done(auc) => {
                let (verdict, mark) = detection_verdict(auc, floor, rows.min(held));
                self.by_holdout(Line::estimate(auc, Some(0.5), three).judged(verdict, mark))
            }
            Section::Skipped { skipped } => Line::missing(skipped),
        };
        let linear = match &self.detection.logistic {
            Section::Done(test) => {
                let floor = self.detection.logistic_holdout.done();
                let (verdict, mark) = detection_verdict(&test.auc, floor.map(|c| &c.auc), rows.min(self.rows.train));
                Line::estimate(&test.auc, floor.map(|c| c.auc.value), three).judged(verdict, mark)
            }
            Section::Skipped { skipped } => Line::missing(skipped),
        };
        vec![
            self.by_holdout(fresh_line(f.column_shapes, f.column_shapes_fresh)).named(
                "column_shapes",
                "Column shapes",
                "How well each column's distribution matches the training table: one minus the \
                 Kolmogorov-Smirnov distance (numbers) or the total variation distance (categories), averaged.",
            ),
            self.by_holdout(fresh_line(f.pair_trends, f.pair_trends_fresh)).named(
                "pair_trends",
                "Pair trends",
                "How well each pair of columns goes together as in the training table: correlations and \
                 contingency tables compared, averaged over all pairs, or over 20,000 of them where there are more.",
            ),
            boosted.named(
                "boosted_auc",
                "Boosted two-sample AUC",
                "Boosted trees try to tell training rows from synthetic ones. 0.5: they cannot; 1: they always can. \
                 The sharpest single measure of fidelity, and the one that is published. Values that follow the training \
                 rows bring it below 0.5.",
            ),
            unseen.named(
                "boosted_auc_unseen",
                "The same against unseen rows",
                "The same with hold-out rows in place of training rows. What was learnt from the training rows does not \
                 help here: a copy and a perfect generator both score 0.5, columns that were shuffled apart do not.",
            ),
            linear.named(
                "logistic_auc",
                "Linear two-sample AUC",
                "Logistic regression tries to tell training rows from synthetic ones. It sees single columns only, so it \
                 passes tables whose columns were shuffled apart; read the boosted tests first.",
            ),
        ]
    }

    fn utility_title(&self) -> String {
        match &self.utility {
            Section::Done(u) => format!("Utility: predicting {}", u.target),
            Section::Skipped { .. } => "Utility".to_owned(),
        }
    }

    fn utility_lines(&self) -> Vec<Line> {
        let u = match &self.utility {
            Section::Done(u) => u,
            Section::Skipped { skipped } => {
                return vec![Line::missing(skipped).named(
                    "utility",
                    "Train on synthetic",
                    "A model trained on synthetic rows and scored on real rows it never saw.",
                )];
            }
        };
        let name = match u.metric {
            "roc_auc" => "AUC",
            "macro_roc_auc" => "macro AUC",
            _ => "R²",
        };
        let (real, synthetic) = (&u.trained_on_real, &u.trained_on_synthetic);
        // The interval reaches 1.96 standard deviations to either side.
        let far = 1.96 * u.gap.value / (u.gap.high() - u.gap.value);
        let (verdict, mark) = match u.gap.value {
            g if g <= 0.01 || !far.is_nan() && far <= 2.33 => ("as useful as real rows", Mark::Good),
            g if g <= 0.03 => ("nearly as useful as real rows", Mark::Good),
            g if g <= 0.1 || far < 4.0 => ("less useful than real rows", Mark::Fair),
            _ => ("a poor stand-in for real rows", Mark::Poor),
        };
        let mut lines = vec![
            self.by_holdout(Line::estimate(&synthetic.score, Some(real.score.value), three).judged(verdict, mark))
                .named(
                    "utility",
                    format!("Train on synthetic, {name}"),
                    "Boosted trees trained on synthetic rows and scored on the hold-out; beside it the same trees \
                 trained on the real training rows, on as many where there are fewer synthetic ones.",
                ),
        ];
        if let (Some(a), Some(b)) = (synthetic.accuracy, real.accuracy) {
            lines.push(Line::new(percent(a), Some(percent(b))).named(
                "accuracy",
                "Its accuracy",
                "Share of hold-out rows classified right.",
            ));
        }
        if let (Some(a), Some(b)) = (synthetic.rmse, real.rmse) {
            lines.push(Line::new(short(a), Some(short(b))).named(
                "rmse",
                "Its RMSE",
                "Root mean squared error on the hold-out.",
            ));
        }
        let gap = Line::estimate(&u.gap, None, three);
        lines.push(gap.named("utility_gap", "Lost against real", "Real minus synthetic on the same hold-out rows."));
        lines
    }
}

/// About four figures of an error, which is never negative.
fn short(x: f64) -> String {
    match x {
        x if x >= 1000.0 => grouped(x.round() as u64),
        x if x >= 1.0 => format!("{x:.2}"),
        _ => format!("{x:.4}"),
    }
}
