"""The report as JUnit XML: a test suite for each file, in it a case for the file and one for each model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from resnet_check.finding import SEVERITIES
from resnet_check.report import RenderOptions, printable

if TYPE_CHECKING:
    from resnet_check.checking import FileReport, Report
    from resnet_check.finding import Finding


def render(report: Report, options: RenderOptions) -> str:
    """Return the cases; what is milder than the failing severity does not fail one and is its output.

    The number of findings of each rule has no place there.
    """
    root = ET.Element("testsuites", name="resnet-check", time=f"{report.seconds:.3f}")
    for file in report.files:
        _suite(root, file, SEVERITIES.index(report.fail_on), options)
    for kind, path in (("tests", "testcase"), ("failures", "testcase/failure/.."), ("errors", "testcase/error/..")):
        for suite in root:
            suite.set(kind, str(len(suite.findall(path))))
        root.set(kind, str(sum(int(suite.get(kind, "0")) for suite in root)))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(root: ET.Element, file: FileReport, limit: int, options: RenderOptions) -> None:
    path = printable(options.path(file.path))
    suite = ET.SubElement(root, "testsuite", name=path)
    models = {model.name: model.line for model in file.models}
    case = _case(suite, path, ("file", 1), [f for f in file.findings if f.model not in models], limit)
    for failure in file.failures:
        ET.SubElement(case, "error", message=printable(failure), type="internal-error")
    for name, line in models.items():
        found = [finding for finding in file.findings if finding.model == name]
        _case(suite, path, (f"model {printable(name)}", line), found, limit)


def _case(suite: ET.Element, path: str, case: tuple[str, int], findings: Sequence[Finding], limit: int) -> ET.Element:
    """Add a case with its name and line; all that fails it is one failure, as many readers show only the first."""
    name, line = case
    element = ET.SubElement(suite, "testcase", classname=path, name=name, file=path, line=str(line))
    failing = [finding for finding in findings if SEVERITIES.index(finding.severity) >= limit]
    if failing:
        first = failing[0]
        more = f" and {len(failing) - 1} more" if len(failing) > 1 else ""
        message = printable(f"{first.code} {first.message}") + more
        ET.SubElement(element, "failure", message=message, type=first.rule).text = _lines(path, failing)
    milder = [finding for finding in findings if SEVERITIES.index(finding.severity) < limit]
    if milder:
        ET.SubElement(element, "system-out").text = _lines(path, milder)
    return element


def _lines(path: str, findings: Sequence[Finding]) -> str:
    """Return a line for each finding, and one for its help; what may be printed may also stand in XML."""
    lines = []
    for finding in findings:
        where = f"{path}:{finding.line}:{finding.column}"
        lines.append(f"{where}: {finding.severity}[{finding.code}] {printable(finding.message)}")
        lines += [f"  help: {printable(finding.help)}"] if finding.help else []
    return "\n".join(lines)
