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
from dynamics import Dynamics  # noqa: E402
from tokenizer import Tokenizer, project, to_frames  # noqa: E402

WARM_UP = 20


def load(folder):
    """The tokenizer, the dynamics, and the first start state's frame `[H, W, 3]` of the world in `folder`."""
    world = json.loads((folder / "world.json").read_text())
    t, d = world["tokenizer"], world["dynamics"]
    tokenizer = Tokenizer(world["frame"]["height"], world["stride"], t["latentChannels"], tuple(t["widths"]))
    dynamics = Dynamics(
        tokens=d["tokens"],
        latent_channels=t["latentChannels"],
        stride=world["stride"],
        action_size=len(world["action"]["names"]),
        tasks=len(world["tasks"]) - 1,
        proprioception=len(world["proprioception"]["names"]),
        width=d["width"],
        depth=d["depth"],
        heads=d["heads"],
        mlp_ratio=d["mlpRatio"],
        cond_width=d["condWidth"],
        window=d["window"],
    )
    for model, file in ((tokenizer, t["file"]), (dynamics, d["file"])):
        arrays, _ = parse_safetensors((folder / file).read_bytes())
        model.load_state_dict({name: torch.from_numpy(array.copy()).float() for name, array in arrays.items()})
        model.eval()
    starts, _ = parse_safetensors((folder / world["starts"]["file"]).read_bytes())
    return tokenizer, dynamics, torch.from_numpy(starts["frames"][0].copy()), d["contextLevel"]


class Session:
    """One episode: the tick before, the K/V pages that are attended to (the sink and the window), the decoder's state."""

    def __init__(self, folder):
        self.tokenizer, self.dynamics, frame, level = load(folder)
        self.context_level = torch.full((1,), level)
        self.zero, self.one = torch.zeros(1), torch.ones(1)
        self.previous = self.tokenizer.encode(frame.repeat(self.tokenizer.stride, 1, 1, 1)[None])
        _, self.state = self.tokenizer.decode(self.previous, self.tokenizer.start(1))
        self.pages, self.ticks = [], 0
        still = torch.zeros(1, self.dynamics.control_in.in_features)
        self.reading = self.commit(self.previous, torch.zeros_like(self.previous), still, None)[2]

    def step(self):
        size = self.dynamics.config["action_size"]
        channels = 1 + torch.arange(self.tokenizer.stride * size) % 5
        action = torch.sin(2 * math.pi * self.ticks / 64 * channels).view(1, -1)
        control = torch.cat([action, self.reading], 1)
        # Ages are relative to the present: what has left the window is not among the pages any more.
        past = self.dynamics.context(self.pages)
        noise = torch.randn_like(self.previous)
        end, _, _ = self.dynamics.tick(noise, self.previous, control, self.one, self.zero, self.context_level, past)
        z = project(end)
        heads = self.commit(z, self.previous, control, past)
        self.reading = heads[2]
        self.previous = z
        pixels, self.state = self.tokenizer.decode(z, self.state)
        return to_frames(pixels, self.tokenizer.stride).numpy(), heads

    def commit(self, z, previous, control, past):
        _, x, page = self.dynamics.tick(z, previous, control, self.zero, self.zero, self.context_level, past)
        self.pages.append(page)
        if len(self.pages) > self.dynamics.window + 1:
            del self.pages[1]
        self.ticks += 1
        return self.dynamics.read_heads(x)


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
