"""Reads the scene back from one frame. Trained on real frames only, it is the judge's ruler, and the eyes of scripted
policies: what it reads from a dreamed frame is what the dream shows."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

CUBES = ("red", "green", "blue")
OUTPUTS = (
    *("x", "y", "z", "yaw", "opening"),
    *(f"{cube}_{axis}" for cube in CUBES for axis in "xyz"),
    *(f"{cube}_{part}" for cube in CUBES for part in ("cos4yaw", "sin4yaw")),
    *(f"{place}_{axis}" for place in ("bin", "button", "goal") for axis in "xy"),
)


class Ruler(nn.Module):
    """
    frame `[B, H, W, 3]` uint8 -> the scene `[B, outputs]` and the features behind it `[B, features]`. The scene is in
    the order of `OUTPUTS`, in metres and radians; a cube looks the same after a quarter turn, so of its yaw it gives
    the cosine and sine of four times. mean and std, `[outputs]`, are the scene's own; whoever trains it sets them.

    Some maps look for places: each is a softmax over the picture, and hands on where it looked and what was there
    (spatial soft-argmax: Levine et al., "End-to-End Training of Deep Visuomotor Policies", 2016). The others look at the
    whole.
    """

    MAPS = 12

    def __init__(self, size=64, features=192):
        super().__init__()
        self.config = dict(size=size, features=features)
        self.register_buffer("mean", torch.zeros(len(OUTPUTS)))
        self.register_buffer("std", torch.ones(len(OUTPUTS)))
        conv = lambda a, b, stride: nn.Conv2d(a, b, 3, stride, 1)  # noqa: E731
        self.near = nn.ModuleList([conv(3, 32, 2), conv(32, 48, 1), conv(48, 64, 2), conv(64, 64, 1), conv(64, 64, 1)])
        self.far = nn.ModuleList([conv(64, 80, 2), conv(80, 96, 2)])
        self.whole = nn.Linear(96 * (size // 16) ** 2, 128)
        self.maps = nn.Conv2d(64, self.MAPS, 1)
        self.features = nn.Linear(self.MAPS * (64 + 2) + 128, features)
        self.head = nn.Linear(features, len(OUTPUTS))
        line = torch.linspace(-1, 1, size // 4)
        self.register_buffer("grid", torch.stack([line.repeat(size // 4), line.repeat_interleave(size // 4)], 1))

    def forward(self, frame):
        x = frame.permute(0, 3, 1, 2).float().div(127.5).sub(1)
        for layer in self.near:
            x = F.relu(layer(x))
        there = self.maps(x).flatten(2).softmax(-1) @ torch.cat([x.flatten(2).transpose(1, 2), self.grid.expand(len(x), -1, -1)], 2)
        for layer in self.far:
            x = F.relu(layer(x))
        features = F.relu(self.features(torch.cat([there.flatten(1), F.relu(self.whole(x.flatten(1)))], 1)))
        return self.head(features) * self.std + self.mean, features


def face_yaw(quaternions):
    """`[..., 4]` (w x y z) -> the yaw `[...]` of that horizontal axis of a cube's three that lies flattest."""
    w, x, y, z = np.moveaxis(quaternions, -1, 0)
    along = np.stack([1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)], -1)
    across = np.stack([2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)], -1)
    flattest = np.where(np.abs(along[..., 2:]) < np.abs(across[..., 2:]), along, across)
    return np.arctan2(flattest[..., 1], flattest[..., 0])


def scenes(episodes, i, frame):
    """What the ruler should read from `frame` of episode `i`, arrays `[n]`: `[n, outputs]` float32."""
    objects = episodes["objects"][i, frame]
    turns = 4 * face_yaw(objects[..., 3:])
    turned = np.stack([np.cos(turns), np.sin(turns)], -1)
    parts = (episodes["proprioception"][i, frame], objects[..., :3].reshape(len(i), -1), turned.reshape(len(i), -1), episodes["layout"][i])
    return torch.from_numpy(np.concatenate(parts, 1).astype(np.float32))
