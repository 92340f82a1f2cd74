"""Steps a world in PyTorch, for `worldstep bench step` to compare with.

    python bench/torch_step.py WORLD [--threads N]

Prints a line with the version once the world is loaded. Then reads lines from stdin, each a number of ticks: steps so
many at 1 NFE, after a warm-up, and prints the median milliseconds. A step is all that the engine does in one: noise,
denoise with the K/V cache, project, the clean pass that writes the tick's keys and values and reads the heads, and
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
from tokenizer import project, to_frames  # noqa: E402
from world import load_dynamics, load_tokenizer  # noqa: E402

WARM_UP = 20


class Session:
    """One episode: the tick before, the K/V pages that are attended to (the sink and the window), the decoder's state."""

    def __init__(self, folder):
        world = json.loads((folder / "world.json").read_text())
        self.tokenizer, self.dynamics = load_tokenizer(folder), load_dynamics(folder)
        starts, _ = parse_safetensors((folder / world["starts"]["file"]).read_bytes())
        frame = torch.from_numpy(starts["frames"][0].copy())
        self.context_level = torch.full((1,), world["dynamics"]["contextLevel"])
        self.zero, self.one = torch.zeros(1), torch.ones(1)
        self.previous = self.tokenizer.encode(frame.repeat(self.tokenizer.stride, 1, 1, 1)[None])
        _, self.state = self.tokenizer.decode(self.previous, self.tokenizer.start(1))
        self.pages, self.ticks = [], 0
        still = torch.zeros(1, sum(self.dynamics.reach.shape))
        self.reading = self.commit(self.previous, torch.zeros_like(self.previous), still, None)[2]

    def step(self):
        size = self.dynamics.config["action_size"]
        channels = 1 + torch.arange(self.tokenizer.stride * size) % 5
        action = torch.sin(2 * math.pi * self.ticks / 64 * channels).view(1, -1)
        control = torch.cat([action, self.reading], 1)
        # Ages are relative to the present: what has left the window is not among the pages any more.
        past = self.dynamics.context(self.pages)
        noise = torch.randn_like(self.previous)
        end, _, _ = self.dynamics.tick(noise, self.previous, control, self.one, self.one, self.context_level, past)
        z = project(end)
        heads = self.commit(z, self.previous, control, past)
        self.reading = heads[2]
        self.previous = z
        pixels, self.state = self.tokenizer.decode(z, self.state)
        return to_frames(pixels, self.tokenizer.stride).numpy(), heads

    def commit(self, z, previous, control, past):
        _, heads, page = self.dynamics.tick(z, previous, control, self.zero, self.zero, self.context_level, past)
        self.pages.append(page)
        if len(self.pages) > self.dynamics.window + 1:
            del self.pages[1]
        self.ticks += 1
        return heads


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
