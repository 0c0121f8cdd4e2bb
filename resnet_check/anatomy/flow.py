"""How values go through a Model: what depends on the input, what everything has to pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from resnet_check.anatomy.kinds import SOURCES, TRANSPARENT, letter
from resnet_check.graph.records import Op

START = -1
"""What stands before all inputs of a model."""


class Flow(NamedTuple):
    """The Ops of a Model without those that only hand on their input; positions are indexes into ``ops``.

    ``inputs`` are the values that an Op reads and that depend on the model's input, one by one. ``readers`` are the Ops
    that read its output. ``gates`` holds the last Op before it that every way from the input passes (START: none but
    the beginning), ``depths`` the number of such Ops. ``returned`` are the Ops whose outputs the model returns,
    ``alive`` those on which something returned depends. ``letters`` holds the role of each Op, see `kinds`.
    """

    ops: tuple[Op, ...]
    inputs: tuple[tuple[int, ...], ...]
    readers: tuple[tuple[int, ...], ...]
    gates: tuple[int, ...]
    depths: tuple[int, ...]
    returned: frozenset[int]
    alive: frozenset[int]
    letters: tuple[str, ...]

    def letter(self, index: int) -> str:
        """Return the role of an Op."""
        return self.letters[index]

    def path(self, start: int, end: int) -> tuple[int, ...]:
        """Return the Ops behind ``start``, up to and with ``end``, that every way between the two passes."""
        found = []
        while end not in {start, START}:
            found.append(end)
            end = self.gates[end]
        return tuple(reversed(found))

    def region(self, start: int, end: int) -> frozenset[int]:
        """Return the Ops behind ``start`` that ``end`` depends on, and ``end`` itself unless it is the start."""
        return needed([end], self.inputs, start)

    def only_reader(self, index: int) -> int | None:
        """Return the Op that alone reads an output, or None."""
        readers = self.readers[index]
        return readers[0] if len(readers) == 1 and index not in self.returned else None

    def following(self, index: int) -> tuple[int, ...]:
        """Return the Ops behind one, each the only reader of the last, as long as they read nothing else."""
        found: list[int] = []
        reader = self.only_reader(index)
        while reader is not None and len(set(self.inputs[reader])) == 1:
            found.append(reader)
            reader = self.only_reader(reader)
        return tuple(found)


def read(ops: Sequence[Op]) -> Flow:
    """Return the flow of the Ops of a pass."""
    solid: list[int] = []
    inputs: list[tuple[int, ...]] = []
    gates: list[int] = []
    depths: list[int] = []
    readers: list[list[int]] = []
    returned: set[int] = set()
    for op in ops:
        mine = tuple(solid[i] for i in op.inputs if depths[i] >= 0)
        transparent = bool(mine) and (op.kind in TRANSPARENT or is_nothing(op))
        solid.append(mine[0] if transparent else op.index)
        readers.append([])
        dependent = op.kind == "input" or (bool(mine) and op.kind not in SOURCES)
        inputs.append(mine if dependent and not transparent else ())
        gate = mine[0] if transparent else join(mine, gates, depths) if dependent else START
        gates.append(gate)
        depths.append(-1 if not dependent else depths[mine[0]] if transparent else depth(gate, depths) + 1)
        for i in dict.fromkeys(inputs[-1]):
            readers[i].append(op.index)
        if op.returned:
            returned.add(solid[-1])
    return Flow(
        tuple(ops),
        tuple(inputs),
        tuple(map(tuple, readers)),
        tuple(gates),
        tuple(depths),
        frozenset(returned),
        needed(returned, inputs, START),
        tuple(letter(op, len(set(mine))) for op, mine in zip(ops, inputs, strict=True)),
    )


def needed(ends: Iterable[int], inputs: Sequence[tuple[int, ...]], start: int) -> frozenset[int]:
    """Return the Ops behind ``start`` that some Ops depend on, and these themselves."""
    found: set[int] = set()
    todo = list(ends)
    while todo:
        index = todo.pop()
        if index > start and index not in found:
            found.add(index)
            todo.extend(inputs[index])
    return frozenset(found)


def is_nothing(op: Op) -> bool:
    """Return whether an Op adds zero, as ``sum()`` of a list does first."""
    return op.kind == "add" and "scalar" in op.attributes and op.attributes["scalar"] == 0


def depth(index: int, depths: list[int]) -> int:
    """Return the number of Ops before one that every way passes."""
    return -1 if index == START else depths[index]


def join(values: tuple[int, ...], gates: list[int], depths: list[int]) -> int:
    """Return the last Op that all ways to the given ones pass."""
    if not values:
        return START
    first = values[0]
    for one in values[1:]:
        other = one
        while first != other:
            if depth(first, depths) < depth(other, depths):
                first, other = other, first
            first = gates[first]
    return first
