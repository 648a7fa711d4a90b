#!/usr/bin/env bash
# Tables made to mislead, and what the report says of each.
#
#   VERISIM_DATA=... scripts/mislead.sh [adult] [housing] [stroke]
#
# A table is parted into training rows (half), hold-out (a quarter) and fresh rows (a quarter). From these come tables that are known to
# be good or bad; the report of each is made by `verisim evaluate`, and one line is printed: its verdicts that are not good, and whether
# they are those that they ought to be. Needs python3 (standard library alone).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/report.sh"
build
: "${VERISIM_DATA:?set it to the folder of real tables}"
export VERISIM VERISIM_DATA
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 - "$work" "$@" <<'PYTHON'
import csv, json, os, random, subprocess, sys
from pathlib import Path

work, chosen = Path(sys.argv[1]), sys.argv[2:] or ["adult", "housing", "stroke"]
data = Path(os.environ["VERISIM_DATA"]) / "tables"
TABLES = {
    "adult": (["adult/train.csv", "adult/test.csv"], "income", "age"),
    "housing": (["california_housing/housing.csv"], "median_house_value", "median_income"),
    "stroke": (["stroke/healthcare-dataset-stroke-data.csv"], "stroke", "avg_glucose_level"),
}
wrong_ends = 0


def read(name):
    files, target, number = TABLES[name]
    rows, head = [], None
    for file in files:
        with open(data / file, newline="") as f:
            reader = csv.reader(f)
            head = next(reader)
            rows += [row for row in reader if len(row) == len(head)]
    drop = [j for j, h in enumerate(head) if h == "id"]
    keep = [j for j in range(len(head)) if j not in drop]
    return [head[j] for j in keep], [[row[j].strip() for j in keep] for row in rows], target, number


def write(name, head, rows):
    path = work / f"{name}.csv"
    with open(path, "w", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(head)
        writer.writerows(rows)
    return path


def digit(text):
    """The number with another last digit."""
    for i in range(len(text) - 1, -1, -1):
        if text[i].isdigit():
            return text[:i] + str((int(text[i]) + 1) % 10) + text[i + 1:]
    return text


def evaluate(real, synthetic, holdout, target):
    out = work / "report.json"
    command = [os.environ["VERISIM"], "evaluate", "--real", real, "--synthetic", synthetic, "--json", out, "-q"]
    if holdout:
        command += ["--holdout", holdout] + (["--target", target] if target else [])
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode != 0:
        return {"error": ("poor", ran.stderr.strip().splitlines()[-1] if ran.stderr else "")}
    return {v["id"]: (v["mark"], v["verdict"]) for v in json.load(open(out))["verdicts"]}


def show(table, case, verdicts, expected):
    """Prints a line. `expected` are ids that must be poor; a set of ids in a tuple: one of them must be. None: nothing may be poor."""
    global wrong_ends
    odd = {i: v for i, v in verdicts.items() if v[0] in ("fair", "poor")}
    poor = {i for i, v in odd.items() if v[0] == "poor"}
    if expected is None:
        right = not poor and len(odd) <= 1
    else:
        right = all((set(e) & poor) if isinstance(e, tuple) else e in poor for e in expected)
    wrong_ends += not right
    signs = {"fair": "~", "poor": "✗"}
    said = "; ".join(f"{signs[m]} {i}: {text}" for i, (m, text) in odd.items()) or "all good"
    print(f"| {table} | {case} | {'right' if right else 'WRONG'} | {said} |", flush=True)


print("| table | what is passed off as synthetic | verdicts are | those that are not good |\n|---|---|---|---|")
for table in chosen:
    head, rows, target, number = read(table)
    rng = random.Random(1)
    rng.shuffle(rows)
    n = len(rows)
    train, hold, fresh = rows[: n // 2], rows[n // 2 : 3 * n // 4], rows[3 * n // 4 :]
    T, H, F = write("train", head, train), write("hold", head, hold), write("fresh", head, fresh)
    t, j = head.index(target), head.index(number)
    shut = lambda case, expected, made, real=T, holdout=H, cols=head, goal=target: show(
        table, case, evaluate(real, write("made", cols, made), holdout, goal), expected)

    shut("a copy of the training rows", ["exact_copies", "closer_to_train"], train)
    shut("a copy, no hold-out", ["exact_copies"], train, holdout=None)
    some = fresh[: len(fresh) - len(fresh) // 100] + rng.sample(train, max(10, len(fresh) // 100))
    shut("fresh rows and 1 % of training rows", ["exact_copies"], some)
    shut("training rows, one digit changed in each", ["closer_to_train"], [[digit(c) if k == j else c for k, c in enumerate(r)] for r in train])
    few = write("few", head, hold[: max(300, len(hold) // 20)])
    shut("the same, a short hold-out", ["closer_to_train"], [[digit(c) if k == j else c for k, c in enumerate(r)] for r in train], holdout=few)
    shut("the hold-out", [("holdout_returns", "closer_to_train")], hold)
    shut("fresh rows, the training table as hold-out", ["holdout_overlap"], fresh, holdout=T)
    apart = [list(c) for c in zip(*train)]
    for column in apart:
        rng.shuffle(column)
    shut("cells shuffled within their columns", [("boosted_auc_unseen", "pair_trends")], list(zip(*apart)))
    shut("cells shuffled, no hold-out", [("boosted_auc", "pair_trends", "logic")], list(zip(*apart)), holdout=None)
    order = list(range(len(head)))
    rng.shuffle(order)
    shut("fresh rows, columns in another order", None, [[r[k] for k in order] for r in fresh], cols=[head[k] for k in order])
    shut("fresh rows, one column empty", ["missing_gap"], [[("" if k == j else c) for k, c in enumerate(r)] for r in fresh])
    shut("fresh rows, one column left out", ["missing_gap"], [[c for k, c in enumerate(r) if k != j] for r in fresh], cols=[h for h in head if h != number])
    other = next(k for k in range(len(head)) if k not in (t, j) and not fresh[0][k].replace(".", "").replace("-", "").isdigit())
    shut("fresh rows, one column all abc", [("unseen_level", "missing_gap")], [["abc" if k == other else c for k, c in enumerate(r)] for r in fresh])
    levels = {}
    for r in train:
        levels[r[t]] = levels.get(r[t], 0) + 1
    if len(levels) < 50:
        rare = min(levels, key=levels.get)
        shut("fresh rows, the rarest class of the target lost", [("lost_levels", "utility")], [r for r in fresh if r[t] != rare])
    spelt = lambda c: c + ".0" if c.lstrip("-").isdigit() else c
    shut("fresh rows, 3.0 for 3", None, [[spelt(c) for c in r] for r in fresh])
    ids = [f"{rng.randrange(16**12):012x}" for _ in rows]
    names = ["".join(rng.choice("aeiou") + rng.choice("bdklmnrst") for _ in range(3)).title() + " " + "".join(rng.choice("bdklmnrst") + rng.choice("aeiou") for _ in range(4)).title() for _ in rows]
    with_ids = lambda part, take, extra, h: write(h, head + [h], [r + [extra[(take + i) % n]] for i, r in enumerate(part)])
    for kind, extra in [("key", ids), ("name", names)]:
        R = write(f"real-{kind}", head + [kind], [r + [e] for r, e in zip(train, extra)])
        U = write(f"unseen-{kind}", head + [kind], [r + [e] for r, e in zip(hold, extra[len(train):])])
        S = write(f"made-{kind}", head + [kind], [r + [e] for r, e in zip(fresh, extra)])
        show(table, f"fresh rows with real {kind}s", evaluate(R, S, U, target), ["returned_values"])
    for size in (100, 300, 1000, 5000, 30000):
        if size <= len(fresh):
            shut(f"{size} fresh rows", None, fresh[:size])
        elif size == 30000 and table == "adult":
            shut(f"{size} rows: fresh and hold-out, a tenth of training kept back", None, (fresh + hold + train[: 30000])[: len(fresh) + len(hold)], holdout=write("kept", head, train[: len(train) // 10]), real=write("rest", head, train[len(train) // 10 :]))
sys.exit(1 if wrong_ends else 0)
PYTHON
