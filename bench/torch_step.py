"""Steps a world in PyTorch, for `worldstep bench step` to compare with.

    python bench/torch_step.py WORLD [--threads N]

Prints a line with the version once the world is loaded. Then reads lines from stdin, each a number of ticks: steps so
many at 1 NFE, after a warm-up, and prints the median milliseconds. A step is all that the engine does in one: noise,
denoise with what is kept, project, the clean pass that keeps the tick's page, rewrites the memory and reads the heads, and
decode to uint8 frames. Weights are the world's own, in fp32.
"""

import argparse
import json
import math
import statistics
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "training"))

from data import parse_safetensors  # noqa: E402
from dynamics import Context  # noqa: E402
from tokenizer import project, to_frames  # noqa: E402
from world import load_dynamics, load_tokenizer  # noqa: E402

WARM_UP = 20


class Session:
    """One episode, played as `rollout` of training/dynamics.py plays it, a tick a call, and decoded."""

    def __init__(self, folder):
        world = json.loads((folder / "world.json").read_text())
        self.tokenizer, self.dynamics = load_tokenizer(folder), load_dynamics(folder)
        starts, _ = parse_safetensors((folder / world["starts"]["file"]).read_bytes())
        frame = torch.from_numpy(starts["frames"][0].copy())
        self.context, self.context_level = Context(self.dynamics), torch.full((1,), world["dynamics"]["contextLevel"])
        self.zero, self.one, self.ticks = torch.zeros(1), torch.ones(1), 0
        self.latent, self.state = self.tokenizer.encode(frame.repeat(self.tokenizer.stride, 1, 1, 1)[None])
        self.begun = self.tokenizer.begin(frame[None])
        _, self.carried = self.tokenizer.decode(self.latent, self.state, self.state, self.begun, self.tokenizer.start(1))
        size = self.tokenizer.stride * self.dynamics.config["action_size"]
        self.control = torch.cat([torch.zeros(1, size), self.state], 1)
        self.commit(self.latent, torch.zeros_like(self.latent), torch.cat([self.control, self.control], 1))

    def step(self):
        channels = 1 + torch.arange(self.control.shape[1] - self.state.shape[1]) % 5
        action = torch.sin(2 * math.pi * self.ticks / 64 * channels).view(1, -1)
        control = torch.cat([action, self.state], 1)
        pair, self.control = torch.cat([control, self.control], 1), control
        noise = torch.randn_like(self.latent)
        end, _, _ = self.dynamics.tick(noise[:, None], self.latent, pair[:, None], self.one, self.one, self.context_level, self.context)
        z = project(end[:, 0])
        reward, success, state = self.commit(z, self.latent, pair)
        pixels, self.carried = self.tokenizer.decode(z, self.state, state, self.begun, self.carried)
        self.latent, self.state = z, state
        return to_frames(pixels, self.tokenizer.stride).numpy(), reward, success

    def commit(self, z, previous, pair):
        """The clean pass: -> the heads, `[1, ..]` each."""
        _, heads, kept = self.dynamics.tick(z[:, None], previous, pair[:, None], self.zero, self.zero, self.context_level, self.context)
        self.context.keep(kept)
        self.ticks += 1
        return [value[:, 0] for value in heads]


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("world", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    session = Session(args.world)
    print(f"PyTorch {torch.__version__}", flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(WARM_UP + int(line)):
            before = time.perf_counter()
            session.step()
            times.append(time.perf_counter() - before)
        print(1000 * statistics.median(times[WARM_UP:]), flush=True)


main()
