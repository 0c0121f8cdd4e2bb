"""``torch.nn.Module``: construction, calls, and the methods that walk the tree of modules."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from resnet_check.read.static import module_hooks, replays
from resnet_check.read.static.assigning import initialise_module, register
from resnet_check.read.static.attributes import AFTER, BEFORE, bind_to, instance_attribute
from resnet_check.read.static.frames import MISSING
from resnet_check.read.static.hosted import call_value
from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.operations import ContextManager, kind_of
from resnet_check.read.static.python_types import OBJECT
from resnet_check.read.static.values import Class, Instance, Native, Opaque, Tensor, Weights

MODULE = Class("Module", (OBJECT,), {}, qualified="torch.nn.Module")

TRANSIENT = "_non_persistent_buffers_set"
"""The attribute in which torch keeps the names of the buffers that are no part of the state dict."""


def init(interpreter: Interpreter, site: Any, instance: Instance, *args: Any, **kwargs: Any) -> None:
    """``nn.Module.__init__``: registers nothing, and forgets what was registered before."""
    initialise_module(instance)
    if (args or kwargs) and instance.cls.find("call_super_init") is None and instance.cls.opaque is None:
        interpreter.error(
            "TypeError",
            "bad-call",
            site,
            reason=f"`{instance.cls.name}` takes no arguments",
            owner=instance.cls.name,
            function="__init__",
            defined=class_line(instance),
            message="arguments",
        )


def call_module(interpreter: Interpreter, site: Any, instance: Instance, *args: Any, **kwargs: Any) -> Any:
    """Call a module: run its ``forward`` and note the call."""
    if "_modules" not in instance.attributes and instance.cls.opaque is not None:
        initialise_module(instance)
    if "_modules" not in instance.attributes:
        interpreter.error(
            "AttributeError", "missing-super-init", site, owner=instance.cls.name, name=None, line=class_line(instance)
        )
        initialise_module(instance)
    forward = instance.attributes.get("forward")
    if forward is None:
        found = instance.cls.find("forward")
        if found is None:
            return no_forward(interpreter, site, instance)
        forward = bind_to(interpreter, found[0], instance, instance.cls)
    if interpreter.trace is not None:
        interpreter.trace.reach(instance, site)
    elif not interpreter.module_stack and args:
        interpreter.touched += 1
        instance.inputs.append(args[0])
    if BEFORE in instance.attributes:
        args = module_hooks.before(interpreter, site, instance, args)
    interpreter.module_stack.append(instance)
    try:
        run = partial(call_value, interpreter, site, forward, *args, **kwargs)
        result = replays.call(interpreter, instance, args, kwargs, site, run)
    finally:
        if interpreter.module_stack:
            interpreter.module_stack.pop()
    if AFTER in instance.attributes:
        result = module_hooks.after(interpreter, site, instance, args, result)
    if interpreter.trace is not None:
        interpreter.trace.leave(instance, result, len(interpreter.problems))
    return result


def class_line(instance: Instance) -> int:
    return instance.cls.node.lineno if instance.cls.node is not None else 0


def no_forward(interpreter: Interpreter, site: Any, instance: Instance) -> Any:
    """Say that a module without ``forward`` is called."""
    if instance.cls.opaque is not None:
        return Opaque(f"`forward` of {instance.cls.name}: {instance.cls.opaque.reason}", site)
    own = [c for c in instance.cls.mro if c.node is not None]
    return interpreter.error(
        "NotImplementedError",
        "missing-forward",
        site,
        owner=instance.cls.name,
        line=class_line(instance),
        path=own[0].path if own else None,
        names=tuple(n for c in own for n in c.namespace),
        message="forward",
    )


def children(instance: Instance) -> dict[str, Any]:
    """Return the directly registered modules by name, without empty places."""
    return {n: m for n, m in instance.attributes.get("_modules", {}).items() if isinstance(m, Instance)}


def walk(instance: Instance, prefix: str = "", seen: set[int] | None = None) -> Iterator[tuple[str, Instance]]:
    """Yield every module below (and itself), each once, with its path."""
    seen = set() if seen is None else seen
    todo = [(prefix, instance)]
    while todo:
        path, module = todo.pop()
        if id(module) not in seen:
            seen.add(id(module))
            yield path, module
            below = children(module).items()
            todo.extend((f"{path}.{name}" if path else str(name), child) for name, child in reversed(below))


def tensors_of(instance: Instance, registry: str) -> Iterator[tuple[str, Tensor]]:
    """Yield the parameters or buffers below, each once, with their names."""
    seen: set[int] = set()
    for path, module in walk(instance):
        for name, tensor in module.attributes.get(registry, {}).items():
            if isinstance(tensor, Tensor) and id(tensor) not in seen:
                seen.add(id(tensor))
                yield (f"{path}.{name}" if path else name), tensor


def own_tensors(instance: Instance, registry: str, *, recurse: Any) -> list[tuple[str, Tensor]]:
    if recurse is False:
        entries = instance.attributes.get(registry, {}).items()
        return [(n, t) for n, t in entries if isinstance(t, Tensor)]
    return list(tensors_of(instance, registry))


def add_module(interpreter: Interpreter, site: Any, instance: Instance, name: Any, module: Any) -> None:
    """``add_module`` / ``register_module``."""
    if not isinstance(name, str):
        interpreter.lose(Opaque("a module is registered under an unknown name", site))
        return
    if isinstance(module, Opaque):
        instance.attributes.setdefault("_modules", {})[name] = module
    elif module is None or (isinstance(module, Instance) and module.is_module):
        if "_modules" not in instance.attributes:
            initialise_module(instance)
        register(instance.attributes, "_modules", name, module)
    else:
        reason = f"`add_module` does not take {kind_of(module)}"
        interpreter.error(
            "TypeError",
            "module-not-built" if isinstance(module, Class) else "bad-call",
            site,
            reason=reason,
            value=module,
        )


def register_parameter(_: Interpreter, __: Any, instance: Instance, name: Any, tensor: Any = None) -> None:
    register(instance.attributes, "_parameters", name, tensor)


def register_buffer(
    _: Interpreter, __: Any, instance: Instance, name: Any, tensor: Any = None, persistent: Any = None
) -> None:
    if persistent is False:
        instance.attributes.setdefault(TRANSIENT, set()).add(name)
    if isinstance(tensor, Tensor):
        tensor.name = name
    register(instance.attributes, "_buffers", name, tensor)


def apply_function(interpreter: Interpreter, site: Any, instance: Instance, function: Any) -> Instance:
    """``Module.apply``: children first."""
    for child in children(instance).values():
        apply_function(interpreter, site, child, function)
    interpreter.tick()
    call_value(interpreter, site, function, instance)
    return instance


def set_mode(interpreter: Interpreter, site: Any, instance: Instance, mode: Any = True) -> Instance:  # noqa: FBT002 - torch's own
    """``train`` and ``eval``."""
    if interpreter.trace is not None:
        interpreter.problem("mode-set-in-forward", site, owner=instance.cls.name)
    for _, module in walk(instance):
        module.attributes["training"] = mode if isinstance(mode, bool) else True
    return instance


def requires_grad(_: Interpreter, __: Any, instance: Instance, flag: Any = True) -> Instance:  # noqa: FBT002 - torch's own
    for _name, tensor in tensors_of(instance, "_parameters"):
        tensor.requires_grad = bool(flag)
    return instance


def state_dict(_: Interpreter, __: Any, instance: Instance, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
    del args, kwargs
    return Weights({**dict(tensors_of(instance, "_parameters")), **dict(tensors_of(instance, "_buffers"))})


def submodule(interpreter: Interpreter, site: Any, instance: Instance, path: Any) -> Any:
    """``get_submodule``."""
    from resnet_check.read.static.attributes import get_attribute
    from resnet_check.read.static.hosted import Nowhere

    found: Any = instance
    for name in path.split(".") if path else ():
        found = get_attribute(interpreter, found, name, None, Nowhere(site))
    return found


def itself(_: Interpreter, __: Any, instance: Instance, *args: Any, **kwargs: Any) -> Instance:
    """A method that changes nothing that is read here."""
    del args, kwargs
    return instance


def module_setattr(interpreter: Interpreter, site: Any, instance: Instance, name: Any, value: Any) -> None:
    """``nn.Module.__setattr__`` reached through ``super()``."""
    from resnet_check.read.static.assigning import store

    store(interpreter, instance, name, value, site)


def object_setattr(interpreter: Interpreter, __: Any, instance: Any, name: Any, value: Any) -> None:
    """``object.__setattr__``: an attribute, whatever the value and the class."""
    if isinstance(instance, Instance) and isinstance(name, str):
        instance.attributes[name] = value
    else:
        interpreter.lose(Opaque("`object.__setattr__` of something that is not read"))


def object_getattribute(interpreter: Interpreter, site: Any, instance: Any, name: Any) -> Any:
    """``object.__getattribute__``: the look-up without ``__getattr__``, which often ends here."""
    from resnet_check.read.static.hosted import Nowhere

    if not isinstance(instance, Instance) or not isinstance(name, str):
        return Opaque("`object.__getattribute__` of something that is not read", site)
    value = instance_attribute(interpreter, instance, name, None, Nowhere(site), fallback=False)
    if value is not MISSING:
        return value
    if interpreter.catches("AttributeError"):
        return interpreter.error("AttributeError", "undefined-attribute", site, message=name)
    return Opaque(f"`.{name}` of {instance.cls.name}", site)


def module_getattr(interpreter: Interpreter, site: Any, instance: Instance, name: Any) -> Any:
    """``nn.Module.__getattr__``: only the registries."""
    for registry in ("_parameters", "_buffers", "_modules"):
        entries = instance.attributes.get(registry, {})
        if name in entries:
            return entries[name]
    return interpreter.error(
        "AttributeError", "undefined-attribute", site, name=name, owner=instance.cls.name, candidates=(), message=name
    )


def named_modules(_: Interpreter, __: Any, instance: Instance, memo: Any = None, prefix: Any = "", **___: Any) -> Any:
    del memo
    return iter(list(walk(instance, prefix)))


def weight_norm(_: Interpreter, __: Any, module: Any, name: Any = "weight", dim: Any = 0) -> Any:
    """``weight_norm``: the weight is replaced by its length and its direction."""
    if not isinstance(module, Instance) or not isinstance(module.attributes.get("_parameters", {}).get(name), Tensor):
        return Opaque("weight_norm of something that is not read")
    parameters = module.attributes["_parameters"]
    weight = parameters.pop(name)
    sizes = tuple(s if i == dim else 1 for i, s in enumerate(weight.shape)) if dim is not None else ()
    parameters[f"{name}_g"] = Tensor(sizes, weight.dtype, parameter=True)
    parameters[f"{name}_v"] = Tensor(weight.shape, weight.dtype, parameter=True)
    module.attributes[name] = Tensor(weight.shape, weight.dtype)
    return module


def parametrized_norm(interpreter: Interpreter, site: Any, module: Any, name: Any = "weight", dim: Any = 0) -> Any:
    """``parametrizations.weight_norm``: the same under the names of a parametrization."""
    made = weight_norm(interpreter, site, module, name, dim)
    if isinstance(made, Instance):
        parameters = made.attributes["_parameters"]
        for old, new in (("g", "original0"), ("v", "original1")):
            parameters[f"parametrizations.{name}.{new}"] = parameters.pop(f"{name}_{old}")
    return made


def with_buffers(_: Interpreter, __: Any, module: Any, *args: Any, **kwargs: Any) -> Any:
    """``spectral_norm``: the shapes and the number of parameters stay."""
    del args, kwargs
    return module


QUIET = (
    "to cuda cpu float double half bfloat16 type xpu share_memory compile set_extra_state"
    " register_full_backward_hook register_full_backward_pre_hook register_backward_hook"
    " register_load_state_dict_post_hook _register_load_state_dict_pre_hook zero_grad load_state_dict"
    " register_state_dict_post_hook extra_repr to_empty"
).split()

METHODS: dict[str, Any] = {
    "__init__": init,
    "__call__": call_module,
    "_call_impl": call_module,
    "__setattr__": module_setattr,
    "add_module": add_module,
    "register_module": add_module,
    "register_parameter": register_parameter,
    "register_buffer": register_buffer,
    "apply": apply_function,
    "train": set_mode,
    "eval": lambda i, s, m: set_mode(i, s, m, mode=False),
    "requires_grad_": requires_grad,
    "state_dict": state_dict,
    "get_submodule": submodule,
    "get_parameter": submodule,
    "modules": lambda _i, _s, m: iter([module for _, module in walk(m)]),
    "named_modules": named_modules,
    "children": lambda _i, _s, m: iter(list({id(c): c for c in children(m).values()}.values())),
    "named_children": lambda _i, _s, m: iter(list(children(m).items())),
    "parameters": lambda _i, _s, m, recurse=True: iter([t for _, t in own_tensors(m, "_parameters", recurse=recurse)]),
    "named_parameters": lambda _i, _s, m, _prefix="", recurse=True, **_k: iter(
        own_tensors(m, "_parameters", recurse=recurse)
    ),
    "buffers": lambda _i, _s, m, recurse=True: iter([t for _, t in own_tensors(m, "_buffers", recurse=recurse)]),
    "named_buffers": lambda _i, _s, m, _prefix="", recurse=True, **_k: iter(
        own_tensors(m, "_buffers", recurse=recurse)
    ),
    "register_forward_hook": module_hooks.registration(AFTER),
    "register_forward_pre_hook": module_hooks.registration(BEFORE),
    "_get_name": lambda _i, _s, m: m.cls.name,
    **dict.fromkeys(QUIET, itself),
}
MODULE.namespace.update({name: Native(f"Module.{name}", method, lenient=True) for name, method in METHODS.items()})
MODULE.namespace["dump_patches"] = False
OBJECT.namespace["__setattr__"] = Native("object.__setattr__", object_setattr)
OBJECT.namespace["__getattribute__"] = Native("object.__getattribute__", object_getattribute)
MODULE.namespace["_version"] = 1


def open_mode(name: str) -> ContextManager:
    """Return a context manager that is noted while it is open."""

    def enter(interpreter: Interpreter, _: Any) -> None:
        interpreter.modes.append(name)

    def leave(interpreter: Interpreter) -> None:
        if name in interpreter.modes:
            del interpreter.modes[len(interpreter.modes) - 1 - interpreter.modes[::-1].index(name)]

    return ContextManager(enter, leave, name)


def without_gradients(modes: list[str]) -> bool:
    """Return whether the innermost mode about gradients switches them off."""
    return next((mode == "no_grad" for mode in reversed(modes) if mode in {"no_grad", "enable_grad"}), False)
