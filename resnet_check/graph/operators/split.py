"""Cutting tensors along a dim."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from resnet_check.graph.dim import Dim, Number, value
from resnet_check.graph.operators.axes import axis, integer, needs
from resnet_check.graph.operators.base import Checks, NotModelled, Refused, Result, function
from resnet_check.graph.operators.bounds import ceil_divide, lower_bound, maximum, minimum
from resnet_check.graph.operators.values import Data, strided, strides
from resnet_check.graph.records import Shape


def _place(check: Checks, input: Any, dim: Any, operator: str) -> int:
    if not needs(input, operator).shape:
        message = f"{operator} of a tensor without dims"
        raise Refused(message)
    return axis(check, dim, len(input.shape))


MAX_PARTS = 10_000
"""Each part is a tensor of its own."""


def number_of(check: Checks, count: Number) -> int:
    """Return a number of outputs, which must be known: at other sizes there may be another number."""
    plain = int(value(count))
    if plain > MAX_PARTS:
        message = f"a tensor in more than {MAX_PARTS} parts"
        raise NotModelled(message)
    if not isinstance(count, Dim):
        return plain
    check.holds("==", count, plain)
    return plain


def piece(data: Data, shape: Shape, dim: int, start: Number, size: Number) -> Data:
    """Return the values of a slice along a dim."""
    if data is None or isinstance(start, Dim) or isinstance(size, Dim):
        return None
    steps = strides(shape)
    return strided(data, (*shape[:dim], size, *shape[dim + 1 :]), steps, start * steps[dim])


def _pieces(
    kind: str, input: Any, dim: int, sizes: Sequence[Number], starts: Sequence[Number] | None = None
) -> tuple[Result, ...]:
    shape, data = input.shape, getattr(input, "data", None)
    found = []
    start: Number = 0
    for i, size in enumerate(sizes):
        start = start if starts is None else starts[i]
        attributes = {"dim": dim, "sizes": tuple(sizes), "start": start, "output": i}
        own = (*shape[:dim], size, *shape[dim + 1 :])
        part = None if data is None else piece(data, shape, dim, start, size)
        found.append(Result(kind, own, (input,), attributes, input.dtype, view=True, data=part))
        start = start + size
    return tuple(found)


def _equal_parts(check: Checks, size: Number, part: Number) -> list[Number]:
    """Return the sizes of parts that are equal except the last, which may be smaller."""
    if not isinstance(part, Dim) and part <= 0:
        if part < 0 or size != 0:
            message = f"split into parts of size {part}"
            raise Refused(message)
        return [0]
    if lower_bound(part) < 1:
        check.require(">", part, 0, "split-sizes", got=part, expected=size)
    count = number_of(check, ceil_divide(size, part))
    if count <= 1:
        return [size]
    return [part] * (count - 1) + [size - part * (count - 1)]


def _given_parts(check: Checks, size: Number, parts: Sequence[Any], **facts: Any) -> list[Number]:
    found = [integer(part, "split") for part in parts]
    total: Number = 0
    for part in found:
        if part.__class__ is int and part < 0:
            message = f"split into a part of size {part}"
            raise Refused(message)
        total = total + part
    if total != size:
        check.require("==", total, size, "split-sizes", got=tuple(found), expected=size, **facts)
    return found


def _split(check: Checks, input: Any, parts: Any, dim: Any) -> tuple[Result, ...]:
    place = _place(check, input, dim, "split")
    size = input.shape[place]
    if isinstance(parts, (tuple, list)):
        sizes = _given_parts(check, size, parts, dim=place, shape=input.shape, operator="split")
    else:
        sizes = _equal_parts(check, size, integer(parts, "split"))
    return _pieces("split", input, place, sizes)


@function("torch.split")
def split(check: Checks, tensor: Any, split_size_or_sections: Any, dim: Any = 0) -> tuple[Result, ...]:
    """Cut into parts of one size or of given sizes."""
    return _split(check, tensor, split_size_or_sections, dim)


@function("torch.Tensor.split")
def split_method(check: Checks, input: Any, split_size: Any, dim: Any = 0) -> tuple[Result, ...]:
    """Cut into parts of one size or of given sizes."""
    return _split(check, input, split_size, dim)


@function("torch.split_with_sizes", "torch.Tensor.split_with_sizes")
def split_with_sizes(check: Checks, input: Any, split_sizes: Any, dim: Any = 0) -> tuple[Result, ...]:
    """Cut into parts of given sizes."""
    return _split(check, input, tuple(split_sizes), dim)


@function("torch.chunk", "torch.Tensor.chunk")
def chunk(check: Checks, input: Any, chunks: Any, dim: Any = 0) -> tuple[Result, ...]:
    """Cut into a number of parts, of which the last may be smaller, and some may be missing."""
    place = _place(check, input, dim, "chunk")
    count = integer(chunks, "chunk")
    if isinstance(count, int) and count < 1:
        message = f"chunk into {count} parts"
        raise Refused(message)
    size = input.shape[place]
    part = ceil_divide(size, count)
    if part.__class__ is int and part == 0:
        return _pieces("chunk", input, place, [0] * number_of(check, count))
    return _pieces("chunk", input, place, _equal_parts(check, size, part))


@function("torch.tensor_split", "torch.Tensor.tensor_split")
def tensor_split(
    check: Checks,
    input: Any,
    indices_or_sections: Any = None,
    dim: Any = 0,
    *,
    indices: Any = None,
    sections: Any = None,
) -> tuple[Result, ...]:
    """Cut into a number of parts that differ by one at most, or at given places."""
    place = _place(check, input, dim, "tensor_split")
    size = input.shape[place]
    given = next((g for g in (indices_or_sections, indices, sections) if g is not None), None)
    if isinstance(given, (tuple, list)):
        places = [_bounded(integer(index, "tensor_split"), size) for index in given]
        starts, ends = [0, *places], [*places, size]
        parts = [maximum(end - start, 0) for start, end in zip(starts, ends, strict=True)]
        return _pieces("split", input, place, parts, starts)
    count = number_of(check, integer(given, "tensor_split"))
    if count < 1:
        message = f"tensor_split into {count} parts"
        raise Refused(message)
    return _pieces("split", input, place, [(size + count - 1 - i) // count for i in range(count)])


def _bounded(index: Number, size: Number) -> Number:
    if index.__class__ is int and index < 0:
        return maximum(size + index, 0)
    return minimum(index, size)


@function("torch.unbind", "torch.Tensor.unbind", "torch.Tensor.__iter__")
def unbind(check: Checks, input: Any, dim: Any = 0) -> tuple[Result, ...]:
    """Take all slices along a dim."""
    place = _place(check, input, dim, "unbind")
    shape, data = input.shape, getattr(input, "data", None)
    rest = (*shape[:place], *shape[place + 1 :])
    return tuple(
        [
            Result(
                "unbind",
                rest,
                (input,),
                {"dim": place, "output": i},
                input.dtype,
                view=True,
                data=None if data is None else piece(data, shape, place, i, 1),
            )
            for i in range(number_of(check, shape[place]))
        ]
    )


def _sectioned(operator: str, rank: int, dim: int) -> None:
    def rule(check: Checks, input: Any, indices_or_sections: Any = None) -> tuple[Result, ...]:
        if len(needs(input, operator).shape) < rank:
            message = f"{operator} needs a tensor of {rank} dims or more"
            raise Refused(message)
        place = 0 if operator == "hsplit" and len(input.shape) == 1 else dim
        if isinstance(indices_or_sections, int):
            size = input.shape[place]
            check.require("divides", size, indices_or_sections, "split-sizes", got=indices_or_sections, expected=size)
        return tensor_split(check, input, indices_or_sections, place)  # type: ignore[no-any-return]

    function(f"torch.{operator}", f"torch.Tensor.{operator}")(rule)


_sectioned("hsplit", 1, 1)
_sectioned("vsplit", 2, 0)
_sectioned("dsplit", 3, 2)
