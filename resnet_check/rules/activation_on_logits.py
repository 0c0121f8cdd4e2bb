"""An activation follows the classifier, so that no class can get a negative score.

## What it checks
Whether what `forward` returns in training is a ReLU of a linear layer that gives the classes: one whose size is called
so in the code (`num_classes`), or any in a file that uses cross entropy. A regression is left alone.

## Why it matters
The loss expects logits of either sign. A ReLU sets the negative ones to zero, where they get no gradient: a class that
starts below zero never learns, and accuracy stays low without any error.

## Bad
    return F.relu(self.fc(x))

## Good
    return self.fc(x)

## How to fix
Return the output of the last linear layer as it is.

## Source
The PyTorch documentation, `torch.nn.CrossEntropyLoss`: the input is expected to contain the unnormalised logits.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from resnet_check.finding import Finding, related
from resnet_check.graph.records import Model, Op
from resnet_check.rules._losses import SHAPING, losses, results
from resnet_check.rules._places import name_of, places
from resnet_check.rules._training import place, runnable, title, training_ops
from resnet_check.rules.base import FileContext, Reporter, rule

ACTIVATIONS = frozenset({"relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "hardswish", "mish", "softplus"})
CLASSES = re.compile(r"class|label|categor", re.IGNORECASE)
USUAL = frozenset({10, 100, 200, 1000})
"""Numbers of classes of CIFAR, Tiny ImageNet and ImageNet."""
REGRESSION = re.compile(
    r"regress|\bdistances?\b|densit|\bcounting\b|depth_?map|embedding|encoder|feature_dim", re.IGNORECASE
)


@rule("RC505", "activation-on-logits", "warning")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield the activations between the classifier and the end of forward."""
    used = losses(context)
    if "regression" in used or REGRESSION.search(context.source.text):
        return
    alone = len({model.modules[0].type for model in context.models if model.modules}) == 1
    scored = alone and bool({"cross entropy", "negative log-likelihood"} & used.keys())
    for model in runnable(context):
        ops, consumers = training_ops(model), {i for op in training_ops(model) for i in op.inputs}
        for result in results(model):
            op = result
            while op.kind in {"softmax", "log_softmax", *SHAPING}:
                op = ops[op.inputs[0]]
            last = before(ops, op)
            if last is None or (op.returned and op.index in consumers):
                continue
            if not (scored or gives_classes(context, model, last)):
                continue
            site, more = place(model, op)
            yield report(
                site,
                f"{title(model, op)} follows the classifier (line {place(model, last)[0].line}) and {effect(op)}",
                label="activation on the logits",
                help="return the output of the last linear layer without an activation",
                model=model,
                module=op.path or None,
                related=(related(place(model, last)[0], "gives the logits"), *more),
            )


def effect(op: Op) -> str:
    """Return what an activation does to scores of classes."""
    if op.kind in {"relu", "relu6"}:
        return "sets the scores below zero to zero, where they get no gradient"
    return "distorts its scores"


def before(ops: list[Op], op: Op) -> Op | None:
    """Return the linear layer that an activation at the end acts on."""
    if op.kind not in ACTIVATIONS or len(op.shape) != 2:
        return None
    last = ops[op.inputs[0]]
    while last.kind in {*SHAPING, "dropout"} and last.inputs:
        last = ops[last.inputs[0]]
    return last if last.kind == "linear" else None


def gives_classes(context: FileContext, model: Model, last: Op) -> bool:
    """Return whether the code calls the outputs of a linear layer classes, or their number is a usual one of classes."""
    layer = model.layer(last)
    node = places(context).at(layer.built, ast.Call) if layer is not None else None
    if layer is None or not isinstance(node, ast.Call):
        return False
    given = node.args[1:2] + [k.value for k in node.keywords if k.arg == "out_features"]
    names = " ".join(name_of(part) for argument in given for part in ast.walk(argument))
    return CLASSES.search(names) is not None or layer.attributes.get("out_features") in USUAL


BAD = (
    """
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8, num_classes)

    def forward(self, x):
        x = F.relu(self.conv(x)).mean((2, 3))
        x = self.fc(x)
        return F.relu(x)  # <- activation-on-logits
""",
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.top = nn.Sequential(
            nn.Linear(8, 32),
            nn.ReLU(inplace=True),
            nn.Linear(32, 7),
            nn.ReLU(inplace=True),  # <- activation-on-logits
            nn.LogSoftmax(dim=1),
        )

    def forward(self, x):
        return self.top(self.features(x))


loss = nn.NLLLoss()
""",
)

GOOD = (
    """
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self, num_classes=10, width=64):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.hidden = nn.Linear(8, width)
        self.fc = nn.Linear(width, num_classes)

    def features(self, x):
        return F.relu(self.hidden(F.relu(self.conv(x)).mean((2, 3))))

    def forward(self, x):
        hidden = self.features(x)
        return self.fc(hidden), hidden


class Features(Net):
    def forward(self, x):
        return self.features(x)


class Squeeze(nn.Sequential):
    def __init__(self, num_classes=10):
        super().__init__(nn.Conv2d(3, num_classes, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
""",
    """
import torch.nn as nn


class Age(nn.Module):
    def __init__(self, num_labels=1):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8, num_labels)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3))).relu()


criterion = nn.MSELoss()
""",
)
