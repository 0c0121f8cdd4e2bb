"""Executing statements. A statement returns None, or a signal: `BREAK`, `CONTINUE` or a `Returned`."""

from __future__ import annotations

import ast
from typing import Any

from resnet_check.read.static import discards, matching, operations, returns, subscripts
from resnet_check.read.static.assigning import delete_attribute
from resnet_check.read.static.attributes import get_attribute
from resnet_check.read.static.calling import call, make_function
from resnet_check.read.static.classes import make_class
from resnet_check.read.static.expressions import BINARY
from resnet_check.read.static.frames import Frame
from resnet_check.read.static.interpreter import ANCESTORS, STATEMENTS, Interpreter, exception_value
from resnet_check.read.static.iteration import iterate
from resnet_check.read.static.targets import assign, bind
from resnet_check.read.static.unknown_branches import forget, leaves, only_raises
from resnet_check.read.static.values import Class, Instance, Native, Opaque, Property, Raised, Tensor, Undetermined
from resnet_check.read.static.weighing import charge


class Signal:
    """Control leaves a block."""


class Returned(Signal):
    """``return``, with its value and place."""

    __slots__ = ("node", "value")

    def __init__(self, value: Any, node: ast.stmt) -> None:
        self.value = value
        self.node = node


BREAK = Signal()
CONTINUE = Signal()


def expression(interpreter: Interpreter, node: ast.Expr, frame: Frame) -> None:
    if isinstance(node.value, ast.Constant):
        return
    if interpreter.trace is None:
        note_effect(interpreter.evaluate(node.value, frame), node.value, frame)
    else:
        discards.evaluate(interpreter, node, frame)


def note_effect(value: Any, node: ast.expr, frame: Frame) -> None:
    """Note that an unknown function, called by its bare name for its effect, may set attributes of the object at work."""
    named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    if isinstance(value, Opaque) and named and isinstance(frame.instance, Instance):
        frame.instance.attributes["_changed"] = value.of_kind("number")


def assignment(interpreter: Interpreter, node: ast.Assign, frame: Frame) -> None:
    value = interpreter.evaluate(node.value, frame)
    for target in node.targets:
        assign(interpreter, target, value, frame)


def annotated(interpreter: Interpreter, node: ast.AnnAssign, frame: Frame) -> None:
    if frame.class_scope and frame.owner is not None and isinstance(node.target, ast.Name):
        frame.owner.fields.append(node.target.id)
    if node.value is not None:
        assign(interpreter, node.target, interpreter.evaluate(node.value, frame), frame)


def augmented(interpreter: Interpreter, node: ast.AugAssign, frame: Frame) -> None:
    load = ast.copy_location(LOADS[type(node.target)](node.target), node.target)
    left = interpreter.evaluate(load, frame)
    right = interpreter.evaluate(node.value, frame)
    operator = BINARY[type(node.op)]
    if isinstance(left, list) and operator == "add":
        interpreter.mutates(left)
        values = iterate(interpreter, right, node.value, frame)
        left.append(values) if isinstance(values, Opaque) else left.extend(values)
        value: Any = charge(interpreter, left)
    elif isinstance(left, Tensor):
        value = operations.binary(interpreter, f"i{operator.rstrip('_')}", left, right, node, frame)
    else:
        value = operations.binary(interpreter, operator, left, right, node, frame)
    assign(interpreter, node.target, value, frame)


LOADS: dict[type, Any] = {
    ast.Name: lambda t: ast.Name(t.id, ast.Load()),
    ast.Attribute: lambda t: ast.Attribute(t.value, t.attr, ast.Load()),
    ast.Subscript: lambda t: ast.Subscript(t.value, t.slice, ast.Load()),
}


def returned(interpreter: Interpreter, node: ast.Return, frame: Frame) -> Returned:
    return Returned(None if node.value is None else interpreter.evaluate(node.value, frame), node)


def condition(interpreter: Interpreter, node: ast.If, frame: Frame) -> Any:
    known = operations.truth(interpreter, interpreter.evaluate(node.test, frame), node.test, frame)
    if isinstance(known, Opaque):
        return unknown_branch(interpreter, known, [node.body, node.orelse], frame)
    return interpreter.execute(node.body if known else node.orelse, frame)


def unknown_branch(interpreter: Interpreter, why: Opaque, arms: list[list[ast.stmt]], frame: Frame) -> Any:
    """Go on after a decision that cannot be made: whatever an arm could change becomes unknown.

    An arm that only raises is taken as not taken: it validates.
    """
    possible = [arm for arm in arms if not only_raises(arm)]
    if len(possible) == 1:
        return interpreter.execute(possible[0], frame)
    opaque = Opaque(f"a decision depends on {why.reason}", why.site)
    for arm in possible:
        forget(interpreter, arm, opaque, frame)
    if any(leaves(arm) for arm in possible):
        raise Undetermined(opaque)
    return None


def for_loop(interpreter: Interpreter, node: ast.For, frame: Frame) -> Any:
    values = iterate(interpreter, interpreter.evaluate(node.iter, frame), node.iter, frame)
    if isinstance(values, Opaque):
        opaque = Opaque(f"a loop runs over {values.reason}", values.site)
        forget(interpreter, [node, *node.body], opaque, frame)
        if leaves(node.body):
            raise Undetermined(opaque)
        return None
    outside, iterator, first = frame.loop, iter(values), True
    before = len(interpreter.instances)
    for value in iterator:
        interpreter.tick()
        frame.loop = node
        assign(interpreter, node.target, value, frame)
        signal = interpreter.execute(node.body, frame)
        frame.loop = outside
        if signal is BREAK:
            return None
        if isinstance(signal, Returned):
            if first:
                returns.inside_loop(interpreter, node, signal, iterator, frame, before)
            return signal
        first = False
    return interpreter.execute(node.orelse, frame)


def while_loop(interpreter: Interpreter, node: ast.While, frame: Frame) -> Any:
    while True:
        interpreter.tick()
        known = operations.truth(interpreter, interpreter.evaluate(node.test, frame), node.test, frame)
        if isinstance(known, Opaque):
            return unknown_branch(interpreter, known, [node.body, [ast.Pass()]], frame)
        if not known:
            return interpreter.execute(node.orelse, frame)
        signal = interpreter.execute(node.body, frame)
        if signal is BREAK:
            return None
        if isinstance(signal, Returned):
            return signal


def function(interpreter: Interpreter, node: ast.FunctionDef, frame: Frame) -> None:
    value: Any = make_function(interpreter, node.name, node, frame)
    for decorator in reversed(node.decorator_list):
        value = decorate(interpreter, decorator, value, frame)
    bind(interpreter, node.name, value, frame)


def decorate(interpreter: Interpreter, decorator: ast.expr, value: Any, frame: Frame) -> Any:
    """Apply a decorator; one that is not understood is taken to leave what it decorates as it is.

    Registries, tracing switches and deprecation wrappers are all of that kind, and packages are full of them.
    """
    if isinstance(decorator, ast.Attribute) and decorator.attr in {"setter", "deleter"}:
        known = interpreter.evaluate(decorator.value, frame)
        if isinstance(known, Property):
            setter = value if decorator.attr == "setter" else known.setter
            return Property(known.getter, setter)
    applied = interpreter.evaluate(decorator, frame)
    if isinstance(applied, Opaque):
        return value
    result = call(interpreter, applied, (value,), {}, decorator, frame)
    return value if isinstance(result, Opaque) or result is None else result


def class_statement(interpreter: Interpreter, node: ast.ClassDef, frame: Frame) -> None:
    value: Any = make_class(interpreter, node, frame)
    for decorator in reversed(node.decorator_list):
        value = decorate(interpreter, decorator, value, frame)
    bind(interpreter, node.name, value, frame)


def import_statement(interpreter: Interpreter, node: ast.Import, frame: Frame) -> None:
    interpreter.touched += 1
    for alias in node.names:
        if alias.asname:
            bind(interpreter, alias.asname, interpreter.files.module(interpreter, alias.name, node, frame), frame)
        else:
            interpreter.files.module(interpreter, alias.name, node, frame)
            top = alias.name.partition(".")[0]
            bind(interpreter, top, interpreter.files.module(interpreter, top, node, frame), frame)


def import_from(interpreter: Interpreter, node: ast.ImportFrom, frame: Frame) -> None:
    interpreter.touched += 1
    for alias in node.names:
        if alias.name == "*":
            interpreter.files.import_star(interpreter, node, frame)
        else:
            value = interpreter.files.name(interpreter, node, alias.name, frame)
            bind(interpreter, alias.asname or alias.name, value, frame)


def raised(interpreter: Interpreter, node: ast.Raise, frame: Frame) -> None:
    value = None if node.exc is None else interpreter.evaluate(node.exc, frame)
    if isinstance(value, Class):
        value = Instance(value)
    if not isinstance(value, Instance):
        value = exception_value("Exception", "")
    raise Raised(value, frame.site(node), explicit=True)


def assertion(interpreter: Interpreter, node: ast.Assert, frame: Frame) -> None:
    known = operations.truth(interpreter, interpreter.evaluate(node.test, frame), node.test, frame)
    if isinstance(known, Opaque) or known:
        return
    raise Raised(exception_value("AssertionError", ""), frame.site(node), explicit=True)


def caught_names(interpreter: Interpreter, handler: ast.ExceptHandler, frame: Frame) -> tuple[str, ...]:
    """Return the names of the exception classes that a handler catches."""
    if handler.type is None:
        return ("BaseException",)
    value = interpreter.evaluate(handler.type, frame)
    classes = value if isinstance(value, tuple) else (value,)
    return tuple(cls.name if isinstance(cls, Class) else "Exception" for cls in classes)


def try_statement(interpreter: Interpreter, node: ast.Try, frame: Frame) -> Any:
    signal = None
    names = [caught_names(interpreter, handler, frame) for handler in node.handlers]
    interpreter.handlers.append(tuple(name for group in names for name in group))
    depth = len(interpreter.handlers)
    modules = len(interpreter.module_stack)
    try:
        signal = interpreter.execute(node.body, frame)
    except Raised as exception:
        del interpreter.handlers[depth - 1 :]
        del interpreter.module_stack[modules:]
        signal = handle(interpreter, node, names, exception, frame)
        leave_open(node, exception, frame)
    else:
        del interpreter.handlers[depth - 1 :]
        if signal is None:
            signal = interpreter.execute(node.orelse, frame)
    return interpreter.execute(node.finalbody, frame) or signal


def leave_open(node: ast.Try, exception: Raised, frame: Frame) -> None:
    """Bind what a package was to give that is not here: where its users have it, the names are there."""
    if not isinstance(exception.value, Instance) or exception.value.cls.name not in {
        "ImportError",
        "ModuleNotFoundError",
    }:
        return
    for statement in node.body:
        for alias in statement.names if isinstance(statement, (ast.Import, ast.ImportFrom)) else ():
            name = alias.asname or alias.name.partition(".")[0]
            if name != "*" and frame.holder(name) is None:
                frame.names[name] = Opaque(f"`{name}` of a package that is not here", exception.site)


def handle(
    interpreter: Interpreter, node: ast.Try, names: list[tuple[str, ...]], exception: Raised, frame: Frame
) -> Any:
    raised_names = {"Exception", "BaseException"}
    if isinstance(exception.value, Instance):
        raised_names = {cls.name for cls in exception.value.cls.mro}
        raised_names.update(*(ANCESTORS.get(name, ()) for name in tuple(raised_names)))
    for handler, caught in zip(node.handlers, names, strict=True):
        if raised_names.intersection(caught):
            if handler.name:
                bind(interpreter, handler.name, exception.value, frame)
            return interpreter.execute(handler.body, frame)
    interpreter.execute(node.finalbody, frame)
    raise exception


def with_statement(interpreter: Interpreter, node: ast.With, frame: Frame) -> Any:
    exits: list[Any] = []
    for item in node.items:
        manager = interpreter.evaluate(item.context_expr, frame)
        entered: Any = manager
        if isinstance(manager, Instance) and manager.cls.find("__enter__"):
            entered = call(
                interpreter,
                get_attribute(interpreter, manager, "__enter__", item.context_expr, frame),
                (),
                {},
                node,
                frame,
            )
            exits.append(get_attribute(interpreter, manager, "__exit__", item.context_expr, frame))
        elif isinstance(manager, operations.ContextManager):
            entered = manager.enter(interpreter, frame.site(item.context_expr))
            exits.append(Native("exit", lambda i, _s, *_a, m=manager: m.exit(i)))
        if item.optional_vars is not None:
            assign(interpreter, item.optional_vars, entered, frame)
    signal = interpreter.execute(node.body, frame)
    for leave in reversed(exits):
        call(interpreter, leave, (None, None, None), {}, node, frame)
    return signal


def match_statement(interpreter: Interpreter, node: ast.Match, frame: Frame) -> Any:
    subject = interpreter.evaluate(node.subject, frame)
    for case in node.cases:
        known = matching.matches(interpreter, case.pattern, subject, frame)
        if known is True and case.guard is not None:
            known = operations.truth(interpreter, interpreter.evaluate(case.guard, frame), case.guard, frame)
        if isinstance(known, Opaque):
            return unknown_branch(interpreter, known, [c.body for c in node.cases], frame)
        if known:
            return interpreter.execute(case.body, frame)
    return None


def delete(interpreter: Interpreter, node: ast.Delete, frame: Frame) -> None:
    for target in node.targets:
        if isinstance(target, ast.Name):
            if frame.names is frame.file.names:
                interpreter.changed()
            frame.names.pop(target.id, None)
        elif isinstance(target, ast.Attribute):
            delete_attribute(interpreter, interpreter.evaluate(target.value, frame), target.attr, target, frame)
        elif isinstance(target, ast.Subscript):
            owner = interpreter.evaluate(target.value, frame)
            subscripts.delete_item(interpreter, owner, interpreter.evaluate(target.slice, frame), target, frame)


def global_statement(_: Interpreter, node: ast.Global, frame: Frame) -> None:
    frame.global_names = frozenset(node.names) | (frame.global_names or frozenset())


def nonlocal_statement(_: Interpreter, node: ast.Nonlocal, frame: Frame) -> None:
    frame.nonlocal_names = frozenset(node.names) | (frame.nonlocal_names or frozenset())


def nothing(*_: Any) -> None:
    return None


STATEMENTS.update(
    {
        ast.AnnAssign: annotated,
        ast.Assert: assertion,
        ast.Assign: assignment,
        ast.AsyncFor: for_loop,
        ast.AsyncFunctionDef: function,
        ast.AsyncWith: with_statement,
        ast.AugAssign: augmented,
        ast.Break: lambda *_: BREAK,
        ast.ClassDef: class_statement,
        ast.Continue: lambda *_: CONTINUE,
        ast.Delete: delete,
        ast.Expr: expression,
        ast.For: for_loop,
        ast.FunctionDef: function,
        ast.Global: global_statement,
        ast.If: condition,
        ast.Import: import_statement,
        ast.ImportFrom: import_from,
        ast.Match: match_statement,
        ast.Nonlocal: nonlocal_statement,
        ast.Pass: nothing,
        ast.Raise: raised,
        ast.Return: returned,
        ast.Try: try_statement,
        ast.TryStar: try_statement,
        ast.While: while_loop,
        ast.With: with_statement,
    }
)
if hasattr(ast, "TypeAlias"):
    STATEMENTS[ast.TypeAlias] = nothing
