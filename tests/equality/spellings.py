"""One small residual network in many spellings, and with many changes that matter; and the check of both by torch."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from resnet_check.equality.compare import Comparison, compare
from resnet_check.graph.records import Model
from resnet_check.read.static.reader import read
from resnet_check.source import parse_source

NETWORK = """\
import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(cout)
        self.drop = nn.Dropout(0.2)
        self.down = nn.Identity()
        if stride != 1 or cin != cout:
            self.down = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        s = self.down(x)
        y = y + s
        return F.relu(y)


class Padded(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.extra = cout - cin
        self.body = nn.Sequential(nn.Conv2d(cin, cout, 3, 2, 1), nn.BatchNorm2d(cout), nn.ReLU())

    def forward(self, x):
        s = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, self.extra))
        return self.body(x) + s


class Gate(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.one = nn.Linear(c, 2)
        self.two = nn.Linear(2, c)

    def forward(self, x):
        g = x.mean((2, 3))
        g = torch.sigmoid(self.two(F.relu(self.one(g))))
        return x * g[:, :, None, None]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 7, 2, 3, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.block1 = Block(4, 4)
        self.block2 = Block(4, 8, 2)
        self.block3 = Padded(8, 12)
        self.gate = Gate(12)
        self.fc = nn.Linear(12, 5)

    def forward(self, x):
        x = self.pool(F.relu(self.norm(self.stem(x))))
        x = self.block2(self.block1(x))
        x = self.gate(self.block3(x))
        x = F.adaptive_avg_pool2d(x, 1)
        x = torch.flatten(x, 1)
        return self.fc(x)
"""


class Change(NamedTuple):
    """A change of the text: ``old`` becomes ``new`` everywhere. ``words`` is a part of the sentence about it."""

    name: str
    old: str
    new: str
    words: str = ""


ACTIVATION = "y = F.relu(self.bn1(self.conv1(x)))"
SHORTCUT = "s = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, self.extra))"
POOLED = "x = F.adaptive_avg_pool2d(x, 1)\n        x = torch.flatten(x, 1)"
SECOND = "y = self.bn2(self.conv2(y))\n        s = self.down(x)"
CONV1 = "self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False)"
NORM1 = "        self.bn1 = nn.BatchNorm2d(cout)"
DOWN = "nn.Conv2d(cin, cout, 1, stride, bias=False)"
GATE = "g = x.mean((2, 3))"
GATED = "return x * g[:, :, None, None]"

SAME = (
    Change("names", "self.bn1", "self.first_norm"),
    Change("in place", ACTIVATION, "y = F.relu_(self.bn1(self.conv1(x)))"),
    Change("clamp", ACTIVATION, "y = self.bn1(self.conv1(x)).clamp(min=0)"),
    Change("twice rectified", ACTIVATION, "y = F.relu(F.relu(self.bn1(self.conv1(x))))"),
    Change("a flat slope", ACTIVATION, "y = F.leaky_relu(self.bn1(self.conv1(x)), 0.0)"),
    Change("threshold", ACTIVATION, "y = F.threshold(self.bn1(self.conv1(x)), 0, 0)"),
    Change("a layer", ACTIVATION, "y = nn.ReLU(inplace=True)(self.bn1(self.conv1(x)))"),
    Change(
        "function of a weight",
        "self.one(g)",
        "F.linear(g, self.one.weight, self.one.bias)",
    ),
    Change("dropout", SECOND, "y = self.drop(self.bn2(self.conv2(y)))\n        s = self.down(x)"),
    Change("order of branches", SECOND, "s = self.down(x)\n        y = self.bn2(self.conv2(y))"),
    Change("one and nothing", SECOND, "y = self.bn2(self.conv2(y)) * 1 + 0\n        s = self.down(x)"),
    Change("order of operands", "y = y + s", "y = s + y"),
    Change("sum in place", "y = y + s", "y += s"),
    Change("sum of a list", "y = y + s", "y = sum([y, s])"),
    Change("sum of a stack", "y = y + s", "y = torch.stack([y, s]).sum(0)"),
    Change("difference", "y = y + s", "y = y - (-1) * s"),
    Change("alpha", "y = y + s", "y = torch.add(y, s, alpha=1)"),
    Change(
        "padding as an operator",
        CONV1,
        "self.conv1 = nn.Sequential(nn.ZeroPad2d(1), nn.Conv2d(cin, cout, 3, stride, bias=False))",
    ),
    Change(
        "half of the padding",
        CONV1,
        CONV1.replace(
            "nn.Conv2d", "nn.Sequential(nn.ZeroPad2d((1, 0, 0, 1)), nn.ZeroPad2d((0, 1, 1, 0)), nn.Conv2d"
        ).replace(", 1, bias=False)", ", bias=False))"),
    ),
    Change("momentum", "self.bn2 = nn.BatchNorm2d(cout)", "self.bn2 = nn.BatchNorm2d(cout, momentum=0.5)"),
    Change(
        "same padding",
        "nn.Conv2d(cout, cout, 3, 1, 1, bias=False)",
        "nn.Conv2d(cout, cout, 3, padding='same', bias=False)",
    ),
    Change("values left out first", DOWN, "nn.AvgPool2d(1, stride), nn.Conv2d(cin, cout, 1, bias=False)"),
    Change("max of one value", DOWN, "nn.MaxPool2d(1, stride), nn.Conv2d(cin, cout, 1, bias=False)"),
    Change(
        "zeros behind",
        SHORTCUT,
        "s = x[:, :, ::2, ::2]\n        s = torch.cat([s, torch.zeros(s.size(0), self.extra, s.size(2), s.size(3))], 1)",
    ),
    Change("times zero", SHORTCUT, "s = F.avg_pool2d(x, 1, 2)\n        s = torch.cat((s, s[:, :self.extra] * 0), 1)"),
    Change("padded first", SHORTCUT, "s = F.pad(x, (0, 0, 0, 0, 0, self.extra))[:, :, ::2, ::2]"),
    Change("mean", POOLED, "x = x.mean([2, 3])"),
    Change("mean from behind", POOLED, "x = x.mean((-1, -2))"),
    Change("mean of means", POOLED, "x = x.mean(3).mean(2)"),
    Change("mean of rows", POOLED, "x = x.flatten(2).mean(-1)"),
    Change("view", POOLED, "x = F.adaptive_avg_pool2d(x, (1, 1))\n        x = x.view(x.size(0), -1)"),
    Change("squeeze", POOLED, "x = nn.AdaptiveAvgPool2d(1)(x).squeeze(-1).squeeze(-1)"),
    Change("pool of the map", POOLED, "x = F.avg_pool2d(x, x.shape[2:])\n        x = x.reshape(-1, 12)"),
    Change(
        "convolution of one pixel",
        "self.two = nn.Linear(2, c)",
        "self.two = nn.Sequential(nn.Unflatten(1, (2, 1, 1)), nn.Conv2d(2, c, 1), nn.Flatten())",
    ),
    Change(
        "convolutions of one pixel",
        "self.one = nn.Linear(c, 2)\n        self.two = nn.Linear(2, c)\n\n    def forward(self, x):\n        g = x.mean((2, 3))\n"
        "        g = torch.sigmoid(self.two(F.relu(self.one(g))))",
        "self.one = nn.Conv2d(c, 2, 1)\n        self.two = nn.Conv2d(2, c, 1)\n\n    def forward(self, x):\n"
        "        g = self.one(F.adaptive_avg_pool2d(x, 1))\n        g = torch.sigmoid(self.two(F.relu(g))).flatten(1)",
    ),
    Change("gate as a view", GATED, "return g.view(x.size(0), -1, 1, 1) * x"),
    Change("gate expanded", GATE, "g = F.adaptive_avg_pool2d(x, 1).view(-1, 12)"),
)
"""Spellings of the same function."""

DIFFERENT = (
    Change("missing ReLU", ACTIVATION, "y = self.bn1(self.conv1(x))", "a convolution, where the reference has a ReLU"),
    Change(
        "another activation",
        ACTIVATION,
        "y = F.leaky_relu(self.bn1(self.conv1(x)))",
        "a leaky ReLU, where the reference has a ReLU",
    ),
    Change("ReLU6", ACTIVATION, "y = F.relu6(self.bn1(self.conv1(x)))", "a ReLU6, where the reference has a ReLU"),
    Change(
        "ReLU before the sum",
        SECOND,
        "y = F.relu(self.bn2(self.conv2(y)))\n        s = self.down(x)",
        "a ReLU, where the reference has an addition",
    ),
    Change("ReLU on the shortcut", SECOND, "y = self.bn2(self.conv2(y))\n        s = F.relu(self.down(x) - 1)", ""),
    Change(
        "shortcut after ReLU",
        ACTIVATION,
        f"x = F.relu(self.bn1(self.conv1(x))) if isinstance(self.down, nn.Identity) else x\n        {ACTIVATION}",
        "",
    ),
    Change("shortcut of the branch", "y = y + s", "y = y + y", "an addition of"),
    Change(
        "no projection norm",
        f"nn.Sequential({DOWN}, nn.BatchNorm2d(cout))",
        DOWN,
        "an addition, where the reference has a batch norm",
    ),
    Change(
        "eps",
        "self.bn2 = nn.BatchNorm2d(cout)",
        "self.bn2 = nn.BatchNorm2d(cout, eps=1e-3)",
        "a batch norm with eps 0.001 instead of 1e-05",
    ),
    Change(
        "no scale",
        "self.bn2 = nn.BatchNorm2d(cout)",
        "self.bn2 = nn.BatchNorm2d(cout, affine=False)",
        "a batch norm with no scale and shift, which the reference has",
    ),
    Change(
        "ceil mode",
        "nn.MaxPool2d(3, 2, 1)",
        "nn.MaxPool2d(3, 2, 1, ceil_mode=True)",
        "a max pool with ceil_mode True instead of False",
    ),
    Change(
        "padded max pool", "nn.MaxPool2d(3, 2, 1)", "nn.Sequential(nn.ConstantPad2d(1, 1.0), nn.MaxPool2d(3, 2))", ""
    ),
    Change(
        "mean for max",
        "nn.MaxPool2d(3, 2, 1)",
        "nn.AvgPool2d(3, 2, 1)",
        "an average pool, where the reference has a max pool",
    ),
    Change(
        "stem stride",
        "nn.Conv2d(3, 4, 7, 2, 3, bias=False)",
        "nn.Conv2d(3, 4, 7, 1, 3, bias=False)",
        "a convolution with stride 1 instead of 2",
    ),
    Change(
        "stem padding",
        "nn.Conv2d(3, 4, 7, 2, 3, bias=False)",
        "nn.Conv2d(3, 4, 7, 2, 2, bias=False)",
        "a convolution with padding 2 instead of 3",
    ),
    Change(
        "stem kernel",
        "nn.Conv2d(3, 4, 7, 2, 3, bias=False)",
        "nn.Conv2d(3, 4, 5, 2, 2, bias=False)",
        "5x5 kernel instead of 7x7",
    ),
    Change(
        "bias",
        "nn.Conv2d(3, 4, 7, 2, 3, bias=False)",
        "nn.Conv2d(3, 4, 7, 2, 3)",
        "a convolution with bias, which the reference has not",
    ),
    Change(
        "dilation",
        "nn.Conv2d(cout, cout, 3, 1, 1, bias=False)",
        "nn.Conv2d(cout, cout, 3, 1, 2, 2, bias=False)",
        "dilation 2 instead of 1",
    ),
    Change(
        "groups",
        "nn.Conv2d(cout, cout, 3, 1, 1, bias=False)",
        "nn.Conv2d(cout, cout, 3, 1, 1, groups=2, bias=False)",
        "groups 2 instead of 1",
    ),
    Change(
        "edges repeated",
        "nn.Conv2d(cout, cout, 3, 1, 1, bias=False)",
        "nn.Conv2d(cout, cout, 3, 1, 1, bias=False, padding_mode='replicate')",
        "mode replicate instead of zeros",
    ),
    Change(
        "stride elsewhere",
        f"{CONV1}\n{NORM1}\n        self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False)",
        CONV1.replace("stride", "1")
        + f"\n{NORM1}\n        self.conv2 = nn.Conv2d(cout, cout, 3, stride, 1, bias=False)",
        "a convolution with stride 1 instead of 2",
    ),
    Change(
        "tied weights",
        "self.bn2 = nn.BatchNorm2d(cout)",
        "self.bn2 = nn.BatchNorm2d(cout)\n        self.bn2.weight = self.bn1.weight",
        "uses the weights of line",
    ),
    Change("one block twice", "x = self.block2(self.block1(x))", "x = self.block2(self.block1(self.block1(x)))", ""),
    Change(
        "zeros in front",
        SHORTCUT,
        "s = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.extra, 0))",
        "a padding with zeros with widths",
    ),
    Change(
        "values of other rows",
        SHORTCUT,
        "s = F.pad(x[:, :, 1::2, ::2], (0, 0, 0, 1, 0, self.extra))[:, :, :x.size(2) // 2]",
        "",
    ),
    Change("weighted sum", "y = y + s", "y = torch.add(y, s, alpha=2)", ""),
    Change(
        "max over the map",
        POOLED,
        "x = x.amax((2, 3))",
        "the maximum over the map, where the reference has the mean over the map",
    ),
    Change(
        "softmax",
        "return self.fc(x)",
        "return F.softmax(self.fc(x), 1)",
        "`softmax`, where the reference has the output",
    ),
    Change("sum over the map", POOLED, "x = x.sum([2, 3])", "`sum`, where the reference has the mean over the map"),
    Change("classes", "nn.Linear(12, 5)", "nn.Linear(12, 6)", "a linear layer with 6 outputs instead of 5"),
)
"""Changes after which another function is computed."""


def changed(*changes: Change) -> str:
    """Return the network's text after some changes."""
    text = NETWORK
    for change in changes:
        assert change.old in text, change.name
        text = text.replace(change.old, change.new)
    return text


def model(text: str, name: str = "Net") -> Model:
    """Return the model of a text."""
    found = read(parse_source("net.py", text.encode())).models
    (one,) = [m for m in found if m.name == name]
    assert one.status == "complete", [*map(str, one.unknown), one.problems]
    return one


def compared(text: str, reference: str) -> Comparison:
    """Compare the models of two texts."""
    return compare(model(text), model(reference))


def live(text: str, seed: int = 0, name: str = "Net") -> torch.nn.Module:
    """Build a network with random weights and statistics, in doubles and in eval mode."""
    scope: dict[str, Any] = {"__name__": "net"}
    exec(compile(text, "net.py", "exec"), scope)  # noqa: S102 - the text is this test's own
    net: torch.nn.Module = scope[name]().double().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, tensor in net.state_dict().items():
            if tensor.is_floating_point():
                low = 0.5 if key.endswith("running_var") else -0.5
                tensor.copy_(torch.rand(tensor.shape, generator=generator, dtype=torch.float64) + low)
    return net


def outputs(net: torch.nn.Module, size: int, channels: int = 3, scale: float = 1) -> torch.Tensor:
    """Return what a network makes of a random batch of two images."""
    generator = torch.Generator().manual_seed(size)
    with torch.no_grad():
        images = scale * torch.randn(2, channels, size, size, generator=generator, dtype=torch.float64)
        found: torch.Tensor = net(images)
    return found


def transplanted(
    text: str, reference: str, found: Comparison, name: str = "Net"
) -> tuple[torch.nn.Module, torch.nn.Module]:
    """Build both networks; the second gets the weights of the first by the map that comparing gave."""
    ours, theirs = live(text, 1, name), live(reference, 2, name)
    mine, others = ours.state_dict(), theirs.state_dict()
    with torch.no_grad():
        for path, other in found.weights.items():
            others[other].copy_(mine[path].reshape(others[other].shape))
    return ours, theirs
