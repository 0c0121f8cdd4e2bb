"""Nothing is left for a layer: its kernel is larger than what reaches it.

## What it checks
Convolutions and pools whose kernel does not fit into their padded input at the size that the file itself uses (a tensor
that it builds, else the usual size of such networks). A pool with a fixed kernel at the end is `fixed-input-size`.

## Why it matters
Torch raises "Kernel size can't be greater than actual input size" at this layer; mostly an earlier layer reduces too much.

## Bad
    x = torch.randn(1, 3, 32, 32)        # four pools later 2x2 are left
    self.conv = nn.Conv2d(64, 64, 3)     # which needs 3x3

## Good
    self.conv = nn.Conv2d(64, 64, 3, padding=1)

## How to fix
Pad, take a smaller kernel, or leave out a layer that reduces the size.

## Source
torch.nn.Conv2d and torch.nn.MaxPool2d, section "Shape".
"""

from __future__ import annotations

from collections.abc import Iterator

from resnet_check.blame import findings
from resnet_check.finding import Finding
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC207", "empty-output", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report kernels that do not fit into their input."""
    return findings(report, context)


NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(4),
            nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(4),
        )
        self.last = nn.Conv2d(32, 64, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(64)
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = self.features(x)
        x = torch.relu(self.bn(self.last(x)))
        return self.fc(x.mean((2, 3)))


if __name__ == "__main__":
    print(Net()(torch.randn(1, 3, 32, 32)).shape)
"""

MARK = "  # <- empty-output"

BAD = (
    NET.replace("nn.Conv2d(32, 64, 3, padding=1, bias=False)", f"nn.Conv2d(32, 64, 3, bias=False){MARK}"),
    NET.replace("nn.Conv2d(32, 64, 3, padding=1, bias=False)", f"nn.Conv2d(32, 64, 5, padding=1, bias=False){MARK}"),
)

GOOD = (
    NET,
    NET.replace("nn.Conv2d(32, 64, 3, padding=1, bias=False)", "nn.Conv2d(32, 64, 2, bias=False)"),
    # Only smaller images than the file's own would leave nothing.
    NET.replace("nn.Conv2d(32, 64, 3, padding=1, bias=False)", "nn.Conv2d(32, 64, 3, bias=False)").replace(
        "32, 32)", "64, 64)"
    ),
)
