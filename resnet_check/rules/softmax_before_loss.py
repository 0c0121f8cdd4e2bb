"""The model ends in a softmax, and the loss of the same file takes one itself.

## What it checks
Whether what `forward` returns in training is the output of a softmax while the file uses `CrossEntropyLoss`, which
begins with a log-softmax (or `NLLLoss`, which wants the logarithm); likewise a sigmoid before `BCEWithLogitsLoss`.

## Why it matters
The softmax is taken twice. Its outputs lie between 0 and 1, so that the second one can hardly tell them apart: the loss
stays high, gradients are small, and training is slow and ends at a worse accuracy.

## Bad
    criterion = nn.CrossEntropyLoss()
    ...
    return F.softmax(self.fc(x), dim=1)

## Good
    criterion = nn.CrossEntropyLoss()
    ...
    return self.fc(x)

## How to fix
Return the logits, and take the softmax where probabilities are needed, outside of training. After a log-softmax,
`NLLLoss` is the loss to use; a second log-softmax changes nothing, so that pair is only a note.

## Source
The PyTorch documentation, `torch.nn.CrossEntropyLoss`: the input is expected to contain the unnormalised logits.
"""

from __future__ import annotations

from collections.abc import Iterator

from resnet_check.finding import Finding, related
from resnet_check.graph.records import Model, Op
from resnet_check.rules._losses import calls_itself, losses, results
from resnet_check.rules._training import place, runnable, title
from resnet_check.rules.base import FileContext, Reporter, rule

PAIRS = {
    ("softmax", "cross entropy"): "return the logits: cross entropy takes the log-softmax itself",
    ("softmax", "negative log-likelihood"): "return `log_softmax` of the logits, which is what `NLLLoss` takes",
    ("log_softmax", "cross entropy"): "return the logits, or use `NLLLoss`",
    ("sigmoid", "binary cross entropy with logits"): "return the logits: this loss takes the sigmoid itself",
}
"""How a model ends and what loss does the same again, with what to do."""


@rule("RC504", "softmax-before-loss", "warning")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield the last activations that the loss of the file repeats."""
    used = losses(context)
    models = [model for model in runnable(context) if not model.trial]
    ends = {model.name: [op.kind for op in results(model)] for model in models}
    for model in runnable(context):
        for (kind, loss), mend in PAIRS.items():
            if loss not in used or not ends_in(model, kind) or not calls_itself(context, model, used[loss]):
                continue
            if kind == "softmax" and loss == "negative log-likelihood" and "cross entropy" in used:
                continue
            if kind == "log_softmax" and "negative log-likelihood" in used:
                continue
            others = any(kind not in end for end in ends.values())
            for op in results(model):
                site, more = place(model, op)
                yield report(
                    site,
                    f"the model ends in {title(model, op)}, and {loss} (line {used[loss].line}) "
                    + ("takes logarithms of probabilities" if loss.startswith("negative") else "expects logits"),
                    label="activation before the loss",
                    help=mend,
                    model=model,
                    module=op.path or None,
                    severity="note" if others or kind == "log_softmax" else None,
                    related=(related(used[loss], f"{loss} is used here"), *more),
                )


def ends_in(model: Model, kind: str) -> bool:
    """Return whether all that a model returns in training went through the activation over its classes last."""
    found = results(model)
    return bool(found) and all(op.kind == kind and over_classes(op) for op in found)


def over_classes(op: Op) -> bool:
    """Return whether an activation acts on classes: dimension 1, where cross entropy looks for them."""
    return op.kind == "sigmoid" or op.attributes.get("dim") in {1, 1 - len(op.shape)}


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
        return F.softmax(self.fc(x), dim=1)  # <- softmax-before-loss


def train(loader):
    model = Net()
    criterion = nn.CrossEntropyLoss()
    for images, labels in loader:
        criterion(model(images), labels).backward()
""",
    """
import torch.nn as nn
import torch.nn.functional as F

model = nn.Sequential(
    nn.Conv2d(3, 8, 3),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(8, 10),
    nn.Softmax(dim=-1),  # <- softmax-before-loss
)


def step(images, labels):
    return F.nll_loss(model(images), labels)
""",
    """
import torch
from torch import nn

criterion = nn.BCEWithLogitsLoss()


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8, 20)

    def forward(self, x):
        return torch.sigmoid(self.fc(torch.relu(self.conv(x)).mean((2, 3))))  # <- softmax-before-loss
""",
)

GOOD = (
    """
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.attention = nn.Conv2d(8, 8, 1)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = F.relu(self.conv(x))
        x = x * torch.softmax(self.attention(x), dim=1)
        x = self.fc(x.mean((2, 3)))
        return x if self.training else F.softmax(x, dim=1)


class Both(Net):
    def forward(self, x):
        logits = self.fc(F.relu(self.conv(x)).mean((2, 3)))
        return logits, F.softmax(logits, dim=1)


def train(model, images, labels):
    return nn.CrossEntropyLoss()(model(images), labels)
""",
    """
from torch import nn


class Lit(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))
        self.loss = nn.CrossEntropyLoss()

    def forward(self, x):
        return self.net(x).softmax(dim=1)

    def training_step(self, batch):
        images, labels = batch
        return self.loss(self.net(images), labels)
""",
    """
from torch import nn


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10), nn.LogSoftmax(1))


criterion = nn.NLLLoss()
""",
)
