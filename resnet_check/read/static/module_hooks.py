"""Hooks of modules: functions that the program has called before or after ``forward``, and that may replace what it gives."""

from __future__ import annotations

from typing import Any

from resnet_check.read.static import prelude
from resnet_check.read.static.attributes import AFTER, BEFORE
from resnet_check.read.static.hosted import call_value
from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.values import Instance


def registration(kind: str) -> Any:
    """Return the method of a module that keeps a hook and returns what removes it again."""

    def register(interpreter: Interpreter, site: Any, instance: Instance, hook: Any, **_: Any) -> Any:
        hooks = instance.attributes.setdefault(kind, {})
        key = max((k for k in hooks if isinstance(k, int)), default=-1) + 1
        hooks[key] = hook
        handle = prelude.find(interpreter, "torch.utils.hooks.RemovableHandle")
        return call_value(interpreter, site, handle, hooks, key)

    return register


def before(interpreter: Interpreter, site: Any, instance: Instance, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the arguments that ``forward`` gets after the hooks that run before it."""
    for hook in list(instance.attributes.get(BEFORE, {}).values()):
        given = call_value(interpreter, site, hook, instance, args)
        if given is not None:
            args = given if isinstance(given, tuple) else (given,)
    return args


def after(interpreter: Interpreter, site: Any, instance: Instance, args: tuple[Any, ...], result: Any) -> Any:
    """Return what a call gives after the hooks that run behind it."""
    for hook in list(instance.attributes.get(AFTER, {}).values()):
        given = call_value(interpreter, site, hook, instance, args, result)
        if given is not None:
            result = given
    return result
