"""What a block of code could change, found without executing it: for decisions that cannot be made."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from resnet_check.read.static.frames import MISSING, Frame
from resnet_check.read.static.values import External, Instance, Opaque, ProjectModule

HARMLESS = frozenset(
    "print info debug warn warning error exception log init_weights load_state_dict load_pretrained load_checkpoint "
    "reset_parameters kaiming_normal_ kaiming_uniform_ xavier_normal_ xavier_uniform_ normal_ constant_ uniform_ zeros_ ones_ "
    "trunc_normal_ orthogonal_ fill_ zero_ copy_ write flush close save update_progress manual_seed seed".split()
)
"""Calls as statements that change no shape, no module and no name."""


OUTSIDE = frozenset("os shutil sys time logging warnings pathlib json".split())
"""Modules of Python whose functions, called for their effect, change files and streams only."""


def walk(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Yield the nodes of a block, without those of nested functions and classes."""
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            todo.extend(ast.iter_child_nodes(node))


def leaves(body: list[ast.stmt]) -> bool:
    """Return whether control could leave the function here: it returns, or yields."""
    return any(isinstance(node, (ast.Return, ast.Yield, ast.YieldFrom)) for node in walk(body))


def only_raises(body: list[ast.stmt]) -> bool:
    """Return whether the block always ends in an exception."""
    return bool(body) and isinstance(body[-1], ast.Raise) and not leaves(body)


def forget(interpreter: Any, body: list[ast.stmt], opaque: Opaque, frame: Frame) -> None:
    """Make unknown whatever the block could change."""
    interpreter.touched += 1
    if frame.names is frame.file.names:
        interpreter.changed()
    for node in walk(body):
        if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
            frame.names[node.id] = opaque
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            frame.names[node.name] = opaque
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                frame.names[(alias.asname or alias.name).partition(".")[0]] = opaque
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, (ast.Store, ast.Del)):
            forget_attribute(interpreter, node, opaque, frame)
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, (ast.Store, ast.Del)):
            forget_container(interpreter, node.value, opaque, frame)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            forget_call(interpreter, node.value, opaque, frame)


def forget_attribute(interpreter: Any, node: ast.Attribute, opaque: Opaque, frame: Frame) -> None:
    owner = frame.lookup(node.value.id) if isinstance(node.value, ast.Name) else None
    if isinstance(owner, Instance):
        for registry in ("_parameters", "_buffers", "_modules"):
            if node.attr in owner.attributes.get(registry, {}):
                interpreter.lose(opaque)
        owner.attributes[node.attr] = opaque
    elif not isinstance(owner, Opaque):
        interpreter.lose(opaque)


def forget_container(interpreter: Any, node: ast.expr, opaque: Opaque, frame: Frame) -> None:
    if isinstance(node, ast.Name) and frame.lookup(node.id) is not MISSING:
        owner = frame.lookup(node.id)
        if isinstance(owner, (dict, list)):
            interpreter.mutates(owner)
            owner.clear()
        frame.names[node.id] = opaque
    else:
        interpreter.lose(opaque)


def forget_call(interpreter: Any, node: ast.Call, opaque: Opaque, frame: Frame) -> None:
    """A call as a statement may change its receiver or anything it is given."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in HARMLESS or name.startswith(("init", "load", "_init", "_load", "log")):
        return
    root: Any = node.func
    while isinstance(root, (ast.Attribute, ast.Subscript, ast.Call)):
        root = root.func if isinstance(root, ast.Call) else root.value
    owner = frame.lookup(root.id) if isinstance(root, ast.Name) else None
    if isinstance(owner, (Opaque, ProjectModule)) or (isinstance(owner, External) and owner.name in OUTSIDE):
        return
    if isinstance(owner, (list, dict)) and isinstance(node.func, ast.Attribute):
        forget_container(interpreter, root, opaque, frame)
    else:
        interpreter.lose(opaque)
