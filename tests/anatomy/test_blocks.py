"""Residual blocks are found by what they compute, whatever their names."""

import pytest

from resnet_check.anatomy import anatomy
from resnet_check.read.static.reader import read
from resnet_check.source import parse_source

NET = """
import torch
import torch.nn as nn
import torch.nn.functional as F


class Q(nn.Module):
    def __init__(self, i, o, s=1):
        super().__init__()
        self.a, self.b = nn.Conv2d(i, o, 3, s, 1, bias=False), nn.Conv2d(o, o, 3, 1, 1, bias=False)
        self.m, self.n = nn.BatchNorm2d(i if PRE else o), nn.BatchNorm2d(o)
        self.gate = nn.Conv2d(o, o, 1)
        self.side = nn.Conv2d(i, o, 1, s, bias=False)

    def forward(self, x):
        {body}


class Z(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.q = nn.Sequential({blocks})
        self.last = nn.Linear(16, 10)

    def forward(self, x):
        return self.last(self.q(self.first(x)).mean((2, 3)))
"""
ORIGINAL = "y = self.n(self.b(F.relu(self.m(self.a(x)))))"


def blocks(body, stack="Q(8, 16, 2)", pre="False"):
    text = NET.format(body=body, blocks=stack).replace("PRE", pre)
    (model,) = read(parse_source("net.py", text.encode())).models
    assert model.status == "complete"
    return anatomy(model).blocks


@pytest.mark.parametrize(
    ("end", "shortcut", "then"),
    [
        ("return F.relu(y + self.side(x))", "c", "aoc"),
        ("y += self.side(x)\n        return y.relu_()", "c", "aoc"),
        ("return torch.add(self.side(x), y)", "c", "oc"),
        ("return torch.stack([self.side(x), y]).sum(0)", "c", "oc"),
        ("return F.relu(sum([y, self.side(F.avg_pool2d(x, 1))]))", "pc", "aoc"),
        ("return F.relu(y + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 4, 4)))", "o_", "aoc"),
        ("p = F.avg_pool2d(x, 2)\n        return F.relu(y + torch.cat([p, p * 0], 1))", "pj", "aoc"),
    ],
)
def test_a_sum_of_branch_and_shortcut_is_a_block(end, shortcut, then):
    (block,) = blocks(f"{ORIGINAL}\n        {end}")
    assert (block.branch.letters, block.shortcut.letters, block.then) == ("cnacn", shortcut, then)


def test_an_identity_is_an_empty_shortcut():
    first, second = blocks(
        f"{ORIGINAL}\n        return F.relu(y + (x if x.shape == y.shape else self.side(x)))", "Q(8, 16), Q(16, 16)"
    )
    assert first.is_projection
    assert second.is_identity
    assert first.readers == "c+"


def test_a_gate_is_one_step_of_the_branch():
    (block,) = blocks(
        f"{ORIGINAL}\n        y = y * torch.sigmoid(self.gate(y.mean((2, 3), True)))\n        return F.relu(y + self.side(x))"
    )
    assert block.branch.letters == "cnacng"
    assert not block.branch.straight


def test_a_branch_that_shares_its_activation_with_the_projection_begins_behind_it():
    body = "x = F.relu(self.m(x))\n        return self.side(x) + self.b(F.relu(self.n(self.a(x))))"
    (block,) = blocks(body, pre="True")
    assert (block.branch.letters, block.shortcut.letters) == ("cnac", "c")


@pytest.mark.parametrize(
    "end",
    [
        "return torch.cat([y[:, :8], y[:, 8:]], 1)",
        "return y + 1",
        "return y + self.n.bias.view(1, -1, 1, 1)",
        "return y",
    ],
)
def test_other_ends_are_no_blocks(end):
    assert blocks(f"{ORIGINAL}\n        {end}") == ()
