"""Where a network stays linear against its own style: between convolutions, after sums, after the stem."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_check.anatomy.blocks import Block
from resnet_check.anatomy.gaps import Gap, channels, gaps, is_inverted, is_plain, is_private, is_simple
from resnet_check.anatomy.kinds import ACTIVATION, GATE
from resnet_check.anatomy.network import Anatomy
from resnet_check.anatomy.owners import is_inside, owner
from resnet_check.graph.dim import value


def linear_gaps(net: Anatomy) -> Iterator[Gap]:
    """Yield the gaps in branches and stem that have no activation though the network's style has one."""
    inner = [(block, gap) for block in net.blocks if is_simple(block.branch) for gap in gaps(block.branch)]
    usual = any(ACTIVATION in gap.letters or GATE in gap.letters for _, gap in inner)
    normed = any("n" in gap.letters for _, gap in inner)
    original = ACTIVATION in net.stem.letters
    for block, gap in inner:
        expected = usual or is_preactivated(block) or (original and block.then.startswith("a"))
        if expected and is_linear(net, gap, normed=normed):
            yield gap
    if usual and set(net.stem.letters) <= set("cnap_") and set(net.stem.letters) & set("na"):
        yield from (gap for gap in gaps(net.stem) if is_linear(net, gap, normed=normed) and not narrows(net, gap.first))


def narrows(net: Anatomy, conv: int) -> bool:
    """Return whether a convolution gives fewer channels than it takes: in a stem MobileNetV2's linear bottleneck."""
    op = net.model.ops[conv]
    return channels(op) < int(value(op.attributes.get("in_channels", 0)))


def linear_norms(net: Anatomy) -> Iterator[int]:
    """Yield the norms that begin a pre-activation branch without an activation behind them.

    A branch that ends in a norm too is a PyramidNet's or a face network's, and means it; so does one whose norm stands
    behind the activation.
    """
    for block in net.blocks:
        shared = net.flow.letter(block.start) == "n"
        before = net.flow.gates[block.start] if shared else block.start
        if before >= 0 and net.flow.letter(before) == "a":
            continue
        order = "n" * shared + block.branch.letters
        if order.startswith("nc") and order.endswith("c") and "nac" in order and order.count("n") == order.count("c"):
            first = block.start if shared else block.branch.ops[0]
            if set(order) <= set("nac") and is_plain(net.flow, block.branch.convs[0]) and block.then[:1] != "a":
                yield first


def is_preactivated(block: Block) -> bool:
    """Return whether a branch begins with norm and activation."""
    return block.branch.letters.startswith("na")


def is_low_rank(net: Anatomy, gap: Gap) -> bool:
    """Return whether two 1x1 convolutions go through fewer channels: a matrix of low rank, MobileNeXt's linear bottleneck."""
    first, second = net.model.ops[gap.first], net.model.ops[gap.second]
    pointwise = all(set(op.attributes.get("kernel", ())) == {1} for op in (first, second))
    return pointwise and narrows(net, gap.first) and channels(first) < channels(second)


def is_linear(net: Anatomy, gap: Gap, *, normed: bool) -> bool:
    """Return whether two ordinary convolutions have at most a norm, a mean or padding between them.

    In a network with norms one must be between them: two convolutions without anything between are a factorised one.
    """
    flow = net.flow
    return (
        set(gap.letters) <= set("np_")
        and not any("max_pool" in net.model.ops[op].kind for op in gap.ops)
        and not is_low_rank(net, gap)
        and ("n" in gap.letters if normed else net.model.ops[gap.first].attributes["bias"])
        and all(is_plain(flow, op) for op in (gap.first, gap.second))
        and is_private(flow, gap)
    )


def linear_sums(net: Anatomy) -> Iterator[Block]:
    """Yield the blocks of the original style whose sum should be activated and is not."""
    original = [block for block in net.blocks if is_original(net, block)]
    active = {outline(block) for block in original if block.then.startswith("a") and is_own(net, block)}
    bare = [block for block in original if is_bare(block)]
    if active:
        if bare != [net.blocks[-1]]:
            yield from (block for block in bare if outline(block) in active)
    elif len(bare) > 1 and len(bare) == len(net.blocks) and is_encoder(net) and is_normal(net, bare):
        yield from bare


def is_own(net: Anatomy, block: Block) -> bool:
    """Return whether the activation behind a sum is the block's, not what the network does with the last one."""
    ops = net.model.ops
    return block is not net.blocks[-1] or owner(net.model, ops[net.flow.following(block.sum)[0]]) is owner(
        net.model, ops[block.sum]
    )


def outline(block: Block) -> str:
    """Return the order of convolutions, norms and activations in the branch."""
    return "".join(letter for letter in block.branch.letters if letter in "cna")


def is_original(net: Anatomy, block: Block) -> bool:
    """Return whether a branch begins with a convolution, ends without an activation, and is no inverted bottleneck."""
    order = outline(block)
    return is_simple(block.branch) and order[:1] == "c" and order[-1:] != "a" and not is_inverted(net.flow, block)


def is_bare(block: Block) -> bool:
    """Return whether convolutions, sums, pools or the classifier read the sum as it is."""
    after = block.then.lstrip("p_") + block.readers
    return after[:1] in {"", "c", "o"} if block.then.strip("p_") else set(block.readers) <= set("c+po")


def is_encoder(net: Anatomy) -> bool:
    """Return whether the model ends in pool and classifier, or has projections with norms: no generator of images."""
    then = net.blocks[-1].then
    classifier = then.endswith("c") and set(then[:-1]) <= set("po") and bool(then[:-1])
    return classifier or any("cn" in block.shortcut.letters for block in net.blocks)


def is_normal(net: Anatomy, blocks: list[Block]) -> bool:
    """Return whether stem and branches have norms and activations as the original network does."""
    return net.stem.letters.strip("_").startswith("cna") and all(
        block.branch.letters.rstrip("g").endswith("n") and all("a" in gap.letters for gap in gaps(block.branch))
        for block in blocks
    )


def is_block_s_own(net: Anatomy, conv: int) -> bool:
    """Return whether the last convolution before the first block belongs to the module that makes its sum.

    Such a block begins with a projection that both its ways read; a network of that one block alone is the same.
    """
    ops = net.model.ops
    where = ops[net.blocks[0].sum].path if net.blocks else ""
    return len(net.blocks) == 1 or (bool(where) and is_inside(ops[conv].path, where))


def linear_stem(net: Anatomy) -> int | None:
    """Return the last Op of a stem that should be activated and is not."""
    letters = net.stem.letters
    last = letters.rfind("c")
    if last >= 0 and is_block_s_own(net, net.stem.ops[last]):
        return None
    if last < 0 or not net.blocks or not is_original(net, net.blocks[0]) or not net.blocks[0].then.startswith("a"):
        return None
    tail = letters[last + 1 :]
    readers = {net.flow.letter(op) for op in net.flow.readers[net.stem.ops[-1]]}
    if "n" not in tail or not set(tail) <= set("np_") or not readers <= set("c+po"):
        return None
    return net.stem.ops[last + 1 + tail.rfind("n")]
