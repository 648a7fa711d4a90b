#!/usr/bin/env python3
"""The numbers of docs/performance.md, measured on this machine in one run and printed as its tables.

    scripts/performance.py steps --verisim target/release/verisim
        a training step of every neural model beside the same networks in PyTorch
    scripts/performance.py jobs TRAIN.csv --verisim target/release/verisim --peer ctgan=PYTHON --peer tabularargn=PYTHON
        a whole job, from the table to a model and from the model to 100,000 rows: verisim's models, and the peers that are
        given as NAME=PYTHON, an interpreter that has them installed (ctgan, tvae: `pip install ctgan`; tabularargn:
        `pip install mostlyai-engine`)

`steps` needs PyTorch and numpy, `jobs` nothing but the peers. Leave the machine alone meanwhile, or the numbers mean little.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parent.parent
MODELS = ["trees", "copula", "tvae", "ctgan"]
ROWS = 100_000

# A peer's job with its own defaults. It says when the fit and the sampling end; all else is measured from outside.
SDV_CTGAN = """
import sys, time, pandas
from ctgan import {name}
data = pandas.read_csv(sys.argv[1])
discrete = [c for c in data.columns if data[c].dtype.kind not in "if"]
model = {name}({epochs})
model.fit(data, discrete)
print("FIT", time.time(), flush=True)
model.sample({rows}).to_csv(sys.argv[2] + "/made.csv", index=False)
print("MADE", time.time(), flush=True)
"""
ARGN = """
import sys, time, pandas
from mostlyai import engine
where = sys.argv[2]
engine.split(tgt_data=pandas.read_csv(sys.argv[1]), workspace_dir=where, model_type="TABULAR")
engine.analyze(workspace_dir=where)
engine.encode(workspace_dir=where)
engine.train(workspace_dir=where{epochs})
print("FIT", time.time(), flush=True)
engine.generate(workspace_dir=where, sample_size={rows})
print("MADE", time.time(), flush=True)
"""
PEERS = {
    "ctgan": (SDV_CTGAN, "CTGAN", "epochs={}", "import ctgan"),
    "tvae": (SDV_CTGAN, "TVAE", "epochs={}", "import ctgan"),
    "tabularargn": (ARGN, "", ", max_epochs={}", "from mostlyai import engine"),
}


class Measured:
    """A command that was run: its wall and CPU seconds, its largest resident memory in MB, and what it printed."""

    def __init__(self, command):
        self.begun = time.time()
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            process = subprocess.Popen([*map(str, command)], stdout=out, stderr=err)
            peak = Peak(process.pid)
            _, status, usage = os.wait4(process.pid, 0)
            self.wall, self.cpu = time.time() - self.begun, usage.ru_utime + usage.ru_stime
            # One process is measured by the kernel, in kB; several at once only by looking.
            self.peak = max(peak.stop(), usage.ru_maxrss * 1024 / 1e6)
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0), err.seek(0)
            if process.returncode:
                sys.exit(f"{' '.join(map(str, command[:3]))} ...: failed\n{err.read()[-2000:]}")
            self.lines = [line.split() for line in out]

    def at(self, mark):
        return next(float(line[1]) for line in self.lines if line[:1] == [mark])


class Peak:
    """The largest resident memory of a process and its children, looked at ten times a second."""

    def __init__(self, pid):
        self.pid, self.most, self.done = pid, 0.0, threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def tree(self):
        pids, parents = [self.pid], {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    parents.setdefault(int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]), []).append(int(entry.name))
                except OSError:
                    pass
        for pid in pids:
            pids += parents.get(pid, [])
        return pids

    def watch(self):
        while not self.done.wait(0.1):
            total = 0
            for pid in self.tree():
                try:
                    total += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                except OSError:
                    pass
            self.most = max(self.most, total * resource.getpagesize() / 1e6)

    def stop(self):
        self.done.set()
        self.thread.join()
        return self.most


def size(path):
    """Megabytes of a file or folder, links not followed and files with two names counted once."""
    seen, total = set(), 0
    for file in [path] if path.is_file() else path.rglob("*"):
        stat = file.lstat()
        if (stat.st_dev, stat.st_ino) not in seen:
            seen.add((stat.st_dev, stat.st_ino))
            total += stat.st_blocks * 512
    return total / 1e6


def start_up(command):
    """The least seconds of five runs, which is what a warm disk cache gives."""
    return min(Measured(command).wall for _ in range(5))


def steps(args):
    import image_steps
    import race
    import table_steps
    import torch

    torch.set_num_threads(args.threads)
    settings = SimpleNamespace(seconds=args.seconds, threads=args.threads, compile=False, verisim=args.verisim)
    results = {**table_steps.steps(table_steps.MODELS, settings), **image_steps.steps(image_steps.MODELS, settings)}
    print(*race.table(results, args.threads), sep="\n", file=sys.stderr)
    print(f"PyTorch {torch.__version__}, {args.threads} threads, {args.seconds:g} s each\n")
    print("| model | parameters | PyTorch, ms | verisim, ms | verisim / PyTorch |")
    print("|---|---:|---:|---:|---:|")
    for name, result in results.items():
        mine, other = result["pytorch"], result["verisim"]
        count = f"{sum(mine['parameters'].values()):,}"
        times = f"{mine['median_of_groups_ms']:.1f} | {other['median_of_groups_ms']:.1f}"
        print(f"| {name} | {count} | {times} | {result['ratio']:.2f} |")


def row(name, fit, made, rate, peak, disk, start):
    print(f"| {name} | {fit.wall if made is None else made:.2f} | {fit.cpu:.2f} | {peak:.0f} | {rate:,.0f} | {disk:,.0f} | {start:.3g} |", flush=True)


def jobs(args):
    print("| job | fit, s | CPU, s | peak memory, MB | rows/s | on disk, MB | start-up, s |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    program = Path(args.verisim)
    for name in MODELS:
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder, "run")
            config = ROOT / "configs" / f"{name}.toml"
            fit = Measured([program, "--quiet", "train", config, "--set", f'data.path="{args.table}"', "--out", run])
            draw = Measured([program, "--quiet", "sample", run, "-n", ROWS, "-o", Path(folder, "made.csv")])
            fit.cpu += draw.cpu
            row(f"verisim {name}", fit, None, ROWS / draw.wall, max(fit.peak, draw.peak), size(program), start_up([program, "--version"]))
    for peer in args.peer:
        name, python = peer.split("=", 1)
        code, model, epochs, imports = PEERS[name]
        code = code.format(name=model, rows=ROWS, epochs=epochs.format(args.epochs) if args.epochs else "")
        with tempfile.TemporaryDirectory() as folder:
            ran = Measured([python, "-c", code, args.table, folder])
            fit, made = ran.at("FIT"), ran.at("MADE")
            site = subprocess.check_output([python, "-c", "import site; print(site.getsitepackages()[0])"], text=True)
            label = f"{name}, {args.epochs} epochs" if args.epochs else name
            start = start_up([python, "-c", imports])
            row(label, ran, fit - ran.begun, ROWS / (made - fit), ran.peak, size(Path(site.strip())), start)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    race = commands.add_parser("steps", help="training steps beside PyTorch")
    race.add_argument("--seconds", type=float, default=20, help="of timed steps, for each [default: 20]")
    race.add_argument("--threads", type=int, default=os.cpu_count(), help="[default: all cores]")
    whole = commands.add_parser("jobs", help="whole jobs, beside other programs")
    whole.add_argument("table", metavar="TRAIN.csv")
    whole.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON", help=", ".join(PEERS))
    whole.add_argument("--epochs", type=int, help="of the peers, in place of their defaults; the label says so")
    for command in (race, whole):
        command.add_argument("--verisim", required=True, metavar="PROGRAM", help="a built program")
    args = parser.parse_args()
    {"steps": steps, "jobs": jobs}[args.command](args)


if __name__ == "__main__":
    main()
