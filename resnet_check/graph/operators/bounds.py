"""What can be proved about a Dim at every size: enough to leave out a ``max(..., 0)`` that never matters.

A symbol is a size of the input, so it is at least one.
"""

from __future__ import annotations

import math
from functools import lru_cache

from resnet_check.graph.dim import Atom, Dim, Number, apply


@lru_cache(maxsize=10_000)
def lower_bound(number: Number) -> float:
    """Return a number that the expression is never below, ``-inf`` where nothing is known."""
    if not isinstance(number, Dim):
        return float(number)
    total: float = number.constant
    for atom, factor in number.terms:
        if factor < 0:
            return -math.inf
        total += factor * _atom_bound(atom)
    return total


def _atom_bound(atom: Atom) -> float:
    if atom.op == "symbol":
        return 1
    bounds = [lower_bound(arg) for arg in atom.args]
    if atom.op in {"max", "min"}:
        return max(bounds) if atom.op == "max" else min(bounds)
    if atom.op in {"abs", "mod"}:
        return 0 if atom.op == "abs" or bounds[1] > 0 else -math.inf
    if min(bounds) < 0:
        return -math.inf
    if atom.op == "mul":
        return math.prod(bounds)
    if atom.op == "floordiv":
        divisor = atom.args[1]
        return bounds[0] // divisor if isinstance(divisor, int) and divisor else 0
    return 0 if atom.op in {"add", "floor", "ceil", "int", "pow", "sqrt", "truediv"} else -math.inf


def maximum(left: Number, right: Number) -> Number:
    """Return the larger of two sizes, without an operation where it is certain which one that is."""
    if not isinstance(left, Dim) and not isinstance(right, Dim):
        return max(left, right)
    if lower_bound(left - right) >= 0:
        return left
    if lower_bound(right - left) >= 0:
        return right
    return apply("max", left, right)


def minimum(left: Number, right: Number) -> Number:
    """Return the smaller of two sizes, without an operation where it is certain which one that is."""
    if not isinstance(left, Dim) and not isinstance(right, Dim):
        return min(left, right)
    if lower_bound(left - right) >= 0:
        return right
    if lower_bound(right - left) >= 0:
        return left
    return apply("min", left, right)


def ceil_divide(left: Number, right: Number) -> Number:
    """Return the smallest size of which ``right`` times is at least ``left``."""
    return (left + right - 1) // right
