"""What operators of the language do to values: arithmetic, comparison, truth, membership, subscripts."""

from __future__ import annotations

import copy
import operator
import re
from collections.abc import Iterable
from typing import Any

from resnet_check.graph.dim import Dim
from resnet_check.graph.dim import value as value_of
from resnet_check.read.static import tensors
from resnet_check.read.static.interpreter import MAX_ITEMS, Interpreter
from resnet_check.read.static.values import (
    BoundMethod,
    BudgetExceeded,
    Class,
    External,
    Function,
    Instance,
    Native,
    Opaque,
    Partial,
    ProjectModule,
    Tensor,
)
from resnet_check.read.static.weighing import TOO_MANY, charge, weigh

SPECIAL = {
    "add": ("__add__", "__radd__"),
    "sub": ("__sub__", "__rsub__"),
    "mul": ("__mul__", "__rmul__"),
    "truediv": ("__truediv__", "__rtruediv__"),
    "floordiv": ("__floordiv__", "__rfloordiv__"),
    "mod": ("__mod__", "__rmod__"),
    "pow": ("__pow__", "__rpow__"),
    "matmul": ("__matmul__", "__rmatmul__"),
    "and_": ("__and__", "__rand__"),
    "or_": ("__or__", "__ror__"),
    "xor": ("__xor__", "__rxor__"),
    "eq": ("__eq__", "__eq__"),
    "ne": ("__ne__", "__ne__"),
    "lt": ("__lt__", "__gt__"),
    "le": ("__le__", "__ge__"),
    "gt": ("__gt__", "__lt__"),
    "ge": ("__ge__", "__le__"),
}
RELATIONS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
OBJECTS = (Instance, Class, Function, Native, BoundMethod, Partial, External, ProjectModule)
"""Values that are always true and equal only to themselves, unless their class says otherwise."""


class ContextManager:
    """A context manager of torch's or Python's that the reader implements."""

    __slots__ = ("enter", "exit", "mode")

    def __init__(self, enter: Any = None, leave: Any = None, mode: str = "") -> None:
        self.enter = enter or (lambda _interpreter, _site: self)
        self.exit = leave or (lambda _interpreter: None)
        self.mode = mode


def decorated(manager: ContextManager, function: Function) -> Function:
    """Return a function that runs inside of a context manager."""
    made = copy.copy(function)
    made.mode = manager
    return made


def unwrap(value: Any) -> Any:
    """Return the list, dict or string inside an object whose class derives from one."""
    if isinstance(value, Instance) and value.payload is not None:
        return value.payload
    return value


def binary(interpreter: Interpreter, name: str, left: Any, right: Any, node: Any, frame: Any) -> Any:
    """Return ``left op right``; ``name`` is the function of `operator`."""
    if isinstance(left, Opaque) or isinstance(right, Opaque):
        return combine_opaque(left, right)
    if isinstance(left, Tensor) or isinstance(right, Tensor):
        return tensors.operator_call(interpreter, name, (left, right), frame.site(node))
    if isinstance(left, Instance) or isinstance(right, Instance):
        result = special(interpreter, name, left, right, node, frame)
        if result is not NotImplemented:
            return result
        left, right = unwrap(left), unwrap(right)
    if name == "or_" and (isinstance(left, (Class, Opaque)) or isinstance(right, Class)):
        return left
    return host_binary(interpreter, name, left, right, node, frame)


def combine_opaque(left: Any, right: Any) -> Opaque:
    """Return what is known of a result from an unknown operand: with a tensor it is a tensor, with a number a number."""
    opaque = left if isinstance(left, Opaque) else right
    other = right if opaque is left else left
    if isinstance(other, Tensor):
        return opaque.of_kind("tensor")
    if isinstance(other, (int, float, Dim)):
        return opaque.of_kind("tensor" if opaque.kind == "tensor" else "number")
    return opaque


def host_binary(interpreter: Interpreter, name: str, left: Any, right: Any, node: Any, frame: Any) -> Any:
    """Apply an operator to values of Python's own, within bounds."""
    if isinstance(left, Dim) and isinstance(right, (list, tuple)):
        left = tensors.concrete(interpreter, left)
    if isinstance(right, Dim) and isinstance(left, (list, tuple, str)) and name == "mul":
        right = tensors.concrete(interpreter, right)
    if name == "mod" and isinstance(left, str):
        weigh(interpreter, right)
        return percent_format(left, right, frame.site(node))
    check_size(name, left, right)
    if isinstance(right, Dim) and name in DIVISIONS:
        interpreter.checks.holds("!=", right, 0)
    try:
        result = getattr(operator, name)(left, right)
    except TypeError:
        return interpreter.error(
            "TypeError",
            "bad-call",
            frame.site(node),
            reason=f"`{SIGN.get(name, name)}` does not take {kind_of(left)} and {kind_of(right)}",
            none=left is None or right is None,
        )
    except (ArithmeticError, ValueError) as error:
        return interpreter.error(type(error).__name__, "bad-call", frame.site(node), reason=str(error))
    return charge(interpreter, result)


SIGN = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "truediv": "/",
    "floordiv": "//",
    "mod": "%",
    "pow": "**",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "matmul": "@",
}


DIVISIONS = frozenset({"truediv", "floordiv", "mod"})
"""Operators that raise for a zero on the right: at such a size the program goes another way."""


def kind_of(value: Any) -> str:
    """Return the name of a value's type, for a person."""
    if value is None:
        return "None"
    if isinstance(value, Instance):
        return value.cls.name
    if isinstance(value, Class):
        return f"the class {value.name}"
    if isinstance(value, (Function, Native, BoundMethod, Partial)):
        return "a function"
    if isinstance(value, Tensor):
        return "a tensor"
    if isinstance(value, Dim):
        return "int"
    return type(value).__name__


TOO_LONG = "a number with more than a thousand digits"


def check_size(name: str, left: Any, right: Any) -> None:
    """Refuse arithmetic whose result would not fit: large powers and shifts, long repetitions."""
    left, right = value_of(left), value_of(right)
    if name == "mul":
        for some, times in ((left, right), (right, left)):
            if isinstance(some, (str, list, tuple, bytes)) and isinstance(times, int) and len(some) * times > MAX_ITEMS:
                raise BudgetExceeded(TOO_MANY)
        if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > 4096:
            raise BudgetExceeded(TOO_LONG)
    elif name in {"pow", "lshift"} and isinstance(left, int) and isinstance(right, int):
        bits = left.bit_length() * abs(right) if name == "pow" else left.bit_length() + right
        if bits > 4096:
            raise BudgetExceeded(TOO_LONG)


LONG_NUMBER = re.compile(r"\d{4,}")
MAX_WIDTH = 1000
"""Characters to which a layout may widen a value: its numbers have up to three digits."""

MAX_TEXT = 10 * MAX_ITEMS
"""Characters that a text with many values may have at the most, before it is made."""


def longest(values: Iterable[Any]) -> int:
    """Return a bound of the characters that each value takes."""
    return max((len(v) if isinstance(v, str) else 2 * MAX_WIDTH for v in values), default=0)


def percent_format(text: str, values: Any, site: Any) -> Any:
    """Return ``text % values``."""
    inner = values.values() if isinstance(values, dict) else values if isinstance(values, (tuple, list)) else (values,)
    if not all(isinstance(v, (str, int, float, type(None))) for v in inner) or "*" in text or LONG_NUMBER.search(text):
        return Opaque("a text with an unknown part", site, "text")
    if text.count("%") * (MAX_WIDTH + longest(inner)) > MAX_TEXT:
        raise BudgetExceeded(TOO_MANY)
    try:
        return text % values
    except (TypeError, ValueError, KeyError):
        return Opaque("a text that cannot be formatted", site, "text")


def format_value(value: Any, conversion: int, layout: Any) -> str | None:
    """Return a value formatted as in an f-string, or None where it is not known."""
    value = unwrap(value)
    if not isinstance(value, (str, int, float, bool, type(None), tuple, list)) or not isinstance(layout, str):
        return None
    if isinstance(value, (tuple, list)) and any(not isinstance(v, (str, int, float, type(None))) for v in value):
        return None
    if len(layout) > 12 or sum(c.isdigit() for c in layout) > 3:
        return None
    if conversion == ord("r"):
        value = repr(value)
    elif conversion == ord("s"):
        value = str(value)
    try:
        return format(value, layout)
    except (TypeError, ValueError):
        return None


def special(interpreter: Interpreter, name: str, left: Any, right: Any, node: Any, frame: Any) -> Any:
    """Call the special method of a user's class for an operator, or return NotImplemented."""
    from resnet_check.read.static.calling import call

    forward, backward = SPECIAL.get(name, ("", ""))
    for owner, other, method in ((left, right, forward), (right, left, backward)):
        if isinstance(owner, Instance):
            found = owner.cls.find(method)
            if found is not None:
                return call(interpreter, BoundMethod(found[0], owner), (other,), {}, node, frame)
            if owner.cls.opaque is not None:
                return owner.cls.opaque
    return NotImplemented


def unary(interpreter: Interpreter, name: str, value: Any, node: Any, frame: Any) -> Any:
    """Return ``-value``, ``+value`` or ``~value``."""
    value = unwrap(value)
    if isinstance(value, Opaque):
        return value
    if isinstance(value, Tensor):
        return tensors.operator_call(interpreter, name, (value,), frame.site(node))
    if isinstance(value, Dim) and name == "pos":
        return value
    try:
        return getattr(operator, name)(value)
    except TypeError:
        return interpreter.error(
            "TypeError", "bad-call", frame.site(node), reason=f"a sign before {kind_of(value)}", none=value is None
        )


def compare(interpreter: Interpreter, name: str, left: Any, right: Any, node: Any, frame: Any) -> Any:
    """Return the truth of a comparison, a tensor, or an `Opaque`."""
    if isinstance(left, Opaque) or isinstance(right, Opaque):
        return combine_opaque(left, right).of_kind("number")
    if isinstance(left, Instance) or isinstance(right, Instance):
        result = special(interpreter, name, left, right, node, frame)
        if result is not NotImplemented:
            return result
        left, right = unwrap(left), unwrap(right)
    if isinstance(left, Tensor) or isinstance(right, Tensor):
        if name in {"eq", "ne"} and (left is None or right is None):
            return name == "ne"
        return tensors.operator_call(interpreter, name, (left, right), frame.site(node))
    if isinstance(left, (Dim, int, float)) and isinstance(right, (Dim, int, float)):
        return interpreter.checks.holds(RELATIONS[name], left, right)
    if isinstance(left, (tuple, list)) and isinstance(right, (tuple, list)):
        return compare_sequences(interpreter, name, left, right, node, frame)
    if isinstance(left, OBJECTS) or isinstance(right, OBJECTS):
        if name in {"eq", "ne"}:
            return (left is right) == (name == "eq")
        return Opaque("an order of objects", frame.site(node), "number")
    for value in (left, right):
        weigh(interpreter, value)
    try:
        return getattr(operator, name)(left, right)
    except TypeError:
        return interpreter.error(
            "TypeError",
            "bad-call",
            frame.site(node),
            reason=f"`{SIGN.get(name, name)}` does not take {kind_of(left)} and {kind_of(right)}",
            none=left is None or right is None,
        )


def compare_sequences(interpreter: Interpreter, name: str, left: Any, right: Any, node: Any, frame: Any) -> Any:
    """Compare lists or tuples element by element, so that sizes among them leave their Guards."""
    if name in {"eq", "ne"}:
        equal: Any = len(left) == len(right) and isinstance(left, tuple) == isinstance(right, tuple)
        for a, b in zip(left, right, strict=False) if equal else ():
            interpreter.tick()
            equal = truth(interpreter, compare(interpreter, "eq", a, b, node, frame), node, frame)
            if isinstance(equal, Opaque) or not equal:
                break
        if isinstance(equal, Opaque):
            return equal
        return equal if name == "eq" else not equal
    for a, b in zip(left, right, strict=False):
        equal = truth(interpreter, compare(interpreter, "eq", a, b, node, frame), node, frame)
        if isinstance(equal, Opaque):
            return equal
        if not equal:
            return compare(interpreter, name, a, b, node, frame)
    return getattr(operator, name)(len(left), len(right))


def truth(interpreter: Interpreter, value: Any, node: Any, frame: Any) -> Any:
    """Return True or False, or an `Opaque` where that cannot be told."""
    if value is True or value is False or isinstance(value, Opaque):
        return value
    if isinstance(value, Dim):
        return interpreter.checks.holds("!=", value, 0)
    if isinstance(value, Tensor):
        if value.data is not None and len(value.data) == 1:
            return bool(value.data[0])
        return Opaque("a condition on the values of a tensor", frame.site(node), "number")
    if isinstance(value, Instance):
        return instance_truth(interpreter, value, node, frame)
    if isinstance(value, OBJECTS) or (not hasattr(value, "__bool__") and not hasattr(value, "__len__")):
        return True
    return bool(value)


def instance_truth(interpreter: Interpreter, value: Instance, node: Any, frame: Any) -> Any:
    """An object is true unless ``__bool__`` or ``__len__`` of its class says otherwise (an empty ``nn.Sequential`` is false)."""
    from resnet_check.read.static.calling import call

    for method in ("__bool__", "__len__"):
        found = value.cls.find(method)
        if found is not None:
            return truth(interpreter, call(interpreter, BoundMethod(found[0], value), (), {}, node, frame), node, frame)
    if value.cls.opaque is not None:
        return value.cls.opaque
    return bool(value.payload) if value.payload is not None else True


def identical(left: Any, right: Any) -> Any:
    """Return the truth of ``left is right``."""
    for some, other in ((left, right), (right, left)):
        if isinstance(some, Opaque):
            # a tensor, a number or a text is certainly not None
            return False if other is None and some.kind in {"tensor", "number", "text"} else some
    if isinstance(left, (int, float, str)) and isinstance(right, (int, float, str)):
        return left == right and type(left) is type(right)
    return left is right
