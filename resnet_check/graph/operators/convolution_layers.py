"""The layers of convolution: their arguments, weights and the forms that wait for the first input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resnet_check.graph.dim import Dim, Number
from resnet_check.graph.operators.base import LAZY, Built, Checks, Refused, Result, layer
from resnet_check.graph.operators.convolution import conv, conv_transpose
from resnet_check.graph.operators.sizes import Tensor, both, integer, names, ntuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from resnet_check.graph.records import Shape

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def _build(
    check: Checks,
    operator: str,
    dims: int,
    in_channels: Any,
    out_channels: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
    bias: Any,
    padding_mode: Any,
    output_padding: Any = 0,
) -> Built:
    """Return what the constructors of the convolutions leave; a lazy one takes ``in_channels`` from the input."""
    transposed = "Transpose" in operator
    groups = _natural(check, operator, "groups", groups, 1)
    lazy = operator.startswith("Lazy")
    counts = {"in_channels": 0, "out_channels": out_channels}
    # A lazy layer looks at its channels only when it knows all of them.
    for what, count in () if lazy else (("in_channels", in_channels), ("out_channels", out_channels)):
        counts[what] = number = _natural(check, operator, what, count, 0)
        if groups != 1:
            reason = f"{what} {number} is not divisible by groups {groups}"
            check.require(
                "divides",
                number,
                groups,
                "invalid-layer",
                operator=operator,
                what=what,
                value=number,
                groups=groups,
                reason=reason,
            )
    kernel = tuple([_natural(check, operator, "kernel_size", k, 0) for k in ntuple(kernel_size, dims)])
    stride = ntuple(stride, dims)
    if not isinstance(padding, str):
        padding = ntuple(padding, dims)
    elif transposed or padding not in ("same", "valid"):
        message = f"{operator} has no padding {padding!r}"
        raise Refused(message)
    elif padding == "same" and any(s != 1 for s in stride):
        reason = "padding='same' is not supported for strided convolutions"
        check.fail("invalid-layer", operator=operator, what="padding", value=padding, reason=reason)
        padding = tuple([k // 2 for k in kernel])
    allowed = PADDING_MODES[:1] if transposed else PADDING_MODES
    if padding_mode not in allowed:
        reason = f"padding_mode is {padding_mode!r}, not one of {', '.join(allowed)}"
        check.fail("invalid-layer", operator=operator, what="padding_mode", value=padding_mode, reason=reason)
        padding_mode = "zeros"
    attributes = {
        **counts,
        "kernel_size": kernel,
        "stride": stride,
        "padding": padding,
        "dilation": ntuple(dilation, dims),
        "transposed": transposed,
        "output_padding": ntuple(output_padding, dims),
        "groups": groups,
        "padding_mode": padding_mode,
    }
    return Built(attributes, _parameters(attributes, lazy, bias=bool(bias)))


def _parameters(attributes: dict[str, Any], lazy: bool, *, bias: bool) -> dict[str, Shape | None]:
    if lazy:
        return {"weight": LAZY, "bias": LAZY if bias else None}
    channels = (attributes["in_channels"], attributes["out_channels"])
    if not attributes["transposed"]:
        channels = channels[::-1]
    shape = (channels[0], channels[1] // attributes["groups"], *attributes["kernel_size"])
    return {"weight": shape, "bias": (attributes["out_channels"],) if bias else None}


def _natural(check: Checks, operator: str, what: str, given: Any, least: int) -> Number:
    """Return a number of the constructor, which is an integer and not smaller than ``least``."""
    number = given if type(given) is int else integer(check, given, operator, what, "invalid-layer")
    if isinstance(number, Dim) or number >= least:
        return number
    reason = f"{what} is {number}, which is not {'positive' if least else 'a size'}"
    check.fail("invalid-layer", operator=operator, what=what, value=number, reason=reason)
    return max(-number, least)


def _register_layers(dims: int) -> None:
    plain, transposed = f"Conv{dims}d", f"ConvTranspose{dims}d"
    base = "torch.nn.modules.conv._ConvNd"
    transposed_base = f"torch.nn.modules.conv._ConvTransposeNd {base}"
    lazy = "torch.nn.modules.conv._LazyConvXdMixin torch.nn.modules.lazy.LazyModuleMixin"
    materialise = _materialise(dims)

    def run(check: Checks, layer: Any, input: Tensor) -> Result:
        return conv(
            check,
            dims,
            input,
            layer.weight,
            layer.bias,
            layer.stride,
            layer.padding,
            layer.dilation,
            layer.groups,
            layer.padding_mode,
        )

    def run_transposed(check: Checks, layer: Any, input: Tensor, output_size: Any = None) -> Result:
        extra = layer.output_padding
        if output_size is not None:
            extra = _extra(check, dims, layer, input, output_size)
        return conv_transpose(
            check,
            dims,
            input,
            layer.weight,
            layer.bias,
            layer.stride,
            layer.padding,
            extra,
            layer.groups,
            layer.dilation,
        )

    @layer(*names("conv", plain), forward=run, bases=base, free="device dtype")
    def build(
        check: Checks,
        in_channels: Any,
        out_channels: Any,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: Any = 1,
        bias: Any = True,
        padding_mode: Any = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> Built:
        return _build(
            check,
            plain,
            dims,
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
        )

    @layer(
        *names("conv", f"Lazy{plain}"),
        forward=run,
        bases=f"{lazy} {both('conv', plain)} {base}",
        free="device dtype",
        materialise=materialise,
        become=f"torch.nn.{plain}",
    )
    def build_lazy(
        check: Checks,
        out_channels: Any,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: Any = 1,
        bias: Any = True,
        padding_mode: Any = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> Built:
        return _build(
            check,
            f"Lazy{plain}",
            dims,
            None,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
        )

    @layer(*names("conv", transposed), forward=run_transposed, bases=transposed_base, free="device dtype")
    def build_transposed(
        check: Checks,
        in_channels: Any,
        out_channels: Any,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: Any = 1,
        bias: Any = True,
        dilation: Any = 1,
        padding_mode: Any = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> Built:
        return _build(
            check,
            transposed,
            dims,
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
            output_padding,
        )

    @layer(
        *names("conv", f"Lazy{transposed}"),
        forward=run_transposed,
        bases=f"{lazy} {both('conv', transposed)} {transposed_base}",
        free="device dtype",
        materialise=materialise,
        become=f"torch.nn.{transposed}",
    )
    def build_lazy_transposed(
        check: Checks,
        out_channels: Any,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: Any = 1,
        bias: Any = True,
        dilation: Any = 1,
        padding_mode: Any = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> Built:
        return _build(
            check,
            f"Lazy{transposed}",
            dims,
            None,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            padding_mode,
            output_padding,
        )


def _materialise(dims: int) -> Callable[[Checks, Any, Tensor], Built]:
    """Return the rule by which a lazy convolution takes its channels from the first input."""

    def materialise(check: Checks, layer: Any, input: Tensor) -> Built:
        if len(input.shape) not in (dims + 1, dims + 2):
            message = f"a lazy convolution of {dims} dimensions got a tensor of {len(input.shape)} dimensions"
            raise Refused(message)
        channels = input.shape[-dims - 1]
        reason = f"in_channels {channels} is not divisible by groups {layer.groups}"
        facts = {"operator": f"Conv{dims}d", "what": "in_channels", "value": channels, "groups": layer.groups}
        check.require("divides", channels, layer.groups, "invalid-layer", reason=reason, **facts)
        stored = "out_channels kernel_size stride padding dilation transposed output_padding groups padding_mode"
        attributes = {"in_channels": channels, **{name: getattr(layer, name) for name in stored.split()}}
        attributes["out_channels"] = _natural(check, f"Conv{dims}d", "out_channels", layer.out_channels, 0)
        return Built(attributes, _parameters(attributes, lazy=False, bias=layer.bias is not None))

    return materialise


def _extra(check: Checks, dims: int, layer: Any, input: Tensor, output_size: Any) -> tuple[Number, ...]:
    """Return the output padding that gives the requested size, one of those that the stride leaves open."""
    operator = f"conv_transpose{dims}d"
    wanted = tuple(output_size)
    if len(wanted) == len(input.shape):
        wanted = wanted[-dims:]
    stored = (layer.kernel_size, layer.stride, layer.padding, layer.dilation)
    if len(wanted) != dims or min(map(len, stored)) < dims:
        message = f"output_size of {operator} has {len(wanted)} values, not {dims}"
        raise Refused(message)
    extra = []
    per_dim = zip(input.shape[-dims:], wanted, *stored, strict=False)
    for size, goal, k, s, p, d in per_dim:
        least = (size - 1) * s - 2 * p + d * (k - 1) + 1
        facts = {"operator": operator, "what": "output_size", "value": goal}
        reason = f"output_size {goal} is not one of the sizes {least} to {least + (s - 1)} that the stride leaves open"
        fits = check.require(">=", goal, least, "invalid-argument", reason=reason, **facts)
        fits = check.require("<=", goal, least + (s - 1), "invalid-argument", reason=reason, **facts) and fits
        extra.append(goal - least if fits else 0)
    return tuple(extra)


for _dims in (1, 2, 3):
    _register_layers(_dims)
