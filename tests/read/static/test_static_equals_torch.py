"""The law of the static reader: what it states about a network is what torch says of it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resnet_check.graph.dim import column
from resnet_check.graph.records import Model
from resnet_check.read.static.looking import LEAST
from resnet_check.read.static.reader import read
from resnet_check.source import parse_source
from tests.read.static.networks import Network, networks

SIZES = (1, 2, 3, 7, 8, 15, 16, 17, 28, 31, 32, 33, 56, 63, 64, 97)


def static_model(text: str, name: str = "build") -> Model:
    """Return the model of that name."""
    reading = read(parse_source("net.py", text.encode()))
    return next(m for m in reading.models if m.name == name)


def live_model(text: str) -> torch.nn.Module:
    """Build the model with torch."""
    scope: dict[str, Any] = {"__name__": "net"}
    exec(compile(text, "net.py", "exec"), scope)  # noqa: S102 - the text is this test's own
    return scope["build"]().eval()  # type: ignore[no-any-return]


def live_shape(net: torch.nn.Module, channels: int, height: int, width: int) -> tuple[int, ...] | None:
    """Return the output's shape for a batch of two, or None where torch refuses."""
    try:
        with torch.no_grad():
            return tuple(net(torch.zeros(2, channels, height, width)).shape)
    except (RuntimeError, ValueError):
        return None


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(networks(), st.sampled_from(SIZES), st.sampled_from(SIZES))
def test_figures_are_those_of_torch(network: Network, size: int, other: int) -> None:
    """Parameters, output shape and accepted sizes, at two sizes of which the reader knows nothing."""
    net = live_model(network.text)
    model = static_model(network.text)
    assert model.params == sum(p.numel() for p in net.parameters())
    if model.status == "failed":
        # the reader does not look at a network that runs at tiny sizes only: nobody means that
        assert all(live_shape(net, network.channels, s, s) is None for s in SIZES if s >= LEAST)
        return
    assert model.status == "complete", [str(u) for u in model.unknown]
    assert model.accepted is not None
    for s in (size, other):
        shape = live_shape(net, network.channels, s, s)
        assert any(low <= s <= high for low, high in model.accepted) == (shape is not None), s
        if shape is not None and "branch" not in network.text:
            assert tuple(column(d, {"N": [2], "H": [s], "W": [s]}, {})[0] for d in model.output) == shape


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(networks())
def test_multiply_adds_are_those_of_torch(network: Network) -> None:
    """Multiply-adds of convolutions and linear layers at the size being looked at, for one image."""
    from torch.utils.flop_counter import FlopCounterMode

    model = static_model(network.text)
    if model.macs is None:
        assert model.status == "failed"
        return
    assert model.input is not None
    sizes = [d if isinstance(d, int) else d.value for d in model.input[1:]]
    with torch.device("meta"):
        net = live_model(network.text)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            net(torch.zeros(1, *sizes))
    assert model.macs == counter.get_total_flops() // 2


@pytest.mark.parametrize("name", ["layer names", "local names"])
def test_names_do_not_matter(name: str) -> None:
    """The figures are the same whatever modules and variables are called."""
    text = """
import torch
from torch import nn
class {A}(nn.Module):
    def __init__(self, {c}):
        super().__init__()
        self.{f} = nn.Conv2d({c}, {c}, 3, padding=1)
    def forward(self, {x}):
        return {x} + self.{f}({x})
def build():
    return nn.Sequential({A}(3), {A}(3), nn.Flatten(), nn.Linear(3 * 8 * 8, 2))
"""
    usual = {"A": "Block", "c": "channels", "f": "conv", "x": "x"}
    odd = {"A": "Ω", "c": "k", "f": "forward_", "x": "self_"} if name == "layer names" else {**usual, "x": "eingang"}
    figures = [(m.params, m.macs, m.accepted, m.status) for m in (static_model(text.format(**w)) for w in (usual, odd))]
    assert figures[0] == figures[1]
