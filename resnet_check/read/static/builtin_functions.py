"""Python's built-in functions."""

from __future__ import annotations

import ast
import sys
from typing import Any

from resnet_check.graph.dim import Dim, apply
from resnet_check.read.static import instances, operations, tensors
from resnet_check.read.static.arguments import leave
from resnet_check.read.static.assigning import delete_attribute, set_attribute
from resnet_check.read.static.attributes import find_attribute, get_attribute, has_attribute
from resnet_check.read.static.frames import MISSING, Frame
from resnet_check.read.static.hosted import Nowhere, call_value, elements, sorted_values
from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.values import (
    BoundMethod,
    Class,
    ClassMethod,
    External,
    Function,
    Instance,
    Native,
    Opaque,
    Partial,
    Property,
    StaticMethod,
    Super,
    Tensor,
    first_opaque,
)


def length(interpreter: Interpreter, site: Any, value: Any) -> Any:
    if isinstance(value, Instance):
        found = value.cls.find("__len__")
        if found is not None:
            return call_value(interpreter, site, found[0], value)
        value = operations.unwrap(value)
    if isinstance(value, Opaque):
        return value.of_kind("number")
    if isinstance(value, Tensor):
        return value.shape[0] if value.shape else Opaque("the length of a number", site, "number")
    if isinstance(value, Class) and value.members is not None:
        return len(value.members)
    if isinstance(value, (list, tuple, dict, set, frozenset, str, range, bytes)):
        return len(value)
    if isinstance(value, (int, float, Dim, type(None))):
        reason = f"`len` does not take {operations.kind_of(value)}"
        return interpreter.error("TypeError", "bad-call", site, reason=reason, value=value)
    return Opaque(f"the length of {operations.kind_of(value)}", site, "number")


def extreme(name: str) -> Any:
    """Return ``max`` or ``min``."""

    def run(interpreter: Interpreter, site: Any, *values: Any, key: Any = None, default: Any = MISSING) -> Any:
        found = elements(interpreter, site, values[0]) if len(values) == 1 else list(values)
        if isinstance(found, Opaque):
            return found
        lost = first_opaque(found)
        if lost is not None:
            return lost.of_kind("number" if lost.kind == "number" else "any")
        if not found:
            return default if default is not MISSING else Opaque(f"`{name}` of nothing", site)
        if key is not None:
            ordered = sorted_values(interpreter, site, found, key=key, reverse=name == "max")
            return ordered if isinstance(ordered, Opaque) else ordered[0]
        if all(isinstance(v, (int, float, Dim)) for v in found):
            result = found[0]
            for other in found[1:]:
                result = apply(name, result, other)
            return result
        try:
            return max(found) if name == "max" else min(found)
        except TypeError:
            return Opaque(f"`{name}` of values that are not read", site)

    return run


def total(interpreter: Interpreter, site: Any, values: Any, start: Any = 0) -> Any:
    found = elements(interpreter, site, values)
    if isinstance(found, Opaque):
        return found.of_kind("any")
    result = start
    for value in found:
        result = operations.binary(interpreter, "add", result, value, None, Nowhere(site))
    return result


def enumerated(interpreter: Interpreter, site: Any, values: Any, start: Any = 0) -> Any:
    found = elements(interpreter, site, values)
    return found if isinstance(found, Opaque) else iter(list(enumerate(found, start)))


def zipped(interpreter: Interpreter, site: Any, *values: Any, strict: Any = False) -> Any:
    found = [elements(interpreter, site, v) for v in values]
    opaque = next((f for f in found if isinstance(f, Opaque)), None)
    del strict
    return opaque if opaque is not None else iter(list(zip(*found, strict=False)))


def mapped(interpreter: Interpreter, site: Any, function: Any, *values: Any) -> Any:
    found = [elements(interpreter, site, v) for v in values]
    opaque = next((f for f in found if isinstance(f, Opaque)), None)
    if opaque is not None:
        return opaque
    return iter([call_value(interpreter, site, function, *row) for row in zip(*found, strict=False)])


def filtered(interpreter: Interpreter, site: Any, function: Any, values: Any) -> Any:
    found = elements(interpreter, site, values)
    if isinstance(found, Opaque):
        return found
    kept = []
    for value in found:
        answer = value if function is None else call_value(interpreter, site, function, value)
        known = operations.truth(interpreter, answer, None, Nowhere(site))
        if isinstance(known, Opaque):
            return known
        if known:
            kept.append(value)
    return iter(kept)


def quantified(name: str) -> Any:
    """Return ``any`` or ``all``."""
    stop = name == "any"

    def run(interpreter: Interpreter, site: Any, values: Any) -> Any:
        found = elements(interpreter, site, values)
        if isinstance(found, Opaque):
            return found.of_kind("number")
        unsure = None
        for value in found:
            known = operations.truth(interpreter, value, None, Nowhere(site))
            if isinstance(known, Opaque):
                unsure = known
            elif known is stop:
                return stop
        return unsure if unsure is not None else not stop

    return run


def is_instance(_: Interpreter, __: Any, value: Any, cls: Any) -> Any:
    return instances.is_instance(value, cls)


def is_subclass(_: Interpreter, site: Any, cls: Any, other: Any) -> Any:
    others = other if isinstance(other, tuple) else (other,)
    if isinstance(cls, Class) and all(isinstance(o, Class) for o in others):
        return any(cls.is_subclass(o) for o in others) or (cls.opaque.of_kind("number") if cls.opaque else False)
    return Opaque("`issubclass` of something that is not read", site, "number")


def get_named(interpreter: Interpreter, site: Any, owner: Any, name: Any, default: Any = MISSING) -> Any:
    if isinstance(owner, Opaque) or isinstance(name, Opaque) or not isinstance(name, str):
        return Opaque("`getattr` of something unknown", site)
    scope = Nowhere(site)
    if default is MISSING:
        return get_attribute(interpreter, owner, name, None, scope)
    found = has_attribute(interpreter, owner, name, None, scope)
    if isinstance(found, Opaque):
        return found.of_kind("any")
    return find_attribute(interpreter, owner, name, None, scope) if found else default


def set_named(interpreter: Interpreter, site: Any, owner: Any, name: Any, value: Any) -> None:
    if isinstance(name, str):
        set_attribute(interpreter, owner, name, value, None, Nowhere(site))
    else:
        interpreter.lose(Opaque("`setattr` with an unknown name", site))


def del_named(interpreter: Interpreter, site: Any, owner: Any, name: Any) -> None:
    if isinstance(name, str):
        delete_attribute(interpreter, owner, name, None, Nowhere(site))


def has_named(interpreter: Interpreter, site: Any, owner: Any, name: Any) -> Any:
    if not isinstance(name, str):
        return Opaque("`hasattr` with an unknown name", site, "number")
    return has_attribute(interpreter, owner, name, None, Nowhere(site))


def is_callable(_: Interpreter, __: Any, value: Any) -> Any:
    if isinstance(value, Opaque):
        return value.of_kind("number")
    if isinstance(value, Instance):
        return value.cls.find("__call__") is not None
    return isinstance(value, (Function, Native, BoundMethod, Partial, Class, StaticMethod))


MAX_DIGITS = 400
"""Digits to round to: Python makes a number of so many, and no float has more."""


def rounded(_: Interpreter, site: Any, value: Any, digits: Any = None) -> Any:
    if isinstance(value, Dim) and digits is None:
        return value if isinstance(value.value, int) else apply("round", value)
    if isinstance(value, (int, float)) and (digits is None or (isinstance(digits, int) and abs(digits) < MAX_DIGITS)):
        return round(value) if digits is None else round(value, digits)
    return Opaque("`round` of something that is not read", site, "number")


def absolute(interpreter: Interpreter, site: Any, value: Any) -> Any:
    if isinstance(value, Tensor):
        return tensors.run(interpreter, tensors.FUNCTIONS["torch.abs"], (value,), {}, site)
    return abs(value) if isinstance(value, (int, float, Dim)) else Opaque("`abs`", site, "number")


def divided(interpreter: Interpreter, site: Any, left: Any, right: Any) -> Any:
    scope = Nowhere(site)
    return (
        operations.binary(interpreter, "floordiv", left, right, None, scope),
        operations.binary(interpreter, "mod", left, right, None, scope),
    )


def next_value(interpreter: Interpreter, site: Any, iterator: Any, default: Any = MISSING) -> Any:
    if isinstance(iterator, Instance):
        found = iterator.cls.find("__next__")
        return Opaque("the next element", site) if found is None else call_value(interpreter, site, found[0], iterator)
    if not hasattr(iterator, "__next__"):
        return Opaque("the next element of something that is not read", site)
    try:
        return next(iterator)
    except StopIteration:
        if default is not MISSING:
            return default
        return interpreter.error("StopIteration", "bad-call", site, reason="there is no next element")


def iterator_of(interpreter: Interpreter, site: Any, values: Any) -> Any:
    found = elements(interpreter, site, values)
    return found if isinstance(found, Opaque) else iter(found)


def parent(interpreter: Interpreter, site: Any, cls: Any = MISSING, instance: Any = MISSING) -> Any:
    """``super``; without arguments the scope of the call says which class (see `super_call`)."""
    if isinstance(cls, Class) and isinstance(instance, (Instance, Class)):
        known = instance if isinstance(instance, Class) else instance.cls
        if not known.is_subclass(cls):
            if known.opaque is not None:
                return known.opaque
            interpreter.error(
                "TypeError", "missing-super-init", site, wrong=cls.name, owner=known.name, message="super"
            )
            return Super(known, instance)
        return Super(cls, instance)
    return Opaque("`super` of something that is not read", site)


def names_of(_: Interpreter, site: Any, value: Any = MISSING) -> Any:
    """``dir``: of a library only membership can be answered, as ``hasattr`` answers it."""
    if not isinstance(value, External):
        return Opaque("`dir`", site)
    made = Instance(NAMES, site)
    made.attributes["of"] = value
    return made


def among_names(interpreter: Interpreter, site: Any, names: Instance, name: Any) -> Any:
    if not isinstance(name, str):
        return Opaque("membership in `dir`", site, "number")
    return has_attribute(interpreter, names.attributes["of"], name, None, Nowhere(site))


def all_names(_: Interpreter, site: Any, *__: Any) -> Opaque:
    """Return the elements of what ``dir`` gives for a library: only those that model code uses are known here."""
    return Opaque("all names of a library", site)


NAMES = Class(
    "list",
    (),
    {"__contains__": Native("in", among_names, lenient=True), "__iter__": Native("iter", all_names, lenient=True)},
)
"""What ``dir`` returns for a library."""


def variables(_: Interpreter, site: Any, value: Any = MISSING) -> Any:
    if isinstance(value, Instance):
        return value.attributes
    return Opaque("`vars`", site)


def powered(interpreter: Interpreter, site: Any, left: Any, right: Any, modulus: Any = None) -> Any:
    if modulus is not None:
        return Opaque("`pow` with a modulus", site, "number")
    return operations.binary(interpreter, "pow", left, right, None, Nowhere(site))


def run_text(mode: str) -> Any:
    """Return ``eval`` or ``exec``: a text that is known is read like any other code of the file."""

    def run(interpreter: Interpreter, site: Any, text: Any, *scopes: Any) -> Any:
        frame = interpreter.current_frame
        if not isinstance(text, str) or scopes or not isinstance(frame, Frame) or len(text) > 100_000:
            if mode == "exec":
                interpreter.lose(Opaque("code in a text that is not known", site))
            return Opaque(f"`{mode}` of something unknown", site)
        try:
            tree = ast.parse(text.strip(), mode=mode)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return Opaque(f"`{mode}` of something that is no Python", site)
        for node in ast.walk(tree):
            if hasattr(node, "lineno"):
                vars(node).update(lineno=site.line, end_lineno=site.line, col_offset=0, end_col_offset=0)
        if isinstance(tree, ast.Expression):
            return interpreter.evaluate(tree.body, frame)
        interpreter.execute(tree.body, frame)  # type: ignore[attr-defined]
        return None

    return run


def quiet(*_: Any, **__: Any) -> None:
    """Do nothing: the call only prints."""


def global_names(interpreter: Interpreter, _: Any) -> dict[str, Any]:
    interpreter.changed()
    interpreter.exposed = True
    names: dict[str, Any] = interpreter.current_frame.file.names
    return names


def text_of(_: Interpreter, site: Any, *__: Any, **___: Any) -> Any:
    return Opaque("a text", site, "text")


def letter(_: Interpreter, site: Any, number: Any) -> Any:
    """``chr``."""
    known = isinstance(number, int) and 0 <= number < sys.maxunicode
    return chr(number) if known else Opaque("a letter of something that is not read", site, "text")


def number_of_letter(_: Interpreter, site: Any, text: Any) -> Any:
    """``ord``."""
    known = isinstance(text, str) and len(text) == 1
    return ord(text) if known else Opaque("the number of a letter that is not read", site, "number")


FUNCTIONS: dict[str, Any] = {
    name: Native(name, function, lenient=True)
    for name, function in {
        "abs": absolute,
        "all": quantified("all"),
        "any": quantified("any"),
        "bin": text_of,
        "callable": is_callable,
        "chr": letter,
        "classmethod": lambda _i, _s, f: ClassMethod(f),
        "delattr": del_named,
        "dir": names_of,
        "divmod": divided,
        "enumerate": enumerated,
        "eval": run_text("eval"),
        "exec": run_text("exec"),
        "filter": filtered,
        "format": text_of,
        "getattr": get_named,
        "globals": global_names,
        "hasattr": has_named,
        "hash": lambda _i, site, *_: Opaque("`hash`", site, "number"),
        "hex": text_of,
        "id": lambda _i, _s, value: id(value),
        "input": text_of,
        "isinstance": is_instance,
        "issubclass": is_subclass,
        "iter": iterator_of,
        "len": length,
        "locals": lambda i, _s: i.current_frame.names,
        "map": mapped,
        "max": extreme("max"),
        "min": extreme("min"),
        "next": next_value,
        "open": lambda _i, site, *_, **__: Opaque("a file", site),
        "ord": number_of_letter,
        "pow": powered,
        "print": quiet,
        "exit": leave,
        "quit": leave,
        "property": lambda _i, _s, getter=None, setter=None, *_: Property(getter, setter),
        "repr": text_of,
        "round": rounded,
        "setattr": set_named,
        "sorted": sorted_values,
        "staticmethod": lambda _i, _s, f: StaticMethod(f),
        "sum": total,
        "super": parent,
        "vars": variables,
        "zip": zipped,
    }.items()
}
