"""Arguments that are handed to another parameter than the one that bears their name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from resnet_check.graph.records import Model, ModuleRecord, Problem, Site
from resnet_check.rules._places import Function, Places, methods, name_of


@dataclass(frozen=True, slots=True)
class Misplaced:
    """A call in which an argument named like one parameter goes to another."""

    call: ast.Call
    argument: str
    parameter: str


def misplaced(found: Places, model: Model | None, problem: Problem) -> Misplaced | None:
    """Return the call on the way to a problem that mixes up its arguments."""
    for call, function in calls(found, model, problem):
        wrong = mixed_up(call, parameters(found, function))
        if wrong is not None:
            return wrong
    return None


def calls(found: Places, model: Model | None, problem: Problem) -> Iterator[tuple[ast.Call, Function]]:
    """Yield the calls that led to a problem, and those that built the modules in which it happened."""
    yield from chain(found, problem.site)
    for record in () if model is None else model.modules:
        within = record.path and (problem.module == record.path or problem.module.startswith(record.path + "."))
        init = constructor(found, record) if within else None
        call = found.at(record.built, ast.Call)
        if init is not None and isinstance(call, ast.Call):
            yield call, init


def chain(found: Places, site: Site) -> Iterator[tuple[ast.Call, Function]]:
    """Yield the calls around a place, innermost first, each with the function that it called."""
    inner = site
    for outer in site.calls:
        call, function = found.at(outer, ast.Call), found.function_around(inner)
        if isinstance(call, ast.Call) and function is not None:
            yield call, function
        inner = outer


def constructor(found: Places, record: ModuleRecord) -> Function | None:
    """Return the constructor of a module of the file."""
    cls = found.class_at(record.class_path, record.class_line)
    return None if cls is None else methods(cls).get("__init__")


def parameters(found: Places, function: Function) -> list[str]:
    """Return the names of a function's parameters, without ``self``."""
    names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    return names[1:] if found.class_of(function) is not None else names


def mixed_up(call: ast.Call, names: list[str]) -> Misplaced | None:
    """Return the first positional argument that is named like another parameter, which gets something else."""
    if any(isinstance(a, ast.Starred) for a in call.args):
        return None
    given = {name: name_of(value) for name, value in zip(names, call.args, strict=False)}
    given |= {k.arg: name_of(k.value) for k in call.keywords if k.arg}
    for parameter, argument in list(given.items())[: len(call.args)]:
        if argument != parameter and argument in names and given.get(argument) != argument:
            return Misplaced(call, argument, parameter)
    return None


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


def sure(found: Places, problem: Problem) -> bool:
    """Return whether a problem of a model with guessed arguments is one for all arguments: a call of a fixed function."""
    node = found.at(problem.site, ast.Call)
    if problem.facts.get("message") != "arguments" or not isinstance(node, ast.Call):
        return False
    function = found.function_of(node)
    given = set() if function is None else {a.arg for a in ast.walk(function.args) if isinstance(a, ast.arg)}
    return not (isinstance(node.func, ast.Name) and node.func.id in given) and not any(
        isinstance(a, ast.Starred) for a in node.args
    )
