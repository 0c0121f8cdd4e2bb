"""What a forward pass computes and nobody uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from resnet_check.anatomy.flow import START, read
from resnet_check.anatomy.network import Anatomy
from resnet_check.anatomy.owners import key
from resnet_check.graph.records import Model, Site


class DeadEnd(NamedTuple):
    """A chain of Ops whose result nobody reads.

    ``start`` is the last Op before it that something else reads too, ``ops`` are those behind it with their roles.
    """

    start: int
    ops: tuple[int, ...]
    letters: str


def dead_ends(net: Anatomy) -> Iterator[DeadEnd]:
    """Yield the chains that end without a reader, in training as in evaluation."""
    flow = net.flow
    alive = flow.alive
    if not alive or net.model.trained == []:
        return
    useful = useful_in_training(net.model)
    for op in flow.ops:
        index = op.index
        if index in alive or flow.depths[index] < 0 or flow.readers[index] or not flow.inputs[index]:
            continue
        start = flow.gates[index]
        while start != START and start not in alive:
            start = flow.gates[start]
        ops = flow.path(start, index)
        if start != START and where(op.site) not in useful:
            yield DeadEnd(start, ops, "".join(map(flow.letter, ops)))


def useful_in_training(model: Model) -> frozenset[object]:
    """Return the places of the Ops on which the output depends in training mode."""
    if model.trained is None:
        return frozenset()
    flow = read(model.trained)
    return frozenset(where(flow.ops[index].site) for index in flow.alive)


def where(site: Site) -> tuple[object, ...]:
    """Return a place with the calls that led there."""
    return tuple(key(one) for one in (site, *site.calls))


def parting(first: Site, second: Site) -> tuple[Site, Site] | None:
    """Return the two calls in one run of one function that led to two places; None where one place led to the other."""
    ways = [(*reversed(site.calls), site) for site in (first, second)]
    for left, right in zip(*ways, strict=False):
        if key(left) != key(right):
            return left, right
    return None
