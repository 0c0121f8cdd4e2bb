"""An attribute of the class hides the layer that is registered under the same name.

## What it checks
Whether reading ``self.name`` gives an attribute of the class, such as ``shortcut = None`` or a method, although a layer or
parameter is registered under that name.

## Why it matters
``nn.Module`` keeps layers in a registry that Python asks last. The value of the class wins, so the layer is counted,
trained by no gradient, and never called.

## Bad
    class Block(nn.Module):
        shortcut = None

        def __init__(self):
            super().__init__()
            self.shortcut = nn.Conv2d(64, 128, 1)

## Good
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.shortcut = nn.Conv2d(64, 128, 1)

## How to fix
Delete the attribute of the class; set the default in ``__init__``.

## Source
The source of ``torch.nn.Module.__setattr__`` and ``__getattr__``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.finding import Finding, related
from resnet_check.graph.records import Problem, Site
from resnet_check.rules._places import FUNCTIONS, Places, places, targets
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC114", "shadowed-module", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield each attribute of a class that hides a layer that is read."""
    for model, problem in context.found("shadowed-module"):
        facts = problem.facts
        if type(facts["value"]).__name__ == "Instance" and getattr(facts["value"], "is_module", False):
            continue
        name, owner = facts["name"], facts["owner"]
        statement = hiding(places(context), problem)
        assigned = facts["assigned"]
        site: Site = places(context).source.site(statement) if statement is not None else assigned or problem.site
        if isinstance(statement, FUNCTIONS):
            site = places(context).heading(statement)
        what = f"the method `{name}`" if isinstance(statement, FUNCTIONS) else f"the class attribute `{name}`"
        also = [related(assigned, "the layer is assigned here")] if isinstance(assigned, Site) else []
        also.append(related(problem.site, "this read gives the attribute of the class"))
        yield report(
            site,
            f"{what} of `{owner}` hides the `{facts['hidden']}` that is registered under the same name",
            help="rename one of them"
            if isinstance(statement, FUNCTIONS)
            else f"delete it, and set `self.{name} = None` in `__init__`",
            model=model,
            module=problem.module or None,
            related=tuple(also),
        )


def hiding(found: Places, problem: Problem) -> ast.stmt | None:
    """Return the statement of the class body that binds the name."""
    cls = found.class_at(problem.facts["path"], problem.facts["line"])
    for statement in () if cls is None else cls.body:
        if isinstance(statement, FUNCTIONS) and statement.name == problem.facts["name"]:
            return statement
        if any(isinstance(t, ast.Name) and t.id == problem.facts["name"] for t, _ in targets(statement)):
            return statement
    return None


BAD = (
    """
import torch
from torch import nn


class Block(nn.Module):
    shortcut = None  # <- shadowed-module

    def __init__(self, width, out, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(width, out, 3, stride, 1)
        if stride != 1 or width != out:
            self.shortcut = nn.Conv2d(width, out, 1, stride)

    def forward(self, x):
        out = self.conv(x)
        if self.shortcut is not None:
            x = self.shortcut(x)
        return torch.relu(out + x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(Block(3, 8), Block(8, 8), Block(8, 16, 2))

    def forward(self, x):
        return self.body(x)
""",
)

GOOD = (
    """
import torch
from torch import nn


class Block(nn.Module):
    expansion = 1
    shortcut: nn.Module
    act = nn.ReLU()
    gate = None

    def __init__(self, width, out, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(width, out, 3, stride, 1)
        self.shortcut = nn.Conv2d(width, out, 1, stride) if stride != 1 or width != out else nn.Identity()
        self.act = nn.ReLU(inplace=True)
        self.norm = nn.BatchNorm2d(out * self.expansion)

    @property
    def last(self):
        return self._modules["norm"]

    def forward(self, x):
        out = self.last(self.conv(x)) + self.shortcut(x)
        return self.act(out) if self.gate is None else self.gate(out)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(Block(3, 8), Block(8, 8), Block(8, 16, 2))

    def forward(self, x):
        return self.body(x)
""",
)
