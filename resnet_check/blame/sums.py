"""Candidates for branches that cannot be added because their shapes differ."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from resnet_check.blame.branches import branches, layer_names, torch_layer
from resnet_check.blame.change import Change, replaced, with_argument, with_keyword
from resnet_check.blame.channels import OUTPUT_ARGUMENTS, exchanges, layer_chain, of_layer
from resnet_check.blame.flow import FUNCTION_ARGUMENTS, LAYER_ARGUMENTS, argument_places, layer_kind, scope_of
from resnet_check.blame.tree import FUNCTIONS, Function, Tree, argument, body_nodes, default, parameters, targets
from resnet_check.graph.dim import value
from resnet_check.graph.records import Model, Op


def candidates(tree: Tree, model: Model, op: Op) -> Iterator[Change]:
    """Yield changes of the layers of both branches, of the conditions around the shortcut, and of the calls of the block."""
    _, sides = branches(model, op)
    sides.sort(key=lambda side: sum(o.kind == "conv" for o in side))
    for number, side in enumerate(sides):
        for one in side:
            if one.kind in {"conv", "max_pool", "avg_pool", "conv_transpose"}:
                yield from settings(tree, model, one, sides, 0.2 * number)
            elif one.kind == "pad":
                yield from paddings(tree, model, one)
            elif one.kind in SLICES:
                yield from slices(tree, one)
    shapes = [tuple(value(s) for s in model.ops[i].shape) for i in op.inputs[:2]]
    if len(shapes) == 2 and all(len(s) > 1 for s in shapes) and shapes[0][1] != shapes[1][1]:
        for number, side in enumerate(sides):
            last = next((o for o in reversed(side) if o.kind in {"conv", "conv_transpose", "linear"}), None)
            record = None if last is None else torch_layer(model, last)
            if record is not None and last is not None:
                has = value(last.shape[1])
                other = shapes[0][1] if shapes[1][1] == has else shapes[1][1]
                yield from of_layer(tree, record, OUTPUT_ARGUMENTS, other, has, 1.2 + 0.2 * number)
    yield from around(tree, model, op)


def chain_of(tree: Tree, model: Model, op: Op) -> tuple[list[ast.Call | None], list[str]]:
    """Return the calls that decide an Op's settings, with the parameters of the first."""
    record = torch_layer(model, op)
    if record is not None:
        return layer_chain(tree, record), LAYER_ARGUMENTS.get(layer_kind(layer_names(record)), [])
    return tree.chain(op.site), FUNCTION_ARGUMENTS.get(op.kind, [])


def settings(tree: Tree, model: Model, op: Op, sides: list[list[Op]], cost: float) -> Iterator[Change]:
    """Yield changes of padding, stride and kernel of one layer of a branch."""
    chain, names = chain_of(tree, model, op)
    if not chain or chain[0] is None or not names:
        return
    kernel, padding = op.attributes.get("kernel"), op.attributes.get("padding")
    dilation = op.attributes.get("dilation") or (1,)
    setter = _Setter(tree, chain, names)
    if op.kind == "conv" and isinstance(kernel, tuple) and isinstance(padding, tuple):
        same = tuple(d * (k - 1) // 2 for k, d in zip(kernel, dilation * len(kernel), strict=False))
        if padding != same:
            texts = _same_texts(chain[0], names, same)
            yield from setter.give("padding", lambda _: texts, cost + 0.8)
        if kernel != (1,) * len(kernel):
            yield from setter.give("kernel_size", lambda _: ["1"], cost + 1.5)
        elif any(padding):
            yield from setter.give("kernel_size", lambda _: [str(2 * padding[0] + 1)], cost + 1.3)
    others = _other_strides(tree, model, op, sides)
    yield from setter.give("stride", lambda node: _strides(tree, node, others), cost + 1.0)
    yield from exchanges(tree, chain[:2], cost + 0.9)


def _same_texts(call: ast.Call, names: list[str], same: tuple[int, ...]) -> list[str]:
    """Return the padding that keeps the size, in the words of the call."""
    texts = []
    dilated = argument(call, names, "dilation")
    if dilated is not None and not isinstance(dilated, ast.Constant):
        texts.append(ast.unparse(dilated))
    kernel = argument(call, names, "kernel_size")
    number = str(same[0]) if len(set(same)) == 1 else str(same)
    if kernel is not None and not isinstance(kernel, (ast.Constant, ast.Tuple)):
        texts.append(f"{ast.unparse(kernel)} // 2")
    return [*texts, number]


def _other_strides(tree: Tree, model: Model, op: Op, sides: list[list[Op]]) -> list[tuple[Function | None, str]]:
    """Return what the other layers of a block are given as stride, with the function in which that is written."""
    found: list[tuple[Function | None, str]] = []
    for other in (o for side in sides for o in side if o is not op):
        chain, names = chain_of(tree, model, other)
        if chain and chain[0] is not None and names:
            for place in argument_places(tree, chain, names, "stride"):
                if place.expr is not None and place.kind == "argument":
                    found.append((tree.function(place.expr), ast.unparse(place.expr)))
    return found


def _strides(tree: Tree, node: ast.AST, others: list[tuple[Function | None, str]]) -> list[str]:
    """Return what a stride could be: what other layers are given there, names of the function, 1 and 2."""
    function = tree.function(node)
    texts = [text for where, text in others if where is function or text.isdigit()]
    widths = {text for pair in _channel_pairs(function) for text in pair} if function is not None else set()
    names = [n for n in scope_of(tree, node).names if n not in widths]
    likely = [n for n in names if re.search(r"str|step|down|^s$", n, re.IGNORECASE)]
    texts.sort(key=str.isdigit)
    return list(dict.fromkeys([*likely, *texts, "1", "2", *names[:4]]))


class _Setter:
    """Gives arguments of one layer other values."""

    def __init__(self, tree: Tree, chain: list[ast.Call | None], names: list[str]) -> None:
        self.tree = tree
        self.chain = chain
        self.names = names

    def give(self, name: str, texts: Callable[[ast.AST], list[str]], cost: float) -> Iterator[Change]:
        """Yield changes that give an argument one of several values, at the layer or further out."""
        for place in argument_places(self.tree, self.chain, self.names, name):
            node = place.expr or place.call
            if place.depth > 3 or place.kind in {"global", "table"} or node is None:
                continue
            extra = 0.3 * place.depth + (0.7 if place.kind == "default" else 0.3 if place.kind in OUTER else 0.0)
            passed_on = self._passed_on(place.expr)
            for number, text in enumerate(texts(node)):
                late = cost + extra + 0.04 * number
                if place.expr is None:
                    if place.call is not None:
                        yield with_keyword(self.tree, place.call, place.name, text, late)
                elif ast.unparse(place.expr) != text:
                    yield replaced(self.tree, place.expr, text, late + (0.6 if passed_on else 0.0), place.call)

    def _passed_on(self, expr: ast.expr | None) -> bool:
        """Return whether an expression is a parameter of its function: a mistake is rather where it is called."""
        function = None if expr is None else self.tree.function(expr)
        return isinstance(expr, ast.Name) and function is not None and expr.id in parameters(function)


OUTER = frozenset({"local", "attribute"})


SLICES = frozenset({"getitem", "slice", "index"})


def slices(tree: Tree, op: Op) -> Iterator[Change]:
    """Yield changes of the steps with which a tensor is thinned out."""
    node = tree.subscript(op.site)
    for part in ast.walk(node.slice) if node is not None else ():
        if isinstance(part, ast.Slice) and isinstance(part.step, ast.Constant):
            for text in scope_of(tree, part.step).names[:5]:
                yield _both_steps(tree, node, part.step, text)


def _both_steps(tree: Tree, node: ast.Subscript | None, step: ast.Constant, text: str) -> Change:
    """Return the change of all equal steps of a subscript."""
    steps, edits = [], []
    for part in ast.walk(node.slice) if node is not None else ():
        if isinstance(part, ast.Slice) and isinstance(part.step, ast.Constant) and part.step.value == step.value:
            one = replaced(tree, part.step, text, 0.9, node)
            steps += one.steps
            edits += one.edits
    return Change(tree.source.site(node or step), steps, tuple(edits), 0.9)


def paddings(tree: Tree, model: Model, op: Op) -> Iterator[Change]:
    """Yield changes of the widths of a zero padding."""
    chain, names = chain_of(tree, model, op)
    call = chain[0] if chain else None
    widths = argument(call, names, "pad") if call is not None else None
    if not isinstance(widths, (ast.Tuple, ast.List)):
        return
    texts = [ast.unparse(e) for e in widths.elts]
    pairs = [texts[i : i + 2] for i in range(0, len(texts), 2)]
    empty = ["0", "0"]
    orders = [[empty, *pairs], [empty, empty, *pairs], [*pairs[1:], pairs[0]], [pairs[-1], *pairs[:-1]]]
    for order in orders:
        flat = [text for pair in order for text in pair]
        if flat != texts:
            yield replaced(tree, widths, f"({', '.join(flat)})", 0.7, call)
    padded = argument(call, names, "input") if call is not None else None
    if isinstance(padded, ast.Name):
        yield replaced(tree, padded, f"{padded.id}[:, :, ::2, ::2]", 1.1, call)


def around(tree: Tree, model: Model, op: Op) -> Iterator[Change]:
    """Yield changes outside of the layers: conditions, flags and forgotten arguments where the block was built."""
    record = next((m for m in model.modules if m.path == op.path), None)
    chain = tree.chain(record.built) if record is not None else []
    functions: list[tuple[Function, int]] = []
    cls = tree.classes().get(record.type) if record is not None else None
    for node in cls.body if cls is not None else ():
        if isinstance(node, FUNCTIONS) and node.name == "__init__":  # type: ignore[union-attr]
            functions.append((node, 0))
    for depth, call in enumerate(chain):
        function = tree.function(call) if call is not None else None
        if function is not None and all(function is not f for f, _ in functions):
            functions.append((function, depth + 1))
    own_condition = any(
        isinstance(node, (ast.If, ast.IfExp)) for function, depth in functions if depth <= 1 for node in body_nodes(function)
    )
    for function, depth in functions:
        if depth <= 1 or not own_condition:
            yield from conditions(tree, function, 0.5 + 0.3 * depth)
    for depth, call in enumerate(chain):
        if call is not None:
            yield from forgotten(tree, call, 0.6 + 0.3 * depth)
            yield from flags(tree, call, 0.6 + 0.1 * depth)
    strides = [call for call in chain[:4] if call is not None]
    for depth, call in enumerate(strides):
        for node in (*call.args, *(k.value for k in call.keywords)):
            if isinstance(node, ast.Constant) and node.value == 2:
                yield replaced(tree, node, "1", 2.4 + 0.3 * depth, call)


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
    for one, two in _channel_pairs(function):
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
    from resnet_check.blame.flow import factors

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


def _channel_pairs(function: Function) -> list[tuple[str, str]]:
    """Return the pairs of expressions that calls of a function pass as their first two arguments."""
    found: dict[tuple[str, str], None] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and len(node.args) > 1:
            one, two = node.args[:2]
            kinds = (ast.Name, ast.Attribute, ast.BinOp)
            if isinstance(one, kinds) and isinstance(two, kinds) and ast.unparse(one) != ast.unparse(two):
                found.setdefault((ast.unparse(one), ast.unparse(two)))
    return list(found)[:4]


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
