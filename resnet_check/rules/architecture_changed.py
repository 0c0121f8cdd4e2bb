"""The architecture is not the one that the lock file has.

## What it checks
With `--locked`, each model of a file against its entry in `resnet-check.lock`: the parts and their depth, input and output,
parameters, multiply-adds, accepted sizes, the names and shapes of the state dict, the operators, and a digest of what the
network computes. The names of variables, the order of independent lines and the formatting do not matter. A model that
the lock file does not have, and one that only the lock file has, are reported too.

## Why it matters
A change that was not meant, in a helper that several networks share, say, trains to another result, and may keep
checkpoints from loading, or load them into a network that gives other outputs.

## Bad
    self.bn1 = nn.BatchNorm2d(64, eps=1e-3)    # locked without the eps

## Good
    self.bn1 = nn.BatchNorm2d(64)

## How to fix
Undo the change; or, if it is meant, run `resnet-check lock` and commit the lock file, so that the review shows the change.

## Source
The lock files of package managers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from resnet_check.finding import Finding
from resnet_check.graph.records import Site
from resnet_check.rules._examples import BASIC, RESNET18, network
from resnet_check.rules.base import FileContext, Reporter, rule
from resnet_check.source import text_span

if TYPE_CHECKING:
    from resnet_check.gate.changes import ModelChange
    from resnet_check.graph.records import Model

MEANT = "if this is meant, run `resnet-check lock` and commit the lock file"


@rule("RC701", "architecture-changed", "error")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Report each model that is not as the lock file has it; without one there is nothing to compare with."""
    if context.locked is None:
        return
    from resnet_check.gate.changes import model_changes
    from resnet_check.gate.snapshot import snapshots

    models = {model.name: model for model in context.models if not model.trial}
    locked = {each.name: each for each in context.locked}
    for change in model_changes(locked, {each.name: each for each in snapshots(context)}):
        model = models.get(change.name)
        if not _is_told(context, model):
            line = 1 if model is None else model.line
            yield report(_site(context, line), _words(change), help=MEANT, model=model)


def _is_told(context: FileContext, model: Model | None) -> bool:
    """Return whether another finding says why a model is not there to compare: it fails, or time ran out before it."""
    if model is not None and model.status != "partial":
        return model.status == "failed" and bool(model.problems)
    return any(problem.kind == "too-complex" for problem in context.problems)


def _words(change: ModelChange) -> str:
    """Return what became of a model."""
    told = {
        "added": f"`{change.new}` is not in the lock file",
        "removed": f"`{change.old}` is in the lock file, and not in this file any more",
        "renamed": f"`{change.new}` is called `{change.old}` in the lock file",
    }
    return told.get(change.kind) or f"`{change.new}` is not what the lock file has: {'; '.join(change.words)}"


def _site(context: FileContext, line: int) -> Site:
    """Return the place of the text of a line."""
    start, end = text_span(context.source.lines[line - 1])
    return Site(context.source.path, line, start, line, end)


LOCKED = network(BASIC, RESNET18)
"""The examples are checked against a lock file of this one."""

BAD = (
    network(
        BASIC,
        RESNET18,
        ("def resnet18():", "def resnet18():  # <- architecture-changed"),
        ("self.bn1 = nn.BatchNorm2d(64)", "self.bn1 = nn.BatchNorm2d(64, eps=1e-3)"),
    ),
)

GOOD = (network(BASIC, RESNET18, ("y = ", "out = "), ("(y", "(out")),)
