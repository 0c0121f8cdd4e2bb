"""The state dict that a model would have: which names a checkpoint of it holds, and which shapes."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_check.graph.records import Model, ModuleRecord

MOST = 100_000
"""So many names a state dict may have: modules that hold each other twice have a number of them that grows without end."""


def state(model: Model) -> dict[str, tuple[int, ...]] | None:
    """Return the names and shapes of a model's ``state_dict()``, None where they are not all known.

    As in torch (`Module.state_dict`), a module that is registered twice has its tensors under both names, and buffers that
    are registered with ``persistent=False`` are left out.
    """
    if not model.modules:
        return None
    below = _registered(model.modules)
    found: dict[str, tuple[int, ...]] = {}
    todo = [("", model.modules[0])]
    while todo:
        prefix, module = todo.pop()
        if module.unknown or len(found) > MOST:
            return None
        for name, shape in _own(module):
            if not all(isinstance(size, int) for size in shape):
                return None
            found[prefix + name] = shape
        todo += [(f"{prefix}{name}.", child) for name, child in reversed(below.get(module.index, []))]
    return found


def _own(module: ModuleRecord) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield what a module itself has in a state dict."""
    for name, shape in (*module.parameters.items(), *module.buffers.items()):
        if name not in module.transient:
            yield name, shape


def _registered(modules: list[ModuleRecord]) -> dict[int, list[tuple[str, ModuleRecord]]]:
    """Return for each module by its index what is registered in it, under which name."""
    indexes = {module.path: module.index for module in modules if module.registered}
    found: dict[int, list[tuple[str, ModuleRecord]]] = {}
    for module in modules[1:]:
        for path in (module.path, *module.also) if module.registered else ():
            parent, _, name = path.rpartition(".")
            if parent in indexes:
                found.setdefault(indexes[parent], []).append((name, module))
    return found
