"""Writes a world from checkpoints, and is the one that writes world.json (docs/world-format.md):
python training/export.py --data data/train --tokenizer runs/tokenizer --dynamics runs/dynamics --out worlds/NAME"""

import argparse
import hashlib
import json
import re

import numpy as np
import torch

from data import Episodes, normalised, views
from dynamics import CONTEXT_LEVEL, Dynamics, rollout, stream_controls
from goldens import goldens
from naming import world_folder
from shards import write_safetensors
from uncertainty import Uncertainty
from world import load_normal, load_run, load_tokenizer, state_channel


def weights(model):
    return {k: v.half().numpy() for k, v in model.state_dict().items()}


def camel(sizes):
    """By world.json's names: mlp_ratio -> mlpRatio."""
    named = lambda key: re.sub(r"_([a-z])", lambda letter: letter[1].upper(), key)  # noqa: E731
    return {named(key): camel(value) if isinstance(value, dict) else value for key, value in sizes.items()}


def write_world(out, tokenizer, dynamics, uncertainty, starts, vectors, *, start_names, state, context_level, nfe=1, **said):
    """
    Writes a world into the folder `out`. starts: `frames` uint8 `[n, H, W, 3]` and `proprioception` `[n, P]`; vectors: its
    goldens; state: `channels` (`world.state_channel`), `low`, `high`, and `alike` if there are such; said: what else
    world.json says: `id`, `description`, `fps`, `action` (channels), `tasks`, `maxTicks`.
    """
    out.mkdir(parents=True, exist_ok=True)
    parts = {
        "tokenizer": weights(tokenizer),
        "dynamics": weights(dynamics),
        "uncertainty": {k: v.numpy() for k, v in uncertainty.state_dict().items()},
        "starts": starts,
        "goldens": vectors,
    }
    file = {name: f"{name}.safetensors" for name in parts}
    for name, arrays in parts.items():
        write_safetensors(out / file[name], arrays)
    t, d = tokenizer.config, dynamics.config
    of_dynamics = [key for key in d if key not in ("latent_channels", "stride", "action_size", "tasks", "proprioception", "environment", "views")]
    world = {
        "format": "worldstep.world.v3",
        **{key: said[key] for key in ("id", "description", "fps")},
        "stride": t["stride"],
        "cameras": [{"name": "camera", "height": t["size"], "width": t["size"]}],
        "action": {"low": -1, "high": 1, "channels": said["action"]},
        "state": {"proprioception": d["proprioception"], **state},
        **{key: said[key] for key in ("tasks", "maxTicks")},
        "determinism": "bitwise",
        "tokenizer": {"kind": "causal-conv", "file": file["tokenizer"], **camel({k: v for k, v in t.items() if k not in ("size", "stride", "state")})},
        "dynamics": {"kind": "block-causal-dit", "file": file["dynamics"], **camel({k: d[k] for k in of_dynamics}), "contextLevel": context_level},
        "uncertainty": {"file": file["uncertainty"], "levels": len(uncertainty.levels)},
        "sampler": {"kind": "flow-map", "nfe": {"min": 1, "max": 50, "default": nfe}, "noise": 1},
        "starts": {"file": file["starts"], "names": start_names},
        "goldens": {"file": file["goldens"]},
        "files": {name: described(out / name) for name in file.values()},
    }
    write_manifest(out, world)


def write_manifest(out, world):
    (out / "world.json").write_text(json.dumps(world, indent=2) + "\n")


def described(path):
    return {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


@torch.no_grad()
def fitted(tokenizer, dynamics, episodes, normal, context_level):
    """The uncertainty, fitted to the latents and controls of the logs and calibrated on dreams of the held-out ones."""

    def streams(split):
        """Latents `[E, T + 1, L, C]`, states `[E, T + 1, Q]` and action blocks `[E, T, s, A]`, from the first frame on."""
        latents = torch.stack([tokenizer.latents(torch.from_numpy(episodes.ticks(frames))) for frames in split["frames"]])
        states = normalised(torch.from_numpy(split["state"][:, :: episodes.stride]), normal)
        return latents, states, torch.from_numpy(split["actions"])

    latents, states, blocks = streams(episodes.train)
    told = stream_controls(blocks, states)
    uncertainty = Uncertainty(*latents.shape[2:], told.shape[2])
    uncertainty.fit(latents.flatten(0, 1), told.flatten(0, 1))
    latents, states, blocks = streams(episodes.held_out)
    noise = torch.randn(latents[:, 1:].shape, generator=torch.Generator().manual_seed(1))
    dreamed, (_, _, read) = rollout(dynamics, latents[:, 0], states[:, 0], blocks, noise, context_level=context_level)
    uncertainty.calibrate(list(zip(dreamed, stream_controls(blocks, read))))
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
    tokenizer = load_tokenizer(args.tokenizer)
    dynamics, normal = load_run(Dynamics, args.dynamics)[0], load_normal(args.tokenizer)
    episodes = Episodes(args.data, limit=args.limit)
    if views(episodes.names, episodes.alike) != dynamics.predictor.views.tolist():
        raise SystemExit(f"{args.dynamics} was trained with other things alike than {args.data} has")
    meta, c = episodes.meta, dynamics.config
    chosen = np.unique(np.linspace(0, len(episodes.train["frames"]) - 1, args.starts).astype(int))
    print("fitting the uncertainty", flush=True)
    uncertainty = fitted(tokenizer, dynamics, episodes, normal, args.context_level)
    clip, actions = episodes.held_out["frames"][0], episodes.held_out["actions"][0]
    ticks = 3
    frames = torch.from_numpy(clip[: 1 + ticks * meta["stride"]])
    noise = torch.randn(ticks, c["tokens"], c["latent_channels"], generator=torch.Generator().manual_seed(0))
    bounds = meta["observationSpace"]["spaces"]["proprioception"]
    write_world(
        out,
        tokenizer,
        dynamics,
        uncertainty,
        {name: episodes.train[name][chosen, 0] for name in ("frames", "proprioception")},
        goldens(tokenizer, dynamics, uncertainty, frames, torch.from_numpy(actions[:ticks]), noise, args.context_level),
        start_names=[f"start-{i:03d}" for i in range(len(chosen))],
        state={
            "low": bounds["low"],
            "high": bounds["high"],
            **({"alike": episodes.alike} if episodes.alike else {}),
            "channels": [state_channel(*numbers) for numbers in zip(episodes.names, *normal.tolist())],
        },
        context_level=args.context_level,
        nfe=args.nfe,
        id=out.name,
        description=args.description,
        fps=meta["fps"],
        action=meta["action"],
        tasks=["play", *meta["rewardTasks"]],
        maxTicks=60,
    )
    total = sum(path.stat().st_size for path in out.glob("*.safetensors"))
    print(f"wrote {out}: {total / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
