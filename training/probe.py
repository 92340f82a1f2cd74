"""Reads the scene back from one frame. Trained on real frames only, it is the judge's probe, and the eyes of scripted
policies: what it reads from a dreamed frame is what the dream shows."""

import numpy as np
import torch

from reader import Reader

CUBES = ("red", "green", "blue")
OUTPUTS = (
    *("x", "y", "z", "yaw", "opening"),
    *(f"{cube}_{axis}" for cube in CUBES for axis in "xyz"),
    *(f"{cube}_{part}" for cube in CUBES for part in ("cos4yaw", "sin4yaw")),
    *(f"{place}_{axis}" for place in ("bin", "button", "goal") for axis in "xy"),
)


class Probe(Reader):
    """
    frame `[B, H, W, 3]` uint8 -> the scene `[B, outputs]` and the features behind it `[B, features]`. The scene is in
    the order of `OUTPUTS`, in metres and radians; a cube looks the same after a quarter turn, so of its yaw it gives
    the cosine and sine of four times. mean and std, `[outputs]`, are the scene's own; whoever trains it sets them.
    """

    def __init__(self, size=64, features=192):
        super().__init__(size, len(OUTPUTS), features=features)
        self.config = dict(size=size, features=features)
        self.register_buffer("mean", torch.zeros(len(OUTPUTS)))
        self.register_buffer("std", torch.ones(len(OUTPUTS)))

    def forward(self, frame):
        scene, features = super().forward(frame)
        return scene * self.std + self.mean, features


def scenes(episodes, i, frame):
    """What the probe should read from `frame` of episode `i`, arrays `[n]`: `[n, outputs]` float32."""
    return torch.from_numpy(np.concatenate([episodes[k][i, frame] for k in ("proprioception", "environmentState")], 1))
