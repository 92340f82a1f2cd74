"""Trains the judge's probe on real frames, whatever their size, and writes it as ONNX, by its size:
python training/train_probe.py --data data/train --out runs/probe --onnx domains/tabletop/policies/probe-64.onnx"""

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
from onnx_file import write_onnx
from probe import OUTPUTS, Probe, scenes


def softened(frames, beside):
    """
    Frames `[B, H, W, 3]` as a dream might show them: a little of the frame `beside` each, noise, and a blur of up to
    three pixels. The probe must read where a soft thing is, and not how sharp it is.
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
    parser.add_argument("--steps", type=int, default=12000)
    parser.add_argument("--batch", type=int, default=64, help="frames a step")
    parser.add_argument("--bf16", action="store_true", help="autocast to bf16: faster where the machine computes in it")
    parser.add_argument("--onnx", help="where to write the probe")
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
        """Frames, the scenes in them, and the frames up to three before or behind."""
        count = split["frames"].shape[1]
        i, frame = rng.integers(len(split["frames"]), size=n), rng.integers(count, size=n)
        beside = np.clip(frame + rng.integers(-3, 4, size=n), 0, count - 1)
        shown = [torch.from_numpy(split["frames"][i, at]).to(args.device) for at in (frame, beside)]
        return shown[0], scenes(split, i, frame).to(args.device), shown[1]

    scene = sample(train, np.random.default_rng(1), 20_000)[1]
    model = Probe(size=train["frames"].shape[2]).to(args.device)
    model.mean.copy_(scene.mean(0))
    model.std.copy_(scene.std(0).clamp(max=0.5))  # a cube that fell off the table must not stretch the scale
    weight = torch.ones(len(OUTPUTS), device=args.device)
    weight[:14] = 3  # the gripper, and where the cubes are, matter more than how those are turned
    trainer = Trainer(model, args.steps, lr=2e-3, bf16=args.bf16)
    log = trainer.resume(out, args.device)
    started, first, running = time.time(), trainer.step_number, []
    while trainer.step_number < args.steps:
        frames, scene, beside = sample(train, np.random.default_rng([args.seed, trainer.step_number]), args.batch)
        with torch.autocast(torch.device(args.device).type, torch.bfloat16, enabled=args.bf16):
            predicted, _ = model(softened(frames, beside))
        loss = F.smooth_l1_loss((predicted - model.mean) / model.std, (scene - model.mean) / model.std, beta=0.1, reduction="none")
        loss = (loss * weight).mean() / weight.mean()
        trainer.step(loss)
        running.append(loss.item())
        step = trainer.step_number
        if step % 20 == 0 or step == args.steps:
            left = (time.time() - started) / (step - first) * (args.steps - step)
            print(f"\rstep {step}/{args.steps}  loss {np.mean(running[-100:]):.4f}  {left / 60:.1f} min left ", end="", flush=True)
        if step % 1000 == 0 or step == args.steps:
            with trainer.averaged(), torch.no_grad():
                frames, scene, beside = sample(held_out, np.random.default_rng(2), 1024)
                read = model(frames)[0]
                row = dict(step=step, loss=float(np.mean(running[-500:])), **errors(read - scene), **turned(read, scene))
                row["soft_tip_cm"] = (model(softened(frames, beside))[0] - scene)[:, :3].norm(dim=1).mean().item() * 100
            log.append(row)
            print("\n", json.dumps({k: round(v, 4) for k, v in row.items()}), flush=True)
            curves(out / "curves.png", log)
            trainer.save(out, log)
    if args.onnx:
        with trainer.averaged():
            example = torch.zeros(1, *train["frames"].shape[2:], dtype=torch.uint8, device=args.device)
            write_onnx(args.onnx, model, {"frame": example}, ("scene", "features"), {"scene": OUTPUTS})


def errors(off):
    """Mean errors of the tip, medians of the rest, cm and rad."""
    return dict(
        tip_cm=off[:, :3].norm(dim=1).mean().item() * 100,
        yaw_rad=off[:, 3].abs().mean().item(),
        opening_cm=off[:, 4].abs().mean().item() * 100,
        cube_cm=off[:, 5:14].reshape(-1, 3, 3).norm(dim=2).median().item() * 100,
        place_cm=off[:, 20:].reshape(-1, 3, 2).norm(dim=2).median().item() * 100,
    )


def turned(read, scene):
    """Median error of the cubes' yaw, rad."""
    yaw = [torch.atan2(x[:, 15:20:2], x[:, 14:20:2]) for x in (read, scene)]
    off = torch.remainder(yaw[0] - yaw[1] + np.pi, 2 * np.pi) - np.pi
    return dict(cube_yaw_rad=off.abs().median().item() / 4)


if __name__ == "__main__":
    main()
