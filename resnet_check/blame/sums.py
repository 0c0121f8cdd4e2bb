"""Candidates for branches that cannot be added because their shapes differ."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import Any

from resnet_check.blame.branches import branches, layer_names, torch_layer
from resnet_check.blame.change import Change, replaced, source_of, with_keyword
from resnet_check.blame.channels import OUTPUT_ARGUMENTS, exchanges, layer_chain, of_layer
from resnet_check.blame.conditions import channel_pairs, conditions, flags, forgotten
from resnet_check.blame.flow import FUNCTION_ARGUMENTS, LAYER_ARGUMENTS, argument_places, layer_kind, scope_of
from resnet_check.blame.tree import Function, Tree, argument, body_nodes, parameters
from resnet_check.finding import Edit
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
        yield from repeated(tree, model, side)
    shapes = [tuple(value(s) for s in model.ops[i].shape) for i in op.inputs[:2]]
    if len(shapes) == 2 and all(len(s) > 1 for s in shapes) and shapes[0][1] != shapes[1][1]:
        for number, side in enumerate(sides):
            last = next((o for o in reversed(side) if o.kind in {"conv", "conv_transpose", "linear"}), None)
            record = None if last is None else torch_layer(model, last)
            if record is not None and last is not None:
                has = value(last.shape[1])
                other = shapes[0][1] if shapes[1][1] == has else shapes[1][1]
                yield from of_layer(tree, record, OUTPUT_ARGUMENTS, (other, has), 1.2 + 0.2 * number)
    yield from around(tree, model, op)


def repeated(tree: Tree, model: Model, side: list[Op]) -> Iterator[Change]:
    """Yield a branch without a second call of one of its layers, which halves the map once more."""
    seen: set[str] = set()
    for op in side:
        call = tree.call(op.site) if torch_layer(model, op) is not None and op.path in seen else None
        if call is not None and len(call.args) == 1 and not call.keywords:
            yield replaced(tree, call, source_of(tree, call.args[0]), 0.6, call)
        seen.add(op.path)


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
            found += [
                (tree.function(place.expr), ast.unparse(place.expr))
                for place in argument_places(tree, chain, names, "stride")
                if place.expr is not None and place.kind == "argument"
            ]
    return found


def _strides(tree: Tree, node: ast.AST, others: list[tuple[Function | None, str]]) -> list[str]:
    """Return what a stride could be: what other layers are given there, names of the function, 1 and 2."""
    function = tree.function(node)
    texts = [text for where, text in others if where is function or text.isdigit()]
    widths = {text for pair in channel_pairs(function) for text in pair} if function is not None else set()
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
            idle = self._unread(node) if place.expr is None or isinstance(place.expr, ast.Constant) else set()
            for number, text in enumerate([*idle, *(t for t in texts(node) if t not in idle)]):
                late = cost + extra + 0.04 * number - (0.6 if text in idle else 0.0)
                if place.expr is None:
                    if place.call is not None:
                        yield with_keyword(self.tree, place.call, place.name, text, late)
                elif ast.unparse(place.expr) != text:
                    yield replaced(self.tree, place.expr, text, late + (0.6 if passed_on else 0.0), place.call)

    def _unread(self, node: ast.AST) -> set[str]:
        """Return the parameters of a function that it never reads: one was forgotten."""
        function = self.tree.function(node)
        if function is None or self.tree.function(function) is not None:
            return set()
        read = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}
        return {name for name in parameters(function)[1 if self.tree.method(function) else 0 :] if name not in read}

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
    steps: list[tuple[ast.AST, str, Any]] = []
    edits: list[Edit] = []
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
    cls = tree.classes().get(record.type) if record is not None else None
    body = cls.body if cls is not None else []
    functions: list[tuple[Function, int]] = [
        (node, 0) for node in body if isinstance(node, ast.FunctionDef) and node.name == "__init__"
    ]
    for depth, call in enumerate(chain):
        function = tree.function(call) if call is not None else None
        if function is not None and all(function is not f for f, _ in functions):
            functions.append((function, depth + 1))
    own_condition = any(
        isinstance(node, (ast.If, ast.IfExp))
        for function, depth in functions
        if depth <= 1
        for node in body_nodes(function)
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
        for given in (*call.args, *(k.value for k in call.keywords)):
            if isinstance(given, ast.Constant) and given.value == 2:
                yield replaced(tree, given, "1", 2.4 + 0.3 * depth, call)
