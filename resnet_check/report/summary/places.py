"""Where each operation of a network stands in the paper's table: conv1, conv2_x and so on."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resnet_check.anatomy.architecture import Architecture
    from resnet_check.anatomy.units import Unit
    from resnet_check.papers.comparing import Identity


def places(network: Identity) -> dict[int, str]:
    """Return the stage of each Op by its index, in the words of the paper whose network it is nearest to.

    The pool behind the stem belongs to conv2_x, as in Table 1 of He et al. 2015. Nothing stands for the head.
    """
    found = network.architecture
    names = network.match.variant.stages if network.match else ()
    names = names if len(names) == len(found.stages) else tuple(f"stage {i + 1}" for i in range(len(found.stages)))
    ends = [_stem_end(found), *(_end(found, stage.units[-1]) for stage in found.stages)]
    stages = zip(("conv1" if network.match else "stem", *names), pairwise((0, *ends)), strict=True)
    return {op: name for name, (before, end) in stages for op in range(before + 1, end + 1)}


def _stem_end(found: Architecture) -> int:
    """Return the last Op of the stem: what stands before the pool that ends it, else before the first block.

    A norm between them belongs to the block where the blocks begin with it.
    """
    last, pool = found.stem.convs[-1].op, found.stem.pool
    if pool is not None and pool.op > last:
        return pool.op - 1
    return last if found.preactivated else found.units[0].block.start


def _end(found: Architecture, last: Unit) -> int:
    """Return the last Op of a stage: the sum of its last block, or the activation that alone reads it."""
    block = last.block
    reader = found.net.flow.only_reader(block.sum) if block.then.startswith("a") else None
    return block.sum if reader is None else reader
