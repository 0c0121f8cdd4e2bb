"""Arithmetic on two or more tensors: the signs ``+ - * / // % **`` and what belongs to them."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from resnet_check.graph.operators.base import Checks, Refused, Result, function
from resnet_check.graph.operators.dtypes import floating, integer_only, not_bool, same
from resnet_check.graph.operators.elementwise import binary, elementwise, needs_tensor, two, without_bool


def _power(left: Any, right: Any) -> Any:
    result = left**right
    return math.nan if isinstance(result, complex) else result


def _truncated(left: Any, right: Any) -> Any:
    return left - right * int(left / right)


binary("add", "add", signs="add", compute=operator.add, left=True, alpha=True)
binary("sub", "sub subtract", signs="sub", compute=operator.sub, left=True, alpha=True, no_bool=True)
binary("mul", "mul multiply", signs="mul", compute=operator.mul, left=True)
binary("div", "true_divide", signs="truediv", compute=operator.truediv, left=True, dtype=floating)
binary("floor_divide", "floor_divide", signs="floordiv", compute=operator.floordiv, left=True, dtype=not_bool)
binary("remainder", "remainder", signs="mod", compute=operator.mod, left=True, dtype=not_bool)
binary("fmod", "fmod", compute=_truncated, dtype=not_bool)
binary("pow", "pow", signs="pow", compute=_power, left=True)
binary("float_power", "float_power", compute=_power, left=True, dtype=lambda _: "float64", inplace=False)
binary("maximum", "maximum fmax", tensors=True, compute=max, inplace=False)
binary("minimum", "minimum fmin", tensors=True, compute=min, inplace=False)
binary("atan2", "atan2 arctan2", tensors=True, dtype=floating)
binary("hypot", "hypot", tensors=True, dtype=floating)
binary("copysign", "copysign", dtype=floating)
binary("xlogy", "xlogy", left=True, dtype=floating)
binary("logaddexp", "logaddexp logaddexp2", tensors=True, dtype=floating, inplace=False)
binary("bitwise_and", "bitwise_and", signs="and_", left=True, dtype=integer_only, compute=operator.and_)
binary("bitwise_or", "bitwise_or", signs="or_", left=True, dtype=integer_only, compute=operator.or_)
binary("bitwise_xor", "bitwise_xor", signs="xor", left=True, dtype=integer_only, compute=operator.xor)
binary("shift_left", "bitwise_left_shift", signs="lshift", left=True, dtype=integer_only, compute=operator.lshift)
binary("shift_right", "bitwise_right_shift", signs="rshift", left=True, dtype=integer_only, compute=operator.rshift)

ROUNDING: dict[str | None, tuple[Callable[[str], str], Callable[..., Any]]] = {
    None: (floating, operator.truediv),
    "floor": (not_bool, operator.floordiv),
    "trunc": (not_bool, lambda left, right: int(left / right)),
}
"""The modes of a division: dtype and the division itself."""


def _div(check: Checks, left: Any, right: Any, mode: str | None, *, inplace: bool) -> Result:
    needs_tensor(left if inplace or not hasattr(right, "shape") else right, "div")
    if mode not in ROUNDING:
        message = f"div has no rounding_mode {mode!r}"
        raise Refused(message)
    dtype, compute = ROUNDING[mode]
    result = two(check, "div", left, right, "div", dtype=dtype, compute=compute, inplace=inplace)
    if mode is not None:
        result.attributes["rounding_mode"] = mode
    return result


@function("torch.div", "torch.divide", "torch.Tensor.div", "torch.Tensor.divide", free="out")
def div(check: Checks, input: Any, other: Any, *, rounding_mode: str | None = None, out: Any = None) -> Result:
    """Divide element by element."""
    return _div(check, input, other, rounding_mode, inplace=False)


@function("torch.Tensor.div_", "torch.Tensor.divide_")
def div_(check: Checks, input: Any, other: Any, *, rounding_mode: str | None = None) -> Result:
    """Divide element by element, in place."""
    return _div(check, input, other, rounding_mode, inplace=True)


@function("torch.rsub")
def rsub(check: Checks, input: Any, other: Any, *, alpha: Any = 1) -> Result:
    """Subtract the first operand from the second."""
    needs_tensor(input, "rsub")
    without_bool("rsub", input, other)
    result = two(check, "sub", other, input, "rsub")
    if alpha.__class__ is not int or alpha != 1:
        result.attributes["alpha"] = alpha
    return result


def _fused(kind: str, combine: Callable[[Any, Any], Any], dtype: Callable[[str], str]) -> None:
    """Register ``input + value * tensor1 (*|/) tensor2``."""

    def rule(check: Checks, input: Any, tensor1: Any, tensor2: Any, value: Any, *, inplace: bool) -> Result:
        for operand in (input, tensor1, tensor2):
            needs_tensor(operand, kind)
        return elementwise(
            check,
            kind,
            (input, tensor1, tensor2),
            operator=kind,
            attributes={"value": value},
            dtype=dtype,
            compute=lambda a, b, c: a + value * combine(b, c),
            inplace=inplace,
        )

    def plain(check: Checks, input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1, out: Any = None) -> Result:
        return rule(check, input, tensor1, tensor2, value, inplace=False)

    def overwrite(check: Checks, input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Result:
        return rule(check, input, tensor1, tensor2, value, inplace=True)

    function(f"torch.{kind}", f"torch.Tensor.{kind}", free="out")(plain)
    function(f"torch.Tensor.{kind}_")(overwrite)


_fused("addcmul", operator.mul, same)
_fused("addcdiv", operator.truediv, same)


def _lerp(check: Checks, input: Any, end: Any, weight: Any, *, inplace: bool) -> Result:
    for operand in (input, end):
        needs_tensor(operand, "lerp")
    tensors = (input, end, weight) if hasattr(weight, "shape") else (input, end)
    if any(operand.dtype != input.dtype for operand in tensors):
        check.fail("invalid-argument", reason="lerp needs tensors of one dtype")
    attributes = {} if hasattr(weight, "shape") else {"weight": weight}
    return elementwise(check, "lerp", tensors, operator="lerp", attributes=attributes, inplace=inplace)


@function("torch.lerp", "torch.Tensor.lerp", free="out")
def lerp(check: Checks, input: Any, end: Any, weight: Any, *, out: Any = None) -> Result:
    """Go from one tensor towards another."""
    return _lerp(check, input, end, weight, inplace=False)


@function("torch.Tensor.lerp_")
def lerp_(check: Checks, input: Any, end: Any, weight: Any) -> Result:
    """Go from one tensor towards another, in place."""
    return _lerp(check, input, end, weight, inplace=True)
