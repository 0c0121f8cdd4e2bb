"""``copy.copy`` and ``copy.deepcopy``."""

from __future__ import annotations

from typing import Any

from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.values import Instance, Opaque, Tensor


def copy_value(interpreter: Interpreter, value: Any, *, deep: bool) -> Any:
    """Return a copy; a deep one shares nothing with the original but classes and functions."""
    return copy(interpreter, value, {} if deep else None, top=True)


def copy(interpreter: Interpreter, value: Any, seen: dict[int, Any] | None, *, top: bool = False) -> Any:
    """Copy a value; ``seen`` holds what a deep copy has copied, None means that only the top is copied."""
    if seen is None and not top:
        return value
    if seen is not None and id(value) in seen:
        return seen[id(value)]
    interpreter.tick()
    made: Any = value
    if isinstance(value, Instance):
        made = Instance(value.cls, value.built)
        remember(seen, value, made)
        made.sites, made.running = dict(value.sites), value.running
        made.payload = copy(interpreter, value.payload, seen)
        for name, part in value.attributes.items():
            registry = isinstance(part, dict) and name in {"_modules", "_parameters", "_buffers"}
            made.attributes[name] = dict(part) if seen is None and registry else copy(interpreter, part, seen)
    elif isinstance(value, Tensor):
        made = Tensor(value.shape, value.dtype, parameter=value.parameter, data=value.data)
        made.name, made.requires_grad = value.name, value.requires_grad
        remember(seen, value, made)
    elif type(value) in (list, set):
        made = type(value)()
        remember(seen, value, made)
        getattr(made, "extend" if isinstance(made, list) else "update")(copy(interpreter, v, seen) for v in value)
    elif isinstance(value, dict):
        made = {}
        remember(seen, value, made)
        made.update((k, copy(interpreter, v, seen)) for k, v in value.items())
    elif type(value) is tuple:
        made = tuple(copy(interpreter, v, seen) for v in value)
    elif isinstance(value, Opaque):
        made = value
    return made


def remember(seen: dict[int, Any] | None, value: Any, made: Any) -> None:
    if seen is not None:
        seen[id(value)] = made
