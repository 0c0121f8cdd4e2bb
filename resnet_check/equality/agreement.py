"""Whether two readers draw the same picture of one model: the static Graph against the traced one, operator by operator.

Everything is compared at the size being looked at: the traced Graph knows no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import zip_longest
from typing import Any, NamedTuple

from resnet_check.equality.canonical import canonical
from resnet_check.equality.nodes import Unanswerable
from resnet_check.graph.dim import Dim, value
from resnet_check.graph.records import Model, Op, Site

WHERE = frozenset({"owner", "keeper", "attribute", "assigned", "name"})
"""Attributes that say where a tensor is kept, of which the readers know differently much."""

EITHER_WAY = frozenset({"add", "mul"})
"""Kinds for which it does not matter on which side a number stands."""

UNSETTLED = frozenset({"partial"})
"""The status of a Model that states too little to be compared."""


class Disagreement(NamedTuple):
    """The first thing in which the two pictures differ: what it is, what each says, and where in the source."""

    what: str
    static: str
    traced: str
    site: Site | None = None

    def __str__(self) -> str:
        where = f"line {self.site.line}: " if self.site else ""
        return f"{where}{self.what}: {self.static} when read, {self.traced} when run"


def agrees(static: Model, traced: Model) -> Disagreement | None:
    """Return the first thing in which the two Models of one module differ, None where they agree.

    Figures, weights and outputs must be equal. Operators must be so one by one, or have equal canonical forms: the readers
    may spell them differently. Of a Model that was not understood completely nothing is compared.
    """
    if {static.status, traced.status} & UNSETTLED:
        return None
    if static.status != traced.status or static.status == "failed":
        return _of("it runs", static.status != "failed", traced.status != "failed", _raised(static, traced))
    static, traced = at_size(static), at_size(traced)
    return next(_disagreements(static, traced), None)


def _disagreements(static: Model, traced: Model) -> Iterator[Disagreement]:
    yield from _found(_of("input", static.input, traced.input))
    for path, ours, theirs in _pairs(_weights(static), _weights(traced)):
        yield from _found(_of(f"parameter or buffer `{path}`", ours, theirs))
    yield from _found(_of("parameters", static.params, traced.params))
    yield from _found(_of("output", static.output, traced.output))
    first = next(_operators(static, traced), None)
    if first is not None and not same_form(static, traced):
        yield first
    yield from _found(_of("multiply-adds", static.macs, traced.macs))


def _of(what: str, static: Any, traced: Any, site: Site | None = None) -> Disagreement | None:
    return None if static == traced else Disagreement(what, str(static), str(traced), site)


def _found(disagreement: Disagreement | None) -> Iterator[Disagreement]:
    if disagreement is not None:
        yield disagreement


def _raised(*models: Model) -> Site | None:
    """Return where the first of some Models raises."""
    return next((problem.site for model in models for problem in model.problems), None)


def _weights(model: Model) -> dict[str, Any]:
    """Return the shapes of the registered parameters and buffers by their paths."""
    return {
        f"{module.path}.{name}".lstrip("."): shape
        for module in model.modules
        if module.registered
        for tensors in (module.parameters, module.buffers)
        for name, shape in tensors.items()
    }


def _pairs(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    return ((key, ours.get(key), theirs.get(key)) for key in dict.fromkeys([*ours, *theirs]))


def _operators(static: Model, traced: Model) -> Iterator[Disagreement]:
    """Yield each operator that differs from the one at its place in the other Graph."""
    for ours, theirs in zip_longest(static.ops, traced.ops):
        one, other = description(static, ours), description(traced, theirs)
        changed = {key for key, mine, yours in _pairs(one, other) if mine != yours}
        if changed - ({"values"} if None in (one.get("values"), other.get("values")) else set()):
            site = next(op.site for op in (ours, theirs) if op is not None)
            yield Disagreement("operator", _words(one, changed), _words(other, changed), site)


def _words(described: Mapping[str, Any], changed: Iterable[str]) -> str:
    if not described:
        return "nothing"
    details = ", ".join(f"{key} {described.get(key)}" for key in sorted(changed) if key != "kind")
    return f"`{described['kind']}`" + (f" with {details}" if details else "")


def description(model: Model, op: Op | None) -> dict[str, Any]:
    """Return what an Op does and where it stands, in a form that both readers have in common."""
    if op is None:
        return {}
    layer = model.layer(op)
    attributes = {name: plain(one) for name, one in op.attributes.items() if name not in WHERE}
    if op.kind in EITHER_WAY:
        attributes.pop("scalar_left", None)
    if op.kind == "constant":
        attributes = {"values": _values(attributes)}
    return {
        **attributes,
        "kind": op.kind,
        "inputs": op.inputs,
        "shape": op.shape,
        "path": op.path,
        "layer": layer and layer.path,
        "dtype": op.dtype,
        "inplace": op.inplace,
        "returned": op.returned,
    }


def _values(attributes: Mapping[str, Any]) -> Any:
    """Return the values of a constant: one number where all are the same, None where they are not known."""
    data, number = attributes.get("data"), attributes.get("value")
    same = set(data or ())
    return number if number is not None else same.pop() if len(same) == 1 else data


def plain(setting: Any) -> Any:
    """Return a setting with numbers for Dims, and lists as tuples."""
    if isinstance(setting, Dim):
        return value(setting)
    return tuple(map(plain, setting)) if isinstance(setting, (tuple, list)) else setting


def same_form(static: Model, traced: Model) -> bool:
    """Return whether two Graphs have the same canonical form; not where one has none."""
    try:
        return canonical(static, exact=False).digest == canonical(traced, exact=False).digest
    except Unanswerable:
        return False


def at_size(model: Model) -> Model:
    """Return a Model with numbers for Dims: as it is at the size being looked at."""
    ops = [
        replace(
            op,
            shape=plain(op.shape),
            attributes={name: plain(setting) for name, setting in op.attributes.items()},
            macs=value(op.macs),
        )
        for op in model.ops
    ]
    return replace(model, input=model.input and plain(model.input), output=_settled(model.output), ops=ops, guards=[])


def _settled(output: Any) -> Any:
    if isinstance(output, list):
        return [_settled(part) for part in output]
    if isinstance(output, dict):
        return {name: _settled(part) for name, part in output.items()}
    return plain(output)
