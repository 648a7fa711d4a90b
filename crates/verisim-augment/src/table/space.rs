//! Rows as points, so that near and far mean something: numbers scaled, categories by their codes.
//!
//! The squared distance of two rows is the sum of the squared differences of their numbers, and `w` for each category in which they
//! differ. This is the distance of one-hot columns of height `sqrt(w / 2)`, without the columns: a category of 10,000 levels costs one
//! comparison. SMOTE-NC (Chawla et al. 2002) takes for `sqrt(w)` the median of the numbers' standard deviations.
//!
//! A missing number stands at the mean of its column, and whether it is missing is a category of its own. So two missing values are
//! near, a missing and a present one are as far as two levels, and distances keep the triangle inequality. A word among numbers is one
//! more level of that category.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use verisim_data::table::frame::word_of;
use verisim_data::table::{Column, Frame};

/// On which scale numbers are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Each column divided by its standard deviation, so that none counts for its unit. As after scikit-learn's `StandardScaler`.
    #[default]
    Standard,
    /// As they are. As imbalanced-learn compares what it is given.
    None,
}

/// The rows of a table as points.
#[derive(Clone, Debug)]
pub struct Space {
    /// Number of rows.
    pub rows: usize,
    /// Numbers of a row.
    pub width: usize,
    /// Row after row, centred and scaled.
    pub numbers: Vec<f64>,
    /// Codes of a row.
    pub kinds: usize,
    /// Row after row.
    pub codes: Vec<u32>,
}

impl Space {
    /// The points of `frame`, of which column `target` is left out. Costs a pass over each column.
    pub fn of(frame: &Frame, target: Option<usize>, scale: Scale) -> Space {
        let mut numbers: Vec<Vec<f64>> = Vec::new();
        let mut codes: Vec<Vec<u32>> = Vec::new();
        let columns = frame.columns.iter().enumerate().filter(|(j, _)| Some(*j) != target);
        for (_, column) in columns {
            match column {
                Column::Category { codes: own, .. } => codes.push(own.clone()),
                Column::Number(v) => {
                    if v.iter().any(|x| x.is_nan()) {
                        codes.push(v.iter().map(|&x| absence(x)).collect());
                    }
                    numbers.push(scaled(v, scale));
                }
            }
        }
        Space {
            rows: frame.rows,
            width: numbers.len(),
            numbers: by_row(&numbers, frame.rows),
            kinds: codes.len(),
            codes: by_row(&codes, frame.rows),
        }
    }

    /// Points of categories alone, by the value difference metric (Stanfill and Waltz 1986; SMOTE-N): a level stands at twice the share
    /// of its rows that are of one class. Of two classes this is the metric to the digit. Of more it sees the class against the rest.
    /// `is_class` says of each row whether it is of the class; `None` rows are not counted.
    pub fn of_shares(frame: &Frame, target: usize, is_class: &[Option<bool>]) -> Space {
        let columns = frame.columns.iter().enumerate().filter(|(j, _)| *j != target);
        let shares = columns.filter_map(|(_, column)| match column {
            Column::Category { codes, levels } => Some(level_shares(codes, levels.len(), is_class)),
            Column::Number(_) => None,
        });
        let numbers: Vec<Vec<f64>> = shares.collect();
        let (width, numbers) = (numbers.len(), by_row(&numbers, frame.rows));
        Space { rows: frame.rows, width, numbers, kinds: 0, codes: Vec::new() }
    }

    /// The numbers of a row.
    pub fn numbers_of(&self, row: usize) -> &[f64] {
        &self.numbers[row * self.width..(row + 1) * self.width]
    }

    /// The codes of a row.
    pub fn codes_of(&self, row: usize) -> &[u32] {
        &self.codes[row * self.kinds..(row + 1) * self.kinds]
    }

    /// The squared distance of two rows, where a category in which they differ adds `weight`.
    pub fn distance(&self, a: usize, b: usize, weight: f64) -> f64 {
        let numbers =
            self.numbers_of(a).iter().zip(self.numbers_of(b)).fold(0.0, |sum, (a, b)| sum + (a - b) * (a - b));
        let differ = self.codes_of(a).iter().zip(self.codes_of(b)).filter(|(a, b)| a != b).count();
        numbers + weight * differ as f64
    }

    /// What a category in which two rows differ adds to their squared distance: the squared median of the standard deviations that the
    /// numbers have among `rows` (of the whole population, as imbalanced-learn takes them); 1 where there are no numbers.
    pub fn weight(&self, rows: &[usize]) -> f64 {
        if self.width == 0 || rows.is_empty() {
            return 1.0;
        }
        let deviation = |j: usize| deviation(rows.iter().map(|&i| self.numbers[i * self.width + j]));
        let mut all: Vec<f64> = (0..self.width).map(deviation).collect();
        all.sort_by(f64::total_cmp);
        let n = all.len();
        let median = if n % 2 == 1 { all[n / 2] } else { 0.5 * (all[n / 2 - 1] + all[n / 2]) };
        median * median
    }
}

/// What a number is as a category: present, missing, or one of the words.
fn absence(x: f64) -> u32 {
    match word_of(x) {
        Some(k) => k.saturating_add(2),
        None => u32::from(x.is_nan()),
    }
}

/// For each row twice the share of the class among the rows of its level; rows without a value are a level too.
fn level_shares(codes: &[u32], levels: usize, is_class: &[Option<bool>]) -> Vec<f64> {
    let place = |code: u32| (code as usize).min(levels);
    let mut counts = vec![[0_u64; 2]; levels + 1];
    for (&code, is_class) in codes.iter().zip(is_class) {
        if let Some(is) = is_class {
            counts[place(code)][usize::from(*is)] += 1;
        }
    }
    let share = |[other, class]: [u64; 2]| 2.0 * class as f64 / (other + class).max(1) as f64;
    codes.iter().map(|&code| share(counts[place(code)])).collect()
}

/// A column about its mean, in units of its deviation; what is missing stands at the mean.
fn scaled(v: &[f64], scale: Scale) -> Vec<f64> {
    let mean = mean(v.iter().copied().filter(|x| x.is_finite()));
    let unit = match scale {
        Scale::None => 1.0,
        Scale::Standard => match deviation(v.iter().copied().filter(|x| x.is_finite())) {
            d if d > 0.0 && d.is_finite() => d,
            _ => 1.0,
        },
    };
    let finite = |x: f64| if x.is_finite() { x } else { 0.0 };
    v.iter().map(|x| finite((x - mean) / unit)).collect()
}

/// The mean; 0 of nothing. Parts are added, not values, so that no sum overflows.
pub(crate) fn mean(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let n = values.clone().count().max(1) as f64;
    values.map(|x| x / n).sum()
}

/// The standard deviation of a whole population; 0 of nothing.
pub(crate) fn deviation(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let mean = mean(values.clone());
    let size = values.clone().fold(0.0_f64, |most, x| most.max((x - mean).abs()));
    if size == 0.0 || !size.is_finite() {
        return 0.0;
    }
    let n = values.clone().count() as f64;
    size * (values.map(|x| ((x - mean) / size) * ((x - mean) / size)).sum::<f64>() / n).sqrt()
}

fn by_row<T: Copy>(columns: &[Vec<T>], rows: usize) -> Vec<T> {
    let mut all = Vec::with_capacity(columns.len() * rows);
    for i in 0..rows {
        all.extend(columns.iter().map(|column| column[i]));
    }
    all
}
