"""A shortcut has a 1x1 projection though neither channels nor size change.

## What it checks
Blocks whose shortcut is a 1x1 convolution with stride 1 and as many channels out as in. Where every block of the
network has one it is a design, and nothing is said.

## Why it matters
An identity would do. The paper finds projections everywhere (option C) marginally better and not worth their parameters
and time; an identity keeps the path free on which gradients reach the first layers.

## Bad
    self.shortcut = nn.Conv2d(channels, channels, 1, bias=False)

## Good
    self.shortcut = nn.Identity()

## How to fix
Build the projection only where the stride is not 1 or the channels change.

## Source
He et al., Deep Residual Learning for Image Recognition, 2015, section 4.1, table 3 (options A, B and C).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.anatomy import Anatomy
from resnet_check.anatomy.blocks import Block, sizes
from resnet_check.anatomy.owners import layer_of
from resnet_check.finding import Finding, related
from resnet_check.graph.records import ModuleRecord, Site
from resnet_check.rules._networks import networks
from resnet_check.rules._places import Places, places
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC310", "unneeded-projection", "note")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report projections that could be identities."""
    found = places(context)
    for net in networks(context):
        if all(block.is_projection for block in net.blocks):
            continue
        for block, layer in unneeded(net):
            width = layer.attributes["out_channels"]
            site = beyond_helpers(found, layer.built)
            condition = deciding(found, site)
            more = [related(net.model.ops[block.sum].site, "added here")]
            if condition is not None:
                more.insert(0, related(condition, "this condition builds it"))
            yield report(
                site,
                f"this projection changes nothing: {width} channels in and out, stride 1",
                label="an identity would do",
                help="project only where the stride is not 1 or the channels change",
                model=net.model,
                module=layer.path,
                related=tuple(more),
            )


def beyond_helpers(found: Places, built: Site) -> Site:
    """Return the place of a layer's construction, or of the call of a function that does nothing else."""
    for site in (built, *built.calls):
        function = found.function_around(site)
        body = [] if function is None else [s for s in function.body if not isinstance(s, ast.Expr)]
        if len(body) != 1 or not isinstance(body[0], ast.Return):
            return site
    return built


def deciding(found: Places, site: Site) -> Site | None:
    """Return the condition under which a place is reached."""
    node = found.at(site, ast.Call)
    for around in () if node is None else found.around(node):
        if isinstance(around, (ast.FunctionDef, ast.ClassDef)):
            return None
        if isinstance(around, (ast.If, ast.IfExp)):
            return found.source.site(around.test)
    return None


def unneeded(net: Anatomy) -> Iterator[tuple[Block, ModuleRecord]]:
    """Yield the blocks whose projection keeps the shape, with its convolution."""
    for block in net.blocks:
        if block.shortcut.letters not in {"c", "cn"}:
            continue
        conv = net.model.ops[block.shortcut.ops[0]]
        layer = layer_of(net.model, conv)
        pointwise = set(conv.attributes.get("kernel", ())) == {1} and conv.attributes["groups"] == 1
        same = sizes(net.model.ops[block.start].shape) == sizes(conv.shape)
        if pointwise and same and layer is not None and layer.attributes.get("out_channels"):
            yield block, layer


_NET = """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, i, o, s=1, project=False):
        super().__init__()
        self.branch = nn.Sequential(nn.Conv2d(i, o, 3, s, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(),
                                    nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o))
        self.short = nn.Identity()
        if project:
            self.short = nn.Sequential({short}
                                       nn.BatchNorm2d(o))

    def forward(self, x):
        return torch.relu(self.branch(x) + self.short(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.body = nn.Sequential({blocks})
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        return self.fc(self.body(self.stem(x)).mean((2, 3)))
"""
_MARKED = "nn.Conv2d(i, o, 1, s, bias=False),  # <- unneeded-projection"

BAD = (
    _NET.format(short=_MARKED, blocks="Block(8, 8, 1, True), Block(8, 8), Block(8, 16, 2, True)"),
    _NET.format(short=_MARKED, blocks="Block(8, 16, 2, True), Block(16, 16, 1, True), Block(16, 16)"),
)

GOOD = (
    _NET.format(short=_MARKED[:34], blocks="Block(8, 8), Block(8, 16, 1, True), Block(16, 16, 2, True)"),
    # Every block projects: option C of the paper.
    _NET.format(short=_MARKED[:34], blocks="Block(8, 8, 1, True), Block(8, 16, 2, True), Block(16, 16, 1, True)"),
)
