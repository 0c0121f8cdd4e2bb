"""A norm that starts at zero blocks the main path: only the last norm of a residual branch may.

## What it checks
Whether the code fills the weight of a norm with zero although its output is not what a residual sum adds to something
else: the norm of the stem, the first norm of a branch, one with a ReLU behind it, or all norms at once.

## Why it matters
Starting the last norm of each branch at zero makes each block an identity, which helps training. Any other norm at zero
hands on nothing: its output is the same for every image, ReLU passes no gradient at zero, and the layers before it do
not learn.

## Bad
    for m in self.modules():
        if isinstance(m, nn.BatchNorm2d):
            nn.init.constant_(m.weight, 0)

## Good
    for m in self.modules():
        if isinstance(m, BasicBlock):
            nn.init.constant_(m.bn2.weight, 0)

## How to fix
Start the norms at one, their default, and only the last norm of each branch at zero.

## Source
Goyal et al., "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour" (2017), section 5.1.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.finding import Finding, related
from resnet_check.graph.records import Model, Op, Site
from resnet_check.rules._places import places
from resnet_check.rules._training import runnable, title, training_ops
from resnet_check.rules.base import FileContext, Reporter, rule

NORMS = frozenset({"batch_norm", "group_norm", "layer_norm", "instance_norm", "rms_norm"})
PASSING = frozenset(
    "mul div dropout identity view reshape flatten permute transpose squeeze unsqueeze getitem write clone expand"
    " avg_pool adaptive_avg_pool interpolate pad neg silu gelu leaky_relu elu celu mish".split()
)
"""Operators that hand a zero on, and a gradient back."""

BLOCKING = frozenset("relu relu6 max_pool adaptive_max_pool hardswish hardtanh mean sum".split())
"""Operators that hand a zero on, of which ReLU and its like give no gradient back."""


@rule("RC509", "zero-init", "warning")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield the initialisations that start a norm at zero where that blocks the path."""
    for model in runnable(context):
        ops = training_ops(model)
        zero = zeros(model, ops)
        started = [(op, meets(ops, op, zero)) for op in ops if starts_at_zero(model, op)]
        useful = {fill_of(model, op) for op, met in started if met == "a value"}
        blocked = any(met == "nothing" for _, met in started)
        for op, met in started:
            layer, site = model.layer(op), fill_of(model, op)
            if layer is None or met == "a value" or (met == "zero" and (blocked or site in useful)):
                continue
            node = places(context).at(site, ast.Call, ast.Assign)
            text = places(context).segment(node) if node is not None else "this"
            if site.path != context.source.path:
                continue
            yield report(
                site,
                f"`{text}` starts {title(model, op)} `{layer.path}` at zero, and that is not the last norm of a branch:"
                " it hands on nothing, and the layers before it do not learn",
                label="blocks the path",
                help="start norms at one, and only the last norm of each residual branch at zero",
                model=model,
                module=layer.path,
                related=(related(layer.built, f"`{layer.path}` is built here"),),
            )


def starts_at_zero(model: Model, op: Op) -> bool:
    """Return whether an Op is a norm whose weight is filled with zero."""
    layer = model.layer(op)
    return layer is not None and op.kind in NORMS and "weight" in layer.initial and layer.initial["weight"][0] == 0


def fill_of(model: Model, op: Op) -> Site:
    """Return the place that filled the weight of a norm, whoever called it."""
    return model.modules[op.layer or 0].initial["weight"][1]._replace(caller=None)


def zeros(model: Model, ops: list[Op]) -> list[bool]:
    """Return for each Op whether its output is zero everywhere before the first step of training."""
    found: list[bool] = []
    for op in ops:
        inputs = [found[i] for i in op.inputs]
        layer = model.layer(op)
        plain = layer is not None and ("bias" not in layer.parameters or layer.initial.get("bias", (None,))[0] == 0)
        if op.kind in NORMS:
            by_default = layer is not None and "bias" not in layer.initial
            found.append((starts_at_zero(model, op) or any(inputs[:1])) and (plain or by_default))
        elif op.kind in {"conv", "linear"}:
            found.append(plain and any(inputs[:1]))
        elif op.kind in {"add", "sub", "cat"}:
            found.append(len(inputs) > 1 and all(inputs))
        elif op.kind == "mul":
            found.append(any(inputs))
        else:
            found.append(op.kind in PASSING | BLOCKING and any(inputs[:1]))
    return found


def meets(ops: list[Op], norm: Op, zero: list[bool]) -> str:
    """Return what the output of a norm is added to, with a way back for gradients: a value, only zero, or nothing."""
    carried, found = {norm.index}, "nothing"
    for op in ops[norm.index + 1 :]:
        if not carried.intersection(op.inputs):
            continue
        if op.kind in {"add", "sub"}:
            others = [zero[index] for index in op.inputs if index not in carried]
            if not all(others):
                return "a value"
            found = "zero" if others else found
        if op.kind in PASSING or op.kind in {"add", "sub", "conv", "linear"}:
            carried.add(op.index)  # the weights of a convolution are not zero, so a gradient comes back through it
    return found


BAD = (
    """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, x):
        out = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(out)) + x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.blocks = nn.Sequential(Block(8), Block(8))
        self.fc = nn.Linear(8, 10)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, nn.BatchNorm2d):
                nn.init.constant_(m.weight, 0)  # <- zero-init
                nn.init.constant_(m.bias, 0)

    def forward(self, x):
        x = self.blocks(torch.relu(self.bn1(self.conv1(x))))
        return self.fc(x.mean((2, 3)))
""",
    """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.bn1.weight.data.zero_()  # <- zero-init

    def forward(self, x):
        out = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(out)) + x)


def init(m):
    if isinstance(m, nn.GroupNorm):
        m.weight.data.fill_(0)  # <- zero-init


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.GroupNorm(2, 8), nn.ReLU())
        self.blocks = nn.Sequential(Block(8), Block(8))
        self.apply(init)

    def forward(self, x):
        return self.blocks(self.stem(x))
""",
    """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, width, out):
        super().__init__()
        self.conv1 = nn.Conv2d(width, out, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        nn.init.zeros_(self.bn2.weight)
        self.shortcut = nn.Sequential()
        if width != out:
            self.shortcut = nn.Sequential(nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out))
            nn.init.zeros_(self.shortcut[1].weight)  # <- zero-init

    def forward(self, x):
        out = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 8, 3), nn.ReLU(), Block(8, 8), Block(8, 16), Block(16, 16))
""",
)

GOOD = (
    """
import torch
from torch import nn


class Squeeze(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc = nn.Conv2d(width, width, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.fc(x.mean((2, 3), keepdim=True)))


class Block(nn.Module):
    def __init__(self, width, out, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(width, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.squeeze = Squeeze(out)
        self.drop = nn.Dropout2d(0.1)
        self.shortcut = nn.Sequential()
        if stride != 1 or width != out:
            self.shortcut = nn.Sequential(nn.Conv2d(width, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        out = torch.relu(self.bn1(self.conv1(x)))
        out = self.drop(self.squeeze(self.bn2(self.conv2(out))))
        out += self.shortcut(x)
        return torch.relu(out)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.blocks = nn.Sequential(Block(8, 8), Block(8, 16, 2))
        for m in self.modules():
            if isinstance(m, nn.BatchNorm2d):
                nn.init.ones_(m.weight)
                nn.init.zeros_(m.bias)
        for m in self.modules():
            if isinstance(m, Block):
                nn.init.zeros_(m.bn2.weight)

    def forward(self, x):
        return self.blocks(self.stem(x))
""",
)
