"""Reads trained models from disk, in fp32: those of a world, or of a training script's output folder."""

import json
import math
import re
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
    if not is_world(folder):
        return load_run(Tokenizer, folder)[0]
    world = read_manifest(folder)
    (camera,) = world["cameras"]
    sizes = snake(world["tokenizer"], but=("kind", "file"))
    model = Tokenizer(size=camera["height"], stride=world["stride"], state=len(world["state"]["channels"]), **sizes)
    return filled(model, arrays(folder / world["tokenizer"]["file"]))


def load_normal(folder):
    """
    The mean and the standard deviation `[2, Q]` by which states are normalised for the tokenizer of a world, or of an
    output folder of train_tokenizer.py. What is trained on its latents, and from its weights, has states in the same units,
    whatever logs it is trained on.
    """
    folder = Path(folder)
    if not is_world(folder):
        return torch.tensor(torch.load(folder / "checkpoint.pt", map_location="cpu")["normal"])
    channels = read_manifest(folder)["state"]["channels"]
    return torch.tensor([[channel[key] for channel in channels] for key in ("mean", "std")])


def load_dynamics(folder):
    """The dynamics of a world, or of an output folder of train_dynamics.py."""
    folder = Path(folder)
    if not is_world(folder):
        return load_run(Dynamics, folder)[0]
    world = read_manifest(folder)
    state = world["state"]
    model = Dynamics(
        latent_channels=world["tokenizer"]["latentChannels"],
        stride=world["stride"],
        action_size=len(world["action"]["channels"]),
        tasks=len(world["tasks"]) - 1,
        proprioception=state["proprioception"],
        environment=len(state["channels"]) - state["proprioception"],
        views=views([channel["name"] for channel in state["channels"]], state.get("alike", [])),
        **snake(world["dynamics"], but=("kind", "file", "contextLevel")),
    )
    return filled(model, arrays(folder / world["dynamics"]["file"]))


def is_world(folder):
    return (Path(folder) / "world.json").exists()


def read_manifest(folder):
    """world.json as worlds are written today (docs/world-format.md), whenever this one was."""
    return upgraded(json.loads((Path(folder) / "world.json").read_text()))


def snake(sizes, but=()):
    """Of world.json, by Python's names: mlpRatio -> mlp_ratio; without the keys `but`."""
    named = lambda key: re.sub(r"[A-Z]", lambda letter: "_" + letter[0].lower(), key)  # noqa: E731
    return {named(key): snake(value) if isinstance(value, dict) else value for key, value in sizes.items() if key not in but}


def arrays(path):
    """The tensors of a world's file by the names that they have today."""
    found = parse_safetensors(path.read_bytes())[0]
    return {tensor_name(name): torch.from_numpy(array.copy()).float() for name, array in found.items()}


def filled(model, weights):
    model.load_state_dict(weights)
    return model.eval()


def upgraded(world):
    """An older world.json in the shape of today's: engine/src/world/upgrade.ts in Python."""
    if world["format"] == "worldstep.world.v3":
        return world
    if world["format"] != "worldstep.world.v2":
        raise SystemExit(f"a world of format {world['format']} is not read: v3 and v2 are")
    rest = {key: value for key, value in world.items() if key not in ("frame", "action", "proprioception", "environmentState", "tokenizer", "dynamics", "uncertainty")}
    robot, things = world["proprioception"], world.get("environmentState", dict(names=[], mean=[], std=[]))
    alike = {"alike": things["alike"]} if "alike" in things else {}
    channels = [state_channel(*numbers) for part in (robot, things) for numbers in zip(part["names"], part["mean"], part["std"])]
    dynamics = {key: value for key, value in world["dynamics"].items() if key != "waves"}
    predictor = dict(width=512, features=world["dynamics"].get("waves", 256), change=4, deadband=0.004)
    # What was typed into the programs, and world.json did not say.
    layers = lambda *sizes: [dict(stride=stride, channels=channels) for stride, channels in sizes]  # noqa: E731
    octaves = lambda first, count: [first * 2**i for i in range(count)]  # noqa: E731
    reader = dict(near=layers((2, 32), (1, 48), (2, 64), (1, 64), (1, 64)), far=layers((2, 80), (2, 96)), maps=12, whole=128, features=192)
    renderer = dict(width=256, points=32, hidden=96, channels=24, stateFrequencies=octaves(math.pi / 4, 5), placeFrequencies=octaves(math.pi / 2, 6))
    return {
        **rest,
        "format": "worldstep.world.v3",
        "cameras": [dict(name="camera", **world["frame"])],
        "action": action(world["action"]),
        "state": dict(channels=channels, proprioception=len(robot["names"]), low=robot["low"], high=robot["high"], **alike),
        "determinism": "bitwise",
        "tokenizer": {"kept": 32, "appearance": 0, "reader": reader, "renderer": renderer, **world["tokenizer"]},
        "dynamics": {
            **dynamics,
            "rotary": [1, 0.5, 0.25, 0.125],
            "levels": dict(size=64, radians=20),
            "stateFrequencies": octaves(math.pi / 4, 5),
            "spot": 32,
            "router": dict(width=64),
            "readout": dict(maps=12, deadband=0.01),
            "predictor": predictor,
            "scores": dict(width=256),
        },
        **({"uncertainty": dict(world["uncertainty"], levels=65)} if "uncertainty" in world else {}),
    }


def state_channel(label, mean, std):
    """Of a label with its unit in brackets, as logs have them: `red x (m)`. Those who read the channel see it again."""
    found = re.fullmatch(r"(.*\S) \(([^()]+)\)", label)
    name, unit = (found[1], {"unit": found[2]}) if found else (label, {})
    return dict(name=name, **unit, mean=mean, std=std)


def action(space):
    """Channels were names alone; what they mean the engine finds out, here they are only counted."""
    return dict(low=space["low"], high=space["high"], channels=space.get("channels") or [dict(name=name) for name in space["names"]])


def tensor_name(name):
    """What a tensor of a world's files is called today; most have kept their names."""
    for older, newer in (
        (r"^reckoning\.wave", "predictor.fourier"),
        (r"^reckoning\.", "predictor."),
        (r"^sketch\.", "renderer."),
        (r"^decoder\.sketch", "decoder.rendered"),
        (r"^reading_out\.", "state_out."),
        (r"^row_", "control_"),
        (r"\.reading$", ".state"),  # of goldens
    ):
        name = re.sub(older, newer, name)
    return name
