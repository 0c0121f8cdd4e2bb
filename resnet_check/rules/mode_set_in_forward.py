"""The model changes its own mode while it runs forward.

## What it checks
Whether `forward` calls `eval()` or `train()` on the model or on a part of it.

## Why it matters
The mode is the caller's: `model.train()` before training, `model.eval()` before evaluation. A `forward` that sets it
overrides both, for the rest of the run: dropout stays off in training, or batch norms keep learning in evaluation.
`self.backbone.eval()` on a part freezes its batch norms, which may be meant: a note.

## Bad
    def forward(self, x):
        self.eval()
        return self.fc(self.features(x))

## Good
    def forward(self, x):
        return self.fc(self.features(x))

## How to fix
Take the call out of `forward`. To keep a part in evaluation mode, as for frozen batch norms, override `train`:
`def train(self, mode=True): super().train(mode); self.backbone.eval(); return self`.

## Source
The PyTorch documentation, `torch.nn.Module.train`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from resnet_check.finding import Finding
from resnet_check.graph.records import Problem
from resnet_check.rules._places import inside, is_name, name_of, places, self_name
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC506", "mode-set-in-forward", "warning")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield the calls in forward that set the mode."""
    for model, problem in [*context.found("mode-set-in-forward"), *written(context)]:
        node = places(context).at(problem.site, ast.Call)
        text = places(context).segment(node) if node is not None else f"{problem.facts['owner']}.train()"
        method = name_of(node.func) if isinstance(node, ast.Call) else "train"
        yield report(
            problem.site,
            f"`{text}` runs in every forward pass and overrides the mode that the caller has set",
            label="sets the mode in forward",
            help=f"take the call out of `forward`: whoever uses the model calls `.{method}()`",
            model=model,
            module=problem.module or None,
            severity="note" if freezes_part(node) else None,
        )


def freezes_part(node: ast.AST | None) -> bool:
    """Return whether a call puts another module than the one that runs into evaluation mode."""
    method = node.func if isinstance(node, ast.Call) else None
    if not isinstance(node, ast.Call) or not isinstance(method, ast.Attribute) or is_name(method.value, "self"):
        return False
    off = bool(node.args) and isinstance(node.args[0], ast.Constant) and node.args[0].value is False
    return method.attr == "eval" or off


def written(context: FileContext) -> Iterator[tuple[None, Problem]]:
    """Yield the calls in the ``forward`` of a module on the module itself, also where no model of the file runs them."""
    found = places(context)
    for function in found.functions:
        owner = found.class_of(function)
        if function.name != "forward" or owner is None or found.parents.get(function) is not owner:
            continue
        if not any("Module" in name_of(base) for cls in found.family(owner) for base in cls.bases):
            continue
        for node in inside(function):
            method = node.func if isinstance(node, ast.Call) else None
            if isinstance(method, ast.Attribute) and method.attr in {"train", "eval"}:
                own = is_name(method.value, self_name(function))
                yield from [(None, Problem("mode-set-in-forward", context.source.site(node)))] if own else []


BAD = (
    """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        self.eval()  # <- mode-set-in-forward
        return self.fc(self.drop(self.features(x).flatten(1)))
""",
    """
from torch import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(8)
        self.relu = nn.ReLU()

    def normalise(self, x):
        self.bn.train()  # <- mode-set-in-forward
        return self.bn(x)

    def forward(self, x):
        return self.relu(self.normalise(self.conv(x)) + x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.block = Block()

    def forward(self, x):
        return self.block(self.stem(x))


class Unused(nn.Module):
    def __init__(self, options):
        super().__init__()
        self.conv = options.make()

    def forward(self, x):
        self.train(False)  # <- mode-set-in-forward
        return self.conv(x)
""",
)

GOOD = (
    """
from torch import nn


class Frozen(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        self.fc = nn.Linear(8, 10)
        self.backbone.eval()
        for parameter in self.backbone.parameters():
            parameter.requires_grad = False

    def train(self, mode=True):
        super().train(mode)
        self.backbone.eval()
        return self

    def forward(self, x):
        return self.fc(self.backbone(x).flatten(1))


if __name__ == "__main__":
    model = Frozen().eval()
    model.train()
""",
)
