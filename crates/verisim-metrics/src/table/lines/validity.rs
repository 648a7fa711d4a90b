//! Lines on values and rows that cannot be.

use verisim_data::number::percent;

use super::super::report::{ColumnReport, Report, Rule};
use super::verdict::{DOUBT, SURE, more_verdict};
use crate::Count;
use crate::document::{Line, Mark};

impl Report {
    pub(super) fn validity_lines(&self) -> Vec<Line> {
        let v = &self.violations;
        let line = |share: Count, fresh: Option<Count>, id, label: &str, meaning| {
            let (verdict, mark) = more_verdict(share, fresh);
            Line::estimate(&share.share(), fresh.map(|f| f.rate()), percent)
                .judged(verdict, mark)
                .named(id, label, meaning)
        };
        let mut lines = vec![
            line(
                v.rows_out_of_range,
                v.rows_out_of_range_fresh,
                "out_of_range",
                "Rows out of range",
                "Synthetic rows with a number below the training minimum or above the maximum; beside it fresh real rows.",
            ),
            line(
                v.rows_with_unseen_level,
                v.rows_with_unseen_level_fresh,
                "unseen_level",
                "Rows with unseen level",
                "Synthetic rows with a category that no training row has; beside it fresh real rows.",
            ),
            self.missing_line().named(
                "missing_gap",
                "Missing-rate gap",
                "The largest difference between a column's shares of missing values.",
            ),
        ];
        lines.extend(self.foreign_line());
        lines.extend(self.rules_line());
        lines
    }

    /// The column of one value or none that holds most others; none where no such column does.
    fn foreign_line(&self) -> Option<Line> {
        let columns = self.not_compared.iter().filter_map(|c| Some((c, c.foreign?)));
        let (column, worst) = columns.max_by(|a, b| a.1.synthetic.rate().total_cmp(&b.1.synthetic.rate()))?;
        let (verdict, mark) = more_verdict(worst.synthetic, Some(worst.real));
        let verdict = match mark {
            Mark::Good => verdict.to_owned(),
            _ => format!("in {}, which has {} in training", column.name, column.why),
        };
        let line = Line::estimate(&worst.synthetic.share(), Some(worst.real.rate()), percent).judged(verdict, mark);
        (worst.synthetic.hits > 0).then(|| {
            line.named(
                "foreign_values",
                "Values out of nowhere",
                "Synthetic rows with a value in a column that has no value in training, or with another one where it has one \
                 value; beside it unseen real rows.",
            )
        })
    }

    /// Rows that break a rule, and the rule that is broken most surely; none where training keeps no rule.
    fn rules_line(&self) -> Option<Line> {
        let logic = &self.logic;
        let looks = logic.rules.len() as f64;
        let real = |rule: &Rule| rule.fresh.unwrap_or_default();
        let chance = |rule: &Rule| looks * rule.synthetic.chance_of_more(real(rule));
        let worst = logic.rules.iter().min_by(|a, b| chance(a).total_cmp(&chance(b)))?;
        let above = worst.synthetic.rate() - real(worst).rate();
        let (verdict, mark) = match chance(worst) {
            _ if worst.fresh.is_none() => ("too few rows to tell".to_owned(), Mark::Plain),
            _ if logic.synthetic.hits == 0 => ("none".to_owned(), Mark::Good),
            p if p > DOUBT => ("no more than real rows".to_owned(), Mark::Good),
            p if p < SURE && above >= 0.01 => (format!("broken: {}", worst.text), Mark::Poor),
            _ => (format!("broken now and then: {}", worst.text), Mark::Fair),
        };
        let line =
            Line::estimate(&logic.synthetic.share(), logic.fresh.map(|f| f.rate()), percent).judged(verdict, mark);
        Some(self.by_holdout(line).named(
            "broken_rules",
            "Rows that break rules",
            "Synthetic rows that break a rule which nearly all training rows keep: one column is never above another, is the sum or \
             the product of others, is told by another, is missing where another says so. Beside it fresh real rows; judged \
             by the rule that is broken most surely.",
        ))
    }

    /// The column whose shares of missing values differ most, of those that differ by more than chance.
    pub(super) fn missing_line(&self) -> Line {
        let gap = |c: &ColumnReport| (c.missing_synthetic.rate() - c.missing_train.rate()).abs();
        // Two sides, and as many looks as there are columns.
        let looks = 2.0 * self.columns.len() as f64;
        let chance = |c: &ColumnReport| {
            let (a, b) = (c.missing_synthetic, c.missing_train);
            looks * a.chance_of_more(b).min(a.chance_of_fewer(b))
        };
        let points = |c: &ColumnReport| Line::new(format!("{:.2} pt", 100.0 * gap(c)), None);
        let by_gap = |a: &&ColumnReport, b: &&ColumnReport| gap(a).total_cmp(&gap(b));
        if let Some(c) = self.columns.iter().filter(|c| chance(c) < DOUBT).max_by(by_gap) {
            let mark = match gap(c) {
                g if g < 0.01 => Mark::Good,
                g if g < 0.1 || chance(c) > SURE => Mark::Fair,
                _ => Mark::Poor,
            };
            return points(c).judged(format!("in {}", c.name), mark);
        }
        match self.columns.iter().max_by(by_gap) {
            Some(c) if gap(c) > 0.0 => points(c).judged("no more than chance", Mark::Good),
            _ => Line::new("0.00 pt".to_owned(), None).judged("none", Mark::Good),
        }
    }
}
