//! What of a series its clock tells: seasons, and of one long series the trend.
//!
//! A season is the mean by phase of what is left when the longer waves are taken away; phases of a long period are smoothed to a few waves.
//! Periods are those of the calendar, where times are dates, and else one that the autocorrelation shows. A period is kept where it
//! explains enough: by BIC, with as many independent values as the autocorrelation leaves, of the levels or of the differences.
//!
//! The trend of a column is a local line with a window of a sixth of the series. It is kept where the column wanders, by the test of
//! Dickey and Fuller (1979), or where the trend is most of what happens; then a sample follows it, at the same times. So it does with how
//! restless the noise is from one time to another.

use verisim_data::series::{Clock, Unit};

/// Phases of a season at most.
const MOST_PHASES: f64 = 2000.0;
/// A season with more phases may be smoothed to so many waves.
const SMOOTH: usize = 48;
const WAVES: usize = 4;
/// Seconds of a day.
const DAY: f64 = 86_400.0;
/// The 5 % point of the test of Dickey and Fuller with a constant.
const WANDERS: f64 = -2.86;
/// Share of the variance from which a trend counts.
const MOSTLY: f64 = 0.5;
/// Points of a trend, between which it is a straight line.
const POINTS: usize = 60;
/// Points of the restlessness.
const CALM_POINTS: usize = 200;

/// One season of all columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Season {
    /// In units of the clock.
    pub period: f64,
    /// A row a phase.
    pub table: Vec<f64>,
    /// Number of columns.
    pub width: usize,
}

impl Season {
    /// The phase at a time.
    pub fn phase(&self, time: f64) -> usize {
        phase(time, self.period, self.table.len() / self.width.max(1))
    }

    /// What the season adds at a time, a number a column.
    pub fn at(&self, time: f64) -> &[f64] {
        let phase = self.phase(time);
        &self.table[phase * self.width..(phase + 1) * self.width]
    }
}

fn phase(time: f64, period: f64, phases: usize) -> usize {
    // Times such as 0.1 add up with errors in their last digits.
    let share = (time / period + 1e-9).rem_euclid(1.0);
    ((share * phases as f64 + 1e-6) as usize).min(phases.saturating_sub(1))
}

/// A path with its times: rows of `width` columns.
pub struct Path {
    /// Row by row.
    pub z: Vec<f64>,
    /// When each row is, in units of the clock.
    pub times: Vec<f64>,
}

/// The seasons of paths, which lose them.
pub fn seasons(paths: &mut [Path], width: usize, clock: &Clock, is_date: bool, given: Option<&[f64]>) -> Vec<Season> {
    let Some(every) = clock.every.filter(|_| width > 0) else { return Vec::new() };
    let longest = paths.iter().map(|p| p.times.len()).max().unwrap_or(0);
    let found;
    let periods: Vec<f64> = match given {
        Some(steps) => steps.iter().map(|s| s * every).collect(),
        None => {
            let calendar = calendar(clock.unit, is_date);
            if calendar.is_empty() {
                found = seen(paths, width).map(|steps| steps as f64 * every);
                found.into_iter().collect()
            } else {
                calendar.to_vec()
            }
        }
    };
    let mut kept = Vec::new();
    for period in periods {
        let steps = period / every;
        if !(1.99..=MOST_PHASES).contains(&steps) || (longest as f64) < 2.0 * steps {
            continue;
        }
        if let Some(season) = season(paths, width, period, steps.round() as usize, given.is_some()) {
            for path in paths.iter_mut() {
                for (row, &time) in path.z.chunks_mut(width).zip(&path.times) {
                    row.iter_mut().zip(season.at(time)).for_each(|(z, s)| *z -= s);
                }
            }
            kept.push(season);
        }
    }
    kept
}

/// Periods of the calendar in units of the clock.
fn calendar(unit: Unit, is_date: bool) -> &'static [f64] {
    match unit {
        Unit::Month => &[12.0],
        Unit::Day => &[7.0, 365.25],
        Unit::One if is_date => &[DAY, 7.0 * DAY, 365.25 * DAY],
        Unit::One => &[],
    }
}

/// The period that the autocorrelation shows, in steps.
fn seen(paths: &[Path], width: usize) -> Option<usize> {
    let longest = paths.iter().max_by_key(|p| p.times.len())?;
    let n = longest.times.len();
    let most = (n / 3).min(500);
    if most < 4 {
        return None;
    }
    let mut mean = vec![0.0; most + 1];
    for c in 0..width {
        let values: Vec<f64> = longest.z.chunks(width).map(|row| row[c]).collect();
        let long = smooth(&values, (n / 6).max(2));
        let rest: Vec<f64> = values.iter().zip(&long).map(|(v, l)| v - l).collect();
        let all: f64 = rest.iter().map(|r| r * r).sum();
        if all > 1e-9 {
            for (k, m) in mean.iter_mut().enumerate() {
                *m += rest[k..].iter().zip(&rest).map(|(a, b)| a * b).sum::<f64>() / (all * width as f64);
            }
        }
    }
    // A peak that stands above what lies before it.
    let peak = (4..most).filter(|&k| mean[k] > mean[k - 1] && mean[k] >= mean[k + 1]);
    let deep = |k: usize| mean[1..k].iter().copied().fold(f64::INFINITY, f64::min);
    peak.filter(|&k| mean[k] > 0.2 && mean[k] - deep(k) > 0.3).max_by(|&a, &b| mean[a].total_cmp(&mean[b]))
}

/// The season of one period; none where it explains too little in every column.
fn season(paths: &[Path], width: usize, period: f64, phases: usize, wanted: bool) -> Option<Season> {
    let mut sums = vec![0.0; phases * width];
    let mut counts = vec![0_usize; phases];
    let mut columns: Vec<Vec<f64>> = vec![Vec::new(); width];
    let mut places: Vec<usize> = Vec::new();
    let mut begins: Vec<usize> = Vec::new();
    for path in paths {
        begins.push(places.len());
        places.extend(path.times.iter().map(|&t| phase(t, period, phases)));
        for (c, column) in columns.iter_mut().enumerate() {
            let values: Vec<f64> = path.z.chunks(width).map(|row| row[c]).collect();
            // Waves that are longer than the period are not of it.
            let half = phases.max(2).min(values.len());
            let long = smooth(&values, half);
            column.extend(values.iter().zip(&long).map(|(v, l)| v - l));
        }
    }
    for (i, &p) in places.iter().enumerate() {
        counts[p] += 1;
        (0..width).for_each(|c| sums[p * width + c] += columns[c][i]);
    }
    let mut table: Vec<f64> = sums.iter().enumerate().map(|(k, s)| s / counts[k / width].max(1) as f64).collect();
    let mut any = false;
    for c in 0..width {
        let own: Vec<f64> = (0..phases).map(|p| table[p * width + c]).collect();
        let forms: Vec<(Vec<f64>, usize)> = match phases > SMOOTH {
            true => vec![(waves(&own, WAVES), 2 * WAVES), (own, phases - 1)],
            false => vec![(own, phases - 1)],
        };
        let worth = |form: &(Vec<f64>, usize)| gain(&columns[c], &places, &begins, &form.0, form.1);
        let best = forms.into_iter().map(|f| (worth(&f), f)).max_by(|a, b| a.0.total_cmp(&b.0));
        let kept = best.filter(|(gain, _)| *gain > 0.0 || wanted).map(|(_, (form, _))| form);
        any |= kept.is_some();
        (0..phases).for_each(|p| table[p * width + c] = kept.as_ref().map_or(0.0, |k| k[p]));
        let mean = (0..phases).map(|p| table[p * width + c]).sum::<f64>() / phases as f64;
        (0..phases).for_each(|p| table[p * width + c] -= mean);
    }
    any.then_some(Season { period, table, width })
}

/// How much BIC gains by a season, of the levels or the differences.
fn gain(values: &[f64], places: &[usize], begins: &[usize], season: &[f64], parameters: usize) -> f64 {
    let one = |with: &[f64], without: &[f64]| {
        let n = with.len() as f64;
        let power = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>();
        let (after, before) = (power(with), power(without));
        if n < 8.0 || before <= 1e-12 || after <= 0.0 {
            return 0.0;
        }
        let near: f64 = with.windows(2).map(|w| w[0] * w[1]).sum::<f64>() / after;
        let independent = n * ((1.0 - near) / (1.0 + near)).clamp(1e-3, 1.0);
        -independent * (after / before).ln() - parameters as f64 * independent.max(2.0).ln()
    };
    let left: Vec<f64> = values.iter().zip(places).map(|(v, &p)| v - season[p]).collect();
    let differences = |v: &[f64]| -> Vec<f64> {
        (1..v.len()).filter(|i| begins.binary_search(i).is_err()).map(|i| v[i] - v[i - 1]).collect()
    };
    one(&left, values).max(one(&differences(&left), &differences(values)))
}

/// The first waves of a closed curve.
fn waves(curve: &[f64], count: usize) -> Vec<f64> {
    let n = curve.len() as f64;
    let angle = |k: usize, i: usize| 2.0 * std::f64::consts::PI * (k * i) as f64 / n;
    let mut out = vec![curve.iter().sum::<f64>() / n; curve.len()];
    for k in 1..=count {
        let a: f64 = curve.iter().enumerate().map(|(i, x)| x * angle(k, i).cos()).sum::<f64>() * 2.0 / n;
        let b: f64 = curve.iter().enumerate().map(|(i, x)| x * angle(k, i).sin()).sum::<f64>() * 2.0 / n;
        out.iter_mut().enumerate().for_each(|(i, o)| *o += a * angle(k, i).cos() + b * angle(k, i).sin());
    }
    out
}

/// A running mean over `half` steps to either side, fewer at the ends; twice half the window, so that it has no corners.
fn smooth(values: &[f64], window: usize) -> Vec<f64> {
    let half = (window / 2).max(1);
    let mut sums = vec![0.0];
    values.iter().for_each(|v| sums.push(sums[sums.len() - 1] + v));
    (0..values.len())
        .map(|i| {
            // As far to one side as to the other, so that a slope does not bend at the ends.
            let reach = half.min(i).min(values.len() - 1 - i);
            (sums[i + reach + 1] - sums[i - reach]) / (2 * reach + 1) as f64
        })
        .collect()
}

/// The trends of the columns of one long series: lines between points.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trend {
    /// Where the first point lies, and how far it is to the next, in steps.
    pub from: f64,
    /// See there.
    pub step: f64,
    /// A row a point; 0 for columns without a trend.
    pub points: Vec<f64>,
    /// Number of columns.
    pub width: usize,
}

impl Trend {
    /// Of rows at `places`, which rise.
    pub fn fit(z: &[f64], places: &[f64], width: usize) -> Trend {
        let n = places.len();
        if n < 24 || width == 0 {
            return Trend::default();
        }
        let (from, to) = (places[0], places[n - 1]);
        let step = (to - from) / (POINTS - 1) as f64;
        let reach = (to - from) / 12.0;
        let mut points = vec![0.0; POINTS * width];
        for c in 0..width {
            let values: Vec<f64> = z.chunks(width).map(|row| row[c]).collect();
            let line: Vec<f64> =
                (0..POINTS).map(|k| local_line(&values, places, from + step * k as f64, reach)).collect();
            let one = Trend { from, step, points: line, width: 1 };
            let mean = values.iter().sum::<f64>() / n as f64;
            let power = |f: &dyn Fn(usize) -> f64| (0..n).map(|i| f(i).powi(2)).sum::<f64>();
            let (before, after) = (power(&|i| values[i] - mean), power(&|i| values[i] - one.at(places[i], 0)));
            if before > 1e-9 && (wanders(&values) || after < (1.0 - MOSTLY) * before) {
                (0..POINTS).for_each(|k| points[k * width + c] = one.points[k]);
            }
        }
        match points.iter().any(|&p| p != 0.0) {
            true => Trend { from, step, points, width },
            false => Trend::default(),
        }
    }

    /// Where column `c` is at a place; before the first and after the last point it stays.
    pub fn at(&self, place: f64, c: usize) -> f64 {
        let count = self.points.len() / self.width.max(1);
        if count < 2 || self.step <= 0.0 {
            return 0.0;
        }
        let along = ((place - self.from) / self.step).clamp(0.0, (count - 1) as f64);
        let k = (along as usize).min(count - 2);
        let (a, b) = (self.points[k * self.width + c], self.points[(k + 1) * self.width + c]);
        a + (b - a) * (along - k as f64)
    }
}

/// How restless the noise of each column of one long series is, by time: squares smoothed, with the window that BIC chooses; 1 where none does.
pub fn calm(noise: &[f64], places: &[f64], width: usize) -> Trend {
    let n = places.len();
    if n < 200 || width == 0 {
        return Trend::default();
    }
    let (from, to) = (places[0], places[n - 1]);
    let step = (to - from) / (CALM_POINTS - 1) as f64;
    let mut points = vec![0.0; CALM_POINTS * width];
    let mut any = false;
    for c in 0..width {
        let squares: Vec<f64> = noise.chunks(width).map(|row| row[c] * row[c]).collect();
        let all = squares.iter().sum::<f64>() / n as f64;
        if all <= 1e-18 {
            continue;
        }
        let mut best = (0.0, None);
        for windows in [6.0, 12.0, 24.0, 48.0] {
            let reach = (to - from) / windows;
            let smooth = |k: usize| local_mean(&squares, places, from + step * k as f64, reach).max(0.02 * all).ln();
            let line: Vec<f64> = (0..CALM_POINTS).map(smooth).collect();
            let one = Trend { from, step, points: line, width: 1 };
            let gain: f64 = (0..n)
                .map(|i| {
                    let log = one.at(places[i], 0);
                    0.5 * (all.ln() + squares[i] / all - log - squares[i] / log.exp())
                })
                .sum();
            // Squares of noise with heavy tails say less than those of normal noise.
            let worth = 0.5 * gain - windows * (n as f64).ln();
            if worth > best.0 {
                best = (worth, Some(one.points));
            }
        }
        if let Some(line) = best.1 {
            any = true;
            (0..CALM_POINTS).for_each(|k| points[k * width + c] = line[k] - all.ln());
        }
    }
    if any { Trend { from, step, points, width } } else { Trend::default() }
}

/// The mean at `at` of what lies within `reach`, nearer values counting more.
fn local_mean(values: &[f64], places: &[f64], at: f64, reach: f64) -> f64 {
    let begin = places.partition_point(|&p| p < at - reach);
    let end = places.partition_point(|&p| p <= at + reach);
    let (mut s, mut sy) = (0.0, 0.0);
    for i in begin..end {
        let x = (places[i] - at) / reach;
        let w = (1.0 - x * x).max(0.0);
        s += w;
        sy += w * values[i];
    }
    if s > 0.0 { sy / s } else { values[begin.min(values.len() - 1)] }
}

/// The value at `at` of a line through what lies within `reach`, nearer values counting more.
fn local_line(values: &[f64], places: &[f64], at: f64, reach: f64) -> f64 {
    let begin = places.partition_point(|&p| p < at - reach);
    let end = places.partition_point(|&p| p <= at + reach);
    let (mut s, mut sx, mut sxx, mut sy, mut sxy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for i in begin..end {
        let x = (places[i] - at) / reach;
        let w = (1.0 - x * x).max(0.0);
        s += w;
        sx += w * x;
        sxx += w * x * x;
        sy += w * values[i];
        sxy += w * x * values[i];
    }
    let determinant = s * sxx - sx * sx;
    if determinant > 1e-9 * s * s {
        (sxx * sy - sx * sxy) / determinant
    } else if s > 0.0 {
        sy / s
    } else {
        // A hole: the nearest value.
        values[begin.min(values.len() - 1)]
    }
}

/// Whether nothing draws a series back to its mean, by the test of Dickey and Fuller with lagged differences.
pub fn wanders(values: &[f64]) -> bool {
    let n = values.len();
    let lags = ((n as f64).cbrt() as usize).clamp(1, 24);
    if n < 4 * lags + 12 {
        return false;
    }
    // The regression of each difference on the level before it, a constant and the differences before.
    let width = lags + 2;
    let difference = |t: usize| values[t] - values[t - 1];
    let mut gram = vec![0.0; width * width];
    let (mut with, mut power) = (vec![0.0; width], 0.0);
    let mut row = vec![1.0; width];
    let count = n - lags - 1;
    for t in lags + 1..n {
        row[0] = values[t - 1];
        (1..=lags).for_each(|k| row[k + 1] = difference(t - k));
        let y = difference(t);
        power += y * y;
        for a in 0..width {
            with[a] += row[a] * y;
            (0..=a).for_each(|b| gram[a * width + b] += row[a] * row[b]);
        }
    }
    (0..width).for_each(|a| (0..a).for_each(|b| gram[b * width + a] = gram[a * width + b]));
    let lower = crate::linalg::cholesky(&gram, width);
    let mut found = with.clone();
    crate::linalg::solve(&lower, &mut found);
    let explained: f64 = found.iter().zip(&with).map(|(b, w)| b * w).sum();
    let noise = ((power - explained) / (count - width).max(1) as f64).max(0.0);
    let mut unit = vec![0.0; width];
    unit[0] = 1.0;
    crate::linalg::solve(&lower, &mut unit);
    let deviation = (noise * unit[0]).sqrt();
    deviation > 0.0 && found[0] / deviation > WANDERS
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use verisim_data::rng::{normal, stream};

    use super::*;

    fn walk(memory: f64, n: usize, index: u64) -> Vec<f64> {
        let mut rng = stream(8, "walk", index);
        let mut x = 0.0;
        std::iter::repeat_with(|| {
            x = memory * x + normal(&mut rng);
            x
        })
        .take(n)
        .collect()
    }

    #[test]
    fn walks_wander_and_what_comes_back_does_not() {
        let wandering = (0..20).filter(|&i| wanders(&walk(1.0, 1000, i))).count();
        let back = (0..20).filter(|&i| wanders(&walk(0.9, 1000, i))).count();
        assert!(wandering >= 17 && back <= 1, "{wandering} {back}");
        assert!(!wanders(&[1.0; 200]) && !wanders(&[]));
    }

    #[test]
    fn a_season_is_found_with_its_shape_and_a_walk_has_none() {
        let shape = |t: usize| if t % 7 < 5 { 0.5 } else { -1.25 };
        let noise = walk(0.5, 700, 1);
        let clock = Clock { unit: Unit::Day, rest: 0.0, every: Some(1.0), start: Some(0.0) };
        let path = |z: Vec<f64>| Path { times: (0..z.len()).map(|t| t as f64).collect(), z };
        let mut paths = vec![path((0..700).map(|t| shape(t) + 0.4 * noise[t]).collect())];
        let found = seasons(&mut paths, 1, &clock, true, None);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!((0..7).all(|t| (found[0].at(t as f64)[0] - shape(t)).abs() < 0.15), "{found:?}");
        // Counted steps: the period is seen.
        let mut paths =
            vec![path((0..600).map(|t| (t as f64 * std::f64::consts::PI / 15.0).sin() + 0.2 * noise[t]).collect())];
        let found = seasons(&mut paths, 1, &Clock::steps(), false, None);
        assert!(found.len() == 1 && (found[0].period - 30.0).abs() < 1.5, "{found:?}");
        let mut paths = vec![path(walk(1.0, 700, 2))];
        assert!(seasons(&mut paths, 1, &clock, true, None).is_empty());
    }

    #[test]
    fn a_trend_is_followed_and_its_ends_stay() {
        let noise = walk(0.2, 600, 3);
        let places: Vec<f64> = (0..600).map(f64::from).collect();
        let z: Vec<f64> = (0..600).map(|t| 0.01 * t as f64 + 0.3 * noise[t]).collect();
        let trend = Trend::fit(&z, &places, 1);
        assert!((trend.at(300.0, 0) - 3.0).abs() < 0.2 && (trend.at(599.0, 0) - 6.0).abs() < 0.4);
        assert_eq!(trend.at(5000.0, 0), trend.at(599.0, 0));
        assert_eq!(Trend::fit(&noise, &places, 1), Trend::default());
    }

    #[test]
    fn restless_times_are_found_and_even_noise_has_none() {
        let mut rng = stream(12, "calm", 0);
        let places: Vec<f64> = (0..3000).map(f64::from).collect();
        let even: Vec<f64> = (0..3000).map(|_| normal(&mut rng)).collect();
        let restless: Vec<f64> = even.iter().enumerate().map(|(t, e)| if t < 1500 { *e } else { 3.0 * e }).collect();
        assert_eq!(calm(&even, &places, 1), Trend::default());
        let found = calm(&restless, &places, 1);
        let ratio = (found.at(2500.0, 0) - found.at(500.0, 0)).exp();
        assert!((6.0..13.0).contains(&ratio), "{ratio}");
    }
}
