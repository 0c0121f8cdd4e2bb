"""One forward pass being recorded: Ops in order, and the modules that it reached."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.operators.base import Result
from resnet_check.graph.records import Op
from resnet_check.read.static.modules import walk
from resnet_check.read.static.values import Instance, Opaque, Tensor


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


class Trace:
    """The Ops of one forward pass."""

    def __init__(self, registry: Registry | None = None) -> None:
        self.registry = registry
        self.ops: list[Op] = []
        self.reached: dict[int, list[Any]] = {}
        """The places of the calls of each module, by its index in the registry."""
        self.sources: dict[int, tuple[Tensor, int]] = {}
        """Parameters, buffers and constants that were used directly: the tensor and its Op."""
        self.aliased: Opaque | None = None

    def reach(self, instance: Instance, site: Any) -> None:
        """Note the call of a module."""
        if self.registry is not None:
            self.registry.adopt(instance)
            self.reached.setdefault(instance.index, []).append(site)

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
        attributes = {"name": tensor.name} if tensor.name else {"data": tensor.data}
        self.ops.append(Op(index, kind, (), tensor.shape, attributes, path, site, dtype=tensor.dtype))
        self.sources[id(tensor)] = tensor, index
        return index

    def add(self, interpreter: Any, result: Result, site: Any) -> int:
        """Add the Op of a result and return its index."""
        module = interpreter.module_stack[-1] if interpreter.module_stack else None
        path, layer, own = "", None, ()
        if module is not None:
            path = module.path
            if module.cls.layer:
                layer = module.index
                own = tuple(id(t) for t in module.attributes["_parameters"].values())
                own += tuple(id(t) for t in module.attributes["_buffers"].values())
        inputs = tuple(
            self.index_of(t, path, site) for t in result.inputs if isinstance(t, Tensor) and id(t) not in own
        )
        index = len(self.ops)
        attributes = result.attributes
        if "no_grad" in interpreter.modes:
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

    def written_through_view(self, tensor: Tensor, before: int, site: Any) -> None:
        """A view was overwritten, and with it its base: what the base holds from here on is not followed."""
        base = tensor.base
        if base is None or base.trace is not self or before < 0:
            return
        index = len(self.ops)
        self.ops.append(Op(index, "write", (base.op, tensor.op), base.shape, {}, "", site, dtype=base.dtype, inplace=True))
        base.op = index
