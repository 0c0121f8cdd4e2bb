"""Reshaping: the same elements in other dims."""

from __future__ import annotations

import math
from typing import Any

from resnet_check.graph.dim import Number, factorise
from resnet_check.graph.operators.axes import axis, is_tensor, needs, numel, sizes
from resnet_check.graph.operators.base import Checks, NotModelled, Refused, Result, function
from resnet_check.graph.operators.dtypes import NAMES, WIDTH
from resnet_check.graph.records import Shape


def resolve(check: Checks, shape: Shape, target: Shape, operator: str) -> Shape:
    """Return the target with its -1 worked out; a target that the elements do not fill is a failure.

    Equal factors on both sides cancel first, so that a size that is only moved stays the expression that it was.
    """
    holes = 0
    plain = True
    known = 1
    for size in target:
        if size.__class__ is not int:
            plain = False
        elif size == -1:
            holes += 1
        elif size < 0:
            check.fail("invalid-argument", reason=f"{operator} to the negative size {size}")
            return target
        elif plain:
            known *= size
    if holes > 1:
        check.fail("invalid-argument", reason=f"{operator} with more than one -1")
        return tuple([1 if size.__class__ is int and size == -1 else size for size in target])
    if plain:
        total = math.prod(shape)
        if total.__class__ is int:
            return _resolve_plain(check, shape, total, target, known, holes, operator)
    return _resolve_symbolic(check, shape, target, holes, operator)


def _resolve_plain(
    check: Checks, shape: Shape, total: int, target: Shape, known: int, holes: int, operator: str
) -> Shape:
    facts = {"shape": shape, "target": target, "operator": operator}
    if not holes:
        if known != total:
            check.require("==", total, known, "reshape", **facts)
        return target
    if known == 0 or total % known:
        check.require("divides", total, known, "reshape", **facts)
    return tuple([total // max(known, 1) if size == -1 else size for size in target])


def _resolve_symbolic(check: Checks, shape: Shape, target: Shape, holes: int, operator: str) -> Shape:
    facts = {"shape": shape, "target": target, "operator": operator}
    rest, given = [size for size in target if size.__class__ is not int or size != -1], list(shape)
    above, below = _cancelled(given, rest)
    if not holes:
        if above != below:
            check.require("==", above, below, "reshape", **facts)
        return target
    # A whole number divides for sure when it divides the factor that is common to all terms.
    if below.__class__ is not int or below == 0 or factorise(above)[0] % below:
        check.require("divides", above, below, "reshape", **facts)
    hole = above if below.__class__ is int and below == 0 else above // below
    return tuple([hole if size.__class__ is int and size == -1 else size for size in target])


def _cancelled(above: list[Number], below: list[Number]) -> tuple[Number, Number]:
    """Return two products without the factors that they share."""
    first, upper = _factors(above)
    second, lower = _factors(below)
    for factor in list(lower):
        if factor in upper:
            upper.remove(factor)
            lower.remove(factor)
    common = math.gcd(first, second) or 1
    return numel((first // common, *upper)), numel((second // common, *lower))


def _factors(numbers: list[Number]) -> tuple[int, list[Number]]:
    content, found = 1, []
    for number in numbers:
        if number.__class__ is int:
            content *= number
        else:
            factor, *expressions = factorise(number)
            content *= factor
            found += expressions
    return content, found


def _reshape(check: Checks, kind: str, input: Any, target: Shape, inputs: tuple[Any, ...]) -> Result:
    shape = resolve(check, input.shape, target, kind)
    return Result(kind, shape, inputs, {"size": shape}, input.dtype, view=True, data=getattr(input, "data", None))


@function("torch.Tensor.view")
def view(check: Checks, input: Any, *shape: Any, size: Any = None, dtype: Any = None) -> Result:
    """Give the elements other dims without copying, or read the memory as another dtype."""
    if dtype is not None or (len(shape) == 1 and shape[0].__class__ is str):
        return _as_dtype(check, input, dtype or shape[0])
    return _reshape(check, "view", input, sizes(shape if size is None else (size,), "view"), (input,))


def _as_dtype(check: Checks, input: Any, dtype: Any) -> Result:
    if dtype not in NAMES:
        message = f"view as {dtype}"
        raise Refused(message)
    target = NAMES[dtype]
    shape = input.shape
    before, after = WIDTH[input.dtype], WIDTH[target]
    if before != after:
        if not shape:
            message = "view of a tensor without dims as a dtype of another width"
            raise Refused(message)
        if after > before:
            facts = {"shape": shape, "target": (target,), "operator": "view"}
            check.require("divides", shape[-1], after // before, "reshape", **facts)
        shape = (*shape[:-1], shape[-1] * before // after)
    return Result("view", shape, (input,), {"dtype": target}, target, view=True)


@function("torch.Tensor.view_as")
def view_as(check: Checks, input: Any, other: Any) -> Result:
    """Give the elements the dims of another tensor without copying."""
    return _reshape(check, "view", input, needs(other, "view_as").shape, (input,))


@function("torch.reshape")
def reshape(check: Checks, input: Any, shape: Any) -> Result:
    """Give the elements other dims."""
    return _reshape(check, "reshape", needs(input, "reshape"), sizes((shape,), "reshape"), (input,))


@function("torch.Tensor.reshape")
def reshape_method(check: Checks, input: Any, *sizes_: Any, shape: Any = None) -> Result:
    """Give the elements other dims."""
    return _reshape(check, "reshape", input, sizes(sizes_ if shape is None else (shape,), "reshape"), (input,))


@function("torch.Tensor.reshape_as")
def reshape_as(check: Checks, input: Any, other: Any) -> Result:
    """Give the elements the dims of another tensor."""
    return _reshape(check, "reshape", input, needs(other, "reshape_as").shape, (input,))


@function("torch.flatten", "torch.Tensor.flatten")
def flatten(check: Checks, input: Any, start_dim: Any = 0, end_dim: Any = -1) -> Result:
    """Join neighbouring dims into one."""
    shape = needs(input, "flatten").shape
    rank = len(shape)
    start, end = axis(check, start_dim, rank), axis(check, end_dim, rank)
    if start > end:
        check.fail("invalid-argument", reason=f"flatten from dim {start} to dim {end}, which comes before it")
        start = end
    joined: Number = 1
    for size in shape[start : end + 1]:
        joined = joined * size
    attributes = {"start_dim": start, "end_dim": end}
    data = getattr(input, "data", None)
    shape = (*shape[:start], joined, *shape[end + 1 :])
    return Result("flatten", shape, (input,), attributes, input.dtype, view=True, data=data)


@function("torch.ravel", "torch.Tensor.ravel")
def ravel(check: Checks, input: Any) -> Result:
    """Join all dims into one."""
    return flatten(check, input)  # type: ignore[no-any-return]


@function("torch.unflatten", "torch.Tensor.unflatten")
def unflatten(check: Checks, input: Any, dim: Any, sizes: Any) -> Result:
    """Split a dim into several."""
    shape = needs(input, "unflatten").shape
    if not shape or isinstance(dim, str):
        message = "unflatten needs a dim of a tensor"
        raise (NotModelled if isinstance(dim, str) else Refused)(message)
    place = axis(check, dim, len(shape))
    if is_tensor(sizes) or not isinstance(sizes, (tuple, list)) or not sizes:
        message = "unflatten needs a list of sizes"
        raise Refused(message)
    inner = resolve(check, shape[place : place + 1], tuple(sizes), "unflatten")
    attributes = {"dim": place, "sizes": inner}
    return Result(
        "unflatten", (*shape[:place], *inner, *shape[place + 1 :]), (input,), attributes, input.dtype, view=True
    )
