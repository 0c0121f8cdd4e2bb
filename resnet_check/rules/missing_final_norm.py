"""A pre-activation network lacks the norm and the activation after its last block.

## What it checks
Networks whose branches begin with norm and activation and whose sums stay linear: whether a norm or an activation
stands between the last sum and the classifier.

## Why it matters
In a pre-activation network each block activates its own input, so the last sum is the only one that nothing normalises
and activates. Without them the classifier reads a plain sum of all branches, whose scale grows with the depth.

## Bad
    x = self.stages(x)
    return self.fc(x.mean((2, 3)))

## Good
    x = F.relu(self.bn(self.stages(x)))
    return self.fc(x.mean((2, 3)))

## How to fix
Put a norm and the activation behind the last block.

## Source
He et al., Identity Mappings in Deep Residual Networks, 2016, appendix: "for the last Residual Unit ... an extra
activation right after its element-wise addition".
"""

from __future__ import annotations

from collections.abc import Iterator

from resnet_check.anatomy import Anatomy
from resnet_check.anatomy.architecture import architecture
from resnet_check.anatomy.blocks import Block
from resnet_check.anatomy.owners import written
from resnet_check.finding import Finding, related
from resnet_check.graph.records import Op
from resnet_check.rules._networks import networks
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC308", "missing-final-norm", "warning")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report classifiers that read the last sum as it is."""
    for net in networks(context):
        after = bare_end(net)
        if after is not None:
            last = net.blocks[-1]
            width = net.model.ops[last.sum].shape[1]
            normed = net.flow.letter(after.index) == "n"
            yield report(
                written(net.model, after),
                "no activation follows the last norm of this pre-activation network"
                if normed
                else "neither norm nor activation follows the last block of this pre-activation network",
                label="no activation after this" if normed else "reads the last sum as it is",
                help="activate it, as in `relu(norm(x))`"
                if normed
                else f"put a norm for {width} channels and an activation before it",
                model=net.model,
                module=after.path or None,
                related=(related(net.model.ops[last.sum].site, "the last sum"),),
                severity="note" if not normed and is_variant(net) else None,
            )


def is_variant(net: Anatomy) -> bool:
    """Return whether it is the PreActResNet of many CIFAR projects: four stages behind a bare 3x3, and no norm at the end.

    It is another network than the paper's, and works; all its published results are without that norm.
    """
    found = architecture(net)
    if found is None or net.stem.letters not in {"c", "cna"}:
        return False  # where the first block has a projection, its norm and activation stand before both ways
    (conv,) = found.stem.convs
    return (conv.kernel, conv.stride) == (3, 1) and len(found.stages) == 4


def bare_end(net: Anatomy) -> Op | None:
    """Return the Op that reads the last sum of a pre-activation network on its way to the classifier."""
    if len(net.blocks) < 2 or not all(is_preactivated(net, block) for block in net.blocks):
        return None
    then = net.blocks[-1].then
    before, classifier, _ = then.partition("c")
    if not classifier or not set(before[1:]) <= set("po") or before[:1] not in {"p", "o", "n"}:
        return None
    following = net.flow.following(net.blocks[-1].sum)
    head = net.model.ops[following[len(before)]]
    return net.model.ops[following[0]] if head.kind in {"linear", "conv"} and leads_out(net, following) else None


def leads_out(net: Anatomy, following: tuple[int, ...]) -> bool:
    """Return whether the model returns what follows its last sum."""
    return following[-1] in net.flow.returned


def is_preactivated(net: Anatomy, block: Block) -> bool:
    """Return whether a branch begins with norm and activation, of its own or shared with the shortcut."""
    order = "".join(letter for letter in block.branch.letters if letter in "cdna")
    if order.startswith("na"):
        return order.endswith("c")
    start, flow = block.start, net.flow
    shared = flow.letter(start) == "a" and flow.gates[start] >= 0 and flow.letter(flow.gates[start]) == "n"
    return shared and order.endswith("c") and "nac" in order


_NET = """
import torch
import torch.nn.functional as F
from torch import nn


class PreAct(nn.Module):
    def __init__(self, i, o, s=1):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(i), nn.Conv2d(i, o, 3, s, 1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(o), nn.Conv2d(o, o, 3, 1, 1, bias=False)
        self.short = nn.Conv2d(i, o, 1, s, bias=False) if s != 1 or i != o else None

    def forward(self, x):
        pre = F.relu(self.bn1(x))
        short = x if self.short is None else self.short(pre)
        return short + self.conv2(F.relu(self.bn2(self.conv1(pre))))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 1, 1, bias=False)
        self.body = nn.Sequential(PreAct(8, 8), PreAct(8, 16, 2), PreAct(16, 16))
        {norm}
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        x = self.body(self.stem(x))
        {end}
        return self.fc(x)
"""

BAD = (
    _NET.format(norm="self.bn = nn.BatchNorm2d(16)", end="x = self.bn(x).mean((2, 3))  # <- missing-final-norm"),
    _NET.format(norm="", end="x = F.adaptive_avg_pool2d(x, 1).flatten(1)  # <- missing-final-norm"),
    _NET.format(norm="", end="x = x.mean((2, 3))  # <- missing-final-norm"),
)

GOOD = (
    _NET.format(norm="self.bn = nn.BatchNorm2d(16)", end="x = F.relu(self.bn(x)).mean((2, 3))"),
    # Features for another network.
    _NET.format(norm="", end="return x"),
)
