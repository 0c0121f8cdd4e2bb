"""The file was not checked to its end: it needs more steps, time or memory than a check may take.

## What it checks
Whether the reading of the file came to its end, and every rule had its turn. Every file is checked within fixed
budgets, so that a check always finishes.

## Why it matters
What lies behind the point that was reached is unchecked: no finding there does not mean that all is well.

## Bad
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            for i in range(10**9):
                self.add_module(f"conv{i}", nn.Conv2d(64, 64, 3))

## Good
    class Net(nn.Module):
        def __init__(self, depth=18):
            super().__init__()
            self.body = nn.Sequential(*[nn.Conv2d(64, 64, 3) for _ in range(depth)])

## How to fix
Build a smaller model in the file, or move generated tables and data out of it.

## Source
The budgets are those of resnet-check itself: they bound what a hostile file can cost.
"""

from collections.abc import Iterator

from resnet_check.finding import Finding
from resnet_check.graph.records import Site
from resnet_check.rules.base import FileContext, Reporter, rule


@rule("RC002", "too-complex", "note")
def check(report: Reporter, context: FileContext) -> Iterator[Finding]:
    """Yield the budget that ran out, at the place that was reached."""
    problem = context.source.problem
    if problem is not None and problem.kind == "too-large":
        yield report(Site(context.source.path, 1, 1, 1, 2), problem.message)
    for model, found in context.found("too-complex"):
        reason = found.facts.get("reason", "the budget of steps was used up")
        rules = found.facts.get("rules")
        said = f"not checked by {rules}" if rules else "not checked further than this line"
        yield report(found.site, f"{said}: {reason}", model=model, module=found.module or None)


BAD = [
    "# <- too-complex\n" + "x = 1\n" * 100_000,
]

GOOD = [
    """
x = 1
""",
]
