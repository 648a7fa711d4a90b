#!/usr/bin/env python3
"""How many pictures a second verisim and Albumentations change, on one thread each, and the ratio.

    cargo build --release -p verisim-augment --example speed
    scripts/augment_speed.py target/release/examples/speed                the table
    scripts/augment_speed.py target/release/examples/speed flip blur      transforms whose name has one of these in it
    ... --sizes 256 512 --repeats 7 --seconds 0.15 --picture photo.png --json speed.json

Both change the same picture (8 bits, RGB) held in memory. Each transform runs in turns, ours, theirs, ours, ..., for --seconds of
processor time a turn; the median of the turns' rates counts. Time is that of the processor, so other work on the machine disturbs
less. What each is asked for stands side by side in TRANSFORMS: the same kernels, filters, edges and amounts, fixed where Albumentations
can be held to it. Where the two mean different things by a name, a note says so.

Needs numpy, albumentations 2.0.8 and OpenCV (opencv-python-headless).
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

missing = []
try:
    import numpy as np
except ImportError:
    missing.append("numpy")
try:
    import cv2
except ImportError:
    missing.append("opencv-python-headless")
try:
    import albumentations as A
except ImportError:
    missing.append("albumentations==2.0.8")
if missing:
    sys.exit("pip install " + " ".join(missing))

L, AREA = cv2.INTER_LINEAR, cv2.INTER_AREA

# Name, what verisim is asked for (steps of TOML), what Albumentations is asked for, note.
TRANSFORMS = [
    ("horizontal flip", "{ horizontal_flip = {} }", lambda: A.HorizontalFlip(p=1), ""),
    ("vertical flip", "{ vertical_flip = {} }", lambda: A.VerticalFlip(p=1), ""),
    ("rotate 15", "{ rotate = { degrees = 15 } }", lambda: A.Rotate((15, 15), interpolation=L, border_mode=0, p=1), ""),
    (
        "affine",
        "{ affine = { scale = 1.1, degrees = 10, shear_x = 5, shift_x = 0.05, shift_y = 0.05 } }",
        lambda: A.Affine(scale=(1.1, 1.1), rotate=(10, 10), shear={"x": (5, 5), "y": (0, 0)},
                         translate_percent=(0.05, 0.05), interpolation=L, border_mode=0, p=1),
        "",
    ),
    ("perspective", "{ perspective = { shift = 0.08 } }", lambda: A.Perspective(scale=(0.08, 0.08), interpolation=L, p=1), ""),
    ("elastic", "{ elastic = { cells = 4, shift = 0.2 } }", lambda: A.ElasticTransform(alpha=300, sigma=20, border_mode=cv2.BORDER_REFLECT, p=1),
     "ours a spline, theirs smoothed noise"),
    ("resize to half, area", "{ resize = { width = HALF, height = HALF, filter = \"area\" } }",
     lambda: A.Resize(HALF, HALF, interpolation=AREA), ""),
    ("resize to half, linear", "{ resize = { width = HALF, height = HALF } }", lambda: A.Resize(HALF, HALF, interpolation=L),
     "ours with antialiasing"),
    ("resized crop 224", "{ random_resized_crop = { width = 224, height = 224 } }",
     lambda: A.RandomResizedCrop((224, 224), interpolation=L, p=1), "ours with antialiasing"),
    ("brightness, contrast", "{ brightness = { shift = 0.2 } }, { contrast = { factor = 1.2 } }",
     lambda: A.RandomBrightnessContrast((0.2, 0.2), (0.2, 0.2), p=1), ""),
    ("gamma", "{ gamma = { power = 1.2 } }", lambda: A.RandomGamma((120, 120), p=1), ""),
    ("color jitter", "{ color_jitter = { brightness = 1.2, contrast = 1.2, saturation = 1.2, hue = 0.05 } }",
     lambda: A.ColorJitter((1.2, 1.2), (1.2, 1.2), (1.2, 1.2), (0.05, 0.05), p=1), ""),
    ("hue, saturation", "{ hue = { degrees = 20 } }, { saturation = { factor = 1.2 } }",
     lambda: A.HueSaturationValue((10, 10), (30, 30), (0, 0), p=1), "ours about grey, theirs in HSV"),
    ("grayscale", "{ grayscale = {} }", lambda: A.ToGray(p=1), ""),
    ("invert", "{ invert = {} }", lambda: A.InvertImg(p=1), ""),
    ("solarize", "{ solarize = { threshold = 0.5 } }", lambda: A.Solarize((0.5, 0.5), p=1), ""),
    ("posterize", "{ posterize = { bits = 4 } }", lambda: A.Posterize(num_bits=4, p=1), ""),
    ("equalize", "{ equalize = {} }", lambda: A.Equalize(p=1), ""),
    ("clahe", "{ clahe = { limit = 2, tiles = 8 } }", lambda: A.CLAHE((2, 2), (8, 8), p=1), ""),
    ("gaussian blur 1.5", "{ blur = { sigma = 1.5 } }", lambda: A.GaussianBlur((11, 11), (1.5, 1.5), p=1), ""),
    ("box blur 5", "{ box_blur = { reach = 2 } }", lambda: A.Blur((5, 5), p=1), ""),
    ("median blur 3", "{ median_blur = { reach = 1 } }", lambda: A.MedianBlur((3, 3), p=1), ""),
    ("median blur 5", "{ median_blur = { reach = 2 } }", lambda: A.MedianBlur((5, 5), p=1), ""),
    ("sharpen", "{ sharpen = { amount = 0.5 } }", lambda: A.Sharpen((0.5, 0.5), (1, 1), method="gaussian", kernel_size=7, sigma=1, p=1), ""),
    ("gaussian noise", "{ noise = { sigma = 0.05 } }", lambda: A.GaussNoise((0.05, 0.05), p=1), ""),
    ("jpeg 75", "{ jpeg = { quality = 75 } }", lambda: A.ImageCompression("jpeg", (75, 75), p=1), ""),
    ("coarse dropout", "{ coarse_dropout = { holes = 4, width = 0.1, height = 0.1 } }",
     lambda: A.CoarseDropout((4, 4), (0.1, 0.1), (0.1, 0.1), p=1), ""),
    (
        "pipeline of five",
        "{ horizontal_flip = {}, p = 0.5 }, { affine = {}, p = 0.5 }, "
        "{ all_of = [{ brightness = {} }, { contrast = {} }], p = 0.5 }, { blur = {}, p = 0.2 }, { noise = {}, p = 0.2 }",
        lambda: A.Compose([
            A.HorizontalFlip(p=0.5),
            A.Affine(scale=(0.9, 1.1), rotate=(-10, 10), shear={"x": (-5, 5), "y": (0, 0)}, translate_percent=(-0.06, 0.06), p=0.5),
            A.RandomBrightnessContrast(p=0.5),
            A.GaussianBlur(0, (0.5, 2.0), p=0.2),
            A.GaussNoise((0.02, 0.08), p=0.2),
        ]),
        "",
    ),
    (
        "preset classification",
        "PRESET",
        lambda: A.Compose([
            A.RandomResizedCrop((224, 224), scale=(0.25, 1.0)),
            A.HorizontalFlip(p=0.5),
            A.SomeOf([
                A.Affine(shear={"x": (-15, 15), "y": (0, 0)}, fill=127, p=1), A.Affine(shear={"x": (0, 0), "y": (-15, 15)}, fill=127, p=1),
                A.Affine(translate_percent={"x": (-0.3, 0.3), "y": (0, 0)}, fill=127, p=1),
                A.Affine(translate_percent={"x": (0, 0), "y": (-0.3, 0.3)}, fill=127, p=1), A.Rotate((-27, 27), fill=127, p=1),
                A.RandomBrightnessContrast((-0.3, 0.3), (0, 0), p=1), A.ColorJitter((1, 1), (1, 1), (0.5, 1.5), (0, 0), p=1),
                A.RandomBrightnessContrast((0, 0), (-0.3, 0.3), p=1), A.Sharpen(p=1), A.Posterize(num_bits=(5, 7), p=1),
                A.Solarize((0.1, 1.0), p=1), A.AutoContrast(p=1), A.Equalize(p=1), A.NoOp(p=1),
            ], n=2),
            A.CoarseDropout((1, 3), (0.1, 0.25), (0.1, 0.25), fill=127, p=0.25),
        ]),
        "theirs written like RandAugment",
    ),
]

PRESET = Path(__file__).parent.parent / "crates/verisim-augment/presets/classification.toml"


def ours_of(steps, size):
    if steps == "PRESET":
        steps = ", ".join(
            "{" + ", ".join(line for line in part.splitlines() if line and not line.startswith("#")) + "}"
            for part in PRESET.read_text().split("[[image]]")[1:]
        )
    return f"image = [{steps}]".replace("HALF", str(size // 2))


class Ours:
    """The example `speed`, which answers a line for a line."""

    def __init__(self, program, picture):
        self.process = subprocess.Popen([program, picture], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def rate(self, pipeline, seconds):
        self.process.stdin.write(f"{seconds} {pipeline}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"the program stopped at: {pipeline}")
        told = json.loads(line)
        return told["images"] / told["seconds"]


def theirs_rate(transform, picture, seconds):
    done, start = 0, time.thread_time()
    while True:
        for _ in range(4):
            transform(image=picture)["image"]
        done += 4
        taken = time.thread_time() - start
        if taken >= seconds:
            return done / taken


def photo(path, size):
    """A picture of our own where none is named: smooth light, edges and grain, so that tables and branches are used as in photographs."""
    if path:
        return cv2.cvtColor(cv2.resize(cv2.imread(path), (size, size), interpolation=AREA), cv2.COLOR_BGR2RGB)
    rng = np.random.default_rng(1)
    small = cv2.resize(rng.uniform(0, 255, (9, 9, 3)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    for _ in range(40):
        x, y, r = rng.uniform(0, size, 2).tolist() + [rng.uniform(0.02, 0.12) * size]
        cv2.circle(small, (int(x), int(y)), int(r), rng.uniform(0, 255, 3).tolist(), -1, cv2.LINE_AA)
    return np.clip(small + rng.normal(0, 4, small.shape), 0, 255).astype(np.uint8)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="the built example `speed`")
    parser.add_argument("only", nargs="*")
    parser.add_argument("--sizes", nargs="*", type=int, default=[512])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.15)
    parser.add_argument("--picture", default="")
    parser.add_argument("--json", default="")
    args = parser.parse_args()
    cv2.setNumThreads(0)
    print(f"albumentations {A.__version__}, OpenCV {cv2.__version__}, numpy {np.__version__}; pictures a second on one thread")
    rows = []
    for size in args.sizes:
        globals()["HALF"] = size // 2
        picture = photo(args.picture, size)
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "picture.png")
            cv2.imwrite(path, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
            ours = Ours(args.program, path)
            print(f"\n{size} x {size:<22} {'verisim':>10} {'theirs':>10} {'ratio':>7}")
            for name, steps, make, note in TRANSFORMS:
                if args.only and not any(o in name for o in args.only):
                    continue
                transform, pipeline = make(), ours_of(steps, size)
                theirs_rate(transform, picture, args.seconds / 4)
                ours.rate(pipeline, args.seconds / 4)
                pairs = [(ours.rate(pipeline, args.seconds), theirs_rate(transform, picture, args.seconds))
                         for _ in range(args.repeats)]
                a, b = (statistics.median(side) for side in zip(*pairs))
                rows.append(dict(transform=name, size=size, verisim=a, albumentations=b, ratio=a / b))
                print(f"{name:<28} {a:>10.0f} {b:>10.0f} {a / b:>7.2f}  {note}", flush=True)
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
