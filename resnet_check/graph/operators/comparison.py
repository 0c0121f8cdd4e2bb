"""Comparisons and logic, element by element: the results are tensors of bool."""

from __future__ import annotations

import operator
from typing import Any

from resnet_check.graph.operators.base import Checks, NotModelled, Refused, Result, function
from resnet_check.graph.operators.broadcasting import broadcast
from resnet_check.graph.operators.dtypes import result_type, truth
from resnet_check.graph.operators.elementwise import binary, elementwise, needs_tensor

binary("eq", "eq", signs="eq", dtype=truth, compute=operator.eq, augmented=False)
binary("ne", "ne not_equal", signs="ne", dtype=truth, compute=operator.ne, augmented=False)
binary("lt", "lt less", signs="lt", dtype=truth, compute=operator.lt, augmented=False)
binary("le", "le less_equal", signs="le", dtype=truth, compute=operator.le, augmented=False)
binary("gt", "gt greater", signs="gt", dtype=truth, compute=operator.gt, augmented=False)
binary("ge", "ge greater_equal", signs="ge", dtype=truth, compute=operator.ge, augmented=False)
binary("logical_and", "logical_and", tensors=True, dtype=truth, augmented=False, compute=lambda a, b: bool(a and b))
binary("logical_or", "logical_or", tensors=True, dtype=truth, augmented=False, compute=lambda a, b: bool(a or b))
binary(
    "logical_xor", "logical_xor", tensors=True, dtype=truth, augmented=False, compute=lambda a, b: bool(a) != bool(b)
)


@function("torch.isclose", "torch.Tensor.isclose", free="rtol atol equal_nan")
def isclose(
    check: Checks, input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Result:
    """Compare up to a tolerance."""
    needs_tensor(input, "isclose")
    needs_tensor(other, "isclose")
    if input.dtype != other.dtype:
        check.fail("invalid-argument", reason=f"isclose of {input.dtype} and {other.dtype}")
    return elementwise(check, "isclose", (input, other), operator="isclose", dtype=truth)


@function("torch.allclose", "torch.Tensor.allclose", free="rtol atol equal_nan")
def allclose(
    check: Checks, input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Compare all elements up to a tolerance."""
    broadcast(check, "broadcast", input.shape, other.shape, operator="allclose")
    message = "allclose depends on values"
    raise NotModelled(message)


@function("torch.equal", "torch.Tensor.equal")
def equal(check: Checks, input: Any, other: Any) -> bool:
    """Compare shape and all elements."""
    needs_tensor(input, "equal")
    needs_tensor(other, "equal")
    if len(input.shape) != len(other.shape):
        return False
    if not all(a == b or check.holds("==", a, b) for a, b in zip(input.shape, other.shape, strict=True)):
        return False
    left, right = getattr(input, "data", None), getattr(other, "data", None)
    if left is None or right is None:
        message = "equal depends on values"
        raise NotModelled(message)
    return bool(left == right)


@function("torch.where", free="out")
def where(check: Checks, condition: Any, input: Any = None, other: Any = None, *, out: Any = None) -> Result:
    """Choose between two tensors element by element."""
    if input is None and other is None:
        message = "where with a condition only: the number of results depends on values"
        raise NotModelled(message)
    needs_tensor(condition, "where")
    if condition.dtype not in {"bool", "uint8"}:
        check.fail("invalid-argument", reason=f"where needs a condition of bool, got {condition.dtype}")
    for choice in (input, other):
        if choice is None or isinstance(choice, str):
            message = "where needs two tensors or numbers"
            raise Refused(message)
    return _where(check, condition, input, other)


def _where(check: Checks, condition: Any, first: Any, second: Any) -> Result:
    attributes = {
        name: choice for name, choice in (("input", first), ("other", second)) if not hasattr(choice, "shape")
    }
    result = elementwise(
        check,
        "where",
        (condition, first, second),
        operator="where",
        attributes=attributes,
        compute=lambda test, yes, no: yes if test else no,
    )
    result.dtype = result_type((first, second))
    return result


@function("torch.Tensor.where")
def where_method(check: Checks, input: Any, condition: Any, other: Any) -> Result:
    """Keep the elements where the condition holds."""
    needs_tensor(condition, "where")
    return where(check, condition, input, other)  # type: ignore[no-any-return]
