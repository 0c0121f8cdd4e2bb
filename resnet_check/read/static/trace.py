"""One forward pass being recorded: Ops in order, and the modules that it reached."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.operators.base import Result
from resnet_check.graph.records import Op
from resnet_check.read.static.modules import walk, without_gradients
from resnet_check.read.static.tensors import LAYERS
from resnet_check.read.static.values import Instance, Tensor


class Registry:
    """The modules of a model, numbered: those below the root in the order of registration, then others that forward reaches."""

    def __init__(self, root: Instance) -> None:
        self.modules: list[Instance] = []
        for path, instance in walk(root):
            instance.path = path
            instance.index = len(self.modules)
            self.modules.append(instance)
        self.registered = len(self.modules)

    def adopt(self, instance: Instance) -> None:
        """Number a module that is registered nowhere below the root."""
        index = instance.index
        if not (0 <= index < len(self.modules) and self.modules[index] is instance):
            instance.path = instance.path or instance.cls.name
            instance.index = len(self.modules)
            self.modules.append(instance)

    def owner(self, tensor: Tensor) -> int | None:
        """Return the number of the first module that has a tensor as its own parameter or buffer, None if none has."""
        for index, instance in enumerate(self.modules):
            for kept in ("_parameters", "_buffers"):
                if any(own is tensor for own in instance.attributes.get(kept, {}).values()):
                    return index
        return None


MOST_OUTPUTS = 64
"""More tensors than these in what one module gives are not listed."""


def shapes_in(value: Any, depth: int = 3) -> Any:
    """Return the shapes in what a module gives: lists and dicts of them as they are nested, None for anything else."""
    if isinstance(value, Tensor):
        return value.shape
    if depth and isinstance(value, (list, tuple)) and len(value) <= MOST_OUTPUTS:
        return [shapes_in(part, depth - 1) for part in value]
    if depth and isinstance(value, dict) and len(value) <= MOST_OUTPUTS:
        return {str(name): shapes_in(part, depth - 1) for name, part in value.items()}
    return None


class Trace:
    """The Ops of one forward pass."""

    def __init__(self, registry: Registry | None = None) -> None:
        self.registry = registry
        self.ops: list[Op] = []
        self.reached: dict[int, list[Any]] = {}
        """The places of the calls of each module, by its index in the registry."""
        self.left: dict[int, list[tuple[int, Any]]] = {}
        """What the calls of each module gave, each with the number of problems that had been seen by then."""
        self.sources: dict[int, tuple[Tensor, int]] = {}
        """Parameters, buffers and constants that were used directly: the tensor and its Op."""
        self.calls: list[tuple[Instance, Any, Any]] = []
        """The begin of each call of a module with its place, and the end with what it gave, in order."""
        self.reads: list[tuple[Tensor, int | None, int | None, int]] = []
        """Which Op read a tensor that had another name before or has one now, with the Ops that gave the names."""
        self.older: dict[int, list[int]] = {}
        """The readers of a tensor through the name that it had before an in-place activation, by that activation's Op."""
        self.renewed: set[int] = set()
        """The in-place activations whose result was read."""

    def reach(self, instance: Instance, site: Any) -> None:
        """Note the call of a module."""
        if self.registry is not None:
            self.registry.adopt(instance)
            self.reached.setdefault(instance.index, []).append(site)
            self.calls.append((instance, site, None))

    def leave(self, instance: Instance, result: Any, problems: int) -> None:
        """Note the end of a module's call, and what it gave."""
        self.leave_with(instance, shapes_in(result), problems)

    def leave_with(self, instance: Instance, shapes: Any, problems: int) -> None:
        """Note the end of a module's call, and the shapes of what it gave."""
        self.left.setdefault(instance.index, []).append((problems, shapes))
        self.calls.append((instance, None, shapes))

    def input(self, tensor: Tensor, site: Any) -> None:
        """Add an input of the model."""
        index = len(self.ops)
        self.ops.append(Op(index, "input", (), tensor.shape, {}, "", site, dtype=tensor.dtype))
        tensor.trace, tensor.op = self, index

    def index_of(self, tensor: Tensor, path: str, site: Any) -> int:
        """Return the Op that computed a tensor; one from outside of the pass becomes a parameter or a constant."""
        if tensor.trace is self:
            return tensor.op
        known = self.sources.get(id(tensor))
        if known is not None:
            return known[1]
        index = len(self.ops)
        kind = "parameter" if tensor.parameter else "buffer" if tensor.name else "constant"
        attributes: dict[str, Any] = (
            {"name": tensor.name} if tensor.name else {"data": tensor.data, "value": tensor.uniform}
        )
        if tensor.name and self.registry is not None:
            attributes["owner"] = self.registry.owner(tensor)
        self.ops.append(Op(index, kind, (), tensor.shape, attributes, path, site, dtype=tensor.dtype))
        self.sources[id(tensor)] = tensor, index
        return index

    def note_name(self, tensor: Tensor, reader: int) -> None:
        """Note through which name an Op reads what an in-place activation wrote."""
        if tensor.older is not None or tensor.renewed is not None:
            self.reads.append((tensor, tensor.older, tensor.renewed, reader))
            self.note(tensor.older, tensor.renewed, reader)

    def note(self, older: int | None, renewed: int | None, reader: int) -> None:
        """Note that an Op reads what in-place activations wrote, through an older name of it or through the new one."""
        if older is not None:
            self.older.setdefault(older, []).append(reader)
        if renewed is not None:
            self.renewed.add(renewed)

    def add(self, interpreter: Any, result: Result, site: Any) -> int:
        """Add the Op of a result and return its index."""
        module = interpreter.module_stack[-1] if interpreter.module_stack else None
        own: tuple[int, ...] = ()
        path, layer = "", None
        if module is not None:
            path = module.path
            if module.cls.layer in LAYERS:
                layer = module.index
                own = tuple(id(t) for t in module.attributes["_parameters"].values())
                own += tuple(id(t) for t in module.attributes["_buffers"].values())
        inputs = tuple(
            self.index_of(t, path, site) for t in result.inputs if isinstance(t, Tensor) and id(t) not in own
        )
        index = len(self.ops)
        for tensor in result.inputs:
            if isinstance(tensor, Tensor) and tensor.trace is self:
                self.note_name(tensor, index)
        attributes = result.attributes
        if without_gradients(interpreter.modes):
            attributes = {**attributes, "no_grad": True}
        self.ops.append(
            Op(
                index,
                result.kind,
                inputs,
                result.shape,
                attributes,
                path,
                site,
                layer,
                result.dtype,
                result.macs,
                result.inplace,
            )
        )
        return index

    def changed_identities(self) -> list[tuple[int, int]]:
        """Return the in-place activations that change what a later sum adds to their own result, with that sum.

        The result was read, so it is meant as a value of its own; and the older name was read too, as if it still held
        what it held before.
        """
        return [
            (op, reader)
            for op, readers in self.older.items()
            for reader in (self.sum_with(op, older) for older in readers if older != op and op in self.renewed)
            if reader is not None
        ]

    def sum_with(self, activation: int, reader: int) -> int | None:
        """Return the Op in which a reader of the older name meets the activation's result, if that is a sum."""
        from_older, from_result = {reader}, {activation}
        for op in self.ops[activation + 1 :]:
            inputs = set(op.inputs)
            older = op.index == reader or bool(inputs & from_older)
            result = bool((inputs - {activation} if op.index == reader else inputs) & from_result)
            if older and result:
                return op.index if op.kind == "add" else None
            if older:
                from_older.add(op.index)
            elif result:
                from_result.add(op.index)
        return None

    def written_through_view(self, tensor: Tensor, before: int, site: Any) -> None:
        """A view was overwritten, and with it its base: what the base holds from here on is not followed."""
        base = tensor.base
        if base is None or base.trace is not self or before < 0:
            return
        index = len(self.ops)
        self.ops.append(
            Op(index, "write", (base.op, tensor.op), base.shape, {}, "", site, dtype=base.dtype, inplace=True)
        )
        for name in base.same or (base,):
            name.op = index
