"""Einstein sums: the whole grammar of torch.einsum, with ellipses and lists of labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from resnet_check.graph.dim import Number
from resnet_check.graph.operators.axes import numel
from resnet_check.graph.operators.base import Checks, NotModelled, Refused, Result, function
from resnet_check.graph.operators.broadcasting import agree
from resnet_check.graph.records import Shape

MAX_OPERANDS = 52
"""As many tensors as there are letters for dims."""

Labels = tuple[Any, ...]
"""The labels of one operand: letters, and Ellipsis once at most."""


@function("torch.einsum")
def einsum(check: Checks, equation: Any, *operands: Any) -> Result:
    """Sum products of tensors, dims by labels."""
    if isinstance(equation, str):
        if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
            operands = tuple(operands[0])
        subscripts, output = _parse(equation)
    else:
        operands, subscripts, output = _lists((equation, *operands))
    if len(operands) > MAX_OPERANDS:
        message = f"einsum of more than {MAX_OPERANDS} tensors"
        raise NotModelled(message)
    if not operands or len(subscripts) != len(operands):
        message = f"einsum has labels for {len(subscripts)} tensors, got {len(operands)}"
        raise Refused(message)
    return _summed(check, operands, subscripts, output, equation)


def _parse(equation: str) -> tuple[list[Labels], Labels | None]:
    """Return the labels of each operand and of the output, None where the equation has no arrow."""
    left, arrow, right = equation.partition("->")
    return [_labels(part) for part in left.split(",")], _labels(right) if arrow else None


def _labels(text: str) -> Labels:
    compact = text.replace(" ", "")
    before, dots, after = compact.partition("...")
    letters = before + after
    if not (letters.isalpha() and letters.isascii()) and letters:
        message = f"einsum cannot read the labels {text.strip()!r}"
        raise Refused(message)
    return (*before, ..., *after) if dots else tuple(before)


def _lists(arguments: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[Labels], Labels | None]:
    """Return operands and labels of the form ``einsum(a, [0, 1], b, [1, 2], [0, 2])``."""
    operands, subscripts = arguments[0::2], arguments[1::2]
    output = None
    if len(operands) > len(subscripts):
        output = tuple(operands[-1])
        operands = operands[:-1]
    if not all(hasattr(operand, "shape") for operand in operands):
        message = "einsum needs an equation, or tensors and lists of labels in turn"
        raise Refused(message)
    return operands, [tuple(labels) for labels in subscripts], output


def _implicit(subscripts: list[Labels]) -> Labels:
    """Return the output of an equation without an arrow: what occurs once, in alphabetical order."""
    flat = [label for labels in subscripts for label in labels if label is not ...]
    return (..., *sorted(label for label in set(flat) if flat.count(label) == 1))


def _summed(
    check: Checks, operands: tuple[Any, ...], subscripts: list[Labels], output: Labels | None, equation: Any
) -> Result:
    for operand in operands[1:]:
        if operand.dtype != operands[0].dtype:
            check.fail("invalid-argument", reason=f"einsum of {operands[0].dtype} and {operand.dtype}")
    named = [
        _numbered(operand.shape, labels, index)
        for index, (operand, labels) in enumerate(zip(operands, subscripts, strict=True))
    ]
    sizes: dict[Any, Number] = {}
    # Each operand's own dims first: a label that occurs twice there takes the diagonal and must not be broadcast.
    for operand, labels in zip(operands, named, strict=True):
        own: dict[Any, Number] = {}
        for label, size in zip(labels, operand.shape, strict=True):
            if label in own:
                if own[label] != size:
                    check.require("==", own[label], size, "matmul-features", got=size, expected=own[label])
                continue
            own[label] = size
        for label, size in own.items():
            facts = {"operator": "einsum", "label": str(label), "equation": equation}
            sizes[label] = agree(check, "matmul-features", sizes[label], size, **facts) if label in sizes else size
    result = _output(output if output is not None else _implicit(subscripts), sizes)
    shape = tuple([sizes[label] for label in result])
    macs = _macs(named, result, sizes)
    attributes = {"equation": equation} if isinstance(equation, str) else {}
    return Result("einsum", shape, operands, attributes, operands[0].dtype, macs)


def _numbered(shape: Shape, labels: Labels, index: int) -> Labels:
    """Return the labels with the ellipsis spelt out: its dims are numbered from the right, as they broadcast."""
    if labels.count(...) > 1:
        message = "einsum allows one ellipsis for each tensor"
        raise Refused(message)
    hidden = len(shape) - len(labels) + (... in labels)
    if hidden < 0 or (hidden and ... not in labels):
        message = f"einsum has {len(labels)} labels for tensor {index} of {len(shape)} dims"
        raise Refused(message)
    if ... not in labels:
        return labels
    place = labels.index(...)
    return (*labels[:place], *[("...", i) for i in range(hidden, 0, -1)], *labels[place + 1 :])


def _output(output: Labels, sizes: dict[Any, Number]) -> Labels:
    hidden = sorted((label for label in sizes if isinstance(label, tuple)), key=lambda label: -label[1])
    flat = [label for entry in output for label in (hidden if entry is ... else (entry,))]
    for label in flat:
        if label not in sizes or flat.count(label) > 1:
            message = f"einsum cannot give the label {label!r} in the output"
            raise Refused(message)
    return tuple(flat)


def _macs(named: Sequence[Labels], output: Labels, sizes: dict[Any, Number]) -> Number:
    """Return the multiply-adds when the operands are taken one after the other, as torch does by default.

    What occurs in one operand only is summed before; a step that sums over nothing is no matrix product.
    """
    total: Number = 0
    left = set(named[0])
    for index in range(1, len(named)):
        right = set(named[index])
        later = set(output).union(*named[index + 1 :])
        left = {label for label in left if label in right or label in later}
        right = {label for label in right if label in left or label in later}
        if (left & right) - later:
            total = total + numel(tuple([sizes[label] for label in left | right]))
        left = {label for label in left | right if label in later}
    return total
