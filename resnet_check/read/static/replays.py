"""Identical calls: what the forward of a block did once is noted again for a block and inputs that are just the same.

A pass remembers the Ops of a call if nothing but the module with all that it holds, and the inputs, decided them. What
could speak against that is counted as for constructors (see `repeats`); on top of that neither the module nor an input
may have been changed. Places, modules and the numbers of Ops are those of the new call.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

from resnet_check.graph.records import Op, Site
from resnet_check.read.static.repeats import PLAIN, Copy, NotPlainError, inside, is_fixed
from resnet_check.read.static.values import BoundMethod, Instance, Opaque, Partial, Size, Tensor

MOST_PARTS = 32
"""Objects in a module whose calls are remembered: whole networks are not called twice in a pass."""

REGISTRIES = frozenset({"_parameters", "_buffers", "_modules"})

PATIENCE = 8
"""After so many calls more that could not be used than were, the calls of a class are no longer remembered."""


class Structure:
    """All that the forward of a module could read from the module, as a key, and the objects in it in a fixed order."""

    def __init__(self, root: Instance) -> None:
        self.parts: list[Instance] = []
        self.known: dict[int, int] = {}
        self.items: list[Any] = []
        self.add(root)
        self.key = tuple(self.items)

    def add(self, value: Any) -> None:
        """Add a value to the key; raises `NotPlainError` for one that is not known to stay as it is."""
        kind = type(value)
        if kind in PLAIN:
            self.items += kind, value
            return
        if is_fixed(value) and kind is not Opaque and not (kind is Instance or kind is tuple):
            self.items.append(value)
            return
        if id(value) in self.known:
            self.items += "again", self.known[id(value)]
            return
        self.known[id(value)] = len(self.known)
        if kind is Instance:
            self.add_instance(value)
        elif kind is Tensor:
            self.add_tensor(value)
        elif kind is BoundMethod and is_fixed(value.function):
            self.items += kind, value.function
            self.add(value.instance)
        elif kind in {list, tuple, dict, Size, Partial}:
            held = list(inside(value))
            self.items += kind, len(held)
            for part in held:
                self.add(part)
        else:
            raise NotPlainError

    def add_instance(self, value: Instance) -> None:
        """Add an object with its attributes."""
        self.parts.append(value)
        if len(self.parts) > MOST_PARTS:
            raise NotPlainError
        items = self.items
        items += value.cls, len(value.attributes)
        for name, part in value.attributes.items():
            kind = type(part)
            if kind in PLAIN:
                items += name, kind, part
            elif kind is tuple and PLAIN.issuperset(map(type, part)):
                items += name, kind, *map(type, part), part
            elif name in REGISTRIES and kind is dict:
                items += name, len(part)
                for entry, held in part.items():
                    items.append(entry)
                    self.add(held)
            else:
                items.append(name)
                self.add(part)
        self.add(value.payload)

    def add_tensor(self, value: Tensor) -> None:
        """Add a parameter or a buffer."""
        if value.trace is not None or value.base is not None or value.same is not None or value.attributes is not None:
            raise NotPlainError
        self.items += value.shape, value.dtype, value.requires_grad, value.parameter, value.name, value.data
        self.add(value.uniform)


class Inputs:
    """The inputs of a call as a key, and the tensors among them."""

    def __init__(self, interpreter: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.trace = interpreter.trace
        self.tensors: list[Tensor] = []
        self.key = (*map(self.freeze, args), *((name, self.freeze(value)) for name, value in kwargs.items()))
        if self.trace is not None and len({t.op for t in self.tensors}) < len(self.tensors):
            raise NotPlainError  # two names of one tensor

    def freeze(self, value: Any) -> Any:
        """Return a value that is equal for equal inputs only."""
        kind = type(value)
        if kind in PLAIN:
            return kind, value
        if kind is not Tensor or value.trace is not self.trace or value.parameter:
            raise NotPlainError
        if any(part is not None for part in (value.base, value.data, value.uniform, value.attributes)):
            raise NotPlainError
        for number, other in enumerate(self.tensors):
            if other is value:
                return "again", number
        self.tensors.append(value)
        return value.shape, value.dtype, value.requires_grad, value.name

    def state(self) -> list[Any]:
        """Return what an in-place operator would change of the tensors."""
        return [(t.op, t.shape, t.older, t.renewed, t.base, t.attributes, len(t.same or ())) for t in self.tensors]


class Call(NamedTuple):
    """What a call did: its Ops from number ``start`` on, the calls of modules and reads of renamed tensors, the result.

    ``numbers`` and ``paths`` say which part of the module an object or a path is, ``taken`` which Ops gave the inputs:
    the tensors themselves may be overwritten later on.
    """

    start: int
    ops: list[Op]
    calls: list[tuple[Instance, Any, Any]]
    reads: dict[int, list[tuple[int | None, int | None]]]
    result: Any
    inputs: list[Tensor]
    taken: list[int]
    site: Site
    last_site: Site | None
    numbers: dict[int, int]
    paths: dict[str, int]


def call(
    interpreter: Any, instance: Instance, args: tuple[Any, ...], kwargs: dict[str, Any], site: Site, run: Any
) -> Any:
    """Return what ``run`` gives, which runs the forward of a module; what is known of the same call is noted instead."""
    score = interpreter.replayed.get(instance.cls, 0)
    if score < -PATIENCE or not may_repeat(interpreter, instance):
        return run()
    interpreter.replayed[instance.cls] = score - 1
    try:
        inputs, structure = Inputs(interpreter, args, kwargs), Structure(instance)
        key = inputs.trace is None, inputs.key, structure.key, tuple(interpreter.modes), interpreter.training
        known = interpreter.replays.get(key)
    except (NotPlainError, TypeError):
        return run()
    if known is None:
        return observe(interpreter, instance, key, inputs, structure, site, run)
    if inputs.trace is not None and not all(is_registered(inputs.trace, structure.parts[n]) for n in called(known)):
        return run()
    interpreter.replayed[instance.cls] = PATIENCE
    return replay(interpreter, known, inputs, structure, site)


def may_repeat(interpreter: Any, instance: Instance) -> bool:
    """Return whether a call is one of a block in a network, and nobody waits for what runs inside."""
    if instance.cls.node is None or len(interpreter.module_stack) < 2 or "forward" in instance.attributes:
        return False
    return interpreter.ran is None and interpreter.dropped is None and not interpreter.exposed


def is_registered(trace: Any, module: Instance) -> bool:
    """Return whether a module is one of those below the root of the model."""
    return 0 <= module.index < trace.registry.registered and trace.registry.modules[module.index] is module


def called(known: Call) -> list[int]:
    """Return which parts of a module a call of it calls."""
    return [0, *(known.numbers[id(module)] for module, _, _ in known.calls)]


def observe(
    interpreter: Any, instance: Instance, key: Any, inputs: Inputs, structure: Structure, site: Site, run: Any
) -> Any:
    """Run a call and remember what it did, if nothing speaks against its doing the same again."""
    trace = interpreter.trace
    before = interpreter.touched, len(interpreter.instances), inputs.state(), trace and len(trace.sources)
    marks = (0, 0, 0) if trace is None else (len(trace.ops), len(trace.calls), len(trace.reads))
    result = run()
    after = interpreter.touched, len(interpreter.instances), inputs.state(), trace and len(trace.sources)
    if before == after and interpreter.trace is trace:
        with suppress(NotPlainError, TypeError, KeyError):
            if Structure(instance).key == structure.key:
                interpreter.replays[key] = noted(interpreter, marks, inputs, structure, site, result)
    return result


def noted(
    interpreter: Any, marks: tuple[int, int, int], inputs: Inputs, structure: Structure, site: Site, result: Any
) -> Call:
    """Return what a call has just done; raises `NotPlainError` or KeyError if it reached further than to its parts."""
    trace = interpreter.trace
    start = marks[0]
    numbers = {id(part): number for number, part in enumerate(structure.parts)}
    seen = {id(tensor): tensor for tensor in inputs.tensors}
    kept = Results(trace, start, 0, seen).value(result)
    taken = [tensor.op for tensor in inputs.tensors]
    if trace is None:
        return Call(start, [], [], {}, kept, inputs.tensors, taken, site, interpreter.checks.site, numbers, {})
    ops, calls, own = trace.ops[start:], trace.calls[marks[1] :], set(taken)
    modules = [structure.parts[numbers[id(module)]] for module, _, _ in calls]
    paths = {part.path: number for number, part in enumerate(structure.parts) if is_registered(trace, part)}
    reads: dict[int, list[tuple[int | None, int | None]]] = {}
    for tensor, older, renewed, reader in trace.reads[marks[2] :]:
        if id(tensor) not in seen:
            reads.setdefault(reader, []).append((older, renewed))
    older_than = [n for found in reads.values() for pair in found for n in pair if n is not None]
    inner = all(is_registered(trace, module) for module in modules) and all(op.path in paths for op in ops)
    if (
        not inner
        or any(n < start for n in older_than)
        or any(i < start and i not in own for o in ops for i in o.inputs)
    ):
        raise NotPlainError
    return Call(start, ops, calls, reads, kept, inputs.tensors, taken, site, interpreter.checks.site, numbers, paths)


def replay(interpreter: Any, known: Call, inputs: Inputs, structure: Structure, site: Site) -> Any:
    """Note what a call would do, and return what it would give."""
    trace = interpreter.trace
    interpreter.tick(1 + len(known.ops))
    copy = Copy(known.site, site, {}, [], [])
    offset = 0 if trace is None else len(trace.ops) - known.start
    own = dict(zip(known.taken, inputs.tensors, strict=True))
    for op in known.ops:
        part = structure.parts[known.paths[op.path]]
        index = op.index + offset
        for older, renewed in known.reads.get(op.index, ()):
            trace.note(older and older + offset, renewed and renewed + offset, index)
        for number in op.inputs:
            if number < known.start:
                trace.note_name(own[number], index)
        trace.ops.append(
            Op(
                index,
                op.kind,
                tuple([n + offset if n >= known.start else own[n].op for n in op.inputs]),
                op.shape,
                dict(op.attributes),
                part.path,
                copy.site(op.site),
                None if op.layer is None else part.index,
                op.dtype,
                op.macs,
                op.inplace,
            )
        )
    for module, place, shapes in known.calls:
        part = structure.parts[known.numbers[id(module)]]
        if place is not None:
            trace.reach(part, copy.site(place))
        else:
            trace.leave_with(part, shapes, len(interpreter.problems))
    interpreter.checks.site = copy.site(known.last_site)
    seen = {id(old): new for old, new in zip(known.inputs, inputs.tensors, strict=True)}
    return Results(trace, known.start, offset, seen).value(known.result)


class Results:
    """Copies what a call gave; ``seen`` are the inputs, old and new."""

    def __init__(self, trace: Any, start: int, offset: int, seen: dict[int, Tensor]) -> None:
        self.trace = trace
        self.start = start
        self.offset = offset
        self.seen: dict[int, Any] = dict(seen)

    def value(self, value: Any) -> Any:
        """Return a copy; raises `NotPlainError` for what the call did not make itself."""
        kind = type(value)
        if kind in PLAIN:
            return value
        if id(value) in self.seen:
            return self.seen[id(value)]
        if kind is Tensor:
            return self.tensor(value)
        if kind is tuple:
            return tuple(map(self.value, value))
        if kind is list:
            made = self.seen[id(value)] = []
            made.extend(map(self.value, value))
            return made
        if kind is dict:
            return {key: self.value(part) for key, part in value.items()}
        raise NotPlainError

    def tensor(self, value: Tensor) -> Tensor:
        """Return a copy of a tensor, with the names and the memory that it shares."""
        if value.trace is not self.trace or value.parameter or value.attributes is not None or value.fill is not None:
            raise NotPlainError
        made = self.seen[id(value)] = Tensor(value.shape, value.dtype, data=value.data)
        made.requires_grad, made.name, made.uniform = value.requires_grad, value.name, self.value(value.uniform)
        made.trace = self.trace
        made.op = value.op if self.trace is None else self.moved(value.op)
        made.older = None if value.older is None else self.moved(value.older)
        made.renewed = None if value.renewed is None else self.moved(value.renewed)
        made.base = self.value(value.base)
        made.same = self.value(value.same)
        return made

    def moved(self, number: int) -> int:
        """Return the new number of an Op."""
        if number < self.start:
            raise NotPlainError
        return number + self.offset
