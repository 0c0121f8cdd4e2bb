"""The summary for other programs: one JSON object, with the keys of the check's report and each model's modules."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from resnet_check import __version__
from resnet_check.report.json import SCHEMA, model_object
from resnet_check.report.summary.rows import Row, cut
from resnet_check.report.summary.table import Summary


def render(summaries: Sequence[Summary], depth: int | None = None) -> str:
    """Return the summaries as JSON, with so many levels of modules, or all."""
    files = [
        {"path": path, "models": [_model(summary, depth) for summary in of_file]}
        for path, of_file in groupby(summaries, key=lambda summary: summary.path)
    ]
    return (
        json.dumps({"tool": "resnet-check", "version": __version__, "schema": SCHEMA, "files": files}, indent=2) + "\n"
    )


def _model(summary: Summary, depth: int | None) -> dict[str, Any]:
    root = summary.root if depth is None else cut(summary.root, depth)
    return {
        **model_object(summary.model),
        "computes": summary.computes or None,
        "mistakes": list(summary.mistakes),
        "modules": [_row(child, "") for child in root.children],
    }


def _row(row: Row, above: str) -> dict[str, Any]:
    path = f"{above}.{row.name}" if above else row.name
    return {
        "path": path,
        "kind": row.kind,
        "detail": row.detail,
        "outputs": list(row.outputs),
        "params": row.params,
        "macs": row.macs,
        "stage": row.place,
        "remarks": list(row.remarks),
        "modules": [_row(child, path) for child in row.children],
    }
