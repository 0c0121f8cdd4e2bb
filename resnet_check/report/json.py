"""The report for other programs: one JSON object whose keys are stable; new ones may be added."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from resnet_check import __version__
from resnet_check.report import RenderOptions, statistics

if TYPE_CHECKING:
    from resnet_check.checking import FileReport, ModelReport, Report
    from resnet_check.finding import Finding, Fix

SCHEMA = 1
"""The version of the object's shape."""


def render(report: Report, options: RenderOptions) -> str:
    """Return the report as JSON."""
    content: dict[str, Any] = {
        "tool": "resnet-check",
        "version": __version__,
        "schema": SCHEMA,
        "files": [_file(file) for file in report.files],
        "summary": {
            "files": len(report.files),
            "models": len(report.models),
            "errors": report.count("error"),
            "warnings": report.count("warning"),
            "notes": report.count("note"),
        },
    }
    if report.isolation is not None:
        content["isolation"] = report.isolation
    if report.known:
        content["summary"]["known"] = report.known
    if report.changes is not None:
        from resnet_check.report.changes import data

        content["changes"] = data(report.changes)
    if options.statistics:
        content["statistics"] = [
            {"rule": name, "code": code, "count": count} for count, code, name in statistics(report)
        ]
    return json.dumps(content, indent=2) + "\n"


def _file(file: FileReport) -> dict[str, Any]:
    return {
        "path": file.path,
        "models": [model_object(model) for model in file.models],
        "findings": [_finding(finding) for finding in file.findings],
    }


def model_object(model: ModelReport) -> dict[str, Any]:
    """Return what the report says of a model."""
    return {
        "name": model.name,
        "kind": model.kind,
        "line": model.line,
        "status": model.status,
        "unknown": [str(unknown) for unknown in model.unknown],
        "input": model.input,
        "output": model.output,
        "params": model.params,
        "macs": model.macs,
        "accepted_sizes": model.accepted_sizes,
        "depth": model.depth,
        "variant": model.variant,
        "differences": list(model.differences),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "code": finding.code,
        "severity": finding.severity,
        "path": finding.path,
        "line": finding.line,
        "column": finding.column,
        "end_line": finding.end_line,
        "end_column": finding.end_column,
        "message": finding.message,
        "model": finding.model,
        "module": finding.module,
        "count": finding.count,
        "related": [{"path": other.path, "line": other.line, "message": other.message} for other in finding.related],
        "help": finding.help,
        "fix": None if finding.fix is None else _fix(finding.fix),
    }


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "title": fix.title,
        "safe": fix.safe,
        "edits": [
            {
                "line": edit.line,
                "column": edit.column,
                "end_line": edit.end_line,
                "end_column": edit.end_column,
                "text": edit.text,
            }
            for edit in fix.edits
        ],
    }
