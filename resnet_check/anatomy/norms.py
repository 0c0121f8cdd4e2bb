"""Convolutions without the norm that the network's style puts beside each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from resnet_check.anatomy.blocks import Block
from resnet_check.anatomy.gaps import WEIGHTED, is_plain, is_simple
from resnet_check.anatomy.kinds import CONV, DEPTHWISE, NORM
from resnet_check.anatomy.network import Anatomy
from resnet_check.anatomy.owners import enclosing, layer_of
from resnet_check.graph.records import Model, ModuleRecord


class Bare(NamedTuple):
    """A convolution without its norm.

    ``role`` is ``projection``, ``branch`` or ``stem``; ``at`` is the Op beside which the norm is missing; ``unused`` is
    a norm of its width that the same module registers and nobody calls.
    """

    conv: int
    at: int
    role: str
    block: Block
    unused: ModuleRecord | None


def bare_convs(net: Anatomy) -> Iterator[Bare]:
    """Yield the convolutions that have no norm though the other ones beside them do."""
    for block in net.blocks:
        if is_simple(block.branch) and NORM in block.branch.letters and DEPTHWISE not in block.branch.letters:
            yield from in_branch(net, block)
            if is_original(block) and order(block).endswith(NORM) and block.shortcut.letters.strip("p_") == CONV:
                yield from found(net, block.shortcut.convs[0], "projection", block)
    if net.blocks and is_original(net.blocks[0]) and set(net.stem.letters) <= set("cnap_"):
        for conv, after in followed(net.stem.ops, net.stem.letters):
            if NORM not in after and after.strip("p_").startswith("a") and all_normed(net):
                yield from found(net, conv, "stem", net.blocks[0])


def in_branch(net: Anatomy, block: Block) -> Iterator[Bare]:
    """Yield the convolutions of a branch that lack a norm: behind them, or before them in a pre-activation branch."""
    ops, letters = block.branch.ops, block.branch.letters
    if is_original(block):
        for conv, after in followed(ops, letters):
            if set(after) <= set("apg_"):
                yield from found(net, conv, "branch", block)
    elif order(block).startswith("na"):
        previous = None
        for conv, after in followed(ops, letters):
            if previous is not None and set(previous[1]) <= set("ap_"):
                yield from found(net, previous[0], "branch", block, at=ops[ops.index(conv) - 1])
            previous = conv, after


def found(net: Anatomy, conv: int, role: str, block: Block, at: int | None = None) -> Iterator[Bare]:
    """Yield a convolution of torch's own that lacks its norm."""
    layer = layer_of(net.model, net.model.ops[conv])
    if layer is not None and layer.type.startswith("torch.nn.Conv") and is_plain(net.flow, conv):
        yield Bare(conv, conv if at is None else at, role, block, unused_norm(net.model, layer))


def order(block: Block) -> str:
    """Return the order of convolutions, norms and activations in the branch."""
    return "".join(letter for letter in block.branch.letters if letter in "cna")


def is_original(block: Block) -> bool:
    """Return whether a branch begins with a convolution and ends in a norm, or an activation follows its sum.

    A norm behind the sum, or before the next branch, makes up for one that is missing.
    """
    if NORM in (block.then[:1] or block.readers):
        return False
    return order(block)[:1] == CONV and (block.then.startswith("a") or order(block).endswith(NORM))


def followed(ops: tuple[int, ...], letters: str) -> Iterator[tuple[int, str]]:
    """Yield each ordinary convolution of a path with what stands between it and the next, or the end."""
    for i, letter in enumerate(letters):
        if letter == CONV:
            rest = letters[i + 1 :]
            end = next((j for j, other in enumerate(rest) if other in WEIGHTED), len(rest))
            yield ops[i], rest[:end]


def all_normed(net: Anatomy) -> bool:
    """Return whether every convolution in the simple branches has a norm behind it."""
    simple = [block.branch for block in net.blocks if is_simple(block.branch)]
    return bool(simple) and all(NORM in after for path in simple for _, after in followed(path.ops, path.letters))


def unused_norm(model: Model, conv: ModuleRecord) -> ModuleRecord | None:
    """Return a norm of the convolution's width that the same module registers and nobody calls."""
    home, width = enclosing(model, conv), conv.attributes.get("out_channels")
    for record in model.modules:
        wide = record.attributes.get("num_features", record.attributes.get("num_channels"))
        idle = record.registered and not record.reached and "Norm" in record.type
        if idle and width is not None and wide == width and enclosing(model, record) is home:
            return record
    return None
