"""Python's own types and exceptions as classes of the interpreter, and the constructors of the types."""

from __future__ import annotations

import builtins
from functools import cache
from typing import Any

from resnet_check.graph.dim import Dim, apply
from resnet_check.read.static.frames import MISSING
from resnet_check.read.static.interpreter import MAX_ITEMS, Interpreter
from resnet_check.read.static.values import BudgetExceeded, Class, Instance, Native, Opaque, Partial, Tensor

OBJECT = Class("object", (), {}, qualified="object", host=object)
TYPES: dict[str, Class] = {
    "object": OBJECT,
    **{
        name: Class(name, (OBJECT,), {}, host=getattr(builtins, name))
        for name in (
            "int float complex str bytes list tuple dict set frozenset range slice type bytearray memoryview reversed"
        ).split()
    },
}
TYPES["bool"] = Class("bool", (TYPES["int"],), {}, host=bool)
NONE_TYPE = Class("NoneType", (OBJECT,), {}, host=type(None))


@cache
def exception_class(name: str) -> Class:
    """Return one of Python's exception classes."""
    host = getattr(builtins, name, Exception)
    bases = tuple(exception_class(base.__name__) for base in host.__bases__ if base is not object)
    return Class(name, bases or (OBJECT,), {})


def builtin(name: str) -> Any:
    """Return the value of a built-in name, or `MISSING`."""
    from resnet_check.read.static.builtin_functions import FUNCTIONS

    if name in FUNCTIONS:
        return FUNCTIONS[name]
    if name in TYPES:
        return TYPES[name]
    host = getattr(builtins, name, None)
    if isinstance(host, type) and issubclass(host, BaseException):
        return exception_class(name)
    if name in {"NotImplemented", "Ellipsis", "__debug__"}:
        return getattr(builtins, name)
    if name in {"__name__", "__file__", "__doc__", "__path__", "__package__", "__builtins__", "__spec__", "__all__"}:
        return Opaque(f"`{name}`", None, "text")
    if name in {
        "reveal_type",
        "unicode",
        "xrange",
        "basestring",
        "long",
        "raw_input",
        "reduce",
        "display",
        "get_ipython",
    }:
        return Opaque(f"`{name}`")
    return Opaque(f"`{name}`") if hasattr(builtins, name) else MISSING


def type_of(value: Any) -> Any:
    """Return the class of a value."""
    if isinstance(value, Instance):
        return value.cls
    if isinstance(value, Dim):
        return TYPES["int"]
    if value is None:
        return NONE_TYPE
    if isinstance(value, Class):
        return TYPES["type"]
    if isinstance(value, Partial):
        from resnet_check.read.static.library_names import PARTIAL

        return PARTIAL
    if isinstance(value, Tensor):
        from resnet_check.read.static.torch_names import PARAMETER_CLASS, VALUES

        return PARAMETER_CLASS if value.parameter else VALUES["torch.Tensor"]
    return TYPES.get(type(value).__name__) or Opaque(f"the type of {type(value).__name__}")


def host_payload(interpreter: Interpreter, host: type, args: tuple[Any, ...], site: Any) -> Any:
    """Return the list, dict or text inside a new object whose class derives from one, as ``__new__`` leaves it."""
    if host in FILLED_LATER:
        return host()
    maker = HOST_CONSTRUCTORS.get(host.__name__)
    if maker is None or host is type:
        return None
    return maker(interpreter, site, *args[:1])


FILLED_LATER = (list, dict, set)
"""Python's types that are empty until their ``__init__`` runs."""


def fill(interpreter: Interpreter, site: Any, instance: Any, *args: Any, **kwargs: Any) -> None:
    """``list.__init__``, ``dict.__init__`` and ``set.__init__``: what was inside goes, except that a dict keeps it."""
    payload: Any = instance.payload if isinstance(instance, Instance) else None
    host = type(payload)
    if host not in FILLED_LATER:
        interpreter.lose(Opaque("the content of something that is not read", site))
        return
    made = HOST_CONSTRUCTORS[host.__name__](interpreter, site, *args, **kwargs)
    if not isinstance(made, host):
        instance.payload = made
    elif isinstance(payload, list):
        payload[:] = made
    else:
        if isinstance(payload, set):
            payload.clear()
        payload.update(made)


for _host in FILLED_LATER:
    TYPES[_host.__name__].namespace["__init__"] = Native(f"{_host.__name__}.__init__", fill, lenient=True)


def make_int(interpreter: Interpreter, site: Any, value: Any = 0, base: Any = None) -> Any:
    from resnet_check.read.static.operations import unwrap

    value = unwrap(value)
    if isinstance(value, Dim):
        return value if isinstance(value.value, int) else apply("int", value)
    if isinstance(value, Tensor):
        return int(value.data[0]) if value.data else Opaque("the value of a tensor", site, "number")
    if isinstance(value, (str, int, float)):
        try:
            return int(value) if base is None else int(str(value), base)
        except (ValueError, OverflowError) as error:
            return interpreter.error("ValueError", "bad-call", site, reason=str(error)[:100])
    return Opaque("a number from something that is not read", site, "number")


def make_float(interpreter: Interpreter, site: Any, value: Any = 0.0) -> Any:
    if isinstance(value, Dim):
        return apply("float", value)
    if isinstance(value, Tensor):
        return float(value.data[0]) if value.data else Opaque("the value of a tensor", site, "number")
    if isinstance(value, (str, int, float)):
        try:
            return float(value)
        except (ValueError, OverflowError) as error:
            return interpreter.error("ValueError", "bad-call", site, reason=str(error)[:100])
    return Opaque("a number from something that is not read", site, "number")


def make_text(_: Interpreter, site: Any, value: Any = "", *__: Any) -> Any:
    from resnet_check.read.static.operations import format_value

    if isinstance(value, Class):
        return f"<class '{value.name}'>"
    text = format_value(value, -1, "") if not isinstance(value, (list, tuple)) else format_value(value, ord("s"), "")
    return Opaque("a text with an unknown part", site, "text") if text is None else text


def make_collection(kind: type) -> Any:
    """Return the constructor of a list, tuple or set."""

    def make(interpreter: Interpreter, site: Any, values: Any = ()) -> Any:
        from resnet_check.read.static.hosted import elements

        found = elements(interpreter, site, values)
        if isinstance(found, Opaque):
            return Opaque(f"elements of {found.reason}", site)
        interpreter.tick(len(found) // 16)
        try:
            return kind(found)
        except TypeError:
            return Opaque("a set of values without a hash", site)

    return make


def make_dict(interpreter: Interpreter, site: Any, values: Any = None, /, **kwargs: Any) -> Any:
    from resnet_check.read.static.hosted import elements
    from resnet_check.read.static.operations import unwrap

    values = unwrap(values)
    if values is None:
        return dict(kwargs)
    if isinstance(values, dict):
        return {**values, **kwargs}
    pairs = elements(interpreter, site, values)
    if isinstance(pairs, Opaque):
        return Opaque(f"a dict of {pairs.reason}", site)
    try:
        return {**dict(pairs), **kwargs}
    except (TypeError, ValueError):
        return Opaque("a dict of values that are not read", site)


MAX_LENGTH = 1 << 60
"""Python gives no length of a range with larger bounds."""


def make_range(interpreter: Interpreter, site: Any, *bounds: Any) -> Any:
    from resnet_check.read.static import tensors
    from resnet_check.read.static.operations import kind_of

    numbers = [tensors.concrete(interpreter, bound) for bound in bounds]
    if all(isinstance(n, int) for n in numbers) and 1 <= len(numbers) <= 3:
        made = range(*numbers)
        if any(abs(number) > MAX_LENGTH for number in numbers) or len(made) > 10 * MAX_ITEMS:
            reason = "a range of more than ten million"
            raise BudgetExceeded(reason)
        return made
    odd = next((n for n in numbers if not isinstance(n, int)), None)
    if isinstance(odd, (float, str, list, tuple, type(None))):
        return interpreter.error(
            "TypeError", "bad-call", site, reason=f"`range` does not take {kind_of(odd)}", value=odd
        )
    return Opaque("a range of something that is not read", site)


def make_bool(interpreter: Interpreter, site: Any, value: Any = False) -> Any:  # noqa: FBT002 - Python's own signature
    from resnet_check.read.static.hosted import Nowhere
    from resnet_check.read.static.operations import truth

    return truth(interpreter, value, None, Nowhere(site))


def make_type(_: Interpreter, site: Any, value: Any, *rest: Any) -> Any:
    if rest:
        bases, namespace = rest
        if isinstance(value, str) and isinstance(namespace, dict) and all(isinstance(b, Class) for b in bases):
            return Class(value, tuple(bases), dict(namespace))
        return Opaque("a class made at run time", site)
    return type_of(value) if not isinstance(value, Opaque) else value


def make_reversed(interpreter: Interpreter, site: Any, values: Any) -> Any:
    from resnet_check.read.static.hosted import elements

    found = elements(interpreter, site, values)
    return found if isinstance(found, Opaque) else iter(found[::-1])


HOST_CONSTRUCTORS: dict[str, Any] = {
    "int": make_int,
    "float": make_float,
    "str": make_text,
    "list": make_collection(list),
    "tuple": make_collection(tuple),
    "set": make_collection(set),
    "frozenset": make_collection(frozenset),
    "dict": make_dict,
    "range": make_range,
    "bool": make_bool,
    "type": make_type,
    "slice": lambda _i, _s, *parts: slice(*parts),
    "object": lambda _i, site: Instance(OBJECT, site),
    "reversed": make_reversed,
    "complex": lambda _i, site, *_: Opaque("a complex number", site, "number"),
    "bytes": lambda _i, site, *_: Opaque("bytes", site),
}
