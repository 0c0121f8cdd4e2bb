"""What the code of published packages does around its layers, read as torch builds it."""

from __future__ import annotations

from typing import Any

import pytest

from resnet_check.read.static.reader import read
from resnet_check.source import parse_source

HEAD = """
import os, re
import math
import torch
from torch import nn
from torch.nn import functional as F
"""


def models_of(text: str) -> dict[str, Any]:
    return {m.name: m for m in read(parse_source("net.py", (HEAD + text).encode())).models}


EXACT = {
    "a subclass of torch's private base has the base's parameters and takes any rank": (
        """
from torch.nn.modules.batchnorm import _BatchNorm
class Norm(_BatchNorm):
    def __init__(self, features):
        super().__init__(features, eps=1e-3, affine=True)
    def _check_input_dim(self, x):
        pass
    def forward(self, x):
        return F.relu(super().forward(x))
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = Norm(8)
    def forward(self, x):
        return self.norm(self.conv(x))
""",
        3 * 8 * 9 + 8 + 16,
        "(N, 8, H, W)",
    ),
    "the fans of a weight are two numbers": (
        """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, (1, 2))
        fan_in, fan_out = nn.init._calculate_fan_in_and_fan_out(self.conv.weight)
        self.more = nn.Conv2d(4, fan_in + fan_out, 1, bias=False)
    def forward(self, x):
        return self.more(self.conv(x))
""",
        3 * 4 * 2 + 4 + 4 * (6 + 8),
        "(N, 14, H, W - 1)",
    ),
    "what a library has decides an alternative": (
        """
HAS_SILU = "silu" in dir(torch.nn.functional)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4 if HAS_SILU else 5, 1)
    def forward(self, x):
        return self.conv(x)
""",
        16,
        "(N, 4, H, W)",
    ),
    "architectures written as texts": (
        """
WORD = re.compile("c([0-9]+)")
def decode(text):
    found = {}
    for part in text.split("_")[1:]:
        pieces = re.split(r"(\\d.*)", part)
        found[pieces[0]] = pieces[1]
    return int(found["r"]), int(WORD.search(text).group(1)), re.sub(r"_.*", "", text)
class Net(nn.Module):
    def __init__(self, factor=1.5):
        super().__init__()
        repeats, channels, kind = decode("ir_r2_k3_c24")
        layers = [nn.Conv2d(3, channels, 1)]
        for _ in range(max(1, round(repeats * factor))):
            layers.append(nn.Conv2d(channels, channels, 1, bias=kind == "ir"))
        self.body = nn.Sequential(*layers)
    def forward(self, x):
        return self.body(x)
""",
        3 * 24 + 24 + 3 * (24 * 24 + 24),
        "(N, 24, H, W)",
    ),
    "a metaclass that is not read may call the base's constructor; enumerations of a text": (
        """
from enum import Enum
from elsewhere import Before
Kind = Enum("Kind", "Batch Weight")
class Module(nn.Module, metaclass=Before):
    pass
class Net(Module):
    def __init__(self, kind=Kind.Batch):
        self.conv = nn.Conv2d(3, 4, 1)
        self.norm = nn.BatchNorm2d(4) if kind == Kind.Batch else nn.Identity()
    def forward(self, x):
        return self.norm(self.conv(x))
""",
        16 + 8,
        "(N, 4, H, W)",
    ),
    "a forward that needs no self": (
        """
class Act(nn.Module):
    @staticmethod
    def forward(x):
        return x * torch.sigmoid(x)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.act = nn.Conv2d(3, 4, 1), Act()
    def forward(self, x):
        return self.act(self.conv(x))
""",
        16,
        "(N, 4, H, W)",
    ),
}


@pytest.mark.parametrize(("text", "params", "output"), EXACT.values(), ids=EXACT)
def test_exact(text: str, params: int, output: str) -> None:
    model = models_of(text)["Net"]
    assert (model.status, model.unknown, model.problems) == ("complete", [], [])
    assert model.params == params
    assert str(model.output) == output


UNKNOWN = {
    "an unknown function called for its effect may set attributes": """
from elsewhere import store
class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        store("width")
        self.conv = nn.Conv2d(3, self.width, 1)
    def forward(self, x):
        return self.conv(x)
""",
    "a layer with an unknown number of features has a weight all the same": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(int(os.environ["FEATURES"]), 10)
        nn.init.normal_(self.head.weight, 0, 0.01)
        self.scale = math.sqrt(self.head.in_features)
    def forward(self, x):
        return self.head(x)
""",
    "a pattern that could take for ever": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, len(re.split("(a+)+$", "a" * 40 + "b")), 1)
    def forward(self, x):
        return self.conv(x)
""",
}


@pytest.mark.parametrize("text", UNKNOWN.values(), ids=UNKNOWN)
def test_unknown_is_no_mistake(text: str) -> None:
    model = models_of(text)["Net"]
    assert (model.status, model.problems) == ("partial", [])
    assert model.params is None
