"""The branch of a block and its shortcut give different shapes, so they cannot be added.

## What it checks
Sums (and concatenations) of tensors whose sizes do not fit. The finding is at the place that has to change: the condition
that leaves a projection out, the projection with another stride, kernel or padding than the branch, the convolution whose
padding was forgotten, the call that did not pass the projection on. That a change there mends every block is proven by
reading the changed file again; where no single change does, the finding is at the addition.

## Why it matters
Torch raises at the first such block, and its traceback ends at the addition, which is rarely what is wrong.

## Bad
    if c_in != c_out:
        self.shortcut = nn.Conv2d(c_in, c_out, 1, stride, bias=False)

## Good
    if stride != 1 or c_in != c_out:
        self.shortcut = nn.Conv2d(c_in, c_out, 1, stride, bias=False)

## How to fix
Let the shortcut do to the shape what the branch does: the same channels, the same stride, and no loss at the border.

## Source
He et al., Deep Residual Learning for Image Recognition, 2016, section 3.2, equation 2.
"""

from __future__ import annotations

from collections.abc import Iterator

from resnet_check.blame import findings
from resnet_check.finding import Finding
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC201", "shortcut-shape-mismatch", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report sums whose operands do not fit."""
    return findings(report, context)


NET = """
import torch
from torch import nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, c_in, c_out, stride=1, dilation=1):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride=stride, padding=dilation, dilation=dilation, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.shortcut = nn.Sequential()
        if stride != 1 or c_in != c_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(c_in, c_out, 1, stride=stride, bias=False),
                nn.BatchNorm2d(c_out),
            )

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        y = y + self.shortcut(x)
        return F.relu(y)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        self.stages = nn.Sequential(
            Block(16, 16, 2), Block(16, 16), Block(16, 32, 2), Block(32, 32), Block(32, 64, 1), Block(64, 64, 1, 2)
        )
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = self.stages(F.relu(self.bn(self.conv(x))))
        return self.fc(x.mean((2, 3)))
"""

MARK = "  # <- shortcut-shape-mismatch"


def _with(old: str, new: str) -> str:
    return NET.replace(old, new)


CONDITION = "if stride != 1 or c_in != c_out:"
PROJECTION = "nn.Conv2d(c_in, c_out, 1, stride=stride, bias=False),"
SECOND = "self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)"
DILATED = "padding=dilation, dilation=dilation, bias=False)"
TABLE = "Block(32, 64, 1), Block(64, 64, 1, 2)\n"

PADDED = NET.replace(
    "            self.shortcut = nn.Sequential(\n"
    "                nn.Conv2d(c_in, c_out, 1, stride=stride, bias=False),\n"
    "                nn.BatchNorm2d(c_out),\n"
    "            )\n",
    "            self.shortcut = Pad(c_out - c_in, stride)\n",
).replace(
    "class Block",
    """class Pad(nn.Module):
    def __init__(self, extra, stride):
        super().__init__()
        self.extra, self.stride = extra, stride

    def forward(self, x):
        x = x[:, :, :: self.stride, :: self.stride]
        return F.pad(x, (0, 0, 0, 0, 0, self.extra))


class Block""",
)

BAD = (
    _with(CONDITION, f"if c_in != c_out:{MARK}"),
    _with(CONDITION, f"if stride != 1 and c_in != c_out:{MARK}"),
    _with(CONDITION, f"if stride != 1:{MARK}"),
    _with(PROJECTION, f"nn.Conv2d(c_in, c_out, 1, bias=False),{MARK}"),
    _with(PROJECTION, f"nn.Conv2d(c_in, c_out, 3, stride=stride, bias=False),{MARK}"),
    _with(PROJECTION, f"nn.Conv2d(c_in, c_out, 1, stride=stride, padding=1, bias=False),{MARK}"),
    _with(SECOND, f"self.conv2 = nn.Conv2d(c_out, c_out, 3, bias=False){MARK}"),
    _with(DILATED, f"padding=1, dilation=dilation, bias=False){MARK}"),
    # A block on its own: its first convolution says what the input has, and so does the sum.
    f"""
from torch import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(64, 64, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(64)

    def forward(self, x):
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += x{MARK}
        return self.relu(out)
""",
    PADDED.replace("(0, 0, 0, 0, 0, self.extra))", f"(0, 0, 0, self.extra)){MARK}"),
    # One convolution is called twice, and halves the map twice.
    f"""
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, c_in, c_out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.shortcut = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.conv2(self.bn2(self.conv2(y))){MARK}
        return torch.relu(y + self.shortcut(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.body = nn.Sequential(Block(16, 32, 2), Block(32, 64, 2))
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        return self.fc(self.body(self.stem(x)).mean((2, 3)))
""",
)

GOOD = (
    NET,
    PADDED,
    # The branch loses a border, and the shortcut is cropped to fit.
    _with(SECOND, SECOND.replace(", padding=1", "")).replace(
        "y = y + self.shortcut(x)", "y = y + self.shortcut(x)[:, :, 1:-1, 1:-1]"
    ),
    # The stride is a pool's, on both sides.
    _with("stride=stride, padding=dilation", "padding=dilation")
    .replace("self.bn2(self.conv2(y))", "self.bn2(self.conv2(self.pool(y)))")
    .replace(PROJECTION, "nn.AvgPool2d(stride, stride), nn.Conv2d(c_in, c_out, 1, bias=False),")
    .replace(
        "self.shortcut = nn.Sequential()",
        "self.shortcut = nn.Sequential()\n        self.pool = nn.AvgPool2d(stride, stride)",
    ),
    # A block whose numbers are only defaults, which nobody may use.
    """
from torch import nn


class Block(nn.Module):
    def __init__(self, c_in=3, c_out=64, downsample=None):
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(c_out)
        self.downsample = downsample

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        return self.bn(self.conv(x)) + identity
""",
    # One image added to a whole batch: sizes of one are meant to spread.
    _with("x = self.stages(", "x = x + torch.zeros(1, 3, 1, 1)\n        x = self.stages("),
)
