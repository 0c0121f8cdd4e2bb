"""The records that make the one picture of a model: Site, Guard, Problem, Op, ModuleRecord, Model."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from resnet_check.graph.dim import Dim, Number, value

Shape = tuple[Number, ...]
"""Sizes of a tensor: each an ``int`` or a `Dim`."""


class Site(NamedTuple):
    """A place in the source, and the calls that led there.

    Lines count from 1; columns count code points from 1, the end column is exclusive. ``caller`` is the place of the call
    in whose body this place was reached.
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    caller: Site | None = None

    @property
    def calls(self) -> tuple[Site, ...]:
        """The calls that led here, innermost first."""
        found, site = [], self.caller
        while site is not None:
            found.append(site)
            site = site.caller
        return tuple(found)


RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "divides": lambda left, right: right != 0 and left % right == 0,
    "fits": lambda left, right: left == right or 1 in {left, right},
}
"""The relations of a Guard: name and test on numbers.

``a divides b`` reads: b divides a without rest; ``a fits b``: the two broadcast, being equal or one of them one.
"""


class Guard(NamedTuple):
    """A condition on Dims that the forward pass met.

    ``held`` says how it came out at the size being looked at. ``required`` conditions raise in torch when they do not
    hold; the others are branches: where they come out differently, the pass goes another way.
    """

    left: Number
    relation: str
    right: Number
    held: bool
    required: bool
    site: Site | None = None

    def __eq__(self, other: object) -> bool:
        """Conditions are equal wherever they were met."""
        return isinstance(other, Guard) and self[:-1] == other[:-1]

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self[:-1])

    def __str__(self) -> str:
        if self.relation == "divides":
            return f"{self.left} is a multiple of {self.right}"
        if self.relation == "fits":
            return f"{self.left} and {self.right} are equal, or one of them is 1"
        return f"{self.left} {self.relation} {self.right}"


def compare(relation: str, left: Number, right: Number) -> bool:
    """Return whether the relation holds at the size being looked at."""
    return bool(RELATIONS[relation](value(left), value(right)))


class Problem(NamedTuple):
    """Something that a reader saw go wrong; a rule turns it into a Finding.

    ``kind`` is the name of the kind of mistake (see the rule of that name), ``facts`` what the rule needs for its words.
    ``op`` is the index of the Op at which it was seen, ``module`` the path of the module whose code was running.
    """

    kind: str
    site: Site
    module: str = ""
    facts: Mapping[str, Any] = MappingProxyType({})
    op: int | None = None


@dataclass(slots=True)
class Op:
    """One operator application.

    ``inputs`` are the indexes of the Ops whose outputs it reads, in the order of the arguments; inputs of the model and
    parameters used directly are Ops of kind ``input`` and ``parameter``. An operator with several outputs is followed by
    one Op of kind ``item`` for each output that is used. ``path`` is the module whose ``forward`` made the call (for a
    layer such as a convolution, the layer itself), ``layer`` that layer's index in `Model.modules` or None. ``site`` is
    the line that called it; for the layers inside a ``Sequential`` the line that called the Sequential. ``returned`` says
    that the model's forward returns the output, alone or among others.
    """

    index: int
    kind: str
    inputs: tuple[int, ...]
    shape: Shape
    attributes: dict[str, Any]
    path: str
    site: Site
    layer: int | None = None
    dtype: str = "float32"
    macs: Number = 0
    inplace: bool = False
    returned: bool = False


@dataclass(slots=True)
class ModuleRecord:
    """One ``nn.Module`` object of a model, once, however often it is registered or called.

    ``path`` is its first registered name, ``also`` the others. ``type`` is torch's qualified name for a layer of torch
    (``torch.nn.Conv2d``), else the name of the class in the source. ``parameters`` and ``buffers`` map names to shapes.
    ``built`` is the place of the constructor call. ``calls`` holds the place of each call, ``path`` the caller's order.
    ``registered`` is False for a module that forward reached without its being registered anywhere below the root; then
    ``holder`` and ``held_as`` say which module keeps it in which attribute, itself or in a list, tuple or dict (None: none
    does). ``created`` says that it was built while forward ran. ``sites`` are the places where attributes were assigned.
    ``frozen`` names the parameters that take no gradient, ``initial`` those that the code fills with one number, and where.
    ``tied`` names the parameters whose tensor was registered before, with the module's index and the name there.
    ``transient`` names the buffers that are no part of the state dict.
    ``unknown`` says that its own parameters are not all known. ``outputs`` holds what each call gave, nested as
    `Model.output` is, with None for what was not understood; calls after something went wrong are left out.
    """

    index: int
    path: str
    type: str
    built: Site
    parent: int | None
    parameters: dict[str, Shape] = field(default_factory=dict)
    buffers: dict[str, Shape] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    calls: list[Site] = field(default_factory=list)
    registered: bool = True
    bases: tuple[str, ...] = ()
    class_line: int = 0
    class_path: str = ""
    reached: bool = False
    created: bool = False
    holder: int | None = None
    held_as: str = ""
    sites: dict[str, Site] = field(default_factory=dict)
    frozen: tuple[str, ...] = ()
    initial: dict[str, tuple[float, Site]] = field(default_factory=dict)
    tied: dict[str, tuple[int, str]] = field(default_factory=dict)
    transient: tuple[str, ...] = ()
    unknown: bool = False
    outputs: list[Any] = field(default_factory=list)


class Unknown(NamedTuple):
    """Why something could not be understood, and where."""

    reason: str
    line: int
    path: str = ""

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


@dataclass(slots=True)
class Model:
    """One root module and what one forward pass of it does.

    Sizes: ``input`` and ``output`` hold Dims (``output`` nests tuples, lists and dicts as forward returns them; a leaf is
    a Shape). ``params`` counts scalars, ``macs`` multiply-adds for one image at ``input``.
    ``accepted`` are inclusive ranges of square sizes.
    A figure is None when something that it depends on was not understood. ``trial`` marks a class that needs arguments
    which the file does not give: it was built with guessed ones, is no model of the file, and only its mistakes count.
    ``trained`` is the graph in training mode (only its Ops, none where that pass was not understood) if forward asks for
    the mode, else None: both modes go the same way.
    """

    name: str
    kind: str
    path: str
    line: int
    status: str = "complete"
    unknown: list[Unknown] = field(default_factory=list)
    input: Shape | None = None
    output: Any = None
    params: int | None = None
    macs: int | None = None
    accepted: list[tuple[int, int]] | None = None
    modules: list[ModuleRecord] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    guards: list[Guard] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    trial: bool = False
    trained: list[Op] | None = None

    def consumers(self) -> list[list[Op]]:
        """Return for each Op the Ops that read its output, in order."""
        found: list[list[Op]] = [[] for _ in self.ops]
        for op in self.ops:
            for index in dict.fromkeys(op.inputs):
                found[index].append(op)
        return found

    def layer(self, op: Op) -> ModuleRecord | None:
        """Return the layer that made the Op."""
        return None if op.layer is None else self.modules[op.layer]

    def of_kind(self, *kinds: str) -> Iterator[Op]:
        """Yield the Ops of the given kinds in order."""
        return (op for op in self.ops if op.kind in kinds)


def show(shape: Shape) -> str:
    """Return a Shape for a person: ``[N, 64, 56, 56]`` with the values at the size being looked at."""
    return "[" + ", ".join(_show_size(size) for size in shape) + "]"


def _show_size(size: Number) -> str:
    if isinstance(size, Dim) and str(size) == "N":
        return "N"
    return str(value(size))
