"""A convolution has a bias that the norm behind it removes again.

## What it checks
Convolutions with a bias whose output only a batch or instance norm reads.

## Why it matters
The norm subtracts the mean of each channel, and with it whatever constant was added: the bias changes nothing, its
gradient is zero up to rounding. It costs a few parameters and makes the count differ from the published one.

## Bad
    self.conv1 = nn.Conv2d(i, o, 3, padding=1)
    self.bn1 = nn.BatchNorm2d(o)

## Good
    self.conv1 = nn.Conv2d(i, o, 3, padding=1, bias=False)
    self.bn1 = nn.BatchNorm2d(o)

## How to fix
Pass `bias=False`, unless weights that were saved with the bias are to be loaded.

## Source
Ioffe & Szegedy, Batch Normalization, 2015, section 3.2.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from resnet_check.anatomy import Anatomy
from resnet_check.anatomy.kinds import CENTRED
from resnet_check.anatomy.owners import layer_of
from resnet_check.finding import Finding, Fix, related
from resnet_check.graph.records import ModuleRecord, Op
from resnet_check.rules._networks import networks
from resnet_check.rules._places import Places, name_of, places
from resnet_check.rules.base import FileContext, Reporter, rule

TORCH_CONV = re.compile(r"Conv[123]d")

BIAS = 7
"""The position of the bias among the arguments of a convolution."""


@rule("RC309", "bias-before-norm", "note")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report biases that a norm removes."""
    nets = [(net, list(removed(net))) for net in networks(context)]
    kept = {layer.built[:3] for net, found in nets for layer in biased(net, [layer for layer, _ in found])}
    for net, found in nets:
        for layer, norm in found:
            width = layer.parameters["bias"][0]
            yield report(
                layer.built,
                f"the norm behind this convolution removes its bias ({width} parameters) again",
                label="bias without effect",
                help="pass `bias=False`",
                model=net.model,
                module=layer.path,
                related=(related(norm.site, "the norm subtracts each channel's mean"),),
                fix=None if layer.built[:3] in kept else unbiased(places(context), layer),
            )


def biased(net: Anatomy, without: list[ModuleRecord]) -> Iterator[ModuleRecord]:
    """Yield the layers of a network that have a bias, but for some."""
    left_out = {layer.index for layer in without}
    return (m for m in net.model.modules if "bias" in m.parameters and m.index not in left_out)


def unbiased(found: Places, layer: ModuleRecord) -> Fix | None:
    """Return the fix that builds a convolution without a bias, where the call leaves that open or says it in one word."""
    from resnet_check.editing import set_argument

    call = found.at(layer.built, ast.Call)
    if not isinstance(call, ast.Call) or not TORCH_CONV.fullmatch(name_of(call.func)):
        return None
    said = next((keyword.value for keyword in call.keywords if keyword.arg == "bias"), None)
    edit = set_argument(found.source, call, "bias", BIAS, "False")
    if edit is None or len(call.args) > BIAS or not isinstance(said, (ast.Constant, type(None))):
        return None
    return Fix("pass `bias=False`", (edit,), safe=False)


def removed(net: Anatomy) -> Iterator[tuple[ModuleRecord, Op]]:
    """Yield the convolutions whose bias a norm removes, each once, with the norm."""
    seen: set[int] = set()
    for op in net.model.of_kind("conv", "conv_transpose"):
        layer = layer_of(net.model, op)
        reader = net.flow.only_reader(op.index)
        if layer is None or layer.index in seen or "bias" not in layer.parameters or reader is None:
            continue
        norm = net.model.ops[reader]
        if norm.kind in CENTRED and len(layer.calls) == 1:
            seen.add(layer.index)
            yield layer, norm


_NET = """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1 = {conv}
        self.norm = {norm}
        self.conv2 = nn.Conv2d(c, c, 3, padding=1)

    def forward(self, x):
        return x + self.conv2(torch.relu(self.norm(self.conv1(x))))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), Block(8), Block(8), nn.ReLU())

    def forward(self, x):
        return self.body(x).mean((2, 3))
"""

BAD = (
    _NET.format(conv="nn.Conv2d(c, c, 3, padding=1)  # <- bias-before-norm", norm="nn.BatchNorm2d(c)"),
    _NET.format(conv="nn.Conv2d(c, c, 3, padding=1)  # <- bias-before-norm", norm="nn.InstanceNorm2d(c)"),
)

GOOD = (
    _NET.format(conv="nn.Conv2d(c, c, 3, padding=1, bias=False)", norm="nn.BatchNorm2d(c)"),
    # A group's mean is not each channel's.
    _NET.format(conv="nn.Conv2d(c, c, 3, padding=1)", norm="nn.GroupNorm(2, c)"),
)
