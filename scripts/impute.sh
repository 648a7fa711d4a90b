#!/usr/bin/env bash
# Holes in real tables, filled: each shipped config and its peers fill the same cells. A markdown table a table of data.
#
#   VERISIM_DATA=... PYTHON=... scripts/impute.sh [-m "trees boost"] [-s "1"] [-h "mcar mar in"] [-p "forests nearest mean"] [TABLE]...
#
# -m models [trees boost copula], -s seeds of the holes [1], -p peers [forests nearest mean], -h holes [mcar mar in]:
#   mcar  a fifth of all cells of held-out rows, at random; models and peers learn from complete rows
#   mar   a fifth of the cells of two thirds of the columns, likelier by what stands in the others (logistic); as mcar
#   in    a fifth of all cells of the rows that are learnt are lacking, and these are filled
# Peers: forests as MissForest has them (10 trees a column, up to 5 rounds), the 5 nearest rows, mean and commonest level. VERISIM names a built
# program, OUT a folder for files [runs/impute]. PYTHON has numpy, pandas and scikit-learn [python3].
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/report.sh"
build
: "${VERISIM_DATA:?set it to the folder of real tables}"
export VERISIM VERISIM_DATA CONFIGS OUT="${OUT:-runs/impute}"
"${PYTHON:-python3}" - "$@" <<'PYTHON'
import getopt, os, subprocess, sys, time, warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import KNNImputer

warnings.filterwarnings("ignore")
options, tables = getopt.getopt(sys.argv[1:], "m:s:h:p:")
options = dict(options)
models = options.get("-m", "trees boost copula").split()
seeds = [int(s) for s in options.get("-s", "1").split()]
peers = options.get("-p", "forests nearest mean").split()
kinds = options.get("-h", "mcar mar in").split()
program, out = os.environ["VERISIM"], Path(os.environ["OUT"])
data = Path(os.environ["VERISIM_DATA"]) / "tables"
RATE, DRAWS, MOST = 0.2, 20, 5000
TABLES = {
    "housing": ("california_housing/california_8features.csv", []),
    "adult": ("adult/train.csv", []),
    "shoppers": ("online_shoppers/online_shoppers_intention.csv", ["OperatingSystems", "Browser", "Region", "TrafficType"]),
}


def run(*command):
    begun = time.time()
    done = subprocess.run([program, "--quiet", *map(str, command)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return time.time() - begun


def read(path):
    """A table as text and as what it means; `?` and nothing are missing."""
    return pd.read_csv(path, dtype=str, keep_default_na=False, na_values=["", "?"])


class Kind:
    """Which columns are numbers; their range in the rows that are learnt."""

    def __init__(self, learnt, codes):
        is_number = lambda c: c not in codes and pd.to_numeric(learnt[c], errors="coerce").notna().sum() == learnt[c].notna().sum()
        self.numbers = [c for c in learnt if is_number(c)]
        self.categories = [c for c in learnt if c not in self.numbers]
        values = learnt[self.numbers].astype(float)
        self.low, self.wide = values.min(), (values.max() - values.min()).replace(0, 1)
        self.levels = {c: sorted(learnt[c].dropna().unique()) for c in self.categories}

    def matrix(self, frame):
        """Scaled numbers, and categories as codes; NaN is missing."""
        parts = {c: (frame[c].astype(float) - self.low[c]) / self.wide[c] for c in self.numbers}
        for c in self.categories:
            place = {level: i for i, level in enumerate(self.levels[c])}
            parts[c] = frame[c].map(place).astype(float)
        return pd.DataFrame(parts)[list(frame.columns)].to_numpy()


def holes(frame, kind, how, rng):
    """Which cells are hidden; those that are missing already are not."""
    rows, columns = frame.shape
    if how == "mar":
        seen = rng.permutation(columns)[: max(1, columns // 3)]
        base = np.nan_to_num(kind.matrix(frame)[:, seen])
        base = (base - base.mean(0)) / (base.std(0) + 1e-9)
        hide = np.zeros((rows, columns), bool)
        for j in set(range(columns)) - set(seen):
            score = base @ rng.normal(size=len(seen))
            score = 2 * (score - score.mean()) / (score.std() + 1e-9)
            low, high = -20.0, 20.0
            for _ in range(60):
                middle = (low + high) / 2
                low, high = (middle, high) if (1 / (1 + np.exp(-score - middle))).mean() < RATE else (low, middle)
            hide[:, j] = rng.random(rows) < 1 / (1 + np.exp(-score - low))
    else:
        hide = rng.random((rows, columns)) < RATE
    return hide & frame.notna().to_numpy()


def scores(kind, truth, hide, filled, best=None):
    """`filled` are several completions as matrices, `best` one guess."""
    columns = list(truth.columns)
    whole = kind.matrix(truth)
    mae, drawn, w1, accuracy, inside = [], [], [], [], []
    for j, c in enumerate(columns):
        at = hide[:, j]
        if not at.any():
            continue
        guesses = np.stack([f[at, j] for f in filled])
        guess = guesses[0] if best is None else best[at, j]
        if c in kind.numbers:
            real = whole[at, j]
            mae.append(np.abs(guess - real).mean())
            drawn.append(np.abs(guesses - real).mean())
            w1.append(np.mean([np.abs(np.sort(g) - np.sort(real)).mean() for g in guesses]))
            inside.append(((guesses.min(0) <= real + 1e-9) & (real <= guesses.max(0) + 1e-9)).mean())
        else:
            accuracy.append((guess == whole[at, j]).mean())
    mean = lambda v: float(np.mean(v)) if v else None
    return {"MAE": mean(mae), "MAE of a draw": mean(drawn), "W1": mean(w1), "accuracy": mean(accuracy),
            "inside": mean(inside) if len(filled) > 1 else None}


def forests(kind, columns, learnt, rows, hide, inside):
    """MissForest: a forest a column, again and again on what the last round filled in."""
    start = np.where(np.isnan(learnt), 0, learnt)
    for j, c in enumerate(columns):
        known = learnt[~np.isnan(learnt[:, j]), j]
        fill = known.mean() if c in kind.numbers else np.bincount(known.astype(int)).argmax()
        start[np.isnan(learnt[:, j]), j] = fill
        rows[np.isnan(rows[:, j]), j] = fill
    order = np.argsort(hide.sum(0))
    table, trained, last = start, {}, np.inf
    for round in range(5):
        before = rows.copy()
        for j in order:
            if not hide[:, j].any():
                continue
            others = [k for k in range(len(columns)) if k != j]
            if inside or j not in trained:
                source = rows if inside else table
                use = ~hide[:, j] & ~np.isnan(learnt[:, j]) if inside else ~np.isnan(learnt[:, j])
                number = columns[j] in kind.numbers
                model = (RandomForestRegressor(10, min_samples_leaf=5, n_jobs=2, random_state=0) if number
                         else RandomForestClassifier(10, n_jobs=2, random_state=0))
                trained[j] = model.fit(source[use][:, others], learnt[use, j])
            rows[hide[:, j], j] = trained[j].predict(rows[hide[:, j]][:, others])
        change = ((rows - before) ** 2).sum() / max((rows**2).sum(), 1e-9)
        if change >= last:
            return before
        last = change
    return rows


def nearest(kind, columns, learnt, rows):
    """The five nearest rows, by numbers and by categories one-hot."""
    def wide(m):
        parts = []
        for j, c in enumerate(columns):
            if c in kind.numbers:
                parts.append(m[:, [j]])
            else:
                hot = np.full((len(m), len(kind.levels[c])), np.nan)
                known = ~np.isnan(m[:, j])
                hot[known] = 0
                hot[known, m[known, j].astype(int)] = 0.7071
                parts.append(hot)
        return parts

    blocks = wide(learnt[:10000])
    edges = np.cumsum([0] + [b.shape[1] for b in blocks])
    knn = KNNImputer(n_neighbors=5, keep_empty_features=True).fit(np.hstack(blocks))
    made = knn.transform(np.hstack(wide(rows)))
    result = rows.copy()
    for j, c in enumerate(columns):
        part = made[:, edges[j]:edges[j + 1]]
        value = part[:, 0] if c in kind.numbers else part.argmax(1).astype(float)
        gap = np.isnan(rows[:, j])
        result[gap, j] = value[gap]
    return result


def case(name, how, seed):
    file, codes = TABLES[name]
    rng = np.random.default_rng(seed)
    frame = read(data / file)
    frame = frame.iloc[rng.permutation(len(frame))].reset_index(drop=True)
    inside = how == "in"
    if inside:
        learnt = rows = frame.iloc[: 2 * MOST].reset_index(drop=True)
    else:
        rows, learnt = frame.iloc[:MOST].reset_index(drop=True), frame.iloc[MOST:].reset_index(drop=True)
    kind = Kind(learnt, codes)
    hide = holes(rows, kind, how, rng)
    holed = rows.mask(hide)
    if inside:
        learnt = holed
    folder = out / f"{name}-{how}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    learnt.to_csv(folder / "learnt.csv", index=False)
    holed.to_csv(folder / "holes.csv", index=False)
    columns = list(frame.columns)
    results = {}
    for model in models:
        keys = ["--set", f"data.path={folder}/learnt.csv", "--set", f"seed={seed}"]
        keys += [x for c in codes for x in ("--set", f'data.columns.{c}="categorical"')]
        fit = run("train", Path(os.environ["CONFIGS"]) / f"{model}.toml", *keys, "--out", folder / model)
        fill = lambda to, *more: run("impute", folder / model, "--input", folder / "holes.csv", "-o", folder / to, "--force", *more)
        guess = fill("best.csv", "--best")
        draw = fill("draw.csv", "--times", DRAWS)
        drawn = [kind.matrix(read(folder / f"draw-{t}.csv")) for t in range(1, DRAWS + 1)]
        if any(np.isnan(d[hide]).any() for d in drawn):
            sys.exit(f"{model} left holes")
        results[model] = scores(kind, rows, hide, drawn, kind.matrix(read(folder / "best.csv")))
        results[model] |= {"learn s": fit, "fill s": guess, "20 draws s": draw}
    a, b = kind.matrix(learnt), kind.matrix(holed)
    for peer, fill in {
        "forests": lambda: forests(kind, columns, a, b.copy(), hide, inside),
        "nearest": lambda: nearest(kind, columns, a, b),
        "mean": lambda: np.where(np.isnan(b), [np.nanmean(a[:, j]) if c in kind.numbers else np.bincount(a[~np.isnan(a[:, j]), j].astype(int)).argmax() for j, c in enumerate(columns)], b),
    }.items():
        if peer not in peers:
            continue
        begun = time.time()
        made = fill()
        results[peer] = scores(kind, rows, hide, [made]) | {"fill s": time.time() - begun}
    return results


KEYS = ["MAE", "MAE of a draw", "W1", "accuracy", "inside", "learn s", "fill s", "20 draws s"]
for name in tables or TABLES:
    for how in kinds:
        all = [case(name, how, seed) for seed in seeds]
        print(f"\n**{name}, {how}**\n\n| | " + " | ".join(KEYS) + " |\n|---|" + "---|" * len(KEYS))
        for row in all[0]:
            cells = []
            for key in KEYS:
                values = [r[row].get(key) for r in all if r[row].get(key) is not None]
                digits = 1 if key.endswith(" s") else 4 if key in ("MAE", "MAE of a draw", "W1") else 3
                cells.append(f"{np.mean(values):.{digits}f}" if values else "–")
            print(f"| {row} | " + " | ".join(cells) + " |", flush=True)
PYTHON
