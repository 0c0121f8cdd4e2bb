"""Where a number of a layer comes from: the expressions that feed an argument, followed outwards by name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from resnet_check.blame.tree import (
    FUNCTIONS,
    Function,
    Tree,
    argument,
    body_nodes,
    default,
    loaded,
    parameters,
    targets,
)

LAYER_ARGUMENTS = {
    "Conv": [
        "in_channels",
        "out_channels",
        "kernel_size",
        "stride",
        "padding",
        "dilation",
        "groups",
        "bias",
        "padding_mode",
    ],
    "ConvTranspose": (
        [
            "in_channels",
            "out_channels",
            "kernel_size",
            "stride",
            "padding",
            "output_padding",
            "groups",
            "bias",
            "dilation",
            "padding_mode",
        ]
    ),
    "LazyConv": ["out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias", "padding_mode"],
    "BatchNorm": ["num_features", "eps", "momentum", "affine", "track_running_stats"],
    "InstanceNorm": ["num_features", "eps", "momentum", "affine", "track_running_stats"],
    "GroupNorm": ["num_groups", "num_channels", "eps", "affine"],
    "Linear": ["in_features", "out_features", "bias"],
    "LazyLinear": ["out_features", "bias"],
    "MaxPool": ["kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode"],
    "AvgPool": ["kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"],
    "AdaptiveAvgPool": ["output_size"],
    "AdaptiveMaxPool": ["output_size", "return_indices"],
    "PReLU": ["num_parameters"],
}
"""The parameters of torch's layers in order, by the name without the dimension."""

FUNCTION_ARGUMENTS = {
    "conv": ["input", "weight", "bias", "stride", "padding", "dilation", "groups"],
    "max_pool": ["input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"],
    "avg_pool": ["input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"],
    "adaptive_pool": ["input", "output_size"],
    "pad": ["input", "pad", "mode", "value"],
}
"""The parameters of torch's functions by the kind of the Op."""


def layer_kind(names: tuple[str, ...]) -> str:
    """Return the key of `LAYER_ARGUMENTS` for a class of torch or one derived from it, given with its bases."""
    for name in names:
        if name.startswith("torch.nn."):
            short = name.rpartition(".")[2].rstrip("d123").rstrip("d")
            if short in LAYER_ARGUMENTS:
                return short
    return ""


class Place(NamedTuple):
    """An expression that decides a number, or a call that could pass it and does not.

    ``kind``: ``argument`` of a call, ``missing`` (the call passes nothing: ``name`` would be the parameter), value of a
    ``local``, an ``attribute`` or a ``global`` name, ``default`` of a parameter, ``table`` that a loop goes through.
    ``depth`` counts the calls on the way out from the layer.
    """

    expr: ast.expr | None
    kind: str
    depth: int
    call: ast.Call | None = None
    name: str = ""


def argument_places(tree: Tree, chain: list[ast.Call | None], names: list[str], name: str) -> list[Place]:
    """Return the places that decide an argument of a layer, nearest first."""
    call = chain[0] if chain else None
    if call is None:
        return _handed_out(tree, chain)
    expr = argument(call, names, name)
    if expr is None:
        if any(isinstance(a, ast.Starred) for a in call.args):
            return []
        if any(k.arg is None for k in call.keywords):
            # ``**options`` that a call further out may fill
            outer = enumerate(chain[1:3], 1)
            return [Place(None, "missing", depth, each, name) for depth, each in outer if each is not None]
        return [Place(None, "missing", 0, call, name)]
    return list(_Follow(tree, chain).expression(expr, 0, call))


def _handed_out(tree: Tree, chain: list[ast.Call | None]) -> list[Place]:
    """Return the places that decide the arguments of the call through which an imported helper builds a layer."""
    depth, call = next(((depth, call) for depth, call in enumerate(chain) if call is not None), (0, None))
    if call is None:
        return []
    follow = _Follow(tree, chain)
    given = [each for each in call.args if not isinstance(each, ast.Starred)]
    return [place for each in given for place in follow.expression(each, depth, call)]


class _Follow:
    """Goes outwards from one expression, each place once."""

    def __init__(self, tree: Tree, chain: list[ast.Call | None]) -> None:
        self.tree = tree
        self.chain = chain
        self.seen: set[int] = set()

    def expression(self, expr: ast.expr, depth: int, call: ast.Call | None, kind: str = "argument") -> Iterator[Place]:
        if id(expr) in self.seen:
            return
        self.seen.add(id(expr))
        yield Place(expr, kind, depth, call)
        function = self.tree.function(expr)
        for part in loaded(expr):
            if isinstance(part, ast.Name):
                yield from self.name(part.id, function, depth)
            elif isinstance(part, ast.Attribute):
                yield from self.attribute(part, function, depth)

    def name(self, name: str, function: Function | None, depth: int) -> Iterator[Place]:
        while function is not None:
            if not isinstance(function, ast.Lambda):
                values = assigned(function, name)
                for value, loop in values:
                    yield from self.expression(value, depth, None, "table" if loop else "local")
            if name in parameters(function):
                yield from self.parameter(name, function, depth)
                return
            if not isinstance(function, ast.Lambda) and values:
                return
            function = self.tree.function(function)
        for value, loop in assigned(self.tree.root, name):
            yield from self.expression(value, depth, None, "table" if loop else "global")

    def parameter(self, name: str, function: Function, depth: int) -> Iterator[Place]:
        outer = self.chain[depth + 1] if depth + 1 < len(self.chain) else None
        if outer is not None:
            names = parameters(function)[1 if self.tree.method(function) else 0 :]
            passed = argument(outer, names, name)
            if passed is not None:
                yield from self.expression(passed, depth + 1, outer)
                return
            if any(isinstance(a, ast.Starred) for a in outer.args) or any(k.arg is None for k in outer.keywords):
                return
            yield Place(None, "missing", depth + 1, outer, name)
        value = default(function, name)
        if value is not None:
            yield from self.expression(value, depth, None, "default")

    def attribute(self, part: ast.Attribute, function: Function | None, depth: int) -> Iterator[Place]:
        owner = self.tree.owner(function) if function is not None else None
        first = part.value.id if isinstance(part.value, ast.Name) else ""
        if owner is not None and function is not None and first == "self":
            for statement in attribute_statements(owner, part.attr):
                for target, value in targets(statement):
                    if _is_attribute(target, part.attr):
                        yield from self.expression(value, depth, None, "attribute")
        for cls in self.tree.classes().values():
            for statement in cls.body:
                for target, value in targets(statement):
                    if isinstance(target, ast.Name) and target.id == part.attr:
                        yield from self.expression(value, depth, None, "attribute")


def assigned(scope: ast.AST, name: str) -> list[tuple[ast.expr, bool]]:
    """Return what a name gets in a function or module: expressions, and whether a loop takes its items."""
    nodes = body_nodes(scope) if isinstance(scope, FUNCTIONS) else iter(getattr(scope, "body", ()))
    found = []
    for node in nodes:
        for target, value in targets(node):
            if isinstance(target, ast.Name) and target.id == name:
                found.append((value, isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension))))
    return found


def attribute_statements(owner: ast.ClassDef, name: str) -> list[ast.stmt]:
    """Return the statements of a class that assign an attribute of ``self``, in order."""
    found = [
        node
        for node in ast.walk(owner)
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign))
        and any(_is_attribute(target, name) for target, _ in targets(node))
    ]
    return sorted(found, key=lambda n: (n.lineno, n.col_offset))


def _is_attribute(target: ast.expr, name: str) -> bool:
    return (
        isinstance(target, ast.Attribute)
        and target.attr == name
        and isinstance(target.value, ast.Name)
        and target.value.id == "self"
    )


class Scope(NamedTuple):
    """What an expression of a function can name."""

    names: tuple[str, ...]
    attributes: tuple[str, ...]


def scope_of(tree: Tree, node: ast.AST) -> Scope:
    """Return the numbers that can be named at a node: parameters, locals that hold numbers, and plain attributes."""
    function = tree.function(node)
    names: list[str] = []
    inner: Function | None = function
    while inner is not None:
        if not isinstance(inner, ast.Lambda):
            names.extend(_number_names(inner))
        own = parameters(inner)
        names.extend(own[1:] if tree.method(inner) else own)
        inner = tree.function(inner)
    owner = tree.owner(node)
    attributes = _number_attributes(owner) if owner is not None and function is not None else []
    return Scope(tuple(dict.fromkeys(names)), tuple(dict.fromkeys(attributes)))


def _number_names(function: Function) -> list[str]:
    found = []
    for node in body_nodes(function):
        for target, value in targets(node):
            loop = isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension))
            if isinstance(target, ast.Name) and (loop or _may_be_number(value)):
                found.append(target.id)
    return found


def _number_attributes(owner: ast.ClassDef) -> list[str]:
    found = []
    for node in ast.walk(owner):
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            for target, value in targets(node):
                if isinstance(target, ast.Attribute) and _may_be_number(value):
                    if isinstance(target.value, ast.Name) and target.value.id == "self":
                        found.append(f"self.{target.attr}")
                elif isinstance(target, ast.Name) and node in owner.body and _may_be_number(value):
                    found.append(f"self.{target.id}")
    return found


def _may_be_number(value: ast.expr) -> bool:
    """Return whether an expression can be a size, judged by its form."""
    if isinstance(value, ast.Constant):
        return isinstance(value.value, int) and not isinstance(value.value, bool)
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id in {"int", "max", "min", "round", "len"}
    return isinstance(value, (ast.Name, ast.Attribute, ast.BinOp, ast.IfExp, ast.Subscript))


def factors(tree: Tree) -> list[str]:
    """Return what sizes are multiplied by in the file, as text: ``block.expansion``, ``EXPANSION[kind]``, ``4``."""
    found: dict[str, None] = {}
    for node in ast.walk(tree.root):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            for side in (node.right, node.left):
                if isinstance(side, (ast.Attribute, ast.Subscript, ast.Constant)):
                    found.setdefault(ast.unparse(side))
    for cls in tree.classes().values():
        for statement in cls.body:
            for target, value in targets(statement):
                if isinstance(target, ast.Name) and isinstance(value, ast.Constant) and type(value.value) is int:
                    found.setdefault(f"{cls.name}.{target.id}")
    return list(found)[:6]
