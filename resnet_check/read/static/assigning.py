"""Assignment and deletion of attributes and items; ``nn.Module`` registers parameters and modules among them."""

from __future__ import annotations

from typing import Any

from resnet_check.read.static import tensors
from resnet_check.read.static.attributes import REGISTRIES, describe, line_of
from resnet_check.read.static.frames import MISSING
from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.values import (
    Array,
    BoundMethod,
    Class,
    Function,
    Instance,
    Opaque,
    ProjectModule,
    Property,
    Tensor,
    Weights,
)
from resnet_check.read.static.weighing import weigh


def set_attribute(interpreter: Interpreter, owner: Any, name: str, value: Any, node: Any, frame: Any) -> None:
    """Do ``owner.name = value``."""
    if isinstance(owner, Instance):
        found = owner.cls.find(name)
        if found is not None and isinstance(found[0], Property) and found[0].setter is not None:
            from resnet_check.read.static.calling import call

            call(interpreter, found[0].setter, (owner, value), {}, node, frame)
            return
        setter = owner.cls.find("__setattr__")
        if setter is not None and isinstance(setter[0], Function):
            from resnet_check.read.static.calling import call

            call(interpreter, setter[0], (owner, name, value), {}, node, frame)
            return
        content = value.payload if isinstance(value, Instance) else value
        if name == "__dict__" and isinstance(content, dict):
            owner.attributes = content
            return
        store(interpreter, owner, name, value, frame.site(node) if owner.is_module else None)
    elif isinstance(owner, Tensor):
        tensors.set_attribute(interpreter, owner, name, value, frame.site(node))
    else:
        interpreter.changed()
        if isinstance(owner, Class):
            owner.namespace[name] = value
        elif isinstance(owner, Function):
            owner.attributes[name] = value
        elif isinstance(owner, ProjectModule):
            owner.namespace.names[name] = value


def store(interpreter: Interpreter, owner: Instance, name: str, value: Any, site: Any) -> None:
    """Store an attribute; a module registers parameters and modules as ``nn.Module.__setattr__`` does."""
    attributes = owner.attributes
    if not owner.is_module:
        attributes[name] = value
        return
    if site is not None:
        owner.sites[name] = site
    if isinstance(value, Tensor) and value.parameter:
        if "_parameters" not in attributes:
            before_super(interpreter, owner, name, site)
        register(attributes, "_parameters", name, value)
    elif isinstance(value, Instance) and value.is_module:
        if "_modules" not in attributes:
            before_super(interpreter, owner, name, site)
        register(attributes, "_modules", name, value)
    else:
        for registry in ("_parameters", "_modules", "_buffers"):
            entries = attributes.get(registry)
            if entries is not None and name in entries:
                if isinstance(value, Opaque):
                    break
                entries[name] = value
                return
        attributes[name] = value


def register(attributes: dict[str, Any], registry: str, name: str, value: Any) -> None:
    """Put a parameter or module into its registry, and out of wherever the name was before."""
    for other in ("_parameters", "_buffers", "_modules"):
        if other != registry:
            attributes.get(other, {}).pop(name, None)
    attributes.pop(name, None)
    attributes[registry][name] = value


def before_super(interpreter: Interpreter, owner: Instance, name: str, site: Any) -> None:
    """Say that something was registered before ``super().__init__()``, and go on as if that had been called."""
    if owner.cls.opaque is None:
        interpreter.error(
            "AttributeError", "missing-super-init", site, name=name, owner=owner.cls.name, line=line_of(owner.cls)
        )
    initialise_module(owner)


def initialise_module(owner: Instance) -> None:
    """Set what ``nn.Module.__init__`` sets."""
    owner.attributes.update(training=True, _parameters={}, _buffers={}, _modules={})


def delete_attribute(interpreter: Interpreter, owner: Any, name: str, node: Any, frame: Any) -> None:
    """Do ``del owner.name``."""
    if isinstance(owner, Instance):
        if owner.attributes.pop(name, MISSING) is not MISSING:
            return
        for registry in REGISTRIES:
            if owner.attributes.get(registry, {}).pop(name, MISSING) is not MISSING:
                return
    elif isinstance(owner, Class):
        interpreter.changed()
        owner.namespace.pop(name, None)
        return
    interpreter.lose(Opaque(f"`{name}` was deleted from something that is not read", frame.site(node)))


def set_item(interpreter: Interpreter, owner: Any, index: Any, value: Any, node: Any, frame: Any) -> None:
    """Do ``owner[index] = value``."""
    from resnet_check.read.static.calling import call

    if isinstance(owner, Tensor):
        if not (isinstance(owner, Array) and array_set(owner, index, value)):
            tensors.operator_call(interpreter, "setitem", (owner, index, value), frame.site(node))
        return
    if isinstance(owner, Instance):
        found = owner.cls.find("__setitem__")
        if found is not None:
            call(interpreter, BoundMethod(found[0], owner), (index, value), {}, node, frame)
            return
        owner = owner.payload
    if isinstance(owner, Opaque):
        return
    if isinstance(index, Opaque):
        if isinstance(owner, (dict, list)) and not isinstance(owner, Weights):
            interpreter.lose(Opaque(f"an unknown index is set: {index.reason}", frame.site(node)))
        return
    weigh(interpreter, index)
    interpreter.mutates(owner)
    try:
        owner[index] = value
    except (TypeError, IndexError, ValueError):
        if not isinstance(owner, (list, tuple, dict, str, int, type(None))):
            return
        interpreter.error(
            "TypeError", "bad-call", frame.site(node), reason=f"{describe(owner)} does not take [...] = ..."
        )


def array_set(array: Array, index: Any, value: Any) -> bool:
    """Do ``array[index] = value`` for known numbers, and return whether it could be done."""
    new = list(value.data) if isinstance(value, Array) and value.data is not None else value
    if array.data is None or len(array.shape) != 1 or isinstance(index, slice) != isinstance(new, list):
        return False
    changed = list(array.data)
    try:
        changed[index] = new
    except (IndexError, TypeError, ValueError):
        return False
    array.data = tuple(changed)
    return len(changed) == array.shape[0] and all(isinstance(v, (int, float)) for v in changed)
