#!/usr/bin/env python3
"""Models of series on real series: a markdown table a table of data.

  VERISIM_DATA=... scripts/series.py [-m "var timeflow bootstrap"] [-s "42"] [-t SET=VALUE]... [ett24 stocks24 ett96 gapminder]

Each series is parted (the last 30 % of a long one with a gap of a window, whole keys of a panel), the shipped config learns one part, and
`verisim evaluate` compares as many windows or sequences with it, beside the other part. VERISIM names a built program
[target/release/verisim], OUT a folder for files [runs/series]. Figures: how well a network (|accuracy - .5|) and boosted trees (AUC) tell made from real windows, the error of a
predictor that learnt from made windows over one that learnt from real ones, distances of autocorrelations and of correlations over those of
real series of the same span, and the share that is closer to what was learnt than to what was not. In brackets what real series of the same span get.
"""
import getopt, json, os, subprocess, sys, time
from pathlib import Path

options, names = getopt.getopt(sys.argv[1:], "m:s:t:")
models = dict(options).get("-m", "var timeflow bootstrap").split()
seeds = dict(options).get("-s", "42").split()
sets = [v for k, v in options if k == "-t"]
program = os.environ.get("VERISIM", "target/release/verisim")
out, data = Path(os.environ.get("OUT", "runs/series")), Path(os.environ["VERISIM_DATA"]) / "series"
DATA = {
    "ett24": ("ETTh1/ETTh1.csv", 24),
    "stocks24": ("stock_data/stock_data.csv", 24),
    "ett96": ("ETTh1/ETTh1.csv", 96),
    "gapminder": ("gapminder_panel/gapminder.csv", None),
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


def cell(value, real=None):
    text = "–" if value is None else f"{value:.3f}"
    return text if real is None else f"{text} ({real:.3f})"


def ratio(scores, name):
    value, real = number(scores, name, "synthetic", "value"), number(scores, name, "fresh", "value")
    return "–" if value is None or not real else f"{value / real:.1f}"


out.mkdir(parents=True, exist_ok=True)
for name in names or DATA:
    path, window = DATA[name]
    folder = out / name
    folder.mkdir(exist_ok=True)
    how = ["--last", "--gap", window] if window else ["--by", "country"]
    run("split", data / path, "--holdout", "0.3", *how, "--force", "-o", f"{folder}/")
    train, holdout = folder / "train.csv", folder / "holdout.csv"
    print(f"\n{name}\n\n| model | network | boosted AUC | predictive | autocorrelation | correlation | closer | fit s |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for model in models:
        for seed in seeds:
            run_folder, made, report = folder / f"{model}-{seed}", folder / f"{model}-{seed}.csv", folder / f"{model}-{seed}.json"
            config = ["train", model, "--data", train, "--out", run_folder, "--seed", seed]
            config += ["--set", f"data.series.window={window}"] if window else []
            _, seconds = run(*config, *(word for s in sets for word in ("--set", s)))
            count = 2000 if window else 99
            run("sample", run_folder, "-n", count, "--seed", seed, "--force", "-o", made)
            run("evaluate", "--real", train, "--synthetic", made, "--holdout", holdout, "--model", run_folder, "--json", report)
            said = json.loads(report.read_text())
            scores = said["scores"]
            network, boosted, predictive = (said[k] if isinstance(said[k], dict) else {} for k in ("discriminative", "boosted", "predictive"))
            row = [
                cell(number(network, "synthetic", "score", "value"), number(network, "fresh", "score", "value")),
                cell(number(boosted, "synthetic", "value"), number(boosted, "fresh", "value")),
                cell(number(predictive, "ratio")),
                ratio(scores, "acf_pooled"),
                ratio(scores, "correlation"),
                cell(number(said, "privacy", "closer", "synthetic", "value")),
                f"{seconds:.1f}",
            ]
            print(f"| {model} | {' | '.join(row)} |", flush=True)
