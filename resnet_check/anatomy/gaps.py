"""What stands between one convolution and the next."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from resnet_check.anatomy.blocks import Block, Path
from resnet_check.anatomy.flow import Flow
from resnet_check.anatomy.kinds import CONV, DEPTHWISE
from resnet_check.graph.dim import value
from resnet_check.graph.records import Op

WEIGHTED = CONV + DEPTHWISE


class Gap(NamedTuple):
    """Two convolutions that follow each other on a path, and the Ops between them with their roles."""

    first: int
    second: int
    ops: tuple[int, ...]
    letters: str


def gaps(path: Path) -> Iterator[Gap]:
    """Yield the gaps of a path in order."""
    places = [i for i, letter in enumerate(path.letters) if letter in WEIGHTED]
    for left, right in pairwise(places):
        between = slice(left + 1, right)
        yield Gap(path.ops[left], path.ops[right], path.ops[between], path.letters[between])


def is_simple(path: Path) -> bool:
    """Return whether a path is a chain of convolutions, norms, activations, pools and gates, with a convolution."""
    return set(path.letters) <= set("cdnapgs_") and bool(path.convs)


def is_plain(flow: Flow, index: int) -> bool:
    """Return whether an Op is an ordinary convolution: neither depthwise nor one half of a factorised one."""
    op = flow.ops[index]
    kernel = op.attributes.get("kernel", ())
    return flow.letter(index) == CONV and op.kind != "linear" and len(set(kernel)) == 1


def is_private(flow: Flow, gap: Gap) -> bool:
    """Return whether nothing else reads what stands between the two convolutions."""
    return all(flow.only_reader(op) is not None for op in (gap.first, *gap.ops))


def is_inverted(flow: Flow, block: Block) -> bool:
    """Return whether the branch is wide inside and narrow at its ends, or works channel by channel."""
    convs = [flow.ops[op] for op in block.branch.convs]
    if not convs or DEPTHWISE in block.branch.letters:
        return True
    return len(convs) > 1 and channels(convs[0]) > channels(convs[-1])


def channels(op: Op) -> int:
    """Return the number of channels, or features, that an Op gives."""
    return int(value(op.attributes.get("out_channels", op.attributes.get("out_features", 0))))
