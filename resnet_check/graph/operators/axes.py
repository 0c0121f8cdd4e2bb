"""Reading the arguments that many operators share: a tensor, a dim, several dims, a list of sizes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from resnet_check.graph.dim import Dim, Number, value
from resnet_check.graph.operators.base import Checks, NotModelled, Refused
from resnet_check.graph.records import Shape

ALIASES = {"axis": "dim", "keepdims": "keepdim", "x": "input", "x1": "input", "x2": "other"}
"""NumPy's names, which torch's own functions and methods accept for theirs."""


class ValuesIndices(NamedTuple):
    """The two outputs of ``torch.max(x, dim)`` and its like, which torch names."""

    values: Any
    indices: Any


def is_tensor(thing: object) -> bool:
    """Return whether an argument is a tensor."""
    return hasattr(thing, "shape")


def needs(thing: Any, operator: str) -> Any:
    """Return the argument, which must be a tensor."""
    if not hasattr(thing, "shape"):
        message = f"{operator} needs a tensor, got {type(thing).__name__}"
        raise Refused(message)
    return thing


def number(thing: Any, operator: str) -> Any:
    """Return the argument, which must be a number, or a tensor of one value that is known."""
    if isinstance(thing, (int, float, complex, Dim)):
        return thing
    if is_tensor(thing):
        if getattr(thing, "data", None) is not None and len(thing.data) == 1:
            return thing.data[0]
        if all(size == 1 for size in thing.shape):
            message = f"{operator} with a number that is computed"
            raise NotModelled(message)
    message = f"{operator} needs a number, got {type(thing).__name__}"
    raise Refused(message)


def integer(thing: Any, operator: str) -> Number:
    """Return the argument, which must be an integer, or a tensor of one integer that is known."""
    if thing.__class__ is int:
        return thing
    found = number(thing, operator)
    if not isinstance(value(found), int):
        message = f"{operator} needs an integer, got {value(found)}"
        raise Refused(message)
    return found


def axis(check: Checks, dim: Any, rank: int) -> int:
    """Return the dim counted from the left; a dim that the tensor does not have is a failure."""
    if dim.__class__ is int and -rank <= dim < rank:
        return dim + rank if dim < 0 else dim
    return _unusual_axis(check, dim, rank)


def _unusual_axis(check: Checks, dim: Any, rank: int) -> int:
    found = integer(dim, "dim")
    if isinstance(found, Dim):
        message = "a dim that depends on the input's size"
        raise NotModelled(message)
    bound = max(rank, 1)  # torch lets a tensor without dims have the dims 0 and -1
    if not -bound <= found < bound:
        check.fail("invalid-dim", dim=found, rank=rank)
    found = min(max(int(found), -bound), bound - 1)
    return found + bound if found < 0 else found


def axes(check: Checks, dim: Any, rank: int) -> tuple[int, ...]:
    """Return the dims counted from the left, all of them for None or none given."""
    if dim is None:
        return tuple(range(rank))
    if not isinstance(dim, (tuple, list)):
        return (axis(check, dim, rank),)
    found = tuple([axis(check, entry, rank) for entry in dim])
    if len(set(found)) < len(found):
        check.fail("invalid-argument", reason=f"dim {max(found, key=found.count)} is given twice")
        found = tuple(dict.fromkeys(found))
    return found or tuple(range(rank))


def without(shape: Shape, dims: Iterable[int], *, keepdim: bool) -> Shape:
    """Return the shape that is left when the dims are reduced."""
    gone = set(dims)
    if keepdim:
        return tuple([1 if i in gone else size for i, size in enumerate(shape)])
    return tuple([size for i, size in enumerate(shape) if i not in gone])


def numel(shape: Shape) -> Number:
    """Return the number of elements."""
    return math.prod(shape)


def sizes(given: tuple[Any, ...], operator: str) -> Shape:
    """Return sizes given as separate numbers or as one list; each an integer, which may be negative."""
    if len(given) == 1 and isinstance(given[0], (tuple, list)):
        given = tuple(given[0])
    elif not given:
        message = f"{operator} needs sizes"
        raise Refused(message)
    for size in given:
        if size.__class__ is not int:
            return tuple([integer(entry, operator) for entry in given])
    return given


def lengths(check: Checks, given: tuple[Any, ...], operator: str) -> Shape:
    """Return sizes of a new tensor, of which none may be negative."""
    shape = sizes(given, operator)
    for size in shape:
        if size.__class__ is int:
            if size < 0:
                check.fail("invalid-argument", reason=f"{operator} with the negative size {size}")
        elif isinstance(size, Dim):
            check.require(">=", size, 0, "invalid-argument", reason=f"{operator} with a negative size")
    return shape
