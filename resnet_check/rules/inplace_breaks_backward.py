"""An in-place operation overwrites a value that the backward pass still needs.

## What it checks
Whether `+=`, `add_` or an activation with `inplace=True` overwrites a tensor of which autograd has kept the values: the
output of a ReLU, sigmoid, tanh, softmax, square root or exponential, or the input of a convolution, linear layer, norm,
max pool, product and the like.

## Why it matters
The forward pass gives the right numbers, also in evaluation. In training, `backward()` raises "one of the variables
needed for gradient computation has been modified by an inplace operation", and does not say by which line.

## Bad
    x = F.relu(self.conv1(x))
    out = self.conv2(x)
    x += out

## Good
    x = F.relu(self.conv1(x))
    out = self.conv2(x)
    x = x + out

## How to fix
Make a new tensor: `x = x + out` for `x += out`, `nn.ReLU()` for `nn.ReLU(inplace=True)`. Overwriting the output of a
convolution, a norm or a sum is fine, because their gradients do not need it.

## Source
The PyTorch documentation, "Autograd mechanics", section "In-place correctness checks".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.finding import Finding, Fix, related
from resnet_check.graph.records import Model, Op
from resnet_check.rules._autograd import overwrites
from resnet_check.rules._places import places
from resnet_check.rules._training import not_in_place, place, runnable, title
from resnet_check.rules.base import FileContext, Reporter, rule

LONG = 40
"""A statement with more characters is shortened in a message."""


@rule("RC501", "inplace-breaks-backward", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield the in-place operations after which ``backward()`` raises."""
    for model in runnable(context):
        for lost in overwrites(model):
            keeper = title(model, lost.keeper)
            what = f"the output of {keeper}" if lost.output else f"the input of {keeper}"
            written, mend = words(context, model, lost.op)
            site, more = place(model, lost.op)
            yield report(
                site,
                f"{written} overwrites {what} (line {lost.keeper.site.line}), which the gradient of {keeper} needs:"
                " `backward()` raises",
                label=f"overwrites what {keeper} has kept",
                help=mend,
                model=model,
                module=lost.op.path or None,
                related=(
                    related(lost.keeper.site, f"{keeper} keeps its {'output' if lost.output else 'input'}"),
                    *more,
                ),
                fix=mended(context, model, lost.op, mend),
            )


def mended(context: FileContext, model: Model, op: Op, cure: str) -> Fix | None:
    """Return the fix that makes a new tensor instead."""
    from resnet_check.editing import over

    node, layer = places(context).at(op.site, ast.AugAssign), model.layer(op)
    if node is None:
        return not_in_place(places(context), op.site if layer is None else layer.built)
    text = cure.removeprefix("make a new tensor: ").strip("`")
    return Fix("make a new tensor", (over(context.source, node, text),), safe=False)


def words(context: FileContext, model: Model, op: Op) -> tuple[str, str]:
    """Return what overwrites, and how to write it instead."""
    node = places(context).at(op.site, ast.AugAssign)
    if isinstance(node, ast.AugAssign):
        target, value = places(context).segment(node.target), places(context).segment(node.value)
        sign = places(context).segment(ast.BinOp(ast.Name("a"), node.op, ast.Name("b")))[2:-2]
        value = f"({value})" if isinstance(node.value, (ast.BinOp, ast.IfExp, ast.BoolOp)) and sign != "+" else value
        text = f"{target} {sign}= {value}"
        written = text if len(text) <= LONG else f"{target} {sign}= ..."
        return f"`{written}`", f"make a new tensor: `{target} = {target} {sign} {value}`"
    if model.layer(op) is not None:
        name = title(model, op)
        return f"the in-place {name}", f"build this {name} without `inplace=True`"
    return f"the in-place `{op.kind}`", f"use the form of `{op.kind}` that makes a new tensor"


BAD = (
    """
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        out = self.conv2(x)
        x += out  # <- inplace-breaks-backward
        return F.relu(x)
""",
    """
import torch
from torch import nn


class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(3, 8, 3, padding=1)
        self.gate = nn.Conv2d(8, 8, 1)

    def forward(self, x):
        out = self.conv1(x)
        weight = torch.sigmoid(self.gate(out.mean((2, 3), keepdim=True)))
        scaled = out * weight
        out.add_(scaled)  # <- inplace-breaks-backward
        root = torch.sqrt(self.conv2(x) ** 2 + 1)
        root *= 2  # <- inplace-breaks-backward
        weight += 1  # <- inplace-breaks-backward
        return out + root + weight
""",
    """
from torch import nn


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        out = self.conv(x)
        return out + self.relu(x)  # <- inplace-breaks-backward


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 8, 3),
            Block(8),
            nn.Sigmoid(),
            nn.ReLU(inplace=True),  # <- inplace-breaks-backward
            nn.Conv2d(8, 8, 3),
        )
""",
)

GOOD = (
    """
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.squeeze = nn.Conv2d(8, 8, 1)
        self.dropout = nn.Dropout(0.0, inplace=True)

    def forward(self, x):
        x = self.dropout(self.relu(self.bn1(self.conv1(x))))
        out = self.bn2(self.conv2(x))
        out *= torch.sigmoid(self.squeeze(F.adaptive_avg_pool2d(out, 1)))
        out += x
        out = self.relu(out)
        with torch.no_grad():
            mask = torch.sigmoid(out)
            mask += 1
        return out * mask
""",
    """
from torch import nn
import torch.nn.functional as F


class Frozen(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.other = nn.Conv2d(8, 8, 3, padding=1)
        for parameter in self.parameters():
            parameter.requires_grad = False

    def forward(self, x):
        x = F.relu(self.conv(x))
        x += self.other(x)
        x = F.relu(x.clone())
        y = x.clone()
        y += 1
        return x + y
""",
)
