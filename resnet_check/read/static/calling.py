"""Calling functions, classes and objects."""

from __future__ import annotations

import ast
from functools import partial
from typing import Any

from resnet_check.read.static import closures, repeats, tensors
from resnet_check.read.static.assigning import initialise_module
from resnet_check.read.static.frames import Frame
from resnet_check.read.static.interpreter import STUMBLES, Interpreter
from resnet_check.read.static.operations import ContextManager, decorated
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
    StaticMethod,
    Tensor,
    Undetermined,
    first_opaque,
)
from resnet_check.read.static.weighing import charge, weigh

STARRED = "starred"
"""The kind of the mark that an unknown number of arguments was passed here."""


def call(
    interpreter: Interpreter, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], node: Any, frame: Any
) -> Any:
    """Return what a call gives. ``node`` and ``frame`` are the place of the call."""
    if isinstance(function, BoundMethod):
        return call(interpreter, function.function, (function.instance, *args), kwargs, node, frame)
    if isinstance(function, Function):
        return call_function(interpreter, function, args, kwargs, node, frame)
    if isinstance(function, Native):
        if isinstance(frame, Frame):
            if function.name == "super" and not args:
                args = super_arguments(frame)
            interpreter.current_frame = frame
        return call_native(interpreter, function, args, kwargs, frame.site(node))
    if isinstance(function, Class):
        return construct(interpreter, function, args, kwargs, node, frame)
    if isinstance(function, Instance):
        return call_instance(interpreter, function, args, kwargs, node, frame)
    if isinstance(function, Partial):
        return call(interpreter, function.function, (*function.args, *args), {**function.kwargs, **kwargs}, node, frame)
    if isinstance(function, (StaticMethod, ClassMethod)):
        return call(interpreter, function.function, args, kwargs, node, frame)
    if isinstance(function, Opaque):
        return call_opaque(function, frame.site(node))
    if isinstance(function, (External, ProjectModule)):
        return Opaque("a module is called", frame.site(node))
    if isinstance(function, ContextManager) and len(args) == 1:
        # it decorates: ``@torch.no_grad()``
        return decorated(function, args[0]) if isinstance(args[0], Function) else args[0]
    return interpreter.error(
        "TypeError",
        "module-not-built" if isinstance(function, tuple) else "bad-call",
        frame.site(node),
        reason=f"{describe(function)} cannot be called",
        none=function is None,
        value=function,
        message="not callable",
    )


def super_arguments(frame: Frame) -> tuple[Any, ...]:
    """Return the class and the object that ``super()`` without arguments means in a scope."""
    scope: Frame | None = frame
    while scope is not None:
        if scope.instance is not None and scope.owner is not None:
            return scope.owner, scope.instance
        scope = scope.outer
    return ()


def describe(value: Any) -> str:
    from resnet_check.read.static.operations import kind_of

    return kind_of(value)


def call_opaque(function: Opaque, site: Any) -> Opaque:
    """Call something unknown: the result is unknown, and modules that it got may have been changed."""
    kind = function.kind if function.kind in {"tensor", OUTSIDE} else "any"
    return Opaque(
        f"a call of {function.reason}" if not function.reason.startswith("a call") else function.reason, site, kind
    )


def call_native(
    interpreter: Interpreter, function: Native, args: tuple[Any, ...], kwargs: dict[str, Any], site: Any
) -> Any:
    """Call what the reader implements; unknown arguments give an unknown result."""
    interpreter.tick()
    for value in (*args, *kwargs.values()):
        weigh(interpreter, value)
    if not function.lenient:
        opaque = first_opaque(args) or (first_opaque(kwargs.values()) if kwargs else None)
        if opaque is not None:
            return Opaque(f"`{function.name}` of {opaque.reason}", opaque.site)
    try:
        return charge(interpreter, function.call(interpreter, site, *args, **kwargs))
    except STUMBLES as error:
        unknown = Opaque(f"these arguments of `{function.name}`", site)
        if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
            interpreter.lose(unknown)  # something may have been done before
        return unknown


def make_function(interpreter: Interpreter, name: str, node: Any, frame: Frame) -> Function:
    """Return the function that a ``def`` or ``lambda`` makes."""
    arguments = node.args
    defaults = tuple(interpreter.evaluate(default, frame) for default in arguments.defaults)
    keyword_defaults = {
        argument.arg: interpreter.evaluate(default, frame)
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is not None
    }
    owner = frame.owner if frame.class_scope else enclosing_class(frame)
    generator = not isinstance(node, ast.Lambda) and "yield" in frame.file.text and has_yield(node)
    made = Function(name, node, frame, defaults, keyword_defaults, generator=generator, owner=owner)
    made.shares = [value for value in (*defaults, *keyword_defaults.values()) if not repeats.is_fixed(value)]
    made.seen = closures.loop_variables(node, frame)
    return made


def enclosing_class(frame: Frame) -> Class | None:
    """Return the class in whose method a function is defined, for ``super()`` in nested functions."""
    scope: Frame | None = frame
    while scope is not None:
        if scope.owner is not None:
            return scope.owner
        scope = scope.outer
    return None


def has_yield(node: Any) -> bool:
    """Return whether a function is a generator."""
    known = getattr(node, "resnet_check_generator", None)
    if known is None:
        from resnet_check.read.static.unknown_branches import walk

        known = any(isinstance(part, (ast.Yield, ast.YieldFrom)) for part in walk(node.body))
        node.resnet_check_generator = known
    return bool(known)


def plan_of(function: Function) -> tuple[Any, ...]:
    """Return the parameters of a function: names, how many by position only, the star names, keyword-only names."""
    if function.plan is None:
        arguments = function.node.args
        positional = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
        function.plan = (
            positional,
            len(arguments.posonlyargs),
            arguments.vararg.arg if arguments.vararg else None,
            arguments.kwarg.arg if arguments.kwarg else None,
            [a.arg for a in arguments.kwonlyargs],
        )
    return function.plan  # type: ignore[no-any-return]


def bind_arguments(
    function: Function, args: tuple[Any, ...], kwargs: dict[str, Any], names: dict[str, Any]
) -> str | None:
    """Bind arguments to parameters in ``names``; returns None, or what is wrong in Python's own terms."""
    positional, position_only, star, double_star, keyword_only = plan_of(function)
    count = len(positional)
    names.update(zip(positional, args, strict=False))
    extra = args[count:]
    if star is not None:
        names[star] = tuple(extra)
    elif extra:
        takes = f"from {count - len(function.defaults)} to {count}" if function.defaults else str(count)
        return f"takes {takes} positional argument{'s' if count != 1 else ''} but {len(args)} were given"
    rest: dict[str, Any] = {}
    for key, value in kwargs.items():
        if (key in positional and positional.index(key) >= position_only) or key in keyword_only:
            if key in names and key in positional[: len(args)]:
                return f"got multiple values for argument `{key}`"
            names[key] = value
        elif double_star is not None:
            rest[key] = value
        else:
            return f"got an unexpected keyword argument `{key}`"
    if double_star is not None:
        names[double_star] = rest
    offset = count - len(function.defaults)
    missing = []
    for position, key in enumerate(positional):
        if key not in names:
            if position >= offset:
                names[key] = function.defaults[position - offset]
            else:
                missing.append(key)
    for key in keyword_only:
        if key not in names:
            if key in function.keyword_defaults:
                names[key] = function.keyword_defaults[key]
            else:
                missing.append(key)
    if missing:
        listed = ", ".join(f"`{key}`" for key in missing)
        return f"misses the argument{'s' if len(missing) > 1 else ''} {listed}"
    return None


def call_function(
    interpreter: Interpreter,
    function: Function,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    node: Any,
    frame: Any,
) -> Any:
    """Run a function of the program."""
    from resnet_check.read.static.returns import finish

    interpreter.tick()
    scope = Frame(function.frame.file, function.frame, frame if isinstance(frame, Frame) else None, node)
    if scope.caller is None and frame is not None:
        scope.open_at(frame.site(node))
    starred = [a for a in args if isinstance(a, Opaque) and a.kind == STARRED]
    if starred:
        return Opaque(f"unknown arguments: {starred[0].reason}", starred[0].site)
    wrong = bind_arguments(function, args, kwargs, scope.names)
    if wrong is not None:
        return interpreter.error(
            "TypeError",
            "bad-call",
            scope.caller_site or scope.site(function.node),
            reason=f"`{label(function)}` {wrong}",
            function=function.name,
            owner=function.owner.name if function.owner else None,
            defined=function.node.lineno,
            message="arguments",
            forwarded=forwards(node) and "unexpected" not in wrong,
        )
    for value in function.shares:
        interpreter.outside(value)
    if function.seen is not None:
        closures.compare(interpreter, function)
    if interpreter.ran is not None:
        interpreter.ran.append(function)
    if isinstance(function.node, ast.Lambda):
        return interpreter.evaluate(function.node.body, scope)
    scope.instance = args[0] if args else None
    scope.owner = function.owner
    interpreter.enter()
    if function.generator:
        scope.yields = []
    if function.mode is not None:
        function.mode.enter(interpreter, scope.caller_site)
    try:
        signal = interpreter.execute(function.node.body, scope)
    except Undetermined as undetermined:
        return undetermined.opaque
    finally:
        scope.done = True
        interpreter.depth -= 1
        if function.mode is not None:
            function.mode.exit(interpreter)
    if scope.yields is not None:
        return iter(scope.yields)
    return finish(interpreter, function, signal, scope)


def forwards(node: Any) -> bool:
    """Return whether a call passes on arguments that its caller may leave out (``*args``, ``**kwargs``)."""
    if not isinstance(node, ast.Call):
        return False
    return any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords)


def label(function: Function) -> str:
    """Return a function's name with that of its class."""
    if function.owner is not None and function.name == "__init__":
        return function.owner.name
    return f"{function.owner.name}.{function.name}" if function.owner is not None else function.name


def call_instance(
    interpreter: Interpreter, instance: Instance, args: tuple[Any, ...], kwargs: dict[str, Any], node: Any, frame: Any
) -> Any:
    """Call an object: a module runs its ``forward``."""
    found = instance.cls.find("__call__")
    if found is None:
        if instance.cls.opaque is not None:
            return Opaque(f"a call of {instance.cls.name}: {instance.cls.opaque.reason}", frame.site(node))
        return interpreter.error(
            "TypeError",
            "bad-call",
            frame.site(node),
            reason=f"an object of {instance.cls.name} cannot be called",
            value=instance,
        )
    interpreter.enter()  # ``__call__`` may be an object too
    try:
        return call(interpreter, found[0], (instance, *args), kwargs, node, frame)
    finally:
        interpreter.depth -= 1


def construct(
    interpreter: Interpreter, cls: Class, args: tuple[Any, ...], kwargs: dict[str, Any], node: Any, frame: Any
) -> Any:
    """Make an object of a class."""
    for value in (*args, *kwargs.values()):
        weigh(interpreter, value)
    if cls.node is not None and cls.is_module and interpreter.trace is None and not interpreter.module_stack:
        make = partial(construct_anew, interpreter, cls, args, kwargs, node, frame)
        return repeats.construct(interpreter, cls, args, kwargs, frame.site(node), make)
    return construct_anew(interpreter, cls, args, kwargs, node, frame)


def construct_anew(
    interpreter: Interpreter, cls: Class, args: tuple[Any, ...], kwargs: dict[str, Any], node: Any, frame: Any
) -> Any:
    """Make an object of a class by running its constructor."""
    from resnet_check.read.static.python_types import HOST_CONSTRUCTORS, host_payload

    if cls.host is not None and cls.node is None:
        maker = HOST_CONSTRUCTORS.get(cls.name)
        if maker is not None:
            return call_native(
                interpreter, Native(cls.name, maker, lenient=cls.name in LENIENT), args, kwargs, frame.site(node)
            )
    if cls.is_module and cls.node is None and interpreter.module_stack and args:
        meant = class_called(interpreter, cls, args, kwargs, node, frame)
        if meant is not None:
            return meant
    if cls.members is not None and len(args) == 1:
        return next((m for m in cls.members.values() if same_value(m, args[0])), Opaque("an enumeration's member"))
    maker_found = cls.find("__new__")
    if maker_found is not None:
        maker = maker_found[0].function if isinstance(maker_found[0], StaticMethod) else maker_found[0]
        made = call(interpreter, maker, (cls, *args), kwargs, node, frame)
        if not (isinstance(made, Instance) and made.cls.is_subclass(cls)):
            return made
        instance = made
    else:
        instance = Instance(cls, frame.site(node))
    host = next((c.host for c in cls.mro if isinstance(c.host, type) and c.host is not object), None)
    if host is not None and not any(c.qualified == "typing.NamedTuple" for c in cls.mro):
        instance.payload = host_payload(interpreter, host, args, frame.site(node))
    found = cls.find("__init__")
    if cls.opaque is not None and (found is None or found[1].opaque is None or found[1].node is None):
        return Opaque(f"an object of {cls.name}: {cls.opaque.reason}", frame.site(node))
    if instance.is_module:
        interpreter.instances.append(instance)
        instance.running = interpreter.trace is not None
        if isinstance(cls.namespace.get("__getattribute__"), Function):
            interpreter.lose(Opaque(f"`{cls.name}` looks up its attributes itself", instance.built))
        if cls.metaclass is not None:
            # taken for one that calls the constructor of the base first, as frameworks do
            initialise_module(instance)
    if found is not None:
        result = call(interpreter, found[0], (instance, *args), kwargs, node, frame)
        if isinstance(result, Opaque) and isinstance(found[0], Function):
            return Opaque(f"the constructor of {cls.name}: {result.reason}", result.site)
        if isinstance(result, Opaque) and instance.is_module and not instance.attributes:
            return result
    elif (args or kwargs) and host is None and cls.node is not None and not is_exception(cls):
        return interpreter.error(
            "TypeError",
            "bad-call",
            frame.site(node),
            reason=f"`{cls.name}` takes no arguments",
            owner=cls.name,
            function="__init__",
            defined=cls.node.lineno,
        )
    elif is_exception(cls):
        instance.attributes["args"] = args
    if instance.is_module:
        tensors.ready(instance)
    return instance


def class_called(
    interpreter: Interpreter, cls: Class, args: tuple[Any, ...], kwargs: dict[str, Any], node: Any, frame: Any
) -> Any:
    """``nn.ReLU(x)`` in forward hands the input to the constructor: say so, and go on as ``nn.ReLU()(x)``; else None."""
    value, layer = args[0], tensors.LAYERS.get(cls.qualified)
    if not isinstance(value, Tensor) or value.parameter or cls.name.endswith("Loss"):
        return None
    interpreter.problem("module-not-built", frame.site(node), value=cls, tensor=True, operator=cls.name)
    if layer is None or tensors.unfit(layer, args[1:], kwargs) is not None:
        return Opaque("after a mistake (module-not-built)", frame.site(node), "tensor")
    made = construct(interpreter, cls, args[1:], kwargs, node, frame)
    return call(interpreter, made, (value,), {}, node, frame)


LENIENT = frozenset({"list", "tuple", "dict", "type", "bool", "set", "str", "reversed"})


def same_value(member: Any, value: Any) -> bool:
    return member is value or (isinstance(member, Instance) and member.attributes.get("value") == value)


def is_exception(cls: Class) -> bool:
    """Return whether a class derives from ``BaseException``."""
    return any(c.name == "BaseException" for c in cls.mro)
