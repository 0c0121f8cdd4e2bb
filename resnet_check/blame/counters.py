"""Candidates for a running count of channels, such as ``self.inplanes``: an assignment that is missing, or one too many."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from resnet_check.blame.change import Change, added, removed, swapped_in
from resnet_check.blame.flow import Place, argument_places, attribute_statements, factors, scope_of
from resnet_check.blame.tree import Tree, loaded, parameters, targets

STEP = 0.35
"""What each call on the way out costs."""


def beside_of(tree: Tree, expr: ast.expr) -> list[str]:
    """Return the expressions at the same argument of other calls of the same callee in the function, and of its neighbours."""
    call = tree.parents.get(expr)
    if not isinstance(call, ast.Call):
        return []
    if expr not in call.args:
        return []
    index = call.args.index(expr)
    function = tree.function(call)
    scope = ast.walk(function) if function is not None else iter(())
    callee = ast.unparse(call.func)
    found = [
        ast.unparse(other.args[index])
        for other in scope
        if isinstance(other, ast.Call)
        and other is not call
        and len(other.args) > index
        and ast.unparse(other.func) == callee
    ]
    neighbours = [
        ast.unparse(arg)
        for arg in call.args
        if arg is not expr and isinstance(arg, (ast.Name, ast.Attribute, ast.BinOp))
    ]
    return list(dict.fromkeys([*found, *neighbours]))


def assignments(tree: Tree, chain: list[ast.Call | None], names: list[str], name: str, cost: float) -> Iterator[Change]:
    """Yield changes of a running count of channels: an assignment that is missing, wrong or one too many.

    The count is an attribute such as ``self.inplanes``, or a local variable that a loop carries on.
    """
    for place in argument_places(tree, chain, names, name):
        if place.expr is None or place.kind not in {"argument", "local"}:
            continue
        for part in loaded(place.expr):
            text = ast.unparse(part)
            if isinstance(part, ast.Attribute) and text.startswith("self."):
                owner = tree.owner(place.expr)
                if owner is not None:
                    yield from _carried(
                        tree, place, text, attribute_statements(owner, part.attr), cost + STEP * place.depth
                    )
            elif isinstance(part, ast.Name):
                function = tree.function(place.expr)
                if function is not None and not isinstance(function, ast.Lambda) and _in_loop(tree, place.expr):
                    statements = [
                        node
                        for node in ast.walk(function)
                        if isinstance(node, (ast.Assign, ast.AugAssign))
                        and any(isinstance(t, ast.Name) and t.id == part.id for t, _ in targets(node))
                    ]
                    if statements or part.id in parameters(function):
                        yield from _carried(tree, place, text, statements, cost + STEP * place.depth)


def _in_loop(tree: Tree, node: ast.AST) -> bool:
    return any(isinstance(outer, (ast.For, ast.While)) for outer in tree.outwards(node))


def _carried(tree: Tree, place: Place, text: str, statements: Sequence[ast.stmt], cost: float) -> Iterator[Change]:
    assert place.expr is not None  # noqa: S101 - checked by the caller
    function = tree.function(place.expr)
    here = [s for s in statements if tree.function(s) is function]
    for statement in here:
        yield from _moved_in(tree, statement, tree.statement(place.expr), cost + 0.35)
        yield removed(tree, statement, cost + 0.4)
    values = _next_values(tree, place, text)
    for late, anchor in enumerate(_anchors(tree, place)):
        for number, value in enumerate(values):
            yield added(tree, anchor, f"{text} = {value}", cost + 0.45 + 0.02 * number + 0.1 * late)


def _moved_in(tree: Tree, statement: ast.stmt, anchor: ast.stmt, cost: float) -> Iterator[Change]:
    """Yield the statement moved to the end of the loop in front of it."""
    parent = tree.parents[statement]
    for loop in tree.outwards(anchor):
        if isinstance(loop, (ast.For, ast.While)) and tree.parents[loop] is parent and loop.lineno < statement.lineno:
            place, name, rest = swapped_in(tree, statement, None)
            steps = [(place, name, rest), (loop, "body", [*loop.body, statement])]
            advice = "move this statement into the loop in front of it"
            yield Change(tree.source.site(statement), steps, (), cost, advice=advice)


def _anchors(tree: Tree, place: Place) -> list[ast.stmt]:
    """Return the statements behind which a running count may have to change: those with a call like this one, in order."""
    assert place.expr is not None  # noqa: S101 - checked by the caller
    function = tree.function(place.expr)
    callee = ast.unparse(place.call.func) if place.call is not None else ""
    found = {tree.statement(place.expr): None}
    for call in tree.calls:
        if callee and tree.function(call) is function and ast.unparse(call.func) == callee:
            found.setdefault(tree.statement(call))
    loops = [o for s in list(found) for o in tree.outwards(s) if isinstance(o, (ast.For, ast.While))]
    simple = [s for s in found if not isinstance(s, (ast.For, ast.While, ast.If, ast.With))]
    return [
        *sorted(simple, key=lambda s: s.lineno),
        *dict.fromkeys(loop for loop in loops if tree.function(loop) is function),
    ]


def _of_objects(tree: Tree, call: ast.Call | None) -> list[str]:
    """Return the attributes that the callee reads of objects that a call passes: ``stage.width`` for ``cfg.width``."""
    callee = tree.classes().get(call.func.id) if call is not None and isinstance(call.func, ast.Name) else None
    found: dict[str, None] = {}
    for node in callee.body if callee is not None else ():
        if isinstance(node, ast.FunctionDef) and node.name == "__init__" and call is not None:
            for name, given in zip(parameters(node)[1:], call.args, strict=False):
                for part in ast.walk(node) if isinstance(given, ast.Name) else ():
                    if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == name:
                        found.setdefault(f"{ast.unparse(given)}.{part.attr}")
    return list(found)


def _next_values(tree: Tree, place: Place, text: str) -> list[str]:
    """Return what a running count can become after the call: the call's other arguments, with and without a factor."""
    assert place.expr is not None  # noqa: S101 - checked by the caller
    call = place.call
    scope = scope_of(tree, place.expr)
    beside = []
    if call is not None:
        given = [*call.args, *(k.value for k in call.keywords)]
        beside = beside_of(tree, place.expr) + [
            ast.unparse(a)
            for a in given
            if isinstance(a, (ast.Name, ast.Attribute, ast.BinOp)) and ast.unparse(a) != text
        ]
    plain = list(dict.fromkeys([*beside, *_of_objects(tree, call), *scope.names]))
    plain = [n for n in plain if n != text]
    scaled = [f"{n} * {f}" for n in plain[:4] for f in factors(tree)[:4] if f not in n]
    return [*plain, *scaled]
