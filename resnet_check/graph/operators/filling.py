"""Filling a tensor in place."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.operators.axes import needs
from resnet_check.graph.operators.base import Checks, Refused, Result, function
from resnet_check.graph.operators.broadcasting import broadcast_into
from resnet_check.graph.operators.values import constant, rounded, spread


def _filled(input: Any, kind: str, content: Any) -> Result:
    data = None if content is None else constant(input.shape, content, input.dtype)
    attributes = {} if content is None else {"value": content}
    return Result(kind, input.shape, (input,), attributes, input.dtype, inplace=True, data=data)


@function("torch.Tensor.zero_")
def zero_(check: Checks, input: Any) -> Result:
    """Set all elements to zero."""
    return _filled(input, "fill", 0)


@function("torch.Tensor.fill_", free="value")
def fill_(check: Checks, input: Any, value: Any) -> Result:
    """Set all elements to a number."""
    if hasattr(value, "shape"):
        if value.shape:
            message = "fill_ needs a number"
            raise Refused(message)
        known = getattr(value, "data", None)
        return _filled(input, "fill", known[0] if known else None)
    return _filled(input, "fill", value)


@function("torch.Tensor.fill_diagonal_", free="fill_value wrap")
def fill_diagonal_(check: Checks, input: Any, fill_value: Any, wrap: bool = False) -> Result:
    """Set the diagonal to a number."""
    if len(input.shape) < 2:
        message = "fill_diagonal_ needs a tensor of 2 dims or more"
        raise Refused(message)
    return _filled(input, "fill_diagonal", None)


@function("torch.Tensor.copy_", free="non_blocking")
def copy_(check: Checks, input: Any, src: Any, non_blocking: bool = False) -> Result:
    """Copy the elements of another tensor, broadcast to this one."""
    broadcast_into(check, "broadcast", input.shape, needs(src, "copy_").shape, operator="copy_")
    data = spread(getattr(src, "data", None), src.shape, input.shape)
    data = None if data is None else rounded(data, input.dtype)
    return Result("copy", input.shape, (input, src), {}, input.dtype, inplace=True, data=data)


def _random(name: str, first: str, second: str) -> None:
    # The parameters have names that Python reserves (``from``), so they come as keywords of any name.
    def rule(
        check: Checks, input: Any, low: Any = None, high: Any = None, *, generator: Any = None, **named: Any
    ) -> Result:
        if named.keys() - {first, second}:
            message = f"{name}_ takes {first} {second}"
            raise Refused(message)
        return _filled(input, name, None)

    function(f"torch.Tensor.{name}_", free=f"low high generator {first} {second}")(rule)


_random("normal", "mean", "std")
_random("uniform", "from", "to")
_random("random", "from", "to")
_random("exponential", "lambd", "")
_random("log_normal", "mean", "std")
_random("cauchy", "median", "sigma")
_random("geometric", "p", "")


@function("torch.Tensor.bernoulli_", free="p generator")
def bernoulli_(check: Checks, input: Any, p: Any = 0.5, *, generator: Any = None) -> Result:
    """Set the elements to zeros and ones at random."""
    return _filled(input, "bernoulli", None)


@function("torch.Tensor.resize_", free="memory_format")
def resize_(check: Checks, input: Any, *sizes: Any, memory_format: Any = None) -> Result:
    """Change the shape, whatever it was."""
    shape = sizes[0] if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes
    return Result("resize", tuple(shape), (input,), {}, input.dtype, inplace=True)
