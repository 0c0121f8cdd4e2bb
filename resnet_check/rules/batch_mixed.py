"""The batch does not stay what it is: images are mixed with each other, or with positions.

## What it checks
Reshapes that move positions or channels into the batch (``view(-1, C)`` on feature maps, ``flatten(0)``), a batch size
written into a reshape, ``squeeze()`` without a dimension, which takes the batch away when it is one, a ``view`` behind a
``permute`` that moved the batch, and means over the batch. The first dimension is followed through the network as a
symbol: what comes back to it (frames of a video folded into the batch and unfolded again) is correct and silent.

## Why it matters
Torch does not notice: the shapes fit. The loss fails later, or the network trains on rows that belong to no image, or the
answer for one image depends on the others that happen to be in its batch.

## Bad
    x = x.view(-1, 512)        # [N, 512, 2, 2] becomes [4N, 512]
    x = torch.flatten(x)       # and this [N * 2048]

## Good
    x = x.view(x.size(0), -1)
    x = torch.flatten(x, 1)

## How to fix
Keep the first dimension: ``flatten(1)``, ``view(x.size(0), -1)``, ``squeeze(-1)``; average over positions, not images.

## Source
torch.Tensor.view, torch.flatten and torch.squeeze, whose documentation warns of batches of one.
"""

from __future__ import annotations

from collections.abc import Iterator

from resnet_check.blame.branches import failing_op, in_batch, reads_as_sequence
from resnet_check.blame.search import only_batch
from resnet_check.finding import Finding
from resnet_check.graph.dim import Number, multiply, value
from resnet_check.graph.records import Model, Op, Shape, show
from resnet_check.rules.base import FileContext, Reporter, rule

RESHAPES = frozenset({"view", "reshape", "flatten", "unflatten"})
MOVES = frozenset({*RESHAPES, "squeeze", "permute", "transpose"})
REDUCTIONS = frozenset({"mean", "sum", "var", "std", "var_mean", "std_mean", "amax", "amin", "softmax", "normalize"})


@rule("RC206", "batch-mixed", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report what mixes the images of a batch."""
    for model in context.models:
        if model.status == "partial" or not model.ops or reads_as_sequence(model):
            continue
        for op, message, help_ in mistakes(model):
            yield report(op.site, message, help=help_, model=model, module=op.path or None)


Mistake = tuple[Op, str, str]


def mistakes(model: Model) -> Iterator[Mistake]:
    """Yield the operations that mix the batch, with what they do and what to do."""
    for problem in model.problems:
        op = failing_op(model, problem)
        if problem.kind == "reshape" and only_batch(problem) and op is not None:
            yield described(model, op)
            return
    found = left_batch(model)
    if found is not None:
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
                f"`{op.kind}` over dimension 0 of {show(model.ops[op.inputs[0]].shape)} runs over the images of the batch: "
                "the answer for one image depends on the others",
                "reduce over channels or positions (dimensions 1, 2, 3) instead",
            )


def is_batch(size: Number) -> bool:
    """Return whether a size is the batch, and nothing else."""
    return str(size) == "N"


def left_batch(model: Model) -> Mistake | None:
    """Return where the first dimension of what a classifier reads stops being the batch, if it never is again."""
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
        if place is not None:
            return described(model, place)
    return None


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
    if op.kind == "flatten" or len(after) == 1:
        text = f"flattening {show(before)} to {show(after)} joins the images of the batch into one row"
        return op, text, "flatten from dimension 1: `torch.flatten(x, 1)`"
    if not in_batch(after[:1]):
        text = f"{show(before)} is reshaped to {show(after)}: a batch of {value(after[0])} is written into the reshape"
        return op, text, "take the batch from the tensor: `x.view(x.size(0), -1)`"
    text = f"{show(before)} is reshaped to {show(after)}: positions move into the batch, {value(before[0])} images become {value(after[0])} rows"
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
    return leading(before) != leading(op.shape)


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


NET = '''
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return torch.relu(x + y)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.blocks = nn.Sequential(Block(16), Block(16))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        x = self.blocks(self.stem(x))
        x = self.pool(x)
        x = torch.flatten(x, 1)
        return self.fc(x)
'''

MARK = "  # <- batch-mixed"


def _head(*lines: str) -> str:
    """Return the network with another way from the features to the classifier."""
    return NET.replace(
        "        x = self.pool(x)\n        x = torch.flatten(x, 1)\n", "".join(f"        {line}\n" for line in lines)
    )


BAD = (
    _head("x = nn.functional.adaptive_avg_pool2d(x, 2)", f"x = x.view(-1, 16){MARK}"),
    _head("x = self.pool(x)", f"x = torch.flatten(x){MARK}"),
    _head("x = self.pool(x)", f"x = x.flatten(0){MARK}"),
    _head("x = self.pool(x)", f"x = x.view(4, -1){MARK}"),
    _head("x = self.pool(x)", f"x = x.view(2, 16){MARK}"),
    _head("x = self.pool(x)", f"x = x.view(64, 16){MARK}"),
    _head("x = self.pool(x)", f"x = x.squeeze(){MARK}"),
    _head("x = self.pool(x)", f"x = x.permute(1, 0, 2, 3).reshape(x.size(0), -1){MARK}"),
    _head(f"x = x - x.mean(0, keepdim=True){MARK}", "x = torch.flatten(self.pool(x), 1)"),
)

GOOD = (
    NET,
    _head("x = self.pool(x)", "x = x.view(-1, 16)"),
    _head("x = self.pool(x)", "x = x.squeeze(-1).squeeze(-1)"),
    _head("x = x.permute(0, 2, 3, 1).flatten(1, 2).mean(1)"),
    # Positions go through the same layer as rows of a large batch, and come back.
    _head("n, c, h, w = x.shape", "x = x.permute(0, 2, 3, 1).reshape(-1, c)").replace(
        "return self.fc(x)", "return self.fc(x).view(n, h * w, 10).mean(1)"
    ),
    # The channels are shuffled in groups: the batch stays first all the time.
    _head("n, c, h, w = x.shape", "x = x.view(n, 4, c // 4, h, w).transpose(1, 2).reshape(n, c, h, w).mean((2, 3))"),
    # Attention: the batch is second on the way, and first again at the end.
    _head("x = x.flatten(2).permute(2, 0, 1)", "x = x.mean(0)"),
)
