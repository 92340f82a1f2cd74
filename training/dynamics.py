"""The world model: a block-causal diffusion transformer over latent ticks.

It predicts the end point X(z, t, r) of the flow z_t = (1 - t) x + t eps in data space, as a difference to the previous
tick's latent, so that u(z, t, r) = (z_t - X) / t is the average velocity from t to r and a sampler steps
z_r = z_t - (t - r) u for any number of steps (AnyFlow, MeanFlow). r = t is plain flow matching.

A tick attends to itself and to the clean ticks before it: the sink (tick 0), and a sliding window. Position in time is
a learned bias by age (0 for the tick itself, 1 .. window, one of its own for the sink), so nothing depends on absolute
time and a rollout has no end; position in space is a learned map. Training runs two streams in one pass: the clean
ticks, which are the context, and their noisy twins, which are denoised (teacher forcing).

Each tick's own control modulates every layer (adaLN-zero) and joins every token: its action block, the proprioception
that the tick before was read to have, and where the one takes the other, the aim: proprioception + reach x actions,
within the range that the data mostly keeps to, in waves of several lengths too (Tancik et al., 2020, "Fourier features": plain coordinates
give a network only what varies slowly). The proprioception head reads what is to be added to the aim, so that the pose
is reckoned on from tick to tick and corrected by the picture.

Shapes: B batch, T ticks, L tokens a tick, C latent channels, N heads, D head size, A action size, s stride, P
proprioception, U = s A + P the control, F = U + P (1 + 2 waves) its features.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from tokenizer import project


MOST_RADIANS = 20.0
WAVES = tuple(math.pi / 4 * 2**i for i in range(5))  # radians a standard deviation: 8 to 0.5 of them a turn
SPOT = 32  # what a token of its own reads from the control


def sinusoid(t, size):
    """
    t in [0, 1], any shape -> `[..., size]` sines and cosines of 1 to MOST_RADIANS radians at t = 1: slow enough that a
    difference of velocities at neighbouring t is a derivative and not noise.
    """
    frequencies = torch.exp(torch.arange(size // 2, device=t.device) * (math.log(MOST_RADIANS) / (size // 2 - 1)))
    angles = t.unsqueeze(-1) * frequencies
    return torch.cat([angles.sin(), angles.cos()], -1)


def rms(x):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)


class Block(nn.Module):
    """Attention and feed-forward, both modulated by the tick's conditioning (adaLN-zero)."""

    def __init__(self, width, heads, window, mlp_ratio, cond_width):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, mlp_ratio * width)
        self.down = nn.Linear(mlp_ratio * width, width)
        self.modulation = nn.Linear(cond_width, 6 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)
        self.age_bias = nn.Parameter(torch.zeros(heads, window + 2))  # self, ages 1 .. window, sink
        self.query_scale = nn.Parameter(torch.full((heads, 1), (width // heads) ** 0.5))

    def keys(self, x, modulation):
        """x `[B, T, L, W]` -> q, k, v, each `[B, N, T, L, D]`; q and k of unit RMS, q with its learned scale."""
        shift, scale = modulation[0], modulation[1]
        q, k, v = self.qkv(F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift).chunk(3, -1)
        q, k, v = (y.unflatten(-1, (self.heads, -1)).permute(0, 3, 1, 2, 4) for y in (q, k, v))
        d = q.shape[-1]
        return rms(q) * (self.query_scale / d)[None, :, None, None], rms(k), v

    def finish(self, x, attended, modulation):
        """attended `[B, N, T, L, D]` -> the block's output `[B, T, L, W]`."""
        gate, shift, scale, gate_mlp = modulation[2:]
        x = x + gate * self.out(attended.permute(0, 2, 3, 1, 4).flatten(-2))
        h = self.up(F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift)
        return x + gate_mlp * self.down(F.gelu(h, approximate="tanh"))


class Dynamics(nn.Module):
    """See the module. rewards: how many tasks the reward and success heads answer for; proprioception: its size."""

    def __init__(
        self,
        tokens=16,
        latent_channels=48,
        stride=4,
        action_size=5,
        tasks=4,
        proprioception=5,
        width=256,
        depth=6,
        heads=4,
        mlp_ratio=2,
        cond_width=96,
        window=8,
    ):
        super().__init__()
        self.config = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        self.tokens, self.window, self.tasks = tokens, window, tasks
        self.inp = nn.Linear(2 * latent_channels, width)
        self.place = nn.Parameter(torch.randn(tokens, width) * 0.02)
        control = stride * action_size
        self.register_buffer("reach", torch.zeros(proprioception, control))
        self.register_buffer("pose_range", torch.tensor([[-4.0], [4.0]]).repeat(1, proprioception))
        features = control + proprioception * (2 + 2 * len(WAVES))
        self.control_in = nn.Linear(features, width)
        self.spot_in = nn.Linear(features, tokens * SPOT)
        self.spot_out = nn.Linear(SPOT, width, bias=False)
        self.control_cond = nn.Linear(features, cond_width)
        self.level_size = 64
        self.level_t = nn.Linear(self.level_size, cond_width)
        self.level_r = nn.Linear(self.level_size, cond_width, bias=False)
        self.level_context = nn.Linear(self.level_size, cond_width, bias=False)
        self.cond = nn.Linear(cond_width, cond_width)
        self.blocks = nn.ModuleList(Block(width, heads, window, mlp_ratio, cond_width) for _ in range(depth))
        self.final_modulation = nn.Linear(cond_width, 2 * width)
        self.out = nn.Linear(width, latent_channels)
        self.heads_in = nn.Linear(width, width)
        self.heads_out = nn.Linear(width, 2 * tasks + proprioception)
        for layer in (self.final_modulation, self.out):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.spot_out.weight)

    @torch.no_grad()
    def calibrate(self, actions, pose):
        """Fits the reach and the range (quantiles) to data: actions `[n, s A]`, pose `[n, 2, P]`: normalised, before and after."""
        solution = torch.linalg.lstsq(actions, pose[:, 1] - pose[:, 0]).solution
        self.reach.copy_(solution.t())
        # Not the extremes: the arm overshoots its limits now and then, but does not stay there.
        self.pose_range.copy_(torch.quantile(pose.flatten(0, 1), torch.tensor([0.002, 0.998], device=pose.device), 0))

    def aim(self, control):
        """control `[.., U]` -> the proprioception that the actions alone lead to, `[.., P]`."""
        actions, pose = control.split([self.reach.shape[1], self.reach.shape[0]], -1)
        # No matmul, which autocast would make bf16: the waves need the aim exact.
        return (pose + (actions.unsqueeze(-2) * self.reach).sum(-1)).maximum(self.pose_range[0]).minimum(self.pose_range[1])

    def embed(self, z, previous, control, aim, t, r, context_level):
        """-> tokens `[B, T, L, W]` and the conditioning `[B, T, cond]`; t, r, context_level `[B, T]` in [0, 1]."""
        angles = torch.cat([aim * wave for wave in WAVES], -1)
        features = torch.cat([control, aim, angles.sin(), angles.cos()], -1)
        spots = self.spot_out(self.spot_in(features).unflatten(-1, (self.tokens, SPOT)))
        x = self.inp(torch.cat([z, previous], -1)) + self.place + self.control_in(features).unsqueeze(-2) + spots
        c = self.control_cond(features) + self.level_t(sinusoid(t, self.level_size))
        c = c + self.level_r(sinusoid(t - r, self.level_size))
        c = c + self.level_context(sinusoid(context_level, self.level_size))
        return x, F.silu(self.cond(F.silu(c)))

    def finish(self, x, cond):
        """-> the normalised, modulated tokens that the output and the heads read, `[B, T, L, W]`."""
        shift, scale = self.final_modulation(cond).unsqueeze(-2).chunk(2, -1)
        return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift

    def read_heads(self, x, aim):
        """Tokens -> reward `[.., tasks]`, success logit `[.., tasks]`, proprioception `[.., P]` (normalised)."""
        y = self.heads_out(F.silu(self.heads_in(x.mean(-2))))
        return y[..., : self.tasks], y[..., self.tasks : 2 * self.tasks], aim + y[..., 2 * self.tasks :]

    def forward(self, clean, previous, noisy, control, t, r, context_level):
        """
        Training pass over a clip whose tick 0 is the sink.

        clean `[B, T, L, C]`: the context, with whatever noise it was given; previous `[B, T, L, C]`: the latent of the
        tick before each tick; noisy `[B, T, L, C]`: z_t of each tick; control `[B, T, U]`; t, r `[B, T]`: of the noisy
        stream; context_level `[B, T]`: how noisy clean and previous are.
        Returns X `[B, T, L, C]` of the noisy stream and the heads read on the clean stream.
        """
        b, ticks = clean.shape[:2]
        zero, aim = torch.zeros_like(t), self.aim(control)
        x, cond = self.embed(
            torch.cat([clean, noisy]),
            torch.cat([previous, previous]),
            torch.cat([control, control]),
            torch.cat([aim, aim]),
            torch.cat([zero, t]),
            torch.cat([zero, r]),
            torch.cat([context_level, context_level]),
        )
        for block in self.blocks:
            modulation = block.modulation(cond).unsqueeze(-2).chunk(6, -1)
            q, k, v = block.keys(x, modulation)
            x = block.finish(x, self.attend(block, q, k, v, b, ticks), modulation)
        x = self.finish(x, cond)
        return previous + self.out(x[b:]), self.read_heads(x[:b], aim)

    def attend(self, block, q, k, v, b, ticks):
        """Every tick over the clean ticks before it and over itself, in both streams."""
        n, length, d = q.shape[1], q.shape[3], q.shape[4]
        age = torch.arange(ticks)[:, None] - torch.arange(ticks)  # [query tick, context tick]
        index = age.clamp(0, self.window)
        index[:, 0] = self.window + 1
        visible = (age > 0) & ((age <= self.window) | (torch.arange(ticks) == 0))
        bias = block.age_bias[:, index.to(q.device)].masked_fill(~visible.to(q.device), float("-inf"))
        context = k[:b].flatten(2, 3).repeat(2, 1, 1, 1)  # [2B, N, T L, D]
        scores = q.flatten(2, 3) @ context.transpose(-1, -2)
        scores = scores.view(2 * b, n, ticks, length, ticks, length) + bias[None, :, :, None, :, None]
        own = q @ k.transpose(-1, -2) + block.age_bias[:, 0][None, :, None, None, None]  # [2B, N, T, L, L]
        p = torch.cat([scores.flatten(4), own], -1).softmax(-1)
        values = v[:b].flatten(2, 3).repeat(2, 1, 1, 1)
        out = p[..., :-length].flatten(2, 3) @ values
        return out.view(2 * b, n, ticks, length, d) + p[..., -length:] @ v

    def tick(self, z, previous, control, t, r, context_level, context):
        """
        One tick with a K/V cache, as the engine runs it. z, previous `[B, L, C]`; control `[B, U]`; t, r,
        context_level `[B]`; context: for each layer (k, v `[B, N, S, D]`, index `[S]` into the age bias), or None.
        Returns X `[B, L, C]`, the heads, and the layers' k, v `[B, N, L, D]` of this tick.
        """
        aim = self.aim(control)
        x, cond = self.embed(*(y.unsqueeze(1) for y in (z, previous, control, aim, t, r, context_level)))
        page = []
        for i, block in enumerate(self.blocks):
            modulation = block.modulation(cond).unsqueeze(-2).chunk(6, -1)
            q, k, v = (y.squeeze(2) for y in block.keys(x, modulation))
            page.append((k, v))
            keys, values, bias = k, v, block.age_bias[:, :1].expand(-1, k.shape[2])
            if context is not None:
                past_k, past_v, index = context[i]
                keys, values = torch.cat([past_k, k], 2), torch.cat([past_v, v], 2)
                bias = torch.cat([block.age_bias[:, index], bias], 1)
            attended = (q @ keys.transpose(-1, -2) + bias[None, :, None]).softmax(-1) @ values
            x = block.finish(x, attended.unsqueeze(2), modulation)
        x = self.finish(x, cond).squeeze(1)
        return previous + self.out(x), self.read_heads(x, aim), page

    def context(self, pages):
        """What the tick after `pages` (one a tick, from `tick`) attends to: sink and window; None before tick 0."""
        if not pages:
            return None
        now = len(pages)
        shown = [0, *range(max(1, now - self.window), now)]
        ages = torch.tensor([self.window + 1 if n == 0 else now - n for n in shown])
        index = ages.repeat_interleave(self.tokens)
        return [
            (torch.cat([pages[n][i][0] for n in shown], 2), torch.cat([pages[n][i][1] for n in shown], 2), index)
            for i in range(len(self.blocks))
        ]


@torch.no_grad()
def rollout(model, start, actions, noise, nfe=1, context_level=0.0):
    """
    A rollout with a K/V cache. start `[B, L, C]`: the latent of tick 0; actions `[B, T, s, A]`; noise `[B, T, L, C]`:
    where each tick's denoising begins. Returns latents `[B, T + 1, L, C]` and each tick's heads (reward, success logit,
    normalised proprioception), tick 0 included.
    """
    levels = lambda *values: (torch.full((len(start),), float(v), device=start.device) for v in values)  # noqa: E731
    pages, latents, heads = [], [start], []

    def commit(z, previous, control):
        _, read, page = model.tick(z, previous, control, *levels(0, 0, context_level), model.context(pages))
        pages.append(page)
        heads.append(read)

    still = torch.zeros(len(start), sum(model.reach.shape), device=start.device)
    commit(start, torch.zeros_like(start), still)
    times = torch.linspace(1, 0, nfe + 1).tolist()
    for n in range(actions.shape[1]):
        z, context = noise[:, n], model.context(pages)
        control = torch.cat([actions[:, n].flatten(1), heads[-1][2]], 1)
        for t, r in zip(times, times[1:]):
            # The last evaluation asks for the mean of what z may become, not for the end of z's own path.
            end, _, _ = model.tick(z, latents[-1], control, *levels(t, r or t, context_level), context)
            z = z - (t - r) * (z - end) / t
        latents.append(project(z))
        commit(latents[-1], latents[-2], control)
    return torch.stack(latents, 1), [torch.stack(values, 1) for values in zip(*heads)]
