//! The parts of the page that hold pictures.

use verisim_data::table::date::DateFormat;

use super::{Bins, Component, Density, Distribution, Each, Level, Pictures, Projection, Side};
use crate::document::chart::{
    Cloud, Figure, Heading, Series, Tick, cloud, cut_level, decades, density, drops, even, histogram, levels, rough,
    written,
};
use crate::document::{Figures, Key, Part, Size, clip};

/// Columns that are drawn, and how many of them are seen at once.
const COLUMNS: usize = 60;
const OPEN: usize = 12;
/// Marks of an axis, at most: of a picture of its own, and of one of two side by side.
const TICKS: usize = 6;
const NARROW_TICKS: usize = 3;
/// Characters of a name in a text alternative.
const NAME: usize = 40;
const DAY: f64 = 86_400.0;

impl Pictures {
    /// Every column, the worst first, with the words of `note` beside its name.
    pub(crate) fn columns_part(&self, note: impl Fn(usize) -> String) -> Option<Part> {
        let figure = |&j: &usize| Some(self.columns.get(j)?.figure(note(j)));
        let mut figures: Vec<Figure> = self.worst.iter().take(COLUMNS).filter_map(figure).collect();
        let more = figures.split_off(OPEN.min(figures.len()));
        let holdout = if self.has_holdout() { " Hold-out rows are a dashed line, or a tick." } else { "" };
        let left_out = match self.columns.len().saturating_sub(COLUMNS) {
            0 => String::new(),
            n => format!(" The {COLUMNS} worst are shown; {n} more are in the JSON report."),
        };
        (!figures.is_empty()).then(|| {
            Part::Figures(Figures {
                title: "Columns, side by side".to_owned(),
                note: format!(
                    "How the values of each column are distributed, worst shape first. The outer bins of a number hold all \
                     beyond them; missing values are counted apart.{holdout}{left_out}"
                ),
                keys: self.keys(),
                size: Size::Small,
                figures,
                more,
            })
        })
    }

    /// The worst pairs, with the words of `note` beside their names.
    pub(crate) fn pairs_part(&self, note: impl Fn(&Density) -> String) -> Option<Part> {
        let figures: Vec<Figure> = self.pairs.iter().map(|pair| pair.figure(note(pair))).collect();
        (!figures.is_empty()).then(|| {
            Part::Figures(Figures {
                title: "The weakest pairs, side by side".to_owned(),
                note: "Where the rows lie, real and synthetic. The stronger the colour, the more rows; both sides of a picture have one \
                       scale, which is even in the square root of the share."
                    .to_owned(),
                keys: Vec::new(),
                size: Size::Wide,
                figures,
                more: Vec::new(),
            })
        })
    }

    /// The rows as points.
    pub(crate) fn projection_part(&self) -> Option<Part> {
        self.projection.as_ref().map(|projection| {
            Part::Figures(Figures {
                title: "Rows as points".to_owned(),
                note: projection.note(),
                keys: self.keys(),
                size: Size::Full,
                figures: vec![projection.figure()],
                more: Vec::new(),
            })
        })
    }

    fn keys(&self) -> Vec<Key> {
        [Key::Real, Key::Synthetic].into_iter().chain(self.has_holdout().then_some(Key::Holdout)).collect()
    }

    fn has_holdout(&self) -> bool {
        self.columns.first().is_some_and(|column| column.shares.holdout.is_some())
    }
}

/// What a classifier loses when a column is shuffled: names with the drop of its AUC, the worst first.
pub(crate) fn drops_part(lost: &[(String, f64)]) -> Option<Part> {
    let about: Vec<String> = lost.iter().map(|(name, drop)| format!("{} {drop:.3}", clip(name, NAME))).collect();
    (!lost.is_empty()).then(|| {
        Part::Figures(Figures {
            title: "What gives it away".to_owned(),
            note:
                "How much of the two-sample AUC is lost when the values of a column are shuffled: the more, the more \
                   the column betrays synthetic rows."
                    .to_owned(),
            keys: Vec::new(),
            size: Size::Wide,
            figures: vec![Figure {
                name: String::new(),
                note: String::new(),
                about: format!("Drop of the AUC by column: {}", about.join(", ")),
                drawing: drops(lost),
            }],
            more: Vec::new(),
        })
    })
}

impl Distribution {
    fn figure(&self, note: String) -> Figure {
        let series = Series {
            real: &self.shares.train,
            synthetic: &self.shares.synthetic,
            holdout: self.shares.holdout.as_deref(),
        };
        let drawing = match &self.bins {
            Bins::Level { levels: named } => {
                let names: Vec<String> = named.iter().map(Level::shown).collect();
                levels(&names, series)
            }
            bins => histogram(series, &bins.ticks(TICKS)),
        };
        let note = [note, self.missing_note(), self.cut_note(&series)]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" · ");
        Figure { name: self.name.clone(), note, about: self.about(), drawing }
    }

    /// The level whose bar goes beyond the picture.
    fn cut_note(&self, series: &Series<'_>) -> String {
        match (&self.bins, cut_level(series)) {
            (Bins::Level { levels }, Some((i, says))) => format!("→ {}: {says}", clip(&levels[i].shown(), NAME)),
            _ => String::new(),
        }
    }

    /// The missing shares, where a table has some.
    fn missing_note(&self) -> String {
        let Each { train, synthetic, holdout } = &self.missing;
        if [*train, *synthetic, holdout.unwrap_or(0.0)].iter().all(|&share| share == 0.0) {
            return String::new();
        }
        let held = holdout.map_or_else(String::new, |share| format!(", {} hold-out", rough(share)));
        format!("missing: {} real, {} synthetic{held}", rough(*train), rough(*synthetic))
    }

    /// What the picture shows, in words. Levels are told with their shares, numbers with the bins that most rows have.
    fn about(&self) -> String {
        let share = |shares: &[f64], i: usize| shares.get(i).map_or_else(String::new, |&share| rough(share));
        let name = clip(&self.name, NAME);
        let both =
            |i: usize| format!("{} real, {} synthetic", share(&self.shares.train, i), share(&self.shares.synthetic, i));
        if let Bins::Level { levels } = &self.bins {
            let all =
                levels.iter().enumerate().map(|(i, level)| format!("{}: {}", clip(&level.shown(), NAME), both(i)));
            return format!("{name}. {}", all.collect::<Vec<_>>().join("; "));
        }
        let highest = |shares: &[f64]| {
            let most = (0..shares.len()).max_by(|&a, &b| shares[a].total_cmp(&shares[b])).unwrap_or(0);
            self.bins.says(most)
        };
        format!(
            "Histogram of {name}. Most real rows: {}. Most synthetic rows: {}.",
            highest(&self.shares.train),
            highest(&self.shares.synthetic)
        )
    }
}

impl Level {
    fn shown(&self) -> String {
        match (self.new, self.levels) {
            (false, 1) => self.name.clone(),
            (false, n) => format!("{n} {}", self.name),
            (true, 1) => format!("new: {}", self.name),
            (true, n) => format!("{n} {} new", self.name),
        }
    }
}

impl Bins {
    /// Marks of the axis, on which each bin is 1 wide; `most` of them, but for levels, of which each has one.
    fn ticks(&self, most: usize) -> Vec<Tick> {
        match self {
            Bins::Level { levels } => {
                let tick = |(i, level): (usize, &Level)| Tick { at: i as f64 + 0.5, text: level.shown() };
                levels.iter().enumerate().map(tick).collect()
            }
            Bins::Date { edges } => {
                let (from, to) = ends(edges);
                let marks = date_marks(from, to, most);
                marks.into_iter().map(|(x, text)| Tick { at: place(edges, false, x), text }).collect()
            }
            Bins::Number { edges, log } => {
                let (from, to) = ends(edges);
                let zero = *log && from == 0.0;
                let first = if zero { edges[1] } else { from };
                let marks = if *log { decades(first.log10(), to.log10()) } else { even(from, to, most) };
                let texts = if *log { marks.iter().flat_map(|&x| written(&[x])).collect() } else { written(&marks) };
                let ticks = marks.iter().zip(texts).map(|(&x, text)| Tick { at: place(edges, *log, x), text });
                let zero = zero.then(|| Tick { at: 0.5, text: "0".to_owned() });
                // A power of ten that stands at the edge of the zeros would be written over their mark.
                let clear = |tick: &Tick| zero.is_none() || tick.at >= 2.5;
                let ticks: Vec<Tick> = ticks.filter(clear).collect();
                zero.into_iter().chain(ticks).collect()
            }
        }
    }

    /// Where bin `i` lies, in words.
    fn says(&self, i: usize) -> String {
        match self {
            Bins::Level { levels } => levels.get(i).map_or_else(String::new, |level| clip(&level.shown(), NAME)),
            Bins::Number { edges, .. } => written(&edges[i..i + 2]).join(" to "),
            Bins::Date { edges } => {
                let (from, to) = ends(edges);
                let format = DateFormat::new(date_format(from, to));
                format!("{} to {}", format.text(edges[i]), format.text(edges[i + 1]))
            }
        }
    }
}

fn ends(edges: &[f64]) -> (f64, f64) {
    (edges.first().copied().unwrap_or(0.0), edges.last().copied().unwrap_or(0.0))
}

/// Where `x` lies among the edges of bins that are 1 wide.
fn place(edges: &[f64], log: bool, x: f64) -> f64 {
    let i = edges.partition_point(|&edge| edge <= x).clamp(1, edges.len() - 1) - 1;
    let (from, to) = (edges[i], edges[i + 1]);
    let part = if log && from > 0.0 { (x / from).ln() / (to / from).ln() } else { (x - from) / (to - from) };
    i as f64 + part.clamp(0.0, 1.0)
}

/// How finely times of a range are told.
fn date_format(from: f64, to: f64) -> &'static str {
    match to - from {
        _ if from >= 0.0 && to <= DAY => "%H:%M",
        span if span < 3.0 * DAY => "%m-%d %H:%M",
        span if span < 100.0 * DAY => "%Y-%m-%d",
        _ => "%Y-%m",
    }
}

/// Marked times with their texts: beginnings of years or months, or even ones where time is short.
fn date_marks(from: f64, to: f64, most: usize) -> Vec<(f64, String)> {
    let (day, year) = (DateFormat::new("%Y-%m-%d"), DateFormat::new("%Y"));
    let first = |x: f64| year.text(x).parse::<i32>().unwrap_or(1970);
    let years = first(from)..=first(to);
    let beginnings = |every: usize, months: &[u32], format: &str| -> Vec<(f64, String)> {
        let years = years.clone().filter(|y| y.rem_euclid(every as i32) == 0);
        let starts = years.flat_map(|y| months.iter().map(move |m| format!("{y:04}-{m:02}-01")));
        let times = starts.filter_map(|start| day.parse(&start)).filter(|x| (from..=to).contains(x));
        times.map(|x| (x, DateFormat::new(format).text(x))).collect()
    };
    let by_year = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].map(|every| (every, &[1][..], "%Y"));
    let by_month = [(1, &[1, 4, 7, 10][..], "%Y-%m"), (1, &[1, 7][..], "%Y-%m")];
    if to - from > 200.0 * DAY {
        for (every, months, format) in by_month.into_iter().chain(by_year) {
            let marks = beginnings(every, months, format);
            if marks.len() <= most.min(4) {
                return marks;
            }
        }
    }
    let format = DateFormat::new(date_format(from, to));
    [0.15, 0.5, 0.85].map(|part| from + part * (to - from)).map(|x| (x, format.text(x))).to_vec()
}

impl Side {
    fn heading(&self) -> Heading {
        let names = matches!(self.bins, Bins::Level { .. });
        let mut ticks = self.bins.ticks(NARROW_TICKS);
        if self.missing {
            let last = self.len() as f64 - 0.5;
            // Names have room of their own; a number may not run into the word.
            ticks.retain(|tick| names || tick.at < 0.75 * last);
            ticks.push(Tick { at: last, text: if names { "missing" } else { "none" }.to_owned() });
        }
        Heading { bins: self.len(), ticks, names }
    }
}

impl Density {
    /// Levels stand at the side, where there is room for their names, and the first of them on top.
    fn figure(&self, note: String) -> Figure {
        let levels = |side: &Side| matches!(side.bins, Bins::Level { .. });
        let turned = levels(&self.second) && !levels(&self.first);
        let (across, up) = if turned { (&self.first, &self.second) } else { (&self.second, &self.first) };
        let (width, height) = (across.len(), up.len());
        let cell = |shares: &[f64], i: usize, j: usize| shares[if turned { j * height + i } else { i * width + j }];
        let row = |i: usize| if levels(up) { height - 1 - i } else { i };
        let cells = |shares: &[f64]| -> Vec<f64> {
            (0..height).flat_map(|i| (0..width).map(move |j| (i, j))).map(|(i, j)| cell(shares, row(i), j)).collect()
        };
        let mut side = up.heading();
        if levels(up) {
            side.ticks.iter_mut().for_each(|tick| tick.at = height as f64 - tick.at);
        }
        let most = self.train.iter().chain(&self.synthetic).copied().fold(0.0, f64::max);
        let (x, y) = (clip(&across.name, NAME), clip(&up.name, NAME));
        Figure {
            name: format!("{y} × {x}"),
            note: [note, format!("strongest colour: {} of the rows", rough(most))].join(" · "),
            about: format!("Shares of the rows by {x} (along) and {y} (up), real beside synthetic"),
            drawing: density(&across.heading(), &side, &cells(&self.train), &cells(&self.synthetic)),
        }
    }
}

impl Projection {
    fn note(&self) -> String {
        let left_out = match self.left_out {
            0 => String::new(),
            n => format!(" {n} that vary least are left out."),
        };
        format!(
            "Some rows of each table in the plane in which training rows vary most: the first two principal components of \
             {} standardised numbers and frequent levels.{left_out} Along lies {}; up lies {}. Synthetic rows should lie \
             where the real ones lie, as densely.",
            self.used,
            self.components[0].says(),
            self.components[1].says()
        )
    }

    fn figure(&self) -> Figure {
        let words = |which: &str, k: usize| format!("{which} component: {}", rough(self.components[k].share));
        let axes = [words("first", 0), words("second", 1)];
        let Each { train, synthetic, holdout } = &self.points;
        Figure {
            name: String::new(),
            note: String::new(),
            about: format!("Real and synthetic rows as points: {}, {} of the variance", axes[0], axes[1]),
            drawing: cloud(Cloud { real: train, synthetic, holdout: holdout.as_deref(), axes: [&axes[0], &axes[1]] }),
        }
    }
}

impl Component {
    /// Its share and its columns, in words.
    fn says(&self) -> String {
        let columns: Vec<String> = self.columns.iter().map(|name| clip(name, NAME)).collect();
        format!("{} of the variance, most of all {}", rough(self.share), columns.join(", "))
    }
}
