"""The values of small constant tensors, so that tables computed in constructors stay known.

Values are flat, row-major tuples of Python numbers. After each operation they are rounded to the element type; between
them Python's double arithmetic stands for torch's, so a function such as a logarithm may differ in the last bit.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from resnet_check.graph.dim import Dim
from resnet_check.graph.operators.dtypes import CATEGORY, WIDTH
from resnet_check.graph.records import Shape

LIMIT = 4096
"""Tensors with more elements than this keep no values."""

Data = tuple[Any, ...] | None

ERRORS = (ArithmeticError, ValueError, TypeError, struct.error)


def fits(shape: Shape) -> bool:
    """Return whether a tensor is small enough, at every size, to keep its values."""
    count = 1
    for size in shape:
        if size.__class__ is not int:
            return False
        count *= size
    return 0 <= count <= LIMIT


def rounded(values: Iterable[Any], dtype: str) -> Data:
    """Return the values as the element type holds them."""
    kind = CATEGORY[dtype]
    try:
        if dtype == "float32":
            return tuple(array("f", values))
        if dtype == "float16":
            plain = tuple(values)
            return struct.unpack(f"{len(plain)}e", struct.pack(f"{len(plain)}e", *plain))
        if dtype == "float64":
            return tuple(map(float, values))
        if kind < CATEGORY["float32"]:
            return _whole(tuple(map(int if kind else bool, values)), dtype)
    except ERRORS:
        return None
    return None


def _whole(values: tuple[int, ...], dtype: str) -> Data:
    """Return integers, None where one is too large for its type: torch lets it wrap around."""
    bits = 8 * WIDTH[dtype]
    low, high = (0, 2**bits) if dtype.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1))
    return values if not values or (low <= min(values) and max(values) < high) else None


def constant(shape: Shape, number: Any, dtype: str) -> Data:
    """Return the values of a tensor filled with one number."""
    if isinstance(number, Dim) or not fits(shape):
        return None
    return rounded([number] * _count(shape), dtype)


def _count(shape: Shape) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def strides(shape: Sequence[int]) -> list[int]:
    """Return the steps between neighbours along each dim."""
    steps, step = [], 1
    for size in reversed(shape):
        steps.append(step)
        step *= size
    return steps[::-1]


def places(shape: Sequence[int], steps: Sequence[int], offset: int = 0) -> list[int]:
    """Return where each element of a strided view lies."""
    found = [offset]
    for size, step in zip(shape, steps, strict=True):
        found = [base + i * step for base in found for i in range(size)]
    return found


def strided(data: Data, shape: Shape, steps: Sequence[int], offset: int = 0) -> Data:
    """Return the values of a strided view."""
    if data is None or not fits(shape):
        return None
    try:
        return tuple([data[place] for place in places(shape, steps, offset)])
    except IndexError:  # an index outside of the tensor, which is a failure already
        return None


def spread(data: Data, shape: Shape, target: Shape) -> Data:
    """Return the values broadcast to a larger shape."""
    if data is None or not fits(target) or not fits(shape):
        return None
    if shape == target:
        return data
    extra = len(target) - len(shape)
    if extra < 0 or any(size not in {1, wide} for size, wide in zip(shape, target[extra:], strict=True)):
        return None  # shapes that do not broadcast, which is a failure already
    steps = [0 if size == 1 else step for size, step in zip(shape, strides(shape), strict=True)]
    return strided(data, target, [0] * extra + steps)


def permuted(data: Data, shape: Shape, order: Sequence[int]) -> Data:
    """Return the values with the dims in another order."""
    if data is None:
        return None
    steps = strides(shape)
    return strided(data, tuple([shape[i] for i in order]), [steps[i] for i in order])


def computed(
    function: Callable[..., Any] | None, shape: Shape, common: str, dtype: str, operands: Iterable[Any]
) -> Data:
    """Return the values of an elementwise function of tensors and numbers, None where one is not known.

    The operands are cast to their common dtype first, the results to the dtype of the result.
    """
    columns = []
    for operand in operands:
        if hasattr(operand, "shape"):
            data = getattr(operand, "data", None)
            if data is None:
                return None
            columns.append((operand.shape, data))
        elif isinstance(operand, Dim):
            return None
        else:
            columns.append(((), (operand,)))
    if function is None or not fits(shape):
        return None
    wide = [spread(rounded(data, common), source, shape) for source, data in columns]
    if None in wide:
        return None
    try:
        return rounded([function(*row) for row in zip(*wide, strict=True)], dtype)
    except ERRORS:
        return None


def along(data: Data, shape: Shape, dim: int, function: Callable[[list[Any]], Sequence[Any]]) -> Data:
    """Return the values after a function of each row along a dim; what it returns takes the row's place."""
    if data is None or not fits(shape):
        return None
    order = [*[i for i in range(len(shape)) if i != dim], dim]
    rows = permuted(data, shape, order)
    if rows is None:
        return None
    length = shape[dim]
    try:
        results = [function(list(rows[at : at + length])) for at in range(0, len(rows), length)]
    except (*ERRORS, IndexError):
        return None
    if not results:
        return None
    flat = tuple([number for row in results for number in row])
    moved = (*[shape[i] for i in order[:-1]], len(results[0]))
    back = [order.index(i) for i in range(len(shape))]
    return permuted(flat, moved, back)
