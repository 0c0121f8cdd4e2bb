"""The network takes images of one size, or of a few sizes, because a pool or a reshape is fixed.

## What it checks
Networks that accept only some sizes since a pool has a fixed kernel (``AvgPool2d(7)``), or since a linear layer or a
``view`` counts the positions that are left. The message gives the exact interval of sizes that pass, and from which
size on the pool leaves rows and columns out without a word. It is an error where the file itself uses a size that fails,
and a note where the file says which size it is meant for: an assertion, a check that raises, an `in_size` argument, a
tensor that it builds, CIFAR or MNIST in its names, a stem that is one for images of 32x32, a linear layer that counts the
positions of the map.

## Why it matters
The network crashes, far from the pool, as soon as the images have another size, and inside the interval it may ignore the
border of the images.

## Bad
    x = F.avg_pool2d(x, 7)          # right for 224x224 only
    return self.fc(x.flatten(1))

## Good
    x = F.adaptive_avg_pool2d(x, 1)
    return self.fc(x.flatten(1))

## How to fix
Pool to one position whatever the size: ``nn.AdaptiveAvgPool2d(1)``, ``F.adaptive_avg_pool2d(x, 1)`` or ``x.mean((2, 3))``.

## Source
torch.nn.AdaptiveAvgPool2d; torchvision's ResNets had ``AvgPool2d(7)`` until version 0.3.
"""

from __future__ import annotations

from collections.abc import Iterator

from resnet_check.blame import findings
from resnet_check.blame.accepted import Limit, dropped_from, limit_of, said, sizes_of
from resnet_check.blame.stated import says_size
from resnet_check.finding import Finding
from resnet_check.graph.dim import value
from resnet_check.graph.records import Model
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC205", "fixed-input-size", "warning")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report what keeps a network from taking images of other sizes."""
    yield from findings(report, context, severity="error")
    alone = all(model.trial for model in context.models)
    for model in context.models:
        accepted = [] if (model.trial and not alone) or model.status == "partial" else sizes_of(model)
        limit = limit_of(model, accepted)
        if limit is not None:
            yield report(
                limit.site,
                words(model, limit, accepted),
                help=advice(limit),
                model=model,
                module=limit.op.path or None,
                severity="note" if is_meant(context, model, limit, accepted) else None,
            )


def is_meant(context: FileContext, model: Model, limit: Limit, accepted: list[tuple[int, int]]) -> bool:
    """Return whether the author shows the size that the network is for: in words, by the stem, or by counting positions.

    Who writes 512 * 7 * 7 for a linear layer knows the map; who writes ``AvgPool2d(7)`` may not.
    """
    counted = limit.op.kind not in {"avg_pool", "max_pool"}
    return counted or says_size(context.source, accepted) or is_small(model, accepted)


SMALL = 32
"""The size of the images of CIFAR, for which a stem does not make them smaller."""


def is_small(model: Model, accepted: list[tuple[int, int]]) -> bool:
    """Return whether the stem is one for small images, and the network takes just these: its pool is made for them."""
    sizes = {value(size) for size in (model.input or ())[2:]}
    return sizes == {SMALL} and any(low <= SMALL <= high for low, high in accepted)


def words(model: Model, limit: Limit, accepted: list[tuple[int, int]]) -> str:
    """Return which sizes pass, and which are cut."""
    pools = limit.op.kind in {"avg_pool", "max_pool"}
    kernel = limit.op.attributes.get("kernel")
    what = f"pool of {'x'.join(map(str, kernel))}" if pools and isinstance(kernel, tuple) else limit.op.kind
    one = accepted[0][0] == accepted[-1][1]
    text = f"because of this {what} the network takes images of size {said(accepted)} only"
    dropped = dropped_from(model, limit.op, accepted)
    if dropped is not None and not one:
        text += f"; from {dropped} on it drops rows and columns silently"
    return text


def advice(limit: Limit) -> str:
    """Return what to write instead."""
    if limit.op.kind in {"avg_pool", "max_pool"}:
        return "pool to one position at every size: `nn.AdaptiveAvgPool2d(1)`"
    return "pool to a fixed number of positions in front of it: `nn.AdaptiveAvgPool2d(1)`"


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
        self.shortcut = nn.Sequential()
        if stride != 1 or c_in != c_out:
            self.shortcut = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + self.shortcut(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 7, 2, 3, bias=False)
        self.bn = nn.BatchNorm2d(16)
        self.blocks = nn.Sequential(Block(16, 16, 2), Block(16, 32, 2), Block(32, 64, 2), Block(64, 64, 2))
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = self.blocks(F.relu(self.bn(self.conv(x))))
        x = F.adaptive_avg_pool2d(x, 1)
        x = torch.flatten(x, 1)
        return self.fc(x)
"""

MARK = "  # <- fixed-input-size"
POOL = "x = F.adaptive_avg_pool2d(x, 1)"
USED = '\n\nif __name__ == "__main__":\n    print(Net()(torch.randn(2, 3, SIZE, SIZE)).shape)\n'

BAD = (
    NET.replace(POOL, f"x = F.avg_pool2d(x, 7){MARK}"),
    NET.replace("F.adaptive_avg_pool2d(x, 1)", "self.pool(x)").replace(
        "        self.fc", f"        self.pool = nn.AvgPool2d(7, stride=1){MARK}\n        self.fc"
    ),
    NET.replace(f"        {POOL}\n", "").replace("nn.Linear(64, 10)", f"nn.Linear(64 * 7 * 7, 10){MARK}"),
    NET.replace(POOL, f"x = F.avg_pool2d(x, 7){MARK}") + USED.replace("SIZE", "64"),
    NET.replace(POOL, f"x = F.avg_pool2d(x, 2){MARK}") + USED.replace("SIZE", "128"),
    # A network without a class: all its layers are called where it is built.
    NET.partition("class Net")[0]
    + f"""
def net():
    return nn.Sequential(
        nn.Conv2d(3, 16, 7, 4, 3, bias=False), nn.BatchNorm2d(16), nn.ReLU(), Block(16, 32, 2), Block(32, 64, 2),
        nn.AvgPool2d(7),{MARK}
        nn.Flatten(), nn.Linear(64, 10),
    )
""",
    NET.replace(POOL, "")
    .replace("x = torch.flatten(x, 1)", f"x = x.view(x.size(0), 64 * 7 * 7){MARK}")
    .replace("nn.Linear(64, 10)", "nn.Linear(64 * 7 * 7, 10)")
    + USED.replace("SIZE", "128"),
)

GOOD = (
    NET,
    NET.replace(POOL, "x = x.mean((2, 3), keepdim=True)"),
    NET.replace(POOL, "x = F.avg_pool2d(x, x.shape[2:])"),
    NET + USED.replace("SIZE", "64"),
    # A default that only stands for what users give.
    """
import torch
from torch import nn


class Detect(nn.Module):
    def __init__(self, classes=80, anchors=()):
        super().__init__()
        self.register_buffer("anchors", torch.tensor(anchors).float().view(len(anchors), -1, 2))
        self.conv = nn.Conv2d(64, len(anchors) * (classes + 5), 1)

    def forward(self, x):
        return self.conv(x)
""",
)
