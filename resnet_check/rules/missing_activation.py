"""No activation where the network has one everywhere else: between two convolutions, after the sum, after the stem.

## What it checks
Three places at which ReLU is easily forgotten: between two convolutions of a branch (or of the stem) that have a norm
between them, or between norm and convolution in a pre-activation branch; after the sum of a block in the original
style, whose branch ends in a norm and whose successor begins with a convolution; and between the stem's norm and the
first block. Each counts only against the rest of the same network: linear bottlenecks, depthwise convolutions,
factorised kernels, networks without a classifier that leave every sum linear, and a last block that gives features of
either sign are all meant that way.

## Why it matters
Two convolutions with only a norm between them are one convolution: the layer adds parameters and depth on paper, but
nothing that the network can compute with. After the sum and the stem it is the non-linearity of a whole block.

## Bad
    y = self.bn1(self.conv1(x))
    y = self.bn2(self.conv2(y))
    return F.relu(x + y)

## Good
    y = F.relu(self.bn1(self.conv1(x)))
    y = self.bn2(self.conv2(y))
    return F.relu(x + y)

## How to fix
Add the activation at the line, as the other blocks of the network have it.

## Source
He et al., Deep Residual Learning for Image Recognition, 2015, figure 2: ReLU between the weight layers and after
the sum.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.anatomy import Anatomy
from resnet_check.anatomy.kinds import NORMS, RECTIFIERS
from resnet_check.anatomy.linear import linear_gaps, linear_norms, linear_stem, linear_sums
from resnet_check.anatomy.owners import culprit, key, written
from resnet_check.finding import Finding, related
from resnet_check.graph.records import Op, Site
from resnet_check.rules._networks import networks
from resnet_check.rules._places import Places, inside, places
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC302", "missing-activation", "warning")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report the places without an activation."""
    for net in networks(context):
        yield from in_branches(report, net)
        yield from after_sums(report, places(context), net)
        yield from after_stem(report, net)


def in_branches(report: Reporter, net: Anatomy) -> Iterator[Finding]:
    """Report convolutions with nothing but a norm between them, or between them and the norm that begins the branch."""
    model, ops = net.model, net.model.ops
    gaps = [(gap.ops[-1] if gap.ops else gap.first, gap.second) for gap in linear_gaps(net)]
    others = innocent(net, {last for last, _ in gaps})
    for last, following in gaps:
        yield report(
            ops[last].site if is_bare(net, ops[last], others) else culprit(written(model, ops[last]), others),
            "no activation between this and the next convolution, which makes the two a single linear layer",
            label="no activation after this",
            help="put the activation that the other layers have behind it, as in `relu(norm(conv(x)))`",
            model=model,
            module=ops[last].path,
            related=(related(written(model, ops[following]), "the next convolution"),),
        )
    for norm in linear_norms(net):
        yield report(
            written(model, ops[norm]),
            "no activation between the norm that begins this pre-activation branch and its first convolution",
            label="no activation after this",
            help="put the activation that the other norms have behind it, as in `conv(relu(norm(x)))`",
            model=model,
            module=ops[norm].path,
        )


def after_sums(report: Reporter, found: Places, net: Anatomy) -> Iterator[Finding]:
    """Report sums that leave their block as they are."""
    for block in linear_sums(net):
        op = net.model.ops[block.sum]
        yield report(
            leaving(found, op.site),
            "no activation follows the sum of this residual block, and the next layer reads it as it is",
            label="the sum leaves the block without an activation",
            help="activate the sum, as in `return relu(out)`",
            model=net.model,
            module=op.path,
            related=(related(op.site, "the sum"),),
        )


def after_stem(report: Reporter, net: Anatomy) -> Iterator[Finding]:
    """Report a stem that hands its norm's output to the first block."""
    stem = linear_stem(net)
    if stem is not None:
        model, op = net.model, net.model.ops[stem]
        others = innocent(net, {stem})
        yield report(
            op.site if is_bare(net, op, others) else culprit(written(model, op), others),
            "no activation between the stem's norm and the first residual block",
            label="no activation after this",
            help="activate it, as in `relu(norm(conv(x)))`",
            model=model,
            module=op.path,
            related=(related(model.ops[net.blocks[0].sum].site, "the first residual block"),),
        )


def is_bare(net: Anatomy, op: Op, others: list[Site]) -> bool:
    """Return whether a helper without an activation built the layer, what it builds being activated in ``forward``.

    Then the activation is missing where ``forward`` calls the layer, not where the helper is called.
    """
    place = key(written(net.model, op))
    if place not in {key(site) for site in others}:
        return False
    same = [norm for norm in net.model.of_kind(*NORMS) if key(written(net.model, norm)) == place]
    after = [net.model.ops[each] for norm in same for each in net.flow.following(norm.index)[:1]]
    activations = [each for each in after if each.kind in RECTIFIERS]
    return bool(activations) and all(written(net.model, each) == each.site for each in activations)


def innocent(net: Anatomy, faulty: set[int]) -> list[Site]:
    """Return the places of the norms that lack nothing."""
    return [written(net.model, op) for op in net.model.of_kind(*NORMS) if op.index not in faulty]


def leaving(where: Places, added: Site) -> Site:
    """Return the statement that returns a sum, or the sum where that is not known."""
    function = where.function_around(added)
    if function is None:
        return added
    returns = [n for n in inside(function) if isinstance(n, ast.Return) and (n.end_lineno or n.lineno) >= added.line]
    first = min(returns, key=lambda node: node.lineno, default=None)
    return added if first is None else Site(*where.source.span(first))


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
        self.bn2 = nn.BatchNorm2d(o)
        self.short = nn.Sequential()
        if s != 1 or i != o:
            self.short = nn.Sequential(nn.Conv2d(i, o, 1, s, bias=False), nn.BatchNorm2d(o))

    def forward(self, x):
        y = {first}
        y = self.bn2(self.conv2(y))
        y += self.short(x)
        return {result}


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
_RELU = {"first": "F.relu(self.bn1(self.conv1(x)))", "result": "F.relu(y)", "stem": "F.relu(self.bn(self.conv(x)))"}

_BOTTLENECK = """
import torch
import torch.nn as nn


class Bottleneck(nn.Module):
    def __init__(self, c, planes, last=False):
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(c, planes, 1, bias=False), nn.BatchNorm2d(planes), nn.ReLU(),
            nn.Conv2d(planes, planes, 3, padding=1, bias=False),
            {norm}
            nn.Conv2d(planes, c, 1, bias=False), nn.BatchNorm2d(c),
        )
        self.last = last

    def forward(self, x):
        x = x + self.branch(x)
        return x if self.last else torch.relu(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 7, 2, 3, bias=False), nn.BatchNorm2d(32), nn.ReLU())
        self.body = nn.Sequential(Bottleneck(32, 8), Bottleneck(32, 8), Bottleneck(32, 8, last=True))

    def forward(self, x):
        return self.body(self.stem(x)).mean((2, 3))
"""

_PREACT = """
import torch
import torch.nn as nn
import torch.nn.functional as F


class PreAct(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(c), nn.Conv2d(c, c, 3, padding=1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(c), nn.Conv2d(c, c, 3, padding=1, bias=False)

    def forward(self, x):
        y = {first}
        y = self.conv1(y)
        y = {second}
        return x + self.conv2(y)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8))
        self.body = nn.Sequential(PreAct(8), PreAct(8))
        self.bn, self.fc = nn.BatchNorm2d(8), nn.Linear(8, 10)

    def forward(self, x):
        return self.fc(F.relu(self.bn(self.body(self.stem(x)))).mean([2, 3]))
"""

_HELPER = """
import torch
from torch import nn


def conv(i, o, k, s=1):
    return nn.Sequential(nn.Conv2d(i, o, k, s, k // 2, bias=False), nn.BatchNorm2d(o))


class Block(nn.Module):
    def __init__(self, i, o, s=1):
        super().__init__()
        self.conv1 = conv(i, o, 3, s)
        self.conv2 = conv(o, o, 3)
        self.conv3 = conv(o, o, 3)
        self.shortcut = conv(i, o, 1, s)

    def forward(self, x):
        y = {branch}
        y = torch.relu(self.conv2(y))
        return torch.relu(self.conv3(y) + self.shortcut(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv(3, 16, 3)
        self.body = nn.Sequential(Block(16, 16), Block(16, 32, 2))
        self.fc = nn.Linear(32, 10)

    def forward(self, x):
        x = torch.relu(self.stem(x))
        return self.fc(self.body(x).mean((2, 3)))
"""

BAD = (
    _HELPER.format(branch="self.conv1(x)  # <- missing-activation"),
    _PREACT.format(first="self.bn1(x)  # <- missing-activation", second="F.relu(self.bn2(y))"),
    _PREACT.format(first="F.relu(self.bn1(x))", second="self.bn2(y)  # <- missing-activation"),
    _NET.format_map(_RELU | {"first": "self.bn1(self.conv1(x))  # <- missing-activation"}),
    _NET.format_map(_RELU | {"result": "y  # <- missing-activation"}),
    _NET.format_map(_RELU | {"stem": "self.bn(self.conv(x))  # <- missing-activation"}),
    _BOTTLENECK.format(norm="nn.BatchNorm2d(planes),  # <- missing-activation"),
)

GOOD = (
    _HELPER.format(branch="torch.relu(self.conv1(x))"),
    _NET.format_map(_RELU),
    # The last block of a network that gives features may leave them linear.
    _BOTTLENECK.format(norm="nn.BatchNorm2d(planes), nn.ReLU(),"),
    # A generator of images leaves every sum linear.
    _NET.format_map(_RELU | {"result": "y"})
    .replace("Block(8, 8), Block(8, 16, 2), Block(16, 16)", "Block(8, 8), Block(8, 8)")
    .replace("nn.Linear(16, 10)", "nn.Conv2d(8, 3, 1)")
    .replace(".mean([2, 3])", ""),
    # Linear bottlenecks and depthwise convolutions.
    """
import torch
import torch.nn as nn


def unit(i, o, k, groups=1, act=True):
    layers = [nn.Conv2d(i, o, k, padding=k // 2, groups=groups, bias=False), nn.BatchNorm2d(o)]
    return nn.Sequential(*layers, nn.ReLU6()) if act else nn.Sequential(*layers)


class Inverted(nn.Module):
    def __init__(self, c):
        super().__init__()
        wide = 4 * c
        self.branch = nn.Sequential(unit(c, wide, 1), unit(wide, wide, 3, wide, act=False), unit(wide, c, 1, act=False))

    def forward(self, x):
        return x + self.branch(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(unit(3, 8, 3), Inverted(8), Inverted(8), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        return self.fc(self.body(x))
""",
    # A map between two convolutions that is given by the largest of several values is not linear.
    _NET.format_map(_RELU | {"first": "F.max_pool2d(self.bn1(self.conv1(x)), 3, 1, 1)"}),
    # MobileNeXt's linear bottleneck: two 1x1 convolutions are a matrix of low rank.
    """
import torch
from torch import nn


def unit(i, o, k, groups=1):
    return nn.Sequential(nn.Conv2d(i, o, k, padding=k // 2, groups=groups, bias=False), nn.BatchNorm2d(o))


class Sandglass(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.branch = nn.Sequential(
            unit(c, c, 3, c), nn.ReLU6(), unit(c, c // 4, 1), unit(c // 4, c, 1), nn.ReLU6(), unit(c, c, 3, c)
        )

    def forward(self, x):
        return x + self.branch(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(unit(3, 16, 3), nn.ReLU6())
        self.body = nn.Sequential(Sandglass(16), Sandglass(16))
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        return self.fc(self.body(self.stem(x)).mean((2, 3)))
""",
    # A stem that cuts an image into patches has neither norms nor activations.
    _NET.format_map(_RELU | {"stem": "self.conv2(self.conv(x))"})
    .replace("self.bn = nn.BatchNorm2d(8)", "self.conv2 = nn.Conv2d(8, 8, 2, 2)")
    .replace("nn.Conv2d(3, 8, 3, 1, 1, bias=False)", "nn.Conv2d(3, 8, 2, 2)"),
    # Pre-activation: the stem and the sums stay linear, since each block begins with norm and ReLU.
    _PREACT.format(first="F.relu(self.bn1(x))", second="F.relu(self.bn2(y))"),
)
