"""Questions about the graph around a mismatch."""

from __future__ import annotations

from collections.abc import Iterable

from resnet_check.graph.dim import symbols, value
from resnet_check.graph.records import Guard, Model, ModuleRecord, Op, Problem

SIZED = frozenset({"conv", "conv_transpose", "max_pool", "avg_pool", "pad"})
"""Operators that change the spatial sizes by their settings."""

WEIGHTED = frozenset({"conv", "conv_transpose", "linear", "batch_norm", "embedding"})


SHAPES = frozenset(
    [
        "broadcast",
        "conv-channels",
        "norm-channels",
        "linear-features",
        "matmul-features",
        "reshape",
        "cat-sizes",
        "empty-output",
        "wrong-rank",
        "invalid-dim",
        "invalid-argument",
        "invalid-layer",
        "index-out-of-range",
        "split-sizes",
        "wrong-dtype",
        "indivisible",
        "channels",
    ]
)
"""The kinds of problems that the RC2 rules speak of."""


def failing_op(model: Model, problem: Problem) -> Op | None:
    """Return the Op at which a problem was seen."""
    index = problem.facts.get("op_index")
    if not isinstance(index, int) or index >= len(model.ops):
        return None
    op = model.ops[index]
    return op if op.site.line == problem.site.line and op.site.path == problem.site.path else None


def ancestors(model: Model, index: int) -> set[int]:
    """Return the Ops that an Op depends on, and itself."""
    found: set[int] = set()
    todo = [index]
    while todo:
        current = todo.pop()
        if current not in found:
            found.add(current)
            todo.extend(model.ops[current].inputs)
    return found


def branches(model: Model, op: Op) -> tuple[int, list[list[Op]]]:
    """Return the Op at which the operands of a sum part, and the Ops of each operand from there on."""
    sides = [ancestors(model, index) for index in op.inputs]
    common = set.intersection(*sides) if sides else set()
    fork = max(common, default=0)
    return fork, [[model.ops[i] for i in sorted(side - common)] for side in sides]


def producers(model: Model, op: Op) -> list[Op]:
    """Return the Ops that decide the channels that an Op gets, nearest first."""
    found: list[Op] = []
    todo, seen = list(op.inputs[:1]), set()
    while todo:
        current = model.ops[todo.pop(0)]
        if current.index in seen:
            continue
        seen.add(current.index)
        if current.kind in {"conv", "conv_transpose", "linear", "input", "parameter"}:
            found.append(current)
        elif current.kind in {"cat", "pad"}:
            found.append(current)
            todo.extend(current.inputs)
        else:
            todo.extend(current.inputs)
        if len(found) >= 4:
            break
    return found


def unread(model: Model) -> list[Op]:
    """Return the Ops whose results nothing reads and forward does not return."""
    used = {index for op in model.ops for index in op.inputs}
    return [op for op in model.ops if op.index not in used and not op.returned and op.inputs]


def torch_layer(model: Model, op: Op) -> ModuleRecord | None:
    """Return the layer of torch, or of a class derived from one, that made an Op."""
    record = model.layer(op)
    if record is None or not any(
        name.startswith("torch.nn.") and name != "torch.nn.Module" for name in layer_names(record)
    ):
        return None
    return record


def layer_names(record: ModuleRecord) -> tuple[str, ...]:
    """Return the names of a module's class and its bases."""
    return (record.type, *record.bases)


def reads_as_sequence(model: Model) -> bool:
    """Return whether forward takes its input apart along the batch: it is no image, but a list of tensors."""
    return any(
        op.kind in {"getitem", "item", "select", "unbind"}
        and op.inputs[:1] == (0,)
        and len(op.shape) < len(model.ops[0].shape)
        for op in model.ops
    )


def touches_input(model: Model, op: Op) -> bool:
    """Return whether an Op gets the input without a layer with weights in between, so that it rests on its guessed shape."""
    todo, seen = list(op.inputs), set()
    while todo:
        current = model.ops[todo.pop()]
        if current.index in seen or current.kind in WEIGHTED:
            continue
        seen.add(current.index)
        if current.kind == "input":
            return True
        todo.extend(current.inputs)
    return False


def takes_channels(model: Model) -> bool:
    """Return whether a convolution reads the input as it is, so that its weights say how many channels that has."""
    channels = next((op.shape[1] for op in model.ops if op.kind == "input" and len(op.shape) > 1), None)
    return any(
        op.kind == "conv" and op.inputs[:1] == (0,) and op.attributes.get("in_channels") == channels for op in model.ops
    )


def in_batch(sizes: Iterable[object]) -> bool:
    """Return whether the batch is part of one of the sizes."""
    return any("N" in symbols(size) for size in sizes)


def numbers(shape: Iterable[object]) -> tuple[object, ...]:
    """Return the sizes at the size being looked at."""
    return tuple(value(size) for size in shape)


def only_batch(problem: Problem) -> bool:
    """Return whether a reshape fails for the size of the batch alone."""
    guard = problem.facts.get("guard")
    return isinstance(guard, Guard) and (symbols(guard.left) | symbols(guard.right)) == {"N"}
