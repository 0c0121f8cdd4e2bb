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
from dataclasses import dataclass
from typing import Any

from resnet_check.finding import Finding, Fix
from resnet_check.graph.records import Model, ModuleRecord, Site
from resnet_check.rules._modules import below, counted, trainable, without_gradient
from resnet_check.rules._places import Places, inside, places, targets
from resnet_check.rules.base import FileContext, Reporter, rule

CONTAINERS = {"list": "nn.ModuleList", "tuple": "nn.ModuleList", "dict": "nn.ModuleDict"}


@dataclass(frozen=True, slots=True)
class Kept:
    """What one attribute keeps: unregistered modules, and the number of scalars that they train."""

    model: Model
    holder: ModuleRecord | None
    name: str
    records: list[ModuleRecord]
    size: int


@rule("RC106", "unregistered-module", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield each attribute, class attribute or variable that keeps unregistered layers."""
    for model in context.models:
        for kept in () if model.unknown else keepers(model):
            found = loose(report, kept) if kept.holder is None else held(report, places(context), kept, kept.holder)
            if found is not None:
                yield found


def keepers(model: Model) -> Iterator[Kept]:
    """Yield what keeps layers with parameters that forward uses and no module has registered."""
    groups: dict[tuple[int | None, str], list[ModuleRecord]] = defaultdict(list)
    for record in model.modules:
        outside = not record.registered and record.reached and not record.created
        if outside and not under_unregistered(model, record):
            groups[record.holder, record.held_as if record.holder is not None else str(record.built)].append(record)
    for (holder, name), records in groups.items():
        own = [r for record in records for r in below(model, record) if not r.registered]
        size = trainable(own)
        if size and not without_gradient(model, own):
            yield Kept(model, None if holder is None else model.modules[holder], name, records, size)


def under_unregistered(model: Model, record: ModuleRecord) -> bool:
    """Return whether the module is part of another one that is itself unregistered or built on the fly."""
    return record.parent is not None and not model.modules[record.parent].registered


def loose(report: Reporter, kept: Kept) -> Finding:
    """Report a layer that no attribute keeps."""
    name = kept.records[0].type.rpartition(".")[2]
    effect = f"so its {counted(kept.size, 'parameter')} are not trained"
    message = f"`forward` uses this `{name}`, but no module has registered it, {effect}"
    cure = "assign it to an attribute of the module that uses it"
    return report(kept.records[0].built, message, help=cure, model=kept.model)


def held(report: Reporter, found: Places, kept: Kept, holder: ModuleRecord) -> Finding | None:
    """Report an attribute that keeps layers in a plain container, or that belongs to the class."""
    name, many = kept.name, counted(len(kept.records), "module")
    effect = f"so the {counted(kept.size, 'parameter')} of {many} are in no optimizer and no `state_dict()`"
    cls = found.class_at(holder.class_path, holder.class_line)
    site = holder.sites.get(name)
    where: dict[str, Any] = {"model": kept.model, "module": holder.path or None}
    if site is None:
        statement = None if cls is None else class_attribute(found, cls, name)
        if statement is None:
            return None
        message = f"`{name}` belongs to the class, not to its instances, {effect}"
        cure = f"write `self.{name} = ...` in `__init__`, behind `super().__init__()`"
        return report(found.source.site(statement), message, help=cure, **where)
    pairs = [] if cls is None else found.assignments(cls, name)
    value = next((v for s, v in pairs if s.lineno <= site.line <= (s.end_lineno or s.lineno)), None)
    if value is not None and hidden_on_purpose(found, value):
        return None
    kind = kind_of(found, value)
    message = f"`self.{name}` is a plain {kind or 'container'}, {effect}"
    label = f"no module registers what is in this {kind or 'container'}"
    cure = "use `nn.ModuleList` or `nn.ModuleDict`"
    if kind and value is not None:
        inner = found.segment(value)
        cure = f"write `self.{name} = {CONTAINERS[kind]}({inner if len(inner) < 60 else '...'})`"
    fix = registered(found, value, CONTAINERS[kind]) if kind and value is not None else None
    return report(statement_site(found, pairs, site), message, label=label, help=cure, fix=fix, **where)


def registered(found: Places, value: ast.expr, container: str) -> Fix | None:
    """Return the fix that makes a container one of torch; one that is filled further on has to be it from the start."""
    from resnet_check.editing import around

    function = found.function_of(value)
    end = (value.end_lineno or value.lineno, value.end_col_offset or 0)
    later = (
        [n for n in inside(function) if isinstance(n, ast.Name) and (n.lineno, n.col_offset) > end] if function else []
    )
    if isinstance(value, ast.Name) and any(n.id == value.id for n in later):
        return None
    inner = ast.get_source_segment(found.source.text, value) or ""
    bare = isinstance(value, ast.Tuple) and not inner.startswith("(")
    first, last = ("((", "))") if bare else ("(", ")")
    return Fix(f"make it an `{container}`", around(found.source, value, f"{container}{first}", last), safe=False)


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


def kind_of(found: Places, value: ast.expr | None) -> str:
    """Return the kind of container that an expression makes, as far as it shows; a local name is followed."""
    if isinstance(value, (ast.List, ast.ListComp)):
        return "list"
    if isinstance(value, (ast.Dict, ast.DictComp)):
        return "dict"
    if isinstance(value, ast.Tuple):
        return "tuple"
    function = found.function_of(value) if isinstance(value, ast.Name) else None
    if isinstance(value, ast.Name) and function is not None:
        pairs = [pair for node in inside(function) if isinstance(node, ast.stmt) for pair in targets(node)]
        kinds = {kind_of(found, v) for t, v in pairs if isinstance(t, ast.Name) and t.id == value.id and v is not value}
        return kinds.pop() if len(kinds) == 1 else ""
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
