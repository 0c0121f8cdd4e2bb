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
    "a forward that adds the dimension of the channels": (
        """
class Signal(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 4, 3)
    def forward(self, x):
        return self.conv(x.unsqueeze(1)).mean(2)
""",
        ("complete", 16, "(N, 4)"),
    ),
    "the same, with a tensor for it in the file": (
        """
class Volume(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(1, 4, 3)
    def forward(self, x):
        return self.conv(x[:, None])
def shape():
    return torch.randn(2, 8, 16, 16).shape
""",
        ("complete", 112, "(N, 4, D - 2, H - 2, W - 2)"),
    ),
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
    "a division that fails at one size": (
        """
class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 3, padding=1)
    def forward(self, x):
        size = x.size(2)
        return self.conv(x) * (0.1 * size / (size - 4) ** 2)
""",
        ("complete", 28, "(N, 1, H, W)"),
    ),
    "a metaclass that replaces the constructor": (
        """
class Early(type):
    def __new__(cls, name, bases, members):
        made = super().__new__(cls, name, bases, members)
        constructor = made.__init__
        def init(self, *args):
            nn.Module.__init__(self)
            constructor(self, *args)
        made.__init__ = init
        return made
class Net(nn.Module, metaclass=Early):
    def __init__(self):
        self.conv = nn.Conv2d(3, 1, 1)
    def forward(self, x):
        return self.conv(x)
""",
        ("complete", 4, "(N, 1, H, W)"),
    ),
    "a part that keeps the size of the image": (
        """
class Patches(nn.Module):
    def __init__(self, img_size):
        super().__init__()
        self.img_size = img_size
        self.conv = nn.Conv2d(3, 2, 16, 16)
    def forward(self, x):
        return self.conv(x).flatten(2)
class Net(nn.Module):
    def __init__(self, img_size=(64, 32)):
        super().__init__()
        self.patches = Patches(img_size)
        self.position = nn.Parameter(torch.zeros(1, 2, 8))
    def forward(self, x):
        return self.patches(x) + self.position
""",
        ("complete", 3 * 2 * 256 + 2 + 16, "(N, 2, 8)"),
    ),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_what_forward_gets(text: str, expected: tuple[Any, ...]) -> None:
    (model,) = models_of(text).values()
    assert (model.status, model.params, str(model.output)) == expected
    assert model.problems == []


def test_sizes_at_which_the_program_divides_by_zero() -> None:
    (model,) = models_of(CASES["a division that fails at one size"][0]).values()
    assert model.accepted == [(1, 3), (5, 1024)]


CALLED = """
class Signal(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 4, 3)
    def forward(self, x):
        return self.conv(x.unsqueeze(1))
net = Signal()
net(torch.randn(2, 1, 30))
"""


def test_a_tensor_of_too_many_dimensions_that_the_file_itself_gives() -> None:
    models = models_of(CALLED)
    assert models["net"].status == "failed"
    (problem,) = models["net"].problems
    assert (problem.kind, problem.facts["got"], problem.facts["expected"]) == ("wrong-rank", 4, "2 or 3")
