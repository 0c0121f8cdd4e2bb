"""Functions made in a loop: they see a loop variable's last value, not the one that it had when they were made."""

from __future__ import annotations

import ast
from typing import Any

from resnet_check.read.static.frames import MISSING, Frame
from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.values import Function

PLAIN = (int, float, str, tuple)


def loop_variables(node: Any, frame: Frame) -> dict[str, tuple[Frame, Any]] | None:
    """Return what the variables of the running loop hold that a function made now reads, or None."""
    found: dict[str, tuple[Frame, Any]] = {}
    scope: Frame | None = frame
    while scope is not None and scope.yields is None:
        if scope.comprehension or scope.loop is not None:
            names = set(scope.names) if scope.comprehension else set_before(scope.loop, node)
            for name in names & free_names(node):
                if name in scope.names and name not in found:
                    found[name] = scope, scope.names[name]
        scope = scope.outer if scope.comprehension else None
    return found or None


def free_names(node: Any) -> frozenset[str]:
    """Return the names that a function reads and does not bind itself."""
    known = getattr(node, "resnet_check_free", None)
    if known is None:
        body = node.body if isinstance(node.body, list) else [node.body]
        parts = [part for statement in body for part in ast.walk(statement)]
        names = [part for part in parts if isinstance(part, ast.Name)]
        bound = {part.arg for part in (*parts, *ast.walk(node.args)) if isinstance(part, ast.arg)}
        bound |= {part.id for part in names if not isinstance(part.ctx, ast.Load)}
        known = node.resnet_check_free = frozenset(part.id for part in names) - bound
    return known


def set_before(loop: Any, node: Any) -> set[str]:
    """Return the names that each round of a loop sets before it makes the function, and nowhere later."""
    stores = [part for part in ast.walk(loop) if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load)]
    return {part.id for part in stores} - {
        part.id for part in stores if part.lineno > loop.lineno and part.lineno >= node.lineno
    }


def compare(interpreter: Interpreter, function: Function) -> None:
    """Say which variables have moved on since the function was made."""
    moved = {}
    for name, (scope, was) in (function.seen or {}).items():
        now = scope.names.get(name, MISSING)
        same = was == now if isinstance(was, PLAIN) and isinstance(now, PLAIN) else was is now
        if not same and now is not MISSING:
            moved[name] = was, now
    if moved:
        site = function.frame.site(function.node)
        interpreter.problem("late-binding-closure", site, names=moved, function=function.name)
