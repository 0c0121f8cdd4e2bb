"""Attributes: look-up in the order of Python and of ``nn.Module``, assignment and deletion."""

from __future__ import annotations

from types import FunctionType
from typing import Any

from resnet_check.graph.dim import Dim
from resnet_check.read.static import tensors
from resnet_check.read.static.frames import MISSING
from resnet_check.read.static.host_methods import host_method
from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.python_types import type_of
from resnet_check.read.static.values import (
    OUTSIDE,
    BoundMethod,
    Class,
    ClassMethod,
    External,
    Function,
    Instance,
    Native,
    Opaque,
    Partial,
    ProjectModule,
    Property,
    StaticMethod,
    Super,
    Tensor,
)

REGISTRIES = ("_parameters", "_buffers", "_modules")
BEFORE, AFTER = "_forward_pre_hooks", "_forward_hooks"
HOOKS = frozenset({BEFORE, AFTER})
"""Where a module keeps its hooks, by key."""


def in_training(interpreter: Interpreter, module: Instance) -> bool:
    """Return whether a module is in training mode on this pass, unless it was told otherwise.

    ``eval`` reaches what is registered below the root; other modules stay in the mode in which they were built.
    """
    registry = interpreter.trace.registry if interpreter.trace is not None else None
    return interpreter.training or (registry is not None and module.index >= registry.registered)


def get_attribute(interpreter: Interpreter, owner: Any, name: str, node: Any, frame: Any) -> Any:
    """Return ``owner.name``; an attribute that exists nowhere is a mistake."""
    value = find_attribute(interpreter, owner, name, node, frame)
    if value is not MISSING:
        return value
    if isinstance(owner, Instance) and owner.cls.opaque is not None:
        return Opaque(f"`.{name}` of {owner.cls.name}: {owner.cls.opaque.reason}", frame.site(node))
    if unmodelled(owner, name):
        return Opaque(f"`.{name}` of {describe(owner)}", frame.site(node))
    known = owner is None or isinstance(owner, (Instance, int, float, str, list, tuple, dict, Function))
    if not known and not (isinstance(owner, Class) and owner.node is not None and owner.opaque is None):
        return Opaque(f"`.{name}` of {describe(owner)}", frame.site(node))
    return interpreter.error(
        "AttributeError",
        "undefined-attribute",
        frame.site(node),
        name=name,
        owner=describe(owner),
        candidates=candidates(owner),
        none=owner is None,
        message=name,
        line=line_of(owner.cls) if isinstance(owner, Instance) else 0,
        path=owner.cls.path if isinstance(owner, Instance) else "",
        partial=isinstance(owner, Instance) and "_modules" not in owner.attributes and owner.is_module,
    )


def unmodelled(owner: Any, name: str) -> bool:
    """Return whether a value may well have an attribute of which the reader knows nothing."""
    if not isinstance(owner, Instance):
        return hasattr(FunctionType if isinstance(owner, Function) else type(owner), name)
    if not owner.is_module:
        return False
    layer = owner.cls.layer
    return layer in tensors.LAYERS or name in MODULE_NAMES or (name[:1] == "_" and layer != "torch.nn.Module")


MODULE_NAMES = frozenset(
    "T_destination bfloat16 buffers call_super_init compile get_buffer get_extra_state ipu mtia set_submodule"
    " register_full_backward_pre_hook register_state_dict_pre_hook register_load_state_dict_pre_hook zero_grad"
    " _apply _backward_hooks _backward_pre_hooks _compiled_call_impl _forward_hooks_always_called"
    " _forward_hooks_with_kwargs _forward_pre_hooks_with_kwargs _get_backward_hooks"
    " _get_backward_pre_hooks _is_full_backward_hook _load_from_state_dict _load_state_dict_post_hooks"
    " _load_state_dict_pre_hooks _maybe_warn_non_full_backward_hook _named_members _non_persistent_buffers_set"
    " _register_load_state_dict_pre_hook _register_state_dict_hook _replicate_for_data_parallel _save_to_state_dict"
    " _slow_forward _state_dict_hooks _state_dict_pre_hooks _wrapped_call_impl __setstate__ __dir__ __repr__".split()
)
"""Attributes of ``nn.Module`` that the reader does not follow."""


def describe(owner: Any) -> str:
    """Return the name of a value's type, for a person."""
    from resnet_check.read.static.operations import kind_of

    return kind_of(owner)


def candidates(owner: Any) -> tuple[str, ...]:
    """Return the names that an object has."""
    if not isinstance(owner, Instance):
        return ()
    names = set(owner.attributes)
    for registry in REGISTRIES:
        names.update(owner.attributes.get(registry, ()))
    for cls in owner.cls.mro:
        if cls.node is not None:
            names.update(cls.namespace)
    return tuple(sorted(str(n) for n in names if not str(n).startswith("_")))


def has_attribute(interpreter: Interpreter, owner: Any, name: str, node: Any, frame: Any) -> Any:
    """Return the truth of ``hasattr``, or an `Opaque`."""
    if isinstance(owner, Opaque):
        return owner.of_kind("number")
    interpreter.handlers.append(("AttributeError",))
    try:
        value = find_attribute(interpreter, owner, name, node, frame)
    except Exception as error:
        if error.__class__.__name__ == "Raised":
            return False
        raise
    finally:
        interpreter.handlers.pop()
    if value is MISSING:
        if isinstance(owner, Instance) and owner.cls.opaque is not None:
            return owner.cls.opaque.of_kind("number")
        if isinstance(owner, (External, ProjectModule)):
            return Opaque(f"whether {describe(owner)} has `{name}`", None, "number")
        return False
    if not isinstance(value, Opaque):
        return True
    nobody_knows = isinstance(owner, External) or (isinstance(owner, Instance) and value is changed(owner))
    return value.of_kind("number") if nobody_knows else True


def find_attribute(interpreter: Interpreter, owner: Any, name: str, node: Any, frame: Any) -> Any:
    """Return the attribute, or `MISSING`."""
    if isinstance(owner, Instance):
        return instance_attribute(interpreter, owner, name, node, frame)
    if name == "__class__" and isinstance(owner, (Tensor, int, float, str, list, tuple, dict)):
        return type_of(owner)
    if isinstance(owner, Tensor):
        return tensors.attribute(interpreter, owner, name, node, frame)
    if isinstance(owner, Opaque):
        kept = owner.kind == OUTSIDE or (owner.kind == "tensor" and name in TENSOR_PARTS)
        return Opaque(owner.reason, owner.site, owner.kind if kept else "any")
    if isinstance(owner, External):
        return interpreter.outside(interpreter.files.external(interpreter, f"{owner.name}.{name}"))
    if isinstance(owner, Native) and "." in owner.name:
        found = interpreter.files.external(interpreter, f"{owner.name}.{name}")
        return host_method(interpreter, owner, name) if isinstance(found, Opaque) else found
    if isinstance(owner, Class):
        return interpreter.outside(class_attribute(interpreter, owner, name))
    if isinstance(owner, Super):
        return super_attribute(interpreter, owner, name, node, frame)
    if isinstance(owner, ProjectModule):
        return interpreter.outside(interpreter.files.member(interpreter, owner, name))
    if isinstance(owner, Function):
        if name in owner.attributes:
            return interpreter.outside(owner.attributes[name])
        if name in FUNCTION_NAMES:
            return owner.name if name != "__module__" else "module"
        return MISSING
    if isinstance(owner, Partial) and name in {"func", "args", "keywords"}:
        return {"func": owner.function, "args": owner.args, "keywords": owner.kwargs}[name]
    if isinstance(owner, BoundMethod):
        return {"__self__": owner.instance, "__func__": owner.function}.get(
            name, find_attribute(interpreter, owner.function, name, node, frame)
        )
    if isinstance(owner, Property) and name in {"setter", "getter", "deleter"}:
        return Native(name, lambda _i, _s, f: Property(owner.getter, f if name == "setter" else owner.setter))
    if name in NUMBER_METHODS and isinstance(owner, (Dim, int, float)):
        return Native(name, lambda _i, _s: owner)
    if isinstance(owner, Dim):
        return MISSING
    if isinstance(owner, str) and name == "type":  # a device, which is its name here
        return owner.partition(":")[0]
    return host_method(interpreter, owner, name)


NUMBER_METHODS = frozenset({"item", "tolist", "copy"})
"""What numpy's numbers have and Python's do not."""

TENSOR_PARTS = frozenset({"T", "data", "grad"})
FUNCTION_NAMES = frozenset({"__name__", "__qualname__", "__module__", "__doc__"})


def instance_attribute(
    interpreter: Interpreter, owner: Instance, name: str, node: Any, frame: Any, *, fallback: bool = True
) -> Any:
    """Look up in the order of ``object.__getattribute__`` and then ``nn.Module.__getattr__``.

    Without the ``fallback``, a ``__getattr__`` of the program is not called.
    """
    found = owner.cls.find(name)
    if found is not None and isinstance(found[0], Property):
        return read_property(interpreter, found[0], owner, node, frame)
    if name in owner.attributes:
        value = owner.attributes[name]
        if name == "training" and owner.is_module:
            interpreter.training_read = True
            return value and in_training(interpreter, owner)
        return value
    if found is not None:
        if owner.is_module:
            shadowed(interpreter, owner, name, found, node, frame)
        return bind_to(interpreter, found[0], owner, owner.cls)
    if owner.is_module:
        for registry in REGISTRIES:
            entries = owner.attributes.get(registry)
            if entries is not None and name in entries:
                return entries[name]
    if name == "__class__":
        return owner.cls
    if name == "__dict__":
        return owner.attributes
    if owner.payload is not None and (method := host_method(interpreter, owner.payload, name)) is not MISSING:
        return method
    getter = owner.cls.find("__getattr__") if fallback else None
    if getter is not None:
        from resnet_check.read.static.calling import call

        return call(interpreter, BoundMethod(getter[0], owner), (name,), {}, node, frame)
    if name == "__getattr__" and owner.is_module:
        return Native(name, lambda i, _s, wanted: get_attribute(i, owner, wanted, node, frame))
    if name in CLASS_FACTS:
        return class_facts(owner.cls)[name]
    if name in HOOKS and owner.is_module:
        return owner.attributes.setdefault(name, {})
    return changed(owner) or MISSING


def changed(owner: Instance) -> Opaque | None:
    """Return why an object may have further attributes: it was built from something unknown, or by something unknown."""
    found: Opaque | None = owner.attributes.get("_unknown") or owner.attributes.get("_changed")
    return found


CLASS_FACTS = frozenset("__name__ __qualname__ __module__ __doc__ __mro__ __bases__ __dict__".split())


def class_facts(cls: Class) -> dict[str, Any]:
    """Return what every class knows about itself."""
    return {
        "__name__": cls.name,
        "__qualname__": cls.name,
        "__module__": "module",
        "__doc__": "",
        "__mro__": cls.mro,
        "__bases__": cls.bases,
        "__dict__": cls.namespace,
    }


def shadowed(
    interpreter: Interpreter, owner: Instance, name: str, found: tuple[Any, Class], node: Any, frame: Any
) -> None:
    """Say that an attribute of the class hides the module or parameter that is registered under the same name."""
    entries = owner.attributes.get("_modules", {})
    hidden = entries.get(name) or owner.attributes.get("_parameters", {}).get(name)
    if isinstance(hidden, (Instance, Tensor)):
        interpreter.problem(
            "shadowed-module",
            frame.site(node),
            name=name,
            owner=found[1].name,
            line=line_of(found[1]),
            path=found[1].path,
            assigned=owner.sites.get(name),
            value=found[0],
            hidden=hidden.cls.name if isinstance(hidden, Instance) else "parameter",
        )


def read_property(interpreter: Interpreter, found: Property, owner: Any, node: Any, frame: Any) -> Any:
    from resnet_check.read.static.calling import call

    return call(interpreter, found.getter, (owner,), {}, node, frame)


def bind_to(interpreter: Interpreter, value: Any, instance: Any, cls: Class) -> Any:
    """Return what an attribute found on a class is when it is reached through an instance."""
    if isinstance(value, (Function, Native)):
        return BoundMethod(value, instance)
    if isinstance(value, StaticMethod):
        return value.function
    if isinstance(value, ClassMethod):
        return BoundMethod(value.function, cls)
    return interpreter.outside(value)


def class_attribute(interpreter: Interpreter, owner: Class, name: str) -> Any:
    """Look up on a class."""
    if owner.members is not None and name in owner.members:
        return owner.members[name]
    found = owner.find(name)
    if found is not None:
        value = found[0]
        if isinstance(value, StaticMethod):
            return value.function
        if isinstance(value, ClassMethod):
            return BoundMethod(value.function, owner)
        return value
    if name.startswith("__") and name in CLASS_FACTS:
        return class_facts(owner)[name]
    if name == "__members__" and owner.members is not None:
        return owner.members
    if owner.host is not None:
        return unbound_host_method(owner, name)
    if owner.qualified.startswith("torch.") and owner.node is None:
        return interpreter.files.external(interpreter, f"{owner.qualified}.{name}")
    return owner.opaque or MISSING


def unbound_host_method(owner: Class, name: str) -> Any:
    """Return ``str.upper`` and the like: the method with its object as the first argument."""
    if not hasattr(owner.host, name):
        return MISSING

    def method(interpreter: Interpreter, site: Any, first: Any, *args: Any, **kwargs: Any) -> Any:
        payload = first.payload if isinstance(first, Instance) else first
        found = host_method(interpreter, payload, name)
        if found is MISSING:
            return Opaque(f"`{owner.name}.{name}`", site)
        return found.call(interpreter, site, *args, **kwargs)

    return Native(f"{owner.name}.{name}", method)


def super_attribute(interpreter: Interpreter, owner: Super, name: str, node: Any, frame: Any) -> Any:
    """Look up behind a class in the order of the instance's class."""
    instance = owner.instance
    cls = instance if isinstance(instance, Class) else instance.cls
    found = cls.find(name, after=owner.after)
    if found is None:
        if cls.opaque is not None:
            return cls.opaque
        if isinstance(instance, Instance) and instance.payload is not None:
            return host_method(interpreter, instance.payload, name)
        return MISSING
    if isinstance(found[0], Property):
        return read_property(interpreter, found[0], instance, node, frame)
    if isinstance(instance, Class):
        return found[0].function if isinstance(found[0], StaticMethod) else BoundMethod(unwrapped(found[0]), instance)
    return bind_to(interpreter, found[0], instance, cls)


def unwrapped(value: Any) -> Any:
    return value.function if isinstance(value, ClassMethod) else value


def line_of(cls: Class) -> int:
    return cls.node.lineno if cls.node is not None else 0
