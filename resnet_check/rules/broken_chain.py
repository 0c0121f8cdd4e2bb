"""A layer reads the block's input where it should read the layer before it.

## What it checks
Whether a layer's result is assigned to a variable that nothing reads before it is assigned again or forward ends, while
the layer behind it reads what the first one read.

## Why it matters
Everything computed for that variable is lost: its layers get no gradient, and the network is shallower than it looks.
Channels and sizes fit, so nothing crashes.

## Bad
    y = F.relu(self.bn1(self.conv1(x)))
    y = self.bn2(self.conv2(x))

## Good
    y = F.relu(self.bn1(self.conv1(x)))
    y = self.bn2(self.conv2(y))

## How to fix
Give the layer the output of the one before it.

## Source
He et al., Deep Residual Learning for Image Recognition, 2015, figure 2.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.anatomy import Anatomy
from resnet_check.anatomy.blocks import sizes
from resnet_check.anatomy.dead import DeadEnd, dead_ends, parting
from resnet_check.finding import Finding, Fix, related
from resnet_check.graph.records import Op, Site
from resnet_check.rules._networks import networks
from resnet_check.rules._places import Places, places
from resnet_check.rules._stores import dead_store, unread_names
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC306", "broken-chain", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report layers that pass over the ones before them."""
    for net in networks(context):
        ops, found = net.model.ops, places(context)
        for end in dead_ends(net):
            reader = passing_over(net, end)
            if reader is None:
                continue
            calls = parting(ops[end.ops[-1]].site, reader.site)
            name = None if calls is None else dead_store(found, calls[0])
            if calls is None or name is None or (is_unread(found, calls[0], name) and not has_sum(net, end)):
                continue
            layer = ops[end.ops[-1]].path.rpartition(".")[2]
            yield report(
                calls[1],
                f"this reads what `{layer}` read, not its result: `{name}` from line {calls[0].line} is never used",
                label=f"passes over `{name}`",
                help=f"read `{name}` here",
                model=net.model,
                module=reader.path,
                related=(related(calls[0], "computed here, and lost"),),
                fix=reading(found, calls[1], name),
            )


def reading(found: Places, site: Site, name: str) -> Fix | None:
    """Return the fix that hands another variable to a call."""
    from resnet_check.editing import over

    call = found.at(site, ast.Call)
    read = call.args[0] if isinstance(call, ast.Call) and call.args else None
    return Fix(f"read `{name}`", (over(found.source, read, name),), safe=False) if isinstance(read, ast.Name) else None


def is_unread(found: Places, site: Site, name: str) -> bool:
    """Return whether a function only ever assigns a variable: a shortcut that is prepared and never added."""
    function = found.function_around(site)
    return function is not None and name in unread_names(function)


def has_sum(net: Anatomy, end: DeadEnd) -> bool:
    """Return whether something else is added to what a dead end began with."""
    return any(added.start == end.start for added in net.sums)


def passing_over(net: Anatomy, end: DeadEnd) -> Op | None:
    """Return the first Op behind a dead end that reads what it began with, and could read its result as well."""
    flow = net.flow
    if not any(flow.letter(op) in "cdn" for op in flow.region(end.start, end.ops[-1])):
        return None
    last = flow.ops[end.ops[-1]]
    reader = next((i for i in flow.readers[end.start] if i > last.index and i in flow.alive), None)
    if (
        reader is None
        or flow.letter(reader) not in "cdnap_"
        or len(last.shape) < 2
        or len(flow.ops[end.start].shape) != len(last.shape)
    ):
        return None
    before, after = sizes(flow.ops[end.start].shape), sizes(last.shape)
    fits = before[1] == after[1] if flow.letter(reader) in "cdn" else before == after
    return flow.ops[reader] if fits else None


_NET = """
import torch
import torch.nn as nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1 = nn.Conv2d(c, c, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(c)
        self.conv2 = nn.Conv2d(c, c, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(c)

    def forward(self, x):
        {first}
        {second}
        return F.relu(x + out)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.one, self.two = Block(8), Block(8)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = self.stem(x)
        y = self.one(x)
        {third}
        return self.fc(y.mean([2, 3]))
"""
_CHAIN = {
    "first": "out = F.relu(self.bn1(self.conv1(x)))",
    "second": "out = self.bn2(self.conv2(out))",
    "third": "y = self.two(y)",
}

BAD = (
    _NET.format_map(_CHAIN | {"second": "out = self.bn2(self.conv2(x))  # <- broken-chain"}),
    _NET.format_map(_CHAIN | {"first": "out = self.conv1(x)\n        out = F.relu(self.bn1(x))  # <- broken-chain"}),
    _NET.format_map(_CHAIN | {"third": "y = self.two(x)  # <- broken-chain"}),
)

GOOD = (
    _NET.format_map(_CHAIN),
    # Two branches from one place, of which one counts in training only.
    """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.aux, self.main = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3)

    def forward(self, x):
        x = torch.relu(self.stem(x))
        aux = self.aux(x)
        x = self.main(x)
        return (x, aux) if self.training else x
""",
    # A pyramid of which the head uses one level.
    """
import torch
from torch import nn
import torch.nn.functional as F


class Pyramid(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.side = nn.Conv2d(8, 8, 3, 2, 1), nn.Conv2d(8, 8, 1)
        self.out1, self.out2 = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x):
        top = self.down(x)
        out2 = self.out2(top)
        out1 = self.out1(F.interpolate(top, scale_factor=2) + self.side(x))
        return out1, out2


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.pyramid, self.head = nn.Conv2d(3, 8, 3, 2, 1), Pyramid(), nn.Conv2d(8, 1, 1)

    def forward(self, x):
        return self.head(self.pyramid(torch.relu(self.stem(x)))[0])
""",
)
