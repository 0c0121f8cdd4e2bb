"""Iterating over values."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from resnet_check.graph.dim import Dim
from resnet_check.read.static import tensors
from resnet_check.read.static.interpreter import MAX_ITEMS, Interpreter
from resnet_check.read.static.operations import kind_of, unwrap
from resnet_check.read.static.values import BoundMethod, BudgetExceeded, Class, Instance, Opaque, Tensor
from resnet_check.read.static.weighing import TOO_MANY


def iterate(interpreter: Interpreter, value: Any, node: Any, frame: Any) -> Iterable[Any] | Opaque:
    """Return the elements of a value, or an `Opaque` where they are not known."""
    from resnet_check.read.static.calling import call

    if isinstance(value, (list, tuple, str)):
        return value
    if isinstance(value, (set, frozenset, dict, deque)):
        return steady(interpreter, value, node, frame)
    if isinstance(value, Opaque):
        return value
    if isinstance(value, range):
        if len(value) > MAX_ITEMS:
            raise BudgetExceeded(TOO_MANY)
        return value
    if isinstance(value, Instance):
        found = value.cls.find("__iter__")
        if found is not None:
            return iterate(
                interpreter, call(interpreter, BoundMethod(found[0], value), (), {}, node, frame), node, frame
            )
        if value.payload is not None:
            return iterate(interpreter, value.payload, node, frame)
        found = value.cls.find("__getitem__")
        if found is not None and value.cls.find("__len__"):
            length = call(interpreter, BoundMethod(value.cls.find("__len__")[0], value), (), {}, node, frame)  # type: ignore[index]
            if isinstance(length, int) and length <= MAX_ITEMS:
                method = BoundMethod(found[0], value)
                return [call(interpreter, method, (i,), {}, node, frame) for i in range(length)]
    if isinstance(value, Tensor):
        return tensors.iterate(interpreter, value, frame.site(node))
    if isinstance(value, Class):
        if value.members is not None:
            return list(value.members.values())
        return Opaque(f"elements of the class {value.name}", frame.site(node))
    if hasattr(value, "__next__"):
        return Once(value, interpreter)
    if isinstance(unwrap(value), (int, float, bool, type(None), Dim)) or isinstance(value, Instance):
        if isinstance(value, Instance) and (value.cls.opaque or value.cls.find("__getattr__")):
            return Opaque(f"elements of {kind_of(value)}", frame.site(node))
        return interpreter.error(
            "TypeError",
            "bad-call",
            frame.site(node),
            reason=f"{kind_of(value)} cannot be iterated over",
            none=value is None,
            value=value,
        )
    return Opaque(f"elements of {kind_of(value)}", frame.site(node))


def steady(interpreter: Interpreter, value: Any, node: Any, frame: Any) -> Iterator[Any]:
    """Yield the elements of a value that must not change its size meanwhile."""
    try:
        yield from value
    except RuntimeError:
        reason = f"the {kind_of(value)} changes while it is iterated over"
        interpreter.error("RuntimeError", "bad-call", frame.site(node), reason=reason)


class Once:
    """An iterator of the program, whose steps are counted."""

    def __init__(self, iterator: Any, interpreter: Interpreter) -> None:
        self.iterator = iterator
        self.interpreter = interpreter

    def __iter__(self) -> Once:
        return self

    def __next__(self) -> Any:
        self.interpreter.tick()
        return next(self.iterator)
