"""The report for code scanning: SARIF 2.1.0 with the fields that GitHub asks for.

Sources: OASIS SARIF 2.1.0 (errata 01), and GitHub's page "SARIF support for code scanning".
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from resnet_check import __version__
from resnet_check.report import RenderOptions
from resnet_check.report.fingerprint import fingerprints
from resnet_check.rules.selection import LIVE, known_rules

if TYPE_CHECKING:
    from resnet_check.checking import Report
    from resnet_check.finding import Edit, Finding, Fix, Related
    from resnet_check.properties.base import Property
    from resnet_check.rules.base import Rule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
"""Where the format is defined."""

PROBLEM = {"error": "error", "warning": "warning", "note": "recommendation"}
"""GitHub's word for each severity; as a level SARIF has our own three."""


def render(report: Report, options: RenderOptions) -> str:
    """Return the report as SARIF; the number of findings of each rule has no place there."""
    found = {finding.code for finding in report.findings}
    rules = [rule for rule in known_rules() if rule.code in found]
    indices = {rule.code: index for index, rule in enumerate(rules)}
    names = fingerprints(report.findings, options)
    run = {
        "tool": {"driver": {"name": "resnet-check", "semanticVersion": __version__, "rules": list(map(_rule, rules))}},
        "automationDetails": {"id": "resnet-check/"},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report)],
        "results": [
            _result(finding, indices[finding.code], name, options)
            for finding, name in zip(report.findings, names, strict=True)
        ],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _invocation(report: Report) -> dict[str, Any]:
    """Return whether everything was checked, and what was not."""
    said = [{"level": "error", "message": {"text": failure}} for failure in report.failures]
    return {"executionSuccessful": not said, "toolExecutionNotifications": said}


def _rule(rule: Rule | Property) -> dict[str, Any]:
    page = rule.page.strip()
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.title},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": rule.severity},
        "properties": {
            "tags": ["resnet", "pytorch"],
            # What running a model has shown is surer than what reading it has.
            "precision": "high" if rule.code.startswith(LIVE) else "medium",
            "problem.severity": PROBLEM[rule.severity],
        },
    }


def _result(finding: Finding, index: int, name: str, options: RenderOptions) -> dict[str, Any]:
    place: dict[str, Any] = {"physicalLocation": _place(finding.path, _region(finding), options)}
    where = ".".join(part for part in (finding.model, finding.module) if part)
    if where:
        place["logicalLocations"] = [{"fullyQualifiedName": where}]
    result = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": finding.severity,
        "message": {"text": "\n".join(filter(None, (finding.message, finding.help and f"help: {finding.help}")))},
        "locations": [place],
        "partialFingerprints": {"primaryLocationLineHash": name},
    }
    if finding.related:
        result["relatedLocations"] = list(_related(finding.related, options))
    if finding.fix:
        result["fixes"] = [_fix(finding.fix, finding.path, options)]
    return result


def _related(places: Iterable[Related], options: RenderOptions) -> Iterable[dict[str, Any]]:
    for number, other in enumerate(places, 1):
        known = other.end_line is not None and other.end_column is not None
        region = _region(other) if known else {"startLine": other.line}
        yield {
            "id": number,
            "message": {"text": other.message},
            "physicalLocation": _place(other.path, region, options),
        }


def _fix(fix: Fix, path: str, options: RenderOptions) -> dict[str, Any]:
    edits = [{"deletedRegion": _region(edit), "insertedContent": {"text": edit.text}} for edit in fix.edits]
    change = {"artifactLocation": {"uri": uri(options.path(path))}, "replacements": edits}
    return {"description": {"text": fix.title}, "artifactChanges": [change]}


def _place(path: str, region: dict[str, Any], options: RenderOptions) -> dict[str, Any]:
    return {"artifactLocation": {"uri": uri(options.path(path))}, "region": region}


def uri(path: str) -> str:
    """Return a path as a URI: relative as it is, an absolute one as that of a file."""
    if os.path.isabs(path):
        # Windows begins with the letter of a drive and a colon, all else with the slash.
        return f"file:///{quote(os.fsencode(path), safe='/:').lstrip('/')}"
    return quote(os.fsencode(path))


def _region(span: Finding | Related | Edit) -> dict[str, Any]:
    """Return a span; SARIF counts as we do, from 1 and with the end exclusive."""
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }
