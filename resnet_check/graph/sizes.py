"""What a Graph says at other sizes than the one looked at: does forward finish, how many multiply-adds does it take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from resnet_check.graph.dim import Columns, Dim, column
from resnet_check.graph.records import RELATIONS, Guard, Model, Op

FINISHES, REFUSED, OPEN = range(3)
"""What the Guards of a pass say of a size: as on that pass, torch raises, or another way that this pass did not go."""


def verdicts(guards: Iterable[Guard], sizes: Columns) -> list[int]:
    """Return for each case of ``sizes`` (see `column`) what the Guards of a pass, in their order, say of it.

    The first Guard that comes out differently decides: a required one that fails refuses, a branch leaves open.
    """
    memo: dict[Any, list[Any]] = {}
    found = [FINISHES] * len(next(iter(sizes.values())))
    for guard in guards:
        holds = all_hold(RELATIONS[guard.relation], column(guard.left, sizes, memo), column(guard.right, sizes, memo))
        if guard.held and all(holds):
            continue
        for case, held in enumerate(holds):
            if found[case] == FINISHES:
                if guard.required and not held:
                    found[case] = REFUSED
                elif held != guard.held:
                    found[case] = OPEN
    return found


def all_hold(test: Any, left: list[Any], right: list[Any]) -> list[bool]:
    """Return whether a relation holds between each two numbers of two lists of one length."""
    try:
        return list(map(bool, map(test, left, right)))
    except (ArithmeticError, TypeError, ValueError):
        return [holds_for(test, *pair) for pair in zip(left, right, strict=True)]


def holds_for(test: Any, left: Any, right: Any) -> bool:
    """Return whether a relation holds between two numbers; what has no value (a division by zero) holds for nothing."""
    try:
        return bool(test(left, right))
    except (ArithmeticError, TypeError, ValueError):
        return False


def accepts(model: Model, **sizes: int) -> bool | None:
    """Return whether forward finishes in eval mode at a size: ``accepts(model, H=224, W=160)``, a batch of two if no ``N``.

    None where that is not known: the model was not understood, or at this size it goes another way than at the one that
    was looked at.
    """
    if model.accepted is None:
        return None
    verdict = verdicts(model.guards, {"N": [2], **{name: [size] for name, size in sizes.items()}})[0]
    return None if verdict == OPEN else verdict == FINISHES


def multiply_adds(ops: Iterable[Op], **sizes: int) -> int:
    """Return the multiply-adds of one image at a size: ``multiply_adds(model.ops, H=320, W=320)``.

    Convolutions and matrix products as `Op.macs` counts them.
    """
    return sum(each_multiply_adds(ops, **sizes))


def each_multiply_adds(ops: Iterable[Op], **sizes: int) -> list[int]:
    """Return the multiply-adds of one image that each Op takes at a size."""
    columns = {"N": [1], **{name: [size] for name, size in sizes.items()}}
    memo: dict[Any, list[Any]] = {}
    return [int(column(op.macs, columns, memo)[0]) if isinstance(op.macs, Dim) or op.macs else 0 for op in ops]


def ranges(sizes: list[int]) -> list[tuple[int, int]]:
    """Return sorted numbers as inclusive ranges."""
    found: list[tuple[int, int]] = []
    for size in sizes:
        if found and found[-1][1] == size - 1:
            found[-1] = found[-1][0], size
        else:
            found.append((size, size))
    return found
