"""Dropout stays on when the model is evaluated.

## What it checks
Whether `forward` calls `F.dropout` (or `F.dropout2d`, ...) without `training=`, or a dropout layer that `model.eval()`
does not reach because it is built in `forward` or kept in a plain list. `training=True`, written out, is taken as
meant: Monte-Carlo dropout.

## Why it matters
The default of `F.dropout` is `training=True`, whatever the mode of the model, and a layer that was just built is in
training mode. Predictions are random, and measured accuracy is too low.

## Bad
    x = F.dropout(x, 0.5)

## Good
    x = F.dropout(x, 0.5, training=self.training)

## How to fix
Pass `training=self.training`, or build `nn.Dropout` in `__init__` and call it in `forward`.

## Source
The PyTorch documentation, `torch.nn.functional.dropout`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from resnet_check.finding import Finding, Fix, related
from resnet_check.graph.records import Model, ModuleRecord, Op
from resnet_check.rules._places import Places, name_of, places, self_name
from resnet_check.rules.base import FileContext, Reporter, rule

KINDS = frozenset({"dropout", "alpha_dropout", "feature_alpha_dropout"})
NAMED = (ast.FunctionDef, ast.ClassDef)
SAMPLING = re.compile(r"(^|_)mc(_|$)|^MC|monte|uncertain|bayes|sampl|stochastic", re.IGNORECASE)
"""Names of functions and classes in which dropout is meant to stay on."""


@rule("RC503", "dropout-always-on", "warning")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield the dropouts that do not follow the mode of the model."""
    for model in context.models:
        for op in model.ops:
            if op.kind not in KINDS or op.attributes.get("p") == 0:
                continue
            layer = model.layer(op)
            node = called(context, op) if layer is None else None
            if node is not None:
                yield functional(report, context, node, model, op)
            elif layer is not None and out_of_reach(model, layer):
                yield unreached(report, model, layer, op)
    yield from written(report, context)


def written(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield the calls of ``F.dropout`` in methods of modules, also those that no forward pass of the file reaches."""
    found = places(context)
    for node in found.nodes:
        if not isinstance(node, ast.Call) or not is_functional(context, node.func) or says_mode(node):
            continue
        owner = found.class_of(node)
        p = node.args[1] if len(node.args) > 1 else next((k.value for k in node.keywords if k.arg == "p"), None)
        if owner is None or not any("Module" in name_of(b) for c in found.family(owner) for b in c.bases):
            continue
        function = found.function_of(node)
        guarded = function is None or "training" in found.segment(function)
        sampling = any(isinstance(n, NAMED) and SAMPLING.search(n.name) for n in found.around(node))
        if not guarded and not sampling and not (isinstance(p, ast.Constant) and p.value == 0):
            yield functional(report, context, node)


def is_functional(context: FileContext, function: ast.expr) -> bool:
    """Return whether an expression is certainly one of torch's dropout functions that are on by default."""
    name = name_of(function)
    if name not in {"dropout", "dropout1d", "dropout2d", "dropout3d"} or not isinstance(function, ast.Attribute):
        return False
    holder = places(context).segment(function.value)
    if holder in {"nn.functional", "torch.nn.functional"}:
        return True
    return any(
        (isinstance(node, ast.ImportFrom) and node.module == "torch.nn" and alias.name == "functional")
        or (isinstance(node, ast.Import) and alias.name == "torch.nn.functional")
        for node in places(context).nodes
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
        if (alias.asname or alias.name) == holder
    )


def out_of_reach(model: Model, layer: ModuleRecord) -> bool:
    """Return whether `model.eval()` does not reach a layer, and nothing worse is wrong with how it is kept."""
    if layer.registered or not layer.attributes.get("training"):
        return False
    return layer.created or not any(m.parameters for m in model.modules if not m.registered and not m.created)


def unreached(report: Reporter, model: Model, layer: ModuleRecord, op: Op) -> Finding:
    """Return the finding about a dropout layer that stays in training mode."""
    name = layer.type.rpartition(".")[2]
    where = "built in `forward`" if layer.created else "registered in no module"
    mend = "and call that here" if layer.created else "not in a plain list"
    return report(
        layer.built,
        f"this `{name}` is {where}, where `model.eval()` does not reach it: it drops values in evaluation too",
        label="always in training mode",
        help=f"keep it in an attribute of the module (`self.dropout = nn.{name}(...)` in `__init__`), {mend}",
        model=model,
        module=op.path or None,
        related=() if layer.built.line == op.site.line else (related(op.site, "runs here"),),
    )


def functional(
    report: Reporter, context: FileContext, node: ast.Call, model: Model | None = None, op: Op | None = None
) -> Finding:
    """Return the finding about a call of a dropout function."""
    segment = places(context).segment
    name, given = segment(node.func), ", ".join(segment(a) for a in [*node.args, *node.keywords])
    return report(
        context.source.site(node),
        f"`{name}` without `training=` drops values in evaluation too: its default is `training=True`",
        label="`training` is always True here",
        help=f"pass the mode of the model: `{name}({given}, training=self.training)`",
        model=model,
        module=None if op is None else op.path or None,
        fix=following(places(context), node),
    )


def following(found: Places, node: ast.Call) -> Fix | None:
    """Return the fix that hands the mode of the model to a call in one of its methods."""
    from resnet_check.editing import further_argument

    function = found.function_of(node)
    owner = None if function is None else self_name(function)
    if (
        function is None
        or owner is None
        or function.decorator_list
        or found.class_of(function) is not found.parents[function]
    ):
        return None
    edit = further_argument(found.source, node, f"training={owner}.training")
    return Fix("pass the mode of the model", (edit,), safe=False)


def called(context: FileContext, op: Op) -> ast.Call | None:
    """Return the call of a function that is on in evaluation without the code's saying so."""
    node = places(context).at(op.site, ast.Call)
    if not op.attributes.get("training") or not isinstance(node, ast.Call) or "dropout" not in name_of(node.func):
        return None
    around = places(context).around(node)
    sampling = any(isinstance(n, NAMED) and SAMPLING.search(n.name) for n in around)
    return None if says_mode(node) or sampling else node


def says_mode(node: ast.Call) -> bool:
    """Return whether a call of a dropout function may say itself when to drop."""
    if any(isinstance(a, ast.Starred) for a in node.args) or any(k.arg is None for k in node.keywords):
        return True
    return len(node.args) >= 3 or any(k.arg in {"training", "train"} for k in node.keywords)


BAD = (
    """
import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = F.dropout2d(torch.relu(self.conv(x)), 0.2)  # <- dropout-always-on
        x = F.dropout(x.mean((2, 3)))  # <- dropout-always-on
        return self.fc(x)

    def regularised(self, x, rate):
        return self.fc(F.dropout(x, p=rate))  # <- dropout-always-on
""",
    """
from torch import nn


class Block(nn.Module):
    def __init__(self, rate):
        super().__init__()
        self.rate = rate
        self.conv1 = nn.Conv2d(8, 8, 3, padding=1)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x):
        out = self.relu(self.conv1(x))
        out = nn.functional.dropout(out, p=self.rate)  # <- dropout-always-on
        return self.relu(x + self.conv2(out))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
        self.blocks = nn.Sequential(Block(0.3), Block(0.3))
        self.drops = [nn.Dropout(0.2)]  # <- dropout-always-on
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = self.drops[0](self.blocks(self.stem(x)).mean((2, 3)))
        drop = nn.Dropout(0.5)  # <- dropout-always-on
        return self.fc(drop(x))
""",
)

GOOD = (
    """
import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self, rate=0.3, samples=False):
        super().__init__()
        self.rate = rate
        self.samples = samples
        self.conv = nn.Conv2d(3, 8, 3)
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = F.dropout2d(torch.relu(self.conv(x)), self.rate, self.training).mean((2, 3))
        x = F.dropout(self.dropout(x), training=self.training or self.samples)
        if self.training:
            x = F.dropout(x, 0.1)
        return self.fc(F.dropout(x, 0.0))

    def noise(self, x):
        if not self.training:
            return x
        return F.dropout(x, 0.1)


class MonteCarlo(Net):
    def forward(self, x):
        x = torch.relu(self.conv(x)).mean((2, 3))
        return self.fc(F.dropout(x, p=self.rate, training=True))
""",
)
