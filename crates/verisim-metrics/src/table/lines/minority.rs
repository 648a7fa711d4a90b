//! Lines on what is rare: still there, as often, and as it was?

use verisim_data::number::{grouped, percent};

use super::super::minority::report::{Group, Likeness};
use super::super::report::Report;
use super::verdict::{DOUBT, SURE};
use crate::Count;
use crate::document::{Line, Mark};

impl Report {
    pub(super) fn minority_lines(&self) -> Vec<Line> {
        let m = &self.minorities;
        // Rows that are rare because no training row is like them are not what is rare in training.
        let known = |rare: Count, unseen: Count| Count::new(rare.hits - unseen.hits, rare.rows);
        let synthetic = known(m.rare.synthetic, m.rare.unseen_synthetic);
        let real = m.rare.holdout.zip(m.rare.unseen_holdout).map(|(rare, unseen)| known(rare, unseen));
        let rare = match real {
            Some(real) => {
                let (verdict, mark) = rare_verdict(synthetic, real);
                self.by_holdout(Line::estimate(&synthetic.share(), Some(real.rate()), percent).judged(verdict, mark))
            }
            None => Line::missing("too few rows"),
        };
        let combinations = &m.combinations;
        let mut lines = vec![
            rare.named(
                "rare_rows",
                "Rarest tenth",
                "Part of the synthetic rows that are as rare as the rarest tenth of the training rows, by the frequencies of \
                 their values and of pairs that go together, and hold none that no training row has; beside it the same for \
                 fresh real rows.",
            ),
            likeness_line(m.rare.likeness).named(
                "rare_shapes",
                "Their column shapes",
                "Column shapes within these rows alone; beside them those of as many unseen real rows.",
            ),
            Line::new(percent(combinations.synthetic.rate()), combinations.holdout.map(|h| percent(h.rate()))).named(
                "rare_combinations",
                "Rare combinations",
                "Part of the pairs of values that 2 to 10 training rows have which some synthetic row has; beside it the same \
                 for as many unseen real rows.",
            ),
            self.lost_line(),
        ];
        lines.extend(self.group_line());
        lines
    }

    /// Levels that are common enough to be missed.
    fn lost_line(&self) -> Line {
        let lost = &self.minorities.lost;
        let (verdict, mark) = match lost.levels.first() {
            None => ("none".to_owned(), Mark::Good),
            Some(first) => {
                let rows = grouped(first.train as u64);
                let also = lost.holdout.is_some_and(|h| h.hits >= lost.synthetic.hits);
                let mark = if also { Mark::Fair } else { Mark::Poor };
                (format!("{} = {}, {rows} rows of training", first.column, first.level), mark)
            }
        };
        let count = |c: Count| grouped(c.hits as u64);
        Line::new(count(lost.synthetic), lost.holdout.map(count)).judged(verdict, mark).named(
            "lost_levels",
            "Lost levels",
            "Levels that a table of so many rows should have, all but for one chance in a million, and that no synthetic row has.",
        )
    }

    /// The group whose share differs most surely, of those of the target and of the columns that were named.
    fn group_line(&self) -> Option<Line> {
        let groups = &self.minorities.groups;
        // Two sides, and as many looks as there are groups.
        let looks = 2.0 * groups.len() as f64;
        let chance = |g: &Group| looks * g.synthetic.chance_of_more(g.train).min(g.synthetic.chance_of_fewer(g.train));
        let worst = groups.iter().min_by(|a, b| chance(a).total_cmp(&chance(b)))?;
        let ratio = worst.synthetic.rate() / worst.train.rate();
        let name = format!("{} = {}", worst.column, worst.level);
        let (verdict, mark) = match chance(worst) {
            p if p > DOUBT || (0.9..=1.1).contains(&ratio) => ("as large as in training".to_owned(), Mark::Good),
            p if p < SURE && !(0.5..=2.0).contains(&ratio) => {
                (format!("{ratio:.2} times as large: {name}"), Mark::Poor)
            }
            _ => (format!("{ratio:.2} times as large: {name}"), Mark::Fair),
        };
        Some(Line::estimate(&worst.synthetic.share(), Some(worst.train.rate()), percent).judged(verdict, mark).named(
            "groups",
            "Groups",
            "The share of the group that differs most surely from its share in training, which stands beside it: levels of the \
             target and of the columns that were named, or quarters of their numbers.",
        ))
    }
}

fn likeness_line(likeness: Option<Likeness>) -> Line {
    match likeness {
        Some(l) => Line::new(percent(l.score), l.floor.map(percent)),
        None => Line::missing("too few rows"),
    }
}

/// Judges how many rare rows there are, beside how many there should be.
fn rare_verdict(share: Count, real: Count) -> (&'static str, Mark) {
    let ratio = share.rate() / real.rate();
    let (fewer, more) = (2.0 * share.chance_of_fewer(real), 2.0 * share.chance_of_more(real));
    match fewer.min(more) {
        _ if real.hits == 0 => ("all rows are equally rare", Mark::Plain),
        p if p > DOUBT || (0.8..=1.25).contains(&ratio) => ("as many as real rows", Mark::Good),
        p if p < SURE && ratio < 0.5 => ("most rare rows are gone", Mark::Poor),
        p if p < SURE && ratio > 2.0 => ("many more than real rows", Mark::Poor),
        _ if ratio < 1.0 => ("fewer than real rows", Mark::Fair),
        _ => ("more than real rows", Mark::Fair),
    }
}
