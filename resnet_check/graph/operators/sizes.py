"""Reading the arguments that layers share: sizes per spatial dimension, ranks, dtypes."""

from __future__ import annotations

import math
from typing import Any, Protocol

from resnet_check.graph.dim import Dim, Number, apply
from resnet_check.graph.operators.base import Checks, Refused
from resnet_check.graph.operators.dtypes import COMPLEX, FLOATS
from resnet_check.graph.records import Shape


class Tensor(Protocol):
    """What a rule sees of a tensor."""

    @property
    def shape(self) -> Shape:
        """The sizes."""

    @property
    def dtype(self) -> str:
        """The name of the element type."""


FLOATING = frozenset((*FLOATS, *COMPLEX))
"""The dtypes that a convolution or norm takes beside floating point weights."""


def names(file: str, name: str) -> tuple[str, ...]:
    """Return torch's names for a class of ``torch.nn.modules``, the public one first."""
    return (f"torch.nn.{name}", f"torch.nn.modules.{file}.{name}", f"torch.nn.modules.{name}")


def both(file: str, name: str) -> str:
    """Return the names of a public base class, for ``bases``."""
    return f"torch.nn.{name} torch.nn.modules.{file}.{name}"


def ntuple(given: Any, count: int) -> tuple[Any, ...]:
    """Return a constructor's size argument as torch stores it: a sequence as it is, anything else repeated."""
    if isinstance(given, (tuple, list)):
        return tuple(given)
    return (given,) * count


def spread(check: Checks, given: Any, count: int, operator: str, name: str) -> tuple[Number, ...]:
    """Return a size argument of a function for each spatial dimension; torch takes one integer or one for each."""
    if type(given) is int or isinstance(given, Dim):
        return (given,) * count
    if isinstance(given, (tuple, list)):
        sizes = tuple(given)
        if len(sizes) == 1 and count > 1:
            sizes *= count
    else:
        sizes = (given,) * count
    if len(sizes) != count:
        check.fail(
            "invalid-argument",
            operator=operator,
            what=name,
            value=given,
            reason=f"{name} has {len(sizes)} values where {operator} has {count} spatial dimensions",
        )
        sizes = (*sizes, *(sizes[-1:] or (1,)) * count)[:count]
    for size in sizes:
        if type(size) is not int and not _is_integer(size):
            return tuple(integer(check, size, operator, name) for size in sizes)
    return sizes


def _is_integer(size: Any) -> bool:
    return isinstance(size.value if isinstance(size, Dim) else size, int)


def integer(check: Checks, given: Any, operator: str, name: str, kind: str = "invalid-argument") -> Number:
    """Return an argument that torch wants as an integer; a float is a failure, and counts as its whole part."""
    if _is_integer(given):
        return given
    number = given.value if isinstance(given, Dim) else given
    if not isinstance(number, float) or not math.isfinite(number):
        message = f"{name} of {operator} is {given!r}, not an integer"
        raise Refused(message)
    check.fail(kind, operator=operator, what=name, value=number, reason=f"{name} is {number}, a float, not an integer")
    return int(number)


def at_least(check: Checks, least: int, sizes: tuple[Number, ...], operator: str, name: str) -> tuple[Number, ...]:
    """Require each size to be so large, and return them so."""
    for size in sizes:
        if type(size) is not int or size < least:
            break
    else:
        return sizes
    reason = f"{name} must be {'positive' if least else 'zero or more'}"
    return tuple(
        size
        if check.require(">=", size, least, "invalid-argument", operator=operator, what=name, value=size, reason=reason)
        else least
        for size in sizes
    )


def has_rank(check: Checks, tensor: Tensor, allowed: tuple[int, ...], operator: str) -> bool:
    """Return whether the tensor has one of the ranks, a failure otherwise."""
    rank = len(tensor.shape)
    if rank in allowed:
        return True
    check.fail("wrong-rank", operator=operator, got=rank, expected=" or ".join(map(str, allowed)), shape=tensor.shape)
    return False


def floating(check: Checks, tensor: Tensor, operator: str, weight: Tensor | None = None) -> str:
    """Return the dtype of the result of an operator that refuses integers, or takes them with a weight of integers."""
    dtype = tensor.dtype
    if dtype in FLOATING or (weight is not None and weight.dtype == dtype != "bool"):
        return dtype
    check.fail("wrong-dtype", operator=operator, got=dtype, expected="float32")
    return "float32"


def product(sizes: tuple[Number, ...]) -> Number:
    """Return the product of sizes."""
    total: Number = 1
    for size in sizes:
        total = total * size
    return total


def whole(size: Number, factor: float) -> Number:
    """Return the whole part of a size times a positive factor.

    A factor with a short binary fraction (2.0, 0.5, 1.5) multiplies exactly in floating point, so that an integer
    expression stands for it.
    """
    above, below = float(factor).as_integer_ratio()
    if below <= LONGEST_FRACTION and above < LONGEST_FRACTION:
        return (size * above) // below
    return apply("int", size * float(factor))


LONGEST_FRACTION = 2**20
"""Up to this denominator a product with any size of a tensor is exact in double precision."""
