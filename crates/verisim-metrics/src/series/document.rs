//! The report of an evaluation of series as a document.

use verisim_data::number::{grouped, percent};

use super::Report;
use super::lines::figures;
use super::report::{LeftOut, OfPrice, Price, Size};
use crate::Document;
use crate::document::{Card, Content, Grid, List, Part};
use crate::table::report::Section;

const FRESH: &str = "real series";
/// Columns listed in the text, and on the page.
const WORST: usize = 5;
const COLUMNS: usize = 100;
/// Summaries that give sequences away, named in the text.
const NAMED: usize = 3;
/// Columns that look like prices, named in the text.
const NAMED_PRICES: usize = 8;

impl Report {
    /// The report as people and programs read it.
    pub fn document(self) -> Document {
        let content = Content {
            title: "Synthetic series report",
            heading: "How good and how private are these series?",
            lead: self.lead(),
            opening: [
                vec![self.lead()],
                self.notes.clone(),
                self.left_out(),
                self.look_like_prices(),
                self.gives_away(),
            ]
            .concat(),
            fresh: FRESH,
            explained: false,
            groups: self.groups(),
            lists: vec![self.worst()],
            cards: ["boosted_auc", "discriminative", "predictive", "acf", "transition", "closer_to_train", "too_close"]
                .map(|line| Card { line, floor: FRESH })
                .to_vec(),
            before: self.pictures.parts(),
            after: [self.all_scores(), self.columns_part(), self.prices_part()].into_iter().flatten().collect(),
            footer: "“Real series” are real sequences in the place of synthetic ones, equally many: of one long series every other block \
                     of the training series against the blocks between; of many, halves of all real sequences by chance. For \
                     predictions they are training sequences, for privacy held-out ones. No generator should be expected to do \
                     better. Intervals hold the true value 95 times in 100. Windows do not overlap. A network that tells \
                     sequences apart has one layer of gated recurrent units and 300 batches of 64 + 64 to learn; the boosted trees \
                     are 200 of depth 6 at learning rate 0.1. Distances alone prove little about privacy.",
        };
        Document::new(&self, content)
    }

    /// What was compared, in a sentence.
    fn lead(&self) -> String {
        let count = |n: usize| grouped(n as u64);
        let of = |size: Size| match size.sequences {
            1 => format!("one series of {} steps", count(size.steps)),
            n => format!("{} sequences of {} steps", count(n), count(size.steps)),
        };
        let c = &self.counts;
        let held = c.holdout.map_or_else(|| "no hold-out".to_owned(), |h| format!("hold-out: {}", of(h)));
        let what = match c.window {
            Some(window) => format!("windows of {window} steps"),
            None => "sequences".to_owned(),
        };
        format!(
            "synthetic: {}; training: {}; {held}; {} {what} a side are compared, {} times",
            of(c.synthetic),
            of(c.train),
            count(c.compared),
            c.repeats
        )
    }

    fn left_out(&self) -> Vec<String> {
        let named: Vec<String> =
            self.not_compared.iter().map(|LeftOut { name, why }| format!("{name} ({why})")).collect();
        if named.is_empty() { Vec::new() } else { vec![format!("not compared: {}", named.join(", "))] }
    }

    /// Which columns look like prices, and why.
    fn look_like_prices(&self) -> Vec<String> {
        let named: Vec<&str> = self.prices.iter().take(NAMED_PRICES).map(|p| p.name.as_str()).collect();
        let why = "positive, moving by little against their spread, with returns that hardly remember";
        if named.is_empty() { Vec::new() } else { vec![format!("look like prices ({why}): {}", named.join(", "))] }
    }

    /// What gives the sequences away, where boosted trees tell them apart.
    fn gives_away(&self) -> Vec<String> {
        let Section::Done(boosted) = &self.boosted else { return Vec::new() };
        let named: Vec<&str> = boosted.gives_away.iter().take(NAMED).map(|g| g.summary.as_str()).collect();
        match boosted.synthetic.low() > 0.55 && !named.is_empty() {
            true => vec![format!("what gives them away most: {}", named.join(", "))],
            false => Vec::new(),
        }
    }

    fn worst(&self) -> List {
        let mut columns: Vec<_> = self.columns.iter().collect();
        columns.sort_by(|a, b| b.distance.total_cmp(&a.distance));
        let row =
            |c: &&super::report::ColumnReport| (c.name.clone(), percent(c.distance), c.distance_real.map(percent));
        List { title: "Columns, distance", rows: columns.iter().take(WORST).map(row).collect() }
    }

    /// Every score beside both floors.
    fn all_scores(&self) -> Option<Part> {
        let json = serde_json::to_value(self.scores).ok()?;
        let write = |of: &serde_json::Value| {
            let number = |key: &str| of.get(key).and_then(serde_json::Value::as_f64);
            number("value").map_or_else(
                || "–".to_owned(),
                |v| format!("{} ± {}", figures(v), figures(number("deviation").unwrap_or(0.0))),
            )
        };
        let rows: Vec<Vec<String>> = json
            .as_object()?
            .iter()
            .filter(|(_, score)| !score.is_null())
            .map(|(name, score)| {
                let sides = ["synthetic", "fresh", "holdout"].map(|side| write(&score[side]));
                [vec![name.replace('_', " ")], sides.to_vec()].concat()
            })
            .collect();
        Some(Part::Grid(Grid {
            title: "All distances",
            note: "0 is perfect. Beside each the standard deviation over repetitions on other windows or halves. “Same span” are real \
                   series of the span of the training series, “held out” those that the generator never saw.",
            head: vec!["", "synthetic", "same span", "held out"],
            rows,
        }))
    }

    fn columns_part(&self) -> Option<Part> {
        let row = |c: &super::report::ColumnReport| {
            vec![
                c.name.clone(),
                c.compared_as.to_owned(),
                percent(c.distance),
                c.distance_real.map_or_else(|| "–".to_owned(), percent),
            ]
        };
        (!self.columns.is_empty()).then(|| {
            Part::Grid(Grid {
                title: "Columns",
                note: "How far the distribution over all steps is from that of training.",
                head: vec!["column", "compared as", "distance", FRESH],
                rows: self.columns.iter().take(COLUMNS).map(row).collect(),
            })
        })
    }

    fn prices_part(&self) -> Option<Part> {
        let row = |p: &Price| {
            let pair = |of: fn(&OfPrice) -> Option<f64>| {
                [&p.train, &p.synthetic].map(|side| of(side).map_or_else(|| "–".to_owned(), figures)).join(" / ")
            };
            vec![
                p.name.clone(),
                pair(|o| o.kurtosis),
                pair(|o| o.returns_acf),
                pair(|o| o.volatility_acf),
                pair(|o| o.leverage),
            ]
        };
        (!self.prices.is_empty()).then(|| {
            Part::Grid(Grid {
                title: "Columns that look like prices",
                note: "They are positive, move by little against their spread, and their returns have hardly any memory. Training / \
                       synthetic; memory and leverage at lag 1.",
                head: vec!["column", "kurtosis", "memory", "memory of size", "leverage"],
                rows: self.prices.iter().take(COLUMNS).map(row).collect(),
            })
        })
    }
}
