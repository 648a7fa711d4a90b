#!/usr/bin/env bash
# Do synthetic rows help where a class is rare? A classifier learns from the real rows, from rows that `--balance` makes, from both, and
# from the real rows with SMOTE's; all find the rare class among real rows that nobody learnt from. Recall at the precision that the real
# rows reach at half recall, and average precision; means over splits, and the difference to the real rows with its 95 % interval.
#
#   VERISIM_DATA=... PYTHON=venv/bin/python scripts/rare.sh [-m "trees boost"] [-s SPLITS] [TABLE]...
#
# PYTHON must have numpy, pandas, scikit-learn and xgboost.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/report.sh"
build
: "${VERISIM_DATA:?set it to the folder of real tables}"
export VERISIM VERISIM_DATA CONFIGS OUT="${OUT:-runs/rare}"
"${PYTHON:-python3}" - "$@" <<'PYTHON'
import getopt, math, os, shutil, statistics, subprocess, sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, precision_recall_curve
from xgboost import XGBClassifier

options, tables = getopt.getopt(sys.argv[1:], "m:s:")
options = dict(options)
models = options.get("-m", "trees boost").split()
splits = int(options.get("-s", "10"))
program, out = os.environ["VERISIM"], Path(os.environ["OUT"])
data = Path(os.environ["VERISIM_DATA"]) / "tables"
TABLES = {
    "fraud": ("credit_card_fraud/creditcard_undersampled.csv.gz", "Class", []),
    "stroke": ("stroke/healthcare-dataset-stroke-data.csv", "stroke", ["id"]),
}
T95 = {4: 2.776, 9: 2.262, 19: 2.093}


def run(*command):
    done = subprocess.run([program, "--quiet", *map(str, command)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr.strip()}")


def features(frame, like, target):
    """Numbers as they are, categories as codes of the training rows."""
    x = pd.DataFrame(index=frame.index)
    for name in like.columns.drop(target):
        if pd.api.types.is_numeric_dtype(like[name]):
            x[name] = pd.to_numeric(frame[name], errors="coerce")
        else:
            levels = {v: i for i, v in enumerate(sorted(like[name].dropna().unique()))}
            x[name] = frame[name].map(levels).fillna(-1)
    return x.to_numpy(float), frame[target].astype(int).to_numpy()


def classify(x, y, test):
    model = XGBClassifier(n_estimators=200, max_depth=4, learning_rate=0.1, subsample=0.8, n_jobs=2, random_state=0)
    return model.fit(x, y).predict_proba(test)[:, 1]


def recall_at(y, p, precision):
    ps, rs, _ = precision_recall_curve(y, p)
    return max((r for q, r in zip(ps, rs) if q >= precision), default=0.0)


def precision_at_half(y, p):
    ps, rs, _ = precision_recall_curve(y, p)
    return max(q for q, r in zip(ps, rs) if r >= 0.5)


def augmented(folder, method, seed, train, target):
    """Real rows, and as many of the rare class as make both alike."""
    run("augment", "smote", "--data", folder / "train.csv", "-o", folder / f"{method}.csv", "--seed", seed, "--set", f"target={target}",
        "--set", f"resample.method={method}", "--set", f'data.columns.{target}="categorical"')
    return features(pd.read_csv(folder / f"{method}.csv"), train, target)


for table in tables or TABLES:
    file, target, drop = TABLES[table]
    real = pd.read_csv(data / file).drop(columns=drop)
    scores = {}
    for split in range(splits):
        rng = np.random.default_rng(split)
        held = np.zeros(len(real), bool)
        for level in (0, 1):  # a third of each class
            rows = np.flatnonzero(real[target] == level)
            held[rng.permutation(rows)[: len(rows) // 3]] = True
        train, test = real[~held].reset_index(drop=True), real[held].reset_index(drop=True)
        folder = out / f"{table}-{split}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        train.to_csv(folder / "train.csv", index=False)
        x, y = features(train, train, target)
        tx, ty = features(test, train, target)
        ways = {"real": (x, y)}
        for way, method in {"real, rare rows repeated": "random_over", "real, and SMOTE's": "smote"}.items():
            ways[way] = augmented(folder, method, split, train, target)
        for model in models:
            run("train", Path(os.environ["CONFIGS"]) / f"{model}.toml", "--set", f"data.path={folder / 'train.csv'}", "--seed", split,
                "--out", folder / model)
            # As many rows of the rare class as make both alike, and as many of the other as there are.
            run("sample", folder / model, "-n", 2 * int((y == 0).sum()), "--balance", target, "--max-tries", 100000,
                "-o", folder / "s.csv", "--force")
            made = pd.read_csv(folder / "s.csv")
            sx, sy = features(made, train, target)
            lacking = int((y == 0).sum() - (y == 1).sum())
            more = np.flatnonzero(sy == 1)[:lacking]
            ways[f"real, and rare rows of {model}"] = (np.vstack([x, sx[more]]), np.concatenate([y, sy[more]]))
            ways[f"balanced rows of {model} alone"] = (sx, sy)
        said = {name: classify(*way, tx) for name, way in ways.items()}
        at = precision_at_half(ty, said["real"])
        for name, p in said.items():
            scores.setdefault(name, []).append((recall_at(ty, p, at), average_precision_score(ty, p)))
        shutil.rmtree(folder)
    print(f"\n**{table}**: {len(real):,} rows, {int(real[target].sum())} of the rare class, {splits} splits\n")
    print("| learnt from | recall at equal precision | beside real rows | average precision | beside real rows |\n|---|---:|---:|---:|---:|")
    for name, runs in scores.items():
        cells = []
        for k in (0, 1):
            own = [r[k] for r in runs]
            gain = [a[k] - b[k] for a, b in zip(runs, scores["real"])]
            half = T95.get(splits - 1, 1.96) * statistics.stdev(gain) / math.sqrt(splits)
            mean = statistics.mean(gain)
            cells += [f"{statistics.mean(own):.3f}", "" if name == "real" else f"{mean:+.3f} ({mean - half:+.3f} to {mean + half:+.3f})"]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
PYTHON
