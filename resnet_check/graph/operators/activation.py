"""Activations that act on each value by itself; softmax.py has those that look along a dimension."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.operators.base import Built, Checks, Refused, Result, function, layer
from resnet_check.graph.operators.dtypes import floating as floats_of
from resnet_check.graph.operators.sizes import Tensor, both, integer, names, product

PLAIN = {
    "sigmoid": ("Sigmoid", True),
    "tanh": ("Tanh", True),
    "softsign": ("Softsign", False),
    "tanhshrink": ("Tanhshrink", False),
    "logsigmoid": ("LogSigmoid", False),
}
"""Activations without settings: the function, its layer, and whether ``torch`` has the function too, also in place."""

INPLACE = {
    "relu": ("ReLU", True),
    "relu6": ("ReLU6", False),
    "selu": ("SELU", True),
    "silu": ("SiLU", False),
    "mish": ("Mish", False),
    "hardswish": ("Hardswish", False),
    "hardsigmoid": ("Hardsigmoid", False),
}
"""Activations whose only setting is ``inplace``."""

PROMOTES = frozenset({"sigmoid", "tanh", "softsign", "tanhshrink"})
"""Activations that make floats of integers."""


def pointwise(kind: str, input: Tensor, inplace: Any = False, **attributes: Any) -> Result:
    """Return an activation of each value."""
    dtype = floats_of(input.dtype) if kind in PROMOTES else input.dtype
    return Result(kind, input.shape, (input,), attributes, dtype, inplace=bool(inplace))


def _register_plain(kind: str, name: str, in_torch: bool) -> None:
    def rule(check: Checks, input: Tensor) -> Result:
        return pointwise(kind, input)

    def rule_inplace(check: Checks, input: Tensor) -> Result:
        return pointwise(kind, input, inplace=True)

    def run(check: Checks, layer: Any, input: Tensor) -> Result:
        return pointwise(kind, input)

    def build(check: Checks) -> Built:
        return Built({})

    def rule_torch(check: Checks, input: Tensor, *, out: Any = None) -> Result:
        return pointwise(kind, input)

    function(f"torch.nn.functional.{kind}")(rule)
    if in_torch:
        function(f"torch.{kind}")(rule_torch)
        function(f"torch.{kind}_")(rule_inplace)
    layer(*names("activation", name), forward=run)(build)


def _register_inplace(kind: str, name: str, in_torch: bool) -> None:
    def rule(check: Checks, input: Tensor, inplace: Any = False) -> Result:
        return pointwise(kind, input, inplace)

    def rule_torch(check: Checks, input: Tensor) -> Result:
        return pointwise(kind, input)

    def rule_inplace(check: Checks, input: Tensor) -> Result:
        return pointwise(kind, input, inplace=True)

    def run(check: Checks, layer: Any, input: Tensor) -> Result:
        return Result(kind, input.shape, (input,), {}, input.dtype, inplace=bool(layer.inplace))

    def build(check: Checks, inplace: Any = False) -> Built:
        return Built({"inplace": inplace})

    def build_relu6(check: Checks, inplace: Any = False) -> Built:
        return Built({"min_val": 0.0, "max_val": 6.0, "inplace": inplace})

    function(f"torch.nn.functional.{kind}", free="inplace")(rule)
    if in_torch:
        function(f"torch.{kind}")(rule_torch)
        function(f"torch.{kind}_", f"torch.nn.functional.{kind}_")(rule_inplace)
    relu6 = kind == "relu6"
    bases = both("activation", "Hardtanh") if relu6 else ""
    layer(*names("activation", name), forward=run, bases=bases, free="inplace")(build_relu6 if relu6 else build)


for _kind, (_name, _in_torch) in PLAIN.items():
    _register_plain(_kind, _name, _in_torch)
for _kind, (_name, _in_torch) in INPLACE.items():
    _register_inplace(_kind, _name, _in_torch)


@function("torch.nn.functional.leaky_relu", free="negative_slope inplace")
def leaky_relu(check: Checks, input: Tensor, negative_slope: Any = 0.01, inplace: Any = False) -> Result:
    """Return the values, negative ones times a slope."""
    return pointwise("leaky_relu", input, inplace, negative_slope=negative_slope)


@function("torch.nn.functional.leaky_relu_", free="negative_slope")
def leaky_relu_(check: Checks, input: Tensor, negative_slope: Any = 0.01) -> Result:
    """Return `leaky_relu` in place."""
    return pointwise("leaky_relu", input, inplace=True, negative_slope=negative_slope)


def _run_leaky_relu(check: Checks, layer: Any, input: Tensor) -> Result:
    return pointwise("leaky_relu", input, layer.inplace, negative_slope=layer.negative_slope)


@layer(*names("activation", "LeakyReLU"), forward=_run_leaky_relu, free="negative_slope inplace")
def build_leaky_relu(check: Checks, negative_slope: Any = 0.01, inplace: Any = False) -> Built:
    """Build a layer without parameters."""
    return Built({"negative_slope": negative_slope, "inplace": inplace})


def _register_alpha(kind: str, name: str) -> None:
    def rule(check: Checks, input: Tensor, alpha: Any = 1.0, inplace: Any = False) -> Result:
        return pointwise(kind, input, inplace, alpha=alpha)

    def rule_inplace(check: Checks, input: Tensor, alpha: Any = 1.0) -> Result:
        return pointwise(kind, input, inplace=True, alpha=alpha)

    def rule_torch(check: Checks, input: Tensor, alpha: Any = 1.0) -> Result:
        return pointwise(kind, input, alpha=alpha)

    def run(check: Checks, layer: Any, input: Tensor) -> Result:
        return pointwise(kind, input, layer.inplace, alpha=layer.alpha)

    def build(check: Checks, alpha: Any = 1.0, inplace: Any = False) -> Built:
        return Built({"alpha": alpha, "inplace": inplace})

    function(f"torch.nn.functional.{kind}", free="alpha inplace")(rule)
    function(f"torch.nn.functional.{kind}_", *([f"torch.{kind}_"] if kind == "celu" else []), free="alpha")(
        rule_inplace
    )
    if kind == "celu":
        function("torch.celu", free="alpha")(rule_torch)
    layer(*names("activation", name), forward=run, free="alpha inplace")(build)


for _kind, _name in (("elu", "ELU"), ("celu", "CELU")):
    _register_alpha(_kind, _name)


@function("torch.nn.functional.gelu", "torch._C._nn.gelu", free="approximate")
def gelu(check: Checks, input: Tensor, approximate: Any = "none") -> Result:
    """Return the values times the normal distribution of them."""
    if approximate not in (None, "none", "tanh"):
        message = f"gelu has no approximation {approximate!r}"
        raise Refused(message)
    return pointwise("gelu", input, approximate=approximate)


def _run_gelu(check: Checks, layer: Any, input: Tensor) -> Result:
    return gelu(check, input, layer.approximate)  # type: ignore[no-any-return]


@layer(*names("activation", "GELU"), forward=_run_gelu, free="approximate")
def build_gelu(check: Checks, approximate: Any = "none") -> Built:
    """Build a layer without parameters."""
    return Built({"approximate": approximate})


@function("torch.nn.functional.hardtanh", free="min_val max_val inplace")
def hardtanh(check: Checks, input: Tensor, min_val: Any = -1.0, max_val: Any = 1.0, inplace: Any = False) -> Result:
    """Return the values limited to a range."""
    return pointwise("hardtanh", input, inplace, min_val=min_val, max_val=max_val)


@function("torch.nn.functional.hardtanh_", free="min_val max_val")
def hardtanh_(check: Checks, input: Tensor, min_val: Any = -1.0, max_val: Any = 1.0) -> Result:
    """Return `hardtanh` in place."""
    return pointwise("hardtanh", input, inplace=True, min_val=min_val, max_val=max_val)


def _run_hardtanh(check: Checks, layer: Any, input: Tensor) -> Result:
    return pointwise("hardtanh", input, layer.inplace, min_val=layer.min_val, max_val=layer.max_val)


@layer(*names("activation", "Hardtanh"), forward=_run_hardtanh, free="min_val max_val inplace min_value max_value")
def build_hardtanh(
    check: Checks,
    min_val: Any = -1.0,
    max_val: Any = 1.0,
    inplace: Any = False,
    min_value: Any = None,
    max_value: Any = None,
) -> Built:
    """Build a layer without parameters; the upper limit must be above the lower."""
    low = min_val if min_value is None else min_value
    high = max_val if max_value is None else max_value
    if low is not None and high is not None and high <= low:
        reason = f"max_val {high} is not above min_val {low}"
        check.fail("invalid-layer", operator="Hardtanh", what="max_val", value=high, reason=reason)
    return Built({"min_val": low, "max_val": high, "inplace": inplace})


@function("torch.nn.functional.rrelu", free="lower upper training inplace")
def rrelu(
    check: Checks,
    input: Tensor,
    lower: Any = 0.125,
    upper: Any = 1 / 3,
    training: Any = False,
    inplace: Any = False,
) -> Result:
    """Return the values, negative ones times a random slope."""
    return pointwise("rrelu", input, inplace, lower=lower, upper=upper, training=bool(training))


@function("torch.nn.functional.rrelu_", "torch.rrelu_", free="lower upper training")
def rrelu_(check: Checks, input: Tensor, lower: Any = 0.125, upper: Any = 1 / 3, training: Any = False) -> Result:
    """Return `rrelu` in place."""
    return pointwise("rrelu", input, inplace=True, lower=lower, upper=upper, training=bool(training))


@function("torch.rrelu", free="lower upper training")
def torch_rrelu(check: Checks, input: Tensor, lower: Any = 0.125, upper: Any = 1 / 3, training: Any = False) -> Result:
    """Return `rrelu` by the signature of ``torch.rrelu``."""
    return pointwise("rrelu", input, lower=lower, upper=upper, training=bool(training))


def _run_rrelu(check: Checks, layer: Any, input: Tensor) -> Result:
    return rrelu(check, input, layer.lower, layer.upper, layer.training, layer.inplace)  # type: ignore[no-any-return]


@layer(*names("activation", "RReLU"), forward=_run_rrelu, free="lower upper inplace")
def build_rrelu(check: Checks, lower: Any = 0.125, upper: Any = 1 / 3, inplace: Any = False) -> Built:
    """Build a layer without parameters."""
    return Built({"lower": lower, "upper": upper, "inplace": inplace})


@function("torch.nn.functional.threshold", free="threshold value inplace")
def threshold(check: Checks, input: Tensor, threshold: Any, value: Any, inplace: Any = False) -> Result:
    """Return the values, those up to the threshold replaced by another."""
    return pointwise("threshold", input, inplace, threshold=threshold, value=value)


@function("torch.threshold", free="threshold value")
def torch_threshold(check: Checks, input: Tensor, threshold: Any, value: Any) -> Result:
    """Return `threshold` by the signature of ``torch.threshold``."""
    return pointwise("threshold", input, threshold=threshold, value=value)


@function("torch.nn.functional.threshold_", "torch.threshold_", free="threshold value")
def threshold_(check: Checks, input: Tensor, threshold: Any, value: Any) -> Result:
    """Return `threshold` in place."""
    return pointwise("threshold", input, inplace=True, threshold=threshold, value=value)


def _run_threshold(check: Checks, layer: Any, input: Tensor) -> Result:
    return pointwise("threshold", input, layer.inplace, threshold=layer.threshold, value=layer.value)


@layer(*names("activation", "Threshold"), forward=_run_threshold, free="threshold value inplace")
def build_threshold(check: Checks, threshold: Any, value: Any, inplace: Any = False) -> Built:
    """Build a layer without parameters."""
    return Built({"threshold": threshold, "value": value, "inplace": inplace})


@function("torch.nn.functional.softplus", "torch._C._nn.softplus", free="beta threshold")
def softplus(check: Checks, input: Tensor, beta: Any = 1.0, threshold: Any = 20.0) -> Result:
    """Return a smooth version of relu."""
    return pointwise("softplus", input, beta=beta, threshold=threshold)


def _run_softplus(check: Checks, layer: Any, input: Tensor) -> Result:
    return pointwise("softplus", input, beta=layer.beta, threshold=layer.threshold)


@layer(*names("activation", "Softplus"), forward=_run_softplus, free="beta threshold")
def build_softplus(check: Checks, beta: Any = 1.0, threshold: Any = 20.0) -> Built:
    """Build a layer without parameters."""
    return Built({"beta": beta, "threshold": threshold})


def _register_shrink(kind: str, name: str) -> None:
    def rule(check: Checks, input: Tensor, lambd: Any = 0.5) -> Result:
        return pointwise(kind, input, lambd=lambd)

    def run(check: Checks, layer: Any, input: Tensor) -> Result:
        return pointwise(kind, input, lambd=layer.lambd)

    def build(check: Checks, lambd: Any = 0.5) -> Built:
        return Built({"lambd": lambd})

    function(f"torch.nn.functional.{kind}", *(["torch.hardshrink"] if kind == "hardshrink" else []), free="lambd")(rule)
    layer(*names("activation", name), forward=run, free="lambd")(build)


for _kind, _name in (("hardshrink", "Hardshrink"), ("softshrink", "Softshrink")):
    _register_shrink(_kind, _name)


@function("torch.nn.functional.prelu", "torch.prelu")
def prelu(check: Checks, input: Tensor, weight: Tensor) -> Result:
    """Return the values, negative ones times a learned slope for all channels or for each one."""
    slopes = product(weight.shape)
    if slopes != 1:
        shape = input.shape
        if not shape:
            check.fail("wrong-rank", operator="prelu", got=0, expected="1 or more", shape=shape)
        else:
            channels = shape[1] if len(shape) > 1 else 1
            if channels != slopes:
                facts = {"got": channels, "expected": slopes, "operator": "prelu"}
                check.require("==", channels, slopes, "norm-channels", **facts)
    return Result("prelu", input.shape, (input, weight), {"num_parameters": slopes}, input.dtype)


def _run_prelu(check: Checks, layer: Any, input: Tensor) -> Result:
    return prelu(check, input, layer.weight)  # type: ignore[no-any-return]


@layer(*names("activation", "PReLU"), forward=_run_prelu, free="init device dtype")
def build_prelu(
    check: Checks, num_parameters: Any = 1, init: Any = 0.25, device: Any = None, dtype: Any = None
) -> Built:
    """Build one slope, or one for each channel."""
    count = integer(check, num_parameters, "PReLU", "num_parameters", "invalid-layer")
    return Built({"num_parameters": count, "init": init}, {"weight": (count,)})
