"""Reads trained models from disk, in fp32: those of a world, or of a training script's output folder."""

import json
from pathlib import Path

import torch

from data import views
from dynamics import Dynamics
from shards import parse_safetensors
from tokenizer import Tokenizer


def load_run(kind, folder):
    """The model of class `kind` with its averaged weights, and the checkpoint that a training script left in `folder`."""
    saved = torch.load(Path(folder) / "checkpoint.pt", map_location="cpu")
    return filled(kind(**saved["config"]), saved["trainer"]["ema"]), saved


def load_tokenizer(folder):
    """The tokenizer of a world, or of an output folder of train_tokenizer.py."""
    folder = Path(folder)
    if not (folder / "world.json").exists():
        return load_run(Tokenizer, folder)[0]
    world = json.loads((folder / "world.json").read_text())
    t = world["tokenizer"]
    reading = len(world["proprioception"]["names"]) + environment_size(world)
    model = Tokenizer(world["frame"]["height"], world["stride"], t["latentChannels"], tuple(t["widths"]), reading, t.get("appearance", 0))
    return filled(model, arrays(folder / t["file"]))


def load_normal(folder):
    """
    The mean and the standard deviation `[2, Q]` by which readings are normalised for the tokenizer of a world, or of an
    output folder of train_tokenizer.py. What is trained on its latents, and from its weights, reads in the same units,
    whatever logs it is trained on.
    """
    folder = Path(folder)
    if not (folder / "world.json").exists():
        return torch.tensor(torch.load(folder / "checkpoint.pt", map_location="cpu")["normal"])
    world = json.loads((folder / "world.json").read_text())
    parts = [world["proprioception"], world.get("environmentState", {"mean": [], "std": []})]
    return torch.tensor([[x for part in parts for x in part[name]] for name in ("mean", "std")])


def load_dynamics(folder):
    """The dynamics of a world, or of an output folder of train_dynamics.py."""
    folder = Path(folder)
    if not (folder / "world.json").exists():
        return load_run(Dynamics, folder)[0]
    world = json.loads((folder / "world.json").read_text())
    d, state = world["dynamics"], world.get("environmentState", {"names": []})
    model = Dynamics(
        tokens=d["tokens"],
        latent_channels=world["tokenizer"]["latentChannels"],
        stride=world["stride"],
        action_size=len(world["action"].get("channels") or world["action"]["names"]),
        tasks=len(world["tasks"]) - 1,
        proprioception=len(world["proprioception"]["names"]),
        environment=environment_size(world),
        width=d["width"],
        blocks=d["blocks"],
        heads=d["heads"],
        latent=d["latent"],
        experts=d["experts"],
        mlp_ratio=d["mlpRatio"],
        cond_width=d["condWidth"],
        window=d["window"],
        chunk=d["chunk"],
        views=views(world["proprioception"]["names"] + state["names"], state.get("alike", [])),
        **({"waves": d["waves"]} if "waves" in d else {}),
    )
    return filled(model, arrays(folder / d["file"]))


def environment_size(world):
    """How many numbers the environment's state has in this world.json; 0 where the logs had none."""
    return len(world.get("environmentState", {"names": []})["names"])


def arrays(path):
    return {name: torch.from_numpy(array.copy()).float() for name, array in parse_safetensors(path.read_bytes())[0].items()}


def filled(model, weights):
    model.load_state_dict(weights)
    return model.eval()
