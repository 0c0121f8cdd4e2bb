"""No activation where the network has one everywhere else: between two convolutions, after the sum, after the stem.

## What it checks
Three places at which ReLU is easily forgotten: between two convolutions of a branch (or of the stem) that have a norm
between them; after the sum of a block in the original style, whose branch ends in a norm and whose successor begins with
a convolution; and between the stem's norm and the first block. Each counts only against the rest of the same network:
linear bottlenecks, depthwise convolutions, factorised kernels, pre-activation blocks, networks without a classifier that
leave every sum linear, and a last block that gives features of either sign are all meant that way.

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
He et al., Deep Residual Learning for Image Recognition, 2015, figure 2: ReLU between the weight layers and after the sum.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.anatomy import Anatomy
from resnet_check.anatomy.blocks import Block
from resnet_check.anatomy.gaps import Gap, gaps, is_inverted, is_plain, is_private, is_simple
from resnet_check.anatomy.kinds import ACTIVATION, GATE
from resnet_check.anatomy.owners import written
from resnet_check.finding import Finding, related
from resnet_check.graph.records import Site
from resnet_check.rules._networks import networks
from resnet_check.rules._places import Places, inside, places
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC302", "missing-activation", "warning")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report the three places without an activation."""
    for net in networks(context):
        ops, model = net.model.ops, net.model
        for gap in linear_gaps(net):
            yield report(
                written(model, ops[gap.ops[-1] if gap.ops else gap.first]),
                "no activation between this and the next convolution, which makes the two a single linear layer",
                label="no activation after this",
                help="put the activation that the other layers have behind it, as in `relu(norm(conv(x)))`",
                model=model,
                module=ops[gap.first].path,
                related=(related(written(model, ops[gap.second]), "the next convolution"),),
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
        for block in linear_sums(net):
            yield report(
                leaving(places(context), ops[block.sum].site),
                "no activation follows the sum of this residual block, and the next convolution reads it as it is",
                label="the sum leaves the block without an activation",
                help="activate the sum, as in `return relu(out)`",
                model=model,
                module=ops[block.sum].path,
                related=(related(ops[block.sum].site, "the sum"),),
            )
        stem = linear_stem(net)
        if stem is not None:
            yield report(
                written(model, ops[stem]),
                "no activation between the stem's norm and the first residual block",
                label="no activation after this",
                help="activate it, as in `relu(norm(conv(x)))`",
                model=model,
                module=ops[stem].path,
                related=(related(ops[net.blocks[0].sum].site, "the first residual block"),),
            )


def linear_gaps(net: Anatomy) -> Iterator[Gap]:
    """Yield the gaps in branches and stem that have no activation though the network's style has one."""
    inner = [(block, gap) for block in net.blocks if is_simple(block.branch) for gap in gaps(block.branch)]
    usual = any(ACTIVATION in gap.letters or GATE in gap.letters for _, gap in inner)
    normed = any("n" in gap.letters for _, gap in inner)
    original = ACTIVATION in net.stem.letters
    for block, gap in inner:
        expected = usual or is_preactivated(block) or (original and block.then.startswith("a"))
        if expected and is_linear(net, gap, normed=normed):
            yield gap
    if usual and set(net.stem.letters) <= set("cnap_"):
        yield from (gap for gap in gaps(net.stem) if is_linear(net, gap, normed=normed))


def linear_norms(net: Anatomy) -> Iterator[int]:
    """Yield the norms that begin a pre-activation branch without an activation behind them.

    A branch that ends in a norm too is a PyramidNet's or a face network's, and means it.
    """
    for block in net.blocks:
        shared = net.flow.letter(block.start) == "n"
        order = "n" * shared + block.branch.letters
        if order.startswith("nc") and order.endswith("c") and "nac" in order and order.count("n") == order.count("c"):
            first = block.start if shared else block.branch.ops[0]
            if set(order) <= set("nac") and is_plain(net.flow, block.branch.convs[0]) and block.then[:1] != "a":
                yield first


def is_preactivated(block: Block) -> bool:
    """Return whether a branch begins with norm and activation."""
    return block.branch.letters.startswith("na")


def is_linear(net: Anatomy, gap: Gap, *, normed: bool) -> bool:
    """Return whether two ordinary convolutions have at most a norm, a pool or padding between them.

    In a network with norms one must be between them: two convolutions without anything between are a factorised one.
    """
    flow = net.flow
    return (
        set(gap.letters) <= set("np_")
        and ("n" in gap.letters if normed else net.model.ops[gap.first].attributes["bias"])
        and all(is_plain(flow, op) for op in (gap.first, gap.second))
        and is_private(flow, gap)
    )


def linear_sums(net: Anatomy) -> Iterator[Block]:
    """Yield the blocks of the original style whose sum should be activated and is not."""
    original = [block for block in net.blocks if is_original(net, block)]
    active = {outline(block) for block in original if block.then.startswith("a")}
    bare = [block for block in original if is_bare(block)]
    if active:
        if bare != [net.blocks[-1]]:
            yield from (block for block in bare if outline(block) in active)
    elif len(bare) > 1 and len(bare) == len(net.blocks) and is_encoder(net) and is_normal(net, bare):
        yield from bare


def outline(block: Block) -> str:
    """Return the order of convolutions, norms and activations in the branch."""
    return "".join(letter for letter in block.branch.letters if letter in "cna")


def is_original(net: Anatomy, block: Block) -> bool:
    """Return whether a branch begins with a convolution, ends without an activation, and is no inverted bottleneck."""
    order = outline(block)
    return is_simple(block.branch) and order[0] == "c" and order[-1] != "a" and not is_inverted(net.flow, block)


def is_bare(block: Block) -> bool:
    """Return whether convolutions, sums, pools or the classifier read the sum as it is."""
    after = block.then.lstrip("p_") + block.readers
    return after[:1] in {"", "c", "o"} if block.then.strip("p_") else set(block.readers) <= set("c+p")


def is_encoder(net: Anatomy) -> bool:
    """Return whether the model ends in a pool and a classifier, or has projections with norms: no generator of images."""
    then = net.blocks[-1].then
    classifier = then.endswith("c") and set(then[:-1]) <= set("po") and bool(then[:-1])
    return classifier or any("cn" in block.shortcut.letters for block in net.blocks)


def is_normal(net: Anatomy, blocks: list[Block]) -> bool:
    """Return whether stem and branches have norms and activations as the original network does."""
    return net.stem.letters.strip("_").startswith("cna") and all(
        block.branch.letters.rstrip("g").endswith("n") and all("a" in gap.letters for gap in gaps(block.branch))
        for block in blocks
    )


def linear_stem(net: Anatomy) -> int | None:
    """Return the last Op of a stem that should be activated and is not."""
    letters = net.stem.letters
    last = letters.rfind("c")
    if last < 0 or not net.blocks or not is_original(net, net.blocks[0]) or not net.blocks[0].then.startswith("a"):
        return None
    tail = letters[last + 1 :]
    readers = {net.flow.letter(op) for op in net.flow.readers[net.stem.ops[-1]]}
    if "n" not in tail or not set(tail) <= set("np_") or not readers <= set("c+p"):
        return None
    return net.stem.ops[last + 1 + tail.rfind("n")]


def leaving(where: Places, added: Site) -> Site:
    """Return the statement that returns a sum, or the sum where that is not known."""
    function = where.function_around(added)
    if function is None:
        return added
    returns = [n for n in inside(function) if isinstance(n, ast.Return) and (n.end_lineno or n.lineno) >= added.line]
    first = min(returns, key=lambda node: node.lineno, default=None)
    return added if first is None else Site(*where.source.span(first))


_NET = '''
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
'''
_RELU = {"first": "F.relu(self.bn1(self.conv1(x)))", "result": "F.relu(y)", "stem": "F.relu(self.bn(self.conv(x)))"}

_BOTTLENECK = '''
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
'''

_PREACT = '''
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
'''

BAD = (
    _PREACT.format(first="self.bn1(x)  # <- missing-activation", second="F.relu(self.bn2(y))"),
    _PREACT.format(first="F.relu(self.bn1(x))", second="self.bn2(y)  # <- missing-activation"),
    _NET.format_map(_RELU | {"first": "self.bn1(self.conv1(x))  # <- missing-activation"}),
    _NET.format_map(_RELU | {"result": "y  # <- missing-activation"}),
    _NET.format_map(_RELU | {"stem": "self.bn(self.conv(x))  # <- missing-activation"}),
    _BOTTLENECK.format(norm="nn.BatchNorm2d(planes),  # <- missing-activation"),
)

GOOD = (
    _NET.format_map(_RELU),
    # The last block of a network that gives features may leave them linear.
    _BOTTLENECK.format(norm="nn.BatchNorm2d(planes), nn.ReLU(),"),
    # A generator of images leaves every sum linear.
    _NET.format_map(_RELU | {"result": "y"})
    .replace("Block(8, 8), Block(8, 16, 2), Block(16, 16)", "Block(8, 8), Block(8, 8)")
    .replace("nn.Linear(16, 10)", "nn.Conv2d(8, 3, 1)")
    .replace(".mean([2, 3])", ""),
    # Linear bottlenecks and depthwise convolutions.
    '''
import torch
import torch.nn as nn


def unit(i, o, k, groups=1, act=True):
    layers = [nn.Conv2d(i, o, k, padding=k // 2, groups=groups, bias=False), nn.BatchNorm2d(o)]
    return nn.Sequential(*layers, nn.ReLU6()) if act else nn.Sequential(*layers)


class Inverted(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.branch = nn.Sequential(unit(c, 4 * c, 1), unit(4 * c, 4 * c, 3, 4 * c, act=False), unit(4 * c, c, 1, act=False))

    def forward(self, x):
        return x + self.branch(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(unit(3, 8, 3), Inverted(8), Inverted(8), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        return self.fc(self.body(x))
''',
    # Pre-activation: the stem and the sums stay linear, since each block begins with norm and ReLU.
    _PREACT.format(first="F.relu(self.bn1(x))", second="F.relu(self.bn2(y))"),
)
