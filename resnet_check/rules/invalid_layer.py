"""Torch refuses to build a layer: channels that are no integers, or that the groups do not divide.

## What it checks
The arguments of layers and functions of torch: a float where a number of channels belongs (``/`` for ``//``), channels
that are no multiple of ``groups``, sizes that are negative or too many. The finding is at the line where the number goes
wrong, which is often a call or two away from the layer.

## Why it matters
Torch raises while the model is built, from the constructor of the layer.

## Bad
    blocks = [Bottleneck(c_in, c_out / 4, c_out)]

## Good
    blocks = [Bottleneck(c_in, c_out // 4, c_out)]

## How to fix
Divide with ``//``; choose channels and groups that divide.

## Source
torch.nn.Conv2d, documentation of `groups`.
"""

from __future__ import annotations

from collections.abc import Iterator

from resnet_check.blame import findings
from resnet_check.finding import Finding
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC208", "invalid-layer", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report layers that torch refuses."""
    return findings(report, context)


NET = """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, channels, width, groups=8):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        return torch.relu(x + self.bn3(self.conv3(y)))


class Net(nn.Module):
    def __init__(self, channels=64):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU())
        self.blocks = nn.Sequential(
            Block(channels, channels // 2),
            Block(channels, channels // 4),
        )
        self.fc = nn.Linear(channels, 10)

    def forward(self, x):
        return self.fc(self.blocks(self.stem(x)).mean((2, 3)))
"""

MARK = "  # <- invalid-layer"

BAD = (
    NET.replace("Block(channels, channels // 4),", f"Block(channels, channels / 4),{MARK}"),
    NET.replace("Block(channels, channels // 4),", f"Block(channels, channels // 4, 5),{MARK}"),
    # A padding of 1.5, in the layer that the image meets first.
    NET.replace(
        "        self.stem = nn.Sequential(nn.Conv2d(3, channels, 3, padding=1, bias=False), ",
        f"        stem = nn.Conv2d(3, channels, 3, padding=3 / 2, bias=False){MARK}\n        self.stem = nn.Sequential(stem, ",
    ),
)

GOOD = (
    NET,
    NET.replace("channels // 4", "int(channels / 4)"),
    NET.replace("channels // 4", "channels // 4, channels // 4"),
)
