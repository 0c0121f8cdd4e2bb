"""Dims in another order, dims of size one, and repeating."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.dim import Dim, Number
from resnet_check.graph.operators.axes import axes, axis, integer, needs, numel, sizes
from resnet_check.graph.operators.base import Checks, NotModelled, Refused, Result, function
from resnet_check.graph.operators.values import permuted, spread, strided, strides


def _permuted(input: Any, order: tuple[int, ...], kind: str, **attributes: Any) -> Result:
    shape = tuple([input.shape[i] for i in order])
    data = permuted(getattr(input, "data", None), input.shape, order)
    return Result(kind, shape, (input,), attributes, input.dtype, view=True, data=data)


def _permute(check: Checks, input: Any, dims: tuple[Any, ...]) -> Result:
    rank = len(needs(input, "permute").shape)
    if len(dims) != rank:
        message = f"permute names {len(dims)} dims of a tensor that has {rank}"
        raise Refused(message)
    order = tuple([axis(check, dim, rank) for dim in dims])
    if len(set(order)) < rank:
        message = "permute names a dim twice"
        raise Refused(message)
    return _permuted(input, order, "permute", dims=order)


@function("torch.permute")
def permute(check: Checks, input: Any, dims: Any) -> Result:
    """Put the dims in another order."""
    return _permute(check, input, tuple(dims))


@function("torch.Tensor.permute")
def permute_method(check: Checks, input: Any, *order: Any, dims: Any = None) -> Result:
    """Put the dims in another order."""
    return _permute(check, input, sizes(order if dims is None else (dims,), "permute"))


def _swap(check: Checks, input: Any, dim0: Any, dim1: Any) -> Result:
    rank = len(needs(input, "transpose").shape)
    first, second = axis(check, dim0, rank), axis(check, dim1, rank)
    order = list(range(rank))
    if rank:
        order[first], order[second] = second, first
    return _permuted(input, tuple(order), "transpose", dim0=first, dim1=second)


@function("torch.transpose", "torch.Tensor.transpose", "torch.swapdims", "torch.Tensor.swapdims")
def transpose(check: Checks, input: Any, dim0: Any, dim1: Any) -> Result:
    """Swap two dims."""
    return _swap(check, input, dim0, dim1)


@function("torch.swapaxes", "torch.Tensor.swapaxes")
def swapaxes(check: Checks, input: Any, axis0: Any, axis1: Any) -> Result:
    """Swap two dims."""
    return _swap(check, input, axis0, axis1)


@function("torch.Tensor.transpose_", "torch.Tensor.swapdims_")
def transpose_(check: Checks, input: Any, dim0: Any, dim1: Any) -> Result:
    """Swap two dims, in place."""
    result = _swap(check, input, dim0, dim1)
    result.inplace, result.view = True, False
    return result


@function("torch.t", "torch.Tensor.t")
def t(check: Checks, input: Any) -> Result:
    """Swap rows and columns of a matrix."""
    rank = len(needs(input, "t").shape)
    if rank > 2:
        message = f"t needs a matrix, got a tensor of {rank} dims"
        raise Refused(message)
    return _swap(check, input, 0, rank - 1) if rank == 2 else _permuted(input, tuple(range(rank)), "transpose")


@function("torch.Tensor.T", "torch.Tensor.H")
def reversed_dims(check: Checks, input: Any) -> Result:
    """Reverse the dims."""
    order = tuple(range(len(input.shape)))[::-1]
    return _permuted(input, order, "permute", dims=order)


@function("torch.Tensor.mT", "torch.Tensor.mH", "torch.adjoint", "torch.Tensor.adjoint")
def matrix_transpose(check: Checks, input: Any) -> Result:
    """Swap the last two dims."""
    if len(input.shape) < 2:
        message = f"mT needs a tensor of 2 dims or more, got {len(input.shape)}"
        raise Refused(message)
    return _swap(check, input, -2, -1)


def _moved(check: Checks, input: Any, source: Any, destination: Any) -> Result:
    rank = len(needs(input, "movedim").shape)
    start = [source] if not isinstance(source, (tuple, list)) else list(source)
    end = [destination] if not isinstance(destination, (tuple, list)) else list(destination)
    first, second = ([axis(check, dim, rank) for dim in side] for side in (start, end))
    if len(first) != len(second) or len(set(first)) < len(first) or len(set(second)) < len(second):
        message = "movedim needs the same number of different dims twice"
        raise Refused(message)
    if not rank:
        return _permuted(input, (), "permute", dims=())
    rest = iter([dim for dim in range(rank) if dim not in first])
    targets = dict(zip(second, first, strict=True))
    order = tuple([targets[i] if i in targets else next(rest) for i in range(rank)])
    return _permuted(input, order, "permute", dims=order)


@function("torch.movedim", "torch.moveaxis", "torch.Tensor.movedim", "torch.Tensor.moveaxis")
def movedim(check: Checks, input: Any, source: Any, destination: Any) -> Result:
    """Move dims to other places."""
    return _moved(check, input, source, destination)


def _is_one(check: Checks, size: Number) -> bool:
    return check.holds("==", size, 1) if isinstance(size, Dim) else size == 1


def _squeeze(check: Checks, input: Any, dim: Any, given: bool, inplace: bool) -> Result:
    shape = needs(input, "squeeze").shape
    rank = len(shape)
    named = axes(check, dim, rank) if given and dim != () else () if given else tuple(range(rank))
    gone = tuple([i for i in named if i < rank and _is_one(check, shape[i])])
    kept = tuple([size for i, size in enumerate(shape) if i not in gone])
    data = getattr(input, "data", None)
    # ``dim`` are the dims that went, ``asked`` what was asked for: squeezing a dim that is not one does nothing.
    attributes = {"dim": gone, "asked": named if given else None}
    return Result("squeeze", kept, (input,), attributes, input.dtype, 0, inplace, not inplace, data)


@function("torch.squeeze", "torch.Tensor.squeeze")
def squeeze(check: Checks, input: Any, dim: Any = ...) -> Result:
    """Leave out dims of size one."""
    return _squeeze(check, input, dim, dim is not ..., False)


@function("torch.Tensor.squeeze_")
def squeeze_(check: Checks, input: Any, dim: Any = ...) -> Result:
    """Leave out dims of size one, in place."""
    return _squeeze(check, input, dim, dim is not ..., True)


def _unsqueeze(check: Checks, input: Any, dim: Any, inplace: bool) -> Result:
    shape = needs(input, "unsqueeze").shape
    place = axis(check, dim, len(shape) + 1)
    data = getattr(input, "data", None)
    wide = (*shape[:place], 1, *shape[place:])
    return Result("unsqueeze", wide, (input,), {"dim": place}, input.dtype, 0, inplace, not inplace, data)


@function("torch.unsqueeze", "torch.Tensor.unsqueeze")
def unsqueeze(check: Checks, input: Any, dim: Any) -> Result:
    """Insert a dim of size one."""
    return _unsqueeze(check, input, dim, False)


@function("torch.Tensor.unsqueeze_")
def unsqueeze_(check: Checks, input: Any, dim: Any) -> Result:
    """Insert a dim of size one, in place."""
    return _unsqueeze(check, input, dim, True)


def _at_least(rank: int) -> None:
    def rule(check: Checks, *tensors: Any) -> Any:
        if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
            return tuple([rule(check, t) for t in tensors[0]])
        if len(tensors) != 1:
            return tuple([rule(check, t) for t in tensors])
        shape = tensors[0].shape
        while len(shape) < rank:
            shape = (*shape, 1) if len(shape) == 2 else (1, *shape)
        return Result("unsqueeze", shape, tensors, {}, tensors[0].dtype, view=True)

    function(f"torch.atleast_{rank}d")(rule)


_at_least(1)
_at_least(2)
_at_least(3)


def _repeated(check: Checks, input: Any, times: tuple[Any, ...], kind: str) -> Result:
    extra = len(times) - len(input.shape)
    if any(count.__class__ is int and count < 0 for count in times):
        message = f"{kind} a negative number of times"
        raise Refused(message)
    wide = (1,) * extra + input.shape
    shape = tuple([size * count for size, count in zip(wide, times, strict=True)])
    data = getattr(input, "data", None)
    if data is not None:
        # Repeating is broadcasting over a dim put before each dim.
        pairs = [size for pair in zip(times, wide, strict=True) for size in pair]
        ones = [size for own in wide for size in (1, own)]
        data = spread(data, tuple(ones), tuple(pairs))
    return Result("repeat", shape, (input,), {"repeats": times}, input.dtype, data=data)


@function("torch.Tensor.repeat")
def repeat(check: Checks, input: Any, *sizes_: Any, repeats: Any = None) -> Result:
    """Repeat the whole tensor along its dims."""
    times = sizes(sizes_ if repeats is None else (repeats,), "repeat")
    if len(times) < len(input.shape):
        message = f"repeat names {len(times)} dims of a tensor that has {len(input.shape)}"
        raise Refused(message)
    return _repeated(check, input, times, "repeat")


@function("torch.tile")
def tile(check: Checks, input: Any, dims: Any) -> Result:
    """Repeat the whole tensor along its last dims."""
    times = sizes((dims,), "tile")
    return _repeated(check, input, (1,) * (len(input.shape) - len(times)) + times, "tile")


@function("torch.Tensor.tile")
def tile_method(check: Checks, input: Any, *times: Any, dims: Any = None) -> Result:
    """Repeat the whole tensor along its last dims."""
    return tile(check, input, sizes(times if dims is None else (dims,), "tile"))  # type: ignore[no-any-return]


@function("torch.repeat_interleave", "torch.Tensor.repeat_interleave")
def repeat_interleave(
    check: Checks, input: Any, repeats: Any = None, dim: Any = None, *, output_size: Any = None
) -> Result:
    """Repeat each element along a dim."""
    shape = needs(input, "repeat_interleave").shape
    if repeats is None:
        message = "repeat_interleave of counts only"
        raise NotModelled(message)
    if dim is None:
        shape, place = (numel(shape),), 0
    else:
        if not shape:
            message = "repeat_interleave along a dim of a tensor without dims"
            raise Refused(message)
        place = axis(check, dim, len(shape))
    before = shape[place]
    size = _interleaved(check, before, repeats, output_size)
    result = (*shape[:place], size, *shape[place + 1 :])
    attributes = {"dim": place if dim is not None else None, "repeats": repeats}
    return Result("repeat_interleave", result, (input,), attributes, input.dtype)


def _interleaved(check: Checks, size: Number, repeats: Any, output_size: Any) -> Number:
    if not hasattr(repeats, "shape"):
        count = integer(repeats, "repeat_interleave")
        if count.__class__ is int and count < 0:
            message = "repeat_interleave a negative number of times"
            raise Refused(message)
        return size * count
    known = getattr(repeats, "data", None)
    if known is not None and len(known) == 1:
        return size * known[0]
    if repeats.shape:
        check.require("==", repeats.shape[0], size, "broadcast", operator="repeat_interleave", dim=0)
    if output_size is not None:
        return integer(output_size, "repeat_interleave")
    if known is None:
        message = "repeat_interleave: the size depends on values"
        raise NotModelled(message)
    return sum(known)


def _flipped(check: Checks, input: Any, dims: tuple[int, ...]) -> Result:
    data = getattr(input, "data", None)
    if data is not None and input.shape:
        steps = strides(input.shape)
        offset = sum((input.shape[i] - 1) * steps[i] for i in dims)
        data = strided(data, input.shape, [-step if i in dims else step for i, step in enumerate(steps)], offset)
    return Result("flip", input.shape, (input,), {"dims": dims}, input.dtype, data=data)


@function("torch.flip")
def flip(check: Checks, input: Any, dims: Any) -> Result:
    """Reverse the order along dims."""
    return _flipped(check, needs(input, "flip"), axes(check, dims, len(input.shape)) if dims != () else ())


@function("torch.Tensor.flip")
def flip_method(check: Checks, input: Any, *places: Any, dims: Any = None) -> Result:
    """Reverse the order along dims."""
    if dims is None:
        dims = places[0] if len(places) == 1 and isinstance(places[0], (tuple, list)) else places
    return flip(check, input, tuple(dims) if isinstance(dims, (tuple, list)) else (dims,))  # type: ignore[no-any-return]


@function("torch.fliplr", "torch.Tensor.fliplr")
def fliplr(check: Checks, input: Any) -> Result:
    """Reverse the columns."""
    if len(needs(input, "fliplr").shape) < 2:
        message = "fliplr needs a tensor of 2 dims or more"
        raise Refused(message)
    return _flipped(check, input, (1,))


@function("torch.flipud", "torch.Tensor.flipud")
def flipud(check: Checks, input: Any) -> Result:
    """Reverse the rows."""
    if not needs(input, "flipud").shape:
        message = "flipud needs a tensor of 1 dim or more"
        raise Refused(message)
    return _flipped(check, input, (0,))


@function("torch.roll", "torch.Tensor.roll", free="shifts")
def roll(check: Checks, input: Any, shifts: Any, dims: Any = None) -> Result:
    """Shift along dims, around the end."""
    rank = len(needs(input, "roll").shape)
    count = len(shifts) if isinstance(shifts, (tuple, list)) else 1
    named = () if dims is None else tuple(dims) if isinstance(dims, (tuple, list)) else (dims,)
    if len(named) != count and (named or count != 1):
        message = f"roll needs as many dims as shifts, got {len(named)} and {count}"
        raise Refused(message)
    places = tuple([axis(check, dim, rank) for dim in named])
    return Result("roll", input.shape, (input,), {"shifts": shifts, "dims": places or None}, input.dtype)


@function("torch.rot90", "torch.Tensor.rot90")
def rot90(check: Checks, input: Any, k: int = 1, dims: Any = (0, 1)) -> Result:
    """Turn by right angles in the plane of two dims."""
    shape = list(needs(input, "rot90").shape)
    if len(shape) < 2 or len(dims) != 2:
        message = "rot90 needs two dims of a tensor of 2 dims or more"
        raise Refused(message)
    first, second = (axis(check, dim, len(shape)) for dim in dims)
    if first == second:
        message = "rot90 needs two different dims"
        raise Refused(message)
    if integer(k, "rot90") % 2:
        shape[first], shape[second] = shape[second], shape[first]
    return Result("rot90", tuple(shape), (input,), {"k": k, "dims": (first, second)}, input.dtype)
