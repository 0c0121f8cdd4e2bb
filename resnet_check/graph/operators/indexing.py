"""Square brackets: reading and writing parts of a tensor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from resnet_check.graph.dim import Dim, Number
from resnet_check.graph.operators.axes import integer, needs
from resnet_check.graph.operators.base import Checks, NotModelled, Refused, Result, function
from resnet_check.graph.operators.bounds import ceil_divide, lower_bound, maximum, minimum
from resnet_check.graph.operators.broadcasting import broadcast, broadcast_into
from resnet_check.graph.operators.values import Data, places, rounded, spread, strided, strides
from resnet_check.graph.records import Shape


def position(check: Checks, index: Number, size: Number, operator: str = "getitem") -> Number:
    """Return an index counted from the start; one outside of the size is a failure."""
    low = index.__class__ is int and index < 0
    facts = {"index": index, "size": size, "operator": operator}
    if low:
        if lower_bound(size) < -index:
            check.require(">=", size, -index, "index-out-of-range", **facts)
        return size + index
    if isinstance(index, Dim) and lower_bound(index) < 0 and not check.holds(">=", index, 0):
        check.require(">=", size, -index, "index-out-of-range", **facts)
        return size + index
    if lower_bound(size - index) < 1:
        check.require(">", size, index, "index-out-of-range", **facts)
    return index


def span(check: Checks, part: slice, size: Number) -> tuple[Number, Number, Number]:
    """Return where a slice begins, how many elements it takes, and its step."""
    step = 1 if part.step is None else integer(part.step, "slice")
    if not isinstance(step, Dim) and step <= 0:
        message = f"a slice of a tensor needs a step of 1 or more, got {step}"
        raise Refused(message)
    start = 0 if part.start is None else _bound(check, part.start, size)
    stop = size if part.stop is None else _bound(check, part.stop, size)
    length = stop if start.__class__ is int and start == 0 else maximum(stop - start, 0)
    if isinstance(start, Dim) and part.stop is None and isinstance(part.start, int) and part.start < 0:
        length = minimum(size, -part.start)  # the last few: as many as were asked for, or all
    return start, length if step.__class__ is int and step == 1 else ceil_divide(length, step), step


def _bound(check: Checks, bound: Any, size: Number) -> Number:
    bound = integer(bound, "slice")
    if bound.__class__ is int and size.__class__ is int:
        return max(size + bound, 0) if bound < 0 else min(bound, size)
    negative = bound < 0 if not isinstance(bound, Dim) else lower_bound(bound) < 0 and not check.holds(">=", bound, 0)
    return maximum(size + bound, 0) if negative else minimum(bound, size)


@dataclass(slots=True)
class Selection:
    """What an index does: the shape that slices leave, and the tensors that index what is left.

    ``advanced`` maps dims of the sliced shape to index tensors (shape and values). ``starts`` and ``steps`` say how
    the slices walk through the memory, None where sizes are not plain numbers. ``index`` is the index in plain form.
    """

    shape: list[Number] = field(default_factory=list)
    advanced: dict[int, tuple[Shape, Data]] = field(default_factory=dict)
    offset: int | None = 0
    steps: list[int] = field(default_factory=list)
    index: list[Any] = field(default_factory=list)
    inputs: list[Any] = field(default_factory=list)
    dynamic: str | None = None


def _entries(index: Any) -> list[Any]:
    """Return the parts of an index: torch takes a list for a tensor of places, unless it holds slices or the like."""
    if isinstance(index, tuple):
        return list(index)
    if (
        isinstance(index, list)
        and any(
            entry is None or entry is ... or isinstance(entry, (slice, list, tuple)) or hasattr(entry, "shape")
            for entry in index
        )
        and not _rectangular(index)
    ):
        return list(index)
    return [index]


def _rectangular(index: Any) -> bool:
    return all(isinstance(entry, (int, list, tuple)) and not isinstance(entry, slice) for entry in index)


def _consumed(entry: Any) -> int:
    if entry is None or entry is ... or isinstance(entry, bool):
        return 0
    if hasattr(entry, "shape") and entry.dtype in {"bool", "uint8"}:
        return len(entry.shape)
    if isinstance(entry, (list, tuple)) and _is_mask(entry):
        return len(_listed(entry)[0])
    return 1


def _is_mask(entry: Any) -> bool:
    while isinstance(entry, (list, tuple)) and entry:
        entry = entry[0]
    return isinstance(entry, bool)


def _listed(entry: Any) -> tuple[Shape, tuple[Any, ...]]:
    """Return shape and values of nested lists of numbers."""
    if not isinstance(entry, (list, tuple)):
        if isinstance(entry, (int, Dim)):
            return (), (entry,)
        if hasattr(entry, "shape") and not entry.shape:
            known = getattr(entry, "data", None)
            return (), known or (0,)
        message = f"a tensor cannot be indexed with {type(entry).__name__}"
        raise Refused(message)
    rows = [_listed(part) for part in entry]
    if not rows:
        return (0,), ()
    if any(shape != rows[0][0] for shape, _ in rows):
        message = "a tensor cannot be indexed with lists of different lengths"
        raise Refused(message)
    return (len(rows), *rows[0][0]), tuple([number for _, numbers in rows for number in numbers])


def select(check: Checks, input: Any, index: Any) -> Selection:
    """Return what an index selects of a tensor."""
    shape = input.shape
    entries = _entries(index)
    consumed = sum(map(_consumed, entries))
    if consumed > len(shape):
        message = f"too many indices: {consumed} for a tensor of {len(shape)} dims"
        raise Refused(message)
    fill = [slice(None)] * (len(shape) - consumed)
    if any(entry is ... for entry in entries):
        at = next(i for i, entry in enumerate(entries) if entry is ...)
        entries[at : at + 1] = fill
        if any(entry is ... for entry in entries):
            if fill:
                message = "an index with two ellipses"
                raise NotModelled(message)
            entries = [entry for entry in entries if entry is not ...]
    else:
        entries += fill
    found = Selection()
    plain = all(size.__class__ is int for size in shape)
    steps = strides(shape) if plain else [0] * len(shape)
    found.offset = 0 if plain else None
    dim = 0
    for entry in entries:
        dim += _apply(check, found, entry, shape, dim, steps)
    return found


def _apply(check: Checks, found: Selection, entry: Any, shape: Shape, dim: int, steps: list[int]) -> int:
    """Apply one part of an index and return how many dims it takes."""
    if entry is None:
        found.shape.append(1)
        found.steps.append(0)
        found.index.append(None)
        return 0
    if isinstance(entry, bool):
        found.advanced[len(found.shape)] = ((1 if entry else 0,), (0,) if entry else ())
        found.shape.append(1)
        found.steps.append(0)
        found.index.append(entry)
        return 0
    if isinstance(entry, slice):
        _apply_slice(check, found, entry, shape[dim], steps[dim])
        return 1
    if isinstance(entry, (int, Dim)):
        place = position(check, entry, shape[dim])
        found.index.append(place)
        _advance(found, place, steps[dim])
        return 1
    if hasattr(entry, "shape"):
        found.inputs.append(entry)
        return _apply_tensor(check, found, entry, shape, dim, steps)
    own, numbers = _listed(entry)
    if _is_mask(entry):
        return _apply_mask(check, found, own, numbers, shape, dim)
    _places(found, own, numbers, shape[dim], steps[dim])
    return 1


def _advance(found: Selection, start: Number, step: int) -> None:
    found.offset = None if found.offset is None or isinstance(start, Dim) else found.offset + start * step


def _apply_slice(check: Checks, found: Selection, part: slice, size: Number, stride: int) -> None:
    start, length, step = span(check, part, size)
    found.shape.append(length)
    found.index.append((start, None if part.stop is None else start + length * step, step))
    if step.__class__ is int:
        found.steps.append(stride * step)
        if length.__class__ is not int or length:
            _advance(found, start, stride)
    else:
        found.steps.append(0)
        found.offset = None


def _apply_tensor(check: Checks, found: Selection, entry: Any, shape: Shape, dim: int, steps: list[int]) -> int:
    known = getattr(entry, "data", None)
    if entry.dtype in {"bool", "uint8"}:
        return _apply_mask(check, found, entry.shape, known, shape, dim)
    if entry.dtype not in {"int64", "int32", "int16", "int8"}:
        message = f"a tensor cannot be indexed with a tensor of {entry.dtype}"
        raise Refused(message)
    if not entry.shape:
        found.index.append("tensor" if known is None else known[0])
        if known is not None:
            place = position(check, known[0], shape[dim])
            _advance(found, place, steps[dim])
        else:
            found.offset = None
        return 1
    _places(found, entry.shape, known, shape[dim], steps[dim])
    return 1


def _places(found: Selection, own: Shape, numbers: Data, size: Number, stride: int) -> None:
    found.advanced[len(found.shape)] = (own, numbers)
    found.shape.append(size)
    found.steps.append(stride)
    found.index.append("tensor")


def _apply_mask(check: Checks, found: Selection, own: Shape, numbers: Data, shape: Shape, dim: int) -> int:
    for i, (got, size) in enumerate(zip(own, shape[dim : dim + len(own)], strict=True)):
        if got != size:
            facts = {"left": shape, "right": own, "dim": dim + i, "operator": "mask"}
            check.require("==", size, got, "broadcast", got=got, expected=size, **facts)
    count = None if numbers is None else sum(map(bool, numbers))
    if count is None:
        found.dynamic = "a mask: the number of elements depends on values"
        count = 1
    found.advanced[len(found.shape)] = ((count,), None)
    found.shape.append(1)
    found.steps.append(0)
    found.index.append("mask")
    found.offset = None
    return len(own)


def _result_shape(check: Checks, found: Selection) -> Shape:
    """Return the shape with what the index tensors select: in their place where they are neighbours, else in front."""
    if not found.advanced:
        return tuple(found.shape)
    if 0 not in found.shape:  # torch does not look at places in a tensor without elements
        for dim, (_, numbers) in found.advanced.items():
            if numbers and not any(isinstance(number, Dim) for number in numbers):
                position(check, max(numbers), found.shape[dim])
                position(check, min(numbers), found.shape[dim])
    dims = list(found.advanced)
    shapes = [own for own, _ in found.advanced.values()]
    joint = broadcast(check, "broadcast", *shapes, operator="getitem")
    rest = [size for i, size in enumerate(found.shape) if i not in found.advanced]
    at = dims[0] if dims == list(range(dims[0], dims[0] + len(dims))) else 0
    return (*rest[:at], *joint, *rest[at:])


def _taken(data: Data, found: Selection, shape: Shape) -> Data:
    """Return the values that an index selects."""
    if data is None or found.offset is None or found.dynamic:
        return None
    if not found.advanced:
        return strided(data, shape, found.steps, found.offset)
    if len(found.advanced) > 1:
        return None
    ((dim, (_, numbers)),) = found.advanced.items()
    if numbers is None or any(isinstance(number, (Dim, bool)) for number in numbers):
        return None
    size = found.shape[dim]
    before = places(found.shape[:dim], found.steps[:dim], found.offset)
    after = places(found.shape[dim + 1 :], found.steps[dim + 1 :])
    middle = [(number + size if number < 0 else number) * found.steps[dim] for number in numbers]
    try:
        return tuple([data[a + b + c] for a in before for b in middle for c in after])
    except IndexError:
        return None


@function("operator.getitem", "torch.Tensor.__getitem__")
def getitem(check: Checks, input: Any, index: Any) -> Result:
    """Read a part of a tensor."""
    found = select(check, input, index)
    if found.dynamic:
        raise NotModelled(found.dynamic)
    shape = _result_shape(check, found)
    data = getattr(input, "data", None)
    return Result(
        "getitem",
        shape,
        (input, *found.inputs),
        {"index": tuple(found.index)},
        input.dtype,
        view=not found.advanced,
        data=None if data is None else _taken(data, found, shape),
    )


@function("operator.setitem", "torch.Tensor.__setitem__")
def setitem(check: Checks, input: Any, index: Any, value: Any) -> Result:
    """Write a part of a tensor: the result is the whole tensor afterwards."""
    found = select(check, input, index)
    inputs = (input, *found.inputs)
    data = None
    if hasattr(value, "shape"):
        inputs = (*inputs, value)
    elif not isinstance(value, (int, float, complex, Dim)):
        message = f"a part of a tensor cannot be set to a {type(value).__name__}"
        raise Refused(message)
    target = () if found.dynamic else _result_shape(check, found)
    if hasattr(value, "shape") and not found.dynamic:
        _written(check, target, value.shape)
    if not found.advanced and found.offset is not None:
        data = _changed(input, found, value)
    attributes = {"index": tuple(found.index)}
    if not hasattr(value, "shape"):
        attributes["scalar"] = value
    return Result("setitem", input.shape, inputs, attributes, input.dtype, inplace=True, data=data)


def _written(check: Checks, target: Shape, source: Shape) -> None:
    """Check that a value fits: dims of size one in front of it do not count."""
    while len(source) > len(target) and source[0].__class__ is int and source[0] == 1:
        source = source[1:]
    broadcast_into(check, "broadcast", target, source, operator="setitem")


def _changed(input: Any, found: Selection, new: Any) -> Data:
    data = getattr(input, "data", None)
    if data is None or found.offset is None:
        return None
    target = tuple(found.shape)
    numbers = spread(getattr(new, "data", None), new.shape, target) if hasattr(new, "shape") else None
    where = places(target, found.steps, found.offset)
    if numbers is None:
        if hasattr(new, "shape") or isinstance(new, Dim):
            return None
        numbers = (new,) * len(where)
    wide = list(data)
    try:
        for place, number in zip(where, numbers, strict=True):
            wide[place] = number
    except (IndexError, ValueError):  # a place or shape that does not fit, which is a failure already
        return None
    return rounded(wide, input.dtype)


@function("torch.Tensor.index_put_", free="accumulate")
def index_put_(check: Checks, input: Any, indices: Any, values: Any, accumulate: bool = False) -> Result:
    """Write elements at places given by tensors."""
    result: Result = setitem(check, input, tuple(indices), needs(values, "index_put_"))
    return result


@function("torch.index_put", "torch.Tensor.index_put", free="accumulate")
def index_put(check: Checks, input: Any, indices: Any, values: Any, accumulate: bool = False) -> Result:
    """Return the tensor with elements changed at places given by tensors."""
    result: Result = setitem(check, input, tuple(indices), needs(values, "index_put"))
    result.inplace = False
    return result
