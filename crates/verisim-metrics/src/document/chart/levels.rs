//! Shares of levels, a row each: a broad bar for real rows, a narrow one for synthetic rows, a tick for hold-out rows.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::ticks::shares;
use super::{Axes, Drawing, GAP, INK, REAL, SYNTHETIC, Series, Tick, WIDTH, anchored, clip, draw, room};

/// Height of all bars, as far as each may be as high as [`ROW`] says.
const HEIGHT: usize = 390;
/// Least and largest height of a row.
const ROW: (usize, usize) = (27, 64);
const BOTTOM: u32 = 40;
/// Characters of a name.
const NAME: usize = 17;
/// Fewer levels than this are seen beside one another, however rare some are.
const FEW: usize = 5;

/// The level whose bar is cut, if any, and its shares in words.
pub(crate) fn cut_level(series: &Series<'_>) -> Option<(usize, String)> {
    let (_, cut) = reach(series);
    cut.map(|bin| (bin, series.says(bin)))
}

fn reach(series: &Series<'_>) -> (f64, Option<usize>) {
    series.reach(series.real.len() >= FEW)
}

/// Shares of levels with their names, the first on top.
pub(crate) fn levels(names: &[String], series: Series<'_>) -> Drawing {
    let rows = names.len() as f64;
    let y_ticks: Vec<Tick> =
        names.iter().enumerate().map(|(i, name)| Tick { at: rows - i as f64 - 0.5, text: clip(name, NAME) }).collect();
    let (top, cut) = reach(&series);
    let x_ticks = shares(top, 3);
    let axes = Axes {
        x: (0.0, top),
        y: (0.0, rows.max(1.0)),
        x_ticks: &x_ticks,
        y_ticks: &y_ticks,
        left: room(y_ticks.iter().map(|tick| tick.text.as_str())),
        bottom: BOTTOM,
        lines: (true, false),
    };
    let bars = |shares: &'_ [f64], half: f64, colour: RGBColor| {
        let bar = |(&share, tick): (&f64, &Tick)| {
            Rectangle::new([(0.0, tick.at - half), (share.min(top), tick.at + half)], colour.filled())
        };
        let there = shares.iter().zip(&y_ticks).filter(|(share, _)| **share > 0.0);
        there.map(bar).collect::<Vec<_>>()
    };
    let row = (HEIGHT / names.len().max(1)).clamp(ROW.0, ROW.1);
    draw(WIDTH, (row * names.len()) as u32 + GAP + BOTTOM, |area| {
        let mut chart = axes.on(&area.margin(GAP, 0, GAP, 2 * GAP))?;
        chart.draw_series(bars(series.real, 0.38, REAL))?;
        chart.draw_series(bars(series.synthetic, 0.15, SYNTHETIC))?;
        let ticks = series.holdout.unwrap_or(&[]).iter().zip(&y_ticks);
        chart.draw_series(ticks.filter(|(share, _)| **share <= top).map(|(&share, tick)| {
            PathElement::new([(share, tick.at - 0.44), (share, tick.at + 0.44)], INK.stroke_width(3))
        }))?;
        match cut {
            Some(bin) => {
                let arrow = Text::new("→", (top, y_ticks[bin].at), anchored(INK, HPos::Left, VPos::Center));
                chart.plotting_area().draw(&arrow)
            }
            None => Ok(()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_has_its_bars_and_a_tick() {
        let names = ["a".to_owned(), "<b>".to_owned()];
        let series = Series { real: &[0.75, 0.25], synthetic: &[1.0, 0.0], holdout: Some(&[0.5, 0.5]) };
        let marks = levels(&names, series).marks;
        let count = |mark: &str| marks.matches(mark).count();
        assert_eq!((count("<rect"), count("stroke=\"#1D2433\""), count("&lt;b&gt;")), (3, 2, 1));
        assert!(levels(&[], Series { real: &[], synthetic: &[], holdout: None }).marks.contains("0 %"));
    }

    #[test]
    fn one_long_bar_of_many_is_cut() {
        let (real, synthetic) = ([0.9, 0.04, 0.03, 0.02, 0.01], [0.8, 0.1, 0.05, 0.05, 0.0]);
        let series = Series { real: &real, synthetic: &synthetic, holdout: None };
        assert_eq!(cut_level(&series), Some((0, "90 % real, 80 % synthetic".to_owned())));
        assert!(levels(&["a", "b", "c", "d", "e"].map(str::to_owned), series).marks.contains('→'));
        let few = Series { real: &real[..4], synthetic: &synthetic[..4], holdout: None };
        assert_eq!(cut_level(&few), None);
    }
}
