"""Reads numbers from one frame: where the robot and the things are."""

import torch
from torch import nn
from torch.nn import functional as F


class Reader(nn.Module):
    """
    frame `[B, H, W, 3]` (0 to 255) -> a reading `[B, outputs]`, normalised, and the features behind it `[B, features]`.

    Some maps look for places: each is a softmax over the picture, and hands on where it looked and what was there
    (spatial soft-argmax: Levine et al., "End-to-End Training of Deep Visuomotor Policies", 2016). The others look at the
    whole.
    """

    MAPS = 12

    def __init__(self, size, outputs, features=192):
        super().__init__()
        conv = lambda a, b, stride: nn.Conv2d(a, b, 3, stride, 1)  # noqa: E731
        self.near = nn.ModuleList([conv(3, 32, 2), conv(32, 48, 1), conv(48, 64, 2), conv(64, 64, 1), conv(64, 64, 1)])
        self.far = nn.ModuleList([conv(64, 80, 2), conv(80, 96, 2)])
        self.whole = nn.Linear(96 * (size // 16) ** 2, 128)
        self.maps = nn.Conv2d(64, self.MAPS, 1)
        self.features = nn.Linear(self.MAPS * (64 + 2) + 128, features)
        self.head = nn.Linear(features, outputs)
        line = torch.linspace(-1, 1, size // 4)
        self.register_buffer("grid", torch.stack([line.repeat(size // 4), line.repeat_interleave(size // 4)], 1), persistent=False)

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
