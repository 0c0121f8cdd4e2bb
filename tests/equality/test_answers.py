"""What the answer says besides yes and no: sizes, the map of weights, and why there is none."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from resnet_check.equality.canonical import canonical
from resnet_check.equality.compare import compare
from resnet_check.read.static.reader import read
from resnet_check.source import parse_source
from tests.equality.spellings import NETWORK, compared, model, outputs, transplanted

POOLED = """\
import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 31, 32, 15)
        self.same = nn.Identity()
        self.drop = nn.Dropout(0.5)
        self.norm = nn.BatchNorm2d(4)
        self.pool = {pool}
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        x = self.conv(x)
        x = F.relu(x)
        x = self.pool(x)
        return self.fc(torch.flatten(x, 1))
"""
ADAPTIVE = POOLED.format(pool="nn.AdaptiveAvgPool2d(1)")


@pytest.mark.parametrize(
    ("pool", "sizes"),
    [
        ("nn.AvgPool2d(7)", ((193, 224),)),
        ("nn.AvgPool2d(7, stride=1)", ((193, 224),)),
        ("nn.AvgPool2d(7, ceil_mode=True)", ((193, 224),)),
        ("nn.AdaptiveMaxPool2d(1)", None),
        ("nn.AvgPool2d(7, divisor_override=48)", None),
        ("nn.AvgPool2d(7, padding=1)", None),
    ],
)
def test_a_fixed_pool_is_equal_where_it_covers_the_map(pool, sizes):
    """Torch says the same at the edges of the range; elsewhere the first difference is still named."""
    text = POOLED.format(pool=pool)
    found = compared(text, ADAPTIVE)
    assert found.equal is (sizes is not None)
    assert found.sizes == sizes
    assert found.first is not None
    if sizes is None:
        return
    assert "`pool`: an average pool, where the reference has the mean over the map" in found.first.words
    ours, theirs = transplanted(text, ADAPTIVE, found)
    for size in (193, 224):
        assert torch.allclose(outputs(ours, size), outputs(theirs, size), rtol=0, atol=1e-9)
    if pool == "nn.AvgPool2d(7)":
        with pytest.raises(RuntimeError):
            outputs(ours, 192)
        assert not torch.allclose(outputs(ours, 225), outputs(theirs, 225), rtol=0, atol=1e-9)


def test_the_same_fixed_pool_is_equal_wherever_both_finish():
    """A pool of 7x7 against itself is no matter of sizes."""
    text = POOLED.format(pool="nn.AvgPool2d(7)")
    found = compared(text, text)
    assert (found.equal, found.first) == (True, None)
    assert found.sizes == ((193, 416),)


REFUSED = {
    "a view that was taken before": "y = x.view(x.shape)\n        x = F.relu_(x)\n        x = x + y",
    "what eval-mode dropout hands on": "y = self.drop(x)\n        F.relu_(y)\n        x = x + y",
    "a part is overwritten": "x[:, :2].mul_(2)\n        x = x + 1",
    "a part is set": "x[:, :2] = 0\n        x = x + 1",
    "always random": "x = F.dropout(x, 0.5, training=True)",
    "random numbers": "x = x + torch.rand(1)",
    "statistics of a function": "x = F.batch_norm(x, self.norm.running_mean, self.norm.running_var)",
    "what is not modelled well enough": "x = F.interpolate(x, scale_factor=2)",
    "a mask": "x = x.masked_fill(x < 0, 0.0)",
    "a weight is overwritten": "self.norm.weight.data.mul_(2)\n        x = self.norm(x)",
}


@pytest.mark.parametrize("line", REFUSED.values(), ids=REFUSED)
def test_no_answer_rather_than_a_wrong_one(line):
    """Even against itself."""
    text = ADAPTIVE.replace("x = F.relu(x)", line)
    found = compared(text, text)
    assert found.equal is None
    assert found.reason


def test_a_model_that_is_not_understood_has_no_answer():
    """A partial model is compared with nothing."""
    text = ADAPTIVE.replace("x = F.relu(x)", "x = unheard_of(x)")
    (partial,) = read(parse_source("net.py", text.encode())).models
    assert partial.status != "complete"
    assert compare(partial, model(ADAPTIVE)).equal is None
    assert compare(model(ADAPTIVE), partial).equal is None


def test_a_layer_that_changes_its_weight_has_no_answer():
    """What a layer of one's own does to its weight is not shown by the Graph."""
    layer = """\
class Conv(nn.Conv2d):
    def forward(self, x):
        return F.conv2d(x, {weight}, self.bias, self.stride, self.padding)


class Net("""
    texts = [
        ADAPTIVE.replace("class Net(", layer.format(weight=weight)).replace("= nn.Conv2d(", "= Conv(")
        for weight in ("self.weight", "self.weight * 2", "self.weight - self.weight.mean()")
    ]
    assert [compared(text, ADAPTIVE).equal for text in texts] == [True, None, None]


def test_the_map_names_each_weight_that_is_used():
    """Names of both sides, statistics included; what is not used is not in it."""
    ours = NETWORK.replace("self.norm", "self.first").replace("self.fc", "self.classifier")
    found = compared(ours, NETWORK)
    assert found.weights["first.running_var"] == "norm.running_var"
    assert found.weights["classifier.bias"] == "fc.bias"
    assert found.weights["block2.down.0.weight"] == "block2.down.0.weight"
    assert not any("num_batches" in path or "drop" in path for path in found.weights)


def test_separate_weights_of_one_role_are_tied_or_not():
    """A weight that is used twice is one weight, by whatever means it is the same."""
    block = "        self.block2 = Block(4, 8, 2)\n"
    twice = NETWORK.replace(block, f"{block}        self.again = Block(8, 8)\n").replace(
        "self.block2(self.block1(x))", "self.again(self.block2(self.block1(x)))"
    )
    by_module = twice.replace("self.again(self.block2", "self.again(self.again(self.block2").replace(
        "block1(x)))", "block1(x))))"
    )
    separate = by_module.replace(block, f"{block}        self.more = Block(8, 8)\n").replace(
        "self.again(self.again(", "self.more(self.again("
    )
    by_weight = separate.replace(
        "        self.block3 =",
        "        for one, other in zip(self.again.children(), self.more.children()):\n"
        "            if hasattr(one, 'weight'):\n"
        "                other.weight = one.weight\n"
        "        self.block3 =",
    )
    assert compared(by_module, by_module).equal
    found = compared(by_module, separate)
    assert found.equal is False
    assert found.first is not None
    assert "uses the weights of line" in found.first.words
    assert compared(separate, by_module).equal is False
    assert compared(by_weight, separate).equal is False
    assert compared(by_weight, by_module).equal is False  # the norms' shifts and statistics are not tied


@pytest.mark.parametrize(
    ("result", "equal"),
    [("a, b", True), ("b, a", False), ("[a, b]", True), ("{'x': a, 'y': b}", False), ("a", False)],
)
def test_outputs_are_told_apart_by_their_shapes(result, equal):
    """Tuple or list is the same, another order or a dict is not."""
    head = "        x = self.conv(x)\n        a, b = x, self.fc(x.mean((2, 3)))\n        return "
    before, _, _ = ADAPTIVE.partition("        x = self.conv(x)")
    assert compared(f"{before}{head}{result}\n", f"{before}{head}a, b\n").equal is equal


def test_outputs_of_one_shape_have_no_answer():
    """The Graph does not say which is which."""
    text = ADAPTIVE.replace("return self.fc(torch.flatten(x, 1))", "return x, x * 2")
    assert compared(text, text).equal is None


def test_a_digest_is_the_same_in_another_run():
    """It is stored in files."""
    root = __file__.rpartition("/tests/")[0]
    code = (
        "from tests.equality.spellings import NETWORK, model\n"
        "from resnet_check.equality.canonical import canonical\n"
        "print(canonical(model(NETWORK)).digest)\n"
    )
    for seed in ("1", "2"):
        surroundings = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": root}
        command = [sys.executable, "-c", code]
        run = subprocess.run(command, cwd=root, env=surroundings, capture_output=True, text=True, check=True)
        assert run.stdout.strip() == canonical(model(NETWORK)).digest
