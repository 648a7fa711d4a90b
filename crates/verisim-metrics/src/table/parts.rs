//! Tables of the page that stand behind a line: which rows, which groups, which levels.

use verisim_data::number::percent;

use super::document::{FRESH, count, none};
use super::minority::report::{Group, LostLevel};
use super::report::{Baseline, Copied, Rule};
use super::{Report, baseline};
use crate::Count;
use crate::document::{Grid, Line, Mark, Part};

/// Copied rows listed on the page.
const COPIES_OF_PAGE: usize = 50;
/// Rules listed on the page.
const RULES_OF_PAGE: usize = 40;

impl Report {
    /// The rows that equal training rows, where they are more than chance has.
    pub(super) fn copies(&self) -> Option<Part> {
        let line = self.groups().into_iter().flat_map(|g| g.lines).find(|line| line.id == "exact_copies")?;
        let copies = &self.privacy.matches.copies;
        let row = |c: &Copied| {
            let often = if c.once { "one row alone" } else { "several rows" };
            vec![often.to_owned(), count(c.synthetic), count(c.train)]
        };
        matches!(line.mark, Mark::Fair | Mark::Poor).then(|| {
            Part::Grid(Grid {
                title: "Rows that equal training rows",
                note: "Numbers of the rows, the first of a file is 1; rows that occur once in training first. The JSON lists up to 1,000.",
                head: vec!["in training", "synthetic row", "training row"],
                rows: copies.iter().take(COPIES_OF_PAGE).map(row).collect(),
            })
        })
    }

    /// The scores beside those of tables that are known to be bad.
    pub(super) fn scale(&self) -> Option<Part> {
        let groups = self.groups();
        let lines: Vec<&Line> = groups.iter().flat_map(|g| &g.lines).collect();
        let row = |(id, own): (&'static str, String)| {
            let line = lines.iter().find(|line| line.id == id);
            let (label, floor) = line.map(|l| (l.label.clone(), l.floor.clone())).unwrap_or_default();
            let other = |b: &Baseline| b.scores.iter().find(|s| s.0 == id).map_or_else(none, |s| s.1.clone());
            [label, own, floor].into_iter().chain(self.baselines.iter().map(other)).collect()
        };
        (!self.baselines.is_empty()).then(|| {
            Part::Grid(Grid {
                title: "The ends of the scale",
                note: "The same scores for a table whose columns are right one by one and know nothing of each other, and for a copy \
                       of the training rows.",
                head: ["score", "this table", FRESH].into_iter().chain(self.baselines.iter().map(|b| b.name)).collect(),
                rows: baseline::scores(self).into_iter().map(row).collect(),
            })
        })
    }

    /// The rules that training rows keep, those first that synthetic rows break most beyond real ones.
    pub(super) fn rules(&self) -> Option<Part> {
        let cell = |c: Option<Count>| c.map_or_else(none, |c| percent(c.rate()));
        let row = |r: &&Rule| vec![r.text.clone(), cell(Some(r.synthetic)), cell(r.fresh), cell(Some(r.train))];
        let rules = self.worst_rules();
        (!rules.is_empty()).then(|| {
            Part::Grid(Grid {
                title: "Rules between columns",
                note: "Learnt from the training rows, which keep them: rows that break them.",
                head: vec!["rule", "synthetic", FRESH, "training"],
                rows: rules.iter().take(RULES_OF_PAGE).map(row).collect(),
            })
        })
    }

    /// Rules, those first that are broken most beyond what real rows do.
    pub(super) fn worst_rules(&self) -> Vec<&Rule> {
        let mut rules: Vec<&Rule> = self.logic.rules.iter().collect();
        let above = |r: &Rule| r.synthetic.rate() - r.fresh.map_or(0.0, |f| f.rate());
        rules.sort_by(|a, b| above(b).total_cmp(&above(a)));
        rules
    }

    /// Levels that should be there and are not.
    pub(super) fn lost(&self) -> Option<Part> {
        let row = |l: &LostLevel| vec![l.column.clone(), l.level.clone(), count(l.train)];
        let levels = &self.minorities.lost.levels;
        (!levels.is_empty()).then(|| {
            Part::Grid(Grid {
                title: "Lost levels",
                note: "They are common enough in training that a table of so many rows should have them.",
                head: vec!["column", "level", "training rows"],
                rows: levels.iter().map(row).collect(),
            })
        })
    }

    /// The groups of the target and of the columns that were named.
    pub(super) fn groups_part(&self) -> Option<Part> {
        let row = |g: &Group| {
            let likeness = g.likeness;
            vec![
                format!("{} = {}", g.column, g.level),
                count(g.train.hits),
                percent(g.train.rate()),
                percent(g.synthetic.rate()),
                likeness.map_or_else(none, |l| percent(l.score)),
                likeness.and_then(|l| l.floor).map_or_else(none, percent),
            ]
        };
        let groups = &self.minorities.groups;
        (!groups.is_empty()).then(|| {
            Part::Grid(Grid {
                title: "Groups",
                note: "Levels of the target and of the columns that were named, or quarters of their numbers: their share of the rows, and \
                       the shapes of the other columns within them.",
                head: vec!["group", "training rows", "share, training", "synthetic", "shapes", FRESH],
                rows: groups.iter().map(row).collect(),
            })
        })
    }
}
