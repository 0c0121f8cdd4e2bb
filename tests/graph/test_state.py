"""The names and shapes of a state dict: as torch has them, in its order."""

import pytest

from resnet_check.equality.reference import reference_model
from resnet_check.graph.state import state
from resnet_check.read.static.reader import read
from resnet_check.reference import REFERENCES, build
from resnet_check.source import parse_source

LARGE = {"resnet-1202", "resnet-1202-b", "preresnet-1001"}
"""References that take seconds to build and add no kind of module."""

ODD = """
import torch
from torch import nn


class Part(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(4))
        self.register_buffer("kept", torch.zeros(2))
        self.register_buffer("gone", torch.zeros(2), persistent=False)
        self.register_buffer("none", None)
        self.norm = nn.BatchNorm2d(4, affine=False)

    def forward(self, x):
        return self.norm(x) * self.scale.view(1, -1, 1, 1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.first = Part()
        self.again = nn.Sequential(self.first, nn.ReLU(), Part())
        self.head = nn.Conv2d(4, 4, 1)
        self.head.weight = self.again[2].scale if False else nn.Parameter(torch.zeros(4, 4, 1, 1))
        self.tied = nn.Conv2d(4, 4, 1)
        self.tied.weight = self.head.weight

    def forward(self, x):
        return self.tied(self.head(self.again(self.first(self.conv(x)))))
"""


def shapes(module):
    return [(name, tuple(tensor.shape)) for name, tensor in module.state_dict().items()]


@pytest.mark.parametrize("name", sorted(set(REFERENCES) - LARGE))
def test_references(name):
    assert list(state(reference_model(name, None, None, None)).items()) == shapes(build(name))


def test_shared_modules_tied_weights_and_buffers_that_are_not_kept():
    space = {}
    exec(compile(ODD, "odd.py", "exec"), space)  # noqa: S102 - a text of this test
    (model,) = read(parse_source("odd.py", ODD.encode())).models
    assert list(state(model).items()) == shapes(space["Net"]())


def test_weights_of_unknown_shape():
    lazy = ODD.replace("nn.Conv2d(3, 4, 1)", "nn.Conv2d(int(open('n').read()), 4, 1)")
    assert all(state(model) is None for model in read(parse_source("odd.py", lazy.encode())).models)
