//! Plots of a page: where things stand. The marks themselves are in `templates/bars.svg` and `templates/heat.svg`.
//!
//! `plotters`, which draws the pictures in `chart`, does not draw these two: it turns text by right angles only and knows no
//! tooltips, which a heat map of sixty columns needs. `kuva` has both, but brings 95,000 lines for two pictures and none of the
//! page's own fonts and colours.

use verisim_data::number::percent;

use super::clip;

/// Width of a bar of 1, in pixels like all lengths here.
const BAR: usize = 560;
/// Height of a bar with its gap.
const BAR_ROW: usize = 26;
/// Room for a bar's number, and for what stands after it.
const BAR_TAIL: usize = 200;
/// Characters of a bar's name.
const BAR_NAME: usize = 34;
/// Columns beyond this many are left out of a heat map, the worst kept: cells would be too small to see.
const HEAT_NAMES: usize = 60;
/// Characters of a name beside a heat map.
const HEAT_NAME: usize = 24;
/// Width of a heat map, which all cells share.
const HEAT: usize = 740;
/// Scores in the key of a heat map.
const HEAT_KEY: [f64; 6] = [1.0, 0.98, 0.95, 0.9, 0.8, 0.6];
/// Width of a character, roughly: room is kept before a browser knows the font.
const CHARACTER: usize = 7;
/// Space between a name and what it names.
const GAP: usize = 16;

/// Scores of 0 to 1 as bars.
#[derive(Clone, Debug)]
pub(crate) struct Bars {
    pub title: &'static str,
    pub note: &'static str,
    /// What the picture shows, for those who cannot see it.
    pub about: &'static str,
    pub bars: Vec<Bar>,
}

/// One bar.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub name: String,
    pub score: f64,
    /// What fresh real data score: a tick.
    pub floor: Option<f64>,
    /// What stands after the number, e.g. `category`.
    pub kind: &'static str,
}

impl Bars {
    /// Room for the names.
    pub fn left(&self) -> usize {
        let longest = self.bars.iter().map(|b| b.name.chars().count().min(BAR_NAME)).max();
        CHARACTER * longest.unwrap_or(0) + GAP
    }

    pub fn width(&self) -> usize {
        self.left() + BAR + BAR_TAIL
    }

    pub fn height(&self) -> usize {
        BAR_ROW * self.bars.len()
    }

    /// Width of a bar of 1.
    pub fn full(&self) -> usize {
        BAR
    }

    /// The bars and how far down they stand.
    pub fn rows(&self) -> impl Iterator<Item = (usize, &Bar)> {
        self.bars.iter().enumerate().map(|(i, bar)| (i * BAR_ROW, bar))
    }
}

impl Bar {
    pub fn clipped(&self) -> String {
        clip(&self.name, BAR_NAME)
    }

    /// How far the bar reaches.
    pub fn end(&self) -> String {
        format!("{:.2}", BAR as f64 * self.score)
    }

    /// Where the tick stands, which is two pixels wide.
    pub fn tick(&self) -> Option<String> {
        self.floor.map(|floor| format!("{:.2}", BAR as f64 * floor - 1.0))
    }

    pub fn percent(&self) -> String {
        percent(self.score)
    }

    pub fn colour(&self) -> &'static str {
        match self.score {
            s if s >= 0.98 => "#3f8f6f",
            s if s >= 0.95 => "#7aa95c",
            s if s >= 0.9 => "#d0a03a",
            _ => "#c9574f",
        }
    }
}

/// Scores of 0 to 1 of all pairs of some names, as colours. The score of a pair does not depend on its order.
#[derive(Clone, Debug)]
pub(crate) struct HeatMap {
    pub title: &'static str,
    pub note: &'static str,
    /// What the picture shows, for those who cannot see it.
    pub about: &'static str,
    names: Vec<String>,
    /// Row by row; `None` where a pair has no score.
    scores: Vec<Option<f64>>,
}

/// One square of a heat map.
#[derive(Clone, Debug)]
pub(crate) struct Cell<'a> {
    pub x: usize,
    pub y: usize,
    pub colour: String,
    /// What a person reads who points at the cell: two names and their score. The diagonal has none.
    pub says: Option<(&'a str, &'a str, String)>,
}

impl HeatMap {
    /// The map of `names`, where `score(i, j)` is that of two different ones. Of many names the worst are kept.
    pub fn new(
        title: &'static str,
        note: &'static str,
        about: &'static str,
        names: &[&str],
        score: impl Fn(usize, usize) -> Option<f64>,
    ) -> HeatMap {
        let all = 0..names.len();
        let mut shown: Vec<usize> = all.clone().collect();
        if names.len() > HEAT_NAMES {
            let others = |i: usize| all.clone().filter(move |&j| j != i);
            let worst: Vec<f64> =
                all.clone().map(|i| others(i).filter_map(|j| score(i, j)).fold(1.0, f64::min)).collect();
            shown.sort_by(|&a, &b| worst[a].total_cmp(&worst[b]));
            shown.truncate(HEAT_NAMES);
            shown.sort_unstable();
        }
        let cell = |i: usize, j: usize| if i == j { None } else { score(i, j) };
        let scores = shown.iter().flat_map(|&i| shown.iter().map(move |&j| (i, j))).map(|(i, j)| cell(i, j)).collect();
        HeatMap { title, note, about, names: shown.into_iter().map(|i| names[i].to_owned()).collect(), scores }
    }

    fn longest(&self) -> usize {
        self.names.iter().map(|n| n.chars().count().min(HEAT_NAME)).max().unwrap_or(0)
    }

    /// Room for the names of the rows.
    pub fn left(&self) -> usize {
        CHARACTER * self.longest() + GAP
    }

    /// Room for the names of the columns, which stand at 45 degrees: above the cells and, for the last, beside them.
    fn head(&self) -> usize {
        5 * self.longest() + GAP
    }

    /// From one cell to the next.
    fn step(&self) -> usize {
        (HEAT / self.names.len().max(1)).clamp(10, 44)
    }

    /// Side of a cell.
    pub fn side(&self) -> usize {
        self.step() - 1
    }

    pub fn width(&self) -> usize {
        self.left() + self.step() * self.names.len() + self.head()
    }

    pub fn height(&self) -> usize {
        self.head() + self.step() * self.names.len() + 44
    }

    /// The names and how far along their first cell begins, counted from the first row or column.
    fn steps(&self) -> impl Iterator<Item = (usize, &String)> {
        self.names.iter().enumerate().map(|(i, name)| (i * self.step(), name))
    }

    /// Names of the rows: right end and baseline.
    pub fn row_names(&self) -> impl Iterator<Item = (usize, usize, String)> {
        let (x, y) = (self.left() - 8, self.head() + self.step() / 2 + 4);
        self.steps().map(move |(at, name)| (x, y + at, clip(name, HEAT_NAME)))
    }

    /// Names of the columns: where they begin to rise.
    pub fn column_names(&self) -> impl Iterator<Item = (usize, usize, String)> {
        let (x, y) = (self.left() + self.step() / 2 + 2, self.head() - 6);
        self.steps().map(move |(at, name)| (x + at, y, clip(name, HEAT_NAME)))
    }

    pub fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        let rows = self.steps().flat_map(|row| self.steps().map(move |column| (row, column)));
        rows.zip(&self.scores).map(|(((down, first), (along, second)), &score)| {
            let diagonal = down == along;
            let colour = match score {
                _ if diagonal => "#f7f8fa".to_owned(),
                None => "#d5d8df".to_owned(),
                Some(score) => heat_colour(score),
            };
            let text = score.map_or_else(|| "not defined".to_owned(), percent);
            let says = (!diagonal).then_some((first.as_str(), second.as_str(), text));
            Cell { x: self.left() + along, y: self.head() + down, colour, says }
        })
    }

    /// The key below the cells: places, colours, and what they stand for.
    pub fn key(&self) -> impl Iterator<Item = (usize, usize, String, String)> {
        let (x, y) = (self.left(), self.height() - 22);
        HEAT_KEY
            .into_iter()
            .enumerate()
            .map(move |(i, score)| (x + 56 * i, y, heat_colour(score), format!("{:.0}%", 100.0 * score)))
    }
}

/// White at 1, through orange, to dark red at 0.6 and below, even in the square root of the error so that small
/// errors can be told apart.
fn heat_colour(score: f64) -> String {
    const STOPS: [[f64; 3]; 4] =
        [[239.0, 245.0, 241.0], [250.0, 219.0, 152.0], [226.0, 121.0, 73.0], [122.0, 26.0, 42.0]];
    let at = ((1.0 - score).max(0.0) / 0.4).sqrt().min(1.0) * 3.0;
    let i = (at as usize).min(2);
    let mix = |c: usize| (STOPS[i][c] + (at - i as f64) * (STOPS[i + 1][c] - STOPS[i][c])).round() as u8;
    format!("#{:02x}{:02x}{:02x}", mix(0), mix(1), mix(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heat_scale_ends_where_it_says() {
        assert_eq!(heat_colour(1.0), "#eff5f1");
        assert_eq!(heat_colour(0.6), "#7a1a2a");
        assert_eq!(heat_colour(0.0), heat_colour(0.6));
    }

    #[test]
    fn a_map_of_many_names_keeps_the_worst_in_their_order() {
        let names: Vec<String> = (0..70).map(|i| format!("c{i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        // Pairs of neighbours of which the second has a high number are bad.
        let score = |i: usize, j: usize| (i.abs_diff(j) == 1).then(|| 1.0 - i.max(j) as f64 / 100.0);
        let map = HeatMap::new("", "", "", &names, score);
        assert_eq!(map.names, names[10..]);
        assert_eq!(map.cells().count(), 60 * 60);
        let cells: Vec<Cell<'_>> = map.cells().collect();
        assert!(cells[0].says.is_none() && cells[61].says.is_none());
        assert_eq!(cells[1].says, Some(("c10", "c11", "89.00 %".to_owned())));
        assert_eq!(cells[2].says, Some(("c10", "c12", "not defined".to_owned())));
        assert_eq!(cells[2].colour, "#d5d8df");
        assert_eq!((cells[60].x, cells[60].y), (map.left(), cells[0].y + 12));
    }

    #[test]
    fn bars_end_at_their_score() {
        let bar = Bar { name: "x".repeat(40), score: 0.5, floor: Some(1.0), kind: "number" };
        assert_eq!(
            (bar.end().as_str(), bar.tick().as_deref(), bar.clipped().chars().count()),
            ("280.00", Some("559.00"), 34)
        );
        let bars = Bars { title: "", note: "", about: "", bars: vec![bar] };
        assert_eq!((bars.left(), bars.width(), bars.height()), (254, 1014, 26));
    }
}
