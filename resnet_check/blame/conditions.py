"""Candidates around a block: conditions that leave its projection out, flags, and arguments that were not passed on."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.blame.change import Change, replaced, with_argument, with_keyword
from resnet_check.blame.flow import factors
from resnet_check.blame.tree import Function, Tree, body_nodes, default, parameters, targets


def conditions(tree: Tree, function: Function, cost: float) -> Iterator[Change]:
    """Yield changes of the conditions in a function."""
    for node in body_nodes(function):
        if isinstance(node, (ast.If, ast.IfExp)) and _builds(node):
            yield from condition(tree, function, node.test, cost)
        elif isinstance(node, ast.Assign) and isinstance(node.value, (ast.BoolOp, ast.Compare)):
            yield from condition(tree, function, node.value, cost + 0.1)


def _builds(node: ast.If | ast.IfExp) -> bool:
    """Return whether something is called in one of the cases: a projection may be built there."""
    parts: list[ast.AST] = [node.body, node.orelse] if isinstance(node, ast.IfExp) else [*node.body, *node.orelse]
    return any(isinstance(inner, ast.Call) for part in parts for inner in ast.walk(part))


def condition(tree: Tree, function: Function, test: ast.expr, cost: float) -> Iterator[Change]:
    """Yield conditions that hold in more cases: ``or`` for ``and``, a stride or a change of channels taken into account."""
    for node in ast.walk(test):
        if isinstance(node, ast.BoolOp):
            other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            made = ast.BoolOp(op=other, values=node.values)
            yield replaced(tree, node, ast.unparse(made), cost, test)
        elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in OPPOSITES:
            made_test = ast.Compare(left=node.left, ops=[OPPOSITES[type(node.ops[0])]()], comparators=node.comparators)
            yield replaced(tree, node, ast.unparse(made_test), cost + 0.35, test)
            yield from _other_sides(tree, function, node, test, cost + 0.3)
    text = ast.unparse(test)
    if isinstance(test, (ast.Name, ast.Attribute)):
        cost += 0.5  # a flag: whoever sets it is rather to blame
    positive = f"({text})" if isinstance(test, (ast.IfExp, ast.Lambda)) else text
    for text_of_stride in _given(function, "stride"):
        if text_of_stride not in text:
            yield replaced(tree, test, f"{text_of_stride} != 1 or {positive}", cost + 0.05, test)
            yield replaced(tree, test, f"{text_of_stride} == 1 and {positive}", cost + 0.1, test)
    for one, two in channel_pairs(function, test.lineno):
        if not (one in text and two in text):
            yield replaced(tree, test, f"{positive} or {one} != {two}", cost + 0.15, test)
            yield replaced(tree, test, f"{positive} and {one} == {two}", cost + 0.2, test)


OPPOSITES = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Gt: ast.NotEq,
    ast.Lt: ast.NotEq,
    ast.GtE: ast.Lt,
    ast.LtE: ast.Gt,
}


def _other_sides(tree: Tree, function: Function, node: ast.Compare, test: ast.expr, cost: float) -> Iterator[Change]:
    """Yield comparisons with another name or a factor on one side."""
    sides = (node.left, node.comparators[0])
    for side in sides:
        if isinstance(side, (ast.Name, ast.Attribute)):
            for factor in factors(tree):
                yield replaced(tree, side, f"{ast.unparse(side)} * {factor}", cost, test)
            for name in parameters(function):
                if name not in {ast.unparse(s) for s in sides} | {"self"}:
                    yield replaced(tree, side, name, cost + 0.3, test)
        elif isinstance(side, ast.Constant) and type(side.value) is int:
            for number in (1, 2):
                if number != side.value:
                    yield replaced(tree, side, str(number), cost + 0.1, test)


def _given(function: Function, name: str) -> list[str]:
    """Return what the calls of a function pass as stride: an argument of that position or name that is no number."""
    found: dict[str, None] = {}
    for node in ast.walk(function):
        if not isinstance(node, ast.Call):
            continue
        for keyword in node.keywords:
            if keyword.arg == name and isinstance(keyword.value, ast.Name):
                found.setdefault(keyword.value.id)
        if len(node.args) > 3 and isinstance(node.args[3], ast.Name):
            found.setdefault(node.args[3].id)
        if len(node.args) > 2 and isinstance(node.args[2], ast.Name):
            found.setdefault(node.args[2].id)
    own = parameters(function)
    return [text for text in found if text in own][:3]


def channel_pairs(function: Function, near: int = 0) -> list[tuple[str, str]]:
    """Return the pairs of expressions that calls of a function pass as their first two arguments, nearest to a line first."""
    found: list[tuple[int, str, str]] = []
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and len(node.args) > 1:
            one, two = node.args[:2]
            kinds = (ast.Name, ast.Attribute, ast.BinOp)
            if isinstance(one, kinds) and isinstance(two, kinds) and ast.unparse(one) != ast.unparse(two):
                away = node.lineno - near
                found.append((away if away >= 0 else 1000 - away, ast.unparse(one), ast.unparse(two)))
    return list(dict.fromkeys((one, two) for _, one, two in sorted(found)))[:4]


def forgotten(tree: Tree, call: ast.Call, cost: float) -> Iterator[Change]:
    """Yield calls that also pass a variable of their function that was computed and is never read."""
    function = tree.function(call)
    if function is None or isinstance(function, ast.Lambda):
        return
    read = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    for node in body_nodes(function):
        for target, given in targets(node):
            if isinstance(target, ast.Name) and target.id not in read and isinstance(given, ast.Call):
                yield with_argument(tree, call, target.id, cost)
                for name in _open_parameters(tree, call):
                    yield with_keyword(tree, call, name, target.id, cost + 0.1)


def _open_parameters(tree: Tree, call: ast.Call) -> list[str]:
    """Return the parameters of a class of this file that a call leaves at None."""
    callee = call.func.id if isinstance(call.func, ast.Name) else ""
    classes = tree.classes()
    chosen = [classes[callee]] if callee in classes else list(classes.values())
    found: dict[str, None] = {}
    passed = {k.arg for k in call.keywords}
    for cls in chosen:
        for node in cls.body:
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                for name in parameters(node)[1 + len(call.args) :]:
                    value = default(node, name)
                    if name not in passed and isinstance(value, ast.Constant) and value.value is None:
                        found.setdefault(name)
    return list(found)[:4]


def _open_flags(tree: Tree, call: ast.Call) -> list[tuple[str, bool]]:
    """Return the flags of a class or function of this file that a call leaves at their defaults."""
    callee = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    passed = {k.arg for k in call.keywords}
    found = []
    for node in ast.walk(tree.root):
        named = isinstance(node, ast.FunctionDef) and (
            node.name == callee or (node.name == "__init__" and getattr(tree.parents.get(node), "name", "") == callee)
        )
        if isinstance(node, ast.FunctionDef) and named:
            names = parameters(node)[1 if tree.method(node) else 0 :]
            for name in names[len(call.args) :]:
                given = default(node, name)
                if name not in passed and isinstance(given, ast.Constant) and isinstance(given.value, bool):
                    found.append((name, given.value))
    return found


def flags(tree: Tree, call: ast.Call, cost: float) -> Iterator[Change]:
    """Yield calls with a flag turned round."""
    for node in (*call.args, *(k.value for k in call.keywords)):
        if isinstance(node, ast.Constant) and isinstance(node.value, bool):
            yield replaced(tree, node, str(not node.value), cost, call)
    for name, value_ in _open_flags(tree, call):
        yield with_keyword(tree, call, name, str(not value_), cost + 0.1)
