"""Finding: what is wrong, where, why, and what to do."""

from __future__ import annotations

from typing import NamedTuple

from resnet_check.graph.records import Site

SEVERITIES = ("note", "warning", "error")
"""From mild to grave."""


class Related(NamedTuple):
    """Another place that a Finding rests on, with a few words about it."""

    path: str
    line: int
    message: str
    column: int = 1
    end_line: int | None = None
    end_column: int | None = None


class Edit(NamedTuple):
    """A replacement of one span of a file; lines and columns count from 1 in code points, the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str


class Fix(NamedTuple):
    """Edits that mend a Finding; ``safe`` when they change nothing else that the model computes or stores."""

    title: str
    edits: tuple[Edit, ...]
    safe: bool


class Finding(NamedTuple):
    """One mistake at one construct of the source.

    ``line`` is the line that the author has to change. ``message`` states the fact and stands alone; ``label`` is the
    shorter text under the code; ``help`` says what to do. ``model`` and ``module`` name one instance; ``count`` is the
    number of instances of the construct that show the same mistake.
    """

    rule: str
    code: str
    severity: str
    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    message: str
    label: str = ""
    help: str = ""
    model: str | None = None
    module: str | None = None
    related: tuple[Related, ...] = ()
    fix: Fix | None = None
    count: int = 1  # type: ignore[assignment]  # the number of instances, where a tuple has a method


def related(site: Site, message: str) -> Related:
    """Return a place of the graph as a Related."""
    return Related(site.path, site.line, message, site.column, site.end_line, site.end_column)
