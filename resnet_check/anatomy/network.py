"""The anatomy of one Model, read once."""

from __future__ import annotations

from typing import NamedTuple

from resnet_check.anatomy import blocks, flow
from resnet_check.anatomy.blocks import Block, Path, Sum
from resnet_check.anatomy.flow import START, Flow
from resnet_check.graph.records import Model


class Anatomy(NamedTuple):
    """A Graph read as a residual network.

    ``blocks`` are the residual blocks in order, ``sums`` all additions of values that come from one place, ``stem`` is
    the way from the model's input to the first block.
    """

    model: Model
    flow: Flow
    sums: tuple[Sum, ...]
    blocks: tuple[Block, ...]
    stem: Path


def anatomy(model: Model) -> Anatomy:
    """Return the anatomy of a Model."""
    way = flow.read(model.ops)
    added = blocks.sums(way)
    found = tuple(block for one in added if (block := blocks.block(way, one)) is not None)
    first = found[0].start if found else START
    entry = next((op for op in way.path(START, first) if way.ops[op].kind == "input"), START)
    return Anatomy(model, way, added, found, blocks.path(way, entry, first))
