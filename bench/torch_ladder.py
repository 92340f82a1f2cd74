"""The lower rungs of `worldstep bench ladder`: a world in PyTorch, as one would port it and make it faster.

    python bench/torch_ladder.py WORLD [--threads N] [--ticks N]

Prints a line with the version once the world is loaded and a session is so many ticks old. Then reads lines from stdin, each a
JSON object with the rung: `kept`, whether what ticks leave behind is kept, or all ticks are gone through again for each
evaluation; and `nfe`. With `time`, steps the session so many times, and prints the milliseconds of one. With `episodes`,
`{seed, frame, proprioception, actions}` each (frame: base64 of `[H, W, 3]` uint8; actions `[T, s A]`), dreams them as the
engine does, with its noise, and prints base64 of the last ticks' frames, `[E, s, H, W, 3]` uint8.

A step is all that the engine does in one: denoise, project, the clean pass that reads the heads, decode to uint8 frames.
Weights are the world's own, in fp32.

Shapes: B sessions, T ticks, L tokens a tick, C latent channels, W width, N heads, D head size, R rotary size, U a pair.
"""

import argparse
import base64
import json
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "training"))

from blocks import turned  # noqa: E402
from data import parse_safetensors  # noqa: E402
from tokenizer import project, to_frames  # noqa: E402
from world import load_dynamics, load_normal, load_tokenizer, read_manifest  # noqa: E402


class Again:
    """What a tick looks back on where nothing is kept: it stands last in a stream with all ticks before it, each of which is worked out again."""

    def __init__(self, model):
        self.model = model

    def stream(self, before, now):
        """Ticks so far and the one that is asked for, `[B, T, ..]`."""
        return torch.cat([before, now], 1)

    def begin(self, ticks):
        """ticks: T, the one that is asked for included."""
        model, length = self.model, self.model.tokens
        tick = torch.arange(ticks).repeat_interleave(length)
        self.angles, self.here = model.angles(tick.float()), model.angles(torch.zeros(ticks * length))
        self.sink = model.angles(torch.full((length,), -float(model.window + 1)))
        seer, seen = tick[:, None], tick[None]
        hidden = (seen != seer) & ~((seen < seer) & (seen >= (seer - model.window).clamp(min=1)))
        hidden = torch.cat([(seer == 0).expand(-1, length), hidden], 1)  # the sink has keys of its own, which come first
        self.bias = torch.zeros(hidden.shape).masked_fill(hidden, -math.inf)

    def attended(self, i, block, h):
        """h `[B, T, L, W]` -> what block number i sees, `[B, T, L, W]`, in memory blocks `[B, T, L, 2 W]`."""
        ticks, length = h.shape[1:3]
        latent, rotary = block.pages(h)
        k, v = block.keys_values(latent.flatten(1, 2))
        q, qr = block.queries(h).flatten(2, 3).split([block.size, block.rotary], -1)
        rotary = rotary.flatten(1, 2)
        each = lambda x: x.unsqueeze(1).expand(-1, block.heads, -1, -1)  # noqa: E731
        if block.memory:
            parts = torch.cat([q, turned(qr, self.here)], -1), torch.cat([k, each(turned(rotary, self.here))], -1), v
            q, k, v = (x.unflatten(2, (ticks, length)) for x in parts)
            seen = ((q @ k.transpose(-1, -2)).softmax(-1) @ v).permute(0, 2, 3, 1, 4).flatten(-2)
            return torch.cat([seen, self.remembered(block.memory, h)], -1)
        turned_k, sink = each(turned(rotary, self.angles)), each(turned(rotary[:, :length], self.sink))
        q = torch.cat([q, turned(qr, self.angles), turned(qr, self.here)], -1)
        k = torch.cat(
            [
                torch.cat([k[:, :, :length], torch.zeros_like(sink), sink], -1),
                torch.cat([k, turned_k, torch.zeros_like(turned_k)], -1),
            ],
            2,
        )
        seen = (q @ k.transpose(-1, -2) + self.bias).softmax(-1) @ torch.cat([v[:, :, :length], v], 2)
        return seen.unflatten(2, (ticks, length)).permute(0, 2, 3, 1, 4).flatten(-2)

    def remembered(self, memory, h):
        """What the memory shows of the ticks before each. The triangular systems do not depend on its state: all are solved at once."""
        q, k, v, gate, write, decay = memory.read(h)
        system = torch.eye(k.shape[-2]) + (write.unsqueeze(-1) * (k @ k.transpose(-1, -2))).tril(-1)
        wanted = write.unsqueeze(-1) * torch.cat([v, k], -1)
        values, keys = torch.linalg.solve_triangular(system, wanted, upper=False, unitriangular=True).chunk(2, -1)
        state, states = torch.zeros(len(h), memory.heads, memory.size, memory.size), []
        kept, back = decay.exp()[..., None, None], k.transpose(-1, -2)
        for n in range(h.shape[1]):
            states.append(state)
            state = state * kept[:, :, n]
            state = state + back[:, :, n] @ (values[:, :, n] - keys[:, :, n] @ state)
        return memory.shown(torch.stack(states, 2), q, gate).permute(0, 2, 3, 1, 4).flatten(-2)

    def keep(self):
        pass


class Kept:
    """The same where ticks leave behind what later ones look back on: keys and values for window blocks, a state for memory blocks."""

    def __init__(self, model):
        self.model = model
        self.here = model.angles(torch.zeros(model.tokens))
        self.pages, self.states, self.fresh, self.past = {}, {}, {}, {}

    def stream(self, before, now):
        return now

    def begin(self, ticks):
        """Once a tick: keys are turned by their ages, which all evaluations of the tick see alike."""
        for i, pages in self.pages.items():
            ages = [self.model.window + 1, *range(len(pages) - 1, 0, -1)]
            angles = self.model.angles(-torch.tensor(ages).repeat_interleave(self.model.tokens).float())
            k, v, rotary = (torch.cat(parts, -2) for parts in zip(*pages))
            rotary = turned(rotary, angles).unsqueeze(1).expand(-1, k.shape[1], -1, -1)
            self.past[i] = torch.cat([k, rotary], -1).transpose(-1, -2).contiguous(), v

    def attended(self, i, block, h):
        latent, rotary = block.pages(h[:, 0])
        k, v = block.keys_values(latent)
        q, qr = block.queries(h).flatten(2, 3).split([block.size, block.rotary], -1)
        own = turned(rotary, self.here).unsqueeze(1).expand(-1, block.heads, -1, -1)
        q, keys, values = torch.cat([q, turned(qr, self.here)], -1), torch.cat([k, own], -1).transpose(-1, -2), v
        if i in self.past:
            keys, values = torch.cat([self.past[i][0], keys], -1), torch.cat([self.past[i][1], values], 2)
        seen = ((q @ keys).softmax(-1) @ values).transpose(1, 2).flatten(-2).unsqueeze(1)
        if not block.memory:
            self.fresh[i] = k, v, rotary
            return seen
        mq, *written, gate, write, decay = block.memory.read(h)
        self.fresh[i] = [x[:, :, 0] for x in (*written, write, decay)]
        shown = block.memory.shown(self.state(i, block, h), mq[:, :, 0], gate[:, :, 0])
        return torch.cat([seen, shown.transpose(1, 2).flatten(-2).unsqueeze(1)], -1)

    def state(self, i, block, h):
        return self.states[i] if i in self.states else torch.zeros(len(h), block.heads, block.size, block.size)

    def keep(self):
        """After the clean pass."""
        for i, block in enumerate(self.model.blocks):
            if block.memory:
                self.states[i] = block.memory.written(self.state(i, block, self.fresh[i][0]), *self.fresh[i])
            else:
                pages = self.pages.get(i, [])
                self.pages[i] = [*pages[:1], *pages[1:][-(self.model.window - 1) :], self.fresh[i]]


class Session:
    """Episodes from the first `frames` `[B, H, W, 3]` uint8 on, with the proprioception `[B, P]` (normalised) where it is known."""

    def __init__(self, world, frames, proprioception=None):
        self.tokenizer, self.model, self.level = world.tokenizer, world.dynamics, world.level
        self.kept, self.again = Kept(self.model), Again(self.model)
        z, self.state = self.tokenizer.encode(frames.unsqueeze(1).repeat(1, self.tokenizer.stride, 1, 1, 1))
        if proprioception is not None:
            self.state = torch.cat([proprioception, self.state[:, proprioception.shape[1] :]], 1)
        self.begun = self.tokenizer.begin(frames)
        _, self.carried = self.tokenizer.decode(z, self.state, self.state, self.begun, self.tokenizer.start(len(z)))
        still = torch.zeros(len(z), self.tokenizer.stride * self.model.config["action_size"])
        self.control = torch.cat([still, self.state], 1)
        pair = torch.cat([self.control, self.control], 1)
        # Ticks so far: their latents, those before them, and their pairs.
        self.zs, self.previous, self.pairs = z[:, None], torch.zeros_like(z)[:, None], pair[:, None]
        self.evaluate(self.zs, self.previous, self.pairs, 0, 0, self.kept)
        self.kept.keep()

    @property
    def ticks(self):
        return self.zs.shape[1]

    def step(self, action, noise, nfe, kept, goes_on=True):
        """action `[B, s A]`, noise `[B, L, C]` -> frames `[B, s, H, W, 3]` uint8."""
        context, previous = self.kept if kept else self.again, self.zs[:, -1]
        control = torch.cat([action, self.state], 1)
        pair = torch.cat([control, self.control], 1)
        inputs = [context.stream(before, now[:, None]) for before, now in ((self.previous, previous), (self.pairs, pair))]
        context.begin(self.ticks + 1)
        z, times = noise, [1 - n / nfe for n in range(nfe + 1)]
        for t, r in zip(times, times[1:]):
            # The last evaluation asks for the mean of what z may become, not for the end of z's own path.
            x, _ = self.evaluate(context.stream(self.zs, z[:, None]), *inputs, t, r or t, context)
            end = previous + self.model.out(x)[:, 0]
            z = z - (t - r) * (z - end) / t
        z = project(z)
        x, predicted = self.evaluate(context.stream(self.zs, z[:, None]), *inputs, 0, 0, context)
        _, _, state = (value[:, 0] for value in self.model.read_heads(x, predicted))
        pixels, carried = self.tokenizer.decode(z, self.state, state, self.begun, self.carried)
        if goes_on:
            context.keep()
            now = (self.zs, z), (self.previous, previous), (self.pairs, pair)
            self.zs, self.previous, self.pairs = (torch.cat([before, one[:, None]], 1) for before, one in now)
            self.state, self.control, self.carried = state, control, carried
        return to_frames(pixels, self.tokenizer.stride)

    def evaluate(self, z, previous, pair, t, r, context):
        """
        A stream of clean ticks whose last is at level t: z, previous `[B, T, L, C]`, pair `[B, T, U]`. Returns that tick's
        tokens as the output and the heads read them, `[B, 1, L, W]`, and its predicted state.
        """
        model, (batch, ticks) = self.model, z.shape[:2]
        predicted, features = model.features(pair)
        last = lambda value: F.pad(torch.full((batch, 1), float(value)), (ticks - 1, 0))  # noqa: E731
        gap, level = torch.zeros(batch, ticks, dtype=torch.long), torch.full((batch, ticks), self.level)
        x, cond = model.embed(z, previous, features, gap, last(t), last(r), level)
        chosen = model.route(previous, features).argmax(-1).flatten()
        groups = [(e, (chosen == e).nonzero()[:, 0]) for e in chosen.unique().tolist()] if len(chosen) > 1 else [(int(chosen), None)]
        for i, block in enumerate(model.blocks):
            modulation = block.modulation(cond).unsqueeze(-2).chunk(6, -1)
            x, h = block.mixed(x, context.attended(i, block, block.modulated(x, modulation)), modulation)
            x = x + modulation[5] * shared(block.experts, h, groups)
        return model.finish(x[:, -1:], cond[:, -1:]), predicted[:, -1:]


def shared(experts, x, groups):
    """x `[B, T, L, W]` through the experts; groups: which of them, and which of the B T ticks it has."""
    if len(groups) == 1:
        return experts[groups[0][0]](x)
    flat = x.flatten(0, 1)
    y = torch.empty_like(flat)
    for e, ticks in groups:
        y[ticks] = experts[e](flat[ticks])
    return y.view(x.shape)


def normals(seed, tick, count):
    """The engine's noise of a tick (engine/src/philox.ts): Philox 4x32-10 and Box-Muller, float32 `[count]`."""
    mask, blocks = np.uint64(0xFFFFFFFF), np.arange(-(-count // 4), dtype=np.uint64)
    a, b, c, d = blocks, np.full_like(blocks, tick), np.zeros_like(blocks), np.zeros_like(blocks)
    k, m = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        low, high = np.uint64(0xD2511F53) * a, np.uint64(0xCD9E8D57) * c
        a, b = (high >> np.uint64(32)) ^ b ^ np.uint64(k), high & mask
        c, d = (low >> np.uint64(32)) ^ d ^ np.uint64(m), low & mask
        k, m = (k + 0x9E3779B9) & 0xFFFFFFFF, (m + 0xBB67AE85) & 0xFFFFFFFF
    pairs = []
    for u, v in ((a, b), (c, d)):
        radius, angle = np.sqrt(-2 * np.log((u.astype(np.float64) + 1) / 2**32)), 2 * np.pi * v.astype(np.float64) / 2**32
        pairs += [radius * np.cos(angle), radius * np.sin(angle)]
    return np.stack(pairs, 1).reshape(-1)[:count].astype(np.float32)


class World:
    def __init__(self, folder):
        self.tokenizer, self.dynamics, self.normal = load_tokenizer(folder), load_dynamics(folder), load_normal(folder)
        self.manifest = read_manifest(folder)
        self.level = self.manifest["dynamics"]["contextLevel"]
        starts, _ = parse_safetensors((folder / self.manifest["starts"]["file"]).read_bytes())
        self.start = torch.from_numpy(starts["frames"][:1].copy())

    def noise(self, seed, tick):
        shape = self.dynamics.tokens, self.tokenizer.latent_channels
        return torch.from_numpy(normals(seed, tick, math.prod(shape))).view(shape) * self.manifest["sampler"]["noise"]

    def action(self, tick):
        size = self.tokenizer.stride * self.dynamics.config["action_size"]
        return torch.sin(2 * math.pi * tick / 64 * (1 + torch.arange(size) % 5)).view(1, -1)

    def dreamed(self, episodes, nfe, kept):
        """-> the frames of the last tick, `[E, s, H, W, 3]` uint8."""
        pixels = [np.frombuffer(base64.b64decode(episode["frame"]), np.uint8) for episode in episodes]
        known = torch.tensor([episode["proprioception"] for episode in episodes], dtype=torch.float32)
        mean, std = self.normal[:, : known.shape[1]]
        frames = torch.from_numpy(np.stack(pixels)).view(-1, *self.start.shape[1:])
        session = Session(self, frames, (known - mean) / std)
        actions = torch.tensor([episode["actions"] for episode in episodes], dtype=torch.float32)
        for tick in range(actions.shape[1]):
            noise = torch.stack([self.noise(episode["seed"], tick + 1) for episode in episodes])
            shown = session.step(actions[:, tick], noise, nfe, kept)
        return shown.numpy()


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("world", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--ticks", type=int, default=30)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    world = World(args.world)
    session = Session(world, world.start)
    step = lambda nfe, kept, goes_on=True: session.step(world.action(session.ticks), world.noise(1, session.ticks)[None], nfe, kept, goes_on)  # noqa: E731
    for _ in range(args.ticks):
        step(1, True)
    print(f"PyTorch {torch.__version__}", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        rung = asked["nfe"], asked["kept"]
        if "episodes" in asked:
            print(base64.b64encode(world.dreamed(asked["episodes"], *rung).tobytes()).decode(), flush=True)
            continue
        before = time.perf_counter()
        for _ in range(asked["time"]):
            step(*rung, goes_on=False)  # the session stays as old as it is
        print(1000 * (time.perf_counter() - before) / asked["time"], flush=True)


main()
