"""Convolutions and transposed convolutions in one, two and three dimensions."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.dim import Number
from resnet_check.graph.operators.base import Checks, NotModelled, Refused, Result, function
from resnet_check.graph.operators.bounds import maximum
from resnet_check.graph.operators.padding import require_room
from resnet_check.graph.operators.sizes import (
    Tensor,
    at_least,
    floating,
    has_rank,
    integer,
    product,
    spread,
)
from resnet_check.graph.records import Shape


def conv(
    check: Checks,
    dims: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
    padding_mode: str = "zeros",
) -> Result:
    """Return a convolution over the last ``dims`` dimensions: ``[N, C, *sizes]`` or ``[C, *sizes]``.

    Channels that do not fit, a kernel larger than its padded input and arguments that torch refuses are failures.
    """
    operator = f"conv{dims}d"
    dtype = floating(check, input, operator, weight)
    channels, per_group, out_channels, groups = _channels(check, dims, input, weight, groups, operator)
    weights = weight.shape
    kernel = weights[2:]
    _check_bias(check, bias, out_channels, operator)
    if channels != per_group * groups:
        expected = per_group * groups
        check.require("==", channels, expected, "conv-channels", got=channels, expected=expected, operator=operator)
    if groups != 1:
        _check_groups(check, out_channels, groups, operator)
    stride = at_least(check, 1, spread(check, stride, dims, operator, "stride"), operator, "stride")
    dilation = at_least(check, 1, spread(check, dilation, dims, operator, "dilation"), operator, "dilation")
    least = 0 if padding_mode == "zeros" else None
    before, after = _padding(check, padding, kernel, stride, dilation, operator, least)
    shape = input.shape
    sizes = []
    macs: Number = out_channels * per_group
    for size, k, s, d, low, high in zip(shape[-dims:], kernel, stride, dilation, before, after, strict=True):
        if padding_mode != "zeros":
            require_room(check, padding_mode, size, low, high, operator)
        room = size + (low + high - d * (k - 1) - 1)
        if (type(room) is not int or room < 0) and not check.require(
            ">=", room, 0, "empty-output", operator=operator, kernel=k, size=size, padding=(low, high), dilation=d
        ):
            room = maximum(room, 0)
        sizes.append(room // s + 1 if s != 1 else room + 1)
        macs = macs * k
    out = (*shape[: -dims - 1], out_channels, *sizes)
    positions: Number = 1
    for size in (*shape[: -dims - 1], *sizes):
        positions = positions * size
    attributes = {
        "stride": stride,
        "padding": before if before == after else padding,
        "dilation": dilation,
        "groups": groups,
        "padding_mode": padding_mode,
        "kernel": kernel,
        "bias": bias is not None,
        "in_channels": per_group * groups,
        "out_channels": out_channels,
    }
    inputs = (input, weight) if bias is None else (input, weight, bias)
    return Result("conv", out, inputs, attributes, dtype, positions * macs)


def _channels(
    check: Checks, dims: int, input: Tensor, weight: Tensor, groups: Any, operator: str
) -> tuple[Number, Number, Number, Number]:
    """Return the input's channels, the weight's two numbers of channels (the second first) and the groups."""
    shape, weights = input.shape, weight.shape
    if len(shape) not in (dims + 1, dims + 2):
        has_rank(check, input, (dims + 1, dims + 2), operator)
        message = f"{operator} of a tensor of {len(shape)} dimensions"
        raise NotModelled(message)
    if len(weights) != dims + 2:
        reason = f"its weight has {len(weights)} dimensions, not {dims + 2}: the kernel must have {dims} sizes"
        check.fail("invalid-argument", operator=operator, what="kernel_size", value=weights[2:], reason=reason)
        raise NotModelled(reason)
    if type(groups) is not int or groups < 1:
        groups = at_least(check, 1, (integer(check, groups, operator, "groups"),), operator, "groups")[0]
    return shape[-dims - 1], weights[1], weights[0], groups


def _check_bias(check: Checks, bias: Tensor | None, channels: Number, operator: str) -> None:
    if bias is not None and bias.shape != (channels,):
        has = product(bias.shape) if len(bias.shape) == 1 else -1
        reason = f"the bias has shape {list(bias.shape)}, the weight gives {channels} channels"
        check.require("==", has, channels, "invalid-argument", operator=operator, what="bias", reason=reason)


def _check_groups(check: Checks, channels: Number, groups: Number, operator: str) -> None:
    reason = f"{channels} channels are not divisible by groups {groups}"
    if check.require("divides", channels, groups, "indivisible", operator=operator, reason=reason):
        check.require(">=", channels, groups, "indivisible", operator=operator, reason=reason)


def _padding(
    check: Checks, padding: Any, kernel: Shape, stride: Shape, dilation: Shape, operator: str, least: int | None
) -> tuple[Shape, Shape]:
    """Return the widths before and after each spatial dimension; a separate padding may have negative ones."""
    dims = len(kernel)
    if not isinstance(padding, str):
        widths = spread(check, padding, dims, operator, "padding")
        if least is None and isinstance(padding, (tuple, list)) and len(padding) != dims:
            reason = f"padding has {len(padding)} values for {dims} spatial dimensions"
            check.fail("invalid-argument", operator=operator, what="padding", value=padding, reason=reason)
        if least is not None:
            widths = at_least(check, least, widths, operator, "padding")
        return widths, widths
    if padding == "valid":
        return (0,) * dims, (0,) * dims
    if padding != "same":
        message = f"{operator} has no padding {padding!r}: it is 'valid', 'same' or numbers"
        raise Refused(message)
    if any(s != 1 for s in stride):
        reason = "padding='same' is not supported for strided convolutions"
        check.fail("invalid-argument", operator=operator, what="padding", value=padding, reason=reason)
    totals = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    low = tuple([total // 2 for total in totals])
    return low, tuple([total - width for total, width in zip(totals, low, strict=True)])


def conv_transpose(
    check: Checks,
    dims: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: Any,
    dilation: Any,
) -> Result:
    """Return a transposed convolution; the weight is ``[C_in, C_out / groups, *kernel]``."""
    operator = f"conv_transpose{dims}d"
    dtype = floating(check, input, operator, weight)
    channels, per_group, expected, groups = _channels(check, dims, input, weight, groups, operator)
    kernel = weight.shape[2:]
    out_channels = per_group * groups
    _check_bias(check, bias, out_channels, operator)
    if channels != expected:
        check.require("==", channels, expected, "conv-channels", got=channels, expected=expected, operator=operator)
    if groups != 1:
        _check_groups(check, expected, groups, operator)
    stride = at_least(check, 1, spread(check, stride, dims, operator, "stride"), operator, "stride")
    dilation = at_least(check, 1, spread(check, dilation, dims, operator, "dilation"), operator, "dilation")
    padding = at_least(check, 0, spread(check, padding, dims, operator, "padding"), operator, "padding")
    extra = at_least(
        check, 0, spread(check, output_padding, dims, operator, "output_padding"), operator, "output_padding"
    )
    shape = input.shape
    sizes = []
    for size, k, s, p, o, d in zip(shape[-dims:], kernel, stride, padding, extra, dilation, strict=True):
        _check_extra(check, o, s, d, operator)
        out = (size - 1) * s + (d * (k - 1) + 1 - 2 * p + o)
        if (type(out) is not int or out < 1) and not check.require(
            ">=", out, 1, "empty-output", operator=operator, kernel=k, size=size, padding=(p, p), dilation=d
        ):
            out = maximum(out, 1)
        sizes.append(out)
    attributes = {
        "stride": stride,
        "padding": padding,
        "output_padding": extra,
        "dilation": dilation,
        "groups": groups,
        "kernel": kernel,
        "bias": bias is not None,
        "in_channels": expected,
        "out_channels": out_channels,
    }
    macs = product(shape[: -dims - 1]) * product(shape[-dims:]) * (expected * per_group * product(kernel))
    inputs = (input, weight) if bias is None else (input, weight, bias)
    return Result("conv_transpose", (*shape[: -dims - 1], out_channels, *sizes), inputs, attributes, dtype, macs)


def _check_extra(check: Checks, extra: Number, stride: Number, dilation: Number, operator: str) -> None:
    """Require the output padding to be smaller than the stride or the dilation."""
    if extra == 0 or check.holds("<", extra, stride):
        return
    reason = f"output_padding {extra} must be smaller than the stride {stride} or the dilation {dilation}"
    check.require(
        "<", extra, dilation, "invalid-argument", operator=operator, what="output_padding", value=extra, reason=reason
    )


def _register_functions(dims: int) -> None:
    @function(f"torch.nn.functional.conv{dims}d", f"torch.conv{dims}d")
    def forward(
        check: Checks,
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: Any = 1,
    ) -> Result:
        return conv(check, dims, input, weight, bias, stride, padding, dilation, groups)

    @function(f"torch.nn.functional.conv_transpose{dims}d", f"torch.conv_transpose{dims}d")
    def backward(
        check: Checks,
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: Any = 1,
        dilation: Any = 1,
    ) -> Result:
        return conv_transpose(check, dims, input, weight, bias, stride, padding, output_padding, groups, dilation)


for _dims in (1, 2, 3):
    _register_functions(_dims)
