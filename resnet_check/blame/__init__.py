"""Which line has to change: candidates from the syntax tree, proven by reading the changed file again.

Torch's traceback names the line where shapes collide. The line to change is another one in four cases of five: the call
that passed the wrong number on, the assignment that was forgotten, the condition that leaves a projection out. For a
mismatch in the graph, `candidates` lists small changes of the places that its sizes come from, the most ordinary
mistakes first; `search` makes one after the other in the tree, has the file read again, and blames the first after which
the mismatch is gone and nothing else is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resnet_check.finding import Finding
    from resnet_check.rules.base import FileContext, Reporter


def findings(report: Reporter, context: FileContext, severity: str | None = None) -> Iterator[Finding]:
    """Yield the findings of a rule about shapes; a file without problems costs nothing."""
    if any(model.problems for model in context.models):
        from resnet_check.blame.words import findings as of_blames

        yield from of_blames(report, context, severity)
