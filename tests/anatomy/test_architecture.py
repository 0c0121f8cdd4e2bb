"""Which ResNet a model is, read from its graph alone."""

from pathlib import Path

import pytest

from resnet_check.anatomy import anatomy
from resnet_check.anatomy.architecture import architecture
from resnet_check.papers.comparing import identify
from resnet_check.read.static.reader import read
from resnet_check.source import parse_source, read_source

MODELS = Path(__file__).parents[1] / "models"


def identities(text):
    reading = read(parse_source("model.py", text.encode()))
    return {model.name: identify(anatomy(model)) for model in reading.models}


def of_file(name):
    return {
        m.name: identify(anatomy(m)) for m in read(read_source(str(MODELS / name))).models if m.status == "complete"
    }


def test_the_blog_s_first_program_is_resnet_34_with_four_differences():
    found = of_file("blog_sequential.py")["net"]
    assert (found.depth, found.variant) == (34, "resnet-34")
    assert found.differences == (
        "the stem takes 1 channel instead of 3",
        "the projection has no norm",
        "the convolutions carry a bias",
        "the head gives 10 classes instead of 1000",
    )


@pytest.mark.parametrize(
    ("name", "depth", "variant"),
    [
        ("resnet18", 18, "resnet-18"),
        ("resnet34", 34, "resnet-34"),
        ("resnet50", 50, "resnet-50"),
        ("resnet101", 101, "resnet-101"),
        ("resnet152", 152, "resnet-152"),
        ("resnext50_32x4d", 50, "resnext-50-32x4d"),
        ("resnext101_32x8d", 101, "resnext-101-32x8d"),
        ("resnext101_64x4d", 101, "resnext-101-64x4d"),
        ("wide_resnet50_2", 50, "wrn-50-2"),
        ("wide_resnet101_2", 101, "wrn-101-2"),
    ],
)
def test_the_usual_networks_are_recognised(name, depth, variant):
    found = of_file("resnet_imagenet.py")[name]
    assert (found.depth, found.variant) == (depth, variant)
    placed = ("stride 2 is on the 3x3 convolution (v1.5), the paper puts it on the first 1x1",)
    assert found.differences == (placed if variant in {"resnet-50", "resnet-101", "resnet-152"} else ())


NETWORK = """
import torch
import torch.nn as nn
import torch.nn.functional as F


class Piece(nn.Module):
    def __init__(self, i, o, s):
        super().__init__()
        self.a = nn.Conv2d(i, o, 3, s, 1, bias=False)
        self.b = nn.BatchNorm2d(o)
        self.c = nn.Conv2d(o, o, 3, 1, 1, bias=False)
        self.d = nn.BatchNorm2d(o)
        self.e = nn.Sequential({side}) if s != 1 or i != o else nn.Sequential()

    def forward(self, x):
        y = self.d(self.c({act}(self.b(self.a(x)))))
        return F.relu(y + self.e(x))


class Thing(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Sequential(nn.Conv2d(3, 64, {stem}, bias=False), nn.BatchNorm2d(64), nn.ReLU(){pool})
        pieces, i = [], 64
        for o, n, s in {stages}:
            for k in range(n):
                pieces.append(Piece(i, o, s if k == 0 else 1))
                i = o
        self.two = nn.Sequential(*pieces)
        self.three = nn.Linear(i, 1000)

    def forward(self, x):
        return self.three(self.two(self.one(x)).mean((2, 3)))
"""

USUAL = {
    "side": "nn.Conv2d(i, o, 1, s, bias=False), nn.BatchNorm2d(o)",
    "act": "F.relu",
    "stem": "7, 2, 3",
    "pool": ", nn.MaxPool2d(3, 2, 1)",
    "stages": "((64, 2, 1), (128, 2, 2), (256, 2, 2), (512, 2, 2))",
}


@pytest.mark.parametrize(
    ("change", "differences"),
    [
        ({}, ()),
        ({"pool": ""}, ("no max pool follows the stem",)),
        ({"stem": "7, 2, 0"}, ("the stem's 7x7 convolution has padding 0 instead of 3",)),
        (
            {"pool": ", nn.MaxPool2d(2)"},
            ("the max pool is 2x2 with stride 2 and padding 0 instead of 3x3 with stride 2 and padding 1",),
        ),
        (
            {"stem": "3, 1, 1", "pool": ""},
            (
                "the stem is 3x3 with stride 1, 64 wide, without a pool instead of 7x7 with stride 2, 64 wide, and a pool",
            ),
        ),
        ({"side": "nn.Conv2d(i, o, 1, s, bias=False)"}, ("the projection has no norm",)),
        (
            {"side": "nn.AvgPool2d(s), nn.Conv2d(i, o, 1, bias=False), nn.BatchNorm2d(o)"},
            ("shortcuts that change the shape are pooled projection instead of projection",),
        ),
        ({"act": "F.silu"}, ("silu instead of ReLU",)),
        ({"stages": "((128, 2, 1), (128, 2, 2), (256, 2, 2), (512, 2, 2))"}, ("stage 1 is 128 wide instead of 64",)),
        ({"stages": "((64, 2, 1), (128, 2, 2), (256, 2, 1), (512, 2, 2))"}, ("stage 3 has stride 1 instead of 2",)),
        ({"stages": "((64, 2, 2), (128, 2, 2), (256, 2, 2), (512, 2, 2))"}, ("stage 1 has stride 2 instead of 1",)),
    ],
)
def test_each_difference_is_said_in_words(change, differences):
    found = identities(NETWORK.format(**USUAL | change))["Thing"]
    assert (found.depth, found.variant, found.differences) == (18, "resnet-18", differences)


def test_blocks_that_no_paper_has_are_no_variant():
    found = identities(NETWORK.format(**USUAL | {"stages": "((64, 2, 1), (128, 5, 2), (256, 2, 2), (512, 2, 2))"}))[
        "Thing"
    ]
    assert (found.depth, found.variant, found.differences) == (24, None, ())


def test_stages_are_read_whatever_the_names():
    (model,) = read(parse_source("model.py", NETWORK.format(**USUAL).encode())).models
    found = architecture(anatomy(model))
    assert [(len(s.units), s.wide, s.stride) for s in found.stages] == [
        (2, 64, 1),
        (2, 128, 2),
        (2, 256, 2),
        (2, 512, 2),
    ]
    assert {unit.kind for unit in found.units} == {"basic"}
    assert [unit.shortcut for unit in found.units[1:3]] == ["identity", "projection"]
    assert (found.stem.stride, found.head.classes, found.beside) == (4, 1000, 0)


def test_what_is_no_chain_of_blocks_has_no_architecture():
    text = """
import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = (nn.Conv2d(3, 3, 3, padding=1) for _ in range(3))

    def forward(self, x):
        return self.c(self.b(self.a(x)))
"""
    assert identities(text) == {"Net": None}
