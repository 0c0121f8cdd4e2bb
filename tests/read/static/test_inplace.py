"""One memory under several names, the numbers that parameters start with, and where gradients are switched off."""

from __future__ import annotations

import pytest

from resnet_check.read.static.reader import read
from resnet_check.source import parse_source

FILE = """
import torch
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)
        self.relu = nn.ReLU(inplace=True)
        self.same = nn.Identity()
        {init}

    {decorator}
    def part(self, x):
        return self.norm(x)

    def forward(self, x):
        x = self.conv(x)
        {forward}
"""


def model(*, init="pass", forward="return self.part(x)", decorator="# plain"):
    text = FILE.format(init=init, forward=forward, decorator=decorator)
    (found,) = read(parse_source("model.py", text.encode())).models
    assert found.status == "complete", found.unknown
    return found


@pytest.mark.parametrize(
    "forward",
    [
        "return x + self.norm(self.relu(x))",
        "y = self.relu(x); return self.norm(y) + x",
        "y = x; return self.norm(F.relu(x, inplace=True)) + y",
        "y = self.same(x); return self.norm(self.relu(x)) + y",
        "y = self.relu(self.same(x)); return self.norm(y) + x",
        "y = self.relu(x); return self.norm(y) + F.avg_pool2d(x, 1)",
    ],
)
def test_the_older_name_of_an_overwritten_tensor_is_told_apart(forward):
    assert [p.kind for p in model(forward=forward).problems] == ["inplace-changes-identity"]


@pytest.mark.parametrize(
    "forward",
    [
        "x = self.relu(x); return self.norm(x) + x",
        "self.relu(x); return self.norm(x) + x",
        "return self.norm(F.relu(x)) + x",
        "y = x.clone(); return self.norm(self.relu(x)) + y",
        "return self.norm(self.relu(x)) + self.norm(x.clone()) if x is None else self.norm(self.relu(x * 1)) + x",
        "y = self.relu(x); return torch.cat([self.norm(y), x], 1)",
    ],
)
def test_what_is_meant_is_not(forward):
    assert model(forward=forward).problems == []


@pytest.mark.parametrize(
    ("init", "number"),
    [
        ("nn.init.zeros_(self.norm.weight)", 0.0),
        ("nn.init.constant_(self.norm.weight, val=0.5)", 0.5),
        ("self.norm.weight.data.fill_(2)", 2.0),
        ("self.norm.weight.data = torch.zeros(3)", 0.0),
        ("self.norm.weight = nn.Parameter(torch.ones(3))", 1.0),
        ("nn.init.zeros_(self.norm.weight); nn.init.ones_(self.norm.weight)", 1.0),
        ("nn.init.zeros_(self.norm.weight); nn.init.uniform_(self.norm.weight)", None),
        ("self.norm.weight.data[0].zero_()", None),
        ("pass", None),
    ],
)
def test_the_number_that_fills_a_parameter(init, number):
    found = {m.path: m.initial for m in model(init=init).modules}["norm"]
    assert found.get("weight", (None,))[0] == number


def test_frozen_parameters():
    found = {m.path: m.frozen for m in model(init="self.norm.bias.requires_grad = False").modules}
    assert found == {"": (), "conv": (), "norm": ("bias",), "relu": (), "same": ()}


@pytest.mark.parametrize(
    ("change", "without"),
    [
        ({}, set()),
        ({"decorator": "@torch.no_grad()"}, {"batch_norm"}),
        ({"decorator": "@torch.inference_mode"}, {"batch_norm"}),
        ({"forward": "torch.set_grad_enabled(False); return self.part(x)"}, {"batch_norm"}),
        ({"forward": "with torch.no_grad(), torch.enable_grad(): return self.part(x)"}, set()),
        ({"forward": "with torch.set_grad_enabled(self.training): return self.part(x)"}, {"batch_norm"}),
    ],
)
def test_where_gradients_are_off(change, without):
    assert {op.kind for op in model(**change).ops if op.attributes.get("no_grad")} == without
