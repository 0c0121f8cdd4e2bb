"""Layers that ``forward`` uses are kept where ``nn.Module`` does not see them.

## What it checks
Whether every layer with parameters that ``forward`` calls is registered below the model: not in a plain list, tuple or
dict, not on the class instead of the instance, not only in a variable of the file or of a closure.

## Why it matters
``parameters()``, ``state_dict()``, ``to()`` and ``train()`` reach registered modules only. The others stay at their random
start: no optimizer updates them, no checkpoint holds them, and they stay on the CPU.

## Bad
    self.stages = [self.make_stage(w) for w in (64, 128, 256)]

## Good
    self.stages = nn.ModuleList([self.make_stage(w) for w in (64, 128, 256)])

## How to fix
Wrap a list or tuple in ``nn.ModuleList``, a dict in ``nn.ModuleDict``; assign layers to ``self``.

## Source
The documentation of ``torch.nn.ModuleList`` and ``torch.nn.ModuleDict``.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from resnet_check.finding import Finding
from resnet_check.graph.records import Model, ModuleRecord, Site
from resnet_check.rules._modules import below, counted, trainable, without_gradient
from resnet_check.rules._places import Places, places, targets
from resnet_check.rules.base import FileContext, Reporter, rule

CONTAINERS = {"list": "nn.ModuleList", "tuple": "nn.ModuleList", "dict": "nn.ModuleDict"}


@rule("RC106", "unregistered-module", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield each attribute, class attribute or variable that keeps unregistered layers."""
    for model in context.models:
        if model.unknown:
            continue
        kept: dict[tuple[int | None, str], list[ModuleRecord]] = defaultdict(list)
        for record in model.modules:
            if (
                not record.registered
                and record.reached
                and not record.created
                and not under_unregistered(model, record)
            ):
                kept[record.holder, record.held_as if record.holder is not None else str(record.built)].append(record)
        for (holder, name), records in kept.items():
            own = [r for record in records for r in below(model, record) if not r.registered]
            size = trainable(own)
            if not size or without_gradient(model, own):
                continue
            if holder is None:
                yield loose(report, model, records[0], size)
                continue
            found = held(report, places(context), model, model.modules[holder], name, records, size)
            if found is not None:
                yield found


def under_unregistered(model: Model, record: ModuleRecord) -> bool:
    """Return whether the module is part of another one that is itself unregistered or built on the fly."""
    return record.parent is not None and not model.modules[record.parent].registered


def loose(report: Reporter, model: Model, record: ModuleRecord, size: int) -> Finding:
    """Report a layer that no attribute keeps."""
    name = record.type.rpartition(".")[2]
    message = f"`forward` uses this `{name}`, but no module has registered it, so its {counted(size, 'parameter')} are not trained"
    return report(record.built, message, help="assign it to an attribute of the module that uses it", model=model)


def held(
    report: Reporter,
    found: Places,
    model: Model,
    holder: ModuleRecord,
    name: str,
    records: list[ModuleRecord],
    size: int,
) -> Finding | None:
    """Report an attribute that keeps layers in a plain container, or that belongs to the class."""
    many = counted(len(records), "module")
    effect = f"so the {counted(size, 'parameter')} of {many} are in no optimizer and no `state_dict()`"
    cls = found.class_at(holder.class_path, holder.class_line)
    site = holder.sites.get(name)
    if site is None:
        statement = None if cls is None else class_attribute(found, cls, name)
        if statement is None:
            return None
        message = f"`{name}` belongs to the class, not to its instances, {effect}"
        cure = f"write `self.{name} = ...` in `__init__`, behind `super().__init__()`"
        return report(found.source.site(statement), message, help=cure, model=model, module=holder.path or None)
    pairs = [] if cls is None else found.assignments(cls, name)
    value = next((v for s, v in pairs if s.lineno <= site.line <= (s.end_lineno or s.lineno)), None)
    if value is not None and hidden_on_purpose(found, value):
        return None
    kind = kind_of(value)
    wrapper = CONTAINERS[kind] if kind else "nn.ModuleList` or `nn.ModuleDict"
    text = f"`{found.segment(value)}`" if value is not None else ""
    inner = text.strip("`") if len(text) < 60 and text else "..."
    return report(
        statement_site(found, pairs, site),
        f"`self.{name}` is a plain {kind or 'container'}, {effect}",
        label=f"no module registers what is in this {kind or 'container'}",
        help=f"write `self.{name} = {wrapper}({inner})`" if kind else f"use `{wrapper}`",
        model=model,
        module=holder.path or None,
    )


def statement_site(found: Places, pairs: list[tuple[ast.stmt, ast.expr | None]], site: Site) -> Site:
    """Return the place of the assignment of which the place of the target is known."""
    return next((found.source.site(s) for s, _ in pairs if s.lineno <= site.line <= (s.end_lineno or s.lineno)), site)


def class_attribute(found: Places, cls: ast.ClassDef, name: str) -> ast.stmt | None:
    """Return the statement in a class body, of its own or of a base, that assigns a name."""
    for owner in found.family(cls):
        for statement in owner.body:
            if any(isinstance(t, ast.Name) and t.id == name for t, _ in targets(statement)):
                return statement
    return None


def hidden_on_purpose(found: Places, value: ast.expr) -> bool:
    """Return whether a container hides one module that the function was given: ``self.teacher = [teacher]``."""
    if not isinstance(value, (ast.List, ast.Tuple)) or len(value.elts) != 1 or not isinstance(value.elts[0], ast.Name):
        return False
    function = found.function_of(value)
    return function is not None and value.elts[0].id in {
        a.arg for a in ast.walk(function.args) if isinstance(a, ast.arg)
    }


def kind_of(value: ast.expr | None) -> str:
    """Return the kind of container that an expression makes, as far as it shows."""
    if isinstance(value, (ast.List, ast.ListComp)):
        return "list"
    if isinstance(value, (ast.Dict, ast.DictComp)):
        return "dict"
    if isinstance(value, ast.Tuple):
        return "tuple"
    called = value.func.id if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) else ""
    return called if called in CONTAINERS else ""


BAD = (
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.blocks = [nn.Conv2d(8, 8, 3, padding=1) for _ in range(3)]  # <- unregistered-module

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = x + block(x)
        return x
""",
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = []  # <- unregistered-module
        for width in (8, 8):
            self.blocks.append(nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.Conv2d(width, 3, 1)))
        self.stages = {"a": nn.Conv2d(3, 3, 1), "b": nn.Conv2d(3, 3, 1)}  # <- unregistered-module
        self.pair = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)  # <- unregistered-module

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        for name in ("a", "b"):
            x = self.stages[name](x)
        return self.pair[1](self.pair[0](x))
""",
    """
from torch import nn


class Net(nn.Module):
    conv = nn.Conv2d(3, 8, 3)  # <- unregistered-module

    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)

    def forward(self, x):
        return self.bn(self.conv(x))
""",
    """
from torch import nn

conv = nn.Conv2d(3, 8, 3)  # <- unregistered-module


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = nn.BatchNorm2d(8)

    def forward(self, x):
        return self.bn(conv(x))
""",
)

GOOD = (
    """
import torch
from torch import nn


class Net(nn.Module):
    act = nn.ReLU()

    def __init__(self):
        super().__init__()
        self.names = []
        self.blocks = []
        for i in range(3):
            self.add_module(f"block{i}", nn.Conv2d(3, 3, 3, padding=1))
            self.blocks.append(getattr(self, f"block{i}"))
        self.layers = [nn.Conv2d(3, 3, 1) for _ in range(2)]
        self.registered = nn.ModuleList(self.layers)
        self.acts = [nn.ReLU(), nn.Identity()]
        self.body = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))
        self.frozen = [nn.Conv2d(3, 3, 1)]
        self.frozen[0].requires_grad_(False)
        self.unused = [nn.Conv2d(3, 3, 1)]

    def forward(self, x):
        for block in self.blocks:
            x = self.acts[0](block(x))
        for layer in self.layers:
            x = self.acts[1](layer(x))
        for layer in self.body[:1]:
            x = layer(x)
        for layer in list(self.body)[1:]:
            x = layer(x)
        return self.act(self.frozen[0](x))
""",
    """
import torch
from torch import nn


class Distilled(nn.Module):
    def __init__(self, teacher=nn.Conv2d(3, 8, 1)):
        super().__init__()
        self.teacher = [teacher]
        self.student = nn.Conv2d(3, 8, 1)

    def forward(self, x):
        return self.student(x) - self.teacher[0](x)
""",
)
