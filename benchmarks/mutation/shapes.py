"""What the classes of a file are and do, as far as their text tells: layers, what forward applies, sums, stages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from mutation.subject import Function, Subject

KINDS = (
    ("sequential", r"Sequential$"),
    ("list", r"ModuleList$"),
    ("norm", r"(?i)norm|^bn\d*$"),
    ("conv", r"(?i)conv(?!ert)"),
    ("relu", r"ReLU6?$|SiLU|GELU|Mish|^relu6?$|^act(ivation)?(_?layer)?$"),
    ("linear", r"Linear$"),
    ("max_pool", r"MaxPool\dd$|^max_pool\dd$"),
    ("adaptive_pool", r"AdaptiveAvgPool\dd$|^adaptive_avg_pool\dd$"),
    ("avg_pool", r"AvgPool\dd$|^avg_pool\dd$"),
    ("dropout", r"(?i)^dropout"),
    ("identity", r"Identity$"),
    ("sigmoid", r"(?i)^sigmoid$"),
    ("flatten", r"(?i)^flatten$"),
)
SHORTCUT = re.compile(r"(?i)short|ident|resid|down|proj|skip|bridge|side|match|right")


class Layer(NamedTuple):
    """A module that ``__init__`` builds: ``self.name = call``."""

    name: str
    kind: str
    assign: ast.Assign
    call: ast.Call


class Use(NamedTuple):
    """A call in ``forward`` that applies a layer (of that name) or a function to ``argument``."""

    kind: str
    name: str
    call: ast.Call
    argument: ast.expr


class Sum(NamedTuple):
    """A residual sum: the expression ``node`` or the statement ``out += shortcut``."""

    node: ast.BinOp | ast.AugAssign | ast.Call
    branch: ast.expr
    shortcut: ast.expr


def kind_of(function: ast.expr) -> str:
    """Return which kind of layer a called name makes or applies, "" where the name does not say it."""
    name = ast.unparse(function).rpartition(".")[2]
    return next((kind for kind, pattern in KINDS if re.search(pattern, name)), "")


@cache
def modules(subject: Subject) -> tuple[tuple[ast.ClassDef, Function | None, Function], ...]:
    """Return the classes with a ``forward``, their ``__init__`` and that."""
    return tuple(_modules(subject))


def _modules(subject: Subject) -> Iterator[tuple[ast.ClassDef, Function | None, Function]]:
    for node in subject.nodes(ast.ClassDef):
        methods = {each.name: each for each in node.body if isinstance(each, Function)}  # type: ignore[attr-defined]
        if "forward" in methods:
            yield node, methods.get("__init__"), methods["forward"]  # type: ignore[misc]


@cache
def layers(cls: ast.ClassDef) -> dict[str, Layer]:
    """Return the layers that the methods of a class build, by name, in order; of several the first."""
    found: dict[str, Layer] = {}
    for node in ast.walk(cls):
        match node:
            case ast.Assign(
                targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)], value=ast.Call() as call
            ) if name not in found:
                kind = kind_of(call.func)
                if kind:
                    found[name] = Layer(name, kind, node, call)
    return dict(sorted(found.items(), key=lambda each: each[1].assign.lineno))


def uses(cls: ast.ClassDef, forward: Function, kind: str = "") -> Iterator[Use]:
    """Yield what ``forward`` applies, in the order of the text."""
    yield from (use for use in _uses(cls, forward) if kind in {"", use.kind})


@cache
def _uses(cls: ast.ClassDef, forward: Function) -> tuple[Use, ...]:
    calls = [node for node in ast.walk(forward) if isinstance(node, ast.Call) and node.args]
    calls.sort(key=lambda each: (each.end_lineno or 0, each.end_col_offset or 0))
    return tuple(use for call in calls if (use := _use(call, layers(cls))))


def _use(call: ast.Call, built: dict[str, Layer]) -> Use | None:
    match call.func:
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            kind = built[name].kind if name in built else ""
            return Use(kind, name, call, call.args[0])
        case ast.Attribute(value=ast.Name(id="F" | "torch" | "nn"), attr=name) if name[0].islower():
            return Use(kind_of(call.func), name, call, call.args[0])
        case ast.Call(func=made):
            return Use(kind_of(made), "", call, call.args[0])
    return None


def sums(forward: Function) -> Iterator[Sum]:
    """Yield the residual sums of ``forward``: tensors added to tensors, the last one first."""
    found = []
    for node in ast.walk(forward):
        match node:
            case ast.BinOp(op=ast.Add(), left=left, right=right) if _tensor(left) and _tensor(right):
                found.append(_sum(node, left, right, forward))
            case ast.AugAssign(op=ast.Add(), target=ast.Name() as left, value=right) if _tensor(right):
                found.append(_sum(node, left, right, forward))
            case ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr="add"), args=[left, right]):
                found.append(_sum(node, left, right, forward))
    yield from sorted(found, key=lambda each: -each.node.lineno)


def image_of(forward: Function) -> str:
    """Return the name that ``forward`` gives to its input."""
    return forward.args.args[1].arg if len(forward.args.args) > 1 else "x"


def _sum(node: ast.BinOp | ast.AugAssign | ast.Call, left: ast.expr, right: ast.expr, forward: Function) -> Sum:
    image = image_of(forward)

    def short(value: ast.expr) -> bool:
        text = ast.unparse(value)
        return text == image or bool(SHORTCUT.search(text))

    if not isinstance(node, ast.AugAssign) and short(left) and not short(right):
        return Sum(node, right, left)
    return Sum(node, left, right)


def _tensor(value: ast.expr) -> bool:
    """Return whether an operand of a sum can be a tensor: a name, or something applied."""
    return isinstance(value, ast.Name) or (
        isinstance(value, ast.Call) and not re.search(r"size|shape|len|int|range|str", ast.unparse(value.func))
    )


class Block(NamedTuple):
    """A residual block: its class, and the sum of its ``forward``."""

    cls: ast.ClassDef
    init: Function
    forward: Function
    sum: Sum


@cache
def blocks(subject: Subject) -> tuple[Block, ...]:
    """Return the classes that add a shortcut to what they compute with convolutions."""
    return tuple(_blocks(subject))


def _blocks(subject: Subject) -> Iterator[Block]:
    for cls, init, forward in modules(subject):
        added = next(sums(forward), None)
        calls = [kind_of(node.func) for node in ast.walk(cls) if isinstance(node, ast.Call)]
        if init and added and ("conv" in calls or any(use.kind == "conv" for use in uses(cls, forward))):
            yield Block(cls, init, forward, added)


@cache
def networks(subject: Subject) -> tuple[tuple[ast.ClassDef, Function, Function], ...]:
    """Return the classes that end in a classifier and are no blocks."""
    return tuple(_networks(subject))


def _networks(subject: Subject) -> Iterator[tuple[ast.ClassDef, Function, Function]]:
    inner = {block.cls for block in blocks(subject)}
    for cls, init, forward in modules(subject):
        if (
            init
            and cls not in inner
            and len(layers(cls)) > 2
            and any(each.kind == "linear" for each in layers(cls).values())
            and any(each.kind in {"conv", "sequential"} for each in layers(cls).values())
        ):
            yield cls, init, forward


def calls(subject: Subject, kind: str, under: ast.AST | None = None) -> Iterator[ast.Call]:
    """Yield the calls that make layers of a kind with torch's own names (``nn.Conv2d``)."""
    for node in subject.nodes(ast.Call, under=under):
        name = ast.unparse(node.func).rpartition(".")[2]
        if kind_of(node.func) == kind and name[0].isupper():
            yield node


def argument(call: ast.Call, position: int, name: str) -> ast.expr | None:
    """Return an argument by its position or name."""
    named = {each.arg: each.value for each in call.keywords}
    if name in named:
        return named[name]
    return call.args[position] if position < len(call.args) else None


def number(value: ast.expr | None) -> int | None:
    """Return the integer that an expression is, None for anything else."""
    return value.value if isinstance(value, ast.Constant) and type(value.value) is int else None


def stages(subject: Subject) -> Iterator[list[ast.Call]]:
    """Yield the calls that make the stages of a network, in order: three or more of one function in one body."""
    for cls in subject.nodes(ast.ClassDef):
        by_name: dict[str, list[ast.Call]] = {}
        for node in subject.nodes(ast.Assign, under=cls):
            match node:
                case ast.Assign(targets=[ast.Attribute()], value=ast.Call() as call):
                    stage = call
                    if kind_of(call.func) == "sequential" and len(call.args) == 1:
                        inner = call.args[0].value if isinstance(call.args[0], ast.Starred) else call.args[0]
                        stage = inner if isinstance(inner, ast.Call) else call
                    name = ast.unparse(stage.func)
                    if not kind_of(stage.func) and len(stage.args) > 2:
                        by_name.setdefault(name, []).append(stage)
        yield from (found for found in by_name.values() if len(found) > 2)


@cache
def block_calls(subject: Subject) -> tuple[ast.Call, ...]:
    """Return the calls that make one block: of a class of the file that is one, or of a parameter ``block``."""
    return tuple(_block_calls(subject))


def _block_calls(subject: Subject) -> Iterator[ast.Call]:
    names = {block.cls.name for block in blocks(subject)}
    for node in subject.nodes(ast.Call):
        match node:
            case ast.Call(func=ast.Name(id=name), args=[_, _, *_]) if name in names or re.fullmatch("block|unit", name):
                yield node


LISTS = {
    "18": (2, 2, 2, 2),
    "34": (3, 4, 6, 3),
    "50": (3, 4, 6, 3),
    "101": (3, 4, 23, 3),
    "152": (3, 8, 36, 3),
    "200": (3, 24, 36, 3),
}
"""The blocks of the published networks for ImageNet by the number in their name."""


def block_lists(subject: Subject) -> Iterator[ast.List | ast.Tuple]:
    """Yield the lists of blocks of a published network that stand beside its number."""
    for node in subject.nodes(ast.List, ast.Tuple):
        values = tuple(number(each) for each in node.elts)
        claimed = subject.lines[node.lineno - 1]
        function = subject.function(node)
        if function is not None:
            claimed += function.name
        if any(
            values == LISTS[depth]
            for depth in re.findall(r"(?i)res\w*?[\w-]*?(\d{2,3})(?!\d)", claimed)
            if depth in LISTS
        ):
            yield node


@cache
def claims_network(subject: Subject) -> bool:
    """Return whether the file has such a list, or names a network of CIFAR and its depth."""
    return any(block_lists(subject)) or bool(
        re.search(r"def (pre|wide_?|wrn)?_?resnet_?(20|32|44|56|110|164)\b", subject.text)
    )
