#!/usr/bin/env python3
"""How long verisim and PyTorch take for a training step of the same table models on the CPUs of this machine.

The networks, losses, batches and optimisers of `tvae` and `ctgan` with verisim's defaults, written down again for PyTorch,
on a random table of 15 columns whose sizes are those of the Adult census (times do not depend on what is in a cell). If
--verisim names a built program, it trains each model right after PyTorch, on the same table with the same number of threads.

    scripts/table_steps.py                                      PyTorch alone
    scripts/table_steps.py --verisim target/release/verisim     both, and the ratio of their times

The table goes to stderr, JSON to stdout. Needs PyTorch 2.4 or newer and numpy. Leave the machine alone meanwhile, or
the milliseconds mean little.
"""

import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import race

LEVELS = [33, 9, 32, 16, 16, 7, 15, 6, 5, 2, 24, 16, 24, 42, 2]  # of each column
ROWS, BATCH, CAP, SKIP_GAIN = 32_000, 500, 12.0, 4.0
WIDTH, OFFSETS = sum(LEVELS), np.concatenate([[0], np.cumsum(LEVELS)])
BLOCKS = list(zip(OFFSETS, OFFSETS[1:]))
# verisim's own defaults. `rate`: highest learning rate; `decay`: of the weights; `clip`: largest norm, 0 for no limit.
DEFAULTS = {
    "tvae": dict(rate=2e-3, betas=(0.9, 0.99), decay=1e-5, clip=0.0, ema=0.99, warmup=100),
    "ctgan": dict(rate=2e-3, betas=(0.5, 0.9), decay=0.0, clip=0.0, ema=0.995, warmup=50),
}


def cap(logits):
    return CAP * torch.tanh(logits / CAP)


class Blocks(nn.Module):
    """The cross-entropy of every column at once: sums over blocks are a product with a matrix of ones."""

    def __init__(self):
        super().__init__()
        member = torch.zeros(WIDTH, len(LEVELS))
        for c, (a, b) in enumerate(BLOCKS):
            member[a:b, c] = 1
        self.register_buffer("member", member)

    def forward(self, logits, one_hot):
        return (logits.exp() @ self.member).log() - (logits * one_hot) @ self.member


class Autoencoder(nn.Module):
    def __init__(self, latent=32, hidden=256):
        super().__init__()
        layers = lambda *widths: [part for a, b in zip(widths, widths[1:]) for part in (nn.Linear(a, b), nn.SiLU())]
        self.encoder = nn.Sequential(*layers(WIDTH, hidden, hidden), nn.Linear(hidden, 2 * latent))
        self.decoder = nn.Sequential(*layers(latent, hidden, hidden), nn.Linear(hidden, WIDTH))
        self.skip = nn.Parameter(torch.zeros(WIDTH, WIDTH))
        later = torch.zeros(WIDTH, WIDTH)
        for a, b in BLOCKS:
            later[:a, a:b] = SKIP_GAIN
        self.register_buffer("later", later)
        self.blocks = Blocks()

    def forward(self, x):
        mean, log_var = self.encoder(x).chunk(2, 1)
        log_var = log_var.clamp(-9, 2)
        logits = self.decoder(torch.addcmul(mean, torch.randn_like(mean), (0.5 * log_var).exp()))
        logits = torch.addmm(logits, x, self.skip * self.later)
        divergence = 0.5 * (mean.square() + log_var.exp() - log_var - 1).sum()
        return (self.blocks(cap(logits), x).sum() + divergence) / len(x)


class Generator(nn.Module):
    """Noise and condition to one-hot rows, column after column: each sees those before it. Also their logits."""

    def __init__(self, latent=64, hidden=(128, 128)):
        super().__init__()
        width, self.latent, layers = latent + WIDTH, latent, []
        for h in hidden:
            layers.append(nn.Linear(width, h))
            width += h
        self.layers, self.output = nn.ModuleList(layers), nn.Linear(width, WIDTH)
        self.skip = nn.ParameterList(torch.zeros(a, b - a) for a, b in BLOCKS[1:])

    def forward(self, condition):
        x = torch.cat([torch.randn(len(condition), self.latent), condition], 1)
        for layer in self.layers:
            x = torch.cat([F.relu(layer(x)), x], 1)
        out = self.output(x).split(LEVELS, 1)
        gumbel = -torch.empty_like(x[:, :WIDTH]).exponential_().log()
        rows, logits = [], []
        for c, (own, noise) in enumerate(zip(out, gumbel.split(LEVELS, 1))):
            if c:
                own = torch.addmm(own, torch.cat(rows, 1), SKIP_GAIN * self.skip[c - 1])
            own = cap(own)
            noisy = own + noise
            soft = torch.softmax(noisy / 0.5, 1)
            noisy = noisy.detach()
            hard = (noisy >= noisy.amax(1, keepdim=True)).float()
            rows.append(soft + (hard - soft.detach()))
            logits.append(own)
        return torch.cat(rows, 1), torch.cat(logits, 1)


class Critic(nn.Module):
    def __init__(self, hidden=(128, 128)):
        super().__init__()
        self.layers = nn.ModuleList(map(nn.Linear, (WIDTH, *hidden), hidden))
        self.output = nn.Linear(hidden[-1], 1, bias=False)

    def forward(self, x):
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
        return self.output(x)

    def input_gradient(self, x):
        """The slope of the score, written as a forward pass: about twice as fast as autograd.grad with create_graph."""
        slopes = []
        for layer in self.layers:
            x = layer(x)
            slopes.append(torch.where(x.detach() > 0, 1.0, 0.2))
            x = x * slopes[-1]
        gradient = self.output.weight
        for layer, slope in zip(reversed(self.layers), reversed(slopes)):
            gradient = (slope * gradient) @ layer.weight
        return gradient


def one_hot(tokens):
    """One-hot rows of tokens [B, C]."""
    return torch.zeros(len(tokens), WIDTH).scatter_(1, tokens + torch.from_numpy(OFFSETS[:-1]), 1.0)


class Tvae:
    def __init__(self, table, settings, compiled):
        self.table, self.settings, self.steps = table, settings, 0
        self.order = torch.empty(0)
        self.learner = race.Learner(Autoencoder(), settings, compiled=compiled)
        self.nets = {"network": self.learner.net}

    def milliseconds(self, progress):
        start = time.perf_counter()
        if len(self.order) < BATCH:
            self.order = torch.randperm(ROWS)
        index, self.order = self.order[:BATCH], self.order[BATCH:]
        self.steps += 1
        rate = race.rate(self.steps, self.settings["warmup"], progress)
        self.learner.update(self.learner.call(one_hot(self.table[index])), rate)
        return 1000 * (time.perf_counter() - start)


class Ctgan:
    def __init__(self, table, settings, compiled):
        self.table, self.settings, self.steps = table, settings, 0
        self.generator = race.Learner(Generator(), settings, compiled=compiled)
        self.critic = race.Learner(Critic(), settings, compiled=compiled, averaged=False)
        self.nets = {"generator": self.generator.net, "critic": self.critic.net}
        self.blocks, self.random = Blocks(), np.random.default_rng(0)
        # Rows of each token, and cumulative log-frequencies within each column.
        self.rows, self.mass = [], []
        for c, levels in enumerate(LEVELS):
            own = [np.flatnonzero(table[:, c].numpy() == t) for t in range(levels)]
            self.rows += own
            self.mass.append(np.cumsum([np.log1p(len(rows)) for rows in own]))

    def conditions(self):
        """A column and a token of it by log-frequency, for each row of a batch; the column, and the position of the token."""
        columns = self.random.integers(len(LEVELS), size=BATCH)
        positions = np.empty(BATCH, np.int64)
        for c in range(len(LEVELS)):
            own = columns == c
            u = self.random.random(own.sum()) * self.mass[c][-1]
            positions[own] = OFFSETS[c] + np.searchsorted(self.mass[c], u, side="right").clip(max=LEVELS[c] - 1)
        return columns, positions

    def milliseconds(self, progress):
        start = time.perf_counter()
        self.steps += 1
        rate = race.rate(self.steps, self.settings["warmup"], progress)
        critic, generator = self.critic, self.generator
        _, positions = self.conditions()
        index = [self.rows[p][i] for p, i in zip(positions, self.random.integers([len(self.rows[p]) for p in positions]))]
        with torch.no_grad():
            real = one_hot(self.table[index])
            fake, _ = generator.call(F.one_hot(torch.from_numpy(positions), WIDTH).float())
            between = torch.lerp(fake, real, torch.rand(BATCH, 1))
        slope = critic.net.input_gradient(between).square().sum(1).add(1e-12).sqrt()
        loss = critic.call(fake).mean() - critic.call(real).mean() + 0.1 * (slope - 1).square().mean()
        critic.update(loss, rate)
        columns, positions = self.conditions()
        condition = F.one_hot(torch.from_numpy(positions), WIDTH).float()
        fake, logits = generator.call(condition)
        told = self.blocks(logits, condition).gather(1, torch.from_numpy(columns)[:, None]).sum() / BATCH
        # The critic is only passed through: its weights want no gradient here.
        critic.net.requires_grad_(False)
        generator.update(told - critic.call(fake).mean(), rate)
        critic.net.requires_grad_(True)
        return 1000 * (time.perf_counter() - start)


MODELS = {"tvae": Tvae, "ctgan": Ctgan}


def pytorch(name, args, table):
    training = MODELS[name](table, DEFAULTS[name], args.compile)
    race.timed([training], 0.3 * args.seconds)
    return {
        "parameters": {part: sum(p.numel() for p in net.parameters()) for part, net in training.nets.items()},
        **race.summary(race.timed([training], args.seconds)[0]),
    }


def steps(names, args):
    """Times of the models `names`, by name."""
    table = torch.stack([torch.randint(0, levels, (ROWS,)) for levels in LEVELS], 1)
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "table.csv")
        cells = [[f"c{c}v{t}" for c, t in enumerate(row)] for row in table.tolist()]
        data.write_text("\n".join(",".join(row) for row in [[f"c{c}" for c in range(len(LEVELS))], *cells]))
        for name in names:
            mine = pytorch(name, args, table)
            sets = {"data.path": f'"{data}"', "train.batch_size": BATCH, f"model.{name}.calibrate": 0}
            # verisim saves the network that samples, and beside it the order of the columns, a bias for each token, and for
            # a GAN its share.
            saved = next(iter(mine["parameters"].values())) + len(LEVELS) + (WIDTH if name == "tvae" else 2 * WIDTH)
            results[name] = race.against(mine, name, sets, saved, args, Path(folder, name))
    return results


def main():
    args = race.parsed(race.arguments(__doc__, MODELS), MODELS)
    race.report(steps(args.models or MODELS, args), args)


if __name__ == "__main__":
    main()
