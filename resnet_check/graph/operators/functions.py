"""Functions of one tensor, element by element."""

from __future__ import annotations

import math
import operator
from typing import Any

from resnet_check.graph.operators.axes import axis
from resnet_check.graph.operators.base import Checks, Refused, Result, function
from resnet_check.graph.operators.dtypes import (
    float_only,
    floating,
    integer_only,
    named,
    not_bool,
    real,
    same,
    squared,
    truth,
)
from resnet_check.graph.operators.elementwise import elementwise, needs_tensor, unary


def _sign(number: Any) -> Any:
    return (number > 0) - (number < 0)


def _relu(number: Any) -> Any:
    return max(number, 0)


unary("abs", "abs absolute", signs="abs", dtype=real, compute=abs)
unary("neg", "neg negative", signs="neg", dtype=not_bool, compute=operator.neg)
unary("identity", "positive", signs="pos", dtype=not_bool, compute=operator.pos, inplace=False)
unary("floor", "floor", compute=math.floor)
unary("ceil", "ceil", compute=math.ceil)
unary("trunc", "trunc fix", compute=math.trunc)
unary("frac", "frac", dtype=float_only)
unary("sign", "sign sgn", compute=_sign)
unary("square", "square", dtype=squared, compute=lambda number: number * number)
unary("exp", "exp", dtype=floating, compute=math.exp)
unary("log", "log", dtype=floating, compute=math.log)
unary("log2", "log2", dtype=floating, compute=math.log2)
unary("log10", "log10", dtype=floating, compute=math.log10)
unary("log1p", "log1p", dtype=floating, compute=math.log1p)
unary("sqrt", "sqrt", dtype=floating, compute=math.sqrt)
unary("rsqrt", "rsqrt", dtype=floating, compute=lambda number: 1 / math.sqrt(number))
unary("reciprocal", "reciprocal", dtype=floating, compute=lambda number: 1 / number)
unary("sin", "sin", dtype=floating, compute=math.sin)
unary("cos", "cos", dtype=floating, compute=math.cos)
unary("tan", "tan", dtype=floating, compute=math.tan)
unary("isnan", "isnan", dtype=truth, compute=math.isnan, inplace=False)
unary("isinf", "isinf", dtype=truth, compute=math.isinf, inplace=False)
unary("isfinite", "isfinite", dtype=truth, compute=math.isfinite, inplace=False)
unary("logical_not", "logical_not", dtype=truth, compute=operator.not_)
unary("bitwise_not", "bitwise_not", signs="invert", dtype=integer_only)

FLOATING = """exp2 expm1 asin arcsin acos arccos atan arctan sinh cosh asinh arcsinh acosh arccosh atanh arctanh erf
erfc erfinv lgamma digamma deg2rad rad2deg i0 sinc"""
"""Functions that are named alike everywhere, and make floats of integers."""

for _name in FLOATING.split():
    unary(_name, _name, dtype=floating)

for _name in ("isposinf", "isneginf", "isreal", "signbit"):
    unary(_name, _name, dtype=truth, inplace=False)

# Their functions in torch's namespace stand with the activations; these are the methods.
unary("relu", methods="relu", dtype=not_bool, compute=_relu)
unary("sigmoid", methods="sigmoid", dtype=floating)
unary("tanh", methods="tanh", dtype=floating, compute=math.tanh)


def _softmax(check: Checks, kind: str, input: Any, dim: Any, dtype: Any) -> Result:
    if dim is None:
        message = f"{kind} needs a dim"
        raise Refused(message)
    place = axis(check, dim, len(input.shape))
    if dtype is None:
        float_only(input.dtype)
    return Result(kind, input.shape, (input,), {"dim": place}, named(dtype, input.dtype))


@function("torch.Tensor.softmax")
def softmax(check: Checks, input: Any, dim: Any, dtype: Any = None) -> Result:
    """Make probabilities along a dim."""
    return _softmax(check, "softmax", input, dim, dtype)


@function("torch.Tensor.log_softmax")
def log_softmax(check: Checks, input: Any, dim: Any, dtype: Any = None) -> Result:
    """Make logarithms of probabilities along a dim."""
    return _softmax(check, "log_softmax", input, dim, dtype)


@function("torch.Tensor.prelu")
def prelu(check: Checks, input: Any, weight: Any) -> Result:
    """Apply a rectifier with a learnt slope, one or one per channel."""
    needs_tensor(weight, "prelu")
    if weight.shape:
        channels = input.shape[1] if len(input.shape) > 1 else 1
        if weight.shape[0] != 1:
            check.require("==", channels, weight.shape[0], "channels", got=channels, expected=weight.shape[0])
    return Result("prelu", input.shape, (input, weight), {}, input.dtype)


@function("torch.Tensor.hardshrink", free="lambd")
def hardshrink(check: Checks, input: Any, lambd: float = 0.5) -> Result:
    """Set small values to zero."""
    return Result("hardshrink", input.shape, (input,), {"lambd": lambd}, input.dtype)


@function("torch.round", "torch.Tensor.round", free="decimals out")
def round_(check: Checks, input: Any, *, decimals: int = 0, out: Any = None) -> Result:
    """Round to the nearest, halves to even."""
    needs_tensor(input, "round")
    return elementwise(check, "round", (input,), operator="round", compute=None if decimals else round)


@function("torch.Tensor.round_", free="decimals")
def round_inplace(check: Checks, input: Any, *, decimals: int = 0) -> Result:
    """Round to the nearest, in place."""
    compute = None if decimals else round
    return elementwise(check, "round", (input,), operator="round", compute=compute, inplace=True)


@function("torch.logit", "torch.Tensor.logit", "torch.special.logit", free="eps out")
def logit(check: Checks, input: Any, eps: Any = None, *, out: Any = None) -> Result:
    """Apply the inverse of the sigmoid."""
    needs_tensor(input, "logit")
    return elementwise(check, "logit", (input,), operator="logit", dtype=floating)


@function("torch.Tensor.logit_", free="eps")
def logit_(check: Checks, input: Any, eps: Any = None) -> Result:
    """Apply the inverse of the sigmoid, in place."""
    return elementwise(check, "logit", (input,), operator="logit_", dtype=floating, inplace=True)


@function("torch.nan_to_num", "torch.Tensor.nan_to_num", free="nan posinf neginf out")
def nan_to_num(
    check: Checks, input: Any, nan: Any = 0.0, posinf: Any = None, neginf: Any = None, *, out: Any = None
) -> Result:
    """Replace what is no finite number."""
    needs_tensor(input, "nan_to_num")
    return Result("nan_to_num", input.shape, (input,), {}, input.dtype)


@function("torch.Tensor.nan_to_num_", free="nan posinf neginf")
def nan_to_num_(check: Checks, input: Any, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Result:
    """Replace what is no finite number, in place."""
    return Result("nan_to_num", input.shape, (input,), {}, input.dtype, inplace=True)


def _clamp(check: Checks, input: Any, low: Any, high: Any, name: str, *, inplace: bool = False) -> Result:
    needs_tensor(input, name)
    if low is None and high is None:
        message = f"{name} needs a bound"
        raise Refused(message)
    bounds = [bound for bound in (low, high) if bound is not None]
    if any(hasattr(bound, "shape") for bound in bounds) and not all(hasattr(bound, "shape") for bound in bounds):
        message = f"{name} needs two tensors or two numbers"
        raise Refused(message)
    attributes = {
        key: bound for key, bound in (("min", low), ("max", high)) if bound is not None and not hasattr(bound, "shape")
    }

    def compute(number: Any, *limits: Any) -> Any:
        rest = list(limits)
        if low is not None:
            number = max(number, rest.pop(0))
        return min(number, rest.pop(0)) if high is not None else number

    return elementwise(
        check,
        "clamp",
        (input, *bounds),
        operator=name,
        attributes=attributes,
        dtype=same if any(hasattr(bound, "shape") for bound in bounds) else not_bool,
        compute=compute,
        inplace=inplace,
    )


@function("torch.clamp", "torch.clip", "torch.Tensor.clamp", "torch.Tensor.clip", free="out")
def clamp(check: Checks, input: Any, min: Any = None, max: Any = None, *, out: Any = None) -> Result:
    """Limit from both sides."""
    return _clamp(check, input, min, max, "clamp")


@function("torch.Tensor.clamp_", "torch.Tensor.clip_")
def clamp_(check: Checks, input: Any, min: Any = None, max: Any = None) -> Result:
    """Limit from both sides, in place."""
    return _clamp(check, input, min, max, "clamp_", inplace=True)


@function("torch.clamp_min", "torch.Tensor.clamp_min", free="out")
def clamp_min(check: Checks, input: Any, min: Any, *, out: Any = None) -> Result:
    """Limit from below."""
    return _clamp(check, input, min, None, "clamp_min")


@function("torch.Tensor.clamp_min_")
def clamp_min_(check: Checks, input: Any, min: Any) -> Result:
    """Limit from below, in place."""
    return _clamp(check, input, min, None, "clamp_min_", inplace=True)


@function("torch.clamp_max", "torch.Tensor.clamp_max", free="out")
def clamp_max(check: Checks, input: Any, max: Any, *, out: Any = None) -> Result:
    """Limit from above."""
    return _clamp(check, input, None, max, "clamp_max")


@function("torch.Tensor.clamp_max_")
def clamp_max_(check: Checks, input: Any, max: Any) -> Result:
    """Limit from above, in place."""
    return _clamp(check, input, None, max, "clamp_max_", inplace=True)
