"""Modules that look like residual blocks but for the addition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from resnet_check.anatomy.blocks import Path, path
from resnet_check.anatomy.gaps import is_simple
from resnet_check.anatomy.network import Anatomy
from resnet_check.graph.records import ModuleRecord


class Plain(NamedTuple):
    """A module of the file whose forward is one chain from its input to its output.

    ``start`` is the Op whose output it reads, ``chain`` the way from there to its output.
    """

    module: ModuleRecord
    start: int
    chain: Path


def plain_modules(net: Anatomy) -> tuple[Plain, ...]:
    """Return the modules that are a simple chain of two convolutions or more, whose output is added to nothing."""
    users = {m.path: m for m in net.model.modules if m.class_line and m.path and len(m.calls) == 1}
    inside: dict[str, list[int]] = {name: [] for name in users}
    for index in sorted(net.flow.alive):
        for name in outer_paths(net.flow.ops[index].path) if net.flow.inputs[index] else ():
            if name in inside:
                inside[name].append(index)
    chains = (plain(net, users[name], mine) for name, mine in inside.items() if mine)
    return tuple(found for found in chains if found is not None)


def idle_projections(net: Anatomy, chains: Iterable[Plain]) -> dict[int, ModuleRecord]:
    """Return, for the lines of classes, a shortcut's projection that an instance registers and no instance calls.

    Such is a module with one convolution that fits beside the chain of convolutions that the instance is.
    """
    modules, called = net.model.modules, set()
    idle: dict[int, list[ModuleRecord]] = {}
    for record in modules:
        if record.parent is not None and record.reached:
            called.add((modules[record.parent].class_line, record.path.rpartition(".")[2]))
        elif record.parent is not None and record.registered:
            idle.setdefault(record.parent, []).append(record)
    found: dict[int, ModuleRecord] = {}
    for one in chains:
        for child in idle.get(one.module.index, ()):
            name = child.path.rpartition(".")[2]
            if (one.module.class_line, name) not in called and fits_beside(net, one, child):
                found.setdefault(one.module.class_line, child)
    return found


def fits_beside(net: Anatomy, one: Plain, child: ModuleRecord) -> bool:
    """Return whether a module is a projection from the chain's input to its output."""
    below = [m for m in net.model.modules if m.path == child.path or m.path.startswith(f"{child.path}.")]
    convs = [m for m in below if m.type.startswith("torch.nn.Conv")]
    if len(convs) != 1 or len(below) > 4:
        return False
    ends = tuple(net.model.ops[op].shape[1] for op in (one.start, one.chain.ops[-1]))
    return ends == (convs[0].attributes.get("in_channels"), convs[0].attributes.get("out_channels"))


def outer_paths(path: str) -> Iterator[str]:
    """Yield a module's path and those of the modules around it."""
    while path:
        yield path
        path = path.rpartition(".")[0]


def plain(net: Anatomy, module: ModuleRecord, mine: list[int]) -> Plain | None:
    """Return a module, given its Ops, as a chain, or None where it is more than that."""
    flow = net.flow
    own = set(mine)
    starts = {i for op in mine for i in flow.inputs[op] if i not in own}
    ends = [op for op in mine if op in flow.returned or any(reader not in own for reader in flow.readers[op])]
    if len(starts) != 1 or len(ends) != 1:
        return None
    start = starts.pop()
    chain = path(flow, start, ends[0])
    additions = any(flow.ops[op].kind == "add" and len(flow.inputs[op]) > 1 for op in chain.region)
    is_chain = is_simple(chain) and len(chain.convs) > 1 and own <= chain.region and not additions
    if not is_chain or any(flow.letter(reader) in "+j" for reader in flow.readers[ends[0]]):
        return None
    added = any(ends[0] in way.region for one in net.sums if one.start == start for way in one.paths)
    return None if added else Plain(module, start, chain)
