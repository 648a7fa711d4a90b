//! How two columns go together: shares of the cells of a grid, for real and for synthetic rows, in one scale of colours.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::{AXIS, Area, Axes, CELL, Drawing, Drawn, GAP, INK, LETTER, SOFT, Tick, WIDTH, anchored, clip, draw, room};

/// Least height of a grid, and of a row that has a name.
const CELLS: u32 = 250;
const ROW: u32 = 25;
/// Space between the two grids, and right of them, where half of a number may stand.
const BETWEEN: u32 = 50;
const RIGHT: u32 = 30;
/// Characters of a level.
const NAME: usize = 13;
/// Shades that are told apart, and the least that is seen.
const SHADES: f64 = 20.0;
const LEAST: f64 = 0.1;
/// Room of a line of text.
const LINE: u32 = 40;

/// One side of a grid.
#[derive(Clone, Debug)]
pub(crate) struct Heading {
    /// Bins of the column.
    pub bins: usize,
    /// Marks of its axis; bins are 1 wide.
    pub ticks: Vec<Tick>,
    /// Whether every bin has a mark of its own, its name.
    pub names: bool,
}

impl Heading {
    fn clipped(&self) -> Vec<Tick> {
        self.ticks.iter().map(|tick| Tick { at: tick.at, text: clip(&tick.text, NAME) }).collect()
    }
}

/// The shares of the cells of two grids, row by row from below.
pub(crate) fn density(x: &Heading, y: &Heading, real: &[f64], synthetic: &[f64]) -> Drawing {
    let (x_ticks, y_ticks) = (x.clipped(), y.clipped());
    let most = real.iter().chain(synthetic).copied().fold(0.0, f64::max);
    // Names below the cells are turned: side by side they would not fit.
    let bottom = if x.names { room(x_ticks.iter().map(|tick| tick.text.as_str())) } else { LINE };
    let left = room(y_ticks.iter().map(|tick| tick.text.as_str())).max(4 * LETTER.1);
    let width = (WIDTH - left - BETWEEN - RIGHT) / 2;
    let cells = if y.names { CELLS.max(ROW * y.bins as u32) } else { CELLS };
    let height = LINE + cells + bottom;
    let grid = Grid { x, y, x_ticks: &x_ticks, y_ticks: &y_ticks, bottom, most };
    draw(WIDTH, height, |area| {
        let panel = |from: u32, wide: u32| area.clone().shrink((from, 0), (wide, height));
        grid.paint(&panel(0, left + width), left, "real", real)?;
        grid.paint(&panel(left + width + BETWEEN, width), 0, "synthetic", synthetic)
    })
}

struct Grid<'g> {
    x: &'g Heading,
    y: &'g Heading,
    x_ticks: &'g [Tick],
    y_ticks: &'g [Tick],
    bottom: u32,
    /// The share of the strongest colour.
    most: f64,
}

impl Grid<'_> {
    fn paint(&self, area: &Area<'_>, left: u32, title: &str, shares: &[f64]) -> Drawn {
        let (across, up) = (self.x.bins as f64, self.y.bins as f64);
        let axes = Axes {
            x: (0.0, across),
            y: (0.0, up),
            x_ticks: if self.x.names { &[] } else { self.x_ticks },
            y_ticks: self.y_ticks,
            left,
            bottom: self.bottom,
            lines: (false, false),
        };
        area.draw_text(title, &anchored(INK, HPos::Left, VPos::Top), (left as i32, 6))?;
        let mut chart = axes.on(&area.margin(LINE, 0, 0, 0))?;
        let cells = shares.chunks(self.x.bins.max(1)).zip(0..).flat_map(|(row, j)| self.runs(row, j));
        chart.draw_series(cells)?;
        let plot = chart.plotting_area();
        plot.draw(&Rectangle::new([(0.0, 0.0), (across, up)], AXIS.stroke_width(1)))?;
        if self.x.names {
            let style = anchored(SOFT, HPos::Right, VPos::Center).transform(FontTransform::Rotate270);
            let foot = plot.get_pixel_range().1.end - area.get_base_pixel().1 + GAP as i32 / 2;
            for tick in self.x_ticks {
                let at = plot.map_coordinate(&(tick.at, 0.0)).0 - area.get_base_pixel().0;
                area.draw_text(&tick.text, &style, (at, foot))?;
            }
        }
        Ok(())
    }

    /// The cells of a row, neighbours of one shade as one.
    fn runs(&self, row: &[f64], j: u32) -> Vec<Rectangle<(f64, f64)>> {
        let shades: Vec<f64> = row.iter().map(|&share| shade(share, self.most)).collect();
        let (mut runs, mut from) = (Vec::new(), 0);
        for run in shades.chunk_by(|a, b| a == b) {
            let to = from + run.len();
            if run[0] > 0.0 {
                let corners = [(from as f64, f64::from(j)), (to as f64, f64::from(j) + 1.0)];
                runs.push(Rectangle::new(corners, CELL.mix(run[0]).filled()));
            }
            from = to;
        }
        runs
    }
}

/// How strong the colour of a share is. Even in its square root, so that what is rare can be seen beside what is common.
fn shade(share: f64, most: f64) -> f64 {
    if share > 0.0 { (((share / most).sqrt() * SHADES).ceil() / SHADES).max(LEAST) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_by_hand() {
        assert_eq!((shade(0.0, 0.5), shade(0.5, 0.5), shade(0.125, 0.5), shade(1e-9, 0.5)), (0.0, 1.0, 0.5, LEAST));
    }

    #[test]
    fn both_grids_share_one_scale_and_neighbours_are_one() {
        let side = Heading { bins: 2, ticks: Vec::new(), names: false };
        let drawing = density(&side, &side, &[0.25, 0.25, 0.5, 0.0], &[1.0, 0.0, 0.0, 0.0]);
        // A quarter is half as dark as one; the half is a shade of its own; one full cell; and two frames.
        let count = |opacity: &str| drawing.marks.matches(&format!("opacity=\"{opacity}\" fill=\"#2B4C9B\"")).count();
        assert_eq!((count("0.5"), count("0.75"), drawing.marks.matches("<rect").count()), (1, 1, 5));
    }
}
