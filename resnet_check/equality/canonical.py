"""The canonical form of a Graph: what it computes, without the names, the order and the spelling.

Two Graphs have the same canonical form if they compute the same function in eval mode for every setting of their weights,
as far as rewriting of neighbouring operators can show. Weights are the parameters and the buffers. Gradients, momentum and
dropout are no part of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from resnet_check.equality import layers
from resnet_check.equality.nodes import COMMUTATIVE, WEIGHTS, Builder, Node, Unanswerable
from resnet_check.equality.rewriting import SHARING, rewrite
from resnet_check.equality.weights import OWN, Weight, expected, own, used_directly
from resnet_check.graph.dim import Dim
from resnet_check.graph.records import Guard, Model, Op

REGISTERED = (layers,)
"""Imported for the rules that it registers."""

VERSION = "1"
"""Part of every digest: to be changed with what digests are made of."""

SAME = frozenset({"identity", "detach"})
"""Kinds that are another name for the whole of their operand."""

TOGETHER = frozenset(
    {"add", "cat", "clamp", "div", "matmul", "maximum", "minimum", "mul", "pow", "stack", "sub", "normalize", "expand"}
)
"""Kinds that could take a layer's own weight as one operand among several, which the Graph does not show."""


class Canonical(NamedTuple):
    """The canonical form of a Model's Graph.

    ``nodes`` are in an order in which operands come first; the last one is what the model returns. ``prefixes`` says for
    each node what it computes, weights without identity; ``identities`` says also where it and its weights are used.
    ``digest`` is the same, between runs too, for two Graphs of the same form. ``conditions`` are what had to be taken for
    granted at the size being looked at.
    """

    model: Model
    nodes: tuple[Node, ...]
    conditions: tuple[Guard, ...]
    prefixes: tuple[str, ...]
    identities: tuple[str, ...]
    digest: str


def canonical(model: Model, *, exact: bool = True) -> Canonical:
    """Return the canonical form of a Model; not ``exact``: of what it computes at sizes like the one being looked at.

    Raises Unanswerable where the Graph does not say enough.
    """
    if model.status != "complete" or not model.ops or model.ops[-1].index != len(model.ops) - 1:
        message = "the model was not understood completely"
        raise Unanswerable(message)
    b = Builder(exact=exact)
    _build(b, model)
    nodes = joined_sums(pruned(b.nodes))
    prefixes = _prefixes(nodes)
    identities = _identities(nodes, prefixes)
    digest = _hash(VERSION, sorted(identities))
    return Canonical(model, nodes, tuple(b.conditions), tuple(prefixes), tuple(identities), digest)


def _build(b: Builder, model: Model) -> None:
    """Add the nodes of everything on which the model's output depends, and the output last.

    Where an Op changes the element type on the way, that is a node of its own.
    """
    ops = model.ops
    alive = _alive(ops)
    _refuse_aliases(ops, alive)
    made: dict[int, int] = {}
    for index in sorted(alive):
        op = ops[index]
        b.op, b.site = index, op.site
        if op.kind in WEIGHTS:
            made[index] = _weight(b, used_directly(model, op))
        elif op.kind == "input":
            made[index] = b.add("input", (), op.shape, size=op.shape)
        elif op.kind == "write":
            made[index] = made[_written(ops, op)]
        else:
            found = rewrite(b, op, _operands(b, model, op, made))
            given = ops[op.inputs[0]].dtype if op.inputs else op.dtype
            made[index] = found if op.dtype == given else b.add("cast", (found,), op.shape, dtype=op.dtype)
    b.op = len(ops) - 1
    leaves, structure = _returned(model)
    b.add("output", [made[index] for index in leaves], (), structure=structure)


def _operands(b: Builder, model: Model, op: Op, made: dict[int, int]) -> list[int]:
    """Return the nodes that an Op reads, its layer's own weights last."""
    x = [made[index] for index in op.inputs]
    layer = model.layer(op)
    if op.kind in OWN:
        x += [_weight(b, found) for found in own(model, op)]
    elif layer is not None and (layer.parameters or layer.buffers) and op.kind in TOGETHER:
        message = f"`{op.kind}` in a layer with weights of its own is not compared"
        raise Unanswerable(message)
    number = expected(op)
    if (number is not None and len(x) != number) or (not x and op.kind != "constant"):
        message = f"what `{op.kind}` reads is not known"
        raise Unanswerable(message)
    return x


def _weight(b: Builder, found: Weight) -> int:
    """Return the node of a weight; dims of size 1 behind do not count, as of a 1x1 convolution against a linear layer."""
    size = list(found.shape)
    while size and size[-1] == 1:
        size.pop()
    return b.add(found.kind, (), found.shape, found.path, size=size)


def _alive(ops: Sequence[Op]) -> set[int]:
    """Return the Ops on which something that is returned depends."""
    found: set[int] = set()
    todo = [op.index for op in ops if op.returned]
    while todo:
        index = todo.pop()
        if index not in found:
            found.add(index)
            op = ops[index]
            todo.extend(op.inputs if op.kind != "write" else (_written(ops, op),))
    return found


def _written(ops: Sequence[Op], write: Op) -> int:
    """Return the Op whose output a tensor holds after one of its views was overwritten, if that is the whole of it."""
    base, index = write.inputs
    view = ops[index].inputs[0] if ops[index].inputs else index
    while view != base and ops[view].kind in SAME:
        view = ops[view].inputs[0]
    if view != base:
        message = "a part of a tensor is overwritten"
        raise Unanswerable(message)
    return index


def _refuse_aliases(ops: Sequence[Op], alive: set[int]) -> None:
    """Raise Unanswerable where something reads memory that was overwritten after the value it means was computed.

    The reader follows all names of one tensor; a view that was taken before an in-place operator is what it cannot follow.
    """
    memory: list[int] = []
    written: dict[int, int] = {}
    for op in ops:
        shares = op.inputs and (op.inplace or op.kind in SHARING)
        place = memory[op.inputs[0]] if shares else op.index
        memory.append(place)
        if op.kind == "write":
            continue
        if op.index in alive and any(written.get(memory[i], -1) > i for i in op.inputs):
            message = "memory is read after an in-place operator changed it"
            raise Unanswerable(message)
        if op.inplace:
            if ops[place].kind in {*WEIGHTS, "constant"}:
                message = "a weight or constant is overwritten"
                raise Unanswerable(message)
            written[place] = op.index
    for op in ops:
        if op.returned and written.get(memory[op.index], -1) > op.index:
            message = "what is returned was overwritten by an in-place operator"
            raise Unanswerable(message)


def _returned(model: Model) -> tuple[list[int], Any]:
    """Return the Ops that the model returns, and how they are nested; leaves are told apart by their shapes."""
    returned = [op.index for op in model.ops if op.returned]
    by_shape: dict[Any, list[int]] = {}
    for index in returned:
        by_shape.setdefault(model.ops[index].shape, []).append(index)
    leaves: list[int] = []

    def nested(output: Any) -> Any:
        if isinstance(output, dict):
            return tuple([(str(name), nested(part)) for name, part in output.items()])
        if isinstance(output, (list, tuple)) and not _is_shape(output):
            return tuple([nested(part) for part in output])
        found = by_shape.get(output, []) if isinstance(output, tuple) else []
        if len(found) != 1:
            message = "which of its outputs is which is not known"
            raise Unanswerable(message)
        leaves.append(found[0])
        return len(leaves) - 1

    structure = nested(model.output)
    if set(leaves) != set(returned) or not leaves:
        message = "which of its outputs is which is not known"
        raise Unanswerable(message)
    return leaves, structure


def _is_shape(output: Any) -> bool:
    return isinstance(output, tuple) and bool(output) and all(isinstance(size, (int, Dim)) for size in output)


def pruned(nodes: Sequence[Node]) -> list[Node]:
    """Return the nodes on which the last one depends, renumbered."""
    keep = {len(nodes) - 1}
    for index in range(len(nodes) - 1, -1, -1):
        if index in keep:
            keep.update(nodes[index].operands)
    order = sorted(keep)
    new = {old: index for index, old in enumerate(order)}
    return [nodes[old]._replace(operands=tuple([new[i] for i in nodes[old].operands])) for old in order]


def joined_sums(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """Return the nodes with sums of sums (and products of products) in one, where nobody else reads the inner one."""
    readers = [0] * len(nodes)
    for node in nodes:
        for operand in node.operands:
            readers[operand] += 1
    joined: list[Node] = []
    for node in nodes:
        operands = node.operands
        if node.kind in COMMUTATIVE and any(joined[i].kind == node.kind and readers[i] == 1 for i in operands):
            parts = [joined[i].operands if joined[i].kind == node.kind and readers[i] == 1 else (i,) for i in operands]
            operands = tuple(sorted(i for part in parts for i in part))
        joined.append(node._replace(operands=operands))
    return tuple(pruned(joined))


def _hash(*parts: Any) -> str:
    return blake2b("\n".join(map(text, parts)).encode(), digest_size=16).hexdigest()


def text(setting: Any) -> str:
    """Return a setting as text that is the same for equal settings: ``1.0`` is ``1``."""
    if isinstance(setting, str):
        return setting
    if isinstance(setting, (tuple, list)):
        return f"({','.join(map(text, setting))})"
    if isinstance(setting, float) and setting.is_integer():
        return str(int(setting))
    return str(setting)


def label(node: Node) -> str:
    """Return what a node does, without its operands."""
    return f"{node.kind} {' '.join(f'{name}={text(setting)}' for name, setting in node.settings)}"


def in_order(node: Node, names: Sequence[str]) -> list[str]:
    """Return the names of a node's operands, sorted where their order does not matter."""
    found = [names[i] for i in node.operands]
    return sorted(found) if node.kind in COMMUTATIVE else found


def _prefixes(nodes: Sequence[Node]) -> list[str]:
    """Return for each node a digest of it and of everything before it."""
    found: list[str] = []
    for node in nodes:
        found.append(_hash(label(node), in_order(node, found)))
    return found


def _identities(nodes: Sequence[Node], prefixes: Sequence[str]) -> list[str]:
    """Return for each node a digest of everything before and behind it, and of where its weights are used besides."""
    uses: list[list[str]] = [[] for _ in nodes]
    behind = [""] * len(nodes)
    for index in range(len(nodes) - 1, -1, -1):
        behind[index] = _hash(prefixes[index], sorted(uses[index]))
        node = nodes[index]
        for position, operand in enumerate(node.operands):
            uses[operand].append(f"{'' if node.kind in COMMUTATIVE else position} {behind[index]}")
    found: list[str] = []
    for index, node in enumerate(nodes):
        found.append(_hash(behind[index], in_order(node, found)))
    return found
