"""Candidates for a layer that expects other channels, or features, than it gets."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.blame.branches import layer_names, producers, torch_layer
from resnet_check.blame.change import Change, added, exchanged, removed, replaced, with_keyword
from resnet_check.blame.flow import (
    LAYER_ARGUMENTS,
    Place,
    argument_places,
    attribute_statements,
    factors,
    layer_kind,
    scope_of,
)
from resnet_check.blame.tree import Tree, loaded, parameters, targets
from resnet_check.graph.records import Model, ModuleRecord, Op

INPUT_ARGUMENTS = ("in_channels", "num_features", "in_features", "num_channels", "num_parameters")
OUTPUT_ARGUMENTS = ("out_channels", "out_features")
STEP = 0.35
"""What each call on the way out costs."""


def candidates(tree: Tree, model: Model, op: Op, got: int, expected: int) -> Iterator[Change]:
    """Yield changes of what the layer expects, then of what the layer before it gives."""
    record = torch_layer(model, op)
    if record is not None:
        yield from of_layer(tree, record, INPUT_ARGUMENTS, got, expected, 1.0)
    for number, producer in enumerate(producers(model, op)):
        source = torch_layer(model, producer)
        if source is not None:
            yield from of_layer(tree, source, OUTPUT_ARGUMENTS, expected, got, 2.0 + number)


def of_layer(
    tree: Tree, record: ModuleRecord, wanted: tuple[str, ...], want: int, has: int, cost: float
) -> Iterator[Change]:
    """Yield changes that give one argument of a layer another value."""
    chain = layer_chain(tree, record)
    names = LAYER_ARGUMENTS.get(layer_kind(layer_names(record)), [])
    name = next((n for n in wanted if n in names), None)
    if name is None:
        return
    for place in argument_places(tree, chain, names, name):
        yield from at_place(tree, place, want, has, cost)
    yield from exchanges(tree, chain, cost)
    yield from assignments(tree, chain, names, name, want, has, cost)


def layer_chain(tree: Tree, record: ModuleRecord) -> list[ast.Call | None]:
    """Return the calls that built a layer, innermost first: for a class derived from torch's, first its ``super().__init__``."""
    chain = tree.chain(record.built)
    if record.type.startswith("torch."):
        return chain
    cls = tree.classes().get(record.type)
    if cls is None:
        return chain
    for node in ast.walk(cls):
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith(".__init__")
            and "super" in ast.unparse(node.func)
        ):
            return [node, *chain]
    return chain


PLACE_COST = {
    "argument": 0.0,
    "missing": 0.3,
    "local": 0.3,
    "attribute": 0.6,
    "default": 0.7,
    "global": 1.0,
    "table": 1.6,
}


def at_place(tree: Tree, place: Place, want: int, has: int, cost: float) -> Iterator[Change]:
    """Yield changes of one expression."""
    cost += PLACE_COST[place.kind] + STEP * place.depth
    expr = place.expr
    if expr is None:
        if place.call is not None and place.kind == "missing":
            for text in (*scope_of(tree, place.call).names[:8], str(want)):
                yield with_keyword(tree, place.call, place.name, text, cost + 0.4)
        return
    if place.kind == "table":
        yield from literals(tree, expr, want, has, cost)
        return
    for text, extra in other_values(tree, expr, want, has):
        yield replaced(tree, expr, text, cost + extra, place.call)


def other_values(tree: Tree, expr: ast.expr, want: int, has: int) -> Iterator[tuple[str, float]]:
    """Yield what could have been meant instead of an expression, with the cost of that mistake."""
    old = ast.unparse(expr)
    if isinstance(expr, ast.Constant):
        if type(expr.value) is int:
            yield from _other_constants(tree, expr, want, has)
        return
    scope = scope_of(tree, expr)
    read = {ast.unparse(part) for part in loaded(expr)}
    beside = _beside(tree, expr)
    plain = [n for n in (*beside, *scope.names, *scope.attributes) if n != old]
    plain = list(dict.fromkeys(plain))
    for number, text in enumerate(plain):
        yield text, 0.05 * number
    usable = [f for f in factors(tree) if f not in read]
    for factor in usable:
        yield f"{_grouped(expr)} * {factor}", 0.35
    if isinstance(expr, ast.BinOp):
        yield ast.unparse(expr.left), 0.3
        yield ast.unparse(expr.right), 0.4
        yield from _other_numbers_inside(expr, want, has)
    if has and want % has == 0 and want != has:
        yield f"{_grouped(expr)} * {want // has}", 0.7
    elif want and has % want == 0 and want != has:
        yield f"{_grouped(expr)} // {has // want}", 0.7
    for text in plain[:6]:
        for factor in usable[:4]:
            yield f"{text} * {factor}", 0.6


def _other_constants(tree: Tree, expr: ast.Constant, want: int, has: int) -> Iterator[tuple[str, float]]:
    if has == expr.value:
        for factor in factors(tree):
            yield f"{expr.value} * {factor}", 0.15
        for text in _beside(tree, expr):
            yield text, 0.2
        yield str(want), 0.3
    elif has and (expr.value * want) % has == 0:
        yield str(expr.value * want // has), 0.5
    for number, text in enumerate(scope_of(tree, expr).names):
        yield text, 0.4 + 0.03 * number


def _other_numbers_inside(expr: ast.expr, want: int, has: int) -> Iterator[tuple[str, float]]:
    """Yield the expression with one of its numbers scaled so that its value becomes the wanted one."""
    for node in ast.walk(expr):
        if isinstance(node, ast.Constant) and type(node.value) is int and has:
            old = node.value
            for above, below in ((want, has), (has, want)):
                if below and (old * above) % below == 0:
                    node.value = old * above // below
                    yield ast.unparse(expr), 0.45
                    node.value = old


def _grouped(expr: ast.expr) -> str:
    text = ast.unparse(expr)
    simple = isinstance(expr, (ast.Name, ast.Attribute, ast.Constant, ast.Call, ast.Subscript))
    product = isinstance(expr, ast.BinOp) and isinstance(expr.op, ast.Mult)
    return text if simple or product else f"({text})"


def _beside(tree: Tree, expr: ast.expr) -> list[str]:
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


def exchanges(tree: Tree, chain: list[ast.Call | None], cost: float) -> Iterator[Change]:
    """Yield changes that let two neighbouring arguments of a call change places."""
    for depth, call in enumerate(chain[:4]):
        if call is None:
            return
        for one, two in zip(call.args, call.args[1:], strict=False):
            if ast.dump(one) != ast.dump(two) and not isinstance(one, ast.Starred) and not isinstance(two, ast.Starred):
                yield exchanged(tree, one, two, cost + 0.25 + STEP * depth, call)
        named = {k.arg: k.value for k in call.keywords}
        for one_name, two_name in PAIRS:
            if one_name in named and two_name in named:
                yield exchanged(tree, named[one_name], named[two_name], cost + 0.25 + STEP * depth, call)


PAIRS = (
    ("in_channels", "out_channels"),
    ("in_features", "out_features"),
    ("stride", "padding"),
    ("kernel_size", "stride"),
)


def literals(tree: Tree, expr: ast.expr, want: int, has: int, cost: float) -> Iterator[Change]:
    """Yield changes of the numbers in a table that a loop goes through."""
    count = 0
    for node in ast.walk(expr):
        if isinstance(node, ast.Constant) and type(node.value) is int and node.value in {has, want} and count < 8:
            count += 1
            yield replaced(tree, node, str(want if node.value == has else has), cost)


def assignments(
    tree: Tree, chain: list[ast.Call | None], names: list[str], name: str, want: int, has: int, cost: float
) -> Iterator[Change]:
    """Yield changes of a running count of channels: an assignment that is missing, wrong or one too many.

    The count is an attribute such as ``self.inplanes``, or a local variable that a loop carries on.
    """
    del want, has
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


def _carried(tree: Tree, place: Place, text: str, statements: list[ast.stmt], cost: float) -> Iterator[Change]:
    assert place.expr is not None  # noqa: S101 - checked by the caller
    function = tree.function(place.expr)
    here = [s for s in statements if tree.function(s) is function]
    for statement in here:
        yield removed(tree, statement, cost + 0.4)
    values = _next_values(tree, place, text)
    for late, anchor in enumerate(_anchors(tree, place)):
        for number, value in enumerate(values):
            yield added(tree, anchor, f"{text} = {value}", cost + 0.45 + 0.02 * number + 0.1 * late)


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


def _next_values(tree: Tree, place: Place, text: str) -> list[str]:
    """Return what a running count can become after the call: the call's other arguments, with and without a factor."""
    assert place.expr is not None  # noqa: S101 - checked by the caller
    call = place.call
    scope = scope_of(tree, place.expr)
    beside = []
    if call is not None:
        given = [*call.args, *(k.value for k in call.keywords)]
        beside = _beside(tree, place.expr) + [
            ast.unparse(a)
            for a in given
            if isinstance(a, (ast.Name, ast.Attribute, ast.BinOp)) and ast.unparse(a) != text
        ]
    plain = list(dict.fromkeys([*beside, *scope.names]))
    plain = [n for n in plain if n != text]
    scaled = [f"{n} * {f}" for n in plain[:4] for f in factors(tree)[:4] if f not in n]
    return [*plain, *scaled]
