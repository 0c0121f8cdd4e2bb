"""Taking, writing and masking elements along a dim by their places."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.dim import Dim, Number
from resnet_check.graph.operators.axes import axis, integer, needs, numel
from resnet_check.graph.operators.base import Checks, NotModelled, Refused, Result, function
from resnet_check.graph.operators.bounds import lower_bound, maximum, minimum
from resnet_check.graph.operators.broadcasting import broadcast, broadcast_into
from resnet_check.graph.operators.indexing import getitem, position
from resnet_check.graph.operators.split import piece
from resnet_check.graph.operators.values import rounded
from resnet_check.graph.records import Shape


def _place(check: Checks, input: Any, dim: Any, operator: str) -> int:
    if not needs(input, operator).shape:
        message = f"{operator} of a tensor without dims"
        raise Refused(message)
    return axis(check, dim, len(input.shape))


def _replaced(shape: Shape, dim: int, *sizes: Number) -> Shape:
    return (*shape[:dim], *sizes, *shape[dim + 1 :])


@function("torch.select", "torch.Tensor.select")
def select(check: Checks, input: Any, dim: Any, index: Any) -> Result:
    """Take one slice along a dim."""
    place = _place(check, input, dim, "select")
    where = position(check, integer(index, "select"), input.shape[place], "select")
    data = getattr(input, "data", None)
    data = None if data is None else piece(data, input.shape, place, where, 1)
    attributes = {"dim": place, "index": where}
    return Result("select", _replaced(input.shape, place), (input,), attributes, input.dtype, view=True, data=data)


@function("torch.narrow", "torch.Tensor.narrow")
def narrow(check: Checks, input: Any, dim: Any, start: Any, length: Any) -> Result:
    """Take neighbouring slices along a dim."""
    place = _place(check, input, dim, "narrow")
    size, count = input.shape[place], integer(length, "narrow")
    begin = integer(start, "narrow")
    if count.__class__ is int and count < 0:
        message = "narrow to a negative length"
        raise Refused(message)
    if begin.__class__ is int and begin < 0:
        check.require(">=", size, -begin, "index-out-of-range", index=begin, size=size, operator="narrow")
        begin = size + begin
    if lower_bound(size - begin - count) < 0:
        check.require(
            "<=", begin + count, size, "index-out-of-range", index=begin + count, size=size, operator="narrow"
        )
    data = getattr(input, "data", None)
    data = None if data is None else piece(data, input.shape, place, begin, count)
    attributes = {"dim": place, "start": begin, "length": count}
    return Result(
        "narrow", _replaced(input.shape, place, count), (input,), attributes, input.dtype, view=True, data=data
    )


@function("torch.index_select", "torch.Tensor.index_select", free="out")
def index_select(check: Checks, input: Any, dim: Any, index: Any, *, out: Any = None) -> Result:
    """Take slices along a dim by their places."""
    rank = len(needs(input, "index_select").shape)
    place = axis(check, dim, rank)
    if len(needs(index, "index_select").shape) > 1 or index.dtype not in {"int64", "int32"}:
        message = "index_select needs a vector of int64 or int32"
        raise Refused(message)
    count = index.shape[0] if index.shape else 1
    known, size = getattr(index, "data", None), input.shape[place] if rank else 1
    if known:
        position(check, max(known), size, "index_select")
    data = None
    if getattr(input, "data", None) is not None and rank and known:
        data = getitem(check, input, (*[slice(None)] * place, list(known))).data
    if not rank and count != 1:
        check.require("==", count, 1, "invalid-argument", reason="index_select of a tensor without dims")
    shape = _replaced(input.shape, place, count) if rank else ()
    return Result("index_select", shape, (input, index), {"dim": place}, input.dtype, data=data)


@function("torch.take", "torch.Tensor.take")
def take(check: Checks, input: Any, index: Any) -> Result:
    """Take elements by their places in the flat tensor."""
    return Result("take", needs(index, "take").shape, (needs(input, "take"), index), {}, input.dtype)


def _indexes(check: Checks, input: Any, index: Any, operator: str) -> None:
    if needs(index, operator).dtype not in {"int64", "int32"}:
        check.fail("invalid-argument", reason=f"{operator} needs an index of int64, got {index.dtype}")
    if max(len(index.shape), 1) != max(len(needs(input, operator).shape), 1):
        message = f"{operator} needs an index of as many dims as the tensor, got {len(index.shape)}"
        raise Refused(message)


def _within(check: Checks, small: Shape, large: Shape, operator: str, *, but: int | None = None) -> None:
    """Require that a shape is no larger than another in all dims but one."""
    for i, (size, limit) in enumerate(zip(small, large, strict=False)):
        if i != but and size != limit and lower_bound(limit - size) < 0:
            facts = {"left": large, "right": small, "dim": i, "operator": operator}
            check.require("<=", size, limit, "broadcast", got=size, expected=limit, **facts)


@function("torch.gather", "torch.Tensor.gather", free="sparse_grad out")
def gather(check: Checks, input: Any, dim: Any, index: Any, *, sparse_grad: bool = False, out: Any = None) -> Result:
    """Take elements along a dim, each by its own place."""
    place = axis(check, dim, len(needs(input, "gather").shape))
    _indexes(check, input, index, "gather")
    if numel(index.shape).__class__ is not int or numel(index.shape):
        _within(check, index.shape, input.shape, "gather", but=place)
    return Result("gather", index.shape, (input, index), {"dim": place}, input.dtype)


@function("torch.take_along_dim", "torch.Tensor.take_along_dim", free="out")
def take_along_dim(check: Checks, input: Any, indices: Any, dim: Any = None, *, out: Any = None) -> Result:
    """Take elements along a dim, each by its own place; the other dims broadcast."""
    needs(indices, "take_along_dim")
    if dim is None:
        return Result("gather", (numel(indices.shape),), (input, indices), {"dim": 0}, input.dtype)
    _indexes(check, input, indices, "take_along_dim")
    place = axis(check, dim, len(input.shape))
    if len(input.shape) != len(indices.shape):
        message = "take_along_dim needs an index of as many dims as the tensor"
        raise Refused(message)
    if not input.shape:
        message = "take_along_dim along a dim of a tensor without dims"
        raise Refused(message)
    shape = broadcast(
        check,
        "broadcast",
        _replaced(input.shape, place, 1),
        _replaced(indices.shape, place, 1),
        operator="take_along_dim",
    )
    return Result(
        "gather", _replaced(shape, place, indices.shape[place]), (input, indices), {"dim": place}, input.dtype
    )


def _scatter(check: Checks, name: str, input: Any, dim: Any, index: Any, source: Any, *, inplace: bool) -> Result:
    place = axis(check, dim, len(needs(input, name).shape))
    _indexes(check, input, index, name)
    inputs: tuple[Any, ...] = (input, index)
    attributes: dict[str, Any] = {"dim": place}
    empty = numel(index.shape)
    if empty.__class__ is not int or empty:
        _within(check, index.shape, input.shape, name, but=place)
    if hasattr(source, "shape"):
        inputs = (*inputs, source)
        if source.dtype != input.dtype:
            check.fail("invalid-argument", reason=f"{name} writes {source.dtype} into {input.dtype}")
        if max(len(source.shape), 1) != max(len(index.shape), 1):
            message = f"{name} needs values of as many dims as the index"
            raise Refused(message)
        _within(check, index.shape, source.shape or (1,), name)
    else:
        attributes["scalar"] = source
    return Result(name, input.shape, inputs, attributes, input.dtype, inplace=inplace)


def _register_scatter(name: str, number: bool) -> None:
    def plain(
        check: Checks, input: Any, dim: Any, index: Any, src: Any = None, *, value: Any = None, reduce: Any = None
    ) -> Result:
        return _scatter(check, name, input, dim, index, _source(src, value), inplace=False)

    def overwrite(
        check: Checks, input: Any, dim: Any, index: Any, src: Any = None, *, value: Any = None, reduce: Any = None
    ) -> Result:
        return _scatter(check, name, input, dim, index, _source(src, value), inplace=True)

    def _source(src: Any, value: Any) -> Any:
        source = src if src is not None else value
        if source is None or not (number or hasattr(source, "shape")):
            message = f"{name} needs values"
            raise Refused(message)
        return source

    function(f"torch.{name}", f"torch.Tensor.{name}", free="reduce")(plain)
    function(f"torch.Tensor.{name}_", free="reduce")(overwrite)


@function("torch.scatter_reduce", "torch.Tensor.scatter_reduce", free="reduce include_self")
def scatter_reduce(
    check: Checks, input: Any, dim: Any, index: Any, src: Any, reduce: Any, *, include_self: bool = True
) -> Result:
    """Combine values with elements along a dim, each at its own place."""
    return _scatter(check, "scatter_reduce", input, dim, index, needs(src, "scatter_reduce"), inplace=False)


_register_scatter("scatter", True)
_register_scatter("scatter_add", False)


def _along(name: str, input: Any, dim: int, index: Any, source: Any, *, inplace: bool) -> Result:
    tensors = (source,) if hasattr(source, "shape") else ()
    return Result(name, input.shape, (input, index, *tensors), {"dim": dim}, input.dtype, inplace=inplace)


def _register_index(name: str, inplace: bool) -> None:
    def fill(check: Checks, input: Any, dim: Any, index: Any, value: Any) -> Result:
        return _along("index_fill", input, _place(check, input, dim, name), index, value, inplace=inplace)

    def write(check: Checks, input: Any, dim: Any, index: Any, source: Any, *, alpha: Any = 1) -> Result:
        place = _place(check, input, dim, name)
        if needs(source, name).dtype != input.dtype:
            check.fail("invalid-argument", reason=f"{name} writes {source.dtype} into {input.dtype}")
        target = _replaced(input.shape, place, index.shape[0] if index.shape else 1)
        if len(source.shape) != len(target):
            message = f"{name} needs values of as many dims as the tensor"
            raise Refused(message)
        for i, (got, size) in enumerate(zip(source.shape, target, strict=True)):
            if got != size:
                facts = {"left": target, "right": source.shape, "dim": i, "operator": name}
                check.require("==", size, got, "broadcast", got=got, expected=size, **facts)
        return _along(name, input, place, index, source, inplace=inplace)

    rule = fill if name == "index_fill" else write
    if inplace:
        function(f"torch.Tensor.{name}_", free="alpha")(rule)
    else:
        function(f"torch.{name}", f"torch.Tensor.{name}", free="alpha")(rule)


for _name in ("index_fill", "index_add", "index_copy"):
    _register_index(_name, inplace=False)
    _register_index(_name, inplace=True)


def _masked_fill(check: Checks, input: Any, mask: Any, value: Any, *, inplace: bool) -> Result:
    if needs(mask, "masked_fill").dtype != "bool":
        check.fail("invalid-argument", reason=f"masked_fill needs a mask of bool, got {mask.dtype}")
    join = broadcast_into if inplace else broadcast
    shape = join(check, "broadcast", needs(input, "masked_fill").shape, mask.shape, operator="masked_fill")
    inputs: tuple[Any, ...] = (input, mask)
    if hasattr(value, "shape"):
        if value.shape:
            message = "masked_fill needs a number"
            raise Refused(message)
        inputs = (*inputs, value)
        attributes = {}
    else:
        attributes = {"scalar": value}
    return Result("masked_fill", shape, inputs, attributes, input.dtype, inplace=inplace)


@function("torch.masked_fill", "torch.Tensor.masked_fill")
def masked_fill(check: Checks, input: Any, mask: Any, value: Any) -> Result:
    """Set elements to a number where a mask holds."""
    return _masked_fill(check, input, mask, value, inplace=False)


@function("torch.Tensor.masked_fill_")
def masked_fill_(check: Checks, input: Any, mask: Any, value: Any) -> Result:
    """Set elements to a number where a mask holds, in place."""
    return _masked_fill(check, input, mask, value, inplace=True)


@function("torch.masked_scatter", "torch.Tensor.masked_scatter")
def masked_scatter(check: Checks, input: Any, mask: Any, source: Any) -> Result:
    """Return the tensor with elements written in order where a mask holds."""
    shape = broadcast(check, "broadcast", input.shape, mask.shape, operator="masked_scatter")
    return Result("masked_scatter", shape, (input, mask, source), {}, input.dtype)


@function("torch.Tensor.masked_scatter_")
def masked_scatter_(check: Checks, input: Any, mask: Any, source: Any) -> Result:
    """Write elements in order where a mask holds."""
    broadcast_into(check, "broadcast", input.shape, mask.shape, operator="masked_scatter_")
    return Result("masked_scatter", input.shape, (input, mask, source), {}, input.dtype, inplace=True)


@function("torch.Tensor.unfold")
def unfold(check: Checks, input: Any, dimension: Any, size: Any, step: Any) -> Result:
    """Take all windows along a dim."""
    shape = needs(input, "unfold").shape
    width, stride = integer(size, "unfold"), integer(step, "unfold")
    if not isinstance(stride, Dim) and stride <= 0:
        message = "unfold needs a step of 1 or more"
        raise Refused(message)
    place = axis(check, dimension, len(shape))
    length = shape[place] if shape else 1
    if width.__class__ is int and width < 0:
        message = "unfold needs a size of 0 or more"
        raise Refused(message)
    if lower_bound(length - width) < 0:
        check.require("<=", width, length, "empty-output", operator="unfold", size=length, window=width)
    count = maximum((length - width) // stride + 1, 0)
    result = (*_replaced(shape, place, count), width) if shape else (width,)
    attributes = {"dimension": place, "size": width, "step": stride}
    return Result("unfold", result, (input,), attributes, input.dtype, view=True)


def _diagonal_length(rows: Number, columns: Number, offset: Number) -> Number:
    if not isinstance(offset, Dim) and offset < 0:
        return maximum(minimum(rows + offset, columns), 0)
    return maximum(minimum(rows, columns - offset), 0)


@function("torch.diagonal", "torch.Tensor.diagonal")
def diagonal(check: Checks, input: Any, offset: Any = 0, dim1: Any = 0, dim2: Any = 1) -> Result:
    """Take the diagonal of two dims, as the last dim."""
    shape = needs(input, "diagonal").shape
    if len(shape) < 2:
        message = "diagonal needs a tensor of 2 dims or more"
        raise Refused(message)
    first, second = axis(check, dim1, len(shape)), axis(check, dim2, len(shape))
    if first == second:
        message = "diagonal needs two different dims"
        raise Refused(message)
    length = _diagonal_length(shape[first], shape[second], integer(offset, "diagonal"))
    rest = tuple([size for i, size in enumerate(shape) if i not in {first, second}])
    attributes = {"offset": offset, "dim1": first, "dim2": second}
    return Result("diagonal", (*rest, length), (input,), attributes, input.dtype, view=True)


@function("torch.diag", "torch.Tensor.diag", free="out")
def diag(check: Checks, input: Any, diagonal: Any = 0, *, out: Any = None) -> Result:
    """Take the diagonal of a matrix, or make a matrix of it."""
    shape = needs(input, "diag").shape
    if len(shape) not in {1, 2}:
        message = f"diag needs a vector or a matrix, got {len(shape)} dims"
        raise Refused(message)
    offset = integer(diagonal, "diag")
    if len(shape) == 1:
        size = shape[0] + abs(offset)
        result: Shape = (size, size)
    else:
        result = (_diagonal_length(shape[0], shape[1], offset),)
    return Result("diag", result, (input,), {"diagonal": offset}, input.dtype)


@function("torch.diag_embed", "torch.Tensor.diag_embed")
def diag_embed(check: Checks, input: Any, offset: Any = 0, dim1: Any = -2, dim2: Any = -1) -> Result:
    """Make matrices of the last dim, which becomes their diagonal."""
    shape = needs(input, "diag_embed").shape
    if not shape:
        message = "diag_embed needs a tensor of 1 dim or more"
        raise Refused(message)
    rank = len(shape) + 1
    first, second = axis(check, dim1, rank), axis(check, dim2, rank)
    if first == second:
        message = "diag_embed needs two different dims"
        raise Refused(message)
    size = shape[-1] + abs(integer(offset, "diag_embed"))
    rest = iter(shape[:-1])
    result = tuple([size if i in {first, second} else next(rest) for i in range(rank)])
    return Result("diag_embed", result, (input,), {"offset": offset, "dim1": first, "dim2": second}, input.dtype)


def _triangle(name: str) -> None:
    def rule(check: Checks, input: Any, diagonal: Any = 0, *, out: Any = None) -> Result:
        return _cut(input, diagonal, inplace=False)

    def overwrite(check: Checks, input: Any, diagonal: Any = 0) -> Result:
        return _cut(input, diagonal, inplace=True)

    def _cut(input: Any, diagonal: Any, *, inplace: bool) -> Result:
        if len(needs(input, name).shape) < 2:
            message = f"{name} needs a tensor of 2 dims or more"
            raise Refused(message)
        return Result(name, input.shape, (input,), {"diagonal": diagonal}, input.dtype, inplace=inplace)

    function(f"torch.{name}", f"torch.Tensor.{name}", free="diagonal out")(rule)
    function(f"torch.Tensor.{name}_", free="diagonal")(overwrite)


_triangle("tril")
_triangle("triu")


@function("torch.nn.functional.one_hot")
def one_hot(check: Checks, tensor: Any, num_classes: Any = -1) -> Result:
    """Put each class number as a row with a single one."""
    if needs(tensor, "one_hot").dtype != "int64":
        check.fail("invalid-argument", reason=f"one_hot needs int64, got {tensor.dtype}")
    known = getattr(tensor, "data", None)
    classes = integer(num_classes, "one_hot")
    if classes.__class__ is int and classes == -1:
        if not known:
            message = "one_hot without num_classes: the size depends on values"
            raise NotModelled(message)
        classes = max(known) + 1
    data = None
    if known is not None and not isinstance(classes, Dim):
        data = rounded([int(i == number) for number in known for i in range(classes)], "int64")
    return Result("one_hot", (*tensor.shape, classes), (tensor,), {"num_classes": classes}, "int64", data=data)
