"""Trains small variants of the dynamics alike and says what each part buys:
python training/ablate.py --data data/train --tokenizer runs/tokenizer --out runs/ablation

Every variant is trained with every seed, on the same logs for as many steps, and then dreams the held-out episodes open loop
at 1 NFE. Its loss is the mean squared error of the latents over 25 ticks; `over base` is its loss over that of the base, with
an interval of 95 % by resampling episodes and seeds together. Above 1 the part helps. Writes table.md, table.json and
curves.png; what is trained already is not trained again."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from content import of_logs
from data import Episodes, normalised
from dynamics import CONTEXT_LEVEL, Dynamics, rollout
from plot import curves
from train_dynamics import Latents, encoded
from world import load_normal, load_run, load_tokenizer

HERE = Path(__file__).parent
BASE = dict(width=128, blocks="mwmw", latent=32, cond_width=64)
VARIANTS = {
    "base": ({}, "4 experts, memory and window blocks in turn, keys and values of 32 numbers"),
    "dense": (dict(experts=1), "one feed-forward of the same size: as many FLOP a tick"),
    "window": (dict(blocks="wwww"), "no memory blocks"),
    "memory 3:1": (dict(blocks="mmmw"), "three memory blocks to a window block"),
    "full keys": (dict(latent=256), "keys and values of 256 numbers, of full rank: what all heads of multi-head attention keep"),
}
TICKS = 25


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder of shards")
    parser.add_argument("--tokenizer", required=True, help="output folder of train_tokenizer.py, or a world")
    parser.add_argument("--out", required=True, help="folder for the runs, the table and the curves")
    parser.add_argument("--steps", type=int, default=400, help="training steps of each")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--variants", nargs="+", choices=[name for name in VARIANTS if name != "base"], default=list(VARIANTS)[1:], help="beside the base; default all")
    parser.add_argument("--limit", type=int, default=60, help="read only so many shards, the last")
    parser.add_argument("--predictor-steps", type=int, default=4000, help="of the one predictor that all variants have")
    parser.add_argument("--bf16", action="store_true", help="autocast to bf16: faster where the machine computes in it")
    return parser.parse_args()


def page_bytes(config):
    """Of what is kept of a tick in the window, in fp32."""
    return 4 * config["blocks"].count("w") * config["tokens"] * (config["latent"] + 6 * len(config["rotary"]))


@torch.no_grad()
def open_loop(folder, held_out, normal):
    """The squared error of the dreamed latents, `[E, TICKS]`, of each held-out episode."""
    dynamics, _ = load_run(Dynamics, folder)
    start, target = torch.from_numpy(held_out.still[:, 0]).float(), torch.from_numpy(held_out.moving[:, :TICKS]).float()
    state = normalised(torch.from_numpy(held_out.split["state"][:, 0]).float(), normal)
    noise = torch.randn(target.shape, generator=torch.Generator().manual_seed(0))
    actions = torch.from_numpy(held_out.split["actions"][:, :TICKS])
    made, _ = rollout(dynamics, start, state, actions, noise, context_level=CONTEXT_LEVEL)
    return (made[:, 1:] - target).square().mean((2, 3)).numpy(), dynamics.config


def interval(loss, base, rng, resamples=4000):
    """95 % of the ratio of the means of `loss` and `base`, `[seeds, E]` each, over resampled seeds and episodes."""
    seeds, episodes = base.shape
    ratios = []
    for _ in range(resamples):
        at = rng.integers(seeds, size=seeds)[:, None], rng.integers(episodes, size=episodes)
        ratios.append(loss[at].mean() / base[at].mean())
    return np.quantile(ratios, [0.025, 0.975])


def main():
    args = parse()
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    shared, losses, configs = ("train.npz", "held_out.npz", "predictor.pt", "scores.pt"), {}, {}
    runs = [(name, seed) for seed in range(args.seeds) for name in ("base", *args.variants)]
    for i, (name, seed) in enumerate(runs):
        folder = out / f"{name.replace(' ', '-').replace(':', '-')}-{seed}"
        folder.mkdir(exist_ok=True)
        for file in shared:  # latents and what knows no pictures are made once
            if (out / file).exists() and not (folder / file).exists():
                (folder / file).symlink_to((out / file).resolve())
        print(f"{i + 1}/{len(runs)}: {name}, seed {seed}", flush=True)
        model = json.dumps({**BASE, **VARIANTS[name][0]})
        options = ["--data", args.data, "--tokenizer", args.tokenizer, "--out", str(folder), "--steps", args.steps, "--seed", seed]
        options += ["--limit", args.limit, "--predictor-steps", args.predictor_steps, "--model", model, *(["--bf16"] * args.bf16)]
        if subprocess.run([sys.executable, "-u", str(HERE / "train_dynamics.py"), *map(str, options)]).returncode:
            raise SystemExit(f"{name} failed: run the same command again")
        for file in shared:
            if not (out / file).exists():
                (folder / file).rename(out / file)

    episodes = Episodes(args.data, limit=args.limit)
    tokenizer = load_tokenizer(args.tokenizer)
    made_of = encoded(of_logs(args.data, args.limit), tokenizer)
    held_out = Latents(tokenizer, episodes.held_out, episodes.stride, "cpu", out / "held_out.npz", made_of)
    normal = load_normal(args.tokenizer)
    for name, seed in runs:
        error, configs[name] = open_loop(out / f"{name.replace(' ', '-').replace(':', '-')}-{seed}", held_out, normal)
        losses.setdefault(name, []).append(error)
    losses = {name: np.stack(each) for name, each in losses.items()}  # [seeds, E, TICKS]
    rng, rows = np.random.default_rng(0), []
    for name, loss in losses.items():
        over = loss.mean() / losses["base"].mean()
        low, high = interval(loss.mean(2), losses["base"].mean(2), rng)
        rows.append(dict(variant=name, what=VARIANTS[name][1], loss=float(loss.mean()), over=float(over), low=float(low), high=float(high), pageBytes=page_bytes(configs[name])))
    (out / "table.json").write_text(json.dumps(dict(steps=args.steps, seeds=args.seeds, rows=rows), indent=2) + "\n")
    lines = ["| variant | | loss | over base | bytes a page |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        ratio = "1" if row["variant"] == "base" else f"{row['over']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
        lines.append(f"| {row['variant']} | {row['what']} | {row['loss']:.4f} | {ratio} | {row['pageBytes']} |")
    (out / "table.md").write_text("\n".join(lines) + "\n")
    by_tick = [dict(step=n + 1, **{name: float(loss[..., n].mean()) for name, loss in losses.items()}) for n in range(TICKS)]
    curves(out / "curves.png", by_tick)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
