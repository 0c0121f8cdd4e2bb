"""The branch of a block and its shortcut agree for images of even size and differ for odd ones.

## What it checks
Sums in residual blocks whose operands come out equal at the size being looked at, but not where a size on the way is odd:
a stride of two rounds up in a convolution with padding, and down in a pool or in a convolution without padding. In a file
that speaks of CIFAR, MNIST or SVHN, whose images all have one even size, it is a note; so it is for a max pool, as DLA has
it on purpose.

## Why it matters
The network works for 224x224 and crashes for 225x225, in the middle of a validation set.

## Bad
    self.shortcut = nn.Sequential(nn.AvgPool2d(2, 2), conv1x1(c_in, c_out))

## Good
    self.shortcut = nn.Sequential(nn.AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False), conv1x1(c_in, c_out))

## How to fix
Let both sides round alike: ``ceil_mode=True`` for the pool, or the same padding for both convolutions.

## Source
He et al., Bag of Tricks for Image Classification with Convolutional Neural Networks, 2019, section 4 (ResNet-D).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from resnet_check.blame.accepted import values_at, written
from resnet_check.blame.branches import branches
from resnet_check.finding import Finding, related
from resnet_check.graph.dim import Dim
from resnet_check.graph.records import Model, Op
from resnet_check.rules.base import FileContext, Reporter, rule

PLAIN = frozenset(
    "conv batch_norm group_norm instance_norm layer_norm relu relu6 gelu silu elu leaky_relu prelu hardswish dropout"
    " avg_pool max_pool pad mul sigmoid adaptive_avg_pool adaptive_max_pool mean linear view reshape unsqueeze expand"
    " parameter buffer".split()
)
"""Operators of branches; one that resizes or crops makes sizes agree on purpose, or is meant for certain sizes."""

SIZES = list(range(33, 257))

FIXED = re.compile(r"cifar|mnist|svhn", re.IGNORECASE)
"""Data whose images all have one size, which is even."""


@rule("RC209", "odd-size-shortcut", "warning")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report sums whose operands round differently."""
    for model in context.complete:
        if not model.accepted or len(model.accepted) < 4:
            continue
        for op in model.of_kind("add"):
            found = differing(model, op)
            if found is not None and written(model, found[0]).path == context.source.path:
                pool, size, left, right = found
                yield report(
                    written(model, pool),
                    f"for images of {size}x{size} the operands of the sum in `{op.path or model.name}` are {left} and "
                    f"{right} wide: this {pool.kind.replace('_', ' ')} rounds the other way",
                    help="pass `ceil_mode=True`" if "pool" in pool.kind else "use the same padding in both branches",
                    model=model,
                    module=op.path or None,
                    related=(related(op.site, "added here"),),
                    severity="note" if FIXED.search(context.source.text) or pool.kind == "max_pool" else None,
                )


def differing(model: Model, op: Op) -> tuple[Op, int, object, object] | None:
    """Return the layer that rounds down, the first size at which it matters, and the two sizes there."""
    if len(op.inputs) != 2:
        return None
    left, right = (model.ops[i].shape for i in op.inputs)
    if len(left) != len(right) or len(left) < 3 or left == right:
        return None
    _, sides = branches(model, op)
    if not all(o.kind in PLAIN for side in sides for o in side):
        return None
    for one, two in zip(left[2:], right[2:], strict=True):
        if not (isinstance(one, Dim) and isinstance(two, Dim)) or one == two:
            continue
        ones, twos = values_at(model, one, SIZES), values_at(model, two, SIZES)
        bad = [i for i, (a, b) in enumerate(zip(ones, twos, strict=True)) if a != b]
        if not bad or len(bad) > 0.95 * len(SIZES):
            continue
        side = sides[0] if int(str(ones[bad[0]])) < int(str(twos[bad[0]])) else sides[1]
        reducing = [o for o in side if o.kind in {"avg_pool", "max_pool", "conv"} and any(s != 1 for s in strides(o))]
        if reducing:
            return reducing[0], SIZES[bad[0]], ones[bad[0]], twos[bad[0]]
    return None


def strides(op: Op) -> tuple[object, ...]:
    """Return the strides of a layer."""
    found = op.attributes.get("stride")
    return found if isinstance(found, tuple) else ()


NET = """
import torch
from torch import nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, c_in, c_out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False),
            nn.Conv2d(c_in, c_out, 1, bias=False),
            nn.BatchNorm2d(c_out),
        )

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + self.shortcut(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        self.blocks = nn.Sequential(Block(16, 32, 2), Block(32, 64, 2))
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = self.blocks(F.relu(self.bn(self.conv(x))))
        return self.fc(x.mean((2, 3)))
"""

MARK = "  # <- odd-size-shortcut"
POOL = "nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False),"

BAD = (
    NET.replace(POOL, f"nn.AvgPool2d(stride, stride),{MARK}"),
    NET.replace(POOL, f"nn.MaxPool2d(stride),{MARK}"),
    NET.replace(POOL, "").replace(
        "nn.Conv2d(c_in, c_out, 1, bias=False),", f"nn.Conv2d(c_in, c_out, 2, 2, bias=False),{MARK}"
    ),
)

GOOD = (
    NET,
    NET.replace(POOL, "nn.MaxPool2d(1, stride),"),
    NET.replace(POOL, "").replace(
        "nn.Conv2d(c_in, c_out, 1, bias=False)", "nn.Conv2d(c_in, c_out, 1, stride, bias=False)"
    ),
    # Cut to fit.
    NET.replace(POOL, "nn.AvgPool2d(stride, stride),").replace(
        "return F.relu(y + self.shortcut(x))",
        "s = self.shortcut(x)\n        return F.relu(y[:, :, : s.shape[2], : s.shape[3]] + s)",
    ),
)
