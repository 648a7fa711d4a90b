//! Shares of bins that lie side by side: an area for real rows, steps for the others.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::ticks::shares;
use super::{Axes, Chart, Drawing, Drawn, GAP, HOLDOUT, INK, REAL, SYNTHETIC, Series, Tick, anchored, draw};
use super::{WIDTH, room};

const HEIGHT: u32 = 380;
const BOTTOM: u32 = 40;

/// Shares of bins, of which each is 1 wide; `ticks` say where they are.
pub(crate) fn histogram(series: Series<'_>, ticks: &[Tick]) -> Drawing {
    let bins = series.real.len();
    let (top, spike) = series.reach(true);
    let y_ticks = shares(top, 3);
    let axes = Axes {
        x: (0.0, bins as f64),
        y: (0.0, top),
        x_ticks: ticks,
        y_ticks: &y_ticks,
        left: room(y_ticks.iter().map(|tick| tick.text.as_str())),
        bottom: BOTTOM,
        lines: (false, true),
    };
    draw(WIDTH, HEIGHT, |area| {
        let mut chart = axes.on(&area.margin(GAP, 0, 0, GAP))?;
        let area = outline(series.real, top);
        chart.draw_series([Polygon::new(area, REAL.filled())])?;
        if let Some(holdout) = series.holdout {
            chart.draw_series([PathElement::new(outline(holdout, top), HOLDOUT.stroke_width(2))])?;
        }
        chart.draw_series([PathElement::new(outline(series.synthetic, top), SYNTHETIC.stroke_width(4))])?;
        match spike {
            Some(bin) => label(&chart, &series, bin, top),
            None => Ok(()),
        }
    })
}

/// The steps of a histogram from the axis back to it, cut at `top`.
fn outline(shares: &[f64], top: f64) -> Vec<(f64, f64)> {
    let heights: Vec<f64> = shares.iter().map(|share| share.min(top)).collect();
    let mut points = vec![(0.0, 0.0)];
    let mut from = 0.0;
    // A run of equal bins is one line.
    for run in heights.chunk_by(|a, b| a == b) {
        let to = from + run.len() as f64;
        points.extend([(from, run[0]), (to, run[0])]);
        from = to;
    }
    points.push((from, 0.0));
    points.dedup();
    points
}

/// How high the bin is that the axis cuts.
fn label(chart: &Chart<'_>, series: &Series<'_>, bin: usize, top: f64) -> Drawn {
    let left = bin >= series.real.len() / 2;
    let (at, across) = if left { (bin as f64 - 0.3, HPos::Right) } else { (bin as f64 + 1.3, HPos::Left) };
    let says = format!("↑ {}", series.says(bin));
    chart.plotting_area().draw(&Text::new(says, (at, top), anchored(INK, across, VPos::Top)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_go_around_the_bins() {
        let steps = [(0.0, 0.0), (0.0, 0.5), (1.0, 0.5), (1.0, 0.2), (3.0, 0.2), (3.0, 0.0)];
        assert_eq!(outline(&[0.5, 0.2, 0.2], 1.0), steps);
        assert_eq!(outline(&[0.5], 0.3)[1], (0.0, 0.3), "cut");
        assert_eq!(outline(&[0.0, 0.0, 0.4], 1.0), [(0.0, 0.0), (2.0, 0.0), (2.0, 0.4), (3.0, 0.4), (3.0, 0.0)]);
    }

    #[test]
    fn one_high_bin_is_cut_and_says_so() {
        let (real, synthetic) = ([0.9, 0.06, 0.04], [0.85, 0.05, 0.1]);
        let series = Series { real: &real, synthetic: &synthetic, holdout: None };
        assert_eq!(series.reach(true), (1.4 * 0.1, Some(0)));
        assert!(histogram(series, &[]).marks.contains("↑ 90 % real, 85 % synthetic"));
        let even = Series { real: &[0.5, 0.5], synthetic: &[1.0, 0.0], holdout: None };
        assert_eq!(even.reach(true), (1.05, None));
        let nothing = Series { real: &[0.0], synthetic: &[0.0], holdout: Some(&[0.0]) };
        assert_eq!(nothing.reach(true), (1.0, None));
        assert!(!histogram(nothing, &[]).marks.contains('↑'));
    }
}
