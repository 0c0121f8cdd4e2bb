"""A function made in a loop sees the loop variable's last value.

## What it checks
Whether a ``lambda`` or nested function that was made in a loop is called after the loop has moved on, and reads a loop
variable that had another value when the function was made.

## Why it matters
Python looks the variable up when the function runs. All functions of the loop then use the stride or width of the last
round.

## Bad
    for width, stride in plan:
        shortcuts.append(lambda x: x[:, :, ::stride, ::stride])

## Good
    for width, stride in plan:
        shortcuts.append(lambda x, stride=stride: x[:, :, ::stride, ::stride])

## How to fix
Bind the value when the function is made: as a default of a parameter, with ``functools.partial``, or in a module.

## Source
The Python FAQ, "Why do lambdas defined in a loop with different values all return the same result?".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.finding import Finding, Fix
from resnet_check.rules._places import Places, places
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC115", "late-binding-closure", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield each function whose loop variables had moved on when it was called."""
    moved: dict[tuple[str, int, int], dict[str, tuple[object, object]]] = {}
    for _, problem in context.found("late-binding-closure"):
        moved.setdefault(problem.site[:3], {}).update(problem.facts["names"])
    for model, problem in context.found("late-binding-closure"):
        names = moved[problem.site[:3]]
        name, (was, now) = min(problem.facts["names"].items())
        values = f": `{name}` was {was} when it was made and is {now}" if plain(was) and plain(now) else ""
        node = places(context).at(problem.site, ast.Lambda)
        first = node.args.args[0].arg if isinstance(node, ast.Lambda) and node.args.args else "x"
        bound = ", ".join(f"{n}={n}" for n in sorted(names))
        yield report(
            problem.site,
            f"this function reads {', '.join(f'`{n}`' for n in sorted(names))} when it is called, after the loop{values}",
            label="made in a loop, called after it",
            help=f"bind the value now: `lambda {first}, {bound}: ...`"
            if isinstance(node, ast.Lambda)
            else f"add the parameters `{bound}`",
            model=model,
            module=problem.module or None,
            fix=bound_now(places(context), node, bound),
        )


def bound_now(found: Places, node: ast.AST | None, bound: str) -> Fix | None:
    """Return the fix that gives a lambda of plain parameters more of them, which keep the values of the loop."""
    from resnet_check.editing import behind

    if not isinstance(node, ast.Lambda) or not node.args.args:
        return None
    arguments = node.args
    if arguments.vararg or arguments.kwonlyargs or arguments.kwarg:
        return None
    last = arguments.defaults[-1] if arguments.defaults else arguments.args[-1]
    return Fix("bind the value now", (behind(found.source, last, f", {bound}"),), safe=False)


def plain(value: object) -> bool:
    """Return whether a value reads well in a sentence."""
    return isinstance(value, (int, float, str)) and len(str(value)) < 20


BAD = (
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.pools = []
        for stride in (1, 2, 4):
            self.pools.append(lambda x: x[:, :, ::stride, ::stride])  # <- late-binding-closure

    def forward(self, x):
        x = self.conv(x)
        return [pool(x) for pool in self.pools]
""",
    """
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.pools = [lambda x: F.avg_pool2d(x, size) for size in (2, 4)]  # <- late-binding-closure
        self.scales = {}
        for i in range(3):
            factor = 2**i

            def scale(x):  # <- late-binding-closure
                return x * factor

            self.scales[i] = scale

    def forward(self, x):
        x = self.conv(x)
        return [pool(self.scales[0](x)) for pool in self.pools]
""",
)

GOOD = (
    """
from functools import partial

import torch.nn.functional as F
from torch import nn


def pool(size):
    return lambda x: F.avg_pool2d(x, size)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.pools = [lambda x, size=size: F.avg_pool2d(x, size) for size in (2, 4)]
        self.more = [pool(size) for size in (2, 4)]
        self.partial = [partial(F.avg_pool2d, kernel_size=size) for size in (2, 4)]
        self.layers = nn.ModuleList()
        for width in (8, 16):
            make = lambda: nn.Conv2d(8, width, 1)
            self.layers.append(make())
        self.one = None
        for size in (2,):
            self.one = lambda x: F.avg_pool2d(x, size)

    def forward(self, x):
        x = self.one(self.conv(x))
        for size in (1, 2):
            shrink = lambda t: F.avg_pool2d(t, size)
            x = shrink(x)
        outs = [p(x) for p in (*self.pools, *self.more, *self.partial)]
        return [layer(x) for layer in self.layers], outs
""",
)
