"""The report for GitLab's merge requests: a list of issues in the format of its Code Quality report.

Source: GitLab's page "Code Quality", section on the format of its report.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from resnet_check.report import RenderOptions
from resnet_check.report.fingerprint import fingerprints

if TYPE_CHECKING:
    from resnet_check.checking import Report
    from resnet_check.finding import Finding

SEVERITIES = {"error": "critical", "warning": "major", "note": "info"}
"""GitLab's word for each severity."""


def render(report: Report, options: RenderOptions) -> str:
    """Return the issues; the number of findings of each rule has no place there."""
    names = fingerprints(report.findings, options)
    issues = [_issue(finding, name, options) for finding, name in zip(report.findings, names, strict=True)]
    return json.dumps(issues, indent=2) + "\n"


def _issue(finding: Finding, name: str, options: RenderOptions) -> dict[str, Any]:
    return {
        # The name of the check is not shown: the code stands before the message.
        "description": f"{finding.code}: {finding.message}",
        "check_name": finding.rule,
        "fingerprint": name,
        "severity": SEVERITIES[finding.severity],
        "location": {
            "path": options.path(finding.path),
            "lines": {"begin": finding.line, "end": finding.end_line},
        },
    }
