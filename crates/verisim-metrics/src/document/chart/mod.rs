//! Pictures with axes, drawn by `plotters`: distributions, densities, clouds of points, lines, bars.
//!
//! A picture is drawn at twice the size of a small tile of the page, since `plotters` knows whole pixels only, and scales to
//! the width that the page has for it. Its colours are names: the style sheet finds a mark by the colour in its attributes and
//! gives it the colour of the page, light or dark (`.chart` in `templates/page.css`).

mod cloud;
mod curves;
mod density;
mod drops;
mod histogram;
mod levels;
mod ticks;

use std::io;
use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::TextStyle;
use plotters::style::text_anchor::{HPos, Pos, VPos};

pub(crate) use cloud::{Cloud, cloud};
pub(crate) use curves::{Curves, curves};
pub(crate) use density::{Heading, density};
pub(crate) use drops::drops;
pub(crate) use histogram::histogram;
pub(crate) use levels::{cut_level, levels};
pub(crate) use ticks::{Step, Tick, decades, even, nice, written};

use super::clip;

/// Fills of what real rows hold.
const REAL: RGBColor = RGBColor(0x9f, 0xb1, 0xcb);
/// Lines and bars of what synthetic rows hold.
const SYNTHETIC: RGBColor = RGBColor(0xd9, 0x5f, 0x02);
/// Dashed lines of what hold-out rows hold.
const HOLDOUT: RGBColor = RGBColor(0x1d, 0x24, 0x34);
/// Ticks and rings of the same, and texts that are read first.
const INK: RGBColor = RGBColor(0x1d, 0x24, 0x33);
/// Cells of a density; the more, the less of the paper shines through.
const CELL: RGBColor = RGBColor(0x2b, 0x4c, 0x9b);
/// Axes, frames and the lines behind marks.
const AXIS: RGBColor = RGBColor(0xd5, 0xd9, 0xe1);
/// Texts beside axes.
const SOFT: RGBColor = RGBColor(0x66, 0x70, 0x85);

/// Width of a picture.
const WIDTH: u32 = 640;
/// Size of its letters, and roughly the width of one.
const LETTER: (i32, u32) = (24, 13);
/// A bin that is so many times the next highest is cut, and says how high it is: else nothing but it would be seen.
const SPIKE: f64 = 4.0;
/// Space around and between parts.
const GAP: u32 = 12;

/// A picture, and what stands beside it.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub name: String,
    /// A few words after the name; may be empty.
    pub note: String,
    /// What the picture shows, for those who cannot see it.
    pub about: String,
    pub drawing: Drawing,
}

impl Figure {
    /// The name, as long as a heading may be.
    pub fn clipped(&self) -> String {
        clip(&self.name, 80)
    }
}

/// Marks in the language of SVG, without the element around them.
#[derive(Clone, Debug)]
pub(crate) struct Drawing {
    pub width: u32,
    pub height: u32,
    pub marks: String,
}

/// What three tables hold of the same bins, in shares.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Series<'a> {
    pub real: &'a [f64],
    pub synthetic: &'a [f64],
    pub holdout: Option<&'a [f64]>,
}

impl<'a> Series<'a> {
    fn all(&self) -> impl Iterator<Item = &'a [f64]> {
        [self.real, self.synthetic].into_iter().chain(self.holdout)
    }

    /// The largest share of bin `i`.
    fn top(&self, i: usize) -> f64 {
        self.all().filter_map(|shares| shares.get(i)).copied().fold(0.0, f64::max)
    }

    /// How far the axis of shares goes, and the bin that it cuts, if it may and has to.
    fn reach(&self, may_cut: bool) -> (f64, Option<usize>) {
        let tops: Vec<f64> = (0..self.real.len()).map(|i| self.top(i)).collect();
        let highest = (0..tops.len()).max_by(|&a, &b| tops[a].total_cmp(&tops[b])).unwrap_or(0);
        let others = tops.iter().enumerate().filter(|(i, _)| *i != highest).map(|(_, top)| *top).fold(0.0, f64::max);
        match tops.get(highest) {
            Some(&top) if may_cut && others > 0.0 && top > SPIKE * others => (1.4 * others, Some(highest)),
            Some(&top) if top > 0.0 => (1.05 * top, None),
            _ => (1.0, None),
        }
    }

    /// The shares of a bin, in words.
    fn says(&self, bin: usize) -> String {
        format!("{} real, {} synthetic", rough(self.real[bin]), rough(self.synthetic[bin]))
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<Axis, Axis>>;
type Drawn<T = ()> = Result<T, DrawingAreaErrorKind<io::Error>>;

/// What `paint` paints on an empty sheet.
fn draw(width: u32, height: u32, paint: impl FnOnce(&Area<'_>) -> Drawn) -> Drawing {
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
    let drawn = paint(&root).and_then(|()| root.present());
    drop(root);
    // Marks go to a string, which takes them all; should one fail, half a picture would say something wrong.
    let marks = if drawn.is_ok() { marks(&svg) } else { String::new() };
    Drawing { width, height, marks }
}

/// The marks of a whole picture without what goes without saying, which is half of their length. What comes from data cannot be
/// hit: `plotters` writes a quotation mark as `&quot;`.
fn marks(svg: &str) -> String {
    let inside = svg.split_once('>').and_then(|(_, rest)| rest.rsplit_once("</svg>"));
    let mut marks = inside.map_or_else(String::new, |(inside, _)| inside.to_owned());
    for default in [" opacity=\"1\"", " stroke=\"none\"", " stroke-width=\"1\"", " font-family=\"sans-serif\""] {
        marks = marks.replace(default, "");
    }
    marks.replace(&format!(" font-size=\"{}\"", f64::from(LETTER.0) / 1.24), "").replace(" \"", "\"")
}

/// A sheet with two axes.
struct Axes<'t> {
    x: (f64, f64),
    y: (f64, f64),
    x_ticks: &'t [Tick],
    y_ticks: &'t [Tick],
    /// Room for what stands left of the marks and below them.
    left: u32,
    bottom: u32,
    /// Whether lines stand at the ticks: of x, and of y.
    lines: (bool, bool),
}

impl Axes<'_> {
    /// Draws the axes on `area`.
    fn on<'a>(&self, area: &Area<'a>) -> Drawn<Chart<'a>> {
        let mut chart = ChartBuilder::on(area)
            .x_label_area_size(self.bottom)
            .y_label_area_size(self.left)
            .build_cartesian_2d(Axis::new(self.x, self.x_ticks), Axis::new(self.y, self.y_ticks))?;
        let mut mesh = chart.configure_mesh();
        if !self.lines.0 {
            mesh.disable_x_mesh();
        }
        if !self.lines.1 {
            mesh.disable_y_mesh();
        }
        mesh.bold_line_style(AXIS).axis_style(AXIS).set_all_tick_mark_size(4).label_style(text(SOFT)).draw()?;
        Ok(chart)
    }
}

/// A range of numbers that is marked where we say.
struct Axis {
    range: RangedCoordf64,
    ticks: Vec<Tick>,
}

impl Axis {
    fn new((from, to): (f64, f64), ticks: &[Tick]) -> Axis {
        Axis { range: (from..to).into(), ticks: ticks.to_vec() }
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        self.range.map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // What the axis is asked for besides are finer lines between its ticks.
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.iter().map(|tick| tick.at).collect() }
    }

    fn range(&self) -> Range<f64> {
        self.range.range()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, at: &f64) -> String {
        self.ticks.iter().find(|tick| tick.at == *at).map_or_else(String::new, |tick| tick.text.clone())
    }
}

fn text(colour: RGBColor) -> TextStyle<'static> {
    TextStyle { color: colour.to_backend_color(), ..("sans-serif", LETTER.0).into() }
}

fn anchored(colour: RGBColor, across: HPos, down: VPos) -> TextStyle<'static> {
    text(colour).pos(Pos::new(across, down))
}

/// Room for the longest of some texts, as far as there is so much.
fn room<'t>(texts: impl Iterator<Item = &'t str>) -> u32 {
    let letter = |c: char| match c {
        'A'..='Z' | 'm' | 'w' => 4 * LETTER.1 / 3,
        // Scripts whose letters fill a square, and emoji.
        '\u{1100}'.. => LETTER.0 as u32,
        _ => LETTER.1,
    };
    let longest = texts.map(|text| text.chars().map(letter).sum()).max().unwrap_or(0);
    longest.min(WIDTH * 2 / 5) + GAP
}

/// A share as it stands beside a picture: `92 %`, `1.5 %`, `0.02 %`.
pub(crate) fn rough(share: f64) -> String {
    let percent = 100.0 * share;
    match percent {
        p if p == 0.0 || p >= 9.95 => format!("{p:.0} %"),
        p if p >= 0.095 => format!("{p:.1} %"),
        p if p >= 0.005 => format!("{p:.2} %"),
        _ => "<0.01 %".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_from_data_stay_texts() {
        let nasty = "<script>alert(1)</script> \" opacity=\"1\" & </svg>";
        let drawing = draw(100, 50, |area| area.draw_text(nasty, &text(INK), (1, 1)));
        let escaped = "&lt;script&gt;alert(1)&lt;/script&gt; &quot; opacity=&quot;1&quot; &amp; &lt;/svg&gt;";
        assert!(drawing.marks.contains(escaped), "{}", drawing.marks);
        assert_eq!(drawing.marks.matches('<').count(), 2, "one text and its end");
    }

    #[test]
    fn a_picture_that_cannot_be_drawn_is_empty() {
        let drawing = draw(100, 50, |area| {
            area.draw_text("half", &text(INK), (1, 1))?;
            Err(DrawingAreaErrorKind::LayoutError)
        });
        assert!(drawing.marks.is_empty());
    }

    #[test]
    fn shares_are_rough() {
        let found = [0.0, 0.000_001, 0.0002, 0.015, 0.0996, 0.917, 1.0].map(rough);
        assert_eq!(found, ["0 %", "<0.01 %", "0.02 %", "1.5 %", "10 %", "92 %", "100 %"]);
    }
}
