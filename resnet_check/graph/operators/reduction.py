"""Reductions: sums, means, extremes of whole dims, norms and statistics."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from resnet_check.graph.operators.axes import axes, needs, without
from resnet_check.graph.operators.base import Checks, Refused, Result, function
from resnet_check.graph.operators.bounds import lower_bound
from resnet_check.graph.operators.dtypes import float_only, named, real, summed
from resnet_check.graph.operators.values import rounded

Fold = Callable[[Any], Any] | None
"""What a reduction does with the list of all values."""


def filled(check: Checks, shape: tuple[Any, ...], dims: tuple[int, ...], operator: str) -> None:
    """Require that there is something to reduce."""
    for dim in dims:
        if dim < len(shape) and lower_bound(shape[dim]) < 1:
            check.require(">", shape[dim], 0, "empty-output", operator=operator, dim=dim, shape=shape)


def reduce(
    check: Checks,
    kind: str,
    input: Any,
    dim: Any,
    keepdim: bool,
    *,
    dtype: str | None = None,
    fold: Fold = None,
    some: bool = False,
    attributes: dict[str, Any] | None = None,
) -> Result:
    """Return the reduction over the dims, all of them for None; ``some`` says that it needs at least one element."""
    shape = needs(input, kind).shape
    dims = axes(check, dim, len(shape))
    if some:
        filled(check, shape, dims, kind)
    result = without(shape, dims, keepdim=keepdim)
    known = getattr(input, "data", None)
    data = None
    target = input.dtype if dtype is None else dtype
    if known and fold is not None and len(dims) == len(shape):
        try:
            data = rounded([fold(known)], target)
        except (ArithmeticError, ValueError, TypeError):
            data = None
    settings = {"dim": dims, "keepdim": bool(keepdim), **(attributes or {})}
    return Result(kind, result, (input,), settings, target, data=data)


@function("torch.sum", "torch.Tensor.sum", free="out")
def sum_(
    check: Checks, input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Result:
    """Sum over dims."""
    target = named(dtype, summed(needs(input, "sum").dtype))
    return reduce(check, "sum", input, dim, keepdim, dtype=target, fold=sum)


@function("torch.nansum", "torch.Tensor.nansum", free="out")
def nansum(
    check: Checks, input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Result:
    """Sum over dims, without what is no number."""
    return reduce(check, "sum", input, dim, keepdim, dtype=named(dtype, summed(needs(input, "nansum").dtype)))


@function("torch.mean", "torch.Tensor.mean", free="out")
def mean(
    check: Checks, input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Result:
    """Average over dims."""
    target = named(dtype, needs(input, "mean").dtype)
    return reduce(check, "mean", input, dim, keepdim, dtype=float_only(target), fold=_average)


def _average(values: Any) -> Any:
    return sum(values) / len(values)


@function("torch.nanmean", "torch.Tensor.nanmean", free="out")
def nanmean(
    check: Checks, input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Result:
    """Average over dims, without what is no number."""
    target = named(dtype, needs(input, "nanmean").dtype)
    return reduce(check, "mean", input, dim, keepdim, dtype=float_only(target))


@function("torch.prod", "torch.Tensor.prod", free="out")
def prod(
    check: Checks, input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Result:
    """Multiply over one dim or all."""
    if isinstance(dim, (tuple, list)):
        message = "prod takes one dim"
        raise Refused(message)
    target = named(dtype, summed(needs(input, "prod").dtype))
    return reduce(check, "prod", input, dim, keepdim, dtype=target, fold=math.prod)


@function("torch.amax", "torch.Tensor.amax", free="out")
def amax(check: Checks, input: Any, dim: Any = (), keepdim: bool = False, *, out: Any = None) -> Result:
    """Take the largest value over dims."""
    return reduce(check, "amax", input, dim, keepdim, fold=max, some=True)


@function("torch.amin", "torch.Tensor.amin", free="out")
def amin(check: Checks, input: Any, dim: Any = (), keepdim: bool = False, *, out: Any = None) -> Result:
    """Take the smallest value over dims."""
    return reduce(check, "amin", input, dim, keepdim, fold=min, some=True)


@function("torch.aminmax", "torch.Tensor.aminmax", free="out")
def aminmax(check: Checks, input: Any, *, dim: Any = None, keepdim: bool = False, out: Any = None) -> Any:
    """Take the smallest and the largest value."""
    return tuple(
        reduce(check, kind, input, dim, keepdim, some=True, attributes={"output": i})
        for i, kind in enumerate(("amin", "amax"))
    )


@function("torch.all", "torch.Tensor.all", free="out")
def all_(check: Checks, input: Any, dim: Any = None, keepdim: bool = False, *, out: Any = None) -> Result:
    """Tell whether all values are true."""
    target = "uint8" if needs(input, "all").dtype == "uint8" else "bool"
    return reduce(check, "all", input, dim, keepdim, dtype=target, fold=all)


@function("torch.any", "torch.Tensor.any", free="out")
def any_(check: Checks, input: Any, dim: Any = None, keepdim: bool = False, *, out: Any = None) -> Result:
    """Tell whether one value is true."""
    target = "uint8" if needs(input, "any").dtype == "uint8" else "bool"
    return reduce(check, "any", input, dim, keepdim, dtype=target, fold=any)


@function("torch.count_nonzero", "torch.Tensor.count_nonzero")
def count_nonzero(check: Checks, input: Any, dim: Any = None) -> Result:
    """Count what is not zero."""
    return reduce(check, "count_nonzero", input, dim, False, dtype="int64")


@function("torch.logsumexp", "torch.Tensor.logsumexp", free="out")
def logsumexp(check: Checks, input: Any, dim: Any, keepdim: bool = False, *, out: Any = None) -> Result:
    """Return the logarithm of the sum of exponentials over dims."""
    target = needs(input, "logsumexp").dtype
    return reduce(check, "logsumexp", input, dim, keepdim, dtype=target if "float" in target else "float32")


def _spread(
    check: Checks, kind: str, input: Any, dim: Any, unbiased: bool, keepdim: bool, correction: Any, **attributes: Any
) -> Result:
    """Return a variance or deviation; the first positional argument may be ``unbiased`` instead of ``dim``."""
    float_only(needs(input, kind).dtype)
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    degrees = (1 if unbiased else 0) if correction is None else correction
    settings = {"correction": degrees, **attributes}
    return reduce(check, kind, input, dim, keepdim, dtype=real(input.dtype), attributes=settings)


def _register_spread(kind: str) -> None:
    def rule(
        check: Checks,
        input: Any,
        dim: Any = None,
        unbiased: bool = True,
        keepdim: bool = False,
        *,
        correction: Any = None,
        out: Any = None,
    ) -> Result:
        return _spread(check, kind, input, dim, unbiased, keepdim, correction)

    def with_mean(
        check: Checks,
        input: Any,
        dim: Any = None,
        unbiased: bool = True,
        keepdim: bool = False,
        *,
        correction: Any = None,
        out: Any = None,
    ) -> tuple[Result, Result]:
        spread = _spread(check, kind, input, dim, unbiased, keepdim, correction, output=0)
        middle = reduce(check, "mean", input, None if isinstance(dim, bool) else dim, keepdim, attributes={"output": 1})
        return spread, middle

    function(f"torch.{kind}", f"torch.Tensor.{kind}", free="unbiased correction out")(rule)
    function(f"torch.{kind}_mean", free="unbiased correction out")(with_mean)


_register_spread("std")
_register_spread("var")


@function("torch.norm", free="p out")
def norm(
    check: Checks,
    input: Any,
    p: Any = "fro",
    dim: Any = None,
    keepdim: bool = False,
    out: Any = None,
    dtype: Any = None,
) -> Result:
    """Return a norm over dims."""
    return _frobenius(check, input, p, dim, keepdim, dtype)


@function("torch.Tensor.norm", free="p")
def norm_method(
    check: Checks, input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Result:
    """Return a norm over dims."""
    return _frobenius(check, input, p, dim, keepdim, dtype)


@function("torch.linalg.vector_norm", free="ord out")
def vector_norm(
    check: Checks, x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Result:
    """Return a norm over dims, taken as vectors."""
    return _norm(check, x, ord, dim, keepdim, dtype)


@function("torch.linalg.norm", free="ord out")
def linalg_norm(
    check: Checks,
    A: Any,  # noqa: N803 - torch's name
    ord: Any = None,
    dim: Any = None,
    keepdim: bool = False,
    *,
    out: Any = None,
    dtype: Any = None,
) -> Result:
    """Return a norm of vectors or matrices."""
    return _norm(check, A, ord, dim, keepdim, dtype)


@function("torch.linalg.matrix_norm", free="ord out")
def matrix_norm(
    check: Checks,
    A: Any,  # noqa: N803 - torch's name
    ord: Any = "fro",
    dim: Any = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Any = None,
) -> Result:
    """Return a norm of matrices."""
    return _norm(check, A, ord, dim, keepdim, dtype)


def _frobenius(check: Checks, input: Any, p: Any, dim: Any, keepdim: bool, dtype: Any) -> Result:
    """``torch.norm``: unless ``p`` is a number it is the norm of a matrix, and takes no more than two dims."""
    if p == "fro" and isinstance(dim, (tuple, list)) and len(dim) > 2:
        message = f"the Frobenius norm takes at most 2 dims, got {len(dim)}"
        raise Refused(message)
    return _norm(check, input, p, dim, keepdim, dtype)


def _norm(check: Checks, input: Any, p: Any, dim: Any, keepdim: bool, dtype: Any) -> Result:
    target = real(float_only(named(dtype, needs(input, "norm").dtype)))
    return reduce(check, "norm", input, dim, keepdim, dtype=target, attributes={"p": p})


@function("torch.trace", "torch.Tensor.trace")
def trace(check: Checks, input: Any) -> Result:
    """Sum the diagonal of a matrix."""
    if len(needs(input, "trace").shape) != 2:
        message = f"trace needs a matrix, got a tensor of {len(input.shape)} dims"
        raise Refused(message)
    return Result("trace", (), (input,), {}, summed(input.dtype))
