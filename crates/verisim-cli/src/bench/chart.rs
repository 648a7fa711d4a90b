//! The figures as a bar chart: two panels, training and sampling, with a bar for each model and device. The axis is one of powers of
//! ten, since models differ by thousands; a thin line spans the tenths.
//!
//! A template rather than a plotting crate: it is smaller than the calls that would make a plotter draw grouped bars with labels.

use askama::Template;
use verisim::bench::Spread;
use verisim::clip;

use super::table::rate;
use super::{Benchmarks, Row};

const BAR: usize = 16;
const LABEL: usize = 190;
const WIDE: usize = 300;
const GAP: usize = 110;
const TOP: usize = 74;
/// Pixels between the bars of two models.
const APART: usize = 10;

/// One colour a device, distinct without red against green.
const COLOURS: [&str; 4] = ["#3b6fb6", "#e08a2e", "#6aa57c", "#8d6cab"];

#[derive(Template)]
#[template(path = "chart.svg", escape = "html")]
struct Chart<'a> {
    width: usize,
    height: usize,
    processor: &'a str,
    threads: usize,
    version: &'a str,
    keys: Vec<Key<'a>>,
    names: Vec<Name>,
    panels: [Panel; 2],
}

struct Key<'a> {
    x: usize,
    colour: &'static str,
    device: &'a str,
}

struct Name {
    x: usize,
    y: usize,
    text: String,
}

struct Panel {
    x: usize,
    title: &'static str,
    title_y: usize,
    ticks: Vec<Tick>,
    bars: Vec<Bar>,
}

struct Tick {
    x: String,
    top: usize,
    bottom: usize,
    label_y: usize,
    label: String,
}

struct Bar {
    y: usize,
    thick: usize,
    length: String,
    colour: &'static str,
    from: String,
    to: String,
    middle: f64,
    label_x: String,
    label_y: usize,
    label: String,
}

/// The SVG of a report.
pub fn svg(report: &Benchmarks) -> Result<String, askama::Error> {
    let rows: Vec<&Row> = report.results.iter().filter(|r| r.training.is_some()).collect();
    let mut devices: Vec<&str> = Vec::new();
    for row in &rows {
        if !devices.contains(&row.device.as_str()) {
            devices.push(&row.device);
        }
    }
    let width = LABEL + 2 * WIDE + 2 * GAP;
    let colour = |device: &str| COLOURS[devices.iter().position(|d| *d == device).unwrap_or(0) % COLOURS.len()];
    let key = |(i, device): (usize, &&'_ str)| (width - 90 * (devices.len() - i), colour(device), i);
    let keys = devices.iter().enumerate().map(key).map(|(x, colour, i)| Key { x, colour, device: devices[i] });

    let (mut names, mut places, mut bottom) = (Vec::new(), Vec::new(), TOP);
    for (i, row) in rows.iter().enumerate() {
        let first = i == 0 || rows[i - 1].config != row.config;
        bottom += if first && i > 0 { APART } else { 0 };
        if first {
            let text = format!("{} ({})", clip(&row.config, 16), row.unit);
            names.push(Name { x: LABEL - 10, y: bottom + 12, text });
        }
        places.push(bottom);
        bottom += BAR;
    }
    let bars = |of: fn(&Row) -> Option<Spread>| -> Vec<(usize, Spread, &'static str)> {
        let bar = |(row, &y): (&&Row, &usize)| Some((y, of(row)?, colour(&row.device)));
        rows.iter().zip(&places).filter_map(bar).collect()
    };
    let chart = Chart {
        width,
        height: bottom + 54,
        processor: &report.processor,
        threads: report.threads,
        version: &report.version,
        keys: keys.collect(),
        names,
        panels: [
            panel("training", LABEL, bottom, &bars(Row::training_rate)),
            panel("sampling", LABEL + WIDE + GAP, bottom, &bars(Row::sampling_rate)),
        ],
    };
    chart.render()
}

/// Bars at their heights, from `x` on, above an axis at `bottom`.
fn panel(title: &'static str, x: usize, bottom: usize, bars: &[(usize, Spread, &'static str)]) -> Panel {
    let low = bars.iter().map(|(_, rate, _)| rate.p10).fold(f64::INFINITY, f64::min).max(1e-3).log10();
    let high = bars.iter().map(|(_, rate, _)| rate.p90).fold(0.0, f64::max).max(2e-3).log10();
    // A bar of no length would say nothing, so the axis starts at least a third of a decade below.
    let (from, to) = ((low - 0.3).floor(), high.ceil());
    let at = |rate: f64| x as f64 + (rate.max(1e-9).log10() - from).clamp(0.0, to - from) / (to - from) * WIDE as f64;
    let tick = |power: i32| Tick {
        x: format!("{:.1}", at(10f64.powi(power))),
        top: TOP - 4,
        bottom: bottom + 4,
        label_y: bottom + 20,
        label: power_of_ten(power),
    };
    let bar = |&(y, spread, colour): &(usize, Spread, &'static str)| Bar {
        y: y + 1,
        thick: BAR - 3,
        length: format!("{:.1}", at(spread.median) - x as f64),
        colour,
        from: format!("{:.1}", at(spread.p10)),
        to: format!("{:.1}", at(spread.p90)),
        middle: y as f64 + BAR as f64 / 2.0,
        label_x: format!("{:.1}", at(spread.p90) + 6.0),
        label_y: y + 12,
        label: rate(spread.median),
    };
    Panel {
        x,
        title,
        title_y: TOP - 10,
        ticks: (from as i32..=to as i32).map(tick).collect(),
        bars: bars.iter().map(bar).collect(),
    }
}

fn power_of_ten(power: i32) -> String {
    match power {
        0..3 => 10i64.pow(power as u32).to_string(),
        3..6 => format!("{}k", 10i64.pow(power as u32 - 3)),
        6..9 => format!("{}M", 10i64.pow(power as u32 - 6)),
        _ => format!("1e{power}"),
    }
}
