"""The branch of a residual block ends in ReLU, and is then added to the shortcut.

## What it checks
A block whose branch ends in a ReLU right before the addition, though another ReLU follows the sum. Where no ReLU
follows (as in "ResNet-9", whose blocks add whole conv-norm-ReLU stacks), where shortcuts end in one too, or where there
is no classifier (as in RAFT's encoders), it is a note.

## Why it matters
What a ReLU lets through is never negative, so the branch can only add to the shortcut and never take away from it: the
signal grows from block to block, and the block cannot learn a correction in both directions.

## Bad
    y = F.relu(self.bn2(self.conv2(y)))
    return F.relu(x + y)

## Good
    y = self.bn2(self.conv2(y))
    return F.relu(x + y)

## How to fix
Remove the ReLU at the end of the branch; keep the one after the sum.

## Source
He et al., Identity Mappings in Deep Residual Networks, 2016, section 4.1 (figure 4c, "ReLU before addition").
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.anatomy import Anatomy
from resnet_check.anatomy.blocks import Block
from resnet_check.anatomy.kinds import RECTIFIERS
from resnet_check.anatomy.owners import culprit, written
from resnet_check.finding import Edit, Finding, Fix, related
from resnet_check.graph.records import Op, Site
from resnet_check.rules._claims import Claim, claims
from resnet_check.rules._examples import BASIC, RESNET18, network
from resnet_check.rules._networks import networks
from resnet_check.rules._places import Places, name_of, places
from resnet_check.rules.base import FileContext, Reporter, rule

REMOVE = "remove this ReLU"


@rule("RC301", "relu-before-add", "warning")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report ReLUs between a branch and its sum."""
    claimed = {id(claim.model) for claim in claims(context) if says_after(claim)}
    for net in networks(context):
        model = net.model
        found = {last.index: (block, last) for block in net.blocks if (last := last_relu(net, block)) is not None}
        others = [written(model, op) for op in model.of_kind(*RECTIFIERS) if op.index not in found]
        for block, last in found.values():
            site, clear = culprit(written(model, last), others), is_clear(net, block, claimed=id(model) in claimed)
            yield report(
                site,
                "the branch ends in ReLU before the addition: it can only add to the shortcut, never subtract from it",
                label="ReLU at the end of the branch",
                help="remove this ReLU; the activation belongs after the sum",
                model=model,
                module=model.ops[block.sum].path,
                severity=None if clear else "note",
                related=(related(model.ops[block.sum].site, "added here"),),
                fix=unrectified(places(context), site) if clear else None,
            )


def unrectified(found: Places, site: Site) -> Fix | None:
    """Return the fix that leaves of a call in ``forward`` what it is called on, or takes the last layer out of a Sequential."""
    from resnet_check.editing import unwrapped

    call = found.at(site, ast.Call)
    function = None if call is None else found.function_of(call)
    if not isinstance(call, ast.Call) or function is None:
        return None
    if len(call.args) == 1 and function.name == "forward":
        return Fix(REMOVE, unwrapped(found.source, call, call.args[0]), safe=False)
    holder = found.parents[call]
    if isinstance(holder, ast.Call) and name_of(holder.func) == "Sequential" and call in holder.args[1:][-1:]:
        before, last = found.source.span(holder.args[-2]), found.source.span(call)
        return Fix(REMOVE, (Edit(*before[3:], *last[3:], ""),), safe=False)
    return None


def last_relu(net: Anatomy, block: Block) -> Op | None:
    """Return the ReLU that ends the branch after two convolutions or more."""
    branch = block.branch
    if not branch.letters.endswith("a") or len(branch.convs) < 2 or not branch.straight:
        return None
    last = net.model.ops[branch.ops[-1]]
    return last if last.kind in RECTIFIERS else None


def says_after(claim: Claim) -> bool:
    """Return whether the model's name says that it is a published network whose ReLU follows the sum."""
    return claim.by in {"name", "option"} and claim.fits_blocks and not claim.variant.preactivated


def is_clear(net: Anatomy, block: Block, *, claimed: bool) -> bool:
    """Return whether the block is otherwise of the style that has its ReLU after the sum, and only there.

    A ReLU that has moved from there to the end of the branch shows only where the network's name says so (``claimed``).

    Where other branches of the network end in another activation (ENet's PReLU), or its projections end in one too
    (SqueezeNext), an activation before the sum is the style of the network. So it is in the encoders of RAFT and what came of
    it; their maps go to no classifier.
    """
    following = net.flow.following(block.sum)
    after = net.model.ops[following[0]].kind if following else ""
    if not any(net.flow.ops[op].kind == "linear" for op in net.flow.alive):
        return False
    style = {net.model.ops[b.branch.ops[-1]].kind for b in net.blocks if b.branch.letters.endswith("a")}
    both = any(b.branch.letters[-1:] + b.shortcut.letters[-1:] == "aa" for b in net.blocks)
    return (after in RECTIFIERS or claimed) and block.branch.letters[:1] in "c_" and not both and style <= RECTIFIERS


_BLOCK = """
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
        y = F.relu(self.bn1(self.conv1(x)))
        {branch}
        return {result}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.body = nn.Sequential(Block(8), Block(8))
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        return self.fc(self.body(self.stem(x)).mean([2, 3]))
"""

_HELPER = """
import torch
import torch.nn as nn


def unit(i, o, act=True):
    layers = [nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o)]
    return nn.Sequential(*layers, nn.ReLU()) if act else nn.Sequential(*layers)


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.first = unit(c, c)
        self.second = {second}

    def forward(self, x):
        return torch.relu(x + self.second(self.first(x)))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = unit(3, 8)
        self.body = nn.Sequential(Block(8), Block(8))
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        return self.fc(self.body(self.stem(x)).mean([2, 3]))
"""

BAD = (
    _BLOCK.format(branch="y = F.relu(self.bn2(self.conv2(y)))  # <- relu-before-add", result="F.relu(x + y)"),
    _HELPER.format(second="unit(c, c)  # <- relu-before-add"),
    network(
        BASIC,
        RESNET18,
        (
            "return F.relu(y + self.shortcut(x))",
            "return F.relu(y) + self.shortcut(x)  # <- relu-before-add",
        ),
    ),
)

GOOD = (
    _BLOCK.format(branch="y = self.bn2(self.conv2(y))", result="F.relu(x + y)"),
    _BLOCK.format(branch="y = F.leaky_relu(self.bn2(self.conv2(y)))", result="x + y"),
    _HELPER.format(second="unit(c, c, act=False)"),
)
