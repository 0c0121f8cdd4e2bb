"""Broadcasting: the shape that tensors of different shapes have together, exact for every size."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.dim import Dim, Number, value
from resnet_check.graph.operators.axes import needs, sizes
from resnet_check.graph.operators.base import Checks, Refused, Result, function
from resnet_check.graph.operators.values import spread
from resnet_check.graph.records import Shape


def agree(check: Checks, kind: str, left: Number, right: Number, /, **facts: Any) -> Number:
    """Return the size that two sizes have together: equal, or one of them one; else a failure, and the larger."""
    if right in (left, 1):
        return left
    if left == 1:
        return right
    if isinstance(left, Dim) or isinstance(right, Dim):
        if value(left) == value(right):
            # Without this every size at which they differ would need a pass of its own, to see that torch refuses it.
            check.require("fits", left, right, kind)
        if check.holds("==", left, right):
            # The plain number says more to what follows, and where the sizes differ the pass goes another way anyway.
            return right if isinstance(left, Dim) and not isinstance(right, Dim) else left
        if isinstance(left, Dim) and check.holds("==", left, 1):
            return right
        if isinstance(right, Dim) and check.holds("==", right, 1):
            return left
    check.require("==", left, right, kind, got=right, expected=left, **facts)
    return left if value(left) >= value(right) else right


def broadcast(check: Checks, kind: str, *shapes: Shape, operator: str = "") -> Shape:
    """Return the common shape of several shapes; sizes that do not fit are failures of the kind."""
    result = shapes[0]
    for shape in shapes[1:]:
        if shape != result:
            result = _broadcast_two(check, kind, result, shape, operator)
    return result


def _broadcast_two(check: Checks, kind: str, left: Shape, right: Shape, operator: str) -> Shape:
    rank = max(len(left), len(right))
    wide_left = (1,) * (rank - len(left)) + left
    wide_right = (1,) * (rank - len(right)) + right
    return tuple(
        [
            a if a == b else agree(check, kind, a, b, left=left, right=right, dim=i, operator=operator)
            for i, (a, b) in enumerate(zip(wide_left, wide_right, strict=True))
        ]
    )


def broadcast_into(check: Checks, kind: str, target: Shape, source: Shape, *, operator: str) -> Shape:
    """Return the target, into which the source must broadcast without making it larger."""
    if source == target:
        return target
    extra = len(source) - len(target)
    facts = {"left": target, "right": source, "operator": operator}
    if extra > 0:
        check.fail(kind, dim=0, got=source[0], expected=1, **facts)
        source = source[extra:]
    for i, (own, other) in enumerate(zip(reversed(target), reversed(source), strict=False)):
        if other in (own, 1):
            continue
        if isinstance(other, Dim) and (check.holds("==", other, own) or check.holds("==", other, 1)):
            continue
        check.require("==", own, other, kind, dim=len(target) - 1 - i, got=other, expected=own, **facts)
    return target


def expanded(check: Checks, shape: Shape, target: Shape, operator: str) -> Shape:
    """Return the shape that ``expand`` gives: only sizes of one grow, -1 keeps a size."""
    extra = len(target) - len(shape)
    if extra < 0:
        message = f"{operator} to {len(target)} sizes, but the tensor has {len(shape)} dims"
        raise Refused(message)
    result = []
    for i, size in enumerate(target):
        if i < extra:
            if size.__class__ is int and size < 0:
                message = f"{operator} cannot keep the size of the new dim {i}"
                raise Refused(message)
            result.append(size)
            continue
        own = shape[i - extra]
        if (size.__class__ is int and size == -1) or own == size:
            result.append(own)
            continue
        if size.__class__ is int and size < 0:
            message = f"{operator} to the negative size {size}"
            raise Refused(message)
        if own != 1 and not (isinstance(own, Dim) and check.holds("==", own, 1)):
            facts = {"left": shape, "right": target, "operator": operator}
            check.require("==", own, size, "broadcast", dim=i, got=own, expected=size, **facts)
        result.append(size)
    return tuple(result)


def _expand(check: Checks, source: Any, target: Shape, inputs: tuple[Any, ...], operator: str) -> Result:
    shape = expanded(check, source.shape, target, operator)
    data = spread(getattr(source, "data", None), source.shape, shape)
    return Result("expand", shape, inputs, {"size": shape}, source.dtype, view=True, data=data)


@function("torch.Tensor.expand", free="implicit")
def expand(check: Checks, input: Any, *sizes_: Any, size: Any = None, implicit: bool = False) -> Result:
    """Repeat dims of size one without copying."""
    return _expand(check, input, sizes(sizes_ if size is None else (size,), "expand"), (input,), "expand")


@function("torch.Tensor.expand_as")
def expand_as(check: Checks, input: Any, other: Any) -> Result:
    """Repeat dims of size one up to another tensor's shape."""
    return _expand(check, input, needs(other, "expand_as").shape, (input,), "expand_as")


@function("torch.broadcast_to", "torch.Tensor.broadcast_to")
def broadcast_to(check: Checks, input: Any, size: Any) -> Result:
    """Repeat dims of size one up to a given shape."""
    return _expand(check, needs(input, "broadcast_to"), sizes((size,), "broadcast_to"), (input,), "broadcast_to")


@function("torch.broadcast_tensors")
def broadcast_tensors(check: Checks, *tensors: Any) -> tuple[Result, ...]:
    """Expand several tensors to their common shape."""
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    shape = broadcast(check, "broadcast", *[t.shape for t in tensors], operator="broadcast_tensors") if tensors else ()
    return tuple(
        [
            Result(
                "expand",
                shape,
                (t,),
                {"size": shape, "output": i},
                t.dtype,
                view=True,
                data=spread(getattr(t, "data", None), t.shape, shape),
            )
            for i, t in enumerate(tensors)
        ]
    )


@function("torch.broadcast_shapes")
def broadcast_shapes(check: Checks, *shapes: Any) -> Shape:
    """Return the common shape of several shapes."""
    plain = [sizes((shape,), "broadcast_shapes") for shape in shapes]
    return broadcast(check, "broadcast", *plain, operator="broadcast_shapes") if plain else ()
