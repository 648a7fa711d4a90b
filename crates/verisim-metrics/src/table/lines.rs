//! The report as the lines that people read: a score, its interval, what real rows score, a verdict. The text
//! and the page show the same lines.

use verisim_data::number::{grouped, percent, three};

use super::report::{ColumnReport, Report, Section};
use crate::Estimate;
use crate::document::{Group, Line, Mark};

impl Report {
    /// The lines of the report, in reading order.
    pub(super) fn groups(&self) -> Vec<Group> {
        vec![
            Group::new("Fidelity", self.fidelity_lines()),
            Group::new(self.utility_title(), self.utility_lines()),
            Group::new("Privacy", self.privacy_lines()),
            Group::new("Validity", self.validity_lines()),
        ]
    }

    fn fidelity_lines(&self) -> Vec<Line> {
        let f = &self.fidelity;
        let boosted = match &self.detection.boosted_auc {
            Section::Done(auc) => {
                let (verdict, mark) = detection_verdict(auc);
                let floor = self.detection.boosted_auc_holdout.done();
                Line::estimate(auc, floor.map(|c| c.value), three).judged(verdict, mark)
            }
            Section::Skipped { skipped } => Line::missing(skipped),
        };
        let linear = match &self.detection.logistic {
            Section::Done(test) => {
                let (verdict, mark) = detection_verdict(&test.auc);
                let floor = self.detection.logistic_holdout.done();
                Line::estimate(&test.auc, floor.map(|c| c.auc.value), three).judged(verdict, mark)
            }
            Section::Skipped { skipped } => Line::missing(skipped),
        };
        vec![
            error_line(f.column_shapes, f.column_shapes_holdout).named(
                "column_shapes",
                "Column shapes",
                "How well each column's distribution matches the training table: one minus the \
                 Kolmogorov-Smirnov distance (numbers) or the total variation distance (categories), averaged.",
            ),
            error_line(f.pair_trends, f.pair_trends_holdout).named(
                "pair_trends",
                "Pair trends",
                "How well each pair of columns goes together as in the training table: correlations and \
                 contingency tables compared, averaged over all pairs, or over 20,000 of them where there are more.",
            ),
            boosted.named(
                "boosted_auc",
                "Boosted two-sample AUC",
                "Boosted trees try to tell real rows from synthetic ones. 0.5: they cannot; 1: they always can. \
                 The sharpest single measure of fidelity.",
            ),
            linear.named(
                "logistic_auc",
                "Linear two-sample AUC",
                "The same with logistic regression. It sees single columns only, so it passes tables \
                 whose columns were shuffled apart; read the boosted test first.",
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
        let (verdict, mark) = match u.gap.value {
            g if g <= 0.01 || u.gap.low() <= 0.0 => ("as useful as real rows", Mark::Good),
            g if g <= 0.03 => ("nearly as useful as real rows", Mark::Good),
            g if g <= 0.1 => ("less useful than real rows", Mark::Fair),
            _ => ("a poor stand-in for real rows", Mark::Poor),
        };
        let mut lines =
            vec![Line::estimate(&synthetic.score, Some(real.score.value), three).judged(verdict, mark).named(
                "utility",
                format!("Train on synthetic, {name}"),
                "Boosted trees trained on synthetic rows and scored on the hold-out; beside it the same trees \
                 trained on the real training rows.",
            )];
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

    fn privacy_lines(&self) -> Vec<Line> {
        let mut lines = self.distance_lines();
        lines.extend(self.match_lines());
        lines
    }

    fn distance_lines(&self) -> Vec<Line> {
        let closer = |line: Line| {
            line.named(
                "closer_to_train",
                "Closer to training",
                "Part of the synthetic rows that lie closer to a training row than to any of equally many \
                 unseen rows. Half is right; more means that training rows were copied or leaned on.",
            )
        };
        let d = match &self.privacy.distance {
            Section::Done(d) => d,
            Section::Skipped { skipped } => return vec![closer(Line::missing(skipped))],
        };
        let share = &d.share_closer_to_train;
        let (verdict, mark) = match share {
            s if s.low() <= 0.51 => ("no sign of copying", Mark::Good),
            s if s.value <= 0.55 => ("leans towards training rows", Mark::Fair),
            _ => ("repeats training rows", Mark::Poor),
        };
        vec![
            closer(Line::estimate(share, Some(0.5), percent).judged(verdict, mark)),
            Line::new(three(d.median_to_train), Some(three(d.median_to_holdout))).named(
                "median_distance",
                "Median distance",
                "Median distance of a synthetic row to its closest training row; beside it to its closest unseen \
                 row.",
            ),
            Line::new(three(d.p05_to_train), Some(three(d.p05_to_holdout))).named(
                "closest_twentieth",
                "5 % are within",
                "The same for the closest twentieth of the rows.",
            ),
        ]
    }

    fn match_lines(&self) -> [Line; 2] {
        let m = &self.privacy.matches;
        let (rate, real) = (&m.synthetic_in_train, m.holdout_in_train);
        let (verdict, mark) = match real {
            _ if rate.value == 0.0 => ("none", Mark::Good),
            Some(real) if rate.low() <= real.high() => ("no more than real rows do", Mark::Good),
            Some(real) if rate.value <= 2.0 * real.value => ("more than real rows do", Mark::Fair),
            Some(_) => ("many more than real rows do", Mark::Poor),
            None => ("needs a hold-out to judge", Mark::Plain),
        };
        [
            Line::estimate(rate, real.map(|r| r.value), percent).judged(verdict, mark).named(
                "exact_copies",
                "Exact copies",
                "Part of the synthetic rows that equal a training row in every column; beside it the same for \
                 unseen real rows, which coincide by chance.",
            ),
            Line::new(percent(m.synthetic_repeated), Some(percent(m.train_repeated))).named(
                "repeated_rows",
                "Repeated rows",
                "Part of the synthetic rows that repeat another synthetic row; beside it the same within training.",
            ),
        ]
    }

    fn validity_lines(&self) -> Vec<Line> {
        let judge = |share: f64| match share {
            0.0 => ("none", Mark::Good),
            s if s < 0.01 => ("a few", Mark::Fair),
            _ => ("many", Mark::Poor),
        };
        let line = |share: f64, id, label: &str, meaning| {
            let (verdict, mark) = judge(share);
            Line::new(percent(share), None).judged(verdict, mark).named(id, label, meaning)
        };
        let gap = |c: &ColumnReport| (c.missing_synthetic - c.missing_train).abs();
        let worst = self.columns.iter().max_by(|a, b| gap(a).total_cmp(&gap(b)));
        let missing = match worst {
            Some(c) if gap(c) > 0.0 => {
                let value = format!("{:.2} pt", 100.0 * gap(c));
                let mark = if gap(c) < 0.01 { Mark::Good } else { Mark::Fair };
                Line::new(value, None).judged(format!("in {}", c.name), mark)
            }
            _ => Line::new("0.00 pt".to_owned(), None).judged("none", Mark::Good),
        };
        let v = &self.violations;
        vec![
            line(
                v.rows_out_of_range,
                "out_of_range",
                "Rows out of range",
                "Synthetic rows with a number below the training minimum or above the maximum.",
            ),
            line(
                v.rows_with_unseen_level,
                "unseen_level",
                "Rows with unseen level",
                "Synthetic rows with a category that no training row has.",
            ),
            missing.named(
                "missing_gap",
                "Missing-rate gap",
                "The largest difference between a column's shares of missing values.",
            ),
        ]
    }
}

/// Shapes and trends saturate near 1, so the verdict looks at the error beside that of real rows.
fn error_line(score: Option<f64>, floor: Option<f64>) -> Line {
    let Some(score) = score else {
        return Line::missing("nothing to score");
    };
    let error = 1.0 - score;
    let (verdict, mark) = match (error, floor.map(|c| 1.0 - c)) {
        (e, Some(real)) if e <= 1.25 * real => ("as close as real rows", Mark::Good),
        (e, _) if e <= 0.02 => ("close", Mark::Good),
        (e, _) if e <= 0.05 => ("fairly close", Mark::Fair),
        (e, _) if e <= 0.1 => ("visibly off", Mark::Fair),
        _ => ("far off", Mark::Poor),
    };
    Line::new(percent(score), floor.map(percent)).judged(verdict, mark)
}

fn detection_verdict(auc: &Estimate) -> (&'static str, Mark) {
    match auc {
        a if a.high() < 0.49 => ("below chance: real rows come back", Mark::Poor),
        a if a.low() <= 0.51 => ("indistinguishable", Mark::Good),
        a if a.value <= 0.6 => ("hard to tell apart", Mark::Good),
        a if a.value <= 0.8 => ("detectable", Mark::Fair),
        _ => ("easily told apart", Mark::Poor),
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
