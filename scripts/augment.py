#!/usr/bin/env python3
"""What a policy does for a classifier of few pictures: a markdown table.

  VERISIM_DATA=... scripts/augment.py [-n 500] [-t 9] [-s 5] [PIPELINE]...

So many pictures of CIFAR-10, as many of each class, are learnt by the classifier whose features `verisim evaluate` compares by (1,500 steps of 128), as
they are, and with changed copies of each beside them; both name 2,000 others that nobody learnt. A PIPELINE is a file or a name; without one they are: flips and crops, and those with
TrivialAugment. Accuracies are means over so many draws of the pictures, their difference with its 95 % interval by t. VERISIM names a built program
[target/release/verisim], OUT a folder for files [runs/augment]. Stdlib only.
"""
import getopt, json, math, os, random, shutil, statistics, subprocess, sys
from pathlib import Path

options, pipelines = getopt.getopt(sys.argv[1:], "n:t:s:")
options = dict(options)
count, times, splits = (int(options.get(k, d)) for k, d in (("-n", "500"), ("-t", "9"), ("-s", "5")))
program = os.environ.get("VERISIM", "target/release/verisim")
out, data = Path(os.environ.get("OUT", "runs/augment")), Path(os.environ["VERISIM_DATA"]) / "images" / "cifar10"
T95 = {2: 4.303, 4: 2.776, 9: 2.262}
MOVED = "[[image]]\nhorizontal_flip = {}\np = 0.5\n[[image]]\npad = { left = 4, top = 4, right = 4, bottom = 4 }\n[[image]]\nrandom_crop = { width = 32, height = 32 }\n"
OWN = {"moved": MOVED, "trivial": MOVED + "[[image]]\ntrivial_augment = {}\n"}


def run(*command):
    done = subprocess.run([program, "--quiet", *map(str, command)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr.strip()}")


def accuracy(folder):
    """Of the classifier that learnt the pictures of a folder."""
    report = out / "report.json"
    run("evaluate", "--real", folder, "--synthetic", out / "learnt", "--holdout", out / "others", "--json", report)
    return 100 * json.loads(report.read_text())["extractor"]["accuracy"]


shutil.rmtree(out, ignore_errors=True)
out.mkdir(parents=True)
for name, text in OWN.items():
    (out / f"{name}.toml").write_text(text)
pipelines = pipelines or [out / f"{name}.toml" for name in OWN]
classes = sorted(folder.name for folder in data.iterdir() if folder.is_dir())
scores = {Path(p).stem: [] for p in pipelines}
for split in range(splits):
    dice = random.Random(split)
    for part in ("learnt", "others"):
        shutil.rmtree(out / part, ignore_errors=True)
    for name in classes:
        files = sorted((data / name).iterdir())
        dice.shuffle(files)
        of = count // len(classes)
        for part, some in (("learnt", files[:of]), ("others", files[of : of + 2000 // len(classes)])):
            (out / part / name).mkdir(parents=True)
            for file in some:
                shutil.copy(file, out / part / name / file.name)
    alone = accuracy(out / "learnt")
    for pipeline in pipelines:
        run("augment", pipeline, "--data", out / "learnt", "-o", out / "more", "--times", times, "--seed", split, "--force")
        scores[Path(pipeline).stem].append((alone, accuracy(out / "more")))
print(f"{count} pictures, {times} changed copies of each, {splits} draws\n")
print("| pipeline | accuracy of the pictures alone, % | with changed ones | beside |\n|---|---:|---:|---:|")
for name, pairs in scores.items():
    gain = [b - a for a, b in pairs]
    half = T95.get(splits - 1, 1.96) * statistics.stdev(gain) / math.sqrt(splits)
    alone, changed = (statistics.mean(column) for column in zip(*pairs))
    print(f"| {name} | {alone:.1f} | {changed:.1f} | {statistics.mean(gain):+.1f} ± {half:.1f} |")
