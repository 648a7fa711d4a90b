#!/usr/bin/env bash
# Models against real tables: each shipped config learns each table three times, samples as many rows and is evaluated against rows
# that it never saw. A markdown table a table: means over the seeds, and their standard deviations.
#
#   VERISIM_DATA=... scripts/benchmark-tables.sh [-m "trees boost"] [-s "1 2 3"] [-p "0 0.5 1"] [TABLE]...
#
# -m models [trees boost copula], -s seeds of the training [1 2 3], -p values of `privacy` for the models that have it [the config's].
# Two thirds of a table are learnt, at random by one seed; Adult has a split of its own. VERISIM names a built program, OUT a folder
# for the figures of each run [runs/benchmark]: figures.jsonl there has a line a run, and runs that it has are not run again. scripts/front.py
# draws it. Needs python3 (standard library alone).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/report.sh"
build
: "${VERISIM_DATA:?set it to the folder of real tables}"
export VERISIM VERISIM_DATA CONFIGS OUT="${OUT:-runs/benchmark}"
python3 - "$@" <<'PYTHON'
import getopt, json, os, resource, shutil, statistics, subprocess, sys
from pathlib import Path

options, tables = getopt.getopt(sys.argv[1:], "m:s:p:")
options = dict(options)
models = options.get("-m", "trees boost copula").split()
seeds = options.get("-s", "1 2 3").split()
privacies = options.get("-p", "").split() or [None]
program, out = os.environ["VERISIM"], Path(os.environ["OUT"])
data = Path(os.environ["VERISIM_DATA"]) / "tables"
TABLES = {
    "adult": ("adult/train.csv", "income"),
    "shoppers": ("online_shoppers/online_shoppers_intention.csv", "Revenue"),
    "housing": ("california_housing/california_8features.csv", "MedHouseVal"),
    "claims": ("vehicle_claim_fraud/fraud_oracle.csv", "FraudFound_P"),
    "fraud": ("credit_card_fraud/creditcard_undersampled.csv.gz", "Class"),
    "stroke": ("stroke/healthcare-dataset-stroke-data.csv", "stroke"),
    "titanic": ("titanic/titanic.csv", "Survived"),
    "heart": ("heart_cleveland/heart_cleveland.csv", "num"),
}


def run(*command):
    """Runs the program; the CPU seconds that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([program, "--quiet", *map(str, command)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def parts(table):
    """Rows to learn and rows that are kept back."""
    file, _ = TABLES[table]
    if table == "adult":
        return data / file, data / "adult/test.csv"
    folder = out / "parts" / table
    if not (folder / "train.csv").exists():
        folder.mkdir(parents=True, exist_ok=True)
        run("split", data / file, "--holdout", 1 / 3, "-o", f"{folder}/", "--force")
    names = sorted(folder.iterdir())
    return next(n for n in names if "train" in n.name), next(n for n in names if "holdout" in n.name)


def known():
    """The figures of earlier runs."""
    file = out / "figures.jsonl"
    lines = [json.loads(line) for line in open(file)] if file.exists() else []
    return {(r["table"], r["model"], r["privacy"], r["seed"]): r["scores"] for r in lines}


def scores(table, model, privacy, seed):
    key = (table, model, privacy, seed)
    made = known().get(key)
    if made is None:
        made = measure(*key)
        out.mkdir(parents=True, exist_ok=True)
        with open(out / "figures.jsonl", "a") as file:
            print(json.dumps(dict(zip(("table", "model", "privacy", "seed"), key), scores=made)), file=file)
    return made


def measure(table, model, privacy, seed):
    train, holdout = parts(table)
    folder = out / f"{table}-{model}-{privacy}-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    keys = ["--set", f"data.path={train}", "--set", f"seed={seed}"]
    if privacy is not None:
        keys += ["--set", f"model.{model}.privacy={privacy}"]
    fit = run("train", Path(os.environ["CONFIGS"]) / f"{model}.toml", *keys, "--out", folder)
    with open(train, "rb") as f:
        rows = sum(1 for _ in f) - 1
    drawn = run("sample", folder, "-n", rows, "--seed", seed, "-o", folder / "s.csv", "--force")
    run("evaluate", "--real", train, "--synthetic", folder / "s.csv", "--holdout", holdout, "--target", TABLES[table][1],
        "--full", "--json", folder / "r.json")
    r = json.load(open(folder / "r.json"))
    (folder / "s.csv").unlink()
    utility = r["utility"]
    return {
        "AUC": r["detection"]["boosted_auc"]["value"],
        "AUC, unseen rows": r["detection"]["boosted_auc_unseen"]["value"],
        "closer to training": r["privacy"]["distance"]["share_closer_to_train"]["value"],
        "way to a copy": r["privacy"]["distance"]["way"]["gone"]["value"],
        "TSTR": utility["trained_on_synthetic"]["score"]["value"],
        "TSTR below real": utility["gap"]["value"],
        "CPU s, fit": fit,
        "CPU s, sample": drawn,
        "MB": (folder / "model.safetensors").stat().st_size / 1e6,
    }


for table in tables or TABLES:
    print(f"\n**{table}**\n", flush=True)
    head = None
    for model in models:
        for privacy in privacies:
            all_runs = [scores(table, model, privacy, seed) for seed in seeds]
            if head is None:
                head = list(all_runs[0])
                print("| model | " + " | ".join(head) + " |\n|---|" + "---:|" * len(head))
            def cell(key):
                values = [r[key] for r in all_runs]
                digits = 1 if key.startswith("CPU") or key == "MB" else 3
                spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
                return f"{statistics.mean(values):.{digits}f}{spread}"
            name = model if privacy is None else f"{model}, privacy {privacy}"
            print(f"| {name} | " + " | ".join(cell(key) for key in head) + " |", flush=True)
PYTHON
