//! Lines over a common axis: sequences, autocorrelations, spectra.

use plotters::prelude::*;

use super::{Axes, Drawing, GAP, HOLDOUT, REAL, SYNTHETIC, Tick, WIDTH, draw, room};

const HEIGHT: u32 = 380;
const BOTTOM: u32 = 40;
/// Room above and below the lines, of the whole.
const MARGIN: f64 = 0.04;

/// Lines of each side, every one a row of points.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Curves<'a> {
    pub real: &'a [Vec<[f64; 2]>],
    pub synthetic: &'a [Vec<[f64; 2]>],
    pub holdout: &'a [Vec<[f64; 2]>],
    pub x_ticks: &'a [Tick],
    pub y_ticks: &'a [Tick],
}

/// Real lines are broad, those of the hold-out dashed, synthetic ones over both. Points that are no numbers are left out.
pub(crate) fn curves(lines: Curves<'_>) -> Drawing {
    let all = || lines.real.iter().chain(lines.synthetic).chain(lines.holdout).flatten();
    let axes = Axes {
        x: reach(all().map(|p| p[0]), 0.0),
        y: reach(all().map(|p| p[1]), MARGIN),
        x_ticks: lines.x_ticks,
        y_ticks: lines.y_ticks,
        left: room(lines.y_ticks.iter().map(|tick| tick.text.as_str())),
        bottom: BOTTOM,
        lines: (false, true),
    };
    draw(WIDTH, HEIGHT, |area| {
        let mut chart = axes.on(&area.margin(GAP, 0, 0, GAP))?;
        let styles = [
            (lines.real, REAL.stroke_width(if lines.real.len() > 1 { 3 } else { 7 })),
            (lines.holdout, HOLDOUT.stroke_width(2)),
            (lines.synthetic, SYNTHETIC.stroke_width(if lines.synthetic.len() > 1 { 2 } else { 4 })),
        ];
        for (lines, style) in styles {
            let points = |line: &Vec<[f64; 2]>| {
                line.iter().filter(|p| p[0].is_finite() && p[1].is_finite()).map(|&[x, y]| (x, y)).collect::<Vec<_>>()
            };
            chart.draw_series(lines.iter().map(|line| PathElement::new(points(line), style)))?;
        }
        Ok(())
    })
}

/// The range of some numbers with room around it.
fn reach(numbers: impl Iterator<Item = f64>, margin: f64) -> (f64, f64) {
    let known = numbers.filter(|x| x.is_finite());
    let (low, high) = known.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
    match high - low {
        wide if wide > 0.0 && wide.is_finite() => (low - margin * wide, high + margin * wide),
        0.0 => (low - 1.0, high + 1.0),
        _ => (-1.0, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_drawn_and_odd_ones_do_no_harm() {
        let line = |y: f64| vec![[0.0, y], [1.0, y + 1.0], [2.0, f64::NAN]];
        let (real, synthetic) = ([line(0.0), line(1.0)], [line(3.0)]);
        let drawing =
            curves(Curves { real: &real, synthetic: &synthetic, holdout: &[line(2.0)], x_ticks: &[], y_ticks: &[] });
        let count = |colour: &str| drawing.marks.matches(&format!("stroke=\"{colour}\"")).count();
        assert_eq!((count("#9FB1CB"), count("#D95F02"), count("#1D2434")), (2, 1, 1), "{}", drawing.marks);
        for odd in [vec![], vec![vec![]], vec![vec![[0.0, 5.0]]], vec![vec![[0.0, f64::INFINITY]]]] {
            let none = curves(Curves { real: &odd, synthetic: &odd, holdout: &[], x_ticks: &[], y_ticks: &[] });
            assert!(!none.marks.is_empty());
        }
    }
}
