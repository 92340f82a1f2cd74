"""The tabletop through a probe: small features in place of pixels, one row of actions in place of a block, training's seeds.

The features are those of domains/tabletop/src/policies/features.ts, without its constant 1. Needs onnxruntime.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Optional

import gymnasium
import numpy as np
import onnxruntime
from gymnasium import spaces
from gymnasium.wrappers import TransformAction, TransformObservation

# A probe for each size of frames: probe-64.onnx, probe-128.onnx.
PROBES = Path(__file__).parents[3] / "domains" / "tabletop" / "policies"

# Of the button, m.
BUTTON_HEIGHT = 0.032
# A feature of 1 is 5 cm.
PER_METRE = 20

# Where things are in what the probe reads (training/probe.py, OUTPUTS).
RED, BLUE = slice(5, 8), slice(11, 14)
BIN, BUTTON, GOAL = slice(20, 22), slice(22, 24), slice(24, 26)

HALF_RANGE = 2**30


class Probe:
    """The network in an ONNX file that reads the scene, float32 [26], m and rad, from a frame, uint8 [H, W, 3]."""

    def __init__(self, file: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # it is small, and so the same bits whatever else runs
        self._network = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

    def read(self, frame: np.ndarray) -> np.ndarray:
        [[scene]] = self._network.run(["scene"], {"frame": frame[None]})
        return scene


@functools.cache
def probe_for(size: int, folder: Path = PROBES) -> Probe:
    """The one in `folder` that reads frames of `size` pixels along each side. Raises `FileNotFoundError`."""
    file = folder / f"probe-{size}.onnx"
    if not file.is_file():
        raise FileNotFoundError(f"no file {file}: for frames of {size} x {size} pixels a probe is to be trained (docs/training.md)")
    return Probe(file)


def features_of(task: str, scene: np.ndarray, proprioception: np.ndarray) -> np.ndarray:
    """The vectors that matter for `task`, and where things are grasped the opening of the hand, float32 [F], in 5 cm."""
    tip, opening = proprioception[:3], proprioception[4:5]
    red = scene[RED]
    lengths = {
        "reach": [[*scene[BUTTON], BUTTON_HEIGHT] - tip],
        "push": [red - tip, scene[GOAL] - red[:2]],
        "pick-place": [red - tip, scene[BIN] - red[:2], opening],
        "stack": [red - tip, scene[BLUE] - red, opening],
    }[task]
    return (PER_METRE * np.concatenate(lengths)).astype(np.float32)


class TrainingSeeds(gymnasium.Wrapper):
    """Episodes of even seeds only: the odd ones are held out (sdk/src/seeds.ts)."""

    def __init__(self, env: gymnasium.Env) -> None:
        super().__init__(env)
        self._rng = np.random.default_rng(0)

    def reset(self, *, seed: Optional[int] = None, options: Optional[dict[str, Any]] = None) -> tuple[Any, dict[str, Any]]:
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        return self.env.reset(seed=2 * int(self._rng.integers(HALF_RANGE)), options=options)


def held_out_seed(seed: int, i: int) -> int:
    """Reset seed of held-out episode `i` of `seed`: odd."""
    return 2 * ((seed * 1_000_000 + i) % HALF_RANGE) + 1


def through_probe(env: gymnasium.Env, task: str, probes: Path = PROBES) -> gymnasium.Env:
    """`env`, seen through the one of `probes` for its frames, with features, float32 [F], as observations, and a row of actions, float32 [A], that a tick repeats."""
    probe = probe_for(env.observation_space["frames"].shape[1], probes)
    stride, size = env.action_space.shape
    count = len(features_of(task, np.zeros(26, np.float32), np.zeros(5, np.float32)))
    rows = TransformAction(env, lambda row: np.tile(row, (stride, 1)), spaces.Box(-1, 1, (size,), np.float32))
    return TransformObservation(
        rows,
        lambda shown: features_of(task, probe.read(shown["frames"][-1]), shown["proprioception"]),
        spaces.Box(-np.inf, np.inf, (count,), np.float32),
    )
