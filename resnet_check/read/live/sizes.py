"""Sizes that forward gets when it asks a tensor for its shape: integers that remember the batch."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Self

from resnet_check.graph.dim import Dim


class Size(int):
    """An integer with the Dim that it is the value of; what is computed from it remembers as well.

    Torch takes it for the integer that it is. A way of using it that is not covered here gives a plain integer.
    """

    dim: Dim

    def __new__(cls, dim: Dim) -> Self:
        """Make the integer of a Dim."""
        made = super().__new__(cls, dim.value)
        made.dim = dim
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return int, (int(self),)


def size(number: Any) -> Any:
    """Return a number as forward may use it: a `Size` for a Dim that is an integer, else its value."""
    if not isinstance(number, Dim):
        return number
    return Size(number) if isinstance(number.value, int) else number.value


def plain(number: Any) -> Any:
    """Return the Dim of a `Size`, and every other value as it is."""
    return number.dim if isinstance(number, Size) else number


def _remembering(name: str, *, swapped: bool) -> Callable[[Size, Any], Any]:
    exact = getattr(int, f"__r{name}__" if swapped else f"__{name}__")
    symbolic = getattr(operator, name)

    def method(self: Size, other: Any) -> Any:
        result = exact(self, other)
        if type(result) is not int or not isinstance(other, int):
            return result
        pair = (plain(other), self.dim) if swapped else (self.dim, plain(other))
        return size(symbolic(*pair))

    return method


for _name in ("add", "sub", "mul", "floordiv", "mod"):
    setattr(Size, f"__{_name}__", _remembering(_name, swapped=False))
    setattr(Size, f"__r{_name}__", _remembering(_name, swapped=True))
