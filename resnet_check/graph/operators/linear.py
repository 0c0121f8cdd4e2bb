"""Linear and bilinear maps."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.dim import Dim, Number
from resnet_check.graph.operators.base import LAZY, Built, Checks, NotModelled, Refused, Result, function, layer
from resnet_check.graph.operators.sizes import Tensor, both, floating, integer, names, product
from resnet_check.graph.records import Shape


@function("torch.nn.functional.linear", "torch._C._nn.linear")
def linear(check: Checks, input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Result:
    """Return ``input @ weight.T + bias`` over the last dimension; a weight of one dimension drops it."""
    shape, weights = input.shape, weight.shape
    dtype = floating(check, input, "linear", weight)
    if len(weights) not in (1, 2) or not shape:
        check.fail("wrong-rank", operator="linear", got=len(shape), expected="1 or more", shape=shape)
        message = f"linear of a tensor of {len(shape)} dimensions with a weight of {len(weights)}"
        raise NotModelled(message)
    features = weights[-1]
    if shape[-1] != features:
        facts = {"operator": "linear", "got": shape[-1], "expected": features, "shape": shape}
        check.require("==", shape[-1], features, "linear-features", **facts)
    out = weights[:-1]
    if bias is not None and bias.shape not in (out, ()):
        reason = f"the bias has shape {list(bias.shape)}, the result has {list(out)} features"
        has = bias.shape[-1] if len(bias.shape) == len(out) else -1
        check.require("==", has, product(out), "invalid-argument", operator="linear", what="bias", reason=reason)
    rows = shape[:-1]
    macs: Number = features
    for size in (*out, *rows):
        macs = macs * size
    attributes = {"in_features": features, "out_features": product(out), "bias": bias is not None}
    inputs = (input, weight) if bias is None else (input, weight, bias)
    return Result("linear", rows + out, inputs, attributes, dtype, macs)


def run_linear(check: Checks, layer: Any, input: Tensor) -> Result:
    """Return the output of a ``Linear`` layer."""
    return linear(check, input, layer.weight, layer.bias)  # type: ignore[no-any-return]


def _features(check: Checks, operator: str, what: str, given: Any) -> Number:
    number = given if type(given) is int else integer(check, given, operator, what, "invalid-layer")
    if isinstance(number, Dim) or number >= 0:
        return number
    check.fail("invalid-layer", operator=operator, what=what, value=number, reason=f"{what} is {number}, not a size")
    return -number


def _build(check: Checks, in_features: Any, out_features: Any, bias: Any) -> Built:
    ins = _features(check, "Linear", "in_features", in_features)
    outs = _features(check, "Linear", "out_features", out_features)
    parameters: dict[str, Shape | None] = {"weight": (outs, ins), "bias": (outs,) if bias else None}
    return Built({"in_features": ins, "out_features": outs}, parameters)


@layer(
    "torch.nn.modules.linear.NonDynamicallyQuantizableLinear",
    forward=run_linear,
    bases=both("linear", "Linear"),
    free="device dtype",
)
@layer(*names("linear", "Linear"), forward=run_linear, free="device dtype")
def build_linear(
    check: Checks, in_features: Any, out_features: Any, bias: Any = True, device: Any = None, dtype: Any = None
) -> Built:
    """Build ``weight [out, in]`` and ``bias [out]``."""
    return _build(check, in_features, out_features, bias)


def _materialise(check: Checks, layer: Any, input: Tensor) -> Built:
    if not input.shape:
        message = "LazyLinear got a tensor without dimensions"
        raise Refused(message)
    return _build(check, input.shape[-1], layer.out_features, layer.bias is not None)


@layer(
    *names("linear", "LazyLinear"),
    forward=run_linear,
    bases=f"torch.nn.modules.lazy.LazyModuleMixin {both('linear', 'Linear')}",
    free="device dtype",
    materialise=_materialise,
    become="torch.nn.Linear",
)
def build_lazy_linear(
    check: Checks, out_features: Any, bias: Any = True, device: Any = None, dtype: Any = None
) -> Built:
    """Build a linear map whose input features the first input decides."""
    parameters: dict[str, Shape | None] = {"weight": LAZY, "bias": LAZY if bias else None}
    return Built({"in_features": 0, "out_features": out_features}, parameters)


@function("torch.nn.functional.bilinear", "torch.bilinear")
def bilinear(check: Checks, input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Result:
    """Return ``input1 @ weight @ input2 + bias`` over the last dimensions; the weight is ``[out, in1, in2]``."""
    one, two = input1.shape, input2.shape
    dtype = floating(check, input1, "bilinear")
    if len(one) != len(two) or not one or len(weight.shape) != 3:
        check.fail("wrong-rank", operator="bilinear", got=len(two), expected=str(len(one)), shape=two)
        message = "bilinear of tensors of different ranks"
        raise NotModelled(message)
    for got, expected in zip(two[:-1], one[:-1], strict=True):
        if got != expected:
            reason = f"the inputs have sizes {expected} and {got} in the same dimension"
            check.require("==", got, expected, "invalid-argument", operator="bilinear", what="input2", reason=reason)
    for got, expected in zip((one[-1], two[-1]), weight.shape[1:], strict=True):
        if got != expected:
            check.require("==", got, expected, "linear-features", operator="bilinear", got=got, expected=expected)
    if bias is not None and bias.shape != weight.shape[:1]:
        reason = f"the bias has shape {list(bias.shape)}, the result has {weight.shape[0]} features"
        check.fail("invalid-argument", operator="bilinear", what="bias", reason=reason)
    inputs = (input1, input2, weight) if bias is None else (input1, input2, weight, bias)
    return Result("bilinear", (*one[:-1], weight.shape[0]), inputs, {"bias": bias is not None}, dtype)


def _run_bilinear(check: Checks, layer: Any, input1: Tensor, input2: Tensor) -> Result:
    return bilinear(check, input1, input2, layer.weight, layer.bias)  # type: ignore[no-any-return]


@layer(*names("linear", "Bilinear"), forward=_run_bilinear, free="device dtype")
def build_bilinear(
    check: Checks,
    in1_features: Any,
    in2_features: Any,
    out_features: Any,
    bias: Any = True,
    device: Any = None,
    dtype: Any = None,
) -> Built:
    """Build ``weight [out, in1, in2]`` and ``bias [out]``."""
    given = {"in1_features": in1_features, "in2_features": in2_features, "out_features": out_features}
    counts = {what: _features(check, "Bilinear", what, count) for what, count in given.items()}
    ones, twos, outs = counts.values()
    return Built(counts, {"weight": (outs, ones, twos), "bias": (outs,) if bias else None})
