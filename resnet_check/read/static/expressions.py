"""Evaluating expressions: one small function for each kind of syntax node."""

from __future__ import annotations

import ast
from typing import Any

from resnet_check.read.static import operations, subscripts
from resnet_check.read.static.attributes import get_attribute
from resnet_check.read.static.calling import call, make_function
from resnet_check.read.static.frames import MISSING, Frame
from resnet_check.read.static.interpreter import EXPRESSIONS, MAX_ITEMS, Interpreter
from resnet_check.read.static.iteration import iterate
from resnet_check.read.static.python_types import builtin
from resnet_check.read.static.targets import assign, bind, mangle
from resnet_check.read.static.values import BudgetExceeded, Opaque, Undetermined
from resnet_check.read.static.weighing import TOO_MANY, charge, weigh

BINARY = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "truediv",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.Pow: "pow",
    ast.MatMult: "matmul",
    ast.BitAnd: "and_",
    ast.BitOr: "or_",
    ast.BitXor: "xor",
    ast.LShift: "lshift",
    ast.RShift: "rshift",
}
COMPARISONS = {
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
}
UNARY = {ast.USub: "neg", ast.UAdd: "pos", ast.Invert: "invert"}


def constant(_: Interpreter, node: ast.Constant, __: Frame) -> Any:
    return node.value


def name(interpreter: Interpreter, node: ast.Name, frame: Frame) -> Any:
    value = frame.names.get(node.id, MISSING)
    return value if value is not MISSING else lookup(interpreter, node.id, node, frame)


def lookup(interpreter: Interpreter, identifier: str, node: ast.AST, frame: Frame) -> Any:
    """Return what a name stands for in a scope; a name that exists nowhere is a mistake."""
    holder = frame.holder(identifier)
    if holder is not None:
        return seen_from(interpreter, frame, holder, holder.names[identifier])
    value = frame.file.lookup(identifier)
    if value is not MISSING:
        return interpreter.outside(value)
    value = builtin(identifier)
    if value is not MISSING:
        return value
    interpreter.touched += 1
    if frame.file.open_names:
        return Opaque(f"`{identifier}` may come from {frame.file.open_names}", frame.site(node))
    if frame.file.failed:
        return Opaque(f"`{identifier}` was not bound", frame.site(node))
    return interpreter.error(
        "NameError", "undefined-attribute", frame.site(node), name=identifier, owner=None, message=identifier
    )


def seen_from(interpreter: Interpreter, frame: Frame, holder: Frame, value: Any) -> Any:
    """Return a value of a scope further out, and note that it is not of the function's own."""
    if holder.done or holder.names is frame.file.names:
        return interpreter.outside(value)
    while frame is not holder and frame.comprehension and frame.outer is not None:
        frame = frame.outer
    if frame is not holder:
        interpreter.touched += 1
    return value


def attribute(interpreter: Interpreter, node: ast.Attribute, frame: Frame) -> Any:
    owner = interpreter.evaluate(node.value, frame)
    return get_attribute(interpreter, owner, mangle(node.attr, frame), node, frame)


def call_expression(interpreter: Interpreter, node: ast.Call, frame: Frame) -> Any:
    function = interpreter.evaluate(node.func, frame)
    args: list[Any] = []
    for item in node.args:
        if isinstance(item, ast.Starred):
            value = interpreter.evaluate(item.value, frame)
            items = iterate(interpreter, value, item, frame)
            if isinstance(items, Opaque):
                args.append(Opaque(items.reason, items.site, "starred"))
            else:
                args.extend(items)
                charge(interpreter, args)
        else:
            args.append(interpreter.evaluate(item, frame))
    kwargs: dict[str, Any] = {}
    for keyword in node.keywords:
        value = interpreter.evaluate(keyword.value, frame)
        if keyword.arg is not None:
            kwargs[keyword.arg] = value
            continue
        value = operations.unwrap(value)
        if isinstance(value, dict):
            kwargs.update(value)
        elif isinstance(value, Opaque):
            args.append(Opaque(value.reason, value.site, "starred"))
        else:
            return interpreter.error(
                "TypeError", "bad-call", frame.site(keyword.value), reason="the argument after ** is not a mapping"
            )
    return call(interpreter, function, tuple(args), kwargs, node, frame)


def binary(interpreter: Interpreter, node: ast.BinOp, frame: Frame) -> Any:
    left = interpreter.evaluate(node.left, frame)
    right = interpreter.evaluate(node.right, frame)
    return operations.binary(interpreter, BINARY[type(node.op)], left, right, node, frame)


def unary(interpreter: Interpreter, node: ast.UnaryOp, frame: Frame) -> Any:
    value = interpreter.evaluate(node.operand, frame)
    if isinstance(node.op, ast.Not):
        known = operations.truth(interpreter, value, node.operand, frame)
        return known if isinstance(known, Opaque) else not known
    return operations.unary(interpreter, UNARY[type(node.op)], value, node, frame)


def boolean(interpreter: Interpreter, node: ast.BoolOp, frame: Frame) -> Any:
    stop_at = isinstance(node.op, ast.Or)
    unsure: Opaque | None = None
    value: Any = None
    for item in node.values:
        value = interpreter.evaluate(item, frame)
        known = operations.truth(interpreter, value, item, frame)
        if isinstance(known, Opaque):
            unsure = unsure or known
        elif known is stop_at:
            # ``unknown or True`` is true whatever the unknown is; as a value it stays unknown
            return value if unsure is None or value is stop_at else unsure
    return value if unsure is None else unsure


def compare(interpreter: Interpreter, node: ast.Compare, frame: Frame) -> Any:
    left = interpreter.evaluate(node.left, frame)
    result: Any = True
    for sign, item in zip(node.ops, node.comparators, strict=True):
        right = interpreter.evaluate(item, frame)
        result = compare_pair(interpreter, sign, left, right, node, frame)
        if len(node.ops) > 1:
            known = operations.truth(interpreter, result, node, frame)
            if isinstance(known, Opaque) or not known:
                return known
        left = right
    return result


def compare_pair(
    interpreter: Interpreter, sign: ast.cmpop, left: Any, right: Any, node: ast.Compare, frame: Frame
) -> Any:
    if isinstance(sign, (ast.Is, ast.IsNot)):
        known = operations.identical(left, right)
        if isinstance(known, Opaque):
            return known
        return known if isinstance(sign, ast.Is) else not known
    if isinstance(sign, (ast.In, ast.NotIn)):
        known = subscripts.contains(interpreter, right, left, node, frame)
        if isinstance(known, Opaque):
            return known
        return known if isinstance(sign, ast.In) else not known
    return operations.compare(interpreter, COMPARISONS[type(sign)], left, right, node, frame)


def conditional(interpreter: Interpreter, node: ast.IfExp, frame: Frame) -> Any:
    known = operations.truth(interpreter, interpreter.evaluate(node.test, frame), node.test, frame)
    if isinstance(known, Opaque):
        return Opaque(f"a choice depends on {known.reason}", known.site)
    return interpreter.evaluate(node.body if known else node.orelse, frame)


def items(interpreter: Interpreter, nodes: list[ast.expr], frame: Frame) -> list[Any]:
    """Return the values of the elements of a display, with stars unpacked."""
    values: list[Any] = []
    for node in nodes:
        if isinstance(node, ast.Starred):
            inner = iterate(interpreter, interpreter.evaluate(node.value, frame), node, frame)
            if isinstance(inner, Opaque):
                raise Undetermined(inner)
            values.extend(inner)
            charge(interpreter, values)
        else:
            values.append(interpreter.evaluate(node, frame))
    return values


def list_display(interpreter: Interpreter, node: ast.List, frame: Frame) -> Any:
    try:
        return items(interpreter, node.elts, frame)
    except Undetermined as reason:
        return reason.opaque


def tuple_display(interpreter: Interpreter, node: ast.Tuple, frame: Frame) -> Any:
    try:
        return tuple(items(interpreter, node.elts, frame))
    except Undetermined as reason:
        return reason.opaque


def set_display(interpreter: Interpreter, node: ast.Set, frame: Frame) -> Any:
    try:
        found = items(interpreter, node.elts, frame)
        weigh(interpreter, found)
        return set(found)
    except Undetermined as reason:
        return reason.opaque
    except TypeError:
        return Opaque("a set of values without a hash", frame.site(node))


def dict_display(interpreter: Interpreter, node: ast.Dict, frame: Frame) -> Any:
    result: dict[Any, Any] = {}
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        value = interpreter.evaluate(value_node, frame)
        if key_node is None:
            value = operations.unwrap(value)
            if not isinstance(value, dict):
                return Opaque("a dict is built from something unknown", frame.site(node))
            result.update(value)
            charge(interpreter, result)
            continue
        key = interpreter.evaluate(key_node, frame)
        if isinstance(key, Opaque):
            return Opaque(f"a key is unknown: {key.reason}", key.site)
        weigh(interpreter, key)
        try:
            result[key] = value
        except TypeError:
            return Opaque("a key without a hash", frame.site(key_node))
    return result


def subscript(interpreter: Interpreter, node: ast.Subscript, frame: Frame) -> Any:
    owner = interpreter.evaluate(node.value, frame)
    index = interpreter.evaluate(node.slice, frame)
    return subscripts.get_item(interpreter, owner, index, node, frame)


def slice_expression(interpreter: Interpreter, node: ast.Slice, frame: Frame) -> Any:
    parts = (node.lower, node.upper, node.step)
    return slice(*(None if part is None else interpreter.evaluate(part, frame) for part in parts))


def lambda_expression(interpreter: Interpreter, node: ast.Lambda, frame: Frame) -> Any:
    return make_function(interpreter, "<lambda>", node, frame)


def joined_string(interpreter: Interpreter, node: ast.JoinedStr, frame: Frame) -> Any:
    parts: list[str] = []
    size = 0
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
            continue
        if not isinstance(part, ast.FormattedValue):
            return Opaque("a string of a kind that is not read", frame.site(part), "text")
        value = interpreter.evaluate(part.value, frame)
        layout = "" if part.format_spec is None else interpreter.evaluate(part.format_spec, frame)
        text = operations.format_value(value, part.conversion, layout)
        if text is None:
            return Opaque("a text with an unknown part", frame.site(node), "text")
        parts.append(text)
        size += len(text)
        if size > MAX_ITEMS:
            raise BudgetExceeded(TOO_MANY)
    return charge(interpreter, "".join(parts))


def starred(interpreter: Interpreter, node: ast.Starred, frame: Frame) -> Any:
    return interpreter.evaluate(node.value, frame)


def walrus(interpreter: Interpreter, node: ast.NamedExpr, frame: Frame) -> Any:
    value = interpreter.evaluate(node.value, frame)
    scope = frame
    while scope.comprehension and scope.outer is not None:
        scope = scope.outer
    bind(interpreter, node.target.id, value, scope)
    return value


def comprehension(interpreter: Interpreter, node: Any, frame: Frame) -> Any:
    """Evaluate a list, set, dict or generator comprehension; a generator is run at once."""
    inner = Frame(frame.file, frame, frame.caller, frame.call_node)
    inner.open_at(frame.caller_site)
    inner.comprehension = True
    collected: list[Any] = []
    is_dict = isinstance(node, ast.DictComp)

    def run(depth: int) -> Opaque | None:
        if depth == len(node.generators):
            if is_dict:
                pair = interpreter.evaluate(node.key, inner), interpreter.evaluate(node.value, inner)
                if isinstance(pair[0], Opaque):
                    return pair[0]
                collected.append(pair)
            else:
                collected.append(interpreter.evaluate(node.elt, inner))
            return None
        generator = node.generators[depth]
        place = inner if depth else frame
        values = iterate(interpreter, interpreter.evaluate(generator.iter, place), generator.iter, place)
        if isinstance(values, Opaque):
            return values
        for value in values:
            interpreter.tick()
            assign(interpreter, generator.target, value, inner)
            for test in generator.ifs:
                known = operations.truth(interpreter, interpreter.evaluate(test, inner), test, inner)
                if isinstance(known, Opaque):
                    return known
                if not known:
                    break
            else:
                lost = run(depth + 1)
                if lost is not None:
                    return lost
        return None

    lost = run(0)
    if lost is not None:
        return Opaque(f"elements depend on {lost.reason}", lost.site)
    if is_dict or isinstance(node, ast.SetComp):
        weigh(interpreter, [key for key, _ in collected] if is_dict else collected)
    try:
        if is_dict:
            return dict(collected)
        if isinstance(node, ast.SetComp):
            return set(collected)
    except TypeError:
        return Opaque("a value without a hash", frame.site(node))
    if isinstance(node, ast.GeneratorExp):
        return iter(collected)
    return collected


def awaited(interpreter: Interpreter, node: ast.Await, frame: Frame) -> Any:
    return interpreter.evaluate(node.value, frame)


def yielded(interpreter: Interpreter, node: ast.Yield, frame: Frame) -> Any:
    value = None if node.value is None else interpreter.evaluate(node.value, frame)
    collecting(frame).append(value)
    return None


def yielded_from(interpreter: Interpreter, node: ast.YieldFrom, frame: Frame) -> Any:
    values = iterate(interpreter, interpreter.evaluate(node.value, frame), node, frame)
    if isinstance(values, Opaque):
        raise Undetermined(values)
    collecting(frame).extend(values)
    return None


def collecting(frame: Frame) -> list[Any]:
    """Return where the enclosing generator function collects what it yields."""
    scope: Frame | None = frame
    while scope is not None:
        if scope.yields is not None:
            return scope.yields
        scope = scope.outer
    return []


EXPRESSIONS.update(
    {
        ast.Attribute: attribute,
        ast.Await: awaited,
        ast.BinOp: binary,
        ast.BoolOp: boolean,
        ast.Call: call_expression,
        ast.Compare: compare,
        ast.Constant: constant,
        ast.Dict: dict_display,
        ast.DictComp: comprehension,
        ast.GeneratorExp: comprehension,
        ast.IfExp: conditional,
        ast.JoinedStr: joined_string,
        ast.Lambda: lambda_expression,
        ast.List: list_display,
        ast.ListComp: comprehension,
        ast.Name: name,
        ast.NamedExpr: walrus,
        ast.Set: set_display,
        ast.SetComp: comprehension,
        ast.Slice: slice_expression,
        ast.Starred: starred,
        ast.Subscript: subscript,
        ast.Tuple: tuple_display,
        ast.UnaryOp: unary,
        ast.Yield: yielded,
        ast.YieldFrom: yielded_from,
    }
)
