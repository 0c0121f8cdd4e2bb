"""``Sequential``, ``ModuleList``, ``ModuleDict``, ``ParameterList`` and ``ParameterDict``."""

from __future__ import annotations

from typing import Any

from resnet_check.graph.dim import Dim
from resnet_check.read.static.assigning import initialise_module, register
from resnet_check.read.static.hosted import call_value, elements
from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.modules import MODULE
from resnet_check.read.static.operations import kind_of, unwrap
from resnet_check.read.static.values import Class, Instance, Native, Opaque, Tensor

STEPS = 8
"""What a module in a container counts as work: it is registered, walked over, told of and forgotten."""


def entries(instance: Instance) -> dict[str, Any]:
    """Return what a container holds, by key."""
    registry = "_parameters" if instance.cls.layer.endswith(("ParameterList", "ParameterDict")) else "_modules"
    found: dict[str, Any] = instance.attributes.setdefault(registry, {})
    return found


def put(interpreter: Interpreter, site: Any, instance: Instance, key: str, value: Any) -> None:
    """Register an element; something that is no module is a mistake."""
    interpreter.tick(STEPS)
    if isinstance(value, Opaque):
        entries(instance)[key] = value
    elif isinstance(value, Tensor) or value is None:
        if isinstance(value, Tensor) and instance.cls.layer.endswith(("ParameterList", "ParameterDict")):
            value.parameter = value.requires_grad = True
        entries(instance)[key] = value
    elif isinstance(value, Instance) and value.is_module:
        register(instance.attributes, "_modules", key, value)
    else:
        not_a_module(interpreter, site, instance, value)


def not_a_module(interpreter: Interpreter, site: Any, instance: Instance, value: Any) -> None:
    if isinstance(value, Instance) and value.cls.opaque is not None:
        entries(instance)[str(len(entries(instance)))] = Opaque(f"an object of {value.cls.name}", site)
        return
    kind = "module-not-built" if isinstance(value, Class) or callable_value(value) else "bad-call"
    if isinstance(value, (list, tuple)) and all(isinstance(v, Instance) and v.is_module for v in value) and value:
        kind = "sequential-missing-star"
    reason = f"`{instance.cls.name}` does not take {kind_of(value)}"
    lost = interpreter.error(
        "TypeError", kind, site, reason=reason, value=value, container=instance.cls.name, message="module"
    )
    if kind == "sequential-missing-star":
        fill(interpreter, site, instance, value)
    else:
        entries(instance)[str(len(entries(instance)))] = lost


def callable_value(value: Any) -> bool:
    return kind_of(value) == "a function"


def fill(interpreter: Interpreter, site: Any, instance: Instance, values: Any) -> None:
    """Append elements."""
    for value in values:
        put(interpreter, site, instance, str(len(entries(instance))), value)


def init_sequential(interpreter: Interpreter, site: Any, instance: Instance, *args: Any) -> None:
    initialise_module(instance)
    first = unwrap(args[0]) if len(args) == 1 else None
    if isinstance(first, dict):
        for key, value in first.items():
            put(interpreter, site, instance, str(key), value)
    else:
        fill(interpreter, site, instance, args)


def init_list(interpreter: Interpreter, site: Any, instance: Instance, values: Any = None) -> None:
    initialise_module(instance)
    if values is not None:
        extend(interpreter, site, instance, values)


def init_dict(interpreter: Interpreter, site: Any, instance: Instance, values: Any = None) -> None:
    initialise_module(instance)
    if values is not None:
        update(interpreter, site, instance, values)


def extend(interpreter: Interpreter, site: Any, instance: Instance, values: Any) -> Any:
    found = elements(interpreter, site, values)
    if isinstance(found, Opaque):
        entries(instance)[str(len(entries(instance)))] = Opaque(f"modules of {found.reason}", site)
    else:
        fill(interpreter, site, instance, found)
    return instance


def append(interpreter: Interpreter, site: Any, instance: Instance, value: Any) -> Instance:
    put(interpreter, site, instance, str(len(entries(instance))), value)
    return instance


def insert(_: Interpreter, __: Any, instance: Instance, index: Any, value: Any) -> Instance:
    held = entries(instance)
    values = list(held.values())
    values.insert(index, value)
    held.clear()
    held.update({str(i): v for i, v in enumerate(values)})
    return instance


def update(interpreter: Interpreter, site: Any, instance: Instance, values: Any) -> None:
    values = unwrap(values)
    if isinstance(values, Instance):
        values = entries(values)
    if isinstance(values, Opaque):
        entries(instance)["?"] = values
        return
    pairs = values.items() if isinstance(values, dict) else elements(interpreter, site, values)
    for key, value in pairs:
        put(interpreter, site, instance, str(key), value)


def forward(interpreter: Interpreter, site: Any, instance: Instance, value: Any) -> Any:
    """``Sequential.forward``: one module after the other."""
    for module in list(entries(instance).values()):
        if module is None:
            return interpreter.error("TypeError", "bad-call", site, reason="None stands in a Sequential", none=True)
        value = call_value(interpreter, site, module, value)
    return value


def length(_: Interpreter, site: Any, instance: Instance) -> Any:
    held = entries(instance)
    unknown = next((v for v in held.values() if isinstance(v, Opaque)), None)
    return (
        len(held) if unknown is None or instance.cls.layer.endswith("Dict") else Opaque(unknown.reason, site, "number")
    )


def item(interpreter: Interpreter, site: Any, instance: Instance, index: Any) -> Any:
    """``container[index]``."""
    held = entries(instance)
    if isinstance(index, str):
        if index in held:
            return held[index]
        if any(isinstance(v, Opaque) for v in held.values()):
            return Opaque("an element of a container that is not known", site)
        return interpreter.error("KeyError", "bad-call", site, reason=f"there is no key {index!r}", message="key")
    values = list(held.values())
    if isinstance(index, slice):
        made = Instance(instance.cls, instance.built)
        initialise_module(made)
        kept = dict(list(held.items())[index])
        if instance.cls.layer.endswith("List"):
            kept = {str(i): v for i, v in enumerate(kept.values())}
        entries(made).update(kept)
        made.attributes.update({k: v for k, v in instance.attributes.items() if not k.startswith("_")})
        return made
    if isinstance(index, Dim):
        index = index.value
    try:
        return values[index]
    except (IndexError, TypeError):
        if any(isinstance(v, Opaque) for v in values):
            return Opaque("an element of a container that is not known", site)
        reason = f"index {index} is past the end of {len(values)} modules"
        return interpreter.error("IndexError", "bad-call", site, reason=reason, message="index")


def set_entry(interpreter: Interpreter, site: Any, instance: Instance, index: Any, value: Any) -> None:
    held = entries(instance)
    if isinstance(index, int):
        keys = list(held)
        if not -len(keys) <= index < len(keys):
            if instance.cls.layer.endswith("ParameterList"):
                put(interpreter, site, instance, str(index), value)
            return
        index = keys[index]
    put(interpreter, site, instance, str(index), value)


def delete_entry(_: Interpreter, __: Any, instance: Instance, index: Any) -> None:
    held = entries(instance)
    keys = list(held)
    doomed = keys[index] if isinstance(index, slice) else [keys[index] if isinstance(index, int) else index]
    for key in doomed:
        held.pop(key, None)
    if not instance.cls.layer.endswith("Dict"):
        values = list(held.values())
        held.clear()
        held.update({str(i): v for i, v in enumerate(values)})


def pop(interpreter: Interpreter, site: Any, instance: Instance, key: Any) -> Any:
    value = item(interpreter, site, instance, key)
    delete_entry(interpreter, site, instance, key)
    return value


def joined(interpreter: Interpreter, site: Any, instance: Instance, other: Any) -> Any:
    """``a + b`` of two containers."""
    made = Instance(instance.cls, instance.built)
    initialise_module(made)
    fill(interpreter, site, made, [*entries(instance).values(), *(elements(interpreter, site, other) or ())])
    return made


def contains(_: Interpreter, __: Any, instance: Instance, key: Any) -> Any:
    held = entries(instance)
    return key in held if isinstance(key, str) else any(v is key for v in held.values())


COMMON = {"__len__": length, "__getitem__": item, "__setitem__": set_entry, "__delitem__": delete_entry, "pop": pop}
LISTS = {
    **COMMON,
    "append": append,
    "extend": extend,
    "insert": insert,
    "__iadd__": extend,
    "__add__": joined,
    "__iter__": lambda _i, _s, c: iter(list(entries(c).values())),
}
DICTS = {
    **COMMON,
    "update": update,
    "keys": lambda _i, _s, c: list(entries(c)),
    "values": lambda _i, _s, c: list(entries(c).values()),
    "items": lambda _i, _s, c: list(entries(c).items()),
    "get": lambda _i, _s, c, key, default=None: entries(c).get(key, default),
    "__iter__": lambda _i, _s, c: iter(list(entries(c))),
    "__contains__": contains,
    "clear": lambda _i, _s, c: entries(c).clear(),
}


def container(name: str, init: Any, methods: dict[str, Any]) -> Class:
    """Return the class of a container."""
    namespace = {
        key: Native(f"{name}.{key}", function, lenient=True) for key, function in {"__init__": init, **methods}.items()
    }
    return Class(name, (MODULE,), namespace, qualified=f"torch.nn.{name}")


CONTAINERS: dict[str, Class] = {
    f"torch.nn.{cls.name}": cls
    for cls in (
        container("Sequential", init_sequential, {**LISTS, "forward": forward}),
        container("ModuleList", init_list, LISTS),
        container("ModuleDict", init_dict, DICTS),
        container("ParameterList", init_list, LISTS),
        container("ParameterDict", init_dict, DICTS),
    )
}
