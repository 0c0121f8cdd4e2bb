"""One line for each finding: ``path:line:column: severity[CODE] message``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resnet_check.report import RenderOptions, printable, statistics

if TYPE_CHECKING:
    from resnet_check.checking import Report


def render(report: Report, options: RenderOptions) -> str:
    """Return one line for each finding."""
    lines = [
        f"{finding.path}:{finding.line}:{finding.column}: {finding.severity}[{finding.code}] {finding.message}"
        for finding in report.findings
    ]
    if options.statistics:
        lines += [f"{count} {code} {name}" for count, code, name in statistics(report)]
    return "".join(f"{printable(line)}\n" for line in lines)
