//! Rules of the kind `c = 1.8 × a + 32`: a column that is another one in another unit.

use rayon::prelude::*;

use super::RuleKind;
use super::arithmetic::{Sum, settle};
use super::check::{Found, near_pairs};
use super::sheet::{Column, Sheet, Step};

/// Most pairs of columns that are looked at.
const MOST_PAIRS: usize = 250_000;
/// Rows of the first look, which lets so many exceptions pass.
const FIRST_ROWS: usize = 256;
const FIRST_LEEWAY: usize = 3;
/// Most earlier columns that are tested for each.
const MOST_EARLIER: usize = 3;
/// Rounding hides what a line of fewer values is.
const LEAST_VALUES: usize = 100;
/// What the ends of a line, which fix it, add to the rounding of the points between.
const BLUR: f64 = 2.0;

/// A straight line, and the ends that fix it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Line {
    slope: f64,
    start: f64,
    ends: [(f64, f64); 2],
}

impl Line {
    /// The line through the points of the lowest and the highest `x` where both are present.
    fn through(x: &[f64], y: &[f64]) -> Option<Line> {
        let mut points = x.iter().copied().zip(y.iter().copied()).filter(|(x, y)| !x.is_nan() && !y.is_nan());
        let first = points.next()?;
        let ends = points.fold([first; 2], |[low, high], p| {
            [if p.0 < low.0 { p } else { low }, if p.0 > high.0 { p } else { high }]
        });
        let [(x0, y0), (x1, y1)] = ends;
        let slope = (y1 - y0) / (x1 - x0);
        (slope.is_finite() && slope != 0.0).then_some(Line { slope, start: y0 - slope * x0, ends })
    }

    /// How far a point may lie from the line when all numbers were rounded.
    fn slack(&self, steps: [Step; 2], x: f64, y: f64) -> f64 {
        BLUR * (steps[1].half(y) + self.slope.abs() * steps[0].half(x))
    }

    /// The line of the fewest digits that rounding may have hidden: 1.8 rather than 1.799998.
    fn plain(&self, steps: [Step; 2]) -> Line {
        let [(x0, y0), (x1, y1)] = self.ends;
        let slack = self.slack(steps, x0.abs().max(x1.abs()), y0.abs().max(y1.abs())) / BLUR;
        let slope = shortest(self.slope, slack / (x1 - x0));
        Line { slope, start: shortest(y0 - slope * x0, slack), ..*self }
    }

    fn text(&self, x: &str, y: &str) -> String {
        let Line { slope, start, .. } = *self;
        let scaled = if slope.abs() == 1.0 { format!("`{x}`") } else { format!("{} × `{x}`", slope.abs()) };
        match (slope > 0.0, start) {
            (true, 0.0) => format!("`{y}` = {scaled}"),
            (true, _) => format!("`{y}` = {scaled} {} {}", if start > 0.0 { '+' } else { '-' }, start.abs()),
            (false, _) => format!("`{y}` = {start} - {scaled}"),
        }
    }
}

/// Slope and start of a line by which `y` is computed from `x`, in the fewest digits; `steps` are those of `x` and `y`. Where all rows
/// leave room for a slope when `y` alone is rounded, it is that, else one that the rounding of both may have hidden.
pub fn line(x: &[f64], y: &[f64], steps: [Step; 2]) -> Option<(f64, f64)> {
    let line = Line::through(x, y)?.plain(steps);
    let exact = [0.0, line.start].into_iter().find_map(|start| Some((slope(x, y, steps[1], start)?, start)));
    exact.or(Some((line.slope, line.start)))
}

/// The slope of the fewest digits that gives `y` in every row, but for its rounding.
fn slope(x: &[f64], y: &[f64], step: Step, start: f64) -> Option<f64> {
    let (mut least, mut most) = (f64::NEG_INFINITY, f64::INFINITY);
    for (&x, &y) in x.iter().zip(y).filter(|(x, y)| !x.is_nan() && !y.is_nan()) {
        let half = step.half(y);
        if x == 0.0 {
            if (y - start).abs() > half {
                return None;
            }
            continue;
        }
        let ends = [(y - half - start) / x, (y + half - start) / x];
        least = least.max(ends[0].min(ends[1]));
        most = most.min(ends[0].max(ends[1]));
    }
    let found = (least <= most).then(|| shortest((least + most) / 2.0, (most - least) / 2.0));
    found.filter(|slope| slope.is_finite() && *slope != 0.0)
}

/// The number of the fewest digits that is `within` so much of `x`.
fn shortest(x: f64, within: f64) -> f64 {
    if x.abs() <= within {
        return 0.0;
    }
    let rounded = (0..17).filter_map(|digits| format!("{x:.digits$e}").parse().ok());
    rounded.into_iter().find(|r: &f64| (r - x).abs() <= within).unwrap_or(x)
}

/// The columns of `numbers` that lie on a line with an earlier one, each with its rule.
pub(super) fn find(columns: &[Column], sheet: &Sheet, numbers: &[usize]) -> Vec<(usize, Found)> {
    let mut pairs: Vec<[usize; 2]> = near_pairs(numbers.len(), MOST_PAIRS)
        .into_par_iter()
        .map(|(i, j)| [numbers[j], numbers[i]])
        .filter(|&[y, x]| may_be(columns, sheet, [x, y]))
        .collect();
    pairs.sort_unstable();
    let of_column: Vec<&[[usize; 2]]> = pairs.chunk_by(|a, b| a[0] == b[0]).collect();
    let first =
        |of: &&[[usize; 2]]| of.iter().take(MOST_EARLIER).find_map(|&[y, x]| Some((y, rule(columns, sheet, [x, y])?)));
    of_column.par_iter().filter_map(first).collect()
}

/// Whether the first rows lie on a line.
fn may_be(columns: &[Column], sheet: &Sheet, pair: [usize; 2]) -> bool {
    let steps = pair.map(|j| columns[j].step);
    let [x, y] = pair.map(|j| &sheet.cells[j].numbers[..sheet.rows.min(FIRST_ROWS)]);
    Line::through(x, y).is_some_and(|line| {
        let off = |&(x, y): &(&f64, &f64)| (line.slope * x + line.start - y).abs() > line.slack(steps, *x, *y);
        x.iter().zip(y).filter(off).take(FIRST_LEEWAY + 1).count() <= FIRST_LEEWAY
    })
}

fn rule(columns: &[Column], sheet: &Sheet, pair: [usize; 2]) -> Option<Found> {
    let steps = pair.map(|j| columns[j].step);
    let [x, y] = pair.map(|j| sheet.cells[j].numbers.as_slice());
    let line = Line::through(x, y)?.plain(steps);
    let rounds = line.slope.abs() * steps[0].half(0.0) < steps[1].half(0.0);
    let fine = pair.iter().all(|&j| columns[j].distinct >= LEAST_VALUES);
    if rounds && !fine {
        return None;
    }
    let exact = Sum {
        columns: vec![pair[1], pair[0]],
        factors: vec![line.slope],
        constant: line.start,
        steps: vec![steps[1], steps[0]],
        blur: 0.0,
    };
    let rounded = fine.then(|| Sum { blur: BLUR, ..exact.clone() });
    let (rule, by_chance) = settle(sheet, exact, rounded)?;
    let [x, y] = pair.map(|j| columns[j].name());
    let text = line.text(x, y) + rule.note();
    Some(Found::new(RuleKind::Sum, text, by_chance, rule))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_seen_through() {
        let cents = Step { absolute: 0.01, relative: 0.0 };
        let x: Vec<f64> = (0..50).map(|i| f64::from(i * 37 % 50) / 7.0).map(|x| (x * 100.0).round() / 100.0).collect();
        let y: Vec<f64> = x.iter().map(|x| ((1.8 * x + 32.0) * 100.0).round() / 100.0).collect();
        let line = Line::through(&x, &y).unwrap().plain([cents; 2]);
        assert_eq!((line.slope, line.start), (1.8, 32.0));
        assert_eq!(line.text("c", "f"), "`f` = 1.8 × `c` + 32");
        let falling = Line { slope: -1.0, start: 2011.0, ..line };
        assert_eq!(falling.text("age", "born"), "`born` = 2011 - `age`");
        assert!(Line::through(&[1.0, f64::NAN], &[2.0, 3.0]).is_none());
    }

    #[test]
    fn what_is_rounded_once_is_found_to_the_digit() {
        let whole = Step { absolute: 1.0, relative: 0.0 };
        let miles: Vec<f64> = (0..4_000).map(f64::from).collect();
        let km: Vec<f64> = miles.iter().map(|m| (1.609_344 * m).round()).collect();
        let (slope, start) = line(&miles, &km, [whole; 2]).unwrap();
        assert!(start == 0.0 && miles.iter().zip(&km).all(|(m, k)| (slope * m).round() == *k), "{slope}");
        let hot: Vec<f64> = miles.iter().map(|c| (1.8 * c + 32.0).round()).collect();
        assert_eq!(line(&miles, &hot, [whole; 2]), Some((1.8, 32.0)));
    }

    #[test]
    fn the_shortest_number_within_reach() {
        assert_eq!(shortest(1.799_998, 1e-5), 1.8);
        assert_eq!(shortest(86_399.999, 0.01), 86_400.0);
        assert_eq!(shortest(-0.003, 0.01), 0.0);
        assert_eq!(shortest(0.1 + 0.2, 0.0), 0.1 + 0.2);
    }
}
