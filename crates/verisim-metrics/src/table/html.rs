//! The report as one HTML page that needs nothing else: no script, no font, no image from outside.

use std::fmt::Write;

use verisim_data::number::{grouped, percent};

use super::report::{ColumnReport, Report};
use crate::lines::{Group, Line, Mark};

/// Height of a bar with its gap.
const BAR: usize = 26;
/// Columns beyond this many are left out of the heat map, worst kept: cells would be too small to see.
const HEAT_COLUMNS: usize = 60;

pub(crate) const STYLE: &str = "
:root{--ink:#1d2433;--soft:#667085;--line:#e6e8ee;--paper:#fff;--back:#f7f8fa;--good:#157f5b;--fair:#a86a00;--poor:#b93434;--bar:#3f6fd8}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:16px/1.55 -apple-system,'Segoe UI',Inter,Roboto,'Helvetica Neue',Arial,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1040px;margin:0 auto;padding:48px 24px 72px}
h1{font-size:30px;line-height:1.2;letter-spacing:-.015em;margin:0 0 6px}
h2{font-size:19px;letter-spacing:-.005em;margin:44px 0 12px}
p.lead{color:var(--soft);margin:0 0 28px}
p.note{color:var(--soft);font-size:14px;margin:0 0 14px;max-width:74ch}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(215px,1fr));gap:14px}
.card{background:var(--paper);border:1px solid var(--line);border-radius:12px;padding:16px 18px}
.card .name{font-size:13px;color:var(--soft)}
.card .value{font-size:30px;font-weight:650;letter-spacing:-.02em;line-height:1.25}
.card .real{font-size:13px;color:var(--soft)}
.card .verdict{font-size:14px;font-weight:600;margin-top:6px}
.good{color:var(--good)}.fair{color:var(--fair)}.poor{color:var(--poor)}.plain{color:var(--soft)}
.sheet{background:var(--paper);border:1px solid var(--line);border-radius:12px;padding:6px 18px;overflow-x:auto}
.sheet.pad{padding:18px}
table{border-collapse:collapse;width:100%;font-size:15px}
th{font-size:12px;font-weight:600;color:var(--soft);text-align:left;padding:10px 10px 8px 0;border-bottom:1px solid var(--line);white-space:nowrap}
td{padding:10px 10px 10px 0;border-bottom:1px solid var(--line);vertical-align:top}
tr:last-child td{border-bottom:0}
table.even{table-layout:fixed;min-width:820px}
table.even th:nth-child(1){width:43%}table.even th:nth-child(3){width:18%}table.even th:nth-child(5){width:19%}
.n{text-align:right;white-space:nowrap;padding-right:22px}
td small{display:block;color:var(--soft);font-size:13px;line-height:1.4;max-width:52ch}
svg{display:block;max-width:100%;height:auto}
svg text{font:12.5px -apple-system,'Segoe UI',Inter,Roboto,'Helvetica Neue',Arial,sans-serif;fill:var(--ink)}
svg .soft{fill:var(--soft)}
footer{color:var(--soft);font-size:13px;margin-top:40px}
@media print{body{background:#fff}main{padding:0}.card,.sheet{break-inside:avoid}}
";

impl Report {
    /// The report as a self-contained HTML page.
    pub fn to_html(&self) -> String {
        let groups = self.groups();
        let mut page = String::with_capacity(1 << 16);
        page.push_str("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
        page.push_str("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">");
        put(&mut page, format_args!("<title>Synthetic table report</title><style>{STYLE}</style></head><body><main>"));
        page.push_str("<h1>How good and how private is this table?</h1>");
        put(&mut page, format_args!("<p class=\"lead\">{}</p>", self.lead()));
        cards(&mut page, &groups);
        for group in &groups {
            group_table(&mut page, group);
        }
        self.column_section(&mut page);
        self.pair_section(&mut page);
        page.push_str(
            "<footer>“Real rows” are hold-out rows that the generator never saw, scored as if they were the synthetic \
             table: no generator should be expected to do better. Intervals hold the true value 95 times in 100. \
             Shapes, trends and the linear test follow SDMetrics 0.32; the boosted trees are 200 of depth 6 at \
             learning rate 0.1. Distances alone prove little about privacy.</footer></main></body></html>\n",
        );
        page
    }

    fn lead(&self) -> String {
        let count = |n: usize| grouped(n as u64);
        let held = match self.rows.holdout {
            Some(n) => format!("{} hold-out rows", count(n)),
            None => "no hold-out table".to_owned(),
        };
        format!(
            "{} synthetic rows, {} training rows, {held}; {} columns.",
            count(self.rows.synthetic),
            count(self.rows.train),
            self.columns.len()
        )
    }

    fn column_section(&self, page: &mut String) {
        page.push_str(
            "<h2>Columns</h2><p class=\"note\">Shape score of each column, worst first; the dark tick is what \
            real rows score. The full bar is 100&nbsp;%.</p><div class=\"sheet pad\">",
        );
        let columns = self.worst_columns();
        let label = 7 * columns.iter().map(|c| c.name.chars().count().min(34)).max().unwrap_or(0) + 16;
        let (left, width, full) = (label as f64, 560.0, label + 560 + 200);
        put(
            page,
            format_args!(
                "<svg viewBox=\"0 0 {full} {0}\" width=\"{full}\" role=\"img\" aria-label=\"Shape score of each column\">",
                BAR * columns.len()
            ),
        );
        for (i, c) in columns.iter().enumerate() {
            let (top, shape) = ((i * BAR) as f64, c.shape.unwrap_or(0.0));
            let name = escape(&clip(&c.name, 34));
            put(
                page,
                format_args!(
                    "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
                    left - 10.0,
                    top + 16.5
                ),
            );
            put(
                page,
                format_args!(
                    "<rect x=\"{left}\" y=\"{:.1}\" width=\"{width}\" height=\"14\" rx=\"3\" fill=\"#eef0f5\"/>",
                    top + 5.0
                ),
            );
            put(
                page,
                format_args!(
                    "<rect x=\"{left}\" y=\"{:.1}\" width=\"{:.2}\" height=\"14\" rx=\"3\" fill=\"{}\"/>",
                    top + 5.0,
                    width * shape,
                    bar_colour(shape)
                ),
            );
            if let Some(real) = c.shape_holdout {
                put(
                    page,
                    format_args!(
                        "<rect x=\"{:.2}\" y=\"{:.1}\" width=\"2\" height=\"20\" fill=\"#1d2433\"/>",
                        left + width * real - 1.0,
                        top + 2.0
                    ),
                );
            }
            let kind = c.compared_as;
            put(
                page,
                format_args!(
                    "<text x=\"{:.0}\" y=\"{:.1}\">{} <tspan class=\"soft\">{kind}</tspan></text>",
                    left + width + 12.0,
                    top + 16.5,
                    percent(shape)
                ),
            );
        }
        page.push_str("</svg></div>");
        self.trouble_table(page);
    }

    /// Columns with a missing-rate gap, numbers out of range or unseen levels.
    fn trouble_table(&self, page: &mut String) {
        let gap = |c: &ColumnReport| c.missing_synthetic - c.missing_train;
        let outside = |c: &ColumnReport| c.out_of_range.unwrap_or(0.0) + c.unseen_level.unwrap_or(0.0);
        let troubled: Vec<_> = self.columns.iter().filter(|c| gap(c).abs() >= 5e-5 || outside(c) > 0.0).collect();
        if troubled.is_empty() {
            return;
        }
        page.push_str(
            "<h2>Impossible and missing values</h2><div class=\"sheet\"><table><tr><th>column</th>\
            <th class=\"n\">missing, training</th><th class=\"n\">missing, synthetic</th>\
            <th class=\"n\">out of range</th><th class=\"n\">unseen level</th></tr>",
        );
        let cell = |x: Option<f64>| x.map_or_else(|| "–".to_owned(), percent);
        for c in troubled {
            put(
                page,
                format_args!(
                    "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
                    escape(&c.name),
                    percent(c.missing_train),
                    percent(c.missing_synthetic),
                    cell(c.out_of_range),
                    cell(c.unseen_level)
                ),
            );
        }
        page.push_str("</table></div>");
    }

    fn pair_section(&self, page: &mut String) {
        let worst = self.worst_pairs();
        if worst.is_empty() {
            return;
        }
        page.push_str(
            "<h2>Pairs of columns</h2><p class=\"note\">Trend score of each pair: the darker, the further from \
            the training table. Grey: not defined (a constant column). Point at a cell for its numbers.</p>\
            <div class=\"sheet pad\">",
        );
        self.heat_map(page);
        page.push_str("</div><h2>Weakest pairs</h2><div class=\"sheet\"><table><tr><th>pair</th><th class=\"n\">trend</th>\
            <th class=\"n\">real rows</th><th class=\"n\">correlation, training</th><th class=\"n\">synthetic</th></tr>");
        let two = |x: Option<f64>| x.map_or_else(|| "–".to_owned(), |x| format!("{x:.2}"));
        for p in worst.iter().take(10) {
            put(
                page,
                format_args!(
                    "<tr><td>{} × {}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
                    escape(&p.first),
                    escape(&p.second),
                    p.trend.map(percent).unwrap_or_default(),
                    p.trend_holdout.map_or_else(|| "–".to_owned(), percent),
                    two(p.correlation_train),
                    two(p.correlation_synthetic)
                ),
            );
        }
        page.push_str("</table></div>");
    }

    fn heat_map(&self, page: &mut String) {
        let names: Vec<&str> = self.columns.iter().map(|c| c.name.as_str()).collect();
        let k = names.len();
        // Pairs come with the first index rising slowest, so pair (i, j) has a known place.
        let place = |i: usize, j: usize| i * (2 * k - i - 1) / 2 + (j - i - 1);
        let score = |i: usize, j: usize| self.pairs.get(place(i.min(j), i.max(j))).and_then(|p| p.trend);
        let mut shown: Vec<usize> = (0..k).collect();
        if k > HEAT_COLUMNS {
            let worst = |&i: &usize| (0..k).filter(|&j| j != i).filter_map(|j| score(i, j)).fold(1.0, f64::min);
            shown.sort_by(|a, b| worst(a).total_cmp(&worst(b)));
            shown.truncate(HEAT_COLUMNS);
            shown.sort_unstable();
        }
        let longest = shown.iter().map(|&i| names[i].chars().count().min(24)).max().unwrap_or(0);
        let label = 7 * longest + 16;
        let cell = (740 / shown.len().max(1)).clamp(10, 44);
        // Names along the top stand at 45 degrees and need room to the right.
        let head = 5 * longest + 16;
        let (width, height) = (label + cell * shown.len() + head, head + cell * shown.len() + 44);
        put(
            page,
            format_args!(
                "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\" aria-label=\"Trend score of each pair of columns\">"
            ),
        );
        for (r, &i) in shown.iter().enumerate() {
            let name = escape(&clip(names[i], 24));
            let (x, y) = (label + r * cell + cell / 2, head + r * cell + cell / 2);
            put(page, format_args!("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{name}</text>", label - 8, y + 4));
            put(page, format_args!("<text transform=\"translate({} {}) rotate(-45)\">{name}</text>", x + 2, head - 6));
            for (c, &j) in shown.iter().enumerate() {
                let (x, y, size) = (label + c * cell, head + r * cell, cell - 1);
                if i == j {
                    put(
                        page,
                        format_args!(
                            "<rect x=\"{x}\" y=\"{y}\" width=\"{size}\" height=\"{size}\" rx=\"2\" fill=\"#f7f8fa\"/>"
                        ),
                    );
                    continue;
                }
                let value = score(i, j);
                let colour = value.map_or_else(|| "#d5d8df".to_owned(), heat_colour);
                let text = value.map_or_else(|| "not defined".to_owned(), percent);
                put(
                    page,
                    format_args!(
                        "<rect x=\"{x}\" y=\"{y}\" width=\"{size}\" height=\"{size}\" rx=\"2\" fill=\"{colour}\"><title>{} × {}: {text}</title></rect>",
                        escape(names[i]),
                        escape(names[j])
                    ),
                );
            }
        }
        let (y, step) = (height - 22, 56);
        for (s, score) in [1.0, 0.98, 0.95, 0.9, 0.8, 0.6].into_iter().enumerate() {
            let x = label + s * step;
            put(
                page,
                format_args!(
                    "<rect x=\"{x}\" y=\"{y}\" width=\"14\" height=\"14\" rx=\"2\" fill=\"{}\"/><text class=\"soft\" x=\"{}\" y=\"{}\">{:.0}%</text>",
                    heat_colour(score),
                    x + 18,
                    y + 12,
                    100.0 * score
                ),
            );
        }
        page.push_str("</svg>");
    }
}

/// The four numbers to read first.
fn cards(page: &mut String, groups: &[Group]) {
    let pick = |start: &str| groups.iter().flat_map(|g| &g.lines).find(|l| l.label.starts_with(start));
    let heads = ["Boosted two-sample", "Train on synthetic", "Closer to training", "Exact copies"];
    page.push_str("<div class=\"cards\">");
    for line in heads.into_iter().filter_map(pick) {
        let real = if line.ceiling.is_empty() { String::new() } else { format!("real rows {}", escape(&line.ceiling)) };
        let span = if line.interval.is_empty() { String::new() } else { format!("<br>{}", escape(&line.interval)) };
        put(
            page,
            format_args!(
                "<div class=\"card\"><div class=\"name\">{}</div><div class=\"value\">{}</div><div class=\"real\">{real}{span}</div>{}</div>",
                escape(&line.label),
                escape(&line.value),
                verdict("div", line)
            ),
        );
    }
    page.push_str("</div>");
}

fn group_table(page: &mut String, group: &Group) {
    put(
        page,
        format_args!(
            "<h2>{}</h2><div class=\"sheet\"><table class=\"even\"><tr><th>measure</th><th class=\"n\">score</th><th class=\"n\">95 % interval</th><th class=\"n\">real rows</th><th>verdict</th></tr>",
            escape(&group.title)
        ),
    );
    for line in &group.lines {
        put(
            page,
            format_args!(
                "<tr><td>{}<small>{}</small></td><td class=\"n\"><b>{}</b></td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td></tr>",
                escape(&line.label),
                escape(line.meaning),
                escape(&line.value),
                escape(&line.interval),
                escape(&line.ceiling),
                verdict("span", line)
            ),
        );
    }
    page.push_str("</table></div>");
}

pub(crate) fn verdict(tag: &str, line: &Line) -> String {
    let class = match line.mark {
        Mark::Good => "good",
        Mark::Fair => "fair",
        Mark::Poor => "poor",
        Mark::Plain => "plain",
    };
    format!("<{tag} class=\"verdict {class}\">{}</{tag}>", escape(&line.verdict))
}

fn bar_colour(score: f64) -> &'static str {
    match score {
        s if s >= 0.98 => "#3f8f6f",
        s if s >= 0.95 => "#7aa95c",
        s if s >= 0.9 => "#d0a03a",
        _ => "#c9574f",
    }
}

/// White at 1, through orange, to dark red at 0.6 and below, even in the square root of the error so that small
/// errors can be told apart.
fn heat_colour(score: f64) -> String {
    const STOPS: [[f64; 3]; 4] =
        [[239.0, 245.0, 241.0], [250.0, 219.0, 152.0], [226.0, 121.0, 73.0], [122.0, 26.0, 42.0]];
    let at = ((1.0 - score).max(0.0) / 0.4).sqrt().min(1.0) * 3.0;
    let i = (at as usize).min(2);
    let mix = |c: usize| (STOPS[i][c] + (at - i as f64) * (STOPS[i + 1][c] - STOPS[i][c])).round() as u8;
    format!("#{:02x}{:02x}{:02x}", mix(0), mix(1), mix(2))
}

/// At most `most` characters of a text, with an ellipsis where it is cut.
pub fn clip(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

/// A text as it may stand in HTML, SVG and their attributes.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Writing to a string cannot fail.
pub(crate) fn put(page: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = page.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_clipped() {
        assert_eq!(escape("<b>&\""), "&lt;b&gt;&amp;&quot;");
        assert_eq!(clip("abcdef", 4), "abc…");
        assert_eq!(clip("abcd", 4), "abcd");
    }

    #[test]
    fn the_heat_scale_ends_where_it_says() {
        assert_eq!(heat_colour(1.0), "#eff5f1");
        assert_eq!(heat_colour(0.6), "#7a1a2a");
        assert_eq!(heat_colour(0.0), heat_colour(0.6));
    }
}
