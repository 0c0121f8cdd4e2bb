"""A layer is built while ``forward`` runs.

## What it checks
Whether ``forward`` builds layers instead of using those that ``__init__`` built. A layer that is built once and then kept
on ``self`` behind a condition is left alone.

## Why it matters
A layer with parameters gets new random weights on every call and can never learn. One without parameters works, but is
built anew for each batch and does not follow ``train()`` and ``eval()``.

## Bad
    def forward(self, x):
        shortcut = nn.Conv2d(64, 128, 1, stride=2)(x)

## Good
    def __init__(self):
        super().__init__()
        self.projection = nn.Conv2d(64, 128, 1, stride=2)

    def forward(self, x):
        shortcut = self.projection(x)

## How to fix
Build the layer in ``__init__``; use a function of ``torch.nn.functional`` for one without parameters.

## Source
The documentation of ``torch.nn.Module``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.finding import Finding
from resnet_check.graph.records import Model, ModuleRecord
from resnet_check.rules._modules import below, counted, trainable
from resnet_check.rules._places import FUNCTIONS, Places, places
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC110", "layer-created-in-forward", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield each layer that forward builds: an error with parameters, a note without."""
    for model in context.models:
        for record in model.modules:
            if not record.created or not record.reached or part_of_created(model, record):
                continue
            own = [r for r in below(model, record) if r.created]
            name, size = record.type.rpartition(".")[2], trainable(own)
            if kept_once(places(context), record) or (not size and (len(own) == 0 or harmless(name))):
                continue
            if size:
                effect = f"its {counted(size, 'parameter')} are new and random on every call, and never trained"
                message, cure, severity = f"`forward` builds this `{name}`: {effect}", "build it in `__init__`", "error"
            elif has_registered_parts(model, record):
                continue
            else:
                message = f"`forward` builds a new `{name}` on every call"
                cure, severity = "build it in `__init__`, or use the function of `torch.nn.functional`", "note"
            yield report(record.built, message, help=cure, model=model, severity=severity)


def harmless(name: str) -> bool:
    """Return whether building such a layer anew changes nothing, or is another rule's business."""
    return name == "Identity" or "Dropout" in name


def part_of_created(model: Model, record: ModuleRecord) -> bool:
    """Return whether the module is part of another one that forward builds."""
    return record.parent is not None and model.modules[record.parent].created


def has_registered_parts(model: Model, record: ModuleRecord) -> bool:
    """Return whether a new container only groups layers that are there already, or is empty."""
    return record.type == "torch.nn.Sequential" and all(r.created is False for r in below(model, record)[1:])


def kept_once(found: Places, record: ModuleRecord) -> bool:
    """Return whether the module is kept on an object and built behind a condition: the first call builds it for all."""
    if not record.registered and record.holder is None:
        return False
    for site in (record.built, *record.built.calls):
        function = found.function_around(site)
        if function is None:
            if site.path != found.source.path:
                return True
            continue
        if function.decorator_list:
            return True
        guards = [n for n in ast.walk(function) if isinstance(n, (ast.If, ast.Try, ast.IfExp, ast.BoolOp))]
        if any(n.lineno <= site.line <= (n.end_lineno or n.lineno) for n in guards):
            return True
        if isinstance(function, FUNCTIONS) and function.name == "forward":
            return False
    return False


BAD = (
    """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, 2, 1)

    def forward(self, x):
        side = nn.Conv2d(3, 8, 1, stride=2)(x)  # <- layer-created-in-forward
        return nn.ReLU()(self.conv(x) + side)  # <- layer-created-in-forward
""",
    """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        x = self.conv(x)
        self.head = nn.Linear(x.shape[1], 10)  # <- layer-created-in-forward
        return self.head(x.mean((2, 3)))
""",
    """
from torch import nn


def project(x, width):
    if x.shape[1] != width:
        return nn.Sequential(nn.Conv2d(x.shape[1], width, 1), nn.BatchNorm2d(width))(x)  # <- layer-created-in-forward
    return x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x):
        return self.conv(x) + project(x, 8)
""",
)

GOOD = (
    """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.bn = nn.BatchNorm2d(8)
        self.head = None
        self.cache = {}

    def side(self, width):
        if width not in self.cache:
            self.cache[width] = nn.Conv2d(width, width, 1)
        return self.cache[width]

    def forward(self, x):
        x = nn.Sequential(self.conv, self.bn)(x)
        if self.head is None:
            self.head = nn.Linear(x.shape[1], 10)
        return self.head(x.mean((2, 3)))
""",
)
