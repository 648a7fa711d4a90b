#!/usr/bin/env python3
"""How long verisim and PyTorch take for a training step of the same language models on the CPUs of this machine.

The network, loss, batches and optimiser of `lm` with the settings of the configs `lm-tiny` and `lm-small`, written down again for
PyTorch with its fused attention, on a random text of 65 characters (times do not depend on what it says), in windows, without
dropout. If --verisim names a built program, it trains each model right after PyTorch, on the same text with the same number of threads.

    scripts/text_steps.py                                      PyTorch alone
    scripts/text_steps.py --verisim target/release/verisim     both, and the ratio of their times

The table goes to stderr, JSON to stdout. Needs PyTorch 2.4 or newer and numpy. Leave the machine alone meanwhile, or
the milliseconds mean little.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import race

LETTERS, SPECIAL, LENGTH = 65, 4, 1_000_000
SETTINGS = dict(rate=2e-3, betas=(0.9, 0.99), decay=0.1, clip=1.0, ema=0.99, warmup=50)
# Width, blocks, heads, tokens that are seen at a time, rows of a batch.
MODELS = {"lm-tiny": (128, 4, 4, 128, 16), "lm-small": (256, 6, 8, 256, 16)}


def units(width):
    return -(-(width * 8 // 3) // 16) * 16


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm, self.norm_units = nn.RMSNorm(width, 1e-5), nn.RMSNorm(width, 1e-5)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 2 * units(width), bias=False)
        self.down = nn.Linear(units(width), width, bias=False)

    def forward(self, x, cos, sin):
        b, t, c = x.shape
        q, k, v = (part.view(b, t, self.heads, -1).transpose(1, 2) for part in self.qkv(self.norm(x)).chunk(3, 2))
        q, k = turned(q, cos, sin), turned(k, cos, sin)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(a.transpose(1, 2).reshape(b, t, c))
        gate, units = self.up(self.norm_units(x)).chunk(2, 2)
        return x + self.down(F.silu(gate) * units)


def turned(x, cos, sin):
    a, b = x.chunk(2, 3)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], 3)


class Lm(nn.Module):
    def __init__(self, width, blocks, heads, context):
        super().__init__()
        self.words = nn.Embedding(LETTERS + SPECIAL, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(blocks))
        self.norm = nn.RMSNorm(width, 1e-5)
        half = width // heads // 2
        angles = torch.arange(context)[:, None] * 10_000.0 ** (-torch.arange(half) / half)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def forward(self, tokens, targets):
        x = self.words(tokens)
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        logits = F.linear(self.norm(x), self.words.weight)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


class Training:
    def __init__(self, text, width, blocks, heads, context, batch, compiled):
        self.text, self.context, self.batch, self.steps = text, context, batch, 0
        self.learner = race.Learner(Lm(width, blocks, heads, context), SETTINGS, compiled=compiled)

    def milliseconds(self, progress):
        start = time.perf_counter()
        self.steps += 1
        places = torch.randint(len(self.text) - self.context, (self.batch,))
        rows = torch.stack([self.text[p : p + self.context + 1] for p in places.tolist()])
        rate = race.rate(self.steps, SETTINGS["warmup"], progress)
        self.learner.update(self.learner.call(rows[:, :-1], rows[:, 1:]), rate)
        return 1000 * (time.perf_counter() - start)


def steps(models, args):
    numbers = np.random.default_rng(0).integers(LETTERS, size=LENGTH)
    text = torch.from_numpy(numbers + SPECIAL)
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "random.txt"
        path.write_text("".join(map(chr, numbers + 0x4E00)))
        for name in models:
            width, blocks, heads, context, batch = MODELS[name]
            training = Training(text, width, blocks, heads, context, batch, args.compile)
            count = sum(w.numel() for w in training.learner.weights)
            (times,) = race.timed([training], args.seconds)
            mine = {"parameters": {"network": count}, **race.summary(times)}
            sets = {"data.path": f'"{path}"', "data.shape": '"corpus"', "model.lm.tokens": '"chars"', "model.lm.dropout": 0.0}
            # The artefact holds the vocabulary, too.
            results[name] = race.against(mine, name, sets, None, args, Path(folder) / name)
    return results


if __name__ == "__main__":
    args = race.parsed(race.arguments(__doc__, MODELS), MODELS)
    race.report(steps(args.models or list(MODELS), args), args)
