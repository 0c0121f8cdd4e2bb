"""Which operation keeps a network from taking images of other sizes."""

from __future__ import annotations

from typing import NamedTuple

from resnet_check.blame.branches import torch_layer
from resnet_check.graph.dim import Dim, Number, column, value
from resnet_check.graph.records import RELATIONS, Guard, Model, Op, Site
from resnet_check.graph.sizes import FINISHES, ranges, verdicts

LARGEST = 1024
PASSING = frozenset({"view", "reshape", "flatten", "dropout", "relu", "squeeze", "permute", "batch_norm", "transpose"})


class Limit(NamedTuple):
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


def sizes_of(model: Model) -> list[tuple[int, int]]:
    """Return the ranges of sizes that a model accepts; of one that cannot run, those that it would if its mistakes were mended."""
    if model.status == "complete":
        return model.accepted or []
    names = [str(s) for s in model.input or () if isinstance(s, Dim) and str(s) != "N"]
    if not names or any(problem.kind not in MENDABLE for problem in model.problems):
        return []
    sizes = list(range(1, LARGEST + 1))
    met = [guard for guard in model.guards if guard.held or not guard.required]
    known = verdicts(met, dict.fromkeys(names, sizes) | {"N": [2] * len(sizes)})
    return ranges([size for size, verdict in zip(sizes, known, strict=True) if verdict == FINISHES])


MENDABLE = frozenset({"forward-missing-return", "broadcast", "conv-channels", "norm-channels", "mode-set-in-forward"})
"""Mistakes behind which reading goes on with the shape that was meant."""


def limit_of(model: Model, accepted: list[tuple[int, int]]) -> Limit | None:
    """Return what refuses images that are a little larger than the largest accepted ones."""
    if not accepted or accepted[-1][1] >= LARGEST:
        return None
    size = accepted[-1][1] + 1
    changed = [g for g in model.guards if g.held and g.site is not None and not holds_at(model, g, size)]
    # A squeeze does nothing at such a size, and what comes behind it fails on another way.
    needed = (g for g in changed if g.required and g.relation != "fits")
    guard = next(needed, next((g for g in changed if g.relation == "=="), None))
    if guard is None:
        return None
    # The layers of a bare Sequential all stand where it is built: a pool is none that compares two sizes.
    kinds = REFUSERS - POOLS if guard.relation == "==" else REFUSERS
    refused = next((o for o in model.ops if o.site == guard.site and o.kind in kinds), None)
    return None if refused is None else limit_behind(model, refused)


POOLS = frozenset({"avg_pool", "max_pool"})
REFUSERS = frozenset({"linear", "view", "reshape", "matmul", "avg_pool", "max_pool", "add", "squeeze"})


def limit_behind(model: Model, refused: Op) -> Limit | None:
    """Return the fixed pool in front of the operation that refuses, or else that operation."""
    current = refused
    while current.inputs:
        current = model.ops[current.inputs[0]]
        if current.kind in POOLS and all(value(s) == 1 for s in current.shape[2:]):
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


def dropped_from(model: Model, pool: Op, accepted: list[tuple[int, int]]) -> int | None:
    """Return the first accepted size from which on a pool leaves rows and columns out, if there is one."""
    if pool.kind not in POOLS or pool.attributes.get("ceil_mode"):
        return None
    kernel, stride = pool.attributes.get("kernel"), pool.attributes.get("stride")
    padding = pool.attributes.get("padding")
    before = model.ops[pool.inputs[0]].shape
    if not all(isinstance(t, tuple) and t and type(t[0]) is int for t in (kernel, stride, padding)) or len(before) < 3:
        return None
    assert isinstance(kernel, tuple)  # noqa: S101 - just checked
    assert isinstance(stride, tuple)  # noqa: S101
    assert isinstance(padding, tuple)  # noqa: S101
    sizes = [size for low, high in accepted for size in range(low, high + 1)]
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
