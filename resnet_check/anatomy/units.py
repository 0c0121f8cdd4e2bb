"""Residual blocks in the field's words: basic or bottleneck, how wide, where the stride is, what the shortcut does."""

from __future__ import annotations

import math
from typing import NamedTuple

from resnet_check.anatomy.blocks import Block, Path
from resnet_check.anatomy.flow import Flow
from resnet_check.anatomy.gaps import channels
from resnet_check.anatomy.kinds import CENTRED, CONVOLUTIONS, NORMS
from resnet_check.graph.dim import Dim, value
from resnet_check.graph.records import Op

GATE_SIZES = 1
"""The size of the map from which a gate takes its weights: one value for each channel."""


class Conv(NamedTuple):
    """One convolution of a branch, stem or shortcut: the first of its kernel's sizes, stride and padding stand for all.

    ``op`` is its index in the model's Ops.
    """

    op: int
    kernel: int
    stride: int
    padding: int
    dilation: int
    groups: int
    wide: int
    bias: bool


class Unit(NamedTuple):
    """A residual block of a network, in the words of the papers.

    ``kind`` is ``basic`` (two convolutions of one kernel), ``bottleneck`` (1x1, k x k, 1x1) or ``other``; ``gate`` is ``se``
    where the branch is scaled by what its own average says, channel by channel. ``shortcut`` is ``identity``,
    ``projection``, ``projection without norm``, ``zero-padded``, ``pooled`` or ``pooled projection``. ``inner`` and
    ``wide`` are the channels inside and at the end of the branch.
    """

    block: Block
    kind: str
    preactivated: bool
    convs: tuple[Conv, ...]
    projection: Conv | None
    shortcut: str
    gate: str
    inner: int
    wide: int
    stride: int
    module: str

    @property
    def dilated(self) -> bool:
        """Whether a convolution of the branch reads with gaps."""
        return any(conv.dilation > 1 for conv in self.convs)

    @property
    def groups(self) -> int:
        """The groups of the convolution that looks at more than one position."""
        return max((conv.groups for conv in self.convs), default=1)


def unit(flow: Flow, block: Block) -> Unit:
    """Return a block in the words of the papers."""
    convs = tuple(conv(flow.ops[i]) for i in main_convs(flow, block.branch))
    end = flow.ops[block.sum]
    projected = [conv(flow.ops[i]) for i in block.shortcut.convs]
    what = kind(convs)
    return Unit(
        block=block,
        kind=what,
        preactivated=begins_active(block),
        convs=convs,
        projection=projected[0] if projected else None,
        shortcut=shortcut(flow, block.shortcut),
        gate=gate(flow, block.branch),
        inner=convs[0].wide if convs else 0,
        wide=size(end, 1) if what == "other" else convs[-1].wide,
        stride=stride_of(flow, block.branch),
        module=end.path,
    )


def conv(op: Op) -> Conv:
    """Return what the anatomy keeps of a convolution or linear layer."""
    facts = op.attributes
    return Conv(
        op.index,
        kernel=first(facts, "kernel", 1),
        stride=first(facts, "stride", 1),
        padding=first(facts, "padding", 0),
        dilation=first(facts, "dilation", 1),
        groups=first(facts, "groups", 1),
        wide=channels(op),
        bias=bool(facts.get("bias")),
    )


def first(facts: dict[str, object], name: str, missing: int) -> int:
    """Return the first of the sizes of an attribute; padding by words (``same``) counts as none."""
    found = facts.get(name, missing)
    found = found[0] if isinstance(found, tuple) and found else found
    return value(found) if isinstance(found, (int, Dim)) else missing


def size(op: Op, axis: int) -> int:
    """Return one size of an Op's output at the size being looked at; 0 where it has no such axis."""
    return value(op.shape[axis]) if len(op.shape) > axis else 0


def main_convs(flow: Flow, branch: Path) -> tuple[int, ...]:
    """Return the convolutions of the longest way through a branch, without those that only make a gate's weights."""
    gates = pooled(flow, branch)
    best: dict[int, tuple[int, ...]] = {}
    for op in sorted(branch.region):
        ways = [best[i] for i in flow.inputs[op] if i in best]
        longest = max(ways, key=len, default=())
        mine = flow.letter(op) in "cd" and op not in gates
        best[op] = (*longest, op) if mine else longest
    return best[max(branch.region)] if branch.region else ()


def pooled(flow: Flow, branch: Path) -> frozenset[int]:
    """Return the Ops of a branch that work on one value for each channel, made from a larger map of the branch."""
    found: set[int] = set()
    for op in sorted(branch.region):
        inputs = flow.inputs[op]
        shrinks = bool(inputs) and positions(flow, op) == GATE_SIZES < positions(flow, inputs[0])
        reduces = shrinks and flow.letter(op) not in "cd"
        if reduces or (inputs and all(i in found for i in inputs)):
            found.add(op)
    return frozenset(found)


def positions(flow: Flow, op: int) -> int:
    """Return the number of positions of an Op's map at the size being looked at."""
    return math.prod(value(each) for each in flow.ops[op].shape[2:])


def kind(convs: tuple[Conv, ...]) -> str:
    """Return what a branch is, by its convolutions."""
    kernels = [one.kernel for one in convs]
    if len(convs) == 2 and kernels[0] == kernels[1]:
        return "basic"
    if len(convs) == 3 and kernels[0] == kernels[2] == 1 and not is_inverted(convs[1], convs[2]):
        return "bottleneck"
    return "other"


def is_inverted(middle: Conv, last: Conv) -> bool:
    """Return whether the middle works channel by channel, wider than what leaves: MobileNetV2's block, no bottleneck."""
    return middle.wide > last.wide and middle.groups == middle.wide


def begins_active(block: Block) -> bool:
    """Return whether norm and activation stand before the first convolution, or shared with the shortcut before both."""
    letters = block.branch.letters
    return letters.startswith(("na", "a")) and letters.strip("g").endswith("c") and not block.then.startswith("a")


def shortcut(flow: Flow, way: Path) -> str:
    """Return what a shortcut does with the block's input."""
    ops = [flow.ops[i] for i in way.ops]
    if not ops:
        return "identity"
    has_pool = any(op.kind.endswith("pool") for op in ops)
    if way.convs:
        if has_pool:
            return "pooled projection"
        return "projection" if any(op.kind in NORMS for op in ops) else "projection without norm"
    if any(op.kind in {"pad", "cat", "mul"} for op in (flow.ops[i] for i in way.region)):
        return "zero-padded"
    return "pooled" if has_pool else "other"


def gate(flow: Flow, branch: Path) -> str:
    """Return ``se`` where the branch is scaled by a gate that looks at its own average in two layers, else nothing."""
    gates = pooled(flow, branch)
    layers = [i for i in gates if flow.letter(i) in "cd"]
    return "se" if "g" in branch.letters and len(layers) == 2 else "gated" if "g" in branch.letters else ""


def stride_of(flow: Flow, branch: Path) -> int:
    """Return by how much the branch makes the map smaller: what its strides multiply to."""
    strides = (first(flow.ops[i].attributes, "stride", 1) for i in branch.ops if is_strided(flow.ops[i]))
    return math.prod(strides)


def is_strided(op: Op) -> bool:
    """Return whether an Op can have a stride."""
    return op.kind in CONVOLUTIONS or op.kind.endswith("pool")


def is_normed(flow: Flow, op: int) -> bool:
    """Return whether a norm that removes biases reads an Op, alone."""
    reader = flow.only_reader(op)
    return reader is not None and flow.ops[reader].kind in CENTRED
