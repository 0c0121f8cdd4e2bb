"""The nodes of a canonical form: values, each of which exists once, and how they are joined into normal forms."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from resnet_check.graph.dim import Dim, Number, value
from resnet_check.graph.records import Guard, Shape, Site

COMMUTATIVE = frozenset({"add", "mul", "maximum", "minimum"})
"""Kinds whose operands have no order."""

WEIGHTS = frozenset({"parameter", "buffer"})
"""Kinds of the nodes whose values are no part of the architecture."""


class Unanswerable(Exception):
    """What keeps a Graph from having a canonical form; the message says why."""


class Node(NamedTuple):
    """A value: what is done (``kind``, ``settings`` in alphabetical order) with which other values (``operands``).

    Operands are indexes of earlier nodes. ``op`` is the index of the Op of the Model that it stands for. ``weight`` is the
    path of a parameter or buffer (``layer1.0.conv1.weight``), which is no part of the canonical form.
    """

    kind: str
    settings: tuple[tuple[str, Any], ...]
    operands: tuple[int, ...]
    shape: Shape
    op: int
    weight: str = ""

    def setting(self, name: str) -> Any:
        """Return a setting by its name, None where there is none."""
        return dict(self.settings).get(name)


class Builder:
    """Nodes under construction. ``exact`` forbids what holds at the size being looked at only.

    What was used nevertheless is in ``conditions``. ``op`` and ``site`` are those of the Op that nodes are being made for.
    """

    def __init__(self, *, exact: bool) -> None:
        self.exact = exact
        self.nodes: list[Node] = []
        self.conditions: list[Guard] = []
        self.op = 0
        self.site: Site | None = None
        self._known: dict[tuple[Any, ...], int] = {}

    def add(self, kind: str, operands: Sequence[int], shape: Shape, weight: str = "", /, **settings: Any) -> int:
        """Return the node that does this with these operands; there is only one."""
        inputs = tuple(sorted(operands) if kind in COMMUTATIVE else operands)
        kept = tuple(sorted((name, frozen(setting)) for name, setting in settings.items()))
        key = kind, kept, inputs, weight
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = len(self.nodes)
            self.nodes.append(Node(kind, kept, inputs, shape, self.op, weight))
        return known

    def is_size(self, pairs: Sequence[tuple[Number, Number]]) -> bool:
        """Return whether sizes are equal, at every input or, noted as a condition, at the one being looked at."""
        open_ = [(left, right) for left, right in pairs if left != right]
        if open_ and (self.exact or any(value(left) != value(right) for left, right in open_)):
            return False
        self.conditions += [
            Guard(left, "==", right, held=True, required=False, site=self.site) for left, right in open_
        ]
        return True


def frozen(setting: Any) -> Any:
    """Return a setting as something that can be a key; Unanswerable where it is no plain value."""
    if setting is None or isinstance(setting, (bool, int, float, str, Dim)):
        return setting
    if isinstance(setting, (list, tuple)):
        return tuple([frozen(one) for one in setting])
    message = f"a setting is a {type(setting).__name__}"
    raise Unanswerable(message)


def reshape(b: Builder, x: int, shape: Shape) -> int:
    """Return the values of a node in another shape; the last shape is the one that counts."""
    if b.nodes[x].kind == "reshape":
        x = b.nodes[x].operands[0]
    shape = _settled(b, b.nodes[x].shape, shape)
    return x if b.nodes[x].shape == shape else b.add("reshape", (x,), shape, size=shape)


def _settled(b: Builder, source: Shape, target: Shape) -> Shape:
    """Return a target shape in the sizes of the source: the Op's own do not know of the conditions."""
    if b.exact or joined(source, target) is not None:
        return target
    groups = joined(tuple(map(value, source)), tuple(map(value, target)))
    if groups is None:
        return target
    sizes = tuple([math.prod([source[i] for i in group]) for group in groups])
    return sizes if b.is_size(list(zip(sizes, target, strict=True))) else target


def reduce(b: Builder, kind: str, x: int, dims: Sequence[int]) -> int:
    """Return the mean, sum or extreme over dims, which stay as dims of size 1.

    Dims that were joined before (``flatten(2).mean(-1)``) are reduced one by one, and one after the other is all at once.
    """
    node = b.nodes[x]
    kept = tuple([1 if i in dims else size for i, size in enumerate(node.shape)])
    if node.kind == "reshape":
        source = node.operands[0]
        groups = joined(b.nodes[source].shape, node.shape)
        if groups is not None:
            return reshape(b, reduce(b, kind, source, [i for dim in dims for i in groups[dim]]), kept)
    if node.kind == kind:
        x, dims = node.operands[0], (*dims, *node.setting("dims"))
    over = sorted({dim for dim in dims if b.nodes[x].shape[dim] != 1})
    return b.add(kind, (x,), kept, dims=tuple(over)) if over else x


def joined(source: Shape, target: Shape) -> list[tuple[int, ...]] | None:
    """Return which dims of the source make up each dim of the target, None if it splits any."""
    found = []
    at = 0
    for size in target:
        total: Number = 1
        start = at
        while total != size and at < len(source):
            total = total * source[at]
            at += 1
        if total != size:
            return None
        found.append(tuple(range(start, at)))
    return found if all(size == 1 for size in source[at:]) else None


def pad(b: Builder, x: int, widths: Sequence[tuple[Number, Number]]) -> int:
    """Return a node with zeros before and behind each dim."""
    node = b.nodes[x]
    if not any(any(sides) for sides in widths):
        return x
    if node.kind == "pad":
        before = node.setting("widths")
        widths = [(low + a, high + z) for (low, high), (a, z) in zip(before, widths, strict=True)]
        x, node = node.operands[0], b.nodes[node.operands[0]]
    shape = tuple([low + size + high for size, (low, high) in zip(node.shape, widths, strict=True)])
    return b.add("pad", (x,), shape, widths=tuple(widths))


def subsample(b: Builder, x: int, steps: Sequence[int]) -> int:
    """Return every so-manyth value along each dim, from the first; zeros beside other dims are put there afterwards."""
    node = b.nodes[x]
    if all(step == 1 for step in steps):
        return x
    if node.kind == "pad":
        widths = node.setting("widths")
        if all(step == 1 or sides == (0, 0) for step, sides in zip(steps, widths, strict=True)):
            return pad(b, subsample(b, node.operands[0], steps), widths)
    if node.kind == "subsample":
        steps = [one * two for one, two in zip(node.setting("steps"), steps, strict=True)]
        x, node = node.operands[0], b.nodes[node.operands[0]]
    shape = tuple([(size - 1) // step + 1 for size, step in zip(node.shape, steps, strict=True)])
    return b.add("subsample", (x,), shape, steps=tuple(steps))


def zeros(b: Builder, shape: Shape) -> int:
    """Return a node that is zero everywhere."""
    return b.add("zeros", (), shape, size=shape)


def each(b: Builder, x: int, make: Callable[[int], int]) -> int:
    """Return what ``make`` makes of a node, value by value: a change of the shape before it happens behind it."""
    node = b.nodes[x]
    return reshape(b, make(node.operands[0]), node.shape) if node.kind == "reshape" else make(x)


def scale(b: Builder, x: int, factor: Any) -> int:
    """Return a node times a number."""

    def make(y: int) -> int:
        node = b.nodes[y]
        if isinstance(factor, (int, float)):
            if factor == 0:
                return zeros(b, node.shape)
            if node.kind == "scale" and isinstance(node.setting("factor"), (int, float)):
                return scale(b, node.operands[0], node.setting("factor") * factor)
            if factor == 1:
                return y
        return b.add("scale", (y,), node.shape, factor=factor)

    return each(b, x, make)


def shift(b: Builder, x: int, number: Any) -> int:
    """Return a node plus a number."""

    def make(y: int) -> int:
        node = b.nodes[y]
        if isinstance(number, (int, float)):
            if node.kind == "shift" and isinstance(node.setting("number"), (int, float)):
                return shift(b, node.operands[0], node.setting("number") + number)
            if number == 0:
                return y
        return b.add("shift", (y,), node.shape, number=number)

    return each(b, x, make)


def limit(b: Builder, x: int, low: Any, high: Any) -> int:
    """Return a node limited to a range; None is no limit."""
    kind = {(0, None): "relu", (0, 6): "relu6"}.get((low, high), "clamp")
    settings = {"max": high, "min": low} if kind == "clamp" else {}

    def make(y: int) -> int:
        node = b.nodes[y]
        return y if node.kind == kind == "relu" else b.add(kind, (y,), node.shape, **settings)

    return each(b, x, make)
