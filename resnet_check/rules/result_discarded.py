"""A statement of ``forward`` computes a tensor that nothing keeps.

## What it checks
Whether a call or an expression that stands as a statement computes a new tensor: a layer, a function or a tensor method
that changes nothing in place; and whether a layer is built as a statement. Calls of code that does more than compute (it
sets attributes, prints, logs) are left alone.

## Why it matters
Torch's operators return a new tensor; without an assignment the network goes on as if the line were not there.

## Bad
    out = self.conv(x)
    self.bn(out)

## Good
    out = self.conv(x)
    out = self.bn(out)

## How to fix
Assign the result, or delete the line.

## Source
The documentation of ``torch.Tensor``: in-place operators end in an underscore.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from resnet_check.finding import Finding, Fix
from resnet_check.graph.records import Model, Problem
from resnet_check.rules._places import Places, gives_value, inside, is_name, places, targets
from resnet_check.rules._torch_names import known
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC112", "result-discarded", "warning")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield each statement whose tensor is lost, unless the missing ``return`` in front of it is the mistake."""
    hooked = "_hook(" in context.source.text
    for model, problem in context.found("result-discarded"):
        if (
            problem.site.path != context.source.path
            or ends_forward(model, problem)
            or (hooked and problem.facts["layers"])
        ):
            continue
        found = places(context)
        node = found.at(problem.site, ast.expr)
        if isinstance(node, ast.Call) and any(keyword.arg == "out" for keyword in node.keywords):
            continue
        text = found.segment(node) if node is not None else ""
        what = f"`{text}`" if 0 < len(text) < 60 else "this line"
        name = target(found, node) if isinstance(node, ast.expr) else None
        yield report(
            problem.site,
            f"the result of {what} is not used: it changes nothing in place",
            label="computed and dropped",
            help=f"write `{name} = {text}`" if name and text else "assign the result, or delete the line",
            model=model,
            module=problem.module or None,
            fix=assigned(found, node, name),
        )
    for call in dropped_layers(context) if may_drop(context.source.text) else ():
        message = f"this `{places(context).segment(call.func)}` is built and dropped"
        yield report(context.source.site(call), message, help="assign it, or put `return` in front of it")


def assigned(found: Places, node: ast.AST | None, name: str | None) -> Fix | None:
    """Return the fix that assigns what a statement computes to the variable that it was meant for."""
    from resnet_check.editing import in_front_of

    if node is None or name is None:
        return None
    return Fix(f"assign it to `{name}`", (in_front_of(found.source, node, f"{name} = "),), safe=False)


def may_drop(text: str) -> bool:
    """Return whether a line of a text begins like the statement that builds a layer."""
    return re.search(r"^[ \t]+nn\.[A-Z]\w*\(", text, re.MULTILINE) is not None


def dropped_layers(context: FileContext) -> Iterator[ast.Call]:
    """Yield layers of torch that are built as a statement outside of a ``with``, in a function that gives something else."""
    found = places(context)
    for node in found.nodes:
        if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
            continue
        called = node.value.func
        if not (isinstance(called, ast.Attribute) and is_name(called.value, "nn")):
            continue
        function = found.function_of(node)
        guarded = any(isinstance(n, (ast.With, ast.Try)) for n in found.around(node))
        layer = called.attr[:1].isupper() and known("torch.nn", called.attr)
        if layer and function is not None and gives_value(function) and not guarded:
            yield node.value


def ends_forward(model: Model | None, problem: Problem) -> bool:
    """Return whether the statement is the end of a forward that lacks its ``return``."""
    return model is not None and any(
        other.kind == "forward-missing-return" and other.site.line == problem.site.line for other in model.problems
    )


def target(found: Places, node: ast.expr) -> str | None:
    """Return the variable that the result was meant for: the operand that was assigned last."""
    function = found.function_of(node)
    names = [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]
    if function is None:
        return None
    assigned = [
        (statement.lineno, name.id)
        for statement in inside(function)
        if isinstance(statement, (ast.Assign, ast.AugAssign, ast.AnnAssign)) and statement.lineno < node.lineno
        for name, _ in targets(statement)
        if isinstance(name, ast.Name) and name.id in names
    ]
    parameters = [a.arg for a in function.args.args[1:] if a.arg in names]
    return max(assigned)[1] if assigned else next(iter(parameters), None)


BAD = (
    """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.bn = nn.BatchNorm2d(3)

    def forward(self, x):
        out = self.conv(x)
        self.bn(out)  # <- result-discarded
        out.relu()  # <- result-discarded
        out + x  # <- result-discarded
        torch.flatten(out, 1)  # <- result-discarded
        return out
""",
    """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(inplace=True))

    def forward(self, x):
        return self.body(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()
        self.head = nn.Conv2d(3, 8, 1)

    def forward(self, x):
        self.block(x)  # <- result-discarded
        return self.head(x)
""",
    """
from torch import nn


def branch(width, deep):
    if not deep:
        nn.Sequential(nn.Conv2d(3, width, 1), nn.ReLU())  # <- result-discarded
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU(), nn.Conv2d(width, width, 3))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.branch = branch(8, False)

    def forward(self, x):
        return self.branch(x)
""",
)

GOOD = (
    """
import torch
import torch.nn.functional as F
from torch import nn


class Recorder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.seen = []

    def forward(self, x):
        self.seen.append(x.mean())
        return self.conv(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.relu = nn.ReLU(inplace=True)
        self.recorder = Recorder()

    def forward(self, x):
        '''A docstring is no result.'''
        out = self.conv(x)
        out.add_(x)
        out[:, 0].zero_()
        self.relu(out)
        out = out + x
        F.relu(out, inplace=True)
        out = out + x
        F.relu_(out)
        total = torch.zeros(3)
        torch.add(total, total, out=total)
        self.recorder(out)
        print(out.shape, self.conv(x).mean())
        out.size(0)
        return out
""",
)
