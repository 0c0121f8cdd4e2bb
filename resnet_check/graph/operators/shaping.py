"""Layers that only move values: flatten, channels to pixels and back, windows to columns and back."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.dim import Number
from resnet_check.graph.operators.base import Built, Checks, NotModelled, Refused, Result, function, layer
from resnet_check.graph.operators.bounds import maximum
from resnet_check.graph.operators.reshape import flatten, unflatten
from resnet_check.graph.operators.sizes import Tensor, at_least, has_rank, integer, names, product, spread
from resnet_check.graph.records import Shape


def _run_identity(check: Checks, layer: Any, input: Tensor) -> Result:
    return Result("identity", input.shape, (input,), {}, input.dtype, view=True)


@layer(*names("linear", "Identity"), forward=_run_identity, free="args kwargs")
def build_identity(check: Checks, *args: Any, **kwargs: Any) -> Built:
    """Build a layer that returns its input, whatever it is built with."""
    return Built({})


@layer("torch.ao.quantization.DeQuantStub", "torch.quantization.DeQuantStub", forward=_run_identity, free="qconfig")
@layer("torch.ao.quantization.QuantStub", "torch.quantization.QuantStub", forward=_run_identity, free="qconfig")
def build_stub(check: Checks, qconfig: Any = None) -> Built:
    """Build a mark for quantisation, which returns its input until then."""
    return Built({} if qconfig is None else {"qconfig": qconfig})


def _run_flatten(check: Checks, layer: Any, input: Tensor) -> Result:
    return flatten(check, input, layer.start_dim, layer.end_dim)  # type: ignore[no-any-return]


@layer(*names("flatten", "Flatten"), forward=_run_flatten)
def build_flatten(check: Checks, start_dim: Any = 1, end_dim: Any = -1) -> Built:
    """Build a layer without parameters."""
    return Built({"start_dim": start_dim, "end_dim": end_dim})


def _run_unflatten(check: Checks, layer: Any, input: Tensor) -> Result:
    return unflatten(check, input, layer.dim, layer.unflattened_size)  # type: ignore[no-any-return]


@layer(*names("flatten", "Unflatten"), forward=_run_unflatten)
def build_unflatten(check: Checks, dim: Any, unflattened_size: Any) -> Built:
    """Build a layer without parameters."""
    if not isinstance(unflattened_size, (tuple, list)):
        message = "Unflatten needs a tuple of sizes"
        raise Refused(message)
    for size in unflattened_size:
        integer(check, size, "Unflatten", "unflattened_size", "invalid-layer")
    return Built({"dim": dim, "unflattened_size": unflattened_size})


def _shuffle(check: Checks, operator: str, input: Tensor, factor: Any) -> tuple[Shape, Number]:
    factor = at_least(check, 1, (integer(check, factor, operator, "factor"),), operator, "factor")[0]
    if len(input.shape) < 3:
        check.fail("wrong-rank", operator=operator, got=len(input.shape), expected="3 or more", shape=input.shape)
        message = f"{operator} of a tensor of {len(input.shape)} dimensions"
        raise NotModelled(message)
    return input.shape, factor


def _divided(check: Checks, operator: str, size: Number, divisor: Number) -> Number:
    reason = f"the size {size} is not divisible by {divisor}"
    check.require("divides", size, divisor, "indivisible", operator=operator, value=size, reason=reason)
    return size // divisor


@function("torch.nn.functional.pixel_shuffle", "torch.pixel_shuffle")
def pixel_shuffle(check: Checks, input: Tensor, upscale_factor: Any) -> Result:
    """Return ``[*, C r^2, H, W]`` as ``[*, C, H r, W r]``."""
    shape, r = _shuffle(check, "pixel_shuffle", input, upscale_factor)
    channels = _divided(check, "pixel_shuffle", shape[-3], r * r)
    out = (*shape[:-3], channels, shape[-2] * r, shape[-1] * r)
    return Result("pixel_shuffle", out, (input,), {"upscale_factor": r}, input.dtype)


@function("torch.nn.functional.pixel_unshuffle", "torch.pixel_unshuffle")
def pixel_unshuffle(check: Checks, input: Tensor, downscale_factor: Any) -> Result:
    """Return ``[*, C, H r, W r]`` as ``[*, C r^2, H, W]``."""
    shape, r = _shuffle(check, "pixel_unshuffle", input, downscale_factor)
    sizes = [_divided(check, "pixel_unshuffle", size, r) for size in shape[-2:]]
    out = (*shape[:-3], shape[-3] * (r * r), *sizes)
    return Result("pixel_unshuffle", out, (input,), {"downscale_factor": r}, input.dtype)


@function(
    "torch.nn.functional.channel_shuffle",
    "torch.channel_shuffle",
    "torch.nn.functional.native_channel_shuffle",
    "torch.native_channel_shuffle",
)
def channel_shuffle(check: Checks, input: Tensor, groups: Any) -> Result:
    """Return ``[N, C, ...]`` with the channels of the groups taken in turn."""
    shape, groups = _shuffle(check, "channel_shuffle", input, groups)
    _divided(check, "channel_shuffle", shape[1], groups)
    return Result("channel_shuffle", shape, (input,), {"groups": groups}, input.dtype)


def _run_pixel_shuffle(check: Checks, layer: Any, input: Tensor) -> Result:
    return pixel_shuffle(check, input, layer.upscale_factor)  # type: ignore[no-any-return]


def _run_pixel_unshuffle(check: Checks, layer: Any, input: Tensor) -> Result:
    return pixel_unshuffle(check, input, layer.downscale_factor)  # type: ignore[no-any-return]


def _run_channel_shuffle(check: Checks, layer: Any, input: Tensor) -> Result:
    return channel_shuffle(check, input, layer.groups)  # type: ignore[no-any-return]


@layer(*names("pixelshuffle", "PixelShuffle"), forward=_run_pixel_shuffle)
def build_pixel_shuffle(check: Checks, upscale_factor: Any) -> Built:
    """Build a layer without parameters."""
    return Built({"upscale_factor": upscale_factor})


@layer(*names("pixelshuffle", "PixelUnshuffle"), forward=_run_pixel_unshuffle)
def build_pixel_unshuffle(check: Checks, downscale_factor: Any) -> Built:
    """Build a layer without parameters."""
    return Built({"downscale_factor": downscale_factor})


@layer(*names("channelshuffle", "ChannelShuffle"), forward=_run_channel_shuffle)
def build_channel_shuffle(check: Checks, groups: Any) -> Built:
    """Build a layer without parameters."""
    return Built({"groups": groups})


def _two(operator: str, what: str, given: Any) -> None:
    """Refuse a tuple that is not a height and a width."""
    if isinstance(given, (tuple, list)) and len(given) != 2:
        message = f"{what} of {operator} has {len(given)} values, not 2"
        raise Refused(message)


def _window(
    check: Checks, operator: str, kernel_size: Any, dilation: Any, padding: Any, stride: Any
) -> tuple[Shape, Shape, Shape, Shape]:
    for what, given in zip(WINDOW, (kernel_size, dilation, padding, stride), strict=True):
        _two(operator, what, given)
    return (
        at_least(check, 1, spread(check, kernel_size, 2, operator, "kernel_size"), operator, "kernel_size"),
        at_least(check, 1, spread(check, dilation, 2, operator, "dilation"), operator, "dilation"),
        at_least(check, 0, spread(check, padding, 2, operator, "padding"), operator, "padding"),
        at_least(check, 1, spread(check, stride, 2, operator, "stride"), operator, "stride"),
    )


def _blocks(check: Checks, operator: str, sizes: Shape, window: tuple[Shape, Shape, Shape, Shape]) -> Number:
    """Return how many windows an image of these sizes has."""
    total: Number = 1
    for size, k, d, p, s in zip(sizes, *window, strict=True):
        room = size + (2 * p - d * (k - 1) - 1)
        if not check.require(">=", room, 0, "empty-output", operator=operator, kernel=k, size=size, padding=(p, p)):
            room = maximum(room, 0)
        total = total * (room // s + 1)
    return total


@function("torch.nn.functional.unfold")
def unfold(
    check: Checks, input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Result:
    """Return the windows of an image as columns: ``[N, C k k, windows]``."""
    window = _window(check, "unfold", kernel_size, dilation, padding, stride)
    if not has_rank(check, input, (3, 4), "unfold"):
        message = f"unfold of a tensor of {len(input.shape)} dimensions"
        raise NotModelled(message)
    shape = input.shape
    columns = _blocks(check, "unfold", shape[-2:], window)
    out = (*shape[:-3], shape[-3] * product(window[0]), columns)
    return Result("unfold", out, (input,), dict(zip(WINDOW, window, strict=True)), input.dtype)


WINDOW = ("kernel", "dilation", "padding", "stride")


@function("torch.nn.functional.fold")
def fold(
    check: Checks,
    input: Tensor,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Result:
    """Return columns added up as the windows of an image: the inverse of `unfold` up to overlaps."""
    _two("fold", "output_size", output_size)
    sizes = spread(check, output_size, 2, "fold", "output_size")
    window = _window(check, "fold", kernel_size, dilation, padding, stride)
    if not has_rank(check, input, (2, 3), "fold"):
        message = f"fold of a tensor of {len(input.shape)} dimensions"
        raise NotModelled(message)
    shape = input.shape
    columns = _blocks(check, "fold", sizes, window)
    if shape[-1] != columns:
        reason = f"{shape[-1]} columns, but an image of {list(sizes)} has {columns} windows"
        check.require("==", shape[-1], columns, "invalid-argument", operator="fold", what="input", reason=reason)
    out = (*shape[:-2], _divided(check, "fold", shape[-2], product(window[0])), *sizes)
    return Result("fold", out, (input,), {"output_size": sizes, **dict(zip(WINDOW, window, strict=True))}, input.dtype)


def _run_unfold(check: Checks, layer: Any, input: Tensor) -> Result:
    return unfold(check, input, layer.kernel_size, layer.dilation, layer.padding, layer.stride)  # type: ignore[no-any-return]


def _run_fold(check: Checks, layer: Any, input: Tensor) -> Result:
    return fold(  # type: ignore[no-any-return]
        check, input, layer.output_size, layer.kernel_size, layer.dilation, layer.padding, layer.stride
    )


@layer(*names("fold", "Unfold"), forward=_run_unfold)
def build_unfold(check: Checks, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Built:
    """Build a layer without parameters."""
    return Built({"kernel_size": kernel_size, "dilation": dilation, "padding": padding, "stride": stride})


@layer(*names("fold", "Fold"), forward=_run_fold)
def build_fold(
    check: Checks, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Built:
    """Build a layer without parameters."""
    return Built(
        {
            "output_size": output_size,
            "kernel_size": kernel_size,
            "dilation": dilation,
            "padding": padding,
            "stride": stride,
        }
    )
