//! Dates and times between two moments, more of them on some days and hours than on others.

use jiff::civil;

use crate::cell::Cell;
use crate::expression::{DAY, civil_of, iso};
use crate::world::{DateSaid, TimeSaid};

/// Which days and hours are likely.
#[derive(Clone, Debug)]
pub struct Calendar {
    /// Whether moments are dates alone.
    pub day: bool,
    weekdays: [f64; 7],
    months: [f64; 12],
    hours: Option<[f64; 24]>,
    holidays: Vec<Holiday>,
    /// The logarithm of how many times as frequent the end is as the beginning.
    growth: f64,
    /// Microseconds that times are cut to.
    step: i64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Holiday {
    Once(i64),
    Yearly(i8, i8),
}

/// Days that are drawn before a calendar is said to leave none.
const TRIES: usize = 10_000;

impl Calendar {
    /// The calendar of dates.
    ///
    /// # Errors
    /// What is wrong with a weight or a holiday.
    pub fn of_dates(said: &DateSaid) -> Result<Calendar, String> {
        let DateSaid { from, to, weekdays, months, holidays, business, growth } = said.clone();
        let said = TimeSaid { from, to, hours: None, weekdays, months, holidays, business, growth, step: None };
        let calendar = Calendar::of_times(&said)?;
        Ok(Calendar { day: true, hours: None, step: DAY, ..calendar })
    }

    /// The calendar of times.
    ///
    /// # Errors
    /// What is wrong with a weight, a holiday or the step.
    pub fn of_times(said: &TimeSaid) -> Result<Calendar, String> {
        let step = said.step.unwrap_or(1.0);
        if !(1e-6..=86_400.0).contains(&step) {
            return Err("`step` must lie between a microsecond and a day, in seconds".to_owned());
        }
        let mut weekdays = weights("weekdays", said.weekdays.as_ref())?;
        let mut hours = said.hours.clone();
        if said.business {
            weekdays[5..].fill(0.0);
            hours = hours.or_else(|| Some((0..24).map(|h| f64::from(u8::from((9..17).contains(&h)))).collect()));
        }
        if weekdays.iter().sum::<f64>() <= 0.0 {
            return Err("`weekdays` has no day above 0".to_owned());
        }
        let growth = said.growth.unwrap_or(1.0);
        if !(growth > 0.0 && growth.is_finite()) {
            return Err("`growth` must be above 0".to_owned());
        }
        Ok(Calendar {
            day: false,
            weekdays,
            months: weights("months", said.months.as_ref())?,
            hours: hours.map(|h| weights("hours", Some(&h))).transpose()?,
            holidays: said.holidays.iter().map(|text| holiday(text)).collect::<Result<_, _>>()?,
            growth: growth.ln(),
            step: (step * 1e6).round() as i64,
        })
    }

    /// A moment between `from` and `to`, in microseconds since 1970-01-01: a day up to and with `to`, a time before it. `None` where the
    /// calendar leaves nothing between them.
    pub fn draw(&self, from: i64, to: i64, cell: &mut Cell) -> Option<i64> {
        let (from, to) = match self.day {
            true => (from.div_euclid(DAY) * DAY, (to.div_euclid(DAY) + 1) * DAY),
            false => (from, to),
        };
        if from >= to {
            return None;
        }
        let highest =
            self.weekdays.iter().copied().fold(0.0, f64::max) * self.months.iter().copied().fold(0.0, f64::max);
        let plain = highest == 1.0 && self.holidays.is_empty() && self.weekdays == [1.0; 7] && self.months == [1.0; 12];
        for _ in 0..TRIES {
            let u = cell.uniform();
            // Of a density that grows by a constant rate: the inverse of its distribution function.
            let share = if self.growth == 0.0 { u } else { (u * self.growth.exp_m1()).ln_1p() / self.growth };
            let mut at = from + ((share * (to - from) as f64) as i64).min(to - from - 1);
            let day = at.div_euclid(DAY);
            if !plain && cell.uniform() * highest >= self.weight(day)? {
                continue;
            }
            if let Some(hours) = &self.hours {
                at = day * DAY + hour(hours, cell);
                if at < from || at >= to {
                    continue;
                }
            }
            let cut = if self.day { day * DAY } else { at.div_euclid(self.step) * self.step };
            return Some(cut.max(from));
        }
        None
    }

    /// The weight of a day; `None` beyond the calendar.
    fn weight(&self, day: i64) -> Option<f64> {
        let date: civil::Date = civil_of(day)?;
        let is = |h: &Holiday| match *h {
            Holiday::Once(once) => once == day,
            Holiday::Yearly(month, of) => month == date.month() && of == date.day(),
        };
        if self.holidays.iter().any(is) {
            return Some(0.0);
        }
        let weekday = date.weekday().to_monday_zero_offset() as usize;
        Some(self.weekdays[weekday] * self.months[date.month() as usize - 1])
    }
}

/// Microseconds since midnight.
fn hour(weights: &[f64; 24], cell: &mut Cell) -> i64 {
    let mut left = cell.uniform() * weights.iter().sum::<f64>();
    let within = (cell.uniform() * 3.6e9) as i64;
    for (h, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0.0 {
            return h as i64 * 3_600_000_000 + within;
        }
    }
    within
}

fn weights<const N: usize>(key: &str, said: Option<&Vec<f64>>) -> Result<[f64; N], String> {
    let Some(said) = said else { return Ok([1.0; N]) };
    let all: [f64; N] =
        said.as_slice().try_into().map_err(|_| format!("`{key}` has {} weights; it takes {N}", said.len()))?;
    let sum: f64 = all.iter().sum();
    if all.iter().all(|w| *w >= 0.0) && sum > 0.0 && sum.is_finite() {
        Ok(all)
    } else {
        Err(format!("`{key}` must have no weight below 0, and one above"))
    }
}

fn holiday(text: &str) -> Result<Holiday, String> {
    if let Some((t, true)) = iso(text) {
        return Ok(Holiday::Once(t.div_euclid(DAY)));
    }
    // A leap year, so that 02-29 is one.
    match iso(&format!("2024-{text}")).and_then(|(t, _)| civil_of(t.div_euclid(DAY))) {
        Some(date) => Ok(Holiday::Yearly(date.month(), date.day())),
        None => Err(format!("`holidays`: `{text}` is no day; write 2024-12-25 or, for each year, 12-25")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::expression::Part;

    fn dates(text: &str) -> Vec<i64> {
        let said: DateSaid = toml::from_str(text).unwrap();
        let calendar = Calendar::of_dates(&said).unwrap();
        let (crate::world::Moment::Fixed(from), crate::world::Moment::Fixed(to)) = (said.from, said.to) else {
            panic!()
        };
        (0..20_000).map(|k| calendar.draw(from, to, &mut Cell::from_state(k)).unwrap()).collect()
    }

    #[test]
    fn business_days_leave_out_weekends_and_holidays() {
        let all = dates("from = 2024-12-20\nto = 2024-12-31\nbusiness = true\nholidays = [\"12-25\", \"2024-12-26\"]");
        let mut days: Vec<f64> = all.iter().map(|&t| Part::Day.of(t).unwrap()).collect();
        days.sort_by(f64::total_cmp);
        days.dedup();
        assert_eq!(days, [20.0, 23.0, 24.0, 27.0, 30.0, 31.0]);
    }

    #[test]
    fn weights_and_growth_are_kept() {
        let all = dates("from = 2023-01-02\nto = 2023-12-31\nweekdays = [3, 1, 1, 1, 1, 1, 1]");
        let mondays = all.iter().filter(|&&t| Part::Weekday.of(t) == Some(1.0)).count() as f64 / 20_000.0;
        assert!((mondays - 3.0 / 9.0).abs() < 0.015, "{mondays}");
        let all = dates("from = 2023-01-01\nto = 2023-12-31\ngrowth = 4");
        // Of e^(ln 4 x): the second half has 2/3.
        let late = all.iter().filter(|&&t| t >= iso("2023-07-02").unwrap().0).count() as f64 / 20_000.0;
        assert!((late - 2.0 / 3.0).abs() < 0.015, "{late}");
    }

    #[test]
    fn office_hours_are_kept() {
        let said: TimeSaid = toml::from_str("from = 2024-01-01\nto = 2024-02-01\nbusiness = true\nstep = 60").unwrap();
        let calendar = Calendar::of_times(&said).unwrap();
        let (from, to) = (iso("2024-01-01").unwrap().0, iso("2024-02-01").unwrap().0);
        for k in 0..2_000 {
            let t = calendar.draw(from, to, &mut Cell::from_state(k)).unwrap();
            assert!((9.0..17.0).contains(&Part::Hour.of(t).unwrap()) && Part::Weekday.of(t).unwrap() < 6.0);
            assert_eq!(t % 60_000_000, 0);
        }
        let (sat, mon) = (iso("2024-01-06").unwrap().0, iso("2024-01-08").unwrap().0);
        assert_eq!(calendar.draw(sat, mon, &mut Cell::from_state(1)), None);
    }
}
