#!/usr/bin/env python3
"""Rows a second of declared tables, beside Python programs that make the same columns: one thread each, one after the other. A markdown table.

    VERISIM=target/release/verisim scripts/race-worlds.py [ROWS] [ROUNDS]

ROWS of verisim [1000000], a hundredth of them of the others; the best of ROUNDS [3]. Peers that are not installed are left out: faker, mimesis,
numpy with pandas. Two tables: ten plain columns, and persons with expressions. CSV, and for verisim Parquet as well.
"""

import csv
import datetime
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PLAIN = """
[tables.t]
rows = 1000
[tables.t.columns]
id = { sequence = 1 }
a = { uniform = [0, 100], round = 2 }
b = { normal = [50, 10], round = 2 }
c = { integer = [1, 6] }
d = { choice = { red = 3, green = 2, blue = 1 } }
e = { chance = 0.3 }
f = { exponential = 4, round = 3 }
g = { date = { from = 2020-01-01, to = 2024-12-31 } }
h = { id = "[A-Z]{3}-[0-9]{6}" }
i = { poisson = 3 }
"""
PERSONS = """
[tables.t]
rows = 1000
[tables.t.columns]
id = { sequence = 1 }
name = { person = "name" }
email = { person = "email" }
city = { address = "city" }
price = { lognormal = [3, 0.5], round = 2 }
quantity = { integer = [1, 9] }
total = "round(price * quantity, 2)"
level = "total > 200 ? 'high' : total > 50 ? 'mid' : 'low'"
when = { time = { from = 2024-01-01, to = 2025-01-01 } }
late = "when + days(3)"
"""


def verisim(folder, text, rows, form):
    (folder / "w.toml").write_text(text)
    command = [os.environ.get("VERISIM", "target/release/verisim"), "--quiet", "generate", "w.toml", "-n", str(rows),
               "-o", "out", "--format", form, "--force"]
    begun = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, env={**os.environ, "RAYON_NUM_THREADS": "1"})
    return rows / (time.perf_counter() - begun)


def written(rows, row, folder):
    begun = time.perf_counter()
    with open(folder / "peer.csv", "w", newline="") as file:
        writer = csv.writer(file)
        for i in range(rows):
            writer.writerow(row(i))
    return rows / (time.perf_counter() - begun)


START = datetime.date(2020, 1, 1)


def poisson():
    count, left = 0, random.expovariate(1)
    while left < 3:
        count, left = count + 1, left + random.expovariate(1)
    return count


def plain_python(text):
    """The ten plain columns with a program's texts and the standard library's numbers."""
    return lambda i: (i + 1, round(random.uniform(0, 100), 2), round(random.gauss(50, 10), 2), random.randint(1, 6),
                      random.choices(("red", "green", "blue"), (3, 2, 1))[0], random.random() < 0.3,
                      round(random.expovariate(0.25), 3), START + datetime.timedelta(random.randrange(1827)), text(), poisson())


def persons_python(name, email, city):
    begin = datetime.datetime(2024, 1, 1)

    def row(i):
        price, quantity = round(random.lognormvariate(3, 0.5), 2), random.randint(1, 9)
        total = round(price * quantity, 2)
        when = begin + datetime.timedelta(seconds=random.randrange(366 * 86400))
        level = "high" if total > 200 else "mid" if total > 50 else "low"
        return (i + 1, name(), email(), city(), price, quantity, total, level, when, when + datetime.timedelta(3))

    return row


def numpy_plain(rows, folder):
    import numpy as np
    import pandas as pd

    begun = time.perf_counter()
    rng = np.random.default_rng(1)
    letters = rng.integers(65, 91, (rows, 3)).astype(np.uint8).view("S3").ravel().astype(str)
    pd.DataFrame({
        "id": np.arange(1, rows + 1), "a": rng.uniform(0, 100, rows).round(2), "b": rng.normal(50, 10, rows).round(2),
        "c": rng.integers(1, 7, rows), "d": rng.choice(["red", "green", "blue"], rows, p=[3 / 6, 2 / 6, 1 / 6]),
        "e": rng.random(rows) < 0.3, "f": rng.exponential(4, rows).round(3),
        "g": np.datetime64("2020-01-01") + rng.integers(0, 1827, rows).astype("timedelta64[D]"),
        "h": [f"{l}-{n:06d}" for l, n in zip(letters, rng.integers(0, 1_000_000, rows))], "i": rng.poisson(3, rows),
    }).to_csv(folder / "peer.csv", index=False)
    return rows / (time.perf_counter() - begun)


def main():
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    few = max(rows // 100, 100)
    racers = []
    for form in ("parquet", "csv"):
        racers.append((f"verisim, {form}", lambda f, form=form: verisim(f, PLAIN, rows, form),
                       lambda f, form=form: verisim(f, PERSONS, rows, form)))
    try:
        import faker
        fake = faker.Faker()
        racers.append((f"faker {faker.VERSION}, csv", lambda f: written(few, plain_python(lambda: fake.bothify("???-######")), f),
                       lambda f: written(few, persons_python(fake.name, fake.email, fake.city), f)))
    except ImportError:
        pass
    try:
        import mimesis
        person, address, code = mimesis.Person(), mimesis.Address(), mimesis.random.Random()
        version = getattr(mimesis, "__version__", "")
        racers.append((f"mimesis {version}, csv",
                       lambda f: written(few, plain_python(lambda: code.generate_string_by_mask("@@@-######")), f),
                       lambda f: written(few, persons_python(person.full_name, person.email, address.city), f)))
    except ImportError:
        pass
    try:
        import numpy
        import pandas
        racers.append((f"numpy {numpy.__version__} and pandas {pandas.__version__}, csv", lambda f: numpy_plain(few * 20, f), None))
    except ImportError:
        pass
    print("| made by | ten plain columns, rows/s | persons and expressions, rows/s |\n|---|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for name, *races in racers:
            best = [max(race(folder) for _ in range(rounds)) if race else None for race in races]
            print(f"| {name} | " + " | ".join("–" if b is None else f"{round(b, -3 if b > 1e5 else -2):,.0f}" for b in best) + " |", flush=True)


if __name__ == "__main__":
    main()
