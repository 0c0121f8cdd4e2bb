"""From the interpreter's objects to the records of the graph."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from resnet_check.graph.dim import Dim
from resnet_check.graph.operators.base import LAZY
from resnet_check.graph.records import ModuleRecord, Site
from resnet_check.graph.records import Unknown as UnknownRecord
from resnet_check.read.static.modules import TRANSIENT, walk
from resnet_check.read.static.trace import Registry, Trace
from resnet_check.read.static.values import Instance, Opaque, Tensor

SIMPLE = (int, float, str, bool, type(None), tuple)


def parameters(root: Instance) -> tuple[int | None, Opaque | None]:
    """Return the number of scalars in the parameters, each shared tensor once, or None and the reason."""
    seen: set[int] = set()
    total = 0
    for _, module in walk(root):
        unknown = unknown_part(module)
        if unknown is not None:
            return None, unknown
        for tensor in module.attributes.get("_parameters", {}).values():
            if isinstance(tensor, Tensor) and id(tensor) not in seen:
                seen.add(id(tensor))
                if not sized(tensor.shape):
                    return None, Opaque("a lazy layer that no input has reached", module.built)
                total += size(tensor.shape)
    return total, None


def unknown_part(module: Instance) -> Opaque | None:
    """Return why the parameters of a module are not known: something unknown was set or registered that may hold some."""
    if module.cls.opaque is not None:
        return module.cls.opaque
    for value in module.attributes.values():
        if isinstance(value, Opaque) and value.kind == "any":
            return value
    for registry in ("_parameters", "_modules"):
        for value in module.attributes.get(registry, {}).values():
            if isinstance(value, Opaque):
                return value
    return None


def sized(shape: tuple[Any, ...]) -> bool:
    """Return whether a parameter's sizes are settled, which those of a lazy layer are only after its first input."""
    return shape != LAZY and all(isinstance(s, int) for s in shape)


def size(shape: tuple[Any, ...]) -> int:
    total = 1
    for one in shape:
        total *= one
    return int(total)


def module_records(
    registry: Registry, reached: dict[int, list[Site]], outputs: dict[int, list[Any]], fallback: Site
) -> list[ModuleRecord]:
    """Return the records of a model's modules, with the places of their calls and what those gave."""
    records: list[ModuleRecord] = []
    known: dict[int, tuple[int, str]] = {}
    parents = parents_of(registry)
    names = other_names(registry)
    below = {id(module) for _, module in walk(registry.modules[0])}
    holders = keepers(registry, below)
    for instance in registry.modules:
        index = instance.index
        holder, held_as = holders.get(id(instance), (None, ""))
        records.append(
            ModuleRecord(
                index=index,
                path=instance.path,
                type=instance.cls.qualified if instance.cls.node is None else instance.cls.name,
                built=instance.built or fallback,
                parent=parents.get(index),
                parameters=shapes(instance, "_parameters"),
                buffers=shapes(instance, "_buffers"),
                attributes={k: v for k, v in instance.attributes.items() if isinstance(v, SIMPLE) and k[:1] != "_"},
                also=names.get(index, ()),
                calls=list(reached.get(index, ())),
                registered=index < registry.registered or id(instance) in below,
                created=instance.running,
                holder=holder,
                held_as=held_as,
                sites=instance.sites,
                bases=tuple(c.qualified for c in instance.cls.mro[1:]),
                class_line=instance.cls.node.lineno if instance.cls.node is not None else 0,
                class_path=instance.cls.path,
                reached=index in reached,
                frozen=tuple(n for n, t in tensors_in(instance) if not t.requires_grad),
                initial={n: t.fill for n, t in tensors_in(instance) if t.fill is not None},
                tied=tied(instance, known),
                transient=tuple(sorted(instance.attributes.get(TRANSIENT, ()))),
                unknown=unknown_part(instance) is not None or any(not sized(t.shape) for _, t in tensors_in(instance)),
                outputs=outputs.get(index, []),
            )
        )
    return records


def tied(module: Instance, known: dict[int, tuple[int, str]]) -> dict[str, tuple[int, str]]:
    """Return the parameters of a module that are among the known ones, and add the others to these."""
    found: dict[str, tuple[int, str]] = {}
    for name, tensor in tensors_in(module):
        first = known.setdefault(id(tensor), (module.index, name))
        if first != (module.index, name):
            found[name] = first
    return found


def keepers(registry: Registry, below: set[int]) -> dict[int, tuple[int, str]]:
    """Return for each module that is not registered which module keeps it, and in which attribute."""
    wanted = {id(m) for m in registry.modules} - below
    found: dict[int, tuple[int, str]] = {}
    for keeper in registry.modules if wanted else ():
        own = [(n, v) for n, v in keeper.attributes.items() if n not in {"_modules", "_parameters", "_buffers"}]
        shared = [(n, v) for c in keeper.cls.mro if c.node is not None for n, v in c.namespace.items()]
        for name, value in (*own, *shared):
            for part in leaves(value):
                if id(part) in wanted:
                    found.setdefault(id(part), (keeper.index, name))
    return found


def leaves(value: Any, depth: int = 3) -> Iterator[Any]:
    """Yield the values inside lists, tuples and dicts."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple, set)) and depth:
        for part in value:
            yield from leaves(part, depth - 1)
    else:
        yield value


def name_parameters(trace: Trace, registry: Registry, reached: dict[int, list[Site]]) -> None:
    """Say of each tensor from outside that a pass read directly which module has it: it counts as reached.

    One that no module has registered is given the attribute that keeps it, and the place of that attribute's assignment.
    """
    if not trace.sources:
        return
    registered: dict[int, tuple[int, str]] = {}
    kept: dict[int, tuple[Instance, str]] = {}
    for module in registry.modules:
        for name, tensor in (
            *module.attributes.get("_parameters", {}).items(),
            *module.attributes.get("_buffers", {}).items(),
        ):
            registered.setdefault(id(tensor), (module.index, name))
        for name, value in module.attributes.items():
            if name not in {"_parameters", "_buffers", "_modules"}:
                for part in leaves(value):
                    if isinstance(part, Tensor):
                        kept.setdefault(id(part), (module, name))
    for tensor, index in trace.sources.values():
        attributes = trace.ops[index].attributes
        if id(tensor) in registered:
            owner, name = registered[id(tensor)]
            attributes["owner"] = owner
            reached.setdefault(owner, [])
        elif id(tensor) in kept:
            keeper, name = kept[id(tensor)]
            attributes.update(keeper=keeper.index, attribute=name, assigned=keeper.sites.get(name))


def shapes(instance: Instance, registry: str) -> dict[str, Any]:
    return {n: t.shape for n, t in instance.attributes.get(registry, {}).items() if isinstance(t, Tensor)}


def tensors_in(instance: Instance) -> list[tuple[str, Tensor]]:
    return [(n, t) for n, t in instance.attributes.get("_parameters", {}).items() if isinstance(t, Tensor)]


def parents_of(registry: Registry) -> dict[int, int]:
    """Return for each module the index of the module that registers it first."""
    found: dict[int, int] = {}
    for instance in registry.modules:
        for child in instance.attributes.get("_modules", {}).values():
            if isinstance(child, Instance) and child.index not in found and child.index != instance.index:
                found[child.index] = instance.index
    return found


def other_names(registry: Registry) -> dict[int, tuple[str, ...]]:
    """Return the further paths under which modules are registered."""
    found: dict[int, tuple[str, ...]] = {}
    for instance in registry.modules[: registry.registered]:
        for name, child in instance.attributes.get("_modules", {}).items():
            if isinstance(child, Instance):
                path = f"{instance.path}.{name}" if instance.path else str(name)
                if child.path != path:
                    found[child.index] = (*found.get(child.index, ()), path)
    return found


def output_shape(value: Any) -> Any:
    """Return what forward gives, with Shapes for tensors."""
    if isinstance(value, Tensor):
        return value.shape
    if isinstance(value, (list, tuple)):
        return [output_shape(v) for v in value]
    if isinstance(value, dict):
        return {str(k): output_shape(v) for k, v in value.items()}
    if isinstance(value, Instance):
        if value.payload is not None:
            return output_shape(value.payload)
        return {k: output_shape(v) for k, v in value.attributes.items()}
    return value if isinstance(value, (int, float, str, bool, type(None), Dim)) else None


def unknown_record(opaque: Opaque, fallback: Site) -> UnknownRecord:
    """Return why something could not be understood, with its line."""
    site = opaque.site or fallback
    return UnknownRecord(opaque.reason, site.line, site.path)


def is_model(value: Any) -> bool:
    """Return whether a value is a module that may be a model: of a class of the program, or a container."""
    if not (isinstance(value, Instance) and value.is_module):
        return False
    return value.cls.node is not None or value.cls.name in {"Sequential", "DataParallel"}
