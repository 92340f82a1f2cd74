"""Trains the judge's probe on real frames: python training/train_probe.py --data data/train --out runs/probe"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from data import Episodes
from optimizer import Trainer
from plot import curves
from probe import Probe, targets


def softened(frames, beside):
    """
    Frames `[B, H, W, 3]` as a dream might show them: a little of the frame `beside` each, noise, and a blur of up to
    three pixels. The ruler must read where a soft thing is, and not how sharp it is.
    """
    b = len(frames)
    some = lambda most: torch.rand(b, 1, 1, 1, device=frames.device) * most  # noqa: E731
    x = torch.lerp(frames.float(), beside.float(), some(0.5) * (some(1) > 0.5))
    x = (x + torch.randn_like(x) * some(6)).permute(0, 3, 1, 2)
    parts = list(x.chunk(4))
    for n in range(1, len(parts)):  # a quarter is blurred once, one twice, one three times
        for _ in range(n):
            parts[n] = F.avg_pool2d(parts[n], 3, stride=1, padding=1, count_include_pad=False)
    return torch.cat(parts).permute(0, 2, 3, 1).clamp(0, 255)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="folder of shards from `npm run generate`")
    parser.add_argument("--out", required=True, help="folder for checkpoint.pt, log.json, curves.png; resumes from it")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--batch", type=int, default=64, help="frames a step")
    parser.add_argument("--limit", type=int, help="read only so many shards")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    episodes = Episodes(args.data, limit=args.limit)
    train, held_out = episodes.train, episodes.held_out

    def sample(split, rng, n):
        """Frames, the scene's states in them, and the frames up to three before or behind."""
        count = split["frames"].shape[1]
        i, frame = rng.integers(len(split["frames"]), size=n), rng.integers(count, size=n)
        beside = np.clip(frame + rng.integers(-3, 4, size=n), 0, count - 1)
        state = torch.cat(targets(split, i, frame), 1).to(args.device)
        shown = [torch.from_numpy(split["frames"][i, at]).to(args.device) for at in (frame, beside)]
        return shown[0], state, shown[1]

    state = sample(train, np.random.default_rng(1), 20_000)[1]
    mean, std = state.mean(0), state.std(0)
    # Cubes that fell off the table are rare and far: they must not stretch the scale.
    std = torch.minimum(std, torch.full_like(std, 0.5))
    weight = torch.ones_like(std)
    weight[:3] = 4  # the tip, which most of the judge's measures are read from
    model = Probe(size=train["frames"].shape[2]).to(args.device)
    trainer = Trainer(model, args.steps, lr=2e-3)
    log = trainer.resume(out, args.device)
    started, first, running = time.time(), trainer.step_number, []
    while trainer.step_number < args.steps:
        frames, state, beside = sample(train, np.random.default_rng([args.seed, trainer.step_number]), args.batch)
        predicted, _ = model(softened(frames, beside))
        loss = F.smooth_l1_loss(predicted, (state - mean) / std, beta=0.1, reduction="none")
        loss = (loss * weight).mean() / weight.mean()
        trainer.step(loss)
        running.append(loss.item())
        step = trainer.step_number
        if step % 20 == 0 or step == args.steps:
            left = (time.time() - started) / (step - first) * (args.steps - step)
            print(f"\rstep {step}/{args.steps}  loss {np.mean(running[-100:]):.4f}  {left / 60:.1f} min left ", end="", flush=True)
        if step % 1000 == 0 or step == args.steps:
            with trainer.averaged(), torch.no_grad():
                frames, state, beside = sample(held_out, np.random.default_rng(2), 1024)
                error = (model(frames)[0] * std + mean - state).view(len(state), -1)
                soft = (model(softened(frames, beside))[0] * std + mean - state)[:, :3]
            row = dict(step=step, loss=float(np.mean(running[-500:])))
            row["tip_cm"] = error[:, :3].norm(dim=1).mean().item() * 100
            row["soft_tip_cm"] = soft.norm(dim=1).mean().item() * 100
            row["yaw_rad"] = error[:, 3].abs().mean().item()
            row["opening_cm"] = error[:, 4].abs().mean().item() * 100
            row["cube_cm"] = error[:, 5:].view(-1, 3, 3).norm(dim=2).median().item() * 100
            log.append(row)
            print("\n", json.dumps({k: round(v, 4) for k, v in row.items()}), flush=True)
            curves(out / "curves.png", log)
            trainer.save(out, log, mean=mean.tolist(), std=std.tolist())


if __name__ == "__main__":
    main()
