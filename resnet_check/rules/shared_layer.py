"""One layer or block object is used in two places of the network, so they share their weights.

## What it checks
Lists that hold one block object several times (`[Block(c)] * n`, or a block that is built once and appended in a loop),
and a convolution, batch norm or block that forward applies twice in a row on two lines. Sharing that is meant is left
alone: a loop over one layer, a head on several levels of a pyramid, the two views of a siamese network, activations
and pools, and every class whose comments or names speak of sharing or recursion. Where the layer that should have been
called is there and unused, the rule `unused-layer` says so instead.

## Why it matters
The network has the weights of one block where it should have those of several, and a batch norm that sees two different
distributions keeps statistics that fit neither. Nothing crashes; only the number of parameters tells.

## Bad
    self.blocks = nn.Sequential(*[Block(64)] * 3)

## Good
    self.blocks = nn.Sequential(*[Block(64) for _ in range(3)])

## How to fix
Build a new layer for each place.

## Source
The documentation of Python, "Common Sequence Operations": items in a repeated sequence are not copied.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from resnet_check.anatomy import Anatomy
from resnet_check.anatomy.blocks import sizes
from resnet_check.anatomy.flow import START
from resnet_check.anatomy.owners import enclosing, is_inside, key, same_frame
from resnet_check.finding import Finding, related
from resnet_check.graph.records import Model, ModuleRecord, Op, Site
from resnet_check.rules._modules import below
from resnet_check.rules._networks import networks
from resnet_check.rules._places import Places, inside, name_of, places
from resnet_check.rules.base import FileContext, Reporter, rule

MEANT = re.compile(
    r"shar(e|es|ed|ing)\b|\bshared|\btied?\b|\btying\b|recurr|recurs|\bre-?us(e|es|ed|ing)\b|same weights|siamese",
    re.IGNORECASE,
)
"""Words of an author who shares weights on purpose."""

NETWORKS = re.compile(r"ladder_?net|shelf_?net|drrn|drcn|r2u_?net|cor_?net", re.IGNORECASE)
"""Published networks whose blocks apply one convolution twice."""

LOOPS = (ast.For, ast.While, ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp, ast.Lambda)


@rule("RC307", "shared-layer", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report modules that stand in two places by accident."""
    found = places(context)
    for net in networks(context):
        model = net.model
        for record in model.modules:
            if len(record.calls) < 2 or not has_weights(model, record):
                continue
            kind, count = record.type.rpartition(".")[2], repeated(model, record)
            if count > 1:
                site = repetition(found, record)
                if not is_meant(found, site) and not is_meant(found, record.built):
                    yield report(
                        site,
                        f"one `{kind}` object stands in {count} places that share its weights",
                        label="the same object several times",
                        help="build a new one for each place, as in `[Block(...) for _ in range(n)]`",
                        model=model,
                        module=record.path,
                        related=tuple(
                            related(use, "put into the network here, each time") for use in uses(found, site)
                        ),
                    )
                continue
            for first, second in twice(net, found, record):
                name = record.path.rpartition(".")[2]
                yield report(
                    second,
                    f"`{name}` is applied again to what came from its first call: two layers share one set of weights",
                    label="called again here",
                    help=f"build another layer beside `{name}` and call that one here",
                    model=model,
                    module=record.path,
                    related=(related(first, "called here first"), related(record.built, "built once")),
                )


def has_weights(model: Model, record: ModuleRecord) -> bool:
    """Return whether a module is or holds a convolution, or is a batch norm: what nobody shares by habit."""
    if record.type.startswith("torch.nn.BatchNorm"):
        return True
    return any(r.type.startswith("torch.nn.Conv") and "weight" in r.parameters for r in below(model, record))


def repeated(model: Model, record: ModuleRecord) -> int:
    """Return how often a container holds a module, as far as it was called for each place."""
    parents = {path.rpartition(".")[0] for path in (record.path, *record.also)}
    parent = None if record.parent is None else model.modules[record.parent]
    if not record.also or len(parents) != 1 or parent is None or len(record.calls) < 2:
        return 1
    ancestry = (parent.type, *parent.bases)
    listed = "torch.nn.Sequential" in ancestry or "torch.nn.ModuleList" in ancestry
    return 1 + len(record.also) if listed else 1


def repetition(found: Places, record: ModuleRecord) -> Site:
    """Return the expression that repeats an object, ``[x] * n`` or ``[x for _ in ...]``; else where it is built."""
    built = [site for site in (record.built, *record.built.calls) if site.path == found.source.path]
    multiplied = [(n, found.source.site(n)) for n in found.nodes if isinstance(n, ast.BinOp) and is_list_times(n)]
    for site in built:
        inside = [place for _, place in multiplied if contains(place, site)]
        if inside:
            return inside[0]
    function = None if not built else found.function_around(built[0])
    for node in ast.walk(function) if function is not None else ():
        if (isinstance(node, ast.BinOp) and is_list_times(node)) or is_same_each_time(node):
            return found.source.site(node)
    return record.built


def uses(found: Places, built: Site) -> list[Site]:
    """Return the calls in a loop that are given the variable to which an object is assigned before it."""
    function = found.function_around(built)
    if function is None:
        return []
    statements = [
        s for s in inside(function) if isinstance(s, ast.Assign) and s.lineno <= built.line <= (s.end_lineno or 0)
    ]
    names = {name_of(target) for s in statements for target in s.targets}
    loops = [n for n in inside(function) if isinstance(n, (ast.For, ast.While)) and n.lineno > built.line]
    calls = [
        n for loop in loops for n in ast.walk(loop) if isinstance(n, ast.Call) and {name_of(a) for a in n.args} & names
    ]
    return [found.source.site(call) for call in calls if names != {""}]


def is_list_times(node: ast.BinOp) -> bool:
    """Return whether an expression is ``[...] * n``."""
    return isinstance(node.op, ast.Mult) and any(
        isinstance(side, (ast.List, ast.Tuple)) for side in (node.left, node.right)
    )


def is_same_each_time(node: ast.AST) -> bool:
    """Return whether an expression is ``[x for _ in ...]`` with an ``x`` that the loop does not make."""
    if not isinstance(node, (ast.ListComp, ast.GeneratorExp)) or not isinstance(node.elt, ast.Name):
        return False
    bound = {n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
    return node.elt.id not in bound


def contains(outer: Site, inner: Site) -> bool:
    """Return whether one place lies within another."""
    start, end = (outer.line, outer.column), (outer.end_line, outer.end_column)
    return start <= (inner.line, inner.column) and (inner.end_line, inner.end_column) <= end


def is_meant(found: Places, site: Site) -> bool:
    """Return whether the class or function around a place speaks of sharing, or the file holds a network that does so."""
    if site.path != found.source.path or NETWORKS.search(found.source.text):
        return site.path == found.source.path
    around = [n for n in (*found.classes, *found.functions) if n.lineno <= site.line <= (n.end_lineno or n.lineno)]
    outermost = min(around, key=lambda node: node.lineno, default=None)
    first, last = (site.line, site.line) if outermost is None else (outermost.lineno, outermost.end_lineno or site.line)
    text = "\n".join(found.source.lines[max(first - 3, 0) : last])
    return MEANT.search(text.replace("shared-layer", "")) is not None


def twice(net: Anatomy, found: Places, record: ModuleRecord) -> Iterator[tuple[Site, Site]]:
    """Yield pairs of calls of a module in one run of one function, the second of which depends on the first alone.

    Of several on one line, as in ``f(f(f(x)))``, there is one.
    """
    if len({key(site) for site in record.calls}) < 2 or (unused_twin(net.model, record) and not net.model.trial):
        return
    lines: set[tuple[str, int]] = set()
    for first, second in zip(record.calls, record.calls[1:], strict=False):
        if key(first) == key(second) or not same_frame(first, second) or (second.path, second.line) in lines:
            continue
        if in_loop(found, first) or in_loop(found, second) or is_meant(found, second):
            continue
        before, after = ops_of(net.model, record, first), ops_of(net.model, record, second)
        alike = before and after and sizes(before[-1].shape) == sizes(after[-1].shape)
        if alike and before[-1].index in net.flow.path(START, after[0].index):
            lines.add((second.path, second.line))
            yield first, second


def ops_of(model: Model, record: ModuleRecord, call: Site) -> list[Op]:
    """Return the Ops of one call of a module."""
    mine = (op for op in model.ops if is_inside(op.path, record.path))
    return [op for op in mine if any(same_call(site, call) for site in (op.site, *op.site.calls))]


def same_call(site: Site, call: Site) -> bool:
    """Return whether a place is the given call in the same run of its function."""
    return key(site) == key(call) and site.caller == call.caller


def in_loop(found: Places, site: Site) -> bool:
    """Return whether a place stands in a loop, where calling one layer again is the point; so does one not found."""
    node = found.at(site, ast.Call)
    return node is None or any(isinstance(around, LOOPS) for around in found.around(node))


def unused_twin(model: Model, record: ModuleRecord) -> bool:
    """Return whether the module beside this one that should have been called is there, and nobody calls it."""
    home = enclosing(model, record)
    return any(
        not other.reached and other.registered and other.type == record.type and enclosing(model, other) is home
        for other in model.modules
    )


_BLOCKS = """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.branch = nn.Sequential(nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c))

    def forward(self, x):
        return torch.relu(x + self.branch(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        {block}
        layers = {layers}
        self.body = nn.Sequential(*layers)

    def forward(self, x):
        return self.body(self.stem(x)).mean((2, 3))
"""

_CALLS = """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1 = nn.Conv2d(c, c, 3, padding=1)
        self.conv2 = nn.Conv2d(c, c, 3, padding=1)
        self.norm1, self.norm2 = nn.BatchNorm2d(c), nn.BatchNorm2d(c)

    def forward(self, x):
        y = torch.relu({first})
        y = {second}
        return torch.relu(x + y)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
        self.one, self.two = Block(8), Block(8)
        self.head = nn.Conv2d(8, 1, 1)

    def forward(self, x):
        x = self.one(self.stem(x))
        {third}
        return self.head(x), self.head(nn.functional.max_pool2d(x, 2))
"""
_RIGHT = {
    "first": "self.norm1(self.conv1(x))",
    "second": "self.norm2(self.conv2(y))",
    "third": "x = self.two(x)",
}


def _without(text: str, *lines: str) -> str:
    for line in lines:
        text = text.replace(line, "")
    return text


BAD = (
    _BLOCKS.format(block="", layers="[Block(8)] * 3  # <- shared-layer"),
    _BLOCKS.format(block="block = Block(8)", layers="[block for _ in range(3)]  # <- shared-layer"),
    _without(
        _CALLS.format_map(_RIGHT | {"second": "self.norm2(self.conv1(y))  # <- shared-layer"}),
        "        self.conv2 = nn.Conv2d(c, c, 3, padding=1)\n",
    ),
    _without(
        _CALLS.format_map(_RIGHT | {"second": "self.norm1(self.conv2(y))  # <- shared-layer"}),
        ", self.norm2",
        ", nn.BatchNorm2d(c)",
    ),
    _without(
        _CALLS.format_map(_RIGHT | {"third": "x = self.one(x)  # <- shared-layer"}).replace(
            "self.one, self.two", "self.one"
        ),
        ", Block(8)",
    ),
)

GOOD = (
    _CALLS.format_map(_RIGHT),
    _BLOCKS.format(block="", layers="[Block(8) for _ in range(3)]"),
    # A list of one, and a network that is recurrent on purpose.
    _BLOCKS.format(block="", layers="[Block(8)] * 1"),
    _BLOCKS.format(block="", layers="[Block(8)] * 3  # the weights are shared on purpose"),
    """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.conv = nn.Conv2d(8, 8, 3, padding=1)
        self.mlp = nn.Sequential(nn.Conv2d(8, 2, 1), nn.ReLU(), nn.Conv2d(2, 8, 1))

    def features(self, x):
        x = self.stem(x)
        for _ in range(3):
            x = x + torch.relu(self.conv(x))
        pooled = self.mlp(x.mean((2, 3), keepdim=True)) + self.mlp(x.amax((2, 3), keepdim=True))
        return x * torch.sigmoid(pooled)

    def forward(self, x):
        left = self.features(x)
        right = self.features(x.flip(-1))
        return (left - right).abs().mean((2, 3))
""",
)
