"""The words for the first operator in which two canonical forms differ."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from resnet_check.equality.canonical import Canonical
from resnet_check.equality.nodes import WEIGHTS, Node
from resnet_check.graph.records import Site

NAMES = {
    "add": "an addition",
    "amax": "the maximum over the map",
    "avg_pool": "an average pool",
    "adaptive_avg_pool": "an adaptive average pool",
    "batch_norm": "a batch norm",
    "cat": "a concatenation",
    "clamp": "a limit",
    "conv": "a convolution",
    "group_norm": "a group norm",
    "instance_norm": "an instance norm",
    "layer_norm": "a layer norm",
    "leaky_relu": "a leaky ReLU",
    "linear": "a linear layer",
    "max_pool": "a max pool",
    "mean": "the mean over the map",
    "mul": "a product",
    "output": "the output",
    "pad": "a padding with zeros",
    "relu": "a ReLU",
    "relu6": "a ReLU6",
    "reshape": "a reshape",
    "scale": "a product with a number",
    "shift": "a sum with a number",
    "subsample": "a selection of every so-manyth value",
}
"""Kinds as a student knows them."""

SIZES = {"conv": ("output channels", "input channels of a group", "kernel"), "linear": ("outputs", "inputs", "")}
"""What the sizes of a weight are."""


class Place(NamedTuple):
    """An operator on one side: its kind, the module whose code made it, and where."""

    kind: str
    module: str
    site: Site


class Difference(NamedTuple):
    """Where two Models first differ: the operator of each side, and the sentence that says it."""

    ours: Place
    theirs: Place
    words: str


def name(node: Node) -> str:
    """Return a node's kind as a student knows it."""
    return NAMES.get(node.kind, f"`{node.kind}`")


def place(form: Canonical, index: int) -> Place:
    """Return where a node comes from."""
    op = form.model.ops[form.nodes[index].op]
    return Place(op.kind, op.path, op.site)


def _where(side: Place) -> str:
    return f"line {side.site.line}" + (f", `{side.module}`" if side.module else "")


def difference(left: Canonical, one: int, right: Canonical, other: int) -> Difference:
    """Return the difference of two nodes that stand for each other."""
    ours, theirs = place(left, one), place(right, other)
    first, second = left.nodes[one], right.nodes[other]
    where = _where(ours)
    if first.kind != second.kind:
        return Difference(ours, theirs, f"{where}: {name(first)}, where the reference has {name(second)}")
    changes = [*_settings(first, second), *_weights(left, first, right, second)]
    if changes:
        return Difference(ours, theirs, f"{where}: {name(first)} with {', '.join(changes)}")
    reads, read = _read(left, first), _read(right, second)
    words = f"{where}: {name(first)} of {reads}, where the reference takes {read}"
    return Difference(ours, theirs, words)


def _settings(first: Node, second: Node) -> list[str]:
    mine, others = dict(first.settings), dict(second.settings)
    return [
        f"{setting} {shown(mine.get(setting))} instead of {shown(others.get(setting))}"
        for setting in sorted(mine.keys() | others.keys())
        if mine.get(setting) != others.get(setting)
    ]


def shown(setting: Any) -> str:
    """Return a setting for a person: ``1`` for ``((1, 1), (1, 1))``, ``3x1`` for ``(3, 1)``."""
    if isinstance(setting, tuple) and setting:
        parts = list(dict.fromkeys(map(shown, setting)))
        return parts[0] if len(parts) == 1 else "x".join(map(shown, setting))
    return f"{setting:g}" if isinstance(setting, float) else str(setting)


def _weights(left: Canonical, first: Node, right: Canonical, second: Node) -> list[str]:
    """Return how the weights of two nodes of a kind differ in number and size."""
    mine = [left.nodes[i] for i in first.operands if left.nodes[i].kind in WEIGHTS]
    others = [right.nodes[i] for i in second.operands if right.nodes[i].kind in WEIGHTS]
    if len(mine) != len(others):
        what = "scale and shift" if first.kind.endswith("norm") else "bias"
        return [
            f"{what}, which the reference has not" if len(mine) > len(others) else f"no {what}, which the reference has"
        ]
    if not mine or mine[0].shape == others[0].shape:
        return []
    sizes, wanted = _named(first.kind, mine[0]), _named(first.kind, others[0])
    return [
        f"{size} {what} instead of {wanted.get(what, '?')}" for what, size in sizes.items() if wanted.get(what) != size
    ]


def _named(kind: str, weight: Node) -> dict[str, str]:
    """Return the sizes of a weight by what they are."""
    names = SIZES.get(kind, ("channels", "", ""))
    parts = (weight.shape[:1], weight.shape[1:2], weight.shape[2:])
    return {what: "x".join(map(str, part)) for what, part in zip(names, parts, strict=True) if what and part}


def _read(form: Canonical, node: Node) -> str:
    """Return what a node reads besides weights, and from where."""
    operands = [i for i in node.operands if form.nodes[i].kind not in WEIGHTS]
    return " and ".join(f"{name(form.nodes[i])} (line {place(form, i).site.line})" for i in operands)


def sharing(left: Canonical, right: Canonical) -> Difference:
    """Return the difference of two forms with the same operators, of which one uses a weight or a value once more."""
    for here, there, of_ours in ((left, right, True), (right, left, False)):
        reused, known = _reused(here), Counter(there.prefixes[i] for i in _reused(there))
        for index, earlier in reused.items():
            known[here.prefixes[index]] -= 1
            if known[here.prefixes[index]] < 0:
                first, again = place(here, earlier), place(here, index)
                other = place(there, there.prefixes.index(here.prefixes[index]))
                if of_ours:
                    what = f"uses the weights of line {first.site.line} again, the reference has new ones"
                    return Difference(again, other, f"{_where(again)}: {name(left.nodes[index])} {what}")
                what = f"has weights of its own, the reference uses those of `{first.module or first.kind}` again"
                return Difference(other, again, f"{_where(other)}: {name(right.nodes[index])} {what}")
    ours, theirs = place(left, len(left.nodes) - 1), place(right, len(right.nodes) - 1)
    return Difference(ours, theirs, "the operators are the same, but not what is computed once and used twice")


def _reused(form: Canonical) -> dict[int, int]:
    """Return the nodes that use a weight again, each with the one that used it first."""
    first: dict[int, int] = {}
    found: dict[int, int] = {}
    for index, node in enumerate(form.nodes):
        for operand in node.operands:
            if form.nodes[operand].kind in WEIGHTS and first.setdefault(operand, index) != index:
                found.setdefault(index, first[operand])
    return found
