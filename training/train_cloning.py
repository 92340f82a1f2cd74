"""Behaviour cloning: small networks that do what the experts of the data did, from so many of their episodes each.
python training/train_cloning.py --data data/train --probe runs/probe --out domains/tabletop/policies

Writes bc-N.onnx for each N. A network sees what the probe reads from a frame, the proprioception and the task."""

import argparse

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from data import Episodes
from onnx_file import write_onnx
from probe import OUTPUTS, Probe
from world import load_run

EXPERT = 1  # `POLICIES` of domains/tabletop/src/simulator/episode.ts


class Cloned(nn.Module):
    """scene `[B, outputs]`, proprioception `[B, P]`, task `[B, tasks]` (one is 1) -> actions `[B, s, A]` in [-1, 1]."""

    def __init__(self, scene, proprioception, tasks, block, width=192):
        super().__init__()
        for name, x in (("scene", scene), ("pose", proprioception)):
            self.register_buffer(f"{name}_mean", x.mean(0))
            self.register_buffer(f"{name}_std", x.std(0))
        self.block = block
        size = scene.shape[1] + proprioception.shape[1] + tasks
        self.layers = nn.ModuleList([nn.Linear(size, width), nn.Linear(width, width), nn.Linear(width, block[0] * block[1])])

    def forward(self, scene, proprioception, task):
        x = torch.cat([(scene - self.scene_mean) / self.scene_std, (proprioception - self.pose_mean) / self.pose_std, task], 1)
        for layer in self.layers[:-1]:
            x = F.silu(layer(x))
        return torch.tanh(self.layers[-1](x)).unflatten(1, self.block)


def demonstrations(episodes):
    """Numbers of the experts' episodes, and of each the ticks up to its success: arrays `(episode, tick)`."""
    rows = []
    for i in np.flatnonzero((episodes["policy"] == EXPERT) & (episodes["task"] > 0)):
        done = np.flatnonzero(episodes["success"][i, :, episodes["task"][i] - 1])
        if len(done):
            rows.append(np.stack([np.full(done[0] + 1, i), np.arange(done[0] + 1)], 1))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder of shards from `npm run generate`")
    parser.add_argument("--probe", required=True, help="output folder of train_probe.py")
    parser.add_argument("--out", required=True, help="folder for the networks")
    parser.add_argument("--sizes", type=int, nargs="+", default=[30, 120, 480], help="episodes that each network learns from")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--limit", type=int, help="read only so many shards")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    episodes = Episodes(args.data, limit=args.limit)
    train, stride = episodes.train, episodes.stride
    tasks, block = len(episodes.meta["tasks"]), train["actions"].shape[2:]
    demos = demonstrations(train)
    print(f"{len(demos)} demonstrations, of all tasks")
    if max(args.sizes) > len(demos):
        raise SystemExit(f"there are too few for {max(args.sizes)}: generate more episodes, or give other --sizes")
    probe, _ = load_run(Probe, args.probe)
    for size in args.sizes:
        torch.manual_seed(args.seed)
        i, tick = np.concatenate(demos[:size]).T
        with torch.no_grad():
            frames = torch.from_numpy(train["frames"][i, tick * stride])
            scene = torch.cat([probe(part)[0] for part in frames.split(256)])
        pose = torch.from_numpy(train["proprioception"][i, tick * stride])
        task = F.one_hot(torch.from_numpy(train["task"][i]).long(), tasks).float()
        action = torch.from_numpy(train["actions"][i, tick])
        model = Cloned(scene, pose, tasks, tuple(block))
        optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=1e-2)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps)
        for step in range(args.steps):
            rows = torch.randint(len(scene), (256,))
            loss = F.smooth_l1_loss(model(scene[rows], pose[rows], task[rows]), action[rows], beta=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            if step % 500 == 0 or step == args.steps - 1:
                print(f"\r{min(size, len(demos))} episodes  step {step + 1}/{args.steps}  loss {loss.item():.4f} ", end="", flush=True)
        print()
        inputs = dict(scene=scene[:1], proprioception=pose[:1], task=task[:1])
        write_onnx(f"{args.out}/bc-{size}.onnx", model, inputs, ("actions",), {"scene": OUTPUTS, "task": episodes.meta["tasks"]})


if __name__ == "__main__":
    main()
