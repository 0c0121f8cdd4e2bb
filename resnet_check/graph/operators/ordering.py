"""Extremes with their places, sorting and running sums."""

from __future__ import annotations

import builtins
import itertools
import operator
from collections.abc import Callable
from typing import Any

from resnet_check.graph.dim import Number
from resnet_check.graph.operators.axes import ValuesIndices, axis, integer, needs, without
from resnet_check.graph.operators.base import Checks, NotModelled, Refused, Result, function
from resnet_check.graph.operators.bounds import lower_bound, maximum
from resnet_check.graph.operators.dtypes import floating, named, summed
from resnet_check.graph.operators.elementwise import two
from resnet_check.graph.operators.reduction import filled, reduce
from resnet_check.graph.operators.values import along, rounded


def _pair(kind: str, input: Any, shape: tuple[Any, ...], **settings: Any) -> ValuesIndices:
    values = Result(kind, shape, (input,), {**settings, "output": 0}, input.dtype)
    return ValuesIndices(values, Result(kind, shape, (input,), {**settings, "output": 1}, "int64"))


def _along(check: Checks, kind: str, input: Any, dim: Any, keepdim: bool) -> ValuesIndices:
    """Return values and places of a reduction of one dim."""
    shape = needs(input, kind).shape
    place = axis(check, dim, len(shape))
    if shape:
        filled(check, shape, (place,), kind)
    return _pair(kind, input, without(shape, (place,), keepdim=keepdim), dim=place, keepdim=bool(keepdim))


def _extreme(kind: str, both: str, choose: Callable[..., Any]) -> None:
    """Register torch.max or torch.min, each three operations: of all values, of one dim, of two tensors."""

    def rule(
        check: Checks, input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None, out: Any = None
    ) -> Any:
        needs(input, kind)
        second = other if other is not None else dim
        if hasattr(second, "shape"):
            return two(check, both, input, second, kind, compute=choose)
        if dim is None:
            return reduce(check, kind, input, None, False, fold=choose, some=True)
        return _along(check, kind, input, dim, keepdim)

    function(f"torch.{kind}", f"torch.Tensor.{kind}", free="out")(rule)


_extreme("max", "maximum", max)
_extreme("min", "minimum", min)


def _place(kind: str, choose: Callable[..., Any]) -> None:
    def rule(check: Checks, input: Any, dim: Any = None, keepdim: bool = False, *, out: Any = None) -> Result:
        if needs(input, kind).dtype == "bool":
            message = f"{kind} is not defined for bool"
            raise Refused(message)
        if dim is None:
            whole = reduce(check, kind, input, None, keepdim, dtype="int64", some=True)
            known = getattr(input, "data", None)
            if known:
                whole.data = (known.index(choose(known)),)
            return whole
        result: Result = _along(check, kind, input, dim, keepdim).indices
        result.attributes.pop("output")
        return result

    function(f"torch.{kind}", f"torch.Tensor.{kind}", free="out")(rule)


_place("argmax", max)
_place("argmin", min)


@function("torch.median", "torch.nanmedian", "torch.Tensor.median", "torch.Tensor.nanmedian", free="out")
def median(check: Checks, input: Any, dim: Any = None, keepdim: bool = False, *, out: Any = None) -> Any:
    """Take the middle value of all, or of one dim with its places."""
    if dim is None:
        return reduce(check, "median", input, None, False)
    return _along(check, "median", input, dim, keepdim)


@function("torch.mode", "torch.Tensor.mode", free="out")
def mode(check: Checks, input: Any, dim: Any = -1, keepdim: bool = False, *, out: Any = None) -> Any:
    """Take the most frequent value of a dim, with its places."""
    return _along(check, "mode", input, dim, keepdim)


@function("torch.kthvalue", "torch.Tensor.kthvalue", free="out")
def kthvalue(check: Checks, input: Any, k: Any, dim: Any = -1, keepdim: bool = False, *, out: Any = None) -> Any:
    """Take the k-th smallest value of a dim, with its places."""
    shape = needs(input, "kthvalue").shape
    size = shape[axis(check, dim, len(shape))] if shape else 1
    place = integer(k, "kthvalue")
    check.require("<=", place, size, "index-out-of-range", index=place, size=size, operator="kthvalue")
    check.require(">=", place, 1, "index-out-of-range", index=place, size=size, operator="kthvalue")
    return _along(check, "kthvalue", input, dim, keepdim)


@function("torch.topk", "torch.Tensor.topk", free="largest sorted out")
def topk(
    check: Checks,
    input: Any,
    k: Any,
    dim: Any = -1,
    largest: bool = True,
    sorted: bool = True,
    *,
    out: Any = None,
) -> ValuesIndices:
    """Take the k largest values of a dim, with their places."""
    shape = needs(input, "topk").shape
    place = axis(check, dim, len(shape))
    count = integer(k, "topk")
    size = shape[place] if shape else 1
    if count.__class__ is int and count < 0:
        message = "topk of a negative number"
        raise Refused(message)
    if lower_bound(size - count) < 0:
        check.require("<=", count, size, "index-out-of-range", index=count, size=size, operator="topk")
    shape = (*shape[:place], count, *shape[place + 1 :]) if shape else shape
    return _pair("topk", input, shape, k=count, dim=place, largest=bool(largest))


@function("torch.sort", "torch.Tensor.sort", free="stable out")
def sort(
    check: Checks, input: Any, dim: Any = -1, descending: bool = False, *, stable: Any = None, out: Any = None
) -> ValuesIndices:
    """Sort along a dim; the old places as well."""
    place = axis(check, dim, len(needs(input, "sort").shape))
    pair = _pair("sort", input, input.shape, dim=place, descending=bool(descending))
    known = getattr(input, "data", None)
    if known and len(input.shape) == 1:
        order = sorted(range(len(known)), key=known.__getitem__, reverse=bool(descending))
        pair.values.data = tuple([known[i] for i in order])
        pair.indices.data = tuple(order) if len(set(known)) == len(known) else None
    return pair


@function("torch.argsort", "torch.Tensor.argsort", free="stable")
def argsort(check: Checks, input: Any, dim: Any = -1, descending: bool = False, *, stable: bool = False) -> Result:
    """Return the places that sort along a dim."""
    place = axis(check, dim, len(needs(input, "argsort").shape))
    return Result("argsort", input.shape, (input,), {"dim": place, "descending": bool(descending)}, "int64")


def _running(kind: str, step: Callable[[Any, Any], Any] | None, dtype: Callable[[str], str]) -> None:
    def rule(check: Checks, input: Any, dim: Any, *, dtype: Any = None, out: Any = None) -> Result:
        place = axis(check, dim, len(needs(input, kind).shape))
        target = named(dtype, result_dtype(input.dtype))
        data = None
        if step is not None and input.shape and getattr(input, "data", None) is not None:
            data = along(input.data, input.shape, place, lambda row: list(itertools.accumulate(row, step)))
            data = None if data is None else rounded(data, target)
        return Result(kind, input.shape, (input,), {"dim": place}, target, data=data)

    def overwrite(check: Checks, input: Any, dim: Any, *, dtype: Any = None) -> Result:
        result = rule(check, input, dim, dtype=input.dtype)
        result.inplace = True
        return result

    result_dtype = dtype
    function(f"torch.{kind}", f"torch.Tensor.{kind}", free="out")(rule)
    function(f"torch.Tensor.{kind}_")(overwrite)


_running("cumsum", operator.add, summed)
_running("cumprod", operator.mul, summed)


@function("torch.logcumsumexp", "torch.Tensor.logcumsumexp", free="out")
def logcumsumexp(check: Checks, input: Any, dim: Any, *, out: Any = None) -> Result:
    """Return running logarithms of sums of exponentials."""
    place = axis(check, dim, len(needs(input, "logcumsumexp").shape))
    return Result("logcumsumexp", input.shape, (input,), {"dim": place}, floating(input.dtype))


@function("torch.cummax", "torch.Tensor.cummax", free="out")
def cummax(check: Checks, input: Any, dim: Any, *, out: Any = None) -> ValuesIndices:
    """Return the largest value so far, with its place."""
    return _pair("cummax", input, input.shape, dim=axis(check, dim, len(needs(input, "cummax").shape)))


@function("torch.cummin", "torch.Tensor.cummin", free="out")
def cummin(check: Checks, input: Any, dim: Any, *, out: Any = None) -> ValuesIndices:
    """Return the smallest value so far, with its place."""
    return _pair("cummin", input, input.shape, dim=axis(check, dim, len(needs(input, "cummin").shape)))


@function("torch.diff", "torch.Tensor.diff")
def diff(check: Checks, input: Any, n: int = 1, dim: Any = -1, prepend: Any = None, append: Any = None) -> Result:
    """Return differences of neighbours along a dim."""
    shape = needs(input, "diff").shape
    if not shape:
        message = "diff needs a tensor of 1 dim or more"
        raise Refused(message)
    place = axis(check, dim, len(shape))
    size: Number = shape[place]
    for extra in (prepend, append):
        if extra is not None:
            size = size + extra.shape[place]
    return Result(
        "diff",
        (*shape[:place], maximum(size - n, 0), *shape[place + 1 :]),
        (input,),
        {"n": n, "dim": place},
        input.dtype,
    )


@function("torch.quantile", "torch.Tensor.quantile", free="interpolation out")
def quantile(
    check: Checks,
    input: Any,
    q: Any,
    dim: Any = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
    out: Any = None,
) -> Result:
    """Take the value below which a part of the values lie."""
    result = reduce(check, "quantile", input, dim, keepdim, some=True)
    if hasattr(q, "shape"):
        result.shape = (*q.shape, *result.shape)
    return result


@function("torch.bincount", "torch.Tensor.bincount")
def bincount(check: Checks, input: Any, weights: Any = None, minlength: int = 0) -> Result:
    """Count how often each number occurs."""
    known = getattr(needs(input, "bincount"), "data", None)
    if known is None:
        message = "bincount: the number of bins depends on values"
        raise NotModelled(message)
    length = max([minlength, *[number + 1 for number in known]])
    dtype = "int64" if weights is None else ("float32" if weights.dtype == "float32" else "float64")
    data = tuple([known.count(i) for i in range(length)]) if weights is None else None
    return Result("bincount", (length,), (input,), {}, dtype, data=data)


@function("torch.histc", "torch.Tensor.histc", free="min max out")
def histc(check: Checks, input: Any, bins: Any = 100, min: Any = 0, max: Any = 0, *, out: Any = None) -> Result:
    """Count values in bins of equal width."""
    return Result("histc", (integer(bins, "histc"),), (needs(input, "histc"),), {}, input.dtype)


@function("torch.searchsorted", free="right side out")
def searchsorted(
    check: Checks,
    sorted_sequence: Any,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: Any = None,
    out: Any = None,
    sorter: Any = None,
) -> Result:
    """Return where values belong in a sorted sequence."""
    shape = input.shape if hasattr(input, "shape") else ()
    inputs = tuple([t for t in (sorted_sequence, input) if hasattr(t, "shape")])
    return Result("searchsorted", shape, inputs, {}, "int32" if out_int32 else "int64")


@function("torch.bucketize", free="right out")
def bucketize(
    check: Checks, input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False, out: Any = None
) -> Result:
    """Return the bucket that each value belongs to."""
    return searchsorted(check, boundaries, input, out_int32=out_int32)  # type: ignore[no-any-return]


def _data_dependent(name: str, *names: str) -> None:
    def rule(check: Checks, input: Any, *args: Any, **kwargs: Any) -> Result:
        message = f"{name}: the number of results depends on values"
        raise NotModelled(message)

    function(*names)(rule)


def _groups(input: Any, name: str, *others: Any) -> list[tuple[Any, int]]:
    """Return the values of a small constant in runs, each with its length; one value needs no comparison."""
    shape, data = needs(input, name).shape, getattr(input, "data", None)
    if shape == (1,) and not any(others):
        return [(data[0] if data else None, 1)]
    if not data or not all(isinstance(v, (int, float)) for v in data) or any(others):
        message = f"{name}: the number of results depends on values"
        raise NotModelled(message)
    return [(value, len(list(run))) for value, run in itertools.groupby(data)]


def _listed(kind: str, input: Any, groups: list[tuple[Any, int]], counts: bool) -> Any:
    data = tuple(value for value, _ in groups)
    values = Result(kind, (len(groups),), (input,), {}, input.dtype, data=None if None in data else data)
    if not counts:
        return values
    return values, Result(kind, (len(groups),), (input,), {}, "int64", data=tuple(count for _, count in groups))


@function("torch.unique_consecutive", "torch.Tensor.unique_consecutive")
def unique_consecutive(
    check: Checks, input: Any, return_inverse: bool = False, return_counts: bool = False, dim: Any = None
) -> Any:
    """Return the runs of equal values of a constant."""
    groups = _groups(input, "unique_consecutive", return_inverse, dim is not None)
    return _listed("unique_consecutive", input, groups, return_counts)


@function("torch.unique", "torch.Tensor.unique", free="sorted")
def unique(
    check: Checks,
    input: Any,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: Any = None,
) -> Any:
    """Return the different values of a constant in their order."""
    found: dict[Any, int] = {}
    for value, count in _groups(input, "unique", return_inverse, dim is not None):
        found[value] = found.get(value, 0) + count
    ordered = [(value, found[value]) for value in (found if len(found) == 1 else builtins.sorted(found))]
    return _listed("unique", input, ordered, return_counts)


for _name in ("nonzero", "argwhere", "masked_select"):
    _data_dependent(_name, f"torch.{_name}", f"torch.Tensor.{_name}")
