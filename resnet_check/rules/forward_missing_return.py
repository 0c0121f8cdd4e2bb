"""A function that computes a tensor or builds layers gives nothing back.

## What it checks
Whether ``forward`` ends without ``return`` although it computed a tensor and the caller uses its value, on every path or
on one path only; and whether a helper of the file whose value is used returns nothing at all.

## Why it matters
A Python function without ``return`` gives ``None``. Torch fails only at the next layer, in another place, with words
about a ``NoneType`` among the arguments of a convolution.

## Bad
    def forward(self, x):
        out = self.branch(x) + x
        F.relu(out)

## Good
    def forward(self, x):
        out = self.branch(x) + x
        return F.relu(out)

## How to fix
End the function with ``return``, on every path.

## Source
The Python language reference, "The return statement".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from resnet_check.finding import Finding, Fix, Related, related
from resnet_check.graph.records import Model, Problem
from resnet_check.rules._origins import dropped_models, silent_helper
from resnet_check.rules._places import Function, Places, places
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC101", "forward-missing-return", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield each forward that ends without giving its tensor, and each helper whose missing value is used."""
    for model, problem in context.found("forward-missing-return"):
        yield forward(report, context, model, problem)
    for model, problem in context.found("bad-call", "undefined-attribute"):
        found = silent_helper(places(context), problem)
        if found is not None:
            yield helper(report, context, *found, model)
    if may_drop(context):
        for function, built, use in dropped_models(places(context)):
            site = context.source.site(built)
            at: tuple[Related, ...] = ()
            if use is not None:
                at = (related(context.source.site(use), "its value is used here"),)
            cure = f"write `return {places(context).segment(built)}`"
            message = f"`{function.name}` builds this, but returns nothing"
            yield report(site, message, help=cure, related=at, fix=returned(places(context), built))


def may_drop(context: FileContext) -> bool:
    """Return whether a function of the file ends with a call that stands as a statement, and returns nothing."""
    body = context.source.tree.body if context.source.tree is not None else []
    methods = [m for c in body if isinstance(c, ast.ClassDef) for m in c.body]
    last = [f.body[-1] for f in (*body, *methods) if isinstance(f, ast.FunctionDef) and f.name[:2] != "__"]
    return any(isinstance(s, ast.Expr) and isinstance(s.value, ast.Call) for s in last)


def forward(report: Reporter, context: FileContext, model: Model | None, problem: Problem) -> Finding:
    """Report a forward at its last statement."""
    facts = problem.facts
    owner = f"{facts['owner']}.forward" if facts["owner"] else "forward"
    where = "ends without `return` on this path" if facts["some"] else "ends without `return`"
    return report(
        problem.site,
        f"`{owner}` {where}, so it gives `None` instead of a tensor",
        label="nothing is returned after this",
        help=f"end it with `return {last_value(places(context), problem)}`",
        model=model,
        module=problem.module or None,
        fix=returned(places(context), places(context).at(problem.site, ast.stmt), str(problem.facts["variable"])),
    )


def returned(found: Places, last: ast.AST | None, name: str = "") -> Fix | None:
    """Return the fix that returns a call that stands as a statement, or a variable below another statement."""
    from resnet_check.editing import in_front_of, line_below, stands_alone

    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        last = last.value
    if isinstance(last, ast.Call):
        return Fix("return what this gives", (in_front_of(found.source, last, "return "),), safe=False)
    if isinstance(last, ast.stmt) and name.isidentifier() and stands_alone(found.source, last):
        return Fix(f"return `{name}`", (line_below(found.source, last, f"return {name}"),), safe=False)
    return None


def last_value(places: Places, problem: Problem) -> str:
    """Return the expression that was most probably meant to be returned."""
    statement = places.at(problem.site, ast.Expr)
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        return places.segment(statement.value)
    return str(problem.facts["variable"])


def helper(report: Reporter, context: FileContext, function: Function, call: ast.Call, model: Model | None) -> Finding:
    """Report a helper at its last statement."""
    last: Any = function.body[-1]
    value = last.value if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call) else None
    use = context.source.site(call)
    name = last.targets[0].id if isinstance(last, ast.Assign) and isinstance(last.targets[0], ast.Name) else ""
    return report(
        context.source.site(last if not isinstance(last, (ast.For, ast.While, ast.If, ast.With)) else function),
        f"`{function.name}` returns nothing, but line {use.line} uses its value",
        label="nothing is returned after this",
        help=f"write `return {places(context).segment(value)}`" if value else f"end `{function.name}` with `return`",
        model=model,
        related=(related(use, "its value is used here"),),
        fix=returned(places(context), last, name),
    )


BAD = (
    """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        out = self.conv(x)
        torch.relu(out + x)  # <- forward-missing-return


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()
        self.head = nn.Conv2d(3, 8, 1)

    def forward(self, x):
        return self.head(self.block(x))
""",
    """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, pool=False):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.pool = pool

    def forward(self, x):
        x = self.conv(x)
        if self.pool:
            return x.mean((2, 3))
        x = torch.relu(x)  # <- forward-missing-return
""",
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.layer = self.make_layer(8, 2)

    def make_layer(self, width, depth):
        layers = [nn.Conv2d(width, width, 3, padding=1) for _ in range(depth)]
        nn.Sequential(*layers)  # <- forward-missing-return

    def forward(self, x):
        return self.layer(self.stem(x))
""",
    """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.head = nn.Conv2d(8, 2, 1)

    def branch(self, x):
        x = torch.relu(self.conv(x))  # <- forward-missing-return

    def forward(self, x):
        x = self.branch(x)
        return self.head(x)
""",
    """
from torch import nn


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)

    def forward(self, x):
        return self.conv(x)


def make(width):
    width = 2 * width
    Net(width)  # <- forward-missing-return


def build():
    return make(8)


def net():
    Net(8)  # <- forward-missing-return


def test_net():
    Net(8)
""",
)

GOOD = (
    """
import torch
from torch import nn


class Shift(nn.Module):
    def forward(self, x):
        y = x.mean()
        x.add_(1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.shift = Shift()
        self.conv = nn.Conv2d(3, 8, 3)
        self.extra = self.build(False)

    def build(self, wanted):
        if wanted:
            return nn.Conv2d(8, 8, 1)

    def forward(self, x):
        self.shift(x)
        x = self.conv(x)
        if self.extra is not None:
            x = self.extra(x)
        match x.dim():
            case 4:
                return torch.relu(x)
            case _:
                raise ValueError(x.shape)
""",
)
