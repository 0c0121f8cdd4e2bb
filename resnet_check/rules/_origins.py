"""Where a None came from: the helper that returns nothing although its value is used."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.graph.records import Problem, Site
from resnet_check.rules._places import (
    FUNCTIONS,
    Function,
    Places,
    gives_value,
    inside,
    is_name,
    name_of,
    self_name,
    targets,
)

DEPTH = 6


def silent_helper(places: Places, problem: Problem) -> tuple[Function, ast.Call] | None:
    """Return the function without ``return`` whose None caused a problem, and the call that used it."""
    if not problem.facts.get("none"):
        return None
    node = places.at(problem.site, ast.Call, ast.Attribute, ast.Subscript, ast.BinOp, ast.Name, ast.Starred)
    for expression in suspects(node, problem):
        found = trace(places, expression, problem.site, DEPTH)
        if found is not None:
            return found
    return None


def suspects(node: ast.AST | None, problem: Problem) -> list[ast.expr]:
    """Return the expressions at a place that may have been None."""
    if isinstance(node, ast.Starred):
        return [node.value]
    if isinstance(node, ast.expr) and "iterated over" in problem.facts.get("reason", ""):
        return [node]
    if isinstance(node, ast.Call):
        reason = problem.facts.get("reason", "")
        called = "cannot be called" in reason or "in a Sequential" in reason
        return [node.func] if called else [*node.args, *(k.value for k in node.keywords)]
    if isinstance(node, (ast.Attribute, ast.Subscript)):
        return [node.value]
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    return [node] if isinstance(node, ast.Name) else []


def returned_list(places: Places, problem: Problem) -> ast.Return | None:
    """Return the statement by which a method returned the list that is called as if it were a module."""
    node = places.at(problem.site, ast.Call)
    function = node.func if isinstance(node, ast.Call) else None
    cls = places.class_of(function) if function is not None else None
    if (
        cls is None
        or not isinstance(function, ast.Attribute)
        or not str(problem.facts.get("reason")).startswith("list ")
    ):
        return None
    for _, value in places.assignments(cls, function.attr):
        helper = definition(places, value) if isinstance(value, ast.Call) else None
        returns = [n for n in inside(helper) if isinstance(n, ast.Return)] if helper is not None else []
        if len(returns) == 1 and isinstance(returns[0].value, (ast.Name, ast.List, ast.ListComp)):
            return returns[0]
    return None


def trace(places: Places, node: ast.expr | None, site: Site, depth: int) -> tuple[Function, ast.Call] | None:
    """Follow an expression back to a call of a function that returns nothing."""
    if node is None or depth == 0:
        return None
    if isinstance(node, ast.Starred):
        return trace(places, node.value, site, depth)
    if isinstance(node, ast.Call):
        helper = definition(places, node)
        if helper is not None:
            return (helper, node) if not gives_value(helper) else None
        inner = node.args if name_of(node.func) in {"Sequential", "ModuleList"} else []
        found = (trace(places, argument, site, depth - 1) for argument in inner)
        return next((f for f in found if f is not None), None)
    if isinstance(node, ast.Name):
        return trace_name(places, node, site, depth)
    if isinstance(node, ast.Attribute):
        function, cls = places.function_of(node), places.class_of(node)
        if function is not None and cls is not None and is_name(node.value, self_name(function)):
            found = (trace(places, value, site, depth - 1) for _, value in places.assignments(cls, node.attr))
            return next((f for f in found if f is not None), None)
    return None


def trace_name(places: Places, node: ast.Name, site: Site, depth: int) -> tuple[Function, ast.Call] | None:
    """Follow a local name to its latest assignment, a parameter to the argument of the call."""
    function = places.function_of(node)
    if function is None:
        return None
    before = [
        (statement.lineno, value)
        for statement in inside(function)
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.lineno < node.lineno
        for target, value in targets(statement)
        if is_name(target, node.id)
    ]
    if before:
        return trace(places, max(before, key=lambda pair: pair[0])[1], site, depth - 1)
    names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)][1:]
    call = None if site.caller is None else places.at(site.caller, ast.Call)
    if site.caller is None or not isinstance(call, ast.Call) or node.id not in names:
        return None
    position = names.index(node.id)
    argument = call.args[position] if position < len(call.args) else None
    return trace(places, argument, site.caller, depth - 1)


def definition(places: Places, call: ast.Call) -> Function | None:
    """Return the function of the file that a call means: a plain function, or a method of the class around it."""
    if isinstance(call.func, ast.Name):
        named = [f for f in places.functions if f.name == call.func.id and places.class_of(f) is None]
        return named[0] if len(named) == 1 else None
    function, cls = places.function_of(call), places.class_of(call)
    if function is None or cls is None or not isinstance(call.func, ast.Attribute):
        return None
    if not is_name(call.func.value, self_name(function)):
        return None
    named = [m for c in places.family(cls) for m in c.body if isinstance(m, FUNCTIONS) and m.name == name_of(call.func)]
    return named[0] if len(named) == 1 else None


def dropped_models(places: Places) -> Iterator[tuple[Function, ast.Call, ast.Call | None]]:
    """Yield functions that end by building a module which they do not give back.

    Each comes with the expression that builds it, and the call that uses the function's value, or None where building it
    is all that the function does.
    """
    classes = {c.name for c in places.classes if is_module(places, c)}
    for function in places.functions:
        last = function.body[-1]
        built = last.value if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call) else None
        if built is None or name_of(built.func) not in classes | {"Sequential"} or gives_value(function):
            continue
        use = next((n for n in places.nodes if isinstance(n, ast.Call) and uses(places, n, function)), None)
        only = len(function.body) == 1 and not function.name.startswith(("test", "main", "check", "_"))
        if use is not None or only:
            yield function, built, use


def is_module(places: Places, cls: ast.ClassDef) -> bool:
    """Return whether a class derives from ``nn.Module``, as far as the file shows."""
    bases = {name_of(base) for c in places.family(cls) for base in c.bases}
    return bool(bases & {"Module", "Sequential", "ModuleList"})


def uses(places: Places, call: ast.Call, function: Function) -> bool:
    """Return whether a call of a function is more than a statement."""
    return not isinstance(places.parents.get(call), ast.Expr) and definition(places, call) is function
