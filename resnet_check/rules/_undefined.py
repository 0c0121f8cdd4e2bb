"""Why an attribute or a name does not exist: misspelled, local instead of on ``self``, set on other paths only."""

from __future__ import annotations

import ast
import builtins

from resnet_check.finding import Related, related
from resnet_check.graph.records import Problem, Site
from resnet_check.rules._places import FUNCTIONS, Places, inside, is_name, methods, name_of, self_name, targets
from resnet_check.rules._spelling import nearest_name

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
    used: tuple[Related, ...] = (related(problem.site, f"`{name}` is read here"),)
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
        return not_yet(found, places_set[0][0], problem)
    near = nearest_name(name, problem.facts.get("candidates", ()))
    if near is None:
        return problem.site, message, f"assign `self.{name}` in `__init__`" if cls is not None else "", ()
    assigned = [] if cls is None else found.assignments(cls, near)
    if assigned and misspelled_where_assigned(found, near, name, problem):
        text = f"`{near}` is assigned, but `{name}` is read"
        return found.source.site(assigned[0][0]), text, f"write `self.{name} = ...`", used
    at = tuple(Related(found.source.path, s.lineno, f"`{near}` is assigned here") for s, _ in assigned[:1])
    return problem.site, message, f"did you mean `{near}`?", at


def not_yet(found: Places, statement: ast.stmt, problem: Problem) -> Explanation:
    """Explain an attribute that is assigned, but too late or on other paths."""
    name, line = problem.facts["name"], statement.lineno
    method = found.function_of(statement)
    message = f"`{problem.facts['owner']}` has no attribute `{name}` here"
    earlier = [s for s in (problem.site, *problem.site.calls) if found.function_around(s) is method and s.line < line]
    if earlier:
        at = (Related(found.source.path, line, f"`{name}` is assigned here, too late"),)
        return problem.site, f"{message} yet: line {line} assigns it later", f"assign `self.{name}` first", at
    at = (Related(found.source.path, line, f"`{name}` is assigned here, but this line did not run"),)
    return problem.site, f"{message}: line {line} sets it on other paths only", f"set `self.{name}` on every path", at


def forgotten_self(found: Places, cls: ast.ClassDef, name: str) -> ast.stmt | None:
    """Return the statement that assigns a local variable of this name which its method never reads."""
    for method in (m for c in found.family(cls) for m in c.body if isinstance(m, FUNCTIONS)):
        nodes = list(inside(method))
        read = any(is_name(n, name) and isinstance(n.ctx, ast.Load) for n in nodes)  # type: ignore[attr-defined]
        for statement in nodes:
            binds = isinstance(statement, (ast.Assign, ast.AnnAssign)) and not read
            if binds and any(is_name(target, name) for target, _ in targets(statement)):  # type: ignore[arg-type]
                return statement  # type: ignore[return-value]
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
