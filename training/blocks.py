"""What the world model of dynamics.py is made of: attention over latent pages, a memory, experts, and how ticks are given
to them.

Shapes: B batch, T ticks, L tokens a tick, W width, N heads, D head size, R rotary size, K latent size of keys and values.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F


def rms(x):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)


def turned(x, angles):
    """The pairs (x_i, x_{i + R/2}) of `x [..., R]` turned by `angles [..., R/2]`."""
    a, b = x.chunk(2, -1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


class Look(nn.Module):
    """
    Features `[.., L, W]` of places -> what some maps see, `[.., maps (W + 2)]`: each is a softmax over the places, and hands on
    where it looked and what was there (spatial soft-argmax: Levine et al., "End-to-End Training of Deep Visuomotor
    Policies", 2016).
    """

    def __init__(self, places, width, maps):
        super().__init__()
        self.map = nn.Linear(width, maps)
        line = torch.linspace(-1, 1, math.isqrt(places))
        self.register_buffer("grid", torch.cartesian_prod(line, line), persistent=False)
        self.size = maps * (width + 2)

    def forward(self, x):
        there = torch.cat([x, self.grid.expand(*x.shape[:-1], 2)], -1)
        return (self.map(x).transpose(-1, -2).softmax(-1) @ there).flatten(-2)


class Expert(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x):
        return self.down(F.gelu(self.up(x), approximate="tanh"))


class Memory(nn.Module):
    """A matrix a head, `[B, N, D, D]` from keys to values, that each clean tick rewrites by the gated delta rule."""

    def __init__(self, width, heads, size):
        super().__init__()
        self.heads, self.size = heads, size
        self.inp = nn.Linear(width, 4 * heads * size, bias=False)  # query, key, value, gate
        self.rates = nn.Linear(width, 2 * heads)  # how much a token writes; how much a tick forgets
        self.decay = nn.Parameter(torch.zeros(heads))
        with torch.no_grad():
            self.rates.weight.zero_()
            self.rates.bias.copy_(torch.tensor([0.0, -4.0]).repeat_interleave(heads))

    def read(self, x):
        """x `[B, T, L, W]` -> query, key, value, gate `[B, N, T, L, D]`, write `[B, N, T, L]`, log decay `[B, N, T]`."""
        q, k, v, gate = (y.unflatten(-1, (self.heads, -1)).permute(0, 3, 1, 2, 4) for y in self.inp(x).chunk(4, -1))
        write, forget = self.rates(x).permute(0, 3, 1, 2).chunk(2, 1)
        scale = self.size**-0.5
        return rms(q) * scale, rms(k) * scale, v, gate, write.sigmoid(), -self.decay.exp()[:, None] * F.softplus(forget.mean(-1))

    @staticmethod
    def written(state, k, v, write, decay):
        """
        The state after one tick's tokens, in their order: S <- exp(decay) S once, then for each
        S <- S + write k (v - S^T k)^T. k, v `[B, N, L, D]`. All tokens at once: the differences v - S^T k obey a
        triangular system.
        """
        state = state * decay.exp()[..., None, None]
        kk = k @ k.transpose(-1, -2)
        system = torch.eye(k.shape[-2], device=k.device) + (write.unsqueeze(-1) * kk).tril(-1)
        wanted = write.unsqueeze(-1) * (v - k @ state)
        return state + k.transpose(-1, -2) @ torch.linalg.solve_triangular(system, wanted, upper=False, unitriangular=True)

    @staticmethod
    def shown(state, q, gate):
        """state `[B, N, .., D, D]` as the tokens of `q [B, N, .., L, D]` see it."""
        return rms(q @ state) * F.silu(gate)


class Block(nn.Module):
    """Attention, memory where it has one, and an expert, all modulated by the tick's conditioning (adaLN-zero)."""

    def __init__(self, width, heads, latent, rotary, experts, mlp_ratio, cond_width, remembers):
        super().__init__()
        self.heads, self.latent, self.rotary, self.size = heads, latent, rotary, width // heads
        self.query = nn.Linear(width, heads * (self.size + rotary), bias=False)
        self.latents = nn.Linear(width, latent + rotary, bias=False)
        self.key = nn.Linear(latent, width, bias=False)
        self.value = nn.Linear(latent, width, bias=False)
        self.query_scale = nn.Parameter(torch.full((heads, 1), (width // heads) ** 0.5))
        self.memory = Memory(width, heads, self.size) if remembers else None
        self.out = nn.Linear(2 * width if remembers else width, width, bias=False)
        self.experts = nn.ModuleList(Expert(width, mlp_ratio * width) for _ in range(experts))
        self.modulation = nn.Linear(cond_width, 6 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def modulated(self, x, modulation):
        shift, scale = modulation[0], modulation[1]
        return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift

    def queries(self, h):
        """h `[B, T, L, W]` -> `[B, N, T, L, D + R]`, of unit RMS times the head's scale over D + R."""
        q = self.query(h).unflatten(-1, (self.heads, -1)).permute(0, 3, 1, 2, 4)
        return rms(q) * (self.query_scale / q.shape[-1])[None, :, None, None]

    def pages(self, h):
        """h `[B, T, L, W]` -> what is kept of it: latents `[B, T, L, K]` and rotary keys `[B, T, L, R]`."""
        latent, rotary = self.latents(h).split([self.latent, self.rotary], -1)
        return rms(latent), rms(rotary)

    def keys_values(self, latent):
        """latents `[B, S, K]` -> keys and values `[B, N, S, D]`."""
        return (y(latent).unflatten(-1, (self.heads, -1)).transpose(1, 2) for y in (self.key, self.value))

    def mixed(self, x, attended, modulation):
        """attended `[B, T, L, W or 2 W]` -> x after the attention, and what the expert is to read."""
        gate, shift, scale = modulation[2:5]
        x = x + gate * self.out(attended)
        return x, F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift


class Sharing:
    """Gives each tick's tokens to its expert. The gradient of the choice is that of the expert's probability."""

    def __init__(self, chosen, probabilities, experts):
        self.order = chosen.argsort()
        self.back = self.order.argsort()
        self.counts = torch.bincount(chosen, minlength=experts).tolist()
        p = probabilities.gather(1, chosen[:, None])[:, :, None]
        self.factor = p / p.detach()

    def __call__(self, experts, x):
        parts = x.flatten(0, 1).index_select(0, self.order).split(self.counts)
        y = torch.cat([expert(part) for expert, part in zip(experts, parts) if len(part)]).index_select(0, self.back)
        return (y * self.factor).view(x.shape)
