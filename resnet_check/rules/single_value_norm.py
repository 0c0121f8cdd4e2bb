"""A batch norm sees a single value for each channel when the batch holds one image.

## What it checks
Whether a batch norm gets a tensor without spatial extent, such as the result of a global pool or of a linear layer.

## Why it matters
Training on a batch of one image raises "expected more than 1 value per channel when training". This often happens only
at the end of an epoch, where the last batch holds what is left over. Published networks do have such norms (in
projection heads, in the image pooling of ASPP), and larger batches train well.

## Bad
    x = torch.flatten(self.avgpool(x), 1)
    x = self.bn(x)                          # BatchNorm1d: one value per channel and image

## Good
    x = self.bn(x)                          # BatchNorm2d: height times width values
    x = torch.flatten(self.avgpool(x), 1)

An instance norm of a 1x1 map raises for every batch, in evaluation too: an error.

## How to fix
Leave as it is if no batch ever holds a single image: pass `drop_last=True` to the `DataLoader`. Otherwise normalise
before the pool, or use `LayerNorm` or `GroupNorm`, which do not look across the batch.

## Source
The PyTorch documentation, `torch.nn.functional.batch_norm`.
"""

from __future__ import annotations

from collections.abc import Iterator

from resnet_check.finding import Finding, related
from resnet_check.graph.records import Model, Op, Problem, show
from resnet_check.rules._training import runnable, title, training_ops
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC508", "single-value-norm", "note")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield the batch norms whose input has one value for each image and channel."""
    for found, problem in context.found("single-value"):
        if found is not None and all(s == 1 for s in problem.facts["shape"][2:] if isinstance(s, int)):
            yield instance(report, found, problem)
    for model in runnable(context):
        for op in training_ops(model):
            if op.kind == "batch_norm" and uses_batch(model, op) and all(s == 1 for s in op.shape[2:]):
                layer = model.layer(op)
                site = op.site if layer is None else layer.built
                yield report(
                    site,
                    f"{title(model, op)} gets {show(op.shape)}: one value per channel and image, so that training on a"
                    " batch of one image raises",
                    label="one value per channel and image",
                    help="pass `drop_last=True` to the `DataLoader`, or normalise before the pool",
                    model=model,
                    module=op.path or None,
                    related=() if site == op.site else (related(op.site, f"called with {show(op.shape)}"),),
                )


def instance(report: Reporter, model: Model, problem: Problem) -> Finding:
    """Return the finding about an instance norm of a single value."""
    shape = show(problem.facts["shape"])
    layer = problem.facts.get("layer")
    built = getattr(layer, "built", None)
    site = built if built is not None and built.path == problem.site.path else problem.site
    return report(
        site,
        f"an instance norm of {shape} has one value per image and channel to normalise: torch raises",
        label="one value per image and channel",
        help="leave the norm out after a global pool, or normalise before the pool",
        model=model,
        module=problem.module or None,
        severity="error",
        related=() if site == problem.site else (related(problem.site, f"called with {shape}"),),
    )


def uses_batch(model: Model, op: Op) -> bool:
    """Return whether a norm takes its statistics from the batch when the model trains."""
    layer = model.layer(op)
    if layer is None:
        return bool(op.attributes.get("training"))
    return layer.attributes.get("training") is not False


BAD = (
    """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.norm = nn.BatchNorm1d(8)  # <- single-value-norm
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        return self.fc(self.norm(torch.flatten(self.pool(torch.relu(self.conv(x))), 1)))
""",
    """
import torch
from torch import nn
import torch.nn.functional as F


class ImagePool(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(8, 8, 1, bias=False),
            nn.BatchNorm2d(8),  # <- single-value-norm
            nn.ReLU(),
        )


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.pool = ImagePool()

    def forward(self, x):
        x = self.stem(x)
        return torch.cat([x, F.interpolate(self.pool(x), size=x.shape[-2:])], 1)
""",
    """
from torch import nn


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 8, 3),
            nn.InstanceNorm2d(8, affine=True),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.InstanceNorm2d(8),  # <- single-value-norm
        )
""",
)

GOOD = (
    """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.layer_norm = nn.LayerNorm(8)
        self.frozen = nn.BatchNorm1d(8).eval()
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = torch.flatten(self.pool(torch.relu(self.norm(self.conv(x)))), 1)
        return self.fc(self.frozen(self.layer_norm(x)))

    def train(self, mode=True):
        super().train(mode)
        self.frozen.eval()
        return self
""",
)
