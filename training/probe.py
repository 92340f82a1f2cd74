"""Reads the scene's state back from one frame. Trained on real frames only, it is the judge's ruler: what it reads from
a dreamed frame is what the dream shows."""

import torch
from torch import nn
from torch.nn import functional as F


class Probe(nn.Module):
    """
    frame `[B, H, W, 3]` uint8 -> the normalised state `[B, outputs]` and the features behind it `[B, features]`.
    Outputs are in the order of `OUTPUTS`; mean and std (metres, radians) make them so.
    """

    OUTPUTS = ("x", "y", "z", "yaw", "opening", *(f"{cube}_{axis}" for cube in ("red", "green", "blue") for axis in "xyz"))

    def __init__(self, size=64, widths=(20, 40, 72, 88), features=96):
        super().__init__()
        self.config = dict(size=size, widths=list(widths), features=features)
        channels = (3, *widths)
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in zip(channels, channels[1:]))
        self.features = nn.Linear(widths[-1] * (size // 16) ** 2, features)
        self.head = nn.Linear(features, len(self.OUTPUTS))

    def forward(self, frame):
        x = frame.permute(0, 3, 1, 2).float().div(127.5).sub(1)
        for conv in self.convs:
            x = F.relu(conv(x))
        features = F.relu(self.features(x.flatten(1)))
        return self.head(features), features


def targets(episodes, i, frame):
    """Tip pose, opening and cube positions of frames, `[n, outputs]`."""
    pose = episodes["proprioception"][i, frame]
    return torch.from_numpy(pose), torch.from_numpy(episodes["objects"][i, frame][..., :3].reshape(len(pose), -1))
