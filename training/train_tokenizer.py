"""Trains the tokenizer: python training/train_tokenizer.py --data data/train --out runs/tokenizer"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from data import Episodes, frame_clips
from optimizer import Trainer
from plot import curves, grid, write_png
from tokenizer import Tokenizer, absolute, salience, to_frames
from world import load_tokenizer


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="folder of shards from `npm run generate`")
    parser.add_argument("--out", required=True, help="folder for checkpoint.pt, log.json, curves.png, frames.png; resumes from it")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--batch", type=int, default=8, help="clips a step")
    parser.add_argument("--ticks", type=int, default=2, help="ticks a clip")
    parser.add_argument("--muon-lr", type=float, default=0.02)
    parser.add_argument("--latent-channels", type=int, default=48)
    parser.add_argument("--noise", type=float, default=0.15, help="most noise on the latents that the decoder sees")
    parser.add_argument("--bf16", action="store_true", help="autocast to bf16: faster where the machine computes in it")
    parser.add_argument("--start-from", help="output folder of another run of this script, or a world, whose weights to start from")
    parser.add_argument("--decoder-only", action="store_true", help="leave the encoder as it is, and with it a dynamics that was trained on its latents")
    parser.add_argument("--limit", type=int, help="read only so many shards")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.decoder_only and not args.start_from:
        parser.error("--decoder-only needs --start-from: an encoder of random weights would stay one")
    return args


def background(episodes, frames=512):
    """The mean picture `[3, H, W]` in [-1, 1]: what the camera sees when nothing is there."""
    stacked = episodes.train["frames"]
    rng = np.random.default_rng(0)
    chosen = stacked[rng.integers(len(stacked), size=frames), rng.integers(stacked.shape[1], size=frames)]
    return torch.from_numpy(chosen.astype(np.float32).mean(0)).permute(2, 0, 1) / 127.5 - 1


def psnr(error):
    return float(-10 * np.log10(max(error / 4, 1e-12)))  # pixels in [-1, 1]: their range is 2


def loss(made, frames, mean):
    """
    Squared and absolute error of the frames, and absolute error of their differences from pixel to pixel; `[B, F, 3, H, W]`
    in [-1, 1], mean `[3, H, W]`.
    What differs from the mean picture, and what moves, is small and is what a policy looks at: it weighs up to nine times
    as much. The differences (as in the gradient difference loss of Mathieu et al., arXiv 1511.05440) are there because
    squared error alone is content with a soft gripper.
    """
    step = frames.diff(dim=1).abs()
    moved = torch.maximum(F.pad(step, (0, 0, 0, 0, 0, 0, 1, 0)), F.pad(step, (0, 0, 0, 0, 0, 0, 0, 1)))
    weight = 1 + 4 * salience(frames - mean) + 4 * salience(moved)
    error = made - frames
    total = (weight * error.square()).mean() + 0.05 * (weight * absolute(error)).mean()
    for axis in (3, 4):
        edges = error.diff(dim=axis)
        total = total + 0.05 * (weight.narrow(axis, 1, weight.shape[axis] - 1) * absolute(edges)).mean()
    return total


def main():
    args = parse()
    torch.manual_seed(args.seed)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    episodes = Episodes(args.data, limit=args.limit)
    size = episodes.train["frames"].shape[2]
    model = Tokenizer(size=size, stride=episodes.stride, latent_channels=args.latent_channels)
    mean = background(episodes)
    model.maps["picture"].data.copy_(mean)
    if args.start_from:
        model.load_state_dict(load_tokenizer(args.start_from).state_dict())
    if args.decoder_only:
        for part in (model.encoder, model.maps["encode2"], model.maps["picture"]):
            part.requires_grad_(False)
    model = model.to(args.device).to(memory_format=torch.channels_last)
    mean = mean.to(args.device)
    trainer = Trainer(model, args.steps, lr=2e-3, muon_lr=args.muon_lr, bf16=args.bf16)
    log = trainer.resume(out, args.device)
    held_out = torch.from_numpy(np.stack([episodes.ticks(e)[:17] for e in episodes.held_out["frames"]])).to(args.device)
    started, first, running = time.time(), trainer.step_number, []
    while trainer.step_number < args.steps:
        rng = np.random.default_rng([args.seed, trainer.step_number])
        clips = frame_clips(episodes, rng, args.batch, args.ticks).to(args.device)
        with torch.autocast(torch.device(args.device).type, torch.bfloat16, enabled=args.bf16):
            z = model.encode(clips.flatten(0, 1))
            z = z + torch.randn_like(z) * torch.rand(len(z), 1, 1, device=z.device) * args.noise
            pixels = model.decode_clip(z.view(args.batch, args.ticks, *z.shape[1:]))
        frames = clips.flatten(1, 2).permute(0, 1, 4, 2, 3).float().div(127.5).sub(1)
        made = pixels.float().unflatten(2, (episodes.stride, 3)).flatten(1, 2)
        trainer.step(loss(made, frames, mean))
        error = (made.detach() - frames).square()
        running.append(error.mean().item())
        step = trainer.step_number
        if step % 20 == 0 or step == args.steps:
            left = (time.time() - started) / (step - first) * (args.steps - step)
            print(f"\rstep {step}/{args.steps}  psnr {psnr(np.mean(running[-100:])):.2f} dB  {left / 60:.1f} min left ", end="", flush=True)
        if step % 500 == 0 or step == args.steps:
            with trainer.averaged():
                row = dict(step=step, psnr=psnr(np.mean(running[-500:])), held_out_psnr=validate(model, held_out, out))
            log.append(row)
            print("\n", json.dumps(row), flush=True)
            curves(out / "curves.png", log)
            trainer.save(out, log)


@torch.no_grad()
def validate(model, ticks, out):
    """PSNR of whole held-out streams ticks `[E, T, s, H, W, 3]`; writes frames.png."""
    errors, pictures = [], []
    for clip in ticks:
        pixels = model.decode_clip(model.encode(clip).unsqueeze(0))[0]
        frames = to_frames(pixels, model.stride)
        errors.append((frames.float() - clip.float()).div(127.5).square().mean().item())
        pictures.append((clip[8, 0].cpu().numpy(), frames[8, 0].cpu().numpy()))
    write_png(out / "frames.png", grid([[p[0] for p in pictures[:8]], [p[1] for p in pictures[:8]]], 3))
    return psnr(np.mean(errors))


if __name__ == "__main__":
    main()
