"""A layer is registered, but no forward pass reaches it.

## What it checks
Whether every layer that a module assigns to an attribute is called, or its parameters read, in ``forward`` in training or
evaluation mode. A layer that other methods, other code of the file or other instances of the class use is left alone, and
so is a module of which not every operation was understood.

## Why it matters
Most often its name was mistyped where it should be called: the network calls ``bn1`` twice and ``bn2`` never. Its
parameters get no gradient, which also stops distributed training.

## Bad
    out = self.bn1(self.conv1(x))
    out = self.bn1(self.conv2(out))

## Good
    out = self.bn1(self.conv1(x))
    out = self.bn2(self.conv2(out))

## How to fix
Call the layer where it belongs, or delete it.

## Source
The documentation of ``torch.nn.parallel.DistributedDataParallel``, ``find_unused_parameters``.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from resnet_check.finding import Finding, related
from resnet_check.graph.records import Model, ModuleRecord
from resnet_check.rules._explained import CAUSES, SHAPES
from resnet_check.rules._modules import below, counted, trainable
from resnet_check.rules._places import FUNCTIONS, Function, Places, is_name, places, self_name
from resnet_check.rules.base import FileContext, Reporter, rule

WALKERS = frozenset(
    {
        "children",
        "named_children",
        "modules",
        "named_modules",
        "_modules",
        "getattr",
        "get_submodule",
        "__dict__",
        "vars",
    }
)
"""Ways to reach a layer without its name."""

CONTAINERS = frozenset(
    {"torch.nn.ModuleList", "torch.nn.ModuleDict", "torch.nn.ParameterList", "torch.nn.ParameterDict"}
)


@rule("RC111", "unused-layer", "warning")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield each attribute whose layer no instance of its class ever uses."""
    for model, record, cls in unused(context):
        yield finding(report, places(context), model, record, cls)


Unused = tuple[Model, ModuleRecord, ast.ClassDef]


def unused(context: FileContext) -> list[Unused]:
    """Return the layers that nothing uses, each with its model and the class that builds it; worked out once."""
    found: list[Unused] | None = context.shared.get("unused layers")
    if found is None:
        found = context.shared["unused layers"] = [*never_used(context)]
    return found


def never_used(context: FileContext) -> Iterator[Unused]:
    """Yield the layers that no instance of their class reaches and whose name nothing else reads."""
    used: dict[tuple[str, int, str], bool] = defaultdict(bool)
    idle: list[tuple[Model, ModuleRecord, ModuleRecord]] = []
    for model in context.models:
        whole, alive = understood(model), reached(model)
        for record in model.modules:
            if record.parent is None or not record.registered:
                continue
            parent = model.modules[record.parent]
            used[key(parent, record)] |= alive[record.index] or not (whole and parent.reached)
            if not alive[record.index] and whole and parent.reached and not model.trial:
                idle.append((model, parent, record))
    for model, parent, record in idle:
        name, cls = attribute_of(record), places(context).class_at(parent.class_path, parent.class_line)
        known = cls is not None and name in parent.sites
        if (
            cls is not None
            and known
            and not used[key(parent, record)]
            and not read_elsewhere(places(context), cls, name)
        ):
            yield model, record, cls


def reached(model: Model) -> list[bool]:
    """Return for each module whether a forward pass reaches it or one under it."""
    found = [record.reached for record in model.modules]
    for record in reversed(model.modules):
        if record.parent is not None:
            found[record.parent] |= found[record.index]
    return found


def understood(model: Model) -> bool:
    """Return whether all that forward does was understood, though its shapes may not fit."""
    shapes_only = model.status == "failed" and all(p.kind in SHAPES | CAUSES for p in model.problems)
    return (model.status == "complete" or (shapes_only and not model.trial)) and model.trained != []


def key(parent: ModuleRecord, record: ModuleRecord) -> tuple[str, int, str]:
    """Return what makes an attribute of a class the same in all its instances."""
    return parent.class_path, parent.class_line, attribute_of(record)


def attribute_of(record: ModuleRecord) -> str:
    """Return the name under which a module is registered."""
    return record.path.rpartition(".")[2]


def finding(report: Reporter, found: Places, model: Model, record: ModuleRecord, cls: ast.ClassDef) -> Finding:
    """Report the assignment of a layer."""
    name, size = attribute_of(record), trainable(below(model, record))
    site = model.modules[record.parent or 0].sites[name]
    statements = [s for s, _ in found.assignments(cls, name)]
    place = next((found.source.site(s) for s in statements if s.lineno == site.line), site)
    weight = f", so its {counted(size, 'parameter')} never learn" if size else ""
    twice = called_twice(model, record) if size else None
    if twice is not None:
        other = attribute_of(twice)
        return report(
            twice.calls[1],
            f"`self.{other}` is called a second time here, and `self.{name}` not at all{weight}",
            label=f"`self.{name}` was meant",
            help=f"write `self.{name}`",
            model=model,
            module=record.path,
            related=(related(place, f"`self.{name}` is built here"),),
        )
    return report(
        place,
        f"`self.{name}` is built, but no forward pass of `{cls.name}` uses it{weight}",
        label="never called",
        help="call it where it belongs, or delete it",
        model=model,
        module=record.path,
        severity="note" if not size or is_classifier(model, record) else None,
    )


def called_twice(model: Model, record: ModuleRecord) -> ModuleRecord | None:
    """Return the only sister of a layer's type that its parent calls twice."""
    sisters = [r for r in model.modules if r.parent == record.parent and r.type == record.type and len(r.calls) > 1]
    first = sisters[0] if len(sisters) == 1 else None
    return (
        first if first is not None and first.type.startswith("torch.nn.") and first.calls[0] != first.calls[1] else None
    )


def is_classifier(model: Model, record: ModuleRecord) -> bool:
    """Return whether the layer is the classifier of a network of which only the features are used.

    It is often kept on purpose, for the names in a checkpoint.
    """
    sisters = [r for r in model.modules if r.parent == record.parent and r.type == "torch.nn.Linear"]
    return record.type == "torch.nn.Linear" and not any(r.reached for r in sisters)


def read_elsewhere(found: Places, cls: ast.ClassDef, name: str) -> bool:
    """Return whether code of the file may use the attribute in some other way than those forward passes did."""
    family = found.family(cls)
    own = [m for owner in family for m in owner.body if isinstance(m, FUNCTIONS)]
    if any(reads(found, method, name) or walks(method) or spells(found, method, name) for method in own):
        return True
    return any(names_it(found, node, name) and found.class_of(node) not in family for node in found.nodes)


def names_it(found: Places, node: ast.AST, name: str) -> bool:
    """Return whether code reads an attribute of that name on another object, or has the name in a string."""
    if isinstance(node, ast.Attribute):
        return node.attr == name and not own_attribute(found, node) and loaded(found, node)
    text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    return name in text.split(".") and in_code(found, node)


def reads(found: Places, method: Function, name: str) -> bool:
    """Return whether a method reads ``self.name``."""
    itself = self_name(method)
    attributes = (n for n in ast.walk(method) if isinstance(n, ast.Attribute) and n.attr == name)
    return any(is_name(n.value, itself) and loaded(found, n) for n in attributes)


def spells(found: Places, method: Function, name: str) -> bool:
    """Return whether a method has the name in a string."""
    return any(isinstance(n, ast.Constant) and names_it(found, n, name) for n in ast.walk(method))


def walks(method: Function) -> bool:
    """Return whether a method may reach layers without their names, for more than to initialise them."""
    if "init" in method.name or method.name in {"train", "eval", "extra_repr", "load_state_dict", "freeze"}:
        return False
    return any(isinstance(n, (ast.Name, ast.Attribute)) and last(n) in WALKERS for n in ast.walk(method))


def last(node: ast.Name | ast.Attribute) -> str:
    """Return the last part of a name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id


def loaded(found: Places, node: ast.Attribute) -> bool:
    """Return whether the attribute is read for more than initialising its parameters, as ``x.bn2.weight`` is at first.

    Later on a method may read a weight, or write it for a layer that training does not use (re-parametrisation).
    """
    if not isinstance(node.ctx, ast.Load):
        return False
    parent, function = found.parents.get(node), found.function_of(node)
    of_weights = isinstance(parent, ast.Attribute) and parent.attr in {"weight", "bias", "apply"}
    return not of_weights or (function is not None and not any(w in function.name for w in ("init", "reset", "load")))


def own_attribute(found: Places, node: ast.Attribute) -> bool:
    """Return whether another class reads an attribute of that name of its own."""
    function = found.function_of(node)
    return function is not None and found.class_of(node) is not None and is_name(node.value, self_name(function))


def in_code(found: Places, node: ast.AST) -> bool:
    """Return whether a string is used, not a docstring."""
    return not isinstance(found.parents.get(node), ast.Expr)


BAD = (
    """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.act = nn.ReLU()  # <- unused-layer

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn1(self.conv2(out)) + x)  # <- unused-layer


class Other(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, x):
        return self.bn2(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.body = nn.Sequential(Block(8), Block(8), Other(8))
        for module in self.modules():
            if isinstance(module, Block):
                nn.init.zeros_(module.bn2.weight)

    def forward(self, x):
        return self.body(self.stem(x))
""",
    """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, width, out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(width, out, 3, stride, 1)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1)
        self.shortcut = nn.Conv2d(width, out, 1, stride)

    def forward(self, x):
        out = torch.relu(self.conv1(x))
        return torch.relu(self.conv1(out) + self.shortcut(x))  # <- unused-layer


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(Block(3, 8), Block(8, 16, 2))

    def forward(self, x):
        return self.body(x)
""",
    """
from torch import nn


class Net(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.bn = nn.BatchNorm2d(width)  # <- unused-layer
        self.fc = nn.Linear(width, classes)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))


def small():
    return Net(8, 10)


def net(width, classes):
    return Net(width, classes)
""",
)

GOOD = (
    """
import torch
import torch.nn.functional as F
from torch import nn


class Gate(nn.Module):
    def __init__(self, wanted):
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1)
        self.extra = nn.Conv2d(8, 8, 1)
        self.wanted = wanted

    def forward(self, x):
        return self.extra(x) if self.wanted else self.conv(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.aux = nn.Linear(8, 10)
        self.fc = nn.Linear(8, 10)
        self.head = nn.Linear(8, 10)
        self.tied = nn.Linear(8, 8)
        self.gates = nn.ModuleList([Gate(True), Gate(False), Gate(True)])
        self.by_name = nn.Conv2d(8, 8, 1)
        self.outside = nn.Linear(8, 2)
        self.names = ["by_name"]

    def classify(self, x):
        return self.head(x)

    def forward(self, x):
        x = self.stem(x)
        for gate in self.gates[:2]:
            x = gate(x)
        for name in self.names:
            x = getattr(self, name)(x)
        x = F.linear(x.mean((2, 3)), self.tied.weight)
        return (self.fc(x), self.aux(x)) if self.training else self.fc(x)


def predict(net, x):
    return net.outside(net(x))
""",
    # A layer that is only for use after training gets its weights from those that learnt.
    """
import torch.nn.functional as F
from torch import nn


class Merged(nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.point = nn.Conv2d(width, width, 1)
        self.plain = nn.Conv2d(width, width, 3, padding=1)

    def merge(self):
        self.plain.weight.data = self.conv.weight + F.pad(self.point.weight, (1, 1, 1, 1))
        self.plain.bias.data = self.conv.bias + self.point.bias

    def forward(self, x):
        return self.conv(x) + self.point(x)

""",
)
