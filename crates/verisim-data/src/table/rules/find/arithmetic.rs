//! Rules of numbers that are computed from others: `c = a + b`, `c = a × b`, totals of neighbouring columns. A difference or a
//! quotient is the same with another column on the left.

use rayon::prelude::*;

use super::RuleKind;
use super::check::{Bar, Check, Form, Found, MOST_TRIED, tested};
use super::sheet::{Column, Sheet, Step};

/// What a rule must reach that holds to the digit.
const EXACT: Bar = Bar { leeway: 0.005, worth: 0.05 };
/// The same where every number was rounded: rules so blurred must tell more.
const ROUNDED: Bar = Bar { leeway: 0.005, worth: 0.5 };
/// Most triples of columns that are looked at: of more columns only near ones.
const MOST_TRIPLES: usize = 4_000_000;
/// Rows of the first look, which lets so many exceptions pass.
const FIRST_ROWS: usize = 256;
const FIRST_LEEWAY: usize = 3;
/// Rows of the first look in which no part is zero.
const LEAST_NONZERO: usize = 8;
/// Most columns of a total.
const MOST_PARTS: usize = 12;
/// Seconds in a minute, an hour and a day: what is added to a date may be counted in them.
const SECONDS: [f64; 3] = [60.0, 3_600.0, 86_400.0];
/// Dates are seconds with so fine a step.
const DATE_STEP: f64 = 1e-6;

/// The first column is a constant and the others, each times a factor.
#[derive(Clone, Debug)]
pub(super) struct Sum {
    pub columns: Vec<usize>,
    /// One for each column after the first.
    pub factors: Vec<f64>,
    pub constant: f64,
    pub steps: Vec<Step>,
    /// How many times each column after the first may be off by its rounding: 0 if they are exact.
    pub blur: f64,
}

impl Check for Sum {
    fn columns(&self) -> &[usize] {
        &self.columns
    }

    fn breaks(&self, sheet: &Sheet, rows: &[usize]) -> Option<bool> {
        let at = |k: usize| sheet.cells[self.columns[k]].numbers[rows[k]];
        let total = at(0);
        let (mut sum, mut slack) = (self.constant, self.blur.max(1.0) * self.steps[0].half(total));
        for (k, factor) in self.factors.iter().enumerate() {
            let x = at(k + 1);
            sum += factor * x;
            slack += factor.abs() * (self.blur * self.steps[k + 1].half(x) + Step::float(x));
        }
        (!total.is_nan() && !sum.is_nan()).then_some((sum - total).abs() > slack)
    }

    fn form(&self) -> Form {
        let parts = self.columns[1..].iter().copied().zip(self.factors.iter().copied()).collect();
        Form::Sum { total: self.columns[0], parts, constant: self.constant }
    }
}

/// The first column is the second times the third.
#[derive(Clone, Copy, Debug)]
struct Product {
    columns: [usize; 3],
    steps: [Step; 3],
    /// Whether all three were rounded.
    rounded: bool,
}

impl Check for Product {
    fn columns(&self) -> &[usize] {
        &self.columns
    }

    fn breaks(&self, sheet: &Sheet, rows: &[usize]) -> Option<bool> {
        let [c, a, b] = [0, 1, 2].map(|k| sheet.cells[self.columns[k]].numbers[rows[k]]);
        let product = a * b;
        let mut slack = self.steps[0].half(c) + Step::float(product);
        if self.rounded {
            slack += self.steps[1].half(a) * b.abs() + self.steps[2].half(b) * a.abs();
        }
        (!c.is_nan() && !product.is_nan()).then_some((product - c).abs() > slack)
    }

    fn form(&self) -> Form {
        Form::Product(self.columns)
    }
}

/// What is said of rules that allow for rounding.
const NOTE: &str = ", rounded";

impl Sum {
    pub fn note(&self) -> &'static str {
        if self.blur == 0.0 { "" } else { NOTE }
    }
}

/// A rule that holds to the digit, or else one that allows for rounding.
pub(super) fn settle<C: Check + 'static>(sheet: &Sheet, exact: C, rounded: Option<C>) -> Option<(C, f64)> {
    if let Some(by_chance) = tested(&exact, sheet, EXACT) {
        return Some((exact, by_chance));
    }
    let rounded = rounded?;
    let by_chance = tested(&rounded, sheet, ROUNDED)?;
    Some((rounded, by_chance))
}

/// The sums and products among `numbers`.
pub(super) fn find(columns: &[Column], sheet: &Sheet, numbers: &[usize]) -> Vec<Found> {
    let looks: Vec<Look> = numbers.par_iter().map(|&j| Look::new(&sheet.cells[j].numbers, columns[j].step)).collect();
    let search = Search { numbers, looks, columns };
    let (mut totals, mut triples) = rayon::join(|| search.totals(), || search.triples());
    triples.truncate(MOST_TRIED);
    totals.truncate(MOST_TRIED / 2);
    triples.append(&mut totals);
    triples.into_par_iter().filter_map(|candidate| candidate.settle(columns, sheet)).collect()
}

/// What a first look found.
enum Candidate {
    /// The total, its parts, and what the last part is counted in.
    Sum(Vec<usize>, f64),
    Product([usize; 3]),
}

impl Candidate {
    fn settle(self, columns: &[Column], sheet: &Sheet) -> Option<Found> {
        let name = |j: usize| format!("`{}`", columns[j].name());
        match self {
            Candidate::Sum(of, unit) => {
                let mut factors = vec![1.0; of.len() - 1];
                factors.iter_mut().last().into_iter().for_each(|last| *last = unit);
                let steps = of.iter().map(|&j| columns[j].step).collect();
                let exact = Sum { columns: of, factors, constant: 0.0, steps, blur: 0.0 };
                let rounded = Sum { blur: 1.0, ..exact.clone() };
                let (rule, by_chance) = settle(sheet, exact, Some(rounded))?;
                let parts: Vec<String> = rule.columns[1..].iter().map(|&j| name(j)).collect();
                let unit = if unit == 1.0 { String::new() } else { format!(" × {unit} seconds") };
                let text = format!("{} = {}{unit}{}", name(rule.columns[0]), parts.join(" + "), rule.note());
                Some(Found::new(RuleKind::Sum, text, by_chance, rule))
            }
            Candidate::Product(of) => {
                let exact = Product { columns: of, steps: of.map(|j| columns[j].step), rounded: false };
                let (rule, by_chance) = settle(sheet, exact, Some(Product { rounded: true, ..exact }))?;
                let [c, a, b] = of.map(name);
                let note = if rule.rounded { NOTE } else { "" };
                Some(Found::new(RuleKind::Product, format!("{c} = {a} × {b}{note}"), by_chance, rule))
            }
        }
    }
}

/// The first rows of a column: its numbers, how far each may be off, and which are neither missing nor zero.
struct Look {
    numbers: Vec<f64>,
    half: Vec<f64>,
    nonzero: Vec<bool>,
}

impl Look {
    fn new(numbers: &[f64], step: Step) -> Look {
        let numbers = numbers[..numbers.len().min(FIRST_ROWS)].to_vec();
        let half = numbers.iter().map(|&x| step.half(x)).collect();
        let nonzero = numbers.iter().map(|&x| !x.is_nan() && x != 0.0).collect();
        Look { numbers, half, nonzero }
    }

    /// What `self` and `other` make, value by value.
    fn with(&self, other: &Look, make: impl Fn(f64, f64) -> f64, half: impl Fn([f64; 2], [f64; 2]) -> f64) -> Look {
        let rows = 0..self.numbers.len();
        Look {
            numbers: rows.clone().map(|r| make(self.numbers[r], other.numbers[r])).collect(),
            half: rows
                .clone()
                .map(|r| half([self.numbers[r], self.half[r]], [other.numbers[r], other.half[r]]))
                .collect(),
            nonzero: rows.map(|r| self.nonzero[r] && other.nonzero[r]).collect(),
        }
    }

    fn plus(&self, other: &Look, factor: f64) -> Look {
        self.with(other, |a, b| a + factor * b, |[_, a], [_, b]| a + factor * b)
    }

    fn times(&self, other: &Look) -> Look {
        self.with(other, |a, b| a * b, |[a, x], [b, y]| x * b.abs() + y * a.abs())
    }

    fn tells(&self) -> bool {
        self.nonzero.iter().filter(|n| **n).count() >= LEAST_NONZERO
    }

    /// Whether the column may be this one, as far as the first rows tell. A missing number compares false.
    fn is(&self, column: &Look) -> bool {
        let mut wrong = 0;
        for r in 0..self.numbers.len() {
            wrong += usize::from((self.numbers[r] - column.numbers[r]).abs() > self.half[r] + column.half[r]);
            if wrong > FIRST_LEEWAY {
                return false;
            }
        }
        (0..self.numbers.len()).filter(|&r| self.nonzero[r] && column.nonzero[r]).count() >= LEAST_NONZERO
    }
}

struct Search<'a> {
    numbers: &'a [usize],
    looks: Vec<Look>,
    columns: &'a [Column<'a>],
}

impl Search<'_> {
    /// Columns so near to each other are tried together.
    fn reach(&self) -> usize {
        ((MOST_TRIPLES / self.numbers.len().max(1)) as f64).sqrt() as usize
    }

    fn near(&self, i: usize) -> std::ops::Range<usize> {
        i.saturating_sub(self.reach())..(i + self.reach() + 1).min(self.numbers.len())
    }

    fn triples(&self) -> Vec<Candidate> {
        (0..self.numbers.len())
            .into_par_iter()
            .flat_map_iter(|i| (i + 1..self.near(i).end).flat_map(move |j| self.pair(i, j)))
            .collect()
    }

    /// The columns that two may make.
    fn pair(&self, i: usize, j: usize) -> Vec<Candidate> {
        let (a, b) = (&self.looks[i], &self.looks[j]);
        let (sum, product) = (a.plus(b, 1.0), a.times(b));
        if !sum.tells() {
            return Vec::new();
        }
        let mut found = Vec::new();
        for k in self.near(i).filter(|&k| k != i && k != j) {
            let of = [k, i, j].map(|k| self.numbers[k]);
            if sum.is(&self.looks[k]) {
                found.push(Candidate::Sum(of.to_vec(), 1.0));
            } else if product.is(&self.looks[k]) {
                found.push(Candidate::Product(of));
            }
        }
        found.extend(self.times(i, j));
        found.extend(self.times(j, i));
        found
    }

    /// The dates that lie so many minutes, hours or days after date `i`.
    fn times(&self, i: usize, j: usize) -> Vec<Candidate> {
        let is_date = |i: usize| self.columns[self.numbers[i]].step.absolute == DATE_STEP;
        if !is_date(i) || is_date(j) {
            return Vec::new();
        }
        let after = SECONDS.map(|unit| (unit, self.looks[i].plus(&self.looks[j], unit)));
        let later = self.near(i).filter(|&k| k != i && is_date(k));
        let found = later
            .flat_map(|k| after.iter().filter(move |(_, sum)| sum.is(&self.looks[k])).map(move |(unit, _)| (k, *unit)));
        found.map(|(k, unit)| Candidate::Sum([k, i, j].map(|k| self.numbers[k]).to_vec(), unit)).collect()
    }

    /// Totals of three or more columns that follow each other.
    fn totals(&self) -> Vec<Candidate> {
        (0..self.numbers.len()).into_par_iter().flat_map_iter(|i| self.totals_from(i)).collect()
    }

    fn totals_from(&self, i: usize) -> Vec<Candidate> {
        let mut found = Vec::new();
        let Some(second) = self.looks.get(i + 1) else {
            return found;
        };
        let mut sum = self.looks[i].plus(second, 1.0);
        for last in i + 2..(i + MOST_PARTS).min(self.looks.len()) {
            sum = Look { nonzero: sum.nonzero.clone(), ..sum.plus(&self.looks[last], 1.0) };
            for k in self.near(i).filter(|k| !(i..=last).contains(k)) {
                if sum.is(&self.looks[k]) {
                    let parts = (i..=last).map(|k| self.numbers[k]);
                    found.push(Candidate::Sum([self.numbers[k]].into_iter().chain(parts).collect(), 1.0));
                }
            }
        }
        found
    }
}
