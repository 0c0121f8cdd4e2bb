"""Making classes of the program, and the decorators and bases that change what a class is."""

from __future__ import annotations

import ast
from typing import Any

from resnet_check.read.static.frames import MISSING, Frame
from resnet_check.read.static.interpreter import Interpreter
from resnet_check.read.static.python_types import OBJECT
from resnet_check.read.static.values import (
    Class,
    Instance,
    Native,
    Opaque,
    Partial,
    StaticMethod,
    Undetermined,
)


def make_class(interpreter: Interpreter, node: ast.ClassDef, frame: Frame) -> Class:
    """Return the class that a ``class`` statement makes."""
    interpreter.touched += 1
    bases: list[Class] = []
    opaque: Opaque | None = None
    for expression in node.bases:
        base = interpreter.evaluate(expression, frame)
        if isinstance(base, Class):
            bases.append(base)
        elif isinstance(base, Opaque) or base is None:
            opaque = opaque or (base if isinstance(base, Opaque) else Opaque("a base class", frame.site(expression)))
        elif not isinstance(base, (Native, Partial)):
            opaque = opaque or Opaque("a base class that is not read", frame.site(expression))
    if not bases and opaque is None:
        bases.append(OBJECT)
    cls = Class(node.name, tuple(bases), {}, node=node, path=frame.file.path, opaque=opaque)
    scope = Frame(frame.file, frame, frame.caller, frame.call_node)
    scope.open_at(frame.caller_site)
    scope.names = cls.namespace
    scope.owner = cls
    scope.class_scope = True
    try:
        interpreter.execute(node.body, scope)
    except Undetermined as undetermined:
        cls.opaque = undetermined.opaque
    new = cls.namespace.get("__new__")
    if new is not None:
        cls.namespace["__new__"] = StaticMethod(new)
    if any(c.qualified == "enum.Enum" for c in cls.mro[1:]):
        make_enum(cls)
    if any(c.qualified == "typing.NamedTuple" for c in cls.mro[1:]):
        make_named_tuple(cls)
    for keyword in node.keywords:
        if keyword.arg != "total":
            value = interpreter.evaluate(keyword.value, frame)
            if keyword.arg == "metaclass" and (isinstance(value, Opaque) or overrides_call(value)):
                cls.metaclass = value
    hook = cls.find("__init_subclass__", after=cls)
    if hook is not None:
        from resnet_check.read.static.calling import call

        kwargs = {k.arg: interpreter.evaluate(k.value, frame) for k in node.keywords if k.arg and k.arg != "metaclass"}
        call(interpreter, hook[0], (cls,), kwargs, node, frame)
    return cls


def overrides_call(metaclass: Any) -> bool:
    """Return whether a metaclass of the program runs code of its own when an object is made, or replaces a constructor."""
    if not isinstance(metaclass, Class):
        return False
    own = [c for c in metaclass.mro if c.node is not None]
    return any("__call__" in c.namespace or replaces_constructor(c.node) for c in own)


def replaces_constructor(node: ast.AST | None) -> bool:
    """Return whether code assigns the ``__init__`` of something."""
    return node is not None and any(
        isinstance(part, ast.Attribute) and part.attr == "__init__" and isinstance(part.ctx, ast.Store)
        for part in ast.walk(node)
    )


def functional_enum(_: Interpreter, site: Any, base: Class, name: Any, names: Any = None, *__: Any, **___: Any) -> Any:
    """``Enum("Name", "first second")``."""
    if isinstance(names, str):
        names = names.replace(",", " ").split()
    if isinstance(names, (list, tuple)) and all(isinstance(n, str) for n in names):
        names = dict(zip(names, range(1, len(names) + 1), strict=True))
    if not isinstance(name, str) or not isinstance(names, dict):
        return Opaque("an enumeration made of something that is not read", site)
    cls = Class(name, (base,), dict(names))
    make_enum(cls)
    return cls


def make_enum(cls: Class) -> None:
    """Turn the values of an enumeration's body into its members."""
    from resnet_check.read.static.values import ClassMethod, Function, Property

    cls.members = {}
    for name, value in list(cls.namespace.items()):
        hidden = name.startswith("_") or isinstance(value, (Function, Property, ClassMethod, StaticMethod, Class))
        if not hidden:
            member = Instance(cls)
            member.attributes.update(name=name, value=value, _name_=name, _value_=value)
            if any(c.host in (str, int) for c in cls.mro):
                member.payload = value
            cls.members[name] = member
            cls.namespace[name] = member


def fields_of(cls: Class) -> list[tuple[str, Any]]:
    """Return the fields of a dataclass or named tuple, the bases' first, each with its default or `MISSING`."""
    found: dict[str, Any] = {}
    for ancestor in reversed(cls.mro):
        for name in ancestor.fields:
            found[name] = ancestor.namespace.get(name, MISSING)
    return list(found.items())


def make_dataclass(cls: Class) -> Class:
    """Give a dataclass its ``__init__``."""
    fields = fields_of(cls)

    def init(interpreter: Interpreter, site: Any, instance: Instance, *args: Any, **kwargs: Any) -> None:
        from resnet_check.read.static.hosted import call_value

        given = dict(zip((name for name, _ in fields), args, strict=False))
        given.update(kwargs)
        for name, default in fields:
            value = given.get(name, MISSING)
            if value is MISSING:
                value = default.make(interpreter, site) if isinstance(default, FieldDefault) else default
            if value is MISSING:
                value = interpreter.error(
                    "TypeError",
                    "bad-call",
                    site,
                    reason=f"`{cls.name}` misses the argument `{name}`",
                    message="arguments",
                )
            instance.attributes[name] = value
        after = cls.find("__post_init__")
        if after is not None:
            call_value(interpreter, site, after[0], instance)

    if "__init__" not in cls.namespace:
        cls.namespace["__init__"] = Native(f"{cls.name}.__init__", init, lenient=True)
    return cls


class FieldDefault:
    """``dataclasses.field``."""

    def __init__(self, default: Any, factory: Any) -> None:
        self.default = default
        self.factory = factory

    def make(self, interpreter: Interpreter, site: Any) -> Any:
        """Return the default of a new object."""
        from resnet_check.read.static.hosted import call_value

        return self.default if self.factory is None else call_value(interpreter, site, self.factory)


def make_named_tuple(cls: Class) -> None:
    """Let a named tuple be a tuple with attributes."""
    fields = fields_of(cls)

    def init(interpreter: Interpreter, site: Any, instance: Instance, *args: Any, **kwargs: Any) -> None:
        given = dict(zip((name for name, _ in fields), args, strict=False))
        given.update(kwargs)
        values = []
        for name, default in fields:
            value = given.get(name, default)
            if value is MISSING:
                reason = f"`{cls.name}` misses the argument `{name}`"
                value = interpreter.error("TypeError", "bad-call", site, reason=reason, message="arguments")
            instance.attributes[name] = value
            values.append(value)
        instance.payload = tuple(values)

    cls.namespace["__init__"] = Native(f"{cls.name}.__init__", init, lenient=True)


def named_tuple(name: str, fields: list[str], defaults: tuple[Any, ...]) -> Class:
    """Return the class that ``collections.namedtuple`` makes."""
    cls = Class(name, (), {})
    cls.fields = fields
    cls.namespace.update(zip(fields[len(fields) - len(defaults) :], defaults, strict=True))
    make_named_tuple(cls)
    cls.namespace["_fields"] = tuple(fields)
    return cls
