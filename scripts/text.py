#!/usr/bin/env python3
"""What the language models score on real texts: the figures of docs/text.md.

    VERISIM_DATA=... scripts/text.py --verisim target/release/verisim [sms] [names] [long] [pretrained]

sms         messages with labels, a third held back: `lm-small` trained on the rest, evaluated against what was held back, --seeds times
names       `lm-tiny` on a list of names: nats a character of names held back, and how many of its names are new
long        `lm-tiny` on one long text for 3 minutes and for 20: nats a character of its last tenth
pretrained  the messages again, by adapters of the model that --base names, for 15 minutes

Prints rows of tables as Markdown. Trainings take the settings of the configs that come along; leave the machine alone meanwhile.
"""

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WHAT = ["sms", "names", "long", "pretrained"]


def run(args, *command):
    done = subprocess.run([args.verisim, *map(str, command)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr.strip()}")
    return done


def train(args, config, data, out, *sets):
    start = time.perf_counter()
    run(args, "train", config, "--data", data, "--out", out, *(part for s in sets for part in ("--set", s)))
    seconds = time.perf_counter() - start
    lines = [json.loads(line) for line in (Path(out) / "metrics.jsonl").read_text().splitlines()]
    scores = [line["validation"] for line in lines if line.get("validation") is not None]
    return seconds, min(scores) if scores else float("nan")


def split(path, folder, seed, share=0.7):
    with open(path, newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    random.Random(seed).shuffle(rows)
    cut = int(share * len(rows))
    for name, part in (("train", rows[:cut]), ("test", rows[cut:])):
        with open(folder / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *part])
    return len(rows) - cut


def messages(args, data, folder, sets, config="lm-small"):
    for seed in range(args.seeds):
        held = split(data / "text/sms_spam/sms_spam.csv", folder, seed)
        seconds, nats = train(args, config, folder / "train.csv", folder / f"run{seed}", f"seed={seed}", *sets)
        start = time.perf_counter()
        run(args, "sample", folder / f"run{seed}", "-n", held, "--seed", seed, "-o", folder / "made.csv", "--force")
        drawing = time.perf_counter() - start
        report = run(args, "evaluate", "--real", folder / "train.csv", "--synthetic", folder / "made.csv", "--holdout", folder / "test.csv",
                     "--text", "text", "--target", "label").stdout
        print(f"\nseed {seed}: {seconds:.0f} s, {nats:.3f} nats a token, {held} messages in {drawing:.1f} s\n\n```text\n{report}```", flush=True)


def names(args, data, folder):
    path = data / "text/names/names.txt"
    seconds, nats = train(args, "lm-tiny", path, folder / "names", *args.set)
    run(args, "sample", folder / "names", "-n", 10_000, "-o", folder / "names.txt", "--force")
    known, made = set(path.read_text().split()), (folder / "names.txt").read_text().split()
    new = sum(name not in known for name in made) / len(made)
    print(f"| names | {seconds:.0f} s | {nats:.3f} nats a character | {100 * new:.0f} % new |\n{', '.join(made[:30])}", flush=True)


def long(args, data, folder):
    for budget in ("3min", "20min"):
        out = folder / budget
        seconds, nats = train(args, "lm-tiny", data / "text/tinyshakespeare/input.txt", out, f'train.budget="{budget}"', "train.epochs=1000",
                              "train.patience=0", *args.set)
        print(f"| one long text, {budget} | {seconds:.0f} s | {nats:.3f} nats a character |", flush=True)
    print(run(args, "sample", folder / "20min", "--max-tokens", 600).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", metavar="WHAT", help=f"{', '.join(WHAT)} [default: the first three]")
    parser.add_argument("--verisim", default="verisim")
    parser.add_argument("--base", help="a pretrained model")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], help="a setting of the trainings")
    args = parser.parse_args()
    data = Path(os.environ.get("VERISIM_DATA") or sys.exit("set VERISIM_DATA to the folder of real data"))
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for what in args.what or WHAT[:3]:
            if what == "sms":
                messages(args, data, folder, args.set)
            elif what == "names":
                names(args, data, folder)
            elif what == "long":
                long(args, data, folder)
            elif what == "pretrained":
                messages(args, data, folder, [f'model.lm.base="{args.base}"', "model.lm.context=128", 'train.budget="15min"', *args.set])
            else:
                parser.error(f"no {what}; there are {', '.join(WHAT)}")


if __name__ == "__main__":
    main()
