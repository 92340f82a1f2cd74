"""Writes a world from checkpoints:
python training/export.py --data data/train --tokenizer runs/tokenizer --dynamics runs/dynamics --out worlds/NAME"""

import argparse
import hashlib
import json

import numpy as np
import torch

from data import Episodes, normalised, views
from dynamics import CONTEXT_LEVEL, Dynamics, rollout, stream_rows
from goldens import goldens
from naming import world_folder
from shards import write_safetensors
from uncertainty import Uncertainty
from world import load_normal, load_run, load_tokenizer


def weights(model):
    return {k: v.half().numpy() for k, v in model.state_dict().items()}


@torch.no_grad()
def fitted(tokenizer, dynamics, episodes, normal, context_level):
    """The uncertainty, fitted to the latents and rows of the logs and calibrated on dreams of the held-out ones."""

    def streams(split):
        """Latents `[E, T + 1, L, C]`, readings `[E, T + 1, Q]` and action blocks `[E, T, s, A]`, from the first frame on."""
        latents = torch.stack([tokenizer.latents(torch.from_numpy(episodes.ticks(frames))) for frames in split["frames"]])
        readings = normalised(torch.from_numpy(split["reading"][:, :: episodes.stride]), normal)
        return latents, readings, torch.from_numpy(split["actions"])

    latents, readings, blocks = streams(episodes.train)
    told = stream_rows(blocks, readings)
    uncertainty = Uncertainty(*latents.shape[2:], told.shape[2])
    uncertainty.fit(latents.flatten(0, 1), told.flatten(0, 1))
    latents, readings, blocks = streams(episodes.held_out)
    noise = torch.randn(latents[:, 1:].shape, generator=torch.Generator().manual_seed(1))
    dreamed, (_, _, read) = rollout(dynamics, latents[:, 0], readings[:, 0], blocks, noise, context_level=context_level)
    uncertainty.calibrate(list(zip(dreamed, stream_rows(blocks, read))))
    return uncertainty


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="folder of shards from `npm run generate`")
    parser.add_argument("--tokenizer", required=True, help="output folder of train_tokenizer.py, or a world")
    parser.add_argument("--dynamics", required=True, help="output folder of train_dynamics.py")
    parser.add_argument("--out", type=world_folder, required=True, help="folder of the world, named as it is")
    parser.add_argument("--description", default="A tabletop with an arm, three cubes, a bin and a button")
    parser.add_argument("--limit", type=int, default=24, help="read only so many shards, the last; the uncertainty is fitted to these")
    parser.add_argument("--starts", type=int, default=128, help="start states, from the first frames of training episodes: a policy that is trained in the world meets no others")
    parser.add_argument("--context-level", type=float, default=CONTEXT_LEVEL, help="noise level that the context is said to have")
    parser.add_argument("--nfe", type=int, default=1, help="default denoiser evaluations a tick")
    args = parser.parse_args()
    out = args.out
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = load_tokenizer(args.tokenizer)
    dynamics, normal = load_run(Dynamics, args.dynamics)[0], load_normal(args.tokenizer)
    episodes = Episodes(args.data, limit=args.limit)
    if views(episodes.names, episodes.alike) != dynamics.reckoning.views.tolist():
        raise SystemExit(f"{args.dynamics} was trained with other things alike than {args.data} has")
    meta, size, c = episodes.meta, tokenizer.size, dynamics.config
    chosen = np.unique(np.linspace(0, len(episodes.train["frames"]) - 1, args.starts).astype(int))
    write_safetensors(out / "tokenizer.safetensors", weights(tokenizer))
    write_safetensors(out / "dynamics.safetensors", weights(dynamics))
    starts = {name: episodes.train[name][chosen, 0] for name in ("frames", "proprioception")}
    write_safetensors(out / "starts.safetensors", starts)
    print("fitting the uncertainty", flush=True)
    uncertainty = fitted(tokenizer, dynamics, episodes, normal, args.context_level)
    write_safetensors(out / "uncertainty.safetensors", {k: v.numpy() for k, v in uncertainty.state_dict().items()})
    clip, actions = episodes.held_out["frames"][0], episodes.held_out["actions"][0]
    ticks = 3
    frames = torch.from_numpy(clip[: 1 + ticks * meta["stride"]])
    noise = torch.randn(ticks, c["tokens"], c["latent_channels"], generator=torch.Generator().manual_seed(0))
    vectors = goldens(tokenizer, dynamics, uncertainty, frames, torch.from_numpy(actions[:ticks]), noise, args.context_level)
    write_safetensors(out / "goldens.safetensors", vectors)
    (mean, std), p = normal.tolist(), len(meta["proprioception"])
    alike = {"alike": episodes.alike} if episodes.alike else {}
    bounds = meta["observationSpace"]["spaces"]["proprioception"]
    world = {
        "format": "worldstep.world.v2",
        "id": out.name,
        "description": args.description,
        "fps": meta["fps"],
        "stride": meta["stride"],
        "frame": {"height": size, "width": size},
        "action": {"low": -1, "high": 1, "channels": meta["action"]},
        "proprioception": {"names": meta["proprioception"], "mean": mean[:p], "std": std[:p], "low": bounds["low"], "high": bounds["high"]},
        **({"environmentState": {"names": meta["environmentState"], "mean": mean[p:], "std": std[p:], **alike}} if len(mean) > p else {}),
        "tasks": ["play", *meta["rewardTasks"]],
        "maxTicks": 60,
        "tokenizer": {
            "kind": "causal-conv",
            "file": "tokenizer.safetensors",
            "latentChannels": tokenizer.latent_channels,
            "widths": tokenizer.config["widths"],
            "appearance": tokenizer.config["appearance"],
        },
        "dynamics": {
            "kind": "block-causal-dit",
            "file": "dynamics.safetensors",
            "tokens": c["tokens"],
            "width": c["width"],
            "blocks": c["blocks"],
            "heads": c["heads"],
            "latent": c["latent"],
            "experts": c["experts"],
            "mlpRatio": c["mlp_ratio"],
            "condWidth": c["cond_width"],
            "waves": dynamics.reckoning.wave.out_features,
            "window": c["window"],
            "chunk": c["chunk"],
            "contextLevel": args.context_level,
        },
        "uncertainty": {"file": "uncertainty.safetensors"},
        "sampler": {"kind": "flow-map", "nfe": {"min": 1, "max": 50, "default": args.nfe}, "noise": 1},
        "starts": {"file": "starts.safetensors", "names": [f"start-{i:03d}" for i in range(len(chosen))]},
        "goldens": {"file": "goldens.safetensors"},
    }
    world["files"] = {
        path.name: {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in sorted(out.glob("*.safetensors"))
    }
    (out / "world.json").write_text(json.dumps(world, indent=2) + "\n")
    total = sum(entry["bytes"] for entry in world["files"].values())
    print(f"wrote {out}: {total / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
