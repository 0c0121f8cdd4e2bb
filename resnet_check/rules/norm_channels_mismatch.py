"""A normalisation layer gets another number of channels, or of dimensions, than it was built for.

## What it checks
Norms whose input has other channels than ``num_features``, such as ``BatchNorm2d(in_channels)`` behind the convolution that
turns them into ``out_channels``, and ``BatchNorm1d`` where images arrive. The finding is at the line that built the norm,
or at the call that passed it the wrong number.

## Why it matters
Torch raises ("running_mean should contain 64 elements not 32") from inside of its own files, at the line that called the
layer.

## Bad
    self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
    self.bn1 = nn.BatchNorm2d(c_in)

## Good
    self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
    self.bn1 = nn.BatchNorm2d(c_out)

## How to fix
Build the norm for the channels of the layer in front of it (before activation: of the block's input).

## Source
torch.nn.BatchNorm2d, documentation of `num_features`.
"""

from __future__ import annotations

from collections.abc import Iterator

from resnet_check.blame import findings
from resnet_check.finding import Finding
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC203", "norm-channels-mismatch", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report norms that get other channels than they take."""
    return findings(report, context)


NET = """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, c_in, c_out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.relu = nn.ReLU()
        self.shortcut = None
        if stride != 1 or c_in != c_out:
            self.shortcut = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        self.blocks = nn.Sequential(Block(16, 16), Block(16, 32, 2), Block(32, 64, 2))
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = self.blocks(torch.relu(self.bn(self.conv(x))))
        return self.fc(x.mean((2, 3)))
"""

MARK = "  # <- norm-channels-mismatch"

BAD = (
    NET.replace("self.bn1 = nn.BatchNorm2d(c_out)", f"self.bn1 = nn.BatchNorm2d(c_in){MARK}"),
    NET.replace("bias=False), nn.BatchNorm2d(c_out))", f"bias=False), nn.BatchNorm2d(c_in)){MARK}"),
    NET.replace("self.bn = nn.BatchNorm2d(16)", f"self.bn = nn.BatchNorm2d(64){MARK}"),
    NET.replace("self.bn2 = nn.BatchNorm2d(c_out)", f"self.bn2 = nn.BatchNorm1d(c_out){MARK}"),
)

GOOD = (
    NET,
    NET.replace("nn.BatchNorm2d", "nn.SyncBatchNorm"),
    NET.replace("self.bn2 = nn.BatchNorm2d(c_out)", "self.bn2 = nn.GroupNorm(8, c_out)"),
    # Before activation: the norm comes first and sees the block's input.
    NET.replace("self.bn1 = nn.BatchNorm2d(c_out)", "self.bn1 = nn.BatchNorm2d(c_in)")
    .replace("self.relu(self.bn1(self.conv1(x)))", "self.conv1(self.relu(self.bn1(x)))")
    .replace("self.bn2(self.conv2(y))", "self.conv2(self.relu(self.bn2(y)))")
    .replace(
        "return self.relu(y + (x if self.shortcut is None else self.shortcut(x)))",
        "return y + (x if self.shortcut is None else self.shortcut(x))",
    )
    .replace("self.fc = nn", "self.last = nn.BatchNorm2d(64)\n        self.fc = nn")
    .replace("self.fc(x.mean", "self.fc(torch.relu(self.last(x)).mean"),
)
