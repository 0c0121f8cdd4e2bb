"""The law of the two readers: the Graph that is read from the source is the one that is traced from the running module."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings

from resnet_check import reference
from resnet_check.equality.agreement import agrees
from resnet_check.equality.reference import reference_model
from resnet_check.graph.dim import value
from resnet_check.read.live.tracer import trace
from resnet_check.read.static.reader import read
from resnet_check.source import read_source
from tests.read.live.both import HEAD, both, run
from tests.read.static.networks import Network, networks

SMALL = 64, 64
MODELS = Path(__file__).parents[2] / "models"


@pytest.mark.parametrize("name", reference.REFERENCES)
def test_references_are_read_as_they_run(name: str) -> None:
    """Operator by operator, at a size that costs little."""
    image = (32, 32) if reference.REFERENCES[name][0] == "cifar" else SMALL
    static = reference_model(name, in_channels=3, image=image)
    with torch.device("meta"):
        net = reference.build(name, in_channels=3)
    assert static.input is not None
    traced = trace(net, name=name, path=static.path, input_shape=tuple(value(size) for size in static.input[1:]))
    assert traced.status == "complete", traced.unknown
    assert agrees(static, traced) is None


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(networks())
def test_drawn_networks_are_read_as_they_run(network: Network) -> None:
    """Operators, figures and the lines of the calls."""
    static, traced = both(network.text)
    assert static.status != "partial"
    assert traced.status != "partial", traced.unknown
    assert agrees(static, traced) is None
    if static.status == "complete":
        assert [op.site[1:5] for op in static.ops[1:]] == [op.site[1:5] for op in traced.ops[1:]]
        assert [module.path for module in static.modules] == [module.path for module in traced.modules]
        assert [module.type for module in static.modules] == [module.type for module in traced.modules]


@pytest.mark.parametrize("name", ["blog_module", "blog_sequential", "resnet_imagenet"])
def test_files_as_people_write_them_are_read_as_they_run(name: str) -> None:
    """Each model that such a file builds, mistakes included."""
    path = MODELS / f"{name}.py"
    scope = run(path.read_text(encoding="utf-8"))
    models = [m for m in read(read_source(str(path))).models if m.name in scope]
    assert models
    for static in models:
        assert static.input is not None
        built = scope[static.name]
        net = built if isinstance(built, torch.nn.Module) else built()
        traced = trace(net, path=str(path), input_shape=tuple(value(size) for size in static.input[1:]))
        assert "partial" not in {static.status, traced.status}, (static.unknown, traced.unknown)
        assert agrees(static, traced) is None


NET = (
    HEAD
    + """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.scale = nn.Parameter(torch.ones(8, 1, 1))

    def forward(self, x):
        x = F.relu(self.norm(self.conv(x)))
        return F.max_pool2d(x * self.scale, 2).flatten(1)

def build():
    return Net()
"""
)

CHANGES = {
    "a kernel": ("Conv2d(3, 8, 3, padding=1)", "Conv2d(3, 8, 5, padding=2)", "parameter or buffer `conv.weight`"),
    "a stride": ("padding=1)", "padding=1, stride=2)", "output"),
    "a dilation": ("padding=1)", "padding=2, dilation=2)", "operator"),
    "another activation": ("F.relu", "F.silu", "operator"),
    "an operator less": ("F.relu(self.norm(self.conv(x)))", "self.norm(self.conv(x))", "operator"),
    "the order": ("F.relu(self.norm(self.conv(x)))", "self.norm(F.relu(self.conv(x)))", "operator"),
    "the epsilon": ("BatchNorm2d(8)", "BatchNorm2d(8, eps=1e-3)", "operator"),
    "the weight that is used": ("x * self.scale", "x * self.norm.bias.view(8, 1, 1)", "operator"),
    "a bias": ("padding=1)", "padding=1, bias=False)", "parameter or buffer `conv.bias`"),
    "an operator without a canonical form": ("F.relu(", "(lambda y: y.sort(1)[0])(", "operator"),
    "an operator less at the end": ("x * self.scale, 2).flatten(1)", "x * self.scale, 2).cumsum(1)", "output"),
    "an output more": (".flatten(1)", ".flatten(1), x", "output"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen(change: str) -> None:
    """The two readers are held apart by each thing that makes another network."""
    before, after, what = CHANGES[change]
    assert before in NET
    static, _ = both(NET)
    _, traced = both(NET.replace(before, after))
    found = agrees(static, traced)
    assert found is not None
    assert found.what.startswith(what), str(found)


def test_other_spellings_agree() -> None:
    """A number on the other side of a product, and another function for the same."""
    static, _ = both(NET)
    _, traced = both(NET.replace("x * self.scale", "1.0 * x * self.scale").replace(".flatten(1)", ".view(2, -1)"))
    assert agrees(static, traced) is None


def test_what_nobody_reads_does_not_count_where_there_are_canonical_forms() -> None:
    """Where there is none, each operator must be the same."""
    plain = NET.replace("return F", "y = x * 2\n        return F")
    assert agrees(both(NET)[0], both(plain)[1]) is None
    odd, more = (text.replace("return F.max_pool2d(x", "return F.max_pool2d(x.cumsum(1)") for text in (NET, plain))
    assert agrees(*both(odd)) is None
    found = agrees(both(odd)[0], both(more)[1])
    assert found is not None
    assert str(found).startswith("line 14: operator: `cumsum`")


def test_one_that_raises_and_one_that_runs_differ() -> None:
    """What the static reader calls a failure must be one."""
    static, _ = both(NET)
    _, traced = both(NET.replace("flatten(1)", "flatten(7)"))
    assert traced.status == "failed"
    assert re.match("line 14: it runs: True when read, False when run", str(agrees(static, traced)))


def test_nothing_is_said_of_what_was_not_understood() -> None:
    """A partial Model states too little."""
    static, traced = both(NET)
    traced.status = "partial"
    traced.params = 7
    assert agrees(static, traced) is None
