"""Putting tensors together, one after the other or along a new dim."""

from __future__ import annotations

from functools import reduce
from typing import Any

from resnet_check.graph.dim import Number
from resnet_check.graph.operators.axes import axis, numel
from resnet_check.graph.operators.base import Checks, Refused, Result, function
from resnet_check.graph.operators.dtypes import promote
from resnet_check.graph.operators.values import Data, fits, permuted, rounded
from resnet_check.graph.records import Shape

Shapes = tuple[Shape, ...]


def _listed(tensors: Any, operator: str) -> tuple[Any, ...]:
    if not isinstance(tensors, (tuple, list)) or not all(hasattr(t, "shape") for t in tensors):
        message = f"{operator} needs a list of tensors"
        raise Refused(message)
    if not tensors:
        message = f"{operator} of no tensors"
        raise Refused(message)
    return tuple(tensors)


def _dtype(tensors: tuple[Any, ...]) -> str:
    first: str = tensors[0].dtype
    return first if all(t.dtype == first for t in tensors) else reduce(promote, [t.dtype for t in tensors])


def _joined(check: Checks, shapes: Shapes, dim: Any, operator: str) -> tuple[Shape, int]:
    """Return the shape of tensors put one after the other along a dim, and the dim."""
    # torch lets an empty tensor of one dim pass, whatever the others are: an old way to begin a list.
    full = tuple([shape for shape in shapes if shape != (0,)]) or shapes[:1]
    first = full[0]
    rank = len(first)
    if not all(shapes):
        message = f"{operator} of a tensor without dims"
        raise Refused(message)
    place = axis(check, dim, rank)
    total: Number = first[place]
    for shape in full[1:]:
        if len(shape) != rank:
            check.fail("wrong-rank", got=len(shape), expected=rank, operator=operator, shapes=shapes)
            continue
        for i, size in enumerate(shape):
            if i != place and size != first[i]:
                facts = {"shapes": shapes, "dim": place, "at": i, "operator": operator}
                check.require("==", first[i], size, "cat-sizes", got=size, expected=first[i], **facts)
        total = total + shape[place]
    return (*first[:place], total, *first[place + 1 :]), place


def _joined_data(tensors: tuple[Any, ...], shape: Shape, dim: int, dtype: str) -> Data:
    known = [(t.shape, getattr(t, "data", None)) for t in tensors if t.shape != (0,)]
    rank = len(shape)
    if not known or not fits(shape) or any(data is None or len(own) != rank for own, data in known):
        return None
    order = (dim, *[i for i in range(rank) if i != dim])
    flat = [number for own, data in known for number in permuted(data, own, order) or ()]
    back = [order.index(i) for i in range(rank)]
    moved = permuted(tuple(flat), tuple([shape[i] for i in order]), back)
    return None if moved is None else rounded(moved, dtype)


@function("torch.cat", "torch.concat", "torch.concatenate", free="out")
def cat(check: Checks, tensors: Any, dim: Any = 0, *, out: Any = None) -> Result:
    """Put tensors one after the other along a dim."""
    return _cat(check, _listed(tensors, "cat"), dim, "cat")


def _cat(check: Checks, tensors: tuple[Any, ...], dim: Any, operator: str) -> Result:
    shape, place = _joined(check, tuple([t.shape for t in tensors]), dim, operator)
    dtype = _dtype(tensors)
    return Result("cat", shape, tensors, {"dim": place}, dtype, data=_joined_data(tensors, shape, place, dtype))


@function("torch.stack", free="out")
def stack(check: Checks, tensors: Any, dim: Any = 0, *, out: Any = None) -> Result:
    """Put tensors of one shape together along a new dim."""
    listed = _listed(tensors, "stack")
    first = listed[0].shape
    place = axis(check, dim, len(first) + 1)
    wide = []
    for t in listed:
        if len(t.shape) != len(first):
            check.fail("wrong-rank", got=len(t.shape), expected=len(first), operator="stack")
            continue
        wide.append((*t.shape[:place], 1, *t.shape[place:]))
    shape, _ = _joined(check, tuple(wide), place, "stack")
    dtype = _dtype(listed)
    views = tuple([_Widened(one, getattr(t, "data", None)) for one, t in zip(wide, listed, strict=False)])
    data = _joined_data(views, shape, place, dtype)
    return Result("stack", shape, listed, {"dim": place}, dtype, data=data)


class _Widened:
    """A tensor with a dim of size one more."""

    def __init__(self, shape: Shape, data: Data) -> None:
        self.shape = shape
        self.data = data


def _at_least(shape: Shape, rank: int) -> Shape:
    """Return the shape with dims of size one added as ``torch.atleast_1d`` and its like do."""
    while len(shape) < rank:
        shape = (*shape, 1) if len(shape) == 2 else (1, *shape)
    return shape


def _stacked(operator: str, rank: int, dim: int) -> None:
    def rule(check: Checks, tensors: Any, *, out: Any = None) -> Result:
        listed = _listed(tensors, operator)
        shapes = tuple([_at_least(t.shape, rank) for t in listed])
        place = 0 if operator == "hstack" and len(shapes[0]) == 1 else dim
        shape, place = _joined(check, shapes, place, operator)
        return Result("cat", shape, listed, {"dim": place}, _dtype(listed))

    function(f"torch.{operator}", free="out")(rule)


_stacked("hstack", 1, 1)
_stacked("vstack", 2, 0)
_stacked("row_stack", 2, 0)
_stacked("dstack", 3, 2)


@function("torch.column_stack", free="out")
def column_stack(check: Checks, tensors: Any, *, out: Any = None) -> Result:
    """Put tensors side by side, vectors as columns."""
    listed = _listed(tensors, "column_stack")
    shapes = tuple([t.shape if len(t.shape) > 1 else (numel(t.shape), 1) for t in listed])
    shape, place = _joined(check, shapes, 1, "column_stack")
    return Result("cat", shape, listed, {"dim": place}, _dtype(listed))


@function("torch.block_diag")
def block_diag(check: Checks, *tensors: Any) -> Result:
    """Put matrices on the diagonal of a larger one."""
    listed = _listed(tensors, "block_diag")
    rows: Number = 0
    columns: Number = 0
    for t in listed:
        if len(t.shape) > 2:
            message = "block_diag needs matrices"
            raise Refused(message)
        shape = _at_least(t.shape, 2)
        rows, columns = rows + shape[0], columns + shape[1]
    return Result("block_diag", (rows, columns), listed, {}, _dtype(listed))


@function("torch.meshgrid")
def meshgrid(check: Checks, *tensors: Any, indexing: Any = None) -> tuple[Result, ...]:
    """Return the coordinates of a grid."""
    listed = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors
    listed = _listed(listed, "meshgrid")
    if any(len(t.shape) > 1 for t in listed):
        message = "meshgrid needs tensors of one dim"
        raise Refused(message)
    if any(t.dtype != listed[0].dtype for t in listed):
        check.fail("invalid-argument", reason="meshgrid of tensors of several dtypes")
    lengths = [t.shape[0] if t.shape else 1 for t in listed]
    swap = indexing == "xy" and len(listed) > 1
    shape = tuple([*lengths[1::-1], *lengths[2:]] if swap else lengths)
    return tuple(
        [
            Result("meshgrid", shape, (t,), {"output": i, "indexing": indexing or "ij"}, t.dtype, view=True)
            for i, t in enumerate(listed)
        ]
    )


@function("torch.cartesian_prod")
def cartesian_prod(check: Checks, *tensors: Any) -> Result:
    """Return all combinations of the elements of vectors."""
    listed = _listed(tensors, "cartesian_prod")
    count = numel(tuple([t.shape[0] for t in listed]))
    shape = (count,) if len(listed) == 1 else (count, len(listed))
    return Result("cartesian_prod", shape, listed, {}, listed[0].dtype)
