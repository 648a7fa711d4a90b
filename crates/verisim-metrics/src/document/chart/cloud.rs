//! Rows as points of a plane.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::{Axes, Drawing, GAP, INK, REAL, SOFT, SYNTHETIC, Tick, anchored, draw};

const WIDTH: u32 = 960;
const HEIGHT: u32 = 640;
/// Room of the words beside an axis.
const WORDS: u32 = 48;
/// Room around the outermost points, of the whole.
const MARGIN: f64 = 0.04;

/// What is drawn in a plane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cloud<'a> {
    pub real: &'a [[f64; 2]],
    pub synthetic: &'a [[f64; 2]],
    pub holdout: Option<&'a [[f64; 2]]>,
    /// What the axes are called.
    pub axes: [&'a str; 2],
}

/// Real rows as dots, hold-out rows as rings over them, synthetic rows over both.
pub(crate) fn cloud(points: Cloud<'_>) -> Drawing {
    let holdout = points.holdout.unwrap_or(&[]);
    let all = || points.real.iter().chain(points.synthetic).chain(holdout);
    let (x, y) = (reach(all().map(|p| p[0])), reach(all().map(|p| p[1])));
    let middle = [Tick { at: 0.0, text: String::new() }];
    let axes = Axes { x, y, x_ticks: &middle, y_ticks: &middle, left: WORDS, bottom: WORDS, lines: (true, true) };
    draw(WIDTH, HEIGHT, |area| {
        let mut chart = axes.on(&area.margin(GAP, 0, 0, GAP))?;
        let (down, along) = ((HEIGHT - WORDS) as i32 / 2, (WIDTH + WORDS) as i32 / 2);
        let words = anchored(SOFT, HPos::Center, VPos::Bottom);
        area.draw_text(points.axes[0], &words, (along, HEIGHT as i32))?;
        area.draw_text(points.axes[1], &words.transform(FontTransform::Rotate270), (WORDS as i32 - 4, down))?;
        let dots = |points: &[[f64; 2]], size: i32, style: ShapeStyle| {
            points.iter().map(|&[x, y]| Circle::new((x, y), size, style)).collect::<Vec<_>>()
        };
        chart.draw_series(dots(points.real, 5, REAL.mix(0.8).filled()))?;
        chart.draw_series(dots(holdout, 5, INK.mix(0.5).stroke_width(1)))?;
        chart.draw_series(dots(points.synthetic, 4, SYNTHETIC.mix(0.6).filled()))?;
        Ok(())
    })
}

/// The range of some coordinates with room around it.
fn reach(coordinates: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = coordinates.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
    match high - low {
        wide if wide > 0.0 => (low - MARGIN * wide, high + MARGIN * wide),
        0.0 => (low - 1.0, high + 1.0),
        _ => (-1.0, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_point() {
        let [real, synthetic, holdout] = [[[0.0, 0.0], [1.0, 2.0]], [[0.5, 0.5], [3.0, 1.0]], [[1.0, 1.0], [0.0, 1.0]]];
        let axes = ["first", "second <b>"];
        let drawing = cloud(Cloud { real: &real, synthetic: &synthetic, holdout: Some(&holdout[..1]), axes });
        assert_eq!(drawing.marks.matches("<circle").count(), 5);
        assert!(drawing.marks.contains("second &lt;b&gt;"));
    }

    #[test]
    fn points_have_room_around_them() {
        assert_eq!(reach([0.0, 1.0].into_iter()), (-0.04, 1.04));
        assert_eq!(reach([3.0].into_iter()), (2.0, 4.0));
        assert_eq!(reach([].into_iter()), (-1.0, 1.0));
    }
}
