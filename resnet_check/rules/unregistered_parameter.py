"""A tensor is meant to be trained, but is no registered ``nn.Parameter``.

## What it checks
Whether a tensor attribute that asks for gradients and that ``forward`` uses is an ``nn.Parameter`` of the module, not a
plain tensor with ``requires_grad=True``, not the result of arithmetic or ``.cuda()`` on an ``nn.Parameter``, and not an
``nn.Parameter`` in a plain list or dict.

## Why it matters
``parameters()`` and ``state_dict()`` hold ``nn.Parameter`` attributes only. The tensor gets a gradient, but no optimizer
ever sees it, and it is not saved.

## Bad
    self.scale = torch.ones(1, requires_grad=True)

## Good
    self.scale = nn.Parameter(torch.ones(1))

## How to fix
Wrap the finished tensor in ``nn.Parameter``, several of them in ``nn.ParameterList`` or ``nn.ParameterDict``.

## Source
The documentation of ``torch.nn.parameter.Parameter``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.finding import Finding
from resnet_check.graph.records import Model, Op, Site
from resnet_check.rules._places import FUNCTIONS, Places, name_of, places
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC107", "unregistered-parameter", "warning")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield each attribute whose tensor is trainable, used and unregistered."""
    for model in context.models:
        for op in (*model.ops, *(model.trained or ())):
            site = op.attributes.get("assigned")
            if op.kind in {"parameter", "constant"} and isinstance(site, Site):
                found = attribute(report, places(context), model, op, site)
                if found is not None:
                    yield found


def attribute(report: Reporter, found: Places, model: Model, op: Op, site: Site) -> Finding | None:
    """Report the assignment of an attribute when its expression shows that the tensor is to be trained."""
    holder, name = model.modules[op.attributes["keeper"]], op.attributes["attribute"]
    cls = found.class_at(holder.class_path, holder.class_line)
    pairs = [] if cls is None else found.assignments(cls, name)
    statement, value = next(((s, v) for s, v in pairs if s.lineno == site.line), (None, None))
    if statement is None or cls is None or value is None or given_to_optimizer(found, cls, name):
        return None
    place = found.source.site(statement)
    if op.kind == "parameter":
        message = (
            f"`self.{name}` keeps parameters in a plain container, so they are in no optimizer and no `state_dict()`"
        )
        cure = "use `nn.ParameterList` or `nn.ParameterDict`"
        return report(place, message, help=cure, model=model, module=holder.path or None)
    if not wants_gradient(value) and not asked_later(found, cls, name):
        return None
    wrapped = "changed after `nn.Parameter` made it" if parameter_inside(value) else "a plain tensor"
    message = f"`self.{name}` asks for gradients but is {wrapped}, so it is in no optimizer and no `state_dict()`"
    cure = f"write `self.{name} = nn.Parameter(...)` around the finished tensor"
    return report(place, message, help=cure, model=model, module=holder.path or None)


def wants_gradient(value: ast.expr) -> bool:
    """Return whether an expression makes a tensor that asks for gradients."""
    for node in ast.walk(value):
        if isinstance(node, ast.keyword) and node.arg == "requires_grad":
            return isinstance(node.value, ast.Constant) and node.value.value is True
        if isinstance(node, ast.Call) and name_of(node.func) == "requires_grad_":
            return not node.args or not (isinstance(node.args[0], ast.Constant) and node.args[0].value is False)
    return parameter_inside(value)


def parameter_inside(value: ast.expr) -> bool:
    """Return whether an expression goes on computing with a new ``nn.Parameter``."""
    while isinstance(value, ast.BinOp) or (
        isinstance(value, ast.Call) and name_of(value.func) in {"cuda", "float", "half"}
    ):
        if isinstance(value, ast.BinOp):
            value = value.left if isinstance(value.right, ast.Constant) else value.right
        else:
            value = value.func.value if isinstance(value.func, ast.Attribute) else value.func
        if isinstance(value, ast.Call) and name_of(value.func) == "Parameter":
            return True
    return False


def asked_later(found: Places, cls: ast.ClassDef, name: str) -> bool:
    """Return whether a method sets ``self.name.requires_grad = True`` or calls ``self.name.requires_grad_()``."""
    for node in (n for m in cls.body if isinstance(m, FUNCTIONS) for n in ast.walk(m)):
        on = isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and node.value.value is True
        if on and any(found.segment(t) == f"self.{name}.requires_grad" for t in node.targets):  # type: ignore[attr-defined]
            return True
        if isinstance(node, ast.Call) and found.segment(node) == f"self.{name}.requires_grad_()":
            return True
    return False


def given_to_optimizer(found: Places, cls: ast.ClassDef, name: str) -> bool:
    """Return whether code outside of the class reads the attribute, as one does to hand it to an optimizer."""
    return any(
        isinstance(n, ast.Attribute) and n.attr == name and cls not in found.around(n) and isinstance(n.ctx, ast.Load)
        for n in found.nodes
    )


BAD = (
    """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.scale = torch.ones(1, requires_grad=True)  # <- unregistered-parameter
        self.shift = torch.zeros(8, 1, 1).requires_grad_()  # <- unregistered-parameter
        self.gate = nn.Parameter(torch.ones(1)) * 0.1  # <- unregistered-parameter
        self.late = torch.zeros(1)  # <- unregistered-parameter
        self.late.requires_grad = True
        self.weights = [nn.Parameter(torch.ones(1)) for _ in range(2)]  # <- unregistered-parameter

    def forward(self, x):
        x = self.conv(x) * self.scale * self.gate + self.shift + self.late
        for weight in self.weights:
            x = x * weight
        return x
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
        self.scale = nn.Parameter(torch.ones(1))
        self.mean = torch.zeros(8, 1, 1)
        self.start = torch.zeros(1, requires_grad=False)
        self.register_buffer("std", torch.ones(8, 1, 1))
        self.unused = torch.ones(1, requires_grad=True)
        self.noise = torch.zeros(1, requires_grad=True)
        self.weights = nn.ParameterList([nn.Parameter(torch.ones(1)) for _ in range(2)])
        self.tied = self.conv.weight

    def forward(self, x):
        x = (self.conv(x) - self.mean) / self.std * self.scale + self.start + self.noise
        for weight in self.weights:
            x = x * weight
        return x + self.tied.mean()


def attack(net):
    return torch.optim.SGD([net.noise], lr=0.1)
""",
)
