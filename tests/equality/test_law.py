"""The law: where two networks are said to be equal, torch computes the same with the weights of the one in the other."""

from __future__ import annotations

import re

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resnet_check.equality.compare import compare
from resnet_check.graph.records import Model
from resnet_check.read.static.reader import read
from resnet_check.source import parse_source
from tests.equality.spellings import outputs, transplanted
from tests.read.static.networks import Network, networks

TOKENS = (
    *(("padding=1", "padding=0"), ("stride, 1", "1, 1"), ("inplace=True", "inplace=False"), ("F.relu(", "F.relu_(")),
    *(
        ("F.relu(", "F.relu6("),
        ("F.relu(", "F.hardtanh("),
        ("torch.relu_(out)", "out.clamp_(0)"),
        ("bias=False", "bias=True"),
    ),
    *(("out += self.short(x)", "out = self.short(x) + out"), ("y + (", "("), ("y + (", "2 * y + (")),
    *(("ceil_mode=True", "ceil_mode=False"), ("x.mean((2, 3))", "x.sum((2, 3))"), ("GroupNorm(2", "GroupNorm(1")),
    *(("nn.BatchNorm2d", "(lambda c: nn.BatchNorm2d(c, 1e-3))"), ("torch.add(out, shortcut)", "shortcut + out")),
    *(
        ("nn.BatchNorm2d", "nn.SyncBatchNorm"),
        ("torch.tanh", "F.hardtanh"),
        ("else x", "else out"),
        (", 0.1)", ", 0.0)"),
    ),
    *(("flatten(2).sum(-1)", "sum((2, 3))"), ("F.adaptive_avg_pool2d(x, 1)", "x.mean((2, 3), True)")),
    *(("self.extra // 2, self.extra - self.extra // 2", "0, self.extra"), ("groups=groups", "groups=1")),
    *(("F.avg_pool2d(x, 4)", "F.adaptive_avg_pool2d(x, 1)"), ("F.avg_pool2d(x, 2)", "x.mean((2, 3), True)")),
    *(("self.conv2(", "self.conv1("), ("self.bn2(", "self.bn1("), ("x.view(x.size(0), -1)", "x.flatten(1)")),
)
"""Pieces of text and what may stand there instead, to the same effect or not."""


def static(text: str) -> Model:
    """Return the model that ``build`` makes."""
    return next(m for m in read(parse_source("net.py", text.encode())).models if m.name == "build")


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Network, str]:
    """Draw a network, and its text with some pieces replaced."""
    network = draw(networks())
    text = network.text
    there = [token for token in TOKENS if token[0] in text]
    for old, new in draw(st.lists(st.sampled_from(there), min_size=1, max_size=2)):
        text = text.replace(old, new, draw(st.sampled_from([1, -1])))
    return network, text


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(pairs())
def test_equal_networks_compute_the_same(pair: tuple[Network, str]) -> None:
    """At the least and the greatest size of the answer up to 64."""
    network, text = pair
    found = compare(static(text), static(network.text))
    if not found.equal or not found.sizes:
        return
    low = found.sizes[0][0]
    ours, theirs = transplanted(text, network.text, found, "build")
    for size in {low, max(low, min(found.sizes[0][1], 64))}:
        first, second = outputs(ours, size, network.channels), outputs(theirs, size, network.channels)
        assert torch.allclose(first, second, rtol=1e-9, atol=1e-9)


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(networks(), st.randoms(use_true_random=False))
def test_names_do_not_matter(network: Network, random) -> None:  # type: ignore[no-untyped-def]
    """Every attribute of ``self`` under another name."""
    names = sorted(
        set(re.findall(r"self\.([a-z]\w*) = ", network.text)) | set(re.findall(r"self\.(extra), ", network.text))
    )
    fresh = [f"part_{number}" for number in random.sample(range(100), len(names))]
    text = network.text
    for old, new in zip(names, fresh, strict=True):
        text = re.sub(rf'(self\.|(?<=self, "))\b{old}\b', rf"\g<1>{new}", text)
    ours, theirs = static(text), static(network.text)
    if theirs.status == "complete":
        found = compare(ours, theirs)
        assert found.equal, (found.first, found.reason)
        assert found.sizes is not None
        assert len(set(found.weights.values())) == len(found.weights)
