"""Modules that look like residual blocks but for the addition."""

from __future__ import annotations

from dataclasses import dataclass

from resnet_check.anatomy.blocks import Path, path
from resnet_check.anatomy.gaps import is_simple
from resnet_check.anatomy.network import Anatomy
from resnet_check.anatomy.owners import is_inside
from resnet_check.graph.records import ModuleRecord


@dataclass(frozen=True, slots=True)
class Plain:
    """A module of the file whose forward is one chain from its input to its output.

    ``start`` is the Op whose output it reads, ``chain`` the way from there to its output.
    """

    module: ModuleRecord
    start: int
    chain: Path


def plain_modules(net: Anatomy) -> tuple[Plain, ...]:
    """Return the modules that are a simple chain of two convolutions or more, whose output is added to nothing."""
    users = [m for m in net.model.modules if m.class_line and m.path and len(m.calls) == 1]
    return tuple(found for module in users if (found := plain(net, module)) is not None)


def plain(net: Anatomy, module: ModuleRecord) -> Plain | None:
    """Return a module as a chain, or None where it is more than that."""
    flow = net.flow
    alive = flow.alive
    mine = [o.index for o in flow.ops if o.index in alive and flow.inputs[o.index] and is_inside(o.path, module.path)]
    if not mine:
        return None
    own = set(mine)
    starts = {i for op in mine for i in flow.inputs[op] if i not in own}
    ends = [op for op in mine if op in flow.returned or any(reader not in own for reader in flow.readers[op])]
    if len(starts) != 1 or len(ends) != 1:
        return None
    start = starts.pop()
    chain = path(flow, start, ends[0])
    is_chain = is_simple(chain) and len(chain.convs) > 1 and set(mine) <= chain.region and "+" not in chain.letters
    added = any(flow.letter(reader) in "+j" for reader in flow.readers[ends[0]]) or any(
        one.start == start and ends[0] in way.region for one in net.sums for way in one.paths
    )
    return Plain(module, start, chain) if is_chain and not added else None
