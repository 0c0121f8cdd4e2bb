"""The projection on a shortcut is followed by an activation of its own.

## What it checks
A block whose shortcut ends in an activation before the addition, though the branch does not and an activation follows
the sum. Where the branch ends in one too, or none follows the sum, it is a note.

## Why it matters
The shortcut is there to carry the signal on unchanged, or changed linearly where the shape changes. A ReLU on it cuts
off everything negative in each block that has one, forwards and backwards.

## Bad
    self.shortcut = nn.Sequential(nn.Conv2d(i, o, 1, 2, bias=False), nn.BatchNorm2d(o), nn.ReLU())

## Good
    self.shortcut = nn.Sequential(nn.Conv2d(i, o, 1, 2, bias=False), nn.BatchNorm2d(o))

## How to fix
Remove the activation from the shortcut; the one after the sum stays.

## Source
He et al., Deep Residual Learning for Image Recognition, 2015, section 3.2; Identity Mappings, 2016, section 3.
"""

from __future__ import annotations

from collections.abc import Iterator

from resnet_check.anatomy.kinds import ACTIVATIONS
from resnet_check.anatomy.owners import culprit, written
from resnet_check.finding import Finding, related
from resnet_check.rules._networks import networks
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC304", "activation-on-shortcut", "warning")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report activations between a projection and its sum."""
    for net in networks(context):
        model = net.model
        found = {b.shortcut.ops[-1]: b for b in net.blocks if b.is_projection and b.shortcut.letters[-1] == "a"}
        others = [written(model, op) for op in model.of_kind(*ACTIVATIONS) if op.index not in found]
        for index, block in found.items():
            clear = block.then[:1] == "a" and block.branch.letters[-1:] != "a" and block.branch.letters[:1] in "c_"
            kind = model.ops[index].kind
            yield report(
                culprit(written(model, model.ops[index]), others),
                f"the projection on the shortcut is followed by an activation (`{kind}`) before the addition",
                label="activation on the shortcut",
                help="remove it; a projection is a convolution and a norm, and the activation comes after the sum",
                model=model,
                module=model.ops[block.sum].path,
                severity=None if clear else "note",
                related=(related(model.ops[block.sum].site, "added here"),),
            )


_NET = """
import torch
import torch.nn as nn


def unit(i, o, k, s=1, act=True):
    layers = [nn.Conv2d(i, o, k, s, k // 2, bias=False), nn.BatchNorm2d(o)]
    return nn.Sequential(*layers, nn.ReLU()) if act else nn.Sequential(*layers)


class Block(nn.Module):
    def __init__(self, i, o, s=1):
        super().__init__()
        self.branch = nn.Sequential(unit(i, o, 3, s), unit(o, o, 3, act={act}))
        self.short = nn.Sequential()
        if s != 1 or i != o:
            self.short = {short}

    def forward(self, x):
        return torch.relu(self.branch(x) + self.short(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(unit(3, 8, 3), Block(8, 8), Block(8, 16, 2), Block(16, 16))
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        return self.fc(self.body(x).mean([2, 3]))
"""

BAD = (
    _NET.format(act=False, short="unit(i, o, 1, s)  # <- activation-on-shortcut"),
    _NET.format(
        act=False,
        short="nn.Sequential(nn.Conv2d(i, o, 1, s, bias=False), nn.BatchNorm2d(o),\n"
        "                                       nn.ReLU())  # <- activation-on-shortcut",
    ),
)

GOOD = (
    _NET.format(act=False, short="unit(i, o, 1, s, act=False)"),
    """
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
        pre = F.relu(self.bn1(x))
        return self.short(pre) + self.conv2(F.relu(self.bn2(self.conv1(pre))))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), PreAct(8, 8, 1), PreAct(8, 16, 2), nn.BatchNorm2d(16), nn.ReLU())
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        return self.fc(self.body(x).mean([2, 3]))
""",
)
