//! The figures as a bar chart.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use verisim::text::{clip, escape};
use verisim::bench::Spread;

use super::table::rate;
use super::{Report, Row};

const BAR: usize = 16;
const LABEL: usize = 190;
const WIDE: usize = 300;
const GAP: usize = 110;
const TOP: usize = 74;

/// One colour a device, distinct without red against green.
const COLOURS: [&str; 4] = ["#3b6fb6", "#e08a2e", "#6aa57c", "#8d6cab"];

/// An SVG of two panels, training and sampling, with a bar for each model and device: rows or images a second, on an axis of
/// powers of ten, since models differ by thousands. A thin line spans the tenths.
pub fn svg(report: &Report) -> String {
    let rows: Vec<&Row> = report.results.iter().filter(|r| r.training.is_some()).collect();
    let mut devices: Vec<&str> = Vec::new();
    rows.iter().for_each(|r| {
        if !devices.contains(&r.device.as_str()) {
            devices.push(&r.device);
        }
    });
    let groups = rows.iter().map(|r| r.config.as_str()).collect::<BTreeSet<_>>().len();
    let height = TOP + rows.len() * BAR + groups * 10 + 44;
    let width = LABEL + 2 * WIDE + 2 * GAP;
    let mut page = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" font-family=\"sans-serif\" \
         font-size=\"12\" fill=\"#222\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    let _ = writeln!(
        page,
        "<text x=\"12\" y=\"22\" font-size=\"15\" font-weight=\"600\">Rows or images a second (more is better)</text>\n\
         <text x=\"12\" y=\"40\" fill=\"#666\">{}, {} threads, verisim {}</text>",
        escape(&report.processor),
        report.threads,
        escape(&report.version)
    );
    for (i, device) in devices.iter().enumerate() {
        let x = width - 90 * (devices.len() - i);
        let colour = COLOURS[i % COLOURS.len()];
        let _ = writeln!(
            page,
            "<rect x=\"{x}\" y=\"12\" width=\"12\" height=\"12\" fill=\"{colour}\"/><text x=\"{}\" y=\"22\">{}</text>",
            x + 17,
            escape(device)
        );
    }
    let colour = |row: &Row| COLOURS[devices.iter().position(|d| *d == row.device).unwrap_or(0) % COLOURS.len()];
    let mut places = Vec::new();
    let (mut y, mut last) = (TOP, None);
    for row in &rows {
        if last.is_some_and(|l| l != row.config.as_str()) {
            y += 10;
        }
        if last != Some(row.config.as_str()) {
            let name = format!("{} ({})", clip(&row.config, 16), row.unit);
            let _ = writeln!(
                page,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
                LABEL - 10,
                y + 12,
                escape(&name)
            );
        }
        places.push(y);
        last = Some(row.config.as_str());
        y += BAR;
    }
    panel(
        &mut page,
        "training",
        LABEL,
        y,
        rows.iter().zip(&places).map(|(r, &y)| (y, r.training_rate(), colour(r))).collect(),
    );
    let x = LABEL + WIDE + GAP;
    panel(
        &mut page,
        "sampling",
        x,
        y,
        rows.iter().zip(&places).map(|(r, &y)| (y, r.sampling_rate(), colour(r))).collect(),
    );
    page + "</svg>\n"
}

/// Bars at their heights, from `x` on, above an axis at `bottom`.
fn panel(page: &mut String, title: &str, x: usize, bottom: usize, bars: Vec<(usize, Option<Spread>, &str)>) {
    let rates = || bars.iter().filter_map(|(_, rate, _)| *rate);
    let low = rates().map(|r| r.p10).fold(f64::INFINITY, f64::min).max(1e-3).log10();
    let high = rates().map(|r| r.p90).fold(0.0, f64::max).max(2e-3).log10();
    // A bar of no length would say nothing, so the axis starts at least a third of a decade below.
    let (from, to) = ((low - 0.3).floor(), high.ceil());
    let at = |rate: f64| x as f64 + (rate.max(1e-9).log10() - from).clamp(0.0, to - from) / (to - from) * WIDE as f64;
    let _ = writeln!(page, "<text x=\"{x}\" y=\"{}\" font-weight=\"600\">{title}</text>", TOP - 10);
    for power in from as i32..=to as i32 {
        let x = at(10f64.powi(power));
        let _ = writeln!(
            page,
            "<line x1=\"{x:.1}\" y1=\"{}\" x2=\"{x:.1}\" y2=\"{}\" stroke=\"#ddd\"/><text x=\"{x:.1}\" y=\"{}\" fill=\"#666\" \
             text-anchor=\"middle\">{}</text>",
            TOP - 4,
            bottom + 4,
            bottom + 20,
            power_of_ten(power)
        );
    }
    for (y, spread, colour) in bars {
        let Some(spread) = spread else { continue };
        let (end, middle) = (at(spread.median), y as f64 + BAR as f64 / 2.0);
        let _ = writeln!(
            page,
            "<rect x=\"{x}\" y=\"{}\" width=\"{:.1}\" height=\"{}\" fill=\"{colour}\"/><line x1=\"{:.1}\" y1=\"{middle}\" \
             x2=\"{:.1}\" y2=\"{middle}\" stroke=\"#222\"/><text x=\"{:.1}\" y=\"{}\">{}</text>",
            y + 1,
            end - x as f64,
            BAR - 3,
            at(spread.p10),
            at(spread.p90),
            at(spread.p90) + 6.0,
            y + 12,
            rate(spread.median)
        );
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
