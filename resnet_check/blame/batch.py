"""Following the batch through a network: where it stops being the first dimension, and where images meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from resnet_check.blame.accepted import values_at
from resnet_check.blame.branches import SHAPES, failing_op, in_batch, only_batch
from resnet_check.graph.dim import Dim, Number, multiply, value
from resnet_check.graph.records import Model, Op, Problem, Shape, show

RESHAPES = frozenset({"view", "reshape", "flatten", "unflatten"})
MOVES = frozenset({*RESHAPES, "squeeze", "permute", "transpose"})
REDUCTIONS = frozenset({"mean", "sum", "var", "std", "var_mean", "std_mean", "amax", "amin", "softmax", "normalize"})

Mistake = tuple[Op, str, str]


def mistakes(model: Model, stated: Callable[[], bool]) -> Iterator[Mistake]:
    """Yield the operations that mix the batch, with what they do and what to do.

    ``stated`` says whether the file gives the size of the images that the model is looked at with.
    """
    for problem in model.problems:
        op = failing_op(model, problem)
        if problem.kind == "reshape" and only_batch(problem) and op is not None:
            if op.shape and value(op.shape[0]) == 0:
                return  # images in groups, of which a batch of two has none
            yield described(model, op)
            return
    found = left_batch(model, stated)
    if found is not None and not any(failed_before(model, problem, found[0]) for problem in model.problems):
        yield found
    reaching = reaching_output(model)
    for op in (o for o in model.ops if o.inputs):
        if op.kind in RESHAPES and op.index in reaching and scrambles(model, op):
            before = model.ops[op.inputs[0]].shape
            yield (
                op,
                f"{show(before)} is reshaped to {show(op.shape)}: the batch is no longer first, so each row mixes images",
                "move the batch to the front again before reshaping, or flatten from dimension 1 without the permute",
            )
        elif op.kind == "squeeze" and op.index in reaching and drops_batch(model, op):
            before = model.ops[op.inputs[0]].shape
            yield (
                op,
                f"`squeeze()` of {show(before)} also takes the batch away when it is one image",
                "name the dimensions: `squeeze(-1).squeeze(-1)`, or `torch.flatten(x, 1)`",
            )
        elif op.kind in REDUCTIONS and op.index in reaching and over_batch(model, op):
            yield (
                op,
                reduced(op, model.ops[op.inputs[0]].shape),
                "reduce over channels or positions (dimensions 1, 2, 3) instead",
            )


def failed_before(model: Model, problem: Problem, op: Op) -> bool:
    """Return whether a model already failed in front of an operation, which then may only show the consequence."""
    if problem.kind not in SHAPES:
        return False
    failed = failing_op(model, problem)
    return failed is None or failed.index < op.index


def reduced(op: Op, shape: Shape) -> str:
    """Return what a reduction over the batch does."""
    where = f"`{op.kind}` over dimension 0 of {show(shape)} runs over the images of the batch"
    return f"{where}: the answer for one image depends on the others"


def is_batch(size: Number) -> bool:
    """Return whether a size is the batch, and nothing else."""
    return str(size) == "N"


def left_batch(model: Model, stated: Callable[[], bool]) -> Mistake | None:
    """Return where the first dimension of what a classifier reads stops being the batch, if it never is again.

    Where the size of the images is not ``stated``, a reshape that fits another size is no mistake.
    """
    for op in model.ops:
        if op.kind != "linear" or not op.inputs:
            continue
        shape = model.ops[op.inputs[0]].shape
        if len(shape) > 2 or is_batch(shape[0]) or any(is_batch(size) for size in shape[1:]):
            continue
        if len(shape) == 2 and (in_batch(shape[:1]) and value(shape[0]) == value(model.ops[0].shape[0])):
            continue  # at this size the first dimension is the batch; fixed-input-size speaks of the others
        if model.status == "complete" and not leaves_wrong(model.output):
            continue
        place = turning_point(model, op)
        if place is not None and (not counts_positions(model, place) or stated()):
            return described(model, place)
    return None


def counts_positions(model: Model, op: Op) -> bool:
    """Return whether a reshape counts the positions of a map, and keeps the batch for images of the size that it is for."""
    before = model.ops[op.inputs[0]].shape
    if len(before) < 3 or len(op.shape) != 2 or not isinstance(op.shape[0], Dim):
        return False
    channels, features = value(before[1]), value(op.shape[1])
    if features <= channels or features % channels:
        return False
    return value(model.ops[0].shape[0]) in values_at(model, op.shape[0], list(range(LEAST, LARGEST + 1)))


LEAST, LARGEST = 16, 512
"""The sizes of images that a file may be meant for."""


def leaves_wrong(output: object) -> bool:
    """Return whether forward returns one tensor whose first size is not the batch."""
    if not isinstance(output, tuple) or not output:
        return False
    return not any(is_batch(size) for size in output)


def turning_point(model: Model, op: Op) -> Op | None:
    """Return the last operation before a layer that had the batch first and did not leave it there."""
    current = op
    while current.inputs:
        before = model.ops[current.inputs[0]]
        if current.kind in MOVES and before.shape and is_batch(before.shape[0]):
            return current if not (current.shape and is_batch(current.shape[0])) else None
        if current.kind not in {*MOVES, "linear", "relu", "dropout", "batch_norm"}:
            return None
        current = before
    return None


def described(model: Model, op: Op) -> Mistake:
    """Return what an operation does to the batch."""
    before, after = model.ops[op.inputs[0]].shape, op.shape
    if op.kind == "flatten" or len(after) <= 1:
        text = f"flattening {show(before)} to {show(after)} joins the images of the batch into one row"
        return op, text, "flatten from dimension 1: `torch.flatten(x, 1)`"
    if not in_batch(after[:1]):
        text = f"{show(before)} is reshaped to {show(after)}: a batch of {value(after[0])} is written into the reshape"
        return op, text, "take the batch from the tensor: `x.view(x.size(0), -1)`"
    moved = f"{value(before[0])} images become {value(after[0])} rows"
    text = f"{show(before)} is reshaped to {show(after)}: positions move into the batch, {moved}"
    return op, text, "keep the batch: `x.view(x.size(0), -1)` or `torch.flatten(x, 1)`"


def reaching_output(model: Model) -> set[int]:
    """Return the operations on which what forward returns depends."""
    found: set[int] = set()
    todo = [op.index for op in model.ops if op.returned] or [len(model.ops) - 1]
    while todo:
        index = todo.pop()
        if index not in found:
            found.add(index)
            todo.extend(model.ops[index].inputs)
    return found


def scrambles(model: Model, op: Op) -> bool:
    """Return whether a reshape puts the batch where other sizes were: the elements of an image end in several rows."""
    before = model.ops[op.inputs[0]].shape
    if sum(map(is_batch, before)) != 1 or sum(map(is_batch, op.shape)) != 1:
        return False
    return bool(leading(before) != leading(op.shape))


def leading(shape: Shape) -> Number:
    """Return the product of the sizes in front of the batch."""
    total: Number = 1
    for size in shape:
        if is_batch(size):
            return total
        total = multiply(total, size)
    return total


def drops_batch(model: Model, op: Op) -> bool:
    """Return whether a squeeze without a dimension would take a batch of one away."""
    before = model.ops[op.inputs[0]].shape
    return op.attributes.get("asked", ()) is None and len(before) > 1 and is_batch(before[0])


def over_batch(model: Model, op: Op) -> bool:
    """Return whether a reduction over the first dimension runs over images with features of their own."""
    shape = model.ops[op.inputs[0]].shape
    dims = op.attributes.get("dim")
    dims = dims if isinstance(dims, (tuple, list)) else (dims,)
    return len(shape) > 1 and is_batch(shape[0]) and 0 in dims and len(dims) < len(shape)
