//! Lines on what came back of the training rows.

use verisim_data::number::{grouped, percent, three};

use super::super::others::RUNNING;
use super::super::report::{Report, Section};
use super::verdict::{DOUBT, SURE, way_verdict};
use crate::Count;
use crate::document::{Line, Mark};

impl Report {
    pub(super) fn privacy_lines(&self) -> Vec<Line> {
        let mut lines = self.distance_lines();
        lines.extend(self.match_lines());
        lines.extend(self.returned_line());
        lines
    }

    /// The column of keys or text whose real values come back most surely; none where there is no such column.
    pub(super) fn returned_line(&self) -> Option<Line> {
        let columns = self.not_compared.iter().filter_map(|c| Some((c, c.returned?)));
        let looks = columns.clone().count() as f64;
        let (column, worst) = columns.min_by(|a, b| a.1.chance().total_cmp(&b.1.chance()))?;
        let real = worst.expected();
        let (verdict, mark) = match looks * worst.chance() {
            _ if worst.synthetic.hits == 0 => ("none".to_owned(), Mark::Good),
            p if p > DOUBT => ("no more than real rows do".to_owned(), Mark::Good),
            // A number that is counted on tells nothing of anybody, but rows of both tables cannot be put together.
            _ if column.why == RUNNING => (format!("running numbers of training in {}", column.name), Mark::Fair),
            p if p > SURE => (format!("real values in {}", column.name), Mark::Fair),
            _ => (format!("real values come back in {}", column.name), Mark::Poor),
        };
        Some(Line::estimate(&worst.synthetic.share(), Some(real.rate()), percent).judged(verdict, mark).named(
            "returned_values",
            "Real keys and texts",
            "Part of the synthetic values of a column of keys or text that are values of the training table, in the column \
             where it is worst; beside it the same for unseen real rows.",
        ))
    }

    pub(super) fn distance_lines(&self) -> Vec<Line> {
        let closer = |line: Line| {
            line.named(
                "closer_to_train",
                "Closer to training",
                "Part of the synthetic rows that lie closer to a training row than to any of equally many \
                 unseen rows. Half is right; more means that training rows were copied or leaned on, less that the unseen \
                 rows were seen.",
            )
        };
        let d = match &self.privacy.distance {
            Section::Done(d) => d,
            Section::Skipped { skipped } => return vec![closer(Line::missing(skipped))],
        };
        let share = &d.share_closer_to_train;
        let (verdict, mark) = way_verdict(&d.way);
        let copier = format!("a copy would be {} closer to training", percent(d.copier_share));
        vec![
            closer(self.by_holdout(Line::estimate(share, Some(0.5), percent).judged(verdict, mark))),
            Line::estimate(&d.way.gone, Some(0.0), percent).judged(copier, Mark::Plain).named(
                "way_to_copy",
                "Way to a copy",
                "How far the synthetic rows went from no leaning, 0 %, to a copy of the training rows, 100 %: from how \
                 often the closest of all real rows is an unseen one. Below zero they lean to the unseen rows. The verdict on \
                 closeness is by this interval.",
            ),
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

    /// How often real rows coincide with training rows, and with those that occur once: hold-out rows, and each training row with
    /// the others.
    pub(super) fn coincidences(&self) -> [Count; 2] {
        let m = &self.privacy.matches;
        let both = |held: Option<Count>, train: Count| match held.filter(|_| !self.is_overlapping()) {
            Some(held) => held.and(train),
            None => train,
        };
        [both(m.holdout_in_train, m.train_in_train), both(m.once.holdout_in_train, m.once.train_in_train)]
    }

    pub(super) fn match_lines(&self) -> [Line; 2] {
        let m = &self.privacy.matches;
        let [all, once] = self.coincidences();
        let tests = [(m.synthetic_in_train, all), (m.once.synthetic_in_train, once)];
        let chance = tests.map(|(found, real)| found.chance_of_more(real)).into_iter().fold(1.0, f64::min);
        // Two looks have twice the chance of a false alarm.
        let shown = m.holdout_in_train.unwrap_or(m.train_in_train);
        let (verdict, mark) = match 2.0 * chance {
            _ if m.synthetic_in_train.hits == 0 => ("none".to_owned(), Mark::Good),
            p if p > DOUBT => ("no more than real rows do".to_owned(), Mark::Good),
            p => {
                let above = |(found, real): (Count, Count)| found.hits as f64 - real.rate() * found.rows as f64;
                let rows = tests.map(above).into_iter().fold(0.0, f64::max).ceil() as u64;
                let mark = if p > SURE { Mark::Fair } else { Mark::Poor };
                (format!("about {} rows more than real rows do", grouped(rows)), mark)
            }
        };
        [
            Line::estimate(&m.synthetic_in_train.share(), Some(shown.rate()), percent).judged(verdict, mark).named(
                "exact_copies",
                "Exact copies",
                "Part of the synthetic rows that equal a training row in every column; beside it the same for \
                 unseen real rows, which coincide by chance (without a hold-out: for training rows and the others). Judged \
                 by Fisher's exact test, also of rows that occur once, which nobody shares.",
            ),
            Line::new(percent(m.synthetic_repeated), Some(percent(m.train_repeated))).named(
                "repeated_rows",
                "Repeated rows",
                "Part of the synthetic rows that repeat another synthetic row; beside it the same within training. Grows \
                 with the number of rows.",
            ),
        ]
    }
}
