"""New tensors of random numbers."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.operators.axes import integer, lengths, needs
from resnet_check.graph.operators.base import Checks, Refused, Result, function
from resnet_check.graph.operators.broadcasting import broadcast
from resnet_check.graph.operators.creation import PLACE
from resnet_check.graph.operators.dtypes import named

FREE = f"{PLACE} generator"


def _random(kind: str) -> None:
    def create(
        check: Checks,
        *sizes: Any,
        size: Any = None,
        generator: Any = None,
        out: Any = None,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: Any = None,
        pin_memory: Any = None,
        names: Any = None,
    ) -> Result:
        shape = lengths(check, sizes if size is None else (size,), kind)
        return Result(kind, shape, (), {}, named(dtype, "float32"))

    def like(
        check: Checks,
        input: Any,
        *,
        generator: Any = None,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: Any = None,
        memory_format: Any = None,
    ) -> Result:
        return Result(kind, needs(input, f"{kind}_like").shape, (), {}, named(dtype, input.dtype))

    function(f"torch.{kind}", free=FREE)(create)
    function(f"torch.{kind}_like", free=FREE)(like)


_random("rand")
_random("randn")


@function("torch.randint", free=FREE)
def randint(
    check: Checks,
    low: Any = None,
    high: Any = None,
    size: Any = None,
    *,
    generator: Any = None,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: Any = None,
    pin_memory: Any = None,
) -> Result:
    """Return random integers below ``high``."""
    if size is None and isinstance(high, (tuple, list)):
        size = high
    if not isinstance(size, (tuple, list)):
        message = "randint needs a size"
        raise Refused(message)
    return Result("randint", lengths(check, (size,), "randint"), (), {}, named(dtype, "int64"))


@function("torch.randint_like", free=FREE)
def randint_like(
    check: Checks,
    input: Any,
    low: Any,
    high: Any = None,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: Any = None,
    memory_format: Any = None,
) -> Result:
    """Return random integers in the shape of a tensor."""
    return Result("randint", needs(input, "randint_like").shape, (), {}, named(dtype, input.dtype))


@function("torch.randperm", free=FREE)
def randperm(
    check: Checks,
    n: Any,
    *,
    generator: Any = None,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: Any = None,
    pin_memory: Any = None,
) -> Result:
    """Return the numbers below ``n`` in random order."""
    return Result("randperm", lengths(check, (n,), "randperm"), (), {}, named(dtype, "int64"))


@function("torch.normal", free=FREE)
def normal(
    check: Checks,
    mean: Any,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Any = None,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: Any = None,
    pin_memory: Any = None,
) -> Result:
    """Return normally distributed numbers."""
    tensors = tuple([t for t in (mean, std) if hasattr(t, "shape")])
    if size is not None:
        return Result("normal", lengths(check, (size,), "normal"), (), {}, named(dtype, "float32"))
    if not tensors:
        message = "normal needs a size or a tensor"
        raise Refused(message)
    shape = broadcast(check, "broadcast", *[t.shape for t in tensors], operator="normal")
    return Result("normal", shape, tensors, {}, tensors[0].dtype)


@function("torch.bernoulli", "torch.Tensor.bernoulli", free="p generator out")
def bernoulli(check: Checks, input: Any, p: Any = None, *, generator: Any = None, out: Any = None) -> Result:
    """Return zeros and ones at random."""
    return Result("bernoulli", needs(input, "bernoulli").shape, (input,), {}, input.dtype)


@function("torch.poisson", free="generator")
def poisson(check: Checks, input: Any, generator: Any = None) -> Result:
    """Return random counts."""
    return Result("poisson", needs(input, "poisson").shape, (input,), {}, input.dtype)


@function("torch.multinomial", "torch.Tensor.multinomial", free="replacement generator out")
def multinomial(
    check: Checks,
    input: Any,
    num_samples: Any,
    replacement: bool = False,
    *,
    generator: Any = None,
    out: Any = None,
) -> Result:
    """Draw places with given probabilities."""
    shape = needs(input, "multinomial").shape
    if len(shape) not in {1, 2}:
        message = "multinomial needs a vector or a matrix"
        raise Refused(message)
    result = (*shape[:-1], integer(num_samples, "multinomial"))
    return Result("multinomial", result, (input,), {}, "int64")
