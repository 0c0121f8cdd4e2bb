"""A module that is called has no ``forward``.

## What it checks
Whether each module that is called has a ``forward`` that takes its input: one that is not misspelled, not indented into
``__init__`` or out of the class, and that begins with ``self``; and that no ``ModuleList`` or ``ModuleDict`` is called.

## Why it matters
``nn.Module`` finds ``forward`` by its name. Torch fails at the call, in another class, not at the misspelled line.

## Bad
    class Block(nn.Module):
        def foward(self, x):
            return self.conv(x)

## Good
    class Block(nn.Module):
        def forward(self, x):
            return self.conv(x)

## How to fix
Name the method ``forward``, at the indentation of ``__init__``, with ``self`` as its first parameter. Loop over a
``ModuleList``, or use ``nn.Sequential``.

## Source
The documentation of ``torch.nn.Module.forward`` and ``torch.nn.ModuleList``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from resnet_check.finding import Finding, Fix, related
from resnet_check.graph.records import Model, Problem, Site
from resnet_check.rules._places import Function, Places, methods, places
from resnet_check.rules._spelling import is_forward, renamed
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC103", "missing-forward", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield each class without a usable forward at the line that keeps it from having one, and each list that is called."""
    for model, problem in context.found("missing-forward"):
        if not abstract(places(context), model, problem):
            yield missing(report, context, model, problem)
    for model, problem in context.found("bad-call", "undefined-attribute"):
        function = without_self(places(context), problem)
        if function is not None:
            written = ", ".join(["self", *(a.arg for a in function.args.args)])
            yield report(
                places(context).heading(function),
                "`forward` has no `self`: its first parameter gets the module, not the input",
                help=f"write `def forward({written}):`",
                model=model,
                fix=with_self(places(context), function),
            )


def with_self(found: Places, function: Function) -> Fix:
    """Return the fix that gives a method its first parameter."""
    from resnet_check.editing import in_front_of

    return Fix("add `self`", (in_front_of(found.source, function.args.args[0], "self, "),), safe=True)


def abstract(found: Places, model: Model | None, problem: Problem) -> bool:
    """Return whether nothing but the check itself calls the module, and it may well be a base class or a mere container."""
    site, facts = problem.site, problem.facts
    if model is None or (site.line, site.column, site.end_column) != (model.line, 1, 1):
        return False
    cls = found.class_at(facts["path"] or "", facts["line"])
    if cls is None or any("forward" in methods(other) for other in found.family(cls)):
        return True
    return misspelled(found, cls) is None and displaced(found, cls) is None


def missing(report: Reporter, context: FileContext, model: Model | None, problem: Problem) -> Finding:
    """Report a module without forward where its author has to change the file."""
    owner, found = problem.facts["owner"], places(context)
    call: dict[str, Any] = {"model": model, "related": (related(problem.site, "called here"),)}
    if not problem.facts["line"]:
        return container(report, found, model, problem)
    cls = found.class_at(problem.facts["path"] or "", problem.facts["line"])
    if cls is None:
        site = Site(problem.facts["path"] or problem.site.path, problem.facts["line"], 1, problem.facts["line"], 1)
        return report(site, f"`{owner}` is called, but has no `forward`", help="define `forward(self, x)`", **call)
    wrong = misspelled(found, cls)
    if wrong is not None:
        message = f"`{owner}` has no `forward`, but a method `{wrong.name}`"
        fix = renamed(found, wrong, "forward", safe=False)
        return report(found.heading(wrong), message, help=f"rename `{wrong.name}` to `forward`", fix=fix, **call)
    stray = displaced(found, cls)
    if stray is not None:
        inside = found.function_of(stray)
        where = f"indented into `{inside.name}`" if inside else "outside of the class"
        message = f"`forward` of `{owner}` is {where}, so the class has none"
        return report(found.heading(stray), message, help="indent it like `__init__`", **call)
    return report(
        found.heading(cls), f"`{owner}` is called, but has no `forward`", help="define `forward(self, x)`", **call
    )


def container(report: Reporter, found: Places, model: Model | None, problem: Problem) -> Finding:
    """Report the call of a ``ModuleList``."""
    owner, call = problem.facts["owner"], found.at(problem.site, ast.Call)
    name = f"`{found.segment(call.func)}` is a `{owner}`, which" if isinstance(call, ast.Call) else f"a `{owner}`"
    plain = isinstance(call, ast.Call) and len(call.args) == 1 and owner == "ModuleList"
    cure = f"loop over it: `for layer in {found.segment(call.func)}: x = layer(x)`" if plain else "call its elements"  # type: ignore[union-attr]
    help_text = f"{cure}, or make it an `nn.Sequential`" if plain else cure
    return report(problem.site, f"{name} cannot be called", help=help_text, model=model, module=problem.module or None)


def misspelled(found: Places, cls: ast.ClassDef) -> Function | None:
    """Return the method that was meant to be ``forward``."""
    own = [m for c in found.family(cls) for m in methods(c).values() if not (m.name[:2] == "__" == m.name[-2:])]
    return next((m for m in own if is_forward(m.name) and len(m.args.args) > 1), None)


def displaced(found: Places, cls: ast.ClassDef) -> Function | None:
    """Return a ``forward`` that stands inside of another method, or behind the class instead of in it."""
    for function in found.functions:
        if function.name == "forward" and found.class_of(function) is cls and found.function_of(function) is not None:
            return function
    body = found.source.tree.body if found.source.tree is not None else []
    after = body[body.index(cls) + 1 :] if cls in body else []
    return after[0] if after and isinstance(after[0], ast.FunctionDef) and after[0].name == "forward" else None


def without_self(found: Places, problem: Problem) -> Function | None:
    """Return the forward whose ``self`` is missing, so that a call does not fit it or ``self`` is no name in it."""
    facts = problem.facts
    if problem.kind == "undefined-attribute":
        function = found.function_around(problem.site) if facts["owner"] is None and facts["name"] == "self" else None
    else:
        wanted = facts["defined"] if facts.get("function") == "forward" else 0
        function = next((f for f in found.functions if f.lineno == wanted and "positional" in facts["reason"]), None)
    if function is None or function.name != "forward" or function.decorator_list or found.class_of(function) is None:
        return None
    first = [a.arg for a in function.args.args][:1]
    return function if first and first[0] not in {"self", "cls", "this", "_", "ctx"} else None


BAD = (
    """
from torch import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def foward(self, x):  # <- missing-forward
        return self.conv(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()

    def forward(self, x):
        return self.block(x)
""",
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

        def forward(self, x):  # <- missing-forward
            return self.conv(x)
""",
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(x):  # <- missing-forward
        return self.conv(x)
""",
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(3, 3, 1) for _ in range(3)])

    def forward(self, x):
        return self.layers(x)  # <- missing-forward
""",
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)


def forward(self, x):  # <- missing-forward
    return self.conv(x)
""",
    """
from torch import nn


class Body(nn.Module):  # <- missing-forward
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = Body()

    def forward(self, x):
        return self.body(x)
""",
)

GOOD = (
    """
from torch import nn


class Base(nn.Module):
    def forward(self, x):
        return self._forward(x)


class Block(Base):
    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(3, 3, 1) for _ in range(3)])

    def _forward(self, x):
        for conv in self.convs:
            x = conv(x)
        return x


class Called(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def __call__(self, x):
        return self.conv(x)


class Template(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 1)

    def _forward(self, x):
        return self.conv(x)


class Filled(Template):
    def forward(self, x):
        return self._forward(x)


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(Block(), Called(), Filled(3))
""",
)
