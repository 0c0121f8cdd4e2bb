"""Normalisations of one image at a time: over groups, over the last dimensions, over neighbouring channels."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.dim import Dim
from resnet_check.graph.operators.axes import axes, axis
from resnet_check.graph.operators.base import Built, Checks, Refused, Result, function, layer
from resnet_check.graph.operators.dtypes import floating as floats_of
from resnet_check.graph.operators.norm import check_vectors, present
from resnet_check.graph.operators.sizes import Tensor, floating, integer, names, product
from resnet_check.graph.records import Shape


def group_norm(
    check: Checks, input: Tensor, num_groups: Any, weight: Tensor | None, bias: Tensor | None, eps: Any
) -> Result:
    """Return the input ``[N, C, ...]`` normalised over groups of channels."""
    shape = input.shape
    dtype = floating(check, input, "group_norm")
    inputs = present(input, weight, bias)
    if len(shape) < 2:
        check.fail("wrong-rank", operator="group_norm", got=len(shape), expected="2 or more", shape=shape)
        return Result("group_norm", shape, inputs, {}, dtype)
    groups = integer(check, num_groups, "group_norm", "num_groups")
    if not isinstance(groups, Dim) and groups < 1:
        message = f"group_norm with {groups} groups"
        raise Refused(message)
    channels = shape[1]
    before = len(check.failures)
    check_vectors(check, channels, "group_norm", weight=weight, bias=bias)
    if len(check.failures) == before:
        reason = f"{channels} channels are not divisible by {groups} groups"
        facts = {"operator": "group_norm", "what": "num_groups", "value": groups, "channels": channels}
        if check.require("divides", channels, groups, "indivisible", reason=reason, **facts):
            count = shape[0] * (channels // groups) * product(shape[2:])
            if type(count) is not int or count == 1:
                check.require("!=", count, 1, "single-value", operator="group_norm", shape=shape)
    attributes = {"eps": eps, "num_groups": groups, "num_channels": channels, "affine": weight is not None}
    return Result("group_norm", shape, inputs, attributes, dtype)


@function("torch.nn.functional.group_norm", free="eps")
def functional_group_norm(
    check: Checks,
    input: Tensor,
    num_groups: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: Any = 1e-05,
) -> Result:
    """Return `group_norm` by torch's public signature."""
    return group_norm(check, input, num_groups, weight, bias, eps)


@function("torch.group_norm", free="eps cudnn_enabled")
def torch_group_norm(
    check: Checks,
    input: Tensor,
    num_groups: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: Any = 1e-05,
    cudnn_enabled: Any = True,
) -> Result:
    """Return `group_norm` by the signature of ``torch.group_norm``."""
    return group_norm(check, input, num_groups, weight, bias, eps)


def _run_group(check: Checks, layer: Any, input: Tensor) -> Result:
    return group_norm(check, input, layer.num_groups, layer.weight, layer.bias, layer.eps)


@layer(*names("normalization", "GroupNorm"), forward=_run_group, free="eps device dtype")
def build_group_norm(
    check: Checks,
    num_groups: Any,
    num_channels: Any,
    eps: Any = 1e-05,
    affine: Any = True,
    device: Any = None,
    dtype: Any = None,
    *,
    bias: Any = True,
) -> Built:
    """Build ``weight [C]`` and ``bias [C]``; the channels must be divisible by the groups."""
    groups = integer(check, num_groups, "GroupNorm", "num_groups", "invalid-layer")
    channels = integer(check, num_channels, "GroupNorm", "num_channels", "invalid-layer")
    facts = {"operator": "GroupNorm", "what": "num_channels", "value": channels, "groups": groups}
    if groups == 0:
        message = "GroupNorm with no groups"
        raise Refused(message)
    reason = f"num_channels {channels} is not divisible by num_groups {groups}"
    check.require("divides", channels, groups, "invalid-layer", reason=reason, **facts)
    vector = (channels,) if affine else None
    return Built(
        {"num_groups": groups, "num_channels": channels, "eps": eps, "affine": affine},
        {"weight": vector, "bias": vector if bias else None},
    )


def _over_last(check: Checks, operator: str, input: Tensor, normalized_shape: Any, *vectors: Tensor | None) -> Shape:
    """Return the trailing sizes that are normalised, after checking that the input and the vectors have them."""
    shape = input.shape
    last = _trailing(check, normalized_shape, operator)
    if not last:
        reason = "normalized_shape is empty"
        check.fail("invalid-argument", operator=operator, what="normalized_shape", value=last, reason=reason)
    if len(shape) < len(last):
        check.fail("wrong-rank", operator=operator, got=len(shape), expected=f"{len(last)} or more", shape=shape)
        return last
    for got, expected in zip(shape[len(shape) - len(last) :], last, strict=True):
        if got != expected and not check.require(
            "==", got, expected, "norm-channels", got=got, expected=expected, operator=operator
        ):
            return last
    for vector in vectors:
        if vector is None or vector.shape == last:
            continue
        reason = f"a weight or bias of shape {list(vector.shape)} for normalized_shape {list(last)}"
        if len(vector.shape) != len(last):
            check.fail("invalid-argument", operator=operator, what="weight", reason=reason)
            continue
        for got, expected in zip(vector.shape, last, strict=True):
            check.require("==", got, expected, "invalid-argument", operator=operator, what="weight", reason=reason)
    return last


def _trailing(check: Checks, given: Any, operator: str) -> Shape:
    sizes = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    return tuple([integer(check, size, operator, "normalized_shape") for size in sizes])


@function("torch.nn.functional.layer_norm", "torch.layer_norm", free="eps cudnn_enable")
def layer_norm(
    check: Checks,
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: Any = 1e-05,
) -> Result:
    """Return the input normalised over its last dimensions, which must have the given sizes."""
    if not isinstance(normalized_shape, (tuple, list)):
        reason = "normalized_shape of the function must be a list of sizes"
        check.fail(
            "invalid-argument", operator="layer_norm", what="normalized_shape", value=normalized_shape, reason=reason
        )
    last = _over_last(check, "layer_norm", input, normalized_shape, weight, bias)
    attributes = {"eps": eps, "normalized_shape": last, "affine": weight is not None}
    return Result(
        "layer_norm", input.shape, present(input, weight, bias), attributes, floating(check, input, "layer_norm")
    )


@function("torch.nn.functional.rms_norm", "torch.rms_norm", free="eps")
def rms_norm(
    check: Checks, input: Tensor, normalized_shape: Any, weight: Tensor | None = None, eps: Any = None
) -> Result:
    """Return the input divided by its root mean square over the last dimensions."""
    if not isinstance(normalized_shape, (tuple, list)):
        reason = "normalized_shape of the function must be a list of sizes"
        check.fail(
            "invalid-argument", operator="rms_norm", what="normalized_shape", value=normalized_shape, reason=reason
        )
    last = _over_last(check, "rms_norm", input, normalized_shape, weight)
    attributes = {"eps": eps, "normalized_shape": last, "affine": weight is not None}
    return Result("rms_norm", input.shape, present(input, weight), attributes, floating(check, input, "rms_norm"))


def _run_layer(check: Checks, layer: Any, input: Tensor) -> Result:
    return layer_norm(check, input, layer.normalized_shape, layer.weight, layer.bias, layer.eps)  # type: ignore[no-any-return]


def _run_rms(check: Checks, layer: Any, x: Tensor) -> Result:
    return rms_norm(check, x, layer.normalized_shape, layer.weight, layer.eps)  # type: ignore[no-any-return]


@layer(*names("normalization", "LayerNorm"), forward=_run_layer, free="eps device dtype")
def build_layer_norm(
    check: Checks,
    normalized_shape: Any,
    eps: Any = 1e-05,
    elementwise_affine: Any = True,
    bias: Any = True,
    device: Any = None,
    dtype: Any = None,
) -> Built:
    """Build weight and bias of the normalised shape."""
    last = _trailing(check, normalized_shape, "LayerNorm")
    affine = last if elementwise_affine else None
    return Built(
        {"normalized_shape": last, "eps": eps, "elementwise_affine": elementwise_affine},
        {"weight": affine, "bias": affine if bias else None},
    )


@layer(*names("normalization", "RMSNorm"), forward=_run_rms, free="eps device dtype")
def build_rms_norm(
    check: Checks,
    normalized_shape: Any,
    eps: Any = None,
    elementwise_affine: Any = True,
    device: Any = None,
    dtype: Any = None,
) -> Built:
    """Build a weight of the normalised shape."""
    last = _trailing(check, normalized_shape, "RMSNorm")
    return Built(
        {"normalized_shape": last, "eps": eps, "elementwise_affine": elementwise_affine},
        {"weight": last if elementwise_affine else None},
    )


@function("torch.nn.functional.local_response_norm", free="alpha beta k")
def local_response_norm(
    check: Checks, input: Tensor, size: Any, alpha: Any = 0.0001, beta: Any = 0.75, k: Any = 1.0
) -> Result:
    """Return the input ``[N, C, ...]`` divided by a power of the sum over neighbouring channels."""
    if len(input.shape) < 3:
        check.fail(
            "wrong-rank", operator="local_response_norm", got=len(input.shape), expected="3 or more", shape=input.shape
        )
    attributes = {"size": size, "alpha": alpha, "beta": beta, "k": k}
    return Result("local_response_norm", input.shape, (input,), attributes, floats_of(input.dtype))


def _run_local(check: Checks, layer: Any, input: Tensor) -> Result:
    return local_response_norm(check, input, layer.size, layer.alpha, layer.beta, layer.k)  # type: ignore[no-any-return]


@layer(*names("normalization", "LocalResponseNorm"), forward=_run_local, free="alpha beta k")
def build_local_response_norm(check: Checks, size: Any, alpha: Any = 0.0001, beta: Any = 0.75, k: Any = 1.0) -> Built:
    """Build a layer without parameters."""
    return Built({"size": size, "alpha": alpha, "beta": beta, "k": k})


@layer(*names("normalization", "CrossMapLRN2d"), forward=_run_local, free="alpha beta k")
def build_cross_map_lrn(check: Checks, size: Any, alpha: Any = 0.0001, beta: Any = 0.75, k: Any = 1) -> Built:
    """Build the older form of `build_local_response_norm`."""
    return Built({"size": size, "alpha": alpha, "beta": beta, "k": k})


@function("torch.nn.functional.normalize", free="p eps")
def normalize(check: Checks, input: Tensor, p: Any = 2.0, dim: Any = 1, eps: Any = 1e-12, out: Any = None) -> Result:
    """Return the input divided by its norm along a dimension, or several."""
    rank = len(input.shape)
    at = axes(check, dim, rank) if isinstance(dim, (tuple, list)) else axis(check, dim, rank)
    return Result(
        "normalize", input.shape, (input,), {"p": p, "dim": at, "eps": eps}, floating(check, input, "normalize")
    )
