"""What a function gives back when it ends, and the mistake of a forward that gives nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from resnet_check.read.static.frames import MISSING, Frame
from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.unknown_branches import walk
from resnet_check.read.static.values import Function, Instance, Tensor


def finish(interpreter: Interpreter, function: Function, signal: Any, scope: Frame) -> Any:
    """Return a function's value.

    A ``forward`` that computes a tensor and gives nothing back is a mistake; reading goes on with the tensor that was
    most probably meant.
    """
    value = getattr(signal, "value", None)
    if value is None and function.name == "forward" and interpreter.module_stack and not dropped(interpreter, scope):
        return missing_return(interpreter, function, signal, scope)
    return value


def dropped(interpreter: Interpreter, scope: Frame) -> bool:
    """Return whether the call stands as a statement, so that nobody waits for its value."""
    place, call = interpreter.dropped, scope.caller_site
    if place is None or call is None:
        return False
    return (place.path, place.line, place.column) == (call.path, call.line, call.column)


def inside_loop(
    interpreter: Interpreter, loop: ast.For, signal: Any, rest: Iterator[Any], scope: Frame, before: int
) -> None:
    """Say that a loop that computes tensors, or builds modules, gives them back on the first of several rounds.

    ``before`` is the number of modules that were built before the loop.
    """
    made = interpreter.instances[before:]
    if signal.node is not loop.body[-1] or not (computed(interpreter, signal.value) or built(made, signal.value)):
        return
    if next(rest, MISSING) is not MISSING:
        count = 2 + sum(1 for _ in rest)
        interpreter.problem("return-inside-loop", scope.site(signal.node), count=count, loop=loop.lineno)


def computed(interpreter: Interpreter, value: Any) -> bool:
    """Return whether a value is a tensor of the running forward pass."""
    return interpreter.trace is not None and isinstance(value, Tensor) and value.trace is interpreter.trace


def built(made: list[Any], value: Any) -> bool:
    """Return whether a value is one of the modules, or a list that ends with one."""
    if isinstance(value, list) and value:
        value = value[-1]
    return any(value is module for module in made)


def missing_return(interpreter: Interpreter, function: Function, signal: Any, scope: Frame) -> Any:
    instance = scope.instance
    if not (isinstance(instance, Instance) and instance.is_module):
        return None
    if signal is not None and isinstance(getattr(signal.node, "value", None), ast.expr):
        # ``return self.stages(x)`` where that gives nothing: the mistake is there
        return None
    probable = last_tensor(function, scope)
    if probable is None:
        return None
    name, value = probable
    statement = last_statement(function.node.body)  # type: ignore[arg-type]
    if scope.dropped is not None and scope.dropped[0] is statement and isinstance(scope.dropped[1], Tensor):
        value = scope.dropped[1]
    interpreter.problem(
        "forward-missing-return",
        scope.site(statement),
        owner=function.owner.name if function.owner else "",
        variable=name,
        defined=function.node.lineno,
        some=any(isinstance(n, ast.Return) and n.value is not None for n in walk(function.node.body)),  # type: ignore[arg-type]
    )
    return value


def last_statement(body: list[ast.stmt]) -> ast.stmt:
    """Return the last simple statement of a block, inside whatever compound statement ends it."""
    last = body[-1]
    inner = getattr(last, "body", None)
    if isinstance(inner, list) and inner:
        return last_statement(getattr(last, "orelse", None) or inner)
    return last


def last_tensor(function: Function, scope: Frame) -> tuple[str, Any] | None:
    """Return the name that was assigned last and holds a tensor."""
    names = [
        node
        for node in walk(function.node.body)  # type: ignore[arg-type]
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    for node in sorted(names, key=lambda n: (n.lineno, n.col_offset), reverse=True):
        value = scope.names.get(node.id, MISSING)
        if isinstance(value, Tensor) or (isinstance(value, (tuple, list)) and value and isinstance(value[0], Tensor)):
            return node.id, value
    return None
