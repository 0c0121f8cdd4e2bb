"""Padding: constant, reflected, replicated and circular."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.dim import Number
from resnet_check.graph.operators.base import Built, Checks, NotModelled, Refused, Result, function, layer
from resnet_check.graph.operators.bounds import maximum
from resnet_check.graph.operators.sizes import Tensor, both, has_rank, integer, names, ntuple
from resnet_check.graph.records import compare

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
    before = len(check.failures)
    for i in range(wide):
        sizes[-1 - i] = _wider(check, mode, sizes[-1 - i], widths[2 * i], widths[2 * i + 1])
    if mode in ("reflect", "replicate") and wide:
        _require_some(check, tuple(sizes[-wide:]), widths)
    if len(check.failures) > before:
        sizes = [maximum(size, 1) for size in sizes]
    attributes = {"widths": widths, "mode": mode, "value": (value or 0) if mode == "constant" else None}
    return Result("pad", tuple(sizes), (input,), attributes, input.dtype)


def _wider(check: Checks, mode: str, size: Number, low: Number, high: Number) -> Number:
    """Return a padded size; negative widths take away, and not more than there is."""
    wider = size + low + high
    if type(low) is int and type(high) is int and low >= 0 and high >= 0:
        require_room(check, mode, size, low, high, "pad")
        return wider
    if mode == "circular" and compare("<", low * high, 0):
        # Torch copies parts of the result onto others, and refuses where they overlap.
        message = "circular padding that widens one side and narrows the other"
        raise NotModelled(message)
    rest = wider
    if mode == "constant" and type(low) is int and type(high) is int:
        rest = size + min(low, 0) + min(high, 0)
    require_room(check, mode, size, low, high, "pad")
    check.require(">=", rest, 0, "empty-output", operator="pad", size=size, padding=(low, high))
    return wider


def _require_some(check: Checks, sizes: tuple[Number, ...], widths: tuple[Number, ...]) -> None:
    """Require that not every padded size is empty, which only negative widths can bring about."""
    if all(type(width) is int and width >= 0 for width in widths):
        return
    for size in sizes[:-1]:
        if check.holds(">=", size, 1):
            return
    check.require(">=", sizes[-1], 1, "empty-output", operator="pad", size=sizes, padding=widths)


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
    relation, words = ("<", "smaller than") if mode == "reflect" else ("<=", "of at most")
    for width in (low, high):
        if type(width) is int and (width < 0 or (type(size) is int and compare(relation, width, size))):
            continue
        reason = f"mode {mode!r} needs a padding {words} the size"
        facts = {"operator": operator, "what": "padding", "value": width, "size": size, "reason": reason}
        check.require(relation, width, size, "invalid-argument", **facts)


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
