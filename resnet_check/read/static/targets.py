"""The targets of assignments: names, attributes, items, and several at once."""

from __future__ import annotations

import ast
from typing import Any

from resnet_check.read.static import tensors
from resnet_check.read.static.assigning import set_attribute, set_item
from resnet_check.read.static.frames import MISSING, Frame
from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.iteration import iterate
from resnet_check.read.static.python_types import builtin
from resnet_check.read.static.values import (
    Opaque,
)
from resnet_check.read.static.weighing import charge


def mangle(identifier: str, frame: Frame) -> str:
    """Return a private name as Python stores it inside a class."""
    if identifier.startswith("__") and not identifier.endswith("__"):
        scope: Frame | None = frame
        while scope is not None:
            if scope.owner is not None:
                return f"_{scope.owner.name.lstrip('_')}{identifier}"
            scope = scope.outer
    return identifier


def assign(interpreter: Interpreter, target: ast.expr, value: Any, frame: Frame) -> None:
    """Bind a value to the target of an assignment."""
    if isinstance(target, ast.Name):
        bind(interpreter, target.id, value, frame)
    elif isinstance(target, ast.Attribute):
        owner = interpreter.evaluate(target.value, frame)
        set_attribute(interpreter, owner, mangle(target.attr, frame), value, target, frame)
    elif isinstance(target, ast.Subscript):
        owner = interpreter.evaluate(target.value, frame)
        index = interpreter.evaluate(target.slice, frame)
        set_item(interpreter, owner, index, value, target, frame)
    elif isinstance(target, (ast.Tuple, ast.List)):
        unpack(interpreter, target, value, frame)
    elif isinstance(target, ast.Starred):
        assign(interpreter, target.value, value, frame)


def bind(interpreter: Interpreter, identifier: str, value: Any, frame: Frame) -> None:
    """Set a name in the scope that it belongs to."""
    if frame.class_scope:
        identifier = mangle(identifier, frame)
    if frame.global_names and identifier in frame.global_names:
        interpreter.changed()
        frame.file.names[identifier] = value
        return
    if frame.nonlocal_names and identifier in frame.nonlocal_names:
        scope = frame.outer
        while scope is not None:
            if identifier in scope.names:
                interpreter.changed()
                scope.names[identifier] = value
                return
            scope = scope.outer
    if frame.names is frame.file.names and (identifier in frame.names or builtin(identifier) is not MISSING):
        interpreter.changed()
    frame.names[identifier] = value


def unpack(interpreter: Interpreter, target: ast.Tuple | ast.List, value: Any, frame: Frame) -> None:
    """Bind the elements of a value to several targets."""
    values = iterate(interpreter, value, target, frame)
    if isinstance(values, Opaque):
        for part in target.elts:
            assign(interpreter, part, values, frame)
        return
    values = charge(interpreter, list(values))
    star = next((i for i, part in enumerate(target.elts) if isinstance(part, ast.Starred)), None)
    count = len(target.elts)
    if star is not None and len(values) >= count - 1:
        after = count - star - 1
        middle = values[star : len(values) - after]
        values = [*values[:star], middle, *values[len(values) - after :]]
    if len(values) != count:
        lost = interpreter.error(
            "ValueError",
            "bad-call",
            frame.site(target),
            reason=f"{len(values)} values are unpacked into {count} names",
            message="unpack",
            operator="unpacking",
            early=tensors.is_early(interpreter),
        )
        values = [lost] * count
    for part, item in zip(target.elts, values, strict=True):
        assign(interpreter, part, item, frame)
