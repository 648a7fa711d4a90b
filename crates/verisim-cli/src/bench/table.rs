//! The figures as text.

use verisim::bench::Spread;

use super::{Benchmarks, Row};
use verisim::number::grouped;

/// The table of a report, and why what is missing is missing.
pub fn table(report: &Benchmarks) -> String {
    let mut text =
        format!("{}, {} threads, {}, verisim {}\n\n", report.processor, report.threads, report.system, report.version);
    let header = [
        "model",
        "device",
        "batch",
        "step",
        "p10 to p90",
        "trained/s",
        "sampled/s",
        "x",
        "first step",
        "warm-up",
        "memory",
        "on card",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    for row in &report.results {
        let Some(training) = &row.training else { continue };
        let step = training.step;
        rows.push(vec![
            row.config.clone(),
            row.device.clone(),
            grouped(training.batch as u64),
            time(step.median),
            format!("{} to {}", time(step.p10), time(step.p90)),
            row.training_rate().map(|r| rate(r.median)).unwrap_or_default(),
            row.sampling_rate().map(|r| rate(r.median)).unwrap_or_default(),
            ratios(report, row),
            time(training.first_step),
            time(training.warm_up),
            row.peak_memory.map_or_else(|| "-".into(), megabytes),
            row.card_memory.map_or_else(|| "-".into(), megabytes),
        ]);
    }
    // The last column is for cards.
    let on_card = report.results.iter().any(|row| row.card_memory.is_some());
    rows.iter_mut().for_each(|cells| cells.truncate(header.len() - usize::from(!on_card)));
    if rows.len() > 1 {
        text += &aligned(&rows, 2);
        text += "\nA step of trees or copula is a whole fit. trained/s, sampled/s: rows or images a second. x: speed of training and \
                 of sampling against the first device.\nfirst step: from the start of the program. Warm-up is not in the \
                 figures. memory: the most that the program held.\n";
        if on_card {
            text += "on card: what the program reserved there.\n";
        }
        text += &learnt(report);
    }
    for row in &report.results {
        if let Some(adapter) = &row.adapter
            && report.results.iter().position(|r| r.adapter.as_ref() == Some(adapter))
                == report.results.iter().position(|r| r == row)
        {
            text += &format!("{}: {adapter}\n", row.device);
        }
        if let Some(error) = &row.error {
            text += &format!("{} on {}: {error}\n", row.config, row.device);
        }
    }
    text
}

/// Which config learnt what, a line for each set of data.
fn learnt(report: &Benchmarks) -> String {
    let mut data: Vec<(&str, Vec<&str>)> = Vec::new();
    for row in &report.results {
        match data.iter_mut().find(|(name, _)| *name == row.data) {
            Some((_, configs)) if configs.contains(&row.config.as_str()) => {}
            Some((_, configs)) => configs.push(&row.config),
            None => data.push((&row.data, vec![&row.config])),
        }
    }
    data.into_iter().map(|(name, configs)| format!("Data of {}: {name}.\n", configs.join(", "))).collect()
}

/// Speed of a row against the first device that the same config was measured on.
fn ratios(report: &Benchmarks, row: &Row) -> String {
    let first = report.results.iter().find(|r| r.config == row.config && r.training.is_some());
    let ratio = |of: &dyn Fn(&Row) -> Option<Spread>| match (of(row), first.and_then(of)) {
        (Some(ours), Some(first)) => format!("{:.2}", ours.median / first.median),
        _ => "-".into(),
    };
    format!("{} {}", ratio(&Row::training_rate), ratio(&Row::sampling_rate))
}

/// What became slower or faster than in an earlier report, beyond the spread of both.
pub fn comparison(report: &Benchmarks, before: &Benchmarks) -> String {
    let mut rows = vec![["model", "device", "what", "before", "now", "ratio", ""].map(str::to_owned).to_vec()];
    for row in &report.results {
        let same = |r: &&Row| r.config == row.config && r.device == row.device && r.data == row.data;
        let Some(old) = before.results.iter().find(same) else { continue };
        let step = |r: &Row| r.training.as_ref().map(|f| f.step);
        for (what, old, new) in [("step", step(old), step(row)), ("sampling", old.sampling, row.sampling)] {
            let (Some(old), Some(new)) = (old, new) else { continue };
            rows.push(vec![
                row.config.clone(),
                row.device.clone(),
                what.into(),
                time(old.median),
                time(new.median),
                format!("{:.2}", new.median / old.median),
                verdict(&old, &new).into(),
            ]);
        }
    }
    if rows.len() == 1 {
        return "\nNothing of the earlier report was measured again.\n".into();
    }
    let other = match (before.processor == report.processor, before.threads == report.threads) {
        (true, true) => String::new(),
        _ => format!("The earlier report is of another machine: {}, {} threads.\n", before.processor, before.threads),
    };
    format!("\nAgainst the earlier report (verisim {}):\n{other}{}", before.version, aligned(&rows, 3))
}

/// A change of the median below this part of it is none: two runs of the same program differ by as much.
const NOISE: f64 = 0.05;

/// `slower` when nine of ten new times are longer than the old median, the new median than nine of ten old times, and by more
/// than [`NOISE`]; the reverse is `faster`, and all else may be chance.
pub(super) fn verdict(old: &Spread, new: &Spread) -> &'static str {
    if (new.median / old.median - 1.0).abs() <= NOISE {
        ""
    } else if new.p10 > old.median && new.median > old.p90 {
        "slower"
    } else if new.p90 < old.median && new.median < old.p10 {
        "faster"
    } else {
        ""
    }
}

/// A time with three digits and its unit.
pub(super) fn time(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s < 1e-3 => (s * 1e6, "us"),
        s if s < 1.0 => (s * 1e3, "ms"),
        s => (s, "s"),
    };
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.digits$} {unit}")
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", grouped(bytes / 1_000_000))
}

/// A number a second.
pub(super) fn rate(per_second: f64) -> String {
    if per_second < 100.0 { format!("{per_second:.1}") } else { grouped(per_second.round() as u64) }
}

/// Columns under each other, the first `left` of them flush left.
fn aligned(rows: &[Vec<String>], left: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| rows.iter().filter_map(|r| r.get(c)).map(|s| s.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(c, (cell, &w))| if c < left { format!("{cell:<w$}") } else { format!("{cell:>w$}") });
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_rates_are_short() {
        let times = [0.000_012_34, 0.001_234, 0.123_4, 1.234, 123.4].map(time);
        assert_eq!(times, ["12.3 us", "1.23 ms", "123 ms", "1.23 s", "123 s"]);
        assert_eq!([1.25, 99.96, 1234.6].map(rate), ["1.2", "100.0", "1,235"]);
    }

    #[test]
    fn only_what_is_beyond_the_spread_is_flagged() {
        let spread = |median: f64| Spread { median, p10: 0.9 * median, p90: 1.1 * median };
        assert_eq!(verdict(&spread(1.0), &spread(1.05)), "");
        assert_eq!(verdict(&spread(1.0), &spread(1.3)), "slower");
        assert_eq!(verdict(&spread(1.0), &spread(0.7)), "faster");
        // However steady the times are.
        let steady = |median: f64| Spread { median, p10: 0.999 * median, p90: 1.001 * median };
        assert_eq!(verdict(&steady(1.0), &steady(1.04)), "");
        assert_eq!(verdict(&steady(1.0), &steady(0.9)), "faster");
        // Wide spreads hide the same change.
        let wide = Spread { median: 1.3, p10: 0.5, p90: 2.0 };
        assert_eq!(verdict(&spread(1.0), &wide), "");
    }
}
