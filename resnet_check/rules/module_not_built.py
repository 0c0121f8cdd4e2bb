"""A layer's class stands where a layer must stand, or a tuple holds it.

## What it checks
Whether layers are built before they are used: ``nn.ReLU`` without parentheses in ``__init__`` or among the arguments of a
container, ``nn.ReLU(x)`` in ``forward`` (which hands the input to the constructor), and an assignment whose trailing
comma makes a tuple.

## Why it matters
Calling the class builds a layer out of the tensor instead of applying one. Torch fails at the next layer.

## Bad
    self.relu = nn.ReLU
    self.conv = nn.Conv2d(3, 64, 3),

## Good
    self.relu = nn.ReLU()
    self.conv = nn.Conv2d(3, 64, 3)

## How to fix
Build the layer in ``__init__`` and call it in ``forward``; use ``F.relu(x)`` for a function; drop the comma.

## Source
The documentation of ``torch.nn.Module``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.finding import Edit, Finding, Fix, related
from resnet_check.graph.records import Problem, Site
from resnet_check.rules._places import Places, is_name, name_of, places, self_name
from resnet_check.rules.base import FileContext, Reporter, rule

CHOICES = (ast.Return, ast.IfExp)
"""What hands a value on from where it is written."""


@rule("RC109", "module-not-built", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield each layer that was not built at the line that should have built it."""
    for model, problem in context.found("module-not-built"):
        found = places(context)
        value = problem.facts.get("value")
        call = found.at(problem.site, ast.Call)
        stored = assigned(found, call, problem)
        name = getattr(value, "name", "")
        if stored is not None:
            site, text = found.source.site(stored[0]), found.segment(stored[1])
            if isinstance(stored[1], ast.Tuple):
                message, cure = f"the trailing comma makes `{text}` a tuple", "remove the comma"
            else:
                message, cure = f"`{text}` is a class, not a layer", f"write `{text}()`"
            also = (related(problem.site, "called here"),)
            fix = built(found, stored[1])
            yield report(site, message, help=cure, model=model, module=problem.module or None, related=also, fix=fix)
        elif (chosen := chosen_class(found, call, name)) is not None:
            text, also = found.segment(chosen), (related(problem.site, "called here"),)
            message, cure = f"`{text}` is a class, not a layer", f"write `{text}()`"
            site, fix = found.source.site(chosen), built(found, chosen)
            yield report(site, message, help=cure, model=model, module=problem.module or None, related=also, fix=fix)
        elif problem.facts.get("tensor"):
            message = f"`{name}(...)` builds a layer: here its constructor gets the input"
            cure = f"build `nn.{name}` in `__init__` and call that, or use the function of `torch.nn.functional`"
            yield report(problem.site, message, help=cure, model=model, module=problem.module or None)
        else:
            site = bare_class(found, call, name) or problem.site
            what = f"`{name}` is a class" if name else "this is no module"
            fix = built(found, found.at(site, ast.Name, ast.Attribute)) if name else None
            cure = f"write `nn.{name}()`" if name else ""
            yield report(site, f"{what}, not a layer", help=cure, model=model, fix=fix)


def built(found: Places, value: ast.AST | None) -> Fix | None:
    """Return the fix that builds a layer of a class, or takes a layer out of the tuple that a trailing comma makes.

    A name may stand for a class in one call and for a layer in another: only a class of ``nn`` cannot be meant otherwise.
    """
    from resnet_check.editing import behind

    if isinstance(value, (ast.Name, ast.Attribute)):
        safe = isinstance(value, ast.Attribute) and is_name(value.value, "nn")
        return Fix("build it", (behind(found.source, value, "()"),), safe=safe)
    if not isinstance(value, ast.Tuple) or len(value.elts) != 1:
        return None
    (_, *start, _, _), (_, *own, end, column) = found.source.span(value), found.source.span(value.elts[0])
    if start != own:
        return None
    return Fix("remove the comma", (Edit(end, column, *found.source.span(value)[3:], ""),), safe=True)


def assigned(found: Places, call: ast.AST | None, problem: Problem) -> tuple[ast.stmt, ast.expr] | None:
    """Return the assignment that gave the called attribute its value, and that value, when it is no call."""
    function = None if call is None else found.function_of(call)
    if not isinstance(call, ast.Call) or function is None or not isinstance(call.func, ast.Attribute):
        return None
    cls = found.class_of(call)
    if cls is None or not is_name(call.func.value, self_name(function)):
        return None
    for statement, value in found.assignments(cls, call.func.attr):
        tuple_wanted = isinstance(problem.facts.get("value"), tuple)
        if value is not None and isinstance(value, ast.Tuple if tuple_wanted else (ast.Name, ast.Attribute)):
            return statement, value
    return None


def chosen_class(found: Places, call: ast.AST | None, name: str) -> ast.expr | None:
    """Return the only place of the file that returns a class or chooses it in a condition, where a call has another name."""
    if not isinstance(call, ast.Call) or not name or name_of(call.func) == name:
        return None
    bare = [
        node
        for node in found.nodes
        if isinstance(node, (ast.Name, ast.Attribute))
        and name_of(node) == name
        and isinstance(found.parents[node], CHOICES)
    ]
    return bare[0] if len(bare) == 1 and not is_tested(found, bare[0]) else None


def is_tested(found: Places, node: ast.expr) -> bool:
    """Return whether an expression is the condition of a choice."""
    parent = found.parents[node]
    return isinstance(parent, ast.IfExp) and parent.test is node


def bare_class(found: Places, call: ast.AST | None, name: str) -> Site | None:
    """Return the place where a class stands without being called: in the call itself, or once in its function."""
    around = None if call is None else found.function_of(call)
    for scope in (call, around):
        if scope is None:
            continue
        bare = [
            node
            for node in ast.walk(scope)
            if isinstance(node, (ast.Name, ast.Attribute)) and name_of(node) == name and not is_called(found, node)
        ]
        if len(bare) == 1 or (bare and scope is call):
            return found.source.site(bare[0])
    return None


def is_called(found: Places, node: ast.AST) -> bool:
    """Return whether a name is what a call calls, or part of a longer name."""
    parent = found.parents.get(node)
    return (isinstance(parent, ast.Call) and parent.func is node) or isinstance(parent, ast.Attribute)


BAD = (
    """
from torch import nn


class Net(nn.Module):
    def __init__(self, act=nn.ReLU):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.relu = nn.ReLU  # <- module-not-built
        self.act = act  # <- module-not-built
        self.conv2 = nn.Conv2d(8, 8, 3)

    def forward(self, x):
        return self.conv2(self.act(self.relu(self.conv(x))))
""",
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3),  # <- module-not-built
        self.body = nn.Sequential(
            nn.Conv2d(8, 8, 3),
            nn.BatchNorm2d(8),
            nn.ReLU,  # <- module-not-built
        )

    def forward(self, x):
        return self.body(self.conv(x))
""",
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.head = nn.Conv2d(8, 8, 3)

    def forward(self, x):
        x = nn.ReLU(self.conv(x))  # <- module-not-built
        return self.head(x)
""",
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        layers = [nn.Conv2d(3, 8, 3)]
        layers.append(nn.ReLU)  # <- module-not-built
        layers.append(nn.Conv2d(8, 8, 3))
        self.body = nn.Sequential(*layers)

    def forward(self, x):
        return self.body(x)
""",
    """
from torch import nn


def shortcut(width, out):
    if width != out:
        return nn.Conv2d(width, out, 1)
    return nn.Identity  # <- module-not-built


class Block(nn.Module):
    def __init__(self, width, out):
        super().__init__()
        self.conv = nn.Conv2d(width, out, 3, padding=1)
        self.shortcut = shortcut(width, out)
        self.act = nn.ReLU() if out > 8 else nn.SiLU  # <- module-not-built

    def forward(self, x):
        return self.act(self.conv(x) + self.shortcut(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(Block(3, 8), Block(8, 8), Block(8, 16))

    def forward(self, x):
        return self.body(x)
""",
)

GOOD = (
    """
import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    norm_class = nn.BatchNorm2d

    def __init__(self, act=nn.ReLU):
        super().__init__()
        self.act_class = act
        self.conv = nn.Conv2d(3, 8, 3)
        self.bn = self.norm_class(8)
        self.act = self.act_class(inplace=True)
        self.function = F.relu
        self.pair = nn.Conv2d(8, 8, 1), "name"

    def forward(self, x):
        x = self.function(self.act(self.bn(self.conv(x))))
        loss = nn.CrossEntropyLoss(weight=torch.ones(8))
        return x if loss is not None else None
""",
)
