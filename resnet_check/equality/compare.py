"""Whether two Models compute the same function, at which sizes, with which weight for which, and where they first differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from resnet_check.equality.canonical import Canonical, canonical, label
from resnet_check.equality.nodes import COMMUTATIVE, WEIGHTS, Unanswerable
from resnet_check.equality.words import Difference, difference, sharing
from resnet_check.graph.dim import symbols
from resnet_check.graph.records import Guard, Model
from resnet_check.graph.sizes import FINISHES, ranges, verdicts

LARGEST = 1024
"""The largest square size that is looked at."""

AMBIGUOUS = "the same operators are wired in more ways than can be told apart"


EQUAL, UNEQUAL = True, False


class Comparison(NamedTuple):
    """What comparing one Model with another gave.

    ``equal`` is None where there is no answer, with the ``reason``. Equal ones have ``sizes``, the inclusive ranges of
    square input sizes (1 to 1024) at which both finish and compute the same (None for an input without sizes), and
    ``weights``, which maps each parameter and buffer of the first that is used to the one in the second that has its part.
    ``first`` is the first operator that differs; where the two are equal, what limits the sizes, if anything does.
    """

    equal: bool | None
    sizes: tuple[tuple[int, int], ...] | None = None
    first: Difference | None = None
    weights: Mapping[str, str] = MappingProxyType({})
    reason: str = ""


def compare(ours: Model, theirs: Model) -> Comparison:
    """Compare two Models in eval mode; the answer holds for every setting of the weights.

    Other operators that compute the same are seen as far as rewriting of neighbouring operators shows it: Models that are
    said to be equal are, those that are said to differ differ in what they do one after the other.
    """
    try:
        left, right = canonical(ours), canonical(theirs)
        if left.digest == right.digest:
            return Comparison(EQUAL, _sizes(left, right), None, matched(left, right))
        first = first_difference(left, right)
        left, right = canonical(ours, exact=False), canonical(theirs, exact=False)
        if left.digest != right.digest:
            return Comparison(UNEQUAL, first=first_difference(left, right))
        sizes = _sizes(left, right)
        if not sizes:
            return Comparison(UNEQUAL, first=first)
        return Comparison(EQUAL, sizes, first, matched(left, right))
    except Unanswerable as error:
        return Comparison(None, reason=str(error))


def _sizes(left: Canonical, right: Canonical) -> tuple[tuple[int, int], ...] | None:
    """Return the square sizes at which both finish on the way that they went, and what was taken for granted holds."""
    names = frozenset().union(*(symbols(size) for size in left.model.input or ())) - {"N"}
    if not names:
        return None
    guards: list[Guard] = [*left.model.guards, *right.model.guards, *left.conditions, *right.conditions]
    sizes = list(range(1, LARGEST + 1))
    found = verdicts(guards, {"N": [2] * LARGEST, **dict.fromkeys(sorted(names), sizes)})
    return tuple(ranges([size for size, verdict in zip(sizes, found, strict=True) if verdict == FINISHES]))


def matched(left: Canonical, right: Canonical) -> dict[str, str]:
    """Return which weight of the right form has the part of which weight of the left one.

    Unanswerable where the forms look alike from every node, and the nodes still could not be matched one by one.
    """
    mine: dict[int, int] = {}
    others: dict[int, int] = {}
    todo = [(len(left.nodes) - 1, len(right.nodes) - 1)]
    while todo:
        one, other = todo.pop()
        if one in mine or other in others:
            if mine.get(one) != other:
                raise Unanswerable(AMBIGUOUS)
            continue
        if left.identities[one] != right.identities[other]:
            raise Unanswerable(AMBIGUOUS)
        mine[one], others[other] = other, one
        todo.extend(_operands(left, one, right, other, mine))
    return {node.weight: right.nodes[mine[i]].weight for i, node in enumerate(left.nodes) if node.kind in WEIGHTS}


def _operands(left: Canonical, one: int, right: Canonical, other: int, mine: dict[int, int]) -> list[tuple[int, int]]:
    """Return the operands of two nodes in pairs; where they have no order, those that are paired already stay together."""
    first, second = list(left.nodes[one].operands), list(right.nodes[other].operands)
    if left.nodes[one].kind in COMMUTATIVE:
        kept = [(i, mine[i]) for i in first if mine.get(i) in second]
        for i, j in kept:
            first.remove(i)
            second.remove(j)
        first.sort(key=lambda i: left.identities[i])
        second.sort(key=lambda i: right.identities[i])
        return [*kept, *zip(first, second, strict=True)]
    return list(zip(first, second, strict=True))


def first_difference(left: Canonical, right: Canonical) -> Difference:
    """Return the first operator of the left form that the right one does not have, with what stands there instead."""
    mine, others = _frontier(left, right), _frontier(right, left)
    if mine and others:
        one, other = min(
            ((one, other) for one in mine for other in others),
            key=lambda pair: _distance(left, pair[0], right, pair[1]),
        )
        return difference(left, one, right, other)
    return sharing(left, right)


def _frontier(form: Canonical, other: Canonical) -> list[int]:
    """Return the nodes that the other form does not have though it has all that they read."""
    known = Counter(other.prefixes)
    return [
        index
        for index, node in enumerate(form.nodes)
        if form.prefixes[index] not in known
        and node.kind not in WEIGHTS
        and all(form.prefixes[i] in known or form.nodes[i].kind in WEIGHTS for i in node.operands)
    ]


def _distance(left: Canonical, one: int, right: Canonical, other: int) -> tuple[bool, bool, bool, int, int]:
    """Return how unlike two nodes are: in what they read, do and are, then in how far behind they stand."""
    first, second = left.nodes[one], right.nodes[other]
    reads = _values(left, first.operands) != _values(right, second.operands)
    return first.kind != second.kind, reads, label(first) != label(second), one, other


def _values(form: Canonical, operands: Sequence[int]) -> list[str]:
    """Return what a node reads besides weights."""
    return sorted(form.prefixes[i] for i in operands if form.nodes[i].kind not in WEIGHTS)
