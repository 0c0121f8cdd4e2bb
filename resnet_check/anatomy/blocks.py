"""Residual blocks: where a branch is added to what it started from."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from resnet_check.anatomy.flow import START, Flow
from resnet_check.anatomy.kinds import CONV, DEPTHWISE
from resnet_check.graph.dim import value
from resnet_check.graph.records import Op, Shape


@dataclass(frozen=True, eq=False)
class Path:
    """One way from a block's input, the output of ``start``, to its sum.

    ``ops`` are the Ops that everything on this way passes, in order. ``letters`` has one letter for each of them, see
    `kinds`.
    """

    flow: Flow = field(repr=False)
    start: int
    ops: tuple[int, ...]
    letters: str

    @cached_property
    def region(self) -> frozenset[int]:
        """The ``ops`` and what lies between two of them: the two sides of a gate, the branches of a concatenation.

        Looked for only when asked: a way past many blocks, as of a state that all of them share, holds most of the model.
        """
        return self.flow.region(self.start, self.ops[-1]) if self.ops else frozenset()

    def positions(self, letters: str) -> tuple[int, ...]:
        """Return the Ops of the given roles, in order."""
        return tuple(op for op, own in zip(self.ops, self.letters, strict=True) if own in letters)

    @property
    def convs(self) -> tuple[int, ...]:
        """The convolutions and linear layers."""
        return self.positions(CONV + DEPTHWISE)

    @property
    def straight(self) -> bool:
        """Whether nothing lies beside ``ops``."""
        return len(self.region) == len(self.ops)


class Sum(NamedTuple):
    """An addition of values that come from one place: ``start`` is the Op whose output all of ``paths`` read.

    ``last`` is the Op that gives the whole sum, ``ops`` are all its additions (several for three operands).
    """

    start: int
    last: int
    ops: tuple[int, ...]
    paths: tuple[Path, ...]


class Block(NamedTuple):
    """A residual block: ``start`` is the Op whose output is its input, ``sum`` the addition of branch and shortcut.

    ``then`` are the roles of what follows the sum, up to where it is read in two places: ``a`` for a block that ends in
    an activation. ``readers`` are the roles of the Ops that read the output after that.
    """

    start: int
    sum: int
    branch: Path
    shortcut: Path
    then: str
    readers: str

    @property
    def is_identity(self) -> bool:
        """Whether the shortcut changes nothing."""
        return not self.shortcut.ops

    @property
    def is_projection(self) -> bool:
        """Whether the shortcut has weights of its own."""
        return bool(self.shortcut.convs)


WEIGHTED = frozenset({CONV, DEPTHWISE})

SHORTCUT = frozenset("cn_psa")
"""Roles of what can stand on a shortcut, besides slicing and padding with zeros."""


def sums(flow: Flow) -> tuple[Sum, ...]:
    """Return the additions of values that come from one place."""
    found = []
    for op in flow.ops:
        operands = operands_of(flow, op)
        if operands is not None and not is_part(flow, op):
            ops, values = operands
            start = flow.gates[op.index if op.kind == "add" else flow.inputs[op.index][0]]
            found.append(Sum(start, op.index, ops, tuple(path(flow, start, v) for v in values)))
    return tuple(found)


def operands_of(flow: Flow, op: Op) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Return the additions that make up a sum and its operands; None for what is no sum of values of one shape."""
    values = flow.inputs[op.index]
    if op.kind == "sum" and len(values) == 1 and flow.ops[values[0]].kind == "stack":
        values = flow.inputs[values[0]]
        stacked = True
    else:
        stacked = False
    if len(values) < 2 or (op.kind != "add" and not stacked) or flow.gates[op.index] == START:
        return None
    if any(sizes(flow.ops[v].shape) != sizes(op.shape) for v in values):
        return None
    ops: tuple[int, ...] = (op.index,)
    flat: tuple[int, ...] = ()
    for value_ in values:
        inner = operands_of(flow, flow.ops[value_]) if is_part(flow, flow.ops[value_]) else None
        ops, flat = (ops, (*flat, value_)) if inner is None else ((*ops, *inner[0]), (*flat, *inner[1]))
    return ops, flat


def is_part(flow: Flow, op: Op) -> bool:
    """Return whether an addition is only an operand of another one over values from the same place."""
    if op.kind != "add" or len(flow.inputs[op.index]) != 2:
        return False
    reader = flow.only_reader(op.index)
    if reader is None or flow.ops[reader].kind != "add" or len(flow.inputs[reader]) != 2:
        return False
    return flow.gates[reader] == flow.gates[op.index] and sizes(flow.ops[reader].shape) == sizes(op.shape)


def sizes(shape: Shape) -> tuple[int, ...]:
    """Return the sizes at the input size being looked at."""
    return tuple(value(size) for size in shape)


def path(flow: Flow, start: int, end: int) -> Path:
    """Return the way from one Op to another."""
    ops = flow.path(start, end)
    return Path(flow, start, ops, "".join(map(flow.letter, ops)))


def block(flow: Flow, added: Sum) -> Block | None:
    """Return the residual block that a sum closes; None where it adds something else than a branch and a shortcut."""
    if len(added.paths) != 2:
        return None
    first, second = added.paths
    if not is_shortcut(flow, first) and not is_shortcut(flow, second):
        return None
    weights = weight(flow, first), weight(flow, second)
    shortcut, branch = (first, second) if weights[0] < weights[1] else (second, first)
    if weights[0] == weights[1] or not is_shortcut(flow, shortcut):
        return None
    following = flow.following(added.last)
    end = following[-1] if following else added.last
    then = "".join(map(flow.letter, following))
    return Block(added.start, added.last, branch, shortcut, then, "".join(map(flow.letter, flow.readers[end])))


def weight(flow: Flow, way: Path) -> tuple[int, int]:
    """Return how much happens on a path: its convolutions, then the size of their kernels."""
    convs = [flow.ops[op] for op in way.region if flow.letters[op] in WEIGHTED]
    return len(convs), sum(max(op.attributes.get("kernel", (1,)), default=1) for op in convs)


def is_shortcut(flow: Flow, way: Path) -> bool:
    """Return whether a path is an identity, a projection, or something else that hands on its input."""
    return (
        len(way.convs) <= 1
        and all(role in SHORTCUT or keeps_channels(flow, op) for op, role in zip(way.ops, way.letters, strict=True))
        and all(is_zero(flow, op) for op in way.region.difference(way.ops))
    )


def is_zero(flow: Flow, op: int) -> bool:
    """Return whether an Op makes zeros of its input."""
    return flow.ops[op].kind == "mul" and flow.ops[op].attributes.get("scalar") == 0


def keeps_channels(flow: Flow, op: int) -> bool:
    """Return whether an Op of no other role leaves rows and columns out, or puts zeros beside the channels."""
    inputs = flow.inputs[op]
    if flow.ops[op].kind == "getitem":
        return sizes(flow.ops[op].shape)[:2] == sizes(flow.ops[inputs[0]].shape)[:2]
    return flow.ops[op].kind == "cat"
