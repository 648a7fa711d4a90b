//! What a score loses by each column: bars with their numbers.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::WIDTH;
use super::{Axes, Drawing, GAP, INK, SYNTHETIC, Tick, anchored, clip, draw, room};

/// Height of a bar with its gap.
const ROW: u32 = 40;
/// Characters of a name.
const NAME: usize = 20;
/// Room for a number.
const NUMBER: u32 = 90;

/// Names with what is lost by each, the first on top. What is below 0 has no bar: chance alone takes it there.
pub(crate) fn drops(lost: &[(String, f64)]) -> Drawing {
    let rows = lost.len() as f64;
    let ticks: Vec<Tick> = lost
        .iter()
        .enumerate()
        .map(|(i, (name, _))| Tick { at: rows - i as f64 - 0.5, text: clip(name, NAME) })
        .collect();
    let most = lost.iter().map(|(_, drop)| *drop).filter(|drop| drop.is_finite()).fold(0.0, f64::max);
    let left = room(ticks.iter().map(|tick| tick.text.as_str()));
    let axes = Axes {
        x: (0.0, if most > 0.0 { most } else { 1.0 }),
        y: (0.0, rows.max(1.0)),
        x_ticks: &[],
        y_ticks: &ticks,
        left,
        bottom: 0,
        lines: (false, false),
    };
    draw(WIDTH, ROW * lost.len().max(1) as u32 + GAP, |area| {
        let mut chart = axes.on(&area.margin(0, GAP, GAP, NUMBER))?;
        let bars = lost.iter().zip(&ticks).filter(|((_, drop), _)| *drop > 0.0);
        chart.draw_series(bars.map(|((_, drop), tick)| {
            Rectangle::new([(0.0, tick.at - 0.32), (drop.min(most), tick.at + 0.32)], SYNTHETIC.filled())
        }))?;
        let style = anchored(INK, HPos::Left, VPos::Center);
        for ((_, drop), tick) in lost.iter().zip(&ticks) {
            let (x, y) = chart.plotting_area().map_coordinate(&(drop.clamp(0.0, most), tick.at));
            area.draw_text(&format!("{drop:.3}"), &style, (x + GAP as i32, y))?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_number_and_a_bar_where_it_lost() {
        let lost = [("age".to_owned(), 0.12), ("<i>".to_owned(), 0.0301), ("job".to_owned(), -0.002)];
        let marks = drops(&lost).marks;
        assert_eq!(marks.matches("<rect").count(), 2);
        for text in ["age", "&lt;i&gt;", "job", "0.120", "0.030", "-0.002"] {
            assert!(marks.contains(text), "{text} in {marks}");
        }
        assert!(drops(&[]).marks.is_empty() || !drops(&[]).marks.contains("rect"));
        assert_eq!(drops(&[("x".to_owned(), f64::NAN)]).marks.matches("<rect").count(), 0);
    }
}
