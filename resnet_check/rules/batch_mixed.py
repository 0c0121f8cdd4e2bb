"""The batch does not stay what it is: images are mixed with each other, or with positions.

## What it checks
Reshapes that move positions or channels into the batch (``view(-1, C)`` on feature maps, ``flatten(0)``), a batch size
written into a reshape, ``squeeze()`` without a dimension, which takes the batch away when it is one, a ``view`` behind a
``permute`` that moved the batch, and means over the batch. The first dimension is followed through the network as a
symbol: what comes back to it (frames of a video folded into the batch and unfolded again) is correct and silent.

## Why it matters
Torch does not notice: the shapes fit. The loss fails later, or the network trains on rows that belong to no image, or the
answer for one image depends on the others that happen to be in its batch.

## Bad
    x = x.view(-1, 512)        # [N, 512, 2, 2] becomes [4N, 512]
    x = torch.flatten(x)       # and this [N * 2048]

## Good
    x = x.view(x.size(0), -1)
    x = torch.flatten(x, 1)

## How to fix
Keep the first dimension: ``flatten(1)``, ``view(x.size(0), -1)``, ``squeeze(-1)``; average over positions, not images.

## Source
torch.Tensor.view, torch.flatten and torch.squeeze, whose documentation warns of batches of one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import partial
from math import prod

from resnet_check.blame.batch import RESHAPES, mistakes
from resnet_check.blame.branches import reads_as_sequence
from resnet_check.finding import Finding, Fix
from resnet_check.graph.dim import value
from resnet_check.graph.records import Model, Op, Site
from resnet_check.rules._places import Places, is_name, name_of, places
from resnet_check.rules.base import FileContext, Reporter, rule

FLATTEN = re.compile(r"^(flatten from dimension 1|take the batch from the tensor):")
"""The cures that come to flattening everything but the batch."""


@rule("RC206", "batch-mixed", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report what mixes the images of a batch."""
    for model in context.models:
        if model.status == "partial" or not model.ops or reads_as_sequence(model):
            continue
        for op, message, help_ in mistakes(model, partial(has_stated_size, context, model)):
            fix = flattened(places(context), op.site) if FLATTEN.search(help_) or gives_row(model, op) else None
            yield report(op.site, message, help=help_, model=model, module=op.path or None, fix=fix)


def gives_row(model: Model, op: Op) -> bool:
    """Return whether a reshape to two dimensions gives rows as long as what one image has."""
    sizes = [value(size) for size in model.ops[op.inputs[0]].shape[1:]]
    return op.kind in RESHAPES and len(op.shape) == 2 and value(op.shape[1]) == prod(sizes)


def flattened(found: Places, site: Site) -> Fix | None:
    """Return the fix that flattens from dimension 1 in the place of another reshape."""
    from resnet_check.editing import over

    call = found.at(site, ast.Call)
    if not isinstance(call, ast.Call) or name_of(call.func) not in RESHAPES or not isinstance(call.func, ast.Attribute):
        return None
    is_function = is_name(call.func.value, "torch")
    tensor = call.args[0] if is_function and call.args else call.func.value
    text = ast.get_source_segment(found.source.text, tensor) or ""
    cure = f"torch.flatten({text}, 1)" if is_function else f"{text}.flatten(1)"
    return Fix("keep the batch", (over(found.source, call, cure),), safe=False)


def has_stated_size(context: FileContext, model: Model) -> bool:
    """Return whether the file itself builds an input of the sizes that a model is looked at with."""
    from resnet_check.blame.stated import built_shapes

    sizes = tuple(value(size) for size in (model.input or ())[2:])
    tree = context.source.tree
    return tree is not None and any(sizes in {shape[1:], shape[2:]} for shape in built_shapes(tree))


NET = """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return torch.relu(x + y)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.blocks = nn.Sequential(Block(16), Block(16))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        x = self.blocks(self.stem(x))
        x = self.pool(x)
        x = torch.flatten(x, 1)
        return self.fc(x)
"""

MARK = "  # <- batch-mixed"


def _head(*lines: str) -> str:
    """Return the network with another way from the features to the classifier."""
    return NET.replace(
        "        x = self.pool(x)\n        x = torch.flatten(x, 1)\n", "".join(f"        {line}\n" for line in lines)
    )


BAD = (
    _head("x = nn.functional.adaptive_avg_pool2d(x, 2)", f"x = x.view(-1, 16){MARK}"),
    _head("x = self.pool(x)", f"x = torch.flatten(x){MARK}"),
    _head("x = self.pool(x)", f"x = x.flatten(0){MARK}"),
    _head("x = self.pool(x)", f"x = x.view(4, -1){MARK}"),
    _head("x = self.pool(x)", f"x = x.view(2, 16){MARK}"),
    _head("x = self.pool(x)", f"x = x.view(64, 16){MARK}"),
    _head("x = self.pool(x)", f"x = x.squeeze(){MARK}"),
    _head("x = self.pool(x)", f"x = x.permute(1, 0, 2, 3).reshape(x.size(0), -1){MARK}"),
    _head(f"x = x - x.mean(0, keepdim=True){MARK}", "x = torch.flatten(self.pool(x), 1)"),
    # It fits other images than those that the file itself builds.
    _head("x = nn.functional.max_pool2d(x, 4)", f"x = x.view(-1, 16 * 7 * 7){MARK}").replace(
        "Linear(16,", "Linear(784,"
    )
    + "\n\nprint(Net()(torch.rand(2, 3, 56, 56)))\n",
)

GOOD = (
    NET,
    # It counts the positions that images of 28x28 leave, whatever size a reader takes.
    _head("x = nn.functional.max_pool2d(x, 4)", "x = x.view(-1, 16 * 7 * 7)").replace(
        "Linear(16,", "Linear(16 * 7 * 7,"
    ),
    _head("x = self.pool(x)", "x = x.view(-1, 16)"),
    _head("x = self.pool(x)", "x = x.squeeze(-1).squeeze(-1)"),
    _head("x = x.permute(0, 2, 3, 1).flatten(1, 2).mean(1)"),
    # Positions go through the same layer as rows of a large batch, and come back.
    _head("n, c, h, w = x.shape", "x = x.permute(0, 2, 3, 1).reshape(-1, c)").replace(
        "return self.fc(x)", "return self.fc(x).view(n, h * w, 10).mean(1)"
    ),
    # The channels are shuffled in groups: the batch stays first all the time.
    _head("n, c, h, w = x.shape", "x = x.view(n, 4, c // 4, h, w).transpose(1, 2).reshape(n, c, h, w).mean((2, 3))"),
    # Attention: the batch is second on the way, and first again at the end.
    _head("x = x.flatten(2).permute(2, 0, 1)", "x = x.mean(0)"),
)
