"""A linear layer gets another number of features than it was built for.

## What it checks
Linear layers whose input has another last size than ``in_features``: a wrong number, the block's expansion forgotten, the
flatten forgotten, an adaptive pool that leaves more than one position. The finding is at the line that has to change.

## Why it matters
Torch raises "mat1 and mat2 shapes cannot be multiplied" at the call of the layer, after every layer before it has run.

## Bad
    self.fc = nn.Linear(512, num_classes)  # behind bottlenecks

## Good
    self.fc = nn.Linear(512 * block.expansion, num_classes)

## How to fix
Build the layer for the features that arrive: the channels of the last stage once the positions are pooled to one.

## Source
torch.nn.Linear, documentation of `in_features`.
"""

from __future__ import annotations

from collections.abc import Iterator

from resnet_check.blame import findings
from resnet_check.finding import Finding
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC204", "linear-features-mismatch", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report linear layers that get other features than they take."""
    return findings(report, context)


NET = """
import torch
from torch import nn


class Block(nn.Module):
    expansion = 4

    def __init__(self, c_in, width):
        super().__init__()
        c_out = width * self.expansion
        self.conv1 = nn.Conv2d(c_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, c_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(c_out)
        self.shortcut = nn.Sequential(nn.Conv2d(c_in, c_out, 1, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return torch.relu(y + self.shortcut(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.block = Block(16, 32)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(32 * Block.expansion, 10)

    def forward(self, x):
        x = self.block(self.stem(x))
        x = torch.flatten(self.pool(x), 1)
        return self.fc(x)
"""

MARK = "  # <- linear-features-mismatch"

BAD = (
    NET.replace("nn.Linear(32 * Block.expansion, 10)", f"nn.Linear(32, 10){MARK}"),
    NET.replace("nn.Linear(32 * Block.expansion, 10)", f"nn.Linear(100, 10){MARK}"),
    NET.replace("nn.AdaptiveAvgPool2d(1)", f"nn.AdaptiveAvgPool2d(2){MARK}"),
    NET.replace("torch.flatten(self.pool(x), 1)", "self.pool(x)").replace(
        "return self.fc(x)", f"return self.fc(x){MARK}"
    ),
)

GOOD = (
    NET,
    NET.replace("nn.AdaptiveAvgPool2d(1)", "nn.AdaptiveAvgPool2d(2)").replace(
        "32 * Block.expansion, 10", "32 * Block.expansion * 4, 10"
    ),
    NET.replace("torch.flatten(self.pool(x), 1)", "x.mean((2, 3))").replace(
        "        self.pool = nn.AdaptiveAvgPool2d(1)\n", ""
    ),
    # The linear layer works on the channels of every position.
    NET.replace("torch.flatten(self.pool(x), 1)", "self.pool(x).permute(0, 2, 3, 1)"),
)
