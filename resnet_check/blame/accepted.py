"""Which operation keeps a network from taking images of other sizes."""

from __future__ import annotations

from dataclasses import dataclass

from resnet_check.blame.branches import torch_layer
from resnet_check.graph.dim import Dim, Number, column, value
from resnet_check.graph.records import RELATIONS, Guard, Model, Op, Site

LARGEST = 1024
PASSING = frozenset({"view", "reshape", "flatten", "dropout", "relu", "squeeze", "permute", "batch_norm", "transpose"})


@dataclass(frozen=True, slots=True)
class Limit:
    """What fixes the size: a pool with a fixed kernel, a linear layer or a reshape; and where that is written."""

    op: Op
    site: Site


def values_at(model: Model, number: Number, sizes: list[int]) -> list[object]:
    """Return what an expression is for square images of several sizes."""
    columns = {str(s): sizes for s in model.input or () if isinstance(s, Dim) and str(s) != "N"}
    columns["N"] = [value(model.input[0])] * len(sizes) if model.input else []
    return list(column(number, columns, {}))


def holds_at(model: Model, guard: Guard, size: int) -> bool:
    """Return whether a condition holds for square images of a size."""
    left, right = values_at(model, guard.left, [size])[0], values_at(model, guard.right, [size])[0]
    try:
        return bool(RELATIONS[guard.relation](left, right))
    except (ArithmeticError, TypeError, ValueError):
        return False


def limit_of(model: Model) -> Limit | None:
    """Return what refuses images that are a little larger than the largest accepted ones."""
    if not model.accepted or model.accepted[-1][1] >= LARGEST:
        return None
    size = model.accepted[-1][1] + 1
    for guard in model.guards:
        if guard.required and not holds_at(model, guard, size) and guard.site is not None:
            op = next((o for o in model.ops if o.site == guard.site and o.kind not in {"input"}), None)
            refused = next((o for o in model.ops if o.site == guard.site and o.kind in REFUSERS), op)
            if refused is not None:
                return limit_behind(model, refused)
            return None
    return None


REFUSERS = frozenset({"linear", "view", "reshape", "matmul", "avg_pool", "max_pool", "add"})


def limit_behind(model: Model, refused: Op) -> Limit | None:
    """Return the fixed pool in front of the operation that refuses, or else that operation."""
    current = refused
    while current.inputs:
        current = model.ops[current.inputs[0]]
        if current.kind in {"avg_pool", "max_pool"} and all(value(s) == 1 for s in current.shape[2:]):
            return Limit(current, written(model, current))
        if current.kind not in PASSING:
            break
    if refused.kind not in {"linear", "view", "reshape"} or str(refused.shape[0]) != "N":
        return None  # where the batch is mixed with positions, that is the mistake
    return Limit(refused, written(model, refused))


def written(model: Model, op: Op) -> Site:
    """Return where a layer was built, or a function called."""
    record = torch_layer(model, op)
    return op.site if record is None else record.built


def dropped_from(model: Model, pool: Op) -> int | None:
    """Return the first accepted size from which on a pool leaves rows and columns out, if there is one."""
    if pool.kind not in {"avg_pool", "max_pool"} or pool.attributes.get("ceil_mode") or not model.accepted:
        return None
    kernel, stride = pool.attributes.get("kernel"), pool.attributes.get("stride")
    padding = pool.attributes.get("padding")
    before = model.ops[pool.inputs[0]].shape
    if not all(isinstance(t, tuple) and t and type(t[0]) is int for t in (kernel, stride, padding)) or len(before) < 3:
        return None
    assert isinstance(kernel, tuple)  # noqa: S101 - just checked
    assert isinstance(stride, tuple)  # noqa: S101
    assert isinstance(padding, tuple)  # noqa: S101
    sizes = [size for low, high in model.accepted for size in range(low, high + 1)]
    for size, got in zip(sizes, values_at(model, before[2], sizes), strict=True):
        rest = (int(str(got)) + 2 * padding[0] - kernel[0]) % stride[0]
        if rest:
            return size
    return None


def said(ranges: list[tuple[int, int]]) -> str:
    """Return ranges of sizes in words."""
    shown = [str(low) if low == high else f"{low} to {high}" for low, high in ranges[:3]]
    if len(ranges) > 3:
        shown.append(f"... {ranges[-1][0]} to {ranges[-1][1]}")
    return ", ".join(shown)
