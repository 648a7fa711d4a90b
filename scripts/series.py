#!/usr/bin/env python3
"""Models of series on real series: a markdown table a table of data.

  VERISIM_DATA=... scripts/series.py [-m "var bootstrap deepar timeflow"] [-s "42"] [-t SET=VALUE]... [ett24 stocks24 ett96 gapminder hospital]

Each series is parted (the last 30 % of a long one with a gap of a window, whole keys of a panel), the shipped config learns one part, and
`verisim evaluate` compares as many windows or sequences with it, beside the other part. VERISIM names a built program
[target/release/verisim], OUT a folder for files [runs/series]. Figures: how well a network (|accuracy - .5|) and boosted trees (AUC) tell made from real windows, the error of a
predictor that learnt from made windows over one that learnt from real ones, distances of autocorrelations and of correlations over those of
real series of the same span, the share that is closer to what was learnt than
to what was not, and the share that is closer to what was learnt than all but the closest 5 % of that is to itself. In brackets what real series of the same span get;
figures of networks are means over the seeds.
"""
import getopt, json, os, subprocess, sys, time
from pathlib import Path

options, names = getopt.getopt(sys.argv[1:], "m:s:t:")
models = dict(options).get("-m", "var bootstrap deepar timeflow").split()
seeds = dict(options).get("-s", "42 43 44").split()
sets = [v for k, v in options if k == "-t"]
program = os.environ.get("VERISIM", "target/release/verisim")
out, data = Path(os.environ.get("OUT", "runs/series")), Path(os.environ["VERISIM_DATA"]) / "series"
LEARNT = ["events", "deepar", "timeflow"]
DATA = {
    "ett24": ("ETTh1/ETTh1.csv", 24, None),
    "stocks24": ("stock_data/stock_data.csv", 24, None),
    "ett96": ("ETTh1/ETTh1.csv", 96, None),
    "gapminder": ("gapminder_panel/gapminder.csv", None, "country"),
    "hospital": (None, None, "patient_id"),
}


def run(*command):
    begun = time.time()
    done = subprocess.run([program, "--quiet", *map(str, command)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done.stdout, time.time() - begun


def number(score, *path):
    for key in path:
        score = (score or {}).get(key)
    return score


def cell(value, real=None, digits=3):
    text = "–" if value is None else f"{value:.{digits}f}"
    return text if real is None else f"{text} ({real:.3f})"


def ratio(scores, name):
    value, real = number(scores, name, "synthetic", "value"), number(scores, name, "fresh", "value")
    return None if value is None or not real else value / real


def figures(folder, model, seed, window, key, train, holdout):
    """Trains, samples and compares: all that a line of the table says."""
    run_folder, made, report = folder / f"{model}-{seed}", folder / f"{model}-{seed}.csv", folder / f"{model}-{seed}.json"
    config = ["train", model, "--data", train, "--out", run_folder, "--seed", seed]
    config += ["--set", f"data.series.window={window}"] if window else []
    config += ["--set", f"data.series.key={key}"] if key else []
    _, seconds = run(*config, *(word for s in sets for word in ("--set", s)))
    # Windows are cut anywhere: of sequences of two windows, or all would begin where a sequence does.
    count = ["-n", 1000, "--length", 2 * window] if window else ["-n", 300]
    run("sample", run_folder, *count, "--seed", seed, "--force", "-o", made)
    like = ["--window", window] if window else ["--key", key]
    run("evaluate", "--real", train, "--synthetic", made, "--holdout", holdout, "--model", run_folder, *like, "--json", report)
    said = json.loads(report.read_text())
    network, boosted, predictive = (said[k] if isinstance(said[k], dict) else {} for k in ("discriminative", "boosted", "predictive"))
    return [
        number(network, "synthetic", "score", "value"),
        number(network, "fresh", "score", "value"),
        number(boosted, "synthetic", "value"),
        number(boosted, "fresh", "value"),
        number(predictive, "ratio"),
        ratio(said["scores"], "acf_pooled"),
        ratio(said["scores"], "correlation"),
        number(said, "privacy", "closer", "synthetic", "value"),
        number(said, "privacy", "too_close", "value"),
        seconds,
    ]


out.mkdir(parents=True, exist_ok=True)
for name in names or DATA:
    path, window, key = DATA[name]
    folder = out / name
    folder.mkdir(exist_ok=True)
    if path is None:
        # Patients of the declared world: its table of events.
        run("generate", name, "--force", "-o", folder / "world")
    source = data / path if path else folder / "world" / "events.csv"
    how = ["--by", key] if key else ["--last", "--gap", window]
    run("split", source, "--holdout", "0.3", *how, "--force", "-o", f"{folder}/")
    train, holdout = folder / "train.csv", folder / "holdout.csv"
    print(f"\n{name}\n\n| model | network | boosted AUC | predictive | autocorrelation | correlation | closer | too close | fit s |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for model in models:
        # Models in closed form are the same by every seed, up to what is drawn.
        own = seeds if model in LEARNT else seeds[:1]
        all_figures = [figures(folder, model, seed, window, key, train, holdout) for seed in own]
        mean = [None if any(f is None for f in column) else sum(column) / len(column) for column in zip(*all_figures)]
        network, network_real, boosted, boosted_real, predictive, acf, correlation, closer, close, seconds = mean
        cells = [cell(network, network_real), cell(boosted, boosted_real), cell(predictive), cell(acf, digits=1), cell(correlation, digits=1)]
        cells += [cell(closer), cell(close), cell(seconds, digits=1)]
        print(f"| {model} | {' | '.join(cells)} |", flush=True)
