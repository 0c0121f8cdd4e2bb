"""An attribute or a name is read that exists nowhere.

## What it checks
Whether every attribute and every name that building the model or its ``forward`` reads was set before: under that very
name, on ``self``, and on every path.

## Why it matters
Python looks names up when the line runs, so a misspelled layer or a forgotten ``self.`` shows only when the model is
called, far from the line that is wrong.

## Bad
    def __init__(self):
        super().__init__()
        conv1 = nn.Conv2d(3, 64, 7)

    def forward(self, x):
        return self.conv1(x)

## Good
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7)

## How to fix
Spell both places alike, and assign to ``self``.

## Source
The Python language reference, "Naming and binding"; the documentation of ``torch.nn.Module``.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from resnet_check.finding import Finding, Related, related
from resnet_check.graph.records import Problem, Site
from resnet_check.rules._arguments import incomplete, to_be_given
from resnet_check.rules._origins import silent_helper
from resnet_check.rules._places import FUNCTIONS, Places, inside, is_name, methods, name_of, places, self_name, targets
from resnet_check.rules._spelling import misspelled_init, nearest_name
from resnet_check.rules.base import FileContext, Reporter, rule
from resnet_check.rules.missing_forward import without_self

IMPORTS = {
    "F": "import torch.nn.functional as F",
    "functional": "from torch.nn import functional",
    "nn": "from torch import nn",
    "np": "import numpy as np",
    "torch": "import torch",
    "math": "import math",
    "partial": "from functools import partial",
    "OrderedDict": "from collections import OrderedDict",
}
"""What files of this kind forget to import."""


@rule("RC105", "undefined-attribute", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield each attribute or name that is read but does not exist, once for each place."""
    broken = {problem.facts["owner"] for _, problem in context.found("missing-super-init")}
    for model, problem in context.found("undefined-attribute"):
        found, facts = places(context), problem.facts
        cls = found.class_at(facts.get("path") or "", facts.get("line", 0))
        if misspelled_init(found, cls) is not None or silent_helper(found, problem) is not None:
            continue
        if without_self(found, problem) is not None or (model is not None and incomplete(found, model)):
            continue
        if facts["owner"] in broken or (cls is not None and left_to_subclass(found, cls, facts["name"])):
            continue
        if model is not None and model.trial and cls is None and facts["owner"] is not None:
            continue
        if set_from_outside(found, cls, facts["name"]):
            continue
        site, message, cure, also = explain(found, cls, problem)
        elsewhere = problem.site.path != context.source.path
        unset = "other paths" in message and model is not None and model.kind == "class" and to_be_given(found, model)
        grave = "note" if elsewhere or unset else None
        yield report(site, message, help=cure, model=model, module=problem.module or None, related=also, severity=grave)


def left_to_subclass(found: Places, cls: ast.ClassDef, name: str) -> bool:
    """Return whether a class that derives from this one has the attribute, so that this one is abstract."""
    above = {name_of(base) for base in cls.bases}
    heirs = [c for c in found.family(cls) if c is not cls and c.name not in above]
    return any(name in methods(c) for c in heirs) or any(
        found.class_of(statement) in heirs for statement, _ in found.assignments(cls, name)
    )


def set_from_outside(found: Places, cls: ast.ClassDef | None, name: str) -> bool:
    """Return whether a decorator may have added the attribute, or other code of the file sets it on an object."""
    if cls is not None and any(c.decorator_list for c in found.family(cls)):
        return True
    for node in found.nodes:
        if isinstance(node, ast.Attribute) and node.attr == name and isinstance(node.ctx, ast.Store):
            function = found.function_of(node)
            if function is None or not is_name(node.value, self_name(function)) or found.class_of(node) is None:
                return True
    return False


Explanation = tuple[Site, str, str, tuple[Related, ...]]


def explain(found: Places, cls: ast.ClassDef | None, problem: Problem) -> Explanation:
    """Return where the mistake is, what it is, what to do, and other places."""
    name, owner = problem.facts["name"], problem.facts["owner"]
    used = (related(problem.site, f"`{name}` is read here"),)
    if owner is None:
        return unbound(found, problem)
    if problem.facts.get("none"):
        return problem.site, f"this is `None`, which has no attribute `{name}`", "", ()
    message = f"`{owner}` has no attribute `{name}`"
    local = None if cls is None else forgotten_self(found, cls, name)
    if local is not None:
        text = f"`{name}` is assigned to a local variable, so `{owner}` has no attribute `{name}`"
        return found.source.site(local), text, f"write `self.{name} = ...`", used
    places_set = [] if cls is None else found.assignments(cls, name)
    if places_set:
        line = places_set[0][0].lineno
        also = (Related(found.source.path, line, f"`{name}` is assigned here, but this line did not run"),)
        return (
            problem.site,
            f"{message} here: line {line} sets it on other paths only",
            f"set `self.{name}` on every path",
            also,
        )
    near = nearest_name(name, problem.facts.get("candidates", ()))
    if near is None:
        return problem.site, message, f"assign `self.{name}` in `__init__`" if cls is not None else "", ()
    assigned = [] if cls is None else found.assignments(cls, near)
    if assigned and misspelled_where_assigned(found, near, name, problem):
        text = f"`{near}` is assigned, but `{name}` is read"
        return found.source.site(assigned[0][0]), text, f"write `self.{name} = ...`", used
    also = tuple(Related(found.source.path, s.lineno, f"`{near}` is assigned here") for s, _ in assigned[:1])
    return problem.site, message, f"did you mean `{near}`?", also


def forgotten_self(found: Places, cls: ast.ClassDef, name: str) -> ast.stmt | None:
    """Return the statement that assigns a local variable of this name which its method never reads."""
    for method in (m for c in found.family(cls) for m in c.body if isinstance(m, FUNCTIONS)):
        nodes = list(inside(method))
        read = any(is_name(n, name) and isinstance(n.ctx, ast.Load) for n in nodes)  # type: ignore[attr-defined]
        for statement in nodes:
            if isinstance(statement, (ast.Assign, ast.AnnAssign)) and not read:
                if any(is_name(target, name) for target, _ in targets(statement)):
                    return statement
    return None


def misspelled_where_assigned(found: Places, assigned: str, read: str, problem: Problem) -> bool:
    """Return whether of two names the assigned one is the odd one among its sisters: ``con1`` beside ``conv2``."""
    if any(isinstance(n, ast.Attribute) and n.attr == assigned and isinstance(n.ctx, ast.Load) for n in found.nodes):
        return False
    others = {stem(c) for c in problem.facts.get("candidates", ()) if c != assigned and stem(c) != c}
    return stem(read) in others and stem(assigned) not in others


def stem(name: str) -> str:
    """Return a name without the number at its end."""
    return name.rstrip("0123456789")


def unbound(found: Places, problem: Problem) -> Explanation:
    """Explain a plain name that nothing binds."""
    name = problem.facts["name"]
    message = f"the name `{name}` is not defined"
    if name in IMPORTS:
        return problem.site, message, f"add `{IMPORTS[name]}`", ()
    function = found.function_around(problem.site)
    cls = None if function is None else found.class_of(function)
    if cls is not None and found.assignments(cls, name):
        return problem.site, message, f"write `self.{name}`", ()
    local = None if cls is None else forgotten_self(found, cls, name)
    if local is not None:
        text = f"`{name}` is a local variable of another method, so the name is not defined where it is read"
        also = (related(problem.site, f"`{name}` is read here"),)
        return found.source.site(local), text, f"write `self.{name}` in both places", also
    bound = {
        n.id
        for n in (() if function is None else inside(function))
        if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)
    }
    bound |= {a.arg for a in ast.walk(function.args) if isinstance(a, ast.arg)} if function is not None else set()
    bound |= {n.name for n in (*found.classes, *found.functions)} | set(dir(builtins))
    near = nearest_name(name, bound)
    return problem.site, message, f"did you mean `{near}`?" if near else "define or import it", ()


BAD = (
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        conv1 = nn.Conv2d(3, 8, 3)  # <- undefined-attribute

    def forward(self, x):
        return self.conv1(x)
""",
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3)
        self.bn1 = nn.BatchNorm2d(8)

    def forward(self, x):
        return self.bn_1(self.conv1(x))  # <- undefined-attribute
""",
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.con1 = nn.Conv2d(3, 8, 3)  # <- undefined-attribute
        self.conv2 = nn.Conv2d(8, 8, 3)

    def forward(self, x):
        return self.conv2(self.conv1(x))
""",
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        x = self.conv(x)
        return F.relu(x)  # <- undefined-attribute
""",
    """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        out = conv(x)  # <- undefined-attribute
        return torch.relu(out + identity)  # <- undefined-attribute
""",
    """
from torch import nn


class Block(nn.Module):
    def __init__(self, stride):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, stride, 1)
        if stride != 1:
            self.shortcut = nn.Conv2d(3, 3, 1, stride)

    def forward(self, x):
        return self.conv(x) + self.shortcut(x)  # <- undefined-attribute


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(Block(1), Block(2))

    def forward(self, x):
        return self.body(x)
""",
)

GOOD = (
    """
from torch import nn


class Block(nn.Module):
    expansion = 1

    def __init__(self, stride):
        super().__init__()
        setattr(self, "conv", nn.Conv2d(3, 3, 3, stride, 1))
        self.add_module("bn", nn.BatchNorm2d(3 * self.expansion))
        self.register_buffer("scale", None)
        if stride != 1:
            self.shortcut = nn.Conv2d(3, 3, 1, stride)

    def forward(self, x):
        out = self.bn(self.conv(x))
        if hasattr(self, "shortcut"):
            x = self.shortcut(x)
        try:
            x = self.extra(x)
        except AttributeError:
            pass
        return out + x if self.scale is None else out


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(Block(1), Block(2))

    def __getattr__(self, name):
        if name == "alias":
            return super().__getattr__("body")
        return super().__getattr__(name)

    def forward(self, x):
        return self.alias(x)
""",
)
