"""The report as annotations of GitHub Actions: commands on standard output, of which each step shows few.

Source: GitHub's page "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from resnet_check.report import RenderOptions, printable

if TYPE_CHECKING:
    from resnet_check.checking import Report
    from resnet_check.finding import Finding

KINDS = {"error": "error", "warning": "warning", "note": "notice"}
"""GitHub's word for each severity, in the order in which they are written."""

LIMIT = 10
"""How many annotations of one kind a step shows."""


def render(report: Report, options: RenderOptions) -> str:
    """Return the annotations, gravest first; the job's summary (see the markdown report) has what is beyond the limit."""
    by_kind = ((kind, [f for f in report.findings if f.severity == severity]) for severity, kind in KINDS.items())
    return "".join(f"{line}\n" for kind, findings in by_kind for line in _annotations(kind, findings, options))


def _annotations(kind: str, findings: Sequence[Finding], options: RenderOptions) -> Iterator[str]:
    shown = findings if len(findings) <= LIMIT else findings[: LIMIT - 1]
    for finding in shown:
        yield _annotation(kind, finding, options)
    if more := len(findings) - len(shown):
        yield f"::{kind} title=resnet-check::{more} more of this kind; the job's summary has all of them"


def _annotation(kind: str, finding: Finding, options: RenderOptions) -> str:
    path = options.path(finding.path)
    one_line = finding.line == finding.end_line
    # Columns are refused where the span has several lines.
    columns = {"col": finding.column, "endColumn": finding.end_column} if one_line else {}
    properties = {
        "title": f"resnet-check ({finding.code})",
        "file": path,
        "line": finding.line,
        "endLine": finding.end_line,
        **columns,
    }
    message = printable(f"{path}:{finding.line}:{finding.column}: {finding.code} {finding.message}")
    text = f"{message}\n  help: {printable(finding.help)}" if finding.help else message
    return f"::{kind} {','.join(f'{name}={_value(str(value))}' for name, value in properties.items())}::{_data(text)}"


def _data(text: str) -> str:
    """Return text of a command on one line."""
    return printable(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _value(text: str) -> str:
    """Return the value of a property, which ends at a comma or colons."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
