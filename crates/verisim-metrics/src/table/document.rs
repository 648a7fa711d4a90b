//! The report of an evaluation of tables as a document.

use verisim_data::number::{grouped, percent};

use super::Report;
use super::pictures::drops_part;
use super::report::{ColumnReport, NotCompared, Rule};
use crate::document::{Bar, Bars, Card, Content, Grid, HeatMap, List, Part};
use crate::{Count, Document};

pub(super) const FRESH: &str = "real rows";
/// Columns and pairs listed in the text.
const WORST: usize = 5;
/// Pairs listed on the page.
const WORST_OF_PAGE: usize = 10;
/// Columns listed on the page: of more the worst.
const COLUMNS_OF_PAGE: usize = 200;
/// Columns whose shuffling is drawn.
const DROPS_OF_PAGE: usize = 12;
/// Columns that are not compared and named in the text; the page names [`COLUMNS_OF_PAGE`], the JSON all.
const NAMED: usize = 20;

impl Report {
    /// The report as people and programs read it.
    pub fn document(self) -> Document {
        let content = Content {
            title: "Synthetic table report",
            heading: "How good and how private is this table?",
            lead: self.lead(),
            opening: [
                Some(self.opening()),
                self.rows_drawn(),
                self.pairs_drawn(),
                self.left_out(),
                self.what_gives_away(),
            ]
            .into_iter()
            .flatten()
            .collect(),
            fresh: FRESH,
            explained: false,
            groups: self.groups(),
            lists: self.lists(),
            cards: ["boosted_auc", "utility", "closer_to_train", "exact_copies"]
                .map(|line| Card { line, floor: FRESH })
                .to_vec(),
            before: [self.column_pictures(), self.pictures.projection_part(), self.drops()]
                .into_iter()
                .flatten()
                .collect(),
            after: [
                self.copies(),
                self.scale(),
                self.rules(),
                self.lost(),
                self.groups_part(),
                self.bars(),
                self.trouble(),
                self.heat_map(),
                self.pair_pictures(),
                self.weakest_pairs(),
                self.left_out_part(),
            ]
            .into_iter()
            .flatten()
            .collect(),
            footer: "“Real rows” are hold-out rows that the generator never saw, scored as if they were the synthetic \
                     table; for shapes and trends they are random parts of all real rows, as many as there are synthetic ones, \
                     and where 95 in 100 of them lie. No generator should be expected to do better. Intervals hold the true \
                     value 95 times in 100. A verdict that is not good is one that fresh real rows get less than once in a \
                     hundred times. Shapes, trends and the linear test follow SDMetrics 0.32; the boosted trees are 200 of \
                     depth 6 at learning rate 0.1. Distances alone prove little about privacy.",
        };
        Document::new(&self, content)
    }

    /// The first line of the text.
    fn opening(&self) -> String {
        let rows = self.rows;
        let held = match rows.holdout {
            Some(n) => format!(" and {} hold-out rows", count(n)),
            None => ", no hold-out".to_owned(),
        };
        format!(
            "{} synthetic rows against {} training rows{held}, {} columns",
            count(rows.synthetic),
            count(rows.train),
            self.columns.len()
        )
    }

    /// That not all pairs were compared, if so.
    fn pairs_drawn(&self) -> Option<String> {
        let (drawn, there) = (self.pairs.len(), self.fidelity.pairs_there);
        (drawn < there).then(|| format!("Trends of {} of {} pairs, drawn by the seed", count(drawn), count(there)))
    }

    /// That not all rows were scored, if so.
    fn rows_drawn(&self) -> Option<String> {
        let s = self.rows.scored?;
        let held = s.holdout.map_or_else(String::new, |h| format!(", {} hold-out", count(h)));
        Some(format!(
            "Scored on {} training, {} synthetic{held} rows, drawn by the seed; copies, ranges and gaps are looked for in all",
            count(s.train),
            count(s.synthetic)
        ))
    }

    /// What gives the table away, where the boosted test tells it apart.
    fn what_gives_away(&self) -> Option<String> {
        let auc = self.detection.boosted_auc_unseen.done().or(self.detection.boosted_auc.done())?;
        let named: Vec<&str> = self.detection.gives_away.iter().take(3).map(|g| g.column.as_str()).collect();
        (auc.low() > 0.55 && !named.is_empty()).then(|| format!("what gives it away most: {}", named.join(", ")))
    }

    /// The columns that are not compared, with why.
    fn left_out(&self) -> Option<String> {
        let named: Vec<String> =
            self.not_compared.iter().take(NAMED).map(|c| format!("{} ({})", c.name, c.why)).collect();
        let more = match self.not_compared.len() - named.len() {
            0 => String::new(),
            n => format!(", and {} more", count(n)),
        };
        (!named.is_empty()).then(|| format!("not compared: {}{more}", named.join(", ")))
    }

    /// The same on the page.
    fn left_out_part(&self) -> Option<Part> {
        let share = |count: Option<Count>| count.map_or_else(none, |c| percent(c.rate()));
        let row = |c: &NotCompared| {
            let (returned, real) = (c.returned.map(|r| r.synthetic), c.returned.map(|r| r.expected()));
            vec![c.name.clone(), c.why.to_owned(), share(returned), share(real)]
        };
        (!self.not_compared.is_empty()).then(|| {
            Part::Grid(Grid {
                title: "Columns that are not compared",
                note: "No model learns them, so there is nothing to score; but values of the training table that come back are counted.",
                head: vec!["column", "it is, or has", "real values", FRESH],
                rows: self.not_compared.iter().take(COLUMNS_OF_PAGE).map(row).collect(),
            })
        })
    }

    /// What each column's shuffling takes from the AUC, where the table is told apart.
    fn drops(&self) -> Option<Part> {
        self.what_gives_away()?;
        let lost = self.detection.gives_away.iter().take(DROPS_OF_PAGE).map(|g| (g.column.clone(), g.drop));
        drops_part(&lost.collect::<Vec<_>>())
    }

    /// The sentence below the heading of the page.
    fn lead(&self) -> String {
        let held = match self.rows.holdout {
            Some(n) => format!("{} hold-out rows", count(n)),
            None => "no hold-out table".to_owned(),
        };
        let said = [self.rows_drawn(), self.pairs_drawn()];
        let pairs: String = said.into_iter().flatten().map(|said| format!(" {said}.")).collect();
        format!(
            "{} synthetic rows, {} training rows, {held}; {} columns.{}",
            count(self.rows.synthetic),
            count(self.rows.train),
            self.columns.len(),
            pairs
        )
    }

    fn lists(&self) -> Vec<List> {
        let row = |name: String, score: Option<f64>, floor: Option<f64>| {
            (name, score.map(percent).unwrap_or_default(), floor.map(percent))
        };
        let columns = self.worst_columns().into_iter().map(|c| row(c.name.clone(), c.shape, c.shape_fresh));
        let pairs =
            self.worst_pairs().into_iter().map(|p| row(format!("{} × {}", p.first, p.second), p.trend, p.trend_fresh));
        let broken = |r: &&Rule| r.synthetic.rate() > r.fresh.map_or(0.0, |f| f.rate());
        let rules = self.worst_rules().into_iter().filter(broken);
        let rules = rules.map(|r| row(r.text.clone(), Some(r.synthetic.rate()), r.fresh.map(|f| f.rate())));
        vec![
            List { title: "Weakest columns", rows: columns.take(WORST).collect() },
            List { title: "Weakest pairs", rows: pairs.take(WORST).collect() },
            List { title: "Rules broken most, by so many rows", rows: rules.take(WORST).collect() },
        ]
    }

    fn column_pictures(&self) -> Option<Part> {
        self.pictures.columns_part(|j| {
            let shape = self.columns.get(j).and_then(|column| column.shape);
            shape.map_or_else(String::new, |shape| format!("shape {}", percent(shape)))
        })
    }

    fn pair_pictures(&self) -> Option<Part> {
        self.pictures.pairs_part(|pair| {
            let found = self.pairs.iter().find(|p| p.first == pair.first.name && p.second == pair.second.name);
            found.and_then(|p| p.trend).map_or_else(String::new, |trend| format!("trend {}", percent(trend)))
        })
    }

    fn bars(&self) -> Option<Part> {
        let bar = |c: &ColumnReport| Bar {
            name: c.name.clone(),
            score: c.shape.unwrap_or(0.0),
            floor: c.shape_fresh,
            kind: c.compared_as,
        };
        Some(Part::Bars(Bars {
            title: "Columns",
            note: "Shape score of each column, worst first; the dark tick is what real rows score. The full bar is 100\u{a0}%.",
            about: "Shape score of each column",
            bars: self.worst_columns().into_iter().take(COLUMNS_OF_PAGE).map(bar).collect(),
        }))
    }

    /// Columns with a missing-rate gap, numbers out of range or unseen levels.
    fn trouble(&self) -> Option<Part> {
        let gap = |c: &ColumnReport| c.missing_synthetic.rate() - c.missing_train.rate();
        let outside = |c: &ColumnReport| c.out_of_range.unwrap_or(0.0) + c.unseen_level.unwrap_or(0.0);
        let troubled = self.columns.iter().filter(|c| gap(c).abs() >= 5e-5 || outside(c) > 0.0);
        let cell = |x: Option<f64>| x.map_or_else(none, percent);
        let row = |c: &ColumnReport| {
            let (train, synthetic) = (percent(c.missing_train.rate()), percent(c.missing_synthetic.rate()));
            vec![c.name.clone(), train, synthetic, cell(c.out_of_range), cell(c.unseen_level)]
        };
        let rows: Vec<_> = troubled.take(COLUMNS_OF_PAGE).map(row).collect();
        (!rows.is_empty()).then(|| {
            Part::Grid(Grid {
                title: "Impossible and missing values",
                note: "",
                head: vec!["column", "missing, training", "missing, synthetic", "out of range", "unseen level"],
                rows,
            })
        })
    }

    /// None where no pair has a score, or not all were compared.
    fn heat_map(&self) -> Option<Part> {
        if self.pairs.len() < self.fidelity.pairs_there {
            return None;
        }
        self.pairs.iter().find(|p| p.trend.is_some())?;
        let names: Vec<&str> = self.columns.iter().map(|c| c.name.as_str()).collect();
        // Pairs come with the first index rising slowest, so pair (i, j) has a known place.
        let place = |i: usize, j: usize| i * (2 * names.len() - i - 1) / 2 + (j - i - 1);
        let score = |i: usize, j: usize| self.pairs.get(place(i.min(j), i.max(j))).and_then(|p| p.trend);
        Some(Part::Heat(HeatMap::new(
            "Pairs of columns",
            "Trend score of each pair: the darker, the further from the training table. Grey: not defined (a constant \
             column). Point at a cell for its numbers.",
            "Trend score of each pair of columns",
            &names,
            score,
        )))
    }

    /// None where no pair has a score.
    fn weakest_pairs(&self) -> Option<Part> {
        let worst = self.worst_pairs();
        let two = |x: Option<f64>| x.map_or_else(none, |x| format!("{x:.2}"));
        let rows = worst.iter().take(WORST_OF_PAGE).map(|p| {
            vec![
                format!("{} × {}", p.first, p.second),
                p.trend.map(percent).unwrap_or_default(),
                p.trend_fresh.map_or_else(none, percent),
                two(p.correlation_train),
                two(p.correlation_synthetic),
            ]
        });
        (!worst.is_empty()).then(|| {
            Part::Grid(Grid {
                title: "Weakest pairs",
                note: "",
                head: vec!["pair", "trend", FRESH, "correlation, training", "synthetic"],
                rows: rows.collect(),
            })
        })
    }
}

pub(super) fn count(n: usize) -> String {
    grouped(n as u64)
}

/// What stands for a number that there is not.
pub(super) fn none() -> String {
    "–".to_owned()
}
