"""Reads numbers from one frame: where the robot and the things are."""

import torch
from torch import nn
from torch.nn import functional as F


NEAR = tuple(dict(stride=stride, channels=channels) for stride, channels in ((2, 32), (1, 48), (2, 64), (1, 64), (1, 64)))
FAR = tuple(dict(stride=stride, channels=channels) for stride, channels in ((2, 80), (2, 96)))


def convolutions(layers, channels, size):
    """3x3 convolutions on maps of so many channels, so large, and how many, and how large, come out."""
    made = nn.ModuleList()
    for layer in layers:
        made.append(nn.Conv2d(channels, layer["channels"], 3, layer["stride"], 1))
        channels, size = layer["channels"], size // layer["stride"]
    return made, channels, size


class Reader(nn.Module):
    """
    frame `[B, H, W, 3]` (0 to 255) -> numbers `[B, outputs]`, normalised, and the features behind it `[B, features]`.

    Some maps look for places: each is a softmax over the picture, and hands on where it looked and what was there
    (spatial soft-argmax: Levine et al., "End-to-End Training of Deep Visuomotor Policies", 2016). The others look at the
    whole. near, far: the convolutions that the maps look at, and those behind them that see the whole.
    """

    def __init__(self, size, outputs, near=NEAR, far=FAR, maps=12, whole=128, features=192):
        super().__init__()
        self.config = dict(near=list(near), far=list(far), maps=maps, whole=whole, features=features)
        self.near, seen, side = convolutions(near, 3, size)
        self.far, last, rest = convolutions(far, seen, side)
        self.whole = nn.Linear(last * rest**2, whole)
        self.maps = nn.Conv2d(seen, maps, 1)
        self.features = nn.Linear(maps * (seen + 2) + whole, features)
        self.head = nn.Linear(features, outputs)
        line = torch.linspace(-1, 1, side)
        self.register_buffer("grid", torch.stack([line.repeat(side), line.repeat_interleave(side)], 1), persistent=False)

    def forward(self, frame):
        return self.seen(frame.permute(0, 3, 1, 2).float().div(127.5).sub(1))

    def seen(self, x):
        """The same of a picture `[B, 3, H, W]` in [-1, 1]."""
        for layer in self.near:
            x = F.relu(layer(x))
        there = self.maps(x).flatten(2).softmax(-1) @ torch.cat([x.flatten(2).transpose(1, 2), self.grid.expand(len(x), -1, -1)], 2)
        for layer in self.far:
            x = F.relu(layer(x))
        features = F.relu(self.features(torch.cat([there.flatten(1), F.relu(self.whole(x.flatten(1)))], 1)))
        return self.head(features), features
