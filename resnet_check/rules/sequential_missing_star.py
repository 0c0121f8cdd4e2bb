"""A container gets one list where it takes modules.

## What it checks
Whether ``nn.Sequential`` is given its modules one by one, not in one list, tuple or generator; and whether a list stands
as an element of ``nn.ModuleList``.

## Why it matters
Torch refuses it with "list is not a Module subclass".

## Bad
    return nn.Sequential(layers)

## Good
    return nn.Sequential(*layers)

## How to fix
Put a star before the list.

## Source
The documentation of ``torch.nn.Sequential``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.finding import Finding, Fix
from resnet_check.graph.records import Problem
from resnet_check.rules._places import Places, places
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC108", "sequential-missing-star", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield each container that gets a list for a module."""
    for model, problem in context.found("sequential-missing-star", "bad-call"):
        if is_list(problem):
            kind, container = kind_of(problem.facts["value"]), problem.facts["container"]
            message = f"`nn.{container}` takes modules, but gets a {kind} of them as one"
            cure = suggestion(places(context), problem)
            yield report(
                problem.site,
                message,
                label=f"one {kind}",
                help=cure,
                model=model,
                module=problem.module or None,
                fix=starred(places(context), problem),
            )


def is_list(problem: Problem) -> bool:
    """Return whether a container got something that holds modules, or could."""
    value = problem.facts.get("value")
    return "container" in problem.facts and (isinstance(value, (list, tuple, dict)) or hasattr(value, "__next__"))


def kind_of(value: object) -> str:
    """Return the word for what was handed over."""
    return type(value).__name__ if isinstance(value, (list, tuple, dict)) else "generator"


def suggestion(found: Places, problem: Problem) -> str:
    """Return the call as it should be, where the container was given one argument."""
    call = found.at(problem.site, ast.Call)
    if isinstance(call, ast.Call) and len(call.args) == 1 and problem.facts["container"] == "Sequential":
        inner = found.segment(call.args[0])
        return f"write `{found.segment(call.func)}(*{inner if len(inner) < 60 else '...'})`"
    return "put a star before it, or make it an `nn.Sequential`"


def starred(found: Places, problem: Problem) -> Fix | None:
    """Return the fix that puts a star before a container's only argument, unless that names its modules."""
    from resnet_check.editing import in_front_of, over

    call = found.at(problem.site, ast.Call)
    if not isinstance(call, ast.Call) or len(call.args) != 1 or problem.facts["container"] != "Sequential":
        return None
    (given,) = call.args
    if isinstance(problem.facts["value"], dict) or isinstance(given, ast.Starred):
        return None
    # The place of a generator without brackets of its own is that of the call's.
    text = ast.get_source_segment(found.source.text, given) or ""
    bare = isinstance(given, ast.GeneratorExp) and found.source.span(given)[3:] == found.source.span(call)[3:]
    edit = over(found.source, given, f"(*{text})") if bare else in_front_of(found.source, given, "*")
    return Fix("put a star before it", (edit,), safe=True)


BAD = (
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        layers = [nn.Conv2d(3, 8, 3), nn.ReLU()]
        self.body = nn.Sequential(layers)  # <- sequential-missing-star
        self.tail = nn.Sequential(nn.Conv2d(8, 8, 1) for _ in range(2))  # <- sequential-missing-star

    def forward(self, x):
        return self.tail(self.body(x))
""",
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stages = nn.ModuleList()
        for width in (3, 3):
            self.stages.append([nn.Conv2d(width, width, 1), nn.ReLU()])  # <- sequential-missing-star

    def forward(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
)

GOOD = (
    """
from collections import OrderedDict

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        layers = [nn.Conv2d(3, 8, 3), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.named = nn.Sequential(OrderedDict(conv=nn.Conv2d(8, 8, 1), act=nn.ReLU()))
        self.list = nn.ModuleList(nn.Conv2d(8, 8, 1) for _ in range(2))

    def forward(self, x):
        x = self.named(self.body(x))
        return self.list[1](self.list[0](x))
""",
)
