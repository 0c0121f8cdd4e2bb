"""A network of residual blocks as the papers' tables have it: stem, stages, head, and the depth that its name counts."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from resnet_check.anatomy.blocks import Block
from resnet_check.anatomy.flow import Flow
from resnet_check.anatomy.network import Anatomy
from resnet_check.anatomy.units import Conv, Unit, conv, first, size, unit
from resnet_check.graph.dim import value
from resnet_check.graph.records import Op


class Pool(NamedTuple):
    """The pool of a stem."""

    op: int
    kind: str
    kernel: int
    stride: int
    padding: int


class Stem(NamedTuple):
    """What stands before the first block: its convolutions and its pool. ``channels`` are those of the model's input."""

    channels: int
    convs: tuple[Conv, ...]
    pool: Pool | None

    @property
    def stride(self) -> int:
        """By how much the stem makes the map smaller."""
        strides = [one.stride for one in self.convs] + [self.pool.stride if self.pool else 1]
        found = 1
        for each in strides:
            found *= each
        return found


class Stage(NamedTuple):
    """Blocks in a row whose maps have one size and one width. ``stride`` is that of the first block."""

    units: tuple[Unit, ...]

    @property
    def wide(self) -> int:
        """The channels that leave the stage."""
        return self.units[-1].wide

    @property
    def inner(self) -> int:
        """The channels inside its blocks."""
        return self.units[-1].inner

    @property
    def stride(self) -> int:
        """By how much its first block makes the map smaller."""
        return self.units[0].stride


class Head(NamedTuple):
    """What stands behind the last block: its convolutions and linear layers, and the features of the last one.

    ``classes`` is None for a backbone without a classifier. ``averaged`` says that the first of them reads as many values
    as the last block has channels: one for each.
    """

    convs: tuple[Conv, ...]
    classes: int | None
    averaged: bool = True


class Architecture(NamedTuple):
    """A chain of residual blocks between a stem and a head.

    ``dimensions`` counts the sizes of a map (2 for images). ``beside`` is the number of weighted layers that belong to
    none of the parts (attention between the stages, heads for other tasks).
    """

    net: Anatomy
    stem: Stem
    stages: tuple[Stage, ...]
    head: Head
    dimensions: int
    beside: int

    @property
    def units(self) -> tuple[Unit, ...]:
        """The blocks of all stages, in order."""
        return tuple(unit for stage in self.stages for unit in stage.units)

    @property
    def blocks(self) -> tuple[int, ...]:
        """The number of blocks of each stage."""
        return tuple(len(stage.units) for stage in self.stages)

    @property
    def kind(self) -> str:
        """The kind that all blocks have, else ``mixed``."""
        return common([unit.kind for unit in self.units])

    @property
    def preactivated(self) -> bool:
        """Whether the blocks, but perhaps the first of a stage, begin with norm and activation (He et al. 2016)."""
        later = [unit for unit in self.units[1:] if unit.shortcut == "identity"] or list(self.units)
        return all(unit.preactivated for unit in later)

    @property
    def gate(self) -> str:
        """The gate that all blocks have; nothing where they have none, ``mixed`` where they differ."""
        return common([unit.gate for unit in self.units])

    @property
    def projected(self) -> int:
        """The number of blocks with a projection."""
        return sum(unit.projection is not None for unit in self.units)

    @property
    def depth(self) -> int:
        """The weighted layers on the way from input to output, projections left out (He et al. 2015, Table 1).

        The stem is one layer, however many convolutions stand for its 7x7 (He T. et al. 2018, ResNet-C). Wide ResNets
        count otherwise: 6n + 4 has a projection for each stage and no classifier (Zagoruyko and Komodakis 2016).
        """
        inside = sum(len(unit.convs) for unit in self.units)
        if self.is_wide:
            return 1 + inside + self.projected
        return 1 + inside + len(self.head.convs)

    @property
    def is_wide(self) -> bool:
        """Whether it is built like a Wide ResNet: pre-activated basic blocks, three stages, a projection in each that widens."""
        return (
            self.preactivated
            and self.kind == "basic"
            and len(self.stages) == 3
            and self.projected in {2, 3}
            and self.stages[0].wide > 16
        )


def common(words: list[str]) -> str:
    """Return the word that all have, else ``mixed``."""
    return words[0] if len(set(words)) == 1 else "mixed"


def architecture(net: Anatomy) -> Architecture | None:
    """Return a network's architecture; None for what is no single chain of residual blocks."""
    blocks = outermost(net.blocks)
    if not blocks or not is_chain(net.flow, blocks) or not net.stem.convs or other_sums(net, blocks):
        return None
    units = tuple(unit(net.flow, block) for block in blocks)
    if any(not one.convs for one in units):
        return None
    flow = net.flow
    stem = stem_of(net)
    head = head_of(flow, units[-1])
    mine = {one.op for part in units for one in part.convs} | {one.op for one in (*stem.convs, *head.convs)}
    mine |= {one.projection.op for one in units if one.projection is not None}
    gates = {op for one in units if one.gate for op in one.block.branch.region}
    weighted = {i for i in flow.alive if flow.letter(i) in "cd"}
    entry = flow.ops[net.stem.ops[0]] if net.stem.ops else flow.ops[blocks[0].start]
    return Architecture(
        net,
        stem,
        tuple(map(Stage, staged(units))),
        head,
        dimensions=max(len(entry.shape) - 2, 0),
        beside=len(weighted - mine - gates),
    )


def outermost(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """Return the blocks that lie in no branch of another."""
    inside = {block.sum for outer in blocks for block in blocks if block.sum in outer.branch.region}
    return tuple(block for block in blocks if block.sum not in inside)


def other_sums(net: Anatomy, blocks: tuple[Block, ...]) -> bool:
    """Return whether the network also adds what is no branch and shortcut, outside of its blocks."""
    closing = {block.sum for block in blocks}
    inside = {op for block in blocks for op in block.branch.region | block.shortcut.region}
    return any(added.last not in closing and added.last not in inside for added in net.sums)


def is_chain(flow: Flow, blocks: tuple[Block, ...]) -> bool:
    """Return whether each block reads, directly or not, what the one before it gives, and nothing goes around it."""
    return all(is_behind(flow, earlier.sum, later.start) for earlier, later in pairwise(blocks))


def is_behind(flow: Flow, before: int, op: int) -> bool:
    """Return whether every way to an Op passes another one, or it is that one."""
    while op > before:
        op = flow.gates[op]
    return op == before


def staged(units: tuple[Unit, ...]) -> list[tuple[Unit, ...]]:
    """Return the blocks stage by stage: a stage begins where the width changes, or the map gets smaller.

    Blocks of one width that all make the map smaller are one stage with a stride in every block, not many stages.
    """
    stages: list[list[Unit]] = [[units[0]]]
    for before, one in pairwise(units):
        wider = one.wide != before.wide
        smaller = one.stride != 1 and before.stride == 1
        if wider or smaller:
            stages.append([])
        stages[-1].append(one)
    return [tuple(stage) for stage in stages]


def stem_of(net: Anatomy) -> Stem:
    """Return what stands before the first block."""
    ops = [net.flow.ops[i] for i in net.stem.ops]
    pools = [op for op in ops if op.kind in {"max_pool", "avg_pool"}]
    convs = tuple(conv(net.flow.ops[i]) for i in net.stem.convs)
    entry = net.flow.ops[convs[0].op]
    channels = entry.attributes.get("in_channels", entry.attributes.get("in_features", 0))
    return Stem(value(channels), convs, pool_of(pools[-1]) if pools else None)


def pool_of(op: Op) -> Pool:
    """Return what the anatomy keeps of a pool."""
    facts = op.attributes
    return Pool(op.index, op.kind, first(facts, "kernel", 1), first(facts, "stride", 1), first(facts, "padding", 0))


def head_of(flow: Flow, last: Unit) -> Head:
    """Return what stands behind the last block, where it is one way to one output."""
    returned = [i for i in flow.returned if is_behind(flow, last.block.sum, i)]
    if len(flow.returned) != 1 or not returned:
        return Head((), None)
    after = flow.path(last.block.sum, returned[0])
    convs = tuple(conv(flow.ops[i]) for i in after if flow.letter(i) in "cd")
    end = flow.ops[returned[0]]
    flat = len(end.shape) == 2 or all(size(end, axis) == 1 for axis in range(2, len(end.shape)))
    entry = flow.ops[convs[0].op].attributes if convs else {}
    reads = entry.get("in_features", entry.get("in_channels", last.wide))
    return Head(convs, convs[-1].wide if convs and flat else None, value(reads) == last.wide)
