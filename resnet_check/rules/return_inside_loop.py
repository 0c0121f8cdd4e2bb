"""A ``return`` inside the loop over the layers ends it on its first round.

## What it checks
Whether a ``for`` loop that computes with tensors, or builds layers, ends each round with ``return`` while it has further
rounds to go.

## Why it matters
Only the first layer runs. Nothing fails: the shapes often fit, and the model trains, with most of its depth switched off.

## Bad
    for layer in self.layers:
        x = layer(x)
        return x

## Good
    for layer in self.layers:
        x = layer(x)
    return x

## How to fix
Move the ``return`` to the left, behind the loop.

## Source
The Python language reference, "The return statement".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.finding import Finding, Fix, Related
from resnet_check.graph.records import Problem
from resnet_check.rules._places import Places, places
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC102", "return-inside-loop", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield the returns that end a loop on the first of its rounds."""
    for model, problem in context.found("return-inside-loop"):
        count, loop = problem.facts["count"], problem.facts["loop"]
        yield report(
            problem.site,
            f"`return` inside the loop of line {loop} ends it after the first of {count} rounds",
            label="leaves the loop on its first round",
            help="move the `return` behind the loop, to the indentation of `for`",
            model=model,
            module=problem.module or None,
            related=(Related(problem.site.path, loop, f"the loop would run {count} times"),),
            fix=behind_loop(places(context), problem),
        )


def behind_loop(found: Places, problem: Problem) -> Fix | None:
    """Return the fix that moves a ``return`` of one line from the end of a loop behind it."""
    from resnet_check.editing import line_below, stands_alone, without

    last = found.at(problem.site, ast.Return)
    loop = None if last is None else found.parents.get(last)
    if not isinstance(last, ast.Return) or not isinstance(loop, ast.For) or loop.orelse:
        return None
    if loop.body[-1] is not last or len(loop.body) == 1 or not stands_alone(found.source, last):
        return None
    if last.lineno != last.end_lineno:
        return None
    edits = (without(found.source, last), line_below(found.source, loop, found.segment(last)))
    return Fix("return behind the loop", edits, safe=False)


BAD = (
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(3, 3, 3, padding=1) for _ in range(4)])

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
            return x  # <- return-inside-loop
""",
    """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.layers = nn.ModuleList([nn.Conv2d(8, 8, 3, padding=1) for _ in range(4)])

    def features(self, x):
        for i in range(len(self.layers)):
            x = torch.relu(self.layers[i](x))
            return x.mean((2, 3))  # <- return-inside-loop

    def forward(self, x):
        return self.features(self.stem(x))
""",
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = self.stage(3, 4)

    def stage(self, width, depth):
        layers = []
        for _ in range(depth):
            layers.append(nn.Conv2d(width, width, 3, padding=1))
            return nn.Sequential(*layers)  # <- return-inside-loop

    def forward(self, x):
        return self.body(x)
""",
)

GOOD = (
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(3, 3, 3, padding=1)])
        self.more = nn.ModuleList([nn.Conv2d(3, 3, 3, padding=1) for _ in range(3)])
        self.norm = self.pick("group", "batch")

    def pick(self, *names):
        for name in names:
            if name == "batch":
                return nn.BatchNorm2d(3)

    def device(self):
        for parameter in self.parameters():
            return parameter.device

    def first(self, x):
        for layer in self.layers:
            x = layer(x)
            return x

    def forward(self, x):
        x = self.first(x)
        for i, layer in enumerate(self.more):
            x = layer(x)
            if i == 1:
                return self.norm(x.to(self.device()))
        return x
""",
)
