"""The model does not take the image that was tried, and no other rule knows better.

## What it checks
Where the forward pass of a model ends that cannot be run as it was tried, when nothing of what the other rules look for
explains it. The image is the one that the file builds itself; where it builds none, it is a guess.

## Why it matters
Either the model is meant for other inputs (sound, points, maps of another network), and then nothing behind this line was
checked; or it has a mistake that this check has no name for, and torch stops at this line too.

## Bad
    def forward(self, x):
        return self.fc(x[..., 7])

## Good
    def forward(self, x):
        return self.fc(x[:, 0])

## How to fix
Say what the model takes with ``--input``, or let the file build an input, as in ``Net()(torch.randn(2, 3, 32, 32))``.
Where that is the input which was tried, look at the line.

## Source
None: it says what else would stay unsaid.
"""

from collections.abc import Iterator

from resnet_check.finding import Finding
from resnet_check.graph.records import Model, Problem, Site, show
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC210", "input-refused", "note")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield the place at which each model stops of which nothing else was said."""
    if context.told is None:
        return
    from resnet_check.blame.words import message  # only a model that stops needs it

    places = {(finding.path, finding.line) for finding in context.told}
    places |= {(place.path, place.line) for finding in context.told for place in finding.related}
    named = {finding.model for finding in context.told}
    for model in context.models:
        # What an object of a class shows that is a model too is said of the class alone.
        if model.status != "failed" or model.trial or model.name in named or not model.problems:
            continue
        if not any((site.path, site.line) in places for p in model.problems for site in (p.site, *p.site.calls)):
            problem = model.problems[0]
            yield report(
                own(model, problem),
                f"{tried(model)} it stops here: {message(model, problem, stated=False)}",
                help="say what the model takes with `--input`, or build such an input in the file",
                model=model,
            )


def own(model: Model, problem: Problem) -> Site:
    """Return the line of the model's own file that leads to where it stops."""
    sites = [site for site in (problem.site, *problem.site.calls) if site.path == model.path]
    return sites[0] if sites else Site(model.path, model.line, 1, model.line, 2)


def tried(model: Model) -> str:
    """Return how the model was run."""
    return f"with an input of {show(model.input)}" if model.input is not None else "without an input"


_NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(5, 1, 1))
        self.conv = nn.Conv2d(5, 8, 3)

    def forward(self, x):
        x = torch.cat([x, x.new_zeros(2, 2, 10, 12)], 1)MARK
        return self.conv(x * self.scale)
"""

BAD = (_NET.replace("MARK", "  # <- input-refused"),)

GOOD = (_NET.replace("2, 2, 10, 12", "x.shape[0], 2, *x.shape[2:]").replace("MARK", ""),)
