"""The world model: a block-causal diffusion transformer over latent ticks.

It predicts the end point X(z, t, r) of the flow z_t = (1 - t) x + t eps in data space, as a difference to the latent of
the last tick before, so that u(z, t, r) = (z_t - X) / t is the average velocity from t to r and a sampler steps
z_r = z_t - (t - r) u for any number of steps (AnyFlow, MeanFlow). r = t is plain flow matching.

A chunk is one tick or several that are denoised jointly: its ticks see one another and the clean ticks before the
chunk. What is before comes in two ways, by kind of block. A *window* block attends to the sink (tick 0) and the last
`window` ticks; their keys and values are one low-rank latent a token for all heads and a small rotary part (MLA:
DeepSeek-V2, arXiv 2405.04434), kept un-rotated and turned by age when they are read, so nothing depends on absolute time
and a rollout has no end. A *memory* block keeps a matrix a head, which every clean tick rewrites by the gated delta rule
(Yang et al., arXiv 2412.06464), a tick's tokens one after the other: all that was, at a constant cost.

The feed-forward of every block is one of E experts. One decision a chunk, for all blocks: a router sees the pooled latent
before the chunk and the control of its first tick.

Each tick's own control modulates every layer (adaLN-zero) and joins every token: its action block, the state before it
(proprioception, and where the logs have it the environment's state), and where the one takes the other, the predicted state
(predictor.py), in Fourier features too. The state head says what is to be added to the predicted state, so that it is
predicted on from tick to tick and corrected by the picture.

Training runs two streams in one pass: the clean ticks, which are the context, and their noisy twins, which are denoised.

Shapes: B batch, T ticks, L tokens a tick, C latent channels, N heads, D head size, R rotary size, K latent size of keys
and values, A action size, s stride, Q numbers of a state vector, U = 2 (s A + Q) a pair: the
control of a tick and that of the tick before, side by side.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

from blocks import Block, Look, Sharing, turned
from fourier import fourier
from predictor import Predictor, Scores
from tokenizer import STATE_FREQUENCIES, project


CONTEXT_LEVEL = 0.05  # what the context of a rollout is said to have, unless a world says otherwise


def sinusoid(t, size, radians):
    """
    t in [0, 1], any shape -> `[..., size]` sines and cosines of 1 to so many radians at t = 1: slow enough that a
    difference of velocities at neighbouring t is a derivative and not noise.
    """
    frequencies = torch.exp(torch.arange(size // 2, device=t.device) * (math.log(radians) / (size // 2 - 1)))
    angles = t.unsqueeze(-1) * frequencies
    return torch.cat([angles.sin(), angles.cos()], -1)


class Dynamics(nn.Module):
    """
    See the module. tasks: how many the reward and success heads answer for. rotary: radians a tick, of each pair of a key's
    rotary numbers for time; in space they are radians a token. levels: how a noise level is told, in how many sines and
    cosines, and how slow. spot: what a token of its own reads from the control, and what the heads see of one. readout: how
    many places the heads look at; what they would add to the predicted state, if it is less than the deadband, in standard
    deviations, is nothing. predictor, scores: what is to be otherwise in `Predictor` and `Scores`.
    """

    def __init__(
        self,
        tokens=16,
        latent_channels=48,
        stride=4,
        action_size=5,
        tasks=4,
        proprioception=5,
        environment=21,
        width=256,
        blocks="mwmwmw",
        heads=4,
        latent=64,
        rotary=(1.0, 0.5, 0.25, 0.125),
        experts=4,
        mlp_ratio=2,
        cond_width=96,
        window=8,
        chunk=8,
        levels=dict(size=64, radians=20.0),
        state_frequencies=STATE_FREQUENCIES,
        spot=32,
        router=dict(width=64),
        readout=dict(maps=12, deadband=0.01),
        predictor={},
        scores={},
        views=None,
    ):
        super().__init__()
        self.config = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        self.rotary, self.spots, self.deadband = tuple(rotary), spot, readout["deadband"]
        self.tokens, self.window, self.tasks, self.chunk = tokens, window, tasks, chunk
        self.side = math.isqrt(tokens)
        self.state_size, self.proprioception = proprioception + environment, proprioception
        self.predictor = Predictor(stride * action_size, self.state_size, views, **predictor)
        self.inp = nn.Linear(2 * latent_channels, width)
        self.place = nn.Parameter(torch.randn(tokens, width) * 0.02)
        self.gap = nn.Parameter(torch.zeros(chunk, width))
        features = stride * action_size + self.state_size * (2 + 2 * len(state_frequencies))
        self.control_in = nn.Linear(features, width)
        self.spot_in = nn.Linear(features, tokens * spot)
        self.spot_out = nn.Linear(spot, width, bias=False)
        self.control_cond = nn.Linear(features, cond_width)
        self.level_t = nn.Linear(levels["size"], cond_width)
        self.level_r = nn.Linear(levels["size"], cond_width, bias=False)
        self.level_context = nn.Linear(levels["size"], cond_width, bias=False)
        self.gap_cond = nn.Parameter(torch.zeros(chunk, cond_width))
        self.cond = nn.Linear(cond_width, cond_width)
        self.router_in = nn.Linear(features + latent_channels, router["width"])
        self.router_out = nn.Linear(router["width"], experts)
        self.blocks = nn.ModuleList(
            Block(width, heads, latent, 6 * len(rotary), experts, mlp_ratio, cond_width, kind == "m") for kind in blocks
        )
        self.final_modulation = nn.Linear(cond_width, 2 * width)
        self.out = nn.Linear(width, latent_channels)
        self.spot = nn.Linear(width, spot)
        self.look = Look(tokens, spot, readout["maps"])
        self.heads_in = nn.Linear(width + self.look.size, width)
        self.state_out = nn.Linear(width, self.state_size)
        self.scores = Scores(self.state_size, tasks, **scores)
        self.config |= dict(predictor=self.predictor.config, scores=self.scores.config)
        self.scores_in = nn.Linear(width + self.state_size, width)
        self.scores_out = nn.Linear(width, 2 * tasks)
        for layer in (self.final_modulation, self.out, self.state_out, self.scores_out):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.spot_out.weight)

    def predict(self, pair):
        """pair `[.., U]` -> the state that it is predicted to lead to, `[.., Q]`."""
        with torch.no_grad(), torch.autocast(pair.device.type, enabled=False):  # the sines need it exact
            return self.predictor(pair)

    def features(self, pair):
        """-> the predicted state `[.., Q]` and what the network is told of the control, `[.., F]`."""
        predicted = self.predict(pair)
        control = pair[..., : self.predictor.actions + self.state_size]
        return predicted, torch.cat([control, fourier(predicted, self.config["state_frequencies"])], -1)

    def embed(self, z, previous, features, gap, t, r, context_level):
        """-> tokens `[B, T, L, W]` and the conditioning `[B, T, cond]`; gap `[B, T]`: ticks since the chunk's first; t, r, context_level `[B, T]` in [0, 1]."""
        levels, spots = self.config["levels"], self.spot_out(self.spot_in(features).unflatten(-1, (self.tokens, self.spots)))
        x = self.inp(torch.cat([z, previous], -1)) + self.place + (self.control_in(features) + self.gap[gap]).unsqueeze(-2) + spots
        c = self.control_cond(features) + self.level_t(sinusoid(t, **levels)) + self.gap_cond[gap]
        c = c + self.level_r(sinusoid(t - r, **levels))
        c = c + self.level_context(sinusoid(context_level, **levels))
        return x, F.silu(self.cond(F.silu(c)))

    def route(self, previous, features):
        """previous `[.., L, C]`, features `[.., F]` -> the logits of the experts, `[.., E]`."""
        return self.router_out(F.silu(self.router_in(torch.cat([features, previous.mean(-2)], -1))))

    def finish(self, x, cond):
        """-> the normalised, modulated tokens that the output and the heads read, `[B, T, L, W]`."""
        shift, scale = self.final_modulation(cond).unsqueeze(-2).chunk(2, -1)
        return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift

    def read_heads(self, x, predicted):
        """Tokens -> reward `[.., tasks]`, success logit `[.., tasks]`, state `[.., Q]` (normalised)."""
        y = F.silu(self.heads_in(torch.cat([x.mean(-2), self.look(self.spot(x))], -1)))
        more = self.state_out(y).float()
        state = predicted + more + (F.hardshrink(more, self.deadband) - more).detach()  # nothing has a gradient too
        scores = self.scores_out(F.silu(self.scores_in(torch.cat([y, state.detach()], -1)))) + self.scores(state.detach())
        return scores[..., : self.tasks], scores[..., self.tasks :], state

    def angles(self, time):
        """time `[S]`, in ticks, of S / L ticks' tokens -> the angles of their rotary parts, `[S, R / 2]`."""
        rates = torch.tensor(self.rotary, device=time.device)
        at = torch.arange(self.tokens, device=time.device).repeat(len(time) // self.tokens)
        places = [time, at.div(self.side, rounding_mode="floor"), at % self.side]
        return torch.cat([place.unsqueeze(-1) * rates for place in places], -1)

    def forward(self, clean, noisy, first, t, r, context_level):
        """
        Training pass over a clip whose tick 0 is the sink. clean and noisy are the two streams, each with `z`, the latents
        `[B, T, L, C]`, `previous`, the latent before each tick, or before its chunk, of the same shape, and `pair`
        `[B, T, U]`. first `[T]`: the tick with which each tick's chunk begins (of the noisy stream; in the other every
        tick is a chunk); t, r `[B, T]`: of the noisy stream; context_level `[B, T]`: how noisy what is clean is.
        Returns X `[B, T, L, C]` of the noisy stream, the heads read on the clean stream, and the logits of the experts,
        `[2 B, T, E]`.
        """
        b, ticks = t.shape
        both = {k: torch.cat([clean[k], noisy[k]]) for k in ("z", "previous", "pair")}
        predicted, features = self.features(both["pair"])
        zero, now = torch.zeros_like(t), torch.arange(ticks, device=t.device)
        gap = torch.cat([torch.zeros_like(now).expand(b, -1), (now - first).expand(b, -1)])
        x, cond = self.embed(
            both["z"], both["previous"], features, gap,
            torch.cat([zero, t]), torch.cat([zero, r]), torch.cat([context_level, context_level]),
        )
        logits = self.route(both["previous"], features)
        logits = torch.cat([logits[:b], logits[b:, first]])  # a chunk goes with its first tick
        sharing = Sharing(logits.detach().argmax(-1).flatten(), logits.softmax(-1).flatten(0, 1), self.config["experts"])
        starts = list(range(ticks)), sorted(set(first.tolist()))
        for block in self.blocks:
            modulation = block.modulation(cond).unsqueeze(-2).chunk(6, -1)
            h = block.modulated(x, modulation)
            attended = self.attend(block, h, b, starts)
            if block.memory:
                attended = torch.cat([attended, self.remember(block.memory, h, b, first)], -1)
            x, h = block.mixed(x, attended, modulation)
            x = x + modulation[5] * sharing(block.experts, h)
        x = self.finish(x, cond)
        end = both["previous"][b:] + self.out(x[b:])
        return end, self.read_heads(x[:b], predicted[:b]), logits

    def attend(self, block, h, b, starts):
        """
        h `[2 B, T, L, W]` -> what each tick sees, `[2 B, T, L, W]`. starts: with which ticks the chunks of the clean and of
        the noisy stream begin. The ticks of a chunk see the same, so nothing is worked out to be hidden by a mask: in a
        memory block their chunk alone, in a window block the sink and the window of clean ticks before it too.
        """
        ticks, length = h.shape[1:3]
        latent, rotary = block.pages(h)
        now = torch.arange(ticks, device=h.device).repeat_interleave(length).float()
        angles = self.angles(now)
        q, qr = block.queries(h).flatten(2, 3).split([block.size, block.rotary], -1)
        k, v = block.keys_values(latent.flatten(1, 2))
        each = lambda rotary: rotary.unsqueeze(1).expand(-1, block.heads, -1, -1).to(v.dtype)  # noqa: E731
        asked, told = [q, turned(qr, angles)], [k, each(turned(rotary.flatten(1, 2), angles))]
        if not block.memory:  # the sink is turned by no time: its keys meet the queries in a part of their own
            nothing = torch.zeros_like(told[1])
            sink = each(turned(rotary[:b, 0], self.angles(torch.full((length,), -float(self.window + 1), device=h.device))))
            k_sink = torch.cat([k[:b, :, :length], nothing[:b, :, :length], sink], -1)
            asked, told = [*asked, turned(qr, self.angles(torch.zeros_like(now)))], [*told, nothing]
        q, k = torch.cat(asked, -1).to(v.dtype), torch.cat(told, -1)
        k_clean, v_clean = (x[:b].split(length, 2) for x in (k, v))
        seen = []
        for stream, begin in zip((slice(b), slice(b, None)), starts):
            sizes = [(end - start) * length for start, end in zip(begin, [*begin[1:], ticks])]
            for start, queries, *own in zip(begin, *(x[stream].split(sizes, 2) for x in (q, k, v))):
                keys, values = ([x] for x in own)
                if not block.memory and start > 0:
                    past = slice(max(1, start - self.window), start)
                    keys, values = [k_sink, *k_clean[past], *keys], [v_clean[0], *v_clean[past], *values]
                p = (queries @ torch.cat(keys, 2).transpose(-1, -2)).softmax(-1)
                seen.append(p @ torch.cat(values, 2))
        half = len(starts[0])
        out = torch.cat([torch.cat(seen[:half], 2), torch.cat(seen[half:], 2)])
        return out.unflatten(2, (ticks, length)).permute(0, 2, 3, 1, 4).flatten(-2)

    def remember(self, memory, h, b, first):
        """h `[2 B, T, L, W]` -> what the memory of the clean ticks before each chunk shows, `[2 B, T, L, W]`."""
        q, k, v, gate, write, decay = memory.read(h)
        with torch.autocast(h.device.type, enabled=False):
            k, v, write, decay = (y[:b].float() for y in (k, v, write, decay))
            state, states = torch.zeros(b, memory.heads, memory.size, memory.size, device=h.device), []
            for n in range(h.shape[1]):
                states.append(state)
                state = memory.written(state, k[:, :, n], v[:, :, n], write[:, :, n], decay[:, :, n])
            states = torch.stack(states, 2)
        seen = torch.cat([states, states[:, :, first]])
        return memory.shown(seen, q, gate).permute(0, 2, 3, 1, 4).flatten(-2)

    def tick(self, z, previous, pair, t, r, context_level, context):
        """
        A chunk with what was before it kept, as the engine runs it. z `[B, T, L, C]`: the chunk's ticks; previous
        `[B, L, C]`: the latent before it; pair `[B, T, U]`; t, r, context_level `[B]`; context: for each block its
        pages and their ages, or its memory's recurrent state, from `Context`. Returns X `[B, T, L, C]`, the heads, and what the
        context is to keep of the chunk, if it is a clean tick.
        """
        b, ticks = z.shape[:2]
        previous = previous.unsqueeze(1).expand_as(z)
        predicted, features = self.features(pair)
        gap = torch.arange(ticks, device=z.device).expand(b, -1)
        levels = (y[:, None].expand(b, ticks) for y in (t, r, context_level))
        x, cond = self.embed(z, previous, features, gap, *levels)
        logits = self.route(previous[:, 0], features[:, 0])[:, None].expand(-1, ticks, -1).flatten(0, 1)
        sharing = Sharing(logits.argmax(-1), logits.softmax(-1), self.config["experts"])
        kept = []
        for i, block in enumerate(self.blocks):
            modulation = block.modulation(cond).unsqueeze(-2).chunk(6, -1)
            h = block.modulated(x, modulation)
            latent, rotary = block.pages(h)
            k, v = block.keys_values(latent.flatten(1, 2))
            time = gap[0].repeat_interleave(self.tokens).float()
            angles = self.angles(time)
            q, qr = block.queries(h).flatten(2, 3).split([block.size, block.rotary], -1)
            here, turned_k = self.angles(torch.zeros_like(time)), turned(rotary.flatten(1, 2), angles)
            scores = q @ k.transpose(-1, -2) + turned(qr, angles) @ turned_k.unsqueeze(1).transpose(-1, -2)
            pages, state = context.of(i)
            if pages is not None:
                past_latent, past_rotary, ages, is_sink = pages
                past_k, past_v = block.keys_values(past_latent)
                past_turned = turned(past_rotary, self.angles(-ages))
                rotated = torch.where(
                    is_sink,
                    turned(qr, here) @ past_turned.unsqueeze(1).transpose(-1, -2),
                    turned(qr, angles) @ past_turned.unsqueeze(1).transpose(-1, -2),
                )
                scores = torch.cat([q @ past_k.transpose(-1, -2) + rotated, scores], -1)
                v = torch.cat([past_v, v], 2)
            out = (scores.softmax(-1) @ v).unflatten(2, (ticks, self.tokens)).permute(0, 2, 3, 1, 4).flatten(-2)
            if block.memory:
                mq, mk, mv, gate, write, decay = block.memory.read(h)
                if state is None:
                    state = torch.zeros(b, block.heads, block.size, block.size, device=z.device)
                out = torch.cat([out, block.memory.shown(state.unsqueeze(2), mq, gate).permute(0, 2, 3, 1, 4).flatten(-2)], -1)
                kept.append(block.memory.written(state, mk[:, :, 0], mv[:, :, 0], write[:, :, 0], decay[:, :, 0]))
            else:
                kept.append((latent[:, 0], rotary[:, 0]))
            x, h = block.mixed(x, out, modulation)
            x = x + modulation[5] * sharing(block.experts, h)
        x = self.finish(x, cond)
        return previous + self.out(x), self.read_heads(x, predicted), kept


class Context:
    """What a rollout keeps: pages of the sink and the window for window blocks, a state for memory blocks."""

    def __init__(self, model):
        self.model, self.ticks = model, 0
        self.kept = [[] if block.memory is None else None for block in model.blocks]

    def keep(self, kept):
        for i, (new, block) in enumerate(zip(kept, self.model.blocks)):
            if block.memory:
                self.kept[i] = new
            else:
                self.kept[i] = [*self.kept[i][:1], *self.kept[i][1:][-(self.model.window - 1) :], new]
        self.ticks += 1

    def of(self, i):
        """-> the pages of block `i` (latents, rotary keys, ages, which are of the sink) or None, and its state or None."""
        kept, model = self.kept[i], self.model
        if model.blocks[i].memory:
            return None, kept
        if not kept:
            return None, None
        ages = [model.window + 1, *range(len(kept) - 1, 0, -1)]
        ages = torch.tensor(ages, dtype=torch.float32).repeat_interleave(model.tokens)
        latents, rotary = (torch.cat(parts, 1) for parts in zip(*kept))
        return (latents, rotary, ages.to(latents.device), (torch.arange(len(ages)) < model.tokens).to(latents.device)), None


def stream_controls(actions, state):
    """The controls of streams' ticks from the first on, which stands still: actions `[E, T, s, A]`, state `[E, T + 1, Q]`."""
    blocks = torch.cat([torch.zeros_like(actions[:, :1]), actions], 1).flatten(2)
    return torch.cat([blocks, torch.cat([state[:, :1], state[:, :-1]], 1)], 2)


@torch.no_grad()
def rollout(model, start, state, actions, noise, nfe=1, context_level=0.0, chunks=None, told=None):
    """
    A rollout with its context kept. start `[B, L, C]`, state `[B, Q]`: the latent and the state of tick 0; actions
    `[B, T, s, A]`; noise `[B, T, L, C]`: where each tick's denoising begins; chunks: their lengths, in ticks, T in all
    (default: of one); told `[B, T + 1, Q]`: states that are known, instead of those that are read. Returns latents `[B, T + 1, L, C]` and each tick's heads (reward, success logit, normalised state),
    tick 0 included.
    """
    levels = lambda *values: (torch.full((len(start),), float(v), device=start.device) for v in values)  # noqa: E731
    context, latents, heads = Context(model), [start], []

    def commit(z, previous, pair):
        _, read, kept = model.tick(z[:, None], previous, pair[:, None], *levels(0, 0, context_level), context)
        context.keep(kept)
        heads.append([value[:, 0] for value in read])
        if told is not None:
            heads[-1][2] = told[:, len(heads) - 1]

    # The control of a tick: its actions, and the state before it. A tick's pair is its own control and that of the tick before.
    controls = [torch.cat([torch.zeros_like(actions[:, 0].flatten(1)), state], 1)]
    commit(start, torch.zeros_like(start), torch.cat([controls[0], controls[0]], 1))
    heads[0][2] = state
    times, n = torch.linspace(1, 0, nfe + 1).tolist(), 0
    for length in chunks or [1] * actions.shape[1]:
        z, pairs, at, before = noise[:, n : n + length], [], heads[-1][2], controls[-1]
        for k in range(length):
            control = torch.cat([actions[:, n + k].flatten(1), at], 1)
            pairs.append(torch.cat([control, before], 1))
            at, before = model.predict(pairs[-1]), control
        pairs = torch.stack(pairs, 1)
        for t, r in zip(times, times[1:]):
            # The last evaluation asks for the mean of what z may become, not for the end of z's own path.
            end, _, _ = model.tick(z, latents[-1], pairs, *levels(t, r or t, context_level), context)
            z = z - (t - r) * (z - end) / t
        for k in range(length):
            latents.append(project(z[:, k]))
            controls.append(torch.cat([actions[:, n + k].flatten(1), heads[-1][2]], 1))
            commit(latents[-1], latents[-2], torch.cat(controls[:-3:-1], 1))
        n += length
    return torch.stack(latents, 1), [torch.stack(values, 1) for values in zip(*heads)]
