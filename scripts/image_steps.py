#!/usr/bin/env python3
"""How long verisim and PyTorch take for a training step of the same image models on the CPUs of this machine.

The networks, losses, batches and optimisers of `flow`, `gan` and `vae`, written down again for PyTorch: the same layers
and widths, so the same number of parameters, on random grey images of 28 x 28 in ten classes (times do not depend on
what the pixels show). PyTorch takes the memory layout that is faster here for each model. If --verisim names a built
program, it trains each model right after PyTorch, on the same images with the same number of threads.

    scripts/image_steps.py                                      PyTorch alone
    scripts/image_steps.py --verisim target/release/verisim     both, and the ratio of their times
    scripts/image_steps.py flow gan --seconds 60 --threads 1

The table goes to stderr, JSON to stdout. Needs PyTorch 2.4 or newer and numpy. Leave the machine alone meanwhile, or
the milliseconds mean little.
"""

import json
import math
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import race

# With fewer images verisim would shift what the critic of a GAN sees, which is not done here.
SIDE, CLASSES, IMAGES = 28, 10, 20_000
PATCH, CONDITION, FREQUENCIES = 2, 128, 32
# verisim's own defaults. `rate`: highest learning rate; `decay`: of the weights; `clip`: largest norm, 0 for no limit.
DEFAULTS = {
    "flow": dict(channels=[32, 96], blocks=2, batch=64, rate=2e-3, betas=(0.9, 0.99), decay=1e-4, clip=1.0, ema=0.999),
    "gan": dict(channels=[32, 64], blocks=1, batch=64, rate=5e-4, betas=(0.0, 0.99), decay=0.0, clip=0.0, ema=0.998),
    "vae": dict(channels=[64, 128], blocks=1, batch=64, rate=1e-3, betas=(0.9, 0.99), decay=1e-4, clip=0.0, ema=0.998),
}
LAYOUTS = {"channels_first": torch.contiguous_format, "channels_last": torch.channels_last}

conv = partial(nn.Conv2d, kernel_size=3, padding=1)
# A linear layer on squares of 2 x 2 pixels; as a strided convolution it needs no copy of them.
down = partial(nn.Conv2d, kernel_size=2, stride=2)


def zero(layer):
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def up(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, 4 * outputs, 1), nn.PixelShuffle(2))


def spread(inputs):
    return nn.Sequential(conv(inputs, PATCH**2), nn.PixelShuffle(PATCH))


def smallest(channels):
    side = SIDE // PATCH // 2 ** (len(channels) - 1)
    return side, side, channels[-1]


def unit(x, least=1e-8):
    """x scaled to a root mean square of 1 over the second axis: rows of conditions, or channels of each pixel."""
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + least)


def norm_act(x, scale, shift, norm=True):
    """silu(x / rms(x) (1 + scale) + shift), with the root mean square over the channels of each pixel."""
    if norm:
        x = unit(x, 1e-5)
    return F.silu(torch.addcmul(shift[:, :, None, None], x, 1 + scale[:, :, None, None]))


class Block(nn.Module):
    def __init__(self, inputs, outputs, condition, norm):
        super().__init__()
        self.norm, self.parts = norm, [inputs, inputs, outputs, outputs]
        self.modulation = zero(nn.Linear(condition, sum(self.parts)))
        self.first, self.second = conv(inputs, outputs), zero(conv(outputs, outputs))
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x, condition):
        scale1, shift1, scale2, shift2 = self.modulation(condition).split(self.parts, 1)
        h = self.first(norm_act(x, scale1, shift1, self.norm))
        return self.second(norm_act(h, scale2, shift2, self.norm)) + self.skip(x)


class Mixer(nn.Module):
    """A perceptron over the positions of a small layer, the same for all channels."""

    def __init__(self, positions):
        super().__init__()
        self.wide, self.narrow = nn.Linear(positions, 2 * positions), zero(nn.Linear(2 * positions, positions))

    def forward(self, x):
        seen = F.silu(unit(x, 1e-5)).flatten(2)
        return x + self.narrow(F.silu(self.wide(seen))).view_as(x)


class Levels(nn.Module):
    """Residual blocks at each size and the steps between sizes; gives the last layer, and that of each size."""

    def __init__(self, channels, blocks, step, condition, norm=True, beside=False, mixed=None):
        super().__init__()
        inputs = lambda c, b: 2 * c if beside and b == 0 else c
        level = lambda c: nn.ModuleList(Block(inputs(c, b), c, condition, norm) for b in range(blocks))
        self.levels = nn.ModuleList(map(level, channels))
        self.steps = nn.ModuleList([*map(step, channels, channels[1:]), nn.Identity()])
        # One after each block of the smallest size, which is the first or the last of `channels`.
        self.mixed = mixed
        positions = (SIDE // PATCH // 2 ** (len(channels) - 1)) ** 2
        self.mixers = nn.ModuleList(Mixer(positions) for _ in range(0 if mixed is None else blocks))

    def forward(self, h, condition, beside=()):
        kept = []
        for i, (blocks, step) in enumerate(zip(self.levels, self.steps)):
            if beside:
                h = torch.cat([h, beside[-1 - i]], 1)
            for b, block in enumerate(blocks):
                h = block(h, condition)
                if i == self.mixed:
                    h = self.mixers[b](h)
            kept.append(h)
            h = step(h)
        return h, kept


class Enlarge(nn.Conv2d):
    """A 3 x 3 convolution of the image whose pixels became squares of PATCH x PATCH equal ones, computed without it. PATCH is
    also the step between sizes."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs, kernel_size=3, padding=1)
        falls = [[[(p + i + PATCH - 1) // PATCH == s for i in range(3)] for s in range(3)] for p in range(PATCH)]
        sums = torch.tensor(falls).float()  # place in the square, square of the window, pixel of the window
        self.register_buffer("sums", torch.einsum("asi,btj->abstij", sums, sums).reshape(PATCH**2, 3, 3, 9))

    def forward(self, x):
        weight = torch.einsum("pstq,oiq->opist", self.sums, self.weight.flatten(2)).flatten(0, 1)
        return F.pixel_shuffle(F.conv2d(x, weight, self.bias.repeat_interleave(PATCH**2), padding=1), PATCH)


class Output(nn.Module):
    def __init__(self, channels, layer):
        super().__init__()
        self.head, self.layer = zero(nn.Linear(CONDITION, 2 * channels[0])), layer

    def forward(self, h, condition):
        return self.layer(norm_act(h, *self.head(condition).chunk(2, 1)))


class Velocity(nn.Module):
    """The network of a flow: a U-Net told time and class."""

    def __init__(self, channels, blocks):
        super().__init__()
        self.time, self.label = nn.Linear(2 * FREQUENCIES, CONDITION), nn.Linear(CLASSES + 1, CONDITION)
        self.condition = nn.Linear(CONDITION, CONDITION)
        self.register_buffer("rates", 2 * math.pi * torch.logspace(0, 2, FREQUENCIES)[None])
        self.stem = nn.Sequential(nn.PixelUnshuffle(PATCH), conv(PATCH**2, channels[0]))
        self.descent = Levels(channels, blocks, down, CONDITION, mixed=len(channels) - 1)
        self.ascent = Levels(channels[::-1], blocks, up, CONDITION, beside=True, mixed=0)
        self.output = Output(channels, spread(channels[0]))
        zero(self.output.layer[0])

    def forward(self, x, t, label):
        waves = torch.cat([(t * self.rates).sin(), (t * self.rates).cos()], 1)
        condition = unit(F.silu(self.time(waves))) + unit(self.label(label))
        condition = unit(F.silu(self.condition(condition)))
        h, kept = self.descent(self.stem(x), condition)
        h, _ = self.ascent(h, condition, kept)
        return self.output(h, condition)


class Encoder(nn.Module):
    """Images and classes to vectors."""

    def __init__(self, channels, blocks, outputs, norm, pack=1):
        super().__init__()
        self.stem = nn.Sequential(nn.PixelUnshuffle(PATCH), conv(pack * PATCH**2, channels[0]))
        self.levels = Levels(channels, blocks, down, CLASSES, norm)
        self.head = nn.Linear(math.prod(smallest(channels)), outputs)

    def forward(self, x, label):
        return self.head(F.silu(self.levels(self.stem(x), label)[0].flatten(1)))


class Decoder(nn.Module):
    """Noise, which is scaled as the class is, or latents, which are not, and classes, to images."""

    def __init__(self, channels, blocks, latent, layout, scaled, smooth):
        super().__init__()
        self.layout, self.shape, self.scaled = layout, smallest(channels), scaled
        self.latent, self.label = nn.Linear(latent, CONDITION), nn.Linear(CLASSES, CONDITION)
        self.mix, self.start = nn.Linear(CONDITION, CONDITION), nn.Linear(CONDITION, math.prod(self.shape))
        self.levels = Levels(channels[::-1], blocks, Enlarge if smooth else up, CONDITION)
        self.output = Output(channels, Enlarge(channels[0], 1) if smooth else spread(channels[0]))

    def forward(self, z, label):
        latent = unit(self.latent(z)) if self.scaled else self.latent(z)
        condition = unit(F.silu(self.mix(F.silu(latent + unit(self.label(label))))))
        h = self.start(condition).unflatten(1, self.shape).movedim(-1, 1).contiguous(memory_format=self.layout)
        return self.output(self.levels(h, condition)[0], condition)


class Critic(Encoder):
    """Packs of images in a row and their classes to scores."""

    def __init__(self, channels, blocks, pack):
        super().__init__(channels, blocks, CONDITION, norm=False, pack=pack)
        self.pack = pack
        self.score, self.label = nn.Linear(CONDITION, 1), nn.Linear(CLASSES, CONDITION)

    def forward(self, x, label):
        x, label = x.flatten(0, 1).unflatten(0, (-1, self.pack)), label.unflatten(0, (-1, self.pack)).mean(1)
        features = F.silu(super().forward(x, label))
        return self.score(features) + (features * self.label(label)).sum(1, keepdim=True) / CONDITION**0.5


class Autoencoder(nn.Module):
    def __init__(self, channels, blocks, latent, layout):
        super().__init__()
        self.generator = Decoder(channels, blocks, latent, layout, scaled=False, smooth=False)
        self.encoder = Encoder(channels, blocks, 2 * latent, norm=True)
        self.log_scale = nn.Parameter(torch.zeros(1))

    def forward(self, x, label):
        """Normal likelihood of a learnt scale, and divergence from the prior, in nats a pixel."""
        mean, log_var = self.encoder(x, label).chunk(2, 1)
        log_var = 8 * torch.tanh(log_var / 8)
        y = self.generator(torch.addcmul(mean, torch.randn_like(mean), (0.5 * log_var).exp()), label)
        log_scale = self.log_scale.clamp_min(-7)
        reconstruction = 0.5 * F.mse_loss(y, x) * (-2 * log_scale).exp() + log_scale
        return (reconstruction + 0.5 * (log_var.exp() + mean.square() - log_var - 1).sum() / x.numel()).squeeze()


# A model gives its networks, the one that samples first, and its step, told the learning rate as a part of the highest.


def flow(channels, blocks, learner, layout):
    net = learner(Velocity(channels, blocks))

    def step(images, label, rate):
        noise, t = torch.randn_like(images), torch.randn(len(images), 1).sigmoid()
        # The last class is "not told", in a tenth of the images.
        untold = torch.rand(len(images), 1) < 0.1
        label = torch.cat([label * ~untold, untold], 1)
        velocity = images - noise
        at = torch.addcmul(noise, velocity, t[:, :, None, None])
        net.update(F.mse_loss(net.call(at, t, label), velocity), rate)

    return {"network": net.net}, step


def gan(channels, blocks, learner, layout, latent=64, pack=2, gamma=1.0, s=0.05, share=0.25):
    generator = learner(Decoder(channels, blocks, latent, layout, scaled=True, smooth=True))
    critic = learner(Critic(channels, blocks, pack), averaged=False)

    def made(label):
        return generator.call(torch.randn(len(label), latent), label).tanh()

    def step(images, label, rate):
        packs = len(images) // pack
        part = math.ceil(share * packs) * pack
        with torch.no_grad():
            real, fake = images, made(label)
            near = [x[:part] + s * torch.randn_like(x[:part]) for x in (real, fake)]
        # One pass scores real, made, and those of both that are moved a little for the penalty on the slope.
        scores = critic.call(torch.cat([real, fake, *near]), torch.cat([label, label, label[:part], label[:part]]))
        real, fake, near_real, near_fake = scores.split([packs, packs, part // pack, part // pack])
        slopes = (F.mse_loss(near_real, real[: part // pack]) + F.mse_loss(near_fake, fake[: part // pack])) / s**2
        critic.update(F.softplus(fake - real).mean() + 0.5 * gamma * slopes, rate)
        with torch.no_grad():
            real = critic.call(images, label)
        # The critic is only passed through: its weights want no gradient here, which saves a third of its work.
        critic.net.requires_grad_(False)
        generator.update(F.softplus(real - critic.call(made(label), label)).mean(), rate)
        critic.net.requires_grad_(True)

    return {"generator": generator.net, "critic": critic.net}, step


def vae(channels, blocks, learner, layout, latent=32):
    net = learner(Autoencoder(channels, blocks, latent, layout))
    step = lambda images, label, rate: net.update(net.call(images, label), rate)
    # One more number is the scale of the likelihood.
    return {"generator": net.net.generator, "encoder": net.net.encoder}, step


MODELS = {"flow": flow, "gan": gan, "vae": vae}


class Training:
    """A model and the batches it learns from, in a new order each epoch."""

    def __init__(self, name, settings, layout, compiled, images, labels):
        layout = LAYOUTS[layout]
        learner = partial(race.Learner, settings=settings, layout=layout, compiled=compiled)
        self.nets, self.step = MODELS[name](settings["channels"], settings["blocks"], learner, layout)
        self.batch, self.images, self.labels = settings["batch"], images, labels
        self.order, self.steps = torch.empty(0), 0

    def milliseconds(self, progress):
        """Takes one step, and its time."""
        start = time.perf_counter()
        if len(self.order) < self.batch:
            self.order = torch.randperm(len(self.images))
        index, self.order = self.order[: self.batch], self.order[self.batch :]
        pixels = self.images[index].unsqueeze(1).float().div_(127.5).sub_(1)
        self.steps += 1
        self.step(pixels, F.one_hot(self.labels[index], CLASSES).float(), race.rate(self.steps, 100, progress))
        return 1000 * (time.perf_counter() - start)


def pytorch(name, settings, args, images, labels):
    both = [Training(name, settings, layout, args.compile, images, labels) for layout in LAYOUTS]
    race.timed(both, 0.2 * args.seconds)  # warms up, and compiles
    trial = np.median(race.timed(both, 0.4 * args.seconds), axis=1)
    best = trial.argmin()
    return {
        "parameters": {part: sum(p.numel() for p in net.parameters()) for part, net in both[best].nets.items()},
        "layout": list(LAYOUTS)[best],
        "layouts_ms": dict(zip(LAYOUTS, trial.round(2))),
        **race.summary(race.timed([both[best]], args.seconds)[0]),
    }


def steps(names, args, given=None):
    """Times of the models `names`, by name. `given` are settings in place of the defaults."""
    images = torch.randint(0, 256, (IMAGES, SIDE, SIDE), dtype=torch.uint8)
    labels = torch.randint(0, CLASSES, (IMAGES,))
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "images.npz")
        np.savez(data, images=images.numpy(), labels=labels.numpy())
        for name in names:
            settings = {**DEFAULTS[name], **(given or {})}
            mine = pytorch(name, settings, args, images, labels)
            sets = {
                "data.path": json.dumps(str(data)),
                f"model.{name}.channels": settings["channels"],
                f"model.{name}.blocks": settings["blocks"],
                "train.batch_size": settings["batch"],
                # No pictures on the way.
                "train.preview_every": 100_000,
                # Without a prior that is fitted in the end.
                **({"model.vae.prior": '"standard"'} if name == "vae" else {}),
            }
            # verisim saves the network that samples.
            saved = next(iter(mine["parameters"].values()))
            results[name] = {"settings": settings, **race.against(mine, name, sets, saved, args, Path(folder, name))}
    return results


def main():
    parser = race.arguments(__doc__, MODELS)
    parser.add_argument("--channels", type=lambda text: [int(c) for c in text.split(",")], help="e.g. 64,128")
    parser.add_argument("--blocks", type=int, help="residual blocks at each size")
    parser.add_argument("--batch", type=int, help="images in a batch")
    args = race.parsed(parser, MODELS)
    if len(args.channels or []) > 2 or (args.batch or 1) > IMAGES // 8:
        parser.error(f"give one or two --channels, since images are 28 x 28, and a --batch of at most {IMAGES // 8}")
    given = {key: getattr(args, key) for key in ("channels", "blocks", "batch") if getattr(args, key)}
    race.report(steps(args.models or MODELS, args, given), args)


if __name__ == "__main__":
    main()
