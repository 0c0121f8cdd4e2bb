"""A module's ``__init__`` does not call the one of ``nn.Module``, or calls it too late.

## What it checks
Whether ``super().__init__()`` runs before the first layer is assigned, is spelled right, and names the class that it
stands in; and whether ``__init__`` itself is spelled right, so that it runs at all.

## Why it matters
``nn.Module.__init__`` makes the registries of layers and parameters. Before it ran, ``self.conv = nn.Conv2d(...)``
raises. Under a misspelled name ``__init__`` never runs, and every attribute is missing.

## Bad
    def __init__(self):
        self.conv = nn.Conv2d(3, 64, 7)

## Good
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 7)

## How to fix
Make ``super().__init__()`` the first statement of ``__init__``, with two underscores on either side.

## Source
The documentation of ``torch.nn.Module``: "an ``__init__()`` call to the parent class must be made before assignment".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.finding import Finding, Fix, related
from resnet_check.graph.records import Model, Problem
from resnet_check.rules._calls import incomplete
from resnet_check.rules._places import Function, Places, inside, methods, name_of, places
from resnet_check.rules._spelling import misspelled_init, renamed
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC104", "missing-super-init", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield each constructor that does not initialise its module."""
    for model, problem in context.found("missing-super-init"):
        if "wrong" in problem.facts:
            yield wrong_class(report, places(context), model, problem)
        elif not (model is not None and incomplete(places(context), model)) and not failed_call(
            places(context), problem
        ):
            yield not_called(report, places(context), model, problem)
    for model, problem in context.found("undefined-attribute", "bad-call"):
        found = places(context)
        wrong = misspelled_init(found, class_in(found, problem))
        if wrong is not None:
            message = f"`{wrong.name}` is not `__init__`, so Python never calls it and the module has no layers"
            fix = renamed(found, wrong, "__init__", safe=wrong.name != "init")
            yield report(found.heading(wrong), message, help="rename it to `__init__`", model=model, fix=fix)


def failed_call(found: Places, problem: Problem) -> bool:
    """Return whether the parent's constructor was called all the same, and failed: a mistake of another kind."""
    chain = (problem.site, *problem.site.calls)
    init = next((f for s in chain if (f := found.function_around(s)) and f.name == "__init__"), None)
    if init is None:
        cls = class_of(found, problem)
        init = None if cls is None else methods(cls).get("__init__")
    parent = None if init is None else parent_call(init)
    if init is None or not isinstance(parent, ast.Call):
        return init is None
    called = isinstance(parent.func, ast.Attribute) and parent.func.attr == "__init__"
    return called and (problem.facts["name"] is None or parent.lineno < problem.site.line)


def class_of(found: Places, problem: Problem) -> ast.ClassDef | None:
    """Return the class of the module that was not initialised."""
    facts = problem.facts
    return next((c for c in found.classes if c.lineno == facts["line"] and c.name == facts["owner"]), None)


def class_in(found: Places, problem: Problem) -> ast.ClassDef | None:
    """Return the class of which an attribute is missing, or whose constructor got arguments that it does not take."""
    facts = problem.facts
    if problem.kind == "undefined-attribute":
        return found.class_at(facts.get("path") or "", facts.get("line", 0))
    defined = facts.get("defined", 0) if facts.get("function") == "__init__" else 0
    return next((c for c in found.classes if c.lineno == defined and c.name == facts.get("owner")), None)


def wrong_class(report: Reporter, found: Places, model: Model | None, problem: Problem) -> Finding:
    """Report ``super(OtherNet, self)``."""
    from resnet_check.editing import over

    call = found.at(problem.site, ast.Call)
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
        call = call.func.value  # of `super(OtherNet, self).__init__()` the part that is wrong
    named = isinstance(call, ast.Call) and name_of(call.func) == "super"
    fix = (
        Fix("name no class", (over(found.source, call, "super()"),), safe=True) if call is not None and named else None
    )
    wrong, owner = problem.facts["wrong"], problem.facts["owner"]
    return report(
        problem.site,
        f"`super({wrong}, self)` stands in `{owner}`, which does not derive from `{wrong}`",
        help="write `super().__init__()`",
        model=model,
        fix=fix,
    )


def not_called(report: Reporter, found: Places, model: Model | None, problem: Problem) -> Finding:
    """Report a constructor that assigns a layer before, or without, initialising the module."""
    chain = (problem.site, *problem.site.calls)
    sites = [
        (site, function) for site in chain if (function := found.function_around(site)) and function.name == "__init__"
    ]
    name = problem.facts["name"]
    also = (
        (related(problem.site, f"`self.{name}` is assigned here"),) if name else (related(problem.site, "called here"),)
    )
    if not sites:
        cls = class_of(found, problem)
        own = (
            [m for m in cls.body if isinstance(m, ast.FunctionDef) and m.name == "__init__"] if cls is not None else []
        )
        place = found.heading(own[0]) if own else found.heading(cls) if cls is not None else problem.site
        message = f"`{problem.facts['owner']}.__init__` never calls `super().__init__()`"
        cure, fix = "make it the first statement of `__init__`", at_the_top(found, own[0]) if own else None
        return report(place, message, help=cure, model=model, related=also, fix=fix)
    site, init = sites[0]
    parent = parent_call(init)
    if parent is None:
        owner = found.class_of(init)
        message = f"`{owner.name if owner else ''}.__init__` never calls `super().__init__()`"
        cure = "make it the first statement of `__init__`"
        label, fix = "nothing initialises the module", at_the_top(found, init)
        return report(found.heading(init), message, label=label, help=cure, model=model, related=also, fix=fix)
    place = found.source.site(parent)
    if parent.lineno > site.line:
        message = f"`super().__init__()` comes after the first layer, which is assigned on line {problem.site.line}"
        fix = at_the_top(found, init, found.parents.get(parent))
        return report(place, message, help="move it to the top of `__init__`", model=model, related=also, fix=fix)
    message = f"`{found.segment(parent)}` does not call `__init__` of the parent"
    return report(
        place,
        message,
        help="write `super().__init__()`",
        model=model,
        related=also,
        fix=spelled_right(found, init, parent),
    )


CALL = "super().__init__()"


def at_the_top(found: Places, init: Function, now: ast.AST | None = None) -> Fix | None:
    """Return the fix that begins a constructor with the call of ``nn.Module``'s, which stands further down ``now``."""
    from resnet_check.editing import line_above, stands_alone, without

    source, first = found.source, init.body[0]
    if ast.get_docstring(init, clean=False) is not None and len(init.body) > 1:
        first = init.body[1]
    if not derives_from_module(found, init) or not stands_alone(source, first):
        return None
    if now is None:
        return Fix("call it first", (line_above(source, first, CALL),), safe=True)
    if not isinstance(now, ast.Expr) or now not in init.body or not stands_alone(source, now):
        return None
    return Fix("call it first", (line_above(source, first, found.segment(now)), without(source, now)), safe=True)


def spelled_right(found: Places, init: Function, parent: ast.expr) -> Fix | None:
    """Return the fix that writes the call of ``nn.Module``'s constructor in the place of one that was meant to be it."""
    from resnet_check.editing import over

    if not derives_from_module(found, init):
        return None
    return Fix("call `__init__` of the parent", (over(found.source, parent, CALL),), safe=True)


def derives_from_module(found: Places, init: Function) -> bool:
    """Return whether the constructor's class derives from ``nn.Module`` alone, whose own takes no argument."""
    owner = found.class_of(init)
    return owner is not None and [found.segment(base) for base in owner.bases] in (["nn.Module"], ["torch.nn.Module"])


def parent_call(init: Function) -> ast.expr | None:
    """Return the expression in a constructor that calls, or was meant to call, the parent's."""
    for node in sorted((n for n in inside(init) if isinstance(n, ast.Expr)), key=lambda n: n.lineno):
        for part in ast.walk(node.value):
            named = isinstance(part, ast.Name) and part.id == "super"
            if named or (isinstance(part, ast.Attribute) and part.attr == "__init__"):
                return node.value
    return None


BAD = (
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):  # <- missing-super-init
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
""",
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        self.conv = nn.Conv2d(3, 8, 3)
        super().__init__()  # <- missing-super-init

    def forward(self, x):
        return self.conv(x)
""",
    """
from torch import nn


class OtherNet(nn.Module):
    pass


class Net(nn.Module):
    def __init__(self):
        super(OtherNet, self).__init__()  # <- missing-super-init
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
""",
    """
from torch import nn


class Net(nn.Module):
    def _init_(self):  # <- missing-super-init
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.bn = nn.BatchNorm2d(8)

    def forward(self, x):
        return self.bn(self.conv(x))
""",
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__  # <- missing-super-init
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
""",
    """
from torch import nn


class Block(nn.Module):
    def __init__(self, width):  # <- missing-super-init
        self.build(width)

    def build(self, width):
        self.conv = nn.Conv2d(3, width, 3)

    def forward(self, x):
        return self.conv(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block(8)

    def forward(self, x):
        return self.block(x)
""",
)

GOOD = (
    """
from torch import nn


class Mixin:
    def init(self):
        self.name = "net"


class Base(Mixin, nn.Module):
    def __init__(self, width):
        self.width = width
        self.init()
        nn.Module.__init__(self)
        self.conv = nn.Conv2d(3, width, 3)


class Net(Base):
    def __init__(self):
        super(Base, self).__init__()
        Base.__init__(self, 8)

    def forward(self, x):
        return self.conv(x)
""",
)
