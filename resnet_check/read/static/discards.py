"""Expressions that stand as statements while forward runs: a tensor that they compute is lost."""

from __future__ import annotations

import ast
from typing import Any

from resnet_check.graph.records import Op
from resnet_check.read.static.frames import Frame
from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.values import Tensor


def evaluate(interpreter: Interpreter, node: ast.Expr, frame: Frame) -> None:
    """Evaluate the expression and say when a tensor that it computed is dropped."""
    trace, site = interpreter.trace, frame.site(node.value)
    start = len(trace.ops)
    outer, interpreter.ran = interpreter.ran, []
    place, interpreter.dropped = interpreter.dropped, site
    try:
        value = interpreter.evaluate(node.value, frame)
    finally:
        ran, interpreter.ran, interpreter.dropped = interpreter.ran, outer, place
    if outer is not None:
        outer.extend(ran)
    frame.dropped = node, value
    lost = first_tensor(value)
    made = trace.ops[start:]
    if lost is None or lost.trace is not trace or lost.op < start or any(writes(op, trace.ops, start) for op in made):
        return
    if not any(has_effect(function.node) for function in ran):
        layers = tuple(dict.fromkeys(op.layer for op in made if op.layer is not None))
        interpreter.problem("result-discarded", site, op_index=lost.op, ops=len(made), layers=layers)


def first_tensor(value: Any) -> Tensor | None:
    """Return the tensor, or the first of several."""
    if isinstance(value, (tuple, list)):
        return next((v for v in value if isinstance(v, Tensor)), None)
    return value if isinstance(value, Tensor) else None


def writes(op: Op, ops: list[Op], start: int) -> bool:
    """Return whether an Op overwrites something that was there before the statement."""
    overwrites = False
    while op.inputs and (op.inplace or (overwrites and op.kind in VIEWS)):
        overwrites = True
        if op.inputs[0] < start:
            return True
        op = ops[op.inputs[0]]
    return overwrites and op.kind in OUTSIDE


VIEWS = frozenset(
    {"detach", "view", "select", "narrow", "getitem", "transpose", "permute", "flatten", "unsqueeze", "identity"}
)
"""What shares the memory of its input: writing into it writes into the input."""

OUTSIDE = frozenset({"input", "parameter", "constant", "buffer"})
"""Ops for tensors that were there before, noted when they are first read."""


def has_effect(node: Any) -> bool:
    """Return whether a function may do more than compute its value: set something, or call for the effect."""
    known = getattr(node, "resnet_check_effect", None)
    if known is None:
        known = any(map(effect, ast.walk(node)))
        node.resnet_check_effect = known
    return bool(known)


def effect(node: ast.AST) -> bool:
    if isinstance(node, (ast.Attribute, ast.Subscript)):
        return not isinstance(node.ctx, ast.Load)
    if isinstance(node, ast.Expr):
        return not isinstance(node.value, ast.Constant)
    return isinstance(node, (ast.Global, ast.Nonlocal, ast.Yield, ast.YieldFrom))
