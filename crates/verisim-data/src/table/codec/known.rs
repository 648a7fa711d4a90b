//! Rows of which some cells are known: what follows from them, and rows decoded around them.

use super::{ColumnCodec, Derived, Encoded, TableCodec};
use crate::table::codec::derived::Fit;
use crate::table::frame::{Column, Frame, MISSING};
use crate::table::rules::{Formula, Map, level_number, numbers};

impl TableCodec {
    /// Which tokens are known where these cells of `frame` are, a column each: that of a column made from others only where those are.
    pub fn known_tokens(&self, known: &[Vec<bool>]) -> Vec<Vec<bool>> {
        let column = |(j, codec): (usize, &ColumnCodec)| {
            let sources = codec.sources();
            (0..known[j].len()).map(|i| known[j][i] && sources.iter().all(|&s| known[s][i])).collect()
        };
        self.columns.iter().enumerate().map(column).collect()
    }

    /// Fills cells that follow from known ones: the only value of a column by which a known one is computed as it is. Marks them as
    /// known. A count is a total divided by its price; a state does not say its city.
    pub fn solve(&self, frame: &mut Frame, known: &mut [Vec<bool>]) {
        // Each pass that finds something makes a column known that was not.
        for _ in 0..self.columns.len() {
            let mut found = false;
            for (j, codec) in self.columns.iter().enumerate() {
                let ColumnCodec::Derived(derived) = codec else { continue };
                let rows: Vec<usize> = (0..frame.rows).filter(|&i| known[j][i]).collect();
                for i in rows {
                    let unknown: Vec<usize> = derived.formula.sources().into_iter().filter(|&s| !known[s][i]).collect();
                    let [source] = unknown[..] else { continue };
                    if let Some(x) = self.solved(derived, j, source, frame, i) {
                        put(&mut frame.columns[source], i, x);
                        known[source][i] = true;
                        found = true;
                    }
                }
            }
            if !found {
                return;
            }
        }
    }

    /// The value of `source` by which column `j` of row `i` is what it is.
    fn solved(&self, derived: &Derived, j: usize, source: usize, frame: &Frame, i: usize) -> Option<f64> {
        let at = |j: usize| one(&frame.columns[j], i);
        let target = at(j);
        let x = match &derived.formula {
            Formula::Sum { parts, constant } => {
                let factor = parts.iter().find(|p| p.0 == source).map(|p| p.1)?;
                let rest: f64 = parts.iter().filter(|p| p.0 != source).map(|&(j, factor)| factor * at(j)).sum();
                (target - constant - rest) / factor
            }
            Formula::Product([a, b]) => target / at(if *a == source { *b } else { *a }),
            Formula::Quotient([a, b]) if *a == source => target * at(*b),
            Formula::Quotient([a, _]) => at(*a) / target,
            Formula::Map(map) if map.part.is_none() => {
                let target = code(&frame.columns[j], i);
                let mut keys = map.keys.iter().zip(&map.values).filter(|(_, v)| **v == target).map(|(k, _)| *k);
                let key = keys.next().filter(|_| keys.next().is_none())?;
                return Some(key);
            }
            Formula::Map(_) | Formula::Expression(_) => return None,
        };
        // A value that the column cannot have is no solution.
        let value = match &frame.columns[source] {
            Column::Number(_) => self.columns[source].rounded(x)?,
            Column::Category { levels, .. } => {
                let near = |level: &String| (level_number(level) - x).abs() <= 1e-9 * x.abs().max(1.0);
                levels.iter().position(near)? as f64
            }
        };
        (value.is_finite() && self.gives(derived, j, source, value, frame, i)).then_some(value)
    }

    /// Whether column `j` of row `i` comes out as it is with `x` in `source`.
    fn gives(&self, derived: &Derived, j: usize, source: usize, x: f64, frame: &Frame, i: usize) -> bool {
        let mut row = frame.take(&[i]);
        put(&mut row.columns[source], 0, x);
        let all: Vec<&Column> = row.columns.iter().collect();
        derived.fits(&row.columns[j], &all) == [Fit::Same]
    }

    /// Decodes around what is known: `over` puts known cells in the place of those of a column that was made, before others are made from
    /// it. Also says which rows break a rule.
    pub fn decode_over(
        &self,
        encoded: &Encoded,
        seed: u64,
        chunk: u64,
        over: &(dyn Fn(usize, Column) -> Column + Sync),
    ) -> (Frame, Vec<bool>) {
        let (frame, mut broken) = self.decode_marked(encoded, seed, chunk, over);
        let all: Vec<&Column> = frame.columns.iter().collect();
        broken.iter_mut().enumerate().for_each(|(i, broken)| *broken |= self.rules.broken(&all, i));
        for (j, codec) in self.columns.iter().enumerate() {
            match codec {
                ColumnCodec::Derived(derived) if derived.is_strict() => {
                    let fits = derived.fits(all[j], &all);
                    broken.iter_mut().zip(fits).for_each(|(broken, fit)| *broken |= fit == Fit::Differs);
                }
                ColumnCodec::Distance(distance) => {
                    let wrong = distance.wrong_side(all[j], &all);
                    broken.iter_mut().zip(wrong).for_each(|(broken, wrong)| *broken |= wrong);
                }
                _ => {}
            }
        }
        (frame, broken)
    }

    /// Where a known column is computed from several that are not, takes all of those but one from the rows `drawn` and makes that one
    /// what it must be: into `frame`, where there is such a value.
    pub fn mend(&self, drawn: &Frame, frame: &mut Frame, known: &[Vec<bool>]) {
        for (j, codec) in self.columns.iter().enumerate() {
            let ColumnCodec::Derived(derived) = codec else { continue };
            for i in (0..frame.rows).filter(|&i| known[j][i]) {
                let unknown: Vec<usize> = derived.formula.sources().into_iter().filter(|&s| !known[s][i]).collect();
                // A price is found for a count that was drawn sooner than a count for a price, so each is tried.
                let before: Vec<f64> = unknown.iter().map(|&s| code(&frame.columns[s], i)).collect();
                unknown.iter().for_each(|&s| put(&mut frame.columns[s], i, code(&drawn.columns[s], i)));
                let solved = unknown.iter().find_map(|&s| Some((s, self.solved(derived, j, s, frame, i)?)));
                match solved {
                    Some((s, x)) => put(&mut frame.columns[s], i, x),
                    None => unknown.iter().zip(before).for_each(|(&s, x)| put(&mut frame.columns[s], i, x)),
                }
            }
        }
    }

    /// Cells that are not what others make them, in columns of which that was never so: a column each.
    pub fn contradicted(&self, frame: &Frame) -> Vec<Vec<bool>> {
        let all: Vec<&Column> = frame.columns.iter().collect();
        let column = |(j, codec): (usize, &ColumnCodec)| match codec {
            ColumnCodec::Derived(derived) if derived.is_strict() => {
                derived.fits(all[j], &all).into_iter().map(|fit| fit == Fit::Differs).collect()
            }
            _ => vec![false; frame.rows],
        };
        self.columns.iter().enumerate().map(column).collect()
    }

    /// Of a column of levels whose values fix those of a known one: for each row the value that they must come to, where the column itself
    /// is not known. Rows of one value may have the same levels.
    pub fn demands(&self, frame: &Frame, known: &[Vec<bool>]) -> Vec<Demand<'_>> {
        let maps = self.columns.iter().enumerate().filter_map(|(j, codec)| match codec {
            ColumnCodec::Derived(Derived { formula: Formula::Map(map), .. }) if map.part.is_none() && map.by_code => {
                Some((j, map))
            }
            _ => None,
        });
        let demand = |(j, map)| Demand { values: demanded(j, map, frame, known), map };
        maps.map(demand).filter(|demand| demand.values.iter().any(Option::is_some)).collect()
    }
}

/// The value of column `j` in the rows where it is known and what it is looked up by is not.
fn demanded(j: usize, map: &Map, frame: &Frame, known: &[Vec<bool>]) -> Vec<Option<f64>> {
    let value = |i: usize| (known[j][i] && !known[map.of][i]).then(|| code(&frame.columns[j], i));
    (0..frame.rows).map(value).collect()
}

/// What a column must come to, row by row.
pub struct Demand<'a> {
    map: &'a Map,
    /// The value of each row; none where nothing is demanded.
    pub values: Vec<Option<f64>>,
}

impl Demand<'_> {
    /// The column that is looked up.
    pub fn column(&self) -> usize {
        self.map.of
    }

    /// Whether a level comes to this value.
    pub fn allows(&self, level: u32, value: f64) -> bool {
        self.map.value(f64::from(level)) == value
    }
}

/// One cell as a number; `NaN` is missing.
fn one(column: &Column, i: usize) -> f64 {
    match column {
        Column::Number(v) => v[i],
        Column::Category { codes, levels } => {
            let one = Column::Category { codes: vec![codes[i]], levels: levels.clone() };
            numbers(&one)[0]
        }
    }
}

/// One cell as a map has it: a number, or the code of a level.
fn code(column: &Column, i: usize) -> f64 {
    match column {
        Column::Number(v) => v[i],
        Column::Category { codes, .. } if codes[i] == MISSING => f64::NAN,
        Column::Category { codes, .. } => f64::from(codes[i]),
    }
}

/// Puts a number or the code of a level; `NaN` is missing.
fn put(column: &mut Column, i: usize, x: f64) {
    match column {
        Column::Number(v) => v[i] = x,
        Column::Category { codes, .. } => codes[i] = if x.is_nan() { MISSING } else { x as u32 },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::table::codec::{CodecConfig, Numeric};
    use crate::table::rules::{Chosen, RuleSettings};
    use crate::table::{Detected, Table};

    /// `total` is `price` times `count`, and a city has a state.
    fn orders(rows: usize) -> (Table, Vec<[String; 5]>) {
        let row = |i: usize| {
            let (price, count) = (1 + i * 7 % 23, 2 + i * 5 % 11);
            let city = i * 3 % 5;
            [
                price.to_string(),
                count.to_string(),
                (price * count).to_string(),
                format!("city {city}"),
                format!("state {}", city / 2),
            ]
        };
        let cells: Vec<[String; 5]> = (0..rows).map(row).collect();
        let column = |j: usize| cells.iter().map(|row| Some(row[j].as_str())).collect::<Vec<_>>();
        let columns: Vec<Vec<Option<&str>>> = (0..5).map(column).collect();
        let names = ["price", "count", "total", "city", "state"];
        let named: Vec<(&str, &[Option<&str>])> = names.iter().zip(&columns).map(|(n, c)| (*n, &c[..])).collect();
        (Table::from_text(&named).unwrap(), cells)
    }

    #[test]
    fn what_follows_is_filled_and_what_is_made_is_made_of_what_is_known() {
        let (table, _) = orders(600);
        let schema = Detected::of(&table, &Default::default()).unwrap().schema;
        let frame = schema.parse(&table).unwrap();
        let chosen = Chosen::of(&schema, &frame, &RuleSettings::default(), 1, 64).unwrap();
        let config = CodecConfig { numeric: Numeric::Grid, bins: 64, rare: 1, max_levels: 1000 };
        let codec = TableCodec::fit_by(&schema, &frame, &config, &chosen);
        let derived: Vec<usize> = (0..5).filter(|&j| !codec.columns[j].is_own()).collect();
        assert_eq!(derived, [2, 4], "{:?}", codec.rules.notes());
        // The count is not known, and follows; the city does not follow from its state, where there are two.
        let (mut holes, rows) = (frame.clone(), frame.rows);
        let mut known = vec![vec![true; rows]; 5];
        known[1] = vec![false; rows];
        known[3] = vec![false; rows];
        for i in 0..rows {
            put(&mut holes.columns[1], i, f64::NAN);
            put(&mut holes.columns[3], i, f64::NAN);
        }
        codec.solve(&mut holes, &mut known);
        for (i, &city) in known[3].iter().enumerate() {
            assert_eq!(one(&holes.columns[1], i), one(&frame.columns[1], i));
            // State 2 has one city alone.
            assert_eq!(city, code(&frame.columns[4], i) == 2.0, "{i}");
        }
        let demands = codec.demands(&holes, &known);
        assert_eq!((demands.len(), demands[0].column()), (1, 3));
        assert!((0..5).all(|city| demands[0].allows(city, f64::from(city / 2))));
        // A total that is not known is made of the price and the count that are, not of those that were drawn.
        let drawn = Encoded::zeros(&codec.spans(), rows);
        let over = |j: usize, made: Column| if j == 2 { made } else { frame.columns[j].clone() };
        let (made, broken) = codec.decode_over(&drawn, 1, 0, &over);
        assert!((0..rows).all(|i| one(&made.columns[2], i) == one(&frame.columns[2], i) && !broken[i]));
        // A known total beside a drawn price breaks the rule.
        let over = |j: usize, made: Column| if j == 0 { made } else { frame.columns[j].clone() };
        let (made, broken) = codec.decode_over(&drawn, 1, 0, &over);
        assert!((0..rows).all(|i| broken[i] == (one(&made.columns[0], i) != one(&frame.columns[0], i))));
        // Of a known total the count may be drawn, and the price follows.
        let mut fixed = frame.clone();
        (0..rows).for_each(|i| (0..2).for_each(|j| put(&mut fixed.columns[j], i, f64::NAN)));
        let known: Vec<Vec<bool>> = (0..5).map(|j| vec![j > 1; rows]).collect();
        codec.mend(&frame, &mut fixed, &known);
        assert!((0..rows).all(|i| (0..2).all(|j| one(&fixed.columns[j], i) == one(&frame.columns[j], i))));
        let mut wrong = frame.clone();
        put(&mut wrong.columns[2], 5, 999.0);
        let said = codec.contradicted(&wrong);
        assert!((0..5).all(|j| (0..rows).all(|i| said[j][i] == (j == 2 && i == 5))));
    }
}
