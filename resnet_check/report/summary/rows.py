"""The rows of a summary: what each module gives and costs, computed from a Model alone."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from math import prod
from typing import Any

from resnet_check.graph.dim import Dim, symbols, value
from resnet_check.graph.records import Model, ModuleRecord, Op
from resnet_check.graph.sizes import each_multiply_adds

SOURCES = frozenset({"parameter", "buffer", "constant"})
SILENT = SOURCES | {"input", "item"}
"""The kinds of Ops that compute nothing."""

UNREGISTERED = "not registered"
"""The remark on a module whose parameters are none of the model's."""

FORWARD, PARAMETER = "forward", "parameter"
OF_MODULE = frozenset({FORWARD, PARAMETER})
"""The kinds of the rows that stand for no module."""


@dataclass(frozen=True, slots=True)
class Row:
    """A module, ``count`` alike neighbours that follow each other, or what ``forward`` does between two modules.

    ``kind`` is the module's class, ``forward`` for operations and ``parameter`` for a parameter of a module that has
    modules below it; ``detail`` the kernel and what is special about it. ``outputs`` are the different outputs of its
    calls: a tuple of sizes (None for the batch) for a tensor, lists and dicts of those, None for what is not known.
    ``params`` and ``macs`` are those of one of the neighbours, with all that is below it; None where not known.
    A parameter that modules share is counted once in each row that holds several of them. ``place`` is the place of
    the module in the paper's table.
    """

    name: str
    kind: str
    detail: str = ""
    count: int = 1
    outputs: tuple[Any, ...] = ()
    params: int | None = 0
    macs: int | None = 0
    remarks: tuple[str, ...] = ()
    place: str = ""
    children: tuple[Row, ...] = ()


def rows(model: Model, places: Mapping[int, str] | None = None) -> Row:
    """Return the row of the root, with all others below it.

    ``places`` names the place of each Op in the paper's table, by its index.
    """
    if not model.modules:
        # It could not be built.
        return Row("", "", outputs=(None,), params=None, macs=None)
    return _Tree(model, places or {}).row(0)


def rolled_up(row: Row) -> Row:
    """Return a row with the alike neighbours below it, numbered in a row, made into one row each."""
    alike = groupby(enumerate(map(rolled_up, row.children)), key=lambda pair: _series(*pair))
    return replace(row, children=tuple(_one([child for _, child in group]) for _, group in alike))


def _series(position: int, row: Row) -> tuple[Row, str, int | None]:
    """Return what a row has in common with those of its series: all but the name, and that without its number."""
    numbered = re.fullmatch(r"(.*?)([0-9]{1,9})", row.name)
    if numbered is None or row.kind in OF_MODULE:
        return replace(row, name=""), row.name, None
    return replace(row, name=""), numbered[1], int(numbered[2]) - position


def _one(alike: Sequence[Row]) -> Row:
    """Return the one row for rows of a series."""
    first, last = alike[0], alike[-1]
    if len(alike) == 1:
        return first
    name = first.name if first.name == last.name else f"{first.name}-{last.name}"
    return replace(first, name=name, count=len(alike))


def cut(row: Row, depth: int) -> Row:
    """Return a row with so many levels of rows below it."""
    return replace(row, children=tuple(cut(child, depth - 1) for child in row.children) if depth > 0 else ())


def count(row: Row) -> int:
    """Return the number of rows below a row."""
    return sum(1 + count(child) for child in row.children)


def height(row: Row) -> int:
    """Return the number of levels below a row."""
    return max((1 + height(child) for child in row.children), default=0)


@dataclass(slots=True)
class _Tree:
    """A model's modules by their parents, with the Ops and the multiply-adds of each."""

    model: Model
    places: Mapping[int, str]
    below: dict[int, list[int]] = field(init=False)
    ops: dict[int, list[Op]] = field(init=False)
    costs: dict[int, int] = field(init=False)
    begins: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        model = self.model
        parents = {module.index: _parent(module) for module in model.modules[1:]}
        self.below = {}
        for index, parent in parents.items():
            self.below.setdefault(parent, []).append(index)
        sizes = {str(size): int(value(size)) for size in model.input or () if isinstance(size, Dim)}
        sizes.pop("N", None)
        self.costs = {
            op.index: cost for op, cost in zip(model.ops, each_multiply_adds(model.ops, **sizes), strict=True)
        }
        by_path = {module.path: module.index for module in reversed(model.modules)}
        self.ops = {}
        self.begins = {}
        for op in model.ops:
            owner = by_path.get(op.path, 0) if op.layer is None else op.layer
            self.ops.setdefault(owner, []).append(op)
            above: int | None = owner
            while above is not None:
                self.begins.setdefault(above, op.index)
                above = parents.get(above)

    def row(self, index: int) -> Row:
        module = self.model.modules[index]
        children = self.children(module)
        return Row(
            name=module.path.rpartition(".")[2] if module.registered else module.held_as or module.path,
            kind=module.type.rpartition(".")[2],
            detail=detail(module),
            outputs=self.outputs(module),
            params=self.params(module),
            macs=self.macs(module),
            remarks=tuple(self.remarks(module)),
            place=self.place(module),
            children=children,
        )

    def children(self, module: ModuleRecord) -> tuple[Row, ...]:
        """Return the rows below a module in the order in which forward goes through them."""
        below = self.below.get(module.index, [])
        if not below and module.index:
            return ()
        found: list[tuple[int, Row]] = [
            (-1, Row(name, PARAMETER, outputs=(sizes_in(shape),), params=_scalars(shape)))
            for name, shape in module.parameters.items()
        ]
        latest = 0
        for index in below:
            latest = self.begins.get(index, latest)
            found.append((latest, self.row(index)))
        if self.model.status != "failed":
            begins = sorted(self.begins[index] for index in below if index in self.begins)
            own = (op for op in self.ops.get(module.index, ()) if op.kind not in SILENT)
            runs = groupby(own, key=lambda op: bisect_right(begins, op.index))
            found.extend(row for _, run in runs for row in self.operations(list(run)))
        ordered = (row for _, row in sorted(found, key=lambda pair: pair[0]))
        return tuple(ordered if len(module.calls) < 2 else _once(ordered))

    def outputs(self, module: ModuleRecord) -> tuple[Any, ...]:
        """Return the different outputs of a module's calls, and None where there are calls of which nothing is known."""
        whole = self.model.status == "complete" or (module.calls and len(module.outputs) == len(module.calls))
        return _distinct((*map(sizes_in, module.outputs), *(() if whole else (None,))))

    def operations(self, run: Sequence[Op]) -> Iterator[tuple[int, Row]]:
        """Yield the row of operations of a ``forward``, none where they neither cost anything nor change the shape."""
        shown = [op for op in run if self.costs[op.index] or self.reshapes(op)]
        if not shown:
            return
        names = list(dict.fromkeys(op.kind for op in shown))
        more = f", and {len(names) - 3} more" if len(names) > 3 else ""
        row = Row(
            ", ".join(names[:3]) + more,
            FORWARD,
            outputs=(sizes_in(run[-1].shape),),
            macs=sum(self.costs[op.index] for op in run),
            place=self.places.get(shown[-1].index, ""),
        )
        yield run[0].index, row

    def reshapes(self, op: Op) -> bool:
        """Return whether the output has another shape than all that was computed before and goes in."""
        shapes = [self.model.ops[i].shape for i in op.inputs if self.model.ops[i].kind not in SOURCES]
        return bool(shapes) and sizes_in(op.shape) not in map(sizes_in, shapes)

    def params(self, module: ModuleRecord) -> int | None:
        """Return the number of scalars in the parameters that are registered at a module and below it."""
        inside = [each for each in self.inside(module.index) if each.registered is module.registered]
        program = "." not in module.type or len(inside) > 1
        if any(each.unknown for each in inside) or (program and self.model.params is None):
            return None
        found = {
            each.tied.get(name, (each.index, name)): _scalars(shape)
            for each in inside
            for name, shape in each.parameters.items()
        }
        return sum(found.values())

    def macs(self, module: ModuleRecord) -> int | None:
        """Return the multiply-adds in a module's calls; of a pass that was not followed to its end those of whole calls."""
        inside = list(self.inside(module.index))
        whole = module.index and module.calls and all(_finished(each) for each in inside if each.calls)
        if self.model.macs is None and not whole:
            return None
        return sum(self.costs[op.index] for each in inside for op in self.ops.get(each.index, ()))

    def inside(self, index: int) -> Iterator[ModuleRecord]:
        """Yield a module and all below it."""
        yield self.model.modules[index]
        for child in self.below.get(index, ()):
            yield from self.inside(child)

    def remarks(self, module: ModuleRecord) -> Iterator[str]:
        if not module.registered:
            yield UNREGISTERED
        if module.created:
            yield "built in forward"
        if not module.reached and self.model.status == "complete":
            yield "never called"
        if len(module.calls) > 1 and module.parameters:
            yield f"called {len(module.calls)} times"
        for name, (owner, first) in module.tied.items():
            yield f"{name} is that of {self.model.modules[owner].path or 'the root'}" + (
                "" if first == name else f" ({first})"
            )
        if module.parameters and set(module.frozen) == set(module.parameters):
            yield "frozen"

    def place(self, module: ModuleRecord) -> str:
        """Return the place of a module in the paper's table, of one that goes over several the first and the last."""
        inside = (op.index for each in self.inside(module.index) for op in self.ops.get(each.index, ()))
        found = sorted(index for index in inside if index in self.places)
        return "-".join(dict.fromkeys((self.places[found[0]], self.places[found[-1]]))) if found else ""


def _parent(module: ModuleRecord) -> int:
    """Return the module below which a module stands: the one that registers or keeps it, else the root."""
    parent = module.holder if module.parent is None else module.parent
    return parent if parent is not None and parent < module.index else 0


def _finished(module: ModuleRecord) -> bool:
    """Return whether every call of a module came to its end, with a known result."""
    return len(module.outputs) == len(module.calls) and None not in module.outputs


def _scalars(shape: Iterable[Any]) -> int:
    return int(prod(shape))


def _once(found: Iterable[Row]) -> Iterator[Row]:
    """Yield the rows below a module that is called more than once: what each call does again is one row."""
    by_name: dict[tuple[str, str], Row] = {}
    for row in found:
        key = row.kind, row.name
        before = by_name.get(key) if row.kind == FORWARD else None
        if before is not None:
            row = replace(  # noqa: PLW2901 - the same row with more in it
                row, outputs=_distinct((*before.outputs, *row.outputs)), macs=(before.macs or 0) + (row.macs or 0)
            )
        by_name[key] = row
    yield from by_name.values()


def _distinct(outputs: Iterable[Any]) -> tuple[Any, ...]:
    found: list[Any] = []
    for output in outputs:
        if output not in found:
            found.append(output)
    return tuple(found)


def sizes_in(output: Any) -> Any:
    """Return an output with numbers for its sizes, None for one that the batch decides."""
    if isinstance(output, tuple):
        return tuple(None if "N" in symbols(size) else value(size) for size in output)
    if isinstance(output, list):
        return [sizes_in(part) for part in output]
    if isinstance(output, Mapping):
        return {name: sizes_in(part) for name, part in output.items()}
    return None


def detail(module: ModuleRecord) -> str:
    """Return the kernel of a convolution or pool, and what is not usual about it: ``3x3, stride 2, 32 groups``."""
    settings = module.attributes
    kernel = settings.get("kernel_size")
    if kernel is None:
        return ""
    dimensions = next((int(sign) for sign in module.type if sign.isdigit()), 2)
    words = [_times(kernel, dimensions)]
    for name in ("stride", "dilation"):
        each = settings.get(name)
        if each is not None and set(_each(each, dimensions)) != {1}:
            sizes = _each(each, dimensions)
            words.append(f"{name} {sizes[0] if len(set(sizes)) == 1 else _times(each, dimensions)}")
    groups = settings.get("groups", 1)
    if groups != 1:
        words.append("depthwise" if groups == settings.get("in_channels") else f"{groups} groups")
    return ", ".join(words)


def _each(size: Any, dimensions: int) -> tuple[Any, ...]:
    return tuple(size) if isinstance(size, (tuple, list)) else (size,) * dimensions


def _times(size: Any, dimensions: int) -> str:
    return "x".join(str(value(each)) for each in _each(size, dimensions))
