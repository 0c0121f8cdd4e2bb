"""A residual block does not add its input: the addition is missing, or adds the wrong tensor.

## What it checks
Sums of a tensor with itself; sums in which the shortcut occurs twice; shortcuts that begin inside the block, behind its
first convolution; shortcuts that forward prepares (`identity = x`) and never adds; and classes that call themselves
residual and are a plain chain.

## Why it matters
Without the addition of its input, a block has to learn everything anew and the gradient has only the way through the
layers: the network is a plain one, which the paper shows to get worse with depth. It still runs and trains.

## Bad
    out = self.bn2(self.conv2(out))
    out += out

## Good
    out = self.bn2(self.conv2(out))
    out += x

## How to fix
Keep the input of the block under a name of its own, and add it to the output of the branch, once.

## Source
He et al., Deep Residual Learning for Image Recognition, 2015, section 3.1: H(x) = F(x) + x.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from resnet_check.anatomy import Anatomy
from resnet_check.anatomy.blocks import Block, Sum, sizes
from resnet_check.anatomy.flow import START
from resnet_check.anatomy.owners import owner, same_frame, written
from resnet_check.anatomy.plain import Plain, idle_projections, plain_modules
from resnet_check.finding import Finding, related
from resnet_check.graph.records import ModuleRecord, Site
from resnet_check.rules._networks import networks
from resnet_check.rules._places import Function, Places, inside, methods, name_of, places
from resnet_check.rules._stores import unread_names
from resnet_check.rules.base import FileContext, Reporter, rule

RESIDUAL = re.compile(r"residual|res_?(net|block|unit|layer)", re.IGNORECASE)
"""A name that claims a residual block."""


@rule("RC305", "missing-shortcut", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report blocks that do not add their input."""
    for net in networks(context):
        for added in net.sums:
            said = wrong_sum(places(context), net, added)
            if said is not None:
                op = net.model.ops[added.last]
                yield report(op.site, said[0], label=said[1], help=said[2], model=net.model, module=op.path)
        for block in net.blocks:
            if begins_inside(net, block):
                op = net.model.ops[block.sum]
                yield report(
                    op.site,
                    f"the shortcut adds the output of `{net.model.ops[block.start].path}`, not the input of the block",
                    label="adds what the first layer made of the input",
                    help="keep the input under a name of its own before the first layer, and add that",
                    model=net.model,
                    module=op.path,
                    related=(related(net.model.ops[block.start].site, "this is what is added"),),
                )
        yield from without_sum(report, places(context), net)


def in_one_run(found: Places, net: Anatomy, added: Sum) -> bool:
    """Return whether one run of one function makes all additions of a sum, not a loop over the operands."""
    sites = [net.model.ops[op].site for op in added.ops]
    return all(same_frame(site, sites[0]) and not in_loop(found, site) for site in sites)


def in_loop(found: Places, site: Site) -> bool:
    """Return whether a place stands in a loop; so does one that is not in the file."""
    node = found.at(site, ast.expr, ast.stmt)
    return node is None or any(
        isinstance(around, (ast.For, ast.While, ast.comprehension)) for around in found.around(node)
    )


def wrong_sum(found: Places, net: Anatomy, added: Sum) -> tuple[str, str, str] | None:
    """Return message, label and help for a sum that holds one operand twice."""
    ends = [path.ops for path in added.paths]
    double = next((ops for ops in ends if ends.count(ops) > 1), None)
    if double is None or not any(net.flow.letter(op) in "cd" for op in net.flow.region(START, added.last)):
        return None
    if len(ends) > 2 and len(set(ends)) > 1 and in_one_run(found, net, added):
        what = "the input of the block" if not double else "the shortcut"
        return f"this adds {what} a second time", "added twice", "add it once"
    if len(ends) == 2 and double == () and owns_convolution(net, added):
        layer = net.model.ops[added.start].path.rpartition(".")[2]
        name = f" (the output of `{layer}`)" if layer else ""
        return (
            f"this adds a tensor to itself{name}, which only doubles it: nothing is added to the branch",
            "both operands are one tensor",
            "add the input of the block, kept under a name of its own: `out + identity`",
        )
    return None


def owns_convolution(net: Anatomy, added: Sum) -> bool:
    """Return whether the module that adds has convolutions of its own: then it is a block."""
    mine = owner(net.model, net.model.ops[added.last])
    return mine is not None and any(
        net.flow.letter(op.index) in "cd" and owner(net.model, op) is mine for op in net.model.ops[: added.last]
    )


def begins_inside(net: Anatomy, block: Block) -> bool:
    """Return whether a block of the original style adds a raw or normalised output of its own first convolution."""
    flow, ops = net.flow, net.model.ops
    chain = flow.letter(block.start) + block.branch.letters
    if not block.is_identity or not block.then.startswith("a") or not re.fullmatch(r"(cn|n)(ac?n?)*(acn)", chain):
        return False
    mine = owner(net.model, ops[block.sum])
    conv = block.start if chain[0] == "c" else flow.gates[block.start]
    if mine is None or not mine.path or conv < 0 or flow.letter(conv) != "c" or owner(net.model, ops[conv]) is not mine:
        return False
    before = flow.gates[conv]
    return before != START and sizes(ops[before].shape) == sizes(ops[block.sum].shape)


def without_sum(report: Reporter, found: Places, net: Anatomy) -> Iterator[Finding]:
    """Report modules that prepare a shortcut and do not add it, or that claim to be residual."""
    chains = plain_modules(net)
    idle = idle_projections(net, chains)
    for one in chains:
        forward = forward_of(found, one.module)
        if forward is None:
            continue
        prepared = shortcut_names(found, forward) or idle_shortcut(idle, one)
        if not prepared and not claims(found, net, one):
            continue
        last = net.model.ops[one.chain.ops[-1]]
        site = written(net.model, last) if one.chain.letters.endswith("a") else leaving(found, forward) or last.site
        kind = one.module.type
        if prepared:
            name, place = prepared
            message = f"`{name}` is never added: `{kind}` returns its branch alone"
            more = [related(place, "the shortcut is prepared here")]
            help_ = f"add it to the output of the branch: `out = out + {name}`"
        else:
            message = f"`{kind}` never adds its input: it is a plain chain of {len(one.chain.convs)} convolutions"
            more, help_ = [], "keep the input and add it to the output of the branch: `out = out + x`"
        yield report(
            site,
            message,
            label="the addition is missing",
            help=help_,
            model=net.model,
            module=one.module.path,
            related=tuple(more),
        )


def forward_of(found: Places, module: ModuleRecord) -> Function | None:
    """Return the forward method of a module's class."""
    cls = found.class_at(module.class_path, module.class_line)
    return None if cls is None else methods(cls).get("forward")


def idle_shortcut(idle: dict[int, ModuleRecord], one: Plain) -> tuple[str, Site] | None:
    """Return the projection that a class registers and never calls, as forward would write it."""
    child = idle.get(one.module.class_line)
    return None if child is None else (f"self.{child.path.rpartition('.')[2]}(x)", child.built)


def shortcut_names(found: Places, forward: Function) -> tuple[str, Site] | None:
    """Return a variable that is set to forward's argument, or to what a layer makes of it, and never read."""
    parameters = [a.arg for a in forward.args.args][1:2]
    for name, assignments in unread_names(forward).items():
        for statement in assignments:
            value = statement.value
            arms = (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,)
            values = [arg for arm in arms for arg in (arm.args if isinstance(arm, ast.Call) else [arm])]
            if any(isinstance(arg, ast.Name) and arg.id in parameters for arg in values):
                return name, found.source.site(statement)
    return None


def claims(found: Places, net: Anatomy, one: Plain) -> bool:
    """Return whether a class calls itself residual, keeps the shape, and adds nothing under any condition."""
    ops, cls = net.model.ops, found.class_at(one.module.class_path, one.module.class_line)
    same = sizes(ops[one.start].shape) == sizes(ops[one.chain.ops[-1]].shape)
    if not same or cls is None or RESIDUAL.search(cls.name) is None:
        return False
    nodes = [node for method in methods(cls).values() if method.name != "__init__" for node in ast.walk(method)]
    return not any(
        isinstance(node, ast.Add) or name_of(node) in {"add", "add_", "sum", "stack", "cat"} for node in nodes
    )


def leaving(found: Places, forward: Function) -> Site | None:
    """Return the last return of a function."""
    returns = [n for n in inside(forward) if isinstance(n, ast.Return)]
    return found.source.site(max(returns, key=lambda node: node.lineno)) if returns else None


_NET = """
import torch
import torch.nn as nn
import torch.nn.functional as F


class ResBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1 = nn.Conv2d(c, c, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(c)
        self.conv2 = nn.Conv2d(c, c, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(c)

    def forward(self, x):
        {first}
        out = self.bn2(self.conv2(out))
        {added}
        return {result}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.body = nn.Sequential(ResBlock(8), ResBlock(8))
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        return self.fc(self.body(self.stem(x)).mean([2, 3]))
"""
_RIGHT = {"first": "out = F.relu(self.bn1(self.conv1(x)))", "added": "out += x", "result": "F.relu(out)"}

_IDLE = """
import torch
from torch import nn


class Unit(nn.Module):
    def __init__(self, i, o, s=1):
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(i, o, 3, s, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(),
            nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o))
        self.short = nn.Sequential(nn.Conv2d(i, o, 1, s, bias=False), nn.BatchNorm2d(o))  # <- unused-layer

    def forward(self, x):
        return torch.relu(self.branch(x))  # <- missing-shortcut


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.body = nn.Sequential(Unit(8, 16, 2), Unit(16, 32, 2))
        self.fc = nn.Linear(32, 10)

    def forward(self, x):
        return self.fc(self.body(self.stem(x)).mean((2, 3)))
"""

BAD = (
    _IDLE,
    _NET.format_map(_RIGHT | {"added": "out += out  # <- missing-shortcut"}),
    _NET.format_map(_RIGHT | {"added": "out += x", "result": "F.relu(out + x)  # <- missing-shortcut"}),
    _NET.format_map(_RIGHT | {"added": "", "result": "F.relu(out)  # <- missing-shortcut"}),
    _NET.format_map(
        _RIGHT
        | {
            "first": "identity = x\n        out = F.relu(self.bn1(self.conv1(x)))",
            "added": "out = F.relu(out)  # <- missing-shortcut",
            "result": "out",
        }
    ).replace("ResBlock", "Unit"),
    _NET.format_map(
        _RIGHT
        | {
            "first": "x = self.conv1(x)\n        out = F.relu(self.bn1(x))",
            "added": "out += x  # <- missing-shortcut",
        }
    ),
)

GOOD = (
    _NET.format_map(_RIGHT),
    # The block is only the branch: its caller adds.
    _NET.format_map(_RIGHT | {"added": "", "result": "out"}).replace(
        "self.fc(self.body(self.stem(x)).mean([2, 3]))",
        "self.fc(self.add(self.stem(x)).mean([2, 3]))\n\n"
        "    def add(self, x):\n"
        "        return x + self.body[0](x) + self.body[1](x)",
    ),
    # A plain network that does not claim to be another.
    _NET.format_map(_RIGHT | {"added": "", "result": "F.relu(out)"}).replace("ResBlock", "Double"),
    # A tensor is doubled on purpose.
    """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.pool = nn.Conv2d(3, 8, 3), Doubled()

    def forward(self, x):
        return self.pool(torch.relu(self.stem(x)))


class Doubled(nn.Module):
    def forward(self, x):
        x = x.mean((2, 3))
        return x + x
""",
)
