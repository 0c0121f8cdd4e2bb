"""A convolution gets another number of channels than it was built for.

## What it checks
Convolutions whose input has other channels than ``in_channels``. The number is followed to where it went wrong: the
block that was built with its stage's input width, the ``self.inplanes`` that nobody updated, reset or left without the
expansion, two arguments that changed places, a concatenation where a sum was meant. That a change there mends the network
is proven by reading the changed file again. Also a first convolution that takes other channels than the file says its
images have.

## Why it matters
Torch raises at the first such layer, and its traceback names the line that called it, not the line that built it wrongly.

## Bad
    layers = [block(self.inplanes, planes, stride)]
    for _ in range(1, blocks):
        layers.append(block(self.inplanes, planes))

## Good
    layers = [block(self.inplanes, planes, stride)]
    self.inplanes = planes * block.expansion
    for _ in range(1, blocks):
        layers.append(block(self.inplanes, planes))

## How to fix
Pass on the channels that really arrive, at the line that the finding names.

## Source
torch.nn.Conv2d, documentation of `in_channels`.
"""

from __future__ import annotations

from collections.abc import Iterator

from resnet_check.blame import findings
from resnet_check.finding import Finding
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC202", "conv-channels-mismatch", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report convolutions that get other channels than they take."""
    yield from findings(report, context)
    if context.models:
        from resnet_check.blame.stem import wrong_stems

        yield from wrong_stems(report, context)


NET = """
import torch
from torch import nn


class Block(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1, downsample=None):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, planes * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(planes * self.expansion)
        self.relu = nn.ReLU()
        self.downsample = downsample

    def forward(self, x):
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        return self.relu(out + identity)


class Net(nn.Module):
    def __init__(self, block=Block):
        super().__init__()
        self.in_planes = 16
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        self.layer1 = self._make_layer(block, 16, 2)
        self.layer2 = self._make_layer(block, 32, 3, stride=2)
        self.layer3 = self._make_layer(block, 64, 2, stride=2)
        self.fc = nn.Linear(64 * block.expansion, 10)

    def _make_layer(self, block, planes, blocks, stride=1):
        downsample = None
        if stride != 1 or self.in_planes != planes * block.expansion:
            downsample = nn.Sequential(
                nn.Conv2d(self.in_planes, planes * block.expansion, 1, stride, bias=False),
                nn.BatchNorm2d(planes * block.expansion),
            )
        layers = [block(self.in_planes, planes, stride, downsample)]
        self.in_planes = planes * block.expansion
        for _ in range(1, blocks):
            layers.append(block(self.in_planes, planes))
        return nn.Sequential(*layers)

    def forward(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)))
"""

MARK = "  # <- conv-channels-mismatch"
UPDATE = "        self.in_planes = planes * block.expansion\n"
FIRST = "layers = [block(self.in_planes, planes, stride, downsample)]"
THIRD = "self.conv3 = nn.Conv2d(planes, planes * self.expansion, 1, bias=False)"

JOINED = """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return torch.relu(x + y)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.blocks = nn.Sequential(Block(16), Block(16))
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        return self.fc(self.blocks(self.stem(x)).mean((2, 3)))
"""

BAD = (
    # Two arguments changed places: what fails is a layer that was built for the right ones.
    """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        return torch.relu(x + self.conv(x))


def stage(width, blocks, out):
    return nn.Sequential(nn.Conv2d(width, out, 3, 2, 1), *[Block(out) for _ in range(blocks)])


class Pyramid(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 2, 1)
        self.layer1 = stage(16, 4, 32)
        self.layer2 = stage(16, 64, 3)  # <- conv-channels-mismatch
        self.lateral = nn.Conv2d(64, 8, 1)
        self.smooth = nn.Conv2d(32, 8, 1)

    def forward(self, x):
        x = self.stem(x)
        return self.smooth(self.layer1(x)) + self.lateral(self.layer2(x))
""",
    NET.replace(UPDATE, "").replace(FIRST, f"{FIRST}{MARK}"),
    NET.replace(UPDATE, f"        self.in_planes = planes{MARK}\n"),
    NET.replace(
        "        downsample = None\n        if",
        f"        self.in_planes = 16{MARK}\n        downsample = None\n        if",
    ),
    NET.replace(UPDATE, "        first = self.in_planes\n" + UPDATE).replace(
        "layers.append(block(self.in_planes, planes))", f"layers.append(block(first, planes)){MARK}"
    ),
    NET.replace(THIRD, f"self.conv3 = nn.Conv2d(planes * self.expansion, planes, 1, bias=False){MARK}"),
    NET.replace(THIRD, f"self.conv3 = nn.Conv2d(in_planes, planes * self.expansion, 1, bias=False){MARK}"),
    JOINED.replace("return torch.relu(x + y)", f"return torch.relu(torch.cat([x, y], 1)){MARK}"),
    JOINED.replace("nn.Conv2d(3, 16", "nn.Conv2d(1, 16").replace("nn.ReLU())\n", f"nn.ReLU()){MARK}\n")
    + '\n\nif __name__ == "__main__":\n    print(Net()(torch.randn(2, 3, 32, 32)).shape)\n',
)

GOOD = (
    NET,
    JOINED,
    JOINED.replace("nn.Conv2d(3, 16", "nn.Conv2d(1, 16"),
    # A concatenation that the next layer knows about.
    JOINED.replace("return torch.relu(x + y)", "return torch.relu(torch.cat([x, y], 1))")
    .replace("Block(16), Block(16)", "Block(16), Block(32)")
    .replace("nn.Linear(16", "nn.Linear(64"),
    # A part that only makes sense between others: what it gets is not known.
    JOINED + "\n\nclass Fusion(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    "        self.a = nn.Conv2d(16, 8, 1)\n        self.b = nn.Conv2d(32, 8, 1)\n\n"
    "    def forward(self, xs):\n        return self.a(xs[0]) + self.b(xs[1])\n",
)
