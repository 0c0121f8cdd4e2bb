"""A convolution without bias has no norm, though the convolutions beside it have one.

## What it checks
Convolutions without bias on a projection, in a branch or in the stem that no norm follows (in a pre-activation branch:
precedes), where the other convolutions of the block have one; and norms that are registered for a convolution but that
no forward pass calls. A projection that has a bias instead of a norm, as in Torch's first ResNet-18, is a note.

## Why it matters
Without its norm, the convolution's output has a scale of its own: the shortcut and the branch are added at different
scales, and nothing centres what the bias-free convolution gives. It trains, more slowly and to a worse result.

## Bad
    self.shortcut = nn.Conv2d(i, o, 1, stride, bias=False)

## Good
    self.shortcut = nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))

## How to fix
Put the norm behind the convolution, or call the one that is there.

## Source
Ioffe & Szegedy, Batch Normalization, 2015, section 3.2; He et al., 2015, section 3.4: after each convolution.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.anatomy import Anatomy
from resnet_check.anatomy.norms import Bare, bare_convs
from resnet_check.anatomy.owners import culprit, layer_of, written
from resnet_check.finding import Finding, Fix, related
from resnet_check.graph.records import Site
from resnet_check.rules._networks import networks
from resnet_check.rules._places import Places, is_name, places, self_name
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC303", "missing-norm", "warning")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report convolutions without their norm."""
    for net in networks(context):
        bare = list(bare_convs(net))
        at_fault = {one.conv for one in bare}
        innocent = [place(net, op.index, "") for op in net.model.of_kind("conv") if op.index not in at_fault]
        for one in bare:
            biased = net.model.ops[one.conv].attributes["bias"]
            if not biased or one.unused is not None or one.role == "projection":
                yield finding(report, places(context), net, one, innocent, biased=biased)


def finding(report: Reporter, found: Places, net: Anatomy, one: Bare, innocent: list[Site], *, biased: bool) -> Finding:
    """Report one convolution."""
    model, unused = net.model, one.unused
    conv = model.ops[one.conv]
    what = {"projection": "the projection on the shortcut", "stem": "the stem's convolution"}.get(
        one.role, "this convolution of the branch"
    )
    width = conv.attributes["out_channels"]
    if unused is not None:
        name = unused.path.rpartition(".")[2]
        message = f"{what} has no norm: `{name}` is registered for its {width} channels, but never called"
        help_ = f"call `{name}` on its output"
    elif biased:
        message = f"{what} has a bias but no norm, while the branch beside it ends in one"
        help_ = "to follow the paper, put a norm behind it and drop the bias"
    else:
        message = f"{what} has neither bias nor norm, while the other convolutions of the block have a norm"
        help_ = f"put a norm for {width} channels behind it"
    site = culprit(place(net, one.at, one.role), innocent)
    beside = unused is not None and unused.path.rpartition(".")[0] == conv.path.rpartition(".")[0]
    return report(
        site,
        message,
        label="no norm here",
        help=help_,
        model=model,
        module=conv.path,
        severity="note" if biased and unused is None else None,
        related=() if unused is None else (related(unused.built, "registered here"),),
        fix=normed(found, site, unused.path.rpartition(".")[2]) if unused is not None and beside else None,
    )


def normed(found: Places, site: Site, name: str) -> Fix | None:
    """Return the fix that calls a norm of the module on what another of its layers gives."""
    from resnet_check.editing import around

    call = found.at(site, ast.Call)
    function = None if call is None else found.function_of(call)
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or function is None:
        return None
    owner = self_name(function)
    if not is_name(call.func.value, owner) or not name.isidentifier():
        return None
    return Fix(f"call `{name}` on it", around(found.source, call, f"{owner}.{name}(", ")"), safe=False)


def place(net: Anatomy, op: int, role: str) -> Site:
    """Return where a convolution is built if it is a whole shortcut, else where it has its position."""
    layer = layer_of(net.model, net.model.ops[op])
    return layer.built if layer is not None and role == "projection" else written(net.model, net.model.ops[op])


_NET = """
import torch
import torch.nn as nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, i, o, s=1):
        super().__init__()
        self.conv1 = nn.Conv2d(i, o, 3, s, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(o)
        self.conv2 = nn.Conv2d(o, o, 3, 1, 1, bias=False)
        {norm}
        self.short = nn.Sequential()
        if s != 1 or i != o:
            self.short = {short}

    def forward(self, x):
        y = F.relu({first})
        y = {second}
        return F.relu(y + self.short(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(8)
        self.body = nn.Sequential(Block(8, 8), Block(8, 16, 2), Block(16, 16))
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        x = {stem}
        x = self.body(x)
        return self.fc(x.mean([2, 3]))
"""
_FULL = {
    "norm": "self.bn2 = nn.BatchNorm2d(o)",
    "short": "nn.Sequential(nn.Conv2d(i, o, 1, s, bias=False), nn.BatchNorm2d(o))",
    "first": "self.bn1(self.conv1(x))",
    "second": "self.bn2(self.conv2(y))",
    "stem": "F.relu(self.bn(self.conv(x)))",
}

_PREACT = """
import torch
import torch.nn as nn
import torch.nn.functional as F


class PreAct(nn.Module):
    def __init__(self, i, o, s):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(i), nn.Conv2d(i, o, 3, s, 1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(o), nn.Conv2d(o, o, 3, 1, 1, bias=False)
        self.short = nn.Conv2d(i, o, 1, s, bias=False)

    def forward(self, x):
        y = self.conv1(F.relu(self.bn1(x)))
        y = {second}
        return self.short(x) + y


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), PreAct(8, 8, 1), PreAct(8, 16, 2), nn.BatchNorm2d(16), nn.ReLU())
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        return self.fc(self.body(x).mean([2, 3]))
"""

BAD = (
    _NET.format_map(
        _FULL
        | {
            "norm": "self.bn2 = nn.BatchNorm2d(o)  # <- unused-layer",
            "second": "self.conv2(y)  # <- missing-norm",
        }
    ),
    _PREACT.format(second="self.conv2(F.relu(y))  # <- missing-norm").replace(
        "self.bn2, self.conv2 = nn.BatchNorm2d(o), ", "self.conv2 = "
    ),
    _NET.format_map(_FULL | {"short": "nn.Conv2d(i, o, 1, s, bias=False)  # <- missing-norm"}),
    _NET.format_map(_FULL | {"short": "nn.Conv2d(i, o, 1, s)  # <- missing-norm"}),
    _NET.format_map(_FULL | {"norm": "", "second": "self.conv2(y)  # <- missing-norm"}),
    _NET.format_map(
        _FULL | {"stem": "F.relu(self.conv(x))  # <- missing-norm", "norm": "self.bn2 = nn.BatchNorm2d(o)"}
    ).replace("        self.bn = nn.BatchNorm2d(8)\n", ""),
)

GOOD = (
    _NET.format_map(_FULL),
    # Pre-activation: the last convolution and the projection have no norm behind them.
    _PREACT.format(second="self.conv2(F.relu(self.bn2(y)))"),
    # Networks without norms.
    """
import torch
import torch.nn as nn


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.branch = nn.Sequential(nn.Conv2d(c, c, 3, padding=1, bias=False), nn.ReLU(), nn.Conv2d(c, c, 3, padding=1))

    def forward(self, x):
        return x + 0.1 * self.branch(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), Block(8), Block(8), nn.Conv2d(8, 3, 3, padding=1))

    def forward(self, x):
        return self.body(x)
""",
)
