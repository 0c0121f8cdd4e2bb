"""What a model gets when nothing in its file calls it: an image, and nothing made up besides."""

from __future__ import annotations

from typing import Any

import pytest

from resnet_check.read.static.reader import read
from resnet_check.source import parse_source

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F
"""


def models_of(text: str) -> dict[str, Any]:
    return {m.name: m for m in read(parse_source("net.py", (HEAD + text).encode())).models}


CASES = {
    "a forward that is a static method": (
        """
class Swish(nn.Module):
    @staticmethod
    def forward(x):
        return x * torch.sigmoid(x)
""",
        ("complete", 0, "(N, 3, H, W)"),
    ),
    "no input": (
        """
class Table(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(5))
    def forward(self):
        return self.weight * 2
""",
        ("complete", 5, "(5,)"),
    ),
    "modules found by name through __getattr__": (
        """
class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.centre = nn.Conv2d(3, 1, 1)
    def forward(self, x):
        return [self.__getattr__(name)(x) for name in ["centre"]]
""",
        ("complete", 4, "[(N, 1, H, W)]"),
    ),
    "weights that are changed in place": (
        """
class Clamped(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 1)
    def forward(self, x):
        self.conv.weight.data.clamp_(-1, 1)
        return self.conv(x)
""",
        ("complete", 4, "(N, 1, H, W)"),
    ),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_what_forward_gets(text: str, expected: tuple[Any, ...]) -> None:
    (model,) = models_of(text).values()
    assert (model.status, model.params, str(model.output)) == expected
    assert model.problems == []
