"""What image_steps.py, table_steps.py and text_steps.py share: how PyTorch steps are taken and timed, and verisim beside them."""

import argparse
import json
import math
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

GROUP = 10  # steps that are timed together for the ratio: verisim's log rounds to milliseconds


class Learner:
    """A network with its optimiser and, if `averaged`, the moving average of its weights."""

    def __init__(self, net, settings, layout=None, compiled=False, averaged=True):
        self.net, self.settings, self.updates = net.to(memory_format=layout) if layout else net, settings, 0
        self.call = torch.compile(net, dynamic=False) if compiled else net
        self.weights = list(net.parameters())
        self.average = [w.detach().clone() for w in self.weights] if averaged else []
        # On a CPU the fused optimiser takes about a third of the time of the one with foreach.
        options = dict(lr=settings["rate"], betas=settings["betas"], weight_decay=settings["decay"], fused=True)
        self.optimizer = torch.optim.AdamW(self.weights, **options)

    def update(self, loss, rate):
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if self.settings["clip"]:
            nn.utils.clip_grad_norm_(self.weights, self.settings["clip"])
        self.optimizer.param_groups[0]["lr"] = rate * self.settings["rate"]
        self.optimizer.step()
        self.updates += 1
        if self.average:
            keep = min(self.settings["ema"], (1 + self.updates) / (10 + self.updates))
            with torch.no_grad():
                torch._foreach_lerp_(self.average, self.weights, 1 - keep)


def rate(step, warmup, progress):
    """The learning rate of a step as a part of the highest: a linear warm-up, then half a cosine."""
    return min(1, step / warmup) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1, progress))))


def timed(trainings, seconds):
    """Milliseconds of the steps of each, taken in turn so that all see the same machine."""
    times, start = [], time.perf_counter()
    while (gone := time.perf_counter() - start) < seconds or len(times) < 3:
        times.append([training.milliseconds(gone / seconds) for training in trainings])
    return np.array(times).T


def summary(times):
    groups = [times[i : i + GROUP].mean() for i in range(0, len(times) - GROUP + 1, GROUP)]
    p10, median, p90 = np.percentile(times, [10, 50, 90]).round(2)
    return {
        "steps": len(times),
        "step_ms": {"median": median, "p10": p10, "p90": p90},
        "median_of_groups_ms": np.median(groups or times).round(2),
    }


def verisim(name, sets, args, out):
    """Milliseconds of verisim's steps, and the numbers that it saves."""
    sets = {
        **sets,
        "train.budget": f'"{args.seconds:g}s"',
        "train.epochs": 1_000_000,
        "train.log_every": GROUP,
        # Steps alone: no measuring, no checkpoints.
        "train.validation": 0.0,
        "train.checkpoint_every": 100_000,
    }

    def run(*command):
        env = {**os.environ, "RAYON_NUM_THREADS": str(args.threads)}
        return subprocess.run([args.verisim, *map(str, command)], env=env, check=True, stdout=subprocess.PIPE).stdout

    config = Path(__file__).resolve().parent.parent / "configs" / f"{name}.toml"
    options = [text for key, value in sets.items() for text in ("--set", f"{key}={value}")]
    run("train", config, "--quiet", "--device", "flex", *options, "--out", out)
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    pairs = [(a, b) for a, b in zip(lines, lines[1:]) if b["step"] - a["step"] == GROUP]
    groups = [1000 * (b["seconds"] - a["seconds"]) / GROUP for a, b in pairs]
    numbers = re.search(rb"\(([\d,]+) numbers", run("inspect", out))[1].replace(b",", b"")
    # The first tenth warms up, with what came before the first line.
    median = np.median(groups[len(groups) // 10 :]).round(2) if groups else None
    return {"parameters": int(numbers), "steps": lines[-1]["step"] if lines else 0, "median_of_groups_ms": median}


def against(mine, name, sets, saved, args, out):
    """What PyTorch took, and verisim right after it if there is one: a race only where it saves as many numbers as here, where
    that is known."""
    result = {"pytorch": mine}
    if not args.verisim:
        return result
    other = result["verisim"] = verisim(name, sets, args, out)
    if saved is not None and other["parameters"] != saved:
        sys.exit(f"{name}: {other['parameters']:,} numbers of verisim, {saved:,} here: no race")
    if other["median_of_groups_ms"]:
        result["ratio"] = round(other["median_of_groups_ms"] / mine["median_of_groups_ms"], 3)
    else:
        print(f"{name}: {other['steps']} steps of verisim are too few; give more --seconds", file=sys.stderr)
    return result


def table(results, threads):
    row = "{:5}  {:>7}  {:>26}  {:>10}  {:>17}  {}".format
    yield row("model", "threads", "PyTorch ms (p10 to p90)", "verisim ms", "verisim / PyTorch", "parameters")
    for name, result in results.items():
        step, parts = result["pytorch"]["step_ms"], result["pytorch"]["parameters"]
        times = "{median:.1f} ({p10:.1f} to {p90:.1f})".format(**step)
        other = result.get("verisim", {}).get("median_of_groups_ms") or "-"
        parts = " + ".join(f"{count:,} {part}" for part, count in parts.items())
        yield row(name, threads, times, other, result.get("ratio", "-"), parts)


def arguments(text, models):
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"{', '.join(models)} [default: all]")
    parser.add_argument("--seconds", type=float, default=30, help="of timed steps, for each [default: 30]")
    parser.add_argument("--threads", type=int, default=cores, help="[default: all cores]")
    parser.add_argument("--compile", action="store_true", help="put the networks through torch.compile")
    parser.add_argument("--verisim", metavar="PROGRAM", help="a built program to race")
    return parser


def parsed(parser, models):
    args = parser.parse_args()
    if unknown := set(args.models) - set(models):
        parser.error(f"no model {', '.join(unknown)}; there are {', '.join(models)}")
    torch.set_num_threads(args.threads)
    return args


def report(results, args):
    print(*table(results, args.threads), sep="\n", file=sys.stderr)
    about = {"torch": torch.__version__, "compiled": args.compile, "threads": args.threads}
    print(json.dumps({**about, "models": results}))
