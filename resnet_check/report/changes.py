"""What became of models: as text, as Markdown, and as data for JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from resnet_check.report import printable
from resnet_check.report.markdown import escaped, table

if TYPE_CHECKING:
    from resnet_check.gate.changes import ModelChange

SCHEMA = 1
"""The version of the shape of the JSON."""


def text(changes: Sequence[ModelChange], compared: int) -> str:
    """Return the changes for a person, a paragraph for each model."""
    lines: list[str] = []
    for change in changes:
        lines += [_title(change), *(f"  {words}" for words in change.words), ""]
    return "\n".join(map(printable, [*lines, f"{counted(changes)} ({_models(compared)} compared)."])) + "\n"


def _title(change: ModelChange) -> str:
    was = f", was {change.old}" if change.old and change.new and change.old != change.new else ""
    return f"{change.name}: {change.kind}{was}"


def _models(number: int) -> str:
    return f"{number:,} model{'' if number == 1 else 's'}"


def counted(changes: Sequence[ModelChange]) -> str:
    """Return how many models changed in which way, and whether old checkpoints load."""
    if not changes:
        return "No architecture has changed"
    counts = Counter(change.kind for change in changes)
    said = ", ".join(
        f"{_models(count) if not number else count} {kind}" for number, (kind, count) in enumerate(counts.items())
    )
    broken = sum(change.state is not None and not change.state.loads for change in changes)
    return f"{said}; old checkpoints of {_models(broken)} do not load" if broken else said


def markdown(changes: Sequence[ModelChange]) -> str:
    """Return the changes as a table of Markdown."""
    rows = [f"| {escaped(change.name)} | {change.kind} | {_cell(change)} |" for change in changes]
    head = f"#### Architecture: {counted(changes)}"
    return f"{head}\n\n{table('| model | | what |', rows)}" if rows else head


def _cell(change: ModelChange) -> str:
    was = [f"was {change.old}"] if change.old and change.new and change.old != change.new else []
    return "<br>".join(map(escaped, [*was, *change.words]))


def data(changes: Sequence[ModelChange]) -> list[dict[str, Any]]:
    """Return the changes as objects for JSON."""
    return [_object(change) for change in changes]


def _object(change: ModelChange) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "old": change.old,
        "new": change.new,
        "line": change.line,
        "changes": [each._asdict() for each in change.changes],
        "checkpoints_load": None if change.state is None else change.state.loads,
        "state": None if change.state is None else change.state._asdict(),
    }


def as_json(changes: Sequence[ModelChange], compared: int) -> str:
    """Return the changes as one JSON object, as the command `diff` prints it."""
    return (
        json.dumps({"tool": "resnet-check", "schema": SCHEMA, "models": compared, "changes": data(changes)}, indent=2)
        + "\n"
    )
