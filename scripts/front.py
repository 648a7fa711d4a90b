#!/usr/bin/env python3
"""Draws how hard synthetic rows are to tell from real ones over how close they are to the training rows: one field a table, a point a
model and setting, means over seeds. Nearer to the lower left is better: 0.5 and 0.5 is what fresh real rows score.

    scripts/front.py runs/benchmark/figures.jsonl docs/img/front.svg

The figures are those of scripts/benchmark-tables.sh. Other programs are points on Adult: each measured once, with its defaults, by the same
test (docs/performance.md names versions and settings). Needs the standard library alone.
"""

import json
import math
import statistics
import sys
from collections import defaultdict

# name: boosted two-sample AUC, share closer to training. Adult, 32,561 rows, seed 42.
PEERS = {
    "TabularARGN 2.7.3": (0.638, 0.512),
    "TVAE (ctgan 0.12.1)": (0.974, 0.507),
    "CTGAN 0.12.1": (0.997, 0.503),
    "ARF (arfpy 0.1.1)": (0.950, 0.555),
    "GaussianCopula (sdv 2.0.0)": (1.000, 0.498),
}
COLOURS = {
    "boost": "#0072b2", "trees": "#009e73", "tokens": "#d55e00", "tvae": "#cc79a7", "ctgan": "#999933", "copula": "#6f6f6f",
}
# What `privacy` is in the shipped configs.
DEFAULT = {"boost": 0.5, "trees": 0.5}
NAMES = {
    "adult": "Adult", "shoppers": "Shoppers", "housing": "Housing", "claims": "vehicle claims", "fraud": "card fraud",
    "stroke": "stroke", "titanic": "Titanic", "heart": "heart",
}
WIDE, HIGH, LEFT, TOP, GAP = 300, 230, 46, 34, 62


def points(path):
    """Mean AUC and closeness of each model and privacy, a table each."""
    runs = defaultdict(list)
    for line in open(path):
        r = json.loads(line)
        runs[r["table"], r["model"], r["privacy"]].append(r["scores"])
    tables = defaultdict(list)
    for (table, model, privacy), all_runs in runs.items():
        mean = lambda key: statistics.mean(r[key] for r in all_runs)
        tables[table].append((model, privacy, mean("closer to training"), mean("AUC")))
    return tables


def ticks(low, high):
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2) if (high - low) / s <= 6)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 3) for i in range(first, int(high / step + 1e-9) + 1)]


def field(table, items, x0, y0, out):
    peers = [(name, closer, auc) for name, (auc, closer) in PEERS.items()] if table == "adult" else []
    xs = [p[2] for p in items] + [p[1] for p in peers] + [0.5]
    ys = [p[3] for p in items] + [p[2] for p in peers] + [0.5]
    pad = lambda a, b, share: (a - share * (b - a), b + share * (b - a))
    (xl, xh), (yl, yh) = pad(min(xs), max(max(xs), 0.53), 0.06), pad(min(ys), max(ys), 0.06)
    x = lambda v: x0 + (v - xl) / (xh - xl) * WIDE
    y = lambda v: y0 + HIGH - (v - yl) / (yh - yl) * HIGH
    out.append(f'<text x="{x0}" y="{y0 - 10}" class="name">{NAMES.get(table, table)}</text>')
    out.append(f'<rect x="{x0}" y="{y0}" width="{WIDE}" height="{HIGH}" class="frame"/>')
    for v in ticks(xl, xh):
        out.append(f'<line x1="{x(v):.1f}" x2="{x(v):.1f}" y1="{y0}" y2="{y0 + HIGH}" class="grid"/>')
        out.append(f'<text x="{x(v):.1f}" y="{y0 + HIGH + 15}" class="tick" text-anchor="middle">{v:g}</text>')
    for v in ticks(yl, yh):
        out.append(f'<line x1="{x0}" x2="{x0 + WIDE}" y1="{y(v):.1f}" y2="{y(v):.1f}" class="grid"/>')
        out.append(f'<text x="{x0 - 6}" y="{y(v) + 4:.1f}" class="tick" text-anchor="end">{v:g}</text>')
    out.append(f'<path d="M{x(.5) - 6:.1f},{y(.5):.1f}h12m-6,-6v12" class="real"/>')
    free = y0 - 4
    for name, closer, auc in sorted(peers, key=lambda p: -p[2]):
        free = max(y(auc) + 4, free + 11)  # one label below the other
        out.append(f'<circle cx="{x(closer):.1f}" cy="{y(auc):.1f}" r="4" class="peer"/>')
        right = x(closer) > x0 + WIDE * 0.6
        out.append(f'<text x="{x(closer) + (-7 if right else 7):.1f}" y="{free:.1f}" class="label" '
                   f'text-anchor="{"end" if right else "start"}">{name}</text>')
    models = defaultdict(list)
    for model, privacy, closer, auc in items:
        models[model].append((float(privacy) if privacy is not None else DEFAULT.get(model), x(closer), y(auc)))
    for model, places in models.items():
        colour = COLOURS.get(model, "#000000")
        places.sort(key=lambda p: (p[0] is None, p[0] or 0))
        if len(places) > 1:
            way = " ".join(f"{a:.1f},{b:.1f}" for _, a, b in places)
            out.append(f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        for privacy, a, b in places:
            out.append(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="4.5" fill="{colour}"/>')
            if privacy is not None:
                out.append(f'<text x="{a + 7:.1f}" y="{b + 4:.1f}" class="label" fill="{colour}">{privacy:g}</text>')


def main(figures, target):
    tables = points(figures)
    order = [t for t in NAMES if t in tables] + [t for t in tables if t not in NAMES]
    across = min(3, len(order))
    down = -(-len(order) // across)
    width, height = across * (WIDE + LEFT + 24) + 10, TOP + 24 + down * (HIGH + GAP) + 20
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
        "<style>.name{font-size:14px;font-weight:bold}.tick{font-size:10px;fill:#555}.label{font-size:10px}.frame{fill:none;stroke:#bbb}"
        ".grid{stroke:#eee}.real{stroke:#000;stroke-width:1.5}.peer{fill:#fff;stroke:#000}.key{font-size:12px}</style>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    at = LEFT
    for model in [m for m in COLOURS if any(m == p[0] for items in tables.values() for p in items)]:
        out.append(f'<circle cx="{at}" cy="14" r="5" fill="{COLOURS[model]}"/><text x="{at + 9}" y="18" class="key">{model}</text>')
        at += 24 + 8 * len(model)
    out.append(f'<path d="M{at - 5},14h12m-6,-6v12" class="real"/><text x="{at + 12}" y="18" class="key">fresh real rows</text>')
    out.append(f'<circle cx="{at + 122}" cy="14" r="4" class="peer"/><text x="{at + 131}" y="18" class="key">other programs, their defaults; '
               "numbers beside points are values of privacy</text>")
    for i, table in enumerate(order):
        field(table, tables[table], LEFT + i % across * (WIDE + LEFT + 24), TOP + 24 + i // across * (HIGH + GAP), out)
    out.append(f'<text x="{LEFT}" y="{height - 8}" class="key">across: share of synthetic rows that are closer to training than to unseen rows; '
               "up: boosted two-sample AUC</text>")
    out.append("</svg>")
    with open(target, "w") as file:
        file.write("\n".join(out) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
