"""Padding: constant, reflected, replicated and circular."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.dim import Number
from resnet_check.graph.operators.base import Built, Checks, Refused, Result, function, layer
from resnet_check.graph.operators.sizes import Tensor, both, has_rank, integer, names, ntuple

MODES = ("constant", "reflect", "replicate", "circular")


@function("torch.nn.functional.pad", "torch._C._nn.pad", free="value")
def pad(check: Checks, input: Tensor, pad: Any, mode: Any = "constant", value: Any = None) -> Result:
    """Return the input with each dimension, from the last, wider by two given widths (narrower by negative ones)."""
    widths = _widths(check, pad)
    shape = input.shape
    rank, wide = len(shape), len(widths) // 2
    if mode not in MODES:
        message = f"pad has no mode {mode!r}"
        raise Refused(message)
    if mode == "constant":
        _check_count(check, wide <= rank, rank, widths)
    else:
        _check_count(check, wide in (rank - 1, rank - 2) and wide in (1, 2, 3), rank, widths)
        if value:
            reason = f"mode {mode!r} takes no value"
            check.fail("invalid-argument", operator="pad", what="value", value=value, reason=reason)
    wide = min(wide, rank)
    sizes = list(shape)
    for i in range(wide):
        low, high = widths[2 * i], widths[2 * i + 1]
        size = sizes[-1 - i]
        least = 0
        if mode != "constant":
            require_room(check, mode, size, low, high, "pad")
            least = 1
        wider = size + low + high
        negative = not (type(low) is int and low >= 0 and type(high) is int and high >= 0)
        if (negative or type(wider) is int) and not (type(wider) is int and wider >= least):
            check.require(">=", wider, least, "empty-output", operator="pad", size=size, padding=(low, high))
            if type(wider) is int:
                wider = max(wider, 1)
        sizes[-1 - i] = wider
    attributes = {"widths": widths, "mode": mode, "value": (value or 0) if mode == "constant" else None}
    return Result("pad", tuple(sizes), (input,), attributes, input.dtype)


def _widths(check: Checks, given: Any) -> tuple[Number, ...]:
    if not isinstance(given, (tuple, list)):
        message = f"pad needs a list of widths, not {given!r}"
        raise Refused(message)
    widths = tuple([width if type(width) is int else integer(check, width, "pad", "pad") for width in given])
    if len(widths) % 2:
        reason = f"{len(widths)} widths: each dimension takes two"
        check.fail("invalid-argument", operator="pad", what="pad", value=widths, reason=reason)
        widths = widths[:-1]
    return widths


def _check_count(check: Checks, fits: bool, rank: int, widths: tuple[Number, ...]) -> None:
    if not fits:
        reason = f"{len(widths)} widths for a tensor of {rank} dimensions"
        check.fail("invalid-argument", operator="pad", what="pad", value=widths, reason=reason)


def require_room(check: Checks, mode: str, size: Number, low: Number, high: Number, operator: str) -> None:
    """Require that a dimension is long enough for the widths that are filled from its own values."""
    if mode not in ("reflect", "circular"):
        return
    relation = "<" if mode == "reflect" else "<="
    for width in (low, high):
        if type(width) is int and width < 0:
            continue
        reason = f"mode {mode!r} needs a padding {'smaller than' if mode == 'reflect' else 'of at most'} the size"
        check.require(
            relation,
            width,
            size,
            "invalid-argument",
            operator=operator,
            what="padding",
            value=width,
            size=size,
            reason=reason,
        )


def _register(dims: int) -> None:
    count = 2 * dims

    def build(check: Checks, padding: Any) -> Built:
        return Built({"padding": ntuple(padding, count)})

    def build_constant(check: Checks, padding: Any, value: Any) -> Built:
        return Built({"value": value, "padding": ntuple(padding, count)})

    def build_zero(check: Checks, padding: Any) -> Built:
        return Built({"value": 0.0, "padding": ntuple(padding, count)})

    def run_constant(check: Checks, layer: Any, input: Tensor) -> Result:
        return pad(check, input, layer.padding, "constant", layer.value)  # type: ignore[no-any-return]

    def run_reflect(check: Checks, layer: Any, input: Tensor) -> Result:
        return pad(check, input, layer.padding, "reflect")  # type: ignore[no-any-return]

    def run_replicate(check: Checks, layer: Any, input: Tensor) -> Result:
        return pad(check, input, layer.padding, "replicate")  # type: ignore[no-any-return]

    def run_circular(check: Checks, layer: Any, input: Tensor) -> Result:
        has_rank(check, input, (dims + 1, dims + 2), f"CircularPad{dims}d")
        return pad(check, input, layer.padding, "circular")  # type: ignore[no-any-return]

    base = "torch.nn.modules.padding._{}PadNd"
    constant, zero = f"ConstantPad{dims}d", f"ZeroPad{dims}d"
    layer(*names("padding", constant), forward=run_constant, bases=base.format("Constant"), free="value")(
        build_constant
    )
    zero_bases = f"{both('padding', constant)} {base.format('Constant')}"
    layer(*names("padding", zero), forward=run_constant, bases=zero_bases)(build_zero)
    for kind, run in (("Reflection", run_reflect), ("Replication", run_replicate), ("Circular", run_circular)):
        layer(*names("padding", f"{kind}Pad{dims}d"), forward=run, bases=base.format(kind))(build)


for _dims in (1, 2, 3):
    _register(_dims)
