"""The predictor: where a tick leads, in numbers. A small network from the action block and the state before it to the state
after it; it knows no pictures, so it is trained in minutes and on every frame of the logs.

Shapes: s stride, A action size, Q numbers of a state (proprioception, and where the logs have it the environment's state),
normalised; U = 2 (s A + Q): a tick's control, its action block and the state before it, and that of the tick before beside
it, because the arm has not arrived where it was told to go: a pair; N things that are alike but for their looks, at least 1.
"""

import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from data import known, normalised
from optimizer import Trainer

FREE = 256  # Fourier features whose directions it has to find
OCTAVES = (3.0, 1.5, 0.75, 0.375)  # what the features of a gap turn once in, in standard deviations of its first number
# For a share of its steps it is trained to predict one tick, then so many from its own predictions. Muon gets there faster and
# AdamW closer: Muon's steps are as long in every direction, and here millimetres matter.
ALONE, UNROLLED = 0.6, 6
NOISE = 0.001  # on the state before, in standard deviations: more, and beside a cube is on it
BETA = 0.02  # an error below this is squared, one above it absolute, in usual changes of a tick
# The share of ticks that is drawn by how wrong they were predicted (prioritized replay: Schaul et al., 2015, arXiv 1511.05952),
# and after how many steps that is found out again: what touches what is decided in few ticks.
HARD, LOOKED_OVER = 0.25, 500


class Predictor(nn.Module):
    """
    pair `[.., U]` -> the next state `[.., Q]`. Whether a finger comes down beside a cube or on it is a matter of
    millimetres, so it sees the pair in sines too, of directions and frequencies that it learns (Sitzmann et al., 2020,
    arXiv 2006.09661). Many begin as those of gaps, `features_of` of all `features`.

    views `[N, Q]` (`data.views`): the orders in which it looks at the state, from where one of the alike things stands
    after the other. Of each it says what becomes of that thing and of what is nobody's, on which they take the mean: one
    network knows all of them (weights shared over objects: Battaglia et al., 2016, arXiv 1612.00222).

    change: what the state's change since the tick before is multiplied by; it is small beside the state. deadband: a change
    of no more than this, in standard deviations, is none; what nobody touches stays where it is.
    """

    def __init__(self, actions, state, views=None, width=512, features=FREE, change=4.0, deadband=0.004):
        super().__init__()
        self.config = dict(width=width, features=features, change=change, deadband=deadband)
        self.scale, self.deadband = change, deadband
        views = torch.tensor(views or [list(range(state))])
        self.actions, self.state = actions, state
        self.shared = int((views == views[0]).all(0).cumprod(0).sum())  # numbers that are nobody's: all views begin with them
        self.own = (state - self.shared) // len(views)
        places = torch.cat([views[0, : self.shared], views[:, self.shared : self.shared + self.own].flatten()])
        self.register_buffer("views", views, persistent=False)
        self.register_buffer("places", places.argsort(), persistent=False)
        if len(views) > 1:
            self.register_buffer("units", torch.tensor([[1.0], [0.0]]).repeat(1, state))
        told = 2 * (actions + state)
        self.inp = nn.Linear(told, width)
        self.fourier = nn.Linear(told, features)
        self.fourier_out = nn.Linear(features, width, bias=False)
        self.hidden1 = nn.Linear(width, width)
        self.hidden2 = nn.Linear(width, width)
        self.out = nn.Linear(width, self.shared + self.own)
        self.register_buffer("range", torch.tensor([[-5.0], [5.0]]).repeat(1, state))
        nn.init.normal_(self.fourier.weight, std=2 / told**0.5)
        nn.init.uniform_(self.fourier.bias, -torch.pi, torch.pi)
        nn.init.zeros_(self.fourier_out.weight)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def change(self, pair):
        """-> what is added to the state, before what is small counts as nothing."""
        now, state, before, earlier = pair.split([self.actions, self.state, self.actions, self.state], -1)
        moved = self.scale * (state - earlier)
        if len(self.views) == 1:
            return self.seen(torch.cat([now, state, before, moved], -1))
        scale, shift = self.units
        now, before = (x.unsqueeze(-2).expand(*x.shape[:-1], len(self.views), -1) for x in (now, before))
        state, moved = (state * scale + shift)[..., self.views], (moved * scale)[..., self.views]
        shared, own = self.seen(torch.cat([now, state, before, moved], -1)).split([self.shared, self.own], -1)
        return torch.cat([shared.mean(-2), own.flatten(-2)], -1)[..., self.places] / scale

    def seen(self, x):
        exact = lambda: torch.autocast(x.device.type, enabled=False)  # noqa: E731, bf16 has two digits, and millimetres matter
        with exact():
            known, features = self.inp(x), torch.sin(self.fourier(x))
        y = F.silu(known + self.fourier_out(features))
        y = y + F.silu(self.hidden1(y))
        y = y + F.silu(self.hidden2(y))
        with exact():
            return self.out(y.float())

    @torch.no_grad()
    def measure(self, normal):
        """Sees things that are alike in the same units, though each number is normalised for itself, by `normal` `[2, Q]`."""
        mean, std = normal[:, self.views].mean(1)  # of what a view sees, in its order
        if len(self.views) > 1:
            begin = self.shared + self.own
            alike = self.views[:, :begin]
            self.units[0, alike], self.units[1, alike] = normal[1, alike] / std[:begin], (normal[0, alike] - mean[:begin]) / std[:begin]
            self.units.copy_(self.units.half())  # as a world's file holds them

    @torch.no_grad()
    def begin(self, normal, gaps):
        """Before anything is learnt: the last features are those of the `gaps` (`data.gaps`) of states that `normal` `[2, Q]` is for."""
        mean, std = normal[:, self.views].mean(1)
        places = self.views[0].argsort()
        features = [(gap, octave, phase) for gap in gaps for octave in OCTAVES for phase in (0, torch.pi / 2)]
        for n, (gap, octave, phase) in zip(range(-len(features), 0), features):
            i, *other = (places[number] for number in gap)
            turns = 2 * torch.pi / (octave * std[i])
            self.fourier.weight[n], self.fourier.bias[n] = 0, phase
            for at, sign in zip((i, *other), (1, -1)):
                self.fourier.weight[n, self.actions + at] = sign * turns * std[at]
                self.fourier.bias[n] += sign * turns * mean[at]
            self.fourier.bias[n] %= 2 * torch.pi

    def forward(self, pair):
        state = pair[..., self.actions : self.actions + self.state]
        return (state + F.hardshrink(self.change(pair), self.deadband)).maximum(self.range[0]).minimum(self.range[1])


class Scores(nn.Module):
    """The state at the end of a tick `[.., Q]` -> the tick's rewards and the logits of success, `[.., 2 tasks]`."""

    def __init__(self, state, tasks, width=256):
        super().__init__()
        self.config = dict(width=width)
        self.inp = nn.Linear(state, width)
        self.hidden1, self.hidden2 = (nn.Linear(width, width) for _ in range(2))
        self.out = nn.Linear(width, 2 * tasks)

    def forward(self, state):
        x = F.silu(self.inp(state))
        x = x + F.silu(self.hidden1(x))
        x = x + F.silu(self.hidden2(x))
        return self.out(x)


def fit_scores(model, states, rewards, success, steps, bf16, batch=2048, seed=0):
    """
    Fits `model` to the states `[N, Q]` at the ends of ticks, normalised, and their rewards, NaN where they are unknown, and
    success `[N, tasks]`.
    """
    generator = torch.Generator().manual_seed(seed)
    trainer = Trainer(model, steps, lr=2e-3, muon_lr=0.02, bf16=bf16, ema=0.999)
    started, running = time.time(), []
    while trainer.step_number < steps:
        at = torch.randint(len(states), (batch,), generator=generator).to(states.device)
        state = states[at] + torch.randn(len(at), states.shape[1], generator=generator).to(states.device) * 0.01
        reward, logit = model(state).chunk(2, -1)
        target, mean = known(rewards[at])
        total = mean(F.smooth_l1_loss(reward, target, beta=0.1, reduction="none"))
        total = total + mean(F.binary_cross_entropy_with_logits(logit, success[at], reduction="none"))
        trainer.step(total)
        running.append(total.item())
        if trainer.step_number % 1000 == 0:
            left = (time.time() - started) / trainer.step_number * (steps - trainer.step_number)
            print(f"scores {trainer.step_number}/{steps}  loss {np.mean(running[-1000:]):.4f}  {left / 60:.1f} min left", flush=True)
    model.load_state_dict(trainer.ema)


def features_of(gaps):
    """How many Fourier features there are where some begin as those of gaps: a sine and a cosine for each octave."""
    return FREE + 2 * len(OCTAVES) * len(gaps)


def fit(model, actions, states, normal, orders, mirror, stride, steps, bf16, batch=1024, seed=0):
    """
    Fits `model` to logs: actions `[E, F - 1, A]` and states `[E, F, Q]` of each frame, which `normal` `[2, Q]` is for; any
    frame may begin a tick. orders: those of a state's numbers `[O, Q]` that are as likely (`data.exchanges`). mirror: what
    is as likely too, the signs of an action's and a state's numbers in a mirror, `[A]` and `[Q]` (`data.mirror`).
    """
    device, truth = states.device, normalised(states, normal)
    generator = torch.Generator().manual_seed(seed)
    draw = lambda count, below: torch.randint(below, (count,), generator=generator).to(device)  # noqa: E731
    # Not the extremes: the arm overshoots its limits now and then, but does not stay there.
    sample = truth.flatten(0, 1)[draw(1_000_000, states.shape[0] * states.shape[1])]
    low, high = (torch.stack([torch.quantile(x, q) for x in sample.t()]) for q in (0.0005, 0.9995))
    model.range.copy_(torch.stack([low, high]))
    change = (truth[:, stride::stride] - truth[:, :-stride:stride]).flatten(0, 1)
    weight = 1 / change.square().mean(0).sqrt().clamp(min=0.05)
    ticks = (states.shape[1] - 1) // stride
    started, running = time.time(), []
    alone = round(ALONE * steps)
    phases = ((1, alone, dict(lr=2e-3, muon_lr=0.02)), (UNROLLED, steps - alone, dict(lr=6e-4, plain=(model,))))
    for depth, share, rates in phases:
        trainer = Trainer(model, share, bf16=bf16, ema=0.999, **rates)
        while trainer.step_number < trainer.steps:
            if trainer.step_number % LOOKED_OVER == 0:
                hard = surprise(model, actions, truth, stride, weight).flatten()
                hard = hard.clamp(max=torch.quantile(hard[draw(1_000_000, len(hard))], 0.995)).cpu()  # some things nobody can foresee
                hard += 1e-9  # where nothing is wrong, all are alike
            count, last = batch // depth, (ticks - depth) * stride
            chosen = torch.multinomial(hard, int(HARD * count), replacement=True, generator=generator).to(device)
            first = (chosen % ticks - draw(len(chosen), depth)) * stride + draw(len(chosen), stride) - stride // 2
            first = torch.cat([first.clamp(0, last), draw(count - len(chosen), last + 1)])
            e = torch.cat([chosen // ticks, draw(count - len(chosen), len(states))])
            frames = first[:, None] + stride * torch.arange(-1, depth + 1, device=device)
            known = states[e[:, None], frames.clamp(min=0)]
            order = orders[draw(count, len(orders))][:, None].expand_as(known)
            turned = draw(count, 2).bool()[:, None, None]
            known = normalised(torch.where(turned, mirror[1], torch.ones_like(mirror[1])) * known.gather(-1, order), normal)
            blocks = (frames[:, :-1, None] + torch.arange(stride, device=device)).clamp(min=0)
            acts = (torch.where(turned[..., None], mirror[0], torch.ones_like(mirror[0])) * actions[e[:, None, None], blocks]).flatten(2)
            # An episode begins at rest; so does one that begins anywhere, as far as can be known.
            still = (frames[:, 0] < 0) | (torch.rand(e.shape, generator=generator).to(device) < 0.05)
            before = torch.where(still[:, None], torch.zeros_like(acts[:, 0]), acts[:, 0])
            earlier = torch.where(still[:, None], known[:, 1], known[:, 0])
            noise = torch.randn(known[:, 1].shape, generator=generator).to(device) * NOISE
            state, earlier, total = known[:, 1] + noise, earlier + noise, 0
            for n in range(1, depth + 1):
                now = acts[:, n]
                with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                    change = model.change(torch.cat([now, state, before, earlier], -1))
                before, earlier, state = now, state, state + change
                total = total + F.smooth_l1_loss(state * weight, known[:, n + 1] * weight, beta=BETA)
            trainer.step(total / depth)
            running.append(total.item() / depth)
            done = len(running)
            if done % 500 == 0:
                left = (time.time() - started) / done * (steps - done)
                print(f"predictor {done}/{steps}  loss {np.mean(running[-500:]):.4f}  {left / 60:.1f} min left", flush=True)
        model.load_state_dict(trainer.ema)


@torch.no_grad()
def surprise(model, actions, states, stride, weight):
    """How far each tick of the logs is predicted wrong, `[E, T]`; arguments as of `fit`, but the states normalised."""
    errors = []
    for acts, known in zip(actions.unflatten(1, (-1, stride)).flatten(2).split(64), states[:, ::stride].split(64)):
        before = torch.cat([torch.zeros_like(acts[:, :1]), acts[:, :-1]], 1)
        earlier = torch.cat([known[:, :1], known[:, :-2]], 1)
        predicted = known[:, :-1] + model.change(torch.cat([acts, known[:, :-1], before, earlier], -1))
        errors.append(F.smooth_l1_loss(predicted * weight, known[:, 1:] * weight, beta=BETA, reduction="none").mean(-1))
    return torch.cat(errors)
