"""How certain it is that a call which fails is a mistake, and arguments that no call passes on."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from resnet_check.graph.records import Model, Problem
from resnet_check.rules._places import Function, Places, inside, methods, name_of
from resnet_check.rules.base import FileContext


def incomplete(found: Places, model: Model) -> bool:
    """Return whether a model fails only because this check builds or calls it with fewer arguments than its users do.

    So it is where an argument is missing that the function around would hand through in ``*args`` or ``**kwargs``, and
    where ``forward`` takes more than the image.
    """
    for problem in model.problems:
        if problem.kind != "bad-call" or problem.facts.get("message") != "arguments":
            continue
        site = problem.site
        if (site.line, site.column, site.end_column) == (model.line, 1, 1):
            return "positional" not in problem.facts["reason"]
        node = found.at(site, ast.Call)
        spread = isinstance(node, ast.Call) and (
            any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords)
        )
        if "misses the argument" in problem.facts["reason"] and (spread or site.path != found.source.path):
            return True
    return False


def to_be_given(found: Places, model: Model) -> bool:
    """Return whether a class has defaults that only stand for what its users are to give: ``None``, ``[]``, ``{}``."""
    cls = next((c for c in found.classes if c.lineno == model.line), None)
    above = [] if cls is None else [c for c in found.family(cls) if "__init__" in methods(c)]
    if not above:
        return True
    arguments = methods(above[0])["__init__"].args
    defaults = [*arguments.defaults, *(d for d in arguments.kw_defaults if d is not None)]
    empty = any(
        (isinstance(d, ast.Constant) and d.value in {None, ""}) or (isinstance(d, (ast.List, ast.Tuple)) and not d.elts)
        for d in defaults
    )
    return empty or arguments.kwarg is not None or arguments.vararg is not None


def is_placeholder(found: Places, model: Model, problem: Problem) -> bool:
    """Return whether a None that is called or read is the default of a parameter, which users are to give."""
    node = found.at(problem.site, ast.Call, ast.Attribute)
    value = node.func if isinstance(node, ast.Call) else node.value if isinstance(node, ast.Attribute) else None
    made = next((f for f in found.functions if f.name == model.name and f.lineno <= model.line), None)
    around = [f for f in (found.function_around(problem.site), made) if f is not None]
    return value is not None and any(name_of(value) in empty_parameters(function) for function in around)


def empty_parameters(function: Function) -> frozenset[str]:
    """Return the parameters of a function whose default is None."""
    arguments, defaults = [*function.args.posonlyargs, *function.args.args], function.args.defaults
    pairs = [*zip(arguments[len(arguments) - len(defaults) :], defaults, strict=True)]
    pairs += [(a, d) for a, d in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True) if d is not None]
    return frozenset(a.arg for a, default in pairs if isinstance(default, ast.Constant) and default.value is None)


def certain(found: Places, problem: Problem) -> bool:
    """Return whether a problem of a model with guessed arguments is one for all: the call of a function that is fixed."""
    node = found.at(problem.site, ast.Call)
    if problem.facts.get("message") != "arguments" or not isinstance(node, ast.Call):
        return False
    function = found.function_of(node)
    given = set() if function is None else {a.arg for a in ast.walk(function.args) if isinstance(a, ast.arg)}
    by_name = isinstance(node.func, ast.Name) and node.func.id in given
    return not by_name and not any(isinstance(a, ast.Starred) for a in node.args)


def severity(found: Places, model: Model | None, problem: Problem) -> str:
    """Return how grave a failing call is: a note where its author may never make it with these arguments."""
    facts = problem.facts
    if problem.site.path != found.source.path:
        return "error" if facts.get("message") == "arguments" and handed_over(found, model, problem) else "note"
    if facts.get("message") == "arguments":
        return "error"
    if model is not None and model.kind == "class" and to_be_given(found, model):
        return "note"
    if model is not None and problem.facts["reason"].startswith("None ") and is_placeholder(found, model, problem):
        return "note"
    sure = facts.get("message") in {"not callable", "argument", "module"} or "modules" in facts["reason"]
    certain_here = not in_forward(found, problem) and self_contained(found)
    return "error" if sure or certain_here or " object>" in facts["reason"] else "note"


def handed_over(found: Places, model: Model | None, problem: Problem) -> bool:
    """Return whether a factory of the file gives an imported class a class of the file that does not take its arguments."""
    facts = problem.facts
    own = any(f.lineno == facts.get("defined") and f.name == facts.get("function") for f in found.functions)
    return own and model is not None and model.kind == "factory" and not model.trial


def self_contained(found: Places) -> bool:
    """Return whether the file imports nothing but torch and Python's own modules, so that all of it was read."""
    body = found.source.tree.body if found.source.tree is not None else []
    names = [alias.name for node in body if isinstance(node, ast.Import) for alias in node.names]
    froms = [node for node in body if isinstance(node, ast.ImportFrom)]
    names += [node.module or "" for node in froms]
    own = sys.stdlib_module_names | {"torch", "numpy"}
    return not any(node.level for node in froms) and all(name.partition(".")[0] in own for name in names)


def in_forward(found: Places, problem: Problem) -> bool:
    """Return whether a problem shows while forward runs, where it may rest on what the input is taken to be."""
    functions = (found.function_around(site) for site in (problem.site, *problem.site.calls))
    return bool(problem.module) or any(function is not None and function.name == "forward" for function in functions)


def derived(context: FileContext) -> list[ast.ClassDef]:
    """Return the classes at the top level that derive from others of the file."""
    body = context.source.tree.body if context.source.tree is not None else []
    classes = [node for node in body if isinstance(node, ast.ClassDef)]
    names = {cls.name for cls in classes}
    return [cls for cls in classes if any(name_of(base) in names for base in cls.bases)]


def not_passed_on(found: Places, cls: ast.ClassDef) -> Iterator[tuple[ast.Call, ast.arg, str]]:
    """Yield parameters of a constructor that nothing reads, though the parent's constructor has them too.

    Each comes with the call of the parent's constructor and the parent's name.
    """
    init = methods(cls).get("__init__")
    parent = next((c for c in found.classes if c.name in {name_of(b) for b in cls.bases} and c is not cls), None)
    above = None if parent is None else methods(parent).get("__init__")
    upward = None if init is None else parent_call(init)
    if init is None or parent is None or above is None or upward is None:
        return
    names = {n.id for n in ast.walk(init) if isinstance(n, ast.Name)}
    wanted = [a.arg for a in (*above.args.args[1:], *above.args.kwonlyargs)]
    given = {*wanted[: len(upward.args)], *(k.arg for k in upward.keywords)}
    for argument in (*init.args.args[1:], *init.args.kwonlyargs):
        if argument.arg in wanted and argument.arg not in names | given and "locals" not in names:
            yield upward, argument, parent.name


def parent_call(init: Function) -> ast.Call | None:
    """Return the call of the parent's constructor when all its arguments are written out."""
    found = [
        node
        for node in inside(init)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "__init__"
    ]
    if len(found) != 1 or not isinstance(found[0].func.value, ast.Call):  # type: ignore[attr-defined]
        return None
    spread = any(isinstance(a, ast.Starred) for a in found[0].args) or any(k.arg is None for k in found[0].keywords)
    return None if spread else found[0]
