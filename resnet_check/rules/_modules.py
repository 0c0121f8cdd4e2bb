"""Questions about the modules of a model that several rules ask."""

from __future__ import annotations

from math import prod

from resnet_check.graph.dim import value
from resnet_check.graph.records import Model, ModuleRecord


def below(model: Model, record: ModuleRecord) -> list[ModuleRecord]:
    """Return a module and those under it."""
    inside = {record.index}
    found = [record]
    for other in model.modules:
        if other.parent in inside and other.index not in inside:
            inside.add(other.index)
            found.append(other)
    return found


def trainable(records: list[ModuleRecord]) -> int:
    """Return the number of scalars in the parameters of modules that take a gradient."""
    return sum(
        prod(value(size) or 0 for size in shape)
        for r in records
        for name, shape in r.parameters.items()
        if name not in r.frozen
    )


def without_gradient(model: Model, records: list[ModuleRecord]) -> bool:
    """Return whether all that the modules compute is computed under ``no_grad``."""
    layers = {record.index for record in records}
    ops = [op for op in model.ops if op.layer in layers]
    return bool(ops) and all(op.attributes.get("no_grad") for op in ops)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 module``, ``12,345 parameters``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
