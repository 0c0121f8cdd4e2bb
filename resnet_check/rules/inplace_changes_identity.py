"""An in-place activation at the start of a branch also changes the tensor that is added later.

## What it checks
Whether an activation with `inplace=True` overwrites a tensor that is then used, under its older name, on the other side
of the sum that the activation's own result flows into.

## Why it matters
The shortcut no longer carries the block's input but its positive part. Nothing fails: the network trains, with a
rectified identity that no reading of the code shows.

## Bad
    self.branch = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(64, 64, 3, padding=1))
    ...
    return x + self.branch(x)

## Good
    self.branch = nn.Sequential(nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1))
    ...
    return x + self.branch(x)

## How to fix
Build the activation without `inplace=True`. Where the rectified input is meant on the shortcut too, say so: assign it
first (`x = self.relu(x)`) and use that name on both sides.

## Source
He et al., "Identity Mappings in Deep Residual Networks" (2016): the shortcut carries the input unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator

from resnet_check.finding import Finding, Fix, related
from resnet_check.graph.records import Model, Op
from resnet_check.rules._autograd import overwrites
from resnet_check.rules._places import places
from resnet_check.rules._training import not_in_place, place, title
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC502", "inplace-changes-identity", "warning")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield the in-place activations after which a shortcut carries another value."""
    broken = {lost.op.site[:5] for model in context.complete for lost in overwrites(model)}
    for model, problem in context.found("inplace-changes-identity"):
        if model is None or model.status == "failed" or problem.site[:5] in broken:
            continue
        op, reader = model.ops[problem.facts["op_index"]], model.ops[problem.facts["reader"]]
        name = title(model, op)
        site, more = place(model, op)
        yield report(
            site,
            f"the in-place {name} overwrites the tensor that line {reader.site.line} adds as the shortcut: it carries"
            f" the output of {name} instead of the block's input",
            label="changes the shortcut too",
            help=f"leave out `inplace=True` here, so that {name} makes a new tensor",
            model=model,
            module=op.path or None,
            related=(related(reader.site, "the shortcut is added here"), *more),
            fix=mended(context, model, op),
        )


def mended(context: FileContext, model: Model, op: Op) -> Fix | None:
    """Return the fix of an activation in place, wherever it says that it is."""
    layer = model.layer(op)
    return not_in_place(places(context), op.site if layer is None else layer.built)


BAD = (
    """
import torch.nn as nn
import torch.nn.functional as F


class Unit(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def forward(self, x):
        pre = F.relu(x, inplace=True)  # <- inplace-changes-identity
        return self.conv1(self.bn1(pre)) + x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.units = nn.Sequential(Unit(8), Unit(8))

    def forward(self, x):
        return self.units(self.stem(x))
""",
    """
from torch import nn


class Separable(nn.Module):
    def __init__(self, width, out):
        super().__init__()
        self.rep = nn.Sequential(
            nn.ReLU(inplace=True),  # <- inplace-changes-identity
            nn.Conv2d(width, out, 3, padding=1, bias=False),
            nn.BatchNorm2d(out),
        )
        self.skip = nn.Sequential(nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out))

    def forward(self, inp):
        x = self.rep(inp)
        x += self.skip(inp)
        return x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8))
        self.block = Separable(8, 16)

    def forward(self, x):
        return self.block(self.stem(x))
""",
    """
from torch import nn


class PreAct(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.shortcut = nn.Identity()
        self.act = nn.LeakyReLU(0.1, inplace=True)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        shortcut = self.shortcut(x)
        out = self.act(x)  # <- inplace-changes-identity
        out = self.conv1(out)
        out = self.act(out)
        return self.conv2(out) + shortcut


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.block = PreAct(8)

    def forward(self, x):
        return self.block(self.stem(x))
""",
)

GOOD = (
    """
import torch.nn as nn
import torch.nn.functional as F


class Shared(nn.Module):
    def __init__(self, width, out):
        super().__init__()
        self.bn = nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(width, out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.project = nn.Conv2d(width, out, 1, bias=False) if width != out else None

    def forward(self, x):
        out = F.relu(self.bn(x), inplace=True)
        shortcut = self.project(out) if self.project is not None else x
        out = self.conv1(out)
        out = self.conv2(F.relu(self.bn2(out), inplace=True))
        return out + shortcut


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.blocks = nn.Sequential(Shared(8, 8), Shared(8, 16))
        self.bn = nn.BatchNorm2d(16)

    def forward(self, x):
        return F.relu(self.bn(self.blocks(self.stem(x))))
""",
    """
import torch.nn as nn
import torch.nn.functional as F


class Meant(nn.Module):
    def __init__(self, width, *, how):
        super().__init__()
        self.how = how
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        if self.how == "assigned":
            x = self.relu(x)
        elif self.how == "statement":
            F.relu_(x)
        else:
            return x + self.conv(self.relu(x.clone()))
        return x + self.conv(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.blocks = nn.Sequential(*[Meant(8, how=how) for how in ("assigned", "statement", "copied")])

    def forward(self, x):
        return self.blocks(self.stem(x))
""",
)
