"""What every operator rule is made of: the checks that it raises and the result that it gives.

An operator is a function with the signature that torch documents, preceded by a `Checks`. It gets tensors as objects with
``shape`` (a tuple of ``int`` and `Dim`) and ``dtype`` (a string such as ``"float32"``), and returns a `Result`, a list or
tuple of them (torch's operators with several outputs), or a plain Python value (``Tensor.dim``). It never branches on a Dim:
conditions go through `Checks.require` and `Checks.holds`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from resnet_check.graph.dim import Dim, Number
from resnet_check.graph.records import Guard, Shape, Site, compare


class Refused(Exception):
    """Torch raises for these arguments at every size; the message says why in plain words."""


class NotModelled(Exception):
    """The operator does not cover these arguments: the result is unknown, for the reason given."""


class Failure(NamedTuple):
    """A required condition that does not hold at the size being looked at, and what it is about."""

    kind: str
    guard: Guard
    facts: dict[str, Any]


class Checks:
    """Collects the Guards and failures of one forward pass."""

    def __init__(self) -> None:
        self.guards: dict[Guard, None] = {}
        self.failures: list[Failure] = []
        self.site: Site | None = None

    def holds(self, relation: str, left: Number, right: Number) -> bool:
        """Return whether the relation holds at the size being looked at; other sizes may go the other way."""
        held = compare(relation, left, right)
        if isinstance(left, Dim) or isinstance(right, Dim):
            self._record(Guard(left, relation, right, held, required=False, site=self.site))
        return held

    def require(self, relation: str, left: Number, right: Number, kind: str, /, **facts: Any) -> bool:
        """Record a condition without which torch raises, and return whether it holds at the size being looked at.

        A failing condition becomes a `Failure`; the operator goes on with the result that was most probably meant.
        """
        held = compare(relation, left, right)
        guard = Guard(left, relation, right, held, required=True, site=self.site)
        if isinstance(left, Dim) or isinstance(right, Dim) or not held:
            self._record(guard)
        if not held:
            self.failures.append(Failure(kind, guard, facts))
        return held

    def fail(self, kind: str, /, **facts: Any) -> None:
        """Record that torch raises here whatever the size."""
        self.require("==", 0, 1, kind, **facts)

    def _record(self, guard: Guard) -> None:
        if isinstance(guard.left, Dim) and guard.left == guard.right and guard.relation in {"==", ">=", "<="}:
            return
        self.guards.setdefault(guard)


@dataclass(slots=True)
class Result:
    """The output of an operator: one tensor.

    ``kind`` is the word of the graph (``conv``, ``relu``), ``inputs`` the tensors that it reads in order, ``attributes``
    the settings that decide what is computed, ``macs`` the multiply-adds for the whole batch (convolutions and matrix
    products only), ``inplace`` that the first input is overwritten, ``view`` that it shares the first input's memory.
    ``data`` holds the values, flat and row-major, of a small constant tensor whose values are known.
    """

    kind: str
    shape: Shape
    inputs: tuple[Any, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    dtype: str = "float32"
    macs: Number = 0
    inplace: bool = False
    view: bool = False
    data: tuple[Any, ...] | None = None


class Function(NamedTuple):
    """One operator of torch: its rule, and the arguments that decide neither shape nor dtype (``free``)."""

    name: str
    rule: Callable[..., Any]
    free: frozenset[str]


@dataclass(slots=True)
class Built:
    """What the constructor of a layer leaves behind: attributes, and the shapes of parameters and buffers.

    A parameter or buffer that is registered as None stays None. A layer whose parameters wait for the first input
    (``LazyConv2d``) has the shape ``LAZY``. ``children`` are layers that the constructor builds and registers, each by
    its qualified name and the arguments of its constructor.
    """

    attributes: dict[str, Any]
    parameters: dict[str, Shape | None] = field(default_factory=dict)
    buffers: dict[str, Shape | None] = field(default_factory=dict)
    children: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=dict)


LAZY: Shape = (-1,)
"""The shape of a parameter that the first forward pass decides."""


class Layer(NamedTuple):
    """One layer class of torch.

    ``build`` has the constructor's signature (after a `Checks`) and returns `Built`; ``forward`` gets a `Checks`,
    the layer (an object with the attributes, parameters and buffers by name, and ``training``) and the inputs.
    ``bases`` are torch's names of its base classes, nearest first, without ``torch.nn.Module``. A layer that waits
    for its first input has ``materialise``: called with a `Checks`, the layer and that input, it returns what the
    layer is from then on, under the name ``become``.
    """

    name: str
    build: Callable[..., Built]
    forward: Callable[..., Any]
    bases: tuple[str, ...]
    free: frozenset[str]
    materialise: Callable[..., Built] | None = None
    become: str | None = None


FUNCTIONS: dict[str, Function] = {}
"""Qualified names (``torch.nn.functional.relu``, ``torch.cat``, ``torch.Tensor.view``) to operators."""

LAYERS: dict[str, Layer] = {}
"""Qualified names (``torch.nn.Conv2d``) to layers."""


def function(*names: str, free: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a rule under torch's names for it; ``free`` names arguments that decide no shape."""

    def register(rule: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            FUNCTIONS[name] = Function(name, rule, frozenset(free.split()))
        return rule

    return register


def layer(
    *names: str,
    forward: Callable[..., Any],
    bases: str = "",
    free: str = "",
    materialise: Callable[..., Built] | None = None,
    become: str | None = None,
) -> Callable[[Callable[..., Built]], Callable[..., Built]]:
    """Register the constructor rule of a layer under torch's names for it; the first is the layer's own."""

    def register(build: Callable[..., Built]) -> Callable[..., Built]:
        made = Layer(names[0], build, forward, tuple(bases.split()), frozenset(free.split()), materialise, become)
        LAYERS.update(dict.fromkeys(names, made))
        return build

    return register
