"""Candidates for a layer that expects other channels, or features, than it gets."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.blame.branches import layer_names, producers, torch_layer
from resnet_check.blame.change import Change, exchanged, replaced, with_keyword
from resnet_check.blame.counters import STEP, assignments, beside_of
from resnet_check.blame.flow import LAYER_ARGUMENTS, Place, argument_places, factors, layer_kind, scope_of
from resnet_check.blame.tree import Tree, loaded
from resnet_check.graph.records import Model, ModuleRecord, Op

INPUT_ARGUMENTS = ("in_channels", "num_features", "in_features", "num_channels", "num_parameters")
OUTPUT_ARGUMENTS = ("out_channels", "out_features")


def candidates(tree: Tree, model: Model, op: Op, got: int, expected: int) -> Iterator[Change]:
    """Yield changes of what the layer expects, then of what the layer before it gives."""
    record = torch_layer(model, op)
    if record is not None:
        yield from of_layer(tree, record, INPUT_ARGUMENTS, (got, expected), 1.0)
    for number, producer in enumerate(producers(model, op)):
        source = torch_layer(model, producer)
        if source is not None:
            # Two arguments that fit once they change places are no accident; a number fits anything that is written for it.
            yield from exchanges(tree, layer_chain(tree, source)[1:], 0.5 + 0.1 * number)
            yield from of_layer(tree, source, OUTPUT_ARGUMENTS, (expected, got), 2.0 + number)


def of_layer(
    tree: Tree, record: ModuleRecord, wanted: tuple[str, ...], numbers: tuple[int, int], cost: float
) -> Iterator[Change]:
    """Yield changes that give one argument of a layer another value: the first of the two numbers for the second."""
    want, has = numbers
    chain = layer_chain(tree, record)
    names = LAYER_ARGUMENTS.get(layer_kind(layer_names(record)), [])
    name = next((n for n in wanted if n in names), None)
    if name is None:
        return
    for place in argument_places(tree, chain, names, name):
        yield from at_place(tree, place, want, has, cost)
    yield from exchanges(tree, chain, cost)
    yield from assignments(tree, chain, names, name, cost)


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
        # What a local name stands for is rather incomplete than something else altogether.
        other = place.kind == "local" and not isinstance(expr, ast.Name) and text.isidentifier()
        yield replaced(tree, expr, text, cost + extra + (0.8 if other else 0.0), place.call)


def other_values(tree: Tree, expr: ast.expr, want: int, has: int) -> Iterator[tuple[str, float]]:
    """Yield what could have been meant instead of an expression, with the cost of that mistake."""
    old = ast.unparse(expr)
    if isinstance(expr, ast.Constant):
        if type(expr.value) is int:
            yield from _other_constants(tree, expr, want, has)
        return
    scope = scope_of(tree, expr)
    read = {ast.unparse(part) for part in loaded(expr)}
    beside = beside_of(tree, expr)
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
    number = expr.value
    assert isinstance(number, int)  # noqa: S101 - checked by the caller
    if has == number:
        for factor in factors(tree):
            yield f"{number} * {factor}", 0.15
        for text in beside_of(tree, expr):
            yield text, 0.2
        yield str(want), 0.3
    elif has and (number * want) % has == 0:
        yield str(number * want // has), 0.5
    for place, text in enumerate(scope_of(tree, expr).names):
        yield text, 0.4 + 0.03 * place


def _other_numbers_inside(expr: ast.expr, want: int, has: int) -> Iterator[tuple[str, float]]:
    """Yield the expression with one of its numbers scaled so that its value becomes the wanted one."""
    for node in ast.walk(expr):
        if isinstance(node, ast.Constant) and type(node.value) is int and has:
            old = node.value
            for above, below in ((want, has), (has, want)):
                if below and (old * above) % below == 0:
                    node.value = old * above // below
                    text = ast.unparse(expr)
                    node.value = old
                    yield text, 0.45


def _grouped(expr: ast.expr) -> str:
    text = ast.unparse(expr)
    simple = isinstance(expr, (ast.Name, ast.Attribute, ast.Constant, ast.Call, ast.Subscript))
    product = isinstance(expr, ast.BinOp) and isinstance(expr.op, ast.Mult)
    return text if simple or product else f"({text})"


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
